/* SPDX-License-Identifier: Apache-2.0 */
/* delivery_flow.c: what is sent, and what follows from the end of an attempt. */
#include "delivery_flow.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "event.h"
#include "id.h"
#include "limits.h"
#include "str.h"
#include "webhook.h"
#include "webhook_sign.h"

#define SECOND_MS 1000
#define DAY_MS INT64_C(86400000)
#define CONNECT_MS 10000
#define STEP_MAX_S 604800

/* ---- the schedule ---------------------------------------------------------------------------------- */

/* Step number n (from 0) of a schedule's text, or -1 behind its end; -2 when it is no schedule. */
static int64_t schedule_step(const char *text, int64_t n, size_t *ret_count)
{
	int64_t found = -1, value;
	size_t count = 0;
	char word[16];

	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		size_t skip = strspn(text, " ");
		if (skip > len || len - skip >= sizeof(word) || len == skip)
			return -2;
		memcpy(word, text + skip, len - skip);
		word[len - skip] = '\0';
		if (str_to_i64(word, 0, STEP_MAX_S, &value) != ERR_OK ||
		    count == LIMIT_DELIVERY_ATTEMPTS)
			return -2;
		if ((int64_t)count == n)
			found = value;
		count++;
		text += len;
		if (*text == ',' && *++text == '\0')
			return -2;
	}
	*ret_count = count;
	return found;
}

enum err delivery_schedule_check(const char *text, size_t *ret_count)
{
	size_t count = 0;

	if (schedule_step(text, 0, &count) < 0)
		return ERR_SYNTAX;
	if (ret_count != NULL)
		*ret_count = count;
	return ERR_OK;
}

int64_t delivery_wait_ms(const struct settings *settings, int64_t attempts, int64_t floor_s)
{
	size_t count = 0;
	int64_t wait_s = schedule_step(settings->webhook_schedule_s, attempts, &count);
	uint32_t jitter = 0;

	if (wait_s < 0)
		return -1;
	if (floor_s > LIMIT_RETRY_AFTER_S)
		floor_s = LIMIT_RETRY_AFTER_S;
	if (wait_s < floor_s)
		wait_s = floor_s;
	/* Jitter only adds. Without randomness there is none, which harms nobody. */
	if (random_below((uint32_t)(wait_s * SECOND_MS / 10) + 1, &jitter) != ERR_OK)
		jitter = 0;
	return wait_s * SECOND_MS + jitter;
}

/* ---- preparing ---------------------------------------------------------------------------------------- */

/* What an endpoint signs with, opened. Wiped after signing. */
struct secrets {
	struct webhook_secret current, previous;
	struct webhook_key key;
	bool has_previous, has_key;
};

static enum err open_secret(struct ctx *ctx, const struct row_delivery_load *row, const char *which,
    struct bytes sealed, struct webhook_secret *ret_secret)
{
	const char *text = NULL;
	enum err err = webhook_open(ctx, row->endpoint_id, which, sealed, &text);

	return err == ERR_OK ? webhook_secret_parse(text, strlen(text), ret_secret) : err;
}

static enum err open_secrets(
    struct ctx *ctx, const struct row_delivery_load *row, struct secrets *secrets)
{
	const char *text = NULL;
	enum err err = open_secret(ctx, row, "secret", row->secret, &secrets->current);

	secrets->has_previous =
	    row->secret_old.data != NULL && row->secret_old_until > clock_now_ms();
	if (err == ERR_OK && secrets->has_previous)
		err = open_secret(ctx, row, "secret_old", row->secret_old, &secrets->previous);
	secrets->has_key = row->signing_key.data != NULL;
	if (err == ERR_OK && secrets->has_key)
		err = webhook_open(ctx, row->endpoint_id, "signing_key", row->signing_key, &text);
	if (err == ERR_OK && secrets->has_key)
		err = webhook_key_parse(text, strlen(text), &secrets->key);
	return err;
}

/* The signed header lines, and in front of them the type of the body. */
static enum err sign(struct ctx *ctx, struct delivery_flow *flow, const struct secrets *secrets)
{
	const struct row_delivery_load *row = &flow->row;
	char event[ID_TEXT_SIZE], delivery[ID_TEXT_SIZE];
	const char *const *lines = NULL;
	bool session = strcmp(row->surface, surface_word(SURFACE_SESSION)) == 0;
	struct webhook_signer signer = { .current = &secrets->current,
		.previous = secrets->has_previous ? &secrets->previous : NULL,
		.key = secrets->has_key ? &secrets->key : NULL,
		.session_headers = session,
		.legacy_secret_header = row->legacy_secret_header };

	id_text(ID_EVENT, row->event_id, event);
	id_text(ID_DELIVERY, flow->work.subject_id, delivery);
	struct webhook_message message = { .id = event,
		.timestamp_s = flow->started_ms / SECOND_MS,
		.body = flow->request.body,
		.body_len = flow->request.body_len,
		.delivery_id = delivery,
		.event = row->type };
	enum err err = webhook_sign(&signer, &message, ctx->arena, &lines);
	if (err != ERR_OK)
		return err;
	const char **all = arena_array(ctx->arena, WEBHOOK_LINES_MAX + 2, sizeof(*all));
	if (all == NULL)
		return ERR_NOMEM;
	all[0] = row->payload.data == NULL ? "Content-Type: application/json"
					   : "Content-Type: application/jose";
	for (size_t i = 0; i <= WEBHOOK_LINES_MAX; i++) {
		all[i + 1] = lines[i];
		if (lines[i] == NULL)
			break;
	}
	flow->request.headers = all;
	return ERR_OK;
}

static enum err build(struct ctx *ctx, struct delivery_flow *flow)
{
	const struct row_delivery_load *row = &flow->row;
	struct secrets secrets = { .has_key = false };
	struct bytes body = row->payload;
	enum err err = ERR_OK;

	/* Queueing sees to it that there is none like this; if there is, it is not sent. */
	if (body.data == NULL && row->seal_key != DB_NULL)
		return ERR_STATE;
	if (body.data == NULL)
		err = event_open(ctx, row->event_id, row->body, row->seal_key, &body);
	flow->started_ms = clock_now_ms();
	flow->request = (struct delivery_request){ .url = row->url,
		.body = body.data,
		.body_len = body.len,
		.connect_timeout_ms = CONNECT_MS,
		.deadline_ms = ctx->settings->webhook_timeout_s * SECOND_MS };
	if (err == ERR_OK)
		err = open_secrets(ctx, row, &secrets);
	if (err == ERR_OK)
		err = sign(ctx, flow, &secrets);
	wipe(&secrets, sizeof(secrets));
	return err;
}

enum err delivery_prepare(struct ctx *ctx, struct delivery_flow *flow)
{
	enum err err = q_delivery_load(ctx->db, ctx->arena, flow->work.subject_id, &flow->row);

	flow->disabled = DISABLED__MAX;
	if (err != ERR_OK && err != ERR_MISSING)
		return err;
	if (err == ERR_MISSING || flow->row.deleted_at != TIME_NONE ||
	    strcmp(flow->row.status, delivery_status_word(DELIVERY_PENDING)) != 0) {
		flow->step = DELIVERY_DROP;
		return ERR_OK;
	}
	if (flow->row.disabled != NULL && !flow->row.once) {
		flow->step = DELIVERY_HOLD;
		return ERR_OK;
	}
	flow->step = DELIVERY_SEND;
	flow->problem = build(ctx, flow);
	if (flow->problem != ERR_OK)
		flow->step = DELIVERY_LATER;
	return ERR_OK;
}

/* ---- the end of an attempt -------------------------------------------------------------------------- */

/* Standard Webhooks: 2xx is delivered, 410 is gone, a redirect is never followed. */
static enum attempt_error error_of_code(int64_t code)
{
	if (code >= 200 && code < 300)
		return ATTEMPT_NONE;
	if (code == 410)
		return ATTEMPT_GONE;
	return code >= 300 && code < 400 ? ATTEMPT_REDIRECT : ATTEMPT_STATUS;
}

void delivery_ended(
    struct ctx *ctx, struct delivery_flow *flow, const struct delivery_answer *answer)
{
	flow->error = answer->answered ? error_of_code(answer->code) : answer->fault;
	flow->code = answer->code > 0 ? answer->code : DB_NULL;
	flow->duration_ms = answer->duration_ms;
	flow->retry_after_s = answer->retry_after_s;
	flow->excerpt = (struct bytes){ NULL, 0 };
	if (answer->body_len == 0)
		return;
	/* Without memory the attempt is kept without what was said to it. */
	flow->excerpt.data = arena_strndup(ctx->arena, answer->body, answer->body_len);
	flow->excerpt.len = flow->excerpt.data == NULL ? 0 : answer->body_len;
}

/* ---- settling ------------------------------------------------------------------------------------------ */

static enum err put_attempt(struct ctx *ctx, const struct delivery_flow *flow)
{
	const struct row_delivery_load *row = &flow->row;
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err != ERR_OK)
		return err;
	return q_delivery_attempt_put(ctx->db, flow->work.subject_id, row->attempts_total + 1, id,
	    row->endpoint_id, flow->started_ms, flow->duration_ms, flow->code,
	    attempt_error_word(flow->error), flow->excerpt);
}

/* What the endpoint's owner, and their other endpoints, are told. */
static enum err tell_disabled(
    struct ctx *ctx, const struct delivery_flow *flow, const struct row_webhook_get *endpoint)
{
	char id[ID_TEXT_SIZE], when[TIME_TEXT_SIZE];
	enum environment environment;
	enum err err = environment_parse(endpoint->environment, &environment);

	if (err != ERR_OK)
		return err;
	id_text(ID_WEBHOOK, endpoint->id, id);
	time_text(clock_now_ms(), when);
	struct event_new event = { .type = EVENT_WEBHOOK_DISABLED,
		.trigger = TRIGGER_ENDPOINT,
		.trigger_id = endpoint->id,
		.environment = environment,
		.data = json_pack("{s:s, s:s, s:s, s:s}", "id", id, "url", endpoint->url, "reason",
		    disabled_reason_word(flow->disabled), "disabled_at", when) };
	return event_put(ctx, flow->row.application_id, &event, NULL);
}

static enum err disable(struct ctx *ctx, struct delivery_flow *flow, enum disabled_reason reason)
{
	struct row_webhook_get endpoint;
	int64_t now_ms = clock_now_ms();
	uint64_t changed = 0;
	enum err err = q_webhook_disable(
	    ctx->db, disabled_reason_word(reason), now_ms, now_ms, flow->row.endpoint_id, &changed);

	/* Somebody else was first, and has told it. */
	if (err != ERR_OK || changed == 0)
		return err;
	flow->disabled = reason;
	struct audit_entry entry = { .action = AUDIT_WEBHOOK_DISABLED,
		.application_id = flow->row.application_id,
		.subject_id = flow->row.endpoint_id,
		.detail = disabled_reason_word(reason) };
	err = audit_note(ctx, &entry);
	if (err == ERR_OK)
		err = q_webhook_get(ctx->db, ctx->arena, flow->row.application_id,
		    flow->row.endpoint_id, NULL, &endpoint);
	return err == ERR_OK ? tell_disabled(ctx, flow, &endpoint) : err;
}

/* Days of nothing but failures, seen at a failure, end an endpoint; the first one only starts the
 * count. A test proves nothing about an endpoint. */
static enum err note_failure(struct ctx *ctx, struct delivery_flow *flow)
{
	const struct row_delivery_load *row = &flow->row;
	int64_t now_ms = clock_now_ms();

	if (row->once)
		return ERR_OK;
	if (flow->error == ATTEMPT_GONE)
		return disable(ctx, flow, DISABLED_GONE);
	if (row->failing_since == TIME_NONE)
		return q_webhook_failing(ctx->db, now_ms, row->endpoint_id);
	if (now_ms - row->failing_since >= ctx->settings->webhook_disable_days * DAY_MS)
		return disable(ctx, flow, DISABLED_FAILING);
	return ERR_OK;
}

static enum err settle_delivery(
    struct ctx *ctx, struct delivery_flow *flow, enum delivery_status status, int64_t next_ms)
{
	const struct row_delivery_load *row = &flow->row;

	flow->settled = status;
	return q_delivery_settle(ctx->db, delivery_status_word(status), row->attempt_count + 1,
	    row->attempts_total + 1, next_ms, flow->code, flow->duration_ms, flow->started_ms,
	    clock_now_ms(), flow->work.subject_id);
}

/*
 * The work row first, in one statement that names the lease: it is the fence. When it finds that the
 * lease is another's, nothing has been written, and nothing will be.
 */
static enum err settle_success(struct ctx *ctx, struct delivery_flow *flow)
{
	enum err err = work_done(ctx, &flow->work);

	if (err == ERR_OK)
		err = put_attempt(ctx, flow);
	if (err == ERR_OK)
		err = settle_delivery(ctx, flow, DELIVERY_SUCCEEDED, TIME_NONE);
	if (err == ERR_OK && flow->row.failing_since != TIME_NONE)
		err = q_webhook_failing(ctx->db, TIME_NONE, flow->row.endpoint_id);
	return err;
}

/* Its schedule is spent: for good. */
static enum err settle_spent(struct ctx *ctx, struct delivery_flow *flow)
{
	enum err err = work_done(ctx, &flow->work);

	if (err == ERR_OK)
		err = put_attempt(ctx, flow);
	if (err == ERR_OK)
		err = settle_delivery(ctx, flow, DELIVERY_FAILED, TIME_NONE);
	return err == ERR_OK ? note_failure(ctx, flow) : err;
}

static enum err settle_failure(struct ctx *ctx, struct delivery_flow *flow)
{
	int64_t wait_ms = -1, due_ms;
	enum err err;

	if (!flow->row.once)
		wait_ms = delivery_wait_ms(
		    ctx->settings, flow->row.attempt_count + 1, flow->retry_after_s);
	if (wait_ms < 0)
		return settle_spent(ctx, flow);
	due_ms = clock_now_ms() + wait_ms;
	err = work_again(ctx, &flow->work, due_ms, true);
	if (err == ERR_OK)
		err = put_attempt(ctx, flow);
	if (err == ERR_OK)
		err = note_failure(ctx, flow);
	if (err != ERR_OK)
		return err;
	/* Disabled just now: it waits without a place in the queue. */
	if (flow->disabled == DISABLED__MAX)
		return settle_delivery(ctx, flow, DELIVERY_PENDING, due_ms);
	err = work_drop(ctx, flow->work.subject_id);
	return err == ERR_OK ? settle_delivery(ctx, flow, DELIVERY_PENDING, TIME_NONE) : err;
}

static enum err settle_later(struct ctx *ctx, struct delivery_flow *flow)
{
	flow->alert = "a delivery cannot be signed or opened now and will be tried again";
	return work_again(
	    ctx, &flow->work, clock_now_ms() + work_backoff_ms(flow->work.failures + 1, 0), true);
}

/* Disabled since it was queued. Held under the endpoint's lock: whoever enables it meanwhile either
 * sees this delivery without work, or this sees it enabled. */
static enum err settle_hold(struct ctx *ctx, struct delivery_flow *flow)
{
	const struct row_delivery_load *row = &flow->row;
	struct row_webhook_hold endpoint;
	enum err err = work_fence(ctx, &flow->work);

	if (err != ERR_OK)
		return err;
	err = q_webhook_hold(
	    ctx->db, ctx->arena, row->application_id, row->endpoint_id, NULL, &endpoint);
	if (err == ERR_MISSING)
		return work_done(ctx, &flow->work);
	if (err == ERR_OK && endpoint.disabled == NULL)
		return work_again(ctx, &flow->work, clock_now_ms(), false);
	if (err == ERR_OK)
		err = q_delivery_held(ctx->db, clock_now_ms(), flow->work.subject_id);
	return err == ERR_OK ? work_done(ctx, &flow->work) : err;
}

enum err delivery_settle(struct ctx *ctx, struct delivery_flow *flow)
{
	flow->alert = NULL;
	flow->disabled = DISABLED__MAX;
	flow->settled = DELIVERY_PENDING;
	if (flow->step == DELIVERY_DROP)
		return work_done(ctx, &flow->work);
	if (flow->step == DELIVERY_HOLD)
		return settle_hold(ctx, flow);
	if (flow->step == DELIVERY_LATER)
		return settle_later(ctx, flow);
	return flow->error == ATTEMPT_NONE ? settle_success(ctx, flow) : settle_failure(ctx, flow);
}
