/* SPDX-License-Identifier: Apache-2.0 */
/* t_limiter.c: the policies: whose numbers they take, and what they make of them. */
#include "base.h"
#include "dbstmt.h"
#include "limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct own_limits none = { DB_NULL, DB_NULL, DB_NULL };
static struct settings settings = { .rate_per_s = 25,
	.rate_burst = 35,
	.daily_requests = 10000,
	.age_address_per_min = 100,
	.auth_address_per_min = 10 };
static struct limiter *limiter;

static int set_up(void **state UNUSED)
{
	return limiter_new(&limiter) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	limiter_free(&limiter);
	return 0;
}

static void are(enum limit_policy policy, const struct own_limits *own, int64_t requests,
    int64_t window_s, int64_t burst)
{
	struct limit_numbers numbers = limiter_numbers(&settings, policy, own);

	assert_int_equal(numbers.requests, requests);
	assert_int_equal(numbers.window_s, window_s);
	assert_int_equal(numbers.burst, burst);
}

/* contract/README.md, Limits. */
static void test_the_defaults_are_the_contract_s(void **state UNUSED)
{
	static const struct {
		const char *key;
		const char *initial;
	} wanted[] = { { "rate_per_s", "25" }, { "rate_burst", "35" },
		{ "daily_requests", "10000" }, { "age_address_per_min", "100" },
		{ "auth_address_per_min", "10" }, { "trusted_proxies", "" } };
	size_t found = 0;

	for (size_t i = 0; i < countof(wanted); i++) {
		for (size_t k = 0; k < settings_row_count; k++) {
			if (strcmp(settings_rows[k].key, wanted[i].key) != 0)
				continue;
			assert_string_equal(settings_rows[k].initial, wanted[i].initial);
			assert_int_equal(settings_rows[k].reload, CONF_RELOADS);
			found++;
		}
	}
	assert_int_equal(found, countof(wanted));
}

static void test_numbers_of_each_policy(void **state UNUSED)
{
	are(POLICY_BURST, NULL, 25, 1, 35);
	are(POLICY_BURST, &none, 25, 1, 35);
	are(POLICY_ADDRESS, NULL, 100, 60, 100);
	are(POLICY_AUTH, NULL, 10, 60, 10);
	are(POLICY_DAY, &none, 10000, 86400, 10000);
}

static void test_an_organisation_s_own_numbers(void **state UNUSED)
{
	struct own_limits rate = { 50, DB_NULL, DB_NULL }, burst = { DB_NULL, 1, DB_NULL };
	struct own_limits all = { 0, 7, 0 };

	are(POLICY_BURST, &rate, 50, 1, 35);
	are(POLICY_DAY, &rate, 10000, 86400, 10000);
	are(POLICY_BURST, &burst, 25, 1, 1);
	are(POLICY_BURST, &all, 0, 1, 7);
	are(POLICY_DAY, &all, 0, 86400, 0);
	/* An address belongs to no organisation. */
	are(POLICY_ADDRESS, &all, 100, 60, 100);
	are(POLICY_AUTH, &all, 10, 60, 10);
}

static struct limit_state take(
    enum limit_policy policy, struct limit_numbers numbers, const char *who)
{
	struct gcra_subject subject;
	struct limit_state state;

	assert_int_equal(limiter_subject(limiter, who, strlen(who), &subject), ERR_OK);
	memset(&state, 0x55, sizeof(state));
	limiter_take(limiter, policy, numbers, subject, &state);
	return state;
}

static void test_each_policy_counts_by_itself(void **state UNUSED)
{
	struct limit_numbers numbers = { .requests = 2, .window_s = 3600, .burst = 2 };

	for (enum limit_policy policy = 0; policy < POLICY_DAY; policy++) {
		for (int64_t left = 1; left >= 0; left--) {
			struct limit_state got = take(policy, numbers, "one");
			assert_true(got.metered && got.passed);
			assert_int_equal(got.remaining, left);
			assert_int_equal(got.more_in_s, 1800);
			assert_int_equal(got.numbers.requests, 2);
		}
		struct limit_state refused = take(policy, numbers, "one");
		assert_true(refused.metered && !refused.passed);
		assert_int_equal(refused.remaining, 0);
		assert_int_equal(refused.more_in_s, 1800);
		assert_true(take(policy, numbers, "two").passed);
	}
}

/* Zero is no limit, and nothing is counted: a limit set later begins with nothing owed. */
static void test_no_limit_costs_nothing(void **state UNUSED)
{
	struct limit_numbers numbers = { .requests = 0, .window_s = 60, .burst = 1 };

	for (int i = 0; i < 1000; i++) {
		struct limit_state got = take(POLICY_AUTH, numbers, "one");
		assert_true(got.passed && !got.metered);
	}
	numbers.requests = 1;
	assert_true(take(POLICY_AUTH, numbers, "one").passed);
	assert_false(take(POLICY_AUTH, numbers, "one").passed);
}

static void test_waits_are_whole_seconds_and_never_none(void **state UNUSED)
{
	struct limit_numbers numbers = { .requests = 25, .window_s = 1, .burst = 1 };

	assert_int_equal(take(POLICY_BURST, numbers, "one").more_in_s, 1);
	numbers = (struct limit_numbers){ .requests = 7, .window_s = 60, .burst = 1 };
	/* 60/7 = 8.57 s */
	assert_int_equal(take(POLICY_BURST, numbers, "two").more_in_s, 9);
	assert_int_equal(take(POLICY_BURST, numbers, "two").more_in_s, 9);
}

/* Nobody can say beforehand which entry a subject gets: each boot has another key. */
static void test_subjects_are_keyed(void **state UNUSED)
{
	struct limiter *other = NULL;
	struct gcra_subject a, b, again;

	assert_int_equal(limiter_new(&other), ERR_OK);
	assert_int_equal(limiter_subject(limiter, "one", 3, &a), ERR_OK);
	assert_int_equal(limiter_subject(limiter, "one", 3, &again), ERR_OK);
	assert_int_equal(limiter_subject(other, "one", 3, &b), ERR_OK);
	assert_memory_equal(&a, &again, sizeof(a));
	assert_true(a.place != b.place && a.tag != b.tag);
	assert_int_equal(limiter_subject(limiter, "two", 3, &b), ERR_OK);
	assert_true(a.place != b.place && a.tag != b.tag);
	limiter_free(&other);
	assert_null(other);
	limiter_free(&other);
	limiter_free(NULL);
}

static void test_policies_have_names_of_their_own(void **state UNUSED)
{
	for (enum limit_policy a = 0; a < POLICY__MAX; a++) {
		const char *name = limiter_policy_name(a);

		/* They stand in quotes in a header and in a metric. */
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz"), strlen(name));
		for (enum limit_policy b = 0; b < a; b++)
			assert_string_not_equal(name, limiter_policy_name(b));
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_the_defaults_are_the_contract_s),
		TEST(test_numbers_of_each_policy),
		TEST(test_an_organisation_s_own_numbers),
		TEST(test_each_policy_counts_by_itself),
		TEST(test_no_limit_costs_nothing),
		TEST(test_waits_are_whole_seconds_and_never_none),
		TEST(test_subjects_are_keyed),
		TEST(test_policies_have_names_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
