/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h owns the master process (design section 6): it forks workers, replaces those that die,
 * reloads by generations, stops gracefully with an escalation, and replaces a worker whose
 * request takes too long. It never touches a request itself.
 *
 * Signals to the master: SIGHUP reload, SIGTERM and SIGINT graceful stop, SIGUSR1 reopen logs.
 */
#ifndef BONAFIDE_POOL_H
#define BONAFIDE_POOL_H

#include "base.h"
#include "board.h"
#include "limiter.h"
#include "settings.h"

struct pool_config {
	int listen_fd;
	struct board *board;
	struct limiter *limiter;   /* borrowed, as the board; the same for all generations */
	struct settings *settings; /* the pool owns it from now on, and replaces it on reload */
};

/* How pool_run() ended. */
enum pool_end {
	POOL_STOPPED,  /* asked to */
	POOL_CRASHING, /* too many workers died in a minute */
	POOL_BROKEN    /* could not fork or install signals */
};

/* Runs until stopped. Workers are forked from here and never return. */
enum pool_end pool_run(const struct pool_config *config);

/* The body of a worker process (worker.c); returns its exit status. */
int worker_run(int listen_fd, struct board *board, struct limiter *limiter,
    const struct settings *settings, unsigned worker_number);

/* Exit statuses of a worker that are no crash. */
#define WORKER_EXIT_OK 0        /* asked to stop */
#define WORKER_EXIT_RECYCLED 10 /* served its max_requests */

#endif
