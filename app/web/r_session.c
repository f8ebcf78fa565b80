/* SPDX-License-Identifier: Apache-2.0 */
/* r_session.c: verification sessions as the session family shows them, their attempts, and the figures
 * of them (contract/sessions.md, reference/kayle.md sections 3, 4 and 9). */
#include "session.h"

#include "page.h"
#include "sets.h"
#include "web.h"

#define CONTRACT_VERSION 1

/* ---- what comes in ------------------------------------------------------------------------------ */

struct session_input {
	const json_t *share_fields;
	const char *redirect_url;
	const char *language;
};

/* What the document says of one requested claim; core/session_share.c reads it. */
static const struct field claim_rows[] = {
	{ .type = FIELD_BOOL,
	    .name = "required",
	    .flags = FIELD_REQUIRED,
	    .initial = DB_NULL,
	    .sentence = "Whether the person may decline to share it." },
	{ .type = FIELD_TEXT,
	    .name = "reason",
	    .flags = FIELD_REQUIRED,
	    .min = 1,
	    .max = LIMIT_SHARE_REASON,
	    .sentence = "Why you ask for it; the person reads this." },
};
static const struct field_set claim_request = {
	.name = "ShareField", .rows = claim_rows, .count = countof(claim_rows)
};

static const struct field session_in_rows[] = {
	{ ROW_JSON(struct session_input, share_fields, "share_fields"), .flags = FIELD_ANY,
	    .set = &claim_request, .max = LIMIT_SHARE_FIELDS,
	    .sentence = "What is asked for, by claim; every static claim, optional, when absent.",
	    .example =
		"{\"age_over_18\":{\"required\":true,\"reason\":\"You must be an adult.\"}}" },
	{ ROW_TEXT(FIELD_TEXT, struct session_input, redirect_url, "redirect_url"),
	    .flags = FIELD_NULLABLE, .min = 1, .max = LIMIT_URL,
	    .sentence = "Where the person goes in the end; https, no credentials.",
	    .example = "\"https://shop.example/welcome\"" },
	{ ROW_TEXT(FIELD_WORD, struct session_input, language, "language"), .flags = FIELD_NULLABLE,
	    .words = &language_words,
	    .sentence = "Of the page; the person's browser decides when absent." },
};
const struct field_set session_request =
    FIELD_SET("SessionRequest", session_in_rows, struct session_input);

struct session_query {
	const char *phase;
	int64_t from_ms;
	int64_t to_ms;
	int64_t limit;
	const char *after;
	bool with_attempts;
};

#define ROW_WITH_ATTEMPTS(object) \
	{ \
		ROW_BOOL(object, with_attempts, "include_attempts"), \
		    .sentence = "Show the attempts too." \
	}

static const struct field session_query_rows[] = {
	ROW_LIMIT(struct session_query),
	ROW_AFTER(struct session_query, "vs", "a session"),
	{ ROW_TEXT(FIELD_WORD, struct session_query, phase, "status"),
	    .words = &session_phase_words, .sentence = "Only those with this status." },
	{ ROW_I64(FIELD_TIME, struct session_query, from_ms, "created_from"),
	    .sentence = "Only those made at this time or later.", .example = "\"2026-05-01\"" },
	{ ROW_I64(FIELD_TIME, struct session_query, to_ms, "created_to"), .flags = FIELD_DAY_END,
	    .sentence = "Only those made at this time or earlier; a date means its whole day.",
	    .example = "\"2026-05-31\"" },
	ROW_WITH_ATTEMPTS(struct session_query),
};
const struct field_set session_query =
    FIELD_SET("SessionQuery", session_query_rows, struct session_query);

struct session_view {
	bool with_attempts;
};

static const struct field session_view_rows[] = { ROW_WITH_ATTEMPTS(struct session_view) };
const struct field_set session_view =
    FIELD_SET("SessionView", session_view_rows, struct session_view);

struct attempt_query {
	const char *session_id;
	const char *status;
	int64_t limit;
	const char *after;
};

static const struct field attempt_query_rows[] = {
	ROW_LIMIT(struct attempt_query),
	ROW_AFTER(struct attempt_query, "va", "an attempt"),
	{ ROW_ID_FILTER(struct attempt_query, session_id, "session_id", "vs", "a session"),
	    .sentence = "Only those of this session; this or status must be there." },
	{ ROW_TEXT(FIELD_WORD, struct attempt_query, status, "status"),
	    .words = &attempt_status_words,
	    .sentence = "Only those with this status; this or session_id must be there." },
};
const struct field_set session_attempt_query =
    FIELD_SET("SessionAttemptQuery", attempt_query_rows, struct attempt_query);

/* ---- what goes out ------------------------------------------------------------------------------ */

static const struct field attempt_rows[] = {
	{ ROW_ID(ID_SESSION_ATTEMPT, struct session_attempt, id, "id"),
	    .sentence = "The attempt." },
	{ ROW_ID(ID_SESSION, struct session_attempt, session_id, "session_id"),
	    .sentence = "Its session." },
	{ ROW_TEXT(FIELD_WORD, struct session_attempt, status_word, "status"),
	    .words = &attempt_status_words,
	    .sentence = "in_progress until it is decided, or the session ended.",
	    .example = "\"succeeded\"" },
	{ ROW_TEXT(FIELD_WORD, struct session_attempt, failure_code, "failure_code"),
	    .flags = FIELD_NULLABLE, .words = &attempt_failure_words,
	    .sentence = "Why it failed; null where it did not." },
	{ ROW_I64(FIELD_RATIO, struct session_attempt, risk_percent, "risk_score"),
	    .sentence = "From 0, nothing stands out, to 1.", .example = "0.0" },
	{ ROW_I64(FIELD_TIME, struct session_attempt, completed_at_ms, "completed_at"),
	    .flags = FIELD_NULLABLE, .sentence = "When it ended; null while in progress.",
	    .example = "\"2026-05-01T10:34:00Z\"" },
	{ ROW_I64(FIELD_TIME, struct session_attempt, created_at_ms, "created_at"),
	    .sentence = "When the person submitted." },
	{ ROW_I64(FIELD_TIME, struct session_attempt, updated_at_ms, "updated_at"),
	    .sentence = "When it last changed." },
};
const struct field_set session_attempt_item =
    FIELD_SET("SessionAttempt", attempt_rows, struct session_attempt);

struct session_shown {
	struct session session;
	int64_t contract_version;
	const char *verification_url;
	const char *cancel_token;         /* NULL: not shown */
	struct session_attempt *attempts; /* NULL: not shown */
};

static const struct field session_rows[] = {
	{ ROW_ID(ID_SESSION, struct session_shown, session.id, "id"), .sentence = "The session." },
	{ ROW_TEXT(FIELD_WORD, struct session_shown, session.phase_word, "status"),
	    .words = &session_phase_words,
	    .sentence = "completed: decided, or three attempts failed; its attempts say which." },
	{ ROW_I64(FIELD_INT, struct session_shown, contract_version, "contract_version"),
	    .min = CONTRACT_VERSION, .max = CONTRACT_VERSION,
	    .sentence = "Of the share contract." },
	{ ROW_TEXT(FIELD_JSON, struct session_shown, session.share_fields, "share_fields"),
	    .sentence = "What is asked for: by claim whether it is required, the reason, and the "
			"source: rc for what you asked for, default for the rest.",
	    .example = "{\"age_over_18\":{\"required\":true,\"reason\":\"You must be an adult.\","
		       "\"source\":\"rc\"}}" },
	{ ROW_TEXT(FIELD_TEXT, struct session_shown, session.redirect_url, "redirect_url"),
	    .flags = FIELD_NULLABLE, .sentence = "Where the person goes in the end.",
	    .example = "\"https://shop.example/welcome\"" },
	{ ROW_TEXT(FIELD_TEXT, struct session_shown, verification_url, "verification_url"),
	    .flags = FIELD_NULLABLE,
	    .sentence = "Where to send the person; null while the server does not know its own "
			"address.",
	    .example = "\"https://kyc.example.org/verify/vs_01h455vb4pex5vsknk084sn02q\"" },
	{ ROW_I64(FIELD_TIME, struct session_shown, session.expires_at_ms, "expires_at"),
	    .sentence = "Until when the person can finish." },
	{ ROW_I64(FIELD_TIME, struct session_shown, session.completed_at_ms, "completed_at"),
	    .flags = FIELD_NULLABLE, .sentence = "When it ended, however it did." },
	{ ROW_I64(FIELD_TIME, struct session_shown, session.created_at_ms, "created_at"),
	    .sentence = "When it was made." },
	{ ROW_I64(FIELD_TIME, struct session_shown, session.updated_at_ms, "updated_at"),
	    .sentence = "When it last changed." },
	{ ROW_TEXT(FIELD_TEXT, struct session_shown, cancel_token, "cancel_token"),
	    .flags = FIELD_OPTIONAL,
	    .sentence = "What the person's page can cancel it with; shown this once.",
	    .example = "\"l2c9z0e7o3x6k1v4b8n5m2q7w0r3t6y9u1i4p8a5s2d7f0g3\"" },
	{ ROW_OBJECTS(struct session_shown, attempts, session.attempts_read, &session_attempt_item,
	      "attempts"),
	    .flags = FIELD_OPTIONAL, .sentence = "Oldest first; there where they were asked for." },
};
const struct field_set session_item = FIELD_SET("Session", session_rows, struct session_shown);

/* ---- handlers ----------------------------------------------------------------------------------- */

/* A session can be looked at where no link to it can be written. */
static enum err shown_of(struct web *web, const struct session *session, bool with_attempts,
    struct session_shown *ret_shown)
{
	static struct session_attempt none;

	*ret_shown =
	    (struct session_shown){ .session = *session, .contract_version = CONTRACT_VERSION };
	if (with_attempts)
		ret_shown->attempts = session->attempts == NULL ? &none : session->attempts;
	enum err err = session_url(&web->ctx, session->id, &ret_shown->verification_url);
	return err == ERR_PUBLIC_URL_MISSING ? ERR_OK : err;
}

enum err session_make(struct web *web)
{
	const struct session_input *in = WEB_INPUT(web, struct session_input);
	struct session_new input = { .family = VIA_SESSION,
		.environment = web->ctx.actor.environment,
		.share_fields = in->share_fields,
		.redirect_url = in->redirect_url,
		.language = in->language };
	struct session_shown shown;
	struct session session;
	const char *token = NULL;
	enum err err = session_create(&web->ctx, &input, &session, &token);

	if (err == ERR_OK)
		err = shown_of(web, &session, false, &shown);
	if (err != ERR_OK)
		return err;
	shown.cancel_token = token;
	shown.verification_url = arena_printf(
	    web->arena, "%s?cancel_token=%s", shown.verification_url, shown.cancel_token);
	return shown.verification_url == NULL ? ERR_NOMEM : reply_object(web, &shown);
}

enum err session_index(struct web *web)
{
	const struct session_query *query = WEB_QUERY(web, struct session_query);
	struct session_filter filter = { .phase = query->phase,
		.from_ms = query->from_ms,
		.to_ms = query->to_ms,
		.limit = query->limit,
		.with_attempts = query->with_attempts };
	struct session *sessions = NULL;
	size_t count = 0;
	bool more = false;
	enum err err = web_after(ID_SESSION, query->after, &filter.after);

	if (query->from_ms != TIME_NONE && query->to_ms != TIME_NONE &&
	    query->from_ms > query->to_ms)
		return web_complain(web, "created_from", "must not be later than created_to");
	if (err == ERR_OK)
		err = session_list(&web->ctx, &filter, &sessions, &count, &more);
	struct session_shown *shown = arena_array(web->arena, count, sizeof(*shown));
	if (err == ERR_OK && shown == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = shown_of(web, &sessions[i], query->with_attempts, &shown[i]);
	return err == ERR_OK ? reply_more(web, shown, count, more) : err;
}

enum err session_show(struct web *web)
{
	const struct session_view *view = WEB_QUERY(web, struct session_view);
	struct session_shown shown;
	struct session session;
	struct uuid id;
	enum err err = web_param_session(web, 0, &id);

	if (err == ERR_OK)
		err = session_get(&web->ctx, id, view->with_attempts, false, &session);
	if (err == ERR_OK)
		err = shown_of(web, &session, view->with_attempts, &shown);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err session_end(struct web *web)
{
	struct uuid id;
	enum err err = web_param_session(web, 0, &id);

	return err == ERR_OK ? session_cancel(&web->ctx, id, NULL) : err;
}

enum err session_attempt_index(struct web *web)
{
	const struct attempt_query *query = WEB_QUERY(web, struct attempt_query);
	struct attempt_filter filter = { .status = query->status, .limit = query->limit };
	struct session_attempt *attempts = NULL;
	size_t count = 0;
	bool more = false;
	enum err err = web_after(ID_SESSION_ATTEMPT, query->after, &filter.after);

	if (query->session_id == NULL && query->status == NULL)
		return web_complain(web, "query", "must have session_id or status");
	if (err == ERR_OK)
		err = web_after(ID_SESSION, query->session_id, &filter.session_id);
	if (err == ERR_OK)
		err = session_attempts(&web->ctx, &filter, &attempts, &count, &more);
	return err == ERR_OK ? reply_more(web, attempts, count, more) : err;
}
