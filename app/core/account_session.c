/* SPDX-License-Identifier: Apache-2.0 */
/* account_session.c: sessions of people, and their tokens. */
#include "account_session.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "jwt.h"
#include "stmt.h"
#include "str.h"
#include "tx.h"

#define SECRET_SIZE 32 /* bytes of a refresh token: 43 characters */
#define DAY_MS INT64_C(86400000)

static enum err hash_of(struct ctx *ctx, const char *refresh_token, uint8_t ret_hash[SHA256_SIZE])
{
	return pepper_mac(
	    ctx->keyring, PEPPER_REFRESH, refresh_token, strlen(refresh_token), ret_hash);
}

/* A new refresh token of a session. */
static enum err add_refresh_token(
    struct ctx *ctx, struct uuid session_id, int64_t now_ms, const char **ret_text)
{
	int64_t until_ms = now_ms + ctx->settings->refresh_ttl_d * DAY_MS;
	char *text = arena_alloc(ctx->arena, BASE64_SIZE(SECRET_SIZE));
	uint8_t secret[SECRET_SIZE], hash[SHA256_SIZE];
	enum err err = text == NULL ? ERR_NOMEM : random_bytes(secret, sizeof(secret));

	if (err == ERR_OK) {
		base64url_encode(secret, sizeof(secret), text);
		err = hash_of(ctx, text, hash);
	}
	wipe(secret, sizeof(secret));
	if (err == ERR_OK)
		err = q_refresh_token_put(
		    ctx->db, (struct bytes){ hash, sizeof(hash) }, session_id, now_ms, until_ms);
	if (err == ERR_OK)
		err = q_account_session_extend(ctx->db, until_ms, session_id);
	if (err == ERR_OK)
		*ret_text = text;
	return err;
}

/* Both tokens, for a session that there is. */
static enum err make_tokens(struct ctx *ctx, struct uuid account_id, struct uuid session_id,
    int64_t now_ms, struct account_tokens *ret_tokens)
{
	int64_t ttl_s = ctx->settings->jwt_ttl_s;
	struct jwt_claims claims = { .account_id = account_id,
		.session_id = session_id,
		.issued_at_ms = now_ms,
		.expires_at_ms = now_ms + ttl_s * 1000 };
	struct account_tokens tokens = { .expires_in_s = ttl_s };
	enum err err = uuid_make(&claims.id);

	if (err == ERR_OK)
		err = jwt_issue(ctx, &claims, &tokens.access_token);
	if (err == ERR_OK)
		err = add_refresh_token(ctx, session_id, now_ms, &tokens.refresh_token);
	if (err == ERR_OK)
		*ret_tokens = tokens;
	return err;
}

enum err account_session_begin(
    struct ctx *ctx, struct uuid account_id, struct account_tokens *ret_tokens)
{
	struct uuid id;
	enum err err = uuid_make(&id);
	int64_t now_ms = clock_now_ms();

	if (err == ERR_OK)
		err = q_account_session_put(ctx->db, id, account_id, now_ms, now_ms);
	return err == ERR_OK ? make_tokens(ctx, account_id, id, now_ms, ret_tokens) : err;
}

/* ---- refresh -------------------------------------------------------------------------------- */

struct refresh {
	const char *text;
	enum err refusal; /* what is said once the transaction is committed */
	struct account_tokens tokens;
};

/* It came before: whose it is cannot be told, so nobody has the session any more. */
static enum err end_family(struct ctx *ctx, struct uuid session_id, struct uuid account_id)
{
	struct audit_entry entry = { .action = AUDIT_SESSION_REUSE_DETECTED,
		.subject_id = account_id };
	uint64_t changed = 0;
	enum err err = q_account_session_end(ctx->db, clock_now_ms(), session_id, &changed);

	return err == ERR_OK && changed > 0 ? audit_note(ctx, &entry) : err;
}

/* The session of a token as it is, and whether it still counts. Whoever disables the account meanwhile
 * ends the session, and waits for it. */
static enum err hold_session(
    struct ctx *ctx, struct uuid session_id, struct uuid *ret_account_id, bool *ret_live)
{
	struct row_account_session_hold session;
	struct row_account_state account;
	enum err err = q_account_session_hold(ctx->db, ctx->arena, session_id, &session);

	if (err == ERR_OK)
		err = q_account_state(ctx->db, ctx->arena, session.account_id, &account);
	if (err != ERR_OK)
		return err;
	*ret_account_id = session.account_id;
	*ret_live = session.ended_at == TIME_NONE && account.disabled_at == TIME_NONE;
	return ERR_OK;
}

static enum err refresh(struct ctx *ctx, void *arg)
{
	struct refresh *refresh = arg;
	struct row_refresh_token_hold row;
	struct uuid account_id = UUID_NIL;
	uint8_t hash[SHA256_SIZE];
	struct bytes key = { hash, sizeof(hash) };
	int64_t now_ms = clock_now_ms();
	bool live = false;
	enum err err = hash_of(ctx, refresh->text, hash);

	refresh->refusal = ERR_OK;
	if (err == ERR_OK)
		err = q_refresh_token_hold(ctx->db, ctx->arena, key, &row);
	if (err == ERR_OK)
		err = hold_session(ctx, row.session_id, &account_id, &live);
	if (err != ERR_OK)
		return err == ERR_MISSING ? ERR_TOKEN_INVALID : err;
	if (row.spent_at != TIME_NONE || !live || row.expires_at <= now_ms) {
		refresh->refusal = ERR_TOKEN_INVALID;
		return row.spent_at == TIME_NONE ? ERR_OK
						 : end_family(ctx, row.session_id, account_id);
	}
	ctx->actor = (struct actor){ .kind = ACTOR_ACCOUNT,
		.account_id = account_id,
		.account_session_id = row.session_id };
	err = q_refresh_token_spend(ctx->db, now_ms, key);
	if (err == ERR_OK)
		err = make_tokens(ctx, account_id, row.session_id, now_ms, &refresh->tokens);
	return err;
}

enum err account_session_refresh(
    struct ctx *ctx, const char *refresh_token, struct account_tokens *ret_tokens)
{
	struct refresh work = { .text = refresh_token };
	enum err err = tx_run(ctx, refresh, &work);

	if (err == ERR_OK)
		err = work.refusal;
	if (err == ERR_OK)
		*ret_tokens = work.tokens;
	return err;
}

/* ---- the end -------------------------------------------------------------------------------- */

enum err account_session_logout(struct ctx *ctx)
{
	struct audit_entry entry = { .action = AUDIT_LOGOUT, .subject_id = ctx->actor.account_id };
	uint64_t changed = 0;
	enum err err =
	    q_account_session_end(ctx->db, clock_now_ms(), ctx->actor.account_session_id, &changed);

	return err == ERR_OK && changed > 0 ? audit_note(ctx, &entry) : err;
}

enum err account_session_end_all(struct ctx *ctx, struct uuid account_id, uint64_t *ret_ended)
{
	return q_account_session_end_all(ctx->db, clock_now_ms(), account_id, ret_ended);
}

enum err refresh_token_expire(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed)
{
	return q_refresh_token_expire(ctx->db, clock_now_ms(), max_rows, ret_removed);
}

enum err account_session_expire(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed)
{
	return q_account_session_expire(ctx->db, clock_now_ms(), max_rows, ret_removed);
}
