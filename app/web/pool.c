/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c is the master: handlers set flags, it sleeps with signals open, and looks around. */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "proc.h"

#define MASTER_WAKE_MS 500   /* between looks at the clock */
#define BACKOFF_FIRST_MS 100 /* before a crashed worker is replaced */
#define BACKOFF_MAX_MS 5000
#define SURVIVED_MS 10000 /* a worker that lived this long resets the back-off */
#define MINUTE_MS 60000
#define KILL_AGAIN_MS 1000 /* between repeated stop signals while stopping */

static const int master_signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };

/* One place a worker can be in. */
struct place {
	pid_t pid; /* 0: free */
	uint32_t generation;
	int64_t started_ms;    /* monotonic, as all times here */
	bool wanted;           /* to be filled again when it falls empty */
	bool killed;           /* by us, for a request that took too long */
	int64_t not_before_ms; /* back-off */
	int64_t backoff_ms;
};

struct pool {
	int listen_fd;
	struct board *board;
	struct limiter *limiter;
	struct settings *settings;
	struct place places[LIMIT_WORKERS];
	uint32_t generation;
	int64_t crash_times[LIMIT_WORKERS]; /* ring of the latest crashes */
	size_t crash_count;
	bool stopping;
	int64_t stop_since_ms;
	int64_t stop_sent_ms;
	enum pool_end end;
};

static void place_clear_board(struct pool *pool, size_t number)
{
	struct board_worker *row = &pool->board->workers[number];

	atomic_store(&row->pid, 0);
	atomic_store(&row->state, BOARD_EMPTY);
	atomic_store(&row->route, -1);
	atomic_store(&row->request_started_ms, 0);
	atomic_store(&row->request_moved_ms, 0);
	atomic_store(&row->requests, 0);
	atomic_store(&row->rss_kib, 0);
	seats_clear(&pool->board->seats, (unsigned)number);
}

/* In the child: never returns. */
NORETURN static void become_worker(struct pool *pool, unsigned number, const sigset_t *open_mask)
{
	pid_t master = getppid();

	proc_signals_reset();
	/* A worker without a master would hold the socket for ever. */
	if (proc_die_with_parent(SIGTERM) != ERR_OK || getppid() != master)
		_exit(1);
	sigprocmask(SIG_SETMASK, open_mask, NULL);
	int status =
	    worker_run(pool->listen_fd, pool->board, pool->limiter, pool->settings, number);
	_exit(status);
}

static bool place_fill(struct pool *pool, unsigned number, const sigset_t *open_mask)
{
	struct place *place = &pool->places[number];
	struct board_worker *row = &pool->board->workers[number];

	place_clear_board(pool, number);
	atomic_store(&row->state, BOARD_STARTING);
	atomic_store(&row->generation, pool->generation);
	atomic_store(&row->started_ms, clock_now_ms());
	pid_t pid = fork();
	if (pid == 0)
		become_worker(pool, number, open_mask);
	if (pid < 0) {
		log_error("cannot fork a worker: %s", strerror(errno));
		place->not_before_ms = clock_mono_ms() + BACKOFF_MAX_MS;
		return false;
	}
	atomic_store(&row->pid, pid);
	place->pid = pid;
	place->generation = pool->generation;
	place->started_ms = clock_mono_ms();
	place->killed = false;
	place->wanted = true;
	return true;
}

/* Fills every wanted place that is empty and whose back-off is over. */
static void pool_fill(struct pool *pool, const sigset_t *open_mask)
{
	int64_t now = clock_mono_ms();

	for (unsigned i = 0; i < LIMIT_WORKERS && !pool->stopping; i++) {
		struct place *place = &pool->places[i];
		if (place->wanted && place->pid == 0 && now >= place->not_before_ms)
			place_fill(pool, i, open_mask);
	}
}

/* Marks `workers` free places as wanted: the new generation. */
static void pool_want(struct pool *pool, int64_t workers)
{
	for (size_t i = 0; i < LIMIT_WORKERS && workers > 0; i++) {
		struct place *place = &pool->places[i];
		if (place->pid != 0 || place->wanted)
			continue;
		*place = (struct place){ .wanted = true };
		workers--;
	}
}

static void note_crash(struct pool *pool)
{
	int64_t now = clock_mono_ms();
	size_t recent = 0;

	atomic_fetch_add(&pool->board->crashes, 1);
	pool->crash_times[pool->crash_count++ % LIMIT_WORKERS] = now;
	for (size_t i = 0; i < LIMIT_WORKERS && i < pool->crash_count; i++)
		recent += now - pool->crash_times[i] < MINUTE_MS;
	if ((int64_t)recent <= pool->settings->crash_limit_per_min || pool->stopping)
		return;
	log_error("%zu workers crashed within a minute, more than crash_limit_per_min = %lld: "
		  "giving up",
	    recent, (long long)pool->settings->crash_limit_per_min);
	pool->end = POOL_CRASHING;
	raise(SIGTERM);
}

static void place_back_off(struct place *place, int64_t now)
{
	if (now - place->started_ms > SURVIVED_MS || place->backoff_ms == 0)
		place->backoff_ms = BACKOFF_FIRST_MS;
	else if (place->backoff_ms < BACKOFF_MAX_MS)
		place->backoff_ms *= 2;
	place->not_before_ms = now + place->backoff_ms;
}

static void describe_death(struct pool *pool, size_t number, pid_t pid, int status)
{
	struct board_worker *row = &pool->board->workers[number];
	int route = atomic_load(&row->route);

	if (WIFSIGNALED(status))
		log_error("worker %zu (pid %ld) was killed by signal %d (%s)%s%s", number,
		    (long)pid, WTERMSIG(status), strsignal(WTERMSIG(status)),
		    route < 0 ? "" : " while serving request ", route < 0 ? "" : row->request_id);
	else
		log_error("worker %zu (pid %ld) exited with status %d", number, (long)pid,
		    WEXITSTATUS(status));
}

/* What the end of one worker means. */
static void place_ended(struct pool *pool, size_t number, int status)
{
	struct place *place = &pool->places[number];
	pid_t pid = place->pid;
	bool planned = WIFEXITED(status) && (WEXITSTATUS(status) == WORKER_EXIT_OK ||
						WEXITSTATUS(status) == WORKER_EXIT_RECYCLED);

	place->pid = 0;
	if (planned) {
		if (WEXITSTATUS(status) == WORKER_EXIT_RECYCLED)
			atomic_fetch_add(&pool->board->recycled, 1);
		place->backoff_ms = 0;
		place->not_before_ms = 0;
	} else if (!place->killed) {
		describe_death(pool, number, pid, status);
		place_back_off(place, clock_mono_ms());
		note_crash(pool);
	}
	place_clear_board(pool, number);
}

static void pool_reap(struct pool *pool)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < LIMIT_WORKERS; i++) {
			if (pool->places[i].pid == pid)
				place_ended(pool, i, status);
		}
	}
}

static size_t pool_alive(const struct pool *pool)
{
	size_t alive = 0;

	for (size_t i = 0; i < LIMIT_WORKERS; i++)
		alive += pool->places[i].pid != 0;
	return alive;
}

static void pool_signal(struct pool *pool, int signal_number)
{
	for (size_t i = 0; i < LIMIT_WORKERS; i++) {
		if (pool->places[i].pid != 0)
			(void)kill(pool->places[i].pid, signal_number);
	}
}

/* Since when a worker's request has not come on; 0: it has none. A medium is as large as it is, and
 * stream.c sees to it that it keeps moving. */
static int64_t waits_since_ms(const struct board_worker *row)
{
	int64_t started = atomic_load(&row->request_started_ms);
	int64_t moved = atomic_load(&row->request_moved_ms);

	return started != 0 && moved > started ? moved : started;
}

/* A request past request_timeout_s: said with its request id, and its worker replaced. */
static void pool_check_timeouts(struct pool *pool)
{
	int64_t now = clock_mono_ms();
	int64_t limit_ms = pool->settings->request_timeout_s * 1000;

	for (size_t i = 0; i < LIMIT_WORKERS; i++) {
		struct place *place = &pool->places[i];
		struct board_worker *row = &pool->board->workers[i];
		int64_t since = waits_since_ms(row);
		if (place->pid == 0 || place->killed || since == 0 || now - since < limit_ms)
			continue;
		log_error("worker %zu (pid %ld): request %s on route %d took longer than "
			  "request_timeout_s = %lld; replacing the worker",
		    i, (long)place->pid, row->request_id, atomic_load(&row->route),
		    (long long)pool->settings->request_timeout_s);
		atomic_fetch_add(&pool->board->timeouts, 1);
		place->killed = true;
		(void)kill(place->pid, SIGKILL);
	}
}

static void log_lines(const struct buf *lines, enum log_level level)
{
	const char *text = buf_str(lines);

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		log_write(level, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* New settings, a new generation of workers, then the old one is told to finish. */
static void pool_reload(struct pool *pool)
{
	struct settings *fresh = NULL;
	struct buf lines;

	buf_init(&lines, LIMIT_LOG_LINE * 4);
	if (settings_read(pool->settings->path, &fresh, &lines) != ERR_OK) {
		log_error("reload refused, the old settings stay:");
		log_lines(&lines, LOG_LEVEL_ERROR);
		goto out;
	}
	buf_clear(&lines);
	settings_diff_restart(pool->settings, fresh, &lines);
	log_lines(&lines, LOG_LEVEL_WARNING);
	settings_free(&pool->settings);
	pool->settings = fresh;
	enum log_level level;
	if (log_level_parse(fresh->log_level, &level) == ERR_OK)
		log_set_level(level);
	for (size_t i = 0; i < LIMIT_WORKERS; i++)
		pool->places[i].wanted = false;
	pool->generation++;
	atomic_store(&pool->board->generation, pool->generation);
	atomic_fetch_add(&pool->board->reloads, 1);
	atomic_store(&pool->board->worker_count, (uint32_t)fresh->workers);
	pool_want(pool, fresh->workers);
	log_notice(
	    "reloaded: generation %u, %lld workers", pool->generation, (long long)fresh->workers);
out:
	buf_free(&lines);
}

/* Tells workers of older generations to finish once the new one is up. */
static void pool_retire_old(struct pool *pool)
{
	for (size_t i = 0; i < LIMIT_WORKERS; i++) {
		struct place *place = &pool->places[i];
		if (place->pid == 0 || place->generation == pool->generation)
			continue;
		place->wanted = false;
		if (atomic_load(&pool->board->workers[i].state) != BOARD_STOPPING)
			(void)kill(place->pid, SIGTERM);
	}
}

static void pool_begin_stop(struct pool *pool)
{
	pool->stopping = true;
	pool->stop_since_ms = clock_mono_ms();
	pool->stop_sent_ms = pool->stop_since_ms;
	log_notice("stopping: %zu workers finish their requests", pool_alive(pool));
	proc_notify("STOPPING=1");
	pool_signal(pool, SIGTERM);
}

/* SIGTERM again every second (one may be lost in a worker's start), SIGKILL at the deadline. */
static void pool_press_stop(struct pool *pool)
{
	int64_t now = clock_mono_ms();

	if (now - pool->stop_since_ms > pool->settings->stop_timeout_s * 1000) {
		log_warning("stop_timeout_s is over: killing %zu workers", pool_alive(pool));
		pool_signal(pool, SIGKILL);
		return;
	}
	if (now - pool->stop_sent_ms > KILL_AGAIN_MS) {
		pool->stop_sent_ms = now;
		pool_signal(pool, SIGTERM);
	}
}

static void pool_look_around(struct pool *pool, const sigset_t *open_mask)
{
	(void)proc_signal_take(SIGCHLD);
	pool_reap(pool);
	bool terminate = proc_signal_take(SIGTERM);
	bool interrupt = proc_signal_take(SIGINT);
	if ((terminate || interrupt) && !pool->stopping)
		pool_begin_stop(pool);
	if (proc_signal_take(SIGUSR1)) {
		if (log_reopen() != ERR_OK)
			log_error("cannot reopen the log file");
		pool_signal(pool, SIGUSR1);
	}
	if (pool->stopping) {
		pool_press_stop(pool);
		return;
	}
	if (proc_signal_take(SIGHUP)) {
		proc_notify("RELOADING=1");
		pool_reload(pool);
		proc_notify("READY=1");
	}
	pool_fill(pool, open_mask);
	pool_retire_old(pool);
	pool_check_timeouts(pool);
}

/* Sleeps with signals open; they are blocked everywhere else, so none falls between a look at
 * the flags and the sleep. There is no descriptor here, so ppoll() does deliver. */
static void pool_sleep(const sigset_t *open_mask)
{
	struct timespec wait = { .tv_nsec = MASTER_WAKE_MS * 1000000L };

	(void)ppoll(NULL, 0, &wait, open_mask);
}

enum pool_end pool_run(const struct pool_config *config)
{
	static struct pool pool; /* tens of kilobytes, and one per process */
	sigset_t block, open_mask;

	pool = (struct pool){ .listen_fd = config->listen_fd,
		.board = config->board,
		.limiter = config->limiter,
		.settings = config->settings,
		.generation = 1,
		.end = POOL_STOPPED };
	if (proc_signals_install(master_signals, countof(master_signals)) != ERR_OK)
		return POOL_BROKEN;
	sigemptyset(&block);
	for (size_t i = 0; i < countof(master_signals); i++)
		sigaddset(&block, master_signals[i]);
	sigprocmask(SIG_BLOCK, &block, &open_mask);

	atomic_store(&pool.board->master_pid, (int32_t)getpid());
	atomic_store(&pool.board->generation, pool.generation);
	atomic_store(&pool.board->worker_count, (uint32_t)pool.settings->workers);
	pool_want(&pool, pool.settings->workers);
	pool_fill(&pool, &open_mask);
	log_notice(
	    "bonafide.fcgi %s: %lld workers", PACKAGE_VERSION, (long long)pool.settings->workers);
	proc_notify("READY=1");
	while (!pool.stopping || pool_alive(&pool) > 0) {
		pool_sleep(&open_mask);
		pool_look_around(&pool, &open_mask);
	}
	log_notice("stopped");
	atomic_store(&pool.board->master_pid, 0);
	sigprocmask(SIG_SETMASK, &open_mask, NULL);
	settings_free(&pool.settings);
	return pool.end;
}
