/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c_webhook_recover.c: sends again what endpoints have missed in a range of time. The batch does
 * it, as a durable job; here it is put down and looked after.
 */
#include "c_webhook.h"

#include <string.h>

#include "clock.h"
#include "limits.h"
#include "org.h"
#include "page.h"
#include "proc.h"
#include "webhook_task.h"

#define LOOK_MS 200
#define NO_BATCH_MS 10000 /* so long nothing moves before we say that no batch seems to run */

/* ---- what it is about ---------------------------------------------------------------------------- */

/* The tenant and, when one is named, its endpoint. */
static enum err check_names(struct ctl *ctl, const struct recover_input *in)
{
	struct row_operator_webhook found;
	struct row_application_get app;
	enum err err = application_get(&ctl->ctx, in->app, &app);

	if (err == ERR_MISSING)
		return ctl_fail(ctl, err,
		    "there is no such application; \"bonafide app list\" shows those there are");
	if (err == ERR_OK && !uuid_is_nil(in->webhook)) {
		err = webhook_act(ctl, in->webhook, &found);
		if (err == ERR_OK && !uuid_equal(found.application_id, in->app))
			return ctl_fail(ctl, ERR_WEBHOOK_NOT_FOUND,
			    "this webhook belongs to another application");
	}
	if (err == ERR_OK)
		act_for(ctl, in->app);
	return err;
}

struct dry {
	int64_t events;
	int64_t deliveries;
};

static const struct ctl_column dry_columns[] = {
	COLUMN_INT(struct dry, events),
	COLUMN_INT(struct dry, deliveries),
};

static enum err count_only(struct ctl *ctl, const struct recover_input *in)
{
	struct dry dry = { .events = 0 };
	enum err err = webhook_recover_count(
	    &ctl->ctx, in->app, in->webhook, in->since, in->until, &dry.events, &dry.deliveries);

	if (err != ERR_OK)
		return err;
	err = ctl_print_one(ctl, dry_columns, &dry);
	if (err == ERR_OK)
		ctl_note(ctl, "\nSo many deliveries would be queued; nothing was done.");
	return err;
}

/* ---- the task ------------------------------------------------------------------------------------ */

struct recovered {
	struct uuid task_id;
	int64_t events;
	int64_t deliveries;
	int64_t created_at;
	int64_t finished_at;
};

static const struct ctl_column recovered_columns[] = {
	COLUMN_ID(struct recovered, task_id, ID_TASK),
	COLUMN_INT(struct recovered, events),
	COLUMN_INT(struct recovered, deliveries),
	COLUMN_TIME(struct recovered, created_at),
	COLUMN_TIME(struct recovered, finished_at),
};

static enum err print_task(struct ctl *ctl, const struct row_webhook_task_get *row)
{
	struct recovered recovered = { .task_id = row->id,
		.events = row->seen,
		.deliveries = row->done,
		.created_at = row->created_at,
		.finished_at = row->finished_at };

	return ctl_print_one(ctl, recovered_columns, &recovered);
}

static enum err count_events(struct ctl *ctl, const struct recover_input *in, int64_t *ret_count)
{
	struct row_operator_event_count row;
	struct uuid end, low, high;

	memset(end.b, 0xff, sizeof(end.b));
	page_range(end, in->since, in->until, &low, &high);
	enum err err =
	    q_operator_event_count(ctl->ctx.db, ctl->ctx.arena, in->app, low, high, &row);
	if (err == ERR_OK)
		*ret_count = row.n;
	return err;
}

/* How long a task has not moved. */
struct watch {
	int64_t moved_ms;
	int64_t seen;
	bool warned;
};

/* Takes note of where it is. ERR_TIMEOUT when that has not changed for too long. */
static enum err watch_task(
    struct ctl *ctl, const struct row_webhook_task_get *row, int64_t timeout_s, struct watch *watch)
{
	int64_t now_ms = clock_mono_ms();

	if (row->seen != watch->seen) {
		watch->seen = row->seen;
		watch->moved_ms = now_ms;
	}
	if (now_ms - watch->moved_ms >= NO_BATCH_MS && !watch->warned) {
		watch->warned = true;
		fprintf(ctl->err,
		    "bonafide: nothing has moved for %d seconds; no batch seems to run\n",
		    NO_BATCH_MS / 1000);
		fflush(ctl->err);
	}
	return now_ms - watch->moved_ms >= timeout_s * 1000 ? ERR_TIMEOUT : ERR_OK;
}

static enum err wait_for(struct ctl *ctl, struct uuid task_id, int64_t total, int64_t timeout_s,
    struct row_webhook_task_get *ret_row)
{
	struct ctl_progress progress = ctl_progress_begin(ctl, "events");
	struct watch watch = { .moved_ms = clock_mono_ms() };
	enum err err = webhook_task_get(&ctl->ctx, task_id, ret_row);

	while (err == ERR_OK && ret_row->finished_at == TIME_NONE) {
		/* More may have happened within the range since they were counted. */
		if (ret_row->seen > total)
			total = ret_row->seen;
		if (!ctl->json && ret_row->seen < total)
			(void)ctl_progress_show(
			    &progress, (uint64_t)ret_row->seen, (uint64_t)total);
		err = watch_task(ctl, ret_row, timeout_s, &watch);
		if (err != ERR_OK)
			break;
		proc_sleep_ms(LOOK_MS);
		err = webhook_task_get(&ctl->ctx, task_id, ret_row);
	}
	if (err == ERR_OK && !ctl->json)
		(void)ctl_progress_show(
		    &progress, (uint64_t)ret_row->seen, (uint64_t)ret_row->seen);
	ctl_progress_end(&progress);
	return err;
}

static enum err recover(struct ctl *ctl, const struct recover_input *in)
{
	struct uuid task_id;
	struct row_webhook_task_get row;
	int64_t total = 0;
	enum err err =
	    webhook_recover(&ctl->ctx, in->app, in->webhook, in->since, in->until, &task_id);

	if (err == ERR_OK && !in->no_wait)
		err = count_events(ctl, in, &total);
	if (err == ERR_OK && in->no_wait)
		err = webhook_task_get(&ctl->ctx, task_id, &row);
	else if (err == ERR_OK)
		err = wait_for(ctl, task_id, total, in->timeout, &row);
	if (err != ERR_OK && err != ERR_TIMEOUT)
		return err;
	enum err printed = print_task(ctl, &row);
	if (printed != ERR_OK || err == ERR_OK)
		return printed;
	return ctl_fail(ctl, err,
	    "it was not finished; the batch goes on with it when it runs, do not ask again");
}

enum err webhook_recover_command(struct ctl *ctl, const void *input)
{
	const struct recover_input *in = input;
	enum err err = ERR_OK;

	if (in->until < in->since)
		err = ctl_misuse(ctl, "--until is before --since");
	if (err == ERR_OK && in->dry_run && in->no_wait)
		err = ctl_misuse(ctl, "--dry-run does nothing, so there is nothing to wait for");
	if (err == ERR_OK)
		err = check_names(ctl, in);
	if (err != ERR_OK)
		return err;
	return in->dry_run ? count_only(ctl, in) : recover(ctl, in);
}
