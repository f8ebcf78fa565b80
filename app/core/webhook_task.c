/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_task.c does the pieces. */
#include "webhook_task.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "delivery.h"
#include "event.h"
#include "limits.h"
#include "page.h"
#include "tx.h"

/* Behind everything a lane is for; tasks share one. */
#define TASK_LANE "tasks"

#define COUNT_MEMORY 4194304

enum err webhook_task_put(struct ctx *ctx, enum task_kind kind, struct uuid application_id,
    struct uuid endpoint_id, int64_t since_ms, int64_t until_ms, struct uuid *ret_id)
{
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = q_webhook_task_put(ctx->db, application_id, id, task_kind_word(kind),
		    endpoint_id, since_ms, until_ms, uuid_time_ms(id));
	if (err == ERR_OK)
		err = work_put(ctx, WORK_TASK, id, TASK_LANE, clock_now_ms());
	if (err == ERR_OK && ret_id != NULL)
		*ret_id = id;
	return err;
}

struct recovery {
	struct uuid application_id;
	struct uuid endpoint_id;
	int64_t since_ms;
	int64_t until_ms;
	struct uuid id;
};

/* "of wh_…, from 2026-05-01T00:00:00Z to 2026-05-02T00:00:00Z". */
static const char *recovery_text(struct arena *arena, const struct recovery *recovery)
{
	char id[ID_TEXT_SIZE] = "all", since[TIME_TEXT_SIZE] = "the beginning",
	     until[TIME_TEXT_SIZE] = "the end";

	if (!uuid_is_nil(recovery->endpoint_id))
		id_text(ID_WEBHOOK, recovery->endpoint_id, id);
	if (recovery->since_ms != TIME_NONE)
		time_text(recovery->since_ms, since);
	if (recovery->until_ms != TIME_NONE)
		time_text(recovery->until_ms, until);
	return arena_printf(arena, "of %s, from %s to %s", id, since, until);
}

static enum err put_recovery(struct ctx *ctx, void *arg)
{
	struct recovery *recovery = arg;
	struct audit_entry entry = { .action = AUDIT_RECOVERY_STARTED,
		.application_id = recovery->application_id,
		.detail = recovery_text(ctx->arena, recovery) };
	enum err err = entry.detail == NULL ? ERR_NOMEM : ERR_OK;

	if (err == ERR_OK)
		err = webhook_task_put(ctx, TASK_RECOVER, recovery->application_id,
		    recovery->endpoint_id, recovery->since_ms, recovery->until_ms, &recovery->id);
	entry.subject_id = recovery->id;
	return err == ERR_OK ? audit_note(ctx, &entry) : err;
}

enum err webhook_recover(struct ctx *ctx, struct uuid application_id, struct uuid endpoint_id,
    int64_t since_ms, int64_t until_ms, struct uuid *ret_id)
{
	struct recovery recovery = { .application_id = application_id,
		.endpoint_id = endpoint_id,
		.since_ms = since_ms,
		.until_ms = until_ms };
	enum err err = tx_run(ctx, put_recovery, &recovery);

	if (err == ERR_OK)
		*ret_id = recovery.id;
	return err;
}

enum err webhook_task_get(struct ctx *ctx, struct uuid id, struct row_webhook_task_get *ret_row)
{
	return q_webhook_task_get(ctx->db, ctx->arena, id, ret_row);
}

/* One piece under way: what it has seen and done, and whether that was all. */
struct piece {
	struct ctx *ctx;
	const struct row_webhook_task_get *task;
	struct uuid position;
	int64_t seen;
	int64_t done;
	bool finished;
};

/* ---- release: what was held for an endpoint that is enabled again -------------------------------- */

static enum err release_one(struct piece *piece, struct uuid delivery_id)
{
	struct ctx *ctx = piece->ctx;
	int64_t now_ms = clock_now_ms();
	char lane[ID_TEXT_SIZE];
	enum err err = q_delivery_due(ctx->db, now_ms, now_ms, delivery_id);

	delivery_lane(piece->task->endpoint_id, lane);
	if (err == ERR_OK)
		err = work_put(ctx, WORK_DELIVERY, delivery_id, lane, now_ms);
	piece->position = delivery_id;
	piece->done += err == ERR_OK;
	return err;
}

static enum err release(struct piece *piece)
{
	struct ctx *ctx = piece->ctx;
	struct row_delivery_held_page *rows = NULL;
	struct row_webhook_hold endpoint;
	struct uuid after = piece->position;
	size_t count = 0;
	enum err err = q_webhook_hold(ctx->db, ctx->arena, piece->task->application_id,
	    piece->task->endpoint_id, NULL, &endpoint);

	/* Deleted, or disabled again, meanwhile: there is nothing to release. */
	piece->finished = err == ERR_MISSING || (err == ERR_OK && endpoint.disabled != NULL);
	if (piece->finished || err != ERR_OK)
		return err == ERR_MISSING ? ERR_OK : err;
	if (uuid_is_nil(after))
		after.b[15] = 1;
	err = q_delivery_held_page(
	    ctx->db, ctx->arena, piece->task->endpoint_id, after, LIMIT_TASK_PIECE, &rows, &count);
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = release_one(piece, rows[i].id);
	piece->seen += (int64_t)count;
	piece->finished = count < LIMIT_TASK_PIECE;
	return err;
}

/* ---- recover: what an endpoint has missed in a range of time --------------------------------------- */

static bool is_wanted(
    const struct row_event_recover_page *event, const struct row_webhook_subscribers *endpoint)
{
	enum event_type type;

	if (event_type_parse(event->type, &type) != ERR_OK ||
	    !event_subscribed(endpoint->events, type))
		return false;
	if (uuid_is_nil(event->delivery_id))
		return true;
	return strcmp(event->status, delivery_status_word(DELIVERY_FAILED)) == 0;
}

/* An event that came while its owner had the endpoint disabled, or before it was subscribed. */
static enum err deliver_missed(struct piece *piece, const struct row_event_recover_page *event,
    const struct row_webhook_subscribers *endpoint)
{
	struct ctx *ctx = piece->ctx;
	struct uuid tenant = piece->task->application_id;
	struct event_body body = { .id = event->id };
	struct row_event_body row;
	enum err err = event_type_parse(event->type, &body.type);

	if (err == ERR_OK)
		err = q_event_body(ctx->db, ctx->arena, tenant, event->id, &row);
	if (err == ERR_OK)
		err = event_open(ctx, event->id, row.body, row.seal_key, &body.text);
	return err == ERR_OK ? event_deliver(ctx, tenant, &body, endpoint, false) : err;
}

static enum err recover_one(struct piece *piece, const struct row_event_recover_page *event,
    const struct row_webhook_subscribers *endpoint)
{
	struct ctx *ctx = piece->ctx;
	enum err err;

	if (!is_wanted(event, endpoint))
		return ERR_OK;
	if (!uuid_is_nil(event->delivery_id)) {
		err = delivery_queue(
		    ctx, piece->task->application_id, event->delivery_id, endpoint->id);
		/* Without a key there is nothing to be done for it. */
		if (err == ERR_DELIVERY_NO_KEY)
			return ERR_OK;
		err = err == ERR_DELIVERY_BUSY ? ERR_OK : err;
	} else {
		err = deliver_missed(piece, event, endpoint);
	}
	piece->done += err == ERR_OK;
	return err;
}

/* The bounds of time as ids, and behind what was seen. */
static void recover_range(const struct piece *piece, struct uuid *ret_low, struct uuid *ret_high)
{
	struct uuid end;

	memset(end.b, 0xff, sizeof(end.b));
	page_range(end, piece->task->since, piece->task->until, ret_low, ret_high);
	if (!uuid_is_nil(piece->position) && memcmp(&piece->position, ret_low, sizeof(end)) >= 0)
		*ret_low = uuid_next(piece->position);
}

static enum err recover_endpoint(struct piece *piece,
    const struct row_webhook_subscribers *endpoint, struct uuid low, struct uuid high,
    struct uuid *ret_last, size_t *ret_count)
{
	struct ctx *ctx = piece->ctx;
	struct row_event_recover_page *events = NULL;
	bool sandbox = strcmp(endpoint->environment, environment_word(ENV_SANDBOX)) == 0;
	enum err err = q_event_recover_page(ctx->db, ctx->arena, endpoint->id,
	    piece->task->application_id, sandbox ? endpoint->environment : NULL, low, high,
	    LIMIT_TASK_PIECE, &events, ret_count);

	for (size_t i = 0; i < *ret_count && err == ERR_OK; i++) {
		err = recover_one(piece, &events[i], endpoint);
		*ret_last = events[i].id;
	}
	return err;
}

/* One endpoint at a time over the same page of events, so that the position fits all of them. */
static enum err recover(struct piece *piece)
{
	struct ctx *ctx = piece->ctx;
	const struct row_webhook_task_get *task = piece->task;
	struct row_webhook_subscribers *endpoints = NULL;
	struct row_event_recover_page *events = NULL;
	struct uuid low, high;
	size_t count = 0, page = 0, ignored = 0;
	enum err err =
	    q_webhook_subscribers(ctx->db, ctx->arena, task->application_id, &endpoints, &count);

	recover_range(piece, &low, &high);
	if (err == ERR_OK)
		err = q_event_recover_page(ctx->db, ctx->arena, task->application_id,
		    task->application_id, NULL, low, high, LIMIT_TASK_PIECE, &events, &page);
	piece->finished = err == ERR_OK && page < LIMIT_TASK_PIECE;
	if (err != ERR_OK || page == 0)
		return err;
	struct uuid end = uuid_next(events[page - 1].id), last;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		if (uuid_is_nil(task->endpoint_id) ||
		    uuid_equal(task->endpoint_id, endpoints[i].id))
			err = recover_endpoint(piece, &endpoints[i], low, end, &last, &ignored);
	}
	piece->position = events[page - 1].id;
	piece->seen += (int64_t)page;
	return err;
}

/* Walks over the events of a range as one endpoint sees them; NULL counts the events themselves. */
static enum err count_events(
    struct piece *piece, const struct row_webhook_subscribers *endpoint, int64_t *count)
{
	const struct row_webhook_task_get *task = piece->task;
	struct ctx *ctx = piece->ctx;
	bool sandbox =
	    endpoint != NULL && strcmp(endpoint->environment, environment_word(ENV_SANDBOX)) == 0;
	size_t page = LIMIT_TASK_PIECE;
	enum err err = ERR_OK;

	piece->position = UUID_NIL;
	while (err == ERR_OK && page == LIMIT_TASK_PIECE) {
		struct row_event_recover_page *events = NULL;
		struct uuid low, high;
		arena_reset(ctx->arena);
		recover_range(piece, &low, &high);
		err = q_event_recover_page(ctx->db, ctx->arena,
		    endpoint == NULL ? task->application_id : endpoint->id, task->application_id,
		    sandbox ? environment_word(ENV_SANDBOX) : NULL, low, high, LIMIT_TASK_PIECE,
		    &events, &page);
		for (size_t i = 0; i < page && err == ERR_OK; i++)
			*count += endpoint == NULL || is_wanted(&events[i], endpoint);
		if (page > 0)
			piece->position = events[page - 1].id;
	}
	return err;
}

enum err webhook_recover_count(struct ctx *ctx, struct uuid application_id, struct uuid endpoint_id,
    int64_t since_ms, int64_t until_ms, int64_t *ret_events, int64_t *ret_deliveries)
{
	struct row_webhook_task_get task = { .application_id = application_id,
		.endpoint_id = endpoint_id,
		.since = since_ms,
		.until = until_ms };
	struct ctx own = *ctx;
	struct piece piece = { .ctx = &own, .task = &task };
	struct row_webhook_subscribers *endpoints = NULL;
	size_t count = 0;
	int64_t events = 0, wanted = 0;
	/* Pages come and go in memory of their own. */
	enum err err = arena_new(COUNT_MEMORY, &own.arena);

	if (err == ERR_OK)
		err =
		    q_webhook_subscribers(ctx->db, ctx->arena, application_id, &endpoints, &count);
	if (err == ERR_OK)
		err = count_events(&piece, NULL, &events);
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		if (uuid_is_nil(endpoint_id) || uuid_equal(endpoint_id, endpoints[i].id))
			err = count_events(&piece, &endpoints[i], &wanted);
	}
	arena_free(&own.arena);
	if (err != ERR_OK)
		return err;
	*ret_events = events;
	*ret_deliveries = wanted;
	return ERR_OK;
}

/* ---- remove: what belonged to a deleted endpoint ---------------------------------------------------- */

static enum err remove_piece(struct piece *piece)
{
	struct ctx *ctx = piece->ctx;
	struct row_delivery_remove_page *rows = NULL;
	struct uuid endpoint_id = piece->task->endpoint_id;
	char lane[ID_TEXT_SIZE];
	size_t count = 0;
	enum err err = q_delivery_remove_page(
	    ctx->db, ctx->arena, endpoint_id, LIMIT_TASK_PIECE, &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = delivery_remove(ctx, rows[i].id);
	piece->seen += (int64_t)count;
	piece->done += (int64_t)count;
	piece->finished = count < LIMIT_TASK_PIECE;
	if (err == ERR_OK && piece->finished)
		err = q_webhook_keys_remove(ctx->db, endpoint_id);
	if (err == ERR_OK && piece->finished)
		err = q_webhook_remove(ctx->db, endpoint_id);
	if (err == ERR_OK && piece->finished) {
		delivery_lane(endpoint_id, lane);
		err = lane_remove(ctx, lane);
	}
	return err;
}

/* ---- a step -------------------------------------------------------------------------------------------- */

static enum err (*const pieces[TASK__MAX])(struct piece *) = {
	[TASK_RELEASE] = release,
	[TASK_RECOVER] = recover,
	[TASK_REMOVE] = remove_piece,
};

static enum err run_piece(
    struct ctx *ctx, const struct row_webhook_task_get *task, bool *ret_finished)
{
	struct piece piece = { .ctx = ctx,
		.task = task,
		.position = task->position,
		.seen = task->seen,
		.done = task->done };
	enum task_kind kind;
	enum err err = task_kind_parse(task->kind, &kind);

	if (err == ERR_OK)
		err = pieces[kind](&piece);
	if (err == ERR_OK)
		err = q_webhook_task_progress(ctx->db, piece.position, piece.done, piece.seen,
		    piece.finished ? clock_now_ms() : TIME_NONE, task->id);
	*ret_finished = piece.finished;
	return err;
}

enum err webhook_task_step(struct ctx *ctx, const struct work *work)
{
	struct row_webhook_task_get task;
	bool finished = false;
	enum err err = work_fence(ctx, work);

	if (err == ERR_OK)
		err = q_webhook_task_get(ctx->db, ctx->arena, work->subject_id, &task);
	if (err == ERR_MISSING || (err == ERR_OK && task.finished_at != TIME_NONE))
		return work_done(ctx, work);
	if (err == ERR_OK)
		err = run_piece(ctx, &task, &finished);
	if (err != ERR_OK)
		return err;
	return finished ? work_done(ctx, work) : work_again(ctx, work, clock_now_ms(), false);
}
