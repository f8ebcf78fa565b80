/* SPDX-License-Identifier: Apache-2.0 */
/* r_plain.c: verification sessions as the plain family shows them (contract/sessions.md,
 * reference/four.md section 2.4). Core writes the session_record, because events carry it too; here
 * is what the document says of it. */
#include "session.h"

#include <string.h>

#include "address.h"
#include "clock.h"
#include "page.h"
#include "sets.h"
#include "web.h"

#define PLAIN_PAGE_DEFAULT 50
#define HOUR_S 3600
#define LIST_NAME "plain sessions"

/* ---- what comes in ------------------------------------------------------------------------------ */

struct plain_input {
	const char *first_name;
	const char *last_name;
	const char *email;
	const char *phone;
	const char *external_id;
	struct uuid workflow_id;
	const char *redirect_url;
	int64_t expires_in_hours;
	bool send_email_invite;
	bool send_phone_invite;
	const char *language;
};

static void check_plain(const void *filled, struct complaints *complaints)
{
	const struct plain_input *in = filled;

	if (in->email != NULL && !address_check(in->email))
		complain(complaints, "email", "must be a mail address");
}

static const struct field plain_in_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct plain_input, first_name, "firstName"), .alias = "first_name",
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_NAME,
	    .sentence = "Given name of the person. Required.", .example = "\"Amara\"" },
	{ ROW_TEXT(FIELD_TEXT, struct plain_input, last_name, "lastName"), .alias = "last_name",
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_NAME,
	    .sentence = "Family name. Required.", .example = "\"Diallo\"" },
	{ ROW_TEXT(FIELD_TEXT, struct plain_input, email, "email"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_EMAIL,
	    .sentence = "Where the invitation goes.", .example = "\"amara@example.org\"" },
	{ ROW_TEXT(FIELD_TEXT, struct plain_input, phone, "phone"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = LIMIT_PHONE, .pattern = "\\+[1-9][0-9]{9,14}",
	    .pattern_words = "must be a number in E.164 form, such as +221771234567",
	    .sentence = "The person's telephone number, E.164.", .example = "\"+221771234567\"" },
	{ ROW_TEXT(FIELD_TEXT, struct plain_input, external_id, "externalId"),
	    .alias = "external_id", .flags = FIELD_NULLABLE, .min = 1, .max = LIMIT_EXTERNAL_REF,
	    .sentence = "Your own name for it.", .example = "\"user_001\"" },
	{ ROW_ID(ID_UUID, struct plain_input, workflow_id, "workflowId"), .alias = "workflow_id",
	    .flags = FIELD_NULLABLE,
	    .sentence = "What is asked of the person; the document alone when absent." },
	{ ROW_TEXT(FIELD_TEXT, struct plain_input, redirect_url, "redirectUrl"),
	    .alias = "redirect_url", .flags = FIELD_NULLABLE, .min = 1, .max = LIMIT_URL,
	    .sentence = "Where the person goes in the end; https, no credentials.",
	    .example = "\"https://shop.example/welcome\"" },
	{ ROW_I64(FIELD_INT, struct plain_input, expires_in_hours, "expiresInHours"),
	    .alias = "expires_in_hours", .flags = FIELD_NULLABLE, .min = 1,
	    .max = LIMIT_SESSION_TTL_H, .initial = DB_NULL,
	    .sentence = "How long the person has; as the server is set when absent.",
	    .example = "72" },
	{ ROW_BOOL(struct plain_input, send_email_invite, "sendEmailInvite"),
	    .alias = "send_email_invite", .initial = 1,
	    .sentence = "Mail the link to the person, where the server can send mail." },
	{ ROW_BOOL(struct plain_input, send_phone_invite, "sendPhoneInvite"),
	    .alias = "send_phone_invite", .initial = 1,
	    .sentence = "Accepted, and recorded as not configured: nothing here sends texts." },
	{ ROW_TEXT(FIELD_WORD, struct plain_input, language, "language"), .flags = FIELD_NULLABLE,
	    .words = &language_words,
	    .sentence = "Of page and mail; the person's browser decides when absent." },
};
const struct field_set plain_request = { .name = "PlainSessionRequest",
	.rows = plain_in_rows,
	.count = countof(plain_in_rows),
	.struct_size = sizeof(struct plain_input),
	.rule = check_plain };

struct plain_query {
	int64_t limit;
	const char *next_token;
	int64_t from_ms;
	int64_t to_ms;
	const char *external_id;
	struct uuid workflow_id;
};

static const struct field plain_query_rows[] = {
	{ ROW_I64(FIELD_INT, struct plain_query, limit, "limit"), .min = 1,
	    .max = LIMIT_SESSION_PAGE, .initial = PLAIN_PAGE_DEFAULT,
	    .sentence = "Results per page." },
	{ ROW_TEXT(FIELD_TEXT, struct plain_query, next_token, "next_token"), .min = 1,
	    .max = LIMIT_CURSOR, .sentence = "next_token of the page before." },
	{ ROW_I64(FIELD_TIME, struct plain_query, from_ms, "start_date"),
	    .sentence = "Only those made at this time or later.", .example = "\"2026-05-01\"" },
	{ ROW_I64(FIELD_TIME, struct plain_query, to_ms, "end_date"), .flags = FIELD_DAY_END,
	    .sentence = "Only those made at this time or earlier; a date means its whole day.",
	    .example = "\"2026-05-31\"" },
	{ ROW_TEXT(FIELD_TEXT, struct plain_query, external_id, "external_id"), .min = 1,
	    .max = LIMIT_EXTERNAL_REF, .sentence = "Only those with this name of yours.",
	    .example = "\"user_001\"" },
	{ ROW_ID(ID_UUID, struct plain_query, workflow_id, "workflow_id"),
	    .sentence = "Only those of this workflow." },
};
const struct field_set plain_query =
    FIELD_SET("PlainSessionQuery", plain_query_rows, struct plain_query);

struct plain_verdict {
	const char *status;
};

static const char *const verdicts[] = { "VERIFIED", "REJECTED" };
static const struct word_list verdict_words = { "Verdict", countof(verdicts), verdicts };

static const struct field verdict_rows[] = {
	{ ROW_TEXT(FIELD_WORD, struct plain_verdict, status, "new_status"), .flags = FIELD_REQUIRED,
	    .words = &verdict_words, .sentence = "What you decide.", .example = "\"VERIFIED\"" },
};
const struct field_set plain_decision =
    FIELD_SET("PlainStatusRequest", verdict_rows, struct plain_verdict);

/* ---- what goes out ------------------------------------------------------------------------------ */

struct plain_link {
	const char *rel;
	const char *href;
};

static const struct field link_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct plain_link, rel, "rel"),
	    .sentence = "What is there: the session itself, or its page.",
	    .example = "\"session\"" },
	{ ROW_TEXT(FIELD_TEXT, struct plain_link, href, "href"), .sentence = "Where.",
	    .example = "\"https://kyc.example.org/verify/vs_01h455vb4pex5vsknk084sn02q\"" },
};
static const struct field_set link_item = FIELD_SET("PlainLink", link_rows, struct plain_link);

struct plain_shown {
	struct session session;
	const char *session_url;
	struct plain_link *links;
	size_t link_count;
};

static const struct field made_rows[] = {
	{ ROW_ID(ID_UUID, struct plain_shown, session.id, "id"), .sentence = "The session." },
	{ ROW_TEXT(FIELD_TEXT, struct plain_shown, session_url, "session_url"),
	    .sentence = "Where to send the person.",
	    .example = "\"https://kyc.example.org/verify/vs_01h455vb4pex5vsknk084sn02q\"" },
	{ ROW_TEXT(FIELD_TEXT, struct plain_shown, session.external_id, "externalId"),
	    .flags = FIELD_OPTIONAL, .sentence = "Your own name for it; there where you sent one.",
	    .example = "\"user_001\"" },
	{ ROW_I64(FIELD_TIME, struct plain_shown, session.expires_at_ms, "expires_at"),
	    .sentence = "Until when the person can finish." },
	{ ROW_OBJECTS(struct plain_shown, links, link_count, &link_item, "links"),
	    .sentence = "The same as links." },
};
const struct field_set plain_made = FIELD_SET("PlainSessionMade", made_rows, struct plain_shown);

/* ---- what core writes: rows for the document, of no struct --------------------------------------- */

#define SET_OF(text, array) \
	{ \
		.name = text, .rows = array, .count = countof(array) \
	}
#define NOTHING_YET(kind, text) \
	{ \
		.type = kind, .name = text, .id_kind = ID_UUID, .flags = FIELD_NULLABLE, \
		.sentence = "Null: this server has no such thing." \
	}

static const char *const statuses[] = { "PENDING", "SUBMITTED", "VERIFIED", "REJECTED", "FAILED",
	"VOIDED", "EXPIRED" };
static const struct word_list status_words = { "PlainStatus", countof(statuses), statuses };
_Static_assert(countof(statuses) == SESSION__MAX, "one word for each of state.def");

static const char *const types[] = { "verification", "session" };
static const struct word_list type_words = { "PlainType", countof(types), types };

static const char *const progress[] = { "PENDING", "STARTED", "COMPLETED" };
static const struct word_list progress_words = { "PlainProgress", countof(progress), progress };

static const struct field failed_rows[] = {
	{ .type = FIELD_TEXT,
	    .name = "reason",
	    .sentence = "Why: an attempt's failure_code, in capitals.",
	    .example = "\"DOCUMENT_DATA_INVALID\"" },
	NOTHING_YET(FIELD_TEXT, "slot"),
	{ .type = FIELD_TIME, .name = "failedAt", .sentence = "When." },
};
static const struct field_set failed_item = SET_OF("PlainFailedAttempt", failed_rows);

static const struct field failure_rows[] = {
	{ .type = FIELD_INT,
	    .name = "failedAttempts",
	    .max = LIMIT_SESSION_ATTEMPTS,
	    .sentence = "How many count." },
	{ .type = FIELD_OBJECTS,
	    .name = "attempts",
	    .set = &failed_item,
	    .sentence = "All that failed, oldest first." },
};
static const struct field_set failure_item = SET_OF("PlainFailures", failure_rows);

#define INVITATION_ROW(text, words_of_it) \
	{ \
		.type = FIELD_WORD, .name = text, .words = &invite_state_words, \
		.sentence = words_of_it \
	}

static const struct field invitation_rows[] = {
	INVITATION_ROW("email", "The mail with the link."),
	INVITATION_ROW("phone", "The text message, which nothing here sends."),
};
static const struct field_set invitation_item = SET_OF("PlainInvitations", invitation_rows);

static const struct field meta_rows[] = {
	{ .type = FIELD_OBJECT,
	    .name = "failureData",
	    .set = &failure_item,
	    .flags = FIELD_NULLABLE,
	    .sentence = "What failed so far; null while nothing did." },
	{ .type = FIELD_OBJECT,
	    .name = "invitations",
	    .set = &invitation_item,
	    .sentence = "What became of them." },
};
static const struct field_set meta_item = SET_OF("PlainMetaData", meta_rows);

static const struct field record_rows[] = {
	{ .type = FIELD_ID, .name = "id", .id_kind = ID_UUID, .sentence = "The session." },
	{ .type = FIELD_ID,
	    .name = "organization_id",
	    .id_kind = ID_UUID,
	    .sentence = "Whose it is." },
	NOTHING_YET(FIELD_ID, "user_id"),
	NOTHING_YET(FIELD_ID, "sender_user_id"),
	{ .type = FIELD_TEXT,
	    .name = "external_id",
	    .flags = FIELD_NULLABLE,
	    .sentence = "Your own name for it.",
	    .example = "\"user_001\"" },
	NOTHING_YET(FIELD_TEXT, "permalink_id"),
	NOTHING_YET(FIELD_JSON, "location"),
	{ .type = FIELD_WORD,
	    .name = "status",
	    .words = &status_words,
	    .sentence = "PENDING until the person submits; VOIDED: called off." },
	{ .type = FIELD_WORD,
	    .name = "type",
	    .words = &type_words,
	    .sentence = "session where there is a workflow." },
	{ .type = FIELD_WORD,
	    .name = "session_progress",
	    .words = &progress_words,
	    .sentence = "How far the person is: page opened, all done." },
	{ .type = FIELD_TIME, .name = "created_at", .sentence = "When it was made." },
	{ .type = FIELD_TIME, .name = "updated_at", .sentence = "When it last changed." },
	{ .type = FIELD_TIME,
	    .name = "submitted_at",
	    .flags = FIELD_NULLABLE,
	    .sentence = "When the person last submitted." },
	{ .type = FIELD_ID,
	    .name = "workflow_id",
	    .id_kind = ID_UUID,
	    .flags = FIELD_NULLABLE,
	    .sentence = "What is asked of the person; null: the document alone." },
	{ .type = FIELD_WORDS,
	    .name = "workflow_steps",
	    .words = &workflow_step_words,
	    .sentence = "The steps, in their order." },
	{ .type = FIELD_TIME,
	    .name = "expires_at",
	    .sentence = "Until when the person can finish." },
	{ .type = FIELD_TEXT,
	    .name = "redirect_url",
	    .flags = FIELD_NULLABLE,
	    .sentence = "Where the person goes in the end.",
	    .example = "\"https://shop.example/welcome\"" },
	NOTHING_YET(FIELD_ID, "bank_statement_request_id"),
	NOTHING_YET(FIELD_ID, "deep_sign_id"),
	NOTHING_YET(FIELD_ID, "face_liveness_session_id"),
	NOTHING_YET(FIELD_JSON, "uploads"),
	NOTHING_YET(FIELD_JSON, "analysis_data"),
	{ .type = FIELD_OBJECT,
	    .name = "meta_data",
	    .set = &meta_item,
	    .sentence = "What else there is to tell." },
};
const struct field_set session_record = SET_OF("SessionRecord", record_rows);

static const struct field page_rows[] = {
	{ .type = FIELD_OBJECTS,
	    .name = "sessions",
	    .set = &session_record,
	    .sentence = "Newest first." },
	{ .type = FIELD_TEXT,
	    .name = "next_token",
	    .flags = FIELD_NULLABLE,
	    .sentence = "Send it for the next page; null on the last one." },
};
const struct field_set plain_page = SET_OF("PlainSessionPage", page_rows);

static const struct field user_rows[] = {
	NOTHING_YET(FIELD_ID, "id"),
	{ .type = FIELD_TEXT,
	    .name = "email",
	    .flags = FIELD_NULLABLE,
	    .sentence = "As you sent it.",
	    .example = "\"amara@example.org\"" },
	{ .type = FIELD_TEXT,
	    .name = "first_name",
	    .flags = FIELD_NULLABLE,
	    .sentence = "As you sent it.",
	    .example = "\"Amara\"" },
	{ .type = FIELD_TEXT,
	    .name = "last_name",
	    .flags = FIELD_NULLABLE,
	    .sentence = "As you sent it.",
	    .example = "\"Diallo\"" },
	{ .type = FIELD_TEXT,
	    .name = "phone",
	    .flags = FIELD_NULLABLE,
	    .sentence = "As you sent it.",
	    .example = "\"+221771234567\"" },
	{ .type = FIELD_TIME, .name = "created_at", .sentence = "When the session was made." },
	{ .type = FIELD_TIME, .name = "updated_at", .sentence = "The same." },
};
static const struct field_set user_item = SET_OF("PlainUser", user_rows);

static const struct field full_rows[] = {
	{ .type = FIELD_OBJECT,
	    .name = "session_record",
	    .set = &session_record,
	    .sentence = "The session." },
	{ .type = FIELD_JSON,
	    .name = "resource_links",
	    .sentence = "Empty: this server keeps no media.",
	    .example = "{}" },
	{ .type = FIELD_OBJECT,
	    .name = "user",
	    .set = &user_item,
	    .flags = FIELD_NULLABLE,
	    .sentence = "The person as you sent them; null where you did not, or once erased." },
	NOTHING_YET(FIELD_JSON, "sender_user"),
};
const struct field_set plain_full = SET_OF("PlainSession", full_rows);

static const struct field decided_rows[] = {
	{ .type = FIELD_OBJECT,
	    .name = "session_record",
	    .set = &session_record,
	    .sentence = "The session as it is now." },
};
const struct field_set plain_decided = SET_OF("PlainSessionDecided", decided_rows);

/* ---- handlers ----------------------------------------------------------------------------------- */

static struct session_new new_of(const struct web *web, const struct plain_input *in)
{
	return (struct session_new){ .family = VIA_PLAIN,
		.environment = web->ctx.actor.environment,
		.redirect_url = in->redirect_url,
		.external_id = in->external_id,
		.language = in->language,
		.workflow_id = in->workflow_id,
		.ttl_s = in->expires_in_hours == DB_NULL ? 0 : in->expires_in_hours * HOUR_S,
		.invite_email = in->send_email_invite,
		.invite_phone = in->send_phone_invite,
		.subject = { .first_name = in->first_name,
		    .last_name = in->last_name,
		    .email = in->email,
		    .phone = in->phone } };
}

enum err plain_make(struct web *web)
{
	const struct plain_input *in = WEB_INPUT(web, struct plain_input);
	struct session_new input = new_of(web, in);
	struct plain_link link = { .rel = "session" };
	struct plain_shown shown = { .links = &link, .link_count = 1 };
	const char *token;
	enum err err = session_create(&web->ctx, &input, &shown.session, &token);

	if (err == ERR_OK)
		err = session_url(&web->ctx, shown.session.id, &shown.session_url);
	link.href = shown.session_url;
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

/* What a token of the list is bound to beside the tenant. */
static const char *filters_text(struct web *web, const struct plain_query *query)
{
	char workflow[ID_TEXT_SIZE];

	id_text(ID_UUID, query->workflow_id, workflow);
	return arena_printf(web->arena, "%lld %lld %s %s", (long long)query->from_ms,
	    (long long)query->to_ms, workflow,
	    query->external_id == NULL ? "" : query->external_id);
}

/* {"sessions":[…],"next_token":…} */
static enum err page_reply(
    struct web *web, const char *filters, const struct session *sessions, size_t count, bool more)
{
	char token[CURSOR_TEXT_SIZE] = "";
	json_t *records = json_array();

	if (more) {
		enum err err =
		    cursor_make(&web->ctx, LIST_NAME, filters, sessions[count - 1].id, token);
		if (err != ERR_OK) {
			json_decref(records);
			return err;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(records, session_record_json(&sessions[i])) != 0) {
			json_decref(records);
			return ERR_NOMEM;
		}
	}
	return reply_json(
	    web, json_pack("{s:o, s:s?}", "sessions", records, "next_token", more ? token : NULL));
}

enum err plain_index(struct web *web)
{
	const struct plain_query *query = WEB_QUERY(web, struct plain_query);
	struct session_filter filter = { .external_id = query->external_id,
		.workflow_id = query->workflow_id,
		.from_ms = query->from_ms,
		.to_ms = query->to_ms,
		.limit = query->limit,
		.with_attempts = true };
	const char *filters = filters_text(web, query);
	struct session *sessions = NULL;
	size_t count = 0;
	bool more = false;

	if (filters == NULL)
		return ERR_NOMEM;
	if (query->from_ms != TIME_NONE && query->to_ms != TIME_NONE &&
	    query->from_ms > query->to_ms)
		return web_complain(web, "start_date", "must not be later than end_date");
	if (query->next_token != NULL &&
	    cursor_read(&web->ctx, LIST_NAME, filters, query->next_token, &filter.after) != ERR_OK)
		return web_complain(web, "next_token", "is not a token of this list");
	enum err err = session_list(&web->ctx, &filter, &sessions, &count, &more);
	return err == ERR_OK ? page_reply(web, filters, sessions, count, more) : err;
}

/* The person as the business sent them; null where it did not. */
static json_t *user_of(const struct session *session)
{
	const struct session_subject *subject = &session->subject;
	char created[TIME_TEXT_SIZE];

	if (subject->first_name == NULL && subject->last_name == NULL && subject->email == NULL &&
	    subject->phone == NULL)
		return json_null();
	time_text(session->created_at_ms, created);
	return json_pack("{s:n, s:s?, s:s?, s:s?, s:s?, s:s, s:s}", "id", "email", subject->email,
	    "first_name", subject->first_name, "last_name", subject->last_name, "phone",
	    subject->phone, "created_at", created, "updated_at", created);
}

enum err plain_show(struct web *web)
{
	struct session session;
	struct uuid id;
	enum err err = web_param_session(web, 0, &id);

	if (err == ERR_OK)
		err = session_get(&web->ctx, id, true, true, &session);
	if (err != ERR_OK)
		return err;
	return reply_json(
	    web, json_pack("{s:o, s:{}, s:o, s:n}", "session_record", session_record_json(&session),
		     "resource_links", "user", user_of(&session), "sender_user"));
}

enum err plain_decide(struct web *web)
{
	const struct plain_verdict *in = WEB_INPUT(web, struct plain_verdict);
	enum session_status to =
	    strcmp(in->status, verdicts[0]) == 0 ? SESSION_VERIFIED : SESSION_REJECTED;
	struct session session;
	struct uuid id;
	enum err err = web_param_session(web, 0, &id);

	if (err == ERR_OK)
		err = session_set_status(&web->ctx, id, to, &session);
	if (err == ERR_OK)
		err = session_get(&web->ctx, id, true, false, &session);
	if (err != ERR_OK)
		return err;
	return reply_json(web, json_pack("{s:o}", "session_record", session_record_json(&session)));
}
