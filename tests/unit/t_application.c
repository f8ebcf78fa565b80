/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_application.c: applications, as the people of their organisation manage them: what they say of
 * themselves, their keys, their end. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "application.h"
#include "clock.h"
#include "idem.h"
#include "key.h"
#include "limits.h"
#include "org.h"
#include "str.h"
#include "tx.h"
#include "webhook.h"

#define HOUR_MS INT64_C(3600000)

static struct uuid org;
static const struct application_about nothing;

static const char *hex(struct uuid id)
{
	static char text[33];

	for (size_t i = 0; i < sizeof(id.b); i++)
		snprintf(text + 2 * i, 3, "%02X", id.b[i]);
	return text;
}

static int set_up(void **state)
{
	core_set_up(state);
	ctx.actor = (struct actor){ .kind = ACTOR_OPERATOR };
	assert_int_equal(org_create(&ctx, "Acme", &org), ERR_OK);
	return 0;
}

static struct application must_make(const struct application_about *about, const char **ret_key)
{
	struct application application;
	const char *key = NULL;

	assert_int_equal(application_make(&ctx, org, about, &application, &key), ERR_OK);
	if (ret_key != NULL)
		*ret_key = key;
	return application;
}

static enum err find(const char *text, struct key_found *ret_key)
{
	uint8_t hash[32];

	assert_int_equal(key_hash(&ctx, text, hash), ERR_OK);
	return key_find(&ctx, hash, ret_key);
}

static void is(const char *text, enum err expected)
{
	struct key_found key;

	assert_int_equal(find(text, &key), expected);
}

static size_t count_own(void)
{
	struct application *list = NULL;
	size_t count = 0;

	assert_int_equal(application_own(&ctx, org, &list, &count), ERR_OK);
	return count;
}

/* ---- addresses ------------------------------------------------------------------------------------- */

static void test_addresses(void **state UNUSED)
{
	static const char *const good[] = { "https://acme.example", "http://acme.example/",
		"HTTPS://Acme.Example:8443/a/b?c=d&e#f", "http://localhost:3000/callback",
		"http://127.0.0.1/", "https://[2001:db8::1]/x", "https://[::1]:8080",
		"https://a.example?x", "https://a.example#x", "https://a.example:/",
		"https://xn--mller-kva.example/%C3%BC", "https://a.example/@/:x" };
	static const char *const bad[] = { "", "acme.example", "//acme.example", "https:acme",
		"https://", "https:///x", "https://?x", "https://:443/", "ftp://acme.example",
		"javascript:alert(1)", "https://u@a.example", "https://u:p@a.example/",
		"https://a.example/ x", "https://a.example/\n", "https://a.example/\x7f",
		"https://m\xc3\xbcller.example/", "https://a.example/<x>", "https://a.example/\"",
		"https://a.example\\b", "https://a.example:0/", "https://a.example:65536/",
		"https://a.example:443x/", "https://a.example:443:1/", "https://[::1",
		"https://[]/", "https://::1]/", "https://a[b/", "https://a.example:123456/",
		"data:text/html,x" };

	for (size_t i = 0; i < countof(good); i++) {
		if (!application_url_ok(good[i]))
			fail_msg("refused: %s", good[i]);
	}
	for (size_t i = 0; i < countof(bad); i++) {
		if (application_url_ok(bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_their_length(void **state UNUSED)
{
	char url[LIMIT_URL + 2] = "https://a.example/";

	memset(url + strlen(url), 'x', sizeof(url) - strlen(url));
	url[LIMIT_URL + 1] = '\0';
	assert_false(application_url_ok(url));
	url[LIMIT_URL] = '\0';
	assert_true(application_url_ok(url));
}

static void test_lists_of_addresses(void **state UNUSED)
{
	struct buf text;

	assert_true(application_uris_ok("[]"));
	assert_true(application_uris_ok("[\"https://a.example/x\",\"https://a.example/X\"]"));
	assert_false(application_uris_ok("[\"https://a.example/x\",\"https://a.example/x\"]"));
	assert_false(application_uris_ok("[\"https://a.example/x\",1]"));
	assert_false(application_uris_ok("{}"));
	assert_false(application_uris_ok("x"));
	buf_init(&text, 4096);
	buf_addc(&text, '[');
	for (int i = 0; i < LIMIT_REDIRECT_URIS; i++)
		buf_printf(&text, "%s\"https://a.example/%d\"", i == 0 ? "" : ",", i);
	buf_addc(&text, ']');
	assert_true(application_uris_ok(buf_str(&text)));
	text.len--;
	buf_adds(&text, ",\"https://a.example/more\"]");
	assert_false(application_uris_ok(buf_str(&text)));
	buf_free(&text);
}

/* ---- making ------------------------------------------------------------------------------------------ */

static void test_one_is_made(void **state UNUSED)
{
	const struct application_about about = { .name = "Acme Customer App",
		.website_url = "https://acme.example",
		.redirect_uris = "[\"https://acme.example/b\",\"https://acme.example/a\"]",
		.description = "Ours" };
	const char *text = NULL;
	struct application made = must_make(&about, &text), shown;
	struct key_found key;

	assert_int_equal(application_show(&ctx, org, made.row.id, &shown), ERR_OK);
	assert_string_equal(shown.row.name, about.name);
	assert_string_equal(shown.row.website_url, about.website_url);
	assert_string_equal(shown.row.redirect_uris, about.redirect_uris);
	assert_string_equal(shown.row.description, about.description);
	assert_null(shown.row.terms_url);
	assert_null(shown.row.privacy_url);
	assert_true(shown.row.updated_at == TIME_NONE);
	assert_string_equal(shown.row.key_last4, text + strlen(text) - 4);
	assert_int_equal(find(text, &key), ERR_OK);
	assert_true(uuid_equal(key.application_id, made.row.id) && key.environment == ENV_LIVE);
	/* The client's name is the id. */
	uint8_t id[16];
	size_t len = 0;
	assert_int_equal(strlen(shown.client_id), 22);
	assert_int_equal(base64url_decode(shown.client_id, 22, id, sizeof(id), &len), ERR_OK);
	assert_memory_equal(id, made.row.id.b, sizeof(id));
}

static void test_a_name_by_default(void **state UNUSED)
{
	struct application made = must_make(&nothing, NULL);
	char name[LIMIT_ORG_NAME * 2 + 1] = "", expected[LIMIT_ORG_NAME * 2 + 8];

	assert_string_equal(made.row.name, "Acme App");
	for (size_t i = 0; i < LIMIT_ORG_NAME - 2; i++)
		memcpy(name + 2 * i, "\xc3\xa9", 3);
	assert_int_equal(org_create(&ctx, name, &org), ERR_OK);
	made = must_make(&nothing, NULL);
	snprintf(expected, sizeof(expected), "%s A", name);
	assert_string_equal(made.row.name, expected);
}

static void test_what_is_refused(void **state UNUSED)
{
	static char long_name[LIMIT_APPLICATION_NAME + 2], long_text[LIMIT_APPLICATION_TEXT + 2];
	memset(long_name, 'x', sizeof(long_name) - 1);
	memset(long_text, 'x', sizeof(long_text) - 1);
	const struct application_about bad[] = { { .name = "" }, { .name = "a\nb" },
		{ .name = long_name }, { .description = long_text }, { .description = "a\tb" },
		{ .website_url = "x" }, { .terms_url = "x" }, { .privacy_url = "x" },
		{ .redirect_uris = "[\"x\"]" } };
	struct application made = must_make(&nothing, NULL), other;
	struct uuid nobody = { { 1 } };
	const char *key = NULL;

	for (size_t i = 0; i < countof(bad); i++) {
		assert_int_equal(
		    application_make(&ctx, org, &bad[i], &other, &key), ERR_VALIDATION);
		assert_int_equal(
		    application_change(&ctx, org, made.row.id, &bad[i], &other), ERR_VALIDATION);
	}
	assert_int_equal(count_own(), 1);
	assert_int_equal(
	    application_make(&ctx, nobody, &nothing, &other, &key), ERR_ORGANIZATION_NOT_FOUND);
}

/* Rows of a full organisation, each with so many bytes to say. */
static void fill(int rows, int bytes)
{
	char sql[500];

	snprintf(sql, sizeof(sql),
	    "INSERT INTO application (id, organization_id, name, redirect_uris, created_at) "
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	    "SELECT UNHEX(CONCAT(LEFT('%s', 24), LPAD(HEX(i), 8, '0'))), UNHEX('%s'), 'x', "
	    "REPEAT('x', %d), UTC_TIMESTAMP(3) FROM n",
	    rows, hex(org), hex(org), bytes);
	core_run(sql);
}

static void test_enough_is_enough(void **state UNUSED)
{
	struct application other;
	const char *key = NULL;

	fill(LIMIT_APPLICATIONS - 1, 0);
	struct application last = must_make(&nothing, NULL);
	assert_int_equal(application_make(&ctx, org, &nothing, &other, &key), ERR_FULL);
	assert_int_equal(count_own(), LIMIT_APPLICATIONS);
	assert_int_equal(application_delete(&ctx, org, last.row.id, false), ERR_OK);
	must_make(&nothing, NULL);
}

static void test_what_they_say_fits_into_one_answer(void **state UNUSED)
{
	const struct application_about shorter = { .description = "x" };
	static char words[LIMIT_APPLICATION_TEXT + 1];
	const struct application_about longer = { .description = words };
	struct application made = must_make(&nothing, NULL), other;
	const char *key = NULL;

	memset(words, 'x', sizeof(words) - 1);
	fill(96, LIMIT_APPLICATIONS_TEXT / 96 - 10);
	assert_int_equal(application_change(&ctx, org, made.row.id, &shorter, &other), ERR_OK);
	assert_int_equal(application_change(&ctx, org, made.row.id, &longer, &other), ERR_FULL);
	assert_int_equal(application_show(&ctx, org, made.row.id, &other), ERR_OK);
	assert_string_equal(other.row.description, "x");
	assert_int_equal(application_make(&ctx, org, &longer, &other, &key), ERR_FULL);
	assert_int_equal(count_own(), 97);
}

/* ---- changing ----------------------------------------------------------------------------------------- */

static void test_changing_and_clearing(void **state UNUSED)
{
	const struct application_about about = { .name = "One",
		.website_url = "https://a.example",
		.redirect_uris = "[\"https://a.example/x\"]",
		.terms_url = "https://a.example/t",
		.privacy_url = "https://a.example/p",
		.description = "d" };
	const struct application_about change = { .name = "Two" };
	const struct application_about clear = { .website_url = "",
		.redirect_uris = "[]",
		.terms_url = "",
		.privacy_url = "",
		.description = "" };
	struct application made = must_make(&about, NULL), now;

	assert_int_equal(application_change(&ctx, org, made.row.id, &nothing, &now), ERR_OK);
	assert_true(now.row.updated_at == TIME_NONE);
	assert_int_equal(application_change(&ctx, org, made.row.id, &change, &now), ERR_OK);
	assert_string_equal(now.row.name, "Two");
	assert_string_equal(now.row.website_url, about.website_url);
	assert_string_equal(now.row.redirect_uris, about.redirect_uris);
	assert_true(now.row.updated_at != TIME_NONE && now.row.created_at == made.row.created_at);
	assert_int_equal(application_change(&ctx, org, made.row.id, &clear, &now), ERR_OK);
	assert_string_equal(now.row.name, "Two");
	assert_null(now.row.website_url);
	assert_null(now.row.redirect_uris);
	assert_null(now.row.terms_url);
	assert_null(now.row.privacy_url);
	assert_null(now.row.description);
}

static void test_others(void **state UNUSED)
{
	struct application made = must_make(&nothing, NULL), other;
	struct uuid mine = org;
	const char *key = NULL;

	assert_int_equal(org_create(&ctx, "Another", &org), ERR_OK);
	assert_int_equal(
	    application_show(&ctx, org, made.row.id, &other), ERR_APPLICATION_NOT_FOUND);
	assert_int_equal(application_change(&ctx, org, made.row.id, &nothing, &other),
	    ERR_APPLICATION_NOT_FOUND);
	assert_int_equal(application_renew_key(&ctx, org, made.row.id, 0, &other, &key),
	    ERR_APPLICATION_NOT_FOUND);
	assert_int_equal(
	    application_delete(&ctx, org, made.row.id, true), ERR_APPLICATION_NOT_FOUND);
	assert_int_equal(count_own(), 0);
	org = mine;
	assert_int_equal(count_own(), 1);
}

/* ---- keys ------------------------------------------------------------------------------------------------ */

static void test_a_key_anew(void **state UNUSED)
{
	const char *first = NULL, *second = NULL, *third = NULL;
	struct application made = must_make(&nothing, &first), now;

	assert_int_equal(application_renew_key(&ctx, org, made.row.id, 60, &now, &second), ERR_OK);
	assert_string_equal(now.row.key_last4, second + strlen(second) - 4);
	is(first, ERR_OK);
	is(second, ERR_OK);
	clock_set(clock_now_ms() + 61000);
	is(first, ERR_UNAUTHORIZED);
	assert_int_equal(application_renew_key(&ctx, org, made.row.id, 0, &now, &third), ERR_OK);
	is(second, ERR_UNAUTHORIZED);
	is(third, ERR_OK);
	core_run("UPDATE api_key SET revoked_at = UTC_TIMESTAMP(3)");
	assert_int_equal(application_show(&ctx, org, made.row.id, &now), ERR_OK);
	assert_null(now.row.key_last4);
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

static void use_key(struct uuid application_id, const char *environment, int64_t hours_ago)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
	    "UPDATE api_key SET last_used_at = UTC_TIMESTAMP(3) - INTERVAL %lld HOUR + INTERVAL 10 "
	    "SECOND, environment = '%s' WHERE application_id = UNHEX('%s')",
	    (long long)hours_ago, environment, hex(application_id));
	core_run(sql);
}

static void test_one_in_use_is_not_deleted(void **state UNUSED)
{
	struct application made = must_make(&nothing, NULL);
	struct uuid id = made.row.id;

	use_key(id, "live", 24);
	assert_int_equal(application_delete(&ctx, org, id, false), ERR_APPLICATION_IN_USE);
	use_key(id, "sandbox", 1);
	core_act(id, ENV_SANDBOX);
	core_verification(NULL, true, false);
	core_act(id, ENV_LIVE);
	int64_t now_ms = clock_now_ms();
	clock_set(now_ms - 24 * HOUR_MS + 10000);
	core_run("UPDATE token_balance SET balance = 1000");
	core_verification(NULL, false, false);
	clock_set(now_ms);
	assert_int_equal(application_delete(&ctx, org, id, false), ERR_APPLICATION_IN_USE);
	clock_set(now_ms + 20000);
	use_key(id, "live", 25);
	assert_int_equal(application_delete(&ctx, org, id, false), ERR_OK);
	assert_int_equal(application_delete(&ctx, org, id, true), ERR_APPLICATION_NOT_FOUND);
}

static enum err endpoint(struct ctx *context, void *arg UNUSED)
{
	struct webhook_new webhook = { .surface = SURFACE_KYC,
		.url = "https://customer.example/",
		.events = "verification.completed",
		.enabled = true };
	struct row_webhook_get row;
	const char *secret = NULL;

	return webhook_create(context, &webhook, &row, &secret);
}

static void test_the_end(void **state UNUSED)
{
	const char *text = NULL;
	struct application made = must_make(&nothing, &text), other;
	struct uuid id = made.row.id;
	struct row_application_get row;
	struct key_made renewed;
	struct row_application_list *list = NULL;
	size_t count = 0;
	const struct key_new key = { .application_id = id,
		.environment = ENV_LIVE,
		.name = "Late",
		.scopes = 1,
		.expires_at_ms = TIME_NONE };

	use_key(id, "live", 1);
	core_act(id, ENV_LIVE);
	core_run("UPDATE token_balance SET balance = 1000");
	assert_int_equal(tx_run(&ctx, endpoint, NULL), ERR_OK);
	struct verification pending = core_verification(NULL, false, false);
	core_run("UPDATE webhook_endpoint SET disabled = 'failing', disabled_at = '2020-01-01'");
	assert_int_equal(tx_run(&ctx, endpoint, NULL), ERR_OK);
	assert_int_equal(application_delete(&ctx, org, id, true), ERR_OK);
	is(text, ERR_UNAUTHORIZED);
	assert_int_equal(application_get(&ctx, id, &row), ERR_MISSING);
	assert_int_equal(application_show(&ctx, org, id, &other), ERR_APPLICATION_NOT_FOUND);
	assert_int_equal(key_regenerate(&ctx, id, 0, &renewed), ERR_MISSING);
	assert_int_equal(count_own(), 0);
	assert_int_equal(application_list(&ctx, org, &list, &count), ERR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM webhook_endpoint WHERE "
				     "disabled = 'manual' AND disabled_at >= '2020-01-01'"),
	    2);
	assert_int_equal(core_number("SELECT COUNT(*) FROM api_key k JOIN application a "
				     "ON a.id = k.application_id WHERE a.deleted_at IS NOT NULL "
				     "AND k.revoked_at IS NULL"),
	    0);
	/* A key that was made while it ended is none. */
	ctx.actor.scopes = UINT64_MAX;
	assert_int_equal(key_create(&ctx, &key, &renewed), ERR_OK);
	is(renewed.text, ERR_UNAUTHORIZED);
	/* What it had taken on goes on. */
	char sql[200];
	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM work WHERE subject_id = UNHEX('%s')",
	    hex(pending.id));
	assert_int_equal(core_number(sql), 1);
}

/* ---- whose an idempotency key is ----------------------------------------------------------------------------- */

static enum err take(struct ctx *context, void *arg)
{
	const struct idem *idem = arg;
	enum err err = idem_take(context, idem);

	return err == ERR_OK ? idem_finish(context, idem, 201, "{}", 2) : err;
}

static void test_an_idempotency_key_is_the_persons(void **state UNUSED)
{
	struct actor one = { .kind = ACTOR_ACCOUNT, .account_id = { { 1, 2, 3 } } };
	struct actor other = { .kind = ACTOR_ACCOUNT, .account_id = { { 4, 5, 6 } } };
	struct bytes reply;
	struct idem idem;
	int64_t status = 0;
	bool found = false;

	assert_int_equal(idem_make("key", "op", "", 0, &idem), ERR_OK);
	ctx.actor = one;
	assert_int_equal(tx_run(&ctx, take, &idem), ERR_OK);
	assert_int_equal(tx_run(&ctx, take, &idem), ERR_DB_DUPLICATE);
	assert_int_equal(idem_find(&ctx, &idem, &found, &status, &reply), ERR_OK);
	assert_true(found && status == 201);
	ctx.actor = other;
	assert_int_equal(idem_find(&ctx, &idem, &found, &status, &reply), ERR_OK);
	assert_false(found);
	assert_int_equal(tx_run(&ctx, take, &idem), ERR_OK);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_addresses),
		TEST(test_their_length),
		TEST(test_lists_of_addresses),
		TEST(test_one_is_made),
		TEST(test_a_name_by_default),
		TEST(test_what_is_refused),
		TEST(test_enough_is_enough),
		TEST(test_what_they_say_fits_into_one_answer),
		TEST(test_changing_and_clearing),
		TEST(test_others),
		TEST(test_a_key_anew),
		TEST(test_one_in_use_is_not_deleted),
		TEST(test_the_end),
		TEST(test_an_idempotency_key_is_the_persons),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
