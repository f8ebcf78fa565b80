/* SPDX-License-Identifier: Apache-2.0 */
/* t_jws.c: tokens of RFC 7515 and of our own, and all the ways in which one can be wrong. */
#include "base.h"
#include "crypt.h"
#include "json.h"
#include "jws.h"
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define KID "0198c0de-0000-7000-8000-000000000001"
#define OTHER_KID "0198c0de-0000-7000-8000-000000000002"

/* The modulus of RFC 7515 appendix A.2. */
#define RFC_N \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1" \
	"Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaS" \
	"HSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT" \
	"6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"

static struct jws_key *own, *other, *own_public;
static char private_text[LIMIT_JWK + 1], public_text[LIMIT_JWK + 1];

static struct jws_key *make(const char *kid, char *private_copy, char *public_copy)
{
	struct buf private_jwk, public_jwk;
	struct jws_key *key = NULL;

	buf_init(&private_jwk, LIMIT_JWK);
	buf_init(&public_jwk, LIMIT_JWK);
	assert_int_equal(jws_key_make(kid, 2048, &private_jwk, &public_jwk), ERR_OK);
	assert_int_equal(jws_key_parse(private_jwk.data, private_jwk.len, &key), ERR_OK);
	if (private_copy != NULL)
		memcpy(private_copy, private_jwk.data, private_jwk.len + 1);
	if (public_copy != NULL)
		memcpy(public_copy, public_jwk.data, public_jwk.len + 1);
	buf_free(&private_jwk);
	buf_free(&public_jwk);
	return key;
}

static int set_up(void **state UNUSED)
{
	own = make(KID, private_text, public_text);
	other = make(KID, NULL, NULL);
	assert_int_equal(jws_key_parse(public_text, strlen(public_text), &own_public), ERR_OK);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	jws_key_free(&own);
	jws_key_free(&other);
	jws_key_free(&own_public);
	return 0;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void test_key_texts(void **state UNUSED)
{
	static const char *const secret[] = { "d", "p", "q", "dp", "dq", "qi" };
	static const char *const shown[] = { "kty", "use", "alg", "kid", "n", "e" };
	json_t *private_jwk = NULL, *public_jwk = NULL;

	assert_int_equal(json_read(private_text, strlen(private_text), &private_jwk, NULL), ERR_OK);
	assert_int_equal(json_read(public_text, strlen(public_text), &public_jwk, NULL), ERR_OK);
	assert_int_equal(json_object_size(public_jwk), countof(shown));
	for (size_t i = 0; i < countof(shown); i++)
		assert_non_null(json_get_text(public_jwk, shown[i]));
	for (size_t i = 0; i < countof(secret); i++)
		assert_non_null(json_get_text(private_jwk, secret[i]));
	assert_string_equal(json_get_text(public_jwk, "kty"), "RSA");
	assert_string_equal(json_get_text(public_jwk, "use"), "sig");
	assert_string_equal(json_get_text(public_jwk, "alg"), "RS256");
	assert_string_equal(json_get_text(public_jwk, "kid"), KID);
	assert_string_equal(json_get_text(public_jwk, "e"), "AQAB");
	/* 2048 bits are 256 bytes are 342 characters. */
	assert_int_equal(strlen(json_get_text(public_jwk, "n")), 342);
	assert_string_equal(json_get_text(public_jwk, "n"), json_get_text(private_jwk, "n"));
	json_decref(private_jwk);
	json_decref(public_jwk);
}

static void test_key_make_refuses(void **state UNUSED)
{
	char longest[LIMIT_JWS_KEY_ID + 2];
	struct buf a, b;

	memset(longest, 'k', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	buf_init(&a, LIMIT_JWK);
	buf_init(&b, LIMIT_JWK);
	assert_int_equal(jws_key_make("", 2048, &a, &b), ERR_SYNTAX);
	assert_int_equal(jws_key_make(longest, 2048, &a, &b), ERR_SYNTAX);
	assert_int_equal(jws_key_make("\xff", 2048, &a, &b), ERR_SYNTAX);
	assert_int_equal(jws_key_make(KID, 2047, &a, &b), ERR_RANGE);
	assert_int_equal(a.len + b.len, 0);
	buf_free(&a);
	buf_init(&a, 100);
	assert_int_equal(jws_key_make(KID, 2048, &a, &b), ERR_FULL);
	buf_free(&a);
	buf_free(&b);
}

static void test_key_parse_refuses(void **state UNUSED)
{
	/* Among them a short modulus, and an elliptic curve's key (RFC 7517 appendix A.1). */
	static const char *const bad[] = { "", "{", "[]", "null", "\"RSA\"", "{}",
		"{\"kty\":\"RSA\",\"kid\":\"k\"}", "{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"kid\":\"\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"kid\":7,\"n\":\"" RFC_N "\",\"e\":\"AQAB\"}",
		"{\"kty\":\"rsa\",\"kid\":\"k\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"" RFC_N
		"\",\"e\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"" RFC_N "\",\"e\":7}",
		"{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"" RFC_N "\"}",
		"{\"kty\":\"EC\",\"kid\":\"1\",\"crv\":\"P-256\","
		"\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
		"\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}" };
	char big[LIMIT_JWK + 2];
	struct jws_key *key = NULL;

	for (size_t i = 0; i < countof(bad); i++) {
		if (jws_key_parse(bad[i], strlen(bad[i]), &key) != ERR_SYNTAX)
			fail_msg("%s", bad[i]);
		assert_null(key);
	}
	memset(big, ' ', sizeof(big));
	memcpy(big, public_text, strlen(public_text));
	assert_int_equal(jws_key_parse(big, sizeof(big) - 1, &key), ERR_SYNTAX);
	assert_int_equal(jws_key_parse(big, sizeof(big) - 2, &key), ERR_OK);
	jws_key_free(&key);
	jws_key_free(&key);
	jws_key_free(NULL);
}

/* ---- signing and verifying ------------------------------------------------------------------ */

static json_t *says(void)
{
	json_t *payload = json_pack("{s:s, s:I}", "sub", "somebody", "exp", (json_int_t)1900000000);

	assert_non_null(payload);
	return payload;
}

static char *sign(const struct jws_key *key)
{
	json_t *payload = says();
	struct buf out;

	buf_init(&out, LIMIT_JWS);
	assert_int_equal(jws_sign(key, payload, &out), ERR_OK);
	json_decref(payload);
	return buf_take(&out);
}

static void test_there_and_back(void **state UNUSED)
{
	char *token = sign(own);
	char kid[LIMIT_JWS_KEY_ID + 1];
	json_t *payload = says(), *back = NULL;

	assert_int_equal(jws_key_id(token, kid), ERR_OK);
	assert_string_equal(kid, KID);
	assert_int_equal(jws_verify(own_public, token, &back), ERR_OK);
	assert_true(json_equal(payload, back));
	json_decref(back);
	assert_int_equal(jws_verify(own, token, &back), ERR_OK);
	json_decref(back);
	back = NULL;
	/* Another key of the same name. */
	assert_int_equal(jws_verify(other, token, &back), ERR_TAMPERED);
	assert_null(back);
	json_decref(payload);
	free(token);
}

/* The same numbers under another name are another key. */
static void test_the_name_is_the_keys(void **state UNUSED)
{
	char *token = sign(own), renamed[LIMIT_JWK + 1];
	struct jws_key *key = NULL;
	json_t *back = NULL;

	memcpy(renamed, public_text, sizeof(renamed));
	memcpy(strstr(renamed, KID), OTHER_KID, sizeof(OTHER_KID) - 1);
	assert_int_equal(jws_key_parse(renamed, strlen(renamed), &key), ERR_OK);
	assert_int_equal(jws_verify(key, token, &back), ERR_TAMPERED);
	assert_null(back);
	jws_key_free(&key);
	free(token);
}

static void test_header_is_ours(void **state UNUSED)
{
	char *token = sign(own);
	uint8_t header[LIMIT_JWS_HEADER + 1] = { 0 };
	size_t len = 0;

	assert_int_equal(
	    base64url_decode(token, strcspn(token, "."), header, sizeof(header) - 1, &len), ERR_OK);
	assert_string_equal(
	    (char *)header, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}");
	free(token);
}

static void test_sign_refuses(void **state UNUSED)
{
	json_t *payload = says();
	char *long_text = calloc(1, LIMIT_JWS_PAYLOAD + 1);
	struct buf out;

	buf_init(&out, LIMIT_JWS);
	assert_int_equal(jws_sign(own_public, payload, &out), ERR_STATE);
	memset(long_text, 'x', LIMIT_JWS_PAYLOAD);
	assert_int_equal(json_put_text(payload, "long", long_text), ERR_OK);
	assert_int_equal(jws_sign(own, payload, &out), ERR_FULL);
	assert_int_equal(out.len, 0);
	buf_free(&out);
	json_decref(payload);
	free(long_text);
}

/* RFC 7515 appendix A.2: well formed and rightly signed, but without the kid that ours must have. */
static void test_rfc_token_has_no_kid(void **state UNUSED)
{
	static const char token[] =
	    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
	    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3X"
	    "OiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB-"
	    "-f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j"
	    "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhW"
	    "kWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
	char kid[LIMIT_JWS_KEY_ID + 1];

	assert_int_equal(jws_key_id(token, kid), ERR_SYNTAX);
}

/* ---- headers that are not ours -------------------------------------------------------------- */

/* The token of `own` with another header; its signature is what it was. */
static char *with_header(const char *header)
{
	char *token = sign(own), *out = calloc(1, LIMIT_JWS * 2);
	char coded[BASE64_SIZE(2048)];

	base64url_encode(header, strlen(header), coded);
	snprintf(out, LIMIT_JWS * 2, "%s%s", coded, strchr(token, '.'));
	free(token);
	return out;
}

static void test_bad_headers(void **state UNUSED)
{
#define REST ",\"typ\":\"JWT\",\"kid\":\"" KID "\"}"
	static const char *const bad[] = { "{\"alg\":\"none\"" REST, "{\"alg\":\"None\"" REST,
		"{\"alg\":\"NONE\"" REST, "{\"alg\":\"\"" REST, "{\"alg\":null" REST,
		"{\"alg\":[\"RS256\"]" REST, "{\"alg\":\"rs256\"" REST, "{\"alg\":\"RS256 \"" REST,
		"{\"alg\":\"RS384\"" REST, "{\"alg\":\"RS512\"" REST, "{\"alg\":\"PS256\"" REST,
		"{\"alg\":\"HS256\"" REST, "{\"alg\":\"HS512\"" REST, "{\"alg\":\"ES256\"" REST,
		"{\"alg\":\"EdDSA\"" REST, "{\"Alg\":\"RS256\"" REST,
		"{\"alg\":\"RS256\",\"alg\":\"RS256\"" REST,
		"{\"alg\":\"RS256\",\"crit\":[\"exp\"],\"exp\":1" REST,
		"{\"alg\":\"RS256\",\"crit\":[]" REST, "{\"alg\":\"RS256\",\"crit\":null" REST,
		"{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]" REST,
		"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"typ\":\"JWE\"}",
		"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"typ\":7}",
		"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"typ\":null}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\"}", "{\"alg\":\"RS256\",\"kid\":\"\"}",
		"{\"alg\":\"RS256\",\"kid\":7}", "{\"alg\":\"RS256\",\"kid\":\"" KID KID "\"}",
		"[\"alg\",\"RS256\"]", "null", "7", "\"RS256\"", "{\"alg\":\"RS256\"",
		"{\"alg\":\"RS256\"" REST "x", "", "{\"alg\":\"RS256\",\"kid\":\"a\\u0000b\"}",
		"{\"alg\":\"RS256\",\"kid\":\"\xff\"}" };
	char kid[LIMIT_JWS_KEY_ID + 1];
	json_t *payload = NULL;

	for (size_t i = 0; i < countof(bad); i++) {
		char *token = with_header(bad[i]);

		if (jws_key_id(token, kid) != ERR_SYNTAX ||
		    jws_verify(own_public, token, &payload) != ERR_SYNTAX)
			fail_msg("%s", bad[i]);
		free(token);
	}
	/* The harness itself does not spoil a token. */
	char *same = with_header("{\"alg\":\"RS256\"" REST);
	assert_int_equal(jws_verify(own_public, same, &payload), ERR_OK);
	json_decref(payload);
	free(same);
}

/* A header that is well formed, but not the one that was signed. */
static void test_changed_headers(void **state UNUSED)
{
	static const char *const changed[] = {
		"{\"alg\":\"RS256\",\"kid\":\"" KID "\"}",
		"{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" OTHER_KID "\"}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\",\"jku\":\"http://x\"}",
		"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"} ",
	};
	json_t *payload = NULL;

	for (size_t i = 0; i < countof(changed); i++) {
		char *token = with_header(changed[i]);

		if (jws_verify(own_public, token, &payload) != ERR_TAMPERED)
			fail_msg("%s", changed[i]);
		free(token);
	}
}

/* RFC 8725 section 2.1: the public key, which everybody has, as the secret of an HMAC. */
static void test_algorithm_confusion(void **state UNUSED)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}";
	static const char payload[] = "{\"sub\":\"somebody\"}";
	char text[1024], coded[512], token[2048], mac_text[BASE64_SIZE(SHA256_SIZE)];
	uint8_t mac[SHA256_SIZE];
	json_t *back = NULL;

	base64url_encode(header, strlen(header), coded);
	snprintf(text, sizeof(text), "%s.", coded);
	base64url_encode(payload, strlen(payload), coded);
	memcpy(text + strlen(text), coded, strlen(coded) + 1);
	assert_int_equal(
	    hmac_sha256(public_text, strlen(public_text), text, strlen(text), mac), ERR_OK);
	base64url_encode(mac, sizeof(mac), mac_text);
	snprintf(token, sizeof(token), "%s.%s", text, mac_text);
	assert_int_equal(jws_verify(own_public, token, &back), ERR_SYNTAX);
}

/* ---- tokens that are none ------------------------------------------------------------------- */

static void test_every_character_counts(void **state UNUSED)
{
	char *token = sign(own);
	size_t len = strlen(token);
	json_t *payload = NULL;

	for (size_t i = 0; i < len; i++) {
		char before = token[i];

		token[i] = before == 'A' ? 'B' : 'A';
		if (jws_verify(own_public, token, &payload) == ERR_OK)
			fail_msg("character %zu", i);
		token[i] = before;
	}
	for (size_t keep = 0; keep < len; keep++) {
		char before = token[keep];

		token[keep] = '\0';
		assert_int_not_equal(jws_verify(own_public, token, &payload), ERR_OK);
		token[keep] = before;
	}
	assert_null(payload);
	free(token);
}

static void test_shapes(void **state UNUSED)
{
	static const char *const bad[] = { "", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d",
		" ", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJub25lIn0.e30" };
	char *token = sign(own);
	char more[LIMIT_JWS + 64], kid[LIMIT_JWS_KEY_ID + 1];
	json_t *payload = NULL;

	for (size_t i = 0; i < countof(bad); i++) {
		assert_int_equal(jws_verify(own_public, bad[i], &payload), ERR_SYNTAX);
		assert_int_equal(jws_key_id(bad[i], kid), ERR_SYNTAX);
	}
	static const char *const around[][2] = { { " ", "" }, { "", " " }, { "", "." }, { ".", "" },
		{ "", "=" }, { "", "==" }, { "", "\n" }, { "", "A" }, { "", ".e30" } };
	for (size_t i = 0; i < countof(around); i++) {
		snprintf(more, sizeof(more), "%s%s%s", around[i][0], token, around[i][1]);
		assert_int_not_equal(jws_verify(own_public, more, &payload), ERR_OK);
		assert_null(payload);
	}
	free(token);
}

static void test_huge(void **state UNUSED)
{
	size_t size = 1 << 20;
	char *token = malloc(size + 1), kid[LIMIT_JWS_KEY_ID + 1];
	json_t *payload = NULL;

	memset(token, 'A', size);
	token[size] = '\0';
	assert_int_equal(jws_verify(own_public, token, &payload), ERR_SYNTAX);
	token[1000] = token[2000] = '.';
	assert_int_equal(jws_key_id(token, kid), ERR_SYNTAX);
	/* Within the limit, but a part of it is too long. */
	token[LIMIT_JWS] = '\0';
	assert_int_equal(jws_key_id(token, kid), ERR_SYNTAX);
	/* Each part of it would do. */
	char *whole = sign(own);
	size_t head = strcspn(whole, ".");
	memset(token, 'A', size);
	memcpy(token, whole, head + 1);
	token[head + 1 + 2000] = '.';
	token[LIMIT_JWS] = '\0';
	assert_int_equal(jws_key_id(token, kid), ERR_OK);
	token[LIMIT_JWS] = 'A';
	token[LIMIT_JWS + 4] = '\0';
	assert_int_equal(jws_key_id(token, kid), ERR_SYNTAX);
	free(whole);
	free(token);
}

/* A payload that was really signed, but says nothing that can be read in one way. */
static void test_payload_must_be_an_object(void **state UNUSED)
{
	json_t *values[] = { json_array(), json_string("text"), json_integer(7), json_null() };

	for (size_t i = 0; i < countof(values); i++) {
		json_t *payload = NULL;
		struct buf out;

		buf_init(&out, LIMIT_JWS);
		assert_int_equal(jws_sign(own, values[i], &out), ERR_OK);
		assert_int_equal(jws_verify(own_public, buf_str(&out), &payload), ERR_SYNTAX);
		assert_null(payload);
		buf_free(&out);
		json_decref(values[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_texts),
		cmocka_unit_test(test_key_make_refuses),
		cmocka_unit_test(test_key_parse_refuses),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_the_name_is_the_keys),
		cmocka_unit_test(test_header_is_ours),
		cmocka_unit_test(test_sign_refuses),
		cmocka_unit_test(test_rfc_token_has_no_kid),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_changed_headers),
		cmocka_unit_test(test_algorithm_confusion),
		cmocka_unit_test(test_every_character_counts),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_payload_must_be_an_object),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
