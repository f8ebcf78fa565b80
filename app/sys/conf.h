/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h owns reading a settings file (libinih, flat "key = value") into a struct by a table of
 * rows, and writing the example file and the manual text from the same rows. It knows no
 * setting by name: the table is core/conf.def.
 */
#ifndef BONAFIDE_CONF_H
#define BONAFIDE_CONF_H

#include "base.h"
#include "arena.h"
#include "buf.h"

enum conf_type {
	CONF_TEXT,   /* const char *; never NULL */
	CONF_PATH,   /* const char *; an absolute path or empty */
	CONF_INT,    /* int64_t within [min, max] */
	CONF_BOOL,   /* bool */
	CONF_OCTAL,  /* int64_t, octal text, at most max */
	CONF_CHOICE, /* const char *; one of the words in `choices`, separated by '|' */
	CONF__MAX
};

enum conf_reload {
	CONF_RELOADS, /* takes effect on SIGHUP */
	CONF_RESTARTS /* needs a restart; a change is reported on SIGHUP and otherwise ignored */
};

struct conf_row {
	enum conf_type type;
	const char *key;
	size_t offset;       /* of the member in the settings struct */
	const char *initial; /* the default, as text */
	int64_t min;
	int64_t max;
	const char *choices; /* CONF_CHOICE only, else NULL */
	enum conf_reload reload;
	const char *manual; /* sentences for the manual and the example file */
};

/*
 * Fills *ret_settings (a struct the rows' offsets belong to; zeroed by the caller) with the
 * defaults and then the file; texts live in the arena. A comment starts with '#' or ';' at the
 * start of a line or behind a blank; a value has no quotes; a line has at most about 195
 * characters (libinih's), and a longer one is a fault. path NULL: defaults only. Every fault of
 * the file (unknown key with the nearest known one, bad value, out of bounds, duplicate key,
 * section header) is one line "path:line: sentence" in complaints; a value is quoted only when
 * its key does not contain "password", "key", "secret" or "token". ERR_CONFIG when there are
 * complaints, ERR_IO when the file cannot be read (also a line in complaints), ERR_NOMEM.
 */
enum err conf_read(const struct conf_row *rows, size_t count, const char *path, struct arena *arena,
    void *ret_settings, struct buf *complaints) MUST_CHECK;

/* Sets one row from text, as conf_read() would (command-line overrides). */
enum err conf_set(const struct conf_row *rows, size_t count, const char *key, const char *value,
    struct arena *arena, void *settings, struct buf *complaints) MUST_CHECK;

/* The value of a row as text, into out. */
void conf_value_text(
    const struct conf_row *row, const void *settings, char *out, size_t size_bytes);

/* Appends the example file: each setting commented out at its default with its manual text. */
void conf_write_example(const struct conf_row *rows, size_t count, struct buf *out);

/* Appends the settings part of bonafide.conf(5) as mdoc(7) items, in the table's order. */
void conf_write_manual(const struct conf_row *rows, size_t count, struct buf *out);

#endif
