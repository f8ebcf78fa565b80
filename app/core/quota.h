/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota.h owns the daily quota of organisations (contract/README.md, Limits; design section 7): at
 * most so many requests a UTC day, over all hosts and workers.
 *
 * A host takes requests from the organisation's row of the day in blocks, and its workers serve them
 * one by one out of shared memory. A block is a small part of what is left of the day, one request in
 * the end: so the limit is never passed, and reached exactly. What a host holds and does not use goes
 * back after a while, and when the pool stops; a crash wastes at most one block.
 */
#ifndef BONAFIDE_QUOTA_H
#define BONAFIDE_QUOTA_H

#include "base.h"
#include "ctx.h"
#include "limiter.h"

#define QUOTA_PART 64        /* a block is this part of what is left, */
#define QUOTA_BLOCK_MAX 1000 /* or this many */
#define QUOTA_IDLE_MS 10000  /* a block nobody used for so long goes back */

/* Bytes of the table of one host's blocks; a multiple of 128. */
size_t quota_table_size(void);

/* Makes the table in zeroed memory of that size that processes share. ERR_IO. */
enum err quota_table_init(void *memory, struct quota_table **ret_table) MUST_CHECK;

/* How many the next block is, with so many left of the day; 0 when none are. */
int64_t quota_block(int64_t left);

/*
 * Serves one request of the organisation's day, or says that none is left. subject is what
 * limiter_subject() made of organization_id. Outside a transaction: it may run one of its own. While
 * the database is read-only requests pass uncounted: only reads succeed then, and no host can count.
 * ERR_UNAVAILABLE when another worker has been fetching a block for too long; database errors.
 */
enum err quota_take(struct ctx *ctx, struct quota_table *table, struct gcra_subject subject,
    struct uuid organization_id, struct limit_numbers numbers,
    struct limit_state *ret_state) MUST_CHECK;

/* Where the organisation stands, without a request and without a query; metered is false when this
 * host does not know. */
void quota_look(struct quota_table *table, struct gcra_subject subject,
    struct limit_numbers numbers, struct limit_state *ret_state);

/* Gives back blocks of this host that nobody has used for idle_ms. Stops at the first failure: what
 * was in that block is lost for the day. */
enum err quota_give_back(struct ctx *ctx, struct quota_table *table, int64_t idle_ms) MUST_CHECK;

/* Requests of the organisation's running day: served, or in a block that a host holds. */
enum err quota_used(struct ctx *ctx, struct uuid organization_id, int64_t *ret_used) MUST_CHECK;

/* Removes rows of days long over, at most max. */
enum err quota_expire(struct ctx *ctx, int64_t max, uint64_t *ret_deleted) MUST_CHECK;

#endif
