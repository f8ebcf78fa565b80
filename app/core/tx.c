/* SPDX-License-Identifier: Apache-2.0 */
/* tx.c runs transactions. */
#include "tx.h"

#include "proc.h"
#include "crypt.h"

/* Those that met will meet again unless they part: each round over four times the time. */
static void wait_a_little(int round)
{
	uint32_t more = 0;

	if (random_below(8, &more) != ERR_OK)
		more = 4;
	proc_sleep_ms(((int64_t)more << (2 * round)) + 1);
}

static enum err run_once(struct ctx *ctx, tx_fn *fn, void *arg)
{
	enum err err = db_begin(ctx->db);

	if (err != ERR_OK)
		return err;
	err = fn(ctx, arg);
	if (err == ERR_OK)
		err = db_commit(ctx->db);
	/* fn may have failed for a reason of its own; the rollback keeps that as the answer. */
	db_rollback_if_open(ctx->db);
	return err;
}

static enum err run_rounds(struct ctx *ctx, tx_fn *fn, void *arg)
{
	enum err err = ERR_DB_DEADLOCK;
	bool was_lost = false;

	for (int round = 0; round <= LIMIT_TX_RETRIES; round++) {
		err = run_once(ctx, fn, arg);
		/* Refused by its own guard: not an accident, so nothing is waited for. */
		if (err == ERR_DB_REFUSED && !ctx->is_careful) {
			ctx->is_careful = true;
			err = run_once(ctx, fn, arg);
		}
		/* Lost before the commit was sent: nothing happened, and another connection may do. */
		if (err == ERR_DB_LOST && !was_lost)
			was_lost = true;
		else if (err != ERR_DB_DEADLOCK && err != ERR_DB_LOCKED)
			return err;
		if (round < LIMIT_TX_RETRIES)
			wait_a_little(round);
	}
	return err;
}

enum err tx_run(struct ctx *ctx, tx_fn *fn, void *arg)
{
	if (db_in_tx(ctx->db))
		return fn(ctx, arg);
	enum err err = run_rounds(ctx, fn, arg);
	ctx->is_careful = false;
	return err;
}
