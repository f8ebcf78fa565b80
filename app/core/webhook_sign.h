/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_sign.h owns how a webhook proves where it comes from (contract/webhooks.md, Signing):
 * the text forms of its secrets, the header lines of a delivery and their check on the other
 * side. Standard Webhooks v1.0.0 (v1: HMAC-SHA256, v1a: Ed25519) on every delivery, beside it
 * the headers of the session family and the bare secret of the plain family where an endpoint
 * asks for them.
 */
#ifndef BONAFIDE_WEBHOOK_SIGN_H
#define BONAFIDE_WEBHOOK_SIGN_H

#include "base.h"
#include "arena.h"
#include "sign.h"

#define WEBHOOK_SECRET_MIN 24   /* bytes of key a secret may have (Standard Webhooks) */
#define WEBHOOK_SECRET_MAX 64   /* the same */
#define WEBHOOK_SECRET_BYTES 32 /* bytes of a secret that we make */

#define WEBHOOK_SECRET_TEXT_SIZE 95 /* "whsec_", base64 of 64 bytes, NUL */
#define WEBHOOK_KEY_TEXT_SIZE 94    /* "whsk_", base64 of 64 bytes, NUL */
#define WEBHOOK_PUBLIC_TEXT_SIZE 50 /* "whpk_", base64 of 32 bytes, NUL */

/* A symmetric secret: the key that v1 uses, and the text that people copy. Wipe after use. */
struct webhook_secret {
	uint8_t key[WEBHOOK_SECRET_MAX];
	size_t key_len;
	char text[WEBHOOK_SECRET_TEXT_SIZE];
};

/* The private key of v1a. Wipe after use. */
struct webhook_key {
	uint8_t pair[ED25519_PAIR_SIZE];
};

/* A new secret: "whsec_" and the base64 of WEBHOOK_SECRET_BYTES random bytes. ERR_CRYPTO. */
enum err webhook_secret_make(struct webhook_secret *ret_secret) MUST_CHECK;

/* Reads "whsec_" and canonical base64, with padding, of 24 to 64 bytes; nothing else, no blank
 * around it. ERR_SYNTAX. */
enum err webhook_secret_parse(
    const char *text, size_t text_len, struct webhook_secret *ret_secret) MUST_CHECK;

/* Wipes it; accepts NULL. */
void webhook_secret_wipe(struct webhook_secret *secret);

/* A new key for v1a. ERR_CRYPTO. */
enum err webhook_key_make(struct webhook_key *ret_key) MUST_CHECK;

/* Reads "whsk_" and the base64 of seed and public key (64 bytes), which must belong together.
 * ERR_SYNTAX, ERR_CRYPTO. */
enum err webhook_key_parse(
    const char *text, size_t text_len, struct webhook_key *ret_key) MUST_CHECK;

/* The private text form, "whsk_…". The caller wipes it. */
void webhook_key_text(const struct webhook_key *key, char out[WEBHOOK_KEY_TEXT_SIZE]);

/* The public text form, "whpk_…", for the receiver. */
void webhook_key_public_text(const struct webhook_key *key, char out[WEBHOOK_PUBLIC_TEXT_SIZE]);

/* Wipes it; accepts NULL. */
void webhook_key_wipe(struct webhook_key *key);

/* Reads "whpk_" and the base64 of 32 bytes. ERR_SYNTAX. */
enum err webhook_public_parse(
    const char *text, size_t text_len, uint8_t ret_public[ED25519_PUBLIC_SIZE]) MUST_CHECK;

/* What an endpoint's deliveries are signed with. The parts are borrowed. */
struct webhook_signer {
	const struct webhook_secret *current;  /* never NULL */
	const struct webhook_secret *previous; /* still in its overlap after a rotation, or NULL */
	const struct webhook_key *key;         /* v1a, or NULL */
	bool session_headers;                  /* an endpoint of the session family */
	bool legacy_secret_header; /* deepidv-signature: the bare secret. Whoever sees one delivery
				    * can forge all later ones, so only where it is asked for. */
};

/* One attempt of one delivery. The strings are borrowed. */
struct webhook_message {
	const char *id;          /* the event's id: the same for every attempt, without '.' */
	int64_t timestamp_s;     /* unix seconds of this attempt */
	const void *body;        /* the very bytes that will be sent; NULL with 0 */
	size_t body_len;         /* at most LIMIT_WEBHOOK_BODY */
	const char *delivery_id; /* whd_…; read only with session_headers */
	const char *event;       /* "verification.attempt.succeeded"; the same */
};

/* The most header lines webhook_sign() makes. */
#define WEBHOOK_LINES_MAX 7

/*
 * The header lines of one attempt, "Name: value" without CR or LF, as struct http_request takes
 * them: NULL-ended, at most WEBHOOK_LINES_MAX, in the arena. In this order:
 *
 *   webhook-id, webhook-timestamp, webhook-signature: always. Signed is {id}.{timestamp}.{body};
 *     "v1,…" with the current secret, then with the previous one, then "v1a,…", parted by blanks.
 *   X-Kayle-Delivery-Id, X-Kayle-Event, X-Kayle-Signature: with session_headers. The last one is
 *     t={timestamp},v1={hex of HMAC-SHA256 over "{timestamp}.{body}"}, keyed with the whole text
 *     of the current secret, "whsec_" with it. Its receivers look for one v1, so the previous
 *     secret has none here.
 *   deepidv-signature: with legacy_secret_header; the text of the current secret.
 *
 * ERR_SYNTAX when id, delivery_id or event is not of 1 to LIMIT_WEBHOOK_WORD visible ASCII
 * characters (id also without '.'); ERR_RANGE for a timestamp before 1970 or past the year 9999;
 * ERR_FULL (body), ERR_NOMEM, ERR_CRYPTO.
 */
enum err webhook_sign(const struct webhook_signer *signer, const struct webhook_message *message,
    struct arena *arena, const char *const **ret_lines) MUST_CHECK;

/* A delivery as it came in. The strings are borrowed; NULL for a header that was not there. */
struct webhook_received {
	const char *id;        /* webhook-id */
	const char *timestamp; /* webhook-timestamp */
	const char *signature; /* webhook-signature */
	const void *body;
	size_t body_len;
};

/* Standard Webhooks names no tolerance; its own libraries have this one. */
#define WEBHOOK_TOLERANCE_S 300

/*
 * The receiver's side, for tests and the command line: whether one of the v1 signatures is by
 * this secret, compared in constant time, and the timestamp within tolerance_s of now_s, both
 * ends included. In this order: ERR_MISSING (a header is absent or empty), ERR_SYNTAX (the
 * timestamp is no number, the id has a '.', a header is too long), ERR_SIGNATURE_OLD,
 * ERR_SIGNATURE_EARLY (from the future), ERR_SIGNATURE_WRONG (none fits); ERR_FULL (body),
 * ERR_CRYPTO.
 */
enum err webhook_verify(const struct webhook_secret *secret,
    const struct webhook_received *received, int64_t now_s, int64_t tolerance_s) MUST_CHECK;

/* The same for v1a with the public key of whpk_…. */
enum err webhook_verify_public(const uint8_t public_key[ED25519_PUBLIC_SIZE],
    const struct webhook_received *received, int64_t now_s, int64_t tolerance_s) MUST_CHECK;

#endif
