/* SPDX-License-Identifier: Apache-2.0 */
/* counter.c: totals spread over slots. */
#include "counter.h"

#include "limits.h"
#include "stmt.h"

static int64_t slot_of(const struct ctx *ctx)
{
	return (int64_t)(ctx->slot % LIMIT_COUNTER_SLOTS);
}

enum err counter_add(struct ctx *ctx, struct uuid application_id, const char *name,
    const char *environment, const char *status, int64_t delta)
{
	return q_counter_add(
	    ctx->db, application_id, name, environment, status, slot_of(ctx), delta);
}

enum err counter_move(struct ctx *ctx, struct uuid application_id, const char *name,
    const char *environment, const char *from_status, const char *to_status)
{
	return q_counter_add_two(ctx->db, application_id, name, environment, from_status,
	    slot_of(ctx), -1, application_id, name, environment, to_status, slot_of(ctx), 1);
}

enum err counter_add_two(struct ctx *ctx, struct uuid application_id, const char *environment,
    const char *name, const char *status, const char *name_2, const char *status_2)
{
	return q_counter_add_two(ctx->db, application_id, name, environment, status, slot_of(ctx),
	    1, application_id, name_2, environment, status_2, slot_of(ctx), 1);
}

enum err counter_sum(struct ctx *ctx, struct uuid application_id, const char *name,
    const char *environment, const char *status, int64_t *ret_sum)
{
	struct row_counter_sum row;
	enum err err =
	    q_counter_sum(ctx->db, ctx->arena, application_id, name, environment, status, &row);

	if (err == ERR_OK)
		*ret_sum = row.n;
	return err;
}
