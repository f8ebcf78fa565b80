/* SPDX-License-Identifier: Apache-2.0 */
/* c_migrate.c: bringing the database's tables to this program's. */
#include "ctl.h"

#include <string.h>

#include "limits.h"
#include "migrate.h"

struct migrate_input {
	const char *dir;
	bool dry_run;
};

static const struct ctl_arg args[] = {
	ARG_TEXT(struct migrate_input, dir, "DIR", NULL, false, LIMIT_SETTING,
	    "The migrations (default: the setting schema_dir)."),
	ARG_FLAG(struct migrate_input, dry_run, "dry-run", "Only say what would be done."),
};

struct migrated {
	int64_t migrations;
	int64_t applied_before;
	int64_t applied_now;
	bool dry_run;
};

static const struct ctl_column columns[] = {
	COLUMN_INT(struct migrated, migrations),
	COLUMN_INT(struct migrated, applied_before),
	COLUMN_INT(struct migrated, applied_now),
	COLUMN_BOOL(struct migrated, dry_run),
};

static enum err print_outcome(
    struct ctl *ctl, const char *lines, const struct migrate_report *report, bool dry_run)
{
	struct migrated migrated = { .migrations = (int64_t)report->files,
		.applied_before = (int64_t)report->applied,
		.applied_now = dry_run ? 0 : (int64_t)report->done,
		.dry_run = dry_run };

	if (ctl->json)
		return ctl_print_one(ctl, columns, &migrated);
	if (fputs(lines, ctl->out) < 0)
		return ERR_IO;
	if (report->done == 0)
		fprintf(ctl->out,
		    "The database is up to date: %zu of %zu migrations are applied.\n",
		    report->applied, report->files);
	return ERR_OK;
}

static enum err migrate(struct ctl *ctl, const void *input)
{
	const struct migrate_input *in = input;
	const char *dir = in->dir != NULL ? in->dir : ctl->settings->schema_dir;
	struct migrate_report report = { 0 };
	struct buf lines;

	buf_init(&lines, LIMIT_REPLY);
	ctl->scripts = true;
	enum err err = ctl_open_db(ctl);
	if (err == ERR_OK)
		err = migrate_run(ctl->ctx.db, ctl->ctx.arena, dir, in->dry_run, &lines, &report);
	if (err == ERR_OK) {
		err = print_outcome(ctl, buf_str(&lines), &report, in->dry_run);
	} else if (buf_str(&lines)[0] != '\0') {
		ctl_lines(ctl, buf_str(&lines));
		ctl->said = true;
	}
	buf_free(&lines);
	return err;
}

static const struct ctl_command commands[] = {
	{ .verb = "",
	    .needs = CTL_SETTINGS,
	    .run = migrate,
	    .args = args,
	    .arg_count = countof(args),
	    .input_size = sizeof(struct migrate_input),
	    .summary = "bring the database's tables up to date",
	    .help = "Applies the migrations that the database does not have yet, in order, one "
		    "process at a time. Needs a database account that may make and alter tables. A "
		    "database that is newer than this program, or whose migrations were altered, "
		    "is refused." },
};

const struct ctl_noun noun_migrate = {
	.word = "migrate",
	.summary = "Brings the database's tables up to date.",
	.commands = commands,
	.count = countof(commands),
};
