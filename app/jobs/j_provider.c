/* SPDX-License-Identifier: Apache-2.0 */
/*
 * j_provider.c moves the bytes of the provider job: claim, write down, send, settle. It decides
 * nothing: what a step is and what an answer means are core's (provider_flow.h).
 *
 * Claimed work is prepared in one transaction, sent, and what was answered by the end of a round
 * is settled in one transaction, each piece fenced by its own lease.
 */
#include "jobs_private.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "id.h"
#include "log.h"
#include "places.h"
#include "provider_flow.h"
#include "tx.h"

#define FLOW_MEMORY 262144 /* the most one verification may use */
#define SETTLE_MOST 64     /* pieces settled in one transaction */
#define RUN_MS 20          /* the longest a round waits for answers */
#define CONNECT_MS 10000

/* A place for one piece of work under way. */
struct provider_place {
	struct place place;
	struct flow flow;
};

struct provider_state {
	struct job_run *run;
	struct places places;
	size_t in_flight;
};

static const enum work_kind kinds[] = { WORK_PROVIDER_POLL, WORK_PROVIDER_SUBMIT };

static struct provider_state *state_of(const struct place *place)
{
	return place->places->run->state;
}

static struct flow *flow_of(struct place *place)
{
	return &((struct provider_place *)(void *)place)->flow;
}

enum err provider_job_open(struct job_run *run)
{
	struct provider_state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return ERR_NOMEM;
	run->state = state;
	state->run = run;
	return places_open(&state->places, run, (size_t)run->ctx.settings->batch_in_flight,
	    sizeof(struct provider_place), FLOW_MEMORY);
}

void provider_job_close(struct job_run *run)
{
	struct provider_state *state = run->state;

	if (state == NULL)
		return;
	places_close(&state->places);
	free(state);
	run->state = NULL;
}

/* ---- settling ----------------------------------------------------------------------------------------- */

static enum err settle(struct ctx *ctx, struct place *place)
{
	struct flow *flow = flow_of(place);

	flow->problem = flow_settle(ctx, flow);
	return flow->problem;
}

static void report(struct place *place)
{
	struct job_counts *counts = &state_of(place)->run->counts;
	const struct flow *flow = flow_of(place);
	char ver[ID_TEXT_SIZE];

	id_text(ID_VERIFICATION, flow->work.subject_id, ver);
	if (flow->problem == ERR_STALE) {
		counts->stale++;
		log_notice("%s: the lease was lost; another process settles it", ver);
		return;
	}
	if (flow->decided.status != VER_PENDING)
		counts->decided++;
	else if (flow->answer.kind == ANSWER_FAILED || flow->step == FLOW_LATER)
		counts->later++;
	if (flow->alert != NULL)
		log_error("%s at %s: %s", ver, flow->work.lane, flow->alert);
	if (flow->decided.status != VER_PENDING)
		log_info("%s is %s%s%s", ver, ver_status_word(flow->decided.status),
		    flow->decided.reason == REASON_NONE ? "" : ": ",
		    ver_reason_word(flow->decided.reason));
}

static void clear(struct place *place)
{
	*flow_of(place) = (struct flow){ .driver = NULL };
}

/* What still cannot be settled is left to its lease: the try was written down, so the next process
 * asks before it sends. */
static const struct place_ways ways = {
	.settle = settle,
	.report = report,
	.clear = clear,
	.most = SETTLE_MOST,
	.what = "an answer",
};

/* ---- claiming and preparing ------------------------------------------------------------------------- */

struct batch {
	struct place **places;
	size_t count;
};

static enum err prepare_batch(struct ctx *ctx UNUSED, void *arg)
{
	struct batch *batch = arg;
	enum err err = ERR_OK;

	for (size_t i = 0; i < batch->count && err == ERR_OK; i++) {
		struct place *place = batch->places[i];
		struct flow *flow = flow_of(place);
		struct work work = flow->work;
		struct ctx own = place_ctx(place);
		/* A second run after a deadlock begins anew. */
		arena_reset(place->arena);
		*flow = (struct flow){ .work = work };
		flow->work.lane = arena_strdup(place->arena, work.lane);
		err = flow_prepare(&own, flow);
	}
	return err;
}

/* libcurl's ends are the wire's; one row each. */
static const enum provider_wire wires[HTTP__MAX] = {
	[HTTP_ANSWERED] = WIRE_ANSWERED,
	[HTTP_NOT_SENT] = WIRE_NOT_SENT,
	[HTTP_UNKNOWN] = WIRE_UNKNOWN,
	[HTTP_TOO_LARGE] = WIRE_UNKNOWN,
};

static void transfer_done(void *arg, const struct http_reply *reply)
{
	struct place *place = arg;
	struct provider_state *state = state_of(place);
	struct flow *flow = flow_of(place);
	struct ctx ctx = place_ctx(place);
	struct provider_reply read = { .wire = wires[reply->end],
		.status = reply->status,
		.body = reply->body,
		.body_len = reply->body_len,
		.retry_after_s = reply->retry_after_s };

	if (flow->step == FLOW_SUBMIT)
		flow->driver->submit_answer(&ctx, &read, &flow->answer);
	else
		flow->driver->poll_answer(&ctx, &read, &flow->answer);
	if (flow->answer.kind == ANSWER_FAILED)
		log_warning("%s: status %ld, code \"%s\", %s", flow->driver->name, reply->status,
		    flow->answer.code, reply->problem);
	state->in_flight--;
	place_put(&state->places.ended, place);
}

static void send_request(struct place *place)
{
	struct provider_state *state = state_of(place);
	struct flow *flow = flow_of(place);
	struct http_request request = { .method = "POST",
		.url = flow->request.url,
		.allow_plain = strncmp(flow->request.url, "http://", 7) == 0,
		.headers = flow->request.headers,
		.body = flow->request.body,
		.body_len = flow->request.body_len,
		.connect_timeout_ms = CONNECT_MS,
		.deadline_ms = flow->request.deadline_ms,
		.max_reply_bytes = LIMIT_PROVIDER_REPLY };
	enum err err = http_start(state->run->http, &request, transfer_done, place);

	if (err == ERR_OK) {
		state->in_flight++;
		state->run->counts.submitted += flow->step == FLOW_SUBMIT;
		state->run->counts.polled += flow->step == FLOW_POLL;
		return;
	}
	/* Nothing went out: the answer says so, and the try can be sent later. */
	flow->answer = (struct provider_answer){ .kind = ANSWER_FAILED,
		.safety = SAFETY_NOT_SUBMITTED,
		.fault = FAULT_UNAVAILABLE,
		.retry_after_s = -1 };
	place_put(&state->places.ended, place);
}

static void start_batch(struct provider_state *state, struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct place *place = batch->places[i];
		const struct flow *flow = flow_of(place);
		if (flow->step == FLOW_SUBMIT || flow->step == FLOW_POLL)
			send_request(place);
		else
			place_put(&state->places.ended, place);
	}
}

/* Claims work of one kind into free places, writes it down, sends it. */
static enum err claim_kind(struct provider_state *state, enum work_kind kind, size_t *ret_claimed)
{
	struct job_run *run = state->run;
	const struct settings *settings = run->ctx.settings;
	size_t most = places_free(&state->places);
	struct work *works = NULL;
	size_t count = 0;

	if (most > (size_t)settings->batch_claim)
		most = (size_t)settings->batch_claim;
	*ret_claimed = 0;
	if (most == 0)
		return ERR_OK;
	struct work_limits limits = { .max = most, .per_lane = most };
	enum err err =
	    work_claim(&run->ctx, kind, &limits, settings->lease_s * 1000, &works, &count);
	if (err != ERR_OK || count == 0)
		return err;
	struct batch batch = { .places =
				   arena_array(run->ctx.arena, count, sizeof(struct place *)) };
	if (batch.places == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		struct place *place = place_take(&state->places.free);
		flow_of(place)->work = works[i];
		batch.places[batch.count++] = place;
	}
	*ret_claimed = count;
	run->counts.claimed += count;
	err = tx_run(&run->ctx, prepare_batch, &batch);
	if (err == ERR_OK) {
		start_batch(state, &batch);
		return ERR_OK;
	}
	/* Nothing was sent: the leases run out, and the work comes back by itself. */
	for (size_t i = 0; i < batch.count; i++)
		place_release(batch.places[i], &ways);
	return err;
}

enum err provider_job_round(struct job_run *run, bool *ret_busy)
{
	struct provider_state *state = run->state;
	size_t claimed = 0, some;
	enum err err = ERR_OK;

	for (size_t i = 0; i < countof(kinds) && err == ERR_OK && !run->stopping; i++) {
		err = claim_kind(state, kinds[i], &some);
		claimed += some;
	}
	enum err run_err = state->in_flight == 0 ? ERR_OK : http_run(run->http, RUN_MS);
	enum err settle_err = places_settle(&state->places, &ways);
	err = err == ERR_OK ? settle_err : err;
	*ret_busy = claimed > 0 || state->in_flight > 0;
	return err == ERR_OK ? run_err : err;
}
