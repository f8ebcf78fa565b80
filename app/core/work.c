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
	const struct work_limits *limits;
	size_t max;
	int64_t now_ms;
	int64_t lease_ms;
	const char *const *lanes; /* that have something due and do not stand still */
	size_t lane_count;
	struct work *work;
	size_t count;
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
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

/* A lane with a cap: how many more all processes together may have of it, and its pace. */
static enum err hold_lane(
    struct ctx *ctx, const struct claim *claim, const char *lane, size_t *room, int64_t *ret_rate)
{
	struct row_lane_hold row;
	struct row_work_leased leased;
	size_t cap = claim->limits->lane_leased;
	enum err err = q_lane_hold(ctx->db, ctx->arena, lane, &row);

	if (err == ERR_MISSING || (err == ERR_OK && row.paused_until > claim->now_ms)) {
		*room = 0;
		return ERR_OK;
	}
	if (err == ERR_OK)
		err = q_work_leased(
		    ctx->db, ctx->arena, work_kind_word(claim->kind), lane, claim->now_ms, &leased);
	if (err != ERR_OK)
		return err;
	*room = least(*room, leased.n >= (int64_t)cap ? 0 : cap - (size_t)leased.n);
	*ret_rate = row.rate_per_s;
	if (row.rate_per_s != DB_NULL)
		*room = least(*room, (size_t)row.rate_per_s);
	return ERR_OK;
}

static enum err claim_lane(struct ctx *ctx, struct claim *claim, const char *lane)
{
	const struct work_limits *limits = claim->limits;
	size_t room = least(claim->max - claim->count, limits->per_lane), count = 0;
	struct row_work_claim *rows = NULL;
	int64_t rate = DB_NULL;
	enum err err = ERR_OK;

	if (limits->room != NULL)
		room = least(room, limits->room(limits->room_arg, lane, claim->count));
	if (room > 0 && limits->lane_leased > 0)
		err = hold_lane(ctx, claim, lane, &room, &rate);
	if (err != ERR_OK || room == 0)
		return err;
	err = q_work_claim(ctx->db, ctx->arena, work_kind_word(claim->kind), lane, claim->now_ms,
	    (int64_t)room, &rows, &count);
	if (err == ERR_OK)
		err = lease_rows(ctx, claim, lane, rows, count);
	if (err == ERR_OK && rate != DB_NULL && count > 0)
		err = q_lane_wait(ctx->db, claim->now_ms + (int64_t)count * 1000 / rate, lane);
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
		if (claim->count == claim->max)
			break;
		err = claim_lane(ctx, claim, claim->lanes[(start + i) % claim->lane_count]);
	}
	return err;
}

/* Lanes without rows of their own are few: one step through the index for each. */
static enum err walk_lanes(struct ctx *ctx, struct claim *claim)
{
	const char **lanes = arena_array(ctx->arena, LANES_MAX, sizeof(*lanes));
	const char *after = "";

	claim->lanes = lanes;
	while (lanes != NULL && claim->lane_count < LANES_MAX) {
		struct row_work_next_lane row;
		enum err err =
		    q_work_next_lane(ctx->db, ctx->arena, work_kind_word(claim->kind), after, &row);
		if (err == ERR_MISSING)
			return ERR_OK;
		if (err != ERR_OK)
			return err;
		bool paused = row.paused_until != TIME_NONE && row.paused_until > claim->now_ms;
		if (!paused && row.first_due_at <= claim->now_ms)
			lanes[claim->lane_count++] = row.lane;
		after = row.lane;
	}
	return lanes == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err find_lanes(struct ctx *ctx, struct claim *claim)
{
	struct row_work_lanes *rows = NULL;

	if (claim->limits->lane_leased == 0)
		return walk_lanes(ctx, claim);
	_Static_assert(sizeof(*rows) == sizeof(const char *), "a name each");
	enum err err = q_work_lanes(ctx->db, ctx->arena, claim->now_ms, work_kind_word(claim->kind),
	    claim->now_ms, LIMIT_LANES, &rows, &claim->lane_count);
	claim->lanes = (const char *const *)(void *)rows;
	return err;
}

enum err work_claim(struct ctx *ctx, enum work_kind kind, const struct work_limits *limits,
    int64_t lease_ms, struct work **ret_work, size_t *ret_count)
{
	struct claim claim = { .kind = kind,
		.limits = limits,
		.max = least(limits->max, LIMIT_CLAIM),
		.now_ms = clock_now_ms(),
		.lease_ms = lease_ms };
	enum err err = find_lanes(ctx, &claim);

	if (err == ERR_OK && claim.lane_count > 0 && claim.max > 0) {
		claim.work = arena_array(ctx->arena, claim.max, sizeof(*claim.work));
		err = claim.work == NULL ? ERR_NOMEM : tx_run(ctx, claim_rows, &claim);
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
	return q_lane_resume(ctx->db, clock_now_ms(), lane, NULL);
}

enum err lane_make(struct ctx *ctx, const char *lane, int64_t rate_per_s)
{
	return q_lane_make(ctx->db, lane, clock_now_ms(), rate_per_s);
}

enum err lane_remove(struct ctx *ctx, const char *lane)
{
	return q_lane_remove(ctx->db, lane);
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
