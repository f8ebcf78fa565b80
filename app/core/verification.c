/* SPDX-License-Identifier: Apache-2.0 */
/* verification.c: taking verifications in, showing, erasing and deciding them. */
#include "verification.h"

#include <string.h>

#include "age.h"
#include "applicant.h"
#include "audit.h"
#include "clock.h"
#include "counter.h"
#include "crypt.h"
#include "json.h"
#include "limits.h"
#include "provider.h"
#include "score.h"
#include "session.h"
#include "str.h"
#include "token.h"
#include "tx.h"
#include "usage.h"
#include "work.h"

#define SANDBOX_DRIVER "sandbox"
#define WEIGHT_UNKNOWN 50 /* of a kind of document that left the catalogue meanwhile */

/* ---- checking ------------------------------------------------------------------------------------ */

struct checker {
	struct complaint *complaints;
	size_t max;
	size_t *count;
};

static void add_complaint(struct checker *checker, const char *field, const char *message)
{
	if (*checker->count < checker->max)
		checker->complaints[(*checker->count)++] =
		    (struct complaint){ .field = field, .message = message };
}

/* Spaces and hyphens do not count (contract/kyc.md). */
static enum err normalise_number(struct ctx *ctx, const char **number)
{
	char *out = arena_alloc(ctx->arena, strlen(*number) + 1);
	size_t len = 0;

	if (out == NULL)
		return ERR_NOMEM;
	for (const char *c = *number; *c != '\0'; c++) {
		if (*c != ' ' && *c != '-')
			out[len++] = *c;
	}
	*number = out;
	return ERR_OK;
}

const char *verification_birth_fault(const char *text)
{
	struct date birth, today = date_of(clock_now_ms());

	if (text == NULL || date_parse(text, &birth) != ERR_OK)
		return "must be a date, YYYY-MM-DD";
	int years = date_years_between(birth, today);
	bool is_today =
	    birth.year == today.year && birth.month == today.month && birth.day == today.day;
	if (years < 0 || is_today)
		return "must be in the past";
	return years >= LIMIT_AGE_YEARS ? "must be less than 130 years ago" : NULL;
}

static void check_birth(struct checker *checker, const char *text)
{
	const char *fault = verification_birth_fault(text);

	if (fault != NULL)
		add_complaint(checker, "date_of_birth", fault);
}

/* One row per member the catalogue may require. */
static const struct {
	const char *word;
	size_t offset;
} extras[] = {
	{ "phone", MEMBER_IS(const char *, struct applicant, phone) },
	{ "middle_name", MEMBER_IS(const char *, struct applicant, middle_name) },
	{ "gender", MEMBER_IS(const char *, struct applicant, gender) },
	{ "bank_code", MEMBER_IS(const char *, struct applicant, bank_code) },
};

static void check_extras(
    struct checker *checker, const struct id_type *type, const struct applicant *applicant)
{
	for (size_t i = 0; i < countof(extras); i++) {
		const char *value;
		memcpy(&value, (const char *)applicant + extras[i].offset, sizeof(value));
		if (value == NULL && str_has_word(type->extra_fields, extras[i].word))
			add_complaint(
			    checker, extras[i].word, "is required for this kind of document");
	}
}

enum err verification_check(struct ctx *ctx, struct verification_new *input,
    struct complaint *complaints, size_t max, size_t *count, const struct id_type **ret_type)
{
	struct checker checker = { complaints, max, count };
	const struct id_type *type = NULL;
	size_t before = *count;
	enum err err = catalogue_find(ctx, input->country, input->id_type, &type);

	if (err == ERR_OK)
		err = normalise_number(ctx, &input->applicant.id_number);
	if (err != ERR_OK)
		return err;
	const char *number = input->applicant.id_number;
	if (!regex_match(type->regex, number, strlen(number)))
		add_complaint(&checker, "id_number", "is not a number of this kind of document");
	check_birth(&checker, input->applicant.date_of_birth);
	check_extras(&checker, type, &input->applicant);
	if (*count > before)
		return ERR_VALIDATION;
	*ret_type = type;
	return ERR_OK;
}

/* ---- taking in ------------------------------------------------------------------------------------ */

/* What is decided before the row is written: nothing, or the sandbox's outcome at once. */
struct outcome {
	struct decision decision;
	int64_t completed_at_ms; /* TIME_NONE: pending */
	int64_t score;           /* DB_NULL: none */
	const char *age_band;
};

/* What it costs. The score is paid for at once even if it is computed later: once it is accepted, no
 * empty balance keeps it from its owner. */
struct bill {
	int64_t verification;
	int64_t score;
};

static enum err decide_at_once(struct ctx *ctx, const struct verification_new *input,
    const struct id_type *type, struct uuid id, const struct bill *bill, struct outcome *outcome)
{
	int64_t delay_ms = 0;
	enum err err = sandbox_outcome(input->country, input->id_type, input->applicant.id_number,
	    &outcome->decision, &delay_ms);

	if (err != ERR_OK)
		return err;
	outcome->completed_at_ms = uuid_time_ms(id);
	if (!input->score_requested)
		return ERR_OK;
	struct score_input facts = { .status = outcome->decision.status,
		.id_type_weight = type->score_weight,
		.country = input->country,
		.match_name = outcome->decision.match_name,
		.match_dob = outcome->decision.match_dob,
		.age_band = outcome->age_band,
		.decided_at_ms = outcome->completed_at_ms };
	return score_keep(ctx, ctx->actor.application_id, input->environment, id, &facts,
	    bill->score, &outcome->score);
}

static struct bill bill_of(const struct ctx *ctx, const struct verification_new *input)
{
	struct bill bill = { .verification =
				 token_price(ctx, TOKEN_VERIFICATION, input->environment) };

	/* Paid for with its session, or its age verification. */
	if (input->kind != VERKIND_KYC)
		bill.verification = 0;
	if (input->score_requested)
		bill.score = token_price(ctx, TOKEN_SCORE, input->environment);
	return bill;
}

static enum err pay(struct ctx *ctx, struct uuid id, const struct bill *bill)
{
	enum err err = token_take(ctx, TOKEN_VERIFICATION, id, bill->verification);

	return err == ERR_OK ? token_take(ctx, TOKEN_SCORE, id, bill->score) : err;
}

static enum err put_row(struct ctx *ctx, const struct verification_new *input, const char *provider,
    struct uuid id, const struct bill *bill, const struct outcome *outcome)
{
	const struct decision *decision = &outcome->decision;
	uint8_t index[SHA256_SIZE];
	struct bytes sealed;
	bool decided = decision->status != VER_PENDING;
	enum err err = applicant_seal(ctx, id, &input->applicant, &sealed);

	if (err == ERR_OK)
		err = applicant_index(
		    ctx, input->country, input->id_type, input->applicant.id_number, index);
	if (err != ERR_OK)
		return err;
	return q_verification_put(ctx->db, ctx->actor.application_id, id,
	    environment_word(input->environment), ver_kind_word(input->kind),
	    ver_status_word(decision->status), ver_reason_word(decision->reason), input->country,
	    input->id_type, provider, input->external_ref, input->score_requested, bill->score,
	    outcome->score, decided ? decision->match_name : DB_NULL,
	    decided ? match_word(decision->match_dob) : NULL, outcome->age_band,
	    (struct bytes){ index, sizeof(index) }, sealed, (int64_t)keyring_current(ctx->keyring),
	    ctx->request_id, uuid_time_ms(id), outcome->completed_at_ms);
}

static enum err put_usage(struct ctx *ctx, const struct verification_new *input, struct uuid id,
    const struct bill *bill, enum ver_status status)
{
	const char *environment = environment_word(input->environment);
	struct uuid event;

	/* Sessions and age verifications have usage events of their own. */
	if (input->kind != VERKIND_KYC)
		return counter_add(ctx, ctx->actor.application_id, COUNTER_VERIFICATION,
		    environment, ver_status_word(status), 1);
	enum err err = uuid_make(&event);
	if (err == ERR_OK)
		err = q_usage_put(ctx->db, ctx->actor.application_id, event, environment,
		    usage_type_word(USAGE_VERIFICATION), id, bill->verification,
		    uuid_time_ms(event));
	if (err == ERR_OK)
		err = counter_add_two(ctx, ctx->actor.application_id, environment,
		    COUNTER_VERIFICATION, ver_status_word(status), COUNTER_USAGE, "");
	return err;
}

enum err verification_create(struct ctx *ctx, const struct verification_new *input,
    const struct id_type *type, struct verification *ret_verification)
{
	const char *provider = input->environment == ENV_SANDBOX ? SANDBOX_DRIVER : type->provider;
	struct outcome outcome = { .decision = { .status = VER_PENDING },
		.completed_at_ms = TIME_NONE,
		.score = DB_NULL };
	struct bill bill = bill_of(ctx, input);
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err != ERR_OK)
		return err;
	outcome.age_band = score_age_band(input->applicant.date_of_birth, uuid_time_ms(id));
	if (input->at_once)
		err = decide_at_once(ctx, input, type, id, &bill, &outcome);
	if (err == ERR_OK)
		err = put_row(ctx, input, provider, id, &bill, &outcome);
	if (err == ERR_OK)
		err = put_usage(ctx, input, id, &bill, outcome.decision.status);
	if (err == ERR_OK && outcome.decision.status == VER_PENDING)
		err = work_put(ctx, WORK_PROVIDER_SUBMIT, id, provider, clock_now_ms());
	if (err != ERR_OK)
		return err;
	struct verification made = { .id = id,
		.status = outcome.decision.status,
		.status_word = ver_status_word(outcome.decision.status),
		.country = input->country,
		.id_type = input->id_type,
		.external_ref = input->external_ref,
		.created_at_ms = uuid_time_ms(id),
		.completed_at_ms = outcome.completed_at_ms,
		.score = outcome.score };
	if (made.status != VER_PENDING)
		err = verification_tell(ctx, ctx->actor.application_id, input->environment, &made);
	/* Last, because it locks what all of the organisation's requests lock. */
	if (err == ERR_OK)
		err = pay(ctx, id, &bill);
	if (err == ERR_OK)
		*ret_verification = made;
	return err;
}

/* ---- showing and erasing ---------------------------------------------------------------------------- */

enum err verification_get(struct ctx *ctx, struct uuid id, struct verification *ret_verification)
{
	struct row_verification_get row;
	struct verification v;
	enum err err = q_verification_get(
	    ctx->db, ctx->arena, ctx->actor.application_id, id, ctx_environment(ctx), &row);

	if (err != ERR_OK)
		return err == ERR_MISSING ? ERR_VERIFICATION_NOT_FOUND : err;
	v = (struct verification){ .id = row.id,
		.status_word = row.status,
		.country = row.country,
		.id_type = row.id_type,
		.external_ref = row.external_ref,
		.created_at_ms = row.created_at,
		.completed_at_ms = row.completed_at,
		.score = row.score };
	if (ver_status_parse(row.status, &v.status) != ERR_OK)
		return ERR_DB_BROKEN;
	*ret_verification = v;
	return ERR_OK;
}

/* An age verification that no provider was asked about is one by its id alone. */
static enum err erase_age(struct ctx *ctx, struct uuid id)
{
	struct audit_entry entry = { .action = AUDIT_VERIFICATION_ERASED,
		.application_id = ctx->actor.application_id,
		.subject_id = id };
	bool erased = false;
	enum err err = age_erase(ctx, ctx->actor.application_id, id, &erased);

	if (err == ERR_AGE_NOT_FOUND)
		return ERR_VERIFICATION_NOT_FOUND;
	/* Once more erases nothing. */
	return err == ERR_OK && erased ? audit_note(ctx, &entry) : err;
}

static enum err erase(struct ctx *ctx, void *arg)
{
	struct uuid id = *(const struct uuid *)arg;
	static const struct decision erased = { .status = VER_ERROR,
		.reason = REASON_ERASED,
		.match_name = DB_NULL,
		.match_dob = MATCH_UNKNOWN };
	struct row_verification_facts row;
	bool decided = false, erased_age;
	enum err err = q_verification_facts(
	    ctx->db, ctx->arena, ctx->actor.application_id, id, ctx_environment(ctx), &row);

	if (err == ERR_MISSING)
		return erase_age(ctx, id);
	if (err == ERR_OK)
		err = verification_decide(ctx, id, &erased, &decided);
	if (err == ERR_OK && decided)
		err = work_drop(ctx, id);
	if (err == ERR_OK)
		err = q_verification_erase(ctx->db, clock_now_ms(), ctx->actor.application_id, id);
	/* The age verification it is the look-up of, where it is one; what a record keeps is refused. */
	if (err == ERR_OK && strcmp(row.kind, ver_kind_word(VERKIND_AGE)) == 0)
		err = age_erase(ctx, ctx->actor.application_id, id, &erased_age);
	/* What its session knows of the person, where it is of one. */
	if (err == ERR_OK)
		err = session_erase(ctx, ctx->actor.application_id, id);
	struct audit_entry entry = { .action = AUDIT_VERIFICATION_ERASED,
		.application_id = ctx->actor.application_id,
		.subject_id = id };
	/* Once more erases nothing. */
	return err == ERR_OK && row.erased_at == TIME_NONE ? audit_note(ctx, &entry) : err;
}

enum err verification_erase(struct ctx *ctx, struct uuid id)
{
	return tx_run(ctx, erase, &id);
}

/* ---- deciding ----------------------------------------------------------------------------------------- */

/* Inside the decider's transaction, where a catalogue that cannot be read must not undo it. */
static int64_t weight_of(struct ctx *ctx, const char *country, const char *id_type)
{
	const struct id_type *type = NULL;

	if (ctx->catalogue == NULL || catalogue_find(ctx, country, id_type, &type) != ERR_OK)
		return WEIGHT_UNKNOWN;
	return type->score_weight;
}

static enum err score_decided(struct ctx *ctx, const struct row_verification_lock *row,
    enum environment environment, const struct decision *decision, int64_t now_ms,
    int64_t *ret_score)
{
	struct score_input facts = { .status = decision->status,
		.id_type_weight = weight_of(ctx, row->country, row->id_type),
		.country = row->country,
		.match_name = decision->match_name,
		.match_dob = decision->match_dob,
		.age_band = row->age_band,
		.decided_at_ms = now_ms };

	return score_keep(
	    ctx, row->application_id, environment, row->id, &facts, row->score_tokens, ret_score);
}

static enum err decide_row(
    struct ctx *ctx, const struct row_verification_lock *row, const struct decision *decision)
{
	int64_t now_ms = clock_now_ms(), score = DB_NULL;
	enum environment environment;
	enum err err = environment_parse(row->environment, &environment);

	/* An erased one was ended by its owner: it is not scored, and not charged for it. */
	if (err == ERR_OK && row->score_requested && decision->reason != REASON_ERASED)
		err = score_decided(ctx, row, environment, decision, now_ms, &score);
	if (err == ERR_OK)
		err = q_verification_decide(ctx->db, ver_status_word(decision->status),
		    ver_reason_word(decision->reason), decision->match_name,
		    match_word(decision->match_dob), score, now_ms, row->application_id, row->id);
	if (err == ERR_OK)
		err = counter_move(ctx, row->application_id, COUNTER_VERIFICATION, row->environment,
		    row->status, ver_status_word(decision->status));
	if (err != ERR_OK)
		return err;
	struct verification decided = { .id = row->id,
		.status = decision->status,
		.status_word = ver_status_word(decision->status),
		.country = row->country,
		.id_type = row->id_type,
		.external_ref = row->external_ref,
		.created_at_ms = row->created_at,
		.completed_at_ms = now_ms,
		.score = score };
	/* One of a session is its attempt's, and told of as such; one of an age verification likewise. */
	if (strcmp(row->kind, ver_kind_word(VERKIND_SESSION)) == 0)
		err = session_attempt_decided(ctx, row->application_id, row->id, decision);
	else if (strcmp(row->kind, ver_kind_word(VERKIND_AGE)) == 0)
		err = age_looked_up(ctx, row->application_id, row->id, decision);
	else
		err = verification_tell(ctx, row->application_id, environment, &decided);
	if (err == ERR_OK && decision->reason == REASON_ERASED)
		err = token_return(ctx, row->application_id, row->id, row->score_tokens,
		    "erased before it was scored");
	return err;
}

enum err verification_decide(
    struct ctx *ctx, struct uuid id, const struct decision *decision, bool *ret_decided)
{
	struct row_verification_lock row;
	enum ver_status status;
	enum err err = q_verification_lock(ctx->db, ctx->arena, id, &row);

	if (err != ERR_OK)
		return err;
	if (ver_status_parse(row.status, &status) != ERR_OK)
		return ERR_DB_BROKEN;
	if (!ver_status_may_move(status, decision->status)) {
		*ret_decided = false;
		return ERR_OK;
	}
	err = decide_row(ctx, &row, decision);
	if (err == ERR_OK)
		*ret_decided = true;
	return err;
}
