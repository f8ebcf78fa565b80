/* SPDX-License-Identifier: Apache-2.0 */
/* jwt_key.c: the keys in their table, and what a process remembers of them. */
#include "jwt_private.h"

#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "clock.h"
#include "limits.h"
#include "stmt.h"
#include "tx.h"

#define KEY_BITS 2048 /* NIST SP 800-57 part 1: enough beyond 2030 for what lives a day */
#define SEAL_PURPOSE "jwt_key.private"
/* From when a new key is in the table until it signs: long enough for every worker to have read the
 * table again, and for clocks that differ a little. */
#define LEAD_MS 5000
/* A worker that has not read the table again yet may still sign with the key before. */
#define SLACK_MS 60000

struct jwt_keys {
	int64_t read_ms;   /* monotonic, before the SELECT was sent; INT64_MIN: never */
	int64_t looked_ms; /* when the set was last read for a key that was not in it */
	size_t count;
	struct jwt_key_info infos[LIMIT_JWT_KEYS]; /* newest first */
	struct jws_key *keys[LIMIT_JWT_KEYS];
	char *texts[LIMIT_JWT_KEYS]; /* as they are published */
	struct uuid signer_id;       /* whose private half is this */
	struct jws_key *signer;
};

enum err jwt_keys_new(struct jwt_keys **ret_keys)
{
	struct jwt_keys *keys = calloc(1, sizeof(*keys));

	if (keys == NULL)
		return ERR_NOMEM;
	keys->read_ms = keys->looked_ms = INT64_MIN;
	*ret_keys = keys;
	return ERR_OK;
}

static void forget_set(struct jwt_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		jws_key_free(&keys->keys[i]);
		free(keys->texts[i]);
	}
	keys->count = 0;
}

void jwt_keys_free(struct jwt_keys **keys)
{
	if (keys == NULL || *keys == NULL)
		return;
	forget_set(*keys);
	jws_key_free(&(*keys)->signer);
	free(*keys);
	*keys = NULL;
}

/* ---- which one signs ------------------------------------------------------------------------------ */

/* The place of the one that signs at that time, in a list with the newest first: the newest whose time
 * has come and is not over, else (the one before was revoked) the newest at all; count: none. */
static size_t signer_of(const struct jwt_key_info *infos, size_t count, int64_t now_ms)
{
	for (size_t i = 0; i < count; i++) {
		if (infos[i].signs_at_ms <= now_ms &&
		    (infos[i].retired_at_ms == TIME_NONE || infos[i].retired_at_ms > now_ms))
			return i;
	}
	return count > 0 && infos[0].retired_at_ms == TIME_NONE ? 0 : count;
}

static size_t place_of(const struct jwt_keys *keys, struct uuid id)
{
	size_t i = 0;

	while (i < keys->count && !uuid_equal(keys->infos[i].id, id))
		i++;
	return i;
}

/* ---- what a process remembers --------------------------------------------------------------------- */

static enum err take_row(
    const struct row_jwt_key_set *row, struct jwt_key_info *info, struct jws_key **key, char **text)
{
	enum err err = jws_key_parse(row->public_jwk, strlen(row->public_jwk), key);

	*info = (struct jwt_key_info){ .id = row->id,
		.signs_at_ms = row->signs_at,
		.retired_at_ms = row->retired_at,
		.expires_at_ms = row->expires_at };
	if (err == ERR_OK)
		*text = strdup(row->public_jwk);
	return err == ERR_OK && *text == NULL ? ERR_NOMEM : err;
}

/* Takes the rows for what is known; nothing changes when one of them is not usable. */
static enum err take_rows(struct jwt_keys *keys, const struct row_jwt_key_set *rows, size_t count)
{
	struct jwt_keys fresh = { .count = count };
	enum err err = ERR_OK;

	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = take_row(&rows[i], &fresh.infos[i], &fresh.keys[i], &fresh.texts[i]);
	if (err != ERR_OK) {
		forget_set(&fresh);
		return err;
	}
	forget_set(keys);
	keys->count = count;
	memcpy(keys->infos, fresh.infos, sizeof(keys->infos));
	memcpy(keys->keys, fresh.keys, sizeof(keys->keys));
	memcpy(keys->texts, fresh.texts, sizeof(keys->texts));
	if (place_of(keys, keys->signer_id) == keys->count)
		jws_key_free(&keys->signer);
	return ERR_OK;
}

/* True when the rows are what is known, as they are but for once in a while. */
static bool rows_known(
    const struct jwt_keys *keys, const struct row_jwt_key_set *rows, size_t count)
{
	bool known = count == keys->count;

	for (size_t i = 0; i < count && known; i++)
		known = uuid_equal(rows[i].id, keys->infos[i].id) &&
			rows[i].retired_at == keys->infos[i].retired_at_ms &&
			strcmp(rows[i].public_jwk, keys->texts[i]) == 0;
	return known;
}

static enum err read_set(struct ctx *ctx)
{
	struct jwt_keys *keys = ctx->jwt_keys;
	struct row_jwt_key_set *rows = NULL;
	size_t count = 0;
	/* Before the SELECT is sent: what a revocation changes after this is not in it. */
	int64_t read_ms = clock_mono_ms();
	enum err err =
	    q_jwt_key_set(ctx->db, ctx->arena, clock_now_ms(), LIMIT_JWT_KEYS, &rows, &count);

	if (err == ERR_OK && !rows_known(keys, rows, count))
		err = take_rows(keys, rows, count);
	if (err == ERR_OK)
		keys->read_ms = read_ms;
	return err;
}

static bool is_old(int64_t then_ms)
{
	return then_ms == INT64_MIN || clock_mono_ms() - then_ms >= JWT_KEYS_LEASE_MS;
}

static enum err refresh(struct ctx *ctx)
{
	return is_old(ctx->jwt_keys->read_ms) ? read_set(ctx) : ERR_OK;
}

/* Something is not in the set: it may just have come into the table. */
static enum err look_again(struct ctx *ctx)
{
	if (!is_old(ctx->jwt_keys->looked_ms))
		return ERR_OK;
	ctx->jwt_keys->looked_ms = clock_mono_ms();
	return read_set(ctx);
}

enum err jwt_keys_find(struct ctx *ctx, struct uuid id, const struct jws_key **ret_key)
{
	struct jwt_keys *keys = ctx->jwt_keys;
	enum err err = refresh(ctx);

	if (err == ERR_OK && place_of(keys, id) == keys->count)
		err = look_again(ctx);
	if (err != ERR_OK)
		return err;
	size_t place = place_of(keys, id);
	if (place == keys->count)
		return ERR_MISSING;
	*ret_key = keys->keys[place];
	return ERR_OK;
}

static enum err open_private(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_jwk)
{
	return seal_open(ctx->keyring, ctx->arena, SEAL_PURPOSE, id, sealed, ret_jwk);
}

/* ERR_NO_SIGNING_KEY also for one that was revoked just now. */
static enum err read_private(struct ctx *ctx, struct uuid id)
{
	struct jwt_keys *keys = ctx->jwt_keys;
	struct row_jwt_key_private row;
	struct jws_key *fresh = NULL;
	struct bytes jwk;
	enum err err = q_jwt_key_private(ctx->db, ctx->arena, id, &row);

	if (err == ERR_MISSING)
		return ERR_NO_SIGNING_KEY;
	if (err == ERR_OK)
		err = open_private(ctx, id, row.sealed, &jwk);
	if (err == ERR_OK)
		err = jws_key_parse((const char *)jwk.data, jwk.len, &fresh);
	if (err != ERR_OK)
		return err;
	jws_key_free(&keys->signer);
	keys->signer = fresh;
	keys->signer_id = id;
	return ERR_OK;
}

/* The place of the one that signs now, or the set's count. */
static enum err find_signer(struct ctx *ctx, size_t *ret_place)
{
	const struct jwt_keys *keys = ctx->jwt_keys;
	enum err err = refresh(ctx);

	if (err == ERR_OK && signer_of(keys->infos, keys->count, clock_now_ms()) == keys->count)
		err = look_again(ctx);
	if (err == ERR_OK)
		*ret_place = signer_of(keys->infos, keys->count, clock_now_ms());
	return err;
}

enum err jwt_keys_signer(struct ctx *ctx, const struct jws_key **ret_key)
{
	struct jwt_keys *keys = ctx->jwt_keys;
	size_t place = 0;
	enum err err = find_signer(ctx, &place);

	if (err == ERR_OK && place == keys->count)
		err = ERR_NO_SIGNING_KEY;
	if (err == ERR_OK &&
	    (keys->signer == NULL || !uuid_equal(keys->signer_id, keys->infos[place].id)))
		err = read_private(ctx, keys->infos[place].id);
	if (err == ERR_OK)
		*ret_key = keys->signer;
	return err;
}

enum err jwt_can_issue(struct ctx *ctx, bool *ret_can)
{
	size_t place = 0;
	enum err err = find_signer(ctx, &place);

	if (err == ERR_OK)
		*ret_can = place < ctx->jwt_keys->count;
	return err;
}

enum err jwt_key_set(struct ctx *ctx, struct buf *out)
{
	enum err err = refresh(ctx);

	if (err != ERR_OK)
		return err;
	buf_adds(out, "{\"keys\":[");
	for (size_t i = 0; i < ctx->jwt_keys->count; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : ",", ctx->jwt_keys->texts[i]);
	buf_adds(out, "]}");
	return buf_err(out);
}

/* ---- the table ------------------------------------------------------------------------------------ */

enum err jwt_key_list(struct ctx *ctx, struct jwt_key_info **ret_keys, size_t *ret_count)
{
	struct row_jwt_key_list *rows = NULL;
	size_t count = 0;
	enum err err = q_jwt_key_list(ctx->db, ctx->arena, LIMIT_DB_ROWS, &rows, &count);

	if (err != ERR_OK)
		return err;
	struct jwt_key_info *infos = arena_array(ctx->arena, count + 1, sizeof(*infos));
	if (infos == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		infos[i] = (struct jwt_key_info){ .id = rows[i].id,
			.created_at_ms = rows[i].created_at,
			.signs_at_ms = rows[i].signs_at,
			.retired_at_ms = rows[i].retired_at,
			.expires_at_ms = rows[i].expires_at };
	size_t signer = signer_of(infos, count, clock_now_ms());
	if (signer < count)
		infos[signer].signs = true;
	*ret_keys = infos;
	*ret_count = count;
	return ERR_OK;
}

/* A key on its way into the table. */
struct making {
	struct uuid id;
	struct buf private_jwk;
	struct buf public_jwk;
	struct jwt_key_info info;
};

static enum err make_key(struct making *making)
{
	char kid[UUID_TEXT_SIZE];
	enum err err = uuid_make(&making->id);

	if (err != ERR_OK)
		return err;
	uuid_text(making->id, kid);
	return jws_key_make(kid, KEY_BITS, &making->private_jwk, &making->public_jwk);
}

/* Into the table, sealed. */
static enum err put_key(struct ctx *ctx, const struct making *making)
{
	struct audit_entry entry = { .action = AUDIT_JWT_ROTATED, .subject_id = making->id };
	struct bytes sealed;
	enum err err = seal_data(ctx->keyring, ctx->arena, SEAL_PURPOSE, making->id,
	    making->private_jwk.data, making->private_jwk.len, &sealed);

	if (err == ERR_OK)
		err = q_jwt_key_put(ctx->db, making->id, buf_str(&making->public_jwk), sealed,
		    (int64_t)keyring_current(ctx->keyring), making->info.created_at_ms,
		    making->info.signs_at_ms);
	return err == ERR_OK ? audit_note(ctx, &entry) : err;
}

static enum err rotate_tx(struct ctx *ctx, void *arg)
{
	struct making *making = arg;
	struct row_jwt_key_hold *rows = NULL;
	size_t count = 0, in_force = 0;
	int64_t now_ms = clock_now_ms();
	enum err err = q_jwt_key_hold(ctx->db, ctx->arena, now_ms, LIMIT_JWT_KEYS, &rows, &count);

	if (err == ERR_OK && count >= LIMIT_JWT_KEYS)
		err = ERR_FULL;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		in_force += rows[i].retired_at == TIME_NONE;
	making->info = (struct jwt_key_info){ .id = making->id,
		.created_at_ms = now_ms,
		.signs_at_ms = now_ms + (in_force > 0 ? LEAD_MS : 0),
		.retired_at_ms = TIME_NONE,
		.expires_at_ms = TIME_NONE,
		.signs = in_force == 0 };
	if (err == ERR_OK)
		err = q_jwt_keys_retire(ctx->db, making->info.signs_at_ms,
		    making->info.signs_at_ms + ctx->settings->jwt_ttl_s * 1000 + SLACK_MS, NULL);
	return err == ERR_OK ? put_key(ctx, making) : err;
}

enum err jwt_key_rotate(struct ctx *ctx, struct jwt_key_info *ret_key)
{
	struct making making;

	buf_init(&making.private_jwk, LIMIT_JWK);
	buf_init(&making.public_jwk, LIMIT_JWK);
	enum err err = make_key(&making);
	if (err == ERR_OK)
		err = tx_run(ctx, rotate_tx, &making);
	if (err == ERR_OK)
		*ret_key = making.info;
	buf_free(&making.private_jwk);
	buf_free(&making.public_jwk);
	return err;
}

static enum err revoke_tx(struct ctx *ctx, void *arg)
{
	const struct uuid *id = arg;
	struct audit_entry entry = { .action = AUDIT_JWT_REVOKED, .subject_id = *id };
	uint64_t deleted = 0;
	enum err err = q_jwt_key_delete(ctx->db, *id, &deleted);

	if (err == ERR_OK && deleted == 0)
		err = ERR_MISSING;
	return err == ERR_OK ? audit_note(ctx, &entry) : err;
}

enum err jwt_key_revoke(struct ctx *ctx, struct uuid id)
{
	return tx_run(ctx, revoke_tx, &id);
}

enum err jwt_key_expire(struct ctx *ctx, int64_t max, uint64_t *ret_deleted)
{
	return q_jwt_key_expire(ctx->db, clock_now_ms(), max, ret_deleted);
}

enum err jwt_key_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed)
{
	struct bytes jwk;
	enum err err = open_private(ctx, id, sealed, &jwk);

	return err == ERR_OK ? seal_data(ctx->keyring, ctx->arena, SEAL_PURPOSE, id, jwk.data,
				   jwk.len, ret_sealed)
			     : err;
}
