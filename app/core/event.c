/* SPDX-License-Identifier: Apache-2.0 */
/* event.c is the outbox: an event, its deliveries and their work, in one transaction. */
#include "event.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "delivery.h"
#include "delivery_flow.h"
#include "id.h"
#include "jose.h"
#include "limits.h"
#include "page.h"
#include "str.h"
#include "tx.h"
#include "work.h"

#define PURPOSE "event.body"
#define CONTRACT_VERSION 1 /* of what sessions share */

/* What sets a type apart; most carry nothing that needs hiding. */
static const bool with_claims[EVENT__MAX] = {
	[EVENT_ATTEMPT_SUCCEEDED] = true,
	[EVENT_ATTEMPT_FAILED] = true,
	[EVENT_SESSION_EXPIRED] = true,
	[EVENT_SESSION_CANCELLED] = true,
};

bool event_has_claims(enum event_type type)
{
	return with_claims[type];
}

bool event_subscribed(const char *events, enum event_type type)
{
	return str_has_word(events, event_type_word(type));
}

/* ---- the body ------------------------------------------------------------------------------------ */

/* contract/webhooks.md, Events: both "event" and "type", because receivers look for either. */
static json_t *plain_body(const struct event_new *event, struct uuid id)
{
	char when[TIME_TEXT_SIZE];
	const char *type = event_type_word(event->type);

	time_text(uuid_time_ms(id), when);
	return json_pack("{s:s, s:s, s:O, s:s}", "event", type, "type", type, "data", event->data,
	    "timestamp", when);
}

/* reference/kayle.md section 5.3, generation A: the ids are beside the data. */
static json_t *session_body(const struct event_new *event, struct uuid id)
{
	bool is_attempt = event->trigger == TRIGGER_ATTEMPT;
	char event_id[ID_TEXT_SIZE], attempt[ID_TEXT_SIZE], session[ID_TEXT_SIZE];

	id_text(ID_EVENT, id, event_id);
	id_text(ID_SESSION_ATTEMPT, event->trigger_id, attempt);
	id_text(ID_SESSION, is_attempt ? event->session_id : event->trigger_id, session);
	return json_pack("{s:O, s:{s:i, s:s, s:s*, s:s}, s:s}", "data", event->data, "metadata",
	    "contract_version", CONTRACT_VERSION, "event_id", event_id, "verification_attempt_id",
	    is_attempt ? attempt : NULL, "verification_session_id", session, "type",
	    event_type_word(event->type));
}

static enum err write_body(
    struct ctx *ctx, const struct event_new *event, struct uuid id, struct bytes *ret_text)
{
	struct buf text;
	json_t *body =
	    event_has_claims(event->type) ? session_body(event, id) : plain_body(event, id);

	buf_init(&text, LIMIT_EVENT_BODY);
	enum err err = body == NULL ? ERR_NOMEM : json_write(body, &text);
	if (err == ERR_OK) {
		ret_text->len = text.len;
		ret_text->data = arena_strndup(ctx->arena, text.data, text.len);
		err = ret_text->data == NULL ? ERR_NOMEM : ERR_OK;
	}
	buf_free(&text);
	json_decref(body);
	return err;
}

enum err event_open(
    struct ctx *ctx, struct uuid id, struct bytes body, int64_t seal_key, struct bytes *ret_text)
{
	if (seal_key != DB_NULL)
		return seal_open(ctx->keyring, ctx->arena, PURPOSE, id, body, ret_text);
	*ret_text = body;
	return ERR_OK;
}

enum err event_seal(struct ctx *ctx, struct uuid id, struct bytes text, struct bytes *ret_sealed)
{
	return seal_data(ctx->keyring, ctx->arena, PURPOSE, id, text.data, text.len, ret_sealed);
}

/* ---- deliveries ---------------------------------------------------------------------------------- */

/* What becomes of one delivery at birth. */
struct birth {
	struct uuid id;
	enum delivery_status status;
	bool queued;
	struct uuid key_row_id; /* nil: not encrypted */
	struct bytes payload;   /* NULL data: the event as it is */
	enum attempt_error error;
};

enum err event_encrypt(struct ctx *ctx, struct bytes text, const char *jwk, const char *key_id,
    struct bytes *ret_payload)
{
	struct bytes payload;
	json_t *key = NULL;
	struct buf out;
	enum err err = json_read(jwk, strlen(jwk), &key, NULL);

	buf_init(&out, LIMIT_EVENT_BODY * 2);
	if (err == ERR_OK)
		err = jwe_encrypt(key, key_id, text.data, text.len, &out);
	if (err == ERR_OK) {
		payload.len = out.len;
		payload.data = arena_strndup(ctx->arena, out.data, out.len);
		err = payload.data == NULL ? ERR_NOMEM : ERR_OK;
	}
	if (err == ERR_OK)
		*ret_payload = payload;
	buf_free(&out);
	json_decref(key);
	return err;
}

/* For an endpoint's active key. One that cannot be used any more fails the delivery as a missing
 * one does: never in the clear. */
static enum err encrypt(struct ctx *ctx, const struct event_body *event,
    const struct row_webhook_subscribers *endpoint, struct birth *birth)
{
	enum err err =
	    event_encrypt(ctx, event->text, endpoint->jwk, endpoint->key_id, &birth->payload);

	if (err == ERR_OK) {
		birth->key_row_id = endpoint->key_row_id;
	} else if (err != ERR_NOMEM) {
		birth->status = DELIVERY_FAILED;
		birth->error = ATTEMPT_NO_KEY;
		err = ERR_OK;
	}
	return err;
}

static enum err put_failed_attempt(struct ctx *ctx, const struct birth *birth,
    const struct row_webhook_subscribers *endpoint, int64_t now_ms)
{
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err != ERR_OK)
		return err;
	return q_delivery_attempt_put(ctx->db, birth->id, 1, id, endpoint->id, now_ms, 0, DB_NULL,
	    attempt_error_word(birth->error), (struct bytes){ NULL, 0 });
}

static enum err put_delivery(struct ctx *ctx, struct uuid application_id,
    const struct event_body *event, const struct row_webhook_subscribers *endpoint,
    const struct birth *birth, bool once)
{
	/* Not the id's time, which can be ahead of a clock that was set back: nobody should wait. */
	int64_t now_ms = clock_now_ms();
	int64_t due_ms = once ? now_ms : now_ms + delivery_wait_ms(ctx->settings, 0, -1);
	bool failed = birth->status == DELIVERY_FAILED;
	char lane[ID_TEXT_SIZE];
	enum err err = q_delivery_put(ctx->db, application_id, birth->id, event->id, endpoint->id,
	    delivery_status_word(birth->status), once, failed, failed,
	    birth->queued ? due_ms : TIME_NONE, failed ? now_ms : TIME_NONE, birth->key_row_id,
	    birth->payload, now_ms, now_ms);

	if (err == ERR_OK && failed)
		err = put_failed_attempt(ctx, birth, endpoint, now_ms);
	if (err == ERR_OK && birth->queued) {
		delivery_lane(endpoint->id, lane);
		err = work_put(ctx, WORK_DELIVERY, birth->id, lane, due_ms);
	}
	return err;
}

enum err event_deliver(struct ctx *ctx, struct uuid application_id, const struct event_body *event,
    const struct row_webhook_subscribers *endpoint, bool once)
{
	struct birth birth = { .status = DELIVERY_PENDING };
	enum err err = uuid_make(&birth.id);

	if (err == ERR_OK && !uuid_is_nil(endpoint->key_row_id))
		err = encrypt(ctx, event, endpoint, &birth);
	else if (err == ERR_OK && event_has_claims(event->type)) {
		birth.status = DELIVERY_FAILED;
		birth.error = ATTEMPT_NO_KEY;
	}
	birth.queued = birth.status == DELIVERY_PENDING && (once || endpoint->disabled == NULL);
	return err == ERR_OK ? put_delivery(ctx, application_id, event, endpoint, &birth, once)
			     : err;
}

static bool is_told(const struct event_new *event, const struct row_webhook_subscribers *endpoint)
{
	if (event->only_to != NULL)
		return uuid_equal(*event->only_to, endpoint->id);
	/* Disabled by its owner: not told. Disabled by us: held for it. */
	if (endpoint->disabled != NULL &&
	    strcmp(endpoint->disabled, disabled_reason_word(DISABLED_MANUAL)) == 0)
		return false;
	if (event->environment == ENV_LIVE &&
	    strcmp(endpoint->environment, environment_word(ENV_SANDBOX)) == 0)
		return false;
	return event_subscribed(endpoint->events, event->type);
}

static enum err put_row(struct ctx *ctx, struct uuid application_id, const struct event_new *event,
    const struct event_body *body)
{
	struct bytes stored = body->text;
	int64_t seal_key = DB_NULL;
	enum err err = ERR_OK;

	if (event_has_claims(event->type)) {
		seal_key = (int64_t)keyring_current(ctx->keyring);
		err = event_seal(ctx, body->id, body->text, &stored);
	}
	if (err != ERR_OK)
		return err;
	return q_event_put(ctx->db, application_id, body->id, environment_word(event->environment),
	    event_type_word(event->type), event_trigger_word(event->trigger), event->trigger_id,
	    stored, seal_key, ctx->request_id, uuid_time_ms(body->id));
}

static enum err put_all(struct ctx *ctx, struct uuid application_id, const struct event_new *event,
    struct event_body *body)
{
	struct row_webhook_subscribers *endpoints = NULL;
	size_t count = 0;
	enum err err = uuid_make(&body->id);

	if (err == ERR_OK)
		err = write_body(ctx, event, body->id, &body->text);
	if (err == ERR_OK)
		err = put_row(ctx, application_id, event, body);
	if (err == ERR_OK)
		err =
		    q_webhook_subscribers(ctx->db, ctx->arena, application_id, &endpoints, &count);
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		if (is_told(event, &endpoints[i]))
			err = event_deliver(
			    ctx, application_id, body, &endpoints[i], event->only_to != NULL);
	}
	return err;
}

enum err event_put(
    struct ctx *ctx, struct uuid application_id, const struct event_new *event, struct uuid *ret_id)
{
	struct event_body body = { .type = event->type };
	enum err err = event->data == NULL ? ERR_NOMEM : put_all(ctx, application_id, event, &body);

	json_decref(event->data);
	if (err == ERR_OK && ret_id != NULL)
		*ret_id = body.id;
	return err;
}

/* ---- showing --------------------------------------------------------------------------------------- */

/* How the trigger's own family spells its id. */
static const enum id_kind trigger_ids[TRIGGER__MAX] = {
	[TRIGGER_VERIFICATION] = ID_VERIFICATION,
	[TRIGGER_SESSION] = ID_SESSION,
	[TRIGGER_AGE] = ID_VERIFICATION,
	[TRIGGER_ATTEMPT] = ID_SESSION_ATTEMPT,
	[TRIGGER_ENDPOINT] = ID_WEBHOOK,
	[TRIGGER_ORGANIZATION] = ID_ORGANIZATION,
};

static enum err fill(struct ctx *ctx, const struct row_event_get *row, struct event *event)
{
	enum event_trigger trigger;
	char text[ID_TEXT_SIZE];

	*event = (struct event){ .row = *row };
	if (event_trigger_parse(row->trigger_type, &trigger) != ERR_OK)
		return ERR_DB_BROKEN;
	id_text(trigger_ids[trigger], row->trigger_id, text);
	event->trigger_id = arena_strdup(ctx->arena, text);
	if (event->trigger_id == NULL)
		return ERR_NOMEM;
	enum err err = q_event_deliveries(ctx->db, ctx->arena, ctx->actor.application_id, row->id,
	    &event->deliveries, &event->delivery_count);
	for (size_t i = 0; err == ERR_OK && i < event->delivery_count; i++)
		event->deliveries[i].status = delivery_status_shown(
		    event->deliveries[i].status, event->deliveries[i].lease_until);
	return err;
}

enum err event_get(struct ctx *ctx, struct uuid id, struct event *ret_event)
{
	struct row_event_get row;
	struct event event;
	enum err err = q_event_get(
	    ctx->db, ctx->arena, ctx->actor.application_id, id, ctx_environment(ctx), &row);

	if (err == ERR_OK)
		err = fill(ctx, &row, &event);
	if (err == ERR_OK)
		*ret_event = event;
	return err == ERR_MISSING ? ERR_EVENT_NOT_FOUND : err;
}

enum err event_list(struct ctx *ctx, const struct event_filter *filter, struct event **ret_events,
    size_t *ret_count, bool *ret_more)
{
	struct row_event_page *rows = NULL;
	struct uuid after, low, high;
	size_t count = 0;
	enum err err = page_after(ID_EVENT, filter->after, &after);

	if (err != ERR_OK)
		return err;
	page_range(after, filter->from_ms, filter->to_ms, &low, &high);
	/* The same columns, so the same struct under another name. */
	_Static_assert(sizeof(struct row_event_page) == sizeof(struct row_event_page_type) &&
			   sizeof(struct row_event_page) == sizeof(struct row_event_get),
	    "events are read alike");
	if (filter->type == NULL)
		err = q_event_page(ctx->db, ctx->arena, ctx->actor.application_id,
		    ctx_environment(ctx), low, high, filter->limit + 1, &rows, &count);
	else
		err =
		    q_event_page_type(ctx->db, ctx->arena, ctx->actor.application_id, filter->type,
			ctx_environment(ctx), low, high, filter->limit + 1, (void *)&rows, &count);
	if (err != ERR_OK)
		return err;
	bool more = count > (size_t)filter->limit;
	count = more ? (size_t)filter->limit : count;
	struct event *events = arena_array(ctx->arena, count, sizeof(*events));
	if (events == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = fill(ctx, (const struct row_event_get *)(const void *)&rows[i], &events[i]);
	if (err != ERR_OK)
		return err;
	*ret_events = events;
	*ret_count = count;
	*ret_more = more;
	return ERR_OK;
}

enum err event_replay(struct ctx *ctx, struct uuid id, struct event *ret_event)
{
	struct event event;
	size_t queued = 0;
	enum err err = event_get(ctx, id, &event);

	for (size_t i = 0; err == ERR_OK && i < event.delivery_count; i++) {
		enum err one = delivery_queue(ctx, ctx->actor.application_id,
		    event.deliveries[i].id, event.deliveries[i].endpoint_id);
		queued += one == ERR_OK;
		/* Of a deleted endpoint: the batch has not removed it yet. */
		err = one == ERR_DELIVERY_BUSY || one == ERR_DELIVERY_NO_KEY ||
			      one == ERR_DELIVERY_NOT_FOUND
			  ? ERR_OK
			  : one;
	}
	if (err == ERR_OK && queued == 0)
		return ERR_EVENT_NOT_REPLAYABLE;
	struct audit_entry entry = { .action = AUDIT_EVENT_REPLAYED,
		.application_id = ctx->actor.application_id,
		.subject_id = id };
	if (err == ERR_OK)
		err = audit_note(ctx, &entry);
	return err == ERR_OK ? event_get(ctx, id, ret_event) : err;
}

/* ---- the end ---------------------------------------------------------------------------------------- */

struct expiring {
	struct uuid before;
	int64_t max;
	uint64_t removed;
};

static enum err remove_event(struct ctx *ctx, struct uuid id)
{
	struct row_event_expire_deliveries *rows = NULL;
	size_t count = 0;
	enum err err = q_event_expire_deliveries(ctx->db, ctx->arena, id, &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = delivery_remove(ctx, rows[i].id);
	return err == ERR_OK ? q_event_remove(ctx->db, id) : err;
}

static enum err remove_old(struct ctx *ctx, void *arg)
{
	struct expiring *expiring = arg;
	struct row_event_expire_list *rows = NULL;
	size_t count = 0;
	enum err err = q_event_expire_list(
	    ctx->db, ctx->arena, expiring->before, expiring->max, &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = remove_event(ctx, rows[i].id);
	expiring->removed = count;
	return err;
}

enum err event_expire(struct ctx *ctx, int64_t before_ms, int64_t max, uint64_t *ret_removed)
{
	struct expiring expiring = { .before = uuid_floor(before_ms), .max = max };
	enum err err = tx_run(ctx, remove_old, &expiring);

	if (err == ERR_OK)
		*ret_removed = expiring.removed;
	return err;
}
