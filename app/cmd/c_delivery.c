/* SPDX-License-Identifier: Apache-2.0 */
/* c_delivery.c: deliveries of webhooks, of any tenant. */
#include "c_webhook.h"

#include <string.h>

#include "clock.h"
#include "delivery.h"
#include "limits.h"
#include "tx.h"

#define LIST_DEFAULT 50
#define EXCERPT_SHOWN 120 /* bytes of an answer that people see of each attempt */

/* The words of DELIVERY in core/state.def. */
#define STATUS_WORD(group, name, word) "|" word
#define STATUS_WORDS "" STATE_DELIVERY(STATUS_WORD)

static enum err no_such_delivery(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_DELIVERY_NOT_FOUND,
	    "there is no such delivery; \"bonafide delivery list\" shows those there are");
}

/* ---- list --------------------------------------------------------------------------------------- */

struct list_input {
	struct uuid webhook;
	const char *status;
	struct uuid event;
	int64_t limit;
};

static const struct ctl_arg list_args[] = {
	ARG_ID(struct list_input, webhook, "webhook", "WEBHOOK", false, ID_WEBHOOK,
	    "Only those to this endpoint (wh_... or whe_...)."),
	ARG_WORD(struct list_input, status, "status", false, &STATUS_WORDS[1],
	    "Only those that stand so."),
	ARG_ID(struct list_input, event, "event", "EVENT", false, ID_EVENT,
	    "Only those of this event (evt_...)."),
	ARG_INT(struct list_input, limit, "limit", "N", 1, LIMIT_DB_ROWS, LIST_DEFAULT,
	    "At most so many, the newest (default 50)."),
};

struct listed {
	struct uuid id;
	struct uuid application_id;
	struct uuid event_id;
	const char *webhook_id;
	const char *type;
	const char *status;
	int64_t attempts;
	int64_t last_status_code;
	int64_t last_attempt_at;
	int64_t next_attempt_at;
	int64_t created_at;
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct listed, id, ID_DELIVERY),
	COLUMN_TEXT(struct listed, webhook_id),
	COLUMN_TEXT(struct listed, type),
	COLUMN_TEXT(struct listed, status),
	COLUMN_INT(struct listed, attempts),
	COLUMN_INT(struct listed, last_status_code),
	COLUMN_TIME(struct listed, created_at),
	COLUMN_TIME(struct listed, next_attempt_at),
	{ .name = "application_id",
	    .type = CELL_ID,
	    .offset = offsetof(struct listed, application_id),
	    .id = ID_APPLICATION,
	    .json_only = true },
	{ .name = "event_id",
	    .type = CELL_ID,
	    .offset = offsetof(struct listed, event_id),
	    .id = ID_EVENT,
	    .json_only = true },
	{ .name = "last_attempt_at",
	    .type = CELL_TIME,
	    .offset = offsetof(struct listed, last_attempt_at),
	    .json_only = true },
};

/* "delivering" is not stored: it is a pending one whose work is leased. */
static const char *stored_status(const char *shown, int64_t *ret_leased)
{
	const char *pending = delivery_status_word(DELIVERY_PENDING);
	bool is_delivering =
	    shown != NULL && strcmp(shown, delivery_status_word(DELIVERY_DELIVERING)) == 0;
	bool is_pending = shown != NULL && strcmp(shown, pending) == 0;

	*ret_leased = is_delivering || is_pending ? is_delivering : DB_NULL;
	return is_delivering ? pending : shown;
}

/* Which index serves depends on what is asked for. */
static enum err read_rows(struct ctl *ctl, const struct list_input *in,
    struct row_operator_deliveries **ret_rows, size_t *ret_count)
{
	struct db *db = ctl->ctx.db;
	struct arena *arena = ctl->ctx.arena;
	int64_t now_ms = clock_now_ms();
	int64_t leased;
	const char *status = stored_status(in->status, &leased);

	_Static_assert(sizeof(struct row_operator_deliveries) ==
			       sizeof(struct row_operator_deliveries_webhook) &&
			   sizeof(struct row_operator_deliveries) ==
			       sizeof(struct row_operator_deliveries_event),
	    "deliveries are read alike");
	if (!uuid_is_nil(in->event))
		return q_operator_deliveries_event(db, arena, in->event, in->webhook, status,
		    leased, now_ms, in->limit, (void *)ret_rows, ret_count);
	if (!uuid_is_nil(in->webhook))
		return q_operator_deliveries_webhook(db, arena, in->webhook, status, leased, now_ms,
		    in->limit, (void *)ret_rows, ret_count);
	return q_operator_deliveries(
	    db, arena, status, leased, now_ms, in->limit, ret_rows, ret_count);
}

static struct listed listed_of(struct ctl *ctl, const struct row_operator_deliveries *row)
{
	return (struct listed){ .id = row->id,
		.application_id = row->application_id,
		.event_id = row->event_id,
		.webhook_id = webhook_id_text(ctl, row->surface, row->endpoint_id),
		.type = row->type,
		.status = delivery_status_shown(row->status, row->lease_until),
		.attempts = row->attempt_count,
		.last_status_code = row->last_status_code,
		.last_attempt_at = row->last_attempt_at,
		.next_attempt_at = row->next_attempt_at,
		.created_at = row->created_at };
}

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct row_operator_deliveries *rows = NULL;
	struct row_operator_webhook found;
	size_t count = 0;
	enum err err = ERR_OK;

	/* A mistyped one is not one without deliveries. */
	if (!uuid_is_nil(in->webhook))
		err = webhook_act(ctl, in->webhook, &found);
	if (err == ERR_OK)
		err = read_rows(ctl, in, &rows, &count);
	struct listed *listed = arena_array(ctl->ctx.arena, count + 1, sizeof(*listed));
	if (err == ERR_OK && listed == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		listed[i] = listed_of(ctl, &rows[i]);
	if (err == ERR_OK && arena_overflowed(ctl->ctx.arena))
		err = ERR_NOMEM;
	if (err != ERR_OK)
		return err;
	return ctl_print_list(ctl, list_columns, listed, count, "There are no such deliveries.");
}

/* ---- show --------------------------------------------------------------------------------------- */

struct one_input {
	struct uuid delivery;
};

static const struct ctl_arg one_args[] = {
	ARG_ID(struct one_input, delivery, "DELIVERY", NULL, true, ID_DELIVERY,
	    "Its id (whd_...), as \"bonafide delivery list\" shows it."),
};

struct shown {
	struct uuid id;
	struct uuid application_id;
	struct uuid event_id;
	const char *webhook_id;
	const char *type;
	const char *status;
	const char *held;
	int64_t attempts;
	int64_t last_status_code;
	int64_t last_duration_ms;
	int64_t last_attempt_at;
	int64_t next_attempt_at;
	bool encrypted;
	int64_t created_at;
	int64_t updated_at;
};

static const struct ctl_column shown_columns[] = {
	COLUMN_ID(struct shown, id, ID_DELIVERY),
	COLUMN_ID(struct shown, application_id, ID_APPLICATION),
	COLUMN_ID(struct shown, event_id, ID_EVENT),
	COLUMN_TEXT(struct shown, webhook_id),
	COLUMN_TEXT(struct shown, type),
	COLUMN_TEXT(struct shown, status),
	COLUMN_TEXT(struct shown, held),
	COLUMN_INT(struct shown, attempts),
	COLUMN_INT(struct shown, last_status_code),
	COLUMN_INT(struct shown, last_duration_ms),
	COLUMN_TIME(struct shown, last_attempt_at),
	COLUMN_TIME(struct shown, next_attempt_at),
	COLUMN_BOOL(struct shown, encrypted),
	COLUMN_TIME(struct shown, created_at),
	COLUMN_TIME(struct shown, updated_at),
};

struct attempt {
	int64_t number;
	int64_t started_at;
	int64_t status_code;
	int64_t duration_ms;
	const char *error;
	const char *excerpt;
};

static const struct ctl_column attempt_columns[] = {
	COLUMN_INT(struct attempt, number),
	COLUMN_TIME(struct attempt, started_at),
	COLUMN_INT(struct attempt, status_code),
	COLUMN_INT(struct attempt, duration_ms),
	COLUMN_TEXT(struct attempt, error),
	COLUMN_TEXT(struct attempt, excerpt),
};

/* What a stranger answered, fit to be looked at: people see its beginning on one line, scripts all
 * that was kept. NULL when there is none. */
static enum err excerpt_of(struct ctl *ctl, struct bytes excerpt, const char **ret_text)
{
	const char *bytes = excerpt.data;
	struct buf text;
	size_t len = excerpt.len;

	*ret_text = NULL;
	if (bytes == NULL || len == 0)
		return ERR_OK;
	if (!ctl->json && len > EXCERPT_SHOWN)
		len = EXCERPT_SHOWN;
	/* Not within a character. */
	while (len < excerpt.len && len > 0 && ((unsigned char)bytes[len] & 0xc0U) == 0x80U)
		len--;
	buf_init(&text, LIMIT_REPLY);
	ctl_escape(bytes, len, ctl->json, &text);
	if (len < excerpt.len)
		buf_adds(&text, "...");
	if (!buf_failed(&text))
		*ret_text = arena_strdup(ctl->ctx.arena, buf_str(&text));
	buf_free(&text);
	return *ret_text == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err attempts_of(
    struct ctl *ctl, const struct delivery *delivery, struct attempt **ret_attempts)
{
	size_t count = delivery->attempt_count;
	struct attempt *attempts = arena_array(ctl->ctx.arena, count + 1, sizeof(*attempts));
	enum err err = attempts == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		const struct row_delivery_attempts *row = &delivery->attempts[i];
		attempts[i] = (struct attempt){ .number = row->number,
			.started_at = row->started_at,
			.status_code = row->status_code,
			.duration_ms = row->duration_ms,
			.error = row->error };
		err = excerpt_of(ctl, row->excerpt, &attempts[i].excerpt);
	}
	*ret_attempts = attempts;
	return err;
}

/* Why it waits although it is pending; NULL when it does not. */
static const char *held_of(
    const struct row_operator_delivery *found, const struct row_delivery_get *row)
{
	bool is_pending = strcmp(row->status, delivery_status_word(DELIVERY_PENDING)) == 0;

	if (!is_pending || row->next_attempt_at != TIME_NONE)
		return NULL;
	if (found->deleted_at != TIME_NONE)
		return "the webhook was deleted";
	return found->disabled == NULL ? NULL : "the webhook is disabled";
}

static struct shown shown_of(
    struct ctl *ctl, const struct row_operator_delivery *found, const struct row_delivery_get *row)
{
	return (struct shown){ .id = row->id,
		.application_id = found->application_id,
		.event_id = row->event_id,
		.webhook_id = webhook_id_text(ctl, found->surface, row->endpoint_id),
		.type = row->type,
		.status = row->status,
		.held = held_of(found, row),
		.attempts = row->attempt_count,
		.last_status_code = row->last_status_code,
		.last_duration_ms = row->last_duration_ms,
		.last_attempt_at = row->last_attempt_at,
		.next_attempt_at = row->next_attempt_at,
		.encrypted = !uuid_is_nil(row->webhook_key_id),
		.created_at = row->created_at,
		.updated_at = row->updated_at };
}

/* Finds the tenant of a delivery and acts for it. */
static enum err act(struct ctl *ctl, struct uuid id, struct row_operator_delivery *ret_found)
{
	enum err err = q_operator_delivery(ctl->ctx.db, ctl->ctx.arena, id, ret_found);

	if (err == ERR_MISSING)
		return no_such_delivery(ctl);
	if (err == ERR_OK)
		act_for(ctl, ret_found->application_id);
	return err;
}

static enum err print_delivery(
    struct ctl *ctl, const struct row_operator_delivery *found, const struct delivery *delivery)
{
	struct shown shown = shown_of(ctl, found, &delivery->row);
	struct attempt *attempts = NULL;
	enum err err = attempts_of(ctl, delivery, &attempts);

	if (err != ERR_OK)
		return err;
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = shown_columns,
		    .column_count = countof(shown_columns),
		    .rows = &shown,
		    .row_size = sizeof(shown),
		    .count = 1 },
		{ .name = "attempts_made",
		    .columns = attempt_columns,
		    .column_count = countof(attempt_columns),
		    .rows = attempts,
		    .row_size = sizeof(*attempts),
		    .count = delivery->attempt_count,
		    .empty = "None was made." },
	};
	return ctl_print(ctl, sections, countof(sections));
}

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct row_operator_delivery found;
	struct delivery delivery;
	enum err err = act(ctl, in->delivery, &found);

	if (err == ERR_OK)
		err = delivery_get(&ctl->ctx, in->delivery, &delivery);
	if (err == ERR_DELIVERY_NOT_FOUND && !ctl->said)
		return no_such_delivery(ctl);
	return err == ERR_OK ? print_delivery(ctl, &found, &delivery) : err;
}

/* ---- retry --------------------------------------------------------------------------------------- */

struct retrying {
	struct uuid id;
	struct delivery delivery;
};

static enum err queue_again(struct ctx *ctx, void *arg)
{
	struct retrying *retrying = arg;

	return delivery_retry(ctx, retrying->id, &retrying->delivery);
}

struct retried {
	struct uuid id;
	const char *webhook_id;
	const char *status;
	int64_t next_attempt_at;
};

static const struct ctl_column retried_columns[] = {
	COLUMN_ID(struct retried, id, ID_DELIVERY),
	COLUMN_TEXT(struct retried, webhook_id),
	COLUMN_TEXT(struct retried, status),
	COLUMN_TIME(struct retried, next_attempt_at),
};

static enum err retry(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct row_operator_delivery found;
	struct retrying retrying = { .id = in->delivery };
	enum err err = act(ctl, in->delivery, &found);

	if (err == ERR_OK && found.deleted_at != TIME_NONE)
		return ctl_fail(ctl, ERR_STATE, "the webhook it went to was deleted");
	if (err == ERR_OK)
		err = tx_run(&ctl->ctx, queue_again, &retrying);
	if (err == ERR_DELIVERY_BUSY)
		return ctl_fail(ctl, err, "a batch process has it in hand just now");
	if (err == ERR_DELIVERY_NO_KEY)
		return ctl_fail(ctl, err, "its webhook has no active encryption key");
	if (err == ERR_DELIVERY_NOT_FOUND && !ctl->said)
		return no_such_delivery(ctl);
	if (err != ERR_OK)
		return err;
	const struct row_delivery_get *row = &retrying.delivery.row;
	struct retried retried = { .id = row->id,
		.webhook_id = webhook_id_text(ctl, found.surface, row->endpoint_id),
		.status = row->status,
		.next_attempt_at = row->next_attempt_at };
	err = ctl_print_one(ctl, retried_columns, &retried);
	if (err == ERR_OK && found.disabled != NULL)
		ctl_note(ctl,
		    "\nThe webhook is disabled: it is held until \"bonafide webhook enable "
		    "%s\".",
		    retried.webhook_id);
	return err;
}

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list deliveries, newest first",
	    .help = "Lists deliveries of webhooks, of all applications, newest first." },
	{ .verb = "show",
	    .needs = CTL_DB,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "show a delivery and its attempts",
	    .help = "Shows a delivery of any application with its attempts: when, what was "
		    "answered, how long it took, what went wrong, and how the answer began. What "
		    "was sent is not shown." },
	{ .verb = "retry",
	    .needs = CTL_DB,
	    .run = retry,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "send a delivery again",
	    .help = "Queues a delivery again, whatever became of it, its schedule from the start. "
		    "Its webhook-id stays the same. One that a batch process is sending just now "
		    "is left alone." },
};

const struct ctl_noun noun_delivery = {
	.word = "delivery",
	.summary = "Deliveries: one event for one webhook each, and what became of them.",
	.commands = commands,
	.count = countof(commands),
};
