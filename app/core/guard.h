/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h owns what is remembered of an address that people try to log in with, to register, or to
 * have a code sent to (contract/accounts.md): how many attempts there were since the last success,
 * until when it is locked, and when it was last sent something. A row is made for every address that
 * is tried, whether or not there is an account, so what a stranger is answered is the same.
 *
 * Lockout: the 5th attempt without a success locks the address for 15 minutes, the 10th for an hour, the
 * 20th and every 5th from there for 24 hours. An attempt is counted before its password is looked at,
 * so that any number of them at once get no more guesses than one after the other.
 */
#ifndef BONAFIDE_GUARD_H
#define BONAFIDE_GUARD_H

#include "base.h"
#include "ctx.h"

/* For how long a row is kept that nothing has touched. */
#define GUARD_KEPT_MS (INT64_C(48) * 3600 * 1000)

/* Between two codes that are asked for again, and between two mails that tell of an account. */
#define GUARD_PAUSE_MS INT64_C(60000)

/* Takes the row of an address, making it if need be, until the caller's transaction ends. */
enum err guard_hold(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE]) MUST_CHECK;

/*
 * Counts one attempt. ERR_LOCKED_OUT when the address is locked: then nothing is counted, and
 * *ret_retry_after_s is for how long yet, at least 1. *ret_locks: this is the attempt that locks it,
 * unless it succeeds. Outside a transaction.
 */
enum err guard_attempt(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE], bool *ret_locks,
    int64_t *ret_retry_after_s) MUST_CHECK;

/* An attempt has succeeded: no failures, no lock. */
enum err guard_clear(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE]) MUST_CHECK;

/* May a code be asked for again? Nothing is noted. Errors as guard_resend(). */
enum err guard_resend_due(
    struct ctx *ctx, const uint8_t email_index[SHA256_SIZE], int64_t *ret_retry_after_s) MUST_CHECK;

/* Notes that a code is asked for again. ERR_RATE_LIMIT_EXCEEDED within GUARD_PAUSE_MS of the last
 * time, and *ret_retry_after_s as above; nothing is noted then. */
enum err guard_resend(
    struct ctx *ctx, const uint8_t email_index[SHA256_SIZE], int64_t *ret_retry_after_s) MUST_CHECK;

/* Notes that the owner of the address is told of the account there is; false in *ret_due within
 * GUARD_PAUSE_MS of the last time. The row is held by the caller. */
enum err guard_tell(
    struct ctx *ctx, const uint8_t email_index[SHA256_SIZE], bool *ret_due) MUST_CHECK;

/* Deletes rows that say nothing any more, at most max_rows. */
enum err guard_expire(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed) MUST_CHECK;

#endif
