/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h owns what a Unix process needs from its system: signal flags, the listening socket
 * (ours, systemd's or fd 0), privileges, core dumps, readiness messages, pid file, sleeping.
 */
#ifndef BONAFIDE_PROC_H
#define BONAFIDE_PROC_H

#include "base.h"

#include <signal.h>
#include <sys/types.h>

/*
 * Installs a handler (SA_RESTART) for each of the signals that only sets a flag; SIGPIPE is
 * ignored. Reading and clearing: proc_signal_take(). ERR_IO.
 */
enum err proc_signals_install(const int *signals, size_t count) MUST_CHECK;

/* True once per arrival (or several merged arrivals) of the signal since the last take. */
bool proc_signal_take(int signal_number);

/* True when the signal arrived and has not been taken. */
bool proc_signal_seen(int signal_number);

/* Forgets all flags and restores SIG_DFL for those installed (a child before its own install). */
void proc_signals_reset(void);

struct listen_config {
	const char *address; /* path, or host:port, or [v6]:port */
	unsigned mode;       /* of a path */
	const char *group;   /* of a path; "" leaves it */
	int backlog;
};

/*
 * The socket to accept FastCGI connections on, in this order: the one systemd passed
 * (LISTEN_PID, LISTEN_FDS), fd 0 if it is a listening socket (spawn-fcgi, mod_fcgid), one made
 * from config->address. A stale socket file (nobody accepts there) is removed; a live one is
 * refused. The socket is non-blocking and close-on-exec. *ret_reason says in a sentence what
 * failed. *ret_inherited: it is not ours to unlink. ERR_CONFIG, ERR_IO.
 */
enum err proc_listen(const struct listen_config *config, int *ret_fd, bool *ret_inherited,
    char *ret_reason, size_t reason_size) MUST_CHECK;

/*
 * Who is at the terminal: the login name of the real user. For root it is the account that sudo or doas
 * names (SUDO_USER, DOAS_USER), when there is one. A user without a name is "uid 1000". Ask before
 * proc_drop_user(). out holds at most size - 1 bytes and a NUL.
 */
void proc_login_name(char *out, size_t size_bytes);

/* When started as root: becomes this user (its group and supplementary groups). "" or not root:
 * nothing. ERR_CONFIG (no such user), ERR_IO. */
enum err proc_drop_user(const char *user) MUST_CHECK;

/* No core dump (RLIMIT_CORE 0, PR_SET_DUMPABLE 0) and no new privileges. ERR_IO. */
enum err proc_harden(void) MUST_CHECK;

/* Dies when the parent dies (Linux). ERR_IO. */
enum err proc_die_with_parent(int signal_number) MUST_CHECK;

/* Tells systemd (READY=1, RELOADING=1, STOPPING=1, STATUS=…); nothing without NOTIFY_SOCKET. */
void proc_notify(const char *state);

/* Writes the pid to path by rename; "" does nothing. ERR_IO. */
enum err proc_pid_file(const char *path) MUST_CHECK;

/* Sleeps up to duration_ms, less when a signal arrives. */
void proc_sleep_ms(int64_t duration_ms);

/* Resident memory of this process in KiB, 0 when unknown. */
long proc_rss_kib(void);

/* Gives memory that was freed back to the system, where the C library can: after work that needed much
 * for once. */
void proc_trim_memory(void);

/*
 * Reads a small secret file (a password, a provider key): mode must not let group or others
 * write, and others read; one trailing newline is removed. out holds at most size - 1 bytes and
 * a NUL. ret_reason as above. ERR_CONFIG, ERR_IO, ERR_FULL.
 */
enum err proc_read_secret(const char *path, char *out, size_t size_bytes, char *ret_reason,
    size_t reason_size) MUST_CHECK;

#endif
