/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_jwt.c: access tokens and the keys that sign them (contract/accounts.md): what is accepted, what is
 * not, and which key signs when. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "crypt.h"
#include "json.h"
#include "jws.h"
#include "jwt.h"
#include "limits.h"
#include "reseal.h"
#include "stmt.h"
#include "str.h"

#define NOW INT64_C(1790000000000)
#define DAY_MS INT64_C(86400000)

static int set_up(void **state)
{
	core_set_up(state);
	core_settings("public_url = https://kyc.example.org\n");
	core_run("DELETE FROM jwt_key");
	clock_set(NOW);
	assert_int_equal(jwt_keys_new(&ctx.jwt_keys), ERR_OK);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	jwt_keys_free(&ctx.jwt_keys);
	clock_set(TIME_NONE);
	return 0;
}

/* Another process, which knows nothing yet. */
static void forget(void)
{
	jwt_keys_free(&ctx.jwt_keys);
	assert_int_equal(jwt_keys_new(&ctx.jwt_keys), ERR_OK);
}

static struct uuid rotate(void)
{
	struct jwt_key_info made;

	assert_int_equal(jwt_key_rotate(&ctx, &made), ERR_OK);
	return made.id;
}

static struct jwt_claims claims(void)
{
	struct jwt_claims made = { .issued_at_ms = NOW, .expires_at_ms = NOW + DAY_MS };

	assert_int_equal(uuid_make(&made.id), ERR_OK);
	assert_int_equal(uuid_make(&made.account_id), ERR_OK);
	assert_int_equal(uuid_make(&made.session_id), ERR_OK);
	return made;
}

static const char *issue(void)
{
	struct jwt_claims made = claims();
	const char *token = NULL;

	assert_int_equal(jwt_issue(&ctx, &made, &token), ERR_OK);
	return token;
}

static enum err check(const char *token)
{
	struct jwt_claims read;

	return jwt_check(&ctx, token, &read);
}

static json_t *part_of(const char *token, int number)
{
	uint8_t text[LIMIT_JWS_PAYLOAD];
	json_t *value = NULL;
	size_t len = 0;

	for (; number > 0; number--)
		token = strchr(token, '.') + 1;
	assert_int_equal(
	    base64url_decode(token, strcspn(token, "."), text, sizeof(text), &len), ERR_OK);
	assert_int_equal(json_read((char *)text, len, &value, NULL), ERR_OK);
	return value;
}

static json_t *key_set(void)
{
	json_t *value = NULL;
	struct buf text;

	buf_init(&text, LIMIT_REPLY);
	assert_int_equal(jwt_key_set(&ctx, &text), ERR_OK);
	assert_int_equal(json_read(text.data, text.len, &value, NULL), ERR_OK);
	buf_free(&text);
	return value;
}

static size_t published(void)
{
	json_t *set = key_set();
	size_t count = json_array_size(json_object_get(set, "keys"));

	json_decref(set);
	return count;
}

/* ---- there and back ------------------------------------------------------------------------------- */

static void test_issue_and_check(void **state UNUSED)
{
	struct jwt_claims made = claims(), read;
	struct uuid kid = rotate();
	char text[UUID_TEXT_SIZE];
	const char *token = NULL;

	made.issued_at_ms += 999; /* whole seconds only */
	assert_int_equal(jwt_issue(&ctx, &made, &token), ERR_OK);
	assert_int_equal(jwt_check(&ctx, token, &read), ERR_OK);
	assert_true(uuid_equal(read.id, made.id));
	assert_true(uuid_equal(read.account_id, made.account_id));
	assert_true(uuid_equal(read.session_id, made.session_id));
	assert_int_equal(read.issued_at_ms, NOW);
	assert_int_equal(read.expires_at_ms, NOW + DAY_MS);

	json_t *header = part_of(token, 0), *payload = part_of(token, 1);
	uuid_text(kid, text);
	assert_string_equal(json_get_text(header, "kid"), text);
	assert_string_equal(json_get_text(header, "alg"), "RS256");
	assert_int_equal(json_object_size(payload), 7);
	assert_string_equal(json_get_text(payload, "iss"), "https://kyc.example.org");
	assert_string_equal(json_get_text(payload, "aud"), "bonafide");
	uuid_text(made.account_id, text);
	assert_string_equal(json_get_text(payload, "sub"), text);
	uuid_text(made.session_id, text);
	assert_string_equal(json_get_text(payload, "sid"), text);
	uuid_text(made.id, text);
	assert_string_equal(json_get_text(payload, "jti"), text);
	assert_int_equal(json_integer_value(json_object_get(payload, "iat")), NOW / 1000);
	assert_int_equal(
	    json_integer_value(json_object_get(payload, "exp")), (NOW + DAY_MS) / 1000);
	json_decref(header);
	json_decref(payload);
	/* Another process reads the keys for itself. */
	forget();
	assert_int_equal(check(token), ERR_OK);
}

static void test_names_are_settings(void **state UNUSED)
{
	rotate();
	const char *here = issue();

	core_settings("jwt_issuer = someone\njwt_audience = something\n");
	assert_int_equal(check(here), ERR_TOKEN_INVALID);
	const char *there = issue();
	json_t *payload = part_of(there, 1);
	assert_string_equal(json_get_text(payload, "iss"), "someone");
	assert_string_equal(json_get_text(payload, "aud"), "something");
	json_decref(payload);
	assert_int_equal(check(there), ERR_OK);
	core_settings("jwt_issuer = someone\n");
	assert_int_equal(check(there), ERR_TOKEN_INVALID);
	core_settings("");
	payload = part_of(issue(), 1);
	assert_string_equal(json_get_text(payload, "iss"), "bonafide");
	json_decref(payload);
}

static void test_time(void **state UNUSED)
{
	struct jwt_claims made = claims();
	const char *token = NULL;

	rotate();
	made.expires_at_ms = NOW + 60000;
	assert_int_equal(jwt_issue(&ctx, &made, &token), ERR_OK);
	clock_set(NOW + 59999);
	assert_int_equal(check(token), ERR_OK);
	clock_set(NOW + 60000);
	assert_int_equal(check(token), ERR_TOKEN_INVALID);
	/* A host whose clock is behind the one that signed. */
	clock_set(NOW - 10000);
	assert_int_equal(check(token), ERR_OK);
	clock_set(NOW - 10001);
	assert_int_equal(check(token), ERR_TOKEN_INVALID);
}

/* ---- tokens that are rightly signed and say the wrong thing ---------------------------------------- */

/* The private half, as nobody outside the service can have it. */
static struct jws_key *private_key(struct uuid kid)
{
	struct row_jwt_key_private row;
	struct jws_key *key = NULL;
	struct bytes jwk;

	assert_int_equal(q_jwt_key_private(ctx.db, ctx.arena, kid, &row), ERR_OK);
	assert_int_equal(
	    seal_open(ctx.keyring, ctx.arena, "jwt_key.private", kid, row.sealed, &jwk), ERR_OK);
	assert_int_equal(jws_key_parse((const char *)jwk.data, jwk.len, &key), ERR_OK);
	return key;
}

static enum err check_payload(const struct jws_key *key, const json_t *payload)
{
	struct buf token;

	buf_init(&token, LIMIT_JWS);
	assert_int_equal(jws_sign(key, payload, &token), ERR_OK);
	enum err err = check(buf_str(&token));
	buf_free(&token);
	return err;
}

/* The payload with one member put to a value (JSON; NULL: taken away). */
static enum err check_with(const struct jws_key *key, const char *member, const char *value)
{
	json_t *payload = part_of(issue(), 1), *fresh = NULL;

	if (value != NULL)
		assert_int_equal(json_read(value, strlen(value), &fresh, NULL), ERR_OK);
	if (value != NULL)
		assert_int_equal(json_object_set_new(payload, member, fresh), 0);
	else
		assert_int_equal(json_object_del(payload, member), 0);
	enum err err = check_payload(key, payload);
	json_decref(payload);
	return err;
}

static void test_wrong_claims(void **state UNUSED)
{
	static const char *const names[] = { "iss", "aud", "sub", "sid", "jti", "iat", "exp" };
	static const char *const types[] = { NULL, "null", "7", "-1", "true", "\"\"", "\"text\"",
		"[]", "{}", "1.5", "\"1790000000\"", "9223372036854775807", "253402300800",
		"-9223372036854775808", "\"00000000-0000-0000-0000-000000000000\"",
		"\"0198C0DE-0000-7000-8000-000000000001\"", "[\"bonafide\"]", "\"bonafide \"",
		"\"Bonafide\"", "\"https://kyc.example.org/\"", "\"http://kyc.example.org\"" };
	struct jws_key *key = private_key(rotate());

	for (size_t i = 0; i < countof(names); i++) {
		for (size_t j = 0; j < countof(types); j++) {
			/* 7 is a moment long ago, which "made at" may be. */
			bool fine = types[j] != NULL && strcmp(names[i], "iat") == 0 &&
				    strcmp(types[j], "7") == 0;
			if (check_with(key, names[i], types[j]) !=
			    (fine ? ERR_OK : ERR_TOKEN_INVALID))
				fail_msg("%s: %s", names[i], types[j] == NULL ? "-" : types[j]);
		}
	}
	/* What we do not know says nothing. */
	assert_int_equal(check_with(key, "role", "\"owner\""), ERR_OK);
	jws_key_free(&key);
}

static void test_from_when(void **state UNUSED)
{
	static const struct {
		const char *member;
		const char *value;
		enum err err;
	} rows[] = {
		{ "nbf", "1790000000", ERR_OK },
		{ "nbf", "1790000010", ERR_OK },
		{ "nbf", "1790000011", ERR_TOKEN_INVALID },
		{ "nbf", "0", ERR_OK },
		{ "nbf", "null", ERR_TOKEN_INVALID },
		{ "nbf", "\"1790000000\"", ERR_TOKEN_INVALID },
		{ "nbf", "1.7e9", ERR_TOKEN_INVALID },
		{ "iat", "1790000010", ERR_OK },
		{ "iat", "1790000011", ERR_TOKEN_INVALID },
		{ "exp", "1790000001", ERR_OK },
		{ "exp", "1790000000", ERR_TOKEN_INVALID },
		{ "exp", "1789999999", ERR_TOKEN_INVALID },
	};
	struct jws_key *key = private_key(rotate());

	for (size_t i = 0; i < countof(rows); i++) {
		if (check_with(key, rows[i].member, rows[i].value) != rows[i].err)
			fail_msg("%s: %s", rows[i].member, rows[i].value);
	}
	jws_key_free(&key);
}

/* ---- tokens that are not ours ---------------------------------------------------------------------- */

static void test_not_tokens(void **state UNUSED)
{
	static const char *const bad[] = { "", " ", "token", "a.b.c", "..", "dme_live_abc",
		"eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJub25lIn0.e30.c2ln" };
	char *huge = arena_alloc(ctx.arena, 100001);

	rotate();
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(check(bad[i]), ERR_TOKEN_INVALID);
	memset(huge, 'A', 100000);
	assert_int_equal(check(huge), ERR_TOKEN_INVALID);
}

/* The same payload under another header, with a signature that fits it where there can be one. */
static enum err check_header(const char *header, bool hmac)
{
	char head[2048], text[LIMIT_JWS], tail[BASE64_SIZE(SHA256_SIZE)];
	const char *token = issue(), *payload = strchr(token, '.') + 1;
	json_t *set = key_set();
	char *jwk = json_dumps(json_array_get(json_object_get(set, "keys"), 0), JSON_COMPACT);
	uint8_t mac[SHA256_SIZE];

	base64url_encode(header, strlen(header), head);
	snprintf(text, sizeof(text), "%s.%.*s", head, (int)strcspn(payload, "."), payload);
	assert_int_equal(hmac_sha256(jwk, strlen(jwk), text, strlen(text), mac), ERR_OK);
	base64url_encode(mac, sizeof(mac), tail);
	token = arena_printf(ctx.arena, "%s.%s", text, hmac ? tail : strchr(payload, '.') + 1);
	free(jwk);
	json_decref(set);
	return check(token);
}

static void test_headers(void **state UNUSED)
{
	static const char *const algorithms[] = { "none", "None", "NONE", "HS256", "HS384", "HS512",
		"RS384", "RS512", "PS256", "ES256", "rs256", "" };
	char header[512], kid[UUID_TEXT_SIZE];

	uuid_text(rotate(), kid);
	for (size_t i = 0; i < countof(algorithms); i++) {
		snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
		    algorithms[i], kid);
		assert_int_equal(check_header(header, false), ERR_TOKEN_INVALID);
		assert_int_equal(check_header(header, true), ERR_TOKEN_INVALID);
	}
	snprintf(header, sizeof(header),
	    "{\"alg\":\"RS256\",\"crit\":[\"x\"],\"x\":1,\"kid\":\"%s\"}", kid);
	assert_int_equal(check_header(header, false), ERR_TOKEN_INVALID);
	assert_int_equal(
	    check_header("{\"alg\":\"RS256\",\"typ\":\"JWT\"}", false), ERR_TOKEN_INVALID);
	assert_int_equal(check_header("{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}", false),
	    ERR_TOKEN_INVALID);
	/* Untouched, it is a good one. */
	snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", kid);
	assert_int_equal(check_header(header, false), ERR_OK);
}

static void test_tampered(void **state UNUSED)
{
	rotate();
	char *token = arena_strdup(ctx.arena, issue());

	/* Every seventh character: sys/jws.h's own test has them all. */
	for (size_t i = 0; token[i] != '\0'; i += 7) {
		char before = token[i];
		token[i] = before == 'A' ? 'B' : 'A';
		assert_int_equal(check(token), ERR_TOKEN_INVALID);
		token[i] = before;
	}
	assert_int_equal(check(token), ERR_OK);
}

/* A key of one's own, under the name of ours and under another. */
static void test_foreign_keys(void **state UNUSED)
{
	struct buf private_jwk, public_jwk;
	struct jws_key *key = NULL;
	char kid[UUID_TEXT_SIZE];
	struct uuid id;

	uuid_text(rotate(), kid);
	for (int i = 0; i < 2; i++) {
		buf_init(&private_jwk, LIMIT_JWK);
		buf_init(&public_jwk, LIMIT_JWK);
		assert_int_equal(jws_key_make(kid, 2048, &private_jwk, &public_jwk), ERR_OK);
		assert_int_equal(jws_key_parse(private_jwk.data, private_jwk.len, &key), ERR_OK);
		json_t *payload = part_of(issue(), 1);
		assert_int_equal(check_payload(key, payload), ERR_TOKEN_INVALID);
		json_decref(payload);
		jws_key_free(&key);
		buf_free(&private_jwk);
		buf_free(&public_jwk);
		assert_int_equal(uuid_make(&id), ERR_OK);
		uuid_text(id, kid);
	}
}

/* ---- keys ------------------------------------------------------------------------------------------ */

static void test_no_key(void **state UNUSED)
{
	struct jwt_claims made = claims();
	const char *token = "untouched";
	bool can = true;

	assert_int_equal(jwt_issue(&ctx, &made, &token), ERR_NO_SIGNING_KEY);
	assert_string_equal(token, "untouched");
	assert_int_equal(err_public(ERR_NO_SIGNING_KEY), ERR_UNAVAILABLE);
	assert_int_equal(jwt_can_issue(&ctx, &can), ERR_OK);
	assert_false(can);
	assert_int_equal(published(), 0);
	/* Made meanwhile: nobody has to wait for it long. */
	rotate();
	forget();
	assert_int_equal(jwt_issue(&ctx, &made, &token), ERR_OK);
	assert_int_equal(jwt_can_issue(&ctx, &can), ERR_OK);
	assert_true(can);
}

static void test_set_has_no_secret(void **state UNUSED)
{
	static const char *const members[] = { "kty", "use", "alg", "kid", "n", "e" };

	rotate();
	json_t *set = key_set(), *key = json_array_get(json_object_get(set, "keys"), 0);
	assert_int_equal(json_object_size(set), 1);
	assert_int_equal(json_object_size(key), countof(members));
	for (size_t i = 0; i < countof(members); i++)
		assert_true(json_is_string(json_object_get(key, members[i])));
	json_decref(set);
	/* Nor has the table, other than sealed. */
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM jwt_key WHERE public_jwk LIKE '%\"d\"%' OR "
			"sealed LIKE '%\"d\"%' OR sealed LIKE '%RSA%'"),
	    0);
}

static void assert_kid(const char *token, struct uuid kid)
{
	json_t *header = part_of(token, 0);
	char text[UUID_TEXT_SIZE];

	uuid_text(kid, text);
	assert_string_equal(json_get_text(header, "kid"), text);
	json_decref(header);
}

static void test_rotate(void **state UNUSED)
{
	struct uuid first = rotate();
	const char *before = issue();
	struct jwt_key_info *keys = NULL;
	size_t count = 0;
	struct uuid second = rotate();

	/* Published at once, it signs when everybody knows it. */
	forget();
	assert_int_equal(published(), 2);
	assert_kid(issue(), first);
	clock_set(NOW + 4999);
	assert_kid(issue(), first);
	clock_set(NOW + 5000);
	assert_kid(issue(), second);
	assert_int_equal(check(before), ERR_OK);
	assert_int_equal(jwt_key_list(&ctx, &keys, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_true(uuid_equal(keys[0].id, second) && keys[0].signs && !keys[1].signs);
	assert_int_equal(keys[0].retired_at_ms, TIME_NONE);
	assert_int_equal(keys[0].expires_at_ms, TIME_NONE);
	assert_int_equal(keys[1].retired_at_ms, NOW + 5000);
	/* The last token of the first ends before its key does. */
	assert_true(keys[1].expires_at_ms >= NOW + 5000 + DAY_MS);
	assert_true(keys[1].expires_at_ms <= NOW + 5000 + DAY_MS + 120000);
}

static void test_changes_are_noted(void **state UNUSED)
{
	core_run("DELETE FROM audit");
	struct uuid first = rotate();
	rotate();
	assert_int_equal(jwt_key_revoke(&ctx, first), ERR_OK);
	assert_int_equal(jwt_key_revoke(&ctx, first), ERR_MISSING);
	assert_int_equal(core_number("SELECT COUNT(*) FROM audit WHERE action = 'jwt.rotated'"), 2);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM audit a JOIN audit b ON b.subject_id = a.subject_id "
			"WHERE a.action = 'jwt.revoked' AND b.action = 'jwt.rotated'"),
	    1);
}

static void test_retired_until_its_tokens_end(void **state UNUSED)
{
	struct uuid first = rotate();
	uint64_t deleted = 0;
	const char *token = issue();

	rotate();
	clock_set(NOW + DAY_MS - 1000);
	forget();
	assert_int_equal(check(token), ERR_OK);
	assert_int_equal(jwt_key_expire(&ctx, 10, &deleted), ERR_OK);
	assert_int_equal(deleted, 0);
	clock_set(NOW + DAY_MS + 66000);
	forget();
	assert_int_equal(published(), 1);
	assert_int_equal(jwt_key_expire(&ctx, 10, &deleted), ERR_OK);
	assert_int_equal(deleted, 1);
	assert_int_equal(jwt_key_revoke(&ctx, first), ERR_MISSING);
	assert_int_equal(core_number("SELECT COUNT(*) FROM jwt_key"), 1);
}

static void wait_lease(void)
{
	for (int64_t until = clock_mono_ms() + JWT_KEYS_LEASE_MS + 20; clock_mono_ms() < until;)
		;
}

/* A process that knows the key forgets it within its lease, without being told. */
static void test_revoke(void **state UNUSED)
{
	struct uuid first = rotate();
	const char *token = issue();
	struct jwt_claims made = claims();

	assert_int_equal(check(token), ERR_OK);
	assert_int_equal(jwt_key_revoke(&ctx, first), ERR_OK);
	wait_lease();
	assert_int_equal(check(token), ERR_TOKEN_INVALID);
	assert_int_equal(jwt_issue(&ctx, &made, &token), ERR_NO_SIGNING_KEY);
	assert_int_equal(published(), 0);
}

/* The one before does not come back, and the new one does not wait. */
static void test_revoke_while_another_waits(void **state UNUSED)
{
	struct uuid first = rotate();
	struct uuid second = rotate();

	assert_int_equal(jwt_key_revoke(&ctx, first), ERR_OK);
	assert_kid(issue(), second);
	clock_set(NOW + 6000);
	rotate();
	clock_set(NOW + 12000);
	forget();
	struct jwt_key_info *keys = NULL;
	size_t count = 0;
	assert_int_equal(jwt_key_list(&ctx, &keys, &count), ERR_OK);
	assert_true(keys[0].signs);
	assert_int_equal(jwt_key_revoke(&ctx, keys[0].id), ERR_OK);
	forget();
	/* The second is retired: a token that it signed now would outlive it. */
	struct jwt_claims made = claims();
	const char *token = NULL;
	assert_int_equal(jwt_issue(&ctx, &made, &token), ERR_NO_SIGNING_KEY);
	assert_int_equal(published(), 1);
}

/* A process that knew the key as the one in force learns that it is retired. */
static void test_retired_behind_our_back(void **state UNUSED)
{
	struct jwt_claims made = claims();
	const char *token = NULL;

	rotate();
	issue();
	assert_int_equal(jwt_key_revoke(&ctx, rotate()), ERR_OK);
	wait_lease();
	clock_set(NOW + 6000);
	assert_int_equal(jwt_issue(&ctx, &made, &token), ERR_NO_SIGNING_KEY);
}

/* A key that came a moment ago is looked for; one that never was costs one look in a lease. */
static void test_unknown_key(void **state UNUSED)
{
	static const char unknown[] =
	    "{\"alg\":\"RS256\",\"kid\":\"0198c0de-0000-7000-8000-000000000001\"}";
	char head[BASE64_SIZE(sizeof(unknown))];

	rotate();
	assert_int_equal(published(), 1);
	struct jwt_keys *mine = ctx.jwt_keys;
	ctx.jwt_keys = NULL;
	assert_int_equal(jwt_keys_new(&ctx.jwt_keys), ERR_OK);
	core_run("UPDATE jwt_key SET retired_at = signs_at");
	struct uuid second = rotate();
	clock_set(NOW + 6000);
	const char *token = issue();
	assert_kid(token, second);
	jwt_keys_free(&ctx.jwt_keys);
	ctx.jwt_keys = mine;
	assert_int_equal(check(token), ERR_OK);
	/* Deleted behind our back: known until the lease is over, and asking for others, now that it
	 * was looked for one, does not make us look. */
	core_run("DELETE FROM jwt_key");
	base64url_encode(unknown, strlen(unknown), head);
	assert_int_equal(
	    check(arena_printf(ctx.arena, "%s%s", head, strchr(token, '.'))), ERR_TOKEN_INVALID);
	assert_int_equal(check(token), ERR_OK);
}

static void test_too_many(void **state UNUSED)
{
	struct jwt_key_info made;

	for (int i = 0; i < LIMIT_JWT_KEYS; i++)
		core_run(
		    "INSERT INTO jwt_key SELECT RANDOM_BYTES(16), '{}', 'x', 1, NOW(3), NOW(3), "
		    "NOW(3), '2099-01-01'");
	assert_int_equal(jwt_key_rotate(&ctx, &made), ERR_FULL);
	assert_int_equal(core_number("SELECT COUNT(*) FROM jwt_key"), LIMIT_JWT_KEYS);
	core_run("UPDATE jwt_key SET expires_at = '2020-01-01' LIMIT 1");
	assert_int_equal(jwt_key_rotate(&ctx, &made), ERR_OK);
}

static void test_reseal(void **state UNUSED)
{
	uint32_t number = 0;
	uint64_t done = 0;
	char master[128], pepper[128];
	struct keyring *before = ctx.keyring;

	rotate();
	snprintf(master, sizeof(master), "%s", core_path("master.key"));
	snprintf(pepper, sizeof(pepper), "%s", core_path("pepper"));
	assert_int_equal(keyring_add_key(master, &number, NULL, 0), ERR_OK);
	assert_int_equal(keyring_open(master, pepper, &ctx.keyring, NULL, 0), ERR_OK);
	assert_int_equal(core_number("SELECT COUNT(*) FROM jwt_key WHERE seal_key = 1"), 1);
	assert_int_equal(reseal_run(&ctx, 100, NULL, NULL, &done), ERR_OK);
	assert_int_equal(core_number("SELECT MIN(seal_key) FROM jwt_key"), number);
	forget();
	assert_int_equal(check(issue()), ERR_OK);
	keyring_free(&before);
}

static void test_settings_that_are_refused(void **state UNUSED)
{
	static const char *const bad[] = { "jwt_audience =\n", "jwt_ttl_s = 59\n",
		"jwt_ttl_s = 2592001\n", "argon2_memory_kib = 7167\n", "argon2_passes = 0\n",
		"argon2_lanes = 17\n" };
	char line[320];

	for (size_t i = 0; i <= countof(bad); i++) {
		struct settings *settings = NULL;
		struct buf complaints;

		if (i == countof(bad))
			snprintf(line, sizeof(line), "jwt_issuer = %0256d\n", 0);
		buf_init(&complaints, 4096);
		core_write("wrong.conf", i < countof(bad) ? bad[i] : line);
		assert_int_equal(
		    settings_read(core_path("wrong.conf"), &settings, &complaints), ERR_CONFIG);
		if (strlen(buf_str(&complaints)) < 20)
			fail_msg("%s", i < countof(bad) ? bad[i] : line);
		buf_free(&complaints);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_issue_and_check),
		TEST(test_names_are_settings),
		TEST(test_time),
		TEST(test_wrong_claims),
		TEST(test_from_when),
		TEST(test_not_tokens),
		TEST(test_headers),
		TEST(test_tampered),
		TEST(test_foreign_keys),
		TEST(test_no_key),
		TEST(test_set_has_no_secret),
		TEST(test_rotate),
		TEST(test_changes_are_noted),
		TEST(test_retired_until_its_tokens_end),
		TEST(test_revoke),
		TEST(test_revoke_while_another_waits),
		TEST(test_retired_behind_our_back),
		TEST(test_unknown_key),
		TEST(test_too_many),
		TEST(test_reseal),
		TEST(test_settings_that_are_refused),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
