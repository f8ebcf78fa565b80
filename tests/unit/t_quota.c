/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_quota.c: the daily quota: blocks, several hosts and workers, the end of a day, and what goes
 * wrong. A host is a table of its own. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "clock.h"
#include "org.h"
#include "proc.h"
#include "quota.h"
#include "shm.h"

#define DAY_MS INT64_C(86400000)
#define NOON_MS (20000 * DAY_MS + DAY_MS / 2)

static struct shm pages[2];
static struct quota_table *hosts[2];
static struct uuid org;
static uint64_t next_tag;

static int set_up(void **state)
{
	core_set_up(state);
	core_run("DELETE FROM daily_quota");
	assert_int_equal(org_create(&ctx, "Customer", &org), ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		shm_close(&pages[i]);
		assert_int_equal(shm_create("", quota_table_size(), &pages[i]), ERR_OK);
		assert_int_equal(quota_table_init(pages[i].base, &hosts[i]), ERR_OK);
	}
	next_tag++;
	clock_set(NOON_MS);
	return 0;
}

static struct limit_numbers a_day(int64_t requests)
{
	return (struct limit_numbers){ .requests = requests, .window_s = 86400, .burst = requests };
}

static struct limit_state take(size_t host, int64_t limit)
{
	struct gcra_subject subject = { .place = 5, .tag = next_tag };
	struct limit_state got;

	memset(&got, 0x55, sizeof(got));
	assert_int_equal(quota_take(&ctx, hosts[host], subject, org, a_day(limit), &got), ERR_OK);
	return got;
}

static int64_t reserved(void)
{
	return core_number("SELECT SUM(reserved) FROM daily_quota");
}

/* Takes until it is refused. */
static int64_t drain(size_t host, int64_t limit)
{
	int64_t served = 0;

	while (take(host, limit).passed)
		served++;
	return served;
}

static void test_blocks(void **state UNUSED)
{
	assert_int_equal(quota_block(-5), 0);
	assert_int_equal(quota_block(0), 0);
	assert_int_equal(quota_block(1), 1);
	assert_int_equal(quota_block(64), 1);
	assert_int_equal(quota_block(128), 2);
	assert_int_equal(quota_block(10000), 156);
	assert_int_equal(quota_block(100000000), QUOTA_BLOCK_MAX);
	/* A whole day takes few of them, and ends at the limit. */
	int64_t left = 10000, count = 0;
	for (; left > 0; count++)
		left -= quota_block(left);
	assert_int_equal(left, 0);
	assert_in_range(count, 64, 500);
}

static void test_exactly_the_limit(void **state UNUSED)
{
	for (int64_t i = 1; i <= 300; i++) {
		struct limit_state got = take(0, 300);
		assert_true(got.metered && got.passed);
		assert_int_equal(got.remaining, 300 - i);
		assert_int_equal(got.more_in_s, 43200);
		assert_int_equal(got.numbers.window_s, 86400);
	}
	struct limit_state refused = take(0, 300);
	assert_true(refused.metered && !refused.passed);
	assert_int_equal(refused.remaining, 0);
	assert_int_equal(refused.more_in_s, 43200);
	assert_int_equal(reserved(), 300);
}

static void test_a_day_ends_at_midnight(void **state UNUSED)
{
	assert_int_equal(drain(0, 3), 3);
	clock_set(20001 * DAY_MS - 1);
	assert_int_equal(take(0, 3).more_in_s, 1);
	clock_set(20001 * DAY_MS);
	struct limit_state got = take(0, 3);
	assert_true(got.passed);
	assert_int_equal(got.more_in_s, 86400);
	assert_int_equal(drain(0, 3), 2);
	assert_int_equal(core_number("SELECT COUNT(*) FROM daily_quota WHERE reserved = 3"), 2);
	/* A worker that looked at the clock just before midnight counts by the day before, and spoils
	 * nothing of the day after. */
	assert_int_equal(drain(0, 1000), 1000 - 3);
	clock_set(NOON_MS);
	assert_true(take(0, 1000).passed);
	assert_int_equal(core_number("SELECT reserved FROM daily_quota WHERE day = 20000"), 4);
}

static void test_two_hosts_share_a_day(void **state UNUSED)
{
	int64_t served = 0;

	for (int i = 0; i < 3000; i++)
		served += take((size_t)i % 2, 2000).passed;
	assert_int_equal(served, 2000);
	assert_int_equal(reserved(), 2000);
}

/* What one host holds and does not use, the others get: at once when it stops. */
static void test_unused_blocks_go_back(void **state UNUSED)
{
	assert_true(take(0, 1000).passed);
	assert_int_equal(reserved(), 15);
	assert_int_equal(drain(1, 1000), 985);
	/* Just used: not idle. */
	assert_int_equal(quota_give_back(&ctx, hosts[0], QUOTA_IDLE_MS), ERR_OK);
	assert_int_equal(reserved(), 1000);
	assert_int_equal(quota_give_back(&ctx, hosts[0], 0), ERR_OK);
	assert_int_equal(reserved(), 986);
	assert_int_equal(quota_give_back(&ctx, hosts[0], 0), ERR_OK);
	assert_int_equal(reserved(), 986);
	/* The other host believes for a second that the day is spent. */
	assert_false(take(1, 1000).passed);
	proc_sleep_ms(1050);
	assert_int_equal(drain(1, 1000), 14);
	assert_int_equal(drain(0, 1000), 0);
}

/* A day that is spent is not asked for with every request. */
static void test_a_spent_day_costs_no_queries(void **state UNUSED)
{
	assert_int_equal(drain(0, 5), 5);
	core_run("DELETE FROM daily_quota");
	for (int i = 0; i < 100; i++)
		assert_false(take(0, 5).passed);
	assert_int_equal(reserved(), 0);
}

static void test_a_limit_that_changes_during_the_day(void **state UNUSED)
{
	assert_true(take(0, 1000).passed);
	/* Lowered: what was held for the old limit is not served beyond the new one. */
	assert_int_equal(drain(0, 5), 4);
	assert_int_equal(reserved(), 5);
	/* Raised: at once, although the day was spent. */
	assert_int_equal(drain(0, 12), 7);
	assert_int_equal(drain(0, 3), 0);
	assert_int_equal(reserved(), 12);
}

static void test_no_limit_leaves_no_trace(void **state UNUSED)
{
	struct limit_state got = take(0, 0);

	assert_true(got.passed && !got.metered);
	assert_int_equal(core_number("SELECT COUNT(*) FROM daily_quota"), 0);
}

static void test_looking_costs_nothing(void **state UNUSED)
{
	struct gcra_subject subject = { .place = 5, .tag = next_tag };
	struct limit_state got;

	quota_look(hosts[0], subject, a_day(100), &got);
	assert_false(got.metered);
	assert_true(take(0, 100).passed);
	for (int i = 0; i < 5; i++) {
		quota_look(hosts[0], subject, a_day(100), &got);
		assert_true(got.metered && got.passed);
		assert_int_equal(got.remaining, 99);
		assert_int_equal(got.more_in_s, 43200);
	}
	quota_look(hosts[0], subject, a_day(101), &got);
	assert_false(got.metered);
	clock_set(NOON_MS + DAY_MS);
	quota_look(hosts[0], subject, a_day(100), &got);
	assert_false(got.metered);
}

/* More organisations than a bucket has places: the last ones are served from their rows. */
static void test_more_organisations_than_places(void **state UNUSED)
{
	struct limit_state got;

	for (int round = 0; round < 4; round++) {
		for (uint64_t who = 1; who <= 12; who++) {
			struct gcra_subject subject = { .place = 9, .tag = 1000 + who };
			struct uuid id = { .b = { 9, (uint8_t)who } };

			assert_int_equal(
			    quota_take(&ctx, hosts[0], subject, id, a_day(1000), &got), ERR_OK);
			assert_true(got.metered && got.passed);
		}
	}
	/* Seven hold blocks of 15; five took four single ones. */
	assert_int_equal(reserved(), 7 * 15 + 5 * 4);
	/* Tomorrow their places are free. */
	clock_set(NOON_MS + DAY_MS);
	struct gcra_subject late = { .place = 9, .tag = 2000 };
	assert_int_equal(quota_take(&ctx, hosts[0], late, org, a_day(1000), &got), ERR_OK);
	assert_int_equal(core_number("SELECT reserved FROM daily_quota WHERE day = 20001"), 15);
}

static void test_a_read_only_database_lets_pass_uncounted(void **state UNUSED)
{
	struct db_config config = { .socket = getenv("BONAFIDE_TEST_DB_SOCKET"),
		.host = "",
		.name = "test",
		.user = "quota",
		.password = "",
		.connect_timeout_s = 5,
		.read_timeout_s = 20 };
	struct db *root = ctx.db, *plain = NULL;

	core_run("CREATE USER quota@localhost");
	core_run("GRANT SELECT, INSERT, UPDATE, DELETE ON test.* TO quota@localhost");
	assert_int_equal(db_new(&config, stmt_table, ST__MAX, &plain), ERR_OK);
	core_run("SET GLOBAL read_only = 1");
	ctx.db = plain;
	struct limit_state got = take(0, 1000);
	ctx.db = root;
	core_run("SET GLOBAL read_only = 0");
	core_run("DROP USER quota@localhost");
	db_free(&plain);
	assert_true(got.passed && !got.metered);
	assert_int_equal(reserved(), 0);
}

/* ---- processes ------------------------------------------------------------------------------------ */

struct meeting {
	_Atomic uint32_t served;
};

NORETURN static void serve_many(struct meeting *meeting, size_t host, int count, int64_t limit)
{
	struct gcra_subject subject = { .place = 5, .tag = next_tag };
	struct limit_state got;

	ctx.db = core_db();
	for (int i = 0; i < count; i++) {
		arena_reset(ctx.arena);
		/* An assertion here would go on with the parent's tests. */
		if (quota_take(&ctx, hosts[host], subject, org, a_day(limit), &got) != ERR_OK)
			_exit(1);
		if (got.passed)
			atomic_fetch_add(&meeting->served, 1);
	}
	_exit(0);
}

static void test_a_crowd_on_two_hosts(void **state UNUSED)
{
	struct shm place;

	assert_int_equal(shm_create("", sizeof(struct meeting), &place), ERR_OK);
	for (int i = 0; i < 6; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			serve_many(place.base, (size_t)i % 2, 500, 2000);
	}
	for (int i = 0; i < 6; i++) {
		int status = 1;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	uint32_t served = atomic_load(&((struct meeting *)place.base)->served);
	/* One host may have been done before the other, with a part of a block in hand. */
	for (size_t host = 0; host < 2; host++)
		assert_int_equal(quota_give_back(&ctx, hosts[host], 0), ERR_OK);
	proc_sleep_ms(1050);
	assert_int_equal(served + drain(0, 2000), 2000);
	shm_close(&place);
}

/* Until somebody waits for a row. The server shows an old picture to who asks again too soon. */
static void wait_for_a_waiter(void)
{
	int64_t until_ms = clock_mono_ms() + 4000;

	do {
		assert_true(clock_mono_ms() < until_ms);
		proc_sleep_ms(150);
	} while (core_number("SELECT COUNT(*) FROM information_schema.innodb_trx "
			     "WHERE trx_state = 'LOCK WAIT'") == 0);
}

/* A worker is killed while it waits for the row, with the mutex in its hand. */
static void test_a_worker_killed_while_fetching(void **state UNUSED)
{
	int status = 0;

	assert_true(take(1, 1000).passed); /* makes the row */
	core_run("BEGIN");
	core_run("SELECT * FROM daily_quota FOR UPDATE");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve_many(NULL, 0, 1, 1000);
	wait_for_a_waiter();
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	core_run("COMMIT");
	/* The dead one's transaction may have been granted a block meanwhile, and never committed it;
	 * whatever became of it, at most one block is lost. */
	(void)alarm(60);
	int64_t served = 1 + drain(0, 1000) + drain(1, 1000);
	(void)alarm(0);
	assert_in_range(served, 1000 - 15, 1000);
	assert_int_equal(reserved(), 1000);
}

static void test_another_worker_fetches_for_too_long(void **state UNUSED)
{
	struct gcra_subject subject = { .place = 5, .tag = next_tag };
	struct limit_state got;
	int status = 0;

	assert_true(take(1, 1000).passed);
	core_run("BEGIN");
	core_run("SELECT * FROM daily_quota FOR UPDATE");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve_many(NULL, 0, 1, 1000);
	wait_for_a_waiter();
	assert_int_equal(
	    quota_take(&ctx, hosts[0], subject, org, a_day(1000), &got), ERR_UNAVAILABLE);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	core_run("ROLLBACK");
	assert_true(take(0, 1000).passed);
}

/* ---- operators and the batch ----------------------------------------------------------------------- */

static void test_used_today(void **state UNUSED)
{
	int64_t used = -1;

	assert_int_equal(quota_used(&ctx, org, &used), ERR_OK);
	assert_int_equal(used, 0);
	assert_int_equal(drain(0, 20), 20);
	assert_int_equal(quota_used(&ctx, org, &used), ERR_OK);
	assert_int_equal(used, 20);
	clock_set(NOON_MS + DAY_MS);
	assert_int_equal(quota_used(&ctx, org, &used), ERR_OK);
	assert_int_equal(used, 0);
}

static void test_old_days_go(void **state UNUSED)
{
	uint64_t deleted = 0;

	for (int day = 0; day < 12; day++) {
		clock_set(NOON_MS - day * DAY_MS);
		assert_true(take(0, 1).passed);
	}
	clock_set(NOON_MS);
	assert_int_equal(quota_expire(&ctx, 3, &deleted), ERR_OK);
	assert_int_equal(deleted, 3);
	assert_int_equal(quota_expire(&ctx, 100, &deleted), ERR_OK);
	assert_int_equal(deleted, 1);
	assert_int_equal(core_number("SELECT MIN(day) FROM daily_quota"), 20000 - 7);
	assert_int_equal(core_number("SELECT COUNT(*) FROM daily_quota"), 8);
	/* By the key, whatever else is in the table. */
	const char *plan = core_plan("DELETE FROM daily_quota WHERE day < 3 ORDER BY day LIMIT 10");
	assert_non_null(strstr(plan, "PRIMARY"));
	assert_null(strstr(plan, "filesort"));
}

static void test_limits_of_an_organisation(void **state UNUSED)
{
	struct own_limits own = { .rate_per_s = 50, .burst = DB_NULL, .daily_requests = 0 };
	static const struct own_limits wrong[] = { { -1, 1, 1 }, { LIMIT_RATE + 1, 1, 1 },
		{ 1, 0, 1 }, { 1, LIMIT_RATE + 1, 1 }, { 1, 1, -1 },
		{ 1, 1, LIMIT_DAILY_REQUESTS + 1 } };
	struct row_org_get row;

	assert_int_equal(org_set_limits(&ctx, org, &own), ERR_OK);
	assert_int_equal(org_set_limits(&ctx, org, &own), ERR_OK);
	assert_int_equal(org_get(&ctx, org, &row), ERR_OK);
	assert_true(
	    row.rate_per_s == 50 && row.burst == (int64_t)DB_NULL && row.daily_requests == 0);
	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(org_set_limits(&ctx, org, &wrong[i]), ERR_VALIDATION);
	assert_int_equal(org_set_limits(&ctx, (struct uuid){ { 1 } }, &own), ERR_MISSING);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_blocks),
		TEST(test_exactly_the_limit),
		TEST(test_a_day_ends_at_midnight),
		TEST(test_two_hosts_share_a_day),
		TEST(test_unused_blocks_go_back),
		TEST(test_a_spent_day_costs_no_queries),
		TEST(test_a_limit_that_changes_during_the_day),
		TEST(test_no_limit_leaves_no_trace),
		TEST(test_looking_costs_nothing),
		TEST(test_more_organisations_than_places),
		TEST(test_a_read_only_database_lets_pass_uncounted),
		TEST(test_a_crowd_on_two_hosts),
		TEST(test_a_worker_killed_while_fetching),
		TEST(test_another_worker_fetches_for_too_long),
		TEST(test_used_today),
		TEST(test_old_days_go),
		TEST(test_limits_of_an_organisation),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	for (size_t i = 0; i < 2; i++)
		shm_close(&pages[i]);
	return failed;
}
