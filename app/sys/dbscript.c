/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dbscript.c runs the text of a migration one statement at a time. It finds the semicolons
 * itself, so that no connection of ours ever allows the server to run two statements from one
 * text, and so that the number of the statement that failed is exact.
 */
#include "base.h"
#include "db.h"
#include "db_private.h"

#include <stdio.h>
#include <string.h>

/* Past the end of a quoted text that begins at p with its quote. A doubled quote ends one text
 * and begins the next, which comes to the same. */
static const char *skip_quoted(const char *p)
{
	char quote = *p++;

	while (*p != '\0' && *p != quote) {
		if (*p == '\\' && quote != '`' && p[1] != '\0')
			p++;
		p++;
	}
	return *p == quote ? p + 1 : p;
}

static const char *skip_line(const char *p)
{
	return p + strcspn(p, "\n");
}

static bool is_space(char c)
{
	return c != '\0' && strchr(" \t\r\n\f\v", c) != NULL;
}

/* Past the comment that begins at p, or p itself when none does. */
static const char *skip_comment(const char *p)
{
	const char *end;

	if (*p == '#')
		return skip_line(p);
	/* Two hyphens begin a comment only before white space; 1--1 is arithmetic. */
	if (p[0] == '-' && p[1] == '-' && (is_space(p[2]) || p[2] == '\0'))
		return skip_line(p);
	if (p[0] != '/' || p[1] != '*')
		return p;
	end = strstr(p + 2, "*/");
	return end == NULL ? p + strlen(p) : end + 2;
}

/* Past what the server would not call a statement: white space, comments (those it would run
 * excepted), lone semicolons. */
static const char *skip_nothing(const char *p)
{
	for (;;) {
		const char *next = p;

		if (is_space(*p) || *p == ';')
			next = p + 1;
		else if (strncmp(p, "/*!", 3) != 0 && strncmp(p, "/*M!", 4) != 0)
			next = skip_comment(p);
		if (next == p)
			return p;
		p = next;
	}
}

/* The semicolon or the end of the text that ends the statement at p. */
static const char *statement_end(const char *p)
{
	while (*p != '\0' && *p != ';') {
		const char *next = skip_comment(p);

		if (next != p)
			p = next;
		else if (*p == '\'' || *p == '"' || *p == '`')
			p = skip_quoted(p);
		else
			p++;
	}
	return p;
}

enum err db_script(struct db *db, const char *sql, unsigned *ret_statement)
{
	unsigned number = 0;
	enum err err;

	if (!db->config.scripts || db->in_tx) {
		snprintf(db->failure, sizeof(db->failure), "script: not allowed %s",
		    db->in_tx ? "in a transaction" : "on this connection");
		return ERR_STATE;
	}
	err = db_live(db);
	if (err == ERR_OK)
		err = db_automatic(db);
	for (sql = skip_nothing(sql); err == ERR_OK && *sql != '\0'; sql = skip_nothing(sql)) {
		const char *end = statement_end(sql);
		char what[32];

		number++;
		snprintf(what, sizeof(what), "script, statement %u", number);
		err = db_say(db, sql, (size_t)(end - sql), what);
		if (err == ERR_DB_LOST)
			err = ERR_DB_UNCERTAIN;
		sql = end;
	}
	if (err != ERR_OK && ret_statement != NULL)
		*ret_statement = number;
	return err;
}
