/* SPDX-License-Identifier: Apache-2.0 */
/* c_session.c: verification sessions of any tenant, never the person in them. */
#include "ctl.h"

#include "clock.h"
#include "limits.h"
#include "session.h"
#include "stmt.h"

#define LIST_DEFAULT 50

/* The words of SESSION in core/state.def. */
#define STATUS_WORD(group, name, word) "|" word
#define STATUS_WORDS "" STATE_SESSION(STATUS_WORD)

static enum err no_such_session(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_SESSION_NOT_FOUND,
	    "there is no such session; \"bonafide session list\" shows those there are");
}

/* ---- list ----------------------------------------------------------------------------------------- */

struct list_input {
	struct uuid app;
	const char *status;
	int64_t limit;
};

static const struct ctl_arg list_args[] = {
	ARG_ID(struct list_input, app, "app", "APP", false, ID_APPLICATION,
	    "Only those of this application (app_...)."),
	ARG_WORD(struct list_input, status, "status", false, &STATUS_WORDS[1],
	    "Only those that stand so."),
	ARG_INT(struct list_input, limit, "limit", "N", 1, LIMIT_DB_ROWS, LIST_DEFAULT,
	    "At most so many, the newest (default 50)."),
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct row_operator_sessions, id, ID_SESSION),
	COLUMN_ID(struct row_operator_sessions, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct row_operator_sessions, environment),
	COLUMN_TEXT(struct row_operator_sessions, family),
	COLUMN_TEXT(struct row_operator_sessions, status),
	COLUMN_INT(struct row_operator_sessions, attempt_count),
	COLUMN_INT(struct row_operator_sessions, failed_count),
	COLUMN_TIME(struct row_operator_sessions, created_at),
	COLUMN_TIME(struct row_operator_sessions, expires_at),
	COLUMN_TIME(struct row_operator_sessions, completed_at),
};

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct row_operator_sessions *rows = NULL;
	int64_t now_ms = clock_now_ms();
	size_t count = 0;
	enum err err = q_operator_sessions(ctl->ctx.db, ctl->ctx.arena, now_ms,
	    uuid_is_nil(in->app), in->app, now_ms, in->status, in->limit, &rows, &count);

	if (err != ERR_OK)
		return err;
	return ctl_print_list(ctl, list_columns, rows, count, "There are no sessions like that.");
}

/* ---- show ----------------------------------------------------------------------------------------- */

struct one_input {
	struct uuid session;
};

static const struct ctl_arg one_args[] = {
	ARG_ID(struct one_input, session, "SESSION", NULL, true, ID_SESSION,
	    "The session's id (vs_...)."),
};

static const struct ctl_column session_columns[] = {
	COLUMN_ID(struct row_operator_session, id, ID_SESSION),
	COLUMN_ID(struct row_operator_session, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct row_operator_session, environment),
	COLUMN_TEXT(struct row_operator_session, family),
	COLUMN_TEXT(struct row_operator_session, status),
	COLUMN_WORDS(struct row_operator_session, steps),
	COLUMN_ID(struct row_operator_session, workflow_id, ID_WORKFLOW),
	COLUMN_INT(struct row_operator_session, attempt_count),
	COLUMN_INT(struct row_operator_session, failed_count),
	COLUMN_TEXT(struct row_operator_session, invite_email),
	COLUMN_TEXT(struct row_operator_session, invite_phone),
	COLUMN_INT(struct row_operator_session, seal_key),
	COLUMN_TIME(struct row_operator_session, created_at),
	COLUMN_TIME(struct row_operator_session, started_at),
	COLUMN_TIME(struct row_operator_session, submitted_at),
	COLUMN_TIME(struct row_operator_session, expires_at),
	COLUMN_TIME(struct row_operator_session, completed_at),
};

static const struct ctl_column attempt_columns[] = {
	COLUMN_ID(struct row_operator_session_attempts, id, ID_SESSION_ATTEMPT),
	COLUMN_ID(struct row_operator_session_attempts, verification_id, ID_VERIFICATION),
	COLUMN_TEXT(struct row_operator_session_attempts, status),
	COLUMN_TEXT(struct row_operator_session_attempts, failure_code),
	COLUMN_INT(struct row_operator_session_attempts, risk_percent),
	COLUMN_TIME(struct row_operator_session_attempts, created_at),
	COLUMN_TIME(struct row_operator_session_attempts, completed_at),
};

static enum err print(struct ctl *ctl, struct uuid id)
{
	struct row_operator_session_attempts *attempts = NULL;
	struct row_operator_session row;
	size_t count = 0;
	enum err err = q_operator_session(ctl->ctx.db, ctl->ctx.arena, clock_now_ms(), id, &row);

	if (err == ERR_MISSING)
		return no_such_session(ctl);
	if (err == ERR_OK)
		err =
		    q_operator_session_attempts(ctl->ctx.db, ctl->ctx.arena, id, &attempts, &count);
	if (err != ERR_OK)
		return err;
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = session_columns,
		    .column_count = countof(session_columns),
		    .rows = &row,
		    .row_size = sizeof(row),
		    .count = 1 },
		{ .name = "attempts",
		    .columns = attempt_columns,
		    .column_count = countof(attempt_columns),
		    .rows = attempts,
		    .row_size = sizeof(*attempts),
		    .count = count,
		    .empty = "The person has not submitted anything." },
	};
	return ctl_print(ctl, sections, countof(sections));
}

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;

	return print(ctl, in->session);
}

/* ---- cancel --------------------------------------------------------------------------------------- */

static enum err cancel(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct row_operator_session row;
	bool changed = false;
	enum err err =
	    q_operator_session(ctl->ctx.db, ctl->ctx.arena, clock_now_ms(), in->session, &row);

	if (err == ERR_MISSING)
		return no_such_session(ctl);
	if (err != ERR_OK)
		return err;
	ctl->ctx.actor.application_id = row.application_id;
	err = session_cancel(&ctl->ctx, in->session, &changed);
	if (err != ERR_OK)
		return err;
	if (!changed)
		ctl_note(ctl, "It had ended already; nothing was changed.");
	return print(ctl, in->session);
}

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .bare = true,
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list verification sessions",
	    .help =
		"Lists the newest verification sessions of all applications, or of one. One whose "
		"time has come is listed as expired, also when nobody has noticed yet." },
	{ .verb = "show",
	    .needs = CTL_DB,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "show what happened in a session",
	    .help = "Shows a verification session of any application with its attempts, each with "
		    "the verification it was (\"bonafide verification show\"). It never shows the "
		    "person, nor the customer's own reference and address to return to, which may "
		    "hold a name." },
	{ .verb = "cancel",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = cancel,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "end a session",
	    .help =
		"Ends a session that is open: its link works no more, what was submitted comes to "
		"nothing, and the business is told as if it had cancelled it itself. One that "
		"has ended stays as it is. Its tokens are not given back; \"bonafide tokens "
		"add\" can do that." },
};

const struct ctl_noun noun_session = {
	.word = "session",
	.summary = "Verification sessions: hosted verifications of a person.",
	.commands = commands,
	.count = countof(commands),
};
