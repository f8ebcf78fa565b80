/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_write.c writes a reply object from a struct by its rows. It writes text straight into
 * the reply instead of building a json_t tree first: names are literals of ours, and each value
 * is escaped here in one place.
 */
#include "field.h"

#include <string.h>

#include "clock.h"

static void write_object(const struct field_set *set, const void *object, struct buf *out);

/* RFC 8259 section 7. Bytes above 0x7f pass: everything we hold is checked UTF-8. */
static void write_string(const char *text, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";

	buf_addc(out, '"');
	while (*text != '\0') {
		size_t plain = 0;
		while (
		    (unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
			plain++;
		buf_add(out, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		if (*text == '"' || *text == '\\') {
			buf_addc(out, '\\');
			buf_addc(out, *text);
		} else {
			buf_adds(out, "\\u00");
			buf_addc(out, hex[((unsigned char)*text >> 4) & 15]);
			buf_addc(out, hex[(unsigned char)*text & 15]);
		}
		text++;
	}
	buf_addc(out, '"');
}

static void write_words(const char *words, struct buf *out)
{
	bool first = true;

	buf_addc(out, '[');
	while (words != NULL && *words != '\0') {
		size_t len = strcspn(words, " ");
		if (len > 0) {
			if (!first)
				buf_addc(out, ',');
			buf_addc(out, '"');
			/* Words are of our own lists: letters, digits, '.', ':', '_'. */
			buf_add(out, words, len);
			buf_addc(out, '"');
			first = false;
		}
		words += len + (words[len] == ' ');
	}
	buf_addc(out, ']');
}

static void write_time(int64_t time_ms, struct buf *out)
{
	char text[TIME_TEXT_SIZE];

	time_text(time_ms, text);
	write_string(text, out);
}

/* Text that is JSON already: of our own writing. */
static void write_json(const char *text, const char *none, struct buf *out)
{
	buf_adds(out, text == NULL ? none : text);
}

static void write_id(const struct field *row, struct uuid id, struct buf *out)
{
	char text[ID_TEXT_SIZE];

	id_text(row->id_kind, id, text);
	write_string(text, out);
}

static void write_i64(const struct field *row, int64_t value, struct buf *out)
{
	if (value == DB_NULL)
		buf_adds(out, "null");
	else if (row->type == FIELD_SWITCH)
		buf_adds(out, value != 0 ? "true" : "false");
	else if (row->type == FIELD_TIME)
		write_time(value, out);
	else if (row->type == FIELD_RATIO)
		buf_printf(out, "%lld.%02lld", (long long)(value / 100), (long long)(value % 100));
	else
		buf_printf(out, "%lld", (long long)value);
}

static void write_objects(const struct field *row, const void *object, struct buf *out)
{
	const char *items;
	size_t count;

	memcpy(&items, (const char *)object + row->offset, sizeof(items));
	memcpy(&count, (const char *)object + row->count_offset, sizeof(count));
	buf_addc(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_addc(out, ',');
		write_object(row->set, items + i * row->set->struct_size, out);
	}
	buf_addc(out, ']');
}

static void write_value(const struct field *row, const void *object, struct buf *out)
{
	const char *member = (const char *)object + row->offset;
	const char *text;
	struct uuid id;
	int64_t number;

	switch (row->type) {
	case FIELD_TEXT:
	case FIELD_WORD:
	case FIELD_DATE:
		memcpy(&text, member, sizeof(text));
		if (text == NULL)
			buf_adds(out, "null");
		else
			write_string(text, out);
		return;
	case FIELD_WORDS:
		memcpy(&text, member, sizeof(text));
		write_words(text, out);
		return;
	case FIELD_TEXTS:
	case FIELD_JSON:
		memcpy(&text, member, sizeof(text));
		write_json(text, row->type == FIELD_TEXTS ? "[]" : "null", out);
		return;
	case FIELD_OBJECT:
		write_object(row->set, member, out);
		return;
	case FIELD_OBJECTS:
		write_objects(row, object, out);
		return;
	case FIELD_BOOL:
		buf_adds(out, *(const bool *)member ? "true" : "false");
		return;
	case FIELD_ID:
		memcpy(&id, member, sizeof(id));
		if (uuid_is_nil(id))
			buf_adds(out, "null");
		else
			write_id(row, id, out);
		return;
	default:
		memcpy(&number, member, sizeof(number));
		write_i64(row, number, out);
	}
}

/* True when there is nothing to say: what FIELD_OPTIONAL leaves out. */
static bool is_nothing(const struct field *row, const void *object)
{
	const char *member = (const char *)object + row->offset;
	const void *pointer;
	struct uuid id;
	int64_t number;

	if (row->type == FIELD_BOOL)
		return !*(const bool *)member;
	if (row->type == FIELD_ID) {
		memcpy(&id, member, sizeof(id));
		return uuid_is_nil(id);
	}
	if (row->type == FIELD_INT || row->type == FIELD_TIME || row->type == FIELD_SWITCH) {
		memcpy(&number, member, sizeof(number));
		return number == DB_NULL;
	}
	memcpy(&pointer, member, sizeof(pointer));
	return row->type != FIELD_OBJECT && pointer == NULL;
}

static void write_object(const struct field_set *set, const void *object, struct buf *out)
{
	bool first = true;

	buf_addc(out, '{');
	for (size_t i = 0; i < set->count; i++) {
		const struct field *row = &set->rows[i];
		if ((row->flags & FIELD_OPTIONAL) != 0 && is_nothing(row, object))
			continue;
		if (!first)
			buf_addc(out, ',');
		write_string(row->name, out);
		buf_addc(out, ':');
		write_value(row, object, out);
		first = false;
	}
	buf_addc(out, '}');
}

enum err fields_write(const struct field_set *set, const void *object, struct buf *out)
{
	write_object(set, object, out);
	return buf_err(out);
}
