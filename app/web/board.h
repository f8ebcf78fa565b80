/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.h owns the scoreboard: one page of memory shared by the master and its workers (and
 * mapped read-only by `bonafide status`): who is alive, what each does, counters for
 * /-/metrics, the revocation epoch that makes every worker of this host forget its keys, who of them
 * notes a key's use, and who is busy with what only some may be.
 * All members that more than one process touches are C11 atomics.
 */
#ifndef BONAFIDE_BOARD_H
#define BONAFIDE_BOARD_H

#include "base.h"
#include "claim.h"
#include "limiter.h"
#include "limits.h"
#include "seats.h"

#include <stdatomic.h>

#define BOARD_MAGIC UINT64_C(0x31304452414f4246) /* "FBOARD01" */
#define BOARD_STATUS_CLASSES 6                   /* none, 1xx … 5xx */
#define BOARD_BUCKETS 12                         /* of request duration, see board_bucket_us */
#define BOARD_ROUTES 128                         /* route rows with a counter each */

enum board_state { BOARD_EMPTY, BOARD_STARTING, BOARD_IDLE, BOARD_BUSY, BOARD_STOPPING };

struct board_worker {
	_Atomic int32_t pid;
	_Atomic int32_t state; /* enum board_state */
	_Atomic int32_t route; /* row number while busy, -1 otherwise */
	_Atomic uint32_t generation;
	_Atomic int64_t started_ms;         /* UTC */
	_Atomic int64_t request_started_ms; /* monotonic, 0 when idle */
	_Atomic int64_t request_moved_ms; /* when a piece of a medium last came or went; 0: never */
	_Atomic uint64_t requests;
	_Atomic int64_t rss_kib;
	char request_id[LIMIT_REQUEST_ID + 1]; /* of the running request; for the log only */
};

struct board {
	uint64_t magic;
	uint64_t size_bytes;
	_Atomic int32_t master_pid;
	_Atomic int64_t started_ms;
	_Atomic uint32_t generation;
	_Atomic uint32_t worker_count; /* configured */
	_Atomic uint64_t crashes;
	_Atomic uint64_t timeouts;
	_Atomic uint64_t recycled;
	_Atomic uint64_t reloads;
	_Atomic uint64_t revocation_epoch; /* a change makes workers forget all keys */
	_Atomic uint64_t statuses[BOARD_STATUS_CLASSES];
	_Atomic uint64_t durations[BOARD_BUCKETS + 1]; /* the last: slower than all */
	_Atomic uint64_t duration_sum_us;
	_Atomic uint64_t route_requests[BOARD_ROUTES];
	_Atomic uint64_t database_errors;
	_Atomic uint64_t password_operations;
	_Atomic uint64_t limited[POLICY__MAX]; /* requests refused with 429, by enum limit_policy */
	struct board_worker workers[LIMIT_WORKERS];
	struct claims key_uses; /* by key id: who writes last_used_at */
	struct seats seats;     /* who is busy with a password, or an upload */
};

/* Upper bounds of the duration buckets, microseconds, ascending. */
extern const int64_t board_bucket_us[BOARD_BUCKETS];

/* Creates the shared board (file-backed when path is not empty). ERR_IO. */
enum err board_create(const char *path, struct board **ret_board) MUST_CHECK;

/* Maps another pool's board read-only. ERR_MISSING, ERR_IO, ERR_SYNTAX (not a board of ours). */
enum err board_attach(const char *path, const struct board **ret_board) MUST_CHECK;

/* Counts one finished request. */
void board_count(struct board *board, unsigned worker, int route, int status, int64_t took_us);

#endif
