/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_flow.h owns what the files of sessions share among themselves: reading a row, holding it, and
 * the one way from a status to the next, with its counters and its event. Nobody else includes it, but a
 * test.
 */
#ifndef BONAFIDE_SESSION_FLOW_H
#define BONAFIDE_SESSION_FLOW_H

#include "base.h"
#include "ctx.h"
#include "session.h"
#include "stmt.h"

/* A row as a session, without organisation, attempts and subject. ERR_DB_BROKEN. */
enum err session_fill(const struct row_session_get *row, struct session *ret_session) MUST_CHECK;

/* Reads one of a tenant, with its organisation, that the actor's environment may see.
 * ERR_SESSION_NOT_FOUND. */
enum err session_read(struct ctx *ctx, struct uuid application_id, struct uuid id,
    bool with_attempts, struct session *ret_session) MUST_CHECK;

/* The same without attempts, held until the end of the caller's transaction; an overdue one is expired
 * first. */
enum err session_hold(struct ctx *ctx, struct uuid application_id, struct uuid id,
    struct session *ret_session) MUST_CHECK;

/* Reads the attempts of a session into it. */
enum err session_read_attempts(struct ctx *ctx, struct session *session) MUST_CHECK;

/* A row as an attempt. ERR_DB_BROKEN. */
enum err session_fill_attempt(
    const struct row_attempt_list *row, struct session_attempt *ret_attempt) MUST_CHECK;

/* True when it is open although its time has come. */
bool session_is_overdue(const struct session *session);

/* Expires one session, in a transaction of its own or the caller's, unless it is not overdue any more. */
enum err session_expire_one(struct ctx *ctx, struct uuid application_id, struct uuid id) MUST_CHECK;

/*
 * Moves a held session: row, counters, and the event that its family has for it. *session says so
 * afterwards. ERR_SESSION_MOVE when there is no such move.
 */
enum err session_move(struct ctx *ctx, struct session *session, enum session_status to) MUST_CHECK;

/* Ends the running attempt of a held session, if it has one, without an event. */
enum err session_end_running(struct ctx *ctx, const struct session *session,
    enum attempt_status status, enum attempt_failure failure) MUST_CHECK;

/* Writes an event about a session itself; its data is the session_record for the plain family's, and
 * an empty object for the session family's. */
enum err session_tell(
    struct ctx *ctx, const struct session *session, enum event_type type) MUST_CHECK;

/* Counts a new session, or its move, in the totals and on the day it was made. */
enum err session_count_new(struct ctx *ctx, const struct session *session) MUST_CHECK;
enum err session_count_move(
    struct ctx *ctx, const struct session *session, enum session_status to) MUST_CHECK;

/* The hash that a token of a session is kept as; use: "cancel", "page". ERR_CRYPTO. */
enum err session_token_hash(struct ctx *ctx, const char *use, struct uuid id, const char *token,
    uint8_t ret_hash[SHA256_SIZE]) MUST_CHECK;

#endif
