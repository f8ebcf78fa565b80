/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keycache.h owns the keys one worker remembers, and the lease that limits it (design section
 * 7): an entry may be used for at most key_lease_ms counted from before its SELECT was sent,
 * and only while the host's revocation epoch is what it was then. Whoever revokes commits, moves the
 * epoch (which empties every cache of this host) and waits out the lease (which empties every
 * cache of every other host), and only then says so.
 */
#ifndef BONAFIDE_KEYCACHE_H
#define BONAFIDE_KEYCACHE_H

#include "base.h"
#include "board.h"
#include "ctx.h"
#include "key.h"

struct keycache;

/* A cache of LIMIT_KEY_CACHE entries; the board is borrowed. ERR_NOMEM. */
enum err keycache_new(
    struct board *board, int64_t lease_ms, struct keycache **ret_cache) MUST_CHECK;
void keycache_free(struct keycache **cache);

/*
 * The key of a credential text: refused without a query when it cannot be one, from memory
 * within the lease, else from the database. ERR_UNAUTHORIZED for missing, malformed, unknown,
 * revoked, expired alike; database errors.
 */
enum err keycache_find(struct keycache *cache, struct ctx *ctx, const char *text,
    struct key_found *ret_key) MUST_CHECK;

/* After a revocation was committed: moves the host's epoch and waits until no worker anywhere
 * can still hold the key. */
void keycache_revoked(struct keycache *cache);

/* Notes that a key's use was written down at this time, so that it is not written each time. */
void keycache_touched(struct keycache *cache, struct uuid key_id, int64_t now_ms);

#endif
