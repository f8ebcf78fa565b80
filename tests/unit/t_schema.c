/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_schema.c: migrations (in order, once, checked, locked, refused when something is wrong), every
 * statement of the product against the schema they make, and which index serves which list. Run
 * by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "dbstmt.h"
#include "migrate.h"
#include "stmt.h"

static struct buf lines;
static struct db *scripts;

static int set_up(void **state)
{
	struct db_config config = { .socket = getenv("BONAFIDE_TEST_DB_SOCKET"),
		.host = "",
		.name = "other",
		.user = "root",
		.password = "",
		.connect_timeout_s = 5,
		.read_timeout_s = 20,
		.scripts = true };

	core_set_up(state);
	core_run("CREATE DATABASE other");
	buf_init(&lines, 65536);
	(void)mkdir(core_path("schema"), 0700);
	core_write("schema/0000_migration.sql",
	    "CREATE TABLE schema_migration (version INT NOT NULL PRIMARY KEY, name VARCHAR(128) NOT "
	    "NULL, checksum CHAR(64) CHARACTER SET ascii NOT NULL, applied_at DATETIME(3) NOT NULL)"
	    " ENGINE=InnoDB");
	core_write("schema/0001_one.sql", "CREATE TABLE one (a INT); INSERT INTO one VALUES (1)");
	return db_new(&config, stmt_table, ST__MAX, &scripts) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	static const char *const files[] = { "schema/0000_migration.sql", "schema/0001_one.sql",
		"schema/0002_two.sql", "schema/0003_three.sql", "schema/0001_again.sql" };

	db_free(&scripts);
	core_run("DROP DATABASE other");
	buf_free(&lines);
	for (size_t i = 0; i < countof(files); i++)
		(void)unlink(core_path(files[i]));
	return rmdir(core_path("schema"));
}

/* Runs, and gives what was said as a text of its own. */
static enum err run(bool dry_run, struct migrate_report *report, const char **said)
{
	char dir[128];
	enum err err;

	snprintf(dir, sizeof(dir), "%s", core_path("schema"));
	lines.len = 0;
	err = migrate_run(scripts, ctx.arena, dir, dry_run, &lines, report);
	*said = arena_strndup(ctx.arena, lines.data == NULL ? "" : lines.data, lines.len);
	return err;
}

static enum err check(const char **said)
{
	char dir[128];
	enum err err;

	snprintf(dir, sizeof(dir), "%s", core_path("schema"));
	lines.len = 0;
	err = migrate_check(scripts, ctx.arena, dir, &lines);
	*said = arena_strndup(ctx.arena, lines.data == NULL ? "" : lines.data, lines.len);
	return err;
}

static void test_once_and_in_order(void **state UNUSED)
{
	struct migrate_report report;
	const char *said;

	assert_int_equal(run(true, &report, &said), ERR_OK);
	assert_string_equal(said, "would apply 0000_migration.sql\nwould apply 0001_one.sql\n");
	assert_int_equal(report.done, 2);
	assert_int_equal(core_number("SELECT COUNT(*) FROM information_schema.tables WHERE "
				     "table_schema = 'other'"),
	    0);
	assert_int_equal(run(false, &report, &said), ERR_OK);
	assert_string_equal(said, "applied 0000_migration.sql\napplied 0001_one.sql\n");
	assert_int_equal(run(false, &report, &said), ERR_OK);
	assert_string_equal(said, "");
	assert_int_equal(report.applied, 2);
	assert_int_equal(report.done, 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM other.one"), 1);
	assert_int_equal(check(&said), ERR_OK);
	core_write("schema/0002_two.sql", "CREATE TABLE two (a INT)");
	assert_int_equal(check(&said), ERR_STATE);
	assert_string_equal(said, "1 migrations are missing; run \"bonafide migrate\"\n");
	assert_int_equal(run(false, &report, &said), ERR_OK);
	assert_int_equal(report.done, 1);
	assert_int_equal(check(&said), ERR_OK);
}

static void test_altered_and_newer_are_refused(void **state UNUSED)
{
	struct migrate_report report;
	const char *said;

	core_write("schema/0002_two.sql", "CREATE TABLE two (a INT)");
	assert_int_equal(run(false, &report, &said), ERR_OK);
	core_write("schema/0001_one.sql", "CREATE TABLE one (b INT)");
	assert_int_equal(run(false, &report, &said), ERR_STATE);
	assert_string_equal(said, "migration 0001_one.sql was altered after it was applied\n");
	assert_int_equal(check(&said), ERR_STATE);
	core_write("schema/0001_one.sql", "CREATE TABLE one (a INT); INSERT INTO one VALUES (1)");
	assert_int_equal(check(&said), ERR_OK);
	assert_int_equal(unlink(core_path("schema/0002_two.sql")), 0);
	assert_int_equal(run(false, &report, &said), ERR_STATE);
	assert_string_equal(
	    said, "the database is newer than this program: it has migration 0002_two.sql\n");
}

static void test_gaps_and_doubles_are_refused(void **state UNUSED)
{
	struct migrate_report report;
	const char *said;

	core_write("schema/0003_three.sql", "CREATE TABLE three (a INT)");
	assert_int_equal(run(false, &report, &said), ERR_STATE);
	assert_non_null(strstr(said, "expected migration 0002, found 0003_three.sql\n"));
	assert_int_equal(unlink(core_path("schema/0003_three.sql")), 0);
	core_write("schema/0001_again.sql", "CREATE TABLE three (a INT)");
	assert_int_equal(run(false, &report, &said), ERR_STATE);
	assert_non_null(strstr(said, "expected migration 0002, found 0001_"));
	assert_int_equal(core_number("SELECT COUNT(*) FROM information_schema.tables WHERE "
				     "table_schema = 'other'"),
	    0);
}

/* DDL cannot be rolled back: what was begun is remembered, and a person has to look. */
static void test_interrupted_is_said(void **state UNUSED)
{
	struct migrate_report report;
	const char *said;

	core_write("schema/0002_two.sql", "CREATE TABLE two (a INT); CREATE TABLE two (b INT)");
	assert_int_equal(run(false, &report, &said), ERR_DB_BROKEN);
	assert_non_null(strstr(said, "0002_two.sql failed at statement 2: "));
	assert_int_equal(run(false, &report, &said), ERR_STATE);
	assert_non_null(strstr(said, "migration 0002_two.sql was interrupted."));
	core_run("DROP TABLE other.two");
	core_run("DELETE FROM other.schema_migration WHERE version = 2");
	core_write("schema/0002_two.sql", "CREATE TABLE two (a INT)");
	assert_int_equal(run(false, &report, &said), ERR_OK);
}

static void test_one_process_at_a_time(void **state UNUSED)
{
	struct row_migration_lock row = { 0 };
	struct row_migration_unlock unlocked;
	struct migrate_report report;
	struct db *other = NULL;
	const char *said;
	struct db_config config = { .socket = getenv("BONAFIDE_TEST_DB_SOCKET"),
		.host = "",
		.name = "other",
		.user = "root",
		.password = "",
		.connect_timeout_s = 5,
		.read_timeout_s = 20 };

	assert_int_equal(db_new(&config, stmt_table, ST__MAX, &other), ERR_OK);
	assert_int_equal(q_migration_lock(other, ctx.arena, 0, &row), ERR_OK);
	assert_int_equal(row.locked, 1);
	assert_int_equal(run(false, &report, &said), ERR_DB_LOCKED);
	assert_string_equal(said, "another process is migrating this database\n");
	assert_int_equal(q_migration_unlock(other, ctx.arena, &unlocked), ERR_OK);
	assert_int_equal(run(false, &report, &said), ERR_OK);
	db_free(&other);
}

static void test_no_directory(void **state UNUSED)
{
	struct migrate_report report;

	assert_int_equal(
	    migrate_run(scripts, ctx.arena, "/nonexistent/schema", false, &lines, &report), ERR_IO);
	assert_non_null(strstr(lines.data, "cannot read /nonexistent/schema: No such file"));
}

/* Every row of the statement table fits the schema that the migrations make. */
static void test_every_statement(void **state UNUSED)
{
	enum err err = db_check(ctx.db, &lines);

	if (err != ERR_OK)
		fail_msg("%s:\n%.*s", err_name(err), (int)lines.len, lines.data);
	assert_int_equal(lines.len, 0);
}

/* A statement that sees one tenant's rows names the tenant first, or says why it does not. */
static void test_tenant_comes_first(void **state UNUSED)
{
	size_t with_tenant = 0;

	for (size_t i = 0; i < ST__MAX; i++)
		with_tenant += stmt_table[i].arg_count > 0 &&
			       strcmp(stmt_table[i].args[0].name, "application_id") == 0;
	assert_true(with_tenant >= 20);
}

/* The list's statements are served by an index in the list's order: no sorting, no table scan. */
static void test_lists_have_an_index(void **state UNUSED)
{
	static const struct {
		const char *where;
		const char *key;
	} rows[] = {
		{ "", "verification_page" },
		{ " AND environment = 'live'", "verification_env" },
		{ " AND status = 'approved'", "verification_status" },
		{ " AND status = 'approved' AND environment = 'live'", "verification_status_env" },
		{ " AND external_ref = 'x'", "verification_ref" },
	};
	char sql[512], key[64];

	core_run(
	    "INSERT INTO verification (id, application_id, environment, kind, status, country, "
	    "id_type, provider, score_requested, created_at, external_ref) "
	    "SELECT UNHEX(CONCAT('0190', LPAD(HEX(seq), 28, '0'))), a.id, "
	    "IF(seq % 2, 'live', 'sandbox'), 'kyc', ELT(seq % 4 + 1, 'pending', 'approved', "
	    "'declined', 'error'), 'SN', 'national_id', 'sandbox', 0, NOW(), seq "
	    "FROM seq_1_to_5000, (SELECT id FROM application LIMIT 1) a");
	core_run("ANALYZE TABLE verification");
	for (size_t i = 0; i < countof(rows); i++) {
		snprintf(sql, sizeof(sql),
		    "SELECT id FROM verification WHERE application_id = (SELECT id FROM "
		    "application LIMIT 1)%s AND id >= UNHEX('00') AND id < UNHEX('ff') "
		    "ORDER BY id DESC LIMIT 21",
		    rows[i].where);
		const char *plan = core_plan(sql);
		snprintf(key, sizeof(key), "%s: ", rows[i].key);
		if (strncmp(plan, key, strlen(key)) != 0 || strstr(plan, "filesort") != NULL)
			fail_msg("%s\n%s", sql, plan);
	}
	core_run("DELETE FROM verification");
}

/* Claiming walks an index and stops at the limit, however much waits. */
static void test_claiming_has_an_index(void **state UNUSED)
{
	core_run("INSERT INTO work (id, kind, subject_id, lane, due_at, attempt, failures, "
		 "created_at) SELECT UNHEX(LPAD(HEX(seq), 32, '0')), 'provider_submit', "
		 "UNHEX(LPAD(HEX(seq), 32, '0')), ELT(seq % 3 + 1, 'a', 'b', 'c'), NOW(), 0, 0, "
		 "NOW() FROM seq_1_to_5000");
	core_run("ANALYZE TABLE work");
	core_run(
	    "INSERT INTO lane (name, paused_until, reason) VALUES ('a', NOW(), ''), ('b', NOW(), "
	    "''), ('idle', NOW(), '')");
	const char *lanes = core_plan(
	    "SELECT l.name AS lane FROM lane l WHERE l.paused_until <= '2099-01-01' AND (SELECT 1 "
	    "FROM work w FORCE INDEX (work_due) WHERE w.kind = 'provider_submit' AND w.lane = l.name "
	    "AND w.due_at <= '2099-01-01' LIMIT 1) = 1 LIMIT 100");
	assert_non_null(strstr(lanes, "work_due: "));
	assert_null(strstr(lanes, "filesort"));
	const char *plan = core_plan("SELECT id FROM work WHERE kind = 'provider_submit' AND "
				     "lane = 'a' AND due_at <= '2099-01-01' ORDER BY due_at LIMIT "
				     "100 FOR UPDATE SKIP LOCKED");
	assert_null(strstr(plan, "filesort"));
	assert_int_equal(strncmp(plan, "work_due: ", 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once_and_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_altered_and_newer_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_gaps_and_doubles_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupted_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_process_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_statement, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tenant_comes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lists_have_an_index, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_claiming_has_an_index, set_up, tear_down),
	};
	int failed;

	if (!core_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
