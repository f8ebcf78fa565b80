/* SPDX-License-Identifier: Apache-2.0 */
/* t_claim.c: of many processes one takes a key, whatever stands in the table. */
#include "base.h"
#include "claim.h"
#include "crypt.h"
#include "shm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define NOW INT64_C(1000000)
#define PROCESSES 8
#define KEYS 400

static struct shm shared;
static struct claims *claims;

static int set_up(void **state UNUSED)
{
	if (shm_create("", sizeof(struct claims) + KEYS * sizeof(_Atomic int), &shared) != ERR_OK)
		return -1;
	claims = shared.base;
	return 0;
}

static int tear_down(void **state UNUSED)
{
	shm_close(&shared);
	return 0;
}

/* An id that stands in these slots, as its end says. */
static struct uuid id_at(unsigned slot, unsigned number)
{
	struct uuid id;

	memset(&id, 0, sizeof(id));
	id.b[0] = (uint8_t)(number >> 8);
	id.b[1] = (uint8_t)number;
	id.b[14] = (uint8_t)(slot >> 8);
	id.b[15] = (uint8_t)slot;
	return id;
}

static void test_one_takes_it_until_the_claim_is_old(void **state UNUSED)
{
	struct uuid id = id_at(7, 1);

	assert_true(claim_take(claims, id, NOW));
	assert_false(claim_take(claims, id, NOW));
	assert_false(claim_take(claims, id, NOW + CLAIM_MS - 1));
	assert_true(claim_take(claims, id, NOW + CLAIM_MS));
	assert_false(claim_take(claims, id, NOW + CLAIM_MS));
}

static void test_a_claim_given_back(void **state UNUSED)
{
	struct uuid id = id_at(7, 1), other = id_at(7, 2);

	assert_true(claim_take(claims, id, NOW));
	assert_true(claim_take(claims, other, NOW));
	claim_release(claims, id, NOW);
	assert_false(claim_take(claims, other, NOW + 1));
	assert_true(claim_take(claims, id, NOW + 1));
	/* Not somebody else's later claim of the same key. */
	claim_release(claims, id, NOW);
	assert_false(claim_take(claims, id, NOW + 2));
}

/* A key without a place is claimed by everybody; the others keep theirs. */
static void test_a_full_place_costs_a_statement_never_a_note(void **state UNUSED)
{
	for (unsigned n = 0; n < 4; n++)
		assert_true(claim_take(claims, id_at(7, n), NOW));
	for (int again = 0; again < 3; again++)
		assert_true(claim_take(claims, id_at(7, 9), NOW));
	for (unsigned n = 0; n < 4; n++)
		assert_false(claim_take(claims, id_at(7, n), NOW));
	/* Old claims make room. */
	assert_true(claim_take(claims, id_at(7, 9), NOW + CLAIM_MS));
	assert_false(claim_take(claims, id_at(7, 9), NOW + CLAIM_MS));
}

/* The same but for one bit, wherever it is: never taken for the other. */
static void test_keys_are_told_apart_by_the_whole_id(void **state UNUSED)
{
	struct uuid id = id_at(7, 1);

	for (size_t bit = 0; bit < sizeof(id.b) * 8; bit++) {
		struct uuid other = id;

		other.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		memset(claims, 0, sizeof(*claims));
		assert_true(claim_take(claims, id, NOW));
		assert_true(claim_take(claims, other, NOW));
	}
}

/* Whoever died while writing a slot holds up nobody for long, and nobody for ever. */
static void test_a_dead_writer(void **state UNUSED)
{
	struct uuid id = id_at(7, 1);

	for (size_t i = 0; i < 4; i++)
		atomic_store(&claims->slots[7 + i].taken_ms, -NOW);
	assert_true(claim_take(claims, id, NOW + 1));
	assert_true(claim_take(claims, id, NOW + 1));
	assert_true(claim_take(claims, id, NOW + 1000));
	assert_false(claim_take(claims, id, NOW + 1000));
}

/* Eight processes, every key wanted by all of them at once: one gets it. */
static void test_processes(void **state UNUSED)
{
	_Atomic int *won = (_Atomic int *)(void *)(claims + 1);
	static struct uuid ids[KEYS];
	pid_t pids[PROCESSES];

	for (size_t i = 0; i < KEYS; i++)
		assert_int_equal(uuid_make(&ids[i]), ERR_OK);
	for (size_t p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		assert_true(pids[p] >= 0);
		if (pids[p] != 0)
			continue;
		for (int round = 0; round < 200; round++) {
			for (size_t i = 0; i < KEYS; i++) {
				if (claim_take(claims, ids[i], NOW))
					atomic_fetch_add(&won[i], 1);
			}
		}
		_exit(0);
	}
	for (size_t p = 0; p < PROCESSES; p++) {
		int status = 1;
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	/* 400 random ids in 1,024 slots: few meet, and those that do are claimed once too unless
	 * four others were there before. */
	size_t once = 0;
	for (size_t i = 0; i < KEYS; i++) {
		assert_true(atomic_load(&won[i]) >= 1);
		once += atomic_load(&won[i]) == 1;
	}
	assert_true(once >= KEYS - KEYS / 20);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_one_takes_it_until_the_claim_is_old),
		TEST(test_a_claim_given_back),
		TEST(test_a_full_place_costs_a_statement_never_a_note),
		TEST(test_keys_are_told_apart_by_the_whole_id),
		TEST(test_a_dead_writer),
		TEST(test_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
