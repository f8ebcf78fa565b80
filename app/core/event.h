/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h owns events (contract/webhooks.md, Events): what happened, written with one delivery per
 * endpoint that is to be told, and each delivery's row in the queue, in the transaction that causes
 * it. So an event without its deliveries cannot exist, and what was accepted will be told.
 */
#ifndef BONAFIDE_EVENT_H
#define BONAFIDE_EVENT_H

#include "base.h"
#include "ctx.h"
#include "json.h"
#include "stmt.h"

struct event_new {
	enum event_type type;
	enum event_trigger trigger;
	struct uuid trigger_id;
	enum environment environment;
	struct uuid session_id; /* of an attempt's event: its session */
	json_t *data;           /* the object it is about, as its owner may see it; taken over */
	const struct uuid *only_to; /* a test: this endpoint alone, once, whatever its state */
};

/*
 * Writes an event of a tenant and its deliveries, inside the caller's transaction. *ret_id (NULL
 * allowed): the event. An endpoint is told when it is subscribed, of the event's environment (a live
 * one also of the sandbox's), and not disabled by its owner; for one that was disabled by us the
 * delivery is written but held. With an active encryption key the delivery carries a JWE, made here
 * once. Events with claims are failed at once for an endpoint without a key (contract/sessions.md,
 * Encryption). ERR_FULL when the body passes LIMIT_EVENT_BODY; ERR_CRYPTO, ERR_NOMEM, database
 * errors. data is released in every case.
 */
enum err event_put(struct ctx *ctx, struct uuid application_id, const struct event_new *event,
    struct uuid *ret_id) MUST_CHECK;

/* Puts a delivery of an event to one more endpoint, as event_put() does: for recovery. */
struct event_body {
	struct uuid id;
	enum event_type type;
	struct bytes text; /* opened */
};
enum err event_deliver(struct ctx *ctx, struct uuid application_id, const struct event_body *event,
    const struct row_webhook_subscribers *endpoint, bool once) MUST_CHECK;

/* The text of a stored event's body, opened when it is sealed. As seal_open(). */
enum err event_open(struct ctx *ctx, struct uuid id, struct bytes body, int64_t seal_key,
    struct bytes *ret_text) MUST_CHECK;

/* The JWE of a body's text to a key of an endpoint, in ctx's arena. ERR_NOMEM; any other error: the
 * key cannot be used (any more). */
enum err event_encrypt(struct ctx *ctx, struct bytes text, const char *jwk, const char *key_id,
    struct bytes *ret_payload) MUST_CHECK;

/* Seals the text of a body for its row. As seal_data(). */
enum err event_seal(
    struct ctx *ctx, struct uuid id, struct bytes text, struct bytes *ret_sealed) MUST_CHECK;

/* True when the type carries what a person consented to share: sealed here, encrypted outside. */
bool event_has_claims(enum event_type type);

/* True when a list of words, one space between, has this one. */
bool event_subscribed(const char *events, enum event_type type);

struct event_filter {
	const char *type; /* a word; NULL: any */
	int64_t from_ms;  /* TIME_NONE: open; inclusive */
	int64_t to_ms;    /* TIME_NONE: open; inclusive */
	int64_t limit;
	const char *after; /* "evt_…": the last one seen; NULL: first page */
};

/* One event with its deliveries. */
struct event {
	struct row_event_get row;
	const char *trigger_id; /* as the trigger's own family spells it */
	struct row_event_deliveries *deliveries;
	size_t delivery_count;
};

/* Newest first; one more than limit tells that there are more (*ret_more). ERR_SYNTAX: after is no
 * id of an event. */
enum err event_list(struct ctx *ctx, const struct event_filter *filter, struct event **ret_events,
    size_t *ret_count, bool *ret_more) MUST_CHECK;

/* One of this tenant. ERR_EVENT_NOT_FOUND. */
enum err event_get(struct ctx *ctx, struct uuid id, struct event *ret_event) MUST_CHECK;

/*
 * Queues all deliveries of an event again that are not just under way, do not lack a key
 * (ERR_DELIVERY_NO_KEY) and whose endpoint is not deleted, inside the caller's transaction.
 * ERR_EVENT_NOT_FOUND; ERR_EVENT_NOT_REPLAYABLE when there is none.
 */
enum err event_replay(struct ctx *ctx, struct uuid id, struct event *ret_event) MUST_CHECK;

/* Removes events older than before_ms with their deliveries and attempts, at most max events, in a
 * transaction of its own; *ret_removed events. For the batch. */
enum err event_expire(
    struct ctx *ctx, int64_t before_ms, int64_t max, uint64_t *ret_removed) MUST_CHECK;

#endif
