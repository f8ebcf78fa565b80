/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bonafide: the operator's command line. Reads the line against the table of commands, opens
 * what the command says it needs, runs it, and explains a failure.
 * Exit status: 0 done, 1 failed, 2 wrong usage.
 */
#include "ctl.h"

#include <string.h>

#include "catalogue.h"
#include "limits.h"
#include "proc.h"
#include "program.h"
#include "stmt.h"

#define REASON_SIZE 512
#define LOGIN_SIZE 256
#define EXIT_USAGE 2

/* In the order of the help. */
static const struct ctl_noun *const nouns[] = {
	&noun_migrate,
	&noun_check,
	&noun_status,
	&noun_settings,
	&noun_seal,
	&noun_jwt,
	&noun_org,
	&noun_app,
	&noun_member,
	&noun_account,
	&noun_tokens,
	&noun_key,
	&noun_catalogue,
	&noun_verification,
	&noun_session,
	&noun_review,
	&noun_record,
	&noun_erase,
	&noun_work,
	&noun_webhook,
	&noun_delivery,
	&noun_audit,
	&noun_mail,
	&noun_openapi,
};

/* ---- what a command needs ----------------------------------------------------------------- */

enum err ctl_read_settings(struct ctl *ctl, struct buf *complaints)
{
	enum err err = settings_read(ctl->config, &ctl->settings, complaints);

	ctl->ctx.settings = ctl->settings;
	return err;
}

static enum err open_settings(struct ctl *ctl)
{
	struct buf complaints;

	buf_init(&complaints, LIMIT_LOG_LINE * 4);
	enum err err = ctl_read_settings(ctl, &complaints);
	if (err != ERR_OK && buf_str(&complaints)[0] == '\0')
		err = ctl_fail(
		    ctl, err, "cannot read the settings in %s: %s", ctl->config, err_sentence(err));
	ctl_lines(ctl, buf_str(&complaints));
	ctl->said = ctl->said || err != ERR_OK;
	buf_free(&complaints);
	return err;
}

enum err ctl_become_user(struct ctl *ctl)
{
	return proc_drop_user(ctl->settings->user);
}

static enum err become_user(struct ctl *ctl)
{
	enum err err = ctl_become_user(ctl);

	if (err == ERR_OK)
		return ERR_OK;
	return ctl_fail(ctl, err,
	    "cannot become user \"%s\" (the setting user): is there such an account?",
	    ctl->settings->user);
}

static enum err open_keys(struct ctl *ctl)
{
	char reason[REASON_SIZE] = "";
	enum err err = proc_harden();

	if (err == ERR_OK)
		err = keyring_open(ctl->settings->master_key_file, ctl->settings->pepper_file,
		    &ctl->ctx.keyring, reason, sizeof(reason));
	if (err != ERR_OK)
		return ctl_fail(ctl, err, "%s", reason[0] != '\0' ? reason : err_sentence(err));
	return ERR_OK;
}

enum err ctl_open_db(struct ctl *ctl)
{
	enum err err = ERR_OK;

	if (ctl->ctx.db == NULL) {
		struct db_config config = settings_db(ctl->settings);
		config.scripts = ctl->scripts;
		err = db_new(&config, stmt_table, ST__MAX, &ctl->ctx.db);
	}
	return err == ERR_OK ? db_ready(ctl->ctx.db) : err;
}

static enum err open_needs(struct ctl *ctl, unsigned needs)
{
	enum err err = arena_new(LIMIT_COMMAND_MEMORY, &ctl->ctx.arena);

	if (err == ERR_OK && needs != 0)
		err = open_settings(ctl);
	if (err == ERR_OK && needs != 0 && (needs & CTL_AS_CALLER) == 0)
		err = become_user(ctl);
	if (err == ERR_OK && (needs & CTL_KEYS) != 0)
		err = open_keys(ctl);
	if (err == ERR_OK && (needs & CTL_DB) != 0)
		err = ctl_open_db(ctl);
	if (err == ERR_OK && (needs & CTL_DB) != 0)
		err = catalogue_new(&ctl->ctx.catalogue);
	return err;
}

static void close_all(struct ctl *ctl)
{
	catalogue_free(&ctl->ctx.catalogue);
	db_free(&ctl->ctx.db);
	keyring_free(&ctl->ctx.keyring);
	arena_free(&ctl->ctx.arena);
	settings_free(&ctl->settings);
}

/* ---- explaining --------------------------------------------------------------------------- */

void ctl_explain(const struct ctl *ctl, enum err err, struct buf *out)
{
	const char *failure = ctl->ctx.db == NULL ? "" : db_failure(ctl->ctx.db);
	const char *between = failure[0] == '\0' ? "" : ": ";

	switch (err) {
	case ERR_DB_NOT_READY:
		buf_printf(out, "cannot reach the database%s%s", between, failure);
		break;
	case ERR_DB_LOST:
		buf_printf(out, "the database connection was lost; nothing was changed%s%s",
		    between, failure);
		break;
	case ERR_DB_UNCERTAIN:
		buf_adds(out,
		    "the database connection was lost in the middle of a change, which may or may "
		    "not have happened; look before doing it again");
		break;
	case ERR_DB_READ_ONLY:
		buf_adds(out, "the database is read-only; nothing was changed");
		break;
	case ERR_DB_DEADLOCK:
	case ERR_DB_LOCKED:
		buf_adds(out, "others kept the rows locked; nothing was changed, please try again");
		break;
	case ERR_DB_BROKEN:
		buf_printf(out,
		    "a database statement failed%s%s; \"bonafide check\" tells whether the tables "
		    "are up to date",
		    between, failure);
		break;
	default:
		buf_adds(out, err_sentence(err));
		break;
	}
}

static void explain(struct ctl *ctl, enum err err)
{
	struct buf text;

	buf_init(&text, LIMIT_LOG_LINE);
	ctl_explain(ctl, err, &text);
	ctl_lines(ctl, buf_str(&text));
	buf_free(&text);
}

/* ---- running ------------------------------------------------------------------------------ */

static int run(const struct ctl_line *line)
{
	struct ctl ctl = { .config = line->config != NULL ? line->config : PROGRAM_CONFIG,
		.json = line->json,
		.out = stdout,
		.err = stderr };
	char login[LOGIN_SIZE];

	proc_login_name(login, sizeof(login));
	ctl.ctx.actor.kind = ACTOR_OPERATOR;
	ctl.ctx.actor.name = login;
	ctl.ctx.actor.environment = ENV_LIVE;
	ctl.ctx.actor.scopes = UINT64_MAX;
	/* The last slot: workers count from the first, so they seldom meet us there. */
	ctl.ctx.slot = LIMIT_COUNTER_SLOTS - 1;

	enum err err = open_needs(&ctl, line->command->needs);
	if (err == ERR_OK)
		err = line->command->run(&ctl, line->input);
	if (fflush(stdout) != 0 && err == ERR_OK)
		err = ctl_fail(&ctl, ERR_IO, "cannot write the answer");
	if (err != ERR_OK && !ctl.said)
		explain(&ctl, err);
	close_all(&ctl);
	if (err == ERR_OK)
		return 0;
	return ctl.misused ? EXIT_USAGE : 1;
}

static void print_help(const struct ctl_line *line, struct buf *text)
{
	ctl_help(nouns, countof(nouns), line->noun, line->command, text);
	fputs(buf_str(text), stdout);
}

/* A wrong line: each complaint, then how it is used and where help is. */
static int refuse(const struct ctl_line *line, const struct buf *complaints)
{
	struct ctl ctl = { .err = stderr };
	struct buf text;

	buf_init(&text, LIMIT_LOG_LINE);
	ctl_lines(&ctl, buf_str(complaints));
	if (line->noun != NULL)
		ctl_usage(line->noun, line->command, &text);
	buf_adds(&text, "\"bonafide ");
	if (line->noun == NULL)
		buf_adds(&text, "help");
	else
		buf_printf(&text, "%s%s%s --help", line->noun->word,
		    line->command == NULL || line->command->verb[0] == '\0' ? "" : " ",
		    line->command == NULL ? "" : line->command->verb);
	buf_adds(&text, "\" says more.\n");
	fputs(buf_str(&text), stderr);
	buf_free(&text);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct arena *arena = NULL;
	struct ctl_line line = { 0 };
	struct buf text;
	int status = 1;

	buf_init(&text, LIMIT_REPLY);
	if (arena_new(LIMIT_COMMAND_MEMORY, &arena) != ERR_OK)
		goto out;
	enum err err = ctl_parse(nouns, countof(nouns), argc, argv, arena, &text, &line);
	if (err == ERR_VALIDATION) {
		status = refuse(&line, &text);
	} else if (err != ERR_OK) {
		fprintf(stderr, "bonafide: %s\n", err_sentence(err));
	} else if (line.version) {
		puts("bonafide " PACKAGE_VERSION);
		status = 0;
	} else if (line.help) {
		print_help(&line, &text);
		status = 0;
	} else {
		status = run(&line);
	}
out:
	buf_free(&text);
	arena_free(&arena);
	return status;
}
