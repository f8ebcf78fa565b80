/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h owns what the tests of core share: a database with the product's schema on the server
 * that tests/lib/with-mariadb started, keys and settings in a directory of their own, a tenant,
 * and a context that acts for it.
 */
#ifndef BONAFIDE_TEST_CORE_FIXTURE_H
#define BONAFIDE_TEST_CORE_FIXTURE_H

#include "base.h"
#include "ctx.h"
#include "verification.h"

/* The context of the test; its actor is a live key of the first tenant. */
extern struct ctx ctx;

/* False (and a word on stderr) when there is no test server; then main returns 77. */
bool core_open(void);
void core_close(void);

/* cmocka's set-up: an empty request arena, the first tenant acting, no work, no lanes. */
int core_set_up(void **state);

/* A new tenant with an organisation of its own. */
struct uuid core_tenant(void);

/* Acts as a key of this tenant. */
void core_act(struct uuid application_id, enum environment environment);

/* Runs SQL on a connection of its own; the test fails when it fails. */
void core_run(const char *sql);

/* One number out of the database: "SELECT COUNT(*) …". */
int64_t core_number(const char *sql);

/* The text that the plan of a statement with its values written in consists of (EXPLAIN's
 * columns key and Extra, a line for each table). */
const char *core_plan(const char *sql);

/* A second handle on the same database, ended with db_free(). */
struct db *core_db(void);

/* A path below the test's own directory; static, overwritten by the next call. */
const char *core_path(const char *name);

/* Writes a file there. */
void core_write(const char *name, const char *text);

/* The settings anew, with these lines behind those the test needs. */
void core_settings(const char *lines);

/* A verification of the acting tenant, taken in and committed. number decides its outcome in the
 * sandbox; NULL: approved. */
struct verification core_verification(const char *number, bool at_once, bool scored);

#endif
