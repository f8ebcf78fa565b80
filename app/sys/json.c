/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jansson parses and prints; this file adds the bounds it does not have (depth) and turns its
 * complaints into sentences that never quote what was sent.
 */
#include "base.h"
#include "json.h"
#include "limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in a text something is, for people: both count from 1, columns in code points. */
struct place {
	size_t line;
	size_t column;
};

static struct place place_of(const char *text, size_t offset)
{
	struct place place = { .line = 1, .column = 1 };

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)text[i] & 0xc0U) != 0x80U) {
			place.column++;
		}
	}
	return place;
}

static void fault_set(struct json_fault *fault, const char *what, struct place place)
{
	if (fault == NULL)
		return;
	(void)snprintf(fault->field, sizeof(fault->field), "body");
	(void)snprintf(fault->message, sizeof(fault->message), "%s (line %zu, column %zu)", what,
	    place.line, place.column);
}

/*
 * Finds the first bracket that opens one level too many, so that depth is refused before
 * Jansson, whose own limit is 2048, recurses into it. True when there is one.
 */
static bool too_deep(const char *text, size_t len, size_t *ret_offset)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > LIMIT_JSON_DEPTH) {
				*ret_offset = i;
				return true;
			}
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

/* Copies as much of text as fits, whole code points only, control characters as '?'. */
static void copy_name(const char *text, char *out, size_t size)
{
	size_t len = strlen(text);

	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0U) == 0x80U)
			len--;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		out[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
	}
	out[len] = '\0';
}

/*
 * Jansson stops right behind the second spelling of a duplicate member: the string that ends
 * there is its name.
 */
static void fault_name(const char *text, size_t end, struct json_fault *fault)
{
	size_t start, slashes;
	json_t *name;

	if (end < 2 || text[end - 1] != '"')
		return;
	for (start = end - 1; start > 0;) {
		start--;
		if (text[start] != '"')
			continue;
		for (slashes = 0; slashes < start && text[start - slashes - 1] == '\\';)
			slashes++;
		if (slashes % 2 == 0)
			break;
	}
	name = json_loadb(text + start, end - start, JSON_DECODE_ANY, NULL);
	if (json_is_string(name) && json_string_length(name) > 0)
		copy_name(json_string_value(name), fault->field, sizeof(fault->field));
	json_decref(name);
}

static const char *fault_words(enum json_error_code code)
{
	switch (code) {
	case json_error_invalid_utf8:
		return "is not valid UTF-8";
	case json_error_premature_end_of_input:
		return "ends too early";
	case json_error_end_of_input_expected:
		return "has something behind the end of its JSON";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "has a string with the NUL character";
	case json_error_duplicate_key:
		return "is given twice";
	case json_error_numeric_overflow:
		return "has a number that is too large";
	case json_error_stack_overflow:
		return "is nested too deeply";
	default:
		return "is not valid JSON";
	}
}

static enum err fault_from(
    const char *text, size_t len, const json_error_t *error, struct json_fault *ret_fault)
{
	enum json_error_code code = json_error_code(error);
	size_t end = error->position > 0 ? (size_t)error->position : 0;

	/* Without a code Jansson failed before it looked at the text. */
	if (code == json_error_out_of_memory || (code == json_error_unknown && len > 0))
		return ERR_NOMEM;
	if (end > len)
		end = len;
	/* position counts what was read; the fault is in the last byte of that. */
	fault_set(ret_fault, fault_words(code), place_of(text, end > 0 ? end - 1 : 0));
	if (ret_fault != NULL && code == json_error_duplicate_key)
		fault_name(text, end, ret_fault);
	return ERR_SYNTAX;
}

enum err json_read(
    const char *text, size_t len_bytes, json_t **ret_value, struct json_fault *ret_fault)
{
	json_error_t error = { .line = 0 };
	const char *nul;
	size_t offset = 0;
	json_t *value;

	if (text == NULL || len_bytes == 0) {
		fault_set(ret_fault, "is empty", (struct place){ 1, 1 });
		return ERR_SYNTAX;
	}
	/* No JSON text holds this byte, and Jansson takes it for the end. */
	nul = memchr(text, '\0', len_bytes);
	if (nul != NULL) {
		fault_set(ret_fault, "contains a NUL byte", place_of(text, (size_t)(nul - text)));
		return ERR_SYNTAX;
	}
	if (too_deep(text, len_bytes, &offset)) {
		fault_set(ret_fault, "is nested too deeply", place_of(text, offset));
		return ERR_SYNTAX;
	}
	value = json_loadb(text, len_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (value == NULL)
		return fault_from(text, len_bytes, &error, ret_fault);
	*ret_value = value;
	return ERR_OK;
}

static int write_piece(const char *piece, size_t len, void *arg)
{
	struct buf *out = arg;

	buf_add(out, piece, len);
	return buf_failed(out) ? -1 : 0;
}

static enum err write_by(const json_t *value, size_t flags, struct buf *out)
{
	if (json_dump_callback(value, write_piece, out, flags | JSON_ENCODE_ANY) == 0)
		return ERR_OK;
	return buf_failed(out) ? buf_err(out) : ERR_NOMEM;
}

enum err json_write(const json_t *value, struct buf *out)
{
	return write_by(value, JSON_COMPACT, out);
}

enum err json_write_pretty(const json_t *value, struct buf *out)
{
	return write_by(value, JSON_INDENT(2), out);
}

const char *json_get_text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

enum err json_get_loose(const json_t *object, const char *member, char *out, size_t size_bytes)
{
	const json_t *value = json_object_get(object, member);
	char number[24];
	const char *text;
	size_t len;

	if (json_is_integer(value)) {
		(void)snprintf(
		    number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		text = number;
	} else if (json_is_string(value)) {
		text = json_string_value(value);
	} else {
		return ERR_MISSING;
	}
	len = strlen(text);
	if (len >= size_bytes)
		return ERR_FULL;
	memcpy(out, text, len + 1);
	return ERR_OK;
}

enum err json_put(json_t *object, const char *member, json_t *value)
{
	if (value == NULL)
		return ERR_NOMEM;
	/* Takes value's reference even when it fails. */
	return json_object_set_new(object, member, value) == 0 ? ERR_OK : ERR_NOMEM;
}

enum err json_put_text(json_t *object, const char *member, const char *text)
{
	return json_put(object, member, text == NULL ? json_null() : json_string(text));
}

enum err json_put_int(json_t *object, const char *member, int64_t value)
{
	return json_put(object, member, json_integer((json_int_t)value));
}

enum err json_put_bool(json_t *object, const char *member, bool value)
{
	return json_put(object, member, json_boolean(value));
}

json_t *json_words(const char *words)
{
	json_t *array = json_array();

	while (array != NULL && *words != '\0') {
		size_t len = strcspn(words, " ");

		if (len > 0 && json_array_append_new(array, json_stringn(words, len)) != 0) {
			json_decref(array);
			return NULL;
		}
		words += len;
		words += strspn(words, " ");
	}
	return array;
}
