/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypt.h owns cryptography (OpenSSL 3): randomness, hashes, HMAC, HKDF, AES-256-GCM, and new
 * UUIDv7 ids. Sub-keys and sealing by key id are in keyring.h.
 */
#ifndef BONAFIDE_CRYPT_H
#define BONAFIDE_CRYPT_H

#include "base.h"
#include "uuid.h"

#define SHA256_SIZE 32
#define GCM_KEY_SIZE 32
#define GCM_NONCE_SIZE 12
#define GCM_TAG_SIZE 16

/* Fills out with len random bytes fit for keys. ERR_CRYPTO. */
enum err random_bytes(void *out, size_t len_bytes) MUST_CHECK;

/* A random number below limit (limit > 0), without bias. ERR_CRYPTO. */
enum err random_below(uint32_t limit, uint32_t *ret_value) MUST_CHECK;

/*
 * A new UUIDv7 (RFC 9562 section 5.7) stamped with clock_now_ms(): 48 bits of milliseconds, then a
 * counter in rand_a so that ids made by one process in one millisecond stay in order, and 62
 * random bits. ERR_CRYPTO.
 */
enum err uuid_make(struct uuid *ret_id) MUST_CHECK;

/* SHA-256 (FIPS 180-4). ERR_CRYPTO. */
enum err sha256_of(const void *data, size_t len_bytes, uint8_t ret_digest[SHA256_SIZE]) MUST_CHECK;

/* The same of what is left to read of a file, which is read piece by piece; *ret_size_bytes: how much that
 * was. ERR_IO, ERR_CRYPTO. */
enum err sha256_of_file(
    int fd, uint8_t ret_digest[SHA256_SIZE], uint64_t *ret_size_bytes) MUST_CHECK;

/* HMAC-SHA256 (RFC 2104). ERR_CRYPTO. */
enum err hmac_sha256(const void *key, size_t key_len, const void *data, size_t data_len,
    uint8_t ret_mac[SHA256_SIZE]) MUST_CHECK;

/* HKDF-SHA256 (RFC 5869) without salt; info is a NUL-ended label. ERR_CRYPTO. */
enum err hkdf_sha256(
    const void *key, size_t key_len, const char *info, void *out, size_t out_len) MUST_CHECK;

/*
 * AES-256-GCM (NIST SP 800-38D). out has room for len bytes; aad is authenticated, not
 * encrypted. The nonce must never repeat under one key. ERR_CRYPTO.
 */
enum err gcm_seal(const uint8_t key[GCM_KEY_SIZE], const uint8_t nonce[GCM_NONCE_SIZE],
    const void *aad, size_t aad_len, const void *data, size_t len_bytes, uint8_t *out,
    uint8_t ret_tag[GCM_TAG_SIZE]) MUST_CHECK;

/* The inverse. ERR_TAMPERED when the tag does not fit (out is then wiped), ERR_CRYPTO. */
enum err gcm_open(const uint8_t key[GCM_KEY_SIZE], const uint8_t nonce[GCM_NONCE_SIZE],
    const void *aad, size_t aad_len, const void *data, size_t len_bytes,
    const uint8_t tag[GCM_TAG_SIZE], uint8_t *out) MUST_CHECK;

#endif
