/* SPDX-License-Identifier: Apache-2.0 */
/* c_org.c: organisations, the customers who pay. */
#include "c_org.h"

#include "dbstmt.h"
#include "limiter.h"
#include "limits.h"
#include "member.h"
#include "org.h"
#include "proc.h"
#include "quota.h"
#include "token.h"
#include "tx.h"

struct org_shown {
	struct uuid id;
	const char *name;
};

static const struct ctl_column made_columns[] = {
	COLUMN_ID(struct org_shown, id, ID_ORGANIZATION),
	COLUMN_TEXT(struct org_shown, name),
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct row_org_list, id, ID_ORGANIZATION),
	COLUMN_TEXT(struct row_org_list, name),
	COLUMN_TEXT(struct row_org_list, status),
	COLUMN_INT(struct row_org_list, applications),
	COLUMN_TIME(struct row_org_list, created_at),
};

static const struct ctl_column show_columns[] = {
	COLUMN_ID(struct row_org_get, id, ID_ORGANIZATION),
	COLUMN_TEXT(struct row_org_get, name),
	COLUMN_TEXT(struct row_org_get, status),
	COLUMN_TIME(struct row_org_get, created_at),
};

static const struct ctl_column balance_columns[] = {
	COLUMN_INT(struct row_token_get, balance),
};

/* The limits in force, and which of them are the organisation's own. */
struct limits_shown {
	int64_t rate_per_s;
	int64_t burst;
	int64_t daily_requests;
	int64_t today;
	const char *own;
};

static const struct ctl_column limits_columns[] = {
	COLUMN_INT(struct limits_shown, rate_per_s),
	COLUMN_INT(struct limits_shown, burst),
	COLUMN_INT(struct limits_shown, daily_requests),
	COLUMN_INT(struct limits_shown, today),
	COLUMN_WORDS(struct limits_shown, own),
};

static const struct ctl_column app_columns[] = {
	COLUMN_ID(struct row_application_list, id, ID_APPLICATION),
	COLUMN_TEXT(struct row_application_list, name),
	COLUMN_TIME(struct row_application_list, created_at),
};

static const struct ctl_column member_columns[] = {
	COLUMN_ID(struct member, id, ID_UUID),
	COLUMN_TEXT(struct member, role),
	COLUMN_TEXT(struct member, status),
	COLUMN_TIME(struct member, joined_at),
};

/* ---- create ------------------------------------------------------------------------------- */

struct create_input {
	const char *name;
	int64_t tokens;
};

static const struct ctl_arg create_args[] = {
	ARG_TEXT(struct create_input, name, "NAME", NULL, true, LIMIT_ORG_NAME,
	    "What people call it; in quotes when it has spaces."),
	ARG_INT(struct create_input, tokens, "tokens", "N", 0, LIMIT_TOKENS, 0,
	    "What it can spend from the beginning (\"bonafide tokens add\" adds more)."),
};

struct creating {
	const struct create_input *in;
	struct org_shown made;
};

/* An organisation that was promised tokens is not there without them. */
static enum err create_paid(struct ctx *ctx, void *arg)
{
	struct creating *creating = arg;
	struct token_change change = { .kind = TOKEN_TOPUP, .delta = creating->in->tokens };
	int64_t balance = 0;
	enum err err = org_create(ctx, creating->in->name, &creating->made.id);

	change.organization_id = creating->made.id;
	return err == ERR_OK && change.delta > 0 ? token_add(ctx, &change, &balance) : err;
}

static enum err create(struct ctl *ctl, const void *input)
{
	const struct create_input *in = input;
	struct creating creating = { .in = in, .made = { .name = in->name } };
	enum err err = tx_run(&ctl->ctx, create_paid, &creating);

	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "an organisation cannot have that name");
	return err == ERR_OK ? ctl_print_one(ctl, made_columns, &creating.made) : err;
}

/* ---- list, show --------------------------------------------------------------------------- */

static enum err list(struct ctl *ctl, UNUSED const void *input)
{
	struct row_org_list *rows = NULL;
	size_t count = 0;
	enum err err = org_list(&ctl->ctx, &rows, &count);

	if (err != ERR_OK)
		return err;
	return ctl_print_list(ctl, list_columns, rows, count,
	    "There are no organisations yet. \"bonafide org create NAME\" makes one.");
}

struct one_input {
	struct uuid org;
};

static const struct ctl_arg one_args[] = {
	ARG_ID(struct one_input, org, "ORG", NULL, true, ID_ORGANIZATION,
	    "The organisation's id (org_...)."),
};

enum err no_such_org(struct ctl *ctl, struct uuid id)
{
	char text[ID_TEXT_SIZE];

	id_text(ID_ORGANIZATION, id, text);
	return ctl_fail(ctl, ERR_MISSING,
	    "there is no organisation %s; \"bonafide org list\" shows those there are", text);
}

static struct own_limits limits_of(const struct row_org_get *row)
{
	return (struct own_limits){ .rate_per_s = row->rate_per_s,
		.burst = row->burst,
		.daily_requests = row->daily_requests };
}

static enum err read_limits(
    struct ctl *ctl, const struct row_org_get *row, struct limits_shown *ret_shown)
{
	struct own_limits own = limits_of(row);
	struct limit_numbers burst = limiter_numbers(ctl->settings, POLICY_BURST, &own);
	struct limit_numbers day = limiter_numbers(ctl->settings, POLICY_DAY, &own);
	const char *words = arena_printf(ctl->ctx.arena, "%s%s%s",
	    own.rate_per_s == DB_NULL ? "" : " rate_per_s", own.burst == DB_NULL ? "" : " burst",
	    own.daily_requests == DB_NULL ? "" : " daily_requests");
	struct limits_shown shown = { .rate_per_s = burst.requests,
		.burst = burst.burst,
		.daily_requests = day.requests,
		.own = words };
	enum err err = words == NULL ? ERR_NOMEM : quota_used(&ctl->ctx, row->id, &shown.today);

	if (err != ERR_OK)
		return err;
	shown.own += words[0] == ' ';
	*ret_shown = shown;
	return ERR_OK;
}

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct row_org_get row;
	struct limits_shown limits;
	struct row_application_list *apps = NULL;
	struct member *members = NULL;
	struct row_token_get tokens;
	size_t count = 0, member_count = 0;
	enum err err = org_get(&ctl->ctx, in->org, &row);

	if (err == ERR_MISSING)
		return no_such_org(ctl, in->org);
	if (err == ERR_OK)
		err = token_get(&ctl->ctx, in->org, &tokens);
	if (err == ERR_OK)
		err = application_list(&ctl->ctx, in->org, &apps, &count);
	if (err == ERR_OK)
		err = member_list(&ctl->ctx, in->org, false, &members, &member_count);
	if (err == ERR_OK)
		err = read_limits(ctl, &row, &limits);
	if (err != ERR_OK)
		return err;
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = show_columns,
		    .column_count = countof(show_columns),
		    .rows = &row,
		    .row_size = sizeof(row),
		    .count = 1 },
		{ .name = "tokens",
		    .single = true,
		    .columns = balance_columns,
		    .column_count = countof(balance_columns),
		    .rows = &tokens,
		    .row_size = sizeof(tokens),
		    .count = 1 },
		{ .name = "limits",
		    .single = true,
		    .columns = limits_columns,
		    .column_count = countof(limits_columns),
		    .rows = &limits,
		    .row_size = sizeof(limits),
		    .count = 1 },
		{ .name = "applications",
		    .columns = app_columns,
		    .column_count = countof(app_columns),
		    .rows = apps,
		    .row_size = sizeof(*apps),
		    .count = count },
		{ .name = "members",
		    .columns = member_columns,
		    .column_count = countof(member_columns),
		    .rows = members,
		    .row_size = sizeof(*members),
		    .count = member_count },
	};
	return ctl_print(ctl, sections, countof(sections));
}

/* ---- limits ------------------------------------------------------------------------------- */

struct limits_input {
	struct uuid org;
	int64_t rate;
	int64_t burst;
	int64_t daily;
	bool reset;
};

static const struct ctl_arg limits_args[] = {
	ARG_ID(struct limits_input, org, "ORG", NULL, true, ID_ORGANIZATION,
	    "The organisation's id (org_...)."),
	ARG_INT(struct limits_input, rate, "rate", "N", 0, LIMIT_RATE, DB_NULL,
	    "Requests a second over time; 0 is no limit."),
	ARG_INT(
	    struct limits_input, burst, "burst", "N", 1, LIMIT_RATE, DB_NULL, "Requests at once."),
	ARG_INT(struct limits_input, daily, "daily", "N", 0, LIMIT_DAILY_REQUESTS, DB_NULL,
	    "Requests a UTC day, over all hosts; 0 is no limit."),
	ARG_FLAG(struct limits_input, reset, "reset",
	    "Forget what was given before: back to the settings, but for what stands beside it."),
};

static int64_t given_or(int64_t given, int64_t before)
{
	return given == DB_NULL ? before : given;
}

/* As with suspending, a worker knows of it when the key it remembers is read again. */
static enum err set_limits(struct ctl *ctl, const struct limits_input *in, struct row_org_get *row)
{
	static const struct own_limits none = { DB_NULL, DB_NULL, DB_NULL };
	struct own_limits own = in->reset ? none : limits_of(row);

	own.rate_per_s = given_or(in->rate, own.rate_per_s);
	own.burst = given_or(in->burst, own.burst);
	own.daily_requests = given_or(in->daily, own.daily_requests);
	enum err err = org_set_limits(&ctl->ctx, in->org, &own);
	if (err == ERR_OK)
		err = org_get(&ctl->ctx, in->org, row);
	if (err == ERR_OK)
		proc_sleep_ms(ctl->settings->key_lease_ms);
	return err;
}

static enum err limits(struct ctl *ctl, const void *input)
{
	const struct limits_input *in = input;
	bool changes =
	    in->reset || in->rate != DB_NULL || in->burst != DB_NULL || in->daily != DB_NULL;
	struct row_org_get row;
	struct limits_shown shown;
	enum err err = org_get(&ctl->ctx, in->org, &row);

	if (err == ERR_OK && changes)
		err = set_limits(ctl, in, &row);
	if (err == ERR_MISSING)
		return no_such_org(ctl, in->org);
	if (err == ERR_OK)
		err = read_limits(ctl, &row, &shown);
	return err == ERR_OK ? ctl_print_one(ctl, limits_columns, &shown) : err;
}

/* ---- rename ------------------------------------------------------------------------------- */

struct rename_input {
	struct uuid org;
	const char *name;
};

static const struct ctl_arg rename_args[] = {
	ARG_ID(struct rename_input, org, "ORG", NULL, true, ID_ORGANIZATION,
	    "The organisation's id (org_...)."),
	ARG_TEXT(struct rename_input, name, "NAME", NULL, true, LIMIT_ORG_NAME,
	    "What people are to call it; in quotes when it has spaces."),
};

static enum err rename_org(struct ctl *ctl, const void *input)
{
	const struct rename_input *in = input;
	struct row_org_get row;
	enum err err = org_rename(&ctl->ctx, in->org, in->name);

	if (err == ERR_OK)
		err = org_get(&ctl->ctx, in->org, &row);
	if (err == ERR_MISSING)
		return no_such_org(ctl, in->org);
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "an organisation cannot have that name");
	return err == ERR_OK ? ctl_print_one(ctl, show_columns, &row) : err;
}

/* ---- suspend, resume ---------------------------------------------------------------------- */

/* A worker may remember a key, and with it the organisation's state, for key_lease_ms (design
 * section 7): only after that wait is it true on every host. */
static enum err set_status(struct ctl *ctl, struct uuid id, enum org_status status)
{
	struct row_org_get row;
	enum err err = org_set_status(&ctl->ctx, id, status);

	if (err == ERR_MISSING)
		return no_such_org(ctl, id);
	if (err == ERR_OK)
		err = org_get(&ctl->ctx, id, &row);
	if (err != ERR_OK)
		return err;
	proc_sleep_ms(ctl->settings->key_lease_ms);
	return ctl_print_one(ctl, show_columns, &row);
}

static enum err suspend(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;

	return set_status(ctl, in->org, ORG_SUSPENDED);
}

static enum err resume(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;

	return set_status(ctl, in->org, ORG_ACTIVE);
}

static const struct ctl_command commands[] = {
	{ .verb = "create",
	    .needs = CTL_DB,
	    .run = create,
	    .args = create_args,
	    .arg_count = countof(create_args),
	    .input_size = sizeof(struct create_input),
	    .summary = "make an organisation",
	    .help = "Makes an organisation: the customer who pays. Its applications "
		    "(\"bonafide app create\") hold the API keys." },
	{ .verb = "list",
	    .needs = CTL_DB,
	    .run = list,
	    .summary = "list organisations, newest first" },
	{ .verb = "show",
	    .needs = CTL_DB,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary =
		"show an organisation, its balance, its limits, its applications and its members" },
	{ .verb = "limits",
	    .needs = CTL_DB,
	    .run = limits,
	    .args = limits_args,
	    .arg_count = countof(limits_args),
	    .input_size = sizeof(struct limits_input),
	    .summary = "give an organisation limits of its own, or show them",
	    .help =
		"Without an option it shows the limits in force; `own` names those that are not "
		"the settings'. When the command returns, a change is in force on every host. "
		"The rate and the burst are each host's, the daily requests are all hosts' "
		"together. `today` is what has been served since midnight UTC, with what hosts "
		"hold ready to serve." },
	{ .verb = "rename",
	    .needs = CTL_DB,
	    .run = rename_org,
	    .args = rename_args,
	    .arg_count = countof(rename_args),
	    .input_size = sizeof(struct rename_input),
	    .summary = "give an organisation another name",
	    .help = "Its applications keep their names. An organisation that came with an account "
		    "is named as the mail address is before the @." },
	{ .verb = "suspend",
	    .needs = CTL_DB,
	    .run = suspend,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "refuse the organisation's keys until it is resumed",
	    .help = "From the moment this command returns, every request with a key of this "
		    "organisation is answered 403 TENANT_SUSPENDED, on every host, and so is every "
		    "request of its members about it. What was "
		    "accepted before is still carried out. Nothing is deleted." },
	{ .verb = "resume",
	    .needs = CTL_DB,
	    .run = resume,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "accept a suspended organisation's keys again" },
};

const struct ctl_noun noun_org = {
	.word = "org",
	.summary = "Organisations: the customers who pay.",
	.commands = commands,
	.count = countof(commands),
};
