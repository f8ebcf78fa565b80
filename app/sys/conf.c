/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libinih splits the lines; this file hands it each line itself. That is how a complaint gets
 * its line number (inih passes none to its handler as distributions build it), how a line that
 * inih would cut is noticed, and how section headers and continuation lines, which our files do
 * not have, are kept from it.
 */
#include "base.h"
#include "conf.h"
#include "limits.h"
#include "str.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One reading of one file. */
struct reading {
	const struct conf_row *rows;
	size_t count;
	struct arena *arena;
	void *settings;
	struct buf *complaints;
	const char *path;
	FILE *file;
	char *line; /* of getline() */
	size_t line_size;
	unsigned line_number;
	unsigned *first_line; /* where each row was set, 0 when it was not */
	bool awaited;         /* the current line must reach the handler */
	bool faulty;          /* something was complained about */
	enum err err;         /* what ends the reading: ERR_NOMEM, ERR_IO */
};

/* May a bad value of this setting be shown? */
static bool row_is_secret(const char *key)
{
	static const char *const words[] = { "password", "key", "secret", "token" };

	for (size_t i = 0; i < countof(words); i++)
		if (strstr(key, words[i]) != NULL)
			return true;
	return false;
}

static void complain_value(struct buf *out, const struct conf_row *row, const char *value)
{
	if (!row_is_secret(row->key))
		buf_printf(out, ", not \"%s\"", value);
	buf_adds(out, ".\n");
}

/* Writes value into the member; typed through memcpy, because the table knows only offsets. */
static void member_set(void *settings, const struct conf_row *row, const void *value, size_t size)
{
	memcpy((char *)settings + row->offset, value, size);
}

/* Is word one of "a|b|c"? */
static bool choice_has(const char *choices, const char *word)
{
	size_t word_len = strlen(word);

	for (;;) {
		size_t len = strcspn(choices, "|");

		if (len == word_len && memcmp(choices, word, len) == 0)
			return true;
		if (choices[len] == '\0')
			return false;
		choices += len + 1;
	}
}

static bool text_is_clean(const char *value)
{
	for (const char *c = value; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return utf8_valid(value, strlen(value));
}

static enum err set_text(const struct conf_row *row, const char *value, struct arena *arena,
    void *settings, struct buf *complaints)
{
	const char *copy;

	/* A value that is not clean is never shown: it could garble a terminal. */
	if (strlen(value) > LIMIT_SETTING || !text_is_clean(value)) {
		buf_printf(complaints, "%s must be UTF-8 text of at most %d characters.\n",
		    row->key, LIMIT_SETTING);
		return ERR_CONFIG;
	}
	if (row->type == CONF_PATH && value[0] != '\0' && value[0] != '/') {
		buf_printf(complaints, "%s must be an absolute path or empty", row->key);
		complain_value(complaints, row, value);
		return ERR_CONFIG;
	}
	if (row->type == CONF_CHOICE && !choice_has(row->choices, value)) {
		buf_printf(complaints, "%s must be one of %s", row->key, row->choices);
		complain_value(complaints, row, value);
		return ERR_CONFIG;
	}
	copy = arena_strdup(arena, value);
	if (copy == NULL)
		return ERR_NOMEM;
	member_set(settings, row, &copy, sizeof(copy));
	return ERR_OK;
}

static enum err set_number(
    const struct conf_row *row, const char *value, void *settings, struct buf *complaints)
{
	int64_t number = 0;
	unsigned octal = 0;
	enum err err;

	if (row->type == CONF_OCTAL) {
		err = str_to_octal(value, (unsigned)row->max, &octal);
		number = octal;
	} else {
		err = str_to_i64(value, row->min, row->max, &number);
	}
	if (err == ERR_OK) {
		member_set(settings, row, &number, sizeof(number));
		return ERR_OK;
	}
	if (row->type == CONF_OCTAL)
		buf_printf(complaints, "%s must be an octal number up to %04o", row->key,
		    (unsigned)row->max);
	else
		buf_printf(complaints, "%s must be a whole number from %lld to %lld", row->key,
		    (long long)row->min, (long long)row->max);
	complain_value(complaints, row, value);
	return ERR_CONFIG;
}

/* Sets one row; the sentence of a fault is appended without a place in front. */
static enum err row_set(const struct conf_row *row, const char *value, struct arena *arena,
    void *settings, struct buf *complaints)
{
	bool yes;

	switch (row->type) {
	case CONF_INT:
	case CONF_OCTAL:
		return set_number(row, value, settings, complaints);
	case CONF_BOOL:
		if (str_to_bool(value, &yes) == ERR_OK) {
			member_set(settings, row, &yes, sizeof(yes));
			return ERR_OK;
		}
		buf_printf(complaints, "%s must be yes or no", row->key);
		complain_value(complaints, row, value);
		return ERR_CONFIG;
	case CONF_TEXT:
	case CONF_PATH:
	case CONF_CHOICE:
	case CONF__MAX:
		break;
	}
	return set_text(row, value, arena, settings, complaints);
}

static const struct conf_row *row_find(const struct conf_row *rows, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

static enum err complain_unknown(const struct conf_row *rows, size_t count, const char *key,
    struct arena *arena, struct buf *complaints)
{
	const char **keys = arena_array(arena, count, sizeof(*keys));
	const char *near;

	if (keys == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		keys[i] = rows[i].key;
	if (!text_is_clean(key)) {
		buf_adds(complaints, "this is not the name of a setting.\n");
		return ERR_CONFIG;
	}
	buf_printf(complaints, "there is no setting \"%s\"", key);
	near = str_nearest(key, keys, count);
	if (near != NULL)
		buf_printf(complaints, "; did you mean \"%s\"?\n", near);
	else
		buf_adds(complaints, ".\n");
	return ERR_CONFIG;
}

/* Starts a complaint about the current line. */
static void complain_here(struct reading *reading)
{
	reading->faulty = true;
	buf_printf(reading->complaints, "%s:%u: ", reading->path, reading->line_number);
}

static enum err take_value(
    struct reading *reading, const char *key, const char *value, struct buf *sentence)
{
	const struct conf_row *row = row_find(reading->rows, reading->count, key);
	unsigned *first;

	if (row == NULL)
		return complain_unknown(
		    reading->rows, reading->count, key, reading->arena, sentence);
	first = &reading->first_line[row - reading->rows];
	if (*first != 0) {
		buf_printf(sentence, "%s is set already on line %u.\n", key, *first);
		return ERR_CONFIG;
	}
	*first = reading->line_number;
	if (value[0] == '"') {
		buf_printf(sentence, "%s: a value is written without quotes.\n", key);
		return ERR_CONFIG;
	}
	return row_set(row, value, reading->arena, reading->settings, sentence);
}

/* inih's handler: one pair of the current line. */
static int take_pair(void *user, const char *section, const char *key, const char *value)
{
	struct reading *reading = user;
	struct buf sentence;
	enum err err;

	(void)section;
	reading->awaited = false;
	buf_init(&sentence, 4 * LIMIT_SETTING);
	err = take_value(reading, key, value != NULL ? value : "", &sentence);
	if (err == ERR_CONFIG) {
		complain_here(reading);
		buf_adds(reading->complaints, buf_str(&sentence));
	} else if (err != ERR_OK) {
		reading->err = err;
	}
	buf_free(&sentence);
	return 1;
}

/* The line before this one should have been a pair and was not. */
static void settle_line(struct reading *reading)
{
	if (!reading->awaited)
		return;
	reading->awaited = false;
	complain_here(reading);
	buf_adds(reading->complaints, "this line is not \"key = value\".\n");
}

/* What is wrong with a line as such, or NULL. text is what is left without its blanks. */
static const char *line_fault(
    const struct reading *reading, const char *text, size_t got, size_t room)
{
	if (strlen(reading->line) != got)
		return "this line holds a NUL character.\n";
	if (text[0] == '[')
		return "section headers are not used in this file.\n";
	/* Room for the line, its line feed and a NUL: else inih would see the rest as a line. */
	if (strcspn(text, "\r\n") + 2 > room && text[0] != '#' && text[0] != ';')
		return "this line is too long.\n";
	return NULL;
}

/* Cuts a comment behind a value: '#' or ';' with a blank in front. inih cuts only the latter, and
 * not in every build of it. */
static void cut_comment(char *line)
{
	for (char *c = line; *c != '\0'; c++) {
		if ((*c == ' ' || *c == '\t') && (c[1] == '#' || c[1] == ';')) {
			*c = '\0';
			return;
		}
	}
}

/*
 * Gives inih its next line, as fgets() would. Lines that inih should not see become empty ones;
 * blanks in front go, because inih would take the line for a continuation.
 */
static char *next_line(char *out, int room, void *user)
{
	struct reading *reading = user;
	const char *fault;
	char *text;
	ssize_t got;

	settle_line(reading);
	if (reading->err != ERR_OK)
		return NULL;
	errno = 0;
	got = getline(&reading->line, &reading->line_size, reading->file);
	if (got < 0) {
		if (ferror(reading->file) != 0)
			reading->err = ERR_IO;
		else if (errno == ENOMEM)
			reading->err = ERR_NOMEM;
		return NULL;
	}
	reading->line_number++;
	if (reading->line_number == 1 && strncmp(reading->line, "\xef\xbb\xbf", 3) == 0)
		memset(reading->line, ' ', 3); /* a byte order mark */
	text = reading->line + strspn(reading->line, " \t");
	fault = line_fault(reading, text, (size_t)got, (size_t)room);
	text[strcspn(text, "\r\n")] = '\0';
	cut_comment(text);
	if (fault != NULL) {
		complain_here(reading);
		buf_adds(reading->complaints, fault);
		text[0] = '\0';
	}
	reading->awaited = text[0] != '\0' && text[0] != '#' && text[0] != ';';
	(void)snprintf(out, (size_t)room, "%s\n", text);
	return out;
}

static enum err read_defaults(const struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++) {
		const struct conf_row *row = &reading->rows[i];
		enum err err = row_set(
		    row, row->initial, reading->arena, reading->settings, reading->complaints);

		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err read_file(struct reading *reading)
{
	reading->file = fopen(reading->path, "re");
	if (reading->file == NULL) {
		buf_printf(reading->complaints, "%s:0: cannot open this file: %s.\n", reading->path,
		    strerror(errno));
		return ERR_IO;
	}
	if (ini_parse_stream(next_line, reading, take_pair, reading) == -2)
		reading->err = ERR_NOMEM;
	settle_line(reading);
	if (reading->err == ERR_IO)
		buf_printf(reading->complaints, "%s:%u: cannot read this file: %s.\n",
		    reading->path, reading->line_number, strerror(errno));
	(void)fclose(reading->file);
	if (reading->line != NULL)
		wipe(reading->line, reading->line_size);
	free(reading->line);
	if (reading->err != ERR_OK)
		return reading->err;
	return reading->faulty ? ERR_CONFIG : ERR_OK;
}

enum err conf_read(const struct conf_row *rows, size_t count, const char *path, struct arena *arena,
    void *ret_settings, struct buf *complaints)
{
	struct reading reading = {
		.rows = rows,
		.count = count,
		.arena = arena,
		.settings = ret_settings,
		.complaints = complaints,
		.path = path,
		.err = ERR_OK,
	};
	enum err err;

	reading.first_line = arena_array(arena, count, sizeof(*reading.first_line));
	if (reading.first_line == NULL)
		return ERR_NOMEM;
	err = read_defaults(&reading);
	if (err != ERR_OK || path == NULL)
		return err;
	return read_file(&reading);
}

enum err conf_set(const struct conf_row *rows, size_t count, const char *key, const char *value,
    struct arena *arena, void *settings, struct buf *complaints)
{
	const struct conf_row *row = row_find(rows, count, key);

	if (row == NULL)
		return complain_unknown(rows, count, key, arena, complaints);
	return row_set(row, value, arena, settings, complaints);
}
