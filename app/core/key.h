/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h owns API keys (contract/README.md, Credentials): their formats by kind, making,
 * checking without a query, look-up by keyed hash, listing, revoking. The lease a worker holds
 * on a key it remembers, and waiting it out, are web/keycache.h; the rule is design section 7.
 */
#ifndef BONAFIDE_KEY_H
#define BONAFIDE_KEY_H

#include "base.h"
#include "ctx.h"
#include "limiter.h"
#include "stmt.h"

/* One row per kind and environment: what a key looks like. Rows for kinds of later families
 * say that they cannot be made yet. */
struct key_format {
	const char *kind;             /* word in api_key.kind */
	enum environment environment; /* of keys with this prefix */
	const char *prefix;           /* "dme_live_" */
	size_t random_chars;          /* base62 characters of entropy: 42 */
	size_t check_chars;           /* base62 of CRC-32 over everything before: 6 */
	uint64_t scopes;              /* the most a key of this kind may hold */
};
extern const struct key_format key_formats[];
extern const size_t key_format_count;

/* What a request's credential turned out to be. Texts in the arena of the look-up. */
struct key_found {
	struct uuid id;
	struct uuid application_id;
	struct uuid organization_id;
	enum environment environment;
	enum org_status org_status;
	uint64_t scopes;
	int64_t expires_at_ms;    /* TIME_NONE: never */
	int64_t last_used_at_ms;  /* TIME_NONE: never */
	struct own_limits limits; /* of its organisation */
};

/*
 * True when text has the shape and checksum of some kind of key; a mistyped or invented one is
 * refused here, without a query.
 */
bool key_plausible(const char *text);

/* The hash a key is stored under: HMAC under the pepper. ERR_CRYPTO. */
enum err key_hash(struct ctx *ctx, const char *text, uint8_t ret_hash[32]) MUST_CHECK;

/* Look-up by hash. Revoked and expired keys are ERR_UNAUTHORIZED like unknown ones, one and the
 * same answer; database errors as they are. */
enum err key_find(struct ctx *ctx, const uint8_t hash[32], struct key_found *ret_key) MUST_CHECK;

struct key_new {
	struct uuid application_id;
	const char *kind; /* NULL: "server" */
	enum environment environment;
	const char *name;
	uint64_t scopes;
	int64_t expires_at_ms; /* TIME_NONE: never */
};

/*
 * Makes a key; *ret_text is the key itself, in the arena, and is not stored. ERR_VALIDATION for
 * a kind that cannot be made, scopes the kind cannot hold, an expiry in the past.
 */
enum err key_create(struct ctx *ctx, const struct key_new *key, struct row_key_get *ret_row,
    const char **ret_text) MUST_CHECK;

/* Active keys (not revoked, not expired), newest first; of one application. A sandbox key sees
 * sandbox keys only (contract/README.md, Environment): environment NULL means both. */
enum err key_list(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct row_key_list **ret_rows, size_t *ret_count) MUST_CHECK;

/* Revokes for good. ERR_KEY_NOT_FOUND for unknown, foreign, or already revoked. The caller waits
 * out the leases before it says so to anybody. */
enum err key_revoke(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct uuid key_id) MUST_CHECK;

/* Notes that a key was used, at most once a minute per key. Off the request path. */
enum err key_touch(struct ctx *ctx, struct uuid application_id, struct uuid key_id) MUST_CHECK;

#endif
