/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_session_flow.c: from one status of a session to the next: by what the provider found, by hand, by
 * time; what everybody was told of it, exactly once; and the figures against a recount. Run by
 * tests/lib/with-mariadb.
 */
#include "base.h"
#include "sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "crypt.h"
#include "id.h"
#include "limits.h"
#include "provider_flow.h"
#include "str.h"
#include "tx.h"
#include "work.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)
#define ATTEMPT_OK "verification.attempt.succeeded"
#define ATTEMPT_BAD "verification.attempt.failed"
#define EXPIRED "verification.session.expired"
#define CANCELLED "verification.session.cancelled"

static const struct decision in_error = { .status = VER_ERROR,
	.reason = REASON_GAVE_UP,
	.match_name = DB_NULL,
	.match_dob = MATCH_UNKNOWN };

static const char *member(const json_t *body, const char *object, const char *name)
{
	return json_get_text(json_object_get(body, object), name);
}

static void expect(struct uuid id, enum session_status status)
{
	struct session session = sessions_get(id);

	assert_string_equal(session.status_word, session_status_word(status));
	assert_string_equal(session.phase_word, session_phase_word(session_phase_of(status)));
	assert_int_equal(session.completed_at_ms == TIME_NONE, session_is_open(status));
}

static const struct session_attempt *last_attempt(const struct session *session)
{
	assert_true(session->attempts_read > 0);
	return &session->attempts[session->attempts_read - 1];
}

/* ---- by the provider ------------------------------------------------------------------------------- */

static void test_success(void **state UNUSED)
{
	struct session made =
	    sessions_make(VIA_SESSION, "{\"family_name\":{\"required\":true,\"reason\":\"r\"},"
				       "\"given_names\":{\"required\":false,\"reason\":\"r\"}}");
	char session_id[ID_TEXT_SIZE], attempt_id[ID_TEXT_SIZE];

	sessions_submit(made.id, "given_names");
	expect(made.id, SESSION_SUBMITTED);
	assert_int_equal(sessions_get(made.id).attempts[0].status, TRY_IN_PROGRESS);
	sessions_decide(made.id, sessions_approved);
	expect(made.id, SESSION_VERIFIED);
	struct session done = sessions_get(made.id);
	const struct session_attempt *attempt = last_attempt(&done);
	assert_int_equal(attempt->status, TRY_SUCCEEDED);
	assert_null(attempt->failure_code);
	assert_int_equal(attempt->risk_percent, 3);
	assert_true(attempt->completed_at_ms != TIME_NONE);
	/* reference/kayle.md section 5.3, generation A, member by member. */
	json_t *body = sessions_event(ATTEMPT_OK);
	id_text(ID_SESSION, made.id, session_id);
	id_text(ID_SESSION_ATTEMPT, attempt->id, attempt_id);
	assert_string_equal(json_get_text(body, "type"), ATTEMPT_OK);
	assert_string_equal(member(body, "metadata", "verification_session_id"), session_id);
	assert_string_equal(member(body, "metadata", "verification_attempt_id"), attempt_id);
	const json_t *claims = json_object_get(json_object_get(body, "data"), "claims");
	assert_string_equal(json_get_text(claims, "family_name"), "DIALLO-ÑGOM");
	assert_true(json_is_null(json_object_get(claims, "given_names")));
	assert_int_equal(json_object_size(claims), 3);
	json_decref(body);
	assert_int_equal(sessions_told(ATTEMPT_OK), 1);
	assert_int_equal(sessions_told("verification.completed"), 0);
	/* In the database it is sealed. */
	assert_int_equal(core_number("SELECT COUNT(*) FROM event WHERE body LIKE '%DIALLO%'"), 0);
}

/* The built-in provider decides by the number, through the queue that everything goes through. */
static enum err prepare(struct ctx *context, void *arg)
{
	return flow_prepare(context, arg);
}

static enum err settle(struct ctx *context, void *arg)
{
	return flow_settle(context, arg);
}

static void run_queue(void)
{
	struct actor actor = ctx.actor;
	struct work *work = NULL;
	size_t count = 0;

	ctx.actor = (struct actor){ .kind = ACTOR_JOB };
	assert_int_equal(
	    work_claim(&ctx, WORK_PROVIDER_SUBMIT,
		&(struct work_limits){ .max = 10, .per_lane = 10 }, 60000, &work, &count),
	    ERR_OK);
	assert_int_equal(count, 1);
	struct flow flow = { .work = work[0] };
	assert_int_equal(tx_run(&ctx, prepare, &flow), ERR_OK);
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
	ctx.actor = actor;
}

static void test_sandbox_provider(void **state UNUSED)
{
	core_act(ctx.actor.application_id, ENV_SANDBOX);
	struct session good = sessions_make(VIA_SESSION, NULL);
	struct session bad = sessions_make(VIA_PLAIN, NULL);

	assert_int_equal(
	    sessions_submit_as(good.id, "nonce-of-the-good", "1234567890123", NULL), ERR_OK);
	run_queue();
	expect(good.id, SESSION_VERIFIED);
	assert_int_equal(
	    sessions_submit_as(bad.id, "nonce-of-the-bad-1", "1000000000001", NULL), ERR_OK);
	run_queue();
	expect(bad.id, SESSION_PENDING);
	assert_string_equal(
	    sessions_get(bad.id).attempts[0].failure_code, "document_authenticity_failed");
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
}

static void test_three_failures(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);

	for (int i = 1; i <= 3; i++) {
		sessions_submit(made.id, NULL);
		sessions_decide(made.id, sessions_declined(REASON_NOT_FOUND));
		struct session now = sessions_get(made.id);
		assert_int_equal(now.failed_count, i);
		assert_int_equal(sessions_told(ATTEMPT_BAD), i);
		expect(made.id, i < 3 ? SESSION_PENDING : SESSION_FAILED);
		assert_int_equal(last_attempt(&now)->status, TRY_FAILED);
		assert_int_equal(last_attempt(&now)->risk_percent, 100);
	}
	json_t *body = sessions_event(ATTEMPT_BAD);
	assert_string_equal(member(body, "data", "failure_code"), "document_authenticity_failed");
	assert_int_equal(json_object_size(json_object_get(body, "data")), 1);
	json_decref(body);
	assert_int_equal(sessions_submit_as(made.id, "nonce-of-the-fourth", "1234567890123", NULL),
	    ERR_SESSION_NOT_ACTIVE);
	assert_int_equal(sessions_told(EXPIRED) + sessions_told(CANCELLED), 0);
}

/* Our trouble, or the provider's, is not the person's; but a look-up costs, so not for ever. */
static void test_errors_do_not_count(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);

	for (int i = 1; i <= LIMIT_SESSION_ATTEMPTS; i++) {
		sessions_submit(made.id, NULL);
		sessions_decide(made.id, in_error);
		struct session now = sessions_get(made.id);
		assert_int_equal(now.failed_count, 0);
		assert_int_equal(now.attempt_count, i);
		assert_string_equal(last_attempt(&now)->failure_code, "document_data_invalid");
		assert_int_equal(last_attempt(&now)->risk_percent, 0);
		expect(made.id, i < LIMIT_SESSION_ATTEMPTS ? SESSION_PENDING : SESSION_FAILED);
	}
	assert_int_equal(sessions_told(ATTEMPT_BAD), LIMIT_SESSION_ATTEMPTS);
}

static void test_failure_codes(void **state UNUSED)
{
	static const struct {
		enum ver_reason reason;
		const char *code;
	} rows[] = {
		{ REASON_MISMATCH, "document_data_invalid" },
		{ REASON_REVIEW, "document_data_invalid" },
		{ REASON_NOT_FOUND, "document_authenticity_failed" },
		{ REASON_BAD_NUMBER, "document_authenticity_failed" },
		{ REASON_REJECTED, "document_authenticity_failed" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct session made = sessions_make(VIA_SESSION, NULL);
		struct decision decision = sessions_declined(rows[i].reason);
		decision.match_name = 40;
		sessions_submit(made.id, NULL);
		sessions_decide(made.id, decision);
		struct session now = sessions_get(made.id);
		assert_string_equal(last_attempt(&now)->failure_code, rows[i].code);
		assert_int_equal(last_attempt(&now)->risk_percent, 60);
	}
}

/* Approved, but not for what the business insists on. */
static void test_required_claim_not_verified(void **state UNUSED)
{
	struct session made =
	    sessions_make(VIA_SESSION, "{\"date_of_birth\":{\"required\":true,\"reason\":\"r\"}}");
	struct decision unsure = sessions_approved;

	unsure.match_dob = MATCH_NOT_PROVIDED;
	sessions_submit(made.id, NULL);
	sessions_decide(made.id, unsure);
	expect(made.id, SESSION_PENDING);
	struct session now = sessions_get(made.id);
	assert_int_equal(now.failed_count, 1);
	assert_string_equal(last_attempt(&now)->failure_code, "document_data_invalid");
	assert_int_equal(sessions_told(ATTEMPT_OK), 0);
	assert_int_equal(sessions_told(ATTEMPT_BAD), 1);
	sessions_submit(made.id, NULL);
	sessions_decide(made.id, sessions_approved);
	expect(made.id, SESSION_VERIFIED);
}

static struct session made_for_age(enum session_family family, int age)
{
	struct session_new input = sessions_new(family);
	struct complaint fault;
	struct complaint_list complaints = { .items = &fault, .max = 1 };
	struct workflow workflow;
	struct session session;
	json_t *steps =
	    json_pack("[{s:s, s:{s:i}}]", "id", "ID_VERIFICATION", "config", "minimum_age", age);

	assert_int_equal(workflow_create(&ctx, "Age", steps, &complaints, &workflow), ERR_OK);
	json_decref(steps);
	input.workflow_id = workflow.id;
	assert_int_equal(session_create(&ctx, &input, &session, &sessions_cancel_token), ERR_OK);
	return session;
}

static void test_minimum_age(void **state UNUSED)
{
	struct decision unsure = sessions_approved;

	clock_set(INT64_C(1777629000000)); /* 2026-05-01: born 1990-05-15 is 35 */
	unsure.match_dob = MATCH_UNKNOWN;
	struct session old = made_for_age(VIA_PLAIN, 35);
	sessions_submit(old.id, NULL);
	sessions_decide(old.id, sessions_approved);
	expect(old.id, SESSION_VERIFIED);
	struct session young = made_for_age(VIA_PLAIN, 36);
	sessions_submit(young.id, NULL);
	sessions_decide(young.id, sessions_approved);
	expect(young.id, SESSION_REJECTED);
	assert_int_equal(sessions_told("session.status.rejected"), 1);
	/* Not known is not too young: the person may show something better. */
	struct session unknown = made_for_age(VIA_SESSION, 18);
	sessions_submit(unknown.id, NULL);
	sessions_decide(unknown.id, unsure);
	expect(unknown.id, SESSION_PENDING);
	struct session minor = made_for_age(VIA_SESSION, 36);
	sessions_submit(minor.id, NULL);
	sessions_decide(minor.id, sessions_approved);
	expect(minor.id, SESSION_REJECTED);
	assert_int_equal(sessions_told(ATTEMPT_OK), 0);
	assert_int_equal(sessions_told(ATTEMPT_BAD), 2);
}

/* The plain family is told of statuses, with the record as it then is. */
static void test_plain_events(void **state UNUSED)
{
	struct session made = sessions_make(VIA_PLAIN, NULL);
	char id[ID_TEXT_SIZE];

	assert_int_equal(sessions_told("session.created"), 1);
	sessions_submit(made.id, NULL);
	json_t *body = sessions_event("session.status.submitted");
	id_text(ID_UUID, made.id, id);
	assert_string_equal(json_get_text(body, "event"), "session.status.submitted");
	assert_string_equal(member(body, "data", "id"), id);
	assert_string_equal(member(body, "data", "status"), "SUBMITTED");
	assert_string_equal(member(body, "data", "session_progress"), "COMPLETED");
	json_decref(body);
	sessions_decide(made.id, sessions_declined(REASON_MISMATCH));
	expect(made.id, SESSION_PENDING);
	sessions_submit(made.id, NULL);
	sessions_decide(made.id, sessions_approved);
	body = sessions_event("session.status.verified");
	assert_string_equal(member(body, "data", "status"), "VERIFIED");
	const json_t *meta = json_object_get(json_object_get(body, "data"), "meta_data");
	const json_t *failures = json_object_get(meta, "failureData");
	assert_int_equal(json_integer_value(json_object_get(failures, "failedAttempts")), 1);
	assert_int_equal(json_array_size(json_object_get(failures, "attempts")), 1);
	json_decref(body);
	assert_int_equal(sessions_told("session.created"), 1);
	assert_int_equal(sessions_told("session.status.submitted"), 2);
	assert_int_equal(sessions_told(ATTEMPT_OK) + sessions_told(ATTEMPT_BAD), 0);
	struct session failing = sessions_make(VIA_PLAIN, NULL);
	for (int i = 0; i < 3; i++) {
		sessions_submit(failing.id, NULL);
		sessions_decide(failing.id, sessions_declined(REASON_MISMATCH));
	}
	assert_int_equal(sessions_told("session.status.failed"), 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM event WHERE body LIKE '%Diallo%'"), 0);
}

/* A decision after the end changes nothing, and is no error. */
static void test_late_decisions(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);
	struct uuid verification;

	sessions_submit(made.id, NULL);
	verification = sessions_get(made.id).attempts[0].verification_id;
	assert_int_equal(session_cancel(&ctx, made.id, NULL), ERR_OK);
	assert_int_equal(
	    session_attempt_decided(&ctx, made.application_id, verification, &sessions_approved),
	    ERR_OK);
	expect(made.id, SESSION_VOIDED);
	assert_int_equal(sessions_told(ATTEMPT_OK), 0);
	assert_int_equal(
	    session_attempt_decided(&ctx, made.application_id, made.id, &sessions_approved),
	    ERR_OK);
}

/* ---- by hand --------------------------------------------------------------------------------------- */

static void test_cancel(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);
	bool changed = false;

	sessions_submit(made.id, NULL);
	assert_int_equal(session_cancel(&ctx, made.id, &changed), ERR_OK);
	assert_true(changed);
	expect(made.id, SESSION_VOIDED);
	struct session now = sessions_get(made.id);
	assert_int_equal(last_attempt(&now)->status, TRY_FAILED);
	assert_string_equal(last_attempt(&now)->failure_code, "session_cancelled");
	assert_int_equal(session_cancel(&ctx, made.id, &changed), ERR_OK);
	assert_false(changed);
	assert_int_equal(sessions_told(CANCELLED), 1);
	assert_int_equal(sessions_told(ATTEMPT_BAD), 0);
	json_t *body = sessions_event(CANCELLED);
	assert_int_equal(json_object_size(json_object_get(body, "data")), 0);
	assert_null(member(body, "metadata", "verification_attempt_id"));
	json_decref(body);
	assert_int_equal(
	    session_cancel(&ctx, ctx.actor.application_id, NULL), ERR_SESSION_NOT_FOUND);
}

/* Many at once, each on a connection of its own: one of them does it. */
static void test_cancel_race(void **state UNUSED)
{
	enum { CHILDREN = 8, TIMES = 5 };
	struct session made[TIMES];
	pid_t pids[CHILDREN];
	int winners = 0;

	for (int i = 0; i < TIMES; i++)
		made[i] = sessions_make(VIA_SESSION, NULL);
	for (int p = 0; p < CHILDREN; p++) {
		pids[p] = fork();
		assert_true(pids[p] >= 0);
		if (pids[p] > 0)
			continue;
		int won = 0;
		ctx.db = core_db();
		for (int i = 0; i < TIMES; i++) {
			bool changed = false;
			if (session_cancel(&ctx, made[i].id, &changed) != ERR_OK)
				_exit(100);
			won += changed;
		}
		_exit(won);
	}
	for (int p = 0; p < CHILDREN; p++) {
		int status = 0;
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_true(WIFEXITED(status));
		winners += WEXITSTATUS(status);
	}
	assert_int_equal(winners, TIMES);
	assert_int_equal(sessions_told(CANCELLED), TIMES);
}

static enum err set(struct uuid id, enum session_status to)
{
	struct session session;
	enum err err = session_set_status(&ctx, id, to, &session);

	if (err == ERR_OK)
		assert_int_equal(session.status, to);
	return err;
}

static void test_set_status(void **state UNUSED)
{
	struct session made = sessions_make(VIA_PLAIN, NULL);

	assert_int_equal(set(made.id, SESSION_VERIFIED), ERR_SESSION_MOVE);
	assert_int_equal(set(made.id, SESSION_REJECTED), ERR_SESSION_MOVE);
	expect(made.id, SESSION_PENDING);
	sessions_submit(made.id, NULL);
	assert_int_equal(set(made.id, SESSION_PENDING), ERR_SESSION_MOVE);
	assert_int_equal(set(made.id, SESSION_VOIDED), ERR_SESSION_MOVE);
	assert_int_equal(set(made.id, SESSION_REJECTED), ERR_OK);
	struct session now = sessions_get(made.id);
	assert_int_equal(last_attempt(&now)->status, TRY_CANCELLED);
	assert_null(last_attempt(&now)->failure_code);
	assert_int_equal(set(made.id, SESSION_REJECTED), ERR_OK);
	assert_int_equal(sessions_told("session.status.rejected"), 1);
	assert_int_equal(set(made.id, SESSION_VERIFIED), ERR_OK);
	assert_int_equal(set(made.id, SESSION_REJECTED), ERR_OK);
	assert_int_equal(sessions_told("session.status.rejected"), 2);
	assert_int_equal(sessions_told("session.status.verified"), 1);
	struct session gone = sessions_make(VIA_PLAIN, NULL);
	assert_int_equal(session_cancel(&ctx, gone.id, NULL), ERR_OK);
	assert_int_equal(set(gone.id, SESSION_VERIFIED), ERR_SESSION_MOVE);
	expect(gone.id, SESSION_VOIDED);
}

/* ---- by time --------------------------------------------------------------------------------------- */

static void test_expires_when_touched(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);

	sessions_submit(made.id, NULL);
	clock_set(made.expires_at_ms - 1);
	expect(made.id, SESSION_SUBMITTED);
	clock_set(made.expires_at_ms);
	expect(made.id, SESSION_EXPIRED);
	struct session now = sessions_get(made.id);
	assert_int_equal(last_attempt(&now)->status, TRY_FAILED);
	assert_string_equal(last_attempt(&now)->failure_code, "session_expired");
	assert_int_equal(sessions_told(EXPIRED), 1);
	assert_int_equal(sessions_told(ATTEMPT_BAD), 0);
	bool changed = true;
	assert_int_equal(session_cancel(&ctx, made.id, &changed), ERR_OK);
	assert_false(changed);
	assert_int_equal(set(made.id, SESSION_VERIFIED), ERR_SESSION_MOVE);
	uint64_t expired = 9;
	assert_int_equal(session_expire(&ctx, 10, &expired), ERR_OK);
	assert_int_equal(expired, 0);
	assert_int_equal(sessions_told(EXPIRED), 1);
}

/* What is refused because it came too late leaves the session expired, not as it was. */
static void test_expires_when_refused(void **state UNUSED)
{
	struct session one = sessions_make(VIA_SESSION, NULL),
		       two = sessions_make(VIA_SESSION, NULL);
	const char *expired = "SELECT COUNT(*) FROM session WHERE status = 'expired' AND "
			      "open_until IS NULL AND completed_at IS NOT NULL";
	int64_t before = core_number(expired);

	clock_set(two.expires_at_ms + 5);
	assert_int_equal(sessions_submit_as(one.id, "nonce-that-is-late", "1234567890123", NULL),
	    ERR_SESSION_EXPIRED);
	assert_int_equal(core_number(expired), before + 1);
	assert_int_equal(set(two.id, SESSION_REJECTED), ERR_SESSION_MOVE);
	assert_int_equal(core_number(expired), before + 2);
	assert_int_equal(sessions_told(EXPIRED), 2);
}

/* A decision that comes after the time is none. */
static void test_decided_too_late(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);

	sessions_submit(made.id, NULL);
	struct session held = sessions_get(made.id);
	clock_set(made.expires_at_ms + 1);
	assert_int_equal(session_attempt_decided(&ctx, made.application_id,
			     held.attempts[0].verification_id, &sessions_approved),
	    ERR_OK);
	expect(made.id, SESSION_EXPIRED);
	assert_int_equal(sessions_told(ATTEMPT_OK), 0);
	assert_int_equal(sessions_told(EXPIRED), 1);
}

static void test_expires_by_the_batch(void **state UNUSED)
{
	struct session made[5], later;
	struct actor actor = ctx.actor;
	uint64_t expired = 0;

	for (size_t i = 0; i < countof(made); i++)
		made[i] = sessions_make(VIA_SESSION, NULL);
	later = sessions_make(VIA_PLAIN, NULL);
	clock_set(made[4].expires_at_ms + MINUTE_MS);
	ctx.actor = (struct actor){ .kind = ACTOR_JOB };
	assert_int_equal(session_expire(&ctx, 3, &expired), ERR_OK);
	assert_int_equal(expired, 3);
	assert_int_equal(session_expire(&ctx, 3, &expired), ERR_OK);
	assert_int_equal(expired, 2);
	assert_int_equal(session_expire(&ctx, 3, &expired), ERR_OK);
	assert_int_equal(expired, 0);
	ctx.actor = actor;
	assert_int_equal(sessions_told(EXPIRED), 5);
	for (size_t i = 0; i < countof(made); i++)
		expect(made[i].id, SESSION_EXPIRED);
	expect(later.id, SESSION_PENDING);
}

/* ---- figures --------------------------------------------------------------------------------------- */

static int64_t recount(const char *words, const char *since, const char *now)
{
	char app[33], sql[512];

	hex_encode(ctx.actor.application_id.b, 16, app);
	snprintf(sql, sizeof(sql),
	    "SELECT COUNT(*) FROM session WHERE application_id = UNHEX('%s') AND "
	    "FIND_IN_SET(IF(open_until <= '%s', 'expired', status), '%s') "
	    "AND created_at >= '%s'",
	    app, now, words, since);
	return core_number(sql);
}

static void compare(const struct session_figures *figures, const char *since, const char *now)
{
	assert_int_equal(figures->active, recount("pending,submitted", since, now));
	assert_int_equal(figures->success, recount("verified", since, now));
	assert_int_equal(figures->failure, recount("rejected,failed", since, now));
	assert_int_equal(figures->expired, recount("expired", since, now));
	assert_int_equal(figures->cancelled, recount("voided", since, now));
	assert_int_equal(figures->total, figures->active + figures->success + figures->failure +
					     figures->expired + figures->cancelled);
}

/* Anything that can happen to a session, at random; what its status does not allow is refused. */
static void happen(struct uuid id)
{
	struct session now = sessions_get(id);
	enum err err = ERR_OK;
	uint32_t what = 0;

	assert_int_equal(random_below(6, &what), ERR_OK);
	if (what == 0)
		err = session_cancel(&ctx, id, NULL);
	else if (what < 3)
		err = set(id, what == 1 ? SESSION_VERIFIED : SESSION_REJECTED);
	else if (now.status == SESSION_PENDING)
		sessions_submit(id, NULL);
	else if (now.status == SESSION_SUBMITTED)
		sessions_decide(
		    id, what == 3 ? sessions_declined(REASON_MISMATCH) : sessions_approved);
	assert_true(err == ERR_OK || err == ERR_SESSION_MOVE);
}

/* Sixteen days of them, moved at random: the figures are those of a recount, of the sandbox's too. */
static void test_overview(void **state UNUSED)
{
	int64_t today_ms = INT64_C(1777629000000);
	struct session_overview overview;
	struct session made[48];
	char now[TIME_TEXT_SIZE], since[TIME_TEXT_SIZE];

	for (size_t i = 0; i < countof(made); i++) {
		clock_set(today_ms - (int64_t)(i % 16) * DAY_MS);
		ctx.slot = (unsigned)i % 3;
		core_act(ctx.actor.application_id, i % 5 == 0 ? ENV_SANDBOX : ENV_LIVE);
		made[i] = sessions_make(i % 2 == 0 ? VIA_SESSION : VIA_PLAIN, NULL);
		for (size_t j = 0; j < i % 7; j++)
			happen(made[i].id);
	}
	core_act(ctx.actor.application_id, ENV_LIVE);
	clock_set(today_ms);
	time_text_sql(today_ms, now);
	assert_int_equal(session_overview(&ctx, &overview), ERR_OK);
	compare(&overview.summary, "2000-01-01", now);
	assert_int_equal(overview.summary.total, countof(made));
	assert_string_equal(overview.days[13].date, "2026-05-01");
	assert_string_equal(overview.days[0].date, "2026-04-18");
	struct session_figures sum = { .total = 0 };
	for (size_t i = 0; i < SESSION_TREND_DAYS; i++) {
		const struct session_figures *day = &overview.days[i].made;
		assert_int_equal(day->total, 3);
		sum.total += day->total;
		sum.success += day->success;
		sum.expired += day->expired;
		assert_int_equal(overview.days[i].running.total, sum.total);
		assert_int_equal(overview.days[i].running.success, sum.success);
		assert_int_equal(overview.days[i].running.expired, sum.expired);
	}
	snprintf(since, sizeof(since), "%s", overview.days[0].date);
	compare(&overview.days[13].running, since, now);
	compare(&overview.days[13].made, "2026-05-01", now);
	core_act(ctx.actor.application_id, ENV_SANDBOX);
	assert_int_equal(session_overview(&ctx, &overview), ERR_OK);
	assert_int_equal(overview.summary.total, (countof(made) + 4) / 5);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(session_overview(&ctx, &overview), ERR_OK);
	assert_int_equal(overview.summary.total, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_success, sessions_set_up),
		cmocka_unit_test_setup(test_sandbox_provider, sessions_set_up),
		cmocka_unit_test_setup(test_three_failures, sessions_set_up),
		cmocka_unit_test_setup(test_errors_do_not_count, sessions_set_up),
		cmocka_unit_test_setup(test_failure_codes, sessions_set_up),
		cmocka_unit_test_setup(test_required_claim_not_verified, sessions_set_up),
		cmocka_unit_test_setup(test_minimum_age, sessions_set_up),
		cmocka_unit_test_setup(test_plain_events, sessions_set_up),
		cmocka_unit_test_setup(test_late_decisions, sessions_set_up),
		cmocka_unit_test_setup(test_cancel, sessions_set_up),
		cmocka_unit_test_setup(test_cancel_race, sessions_set_up),
		cmocka_unit_test_setup(test_set_status, sessions_set_up),
		cmocka_unit_test_setup(test_expires_when_touched, sessions_set_up),
		cmocka_unit_test_setup(test_expires_when_refused, sessions_set_up),
		cmocka_unit_test_setup(test_decided_too_late, sessions_set_up),
		cmocka_unit_test_setup(test_expires_by_the_batch, sessions_set_up),
		cmocka_unit_test_setup(test_overview, sessions_set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
