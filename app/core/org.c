/* SPDX-License-Identifier: Apache-2.0 */
/* org.c: organisations and applications. */
#include "org.h"

#include <string.h>

#include "address.h"
#include "application.h"
#include "clock.h"
#include "crypt.h"
#include "member.h"
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
	struct row_application_get row;
	enum err err = q_application_get(ctx->db, ctx->arena, id, &row);

	if (err == ERR_OK && row.deleted_at != TIME_NONE)
		return ERR_MISSING;
	if (err == ERR_OK)
		*ret_row = row;
	return err;
}

/* ---- of people ----------------------------------------------------------------------------------------- */

/* The part of an address before the '@' is a name that people know. */
static const char *local_part(struct arena *arena, const char *email)
{
	return arena_strndup(arena, email, strcspn(email, "@"));
}

enum err org_default_make(
    struct ctx *ctx, struct uuid account_id, const char *email, struct org_made *ret_made)
{
	static const struct application_about nothing = { .name = NULL };
	struct org_made made = { .organization_name = local_part(ctx->arena, email) };
	struct application application;
	enum err err = made.organization_name == NULL
			   ? ERR_NOMEM
			   : org_create(ctx, made.organization_name, &made.organization_id);

	if (err == ERR_OK)
		err = member_found(ctx, made.organization_id, account_id, email);
	if (err == ERR_OK)
		err = application_make(
		    ctx, made.organization_id, &nothing, &application, &made.api_key);
	if (err != ERR_OK)
		return err;
	made.application_id = application.row.id;
	made.application_name = application.row.name;
	made.client_id = application.client_id;
	*ret_made = made;
	return ERR_OK;
}

enum err org_of_account(
    struct ctx *ctx, struct uuid account_id, struct org_joined **ret_orgs, size_t *ret_count)
{
	struct row_org_of_account *rows = NULL;
	size_t count = 0;
	enum err err = q_org_of_account(ctx->db, ctx->arena, account_id, &rows, &count);
	struct org_joined *orgs = arena_array(ctx->arena, count, sizeof(*orgs));

	if (err == ERR_OK && orgs == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		orgs[i] = (struct org_joined){
			.id = rows[i].id, .name = rows[i].name, .created_at = rows[i].created_at
		};
		if (!uuid_is_nil(rows[i].contact_id))
			err = address_open(ctx, ADDRESS_MEMBERSHIP, rows[i].contact_id,
			    rows[i].contact_sealed, &orgs[i].contact_email);
	}
	if (err != ERR_OK)
		return err;
	*ret_orgs = orgs;
	*ret_count = count;
	return ERR_OK;
}
