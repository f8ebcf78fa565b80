/* SPDX-License-Identifier: Apache-2.0 */
/* provider.c: the drivers, the judgement, and callbacks. */
#include "provider.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "names.h"
#include "stmt.h"
#include "str.h"
#include "tx.h"
#include "work.h"

#define NAMES_CLEARLY_OTHERS 50 /* percent below which two names are different people */

const struct provider_driver *const provider_drivers[] = { &provider_sandbox, &provider_smile_v1 };
const size_t provider_driver_count = countof(provider_drivers);

const struct provider_driver *provider_driver_find(const char *name)
{
	for (size_t i = 0; i < provider_driver_count; i++) {
		if (strcmp(provider_drivers[i]->name, name) == 0)
			return provider_drivers[i];
	}
	return NULL;
}

/* ---- judging --------------------------------------------------------------------------------------- */

static enum match compare_births(const char *given, const char *registered)
{
	struct date ours, theirs;

	if (registered == NULL || date_parse(registered, &theirs) != ERR_OK)
		return MATCH_NOT_PROVIDED;
	if (given == NULL || date_parse(given, &ours) != ERR_OK)
		return MATCH_UNKNOWN;
	return ours.year == theirs.year && ours.month == theirs.month && ours.day == theirs.day
		   ? MATCH_EXACT
		   : MATCH_NONE;
}

/* "This number exists" is not "this is the person": names and date of birth must fit as well.
 * Clearly somebody else is declined; anything in between is for a person to look at. */
static void judge_comparison(struct ctx *ctx, const struct provider_result *result,
    const struct applicant *applicant, struct decision *decision)
{
	decision->match_dob = compare_births(applicant->date_of_birth, result->date_of_birth);
	decision->match_name = DB_NULL;
	if (result->full_name != NULL)
		decision->match_name = names_match_percent(applicant->first_name,
		    applicant->middle_name, applicant->last_name, result->full_name);
	bool names_fit = decision->match_name != DB_NULL &&
			 decision->match_name >= ctx->settings->name_match_percent;
	bool other_person =
	    decision->match_dob == MATCH_NONE ||
	    (decision->match_name != DB_NULL && decision->match_name < NAMES_CLEARLY_OTHERS);

	if (names_fit && decision->match_dob == MATCH_EXACT) {
		decision->status = VER_APPROVED;
		decision->reason = REASON_NONE;
	} else if (other_person) {
		decision->status = VER_DECLINED;
		decision->reason = REASON_MISMATCH;
	} else {
		decision->status = VER_ERROR;
		decision->reason = REASON_REVIEW;
	}
}

static int64_t percent_of(enum match match)
{
	static const int64_t percents[MATCH__MAX] = { [MATCH_UNKNOWN] = DB_NULL,
		[MATCH_EXACT] = 100,
		[MATCH_PARTIAL] = 80,
		[MATCH_NONE] = 0,
		[MATCH_NOT_PROVIDED] = DB_NULL };

	return percents[match];
}

/* 1021 by policy: names exact, partial or transposed, and date of birth exact or not given. */
static void judge_partial(
    struct ctx *ctx, const struct provider_result *result, struct decision *decision)
{
	bool names_fit = result->names == MATCH_EXACT || result->names == MATCH_PARTIAL;
	bool birth_fits = result->dob == MATCH_EXACT || result->dob == MATCH_NOT_PROVIDED;
	bool approve = strcmp(ctx->settings->smile_partial_match, "approve") == 0;

	if (names_fit && birth_fits && approve) {
		decision->status = VER_APPROVED;
		decision->reason = REASON_NONE;
	} else if (result->names == MATCH_NONE || result->dob == MATCH_NONE) {
		decision->status = VER_DECLINED;
		decision->reason = REASON_MISMATCH;
	} else {
		decision->status = VER_ERROR;
		decision->reason = REASON_REVIEW;
	}
}

void provider_judge(struct ctx *ctx, const struct provider_result *result,
    const struct applicant *applicant, struct decision *ret_decision)
{
	struct decision decision = { .status = VER_ERROR,
		.reason = result->reason,
		.match_name = percent_of(result->names),
		.match_dob = result->dob };

	switch (result->outcome) {
	case OUTCOME_APPROVED:
		decision.status = VER_APPROVED;
		decision.reason = REASON_NONE;
		break;
	case OUTCOME_COMPARE:
		judge_comparison(ctx, result, applicant, &decision);
		break;
	case OUTCOME_PARTIAL:
		judge_partial(ctx, result, &decision);
		break;
	case OUTCOME_DECLINED:
		decision.status = VER_DECLINED;
		break;
	default:
		if (decision.reason == REASON_NONE)
			decision.reason = REASON_UNKNOWN;
	}
	*ret_decision = decision;
}

/* ---- callbacks ------------------------------------------------------------------------------------- */

enum err provider_callback_token(struct ctx *ctx, const char *driver, const char **ret_token)
{
	uint8_t mac[SHA256_SIZE];
	char *text = arena_alloc(ctx->arena, SHA256_SIZE + 1);
	enum err err = text == NULL
			   ? ERR_NOMEM
			   : pepper_mac(ctx->keyring, PEPPER_CALLBACK, driver, strlen(driver), mac);

	if (err != ERR_OK)
		return err;
	/* Half of it: 128 bits that nobody guesses. */
	hex_encode(mac, SHA256_SIZE / 2, text);
	*ret_token = text;
	return ERR_OK;
}

enum err provider_callback_url(struct ctx *ctx, const char *driver, const char **ret_url)
{
	const char *token = NULL, *url = NULL;
	enum err err = ERR_OK;

	if (ctx->settings->public_url[0] != '\0') {
		err = provider_callback_token(ctx, driver, &token);
		if (err == ERR_OK)
			url = arena_printf(ctx->arena, "%s/v1/providers/%s/callback/%s",
			    ctx->settings->public_url, driver, token);
		if (err == ERR_OK && url == NULL)
			err = ERR_NOMEM;
	}
	if (err == ERR_OK)
		*ret_url = url;
	return err;
}

struct callback_note {
	const char *driver;
	struct provider_callback_in in;
};

/* Which verification it is about, if it is one that still waits. */
static enum err correlate(
    struct ctx *ctx, struct callback_note *note, struct uuid *ret_verification_id)
{
	struct row_provider_job_find row;
	enum job_state state;

	if (note->in.verdict != CALLBACK_HINT)
		return ERR_OK;
	enum err err =
	    q_provider_job_find(ctx->db, ctx->arena, note->in.job_id, note->driver, &row);
	if (err == ERR_MISSING) {
		note->in.verdict = CALLBACK_STRANGER;
		return ERR_OK;
	}
	if (err == ERR_OK && job_state_parse(row.state, &state) == ERR_OK &&
	    (state == JOB_DONE || state == JOB_FAILED))
		note->in.verdict = CALLBACK_LATE;
	if (err == ERR_OK)
		*ret_verification_id = row.verification_id;
	return err;
}

static enum err note_callback(struct ctx *ctx, void *arg)
{
	struct callback_note *note = arg;
	struct uuid id, verification_id = UUID_NIL;
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = correlate(ctx, note, &verification_id);
	if (err == ERR_OK)
		err = q_provider_callback_put(ctx->db, id, note->driver,
		    note->in.job_id[0] == '\0' ? NULL : note->in.job_id,
		    note->in.code[0] == '\0' ? NULL : note->in.code,
		    callback_verdict_word(note->in.verdict), uuid_time_ms(id));
	if (err == ERR_OK && note->in.verdict == CALLBACK_HINT)
		err = work_hurry(ctx, WORK_PROVIDER_POLL, verification_id);
	return err;
}

enum err provider_callback_take(
    struct ctx *ctx, const char *driver, const char *token, const char *body, size_t len)
{
	const struct provider_driver *found = provider_driver_find(driver);
	struct callback_note note;
	const char *expected = NULL;

	if (found == NULL || found->callback_read == NULL)
		return ERR_MISSING;
	enum err err = provider_callback_token(ctx, found->name, &expected);
	if (err != ERR_OK)
		return err;
	if (!equal_secret(expected, strlen(expected), token, strlen(token)))
		return ERR_MISSING;
	note = (struct callback_note){ .driver = found->name };
	found->callback_read(ctx, body, len, &note.in);
	return tx_run(ctx, note_callback, &note);
}
