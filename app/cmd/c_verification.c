/* SPDX-License-Identifier: Apache-2.0 */
/* c_verification.c: looking at one verification, never at the person in it; and erasing. */
#include "ctl.h"

#include <unistd.h>

#include "limits.h"
#include "org.h"
#include "stmt.h"
#include "verification.h"

static enum err no_such_verification(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_VERIFICATION_NOT_FOUND, "there is no such verification%s",
	    uuid_is_nil(ctl->ctx.actor.application_id) ? "" : " in this application");
}

/* ---- verification show -------------------------------------------------------------------- */

struct show_input {
	struct uuid verification;
};

static const struct ctl_arg show_args[] = {
	ARG_ID(struct show_input, verification, "VER", NULL, true, ID_VERIFICATION,
	    "The verification's id (ver_...)."),
};

static const struct ctl_column verification_columns[] = {
	COLUMN_ID(struct row_operator_verification, id, ID_VERIFICATION),
	COLUMN_ID(struct row_operator_verification, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct row_operator_verification, environment),
	COLUMN_TEXT(struct row_operator_verification, kind),
	COLUMN_TEXT(struct row_operator_verification, status),
	COLUMN_TEXT(struct row_operator_verification, reason),
	COLUMN_TEXT(struct row_operator_verification, country),
	COLUMN_TEXT(struct row_operator_verification, id_type),
	COLUMN_TEXT(struct row_operator_verification, provider),
	COLUMN_BOOL(struct row_operator_verification, score_requested),
	COLUMN_INT(struct row_operator_verification, score),
	COLUMN_INT(struct row_operator_verification, match_name),
	COLUMN_TEXT(struct row_operator_verification, match_dob),
	COLUMN_INT(struct row_operator_verification, seal_key),
	COLUMN_TEXT(struct row_operator_verification, request_id),
	COLUMN_TIME(struct row_operator_verification, created_at),
	COLUMN_TIME(struct row_operator_verification, completed_at),
	COLUMN_TIME(struct row_operator_verification, erased_at),
};

static const struct ctl_column job_columns[] = {
	COLUMN_INT(struct row_operator_jobs, try),
	COLUMN_TEXT(struct row_operator_jobs, job_id),
	COLUMN_TEXT(struct row_operator_jobs, driver),
	COLUMN_TEXT(struct row_operator_jobs, state),
	COLUMN_TEXT(struct row_operator_jobs, provider_ref),
	COLUMN_TEXT(struct row_operator_jobs, provider_code),
	COLUMN_TIME(struct row_operator_jobs, first_sent_at),
	COLUMN_TIME(struct row_operator_jobs, updated_at),
};

static const struct ctl_column callback_columns[] = {
	COLUMN_TIME(struct row_operator_callbacks, received_at),
	COLUMN_TEXT(struct row_operator_callbacks, driver),
	COLUMN_TEXT(struct row_operator_callbacks, job_id),
	COLUMN_TEXT(struct row_operator_callbacks, provider_code),
	COLUMN_TEXT(struct row_operator_callbacks, verdict),
};

static const struct ctl_column work_columns[] = {
	COLUMN_ID(struct row_operator_work_of, id, ID_WORK),
	COLUMN_TEXT(struct row_operator_work_of, kind),
	COLUMN_TEXT(struct row_operator_work_of, lane),
	COLUMN_TIME(struct row_operator_work_of, due_at),
	COLUMN_INT(struct row_operator_work_of, attempt),
	COLUMN_INT(struct row_operator_work_of, failures),
	COLUMN_TIME(struct row_operator_work_of, lease_until),
	COLUMN_TIME(struct row_operator_work_of, created_at),
};

#define SECTION(section_name, section_columns, section_rows, section_count, when_empty) \
	{ \
		.name = section_name, .columns = section_columns, \
		.column_count = countof(section_columns), .rows = section_rows, \
		.row_size = sizeof(*(section_rows)), .count = section_count, .empty = when_empty \
	}

static enum err show(struct ctl *ctl, const void *input)
{
	const struct show_input *in = input;
	struct db *db = ctl->ctx.db;
	struct arena *arena = ctl->ctx.arena;
	struct row_operator_verification row;
	struct row_operator_jobs *jobs = NULL;
	struct row_operator_callbacks *callbacks = NULL;
	struct row_operator_work_of *work = NULL;
	size_t job_count = 0;
	size_t callback_count = 0;
	size_t work_count = 0;

	enum err err = q_operator_verification(db, arena, in->verification, &row);
	if (err == ERR_MISSING)
		return no_such_verification(ctl);
	if (err == ERR_OK)
		err = q_operator_jobs(db, arena, in->verification, &jobs, &job_count);
	if (err == ERR_OK)
		err =
		    q_operator_callbacks(db, arena, in->verification, &callbacks, &callback_count);
	if (err == ERR_OK)
		err = q_operator_work_of(db, arena, in->verification, &work, &work_count);
	if (err != ERR_OK)
		return err;
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = verification_columns,
		    .column_count = countof(verification_columns),
		    .rows = &row,
		    .row_size = sizeof(row),
		    .count = 1 },
		SECTION("jobs", job_columns, jobs, job_count, "None was sent to a provider."),
		SECTION(
		    "callbacks", callback_columns, callbacks, callback_count, "None was received."),
		SECTION("work", work_columns, work, work_count, "Nothing is left to do."),
	};
	return ctl_print(ctl, sections, countof(sections));
}

static const struct ctl_command commands[] = {
	{ .verb = "show",
	    .needs = CTL_DB,
	    .run = show,
	    .args = show_args,
	    .arg_count = countof(show_args),
	    .input_size = sizeof(struct show_input),
	    .summary = "show what happened to a verification",
	    .help = "Shows a verification of any application with the jobs sent to the provider, "
		    "the callbacks received, and the work still queued. It never shows the person: "
		    "neither names, number and date of birth nor the customer's own reference, "
		    "which may hold a name." },
};

const struct ctl_noun noun_verification = {
	.word = "verification",
	.summary = "Verifications: what happened to one, without the person in it.",
	.commands = commands,
	.count = countof(commands),
};

/* ---- erase -------------------------------------------------------------------------------- */

struct erase_input {
	struct uuid verification;
	const char *person;
	struct uuid app;
	bool yes;
};

static const struct ctl_arg erase_args[] = {
	ARG_ID(struct erase_input, verification, "VER", NULL, false, ID_VERIFICATION,
	    "The verification's id (ver_...)."),
	ARG_TEXT(struct erase_input, person, "person", "EXTERNALID", false, LIMIT_AGE_EXTERNAL_ID,
	    "In its place, all age verifications of a person, by the application's own name for "
	    "them."),
	ARG_ID(struct erase_input, app, "app", "APP", true, ID_APPLICATION,
	    "The application it belongs to (app_...), so that a slip of the pen erases nothing."),
	ARG_FLAG(struct erase_input, yes, "yes",
	    "Means it: needed when a person types the command, not in a script."),
};

struct erased {
	struct uuid id;
	const char *status;
	int64_t erased_at;
};

static const struct ctl_column erased_columns[] = {
	COLUMN_ID(struct erased, id, ID_VERIFICATION),
	COLUMN_TEXT(struct erased, status),
	COLUMN_TIME(struct erased, erased_at),
};

static const struct ctl_column erased_age_columns[] = {
	COLUMN_ID(struct row_operator_ages, id, ID_VERIFICATION),
	COLUMN_TEXT(struct row_operator_ages, environment),
	COLUMN_TEXT(struct row_operator_ages, status),
	COLUMN_TIME(struct row_operator_ages, erased_at),
	COLUMN_TIME(struct row_operator_ages, retain_until),
};

/* An age verification has an outcome of its own, also when it was looked up. */
static enum err find_erased(struct ctl *ctl, struct uuid id, struct erased *ret_erased)
{
	struct row_operator_verification row;
	struct row_operator_ages *ages = NULL;
	size_t count = 0;
	enum err err = q_operator_ages(
	    ctl->ctx.db, ctl->ctx.arena, ctl->ctx.actor.application_id, id, NULL, &ages, &count);

	if (err == ERR_OK && count == 1) {
		*ret_erased = (struct erased){
			.id = id, .status = ages[0].status, .erased_at = ages[0].erased_at
		};
		return ERR_OK;
	}
	if (err == ERR_OK)
		err = q_operator_verification(ctl->ctx.db, ctl->ctx.arena, id, &row);
	if (err == ERR_OK)
		*ret_erased =
		    (struct erased){ .id = id, .status = row.status, .erased_at = row.erased_at };
	return err;
}

static enum err erase_one(struct ctl *ctl, struct uuid id)
{
	struct erased erased;
	enum err err = verification_erase(&ctl->ctx, id);

	if (err == ERR_VERIFICATION_NOT_FOUND)
		return no_such_verification(ctl);
	if (err == ERR_OK)
		err = find_erased(ctl, id, &erased);
	return err == ERR_OK ? ctl_print_one(ctl, erased_columns, &erased) : err;
}

static enum err list_ages(
    struct ctl *ctl, const char *person, struct row_operator_ages **ret_ages, size_t *ret_count)
{
	return q_operator_ages(ctl->ctx.db, ctl->ctx.arena, ctl->ctx.actor.application_id, UUID_NIL,
	    person, ret_ages, ret_count);
}

/* Each in a transaction of its own; what a record keeps does not keep the others. */
static enum err erase_person(struct ctl *ctl, const char *person)
{
	struct row_operator_ages *ages = NULL;
	size_t count = 0, kept = 0;
	enum err err = list_ages(ctl, person, &ages, &count);

	if (err == ERR_OK && count == 0)
		return ctl_fail(ctl, ERR_AGE_NOT_FOUND,
		    "this application knows no age verification of that person");
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = verification_erase(&ctl->ctx, ages[i].id);
		kept += err == ERR_RECORD_KEPT;
		err = err == ERR_RECORD_KEPT ? ERR_OK : err;
	}
	if (err == ERR_OK)
		err = list_ages(ctl, person, &ages, &count);
	if (err == ERR_OK)
		err = ctl_print_list(ctl, erased_age_columns, ages, count, "");
	if (err == ERR_OK && kept > 0)
		err = ctl_fail(ctl, ERR_RECORD_KEPT, "%s", err_sentence(ERR_RECORD_KEPT));
	return err;
}

static enum err erase(struct ctl *ctl, const void *input)
{
	const struct erase_input *in = input;

	if (uuid_is_nil(in->verification) == (in->person == NULL))
		return ctl_misuse(ctl, "name one verification (VER) or one person (--person)");
	if (!in->yes && isatty(STDIN_FILENO))
		return ctl_misuse(
		    ctl, "erasing cannot be undone; say it again with --yes if you mean it");
	ctl->ctx.actor.application_id = in->app;
	return in->person == NULL ? erase_one(ctl, in->verification)
				  : erase_person(ctl, in->person);
}

static const struct ctl_command erase_commands[] = {
	{ .verb = "",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = erase,
	    .args = erase_args,
	    .arg_count = countof(erase_args),
	    .input_size = sizeof(struct erase_input),
	    .summary = "erase the person from a verification, keep the outcome",
	    .help = "Erases the sealed personal data of a verification and the index that finds it "
		    "by number; the outcome stays. One that is still pending ends as error, an age "
		    "verification as resubmit_required with its pictures gone. With --person all "
		    "age verifications of one person are erased. One that a performer's record "
		    "was made of is kept, and the exit status is 1. Erasing cannot be undone (but "
		    "a backup may still hold the data)." },
};

const struct ctl_noun noun_erase = {
	.word = "erase",
	.summary = "Erases the person from a verification.",
	.commands = erase_commands,
	.count = countof(erase_commands),
};
