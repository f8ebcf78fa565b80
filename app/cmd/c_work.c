/* SPDX-License-Identifier: Apache-2.0 */
/* c_work.c: the queue of what the batch has still to do. */
#include "ctl.h"

#include "clock.h"
#include "limits.h"
#include "stmt.h"
#include "work.h"

#define LIST_DEFAULT 50
#define LANE_NAME 64 /* characters, as the column */

/* ---- list --------------------------------------------------------------------------------- */

struct list_input {
	const char *kind;
	int64_t limit;
};

/* The words of WORK in core/state.def, for the rows below. */
#define KIND_WORD(group, name, word) "|" word
#define KIND_WORDS "" STATE_WORK(KIND_WORD)

static const struct ctl_arg list_args[] = {
	ARG_WORD(struct list_input, kind, "kind", false, &KIND_WORDS[1], "Only this kind of work."),
	ARG_INT(struct list_input, limit, "limit", "N", 1, LIMIT_DB_ROWS, LIST_DEFAULT,
	    "At most so many rows (default 50)."),
};

struct work_shown {
	struct uuid id;
	const char *kind;
	const char *subject;
	const char *lane;
	const char *state;
	int64_t due_at;
	int64_t attempt;
	int64_t failures;
	int64_t lease_until;
	int64_t created_at;
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct work_shown, id, ID_WORK),
	COLUMN_TEXT(struct work_shown, kind),
	COLUMN_TEXT(struct work_shown, subject),
	COLUMN_TEXT(struct work_shown, lane),
	COLUMN_TEXT(struct work_shown, state),
	COLUMN_TIME(struct work_shown, due_at),
	COLUMN_INT(struct work_shown, attempt),
	COLUMN_INT(struct work_shown, failures),
	{ .name = "lease_until",
	    .type = CELL_TIME,
	    .offset = offsetof(struct work_shown, lease_until),
	    .json_only = true },
	{ .name = "created_at",
	    .type = CELL_TIME,
	    .offset = offsetof(struct work_shown, created_at),
	    .json_only = true },
};

static const char *state_of(int64_t due_at_ms, int64_t lease_until_ms, int64_t now_ms)
{
	if (lease_until_ms != TIME_NONE && lease_until_ms > now_ms)
		return "running";
	return due_at_ms <= now_ms ? "due" : "waiting";
}

/* What a piece of work is about depends on its kind. NULL when memory is out. */
static const char *subject_of(struct ctl *ctl, const char *kind_word, struct uuid id)
{
	char text[ID_TEXT_SIZE];
	enum work_kind kind;
	enum id_kind of = ID_VERIFICATION;

	if (work_kind_parse(kind_word, &kind) == ERR_OK && kind == WORK_DELIVERY)
		of = ID_DELIVERY;
	else if (work_kind_parse(kind_word, &kind) == ERR_OK && kind == WORK_TASK)
		of = ID_TASK;
	else if (work_kind_parse(kind_word, &kind) == ERR_OK && kind == WORK_MAIL)
		of = ID_MAIL;
	id_text(of, id, text);
	return arena_strdup(ctl->ctx.arena, text);
}

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	const char *kind = in->kind == NULL ? "" : in->kind;
	int64_t now = clock_now_ms();
	struct row_operator_work_list *rows = NULL;
	size_t count = 0;
	enum err err =
	    q_operator_work_list(ctl->ctx.db, ctl->ctx.arena, kind, kind, in->limit, &rows, &count);

	if (err != ERR_OK)
		return err;
	struct work_shown *shown = arena_array(ctl->ctx.arena, count + 1, sizeof(*shown));
	if (shown == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		shown[i] = (struct work_shown){ .id = rows[i].id,
			.kind = rows[i].kind,
			.subject = subject_of(ctl, rows[i].kind, rows[i].subject_id),
			.lane = rows[i].lane,
			.state = state_of(rows[i].due_at, rows[i].lease_until, now),
			.due_at = rows[i].due_at,
			.attempt = rows[i].attempt,
			.failures = rows[i].failures,
			.lease_until = rows[i].lease_until,
			.created_at = rows[i].created_at };
	if (arena_overflowed(ctl->ctx.arena))
		return ERR_NOMEM;
	return ctl_print_list(ctl, list_columns, shown, count, "The queue is empty.");
}

/* ---- retry -------------------------------------------------------------------------------- */

struct retry_input {
	struct uuid work;
	const char *lane;
};

static const struct ctl_arg retry_args[] = {
	ARG_ID(struct retry_input, work, "ID", NULL, false, ID_WORK,
	    "The piece of work (wrk_...), as \"bonafide work list\" shows it."),
	ARG_TEXT(struct retry_input, lane, "lane", "LANE", false, LANE_NAME,
	    "Or everything in this lane that is not running."),
};

struct retried {
	int64_t made_due;
};

static const struct ctl_column retried_columns[] = {
	COLUMN_INT(struct retried, made_due),
};

/* A paused lane is passed over, so making its work due alone does nothing: say so. */
static enum err note_paused(struct ctl *ctl, const char *name)
{
	struct row_operator_lane lane;
	char until[TIME_TEXT_SIZE];
	enum err err = q_operator_lane(ctl->ctx.db, ctl->ctx.arena, name, &lane);

	if (err == ERR_MISSING || (err == ERR_OK && lane.paused_until <= clock_now_ms()))
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	time_text(lane.paused_until, until);
	ctl_note(ctl,
	    "Lane %s is paused until %s (%s). \"bonafide work resume %s\" lets it run now.", name,
	    until, lane.reason, name);
	return ERR_OK;
}

static enum err retry_lane(struct ctl *ctl, const char *lane)
{
	int64_t now = clock_now_ms();
	uint64_t changed = 0;
	enum err err = q_operator_lane_hurry(ctl->ctx.db, now, lane, now, &changed);
	struct retried retried = { .made_due = (int64_t)changed };

	if (err == ERR_OK)
		err = ctl_print_one(ctl, retried_columns, &retried);
	return err == ERR_OK ? note_paused(ctl, lane) : err;
}

static enum err retry_one(struct ctl *ctl, struct uuid id)
{
	int64_t now = clock_now_ms();
	uint64_t changed = 0;
	struct retried retried = { .made_due = 1 };
	struct row_operator_work row;
	enum err err = q_operator_work(ctl->ctx.db, ctl->ctx.arena, id, &row);

	if (err == ERR_MISSING)
		return ctl_fail(
		    ctl, err, "there is no such piece of work: it is done, or the id is wrong");
	if (err == ERR_OK)
		err = q_operator_work_hurry(ctl->ctx.db, now, id, now, &changed);
	if (err != ERR_OK)
		return err;
	if (changed == 0)
		return ctl_fail(ctl, ERR_STATE, "a batch process has it in hand just now");
	err = ctl_print_one(ctl, retried_columns, &retried);
	return err == ERR_OK ? note_paused(ctl, row.lane) : err;
}

static enum err retry(struct ctl *ctl, const void *input)
{
	const struct retry_input *in = input;

	if (uuid_is_nil(in->work) == (in->lane == NULL))
		return ctl_misuse(ctl, "\"work retry\" takes either an ID or --lane LANE");
	return in->lane != NULL ? retry_lane(ctl, in->lane) : retry_one(ctl, in->work);
}

/* ---- resume ------------------------------------------------------------------------------- */

struct resume_input {
	const char *lane;
};

static const struct ctl_arg resume_args[] = {
	ARG_TEXT(struct resume_input, lane, "LANE", NULL, true, LANE_NAME,
	    "The lane, as \"bonafide status\" shows it."),
};

struct resumed {
	const char *lane;
	bool was_paused;
};

static const struct ctl_column resumed_columns[] = {
	COLUMN_TEXT(struct resumed, lane),
	COLUMN_BOOL(struct resumed, was_paused),
};

static enum err resume(struct ctl *ctl, const void *input)
{
	const struct resume_input *in = input;
	struct resumed resumed = { .lane = in->lane };
	struct row_operator_lane lane;
	enum err err = q_operator_lane(ctl->ctx.db, ctl->ctx.arena, in->lane, &lane);

	if (err == ERR_OK)
		resumed.was_paused = lane.paused_until > clock_now_ms();
	else if (err == ERR_MISSING)
		err = ERR_OK;
	if (err == ERR_OK && resumed.was_paused)
		err = lane_resume(&ctl->ctx, in->lane);
	return err == ERR_OK ? ctl_print_one(ctl, resumed_columns, &resumed) : err;
}

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .bare = true,
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list what is queued, the most urgent first" },
	{ .verb = "retry",
	    .needs = CTL_DB,
	    .run = retry,
	    .args = retry_args,
	    .arg_count = countof(retry_args),
	    .input_size = sizeof(struct retry_input),
	    .summary = "make a piece of work, or a lane's, due now",
	    .help = "Makes a piece of work due now instead of at the end of its wait; the next "
		    "batch run takes it. What a batch process has in hand is left alone. A paused "
		    "lane stays paused: \"bonafide work resume\" ends that." },
	{ .verb = "resume",
	    .needs = CTL_DB,
	    .run = resume,
	    .args = resume_args,
	    .arg_count = countof(resume_args),
	    .input_size = sizeof(struct resume_input),
	    .summary = "let a paused lane run again",
	    .help = "Lets a lane run again that was paused because its provider refused our "
		    "credentials or settings. Mend the cause first, or it is paused again." },
};

const struct ctl_noun noun_work = {
	.word = "work",
	.summary = "The queue: what the batch has still to do.",
	.commands = commands,
	.count = countof(commands),
};
