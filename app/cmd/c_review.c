/* SPDX-License-Identifier: Apache-2.0 */
/* c_review.c: the review of age verifications by the operator who is logged in. */
#include "ctl.h"

#include "age_review.h"
#include "clock.h"
#include "limits.h"
#include "media.h"
#include "str.h"

#define LIST_DEFAULT 50
#define LINK_S 600 /* for which a link to a picture works */

static enum err no_such_case(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_AGE_NOT_FOUND,
	    "there is no such age verification; \"bonafide review list\" shows those that wait");
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
	    "At most so many, the oldest (default 50)."),
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct row_age_review_page, id, ID_VERIFICATION),
	COLUMN_ID(struct row_age_review_page, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct row_age_review_page, environment),
	COLUMN_TEXT(struct row_age_review_page, level),
	COLUMN_TEXT(struct row_age_review_page, status),
	COLUMN_TEXT(struct row_age_review_page, cause),
	COLUMN_TEXT(struct row_age_review_page, reviewer),
	COLUMN_TIME(struct row_age_review_page, claimed_until),
	COLUMN_TIME(struct row_age_review_page, created_at),
};

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct row_age_review_page *rows = NULL;
	size_t count = 0;
	enum err err = age_review_list(&ctl->ctx, in->app, in->limit, &rows, &count);

	return err == ERR_OK
		   ? ctl_print_list(ctl, list_columns, rows, count, "Nothing waits for a reviewer.")
		   : err;
}

/* ---- one case ------------------------------------------------------------------------------------- */

/* A case as it is printed. */
struct shown {
	struct uuid id;
	struct uuid application_id;
	const char *environment;
	const char *external_id;
	const char *level;
	const char *status;
	const char *cause;
	int64_t estimated_age;
	const char *document_country;
	const char *document_type;
	const char *document_number;
	const char *first_name;
	const char *last_name;
	const char *date_of_birth;
	const char *reviewer;
	int64_t claimed_until;
	int64_t expires_at;
	int64_t created_at;
	int64_t updated_at;
};

static const struct ctl_column case_columns[] = {
	COLUMN_ID(struct shown, id, ID_VERIFICATION),
	COLUMN_ID(struct shown, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct shown, environment),
	COLUMN_TEXT(struct shown, external_id),
	COLUMN_TEXT(struct shown, level),
	COLUMN_TEXT(struct shown, status),
	COLUMN_TEXT(struct shown, cause),
	COLUMN_INT(struct shown, estimated_age),
	COLUMN_TEXT(struct shown, document_country),
	COLUMN_TEXT(struct shown, document_type),
	COLUMN_TEXT(struct shown, document_number),
	COLUMN_TEXT(struct shown, first_name),
	COLUMN_TEXT(struct shown, last_name),
	COLUMN_TEXT(struct shown, date_of_birth),
	COLUMN_TEXT(struct shown, reviewer),
	COLUMN_TIME(struct shown, claimed_until),
	COLUMN_TIME(struct shown, expires_at),
	COLUMN_TIME(struct shown, created_at),
	COLUMN_TIME(struct shown, updated_at),
};

struct shown_medium {
	const char *what;
	const char *link;
};

static const struct ctl_column media_columns[] = {
	COLUMN_TEXT(struct shown_medium, what),
	COLUMN_TEXT(struct shown_medium, link),
};

static struct shown shown_of(const struct age_case *found)
{
	return (struct shown){ .id = found->age.id,
		.application_id = found->application_id,
		.environment = found->environment,
		.external_id = found->age.external_id,
		.level = found->age.level_word,
		.status = found->age.status_word,
		.cause = found->cause == CAUSE_NONE ? NULL : age_cause_word(found->cause),
		.estimated_age = found->age.estimated_age,
		.document_country = found->age.country,
		.document_type = found->document_type,
		.document_number = found->document.number,
		.first_name = found->document.first_name,
		.last_name = found->document.last_name,
		.date_of_birth = found->document.date_of_birth,
		.reviewer = found->reviewer,
		.claimed_until = found->claimed_until_ms,
		.expires_at = found->age.expires_at_ms,
		.created_at = found->age.created_at_ms,
		.updated_at = found->age.updated_at_ms };
}

/* Links that work for a short while, for whoever has them. */
static enum err link_media(
    struct ctl *ctl, const struct age_case *found, struct shown_medium *media, size_t *ret_count)
{
	size_t count = 0;

	for (int i = 0; i < UPLOAD__MAX; i++) {
		const char *path = NULL;
		if (uuid_is_nil(found->uploads[i]))
			continue;
		enum err err = media_link(&ctl->ctx, found->uploads[i], LINK_S, &path);
		if (err != ERR_OK)
			return err;
		const char *link =
		    arena_printf(ctl->ctx.arena, "%s%s", ctl->ctx.settings->public_url, path);
		if (link == NULL)
			return ERR_NOMEM;
		media[count++] = (struct shown_medium){ age_upload_name((enum age_upload)i), link };
	}
	*ret_count = count;
	return ERR_OK;
}

static enum err print(struct ctl *ctl, const struct age_case *found, bool with_media)
{
	struct shown shown = shown_of(found);
	struct shown_medium media[UPLOAD__MAX];
	size_t count = 0;
	enum err err = with_media ? link_media(ctl, found, media, &count) : ERR_OK;
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = case_columns,
		    .column_count = countof(case_columns),
		    .rows = &shown,
		    .row_size = sizeof(shown),
		    .count = 1 },
		{ .name = "media",
		    .columns = media_columns,
		    .column_count = countof(media_columns),
		    .rows = media,
		    .row_size = sizeof(*media),
		    .count = count,
		    .empty = "There are no pictures (any more)." },
	};

	if (err != ERR_OK)
		return err;
	err = ctl_print(ctl, sections, with_media ? 2 : 1);
	if (err == ERR_OK && count > 0)
		ctl_note(ctl,
		    "\nWhoever has such a link can see the picture, for ten minutes; the audit log "
		    "says that it was yours.");
	return err;
}

struct one_input {
	struct uuid id;
	const char *note;
};

static const struct ctl_arg one_args[] = {
	ARG_ID(struct one_input, id, "VERIFICATION", NULL, true, ID_VERIFICATION,
	    "The verification's id (ver_...)."),
};

static const struct ctl_arg decide_args[] = {
	ARG_ID(struct one_input, id, "VERIFICATION", NULL, true, ID_VERIFICATION,
	    "The verification's id (ver_...)."),
	ARG_TEXT(struct one_input, note, "note", "TEXT", false, LIMIT_AUDIT_DETAIL,
	    "Why, for the audit log; nothing personal."),
};

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct age_case found;
	enum err err = age_review_show(&ctl->ctx, in->id, &found);

	if (err == ERR_AGE_NOT_FOUND)
		return no_such_case(ctl);
	return err == ERR_OK ? print(ctl, &found, true) : err;
}

static enum err claim(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct age_case found;
	enum err err = age_review_claim(&ctl->ctx, in->id, &found);

	if (err == ERR_AGE_NOT_FOUND)
		return no_such_case(ctl);
	return err == ERR_OK ? print(ctl, &found, true) : err;
}

static enum err decide(struct ctl *ctl, const struct one_input *in, enum age_status status)
{
	struct age_case found;
	enum err err = age_review_decide(&ctl->ctx, in->id, status, in->note, &found);

	if (err == ERR_AGE_NOT_FOUND)
		return no_such_case(ctl);
	return err == ERR_OK ? print(ctl, &found, false) : err;
}

static enum err approve(struct ctl *ctl, const void *input)
{
	return decide(ctl, input, AGE_APPROVED);
}

static enum err reject(struct ctl *ctl, const void *input)
{
	return decide(ctl, input, AGE_REJECTED);
}

static enum err resubmit(struct ctl *ctl, const void *input)
{
	return decide(ctl, input, AGE_RESUBMIT);
}

#define DECISION(decision_verb, decision_run, decision_summary, decision_help) \
	{ \
		.verb = decision_verb, .needs = CTL_DB | CTL_KEYS, .run = decision_run, \
		.args = decide_args, .arg_count = countof(decide_args), \
		.input_size = sizeof(struct one_input), .summary = decision_summary, \
		.help = decision_help \
	}

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .bare = true,
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list what waits for a reviewer",
	    .help = "Lists the age verifications that wait for a person, the oldest first, and who "
		    "has claimed which. It shows nothing of the persons." },
	{ .verb = "show",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "look at an age verification",
	    .help = "Shows an age verification with the person's document and links to the "
		    "pictures, without claiming it. The audit log keeps who looked." },
	{ .verb = "claim",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = claim,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "take on an age verification",
	    .help = "Claims a case for you, the login name you have on this machine, and shows it. "
		    "For the setting review_claim_min nobody else can claim or decide it; claiming "
		    "again begins that time anew." },
	DECISION("approve", approve, "approve a case you have claimed",
	    "Approves a case that you have claimed, and tells its owner. A person who by the "
	    "document is not 18 years old cannot be approved. Approving full_kyc makes the "
	    "performer's record (\"bonafide record\")."),
	DECISION("reject", reject, "reject a case you have claimed",
	    "Rejects a case that you have claimed, and tells its owner."),
	DECISION("resubmit", resubmit, "ask for better pictures",
	    "Ends a case that you have claimed as resubmit_required: the person is asked to submit "
	    "once more, because the pictures cannot be read, say."),
};

const struct ctl_noun noun_review = {
	.word = "review",
	.summary = "Age verifications that wait for a person to decide.",
	.commands = commands,
	.count = countof(commands),
};
