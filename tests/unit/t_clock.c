/* SPDX-License-Identifier: Apache-2.0 */
/* t_clock: times, dates, and the log that prints them. */
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

static void test_texts(void **state UNUSED)
{
	char text[TIME_TEXT_SIZE];

	time_text(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	time_text(1777631400999, text);
	assert_string_equal(text, "2026-05-01T10:30:00Z");
	time_text_ms(1777631400999, text);
	assert_string_equal(text, "2026-05-01T10:30:00.999Z");
	time_text_sql(951782400000, text);
	assert_string_equal(text, "2000-02-29 00:00:00.000");
	time_text(-1000, text);
	assert_string_equal(text, "1969-12-31T23:59:59Z");
}

static void test_parse(void **state UNUSED)
{
	static const struct {
		const char *text;
		enum err err;
		int64_t time_ms;
		bool is_date;
	} rows[] = {
		{ "2026-05-01T10:30:00Z", ERR_OK, 1777631400000, false },
		{ "2026-05-01t10:30:00.5z", ERR_OK, 1777631400500, false },
		{ "2026-05-01T10:30:00.123456Z", ERR_OK, 1777631400123, false },
		{ "2026-05-01T12:30:00+02:00", ERR_OK, 1777631400000, false },
		{ "2026-05-01T05:00:00-05:30", ERR_OK, 1777631400000, false },
		{ "2026-05-01", ERR_OK, 1777593600000, true },
		{ "2026-05-01T10:30:00", ERR_SYNTAX, 0, false },
		{ "2026-05-01T10:30Z", ERR_SYNTAX, 0, false },
		{ "2026-05-01 10:30:00Z", ERR_SYNTAX, 0, false },
		{ "2026-05-01T10:30:00.Z", ERR_SYNTAX, 0, false },
		{ "2026-05-01T10:30:00ZZ", ERR_SYNTAX, 0, false },
		{ "2026-05-01T24:00:00Z", ERR_RANGE, 0, false },
		{ "2026-05-01T23:59:60Z", ERR_RANGE, 0, false },
		{ "2026-02-29", ERR_RANGE, 0, false },
		{ "1969-12-31", ERR_RANGE, 0, false },
		{ "26-05-01", ERR_SYNTAX, 0, false },
		{ "", ERR_SYNTAX, 0, false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t time_ms = 0;
		bool is_date = false;
		assert_int_equal(time_parse(rows[i].text, &time_ms, &is_date), rows[i].err);
		assert_true(time_ms == rows[i].time_ms);
		assert_true(is_date == rows[i].is_date);
	}
}

/* Every day of four centuries, there and back. */
static void test_calendar(void **state UNUSED)
{
	struct date before = date_of(INT64_C(-2208988800000) - 86400000);

	for (int64_t day = -25567; day < 120000; day++) {
		struct date date = date_of(day * 86400000);
		bool next = date.day == before.day + 1 && date.month == before.month;
		bool first = date.day == 1 && (date.month == before.month % 12 + 1);
		assert_true(next || first);
		before = date;
	}
}

static void test_ages(void **state UNUSED)
{
	static const struct {
		const char *birth;
		const char *day;
		int years;
	} rows[] = {
		{ "2000-09-20", "2018-09-19", 17 },
		{ "2000-09-20", "2018-09-20", 18 },
		{ "2000-02-29", "2018-02-28", 17 },
		{ "2000-02-29", "2018-03-01", 18 },
		{ "2000-01-01", "1999-12-31", -1 },
	};
	struct date birth, day;

	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(date_parse(rows[i].birth, &birth), ERR_OK);
		assert_int_equal(date_parse(rows[i].day, &day), ERR_OK);
		assert_int_equal(date_years_between(birth, day), rows[i].years);
	}
	assert_int_equal(date_parse("1900-02-29", &birth), ERR_RANGE);
	assert_int_equal(date_parse("2000-02-29", &birth), ERR_OK);
	assert_int_equal(date_parse("2000-2-29", &birth), ERR_SYNTAX);
	assert_int_equal(date_parse("2000-02-29 ", &birth), ERR_SYNTAX);
	assert_int_equal(date_parse("2000-13-01", &birth), ERR_RANGE);
	assert_int_equal(date_parse("2000-00-10", &birth), ERR_RANGE);
}

static void test_settable(void **state UNUSED)
{
	clock_set(1777631400000);
	assert_true(clock_now_ms() == 1777631400000);
	clock_set(TIME_NONE);
	int64_t real = clock_now_ms();
	clock_offset(3600000);
	assert_true(clock_now_ms() - real >= 3600000);
	clock_offset(0);
	assert_true(clock_mono_ms() <= clock_mono_us() / 1000 + 1);
}

static size_t read_file(const char *path, char *out, size_t size)
{
	FILE *in = fopen(path, "r");
	size_t len = fread(out, 1, size - 1, in);

	out[len] = '\0';
	fclose(in);
	return len;
}

/* A line cannot be forged by what is logged, and keeps level and request id. */
static void test_log(void **state UNUSED)
{
	char dir[] = "/tmp/bf-log.XXXXXX", path[64], moved[64], text[16384];
	static char huge[10000];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(moved, sizeof(moved), "%s/log.1", dir);
	assert_int_equal(log_open("t_log", path, LOG_LEVEL_INFO), ERR_OK);
	log_set_request("req_x");
	log_info("one\nforged line\x1b[31m %d", 7);
	log_debug("not written");
	log_set_request(NULL);
	memset(huge, 'y', sizeof(huge) - 1);
	log_error("%s", huge);
	read_file(path, text, sizeof(text));
	assert_non_null(strstr(text, " info: req_x one?forged line?[31m 7\n"));
	assert_null(strstr(text, "not written"));
	char *second = strchr(text, '\n') + 1;
	assert_non_null(strstr(second, " error: yyy"));
	assert_true(strlen(second) <= 4096);
	assert_null(strchr(strchr(second, '\n') + 1, '\n'));
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(log_reopen(), ERR_OK);
	log_notice("after rotation");
	read_file(path, text, sizeof(text));
	assert_non_null(strstr(text, "notice: after rotation"));
	assert_int_equal(log_open("t_log", "/nowhere/at/all", LOG_LEVEL_INFO), ERR_IO);
	assert_int_equal(log_open("t_log", "stderr", LOG_LEVEL_ERROR), ERR_OK);
	unlink(path);
	unlink(moved);
	rmdir(dir);
}

static void test_mask_and_levels(void **state UNUSED)
{
	char text[32];
	enum log_level level;

	log_mask("dme_live_0123456789", 9, text, sizeof(text));
	assert_string_equal(text, "dme_live_…");
	log_mask("short", 9, text, sizeof(text));
	assert_string_equal(text, "…");
	assert_int_equal(log_level_parse("warning", &level), ERR_OK);
	assert_int_equal(level, LOG_LEVEL_WARNING);
	assert_int_equal(log_level_parse("WARNING", &level), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_settable),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_mask_and_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
