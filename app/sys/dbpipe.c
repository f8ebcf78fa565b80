/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dbpipe.c sends statements of a transaction one behind the other and reads their answers
 * together: one wait for the network instead of one for each. MariaDB reads commands from the
 * connection in order, whether or not we have read what it said to the last one, and its client
 * library has an option for just that; with MySQL's every statement waits for its answer.
 *
 * What stands behind a statement that failed is carried out all the same. That is harmless because
 * the session is out of autocommit (sql/session.def): whatever it does is rolled back.
 */
#include "base.h"
#include "db_private.h"

#include <stdio.h>

#define SQLSTATE_SIZE (SQLSTATE_LENGTH + 1)

#if DB_CAN_PIPE

/* Says whether executing waits for the answer. It only writes a flag. */
static void set_skipping(struct db *db, bool is_skipping)
{
	DB_BOOL flag = is_skipping;

	mysql_optionsv(db->mysql, MARIADB_OPT_SKIP_READ_RESPONSE, &flag);
}

static bool read_answer(const struct db *db, MYSQL_STMT *stmt)
{
	return db->mysql->methods->db_read_execute_response(stmt) == 0;
}

#else

static void set_skipping(struct db *db UNUSED, bool is_skipping UNUSED)
{
}

static bool read_answer(const struct db *db UNUSED, MYSQL_STMT *stmt UNUSED)
{
	return false;
}

#endif

static bool is_under_way(const struct db *db, const MYSQL_STMT *stmt)
{
	for (size_t i = 0; i < db->unread_count; i++) {
		if (db->unread[i].stmt == stmt)
			return true;
	}
	return false;
}

enum err db_pipe(struct db *db, MYSQL_STMT *stmt, const char *name, bool *ret_sent)
{
	if (!db->can_pipe)
		return ERR_OK;
	if (db->unread_count == DB_UNREAD_MAX || is_under_way(db, stmt)) {
		enum err err = db_catch_up(db);

		if (err != ERR_OK)
			return err;
	}
	set_skipping(db, true);
	bool is_sent = mysql_stmt_execute(stmt) == 0;
	set_skipping(db, false);
	if (!is_sent)
		return db_fail(db, mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt), name);
	db->unread[db->unread_count++] = (struct db_unread){ stmt, name };
	*ret_sent = true;
	return ERR_OK;
}

/* Reads what is outstanding; true when all went well, else the first failure. */
static bool read_all(
    struct db *db, unsigned *ret_number, char ret_sqlstate[SQLSTATE_SIZE], const char **ret_name)
{
	size_t count = db->unread_count;
	bool is_well = true;

	db->unread_count = 0;
	for (size_t i = 0; i < count; i++) {
		MYSQL_STMT *stmt = db->unread[i].stmt;

		if (read_answer(db, stmt))
			continue;
		if (is_well) {
			*ret_number = mysql_stmt_errno(stmt);
			snprintf(ret_sqlstate, SQLSTATE_SIZE, "%s", mysql_stmt_sqlstate(stmt));
			*ret_name = db->unread[i].name;
			is_well = false;
		}
		/* Behind a lost connection nothing more comes. */
		if (db_class(mysql_stmt_errno(stmt)) == ERR_DB_LOST)
			break;
	}
	return is_well;
}

enum err db_catch_up(struct db *db)
{
	char sqlstate[SQLSTATE_SIZE] = "";
	const char *name = "";
	unsigned number = 0;

	if (db->unread_count == 0)
		return ERR_OK;
	if (read_all(db, &number, sqlstate, &name)) {
		db_answered(db);
		return ERR_OK;
	}
	enum err err = db_fail(db, number, sqlstate, name);
	if (number == DB_ER_UNKNOWN_STMT || number == DB_ER_REPREPARE) {
		db_forget_statements(db);
		db_rollback_if_open(db);
		err = ERR_DB_DEADLOCK;
	}
	return err;
}

bool db_drain(struct db *db)
{
	char sqlstate[SQLSTATE_SIZE] = "";
	const char *name = "";
	unsigned number = 0;

	if (db->unread_count == 0 || read_all(db, &number, sqlstate, &name))
		return true;
	return db_class(number) != ERR_DB_LOST;
}
