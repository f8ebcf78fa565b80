/* SPDX-License-Identifier: Apache-2.0 */
/* c_key.c: API keys. A key's text is shown once, when it is made. */
#include "ctl.h"

#include <string.h>

#include "clock.h"
#include "key.h"
#include "limits.h"
#include "org.h"
#include "proc.h"
#include "scope.h"

/* ---- create ------------------------------------------------------------------------------- */

struct create_input {
	struct uuid app;
	const char *name;
	const char *environment;
	const char *scopes;
	const char *kind;
	int64_t expires;
};

static const struct ctl_arg create_args[] = {
	ARG_ID(struct create_input, app, "app", "APP", true, ID_APPLICATION,
	    "The application the key acts for (app_...)."),
	ARG_TEXT(struct create_input, name, "name", "NAME", true, LIMIT_KEY_NAME,
	    "What people call it; in quotes when it has spaces."),
	ARG_WORD(struct create_input, environment, "environment", true, "live|sandbox",
	    "A sandbox key sees and makes only sandbox objects, free of charge."),
	{ .type = CTL_TEXT,
	    .name = "scopes",
	    .value = "WORDS",
	    .offset = MEMBER_IS(const char *, struct create_input, scopes),
	    .required = true,
	    .max = LIMIT_SETTING,
	    .sentence =
		"What it may do: \"all\", or words from this list, in quotes with a space between.",
	    .list = scope_words,
	    .list_count = SCOPE_COUNT },
	ARG_WORD(struct create_input, kind, "kind", false, "server",
	    "What sort of key (default server)."),
	ARG_TIME(struct create_input, expires, "expires", "TIME", false,
	    "When it stops working, as 2027-01-31 or 2027-01-31T12:00:00Z (default never)."),
};

struct key_made {
	struct uuid id;
	const char *key;
	struct uuid application_id;
	const char *name;
	const char *environment;
	const char *scopes;
	int64_t expires_at;
};

static const struct ctl_column made_columns[] = {
	COLUMN_ID(struct key_made, id, ID_KEY),
	COLUMN_TEXT(struct key_made, key),
	COLUMN_ID(struct key_made, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct key_made, name),
	COLUMN_TEXT(struct key_made, environment),
	COLUMN_WORDS(struct key_made, scopes),
	COLUMN_TIME(struct key_made, expires_at),
};

static enum err no_such_app(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_MISSING,
	    "there is no such application; \"bonafide app list\" shows those there are");
}

static enum err read_scopes(struct ctl *ctl, const char *words, uint64_t *ret_bits)
{
	char bad[LIMIT_SETTING] = "";

	if (scopes_parse(words, ret_bits, bad, sizeof(bad)) == ERR_OK && *ret_bits != 0)
		return ERR_OK;
	return ctl_misuse(
	    ctl, "there is no scope \"%s\"; \"bonafide key create --help\" lists them", bad);
}

static enum err create(struct ctl *ctl, const void *input)
{
	const struct create_input *in = input;
	struct row_application_get app;
	struct row_key_get row;
	const char *text = NULL;
	struct key_new fresh = { .application_id = in->app,
		.kind = in->kind,
		.name = in->name,
		.expires_at_ms = in->expires };
	enum err err = read_scopes(ctl, in->scopes, &fresh.scopes);

	if (err == ERR_OK)
		err = environment_parse(in->environment, &fresh.environment);
	if (err == ERR_OK && in->expires != TIME_NONE && in->expires <= clock_now_ms())
		err = ctl_misuse(ctl, "--expires is in the past");
	if (err != ERR_OK)
		return err;
	err = application_get(&ctl->ctx, in->app, &app);
	if (err == ERR_MISSING)
		return no_such_app(ctl);
	if (err == ERR_OK)
		err = key_create(&ctl->ctx, &fresh, &row, &text);
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "a key of this kind cannot have that name or those scopes");
	if (err != ERR_OK)
		return err;
	struct key_made made = { .id = row.id,
		.key = text,
		.application_id = in->app,
		.name = row.name,
		.environment = row.environment,
		.scopes = row.scopes,
		.expires_at = row.expires_at };
	err = ctl_print_one(ctl, made_columns, &made);
	if (err == ERR_OK)
		ctl_note(ctl, "\nThis is the only time the key is shown: store it now.");
	return err;
}

/* ---- list --------------------------------------------------------------------------------- */

struct list_input {
	struct uuid app;
};

static const struct ctl_arg list_args[] = {
	ARG_ID(struct list_input, app, "app", "APP", false, ID_APPLICATION,
	    "Only those of this application (app_...)."),
};

/* Keys of several applications in one table; `key` is its beginning and its end. */
struct key_shown {
	struct uuid id;
	struct uuid application_id;
	const char *name;
	const char *environment;
	const char *kind;
	const char *key;
	const char *scopes;
	int64_t created_at;
	int64_t expires_at;
	int64_t last_used_at;
};

#define ONLY_JSON(column_name, column_type, member) \
	{ \
		.name = column_name, .type = column_type, \
		.offset = offsetof(struct key_shown, member), .json_only = true \
	}

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct key_shown, id, ID_KEY),
	COLUMN_ID(struct key_shown, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct key_shown, name),
	COLUMN_TEXT(struct key_shown, environment),
	COLUMN_TEXT(struct key_shown, key),
	COLUMN_TIME(struct key_shown, expires_at),
	COLUMN_TIME(struct key_shown, last_used_at),
	ONLY_JSON("kind", CELL_TEXT, kind),
	ONLY_JSON("scopes", CELL_WORDS, scopes),
	ONLY_JSON("created_at", CELL_TIME, created_at),
};

static enum err shown_of(
    struct ctl *ctl, const struct row_operator_keys *row, struct key_shown *ret_shown)
{
	const char *key = arena_printf(ctl->ctx.arena, "%s...%s", row->prefix, row->last4);

	if (key == NULL)
		return ERR_NOMEM;
	*ret_shown = (struct key_shown){ .id = row->id,
		.application_id = row->application_id,
		.name = row->name,
		.environment = row->environment,
		.kind = row->kind,
		.key = key,
		.scopes = row->scopes,
		.created_at = row->created_at,
		.expires_at = row->expires_at,
		.last_used_at = row->last_used_at };
	return ERR_OK;
}

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct ctl_column columns[countof(list_columns)];
	struct row_operator_keys *rows = NULL;
	size_t count = 0;
	enum err err = q_operator_keys(ctl->ctx.db, ctl->ctx.arena, uuid_is_nil(in->app), in->app,
	    clock_now_ms(), &rows, &count);
	struct key_shown *shown = arena_array(ctl->ctx.arena, count + 1, sizeof(*shown));

	if (shown == NULL && err == ERR_OK)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = shown_of(ctl, &rows[i], &shown[i]);
	if (err != ERR_OK)
		return err;
	memcpy(columns, list_columns, sizeof(columns));
	/* The same in every row says nothing. */
	columns[1].json_only = !uuid_is_nil(in->app);
	return ctl_print_list(ctl, columns, shown, count,
	    "There are no keys in force here. \"bonafide key create --help\" tells how to make one.");
}

/* ---- revoke ------------------------------------------------------------------------------- */

struct revoke_input {
	struct uuid key;
};

static const struct ctl_arg revoke_args[] = {
	ARG_ID(struct revoke_input, key, "KEY", NULL, true, ID_KEY,
	    "The key's id (key_...), as \"bonafide key list\" shows it; not the key itself."),
};

struct key_revoked {
	struct uuid id;
	struct uuid application_id;
	const char *name;
	bool revoked;
};

static const struct ctl_column revoked_columns[] = {
	COLUMN_ID(struct key_revoked, id, ID_KEY),
	COLUMN_ID(struct key_revoked, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct key_revoked, name),
	COLUMN_BOOL(struct key_revoked, revoked),
};

static enum err already_revoked(struct ctl *ctl, int64_t revoked_at_ms)
{
	char when[TIME_TEXT_SIZE];

	time_text(revoked_at_ms, when);
	return ctl_fail(ctl, ERR_KEY_NOT_FOUND, "this key was revoked at %s already", when);
}

static enum err revoke_key(struct ctl *ctl, const void *input)
{
	const struct revoke_input *in = input;
	struct row_operator_key row;
	enum err err = q_operator_key(ctl->ctx.db, ctl->ctx.arena, in->key, &row);

	if (err == ERR_MISSING)
		return ctl_fail(
		    ctl, err, "there is no such key; \"bonafide key list\" shows those in force");
	if (err == ERR_OK && row.revoked_at != TIME_NONE)
		return already_revoked(ctl, row.revoked_at);
	if (err == ERR_OK)
		err = key_revoke(&ctl->ctx, row.application_id, NULL, in->key);
	if (err != ERR_OK)
		return err;
	/* A worker may remember the key for that long (design section 7); only then is it true. */
	proc_sleep_ms(ctl->settings->key_lease_ms);
	struct key_revoked revoked = { .id = row.id,
		.application_id = row.application_id,
		.name = row.name,
		.revoked = true };
	return ctl_print_one(ctl, revoked_columns, &revoked);
}

static const struct ctl_command commands[] = {
	{ .verb = "create",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = create,
	    .args = create_args,
	    .arg_count = countof(create_args),
	    .input_size = sizeof(struct create_input),
	    .summary = "make a key and show it, once",
	    .help = "Makes an API key and prints it. Only a keyed hash of it is stored, so this is "
		    "the only time anybody sees it." },
	{ .verb = "list",
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list the keys in force, newest first",
	    .help = "Lists keys that are neither revoked nor expired, newest first. When a key was "
		    "last used is up to a minute behind." },
	{ .verb = "revoke",
	    .needs = CTL_DB,
	    .run = revoke_key,
	    .args = revoke_args,
	    .arg_count = countof(revoke_args),
	    .input_size = sizeof(struct revoke_input),
	    .summary = "end a key for good",
	    .help = "Ends a key for good. When this command returns, no worker of any host accepts "
		    "the key any more: it waits out key_lease_ms first." },
};

const struct ctl_noun noun_key = {
	.word = "key",
	.summary = "API keys: what a customer's programs present.",
	.commands = commands,
	.count = countof(commands),
};
