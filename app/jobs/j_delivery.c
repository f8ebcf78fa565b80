/* SPDX-License-Identifier: Apache-2.0 */
/*
 * j_delivery.c moves the bytes of webhook deliveries: claim, send, settle. What is sent and what an
 * end means are core's (delivery_flow.h).
 *
 * A place is held for each delivery under way. Lanes (endpoints) share them: no more than
 * webhook_connections each, and all lanes whose last answer took too long together no more than
 * half, so that however many receivers hang, a healthy one finds a place at once.
 */
#include "jobs_private.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "delivery_flow.h"
#include "id.h"
#include "limits.h"
#include "log.h"
#include "tx.h"

#define FLOW_MEMORY 262144 /* the most one delivery may use */
#define SETTLE_MOST 128    /* deliveries settled in one transaction */
#define RUN_MS 10          /* the longest a round waits for answers */
#define SLOW_MS 3000       /* an endpoint that took longer is slow until it does better */
#define BUCKETS 256

/* An endpoint that has something under way, or was slow. */
struct lane {
	struct lane *next; /* in its bucket */
	char name[ID_TEXT_SIZE];
	size_t in_flight;
	bool slow;
};

/* A place for one delivery under way. */
struct place {
	struct place *next; /* in the list it is in */
	struct delivery_state *state;
	struct lane *lane;
	struct arena *arena;
	struct delivery_flow flow;
};

/* A claim in the making: what it took of the lane asked about last, and of slow ones in all. */
struct plan {
	bool slow;
	size_t taken;
	size_t slow_taken;
};

struct delivery_state {
	struct job_run *run;
	struct place *places;
	size_t place_count;
	size_t used;
	size_t slow_used; /* by slow lanes */
	struct plan plan;
	struct place *free;
	struct place *ended; /* waiting to be settled */
	size_t in_flight;
	struct lane *buckets[BUCKETS];
};

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

/* ---- lanes ------------------------------------------------------------------------------------------- */

/* FNV-1a: names are ids of ours, nobody chooses them. */
static struct lane **bucket_of(struct delivery_state *state, const char *name)
{
	uint32_t hash = 2166136261u;

	for (const char *c = name; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return &state->buckets[hash % BUCKETS];
}

static struct lane *lane_find(struct delivery_state *state, const char *name)
{
	for (struct lane *lane = *bucket_of(state, name); lane != NULL; lane = lane->next) {
		if (strcmp(lane->name, name) == 0)
			return lane;
	}
	return NULL;
}

/* The lane, made if need be; NULL when memory is out. */
static struct lane *lane_get(struct delivery_state *state, const char *name)
{
	struct lane **bucket = bucket_of(state, name);
	struct lane *lane = lane_find(state, name);

	if (lane != NULL || strlen(name) >= sizeof(lane->name))
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (lane == NULL)
		return NULL;
	memcpy(lane->name, name, strlen(name) + 1);
	lane->next = *bucket;
	*bucket = lane;
	return lane;
}

/* Forgotten when nothing is under way and nothing is held against it. */
static void lane_drop(struct delivery_state *state, struct lane *lane)
{
	struct lane **at = bucket_of(state, lane->name);

	if (lane->in_flight > 0 || lane->slow)
		return;
	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	free(lane);
}

static void lane_enter(struct place *place)
{
	place->lane->in_flight++;
	place->state->used++;
	place->state->slow_used += place->lane->slow;
}

static void lane_leave(struct place *place)
{
	struct lane *lane = place->lane;

	place->lane = NULL;
	lane->in_flight--;
	place->state->used--;
	place->state->slow_used -= lane->slow;
	lane_drop(place->state, lane);
}

static void lane_judge(struct delivery_state *state, struct lane *lane, bool slow)
{
	if (slow == lane->slow)
		return;
	lane->slow = slow;
	if (slow)
		state->slow_used += lane->in_flight;
	else
		state->slow_used -= lane->in_flight;
}

/* What this claim has taken of slow lanes: places they do not hold yet. */
static size_t slow_taken(struct delivery_state *state, bool slow, size_t taken)
{
	struct plan *plan = &state->plan;

	if (taken == 0)
		*plan = (struct plan){ 0 };
	if (plan->slow)
		plan->slow_taken += taken - plan->taken;
	plan->slow = slow;
	plan->taken = taken;
	return plan->slow_taken;
}

/* How many more of this lane may go out now. */
static size_t room_of(void *arg, const char *name, size_t taken)
{
	struct delivery_state *state = arg;
	const struct lane *lane = lane_find(state, name);
	bool slow = lane != NULL && lane->slow;
	size_t most = (size_t)state->run->ctx.settings->webhook_connections;
	size_t half = state->place_count / 2;
	size_t in_flight = lane == NULL ? 0 : lane->in_flight;
	size_t slow_used = state->slow_used + slow_taken(state, slow, taken);

	if (slow && slow_used >= half)
		return 0;
	if (slow && most > half - slow_used)
		most = half - slow_used;
	/* When places become scarce, each lane gets one before any gets another. */
	if (state->used + taken >= half)
		most = 1;
	return in_flight >= most ? 0 : most - in_flight;
}

/* ---- opening and closing ------------------------------------------------------------------------------ */

enum err delivery_job_open(struct job_run *run)
{
	struct delivery_state *state = calloc(1, sizeof(*state));
	size_t count = (size_t)run->ctx.settings->webhook_in_flight;

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

void delivery_job_close(struct job_run *run)
{
	struct delivery_state *state = run->state;

	if (state == NULL)
		return;
	for (size_t i = 0; state->places != NULL && i < state->place_count; i++)
		arena_free(&state->places[i].arena);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct lane *lane = state->buckets[i], *next; lane != NULL; lane = next) {
			next = lane->next;
			free(lane);
		}
	}
	free(state->places);
	free(state);
	run->state = NULL;
}

static void release(struct place *place)
{
	if (place->lane != NULL)
		lane_leave(place);
	arena_reset(place->arena); /* wipes the body */
	place->flow = (struct delivery_flow){ .step = DELIVERY_DROP };
	put(&place->state->free, place);
}

/* A ctx whose request memory is the place's own: the flow outlives the round. */
static struct ctx ctx_of(struct place *place)
{
	struct ctx ctx = place->state->run->ctx;

	ctx.arena = place->arena;
	return ctx;
}

/* ---- sending -------------------------------------------------------------------------------------------- */

/* A transfer's trouble as the word of an attempt. */
static const enum attempt_error faults[HTTP_FAULT__MAX] = {
	[HTTP_FAULT_NONE] = ATTEMPT_NONE,
	[HTTP_FAULT_REFUSED] = ATTEMPT_REFUSED,
	[HTTP_FAULT_RESOLVE] = ATTEMPT_RESOLVE,
	[HTTP_FAULT_CONNECT] = ATTEMPT_CONNECT,
	[HTTP_FAULT_TLS] = ATTEMPT_TLS,
	[HTTP_FAULT_TIMEOUT] = ATTEMPT_TIMEOUT,
	[HTTP_FAULT_READ] = ATTEMPT_READ,
	[HTTP_FAULT_TOO_LARGE] = ATTEMPT_READ,
	[HTTP_FAULT_OTHER] = ATTEMPT_OTHER,
};

static void transfer_done(void *arg, const struct http_reply *reply)
{
	struct place *place = arg;
	struct delivery_state *state = place->state;
	struct ctx ctx = ctx_of(place);
	struct delivery_answer answer = { .answered = reply->end == HTTP_ANSWERED,
		.fault = faults[reply->fault],
		.code = reply->status,
		.duration_ms = reply->elapsed_ms,
		.retry_after_s = reply->retry_after_s,
		.body = reply->body,
		.body_len = reply->body_len };

	delivery_ended(&ctx, &place->flow, &answer);
	lane_judge(state, place->lane, reply->elapsed_ms > SLOW_MS);
	state->in_flight--;
	put(&state->ended, place);
}

/* Nothing went out, and not by the receiver's doing: the lease runs out and it comes back. */
static void start(struct place *place)
{
	struct delivery_state *state = place->state;
	const struct delivery_request *in = &place->flow.request;
	struct http_request request = { .method = "POST",
		.url = in->url,
		.headers = in->headers,
		.body = in->body,
		.body_len = in->body_len,
		.connect_timeout_ms = in->connect_timeout_ms,
		.deadline_ms = in->deadline_ms,
		.max_reply_bytes = LIMIT_DELIVERY_EXCERPT,
		.cut_reply = true,
		.guarded = true };

	if (place->flow.step != DELIVERY_SEND) {
		put(&state->ended, place);
	} else if (http_start(state->run->http, &request, transfer_done, place) == ERR_OK) {
		state->in_flight++;
		state->run->counts.sent++;
	} else {
		place->flow.step = DELIVERY_LATER;
		put(&state->ended, place);
	}
}

/* Reads and sends one claimed delivery. */
static enum err begin(struct delivery_state *state, const struct work *work)
{
	struct place *place = take(&state->free);
	struct ctx ctx = ctx_of(place);

	place->lane = lane_get(state, work->lane);
	if (place->lane == NULL) {
		put(&state->free, place);
		return ERR_NOMEM;
	}
	lane_enter(place);
	place->flow.work = *work;
	place->flow.work.lane = place->lane->name;
	enum err err = delivery_prepare(&ctx, &place->flow);
	if (err != ERR_OK) {
		release(place);
		return err;
	}
	start(place);
	return ERR_OK;
}

static enum err claim(struct delivery_state *state, size_t *ret_claimed)
{
	struct job_run *run = state->run;
	const struct settings *settings = run->ctx.settings;
	size_t most = state->place_count - state->used;
	struct work_limits limits = { .max = most,
		.per_lane = (size_t)settings->webhook_connections,
		.lane_leased = (size_t)settings->webhook_connections,
		.room = room_of,
		.room_arg = state };
	struct work *works = NULL;
	size_t count = 0;

	*ret_claimed = 0;
	if (most == 0)
		return ERR_OK;
	enum err err =
	    work_claim(&run->ctx, WORK_DELIVERY, &limits, settings->lease_s * 1000, &works, &count);
	/* What cannot be begun comes back when its lease ends. */
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = begin(state, &works[i]);
	*ret_claimed = count;
	run->counts.claimed += count;
	return err;
}

/* ---- settling ------------------------------------------------------------------------------------------- */

struct batch {
	struct place **places;
	size_t count;
};

static enum err settle_batch(struct ctx *ctx UNUSED, void *arg)
{
	struct batch *batch = arg;
	enum err err = ERR_OK;

	for (size_t i = 0; i < batch->count && err == ERR_OK; i++) {
		struct ctx own = ctx_of(batch->places[i]);
		struct delivery_flow *flow = &batch->places[i]->flow;
		flow->problem = delivery_settle(&own, flow);
		/* Taken over by another process: it writes nothing, and stops nobody else. */
		err = flow->problem == ERR_STALE ? ERR_OK : flow->problem;
	}
	return err;
}

static void report(struct delivery_state *state, const struct delivery_flow *flow)
{
	struct job_counts *counts = &state->run->counts;
	char id[ID_TEXT_SIZE];

	id_text(ID_DELIVERY, flow->work.subject_id, id);
	if (flow->problem == ERR_STALE) {
		counts->stale++;
		log_notice("%s: the lease was lost; another process settles it", id);
		return;
	}
	if (flow->alert != NULL)
		log_error("%s: %s", id, flow->alert);
	if (flow->step != DELIVERY_SEND)
		return;
	counts->delivered += flow->settled == DELIVERY_SUCCEEDED;
	counts->failed += flow->settled == DELIVERY_FAILED;
	counts->later += flow->settled == DELIVERY_PENDING;
	if (flow->disabled != DISABLED__MAX)
		log_warning(
		    "%s is disabled: %s", flow->work.lane, disabled_reason_word(flow->disabled));
	if (flow->settled == DELIVERY_FAILED)
		log_warning("%s to %s failed for good: %s", id, flow->work.lane,
		    attempt_error_word(flow->error));
}

static enum err settle_places(struct delivery_state *state, struct place **places, size_t count)
{
	struct batch batch = { .places = places, .count = count };
	enum err err = tx_run(&state->run->ctx, settle_batch, &batch);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < count; i++)
		report(state, &places[i]->flow);
	return ERR_OK;
}

/* Together; and where one spoils the transaction, each for itself. What still cannot be settled is
 * left to its lease, and is then sent again under the same webhook-id. */
static enum err settle_ended(struct delivery_state *state)
{
	struct place *places[SETTLE_MOST];
	size_t count = 0;
	enum err err = ERR_OK;

	while (count < SETTLE_MOST && state->ended != NULL)
		places[count++] = take(&state->ended);
	if (settle_places(state, places, count) != ERR_OK) {
		for (size_t i = 0; i < count; i++) {
			enum err one = settle_places(state, &places[i], 1);
			if (one != ERR_OK) {
				log_error("an attempt could not be settled: %s; %s",
				    err_sentence(one), db_failure(state->run->ctx.db));
				err = one;
			}
		}
	}
	for (size_t i = 0; i < count; i++)
		release(places[i]);
	return err;
}

enum err delivery_job_round(struct job_run *run, bool *ret_busy)
{
	struct delivery_state *state = run->state;
	size_t claimed = 0;
	enum err err = run->stopping ? ERR_OK : claim(state, &claimed);
	enum err run_err = state->in_flight == 0 ? ERR_OK : http_run(run->http, RUN_MS);

	/* What ended may have kept others waiting, so there may be something to claim. */
	bool freed = state->ended != NULL;
	while (state->ended != NULL) {
		enum err settle_err = settle_ended(state);
		err = err == ERR_OK ? settle_err : err;
	}
	*ret_busy = claimed > 0 || state->in_flight > 0 || freed;
	return err == ERR_OK ? run_err : err;
}
