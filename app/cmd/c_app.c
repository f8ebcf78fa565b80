/* SPDX-License-Identifier: Apache-2.0 */
/* c_app.c: applications, the tenants who own everything. */
#include "ctl.h"

#include "limits.h"
#include "org.h"

struct app_made {
	struct uuid id;
	struct uuid organization_id;
	const char *name;
};

static const struct ctl_column made_columns[] = {
	COLUMN_ID(struct app_made, id, ID_APPLICATION),
	COLUMN_ID(struct app_made, organization_id, ID_ORGANIZATION),
	COLUMN_TEXT(struct app_made, name),
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

static enum err create(struct ctl *ctl, const void *input)
{
	const struct create_input *in = input;
	struct app_made made = { .organization_id = in->org, .name = in->name };
	enum err err = application_create(&ctl->ctx, in->org, in->name, &made.id);

	if (err == ERR_MISSING)
		return ctl_fail(ctl, err,
		    "there is no such organisation; \"bonafide org list\" shows those there are");
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "an application cannot have that name");
	return err == ERR_OK ? ctl_print_one(ctl, made_columns, &made) : err;
}

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
	    .needs = CTL_DB,
	    .run = create,
	    .args = create_args,
	    .arg_count = countof(create_args),
	    .input_size = sizeof(struct create_input),
	    .summary = "make an application of an organisation",
	    .help = "Makes an application: the tenant who owns keys, verifications and usage. One "
		    "application never sees anything of another." },
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
