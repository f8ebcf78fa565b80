/* SPDX-License-Identifier: Apache-2.0 */
/* c_app.c: applications, the tenants who own everything. */
#include "c_key.h"

#include "limits.h"
#include "org.h"
#include "tx.h"

struct app_made {
	struct uuid id;
	struct uuid organization_id;
	const char *name;
	struct uuid key_id;
	const char *key;
};

static const struct ctl_column made_columns[] = {
	COLUMN_ID(struct app_made, id, ID_APPLICATION),
	COLUMN_ID(struct app_made, organization_id, ID_ORGANIZATION),
	COLUMN_TEXT(struct app_made, name),
	COLUMN_ID(struct app_made, key_id, ID_KEY),
	COLUMN_TEXT(struct app_made, key),
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct row_application_list, id, ID_APPLICATION),
	COLUMN_TEXT(struct row_application_list, name),
	COLUMN_ID(struct row_application_list, organization_id, ID_ORGANIZATION),
	COLUMN_TEXT(struct row_application_list, organization_name),
	COLUMN_TIME(struct row_application_list, created_at),
};

struct create_input {
	struct uuid org;
	const char *name;
};

static const struct ctl_arg create_args[] = {
	ARG_ID(struct create_input, org, "org", "ORG", true, ID_ORGANIZATION,
	    "The organisation it belongs to (org_...)."),
	ARG_TEXT(struct create_input, name, "NAME", NULL, true, LIMIT_ORG_NAME,
	    "What people call it; in quotes when it has spaces."),
};

/* Both or neither. */
static enum err make(struct ctx *ctx, void *arg)
{
	struct app_made *made = arg;
	struct key_made key;
	enum err err = application_create(ctx, made->organization_id, made->name, &made->id);

	if (err == ERR_OK)
		err = key_regenerate(ctx, made->id, 0, &key);
	if (err != ERR_OK)
		return err;
	made->key_id = key.row.id;
	made->key = key.text;
	return ERR_OK;
}

static enum err create(struct ctl *ctl, const void *input)
{
	const struct create_input *in = input;
	struct app_made made = { .organization_id = in->org, .name = in->name };
	enum err err = tx_run(&ctl->ctx, make, &made);

	if (err == ERR_MISSING)
		return ctl_fail(ctl, err,
		    "there is no such organisation; \"bonafide org list\" shows those there are");
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "an application cannot have that name");
	if (err == ERR_OK)
		err = ctl_print_one(ctl, made_columns, &made);
	if (err == ERR_OK)
		ctl_note(ctl, "\nThis is the only time its key is shown: store it now.");
	return err;
}

/* ---- regenerate-key ------------------------------------------------------------------------ */

struct regenerate_input {
	struct uuid app;
	int64_t overlap;
};

static const struct ctl_arg regenerate_args[] = {
	ARG_ID(struct regenerate_input, app, "APP", NULL, true, ID_APPLICATION,
	    "The application (app_...)."),
	ARG_INT(struct regenerate_input, overlap, "overlap", "SECONDS", 0, LIMIT_KEY_OVERLAP_S, 0,
	    "How long the old key works beside the new one (default 0: no longer)."),
};

static enum err regenerate(struct ctl *ctl, const void *input)
{
	const struct regenerate_input *in = input;
	struct key_made made;
	enum err err = key_regenerate(&ctl->ctx, in->app, in->overlap, &made);

	if (err == ERR_MISSING)
		return ctl_fail(ctl, err,
		    "there is no such application; \"bonafide app list\" shows those there are");
	if (err != ERR_OK)
		return err;
	key_wait_lease(ctl);
	return key_print_made(ctl, &made);
}

/* ---- list --------------------------------------------------------------------------------- */

struct list_input {
	struct uuid org;
};

static const struct ctl_arg list_args[] = {
	ARG_ID(struct list_input, org, "org", "ORG", false, ID_ORGANIZATION,
	    "Only those of this organisation."),
};

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct row_application_list *rows = NULL;
	size_t count = 0;
	enum err err = application_list(&ctl->ctx, in->org, &rows, &count);

	if (err != ERR_OK)
		return err;
	return ctl_print_list(ctl, list_columns, rows, count,
	    "There are no applications here yet. \"bonafide app create --org ORG NAME\" makes one.");
}

static const struct ctl_command commands[] = {
	{ .verb = "create",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = create,
	    .args = create_args,
	    .arg_count = countof(create_args),
	    .input_size = sizeof(struct create_input),
	    .summary = "make an application of an organisation",
	    .help =
		"Makes an application: the tenant who owns keys, verifications and usage. One "
		"application never sees anything of another. Its own key, which is live and may "
		"do everything in it, is made with it and shown this once; \"bonafide key "
		"create\" makes keys that may do less." },
	{ .verb = "regenerate-key",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = regenerate,
	    .args = regenerate_args,
	    .arg_count = countof(regenerate_args),
	    .input_size = sizeof(struct regenerate_input),
	    .summary = "make an application's own key anew and show it, once",
	    .help = "Makes a new key of the application's own and prints it. The old one ends at "
		    "once, everywhere when this command returns, or works for the overlap." },
	{ .verb = "list",
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list applications, newest first" },
};

const struct ctl_noun noun_app = {
	.word = "app",
	.summary = "Applications: the tenants who own keys and verifications.",
	.commands = commands,
	.count = countof(commands),
};
