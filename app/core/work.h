/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.h owns the queue (design section 5): rows put in the transaction that causes them,
 * claimed with a lease by any number of processes, settled in a second transaction that the
 * lease fences. Lanes keep one slow receiver from holding everything; a paused lane is passed
 * over.
 */
#ifndef BONAFIDE_WORK_H
#define BONAFIDE_WORK_H

#include "base.h"
#include "ctx.h"
#include "stmt.h"

/* Puts a row, inside the caller's transaction. One row per subject and kind. */
enum err work_put(struct ctx *ctx, enum work_kind kind, struct uuid subject_id, const char *lane,
    int64_t due_at_ms) MUST_CHECK;

struct work {
	struct uuid id;
	enum work_kind kind;
	struct uuid subject_id;
	const char *lane;
	int64_t attempt; /* this claim included */
	int64_t failures;
	struct uuid lease; /* needed to settle */
	int64_t created_at_ms;
};

/* How many rows of a lane the caller would take just now. taken: what this claim has of the lanes it
 * was asked about before; 0 when it begins, or begins again. */
typedef size_t work_room_fn(void *arg, const char *lane, size_t taken);

struct work_limits {
	size_t max;         /* rows in all */
	size_t per_lane;    /* rows of one lane */
	size_t lane_leased; /* rows of one lane that all processes together may have; 0: no cap */
	work_room_fn *room; /* may be NULL */
	void *room_arg;
};

/*
 * Claims due rows of a kind, sharing fairly between lanes, in one short transaction with FOR UPDATE
 * SKIP LOCKED; the lease lasts lease_ms. Rows in the arena. Zero rows is ERR_OK. With lane_leased
 * each lane needs a row of its own (lane_make()), which is held while its rows are counted and
 * claimed, so the cap and the lane's pace are exact over all processes; a lane that another process
 * claims from just now is passed over.
 */
enum err work_claim(struct ctx *ctx, enum work_kind kind, const struct work_limits *limits,
    int64_t lease_ms, struct work **ret_work, size_t *ret_count) MUST_CHECK;

/* Inside the settling transaction: locks the row and proves that the lease is still ours.
 * ERR_STALE when it is not: then nothing may be written for this piece of work. */
enum err work_fence(struct ctx *ctx, const struct work *work) MUST_CHECK;

/* Done: the row goes. Fenced. */
enum err work_done(struct ctx *ctx, const struct work *work) MUST_CHECK;

/* Again later: releases the lease. failed: counts one more failure in a row, else resets. */
enum err work_again(
    struct ctx *ctx, const struct work *work, int64_t due_at_ms, bool failed) MUST_CHECK;

/* Becomes another kind (submit turns into poll), due then, no failures. Fenced. */
enum err work_become(
    struct ctx *ctx, const struct work *work, enum work_kind kind, int64_t due_at_ms) MUST_CHECK;

/* Makes a subject's work of this kind due now, unless it is leased. Returns fine when none. */
enum err work_hurry(struct ctx *ctx, enum work_kind kind, struct uuid subject_id) MUST_CHECK;

/* Removes a subject's work of every kind. */
enum err work_drop(struct ctx *ctx, struct uuid subject_id) MUST_CHECK;

/* Stops a lane until a time, saying why (no personal data). */
enum err lane_pause(
    struct ctx *ctx, const char *lane, int64_t until_ms, const char *reason) MUST_CHECK;
enum err lane_resume(struct ctx *ctx, const char *lane) MUST_CHECK;

/* Makes a lane's own row, or sets its pace (DB_NULL: none), inside the caller's transaction. */
enum err lane_make(struct ctx *ctx, const char *lane, int64_t rate_per_s) MUST_CHECK;
enum err lane_remove(struct ctx *ctx, const char *lane) MUST_CHECK;

/* When the next row of this kind falls due, for sleeping; TIME_NONE when there is none. */
enum err work_next_due(struct ctx *ctx, enum work_kind kind, int64_t *ret_due_at_ms) MUST_CHECK;

/* The wait after the n-th failure in a row (1, 2, …): doubling from LIMIT_BACKOFF_FIRST_MS to
 * LIMIT_BACKOFF_MAX_MS plus up to 10 % jitter, never less than floor_ms. */
int64_t work_backoff_ms(int64_t failures, int64_t floor_ms);

#endif
