/* SPDX-License-Identifier: Apache-2.0 */
/*
 * r_verify_session.c: what the page behind a session's link asks for (contract/sessions.md, The hosted
 * page). No transaction of the gate's: a session that is found to be past its time is expired, and
 * stays so, also where the request itself is refused for it.
 */
#include "catalogue.h"
#include "redirect.h"
#include "session.h"
#include "sets.h"
#include "web.h"

#include <string.h>

#define NONCE_MIN 16
#define NONCE_MAX 64
#define CLAIM_MAX 64
#define CANCEL_TOKEN_MAX 64

/* ---- what comes in ------------------------------------------------------------------------------ */

struct submit_input {
	const char *nonce;
	const char *consent; /* JSON text */
	const char *country;
	const char *id_type;
	const char *id_number;
	const char *first_name;
	const char *middle_name;
	const char *last_name;
	const char *date_of_birth;
	const char *phone;
	const char *gender;
	const char *bank_code;
};

static const char *const genders[] = { "M", "F" };
static const struct word_list gender_words = { "Gender", countof(genders), genders };

static const struct field submit_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, nonce, "nonce"), .flags = FIELD_REQUIRED,
	    .min = NONCE_MIN, .max = NONCE_MAX, .pattern = "[A-Za-z0-9_-]+",
	    .pattern_words = "must be letters, digits, '-' and '_'",
	    .sentence = "The page's own name for this attempt: sent twice, it is one attempt.",
	    .example = "\"vs_01h455vb4pex5vsknk084sn02q-1\"" },
	{ ROW_TEXT(FIELD_TEXTS, struct submit_input, consent, "consent"), .max = LIMIT_SHARE_FIELDS,
	    .item_max = CLAIM_MAX,
	    .sentence = "The claims that the person agrees to share; all required ones among them.",
	    .example = "[\"document_id\"]" },
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, country, "country"), .flags = FIELD_REQUIRED,
	    .min = 2, .max = 2, .pattern = "[A-Z]{2}",
	    .pattern_words = "must be an ISO 3166-1 alpha-2 code in capitals, such as SN",
	    .sentence = "The country that issued the document, ISO 3166-1 alpha-2.",
	    .example = "\"SN\"" },
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, id_type, "id_type"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = 32, .pattern = "[a-z][a-z0-9_]*",
	    .pattern_words = "must be a document type such as national_id",
	    .sentence = "The kind of document, as the options name it.",
	    .example = "\"national_id\"" },
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, id_number, "id_number"),
	    .flags = FIELD_REQUIRED, .min = 1, .max = LIMIT_ID_NUMBER,
	    .sentence = "The number on the document; spaces and hyphens are ignored.",
	    .example = "\"1234567890123\"" },
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, first_name, "first_name"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_NAME,
	    .sentence = "Given name.", .example = "\"Amara\"" },
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, middle_name, "middle_name"),
	    .flags = FIELD_NULLABLE | FIELD_TRIM, .min = 1, .max = LIMIT_NAME,
	    .sentence = "Middle names." },
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, last_name, "last_name"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_NAME,
	    .sentence = "Family name.", .example = "\"Diallo\"" },
	{ ROW_TEXT(FIELD_DATE, struct submit_input, date_of_birth, "date_of_birth"),
	    .flags = FIELD_REQUIRED,
	    .sentence = "A day in the past, less than 130 years ago, YYYY-MM-DD.",
	    .example = "\"1990-05-15\"" },
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, phone, "phone"), .flags = FIELD_NULLABLE,
	    .min = 4, .max = LIMIT_PHONE, .pattern = "\\+?[0-9]+",
	    .pattern_words = "must be digits, with an optional + in front",
	    .sentence = "The telephone number, where the document needs it." },
	{ ROW_TEXT(FIELD_WORD, struct submit_input, gender, "gender"), .flags = FIELD_NULLABLE,
	    .words = &gender_words, .sentence = "As on the document." },
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, bank_code, "bank_code"),
	    .flags = FIELD_NULLABLE, .min = 1, .max = 16, .pattern = "[A-Za-z0-9]+",
	    .pattern_words = "must be letters and digits",
	    .sentence = "The bank's code, where the document is a bank account." },
};
const struct field_set visit_answers =
    FIELD_SET("PageSubmission", submit_rows, struct submit_input);

struct end_input {
	const char *cancel_token;
};

static const struct field end_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct end_input, cancel_token, "cancel_token"),
	    .flags = FIELD_NULLABLE, .min = 1, .max = CANCEL_TOKEN_MAX,
	    .sentence = "What creating the session answered; not needed with the page's token." },
};
const struct field_set visit_end = FIELD_SET("PageCancellation", end_rows, struct end_input);

/* ---- what goes out ------------------------------------------------------------------------------ */

struct started {
	const char *token;
	int64_t expires_at_ms;
};

static const struct field started_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct started, token, "token"),
	    .sentence = "For `Authorization: Bearer`; the one before works no more.",
	    .example = "\"9dF1cQvUe8Xo0lS5nYt3mKzR7wBgHjPiEaNqVuTsLxM\"" },
	{ ROW_I64(FIELD_TIME, struct started, expires_at_ms, "expires_at"),
	    .sentence = "When it ends unless it is used before.",
	    .example = "\"2026-05-01T11:00:00Z\"" },
};
const struct field_set visit_started = FIELD_SET("PageToken", started_rows, struct started);

/* A claim that the business asks for. */
struct asked {
	const char *claim;
	bool required;
	const char *reason;
};

static const struct field asked_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct asked, claim, "claim"), .sentence = "Its key.",
	    .example = "\"family_name\"" },
	{ ROW_BOOL(struct asked, required, "required"),
	    .sentence = "Whether the person may keep it back." },
	{ ROW_TEXT(FIELD_TEXT, struct asked, reason, "reason"), .flags = FIELD_NULLABLE,
	    .sentence = "Why the business wants it, in its own words; null when it did not say." },
};
static const struct field_set asked_set = FIELD_SET("PageClaim", asked_rows, struct asked);

static const struct field attempt_rows[] = {
	{ ROW_ID(ID_SESSION_ATTEMPT, struct session_attempt, id, "id"),
	    .sentence = "The attempt." },
	{ ROW_TEXT(FIELD_WORD, struct session_attempt, status_word, "status"),
	    .words = &attempt_status_words, .sentence = "How it stands.", .example = "\"failed\"" },
	{ ROW_TEXT(FIELD_TEXT, struct session_attempt, failure_code, "failure_code"),
	    .flags = FIELD_NULLABLE, .sentence = "Why it failed.",
	    .example = "\"document_data_invalid\"" },
	{ ROW_I64(FIELD_TIME, struct session_attempt, completed_at_ms, "completed_at"),
	    .flags = FIELD_NULLABLE, .sentence = "When it ended.",
	    .example = "\"2026-05-01T10:30:04Z\"" },
};
static const struct field_set attempt_set =
    FIELD_SET("PageAttempt", attempt_rows, struct session_attempt);

#define ROW_KNOWN(member, text, words) \
	{ \
		ROW_TEXT(FIELD_TEXT, struct session_subject, member, text), \
		    .flags = FIELD_NULLABLE, .sentence = words \
	}

static const struct field subject_rows[] = {
	ROW_KNOWN(first_name, "first_name", "Given name."),
	ROW_KNOWN(middle_name, "middle_name", "Middle names."),
	ROW_KNOWN(last_name, "last_name", "Family name."),
	ROW_KNOWN(email, "email", "Mail address."),
	ROW_KNOWN(phone, "phone", "Telephone number."),
	ROW_KNOWN(country, "country", "The country that issued the document."),
	ROW_KNOWN(id_type, "id_type", "The kind of document."),
	ROW_KNOWN(id_number, "id_number", "The number on it."),
	ROW_KNOWN(date_of_birth, "date_of_birth", "YYYY-MM-DD."),
	ROW_KNOWN(gender, "gender", "As on the document."),
};
static const struct field_set subject_set =
    FIELD_SET("PageApplicant", subject_rows, struct session_subject);

static const char *const outcomes[] = { "succeeded", "failed" };
static const struct word_list outcome_words = { "PageOutcome", countof(outcomes), outcomes };

/* Without the token all from `outcome` on is null or empty. */
struct shown {
	struct uuid id;
	const char *phase;
	bool is_terminal;
	int64_t completed_at_ms;
	int64_t expires_at_ms;
	const char *redirect_url;
	const char *language;
	const char *organization_name;
	const char *outcome;
	int64_t attempts_left;
	int64_t next_attempt;
	struct session_attempt *attempts;
	size_t attempt_count;
	struct asked *asked;
	size_t asked_count;
	const char *steps;
	struct session_subject subject;
};

static const struct field shown_rows[] = {
	{ ROW_ID(ID_SESSION, struct shown, id, "session_id"), .sentence = "The session." },
	{ ROW_TEXT(FIELD_WORD, struct shown, phase, "status"), .words = &session_phase_words,
	    .sentence = "Where it stands.", .example = "\"created\"" },
	{ ROW_BOOL(struct shown, is_terminal, "is_terminal"),
	    .sentence = "Whether nothing more is to be done." },
	{ ROW_I64(FIELD_TIME, struct shown, completed_at_ms, "completed_at"),
	    .flags = FIELD_NULLABLE, .sentence = "Since when it is terminal." },
	{ ROW_I64(FIELD_TIME, struct shown, expires_at_ms, "expires_at"),
	    .sentence = "Until when it can be completed.", .example = "\"2026-05-01T11:30:00Z\"" },
	{ ROW_TEXT(FIELD_TEXT, struct shown, redirect_url, "redirect_url"), .flags = FIELD_NULLABLE,
	    .sentence = "Where the person goes on, once it is terminal." },
	{ ROW_TEXT(FIELD_TEXT, struct shown, language, "language"), .flags = FIELD_NULLABLE,
	    .sentence = "What the business wants the page to speak; null: what the browser does." },
	{ ROW_TEXT(FIELD_TEXT, struct shown, organization_name, "organization_name"),
	    .sentence = "Who asks.", .example = "\"Acme\"" },
	{ ROW_TEXT(FIELD_WORD, struct shown, outcome, "outcome"), .flags = FIELD_NULLABLE,
	    .words = &outcome_words,
	    .sentence = "How it ended. This, and all below, is told to the page's token alone." },
	{ ROW_I64(FIELD_INT, struct shown, attempts_left, "attempts_left"), .flags = FIELD_NULLABLE,
	    .max = LIMIT_SESSION_FAILURES, .initial = DB_NULL,
	    .sentence = "How many more may fail.", .example = "3" },
	{ ROW_I64(FIELD_INT, struct shown, next_attempt, "next_attempt"), .flags = FIELD_NULLABLE,
	    .max = INT32_MAX, .initial = DB_NULL, .sentence = "The number of the next one.",
	    .example = "1" },
	{ ROW_OBJECTS(struct shown, attempts, attempt_count, &attempt_set, "attempts"),
	    .sentence = "Those made, oldest first." },
	{ ROW_OBJECTS(struct shown, asked, asked_count, &asked_set, "consent"),
	    .sentence = "What the business asks to be told." },
	{ ROW_TEXT(FIELD_WORDS, struct shown, steps, "steps"), .words = &workflow_step_words,
	    .sentence = "What is to be done, in order.", .example = "[\"ID_VERIFICATION\"]" },
	{ ROW_OBJECT(struct shown, subject, &subject_set, "applicant"),
	    .sentence = "What the business knows of the person already." },
};
const struct field_set visit_shown = FIELD_SET("PageSession", shown_rows, struct shown);

struct choices {
	const struct id_type *types;
	size_t count;
};

static const char *const extras[] = { "phone", "middle_name", "gender", "bank_code" };
static const struct word_list extra_words = { "PageExtraField", countof(extras), extras };

static const struct field type_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct id_type, country, "country"),
	    .sentence = "ISO 3166-1 alpha-2.", .example = "\"SN\"" },
	{ ROW_TEXT(FIELD_TEXT, struct id_type, id_type, "id_type"),
	    .sentence = "The kind of document.", .example = "\"national_id\"" },
	{ ROW_TEXT(FIELD_TEXT, struct id_type, pattern, "pattern"),
	    .sentence = "What the whole number must match, spaces and hyphens taken out, whatever "
			"the case; PCRE2.",
	    .example = "\"[0-9]{13,14}\"" },
	{ ROW_TEXT(FIELD_WORDS, struct id_type, extra_fields, "extra_fields"),
	    .words = &extra_words,
	    .sentence = "Members a submission of it must have beyond the usual ones.",
	    .example = "[]" },
};
static const struct field_set type_set = FIELD_SET("PageIdType", type_rows, struct id_type);

static const struct field choice_rows[] = {
	{ ROW_OBJECTS(struct choices, types, count, &type_set, "id_types"),
	    .sentence = "By country and kind." },
};
const struct field_set visit_choices = FIELD_SET("PageOptions", choice_rows, struct choices);

/* ---- the session as it is shown ----------------------------------------------------------------- */

static const char *const outcome_of[SESSION__MAX] = {
	[SESSION_VERIFIED] = "succeeded",
	[SESSION_REJECTED] = "failed",
	[SESSION_FAILED] = "failed",
};

static enum err copy_claim(
    struct arena *arena, const char *claim, const json_t *entry, struct asked *ret_asked)
{
	const char *source = json_get_text(entry, "source");
	const char *reason = json_get_text(entry, "reason");
	bool own =
	    reason != NULL && reason[0] != '\0' && source != NULL && strcmp(source, "default") != 0;

	*ret_asked = (struct asked){ .claim = arena_strdup(arena, claim),
		.required = json_is_true(json_object_get(entry, "required")),
		.reason = own ? arena_strdup(arena, reason) : NULL };
	return ret_asked->claim == NULL || (own && ret_asked->reason == NULL) ? ERR_NOMEM : ERR_OK;
}

/* The share contract as a list. A reason that nobody gave is not shown as one. */
static enum err read_claims(struct arena *arena, const char *text, struct shown *shown)
{
	json_t *fields = NULL, *entry;
	const char *claim;
	enum err err = json_read(text, strlen(text), &fields, NULL);

	if (err == ERR_OK) {
		shown->asked = arena_array(arena, json_object_size(fields), sizeof(*shown->asked));
		err = shown->asked == NULL ? ERR_NOMEM : ERR_OK;
	}
	json_object_foreach(fields, claim, entry)
	{
		if (err == ERR_OK)
			err = copy_claim(arena, claim, entry, &shown->asked[shown->asked_count++]);
	}
	json_decref(fields);
	return err;
}

static enum err add_details(struct arena *arena, const struct session *session, struct shown *shown)
{
	shown->outcome = outcome_of[session->status];
	shown->attempts_left = LIMIT_SESSION_FAILURES - session->failed_count;
	shown->next_attempt = session->attempt_count + 1;
	shown->attempts = session->attempts;
	shown->attempt_count = session->attempts_read;
	shown->steps = session->workflow_steps;
	shown->subject = session->subject;
	return read_claims(arena, session->share_fields, shown);
}

static enum err reply_session(struct web *web)
{
	const struct session *session = web->visit;
	struct shown shown = { .id = session->id,
		.phase = session->phase_word,
		.is_terminal = !session_is_open(session->status),
		.completed_at_ms = session->completed_at_ms,
		.expires_at_ms = session->expires_at_ms,
		.language = session->language,
		.organization_name = session->organization_name,
		.attempts_left = DB_NULL,
		.next_attempt = DB_NULL };
	enum err err = redirect_of(web->arena, session, &shown.redirect_url);

	if (err == ERR_OK && web->visit_entered)
		err = add_details(web->arena, session, &shown);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

/* ---- handlers ----------------------------------------------------------------------------------- */

enum err visit_start(struct web *web)
{
	struct started started;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_SESSION, ERR_SESSION_ID_INVALID, &id);

	if (err == ERR_OK)
		err = session_page_start(&web->ctx, id, &started.token, &started.expires_at_ms);
	return err == ERR_OK ? reply_object(web, &started) : err;
}

enum err visit_status(struct web *web)
{
	return reply_session(web);
}

enum err visit_options(struct web *web)
{
	struct choices choices;
	enum err err = catalogue_list(&web->ctx, &choices.types, &choices.count);

	return err == ERR_OK ? reply_object(web, &choices) : err;
}

/* The texts of a JSON array, which borrow from the arena. */
static enum err read_consent(struct arena *arena, const char *text, struct session_submit *submit)
{
	const char **claims;
	json_t *array = NULL, *item;
	size_t i;
	enum err err = text == NULL ? ERR_OK : json_read(text, strlen(text), &array, NULL);

	if (err != ERR_OK || array == NULL)
		return err;
	claims = arena_array(arena, json_array_size(array), sizeof(*claims));
	json_array_foreach(array, i, item)
	{
		if (claims != NULL)
			claims[i] = arena_strdup(arena, json_string_value(item));
	}
	submit->selected = claims;
	submit->selected_count = json_array_size(array);
	json_decref(array);
	return arena_overflowed(arena) ? ERR_NOMEM : ERR_OK;
}

enum err visit_submit(struct web *web)
{
	const struct submit_input *in = WEB_INPUT(web, struct submit_input);
	struct session_submit submit = { .nonce = in->nonce,
		.country = in->country,
		.id_type = in->id_type,
		.applicant = { .id_number = in->id_number,
		    .first_name = in->first_name,
		    .middle_name = in->middle_name,
		    .last_name = in->last_name,
		    .date_of_birth = in->date_of_birth,
		    .phone = in->phone,
		    .gender = in->gender,
		    .bank_code = in->bank_code } };
	struct complaint_list complaints = { .items = web->complaints.items,
		.max = countof(web->complaints.items) };
	enum err err = read_consent(web->arena, in->consent, &submit);

	if (err == ERR_OK)
		err = session_page_submit(&web->ctx, web->visit, &submit, &complaints);
	web->complaints.count = complaints.count;
	return err == ERR_OK ? reply_session(web) : err;
}

enum err visit_cancel(struct web *web)
{
	const char *token = WEB_INPUT(web, struct end_input)->cancel_token;

	if (web->visit_entered)
		return session_page_abandon(&web->ctx, web->visit);
	if (token == NULL)
		return ERR_CANCEL_TOKEN_INVALID;
	return session_page_cancel(&web->ctx, web->visit->id, token);
}
