/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, privileges, and what else a process asks of its system. The listening socket is in
 * listen.c.
 */
#include "base.h"
#include "limits.h"
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#define SIGNALS 65 /* Linux numbers its signals 1 to 64 */

static volatile sig_atomic_t signal_arrived[SIGNALS];
static bool signal_installed[SIGNALS];

static void signal_note(int number)
{
	signal_arrived[number] = 1;
}

static bool signal_known(int number)
{
	return number > 0 && number < SIGNALS;
}

enum err proc_signals_install(const int *signals, size_t count)
{
	struct sigaction note = { .sa_handler = signal_note, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigemptyset(&note.sa_mask);
	(void)sigemptyset(&ignore.sa_mask);
	for (size_t i = 0; i < count; i++) {
		if (!signal_known(signals[i]) || sigaction(signals[i], &note, NULL) != 0)
			return ERR_IO;
		signal_installed[signals[i]] = true;
	}
	/* A peer that hangs up is an error of write(), not the end of the process. */
	return sigaction(SIGPIPE, &ignore, NULL) == 0 ? ERR_OK : ERR_IO;
}

bool proc_signal_take(int signal_number)
{
	if (!proc_signal_seen(signal_number))
		return false;
	/* One that arrives here merges with the one being taken: the caller acts after this. */
	signal_arrived[signal_number] = 0;
	return true;
}

bool proc_signal_seen(int signal_number)
{
	return signal_known(signal_number) && signal_arrived[signal_number] != 0;
}

void proc_signals_reset(void)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };

	(void)sigemptyset(&usual.sa_mask);
	for (int number = 1; number < SIGNALS; number++) {
		if (signal_installed[number])
			(void)sigaction(number, &usual, NULL);
		signal_installed[number] = false;
		signal_arrived[number] = 0;
	}
}

/* NULL when root came by another way, or the name is nobody's: the environment can say anything. */
static const struct passwd *behind_root(void)
{
	static const char *const names[] = { "SUDO_USER", "DOAS_USER" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *name = getenv(names[i]);
		const struct passwd *entry = name == NULL ? NULL : getpwnam(name);
		if (entry != NULL)
			return entry;
	}
	return NULL;
}

void proc_login_name(char *out, size_t size_bytes)
{
	uid_t uid = getuid();
	const struct passwd *entry = uid == 0 ? behind_root() : NULL;

	if (entry == NULL)
		entry = getpwuid(uid);
	if (entry != NULL)
		snprintf(out, size_bytes, "%s", entry->pw_name);
	else
		snprintf(out, size_bytes, "uid %lu", (unsigned long)uid);
}

enum err proc_drop_user(const char *user)
{
	const struct passwd *entry;

	if (user == NULL || user[0] == '\0' || geteuid() != 0)
		return ERR_OK;
	errno = 0;
	entry = getpwnam(user);
	if (entry == NULL)
		return errno == 0 || errno == ENOENT ? ERR_CONFIG : ERR_IO;
	/* Groups first: without root they could not be changed any more. */
	if (initgroups(entry->pw_name, entry->pw_gid) != 0 ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)
		return ERR_IO;
	/* A way back would mean that it did not work. */
	if (entry->pw_uid != 0 && setuid(0) == 0)
		return ERR_IO;
	return ERR_OK;
}

enum err proc_harden(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_IO;
	return ERR_OK;
}

enum err proc_die_with_parent(int signal_number)
{
	return prctl(PR_SET_PDEATHSIG, (unsigned long)signal_number, 0, 0, 0) == 0 ? ERR_OK
										   : ERR_IO;
}

void proc_notify(const char *state)
{
#ifdef HAVE_SYSTEMD
	(void)sd_notify(0, state);
#else
	(void)state;
#endif
}

enum err proc_pid_file(const char *path)
{
	char beside[LIMIT_SETTING + 8];
	char text[24];
	ssize_t len;
	bool written;
	int fd;

	if (path == NULL || path[0] == '\0')
		return ERR_OK;
	if ((size_t)snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= sizeof(beside))
		return ERR_IO;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	written = write(fd, text, (size_t)len) == len && fchmod(fd, 0644) == 0;
	(void)close(fd);
	if (!written || rename(beside, path) != 0) {
		(void)unlink(beside);
		return ERR_IO;
	}
	return ERR_OK;
}

void proc_sleep_ms(int64_t duration_ms)
{
	struct timespec duration;

	if (duration_ms <= 0)
		return;
	duration.tv_sec = (time_t)(duration_ms / 1000);
	duration.tv_nsec = (long)(duration_ms % 1000) * 1000000L;
	(void)nanosleep(&duration, NULL);
}

void proc_trim_memory(void)
{
#ifdef HAVE_MALLOC_TRIM
	(void)malloc_trim(0);
#endif
}

long proc_rss_kib(void)
{
	char text[128];
	const char *resident;
	ssize_t len;
	long pages;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	/* "size resident shared …", in pages (proc(5)). */
	resident = strchr(text, ' ');
	pages = resident != NULL ? strtol(resident + 1, NULL, 10) : 0;
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void reason_set(char *out, size_t size, const char *format, ...) PRINTF(3, 4);
static void reason_set(char *out, size_t size, const char *format, ...)
{
	va_list args;

	if (size == 0)
		return;
	va_start(args, format);
	(void)vsnprintf(out, size, format, args);
	va_end(args);
}

/* Reads up to size bytes; -1 on failure. */
static ssize_t read_some(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, out + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

/* The file behind fd as a secret, into out; sentences as in proc_read_secret(). */
static enum err read_secret_fd(
    int fd, const char *path, char *out, size_t size_bytes, char *ret_reason, size_t reason_size)
{
	struct stat st;
	ssize_t got;
	size_t len;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		reason_set(ret_reason, reason_size, "%s: is not a plain file", path);
		return ERR_CONFIG;
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH | S_IROTH)) != 0) {
		reason_set(ret_reason, reason_size,
		    "%s: its mode %04o lets others in; 0400, 0600 or 0640 will do", path,
		    (unsigned)st.st_mode & 07777U);
		return ERR_CONFIG;
	}
	got = read_some(fd, out, size_bytes);
	if (got < 0) {
		reason_set(
		    ret_reason, reason_size, "%s: cannot read it: %s", path, strerror(errno));
		return ERR_IO;
	}
	len = (size_t)got;
	if (len > 0 && out[len - 1] == '\n')
		len--;
	if (len == size_bytes) {
		reason_set(
		    ret_reason, reason_size, "%s: is longer than %zu bytes", path, size_bytes - 1);
		return ERR_FULL;
	}
	out[len] = '\0';
	if (len == 0 || strlen(out) != len || strchr(out, '\n') != NULL) {
		reason_set(ret_reason, reason_size, "%s: is not one line of text", path);
		return ERR_CONFIG;
	}
	return ERR_OK;
}

enum err proc_read_secret(
    const char *path, char *out, size_t size_bytes, char *ret_reason, size_t reason_size)
{
	enum err err;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		reason_set(
		    ret_reason, reason_size, "%s: cannot open it: %s", path, strerror(errno));
		return ERR_IO;
	}
	err = read_secret_fd(fd, path, out, size_bytes, ret_reason, reason_size);
	(void)close(fd);
	if (err != ERR_OK)
		wipe(out, size_bytes);
	return err;
}
