/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL 3 looks an algorithm up in its providers each time it is named; that costs more than
 * hashing one key does. So each algorithm is fetched once per process and kept for its life.
 * Programs here have one thread; a fork inherits the handles, which hold no state of a message.
 */
#include "base.h"
#include "clock.h"
#include "crypt.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* OpenSSL has a type of this name; here it is our error. */
#define ERR_STATE openssl_err_state
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#undef ERR_STATE

enum err random_bytes(void *out, size_t len_bytes)
{
	if (len_bytes > INT_MAX || RAND_bytes(out, (int)len_bytes) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

enum err random_below(uint32_t limit, uint32_t *ret_value)
{
	/* The values below 2^32 mod limit would come out once too often: draw again. */
	uint32_t skip, drawn;

	if (limit == 0)
		return ERR_CRYPTO;
	skip = (UINT32_MAX - limit + 1) % limit;
	do {
		if (random_bytes(&drawn, sizeof(drawn)) != ERR_OK)
			return ERR_CRYPTO;
	} while (drawn < skip);
	*ret_value = drawn % limit;
	return ERR_OK;
}

/*
 * How far the clock may step back before new ids follow it. A small step (NTP) must not disorder
 * ids; after a large one a stamp from the future would be the greater evil.
 */
#define UUID_STEP_BACK_MS 10000

#define UUID_COUNTER_MAX 0xfffU /* rand_a is 12 bits */

/* RFC 9562 section 6.2, method 1: a counter that starts at random in its lower half. */
static void uuid_stamp(int64_t now_ms, unsigned start, int64_t *ret_ms, unsigned *ret_counter)
{
	static int64_t last_ms = -1;
	static unsigned counter;

	if (now_ms > last_ms || last_ms - now_ms > UUID_STEP_BACK_MS) {
		last_ms = now_ms;
		counter = start;
	} else if (counter < UUID_COUNTER_MAX) {
		counter++;
	} else {
		last_ms++;
		counter = start;
	}
	*ret_ms = last_ms;
	*ret_counter = counter;
}

enum err uuid_make(struct uuid *ret_id)
{
	uint8_t drawn[10];
	int64_t now_ms = clock_now_ms();
	int64_t stamp_ms;
	unsigned counter;
	uint64_t ms;

	/* OpenSSL reseeds after fork, so two processes never draw the same. */
	if (random_bytes(drawn, sizeof(drawn)) != ERR_OK)
		return ERR_CRYPTO;
	uuid_stamp(now_ms < 0 ? 0 : now_ms, (unsigned)(drawn[8] << 8 | drawn[9]) & 0x7ffU,
	    &stamp_ms, &counter);
	ms = (uint64_t)stamp_ms;
	for (unsigned i = 0; i < 6; i++)
		ret_id->b[i] = (uint8_t)(ms >> (40 - 8 * i));
	ret_id->b[6] = (uint8_t)(0x70U | counter >> 8);
	ret_id->b[7] = (uint8_t)counter;
	memcpy(ret_id->b + 8, drawn, 8);
	ret_id->b[8] = (uint8_t)(0x80U | (ret_id->b[8] & 0x3fU));
	return ERR_OK;
}

static const EVP_MD *sha256_md(void)
{
	static EVP_MD *md;

	if (md == NULL)
		md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	return md;
}

enum err sha256_of(const void *data, size_t len_bytes, uint8_t ret_digest[SHA256_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	unsigned len = 0;
	const EVP_MD *md = sha256_md();

	if (md == NULL || EVP_Digest(data, len_bytes, digest, &len, md, NULL) != 1 ||
	    len != SHA256_SIZE)
		return ERR_CRYPTO;
	memcpy(ret_digest, digest, SHA256_SIZE);
	return ERR_OK;
}

/* Feeds what is left of a file to the digest. */
static enum err digest_file(int fd, EVP_MD_CTX *digest, uint64_t *ret_size)
{
	uint8_t piece[16384];

	for (*ret_size = 0;;) {
		ssize_t got = read(fd, piece, sizeof(piece));
		if (got == 0)
			return ERR_OK;
		if (got < 0 && errno != EINTR)
			return ERR_IO;
		if (got > 0 && EVP_DigestUpdate(digest, piece, (size_t)got) != 1)
			return ERR_CRYPTO;
		*ret_size += got > 0 ? (uint64_t)got : 0;
	}
}

enum err sha256_of_file(int fd, uint8_t ret_digest[SHA256_SIZE], uint64_t *ret_size_bytes)
{
	const EVP_MD *md = sha256_md();
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	uint8_t out[SHA256_SIZE];
	uint64_t size = 0;
	enum err err = ERR_CRYPTO;

	if (md != NULL && digest != NULL && EVP_DigestInit_ex2(digest, md, NULL) == 1)
		err = digest_file(fd, digest, &size);
	if (err == ERR_OK && EVP_DigestFinal_ex(digest, out, NULL) != 1)
		err = ERR_CRYPTO;
	EVP_MD_CTX_free(digest);
	if (err != ERR_OK)
		return err;
	memcpy(ret_digest, out, SHA256_SIZE);
	*ret_size_bytes = size;
	return ERR_OK;
}

/*
 * A context that knows its digest and has a key of no use; each use copies it. Setting the
 * digest anew would look it up anew, and reusing one context would keep the last key in memory.
 */
static EVP_MAC_CTX *hmac_template(void)
{
	static EVP_MAC_CTX *template;
	char digest[] = "SHA2-256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac;
	EVP_MAC_CTX *made;

	if (template != NULL)
		return template;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	made = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (made != NULL && EVP_MAC_init(made, (const unsigned char *)"", 1, params) == 1) {
		template = made;
		return template;
	}
	EVP_MAC_CTX_free(made);
	return NULL;
}

enum err hmac_sha256(const void *key, size_t key_len, const void *data, size_t data_len,
    uint8_t ret_mac[SHA256_SIZE])
{
	EVP_MAC_CTX *template = hmac_template();
	EVP_MAC_CTX *ctx = template != NULL ? EVP_MAC_CTX_dup(template) : NULL;
	uint8_t mac[SHA256_SIZE];
	size_t len = 0;
	enum err err = ERR_CRYPTO;

	/* A NULL key means "keep the old one" to OpenSSL; an empty key is not that. */
	if (ctx == NULL || EVP_MAC_init(ctx, key_len > 0 ? key : "", key_len, NULL) != 1)
		goto out;
	if (data_len > 0 && EVP_MAC_update(ctx, data, data_len) != 1)
		goto out;
	if (EVP_MAC_final(ctx, mac, &len, sizeof(mac)) != 1 || len != SHA256_SIZE)
		goto out;
	memcpy(ret_mac, mac, SHA256_SIZE);
	err = ERR_OK;
out:
	EVP_MAC_CTX_free(ctx);
	wipe(mac, sizeof(mac));
	return err;
}

enum err hkdf_sha256(const void *key, size_t key_len, const char *info, void *out, size_t out_len)
{
	char digest[] = "SHA2-256";
	/* OpenSSL only reads through these pointers. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key, key_len),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	enum err err = ERR_CRYPTO;

	if (ctx != NULL && EVP_KDF_derive(ctx, out, out_len, params) == 1)
		err = ERR_OK;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return err;
}

static const EVP_CIPHER *gcm_cipher(void)
{
	static EVP_CIPHER *cipher;

	if (cipher == NULL)
		cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	return cipher;
}

/* Both directions as far as they are alike: key, nonce, associated data, data. */
static bool gcm_run(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *nonce, const void *aad,
    size_t aad_len, const void *data, size_t len, uint8_t *out, bool sealing)
{
	const EVP_CIPHER *cipher = gcm_cipher();
	int done = 0;

	if (ctx == NULL || cipher == NULL || aad_len > INT_MAX || len > INT_MAX)
		return false;
	/* The nonce has the length GCM defaults to, 96 bits. */
	if (EVP_CipherInit_ex2(ctx, cipher, key, nonce, sealing, NULL) != 1)
		return false;
	if (aad_len > 0 && EVP_CipherUpdate(ctx, NULL, &done, aad, (int)aad_len) != 1)
		return false;
	if (len > 0 && EVP_CipherUpdate(ctx, out, &done, data, (int)len) != 1)
		return false;
	return len == 0 || done == (int)len;
}

enum err gcm_seal(const uint8_t key[GCM_KEY_SIZE], const uint8_t nonce[GCM_NONCE_SIZE],
    const void *aad, size_t aad_len, const void *data, size_t len_bytes, uint8_t *out,
    uint8_t ret_tag[GCM_TAG_SIZE])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t rest[EVP_MAX_BLOCK_LENGTH];
	enum err err = ERR_CRYPTO;
	int done = 0;

	if (gcm_run(ctx, key, nonce, aad, aad_len, data, len_bytes, out, true) &&
	    EVP_CipherFinal_ex(ctx, rest, &done) == 1 && done == 0 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, ret_tag) == 1)
		err = ERR_OK;
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

enum err gcm_open(const uint8_t key[GCM_KEY_SIZE], const uint8_t nonce[GCM_NONCE_SIZE],
    const void *aad, size_t aad_len, const void *data, size_t len_bytes,
    const uint8_t tag[GCM_TAG_SIZE], uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t rest[EVP_MAX_BLOCK_LENGTH];
	uint8_t expected[GCM_TAG_SIZE];
	enum err err = ERR_CRYPTO;
	int done = 0;

	memcpy(expected, tag, GCM_TAG_SIZE);
	if (gcm_run(ctx, key, nonce, aad, aad_len, data, len_bytes, out, false) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, expected) == 1)
		err =
		    EVP_CipherFinal_ex(ctx, rest, &done) == 1 && done == 0 ? ERR_OK : ERR_TAMPERED;
	EVP_CIPHER_CTX_free(ctx);
	/* Nothing unauthenticated may be used, not even by a caller that forgets to look. */
	if (err != ERR_OK)
		wipe(out, len_bytes);
	return err;
}
