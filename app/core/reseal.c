/* SPDX-License-Identifier: Apache-2.0 */
/* reseal.c seals rows anew. */
#include "reseal.h"

#include "applicant.h"
#include "stmt.h"
#include "tx.h"

struct batch {
	int64_t rows;
	uint64_t done; /* in this transaction */
};

static enum err reseal_row(struct ctx *ctx, struct uuid id, int64_t current, uint64_t *done)
{
	struct row_reseal_lock row;
	struct bytes sealed;
	enum err err = q_reseal_lock(ctx->db, ctx->arena, id, &row);

	/* Erased, or done by another process, since it was listed. */
	if (err == ERR_MISSING ||
	    (err == ERR_OK && (row.sealed.data == NULL || row.seal_key >= current)))
		return ERR_OK;
	if (err == ERR_OK)
		err = applicant_reseal(ctx, id, row.sealed, &sealed);
	if (err == ERR_OK)
		err = q_reseal_put(ctx->db, sealed, current, id);
	if (err == ERR_OK)
		(*done)++;
	return err;
}

static enum err reseal_batch(struct ctx *ctx, void *arg)
{
	struct batch *batch = arg;
	int64_t current = (int64_t)keyring_current(ctx->keyring);
	struct row_reseal_list *rows = NULL;
	size_t count = 0;
	enum err err = q_reseal_list(ctx->db, ctx->arena, current, batch->rows, &rows, &count);

	batch->done = 0;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = reseal_row(ctx, rows[i].id, current, &batch->done);
	return err;
}

enum err reseal_run(struct ctx *ctx, int64_t batch_rows, reseal_progress_fn *progress, void *arg,
    uint64_t *ret_done)
{
	struct batch batch = { .rows = batch_rows };
	struct row_reseal_count left = { 0 };
	uint64_t done = 0;
	enum err err =
	    q_reseal_count(ctx->db, ctx->arena, (int64_t)keyring_current(ctx->keyring), &left);
	uint64_t total = err == ERR_OK ? (uint64_t)left.n : 0;

	while (err == ERR_OK) {
		arena_reset(ctx->arena);
		err = tx_run(ctx, reseal_batch, &batch);
		if (err != ERR_OK || batch.done == 0)
			break;
		done += batch.done;
		if (progress != NULL && !progress(arg, done, total))
			break;
	}
	*ret_done = done;
	return err;
}
