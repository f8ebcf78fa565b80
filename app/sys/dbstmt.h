/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dbstmt.h owns the statement engine: rows of a table (sql/stmt/<noun>.def) become typed C
 * functions. It holds the only MYSQL_BIND of the tree. A row is one of
 *
 *   STMT_PUT(name, ARGS(ID(application_id), TEXT(name)), "INSERT …")
 *   STMT_EXEC(name, ARGS(…), "UPDATE …")
 *   STMT_ONE(name, ARGS(…), COLS(ID(id), OTIME(completed_at)), "SELECT …")
 *   STMT_LIST(name, ARGS(…), COLS(…), "SELECT …")
 *
 * (NO_ARGS where there are none), and core/stmt.h turns it into
 *
 *   enum err q_name(struct db *, <arguments>)                                          PUT
 *   enum err q_name(struct db *, <arguments>, uint64_t *ret_changed)                   EXEC
 *   enum err q_name(struct db *, struct arena *, <arguments>, struct row_name *ret)    ONE
 *   enum err q_name(struct db *, struct arena *, <arguments>,
 *       struct row_name **ret_rows, size_t *ret_count)                                 LIST
 *
 * so a wrong count or type of arguments does not compile, and a column lands in a struct member
 * of its own type. ONE answers ERR_MISSING when there is no row. Texts and bytes of rows live
 * in the arena. PUT is for a write whose only news would be bad: inside a transaction it is sent
 * without waiting, and its failure is said by a later statement or, at the latest, by
 * db_commit(), which then has not committed. Statements are prepared at first use in each
 * connection generation. A read outside a transaction that loses its connection is repeated
 * once; a write never is.
 *
 * Types: ID and OID (struct uuid; nil binds and reads as NULL with OID), TEXT and OTEXT
 * (const char *, utf-8), I64 and OI64 (int64_t; DB_NULL is NULL), BOOL (bool), TIME and OTIME
 * (int64_t UTC milliseconds, DATETIME(3); TIME_NONE is NULL), BIN and OBIN (struct bytes; NULL
 * data is NULL). A NULL that a type does not allow is refused: as an argument with ERR_DB_BROKEN
 * before anything is sent, as a column likewise.
 */
#ifndef BONAFIDE_DBSTMT_H
#define BONAFIDE_DBSTMT_H

#include "base.h"
#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "db.h"
#include "limits.h"

#define DB_NULL INT64_MIN

/* Borrowed bytes. */
struct bytes {
	const void *data;
	size_t len;
};

enum db_type {
	DB_TYPE_ID,
	DB_TYPE_OID,
	DB_TYPE_TEXT,
	DB_TYPE_OTEXT,
	DB_TYPE_I64,
	DB_TYPE_OI64,
	DB_TYPE_BOOL,
	DB_TYPE_TIME,
	DB_TYPE_OTIME,
	DB_TYPE_BIN,
	DB_TYPE_OBIN,
	DB_TYPE__MAX
};

struct db_value {
	enum db_type type;
	union {
		struct uuid id;
		const char *text;
		int64_t i64; /* also TIME */
		bool boolean;
		struct bytes bin;
	} u;
};

struct db_column {
	const char *name;
	enum db_type type;
	size_t offset; /* of the member in the row's struct */
};

enum db_shape { DB_SHAPE_PUT, DB_SHAPE_EXEC, DB_SHAPE_ONE, DB_SHAPE_LIST };

struct db_arg {
	const char *name;
	enum db_type type;
};

/* One row of the statement table. */
struct db_stmt {
	const char *name;
	const char *sql;
	enum db_shape shape;
	size_t arg_count;
	const struct db_arg *args;
	const struct db_column *(*columns)(size_t *ret_count); /* NULL for PUT, EXEC */
	size_t row_size;                                       /* sizeof the row's struct */
};

/*
 * The engine behind the q_ functions: runs row number `stmt` of the table given to db_new().
 * argv has arg_count values, whose types must be those of the row (checked; ERR_DB_BROKEN).
 * ret_changed: rows found by an UPDATE or DELETE, or inserted (CLIENT_FOUND_ROWS semantics);
 * may be NULL.
 */
enum err db_put(struct db *db, size_t stmt, const struct db_value *argv) MUST_CHECK;
enum err db_exec(
    struct db *db, size_t stmt, const struct db_value *argv, uint64_t *ret_changed) MUST_CHECK;
enum err db_one(struct db *db, struct arena *arena, size_t stmt, const struct db_value *argv,
    void *ret_row) MUST_CHECK;
enum err db_list(struct db *db, struct arena *arena, size_t stmt, const struct db_value *argv,
    void **ret_rows, size_t *ret_count) MUST_CHECK;

/*
 * Prepares every row of the table and compares it with the schema: number of parameters and
 * columns, column names, column types, and that a column which may be NULL has a type that
 * allows it. Each fault is one line in complaints. ERR_OK with an empty buffer when all is well;
 * ERR_DB_BROKEN when there are complaints; connection errors as in db.h.
 */
enum err db_check(struct db *db, struct buf *complaints) MUST_CHECK;

/* ---- the macros core/stmt.h uses ---------------------------------------------------------- */

#define DB_CAT_(a, b) a##b
#define DB_CAT(a, b) DB_CAT_(a, b)

/* The number of arguments, 1 to 24. */
#define DB_COUNT(...) \
	DB_COUNT_(__VA_ARGS__, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, \
	    7, 6, 5, 4, 3, 2, 1, 0)
#define DB_COUNT_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, \
    a19, a20, a21, a22, a23, a24, n, ...) \
	n

/* DB_EACH(P_, ID(a), TEXT(b)) is P_ID(a) P_TEXT(b). */
#define DB_EACH(p, ...) DB_CAT(DB_EACH_, DB_COUNT(__VA_ARGS__))(p, __VA_ARGS__)
#define DB_EACH_1(p, x) p##x
#define DB_EACH_2(p, x, ...) p##x DB_EACH_1(p, __VA_ARGS__)
#define DB_EACH_3(p, x, ...) p##x DB_EACH_2(p, __VA_ARGS__)
#define DB_EACH_4(p, x, ...) p##x DB_EACH_3(p, __VA_ARGS__)
#define DB_EACH_5(p, x, ...) p##x DB_EACH_4(p, __VA_ARGS__)
#define DB_EACH_6(p, x, ...) p##x DB_EACH_5(p, __VA_ARGS__)
#define DB_EACH_7(p, x, ...) p##x DB_EACH_6(p, __VA_ARGS__)
#define DB_EACH_8(p, x, ...) p##x DB_EACH_7(p, __VA_ARGS__)
#define DB_EACH_9(p, x, ...) p##x DB_EACH_8(p, __VA_ARGS__)
#define DB_EACH_10(p, x, ...) p##x DB_EACH_9(p, __VA_ARGS__)
#define DB_EACH_11(p, x, ...) p##x DB_EACH_10(p, __VA_ARGS__)
#define DB_EACH_12(p, x, ...) p##x DB_EACH_11(p, __VA_ARGS__)
#define DB_EACH_13(p, x, ...) p##x DB_EACH_12(p, __VA_ARGS__)
#define DB_EACH_14(p, x, ...) p##x DB_EACH_13(p, __VA_ARGS__)
#define DB_EACH_15(p, x, ...) p##x DB_EACH_14(p, __VA_ARGS__)
#define DB_EACH_16(p, x, ...) p##x DB_EACH_15(p, __VA_ARGS__)
#define DB_EACH_17(p, x, ...) p##x DB_EACH_16(p, __VA_ARGS__)
#define DB_EACH_18(p, x, ...) p##x DB_EACH_17(p, __VA_ARGS__)
#define DB_EACH_19(p, x, ...) p##x DB_EACH_18(p, __VA_ARGS__)
#define DB_EACH_20(p, x, ...) p##x DB_EACH_19(p, __VA_ARGS__)
#define DB_EACH_21(p, x, ...) p##x DB_EACH_20(p, __VA_ARGS__)
#define DB_EACH_22(p, x, ...) p##x DB_EACH_21(p, __VA_ARGS__)
#define DB_EACH_23(p, x, ...) p##x DB_EACH_22(p, __VA_ARGS__)
#define DB_EACH_24(p, x, ...) p##x DB_EACH_23(p, __VA_ARGS__)

/* Function parameters, each with its comma in front. */
#define DB_PARAM_ARGS(...) DB_EACH(DB_PARAM_, __VA_ARGS__)
#define DB_PARAM_NO_ARGS
#define DB_PARAM_ID(n) , struct uuid n
#define DB_PARAM_OID(n) , struct uuid n
#define DB_PARAM_TEXT(n) , const char *n
#define DB_PARAM_OTEXT(n) , const char *n
#define DB_PARAM_I64(n) , int64_t n
#define DB_PARAM_OI64(n) , int64_t n
#define DB_PARAM_BOOL(n) , bool n
#define DB_PARAM_TIME(n) , int64_t n
#define DB_PARAM_OTIME(n) , int64_t n
#define DB_PARAM_BIN(n) , struct bytes n
#define DB_PARAM_OBIN(n) , struct bytes n

/* Initialisers of struct db_value, one per parameter. */
#define DB_VALUE_ARGS(...) DB_EACH(DB_VALUE_, __VA_ARGS__)
#define DB_VALUE_NO_ARGS
#define DB_VALUE_ID(n) { .type = DB_TYPE_ID, .u.id = n },
#define DB_VALUE_OID(n) { .type = DB_TYPE_OID, .u.id = n },
#define DB_VALUE_TEXT(n) { .type = DB_TYPE_TEXT, .u.text = n },
#define DB_VALUE_OTEXT(n) { .type = DB_TYPE_OTEXT, .u.text = n },
#define DB_VALUE_I64(n) { .type = DB_TYPE_I64, .u.i64 = n },
#define DB_VALUE_OI64(n) { .type = DB_TYPE_OI64, .u.i64 = n },
#define DB_VALUE_BOOL(n) { .type = DB_TYPE_BOOL, .u.boolean = n },
#define DB_VALUE_TIME(n) { .type = DB_TYPE_TIME, .u.i64 = n },
#define DB_VALUE_OTIME(n) { .type = DB_TYPE_OTIME, .u.i64 = n },
#define DB_VALUE_BIN(n) { .type = DB_TYPE_BIN, .u.bin = n },
#define DB_VALUE_OBIN(n) { .type = DB_TYPE_OBIN, .u.bin = n },

/* Rows of struct db_arg. */
#define DB_ARG_ARGS(...) DB_EACH(DB_ARG_, __VA_ARGS__)
#define DB_ARG_NO_ARGS
#define DB_ARG_ID(n) { #n, DB_TYPE_ID },
#define DB_ARG_OID(n) { #n, DB_TYPE_OID },
#define DB_ARG_TEXT(n) { #n, DB_TYPE_TEXT },
#define DB_ARG_OTEXT(n) { #n, DB_TYPE_OTEXT },
#define DB_ARG_I64(n) { #n, DB_TYPE_I64 },
#define DB_ARG_OI64(n) { #n, DB_TYPE_OI64 },
#define DB_ARG_BOOL(n) { #n, DB_TYPE_BOOL },
#define DB_ARG_TIME(n) { #n, DB_TYPE_TIME },
#define DB_ARG_OTIME(n) { #n, DB_TYPE_OTIME },
#define DB_ARG_BIN(n) { #n, DB_TYPE_BIN },
#define DB_ARG_OBIN(n) { #n, DB_TYPE_OBIN },

/* Members of the row's struct. */
#define DB_MEMBER_COLS(...) DB_EACH(DB_MEMBER_, __VA_ARGS__)
#define DB_MEMBER_ID(n) struct uuid n;
#define DB_MEMBER_OID(n) struct uuid n;
#define DB_MEMBER_TEXT(n) const char *n;
#define DB_MEMBER_OTEXT(n) const char *n;
#define DB_MEMBER_I64(n) int64_t n;
#define DB_MEMBER_OI64(n) int64_t n;
#define DB_MEMBER_BOOL(n) bool n;
#define DB_MEMBER_TIME(n) int64_t n;
#define DB_MEMBER_OTIME(n) int64_t n;
#define DB_MEMBER_BIN(n) struct bytes n;
#define DB_MEMBER_OBIN(n) struct bytes n;

/*
 * Rows of struct db_column. The struct they are offsets of is named through a local typedef
 * `row_t`, because a macro that walks a list has no room for one more argument.
 */
#define DB_COLUMN_COLS(...) DB_EACH(DB_COLUMN_, __VA_ARGS__)
#define DB_COLUMN_ID(n) { #n, DB_TYPE_ID, offsetof(row_t, n) },
#define DB_COLUMN_OID(n) { #n, DB_TYPE_OID, offsetof(row_t, n) },
#define DB_COLUMN_TEXT(n) { #n, DB_TYPE_TEXT, offsetof(row_t, n) },
#define DB_COLUMN_OTEXT(n) { #n, DB_TYPE_OTEXT, offsetof(row_t, n) },
#define DB_COLUMN_I64(n) { #n, DB_TYPE_I64, offsetof(row_t, n) },
#define DB_COLUMN_OI64(n) { #n, DB_TYPE_OI64, offsetof(row_t, n) },
#define DB_COLUMN_BOOL(n) { #n, DB_TYPE_BOOL, offsetof(row_t, n) },
#define DB_COLUMN_TIME(n) { #n, DB_TYPE_TIME, offsetof(row_t, n) },
#define DB_COLUMN_OTIME(n) { #n, DB_TYPE_OTIME, offsetof(row_t, n) },
#define DB_COLUMN_BIN(n) { #n, DB_TYPE_BIN, offsetof(row_t, n) },
#define DB_COLUMN_OBIN(n) { #n, DB_TYPE_OBIN, offsetof(row_t, n) },

#endif
