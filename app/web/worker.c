/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c is one worker process: wait for a connection, serve it, look for signals, again.
 *
 * The wait is written so that a stop under load loses nothing and cannot be missed (design
 * section 6): with the socket always readable the kernel may never deliver a signal that is
 * blocked outside the wait, so signals are unblocked and the flags tested on every turn, and
 * blocked only around the test that precedes a sleep.
 */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "fcgi.h"
#include "log.h"
#include "proc.h"
#include "web.h"

#define WORKER_WAKE_MS 1000 /* how long an idle worker sleeps between looks at its own state */

static const int worker_signals[] = { SIGTERM, SIGUSR1 };

/* An epoll instance of this worker's own. EPOLLEXCLUSIVE: a new connection wakes one sleeping
 * worker, not all of them. */
static int wait_open(int listen_fd)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	if (epoll_fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0) {
		close(epoll_fd);
		return -1;
	}
	return epoll_fd;
}

/* Sleeps until a connection may be waiting or a signal came. */
static void wait_for_work(int epoll_fd)
{
	struct epoll_event event;
	sigset_t block, open_mask;

	sigemptyset(&block);
	for (size_t i = 0; i < countof(worker_signals); i++)
		sigaddset(&block, worker_signals[i]);
	sigprocmask(SIG_BLOCK, &block, &open_mask);
	if (!proc_signal_seen(SIGTERM) && !proc_signal_seen(SIGUSR1))
		(void)epoll_pwait(epoll_fd, &event, 1, WORKER_WAKE_MS, &open_mask);
	sigprocmask(SIG_SETMASK, &open_mask, NULL);
}

static void serve_until_told(struct web *web, struct fcgi *fcgi, int epoll_fd,
    struct board_worker *me, uint64_t max_requests)
{
	while (!proc_signal_seen(SIGTERM)) {
		if (proc_signal_take(SIGUSR1) && log_reopen() != ERR_OK)
			log_error("cannot reopen the log file");
		if (max_requests > 0 && atomic_load(&me->requests) >= max_requests)
			return;
		if (web_serve(web, fcgi) == ERR_MISSING) {
			atomic_store(&me->state, BOARD_IDLE);
			web_idle(web);
			wait_for_work(epoll_fd);
		}
	}
}

int worker_run(int listen_fd, struct board *board, struct limiter *limiter,
    const struct settings *settings, unsigned worker_number)
{
	struct board_worker *me = &board->workers[worker_number];
	struct web *web = NULL;
	struct fcgi *fcgi = NULL;
	int status = 1;

	if (proc_signals_install(worker_signals, countof(worker_signals)) != ERR_OK) {
		log_error("worker %u: cannot install signal handlers", worker_number);
		return 1;
	}
	/* The master ignores SIGINT for us: a terminal's Ctrl-C goes to the whole group, and the
	 * graceful stop is the master's to give. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	int epoll_fd = wait_open(listen_fd);
	if (epoll_fd < 0) {
		log_error("worker %u: epoll: %s", worker_number, strerror(errno));
		return 1;
	}
	enum err err = web_new(settings, board, limiter, worker_number, &web);
	if (err == ERR_OK)
		err = fcgi_new(listen_fd, &fcgi);
	if (err != ERR_OK) {
		log_error("worker %u cannot start: %s", worker_number, err_sentence(err));
		goto out;
	}
	atomic_store(&me->state, BOARD_IDLE);
	serve_until_told(web, fcgi, epoll_fd, me, (uint64_t)settings->max_requests);
	status = proc_signal_seen(SIGTERM) ? WORKER_EXIT_OK : WORKER_EXIT_RECYCLED;
	atomic_store(&me->state, BOARD_STOPPING);
	web_rest(web);
out:
	fcgi_free(&fcgi);
	web_free(&web);
	close(epoll_fd);
	return status;
}
