/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c_check.c: is this installation well? Each check is a function that adds lines to a report;
 * one that needs what an earlier one found broken says so instead of failing again.
 */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "age_estimate.h"
#include "clock.h"
#include "jwt.h"
#include "keyring.h"
#include "limits.h"
#include "mail_flow.h"
#include "mail_text.h"
#include "migrate.h"
#include "proc.h"
#include "provider.h"
#include "sortfile.h"
#include "stmt.h"
#include "str.h"

#define LINES_MAX 256
#define REASON_SIZE 512
#define SKEW_WARN_MS 2000
#define SKEW_FAIL_MS 60000

struct check_line {
	const char *check;
	const char *result; /* "ok", "warn", "FAIL" */
	const char *message;
};

static const struct ctl_column columns[] = {
	COLUMN_TEXT(struct check_line, check),
	COLUMN_TEXT(struct check_line, result),
	COLUMN_TEXT(struct check_line, message),
};

struct report {
	struct ctl *ctl;
	struct check_line lines[LINES_MAX];
	size_t count;
	int64_t failed;
	int64_t warned;
	bool have_db;
	bool have_schema;
};

static const char word_ok[] = "ok";
static const char word_warn[] = "warn";
static const char word_fail[] = "FAIL";

static void add(struct report *report, const char *check, const char *result, const char *format,
    ...) PRINTF(4, 5);
static void add(
    struct report *report, const char *check, const char *result, const char *format, ...)
{
	char text[LIMIT_LOG_LINE];
	va_list args;

	report->failed += result == word_fail;
	report->warned += result == word_warn;
	if (report->count == LINES_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	const char *message = arena_strdup(report->ctl->ctx.arena, text);
	report->lines[report->count++] = (struct check_line){ .check = check,
		.result = result,
		.message = message != NULL ? message : "out of memory" };
}

/* A line of its own for each line of text. */
static void add_lines(
    struct report *report, const char *check, const char *result, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		add(report, check, result, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* Why a database call failed, as the last word of a check. */
static void add_database_error(struct report *report, const char *check, enum err err)
{
	struct buf text;

	buf_init(&text, LIMIT_LOG_LINE);
	ctl_explain(report->ctl, err, &text);
	add_lines(report, check, word_fail, buf_str(&text));
	buf_free(&text);
}

/* ---- files -------------------------------------------------------------------------------- */

static size_t count_set(const struct settings *settings)
{
	char value[LIMIT_SETTING + 1];
	size_t set = 0;

	for (size_t i = 0; i < settings_row_count; i++) {
		conf_value_text(&settings_rows[i], settings, value, sizeof(value));
		set += strcmp(value, settings_rows[i].initial) != 0;
	}
	return set;
}

static enum err check_settings(struct report *report)
{
	struct ctl *ctl = report->ctl;
	struct buf complaints;

	buf_init(&complaints, LIMIT_LOG_LINE * 4);
	enum err err = ctl_read_settings(ctl, &complaints);
	if (err != ERR_OK && buf_str(&complaints)[0] == '\0')
		buf_printf(&complaints, "%s: %s\n", ctl->config, err_sentence(err));
	if (err != ERR_OK)
		add_lines(report, "settings", word_fail, buf_str(&complaints));
	else
		add(report, "settings", word_ok,
		    "%s: %zu settings, %zu of them not at their default", ctl->config,
		    settings_row_count, count_set(ctl->settings));
	buf_free(&complaints);
	return err;
}

static enum err check_user(struct report *report)
{
	struct ctl *ctl = report->ctl;
	bool was_root = geteuid() == 0;
	enum err err = ctl_become_user(ctl);

	if (err != ERR_OK)
		add(report, "user", word_fail, "there is no account \"%s\" (the setting user)",
		    ctl->settings->user);
	else if (geteuid() == 0)
		add(report, "user", word_warn,
		    "checked as root, who may read everything; run it as the service's user");
	else if (was_root)
		add(report, "user", word_ok, "checked as %s", ctl->settings->user);
	return err;
}

static void check_keys(struct report *report)
{
	const struct settings *settings = report->ctl->settings;
	char reason[REASON_SIZE] = "";
	enum err err = keyring_check_files(
	    settings->master_key_file, settings->pepper_file, reason, sizeof(reason));

	if (err == ERR_OK)
		add(report, "keys", word_ok, "%s and %s are there, closed to others",
		    settings->master_key_file, settings->pepper_file);
	else
		add(report, "keys", word_fail, "%s%s",
		    reason[0] != '\0' ? reason : err_sentence(err),
		    err == ERR_IO ? " (\"bonafide seal init\" makes the key files)" : "");
}

/* The directory a file is to be made in. Under /run it is made when the service starts, so its
 * absence proves nothing. */
static void check_place(struct report *report, const char *setting, const char *path)
{
	char dir[LIMIT_SETTING + 1];

	if (path[0] != '/')
		return;
	snprintf(dir, sizeof(dir), "%s", path);
	char *slash = strrchr(dir, '/');
	slash[slash == dir ? 1 : 0] = '\0';
	if (access(dir, W_OK | X_OK) == 0)
		add(report, "files", word_ok, "%s: %s can be written to", setting, dir);
	else if (errno == ENOENT)
		add(report, "files", word_warn,
		    "%s: %s does not exist (systemd-tmpfiles or the service's start may make it)",
		    setting, dir);
	else
		add(report, "files", word_fail, "%s: cannot write to %s: %s", setting, dir,
		    strerror(errno));
}

static void check_passwords(struct report *report)
{
	const char *path = report->ctl->settings->password_leaked_file;
	char reason[REASON_SIZE] = "";
	uint64_t lines = 0;

	if (path[0] == '\0')
		return;
	if (sortfile_check(path, &lines, reason, sizeof(reason)) == ERR_OK)
		add(report, "passwords", word_ok, "%s: %llu leaked passwords, in order", path,
		    (unsigned long long)lines);
	else
		add(report, "passwords", word_fail, "password_leaked_file: %s", reason);
}

/* ---- the database ------------------------------------------------------------------------- */

/* "MariaDB 10.11.6" is new enough from 10.6 on, "MySQL 8.0.36" from 8.0 on. */
static bool server_is_old(const char *server)
{
	unsigned major = 0;
	unsigned minor = 0;

	if (sscanf(server, "MariaDB %3u.%3u", &major, &minor) == 2)
		return major < 10 || (major == 10 && minor < 6);
	if (sscanf(server, "MySQL %3u.%3u", &major, &minor) == 2)
		return major < 8;
	return false;
}

static void check_database(struct report *report)
{
	struct ctl *ctl = report->ctl;
	const struct settings *settings = ctl->settings;
	enum err err = ctl_open_db(ctl);

	if (err != ERR_OK) {
		add_database_error(report, "database", err);
		return;
	}
	report->have_db = true;
	const char *server = db_server(ctl->ctx.db);
	add(report, "database", server_is_old(server) ? word_warn : word_ok,
	    "%s, database %s at %s%s", server, settings->db_name,
	    settings->db_host[0] != '\0' ? settings->db_host : settings->db_socket,
	    server_is_old(server) ? "; MariaDB 10.6 or MySQL 8.0 is the oldest that is tested"
				  : "");
}

static void check_clock(struct report *report)
{
	struct ctl *ctl = report->ctl;
	struct row_server_now row;
	int64_t before = clock_now_ms();
	enum err err = q_server_now(ctl->ctx.db, ctl->ctx.arena, &row);
	int64_t skew = (before + clock_now_ms()) / 2 - row.now;

	if (err != ERR_OK) {
		add_database_error(report, "clock", err);
		return;
	}
	if (row.read_only)
		add(report, "database", word_fail, "the server is read-only");
	const char *result = skew > SKEW_FAIL_MS || skew < -SKEW_FAIL_MS   ? word_fail
			     : skew > SKEW_WARN_MS || skew < -SKEW_WARN_MS ? word_warn
									   : word_ok;
	add(report, "clock", result, "%lld ms %s the database's",
	    (long long)(skew < 0 ? -skew : skew), skew < 0 ? "behind" : "ahead of");
}

static void check_schema(struct report *report)
{
	struct ctl *ctl = report->ctl;
	struct buf lines;

	buf_init(&lines, LIMIT_REPLY);
	enum err err =
	    migrate_check(ctl->ctx.db, ctl->ctx.arena, ctl->settings->schema_dir, &lines);
	report->have_schema = err == ERR_OK;
	if (err == ERR_OK)
		add(report, "tables", word_ok, "up to date with %s", ctl->settings->schema_dir);
	else if (buf_str(&lines)[0] != '\0')
		add_lines(report, "tables", word_fail, buf_str(&lines));
	else
		add_database_error(report, "tables", err);
	buf_free(&lines);
}

static void check_statements(struct report *report)
{
	struct buf complaints;

	buf_init(&complaints, LIMIT_REPLY);
	enum err err = db_check(report->ctl->ctx.db, &complaints);
	if (err == ERR_OK)
		add(report, "statements", word_ok, "all %d fit the tables", (int)ST__MAX);
	else if (buf_str(&complaints)[0] != '\0')
		add_lines(report, "statements", word_fail, buf_str(&complaints));
	else
		add_database_error(report, "statements", err);
	buf_free(&complaints);
}

static void check_catalogue(struct report *report)
{
	struct ctl *ctl = report->ctl;
	struct row_operator_id_type_count row;
	enum err err = q_operator_id_type_count(ctl->ctx.db, ctl->ctx.arena, &row);

	if (err != ERR_OK)
		add_database_error(report, "catalogue", err);
	else if (row.n == 0)
		add(report, "catalogue", word_fail,
		    "empty: every verification is refused; \"bonafide catalogue load\" fills it");
	else
		add(report, "catalogue", word_ok, "%lld kinds of documents", (long long)row.n);
}

/* Nobody can log in without one; whoever has no people in his installation needs none. */
static void check_signing(struct report *report)
{
	struct ctl *ctl = report->ctl;
	struct jwt_key_info *keys = NULL;
	size_t count = 0;
	bool signs = false;
	enum err err = jwt_key_list(&ctl->ctx, &keys, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++)
		signs = signs || keys[i].signs;
	if (err != ERR_OK)
		add_database_error(report, "signing", err);
	else if (signs)
		add(report, "signing", word_ok, "%zu keys for access tokens, one of which signs",
		    count);
	else
		add(report, "signing", word_warn,
		    "no key signs access tokens: nobody can log in; \"bonafide jwt rotate\" makes one");
}

/* What lies behind a fault that is reported already is not looked at. */
static void check_behind_database(struct report *report)
{
	check_database(report);
	if (report->have_db) {
		check_clock(report);
		check_schema(report);
	}
	if (report->have_schema) {
		check_statements(report);
		check_catalogue(report);
		check_signing(report);
	} else {
		add(report, "statements", word_warn, "not looked at, because of the above");
		add(report, "catalogue", word_warn, "not looked at, because of the above");
		add(report, "signing", word_warn, "not looked at, because of the above");
	}
}

/* ---- the report --------------------------------------------------------------------------- */

struct verdict {
	bool ok;
	int64_t failed;
	int64_t warned;
};

static const struct ctl_column verdict_columns[] = {
	COLUMN_BOOL(struct verdict, ok),
	COLUMN_INT(struct verdict, failed),
	COLUMN_INT(struct verdict, warned),
};

static enum err print_script(struct report *report)
{
	struct verdict verdict = {
		.ok = report->failed == 0, .failed = report->failed, .warned = report->warned
	};
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = verdict_columns,
		    .column_count = countof(verdict_columns),
		    .rows = &verdict,
		    .row_size = sizeof(verdict),
		    .count = 1 },
		{ .name = "checks",
		    .columns = columns,
		    .column_count = countof(columns),
		    .rows = report->lines,
		    .row_size = sizeof(report->lines[0]),
		    .count = report->count },
	};

	return ctl_print(report->ctl, sections, countof(sections));
}

static void print_people(struct report *report)
{
	FILE *out = report->ctl->out;

	for (size_t i = 0; i < report->count; i++)
		fprintf(out, "%-4s  %-10s  %s\n", report->lines[i].result, report->lines[i].check,
		    report->lines[i].message);
	if (report->failed == 0 && report->warned == 0)
		fputs("All is well.\n", out);
	else
		fprintf(out, "%lld failed, %lld to look at.\n", (long long)report->failed,
		    (long long)report->warned);
}

/* A provider that is not configured is no fault of an installation that only uses the sandbox. */
static void check_providers(struct report *report)
{
	struct buf line;

	for (size_t i = 0; i < provider_driver_count; i++) {
		buf_init(&line, LIMIT_LOG_LINE);
		bool usable = provider_drivers[i]->usable(report->ctl->settings, &line);
		add(report, "provider", usable ? word_ok : word_warn, "%s: %s",
		    provider_drivers[i]->name, buf_str(&line));
		buf_free(&line);
	}
}

/* Without an address there are no links, which is no fault where nobody makes sessions. */
static void check_links(struct report *report)
{
	const char *url = report->ctl->settings->public_url;

	if (url[0] == '\0')
		add(report, "sessions", word_warn,
		    "public_url is not set: no verification session can be made");
	else
		add(report, "sessions", word_ok, "links begin with %s/verify/", url);
}

/* Without a server mail waits, which is no fault of an installation where nobody registers. */
static void check_mail_server(struct report *report)
{
	const struct settings *settings = report->ctl->settings;
	char reason[REASON_SIZE] = "";
	struct smtp_server server;
	enum err err =
	    mail_server(settings, report->ctl->ctx.arena, &server, reason, sizeof(reason));

	if (err != ERR_OK)
		add(report, "mail", settings->smtp_host[0] == '\0' ? word_warn : word_fail, "%s%s",
		    reason[0] != '\0' ? reason : err_sentence(err),
		    settings->smtp_host[0] == '\0' ? "; what is to be sent waits for a day" : "");
	else
		add(report, "mail", word_ok,
		    "%s, port %lld, smtp_tls = %s; \"bonafide mail test\" tries it",
		    settings->smtp_host, (long long)settings->smtp_port, settings->smtp_tls);
}

static void check_mail_texts(struct report *report)
{
	struct buf faults;
	size_t count = 0;

	buf_init(&faults, LIMIT_REPLY);
	if (mail_text_check(&report->ctl->ctx, &faults, &count) == ERR_OK)
		add(report, "mail", word_ok, "%zu texts in %s", count,
		    report->ctl->settings->mail_dir);
	else
		add_lines(report, "mail", word_fail, buf_str(&faults));
	buf_free(&faults);
}

/* Where an age is estimated; nobody has to have that. */
static void check_estimator(struct report *report)
{
	const struct settings *settings = report->ctl->settings;
	char token[LIMIT_ESTIMATOR_TOKEN] = "", reason[REASON_SIZE] = "";
	const char *path = settings->age_estimator_token_file;

	if (!estimator_is_set(settings))
		add(report, "age", word_ok, "no estimator: a reviewer decides each age_only");
	else if (path[0] != '\0' &&
		 proc_read_secret(path, token, sizeof(token), reason, sizeof(reason)) != ERR_OK)
		add(report, "age", word_fail, "age_estimator_token_file: %s", reason);
	else
		add(report, "age", word_ok, "ages are estimated at %s, %s a token",
		    settings->age_estimator_url, path[0] == '\0' ? "without" : "with");
	wipe(token, sizeof(token));
}

/* The directory of pictures and videos of people. */
static void check_media(struct report *report)
{
	const char *dir = report->ctl->settings->media_dir;
	struct stat status;

	if (stat(dir, &status) != 0)
		add(report, "media", errno == ENOENT ? word_warn : word_fail, "media_dir: %s: %s%s",
		    dir, strerror(errno),
		    errno == ENOENT
			? "; the first upload makes it, where the directory above lets it"
			: "");
	else if (!S_ISDIR(status.st_mode))
		add(report, "media", word_fail, "media_dir: %s is no directory", dir);
	else if ((status.st_mode & 077) != 0)
		add(report, "media", word_fail,
		    "media_dir: %s is open to others (mode %04o); \"chmod 700\" closes it", dir,
		    (unsigned)status.st_mode & 07777);
	else if (access(dir, R_OK | W_OK | X_OK) != 0)
		add(report, "media", word_fail, "media_dir: cannot write to %s: %s", dir,
		    strerror(errno));
	else
		add(report, "media", word_ok, "kept in %s, closed to others", dir);
}

static enum err check(struct ctl *ctl, UNUSED const void *input)
{
	struct report *report = ARENA_NEW(ctl->ctx.arena, struct report);

	if (report == NULL)
		return ERR_NOMEM;
	report->ctl = ctl;
	enum err err = check_settings(report);
	if (err == ERR_OK)
		err = check_user(report);
	if (err == ERR_OK) {
		check_keys(report);
		check_passwords(report);
		check_behind_database(report);
		check_providers(report);
		check_links(report);
		check_mail_server(report);
		check_mail_texts(report);
		check_estimator(report);
		check_media(report);
		check_place(report, "status_file", ctl->settings->status_file);
		check_place(report, "pid_file", ctl->settings->pid_file);
		check_place(report, "log", ctl->settings->log);
	}
	if (!ctl->json)
		print_people(report);
	else if (print_script(report) != ERR_OK)
		return ERR_IO;
	ctl->said = true;
	return report->failed == 0 ? ERR_OK : ERR_STATE;
}

static const struct ctl_command commands[] = {
	{ .verb = "",
	    .run = check,
	    .summary = "check settings, keys, database, provider, mail",
	    .help =
		"Checks the settings, the key files and their modes, the list of leaked passwords where "
		"there is one, the database (its version, "
		"its tables, every statement against them, its clock), the catalogue, the "
		"signing key, the identity provider, the address of sessions, the mail server's "
		"settings, the texts of mails, the age estimator's token, the directory of pictures, and "
		"the other directories that are written to. Prints a line for "
		"each: ok, warn or FAIL. Exit status 1 when something failed." },
};

const struct ctl_noun noun_check = {
	.word = "check",
	.summary = "Is this installation well?",
	.commands = commands,
	.count = countof(commands),
};
