/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_queue.c: the work queue and transactions: leases and what they fence, fairness between lanes,
 * waiting, and which failures run a transaction again. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "stmt.h"
#include "tx.h"
#include "work.h"

#define LEASE_MS 60000

static struct work *work;
static size_t count;

static void put(const char *lane, int rows)
{
	for (int i = 0; i < rows; i++) {
		struct uuid subject;

		assert_int_equal(uuid_make(&subject), ERR_OK);
		assert_int_equal(
		    work_put(&ctx, WORK_PROVIDER_SUBMIT, subject, lane, clock_now_ms() - 1000),
		    ERR_OK);
	}
}

static void claim(size_t max, size_t per_lane)
{
	assert_int_equal(
	    work_claim(&ctx, WORK_PROVIDER_SUBMIT,
		&(struct work_limits){ .max = max, .per_lane = per_lane }, LEASE_MS, &work, &count),
	    ERR_OK);
}

static size_t claimed_of(const char *lane)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += strcmp(work[i].lane, lane) == 0;
	return found;
}

static void test_each_row_to_one(void **state UNUSED)
{
	put("a", 5);
	claim(3, 10);
	assert_int_equal(count, 3);
	assert_true(work[0].attempt == 1 && work[0].failures == 0);
	claim(10, 10);
	assert_int_equal(count, 2);
	claim(10, 10);
	assert_int_equal(count, 0);
}

/* A lane with much to do leaves room for the others. */
static void test_lanes_share(void **state UNUSED)
{
	put("busy", 50);
	put("quiet", 2);
	claim(20, 10);
	assert_int_equal(claimed_of("busy"), 10);
	assert_int_equal(claimed_of("quiet"), 2);
	for (int round = 0; round < 20; round++)
		claim(2, 2);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work WHERE lease_owner IS NULL"), 0);
}

static void test_a_stopped_lane_waits(void **state UNUSED)
{
	int64_t due_ms;

	put("a", 1);
	put("b", 1);
	assert_int_equal(lane_pause(&ctx, "a", clock_now_ms() + 60000, "why"), ERR_OK);
	claim(10, 10);
	assert_int_equal(claimed_of("a"), 0);
	assert_int_equal(claimed_of("b"), 1);
	assert_int_equal(lane_resume(&ctx, "a"), ERR_OK);
	claim(10, 10);
	assert_int_equal(claimed_of("a"), 1);
	assert_int_equal(work_next_due(&ctx, WORK_PROVIDER_SUBMIT, &due_ms), ERR_OK);
	assert_in_range(due_ms, clock_now_ms() + LEASE_MS - 5000, clock_now_ms() + LEASE_MS);
	assert_int_equal(work_next_due(&ctx, WORK_PROVIDER_POLL, &due_ms), ERR_OK);
	assert_true(due_ms == TIME_NONE);
}

/* After its lease a row belongs to whoever claims it next, and the first may write nothing. */
static void test_the_lease_fences(void **state UNUSED)
{
	struct work first;

	put("a", 1);
	claim(1, 1);
	first = work[0];
	assert_int_equal(work_fence(&ctx, &first), ERR_OK);
	core_run("UPDATE work SET due_at = '2020-01-01', lease_until = '2020-01-01'");
	/* Nobody took it: the row still says that it is the first one's. */
	assert_int_equal(work_fence(&ctx, &first), ERR_OK);
	claim(1, 1);
	assert_true(work[0].attempt == 2);
	assert_int_equal(work_fence(&ctx, &first), ERR_STALE);
	assert_int_equal(work_done(&ctx, &first), ERR_STALE);
	assert_int_equal(work_again(&ctx, &first, clock_now_ms(), true), ERR_STALE);
	assert_int_equal(work_become(&ctx, &first, WORK_PROVIDER_POLL, clock_now_ms()), ERR_STALE);
	assert_int_equal(work_done(&ctx, &work[0]), ERR_OK);
	assert_int_equal(work_fence(&ctx, &work[0]), ERR_STALE);
}

static void test_again_and_become(void **state UNUSED)
{
	int64_t later_ms = clock_now_ms() + 5000;

	put("a", 1);
	claim(1, 1);
	assert_int_equal(work_again(&ctx, &work[0], clock_now_ms() - 1, true), ERR_OK);
	claim(1, 1);
	assert_true(work[0].failures == 1);
	assert_int_equal(work_again(&ctx, &work[0], clock_now_ms() - 1, false), ERR_OK);
	claim(1, 1);
	struct uuid subject = work[0].subject_id;
	assert_true(work[0].failures == 0 && work[0].attempt == 3);
	assert_int_equal(work_become(&ctx, &work[0], WORK_PROVIDER_POLL, later_ms), ERR_OK);
	claim(1, 1);
	assert_int_equal(count, 0);
	assert_int_equal(work_hurry(&ctx, WORK_PROVIDER_POLL, subject), ERR_OK);
	assert_int_equal(
	    work_claim(&ctx, WORK_PROVIDER_POLL, &(struct work_limits){ .max = 1, .per_lane = 1 },
		LEASE_MS, &work, &count),
	    ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(work_drop(&ctx, subject), ERR_OK);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
}

/* A row that another process is just claiming is passed over, not waited for. */
static void test_locked_rows_are_passed_over(void **state UNUSED)
{
	struct row_work_claim *rows = NULL;
	struct db *other = core_db();
	size_t held = 0;

	put("a", 3);
	assert_int_equal(db_begin(other), ERR_OK);
	assert_int_equal(
	    q_work_claim(other, ctx.arena, "provider_submit", "a", clock_now_ms(), 2, &rows, &held),
	    ERR_OK);
	assert_int_equal(held, 2);
	claim(10, 10);
	assert_int_equal(count, 1);
	db_rollback_if_open(other);
	claim(10, 10);
	assert_int_equal(count, 2);
	db_free(&other);
}

/* Doubling from five seconds to a quarter of an hour, and a tenth more at most. */
static void test_waiting(void **state UNUSED)
{
	for (int64_t i = 1, wait_ms = 5000; i < 40; i++) {
		int64_t got_ms = work_backoff_ms(i, 0);

		assert_in_range(got_ms, wait_ms, wait_ms + wait_ms / 10);
		wait_ms = wait_ms * 2 > 900000 ? 900000 : wait_ms * 2;
	}
	assert_in_range(work_backoff_ms(1, 3600000), 3600000, 3960000);
}

/* ---- transactions ----------------------------------------------------------------------------- */

struct trial {
	enum err answers[8];
	int runs;
};

static enum err try_it(struct ctx *context, void *arg)
{
	struct trial *trial = arg;
	enum err err = q_lane_pause(context->db, "trial", 0, "x", NULL);

	if (err != ERR_OK)
		return err;
	return trial->answers[trial->runs++];
}

static void test_what_runs_again(void **state UNUSED)
{
	struct trial deadlock = { .answers = { ERR_DB_DEADLOCK, ERR_DB_LOCKED, ERR_OK } };
	struct trial hopeless = { .answers = { ERR_DB_DEADLOCK, ERR_DB_DEADLOCK, ERR_DB_DEADLOCK,
				      ERR_DB_DEADLOCK, ERR_DB_DEADLOCK } };
	struct trial lost = { .answers = { ERR_DB_LOST, ERR_OK } };
	struct trial lost_twice = { .answers = { ERR_DB_LOST, ERR_DB_LOST, ERR_OK } };
	struct trial uncertain = { .answers = { ERR_DB_UNCERTAIN, ERR_OK } };
	struct trial refused = { .answers = { ERR_VALIDATION, ERR_OK } };

	assert_int_equal(tx_run(&ctx, try_it, &refused), ERR_VALIDATION);
	assert_int_equal(refused.runs, 1);
	assert_int_equal(tx_run(&ctx, try_it, &uncertain), ERR_DB_UNCERTAIN);
	assert_int_equal(uncertain.runs, 1);
	assert_int_equal(tx_run(&ctx, try_it, &hopeless), ERR_DB_DEADLOCK);
	assert_int_equal(hopeless.runs, LIMIT_TX_RETRIES + 1);
	assert_int_equal(tx_run(&ctx, try_it, &lost_twice), ERR_DB_LOST);
	assert_int_equal(lost_twice.runs, 2);
	assert_int_equal(core_number("SELECT COUNT(*) FROM lane"), 0);
	assert_int_equal(tx_run(&ctx, try_it, &lost), ERR_OK);
	assert_int_equal(lost.runs, 2);
	assert_int_equal(tx_run(&ctx, try_it, &deadlock), ERR_OK);
	assert_int_equal(deadlock.runs, 3);
	assert_int_equal(core_number("SELECT COUNT(*) FROM lane"), 1);
	assert_false(db_in_tx(ctx.db));
}

/* Inside another transaction it is part of that one. */
static void test_no_nesting(void **state UNUSED)
{
	struct trial trial = { .answers = { ERR_OK } };

	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(tx_run(&ctx, try_it, &trial), ERR_OK);
	assert_true(db_in_tx(ctx.db));
	db_rollback_if_open(ctx.db);
	assert_int_equal(core_number("SELECT COUNT(*) FROM lane"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_row_to_one, core_set_up),
		cmocka_unit_test_setup(test_lanes_share, core_set_up),
		cmocka_unit_test_setup(test_a_stopped_lane_waits, core_set_up),
		cmocka_unit_test_setup(test_the_lease_fences, core_set_up),
		cmocka_unit_test_setup(test_again_and_become, core_set_up),
		cmocka_unit_test_setup(test_locked_rows_are_passed_over, core_set_up),
		cmocka_unit_test_setup(test_waiting, core_set_up),
		cmocka_unit_test_setup(test_what_runs_again, core_set_up),
		cmocka_unit_test_setup(test_no_nesting, core_set_up),
	};
	int failed;

	if (!core_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
