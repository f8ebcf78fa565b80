/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_key.c: the life of API keys: making, what may be made by whom, pairs, look-up, replacing,
 * revoking, last use. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "key.h"
#include "scope.h"
#include "stmt.h"
#include "tx.h"

#define DAY_MS INT64_C(86400000)
#define DAY_S 86400

static int set_up(void **state)
{
	core_set_up(state);
	core_act(core_tenant(), ENV_LIVE);
	return 0;
}

static struct uuid app(void)
{
	return ctx.actor.application_id;
}

static struct key_new new_key(void)
{
	return (struct key_new){ .application_id = app(),
		.environment = ENV_LIVE,
		.name = "Server",
		.scopes = SCOPE_KYC_READ | SCOPE_KYC_VERIFY,
		.expires_at_ms = TIME_NONE };
}

static struct key_new of_kind(enum key_kind kind)
{
	struct key_new key = new_key();

	key.kind = kind;
	if (key_format_of(kind, ENV_LIVE)->fixed)
		key.scopes = 0;
	return key;
}

static struct key_made must_make(const struct key_new *key)
{
	struct key_made made;

	assert_int_equal(key_create(&ctx, key, &made), ERR_OK);
	return made;
}

static struct key_made must_rotate(struct uuid id, int64_t overlap_s)
{
	struct key_made made;

	assert_int_equal(key_rotate(&ctx, app(), NULL, id, overlap_s, &made), ERR_OK);
	return made;
}

static enum err find(const char *text, struct key_found *ret_found)
{
	uint8_t hash[32];

	assert_int_equal(key_hash(&ctx, text, hash), ERR_OK);
	return key_find(&ctx, hash, ret_found);
}

static void is(const char *text, enum err expected)
{
	struct key_found found;

	assert_int_equal(find(text, &found), expected);
}

static int64_t count_keys(void)
{
	struct row_key_list *rows = NULL;
	size_t count = 0;

	assert_int_equal(key_list(&ctx, app(), NULL, &rows, &count), ERR_OK);
	return (int64_t)count;
}

/* ---- making ------------------------------------------------------------------------------- */

static void test_a_key_lives(void **state UNUSED)
{
	struct key_new key = new_key();
	struct key_made made = must_make(&key);
	struct key_found found;

	assert_true(key_plausible(made.text));
	assert_int_equal(strncmp(made.text, "dme_live_", 9), 0);
	assert_int_equal(strlen(made.text), 9 + 42 + 6);
	assert_int_equal(strncmp(made.row.prefix, made.text, 13), 0);
	assert_string_equal(made.row.last4, made.text + strlen(made.text) - 4);
	assert_string_equal(made.row.scopes, "kyc.verify kyc.read");
	assert_true(uuid_is_nil(made.pair_id) && made.pair_text == NULL);
	/* The key itself is nowhere. */
	assert_int_equal(core_number("SELECT COUNT(*) FROM api_key WHERE hash LIKE 'dme%' OR "
				     "LENGTH(prefix) > 14"),
	    0);
	assert_int_equal(find(made.text, &found), ERR_OK);
	assert_true(uuid_equal(found.application_id, app()));
	assert_true(found.scopes == key.scopes && found.environment == ENV_LIVE);
	assert_int_equal(count_keys(), 1);
	assert_int_equal(key_revoke(&ctx, core_tenant(), NULL, made.row.id), ERR_KEY_NOT_FOUND);
	assert_int_equal(key_revoke(&ctx, app(), "sandbox", made.row.id), ERR_KEY_NOT_FOUND);
	is(made.text, ERR_OK);
	assert_int_equal(key_revoke(&ctx, app(), NULL, made.row.id), ERR_OK);
	assert_int_equal(key_revoke(&ctx, app(), NULL, made.row.id), ERR_KEY_NOT_FOUND);
	is(made.text, ERR_UNAUTHORIZED);
	assert_int_equal(count_keys(), 0);
}

static void test_every_kind(void **state UNUSED)
{
	static const uint64_t rights[] = { [KEYKIND_SERVER] = SCOPE_KYC_READ | SCOPE_KYC_VERIFY,
		[KEYKIND_PARTNER] = SCOPE_KYC_READ | SCOPE_KYC_VERIFY,
		[KEYKIND_SECRET] = SCOPE_AGE,
		[KEYKIND_PUBLISHABLE] = SCOPE_AGE_SUBMIT,
		[KEYKIND_APPLICATION] = SCOPE_EVERY };
	static const char *const given[] = { [KEYKIND_SERVER] = "kyc.verify kyc.read",
		[KEYKIND_PARTNER] = "kyc.verify kyc.read",
		[KEYKIND_SECRET] = "",
		[KEYKIND_APPLICATION] =
		    "kyc.verify kyc.read score.get keys.read keys.write webhooks.read "
		    "webhooks.write sessions:read sessions:write analytics:read" };
	static const enum key_kind kinds[] = { KEYKIND_SERVER, KEYKIND_PARTNER, KEYKIND_SECRET,
		KEYKIND_APPLICATION };

	for (size_t i = 0; i < countof(kinds); i++) {
		for (int environment = 0; environment < ENV__MAX; environment++) {
			struct key_new key = of_kind(kinds[i]);
			struct key_found found;

			key.environment = (enum environment)environment;
			struct key_made made = must_make(&key);
			assert_string_equal(made.row.kind, key_kind_word(kinds[i]));
			assert_string_equal(made.row.scopes, given[kinds[i]]);
			assert_int_equal(find(made.text, &found), ERR_OK);
			assert_int_equal(found.kind, kinds[i]);
			assert_int_equal(found.environment, environment);
			assert_true(found.scopes == rights[kinds[i]]);
			assert_int_equal(made.pair_text != NULL, kinds[i] == KEYKIND_SECRET);
			if (made.pair_text == NULL)
				continue;
			assert_int_equal(strncmp(made.pair_text, "pk_verify_", 10), 0);
			assert_int_equal(find(made.pair_text, &found), ERR_OK);
			assert_int_equal(found.kind, KEYKIND_PUBLISHABLE);
			assert_int_equal(found.environment, environment);
			assert_true(found.scopes == rights[KEYKIND_PUBLISHABLE]);
			assert_true(uuid_equal(found.id, made.pair_id));
		}
	}
}

static void refuse(const struct key_new *key, enum err expected)
{
	struct key_made made = { .text = NULL };

	assert_int_equal(key_create(&ctx, key, &made), expected);
	assert_null(made.text);
	assert_int_equal(count_keys(), 0);
}

static void test_keys_that_are_refused(void **state UNUSED)
{
	struct key_new key = new_key();

	key.scopes = 0;
	refuse(&key, ERR_VALIDATION);
	key = new_key();
	key.name = "";
	refuse(&key, ERR_VALIDATION);
	key = new_key();
	key.expires_at_ms = clock_now_ms() - 1;
	refuse(&key, ERR_VALIDATION);
	/* The age family's scopes are given to nobody. */
	for (int kind = 0; kind < KEYKIND__MAX; kind++) {
		key = of_kind((enum key_kind)kind);
		key.scopes |= SCOPE_AGE_READ;
		refuse(&key, ERR_VALIDATION);
	}
	/* Nor is anything to those whose kind says what they may do. */
	key = of_kind(KEYKIND_SECRET);
	key.scopes = SCOPE_KYC_READ;
	refuse(&key, ERR_VALIDATION);
	/* A publishable key without its secret, a secret one that has another's. */
	key = of_kind(KEYKIND_PUBLISHABLE);
	refuse(&key, ERR_VALIDATION);
	key = of_kind(KEYKIND_SERVER);
	key.pair_id = app();
	refuse(&key, ERR_VALIDATION);
}

/* contract/README.md: nobody can give a key more than the key in use has, and only a live key
 * makes live keys. */
static void test_nobody_gives_more_than_he_has(void **state UNUSED)
{
	static const struct {
		uint64_t has;
		enum environment environment;
		enum key_kind kind;
		enum environment made_for;
		uint64_t given;
		enum err err;
	} rows[] = {
		{ SCOPE_ALL, ENV_LIVE, KEYKIND_SERVER, ENV_LIVE, SCOPE_ALL, ERR_OK },
		{ SCOPE_ALL, ENV_LIVE, KEYKIND_PARTNER, ENV_SANDBOX, SCOPE_ALL, ERR_OK },
		{ SCOPE_ALL, ENV_SANDBOX, KEYKIND_PARTNER, ENV_SANDBOX, SCOPE_ALL, ERR_OK },
		{ SCOPE_ALL, ENV_SANDBOX, KEYKIND_SERVER, ENV_LIVE, SCOPE_ALL, ERR_FORBIDDEN },
		{ SCOPE_ALL, ENV_SANDBOX, KEYKIND_PARTNER, ENV_LIVE, SCOPE_ALL, ERR_FORBIDDEN },
		{ SCOPE_KEYS_WRITE, ENV_LIVE, KEYKIND_SERVER, ENV_LIVE, SCOPE_KYC_READ,
		    ERR_FORBIDDEN },
		{ SCOPE_KEYS_WRITE, ENV_LIVE, KEYKIND_PARTNER, ENV_LIVE, SCOPE_KYC_READ,
		    ERR_FORBIDDEN },
		/* Another purse: keys.write opens it, in its own environment. */
		{ SCOPE_KEYS_WRITE, ENV_LIVE, KEYKIND_SECRET, ENV_LIVE, 0, ERR_OK },
		{ SCOPE_KEYS_WRITE, ENV_LIVE, KEYKIND_SECRET, ENV_SANDBOX, 0, ERR_OK },
		{ SCOPE_KEYS_WRITE, ENV_SANDBOX, KEYKIND_SECRET, ENV_SANDBOX, 0, ERR_OK },
		{ SCOPE_KEYS_WRITE, ENV_SANDBOX, KEYKIND_SECRET, ENV_LIVE, 0, ERR_FORBIDDEN },
		{ SCOPE_ALL & ~SCOPE_KEYS_WRITE, ENV_LIVE, KEYKIND_SECRET, ENV_LIVE, 0,
		    ERR_FORBIDDEN },
		{ SCOPE_AGE, ENV_LIVE, KEYKIND_SECRET, ENV_LIVE, 0, ERR_FORBIDDEN },
		/* An application's key may do more than any other: only its like makes it. */
		{ SCOPE_ALL, ENV_LIVE, KEYKIND_APPLICATION, ENV_LIVE, 0, ERR_FORBIDDEN },
		{ SCOPE_EVERY, ENV_LIVE, KEYKIND_APPLICATION, ENV_LIVE, 0, ERR_OK },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct key_new key = of_kind(rows[i].kind);
		struct key_made made;

		ctx.actor.scopes = rows[i].has;
		ctx.actor.environment = rows[i].environment;
		key.environment = rows[i].made_for;
		key.scopes = rows[i].given;
		if (key_create(&ctx, &key, &made) != rows[i].err)
			fail_msg("row %zu", i);
	}
	/* Operators are no keys. */
	ctx.actor = (struct actor){ .kind = ACTOR_OPERATOR, .application_id = app() };
	struct key_new key = of_kind(KEYKIND_APPLICATION);
	(void)must_make(&key);
}

static void test_a_key_expires(void **state UNUSED)
{
	struct key_new key = of_kind(KEYKIND_SECRET);

	key.expires_at_ms = clock_now_ms() + DAY_MS;
	struct key_made made = must_make(&key);
	clock_set(key.expires_at_ms - 1);
	is(made.text, ERR_OK);
	is(made.pair_text, ERR_OK);
	clock_set(key.expires_at_ms);
	is(made.text, ERR_UNAUTHORIZED);
	is(made.pair_text, ERR_UNAUTHORIZED);
	assert_int_equal(count_keys(), 0);
}

/* ---- pairs -------------------------------------------------------------------------------- */

static void test_a_pair_ends_with_its_secret(void **state UNUSED)
{
	struct key_new key = of_kind(KEYKIND_SECRET);
	struct key_made one = must_make(&key), other = must_make(&key);

	assert_int_equal(count_keys(), 4);
	assert_int_equal(key_revoke(&ctx, app(), NULL, one.pair_id), ERR_OK);
	is(one.pair_text, ERR_UNAUTHORIZED);
	is(one.text, ERR_OK);
	assert_int_equal(key_revoke(&ctx, app(), NULL, other.row.id), ERR_OK);
	is(other.text, ERR_UNAUTHORIZED);
	is(other.pair_text, ERR_UNAUTHORIZED);
	is(one.text, ERR_OK);
	assert_int_equal(count_keys(), 1);
}

static enum err make_and_fail(struct ctx *context, void *arg)
{
	struct key_new key = of_kind(KEYKIND_SECRET);
	enum err err = key_create(context, &key, arg);

	return err == ERR_OK ? ERR_STATE : err;
}

static void test_both_of_a_pair_or_neither(void **state UNUSED)
{
	struct key_made made = { .text = NULL };

	assert_int_equal(tx_run(&ctx, make_and_fail, &made), ERR_STATE);
	assert_int_equal(count_keys(), 0);
	is(made.text, ERR_UNAUTHORIZED);
	is(made.pair_text, ERR_UNAUTHORIZED);
}

/* ---- replacing ---------------------------------------------------------------------------- */

static void test_rotation_keeps_what_the_key_is(void **state UNUSED)
{
	for (int kind = 0; kind < KEYKIND__MAX; kind++) {
		struct key_new key = of_kind((enum key_kind)kind);
		struct key_found before, after;

		if (kind == KEYKIND_PUBLISHABLE)
			continue;
		key.environment = kind == KEYKIND_PARTNER ? ENV_SANDBOX : ENV_LIVE;
		key.expires_at_ms = clock_now_ms() + 30 * DAY_MS;
		struct key_made old = must_make(&key);
		struct key_made made = must_rotate(old.row.id, DAY_S);
		assert_string_not_equal(made.text, old.text);
		assert_string_equal(made.row.kind, old.row.kind);
		assert_string_equal(made.row.name, old.row.name);
		assert_string_equal(made.row.environment, old.row.environment);
		assert_string_equal(made.row.scopes, old.row.scopes);
		assert_true(made.row.expires_at == key.expires_at_ms);
		assert_int_equal(find(old.text, &before), ERR_OK);
		assert_int_equal(find(made.text, &after), ERR_OK);
		assert_true(before.scopes == after.scopes);
		assert_true(before.expires_at_ms <= clock_now_ms() + DAY_MS);
		assert_int_equal(made.pair_text != NULL, kind == KEYKIND_SECRET);
	}
}

static void test_the_overlap_is_exact(void **state UNUSED)
{
	static const int64_t overlaps_s[] = { 1, 60, DAY_S, 7 * DAY_S };
	int64_t now_ms = clock_now_ms() / 1000 * 1000;

	for (size_t i = 0; i < countof(overlaps_s); i++) {
		struct key_new key = of_kind(KEYKIND_SECRET);

		clock_set(now_ms);
		struct key_made old = must_make(&key);
		struct key_made made = must_rotate(old.row.id, overlaps_s[i]);
		clock_set(now_ms + overlaps_s[i] * 1000 - 1);
		is(old.text, ERR_OK);
		is(old.pair_text, ERR_OK);
		clock_set(now_ms + overlaps_s[i] * 1000);
		is(old.text, ERR_UNAUTHORIZED);
		is(old.pair_text, ERR_UNAUTHORIZED);
		is(made.text, ERR_OK);
		is(made.pair_text, ERR_OK);
		now_ms += 8 * DAY_MS;
	}
}

static void test_without_an_overlap_the_old_one_is_revoked(void **state UNUSED)
{
	struct key_new key = of_kind(KEYKIND_SECRET);
	struct key_made old = must_make(&key);
	struct key_made made = must_rotate(old.row.id, 0);

	is(old.text, ERR_UNAUTHORIZED);
	is(old.pair_text, ERR_UNAUTHORIZED);
	is(made.text, ERR_OK);
	is(made.pair_text, ERR_OK);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM api_key WHERE revoked_at IS NOT NULL AND "
			"application_id = (SELECT MAX(id) FROM application)"),
	    2);
}

/* Its own end is nearer: the rotation does not put it off. */
static void test_rotation_never_lengthens(void **state UNUSED)
{
	struct key_new key = new_key();
	struct key_found found;

	key.expires_at_ms = clock_now_ms() + 60000;
	struct key_made old = must_make(&key);
	struct key_made made = must_rotate(old.row.id, DAY_S);
	assert_int_equal(find(old.text, &found), ERR_OK);
	assert_true(found.expires_at_ms == key.expires_at_ms);
	assert_true(made.row.expires_at == key.expires_at_ms);
}

/* The overlap ends the old key; its successors live as long as the old one was meant to. */
static void test_rotating_twice(void **state UNUSED)
{
	struct key_new endless = new_key(), ending = new_key();

	ending.expires_at_ms = clock_now_ms() + 90 * DAY_MS;
	struct key_made one = must_make(&endless), other = must_make(&ending);
	(void)must_rotate(one.row.id, DAY_S);
	(void)must_rotate(other.row.id, DAY_S);
	assert_true(must_rotate(one.row.id, 7 * DAY_S).row.expires_at == TIME_NONE);
	assert_true(must_rotate(other.row.id, 60).row.expires_at == ending.expires_at_ms);
	struct key_found found;
	assert_int_equal(find(one.text, &found), ERR_OK);
	assert_true(found.expires_at_ms <= clock_now_ms() + DAY_MS);
	assert_int_equal(find(other.text, &found), ERR_OK);
	assert_true(found.expires_at_ms <= clock_now_ms() + 60000);
}

static void test_a_publishable_key_alone(void **state UNUSED)
{
	struct key_new key = of_kind(KEYKIND_SECRET);
	struct key_made pair = must_make(&key);
	struct key_made made = must_rotate(pair.pair_id, DAY_S);

	assert_string_equal(made.row.kind, "publishable");
	assert_null(made.pair_text);
	is(pair.pair_text, ERR_OK);
	is(made.text, ERR_OK);
	is(pair.text, ERR_OK);
	/* Both end with the secret. */
	struct key_made next = must_rotate(pair.row.id, 0);
	is(pair.pair_text, ERR_UNAUTHORIZED);
	is(made.text, ERR_UNAUTHORIZED);
	is(next.pair_text, ERR_OK);
}

static enum err try_rotate(struct uuid application_id, const char *environment, struct uuid id)
{
	struct key_made made = { .text = NULL };
	enum err err = key_rotate(&ctx, application_id, environment, id, DAY_S, &made);

	assert_null(made.text);
	return err;
}

static void test_rotations_that_are_refused(void **state UNUSED)
{
	struct key_new key = new_key();
	struct key_made made = must_make(&key);
	struct uuid id = made.row.id;

	assert_int_equal(try_rotate(core_tenant(), NULL, id), ERR_KEY_NOT_FOUND);
	assert_int_equal(try_rotate(app(), "sandbox", id), ERR_KEY_NOT_FOUND);
	assert_int_equal(try_rotate(app(), NULL, app()), ERR_KEY_NOT_FOUND);
	/* More scopes than the key in use has, and an environment that it cannot make. */
	ctx.actor.scopes = SCOPE_KEYS_WRITE;
	assert_int_equal(try_rotate(app(), NULL, id), ERR_FORBIDDEN);
	ctx.actor.scopes = SCOPE_ALL;
	ctx.actor.environment = ENV_SANDBOX;
	assert_int_equal(try_rotate(app(), NULL, id), ERR_FORBIDDEN);
	ctx.actor.environment = ENV_LIVE;
	/* An application's own key, by a lesser one. */
	struct key_made own;
	assert_int_equal(key_regenerate(&ctx, app(), 0, &own), ERR_FORBIDDEN);
	ctx.actor.scopes = SCOPE_EVERY;
	assert_int_equal(key_regenerate(&ctx, app(), 0, &own), ERR_OK);
	ctx.actor.scopes = SCOPE_ALL;
	assert_int_equal(try_rotate(app(), NULL, own.row.id), ERR_FORBIDDEN);
	/* Nothing of all this has ended anything. */
	is(made.text, ERR_OK);
	is(own.text, ERR_OK);
	assert_int_equal(count_keys(), 2);
	assert_int_equal(key_revoke(&ctx, app(), NULL, id), ERR_OK);
	assert_int_equal(try_rotate(app(), NULL, id), ERR_KEY_NOT_FOUND);
	key.expires_at_ms = clock_now_ms() + 1000;
	made = must_make(&key);
	clock_set(key.expires_at_ms);
	assert_int_equal(try_rotate(app(), NULL, made.row.id), ERR_KEY_NOT_FOUND);
}

/* An application has one key of its own, and for an overlap two. */
static void test_regenerating(void **state UNUSED)
{
	struct key_made first, second, third;

	assert_int_equal(key_regenerate(&ctx, core_tenant(), 0, &first), ERR_OK);
	assert_int_equal(key_regenerate(&ctx, app(), 0, &first), ERR_OK);
	assert_int_equal(strlen(first.text), 43);
	assert_string_equal(first.row.kind, "application");
	assert_string_equal(first.row.environment, "live");
	assert_int_equal(key_regenerate(&ctx, app(), 3600, &second), ERR_OK);
	is(first.text, ERR_OK);
	is(second.text, ERR_OK);
	assert_int_equal(key_regenerate(&ctx, app(), 0, &third), ERR_OK);
	is(first.text, ERR_UNAUTHORIZED);
	is(second.text, ERR_UNAUTHORIZED);
	is(third.text, ERR_OK);
	assert_int_equal(count_keys(), 1);
	assert_int_equal(key_regenerate(&ctx, third.row.id, 0, &third), ERR_MISSING);
}

/* ---- use ---------------------------------------------------------------------------------- */

/* At most one note a minute. */
static void test_a_key_is_touched(void **state UNUSED)
{
	struct key_new key = new_key();
	struct row_key_get after;
	int64_t now_ms = clock_now_ms();
	struct key_made made = must_make(&key);

	assert_true(made.row.last_used_at == TIME_NONE);
	/* Until a minute has passed nothing is written. */
	static const struct {
		int64_t at_ms, noted_ms;
	} steps[] = { { 0, 0 }, { 30000, 0 }, { 59999, 0 }, { 60000, 60000 }, { 90000, 60000 } };
	for (size_t i = 0; i < countof(steps); i++) {
		clock_set(now_ms + steps[i].at_ms);
		assert_int_equal(key_touch(&ctx, key.application_id, made.row.id), ERR_OK);
		assert_int_equal(
		    q_key_get(ctx.db, ctx.arena, key.application_id, made.row.id, &after), ERR_OK);
		assert_true(after.last_used_at == now_ms + steps[i].noted_ms);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_a_key_lives),
		TEST(test_every_kind),
		TEST(test_keys_that_are_refused),
		TEST(test_nobody_gives_more_than_he_has),
		TEST(test_a_key_expires),
		TEST(test_a_pair_ends_with_its_secret),
		TEST(test_both_of_a_pair_or_neither),
		TEST(test_rotation_keeps_what_the_key_is),
		TEST(test_the_overlap_is_exact),
		TEST(test_without_an_overlap_the_old_one_is_revoked),
		TEST(test_rotation_never_lengthens),
		TEST(test_rotating_twice),
		TEST(test_a_publishable_key_alone),
		TEST(test_rotations_that_are_refused),
		TEST(test_regenerating),
		TEST(test_a_key_is_touched),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
