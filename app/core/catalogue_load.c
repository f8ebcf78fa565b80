/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue_load.c reads the catalogue's CSV (RFC 4180), names every fault, replaces the table. */
#include "catalogue.h"

#include <string.h>

#include "clock.h"
#include "ctx.h"
#include "limits.h"
#include "provider.h"
#include "stmt.h"
#include "str.h"
#include "tx.h"

enum column {
	COLUMN_COUNTRY,
	COLUMN_ID_TYPE,
	COLUMN_PATTERN,
	COLUMN_PROVIDER,
	COLUMN_PROVIDER_COUNTRY,
	COLUMN_PROVIDER_TYPE,
	COLUMN_EXTRA_FIELDS,
	COLUMN_SCORE_WEIGHT,
	COLUMN__MAX
};

static const char *const column_names[COLUMN__MAX] = { "country", "id_type", "pattern", "provider",
	"provider_country", "provider_type", "extra_fields", "score_weight" };

/* Fields a row may require beyond those every verification has. */
static const char *const extra_words[] = { "phone", "middle_name", "gender", "bank_code" };

struct record {
	size_t line;
	const char *values[COLUMN__MAX];
	int64_t score_weight;
};

struct loader {
	struct ctx *ctx;
	struct buf *complaints;
	const char *at;
	const char *end;
	size_t line;
	struct record *records;
	size_t count;
};

static void complain_line(struct loader *loader, size_t line, const char *what)
{
	buf_printf(loader->complaints, "line %zu: %s\n", line, what);
}

/* One field; moves past it but not past its separator. NULL for a quote that never closes. */
static const char *take_field(struct loader *loader)
{
	const char *start = loader->at;

	if (loader->at == loader->end || *loader->at != '"') {
		while (loader->at < loader->end && strchr(",\r\n", *loader->at) == NULL)
			loader->at++;
		return arena_strndup(loader->ctx->arena, start, (size_t)(loader->at - start));
	}
	char *out = arena_alloc(loader->ctx->arena, (size_t)(loader->end - start) + 1);
	size_t len = 0;
	for (loader->at++; loader->at < loader->end && out != NULL; loader->at++) {
		if (*loader->at == '"' && (loader->at + 1 == loader->end || loader->at[1] != '"')) {
			loader->at++;
			return out;
		}
		if (*loader->at == '"')
			loader->at++;
		loader->line += *loader->at == '\n';
		out[len++] = *loader->at;
	}
	return NULL;
}

static void skip_line_end(struct loader *loader)
{
	if (loader->at < loader->end && *loader->at == '\r')
		loader->at++;
	if (loader->at < loader->end && *loader->at == '\n')
		loader->at++;
	loader->line++;
}

static void skip_rest(struct loader *loader)
{
	while (loader->at < loader->end && *loader->at != '\n' && *loader->at != '\r')
		loader->at++;
}

/* One line into a record; false when it is not well-formed (said). */
static bool take_record(struct loader *loader, struct record *ret_record)
{
	size_t count = 0;

	ret_record->line = loader->line;
	for (;;) {
		const char *value = take_field(loader);
		if (value == NULL) {
			complain_line(loader, ret_record->line, "a quoted field does not end");
			return false;
		}
		if (count < COLUMN__MAX)
			ret_record->values[count] = value;
		count++;
		if (loader->at == loader->end || *loader->at != ',')
			break;
		loader->at++;
	}
	if (loader->at < loader->end && *loader->at != '\r' && *loader->at != '\n') {
		complain_line(loader, ret_record->line, "text behind a quoted field");
		skip_rest(loader);
		return false;
	}
	if (count == COLUMN__MAX)
		return true;
	buf_printf(loader->complaints, "line %zu: %zu fields instead of %d\n", ret_record->line,
	    count, COLUMN__MAX);
	return false;
}

static bool is_word(const char *text, const char *first, const char *rest, size_t max)
{
	size_t len = strlen(text);

	return len > 0 && len <= max && strchr(first, text[0]) != NULL && strspn(text, rest) == len;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static void check_extras(struct loader *loader, const struct record *record)
{
	const char *text = record->values[COLUMN_EXTRA_FIELDS];

	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		bool known = len == 0;
		for (size_t i = 0; i < countof(extra_words) && !known; i++)
			known =
			    strlen(extra_words[i]) == len && memcmp(extra_words[i], text, len) == 0;
		if (!known)
			buf_printf(loader->complaints,
			    "line %zu: extra_fields: \"%.*s\" is none of phone, middle_name, "
			    "gender, bank_code\n",
			    record->line, (int)len, text);
		text += len + (text[len] == ' ');
	}
}

static void check_pattern(struct loader *loader, const struct record *record)
{
	const char *pattern = record->values[COLUMN_PATTERN];
	struct regex *regex = NULL;
	char reason[160] = "";

	if (pattern[0] == '\0' || strlen(pattern) >= LIMIT_PATTERN)
		complain_line(loader, record->line, "pattern must have 1 to 255 characters");
	else if (regex_new(pattern, true, &regex, reason, sizeof(reason)) != ERR_OK)
		buf_printf(loader->complaints, "line %zu: pattern: %s\n", record->line, reason);
	regex_free(&regex);
}

static void check_record(struct loader *loader, struct record *record)
{
	if (!is_word(record->values[COLUMN_COUNTRY], UPPER, UPPER, 2) ||
	    strlen(record->values[COLUMN_COUNTRY]) != 2)
		complain_line(loader, record->line, "country must be two capital letters");
	if (!is_word(record->values[COLUMN_ID_TYPE], LOWER, LOWER DIGITS "_", 32))
		complain_line(loader, record->line,
		    "id_type must be lower-case letters, digits and _, at most 32");
	if (provider_driver_find(record->values[COLUMN_PROVIDER]) == NULL)
		buf_printf(loader->complaints, "line %zu: provider \"%s\" is not known\n",
		    record->line, record->values[COLUMN_PROVIDER]);
	if (!is_word(record->values[COLUMN_PROVIDER_COUNTRY], UPPER, UPPER, 8))
		complain_line(
		    loader, record->line, "provider_country must be capital letters, at most 8");
	if (!is_word(record->values[COLUMN_PROVIDER_TYPE], UPPER LOWER, UPPER LOWER DIGITS "_", 64))
		complain_line(loader, record->line,
		    "provider_type must be letters, digits and _, at most 64");
	if (str_to_i64(record->values[COLUMN_SCORE_WEIGHT], 0, 100, &record->score_weight) !=
	    ERR_OK)
		complain_line(loader, record->line, "score_weight must be 0 to 100");
	check_pattern(loader, record);
	check_extras(loader, record);
	for (size_t i = 0; i < loader->count; i++) {
		if (strcmp(loader->records[i].values[0], record->values[0]) == 0 &&
		    strcmp(loader->records[i].values[1], record->values[1]) == 0)
			buf_printf(loader->complaints,
			    "line %zu: the same country and id_type as line %zu\n", record->line,
			    loader->records[i].line);
	}
}

static void check_header(struct loader *loader, const struct record *record)
{
	for (size_t i = 0; i < COLUMN__MAX; i++) {
		if (strcmp(record->values[i], column_names[i]) != 0)
			buf_printf(loader->complaints,
			    "line %zu: column %zu must be \"%s\", not \"%s\"\n", record->line,
			    i + 1, column_names[i], record->values[i]);
	}
}

static enum err read_records(struct loader *loader)
{
	bool header = true;

	while (loader->at < loader->end) {
		struct record record = { .line = 0 };
		if (*loader->at == '#' || *loader->at == '\n' || *loader->at == '\r') {
			skip_rest(loader);
			skip_line_end(loader);
			continue;
		}
		if (loader->count == LIMIT_ID_TYPES) {
			complain_line(loader, loader->line, "more rows than a catalogue can have");
			return ERR_VALIDATION;
		}
		bool whole = take_record(loader, &record);
		skip_line_end(loader);
		if (arena_overflowed(loader->ctx->arena))
			return ERR_NOMEM;
		if (whole && header)
			check_header(loader, &record);
		else if (whole)
			check_record(loader, &record);
		if (whole && !header)
			loader->records[loader->count++] = record;
		header = false;
	}
	if (loader->count == 0 && loader->complaints->len == 0)
		complain_line(loader, loader->line, "no rows; an empty catalogue is refused");
	return loader->complaints->len > 0 ? ERR_VALIDATION : ERR_OK;
}

static enum err put_all(struct ctx *ctx, void *arg)
{
	const struct loader *loader = arg;
	int64_t now_ms = clock_now_ms();
	enum err err = q_id_type_clear(ctx->db, NULL);

	for (size_t i = 0; i < loader->count && err == ERR_OK; i++) {
		const struct record *r = &loader->records[i];
		err = q_id_type_put(ctx->db, r->values[COLUMN_COUNTRY], r->values[COLUMN_ID_TYPE],
		    r->values[COLUMN_PATTERN], r->values[COLUMN_PROVIDER],
		    r->values[COLUMN_PROVIDER_COUNTRY], r->values[COLUMN_PROVIDER_TYPE],
		    r->values[COLUMN_EXTRA_FIELDS], r->score_weight, now_ms);
	}
	return err;
}

enum err catalogue_load(
    struct ctx *ctx, const char *csv, size_t len_bytes, struct buf *complaints, size_t *ret_count)
{
	struct loader loader = {
		.ctx = ctx, .complaints = complaints, .at = csv, .end = csv + len_bytes, .line = 1
	};

	loader.records = arena_array(ctx->arena, LIMIT_ID_TYPES, sizeof(*loader.records));
	if (loader.records == NULL)
		return ERR_NOMEM;
	enum err err = read_records(&loader);
	if (err == ERR_OK)
		err = tx_run(ctx, put_all, &loader);
	if (err == ERR_OK)
		*ret_count = loader.count;
	return err;
}
