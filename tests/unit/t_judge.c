/* SPDX-License-Identifier: Apache-2.0 */
/* t_judge.c: what is decided without asking anybody: outcomes and pages. */
#include "base.h"
#include "arena.h"
#include "clock.h"
#include "keyring.h"
#include "page.h"
#include "provider.h"
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void check_decision(
    const char *what, const struct decision *decision, const struct decision *wanted)
{
	if (decision->status != wanted->status || decision->reason != wanted->reason ||
	    decision->match_name != wanted->match_name || decision->match_dob != wanted->match_dob)
		fail_msg("%s: %s, \"%s\", %lld, %s", what, ver_status_word(decision->status),
		    ver_reason_word(decision->reason), (long long)decision->match_name,
		    match_word(decision->match_dob));
}

/* ---- the sandbox ----------------------------------------------------------------------------------- */

static const struct decision approved = { VER_APPROVED, REASON_NONE, 100, MATCH_EXACT };
static const struct decision declined = { VER_DECLINED, REASON_SANDBOX, DB_NULL, MATCH_UNKNOWN };
static const struct decision broken = { VER_ERROR, REASON_SANDBOX, DB_NULL, MATCH_UNKNOWN };

static void check_sandbox(const char *country, const char *type, const char *number,
    const struct decision *wanted, int64_t delay_ms)
{
	struct decision decision;
	int64_t delay = -1;
	char what[100];

	(void)snprintf(what, sizeof(what), "%s %s %s", country, type, number);
	memset(&decision, 0x77, sizeof(decision));
	assert_int_equal(sandbox_outcome(country, type, number, &decision, &delay), ERR_OK);
	check_decision(what, &decision, wanted);
	assert_int_equal(delay, delay_ms);
}

/* contract/kyc.md, Sandbox outcomes: four numbers, and any other approves. */
static void test_sandbox_numbers(void **state UNUSED)
{
	static const struct {
		const char *country;
		const char *number;
		const struct decision *decision;
		int64_t delay_ms;
	} rows[] = {
		{ "SN", "1000000000000", &approved, 0 },
		{ "SN", "1000000000001", &declined, 0 },
		{ "SN", "1000000000002", &broken, 0 },
		{ "SN", "1000000000003", &approved, 10000 },
		{ "SN", "1000000000004", &approved, 0 },
		{ "SN", "1000000000005", &approved, 0 },
		{ "SN", "1000000000006", &approved, 0 },
		{ "SN", "1000000000007", &approved, 0 },
		{ "SN", "1000000000008", &approved, 0 },
		{ "SN", "1000000000009", &approved, 0 },
		{ "MA", "AB000000", &approved, 0 },
		{ "MA", "AB000001", &approved, 0 },
		{ "MA", "AB000002", &declined, 0 },
		{ "MA", "AB000003", &approved, 0 },
		{ "MA", "AB000009", &approved, 0 },
		/* Each is of its own country. */
		{ "MA", "1000000000001", &approved, 0 },
		{ "MA", "1000000000002", &approved, 0 },
		{ "MA", "1000000000003", &approved, 0 },
		{ "SN", "AB000002", &approved, 0 },
		{ "NG", "1000000000001", &approved, 0 },
		{ "NG", "00000000001", &approved, 0 },
		/* The whole number counts, not its end or its beginning. */
		{ "SN", "2000000000001", &approved, 0 },
		{ "SN", "10000000000001", &approved, 0 },
		{ "SN", "11000000000001", &approved, 0 },
		{ "SN", "10000000000010", &approved, 0 },
		{ "MA", "B000002", &approved, 0 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		check_sandbox(rows[i].country, "national_id", rows[i].number, rows[i].decision,
		    rows[i].delay_ms);
		check_sandbox(rows[i].country, "passport", rows[i].number, rows[i].decision,
		    rows[i].delay_ms);
	}
}

/* Along the asynchronous path: slow only for one number, and only for ten seconds. */
static void test_sandbox_answers(void **state UNUSED)
{
	static const struct {
		const char *number;
		int64_t age_ms;
		enum answer_kind kind;
		enum answer_outcome outcome;
		enum ver_reason reason;
	} rows[] = {
		{ "1000000000000", 0, ANSWER_FINAL, OUTCOME_APPROVED, REASON_NONE },
		{ "1000000000001", 0, ANSWER_FINAL, OUTCOME_DECLINED, REASON_SANDBOX },
		{ "1000000000002", 0, ANSWER_FINAL, OUTCOME_ERROR, REASON_SANDBOX },
		{ "1000000000003", 0, ANSWER_PENDING, OUTCOME_APPROVED, REASON_NONE },
		{ "1000000000003", 9999, ANSWER_PENDING, OUTCOME_APPROVED, REASON_NONE },
		{ "1000000000003", 10000, ANSWER_FINAL, OUTCOME_APPROVED, REASON_NONE },
	};
	struct settings settings = { .name_match_percent = 85, .smile_partial_match = "error" };
	struct ctx ctx = { .settings = &settings };
	struct provider_ask ask = { .country = "SN", .id_type = "national_id" };

	ask.first_sent_ms = INT64_C(1777631400000);
	for (size_t i = 0; i < countof(rows); i++) {
		struct provider_answer answer;

		ask.applicant.id_number = rows[i].number;
		clock_set(ask.first_sent_ms + rows[i].age_ms);
		assert_int_equal(provider_sandbox.decide(&ctx, &ask, &answer), ERR_OK);
		assert_int_equal(answer.kind, rows[i].kind);
		if (answer.kind == ANSWER_FINAL) {
			struct decision decision, wanted;
			int64_t delay;

			assert_int_equal(answer.result.outcome, rows[i].outcome);
			assert_int_equal(answer.result.reason, rows[i].reason);
			/* Both paths come to the same decision. */
			provider_judge(&ctx, &answer.result, &ask.applicant, &decision);
			assert_int_equal(
			    sandbox_outcome("SN", "", rows[i].number, &wanted, &delay), ERR_OK);
			check_decision(rows[i].number, &decision, &wanted);
		}
	}
	clock_set(TIME_NONE);
	assert_false(provider_sandbox.dials);
}

/* ---- the judgement --------------------------------------------------------------------------------- */

static const struct applicant joe = {
	.first_name = "Joe", .middle_name = "Doe", .last_name = "Leo", .date_of_birth = "2000-09-20"
};

static struct decision judge(
    const struct settings *settings, struct provider_result result, struct applicant applicant)
{
	struct ctx ctx = { .settings = settings };
	struct decision decision;

	memset(&decision, 0x77, sizeof(decision));
	provider_judge(&ctx, &result, &applicant, &decision);
	return decision;
}

static const struct settings usual = { .name_match_percent = 85, .smile_partial_match = "approve" };
static const struct settings strict = { .name_match_percent = 85, .smile_partial_match = "error" };

/* What the provider compared itself, as a percentage; unknown stays unknown. */
static const struct {
	enum match match;
	int64_t percent;
} percents[] = { { MATCH_UNKNOWN, DB_NULL }, { MATCH_EXACT, 100 }, { MATCH_PARTIAL, 80 },
	{ MATCH_NONE, 0 }, { MATCH_NOT_PROVIDED, DB_NULL } };

static void test_judges_plain_outcomes(void **state UNUSED)
{
	static const struct {
		enum answer_outcome outcome;
		enum ver_reason given;
		enum ver_status status;
		enum ver_reason reason;
	} rows[] = {
		{ OUTCOME_APPROVED, REASON_NONE, VER_APPROVED, REASON_NONE },
		{ OUTCOME_APPROVED, REASON_REVIEW, VER_APPROVED, REASON_NONE },
		{ OUTCOME_DECLINED, REASON_NOT_FOUND, VER_DECLINED, REASON_NOT_FOUND },
		{ OUTCOME_DECLINED, REASON_MISMATCH, VER_DECLINED, REASON_MISMATCH },
		{ OUTCOME_DECLINED, REASON_SANDBOX, VER_DECLINED, REASON_SANDBOX },
		{ OUTCOME_ERROR, REASON_BAD_NUMBER, VER_ERROR, REASON_BAD_NUMBER },
		{ OUTCOME_ERROR, REASON_UNKNOWN, VER_ERROR, REASON_UNKNOWN },
		{ OUTCOME_ERROR, REASON_REVIEW, VER_ERROR, REASON_REVIEW },
		{ OUTCOME_ERROR, REASON_GAVE_UP, VER_ERROR, REASON_GAVE_UP },
		/* An error always says why. */
		{ OUTCOME_ERROR, REASON_NONE, VER_ERROR, REASON_UNKNOWN },
		/* Should these ever get here, nobody is approved. */
		{ OUTCOME_RETRY, REASON_NONE, VER_ERROR, REASON_UNKNOWN },
		{ OUTCOME_CONFIG, REASON_CONFIG, VER_ERROR, REASON_CONFIG },
		{ (enum answer_outcome)99, REASON_NONE, VER_ERROR, REASON_UNKNOWN },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		for (size_t k = 0; k < countof(percents); k++) {
			struct decision wanted = { rows[i].status, rows[i].reason,
				percents[k].percent, percents[k].match };
			struct decision decision = judge(&strict,
			    (struct provider_result){ .outcome = rows[i].outcome,
				.reason = rows[i].given,
				.names = percents[k].match,
				.dob = percents[k].match,
				.full_name = "Leo Doe Joe",
				.date_of_birth = "2000-09-20" },
			    joe);

			check_decision("plain", &decision, &wanted);
		}
	}
}

/* 1021: every pair of comparisons, under both policies. */
static void test_judges_partial_matches(void **state UNUSED)
{
	enum { A, D, R };
	/* Rows: names; columns: date of birth; both in the order of enum match: unknown, exact,
	 * partial, none, not provided. */
	static const uint8_t lenient[MATCH__MAX][MATCH__MAX] = {
		{ R, R, R, D, R },
		{ R, A, R, D, A },
		{ R, A, R, D, A },
		{ D, D, D, D, D },
		{ R, R, R, D, R },
	};
	static const struct {
		enum ver_status status;
		enum ver_reason reason;
	} ends[] = { { VER_APPROVED, REASON_NONE }, { VER_DECLINED, REASON_MISMATCH },
		{ VER_ERROR, REASON_REVIEW } };

	for (int policy = 0; policy < 2; policy++) {
		for (size_t i = 0; i < MATCH__MAX * MATCH__MAX; i++) {
			size_t names = i / MATCH__MAX, dob = i % MATCH__MAX;
			size_t end = lenient[names][dob];
			struct decision decision = judge(policy == 0 ? &usual : &strict,
			    (struct provider_result){ .outcome = OUTCOME_PARTIAL,
				.names = (enum match)names,
				.dob = (enum match)dob },
			    joe);
			struct decision wanted;

			/* The stricter policy leaves every approval to a person. */
			end = policy == 1 && end == A ? R : end;
			wanted = (struct decision){ ends[end].status, ends[end].reason,
				percents[names].percent, (enum match)dob };
			check_decision("partial", &decision, &wanted);
		}
	}
}

/* 1012 says only that the number exists: the person is compared here. */
static void test_judges_our_own_comparison(void **state UNUSED)
{
	static const struct {
		const char *name;
		const char *birth;
		struct decision wanted;
	} rows[] = {
		{ "Leo Doe Joe", "2000-09-20", { VER_APPROVED, REASON_NONE, 100, MATCH_EXACT } },
		{ "LEO JOE", "2000-09-20", { VER_APPROVED, REASON_NONE, 100, MATCH_EXACT } },
		/* Another date of birth is another person. */
		{ "Leo Doe Joe", "2000-09-21", { VER_DECLINED, REASON_MISMATCH, 100, MATCH_NONE } },
		{ "Leo Doe Joe", "2000-10-20", { VER_DECLINED, REASON_MISMATCH, 100, MATCH_NONE } },
		{ "Leo Doe Joe", "2001-09-20", { VER_DECLINED, REASON_MISMATCH, 100, MATCH_NONE } },
		{ NULL, "2000-09-21", { VER_DECLINED, REASON_MISMATCH, DB_NULL, MATCH_NONE } },
		/* So is another name. */
		{ "Ali Ba", "2000-09-20", { VER_DECLINED, REASON_MISMATCH, 0, MATCH_EXACT } },
		{ "Ali Ba", NULL, { VER_DECLINED, REASON_MISMATCH, 0, MATCH_NOT_PROVIDED } },
		{ "Ali Leo", "2000-09-20", { VER_DECLINED, REASON_MISMATCH, 0, MATCH_EXACT } },
		{ "", "2000-09-20", { VER_DECLINED, REASON_MISMATCH, 0, MATCH_EXACT } },
		/* What was not returned cannot have matched. */
		{ NULL, "2000-09-20", { VER_ERROR, REASON_REVIEW, DB_NULL, MATCH_EXACT } },
		{ NULL, NULL, { VER_ERROR, REASON_REVIEW, DB_NULL, MATCH_NOT_PROVIDED } },
		{ "Leo Doe Joe", NULL, { VER_ERROR, REASON_REVIEW, 100, MATCH_NOT_PROVIDED } },
		{ "Leo Doe Joe", "", { VER_ERROR, REASON_REVIEW, 100, MATCH_NOT_PROVIDED } },
		{ "Leo Doe Joe", "NaN-NaN-NaN",
		    { VER_ERROR, REASON_REVIEW, 100, MATCH_NOT_PROVIDED } },
		{ "Leo Doe Joe", "20-09-2000",
		    { VER_ERROR, REASON_REVIEW, 100, MATCH_NOT_PROVIDED } },
		{ "Leo Doe Joe", "2000-09-20T00:00:00Z",
		    { VER_ERROR, REASON_REVIEW, 100, MATCH_NOT_PROVIDED } },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct decision decision = judge(&usual,
		    (struct provider_result){ .outcome = OUTCOME_COMPARE,
			.full_name = rows[i].name,
			.date_of_birth = rows[i].birth },
		    joe);

		check_decision(
		    rows[i].name == NULL ? "NULL" : rows[i].name, &decision, &rows[i].wanted);
		/* What the provider says it compared does not replace it. */
		decision = judge(&strict,
		    (struct provider_result){ .outcome = OUTCOME_COMPARE,
			.names = MATCH_EXACT,
			.dob = MATCH_EXACT,
			.full_name = rows[i].name,
			.date_of_birth = rows[i].birth },
		    joe);
		check_decision("claimed", &decision, &rows[i].wanted);
	}
}

/* The threshold itself qualifies; between it and a clear stranger a person looks. */
static void test_judges_by_the_threshold(void **state UNUSED)
{
	static const struct {
		int64_t threshold;
		const char *given;
		const char *name;
		struct decision wanted;
	} rows[] = {
		/* 90 percent, and 71: see test_values in t_names.c. */
		{ 89, "Okafor", "Amina Okafer", { VER_APPROVED, REASON_NONE, 90, MATCH_EXACT } },
		{ 90, "Okafor", "Amina Okafer", { VER_APPROVED, REASON_NONE, 90, MATCH_EXACT } },
		{ 91, "Okafor", "Amina Okafer", { VER_ERROR, REASON_REVIEW, 90, MATCH_EXACT } },
		{ 100, "Okafor", "Amina Okafer", { VER_ERROR, REASON_REVIEW, 90, MATCH_EXACT } },
		{ 85, "Diallo", "Aminata Diallo", { VER_ERROR, REASON_REVIEW, 71, MATCH_EXACT } },
		{ 71, "Diallo", "Aminata Diallo", { VER_APPROVED, REASON_NONE, 71, MATCH_EXACT } },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct settings settings = usual;
		struct applicant applicant = { .first_name = "Amina",
			.last_name = rows[i].given,
			.date_of_birth = "2000-09-20" };
		struct decision decision;

		settings.name_match_percent = rows[i].threshold;
		decision = judge(&settings,
		    (struct provider_result){ .outcome = OUTCOME_COMPARE,
			.full_name = rows[i].name,
			.date_of_birth = "2000-09-20" },
		    applicant);
		check_decision(rows[i].name, &decision, &rows[i].wanted);
	}
}

/* A date of birth of ours that is none proves nothing, and declines nobody. */
static void test_judges_without_our_date_of_birth(void **state UNUSED)
{
	static const struct decision wanted = { VER_ERROR, REASON_REVIEW, 100, MATCH_UNKNOWN };
	struct applicant applicant = joe;
	struct decision decision;

	applicant.date_of_birth = "";
	decision = judge(&usual,
	    (struct provider_result){
		.outcome = OUTCOME_COMPARE, .full_name = "Joe Leo", .date_of_birth = "2000-09-20" },
	    applicant);
	check_decision("empty", &decision, &wanted);
}

/* ---- pages ----------------------------------------------------------------------------------------- */

static const struct uuid largest = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

static int compare(struct uuid a, struct uuid b)
{
	return memcmp(a.b, b.b, sizeof(a.b));
}

/* The version 7 ids of one millisecond lie between these two. */
static struct uuid first_of(int64_t time_ms)
{
	struct uuid id = UUID_NIL;

	for (size_t i = 0; i < 6; i++)
		id.b[i] = (uint8_t)((uint64_t)time_ms >> (40 - 8 * i));
	id.b[6] = 0x70;
	id.b[8] = 0x80;
	return id;
}

static struct uuid last_of(int64_t time_ms)
{
	struct uuid id = largest;

	for (size_t i = 0; i < 6; i++)
		id.b[i] = (uint8_t)((uint64_t)time_ms >> (40 - 8 * i));
	id.b[6] = 0x7f;
	id.b[8] = 0xbf;
	return id;
}

static bool is_on_page(struct uuid id, struct uuid after, int64_t from_ms, int64_t to_ms)
{
	struct uuid low = largest;
	struct uuid high = UUID_NIL;

	page_range(after, from_ms, to_ms, &low, &high);
	assert_false(uuid_is_nil(low));
	return compare(low, id) <= 0 && compare(id, high) < 0;
}

static void test_page_range(void **state UNUSED)
{
	static const struct uuid smallest = { { [15] = 1 } };
	const int64_t from = INT64_C(1777631400000), to = from + 5000;
	struct uuid low, high;

	page_range(largest, TIME_NONE, TIME_NONE, &low, &high);
	assert_true(uuid_equal(low, smallest));
	assert_true(uuid_equal(high, largest));
	page_range(last_of(from), TIME_NONE, TIME_NONE, &low, &high);
	assert_true(uuid_equal(low, smallest));
	assert_true(uuid_equal(high, last_of(from)));
	page_range(largest, from, to, &low, &high);
	assert_true(uuid_equal(low, first_of(from)));
	assert_true(uuid_equal(high, first_of(to + 1)));
	/* Both times are included, with everything that was made in their milliseconds. */
	assert_true(is_on_page(first_of(from), largest, from, to));
	assert_false(is_on_page(last_of(from - 1), largest, from, to));
	assert_true(is_on_page(last_of(to), largest, from, to));
	assert_false(is_on_page(first_of(to + 1), largest, from, to));
	assert_true(is_on_page(first_of(from), largest, from, from));
	assert_true(is_on_page(last_of(from), largest, from, from));
	/* One bound alone. */
	assert_true(is_on_page(last_of(to + 1), largest, from, TIME_NONE));
	assert_false(is_on_page(last_of(from - 1), largest, from, TIME_NONE));
	assert_true(is_on_page(smallest, largest, TIME_NONE, to));
	assert_false(is_on_page(first_of(to + 1), largest, TIME_NONE, to));
}

static void test_page_range_with_cursor(void **state UNUSED)
{
	const int64_t from = INT64_C(1777631400000), to = from + 5000;

	/* The one the cursor names was on the page before. */
	assert_false(is_on_page(last_of(from), last_of(from), TIME_NONE, TIME_NONE));
	assert_true(is_on_page(first_of(from), last_of(from), TIME_NONE, TIME_NONE));
	/* The nearer of both bounds holds. */
	assert_false(is_on_page(last_of(to), first_of(to), from, to));
	assert_true(is_on_page(last_of(to - 1), first_of(to), from, to));
	assert_false(is_on_page(first_of(to + 1), last_of(to + 9), from, to));
	assert_true(is_on_page(last_of(to), last_of(to + 9), from, to));
	/* Empty, not upside down, when there is nothing left. */
	assert_false(is_on_page(first_of(from), first_of(from), from, to));
	assert_false(is_on_page(first_of(from), largest, to, from));
	assert_false(is_on_page(first_of(to), largest, to, from));
	/* The beginning of time and its end. */
	assert_true(is_on_page(first_of(0), largest, 0, 0));
	assert_false(is_on_page(first_of(1), largest, 0, 0));
	assert_true(is_on_page(last_of(from), largest, 0, INT64_C(253402300799999)));
}

/* ---- cursors --------------------------------------------------------------------------------------- */

static const struct uuid place_of_page = { { 0x01, 0x9d, 2, 3, 4, 5, 0x76, 7, 0x88, 9, 10, 11, 12,
    13, 14, 0xff } };

struct place {
	char directory[64];
	char master[96];
	char pepper[96];
	struct ctx ctx;
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	(void)snprintf(place->directory, sizeof(place->directory), "/tmp/t_judge.XXXXXX");
	if (mkdtemp(place->directory) == NULL)
		return -1;
	(void)snprintf(place->master, sizeof(place->master), "%s/master.key", place->directory);
	(void)snprintf(place->pepper, sizeof(place->pepper), "%s/pepper", place->directory);
	place->ctx.actor = (struct actor){ .kind = ACTOR_KEY,
		.organization_id = { { 1 } },
		.application_id = { { 2 } },
		.key_id = { { 3 } },
		.environment = ENV_LIVE };
	*state = place;
	if (keyring_create_files(place->master, place->pepper, NULL, 0) != ERR_OK)
		return -1;
	return keyring_open(place->master, place->pepper, &place->ctx.keyring, NULL, 0) == ERR_OK
		   ? 0
		   : -1;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	keyring_free(&place->ctx.keyring);
	(void)unlink(place->master);
	(void)unlink(place->pepper);
	if (rmdir(place->directory) != 0)
		return -1;
	free(place);
	return 0;
}

static void must_make(struct place *place, char text[CURSOR_TEXT_SIZE])
{
	memset(text, 'x', CURSOR_TEXT_SIZE);
	assert_int_equal(cursor_make(&place->ctx, "list", "filters", place_of_page, text), ERR_OK);
}

static void refuse_cursor(struct ctx *ctx, const char *list, const char *filters, const char *text)
{
	struct uuid after = { { 5, 5 } };

	if (cursor_read(ctx, list, filters, text, &after) != ERR_SYNTAX)
		fail_msg("%s, %s takes %s", list, filters, text);
	assert_true(uuid_equal(after, (struct uuid){ { 5, 5 } }));
}

static void test_cursor_and_back(void **state)
{
	struct place *place = *state;
	char text[CURSOR_TEXT_SIZE], again[CURSOR_TEXT_SIZE];
	struct uuid after = UUID_NIL;

	must_make(place, text);
	/* An id and half an HMAC, in base64url. */
	assert_int_equal(strlen(text), 4 + 43);
	assert_int_equal(strncmp(text, "cur_", 4), 0);
	assert_int_equal(strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz_-"),
	    4 + 43);
	assert_int_equal(cursor_read(&place->ctx, "list", "filters", text, &after), ERR_OK);
	assert_true(uuid_equal(after, place_of_page));
	must_make(place, again);
	assert_string_equal(text, again);
	/* Another key of the same tenant may go on where this one stopped. */
	place->ctx.actor.key_id = (struct uuid){ { 9 } };
	assert_int_equal(cursor_read(&place->ctx, "list", "filters", text, &after), ERR_OK);
	assert_int_equal(cursor_make(&place->ctx, "list", "", largest, text), ERR_OK);
	assert_int_equal(cursor_read(&place->ctx, "list", "", text, &after), ERR_OK);
	assert_true(uuid_equal(after, largest));
}

static void test_first_page(void **state)
{
	struct place *place = *state;
	struct uuid after = UUID_NIL;

	assert_int_equal(cursor_read(&place->ctx, "list", "filters", NULL, &after), ERR_OK);
	assert_true(uuid_equal(after, largest));
	after = UUID_NIL;
	assert_int_equal(cursor_read(&place->ctx, "list", "filters", "", &after), ERR_OK);
	assert_true(uuid_equal(after, largest));
}

static void test_cursor_elsewhere(void **state)
{
	struct place *place = *state;
	struct ctx ctx = place->ctx;
	char text[CURSOR_TEXT_SIZE];

	must_make(place, text);
	refuse_cursor(&ctx, "other", "filters", text);
	refuse_cursor(&ctx, "", "filters", text);
	refuse_cursor(&ctx, "list", "", text);
	refuse_cursor(&ctx, "list", "filters ", text);
	refuse_cursor(&ctx, "list", "Filters", text);
	/* The parts do not run into each other. */
	refuse_cursor(&ctx, "listf", "ilters", text);
	refuse_cursor(&ctx, "lis", "tfilters", text);
	ctx.actor.environment = ENV_SANDBOX;
	refuse_cursor(&ctx, "list", "filters", text);
	ctx.actor.environment = ENV_LIVE;
	ctx.actor.application_id.b[15] = 1;
	refuse_cursor(&ctx, "list", "filters", text);
}

static void test_cursor_of_another_pepper(void **state)
{
	struct place *place = *state;
	char text[CURSOR_TEXT_SIZE];

	must_make(place, text);
	keyring_free(&place->ctx.keyring);
	(void)unlink(place->master);
	(void)unlink(place->pepper);
	assert_int_equal(keyring_create_files(place->master, place->pepper, NULL, 0), ERR_OK);
	assert_int_equal(
	    keyring_open(place->master, place->pepper, &place->ctx.keyring, NULL, 0), ERR_OK);
	refuse_cursor(&place->ctx, "list", "filters", text);
}

/* Each character changed, each length, and what is no cursor at all. */
static void test_altered_cursors(void **state)
{
	static const char *const wrong[] = { "cur_", "cur", "c", "-", " ", "ver_", "0",
		"cur_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"cur_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "cur_\xff\xff\xff\xff",
		"eyJhbGciOiJub25lIn0" };
	struct place *place = *state;
	char text[CURSOR_TEXT_SIZE], copy[CURSOR_TEXT_SIZE + 1];
	size_t len;

	must_make(place, text);
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		for (const char *c = "Aa0_-=.+/ \xc3"; *c != '\0'; c++) {
			if (*c == text[i])
				continue;
			memcpy(copy, text, len + 1);
			copy[i] = *c;
			refuse_cursor(&place->ctx, "list", "filters", copy);
		}
	}
	for (size_t cut = 1; cut < len; cut++) {
		memcpy(copy, text, cut);
		copy[cut] = '\0';
		refuse_cursor(&place->ctx, "list", "filters", copy);
		refuse_cursor(&place->ctx, "list", "filters", text + cut);
	}
	for (const char *c = "A= \n"; *c != '\0'; c++) {
		(void)snprintf(copy, sizeof(copy), "%s%c", text, *c);
		refuse_cursor(&place->ctx, "list", "filters", copy);
	}
	for (size_t i = 0; i < countof(wrong); i++)
		refuse_cursor(&place->ctx, "list", "filters", wrong[i]);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sandbox_numbers),
		cmocka_unit_test(test_sandbox_answers),
		cmocka_unit_test(test_judges_plain_outcomes),
		cmocka_unit_test(test_judges_partial_matches),
		cmocka_unit_test(test_judges_our_own_comparison),
		cmocka_unit_test(test_judges_by_the_threshold),
		cmocka_unit_test(test_judges_without_our_date_of_birth),
		cmocka_unit_test(test_page_range),
		cmocka_unit_test(test_page_range_with_cursor),
		WITH_PLACE(test_cursor_and_back),
		WITH_PLACE(test_first_page),
		WITH_PLACE(test_cursor_elsewhere),
		WITH_PLACE(test_cursor_of_another_pepper),
		WITH_PLACE(test_altered_cursors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
