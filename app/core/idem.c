/* SPDX-License-Identifier: Apache-2.0 */
/* idem.c: idempotency records. */
#include "idem.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "stmt.h"
#include "str.h"

#define PURPOSE "idempotency.reply"
#define HOUR_MS 3600000

/* Whose the key is. A person belongs to no tenant while they ask for one. */
static struct uuid owner(const struct ctx *ctx)
{
	return ctx->actor.kind == ACTOR_ACCOUNT ? ctx->actor.account_id : ctx->actor.application_id;
}

static struct bytes hash_bytes(const uint8_t hash[32])
{
	return (struct bytes){ hash, SHA256_SIZE };
}

/* The row has no uuid of its own; the first half of its key's hash binds the sealed reply to it. */
static struct uuid row_of(const struct idem *idem)
{
	struct uuid id;

	memcpy(id.b, idem->key_hash, sizeof(id.b));
	return id;
}

enum err idem_make(const char *key, const char *operation, const void *body, size_t body_len,
    struct idem *ret_idem)
{
	struct idem idem;
	uint8_t both[SHA256_SIZE * 2];
	enum err err = sha256_of(key, strlen(key), idem.key_hash);

	/* A hash of two hashes: no body can pretend to be another operation's. */
	if (err == ERR_OK)
		err = sha256_of(operation, strlen(operation), both);
	if (err == ERR_OK)
		err = sha256_of(body, body_len, both + SHA256_SIZE);
	if (err == ERR_OK)
		err = sha256_of(both, sizeof(both), idem.request_hash);
	if (err == ERR_OK)
		*ret_idem = idem;
	return err;
}

enum err idem_find(struct ctx *ctx, const struct idem *idem, bool *ret_found, int64_t *ret_status,
    struct bytes *ret_reply)
{
	struct row_idem_find row;
	struct bytes reply = { "", 0 };
	enum err err =
	    q_idem_find(ctx->db, ctx->arena, owner(ctx), hash_bytes(idem->key_hash), &row);

	if (err == ERR_MISSING || (err == ERR_OK && row.expires_at <= clock_now_ms())) {
		*ret_found = false;
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	if (!equal_secret(row.request_hash.data, row.request_hash.len, idem->request_hash,
		sizeof(idem->request_hash)))
		return ERR_IDEMPOTENCY_MISMATCH;
	if (row.sealed_reply.data != NULL)
		err = seal_open(
		    ctx->keyring, ctx->arena, PURPOSE, row_of(idem), row.sealed_reply, &reply);
	if (err != ERR_OK)
		return err;
	*ret_found = true;
	*ret_status = row.status;
	*ret_reply = reply;
	return ERR_OK;
}

/* The key is in the table. A plain look first, so that the usual case (finished meanwhile, not
 * expired) asks for no lock that others wait for as well. */
static enum err take_over_expired(struct ctx *ctx, const struct idem *idem, int64_t now_ms)
{
	struct uuid asker = owner(ctx);
	struct row_idem_find row;
	uint64_t changed = 0;
	enum err err = q_idem_find(ctx->db, ctx->arena, asker, hash_bytes(idem->key_hash), &row);

	if (err != ERR_OK)
		return err == ERR_MISSING ? ERR_DB_DEADLOCK : err;
	if (row.expires_at > now_ms)
		return ERR_DB_DUPLICATE;
	err = q_idem_take_over(ctx->db, hash_bytes(idem->request_hash), now_ms,
	    now_ms + ctx->settings->idempotency_ttl_h * HOUR_MS, asker, hash_bytes(idem->key_hash),
	    now_ms, &changed);
	return err == ERR_OK && changed == 0 ? ERR_DB_DUPLICATE : err;
}

enum err idem_take(struct ctx *ctx, const struct idem *idem)
{
	int64_t now_ms = clock_now_ms();
	enum err err = q_idem_take(ctx->db, owner(ctx), hash_bytes(idem->key_hash),
	    hash_bytes(idem->request_hash), now_ms,
	    now_ms + ctx->settings->idempotency_ttl_h * HOUR_MS, NULL);

	/* Another transaction holds the key: it waited for it, and it is not done yet. */
	if (err == ERR_DB_LOCKED)
		return ERR_IDEMPOTENCY_IN_PROGRESS;
	return err == ERR_DB_DUPLICATE ? take_over_expired(ctx, idem, now_ms) : err;
}

enum err idem_finish(
    struct ctx *ctx, const struct idem *idem, int64_t status, const void *reply, size_t reply_len)
{
	struct bytes sealed;

	if (reply_len > LIMIT_KEPT_REPLY)
		return ERR_FULL;
	enum err err =
	    seal_data(ctx->keyring, ctx->arena, PURPOSE, row_of(idem), reply, reply_len, &sealed);
	if (err != ERR_OK)
		return err;
	return q_idem_finish(ctx->db, status, sealed, owner(ctx), hash_bytes(idem->key_hash));
}

enum err idem_expire(struct ctx *ctx, int64_t max, uint64_t *ret_deleted)
{
	return q_idem_expire(ctx->db, clock_now_ms(), max, ret_deleted);
}
