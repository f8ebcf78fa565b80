/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c_status.c: how the pool of this host and the queue of the database are doing. The pool is
 * read from its scoreboard file, so a busy or hung pool can be looked at too.
 */
#include "ctl.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "stmt.h"

struct pool_shown {
	bool running;
	int64_t master_pid;
	int64_t started_at;
	int64_t generation;
	int64_t workers;
	int64_t busy;
	int64_t requests;
	int64_t errors_5xx;
	int64_t database_errors;
	int64_t crashes;
	int64_t timeouts;
	int64_t recycled;
	int64_t reloads;
};

static const struct ctl_column pool_columns[] = {
	COLUMN_BOOL(struct pool_shown, running),
	COLUMN_INT(struct pool_shown, master_pid),
	COLUMN_TIME(struct pool_shown, started_at),
	COLUMN_INT(struct pool_shown, generation),
	COLUMN_INT(struct pool_shown, workers),
	COLUMN_INT(struct pool_shown, busy),
	COLUMN_INT(struct pool_shown, requests),
	COLUMN_INT(struct pool_shown, errors_5xx),
	COLUMN_INT(struct pool_shown, database_errors),
	COLUMN_INT(struct pool_shown, crashes),
	COLUMN_INT(struct pool_shown, timeouts),
	COLUMN_INT(struct pool_shown, recycled),
	COLUMN_INT(struct pool_shown, reloads),
};

struct worker_shown {
	int64_t worker;
	int64_t pid;
	const char *state;
	int64_t generation;
	int64_t started_at;
	int64_t requests;
	int64_t busy_ms;
	int64_t rss_kib;
	const char *request_id;
};

static const struct ctl_column worker_columns[] = {
	COLUMN_INT(struct worker_shown, worker),
	COLUMN_INT(struct worker_shown, pid),
	COLUMN_TEXT(struct worker_shown, state),
	COLUMN_INT(struct worker_shown, generation),
	COLUMN_TIME(struct worker_shown, started_at),
	COLUMN_INT(struct worker_shown, requests),
	COLUMN_INT(struct worker_shown, busy_ms),
	COLUMN_INT(struct worker_shown, rss_kib),
	COLUMN_TEXT(struct worker_shown, request_id),
};

struct queue_shown {
	const char *kind;
	const char *lane;
	int64_t waiting;
	int64_t due;
	int64_t running;
	int64_t failing;
	int64_t oldest_due_at;
	int64_t behind_s;
};

static const struct ctl_column queue_columns[] = {
	COLUMN_TEXT(struct queue_shown, kind),
	COLUMN_TEXT(struct queue_shown, lane),
	COLUMN_INT(struct queue_shown, waiting),
	COLUMN_INT(struct queue_shown, due),
	COLUMN_INT(struct queue_shown, running),
	COLUMN_INT(struct queue_shown, failing),
	COLUMN_TIME(struct queue_shown, oldest_due_at),
	COLUMN_INT(struct queue_shown, behind_s),
};

static const struct ctl_column lane_columns[] = {
	COLUMN_TEXT(struct row_operator_lanes, name),
	COLUMN_TIME(struct row_operator_lanes, paused_until),
	COLUMN_TEXT(struct row_operator_lanes, reason),
};

/* Everything one answer shows. */
struct overview {
	bool have_pool; /* there are figures, if only the last ones */
	struct pool_shown pool;
	struct worker_shown *workers;
	size_t worker_count;
	struct queue_shown *queue;
	size_t queue_count;
	struct row_operator_lanes *lanes;
	size_t lane_count;
};

/* ---- the pool ----------------------------------------------------------------------------- */

static bool is_alive(int32_t pid)
{
	/* EPERM: there is such a process, of another user. */
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

static const char *state_word(int32_t state)
{
	static const char *const words[] = { [BOARD_EMPTY] = "empty",
		[BOARD_STARTING] = "starting",
		[BOARD_IDLE] = "idle",
		[BOARD_BUSY] = "busy",
		[BOARD_STOPPING] = "stopping" };

	return state >= 0 && (size_t)state < countof(words) ? words[state] : "?";
}

static enum err read_worker(struct ctl *ctl, const struct board_worker *row, int64_t number,
    struct worker_shown *ret_worker)
{
	int32_t state = atomic_load(&row->state);
	int64_t since_ms = atomic_load(&row->request_started_ms);
	bool is_busy = state == BOARD_BUSY && since_ms > 0;
	char request_id[LIMIT_REQUEST_ID + 1];

	/* Its owner may be writing it: at worst we show a mixture of two. */
	memcpy(request_id, row->request_id, sizeof(request_id));
	request_id[sizeof(request_id) - 1] = '\0';
	*ret_worker = (struct worker_shown){ .worker = number,
		.pid = atomic_load(&row->pid),
		.state = state_word(state),
		.generation = atomic_load(&row->generation),
		.started_at = atomic_load(&row->started_ms),
		.requests = (int64_t)atomic_load(&row->requests),
		.busy_ms = is_busy ? clock_mono_ms() - since_ms : DB_NULL,
		.rss_kib = atomic_load(&row->rss_kib) };
	if (!is_busy || request_id[0] == '\0')
		return ERR_OK;
	ret_worker->request_id = arena_strdup(ctl->ctx.arena, request_id);
	return ret_worker->request_id != NULL ? ERR_OK : ERR_NOMEM;
}

static void read_totals(const struct board *board, struct pool_shown *ret_pool)
{
	for (size_t i = 0; i < BOARD_STATUS_CLASSES; i++)
		ret_pool->requests += (int64_t)atomic_load(&board->statuses[i]);
	ret_pool->errors_5xx = (int64_t)atomic_load(&board->statuses[BOARD_STATUS_CLASSES - 1]);
	ret_pool->database_errors = (int64_t)atomic_load(&board->database_errors);
	ret_pool->crashes = (int64_t)atomic_load(&board->crashes);
	ret_pool->timeouts = (int64_t)atomic_load(&board->timeouts);
	ret_pool->recycled = (int64_t)atomic_load(&board->recycled);
	ret_pool->reloads = (int64_t)atomic_load(&board->reloads);
	ret_pool->generation = atomic_load(&board->generation);
	ret_pool->workers = atomic_load(&board->worker_count);
	ret_pool->started_at = atomic_load(&board->started_ms);
}

static enum err read_workers(struct ctl *ctl, const struct board *board, struct overview *view)
{
	enum err err = ERR_OK;

	view->workers = arena_array(ctl->ctx.arena, LIMIT_WORKERS, sizeof(*view->workers));
	if (view->workers == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < LIMIT_WORKERS && err == ERR_OK; i++) {
		const struct board_worker *row = &board->workers[i];
		if (atomic_load(&row->pid) == 0)
			continue;
		view->pool.busy += atomic_load(&row->state) == BOARD_BUSY;
		err = read_worker(ctl, row, (int64_t)i + 1, &view->workers[view->worker_count++]);
	}
	return err;
}

/* Why there is nothing to show of a pool, for people. */
static void note_no_pool(struct ctl *ctl, enum err err)
{
	const char *path = ctl->settings->status_file;

	if (path[0] == '\0')
		ctl_note(ctl, "No pool can be looked at: the setting status_file is empty.\n");
	else if (err == ERR_MISSING)
		ctl_note(ctl, "No pool runs on this host: there is no file %s.\n", path);
	else if (err == ERR_SYNTAX)
		ctl_note(ctl, "%s was written by another version of bonafide.fcgi.\n", path);
	else
		ctl_note(ctl, "%s cannot be read by this user.\n", path);
}

static enum err read_pool(struct ctl *ctl, struct overview *view)
{
	const struct board *board = NULL;
	enum err err = ctl->settings->status_file[0] == '\0'
			   ? ERR_MISSING
			   : board_attach(ctl->settings->status_file, &board);

	view->pool.started_at = TIME_NONE;
	view->pool.master_pid = DB_NULL;
	if (err != ERR_OK) {
		note_no_pool(ctl, err);
		return ERR_OK;
	}
	int32_t master = atomic_load(&board->master_pid);
	view->have_pool = true;
	view->pool.running = is_alive(master);
	view->pool.master_pid = master;
	read_totals(board, &view->pool);
	if (view->pool.running)
		return read_workers(ctl, board, view);
	ctl_note(ctl,
	    "No pool runs on this host: its master, process %d, is gone. What follows are its "
	    "last figures.\n",
	    (int)master);
	return ERR_OK;
}

/* ---- the queue ---------------------------------------------------------------------------- */

static enum err read_queue(struct ctl *ctl, struct overview *view)
{
	int64_t now = clock_now_ms();
	struct row_operator_queue *rows = NULL;
	enum err err =
	    q_operator_queue(ctl->ctx.db, ctl->ctx.arena, now, now, &rows, &view->queue_count);

	if (err != ERR_OK)
		return err;
	view->queue = arena_array(ctl->ctx.arena, view->queue_count + 1, sizeof(*view->queue));
	if (view->queue == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < view->queue_count; i++)
		view->queue[i] = (struct queue_shown){ .kind = rows[i].kind,
			.lane = rows[i].lane,
			.waiting = rows[i].waiting - rows[i].due - rows[i].leased,
			.due = rows[i].due,
			.running = rows[i].leased,
			.failing = rows[i].failing,
			.oldest_due_at = rows[i].oldest_due_at,
			.behind_s = rows[i].oldest_due_at < now
					? (now - rows[i].oldest_due_at) / 1000
					: 0 };
	return q_operator_lanes(ctl->ctx.db, ctl->ctx.arena, now, &view->lanes, &view->lane_count);
}

/* People are not shown the sections that have nothing to say. */
static enum err print(struct ctl *ctl, const struct overview *view, bool with_queue)
{
	const struct ctl_section sections[] = {
		{ .name = "pool",
		    .single = true,
		    .columns = pool_columns,
		    .column_count = countof(pool_columns),
		    .rows = &view->pool,
		    .row_size = sizeof(view->pool),
		    .count = 1 },
		{ .name = "workers",
		    .columns = worker_columns,
		    .column_count = countof(worker_columns),
		    .rows = view->workers,
		    .row_size = sizeof(*view->workers),
		    .count = view->worker_count },
		{ .name = "queue",
		    .columns = queue_columns,
		    .column_count = countof(queue_columns),
		    .rows = view->queue,
		    .row_size = sizeof(*view->queue),
		    .count = view->queue_count,
		    .empty = "The queue is empty." },
		{ .name = "paused_lanes",
		    .columns = lane_columns,
		    .column_count = countof(lane_columns),
		    .rows = view->lanes,
		    .row_size = sizeof(*view->lanes),
		    .count = view->lane_count },
	};
	size_t first = ctl->json || view->have_pool ? 0 : 2;
	size_t last = !with_queue ? 2 : ctl->json || view->lane_count > 0 ? 4 : 3;

	return first < last ? ctl_print(ctl, sections + first, last - first) : ERR_OK;
}

/* The pool is shown even when the database is away: that may be why somebody looks. */
static enum err status(struct ctl *ctl, UNUSED const void *input)
{
	struct overview view = { .worker_count = 0 };
	enum err err = read_pool(ctl, &view);

	if (err != ERR_OK)
		return err;
	enum err db_err = ctl_open_db(ctl);
	if (db_err == ERR_OK)
		db_err = read_queue(ctl, &view);
	err = print(ctl, &view, db_err == ERR_OK);
	return err != ERR_OK ? err : db_err;
}

static const struct ctl_command commands[] = {
	{ .verb = "",
	    .needs = CTL_SETTINGS,
	    .run = status,
	    .summary = "show the pool's workers and the queue",
	    .help = "Shows the pool of this host (from status_file) with its workers, how deep the "
		    "queue is by kind and lane, and which lanes are paused. \"waiting\" is not due "
		    "yet, \"due\" could be taken now, \"running\" is in a batch process's hands, "
		    "\"failing\" failed at its last attempt." },
};

const struct ctl_noun noun_status = {
	.word = "status",
	.summary = "The pool and the queue.",
	.commands = commands,
	.count = countof(commands),
};
