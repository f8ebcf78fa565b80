/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "db.h"
#include "db_private.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* After this long a silence a connection is pinged before it is used: firewalls between hosts
 * forget connections without telling either end. */
#define SILENCE_MS 30000

/* So soon after an answer nobody looks whether the socket is still open. */
#define FRESH_MS 5

/* The server's own words; the text is in sql/session.def. */
static const char *const session_setup[] = {
#define SESSION(sql) sql,
#define SESSION_GALERA(sql)
#define SESSION_WORD(name, sql)
#include "session.def"
#undef SESSION
#undef SESSION_GALERA
};

static const char *const session_galera[] = {
#define SESSION(sql)
#define SESSION_GALERA(sql) sql,
#include "session.def"
#undef SESSION
#undef SESSION_GALERA
#undef SESSION_WORD
};

#define SESSION(sql)
#define SESSION_GALERA(sql)
#define SESSION_WORD(name, sql) static const char session_##name[] = sql;
#include "session.def"
#undef SESSION
#undef SESSION_GALERA
#undef SESSION_WORD

enum err db_new(
    const struct db_config *config, const struct db_stmt *stmts, size_t count, struct db **ret_db)
{
	struct db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return ERR_NOMEM;
	db->prepared = calloc(count + 1, sizeof(struct db_prepared *));
	if (db->prepared == NULL) {
		free(db);
		return ERR_NOMEM;
	}
	db->config = *config;
	db->stmts = stmts;
	db->stmt_count = count;
	*ret_db = db;
	return ERR_OK;
}

void db_free(struct db **db)
{
	if (db == NULL || *db == NULL)
		return;
	db_close(*db);
	free((*db)->prepared);
	free(*db);
	*db = NULL;
}

/* ---- failures ----------------------------------------------------------------------------- */

enum err db_refuse(struct db *db, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(db->failure, sizeof(db->failure), format, args);
	va_end(args);
	return ERR_DB_BROKEN;
}

enum err db_fail(struct db *db, unsigned number, const char *sqlstate, const char *what)
{
	enum err err = db_class(number);

	snprintf(db->failure, sizeof(db->failure), "%s: error %u (%s)", what, number, sqlstate);
	if (err == ERR_DB_LOST) {
		db_close(db);
	} else if (err == ERR_DB_DEADLOCK && db->in_tx) {
		/* InnoDB has rolled back already, but START TRANSACTION would commit whatever a
		 * server had kept, so this is said in so many words. */
		db_rollback_if_open(db);
	}
	return err;
}

const char *db_failure(const struct db *db)
{
	return db->failure;
}

/* ---- connection --------------------------------------------------------------------------- */

static int socket_of(MYSQL *mysql)
{
#ifdef MARIADB_BASE_VERSION
	return (int)mysql_get_socket(mysql);
#else
	return (int)mysql->net.fd;
#endif
}

void db_answered(struct db *db)
{
	db->answered_ms = clock_mono_ms();
}

void db_close(struct db *db)
{
	db->in_tx = false;
	db->is_manual = false;
	db->unread_count = 0;
	if (db->mysql == NULL)
		return;
	if (db->owner != getpid()) {
		/* The parent goes on using the session: our copy of the socket must not carry
		 * the library's goodbye. */
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null >= 0) {
			dup2(null, socket_of(db->mysql));
			close(null);
		}
	}
	mysql_close(db->mysql);
	db->mysql = NULL;
	db_forget_statements(db);
}

static void set_options(MYSQL *mysql, const struct db_config *config)
{
	unsigned no = 0;

	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &config->connect_timeout_s);
	mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &config->read_timeout_s);
	mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &config->read_timeout_s);
	mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no);
	if (config->host != NULL && config->host[0] != '\0') {
		/* Else "localhost" would quietly mean a socket. */
		enum mysql_protocol_type tcp = MYSQL_PROTOCOL_TCP;

		mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
	}
#ifdef MARIADB_BASE_VERSION
	{
		/* Off is the default; MySQL 8.0.34 warns on stderr when the option is as much
		 * as named. */
		DB_BOOL reconnect = 0;

		mysql_options(mysql, MYSQL_OPT_RECONNECT, &reconnect);
	}
#endif
}

/* "MariaDB 10.11.6" from "5.5.5-10.11.6-MariaDB-log", "MySQL 8.0.36" from "8.0.36-0ubuntu". */
static void name_server(struct db *db)
{
	static const char replication_prefix[] = "5.5.5-";
	const char *info = mysql_get_server_info(db->mysql);
	bool is_mariadb = strstr(info, "MariaDB") != NULL;

	if (is_mariadb && strncmp(info, replication_prefix, strlen(replication_prefix)) == 0)
		info += strlen(replication_prefix);
	snprintf(db->server, sizeof(db->server), "%s %.*s", is_mariadb ? "MariaDB" : "MySQL",
	    (int)strspn(info, "0123456789."), info);
}

/* Records why connecting failed, with the server's sentence: no values can be in it. */
static enum err fail_to_connect(struct db *db, MYSQL *mysql, const char *what)
{
	snprintf(db->failure, sizeof(db->failure), "%s: error %u (%s): %s", what,
	    mysql_errno(mysql), mysql_sqlstate(mysql), mysql_error(mysql));
	return ERR_DB_NOT_READY;
}

/* True when the server is a Galera node, with *ret_is_galera set; false when asking failed. */
static bool ask_galera(MYSQL *mysql, bool *ret_is_galera)
{
	MYSQL_RES *result;
	MYSQL_ROW row;

	if (mysql_real_query(mysql, session_is_galera, sizeof(session_is_galera) - 1) != 0)
		return false;
	result = mysql_store_result(mysql);
	if (result == NULL)
		return false;
	row = mysql_num_fields(result) == 2 ? mysql_fetch_row(result) : NULL;
	*ret_is_galera = row != NULL && row[1] != NULL &&
			 (strcmp(row[1], "ON") == 0 || strcmp(row[1], "1") == 0);
	mysql_free_result(result);
	return true;
}

static bool say_all(MYSQL *mysql, const char *const words[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (mysql_real_query(mysql, words[i], (unsigned long)strlen(words[i])) != 0)
			return false;
	}
	return true;
}

static bool set_up_session(MYSQL *mysql)
{
	bool is_galera = false;

	if (!say_all(mysql, session_setup, countof(session_setup)))
		return false;
	if (!ask_galera(mysql, &is_galera))
		return false;
	return !is_galera || say_all(mysql, session_galera, countof(session_galera));
}

static enum err db_connect(struct db *db)
{
	const struct db_config *config = &db->config;
	bool by_host = config->host != NULL && config->host[0] != '\0';
	MYSQL *mysql = mysql_init(NULL);
	enum err err = ERR_OK;

	if (mysql == NULL) {
		snprintf(db->failure, sizeof(db->failure), "connect: out of memory");
		return ERR_DB_NOT_READY;
	}
	set_options(mysql, config);
	/* FOUND_ROWS: an UPDATE that finds its row as it should be has found it. */
	if (mysql_real_connect(mysql, by_host ? config->host : NULL, config->user, config->password,
		config->name, by_host ? config->port : 0, by_host ? NULL : config->socket,
		CLIENT_FOUND_ROWS) == NULL)
		err = fail_to_connect(db, mysql, "connect");
	else if (!set_up_session(mysql))
		err = fail_to_connect(db, mysql, "session");
	if (err != ERR_OK) {
		mysql_close(mysql);
		return err;
	}
	db->mysql = mysql;
	db->owner = getpid();
	db->generation++;
	name_server(db);
	db->can_pipe = DB_CAN_PIPE && strncmp(db->server, "MariaDB", 7) == 0;
	db_answered(db);
	return ERR_OK;
}

/*
 * A server that closes a connection while we are idle leaves end-of-file, or its last words, in
 * the socket; a server that is well says nothing unasked.
 */
static bool looks_dead(const struct db *db)
{
	struct pollfd poll_fd = { .fd = socket_of(db->mysql), .events = POLLIN };
	int64_t silence_ms = clock_mono_ms() - db->answered_ms;

	if (silence_ms < FRESH_MS)
		return false;
	return silence_ms > SILENCE_MS || poll(&poll_fd, 1, 0) > 0;
}

/* Whether the connection answers; if not it is closed, but nothing is recorded as a failure. */
static bool answers(struct db *db)
{
	if (mysql_ping(db->mysql) != 0) {
		db_close(db);
		return false;
	}
	db_answered(db);
	return true;
}

enum err db_live(struct db *db)
{
	if (db->mysql != NULL && (!looks_dead(db) || answers(db)))
		return ERR_OK;
	return db_connect(db);
}

enum err db_ready(struct db *db)
{
	bool was_in_tx = db->in_tx;

	if (db->mysql != NULL && db_drain(db) && answers(db))
		return ERR_OK;
	if (was_in_tx) {
		snprintf(db->failure, sizeof(db->failure), "ping: lost in a transaction");
		return ERR_DB_LOST;
	}
	return db_connect(db);
}

unsigned db_generation(const struct db *db)
{
	return db->generation;
}

const char *db_server(const struct db *db)
{
	return db->server;
}

/* ---- transactions ------------------------------------------------------------------------- */

enum err db_say(struct db *db, const char *sql, size_t len_bytes, const char *what)
{
	MYSQL_RES *result;

	if (mysql_real_query(db->mysql, sql, (unsigned long)len_bytes) != 0)
		return db_fail(db, mysql_errno(db->mysql), mysql_sqlstate(db->mysql), what);
	result = mysql_store_result(db->mysql);
	if (result != NULL)
		mysql_free_result(result);
	else if (mysql_errno(db->mysql) != 0)
		return db_fail(db, mysql_errno(db->mysql), mysql_sqlstate(db->mysql), what);
	db_answered(db);
	return ERR_OK;
}

/* Out of autocommit; the connection that was found dead is opened again once. */
static enum err go_manual(struct db *db)
{
	enum err err = db_live(db);

	if (err != ERR_OK || db->is_manual)
		return err;
	err = db_say(db, session_begin, sizeof(session_begin) - 1, "begin");
	if (err == ERR_DB_LOST) {
		err = db_connect(db);
		if (err == ERR_OK)
			err = db_say(db, session_begin, sizeof(session_begin) - 1, "begin");
	}
	return err;
}

enum err db_automatic(struct db *db)
{
	if (!db->is_manual)
		return ERR_OK;
	enum err err = db_say(db, session_automatic, sizeof(session_automatic) - 1, "autocommit");
	if (err == ERR_OK)
		db->is_manual = false;
	else
		db_close(db);
	return err;
}

enum err db_begin(struct db *db)
{
	enum err err;

	if (db->in_tx) {
		snprintf(db->failure, sizeof(db->failure), "begin: already in a transaction");
		return ERR_STATE;
	}
	err = go_manual(db);
	if (err == ERR_OK) {
		db->is_manual = true;
		db->in_tx = true;
	}
	return err;
}

enum err db_commit(struct db *db)
{
	enum err err;

	if (!db->in_tx) {
		snprintf(db->failure, sizeof(db->failure), "commit: not in a transaction");
		return ERR_STATE;
	}
	/* What the last writes came to must be known before the word that makes them last. */
	err = db_catch_up(db);
	if (err != ERR_OK) {
		db_rollback_if_open(db);
		return err;
	}
	err = db_say(db, session_commit, sizeof(session_commit) - 1, "commit");
	db->in_tx = false;
	if (err == ERR_OK || err == ERR_DB_DEADLOCK)
		return err;
	/* Whatever state the session is in now, the next transaction must not begin in it. */
	db_close(db);
	/* Only a read-only server refuses before it has done anything. */
	return err == ERR_DB_READ_ONLY ? err : ERR_DB_UNCERTAIN;
}

void db_rollback_if_open(struct db *db)
{
	int saved_errno = errno;

	if (db->in_tx) {
		db->in_tx = false;
		/* A server that does not hear this rolls back when the connection ends. */
		if (!db_drain(db) || mysql_real_query(db->mysql, session_rollback,
					 sizeof(session_rollback) - 1) != 0)
			db_close(db);
		else
			db_answered(db);
	}
	errno = saved_errno;
}

bool db_in_tx(const struct db *db)
{
	return db->in_tx;
}
