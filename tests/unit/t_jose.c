/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_jose.c: which keys are taken, each rule broken once, and what a JWE is made of: it is taken
 * apart and opened here with OpenSSL and the private key.
 */
#include "base.h"
#include "crypt.h"
#include "jose.h"
#include "limits.h"
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* OpenSSL has a type of this name; here it is our error. */
#define ERR_STATE openssl_err_state
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#undef ERR_STATE

/* One private key for the whole program, and its public numbers in base64url. */
static EVP_PKEY *private_key;
static char good_n[BASE64_SIZE(256)];
static const char good_e[] = "AQAB";

static int keys_make(void **state)
{
	BIGNUM *n = NULL;
	uint8_t bytes[256];

	(void)state;
	private_key = EVP_RSA_gen(2048);
	if (private_key == NULL ||
	    EVP_PKEY_get_bn_param(private_key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
	    BN_bn2binpad(n, bytes, sizeof(bytes)) != sizeof(bytes))
		return -1;
	base64url_encode(bytes, sizeof(bytes), good_n);
	BN_free(n);
	return 0;
}

static int keys_free(void **state)
{
	(void)state;
	EVP_PKEY_free(private_key);
	return 0;
}

static json_t *good_jwk(void)
{
	json_t *jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", good_n, "e", good_e);

	assert_non_null(jwk);
	return jwk;
}

/* A number of so many bits, all of them ones but for a last one that is as wanted; zeros bytes
 * of nothing in front. In base64url, in static memory. */
static const char *number_text(size_t bits, unsigned last, size_t zeros)
{
	static uint8_t bytes[1100];
	static char text[BASE64_SIZE(sizeof(bytes))];
	size_t len = zeros + (bits + 7) / 8;

	assert_true(len <= sizeof(bytes));
	memset(bytes, 0, zeros);
	memset(bytes + zeros, 0xff, len - zeros);
	if (bits % 8 != 0)
		bytes[zeros] = (uint8_t)(0xff >> (8 - bits % 8));
	bytes[len - 1] = (uint8_t)((bytes[len - 1] & ~1u) | last);
	base64url_encode(bytes, len, text);
	return text;
}

static void refuse(const json_t *jwk, const char *words)
{
	json_t untouched;
	json_t *clean = &untouched;
	struct jwe_key *key = NULL;
	const char *problem = NULL;

	assert_int_equal(jwk_public_check(jwk, &clean, &problem), ERR_SYNTAX);
	assert_ptr_equal(clean, &untouched);
	assert_non_null(problem);
	if (strstr(problem, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, problem);
	assert_int_equal(jwk_public_check(jwk, &clean, NULL), ERR_SYNTAX);
	assert_int_equal(jwe_key_parse(jwk, &key), ERR_SYNTAX);
	assert_null(key);
}

/* The reduced key, as text that the caller frees. */
static char *accept(const json_t *jwk)
{
	json_t *clean = NULL;
	const char *problem = "none";
	char *text;

	if (jwk_public_check(jwk, &clean, &problem) != ERR_OK)
		fail_msg("refused: %s", problem);
	assert_string_equal(problem, "none");
	text = json_dumps(clean, JSON_COMPACT);
	assert_non_null(text);
	json_decref(clean);
	return text;
}

/* A member of the good key as it should not be (NULL: absent), and what is said of it. */
struct bad_member {
	const char *member;
	const char *json;
	const char *words;
};

static const struct bad_member bad_members[] = {
	{ "kty", NULL, "kty must be" },
	{ "kty", "\"EC\"", "kty must be" },
	{ "kty", "\"rsa\"", "kty must be" },
	{ "kty", "null", "kty must be" },
	{ "kty", "[\"RSA\"]", "kty must be" },
	{ "n", NULL, "n must be a non-empty string" },
	{ "n", "\"\"", "n must be a non-empty string" },
	{ "n", "7", "n must be a non-empty string" },
	{ "n", "\"AQ==\"", "n must be base64url" },
	{ "n", "\"a+b/\"", "n must be base64url" },
	{ "n", "\"A\"", "n must be base64url" },
	{ "n", "\"AR\"", "n must be base64url" },
	{ "n", "\"AQAB\"", "at least 2048 bits" },
	{ "e", NULL, "e must be a non-empty string" },
	{ "e", "\"\"", "e must be a non-empty string" },
	{ "e", "65537", "e must be a non-empty string" },
	{ "e", "\"AQAB=\"", "e must be base64url" },
	{ "e", "\"AAEAAQ\"", "no leading zero bytes" },
	{ "e", "\"AA\"", "no leading zero bytes" },
	{ "e", "\"AQ\"", "odd and greater than 1" },
	{ "e", "\"Ag\"", "odd and greater than 1" },
	{ "e", "\"AQAA\"", "odd and greater than 1" },
	{ "e", "\"AQAAAAAAAAAB\"", "at most 64 bits" },
	{ "alg", "\"RSA-OAEP\"", "alg must be" },
	{ "alg", "\"RS256\"", "alg must be" },
	{ "alg", "null", "alg must be" },
	{ "use", "\"sig\"", "use must be" },
	{ "use", "null", "use must be" },
	{ "key_ops", "null", "key_ops must be an array" },
	{ "key_ops", "\"encrypt\"", "key_ops must be an array" },
	{ "key_ops", "[\"encrypt\", 1]", "strings only" },
	{ "key_ops", "[]", "must include" },
	{ "key_ops", "[\"wrapKey\"]", "must include" },
	{ "key_ops", "[\"Encrypt\"]", "must include" },
	{ "key_ops", "[\"encrypt\", \"decrypt\"]", "takes a private key" },
	{ "key_ops", "[\"encrypt\", \"deriveBits\"]", "takes a private key" },
	{ "key_ops", "[\"encrypt\", \"deriveKey\"]", "takes a private key" },
	{ "key_ops", "[\"sign\", \"encrypt\"]", "takes a private key" },
	{ "key_ops", "[\"encrypt\", \"unwrapKey\"]", "takes a private key" },
	{ "key_ops", "[\"encrypt\", \"wrapKey\", \"encrypt\"]", "no word twice" },
	{ "key_ops", "[\"encrypt\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]",
	    "at most 8 words" },
	{ "d", "\"AQAB\"", "no private key" },
	{ "d", "null", "no private key" },
	{ "p", "\"AQAB\"", "no private key" },
	{ "q", "\"AQAB\"", "no private key" },
	{ "dp", "\"AQAB\"", "no private key" },
	{ "dq", "\"AQAB\"", "no private key" },
	{ "qi", "\"AQAB\"", "no private key" },
	{ "oth", "[]", "no private key" },
};

static void test_jwk_each_rule_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad_members); i++) {
		const struct bad_member *row = &bad_members[i];
		json_t *jwk = good_jwk();

		if (row->json == NULL)
			assert_int_equal(json_object_del(jwk, row->member), 0);
		else
			assert_int_equal(json_object_set_new(jwk, row->member,
					     json_loads(row->json, JSON_DECODE_ANY, NULL)),
			    0);
		refuse(jwk, row->words);
		json_decref(jwk);
	}
}

static void test_jwk_not_an_object(void **state)
{
	json_t *array = json_array(), *text = json_string("RSA");

	(void)state;
	refuse(NULL, "must be an object");
	refuse(array, "must be an object");
	refuse(text, "must be an object");
	json_decref(array);
	json_decref(text);
}

static void with_member(const char *member, const char *text, const char *words)
{
	json_t *jwk = good_jwk();

	assert_int_equal(json_object_set_new(jwk, member, json_string(text)), 0);
	if (words != NULL)
		refuse(jwk, words);
	else
		free(accept(jwk));
	json_decref(jwk);
}

/* Both sides of each bound of the two numbers. */
static void test_jwk_number_bounds(void **state)
{
	char long_text[LIMIT_JWK_N + 2];

	(void)state;
	with_member("n", number_text(2048, 1, 0), NULL);
	with_member("n", number_text(2047, 1, 0), "at least 2048 bits");
	with_member("n", number_text(1024, 1, 0), "at least 2048 bits");
	with_member("n", number_text(2048, 0, 0), "must be odd");
	with_member("n", number_text(2048, 1, 1), "no leading zero bytes");
	with_member("n", number_text(8192, 1, 0), NULL);
	with_member("n", number_text(8193, 1, 0), "at most 8192 bits");
	with_member("n", number_text(8192, 1, 1), "at most 8192 bits");
	with_member("e", "Aw", NULL);
	with_member("e", number_text(64, 1, 0), NULL);
	with_member("e", number_text(65, 1, 0), "at most 64 bits");
	memset(long_text, 'A', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	with_member("n", long_text, "n is too long");
	long_text[LIMIT_JWK_N] = '\0';
	with_member("n", long_text, "at most 8192 bits");
	long_text[LIMIT_JWK_E + 1] = '\0';
	with_member("e", long_text, "e is too long");
	long_text[LIMIT_JWK_E] = '\0';
	with_member("e", long_text, "at most 64 bits");
}

static void test_jwk_reduced(void **state)
{
	json_t *jwk = good_jwk(), *more;
	char *text = accept(jwk), *again;
	char expected[512];

	(void)state;
	(void)snprintf(expected, sizeof(expected),
	    "{\"alg\":\"RSA-OAEP-256\",\"e\":\"AQAB\",\"key_ops\":[\"encrypt\"],\"kty\":\"RSA\","
	    "\"n\":\"%s\"}",
	    good_n);
	assert_string_equal(text, expected);
	free(text);
	more =
	    json_loads("{\"alg\":\"RSA-OAEP-256\",\"use\":\"enc\",\"kid\":\"k\",\"x5c\":[1],"
		       "\"key_ops\":[\"wrapKey\",\"encrypt\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]}",
		0, NULL);
	assert_non_null(more);
	assert_int_equal(json_object_update(jwk, more), 0);
	text = accept(jwk);
	assert_string_equal(text, expected);
	json_decref(more);
	json_decref(jwk);
	/* What comes out goes in again. */
	jwk = json_loads(text, 0, NULL);
	again = accept(jwk);
	assert_string_equal(again, expected);
	free(again);
	free(text);
	json_decref(jwk);
}

/* ---- JWE ------------------------------------------------------------------------------------ */

enum { HEADER, WRAPPED, NONCE, SEALED, TAG, PARTS };

struct part {
	uint8_t *data; /* decoded, owned, NUL-ended */
	size_t len;
	char *text; /* as it stands in the JWE, owned, NUL-ended */
};

static void parts_read(const char *jwe, struct part parts[PARTS])
{
	for (unsigned i = 0; i < PARTS; i++) {
		size_t len = strcspn(jwe, ".");

		parts[i].text = strndup(jwe, len);
		parts[i].data = calloc(1, len + 1);
		assert_non_null(parts[i].data);
		assert_int_equal(
		    base64url_decode(jwe, len, parts[i].data, len + 1, &parts[i].len), ERR_OK);
		assert_int_equal(jwe[len], i + 1 < PARTS ? '.' : '\0');
		jwe += len + 1;
	}
}

static void parts_free(struct part parts[PARTS])
{
	for (unsigned i = 0; i < PARTS; i++) {
		free(parts[i].data);
		free(parts[i].text);
	}
}

/* The content key with these two digests; false when the padding does not fit. */
static bool unwrap(const struct part *wrapped, const char *oaep, const char *mgf1, uint8_t cek[32])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(private_key, NULL);
	uint8_t out[256];
	size_t len = sizeof(out);
	bool fits;

	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, oaep, NULL), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf1, NULL), 1);
	fits = EVP_PKEY_decrypt(ctx, out, &len, wrapped->data, wrapped->len) == 1 && len == 32;
	if (fits)
		memcpy(cek, out, 32);
	EVP_PKEY_CTX_free(ctx);
	return fits;
}

/* Opens a JWE with OpenSSL alone; true when the tag fits. out has room for the content. */
static bool open_content(const struct part parts[PARTS], const uint8_t cek[32], uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t rest[16];
	int len = 0;
	bool fits;

	assert_int_equal(
	    EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, cek, parts[NONCE].data), 1);
	assert_int_equal(EVP_DecryptUpdate(ctx, NULL, &len, (const uint8_t *)parts[HEADER].text,
			     (int)strlen(parts[HEADER].text)),
	    1);
	if (parts[SEALED].len > 0)
		assert_int_equal(
		    EVP_DecryptUpdate(ctx, out, &len, parts[SEALED].data, (int)parts[SEALED].len),
		    1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, 16, parts[TAG].data), 1);
	fits = EVP_DecryptFinal_ex(ctx, rest, &len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return fits;
}

/* Encrypts, checks the form of what came out, opens it and compares. */
static void round_trip(const char *kid, const char *header, const void *plain, size_t len)
{
	json_t *jwk = good_jwk();
	struct part parts[PARTS];
	uint8_t cek[32];
	uint8_t *out = calloc(1, len + 1);
	struct buf jwe;

	buf_init(&jwe, 4 * LIMIT_JWE_PLAIN);
	assert_int_equal(jwe_encrypt(jwk, kid, plain, len, &jwe), ERR_OK);
	parts_read(buf_str(&jwe), parts);
	assert_string_equal(parts[HEADER].data, header);
	assert_int_equal(parts[WRAPPED].len, 256);
	assert_int_equal(parts[NONCE].len, 12);
	assert_int_equal(parts[SEALED].len, len);
	assert_int_equal(parts[TAG].len, 16);
	assert_true(unwrap(&parts[WRAPPED], "SHA256", "SHA256", cek));
	assert_true(open_content(parts, cek, out));
	if (len > 0)
		assert_memory_equal(out, plain, len);
	parts_free(parts);
	free(out);
	buf_free(&jwe);
	json_decref(jwk);
}

static void test_jwe_opens(void **state)
{
	static const char plain[] = "{\"data\":{},\"type\":\"verification.session.expired\"}";
	char *large = malloc(LIMIT_JWE_PLAIN);

	(void)state;
	assert_non_null(large);
	for (size_t i = 0; i < LIMIT_JWE_PLAIN; i++)
		large[i] = (char)(i * 7);
	round_trip("key-1", "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"kid\":\"key-1\"}",
	    plain, strlen(plain));
	round_trip("a\"b\\c\n\xc3\xa9/",
	    "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"kid\":\"a\\\"b\\\\c\\n\xc3\xa9/\"}",
	    plain, strlen(plain));
	/* Lengths around the pieces that base64url is written in. */
	for (size_t len = 766; len <= 770; len++)
		round_trip("k", "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"kid\":\"k\"}",
		    large, len);
	round_trip("k", "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"kid\":\"k\"}", NULL, 0);
	round_trip("k", "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"kid\":\"k\"}", large,
	    LIMIT_JWE_PLAIN);
	free(large);
}

/* Both digests are SHA-256, and the tag covers header, nonce, content and itself. */
static void test_jwe_is_what_it_says(void **state)
{
	json_t *jwk = good_jwk();
	struct part parts[PARTS];
	uint8_t cek[32], out[16];
	struct buf jwe;

	(void)state;
	buf_init(&jwe, 4096);
	assert_int_equal(jwe_encrypt(jwk, "k", "some content", 12, &jwe), ERR_OK);
	parts_read(buf_str(&jwe), parts);
	assert_false(unwrap(&parts[WRAPPED], "SHA1", "SHA1", cek));
	assert_false(unwrap(&parts[WRAPPED], "SHA256", "SHA1", cek));
	assert_false(unwrap(&parts[WRAPPED], "SHA1", "SHA256", cek));
	assert_true(unwrap(&parts[WRAPPED], "SHA256", "SHA256", cek));
	for (unsigned i = NONCE; i < PARTS; i++) {
		parts[i].data[1] ^= 1;
		assert_false(open_content(parts, cek, out));
		parts[i].data[1] ^= 1;
	}
	parts[HEADER].text[0] ^= 1;
	assert_false(open_content(parts, cek, out));
	parts[HEADER].text[0] ^= 1;
	assert_true(open_content(parts, cek, out));
	assert_memory_equal(out, "some content", 12);
	parts_free(parts);
	buf_free(&jwe);
	json_decref(jwk);
}

/* One key, many contents: nothing that must be fresh comes twice. */
static void test_jwe_fresh_each_time(void **state)
{
	json_t *jwk = good_jwk();
	struct jwe_key *key = NULL;
	struct part first[PARTS], next[PARTS];
	uint8_t cek[32], next_cek[32];
	struct buf jwe;

	(void)state;
	buf_init(&jwe, 4096);
	assert_int_equal(jwe_key_parse(jwk, &key), ERR_OK);
	assert_int_equal(jwe_key_encrypt(key, "k", "same", 4, &jwe), ERR_OK);
	parts_read(buf_str(&jwe), first);
	assert_true(unwrap(&first[WRAPPED], "SHA256", "SHA256", cek));
	for (unsigned i = 0; i < 20; i++) {
		buf_clear(&jwe);
		assert_int_equal(jwe_key_encrypt(key, "k", "same", 4, &jwe), ERR_OK);
		parts_read(buf_str(&jwe), next);
		assert_string_equal(next[HEADER].text, first[HEADER].text);
		for (unsigned part = WRAPPED; part < PARTS; part++)
			assert_string_not_equal(next[part].text, first[part].text);
		assert_true(unwrap(&next[WRAPPED], "SHA256", "SHA256", next_cek));
		assert_memory_not_equal(cek, next_cek, sizeof(cek));
		parts_free(next);
	}
	parts_free(first);
	jwe_key_free(&key);
	assert_null(key);
	jwe_key_free(&key);
	jwe_key_free(NULL);
	buf_free(&jwe);
	json_decref(jwk);
}

/* The largest numbers that are taken can be used, not only read. */
static void test_jwe_with_large_numbers(void **state)
{
	json_t *jwk = good_jwk();
	struct part parts[PARTS];
	struct buf jwe;

	(void)state;
	assert_int_equal(json_object_set_new(jwk, "n", json_string(number_text(8192, 1, 0))), 0);
	assert_int_equal(json_object_set_new(jwk, "e", json_string(number_text(64, 1, 0))), 0);
	buf_init(&jwe, 4096);
	assert_int_equal(jwe_encrypt(jwk, "k", "x", 1, &jwe), ERR_OK);
	parts_read(buf_str(&jwe), parts);
	assert_int_equal(parts[WRAPPED].len, 1024);
	parts_free(parts);
	buf_free(&jwe);
	json_decref(jwk);
}

static void kid_try(const char *unit, size_t count, enum err expected)
{
	json_t *jwk = good_jwk();
	struct buf kid, jwe;

	buf_init(&kid, 1024);
	buf_init(&jwe, 8192);
	for (size_t i = 0; i < count; i++)
		buf_adds(&kid, unit);
	assert_int_equal(jwe_encrypt(jwk, buf_str(&kid), "x", 1, &jwe), expected);
	assert_true((jwe.len > 0) == (expected == ERR_OK));
	buf_free(&kid);
	buf_free(&jwe);
	json_decref(jwk);
}

static void test_jwe_kid_bounds(void **state)
{
	(void)state;
	kid_try("k", 0, ERR_SYNTAX);
	kid_try("k", 128, ERR_OK);
	kid_try("k", 129, ERR_SYNTAX);
	kid_try("\xf0\x9f\x94\x91", 128, ERR_OK);
	kid_try("\xc3\xa9", 129, ERR_SYNTAX);
	kid_try("\x01", 128, ERR_OK); /* six bytes each when escaped */
	kid_try("\xc3", 1, ERR_SYNTAX);
	kid_try("\xed\xa0\x80", 1, ERR_SYNTAX);
}

static void test_jwe_refuses(void **state)
{
	json_t *jwk = good_jwk();
	char *large = calloc(1, LIMIT_JWE_PLAIN + 1);
	struct buf jwe, small;

	(void)state;
	assert_non_null(large);
	buf_init(&jwe, 4 * LIMIT_JWE_PLAIN);
	assert_int_equal(jwe_encrypt(jwk, "k", large, LIMIT_JWE_PLAIN + 1, &jwe), ERR_FULL);
	assert_int_equal(jwe.len, 0);
	buf_init(&small, 100);
	assert_int_equal(jwe_encrypt(jwk, "k", "x", 1, &small), ERR_FULL);
	assert_int_equal(json_object_set_new(jwk, "d", json_string("AQAB")), 0);
	assert_int_equal(jwe_encrypt(jwk, "k", "x", 1, &jwe), ERR_SYNTAX);
	assert_int_equal(jwe.len, 0);
	buf_free(&small);
	buf_free(&jwe);
	free(large);
	json_decref(jwk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jwk_each_rule_broken),
		cmocka_unit_test(test_jwk_not_an_object),
		cmocka_unit_test(test_jwk_number_bounds),
		cmocka_unit_test(test_jwk_reduced),
		cmocka_unit_test(test_jwe_opens),
		cmocka_unit_test(test_jwe_is_what_it_says),
		cmocka_unit_test(test_jwe_fresh_each_time),
		cmocka_unit_test(test_jwe_with_large_numbers),
		cmocka_unit_test(test_jwe_kid_bounds),
		cmocka_unit_test(test_jwe_refuses),
	};

	return cmocka_run_group_tests(tests, keys_make, keys_free);
}
