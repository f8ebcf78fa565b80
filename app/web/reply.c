/* SPDX-License-Identifier: Apache-2.0 */
/* reply.c writes answers; only here does a kind of error have a number. */
#include "reply.h"

#include <string.h>

#include "router.h"

#define FAULTS_CAP 131072 /* LIMIT_COMPLAINTS of the longest */

/* One row per kind: its status (RFC 9110; 429 is RFC 6585) and the header it brings. */
struct kind_row {
	int status;
	const char *header;
	const char *value;
};

static const struct kind_row kinds[ERR_KIND__MAX] = {
	[ERR_KIND_NONE] = { 200, NULL, NULL },
	[ERR_KIND_INVALID] = { 400, NULL, NULL },
	[ERR_KIND_UNAUTHENTICATED] = { 401, "WWW-Authenticate", "Bearer" },
	[ERR_KIND_PAYMENT] = { 402, NULL, NULL },
	[ERR_KIND_DENIED] = { 403, NULL, NULL },
	[ERR_KIND_MISSING] = { 404, NULL, NULL },
	[ERR_KIND_METHOD] = { 405, NULL, NULL },
	[ERR_KIND_CONFLICT] = { 409, "Retry-After", "1" },
	[ERR_KIND_REFUSED] = { 409, NULL, NULL },
	[ERR_KIND_GONE] = { 410, NULL, NULL },
	[ERR_KIND_TOO_LARGE] = { 413, NULL, NULL },
	[ERR_KIND_MEDIA_TYPE] = { 415, NULL, NULL },
	[ERR_KIND_MISMATCH] = { 422, NULL, NULL },
	[ERR_KIND_LIMITED] = { 429, "Retry-After", "1" },
	[ERR_KIND_BROKEN] = { 500, NULL, NULL },
	[ERR_KIND_NOT_CONFIGURED] = { 501, NULL, NULL },
	[ERR_KIND_UNAVAILABLE] = { 503, "Retry-After", "2" },
	[ERR_KIND_INTERNAL] = { 500, NULL, NULL },
};

static const int successes[] = {
	[SUCCESS_OK] = 200,
	[SUCCESS_CREATED] = 201,
	[SUCCESS_ACCEPTED] = 202,
	[SUCCESS_NO_CONTENT] = 204,
	[SUCCESS_ELSEWHERE] = 308,
};

int reply_status_of(enum err_kind kind)
{
	return kinds[kind].status;
}

int reply_status_of_success(enum success success)
{
	return successes[success];
}

void reply_reset(struct web *web)
{
	web->status = 0;
	buf_clear(&web->reply);
	buf_clear(&web->headers);
}

void reply_header(struct web *web, const char *name, const char *value)
{
	for (const char *c = value; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return;
	}
	buf_printf(&web->headers, "%s: %s\r\n", name, value);
}

/* Of the route, or of where there is none. A request that was not read has no path. To nobody in
 * particular we speak as the session family does, with a word for the other one beside. */
static enum family family_of(const struct web *web)
{
	bool undecided = web->in.path != NULL && router_is_undecided(&web->in);

	if (web->route != NULL && !undecided)
		return web->route->family;
	return web->in.path == NULL ? FAMILY_KYC : router_family(&web->in);
}

static void add_text(json_t *object, const char *name, const char *value)
{
	json_object_set_new(object, name, json_string(value));
}

/* details: every fault of the request, or the id under which a fault of ours is in the log. */
static json_t *error_details(struct web *web, enum err err)
{
	json_t *details = json_object();

	if (kinds[err_kind(err)].status >= 500)
		add_text(details, "request_id", web->request_id);
	if (web->complaints.count == 0 || err_kind(err) != ERR_KIND_INVALID)
		return details;
	json_t *errors = json_array();
	for (size_t i = 0; i < web->complaints.count; i++)
		json_array_append_new(
		    errors, json_pack("{s:s, s:s}", "field", web->complaints.items[i].field,
				"message", web->complaints.items[i].message));
	json_object_set_new(details, "errors", errors);
	return details;
}

/* ---- family kyc ------------------------------------------------------------------------------- */

/* contract/README.md: {"error":{"code","message","details"}} */
static void kyc_error(struct web *web, enum err err)
{
	json_t *error = json_pack("{s:{s:s, s:s, s:o}}", "error", "code", err_code(err), "message",
	    err_sentence(err), "details", error_details(web, err));

	if (error == NULL || json_write(error, &web->reply) != ERR_OK) {
		buf_clear(&web->reply);
		buf_adds(&web->reply, "{\"error\":{\"code\":\"INTERNAL_ERROR\",\"message\":"
				      "\"Something went wrong on our side.\",\"details\":{}}}");
	}
	json_decref(error);
}

/* ---- family session ---------------------------------------------------------------------------- */

/* This family's word for a kind of error (NULL: the error's own), and what helps against it. */
static const struct {
	const char *code;
	const char *hint;
} session_kinds[ERR_KIND__MAX] = {
	[ERR_KIND_INVALID] = { "BAD_REQUEST", "Correct the request and send it again." },
	[ERR_KIND_UNAUTHENTICATED] = { NULL,
	    "Send a valid key: Authorization: Bearer <your API key>." },
	[ERR_KIND_PAYMENT] = { NULL, "Top up the balance, then send the request again." },
	[ERR_KIND_DENIED] = { "FORBIDDEN", "Use a key that has the scope of this operation." },
	[ERR_KIND_MISSING] = { "NOT_FOUND", "Check the id: it may be gone, or not be this key's." },
	[ERR_KIND_METHOD] = { NULL, "The Allow header names the methods of this address." },
	[ERR_KIND_CONFLICT] = { "CONFLICT", "Wait a moment, then send the request again." },
	[ERR_KIND_REFUSED] = { "CONFLICT", "What stands in the way must be changed first." },
	[ERR_KIND_GONE] = { NULL, "Make a new one." },
	[ERR_KIND_TOO_LARGE] = { NULL, "Send a smaller body." },
	[ERR_KIND_MEDIA_TYPE] = { NULL, "Send the header Content-Type: application/json." },
	[ERR_KIND_MISMATCH] = { NULL, "Use a new Idempotency-Key for a new request." },
	[ERR_KIND_LIMITED] = { NULL, "Wait as long as the Retry-After header says." },
	[ERR_KIND_BROKEN] = { "INTERNAL_SERVER_ERROR",
	    "Try again; if it stays so, tell your operator the X-Request-Id of this answer." },
	[ERR_KIND_UNAVAILABLE] = { NULL, "Wait as long as the Retry-After header says." },
	[ERR_KIND_NOT_CONFIGURED] = { NULL, "Ask your operator to configure it." },
};

/* What helps against one error in particular. */
static const char *const session_hints[ERR__MAX] = {
	[ERR_TENANT_SUSPENDED] = "Ask your operator why the organisation is suspended.",
	[ERR_NOT_FOUND] = "Check the path against the reference.",
	[ERR_ENDPOINT_NOT_FOUND] = "No webhook endpoint with this id is visible to this key.",
	[ERR_WEBHOOK_KEY_NOT_FOUND] = "No encryption key with this id is visible to this key.",
	[ERR_DELIVERY_NOT_FOUND] = "No delivery with this id is visible to this key.",
	[ERR_EVENT_NOT_FOUND] = "No event with this id is visible to this key.",
	[ERR_DELIVERY_BUSY] = "The delivery is under way just now; retry it when it has ended.",
	[ERR_DELIVERY_NO_KEY] =
	    "The endpoint has no active encryption key; add one and retry the delivery.",
	[ERR_EVENT_NOT_REPLAYABLE] =
	    "Only an event with deliveries that are not under way, and do not lack an encryption "
	    "key, can be replayed.",
	[ERR_SESSION_NOT_FOUND] = "The session with the given ID was not found.",
	[ERR_SHARE_FIELDS] = "share_fields must be an object map of claim keys.",
	[ERR_SHARE_CLAIM_UNKNOWN] = "Use a supported claim key from the share contract allowlist.",
	[ERR_SHARE_AGE_GATE] =
	    "Use `age_over_<integer>` with a valid threshold, for example `age_over_18`.",
	[ERR_SHARE_AGE_GATES] = "Only one age_over_X claim can be provided per session.",
	[ERR_SHARE_REASON_MISSING] = "Provide a non-empty reason for every requested claim.",
	[ERR_SHARE_REASON_LONG] = "Reason must be 200 characters or fewer.",
	[ERR_SHARE_TOO_MANY] = "The maximum number of share fields is 32.",
	[ERR_REDIRECT_URL] = "Must be an https:// URL with no embedded credentials.",
	[ERR_IDEMPOTENCY_IN_PROGRESS] =
	    "Wait for the first request with this Idempotency-Key to end, then ask again.",
};

/* Those that this family documents with a code of their own, where their kind has another. */
static const bool session_own_code[ERR__MAX] = {
	[ERR_SHARE_FIELDS] = true,
	[ERR_SHARE_CLAIM_UNKNOWN] = true,
	[ERR_SHARE_AGE_GATE] = true,
	[ERR_SHARE_AGE_GATES] = true,
	[ERR_SHARE_REASON_MISSING] = true,
	[ERR_SHARE_REASON_LONG] = true,
	[ERR_SHARE_TOO_MANY] = true,
	[ERR_REDIRECT_URL] = true,
	[ERR_SESSION_NOT_ACTIVE] = true,
};

/* Against one of a session's page, where there is no key. */
static const char *const page_hints[ERR__MAX] = {
	[ERR_SESSION_ID_INVALID] = "Open the link just as it was sent.",
	[ERR_SESSION_NOT_FOUND] = "Open the link just as it was sent, or ask for a new one.",
	[ERR_SESSION_EXPIRED] = "Ask for a new link.",
	[ERR_SESSION_NOT_ACTIVE] = "GET …/status says where the session stands.",
	[ERR_TOKEN_INVALID] = "POST …/start gives a new token; the page may be open elsewhere.",
	[ERR_CANCEL_TOKEN_INVALID] =
	    "Send the cancel_token that creating the session answered, or the page's token.",
};

static bool is_page(const struct web *web)
{
	return family_of(web) == FAMILY_PAGE;
}

static const char *session_code(const struct web *web, enum err err)
{
	const char *code = session_kinds[err_kind(err)].code;
	/* The page goes by the word of each error; of what is not valid, and of our faults, by the
	 * family's. */
	bool own = is_page(web) && err != ERR_VALIDATION && kinds[err_kind(err)].status < 500;

	return code == NULL || own || session_own_code[err] ? err_code(err) : code;
}

static const char *session_hint(const struct web *web, enum err err)
{
	if (is_page(web) && page_hints[err] != NULL)
		return page_hints[err];
	return session_hints[err] == NULL ? session_kinds[err_kind(err)].hint : session_hints[err];
}

/* A request with faults: the first one is the message, all of them are the hint. */
static void add_faults(const struct web *web, json_t *error)
{
	const struct complaint *items = web->complaints.items;
	struct buf text;

	buf_init(&text, FAULTS_CAP);
	buf_printf(&text, "The request is not valid: %s %s.", items[0].field, items[0].message);
	add_text(error, "message", buf_str(&text));
	buf_clear(&text);
	for (size_t i = 0; i < web->complaints.count; i++)
		buf_printf(&text, "%s%s %s", i == 0 ? "" : "; ", items[i].field, items[i].message);
	buf_addc(&text, '.');
	add_text(error, "hint", buf_str(&text));
	buf_free(&text);
}

/* The limit that was asked for, or the row's own where none was read. */
static int64_t page_limit(const struct web *web)
{
	const struct field_set *set = web->route->query;
	int64_t limit = 0;

	for (size_t i = 0; set != NULL && i < set->count; i++) {
		if (strcmp(set->rows[i].name, "limit") != 0)
			continue;
		limit = set->rows[i].initial;
		if (web->query != NULL)
			memcpy(
			    &limit, (const char *)web->query + set->rows[i].offset, sizeof(limit));
	}
	return limit;
}

/* contract/sessions.md, Family plain: the sentences its clients know. */
static const char *const plain_sentences[ERR__MAX] = {
	[ERR_UNAUTHORIZED] = "Invalid or missing API key",
	[ERR_INSUFFICIENT_TOKENS] = "Insufficient token balance",
};

static const char *plain_sentence(enum err err)
{
	return plain_sentences[err] == NULL ? err_sentence(err) : plain_sentences[err];
}

/* contract/README.md: {"data":null,"error":{"code","message","hint","docs"}}, plus "pagination" on
 * lists; and the plain family's "detail" beside where nobody knows which of the two is meant. */
static void session_error(struct web *web, enum err err)
{
	enum err shown = err == ERR_WEBHOOK_NOT_FOUND ? ERR_ENDPOINT_NOT_FOUND : err;
	json_t *error = json_object();
	json_t *body = json_pack("{s:n, s:O}", "data", "error", error);

	add_text(error, "code", session_code(web, shown));
	add_text(error, "message", err_sentence(shown));
	add_text(error, "hint", session_hint(web, shown));
	if (err_kind(shown) == ERR_KIND_INVALID && web->complaints.count > 0)
		add_faults(web, error);
	json_object_set_new(error, "docs",
	    json_sprintf("/reference%s%s", web->route == NULL ? "" : "#",
		web->route == NULL ? "" : web->route->operation));
	if (web->route != NULL && web->route->reply_is_list)
		json_object_set_new(body, "pagination",
		    json_pack("{s:I, s:b, s:n}", "limit", (json_int_t)page_limit(web), "has_more",
			0, "next_cursor"));
	if (web->in.path != NULL && router_is_undecided(&web->in))
		add_text(body, "detail", plain_sentence(shown));
	if (body == NULL || json_write(body, &web->reply) != ERR_OK) {
		buf_clear(&web->reply);
		buf_adds(&web->reply,
		    "{\"data\":null,\"error\":{\"code\":\"INTERNAL_SERVER_ERROR\",\"message\":"
		    "\"Something went wrong on our side.\",\"hint\":\"Try again.\","
		    "\"docs\":\"/reference\"}}");
	}
	json_decref(error);
	json_decref(body);
}

/* ---- family plain ------------------------------------------------------------------------------ */

/* contract/README.md: {"detail":"…"}, with all faults of the request in it. */
static void plain_error(struct web *web, enum err err)
{
	const struct complaint *items = web->complaints.items;
	json_t *body = json_object();
	struct buf text;

	buf_init(&text, FAULTS_CAP);
	if (err_kind(err) == ERR_KIND_INVALID && web->complaints.count > 0) {
		for (size_t i = 0; i < web->complaints.count; i++)
			buf_printf(&text, "%s%s %s", i == 0 ? "The request is not valid: " : "; ",
			    items[i].field, items[i].message);
		buf_addc(&text, '.');
	} else {
		buf_adds(&text, plain_sentence(err));
	}
	add_text(body, "detail", buf_str(&text));
	if (json_write(body, &web->reply) != ERR_OK) {
		buf_clear(&web->reply);
		buf_adds(&web->reply, "{\"detail\":\"Something went wrong on our side.\"}");
	}
	json_decref(body);
	buf_free(&text);
}

/* ---- family account ---------------------------------------------------------------------------- */

/* The faults of one field, in an array; what is nobody's field ends as a sentence. */
static json_t *field_faults(const struct web *web)
{
	json_t *body = json_object();

	for (size_t i = 0; i < web->complaints.count; i++) {
		const struct complaint *item = &web->complaints.items[i];
		json_t *list = json_object_get(body, item->field);
		if (list == NULL) {
			list = json_array();
			json_object_set_new(body, item->field, list);
		}
		json_array_append_new(list, json_string(item->message));
	}
	return body;
}

/* What the whole body or the whole request is at fault of has no field to stand under. */
static bool is_of_a_field(const struct complaint *item)
{
	return item->field[0] != '\0' && strcmp(item->field, "body") != 0 &&
	       strcmp(item->field, "request") != 0;
}

/* contract/README.md: {"detail":"…"}, field errors {"<field>":["…"]}. */
static void account_error(struct web *web, enum err err)
{
	const struct complaint *items = web->complaints.items;
	bool faults = err_kind(err) == ERR_KIND_INVALID && web->complaints.count > 0;
	json_t *body;

	if (faults && is_of_a_field(&items[0]))
		body = field_faults(web);
	else if (faults)
		body = json_pack("{s:o}", "detail",
		    json_sprintf(
			"The request is not valid: %s %s.", items[0].field, items[0].message));
	else
		body = json_pack("{s:s}", "detail", err_sentence(err));
	if (body == NULL || json_write(body, &web->reply) != ERR_OK) {
		buf_clear(&web->reply);
		buf_adds(&web->reply, "{\"detail\":\"Something went wrong on our side.\"}");
	}
	json_decref(body);
}

/* ---- family age -------------------------------------------------------------------------------- */

/* contract/age.md: six texts and no more, generic on purpose. What the contract has no text for takes
 * the nearest: the status says the rest. */
static const char *const age_texts[ERR_KIND__MAX] = {
	[ERR_KIND_INVALID] = "Bad Request",
	[ERR_KIND_UNAUTHENTICATED] = "Unauthorized",
	[ERR_KIND_PAYMENT] = "Forbidden",
	[ERR_KIND_DENIED] = "Forbidden",
	[ERR_KIND_MISSING] = "Not Found",
	[ERR_KIND_METHOD] = "Bad Request",
	[ERR_KIND_CONFLICT] = "Bad Request",
	[ERR_KIND_REFUSED] = "Bad Request",
	[ERR_KIND_GONE] = "Not Found",
	[ERR_KIND_TOO_LARGE] = "Bad Request",
	[ERR_KIND_MEDIA_TYPE] = "Bad Request",
	[ERR_KIND_MISMATCH] = "Bad Request",
	[ERR_KIND_LIMITED] = "Too Many Requests",
	[ERR_KIND_BROKEN] = "Internal Error",
	[ERR_KIND_NOT_CONFIGURED] = "Internal Error",
	[ERR_KIND_UNAVAILABLE] = "Internal Error",
	[ERR_KIND_INTERNAL] = "Internal Error",
};

/* contract/README.md: {"error","correlationId"}. Neither has a character to escape: of the id, only
 * letters, digits and "-_." are ever kept (gate.c). */
static void age_error(struct web *web, enum err err)
{
	buf_printf(&web->reply, "{\"error\":\"%s\",\"correlationId\":\"%s\"}",
	    age_texts[err_kind(err)], web->request_id);
}

/* ---- by family ---------------------------------------------------------------------------------- */

/* What stands before and behind an object, and the way an error is written. */
static const struct {
	const char *head;
	const char *tail;
	void (*error)(struct web *web, enum err err);
} shapes[FAMILY__MAX] = {
	[FAMILY_KYC] = { "{\"data\":", "}", kyc_error },
	[FAMILY_SESSION] = { "{\"data\":", ",\"error\":null}", session_error },
	[FAMILY_PLAIN] = { "", "", plain_error },
	[FAMILY_ACCOUNT] = { "", "", account_error },
	[FAMILY_PAGE] = { "{\"data\":", ",\"error\":null}", session_error },
	[FAMILY_AGE] = { "{\"data\":", "}", age_error },
	[FAMILY_OPS] = { "{\"data\":", "}", kyc_error },
};

void reply_error(struct web *web, enum err err)
{
	enum err shown = err_public(err);
	const struct kind_row *row = &kinds[err_kind(shown)];

	reply_reset(web);
	web->status = row->status;
	/* Whoever refused knows better than the row how long. */
	if (row->header != NULL && strcmp(row->header, "Retry-After") == 0 &&
	    web->meter.retry_after_s > 0)
		buf_printf(
		    &web->headers, "Retry-After: %lld\r\n", (long long)web->meter.retry_after_s);
	else if (row->header != NULL)
		reply_header(web, row->header, row->value);
	shapes[family_of(web)].error(web, shown);
}

void reply_finish(struct web *web)
{
	reply_header(web, "X-Request-Id", web->request_id);
	reply_header(web, "Cache-Control", "no-store");
	reply_header(web, "X-Content-Type-Options", "nosniff");
	if (web->reply.len > 0 && strstr(buf_str(&web->headers), "Content-Type:") == NULL)
		reply_header(web, "Content-Type", "application/json; charset=utf-8");
}

/* ---- what handlers call ----------------------------------------------------------------------- */

enum err reply_object(struct web *web, const void *object)
{
	if ((web->route->flags & ROUTE_BARE_REPLY) != 0)
		return fields_write(web->route->reply, object, &web->reply);
	buf_adds(&web->reply, shapes[web->route->family].head);
	enum err err = fields_write(web->route->reply, object, &web->reply);
	buf_adds(&web->reply, shapes[web->route->family].tail);
	return err == ERR_OK ? buf_err(&web->reply) : err;
}

static enum err write_items(struct web *web, const void *items, size_t count)
{
	const struct field_set *set = web->route->reply;
	enum err err = ERR_OK;

	buf_adds(&web->reply, shapes[web->route->family].head);
	buf_addc(&web->reply, '[');
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		if (i > 0)
			buf_addc(&web->reply, ',');
		err = fields_write(set, (const char *)items + i * set->struct_size, &web->reply);
	}
	buf_addc(&web->reply, ']');
	return err;
}

enum err reply_page(
    struct web *web, const void *items, size_t count, const char *next_cursor, int64_t total)
{
	enum err err = write_items(web, items, count);

	if (err != ERR_OK)
		return err;
	/* Cursors are letters, digits, '-' and '_': nothing to escape. */
	buf_printf(&web->reply, ",\"meta\":{\"next_cursor\":%s%s%s,\"total\":%lld}}",
	    next_cursor == NULL ? "" : "\"", next_cursor == NULL ? "null" : next_cursor,
	    next_cursor == NULL ? "" : "\"", (long long)total);
	return buf_err(&web->reply);
}

enum err reply_list(struct web *web, const void *items, size_t count)
{
	enum err err = write_items(web, items, count);

	buf_adds(&web->reply, shapes[web->route->family].tail);
	return err == ERR_OK ? buf_err(&web->reply) : err;
}

enum err reply_more(struct web *web, const void *items, size_t count, bool more)
{
	const struct field_set *set = web->route->reply;
	enum err err = write_items(web, items, count);
	char cursor[ID_TEXT_SIZE] = "";
	struct uuid last;

	if (more) {
		memcpy(&last,
		    (const char *)items + (count - 1) * set->struct_size + set->rows[0].offset,
		    sizeof(last));
		id_text(set->rows[0].id_kind, last, cursor);
	}
	buf_printf(&web->reply,
	    ",\"error\":null,\"pagination\":{\"limit\":%lld,\"has_more\":%s,"
	    "\"next_cursor\":%s%s%s}}",
	    (long long)page_limit(web), more ? "true" : "false", more ? "\"" : "",
	    more ? cursor : "null", more ? "\"" : "");
	return err == ERR_OK ? buf_err(&web->reply) : err;
}

enum err reply_json(struct web *web, json_t *body)
{
	enum err err = body == NULL ? ERR_NOMEM : json_write(body, &web->reply);

	json_decref(body);
	return err;
}

enum err reply_raw(struct web *web, const char *media_type, const void *body, size_t len)
{
	reply_header(web, "Content-Type", media_type);
	buf_add(&web->reply, body, len);
	return buf_err(&web->reply);
}
