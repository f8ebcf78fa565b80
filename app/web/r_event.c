/* SPDX-License-Identifier: Apache-2.0 */
/* r_event.c: events and replaying them (contract/sessions.md). */
#include "event.h"

#include <string.h>

#include "clock.h"
#include "sets.h"
#include "web.h"

static const struct field event_query_rows[] = {
	ROW_LIMIT(struct event_filter),
	ROW_AFTER(struct event_filter, "evt", "an event"),
	{ ROW_TEXT(FIELD_WORD, struct event_filter, type, "type"), .words = &event_type_words,
	    .sentence = "Only those of this type." },
	{ ROW_I64(FIELD_TIME, struct event_filter, from_ms, "created_from"),
	    .sentence = "Only those of this time or later.", .example = "\"2026-05-01\"" },
	{ ROW_I64(FIELD_TIME, struct event_filter, to_ms, "created_to"), .flags = FIELD_DAY_END,
	    .sentence = "Only those of this time or earlier; a date means its whole day.",
	    .example = "\"2026-05-31\"" },
};
const struct field_set event_query = FIELD_SET("EventQuery", event_query_rows, struct event_filter);

static const struct field event_delivery_rows[] = {
	{ ROW_ID(ID_DELIVERY, struct row_event_deliveries, id, "id"), .sentence = "The delivery." },
	{ ROW_ID(ID_ENDPOINT, struct row_event_deliveries, endpoint_id, "webhook_endpoint_id"),
	    .sentence = "Whom it tells." },
	{ ROW_TEXT(FIELD_WORD, struct row_event_deliveries, status, "status"),
	    .words = &delivery_status_words,
	    .sentence = "pending until it succeeded or was given up.", .example = "\"succeeded\"" },
	{ ROW_I64(FIELD_INT, struct row_event_deliveries, last_status_code, "last_status_code"),
	    .flags = FIELD_NULLABLE, .min = 100, .max = 999,
	    .sentence = "What the endpoint answered last.", .example = "200" },
	{ ROW_I64(FIELD_INT, struct row_event_deliveries, attempt_count, "attempt_count"),
	    .max = INT32_MAX, .sentence = "Since it was queued last.", .example = "1" },
	{ ROW_I64(FIELD_TIME, struct row_event_deliveries, last_attempt_at, "last_attempt_at"),
	    .flags = FIELD_NULLABLE, .sentence = "When it was tried last.",
	    .example = "\"2026-05-01T10:30:00Z\"" },
};
static const struct field_set event_delivery_item =
    FIELD_SET("EventDelivery", event_delivery_rows, struct row_event_deliveries);

static const struct field event_rows[] = {
	{ ROW_ID(ID_EVENT, struct event, row.id, "id"),
	    .sentence = "The event; deliveries carry it as webhook-id." },
	{ ROW_TEXT(FIELD_WORD, struct event, row.type, "type"), .words = &event_type_words,
	    .sentence = "What happened." },
	{ ROW_TEXT(FIELD_WORD, struct event, row.trigger_type, "trigger_type"),
	    .words = &event_trigger_words, .sentence = "What kind of thing it happened to." },
	{ ROW_TEXT(FIELD_TEXT, struct event, trigger_id, "trigger_id"),
	    .sentence = "What it happened to.", .example = "\"ver_01h455vb4pex5vsknk084sn02q\"" },
	{ ROW_I64(FIELD_TIME, struct event, row.created_at, "created_at"), .sentence = "When." },
	{ ROW_OBJECTS(struct event, deliveries, delivery_count, &event_delivery_item, "deliveries"),
	    .sentence = "One for each endpoint that is told." },
};
const struct field_set event_item = FIELD_SET("Event", event_rows, struct event);

/* Core spells an endpoint's id as the kyc family does. */
static enum err event_spell(struct web *web, struct event *event)
{
	char text[ID_TEXT_SIZE];

	if (strcmp(event->row.trigger_type, event_trigger_word(TRIGGER_ENDPOINT)) != 0)
		return ERR_OK;
	id_text(ID_ENDPOINT, event->row.trigger_id, text);
	event->trigger_id = arena_strdup(web->arena, text);
	return event->trigger_id == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err event_reply(struct web *web, struct event *event)
{
	enum err err = event_spell(web, event);

	return err == ERR_OK ? reply_object(web, event) : err;
}

enum err event_index(struct web *web)
{
	const struct event_filter *filter = WEB_QUERY(web, struct event_filter);
	struct event *events = NULL;
	size_t count = 0;
	bool more = false;

	if (filter->from_ms != TIME_NONE && filter->to_ms != TIME_NONE &&
	    filter->from_ms > filter->to_ms)
		return web_complain(web, "created_from", "must not be later than created_to");
	enum err err = event_list(&web->ctx, filter, &events, &count, &more);
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = event_spell(web, &events[i]);
	return err == ERR_OK ? reply_more(web, events, count, more) : err;
}

enum err event_show(struct web *web)
{
	struct event event;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_EVENT, ERR_EVENT_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = event_get(&web->ctx, id, &event);
	return err == ERR_OK ? event_reply(web, &event) : err;
}

enum err event_again(struct web *web)
{
	struct event event;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_EVENT, ERR_EVENT_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = event_replay(&web->ctx, id, &event);
	return err == ERR_OK ? event_reply(web, &event) : err;
}
