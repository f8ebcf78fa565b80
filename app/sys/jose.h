/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jose.h owns encryption to somebody else's key in JOSE's forms: which RSA public keys we accept
 * (JWK, RFC 7517 and 7518 section 6.3) and the compact JWE made with them (RFC 7516): RSA-OAEP-256
 * for the content key, A256GCM for the content. There is no decryption: we hold no private key.
 */
#ifndef BONAFIDE_JOSE_H
#define BONAFIDE_JOSE_H

#include "base.h"
#include "buf.h"
#include "json.h"

#define JWK_MODULUS_MIN_BITS 2048
#define JWK_MODULUS_MAX_BITS 8192

/*
 * Checks a JWK that somebody else sent. Accepted: an object with kty "RSA"; n and e in base64url
 * without padding or leading zero bytes, n of JWK_MODULUS_MIN_BITS to JWK_MODULUS_MAX_BITS and
 * odd, e odd, above 1 and of at most 64 bits; no private member (d, p, q, dp, dq, qi, oth); alg,
 * if there, "RSA-OAEP-256"; use, if there, "enc"; key_ops, if there, at most LIMIT_JWK_KEY_OPS
 * different words with "encrypt" and without decrypt, deriveBits, deriveKey, sign and unwrapKey.
 * Members with other names are dropped. These bounds are narrower than those of OpenSSL, so a key
 * that passes here is one that encrypts. Whether n is the product of two primes is not asked: the
 * test takes seconds for a large n made to be slow, and whoever sends a bad n harms himself.
 *
 * *ret_clean, which the caller owns (json_decref), is {alg, e, key_ops: ["encrypt"], kty, n} in
 * that order. On ERR_SYNTAX *ret_problem (NULL allowed) is a sentence about the first rule that
 * is broken; it is static and quotes nothing. ERR_SYNTAX, ERR_NOMEM.
 */
enum err jwk_public_check(
    const json_t *jwk, json_t **ret_clean, const char **ret_problem) MUST_CHECK;

/* A public key ready for use; encrypting does not change it. */
struct jwe_key;

/* Reads a JWK under the rules of jwk_public_check(). End it with jwe_key_free(). ERR_SYNTAX,
 * ERR_NOMEM, ERR_CRYPTO. */
enum err jwe_key_parse(const json_t *jwk, struct jwe_key **ret_key) MUST_CHECK;

/* Frees a key and sets *key to NULL; accepts NULL and a pointer to NULL. */
void jwe_key_free(struct jwe_key **key);

/*
 * Appends the compact JWE of plain (len bytes, at most LIMIT_JWE_PLAIN; NULL with 0) to out. The
 * protected header is {"alg":"RSA-OAEP-256","enc":"A256GCM","kid":kid} in that order; kid is
 * UTF-8, 1 to LIMIT_JWE_KEY_ID characters. Content key and nonce (12 bytes) are drawn anew for
 * each call; the tag has 16 bytes; the additional data is the encoded header (RFC 7516 section
 * 5.1, step 14). ERR_SYNTAX (kid), ERR_FULL (plain too long, or out is), ERR_NOMEM, ERR_CRYPTO.
 */
enum err jwe_key_encrypt(const struct jwe_key *key, const char *kid, const void *plain,
    size_t len_bytes, struct buf *out) MUST_CHECK;

/* The same with a key that is read for this one use. Errors of both. */
enum err jwe_encrypt(const json_t *jwk, const char *kid, const void *plain, size_t len_bytes,
    struct buf *out) MUST_CHECK;

#endif
