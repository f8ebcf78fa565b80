/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_db.c: one connection's life against a real server: session, transactions, locks, scripts,
 * and what is said when the connection ends at the worst moment. Run by
 * tests/lib/with-mariadb.
 */
#include "base.h"
#include "clock.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static struct db *db;    /* straight to the server */
static struct db *far;   /* through the go-between */
static struct db *other; /* a second one straight to the server */

static int set_up(void **state)
{
	(void)state;
	db = fixture_db();
	far = fixture_db_by_proxy();
	other = fixture_db();
	proxy_reset();
	arena_reset(fixture_arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	db_free(&db);
	db_free(&far);
	db_free(&other);
	return 0;
}

static struct uuid put_num(int64_t num)
{
	struct uuid id = fixture_id();

	assert_int_equal(q_put(db, id, UUID_NIL, "t", NULL, num, DB_NULL, false, 0, TIME_NONE,
			     (struct bytes){ "", 0 }, (struct bytes){ NULL, 0 }, NULL),
	    ERR_OK);
	return id;
}

/* The number as the server has it, seen by a handle that nothing happens to. */
static int64_t num_of(struct uuid id)
{
	struct row_num row;

	assert_int_equal(q_num(db, fixture_arena, id, &row), ERR_OK);
	return row.num;
}

/* ---- session ------------------------------------------------------------------------------ */

static void test_session(void **state)
{
	struct row_session row;

	(void)state;
	assert_string_equal(db_server(db), "");
	assert_int_equal(db_generation(db), 0);
	assert_int_equal(q_session(db, fixture_arena, &row), ERR_OK);
	assert_string_equal(row.zone, "+00:00");
	assert_string_equal(row.charset, "utf8mb4");
	assert_string_equal(row.isolation, "READ-COMMITTED");
	assert_true(row.wait_s == 5);
	assert_true(row.autocommit == 1);
	assert_non_null(strstr(row.mode, "STRICT_ALL_TABLES"));
	assert_int_equal(strncmp(db_server(db), "MariaDB 1", 9), 0);
	assert_null(strchr(db_server(db), '-'));
	assert_int_equal(db_generation(db), 1);
	assert_string_equal(db_failure(db), "");
}

static void test_no_server(void **state)
{
	struct db_config config = { .socket = "/nonexistent/socket",
		.host = "",
		.name = "test",
		.user = "root",
		.password = "",
		.connect_timeout_s = 1,
		.read_timeout_s = 1 };
	struct db *none = NULL;
	struct row_me me;

	(void)state;
	assert_int_equal(db_new(&config, stmt_table, ST__MAX, &none), ERR_OK);
	assert_int_equal(db_ready(none), ERR_DB_NOT_READY);
	assert_non_null(strstr(db_failure(none), "connect: error 2002"));
	assert_int_equal(q_me(none, fixture_arena, &me), ERR_DB_NOT_READY);
	assert_int_equal(q_clear(none, NULL), ERR_DB_NOT_READY);
	assert_int_equal(db_begin(none), ERR_DB_NOT_READY);
	db_close(none);
	db_free(&none);
	assert_null(none);
	db_free(&none);
	db_free(NULL);
	/* A host is a host: "localhost" must not fall back to a socket. */
	config.host = "localhost";
	config.port = 1;
	assert_int_equal(db_new(&config, stmt_table, ST__MAX, &none), ERR_OK);
	assert_int_equal(db_ready(none), ERR_DB_NOT_READY);
	assert_null(strstr(db_failure(none), "socket"));
	db_free(&none);
}

static void test_close_begins_a_generation(void **state)
{
	struct uuid id = put_num(1);
	unsigned before = db_generation(db);

	(void)state;
	assert_int_equal(num_of(id), 1);
	db_close(db);
	assert_int_equal(db_generation(db), before);
	assert_int_equal(num_of(id), 1);
	assert_int_equal(db_generation(db), before + 1);
	assert_int_equal(db_ready(db), ERR_OK);
	assert_int_equal(db_generation(db), before + 1);
}

/* A child that closes its copy of the handle must leave the parent's session alone. */
static void test_close_in_a_child(void **state)
{
	struct uuid id = put_num(1);
	unsigned generation = db_generation(db);
	int status = -1;
	pid_t pid;

	(void)state;
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_add_num(db, 1, id, NULL), ERR_OK);
	pid = fork();
	if (pid == 0) {
		db_close(db);
		_exit(db_in_tx(db) || db_ready(db) != ERR_OK || num_of(id) != 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(db_commit(db), ERR_OK);
	assert_int_equal(num_of(id), 2);
	assert_int_equal(db_generation(db), generation);
}

/* ---- round trips -------------------------------------------------------------------------- */

static void test_round_trips(void **state)
{
	struct uuid id = put_num(1);
	struct row_num num;
	struct row_page *rows;
	size_t count;

	(void)state;
	assert_int_equal(q_num(far, fixture_arena, id, &num), ERR_OK);
	assert_int_equal(q_add_num(far, 1, id, NULL), ERR_OK);
	assert_int_equal(q_page(far, fixture_arena, 2, &rows, &count), ERR_OK);
	proxy_reset();
	for (int i = 0; i < 10; i++)
		assert_int_equal(q_num(far, fixture_arena, id, &num), ERR_OK);
	assert_int_equal(proxy_seen(COMMAND_EXECUTE), 10);
	assert_int_equal(proxy_seen_all(), 10);
	assert_int_equal(q_num(far, fixture_arena, fixture_id(), &num), ERR_MISSING);
	assert_int_equal(q_page(far, fixture_arena, 2, &rows, &count), ERR_OK);
	assert_int_equal(proxy_seen_all(), 12);
	assert_int_equal(db_begin(far), ERR_OK);
	assert_int_equal(q_add_num(far, 1, id, NULL), ERR_OK);
	assert_int_equal(db_commit(far), ERR_OK);
	assert_int_equal(proxy_seen_all(), 15);
	db_rollback_if_open(far);
	assert_int_equal(proxy_seen_all(), 15);
}

/* ---- transactions ------------------------------------------------------------------------- */

static void test_commit_and_rollback(void **state)
{
	struct uuid id = put_num(1);

	(void)state;
	assert_false(db_in_tx(other));
	assert_int_equal(db_commit(other), ERR_STATE);
	assert_int_equal(db_begin(other), ERR_OK);
	assert_true(db_in_tx(other));
	assert_int_equal(db_begin(other), ERR_STATE);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
	assert_true(num_of(id) == 1);
	assert_int_equal(db_commit(other), ERR_OK);
	assert_false(db_in_tx(other));
	assert_true(num_of(id) == 2);
	assert_int_equal(db_begin(other), ERR_OK);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
	db_rollback_if_open(other);
	assert_false(db_in_tx(other));
	db_rollback_if_open(other);
	assert_true(num_of(id) == 2);
}

static void test_lock_timeout(void **state)
{
	struct uuid id = put_num(1);
	struct row_hold row;

	(void)state;
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_hold(db, fixture_arena, id, &row), ERR_OK);
	assert_int_equal(q_wait_briefly(other, NULL), ERR_OK);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_DB_LOCKED);
	assert_string_equal(db_failure(other), "add_num: error 1205 (HY000)");
	assert_int_equal(db_begin(other), ERR_OK);
	assert_int_equal(q_hold(other, fixture_arena, id, &row), ERR_DB_LOCKED);
	/* The transaction is there until somebody ends it. */
	assert_true(db_in_tx(other));
	db_rollback_if_open(other);
	db_rollback_if_open(db);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
}

/* The other side of a deadlock, and the heavier one: holds last, has written, and will want first. */
static pid_t rival(struct uuid first, struct uuid last)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (db_begin(other) != ERR_OK || q_set_num(other, 9, last, NULL) != ERR_OK)
			_exit(100);
		usleep(600000);
		enum err err = q_set_num(other, 8, first, NULL);
		if (err == ERR_OK)
			err = db_commit(other);
		_exit((int)err);
	}
	usleep(300000);
	return pid;
}

static void expect_victim(pid_t pid, enum err err, const char *failure)
{
	int status = -1;

	assert_int_equal(err, ERR_DB_DEADLOCK);
	assert_string_equal(db_failure(db), failure);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A list that is the victim behind its first row: the next use must not wait for the rows that never
 * came. */
static void test_list_broken_off(void **state)
{
	struct row_hold_all *rows = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(q_clear(db, NULL), ERR_OK);
	struct uuid first = put_num(1);
	struct uuid last = put_num(2);
	assert_int_equal(q_hold_all(db, fixture_arena, &rows, &count), ERR_OK);
	assert_true(count == 2);
	pid_t pid = rival(first, last);
	assert_int_equal(db_begin(db), ERR_OK);
	expect_victim(
	    pid, q_hold_all(db, fixture_arena, &rows, &count), "hold_all: error 1213 (40001)");
	unsigned generation = db_generation(db);
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_hold_all(db, fixture_arena, &rows, &count), ERR_OK);
	assert_true(count == 2 && rows[0].num == 8 && rows[1].num == 9);
	assert_int_equal(db_commit(db), ERR_OK);
	assert_int_equal(db_generation(db), generation);
}

/* The same before the only row: MariaDB's library knows why only by the connection. */
static void test_row_broken_off(void **state)
{
	struct row_hold_sum row;

	(void)state;
	assert_int_equal(q_clear(db, NULL), ERR_OK);
	struct uuid first = put_num(1);
	struct uuid last = put_num(2);
	assert_int_equal(q_hold_sum(db, fixture_arena, &row), ERR_OK);
	pid_t pid = rival(first, last);
	assert_int_equal(db_begin(db), ERR_OK);
	expect_victim(pid, q_hold_sum(db, fixture_arena, &row), "hold_sum: error 1213 (40001)");
	unsigned generation = db_generation(db);
	assert_int_equal(q_hold_sum(db, fixture_arena, &row), ERR_OK);
	assert_true(row.num == 17);
	assert_int_equal(db_generation(db), generation);
}

static void test_deadlock(void **state)
{
	struct uuid a = put_num(1);
	struct uuid b = put_num(1);
	struct row_hold row;
	int status = -1;
	enum err err;
	pid_t pid;

	(void)state;
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_hold(db, fixture_arena, a, &row), ERR_OK);
	pid = fork();
	if (pid == 0) {
		/* Holds b, has written, then wants a: the heavier of the two transactions. */
		if (db_begin(other) != ERR_OK || q_set_num(other, 9, b, NULL) != ERR_OK)
			_exit(100);
		err = q_hold(other, fixture_arena, a, &row);
		if (err == ERR_OK)
			err = db_commit(other);
		_exit((int)err);
	}
	usleep(300000);
	assert_int_equal(q_hold(db, fixture_arena, b, &row), ERR_DB_DEADLOCK);
	assert_string_equal(db_failure(db), "hold: error 1213 (40001)");
	assert_false(db_in_tx(db));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* The whole transaction again is right. */
	assert_int_equal(db_begin(db), ERR_OK);
	assert_int_equal(q_hold(db, fixture_arena, b, &row), ERR_OK);
	assert_true(row.num == 9);
	assert_int_equal(db_commit(db), ERR_OK);
}

static void test_read_only(void **state)
{
	struct uuid id = put_num(1);
	enum err err;

	(void)state;
	fixture_run(
	    "CREATE USER plain@localhost; GRANT SELECT, UPDATE ON test.* TO plain@localhost");
	struct db_config config = { .socket = getenv("BONAFIDE_TEST_DB_SOCKET"),
		.name = "test",
		.user = "plain",
		.password = "",
		.connect_timeout_s = 5,
		.read_timeout_s = 5 };
	struct db *plain = NULL;

	assert_int_equal(db_new(&config, stmt_table, ST__MAX, &plain), ERR_OK);
	fixture_run("SET GLOBAL read_only = 1");
	err = q_add_num(plain, 1, id, NULL);
	fixture_run("SET GLOBAL read_only = 0; DROP USER plain@localhost");
	assert_int_equal(err, ERR_DB_READ_ONLY);
	db_free(&plain);
}

/* ---- lost connections --------------------------------------------------------------------- */

/* The server closed the idle connection: nothing was at stake, so nobody needs to know. */
static void test_killed_while_idle(void **state)
{
	struct uuid id = put_num(1);
	struct row_num row;

	(void)state;
	fixture_kill(other);
	assert_int_equal(q_num(other, fixture_arena, id, &row), ERR_OK);
	assert_int_equal(db_generation(other), 2);
	fixture_kill(other);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
	assert_int_equal(db_generation(other), 3);
	fixture_kill(other);
	assert_int_equal(db_begin(other), ERR_OK);
	assert_int_equal(db_generation(other), 4);
	assert_int_equal(db_commit(other), ERR_OK);
	fixture_kill(other);
	assert_int_equal(db_ready(other), ERR_OK);
	assert_int_equal(db_generation(other), 5);
	assert_true(num_of(id) == 2);
}

static void test_killed_in_a_transaction(void **state)
{
	struct uuid id = put_num(1);
	struct row_num row;

	(void)state;
	assert_int_equal(db_begin(other), ERR_OK);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
	fixture_kill(other);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_DB_LOST);
	assert_false(db_in_tx(other));
	db_rollback_if_open(other);
	assert_int_equal(q_num(other, fixture_arena, id, &row), ERR_OK);
	assert_true(row.num == 1);
	/* Reads in a transaction are not repeated either: they would see another world. */
	assert_int_equal(db_begin(other), ERR_OK);
	fixture_kill(other);
	assert_int_equal(q_num(other, fixture_arena, id, &row), ERR_DB_LOST);
	assert_int_equal(db_begin(other), ERR_OK);
	fixture_kill(other);
	assert_int_equal(db_ready(other), ERR_DB_LOST);
	assert_false(db_in_tx(other));
}

static void test_killed_before_commit(void **state)
{
	struct uuid id = put_num(1);

	(void)state;
	assert_int_equal(db_begin(other), ERR_OK);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
	fixture_kill(other);
	assert_int_equal(db_commit(other), ERR_DB_UNCERTAIN);
	assert_false(db_in_tx(other));
	assert_true(num_of(id) == 1);
}

/* The same answer whether the server heard the COMMIT or not: from here nobody can tell. */
static void test_lost_in_commit(void **state)
{
	struct uuid id = put_num(1);

	(void)state;
	for (int is_before = 0; is_before < 2; is_before++) {
		assert_int_equal(db_begin(far), ERR_OK);
		assert_int_equal(q_set_num(far, 10 + is_before, id, NULL), ERR_OK);
		proxy_cut(COMMAND_QUERY, "COMMIT", is_before, 1);
		assert_int_equal(db_commit(far), ERR_DB_UNCERTAIN);
		assert_false(db_in_tx(far));
	}
	assert_true(num_of(id) == 10);
}

static void test_begin_is_repeated(void **state)
{
	struct row_me me;

	(void)state;
	assert_int_equal(q_me(far, fixture_arena, &me), ERR_OK);
	proxy_cut(COMMAND_QUERY, "autocommit = 0", true, 1);
	assert_int_equal(db_begin(far), ERR_OK);
	assert_int_equal(db_generation(far), 2);
	assert_int_equal(db_commit(far), ERR_OK);
	/* Back for a statement by itself; lost in going back, it is opened again. */
	proxy_cut(COMMAND_QUERY, "autocommit = 1", true, 1);
	assert_int_equal(q_me(far, fixture_arena, &me), ERR_OK);
	assert_int_equal(db_generation(far), 3);
	proxy_cut(COMMAND_QUERY, "autocommit = 0", true, 2);
	assert_int_equal(db_begin(far), ERR_DB_LOST);
	assert_false(db_in_tx(far));
}

static void test_read_is_repeated_once(void **state)
{
	struct uuid id = put_num(1);
	struct row_num row;
	struct row_page *rows;
	size_t count;

	(void)state;
	assert_int_equal(q_num(far, fixture_arena, id, &row), ERR_OK);
	for (int is_before = 0; is_before < 2; is_before++) {
		proxy_reset();
		proxy_cut(COMMAND_EXECUTE, NULL, is_before, 1);
		assert_int_equal(q_num(far, fixture_arena, id, &row), ERR_OK);
		assert_int_equal(proxy_seen(COMMAND_EXECUTE), 2);
		proxy_cut(COMMAND_EXECUTE, NULL, is_before, 1);
		assert_int_equal(q_page(far, fixture_arena, 3, &rows, &count), ERR_OK);
		assert_int_equal(proxy_seen(COMMAND_EXECUTE), 4);
	}
	proxy_reset();
	proxy_cut(COMMAND_EXECUTE, NULL, true, 5);
	assert_int_equal(q_num(far, fixture_arena, id, &row), ERR_DB_LOST);
	assert_int_equal(proxy_seen(COMMAND_EXECUTE), 2);
	proxy_reset();
	assert_int_equal(q_num(far, fixture_arena, id, &row), ERR_OK);
}

static void test_write_is_not_repeated(void **state)
{
	struct uuid id = put_num(1);

	(void)state;
	assert_int_equal(q_add_num(far, 1, id, NULL), ERR_OK);
	for (int is_before = 0; is_before < 2; is_before++) {
		proxy_reset();
		proxy_cut(COMMAND_EXECUTE, NULL, is_before, 1);
		assert_int_equal(q_add_num(far, 1, id, NULL), ERR_DB_UNCERTAIN);
		assert_int_equal(proxy_seen(COMMAND_EXECUTE), 1);
	}
	/* Once before, once after: one of the two happened. */
	assert_true(num_of(id) == 3);
	assert_int_equal(q_add_num(far, 1, id, NULL), ERR_OK);
	/* Lost while it was only being prepared: that is certain, and done again. */
	db_close(far);
	proxy_reset();
	proxy_cut(COMMAND_PREPARE, NULL, false, 1);
	assert_int_equal(q_add_num(far, 1, id, NULL), ERR_OK);
	assert_true(num_of(id) == 5);
}

static void test_locks_are_not_plain_reads(void **state)
{
	struct uuid id = put_num(1);
	struct row_get_lock lock;
	struct row_hold hold;

	(void)state;
	proxy_cut(COMMAND_EXECUTE, NULL, false, 1);
	assert_int_equal(q_get_lock(far, fixture_arena, &lock), ERR_DB_LOST);
	proxy_cut(COMMAND_EXECUTE, NULL, false, 1);
	assert_int_equal(q_hold(far, fixture_arena, id, &hold), ERR_DB_LOST);
	assert_int_equal(proxy_seen(COMMAND_EXECUTE), 2);
}

/* A server that has forgotten a statement is told it again; nothing has happened yet. */
static void test_forgotten_statement(void **state)
{
	struct uuid id = put_num(1);
	struct row_num row;

	(void)state;
	assert_int_equal(q_add_num(far, 1, id, NULL), ERR_OK);
	assert_int_equal(q_num(far, fixture_arena, id, &row), ERR_OK);
	proxy_reset();
	proxy_lose_statement();
	assert_int_equal(q_add_num(far, 1, id, NULL), ERR_OK);
	proxy_lose_statement();
	assert_int_equal(q_num(far, fixture_arena, id, &row), ERR_OK);
	assert_true(row.num == 3);
	assert_int_equal(proxy_seen(COMMAND_EXECUTE), 4);
	assert_int_equal(proxy_seen(COMMAND_PREPARE), 2);
	assert_int_equal(db_generation(far), 1);
}

static void test_too_many_statements(void **state)
{
	struct uuid id = put_num(1);

	(void)state;
	fixture_run("SET GLOBAL max_prepared_stmt_count = 0");
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_DB_NOT_READY);
	fixture_run("SET GLOBAL max_prepared_stmt_count = 16382");
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
}

static void alarm_rings(int number)
{
	(void)number;
}

/* A signal in the middle of an answer is none of the database's business. */
static void test_signal_while_waiting(void **state)
{
	struct sigaction action = { .sa_handler = alarm_rings };
	struct itimerval timer = { .it_interval = { 0, 50000 }, .it_value = { 0, 50000 } };
	struct itimerval none = { { 0, 0 }, { 0, 0 } };
	struct row_nap nap;

	(void)state;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	assert_int_equal(q_nap(db, fixture_arena, 1, &nap), ERR_OK);
	setitimer(ITIMER_REAL, &none, NULL);
	assert_true(nap.r == 0);
	assert_int_equal(db_generation(db), 1);
}

/* The server is killed with work under way, and comes back. */
static void test_server_crash(void **state)
{
	struct uuid id = put_num(1);
	struct row_num row;

	(void)state;
	assert_int_equal(db_begin(other), ERR_OK);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
	fixture_crash_server();
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_DB_LOST);
	assert_false(db_in_tx(other));
	assert_int_equal(db_begin(other), ERR_DB_NOT_READY);
	assert_int_equal(q_num(db, fixture_arena, id, &row), ERR_DB_NOT_READY);
	assert_int_equal(q_add_num(db, 1, id, NULL), ERR_DB_NOT_READY);
	assert_int_equal(db_ready(db), ERR_DB_NOT_READY);
	fixture_start_server();
	assert_int_equal(q_num(db, fixture_arena, id, &row), ERR_OK);
	assert_true(row.num == 1);
	assert_int_equal(q_add_num(other, 1, id, NULL), ERR_OK);
	assert_int_equal(db_generation(db), 2);
}

/* ---- scripts ------------------------------------------------------------------------------ */

static void test_script(void **state)
{
	static const char good[] =
	    "-- a comment; with a semicolon\n"
	    "CREATE TABLE s (a INT, b VARCHAR(40) COMMENT 'it''s; \\'so\\'') /* ; */ COMMENT \"a;b\";\n"
	    "# another; one\n"
	    "INSERT INTO s VALUES (1--1, 'x;y'), (2, '/* no comment */ -- none');;\n"
	    "/*!50000 INSERT INTO s VALUES (3, ';') */;\n"
	    "SELECT * FROM `s`;\n"
	    "DROP TABLE s;\n"
	    "-- the end\n"
	    "/* really */";
	struct db *scripts = fixture_db_for_scripts();
	unsigned number = 99;

	(void)state;
	assert_int_equal(db_script(scripts, good, &number), ERR_OK);
	assert_int_equal(number, 99);
	assert_int_equal(db_script(scripts, "", &number), ERR_OK);
	assert_int_equal(db_script(scripts, " -- nothing", NULL), ERR_OK);
	assert_int_equal(
	    db_script(scripts, "SET @a = 1; SELECT 1; SELEKT; SET @a = 2", &number), ERR_DB_BROKEN);
	assert_int_equal(number, 3);
	assert_string_equal(db_failure(scripts), "script, statement 3: error 1064 (42000)");
	assert_int_equal(db_script(scripts, "SET @b = 'unclosed", &number), ERR_DB_BROKEN);
	assert_int_equal(number, 1);
	assert_int_equal(db_begin(scripts), ERR_OK);
	assert_int_equal(db_script(scripts, "SET @a = 1", NULL), ERR_STATE);
	db_rollback_if_open(scripts);
	assert_int_equal(
	    db_script(scripts, "KILL CONNECTION_ID(); SET @a = 1", &number), ERR_DB_UNCERTAIN);
	assert_int_equal(number, 1);
	db_free(&scripts);
	assert_int_equal(db_script(db, "SET @a = 1", NULL), ERR_STATE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_session),
		TEST(test_no_server),
		TEST(test_close_begins_a_generation),
		TEST(test_close_in_a_child),
		TEST(test_round_trips),
		TEST(test_commit_and_rollback),
		TEST(test_lock_timeout),
		TEST(test_list_broken_off),
		TEST(test_row_broken_off),
		TEST(test_deadlock),
		TEST(test_read_only),
		TEST(test_killed_while_idle),
		TEST(test_killed_in_a_transaction),
		TEST(test_killed_before_commit),
		TEST(test_lost_in_commit),
		TEST(test_begin_is_repeated),
		TEST(test_read_is_repeated_once),
		TEST(test_write_is_not_repeated),
		TEST(test_locks_are_not_plain_reads),
		TEST(test_forgotten_statement),
		TEST(test_too_many_statements),
		TEST(test_signal_while_waiting),
		TEST(test_script),
		TEST(test_server_crash),
	};
	int failed;

	if (!fixture_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_close();
	return failed;
}
