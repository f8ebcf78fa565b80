/* SPDX-License-Identifier: Apache-2.0 */
/* session_flow.c moves sessions: by time, by hand, and by what a provider found out. */
#include "session_flow.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "event.h"
#include "limits.h"
#include "session_claims.h"
#include "tx.h"

/* One row per status: the session family's word for it. */
static const enum session_phase phases[SESSION__MAX] = {
	[SESSION_PENDING] = PHASE_CREATED,
	[SESSION_SUBMITTED] = PHASE_IN_PROGRESS,
	[SESSION_VERIFIED] = PHASE_COMPLETED,
	[SESSION_REJECTED] = PHASE_COMPLETED,
	[SESSION_FAILED] = PHASE_COMPLETED,
	[SESSION_VOIDED] = PHASE_CANCELLED,
	[SESSION_EXPIRED] = PHASE_EXPIRED,
};

/* contract/webhooks.md, Events: who is told of arriving where. The session family tells of attempts
 * instead of successes and failures. */
static const struct {
	enum session_family family;
	enum session_status to;
	enum event_type type;
} told[] = {
	{ VIA_SESSION, SESSION_EXPIRED, EVENT_SESSION_EXPIRED },
	{ VIA_SESSION, SESSION_VOIDED, EVENT_SESSION_CANCELLED },
	{ VIA_PLAIN, SESSION_SUBMITTED, EVENT_SESSION_SUBMITTED },
	{ VIA_PLAIN, SESSION_VERIFIED, EVENT_SESSION_VERIFIED },
	{ VIA_PLAIN, SESSION_REJECTED, EVENT_SESSION_REJECTED },
	{ VIA_PLAIN, SESSION_FAILED, EVENT_SESSION_FAILED },
};

bool session_is_open(enum session_status status)
{
	return status == SESSION_PENDING || status == SESSION_SUBMITTED;
}

enum session_phase session_phase_of(enum session_status status)
{
	return phases[status];
}

bool session_is_overdue(const struct session *session)
{
	return session_is_open(session->status) && clock_now_ms() >= session->expires_at_ms;
}

/* ---- moving ---------------------------------------------------------------------------------------- */

enum err session_tell(struct ctx *ctx, const struct session *session, enum event_type type)
{
	struct event_new event = { .type = type,
		.trigger = TRIGGER_SESSION,
		.trigger_id = session->id,
		.environment = session->environment };
	struct session fresh;
	enum err err = ERR_OK;

	if (session->family == VIA_PLAIN) {
		err = session_read(ctx, session->application_id, session->id, true, &fresh);
		event.data = err == ERR_OK ? session_record_json(&fresh) : NULL;
	} else {
		event.data = json_object();
	}
	return err == ERR_OK ? event_put(ctx, session->application_id, &event, NULL) : err;
}

static enum err tell_move(struct ctx *ctx, const struct session *session)
{
	for (size_t i = 0; i < countof(told); i++) {
		if (told[i].family == session->family && told[i].to == session->status)
			return session_tell(ctx, session, told[i].type);
	}
	return ERR_OK;
}

enum err session_move(struct ctx *ctx, struct session *session, enum session_status to)
{
	int64_t now_ms = clock_now_ms();
	bool open = session_is_open(to);
	uint64_t changed = 0;

	if (!session_status_may_move(session->status, to))
		return ERR_SESSION_MOVE;
	enum err err = q_session_move(ctx->db, session_status_word(to),
	    session_phase_word(phases[to]), open ? session->expires_at_ms : TIME_NONE,
	    open ? TIME_NONE : now_ms, now_ms, session->application_id, session->id,
	    session_status_word(session->status), &changed);
	/* The row is held, so it is as it was read. */
	if (err == ERR_OK && changed != 1)
		err = ERR_STATE;
	if (err == ERR_OK)
		err = session_count_move(ctx, session, to);
	if (err != ERR_OK)
		return err;
	session->status = to;
	session->status_word = session_status_word(to);
	session->phase_word = session_phase_word(phases[to]);
	session->completed_at_ms = open ? TIME_NONE : now_ms;
	session->updated_at_ms = now_ms;
	return tell_move(ctx, session);
}

static enum err end_attempt(struct ctx *ctx, const struct session *session, struct uuid id,
    enum attempt_status status, enum attempt_failure failure, int64_t risk_percent)
{
	int64_t now_ms = clock_now_ms();
	uint64_t changed = 0;
	enum err err =
	    q_attempt_end(ctx->db, attempt_status_word(status), attempt_failure_word(failure),
		risk_percent, now_ms, now_ms, session->application_id, id, &changed);

	return err == ERR_OK && changed != 1 ? ERR_STATE : err;
}

enum err session_end_running(struct ctx *ctx, const struct session *session,
    enum attempt_status status, enum attempt_failure failure)
{
	struct row_attempt_running *rows = NULL;
	size_t count = 0;
	enum err err = q_attempt_running(
	    ctx->db, ctx->arena, session->application_id, session->id, &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = end_attempt(ctx, session, rows[i].id, status, failure, 0);
	return err;
}

/* ---- time ------------------------------------------------------------------------------------------ */

static enum err expire_held(struct ctx *ctx, struct session *session)
{
	enum err err = session_end_running(ctx, session, TRY_FAILED, FAILURE_SESSION_EXPIRED);

	return err == ERR_OK ? session_move(ctx, session, SESSION_EXPIRED) : err;
}

enum err session_hold(
    struct ctx *ctx, struct uuid application_id, struct uuid id, struct session *ret_session)
{
	struct row_session_hold row;
	enum err err =
	    q_session_hold(ctx->db, ctx->arena, application_id, id, ctx_environment(ctx), &row);

	_Static_assert(sizeof(struct row_session_get) == sizeof(struct row_session_hold),
	    "sessions are read alike");
	if (err == ERR_MISSING)
		return ERR_SESSION_NOT_FOUND;
	if (err == ERR_OK)
		err = session_fill((const struct row_session_get *)(const void *)&row, ret_session);
	if (err == ERR_OK && session_is_overdue(ret_session))
		err = expire_held(ctx, ret_session);
	return err;
}

struct named {
	struct uuid application_id;
	struct uuid id;
};

/* Holding one expires it. */
static enum err hold_only(struct ctx *ctx, void *arg)
{
	const struct named *named = arg;
	struct session session;

	return session_hold(ctx, named->application_id, named->id, &session);
}

enum err session_expire_one(struct ctx *ctx, struct uuid application_id, struct uuid id)
{
	struct named named = { application_id, id };

	return tx_run(ctx, hold_only, &named);
}

enum err session_expire(struct ctx *ctx, int64_t max, uint64_t *ret_expired)
{
	struct row_session_overdue *rows = NULL;
	uint64_t expired = 0;
	size_t count = 0;
	enum err first = ERR_OK;
	enum err err = q_session_overdue(ctx->db, ctx->arena, clock_now_ms(), max, &rows, &count);

	if (err != ERR_OK)
		return err;
	/* One that cannot be expired, because its event cannot be sealed, say, stops no other. */
	for (size_t i = 0; i < count; i++) {
		err = session_expire_one(ctx, rows[i].application_id, rows[i].id);
		expired += err == ERR_OK;
		first = first == ERR_OK ? err : first;
	}
	*ret_expired = expired;
	return first;
}

/* ---- by hand --------------------------------------------------------------------------------------- */

struct ending {
	struct uuid id;
	enum session_status to;
	bool changed;
	enum err verdict; /* said behind the transaction, so that an expiry found in it stays */
	struct session session;
};

/* What somebody did, in the audit log; the person's own doing, on the hosted page, is no change of a
 * customer's. */
static enum err note(struct ctx *ctx, const struct session *session, enum audit_action action)
{
	struct audit_entry entry = { .action = action,
		.application_id = session->application_id,
		.subject_id = session->id,
		.detail = session->status_word };

	return ctx->actor.kind == ACTOR_NONE ? ERR_OK : audit_note(ctx, &entry);
}

static enum err cancel(struct ctx *ctx, void *arg)
{
	struct ending *ending = arg;
	struct session *session = &ending->session;
	enum err err = session_hold(ctx, ctx->actor.application_id, ending->id, session);

	ending->changed = false;
	if (err != ERR_OK || !session_is_open(session->status))
		return err;
	err = session_end_running(ctx, session, TRY_FAILED, FAILURE_SESSION_CANCELLED);
	if (err == ERR_OK)
		err = session_move(ctx, session, SESSION_VOIDED);
	if (err == ERR_OK)
		err = note(ctx, session, AUDIT_SESSION_CANCELLED);
	ending->changed = err == ERR_OK;
	return err;
}

enum err session_cancel(struct ctx *ctx, struct uuid id, bool *ret_changed)
{
	struct ending ending = { .id = id };
	enum err err = tx_run(ctx, cancel, &ending);

	if (err == ERR_OK && ret_changed != NULL)
		*ret_changed = ending.changed;
	return err;
}

static enum err set_status(struct ctx *ctx, void *arg)
{
	struct ending *ending = arg;
	struct session *session = &ending->session;
	enum err err = session_hold(ctx, ctx->actor.application_id, ending->id, session);

	ending->verdict = ERR_OK;
	if (err != ERR_OK || session->status == ending->to)
		return err;
	if (session->status == SESSION_PENDING ||
	    !session_status_may_move(session->status, ending->to)) {
		ending->verdict = ERR_SESSION_MOVE;
		return ERR_OK;
	}
	err = session_end_running(ctx, session, TRY_CANCELLED, FAILURE_NONE);
	if (err == ERR_OK)
		err = session_move(ctx, session, ending->to);
	return err == ERR_OK ? note(ctx, session, AUDIT_SESSION_DECIDED) : err;
}

enum err session_set_status(
    struct ctx *ctx, struct uuid id, enum session_status to, struct session *ret_session)
{
	struct ending ending = { .id = id, .to = to };

	if (to != SESSION_VERIFIED && to != SESSION_REJECTED)
		return ERR_SESSION_MOVE;
	enum err err = tx_run(ctx, set_status, &ending);
	if (err == ERR_OK)
		err = ending.verdict;
	return err == ERR_OK ? session_get(ctx, id, true, false, ret_session) : err;
}

/* ---- by what was found out ------------------------------------------------------------------------- */

/* What a decision means for attempt and session. */
struct verdict {
	enum attempt_failure failure; /* FAILURE_NONE: it succeeded */
	bool counts;
	enum session_status to;
	int64_t risk_percent;
	json_t *data; /* of the attempt's event; NULL for a failure */
};

/* Why a declined one failed, in the session family's words: the register has no such document, or has
 * other data for it. */
static const enum attempt_failure declined_as[REASON__MAX] = {
	[REASON_NONE] = FAILURE_DATA_INVALID,
	[REASON_NOT_FOUND] = FAILURE_AUTHENTICITY,
	[REASON_MISMATCH] = FAILURE_DATA_INVALID,
	[REASON_REVIEW] = FAILURE_DATA_INVALID,
	[REASON_BAD_NUMBER] = FAILURE_AUTHENTICITY,
	[REASON_REJECTED] = FAILURE_AUTHENTICITY,
	[REASON_CONFIG] = FAILURE_DATA_INVALID,
	[REASON_GAVE_UP] = FAILURE_DATA_INVALID,
	[REASON_UNKNOWN] = FAILURE_DATA_INVALID,
	[REASON_ERASED] = FAILURE_DATA_INVALID,
	[REASON_SANDBOX] = FAILURE_AUTHENTICITY,
};

static void fail(struct verdict *verdict, enum attempt_failure failure, bool counts)
{
	json_decref(verdict->data);
	verdict->data = NULL;
	verdict->failure = failure;
	verdict->counts = counts;
}

static enum err read_facts(struct ctx *ctx, const struct session *session,
    const struct row_attempt_of *attempt, struct claim_facts *facts)
{
	struct row_application_get owner;
	struct row_attempt_facts row;
	enum err err = q_attempt_facts(
	    ctx->db, ctx->arena, session->application_id, attempt->verification_id, &row);

	if (err == ERR_OK)
		err = q_application_get(ctx->db, ctx->arena, session->application_id, &owner);
	if (err != ERR_OK)
		return err;
	facts->organization_id = owner.organization_id;
	facts->share_fields = session->share_fields;
	facts->selected = attempt->selected;
	facts->country = row.country;
	facts->id_type = row.id_type;
	return applicant_open(ctx, attempt->verification_id, row.sealed, &facts->applicant);
}

/* The provider is content: then so must be the business, with the claims it insists on and the age it
 * asks for. */
static enum err judge_approved(struct ctx *ctx, const struct session *session,
    const struct row_attempt_of *attempt, const struct decision *decision, struct verdict *verdict)
{
	struct claim_facts facts = { .match_dob = decision->match_dob,
		.decided_at_ms = clock_now_ms() };
	bool missing = false;
	enum err err = read_facts(ctx, session, attempt, &facts);

	if (err == ERR_OK && session->family == VIA_SESSION)
		err = claims_make(ctx, &facts, &verdict->data, &missing);
	if (err != ERR_OK)
		return err;
	int age = claims_age(&facts);
	bool asks_age = session->minimum_age != DB_NULL;
	verdict->to = SESSION_VERIFIED;
	if (asks_age && age >= 0 && age < session->minimum_age) {
		fail(verdict, FAILURE_DATA_INVALID, true);
		verdict->to = SESSION_REJECTED;
	} else if (missing || (asks_age && age < 0)) {
		fail(verdict, FAILURE_DATA_INVALID, true);
	}
	return ERR_OK;
}

static enum err judge(struct ctx *ctx, const struct session *session,
    const struct row_attempt_of *attempt, const struct decision *decision, struct verdict *verdict)
{
	bool known = decision->match_name != DB_NULL;
	enum err err = ERR_OK;

	if (decision->status == VER_APPROVED) {
		verdict->risk_percent = known ? 100 - decision->match_name : 0;
		err = judge_approved(ctx, session, attempt, decision, verdict);
	} else if (decision->status == VER_DECLINED) {
		verdict->risk_percent = known ? 100 - decision->match_name : 100;
		fail(verdict, declined_as[decision->reason], true);
	} else {
		/* Nothing was found out, which is not the person's fault. */
		fail(verdict, FAILURE_DATA_INVALID, false);
	}
	if (verdict->failure == FAILURE_NONE || verdict->to == SESSION_REJECTED)
		return err;
	bool spent = session->failed_count + verdict->counts >= LIMIT_SESSION_FAILURES ||
		     session->attempt_count >= LIMIT_SESSION_ATTEMPTS;
	verdict->to = spent ? SESSION_FAILED : SESSION_PENDING;
	return err;
}

static enum err tell_attempt(
    struct ctx *ctx, const struct session *session, struct uuid id, const struct verdict *verdict)
{
	bool succeeded = verdict->failure == FAILURE_NONE;
	struct event_new event = { .type =
				       succeeded ? EVENT_ATTEMPT_SUCCEEDED : EVENT_ATTEMPT_FAILED,
		.trigger = TRIGGER_ATTEMPT,
		.trigger_id = id,
		.environment = session->environment,
		.session_id = session->id };

	if (session->family != VIA_SESSION)
		return ERR_OK;
	event.data =
	    succeeded ? json_incref(verdict->data)
		      : json_pack("{s:s}", "failure_code", attempt_failure_word(verdict->failure));
	return event_put(ctx, session->application_id, &event, NULL);
}

static enum err settle(struct ctx *ctx, struct session *session,
    const struct row_attempt_of *attempt, const struct verdict *verdict)
{
	enum err err = end_attempt(ctx, session, attempt->id,
	    verdict->failure == FAILURE_NONE ? TRY_SUCCEEDED : TRY_FAILED, verdict->failure,
	    verdict->risk_percent);

	if (err == ERR_OK && verdict->counts)
		err =
		    q_session_count(ctx->db, 0, 1, TIME_NONE, session->application_id, session->id);
	if (err == ERR_OK)
		err = tell_attempt(ctx, session, attempt->id, verdict);
	return err == ERR_OK ? session_move(ctx, session, verdict->to) : err;
}

enum err session_attempt_decided(struct ctx *ctx, struct uuid application_id,
    struct uuid verification_id, const struct decision *decision)
{
	struct verdict verdict = { .failure = FAILURE_NONE };
	struct row_attempt_of attempt;
	struct session session;
	enum err err = q_attempt_of(ctx->db, ctx->arena, application_id, verification_id, &attempt);

	if (err == ERR_OK)
		err = session_hold(ctx, application_id, attempt.session_id, &session);
	/* Whoever ended it held the session, so what is read now is how it is. */
	if (err == ERR_OK)
		err = q_attempt_of(ctx->db, ctx->arena, application_id, verification_id, &attempt);
	if (err == ERR_MISSING)
		return ERR_OK;
	if (err != ERR_OK || strcmp(attempt.status, attempt_status_word(TRY_IN_PROGRESS)) != 0)
		return err;
	err = judge(ctx, &session, &attempt, decision, &verdict);
	if (err == ERR_OK)
		err = settle(ctx, &session, &attempt, &verdict);
	json_decref(verdict.data);
	return err;
}

enum err session_erase(struct ctx *ctx, struct uuid application_id, struct uuid verification_id)
{
	return q_session_erase(ctx->db, application_id, verification_id);
}
