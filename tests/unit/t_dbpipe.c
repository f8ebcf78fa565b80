/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_dbpipe.c: statements whose answers are read later, against a real server: that they are sent
 * without waiting, that none of them can fail unnoticed, and what a lost connection among them
 * comes to. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#define MANY 100 /* more than may be under way at once */

static struct db *db;    /* straight to the server */
static struct db *far;   /* through the go-between */
static struct db *other; /* sees only what is committed */

static int set_up(void **state UNUSED)
{
	db = fixture_db();
	far = fixture_db_by_proxy();
	other = fixture_db();
	proxy_reset();
	arena_reset(fixture_arena);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	db_free(&db);
	db_free(&far);
	db_free(&other);
	return 0;
}

static bool is_there(struct uuid id)
{
	struct row_num row;
	enum err err = q_num(other, fixture_arena, id, &row);

	assert_true(err == ERR_OK || err == ERR_MISSING);
	return err == ERR_OK;
}

static int64_t num_of(struct uuid id)
{
	struct row_num row;

	assert_int_equal(q_num(other, fixture_arena, id, &row), ERR_OK);
	return row.num;
}

static void test_all_of_it_is_committed(void **state UNUSED)
{
	struct uuid ids[MANY];

	assert_int_equal(db_begin(db), ERR_OK);
	for (int64_t i = 0; i < MANY; i++) {
		ids[i] = fixture_id();
		assert_int_equal(q_put_later(db, ids[i], i), ERR_OK);
		assert_int_equal(q_add_later(db, 1000, ids[i]), ERR_OK);
	}
	assert_false(is_there(ids[0]));
	assert_int_equal(db_commit(db), ERR_OK);
	for (int64_t i = 0; i < MANY; i++)
		assert_true(num_of(ids[i]) == i + 1000);
}

/* A read between them sees what was written before it. */
static void test_a_read_catches_up(void **state UNUSED)
{
	struct uuid id = fixture_id();
	struct row_num row;
	uint64_t changed = 0;

	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_put_later(db, id, 1), ERR_OK);
	assert_int_equal(q_num(db, fixture_arena, id, &row), ERR_OK);
	assert_true(row.num == 1);
	assert_int_equal(q_add_later(db, 1, id), ERR_OK);
	assert_int_equal(q_add_num(db, 1, id, &changed), ERR_OK);
	assert_int_equal(changed, 1);
	assert_int_equal(q_add_later(db, 1, id), ERR_OK);
	assert_int_equal(db_commit(db), ERR_OK);
	assert_true(num_of(id) == 4);
}

/* Outside a transaction there is nothing that could say it later. */
static void test_outside_a_transaction_it_waits(void **state UNUSED)
{
	struct uuid id = fixture_id();

	assert_int_equal(q_put_later(db, id, 1), ERR_OK);
	assert_true(is_there(id));
	assert_int_equal(q_put_later(db, id, 1), ERR_DB_DUPLICATE);
}

static void test_commit_says_what_failed(void **state UNUSED)
{
	struct uuid id = fixture_id(), second = fixture_id();

	/* Both are prepared now: preparing would have to read the answers. */
	assert_int_equal(q_put_later(db, id, 0), ERR_OK);
	assert_int_equal(q_add_later(db, 1, id), ERR_OK);
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_put_later(db, second, 1), ERR_OK);
	assert_int_equal(q_put_later(db, id, 2), ERR_OK);
	assert_int_equal(q_add_later(db, 1, second), ERR_OK);
	assert_int_equal(db_commit(db), ERR_DB_DUPLICATE);
	assert_non_null(strstr(db_failure(db), "put_later: error 1062"));
	assert_false(db_in_tx(db));
	assert_false(is_there(second));
	assert_true(num_of(id) == 1);
	/* The connection is as good as before. */
	assert_int_equal(db_generation(db), 1);
	assert_int_equal(q_put_later(db, second, 5), ERR_OK);
	assert_true(num_of(second) == 5);
}

static void test_a_read_says_what_failed(void **state UNUSED)
{
	struct uuid id = fixture_id(), second = fixture_id();
	struct row_num row = { .num = 77 };

	assert_int_equal(q_put_later(db, id, 1), ERR_OK);
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_put_later(db, second, 1), ERR_OK);
	assert_int_equal(q_put_later(db, id, 2), ERR_OK);
	assert_int_equal(q_num(db, fixture_arena, id, &row), ERR_DB_DUPLICATE);
	assert_true(row.num == 77);
	db_rollback_if_open(db);
	assert_false(is_there(second));
}

static void test_rollback_needs_no_answers(void **state UNUSED)
{
	struct uuid id = fixture_id();

	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_put_later(db, id, 1), ERR_OK);
	assert_int_equal(q_put_later(db, id, 2), ERR_OK);
	db_rollback_if_open(db);
	assert_false(is_there(id));
	assert_int_equal(db_generation(db), 1);
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_put_later(db, id, 3), ERR_OK);
	assert_int_equal(db_ready(db), ERR_OK);
	assert_int_equal(db_commit(db), ERR_OK);
	assert_true(num_of(id) == 3);
}

/* Lost before the commit was sent, so nothing can have happened, and that is what is said. */
static void test_lost_among_them(void **state UNUSED)
{
	struct uuid first = fixture_id(), second = fixture_id();

	assert_int_equal(db_begin(far), ERR_OK);
	assert_int_equal(q_put_later(far, first, 1), ERR_OK);
	assert_int_equal(db_commit(far), ERR_OK);
	for (int is_before = 0; is_before < 2; is_before++) {
		proxy_reset();
		assert_int_equal(db_begin(far), ERR_OK);
		proxy_cut(COMMAND_EXECUTE, NULL, is_before, 1);
		enum err err = q_put_later(far, second, 1);
		if (err == ERR_OK)
			err = db_commit(far);
		assert_int_equal(err, ERR_DB_LOST);
		assert_int_equal(proxy_seen(COMMAND_EXECUTE), 1);
		assert_false(db_in_tx(far));
		assert_false(is_there(second));
	}
	assert_int_equal(q_put_later(far, second, 2), ERR_OK);
	assert_true(num_of(second) == 2);
}

/* As behind a proxy that hands out other sessions: the whole transaction has to run again. */
static void test_a_forgotten_statement(void **state UNUSED)
{
	struct uuid first = fixture_id(), second = fixture_id();

	assert_int_equal(q_put_later(far, first, 1), ERR_OK);
	assert_int_equal(db_begin(far), ERR_OK);
	assert_int_equal(q_add_later(far, 1, first), ERR_OK);
	assert_int_equal(q_num(far, fixture_arena, first, &(struct row_num){ 0 }), ERR_OK);
	proxy_lose_statement();
	assert_int_equal(q_put_later(far, second, 1), ERR_OK);
	assert_int_equal(db_commit(far), ERR_DB_DEADLOCK);
	assert_false(db_in_tx(far));
	assert_true(num_of(first) == 1);
	assert_int_equal(db_begin(far), ERR_OK);
	assert_int_equal(q_add_later(far, 1, first), ERR_OK);
	assert_int_equal(q_put_later(far, second, 1), ERR_OK);
	assert_int_equal(db_commit(far), ERR_OK);
	assert_true(num_of(first) == 2);
	assert_true(num_of(second) == 1);
}

/* Holds a, with so much else written that InnoDB spares it, and then wants b. */
static void cross(int hear, int say, struct uuid a, struct uuid b)
{
	struct db *mine = fixture_db();
	char byte;

	if (read(hear, &byte, 1) != 1 || db_begin(mine) != ERR_OK)
		_exit(1);
	for (int i = 0; i < 200; i++) {
		struct uuid id = fixture_id();
		id.b[15] ^= 0x80;
		id.b[5] = 7;
		if (q_put_later(mine, id, 1) != ERR_OK)
			_exit(2);
	}
	if (q_add_num(mine, 1, a, NULL) != ERR_OK || write(say, "x", 1) != 1)
		_exit(3);
	usleep(300000);
	_exit(q_add_num(mine, 1, b, NULL) == ERR_OK && db_commit(mine) == ERR_OK ? 0 : 4);
}

/* The server ends the transaction in the middle of what was sent. What stands behind must not last:
 * the whole transaction is run again, and would do it twice. */
static void test_nothing_lasts_behind_a_deadlock(void **state UNUSED)
{
	struct uuid a = fixture_id(), b = fixture_id(), behind = fixture_id();
	int there[2], back[2], status = -1;
	struct row_num row;
	char byte;

	assert_int_equal(q_put_later(db, a, 1), ERR_OK);
	assert_int_equal(q_put_later(db, b, 1), ERR_OK);
	assert_int_equal(q_add_later(db, 1, b), ERR_OK);
	assert_true(pipe(there) == 0 && pipe(back) == 0);
	pid_t child = fork();
	if (child == 0)
		cross(there[0], back[1], a, b);
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_add_later(db, 10, b), ERR_OK);
	assert_int_equal(q_num(db, fixture_arena, b, &row), ERR_OK);
	assert_int_equal(write(there[1], "x", 1), 1);
	assert_int_equal(read(back[0], &byte, 1), 1);
	/* Waits for the other one, who will want what we have. */
	assert_int_equal(q_add_later(db, 10, a), ERR_OK);
	assert_int_equal(q_put_later(db, behind, 1), ERR_OK);
	assert_int_equal(db_commit(db), ERR_DB_DEADLOCK);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_false(is_there(behind));
	assert_true(num_of(a) == 2 && num_of(b) == 3);
	/* And the connection goes on as if nothing had been. */
	assert_int_equal(q_put_later(db, behind, 5), ERR_OK);
	assert_true(num_of(behind) == 5);
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
}

/* Bad arguments are refused before anything is sent, as with every statement. */
static void test_null_is_refused(void **state UNUSED)
{
	struct uuid id = fixture_id();

	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_put_later(db, UUID_NIL, 1), ERR_DB_BROKEN);
	assert_int_equal(q_put_later(db, id, 1), ERR_OK);
	assert_int_equal(db_commit(db), ERR_OK);
	assert_true(is_there(id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_of_it_is_committed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_read_catches_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_outside_a_transaction_it_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_commit_says_what_failed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_read_says_what_failed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rollback_needs_no_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lost_among_them, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_forgotten_statement, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_nothing_lasts_behind_a_deadlock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_null_is_refused, set_up, tear_down),
	};
	int failed;

	if (!fixture_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_close();
	return failed;
}
