/* SPDX-License-Identifier: Apache-2.0 */
/* board.c makes, attaches and counts on the scoreboard. */
#include "board.h"

#include "clock.h"
#include "shm.h"

const int64_t board_bucket_us[BOARD_BUCKETS] = { 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000,
	250000, 500000, 1000000, 5000000 };

enum err board_create(const char *path, struct board **ret_board)
{
	struct shm shm;
	enum err err = shm_create(path, sizeof(struct board), &shm);

	if (err != ERR_OK)
		return err;
	struct board *board = shm.base;
	board->size_bytes = sizeof(struct board);
	atomic_store(&board->started_ms, clock_now_ms());
	for (size_t i = 0; i < countof(board->workers); i++)
		atomic_store(&board->workers[i].route, -1);
	/* Last: a reader that sees the magic sees a page laid out as ours. */
	board->magic = BOARD_MAGIC;
	*ret_board = board;
	return ERR_OK;
}

enum err board_attach(const char *path, const struct board **ret_board)
{
	struct shm shm;
	enum err err = shm_attach(path, sizeof(struct board), &shm);

	if (err != ERR_OK)
		return err;
	const struct board *board = shm.base;
	if (board->magic != BOARD_MAGIC || board->size_bytes != sizeof(struct board)) {
		shm_close(&shm);
		return ERR_SYNTAX;
	}
	*ret_board = board;
	return ERR_OK;
}

static size_t bucket_of(int64_t took_us)
{
	size_t i = 0;

	while (i < BOARD_BUCKETS && took_us > board_bucket_us[i])
		i++;
	return i;
}

void board_count(struct board *board, unsigned worker, int route, int status, int64_t took_us)
{
	int status_class = status / 100;

	if (status_class < 0 || status_class >= BOARD_STATUS_CLASSES)
		status_class = 0;
	/* Relaxed: counters are read one by one, and no other memory depends on them. */
	atomic_fetch_add_explicit(&board->statuses[status_class], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&board->durations[bucket_of(took_us)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&board->duration_sum_us, (uint64_t)took_us, memory_order_relaxed);
	if (route >= 0 && route < BOARD_ROUTES)
		atomic_fetch_add_explicit(&board->route_requests[route], 1, memory_order_relaxed);
	if (worker < LIMIT_WORKERS)
		atomic_fetch_add_explicit(
		    &board->workers[worker].requests, 1, memory_order_relaxed);
}
