/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h owns how we read and write JSON through Jansson: strict and bounded on the way in,
 * compact on the way out. json_t is the common value type of the floors above.
 */
#ifndef BONAFIDE_JSON_H
#define BONAFIDE_JSON_H

#include "base.h"
#include "buf.h"

#include <jansson.h>

/* What is wrong with a text that is not acceptable JSON, for the person who sent it. */
struct json_fault {
	char field[64];    /* the member at fault when known (a duplicate), else "body" */
	char message[160]; /* what is wrong, with line and column; never quotes a value */
};

/*
 * Parses one JSON text (RFC 8259): UTF-8, no duplicate member, nothing behind it, at most
 * LIMIT_JSON_DEPTH deep, no NUL in strings. The caller owns *ret_value (json_decref).
 * ERR_SYNTAX with *ret_fault filled (NULL allowed), ERR_NOMEM.
 */
enum err json_read(const char *text, size_t len_bytes, json_t **ret_value,
    struct json_fault *ret_fault) MUST_CHECK;

/* Appends the compact form, members in the order they were set, UTF-8 unescaped. ERR_FULL,
 * ERR_NOMEM. */
enum err json_write(const json_t *value, struct buf *out) MUST_CHECK;

/* The same for people: a member a line, indented by two blanks. */
enum err json_write_pretty(const json_t *value, struct buf *out) MUST_CHECK;

/* The string member, or NULL when absent or of another type. Borrowed from object. */
const char *json_get_text(const json_t *object, const char *member);

/*
 * A member as text whether it is a string or an integer (providers send both); written to out
 * (size bytes). ERR_MISSING when absent or of another type, ERR_FULL when too long.
 */
enum err json_get_loose(
    const json_t *object, const char *member, char *out, size_t size_bytes) MUST_CHECK;

/* Sets a member to a string, or to null when text is NULL. ERR_NOMEM (also bad UTF-8). */
enum err json_put_text(json_t *object, const char *member, const char *text) MUST_CHECK;

/* Sets a member to an integer. ERR_NOMEM. */
enum err json_put_int(json_t *object, const char *member, int64_t value) MUST_CHECK;

/* Sets a member to a boolean. ERR_NOMEM. */
enum err json_put_bool(json_t *object, const char *member, bool value) MUST_CHECK;

/* Sets a member, taking ownership of value; NULL value (no memory upstream) is ERR_NOMEM. */
enum err json_put(json_t *object, const char *member, json_t *value) MUST_CHECK;

/* An array of the words of a space-separated list; NULL when memory is out. Caller owns. */
json_t *json_words(const char *words);

#endif
