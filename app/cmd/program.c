/* SPDX-License-Identifier: Apache-2.0 */
/* program.c reads settings and opens the log for each of the programs. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "limits.h"
#include "log.h"
#include "str.h"

#define CLOCK_OFFSET_MAX_MS INT64_C(31536000000) /* a year */

static void print_lines(const char *name, const struct buf *lines)
{
	const char *text = buf_str(lines);

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		fprintf(stderr, "%s: %.*s\n", name, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* For tests that need days to pass: never set in earnest, and said loudly when it is. */
static void offset_clock(void)
{
	const char *text = getenv("BONAFIDE_CLOCK_OFFSET_MS");
	int64_t offset_ms = 0;

	if (text == NULL)
		return;
	if (str_to_i64(text, -CLOCK_OFFSET_MAX_MS, CLOCK_OFFSET_MAX_MS, &offset_ms) != ERR_OK) {
		log_warning("BONAFIDE_CLOCK_OFFSET_MS is not a number of milliseconds; ignored");
		return;
	}
	clock_offset(offset_ms);
	log_warning("the clock is set off by %lld ms: BONAFIDE_CLOCK_OFFSET_MS is for tests",
	    (long long)offset_ms);
}

enum err program_start(const char *name, const char *path, struct settings **ret_settings)
{
	struct settings *settings = NULL;
	enum log_level level = LOG_LEVEL_INFO;
	struct buf complaints;

	buf_init(&complaints, LIMIT_LOG_LINE * 4);
	enum err err = settings_read(path, &settings, &complaints);
	if (err == ERR_OK)
		err = log_level_parse(settings->log_level, &level);
	if (err == ERR_OK && log_open(name, settings->log, level) != ERR_OK) {
		fprintf(stderr, "%s: cannot open the log %s\n", name, settings->log);
		err = ERR_IO;
	}
	if (err == ERR_OK) {
		offset_clock();
		*ret_settings = settings;
	} else {
		settings_free(&settings);
	}
	if (buf_str(&complaints)[0] != '\0')
		print_lines(name, &complaints);
	else if (err != ERR_OK)
		fprintf(stderr, "%s: cannot start: %s\n", name, err_sentence(err));
	buf_free(&complaints);
	return err;
}
