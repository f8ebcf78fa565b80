/* SPDX-License-Identifier: Apache-2.0 */
/* age.c: the table of levels, taking age verifications in, and what is known of a person. */
#include "age.h"

#include <string.h>

#include "age_estimate.h"
#include "age_flow.h"
#include "clock.h"
#include "iso_country.h"
#include "limits.h"
#include "media.h"
#include "sealed.h"
#include "str.h"
#include "token.h"
#include "tx.h"
#include "usage.h"
#include "work.h"

#define DAY_MS INT64_C(86400000)
#define PURPOSE "age.document"
#define TEXT_CAP 8000 /* of the row's column, less what sealing adds */

/* ---- the tables ------------------------------------------------------------------------------------ */

#define SENDS(upload) (1U << UPLOAD_##upload)

/* contract/age.md, the table of levels; what is captured: reference four.md section 4.3. */
static const struct age_rule rules[LEVEL__MAX] = {
	[LEVEL_AGE_ONLY] = { .uploads = SENDS(SELFIE),
	    .judge = JUDGE_ESTIMATOR,
	    .expires_after_years = 1 },
	[LEVEL_FULL_AGE] = { .uploads = SENDS(SELFIE) | SENDS(ID_FRONT) | SENDS(ID_BACK),
	    .judge = JUDGE_PROVIDER,
	    .expires_after_years = 1 },
	[LEVEL_FULL_KYC] = { .uploads =
				 SENDS(SELFIE) | SENDS(ID_FRONT) | SENDS(ID_BACK) | SENDS(VIDEO),
	    .judge = JUDGE_PROVIDER,
	    .always_reviewed = true,
	    .makes_record = true },
};

#define PICTURE "image/jpeg,image/png", "must be a picture, JPEG or PNG"
#define VIDEO "video/webm", "must be a video, WebM"

/* What each medium is called, what it may be, and what somebody reads who sent something else. */
static const struct {
	const char *name, *types, *words;
} places[UPLOAD__MAX] = {
	[UPLOAD_SELFIE] = { "selfie", PICTURE },
	[UPLOAD_ID_FRONT] = { "idFront", PICTURE },
	[UPLOAD_ID_BACK] = { "idBack", PICTURE },
	[UPLOAD_VIDEO] = { "video", VIDEO },
};

/* The pages of a passport that matter are one (reference four.md section 4.6). */
static const char *const one_sided[] = { "passport" };

static const struct sealed_member members[] = {
	{ "country", MEMBER_IS(const char *, struct age_document, country) },
	{ "type", MEMBER_IS(const char *, struct age_document, type) },
	{ "number", MEMBER_IS(const char *, struct age_document, number) },
	{ "first_name", MEMBER_IS(const char *, struct age_document, first_name) },
	{ "last_name", MEMBER_IS(const char *, struct age_document, last_name) },
	{ "date_of_birth", MEMBER_IS(const char *, struct age_document, date_of_birth) },
};
static const struct sealed_kind kind = { PURPOSE, TEXT_CAP, sizeof(struct age_document), members,
	countof(members) };

const struct age_rule *age_rule_of(enum age_level level)
{
	return &rules[level];
}

const char *age_upload_name(enum age_upload upload)
{
	return places[upload].name;
}

bool age_needs(enum age_level level, enum age_upload upload, const char *document_type)
{
	for (size_t i = 0; i < countof(one_sided) && document_type != NULL; i++) {
		if (upload == UPLOAD_ID_BACK && strcmp(document_type, one_sided[i]) == 0)
			return false;
	}
	return (rules[level].uploads & 1U << upload) != 0;
}

bool age_needs_document(enum age_level level)
{
	return rules[level].judge == JUDGE_PROVIDER;
}

bool age_satisfies(enum age_level have, enum age_level wanted)
{
	return have >= wanted;
}

enum err age_document_open(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct age_document *ret_document)
{
	return sealed_get(ctx, &kind, id, sealed, ret_document);
}

enum err age_document_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed)
{
	return sealed_again(ctx, kind.purpose, id, sealed, ret_sealed);
}

/* ---- checking -------------------------------------------------------------------------------------- */

static void complain(struct complaint_list *complaints, const char *field, const char *message)
{
	if (complaints->count < complaints->max && field != NULL)
		complaints->items[complaints->count++] =
		    (struct complaint){ .field = field, .message = message };
}

static const char *upload_field(struct ctx *ctx, int upload)
{
	return arena_printf(ctx->arena, "uploads.%s", places[upload].name);
}

static void check_uploads(
    struct ctx *ctx, const struct age_new *input, struct complaint_list *complaints)
{
	const char *type = input->document == NULL ? NULL : input->document->type;

	for (int i = 0; i < UPLOAD__MAX; i++) {
		const char *field = upload_field(ctx, i);
		struct uuid id = input->uploads[i];
		if (uuid_is_nil(id) && age_needs(input->level, (enum age_upload)i, type))
			complain(complaints, field, "is required for this level");
		for (int j = 0; j < i && !uuid_is_nil(id); j++) {
			if (uuid_equal(id, input->uploads[j]))
				complain(complaints, field, "is the same upload as another");
		}
	}
}

/* One row per member of a document that is a text of its own. */
static const struct {
	const char *field;
	size_t offset;
} required[] = {
	{ "document.number", MEMBER_IS(const char *, struct age_document, number) },
	{ "document.firstName", MEMBER_IS(const char *, struct age_document, first_name) },
	{ "document.lastName", MEMBER_IS(const char *, struct age_document, last_name) },
	{ "document.type", MEMBER_IS(const char *, struct age_document, type) },
};

static void check_document(const struct age_document *document, struct complaint_list *complaints)
{
	const char *fault;

	for (size_t i = 0; i < countof(required); i++) {
		const char *value;
		memcpy(&value, (const char *)document + required[i].offset, sizeof(value));
		if (value == NULL || value[0] == '\0')
			complain(complaints, required[i].field, "is required");
	}
	if (document->country == NULL || iso_country_alpha3(document->country) == NULL)
		complain(complaints, "document.country", "must be the code of a country");
	/* A number is what is left without what groups it. */
	if (document->number != NULL && document->number[0] != '\0' &&
	    document->number[strspn(document->number, " -")] == '\0')
		complain(complaints, "document.number", "must not be empty");
	fault = verification_birth_fault(document->date_of_birth);
	if (fault != NULL)
		complain(complaints, "document.dateOfBirth", fault);
}

static bool id_usable(const char *external_id)
{
	size_t len = external_id == NULL ? 0 : strlen(external_id);

	return len > 0 && len <= LIMIT_AGE_EXTERNAL_ID &&
	       strspn(external_id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "._:@-") == len;
}

static enum err check(
    struct ctx *ctx, const struct age_new *input, struct complaint_list *complaints)
{
	size_t before = complaints->count;

	if (!id_usable(input->external_id))
		complain(complaints, "externalId",
		    "must be 1 to 128 letters, digits, or any of . _ : @ -");
	if (!input->consent)
		complain(complaints, "consent", "must be true");
	if (age_needs_document(input->level) && input->document == NULL)
		complain(complaints, "document", "is required for this level");
	if (!age_needs_document(input->level) && input->document != NULL)
		complain(complaints, "document", "is not asked for at this level");
	if (age_needs_document(input->level) && input->document != NULL)
		check_document(input->document, complaints);
	check_uploads(ctx, input, complaints);
	return complaints->count > before ? ERR_VALIDATION : ERR_OK;
}

/* ---- who decides ------------------------------------------------------------------------------------ */

/* What is decided of a submission before it is written. */
struct plan {
	const struct age_new *input;
	struct complaint_list *complaints; /* for what shows itself only while it is written */
	enum environment environment;
	enum age_judge judge;
	enum age_cause cause;
	const struct id_type *type; /* of a look-up */
	struct verification_new lookup;
	struct row_age_hold row;
};

/* Faults of members that were asked for are the person's; a look-up that would need others is none. */
static bool is_theirs(const struct complaint *complaint, const char **ret_field)
{
	static const char *const theirs[][2] = {
		{ "id_number", "document.number" },
		{ "date_of_birth", "document.dateOfBirth" },
	};

	for (size_t i = 0; i < countof(theirs); i++) {
		if (strcmp(complaint->field, theirs[i][0]) == 0) {
			*ret_field = theirs[i][1];
			return true;
		}
	}
	return false;
}

/* A provider is asked where the catalogue covers the document and the answer could be enough. */
static enum err plan_lookup(struct ctx *ctx, struct plan *plan, struct complaint_list *complaints)
{
	const struct age_document *document = plan->input->document;
	struct complaint found[8];
	size_t count = 0, before = complaints->count;

	plan->judge = JUDGE_REVIEWER;
	plan->cause = CAUSE_NOT_COVERED;
	plan->lookup = (struct verification_new){ .kind = VERKIND_AGE,
		.environment = plan->environment,
		.country = document->country,
		.id_type = document->type,
		.applicant = { .id_number = document->number,
		    .first_name = document->first_name,
		    .last_name = document->last_name,
		    .date_of_birth = document->date_of_birth } };
	enum err err = ctx->catalogue == NULL ? ERR_UNSUPPORTED_ID_TYPE
					      : verification_check(ctx, &plan->lookup, found,
						    countof(found), &count, &plan->type);
	if (err == ERR_UNSUPPORTED_ID_TYPE)
		return ERR_OK;
	for (size_t i = 0; i < count; i++) {
		const char *field = NULL;
		if (is_theirs(&found[i], &field))
			complain(complaints, field, found[i].message);
	}
	if (err == ERR_VALIDATION)
		return complaints->count > before ? ERR_VALIDATION : ERR_OK;
	if (err != ERR_OK)
		return err;
	if (age_years(document->date_of_birth, clock_now_ms()) < AGE_YEARS) {
		plan->cause = CAUSE_NOT_OF_AGE;
		return ERR_OK;
	}
	plan->judge = JUDGE_PROVIDER;
	plan->cause = CAUSE_NONE;
	return ERR_OK;
}

static enum err plan_judge(struct ctx *ctx, struct plan *plan, struct complaint_list *complaints)
{
	plan->judge = rules[plan->input->level].judge;
	if (plan->judge == JUDGE_PROVIDER)
		return plan_lookup(ctx, plan, complaints);
	if (!estimator_is_set(ctx->settings)) {
		plan->judge = JUDGE_REVIEWER;
		plan->cause = CAUSE_NO_ESTIMATOR;
	}
	return ERR_OK;
}

/* ---- what is known of a person ------------------------------------------------------------------------ */

static const char *environment_of(const struct ctx *ctx)
{
	return environment_word(ctx->actor.environment);
}

/* The best of those that count, NULL when there is none. */
static enum err best_current(
    struct ctx *ctx, const char *external_id, const struct row_age_hold **ret_row)
{
	struct row_age_current *rows = NULL;
	enum age_level best = LEVEL_AGE_ONLY, level;
	size_t count = 0;
	enum err err = q_age_current(ctx->db, ctx->arena, ctx->actor.application_id,
	    environment_of(ctx), external_id, clock_now_ms(), &rows, &count);

	_Static_assert(sizeof(struct row_age_current) == sizeof(struct row_age_hold),
	    "age verifications are read alike");
	if (err != ERR_OK)
		return err;
	*ret_row = NULL;
	/* The newest come first. */
	for (size_t i = 0; i < count; i++) {
		if (age_level_parse(rows[i].level, &level) != ERR_OK)
			return ERR_DB_BROKEN;
		if (*ret_row == NULL || level > best) {
			*ret_row = (const struct row_age_hold *)(const void *)&rows[i];
			best = level;
		}
	}
	return ERR_OK;
}

enum err age_status_get(struct ctx *ctx, const char *external_id, struct age *ret_age)
{
	const struct row_age_hold *row = NULL;
	struct row_age_newest newest;
	enum err err = best_current(ctx, external_id, &row);

	_Static_assert(sizeof(struct row_age_newest) == sizeof(struct row_age_hold),
	    "age verifications are read alike");
	if (err == ERR_OK && row == NULL) {
		err = q_age_newest(ctx->db, ctx->arena, ctx->actor.application_id,
		    environment_of(ctx), external_id, &newest);
		row = (const struct row_age_hold *)(const void *)&newest;
	}
	if (err == ERR_MISSING)
		return ERR_AGE_NOT_FOUND;
	return err == ERR_OK ? age_fill(ctx, row, ret_age) : err;
}

enum err age_verified(struct ctx *ctx, const char *external_id, const enum age_level *level,
    struct age_standing *ret_standing)
{
	struct age_standing standing = { .expires_at_ms = TIME_NONE };
	const struct row_age_hold *row = NULL;
	enum age_level have;
	enum err err = best_current(ctx, external_id, &row);

	if (err == ERR_OK && row != NULL) {
		err = age_level_parse(row->level, &have) == ERR_OK ? ERR_OK : ERR_DB_BROKEN;
		if (err == ERR_OK && (level == NULL || age_satisfies(have, *level)))
			standing = (struct age_standing){ .is_verified = true,
				.level_word = row->level,
				.expires_at_ms = row->expires_at };
	}
	if (err == ERR_OK)
		*ret_standing = standing;
	return err;
}

/* How long until the oldest of the last so many submissions is a day old. */
static enum err check_attempts(
    struct ctx *ctx, const char *external_id, struct age_eligibility *eligibility)
{
	int64_t now_ms = clock_now_ms(), most = ctx->settings->age_attempts_per_day;
	struct row_age_attempts *rows = NULL;
	size_t count = 0;
	enum err err = q_age_attempts(ctx->db, ctx->arena, ctx->actor.application_id,
	    environment_of(ctx), external_id, uuid_floor(now_ms - DAY_MS + 1), most, &rows, &count);

	if (err != ERR_OK || (int64_t)count < most)
		return err;
	int64_t wait_ms = uuid_time_ms(rows[count - 1].id) + DAY_MS - now_ms;
	*eligibility = (struct age_eligibility){ .reason = REFUSAL_TOO_MANY_ATTEMPTS,
		.retry_after_s = (wait_ms + 999) / 1000 };
	return ERR_OK;
}

enum err age_can_submit(struct ctx *ctx, const char *external_id, const enum age_level *level,
    struct age_eligibility *ret_eligibility)
{
	struct age_eligibility eligibility = { .can_submit = true, .retry_after_s = DB_NULL };
	struct age_standing standing;
	struct row_age_open open;
	enum err err = age_verified(ctx, external_id, level, &standing);

	if (err != ERR_OK)
		return err;
	if (standing.is_verified) {
		eligibility.can_submit = false;
		eligibility.reason = REFUSAL_ALREADY_VERIFIED;
	} else {
		err = q_age_open(ctx->db, ctx->arena, ctx->actor.application_id,
		    environment_of(ctx), external_id, &open);
		eligibility.can_submit = err == ERR_MISSING;
		eligibility.reason = err == ERR_MISSING ? REFUSAL_NONE : REFUSAL_IN_REVIEW;
	}
	if (err == ERR_MISSING)
		err = check_attempts(ctx, external_id, &eligibility);
	if (err == ERR_OK)
		*ret_eligibility = eligibility;
	return err;
}

/* ---- taking in ------------------------------------------------------------------------------------------ */

/* Two submissions of one person come one after the other. */
static enum err hold_person(struct ctx *ctx, const struct age_new *input)
{
	struct age_eligibility eligibility;
	struct row_age_subject_hold row;
	enum err err = q_age_subject_put(ctx->db, ctx->actor.application_id, environment_of(ctx),
	    input->external_id, clock_now_ms());

	if (err == ERR_OK)
		err = q_age_subject_hold(ctx->db, ctx->arena, ctx->actor.application_id,
		    environment_of(ctx), input->external_id, &row);
	if (err == ERR_OK)
		err = age_can_submit(ctx, input->external_id, &input->level, &eligibility);
	return err == ERR_OK && !eligibility.can_submit ? ERR_AGE_NOT_ELIGIBLE : err;
}

/* The id, and where a provider is asked the verification that has it too. */
static enum err begin(struct ctx *ctx, struct plan *plan, struct uuid *ret_id)
{
	struct verification verification;

	if (plan->judge != JUDGE_PROVIDER)
		return uuid_make(ret_id);
	enum err err = verification_create(ctx, &plan->lookup, plan->type, &verification);
	if (err == ERR_OK)
		*ret_id = verification.id;
	return err;
}

static enum err put_row(struct ctx *ctx, struct plan *plan, struct uuid id)
{
	const struct age_new *in = plan->input;
	const struct age_document none = { .country = NULL };
	const struct age_document *document = in->document == NULL ? &none : in->document;
	int64_t now_ms = uuid_time_ms(id);
	struct bytes sealed;
	enum err err = sealed_put(ctx, &kind, id, document, &sealed);

	if (err != ERR_OK)
		return err;
	plan->row = (struct row_age_hold){ .id = id,
		.application_id = ctx->actor.application_id,
		.environment = environment_word(plan->environment),
		.external_id = in->external_id,
		.level = age_level_word(in->level),
		.status = age_status_word(AGE_PENDING),
		.waits_for = age_judge_word(plan->judge),
		.cause = plan->cause == CAUSE_NONE ? NULL : age_cause_word(plan->cause),
		.estimated_age = DB_NULL,
		.country = document->country,
		.document_type = document->type,
		.looked_up = plan->judge == JUDGE_PROVIDER,
		.sealed = sealed,
		.claimed_until = TIME_NONE,
		.expires_at = TIME_NONE,
		.decided_at = TIME_NONE,
		.created_at = now_ms,
		.updated_at = now_ms };
	return q_age_put(ctx->db, plan->row.application_id, id, plan->row.environment,
	    in->external_id, plan->row.level, plan->row.status, plan->row.waits_for,
	    age_cause_word(plan->cause), document->country, document->type, plan->row.looked_up,
	    in->uploads[UPLOAD_SELFIE], in->uploads[UPLOAD_ID_FRONT], in->uploads[UPLOAD_ID_BACK],
	    in->uploads[UPLOAD_VIDEO], sealed,
	    sealed.data == NULL ? DB_NULL : (int64_t)keyring_current(ctx->keyring), ctx->request_id,
	    now_ms, now_ms);
}

static enum err take_uploads(struct ctx *ctx, const struct plan *plan, struct uuid id)
{
	const struct uuid *uploads = plan->input->uploads;
	enum err err = ERR_OK;

	for (int i = 0; i < UPLOAD__MAX && err == ERR_OK; i++) {
		if (!uuid_is_nil(uploads[i]))
			err = media_take(ctx, uploads[i], places[i].types, id);
		if (err == ERR_MEDIA_MISPLACED) {
			complain(plan->complaints, upload_field(ctx, i), places[i].words);
			err = ERR_VALIDATION;
		}
	}
	return err;
}

static enum err start_judge(struct ctx *ctx, const struct plan *plan)
{
	if (plan->judge == JUDGE_ESTIMATOR)
		return work_put(
		    ctx, WORK_AGE_ESTIMATE, plan->row.id, ESTIMATE_LANE, clock_now_ms());
	if (plan->judge == JUDGE_REVIEWER)
		return age_tell(ctx, &plan->row, EVENT_AGE_REVIEW);
	return ERR_OK;
}

static enum err submit(struct ctx *ctx, void *arg)
{
	struct plan *plan = arg;
	int64_t price = token_price(ctx, TOKEN_AGE, plan->environment);
	struct uuid id = UUID_NIL;
	enum err err = hold_person(ctx, plan->input);

	if (err == ERR_OK)
		err = begin(ctx, plan, &id);
	if (err == ERR_OK)
		err = take_uploads(ctx, plan, id);
	if (err == ERR_OK)
		err = put_row(ctx, plan, id);
	if (err == ERR_OK)
		err = start_judge(ctx, plan);
	if (err == ERR_OK)
		err = usage_put(
		    ctx, ctx->actor.application_id, plan->environment, USAGE_AGE, id, price);
	/* Last, because it locks what all of the organisation's requests lock. */
	return err == ERR_OK ? token_take(ctx, TOKEN_AGE, id, price) : err;
}

enum err age_submit(struct ctx *ctx, const struct age_new *input, struct complaint_list *complaints,
    struct age *ret_age)
{
	struct plan plan = {
		.input = input, .complaints = complaints, .environment = ctx->actor.environment
	};
	enum err err = check(ctx, input, complaints);

	if (err == ERR_OK)
		err = plan_judge(ctx, &plan, complaints);
	if (err == ERR_OK)
		err = tx_run(ctx, submit, &plan);
	return err == ERR_OK ? age_fill(ctx, &plan.row, ret_age) : err;
}
