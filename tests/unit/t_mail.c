/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_mail.c: what may be queued, for how long, and that values are text and nothing else. Run by
 * tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "mail.h"
#include "mail_text.h"
#include "stmt.h"
#include "tx.h"

#define DAY_MS INT64_C(86400000)

static int set_up(void **state)
{
	core_run("DELETE FROM mail");
	return core_set_up(state);
}

static struct mail_new code_mail(void)
{
	return (struct mail_new){ .template = MAIL_VERIFICATION_CODE,
		.to = "somebody@example.org",
		.values = { { "code", "K7Q2ZD" }, { "minutes", "10" } },
		.expires_at_ms = TIME_NONE };
}

static enum err queue(struct ctx *context, void *arg)
{
	return mail_queue(context, arg);
}

static void refused(const struct mail_new *mail)
{
	struct mail_new copy = *mail;

	assert_int_equal(tx_run(&ctx, queue, &copy), ERR_VALIDATION);
	assert_int_equal(core_number("SELECT COUNT(*) FROM mail"), 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
}

static void test_what_is_refused(void **state UNUSED)
{
	char longer[LIMIT_MAIL_VALUE + 2];
	struct mail_new mail;

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (int i = 0; i < 9; i++) {
		mail = code_mail();
		if (i == 0)
			mail.to = "somebody@example.org\r\nRCPT TO:<other@example.org>";
		else if (i == 1)
			mail.to = NULL;
		else if (i == 2)
			mail.language = "de";
		else if (i == 3)
			mail.values[1].name = NULL; /* missing */
		else if (i == 4)
			mail.values[1].name = "code"; /* twice, and one missing */
		else if (i == 5)
			mail.values[2] = (struct mail_value){ "role", "owner" }; /* unknown */
		else if (i == 6)
			mail.values[0].text = longer;
		else if (i == 7)
			mail.values[0].text = "\xff";
		else
			mail.values[0].text = NULL;
		refused(&mail);
	}
	mail = code_mail();
	longer[LIMIT_MAIL_VALUE] = '\0';
	mail.values[0].text = longer;
	assert_int_equal(tx_run(&ctx, queue, &mail), ERR_OK);
}

/* Work and mail are one change; nothing is left of one that is taken back. */
static enum err queue_and_fail(struct ctx *context, void *arg)
{
	enum err err = mail_queue(context, arg);

	return err == ERR_OK ? ERR_STATE : err;
}

static void test_in_the_callers_transaction(void **state UNUSED)
{
	struct mail_new mail = code_mail();

	assert_int_equal(tx_run(&ctx, queue_and_fail, &mail), ERR_STATE);
	assert_int_equal(core_number("SELECT COUNT(*) FROM mail"), 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(tx_run(&ctx, queue, &mail), ERR_OK);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM mail m JOIN work w ON w.subject_id = m.id "
			"WHERE w.kind = 'mail' AND w.lane = 'mail' AND "
			"m.status = 'pending' AND m.language = 'en'"),
	    1);
}

/* A day at most, and less where it would be of no use. */
static void test_how_long(void **state UNUSED)
{
	static const struct {
		int64_t after_ms; /* TIME_NONE: not said */
		int64_t wanted_ms;
	} cases[] = { { TIME_NONE, DAY_MS }, { 600000, 600000 }, { DAY_MS, DAY_MS },
		{ 7 * DAY_MS, DAY_MS }, { -1000, -1000 } };
	const int64_t now_ms = INT64_C(1795266363000);

	for (size_t i = 0; i < countof(cases); i++) {
		struct mail_new mail = code_mail();
		bool is_said = cases[i].after_ms != TIME_NONE;

		core_run("DELETE FROM work");
		core_run("DELETE FROM mail");
		clock_set(now_ms);
		mail.expires_at_ms = is_said ? now_ms + cases[i].after_ms : TIME_NONE;
		assert_int_equal(tx_run(&ctx, queue, &mail), ERR_OK);
		assert_int_equal(
		    core_number("SELECT CAST(ROUND(TIMESTAMPDIFF(MICROSECOND, "
				"created_at, expires_at) / 1000) AS SIGNED) FROM mail"),
		    cases[i].wanted_ms);
	}
}

/* What was sealed opens again, for its own row alone. */
static void test_content(void **state UNUSED)
{
	struct mail_new mail = code_mail();
	struct mail_content content;
	struct row_mail_load row;
	struct uuid id;

	assert_int_equal(mail_put(&ctx, &mail, &id), ERR_OK);
	assert_int_equal(q_mail_load(ctx.db, ctx.arena, id, &row), ERR_OK);
	assert_int_equal(mail_open(&ctx, id, row.content, &content), ERR_OK);
	assert_string_equal(content.to, "somebody@example.org");
	assert_int_equal(content.value_count, 2);
	assert_string_equal(content.values[0].name, "code");
	assert_string_equal(content.values[0].text, "K7Q2ZD");
	assert_int_equal(mail_open(&ctx, UUID_NIL, row.content, &content), ERR_TAMPERED);
}

/* ---- texts -------------------------------------------------------------------------------------------- */

static void test_values_are_text(void **state UNUSED)
{
	const struct mail_value values[] = { { "organization",
						 "A{url}\r\n\x1b[31m\xc2\x85\xe2\x80\xae{role} B" },
		{ "role", "owner" } };
	struct mail_text text;
	struct buf faults;
	char lines[512];

	buf_init(&faults, 4096);
	char *top = realpath(getenv("srcdir"), NULL);
	assert_non_null(top);
	(void)snprintf(
	    lines, sizeof(lines), "mail_dir = %s/app/mail\npublic_url = https://x.example\n", top);
	free(top);
	core_settings(lines);
	assert_int_equal(
	    mail_text_fill(&ctx, MAIL_INVITATION, "en", values, countof(values), &text, &faults),
	    ERR_OK);
	assert_string_equal(text.subject, "You are invited to A{url}[31m{role} B");
	assert_non_null(
	    strstr(text.body, "to work with A{url}[31m{role} B, in the role \"owner\"."));
	assert_non_null(strstr(text.body, "\n    https://x.example\n"));
	/* A value that is missing is a fault, not a hole. */
	assert_int_equal(
	    mail_text_fill(&ctx, MAIL_INVITATION, "en", values, 1, &text, &faults), ERR_SYNTAX);
	assert_non_null(strstr(buf_str(&faults), "{role}"));
	buf_free(&faults);
}

/* Long values wrap the lines they are in, at blanks and by characters. */
static void test_lines_are_wrapped(void **state UNUSED)
{
	struct mail_value values[] = { { "organization", NULL }, { "role", "owner" } };
	char name[LIMIT_MAIL_VALUE + 1] = "";
	struct mail_text text;
	struct buf faults;

	buf_init(&faults, 4096);
	for (int i = 0; i < 40; i++)
		memcpy(name + strlen(name), "\xc3\xa9ither ", sizeof("\xc3\xa9ither "));
	values[0].text = name;
	assert_int_equal(
	    mail_text_fill(&ctx, MAIL_INVITATION, "en", values, countof(values), &text, &faults),
	    ERR_OK);
	for (const char *line = text.body; *line != '\0';) {
		size_t len = strcspn(line, "\n"), count = 0;
		for (size_t i = 0; i < len; i++)
			count += ((unsigned char)line[i] & 0xc0U) != 0x80U;
		assert_true(count <= 76);
		assert_true(len == 0 || line[0] != ' ' || strncmp(line, "    ", 4) == 0);
		line += len + 1;
	}
	buf_free(&faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_is_refused, set_up),
		cmocka_unit_test_setup(test_in_the_callers_transaction, set_up),
		cmocka_unit_test_setup(test_how_long, set_up),
		cmocka_unit_test_setup(test_content, set_up),
		cmocka_unit_test_setup(test_values_are_text, set_up),
		cmocka_unit_test_setup(test_lines_are_wrapped, set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
