/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening socket of proc.h: passed in by systemd (sd_listen_fds(3)), found on fd 0, or
 * made here.
 */
#include "base.h"
#include "proc.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEMD_FIRST_FD 3 /* SD_LISTEN_FDS_START */

/* Where a sentence about a failure goes. */
struct reason {
	char *out;
	size_t size;
};

static enum err fail(const struct reason *reason, enum err err, const char *format, ...)
    PRINTF(3, 4);
static enum err fail(const struct reason *reason, enum err err, const char *format, ...)
{
	va_list args;

	if (reason->size > 0) {
		va_start(args, format);
		(void)vsnprintf(reason->out, reason->size, format, args);
		va_end(args);
	}
	return err;
}

static bool is_listening(int fd)
{
	int accepting = 0;
	socklen_t len = sizeof(accepting);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &len) == 0 && accepting != 0;
}

static bool set_flags(int fd)
{
	int status = fcntl(fd, F_GETFL);

	return status >= 0 && fcntl(fd, F_SETFL, status | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* A number of the environment, -1 when absent or no number. */
static int64_t env_number(const char *name)
{
	const char *text = getenv(name);
	int64_t number;

	return text != NULL && str_to_i64(text, 0, INT_MAX, &number) == ERR_OK ? number : -1;
}

/* The socket systemd passed; *ret_fd stays when there is none. */
static enum err find_systemd(int *ret_fd, const struct reason *reason)
{
	int64_t count;

	/* Meant for another process (a parent, a shell before us): not ours. */
	if (env_number("LISTEN_PID") != getpid())
		return ERR_OK;
	count = env_number("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	if (count <= 0)
		return ERR_OK;
	if (count != 1)
		return fail(reason, ERR_CONFIG,
		    "systemd passed %d sockets; the socket unit must have exactly one ListenStream=",
		    (int)count);
	if (!is_listening(SYSTEMD_FIRST_FD))
		return fail(reason, ERR_CONFIG,
		    "what systemd passed is not a listening stream socket (Accept= must be no)");
	*ret_fd = SYSTEMD_FIRST_FD;
	return ERR_OK;
}

/* Holds the directory of a socket while we look, remove and bind, so that of two programs that
 * start at once neither removes the other's fresh socket. -1 when it cannot be had. */
static int lock_directory(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	size_t len = (size_t)(strrchr(path, '/') - path);
	int fd;

	memcpy(directory, path, len);
	directory[len] = '\0';
	fd = open(len > 0 ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Makes room at the path: nothing there is fine, a socket nobody accepts on is removed. */
static enum err clear_path(const struct sockaddr_un *address, const struct reason *reason)
{
	const char *path = address->sun_path;
	struct stat st;
	int fd, failure;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? ERR_OK
				       : fail(reason, ERR_IO, "%s: cannot look at it: %s", path,
					     strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(reason, ERR_CONFIG, "%s: exists and is not a socket", path);
	/* Non-blocking: a live socket whose backlog is full answers EAGAIN. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(reason, ERR_IO, "cannot make a socket: %s", strerror(errno));
	failure = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	(void)close(fd);
	if (failure != ECONNREFUSED && failure != ENOENT)
		return fail(reason, ERR_CONFIG, "%s: another program is listening there", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return fail(
		    reason, ERR_IO, "%s: cannot remove the old socket: %s", path, strerror(errno));
	return ERR_OK;
}

static enum err group_find(const char *name, gid_t *ret_gid, const struct reason *reason)
{
	const struct group *entry;

	*ret_gid = (gid_t)-1;
	if (name == NULL || name[0] == '\0')
		return ERR_OK;
	entry = getgrnam(name);
	if (entry == NULL)
		return fail(reason, ERR_CONFIG, "there is no group \"%s\" (listen_group)", name);
	*ret_gid = entry->gr_gid;
	return ERR_OK;
}

/*
 * Binds with a mode that lets only us in, then hands it to the group, opens it to its mode, and
 * only then listens: at no time can somebody connect who should not.
 */
static enum err bind_path(int fd, const struct sockaddr_un *address,
    const struct listen_config *config, gid_t gid, const struct reason *reason)
{
	const char *path = address->sun_path;
	mode_t mask = umask(0177);
	int bound = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	(void)umask(mask);
	if (bound != 0)
		return fail(reason, ERR_IO, "%s: cannot bind: %s", path, strerror(errno));
	if ((gid != (gid_t)-1 && lchown(path, (uid_t)-1, gid) != 0) ||
	    chmod(path, (mode_t)config->mode & 0777U) != 0 || listen(fd, config->backlog) != 0) {
		enum err err = fail(reason, ERR_IO, "%s: cannot set group and mode or listen: %s",
		    path, strerror(errno));

		(void)unlink(path);
		return err;
	}
	return ERR_OK;
}

static enum err make_path(
    const struct listen_config *config, int *ret_fd, const struct reason *reason)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(config->address);
	gid_t gid = (gid_t)-1;
	enum err err;
	int fd, lock;

	if (len >= sizeof(address.sun_path))
		return fail(reason, ERR_CONFIG, "%s: is too long for a socket (%zu characters)",
		    config->address, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, config->address, len + 1);
	err = group_find(config->group, &gid, reason);
	if (err != ERR_OK)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(reason, ERR_IO, "cannot make a socket: %s", strerror(errno));
	lock = lock_directory(config->address);
	err = clear_path(&address, reason);
	if (err == ERR_OK)
		err = bind_path(fd, &address, config, gid, reason);
	if (lock >= 0)
		(void)close(lock);
	if (err == ERR_OK)
		*ret_fd = fd;
	else
		(void)close(fd);
	return err;
}

/* Splits "host:port" or "[v6]:port" into host and port. */
static bool split_address(const char *address, char *host, size_t host_size, const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	const char *start = address;
	size_t len;
	int64_t port;

	if (colon == NULL || str_to_i64(colon + 1, 1, 65535, &port) != ERR_OK)
		return false;
	len = (size_t)(colon - address);
	if (len > 2 && start[0] == '[' && start[len - 1] == ']') {
		start++;
		len -= 2;
	} else if (memchr(start, ':', len) != NULL) {
		return false; /* IPv6 without its brackets */
	}
	if (len == 0 || len >= host_size)
		return false;
	memcpy(host, start, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return true;
}

static int open_inet(const struct addrinfo *info, int backlog)
{
	int on = 1;
	int failure;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, backlog) == 0)
		return fd;
	failure = errno;
	(void)close(fd);
	errno = failure;
	return -1;
}

static enum err make_inet(
    const struct listen_config *config, int *ret_fd, const struct reason *reason)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[256];
	const char *port = NULL;
	int fd = -1;
	int code;

	if (!split_address(config->address, host, sizeof(host), &port))
		return fail(reason, ERR_CONFIG,
		    "listen must be an absolute path, host:port or [v6]:port, not \"%s\"",
		    config->address);
	code = getaddrinfo(host, port, &hints, &found);
	if (code != 0)
		return fail(reason, ERR_CONFIG, "%s: %s", config->address, gai_strerror(code));
	for (const struct addrinfo *info = found; info != NULL && fd < 0; info = info->ai_next)
		fd = open_inet(info, config->backlog);
	freeaddrinfo(found);
	if (fd < 0)
		return fail(
		    reason, ERR_IO, "%s: cannot listen: %s", config->address, strerror(errno));
	*ret_fd = fd;
	return ERR_OK;
}

enum err proc_listen(const struct listen_config *config, int *ret_fd, bool *ret_inherited,
    char *ret_reason, size_t reason_size)
{
	struct reason reason = { ret_reason, reason_size };
	int fd = -1;
	bool inherited;
	enum err err = find_systemd(&fd, &reason);

	if (err != ERR_OK)
		return err;
	if (fd < 0 && is_listening(STDIN_FILENO))
		fd = STDIN_FILENO;
	inherited = fd >= 0;
	if (inherited && !set_flags(fd))
		return fail(
		    &reason, ERR_IO, "cannot set up the socket passed to us: %s", strerror(errno));
	if (!inherited) {
		err = config->address[0] == '/' ? make_path(config, &fd, &reason)
						: make_inet(config, &fd, &reason);
		if (err != ERR_OK)
			return err;
	}
	*ret_fd = fd;
	*ret_inherited = inherited;
	return ERR_OK;
}
