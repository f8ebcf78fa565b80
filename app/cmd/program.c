/* SPDX-License-Identifier: Apache-2.0 */
/* program.c reads settings and opens the log for each of the programs. */
#include "program.h"

#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "limits.h"
#include "log.h"

static void print_lines(const char *name, const struct buf *lines)
{
	const char *text = buf_str(lines);

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		fprintf(stderr, "%s: %.*s\n", name, (int)len, text);
		text += len + (text[len] == '\n');
	}
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
	if (err == ERR_OK)
		*ret_settings = settings;
	else
		settings_free(&settings);
	if (buf_str(&complaints)[0] != '\0')
		print_lines(name, &complaints);
	else if (err != ERR_OK)
		fprintf(stderr, "%s: cannot start: %s\n", name, err_sentence(err));
	buf_free(&complaints);
	return err;
}
