/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_delivery.c: how a delivery moves: the schedule to its end with a clock that is set, what every
 * answer leads to, disabling and holding, leases, the cap and the pace of a lane. Answers are given
 * by hand; real receivers are in tests/system. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "delivery.h"
#include "delivery_flow.h"
#include "tx.h"
#include "webhook.h"
#include "work.h"

#define HOUR_S 3600
#define DAY_MS INT64_C(86400000)

static const int64_t schedule_s[] = { 0, 5, 300, 1800, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S,
	14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S };

static struct uuid tenant;
static struct delivery_flow flow;

struct making {
	struct webhook_new input;
	struct row_webhook_get row;
	const char *secret;
};

static enum err make_tx(struct ctx *context, void *arg)
{
	struct making *making = arg;

	return webhook_create(context, &making->input, &making->row, &making->secret);
}

static struct making make(const char *events, int64_t rate_per_s)
{
	struct making making = { .input = { .surface = SURFACE_KYC,
				     .url = "https://receiver.example/hook",
				     .events = events,
				     .enabled = true,
				     .rate_per_s = rate_per_s } };

	assert_int_equal(tx_run(&ctx, make_tx, &making), ERR_OK);
	return making;
}

static int set_up(void **state)
{
	core_set_up(state);
	core_settings("");
	core_run("DELETE FROM delivery_attempt");
	core_run("DELETE FROM delivery");
	core_run("DELETE FROM event");
	core_run("DELETE FROM webhook_endpoint");
	tenant = core_tenant();
	core_act(tenant, ENV_SANDBOX);
	return 0;
}

static size_t claim(size_t cap, struct work **ret_work)
{
	struct work_limits limits = { .max = 100, .per_lane = 100, .lane_leased = cap };
	size_t count = 0;

	assert_int_equal(work_claim(&ctx, WORK_DELIVERY, &limits, 60000, ret_work, &count), ERR_OK);
	return count;
}

/* Claims the one delivery that is due into the global flow; false: none is. */
static bool take(void)
{
	struct work *work = NULL;
	size_t count = claim(4, &work);

	if (count == 0)
		return false;
	assert_int_equal(count, 1);
	flow = (struct delivery_flow){ .work = work[0] };
	assert_int_equal(delivery_prepare(&ctx, &flow), ERR_OK);
	return true;
}

static enum err settle_tx(struct ctx *context, void *arg)
{
	return delivery_settle(context, arg);
}

static void settle(void)
{
	assert_int_equal(tx_run(&ctx, settle_tx, &flow), ERR_OK);
}

static void answer(int64_t code, int64_t retry_after_s)
{
	struct delivery_answer said = { .answered = true,
		.code = code,
		.duration_ms = 12,
		.retry_after_s = retry_after_s,
		.body = "what it said",
		.body_len = 12 };

	delivery_ended(&ctx, &flow, &said);
	settle();
}

static void nothing(enum attempt_error fault)
{
	struct delivery_answer said = { .fault = fault, .duration_ms = 15000, .retry_after_s = -1 };

	delivery_ended(&ctx, &flow, &said);
	settle();
}

static int64_t number(const char *sql)
{
	return core_number(sql);
}

/* In milliseconds from the clock that is set. */
static int64_t due_in_ms(void)
{
	struct row_work_next_lane row;

	assert_int_equal(q_work_next_lane(ctx.db, ctx.arena, "webhook_delivery", "", &row), ERR_OK);
	return row.first_due_at - clock_now_ms();
}

static void test_delivered(void **state UNUSED)
{
	make("verification.completed", DB_NULL);
	core_verification(NULL, true, false);
	assert_true(take());
	assert_int_equal(flow.step, DELIVERY_SEND);
	assert_string_equal(flow.request.url, "https://receiver.example/hook");
	assert_string_equal(flow.request.headers[0], "Content-Type: application/json");
	assert_int_equal(strncmp(flow.request.headers[1], "webhook-id: evt_", 16), 0);
	assert_int_equal(strncmp(flow.request.headers[3], "webhook-signature: v1,", 22), 0);
	assert_int_equal(flow.request.deadline_ms, 15000);
	answer(204, -1);
	assert_int_equal(flow.settled, DELIVERY_SUCCEEDED);
	assert_int_equal(number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(number("SELECT COUNT(*) FROM delivery WHERE status = 'succeeded' AND "
				"attempt_count = 1 AND last_status_code = 204 AND "
				"last_duration_ms = 12 AND next_attempt_at IS NULL"),
	    1);
	assert_int_equal(
	    number("SELECT COUNT(*) FROM delivery_attempt WHERE number = 1 AND "
		   "status_code = 204 AND error = 'none' AND excerpt = 'what it said'"),
	    1);
}

/* Ten attempts over 75 h 35 m 5 s, jitter on top, and then it has failed. */
static void test_the_whole_schedule(void **state UNUSED)
{
	int64_t began_ms = clock_now_ms(), waited_ms = 0;

	core_settings("webhook_disable_days = 300\n");
	make("verification.completed", DB_NULL);
	core_verification(NULL, true, false);
	for (size_t i = 0; i < countof(schedule_s); i++) {
		assert_true(take());
		answer(500, -1);
		if (i + 1 == countof(schedule_s))
			break;
		int64_t wait_ms = due_in_ms();
		assert_in_range(
		    wait_ms, schedule_s[i + 1] * 1000 - 1000, schedule_s[i + 1] * 1100 + 1000);
		/* A moment too early nothing goes out. */
		clock_set(clock_now_ms() + wait_ms - 2);
		assert_false(take());
		clock_set(clock_now_ms() + 3);
		waited_ms += wait_ms;
	}
	assert_int_equal(flow.settled, DELIVERY_FAILED);
	assert_in_range(
	    waited_ms, INT64_C(272105000) - 10000, INT64_C(272105000) * 11 / 10 + 10000);
	assert_int_equal(number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(number("SELECT COUNT(*) FROM delivery WHERE status = 'failed' AND "
				"attempt_count = 10"),
	    1);
	assert_int_equal(number("SELECT COUNT(DISTINCT number) FROM delivery_attempt"), 10);
	assert_true(clock_now_ms() - began_ms > INT64_C(272000000));
}

/* The first number of the schedule is a wait as well; a test of the endpoint does not wait. */
static void test_the_first_wait(void **state UNUSED)
{
	struct making making = make("verification.completed", DB_NULL);
	struct uuid event_id;

	core_settings("webhook_schedule_s = 60,5\n");
	clock_set(clock_now_ms());
	core_verification(NULL, true, false);
	assert_in_range(due_in_ms(), 60000, 66000);
	assert_int_equal(number("SELECT COUNT(*) FROM work w JOIN delivery d ON d.id = "
				"w.subject_id WHERE w.due_at = d.next_attempt_at"),
	    1);
	assert_false(take());
	assert_int_equal(webhook_test(&ctx, making.row.id, &event_id), ERR_OK);
	assert_true(take());
	answer(200, -1);
	clock_set(clock_now_ms() + 66001);
	assert_true(take());
	answer(500, -1);
	assert_in_range(due_in_ms(), 5000, 5500);
}

/* A floor, never a shortcut, and never longer than a day. */
static void test_retry_after(void **state UNUSED)
{
	static const struct {
		int64_t said_s, least_s, most_s;
	} rows[] = { { 2, 5, 6 }, { 100, 100, 111 }, { 86400, 86400, 95041 },
		{ 900000, 86400, 95041 } };

	for (size_t i = 0; i < countof(rows); i++) {
		set_up(NULL);
		make("verification.completed", DB_NULL);
		core_verification(NULL, true, false);
		clock_set(clock_now_ms());
		assert_true(take());
		answer(429, rows[i].said_s);
		assert_in_range(due_in_ms(), rows[i].least_s * 1000, rows[i].most_s * 1000);
	}
}

/* One row per end of an attempt. */
static void test_ends(void **state UNUSED)
{
	static const struct {
		int64_t code; /* 0: none */
		enum attempt_error fault;
		const char *error;
		bool disabled;
	} rows[] = {
		{ 301, ATTEMPT_NONE, "redirect", false },
		{ 302, ATTEMPT_NONE, "redirect", false },
		{ 400, ATTEMPT_NONE, "status", false },
		{ 404, ATTEMPT_NONE, "status", false },
		{ 410, ATTEMPT_NONE, "gone", true },
		{ 503, ATTEMPT_NONE, "status", false },
		{ 100, ATTEMPT_NONE, "status", false },
		{ 0, ATTEMPT_TIMEOUT, "timeout", false },
		{ 0, ATTEMPT_REFUSED, "refused", false },
		{ 0, ATTEMPT_RESOLVE, "resolve", false },
		{ 0, ATTEMPT_CONNECT, "connect", false },
		{ 0, ATTEMPT_TLS, "tls", false },
		{ 0, ATTEMPT_READ, "read", false },
	};
	char sql[160];

	for (size_t i = 0; i < countof(rows); i++) {
		set_up(NULL);
		make("verification.completed", DB_NULL);
		core_verification(NULL, true, false);
		assert_true(take());
		if (rows[i].code > 0)
			answer(rows[i].code, -1);
		else
			nothing(rows[i].fault);
		assert_int_equal(flow.settled, DELIVERY_PENDING);
		snprintf(sql, sizeof(sql),
		    "SELECT COUNT(*) FROM delivery_attempt WHERE error = '%s' AND "
		    "COALESCE(status_code, 0) = %lld",
		    rows[i].error, (long long)rows[i].code);
		assert_int_equal(number(sql), 1);
		assert_int_equal(number("SELECT COUNT(*) FROM work"), !rows[i].disabled);
		assert_int_equal(
		    number("SELECT COUNT(*) FROM webhook_endpoint WHERE disabled = 'gone'"),
		    rows[i].disabled);
	}
}

/* Gone: at once, told to the others, once. */
static void test_gone_is_told(void **state UNUSED)
{
	make("verification.completed", DB_NULL);
	core_act(tenant, ENV_LIVE);
	make("webhook.disabled", DB_NULL);
	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	assert_true(take());
	answer(410, -1);
	assert_int_equal(flow.disabled, DISABLED_GONE);
	assert_int_equal(number("SELECT COUNT(*) FROM event WHERE type = 'webhook.disabled'"), 1);
	assert_int_equal(number("SELECT COUNT(*) FROM delivery d JOIN event e ON e.id = "
				"d.event_id WHERE e.type = 'webhook.disabled'"),
	    1);
}

/* Two of them are gone in the same moment: disabled once and told once. */
static void test_gone_twice_is_told_once(void **state UNUSED)
{
	struct delivery_flow flows[2];
	struct work *work = NULL;

	make("verification.completed webhook.disabled", DB_NULL);
	core_act(tenant, ENV_LIVE);
	make("webhook.disabled", DB_NULL);
	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	core_verification(NULL, true, false);
	assert_int_equal(claim(4, &work), 2);
	for (size_t i = 0; i < 2; i++) {
		flows[i] = (struct delivery_flow){ .work = work[i] };
		assert_int_equal(delivery_prepare(&ctx, &flows[i]), ERR_OK);
	}
	for (size_t i = 0; i < 2; i++) {
		flow = flows[i];
		answer(410, -1);
		assert_int_equal(flow.disabled, i == 0 ? DISABLED_GONE : DISABLED__MAX);
	}
	assert_int_equal(number("SELECT COUNT(*) FROM event WHERE type = 'webhook.disabled'"), 1);
}

/* Five days of nothing but failures; one success in between begins anew. */
static void test_days_of_failures(void **state UNUSED)
{
	make("verification.completed", DB_NULL);
	clock_set(clock_now_ms());
	for (int day = 0; day < 9; day++) {
		core_run("DELETE FROM work");
		core_verification(NULL, true, false);
		assert_true(take());
		answer(day == 2 ? 200 : 500, -1);
		assert_int_equal(flow.disabled, day == 8 ? DISABLED_FAILING : DISABLED__MAX);
		clock_set(clock_now_ms() + DAY_MS + 1);
	}
	/* What comes now is held. */
	core_verification(NULL, true, false);
	assert_false(take());
	assert_int_equal(number("SELECT COUNT(*) FROM work"), 0);
}

/* Disabled while it waited: its place in the queue goes, it stays. */
static void test_held(void **state UNUSED)
{
	make("verification.completed", DB_NULL);
	core_verification(NULL, true, false);
	core_run("UPDATE webhook_endpoint SET disabled = 'failing'");
	assert_true(take());
	assert_int_equal(flow.step, DELIVERY_HOLD);
	settle();
	assert_int_equal(number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(number("SELECT COUNT(*) FROM delivery WHERE status = 'pending' AND "
				"attempt_count = 0 AND next_attempt_at IS NULL"),
	    1);
	core_run("UPDATE webhook_endpoint SET deleted_at = NOW()");
}

/* A test is one attempt, whatever comes of it, and says nothing against the endpoint. */
static void test_a_test_is_one_attempt(void **state UNUSED)
{
	struct making making = make("verification.completed", DB_NULL);
	struct uuid event_id;

	core_run("UPDATE webhook_endpoint SET disabled = 'failing'");
	assert_int_equal(webhook_test(&ctx, making.row.id, &event_id), ERR_OK);
	assert_true(take());
	assert_int_equal(flow.step, DELIVERY_SEND);
	answer(500, -1);
	assert_int_equal(flow.settled, DELIVERY_FAILED);
	assert_int_equal(number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(
	    number("SELECT COUNT(*) FROM webhook_endpoint WHERE failing_since IS NOT NULL"), 0);
}

static void test_a_late_settle(void **state UNUSED)
{
	struct delivery_flow late;

	make("verification.completed", DB_NULL);
	core_verification(NULL, true, false);
	assert_true(take());
	answer(500, -1);
	core_run("UPDATE work SET due_at = '2020-01-01'");
	assert_true(take());
	late = flow;
	core_run("UPDATE work SET due_at = '2020-01-01', lease_until = '2020-01-01'");
	assert_true(take());
	assert_int_equal(tx_run(&ctx, settle_tx, &late), ERR_STALE);
	answer(200, -1);
	assert_int_equal(number("SELECT COUNT(*) FROM delivery_attempt"), 2);
}

struct rotating {
	struct uuid id;
	int64_t overlap_s;
	const char *secret;
};

static enum err rotate_tx(struct ctx *context, void *arg)
{
	struct rotating *r = arg;

	return webhook_rotate(context, r->id, r->overlap_s, &r->secret);
}

/* How many signatures the header of the flow's request has. */
static int signatures(void)
{
	int count = 0;

	for (const char *at = flow.request.headers[3]; (at = strstr(at, "v1,")) != NULL; at++)
		count++;
	return count;
}

/* Both secrets sign while they overlap, and then the new one alone. */
static void test_overlap(void **state UNUSED)
{
	struct rotating rotating = { .id = make("verification.completed", DB_NULL).row.id,
		.overlap_s = 2 };

	assert_int_equal(tx_run(&ctx, rotate_tx, &rotating), ERR_OK);
	core_verification(NULL, true, false);
	assert_true(take());
	assert_int_equal(signatures(), 2);
	answer(500, -1);
	clock_set(clock_now_ms() + 6000);
	assert_true(take());
	assert_int_equal(signatures(), 1);
}

/* No more of a lane than its cap, whoever claims; and its pace. */
static void test_cap_and_pace(void **state UNUSED)
{
	struct work *work = NULL;

	make("verification.completed", DB_NULL);
	for (int i = 0; i < 10; i++)
		core_verification(NULL, true, false);
	assert_int_equal(claim(4, &work), 4);
	assert_int_equal(claim(4, &work), 0);
	core_run("UPDATE work SET lease_until = '2020-01-01', due_at = '2020-01-01' WHERE "
		 "lease_owner IS NOT NULL LIMIT 3");
	assert_int_equal(claim(4, &work), 3);
	set_up(NULL);
	make("verification.completed", 2);
	for (int i = 0; i < 10; i++)
		core_verification(NULL, true, false);
	clock_set(clock_now_ms() + 1000);
	assert_int_equal(claim(4, &work), 2);
	core_run("UPDATE work SET lease_until = NULL, due_at = '2020-01-01'");
	assert_int_equal(claim(4, &work), 0);
	clock_set(clock_now_ms() + 999);
	assert_int_equal(claim(4, &work), 0);
	clock_set(clock_now_ms() + 2);
	assert_int_equal(claim(4, &work), 2);
}

static void test_schedules(void **state UNUSED)
{
	static const char *const wrong[] = { "", ",", "0,", "0,,5", "a", "0,5s", "-1", "604801",
		"0 5", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1" };
	size_t count = 0;

	assert_int_equal(delivery_schedule_check("0, 5, 300", &count), ERR_OK);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(delivery_schedule_check(wrong[i], NULL), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_delivered, set_up),
		cmocka_unit_test_setup(test_the_whole_schedule, set_up),
		cmocka_unit_test_setup(test_the_first_wait, set_up),
		cmocka_unit_test_setup(test_retry_after, set_up),
		cmocka_unit_test_setup(test_ends, set_up),
		cmocka_unit_test_setup(test_gone_is_told, set_up),
		cmocka_unit_test_setup(test_gone_twice_is_told_once, set_up),
		cmocka_unit_test_setup(test_days_of_failures, set_up),
		cmocka_unit_test_setup(test_held, set_up),
		cmocka_unit_test_setup(test_a_test_is_one_attempt, set_up),
		cmocka_unit_test_setup(test_a_late_settle, set_up),
		cmocka_unit_test_setup(test_overlap, set_up),
		cmocka_unit_test_setup(test_cap_and_pace, set_up),
		cmocka_unit_test_setup(test_schedules, set_up),
	};
	int failed;

	if (!core_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
