/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h owns one connection to MariaDB or MySQL: when it is opened, which generation it is (each
 * reconnect is a new one), its transaction, and what a failure means. Statements run through
 * the table-driven engine in dbstmt.h; nothing else in the tree talks to the client library.
 *
 * A failure is one of these: ERR_DB_DUPLICATE (1062), ERR_DB_DEADLOCK (1213 and Galera's
 * certification failures: the transaction is gone, running the whole of it again is right),
 * ERR_DB_LOCKED (1205: another transaction held a row for longer than the lock wait),
 * ERR_DB_LOST (connection lost, and the server cannot have committed anything),
 * ERR_DB_UNCERTAIN (connection lost in commit, or in a write outside a transaction: it may have
 * happened), ERR_DB_READ_ONLY, ERR_DB_NOT_READY (cannot connect, server starting or leaving,
 * Galera node not primary), ERR_DB_REFUSED (1048: NULL for a column that takes none, which is how a
 * statement sent without waiting says that its condition did not hold), ERR_DB_BROKEN (anything else:
 * our mistake). Design section 5.
 */
#ifndef BONAFIDE_DB_H
#define BONAFIDE_DB_H

#include "base.h"
#include "arena.h"
#include "uuid.h"

struct db;
struct db_stmt;

/* Where the database is; all strings borrowed for the life of the struct db. */
struct db_config {
	const char *socket; /* path; used when host is empty */
	const char *host;   /* name or address; "" for the socket */
	unsigned port;
	const char *name; /* the database; NULL to connect without one */
	const char *user;
	const char *password; /* "" for none (unix_socket authentication) */
	unsigned connect_timeout_s;
	unsigned read_timeout_s;
	bool scripts; /* allow db_script(): migrations only */
};

/*
 * Makes a handle that connects at its first use. stmts (count of them) is the table the
 * statement engine prepares from, borrowed for the life of the handle; it may be NULL with 0.
 * ERR_NOMEM.
 */
enum err db_new(const struct db_config *config, const struct db_stmt *stmts, size_t count,
    struct db **ret_db) MUST_CHECK;

/* Closes and frees; accepts NULL and a pointer to NULL. An open transaction is rolled back by
 * the server. */
void db_free(struct db **db);

/* Connects if there is no connection, or pings it. ERR_DB_NOT_READY. */
enum err db_ready(struct db *db) MUST_CHECK;

/* Drops the connection (the next use reconnects): after fork, or to test reconnection. */
void db_close(struct db *db);

/* How often this handle has connected; prepared statements belong to one generation. */
unsigned db_generation(const struct db *db);

/*
 * Starts a transaction (READ COMMITTED, the session's level). Must not be inside one. Errors as
 * above. A connection that was found dead here is reopened once: nothing was at stake yet. When the
 * last transaction on this connection ended with nothing after it, nothing is sent, and a dead
 * connection shows itself at the first statement (ERR_DB_LOST).
 */
enum err db_begin(struct db *db) MUST_CHECK;

/* Commits. After any error the transaction is over; ERR_DB_UNCERTAIN means it may have
 * happened. */
enum err db_commit(struct db *db) MUST_CHECK;

/* Rolls back if a transaction is open; never fails in a way that matters, keeps errno. */
void db_rollback_if_open(struct db *db);

/* True between db_begin() and its end. */
bool db_in_tx(const struct db *db);

/*
 * What the last failure was, for the log: server error number, SQLSTATE and the statement's
 * name, never the server's sentence (it may quote a value); a failure to connect, which has no
 * values, includes the sentence. Borrowed until the next call on this handle; "" if none.
 */
const char *db_failure(const struct db *db);

/* "MariaDB 10.11.6" or "MySQL 8.0.36"; "" before the first connection. Borrowed. */
const char *db_server(const struct db *db);

/*
 * Runs the text of a migration: several statements separated by ';'. Needs config.scripts.
 * On failure *ret_statement (if not NULL) is the 1-based number of the statement that failed.
 * Errors as above; DDL commits as it goes, so a failure may leave earlier statements done.
 */
enum err db_script(struct db *db, const char *sql, unsigned *ret_statement) MUST_CHECK;

#endif
