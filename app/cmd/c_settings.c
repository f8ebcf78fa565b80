/* SPDX-License-Identifier: Apache-2.0 */
/* c_settings.c: the settings in force, and the texts written from their table. */
#include "ctl.h"

#include <string.h>

#include "limits.h"

struct setting_shown {
	const char *setting;
	const char *value;
	bool is_default;
	const char *change; /* what makes a change take effect */
};

static const struct ctl_column columns[] = {
	COLUMN_TEXT(struct setting_shown, setting),
	COLUMN_TEXT(struct setting_shown, value),
	COLUMN_BOOL(struct setting_shown, is_default),
	COLUMN_TEXT(struct setting_shown, change),
};

/* Secrets live in files and settings name the files; a secret put into a setting all the same is
 * not shown. */
static bool is_secret(const char *key)
{
	static const char *const words[] = { "password", "secret", "token", "api_key" };
	size_t len = strlen(key);

	if (len > 5 && strcmp(key + len - 5, "_file") == 0)
		return false;
	for (size_t i = 0; i < countof(words); i++) {
		if (strstr(key, words[i]) != NULL)
			return true;
	}
	return false;
}

static enum err show_row(
    struct ctl *ctl, const struct conf_row *row, struct setting_shown *ret_shown)
{
	char value[LIMIT_SETTING + 1];

	conf_value_text(row, ctl->settings, value, sizeof(value));
	*ret_shown = (struct setting_shown){ .setting = row->key,
		.is_default = strcmp(value, row->initial) == 0,
		.change = row->reload == CONF_RELOADS ? "reload" : "restart" };
	if (is_secret(row->key) && value[0] != '\0')
		snprintf(value, sizeof(value), "(hidden)");
	ret_shown->value = arena_strdup(ctl->ctx.arena, value);
	return ret_shown->value != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err show(struct ctl *ctl, UNUSED const void *input)
{
	struct setting_shown *rows = arena_array(ctl->ctx.arena, settings_row_count, sizeof(*rows));
	enum err err = rows != NULL ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; i < settings_row_count && err == ERR_OK; i++)
		err = show_row(ctl, &settings_rows[i], &rows[i]);
	return err == ERR_OK ? ctl_print_list(ctl, columns, rows, settings_row_count, NULL) : err;
}

static enum err write_text(
    struct ctl *ctl, void (*writer)(const struct conf_row *rows, size_t count, struct buf *out))
{
	struct buf text;

	buf_init(&text, LIMIT_REPLY);
	writer(settings_rows, settings_row_count, &text);
	enum err err = buf_err(&text);
	if (err == ERR_OK && fputs(buf_str(&text), ctl->out) < 0)
		err = ERR_IO;
	buf_free(&text);
	return err;
}

static enum err example(struct ctl *ctl, UNUSED const void *input)
{
	return write_text(ctl, conf_write_example);
}

static enum err manual(struct ctl *ctl, UNUSED const void *input)
{
	return write_text(ctl, conf_write_manual);
}

static const struct ctl_command commands[] = {
	{ .verb = "show",
	    .bare = true,
	    .needs = CTL_SETTINGS | CTL_AS_CALLER,
	    .run = show,
	    .summary = "show every setting as it is in force",
	    .help = "Shows every setting with its value, whether that is the default, and what "
		    "makes a change take effect: a reload (SIGHUP) or a restart." },
	{ .verb = "example",
	    .run = example,
	    .summary = "write an example settings file",
	    .help = "Writes a settings file with every setting commented out at its default, "
		    "explained. Reads no settings itself." },
	{ .verb = "manual",
	    .run = manual,
	    .summary = "write the settings part of bonafide.conf(5)",
	    .help = "Writes the settings part of the manual page bonafide.conf(5), in mdoc(7). "
		    "Used when Bonafide is built." },
};

const struct ctl_noun noun_settings = {
	.word = "settings",
	.summary = "The settings: as they are, and the texts that explain them.",
	.commands = commands,
	.count = countof(commands),
};
