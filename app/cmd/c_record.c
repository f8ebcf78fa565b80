/* SPDX-License-Identifier: Apache-2.0 */
/* c_record.c: the records of performers of any tenant. */
#include "ctl.h"

#include "limits.h"
#include "record.h"
#include "str.h"

#define LIST_DEFAULT 50

static enum err no_such_record(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_RECORD_NOT_FOUND,
	    "there is no such record; \"bonafide record list\" shows those there are");
}

/* ---- list ----------------------------------------------------------------------------------------- */

struct list_input {
	struct uuid app;
	int64_t limit;
};

static const struct ctl_arg list_args[] = {
	ARG_ID(struct list_input, app, "app", "APP", false, ID_APPLICATION,
	    "Only those of this application (app_...)."),
	ARG_INT(struct list_input, limit, "limit", "N", 1, LIMIT_DB_ROWS, LIST_DEFAULT,
	    "At most so many, the newest (default 50)."),
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct row_age_record_page, id, ID_RECORD),
	COLUMN_ID(struct row_age_record_page, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct row_age_record_page, environment),
	COLUMN_ID(struct row_age_record_page, age_id, ID_VERIFICATION),
	COLUMN_TIME(struct row_age_record_page, verified_at),
	COLUMN_TIME(struct row_age_record_page, deactivated_at),
	COLUMN_TIME(struct row_age_record_page, retain_until),
};

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct row_age_record_page *rows = NULL;
	size_t count = 0;
	enum err err =
	    q_age_record_page(ctl->ctx.db, ctl->ctx.arena, in->app, in->limit, &rows, &count);

	return err == ERR_OK
		   ? ctl_print_list(ctl, list_columns, rows, count, "There are no records.")
		   : err;
}

/* ---- one record ----------------------------------------------------------------------------------- */

/* A record as it is printed. */
struct shown {
	struct uuid id;
	struct uuid age_id;
	const char *external_id;
	const char *legal_name;
	const char *date_of_birth;
	const char *document_type;
	const char *document_country;
	const char *document_number_last4;
	int64_t verified_at;
	bool active;
	int64_t retain_until;
};

static const struct ctl_column record_columns[] = {
	COLUMN_ID(struct shown, id, ID_RECORD),
	COLUMN_ID(struct shown, age_id, ID_VERIFICATION),
	COLUMN_TEXT(struct shown, external_id),
	COLUMN_TEXT(struct shown, legal_name),
	COLUMN_TEXT(struct shown, date_of_birth),
	COLUMN_TEXT(struct shown, document_type),
	COLUMN_TEXT(struct shown, document_country),
	COLUMN_TEXT(struct shown, document_number_last4),
	COLUMN_TIME(struct shown, verified_at),
	COLUMN_BOOL(struct shown, active),
	COLUMN_TIME(struct shown, retain_until),
};

struct shown_name {
	const char *name;
};

static const struct ctl_column name_columns[] = {
	COLUMN_TEXT(struct shown_name, name),
};

static enum err print(struct ctl *ctl, const struct record *record)
{
	struct shown shown = { .id = record->id,
		.age_id = record->age_id,
		.external_id = record->external_id,
		.legal_name = record->person.legal_name,
		.date_of_birth = record->person.date_of_birth,
		.document_type = record->person.document_type,
		.document_country = record->person.document_country,
		.document_number_last4 = record->number_last4,
		.verified_at = record->verified_at_ms,
		.active = record->is_active,
		.retain_until = record->retain_until_ms };
	struct shown_name names[LIMIT_RECORD_ALIASES];
	size_t count = 0;

	for (; count < record->alias_count && count < countof(names); count++)
		names[count].name = record->aliases[count];
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = record_columns,
		    .column_count = countof(record_columns),
		    .rows = &shown,
		    .row_size = sizeof(shown),
		    .count = 1 },
		{ .name = "aliases",
		    .columns = name_columns,
		    .column_count = countof(name_columns),
		    .rows = names,
		    .row_size = sizeof(*names),
		    .count = count,
		    .empty = "It has no other names." },
	};
	return ctl_print(ctl, sections, countof(sections));
}

struct one_input {
	struct uuid id;
	const char *name;
};

static const struct ctl_arg one_args[] = {
	ARG_ID(struct one_input, id, "RECORD", NULL, true, ID_RECORD, "The record's id (rec_...)."),
};

static const struct ctl_arg alias_args[] = {
	ARG_ID(struct one_input, id, "RECORD", NULL, true, ID_RECORD, "The record's id (rec_...)."),
	ARG_TEXT(struct one_input, name, "NAME", NULL, true, LIMIT_NAME,
	    "A stage or companion name; in quotes when it has spaces."),
};

/* Acts for the record's tenant; *ret_external_id is how it calls the person. */
static enum err act_for(struct ctl *ctl, struct uuid id, const char **ret_external_id)
{
	struct row_age_record_find row;
	enum err err = q_age_record_find(ctl->ctx.db, ctl->ctx.arena, id, &row);

	if (err == ERR_MISSING)
		return no_such_record(ctl);
	if (err == ERR_OK &&
	    environment_parse(row.environment, &ctl->ctx.actor.environment) != ERR_OK)
		err = ERR_DB_BROKEN;
	if (err != ERR_OK)
		return err;
	ctl->ctx.actor.application_id = row.application_id;
	*ret_external_id = row.external_id;
	return ERR_OK;
}

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	const char *external_id = NULL;
	struct record record;
	enum err err = act_for(ctl, in->id, &external_id);

	if (err == ERR_OK)
		err = record_get(&ctl->ctx, external_id, &record);
	return err == ERR_OK ? print(ctl, &record) : err;
}

static enum err alias(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	const char *external_id = NULL;
	struct record record;
	enum err err = act_for(ctl, in->id, &external_id);

	if (err == ERR_OK)
		err = record_alias(&ctl->ctx, external_id, in->name, &record);
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "NAME must be a name on one line");
	return err == ERR_OK ? print(ctl, &record) : err;
}

static enum err deactivate(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	const char *external_id = NULL;
	struct record record;
	enum err err = act_for(ctl, in->id, &external_id);

	if (err == ERR_OK)
		err = record_deactivate(&ctl->ctx, external_id, &record);
	return err == ERR_OK ? print(ctl, &record) : err;
}

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .bare = true,
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list performers' records",
	    .help =
		"Lists the newest records of performers (18 U.S.C. 2257), which approved full_kyc "
		"verifications have made. It shows nothing of the persons." },
	{ .verb = "show",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "show a record",
	    .help = "Shows a record with the person in it and all their names. The audit log keeps "
		    "who read it." },
	{ .verb = "alias",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = alias,
	    .args = alias_args,
	    .arg_count = countof(alias_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "add another name to a record",
	    .help = "Adds a stage or companion name to a record that is active. A name cannot be "
		    "taken away again." },
	{ .verb = "deactivate",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = deactivate,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "deactivate a record",
	    .help = "Deactivates a record: nothing new may be linked with it. It is kept, for the "
		    "setting record_keep_years at least; nothing deletes one." },
};

const struct ctl_noun noun_record = {
	.word = "record",
	.summary = "Records of performers (18 U.S.C. 2257).",
	.commands = commands,
	.count = countof(commands),
};
