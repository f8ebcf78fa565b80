/* SPDX-License-Identifier: Apache-2.0 */
/*
 * j_media.c carries media into their bucket and removes objects whose time is over (media_carry.h): looks
 * for what is to be done, sends, settles. A few are under way at once. While the bucket cannot be used
 * nothing is sent: the lane says until when, to every host; that is said in the log once, as is its end.
 */
#include "jobs_private.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "id.h"
#include "log.h"
#include "media_bucket.h"
#include "media_carry.h"
#include "work.h"

#define PLACES 4
#define RUN_MS 20    /* the longest a round waits for answers */
#define LOOK_MS 1000 /* between walks that found nothing, and looks for what is overdue */
#define PAUSE_MOST_MS 60000
#define LOOKS_MOST 200 /* files that one round looks up: its memory is the round's */
#define REASON_SIZE 512

struct media_place {
	struct media_state *state;
	struct carry carry;
	bool is_taken;
	bool is_under_way; /* its request */
};

struct media_state {
	struct job_run *run;
	struct s3 *s3; /* NULL until it is needed, and after a fault: the keys may have changed */
	struct media_place places[PLACES];
	struct carry_walk walk;
	int64_t walk_ms; /* monotonic: not before */
	int64_t overdue_ms;
	int64_t paused_ms;
	int64_t failures; /* in a row */
	bool is_looking;  /* there is more to look at */
	bool is_known;    /* that the bucket cannot be used */
};

enum err media_job_open(struct job_run *run)
{
	struct media_state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return ERR_NOMEM;
	run->state = state;
	state->run = run;
	for (size_t i = 0; i < PLACES; i++)
		state->places[i].state = state;
	return ERR_OK;
}

/* What is under way is left to its lease. */
void media_job_close(struct job_run *run)
{
	struct media_state *state = run->state;

	if (state == NULL)
		return;
	s3_free(&state->s3);
	free(state);
	run->state = NULL;
}

static struct media_place *free_place(struct media_state *state)
{
	for (size_t i = 0; i < PLACES; i++)
		if (!state->places[i].is_taken)
			return &state->places[i];
	return NULL;
}

static size_t count_places(const struct media_state *state, bool taken)
{
	size_t count = 0;

	for (size_t i = 0; i < PLACES; i++)
		count += state->places[i].is_taken == taken;
	return count;
}

/* ---- the bucket's moods --------------------------------------------------------------------------- */

static enum err note_fault(struct media_state *state, const char *problem)
{
	int64_t pause_ms = work_backoff_ms(++state->failures, 0);
	bool is_news = false;

	if (pause_ms > PAUSE_MOST_MS)
		pause_ms = PAUSE_MOST_MS;
	state->paused_ms = clock_mono_ms() + pause_ms;
	enum err err = carry_pause(&state->run->ctx, pause_ms, problem, &is_news);
	if (err != ERR_OK)
		return err;
	if (is_news)
		log_warning(
		    "the bucket of media cannot be used, they stay where they are: %s", problem);
	state->is_known = true;
	return ERR_OK;
}

static enum err note_success(struct media_state *state)
{
	state->failures = 0;
	if (!state->is_known)
		return ERR_OK;
	state->is_known = false;
	log_notice("the bucket of media can be used again");
	return carry_resume(&state->run->ctx);
}

/* Whether something may be sent just now: what any host has found out is for all. */
static enum err may_send(struct media_state *state, bool *ret_may)
{
	int64_t until_ms = 0, now_ms = clock_mono_ms();
	enum err err = ERR_OK;

	*ret_may = false;
	if (now_ms < state->paused_ms)
		return ERR_OK;
	err = carry_paused(&state->run->ctx, &until_ms, &state->is_known);
	until_ms -= clock_now_ms();
	if (err == ERR_OK && until_ms > 0)
		state->paused_ms = now_ms + (until_ms < LOOK_MS ? until_ms : LOOK_MS);
	*ret_may = err == ERR_OK && until_ms <= 0;
	return err;
}

/* ---- sending -------------------------------------------------------------------------------------- */

static void answered(void *arg, const struct s3_reply *reply)
{
	struct media_place *place = arg;

	carry_answered(&place->carry, reply);
	place->is_under_way = false;
}

/* Sends what the step asks for. */
static void send_step(struct media_place *place)
{
	struct s3 *s3 = place->state->s3;
	struct carry *carry = &place->carry;
	enum err err;

	if (carry->step == CARRY_PUT)
		err = s3_put(s3, carry->key, carry->path, answered, place);
	else if (carry->step == CARRY_LOOK)
		err = s3_head(s3, carry->key, answered, place);
	else
		err = s3_delete(s3, carry->key, answered, place);
	place->is_under_way = err == ERR_OK;
	if (err != ERR_OK)
		carry_unstarted(carry, err);
}

static enum err begin(struct media_state *state, struct uuid id, bool is_removal)
{
	struct media_place *place = free_place(state);
	enum err err = ERR_OK;

	if (place == NULL)
		return ERR_OK;
	if (is_removal)
		carry_begin_removal(&state->run->ctx, id, &place->carry);
	else
		err = carry_begin(&state->run->ctx, id, &place->carry);
	place->is_taken = err == ERR_OK && place->carry.step != CARRY_DONE;
	state->run->counts.claimed += place->is_taken;
	if (place->is_taken)
		send_step(place);
	return err;
}

static enum err open_bucket(struct media_state *state)
{
	char reason[REASON_SIZE] = "";
	enum err err = ERR_OK;

	if (state->s3 == NULL)
		err = bucket_open(
		    state->run->ctx.settings, PLACES, &state->s3, reason, sizeof(reason));
	return err == ERR_CONFIG || err == ERR_IO ? note_fault(state, reason) : err;
}

/* ---- looking for work ----------------------------------------------------------------------------- */

/* The same is overdue until it has gone, and another process may be at it as well: no harm. */
static bool is_begun(const struct media_state *state, struct uuid id)
{
	for (size_t i = 0; i < PLACES; i++)
		if (state->places[i].is_taken &&
		    memcmp(state->places[i].carry.id.b, id.b, sizeof(id.b)) == 0)
			return true;
	return false;
}

static enum err begin_removals(struct media_state *state)
{
	struct uuid *ids = NULL;
	size_t count = 0;
	enum err err = ERR_OK;

	if (clock_mono_ms() < state->overdue_ms)
		return ERR_OK;
	err = carry_overdue(&state->run->ctx, PLACES, &ids, &count);
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		if (!is_begun(state, ids[i]))
			err = begin(state, ids[i], true);
	if (count == 0)
		state->overdue_ms = clock_mono_ms() + LOOK_MS;
	state->is_looking = count > 0;
	return err;
}

/* Until the places are taken, or the walk is at its end: the next one waits a little. */
static enum err begin_carrying(struct media_state *state)
{
	bool at_end = clock_mono_ms() < state->walk_ms;
	size_t looks = 0;
	enum err err = ERR_OK;

	while (err == ERR_OK && !at_end && free_place(state) != NULL && looks < LOOKS_MOST) {
		struct uuid ids[PLACES];
		size_t count = 0;
		err = carry_walk(&state->run->ctx, &state->walk, count_places(state, false), ids,
		    &count, &at_end);
		for (size_t i = 0; i < count && err == ERR_OK; i++)
			err = begin(state, ids[i], false);
		looks += count;
		if (at_end)
			state->walk_ms = clock_mono_ms() + LOOK_MS;
	}
	state->is_looking = state->is_looking || !at_end;
	return err;
}

/* What there is to do and may be done. While no place is free, what is known of there being more stays. */
static enum err look(struct media_state *state)
{
	const struct settings *settings = state->run->ctx.settings;
	int64_t now_ms = clock_mono_ms();
	bool may = false;
	enum err err = ERR_OK;

	if (!state->run->stopping && free_place(state) == NULL)
		return ERR_OK;
	state->is_looking = false;
	if (state->run->stopping || !bucket_is_set(settings) ||
	    (now_ms < state->walk_ms && now_ms < state->overdue_ms))
		return ERR_OK;
	err = may_send(state, &may);
	if (err == ERR_OK && may)
		err = open_bucket(state);
	if (err != ERR_OK || state->s3 == NULL || !may)
		return err;
	err = begin_removals(state);
	return err == ERR_OK && bucket_is_used(settings) ? begin_carrying(state) : err;
}

/* ---- settling ------------------------------------------------------------------------------------- */

static enum err settle(struct media_place *place)
{
	struct media_state *state = place->state;
	struct carry *carry = &place->carry;
	char id[ID_TEXT_SIZE];

	enum err err = carry_settle(&state->run->ctx, carry);
	place->is_taken = err == ERR_OK && carry->step != CARRY_DONE;
	if (err != ERR_OK)
		return err;
	state->run->counts.carried += carry->is_there && !carry->is_removal;
	state->run->counts.expired += carry->is_there && carry->is_removal;
	if (carry->is_bucket_fault)
		return note_fault(state, carry->problem);
	id_text(ID_MEDIA, carry->id, id);
	if (carry->problem[0] != '\0')
		log_error("%s cannot be carried to its bucket: %s", id, carry->problem);
	return carry->is_there ? note_success(state) : ERR_OK;
}

/* Goes on with all that has been answered. What cannot be settled is left to its lease. */
static enum err go_on(struct media_state *state)
{
	enum err first = ERR_OK;

	for (size_t i = 0; i < PLACES; i++) {
		struct media_place *place = &state->places[i];
		if (place->is_taken && !place->is_under_way && place->carry.step == CARRY_SETTLE) {
			enum err err = settle(place);
			first = first == ERR_OK ? err : first;
		}
		if (place->is_taken && !place->is_under_way && place->carry.step < CARRY_SETTLE)
			send_step(place);
	}
	return first;
}

enum err media_job_round(struct job_run *run, bool *ret_busy)
{
	struct media_state *state = run->state;
	enum err err = look(state);
	enum err run_err =
	    state->s3 != NULL && s3_in_flight(state->s3) > 0 ? s3_run(state->s3, RUN_MS) : ERR_OK;
	enum err settle_err = go_on(state);

	bool is_idle = count_places(state, true) == 0;
	*ret_busy = !is_idle || state->is_looking;
	/* A fault may be the keys': they are read again. */
	if (state->failures > 0 && is_idle)
		s3_free(&state->s3);
	if (err == ERR_OK)
		err = run_err;
	return err == ERR_OK ? settle_err : err;
}
