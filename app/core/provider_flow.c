/* SPDX-License-Identifier: Apache-2.0 */
/* provider_flow.c: from one step of a verification at its provider to the next. */
#include "provider_flow.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "stmt.h"
#include "tx.h"

#define HOUR_MS 3600000
#define SECOND_MS 1000
#define POLL_DOUBLINGS 10

/* ---- preparing ------------------------------------------------------------------------------------- */

static void set_later(struct flow *flow, enum err problem)
{
	flow->step = FLOW_LATER;
	flow->problem = problem;
}

/* "<verification>-<try>": the same try has the same job, whoever asks and however often. */
static enum err name_job(struct ctx *ctx, struct flow *flow)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(flow->work.subject_id, text);
	flow->ask.job_id = arena_printf(ctx->arena, "%s-%lld", text, (long long)flow->try);
	flow->ask.user_id = arena_strdup(ctx->arena, text);
	return flow->ask.job_id == NULL || flow->ask.user_id == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err begin_try(struct ctx *ctx, struct flow *flow)
{
	int64_t now_ms = clock_now_ms();
	enum err err;

	flow->try++;
	flow->ask.first_sent_ms = now_ms;
	flow->has_job = true;
	err = name_job(ctx, flow);
	if (err != ERR_OK)
		return err;
	return q_provider_job_put(ctx->db, flow->work.subject_id, flow->try, flow->ask.job_id,
	    flow->driver->name, job_state_word(JOB_SENDING), now_ms, now_ms);
}

static enum err set_job(struct ctx *ctx, struct flow *flow, enum job_state state)
{
	const char *code = flow->answer.code[0] == '\0' ? NULL : flow->answer.code;

	return q_provider_job_state(
	    ctx->db, job_state_word(state), code, clock_now_ms(), flow->work.subject_id, flow->try);
}

static void give_up(struct flow *flow)
{
	flow->step = FLOW_ANSWER;
	flow->gave_up = true;
	flow->answer = (struct provider_answer){ .kind = ANSWER_FINAL,
		.result = { .outcome = OUTCOME_ERROR, .reason = REASON_GAVE_UP } };
}

/* What is known of the last try decides: ask about it, send it again, or begin another. */
static enum err choose_step(struct ctx *ctx, struct flow *flow)
{
	struct row_provider_last_job row;
	enum job_state state;
	enum err err = q_provider_last_job(ctx->db, ctx->arena, flow->work.subject_id, &row);

	flow->step = FLOW_SUBMIT;
	if (err == ERR_MISSING)
		return begin_try(ctx, flow);
	if (err != ERR_OK)
		return err;
	if (job_state_parse(row.state, &state) != ERR_OK)
		return ERR_DB_BROKEN;
	flow->try = row.try;
	flow->has_job = true;
	flow->ask.first_sent_ms = row.first_sent_at;
	flow->ask.user_id = "";
	err = name_job(ctx, flow);
	if (err != ERR_OK)
		return err;
	switch (state) {
	case JOB_ABSENT:
		return set_job(ctx, flow, JOB_SENDING);
	case JOB_FAILED:
		if (row.try < LIMIT_SUBMIT_TRIES)
			return begin_try(ctx, flow);
		give_up(flow);
		return ERR_OK;
	default:
		/* sending: a process died between writing this down and its answer. */
		flow->step = FLOW_POLL;
		return ERR_OK;
	}
}

/* The request, or the answer of a driver that sends nothing. */
static void build(struct ctx *ctx, struct flow *flow)
{
	enum err err = ERR_OK;

	if (flow->step != FLOW_SUBMIT && flow->step != FLOW_POLL)
		return;
	if (!flow->driver->dials) {
		err = flow->driver->decide(ctx, &flow->ask, &flow->answer);
		flow->step = FLOW_ANSWER;
	} else if (flow->step == FLOW_SUBMIT) {
		err = flow->driver->submit_request(ctx, &flow->ask, &flow->request);
	} else {
		err = flow->driver->poll_request(ctx, &flow->ask, &flow->request);
	}
	if (err != ERR_OK)
		set_later(flow, err);
}

static bool too_old(const struct ctx *ctx, int64_t created_at_ms)
{
	return clock_now_ms() - created_at_ms > ctx->settings->provider_give_up_h * HOUR_MS;
}

static enum err load(struct ctx *ctx, struct flow *flow, const struct row_provider_load *row)
{
	enum err err =
	    applicant_open(ctx, flow->work.subject_id, row->sealed, &flow->ask.applicant);

	flow->ask.verification_id = flow->work.subject_id;
	flow->ask.country = row->country;
	flow->ask.id_type = row->id_type;
	flow->ask.provider_country = row->provider_country;
	flow->ask.provider_type = row->provider_type;
	/* A document that left the catalogue cannot be asked about until it comes back. */
	if (err == ERR_OK && flow->driver->dials && row->provider_type == NULL)
		err = ERR_CONFIG;
	return err;
}

enum err flow_prepare(struct ctx *ctx, struct flow *flow)
{
	struct row_provider_load row;
	enum err err = q_provider_load(ctx->db, ctx->arena, flow->work.subject_id, &row);

	if (err != ERR_OK && err != ERR_MISSING)
		return err;
	if (err == ERR_MISSING || strcmp(row.status, ver_status_word(VER_PENDING)) != 0) {
		flow->step = FLOW_DROP;
		return ERR_OK;
	}
	flow->driver = provider_driver_find(row.provider);
	if (flow->driver == NULL) {
		set_later(flow, ERR_CONFIG);
		return ERR_OK;
	}
	if (too_old(ctx, row.created_at)) {
		give_up(flow);
		return ERR_OK;
	}
	err = load(ctx, flow, &row);
	if (err != ERR_OK) {
		set_later(flow, err);
		return ERR_OK;
	}
	/* A driver that is not configured begins no try, so nothing needs asking about later. */
	struct buf line;
	buf_init(&line, 512);
	bool usable = flow->driver->usable(ctx->settings, &line);
	buf_free(&line);
	if (!usable) {
		set_later(flow, ERR_CONFIG);
		return ERR_OK;
	}
	err = choose_step(ctx, flow);
	if (err == ERR_OK)
		build(ctx, flow);
	return err;
}

/* ---- settling -------------------------------------------------------------------------------------- */

static int64_t floor_ms(const struct flow *flow)
{
	return flow->answer.retry_after_s < 0 ? 0 : flow->answer.retry_after_s * SECOND_MS;
}

static enum err job_done(struct ctx *ctx, struct flow *flow, enum job_state state)
{
	return flow->has_job ? set_job(ctx, flow, state) : ERR_OK;
}

static enum err settle_decision(struct ctx *ctx, struct flow *flow, const struct decision *decision)
{
	bool decided = false;
	enum err err = verification_decide(ctx, flow->work.subject_id, decision, &decided);

	if (err == ERR_OK)
		err = job_done(ctx, flow, JOB_DONE);
	if (err == ERR_OK)
		err = work_done(ctx, &flow->work);
	/* Not decided: it was erased meanwhile, and this answer comes to nothing. */
	if (err == ERR_OK && decided)
		flow->decided = *decision;
	return err;
}

static enum err settle_error(struct ctx *ctx, struct flow *flow, enum ver_reason reason)
{
	struct decision decision = { .status = VER_ERROR,
		.reason = reason,
		.match_name = DB_NULL,
		.match_dob = MATCH_UNKNOWN };

	return settle_decision(ctx, flow, &decision);
}

/* The register did not answer: a new job, some time between the two settings. */
static enum err settle_retry(struct ctx *ctx, struct flow *flow)
{
	const struct settings *s = ctx->settings;
	int64_t spread_ms = (s->smile_retry_max_s - s->smile_retry_min_s) * SECOND_MS;
	uint32_t part = 0;
	enum err err = random_below((uint32_t)spread_ms + 1, &part);

	if (err == ERR_OK)
		err = job_done(ctx, flow, JOB_FAILED);
	if (err == ERR_OK)
		err = work_become(ctx, &flow->work, WORK_PROVIDER_SUBMIT,
		    clock_now_ms() + s->smile_retry_min_s * SECOND_MS + (int64_t)part);
	return err;
}

/* Every request would fail the same way: the lane stops, nothing is lost, somebody is told. */
static enum err stop_lane(
    struct ctx *ctx, struct flow *flow, enum job_state state, const char *alert)
{
	int64_t until_ms = clock_now_ms() + ctx->settings->lane_pause_s * SECOND_MS;
	enum err err = lane_pause(ctx, flow->work.lane, until_ms, alert);

	flow->alert = alert;
	if (err == ERR_OK && flow->step == FLOW_SUBMIT)
		err = job_done(ctx, flow, state);
	if (err == ERR_OK)
		err = work_again(ctx, &flow->work, until_ms, false);
	return err;
}

static enum err settle_final(struct ctx *ctx, struct flow *flow)
{
	struct decision decision;

	if (flow->answer.result.outcome == OUTCOME_RETRY)
		return settle_retry(ctx, flow);
	if (flow->answer.result.outcome == OUTCOME_CONFIG) {
		int64_t until_ms = clock_now_ms() + ctx->settings->lane_pause_s * SECOND_MS;
		flow->alert = "the provider says this product is not activated for our account";
		enum err err = lane_pause(ctx, flow->work.lane, until_ms, flow->alert);
		if (err == ERR_OK)
			err = job_done(ctx, flow, JOB_FAILED);
		if (err == ERR_OK)
			err = work_become(ctx, &flow->work, WORK_PROVIDER_SUBMIT, until_ms);
		return err;
	}
	provider_judge(ctx, &flow->answer.result, &flow->ask.applicant, &decision);
	if (decision.reason == REASON_UNKNOWN)
		flow->alert = "the provider gave a result code that is in no table";
	return settle_decision(ctx, flow, &decision);
}

/* When to ask next: from smile_poll_first_s, doubling, to a quarter of an hour. */
static int64_t poll_wait_ms(const struct ctx *ctx, const struct flow *flow)
{
	int64_t wait_ms = ctx->settings->smile_poll_first_s * SECOND_MS;

	if (flow->answer.retry_after_s >= 0)
		return flow->answer.retry_after_s * SECOND_MS;
	for (int64_t i = 0; i < flow->work.failures && i < POLL_DOUBLINGS; i++)
		wait_ms *= 2;
	return wait_ms > LIMIT_BACKOFF_MAX_MS ? LIMIT_BACKOFF_MAX_MS : wait_ms;
}

static enum err settle_submitted(struct ctx *ctx, struct flow *flow)
{
	enum err err = job_done(ctx, flow, JOB_SUBMITTED);

	if (err == ERR_OK)
		err = work_become(ctx, &flow->work, WORK_PROVIDER_POLL,
		    clock_now_ms() + ctx->settings->smile_poll_first_s * SECOND_MS);
	return err;
}

/* Known, but not decided: asked again, each time later. */
static enum err settle_pending(struct ctx *ctx, struct flow *flow)
{
	int64_t due_ms = clock_now_ms() + poll_wait_ms(ctx, flow);
	enum err err = job_done(ctx, flow, JOB_SUBMITTED);

	if (err != ERR_OK)
		return err;
	return flow->work.kind == WORK_PROVIDER_POLL
		   ? work_again(ctx, &flow->work, due_ms, true)
		   : work_become(ctx, &flow->work, WORK_PROVIDER_POLL, due_ms);
}

/* The provider does not have it: the same job is sent, now. */
static enum err settle_absent(struct ctx *ctx, struct flow *flow)
{
	enum err err = job_done(ctx, flow, JOB_ABSENT);

	if (err == ERR_OK)
		err = work_become(ctx, &flow->work, WORK_PROVIDER_SUBMIT, clock_now_ms());
	return err;
}

static enum err settle_later(struct ctx *ctx, struct flow *flow)
{
	int64_t wait_ms = work_backoff_ms(flow->work.failures + 1, floor_ms(flow));
	enum err err = ERR_OK;

	if (flow->step == FLOW_SUBMIT && flow->answer.safety == SAFETY_NOT_SUBMITTED)
		err = job_done(ctx, flow, JOB_ABSENT);
	if (err != ERR_OK)
		return err;
	/* Maybe submitted: the row stays "sending", and the next step asks before it sends. */
	if (flow->step == FLOW_SUBMIT && flow->answer.safety == SAFETY_MAYBE)
		return work_become(ctx, &flow->work, WORK_PROVIDER_POLL,
		    clock_now_ms() + ctx->settings->smile_poll_first_s * SECOND_MS);
	return work_again(ctx, &flow->work, clock_now_ms() + wait_ms, true);
}

static enum err settle_failed(struct ctx *ctx, struct flow *flow)
{
	switch (flow->answer.fault) {
	case FAULT_AUTH:
		return stop_lane(ctx, flow, JOB_ABSENT,
		    "the provider refused our credentials; check partner id, key and address");
	case FAULT_CONFIG:
		return stop_lane(
		    ctx, flow, JOB_ABSENT, "the provider says our account is not enabled");
	case FAULT_INPUT:
		flow->alert = "the provider refused a request as wrong";
		return settle_error(ctx, flow, REASON_REJECTED);
	case FAULT_UNKNOWN:
		flow->alert = "the provider gave an error code that is in no table";
		return settle_error(ctx, flow, REASON_UNKNOWN);
	default:
		return settle_later(ctx, flow);
	}
}

static enum err settle_answer(struct ctx *ctx, struct flow *flow)
{
	switch (flow->answer.kind) {
	case ANSWER_ACCEPTED:
	case ANSWER_EXISTS:
		return settle_submitted(ctx, flow);
	case ANSWER_PENDING:
		return settle_pending(ctx, flow);
	case ANSWER_UNKNOWN_JOB:
		return settle_absent(ctx, flow);
	case ANSWER_FINAL:
		return settle_final(ctx, flow);
	default:
		return settle_failed(ctx, flow);
	}
}

enum err flow_settle(struct ctx *ctx, struct flow *flow)
{
	enum err err = work_fence(ctx, &flow->work);

	flow->decided = (struct decision){ .status = VER_PENDING };
	flow->alert = NULL;
	if (err != ERR_OK)
		return err;
	if (flow->step == FLOW_DROP)
		return work_done(ctx, &flow->work);
	if (flow->step == FLOW_LATER) {
		flow->alert = "a verification cannot be processed now and will be tried again";
		return work_again(ctx, &flow->work,
		    clock_now_ms() + work_backoff_ms(flow->work.failures + 1, 0), true);
	}
	return settle_answer(ctx, flow);
}
