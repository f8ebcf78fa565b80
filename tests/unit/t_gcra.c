/* SPDX-License-Identifier: Apache-2.0 */
/* t_gcra.c: the limiter's arithmetic, its table when it is full, and crowds of processes. */
#include "base.h"
#include "gcra.h"
#include "shm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SECOND INT64_C(1000000000)
#define START (1000 * SECOND)

static struct shm shm;
static struct gcra *table;

static void set_buckets(size_t buckets)
{
	shm_close(&shm);
	assert_int_equal(shm_create("", gcra_size(buckets), &shm), ERR_OK);
	assert_int_equal(gcra_init(shm.base, buckets, &table), ERR_OK);
}

static int set_up(void **state UNUSED)
{
	set_buckets(4);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	shm_close(&shm);
	return 0;
}

static struct gcra_subject subject(uint64_t place, uint64_t tag)
{
	return (struct gcra_subject){ .place = place, .tag = tag };
}

static struct gcra_verdict take(struct gcra_subject who, struct gcra_rate rate, int64_t now_ns)
{
	struct gcra_verdict verdict;

	memset(&verdict, 0x55, sizeof(verdict));
	gcra_take(table, who, rate, now_ns, &verdict);
	return verdict;
}

/* ---- arithmetic ---------------------------------------------------------------------------------- */

static void test_a_burst_and_then_the_rate(void **state UNUSED)
{
	struct gcra_rate rate = { .interval_ns = SECOND / 25, .burst = 35 };
	struct gcra_subject who = subject(0, 7);

	for (int64_t i = 1; i <= 35; i++) {
		struct gcra_verdict verdict = take(who, rate, START);
		assert_true(verdict.passed);
		assert_int_equal(verdict.remaining, 35 - i);
		/* The first token back is there after one interval, however many are gone. */
		assert_int_equal(verdict.more_in_ns, SECOND / 25);
	}
	struct gcra_verdict refused = take(who, rate, START);
	assert_false(refused.passed || refused.shared);
	assert_int_equal(refused.remaining, 0);
	assert_int_equal(refused.more_in_ns, SECOND / 25);
	/* A refusal costs nothing: the wait does not grow. */
	assert_int_equal(take(who, rate, START + 1).more_in_ns, SECOND / 25 - 1);
	assert_false(take(who, rate, START + SECOND / 25 - 1).passed);
	assert_true(take(who, rate, START + SECOND / 25).passed);
	assert_false(take(who, rate, START + SECOND / 25).passed);
	/* After the whole burst's time all of it is there again, and never more. */
	assert_int_equal(take(who, rate, START + 10 * SECOND).remaining, 34);
	assert_int_equal(take(who, rate, START + 1000 * SECOND).remaining, 34);
}

/* The same requests at the same times, counted by a bucket with tokens. */
static void test_it_is_a_token_bucket(void **state UNUSED)
{
	struct gcra_rate rate = { .interval_ns = 1000, .burst = 5 };
	int64_t now_ns = START, tokens_ns = 5000;
	uint32_t seed = 1;

	for (int i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		int64_t step_ns = (seed >> 8) % 1500;
		now_ns += step_ns;
		tokens_ns = tokens_ns + step_ns > 5000 ? 5000 : tokens_ns + step_ns;
		bool passes = tokens_ns >= 1000;
		tokens_ns -= passes ? 1000 : 0;
		struct gcra_verdict verdict = take(subject(1, 9), rate, now_ns);
		assert_int_equal(verdict.passed, passes);
		assert_int_equal(verdict.remaining, tokens_ns / 1000);
		assert_int_equal(verdict.more_in_ns, 1000 - tokens_ns % 1000);
	}
}

static void test_a_burst_of_one(void **state UNUSED)
{
	struct gcra_rate rate = { .interval_ns = SECOND, .burst = 1 };

	assert_true(take(subject(0, 1), rate, START).passed);
	assert_int_equal(take(subject(0, 1), rate, START).more_in_ns, SECOND);
	assert_false(take(subject(0, 1), rate, START + SECOND - 1).passed);
	assert_true(take(subject(0, 1), rate, START + SECOND).passed);
}

/* What was owed under the old numbers stays owed; the wait that is told is the one that helps. */
static void test_a_limit_that_is_lowered(void **state UNUSED)
{
	struct gcra_rate wide = { .interval_ns = SECOND, .burst = 60 };
	struct gcra_rate narrow = { .interval_ns = SECOND, .burst = 2 };
	struct gcra_subject who = subject(2, 3);

	for (int i = 0; i < 60; i++)
		assert_true(take(who, wide, START).passed);
	struct gcra_verdict verdict = take(who, narrow, START);
	assert_false(verdict.passed);
	assert_int_equal(verdict.remaining, 0);
	assert_int_equal(verdict.more_in_ns, 59 * SECOND);
	assert_false(take(who, narrow, START + 59 * SECOND - 1).passed);
	assert_true(take(who, narrow, START + 59 * SECOND).passed);
}

static void test_subjects_do_not_share(void **state UNUSED)
{
	struct gcra_rate rate = { .interval_ns = SECOND, .burst = 1 };

	/* The same bucket under another tag, another bucket under the same; and the tag that is none. */
	assert_true(take(subject(0, 1), rate, START).passed);
	assert_true(take(subject(4, 2), rate, START).passed);
	assert_true(take(subject(1, 1), rate, START).passed);
	assert_true(take(subject(2, 0), rate, START).passed);
	assert_false(take(subject(2, 0), rate, START).passed);
	assert_false(take(subject(0, 1), rate, START).passed);
	assert_false(take(subject(4, 2), rate, START).passed);
}

static void test_a_table_of_no_size_is_refused(void **state UNUSED)
{
	struct gcra *none = NULL;

	assert_int_equal(gcra_init(shm.base, 0, &none), ERR_IO);
	assert_int_equal(gcra_init(shm.base, 3, &none), ERR_IO);
	assert_null(none);
	assert_int_equal(gcra_size(4) % 128, 0);
	assert_int_equal(gcra_size(8) - gcra_size(4), 4 * 128);
}

/* ---- a full table ------------------------------------------------------------------------------------ */

static void test_a_flood_forgets_no_debt(void **state UNUSED)
{
	struct gcra_rate rate = { .interval_ns = SECOND, .burst = 3 };
	size_t passed = 0, shared = 0;

	set_buckets(1);
	for (uint64_t who = 1; who <= GCRA_WAYS; who++)
		for (int i = 0; i < 3; i++)
			assert_true(take(subject(0, who), rate, START).passed);
	for (uint64_t who = 100; who < 10100; who++) {
		struct gcra_verdict verdict = take(subject(0, who), rate, START);
		passed += verdict.passed;
		shared += verdict.shared;
	}
	/* The newcomers had one burst between all of them. */
	assert_int_equal(passed, 3);
	assert_int_equal(shared, 10000);
	for (uint64_t who = 1; who <= GCRA_WAYS; who++) {
		assert_false(take(subject(0, who), rate, START).passed);
		assert_true(take(subject(0, who), rate, START + SECOND).passed);
		assert_false(take(subject(0, who), rate, START + SECOND).passed);
	}
}

/* Whoever passed without an entry gets no second burst with one. */
static void test_an_entry_begins_with_what_the_shared_one_owes(void **state UNUSED)
{
	struct gcra_rate small = { .interval_ns = SECOND, .burst = 1 };
	struct gcra_rate rate = { .interval_ns = SECOND, .burst = 4 };

	set_buckets(1);
	for (uint64_t who = 1; who <= GCRA_WAYS; who++)
		assert_true(take(subject(0, who), small, START).passed);
	for (int i = 0; i < 4; i++)
		assert_true(take(subject(0, 50), rate, START).shared);
	assert_false(take(subject(0, 50), rate, START).passed);
	/* One second on, the entries of the others are free, and the shared one has room for one. */
	struct gcra_verdict verdict = take(subject(0, 50), rate, START + SECOND);
	assert_true(verdict.passed && !verdict.shared);
	assert_int_equal(verdict.remaining, 0);
	assert_false(take(subject(0, 50), rate, START + SECOND).passed);
	/* When nothing is owed there, newcomers have all of their burst. */
	assert_int_equal(take(subject(0, 51), rate, START + 100 * SECOND).remaining, 3);
}

static void test_entries_of_the_past_are_used_again(void **state UNUSED)
{
	struct gcra_rate rate = { .interval_ns = SECOND, .burst = 2 };

	set_buckets(1);
	for (uint64_t who = 1; who <= 100000; who++) {
		struct gcra_verdict verdict =
		    take(subject(0, who), rate, START + (int64_t)who * SECOND);
		assert_true(verdict.passed && !verdict.shared);
		assert_int_equal(verdict.remaining, 1);
	}
}

/* ---- processes ----------------------------------------------------------------------------------------- */

#define CROWD 8

struct meeting {
	_Atomic uint32_t arrived;
	_Atomic uint32_t passed[4096];
};

/* Runs fn in so many processes at once and waits for all. */
static void crowd(void (*fn)(struct meeting *meeting, unsigned number), struct meeting *meeting)
{
	for (unsigned i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			fn(meeting, i);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < CROWD; i++) {
		int status = 1;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

/* Waits until all have come so far. */
static void meet(struct meeting *meeting, uint32_t times)
{
	atomic_fetch_add(&meeting->arrived, 1);
	while (atomic_load(&meeting->arrived) < times * CROWD)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000 }, NULL);
}

static void hammer_one(struct meeting *meeting, unsigned number UNUSED)
{
	struct gcra_rate rate = { .interval_ns = SECOND, .burst = 1000 };

	meet(meeting, 1);
	for (int i = 0; i < 2000; i++)
		if (take(subject(3, 33), rate, START).passed)
			atomic_fetch_add(&meeting->passed[0], 1);
}

static void test_a_crowd_passes_exactly_the_burst(void **state UNUSED)
{
	struct shm place;

	assert_int_equal(shm_create("", sizeof(struct meeting), &place), ERR_OK);
	struct meeting *meeting = place.base;
	crowd(hammer_one, meeting);
	assert_int_equal(atomic_load(&meeting->passed[0]), 1000);
	shm_close(&place);
}

#define ROUNDS 512
#define GUESTS 6 /* at once in one bucket: each finds an entry */

/* In each round new subjects push out those of the round before, whose debt is just over, and some of
 * those come again at the same time. */
static void hammer_rounds(struct meeting *meeting, unsigned number)
{
	struct gcra_rate rate = { .interval_ns = SECOND, .burst = 3 };

	for (uint32_t round = 0; round < ROUNDS; round++) {
		int64_t now_ns = START + round * 3 * SECOND;

		meet(meeting, round + 1);
		for (unsigned i = 0; i < 4 * GUESTS; i++) {
			uint64_t guest = (i + number) % GUESTS;
			/* Half of them are new, half were here in every round. */
			uint64_t tag = guest < GUESTS / 2 ? guest + 1 : round * GUESTS + guest + 1;

			if (take(subject(0, tag), rate, now_ns).passed)
				atomic_fetch_add(&meeting->passed[round], 1);
		}
	}
}

static void test_a_crowd_of_newcomers_is_counted_exactly(void **state UNUSED)
{
	struct shm place;

	set_buckets(1);
	assert_int_equal(shm_create("", sizeof(struct meeting), &place), ERR_OK);
	struct meeting *meeting = place.base;
	crowd(hammer_rounds, meeting);
	for (unsigned round = 0; round < ROUNDS; round++)
		assert_int_equal(atomic_load(&meeting->passed[round]), 3 * GUESTS);
	shm_close(&place);
}

NORETURN static void admit_for_ever(void)
{
	struct gcra_rate rate = { .interval_ns = 1, .burst = 1 };

	for (uint64_t who = 1;; who++)
		(void)take(subject(0, who), rate, START + (int64_t)who * 10);
}

/* A process that dies while it takes an entry over leaves a table that works. */
static void test_a_killed_process_leaves_no_lock(void **state UNUSED)
{
	struct gcra_rate rate = { .interval_ns = SECOND, .burst = 2 };
	int64_t now_ns = INT64_C(4000000) * SECOND;

	set_buckets(1);
	for (int i = 0; i < 100; i++) {
		int status = 0;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			admit_for_ever();
		(void)nanosleep(&(struct timespec){ .tv_nsec = 300000 + i * 7919 }, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		(void)alarm(20);
		now_ns += 10 * SECOND;
		for (int k = 0; k < 3; k++)
			assert_int_equal(
			    take(subject(0, 77 + (uint64_t)i), rate, now_ns).passed, k < 2);
		(void)alarm(0);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_a_burst_and_then_the_rate),
		TEST(test_it_is_a_token_bucket),
		TEST(test_a_burst_of_one),
		TEST(test_a_limit_that_is_lowered),
		TEST(test_subjects_do_not_share),
		TEST(test_a_table_of_no_size_is_refused),
		TEST(test_a_flood_forgets_no_debt),
		TEST(test_an_entry_begins_with_what_the_shared_one_owes),
		TEST(test_entries_of_the_past_are_used_again),
		TEST(test_a_crowd_passes_exactly_the_burst),
		TEST(test_a_crowd_of_newcomers_is_counted_exactly),
		TEST(test_a_killed_process_leaves_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
