/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl.h owns the engine behind `bonafide`: commands are rows of a table (noun, verb, typed
 * arguments, function, help), one parser reads a command line against it, one help writer
 * explains it, one printer shows rows to people as a table and to scripts as JSON. The rows are
 * in c_<noun>.c; bonafide.c lists the nouns and opens what a command needs.
 */
#ifndef BONAFIDE_CTL_H
#define BONAFIDE_CTL_H

#include "base.h"

#include <stdio.h>

#include "arena.h"
#include "buf.h"
#include "ctx.h"
#include "id.h"

/* ---- the table ---------------------------------------------------------------------------- */

enum ctl_type {
	CTL_TEXT, /* const char *, valid UTF-8, not empty, at most max code points; NULL when absent */
	CTL_WORD, /* const char *, one of `words`; NULL when absent */
	CTL_ID,   /* struct uuid from a TypeID of kind `id`; nil when absent */
	CTL_INT,  /* int64_t within [min, max]; `initial` when absent */
	CTL_TIME, /* int64_t, UTC milliseconds, of an RFC 3339 date or time; TIME_NONE when absent */
	CTL_FLAG, /* bool; an option without a value */
};

/*
 * One argument of a command. A name in capitals is the next bare word of the line, any other is
 * an option: name "app" is `--app VALUE`. The value is converted into a member of the command's
 * own input struct; the ARG macros make a row whose member has another type fail to compile.
 */
struct ctl_arg {
	enum ctl_type type;
	const char *name;
	const char *value; /* how help calls an option's value; NULL for flags and bare words; the
			    * words themselves for CTL_WORD */
	size_t offset;
	bool required;
	enum id_kind id;
	const char *words; /* separated by '|' */
	int64_t min;
	int64_t max;
	int64_t initial;
	const char *sentence;
	const char *const *list; /* words that help prints behind the sentence; NULL for none */
	size_t list_count;
};

#define ARG_TEXT(input, member, arg_name, arg_value, must, longest, arg_sentence) \
	{ \
		.type = CTL_TEXT, .name = arg_name, .value = arg_value, \
		.offset = MEMBER_IS(const char *, input, member), .required = must, \
		.max = longest, .sentence = arg_sentence \
	}
#define ARG_WORD(input, member, arg_name, must, arg_words, arg_sentence) \
	{ \
		.type = CTL_WORD, .name = arg_name, .value = arg_words, \
		.offset = MEMBER_IS(const char *, input, member), .required = must, \
		.words = arg_words, .sentence = arg_sentence \
	}
#define ARG_ID(input, member, arg_name, arg_value, must, kind, arg_sentence) \
	{ \
		.type = CTL_ID, .name = arg_name, .value = arg_value, \
		.offset = MEMBER_IS(struct uuid, input, member), .required = must, .id = kind, \
		.sentence = arg_sentence \
	}
#define ARG_INT(input, member, arg_name, arg_value, least, most, otherwise, arg_sentence) \
	{ \
		.type = CTL_INT, .name = arg_name, .value = arg_value, \
		.offset = MEMBER_IS(int64_t, input, member), .min = least, .max = most, \
		.initial = otherwise, .sentence = arg_sentence \
	}
#define ARG_TIME(input, member, arg_name, arg_value, must, arg_sentence) \
	{ \
		.type = CTL_TIME, .name = arg_name, .value = arg_value, \
		.offset = MEMBER_IS(int64_t, input, member), .required = must, \
		.sentence = arg_sentence \
	}
#define ARG_FLAG(input, member, arg_name, arg_sentence) \
	{ \
		.type = CTL_FLAG, .name = arg_name, .offset = MEMBER_IS(bool, input, member), \
		.sentence = arg_sentence \
	}

struct ctl;

/*
 * Carries a command out. input: the command's own struct, filled. ERR_OK is exit status 0;
 * anything else is 1, and when the function has not said why with ctl_fail(), the engine says
 * what the error's class means.
 */
typedef enum err ctl_fn(struct ctl *ctl, const void *input);

/* What a command needs opened before it runs. */
#define CTL_SETTINGS 0x01u  /* ctl->ctx.settings; everything below includes it */
#define CTL_DB 0x02u        /* a connection that answers */
#define CTL_KEYS 0x04u      /* the keyring */
#define CTL_AS_CALLER 0x08u /* stays root when started as root: it writes root's files */

struct ctl_command {
	const char *verb; /* "revoke"; "" when the noun alone is the command */
	bool bare;        /* what the noun alone means, where it has verbs */
	unsigned needs;
	ctl_fn *run;
	const struct ctl_arg *args;
	size_t arg_count;
	size_t input_size;
	const char *summary; /* a phrase for lists: "revoke a key" */
	const char *help;    /* sentences for `--help`; NULL when the summary says it all */
};

struct ctl_noun {
	const char *word; /* "key" */
	const char *summary;
	const struct ctl_command *commands;
	size_t count;
};

/* ---- the parser --------------------------------------------------------------------------- */

/* What a command line turned out to say. */
struct ctl_line {
	const struct ctl_noun *noun;       /* NULL: none */
	const struct ctl_command *command; /* NULL: none (then help or version is set) */
	void *input;                       /* filled, in the arena; of command->input_size bytes */
	const char *config;                /* -c FILE; NULL when not given */
	bool json;
	bool help;
	bool version;
};

/*
 * Reads argv[1..argc-1] against the table. ERR_VALIDATION when the line is wrong: complaints
 * then holds a sentence a line, *ret_line what was understood (its noun and command tell which
 * help to point at). ERR_NOMEM.
 */
enum err ctl_parse(const struct ctl_noun *const *nouns, size_t count, int argc, char *const *argv,
    struct arena *arena, struct buf *complaints, struct ctl_line *ret_line) MUST_CHECK;

/* The help for a line: of the command if it names one, of the noun, or of everything. */
void ctl_help(const struct ctl_noun *const *nouns, size_t count, const struct ctl_noun *noun,
    const struct ctl_command *command, struct buf *out);

/* "usage: bonafide key revoke KEY" and a newline. */
void ctl_usage(const struct ctl_noun *noun, const struct ctl_command *command, struct buf *out);

/* True when the row is a bare word of the line, not an option. */
bool ctl_arg_is_bare(const struct ctl_arg *arg);

/* ---- a running command -------------------------------------------------------------------- */

struct ctl {
	const char *config; /* the settings file in use */
	bool json;
	bool said;      /* the reason of the failure has been printed */
	bool scripts;   /* the database handle is for migrations */
	bool misused;   /* the failure is the command line's: exit status 2 */
	FILE *out;      /* results */
	FILE *err;      /* remarks and faults */
	struct ctx ctx; /* members are set as the command's needs say */
	struct settings *settings;
};

/* Prints "bonafide: " and the sentence on ctl->err, marks the failure as said, returns err. */
enum err ctl_fail(struct ctl *ctl, enum err err, const char *format, ...) PRINTF(3, 4) MUST_CHECK;

/* The same for a command line that is wrong in a way the table cannot say: ERR_VALIDATION, and
 * exit status 2. */
enum err ctl_misuse(struct ctl *ctl, const char *format, ...) PRINTF(2, 3) MUST_CHECK;

/* A remark for people on ctl->err; nothing with --json. */
void ctl_note(struct ctl *ctl, const char *format, ...) PRINTF(2, 3);

/* Each line of text on ctl->err, prefixed with "bonafide: ". */
void ctl_lines(struct ctl *ctl, const char *text);

/* Opens the database if the command did not ask for it up front; ctl->scripts is looked at
 * here. ERR_DB_NOT_READY. */
enum err ctl_open_db(struct ctl *ctl) MUST_CHECK;

/* Reads the settings of a command that did not ask for them. As settings_read(). */
enum err ctl_read_settings(struct ctl *ctl, struct buf *complaints) MUST_CHECK;

/*
 * Started as root, a command becomes the service's user (the setting user): then it reads what
 * the service can read, and the database's socket knows it by the same name. ERR_CONFIG.
 */
enum err ctl_become_user(struct ctl *ctl) MUST_CHECK;

/* The sentence for an error that reached the top: what it means and what to do. */
void ctl_explain(const struct ctl *ctl, enum err err, struct buf *out);

/* ---- the printer -------------------------------------------------------------------------- */

enum ctl_cell {
	CELL_ID,    /* struct uuid; nil is null */
	CELL_TEXT,  /* const char *; NULL is null */
	CELL_WORDS, /* const char *, words with one space between: an array in JSON */
	CELL_INT,   /* int64_t; DB_NULL is null */
	CELL_BOOL,  /* bool */
	CELL_TIME,  /* int64_t UTC milliseconds; TIME_NONE is null */
};

/* One column: its name is the JSON member, and in capitals the table's heading. */
struct ctl_column {
	const char *name;
	enum ctl_cell type;
	size_t offset;
	enum id_kind id;
	bool json_only; /* too long or too seldom wanted for the table */
};

#define COLUMN_ID(row, member, kind) \
	{ \
		.name = #member, .type = CELL_ID, .offset = MEMBER_IS(struct uuid, row, member), \
		.id = kind \
	}
#define COLUMN_TEXT(row, member) \
	{ \
		.name = #member, .type = CELL_TEXT, .offset = MEMBER_IS(const char *, row, member) \
	}
#define COLUMN_WORDS(row, member) \
	{ \
		.name = #member, .type = CELL_WORDS, \
		.offset = MEMBER_IS(const char *, row, member) \
	}
#define COLUMN_INT(row, member) \
	{ \
		.name = #member, .type = CELL_INT, .offset = MEMBER_IS(int64_t, row, member) \
	}
#define COLUMN_BOOL(row, member) \
	{ \
		.name = #member, .type = CELL_BOOL, .offset = MEMBER_IS(bool, row, member) \
	}
#define COLUMN_TIME(row, member) \
	{ \
		.name = #member, .type = CELL_TIME, .offset = MEMBER_IS(int64_t, row, member) \
	}

/*
 * A part of an answer: one object (`single`) or a list. name is the member it has in JSON and
 * its heading for people; NULL for the part that is the answer itself.
 */
struct ctl_section {
	const char *name;
	bool single;
	const struct ctl_column *columns;
	size_t column_count;
	const void *rows;
	size_t row_size;
	size_t count;
	const char *empty; /* what people read where a list has no rows */
};

/*
 * Prints an answer. JSON: with one unnamed list, an array; else an object with the members of
 * the unnamed object and a member for each named section. People: the object as "name value"
 * lines, lists as aligned tables. ERR_NOMEM, ERR_IO.
 */
enum err ctl_print(struct ctl *ctl, const struct ctl_section *sections, size_t count) MUST_CHECK;

/* Shorthands for an answer of one section. */
#define ctl_print_one(ctl, column_list, row_pointer) \
	ctl_print((ctl), \
	    &(const struct ctl_section){ .single = true, \
		.columns = (column_list), \
		.column_count = countof(column_list), \
		.rows = (row_pointer), \
		.row_size = sizeof(*(row_pointer)), \
		.count = 1 }, \
	    1)
#define ctl_print_list(ctl, column_list, row_pointer, row_count, when_empty) \
	ctl_print((ctl), \
	    &(const struct ctl_section){ .columns = (column_list), \
		.column_count = countof(column_list), \
		.rows = (row_pointer), \
		.row_size = sizeof(*(row_pointer)), \
		.count = (row_count), \
		.empty = (when_empty) }, \
	    1)

/* Text fit for a terminal: control characters (C0, DEL, C1) become '?'. Appends to out. */
void ctl_plain(const char *text, struct buf *out);

/*
 * The same for bytes of any sort: control characters, and bytes that are no UTF-8, become \n, \t
 * or \x1b; lines: newlines stay. Characters that turn the direction of text are escaped too.
 */
void ctl_escape(const char *text, size_t len_bytes, bool lines, struct buf *out);

/* ---- progress ------------------------------------------------------------------------------ */

/* A bar on a terminal, a line now and then elsewhere, on ctl->err. */
struct ctl_progress {
	FILE *out;
	const char *what; /* "rows" */
	bool terminal;
	bool drawn;
	int64_t began_ms;
	int64_t shown_ms;
};

/* Begins; what: the things that are counted. */
struct ctl_progress ctl_progress_begin(struct ctl *ctl, const char *what);

/* Shows how far it is, if it is time to. arg: the struct ctl_progress. Always true, so that it
 * fits where a callback may stop the work. */
bool ctl_progress_show(void *arg, uint64_t done, uint64_t total);

/* Ends the bar's line, if one was drawn. */
void ctl_progress_end(struct ctl_progress *progress);

/* ---- the nouns ---------------------------------------------------------------------------- */

extern const struct ctl_noun noun_migrate;
extern const struct ctl_noun noun_check;
extern const struct ctl_noun noun_seal;
extern const struct ctl_noun noun_org;
extern const struct ctl_noun noun_app;
extern const struct ctl_noun noun_member;
extern const struct ctl_noun noun_account;
extern const struct ctl_noun noun_tokens;
extern const struct ctl_noun noun_key;
extern const struct ctl_noun noun_jwt;
extern const struct ctl_noun noun_catalogue;
extern const struct ctl_noun noun_verification;
extern const struct ctl_noun noun_session;
extern const struct ctl_noun noun_review;
extern const struct ctl_noun noun_record;
extern const struct ctl_noun noun_work;
extern const struct ctl_noun noun_webhook;
extern const struct ctl_noun noun_delivery;
extern const struct ctl_noun noun_audit;
extern const struct ctl_noun noun_mail;
extern const struct ctl_noun noun_status;
extern const struct ctl_noun noun_erase;
extern const struct ctl_noun noun_settings;
extern const struct ctl_noun noun_openapi;

#endif
