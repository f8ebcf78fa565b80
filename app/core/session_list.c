/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_list.c: pages of sessions and of attempts. Each combination of filters has a statement
 * whose index serves it, as for verifications.
 */
#include "session.h"

#include <string.h>

#include "clock.h"
#include "limits.h"
#include "page.h"
#include "session_flow.h"

/* The place behind the last one seen. */
static struct uuid behind(struct uuid after)
{
	if (uuid_is_nil(after))
		memset(after.b, 0xff, sizeof(after.b));
	return after;
}

/* ---- sessions -------------------------------------------------------------------------------------- */

/* All pages have session_get's columns, so one struct reads them. */
#define SAME_ROWS(name) \
	_Static_assert(sizeof(struct row_session_get) == sizeof(struct row_##name), \
	    "sessions are read alike")
SAME_ROWS(session_page);
SAME_ROWS(session_page_env);
SAME_ROWS(session_page_phase);
SAME_ROWS(session_page_phase_env);
SAME_ROWS(session_page_external);
SAME_ROWS(session_page_workflow);

/* By the filter that leaves the least: who, then what, then all. */
static enum err read_rows(
    struct ctx *ctx, const struct session_filter *f, void *ret_rows, size_t *ret_count)
{
	struct uuid app = ctx->actor.application_id, low, high;
	const char *env = ctx_environment(ctx);
	int64_t most = f->limit + 1;

	page_range(behind(f->after), f->from_ms, f->to_ms, &low, &high);
	if (f->external_id != NULL)
		return q_session_page_external(ctx->db, ctx->arena, app, f->external_id, env,
		    f->phase, f->workflow_id, low, high, most, ret_rows, ret_count);
	if (!uuid_is_nil(f->workflow_id))
		return q_session_page_workflow(ctx->db, ctx->arena, app, f->workflow_id, env,
		    f->phase, low, high, most, ret_rows, ret_count);
	if (f->phase != NULL && env != NULL)
		return q_session_page_phase_env(
		    ctx->db, ctx->arena, app, f->phase, env, low, high, most, ret_rows, ret_count);
	if (f->phase != NULL)
		return q_session_page_phase(
		    ctx->db, ctx->arena, app, f->phase, low, high, most, ret_rows, ret_count);
	if (env != NULL)
		return q_session_page_env(
		    ctx->db, ctx->arena, app, env, low, high, most, ret_rows, ret_count);
	return q_session_page(ctx->db, ctx->arena, app, low, high, most, ret_rows, ret_count);
}

/* Normally none: the batch has seen to them. Those above the limit it will see to. */
static enum err expire_overdue(struct ctx *ctx)
{
	struct row_session_overdue_of *rows = NULL;
	size_t count = 0;
	enum err err = q_session_overdue_of(ctx->db, ctx->arena, ctx->actor.application_id,
	    clock_now_ms(), LIMIT_SESSION_EXPIRE, &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = session_expire_one(ctx, rows[i].application_id, rows[i].id);
		/* A live one, that this sandbox key does not see. */
		err = err == ERR_SESSION_NOT_FOUND ? ERR_OK : err;
	}
	return err;
}

static enum err take(struct ctx *ctx, const struct row_session_get *row,
    const struct session_filter *filter, struct session *session)
{
	enum err err = session_fill(row, session);

	session->organization_id = ctx->actor.organization_id;
	if (err == ERR_OK && session_is_overdue(session)) {
		session->status = SESSION_EXPIRED;
		session->status_word = session_status_word(SESSION_EXPIRED);
		session->phase_word = session_phase_word(PHASE_EXPIRED);
		session->completed_at_ms = session->expires_at_ms;
	}
	if (err == ERR_OK && filter->with_attempts)
		err = session_read_attempts(ctx, session);
	return err;
}

enum err session_list(struct ctx *ctx, const struct session_filter *filter,
    struct session **ret_sessions, size_t *ret_count, bool *ret_more)
{
	struct row_session_get *rows = NULL;
	size_t count = 0;
	enum err err = expire_overdue(ctx);

	if (err == ERR_OK)
		err = read_rows(ctx, filter, &rows, &count);
	if (err != ERR_OK)
		return err;
	bool more = count > (size_t)filter->limit;
	count = more ? (size_t)filter->limit : count;
	struct session *sessions = arena_array(ctx->arena, count, sizeof(*sessions));
	if (sessions == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = take(ctx, &rows[i], filter, &sessions[i]);
	if (err == ERR_OK) {
		*ret_sessions = sessions;
		*ret_count = count;
		*ret_more = more;
	}
	return err;
}

/* ---- attempts -------------------------------------------------------------------------------------- */

#define SAME_ATTEMPTS(name) \
	_Static_assert(sizeof(struct row_attempt_list) == sizeof(struct row_##name), \
	    "attempts are read alike")
SAME_ATTEMPTS(attempt_of);
SAME_ATTEMPTS(attempt_page_session);
SAME_ATTEMPTS(attempt_page_status);
SAME_ATTEMPTS(attempt_page_status_env);

enum err session_fill_attempt(
    const struct row_attempt_list *row, struct session_attempt *ret_attempt)
{
	struct session_attempt attempt = { .id = row->id,
		.session_id = row->session_id,
		.verification_id = row->verification_id,
		.status_word = row->status,
		.failure_code = row->failure_code,
		.risk_percent = row->risk_percent,
		.completed_at_ms = row->completed_at,
		.created_at_ms = row->created_at,
		.updated_at_ms = row->updated_at };

	if (attempt_status_parse(row->status, &attempt.status) != ERR_OK)
		return ERR_DB_BROKEN;
	*ret_attempt = attempt;
	return ERR_OK;
}

static enum err read_attempts(
    struct ctx *ctx, const struct attempt_filter *f, void *ret_rows, size_t *ret_count)
{
	struct uuid app = ctx->actor.application_id, before = behind(f->after);
	const char *env = ctx_environment(ctx);
	int64_t most = f->limit + 1;

	if (!uuid_is_nil(f->session_id))
		return q_attempt_page_session(ctx->db, ctx->arena, app, f->session_id, env,
		    f->status, before, most, ret_rows, ret_count);
	if (env != NULL)
		return q_attempt_page_status_env(
		    ctx->db, ctx->arena, app, f->status, env, before, most, ret_rows, ret_count);
	return q_attempt_page_status(
	    ctx->db, ctx->arena, app, f->status, before, most, ret_rows, ret_count);
}

enum err session_attempts(struct ctx *ctx, const struct attempt_filter *filter,
    struct session_attempt **ret_attempts, size_t *ret_count, bool *ret_more)
{
	struct row_attempt_list *rows = NULL;
	size_t count = 0;
	enum err err = expire_overdue(ctx);

	if (err == ERR_OK)
		err = read_attempts(ctx, filter, &rows, &count);
	if (err != ERR_OK)
		return err;
	bool more = count > (size_t)filter->limit;
	count = more ? (size_t)filter->limit : count;
	struct session_attempt *attempts = arena_array(ctx->arena, count, sizeof(*attempts));
	if (attempts == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = session_fill_attempt(&rows[i], &attempts[i]);
	if (err == ERR_OK) {
		*ret_attempts = attempts;
		*ret_count = count;
		*ret_more = more;
	}
	return err;
}
