/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tx.h owns the transaction with its retries: deadlocks and certification failures run the
 * whole function again, at most LIMIT_TX_RETRIES times; a connection lost before the commit was
 * sent once, on a new one; an uncertain commit is never retried (design section 5). A transaction
 * that was refused by the guard of a statement sent ahead (ERR_DB_REFUSED) runs once more with
 * ctx->is_careful, in which its function looks before it writes.
 */
#ifndef BONAFIDE_TX_H
#define BONAFIDE_TX_H

#include "base.h"
#include "ctx.h"

/* The work of one transaction. It may run more than once, so it must not keep anything outside
 * arg that a second run would not overwrite. An error rolls back. */
typedef enum err tx_fn(struct ctx *ctx, void *arg);

/*
 * begin, fn, commit. Called inside a transaction it just runs fn in it (no nesting). Errors: fn's,
 * or the database's; ERR_DB_LOCKED and ERR_DB_DEADLOCK after the last retry.
 */
enum err tx_run(struct ctx *ctx, tx_fn *fn, void *arg) MUST_CHECK;

#endif
