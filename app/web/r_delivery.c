/* SPDX-License-Identifier: Apache-2.0 */
/* r_delivery.c: deliveries, their attempts, and sending one again (contract/sessions.md). */
#include "delivery.h"

#include <string.h>

#include "sets.h"
#include "str.h"
#include "web.h"

#define EXCERPT_SHOWN 4096 /* bytes; a hundred attempts of them must fit into an answer */

/* ---- what comes in ------------------------------------------------------------------------------ */

static const struct field delivery_query_rows[] = {
	ROW_LIMIT(struct delivery_filter),
	ROW_AFTER(struct delivery_filter, "whd", "a delivery"),
	{ ROW_TEXT(FIELD_WORD, struct delivery_filter, status, "status"),
	    .words = &delivery_status_words, .sentence = "Only those with this status." },
	{ ROW_ID_FILTER(
	      struct delivery_filter, endpoint_id, "endpoint_id", "whe?", "a webhook endpoint"),
	    .sentence = "Only those to this endpoint." },
	{ ROW_ID_FILTER(struct delivery_filter, event_id, "event_id", "evt", "an event"),
	    .sentence = "Only those of this event." },
};
const struct field_set delivery_query =
    FIELD_SET("DeliveryQuery", delivery_query_rows, struct delivery_filter);

/* ---- what goes out ------------------------------------------------------------------------------ */

struct attempt_shown {
	struct row_delivery_attempts row;
	const char *error;
	const char *excerpt;
};

static const struct field attempt_rows[] = {
	{ ROW_ID(ID_ATTEMPT, struct attempt_shown, row.id, "id"), .sentence = "The attempt." },
	{ ROW_I64(FIELD_INT, struct attempt_shown, row.number, "number"), .min = 1,
	    .max = INT32_MAX, .sentence = "Counted from 1 over all retries." },
	{ ROW_I64(FIELD_INT, struct attempt_shown, row.status_code, "status_code"),
	    .flags = FIELD_NULLABLE, .min = 100, .max = 999,
	    .sentence = "What the endpoint answered; null when it did not.", .example = "200" },
	{ ROW_I64(FIELD_INT, struct attempt_shown, row.duration_ms, "response_time_ms"),
	    .max = INT32_MAX, .sentence = "How long it took.", .example = "87" },
	{ ROW_TEXT(FIELD_WORD, struct attempt_shown, error, "error"), .flags = FIELD_NULLABLE,
	    .words = &attempt_error_words, .sentence = "What went wrong; null when nothing did." },
	{ ROW_TEXT(FIELD_TEXT, struct attempt_shown, excerpt, "response_excerpt"),
	    .flags = FIELD_NULLABLE, .sentence = "How the endpoint's answer began.",
	    .example = "\"OK\"" },
	{ ROW_I64(FIELD_TIME, struct attempt_shown, row.started_at, "attempted_at"),
	    .sentence = "When." },
};
static const struct field_set attempt_item =
    FIELD_SET("DeliveryAttempt", attempt_rows, struct attempt_shown);

/* A list item is the object without its last row: both begin with the row. */
struct delivery_shown {
	struct row_delivery_get row;
	struct attempt_shown *attempts;
	size_t attempt_count;
};
_Static_assert(offsetof(struct delivery, row) == 0 && offsetof(struct delivery_shown, row) == 0,
    "the same rows read both");

static const struct field delivery_rows[] = {
	{ ROW_ID(ID_DELIVERY, struct delivery_shown, row.id, "id"), .sentence = "The delivery." },
	{ ROW_ID(ID_EVENT, struct delivery_shown, row.event_id, "event_id"),
	    .sentence = "What it tells of." },
	{ ROW_ID(ID_ENDPOINT, struct delivery_shown, row.endpoint_id, "webhook_endpoint_id"),
	    .sentence = "Whom it tells." },
	{ ROW_ID(ID_WEBHOOK_KEY, struct delivery_shown, row.webhook_key_id,
	      "webhook_encryption_key_id"),
	    .flags = FIELD_NULLABLE,
	    .sentence = "The key it is encrypted to; null when it is not." },
	{ ROW_TEXT(FIELD_WORD, struct delivery_shown, row.status, "status"),
	    .words = &delivery_status_words,
	    .sentence = "pending until it succeeded or was given up.", .example = "\"succeeded\"" },
	{ ROW_I64(FIELD_INT, struct delivery_shown, row.attempt_count, "attempt_count"),
	    .max = INT32_MAX, .sentence = "Since it was queued last.", .example = "1" },
	{ ROW_I64(FIELD_TIME, struct delivery_shown, row.next_attempt_at, "next_attempt_at"),
	    .flags = FIELD_NULLABLE, .sentence = "Null when none is due." },
	{ ROW_I64(FIELD_INT, struct delivery_shown, row.last_status_code, "last_status_code"),
	    .flags = FIELD_NULLABLE, .min = 100, .max = 999,
	    .sentence = "What the endpoint answered last.", .example = "200" },
	{ ROW_I64(FIELD_TIME, struct delivery_shown, row.last_attempt_at, "last_attempt_at"),
	    .flags = FIELD_NULLABLE, .sentence = "When it was tried last.",
	    .example = "\"2026-05-01T10:30:00Z\"" },
	{ ROW_I64(FIELD_TIME, struct delivery_shown, row.created_at, "created_at"),
	    .sentence = "When it was written, with its event." },
	{ ROW_I64(FIELD_TIME, struct delivery_shown, row.updated_at, "updated_at"),
	    .sentence = "When it last changed." },
	{ ROW_OBJECTS(struct delivery_shown, attempts, attempt_count, &attempt_item, "attempts"),
	    .sentence = "Newest first." },
};
const struct field_set delivery_full =
    FIELD_SET("DeliveryDetail", delivery_rows, struct delivery_shown);
const struct field_set delivery_item = { .name = "Delivery",
	.rows = delivery_rows,
	.count = countof(delivery_rows) - 1,
	.struct_size = sizeof(struct delivery) };

/* ---- handlers ----------------------------------------------------------------------------------- */

/* An answer's beginning is a stranger's bytes: what is no UTF-8, and NUL, become '?'. */
static const char *excerpt_text(struct arena *arena, struct bytes excerpt)
{
	const char *from = excerpt.data;
	size_t len = excerpt.len < EXCERPT_SHOWN ? excerpt.len : EXCERPT_SHOWN;
	char *text = from == NULL ? NULL : arena_strndup(arena, from, len);

	for (size_t i = 0; text != NULL && i < len;) {
		size_t step = 1;
		while (step < 4 && i + step <= len && !utf8_valid(text + i, step))
			step++;
		if (text[i] == '\0' || i + step > len || !utf8_valid(text + i, step)) {
			text[i] = '?';
			step = 1;
		}
		i += step;
	}
	return text;
}

static enum err delivery_fill(
    struct arena *arena, const struct delivery *delivery, struct delivery_shown *shown)
{
	*shown = (struct delivery_shown){ .row = delivery->row,
		.attempts = arena_array(arena, delivery->attempt_count, sizeof(*shown->attempts)),
		.attempt_count = delivery->attempt_count };
	if (shown->attempts == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < shown->attempt_count; i++) {
		const struct row_delivery_attempts *row = &delivery->attempts[i];
		bool fine = strcmp(row->error, attempt_error_word(ATTEMPT_NONE)) == 0;
		shown->attempts[i] = (struct attempt_shown){ .row = *row,
			.error = fine ? NULL : row->error,
			.excerpt = excerpt_text(arena, row->excerpt) };
	}
	return arena_overflowed(arena) ? ERR_NOMEM : ERR_OK;
}

enum err delivery_index(struct web *web)
{
	struct delivery *deliveries = NULL;
	size_t count = 0;
	bool more = false;
	enum err err = delivery_list(
	    &web->ctx, WEB_QUERY(web, struct delivery_filter), &deliveries, &count, &more);

	return err == ERR_OK ? reply_more(web, deliveries, count, more) : err;
}

enum err delivery_show(struct web *web)
{
	struct delivery_shown shown;
	struct delivery delivery;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_DELIVERY, ERR_DELIVERY_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = delivery_get(&web->ctx, id, &delivery);
	if (err == ERR_OK)
		err = delivery_fill(web->arena, &delivery, &shown);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err delivery_again(struct web *web)
{
	struct delivery delivery;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_DELIVERY, ERR_DELIVERY_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = delivery_retry(&web->ctx, id, &delivery);
	return err == ERR_OK ? reply_object(web, &delivery) : err;
}
