/* SPDX-License-Identifier: Apache-2.0 */
/* session_count.c keeps the figures of sessions and sums them up (reference/kayle.md section 9). */
#include <string.h>

#include "session.h"

#include "clock.h"
#include "counter.h"
#include "limits.h"
#include "session_flow.h"

#define DAY_MS INT64_C(86400000)
#define DAY_CHARS 10

static void day_of(int64_t time_ms, char out[DAY_CHARS + 1])
{
	char text[TIME_TEXT_SIZE];

	time_text(time_ms, text);
	memcpy(out, text, DAY_CHARS);
	out[DAY_CHARS] = '\0';
}

static int64_t slot_of(const struct ctx *ctx)
{
	return (int64_t)(ctx->slot % LIMIT_COUNTER_SLOTS);
}

/* ---- keeping --------------------------------------------------------------------------------------- */

enum err session_count_new(struct ctx *ctx, const struct session *s)
{
	const char *environment = environment_word(s->environment);
	char day[DAY_CHARS + 1];
	enum err err =
	    counter_add(ctx, s->application_id, COUNTER_SESSION, environment, s->status_word, 1);

	day_of(s->created_at_ms, day);
	return err == ERR_OK ? q_session_day_add(ctx->db, s->application_id, day, environment,
				   s->status_word, slot_of(ctx), 1)
			     : err;
}

enum err session_count_move(struct ctx *ctx, const struct session *s, enum session_status to)
{
	const char *environment = environment_word(s->environment);
	const char *from_word = session_status_word(s->status);
	const char *to_word = session_status_word(to);
	char day[DAY_CHARS + 1];
	enum err err =
	    counter_move(ctx, s->application_id, COUNTER_SESSION, environment, from_word, to_word);

	day_of(s->created_at_ms, day);
	return err == ERR_OK
		   ? q_session_day_move(ctx->db, s->application_id, day, environment, from_word,
			 slot_of(ctx), s->application_id, day, environment, to_word, slot_of(ctx))
		   : err;
}

/* ---- summing up ------------------------------------------------------------------------------------ */

/* Which figure a status goes into. */
static const size_t figure_of[SESSION__MAX] = {
	[SESSION_PENDING] = offsetof(struct session_figures, active),
	[SESSION_SUBMITTED] = offsetof(struct session_figures, active),
	[SESSION_VERIFIED] = offsetof(struct session_figures, success),
	[SESSION_REJECTED] = offsetof(struct session_figures, failure),
	[SESSION_FAILED] = offsetof(struct session_figures, failure),
	[SESSION_VOIDED] = offsetof(struct session_figures, cancelled),
	[SESSION_EXPIRED] = offsetof(struct session_figures, expired),
};

static void add(struct session_figures *figures, enum session_status status, int64_t n)
{
	*(int64_t *)(void *)((char *)figures + figure_of[status]) += n;
	figures->total += n;
}

static void add_up(struct session_figures *sum, const struct session_figures *more)
{
	sum->total += more->total;
	sum->active += more->active;
	sum->success += more->success;
	sum->failure += more->failure;
	sum->expired += more->expired;
	sum->cancelled += more->cancelled;
}

static struct session_figures *figures_on(struct session_overview *overview, const char *day)
{
	for (size_t i = 0; i < SESSION_TREND_DAYS; i++) {
		if (strcmp(overview->days[i].date, day) == 0)
			return &overview->days[i].made;
	}
	return NULL;
}

static enum err sum_totals(struct ctx *ctx, struct session_overview *overview)
{
	struct row_session_totals *rows = NULL;
	enum session_status status;
	size_t count = 0;
	enum err err = q_session_totals(ctx->db, ctx->arena, ctx->actor.application_id,
	    COUNTER_SESSION, ctx_environment(ctx), &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		if (session_status_parse(rows[i].status, &status) != ERR_OK)
			return ERR_DB_BROKEN;
		add(&overview->summary, status, rows[i].n);
	}
	return err;
}

static enum err sum_days(struct ctx *ctx, struct session_overview *overview)
{
	struct row_session_day_list *rows = NULL;
	enum session_status status;
	size_t count = 0;
	enum err err = q_session_day_list(ctx->db, ctx->arena, ctx->actor.application_id,
	    overview->days[0].date, ctx_environment(ctx), &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		struct session_figures *figures = figures_on(overview, rows[i].day);
		if (session_status_parse(rows[i].status, &status) != ERR_OK)
			return ERR_DB_BROKEN;
		/* A clock that was set back: made on a day to come. */
		if (figures != NULL)
			add(figures, status, rows[i].n);
	}
	return err;
}

/* What is still open in the counters but past its time has expired. */
static enum err move_overdue(struct ctx *ctx, struct session_overview *overview, int64_t now_ms)
{
	struct row_session_overdue_days *rows = NULL;
	enum session_status status;
	size_t count = 0;
	enum err err = q_session_overdue_days(ctx->db, ctx->arena, ctx->actor.application_id,
	    ctx_environment(ctx), now_ms, &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		struct session_figures *figures = figures_on(overview, rows[i].day);
		if (session_status_parse(rows[i].status, &status) != ERR_OK)
			return ERR_DB_BROKEN;
		add(&overview->summary, status, -rows[i].n);
		add(&overview->summary, SESSION_EXPIRED, rows[i].n);
		if (figures == NULL)
			continue;
		add(figures, status, -rows[i].n);
		add(figures, SESSION_EXPIRED, rows[i].n);
	}
	return err;
}

enum err session_overview(struct ctx *ctx, struct session_overview *ret_overview)
{
	int64_t now_ms = clock_now_ms();
	struct session_overview overview;

	memset(&overview, 0, sizeof(overview));
	for (size_t i = 0; i < SESSION_TREND_DAYS; i++)
		day_of(
		    now_ms - (int64_t)(SESSION_TREND_DAYS - 1 - i) * DAY_MS, overview.days[i].date);
	enum err err = sum_totals(ctx, &overview);
	if (err == ERR_OK)
		err = sum_days(ctx, &overview);
	if (err == ERR_OK)
		err = move_overdue(ctx, &overview, now_ms);
	if (err != ERR_OK)
		return err;
	struct session_figures running = { .total = 0 };
	for (size_t i = 0; i < SESSION_TREND_DAYS; i++) {
		add_up(&running, &overview.days[i].made);
		overview.days[i].running = running;
	}
	*ret_overview = overview;
	return ERR_OK;
}
