/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dberror.c is the table from error numbers to errors. Numbers rather than names, because the
 * headers of MariaDB and MySQL each lack some of the other's; from 2000 to 2999 and from 5000
 * they are the client library's own, the rest is the server's.
 */
#include "base.h"
#include "db_private.h"

static const struct {
	unsigned number;
	enum err err;
} classes[] = {
	{ 1062, ERR_DB_DUPLICATE }, /* ER_DUP_ENTRY */
	{ 1022, ERR_DB_DUPLICATE }, /* ER_DUP_KEY */
	{ 1586, ERR_DB_DUPLICATE }, /* ER_DUP_ENTRY_WITH_KEY_NAME */

	{ 1048, ERR_DB_REFUSED }, /* ER_BAD_NULL_ERROR */

	{ 1213, ERR_DB_DEADLOCK }, /* ER_LOCK_DEADLOCK, also Galera's certification failure */
	{ 1020, ERR_DB_DEADLOCK }, /* ER_CHECKREAD: the row changed under a snapshot (MariaDB 11) */
	{ 1614, ERR_DB_DEADLOCK }, /* ER_XA_RBDEADLOCK */
	{ 3101, ERR_DB_DEADLOCK }, /* ER_TRANSACTION_ROLLBACK_DURING_COMMIT: group replication */

	{ 1205, ERR_DB_LOCKED }, /* ER_LOCK_WAIT_TIMEOUT */
	{ 3572, ERR_DB_LOCKED }, /* ER_LOCK_NOWAIT */

	{ 1290, ERR_DB_READ_ONLY }, /* ER_OPTION_PREVENTS_STATEMENT: --read-only */
	{ 1836, ERR_DB_READ_ONLY }, /* ER_READ_ONLY_MODE */
	{ 1792, ERR_DB_READ_ONLY }, /* ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION */

	{ 1053, ERR_DB_LOST }, /* ER_SERVER_SHUTDOWN */
	{ 1077, ERR_DB_LOST }, /* ER_NORMAL_SHUTDOWN */
	{ 1078, ERR_DB_LOST }, /* ER_GOT_SIGNAL */
	{ 1079, ERR_DB_LOST }, /* ER_SHUTDOWN_COMPLETE */
	{ 1080, ERR_DB_LOST }, /* ER_FORCING_CLOSE */
	{ 1152, ERR_DB_LOST }, /* ER_ABORTING_CONNECTION */
	{ 1184, ERR_DB_LOST }, /* ER_NEW_ABORTING_CONNECTION */
	{ 1153, ERR_DB_LOST }, /* ER_NET_PACKET_TOO_LARGE: the server hangs up after it */
	{ 1154, ERR_DB_LOST }, /* ER_NET_READ_ERROR_FROM_PIPE */
	{ 1155, ERR_DB_LOST }, /* ER_NET_FCNTL_ERROR */
	{ 1156, ERR_DB_LOST }, /* ER_NET_PACKETS_OUT_OF_ORDER */
	{ 1157, ERR_DB_LOST }, /* ER_NET_UNCOMPRESS_ERROR */
	{ 1158, ERR_DB_LOST }, /* ER_NET_READ_ERROR */
	{ 1159, ERR_DB_LOST }, /* ER_NET_READ_INTERRUPTED */
	{ 1160, ERR_DB_LOST }, /* ER_NET_ERROR_ON_WRITE */
	{ 1161, ERR_DB_LOST }, /* ER_NET_WRITE_INTERRUPTED */
	{ 1927, ERR_DB_LOST }, /* ER_CONNECTION_KILLED (MariaDB) */
	{ 3169, ERR_DB_LOST }, /* ER_SESSION_WAS_KILLED (MySQL) */
	{ 4031, ERR_DB_LOST }, /* ER_CLIENT_INTERACTION_TIMEOUT (MySQL) */
	{ 2006, ERR_DB_LOST }, /* CR_SERVER_GONE_ERROR */
	{ 2013, ERR_DB_LOST }, /* CR_SERVER_LOST */
	{ 2055, ERR_DB_LOST }, /* CR_SERVER_LOST_EXTENDED */
	{ 2014, ERR_DB_LOST }, /* CR_COMMANDS_OUT_OF_SYNC: nothing more to be had from it */
	{ 2026, ERR_DB_LOST }, /* CR_SSL_CONNECTION_ERROR */
	{ 2027, ERR_DB_LOST }, /* CR_MALFORMED_PACKET */
	{ 2056, ERR_DB_LOST }, /* CR_STMT_CLOSED: the connection went with it */
	{ 5013, ERR_DB_LOST }, /* CR_ERR_NET_READ (MariaDB) */
	{ 5014, ERR_DB_LOST }, /* CR_ERR_NET_WRITE (MariaDB) */

	{ 1040, ERR_DB_NOT_READY }, /* ER_CON_COUNT_ERROR */
	{ 1047, ERR_DB_NOT_READY }, /* ER_UNKNOWN_COM_ERROR: a Galera node that is not primary */
	{ 1203, ERR_DB_NOT_READY }, /* ER_TOO_MANY_USER_CONNECTIONS */
	{ 1226, ERR_DB_NOT_READY }, /* ER_USER_LIMIT_REACHED */
	{ 1021, ERR_DB_NOT_READY }, /* ER_DISK_FULL */
	{ 1114, ERR_DB_NOT_READY }, /* ER_RECORD_FILE_FULL */
	{ 1037, ERR_DB_NOT_READY }, /* ER_OUTOFMEMORY */
	{ 1041, ERR_DB_NOT_READY }, /* ER_OUT_OF_RESOURCES */
	{ 1317, ERR_DB_NOT_READY }, /* ER_QUERY_INTERRUPTED: the statement is undone */
	{ 1461, ERR_DB_NOT_READY }, /* ER_MAX_PREPARED_STMT_COUNT_REACHED */
	{ 1637, ERR_DB_NOT_READY }, /* ER_TOO_MANY_CONCURRENT_TRXS */
	{ 1969, ERR_DB_NOT_READY }, /* ER_STATEMENT_TIMEOUT (MariaDB) */
	{ 3024, ERR_DB_NOT_READY }, /* ER_QUERY_TIMEOUT (MySQL) */
	{ 2008, ERR_DB_NOT_READY }, /* CR_OUT_OF_MEMORY */
};

enum err db_class(unsigned number)
{
	for (size_t i = 0; i < countof(classes); i++) {
		if (classes[i].number == number)
			return classes[i].err;
	}
	return ERR_DB_BROKEN;
}
