/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h owns API keys (contract/README.md, Credentials): their formats by kind, making,
 * checking without a query, look-up by keyed hash, listing, replacing, revoking. The lease a
 * worker holds on a key it remembers, and waiting it out, are web/keycache.h; the rule is design
 * section 7.
 *
 * What a key may do is what it was given and what its kind brings with it. A key is never given
 * the age family's scopes: they come with the kinds secret, publishable and application, and
 * with no other. So a server key can make a secret one without having those scopes itself: the
 * age family is another purse, not more of the same, and keys.write is the right to hand it out.
 */
#ifndef BONAFIDE_KEY_H
#define BONAFIDE_KEY_H

#include "base.h"
#include "ctx.h"
#include "limiter.h"
#include "stmt.h"

/* One row per kind, or per kind and environment where the prefix says which: what a key looks
 * like, what it may do, and who may have one made. */
struct key_format {
	enum key_kind kind;
	enum environment environment; /* of keys with this prefix; ENV__MAX: as it was made */
	const char *prefix;           /* "dme_live_"; "" for none */
	const char *alphabet;         /* of the random characters */
	const char *last;             /* of the last one of them, where it has fewer; or NULL */
	size_t random_chars;          /* characters of entropy: 42 */
	size_t check_chars;           /* base62 of CRC-32 over everything before: 6; 0: none */
	uint64_t scopes;              /* the most that can be given to it; all of it if fixed */
	bool fixed;                   /* nobody chooses its scopes */
	uint64_t brings;              /* scopes that it has by its kind alone */
	uint64_t needs;               /* scopes of whoever makes one, beside those he gives */
	enum key_kind pair;           /* made and ended with it; KEYKIND__MAX: none */
	const char *belongs;          /* why one cannot be asked for alone; NULL: it can */
};
extern const struct key_format key_formats[];
extern const size_t key_format_count;

/* The row of a kind in an environment; never NULL. */
const struct key_format *key_format_of(enum key_kind kind, enum environment environment);

/* What a request's credential turned out to be. Texts in the arena of the look-up. */
struct key_found {
	struct uuid id;
	struct uuid application_id;
	struct uuid organization_id;
	enum key_kind kind;
	enum environment environment;
	enum org_status org_status;
	uint64_t scopes;          /* given, and brought by the kind */
	int64_t expires_at_ms;    /* TIME_NONE: never */
	int64_t last_used_at_ms;  /* TIME_NONE: never */
	struct own_limits limits; /* of its organisation */
};

/*
 * True when text has the shape and, where there is one, the checksum of some kind of key; a
 * mistyped or invented one of those kinds is refused here, without a query.
 */
bool key_plausible(const char *text);

/* A new key's text of this format, in the arena. ERR_NOMEM, ERR_CRYPTO. */
enum err key_text_make(
    struct arena *arena, const struct key_format *format, const char **ret_text) MUST_CHECK;

/* The hash a key is stored under: HMAC under the pepper. ERR_CRYPTO. */
enum err key_hash(struct ctx *ctx, const char *text, uint8_t ret_hash[32]) MUST_CHECK;

/* Look-up by hash. Revoked and expired keys are ERR_UNAUTHORIZED like unknown ones, one and the
 * same answer; database errors as they are. */
enum err key_find(struct ctx *ctx, const uint8_t hash[32], struct key_found *ret_key) MUST_CHECK;

struct key_new {
	struct uuid application_id;
	enum key_kind kind;
	enum environment environment;
	const char *name;
	uint64_t scopes;       /* 0 for a kind whose scopes are fixed */
	int64_t expires_at_ms; /* TIME_NONE: never */
	struct uuid pair_id;   /* of a publishable key: its secret key */
};

/* A key as it is shown this once: the texts are in the arena and are not stored. */
struct key_made {
	struct row_key_get row;
	const char *text;
	struct uuid pair_id;   /* nil: it has none */
	const char *pair_text; /* NULL with it */
};

/*
 * Makes a key, and the one it is paired with, in one transaction. ERR_VALIDATION for scopes the
 * kind cannot be given, an expiry in the past, a publishable key without its secret;
 * ERR_FORBIDDEN when the key in use may not make this one: nobody can give a key more than the
 * key in use has, and only a live key makes live keys (contract/README.md, Credentials).
 */
enum err key_create(
    struct ctx *ctx, const struct key_new *key, struct key_made *ret_made) MUST_CHECK;

/* Active keys (not revoked, not expired), newest first; of one application. A sandbox key sees
 * sandbox keys only (contract/README.md, Environment): environment NULL means both. */
enum err key_list(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct row_key_list **ret_rows, size_t *ret_count) MUST_CHECK;

/* Revokes for good; with a secret key its publishable ones. ERR_KEY_NOT_FOUND for unknown,
 * foreign, or already revoked. The caller waits out the leases before it says so to anybody. */
enum err key_revoke(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct uuid key_id) MUST_CHECK;

/*
 * Replaces a key by a new one of the same kind, name, scopes, environment and expiry, with a pair
 * of its own where the kind has one, in one transaction. The old one (and its pair) works for
 * overlap_s more seconds unless its own end is nearer; with 0 it is revoked. The caller waits out
 * the leases before it says so to anybody: a worker may believe the longer expiry until then.
 * ERR_KEY_NOT_FOUND for unknown, foreign, revoked or expired; ERR_FORBIDDEN as key_create().
 */
enum err key_rotate(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct uuid key_id, int64_t overlap_s, struct key_made *ret_made) MUST_CHECK;

/* Makes an application's own key, of the live environment, and ends those it had as key_rotate()
 * does; it may have had none. ERR_MISSING: no such application. */
enum err key_regenerate(struct ctx *ctx, struct uuid application_id, int64_t overlap_s,
    struct key_made *ret_made) MUST_CHECK;

/* Notes that a key was used, at most once a minute per key. Off the request path. */
enum err key_touch(struct ctx *ctx, struct uuid application_id, struct uuid key_id) MUST_CHECK;

#endif
