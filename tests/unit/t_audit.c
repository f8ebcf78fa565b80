/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_audit.c: what stands in a row of the audit log, how the log is read, and its end. Which changes
 * write one is t_audit_change.c. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "audit_log.h"
#include "clock.h"
#include "tx.h"

#define DAY_MS INT64_C(86400000)

/* Whom and what the rows are about. */
static struct {
	struct uuid org, app, key;
} on;

static int set_up(void **state)
{
	core_set_up(state);
	core_settings("");
	on.app = core_tenant();
	core_act(on.app, ENV_LIVE);
	on.org = ctx.actor.organization_id;
	on.key = (struct uuid){ { 3, 3 } };
	ctx.actor.key_id = (struct uuid){ { 1, 2, 3 } };
	core_run("DELETE FROM audit");
	return 0;
}

/* ---- a row -------------------------------------------------------------------------------------------- */

static enum err note_tx(struct ctx *context, void *arg)
{
	return audit_note(context, arg);
}

static void note(struct audit_entry entry)
{
	assert_int_equal(tx_run(&ctx, note_tx, &entry), ERR_OK);
}

static void test_only_in_a_transaction(void **state UNUSED)
{
	struct audit_entry entry = { .action = AUDIT_LOGOUT };

	assert_int_equal(audit_note(&ctx, &entry), ERR_STATE);
	assert_int_equal(rows_of_log(), 0);
}

static void test_who(void **state UNUSED)
{
	struct uuid account = { { 9, 9 } };
	const struct {
		struct actor actor;
		const char *kind;
		struct uuid id;
		const char *name;
	} cases[] = {
		{ { .kind = ACTOR_NONE }, "nobody", UUID_NIL, NULL },
		{ { .kind = ACTOR_KEY, .key_id = on.key, .account_id = account }, "key", on.key,
		    NULL },
		{ { .kind = ACTOR_ACCOUNT, .key_id = on.key, .account_id = account }, "account",
		    account, NULL },
		{ { .kind = ACTOR_JOB }, "batch", UUID_NIL, NULL },
		{ { .kind = ACTOR_OPERATOR, .name = "alice" }, "operator", UUID_NIL, "alice" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		core_run("DELETE FROM audit");
		ctx.actor = cases[i].actor;
		note((struct audit_entry){ .action = AUDIT_LOGIN_FAILED });
		struct row_audit_page row = only_row();
		assert_string_equal(row.actor_kind, cases[i].kind);
		assert_true(uuid_equal(row.actor_id, cases[i].id));
		if (cases[i].name == NULL)
			assert_null(row.actor_name);
		else
			assert_string_equal(row.actor_name, cases[i].name);
		assert_true(uuid_is_nil(row.organization_id) && uuid_is_nil(row.subject_id));
		assert_null(row.address);
		assert_null(row.request_id);
		assert_null(row.detail);
	}
}

/* The organisation that is named, or else the application's. */
static void test_whose(void **state UNUSED)
{
	struct uuid other = { { 7 } };

	note((struct audit_entry){ .action = AUDIT_KEY_REVOKED, .application_id = on.app });
	assert_true(uuid_equal(only_row().organization_id, on.org));
	core_run("DELETE FROM audit");
	note((struct audit_entry){ .action = AUDIT_APPLICATION_DELETED,
	    .organization_id = other,
	    .application_id = on.app });
	assert_true(uuid_equal(only_row().organization_id, other));
	core_run("DELETE FROM audit");
	note((struct audit_entry){ .action = AUDIT_APPLICATION_DELETED, .application_id = other });
	assert_true(uuid_is_nil(only_row().organization_id));
}

static void test_long_words_are_cut(void **state UNUSED)
{
	char text[4 * LIMIT_AUDIT_DETAIL];
	size_t len = 0;

	/* Of two bytes each; one more than there is room for. */
	for (size_t i = 0; i <= LIMIT_AUDIT_DETAIL; i++) {
		text[len++] = (char)0xc3;
		text[len++] = (char)0xa9;
	}
	text[len] = '\0';
	note((struct audit_entry){ .action = AUDIT_LOGOUT, .detail = text });
	assert_int_equal(strlen(only_row().detail), 2 * LIMIT_AUDIT_DETAIL);
	core_run("DELETE FROM audit");
	text[2 * LIMIT_AUDIT_DETAIL] = '\0';
	note((struct audit_entry){ .action = AUDIT_LOGOUT, .detail = text });
	assert_string_equal(only_row().detail, text);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static size_t found(struct audit_filter filter)
{
	size_t count = 0;

	(void)read_log(filter, &count);
	return count;
}

static void test_filters(void **state UNUSED)
{
	struct uuid org = on.org, app = on.app, other_key = { { 4, 4 } };
	size_t count = 0;

	for (int i = 0; i < 3; i++)
		note((struct audit_entry){
		    .action = AUDIT_KEY_REVOKED, .application_id = app, .subject_id = on.key });
	ctx.actor.key_id = other_key;
	note((struct audit_entry){ .action = AUDIT_KEY_CREATED, .application_id = app });
	ctx.actor = (struct actor){ .kind = ACTOR_OPERATOR, .name = "alice" };
	note((struct audit_entry){
	    .action = AUDIT_KEY_REVOKED, .organization_id = org, .subject_id = on.key });
	note((struct audit_entry){ .action = AUDIT_SEAL_ADDED });

	struct row_audit_page *rows = read_log((struct audit_filter){ 0 }, &count);
	assert_int_equal(count, 6);
	assert_string_equal(rows[0].action, "seal.added");
	for (size_t i = 1; i < count; i++)
		assert_true(memcmp(rows[i - 1].id.b, rows[i].id.b, sizeof(rows[i].id.b)) > 0);
	assert_int_equal(found((struct audit_filter){ .limit = 2 }), 2);
	assert_int_equal(found((struct audit_filter){ .organization_id = org }), 5);
	assert_int_equal(found((struct audit_filter){ .organization_id = other_key }), 0);
	assert_int_equal(found((struct audit_filter){ .action = "key.revoked" }), 4);
	assert_int_equal(found((struct audit_filter){ .actor_name = "alice" }), 2);
	assert_int_equal(found((struct audit_filter){ .actor_name = "bob" }), 0);
	assert_int_equal(found((struct audit_filter){ .actor_id = other_key }), 1);
	assert_int_equal(found((struct audit_filter){ .subject_id = on.key }), 4);
	assert_int_equal(
	    found((struct audit_filter){ .subject_id = on.key, .actor_name = "alice" }), 1);
	assert_int_equal(
	    found((struct audit_filter){ .subject_id = on.key, .actor_id = other_key }), 0);
	assert_int_equal(
	    found((struct audit_filter){ .subject_id = on.key, .organization_id = other_key }), 0);
	assert_int_equal(
	    found((struct audit_filter){ .subject_id = on.key, .action = "key.created" }), 0);
	assert_int_equal(
	    found((struct audit_filter){ .actor_id = other_key, .organization_id = org }), 1);
	assert_int_equal(
	    found((struct audit_filter){ .actor_id = other_key, .organization_id = other_key }), 0);
	assert_int_equal(
	    found((struct audit_filter){ .actor_id = other_key, .action = "key.revoked" }), 0);
	assert_int_equal(
	    found((struct audit_filter){ .organization_id = org, .actor_name = "alice" }), 1);
	assert_int_equal(
	    found((struct audit_filter){ .organization_id = org, .action = "key.created" }), 1);
}

static void test_times(void **state UNUSED)
{
	int64_t now_ms = clock_now_ms();

	for (int day = 3; day >= 1; day--) {
		clock_set(now_ms - day * DAY_MS);
		note((struct audit_entry){
		    .action = AUDIT_LOGOUT, .application_id = on.app, .subject_id = on.key });
	}
	clock_set(TIME_NONE);
	assert_int_equal(found((struct audit_filter){ .from_ms = now_ms - 2 * DAY_MS }), 2);
	assert_int_equal(found((struct audit_filter){ .to_ms = now_ms - 2 * DAY_MS }), 2);
	assert_int_equal(found((struct audit_filter){
			     .from_ms = now_ms - 2 * DAY_MS, .to_ms = now_ms - 2 * DAY_MS }),
	    1);
	/* The same by every index. */
	for (int which = 0; which < 3; which++) {
		struct audit_filter filter = { .from_ms = now_ms - 2 * DAY_MS,
			.to_ms = now_ms - DAY_MS - 1 };
		*(which == 0     ? &filter.organization_id
		    : which == 1 ? &filter.actor_id
				 : &filter.subject_id) = which == 0   ? on.org
							 : which == 1 ? ctx.actor.key_id
								      : on.key;
		assert_int_equal(found(filter), 1);
	}
}

static void test_pages_have_an_index(void **state UNUSED)
{
	static const struct {
		const char *index;
		const char *where;
	} pages[] = {
		{ "PRIMARY", "" },
		{ "audit_org", "organization_id = UNHEX(LPAD('1', 32, '0')) AND " },
		{ "audit_actor", "actor_id = UNHEX(LPAD('1', 32, '0')) AND " },
		{ "audit_subject", "subject_id = UNHEX(LPAD('1', 32, '0')) AND " },
	};

	core_run(
	    "INSERT INTO audit (id, created_at, actor_kind, actor_id, organization_id, action, "
	    "subject_id) SELECT UNHEX(LPAD(HEX(seq), 32, '0')), NOW(), 'key', "
	    "UNHEX(LPAD(HEX(seq % 3), 32, '0')), UNHEX(LPAD(HEX(seq % 3), 32, '0')), 'logout', "
	    "UNHEX(LPAD(HEX(seq % 3), 32, '0')) FROM seq_1_to_3000");
	for (size_t i = 0; i < countof(pages); i++) {
		char sql[512], wanted[64];

		snprintf(sql, sizeof(sql),
		    "SELECT id, detail FROM audit FORCE INDEX (%s) WHERE %saction = "
		    "COALESCE(NULL, action) AND id >= UNHEX('00') AND id < UNHEX('ff') ORDER BY id "
		    "DESC LIMIT 50",
		    pages[i].index, pages[i].where);
		snprintf(wanted, sizeof(wanted), "%s: ", pages[i].index);
		const char *plan = core_plan(sql);
		if (strncmp(plan, wanted, strlen(wanted)) != 0 || strstr(plan, "filesort") != NULL)
			fail_msg("%s\n%s", sql, plan);
	}
}

/* Nobody's ids are spelled as somebody else's. */
static void test_kinds_of_subjects(void **state UNUSED)
{
	assert_int_equal(audit_subject_kind("key.created"), ID_KEY);
	assert_int_equal(audit_subject_kind("webhook.created"), ID_WEBHOOK);
	assert_int_equal(audit_subject_kind("webhook_key.added"), ID_WEBHOOK_KEY);
	assert_int_equal(audit_subject_kind("tokens.added"), ID_ORGANIZATION);
	assert_int_equal(audit_subject_kind("organization.created"), ID_ORGANIZATION);
	assert_int_equal(audit_subject_kind("application.deleted"), ID_APPLICATION);
	assert_int_equal(audit_subject_kind("delivery.retried"), ID_DELIVERY);
	assert_int_equal(audit_subject_kind("event.replayed"), ID_EVENT);
	assert_int_equal(audit_subject_kind("recovery.started"), ID_TASK);
	assert_int_equal(audit_subject_kind("verification.erased"), ID_VERIFICATION);
	assert_int_equal(audit_subject_kind("login.failed"), ID_UUID);
	assert_int_equal(audit_subject_kind("logout"), ID_UUID);
	assert_int_equal(audit_subject_kind("keys.of_another_kind"), ID_UUID);
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void test_purge(void **state UNUSED)
{
	int64_t now_ms = clock_now_ms();
	uint64_t removed = 0;

	core_settings("audit_keep_days = 10\n");
	for (int day = 1; day <= 20; day++) {
		clock_set(now_ms - day * DAY_MS);
		note((struct audit_entry){ .action = AUDIT_LOGOUT });
	}
	clock_set(now_ms + 1);
	/* The oldest first, no more than were asked for. */
	assert_int_equal(audit_expire(&ctx, 4, &removed), ERR_OK);
	assert_int_equal(removed, 4);
	assert_int_equal(found((struct audit_filter){ .to_ms = now_ms - 17 * DAY_MS }), 0);
	assert_int_equal(audit_expire(&ctx, 100, &removed), ERR_OK);
	assert_int_equal(removed, 7);
	assert_int_equal(found((struct audit_filter){ 0 }), 9);
	core_settings("audit_keep_days = 0\n");
	clock_set(now_ms + 10000 * DAY_MS);
	assert_int_equal(audit_expire(&ctx, 100, &removed), ERR_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(rows_of_log(), 9);
}

/* No statement of the product changes a row, and one alone removes any. */
static void test_append_only(void **state UNUSED)
{
	for (size_t i = 0; i < ST__MAX; i++) {
		const char *sql = stmt_table[i].sql;

		assert_null(strstr(sql, "UPDATE audit"));
		assert_null(strstr(sql, "REPLACE INTO audit"));
		if (strstr(sql, "DELETE FROM audit") != NULL)
			assert_string_equal(stmt_table[i].name, "audit_expire");
		if (strstr(sql, "INTO audit") != NULL)
			assert_null(strstr(sql, "ON DUPLICATE"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_only_in_a_transaction, set_up),
		cmocka_unit_test_setup(test_who, set_up),
		cmocka_unit_test_setup(test_whose, set_up),
		cmocka_unit_test_setup(test_long_words_are_cut, set_up),
		cmocka_unit_test_setup(test_filters, set_up),
		cmocka_unit_test_setup(test_times, set_up),
		cmocka_unit_test_setup(test_pages_have_an_index, set_up),
		cmocka_unit_test_setup(test_kinds_of_subjects, set_up),
		cmocka_unit_test_setup(test_purge, set_up),
		cmocka_unit_test_setup(test_append_only, set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
