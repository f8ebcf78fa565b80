/* SPDX-License-Identifier: Apache-2.0 */
/* org.c: organisations and applications. */
#include "org.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "str.h"

/* A name for people: some text, on one line. */
static enum err check_name(const char *name)
{
	size_t length = utf8_valid(name, strlen(name)) ? utf8_length(name) : 0;

	if (length < 1 || length > LIMIT_ORG_NAME)
		return ERR_VALIDATION;
	for (const char *c = name; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return ERR_VALIDATION;
	}
	return ERR_OK;
}

enum err org_create(struct ctx *ctx, const char *name, struct uuid *ret_id)
{
	struct uuid id;
	enum err err = check_name(name);

	if (err == ERR_OK)
		err = uuid_make(&id);
	if (err == ERR_OK)
		err = q_org_put(ctx->db, id, name, org_status_word(ORG_ACTIVE), uuid_time_ms(id));
	if (err == ERR_OK)
		err = q_token_open(ctx->db, id, uuid_time_ms(id));
	if (err == ERR_OK)
		*ret_id = id;
	return err;
}

enum err org_list(struct ctx *ctx, struct row_org_list **ret_rows, size_t *ret_count)
{
	return q_org_list(ctx->db, ctx->arena, ret_rows, ret_count);
}

enum err org_get(struct ctx *ctx, struct uuid id, struct row_org_get *ret_row)
{
	return q_org_get(ctx->db, ctx->arena, id, ret_row);
}

enum err org_set_status(struct ctx *ctx, struct uuid id, enum org_status status)
{
	uint64_t changed = 0;
	enum err err = q_org_set_status(ctx->db, org_status_word(status), id, &changed);

	return err == ERR_OK && changed == 0 ? ERR_MISSING : err;
}

static bool within(int64_t value, int64_t least, int64_t most)
{
	return value == DB_NULL || (value >= least && value <= most);
}

enum err org_set_limits(struct ctx *ctx, struct uuid id, const struct own_limits *limits)
{
	uint64_t changed = 0;

	if (!within(limits->rate_per_s, 0, LIMIT_RATE) || !within(limits->burst, 1, LIMIT_RATE) ||
	    !within(limits->daily_requests, 0, LIMIT_DAILY_REQUESTS))
		return ERR_VALIDATION;
	enum err err = q_org_set_limits(
	    ctx->db, limits->rate_per_s, limits->burst, limits->daily_requests, id, &changed);
	return err == ERR_OK && changed == 0 ? ERR_MISSING : err;
}

enum err application_create(
    struct ctx *ctx, struct uuid organization_id, const char *name, struct uuid *ret_id)
{
	struct row_org_get org;
	struct uuid id;
	enum err err = check_name(name);

	if (err == ERR_OK)
		err = org_get(ctx, organization_id, &org);
	if (err == ERR_OK)
		err = uuid_make(&id);
	if (err == ERR_OK)
		err = q_application_put(ctx->db, id, organization_id, name, uuid_time_ms(id));
	if (err == ERR_OK)
		*ret_id = id;
	return err;
}

enum err application_list(struct ctx *ctx, struct uuid organization_id,
    struct row_application_list **ret_rows, size_t *ret_count)
{
	return q_application_list(
	    ctx->db, ctx->arena, organization_id, organization_id, ret_rows, ret_count);
}

enum err application_get(struct ctx *ctx, struct uuid id, struct row_application_get *ret_row)
{
	return q_application_get(ctx->db, ctx->arena, id, ret_row);
}
