/* SPDX-License-Identifier: Apache-2.0 */
/* key.c: the life of API keys. What they look like is key_format.c. */
#include "key.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "id.h"
#include "scope.h"
#include "str.h"
#include "tx.h"

#define DISPLAY_CHARS 4 /* of the random part that people see, beside the last four */
#define TOUCH_MS 60000

enum err key_hash(struct ctx *ctx, const char *text, uint8_t ret_hash[32])
{
	return pepper_mac(ctx->keyring, PEPPER_API_KEY, text, strlen(text), ret_hash);
}

enum err key_find(struct ctx *ctx, const uint8_t hash[32], struct key_found *ret_key)
{
	struct row_key_find row;
	struct key_found key;
	enum err err = q_key_find(ctx->db, ctx->arena, (struct bytes){ hash, SHA256_SIZE }, &row);

	if (err == ERR_MISSING)
		return ERR_UNAUTHORIZED;
	if (err != ERR_OK)
		return err;
	if (row.revoked_at != TIME_NONE ||
	    (row.expires_at != TIME_NONE && row.expires_at <= clock_now_ms()))
		return ERR_UNAUTHORIZED;
	key = (struct key_found){ .id = row.id,
		.application_id = row.application_id,
		.organization_id = row.organization_id,
		.expires_at_ms = row.expires_at,
		.last_used_at_ms = row.last_used_at,
		.limits = { .rate_per_s = row.rate_per_s,
		    .burst = row.burst,
		    .daily_requests = row.daily_requests } };
	if (key_kind_parse(row.kind, &key.kind) != ERR_OK ||
	    environment_parse(row.environment, &key.environment) != ERR_OK ||
	    org_status_parse(row.org_status, &key.org_status) != ERR_OK ||
	    scopes_parse(row.scopes, &key.scopes, NULL, 0) != ERR_OK)
		return ERR_DB_BROKEN;
	key.scopes |= key_format_of(key.kind, key.environment)->brings;
	*ret_key = key;
	return ERR_OK;
}

/* ---- the record of it --------------------------------------------------------------------- */

static enum err note(struct ctx *ctx, enum audit_action action, struct uuid application_id,
    struct uuid key_id, const char *detail)
{
	struct audit_entry entry = { .action = action,
		.application_id = application_id,
		.subject_id = key_id,
		.detail = detail };

	return audit_note(ctx, &entry);
}

/* A new key, and what it may do. */
static enum err note_made(struct ctx *ctx, enum audit_action action, const struct key_made *made)
{
	const char *detail = arena_printf(
	    ctx->arena, "%s %s: %s", made->row.kind, made->row.environment, made->row.scopes);

	if (detail == NULL)
		return ERR_NOMEM;
	return note(ctx, action, made->row.application_id, made->row.id, detail);
}

/* ---- making ------------------------------------------------------------------------------- */

/* contract/README.md, Credentials: nobody can give a key more than the key in use has, and only
 * a live key makes live keys. Operators and applications' owners are no keys. */
static bool may_make(
    const struct actor *actor, const struct key_format *format, const struct key_new *key)
{
	uint64_t needed = key->scopes | format->needs;

	if (actor->kind != ACTOR_KEY)
		return true;
	if (key->environment == ENV_LIVE && actor->environment != ENV_LIVE)
		return false;
	return (needed & ~actor->scopes) == 0;
}

static enum err check_new(
    const struct ctx *ctx, const struct key_new *key, const struct key_format *format)
{
	size_t length = utf8_valid(key->name, strlen(key->name)) ? utf8_length(key->name) : 0;

	if (length < 1 || length > LIMIT_KEY_NAME)
		return ERR_VALIDATION;
	if ((key->scopes == 0) != format->fixed || (key->scopes & ~format->scopes) != 0)
		return ERR_VALIDATION;
	if ((key->kind == KEYKIND_PUBLISHABLE) == uuid_is_nil(key->pair_id))
		return ERR_VALIDATION;
	if (key->expires_at_ms != TIME_NONE && key->expires_at_ms <= clock_now_ms())
		return ERR_VALIDATION;
	return may_make(&ctx->actor, format, key) ? ERR_OK : ERR_FORBIDDEN;
}

static enum err put_text(struct ctx *ctx, const struct key_new *key,
    const struct key_format *format, const char *text, struct uuid id)
{
	const char *scopes = scopes_text(ctx->arena, format->fixed ? format->scopes : key->scopes);
	size_t shown = strlen(format->prefix) + DISPLAY_CHARS;
	const char *prefix = arena_strndup(ctx->arena, text, shown);
	uint8_t hash[SHA256_SIZE];

	if (scopes == NULL || prefix == NULL)
		return ERR_NOMEM;
	enum err err = key_hash(ctx, text, hash);
	if (err != ERR_OK)
		return err;
	return q_key_put(ctx->db, key->application_id, id, key_kind_word(format->kind),
	    environment_word(key->environment), key->name, prefix, text + strlen(text) - 4,
	    (struct bytes){ hash, sizeof(hash) }, scopes, uuid_time_ms(id), key->expires_at_ms,
	    key->pair_id);
}

static enum err put_key(
    struct ctx *ctx, const struct key_new *key, struct uuid *ret_id, const char **ret_text)
{
	const struct key_format *format = key_format_of(key->kind, key->environment);
	const char *text = NULL;
	struct uuid id;
	enum err err = check_new(ctx, key, format);

	if (err == ERR_OK)
		err = uuid_make(&id);
	if (err == ERR_OK)
		err = key_text_make(ctx->arena, format, &text);
	if (err == ERR_OK)
		err = put_text(ctx, key, format, text, id);
	if (err != ERR_OK)
		return err;
	*ret_id = id;
	*ret_text = text;
	return ERR_OK;
}

/* The key, and the one it is paired with. */
static enum err make(struct ctx *ctx, const struct key_new *key, struct key_made *ret_made)
{
	enum key_kind pair = key_format_of(key->kind, key->environment)->pair;
	struct key_new other = *key;
	struct key_made made = { .pair_id = UUID_NIL };
	struct uuid id;
	enum err err = put_key(ctx, key, &id, &made.text);

	if (err == ERR_OK && pair != KEYKIND__MAX) {
		other.kind = pair;
		other.pair_id = id;
		err = put_key(ctx, &other, &made.pair_id, &made.pair_text);
	}
	if (err == ERR_OK)
		err = q_key_get(ctx->db, ctx->arena, key->application_id, id, &made.row);
	if (err == ERR_OK)
		*ret_made = made;
	return err;
}

struct creation {
	const struct key_new *key;
	struct key_made made;
};

static enum err create(struct ctx *ctx, void *arg)
{
	struct creation *creation = arg;
	enum err err = make(ctx, creation->key, &creation->made);

	return err == ERR_OK ? note_made(ctx, AUDIT_KEY_CREATED, &creation->made) : err;
}

enum err key_create(struct ctx *ctx, const struct key_new *key, struct key_made *ret_made)
{
	struct creation creation = { .key = key };
	enum err err = tx_run(ctx, create, &creation);

	if (err == ERR_OK)
		*ret_made = creation.made;
	return err;
}

/* ---- listing and revoking ----------------------------------------------------------------- */

enum err key_list(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct row_key_list **ret_rows, size_t *ret_count)
{
	return q_key_list(
	    ctx->db, ctx->arena, application_id, environment, clock_now_ms(), ret_rows, ret_count);
}

static enum err end(
    struct ctx *ctx, struct uuid application_id, const char *environment, struct uuid key_id)
{
	uint64_t changed = 0;
	enum err err = q_key_revoke(
	    ctx->db, clock_now_ms(), application_id, key_id, key_id, environment, &changed);

	return err == ERR_OK && changed == 0 ? ERR_KEY_NOT_FOUND : err;
}

struct revocation {
	struct uuid application_id;
	const char *environment;
	struct uuid key_id;
};

static enum err revoke(struct ctx *ctx, void *arg)
{
	const struct revocation *in = arg;
	enum err err = end(ctx, in->application_id, in->environment, in->key_id);

	if (err != ERR_OK)
		return err;
	return note(ctx, AUDIT_KEY_REVOKED, in->application_id, in->key_id, NULL);
}

enum err key_revoke(
    struct ctx *ctx, struct uuid application_id, const char *environment, struct uuid key_id)
{
	struct revocation revocation = { application_id, environment, key_id };

	return tx_run(ctx, revoke, &revocation);
}

/* ---- replacing ---------------------------------------------------------------------------- */

/* The end of a key that has been replaced, and of its pair. */
static enum err retire(
    struct ctx *ctx, struct uuid application_id, struct uuid key_id, int64_t overlap_s)
{
	int64_t now_ms = clock_now_ms();
	int64_t until_ms = now_ms + overlap_s * 1000;

	if (overlap_s == 0)
		return end(ctx, application_id, NULL, key_id);
	return q_key_retire(ctx->db, now_ms, until_ms, until_ms, application_id, key_id, key_id);
}

/* The key, locked until the transaction ends. */
static enum err hold(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct uuid key_id, struct row_key_hold *ret_row)
{
	enum err err = q_key_hold(
	    ctx->db, ctx->arena, application_id, key_id, environment, clock_now_ms(), ret_row);

	return err == ERR_MISSING ? ERR_KEY_NOT_FOUND : err;
}

/* What the new key is like: the old one, as it was before a rotation shortened its life. */
static enum err successor_of(
    const struct row_key_hold *row, struct uuid application_id, struct key_new *ret_key)
{
	struct key_new key = { .application_id = application_id,
		.name = row->name,
		.expires_at_ms =
		    row->rotated_at == TIME_NONE ? row->expires_at : row->expires_before,
		.pair_id = row->pair_id };

	if (key_kind_parse(row->kind, &key.kind) != ERR_OK ||
	    environment_parse(row->environment, &key.environment) != ERR_OK ||
	    scopes_parse(row->scopes, &key.scopes, NULL, 0) != ERR_OK)
		return ERR_DB_BROKEN;
	if (key_format_of(key.kind, key.environment)->fixed)
		key.scopes = 0;
	*ret_key = key;
	return ERR_OK;
}

/* Which key it is that works instead, and until when both do. */
static enum err note_rotated(
    struct ctx *ctx, struct uuid key_id, int64_t overlap_s, const struct key_made *made)
{
	char id[ID_TEXT_SIZE];

	id_text(ID_KEY, made->row.id, id);
	const char *detail =
	    arena_printf(ctx->arena, "new key %s, overlap %lld s", id, (long long)overlap_s);
	if (detail == NULL)
		return ERR_NOMEM;
	return note(ctx, AUDIT_KEY_ROTATED, made->row.application_id, key_id, detail);
}

struct rotation {
	struct uuid application_id;
	const char *environment;
	struct uuid key_id;
	int64_t overlap_s;
	struct key_made made;
};

static enum err rotate(struct ctx *ctx, void *arg)
{
	struct rotation *rotation = arg;
	struct uuid application_id = rotation->application_id;
	struct row_application_hold app;
	struct row_key_hold row, pair;
	struct key_new key;
	enum err err = q_application_hold(ctx->db, ctx->arena, application_id, &app);

	if (err == ERR_OK)
		err = hold(ctx, application_id, rotation->environment, rotation->key_id, &row);
	/* A new publishable key of a secret that is being revoked would outlive it. */
	if (err == ERR_OK && !uuid_is_nil(row.pair_id))
		err = hold(ctx, application_id, rotation->environment, row.pair_id, &pair);
	if (err == ERR_OK)
		err = successor_of(&row, application_id, &key);
	if (err == ERR_OK)
		err = make(ctx, &key, &rotation->made);
	if (err == ERR_OK)
		err = retire(ctx, application_id, rotation->key_id, rotation->overlap_s);
	if (err == ERR_OK)
		err = note_rotated(ctx, rotation->key_id, rotation->overlap_s, &rotation->made);
	return err;
}

enum err key_rotate(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct uuid key_id, int64_t overlap_s, struct key_made *ret_made)
{
	struct rotation rotation = { .application_id = application_id,
		.environment = environment,
		.key_id = key_id,
		.overlap_s = overlap_s };
	enum err err = tx_run(ctx, rotate, &rotation);

	if (err == ERR_OK)
		*ret_made = rotation.made;
	return err;
}

static enum err regenerate(struct ctx *ctx, void *arg)
{
	struct rotation *rotation = arg;
	struct uuid application_id = rotation->application_id;
	struct row_application_hold app;
	struct row_key_of_kind *rows = NULL;
	size_t count = 0;
	enum err err = q_application_hold(ctx->db, ctx->arena, application_id, &app);

	if (err == ERR_OK)
		err = q_key_of_kind(ctx->db, ctx->arena, application_id,
		    key_kind_word(KEYKIND_APPLICATION), clock_now_ms(), &rows, &count);
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = retire(ctx, application_id, rows[i].id, rotation->overlap_s);
	if (err != ERR_OK)
		return err;
	struct key_new key = { .application_id = application_id,
		.kind = KEYKIND_APPLICATION,
		.environment = ENV_LIVE,
		.name = app.name,
		.expires_at_ms = TIME_NONE };
	err = make(ctx, &key, &rotation->made);
	/* The first one replaces nothing. */
	return err == ERR_OK
		   ? note_made(ctx, count == 0 ? AUDIT_KEY_CREATED : AUDIT_KEY_REGENERATED,
			 &rotation->made)
		   : err;
}

enum err key_regenerate(
    struct ctx *ctx, struct uuid application_id, int64_t overlap_s, struct key_made *ret_made)
{
	struct rotation rotation = { .application_id = application_id, .overlap_s = overlap_s };
	enum err err = tx_run(ctx, regenerate, &rotation);

	if (err == ERR_OK)
		*ret_made = rotation.made;
	return err;
}

/* ---- use ---------------------------------------------------------------------------------- */

enum err key_touch(struct ctx *ctx, struct uuid application_id, struct uuid key_id)
{
	int64_t now_ms = clock_now_ms();

	return q_key_touch(ctx->db, now_ms, application_id, key_id, now_ms - TOUCH_MS, NULL);
}
