/* SPDX-License-Identifier: Apache-2.0 */
/* c_account.c: the people who log in. */
#include "ctl.h"

#include <string.h>

#include "account.h"
#include "address.h"
#include "limits.h"
#include "password.h"
#include "term.h"

#define LIST_DEFAULT 100
#define PASSWORD_BYTES (LIMIT_PASSWORD * 4 + 1)

/* ---- naming one ----------------------------------------------------------------------------- */

struct one_input {
	const char *account;
};

static const struct ctl_arg one_args[] = {
	ARG_TEXT(struct one_input, account, "ACCOUNT", NULL, true, LIMIT_EMAIL,
	    "The account's id (as \"bonafide account list\" shows it) or its mail address."),
};

/* What cannot be found is said as it was typed, which the operator knows already. */
static enum err find(struct ctl *ctl, const void *input, struct uuid *ret_id)
{
	const char *account = ((const struct one_input *)input)->account;
	bool is_id = uuid_parse(account, ret_id) == ERR_OK;
	enum err err = ERR_OK;

	if (!is_id && !address_check(account))
		return ctl_misuse(
		    ctl, "ACCOUNT: \"%s\" is neither an id nor a mail address", account);
	if (!is_id)
		err = account_find(&ctl->ctx, account, ret_id);
	return err;
}

static enum err no_such_account(struct ctl *ctl, const void *input)
{
	return ctl_fail(ctl, ERR_MISSING,
	    "there is no account %s; \"bonafide account list\" shows those there are",
	    ((const struct one_input *)input)->account);
}

/* ---- list ----------------------------------------------------------------------------------- */

struct list_input {
	bool addresses;
	int64_t limit;
};

static const struct ctl_arg list_args[] = {
	ARG_FLAG(struct list_input, addresses, "addresses", "Show the mail addresses too."),
	ARG_INT(struct list_input, limit, "limit", "N", 1, LIMIT_DB_ROWS, LIST_DEFAULT,
	    "How many at most."),
};

struct listed {
	struct row_account_list row;
	const char *email;
};

#define LIST_COLUMNS \
	{ .name = "id", \
		.type = CELL_ID, \
		.offset = MEMBER_IS(struct uuid, struct listed, row.id), \
		.id = ID_UUID }, \
	    { .name = "organizations", \
		    .type = CELL_INT, \
		    .offset = MEMBER_IS(int64_t, struct listed, row.organizations) }, \
	    { .name = "locked_until", \
		    .type = CELL_TIME, \
		    .offset = MEMBER_IS(int64_t, struct listed, row.locked_until) }, \
	    { .name = "disabled_at", \
		    .type = CELL_TIME, \
		    .offset = MEMBER_IS(int64_t, struct listed, row.disabled_at) }, \
	    { .name = "last_login_at", \
		    .type = CELL_TIME, \
		    .offset = MEMBER_IS(int64_t, struct listed, row.last_login_at) }, \
	{ \
		.name = "created_at", .type = CELL_TIME, \
		.offset = MEMBER_IS(int64_t, struct listed, row.created_at) \
	}

static const struct ctl_column list_columns[] = { LIST_COLUMNS };
static const struct ctl_column address_columns[] = { LIST_COLUMNS,
	COLUMN_TEXT(struct listed, email) };

static enum err list(struct ctl *ctl, const void *input)
{
	static const char none[] = "There are no accounts yet. People make them: POST "
				   "/auth/v2/programmatic/register/.";
	const struct list_input *in = input;
	struct row_account_list *rows = NULL;
	size_t count = 0;
	enum err err = account_list(&ctl->ctx, in->limit, &rows, &count);
	struct listed *shown = arena_array(ctl->ctx.arena, count + 1, sizeof(*shown));

	if (err == ERR_OK && shown == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		shown[i].row = rows[i];
		if (in->addresses)
			err = address_open(&ctl->ctx, ADDRESS_ACCOUNT, rows[i].id, rows[i].sealed,
			    &shown[i].email);
	}
	if (err != ERR_OK)
		return err;
	return in->addresses ? ctl_print_list(ctl, address_columns, shown, count, none)
			     : ctl_print_list(ctl, list_columns, shown, count, none);
}

/* ---- show ----------------------------------------------------------------------------------- */

struct shown {
	struct uuid id;
	const char *email;
	const char *language;
	int64_t sessions;
	int64_t failures;
	int64_t locked_until;
	int64_t disabled_at;
	int64_t last_login_at;
	int64_t created_at;
};

static const struct ctl_column show_columns[] = {
	COLUMN_ID(struct shown, id, ID_UUID),
	COLUMN_TEXT(struct shown, email),
	COLUMN_TEXT(struct shown, language),
	COLUMN_INT(struct shown, sessions),
	COLUMN_INT(struct shown, failures),
	COLUMN_TIME(struct shown, locked_until),
	COLUMN_TIME(struct shown, disabled_at),
	COLUMN_TIME(struct shown, last_login_at),
	COLUMN_TIME(struct shown, created_at),
};

static const struct ctl_column organization_columns[] = {
	COLUMN_ID(struct row_account_organizations, id, ID_ORGANIZATION),
	COLUMN_TEXT(struct row_account_organizations, name),
	COLUMN_TEXT(struct row_account_organizations, role),
	COLUMN_TIME(struct row_account_organizations, joined_at),
};

static enum err print_account(struct ctl *ctl, struct uuid id)
{
	struct row_account_organizations *rows = NULL;
	struct row_account_get row;
	const char *email = NULL;
	size_t count = 0;
	enum err err = account_get(&ctl->ctx, id, &row, &email);

	if (err == ERR_OK)
		err = account_organizations(&ctl->ctx, id, &rows, &count);
	if (err != ERR_OK)
		return err;
	struct shown shown = { .id = row.id,
		.email = email,
		.language = row.language,
		.sessions = row.sessions,
		.failures = row.failures,
		.locked_until = row.locked_until,
		.disabled_at = row.disabled_at,
		.last_login_at = row.last_login_at,
		.created_at = row.created_at };
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = show_columns,
		    .column_count = countof(show_columns),
		    .rows = &shown,
		    .row_size = sizeof(shown),
		    .count = 1 },
		{ .name = "organizations",
		    .columns = organization_columns,
		    .column_count = countof(organization_columns),
		    .rows = rows,
		    .row_size = sizeof(*rows),
		    .count = count,
		    .empty = "none" },
	};
	return ctl_print(ctl, sections, countof(sections));
}

static enum err show(struct ctl *ctl, const void *input)
{
	struct uuid id;
	enum err err = find(ctl, input, &id);

	if (err == ERR_OK)
		err = print_account(ctl, id);
	return err == ERR_MISSING ? no_such_account(ctl, input) : err;
}

/* ---- changes -------------------------------------------------------------------------------- */

/* One change of the account that was named, then the account as it is. */
static enum err change(struct ctl *ctl, const void *input,
    enum err (*apply)(struct ctx *ctx, struct uuid id, uint64_t *ret_ended))
{
	uint64_t ended = 0;
	struct uuid id;
	enum err err = find(ctl, input, &id);

	if (err == ERR_OK)
		err = apply(&ctl->ctx, id, &ended);
	if (err == ERR_MISSING)
		return no_such_account(ctl, input);
	if (err != ERR_OK)
		return err;
	if (ended > 0)
		ctl_note(
		    ctl, "%llu session%s ended", (unsigned long long)ended, ended == 1 ? "" : "s");
	return print_account(ctl, id);
}

static enum err apply_unlock(struct ctx *ctx, struct uuid id, UNUSED uint64_t *ret_ended)
{
	return account_unlock(ctx, id);
}

static enum err unlock(struct ctl *ctl, const void *input)
{
	return change(ctl, input, apply_unlock);
}

static enum err apply_disable(struct ctx *ctx, struct uuid id, uint64_t *ret_ended)
{
	return account_set_disabled(ctx, id, true, ret_ended);
}

static enum err disable(struct ctl *ctl, const void *input)
{
	return change(ctl, input, apply_disable);
}

static enum err apply_enable(struct ctx *ctx, struct uuid id, uint64_t *ret_ended)
{
	return account_set_disabled(ctx, id, false, ret_ended);
}

static enum err enable(struct ctl *ctl, const void *input)
{
	return change(ctl, input, apply_enable);
}

static enum err logout(struct ctl *ctl, const void *input)
{
	return change(ctl, input, account_logout);
}

/* ---- password ------------------------------------------------------------------------------- */

/* Typed twice at a terminal; a script says it once. */
static enum err read_password(struct ctl *ctl, char *out, size_t size)
{
	char again[PASSWORD_BYTES] = "";
	bool typed = false;
	enum err err = term_read_secret("New password: ", out, size, &typed);

	if (err == ERR_OK && typed)
		err = term_read_secret("Once more: ", again, sizeof(again), NULL);
	if (err == ERR_OK && typed && strcmp(out, again) != 0)
		err =
		    ctl_fail(ctl, ERR_VALIDATION, "the two are not the same; nothing was changed");
	wipe(again, sizeof(again));
	if (err == ERR_MISSING)
		return ctl_fail(ctl, ERR_VALIDATION, "no password came; nothing was changed");
	if (err == ERR_FULL)
		return ctl_fail(ctl, ERR_VALIDATION, "the password must have at most %d characters",
		    LIMIT_PASSWORD);
	return err;
}

static enum err check_password(struct ctl *ctl, const char *password)
{
	const char *fault = password_fault(password);
	bool leaked = false;
	enum err err = ERR_OK;

	if (fault != NULL)
		return ctl_fail(ctl, ERR_VALIDATION, "the password %s", fault);
	err = password_leaked(&ctl->ctx, password, &leaked);
	if (err != ERR_OK)
		return ctl_fail(ctl, err,
		    "the list in password_leaked_file cannot be read; \"bonafide check\" says why");
	if (leaked)
		return ctl_fail(ctl, ERR_VALIDATION,
		    "the password is in the list of leaked ones; choose another");
	return ERR_OK;
}

static enum err set_password(struct ctl *ctl, const void *input)
{
	char password[PASSWORD_BYTES] = "";
	uint64_t ended = 0;
	struct uuid id;
	struct row_account_get row;
	const char *email = NULL;
	enum err err = find(ctl, input, &id);

	if (err == ERR_OK)
		err = account_get(&ctl->ctx, id, &row, &email);
	if (err == ERR_MISSING)
		return no_such_account(ctl, input);
	if (err == ERR_OK)
		err = read_password(ctl, password, sizeof(password));
	if (err == ERR_OK)
		err = check_password(ctl, password);
	if (err == ERR_OK)
		err = account_set_password(&ctl->ctx, id, password, &ended);
	wipe(password, sizeof(password));
	if (err != ERR_OK)
		return err;
	ctl_note(ctl, "the password is changed; %llu session%s ended", (unsigned long long)ended,
	    ended == 1 ? "" : "s");
	return print_account(ctl, id);
}

#define ONE_ACCOUNT(word, function, words) \
	.verb = word, .needs = CTL_DB | CTL_KEYS, .run = function, .args = one_args, \
	.arg_count = countof(one_args), .input_size = sizeof(struct one_input), .summary = words

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list accounts, newest first",
	    .help = "An address is personal: it is shown only when it is asked for." },
	{ ONE_ACCOUNT("show", show, "show an account, its state and its organisations") },
	{ ONE_ACCOUNT("unlock", unlock, "forget failed attempts to log in, and the lock") },
	{ ONE_ACCOUNT("disable", disable, "refuse an account until it is enabled"),
	    .help =
		"Ends all of its sessions: from the moment this command returns, its tokens are "
		"refused on every host, and logging in is answered as a wrong password is." },
	{ ONE_ACCOUNT("enable", enable, "let a disabled account log in again") },
	{ ONE_ACCOUNT("password", set_password, "give an account a new password"),
	    .help = "The password is asked for at the terminal, or read as one line of standard "
		    "input. It must be as good as one that people choose themselves. All sessions "
		    "of the account end." },
	{ ONE_ACCOUNT("logout", logout, "end all sessions of an account") },
};

const struct ctl_noun noun_account = {
	.word = "account",
	.summary = "Accounts: the people who log in.",
	.commands = commands,
	.count = countof(commands),
};
