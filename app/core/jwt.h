/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt.h owns access tokens (contract/accounts.md; RFC 7519): what they say, and the keys that sign and
 * verify them. The keys are rows of jwt_key, private halves sealed; rotating makes a new one, which is
 * published before it signs, and retires the one before, which stays published until its last token has
 * ended. Revoking ends a key at once, with every token that it signed.
 *
 * What a token says and how it is signed is sys/jws.h's matter as far as the signature goes: the
 * algorithm is RS256 whatever a token claims. Here it must also be ours (iss, aud), of now (exp, iat,
 * nbf), and name a person and a session (sub, sid, jti: UUIDs as text).
 */
#ifndef BONAFIDE_JWT_H
#define BONAFIDE_JWT_H

#include "base.h"
#include "buf.h"
#include "ctx.h"

/* How long a process may work with what it knows of the keys. Whoever revokes one waits it out. */
#define JWT_KEYS_LEASE_MS 1000

/* What a token says. */
struct jwt_claims {
	struct uuid id;         /* jti */
	struct uuid account_id; /* sub */
	struct uuid session_id; /* sid */
	int64_t issued_at_ms;   /* iat; in a token both are whole seconds, rounded down */
	int64_t expires_at_ms;  /* exp */
};

/* What one process remembers of the keys: the set, read anew when it is JWT_KEYS_LEASE_MS old, and the
 * private half of the one that signs. */
struct jwt_keys;

/* Remembers nothing yet. End it with jwt_keys_free(). ERR_NOMEM. */
enum err jwt_keys_new(struct jwt_keys **ret_keys) MUST_CHECK;

/* Wipes, frees and sets *keys to NULL; accepts NULL and a pointer to NULL. */
void jwt_keys_free(struct jwt_keys **keys);

/*
 * Signs a token with the key that signs now. *ret_token lives in ctx->arena. ERR_NO_SIGNING_KEY (to the
 * outside the same as ERR_UNAVAILABLE) when there is none, ERR_NO_KEY and ERR_TAMPERED when it does not
 * open; database errors.
 */
enum err jwt_issue(
    struct ctx *ctx, const struct jwt_claims *claims, const char **ret_token) MUST_CHECK;

/*
 * Reads a token that somebody presents. ERR_TOKEN_INVALID for whatever is wrong with it: the answer does
 * not tell what. A token that says it was made, or is valid, from more than ten seconds after now on is
 * wrong; one is over when exp is reached, without grace. Whether the session still lives is for the
 * caller to ask. Database errors.
 */
enum err jwt_check(struct ctx *ctx, const char *token, struct jwt_claims *ret_claims) MUST_CHECK;

/* Appends the JWK Set (RFC 7517 section 5) of the keys that are published, newest first. ERR_FULL;
 * database errors. */
enum err jwt_key_set(struct ctx *ctx, struct buf *out) MUST_CHECK;

/* Whether a token could be signed now. Database errors. */
enum err jwt_can_issue(struct ctx *ctx, bool *ret_can) MUST_CHECK;

/* ---- the keys, for the operator and the batch; ctx->jwt_keys is not looked at ------------------- */

struct jwt_key_info {
	struct uuid id; /* the kid */
	int64_t created_at_ms;
	int64_t signs_at_ms;
	int64_t retired_at_ms; /* TIME_NONE: not */
	int64_t expires_at_ms; /* TIME_NONE: not before it is retired */
	bool signs;            /* the one that signs now */
};

/* All keys, newest first, in ctx->arena. Database errors. */
enum err jwt_key_list(
    struct ctx *ctx, struct jwt_key_info **ret_keys, size_t *ret_count) MUST_CHECK;

/*
 * Makes a key that signs from a few seconds later on, when every worker knows it, and retires those
 * before it then; the first signs at once. Runs a transaction of its own. ERR_FULL when LIMIT_JWT_KEYS
 * are published already; database errors.
 */
enum err jwt_key_rotate(struct ctx *ctx, struct jwt_key_info *ret_key) MUST_CHECK;

/* Deletes a key, in a transaction of its own. Processes go on accepting its tokens for
 * JWT_KEYS_LEASE_MS at most. ERR_MISSING; database errors. */
enum err jwt_key_revoke(struct ctx *ctx, struct uuid id) MUST_CHECK;

/* Deletes keys whose tokens have all ended, at most max; *ret_deleted. For the batch. */
enum err jwt_key_expire(struct ctx *ctx, int64_t max, uint64_t *ret_deleted) MUST_CHECK;

/* Seals a private half anew under the newest master key (core/reseal.h). As seal_open() and
 * seal_data(). */
enum err jwt_key_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed) MUST_CHECK;

#endif
