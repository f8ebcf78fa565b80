/* SPDX-License-Identifier: Apache-2.0 */
/* work.c: the queue. */
#include "work.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "tx.h"

#define LANES_MAX 256

enum err work_put(struct ctx *ctx, enum work_kind kind, struct uuid subject_id, const char *lane,
    int64_t due_at_ms)
{
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err != ERR_OK)
		return err;
	return q_work_put(
	    ctx->db, id, work_kind_word(kind), subject_id, lane, due_at_ms, uuid_time_ms(id));
}

/* ---- claiming ------------------------------------------------------------------------------------- */

struct claim {
	enum work_kind kind;
	size_t max;
	size_t per_lane;
	int64_t now_ms;
	int64_t lease_ms;
	const char *lanes[LANES_MAX]; /* that have something due and are not paused */
	size_t lane_count;
	struct work *work;
	size_t count;
};

/* Walks from lane to lane by the index: the cost is that of the lanes, not of what they hold. */
static enum err find_lanes(struct ctx *ctx, struct claim *claim)
{
	const char *after = "";

	while (claim->lane_count < LANES_MAX) {
		struct row_work_next_lane row;
		enum err err =
		    q_work_next_lane(ctx->db, ctx->arena, work_kind_word(claim->kind), after, &row);
		if (err == ERR_MISSING)
			return ERR_OK;
		if (err != ERR_OK)
			return err;
		bool paused = row.paused_until != TIME_NONE && row.paused_until > claim->now_ms;
		if (!paused && row.first_due_at <= claim->now_ms)
			claim->lanes[claim->lane_count++] = row.lane;
		after = row.lane;
	}
	return ERR_OK;
}

static enum err lease_rows(struct ctx *ctx, struct claim *claim, const char *lane,
    const struct row_work_claim *rows, size_t count)
{
	int64_t until_ms = claim->now_ms + claim->lease_ms;
	struct uuid lease;
	enum err err = uuid_make(&lease);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = q_work_lease(ctx->db, lease, until_ms, until_ms, rows[i].id);
		claim->work[claim->count++] = (struct work){ .id = rows[i].id,
			.kind = claim->kind,
			.subject_id = rows[i].subject_id,
			.lane = lane,
			.attempt = rows[i].attempt + 1,
			.failures = rows[i].failures,
			.lease = lease,
			.created_at_ms = rows[i].created_at };
	}
	return err;
}

static enum err claim_rows(struct ctx *ctx, void *arg)
{
	struct claim *claim = arg;
	enum err err = ERR_OK;
	/* Starting at another lane each time, none is always the one that finds no room left. */
	size_t start = (size_t)(uint64_t)clock_mono_us() % claim->lane_count;

	claim->count = 0;
	for (size_t i = 0; i < claim->lane_count && err == ERR_OK; i++) {
		const char *lane = claim->lanes[(start + i) % claim->lane_count];
		size_t room = claim->max - claim->count;
		struct row_work_claim *rows = NULL;
		size_t count = 0;
		if (room == 0)
			break;
		err = q_work_claim(ctx->db, ctx->arena, work_kind_word(claim->kind), lane,
		    claim->now_ms, (int64_t)(room < claim->per_lane ? room : claim->per_lane),
		    &rows, &count);
		if (err == ERR_OK)
			err = lease_rows(ctx, claim, lane, rows, count);
	}
	return err;
}

enum err work_claim(struct ctx *ctx, enum work_kind kind, size_t max, size_t per_lane,
    int64_t lease_ms, struct work **ret_work, size_t *ret_count)
{
	struct claim claim = { .kind = kind,
		.max = max > LIMIT_CLAIM ? LIMIT_CLAIM : max,
		.per_lane = per_lane,
		.now_ms = clock_now_ms(),
		.lease_ms = lease_ms };
	enum err err = find_lanes(ctx, &claim);

	if (err != ERR_OK)
		return err;
	if (claim.lane_count > 0 && claim.max > 0) {
		claim.work = arena_array(ctx->arena, claim.max, sizeof(*claim.work));
		if (claim.work == NULL)
			return ERR_NOMEM;
		err = tx_run(ctx, claim_rows, &claim);
	}
	if (err != ERR_OK)
		return err;
	*ret_work = claim.work;
	*ret_count = claim.count;
	return ERR_OK;
}

/* ---- settling ------------------------------------------------------------------------------------- */

enum err work_fence(struct ctx *ctx, const struct work *work)
{
	struct row_work_fence row;
	enum err err = q_work_fence(ctx->db, ctx->arena, work->id, &row);

	if (err == ERR_MISSING)
		return ERR_STALE;
	if (err != ERR_OK)
		return err;
	/* A lease that ran out but that nobody took is still ours: the row says who holds it. */
	return uuid_equal(row.lease_owner, work->lease) ? ERR_OK : ERR_STALE;
}

/* Each statement names the lease, so one that was taken over changes nothing. */
static enum err fenced(enum err err, uint64_t changed)
{
	return err == ERR_OK && changed == 0 ? ERR_STALE : err;
}

enum err work_done(struct ctx *ctx, const struct work *work)
{
	uint64_t changed = 0;
	enum err err = q_work_done(ctx->db, work->id, work->lease, &changed);

	return fenced(err, changed);
}

enum err work_again(struct ctx *ctx, const struct work *work, int64_t due_at_ms, bool failed)
{
	uint64_t changed = 0;
	enum err err = q_work_again(ctx->db, due_at_ms, failed, work->id, work->lease, &changed);

	return fenced(err, changed);
}

enum err work_become(
    struct ctx *ctx, const struct work *work, enum work_kind kind, int64_t due_at_ms)
{
	uint64_t changed = 0;
	enum err err = q_work_become(
	    ctx->db, work_kind_word(kind), due_at_ms, work->id, work->lease, &changed);

	return fenced(err, changed);
}

enum err work_hurry(struct ctx *ctx, enum work_kind kind, struct uuid subject_id)
{
	int64_t now_ms = clock_now_ms();

	return q_work_hurry(ctx->db, now_ms, subject_id, work_kind_word(kind), now_ms, NULL);
}

enum err work_drop(struct ctx *ctx, struct uuid subject_id)
{
	return q_work_drop(ctx->db, subject_id, NULL);
}

enum err lane_pause(struct ctx *ctx, const char *lane, int64_t until_ms, const char *reason)
{
	return q_lane_pause(ctx->db, lane, until_ms, reason, NULL);
}

enum err lane_resume(struct ctx *ctx, const char *lane)
{
	return q_lane_resume(ctx->db, lane, NULL);
}

enum err work_next_due(struct ctx *ctx, enum work_kind kind, int64_t *ret_due_at_ms)
{
	int64_t soonest = TIME_NONE;
	const char *after = "";

	for (size_t i = 0; i < LANES_MAX; i++) {
		struct row_work_next_lane row;
		enum err err =
		    q_work_next_lane(ctx->db, ctx->arena, work_kind_word(kind), after, &row);
		if (err == ERR_MISSING)
			break;
		if (err != ERR_OK)
			return err;
		int64_t due = row.first_due_at;
		if (row.paused_until != TIME_NONE && row.paused_until > due)
			due = row.paused_until;
		if (soonest == TIME_NONE || due < soonest)
			soonest = due;
		after = row.lane;
	}
	*ret_due_at_ms = soonest;
	return ERR_OK;
}

int64_t work_backoff_ms(int64_t failures, int64_t floor_ms)
{
	int64_t wait_ms = LIMIT_BACKOFF_FIRST_MS;
	uint32_t jitter = 0;

	for (int64_t i = 1; i < failures && wait_ms < LIMIT_BACKOFF_MAX_MS; i++)
		wait_ms *= 2;
	if (wait_ms > LIMIT_BACKOFF_MAX_MS)
		wait_ms = LIMIT_BACKOFF_MAX_MS;
	if (wait_ms < floor_ms)
		wait_ms = floor_ms;
	/* Jitter only adds. Without randomness there is none, which harms nobody. */
	if (random_below((uint32_t)(wait_ms / 10) + 1, &jitter) != ERR_OK)
		jitter = 0;
	return wait_ms + jitter;
}
