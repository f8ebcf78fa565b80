/* SPDX-License-Identifier: Apache-2.0 */
/* age_decide.c: what becomes of age verifications: by a look-up, by a reviewer, by time, by erasing. */
#include "age_flow.h"

#include <string.h>

#include "clock.h"
#include "event.h"
#include "id.h"
#include "limits.h"
#include "media.h"
#include "record.h"
#include "tx.h"
#include "work.h"

#define DAY_MS INT64_C(86400000)

/* ---- as it is shown -------------------------------------------------------------------------------- */

int age_years(const char *date_of_birth, int64_t at_ms)
{
	struct date birth;

	if (date_of_birth == NULL || date_parse(date_of_birth, &birth) != ERR_OK)
		return -1;
	return date_years_between(birth, date_of(at_ms));
}

int64_t age_years_later(int64_t from_ms, int64_t years)
{
	struct date day = date_of(from_ms);
	char text[TIME_TEXT_SIZE];
	int64_t to_ms = from_ms;
	bool is_date = false;

	/* The day is one of that year in every case: 29 February steps back. */
	if (day.month == 2 && day.day == 29)
		from_ms -= DAY_MS;
	time_text_ms(from_ms, text);
	int64_t year = day.year + years;
	for (int i = 3; i >= 0; i--, year /= 10)
		text[i] = (char)('0' + year % 10);
	return time_parse(text, &to_ms, &is_date) == ERR_OK ? to_ms : from_ms;
}

bool age_is_open(const struct row_age_hold *row)
{
	return strcmp(row->status, age_status_word(AGE_PENDING)) == 0 ||
	       strcmp(row->status, age_status_word(AGE_UNDER_REVIEW)) == 0;
}

enum err age_fill(struct ctx *ctx, const struct row_age_hold *row, struct age *ret_age)
{
	struct age age = { .id = row->id,
		.external_id = row->external_id,
		.estimated_age = row->estimated_age,
		.country = row->country,
		.expires_at_ms = row->expires_at,
		.created_at_ms = row->created_at,
		.updated_at_ms = row->updated_at };
	struct age_document document = { .country = NULL };
	enum err err = ERR_OK;

	if (age_status_parse(row->status, &age.status) != ERR_OK ||
	    age_level_parse(row->level, &age.level) != ERR_OK)
		return ERR_DB_BROKEN;
	/* One whose time has come has expired, also when nobody has noticed yet. */
	bool approved = age.status == AGE_APPROVED || age.status == AGE_EXPIRED;
	if (age.status == AGE_APPROVED && row->expires_at != TIME_NONE &&
	    row->expires_at <= clock_now_ms())
		age.status = AGE_EXPIRED;
	age.is_verified = age.status == AGE_APPROVED;
	age.status_word = age_status_word(age.status);
	age.level_word = age_level_word(age.level);
	if (approved && row->sealed.data != NULL)
		err = age_document_open(ctx, row->id, row->sealed, &document);
	age.verified_dob = document.date_of_birth;
	if (err == ERR_OK)
		*ret_age = age;
	return err;
}

/* ---- telling ----------------------------------------------------------------------------------------- */

/* contract/webhooks.md: the object as GET shows it, without what is personal. */
enum err age_tell(struct ctx *ctx, const struct row_age_hold *row, enum event_type type)
{
	char id[ID_TEXT_SIZE], when[TIME_TEXT_SIZE], created[TIME_TEXT_SIZE],
	    updated[TIME_TEXT_SIZE];
	enum environment environment;

	if (environment_parse(row->environment, &environment) != ERR_OK)
		return ERR_DB_BROKEN;
	id_text(ID_VERIFICATION, row->id, id);
	if (row->expires_at != TIME_NONE)
		time_text(row->expires_at, when);
	time_text(row->created_at, created);
	time_text(row->updated_at, updated);
	struct event_new event = { .type = type,
		.trigger = TRIGGER_AGE,
		.trigger_id = row->id,
		.environment = environment,
		.data = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s?, s:s, s:s}", "verificationId", id,
		    "externalId", row->external_id, "status", row->status, "level", row->level,
		    "isVerified", strcmp(row->status, age_status_word(AGE_APPROVED)) == 0,
		    "expiresAt", row->expires_at == TIME_NONE ? NULL : when, "createdAt", created,
		    "updatedAt", updated) };

	return event_put(ctx, row->application_id, &event, NULL);
}

/* ---- deciding ---------------------------------------------------------------------------------------- */

enum err age_to_review(
    struct ctx *ctx, const struct row_age_hold *row, enum age_cause cause, int64_t estimated_age)
{
	struct row_age_hold now = *row;
	uint64_t changed = 0;

	now.updated_at = clock_now_ms();
	enum err err = q_age_wait(ctx->db, age_judge_word(JUDGE_REVIEWER), age_cause_word(cause),
	    estimated_age, now.updated_at, row->application_id, row->id, &changed);

	if (err == ERR_OK && changed != 1)
		err = ERR_STATE;
	now.waits_for = age_judge_word(JUDGE_REVIEWER);
	return err == ERR_OK ? age_tell(ctx, &now, EVENT_AGE_REVIEW) : err;
}

static enum err make_record(struct ctx *ctx, const struct row_age_hold *row, int64_t now_ms)
{
	struct age_document document;
	enum err err = age_document_open(ctx, row->id, row->sealed, &document);

	return err == ERR_OK ? record_make(ctx, row, &document, now_ms) : err;
}

enum err age_settle(
    struct ctx *ctx, const struct row_age_hold *row, const struct age_verdict *verdict)
{
	int64_t now_ms = clock_now_ms(), expires_at_ms = TIME_NONE, purge_at_ms;
	struct row_age_hold now = *row;
	enum age_status from;
	enum age_level level;
	uint64_t changed = 0;

	if (age_status_parse(row->status, &from) != ERR_OK ||
	    age_level_parse(row->level, &level) != ERR_OK)
		return ERR_DB_BROKEN;
	if (!age_status_may_move(from, verdict->status))
		return ERR_STATE;
	const struct age_rule *rule = age_rule_of(level);
	bool approved = verdict->status == AGE_APPROVED;
	if (approved && rule->expires_after_years > 0)
		expires_at_ms = age_years_later(now_ms, rule->expires_after_years);
	purge_at_ms = (expires_at_ms == TIME_NONE ? now_ms : expires_at_ms) +
		      ctx->settings->age_keep_days * DAY_MS;
	bool kept = approved && rule->makes_record;
	enum err err = q_age_settle(ctx->db, age_status_word(verdict->status),
	    age_judge_word(verdict->by), age_cause_word(verdict->cause), verdict->estimated_age,
	    expires_at_ms, kept ? TIME_NONE : purge_at_ms, now_ms, now_ms, row->application_id,
	    row->id, &changed);
	if (err == ERR_OK && changed != 1)
		err = ERR_STATE;
	if (err == ERR_OK && kept)
		err = make_record(ctx, row, now_ms);
	now.status = age_status_word(verdict->status);
	now.expires_at = expires_at_ms;
	now.updated_at = now_ms;
	return err == ERR_OK ? age_tell(ctx, &now, EVENT_AGE_COMPLETED) : err;
}

/* ---- by a look-up ------------------------------------------------------------------------------------ */

/* The provider is content with the person and with the very date of birth, by which they are of age. */
static enum err is_of_age(struct ctx *ctx, const struct row_age_hold *row,
    const struct decision *decision, enum age_cause *ret_cause)
{
	struct age_document document;

	*ret_cause = CAUSE_NOT_CONFIRMED;
	if (decision->status != VER_APPROVED || decision->match_dob != MATCH_EXACT)
		return ERR_OK;
	enum err err = age_document_open(ctx, row->id, row->sealed, &document);
	if (err == ERR_OK)
		*ret_cause = age_years(document.date_of_birth, clock_now_ms()) < AGE_YEARS
				 ? CAUSE_NOT_OF_AGE
				 : CAUSE_NONE;
	return err;
}

enum err age_looked_up(
    struct ctx *ctx, struct uuid application_id, struct uuid id, const struct decision *decision)
{
	const struct age_verdict approved = {
		.status = AGE_APPROVED, .by = JUDGE_PROVIDER, .estimated_age = DB_NULL
	};
	struct row_age_hold row;
	enum age_level level;
	enum age_cause cause;
	enum err err = q_age_hold(ctx->db, ctx->arena, application_id, id, &row);

	if (err == ERR_MISSING)
		return ERR_OK;
	/* Whoever erases it ends it as well. */
	if (err != ERR_OK || !age_is_open(&row) || decision->reason == REASON_ERASED)
		return err;
	if (age_level_parse(row.level, &level) != ERR_OK)
		return ERR_DB_BROKEN;
	err = is_of_age(ctx, &row, decision, &cause);
	if (err == ERR_OK && cause == CAUSE_NONE && age_rule_of(level)->always_reviewed)
		cause = CAUSE_ALWAYS;
	if (err != ERR_OK)
		return err;
	return cause == CAUSE_NONE ? age_settle(ctx, &row, &approved)
				   : age_to_review(ctx, &row, cause, DB_NULL);
}

/* ---- by erasing -------------------------------------------------------------------------------------- */

static enum err forget(struct ctx *ctx, const struct row_age_hold *row, bool *ret_forgot)
{
	uint64_t changed = 0;
	enum err err = q_age_erase(ctx->db, clock_now_ms(), row->application_id, row->id, &changed);

	*ret_forgot = changed > 0;

	if (err == ERR_OK && row->looked_up)
		err = q_verification_erase(ctx->db, clock_now_ms(), row->application_id, row->id);
	return err == ERR_OK ? media_drop(ctx, row->id) : err;
}

enum err age_erase(struct ctx *ctx, struct uuid application_id, struct uuid id, bool *ret_erased)
{
	const struct age_verdict ended = { .status = AGE_RESUBMIT,
		.by = JUDGE_NONE,
		.cause = CAUSE_ERASED,
		.estimated_age = DB_NULL };
	struct row_age_hold row;
	bool keeps = false;
	enum err err = q_age_hold(ctx->db, ctx->arena, application_id, id, &row);

	if (err == ERR_MISSING || (err == ERR_OK && ctx_environment(ctx) != NULL &&
				      strcmp(row.environment, ctx_environment(ctx)) != 0))
		return ERR_AGE_NOT_FOUND;
	if (err == ERR_OK)
		err = record_keeps(ctx, application_id, id, &keeps);
	if (err == ERR_OK && keeps)
		err = ERR_RECORD_KEPT;
	if (err == ERR_OK && age_is_open(&row))
		err = age_settle(ctx, &row, &ended);
	if (err == ERR_OK)
		err = work_drop(ctx, id);
	return err == ERR_OK ? forget(ctx, &row, ret_erased) : err;
}

/* ---- by time ----------------------------------------------------------------------------------------- */

enum err age_expire(struct ctx *ctx, int64_t max, uint64_t *ret_expired)
{
	struct row_age_overdue *rows = NULL;
	int64_t now_ms = clock_now_ms();
	uint64_t expired = 0;
	size_t count = 0;
	enum err err = q_age_overdue(ctx->db, ctx->arena, now_ms, max, &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		uint64_t changed = 0;
		err = q_age_expire(
		    ctx->db, now_ms, rows[i].application_id, rows[i].id, now_ms, &changed);
		expired += changed;
	}
	if (err == ERR_OK)
		*ret_expired = expired;
	return err;
}

static enum err purge_one(struct ctx *ctx, void *arg)
{
	const struct row_age_purgeable *named = arg;
	struct row_age_hold row;
	bool keeps = false, forgot;
	enum err err = q_age_hold(ctx->db, ctx->arena, named->application_id, named->id, &row);

	if (err == ERR_OK)
		err = record_keeps(ctx, row.application_id, row.id, &keeps);
	/* What a record is made of has no such time; should it have one, it still stays. */
	if (err == ERR_MISSING || (err == ERR_OK && (keeps || age_is_open(&row))))
		return ERR_OK;
	return err == ERR_OK ? forget(ctx, &row, &forgot) : err;
}

enum err age_purge(struct ctx *ctx, int64_t max, uint64_t *ret_purged)
{
	struct row_age_purgeable *rows = NULL;
	uint64_t purged = 0;
	size_t count = 0;
	enum err first = ERR_OK;
	enum err err = q_age_purgeable(ctx->db, ctx->arena, clock_now_ms(), max, &rows, &count);

	if (err != ERR_OK)
		return err;
	/* One that cannot be purged stops no other. */
	for (size_t i = 0; i < count; i++) {
		err = tx_run(ctx, purge_one, &rows[i]);
		purged += err == ERR_OK;
		first = first == ERR_OK ? err : first;
	}
	*ret_purged = purged;
	return first;
}
