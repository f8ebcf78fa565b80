/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_webhook.c: endpoints and the outbox: who is told of what, what is held and released, what
 * another tenant can reach, rotation, recovery. Keys are t_webhook_key.c. Sending is t_delivery.c. Run by
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
#include "delivery.h"
#include "event.h"
#include "reseal.h"
#include "tx.h"
#include "webhook.h"
#include "webhook_task.h"
#include "work.h"

#define ALL \
	"verification.completed verification.failed webhook.disabled billing.low_balance " \
	"session.created session.status.submitted session.status.verified session.status.rejected " \
	"session.status.failed age.completed age.review"

static struct uuid tenant;

static int set_up(void **state)
{
	core_set_up(state);
	core_settings("");
	core_run("DELETE FROM delivery_attempt");
	core_run("DELETE FROM delivery");
	core_run("DELETE FROM event");
	core_run("DELETE FROM webhook_key");
	core_run("DELETE FROM webhook_task");
	core_run("DELETE FROM webhook_endpoint");
	tenant = core_tenant();
	core_act(tenant, ENV_LIVE);
	return 0;
}

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

static struct making make(enum surface surface, const char *events)
{
	struct making making = { .input = { .surface = surface,
				     .url = "https://receiver.example/hook",
				     .events = events,
				     .enabled = true,
				     .rate_per_s = DB_NULL } };

	assert_int_equal(tx_run(&ctx, make_tx, &making), ERR_OK);
	return making;
}

static struct uuid endpoint(const char *events)
{
	return make(SURFACE_KYC, events).row.id;
}

struct changing {
	struct uuid id;
	struct webhook_change change;
	struct row_webhook_get row;
};

static enum err change_tx(struct ctx *context, void *arg)
{
	struct changing *changing = arg;

	return webhook_change(context, changing->id, &changing->change, &changing->row);
}

static struct row_webhook_get set_enabled(struct uuid id, int64_t enabled)
{
	struct changing changing = { .id = id,
		.change = {
		    .enabled = enabled, .legacy_secret_header = DB_NULL, .rate_per_s = DB_NULL } };

	assert_int_equal(tx_run(&ctx, change_tx, &changing), ERR_OK);
	return changing.row;
}

static enum err delete_tx(struct ctx *context, void *arg)
{
	return webhook_delete(context, *(struct uuid *)arg);
}

/* Does all tasks there are; how many steps it took. */
static int run_tasks(void)
{
	struct work_limits limits = { .max = 1, .per_lane = 1 };
	struct work *work = NULL;
	size_t count = 0;
	int steps = 0;

	for (;;) {
		assert_int_equal(
		    work_claim(&ctx, WORK_TASK, &limits, 60000, &work, &count), ERR_OK);
		if (count == 0)
			return steps;
		assert_int_equal(db_begin(ctx.db), ERR_OK);
		assert_int_equal(webhook_task_step(&ctx, work), ERR_OK);
		assert_int_equal(db_commit(ctx.db), ERR_OK);
		steps++;
	}
}

static int64_t deliveries(const char *where)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM delivery WHERE %s", where);
	return core_number(sql);
}

/* What must hold at every moment: nothing pending of an enabled endpoint without its work, and no
 * event of a subscribed endpoint without its delivery. */
static void assert_nothing_is_lost(void)
{
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM delivery d JOIN webhook_endpoint n ON "
			"n.id = d.endpoint_id LEFT JOIN work w ON w.subject_id = d.id WHERE "
			"d.status = 'pending' AND n.disabled IS NULL AND n.deleted_at IS NULL "
			"AND w.id IS NULL"),
	    0);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work w LEFT JOIN delivery d ON d.id = w.subject_id "
			"WHERE w.kind = 'webhook_delivery' AND d.id IS NULL"),
	    0);
}

/* ---- who is told ----------------------------------------------------------------------------------- */

static void test_who_is_told(void **state UNUSED)
{
	endpoint(ALL);
	endpoint("verification.failed");
	set_enabled(endpoint(ALL), 0);
	core_act(tenant, ENV_SANDBOX);
	endpoint("verification.completed");
	core_act(core_tenant(), ENV_LIVE);
	endpoint(ALL);
	core_act(tenant, ENV_SANDBOX);
	/* Approved, in the sandbox: the first and the sandbox's own. */
	core_verification(NULL, true, false);
	assert_int_equal(core_number("SELECT COUNT(*) FROM event"), 1);
	assert_int_equal(deliveries("status = 'pending'"), 2);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 2);
	assert_nothing_is_lost();
}

/* What happens live is no business of a sandbox endpoint. */
static void test_live_events_stay_live(void **state UNUSED)
{
	struct verification made = core_verification(NULL, false, false);
	struct decision decline = { .status = VER_DECLINED,
		.reason = REASON_NOT_FOUND,
		.match_name = DB_NULL,
		.match_dob = MATCH_UNKNOWN };
	bool decided = false;

	core_act(tenant, ENV_SANDBOX);
	endpoint(ALL);
	core_act(tenant, ENV_LIVE);
	endpoint(ALL);
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(verification_decide(&ctx, made.id, &decline, &decided), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
	assert_true(decided);
	assert_int_equal(deliveries("1"), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM event WHERE type = 'verification.failed'"), 1);
}

static void test_the_body(void **state UNUSED)
{
	struct row_event_body row;
	struct event_filter filter = { .limit = 10, .from_ms = TIME_NONE, .to_ms = TIME_NONE };
	struct event *events = NULL;
	size_t count = 0;
	bool more = true;

	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	assert_int_equal(event_list(&ctx, &filter, &events, &count, &more), ERR_OK);
	assert_int_equal(count, 1);
	assert_false(more);
	assert_string_equal(events[0].row.type, "verification.completed");
	assert_int_equal(strncmp(events[0].trigger_id, "ver_", 4), 0);
	assert_int_equal(q_event_body(ctx.db, ctx.arena, tenant, events[0].row.id, &row), ERR_OK);
	const char *body = arena_strndup(ctx.arena, row.body.data, row.body.len);
	assert_int_equal(strncmp(body,
			     "{\"event\":\"verification.completed\",\"type\":\"verification."
			     "completed\",\"data\":{\"id\":\"ver_",
			     80),
	    0);
	assert_non_null(strstr(body, "\"status\":\"approved\",\"country\":\"SN\",\"id_type\":"
				     "\"national_id\",\"external_ref\":\"user_001\""));
	assert_null(strstr(body, "Amara"));
	assert_null(strstr(body, "1234567890123"));
}

/* Rolled back, nothing happened, so nobody is told. */
static void test_no_event_without_its_cause(void **state UNUSED)
{
	struct event_new event = { .type = EVENT_WEBHOOK_DISABLED,
		.trigger = TRIGGER_ENDPOINT,
		.trigger_id = endpoint(ALL),
		.data = json_pack("{}") };

	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(event_put(&ctx, tenant, &event, NULL), ERR_OK);
	db_rollback_if_open(ctx.db);
	assert_int_equal(core_number("SELECT COUNT(*) FROM event"), 0);
	assert_int_equal(deliveries("1"), 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	event.data = json_object();
	/* A number and not the limit's name: the contract says 20 kB. */
	char *vast = arena_alloc(ctx.arena, 20001);
	memset(vast, 'a', 20000);
	vast[20000] = '\0';
	json_object_set_new(event.data, "x", json_string(vast));
	assert_int_equal(event_put(&ctx, tenant, &event, NULL), ERR_FULL);
	db_rollback_if_open(ctx.db);
}

/* ---- endpoints ----------------------------------------------------------------------------------------- */

static void test_an_endpoint(void **state UNUSED)
{
	struct making making = make(SURFACE_KYC, NULL);
	struct row_webhook_get row;
	const char *revealed = NULL;

	assert_int_equal(strlen(making.secret), 50);
	assert_int_equal(strncmp(making.secret, "whsec_", 6), 0);
	assert_int_equal(webhook_get(&ctx, making.row.id, &row), ERR_OK);
	assert_string_equal(row.events, ALL);
	assert_null(row.disabled);
	assert_int_equal(webhook_reveal(&ctx, making.row.id, &revealed), ERR_OK);
	assert_string_equal(revealed, making.secret);
	assert_int_equal(core_number("SELECT COUNT(*) FROM webhook_endpoint WHERE secret LIKE "
				     "'%whsec%'"),
	    0);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(webhook_get(&ctx, making.row.id, &row), ERR_WEBHOOK_NOT_FOUND);
	assert_int_equal(webhook_reveal(&ctx, making.row.id, &revealed), ERR_WEBHOOK_NOT_FOUND);
	assert_int_equal(tx_run(&ctx, delete_tx, &making.row.id), ERR_WEBHOOK_NOT_FOUND);
	core_act(tenant, ENV_SANDBOX);
	assert_int_equal(webhook_get(&ctx, making.row.id, &row), ERR_WEBHOOK_NOT_FOUND);
}

/* The same again changes nothing, not even why and since when; and the pace follows a change. */
static void test_changes(void **state UNUSED)
{
	struct changing changing = { .id = endpoint(ALL),
		.change = {
		    .enabled = DB_NULL, .legacy_secret_header = DB_NULL, .rate_per_s = 7 } };

	core_run("UPDATE webhook_endpoint SET failing_since = '2026-01-01'");
	set_enabled(changing.id, 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM webhook_endpoint WHERE failing_since = "
				     "'2026-01-01'"),
	    1);
	core_run("UPDATE webhook_endpoint SET disabled = 'failing', disabled_at = '2026-01-02'");
	assert_string_equal(set_enabled(changing.id, 0).disabled, "failing");
	assert_int_equal(core_number("SELECT COUNT(*) FROM webhook_endpoint WHERE disabled_at = "
				     "'2026-01-02'"),
	    1);
	assert_int_equal(run_tasks(), 0);
	/* Enabled, it begins anew: what failed before does not count. */
	assert_true(set_enabled(changing.id, 1).failing_since == TIME_NONE);
	assert_int_equal(core_number("SELECT COUNT(*) FROM lane WHERE rate_per_s IS NULL"), 1);
	assert_int_equal(tx_run(&ctx, change_tx, &changing), ERR_OK);
	assert_int_equal(core_number("SELECT rate_per_s FROM lane"), 7);
	changing.change.rate_per_s = 0;
	assert_int_equal(tx_run(&ctx, change_tx, &changing), ERR_OK);
	assert_int_equal(core_number("SELECT COUNT(*) FROM lane WHERE rate_per_s IS NULL"), 1);
}

static void test_too_many_endpoints(void **state UNUSED)
{
	struct making making = { .input = { .surface = SURFACE_KYC,
				     .url = "https://receiver.example/hook",
				     .enabled = true,
				     .rate_per_s = DB_NULL } };

	for (int i = 0; i < LIMIT_ENDPOINTS; i++)
		assert_int_equal(tx_run(&ctx, make_tx, &making), ERR_OK);
	assert_int_equal(tx_run(&ctx, make_tx, &making), ERR_FULL);
	assert_int_equal(tx_run(&ctx, delete_tx, &making.row.id), ERR_OK);
	assert_int_equal(tx_run(&ctx, make_tx, &making), ERR_OK);
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

static void test_rotation(void **state UNUSED)
{
	struct making making = make(SURFACE_KYC, NULL);
	struct rotating rotating = { .id = making.row.id, .overlap_s = 60 };
	struct row_webhook_get row;
	const char *text = NULL;

	assert_int_equal(tx_run(&ctx, rotate_tx, &rotating), ERR_OK);
	assert_string_not_equal(rotating.secret, making.secret);
	assert_int_equal(webhook_get(&ctx, rotating.id, &row), ERR_OK);
	assert_int_equal(webhook_open(&ctx, row.id, "secret_old", row.secret_old, &text), ERR_OK);
	assert_string_equal(text, making.secret);
	assert_in_range(row.secret_old_until, clock_now_ms() + 55000, clock_now_ms() + 60000);
	/* One column's secret cannot take another's place. */
	assert_int_equal(webhook_open(&ctx, row.id, "secret", row.secret_old, &text), ERR_TAMPERED);
	rotating.overlap_s = 0;
	assert_int_equal(tx_run(&ctx, rotate_tx, &rotating), ERR_OK);
	assert_int_equal(webhook_get(&ctx, rotating.id, &row), ERR_OK);
	assert_null(row.secret_old.data);
	assert_true(row.secret_old_until == TIME_NONE);
}

/* ---- held and released ---------------------------------------------------------------------------------- */

static void test_held_by_us_and_released(void **state UNUSED)
{
	struct uuid id = endpoint(ALL);

	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	core_run("UPDATE webhook_endpoint SET disabled = 'failing', disabled_at = NOW()");
	core_run("DELETE FROM work WHERE kind = 'webhook_delivery'");
	core_verification(NULL, true, false);
	core_verification(NULL, true, false);
	assert_int_equal(deliveries("status = 'pending' AND next_attempt_at IS NULL"), 2);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 0);
	core_act(tenant, ENV_LIVE);
	assert_null(set_enabled(id, 1).disabled);
	assert_int_equal(run_tasks(), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 3);
	assert_int_equal(core_number("SELECT done FROM webhook_task"), 3);
	assert_nothing_is_lost();
	/* Again changes nothing. */
	set_enabled(id, 1);
	assert_int_equal(run_tasks(), 0);
}

/* More than one piece: each in a transaction of its own, and none twice. */
static void test_released_in_pieces(void **state UNUSED)
{
	struct uuid id = endpoint(ALL);

	core_run("UPDATE webhook_endpoint SET disabled = 'gone', disabled_at = NOW()");
	core_run("INSERT INTO delivery (id, application_id, event_id, endpoint_id, status, once, "
		 "attempt_count, attempts_total, created_at, updated_at) SELECT "
		 "UNHEX(CONCAT('0190', LPAD(HEX(seq), 28, '0'))), n.application_id, "
		 "UNHEX(LPAD(HEX(seq), 32, '0')), n.id, 'pending', 0, 0, 0, NOW(), NOW() "
		 "FROM seq_1_to_1200, webhook_endpoint n");
	set_enabled(id, 1);
	assert_int_equal(run_tasks(), 3);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 1200);
	assert_nothing_is_lost();
	core_run("DELETE FROM delivery");
}

static void test_deleted(void **state UNUSED)
{
	struct uuid id = endpoint(ALL), other = endpoint(ALL);
	struct row_webhook_get row;

	core_act(tenant, ENV_SANDBOX);
	for (int i = 0; i < 3; i++)
		core_verification(NULL, true, false);
	core_act(tenant, ENV_LIVE);
	assert_int_equal(tx_run(&ctx, delete_tx, &id), ERR_OK);
	assert_int_equal(webhook_get(&ctx, id, &row), ERR_WEBHOOK_NOT_FOUND);
	assert_int_equal(tx_run(&ctx, delete_tx, &id), ERR_WEBHOOK_NOT_FOUND);
	/* Not told any more, from this moment on. */
	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	assert_int_equal(deliveries("1"), 7);
	core_act(tenant, ENV_LIVE);
	assert_int_equal(run_tasks(), 1);
	assert_int_equal(deliveries("1"), 4);
	assert_int_equal(core_number("SELECT COUNT(*) FROM webhook_endpoint"), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 4);
	assert_int_equal(webhook_get(&ctx, other, &row), ERR_OK);
	assert_nothing_is_lost();
}

/* ---- again ---------------------------------------------------------------------------------------------- */

static struct delivery only_delivery(void)
{
	struct delivery_filter filter = { .limit = 10 };
	struct delivery *found = NULL;
	size_t count = 0;
	bool more;

	assert_int_equal(delivery_list(&ctx, &filter, &found, &count, &more), ERR_OK);
	assert_int_equal(count, 1);
	return found[0];
}

static enum err retry_tx(struct ctx *context, void *arg)
{
	struct delivery *delivery = arg;

	return delivery_retry(context, delivery->row.id, delivery);
}

static void test_retry(void **state UNUSED)
{
	endpoint(ALL);
	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	core_act(tenant, ENV_LIVE);
	struct delivery delivery = only_delivery();

	assert_string_equal(delivery.row.status, "pending");
	core_run("UPDATE work SET lease_owner = id, lease_until = '2099-01-01'");
	assert_string_equal(only_delivery().row.status, "delivering");
	assert_int_equal(tx_run(&ctx, retry_tx, &delivery), ERR_DELIVERY_BUSY);
	core_run("DELETE FROM work");
	core_run("UPDATE delivery SET status = 'failed', attempt_count = 10, attempts_total = 10, "
		 "last_status_code = 500, next_attempt_at = NULL");
	assert_int_equal(tx_run(&ctx, retry_tx, &delivery), ERR_OK);
	assert_string_equal(delivery.row.status, "pending");
	assert_int_equal(delivery.row.attempt_count, 0);
	assert_true(delivery.row.last_status_code == DB_NULL);
	assert_nothing_is_lost();
	/* Of a disabled endpoint: held. */
	core_run("DELETE FROM work");
	core_run("UPDATE delivery SET status = 'failed'");
	core_run("UPDATE webhook_endpoint SET disabled = 'gone'");
	assert_int_equal(tx_run(&ctx, retry_tx, &delivery), ERR_OK);
	assert_string_equal(delivery.row.status, "pending");
	assert_true(delivery.row.next_attempt_at == TIME_NONE);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(tx_run(&ctx, retry_tx, &delivery), ERR_DELIVERY_NOT_FOUND);
}

struct replaying {
	struct uuid id;
	struct event event;
};

static enum err replay_tx(struct ctx *context, void *arg)
{
	struct replaying *r = arg;

	return event_replay(context, r->id, &r->event);
}

static void test_replay(void **state UNUSED)
{
	struct replaying replaying;

	endpoint(ALL);
	endpoint(ALL);
	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	core_act(tenant, ENV_LIVE);
	struct delivery_filter filter = { .limit = 1 };
	struct delivery *found = NULL;
	size_t count = 0;
	bool more = false;
	assert_int_equal(delivery_list(&ctx, &filter, &found, &count, &more), ERR_OK);
	assert_true(count == 1 && more);
	replaying.id = found[0].row.event_id;
	core_run("UPDATE delivery SET status = 'succeeded'");
	core_run("DELETE FROM work");
	assert_int_equal(tx_run(&ctx, replay_tx, &replaying), ERR_OK);
	assert_int_equal(replaying.event.delivery_count, 2);
	assert_int_equal(deliveries("status = 'pending'"), 2);
	assert_nothing_is_lost();
	core_run("UPDATE work SET lease_owner = id, lease_until = '2099-01-01'");
	assert_int_equal(tx_run(&ctx, replay_tx, &replaying), ERR_EVENT_NOT_REPLAYABLE);
	replaying.id = tenant;
	assert_int_equal(tx_run(&ctx, replay_tx, &replaying), ERR_EVENT_NOT_FOUND);
}

/* One of the endpoints is deleted, and the batch has not yet seen to its deliveries. */
static void test_replay_beside_a_deleted_endpoint(void **state UNUSED)
{
	struct uuid gone = endpoint(ALL);
	struct replaying replaying = { .id = UUID_NIL };
	struct row_webhook_get row;

	endpoint(ALL);
	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	core_act(tenant, ENV_LIVE);
	struct delivery_filter filter = { .limit = 1 };
	struct delivery *found = NULL;
	size_t count = 0;
	bool more = false;
	assert_int_equal(delivery_list(&ctx, &filter, &found, &count, &more), ERR_OK);
	replaying.id = found[0].row.event_id;
	core_run("UPDATE delivery SET status = 'succeeded'");
	core_run("DELETE FROM work");
	assert_int_equal(tx_run(&ctx, delete_tx, &gone), ERR_OK);
	assert_int_equal(webhook_get(&ctx, gone, &row), ERR_WEBHOOK_NOT_FOUND);
	assert_int_equal(tx_run(&ctx, replay_tx, &replaying), ERR_OK);
	assert_int_equal(deliveries("status = 'pending'"), 1);
}

static enum err test_tx(struct uuid id, struct uuid *event_id)
{
	return webhook_test(&ctx, id, event_id);
}

/* A test goes to its endpoint alone, subscribed or not, enabled or not. */
static void test_a_test(void **state UNUSED)
{
	struct uuid id = endpoint("verification.failed"), event_id;

	endpoint("webhook.test");
	set_enabled(id, 0);
	assert_int_equal(test_tx(id, &event_id), ERR_OK);
	assert_int_equal(deliveries("once = 1 AND status = 'pending'"), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 1);
	assert_int_equal(test_tx(tenant, &event_id), ERR_WEBHOOK_NOT_FOUND);
}

/* ---- the end and sealing ---------------------------------------------------------------------- */

/* What is past its time goes with all that belongs to it, and nothing else. */
static void test_expired(void **state UNUSED)
{
	uint64_t removed = 0;
	int64_t now_ms = clock_now_ms();

	endpoint(ALL);
	core_act(tenant, ENV_SANDBOX);
	clock_set(now_ms + 1000);
	core_verification(NULL, true, false);
	core_verification(NULL, true, false);
	clock_set(now_ms + 60000);
	core_verification(NULL, true, false);
	core_run(
	    "INSERT INTO delivery_attempt (delivery_id, number, id, endpoint_id, started_at, "
	    "duration_ms, error) SELECT id, 1, id, endpoint_id, NOW(), 1, 'none' FROM delivery");
	assert_int_equal(event_expire(&ctx, now_ms + 30000, 1, &removed), ERR_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(event_expire(&ctx, now_ms + 30000, 10, &removed), ERR_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(event_expire(&ctx, now_ms + 30000, 10, &removed), ERR_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM event"), 1);
	assert_int_equal(deliveries("1"), 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM delivery_attempt"), 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 1);
}

/* Sealing anew reaches secrets and claims, and what they open to stays the same. */
static void test_sealed_anew(void **state UNUSED)
{
	struct making making = make(SURFACE_SESSION, NULL);
	struct rotating rotating = { .id = making.row.id, .overlap_s = 60 };
	struct event_new event = { .type = EVENT_SESSION_EXPIRED,
		.trigger = TRIGGER_SESSION,
		.trigger_id = tenant,
		.data = json_pack("{s:s}", "a", "b") };
	char reason[256] = "", master[128], pepper[128];
	struct uuid event_id;
	struct row_event_body body;
	struct bytes text = { NULL, 0 };
	const char *revealed = NULL;
	uint32_t number = 0;
	uint64_t done = 0;

	assert_int_equal(tx_run(&ctx, rotate_tx, &rotating), ERR_OK);
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(event_put(&ctx, tenant, &event, &event_id), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
	snprintf(master, sizeof(master), "%s", core_path("master.key"));
	snprintf(pepper, sizeof(pepper), "%s", core_path("pepper"));
	const char *secret = strdup(rotating.secret);
	assert_int_equal(keyring_add_key(master, &number, reason, sizeof(reason)), ERR_OK);
	keyring_free(&ctx.keyring);
	assert_int_equal(
	    keyring_open(master, pepper, &ctx.keyring, reason, sizeof(reason)), ERR_OK);
	assert_int_equal(reseal_run(&ctx, 100, NULL, NULL, &done), ERR_OK);
	assert_true(done >= 2);
	assert_int_equal(
	    core_number("SELECT (SELECT COUNT(*) FROM webhook_endpoint WHERE seal_key < 2) + "
			"(SELECT COUNT(*) FROM event WHERE seal_key < 2)"),
	    0);
	assert_int_equal(webhook_reveal(&ctx, making.row.id, &revealed), ERR_OK);
	assert_string_equal(revealed, secret);
	free((void *)(uintptr_t)secret);
	assert_int_equal(q_event_body(ctx.db, ctx.arena, tenant, event_id, &body), ERR_OK);
	assert_int_equal(event_open(&ctx, event_id, body.body, body.seal_key, &text), ERR_OK);
	assert_non_null(strstr(text.data, "\"data\":{\"a\":\"b\"}"));
}

/* ---- recovery --------------------------------------------------------------------------------------------- */

static void recover(struct uuid endpoint_id, int64_t since_ms, int64_t until_ms)
{
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(
	    webhook_task_put(&ctx, TASK_RECOVER, tenant, endpoint_id, since_ms, until_ms, NULL),
	    ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
}

static void test_recovery(void **state UNUSED)
{
	struct uuid id = endpoint(ALL);
	int64_t events = 0, wanted = 0, now_ms = clock_now_ms();

	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false); /* will have failed */
	core_run("UPDATE delivery SET status = 'failed'");
	core_verification(NULL, true, false); /* will have succeeded */
	core_run("UPDATE delivery SET status = 'succeeded' WHERE status = 'pending'");
	core_act(tenant, ENV_LIVE);
	set_enabled(id, 0);
	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false); /* missed */
	core_act(tenant, ENV_LIVE);
	set_enabled(id, 1);
	run_tasks();
	core_run("DELETE FROM work");
	assert_int_equal(webhook_recover_count(
			     &ctx, tenant, id, now_ms - 60000, now_ms + 60000, &events, &wanted),
	    ERR_OK);
	assert_true(events == 3 && wanted == 2);
	recover(UUID_NIL, now_ms - 60000, now_ms - 50000);
	run_tasks();
	assert_int_equal(deliveries("status = 'pending'"), 0);
	recover(id, now_ms - 60000, now_ms + 60000);
	run_tasks();
	assert_int_equal(deliveries("status = 'pending'"), 2);
	assert_int_equal(deliveries("1"), 3);
	assert_nothing_is_lost();
	/* Again does nothing twice. */
	recover(UUID_NIL, now_ms - 60000, now_ms + 60000);
	run_tasks();
	assert_int_equal(deliveries("1"), 3);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 2);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM webhook_task WHERE finished_at IS NULL"), 0);
}

/* What an endpoint has not subscribed to, or may not see, does not reach it by this way either. */
static void test_recovery_keeps_to_who_is_told(void **state UNUSED)
{
	struct decision approve = {
		.status = VER_APPROVED, .match_name = DB_NULL, .match_dob = MATCH_UNKNOWN
	};
	struct verification made = core_verification(NULL, false, false);
	int64_t events = 0, wanted = 0, now_ms = clock_now_ms();
	bool decided = false;

	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(verification_decide(&ctx, made.id, &approve, &decided), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
	core_act(tenant, ENV_SANDBOX);
	core_verification(NULL, true, false);
	struct uuid one = endpoint("verification.completed");
	endpoint("verification.completed");
	endpoint("verification.failed webhook.disabled");
	core_act(tenant, ENV_LIVE);
	endpoint("verification.failed");
	assert_int_equal(webhook_recover_count(&ctx, tenant, UUID_NIL, now_ms - 60000,
			     now_ms + 60000, &events, &wanted),
	    ERR_OK);
	assert_true(events == 2 && wanted == 2);
	/* For one endpoint, and then for all. */
	assert_int_equal(webhook_recover_count(
			     &ctx, tenant, one, now_ms - 60000, now_ms + 60000, &events, &wanted),
	    ERR_OK);
	assert_true(events == 2 && wanted == 1);
	recover(one, now_ms - 60000, now_ms + 60000);
	run_tasks();
	assert_int_equal(deliveries("1"), 1);
	recover(UUID_NIL, now_ms - 60000, now_ms + 60000);
	run_tasks();
	assert_int_equal(deliveries("1"), 2);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM delivery d JOIN event e ON e.id = d.event_id JOIN "
			"webhook_endpoint n ON n.id = d.endpoint_id WHERE e.environment = "
			"'sandbox' AND n.environment = 'sandbox'"),
	    2);
	assert_nothing_is_lost();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who_is_told, set_up),
		cmocka_unit_test_setup(test_live_events_stay_live, set_up),
		cmocka_unit_test_setup(test_the_body, set_up),
		cmocka_unit_test_setup(test_no_event_without_its_cause, set_up),
		cmocka_unit_test_setup(test_an_endpoint, set_up),
		cmocka_unit_test_setup(test_changes, set_up),
		cmocka_unit_test_setup(test_too_many_endpoints, set_up),
		cmocka_unit_test_setup(test_rotation, set_up),
		cmocka_unit_test_setup(test_held_by_us_and_released, set_up),
		cmocka_unit_test_setup(test_released_in_pieces, set_up),
		cmocka_unit_test_setup(test_deleted, set_up),
		cmocka_unit_test_setup(test_retry, set_up),
		cmocka_unit_test_setup(test_replay, set_up),
		cmocka_unit_test_setup(test_replay_beside_a_deleted_endpoint, set_up),
		cmocka_unit_test_setup(test_a_test, set_up),
		cmocka_unit_test_setup(test_recovery, set_up),
		cmocka_unit_test_setup(test_recovery_keeps_to_who_is_told, set_up),
		cmocka_unit_test_setup(test_expired, set_up),
		cmocka_unit_test_setup(test_sealed_anew, set_up),
	};
	int failed;

	if (!core_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
