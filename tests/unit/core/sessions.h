/* SPDX-License-Identifier: Apache-2.0 */
/* sessions.h owns what the tests of verification sessions share: making one, submitting, deciding, and
 * what its owner was told. */
#ifndef BONAFIDE_TEST_CORE_SESSIONS_H
#define BONAFIDE_TEST_CORE_SESSIONS_H

#include "base.h"
#include "fixture.h"
#include "session.h"

/* cmocka's set-up: a tenant of its own for each test, and a public address. */
int sessions_set_up(void **state);

/* A session of the acting tenant. share: JSON text of share_fields, NULL for the default contract.
 * Everything else is the family's default; the cancel token is kept in sessions_cancel_token. */
struct session sessions_make(enum session_family family, const char *share);
extern const char *sessions_cancel_token;

/* What sessions_make() gives session_create(), for tests that change a member. */
struct session_new sessions_new(enum session_family family);

/* Opens the page of a session and submits with every claim of the contract but `declined` (NULL: none),
 * in a session of the page's own; ERR_OK or what session_page_submit() says. The actor is put back. */
enum err sessions_submit_as(
    struct uuid id, const char *nonce, const char *number, const char *declined);

/* The same with a fresh nonce and a number that is good; it must succeed. */
void sessions_submit(struct uuid id, const char *declined);

/* Decides the running attempt. *reason: of a decision that is not an approval. */
void sessions_decide(struct uuid id, struct decision decision);
extern const struct decision sessions_approved;
struct decision sessions_declined(enum ver_reason reason);

/* The session as its owner sees it, with attempts. */
struct session sessions_get(struct uuid id);

/* How many events of a type the acting tenant has. */
int64_t sessions_told(const char *type);

/* The body of its newest event of a type, as JSON; the caller owns it. */
json_t *sessions_event(const char *type);

#endif
