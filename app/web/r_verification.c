/* SPDX-License-Identifier: Apache-2.0 */
/* r_verification.c: the verify, list, show and erase routes of family kyc (contract/kyc.md). */
#include "verification.h"

#include "scope.h"
#include "sets.h"
#include "web.h"

#include "clock.h"

/* ---- what comes in ------------------------------------------------------------------------------ */

struct verify_input {
	const char *id_type;
	const char *country;
	const char *id_number;
	const char *first_name;
	const char *last_name;
	const char *date_of_birth;
	const char *external_ref;
	bool score_requested;
	const char *phone;
	const char *middle_name;
	const char *gender;
	const char *bank_code;
};

static const char *const genders[] = { "M", "F" };
static const struct word_list gender_words = { "Gender", countof(genders), genders };

static const struct field verify_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, id_type, "id_type"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = 32, .pattern = "[a-z][a-z0-9_]*",
	    .pattern_words = "must be a document type such as national_id",
	    .sentence = "The kind of document, as the catalogue names it.",
	    .example = "\"national_id\"" },
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, country, "country"), .flags = FIELD_REQUIRED,
	    .min = 2, .max = 2, .pattern = "[A-Z]{2}",
	    .pattern_words = "must be an ISO 3166-1 alpha-2 code in capitals, such as SN",
	    .sentence = "The country that issued the document, ISO 3166-1 alpha-2.",
	    .example = "\"SN\"" },
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, id_number, "id_number"),
	    .flags = FIELD_REQUIRED, .min = 1, .max = LIMIT_ID_NUMBER,
	    .sentence = "The number on the document; spaces and hyphens are ignored.",
	    .example = "\"1234567890123\"" },
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, first_name, "first_name"),
	    .flags = FIELD_REQUIRED, .min = 1, .max = LIMIT_NAME, .sentence = "Given name.",
	    .example = "\"Amara\"" },
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, last_name, "last_name"),
	    .flags = FIELD_REQUIRED, .min = 1, .max = LIMIT_NAME, .sentence = "Family name.",
	    .example = "\"Diallo\"" },
	{ ROW_TEXT(FIELD_DATE, struct verify_input, date_of_birth, "date_of_birth"),
	    .flags = FIELD_REQUIRED,
	    .sentence = "A day in the past, less than 130 years ago, YYYY-MM-DD.",
	    .example = "\"1990-05-15\"" },
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, external_ref, "external_ref"),
	    .flags = FIELD_NULLABLE, .min = 1, .max = LIMIT_EXTERNAL_REF,
	    .sentence = "Your own name for this verification; it comes back in answers.",
	    .example = "\"user_001\"" },
	{ ROW_BOOL(struct verify_input, score_requested, "score_requested"),
	    .flags = FIELD_NULLABLE,
	    .sentence = "Also compute a score when decided; needs the scope score.get." },
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, phone, "phone"), .flags = FIELD_NULLABLE,
	    .min = 4, .max = LIMIT_PHONE, .pattern = "\\+?[0-9]+",
	    .pattern_words = "must be digits, with an optional + in front",
	    .sentence = "The person's telephone number, where the document needs it." },
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, middle_name, "middle_name"),
	    .flags = FIELD_NULLABLE, .min = 1, .max = LIMIT_NAME, .sentence = "Middle names." },
	{ ROW_TEXT(FIELD_WORD, struct verify_input, gender, "gender"), .flags = FIELD_NULLABLE,
	    .words = &gender_words, .sentence = "As on the document." },
	{ ROW_TEXT(FIELD_TEXT, struct verify_input, bank_code, "bank_code"),
	    .flags = FIELD_NULLABLE, .min = 1, .max = 16, .pattern = "[A-Za-z0-9]+",
	    .pattern_words = "must be letters and digits",
	    .sentence = "The bank's code, where the document is a bank account." },
};
const struct field_set verify_request =
    FIELD_SET("VerifyRequest", verify_rows, struct verify_input);

static const struct field query_rows[] = {
	{ ROW_I64(FIELD_INT, struct verification_filter, limit, "limit"), .min = 1,
	    .max = LIMIT_PAGE, .initial = LIMIT_PAGE_DEFAULT, .sentence = "Results per page." },
	{ ROW_TEXT(FIELD_TEXT, struct verification_filter, cursor, "cursor"), .min = 1,
	    .max = LIMIT_CURSOR, .sentence = "next_cursor of the page before." },
	{ ROW_TEXT(FIELD_WORD, struct verification_filter, status, "status"),
	    .words = &ver_status_words, .sentence = "Only those with this status." },
	{ ROW_TEXT(FIELD_TEXT, struct verification_filter, external_ref, "external_ref"), .min = 1,
	    .max = LIMIT_EXTERNAL_REF, .sentence = "Only those with this external_ref.",
	    .example = "\"user_001\"" },
	{ ROW_I64(FIELD_TIME, struct verification_filter, from_ms, "from"),
	    .sentence = "Only those made at this time or later.", .example = "\"2026-05-01\"" },
	{ ROW_I64(FIELD_TIME, struct verification_filter, to_ms, "to"), .flags = FIELD_DAY_END,
	    .sentence = "Only those made at this time or earlier; a date means its whole day.",
	    .example = "\"2026-05-31\"" },
};
const struct field_set verification_query =
    FIELD_SET("VerificationQuery", query_rows, struct verification_filter);

/* ---- what goes out ------------------------------------------------------------------------------ */

/* The seed's members in the seed's order. The table is sorted so that a list item is the object
 * without its last row. */
static const struct field verification_rows[] = {
	{ ROW_ID(ID_VERIFICATION, struct verification, id, "id"), .sentence = "The verification." },
	{ ROW_TEXT(FIELD_WORD, struct verification, status_word, "status"),
	    .words = &ver_status_words,
	    .sentence = "pending until decided; a terminal status never changes.",
	    .example = "\"approved\"" },
	{ ROW_TEXT(FIELD_TEXT, struct verification, country, "country"),
	    .sentence = "The country that issued the document.", .example = "\"SN\"" },
	{ ROW_TEXT(FIELD_TEXT, struct verification, id_type, "id_type"),
	    .sentence = "The kind of document.", .example = "\"national_id\"" },
	{ ROW_TEXT(FIELD_TEXT, struct verification, external_ref, "external_ref"),
	    .flags = FIELD_NULLABLE, .sentence = "Your own name for it.",
	    .example = "\"user_001\"" },
	{ ROW_I64(FIELD_TIME, struct verification, created_at_ms, "created_at"),
	    .sentence = "When it was asked for.", .example = "\"2026-05-01T10:30:00Z\"" },
	{ ROW_I64(FIELD_TIME, struct verification, completed_at_ms, "completed_at"),
	    .flags = FIELD_NULLABLE, .sentence = "When it was decided; null while pending.",
	    .example = "\"2026-05-01T10:30:04Z\"" },
	{ ROW_I64(FIELD_INT, struct verification, score, "score"), .flags = FIELD_NULLABLE,
	    .min = 0, .max = 1000, .initial = DB_NULL,
	    .sentence = "When it was asked for and the verification is decided; else null.",
	    .example = "742" },
};
const struct field_set verification_full =
    FIELD_SET("Verification", verification_rows, struct verification);
const struct field_set verification_brief = { .name = "VerificationItem",
	.rows = verification_rows,
	.count = countof(verification_rows) - 1,
	.struct_size = sizeof(struct verification) };

/* ---- handlers ----------------------------------------------------------------------------------- */

static struct verification_new verification_of(const struct verify_input *in)
{
	return (struct verification_new){ .kind = VERKIND_KYC,
		.country = in->country,
		.id_type = in->id_type,
		.external_ref = in->external_ref,
		.score_requested = in->score_requested,
		.applicant = { .id_number = in->id_number,
		    .first_name = in->first_name,
		    .middle_name = in->middle_name,
		    .last_name = in->last_name,
		    .date_of_birth = in->date_of_birth,
		    .phone = in->phone,
		    .gender = in->gender,
		    .bank_code = in->bank_code } };
}

static enum err verify(struct web *web, enum environment environment, bool at_once)
{
	struct verification_new input = verification_of(WEB_INPUT(web, struct verify_input));
	const struct id_type *type = NULL;
	struct verification verification;

	input.environment = environment;
	input.at_once = at_once;
	if (input.score_requested && (web->ctx.actor.scopes & SCOPE_SCORE_GET) == 0)
		return ERR_FORBIDDEN;
	enum err err = verification_check(&web->ctx, &input, web->complaints.items,
	    countof(web->complaints.items), &web->complaints.count, &type);
	if (err == ERR_OK)
		err = verification_create(&web->ctx, &input, type, &verification);
	return err == ERR_OK ? reply_object(web, &verification) : err;
}

/* Always a sandbox object, whatever the key (contract/README.md, Environment). */
enum err verify_sandbox(struct web *web)
{
	return verify(web, ENV_SANDBOX, true);
}

/* A sandbox key walks the asynchronous path against the sandbox provider. */
enum err verify_live(struct web *web)
{
	return verify(web, web->ctx.actor.environment, false);
}

enum err verification_page(struct web *web)
{
	const struct verification_filter *filter = WEB_QUERY(web, struct verification_filter);
	struct verification_page page;

	if (filter->from_ms != TIME_NONE && filter->to_ms != TIME_NONE &&
	    filter->from_ms > filter->to_ms)
		return web_complain(web, "from", "must not be later than to");
	enum err err = verification_list(&web->ctx, filter, &page);
	if (err == ERR_SYNTAX)
		return web_complain(web, "cursor", "is not a cursor of this list");
	if (err != ERR_OK)
		return err;
	return reply_page(web, page.items, page.count, page.next_cursor, page.total);
}

enum err verification_show(struct web *web)
{
	struct verification verification;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_VERIFICATION, ERR_VERIFICATION_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = verification_get(&web->ctx, id, &verification);
	return err == ERR_OK ? reply_object(web, &verification) : err;
}

enum err verification_remove(struct web *web)
{
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_VERIFICATION, ERR_VERIFICATION_NOT_FOUND, &id);

	return err == ERR_OK ? verification_erase(&web->ctx, id) : err;
}
