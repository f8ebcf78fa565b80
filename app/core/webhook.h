/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook.h owns webhook endpoints: where a tenant wants to be told of what, the secrets that prove
 * it was us, and the public keys that payloads are encrypted to. Two management surfaces (families
 * kyc and session) show the same rows. Secrets are sealed with the endpoint's row.
 */
#ifndef BONAFIDE_WEBHOOK_H
#define BONAFIDE_WEBHOOK_H

#include "base.h"
#include "ctx.h"
#include "json.h"
#include "stmt.h"

struct webhook_new {
	enum surface surface;
	const char *url;
	const char *name; /* may be NULL, as the rest */
	const char *description;
	const char *events; /* words, one space between; NULL: all that its surface has */
	const char *labels; /* a JSON array of texts */
	bool enabled;
	bool asymmetric;           /* also sign v1a */
	bool legacy_secret_header; /* also send the bare secret */
	int64_t rate_per_s;        /* DB_NULL: no limit */
};

/*
 * Registers an endpoint of the acting tenant, in the environment of its key, inside the caller's
 * transaction. *ret_secret: "whsec_…", in the arena; kyc shows it now and never again. The URL has
 * been asked about before (webhook_url_ok()). With LIMIT_ENDPOINTS there already: ERR_FULL.
 */
enum err webhook_create(struct ctx *ctx, const struct webhook_new *input,
    struct row_webhook_get *ret_row, const char **ret_secret) MUST_CHECK;

/* True when a URL may be registered; names are resolved, and every address is checked. */
bool webhook_url_ok(struct ctx *ctx, const char *url);

/* One of this tenant that the key's environment may see. ERR_WEBHOOK_NOT_FOUND. */
enum err webhook_get(struct ctx *ctx, struct uuid id, struct row_webhook_get *ret_row) MUST_CHECK;

struct webhook_filter {
	const char *surface; /* a word; NULL: both */
	int64_t enabled;     /* 0, 1; DB_NULL: both */
	int64_t limit;
	const char *after; /* "wh_…" or "whe_…"; NULL: first page */
};

/* Newest first; *ret_more: there is at least one more. ERR_SYNTAX: after is no id. */
enum err webhook_list(struct ctx *ctx, const struct webhook_filter *filter,
    struct row_webhook_get **ret_rows, size_t *ret_count, bool *ret_more) MUST_CHECK;

/* What to change; NULL and DB_NULL leave a thing as it is. */
struct webhook_change {
	const char *url;
	const char *name;
	bool clear_name;
	const char *description;
	const char *events;
	const char *labels;
	int64_t enabled;              /* 0, 1, DB_NULL */
	int64_t legacy_secret_header; /* 0, 1, DB_NULL */
	int64_t rate_per_s;           /* DB_NULL; 0: no limit */
};

/* Inside the caller's transaction. Enabling releases what was held. ERR_WEBHOOK_NOT_FOUND.
 * A new URL has been asked about before, as with webhook_create(). */
enum err webhook_change(struct ctx *ctx, struct uuid id, const struct webhook_change *change,
    struct row_webhook_get *ret_row) MUST_CHECK;

/* Deletes an endpoint: nothing is sent to it from now on, and the batch removes what belonged to
 * it. Inside the caller's transaction. ERR_WEBHOOK_NOT_FOUND. */
enum err webhook_delete(struct ctx *ctx, struct uuid id) MUST_CHECK;

/* The secret that signs now, "whsec_…", in the arena; who was shown it is in the audit log. In a
 * transaction of its own or the caller's. ERR_WEBHOOK_NOT_FOUND. */
enum err webhook_reveal(struct ctx *ctx, struct uuid id, const char **ret_secret) MUST_CHECK;

/* A new secret; the old one signs beside it for overlap_s seconds (0: no longer). Inside the
 * caller's transaction. ERR_WEBHOOK_NOT_FOUND. */
enum err webhook_rotate(
    struct ctx *ctx, struct uuid id, int64_t overlap_s, const char **ret_secret) MUST_CHECK;

/* The public key of v1a, "whpk_…", in the arena; NULL when the endpoint has none. */
enum err webhook_public_key(
    struct ctx *ctx, const struct row_webhook_get *row, const char **ret_key) MUST_CHECK;

/* Writes a webhook.test event for this endpoint alone, in a transaction of its own. */
enum err webhook_test(struct ctx *ctx, struct uuid id, struct uuid *ret_event_id) MUST_CHECK;

/* Sealing and opening, for the batch and for sealing anew. which: "secret", "secret_old",
 * "signing_key". As seal_data() and seal_open(). */
enum err webhook_open(struct ctx *ctx, struct uuid id, const char *which, struct bytes sealed,
    const char **ret_text) MUST_CHECK;
enum err webhook_seal(struct ctx *ctx, struct uuid id, const char *which, const char *text,
    struct bytes *ret_sealed) MUST_CHECK;

/* ---- keys that payloads are encrypted to ------------------------------------------------------ */

/*
 * Adds a key, which becomes the active one. jwk is checked strictly (sys/jose.h). ERR_SYNTAX: the
 * JWK may not be used; ERR_ENDPOINT_NOT_FOUND; ERR_FULL with LIMIT_ENDPOINT_KEYS there already.
 * Inside the caller's transaction, as the next.
 */
enum err webhook_key_create(struct ctx *ctx, struct uuid endpoint_id, const char *key_id,
    const json_t *jwk, struct row_webhook_key_get *ret_row) MUST_CHECK;

/* Makes it the only active one of its endpoint, or none active. ERR_WEBHOOK_KEY_NOT_FOUND. */
enum err webhook_key_set(
    struct ctx *ctx, struct uuid id, bool active, struct row_webhook_key_get *ret_row) MUST_CHECK;

/* Newest first. after: "whk_…". ERR_SYNTAX. An unknown endpoint has none. */
enum err webhook_key_list(struct ctx *ctx, struct uuid endpoint_id, int64_t active, int64_t limit,
    const char *after, struct row_webhook_key_get **ret_rows, size_t *ret_count,
    bool *ret_more) MUST_CHECK;

#endif
