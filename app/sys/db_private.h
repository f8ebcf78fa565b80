/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_private.h is what the files behind db.h and dbstmt.h share: the handle itself, and how a
 * failure of the client library becomes one of our errors. Nobody else includes it.
 */
#ifndef BONAFIDE_DB_PRIVATE_H
#define BONAFIDE_DB_PRIVATE_H

#include "base.h"
#include "buf.h"
#include "db.h"
#include "dbstmt.h"

#include <mysql.h>
#include <sys/types.h>

#define DB_FAILURE_SIZE 512

/* Statements that may be under way without their answers having been read. Their answers must
 * fit into a socket's buffer, or the server would wait for us while we wait for it. */
#define DB_UNREAD_MAX 32

#define DB_ER_UNKNOWN_STMT 1243 /* the server has forgotten the statement */
#define DB_ER_REPREPARE 1615    /* a table kept changing under it */

/* One statement of the table, prepared in the present connection (dbstmt.c). */
struct db_prepared;

struct db {
	struct db_config config;
	const struct db_stmt *stmts;
	size_t stmt_count;
	struct db_prepared **prepared; /* stmt_count of them; NULL until used in this generation */
	MYSQL *mysql;                  /* NULL when not connected */
	pid_t owner; /* the process that connected: a fork's child must not say goodbye */
	unsigned generation;
	bool in_tx;
	bool is_manual; /* the session is out of autocommit: nothing lasts without a commit */
	bool can_pipe;  /* this server and this library allow sending before reading */
	size_t unread_count;
	struct db_unread {
		MYSQL_STMT *stmt;
		const char *name;
	} unread[DB_UNREAD_MAX]; /* sent in this transaction, oldest first */
	int64_t answered_ms;     /* monotonic time of the server's last sign of life */
	char server[48];
	char failure[DB_FAILURE_SIZE];
};

/*
 * What goes before work outside a transaction: connects if there is no connection, and opens a
 * new one when the present one turns out to be dead. It looks at the socket (no packet) and
 * pings only when that looks wrong or after a long silence. ERR_DB_NOT_READY.
 */
enum err db_live(struct db *db) MUST_CHECK;

/*
 * Turns an error number of the server or the client library into an error and records it for
 * db_failure() under the name of what failed. ERR_DB_LOST: the connection is closed and a
 * transaction is over. ERR_DB_DEADLOCK: an open transaction is rolled back. never returns
 * ERR_OK.
 */
enum err db_fail(struct db *db, unsigned number, const char *sqlstate, const char *what) MUST_CHECK;

/* The class of an error number alone (ERR_DB_BROKEN for those that are in no other). */
enum err db_class(unsigned number);

/* Records a refusal of our own for db_failure(), and returns ERR_DB_BROKEN. */
enum err db_refuse(struct db *db, const char *format, ...) PRINTF(2, 3) MUST_CHECK;

/* Sends one text and throws the answer away. An error as db_fail(), under the name `what`. */
enum err db_say(struct db *db, const char *sql, size_t len_bytes, const char *what) MUST_CHECK;

/* Takes up autocommit, for a statement outside a transaction. As db_say(). */
enum err db_automatic(struct db *db) MUST_CHECK;

/* The server gave a sign of life just now. */
void db_answered(struct db *db);

/* Ends all prepared statements after the connection was closed (dbstmt.c). */
void db_forget_statements(struct db *db);

/*
 * dbpipe.c. Sends a bound statement without reading its answer when that can be done here: true
 * in *ret_sent, and the answer is db_catch_up()'s. ERR as db_catch_up(), which is called when
 * there is no more room or this very statement is under way.
 */
enum err db_pipe(struct db *db, MYSQL_STMT *stmt, const char *name, bool *ret_sent) MUST_CHECK;

/* Reads all answers that are outstanding. The first failure is returned as db_fail() does. A
 * statement that the server has forgotten is ERR_DB_DEADLOCK: the transaction is rolled back, and
 * running the whole of it again is right. */
enum err db_catch_up(struct db *db) MUST_CHECK;

/* Reads them and throws them away; false when the connection is of no more use. */
bool db_drain(struct db *db);

/* UTC milliseconds to the form a DATETIME parameter has; false outside the years 1 to 9999. */
bool db_time_split(int64_t time_ms, MYSQL_TIME *ret_time);

/* The inverse; false when the server sent no real date. */
bool db_time_join(const MYSQL_TIME *time, int64_t *ret_time_ms);

/* True for a type that has a word for NULL. */
bool db_type_allows_null(enum db_type type);

/* True when reading with this statement again on another connection is harmless: a SELECT that
 * takes no lock. */
bool db_sql_is_plain_read(const char *sql);

#endif
