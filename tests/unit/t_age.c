/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_age.c: age verifications: what each level asks for, who may submit, who decides, what counts, how
 * long. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "age.h"
#include "ages.h"
#include "clock.h"

#define DAY_MS INT64_C(86400000)

static enum age_status status_of(const char *person)
{
	struct age age;

	assert_int_equal(age_status_get(&ctx, person, &age), ERR_OK);
	return age.status;
}

static enum age_cause cause_of(struct uuid id)
{
	struct age_case found = ages_look(id);

	return found.cause;
}

/* ---- what is asked for ------------------------------------------------------------------------------ */

static void test_needs(void **state UNUSED)
{
	assert_true(age_needs(LEVEL_AGE_ONLY, UPLOAD_SELFIE, NULL));
	assert_false(age_needs(LEVEL_AGE_ONLY, UPLOAD_ID_FRONT, NULL));
	assert_true(age_needs(LEVEL_FULL_AGE, UPLOAD_ID_BACK, "national_id"));
	assert_false(age_needs(LEVEL_FULL_AGE, UPLOAD_ID_BACK, "passport"));
	assert_false(age_needs(LEVEL_FULL_AGE, UPLOAD_VIDEO, "passport"));
	assert_true(age_needs(LEVEL_FULL_KYC, UPLOAD_VIDEO, "passport"));
	assert_false(age_needs_document(LEVEL_AGE_ONLY));
	assert_true(age_needs_document(LEVEL_FULL_AGE));
}

/* Every pair: contract/age.md. */
static void test_satisfies(void **state UNUSED)
{
	static const bool enough[LEVEL__MAX][LEVEL__MAX] = {
		[LEVEL_AGE_ONLY] = { [LEVEL_AGE_ONLY] = true },
		[LEVEL_FULL_AGE] = { [LEVEL_AGE_ONLY] = true, [LEVEL_FULL_AGE] = true },
		[LEVEL_FULL_KYC] = { true, true, true },
	};

	for (int have = 0; have < LEVEL__MAX; have++) {
		for (int wanted = 0; wanted < LEVEL__MAX; wanted++)
			assert_int_equal(
			    age_satisfies((enum age_level)have, (enum age_level)wanted),
			    enough[have][wanted]);
	}
}

static void expect_fault(struct age_new input, const char *field)
{
	struct complaint items[16];
	struct complaint_list complaints = { .items = items, .max = countof(items) };
	struct age age;

	assert_int_equal(age_submit(&ctx, &input, &complaints, &age), ERR_VALIDATION);
	assert_int_equal(complaints.count, 1);
	assert_string_equal(items[0].field, field);
}

static void test_faults(void **state UNUSED)
{
	static const struct {
		const char *field;
		size_t offset;
		const char *value;
	} faults[] = {
		{ "document.country", offsetof(struct age_document, country), "ZZ" },
		{ "document.number", offsetof(struct age_document, number), "" },
		{ "document.number", offsetof(struct age_document, number), "12" },
		{ "document.number", offsetof(struct age_document, number), " - " },
		{ "document.firstName", offsetof(struct age_document, first_name), "" },
		{ "document.lastName", offsetof(struct age_document, last_name), NULL },
		{ "document.dateOfBirth", offsetof(struct age_document, date_of_birth),
		    "1990-02-30" },
		{ "document.dateOfBirth", offsetof(struct age_document, date_of_birth),
		    "2999-01-01" },
		{ "document.dateOfBirth", offsetof(struct age_document, date_of_birth),
		    "1850-01-01" },
	};
	struct age_document document = ages_document();
	struct age_new input = ages_new("p", LEVEL_FULL_KYC, &document);

	for (size_t i = 0; i < countof(faults); i++) {
		document = ages_document();
		memcpy((char *)&document + faults[i].offset, &faults[i].value,
		    sizeof(faults[i].value));
		expect_fault(input, faults[i].field);
	}
	document = ages_document();
	input.uploads[UPLOAD_VIDEO] = UUID_NIL;
	expect_fault(input, "uploads.video");
	input = ages_new("p", LEVEL_FULL_KYC, &document);
	input.uploads[UPLOAD_VIDEO] = input.uploads[UPLOAD_SELFIE];
	expect_fault(input, "uploads.video");
	input = ages_new("p", LEVEL_FULL_KYC, NULL);
	expect_fault(input, "document");
	expect_fault(ages_new("p", LEVEL_AGE_ONLY, &document), "document");
	expect_fault(ages_new("a b", LEVEL_AGE_ONLY, NULL), "externalId");
	expect_fault(ages_new("", LEVEL_AGE_ONLY, NULL), "externalId");
	char longest[LIMIT_AGE_EXTERNAL_ID + 2];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	expect_fault(ages_new(longest, LEVEL_AGE_ONLY, NULL), "externalId");
	input = ages_new("p", LEVEL_AGE_ONLY, NULL);
	input.consent = false;
	expect_fault(input, "consent");
	/* Nothing of all that left a trace. */
	assert_int_equal(ages_count("age_verification"), 0);
	assert_int_equal(ages_count("usage_event"), 0);
}

/* Each place takes pictures, or videos; what is in the wrong one is not taken, nor are the others. */
static void test_wrong_places(void **state UNUSED)
{
	struct age_document document = ages_document();

	for (int i = 0; i < UPLOAD__MAX; i++) {
		struct age_new input = ages_new("p", LEVEL_FULL_KYC, &document);
		char field[32];
		input.uploads[i] = ages_upload(i == UPLOAD_VIDEO ? UPLOAD_SELFIE : UPLOAD_VIDEO);
		snprintf(field, sizeof(field), "uploads.%s", age_upload_name((enum age_upload)i));
		expect_fault(input, field);
		assert_int_equal(
		    ages_count(
			"(SELECT application_id FROM media WHERE owner_id IS NOT NULL) AS m"),
		    0);
	}
	assert_int_equal(ages_count("age_verification"), 0);
	assert_int_equal(ages_count("usage_event"), 0);
}

/* Born in the past, less than 130 years ago; wherever the document comes from. */
static void test_births(void **state UNUSED)
{
	static const struct {
		const char *birth;
		bool is_one;
	} births[] = {
		{ "2026-02-03", false },
		{ "2026-02-02", false },
		{ "2026-02-01", true },
		{ "1896-02-02", false },
		{ "1896-02-03", true },
	};
	struct age_document document = ages_document();

	clock_set(INT64_C(1770000000000)); /* 2026-02-02T02:40:00Z */
	for (size_t i = 0; i < countof(births); i++) {
		document.date_of_birth = births[i].birth;
		document.country = "FR";
		struct age_new input = ages_new(births[i].birth, LEVEL_FULL_AGE, &document);
		if (!births[i].is_one)
			expect_fault(input, "document.dateOfBirth");
		else
			ages_submit(births[i].birth, LEVEL_FULL_AGE, &document);
		document.country = "SN";
		if (!births[i].is_one)
			expect_fault(input, "document.dateOfBirth");
	}
	clock_set(TIME_NONE);
}

/* ---- submitting ------------------------------------------------------------------------------------- */

static void test_submitted(void **state UNUSED)
{
	struct age_standing standing;
	struct age age = ages_submit("user_1", LEVEL_AGE_ONLY, NULL);

	assert_int_equal(age.status, AGE_PENDING);
	assert_false(age.is_verified);
	assert_null(age.verified_dob);
	assert_int_equal(age.estimated_age, DB_NULL);
	assert_int_equal(age.expires_at_ms, TIME_NONE);
	assert_int_equal(age_status_get(&ctx, "user_2", &age), ERR_AGE_NOT_FOUND);
	assert_int_equal(age_verified(&ctx, "user_2", NULL, &standing), ERR_OK);
	assert_false(standing.is_verified);
	assert_int_equal(ages_count("usage_event"), 1);
	/* Without an estimator somebody is told that a person has to look. */
	assert_int_equal(ages_told("age.review"), 1);
	assert_int_equal(cause_of(age.id), CAUSE_NO_ESTIMATOR);
}

static void test_media_missing(void **state UNUSED)
{
	struct age_new input = ages_new("user_1", LEVEL_AGE_ONLY, NULL);
	struct complaint_list none = { .items = NULL };
	struct age age;

	struct uuid mine = input.uploads[UPLOAD_SELFIE], tenant = ctx.actor.application_id;

	assert_int_equal(uuid_make(&input.uploads[UPLOAD_SELFIE]), ERR_OK);
	assert_int_equal(age_submit(&ctx, &input, &none, &age), ERR_MEDIA_NOT_FOUND);
	assert_int_equal(ages_count("age_verification"), 0);
	assert_int_equal(ages_count("usage_event"), 0);
	/* Somebody else's is none, and one is used once. */
	input.uploads[UPLOAD_SELFIE] = mine;
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(age_submit(&ctx, &input, &none, &age), ERR_MEDIA_NOT_FOUND);
	core_act(tenant, ENV_LIVE);
	assert_int_equal(age_submit(&ctx, &input, &none, &age), ERR_OK);
	input.external_id = "user_2";
	assert_int_equal(age_submit(&ctx, &input, &none, &age), ERR_MEDIA_NOT_FOUND);
}

static void test_eligibility(void **state UNUSED)
{
	struct age_new input = ages_new("p", LEVEL_AGE_ONLY, NULL);
	const enum age_level kyc = LEVEL_FULL_KYC;
	struct age_document document = ages_document();
	struct complaint_list none = { .items = NULL };
	struct age_eligibility may;
	struct age age;

	assert_int_equal(age_can_submit(&ctx, "p", NULL, &may), ERR_OK);
	assert_true(may.can_submit);
	assert_int_equal(may.reason, REFUSAL_NONE);
	struct age first = ages_submit("p", LEVEL_AGE_ONLY, NULL);
	assert_int_equal(age_can_submit(&ctx, "p", NULL, &may), ERR_OK);
	assert_false(may.can_submit);
	assert_int_equal(may.reason, REFUSAL_IN_REVIEW);
	assert_int_equal(age_submit(&ctx, &input, &none, &age), ERR_AGE_NOT_ELIGIBLE);
	ages_review(first.id, AGE_APPROVED);
	assert_int_equal(age_can_submit(&ctx, "p", NULL, &may), ERR_OK);
	assert_int_equal(may.reason, REFUSAL_ALREADY_VERIFIED);
	assert_int_equal(age_submit(&ctx, &input, &none, &age), ERR_AGE_NOT_ELIGIBLE);
	/* For more than that it is not enough. */
	assert_int_equal(age_can_submit(&ctx, "p", &kyc, &may), ERR_OK);
	assert_true(may.can_submit);
	ages_submit("p", LEVEL_FULL_KYC, &document);
}

static void test_too_many(void **state UNUSED)
{
	int64_t start_ms = clock_now_ms();
	struct age_eligibility may;

	ages_settings("age_attempts_per_day = 2\n");
	clock_set(start_ms);
	ages_review(ages_submit("p", LEVEL_AGE_ONLY, NULL).id, AGE_REJECTED);
	clock_set(start_ms + 1000);
	ages_review(ages_submit("p", LEVEL_AGE_ONLY, NULL).id, AGE_RESUBMIT);
	assert_int_equal(age_can_submit(&ctx, "p", NULL, &may), ERR_OK);
	assert_int_equal(may.reason, REFUSAL_TOO_MANY_ATTEMPTS);
	assert_int_equal(may.retry_after_s, 86399);
	/* One that waits for so long succeeds, and no earlier. */
	clock_set(start_ms + DAY_MS - 1);
	assert_int_equal(age_can_submit(&ctx, "p", NULL, &may), ERR_OK);
	assert_false(may.can_submit);
	assert_int_equal(may.retry_after_s, 1);
	clock_set(start_ms + DAY_MS);
	ages_submit("p", LEVEL_AGE_ONLY, NULL);
	clock_set(TIME_NONE);
}

static void test_environments(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	struct age age;

	core_act(tenant, ENV_SANDBOX);
	ages_submit("p", LEVEL_AGE_ONLY, NULL);
	core_act(tenant, ENV_LIVE);
	assert_int_equal(age_status_get(&ctx, "p", &age), ERR_AGE_NOT_FOUND);
	core_act(core_tenant(), ENV_SANDBOX);
	assert_int_equal(age_status_get(&ctx, "p", &age), ERR_AGE_NOT_FOUND);
}

/* ---- looking up -------------------------------------------------------------------------------------- */

static struct age looked_up(enum age_level level, const char *number, const char *birth)
{
	struct age_document document = ages_document();

	document.number = number;
	document.date_of_birth = birth;
	core_act(ctx.actor.application_id, ENV_SANDBOX);
	struct age age = ages_submit("p", level, &document);
	ages_run_queue();
	assert_int_equal(age_status_get(&ctx, "p", &age), ERR_OK);
	return age;
}

static void test_looked_up(void **state UNUSED)
{
	int64_t now_ms = INT64_C(1770000000000); /* 2026-02-02T02:40:00Z */

	clock_set(now_ms);
	struct age age = looked_up(LEVEL_FULL_AGE, "1234567890123", "1990-05-15");
	assert_int_equal(age.status, AGE_APPROVED);
	assert_true(age.is_verified);
	assert_string_equal(age.verified_dob, "1990-05-15");
	assert_string_equal(age.country, "SN");
	assert_int_equal(age.expires_at_ms, now_ms + 365 * DAY_MS);
	assert_int_equal(ages_told("age.completed"), 1);
	assert_int_equal(ages_told("age.review"), 0);
	/* It is told of as what it is, and charged once. */
	assert_int_equal(ages_told("verification.completed"), 0);
	assert_int_equal(ages_count("usage_event"), 1);
	clock_set(TIME_NONE);
}

/* Of age on the day itself (UTC), whoever was born on 29 February on 1 March; and looked up only then. */
static void test_of_age(void **state UNUSED)
{
	static const struct {
		int64_t now_ms;
		const char *birth;
		bool is_of_age;
	} days[] = {
		{ INT64_C(1770076799999), "2008-02-02", true },  /* 2026-02-02T23:59:59.999Z */
		{ INT64_C(1770076799999), "2008-02-03", false }, /* the day before */
		{ INT64_C(1770076800000), "2008-02-03", true },  /* 2026-02-03T00:00:00Z */
		{ INT64_C(1772323199999), "2008-02-29", false }, /* 2026-02-28T23:59:59.999Z */
		{ INT64_C(1772323200000), "2008-02-29", true },  /* 2026-03-01T00:00:00Z */
	};
	struct age_document document = ages_document();
	char person[16];

	core_act(ctx.actor.application_id, ENV_SANDBOX);
	for (size_t i = 0; i < countof(days); i++) {
		clock_set(days[i].now_ms);
		document.date_of_birth = days[i].birth;
		snprintf(person, sizeof(person), "p%zu", i);
		struct age age = ages_submit(person, LEVEL_FULL_AGE, &document);
		assert_int_equal(
		    cause_of(age.id), days[i].is_of_age ? CAUSE_NONE : CAUSE_NOT_OF_AGE);
		if (days[i].is_of_age)
			ages_run_queue();
		assert_int_equal(status_of(person), days[i].is_of_age ? AGE_APPROVED : AGE_PENDING);
	}
	clock_set(TIME_NONE);
}

/* What a provider says counts on the day it says it. */
static void test_not_of_age_any_more(void **state UNUSED)
{
	const struct decision found = {
		.status = VER_APPROVED, .match_name = 100, .match_dob = MATCH_EXACT
	};
	struct age_document document = ages_document();

	document.date_of_birth = "2008-02-03";
	clock_set(INT64_C(1770076800000)); /* 2026-02-03T00:00:00Z: 18 */
	struct age age = ages_submit("p", LEVEL_FULL_AGE, &document);
	clock_set(INT64_C(1770076799999)); /* the clock was wrong */
	ages_decide(age.id, found);
	assert_int_equal(cause_of(age.id), CAUSE_NOT_OF_AGE);
	assert_int_equal(status_of("p"), AGE_PENDING);
	clock_set(TIME_NONE);
}

static void test_looked_up_declined(void **state UNUSED)
{
	struct age age = looked_up(LEVEL_FULL_AGE, "1000000000001", "1990-05-15");

	assert_int_equal(age.status, AGE_PENDING);
	assert_int_equal(cause_of(age.id), CAUSE_NOT_CONFIRMED);
	assert_int_equal(ages_told("age.review"), 1);
}

static void test_kyc_is_reviewed(void **state UNUSED)
{
	struct age age = looked_up(LEVEL_FULL_KYC, "1234567890123", "1990-05-15");

	assert_int_equal(age.status, AGE_PENDING);
	assert_int_equal(cause_of(age.id), CAUSE_ALWAYS);
}

/* What no look-up can settle is not looked up. */
static void test_not_looked_up(void **state UNUSED)
{
	struct age_document document = ages_document();

	document.country = "FR";
	struct age age = ages_submit("foreign", LEVEL_FULL_AGE, &document);
	assert_int_equal(cause_of(age.id), CAUSE_NOT_COVERED);
	document = ages_document();
	document.date_of_birth = "2020-01-01";
	age = ages_submit("child", LEVEL_FULL_AGE, &document);
	assert_int_equal(cause_of(age.id), CAUSE_NOT_OF_AGE);
	assert_int_equal(ages_count("verification"), 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
}

/* The date of birth has to be the very one. */
static void test_birth_unsure(void **state UNUSED)
{
	const struct decision unsure = {
		.status = VER_APPROVED, .match_name = 90, .match_dob = MATCH_UNKNOWN
	};
	struct age_document document = ages_document();
	struct age age = ages_submit("p", LEVEL_FULL_AGE, &document);

	assert_int_equal(cause_of(age.id), CAUSE_NONE);
	ages_decide(age.id, unsure);
	assert_int_equal(cause_of(age.id), CAUSE_NOT_CONFIRMED);
	/* And the person too. */
	const struct decision other = { .status = VER_DECLINED,
		.reason = REASON_MISMATCH,
		.match_name = 10,
		.match_dob = MATCH_EXACT };
	age = ages_submit("q", LEVEL_FULL_AGE, &document);
	ages_decide(age.id, other);
	assert_int_equal(cause_of(age.id), CAUSE_NOT_CONFIRMED);
}

/* ---- what counts, and how long ------------------------------------------------------------------------ */

static void test_best(void **state UNUSED)
{
	const enum age_level kyc = LEVEL_FULL_KYC, full = LEVEL_FULL_AGE;
	struct age_document document = ages_document();
	struct age_standing standing;
	struct age age;

	document.country = "FR";
	ages_review(ages_submit("p", LEVEL_AGE_ONLY, NULL).id, AGE_APPROVED);
	ages_review(ages_submit("p", LEVEL_FULL_KYC, &document).id, AGE_REJECTED);
	/* The newest is not what counts. */
	assert_int_equal(age_status_get(&ctx, "p", &age), ERR_OK);
	assert_int_equal(age.level, LEVEL_AGE_ONLY);
	assert_int_equal(age.status, AGE_APPROVED);
	assert_int_equal(age_verified(&ctx, "p", &full, &standing), ERR_OK);
	assert_false(standing.is_verified);
	assert_null(standing.level_word);
	ages_review(ages_submit("p", LEVEL_FULL_KYC, &document).id, AGE_APPROVED);
	assert_int_equal(age_verified(&ctx, "p", &full, &standing), ERR_OK);
	assert_true(standing.is_verified);
	assert_string_equal(standing.level_word, "full_kyc");
	assert_int_equal(standing.expires_at_ms, TIME_NONE);
	assert_int_equal(age_verified(&ctx, "p", &kyc, &standing), ERR_OK);
	assert_true(standing.is_verified);
}

/* Of the highest level, and of those the newest; however they came to be there. */
static void test_best_of_many(void **state UNUSED)
{
	struct age_document document = ages_document();
	struct age_standing standing;
	struct age age;

	document.country = "FR";
	ages_review(ages_submit("p", LEVEL_AGE_ONLY, NULL).id, AGE_APPROVED);
	ages_review(ages_submit("p", LEVEL_FULL_AGE, &document).id, AGE_APPROVED);
	core_run("UPDATE age_verification SET level = IF(level = 'age_only', 'full_age', "
		 "'age_only') WHERE external_id = 'p' AND status = 'approved'");
	assert_int_equal(age_status_get(&ctx, "p", &age), ERR_OK);
	assert_int_equal(age.level, LEVEL_FULL_AGE);
	assert_null(age.country);
	core_run("UPDATE age_verification SET level = 'full_age' "
		 "WHERE external_id = 'p' AND status = 'approved'");
	assert_int_equal(age_status_get(&ctx, "p", &age), ERR_OK);
	assert_string_equal(age.country, "FR");
	/* The best one that has expired is none, and is not shown before the newest. */
	core_run("UPDATE age_verification SET expires_at = '2020-01-01' "
		 "WHERE external_id = 'p' AND country IS NULL");
	assert_int_equal(age_verified(&ctx, "p", NULL, &standing), ERR_OK);
	assert_true(standing.is_verified);
	core_run("UPDATE age_verification SET expires_at = '2020-01-01' "
		 "WHERE external_id = 'p' AND status = 'approved'");
	assert_int_equal(age_status_get(&ctx, "p", &age), ERR_OK);
	assert_int_equal(age.status, AGE_EXPIRED);
	assert_false(age.is_verified);
	assert_string_equal(age.verified_dob, "1990-05-15");
}

static void test_expiry(void **state UNUSED)
{
	int64_t now_ms = INT64_C(1709190000000); /* 2024-02-29T07:00:00Z */
	struct age_standing standing;
	uint64_t count = 0;
	struct age age;

	clock_set(now_ms);
	age = ages_submit("p", LEVEL_AGE_ONLY, NULL);
	ages_review(age.id, AGE_APPROVED);
	/* 2025-02-28T07:00:00Z. */
	int64_t end_ms = now_ms + 365 * DAY_MS;
	clock_set(end_ms - 1);
	assert_int_equal(age_verified(&ctx, "p", NULL, &standing), ERR_OK);
	assert_true(standing.is_verified);
	assert_int_equal(standing.expires_at_ms, end_ms);
	clock_set(end_ms);
	assert_int_equal(age_verified(&ctx, "p", NULL, &standing), ERR_OK);
	assert_false(standing.is_verified);
	/* Also before anybody has noticed. */
	assert_int_equal(status_of("p"), AGE_EXPIRED);
	assert_int_equal(age_expire(&ctx, 10, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(status_of("p"), AGE_EXPIRED);
	assert_int_equal(age_expire(&ctx, 10, &count), ERR_OK);
	assert_int_equal(count, 0);
	/* A year more, and document and media go; the outcome stays. */
	int64_t dropped = ages_dropped();
	clock_set(end_ms + 365 * DAY_MS - 1);
	assert_int_equal(age_purge(&ctx, 10, &count), ERR_OK);
	assert_int_equal(count, 0);
	clock_set(end_ms + 365 * DAY_MS);
	assert_int_equal(age_purge(&ctx, 10, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(ages_dropped(), dropped + 1);
	assert_int_equal(status_of("p"), AGE_EXPIRED);
	clock_set(TIME_NONE);
}

static void test_erase(void **state UNUSED)
{
	struct age_document document = ages_document();
	struct age age = ages_submit("p", LEVEL_FULL_AGE, &document);

	assert_int_equal(verification_erase(&ctx, age.id), ERR_OK);
	assert_int_equal(status_of("p"), AGE_RESUBMIT);
	assert_int_equal(ages_told("age.completed"), 1);
	assert_int_equal(ages_told("age.review"), 0);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM age_verification WHERE sealed IS NOT NULL AND "
			"status = 'resubmit_required'"),
	    0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	/* Again is fine, and tells nobody anything. */
	assert_int_equal(verification_erase(&ctx, age.id), ERR_OK);
	assert_int_equal(ages_told("age.completed"), 1);
}

/* One that no provider was asked about has the same address. */
static void test_erase_not_looked_up(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	int64_t noted = core_number("SELECT COUNT(*) FROM audit "
				    "WHERE action = 'verification.erased'");

	ages_settings("age_estimator_url = http://127.0.0.1:1/\n");
	struct age age = ages_submit("q", LEVEL_AGE_ONLY, NULL);
	/* Not by a key of the sandbox, nor by another tenant's. */
	core_act(tenant, ENV_SANDBOX);
	assert_int_equal(verification_erase(&ctx, age.id), ERR_VERIFICATION_NOT_FOUND);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(verification_erase(&ctx, age.id), ERR_VERIFICATION_NOT_FOUND);
	core_act(tenant, ENV_LIVE);
	assert_int_equal(status_of("q"), AGE_PENDING);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 1);
	int64_t dropped = ages_dropped();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(verification_erase(&ctx, age.id), ERR_OK);
		assert_int_equal(status_of("q"), AGE_RESUBMIT);
	}
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(ages_dropped(), dropped + 1);
	assert_int_equal(ages_told("age.completed"), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM audit WHERE action = 'verification.erased'"),
	    noted + 1);
}

/* What is decided stays decided, whatever a provider says then. */
static void test_looked_up_late(void **state UNUSED)
{
	const struct decision found = {
		.status = VER_APPROVED, .match_name = 100, .match_dob = MATCH_EXACT
	};
	struct age_document document = ages_document();
	struct age age = ages_submit("p", LEVEL_FULL_AGE, &document);

	core_run("UPDATE age_verification SET status = 'rejected', waits_for = NULL "
		 "WHERE external_id = 'p' AND status = 'pending'");
	ages_decide(age.id, found);
	assert_int_equal(status_of("p"), AGE_REJECTED);
	assert_int_equal(ages_told("age.completed") + ages_told("age.review"), 0);
}

/* With the document goes what the look-up knew. */
static void test_purged_looked_up(void **state UNUSED)
{
	int64_t start_ms = clock_now_ms();
	uint64_t count = 0;

	clock_set(start_ms);
	looked_up(LEVEL_FULL_AGE, "1234567890123", "1990-05-15");
	int64_t sealed = core_number("SELECT COUNT(*) FROM verification WHERE sealed IS NOT NULL");
	clock_set(start_ms + 3 * 366 * DAY_MS);
	assert_int_equal(age_purge(&ctx, 10, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM verification WHERE sealed IS NOT NULL"), sealed - 1);
	clock_set(TIME_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_satisfies),
		cmocka_unit_test_setup(test_faults, ages_set_up),
		cmocka_unit_test_setup(test_births, ages_set_up),
		cmocka_unit_test_setup(test_submitted, ages_set_up),
		cmocka_unit_test_setup(test_wrong_places, ages_set_up),
		cmocka_unit_test_setup(test_media_missing, ages_set_up),
		cmocka_unit_test_setup(test_eligibility, ages_set_up),
		cmocka_unit_test_setup(test_too_many, ages_set_up),
		cmocka_unit_test_setup(test_environments, ages_set_up),
		cmocka_unit_test_setup(test_looked_up, ages_set_up),
		cmocka_unit_test_setup(test_of_age, ages_set_up),
		cmocka_unit_test_setup(test_not_of_age_any_more, ages_set_up),
		cmocka_unit_test_setup(test_looked_up_declined, ages_set_up),
		cmocka_unit_test_setup(test_kyc_is_reviewed, ages_set_up),
		cmocka_unit_test_setup(test_not_looked_up, ages_set_up),
		cmocka_unit_test_setup(test_birth_unsure, ages_set_up),
		cmocka_unit_test_setup(test_best, ages_set_up),
		cmocka_unit_test_setup(test_best_of_many, ages_set_up),
		cmocka_unit_test_setup(test_expiry, ages_set_up),
		cmocka_unit_test_setup(test_erase, ages_set_up),
		cmocka_unit_test_setup(test_erase_not_looked_up, ages_set_up),
		cmocka_unit_test_setup(test_looked_up_late, ages_set_up),
		cmocka_unit_test_setup(test_purged_looked_up, ages_set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ages_close();
	return failed;
}
