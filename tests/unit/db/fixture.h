/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h owns what the tests of app/sys/db*.c share: handles on the server that
 * tests/lib/with-mariadb started, and a go-between that can count what is said to the server
 * and cut the line at a chosen moment.
 */
#ifndef BONAFIDE_TEST_DB_FIXTURE_H
#define BONAFIDE_TEST_DB_FIXTURE_H

#include "base.h"
#include "arena.h"
#include "stmt.h"

/* The first byte of a packet to the server. */
enum command {
	COMMAND_QUIT = 0x01,
	COMMAND_QUERY = 0x03,
	COMMAND_PING = 0x0e,
	COMMAND_PREPARE = 0x16,
	COMMAND_EXECUTE = 0x17,
};

/* False (and a word on stderr) when there is no test server; then main returns 77. */
bool fixture_open(void);

/* A new handle on the server, ended with db_free(). */
struct db *fixture_db(void);

/* One with another table, and one that may run scripts and has no table. */
struct db *fixture_db_of(const struct db_stmt *stmts, size_t count);
struct db *fixture_db_for_scripts(void);

/* The first again, through the go-between. */
struct db *fixture_db_by_proxy(void);

/* Runs SQL on a connection of its own; the test fails when it fails. */
void fixture_run(const char *sql);

/* Lets the server close a handle's connection from its side, and waits until it has. */
void fixture_kill(struct db *db);

/* kill -9 of the server, and starting it again. */
void fixture_crash_server(void);
void fixture_start_server(void);

/* The server's number of a handle's connection. */
int64_t fixture_connection_id(struct db *db);

/* An arena for the whole program, and an id that was not used before. */
extern struct arena *fixture_arena;
struct uuid fixture_id(void);

/*
 * From now on the go-between ends the connection at the next `times` packets that are `command`
 * and hold `text` (NULL: any): before the server sees it, or after it has answered.
 */
void proxy_cut(enum command command, const char *text, bool is_before, int times);

/* How many packets of a command it has let pass or cut, since the last proxy_reset(). */
int proxy_seen(enum command command);
int proxy_seen_all(void);
void proxy_reset(void);

/* Makes the server forget the next statement just before it is to be executed, as a pooling
 * proxy does that hands out another session. */
void proxy_lose_statement(void);

void fixture_close(void);

#endif
