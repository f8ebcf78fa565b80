/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jose.c: RSA public keys as JWK, and the compact JWE. Each rule about a key is a line of code
 * with the sentence that a person reads who broke it.
 */
#include "base.h"
#include "crypt.h"
#include "jose.h"
#include "limits.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

/* OpenSSL has a type of this name; here it is our error. */
#define ERR_STATE openssl_err_state
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#undef ERR_STATE

#define JWE_ALG "RSA-OAEP-256"
#define JWE_ENC "A256GCM"
#define MODULUS_BYTES (JWK_MODULUS_MAX_BITS / 8)
#define EXPONENT_BYTES 8
#define HEADER_CAP 2048 /* a kid whose every character is escaped fits */

/* The two numbers of a key, big-endian without leading zero bytes. */
struct rsa_public {
	uint8_t n[MODULUS_BYTES];
	size_t n_len;
	uint8_t e[EXPONENT_BYTES];
	size_t e_len;
};

/* ---- JWK ------------------------------------------------------------------------------------ */

static size_t bit_length(const uint8_t *number, size_t len)
{
	size_t bits = (len - 1) * 8;

	for (unsigned first = number[0]; first > 0; first >>= 1)
		bits++;
	return bits;
}

static const char *modulus_problem(const json_t *n, struct rsa_public *key)
{
	enum err err;

	if (!json_is_string(n) || json_string_length(n) == 0)
		return "The member n must be a non-empty string.";
	if (json_string_length(n) > LIMIT_JWK_N)
		return "The member n is too long.";
	err = base64url_decode(
	    json_string_value(n), json_string_length(n), key->n, sizeof(key->n), &key->n_len);
	if (err == ERR_FULL)
		return "The modulus must have at most 8192 bits.";
	if (err != ERR_OK)
		return "The member n must be base64url without padding.";
	if (key->n[0] == 0)
		return "The modulus must have no leading zero bytes.";
	if (bit_length(key->n, key->n_len) < JWK_MODULUS_MIN_BITS)
		return "The modulus must have at least 2048 bits.";
	if (key->n[key->n_len - 1] % 2 == 0)
		return "The modulus must be odd.";
	return NULL;
}

static const char *exponent_problem(const json_t *e, struct rsa_public *key)
{
	enum err err;

	if (!json_is_string(e) || json_string_length(e) == 0)
		return "The member e must be a non-empty string.";
	if (json_string_length(e) > LIMIT_JWK_E)
		return "The member e is too long.";
	err = base64url_decode(
	    json_string_value(e), json_string_length(e), key->e, sizeof(key->e), &key->e_len);
	if (err == ERR_FULL)
		return "The exponent must have at most 64 bits.";
	if (err != ERR_OK)
		return "The member e must be base64url without padding.";
	if (key->e[0] == 0)
		return "The exponent must have no leading zero bytes.";
	if (key->e[key->e_len - 1] % 2 == 0 || (key->e_len == 1 && key->e[0] == 1))
		return "The exponent must be odd and greater than 1.";
	return NULL;
}

static bool has_word(const json_t *words, const char *word)
{
	for (size_t i = 0; i < json_array_size(words); i++) {
		if (strcmp(json_string_value(json_array_get(words, i)), word) == 0)
			return true;
	}
	return false;
}

/* RFC 7517 section 4.3: an array of strings, none of them twice. */
static const char *key_ops_problem(const json_t *ops)
{
	static const char *const forbidden[] = { "decrypt", "deriveBits", "deriveKey", "sign",
		"unwrapKey" };

	if (ops == NULL)
		return NULL;
	if (!json_is_array(ops) || json_array_size(ops) > LIMIT_JWK_KEY_OPS)
		return "The member key_ops must be an array of at most 8 words.";
	for (size_t i = 0; i < json_array_size(ops); i++) {
		if (!json_is_string(json_array_get(ops, i)))
			return "The member key_ops must hold strings only.";
	}
	if (!has_word(ops, "encrypt"))
		return "The member key_ops must include \"encrypt\".";
	for (size_t i = 0; i < countof(forbidden); i++) {
		if (has_word(ops, forbidden[i]))
			return "The member key_ops must allow nothing that takes a private key.";
	}
	for (size_t i = 0; i < json_array_size(ops); i++) {
		for (size_t j = 0; j < i; j++) {
			if (json_equal(json_array_get(ops, i), json_array_get(ops, j)))
				return "The member key_ops must hold no word twice.";
		}
	}
	return NULL;
}

/* True when the member is absent, or the string it should be. */
static bool is_absent_or(const json_t *jwk, const char *member, const char *text)
{
	const json_t *value = json_object_get(jwk, member);

	return value == NULL ||
	       (json_is_string(value) && strcmp(json_string_value(value), text) == 0);
}

/* RFC 7518 section 6.3.2: the members of a private key. */
static bool has_private_member(const json_t *jwk)
{
	static const char *const members[] = { "d", "p", "q", "dp", "dq", "qi", "oth" };

	for (size_t i = 0; i < countof(members); i++) {
		if (json_object_get(jwk, members[i]) != NULL)
			return true;
	}
	return false;
}

/* The first rule that the key breaks, as a sentence; NULL when it breaks none. */
static const char *jwk_problem(const json_t *jwk, struct rsa_public *key)
{
	const char *problem;

	if (!json_is_object(jwk))
		return "A JWK must be an object.";
	if (has_private_member(jwk))
		return "The JWK must hold no private key.";
	if (json_object_get(jwk, "kty") == NULL || !is_absent_or(jwk, "kty", "RSA"))
		return "The member kty must be \"RSA\".";
	if (!is_absent_or(jwk, "alg", JWE_ALG))
		return "The member alg must be \"RSA-OAEP-256\" when it is there.";
	if (!is_absent_or(jwk, "use", "enc"))
		return "The member use must be \"enc\" when it is there.";
	problem = key_ops_problem(json_object_get(jwk, "key_ops"));
	if (problem == NULL)
		problem = modulus_problem(json_object_get(jwk, "n"), key);
	if (problem == NULL)
		problem = exponent_problem(json_object_get(jwk, "e"), key);
	return problem;
}

static enum err jwk_reduce(const json_t *jwk, json_t *clean)
{
	enum err err = json_put_text(clean, "alg", JWE_ALG);

	if (err == ERR_OK)
		err = json_put_text(clean, "e", json_get_text(jwk, "e"));
	if (err == ERR_OK)
		err = json_put(clean, "key_ops", json_words("encrypt"));
	if (err == ERR_OK)
		err = json_put_text(clean, "kty", "RSA");
	if (err == ERR_OK)
		err = json_put_text(clean, "n", json_get_text(jwk, "n"));
	return err;
}

enum err jwk_public_check(const json_t *jwk, json_t **ret_clean, const char **ret_problem)
{
	struct rsa_public key;
	const char *problem = jwk_problem(jwk, &key);
	json_t *clean;
	enum err err;

	if (problem != NULL) {
		if (ret_problem != NULL)
			*ret_problem = problem;
		return ERR_SYNTAX;
	}
	clean = json_object();
	err = clean != NULL ? jwk_reduce(jwk, clean) : ERR_NOMEM;
	if (err == ERR_OK)
		*ret_clean = clean;
	else
		json_decref(clean);
	return err;
}

/* ---- the key in OpenSSL's hands --------------------------------------------------------------- */

struct jwe_key {
	EVP_PKEY *pkey;
};

/* The key as OpenSSL's parameters. */
static enum err rsa_params(const struct rsa_public *key, OSSL_PARAM **ret_params)
{
	BIGNUM *n = BN_bin2bn(key->n, (int)key->n_len, NULL);
	BIGNUM *e = BN_bin2bn(key->e, (int)key->e_len, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;

	if (n != NULL && e != NULL && build != NULL &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	OSSL_PARAM_BLD_free(build);
	BN_free(e);
	BN_free(n);
	if (params == NULL)
		return ERR_CRYPTO;
	*ret_params = params;
	return ERR_OK;
}

static enum err rsa_make(const struct rsa_public *key, EVP_PKEY **ret_pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;
	enum err err = rsa_params(key, &params);

	if (err == ERR_OK && (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
				 EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1))
		err = ERR_CRYPTO;
	if (err == ERR_OK)
		*ret_pkey = pkey;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return err;
}

enum err jwe_key_parse(const json_t *jwk, struct jwe_key **ret_key)
{
	struct rsa_public public_key;
	struct jwe_key *key;
	enum err err;

	if (jwk_problem(jwk, &public_key) != NULL)
		return ERR_SYNTAX;
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return ERR_NOMEM;
	err = rsa_make(&public_key, &key->pkey);
	if (err == ERR_OK)
		*ret_key = key;
	else
		free(key);
	return err;
}

void jwe_key_free(struct jwe_key **key)
{
	if (key == NULL || *key == NULL)
		return;
	EVP_PKEY_free((*key)->pkey);
	free(*key);
	*key = NULL;
}

/* ---- JWE ------------------------------------------------------------------------------------ */

/* RSAES-OAEP with SHA-256 for the label's hash and for MGF1 (RFC 7518 section 4.3). */
static enum err content_key_wrap(const struct jwe_key *key, const uint8_t cek[GCM_KEY_SIZE],
    uint8_t ret_wrapped[MODULUS_BYTES], size_t *ret_len)
{
	char padding[] = OSSL_PKEY_RSA_PAD_MODE_OAEP, digest[] = "SHA2-256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_PAD_MODE, padding, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, digest, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	size_t len = MODULUS_BYTES;
	enum err err = ERR_CRYPTO;

	if (ctx != NULL && EVP_PKEY_encrypt_init_ex(ctx, params) == 1 &&
	    EVP_PKEY_encrypt(ctx, ret_wrapped, &len, cek, GCM_KEY_SIZE) == 1) {
		*ret_len = len;
		err = ERR_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	return err;
}

/* Appends data in base64url, piece by piece. */
static void put_base64url(struct buf *out, const void *data, size_t len)
{
	enum { PIECE = 768 }; /* divisible by 3, so that pieces join without padding */
	const uint8_t *bytes = data;
	char text[BASE64_SIZE(PIECE)];

	for (size_t done = 0; done < len; done += PIECE) {
		base64url_encode(bytes + done, len - done < PIECE ? len - done : PIECE, text);
		buf_adds(out, text);
	}
}

/* Appends the encoded protected header. Its members stand in the order they are set. */
static enum err put_header(struct buf *out, const char *kid)
{
	json_t *header = json_object();
	struct buf text;
	enum err err = header != NULL ? json_put_text(header, "alg", JWE_ALG) : ERR_NOMEM;

	buf_init(&text, HEADER_CAP);
	if (err == ERR_OK)
		err = json_put_text(header, "enc", JWE_ENC);
	if (err == ERR_OK)
		err = json_put_text(header, "kid", kid);
	if (err == ERR_OK)
		err = json_write(header, &text);
	if (err == ERR_OK) {
		put_base64url(out, text.data, text.len);
		err = buf_err(out);
	}
	buf_free(&text);
	json_decref(header);
	return err;
}

static bool kid_valid(const char *kid)
{
	size_t len = strlen(kid);

	return len > 0 && utf8_valid(kid, len) && utf8_length(kid) <= LIMIT_JWE_KEY_ID;
}

/* What the content is sealed with, and what comes of it. */
struct sealing {
	uint8_t cek[GCM_KEY_SIZE];
	uint8_t nonce[GCM_NONCE_SIZE];
	uint8_t tag[GCM_TAG_SIZE];
	uint8_t wrapped[MODULUS_BYTES];
	size_t wrapped_len;
	uint8_t *sealed; /* owned; as long as the content */
};

/* RFC 7516 section 5.1, steps 2 to 15; header is the encoded protected header. */
static enum err content_seal(struct sealing *sealing, const struct jwe_key *key,
    const struct buf *header, const void *plain, size_t len)
{
	enum err err = random_bytes(sealing->cek, sizeof(sealing->cek));

	if (err == ERR_OK)
		err = random_bytes(sealing->nonce, sizeof(sealing->nonce));
	if (err == ERR_OK)
		err = content_key_wrap(key, sealing->cek, sealing->wrapped, &sealing->wrapped_len);
	if (err != ERR_OK)
		return err;
	sealing->sealed = malloc(len > 0 ? len : 1);
	if (sealing->sealed == NULL)
		return ERR_NOMEM;
	return gcm_seal(sealing->cek, sealing->nonce, header->data, header->len, plain, len,
	    sealing->sealed, sealing->tag);
}

enum err jwe_key_encrypt(const struct jwe_key *key, const char *kid, const void *plain,
    size_t len_bytes, struct buf *out)
{
	struct sealing sealing = { .sealed = NULL };
	struct buf header;
	enum err err;

	if (!kid_valid(kid))
		return ERR_SYNTAX;
	if (len_bytes > LIMIT_JWE_PLAIN)
		return ERR_FULL;
	buf_init(&header, BASE64_SIZE(HEADER_CAP));
	err = put_header(&header, kid);
	if (err == ERR_OK)
		err = content_seal(&sealing, key, &header, plain, len_bytes);
	if (err == ERR_OK) {
		buf_add(out, header.data, header.len);
		buf_addc(out, '.');
		put_base64url(out, sealing.wrapped, sealing.wrapped_len);
		buf_addc(out, '.');
		put_base64url(out, sealing.nonce, sizeof(sealing.nonce));
		buf_addc(out, '.');
		put_base64url(out, sealing.sealed, len_bytes);
		buf_addc(out, '.');
		put_base64url(out, sealing.tag, sizeof(sealing.tag));
		err = buf_err(out);
	}
	buf_free(&header);
	free(sealing.sealed);
	wipe(&sealing, sizeof(sealing));
	return err;
}

enum err jwe_encrypt(
    const json_t *jwk, const char *kid, const void *plain, size_t len_bytes, struct buf *out)
{
	struct jwe_key *key = NULL;
	enum err err = jwe_key_parse(jwk, &key);

	if (err == ERR_OK)
		err = jwe_key_encrypt(key, kid, plain, len_bytes, out);
	jwe_key_free(&key);
	return err;
}
