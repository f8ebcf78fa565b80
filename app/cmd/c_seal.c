/* SPDX-License-Identifier: Apache-2.0 */
/* c_seal.c: the keys that seal personal data, and sealing it again under a new one. */
#include "ctl.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "audit.h"
#include "keyring.h"
#include "reseal.h"
#include "stmt.h"
#include "tx.h"

#define REASON_SIZE 512

/* ---- init, add ---------------------------------------------------------------------------- */

/* Made by root for a service that runs as somebody else: the files are that user's, or the
 * service could not read them. */
static enum err give_to_user(struct ctl *ctl, const char *path)
{
	const char *user = ctl->settings->user;

	if (geteuid() != 0 || user[0] == '\0')
		return ERR_OK;
	errno = 0;
	const struct passwd *account = getpwnam(user);
	if (account == NULL)
		return ctl_fail(ctl, ERR_CONFIG,
		    "there is no account \"%s\" (the setting user) to give %s to", user, path);
	if (chown(path, account->pw_uid, account->pw_gid) != 0)
		return ctl_fail(
		    ctl, ERR_IO, "cannot give %s to %s: %s", path, user, strerror(errno));
	return ERR_OK;
}

struct files_made {
	const char *master_key_file;
	const char *pepper_file;
};

static const struct ctl_column files_columns[] = {
	COLUMN_TEXT(struct files_made, master_key_file),
	COLUMN_TEXT(struct files_made, pepper_file),
};

static enum err init(struct ctl *ctl, UNUSED const void *input)
{
	char reason[REASON_SIZE] = "";
	struct files_made made = { .master_key_file = ctl->settings->master_key_file,
		.pepper_file = ctl->settings->pepper_file };
	enum err err =
	    keyring_create_files(made.master_key_file, made.pepper_file, reason, sizeof(reason));

	if (err != ERR_OK)
		return ctl_fail(ctl, err, "%s", reason[0] != '\0' ? reason : err_sentence(err));
	err = give_to_user(ctl, made.master_key_file);
	if (err == ERR_OK)
		err = give_to_user(ctl, made.pepper_file);
	if (err == ERR_OK)
		err = ctl_print_one(ctl, files_columns, &made);
	if (err == ERR_OK)
		ctl_note(ctl,
		    "\nCopy both to a safe place, apart from the database's backups: without\n"
		    "them nobody can read the sealed data or recognise an API key again.");
	return err;
}

struct key_added {
	int64_t number;
};

static const struct ctl_column added_columns[] = {
	COLUMN_INT(struct key_added, number),
};

static enum err note_added(struct ctx *ctx, void *arg)
{
	struct audit_entry entry = { .action = AUDIT_SEAL_ADDED,
		.detail = arena_printf(ctx->arena, "key %u", *(const uint32_t *)arg) };

	return entry.detail == NULL ? ERR_NOMEM : audit_note(ctx, &entry);
}

/* The key is in a file, and there it is whatever the database says: no transaction holds both, and a
 * key can be added while the database is away. So a failure is said and is none of the command's. */
static void tell_audit(struct ctl *ctl, uint32_t number)
{
	struct buf why;
	enum err err = ctl_become_user(ctl);

	if (err == ERR_OK)
		err = ctl_open_db(ctl);
	if (err == ERR_OK)
		err = tx_run(&ctl->ctx, note_added, &number);
	if (err == ERR_OK)
		return;
	buf_init(&why, LIMIT_LOG_LINE);
	ctl_explain(ctl, err, &why);
	fprintf(ctl->err, "bonafide: the audit log does not tell that key %u was added: %s\n",
	    number, buf_str(&why));
	buf_free(&why);
}

static enum err add(struct ctl *ctl, UNUSED const void *input)
{
	char reason[REASON_SIZE] = "";
	uint32_t number = 0;
	enum err err =
	    keyring_add_key(ctl->settings->master_key_file, &number, reason, sizeof(reason));

	if (err != ERR_OK)
		return ctl_fail(ctl, err, "%s", reason[0] != '\0' ? reason : err_sentence(err));
	tell_audit(ctl, number);
	struct key_added added = { .number = number };
	err = ctl_print_one(ctl, added_columns, &added);
	if (err == ERR_OK)
		ctl_note(ctl,
		    "\nNext: copy %s to every other host and to your safe place,\n"
		    "reload bonafide.fcgi everywhere (SIGHUP), then run \"bonafide seal rotate\".",
		    ctl->settings->master_key_file);
	return err;
}

/* ---- list --------------------------------------------------------------------------------- */

struct key_shown {
	int64_t number;
	bool seals;
	int64_t rows;
};

static const struct ctl_column list_columns[] = {
	COLUMN_INT(struct key_shown, number),
	COLUMN_BOOL(struct key_shown, seals),
	COLUMN_INT(struct key_shown, rows),
};

/* Rows sealed under a key that is not in the file are the news nobody wants to miss. */
static void note_lost(struct ctl *ctl, const struct row_operator_seal_keys *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool is_there = false;
		for (size_t j = 0; j < keyring_count(ctl->ctx.keyring); j++)
			is_there =
			    is_there || keyring_number(ctl->ctx.keyring, j) == rows[i].seal_key;
		if (!is_there)
			fprintf(ctl->err,
			    "bonafide: %lld rows are sealed under key %lld, which is not in %s\n",
			    (long long)rows[i].n, (long long)rows[i].seal_key,
			    ctl->settings->master_key_file);
	}
}

static enum err list(struct ctl *ctl, UNUSED const void *input)
{
	struct keyring *keyring = ctl->ctx.keyring;
	size_t key_count = keyring_count(keyring);
	struct row_operator_seal_keys *rows = NULL;
	size_t count = 0;
	enum err err = q_operator_seal_keys(ctl->ctx.db, ctl->ctx.arena, &rows, &count);
	struct key_shown *shown = arena_array(ctl->ctx.arena, key_count + 1, sizeof(*shown));

	if (err == ERR_OK && shown == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < key_count && err == ERR_OK; i++) {
		shown[i].number = keyring_number(keyring, i);
		shown[i].seals = keyring_number(keyring, i) == keyring_current(keyring);
		for (size_t j = 0; j < count; j++)
			shown[i].rows += rows[j].seal_key == shown[i].number ? rows[j].n : 0;
	}
	if (err == ERR_OK)
		err = ctl_print_list(ctl, list_columns, shown, key_count, NULL);
	if (err == ERR_OK)
		note_lost(ctl, rows, count);
	return err;
}

/* ---- rotate ------------------------------------------------------------------------------- */

#define BATCH_ROWS 200

struct rotated {
	int64_t number;
	int64_t rows;
};

static const struct ctl_column rotated_columns[] = {
	COLUMN_INT(struct rotated, number),
	COLUMN_INT(struct rotated, rows),
};

static enum err rotate(struct ctl *ctl, UNUSED const void *input)
{
	struct ctl_progress progress = ctl_progress_begin(ctl, "rows");
	uint64_t done = 0;
	enum err err = reseal_run(&ctl->ctx, BATCH_ROWS, ctl_progress_show, &progress, &done);

	ctl_progress_end(&progress);
	if (err == ERR_NO_KEY)
		return ctl_fail(ctl, err,
		    "a row is sealed under a key that is not in %s; %llu rows were sealed anew "
		    "before it",
		    ctl->settings->master_key_file, (unsigned long long)done);
	if (err != ERR_OK)
		return err;
	struct rotated rotated = { .number = keyring_current(ctl->ctx.keyring),
		.rows = (int64_t)done };
	return ctl_print_one(ctl, rotated_columns, &rotated);
}

static const struct ctl_command commands[] = {
	{ .verb = "init",
	    .needs = CTL_SETTINGS | CTL_AS_CALLER,
	    .run = init,
	    .summary = "make the master key file and the pepper",
	    .help = "Makes the two secret files that the settings name, mode 0400, with fresh "
		    "random keys. Refuses when either exists: overwriting one would make what "
		    "is stored unreadable." },
	{ .verb = "add",
	    .needs = CTL_SETTINGS | CTL_AS_CALLER,
	    .run = add,
	    .summary = "add a new master key; it seals from then on",
	    .help = "Adds a key with the next number to the master key file. Older ones stay, "
		    "to open what they sealed, until \"bonafide seal rotate\" has sealed it "
		    "anew." },
	{ .verb = "list",
	    .bare = true,
	    .needs = CTL_DB | CTL_KEYS,
	    .run = list,
	    .summary = "list the keys and how many rows each has sealed" },
	{ .verb = "rotate",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = rotate,
	    .summary = "seal everything again under the newest key",
	    .help = "Seals everything that is under an older key again under the newest, "
		    "a few hundred rows at a time, while everything else goes on. Safe to stop "
		    "and to run again. Afterwards, and after idempotency_ttl_h, the old keys' "
		    "lines can go from the file." },
};

const struct ctl_noun noun_seal = {
	.word = "seal",
	.summary = "The keys that seal personal data.",
	.commands = commands,
	.count = countof(commands),
};
