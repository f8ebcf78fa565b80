/* SPDX-License-Identifier: Apache-2.0 */
/* org.c: organisations and applications. */
#include "org.h"

#include <string.h>

#include "address.h"
#include "application.h"
#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "member.h"
#include "str.h"
#include "tx.h"

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

static enum err note(
    struct ctx *ctx, enum audit_action action, struct uuid organization_id, const char *detail)
{
	struct audit_entry entry = { .action = action,
		.organization_id = organization_id,
		.subject_id = organization_id,
		.detail = detail };

	return audit_note(ctx, &entry);
}

/* ---- organisations ---------------------------------------------------------------------------- */

/* One that is being made; also of an application, which has an organisation before. */
struct making {
	struct uuid organization_id;
	const char *name;
	struct uuid id;
};

static enum err put_org(struct ctx *ctx, void *arg)
{
	struct making *making = arg;
	enum err err = uuid_make(&making->id);
	int64_t now_ms = uuid_time_ms(making->id);

	if (err == ERR_OK)
		err = q_org_put(
		    ctx->db, making->id, making->name, org_status_word(ORG_ACTIVE), now_ms);
	if (err == ERR_OK)
		err = q_token_open(ctx->db, making->id, now_ms);
	return err == ERR_OK ? note(ctx, AUDIT_ORGANIZATION_CREATED, making->id, NULL) : err;
}

enum err org_create(struct ctx *ctx, const char *name, struct uuid *ret_id)
{
	struct making making = { .name = name };
	enum err err = check_name(name);

	if (err == ERR_OK)
		err = tx_run(ctx, put_org, &making);
	if (err == ERR_OK)
		*ret_id = making.id;
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

/* A change of an organisation: of its name, its state, or its limits. */
struct change {
	struct uuid id;
	enum org_status status;
	const struct own_limits *limits;
	const char *name;
};

static enum err put_name(struct ctx *ctx, void *arg)
{
	const struct change *change = arg;
	uint64_t changed = 0;
	enum err err = q_org_rename(ctx->db, change->name, change->id, &changed);

	if (err != ERR_OK || changed == 0)
		return err == ERR_OK ? ERR_MISSING : err;
	return note(ctx, AUDIT_ORGANIZATION_RENAMED, change->id, NULL);
}

enum err org_rename(struct ctx *ctx, struct uuid id, const char *name)
{
	struct change change = { .id = id, .name = name };
	enum err err = check_name(name);

	return err == ERR_OK ? tx_run(ctx, put_name, &change) : err;
}

static enum err put_status(struct ctx *ctx, void *arg)
{
	const struct change *change = arg;
	bool active = change->status == ORG_ACTIVE;
	uint64_t changed = 0;
	enum err err =
	    q_org_set_status(ctx->db, org_status_word(change->status), change->id, &changed);

	if (err != ERR_OK || changed == 0)
		return err == ERR_OK ? ERR_MISSING : err;
	return note(ctx, active ? AUDIT_ORGANIZATION_RESUMED : AUDIT_ORGANIZATION_SUSPENDED,
	    change->id, NULL);
}

enum err org_set_status(struct ctx *ctx, struct uuid id, enum org_status status)
{
	struct change change = { .id = id, .status = status };

	return tx_run(ctx, put_status, &change);
}

static bool within(int64_t value, int64_t least, int64_t most)
{
	return value == DB_NULL || (value >= least && value <= most);
}

/* "rate_per_s 5, burst default, daily_requests 0". */
static const char *limits_text(struct arena *arena, const struct own_limits *limits)
{
	const struct {
		const char *name;
		int64_t value;
	} parts[] = { { "rate_per_s", limits->rate_per_s }, { "burst", limits->burst },
		{ "daily_requests", limits->daily_requests } };
	const char *text = "";

	for (size_t i = 0; i < countof(parts) && text != NULL; i++) {
		const char *comma = i == 0 ? "" : ", ";
		text = parts[i].value == DB_NULL
			   ? arena_printf(arena, "%s%s%s default", text, comma, parts[i].name)
			   : arena_printf(arena, "%s%s%s %lld", text, comma, parts[i].name,
				 (long long)parts[i].value);
	}
	return text;
}

static enum err put_limits(struct ctx *ctx, void *arg)
{
	const struct change *change = arg;
	const struct own_limits *limits = change->limits;
	const char *detail = limits_text(ctx->arena, limits);
	uint64_t changed = 0;

	if (detail == NULL)
		return ERR_NOMEM;
	enum err err = q_org_set_limits(ctx->db, limits->rate_per_s, limits->burst,
	    limits->daily_requests, change->id, &changed);
	if (err != ERR_OK || changed == 0)
		return err == ERR_OK ? ERR_MISSING : err;
	return note(ctx, AUDIT_ORGANIZATION_LIMITED, change->id, detail);
}

enum err org_set_limits(struct ctx *ctx, struct uuid id, const struct own_limits *limits)
{
	struct change change = { .id = id, .limits = limits };

	if (!within(limits->rate_per_s, 0, LIMIT_RATE) || !within(limits->burst, 1, LIMIT_RATE) ||
	    !within(limits->daily_requests, 0, LIMIT_DAILY_REQUESTS))
		return ERR_VALIDATION;
	return tx_run(ctx, put_limits, &change);
}

/* ---- applications ----------------------------------------------------------------------------- */

static enum err put_application(struct ctx *ctx, void *arg)
{
	struct making *making = arg;
	struct row_org_get org;
	enum err err = org_get(ctx, making->organization_id, &org);

	if (err == ERR_OK)
		err = uuid_make(&making->id);
	if (err == ERR_OK)
		err = q_application_put(ctx->db, making->id, making->organization_id, making->name,
		    uuid_time_ms(making->id));
	struct audit_entry entry = { .action = AUDIT_APPLICATION_CREATED,
		.organization_id = making->organization_id,
		.application_id = making->id,
		.subject_id = making->id };
	return err == ERR_OK ? audit_note(ctx, &entry) : err;
}

enum err application_create(
    struct ctx *ctx, struct uuid organization_id, const char *name, struct uuid *ret_id)
{
	struct making making = { .organization_id = organization_id, .name = name };
	enum err err = check_name(name);

	if (err == ERR_OK)
		err = tx_run(ctx, put_application, &making);
	if (err == ERR_OK)
		*ret_id = making.id;
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
