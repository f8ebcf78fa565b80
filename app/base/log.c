/* SPDX-License-Identifier: Apache-2.0 */
/* log.c writes log lines. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "clock.h"
#include "limits.h"

enum target { TARGET_STDERR, TARGET_SYSLOG, TARGET_FILE };

/* The log's target is one of the two globals of the program (the other is the settings). */
static struct {
	enum target target;
	enum log_level level;
	int fd;
	char *path;
	const char *program;
	const char *request_id;
} the_log = { .target = TARGET_STDERR, .level = LOG_LEVEL_INFO, .fd = -1, .program = "bonafide" };

static const struct {
	const char *word;
	int priority;
} levels[LOG_LEVEL__MAX] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_NOTICE] = { "notice", LOG_NOTICE },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

enum err log_open(const char *program, const char *target, enum log_level level)
{
	the_log.program = program;
	the_log.level = level;
	if (strcmp(target, "stderr") == 0) {
		the_log.target = TARGET_STDERR;
		return ERR_OK;
	}
	if (strcmp(target, "syslog") == 0) {
		openlog(program, LOG_PID, LOG_DAEMON);
		the_log.target = TARGET_SYSLOG;
		return ERR_OK;
	}
	char *path = strdup(target);
	int fd = path == NULL ? -1 : open_file(path);
	if (fd < 0) {
		free(path);
		the_log.target = TARGET_STDERR;
		return ERR_IO;
	}
	if (the_log.fd >= 0)
		close(the_log.fd);
	free(the_log.path);
	the_log.fd = fd;
	the_log.path = path;
	the_log.target = TARGET_FILE;
	return ERR_OK;
}

enum err log_reopen(void)
{
	if (the_log.target != TARGET_FILE)
		return ERR_OK;
	int fd = open_file(the_log.path);
	if (fd < 0)
		return ERR_IO;
	close(the_log.fd);
	the_log.fd = fd;
	return ERR_OK;
}

void log_set_level(enum log_level level)
{
	the_log.level = level;
}

bool log_enabled(enum log_level level)
{
	return level <= the_log.level;
}

void log_set_request(const char *request_id)
{
	the_log.request_id = request_id;
}

/* A caller's text may not end our line or begin another. */
static void defuse(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
}

static size_t add_prefix(char *line, size_t size, enum log_level level)
{
	char now[TIME_TEXT_SIZE];

	time_text_ms(clock_now_ms(), now);
	int n = snprintf(line, size, "%s %s[%ld] %s: %s%s", now, the_log.program, (long)getpid(),
	    levels[level].word, the_log.request_id == NULL ? "" : the_log.request_id,
	    the_log.request_id == NULL ? "" : " ");
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

static void write_line(char *line, size_t len)
{
	int fd = the_log.target == TARGET_FILE ? the_log.fd : STDERR_FILENO;

	line[len++] = '\n';
	/* One write, so lines of several processes do not mix. A full disk must not stop work. */
	ssize_t written = write(fd, line, len);
	(void)written;
}

void log_write(enum log_level level, const char *format, ...)
{
	char line[LIMIT_LOG_LINE];
	int saved = errno;
	size_t len = 0;
	va_list args;

	if (!log_enabled(level))
		return;
	if (the_log.target != TARGET_SYSLOG)
		len = add_prefix(line, sizeof(line) - 1, level);
	else if (the_log.request_id != NULL)
		len = (size_t)snprintf(
		    line, sizeof(line) - 1, "%.*s ", LIMIT_REQUEST_ID, the_log.request_id);
	errno = saved; /* for %m, which glibc and syslog know */
	va_start(args, format);
	int n = vsnprintf(line + len, sizeof(line) - 1 - len, format, args);
	va_end(args);
	if (n > 0)
		len += (size_t)n < sizeof(line) - 1 - len ? (size_t)n : sizeof(line) - 2 - len;
	defuse(line, len);
	if (the_log.target == TARGET_SYSLOG)
		syslog(levels[level].priority, "%.*s", (int)len, line);
	else
		write_line(line, len);
	errno = saved;
}

void log_mask(const char *secret, size_t keep, char *out, size_t size_bytes)
{
	size_t len = strlen(secret);

	if (keep > 12)
		keep = 12;
	/* A short text would be shown whole: then nothing of it is. */
	if (len <= keep * 2)
		keep = 0;
	(void)snprintf(out, size_bytes, "%.*s…", (int)keep, secret);
}

enum err log_level_parse(const char *text, enum log_level *ret_level)
{
	for (size_t i = 0; i < countof(levels); i++) {
		if (strcmp(levels[i].word, text) == 0) {
			*ret_level = (enum log_level)i;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}
