/* SPDX-License-Identifier: Apache-2.0 */
/*
 * r_age.c: age verifications and the records of performers (contract/age.md). Who a person is to the
 * customer stands in the path. A text there that can be nobody's is answered as somebody unknown is.
 */
#include "age.h"
#include "record.h"
#include "sets.h"
#include "web.h"

#include <string.h>

#define ALIASES_CAP (LIMIT_RECORD_ALIASES * (4 * LIMIT_NAME + 3) + 2) /* as JSON text, at most */
#define RECORD_REST 4096 /* what else a record's reply may have */

_Static_assert(ALIASES_CAP + RECORD_REST <= LIMIT_KEPT_REPLY,
    "a record with all the names it can have is kept for its Idempotency-Key");

/* ---- what comes in ------------------------------------------------------------------------------ */

struct uploads_input {
	struct uuid selfie;
	struct uuid id_front;
	struct uuid id_back;
	struct uuid video;
};

#define ROW_UPLOAD(member, text, words) \
	{ \
		ROW_ID(ID_MEDIA, struct uploads_input, member, text), .flags = FIELD_NULLABLE, \
								      .sentence = words \
	}

static const struct field uploads_rows[] = {
	ROW_UPLOAD(selfie, "selfie", "A picture of the face, JPEG or PNG."),
	ROW_UPLOAD(id_front, "idFront", "The front of the document, JPEG or PNG."),
	ROW_UPLOAD(id_back, "idBack", "Its back, JPEG or PNG; a passport has none."),
	ROW_UPLOAD(video, "video", "A video of the face, WebM."),
};
static const struct field_set uploads_set =
    FIELD_SET("AgeUploads", uploads_rows, struct uploads_input);

static const struct field document_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct age_document, country, "country"), .flags = FIELD_REQUIRED,
	    .min = 2, .max = 2, .pattern = "[A-Z]{2}",
	    .pattern_words = "must be an ISO 3166-1 alpha-2 code in capitals, such as SN",
	    .sentence = "The country that issued it, ISO 3166-1 alpha-2.", .example = "\"SN\"" },
	{ ROW_TEXT(FIELD_TEXT, struct age_document, type, "type"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = 32, .pattern = "[a-z][a-z0-9_]*",
	    .pattern_words = "must be a document type such as national_id",
	    .sentence = "The kind of document.", .example = "\"national_id\"" },
	{ ROW_TEXT(FIELD_TEXT, struct age_document, number, "number"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = LIMIT_ID_NUMBER,
	    .sentence = "The number on it; spaces and hyphens are ignored.",
	    .example = "\"1234567890123\"" },
	{ ROW_TEXT(FIELD_TEXT, struct age_document, first_name, "firstName"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_NAME,
	    .sentence = "Given name.", .example = "\"Amara\"" },
	{ ROW_TEXT(FIELD_TEXT, struct age_document, last_name, "lastName"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_NAME,
	    .sentence = "Family name.", .example = "\"Diallo\"" },
	{ ROW_TEXT(FIELD_DATE, struct age_document, date_of_birth, "dateOfBirth"),
	    .flags = FIELD_REQUIRED,
	    .sentence = "A day in the past, less than 130 years ago, YYYY-MM-DD.",
	    .example = "\"1990-05-15\"" },
};
static const struct field_set document_set =
    FIELD_SET("AgeDocument", document_rows, struct age_document);

struct submit_input {
	const char *external_id;
	const char *level;
	bool consent;
	struct uploads_input uploads;
	struct age_document document; /* without a country: none */
};

#define EXTERNAL_ID_WORDS "must be letters, digits and any of . _ : @ -"

static const struct field submit_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct submit_input, external_id, "externalId"),
	    .flags = FIELD_REQUIRED, .min = 1, .max = LIMIT_AGE_EXTERNAL_ID,
	    .pattern = EXTERNAL_ID_FORM, .pattern_words = EXTERNAL_ID_WORDS,
	    .sentence = "Who the person is to you.", .example = "\"user_abc123\"" },
	{ ROW_TEXT(FIELD_WORD, struct submit_input, level, "level"), .flags = FIELD_REQUIRED,
	    .words = &age_level_words, .sentence = "What is to be found out.",
	    .example = "\"age_only\"" },
	{ ROW_BOOL(struct submit_input, consent, "consent"), .flags = FIELD_REQUIRED,
	    .sentence = "True: the person agrees to what follows.", .example = "true" },
	{ ROW_OBJECT(struct submit_input, uploads, &uploads_set, "uploads"),
	    .flags = FIELD_REQUIRED,
	    .sentence =
		"The media, each uploaded before and used once. Which of them there must be "
		"depends on the level.",
	    .example = "{\"selfie\":\"med_01h455vb4pex5vsknk084sn02q\"}" },
	{ ROW_OBJECT(struct submit_input, document, &document_set, "document"),
	    .flags = FIELD_NULLABLE,
	    .sentence =
		"What stands on the document: for full_age and full_kyc, and not for age_only." },
};
const struct field_set age_request =
    FIELD_SET("AgeSubmissionRequest", submit_rows, struct submit_input);

struct level_query {
	const char *level;
};

static const struct field query_rows[] = {
	{ ROW_TEXT(FIELD_WORD, struct level_query, level, "level"), .words = &age_level_words,
	    .sentence = "For this level, or one that satisfies it; without it any level counts." },
};
const struct field_set age_query = FIELD_SET("AgeQuery", query_rows, struct level_query);

struct alias_input {
	const char *alias;
};

static const struct field alias_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct alias_input, alias, "alias"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_NAME,
	    .sentence = "Another name that the performer is known by.",
	    .example = "\"Stage Name\"" },
};
const struct field_set alias_request = FIELD_SET("AliasRequest", alias_rows, struct alias_input);

/* ---- what goes out ------------------------------------------------------------------------------ */

static const struct field made_rows[] = {
	{ ROW_ID(ID_VERIFICATION, struct age, id, "verificationId"),
	    .sentence = "This submission." },
	{ ROW_TEXT(FIELD_TEXT, struct age, external_id, "externalId"),
	    .sentence = "Who the person is to you.", .example = "\"user_abc123\"" },
	{ ROW_TEXT(FIELD_WORD, struct age, status_word, "status"), .words = &age_status_words,
	    .sentence = "How it stands.", .example = "\"pending\"" },
};
const struct field_set age_made = FIELD_SET("AgeSubmission", made_rows, struct age);

/* contract/age.md: the seed's ten, in its order. */
static const struct field status_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct age, external_id, "externalId"),
	    .sentence = "Who the person is to you.", .example = "\"user_abc123\"" },
	{ ROW_TEXT(FIELD_WORD, struct age, status_word, "status"), .words = &age_status_words,
	    .sentence = "Of the best current verification, else of the newest.",
	    .example = "\"approved\"" },
	{ ROW_TEXT(FIELD_WORD, struct age, level_word, "level"), .words = &age_level_words,
	    .sentence = "What it finds out.", .example = "\"full_age\"" },
	{ ROW_BOOL(struct age, is_verified, "isVerified"),
	    .sentence = "Whether it is approved and has not expired.", .example = "true" },
	{ ROW_TEXT(FIELD_DATE, struct age, verified_dob, "verifiedDob"), .flags = FIELD_NULLABLE,
	    .sentence = "The date of birth, once a document was approved.",
	    .example = "\"1995-03-15\"" },
	{ ROW_I64(FIELD_INT, struct age, estimated_age, "estimatedAge"), .flags = FIELD_NULLABLE,
	    .max = LIMIT_AGE_YEARS, .initial = DB_NULL,
	    .sentence = "In whole years, where it was estimated.", .example = "null" },
	{ ROW_TEXT(FIELD_TEXT, struct age, country, "documentCountry"), .flags = FIELD_NULLABLE,
	    .sentence = "Which country issued the document, ISO 3166-1 alpha-2.",
	    .example = "\"DE\"" },
	{ ROW_I64(FIELD_TIME, struct age, expires_at_ms, "expiresAt"), .flags = FIELD_NULLABLE,
	    .sentence = "Until when it counts; null: for good, or not at all.",
	    .example = "\"2027-02-06T00:00:00Z\"" },
	{ ROW_I64(FIELD_TIME, struct age, created_at_ms, "createdAt"),
	    .sentence = "When it was submitted.", .example = "\"2026-02-06T10:30:00Z\"" },
	{ ROW_I64(FIELD_TIME, struct age, updated_at_ms, "updatedAt"),
	    .sentence = "When it last changed.", .example = "\"2026-02-06T11:15:00Z\"" },
};
const struct field_set age_shown = FIELD_SET("AgeStatus", status_rows, struct age);

static const struct field standing_rows[] = {
	{ ROW_BOOL(struct age_standing, is_verified, "verified"),
	    .sentence = "Whether the person is, at the level asked for.", .example = "true" },
	{ ROW_TEXT(FIELD_WORD, struct age_standing, level_word, "level"), .flags = FIELD_NULLABLE,
	    .words = &age_level_words, .sentence = "The level of the best current verification.",
	    .example = "\"full_age\"" },
	{ ROW_I64(FIELD_TIME, struct age_standing, expires_at_ms, "expiresAt"),
	    .flags = FIELD_NULLABLE, .sentence = "Until when; null: for good, or not at all.",
	    .example = "\"2027-02-06T00:00:00Z\"" },
};
const struct field_set age_verdict = FIELD_SET("AgeVerified", standing_rows, struct age_standing);

struct eligibility_shown {
	bool can_submit;
	const char *reason;
	int64_t retry_after_s;
};

static const struct field eligibility_rows[] = {
	{ ROW_BOOL(struct eligibility_shown, can_submit, "canSubmit"),
	    .sentence = "Whether a submission would be taken.", .example = "false" },
	{ ROW_TEXT(FIELD_WORD, struct eligibility_shown, reason, "reason"), .flags = FIELD_NULLABLE,
	    .words = &age_refusal_words, .sentence = "Why it would not.",
	    .example = "\"too_many_attempts\"" },
	{ ROW_I64(FIELD_INT, struct eligibility_shown, retry_after_s, "retryAfter"),
	    .flags = FIELD_NULLABLE, .max = INT32_MAX, .initial = DB_NULL,
	    .sentence = "Seconds after which it would, where that is known.", .example = "3600" },
};
const struct field_set age_eligible =
    FIELD_SET("AgeEligibility", eligibility_rows, struct eligibility_shown);

struct record_shown {
	struct record record;
	const char *aliases; /* JSON text */
};

static const struct field record_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct record_shown, record.external_id, "externalCreatorId"),
	    .sentence = "Who the performer is to you.", .example = "\"creator_42\"" },
	{ ROW_TEXT(FIELD_TEXT, struct record_shown, record.person.legal_name, "legalName"),
	    .sentence = "As on the document.", .example = "\"Amara Diallo\"" },
	{ ROW_TEXT(FIELD_DATE, struct record_shown, record.person.date_of_birth, "dateOfBirth"),
	    .sentence = "As on the document.", .example = "\"1990-05-15\"" },
	{ ROW_TEXT(FIELD_TEXT, struct record_shown, record.person.document_type, "documentType"),
	    .sentence = "The kind of document.", .example = "\"national_id\"" },
	{ ROW_TEXT(
	      FIELD_TEXT, struct record_shown, record.person.document_country, "documentCountry"),
	    .sentence = "Which country issued it, ISO 3166-1 alpha-2.", .example = "\"SN\"" },
	{ ROW_TEXT(FIELD_TEXT, struct record_shown, record.number_last4, "documentNumberLast4"),
	    .sentence = "The end of its number.", .example = "\"0123\"" },
	{ ROW_I64(FIELD_TIME, struct record_shown, record.verified_at_ms, "verifiedAt"),
	    .sentence = "When the performer was verified.", .example = "\"2026-02-06T11:15:00Z\"" },
	{ ROW_TEXT(FIELD_TEXTS, struct record_shown, aliases, "aliases"), .item_max = LIMIT_NAME,
	    .max = LIMIT_RECORD_ALIASES, .sentence = "Other names, in the order they were given.",
	    .example = "[\"Stage Name\"]" },
	{ ROW_BOOL(struct record_shown, record.is_active, "active"),
	    .sentence = "False: nothing new may be linked with it.", .example = "true" },
	{ ROW_I64(FIELD_TIME, struct record_shown, record.retain_until_ms, "retainUntil"),
	    .sentence = "Until when it must be kept at least.",
	    .example = "\"2033-02-06T11:15:00Z\"" },
};
const struct field_set record_full = FIELD_SET("PerformerRecord", record_rows, struct record_shown);

/* ---- age verifications -------------------------------------------------------------------------- */

/* Who the path is about; what can be nobody's name is `missing`. */
static enum err person_of(const struct web *web, enum err missing, const char **ret_external_id)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:@-";
	const char *text = web->params[0];
	size_t len = strlen(text);

	if (len == 0 || len > LIMIT_AGE_EXTERNAL_ID || strspn(text, letters) != len)
		return missing;
	*ret_external_id = text;
	return ERR_OK;
}

/* The level that is asked for; NULL: any. The word is one of ours: a row has let it through. */
static const enum age_level *level_of(const struct level_query *query, enum age_level *level)
{
	return query->level != NULL && age_level_parse(query->level, level) == ERR_OK ? level
										      : NULL;
}

enum err age_make(struct web *web)
{
	const struct submit_input *in = WEB_INPUT(web, struct submit_input);
	struct complaint_list faults = { .items = web->complaints.items,
		.max = countof(web->complaints.items) };
	struct age_new new = { .external_id = in->external_id,
		.consent = in->consent,
		.uploads = { [UPLOAD_SELFIE] = in->uploads.selfie,
		    [UPLOAD_ID_FRONT] = in->uploads.id_front,
		    [UPLOAD_ID_BACK] = in->uploads.id_back,
		    [UPLOAD_VIDEO] = in->uploads.video },
		.document = in->document.country == NULL ? NULL : &in->document };
	struct age age;
	enum err err = age_level_parse(in->level, &new.level);

	if (err != ERR_OK)
		return err;
	err = age_submit(&web->ctx, &new, &faults, &age);
	web->complaints.count = faults.count;
	return err == ERR_OK ? reply_object(web, &age) : err;
}

enum err age_status_show(struct web *web)
{
	const char *person;
	struct age age;
	enum err err = person_of(web, ERR_AGE_NOT_FOUND, &person);

	if (err == ERR_OK)
		err = age_status_get(&web->ctx, person, &age);
	return err == ERR_OK ? reply_object(web, &age) : err;
}

enum err age_verified_show(struct web *web)
{
	struct age_standing standing = { .expires_at_ms = TIME_NONE };
	const char *person;
	enum age_level level;
	enum err err = person_of(web, ERR_AGE_NOT_FOUND, &person);

	if (err == ERR_OK)
		err = age_verified(&web->ctx, person,
		    level_of(WEB_QUERY(web, struct level_query), &level), &standing);
	/* contract/age.md: somebody unknown is not verified. */
	return err == ERR_OK || err == ERR_AGE_NOT_FOUND ? reply_object(web, &standing) : err;
}

enum err age_eligible_show(struct web *web)
{
	struct age_eligibility found;
	const char *person;
	enum age_level level;

	/* Who has no name that a submission could have cannot submit: that is the caller's fault. */
	if (person_of(web, ERR_VALIDATION, &person) != ERR_OK)
		return web_complain(web, "externalId", EXTERNAL_ID_WORDS);
	enum err err = age_can_submit(
	    &web->ctx, person, level_of(WEB_QUERY(web, struct level_query), &level), &found);
	if (err != ERR_OK)
		return err;
	struct eligibility_shown shown = { .can_submit = found.can_submit,
		.reason = found.reason == REFUSAL_NONE ? NULL : age_refusal_word(found.reason),
		.retry_after_s = found.retry_after_s };
	return reply_object(web, &shown);
}

/* ---- records of performers ---------------------------------------------------------------------- */

/* The names as JSON text. */
static enum err write_aliases(
    struct arena *arena, const struct record *record, const char **ret_text)
{
	json_t *array = json_array();
	struct buf text;

	for (size_t i = 0; i < record->alias_count; i++)
		json_array_append_new(array, json_string(record->aliases[i]));
	buf_init(&text, ALIASES_CAP);
	enum err err = array == NULL ? ERR_NOMEM : json_write(array, &text);
	const char *copy = err == ERR_OK ? arena_strdup(arena, buf_str(&text)) : NULL;
	buf_free(&text);
	json_decref(array);
	if (copy == NULL)
		return err == ERR_OK ? ERR_NOMEM : err;
	*ret_text = copy;
	return ERR_OK;
}

static enum err reply_record(struct web *web, const struct record *record)
{
	struct record_shown shown = { .record = *record };
	enum err err = write_aliases(web->arena, record, &shown.aliases);

	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err record_show(struct web *web)
{
	const char *person;
	struct record record;
	enum err err = person_of(web, ERR_RECORD_NOT_FOUND, &person);

	if (err == ERR_OK)
		err = record_get(&web->ctx, person, &record);
	return err == ERR_OK ? reply_record(web, &record) : err;
}

enum err record_alias_make(struct web *web)
{
	const struct alias_input *in = WEB_INPUT(web, struct alias_input);
	const char *person;
	struct record record;
	enum err err = person_of(web, ERR_RECORD_NOT_FOUND, &person);

	if (err == ERR_OK)
		err = record_alias(&web->ctx, person, in->alias, &record);
	return err == ERR_OK ? reply_record(web, &record) : err;
}

/* What was answered before shows the record once more. */
enum err record_alias_settle(struct web *web)
{
	const char *person;
	struct record record;
	enum err err = web->is_replayed ? person_of(web, ERR_RECORD_NOT_FOUND, &person) : ERR_OK;

	return err == ERR_OK && web->is_replayed ? record_get(&web->ctx, person, &record) : err;
}

enum err record_end(struct web *web)
{
	const char *person;
	struct record record;
	enum err err = person_of(web, ERR_RECORD_NOT_FOUND, &person);

	if (err == ERR_OK)
		err = record_deactivate(&web->ctx, person, &record);
	return err == ERR_OK ? reply_record(web, &record) : err;
}
