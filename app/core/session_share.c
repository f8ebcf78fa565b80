/* SPDX-License-Identifier: Apache-2.0 */
/* session_share.c checks and normalises share contracts (reference/kayle.md section 4.4). */
#include "session_share.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "str.h"
#include "unicode.h"

#define AGE_PREFIX "age_over_"
#define AGE_LEAST 12
#define AGE_MOST 130
#define AGE_DIGITS 3
#define DATE_OF_BIRTH "date_of_birth"

/* contract/sessions.md: the document's keyed name under the seed's name and under ours. */
#define DOCUMENT_ID "kayle_document_id"
#define DOCUMENT_ID_NEUTRAL "document_id"

/* The claims that are not derived from a number; by_default: asked for when nobody says what. */
static const struct {
	const char *claim;
	const char *label;
	bool by_default;
} claims[] = {
	{ "document_type_code", "Document Type Code", true },
	{ "issuing_country_code", "Issuing Country Code", true },
	{ "family_name", "Family Name", true },
	{ "given_names", "Given Names", true },
	{ "document_number", "Document Number", true },
	{ "nationality_code", "Nationality Code", true },
	{ DATE_OF_BIRTH, "Date of Birth", true },
	{ "sex_marker", "Sex Marker", true },
	{ "document_expiry_date", "Document Expiry Date", true },
	{ "mrz_optional_data", "MRZ Optional Data", true },
	{ "document_photo", "Document Photo", true },
	{ DOCUMENT_ID, "Kayle Document ID", true },
	{ "kayle_human_id", "Kayle Human ID", true },
	{ DOCUMENT_ID_NEUTRAL, "Document ID", false },
};

/* A contract in the making. */
struct contract {
	struct share_field fields[LIMIT_SHARE_FIELDS + 1]; /* and the document's name */
	bool from_caller[LIMIT_SHARE_FIELDS + 1];
	size_t count;
};

/* ---- claims ---------------------------------------------------------------------------------------- */

static bool is_age_key(const char *claim)
{
	return strncmp(claim, AGE_PREFIX, sizeof(AGE_PREFIX) - 1) == 0;
}

int share_age_gate(const char *claim)
{
	int64_t years = 0;

	if (!is_age_key(claim) || strlen(claim) - (sizeof(AGE_PREFIX) - 1) > AGE_DIGITS ||
	    str_to_i64(claim + sizeof(AGE_PREFIX) - 1, AGE_LEAST, AGE_MOST, &years) != ERR_OK)
		return 0;
	return (int)years;
}

/* NULL: no such claim, or no memory. */
static const char *label_of(struct ctx *ctx, const char *claim)
{
	for (size_t i = 0; i < countof(claims); i++) {
		if (strcmp(claims[i].claim, claim) == 0)
			return claims[i].label;
	}
	int years = share_age_gate(claim);
	return years == 0 ? NULL : arena_printf(ctx->arena, "Age Over %d", years);
}

static bool is_document_id(const char *claim)
{
	return strcmp(claim, DOCUMENT_ID) == 0 || strcmp(claim, DOCUMENT_ID_NEUTRAL) == 0;
}

static enum err add_default(
    struct ctx *ctx, struct contract *contract, const char *claim, const char *label, bool required)
{
	struct share_field *field = &contract->fields[contract->count++];

	*field = (struct share_field){ .claim = claim,
		.label = label,
		.reason = arena_printf(ctx->arena, "Sharing \"%s\"", label),
		.required = required };
	return field->reason == NULL ? ERR_NOMEM : ERR_OK;
}

/* ---- what the caller sent -------------------------------------------------------------------------- */

/* One line: blanks at the ends go, and runs of them become one. */
static const char *one_line(struct ctx *ctx, const char *text)
{
	char *out = arena_alloc(ctx->arena, strlen(text) + 1);
	bool gap = false;
	size_t len = 0;

	while (out != NULL && *text != '\0') {
		const char *begin = text;
		uint32_t c = unicode_next(&text);
		if (unicode_is_space(c)) {
			gap = len > 0;
			continue;
		}
		if (gap)
			out[len++] = ' ';
		gap = false;
		memcpy(out + len, begin, (size_t)(text - begin));
		len += (size_t)(text - begin);
	}
	return out;
}

/* The reason for an age gate may be empty when the whole date is asked for as well. */
static enum err read_reason(struct ctx *ctx, const json_t *all, const char *claim,
    const json_t *value, const char **ret_reason)
{
	if (!json_is_string(value))
		return ERR_SHARE_REASON_MISSING;
	const char *raw = json_string_value(value);
	if (utf8_length(raw) > LIMIT_SHARE_REASON)
		return ERR_SHARE_REASON_LONG;
	const char *reason = one_line(ctx, raw);
	if (reason == NULL)
		return ERR_NOMEM;
	bool may_be_empty = is_age_key(claim) && json_object_get(all, DATE_OF_BIRTH) != NULL;
	if (reason[0] == '\0' && !may_be_empty)
		return ERR_SHARE_REASON_MISSING;
	*ret_reason = reason;
	return ERR_OK;
}

/* "required" and "reason", and nothing else. */
static enum err check_shape(const json_t *entry)
{
	size_t known = json_object_get(entry, "required") != NULL;

	if (!json_is_object(entry) || !json_is_boolean(json_object_get(entry, "required")))
		return ERR_SHARE_FIELDS;
	known += json_object_get(entry, "reason") != NULL;
	return json_object_size(entry) == known ? ERR_OK : ERR_SHARE_FIELDS;
}

static enum err add_entry(struct ctx *ctx, struct contract *contract, const json_t *all,
    const char *claim, const json_t *entry)
{
	struct share_field field = { .claim = arena_strdup(ctx->arena, claim) };
	enum err err = field.claim == NULL ? ERR_NOMEM : check_shape(entry);

	if (err == ERR_OK)
		err = read_reason(ctx, all, claim, json_object_get(entry, "reason"), &field.reason);
	if (err != ERR_OK)
		return err;
	if (is_age_key(claim) && share_age_gate(claim) == 0)
		return ERR_SHARE_AGE_GATE;
	field.label = label_of(ctx, claim);
	if (field.label == NULL)
		return arena_overflowed(ctx->arena) ? ERR_NOMEM : ERR_SHARE_CLAIM_UNKNOWN;
	for (size_t i = 0; is_age_key(claim) && i < contract->count; i++) {
		if (is_age_key(contract->fields[i].claim))
			return ERR_SHARE_AGE_GATES;
	}
	field.required = is_document_id(claim) || json_is_true(json_object_get(entry, "required"));
	contract->from_caller[contract->count] = true;
	contract->fields[contract->count++] = field;
	return ERR_OK;
}

static struct share_field *find(struct contract *contract, const char *claim)
{
	for (size_t i = 0; i < contract->count; i++) {
		if (strcmp(contract->fields[i].claim, claim) == 0)
			return &contract->fields[i];
	}
	return NULL;
}

/* Whoever insists on the one gets the other from the same date. */
static void join_ages(struct contract *contract)
{
	struct share_field *birth = find(contract, DATE_OF_BIRTH), *gate = NULL;

	for (size_t i = 0; i < contract->count; i++) {
		if (is_age_key(contract->fields[i].claim))
			gate = &contract->fields[i];
	}
	if (birth != NULL && gate != NULL)
		birth->required = gate->required = birth->required || gate->required;
}

static enum err read_all(struct ctx *ctx, struct contract *contract, const json_t *fields)
{
	const char *claim;
	json_t *entry;
	enum err err = ERR_OK;

	if (!json_is_object(fields))
		return ERR_SHARE_FIELDS;
	if (json_object_size(fields) > LIMIT_SHARE_FIELDS)
		return ERR_SHARE_TOO_MANY;
	json_object_foreach((json_t *)(uintptr_t)fields, claim, entry)
	{
		err = add_entry(ctx, contract, fields, claim, entry);
		if (err != ERR_OK)
			return err;
	}
	join_ages(contract);
	if (find(contract, DOCUMENT_ID) == NULL)
		err = add_default(ctx, contract, DOCUMENT_ID, label_of(ctx, DOCUMENT_ID), true);
	return err;
}

static enum err all_claims(struct ctx *ctx, struct contract *contract)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < countof(claims) && err == ERR_OK; i++) {
		if (claims[i].by_default)
			err = add_default(ctx, contract, claims[i].claim, claims[i].label,
			    is_document_id(claims[i].claim));
	}
	return err;
}

/* ---- the normalised text --------------------------------------------------------------------------- */

static int by_claim(const void *a, const void *b)
{
	return strcmp(
	    ((const struct share_field *)a)->claim, ((const struct share_field *)b)->claim);
}

/* What a caller asked for comes from the relying party: "rc", as the seed has it. */
static json_t *contract_json(const struct contract *contract)
{
	struct {
		struct share_field field;
		bool from_caller;
	} sorted[LIMIT_SHARE_FIELDS + 1];
	json_t *object = json_object();

	for (size_t i = 0; i < contract->count; i++) {
		sorted[i].field = contract->fields[i];
		sorted[i].from_caller = contract->from_caller[i];
	}
	/* The field is the first member, so it is compared as one. */
	qsort(sorted, contract->count, sizeof(sorted[0]), by_claim);
	for (size_t i = 0; i < contract->count; i++)
		json_object_set_new(object, sorted[i].field.claim,
		    json_pack("{s:b, s:s, s:s}", "required", sorted[i].field.required, "reason",
			sorted[i].field.reason, "source",
			sorted[i].from_caller ? "rc" : "default"));
	if (json_object_size(object) != contract->count) {
		json_decref(object);
		return NULL;
	}
	return object;
}

enum err share_contract_make(struct ctx *ctx, const json_t *share_fields, const char **ret_text)
{
	struct contract contract = { .count = 0 };
	struct buf text;
	enum err err = share_fields == NULL ? all_claims(ctx, &contract)
					    : read_all(ctx, &contract, share_fields);

	if (err != ERR_OK)
		return err;
	json_t *object = contract_json(&contract);
	buf_init(&text, LIMIT_SHARE_TEXT);
	err = object == NULL ? ERR_NOMEM : json_write(object, &text);
	const char *copy = err == ERR_OK ? arena_strdup(ctx->arena, buf_str(&text)) : NULL;
	if (err == ERR_OK && copy == NULL)
		err = ERR_NOMEM;
	buf_free(&text);
	json_decref(object);
	if (err == ERR_OK)
		*ret_text = copy;
	return err;
}

static enum err take_field(
    struct ctx *ctx, const char *claim, const json_t *entry, struct share_field *field)
{
	const char *reason = json_get_text(entry, "reason");

	if (reason == NULL)
		return ERR_DB_BROKEN;
	*field = (struct share_field){ .claim = arena_strdup(ctx->arena, claim),
		.label = label_of(ctx, claim),
		.reason = arena_strdup(ctx->arena, reason),
		.required = json_is_true(json_object_get(entry, "required")) };
	if (field->label == NULL)
		field->label = field->claim; /* a claim that this version has no more */
	return field->claim == NULL || field->reason == NULL ? ERR_NOMEM : ERR_OK;
}

enum err share_contract_read(
    struct ctx *ctx, const char *text, struct share_field **ret_fields, size_t *ret_count)
{
	json_t *object = NULL, *entry;
	const char *claim;
	size_t count = 0;
	enum err err = json_read(text, strlen(text), &object, NULL);

	if (err == ERR_OK && !json_is_object(object))
		err = ERR_SYNTAX;
	struct share_field *fields =
	    err == ERR_OK ? arena_array(ctx->arena, json_object_size(object) + 1, sizeof(*fields))
			  : NULL;
	if (err == ERR_OK && fields == NULL)
		err = ERR_NOMEM;
	json_object_foreach(err == ERR_OK ? object : NULL, claim, entry)
	{
		err = take_field(ctx, claim, entry, &fields[count++]);
		if (err != ERR_OK)
			break;
	}
	json_decref(object);
	if (err == ERR_OK) {
		*ret_fields = fields;
		*ret_count = count;
	}
	return err == ERR_SYNTAX ? ERR_DB_BROKEN : err;
}
