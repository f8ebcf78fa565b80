/* SPDX-License-Identifier: Apache-2.0 */
/* t_meter.c: what a request of each class is charged, and the exact bytes of what it is told. The
 * daily quota has no number here, so that no database is asked: t_quota has it. */
#include "base.h"
#include "dbstmt.h"
#include "meter.h"
#include "reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct route routes_of[LIMIT_CLASS__MAX] = {
	[LIMIT_CLASS_NONE] = { .limit_class = LIMIT_CLASS_NONE },
	[LIMIT_CLASS_READ] = { .limit_class = LIMIT_CLASS_READ },
	[LIMIT_CLASS_WRITE] = { .limit_class = LIMIT_CLASS_WRITE },
	[LIMIT_CLASS_AGE] = { .limit_class = LIMIT_CLASS_AGE },
	[LIMIT_CLASS_ACCOUNT] = { .limit_class = LIMIT_CLASS_ACCOUNT },
};

static struct settings settings;
static struct board board;
static struct web web;

/* A new request. */
static void request(enum limit_class class, const char *peer)
{
	reply_reset(&web);
	web.meter = (struct meter){ .retry_after_s = 0 };
	web.route = &routes_of[class];
	web.in.remote_addr = peer;
	web.in.forwarded_for = NULL;
}

static int set_up(void **state UNUSED)
{
	memset(&web, 0, sizeof(web));
	memset(&board, 0, sizeof(board));
	memset(&settings, 0, sizeof(settings));
	settings.rate_per_s = 1;
	settings.rate_burst = 3;
	settings.age_address_per_min = 2;
	settings.auth_address_per_min = 1;
	buf_init(&web.reply, 4096);
	buf_init(&web.headers, 4096);
	web.settings = &settings;
	web.board = &board;
	web.key.limits = (struct own_limits){ DB_NULL, DB_NULL, DB_NULL };
	web.key.organization_id.b[0] = 1;
	return limiter_new(&web.limiter) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	limiter_free(&web.limiter);
	buf_free(&web.reply);
	buf_free(&web.headers);
	return 0;
}

static void says(const char *headers)
{
	buf_clear(&web.headers);
	meter_headers(&web);
	assert_string_equal(buf_str(&web.headers), headers);
}

static void test_no_class_costs_nothing(void **state UNUSED)
{
	for (int i = 0; i < 10; i++) {
		request(LIMIT_CLASS_NONE, "192.0.2.1");
		assert_int_equal(meter_address(&web), ERR_OK);
		assert_int_equal(meter_organization(&web), ERR_OK);
		says("");
	}
}

#define BURST_POLICY "RateLimit-Policy: \"burst\";q=3;w=3, \"rate\";q=1;w=1\r\n"

static void test_an_organisation_is_charged(void **state UNUSED)
{
	static const char *const lines[] = { BURST_POLICY "RateLimit: \"burst\";r=2;t=1\r\n",
		BURST_POLICY "RateLimit: \"burst\";r=1;t=1\r\n",
		BURST_POLICY "RateLimit: \"burst\";r=0;t=1\r\n" };

	for (size_t i = 0; i < countof(lines); i++) {
		/* Reading and writing count alike, and the address does not matter. */
		request(
		    i % 2 == 0 ? LIMIT_CLASS_READ : LIMIT_CLASS_WRITE, i == 0 ? "::1" : "10.0.0.1");
		assert_int_equal(meter_address(&web), ERR_OK);
		assert_int_equal(meter_organization(&web), ERR_OK);
		says(lines[i]);
	}
	request(LIMIT_CLASS_READ, "192.0.2.1");
	assert_int_equal(meter_organization(&web), ERR_RATE_LIMIT_EXCEEDED);
	says(lines[2]);
	assert_int_equal(web.meter.retry_after_s, 1);
	reply_error(&web, ERR_RATE_LIMIT_EXCEEDED);
	assert_int_equal(web.status, 429);
	assert_string_equal(buf_str(&web.headers), "Retry-After: 1\r\n");
	assert_int_equal(atomic_load(&board.limited[POLICY_BURST]), 1);
	/* Another organisation is another subject. */
	web.key.organization_id.b[0] = 2;
	request(LIMIT_CLASS_READ, "192.0.2.1");
	assert_int_equal(meter_organization(&web), ERR_OK);
}

static void test_own_limits_take_the_place_of_the_settings(void **state UNUSED)
{
	web.key.limits.rate_per_s = 10;
	web.key.limits.burst = 10;
	request(LIMIT_CLASS_READ, "192.0.2.1");
	assert_int_equal(meter_organization(&web), ERR_OK);
	/* A burst as large as the rate is one policy. */
	says("RateLimit-Policy: \"burst\";q=10;w=1\r\nRateLimit: \"burst\";r=9;t=1\r\n");
	web.key.limits.rate_per_s = 0;
	request(LIMIT_CLASS_READ, "192.0.2.1");
	assert_int_equal(meter_organization(&web), ERR_OK);
	says("");
}

static void test_the_age_family_counts_both(void **state UNUSED)
{
	for (int i = 0; i < 2; i++) {
		request(LIMIT_CLASS_AGE, "192.0.2.1");
		assert_int_equal(meter_address(&web), ERR_OK);
		assert_int_equal(meter_organization(&web), ERR_OK);
	}
	says("RateLimit-Policy: \"burst\";q=3;w=3, \"rate\";q=1;w=1, \"address\";q=2;w=60\r\n"
	     "RateLimit: \"burst\";r=1;t=1, \"address\";r=0;t=30\r\n");
	request(LIMIT_CLASS_AGE, "192.0.2.1");
	assert_int_equal(meter_address(&web), ERR_RATE_LIMIT_EXCEEDED);
	says("RateLimit-Policy: \"address\";q=2;w=60\r\nRateLimit: \"address\";r=0;t=30\r\n");
	assert_int_equal(web.meter.retry_after_s, 30);
	request(LIMIT_CLASS_AGE, "192.0.2.2");
	assert_int_equal(meter_address(&web), ERR_OK);
	/* Neighbours in one /64 are one. */
	for (int i = 0; i < 3; i++) {
		request(LIMIT_CLASS_AGE, i % 2 == 0 ? "2001:db8::1" : "2001:db8::ffff:1");
		assert_int_equal(meter_address(&web), i < 2 ? ERR_OK : ERR_RATE_LIMIT_EXCEEDED);
	}
}

static void test_wrong_credentials_cost_the_address(void **state UNUSED)
{
	request(LIMIT_CLASS_READ, "192.0.2.1");
	assert_int_equal(meter_refusal(&web, ERR_UNAUTHORIZED), ERR_UNAUTHORIZED);
	says("RateLimit-Policy: \"auth\";q=1;w=60\r\nRateLimit: \"auth\";r=0;t=60\r\n");
	request(LIMIT_CLASS_READ, "192.0.2.1");
	assert_int_equal(meter_refusal(&web, ERR_UNAUTHORIZED), ERR_RATE_LIMIT_EXCEEDED);
	assert_int_equal(web.meter.retry_after_s, 60);
	assert_int_equal(atomic_load(&board.limited[POLICY_AUTH]), 1);
	/* A right one from there is as good as ever, and no organisation was charged. */
	request(LIMIT_CLASS_READ, "192.0.2.1");
	assert_int_equal(meter_address(&web), ERR_OK);
	assert_int_equal(meter_organization(&web), ERR_OK);
	says(BURST_POLICY "RateLimit: \"burst\";r=2;t=1\r\n");
	/* The database's troubles are nobody's fault. */
	request(LIMIT_CLASS_READ, "192.0.2.9");
	assert_int_equal(meter_refusal(&web, ERR_DB_NOT_READY), ERR_DB_NOT_READY);
	says("");
}

/* One request costs one, also where the class counts what a refusal counts. */
static void test_the_account_family_is_charged_once(void **state UNUSED)
{
	settings.auth_address_per_min = 2;
	for (int i = 0; i < 2; i++) {
		request(LIMIT_CLASS_ACCOUNT, "192.0.2.1");
		assert_int_equal(meter_address(&web), ERR_OK);
		assert_int_equal(meter_organization(&web), ERR_OK);
		assert_int_equal(meter_refusal(&web, ERR_UNAUTHORIZED), ERR_UNAUTHORIZED);
	}
	request(LIMIT_CLASS_ACCOUNT, "192.0.2.1");
	assert_int_equal(meter_address(&web), ERR_RATE_LIMIT_EXCEEDED);
}

static void test_a_suspended_organisation_pays_too(void **state UNUSED)
{
	for (int i = 0; i < 3; i++) {
		request(LIMIT_CLASS_READ, "192.0.2.1");
		assert_int_equal(meter_refusal(&web, ERR_TENANT_SUSPENDED), ERR_TENANT_SUSPENDED);
	}
	request(LIMIT_CLASS_READ, "192.0.2.1");
	assert_int_equal(meter_refusal(&web, ERR_TENANT_SUSPENDED), ERR_RATE_LIMIT_EXCEEDED);
}

static void test_trusted_proxies(void **state UNUSED)
{
	char reason[100];

	assert_int_equal(
	    cidr_list_parse("10.0.0.0/8", &web.trusted, reason, sizeof(reason)), ERR_OK);
	for (int i = 0; i < 3; i++) {
		request(LIMIT_CLASS_ACCOUNT, "10.0.0.1");
		web.in.forwarded_for = i == 0 ? "192.0.2.1" : i == 1 ? "192.0.2.2" : "x, 192.0.2.1";
		assert_int_equal(meter_address(&web), i < 2 ? ERR_OK : ERR_RATE_LIMIT_EXCEEDED);
	}
	/* Who has no address shares with his like. */
	for (int i = 0; i < 2; i++) {
		request(LIMIT_CLASS_ACCOUNT, i == 0 ? "unix:" : "");
		assert_int_equal(meter_address(&web), i < 1 ? ERR_OK : ERR_RATE_LIMIT_EXCEEDED);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_no_class_costs_nothing),
		TEST(test_an_organisation_is_charged),
		TEST(test_own_limits_take_the_place_of_the_settings),
		TEST(test_the_age_family_counts_both),
		TEST(test_wrong_credentials_cost_the_address),
		TEST(test_the_account_family_is_charged_once),
		TEST(test_a_suspended_organisation_pays_too),
		TEST(test_trusted_proxies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
