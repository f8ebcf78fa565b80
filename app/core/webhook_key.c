/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_key.c keeps the public keys that payloads are encrypted to: one active per endpoint. */
#include "webhook.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "id.h"
#include "jose.h"
#include "limits.h"
#include "page.h"

#define JWK_CAP 4096

/* The reduced JWK as text, in the arena. */
static enum err clean_text(struct ctx *ctx, const json_t *jwk, const char **ret_text)
{
	json_t *clean = NULL;
	struct buf text;
	enum err err = jwk_public_check(jwk, &clean, NULL);

	buf_init(&text, JWK_CAP);
	if (err == ERR_OK)
		err = json_write(clean, &text);
	if (err == ERR_OK) {
		*ret_text = arena_strndup(ctx->arena, text.data, text.len);
		err = *ret_text == NULL ? ERR_NOMEM : ERR_OK;
	}
	buf_free(&text);
	json_decref(clean);
	return err;
}

/* The endpoint is held, so that two keys of it cannot become the active one at once. */
static enum err hold_endpoint(struct ctx *ctx, struct uuid endpoint_id)
{
	struct row_webhook_hold row;
	enum err err = q_webhook_hold(ctx->db, ctx->arena, ctx->actor.application_id, endpoint_id,
	    ctx_environment(ctx), &row);

	return err == ERR_MISSING ? ERR_ENDPOINT_NOT_FOUND : err;
}

/* Of which endpoint it is. */
static enum err note(
    struct ctx *ctx, enum audit_action action, struct uuid id, struct uuid endpoint_id)
{
	struct audit_entry entry = {
		.action = action, .application_id = ctx->actor.application_id, .subject_id = id
	};
	char text[ID_TEXT_SIZE];

	id_text(ID_WEBHOOK, endpoint_id, text);
	entry.detail = arena_printf(ctx->arena, "of %s", text);
	return entry.detail == NULL ? ERR_NOMEM : audit_note(ctx, &entry);
}

static enum err deactivate_all(struct ctx *ctx, struct uuid endpoint_id, int64_t now_ms)
{
	return q_webhook_keys_deactivate(
	    ctx->db, now_ms, now_ms, ctx->actor.application_id, endpoint_id);
}

enum err webhook_key_create(struct ctx *ctx, struct uuid endpoint_id, const char *key_id,
    const json_t *jwk, struct row_webhook_key_get *ret_row)
{
	struct uuid tenant = ctx->actor.application_id, id;
	struct row_webhook_key_count row;
	const char *text = NULL;
	enum err err = clean_text(ctx, jwk, &text);

	if (err == ERR_OK)
		err = uuid_make(&id);
	if (err == ERR_OK)
		err = hold_endpoint(ctx, endpoint_id);
	if (err == ERR_OK)
		err = q_webhook_key_count(ctx->db, ctx->arena, tenant, endpoint_id, &row);
	if (err == ERR_OK && row.n >= LIMIT_ENDPOINT_KEYS)
		err = ERR_FULL;
	if (err == ERR_OK)
		err = deactivate_all(ctx, endpoint_id, uuid_time_ms(id));
	if (err == ERR_OK)
		err = q_webhook_key_put(ctx->db, tenant, id, endpoint_id, key_id, text, endpoint_id,
		    uuid_time_ms(id), uuid_time_ms(id));
	if (err == ERR_OK)
		err = note(ctx, AUDIT_WEBHOOK_KEY_ADDED, id, endpoint_id);
	return err == ERR_OK ? q_webhook_key_get(ctx->db, ctx->arena, tenant, id, ret_row) : err;
}

static enum err get(struct ctx *ctx, struct uuid id, struct row_webhook_key_get *ret_row)
{
	enum err err =
	    q_webhook_key_get(ctx->db, ctx->arena, ctx->actor.application_id, id, ret_row);

	return err == ERR_MISSING ? ERR_WEBHOOK_KEY_NOT_FOUND : err;
}

enum err webhook_key_set(
    struct ctx *ctx, struct uuid id, bool active, struct row_webhook_key_get *ret_row)
{
	struct row_webhook_key_get row;
	int64_t now_ms = clock_now_ms();
	enum err err = get(ctx, id, &row);

	/* An endpoint that this key may not see has no keys for it either. */
	if (err == ERR_OK)
		err = hold_endpoint(ctx, row.endpoint_id);
	if (err == ERR_ENDPOINT_NOT_FOUND)
		err = ERR_WEBHOOK_KEY_NOT_FOUND;
	if (err == ERR_OK)
		err = get(ctx, id, &row);
	if (err != ERR_OK)
		return err;
	bool is_active = !uuid_is_nil(row.active_of);
	if (active && !is_active)
		err = deactivate_all(ctx, row.endpoint_id, now_ms);
	if (err == ERR_OK && active != is_active)
		err = q_webhook_key_set(ctx->db, active ? row.endpoint_id : UUID_NIL,
		    active ? TIME_NONE : now_ms, now_ms, ctx->actor.application_id, id);
	if (err == ERR_OK && active != is_active)
		err =
		    note(ctx, active ? AUDIT_WEBHOOK_KEY_ACTIVATED : AUDIT_WEBHOOK_KEY_DEACTIVATED,
			id, row.endpoint_id);
	return err == ERR_OK ? get(ctx, id, ret_row) : err;
}

enum err webhook_key_list(struct ctx *ctx, struct uuid endpoint_id, int64_t active, int64_t limit,
    const char *after, struct row_webhook_key_get **ret_rows, size_t *ret_count, bool *ret_more)
{
	struct row_webhook_key_page *rows = NULL;
	struct row_webhook_get endpoint;
	struct uuid before;
	size_t count = 0;
	enum err err = page_after(ID_WEBHOOK_KEY, after, &before);

	_Static_assert(sizeof(struct row_webhook_key_get) == sizeof(struct row_webhook_key_page),
	    "keys are read alike");
	if (err == ERR_OK)
		err = webhook_get(ctx, endpoint_id, &endpoint);
	if (err == ERR_OK)
		err = q_webhook_key_page(ctx->db, ctx->arena, ctx->actor.application_id,
		    endpoint_id, active, before, limit + 1, &rows, &count);
	if (err != ERR_OK && err != ERR_WEBHOOK_NOT_FOUND)
		return err;
	*ret_more = count > (size_t)limit;
	*ret_count = *ret_more ? (size_t)limit : count;
	*ret_rows = (void *)rows;
	return ERR_OK;
}
