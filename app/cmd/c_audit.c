/* SPDX-License-Identifier: Apache-2.0 */
/* c_audit.c: who changed what, when, and from where. */
#include "c_org.h"

#include <string.h>

#include "audit.h"
#include "limits.h"
#include "org.h"

#define LIST_DEFAULT 50

/* The words of AUDIT in core/state.def. */
#define ACTION_WORD(group, name, word) "|" word
#define ACTION_WORDS "" STATE_AUDIT(ACTION_WORD)
#define ACTION_ROW(group, name, word) word,

static const char *const action_words[] = { STATE_AUDIT(ACTION_ROW) };

struct audit_input {
	struct uuid org;
	const char *actor;
	const char *subject;
	const char *action;
	int64_t since;
	int64_t until;
	int64_t limit;
};

static const struct ctl_arg audit_args[] = {
	ARG_ID(struct audit_input, org, "org", "ORG", false, ID_ORGANIZATION,
	    "Only what was done in this organisation (org_...)."),
	ARG_TEXT(struct audit_input, actor, "actor", "WHO", false, LIMIT_ACTOR_NAME,
	    "Only what this one did: the id of an API key (key_...), of an account (a UUID), or an "
	    "operator's login name."),
	ARG_TEXT(struct audit_input, subject, "subject", "ID", false, LIMIT_ACTOR_NAME,
	    "Only what was done to this: an id of any kind."),
	ARG_TIME(
	    struct audit_input, since, "since", "TIME", false, "Only what was done since then."),
	ARG_TIME(struct audit_input, until, "until", "TIME", false,
	    "Only what was done until then; a date means its beginning."),
	ARG_INT(struct audit_input, limit, "limit", "N", 1, LIMIT_DB_ROWS, LIST_DEFAULT,
	    "At most so many, the newest (default 50)."),
	{ .type = CTL_WORD,
	    .name = "action",
	    .value = "ACTION",
	    .offset = MEMBER_IS(const char *, struct audit_input, action),
	    .words = &ACTION_WORDS[1],
	    .sentence = "Only what this word says:",
	    .list = action_words,
	    .list_count = countof(action_words) },
};

/* ---- what is asked for -------------------------------------------------------------------------- */

/* An id that was mistyped is not an operator's name. */
static bool looks_like_id(const char *text)
{
	size_t len = strcspn(text, "_");

	for (int kind = 0; kind < ID__MAX; kind++) {
		const char *prefix = id_prefix((enum id_kind)kind);
		if (text[len] == '_' && strlen(prefix) == len && memcmp(prefix, text, len) == 0)
			return true;
	}
	return false;
}

static enum err read_actor(struct ctl *ctl, const char *text, struct audit_filter *filter)
{
	if (text == NULL || id_parse_any(text, &filter->actor_id) == ERR_OK)
		return ERR_OK;
	if (looks_like_id(text))
		return ctl_misuse(ctl, "--actor \"%s\" is no id: is it all there?", text);
	filter->actor_name = text;
	return ERR_OK;
}

static enum err read_filter(
    struct ctl *ctl, const struct audit_input *in, struct audit_filter *ret_filter)
{
	struct audit_filter filter = { .organization_id = in->org,
		.action = in->action,
		.from_ms = in->since,
		.to_ms = in->until,
		.limit = in->limit };
	struct row_org_get org;
	enum err err = ERR_OK;

	if (in->since != TIME_NONE && in->until != TIME_NONE && in->since > in->until)
		return ctl_misuse(ctl, "--since must not be later than --until");
	if (in->subject != NULL && id_parse_any(in->subject, &filter.subject_id) != ERR_OK)
		return ctl_misuse(ctl,
		    "--subject takes an id such as key_... with 26 characters, or a UUID, not "
		    "\"%s\"",
		    in->subject);
	err = read_actor(ctl, in->actor, &filter);
	/* A mistyped one is not one where nothing was done. */
	if (err == ERR_OK && !uuid_is_nil(in->org))
		err = org_get(&ctl->ctx, in->org, &org);
	if (err == ERR_MISSING)
		return no_such_org(ctl, in->org);
	*ret_filter = filter;
	return err;
}

/* ---- what is shown ------------------------------------------------------------------------------ */

struct shown {
	struct uuid id;
	int64_t created_at;
	const char *action;
	const char *actor_kind;
	const char *actor;
	const char *subject_id;
	const char *address;
	const char *detail;
	struct uuid organization_id;
	struct uuid application_id;
	const char *request_id;
};

#define ONLY_JSON(column_name, column_type, member, kind) \
	{ \
		.name = column_name, .type = column_type, \
		.offset = offsetof(struct shown, member), .id = kind, .json_only = true \
	}

static const struct ctl_column columns[] = {
	ONLY_JSON("id", CELL_ID, id, ID_UUID),
	COLUMN_TIME(struct shown, created_at),
	COLUMN_TEXT(struct shown, action),
	COLUMN_TEXT(struct shown, actor_kind),
	COLUMN_TEXT(struct shown, actor),
	COLUMN_TEXT(struct shown, subject_id),
	COLUMN_TEXT(struct shown, address),
	COLUMN_TEXT(struct shown, detail),
	ONLY_JSON("organization_id", CELL_ID, organization_id, ID_ORGANIZATION),
	ONLY_JSON("application_id", CELL_ID, application_id, ID_APPLICATION),
	ONLY_JSON("request_id", CELL_TEXT, request_id, ID_UUID),
};

/* In the arena; NULL for the nil id. */
static const char *text_of(struct ctl *ctl, enum id_kind kind, struct uuid id)
{
	char text[ID_TEXT_SIZE];

	if (uuid_is_nil(id))
		return NULL;
	id_text(kind, id, text);
	return arena_strdup(ctl->ctx.arena, text);
}

static struct shown shown_of(struct ctl *ctl, const struct row_audit_page *row)
{
	bool is_key = strcmp(row->actor_kind, actor_kind_word(ACTOR_KEY)) == 0;
	const char *actor = text_of(ctl, is_key ? ID_KEY : ID_UUID, row->actor_id);

	return (struct shown){ .id = row->id,
		.created_at = row->created_at,
		.action = row->action,
		.actor_kind = row->actor_kind,
		.actor = actor == NULL ? row->actor_name : actor,
		.subject_id = text_of(ctl, audit_subject_kind(row->action), row->subject_id),
		.address = row->address,
		.detail = row->detail,
		.organization_id = row->organization_id,
		.application_id = row->application_id,
		.request_id = row->request_id };
}

static enum err audit(struct ctl *ctl, const void *input)
{
	const struct audit_input *in = input;
	struct row_audit_page *rows = NULL;
	struct audit_filter filter;
	size_t count = 0;
	enum err err = read_filter(ctl, in, &filter);

	if (err == ERR_OK)
		err = audit_list(&ctl->ctx, &filter, &rows, &count);
	if (err != ERR_OK)
		return err;
	struct shown *shown = arena_array(ctl->ctx.arena, count + 1, sizeof(*shown));
	for (size_t i = 0; i < count && shown != NULL; i++)
		shown[i] = shown_of(ctl, &rows[i]);
	if (shown == NULL || arena_overflowed(ctl->ctx.arena))
		return ERR_NOMEM;
	return ctl_print_list(ctl, columns, shown, count, "There are no such entries.");
}

static const struct ctl_command commands[] = {
	{ .verb = "",
	    .needs = CTL_DB,
	    .run = audit,
	    .args = audit_args,
	    .arg_count = countof(audit_args),
	    .input_size = sizeof(struct audit_input),
	    .summary = "show who changed what, newest first",
	    .help =
		"Shows the audit log: every change of keys, webhooks, organisations, "
		"applications, members and accounts, and who logged in, with who did it, from "
		"which address, and (in JSON) by which request. Entries are never changed; they "
		"go after audit_keep_days." },
};

const struct ctl_noun noun_audit = {
	.word = "audit",
	.summary = "The audit log: who changed what, when, and from where.",
	.commands = commands,
	.count = countof(commands),
};
