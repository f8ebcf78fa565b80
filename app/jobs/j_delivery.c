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
#include "places.h"

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
struct delivery_place {
	struct place place;
	struct lane *lane;
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
	struct places places;
	size_t used;
	size_t slow_used; /* by slow lanes */
	struct plan plan;
	size_t in_flight;
	struct lane *buckets[BUCKETS];
};

static struct delivery_state *state_of(const struct place *place)
{
	return place->places->run->state;
}

static struct delivery_place *own(struct place *place)
{
	return (struct delivery_place *)(void *)place;
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

static void lane_enter(struct delivery_state *state, struct delivery_place *place)
{
	place->lane->in_flight++;
	state->used++;
	state->slow_used += place->lane->slow;
}

static void lane_leave(struct delivery_state *state, struct delivery_place *place)
{
	struct lane *lane = place->lane;

	place->lane = NULL;
	lane->in_flight--;
	state->used--;
	state->slow_used -= lane->slow;
	lane_drop(state, lane);
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
	size_t half = state->places.count / 2;
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

	if (state == NULL)
		return ERR_NOMEM;
	run->state = state;
	state->run = run;
	return places_open(&state->places, run, (size_t)run->ctx.settings->webhook_in_flight,
	    sizeof(struct delivery_place), FLOW_MEMORY);
}

void delivery_job_close(struct job_run *run)
{
	struct delivery_state *state = run->state;

	if (state == NULL)
		return;
	places_close(&state->places);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct lane *lane = state->buckets[i], *next; lane != NULL; lane = next) {
			next = lane->next;
			free(lane);
		}
	}
	free(state);
	run->state = NULL;
}

static void clear(struct place *place)
{
	if (own(place)->lane != NULL)
		lane_leave(state_of(place), own(place));
	own(place)->flow = (struct delivery_flow){ .step = DELIVERY_DROP };
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
	struct delivery_state *state = state_of(place);
	struct ctx ctx = place_ctx(place);
	struct delivery_answer answer = { .answered = reply->end == HTTP_ANSWERED,
		.fault = faults[reply->fault],
		.code = reply->status,
		.duration_ms = reply->elapsed_ms,
		.retry_after_s = reply->retry_after_s,
		.body = reply->body,
		.body_len = reply->body_len };

	delivery_ended(&ctx, &own(place)->flow, &answer);
	lane_judge(state, own(place)->lane, reply->elapsed_ms > SLOW_MS);
	state->in_flight--;
	place_put(&state->places.ended, place);
}

/* Nothing went out, and not by the receiver's doing: the lease runs out and it comes back. */
static void start(struct place *place)
{
	struct delivery_state *state = state_of(place);
	struct delivery_flow *flow = &own(place)->flow;
	const struct delivery_request *in = &flow->request;
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

	if (flow->step != DELIVERY_SEND) {
		place_put(&state->places.ended, place);
	} else if (http_start(state->run->http, &request, transfer_done, place) == ERR_OK) {
		state->in_flight++;
		state->run->counts.sent++;
	} else {
		flow->step = DELIVERY_LATER;
		place_put(&state->places.ended, place);
	}
}

/* ---- settling ------------------------------------------------------------------------------------------- */

static enum err settle(struct ctx *ctx, struct place *place)
{
	struct delivery_flow *flow = &own(place)->flow;

	flow->problem = delivery_settle(ctx, flow);
	return flow->problem;
}

static void report(struct place *place)
{
	struct job_counts *counts = &state_of(place)->run->counts;
	const struct delivery_flow *flow = &own(place)->flow;
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

/* What still cannot be settled is sent again, when its lease ends, under the same webhook-id. */
static const struct place_ways ways = {
	.settle = settle,
	.report = report,
	.clear = clear,
	.most = SETTLE_MOST,
	.what = "an attempt",
};

/* ---- claiming ------------------------------------------------------------------------------------------- */

/* Reads and sends one claimed delivery. */
static enum err begin(struct delivery_state *state, const struct work *work)
{
	struct place *place = place_take(&state->places.free);
	struct delivery_place *mine = own(place);
	struct ctx ctx = place_ctx(place);

	mine->lane = lane_get(state, work->lane);
	if (mine->lane == NULL) {
		place_put(&state->places.free, place);
		return ERR_NOMEM;
	}
	lane_enter(state, mine);
	mine->flow.work = *work;
	mine->flow.work.lane = mine->lane->name;
	enum err err = delivery_prepare(&ctx, &mine->flow);
	if (err != ERR_OK) {
		place_release(place, &ways);
		return err;
	}
	start(place);
	return ERR_OK;
}

static enum err claim(struct delivery_state *state, size_t *ret_claimed)
{
	struct job_run *run = state->run;
	const struct settings *settings = run->ctx.settings;
	size_t most = state->places.count - state->used;
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

enum err delivery_job_round(struct job_run *run, bool *ret_busy)
{
	struct delivery_state *state = run->state;
	size_t claimed = 0;
	enum err err = run->stopping ? ERR_OK : claim(state, &claimed);
	enum err run_err = state->in_flight == 0 ? ERR_OK : http_run(run->http, RUN_MS);

	/* What ended may have kept others waiting, so there may be something to claim. */
	bool freed = state->places.ended != NULL;
	enum err settle_err = places_settle(&state->places, &ways);
	err = err == ERR_OK ? settle_err : err;
	*ret_busy = claimed > 0 || state->in_flight > 0 || freed;
	return err == ERR_OK ? run_err : err;
}
