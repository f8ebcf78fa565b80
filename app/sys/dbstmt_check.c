/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dbstmt_check.c compares the statement table with the schema, so that a migration that breaks
 * a statement is found before a customer finds it. It also knows which statements are plain
 * reads.
 */
#include "base.h"
#include "dbstmt.h"
#include "db_private.h"

#include <string.h>
#include <strings.h>

#define BINARY_CHARSET 63

/* Words in a statement that make a second run on another connection something else. */
static const char *const not_plain[] = { "FOR UPDATE", "FOR SHARE", "LOCK IN SHARE", "_LOCK(",
	"LAST_INSERT_ID", "ROW_COUNT", "NEXTVAL" };

bool db_sql_is_plain_read(const char *sql)
{
	if (strncasecmp(sql, "SELECT", 6) != 0)
		return false;
	for (size_t i = 0; i < countof(not_plain); i++) {
		if (strcasestr(sql, not_plain[i]) != NULL)
			return false;
	}
	return true;
}

/* ---- types -------------------------------------------------------------------------------- */

static bool is_integer(const MYSQL_FIELD *field)
{
	switch (field->type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_YEAR:
		return true;
	case MYSQL_TYPE_NEWDECIMAL:
		/* What SUM() of integers is. */
		return field->decimals == 0;
	default:
		return false;
	}
}

/* Text or binary of any length. */
static bool is_string(const MYSQL_FIELD *field)
{
	switch (field->type) {
	case MYSQL_TYPE_STRING:
	case MYSQL_TYPE_VAR_STRING:
	case MYSQL_TYPE_VARCHAR:
	case MYSQL_TYPE_TINY_BLOB:
	case MYSQL_TYPE_BLOB:
	case MYSQL_TYPE_MEDIUM_BLOB:
	case MYSQL_TYPE_LONG_BLOB:
	case MYSQL_TYPE_JSON:
		return true;
	default:
		return false;
	}
}

/* A column of a table; what is computed has no table, and its length and fraction say little. */
static bool is_of_table(const MYSQL_FIELD *field)
{
	return field->org_table != NULL && field->org_table[0] != '\0';
}

static bool is_binary(const MYSQL_FIELD *field)
{
	return is_string(field) && field->charsetnr == BINARY_CHARSET;
}

/* NULL when a column of this kind can be read as the type; else what it should have been. */
static const char *type_fault(const MYSQL_FIELD *field, enum db_type type)
{
	switch (type) {
	case DB_TYPE_ID:
	case DB_TYPE_OID:
		if (is_binary(field) &&
		    (!is_of_table(field) ||
			(field->type == MYSQL_TYPE_STRING && field->length == sizeof(struct uuid))))
			return NULL;
		return "is not BINARY(16)";
	case DB_TYPE_TEXT:
	case DB_TYPE_OTEXT:
		if (is_string(field) &&
		    (field->charsetnr != BINARY_CHARSET || field->type == MYSQL_TYPE_JSON))
			return NULL;
		return "is not text";
	case DB_TYPE_BIN:
	case DB_TYPE_OBIN:
		return is_binary(field) ? NULL : "is not binary";
	case DB_TYPE_I64:
	case DB_TYPE_OI64:
		return is_integer(field) ? NULL : "is not an integer";
	case DB_TYPE_BOOL:
		return is_integer(field) ? NULL : "is not a boolean";
	case DB_TYPE_TIME:
	case DB_TYPE_OTIME:
		if (field->type != MYSQL_TYPE_DATETIME && field->type != MYSQL_TYPE_TIMESTAMP)
			return "is not DATETIME(3)";
		return is_of_table(field) && field->decimals < 3 ? "has no milliseconds" : NULL;
	case DB_TYPE__MAX:
		break;
	}
	return "has no type";
}

/* ---- comparing ---------------------------------------------------------------------------- */

static void check_column(const struct db_stmt *stmt, const struct db_column *column,
    const MYSQL_FIELD *field, struct buf *complaints)
{
	const char *fault = type_fault(field, column->type);

	if (strcmp(field->name, column->name) != 0)
		buf_printf(complaints, "%s: column %s is called %s in the statement\n", stmt->name,
		    column->name, field->name);
	if (fault != NULL)
		buf_printf(complaints, "%s: column %s %s\n", stmt->name, column->name, fault);
	if ((field->flags & NOT_NULL_FLAG) == 0 && !db_type_allows_null(column->type))
		buf_printf(complaints, "%s: column %s may be NULL\n", stmt->name, column->name);
}

static void check_columns(const struct db_stmt *stmt, MYSQL_STMT *handle, struct buf *complaints)
{
	size_t column_count = 0;
	const struct db_column *columns =
	    stmt->columns == NULL ? NULL : stmt->columns(&column_count);
	size_t field_count = mysql_stmt_field_count(handle);
	MYSQL_RES *meta;

	if (column_count > LIMIT_DB_COLUMNS)
		buf_printf(complaints, "%s: more than %d columns\n", stmt->name, LIMIT_DB_COLUMNS);
	if (field_count != column_count) {
		buf_printf(complaints, "%s: %zu columns in the statement, %zu in its row\n",
		    stmt->name, field_count, column_count);
		return;
	}
	meta = field_count == 0 ? NULL : mysql_stmt_result_metadata(handle);
	if (meta == NULL)
		return;
	for (size_t i = 0; i < field_count; i++)
		check_column(
		    stmt, &columns[i], mysql_fetch_field_direct(meta, (unsigned)i), complaints);
	mysql_free_result(meta);
}

/* One statement. An error only when the connection is no longer there. */
static enum err check_statement(struct db *db, const struct db_stmt *stmt, struct buf *complaints)
{
	MYSQL_STMT *handle = mysql_stmt_init(db->mysql);
	enum err err = ERR_OK;

	if (handle == NULL)
		return ERR_NOMEM;
	if (mysql_stmt_prepare(handle, stmt->sql, (unsigned long)strlen(stmt->sql)) != 0) {
		/* No value has been bound, so the server's sentence quotes none. */
		buf_printf(complaints, "%s: %s\n", stmt->name, mysql_stmt_error(handle));
		err =
		    db_fail(db, mysql_stmt_errno(handle), mysql_stmt_sqlstate(handle), stmt->name);
		if (err == ERR_DB_BROKEN)
			err = ERR_OK;
	} else {
		if (mysql_stmt_param_count(handle) != stmt->arg_count)
			buf_printf(complaints,
			    "%s: %lu parameters in the statement, %zu in its row\n", stmt->name,
			    mysql_stmt_param_count(handle), stmt->arg_count);
		if (stmt->arg_count > LIMIT_DB_PARAMS)
			buf_printf(complaints, "%s: more than %d parameters\n", stmt->name,
			    LIMIT_DB_PARAMS);
		check_columns(stmt, handle, complaints);
	}
	mysql_stmt_close(handle);
	return err;
}

enum err db_check(struct db *db, struct buf *complaints)
{
	enum err err = db->in_tx ? ERR_OK : db_live(db);

	for (size_t i = 0; err == ERR_OK && i < db->stmt_count; i++)
		err = check_statement(db, &db->stmts[i], complaints);
	if (err != ERR_OK)
		return err;
	return complaints->len == 0 && !buf_failed(complaints) ? ERR_OK : ERR_DB_BROKEN;
}
