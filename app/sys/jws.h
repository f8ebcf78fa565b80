/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jws.h owns signed tokens in their compact form (RFC 7515 section 7.1) and the keys that sign them
 * (through libcjose). There is one algorithm, RS256 (RFC 7518 section 3.3), and it belongs to the
 * key: a token whose header names another is refused before anything of it is verified, so no
 * token can choose how it is judged (RFC 8725 section 3.1).
 */
#ifndef BONAFIDE_JWS_H
#define BONAFIDE_JWS_H

#include "base.h"
#include "buf.h"
#include "json.h"
#include "limits.h"

#define JWS_KEY_MIN_BITS 2048

/* An RSA key for RS256, public or with its private half; using it does not change it. */
struct jws_key;

/*
 * Makes a new RSA key of so many bits, at least JWS_KEY_MIN_BITS, and appends it to both buffers as a
 * JWK (RFC 7517): with its private members, which the caller wipes (buf_free() does), and as it may
 * be published, {kty, use: "sig", alg: "RS256", kid, n, e}. kid: 1 to LIMIT_JWS_KEY_ID characters.
 * Takes tenths of a second. ERR_SYNTAX (kid), ERR_RANGE (bits), ERR_FULL, ERR_NOMEM, ERR_CRYPTO.
 */
enum err jws_key_make(
    const char *kid, unsigned bits, struct buf *private_jwk, struct buf *public_jwk) MUST_CHECK;

/*
 * Reads a JWK (len bytes, at most LIMIT_JWK) that jws_key_make() wrote, either of the two. End the key
 * with jws_key_free(). ERR_SYNTAX for what is no RSA key with a kid, of JWS_KEY_MIN_BITS or more;
 * ERR_NOMEM.
 */
enum err jws_key_parse(const char *jwk, size_t len_bytes, struct jws_key **ret_key) MUST_CHECK;

/* Wipes, frees and sets *key to NULL; accepts NULL and a pointer to NULL. */
void jws_key_free(struct jws_key **key);

/* Appends the token that says payload, under the header {"alg":"RS256","typ":"JWT","kid":…}.
 * ERR_STATE for a key without its private half, ERR_FULL (the payload may have LIMIT_JWS_PAYLOAD
 * bytes), ERR_NOMEM, ERR_CRYPTO. */
enum err jws_sign(const struct jws_key *key, const json_t *payload, struct buf *out) MUST_CHECK;

/*
 * Reads which key a token says it was signed with. Nothing is verified: the answer is only good for
 * finding a key. Whatever jws_verify() refuses in a header is refused here. ERR_SYNTAX, ERR_NOMEM.
 */
enum err jws_key_id(const char *token, char ret_kid[LIMIT_JWS_KEY_ID + 1]) MUST_CHECK;

/*
 * Verifies a token and reads what it says: an object, which the caller owns (json_decref).
 *
 * Accepted: at most LIMIT_JWS characters; three parts of canonical base64url; a header that is an
 * object without a member twice, alg exactly "RS256", kid the key's, typ absent or "JWT", and no crit
 * (RFC 7515 section 4.1.11: we understand no extension); a signature by this key; a payload that is an
 * object without a member twice. ERR_SYNTAX, ERR_TAMPERED (the signature does not fit), ERR_NOMEM.
 */
enum err jws_verify(const struct jws_key *key, const char *token, json_t **ret_payload) MUST_CHECK;

#endif
