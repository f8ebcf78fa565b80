/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_task.h owns long work on deliveries: releasing what was held for an endpoint, recovering
 * a range of time, removing what belonged to a deleted endpoint. A task is a row with its position
 * and a row in the queue; the batch does a piece at a time, each in a transaction of its own that
 * moves the position along. So a killed one goes on where it was, and a repeated one does nothing
 * twice.
 */
#ifndef BONAFIDE_WEBHOOK_TASK_H
#define BONAFIDE_WEBHOOK_TASK_H

#include "base.h"
#include "ctx.h"
#include "work.h"

/* Writes a task and its work row inside the caller's transaction. endpoint_id nil: all endpoints of
 * the application (recovery only). since and until in UTC milliseconds, TIME_NONE open. *ret_id may
 * be NULL. */
enum err webhook_task_put(struct ctx *ctx, enum task_kind kind, struct uuid application_id,
    struct uuid endpoint_id, int64_t since_ms, int64_t until_ms, struct uuid *ret_id) MUST_CHECK;

/* Puts a recovery, in a transaction of its own or the caller's: TASK_RECOVER as above. */
enum err webhook_recover(struct ctx *ctx, struct uuid application_id, struct uuid endpoint_id,
    int64_t since_ms, int64_t until_ms, struct uuid *ret_id) MUST_CHECK;

/* How far a task is; of an operator. ERR_MISSING. */
enum err webhook_task_get(
    struct ctx *ctx, struct uuid id, struct row_webhook_task_get *ret_row) MUST_CHECK;

/*
 * Does one piece of a claimed task inside the caller's transaction, fenced by its lease: at most
 * LIMIT_TASK_PIECE deliveries. The work row goes when the task is done, else it is due again now.
 * ERR_STALE; database errors.
 */
enum err webhook_task_step(struct ctx *ctx, const struct work *work) MUST_CHECK;

/* What a recovery would queue, without doing it: how many deliveries of how many events. */
enum err webhook_recover_count(struct ctx *ctx, struct uuid application_id, struct uuid endpoint_id,
    int64_t since_ms, int64_t until_ms, int64_t *ret_events, int64_t *ret_deliveries) MUST_CHECK;

#endif
