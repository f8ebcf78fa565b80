/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_dbstmt.c: the statement engine against a real server: values of every type both ways, what
 * is refused, and what db_check() finds. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "buf.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define BYTES(literal) ((struct bytes){ (literal), sizeof(literal) - 1 })
#define NO_BYTES ((struct bytes){ NULL, 0 })

static struct db *db;

static int set_up(void **state)
{
	(void)state;
	db = fixture_db();
	arena_reset(fixture_arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	db_free(&db);
	return 0;
}

/* A row whose interesting value is the number. */
static struct uuid put_num(int64_t num)
{
	struct uuid id = fixture_id();

	assert_int_equal(q_put(db, id, UUID_NIL, "t", NULL, num, DB_NULL, false, 0, TIME_NONE,
			     BYTES("b"), NO_BYTES, NULL),
	    ERR_OK);
	return id;
}

static void test_every_type_both_ways(void **state)
{
	static const char zeros[] = "\0a\0\377\0";
	struct uuid id = fixture_id();
	struct uuid oid = fixture_id();
	struct row_get row;
	uint64_t changed = 0;

	(void)state;
	assert_int_equal(
	    q_put(db, id, oid, "Zoë ☃ 𝄞", "", -5, INT64_MAX, true, INT64_C(1777629000123),
		INT64_C(-1), BYTES(zeros), BYTES(""), &changed),
	    ERR_OK);
	assert_int_equal(changed, 1);
	assert_int_equal(q_get(db, fixture_arena, id, &row), ERR_OK);
	assert_true(uuid_equal(row.id, id));
	assert_true(uuid_equal(row.oid, oid));
	assert_string_equal(row.text, "Zoë ☃ 𝄞");
	assert_string_equal(row.otext, "");
	assert_true(row.num == -5);
	assert_true(row.onum == INT64_MAX);
	assert_true(row.flag);
	assert_true(row.at == INT64_C(1777629000123));
	assert_true(row.oat == -1);
	assert_int_equal(row.bin.len, sizeof(zeros) - 1);
	assert_memory_equal(row.bin.data, zeros, sizeof(zeros) - 1);
	assert_non_null(row.obin.data);
	assert_int_equal(row.obin.len, 0);
}

static void test_null_both_ways(void **state)
{
	struct uuid id = put_num(1);
	struct row_get row;

	(void)state;
	memset(&row, 0x55, sizeof(row));
	assert_int_equal(q_get(db, fixture_arena, id, &row), ERR_OK);
	assert_true(uuid_is_nil(row.oid));
	assert_null(row.otext);
	assert_true(row.onum == DB_NULL);
	assert_true(row.oat == TIME_NONE);
	assert_null(row.obin.data);
	assert_int_equal(row.obin.len, 0);
	assert_false(row.flag);
}

/* A NULL must not leave the length of the row before it behind, nor the other way round. */
static void test_null_between_values(void **state)
{
	struct row_page *rows = NULL;
	size_t count = 0;
	struct uuid id;

	(void)state;
	assert_int_equal(q_clear(db, NULL), ERR_OK);
	for (int i = 0; i < 4; i++) {
		id = fixture_id();
		assert_int_equal(
		    q_put(db, id, UUID_NIL, "t", i % 2 == 0 ? "long enough" : NULL, i,
			i % 2 == 0 ? i : DB_NULL, false, 0, TIME_NONE, BYTES("b"), NO_BYTES, NULL),
		    ERR_OK);
	}
	assert_int_equal(q_page(db, fixture_arena, 10, &rows, &count), ERR_OK);
	assert_int_equal(count, 4);
	for (int i = 0; i < 4; i++) {
		if (i % 2 == 0)
			assert_string_equal(rows[i].otext, "long enough");
		else
			assert_null(rows[i].otext);
		assert_true(rows[i].onum == (i % 2 == 0 ? i : DB_NULL));
	}
}

static void test_numbers_at_the_ends(void **state)
{
	static const int64_t nums[] = { 0, -1, INT64_MAX, INT64_MIN + 1, INT64_C(1) << 40 };
	struct row_num row;

	(void)state;
	for (size_t i = 0; i < countof(nums); i++) {
		assert_int_equal(q_num(db, fixture_arena, put_num(nums[i]), &row), ERR_OK);
		assert_true(row.num == nums[i]);
	}
}

static void test_sum_is_a_number(void **state)
{
	struct row_sum row;

	(void)state;
	assert_int_equal(q_clear(db, NULL), ERR_OK);
	assert_int_equal(q_sum(db, fixture_arena, &row), ERR_OK);
	assert_true(row.num == DB_NULL);
	put_num(INT64_C(-3000000000));
	put_num(1);
	assert_int_equal(q_sum(db, fixture_arena, &row), ERR_OK);
	assert_true(row.num == INT64_C(-2999999999));
}

/* Whether the server, which has a calendar of its own, holds this time as this text. */
static void expect_time(int64_t time_ms, const char *sql_time)
{
	struct uuid id = fixture_id();
	struct row_get row;
	char sql[200];

	assert_int_equal(q_put(db, id, UUID_NIL, "t", NULL, 0, DB_NULL, true, time_ms, TIME_NONE,
			     BYTES("b"), NO_BYTES, NULL),
	    ERR_OK);
	assert_int_equal(q_get(db, fixture_arena, id, &row), ERR_OK);
	assert_true(row.at == time_ms);
	snprintf(sql, sizeof(sql), "DELETE FROM every WHERE at = %s AND flag", sql_time);
	fixture_run(sql);
	assert_int_equal(q_get(db, fixture_arena, id, &row), ERR_MISSING);
}

static void test_times(void **state)
{
	(void)state;
	expect_time(0, "'1970-01-01 00:00:00.000'");
	expect_time(-1, "'1969-12-31 23:59:59.999'");
	expect_time(INT64_C(951782400000), "'2000-02-29 00:00:00.000'");
	expect_time(INT64_C(951868799999), "'2000-02-29 23:59:59.999'");
	expect_time(INT64_C(4107542400000), "'2100-03-01 00:00:00.000'");
	expect_time(INT64_C(-2208988800000), "'1900-01-01 00:00:00.000'");
	expect_time(INT64_C(-62135596800000), "'0001-01-01 00:00:00.000'");
	expect_time(INT64_C(253402300799999), "'9999-12-31 23:59:59.999'");
}

static void test_days_of_many_years(void **state)
{
	char sql_time[100];

	(void)state;
	for (int64_t day = -100000; day < 300000; day += 7919) {
		snprintf(sql_time, sizeof(sql_time), "TIMESTAMPADD(DAY, %lld, '1970-01-01')",
		    (long long)day);
		expect_time(day * INT64_C(86400000), sql_time);
	}
}

static void test_long_values(void **state)
{
	static const size_t lengths[] = { 255, 256, 257, 4096, 100000 };
	static char text[100001];
	struct row_get row;

	(void)state;
	for (size_t i = 0; i < countof(lengths); i++) {
		struct uuid id = put_num(0);

		memset(text, 'a', lengths[i]);
		text[0] = 'b';
		text[lengths[i] - 1] = 'z';
		text[lengths[i]] = '\0';
		assert_int_equal(q_set_text(db, text, id, NULL), ERR_OK);
		assert_int_equal(q_get(db, fixture_arena, id, &row), ERR_OK);
		assert_string_equal(row.text, text);
	}
}

static void test_too_long_a_value(void **state)
{
	struct row_repeat row = { .t = "untouched" };

	(void)state;
	assert_int_equal(q_repeat(db, fixture_arena, LIMIT_DB_TEXT, &row), ERR_OK);
	assert_int_equal(strlen(row.t), LIMIT_DB_TEXT);
	row.t = "untouched";
	assert_int_equal(q_repeat(db, fixture_arena, LIMIT_DB_TEXT + 1, &row), ERR_FULL);
	assert_string_equal(row.t, "untouched");
	assert_int_equal(q_repeat(db, fixture_arena, 3, &row), ERR_OK);
	assert_string_equal(row.t, "xxx");
}

static void test_list_is_bounded(void **state)
{
	struct row_many *rows = NULL;
	size_t count = 7;

	(void)state;
	assert_int_equal(q_many(db, fixture_arena, 0, &rows, &count), ERR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(q_many(db, fixture_arena, LIMIT_DB_ROWS, &rows, &count), ERR_OK);
	assert_int_equal(count, LIMIT_DB_ROWS);
	count = 7;
	assert_int_equal(q_many(db, fixture_arena, LIMIT_DB_ROWS + 1, &rows, &count), ERR_FULL);
	assert_int_equal(count, 7);
	assert_int_equal(q_many(db, fixture_arena, 3, &rows, &count), ERR_OK);
	assert_int_equal(count, 3);
}

static void test_arena_that_is_full(void **state)
{
	struct arena *small = NULL;
	struct row_many *rows = NULL;
	struct row_repeat row;
	size_t count;

	(void)state;
	assert_int_equal(arena_new(1000, &small), ERR_OK);
	assert_int_equal(q_many(db, small, 1000, &rows, &count), ERR_FULL);
	arena_reset(small);
	assert_int_equal(q_repeat(db, small, 5000, &row), ERR_FULL);
	arena_reset(small);
	assert_int_equal(q_repeat(db, small, 5, &row), ERR_OK);
	arena_free(&small);
}

static void test_missing_row(void **state)
{
	struct row_num row = { .num = 42 };
	uint64_t changed = 9;

	(void)state;
	assert_int_equal(q_num(db, fixture_arena, fixture_id(), &row), ERR_MISSING);
	assert_true(row.num == 42);
	assert_int_equal(q_set_num(db, 1, fixture_id(), &changed), ERR_OK);
	assert_int_equal(changed, 0);
}

/* An UPDATE that changes nothing has still found its row. */
static void test_changed_counts_found_rows(void **state)
{
	struct uuid id = put_num(5);
	uint64_t changed = 0;

	(void)state;
	assert_int_equal(q_set_num(db, 5, id, &changed), ERR_OK);
	assert_int_equal(changed, 1);
}

static void test_duplicate(void **state)
{
	struct uuid id = put_num(1);

	(void)state;
	assert_int_equal(q_put(db, id, UUID_NIL, "secret", NULL, 1, DB_NULL, false, 0, TIME_NONE,
			     BYTES("b"), NO_BYTES, NULL),
	    ERR_DB_DUPLICATE);
	assert_string_equal(db_failure(db), "put: error 1062 (23000)");
}

static void test_null_argument_is_refused(void **state)
{
	struct uuid id = fixture_id();

	(void)state;
	assert_int_equal(q_set_text(db, NULL, id, NULL), ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "set_text: argument text is NULL");
	assert_int_equal(q_set_num(db, DB_NULL, id, NULL), ERR_DB_BROKEN);
	assert_int_equal(q_set_num(db, 1, UUID_NIL, NULL), ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "set_num: argument id is NULL");
	assert_int_equal(
	    q_put(db, id, id, "", "", 0, 0, false, TIME_NONE, 0, BYTES(""), BYTES(""), NULL),
	    ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "put: argument at is NULL");
	assert_int_equal(
	    q_put(db, id, id, "", "", 0, 0, false, 0, 0, NO_BYTES, BYTES(""), NULL), ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "put: argument bin is NULL");
	assert_int_equal(
	    q_put(db, id, id, "", "", 0, 0, false, INT64_MAX, 0, BYTES(""), BYTES(""), NULL),
	    ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "put: argument at is out of range");
}

static void test_wrong_type_is_refused(void **state)
{
	const struct db_value wrong[] = { { .type = DB_TYPE_I64, .u.i64 = 1 },
		{ .type = DB_TYPE_TEXT, .u.text = "x" } };
	const struct db_value none[] = { { .type = DB_TYPE__MAX } };
	struct row_num row;

	(void)state;
	assert_int_equal(db_exec(db, ST_set_num, wrong, NULL), ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "set_num: argument id has another type");
	assert_int_equal(db_exec(db, ST_num, wrong, NULL), ERR_DB_BROKEN);
	assert_int_equal(db_one(db, fixture_arena, ST_set_num, wrong, &row), ERR_DB_BROKEN);
	assert_int_equal(db_exec(db, ST__MAX, none, NULL), ERR_DB_BROKEN);
}

static void test_wrong_columns_are_refused(void **state)
{
	struct uuid id = put_num(1);
	struct row_null_num num = { .onum = 42 };
	struct row_null_text text;
	struct row_short_id short_id;
	struct row_huge_num huge;

	(void)state;
	assert_int_equal(q_null_num(db, fixture_arena, id, &num), ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "null_num: column onum is NULL");
	assert_true(num.onum == 42);
	assert_int_equal(q_null_text(db, fixture_arena, id, &text), ERR_DB_BROKEN);
	assert_int_equal(q_short_id(db, fixture_arena, &short_id), ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "short_id: column id is no id");
	assert_int_equal(q_huge_num(db, fixture_arena, &huge), ERR_DB_BROKEN);
	assert_int_equal(q_no_such_table(db, NULL), ERR_DB_BROKEN);
	assert_string_equal(db_failure(db), "no_such_table: error 1146 (42S02)");
}

/* The server's statement changes under us: the next use must fit the new shape or say so. */
static void test_column_added_and_removed_under_a_statement(void **state)
{
	struct row_shifty row;

	(void)state;
	assert_int_equal(q_shifty(db, fixture_arena, &row), ERR_OK);
	fixture_run("ALTER TABLE shifty ADD b INT, MODIFY a BIGINT NOT NULL");
	assert_int_equal(q_shifty(db, fixture_arena, &row), ERR_OK);
	assert_true(row.a == 7);
	fixture_run("ALTER TABLE shifty CHANGE a c INT NOT NULL");
	assert_int_equal(q_shifty(db, fixture_arena, &row), ERR_DB_BROKEN);
	fixture_run("ALTER TABLE shifty CHANGE c a INT NOT NULL, DROP b");
	assert_int_equal(q_shifty(db, fixture_arena, &row), ERR_OK);
	assert_true(row.a == 7);
}

/* ---- db_check ----------------------------------------------------------------------------- */

struct wrong_row {
	int64_t num;
	struct uuid id;
	const char *text;
	struct bytes bin;
};

#define WRONG_COLUMNS(fn, ...) \
	static const struct db_column *fn(size_t *ret_count) \
	{ \
		typedef struct wrong_row row_t; \
		static const struct db_column columns[] = { DB_COLUMN_##__VA_ARGS__ }; \
		*ret_count = countof(columns); \
		return columns; \
	}

WRONG_COLUMNS(columns_num, COLS(I64(num)))
WRONG_COLUMNS(columns_id, COLS(ID(id)))
WRONG_COLUMNS(columns_text, COLS(TEXT(text)))
WRONG_COLUMNS(columns_bin, COLS(BIN(bin)))
WRONG_COLUMNS(columns_time, COLS(TIME(num)))

static const struct db_arg one_arg[] = { { "id", DB_TYPE_ID } };

/* Runs db_check() on one row; the complaint begins so, and is the only one. */
static void complain(const struct db_stmt *stmt, const char *expected)
{
	struct db *wrong = fixture_db_of(stmt, 1);
	struct buf complaints;

	buf_init(&complaints, 10000);
	assert_int_equal(db_check(wrong, &complaints), ERR_DB_BROKEN);
	if (strncmp(buf_str(&complaints), expected, strlen(expected)) != 0)
		assert_string_equal(buf_str(&complaints), expected);
	assert_ptr_equal(
	    strchr(buf_str(&complaints), '\n'), buf_str(&complaints) + complaints.len - 1);
	buf_free(&complaints);
	db_free(&wrong);
}

#define ROW(sql_text, columns_fn, arg_number) \
	(&(struct db_stmt){ .name = "w", \
	    .sql = sql_text, \
	    .shape = DB_SHAPE_ONE, \
	    .arg_count = arg_number, \
	    .args = one_arg, \
	    .columns = columns_fn, \
	    .row_size = sizeof(struct wrong_row) })

static void test_check_complains(void **state)
{
	(void)state;
	complain(ROW("SELECT num FROM every WHERE id = ?", columns_num, 0),
	    "w: 1 parameters in the statement, 0 in its row\n");
	complain(ROW("SELECT num, id FROM every", columns_num, 0),
	    "w: 2 columns in the statement, 1 in its row\n");
	complain(ROW("SELECT num AS number FROM every", columns_num, 0),
	    "w: column num is called number in the statement\n");
	complain(
	    ROW("SELECT onum AS num FROM every", columns_num, 0), "w: column num may be NULL\n");
	complain(ROW("SELECT text AS num FROM every", columns_num, 0),
	    "w: column num is not an integer\n");
	complain(
	    ROW("SELECT bin AS id FROM every", columns_id, 0), "w: column id is not BINARY(16)\n");
	complain(
	    ROW("SELECT id AS text FROM every", columns_text, 0), "w: column text is not text\n");
	complain(
	    ROW("SELECT text AS bin FROM every", columns_bin, 0), "w: column bin is not binary\n");
	complain(ROW("SELECT text AS num FROM every", columns_time, 0),
	    "w: column num is not DATETIME(3)\n");
	complain(ROW("SELECT num FROM every UNION ALL SELECT onum FROM every", columns_num, 0),
	    "w: column num may be NULL\n");
	complain(ROW("SELECT b.num FROM every a LEFT JOIN every b ON a.id = b.oid", columns_num, 0),
	    "w: column num may be NULL\n");
	complain(ROW("SELECT no FROM every", columns_num, 0), "w: Unknown column 'no' in ");
	complain(ROW("SELECT MAX(num) AS num FROM every", columns_num, 0),
	    "w: column num may be NULL\n");
}

static void test_check_of_a_table_that_fits(void **state)
{
	struct buf complaints;
	size_t wanted = 0;
	struct db_stmt good[ST__MAX];
	struct db *whole;

	(void)state;
	/* The rows above "what a value should not be" are right. */
	for (size_t i = 0; i < ST_session; i++)
		good[wanted++] = stmt_table[i];
	buf_init(&complaints, 10000);
	whole = fixture_db_of(good, wanted);
	if (db_check(whole, &complaints) != ERR_OK)
		fail_msg("%s", buf_str(&complaints));
	assert_int_equal(complaints.len, 0);
	buf_free(&complaints);
	db_free(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_type_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_null_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_null_between_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_at_the_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sum_is_a_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_days_of_many_years, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_long_a_value, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_list_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_arena_that_is_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_row, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changed_counts_found_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_duplicate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_null_argument_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_type_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_columns_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_column_added_and_removed_under_a_statement, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_complains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_of_a_table_that_fits, set_up, tear_down),
	};
	int failed;

	if (!fixture_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_close();
	return failed;
}
