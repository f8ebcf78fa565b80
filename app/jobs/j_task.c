/* SPDX-License-Identifier: Apache-2.0 */
/* j_task.c does the long work on deliveries (webhook_task.h), a piece for each round. */
#include "jobs_private.h"

#include "log.h"
#include "tx.h"
#include "webhook_task.h"

#define TASK_MEMORY 67108864 /* a piece reads up to LIMIT_TASK_PIECE bodies */

enum err task_job_open(struct job_run *run)
{
	struct arena *arena = NULL;
	enum err err = arena_new(TASK_MEMORY, &arena);

	run->state = arena;
	return err;
}

void task_job_close(struct job_run *run)
{
	struct arena *arena = run->state;

	arena_free(&arena);
	run->state = NULL;
}

static enum err step(struct ctx *ctx, void *arg)
{
	arena_reset(ctx->arena);
	return webhook_task_step(ctx, arg);
}

enum err task_job_round(struct job_run *run, bool *ret_busy)
{
	struct work_limits limits = { .max = 1, .per_lane = 1 };
	struct work *work = NULL;
	struct ctx ctx = run->ctx;
	size_t count = 0;

	if (run->stopping)
		return ERR_OK;
	enum err err = work_claim(
	    &run->ctx, WORK_TASK, &limits, run->ctx.settings->lease_s * 1000, &work, &count);
	if (err != ERR_OK || count == 0)
		return err;
	ctx.arena = run->state;
	err = tx_run(&ctx, step, work);
	arena_reset(run->state);
	run->counts.claimed++;
	if (err == ERR_STALE) {
		run->counts.stale++;
		err = ERR_OK;
	}
	*ret_busy = true;
	return err;
}
