/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_webhook_key.c: events with claims and the keys that they are encrypted to: one is active, and
 * without it nothing goes out, at once or later (contract/sessions.md, Encryption). Run by
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
#include "delivery.h"
#include "delivery_flow.h"
#include "event.h"
#include "id.h"
#include "tx.h"
#include "webhook.h"
#include "webhook_task.h"
#include "work.h"

/* 2048 bits; made for this test, its private half thrown away. */
#define MODULUS \
	"vtOVLCB3THN7oaNpwa-V24ymJOHGJWYBhg-d1juT2c1CZdUGYySP05xdkTD_y-2y_bsCloetvbHaz9-8kpWGbjrI" \
	"nNuWNzkjn_AnDCJTonBpQEAJDdp1SUPdvqOclK7eAhgMF4crlYxKLk4kY2xwFyq7a0LLq_RAtqxCfAMfOkCuO3bG" \
	"bPHe2If_PEXlQIOWIknX34n9YC6WfEuZnndPpdS45NnUphoJF96f5yy-EKu2Du5ekB19S3zKHbqyBSQcuyD0oVeg" \
	"OeDRaSqMGx3RViY-qwQRC--wwazw9nnlNki2eLByY_G09ezvCDq0ONL3HrV0xCu-uZ6npe4uPtfOWQ"

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

static struct making make(void)
{
	struct making making = { .input = { .surface = SURFACE_SESSION,
				     .url = "https://receiver.example/hook",
				     .enabled = true,
				     .rate_per_s = DB_NULL } };

	assert_int_equal(tx_run(&ctx, make_tx, &making), ERR_OK);
	return making;
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

struct replaying {
	struct uuid id;
	struct event event;
};

static enum err replay_tx(struct ctx *context, void *arg)
{
	struct replaying *r = arg;

	return event_replay(context, r->id, &r->event);
}

static void recover(struct uuid endpoint_id, int64_t since_ms, int64_t until_ms)
{
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(
	    webhook_task_put(&ctx, TASK_RECOVER, tenant, endpoint_id, since_ms, until_ms, NULL),
	    ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
}

struct keying {
	struct uuid endpoint_id;
	const char *key_id;
	json_t *jwk;
	struct row_webhook_key_get row;
};

static enum err key_tx(struct ctx *context, void *arg)
{
	struct keying *k = arg;

	return webhook_key_create(context, k->endpoint_id, k->key_id, k->jwk, &k->row);
}

struct setting {
	struct uuid id;
	bool active;
	struct row_webhook_key_get row;
};

static enum err set_tx(struct ctx *context, void *arg)
{
	struct setting *s = arg;

	return webhook_key_set(context, s->id, s->active, &s->row);
}

static void test_one_active_key(void **state UNUSED)
{
	struct keying first = { .endpoint_id = make().row.id,
		.key_id = "one",
		.jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", MODULUS, "e", "AQAB") };
	struct keying second = first;
	struct setting setting;

	second.key_id = "two";
	assert_int_equal(tx_run(&ctx, key_tx, &first), ERR_OK);
	assert_int_equal(tx_run(&ctx, key_tx, &second), ERR_OK);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM webhook_key WHERE active_of IS NOT NULL"), 1);
	assert_string_equal(second.row.key_id, "two");
	assert_false(uuid_is_nil(second.row.active_of));
	setting = (struct setting){ .id = first.row.id, .active = true };
	assert_int_equal(tx_run(&ctx, set_tx, &setting), ERR_OK);
	assert_int_equal(tx_run(&ctx, set_tx, &setting), ERR_OK);
	assert_false(uuid_is_nil(setting.row.active_of));
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM webhook_key WHERE active_of IS NOT NULL"), 1);
	setting.active = false;
	assert_int_equal(tx_run(&ctx, set_tx, &setting), ERR_OK);
	assert_true(uuid_is_nil(setting.row.active_of) && setting.row.disabled_at != TIME_NONE);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(tx_run(&ctx, set_tx, &setting), ERR_WEBHOOK_KEY_NOT_FOUND);
	assert_int_equal(tx_run(&ctx, key_tx, &second), ERR_ENDPOINT_NOT_FOUND);
	json_object_set_new(first.jwk, "d", json_string("AQAB"));
	assert_int_equal(tx_run(&ctx, key_tx, &first), ERR_SYNTAX);
	json_decref(first.jwk);
}

static void test_too_many_keys(void **state UNUSED)
{
	struct keying key = { .endpoint_id = make().row.id,
		.key_id = "one",
		.jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", MODULUS, "e", "AQAB") };

	for (int i = 0; i < 50; i++)
		assert_int_equal(tx_run(&ctx, key_tx, &key), ERR_OK);
	assert_int_equal(tx_run(&ctx, key_tx, &key), ERR_FULL);
	assert_int_equal(core_number("SELECT COUNT(*) FROM webhook_key"), 50);
	json_decref(key.jwk);
}

/* With a key the event goes out encrypted; one with claims and no key does not go out at all. */
static void test_fails_closed(void **state UNUSED)
{
	struct making with = make();
	struct keying key = { .endpoint_id = with.row.id,
		.key_id = "one",
		.jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", MODULUS, "e", "AQAB") };
	struct event_new event = { .type = EVENT_ATTEMPT_SUCCEEDED,
		.trigger = TRIGGER_ATTEMPT,
		.trigger_id = tenant,
		.data = json_pack("{s:s}", "family_name", "DIALLO") };

	make();
	assert_int_equal(tx_run(&ctx, key_tx, &key), ERR_OK);
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(event_put(&ctx, tenant, &event, NULL), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
	assert_int_equal(deliveries("status = 'pending' AND payload LIKE 'eyJ%.%.%.%.%' AND "
				    "webhook_key_id IS NOT NULL"),
	    1);
	assert_int_equal(
	    deliveries("status = 'failed' AND payload IS NULL AND attempt_count = 1"), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM delivery_attempt WHERE error = 'no_key'"), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM event WHERE body LIKE '%DIALLO%' OR "
				     "seal_key IS NULL"),
	    0);
	json_decref(key.jwk);
}

/* What a delivery's request would be; the work is claimed. */
static struct delivery_flow taken(void)
{
	struct work_limits limits = { .max = 1, .per_lane = 1 };
	struct work *work = NULL;
	struct delivery_flow flow;
	size_t count = 0;

	assert_int_equal(work_claim(&ctx, WORK_DELIVERY, &limits, 60000, &work, &count), ERR_OK);
	assert_int_equal(count, 1);
	flow = (struct delivery_flow){ .work = work[0] };
	assert_int_equal(delivery_prepare(&ctx, &flow), ERR_OK);
	return flow;
}

static void claims_for(struct uuid trigger_id, struct uuid *ret_event_id)
{
	struct event_new event = { .type = EVENT_ATTEMPT_SUCCEEDED,
		.trigger = TRIGGER_ATTEMPT,
		.trigger_id = trigger_id,
		.data = json_pack("{s:s}", "family_name", "DIALLO") };

	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(event_put(&ctx, tenant, &event, ret_event_id), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
}

/* What failed for want of a key stays closed, however it is queued again; with a key it goes out
 * encrypted to that. */
static void test_stays_closed(void **state UNUSED)
{
	struct keying key = { .endpoint_id = make().row.id,
		.key_id = "one",
		.jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", MODULUS, "e", "AQAB") };
	int64_t now_ms = clock_now_ms();
	struct replaying replaying;
	struct delivery delivery;

	claims_for(tenant, &replaying.id);
	delivery = only_delivery();
	assert_string_equal(delivery.row.status, "failed");
	assert_int_equal(tx_run(&ctx, retry_tx, &delivery), ERR_DELIVERY_NO_KEY);
	assert_int_equal(tx_run(&ctx, replay_tx, &replaying), ERR_EVENT_NOT_REPLAYABLE);
	recover(key.endpoint_id, now_ms - 60000, now_ms + 60000);
	run_tasks();
	assert_int_equal(core_number("SELECT done FROM webhook_task"), 0);
	assert_int_equal(deliveries("status = 'failed' AND payload IS NULL"), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM work WHERE kind = 'webhook_delivery'"), 0);
	assert_int_equal(tx_run(&ctx, key_tx, &key), ERR_OK);
	assert_int_equal(tx_run(&ctx, retry_tx, &delivery), ERR_OK);
	assert_true(uuid_equal(delivery.row.webhook_key_id, key.row.id));
	struct delivery_flow flow = taken();
	assert_int_equal(flow.step, DELIVERY_SEND);
	assert_string_equal(flow.request.headers[0], "Content-Type: application/jose");
	assert_int_equal(memcmp(flow.request.body, "eyJ", 3), 0);
	/* Whatever brought it there, such a row is not sent as it is. */
	core_run("UPDATE delivery SET payload = NULL, webhook_key_id = NULL");
	core_run("UPDATE work SET lease_owner = NULL, lease_until = NULL, due_at = '2020-01-01'");
	assert_int_equal(taken().step, DELIVERY_LATER);
	json_decref(key.jwk);
}

/* reference/kayle.md section 5.3, generation A, byte for byte. */
static void test_session_bodies(void **state UNUSED)
{
	static const struct {
		enum event_type type;
		enum event_trigger trigger;
		const char *data;
	} rows[] = {
		{ EVENT_ATTEMPT_SUCCEEDED, TRIGGER_ATTEMPT,
		    "{\"claims\":{\"age_over_18\":true,\"given_names\":null},"
		    "\"selected_field_keys\":[\"age_over_18\"]}" },
		{ EVENT_ATTEMPT_FAILED, TRIGGER_ATTEMPT,
		    "{\"failure_code\":\"document_data_invalid\"}" },
		{ EVENT_SESSION_EXPIRED, TRIGGER_SESSION, "{}" },
		{ EVENT_SESSION_CANCELLED, TRIGGER_SESSION, "{}" },
	};
	char attempt[160], event_text[ID_TEXT_SIZE], session_text[ID_TEXT_SIZE];
	char attempt_text[ID_TEXT_SIZE], expected[600];
	struct uuid session_id, attempt_id, event_id;
	struct row_event_body row;
	struct bytes text;

	assert_int_equal(uuid_make(&session_id), ERR_OK);
	assert_int_equal(uuid_make(&attempt_id), ERR_OK);
	id_text(ID_SESSION, session_id, session_text);
	id_text(ID_SESSION_ATTEMPT, attempt_id, attempt_text);
	for (size_t i = 0; i < countof(rows); i++) {
		bool is_attempt = rows[i].trigger == TRIGGER_ATTEMPT;
		struct event_new event = { .type = rows[i].type,
			.trigger = rows[i].trigger,
			.trigger_id = is_attempt ? attempt_id : session_id,
			.session_id = session_id };
		assert_int_equal(
		    json_read(rows[i].data, strlen(rows[i].data), &event.data, NULL), ERR_OK);
		assert_int_equal(db_begin(ctx.db), ERR_OK);
		assert_int_equal(event_put(&ctx, tenant, &event, &event_id), ERR_OK);
		assert_int_equal(db_commit(ctx.db), ERR_OK);
		assert_int_equal(q_event_body(ctx.db, ctx.arena, tenant, event_id, &row), ERR_OK);
		assert_int_equal(event_open(&ctx, event_id, row.body, row.seal_key, &text), ERR_OK);
		id_text(ID_EVENT, event_id, event_text);
		snprintf(
		    attempt, sizeof(attempt), "\"verification_attempt_id\":\"%s\",", attempt_text);
		snprintf(expected, sizeof(expected),
		    "{\"data\":%s,\"metadata\":{\"contract_version\":1,\"event_id\":\"%s\",%s"
		    "\"verification_session_id\":\"%s\"},\"type\":\"%s\"}",
		    rows[i].data, event_text, is_attempt ? attempt : "", session_text,
		    event_type_word(rows[i].type));
		assert_int_equal(text.len, strlen(expected));
		assert_memory_equal(text.data, expected, text.len);
	}
}

/* Encrypted once: each attempt has the same bytes, whatever became of the key. */
static void test_encrypted_once(void **state UNUSED)
{
	struct keying key = { .endpoint_id = make().row.id,
		.key_id = "one",
		.jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", MODULUS, "e", "AQAB") };
	struct setting setting = { .active = false };
	struct uuid event_id;

	assert_int_equal(tx_run(&ctx, key_tx, &key), ERR_OK);
	claims_for(tenant, &event_id);
	struct delivery delivery = only_delivery();
	struct delivery_flow first = taken(), second;
	core_run("DELETE FROM work");
	setting.id = key.row.id;
	assert_int_equal(tx_run(&ctx, set_tx, &setting), ERR_OK);
	assert_int_equal(tx_run(&ctx, retry_tx, &delivery), ERR_OK);
	core_run("UPDATE delivery SET attempt_count = 3, attempts_total = 4");
	second = taken();
	assert_int_equal(first.request.body_len, second.request.body_len);
	assert_memory_equal(first.request.body, second.request.body, first.request.body_len);
	json_decref(key.jwk);
}

/* A key that cannot be used any more closes as a missing one does. */
static void test_a_broken_key_fails_closed(void **state UNUSED)
{
	struct keying key = { .endpoint_id = make().row.id,
		.key_id = "one",
		.jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", MODULUS, "e", "AQAB") };
	struct uuid event_id;

	assert_int_equal(tx_run(&ctx, key_tx, &key), ERR_OK);
	core_run("UPDATE webhook_key SET jwk = '{\"kty\":\"RSA\"}'");
	claims_for(tenant, &event_id);
	assert_int_equal(deliveries("status = 'failed' AND payload IS NULL"), 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	json_decref(key.jwk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_active_key, set_up),
		cmocka_unit_test_setup(test_too_many_keys, set_up),
		cmocka_unit_test_setup(test_fails_closed, set_up),
		cmocka_unit_test_setup(test_stays_closed, set_up),
		cmocka_unit_test_setup(test_session_bodies, set_up),
		cmocka_unit_test_setup(test_encrypted_once, set_up),
		cmocka_unit_test_setup(test_a_broken_key_fails_closed, set_up),
	};
	int failed;

	if (!core_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
