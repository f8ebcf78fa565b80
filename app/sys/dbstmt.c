/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "dbstmt.h"
#include "db_private.h"

#include <stdlib.h>
#include <string.h>

/* Room for a text or binary column before the fetch; longer values take one more copy. */
#define FIRST_BYTES 256

#define CR_NEW_METADATA 2057 /* the number of columns changed under it */

/* Where one parameter or column lives between us and the client library. */
struct cell {
	union {
		int64_t i64;
		struct uuid id;
		MYSQL_TIME time;
	} u;
	char *bytes;          /* columns of text and binary: FIRST_BYTES of the statement's room */
	unsigned long length; /* of text and binary; not written for a NULL column */
	DB_BOOL is_null;
	DB_BOOL is_cut; /* the value did not fit */
};

struct db_prepared {
	MYSQL_STMT *stmt;
	bool is_plain_read;
	bool is_bound; /* parameters need no new binding: none of them is a pointer of the caller */
	size_t column_count;
	const struct db_column *columns;
	MYSQL_BIND *arg_binds;
	struct cell *args;
	MYSQL_BIND *column_binds;
	struct cell *cells;
	char *room; /* for the cells' bytes */
	void *row; /* a row is put together here, so that the caller's stays untouched on failure */
};

/* One run of a statement. */
struct call {
	struct db *db;
	size_t index;
	const struct db_stmt *stmt;
	const struct db_value *argv;
	struct arena *arena; /* NULL for EXEC */
	bool is_sent;        /* the server may have begun */
	bool is_plain_read;
	bool is_piped;      /* under way, and its answer is read later */
	bool is_broken_off; /* the server ended its answer between two rows */
	uint64_t changed;
	void *row;  /* where ONE puts its row */
	void *rows; /* what LIST found */
	size_t count;
};

/* ---- types -------------------------------------------------------------------------------- */

static bool is_bytes(enum db_type type)
{
	return type == DB_TYPE_TEXT || type == DB_TYPE_OTEXT || type == DB_TYPE_BIN ||
	       type == DB_TYPE_OBIN;
}

bool db_type_allows_null(enum db_type type)
{
	return type == DB_TYPE_OID || type == DB_TYPE_OTEXT || type == DB_TYPE_OI64 ||
	       type == DB_TYPE_OTIME || type == DB_TYPE_OBIN;
}

/* Connects a MYSQL_BIND with its cell for a type, in either direction. */
static void bind_cell(MYSQL_BIND *bind, struct cell *cell, enum db_type type)
{
	bind->length = &cell->length;
	bind->is_null = &cell->is_null;
	bind->error = &cell->is_cut;
	switch (type) {
	case DB_TYPE_ID:
	case DB_TYPE_OID:
		bind->buffer_type = MYSQL_TYPE_BLOB;
		bind->buffer = cell->u.id.b;
		bind->buffer_length = sizeof(cell->u.id.b);
		break;
	case DB_TYPE_TEXT:
	case DB_TYPE_OTEXT:
		bind->buffer_type = MYSQL_TYPE_STRING;
		bind->buffer = cell->bytes;
		bind->buffer_length = FIRST_BYTES;
		break;
	case DB_TYPE_BIN:
	case DB_TYPE_OBIN:
		bind->buffer_type = MYSQL_TYPE_BLOB;
		bind->buffer = cell->bytes;
		bind->buffer_length = FIRST_BYTES;
		break;
	case DB_TYPE_TIME:
	case DB_TYPE_OTIME:
		bind->buffer_type = MYSQL_TYPE_DATETIME;
		bind->buffer = &cell->u.time;
		bind->buffer_length = sizeof(cell->u.time);
		break;
	case DB_TYPE_I64:
	case DB_TYPE_OI64:
	case DB_TYPE_BOOL:
	case DB_TYPE__MAX:
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = &cell->u.i64;
		bind->buffer_length = sizeof(cell->u.i64);
		break;
	}
}

/* Puts one argument into its cell; false when it is out of the type's range. */
static bool put_arg(MYSQL_BIND *bind, struct cell *cell, const struct db_value *value)
{
	cell->is_null = 0;
	switch (value->type) {
	case DB_TYPE_ID:
	case DB_TYPE_OID:
		cell->u.id = value->u.id;
		cell->length = sizeof(cell->u.id.b);
		cell->is_null = uuid_is_nil(value->u.id);
		return true;
	case DB_TYPE_TEXT:
	case DB_TYPE_OTEXT:
		/* The library reads the buffer only; its struct serves both directions. */
		bind->buffer = (void *)(uintptr_t)value->u.text;
		cell->length = value->u.text == NULL ? 0 : (unsigned long)strlen(value->u.text);
		bind->buffer_length = cell->length;
		cell->is_null = value->u.text == NULL;
		return true;
	case DB_TYPE_BIN:
	case DB_TYPE_OBIN:
		bind->buffer = (void *)(uintptr_t)value->u.bin.data;
		cell->length = value->u.bin.data == NULL ? 0 : (unsigned long)value->u.bin.len;
		bind->buffer_length = cell->length;
		cell->is_null = value->u.bin.data == NULL;
		return true;
	case DB_TYPE_TIME:
	case DB_TYPE_OTIME:
		cell->is_null = value->u.i64 == TIME_NONE;
		return cell->is_null || db_time_split(value->u.i64, &cell->u.time);
	case DB_TYPE_I64:
	case DB_TYPE_OI64:
		cell->u.i64 = value->u.i64;
		cell->is_null = value->u.i64 == DB_NULL;
		return true;
	case DB_TYPE_BOOL:
		cell->u.i64 = value->u.boolean;
		return true;
	case DB_TYPE__MAX:
		break;
	}
	return false;
}

/* ---- preparing ---------------------------------------------------------------------------- */

static void prepared_free(struct db_prepared *prepared)
{
	if (prepared == NULL)
		return;
	if (prepared->stmt != NULL)
		mysql_stmt_close(prepared->stmt);
	free(prepared->arg_binds);
	free(prepared->args);
	free(prepared->column_binds);
	free(prepared->cells);
	free(prepared->room);
	free(prepared->row);
	free(prepared);
}

void db_forget_statements(struct db *db)
{
	for (size_t i = 0; i < db->stmt_count; i++) {
		prepared_free(db->prepared[i]);
		db->prepared[i] = NULL;
	}
}

static void forget_statement(struct db *db, size_t index)
{
	prepared_free(db->prepared[index]);
	db->prepared[index] = NULL;
}

/* Memory for binding, once per generation; false when there is none. */
static bool allocate_cells(struct db_prepared *prepared, const struct db_stmt *stmt)
{
	/* One more of each, because calloc(0) may be NULL. */
	prepared->arg_binds = calloc(stmt->arg_count + 1, sizeof(MYSQL_BIND));
	prepared->args = calloc(stmt->arg_count + 1, sizeof(struct cell));
	prepared->column_binds = calloc(prepared->column_count + 1, sizeof(MYSQL_BIND));
	prepared->cells = calloc(prepared->column_count + 1, sizeof(struct cell));
	prepared->room = calloc(prepared->column_count + 1, FIRST_BYTES);
	prepared->row = calloc(1, stmt->row_size + 1);
	return prepared->arg_binds != NULL && prepared->args != NULL &&
	       prepared->column_binds != NULL && prepared->cells != NULL &&
	       prepared->room != NULL && prepared->row != NULL;
}

static void bind_cells(struct db_prepared *prepared, const struct db_stmt *stmt)
{
	bool has_pointers = false;

	for (size_t i = 0; i < stmt->arg_count; i++) {
		bind_cell(&prepared->arg_binds[i], &prepared->args[i], stmt->args[i].type);
		has_pointers = has_pointers || is_bytes(stmt->args[i].type);
	}
	for (size_t i = 0; i < prepared->column_count; i++) {
		prepared->cells[i].bytes = prepared->room + i * FIRST_BYTES;
		bind_cell(
		    &prepared->column_binds[i], &prepared->cells[i], prepared->columns[i].type);
	}
	prepared->is_bound =
	    !has_pointers && (stmt->arg_count == 0 ||
				 mysql_stmt_bind_param(prepared->stmt, prepared->arg_binds) == 0);
}

static enum err statement_failed(struct db *db, const struct db_stmt *stmt, MYSQL_STMT *handle)
{
	return db_fail(db, mysql_stmt_errno(handle), mysql_stmt_sqlstate(handle), stmt->name);
}

static enum err fill_prepared(
    struct db *db, const struct db_stmt *stmt, struct db_prepared *prepared)
{
	if (mysql_stmt_prepare(prepared->stmt, stmt->sql, (unsigned long)strlen(stmt->sql)) != 0) {
		/* A lost connection ends every statement that db knows; this one it does not. */
		return statement_failed(db, stmt, prepared->stmt);
	}
	if (stmt->columns != NULL)
		prepared->columns = stmt->columns(&prepared->column_count);
	if (mysql_stmt_param_count(prepared->stmt) != stmt->arg_count ||
	    mysql_stmt_field_count(prepared->stmt) != prepared->column_count)
		return db_refuse(db, "%s: %lu parameters and %u columns, its row says %zu and %zu",
		    stmt->name, mysql_stmt_param_count(prepared->stmt),
		    mysql_stmt_field_count(prepared->stmt), stmt->arg_count,
		    prepared->column_count);
	if (!allocate_cells(prepared, stmt))
		return ERR_NOMEM;
	bind_cells(prepared, stmt);
	if (prepared->column_count > 0 &&
	    mysql_stmt_bind_result(prepared->stmt, prepared->column_binds) != 0)
		return statement_failed(db, stmt, prepared->stmt);
	prepared->is_plain_read = stmt->shape > DB_SHAPE_EXEC && db_sql_is_plain_read(stmt->sql);
	return ERR_OK;
}

/* The statement prepared in this generation, at its first use. */
static enum err prepare(
    struct db *db, size_t index, const struct db_stmt *stmt, struct db_prepared **ret_prepared)
{
	struct db_prepared *prepared = db->prepared[index];
	enum err err;

	if (prepared != NULL) {
		*ret_prepared = prepared;
		return ERR_OK;
	}
	/* Preparing reads an answer, which must not be an earlier statement's. */
	err = db_catch_up(db);
	if (err != ERR_OK)
		return err;
	prepared = calloc(1, sizeof(*prepared));
	if (prepared == NULL)
		return ERR_NOMEM;
	err = ERR_NOMEM;
	prepared->stmt = mysql_stmt_init(db->mysql);
	if (prepared->stmt != NULL)
		err = fill_prepared(db, stmt, prepared);
	if (err != ERR_OK) {
		prepared_free(prepared);
		return err;
	}
	db->prepared[index] = prepared;
	*ret_prepared = prepared;
	return ERR_OK;
}

/* ---- running ------------------------------------------------------------------------------ */

/* Fills the cells and tells the library where they are, if it does not know yet. */
static enum err bind_args(const struct call *call, struct db_prepared *prepared)
{
	const struct db_stmt *stmt = call->stmt;

	for (size_t i = 0; i < stmt->arg_count; i++) {
		const struct db_value *value = &call->argv[i];

		if (value->type != stmt->args[i].type)
			return db_refuse(call->db, "%s: argument %s has another type", stmt->name,
			    stmt->args[i].name);
		if (!put_arg(&prepared->arg_binds[i], &prepared->args[i], value))
			return db_refuse(call->db, "%s: argument %s is out of range", stmt->name,
			    stmt->args[i].name);
		if (prepared->args[i].is_null && !db_type_allows_null(value->type))
			return db_refuse(
			    call->db, "%s: argument %s is NULL", stmt->name, stmt->args[i].name);
	}
	if (!prepared->is_bound && mysql_stmt_bind_param(prepared->stmt, prepared->arg_binds) != 0)
		return statement_failed(call->db, stmt, prepared->stmt);
	return ERR_OK;
}

/* Prepares, binds, sends. When the server has forgotten the statement, once more. */
static enum err execute(struct call *call, struct db_prepared **ret_prepared)
{
	for (bool is_again = false;; is_again = true) {
		struct db_prepared *prepared;
		unsigned number;
		enum err err = prepare(call->db, call->index, call->stmt, &prepared);

		if (err == ERR_OK)
			err = bind_args(call, prepared);
		if (err != ERR_OK)
			return err;
		call->is_plain_read = prepared->is_plain_read;
		if (call->stmt->shape == DB_SHAPE_PUT && call->db->in_tx) {
			bool is_piped = false;

			err = db_pipe(call->db, prepared->stmt, call->stmt->name, &is_piped);
			call->is_piped = is_piped;
		} else {
			err = db_catch_up(call->db);
		}
		if (err != ERR_OK || call->is_piped)
			return err;
		call->is_sent = true;
		if (mysql_stmt_execute(prepared->stmt) == 0) {
			*ret_prepared = prepared;
			return ERR_OK;
		}
		number = mysql_stmt_errno(prepared->stmt);
		if (is_again || (number != DB_ER_UNKNOWN_STMT && number != DB_ER_REPREPARE)) {
			err = statement_failed(call->db, call->stmt, prepared->stmt);
			if (number == CR_NEW_METADATA)
				forget_statement(call->db, call->index);
			return err;
		}
		forget_statement(call->db, call->index);
		call->is_sent = false;
	}
}

/* A text or binary value of any length into the arena. */
static enum err take_bytes(
    const struct call *call, struct db_prepared *prepared, size_t i, struct bytes *ret_bytes)
{
	struct cell *cell = &prepared->cells[i];
	size_t length = cell->length;
	char *data;

	if (length > LIMIT_DB_TEXT)
		return ERR_FULL;
	data = arena_alloc(call->arena, length + 1);
	if (data == NULL)
		return ERR_FULL;
	if (length <= FIRST_BYTES) {
		memcpy(data, cell->bytes, length);
	} else {
		MYSQL_BIND bind = prepared->column_binds[i];

		bind.buffer = data;
		bind.buffer_length = (unsigned long)length;
		if (mysql_stmt_fetch_column(prepared->stmt, &bind, (unsigned)i, 0) != 0)
			return statement_failed(call->db, call->stmt, prepared->stmt);
	}
	*ret_bytes = (struct bytes){ data, length };
	return ERR_OK;
}

/* What a NULL column puts into its member. */
static void take_null(enum db_type type, void *member)
{
	if (type == DB_TYPE_OID)
		*(struct uuid *)member = UUID_NIL;
	else if (type == DB_TYPE_OTEXT)
		*(const char **)member = NULL;
	else if (type == DB_TYPE_OBIN)
		*(struct bytes *)member = (struct bytes){ NULL, 0 };
	else
		*(int64_t *)member = type == DB_TYPE_OTIME ? TIME_NONE : DB_NULL;
}

/* A column that is not NULL into its member. */
static enum err take_value(
    const struct call *call, struct db_prepared *prepared, size_t i, void *member)
{
	const struct db_column *column = &prepared->columns[i];
	const struct cell *cell = &prepared->cells[i];
	struct bytes bytes;
	enum err err;

	if (is_bytes(column->type)) {
		err = take_bytes(call, prepared, i, &bytes);
		if (err != ERR_OK)
			return err;
		if (column->type == DB_TYPE_TEXT || column->type == DB_TYPE_OTEXT)
			*(const char **)member = bytes.data;
		else
			*(struct bytes *)member = bytes;
		return ERR_OK;
	}
	if (cell->is_cut)
		return db_refuse(
		    call->db, "%s: column %s is out of range", call->stmt->name, column->name);
	if (column->type == DB_TYPE_ID || column->type == DB_TYPE_OID) {
		if (cell->length != sizeof(cell->u.id.b))
			return db_refuse(
			    call->db, "%s: column %s is no id", call->stmt->name, column->name);
		*(struct uuid *)member = cell->u.id;
	} else if (column->type == DB_TYPE_TIME || column->type == DB_TYPE_OTIME) {
		if (!db_time_join(&cell->u.time, member))
			return db_refuse(
			    call->db, "%s: column %s is no time", call->stmt->name, column->name);
	} else if (column->type == DB_TYPE_BOOL) {
		*(bool *)member = cell->u.i64 != 0;
	} else {
		*(int64_t *)member = cell->u.i64;
	}
	return ERR_OK;
}

/* The fetched row into a struct. */
static enum err take_row(const struct call *call, struct db_prepared *prepared, char *row)
{
	for (size_t i = 0; i < prepared->column_count; i++) {
		const struct db_column *column = &prepared->columns[i];
		enum err err = ERR_OK;

		if (!prepared->cells[i].is_null)
			err = take_value(call, prepared, i, row + column->offset);
		else if (db_type_allows_null(column->type))
			take_null(column->type, row + column->offset);
		else
			err = db_refuse(
			    call->db, "%s: column %s is NULL", call->stmt->name, column->name);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* The server ended its answer with an error where a row was due. */
static enum err broken_off(struct call *call, MYSQL_STMT *handle)
{
	struct db *db = call->db;

	call->is_broken_off = true;
	if (mysql_stmt_errno(handle) != 0)
		return statement_failed(db, call->stmt, handle);
	/* Fetching row by row, MariaDB's library leaves the reason with the connection only. */
	return db_fail(db, mysql_errno(db->mysql), mysql_sqlstate(db->mysql), call->stmt->name);
}

/* The next row into the cells: ERR_MISSING after the last. */
static enum err fetch(struct call *call, const struct db_prepared *prepared)
{
	int got = mysql_stmt_fetch(prepared->stmt);

	if (got == MYSQL_NO_DATA)
		return ERR_MISSING;
	/* A value that was cut is looked after where it is taken. */
	if (got != 0 && got != MYSQL_DATA_TRUNCATED)
		return broken_off(call, prepared->stmt);
	return ERR_OK;
}

static enum err read_one(struct call *call, struct db_prepared *prepared)
{
	enum err err = fetch(call, prepared);

	if (err == ERR_OK)
		err = take_row(call, prepared, prepared->row);
	if (err == ERR_OK)
		memcpy(call->row, prepared->row, call->stmt->row_size);
	return err;
}

static enum err read_list(struct call *call, struct db_prepared *prepared)
{
	size_t count;
	char *rows;

	if (mysql_stmt_store_result(prepared->stmt) != 0)
		return broken_off(call, prepared->stmt);
	count = (size_t)mysql_stmt_num_rows(prepared->stmt);
	if (count > LIMIT_DB_ROWS)
		return ERR_FULL;
	rows = count == 0 ? NULL : arena_array(call->arena, count, call->stmt->row_size);
	if (count > 0 && rows == NULL)
		return ERR_FULL;
	for (size_t i = 0; i < count; i++) {
		enum err err = fetch(call, prepared);

		if (err == ERR_OK)
			err = take_row(call, prepared, rows + i * call->stmt->row_size);
		if (err != ERR_OK)
			return err;
	}
	call->rows = rows;
	call->count = count;
	return ERR_OK;
}

/* One attempt on one connection. */
static enum err run_once(struct call *call)
{
	struct db_prepared *prepared = NULL;
	enum err err = execute(call, &prepared);

	if (err != ERR_OK || call->is_piped)
		return err;
	if (call->stmt->shape <= DB_SHAPE_EXEC)
		call->changed = mysql_stmt_affected_rows(prepared->stmt);
	else if (call->stmt->shape == DB_SHAPE_ONE)
		err = read_one(call, prepared);
	else
		err = read_list(call, prepared);
	/* A lost connection has taken the statement with it. */
	if (call->db->mysql == NULL)
		return err;
	/* Broken off, MariaDB's library waits at the statement's next use for rows that never come. */
	if (call->is_broken_off)
		forget_statement(call->db, call->index);
	else if (call->stmt->shape > DB_SHAPE_EXEC)
		mysql_stmt_free_result(prepared->stmt);
	db_answered(call->db);
	return err;
}

/* A connection for a statement by itself. Lost in taking up autocommit, it is opened again: nothing
 * was at stake yet. */
static enum err live_alone(struct db *db)
{
	enum err err = db_live(db);

	if (err == ERR_OK)
		err = db_automatic(db);
	return err == ERR_DB_LOST ? db_live(db) : err;
}

/*
 * In a transaction a lost connection is the end of it. Outside, what the server cannot have
 * begun, or may do twice without harm, is done again once; a write it may have done is never
 * guessed about.
 */
static enum err run(struct call *call)
{
	bool was_in_tx = call->db->in_tx;
	enum err err;

	if (!was_in_tx) {
		err = live_alone(call->db);
		if (err != ERR_OK)
			return err;
	}
	err = run_once(call);
	if (err != ERR_DB_LOST || was_in_tx)
		return err;
	if (!call->is_sent || call->is_plain_read) {
		err = live_alone(call->db);
		if (err == ERR_OK)
			err = run_once(call);
	}
	if (err == ERR_DB_LOST && call->is_sent && call->stmt->shape <= DB_SHAPE_EXEC)
		err = ERR_DB_UNCERTAIN;
	return err;
}

/* Finds the row of the table. */
static enum err call_init(struct call *call, enum db_shape shape)
{
	if (call->index >= call->db->stmt_count)
		return db_refuse(call->db, "no statement %zu", call->index);
	call->stmt = &call->db->stmts[call->index];
	if (call->stmt->shape != shape)
		return db_refuse(call->db, "%s: run as another shape", call->stmt->name);
	return ERR_OK;
}

enum err db_put(struct db *db, size_t stmt, const struct db_value *argv)
{
	struct call call = { .db = db, .index = stmt, .argv = argv };
	enum err err = call_init(&call, DB_SHAPE_PUT);

	return err != ERR_OK ? err : run(&call);
}

enum err db_exec(struct db *db, size_t stmt, const struct db_value *argv, uint64_t *ret_changed)
{
	struct call call = { .db = db, .index = stmt, .argv = argv };
	enum err err = call_init(&call, DB_SHAPE_EXEC);

	if (err == ERR_OK)
		err = run(&call);
	if (err == ERR_OK && ret_changed != NULL)
		*ret_changed = call.changed;
	return err;
}

enum err db_one(
    struct db *db, struct arena *arena, size_t stmt, const struct db_value *argv, void *ret_row)
{
	struct call call = {
		.db = db, .index = stmt, .argv = argv, .arena = arena, .row = ret_row
	};
	enum err err = call_init(&call, DB_SHAPE_ONE);

	return err != ERR_OK ? err : run(&call);
}

enum err db_list(struct db *db, struct arena *arena, size_t stmt, const struct db_value *argv,
    void **ret_rows, size_t *ret_count)
{
	struct call call = { .db = db, .index = stmt, .argv = argv, .arena = arena };
	enum err err = call_init(&call, DB_SHAPE_LIST);

	if (err == ERR_OK)
		err = run(&call);
	if (err == ERR_OK) {
		*ret_rows = call.rows;
		*ret_count = call.count;
	}
	return err;
}
