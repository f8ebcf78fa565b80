/* SPDX-License-Identifier: Apache-2.0 */
/* sign.c: Ed25519 through OpenSSL's EVP interface, which hashes and signs in one call. */
#include "base.h"
#include "crypt.h"
#include "sign.h"

#include <string.h>

/* OpenSSL has a type of this name; here it is our error. */
#define ERR_STATE openssl_err_state
#include <openssl/evp.h>
#undef ERR_STATE

static EVP_PKEY *private_key(const uint8_t seed[ED25519_SEED_SIZE])
{
	return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, ED25519_SEED_SIZE);
}

enum err ed25519_public(
    const uint8_t seed[ED25519_SEED_SIZE], uint8_t ret_public[ED25519_PUBLIC_SIZE])
{
	EVP_PKEY *key = private_key(seed);
	uint8_t made[ED25519_PUBLIC_SIZE];
	size_t len = sizeof(made);
	enum err err = ERR_CRYPTO;

	if (key != NULL && EVP_PKEY_get_raw_public_key(key, made, &len) == 1 &&
	    len == sizeof(made)) {
		memcpy(ret_public, made, sizeof(made));
		err = ERR_OK;
	}
	EVP_PKEY_free(key);
	return err;
}

enum err ed25519_generate(uint8_t ret_pair[ED25519_PAIR_SIZE])
{
	uint8_t pair[ED25519_PAIR_SIZE];
	enum err err = random_bytes(pair, ED25519_SEED_SIZE);

	if (err == ERR_OK)
		err = ed25519_public(pair, pair + ED25519_SEED_SIZE);
	if (err == ERR_OK)
		memcpy(ret_pair, pair, sizeof(pair));
	wipe(pair, sizeof(pair));
	return err;
}

enum err ed25519_sign(const uint8_t pair[ED25519_PAIR_SIZE], const void *data, size_t len_bytes,
    uint8_t ret_signature[ED25519_SIGNATURE_SIZE])
{
	EVP_PKEY *key = private_key(pair);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t made[ED25519_SIGNATURE_SIZE];
	size_t len = sizeof(made);
	const void *text = len_bytes > 0 ? data : "";
	enum err err = ERR_CRYPTO;

	if (key != NULL && ctx != NULL &&
	    EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
	    EVP_DigestSign(ctx, made, &len, text, len_bytes) == 1 && len == sizeof(made)) {
		memcpy(ret_signature, made, sizeof(made));
		err = ERR_OK;
	}
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return err;
}

enum err ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_SIZE], const void *data,
    size_t len_bytes, const uint8_t signature[ED25519_SIGNATURE_SIZE])
{
	EVP_PKEY *key =
	    EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, public_key, ED25519_PUBLIC_SIZE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const void *text = len_bytes > 0 ? data : "";
	enum err err = ERR_CRYPTO;

	if (key != NULL && ctx != NULL &&
	    EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1)
		err = EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE_SIZE, text, len_bytes) == 1
			  ? ERR_OK
			  : ERR_TAMPERED;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return err;
}
