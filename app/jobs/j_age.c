/* SPDX-License-Identifier: Apache-2.0 */
/*
 * j_age.c moves the bytes of age estimates: claim, send, settle. What is sent and what an answer means
 * are core's (age_estimate.h). All estimates are one lane; a few are under way at once, because each
 * holds a picture.
 */
#include "jobs_private.h"

#include <stdlib.h>
#include <string.h>

#include "age_estimate.h"
#include "id.h"
#include "limits.h"
#include "log.h"
#include "media.h"
#include "places.h"

#define PLACES 2
#define FLOW_MEMORY (LIMIT_MEDIA + 1048576) /* the most one estimate may use */
#define SETTLE_MOST 8
#define LEASE_MORE_S 15 /* beyond the time that an answer may take */
#define CONNECT_MS 5000
#define RUN_MS 20 /* the longest a round waits for answers */

/* A place for one estimate under way. */
struct age_place {
	struct place place;
	struct estimate_flow flow;
};

struct age_state {
	struct job_run *run;
	struct places places;
	size_t in_flight;
};

static struct age_state *state_of(const struct place *place)
{
	return place->places->run->state;
}

static struct estimate_flow *flow_of(struct place *place)
{
	return &((struct age_place *)(void *)place)->flow;
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

enum err age_job_open(struct job_run *run)
{
	struct age_state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return ERR_NOMEM;
	run->state = state;
	state->run = run;
	return places_open(&state->places, run, PLACES, sizeof(struct age_place), FLOW_MEMORY);
}

void age_job_close(struct job_run *run)
{
	struct age_state *state = run->state;

	if (state == NULL)
		return;
	places_close(&state->places);
	free(state);
	run->state = NULL;
}

/* ---- settling ----------------------------------------------------------------------------------------------- */

static enum err settle(struct ctx *ctx, struct place *place)
{
	struct estimate_flow *flow = flow_of(place);

	flow->problem = estimate_settle(ctx, flow);
	return flow->problem;
}

static void report(struct place *place)
{
	struct job_counts *counts = &state_of(place)->run->counts;
	const struct estimate_flow *flow = flow_of(place);
	char id[ID_TEXT_SIZE];

	id_text(ID_VERIFICATION, flow->work.subject_id, id);
	if (flow->problem == ERR_STALE) {
		counts->stale++;
		log_notice("%s: the lease was lost; another process settles it", id);
		return;
	}
	counts->decided += flow->settled;
	counts->later += !flow->settled && flow->step == ESTIMATE_LATER;
	if (flow->alert != NULL)
		log_error("%s: %s", id, flow->alert);
}

static void clear(struct place *place)
{
	*flow_of(place) = (struct estimate_flow){ .step = ESTIMATE_DROP };
}

static const struct place_ways ways = {
	.settle = settle,
	.report = report,
	.clear = clear,
	.most = SETTLE_MOST,
	.what = "an estimate",
};

/* ---- sending ------------------------------------------------------------------------------------------------ */

static void transfer_done(void *arg, const struct http_reply *reply)
{
	struct place *place = arg;
	struct estimate_reply read = { .is_answered = reply->end == HTTP_ANSWERED,
		.status = reply->status,
		.body = reply->body,
		.body_len = reply->body_len,
		.retry_after_s = reply->retry_after_s };

	estimate_answered(flow_of(place), &read);
	state_of(place)->in_flight--;
	place_put(&place->places->ended, place);
}

/* What cannot start now is left to its lease: nothing went out, and not by its own doing. */
static void send_request(struct place *place)
{
	struct age_state *state = state_of(place);
	struct estimate_flow *flow = flow_of(place);
	struct http_request request = { .method = "POST",
		.url = flow->url,
		.allow_plain = strncmp(flow->url, "http://", 7) == 0,
		.headers = flow->headers,
		.body = flow->body,
		.body_len = flow->body_len,
		.connect_timeout_ms = CONNECT_MS,
		.deadline_ms = flow->deadline_ms,
		.max_reply_bytes = LIMIT_ESTIMATE_REPLY };

	if (http_start(state->run->http, &request, transfer_done, place) == ERR_OK)
		state->in_flight++;
	else
		place_release(place, &ways);
}

/* ---- claiming ------------------------------------------------------------------------------------------------ */

static enum err begin(struct age_state *state, const struct work *work)
{
	struct place *place = place_take(&state->places.free);
	struct estimate_flow *flow = flow_of(place);
	struct ctx ctx = place_ctx(place);

	flow->work = *work;
	flow->work.lane = ESTIMATE_LANE;
	enum err err = estimate_prepare(&ctx, flow);
	if (err != ERR_OK)
		place_release(place, &ways);
	else if (flow->step == ESTIMATE_SEND)
		send_request(place);
	else
		place_put(&state->places.ended, place);
	return err;
}

static enum err claim(struct age_state *state, size_t *ret_claimed)
{
	struct job_run *run = state->run;
	const struct settings *settings = run->ctx.settings;
	int64_t needed_s = settings->age_estimator_timeout_s + LEASE_MORE_S;
	int64_t lease_s = settings->lease_s > needed_s ? settings->lease_s : needed_s;
	struct work_limits limits = { .max = places_free(&state->places) };
	struct work *works = NULL;
	size_t count = 0;

	*ret_claimed = 0;
	if (limits.max == 0)
		return ERR_OK;
	limits.per_lane = limits.max;
	enum err err =
	    work_claim(&run->ctx, WORK_AGE_ESTIMATE, &limits, lease_s * 1000, &works, &count);
	/* What cannot be begun comes back when its lease ends. */
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = begin(state, &works[i]);
	*ret_claimed = count;
	run->counts.claimed += count;
	return err;
}

enum err age_job_round(struct job_run *run, bool *ret_busy)
{
	struct age_state *state = run->state;
	size_t claimed = 0;
	enum err err = run->stopping ? ERR_OK : claim(state, &claimed);
	enum err run_err = state->in_flight == 0 ? ERR_OK : http_run(run->http, RUN_MS);
	bool freed = state->places.ended != NULL;
	enum err settle_err = places_settle(&state->places, &ways);

	err = err == ERR_OK ? settle_err : err;
	*ret_busy = claimed > 0 || freed || state->in_flight > 0;
	return err == ERR_OK ? run_err : err;
}
