/* SPDX-License-Identifier: Apache-2.0 */
/* c_key.c: API keys. A key's text is shown once, when it is made. */
#include "c_key.h"

#include <string.h>

#include "clock.h"
#include "limits.h"
#include "org.h"
#include "proc.h"
#include "scope.h"

/* ---- a key that was just made ------------------------------------------------------------- */

/* The columns of a pair, where there is one, follow the others. */
struct key_shown_once {
	struct uuid id;
	const char *key;
	struct uuid application_id;
	const char *kind;
	const char *name;
	const char *environment;
	const char *scopes;
	int64_t expires_at;
	struct uuid publishable_id;
	const char *publishable_key;
};

static const struct ctl_column made_columns[] = {
	COLUMN_ID(struct key_shown_once, id, ID_KEY),
	COLUMN_TEXT(struct key_shown_once, key),
	COLUMN_ID(struct key_shown_once, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct key_shown_once, kind),
	COLUMN_TEXT(struct key_shown_once, name),
	COLUMN_TEXT(struct key_shown_once, environment),
	COLUMN_WORDS(struct key_shown_once, scopes),
	COLUMN_TIME(struct key_shown_once, expires_at),
	COLUMN_ID(struct key_shown_once, publishable_id, ID_KEY),
	COLUMN_TEXT(struct key_shown_once, publishable_key),
};

#define PAIR_COLUMNS 2

enum err key_print_made(struct ctl *ctl, const struct key_made *made)
{
	bool paired = made->pair_text != NULL;
	struct key_shown_once shown = { .id = made->row.id,
		.key = made->text,
		.application_id = made->row.application_id,
		.kind = made->row.kind,
		.name = made->row.name,
		.environment = made->row.environment,
		.scopes = made->row.scopes,
		.expires_at = made->row.expires_at,
		.publishable_id = made->pair_id,
		.publishable_key = made->pair_text };
	struct ctl_section section = { .single = true,
		.columns = made_columns,
		.column_count = countof(made_columns) - (paired ? 0 : PAIR_COLUMNS),
		.rows = &shown,
		.row_size = sizeof(shown),
		.count = 1 };
	enum err err = ctl_print(ctl, &section, 1);

	if (err == ERR_OK)
		ctl_note(ctl, "\nThis is the only time %s shown: store %s now.",
		    paired ? "the keys are" : "the key is", paired ? "them" : "it");
	return err;
}

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
	    .max = LIMIT_SETTING,
	    .sentence = "What a server or partner key may do: \"all\", or words from this list, in "
			"quotes with a space between.",
	    .list = scope_words,
	    .list_count = SCOPE_COUNT },
	/* The two others are words too, so that whoever asks for one is told where it comes from. */
	{ .type = CTL_WORD,
	    .name = "kind",
	    .value = "server|partner|secret",
	    .offset = MEMBER_IS(const char *, struct create_input, kind),
	    .words = "server|partner|secret|publishable|application",
	    .sentence = "What sort of key (default server). A secret key is for the age family and "
			"comes with its publishable key; an application's key is made by "
			"\"bonafide app\"." },
	ARG_TIME(struct create_input, expires, "expires", "TIME", false,
	    "When it stops working, as 2027-01-31 or 2027-01-31T12:00:00Z (default never)."),
};

static enum err no_such_app(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_MISSING,
	    "there is no such application; \"bonafide app list\" shows those there are");
}

static enum err read_kind(
    struct ctl *ctl, const char *word, enum environment environment, struct key_new *key)
{
	const struct key_format *format;
	enum err err = ERR_OK;

	if (word != NULL)
		err = key_kind_parse(word, &key->kind);
	if (err != ERR_OK)
		return err;
	format = key_format_of(key->kind, environment);
	return format->belongs == NULL
		   ? ERR_OK
		   : ctl_misuse(ctl, "--kind %s cannot be asked for: such a key %s", word,
			 format->belongs);
}

static enum err read_scopes(struct ctl *ctl, const char *words, struct key_new *key)
{
	bool fixed = key_format_of(key->kind, key->environment)->fixed;
	char bad[LIMIT_SETTING] = "";

	if (fixed && words != NULL)
		return ctl_misuse(ctl, "a %s key takes no --scopes: it has those of its kind",
		    key_kind_word(key->kind));
	if (fixed)
		return ERR_OK;
	if (words == NULL)
		return ctl_misuse(
		    ctl, "--scopes is required for a %s key", key_kind_word(key->kind));
	if (scopes_parse(words, &key->scopes, bad, sizeof(bad)) == ERR_OK && key->scopes != 0)
		return ERR_OK;
	return ctl_misuse(
	    ctl, "there is no scope \"%s\"; \"bonafide key create --help\" lists them", bad);
}

static enum err create(struct ctl *ctl, const void *input)
{
	const struct create_input *in = input;
	struct row_application_get app;
	struct key_made made;
	struct key_new fresh = {
		.application_id = in->app, .name = in->name, .expires_at_ms = in->expires
	};
	enum err err = environment_parse(in->environment, &fresh.environment);

	if (err == ERR_OK)
		err = read_kind(ctl, in->kind, fresh.environment, &fresh);
	if (err == ERR_OK)
		err = read_scopes(ctl, in->scopes, &fresh);
	if (err == ERR_OK && in->expires != TIME_NONE && in->expires <= clock_now_ms())
		err = ctl_misuse(ctl, "--expires is in the past");
	if (err != ERR_OK)
		return err;
	err = application_get(&ctl->ctx, in->app, &app);
	if (err == ERR_MISSING)
		return no_such_app(ctl);
	if (err == ERR_OK)
		err = key_create(&ctl->ctx, &fresh, &made);
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "a key of this kind cannot have that name or those scopes");
	return err == ERR_OK ? key_print_made(ctl, &made) : err;
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
	COLUMN_TEXT(struct key_shown, kind),
	COLUMN_TEXT(struct key_shown, environment),
	COLUMN_TEXT(struct key_shown, key),
	COLUMN_TIME(struct key_shown, expires_at),
	COLUMN_TIME(struct key_shown, last_used_at),
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

/* ---- a key named by its id ---------------------------------------------------------------- */

#define ARG_KEY(input) \
	ARG_ID(struct input, key, "KEY", NULL, true, ID_KEY, \
	    "The key's id (key_...), as \"bonafide key list\" shows it; not the key itself.")

/* The key in force, and whose it is. */
static enum err find_key(struct ctl *ctl, struct uuid id, struct row_operator_key *ret_row)
{
	char when[TIME_TEXT_SIZE];
	enum err err = q_operator_key(ctl->ctx.db, ctl->ctx.arena, id, ret_row);

	if (err == ERR_MISSING)
		return ctl_fail(
		    ctl, err, "there is no such key; \"bonafide key list\" shows those in force");
	if (err != ERR_OK || ret_row->revoked_at == TIME_NONE)
		return err;
	time_text(ret_row->revoked_at, when);
	return ctl_fail(ctl, ERR_KEY_NOT_FOUND, "this key was revoked at %s already", when);
}

void key_wait_lease(struct ctl *ctl)
{
	int64_t until_ms = clock_mono_ms() + ctl->settings->key_lease_ms;

	/* A signal ends one sleep early, never the wait. */
	for (int64_t now = clock_mono_ms(); now <= until_ms; now = clock_mono_ms())
		proc_sleep_ms(until_ms - now + 1);
}

/* ---- rotate ------------------------------------------------------------------------------- */

struct rotate_input {
	struct uuid key;
	int64_t overlap;
};

_Static_assert(LIMIT_KEY_OVERLAP_DEFAULT_S == 86400, "the sentence says a day");

static const struct ctl_arg rotate_args[] = {
	ARG_KEY(rotate_input),
	ARG_INT(struct rotate_input, overlap, "overlap", "SECONDS", 0, LIMIT_KEY_OVERLAP_S,
	    LIMIT_KEY_OVERLAP_DEFAULT_S,
	    "How long the old key works beside the new one (default 86400, a day; 0: no longer)."),
};

static enum err rotate(struct ctl *ctl, const void *input)
{
	const struct rotate_input *in = input;
	struct row_operator_key row;
	struct key_made made;
	enum err err = find_key(ctl, in->key, &row);

	if (err != ERR_OK)
		return err;
	err = key_rotate(&ctl->ctx, row.application_id, NULL, in->key, in->overlap, &made);
	if (err == ERR_KEY_NOT_FOUND)
		return ctl_fail(ctl, err, "this key has expired; make a new one");
	if (err != ERR_OK)
		return err;
	key_wait_lease(ctl);
	return key_print_made(ctl, &made);
}

/* ---- revoke ------------------------------------------------------------------------------- */

struct revoke_input {
	struct uuid key;
};

static const struct ctl_arg revoke_args[] = { ARG_KEY(revoke_input) };

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

static enum err revoke_key(struct ctl *ctl, const void *input)
{
	const struct revoke_input *in = input;
	struct row_operator_key row;
	enum err err = find_key(ctl, in->key, &row);

	if (err == ERR_OK)
		err = key_revoke(&ctl->ctx, row.application_id, NULL, in->key);
	if (err != ERR_OK)
		return err;
	key_wait_lease(ctl);
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
	    .help =
		"Makes an API key and prints it. Only a keyed hash of it is stored, so this is "
		"the only time anybody sees it. A secret key comes with a publishable one, which "
		"may be shown to browsers: it submits to the age family and does nothing else." },
	{ .verb = "list",
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list the keys in force, newest first",
	    .help = "Lists keys that are neither revoked nor expired, newest first. When a key was "
		    "last used is up to a minute behind." },
	{ .verb = "rotate",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = rotate,
	    .args = rotate_args,
	    .arg_count = countof(rotate_args),
	    .input_size = sizeof(struct rotate_input),
	    .summary = "replace a key by a new one and show it, once",
	    .help = "Makes a new key of the same kind, name, scopes, environment and expiry, and "
		    "prints it. The old one works for the time of the overlap, unless it expires "
		    "before. A secret key takes its publishable keys along." },
	{ .verb = "revoke",
	    .needs = CTL_DB,
	    .run = revoke_key,
	    .args = revoke_args,
	    .arg_count = countof(revoke_args),
	    .input_size = sizeof(struct revoke_input),
	    .summary = "end a key for good",
	    .help = "Ends a key for good, and with a secret key its publishable ones. When this "
		    "command returns, no worker of any host accepts the key any more: it waits out "
		    "key_lease_ms first." },
};

const struct ctl_noun noun_key = {
	.word = "key",
	.summary = "API keys: what a customer's programs present.",
	.commands = commands,
	.count = countof(commands),
};
