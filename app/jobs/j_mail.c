/* SPDX-License-Identifier: Apache-2.0 */
/*
 * j_mail.c moves the bytes of mails: claim, send, settle. What is sent and what an end means are
 * core's (mail_flow.h). All mail is one lane and goes to one server; mail_connections are under way at
 * once, in threads of smtp.c, so a server that hangs holds up nothing but mail.
 *
 * A process that is killed between the server's answer and the settling leaves a mail that is sent
 * twice, with the same Message-ID.
 */
#include "jobs_private.h"

#include <stdlib.h>

#include "id.h"
#include "log.h"
#include "mail_flow.h"
#include "places.h"
#include "smtp.h"

#define FLOW_MEMORY 1048576 /* the most one mail may use */
#define SETTLE_MOST 32
#define RUN_MS 10        /* the longest a round waits for answers */
#define LEASE_MORE_S 15  /* beyond the time that handing over may take */
#define OWN_MEMORY 65536 /* the server's texts, the password among them */
#define REASON_SIZE 256

/* A place for one mail under way. */
struct mail_place {
	struct place place;
	struct mail_flow flow;
};

struct mail_state {
	struct job_run *run;
	struct places places;
	struct arena *arena; /* for the whole run */
	struct smtp *smtp;   /* NULL: not opened yet, or reason says why it cannot be */
	char reason[REASON_SIZE];
	bool told; /* of reason */
};

static struct mail_state *state_of(const struct place *place)
{
	return place->places->run->state;
}

static struct mail_flow *flow_of(struct place *place)
{
	return &((struct mail_place *)(void *)place)->flow;
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

enum err mail_job_open(struct job_run *run)
{
	struct mail_state *state = calloc(1, sizeof(*state));
	enum err err;

	if (state == NULL)
		return ERR_NOMEM;
	run->state = state;
	state->run = run;
	err = arena_new(OWN_MEMORY, &state->arena);
	if (err == ERR_OK)
		err = places_open(&state->places, run, (size_t)run->ctx.settings->mail_connections,
		    sizeof(struct mail_place), FLOW_MEMORY);
	return err;
}

void mail_job_close(struct job_run *run)
{
	struct mail_state *state = run->state;

	if (state == NULL)
		return;
	smtp_free(&state->smtp);
	places_close(&state->places);
	arena_free(&state->arena); /* wipes the password */
	free(state);
	run->state = NULL;
}

/* The client, at the first mail: most runs have none. Without it, reason says why. */
static enum err open_client(struct mail_state *state)
{
	const struct settings *settings = state->run->ctx.settings;
	struct smtp_server server;
	enum err err = ERR_OK;

	if (state->smtp != NULL || state->reason[0] != '\0')
		return ERR_OK;
	err = mail_server(settings, state->arena, &server, state->reason, sizeof(state->reason));
	if (err == ERR_CONFIG)
		return ERR_OK;
	return err == ERR_OK ? smtp_new(&server, state->places.count, &state->smtp) : err;
}

/* ---- sending ------------------------------------------------------------------------------------------------ */

static void message_done(void *arg, const struct smtp_reply *reply)
{
	struct place *place = arg;

	mail_ended(flow_of(place), reply);
	place_put(&place->places->ended, place);
}

/* What cannot start now is left to its lease: nothing went out, and not by the mail's doing. */
static enum err start(struct place *place, const struct place_ways *ways)
{
	struct mail_state *state = state_of(place);
	struct mail_flow *flow = flow_of(place);
	enum err err = ERR_OK;

	if (flow->step != MAIL_STEP_SEND)
		place_put(&place->places->ended, place);
	else
		err = smtp_start(state->smtp, &flow->message, message_done, place);
	if (err != ERR_OK)
		place_release(place, ways);
	return err;
}

/* ---- settling ----------------------------------------------------------------------------------------------- */

static enum err settle(struct ctx *ctx, struct place *place)
{
	struct mail_flow *flow = flow_of(place);

	flow->problem = mail_settle(ctx, flow);
	return flow->problem;
}

/* One that nothing can be sent by is said once in a run. */
static void report_alert(struct mail_state *state, const struct mail_flow *flow, const char *id)
{
	if (flow->alert == NULL || (flow->error == MAILERROR_CONFIG && state->told))
		return;
	if (flow->error == MAILERROR_CONFIG)
		log_error("mail waits: %s", flow->alert);
	else
		log_error("%s: %s", id, flow->alert);
	state->told = state->told || flow->error == MAILERROR_CONFIG;
}

static void report(struct place *place)
{
	struct mail_state *state = state_of(place);
	struct job_counts *counts = &state->run->counts;
	struct mail_flow *flow = flow_of(place);
	char id[ID_TEXT_SIZE];

	id_text(ID_MAIL, flow->work.subject_id, id);
	if (flow->problem == ERR_STALE) {
		counts->stale++;
		log_notice("%s: the lease was lost; another process settles it", id);
		return;
	}
	report_alert(state, flow, id);
	if (flow->step == MAIL_STEP_DROP)
		return;
	counts->mailed += flow->settled == MAILSTATUS_SENT;
	counts->later += flow->settled == MAILSTATUS_PENDING;
	counts->unmailed += flow->settled == MAILSTATUS_FAILED;
	if (flow->settled == MAILSTATUS_FAILED)
		log_warning("%s failed for good: %s, reply %lld, %lld attempts", id,
		    mail_error_word(flow->error),
		    (long long)(flow->code == DB_NULL ? 0 : flow->code),
		    (long long)flow->row.attempts + (flow->step == MAIL_STEP_SEND));
	else if (flow->settled == MAILSTATUS_PENDING && flow->error != MAILERROR_CONFIG)
		log_info("%s is tried again later: %s, reply %lld", id,
		    mail_error_word(flow->error),
		    (long long)(flow->code == DB_NULL ? 0 : flow->code));
}

static void clear(struct place *place)
{
	*flow_of(place) = (struct mail_flow){ .step = MAIL_STEP_DROP };
}

static const struct place_ways ways = {
	.settle = settle,
	.report = report,
	.clear = clear,
	.most = SETTLE_MOST,
	.what = "a mail",
};

/* ---- claiming ------------------------------------------------------------------------------------------------ */

/* Reads and sends one claimed mail. */
static enum err begin(struct mail_state *state, const struct work *work)
{
	struct place *place = place_take(&state->places.free);
	struct mail_flow *flow = flow_of(place);
	struct ctx ctx = place_ctx(place);

	flow->work = *work;
	flow->work.lane = MAIL_LANE;
	enum err err = mail_prepare(&ctx, flow, state->smtp == NULL ? state->reason : NULL);
	if (err != ERR_OK) {
		place_release(place, &ways);
		return err;
	}
	return start(place, &ways);
}

static int64_t lease_ms(const struct settings *settings)
{
	int64_t needed_s = settings->smtp_timeout_s + LEASE_MORE_S;

	return (settings->lease_s > needed_s ? settings->lease_s : needed_s) * 1000;
}

static enum err claim(struct mail_state *state, size_t *ret_claimed)
{
	struct job_run *run = state->run;
	struct work_limits limits = { .max = places_free(&state->places) };
	struct work *works = NULL;
	size_t count = 0;

	*ret_claimed = 0;
	if (limits.max == 0)
		return ERR_OK;
	limits.per_lane = limits.max;
	enum err err =
	    work_claim(&run->ctx, WORK_MAIL, &limits, lease_ms(run->ctx.settings), &works, &count);
	if (err == ERR_OK && count > 0)
		err = open_client(state);
	/* What cannot be begun comes back when its lease ends. */
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = begin(state, &works[i]);
	*ret_claimed = count;
	run->counts.claimed += count;
	return err;
}

enum err mail_job_round(struct job_run *run, bool *ret_busy)
{
	struct mail_state *state = run->state;
	size_t claimed = 0;
	enum err err = run->stopping ? ERR_OK : claim(state, &claimed);

	/* Where others wait for answers of theirs, there is no need to wait here as well. */
	if (state->smtp != NULL && smtp_in_flight(state->smtp) > 0)
		smtp_run(state->smtp, http_in_flight(run->http) > 0 ? 0 : RUN_MS);
	bool freed = state->places.ended != NULL;
	enum err settle_err = places_settle(&state->places, &ways);
	*ret_busy =
	    claimed > 0 || freed || (state->smtp != NULL && smtp_in_flight(state->smtp) > 0);
	return err == ERR_OK ? settle_err : err;
}
