/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_flow.c: how a verification moves through its provider: what the next step is after every
 * answer, and above all that no answer, crash or late settle makes a second paid look-up. The
 * answers are given by hand; the driver's own reading of them is t_smile_answer.c. Run by
 * tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "provider_flow.h"
#include "stmt.h"
#include "tx.h"
#include "work.h"

#define LEASE_MS 60000
#define HOUR_MS INT64_C(3600000)

static struct flow flow;
static struct verification made;

static const struct provider_result approved = {
	.outcome = OUTCOME_APPROVED, .names = MATCH_EXACT, .dob = MATCH_EXACT
};

static enum err prepare(struct ctx *context, void *arg)
{
	return flow_prepare(context, arg);
}

static enum err settle(struct ctx *context, void *arg)
{
	return flow_settle(context, arg);
}

/* Claims the one piece of work of a kind that is due, into the global flow; false: none is. */
static bool claim(enum work_kind kind)
{
	struct work *work = NULL;
	size_t count = 0;

	assert_int_equal(work_claim(&ctx, kind, &(struct work_limits){ .max = 10, .per_lane = 10 },
			     LEASE_MS, &work, &count),
	    ERR_OK);
	if (count == 0)
		return false;
	assert_int_equal(count, 1);
	flow = (struct flow){ .work = work[0] };
	assert_int_equal(tx_run(&ctx, prepare, &flow), ERR_OK);
	return true;
}

static void answer(struct provider_answer said)
{
	flow.answer = said;
	if (flow.answer.retry_after_s == 0)
		flow.answer.retry_after_s = -1;
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
}

static enum ver_status status_now(void)
{
	struct verification now;

	assert_int_equal(verification_get(&ctx, made.id, &now), ERR_OK);
	return now.status;
}

static int64_t jobs(const char *state)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM provider_job WHERE state = '%s'", state);
	return core_number(sql);
}

static int64_t work_rows(const char *kind)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM work WHERE kind = '%s'", kind);
	return core_number(sql);
}

/* Makes everything that waits due now. */
static void hurry(void)
{
	core_run("UPDATE work SET due_at = '2020-01-01'");
	core_run("DELETE FROM lane");
}

static int set_up(void **state)
{
	core_set_up(state);
	core_run("DELETE FROM provider_job");
	core_settings("");
	made = core_verification(NULL, false, false);
	return 0;
}

static void test_submit_poll_decide(void **state UNUSED)
{
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_SUBMIT);
	assert_string_equal(flow.driver->name, "smile_v1");
	assert_string_equal(flow.request.url, "https://provider.example/v1/async_id_verification");
	assert_string_equal(flow.ask.applicant.first_name, "Amara");
	/* Written down before the first byte goes out. */
	assert_int_equal(jobs("sending"), 1);
	answer((struct provider_answer){ .kind = ANSWER_ACCEPTED });
	assert_int_equal(jobs("submitted"), 1);
	assert_int_equal(status_now(), VER_PENDING);
	assert_false(claim(WORK_PROVIDER_SUBMIT));
	assert_false(claim(WORK_PROVIDER_POLL));
	hurry();
	assert_true(claim(WORK_PROVIDER_POLL));
	assert_int_equal(flow.step, FLOW_POLL);
	assert_string_equal(flow.request.url, "https://provider.example/v1/job_status");
	answer((struct provider_answer){ .kind = ANSWER_FINAL, .result = approved });
	assert_int_equal(flow.decided.status, VER_APPROVED);
	assert_int_equal(status_now(), VER_APPROVED);
	assert_int_equal(jobs("done"), 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
}

/* A process that died between writing the try down and its answer: the next asks, never sends. */
static void test_after_a_crash_it_asks_first(void **state UNUSED)
{
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_SUBMIT);
	hurry();
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_POLL);
	assert_int_equal(flow.try, 1);
	/* The provider does not know it: sending that same job again is right. */
	answer((struct provider_answer){ .kind = ANSWER_UNKNOWN_JOB });
	assert_int_equal(jobs("absent"), 1);
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_SUBMIT);
	assert_int_equal(flow.try, 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM provider_job"), 1);
}

static void test_a_late_settle_is_refused(void **state UNUSED)
{
	struct flow late;

	assert_true(claim(WORK_PROVIDER_SUBMIT));
	late = flow;
	hurry();
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	late.answer = (struct provider_answer){
		.kind = ANSWER_FINAL, .retry_after_s = -1, .result = approved
	};
	assert_int_equal(tx_run(&ctx, settle, &late), ERR_STALE);
	assert_int_equal(status_now(), VER_PENDING);
	assert_int_equal(jobs("sending"), 1);
	/* Whoever holds the lease is not disturbed. */
	answer((struct provider_answer){ .kind = ANSWER_FINAL, .result = approved });
	assert_int_equal(status_now(), VER_APPROVED);
}

/* One row per failed answer to a submission: what is queued afterwards, and the try's state. */
static void test_failed_submissions(void **state UNUSED)
{
	static const struct {
		struct provider_answer answer;
		const char *kind;  /* of the work afterwards; "" none */
		const char *state; /* of the try */
		int64_t lanes;     /* stopped */
		enum ver_status status;
	} rows[] = {
		{ { .kind = ANSWER_EXISTS }, "provider_poll", "submitted", 0, VER_PENDING },
		{ { .kind = ANSWER_FAILED,
		      .fault = FAULT_UNAVAILABLE,
		      .safety = SAFETY_NOT_SUBMITTED },
		    "provider_submit", "absent", 0, VER_PENDING },
		{ { .kind = ANSWER_FAILED, .fault = FAULT_UNAVAILABLE, .safety = SAFETY_MAYBE },
		    "provider_poll", "sending", 0, VER_PENDING },
		{ { .kind = ANSWER_FAILED, .fault = FAULT_RATE, .safety = SAFETY_NOT_SUBMITTED },
		    "provider_submit", "absent", 0, VER_PENDING },
		{ { .kind = ANSWER_FAILED, .fault = FAULT_AUTH, .safety = SAFETY_NOT_SUBMITTED },
		    "provider_submit", "absent", 1, VER_PENDING },
		{ { .kind = ANSWER_FAILED, .fault = FAULT_CONFIG, .safety = SAFETY_NOT_SUBMITTED },
		    "provider_submit", "absent", 1, VER_PENDING },
		{ { .kind = ANSWER_FAILED, .fault = FAULT_INPUT, .safety = SAFETY_NOT_SUBMITTED },
		    "", "done", 0, VER_ERROR },
		{ { .kind = ANSWER_FAILED, .fault = FAULT_UNKNOWN, .safety = SAFETY_SUBMITTED }, "",
		    "done", 0, VER_ERROR },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		assert_true(claim(WORK_PROVIDER_SUBMIT));
		answer(rows[i].answer);
		assert_int_equal(status_now(), rows[i].status);
		assert_int_equal(jobs(rows[i].state), 1);
		assert_int_equal(core_number("SELECT COUNT(*) FROM lane"), rows[i].lanes);
		if (rows[i].kind[0] == '\0')
			assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
		else
			assert_int_equal(work_rows(rows[i].kind), 1);
		set_up(NULL);
	}
}

/* Nobody may be asked while the lane stands; then it goes on where it was. */
static void test_a_stopped_lane(void **state UNUSED)
{
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	answer((struct provider_answer){
	    .kind = ANSWER_FAILED, .fault = FAULT_AUTH, .safety = SAFETY_NOT_SUBMITTED });
	assert_non_null(strstr(flow.alert, "refused our credentials"));
	core_run("UPDATE work SET due_at = '2020-01-01'");
	assert_false(claim(WORK_PROVIDER_SUBMIT));
	hurry();
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_SUBMIT);
	assert_int_equal(flow.try, 1);
}

/* "Database unavailable": a new paid look-up is right, but not at once, and not without end. */
static void test_a_register_that_is_down(void **state UNUSED)
{
	core_settings("smile_retry_min_s = 100\nsmile_retry_max_s = 200\n");
	for (int64_t try = 1; try <= 12; try++) {
		assert_true(claim(WORK_PROVIDER_SUBMIT));
		assert_int_equal(flow.step, FLOW_SUBMIT);
		assert_int_equal(flow.try, try);
		int64_t before_ms = clock_now_ms();
		answer((struct provider_answer){
		    .kind = ANSWER_FINAL, .result = { .outcome = OUTCOME_RETRY } });
		assert_int_equal(jobs("failed"), try);
		int64_t due_s = core_number("SELECT UNIX_TIMESTAMP(CONVERT_TZ(due_at, '+00:00', "
					    "@@session.time_zone)) FROM work");
		assert_in_range(due_s, before_ms / 1000 + 99, before_ms / 1000 + 205);
		hurry();
	}
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_ANSWER);
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
	assert_int_equal(status_now(), VER_ERROR);
	assert_int_equal(flow.decided.reason, REASON_GAVE_UP);
	assert_int_equal(core_number("SELECT COUNT(*) FROM provider_job"), 12);
}

static void test_a_product_that_is_not_activated(void **state UNUSED)
{
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	answer((struct provider_answer){
	    .kind = ANSWER_FINAL, .result = { .outcome = OUTCOME_CONFIG } });
	assert_int_equal(status_now(), VER_PENDING);
	assert_int_equal(core_number("SELECT COUNT(*) FROM lane"), 1);
	assert_int_equal(jobs("failed"), 1);
	hurry();
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.try, 2);
}

static void test_pending_is_asked_again_later(void **state UNUSED)
{
	int64_t last_ms = 0;

	assert_true(claim(WORK_PROVIDER_SUBMIT));
	answer((struct provider_answer){ .kind = ANSWER_ACCEPTED });
	for (int i = 0; i < 4; i++) {
		struct row_work_next_lane row;

		hurry();
		assert_true(claim(WORK_PROVIDER_POLL));
		int64_t now_ms = clock_now_ms();
		answer((struct provider_answer){ .kind = ANSWER_PENDING });
		assert_int_equal(
		    q_work_next_lane(ctx.db, ctx.arena, "provider_poll", "", &row), ERR_OK);
		assert_true(row.first_due_at - now_ms > last_ms);
		last_ms = row.first_due_at - now_ms;
	}
	assert_int_equal(core_number("SELECT COUNT(*) FROM provider_job"), 1);
}

static void test_giving_up_after_a_day(void **state UNUSED)
{
	clock_set(made.created_at_ms + 24 * HOUR_MS + 1000);
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_ANSWER);
	assert_true(flow.gave_up);
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
	assert_int_equal(status_now(), VER_ERROR);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
}

/* Erased while its look-up was under way: the answer comes to nothing, and so does the work. */
static void test_erased_meanwhile(void **state UNUSED)
{
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(verification_erase(&ctx, made.id), ERR_OK);
	flow.answer = (struct provider_answer){
		.kind = ANSWER_FINAL, .retry_after_s = -1, .result = approved
	};
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_STALE);
	assert_int_equal(status_now(), VER_ERROR);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
}

/* What an operator must mend first is kept, and said, and begins no try. */
static void test_what_cannot_be_asked_now(void **state UNUSED)
{
	core_run("DELETE FROM id_type WHERE country = 'SN'");
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_LATER);
	assert_int_equal(flow.problem, ERR_CONFIG);
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
	assert_int_equal(work_rows("provider_submit"), 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM provider_job"), 0);
	core_run("INSERT INTO id_type SELECT 'SN', 'national_id', '[0-9]{13,14}', provider, 'SN', "
		 "'NATIONAL_ID', '', 90, loaded_at FROM id_type WHERE id_type = 'nin'");
	hurry();
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_SUBMIT);
}

/* The sandbox's own driver answers without dialling anybody. */
static void test_the_sandbox(void **state UNUSED)
{
	core_run("DELETE FROM work");
	core_act(ctx.actor.application_id, ENV_SANDBOX);
	made = core_verification(NULL, false, false);
	hurry();
	assert_true(claim(WORK_PROVIDER_SUBMIT));
	assert_int_equal(flow.step, FLOW_ANSWER);
	assert_string_equal(flow.driver->name, "sandbox");
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_submit_poll_decide, set_up),
		cmocka_unit_test_setup(test_after_a_crash_it_asks_first, set_up),
		cmocka_unit_test_setup(test_a_late_settle_is_refused, set_up),
		cmocka_unit_test_setup(test_failed_submissions, set_up),
		cmocka_unit_test_setup(test_a_stopped_lane, set_up),
		cmocka_unit_test_setup(test_a_register_that_is_down, set_up),
		cmocka_unit_test_setup(test_a_product_that_is_not_activated, set_up),
		cmocka_unit_test_setup(test_pending_is_asked_again_later, set_up),
		cmocka_unit_test_setup(test_giving_up_after_a_day, set_up),
		cmocka_unit_test_setup(test_erased_meanwhile, set_up),
		cmocka_unit_test_setup(test_what_cannot_be_asked_now, set_up),
		cmocka_unit_test_setup(test_the_sandbox, set_up),
	};
	int failed;

	if (!core_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
