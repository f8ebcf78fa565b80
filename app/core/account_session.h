/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account_session.h owns where people are logged in: a session, the access tokens that name it
 * (core/jwt.h) and its refresh tokens (contract/accounts.md).
 *
 * A refresh token is 43 base64url characters; what is stored is its HMAC under the pepper. Each works
 * once and brings the next one. One that comes a second time was stolen, from whoever it is that came
 * first or second: the session ends, and with it all of its tokens, because the gate asks for the
 * session with every request.
 */
#ifndef BONAFIDE_ACCOUNT_SESSION_H
#define BONAFIDE_ACCOUNT_SESSION_H

#include "base.h"
#include "ctx.h"

/* What a client is given; texts in the arena. */
struct account_tokens {
	const char *access_token;
	const char *refresh_token;
	int64_t expires_in_s; /* of the access token */
};

/* Begins a session of an account, in the caller's transaction. ERR_UNAVAILABLE: nothing to sign with. */
enum err account_session_begin(
    struct ctx *ctx, struct uuid account_id, struct account_tokens *ret_tokens) MUST_CHECK;

/*
 * Spends a refresh token for new tokens. ERR_TOKEN_INVALID for one that is unknown, expired, spent, or
 * of a session that has ended; a spent one ends its session. Outside a transaction: the end stays
 * though the answer is a refusal. ERR_UNAVAILABLE as above.
 */
enum err account_session_refresh(
    struct ctx *ctx, const char *refresh_token, struct account_tokens *ret_tokens) MUST_CHECK;

/* Ends the acting person's session, in the caller's transaction. */
enum err account_session_logout(struct ctx *ctx) MUST_CHECK;

/* Ends all sessions of an account: how many there were. */
enum err account_session_end_all(
    struct ctx *ctx, struct uuid account_id, uint64_t *ret_ended) MUST_CHECK;

/* Deletes expired refresh tokens, and expired sessions, at most max_rows. A session expires with its
 * newest token, so the tokens go first. */
enum err refresh_token_expire(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed) MUST_CHECK;
enum err account_session_expire(
    struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed) MUST_CHECK;

#endif
