/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h owns the log: one line per event to stderr, syslog or a file, with level, program,
 * process id and, inside a request or a job, its request id. Only programs, web and jobs log;
 * base, sys and core return errors. Nothing personal and no secret may be passed to it;
 * log_mask() is for the one case where part of a credential helps (its display prefix).
 */
#ifndef BONAFIDE_LOG_H
#define BONAFIDE_LOG_H

#include "base.h"

/*
 * Opens the log. target: "stderr", "syslog" or a file's path (created 0640, appended to).
 * program: the name in each line, borrowed for the life of the process. ERR_IO when the file
 * cannot be opened; then stderr goes on being used.
 */
enum err log_open(const char *program, const char *target, enum log_level level) MUST_CHECK;

/* Opens the file again (after logrotate moved it). Harmless for the other targets. ERR_IO. */
enum err log_reopen(void) MUST_CHECK;

/* Changes what is written; used on reload. */
void log_set_level(enum log_level level);

/* True when a line of this level would be written. */
bool log_enabled(enum log_level level);

/* The request id to put into each line from now on; NULL for none. Borrowed until changed. */
void log_set_request(const char *request_id);

/*
 * Writes one line (a format literal; control characters in the result become '?', so a caller's
 * text cannot forge a line). Keeps errno. At most LIMIT_LOG_LINE bytes, written in one write().
 */
void log_write(enum log_level level, const char *format, ...) PRINTF(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) \
	do { \
		if (log_enabled(LOG_LEVEL_DEBUG)) \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
	} while (0)

/* "dme_live_ab…": the first keep characters and an ellipsis, into out (size bytes). For display
 * prefixes of credentials; keep is at most 12. */
void log_mask(const char *secret, size_t keep, char *out, size_t size_bytes);

/* "debug" … "error" to a level. ERR_SYNTAX. */
enum err log_level_parse(const char *text, enum log_level *ret_level) MUST_CHECK;

#endif
