/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_age_estimate.c: estimates of an age: how an estimator's answers are read, what they come to, and
 * what becomes of one that cannot be had. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "age.h"
#include "age_estimate.h"
#include "ages.h"
#include "clock.h"
#include "limits.h"
#include "tx.h"
#include "work.h"

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

/* ---- answers ------------------------------------------------------------------------------------------- */

static void test_estimate_read(void **state UNUSED)
{
	static const struct {
		const char *body;
		enum err err;
	} answers[] = {
		{ "{\"age\":31.9,\"samples\":3}", ERR_OK },
		{ " {\"samples\":3, \"age\":3.19e1}\n", ERR_OK },
		{ "{\"age\":129.999,\"samples\":9223372036854775807}", ERR_OK },
		{ "{\"age\":-0.0,\"samples\":1}", ERR_OK },
		{ "{\"age\":-0.001,\"samples\":1}", ERR_RANGE },
		{ "{\"age\":1e300,\"samples\":3}", ERR_RANGE },
		{ "{\"age\":31,\"samples\":-3}", ERR_RANGE },
		{ "{\"age\":NaN,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":nan,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":Infinity,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":-1e999,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":0x1f,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":031,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":null,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":true,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":[31],\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":{\"years\":31},\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":null}", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":true}", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":9223372036854775808}", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":3,\"samples\":4}", ERR_SYNTAX },
		{ "{\"samples\":3,\"samples\":3}", ERR_SYNTAX },
		{ "{\"Age\":31,\"samples\":3}", ERR_SYNTAX },
		{ "{\"samples\":3}", ERR_SYNTAX },
		{ "{}", ERR_SYNTAX },
		{ "null", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":3}x", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":3}{\"age\":31,\"samples\":3}", ERR_SYNTAX },
		{ "\xef\xbb\xbf{\"age\":31,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":3,}", ERR_SYNTAX },
		{ "{\"data\":{\"age\":31,\"samples\":3}}", ERR_SYNTAX },
		{ "{\"age\":0,\"samples\":1}", ERR_OK },
		{ "{\"age\":-1,\"samples\":3}", ERR_RANGE },
		{ "{\"age\":130,\"samples\":3}", ERR_RANGE },
		{ "{\"age\":31,\"samples\":0}", ERR_RANGE },
		{ "{\"age\":\"31\",\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":3.0}", ERR_SYNTAX },
		{ "{\"age\":31,\"samples\":3,\"x\":1}", ERR_SYNTAX },
		{ "{\"age\":31,\"age\":32,\"samples\":3}", ERR_SYNTAX },
		{ "{\"age\":31}", ERR_SYNTAX },
		{ "{\"age\":1e999,\"samples\":3}", ERR_SYNTAX },
		{ "[31,3]", ERR_SYNTAX },
		{ "31", ERR_SYNTAX },
		{ "", ERR_SYNTAX },
		{ "<html>", ERR_SYNTAX },
	};
	int64_t age = 0, samples = 0;

	for (size_t i = 0; i < countof(answers); i++)
		assert_int_equal(
		    estimate_read(answers[i].body, strlen(answers[i].body), &age, &samples),
		    answers[i].err);
	assert_int_equal(
	    estimate_read("{\"samples\":4,\"age\":24.99}", 25, &age, &samples), ERR_OK);
	assert_int_equal(age, 24);
	assert_int_equal(samples, 4);
	/* What is not read leaves everything as it was; a byte too many is no answer. */
	assert_int_equal(
	    estimate_read("{\"samples\":5,\"age\":31}\0", 24, &age, &samples), ERR_SYNTAX);
	assert_int_equal(age, 24);
	assert_int_equal(samples, 4);
}

static enum err settle(struct ctx *context, void *arg)
{
	return estimate_settle(context, arg);
}

static struct estimate_reply reply_of(long status, const char *body)
{
	return (struct estimate_reply){ .is_answered = status != 0,
		.status = status,
		.body = body,
		.body_len = strlen(body),
		.retry_after_s = -1 };
}

/* Claims the one estimate that waits, as the job does. */
static struct estimate_flow claimed(void)
{
	struct work_limits limits = { .max = 1, .per_lane = 1 };
	struct work *work = NULL;
	size_t count = 0;

	ctx.actor = (struct actor){ .kind = ACTOR_JOB };
	core_run("UPDATE work SET due_at = '2000-01-01', lease_until = NULL, lease_owner = NULL");
	assert_int_equal(
	    work_claim(&ctx, WORK_AGE_ESTIMATE, &limits, 60000, &work, &count), ERR_OK);
	assert_int_equal(count, 1);
	struct estimate_flow flow = { .work = work[0] };
	assert_int_equal(estimate_prepare(&ctx, &flow), ERR_OK);
	return flow;
}

/* One round of the job for it. */
static struct estimate_flow round_of(struct estimate_reply reply)
{
	struct actor actor = ctx.actor;
	struct estimate_flow flow = claimed();

	if (flow.step == ESTIMATE_SEND) {
		assert_int_equal(flow.body_len, AGES_PICTURE);
		assert_string_equal(flow.headers[0], "Content-Type: image/png");
		estimate_answered(&flow, &reply);
	}
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
	ctx.actor = actor;
	return flow;
}

static enum estimate_step estimate(long status, const char *body)
{
	return round_of(reply_of(status, body)).step;
}

static void test_estimates(void **state UNUSED)
{
	static const struct {
		const char *body;
		enum age_status status;
		int64_t age;
	} answers[] = {
		{ "{\"age\":25,\"samples\":3}", AGE_APPROVED, 25 },
		{ "{\"age\":25.0,\"samples\":3}", AGE_APPROVED, 25 },
		{ "{\"age\":24.999999,\"samples\":3}", AGE_PENDING, 24 },
		{ "{\"age\":14.0,\"samples\":3}", AGE_PENDING, 14 },
		{ "{\"age\":13.999999,\"samples\":3}", AGE_REJECTED, 13 },
		{ "{\"age\":0,\"samples\":3}", AGE_REJECTED, 0 },
		{ "{\"age\":24.9,\"samples\":9}", AGE_PENDING, 24 },
		{ "{\"age\":14,\"samples\":3}", AGE_PENDING, 14 },
		{ "{\"age\":13.9,\"samples\":3}", AGE_REJECTED, 13 },
		{ "{\"age\":40,\"samples\":2}", AGE_PENDING, 40 },
		{ "{\"age\":9,\"samples\":2}", AGE_PENDING, 9 },
	};
	char person[16];
	struct age age;

	ages_settings("age_estimator_url = http://127.0.0.1:1/\n");
	for (size_t i = 0; i < countof(answers); i++) {
		snprintf(person, sizeof(person), "p%zu", i);
		ages_submit(person, LEVEL_AGE_ONLY, NULL);
		estimate(200, answers[i].body);
		assert_int_equal(age_status_get(&ctx, person, &age), ERR_OK);
		assert_int_equal(age.status, answers[i].status);
		assert_int_equal(age.estimated_age, answers[i].age);
		assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	}
	assert_int_equal(ages_told("age.completed"), 5);
	assert_int_equal(ages_told("age.review"), 6);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM age_verification WHERE status = 'rejected' AND "
			"(cause <> 'too_young' OR cause IS NULL) AND decided_by = 'estimator'"),
	    0);
}

/* What was estimated, and why a person had to look, stays when the person has looked. */
static void test_reviewed(void **state UNUSED)
{
	struct age shown;

	ages_settings("age_estimator_url = http://127.0.0.1:1/\n");
	struct age age = ages_submit("p", LEVEL_AGE_ONLY, NULL);
	estimate(200, "{\"age\":20,\"samples\":3}");
	ages_review(age.id, AGE_APPROVED);
	assert_int_equal(age_status_get(&ctx, "p", &shown), ERR_OK);
	assert_true(shown.is_verified);
	assert_int_equal(shown.estimated_age, 20);
	assert_int_equal(cause_of(age.id), CAUSE_ESTIMATE_UNSURE);
}

static void test_estimator_fails(void **state UNUSED)
{
	ages_settings("age_estimator_url = http://127.0.0.1:1/\n");
	struct age age = ages_submit("p", LEVEL_AGE_ONLY, NULL);

	for (int i = 1; i < LIMIT_ESTIMATE_TRIES; i++) {
		assert_int_equal(estimate(i % 2 == 0 ? 503 : 0, ""), ESTIMATE_LATER);
		assert_int_equal(cause_of(age.id), CAUSE_NONE);
	}
	assert_int_equal(estimate(200, "<html>"), ESTIMATE_LATER);
	assert_int_equal(cause_of(age.id), CAUSE_ESTIMATOR_FAILED);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	age = ages_submit("q", LEVEL_AGE_ONLY, NULL);
	assert_int_equal(estimate(422, ""), ESTIMATE_REVIEW);
	assert_int_equal(cause_of(age.id), CAUSE_ESTIMATE_UNSURE);
	/* Erased in the meantime: the work goes, and nothing else happens. */
	age = ages_submit("r", LEVEL_AGE_ONLY, NULL);
	core_run("UPDATE age_verification SET status = 'rejected', waits_for = NULL "
		 "WHERE external_id = 'r'");
	assert_int_equal(estimate(200, "{\"age\":25,\"samples\":3}"), ESTIMATE_DROP);
	assert_int_equal(status_of("r"), AGE_REJECTED);
}

/* Whatever stands in them: only 200 is an answer. */
static void test_statuses(void **state UNUSED)
{
	static const struct {
		long status;
		enum estimate_step step;
	} statuses[] = {
		{ 400, ESTIMATE_REVIEW },
		{ 413, ESTIMATE_REVIEW },
		{ 415, ESTIMATE_REVIEW },
		{ 422, ESTIMATE_REVIEW },
		{ 201, ESTIMATE_LATER },
		{ 204, ESTIMATE_LATER },
		{ 302, ESTIMATE_LATER },
		{ 401, ESTIMATE_LATER },
		{ 403, ESTIMATE_LATER },
		{ 404, ESTIMATE_LATER },
		{ 429, ESTIMATE_LATER },
		{ 500, ESTIMATE_LATER },
	};

	for (size_t i = 0; i < countof(statuses); i++) {
		struct estimate_flow flow = { .age = DB_NULL };
		struct estimate_reply reply =
		    reply_of(statuses[i].status, "{\"age\":99,\"samples\":9}");
		estimate_answered(&flow, &reply);
		assert_int_equal(flow.step, statuses[i].step);
		assert_int_equal(flow.age, DB_NULL);
		assert_int_equal(flow.alert != NULL, flow.step == ESTIMATE_LATER);
	}
	/* Our token is the operator's to mend. */
	struct estimate_flow flow = { .age = DB_NULL };
	struct estimate_reply refused = reply_of(403, "");
	estimate_answered(&flow, &refused);
	assert_string_equal(flow.alert, "the age estimator refuses our token");
}

static int64_t due_in_s(void)
{
	return core_number("SELECT ROUND((UNIX_TIMESTAMP(MAX(due_at)) - UNIX_TIMESTAMP())) "
			   "FROM work");
}

/* It says when to come again, and is believed within bounds. */
static void test_retry_after(void **state UNUSED)
{
	struct estimate_reply reply = reply_of(429, "");

	core_run("SET time_zone = '+00:00'");
	ages_settings("age_estimator_url = http://127.0.0.1:1/\n");
	ages_submit("p", LEVEL_AGE_ONLY, NULL);
	estimate(503, "");
	assert_true(due_in_s() < 1000);
	reply.retry_after_s = 600;
	round_of(reply);
	assert_in_range(due_in_s(), 595, 665);
	reply.retry_after_s = INT32_MAX;
	round_of(reply);
	assert_in_range(due_in_s(), LIMIT_BACKOFF_MAX_MS / 1000 - 5, LIMIT_BACKOFF_MAX_MS / 900);
	assert_int_equal(core_number("SELECT failures FROM work"), 3);
}

/* Whose lease is over writes nothing; and one that was decided meanwhile stays as it is. */
static void test_settled_by_another(void **state UNUSED)
{
	struct actor actor = ctx.actor;
	struct estimate_reply reply = reply_of(200, "{\"age\":40,\"samples\":3}");

	ages_settings("age_estimator_url = http://127.0.0.1:1/\n");
	ages_submit("p", LEVEL_AGE_ONLY, NULL);
	struct estimate_flow late = claimed(), flow = claimed();
	estimate_answered(&late, &reply);
	assert_int_equal(tx_run(&ctx, settle, &late), ERR_STALE);
	ctx.actor = actor;
	assert_int_equal(status_of("p"), AGE_PENDING);
	core_run("UPDATE age_verification SET status = 'rejected', waits_for = NULL "
		 "WHERE external_id = 'p' AND status = 'pending'");
	estimate_answered(&flow, &reply);
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
	assert_false(flow.settled);
	assert_int_equal(status_of("p"), AGE_REJECTED);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(ages_told("age.completed"), 0);
}

/* What cannot be estimated at all is a reviewer's at once. */
static void test_cannot_be_estimated(void **state UNUSED)
{
	ages_settings("age_estimator_url = http://127.0.0.1:1/\n");
	struct age age = ages_submit("p", LEVEL_AGE_ONLY, NULL);
	core_run("UPDATE media SET file_key = NULL WHERE owner_id IS NOT NULL");
	assert_int_equal(estimate(200, ""), ESTIMATE_REVIEW);
	assert_int_equal(cause_of(age.id), CAUSE_ESTIMATOR_FAILED);
	age = ages_submit("q", LEVEL_AGE_ONLY, NULL);
	ages_settings("");
	assert_int_equal(estimate(200, ""), ESTIMATE_REVIEW);
	assert_int_equal(cause_of(age.id), CAUSE_NO_ESTIMATOR);
	assert_int_equal(ages_told("age.review"), 2);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_estimate_read),
		cmocka_unit_test_setup(test_estimates, ages_set_up),
		cmocka_unit_test_setup(test_reviewed, ages_set_up),
		cmocka_unit_test_setup(test_estimator_fails, ages_set_up),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test_setup(test_retry_after, ages_set_up),
		cmocka_unit_test_setup(test_settled_by_another, ages_set_up),
		cmocka_unit_test_setup(test_cannot_be_estimated, ages_set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ages_close();
	return failed;
}
