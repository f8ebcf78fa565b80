/* SPDX-License-Identifier: Apache-2.0 */
/* t_seats.c: never more than may be, nobody refused while one is free, and none lost with a worker. */
#include "base.h"
#include "seats.h"
#include "shm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void test_take_and_leave(void **state UNUSED)
{
	static struct seats seats;

	assert_true(seats_take(&seats, SEAT_UPLOAD, 0, 2));
	assert_true(seats_take(&seats, SEAT_UPLOAD, 7, 2));
	assert_false(seats_take(&seats, SEAT_UPLOAD, 3, 2));
	assert_int_equal(seats_taken(&seats, SEAT_UPLOAD), 2);
	seats_leave(&seats, SEAT_UPLOAD, 3);
	assert_int_equal(seats_taken(&seats, SEAT_UPLOAD), 2);
	seats_leave(&seats, SEAT_UPLOAD, 0);
	assert_true(seats_take(&seats, SEAT_UPLOAD, 3, 2));
	assert_false(seats_take(&seats, SEAT_UPLOAD, 0, 2));
	/* A setting that is lowered counts from then on. */
	seats_leave(&seats, SEAT_UPLOAD, 3);
	assert_true(seats_take(&seats, SEAT_UPLOAD, 3, 1));
	assert_false(seats_take(&seats, SEAT_UPLOAD, 5, 1));
	seats_leave(&seats, SEAT_UPLOAD, 3);
	seats_leave(&seats, SEAT_UPLOAD, 7);
	assert_int_equal(seats_taken(&seats, SEAT_UPLOAD), 0);
	assert_false(seats_take(&seats, SEAT_UPLOAD, 0, 0));
	assert_true(seats_take(&seats, SEAT_UPLOAD, LIMIT_WORKERS - 1, LIMIT_WORKERS + 1));
}

/* Each kind has its own; a worker that died leaves all. */
static void test_kinds(void **state UNUSED)
{
	static struct seats seats;

	assert_true(seats_take(&seats, SEAT_UPLOAD, 1, 1));
	assert_false(seats_take(&seats, SEAT_UPLOAD, 2, 1));
	assert_true(seats_take(&seats, SEAT_PASSWORD, 1, 1));
	assert_int_equal(seats_taken(&seats, SEAT_PASSWORD), 1);
	seats_leave(&seats, SEAT_PASSWORD, 1);
	assert_int_equal(seats_taken(&seats, SEAT_UPLOAD), 1);
	assert_true(seats_take(&seats, SEAT_PASSWORD, 2, 1));
	assert_true(seats_take(&seats, SEAT_PASSWORD, 1, 2));
	seats_clear(&seats, 1);
	assert_int_equal(seats_taken(&seats, SEAT_UPLOAD), 0);
	assert_int_equal(seats_taken(&seats, SEAT_PASSWORD), 1);
}

/* Somebody has as many as they may, and the others are for others. */
static void test_for_somebody(void **state UNUSED)
{
	static struct seats seats;

	assert_true(seats_take_for(&seats, SEAT_UPLOAD, 0, 3, 7, 2));
	assert_true(seats_take_for(&seats, SEAT_UPLOAD, 1, 3, 7, 2));
	assert_false(seats_take_for(&seats, SEAT_UPLOAD, 2, 3, 7, 2));
	assert_int_equal(seats_taken(&seats, SEAT_UPLOAD), 2);
	assert_true(seats_take_for(&seats, SEAT_UPLOAD, 2, 3, 9, 2));
	assert_false(seats_take_for(&seats, SEAT_UPLOAD, 3, 3, 9, 2));
	/* A seat that is left is nobody's. */
	seats_leave(&seats, SEAT_UPLOAD, 0);
	assert_true(seats_take_for(&seats, SEAT_UPLOAD, 3, 3, 9, 2));
	seats_clear(&seats, 1);
	assert_true(seats_take_for(&seats, SEAT_UPLOAD, 4, 3, 7, 2));
	assert_false(seats_take_for(&seats, SEAT_UPLOAD, 5, 3, 8, 2));
	/* Of another kind there are others. */
	assert_true(seats_take_for(&seats, SEAT_PASSWORD, 5, 1, 9, 1));
}

#define WORKERS 8
#define SEATS 3
#define ROUNDS 20000

struct shared {
	struct seats seats;
	_Atomic unsigned inside, most, taken, refused;
};

/* Takes and leaves a seat over and over, and counts how many are inside. */
static void work(struct shared *shared, unsigned number, unsigned seats)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (!seats_take(&shared->seats, SEAT_UPLOAD, number, seats)) {
			atomic_fetch_add(&shared->refused, 1);
			continue;
		}
		unsigned now = atomic_fetch_add(&shared->inside, 1) + 1;
		unsigned most = atomic_load(&shared->most);
		while (now > most && !atomic_compare_exchange_weak(&shared->most, &most, now))
			;
		atomic_fetch_add(&shared->taken, 1);
		atomic_fetch_sub(&shared->inside, 1);
		seats_leave(&shared->seats, SEAT_UPLOAD, number);
	}
}

static void run_workers(struct shared *shared, unsigned seats)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		if (fork() == 0) {
			work(shared, i, seats);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_true(wait(NULL) > 0);
}

static void test_processes(void **state UNUSED)
{
	struct shm shm;

	assert_int_equal(shm_create("", sizeof(struct shared), &shm), ERR_OK);
	struct shared *shared = shm.base;
	run_workers(shared, SEATS);
	assert_true(atomic_load(&shared->most) <= SEATS);
	assert_int_equal(
	    atomic_load(&shared->taken) + atomic_load(&shared->refused), WORKERS * ROUNDS);
	assert_int_equal(seats_taken(&shared->seats, SEAT_UPLOAD), 0);
	/* With as many seats as there are workers nobody is ever refused. */
	atomic_store(&shared->refused, 0);
	run_workers(shared, WORKERS);
	assert_int_equal(atomic_load(&shared->refused), 0);
	shm_close(&shm);
}

/* A worker that dies keeps its seat only until somebody clears up after it. */
static void test_a_dead_worker(void **state UNUSED)
{
	struct shm shm;

	assert_int_equal(shm_create("", sizeof(struct shared), &shm), ERR_OK);
	struct shared *shared = shm.base;
	pid_t pid = fork();
	if (pid == 0) {
		(void)!seats_take(&shared->seats, SEAT_UPLOAD, 4, 1);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(seats_take(&shared->seats, SEAT_UPLOAD, 1, 1));
	seats_clear(&shared->seats, 4);
	assert_true(seats_take(&shared->seats, SEAT_UPLOAD, 1, 1));
	shm_close(&shm);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_and_leave),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_for_somebody),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_a_dead_worker),
	};

	return cmocka_run_group_tests_name("seats", tests, NULL, NULL);
}
