/* SPDX-License-Identifier: Apache-2.0 */
/* field.c is the engine of the field table: reading JSON into structs, with all complaints. */
#include "field.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "field_private.h"
#include "regex.h"
#include "str.h"

#define DAY_MS 86400000
#define TEXTS_CAP 65536 /* JSON text of an array of texts: twenty addresses of the longest */

void complain(struct complaints *complaints, const char *field, const char *message)
{
	complaints->seen++;
	if (complaints->count < countof(complaints->items))
		complaints->items[complaints->count++] =
		    (struct complaint){ .field = field, .message = message };
}

bool complained(const struct complaints *complaints, const char *field)
{
	for (size_t i = 0; i < complaints->count; i++) {
		if (strcmp(complaints->items[i].field, field) == 0)
			return true;
	}
	return false;
}

/* A complaint with numbers in it, made in the arena. */
static void complain_range(
    struct complaints *complaints, struct arena *arena, const struct field *row, const char *what)
{
	const char *message = arena_printf(
	    arena, "must be %s %lld to %lld", what, (long long)row->min, (long long)row->max);

	complain(complaints, row->name, message == NULL ? "is out of range" : message);
}

static bool word_known(const struct word_list *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++) {
		if (strcmp(words->words[i], word) == 0)
			return true;
	}
	return false;
}

static void complain_words(
    struct complaints *complaints, struct arena *arena, const struct field *row)
{
	struct buf text;

	buf_init(&text, 1024);
	for (size_t i = 0; i < row->words->count; i++) {
		if (row->words->words[i][0] != '\0')
			buf_printf(&text, "%s%s", text.len == 0 ? "must be one of " : ", ",
			    row->words->words[i]);
	}
	const char *message = arena_strdup(arena, buf_str(&text));
	complain(complaints, row->name, message == NULL ? "is not a known word" : message);
	buf_free(&text);
}

/* Patterns of rows are literals of ours, compiled once per process and kept. */
static bool pattern_matches(const struct field *row, const char *text)
{
	static struct {
		const char *pattern;
		struct regex *regex;
	} kept[64];

	for (size_t i = 0; i < countof(kept); i++) {
		if (kept[i].pattern == NULL) {
			char reason[128];
			if (regex_new(row->pattern, false, &kept[i].regex, reason,
				sizeof(reason)) != ERR_OK)
				return false;
			kept[i].pattern = row->pattern;
		}
		if (kept[i].pattern == row->pattern)
			return regex_match(kept[i].regex, text, strlen(text));
	}
	return false;
}

static void set_text(const struct field *row, void *object, const char *text)
{
	memcpy((char *)object + row->offset, &text, sizeof(text));
}

static void set_i64(const struct field *row, void *object, int64_t value)
{
	memcpy((char *)object + row->offset, &value, sizeof(value));
}

static void set_bool(const struct field *row, void *object, bool value)
{
	memcpy((char *)object + row->offset, &value, sizeof(value));
}

/* ---- one value as text, which is how both bodies and queries give most of them --------------- */

static bool has_controls(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return true;
	}
	return false;
}

static const char *trimmed(const char *text, struct arena *arena)
{
	static const char blanks[] = " \t\r\n";
	size_t len;

	text += strspn(text, blanks);
	len = strlen(text);
	while (len > 0 && strchr(blanks, text[len - 1]) != NULL)
		len--;
	return text[len] == '\0' ? text : arena_strndup(arena, text, len);
}

static void take_plain_text(const struct field *row, const char *text, struct arena *arena,
    void *object, struct complaints *complaints)
{
	if ((row->flags & FIELD_TRIM) != 0)
		text = trimmed(text, arena);
	if (text == NULL)
		return; /* the arena has overflowed, which its owner will see */
	int64_t length = (int64_t)utf8_length(text);

	if (length < row->min || length > row->max) {
		const char *message =
		    row->min == length || length > row->max
			? arena_printf(
			      arena, "must have at most %lld characters", (long long)row->max)
		    : row->min == 1 ? "must not be empty"
				    : arena_printf(arena, "must have at least %lld characters",
					  (long long)row->min);
		complain(complaints, row->name, message == NULL ? "has a wrong length" : message);
		return;
	}
	if (has_controls(text)) {
		complain(complaints, row->name, "must not contain control characters");
		return;
	}
	if (row->pattern != NULL && !pattern_matches(row, text)) {
		complain(complaints, row->name, row->pattern_words);
		return;
	}
	set_text(row, object, text);
}

static void take_date(
    const struct field *row, const char *text, void *object, struct complaints *complaints)
{
	struct date date;
	enum err err = date_parse(text, &date);

	if (err == ERR_OK)
		set_text(row, object, text);
	else
		complain(complaints, row->name,
		    err == ERR_RANGE ? "must be a day that exists" : "must be a date, YYYY-MM-DD");
}

static void take_time(
    const struct field *row, const char *text, void *object, struct complaints *complaints)
{
	int64_t time_ms;
	bool is_date;

	if (time_parse(text, &time_ms, &is_date) != ERR_OK) {
		complain(complaints, row->name, "must be an ISO 8601 date or time");
		return;
	}
	if (is_date && (row->flags & FIELD_DAY_END) != 0)
		time_ms += DAY_MS - 1;
	set_i64(row, object, time_ms);
}

static void take_id(
    const struct field *row, const char *text, void *object, struct complaints *complaints)
{
	struct uuid id;

	if (id_parse(row->id_kind, text, &id) == ERR_OK)
		memcpy((char *)object + row->offset, &id, sizeof(id));
	else
		complain(complaints, row->name, "is not an id of this kind");
}

void field_take_text(const struct field *row, const char *text, struct arena *arena, void *object,
    struct complaints *complaints)
{
	switch (row->type) {
	case FIELD_TEXT:
		take_plain_text(row, text, arena, object, complaints);
		return;
	case FIELD_WORD:
		if (text[0] != '\0' && word_known(row->words, text))
			set_text(row, object, text);
		else
			complain_words(complaints, arena, row);
		return;
	case FIELD_DATE:
		take_date(row, text, object, complaints);
		return;
	case FIELD_TIME:
		take_time(row, text, object, complaints);
		return;
	case FIELD_ID:
		take_id(row, text, object, complaints);
		return;
	default:
		complain(complaints, row->name, "is of the wrong type");
	}
}

void field_take_int(const struct field *row, int64_t value, struct arena *arena, void *object,
    struct complaints *complaints)
{
	if (value < row->min || value > row->max)
		complain_range(complaints, arena, row, "a whole number from");
	else
		set_i64(row, object, value);
}

void field_take_truth(const struct field *row, bool value, void *object)
{
	if (row->type == FIELD_SWITCH)
		set_i64(row, object, value);
	else
		set_bool(row, object, value);
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static bool word_in(const char *joined, const char *word)
{
	size_t wanted = strlen(word);

	while (*joined != '\0') {
		size_t len = strcspn(joined, " ");
		if (len == wanted && memcmp(joined, word, len) == 0)
			return true;
		joined += len + (joined[len] == ' ');
	}
	return false;
}

static void take_words(const struct field *row, const json_t *value, struct arena *arena,
    void *object, struct complaints *complaints)
{
	struct buf joined;
	size_t i;
	const json_t *item;

	if (!json_is_array(value)) {
		complain(complaints, row->name, "must be an array of words");
		return;
	}
	if ((int64_t)json_array_size(value) < row->min ||
	    (int64_t)json_array_size(value) > row->max) {
		complain_range(complaints, arena, row, "an array; number of words:");
		return;
	}
	buf_init(&joined, 1024);
	json_array_foreach(value, i, item)
	{
		const char *word = json_string_value(item);
		if (word == NULL || word[0] == '\0' || !word_known(row->words, word)) {
			complain_words(complaints, arena, row);
			goto out;
		}
		if (!word_in(buf_str(&joined), word))
			buf_printf(&joined, "%s%s", i == 0 ? "" : " ", word);
	}
	set_text(row, object, arena_strdup(arena, buf_str(&joined)));
out:
	buf_free(&joined);
}

/* What is wrong with one of the texts, or NULL; what is right is added to taken. */
static const char *take_one_of_texts(
    const struct field *row, const json_t *item, struct arena *arena, json_t *taken)
{
	const char *given = json_string_value(item);
	const char *text = given == NULL ? NULL : trimmed(given, arena);
	size_t i;
	const json_t *other;

	if (text == NULL || text[0] == '\0' || (int64_t)utf8_length(text) > row->item_max)
		return arena_printf(
		    arena, "must be texts of 1 to %lld characters", (long long)row->item_max);
	if (has_controls(text))
		return "must not contain control characters";
	json_array_foreach(taken, i, other)
	{
		if (strcmp(json_string_value(other), text) == 0 ||
		    ((row->flags & FIELD_CASE) == 0 &&
			ascii_equal_nocase(json_string_value(other), text)))
			return "must not have the same text twice";
	}
	return json_array_append_new(taken, json_string(text)) == 0 ? NULL : "cannot be read";
}

static void take_texts(const struct field *row, const json_t *value, struct arena *arena,
    void *object, struct complaints *complaints)
{
	json_t *taken = json_array();
	const char *fault = NULL;
	struct buf text;
	size_t i;
	const json_t *item;

	if (!json_is_array(value) || (int64_t)json_array_size(value) < row->min ||
	    (int64_t)json_array_size(value) > row->max)
		fault = arena_printf(arena, "must be an array of %lld to %lld texts",
		    (long long)row->min, (long long)row->max);
	json_array_foreach(value, i, item)
	{
		if (fault == NULL)
			fault = take_one_of_texts(row, item, arena, taken);
	}
	buf_init(&text, TEXTS_CAP);
	if (fault == NULL && json_write(taken, &text) != ERR_OK)
		fault = "is too long";
	if (fault == NULL)
		set_text(row, object, arena_strdup(arena, buf_str(&text)));
	else
		complain(complaints, row->name, fault);
	buf_free(&text);
	json_decref(taken);
}

static void take_truth(
    const struct field *row, const json_t *value, void *object, struct complaints *complaints)
{
	if (json_is_boolean(value))
		field_take_truth(row, json_is_true(value), object);
	else
		complain(complaints, row->name, "must be true or false");
}

static void take_tree(
    const struct field *row, const json_t *value, void *object, struct complaints *complaints)
{
	bool array = (row->flags & FIELD_ARRAY) != 0;

	if ((row->flags & FIELD_ANY) != 0 || (array ? json_is_array(value) : json_is_object(value)))
		memcpy((char *)object + row->offset, &value, sizeof(value));
	else
		complain(complaints, row->name,
		    array ? "must be a JSON array" : "must be a JSON object");
}

/* An object in an object: what is wrong in it is said of the member by its whole name. */
static void take_object(const struct field *row, const json_t *value, struct arena *arena,
    void *object, struct complaints *complaints)
{
	size_t before = complaints->count;

	if (!json_is_object(value)) {
		complain(complaints, row->name, "must be a JSON object");
		return;
	}
	/* Its faults have been counted, and whether the arena has overflowed its owner will see. */
	if (fields_read_json(row->set, value, arena, (char *)object + row->offset, complaints) ==
	    ERR_OK)
		return;
	for (size_t i = before; i < complaints->count; i++) {
		const char *name =
		    arena_printf(arena, "%s.%s", row->name, complaints->items[i].field);
		complaints->items[i].field = name == NULL ? row->name : name;
	}
}

static void take_json(const struct field *row, const json_t *value, struct arena *arena,
    void *object, struct complaints *complaints)
{
	if (row->type == FIELD_OBJECT)
		take_object(row, value, arena, object, complaints);
	else if (row->type == FIELD_WORDS)
		take_words(row, value, arena, object, complaints);
	else if (row->type == FIELD_TEXTS)
		take_texts(row, value, arena, object, complaints);
	else if (row->type == FIELD_BOOL || row->type == FIELD_SWITCH)
		take_truth(row, value, object, complaints);
	else if (row->type == FIELD_JSON)
		take_tree(row, value, object, complaints);
	else if (json_is_null(value) && (row->flags & FIELD_CLEARS) != 0)
		set_text(row, object, "");
	else if (row->type == FIELD_INT && json_is_integer(value))
		field_take_int(row, json_integer_value(value), arena, object, complaints);
	else if (row->type == FIELD_INT)
		complain(complaints, row->name, "must be a whole number");
	else if (json_is_string(value))
		field_take_text(row, json_string_value(value), arena, object, complaints);
	else
		complain(complaints, row->name, "must be a string");
}

void fields_prepare(const struct field_set *set, void *object)
{
	memset(object, 0, set->struct_size);
	for (size_t i = 0; i < set->count; i++) {
		const struct field *row = &set->rows[i];
		if (row->type == FIELD_TIME)
			set_i64(row, object, TIME_NONE);
		else if (row->type == FIELD_SWITCH)
			set_i64(row, object, DB_NULL);
		else if (row->type == FIELD_INT)
			set_i64(row, object, row->initial);
		else if (row->type == FIELD_BOOL)
			set_bool(row, object, row->initial != 0);
		else if (row->type == FIELD_OBJECT)
			fields_prepare(row->set, (char *)object + row->offset);
	}
}

const struct field *fields_find(const struct field_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct field *row = &set->rows[i];
		if (strcmp(row->name, name) == 0 ||
		    (row->alias != NULL && strcmp(row->alias, name) == 0))
			return row;
	}
	return NULL;
}

/* A row's member of a body, in whichever of its spellings. */
static const json_t *member_of(const struct field *row, const json_t *body)
{
	const json_t *member = json_object_get(body, row->name);

	return member == NULL && row->alias != NULL ? json_object_get(body, row->alias) : member;
}

/* Unknown members are refused by name, with the nearest known one where there is one. */
static void complain_unknown(const struct field_set *set, const char *name, struct arena *arena,
    struct complaints *complaints)
{
	const char *known[64];
	size_t count = set->count < countof(known) ? set->count : countof(known);

	for (size_t i = 0; i < count; i++)
		known[i] = set->rows[i].name;
	const char *near = str_nearest(name, known, count);
	size_t shown = strnlen(name, 64);
	/* Not inside a character: the answer could not be written. */
	while (shown > 0 && ((unsigned char)name[shown] & 0xc0) == 0x80)
		shown--;
	const char *field = arena_strndup(arena, name, shown);
	const char *message =
	    near == NULL ? "is not a known field"
			 : arena_printf(arena, "is not a known field; did you mean \"%s\"?", near);
	complain(complaints, field == NULL ? "body" : field,
	    message == NULL ? "is not a known field" : message);
}

/* A change that changes nothing is a slip of somebody. */
static void complain_none(
    const struct field_set *set, struct arena *arena, struct complaints *complaints)
{
	struct buf text;

	buf_init(&text, 1024);
	for (size_t i = 0; i < set->count; i++)
		buf_printf(
		    &text, "%s%s", i == 0 ? "must have at least one of " : ", ", set->rows[i].name);
	const char *message = arena_strdup(arena, buf_str(&text));
	complain(complaints, "body", message == NULL ? "must not be empty" : message);
	buf_free(&text);
}

enum err fields_read_json(const struct field_set *set, const json_t *body, struct arena *arena,
    void *ret_struct, struct complaints *complaints)
{
	size_t before = complaints->seen;
	const char *name;
	json_t *value;

	fields_prepare(set, ret_struct);
	if (!json_is_object(body)) {
		complain(complaints, "body", "must be a JSON object");
		return ERR_VALIDATION;
	}
	if (set->some_required && json_object_size(body) == 0)
		complain_none(set, arena, complaints);
	for (size_t i = 0; i < set->count; i++) {
		const struct field *row = &set->rows[i];
		const json_t *member = member_of(row, body);
		bool absent =
		    member == NULL || (json_is_null(member) && (row->flags & FIELD_NULLABLE) != 0);
		if (!absent)
			take_json(row, member, arena, ret_struct, complaints);
		else if ((row->flags & FIELD_REQUIRED) != 0)
			complain(complaints, row->name, "is required");
	}
	if (set->rule != NULL)
		set->rule(ret_struct, complaints);
	/* Jansson's iterator takes a non-const object but changes nothing. */
	json_object_foreach((json_t *)(uintptr_t)body, name, value)
	{
		if (fields_find(set, name) == NULL)
			complain_unknown(set, name, arena, complaints);
	}
	if (complaints->seen > before)
		return ERR_VALIDATION;
	return arena_overflowed(arena) ? ERR_NOMEM : ERR_OK;
}

void fields_complain_unknown(const struct field_set *set, const char *name, struct arena *arena,
    struct complaints *complaints)
{
	complain_unknown(set, name, arena, complaints);
}
