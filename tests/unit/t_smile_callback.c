/* SPDX-License-Identifier: Apache-2.0 */
/* t_smile_callback.c: what Smile ID tells us unasked, and which of it may hurry a question. */
#include "base.h"
#include "arena.h"
#include "clock.h"
#include "json.h"
#include "limits.h"
#include "smile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define KEY "0f2d9d2e-1c5b-4d7e-9c1a-3f0b6a7d8e9f"
#define NOW_MS INT64_C(1795262400000) /* 2026-11-21T12:00:00.000Z */
#define MINUTE_MS 60000

/* Vector B of reference/smile.md, A1. */
#define SIGNED \
	"\"timestamp\":\"2026-11-21T12:00:00.000Z\"," \
	"\"signature\":\"OG/mymLvGpY93eWOHThjntCqdtIlM+C9IYeCIjzgOw8=\""
#define JOB "\"PartnerParams\":{\"job_id\":\"job-1\",\"user_id\":\"u-1\",\"job_type\":5}"

struct place {
	char conf[64];
	char key[64];
	struct settings *settings;
	struct ctx ctx;
};

static bool make_file(char *path, size_t size_bytes, const char *text)
{
	int fd;
	bool written;

	(void)snprintf(path, size_bytes, "/tmp/t_smile_callback.XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return false;
	written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	(void)close(fd);
	return written;
}

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct buf complaints;
	char text[160];
	enum err err;

	if (place == NULL || !make_file(place->key, sizeof(place->key), KEY "\n"))
		return -1;
	(void)snprintf(
	    text, sizeof(text), "smile_partner_id = 085\nsmile_api_key_file = %s\n", place->key);
	if (!make_file(place->conf, sizeof(place->conf), text))
		return -1;
	buf_init(&complaints, 4096);
	err = settings_read(place->conf, &place->settings, &complaints);
	buf_free(&complaints);
	place->ctx.settings = place->settings;
	clock_set(NOW_MS);
	*state = place;
	return err == ERR_OK && arena_new(1 << 20, &place->ctx.arena) == ERR_OK ? 0 : -1;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	clock_set(TIME_NONE);
	settings_free(&place->settings);
	arena_free(&place->ctx.arena);
	(void)unlink(place->conf);
	(void)unlink(place->key);
	free(place);
	return 0;
}

static void check_bytes(struct place *place, const char *body, size_t len,
    enum callback_verdict verdict, const char *job_id, const char *code)
{
	struct provider_callback_in in;

	memset(&in, 0x77, sizeof(in));
	smile_callback_read(&place->ctx, body, len, &in);
	if (in.verdict != verdict || strcmp(in.job_id, job_id) != 0 || strcmp(in.code, code) != 0)
		fail_msg("%.200s: %s, job \"%s\", code \"%s\"", body == NULL ? "NULL" : body,
		    callback_verdict_word(in.verdict), in.job_id, in.code);
}

static void check(struct place *place, const char *body, enum callback_verdict verdict,
    const char *job_id, const char *code)
{
	check_bytes(place, body, strlen(body), verdict, job_id, code);
}

static void test_hints(void **state)
{
	struct place *place = *state;

	check(
	    place, "{" SIGNED "," JOB ",\"ResultCode\":\"1012\"}", CALLBACK_HINT, "job-1", "1012");
	check(place, "{\"ResultCode\":1012," JOB ",\"more\":[{}]," SIGNED "}", CALLBACK_HINT,
	    "job-1", "1012");
	/* Only the job matters: the outcome is asked for anyway. */
	check(place, "{" SIGNED "," JOB "}", CALLBACK_HINT, "job-1", "");
	check(place, "{" SIGNED "," JOB ",\"ResultCode\":null}", CALLBACK_HINT, "job-1", "");
	check(
	    place, "{" SIGNED "," JOB ",\"ResultCode\":\"9999\"}", CALLBACK_HINT, "job-1", "9999");
	check(place, "{" SIGNED "," JOB ",\"ResultCode\":\"123456789012345\"}", CALLBACK_HINT,
	    "job-1", "123456789012345");
	check(place, "{" SIGNED "," JOB ",\"ResultCode\":\"1234567890123456\"}", CALLBACK_HINT,
	    "job-1", "");
	check(place, "{" SIGNED ",\"PartnerParams\":{\"job_id\":17}}", CALLBACK_HINT, "17", "");
	/* It never is more than a hint, whatever it claims. */
	check(place,
	    "{" SIGNED "," JOB ",\"ResultCode\":\"1020\",\"IsFinalResult\":\"true\","
	    "\"job_complete\":true}",
	    CALLBACK_HINT, "job-1", "1020");
}

static void test_malformed(void **state)
{
	static const char *const bodies[] = {
		"",
		" ",
		"{",
		"nonsense",
		"<html></html>",
		"null",
		"17",
		"\"text\"",
		"[]",
		"[{" SIGNED "," JOB "}]",
		"{}",
		"{" SIGNED "}",
		"{" SIGNED "," JOB,
		"{" SIGNED "," JOB "}}",
		"{" SIGNED "," JOB "," JOB "}",
		"{" SIGNED "," JOB ",\"x\":\"\xff\"}",
		"{" SIGNED "," JOB ",\"x\":\"\\u0000\"}",
		"{" SIGNED "," JOB ",\"x\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}",
		"{" SIGNED ",\"job_id\":\"job-1\"}",
		"{" SIGNED ",\"partner_params\":{\"job_id\":\"job-1\"}}",
		"{" SIGNED ",\"PartnerParams\":\"job-1\"}",
		"{" SIGNED ",\"PartnerParams\":[\"job_id\",\"job-1\"]}",
		"{" SIGNED ",\"PartnerParams\":null}",
		"{" SIGNED ",\"PartnerParams\":{}}",
		"{" SIGNED ",\"PartnerParams\":{\"job_id\":\"\"}}",
		"{" SIGNED ",\"PartnerParams\":{\"job_id\":null}}",
		"{" SIGNED ",\"PartnerParams\":{\"job_id\":1.5}}",
		"{" SIGNED ",\"PartnerParams\":{\"job_id\":{\"job_id\":\"job-1\"}}}",
		"{" SIGNED ",\"PartnerParams\":{\"job_id\":[\"job-1\"]}}",
	};
	static const char nul[] = "{" SIGNED "," JOB "}\0";

	for (size_t i = 0; i < countof(bodies); i++)
		check(*state, bodies[i], CALLBACK_MALFORMED, "", "");
	check_bytes(*state, nul, sizeof(nul) - 1, CALLBACK_MALFORMED, "", "");
	check_bytes(*state, NULL, 0, CALLBACK_MALFORMED, "", "");
	/* What can be read of it is noted. */
	check(*state, "{" SIGNED ",\"ResultCode\":\"1012\"}", CALLBACK_MALFORMED, "", "1012");
}

static void check_job(struct place *place, size_t len, enum callback_verdict verdict)
{
	char job[80], body[400];

	memset(job, 'j', sizeof(job));
	job[len] = '\0';
	(void)snprintf(
	    body, sizeof(body), "{" SIGNED ",\"PartnerParams\":{\"job_id\":\"%s\"}}", job);
	check(place, body, verdict, verdict == CALLBACK_HINT ? job : "", "");
}

static void test_job_ids(void **state)
{
	struct place *place = *state;

	check_job(place, 1, CALLBACK_HINT);
	check_job(place, 64, CALLBACK_HINT);
	check_job(place, 65, CALLBACK_MALFORMED);
	check_job(place, 79, CALLBACK_MALFORMED);
	/* The columns hold ASCII; what is not is not one of ours, and must not fail the note. */
	check(place,
	    "{" SIGNED ",\"PartnerParams\":{\"job_id\":\"j\xc3\xb6"
	    "b\"},\"ResultCode\":\"\xe2\x82\xac\x7f~\"}",
	    CALLBACK_HINT, "j??b", "????~");
}

/* No signature, another key's, another partner's, another time's. */
static void test_forged(void **state)
{
	static const char *const bodies[] = {
		"{" JOB ",\"ResultCode\":\"1012\"}",
		"{\"timestamp\":\"2026-11-21T12:00:00.000Z\"," JOB ",\"ResultCode\":\"1012\"}",
		"{\"timestamp\":\"2026-11-21T12:00:00.000Z\",\"signature\":\"\"," JOB
		",\"ResultCode\":\"1012\"}",
		"{\"timestamp\":\"2026-11-21T12:00:00.000Z\",\"signature\":true," JOB
		",\"ResultCode\":\"1012\"}",
		"{\"signature\":\"OG/mymLvGpY93eWOHThjntCqdtIlM+C9IYeCIjzgOw8=\"," JOB
		",\"ResultCode\":\"1012\"}",
		"{\"timestamp\":\"2026-11-21T12:00:00.001Z\","
		"\"signature\":\"OG/mymLvGpY93eWOHThjntCqdtIlM+C9IYeCIjzgOw8=\"," JOB
		",\"ResultCode\":\"1012\"}",
		"{\"timestamp\":\"2026-11-21T12:00:00.000Z\","
		"\"signature\":\"og/mymLvGpY93eWOHThjntCqdtIlM+C9IYeCIjzgOw8=\"," JOB
		",\"ResultCode\":\"1012\"}",
		"{\"timestamp\":\"2026-11-21T12:00:00.000Z\","
		"\"signature\":\"gl6jf00pEU/W+/iRHmu8wi7ouM64eVwul6QWL0EENGU=\"," JOB
		",\"ResultCode\":\"1012\"}",
		"{\"timestamp\":\"2026-07-22T10:00:00.000Z\","
		"\"signature\":\"1TzKvsGTilgKK6eODGzBG/b/h3cTp0NvSPcRWggYfGc=\"," JOB
		",\"ResultCode\":\"1012\"}",
		"{\"PartnerParams\":{\"job_id\":\"job-1\"," SIGNED "},\"ResultCode\":\"1012\"}",
	};

	for (size_t i = 0; i < countof(bodies); i++)
		check(*state, bodies[i], CALLBACK_FORGED, "job-1", "1012");
}

/* Without our key nothing is believed. */
static void test_without_a_key(void **state)
{
	struct place *place = *state;

	(void)unlink(place->key);
	check(place, "{" SIGNED "," JOB "}", CALLBACK_FORGED, "job-1", "");
}

/* Reads a callback that is rightly signed for this timestamp, given as it stands in the JSON. */
static enum callback_verdict verdict_at(struct place *place, const char *timestamp, int64_t now_ms)
{
	char plain[100], signature[SMILE_SIGNATURE_SIZE], body[500];
	struct provider_callback_in in;
	size_t quotes = timestamp[0] == '"';

	(void)snprintf(plain, sizeof(plain), "%s", timestamp + quotes);
	plain[strlen(plain) - quotes] = '\0';
	assert_int_equal(smile_sign(KEY, plain, "085", signature), ERR_OK);
	(void)snprintf(body, sizeof(body), "{\"timestamp\":%s,\"signature\":\"%s\"," JOB "}",
	    timestamp, signature);
	clock_set(now_ms);
	smile_callback_read(&place->ctx, body, strlen(body), &in);
	clock_set(NOW_MS);
	return in.verdict;
}

/* contract/provider.md: 15 minutes back, 5 ahead. */
static void test_fresh_for_fifteen_minutes(void **state)
{
	static const struct {
		int64_t age_ms;
		enum callback_verdict verdict;
	} rows[] = {
		{ 0, CALLBACK_HINT },
		{ 15 * MINUTE_MS, CALLBACK_HINT },
		{ 15 * MINUTE_MS + 1, CALLBACK_OLD },
		{ 24 * 60 * MINUTE_MS, CALLBACK_OLD },
		{ -5 * MINUTE_MS, CALLBACK_HINT },
		{ -5 * MINUTE_MS - 1, CALLBACK_OLD },
		{ -24 * 60 * MINUTE_MS, CALLBACK_OLD },
	};
	static const char *const timestamps[] = {
		"\"2026-11-21T12:00:00.000Z\"",
		"\"2026-11-21T12:00:00Z\"",
		"\"2026-11-21T12:00:00.000000+00:00\"",
		"\"2026-11-21T13:00:00.000+01:00\"",
		"\"2026-11-21T12:00:00\"",
		"\"2026-11-21T12:00:00.000000\"",
		"\"1795262400000\"",
		"1795262400000",
	};

	for (size_t i = 0; i < countof(timestamps); i++) {
		for (size_t k = 0; k < countof(rows); k++)
			assert_int_equal(verdict_at(*state, timestamps[i], NOW_MS + rows[k].age_ms),
			    rows[k].verdict);
	}
}

/* The vectors of the reference that are not in the usual form, at their own time. */
static void test_old_forms_of_timestamps(void **state)
{
	struct place *place = *state;

	clock_set(INT64_C(1570612182124));
	check(place,
	    "{\"timestamp\":1570612182124,"
	    "\"signature\":\"HXXonJ6LDkRXzWJeNUNLbIHVqm+hahFPR7xk71Cu4LI=\"," JOB "}",
	    CALLBACK_HINT, "job-1", "");
	/* 2021-08-12T17:57:00.614Z */
	clock_set(INT64_C(1628791020614));
	check(place,
	    "{\"timestamp\":\"2021-08-12T17:57:00.614879\","
	    "\"signature\":\"HtgEoRbctwmd+mMT+orWEZGClhRqJJOO1DoMOpIouU0=\"," JOB "}",
	    CALLBACK_HINT, "job-1", "");
	clock_set(NOW_MS);
	check(place,
	    "{\"timestamp\":\"2021-08-12T17:57:00.614879\","
	    "\"signature\":\"HtgEoRbctwmd+mMT+orWEZGClhRqJJOO1DoMOpIouU0=\"," JOB "}",
	    CALLBACK_OLD, "job-1", "");
}

/* Signed, but no time: it could be replayed for ever. */
static void test_timestamps_that_are_no_time(void **state)
{
	static const char *const timestamps[] = { "\"\"", "\"2026-11-21\"", "\"2026-11-21Z\"",
		"\"now\"", "\"21.11.2026 12:00\"", "\"2026-11-21T12:00:00.000ZZ\"",
		"\"2026-11-31T12:00:00.000Z\"", "\"2026-11-21T12:00:60.000Z\"",
		"\" 1795262400000\"", "-1795262400000", "\"1795262400000.0\"",
		"\"99999999999999999999\"", "9223372036854775807", "1795262400", "0" };

	for (size_t i = 0; i < countof(timestamps); i++) {
		if (verdict_at(*state, timestamps[i], NOW_MS) != CALLBACK_OLD)
			fail_msg("%s", timestamps[i]);
	}
	/* A day alone is none, not even when its midnight is now. */
	assert_int_equal(
	    verdict_at(*state, "\"2026-11-21\"", NOW_MS - 12 * 60 * MINUTE_MS), CALLBACK_OLD);
}

/* Photos make them large. */
static void test_large_bodies(void **state)
{
	struct place *place = *state;
	static char photo[LIMIT_CALLBACK_BODY - 400];
	struct buf body;

	memset(photo, 'A', sizeof(photo) - 1);
	buf_init(&body, LIMIT_CALLBACK_BODY);
	buf_printf(&body, "{" SIGNED "," JOB ",\"ResultCode\":\"1012\",\"Photo\":\"%s\"}", photo);
	assert_false(buf_failed(&body));
	check(place, buf_str(&body), CALLBACK_HINT, "job-1", "1012");
	assert_true(arena_used(place->ctx.arena) < 1000);
	/* Cut off in the photo. */
	check_bytes(place, buf_str(&body), body.len / 2, CALLBACK_MALFORMED, "", "");
	buf_free(&body);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_hints),
		WITH_PLACE(test_malformed),
		WITH_PLACE(test_job_ids),
		WITH_PLACE(test_forged),
		WITH_PLACE(test_without_a_key),
		WITH_PLACE(test_fresh_for_fifteen_minutes),
		WITH_PLACE(test_old_forms_of_timestamps),
		WITH_PLACE(test_timestamps_that_are_no_time),
		WITH_PLACE(test_large_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
