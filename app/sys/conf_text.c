/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings table as text for people: the example file and the manual. Both come from the
 * rows that also drive the parser, so they cannot say something else than it does.
 */
#include "base.h"
#include "conf.h"

#include <stdio.h>
#include <string.h>

#define EXAMPLE_WIDTH 78 /* columns of a line of prose, with its "# " */
#define MANUAL_WIDTH 76

void conf_value_text(const struct conf_row *row, const void *settings, char *out, size_t size_bytes)
{
	const char *member = (const char *)settings + row->offset;
	const char *text = "";
	int64_t number = 0;
	bool yes = false;

	switch (row->type) {
	case CONF_INT:
		memcpy(&number, member, sizeof(number));
		(void)snprintf(out, size_bytes, "%lld", (long long)number);
		break;
	case CONF_OCTAL:
		memcpy(&number, member, sizeof(number));
		(void)snprintf(out, size_bytes, "%04llo", (unsigned long long)number);
		break;
	case CONF_BOOL:
		memcpy(&yes, member, sizeof(yes));
		(void)snprintf(out, size_bytes, "%s", yes ? "yes" : "no");
		break;
	case CONF_TEXT:
	case CONF_PATH:
	case CONF_CHOICE:
	case CONF__MAX:
		memcpy(&text, member, sizeof(text));
		(void)snprintf(out, size_bytes, "%s", text != NULL ? text : "");
		break;
	}
}

/* What a value may be, as the end of the sentence "The value is …". */
static void kind_text(const struct conf_row *row, char *out, size_t size)
{
	const char *choices = row->choices;
	size_t used;

	switch (row->type) {
	case CONF_INT:
		(void)snprintf(out, size, "a whole number from %lld to %lld", (long long)row->min,
		    (long long)row->max);
		return;
	case CONF_OCTAL:
		(void)snprintf(
		    out, size, "an octal number up to %04llo", (unsigned long long)row->max);
		return;
	case CONF_BOOL:
		(void)snprintf(out, size, "yes or no");
		return;
	case CONF_PATH:
		(void)snprintf(out, size, "an absolute path, or empty");
		return;
	case CONF_TEXT:
	case CONF__MAX:
		(void)snprintf(out, size, "text");
		return;
	case CONF_CHOICE:
		break;
	}
	used = (size_t)snprintf(out, size, "one of");
	while (*choices != '\0' && used < size) {
		size_t len = strcspn(choices, "|");
		bool last = choices[len] == '\0';

		used += (size_t)snprintf(
		    out + used, size - used, " %.*s%s", (int)len, choices, last ? "" : ",");
		choices += len + (last ? 0 : 1);
	}
}

/* Length of the next word. */
static size_t word_length(const char *text)
{
	return strcspn(text, " \n");
}

/* Does a sentence end with this word? Then what follows starts a new line in the manual. */
static bool ends_sentence(const char *word, size_t len)
{
	if (len == 4 && (memcmp(word, "e.g.", len) == 0 || memcmp(word, "i.e.", len) == 0))
		return false;
	return len > 1 && strchr(".?!", word[len - 1]) != NULL;
}

/* Prose for the example file, filled to the width, each line behind "# ". */
static void example_prose(struct buf *out, const char *text)
{
	size_t column = 0;

	for (text += strspn(text, " \n"); *text != '\0'; text += strspn(text, " \n")) {
		size_t len = word_length(text);

		if (column > 0 && column + 1 + len > EXAMPLE_WIDTH) {
			buf_addc(out, '\n');
			column = 0;
		}
		buf_adds(out, column == 0 ? "# " : " ");
		buf_add(out, text, len);
		column += len + (column == 0 ? 2 : 1);
		text += len;
	}
	if (column > 0)
		buf_addc(out, '\n');
}

void conf_write_example(const struct conf_row *rows, size_t count, struct buf *out)
{
	char kind[256];

	example_prose(out,
	    "Settings of Bonafide, one \"key = value\" on a line. What is commented out stands at "
	    "its default. A comment starts with # or ; at the start of a line or behind a blank. "
	    "Values are written without quotes. See bonafide.conf(5).");
	for (size_t i = 0; i < count; i++) {
		const struct conf_row *row = &rows[i];

		buf_addc(out, '\n');
		example_prose(out, row->manual);
		kind_text(row, kind, sizeof(kind));
		buf_printf(
		    out, "# (%s; %s)\n", kind, row->reload == CONF_RELOADS ? "reload" : "restart");
		buf_printf(out, row->initial[0] == '\0' ? "#%s =%s\n" : "#%s = %s\n", row->key,
		    row->initial);
	}
}

/* One character as roff takes it, in prose and between quotes. */
static void roff_char(struct buf *out, char c)
{
	if (c == '\\')
		buf_adds(out, "\\e");
	else if (c == '"')
		buf_adds(out, "\\(dq");
	else
		buf_addc(out, c);
}

static void roff_word(struct buf *out, const char *word, size_t len, bool starts_line)
{
	/* At the start of a line a dot or a quote would make it a request. */
	if (starts_line && (word[0] == '.' || word[0] == '\''))
		buf_adds(out, "\\&");
	for (size_t i = 0; i < len; i++)
		roff_char(out, word[i]);
}

/* Prose for the manual: filled, and a new line after each sentence, as mdoc(7) wants. */
static void manual_prose(struct buf *out, const char *text)
{
	size_t column = 0;

	for (text += strspn(text, " \n"); *text != '\0'; text += strspn(text, " \n")) {
		size_t len = word_length(text);

		if (column > 0 && column + 1 + len > MANUAL_WIDTH) {
			buf_addc(out, '\n');
			column = 0;
		}
		if (column > 0)
			buf_addc(out, ' ');
		roff_word(out, text, len, column == 0);
		column += len + 1;
		if (ends_sentence(text, len)) {
			buf_addc(out, '\n');
			column = 0;
		}
		text += len;
	}
	if (column > 0)
		buf_addc(out, '\n');
}

/* A value as an argument of a macro; \& keeps a word that is also a macro from being one. */
static void manual_value(struct buf *out, const char *macro, const char *value)
{
	buf_printf(out, ".%s \"\\&", macro);
	for (; *value != '\0'; value++)
		roff_char(out, *value);
	buf_adds(out, "\" .\n");
}

void conf_write_manual(const struct conf_row *rows, size_t count, struct buf *out)
{
	char kind[256];
	char line[320];

	for (size_t i = 0; i < count; i++) {
		const struct conf_row *row = &rows[i];

		buf_printf(out, ".It Ic %s\n", row->key);
		manual_prose(out, row->manual);
		kind_text(row, kind, sizeof(kind));
		(void)snprintf(line, sizeof(line), "The value is %s.", kind);
		manual_prose(out, line);
		if (row->initial[0] == '\0') {
			buf_adds(out, "It is empty by default.\n");
		} else {
			buf_adds(out, "The default is\n");
			manual_value(out, row->type == CONF_PATH ? "Pa" : "Ql", row->initial);
		}
		if (row->reload == CONF_RESTARTS)
			buf_adds(out, "A change needs a restart.\n");
	}
}
