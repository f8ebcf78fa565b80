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
#include "provider_flow.h"
#include "tx.h"

#define FLOW_MEMORY 262144 /* the most one verification may use */
#define SETTLE_MOST 64     /* pieces settled in one transaction */
#define RUN_MS 20          /* the longest a round waits for answers */
#define CONNECT_MS 10000

/* A place for one piece of work under way. */
struct place {
	struct place *next; /* in the list it is in */
	struct provider_state *state;
	struct arena *arena;
	struct flow flow;
};

struct provider_state {
	struct job_run *run;
	struct place *places;
	size_t place_count;
	struct place *free;
	struct place *answered; /* waiting to be settled */
	size_t in_flight;
};

static const enum work_kind kinds[] = { WORK_PROVIDER_POLL, WORK_PROVIDER_SUBMIT };

static struct place *take(struct place **list)
{
	struct place *place = *list;

	if (place != NULL)
		*list = place->next;
	return place;
}

static void put(struct place **list, struct place *place)
{
	place->next = *list;
	*list = place;
}

static void release(struct place *place)
{
	struct provider_state *state = place->state;

	arena_reset(place->arena); /* wipes the applicant */
	place->flow = (struct flow){ .driver = NULL };
	put(&state->free, place);
}

enum err provider_job_open(struct job_run *run)
{
	struct provider_state *state = calloc(1, sizeof(*state));
	size_t count = (size_t)run->ctx.settings->batch_in_flight;

	if (state == NULL)
		return ERR_NOMEM;
	run->state = state;
	state->run = run;
	state->places = calloc(count, sizeof(*state->places));
	if (state->places == NULL)
		return ERR_NOMEM;
	state->place_count = count;
	for (size_t i = 0; i < count; i++) {
		struct place *place = &state->places[i];
		place->state = state;
		if (arena_new(FLOW_MEMORY, &place->arena) != ERR_OK)
			return ERR_NOMEM;
		put(&state->free, place);
	}
	return ERR_OK;
}

void provider_job_close(struct job_run *run)
{
	struct provider_state *state = run->state;

	if (state == NULL)
		return;
	for (size_t i = 0; state->places != NULL && i < state->place_count; i++)
		arena_free(&state->places[i].arena);
	free(state->places);
	free(state);
	run->state = NULL;
}

/* ---- claiming and preparing ------------------------------------------------------------------------- */

struct batch {
	struct place **places;
	size_t count;
};

/* A ctx whose request memory is the place's own: the flow outlives the round. */
static struct ctx ctx_of(struct place *place)
{
	struct ctx ctx = place->state->run->ctx;

	ctx.arena = place->arena;
	return ctx;
}

static enum err prepare_batch(struct ctx *ctx UNUSED, void *arg)
{
	struct batch *batch = arg;
	enum err err = ERR_OK;

	for (size_t i = 0; i < batch->count && err == ERR_OK; i++) {
		struct place *place = batch->places[i];
		struct work work = place->flow.work;
		struct ctx own = ctx_of(place);
		/* A second run after a deadlock begins anew. */
		arena_reset(place->arena);
		place->flow = (struct flow){ .work = work };
		place->flow.work.lane = arena_strdup(place->arena, work.lane);
		err = flow_prepare(&own, &place->flow);
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
	struct provider_state *state = place->state;
	struct flow *flow = &place->flow;
	struct ctx ctx = ctx_of(place);
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
	put(&state->answered, place);
}

static void send_request(struct place *place)
{
	struct provider_state *state = place->state;
	struct flow *flow = &place->flow;
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
	put(&state->answered, place);
}

static void start_batch(struct provider_state *state, struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct place *place = batch->places[i];
		if (place->flow.step == FLOW_SUBMIT || place->flow.step == FLOW_POLL)
			send_request(place);
		else
			put(&state->answered, place);
	}
}

static size_t room(const struct provider_state *state)
{
	size_t count = 0;

	for (const struct place *place = state->free; place != NULL; place = place->next)
		count++;
	return count;
}

/* Claims work of one kind into free places, writes it down, sends it. */
static enum err claim_kind(struct provider_state *state, enum work_kind kind, size_t *ret_claimed)
{
	struct job_run *run = state->run;
	const struct settings *settings = run->ctx.settings;
	size_t most = room(state);
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
		struct place *place = take(&state->free);
		place->flow.work = works[i];
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
		release(batch.places[i]);
	return err;
}

/* ---- settling ----------------------------------------------------------------------------------------- */

static enum err settle_batch(struct ctx *ctx UNUSED, void *arg)
{
	struct batch *batch = arg;
	enum err err = ERR_OK;

	for (size_t i = 0; i < batch->count && err == ERR_OK; i++) {
		struct ctx own = ctx_of(batch->places[i]);
		struct flow *flow = &batch->places[i]->flow;
		flow->problem = flow_settle(&own, flow);
		/* Taken over by another process: it writes nothing, and stops nobody else. */
		err = flow->problem == ERR_STALE ? ERR_OK : flow->problem;
	}
	return err;
}

static void report(struct provider_state *state, const struct flow *flow)
{
	struct job_counts *counts = &state->run->counts;
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

static enum err settle_places(struct provider_state *state, struct place **places, size_t count)
{
	struct batch batch = { .places = places, .count = count };
	enum err err = tx_run(&state->run->ctx, settle_batch, &batch);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < count; i++)
		report(state, &places[i]->flow);
	return ERR_OK;
}

/* Together; and where one spoils the transaction, each for itself. What still cannot be settled
 * is left to its lease: the try was written down, so the next process asks before it sends. */
static enum err settle_answered(struct provider_state *state)
{
	struct place *places[SETTLE_MOST];
	size_t count = 0;
	enum err err = ERR_OK;

	while (count < SETTLE_MOST && state->answered != NULL)
		places[count++] = take(&state->answered);
	if (count == 0)
		return ERR_OK;
	if (settle_places(state, places, count) != ERR_OK) {
		for (size_t i = 0; i < count; i++) {
			enum err one = settle_places(state, &places[i], 1);
			if (one != ERR_OK) {
				log_error("an answer could not be settled: %s; %s",
				    err_sentence(one), db_failure(state->run->ctx.db));
				err = one;
			}
		}
	}
	for (size_t i = 0; i < count; i++)
		release(places[i]);
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
	while (state->answered != NULL) {
		enum err settle_err = settle_answered(state);
		err = err == ERR_OK ? settle_err : err;
	}
	*ret_busy = claimed > 0 || state->in_flight > 0;
	return err == ERR_OK ? run_err : err;
}
