/* SPDX-License-Identifier: Apache-2.0 */
/* c_org.c: organisations, the customers who pay. */
#include "ctl.h"

#include "limits.h"
#include "org.h"
#include "proc.h"
#include "token.h"
#include "tx.h"

struct org_made {
	struct uuid id;
	const char *name;
};

static const struct ctl_column made_columns[] = {
	COLUMN_ID(struct org_made, id, ID_ORGANIZATION),
	COLUMN_TEXT(struct org_made, name),
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

static const struct ctl_column app_columns[] = {
	COLUMN_ID(struct row_application_list, id, ID_APPLICATION),
	COLUMN_TEXT(struct row_application_list, name),
	COLUMN_TIME(struct row_application_list, created_at),
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
	struct org_made made;
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

static enum err no_such_org(struct ctl *ctl, struct uuid id)
{
	char text[ID_TEXT_SIZE];

	id_text(ID_ORGANIZATION, id, text);
	return ctl_fail(ctl, ERR_MISSING,
	    "there is no organisation %s; \"bonafide org list\" shows those there are", text);
}

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct row_org_get row;
	struct row_application_list *apps = NULL;
	struct row_token_get tokens;
	size_t count = 0;
	enum err err = org_get(&ctl->ctx, in->org, &row);

	if (err == ERR_MISSING)
		return no_such_org(ctl, in->org);
	if (err == ERR_OK)
		err = token_get(&ctl->ctx, in->org, &tokens);
	if (err == ERR_OK)
		err = application_list(&ctl->ctx, in->org, &apps, &count);
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
		{ .name = "applications",
		    .columns = app_columns,
		    .column_count = countof(app_columns),
		    .rows = apps,
		    .row_size = sizeof(*apps),
		    .count = count },
	};
	return ctl_print(ctl, sections, countof(sections));
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
	    .summary = "show an organisation, its balance and its applications" },
	{ .verb = "suspend",
	    .needs = CTL_DB,
	    .run = suspend,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "refuse the organisation's keys until it is resumed",
	    .help = "From the moment this command returns, every request with a key of this "
		    "organisation is answered 403 TENANT_SUSPENDED, on every host. What was "
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
