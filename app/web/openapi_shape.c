/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_shape.c says how each family wraps an object, a list and an error (contract/README.md, the
 * table of families): in schemas what reply.c does in bytes. Tests hold the one against the other.
 */
#include "openapi_private.h"

#include <string.h>

#include "field.h"

/* ---- families -------------------------------------------------------------------------------------- */

static const struct openapi_family families[FAMILY__MAX] = {
	[FAMILY_KYC] = { "kyc", "Verifications",
	    "Verifications decided by a document's number, their scores, usage, API keys, and webhooks "
	    "in their simplest form. An object comes as `{\"data\":…}`, an error as "
	    "`{\"error\":{\"code\",\"message\",\"details\"}}`." },
	[FAMILY_SESSION] = { "session", "Sessions, webhook endpoints and events",
	    "Verification sessions, and webhook endpoints, their keys, deliveries and events in "
	    "full. An answer is `{\"data\":…,\"error\":…}`, one of them null; lists have "
	    "`pagination` beside. A scope to write implies the one to read. Under `/v1/sessions` "
	    "the key must come as `Authorization: Bearer`." },
	[FAMILY_PLAIN] = { "plain", "Sessions and workflows, in plain shapes",
	    "The same verification sessions for clients that send `X-API-Key`, and workflows. An "
	    "object comes as it is, an error as `{\"detail\":\"…\"}`. Under `/v1/sessions` the "
	    "key must come as `X-API-Key`, and no `Authorization` beside it." },
	[FAMILY_ACCOUNT] = { "account", "People and organisations",
	    "Accounts of people, their organisations, members and applications. Every path ends in a "
	    "slash. An object or a list comes as it is, an error as `{\"detail\":\"…\"}`, and what "
	    "is wrong with a field as `{\"<field>\":[\"…\"]}`." },
	[FAMILY_PAGE] = { "page", "The hosted page",
	    "What the page behind a session's link asks for. It is not for your servers: no API key "
	    "opens it, only the token that the page was given when it was opened. The shapes are "
	    "those of the sessions." },
	[FAMILY_AGE] = { "age", "Age verification",
	    "Whether a person is of age, and the records that 18 U.S.C. 2257 asks for. A publishable "
	    "key may upload and submit, and is the only one for a browser; a secret key, or an "
	    "application's own, may do all. An object comes as `{\"data\":…}`, an error as "
	    "`{\"error\",\"correlationId\"}`: the text is generic on purpose, and the id is that of "
	    "`X-Request-Id`, under which the cause is in the log." },
};

const struct openapi_family *openapi_family(enum family family)
{
	return families[family].tag == NULL ? NULL : &families[family];
}

/* ---- errors ------------------------------------------------------------------------------------------ */

#define TEXT_ROW(text, words) \
	{ \
		.type = FIELD_TEXT, .name = text, .sentence = words \
	}

static const struct field fault_rows[] = {
	TEXT_ROW("field", "The member, parameter or header at fault."),
	TEXT_ROW("message", "What is wrong with it."),
};
static const struct field_set fault_set = DOCUMENT_SET("Fault", fault_rows);

static const struct field kyc_detail_rows[] = {
	{ .type = FIELD_OBJECTS,
	    .name = "errors",
	    .set = &fault_set,
	    .flags = FIELD_OPTIONAL,
	    .sentence = "Every fault of a request that is not valid." },
	{ .type = FIELD_TEXT,
	    .name = "request_id",
	    .flags = FIELD_OPTIONAL,
	    .sentence = "With an error of ours: under what it is in the log." },
};
static const struct field_set kyc_details = DOCUMENT_SET("Details", kyc_detail_rows);

static const struct field kyc_error_rows[] = {
	TEXT_ROW("code", "A word for programs."),
	TEXT_ROW("message", "A sentence for people."),
	{ .type = FIELD_OBJECT, .name = "details", .set = &kyc_details, .sentence = "More of it." },
};
static const struct field_set kyc_error = DOCUMENT_SET("KycFailure", kyc_error_rows);

static const struct field session_error_rows[] = {
	TEXT_ROW("code", "A word for programs."),
	TEXT_ROW("message", "A sentence for people."),
	TEXT_ROW("hint", "What helps; all faults of a request that is not valid."),
	TEXT_ROW("docs", "Where to read on."),
};

/* Of the envelope, not of the error in it. */
static const char detail_words[] =
    "Only under /v1/sessions and without a key, where nobody knows which family you speak: the "
    "same in the words of the plain one.";

static const struct field plain_error_rows[] = {
	TEXT_ROW("detail", "A sentence for people; all faults of a request that is not valid."),
};
static const struct field_set plain_error = DOCUMENT_SET("PlainError", plain_error_rows);
static const struct field_set session_error = DOCUMENT_SET("SessionFailure", session_error_rows);

static const char *const age_errors[] = { "Bad Request", "Unauthorized", "Forbidden", "Not Found",
	"Too Many Requests", "Internal Error" };
static const struct word_list age_error_words = { "AgeErrorText", countof(age_errors), age_errors };

static const struct field age_error_rows[] = {
	{ .type = FIELD_WORD,
	    .name = "error",
	    .words = &age_error_words,
	    .sentence = "What kind of trouble it is, and no more." },
	TEXT_ROW("correlationId", "Under what it is in the log: the `X-Request-Id` of the answer."),
};
static const struct field_set age_error = DOCUMENT_SET("AgeError", age_error_rows);

/* ---- lists ------------------------------------------------------------------------------------------- */

#define ROW_CURSOR(words) \
	{ \
		.type = FIELD_TEXT, .name = "next_cursor", .flags = FIELD_NULLABLE, \
		.sentence = words \
	}

static const struct field meta_rows[] = {
	ROW_CURSOR("The cursor of the next page; null on the last one."),
	{ .type = FIELD_INT,
	    .name = "total",
	    .max = INT64_MAX,
	    .example = "1",
	    .sentence = "How many there are on all pages." },
};
static const struct field_set meta_set = DOCUMENT_SET("Meta", meta_rows);

static const struct field pagination_rows[] = {
	{ .type = FIELD_INT,
	    .name = "limit",
	    .min = 1,
	    .max = LIMIT_PAGE,
	    .example = "10",
	    .sentence = "The limit that was asked for, or the default." },
	{ .type = FIELD_BOOL, .name = "has_more", .sentence = "Whether there is a next page." },
	ROW_CURSOR("Send it as starting_after for the next page; null on the last one."),
};
static const struct field_set pagination_set = DOCUMENT_SET("Pagination", pagination_rows);

/* A list of the kyc family that has a cursor has pages; one without is whole. */
static bool has_pages(const struct route *route)
{
	for (size_t i = 0; route->query != NULL && i < route->query->count; i++) {
		if (strcmp(route->query->rows[i].name, "cursor") == 0)
			return true;
	}
	return false;
}

/* ---- envelopes --------------------------------------------------------------------------------------- */

/* A closed object of members that must all be there. */
static json_t *closed(struct openapi *doc, json_t *properties)
{
	json_t *schema = json_object(), *required = json_array();
	const char *name;
	json_t *value;

	json_object_foreach(properties, name, value)
	    json_array_append_new(required, json_string(name));
	openapi_set(doc, schema, "type", json_string("object"));
	openapi_set(doc, schema, "additionalProperties", json_false());
	openapi_set(doc, schema, "properties", properties);
	openapi_set(doc, schema, "required", required);
	return schema;
}

static json_t *null_schema(void)
{
	return json_pack("{s:s}", "type", "null");
}

/* The reply itself: an object, or a list of them. */
static json_t *reply_schema(struct openapi *doc, const struct route *route)
{
	json_t *item = openapi_set_ref(doc, route->reply, true);

	return route->reply_is_list ? json_pack("{s:s, s:o}", "type", "array", "items", item)
				    : item;
}

/* {"data":…,"error":…}, one of them null. */
static bool has_both(const struct route *route)
{
	return route->family == FAMILY_SESSION || route->family == FAMILY_PAGE;
}

/* In no envelope. */
static bool is_bare(const struct route *route)
{
	return route->family == FAMILY_ACCOUNT || route->family == FAMILY_PLAIN ||
	       (route->flags & ROUTE_BARE_REPLY) != 0;
}

json_t *openapi_success_schema(struct openapi *doc, const struct route *route)
{
	json_t *properties;

	/* A document of another specification. */
	if (route->reply == NULL)
		return json_pack("{s:s}", "type", "object");
	if (is_bare(route))
		return reply_schema(doc, route);
	properties = json_object();
	openapi_set(doc, properties, "data", reply_schema(doc, route));
	if (has_both(route))
		openapi_set(doc, properties, "error", null_schema());
	if (route->reply_is_list && route->family == FAMILY_SESSION)
		openapi_set(
		    doc, properties, "pagination", openapi_set_ref(doc, &pagination_set, true));
	if (route->reply_is_list && route->family == FAMILY_KYC && has_pages(route))
		openapi_set(doc, properties, "meta", openapi_set_ref(doc, &meta_set, true));
	return closed(doc, properties);
}

json_t *openapi_success_example(const struct route *route)
{
	json_t *item, *example = json_object();

	if (route->reply == NULL) {
		json_decref(example);
		return NULL;
	}
	item = openapi_example(route->reply, true);
	if (is_bare(route)) {
		json_decref(example);
		return route->reply_is_list ? json_pack("[o]", item) : item;
	}
	json_object_set_new(example, "data", route->reply_is_list ? json_pack("[o]", item) : item);
	if (has_both(route))
		json_object_set_new(example, "error", json_null());
	if (route->reply_is_list && route->family == FAMILY_SESSION)
		json_object_set_new(example, "pagination", openapi_example(&pagination_set, true));
	if (route->reply_is_list && route->family == FAMILY_KYC && has_pages(route))
		json_object_set_new(example, "meta", openapi_example(&meta_set, true));
	return example;
}

/* A sentence, or the faults of fields under the names of those: one or the other. */
static json_t *account_error_ref(struct openapi *doc)
{
	static const char name[] = "AccountError";

	if (json_object_get(doc->schemas, name) == NULL)
		openapi_set(doc, doc->schemas, name,
		    json_pack("{s:s, s:i, s:{s:{s:s, s:s}}, s:{s:s, s:i, s:{s:s}}}", "type",
			"object", "minProperties", 1, "properties", "detail", "type", "string",
			"description", "A sentence for people.", "additionalProperties", "type",
			"array", "minItems", 1, "items", "type", "string"));
	return openapi_ref("schemas", name);
}

static json_t *wrapped_error_ref(struct openapi *doc, bool session, bool list)
{
	const char *name = list ? "SessionListError" : session ? "SessionError" : "KycError";
	json_t *properties, *schema;

	if (json_object_get(doc->schemas, name) != NULL)
		return openapi_ref("schemas", name);
	properties = json_object();
	if (session)
		openapi_set(doc, properties, "data", null_schema());
	openapi_set(doc, properties, "error",
	    openapi_set_ref(doc, session ? &session_error : &kyc_error, true));
	if (list)
		openapi_set(
		    doc, properties, "pagination", openapi_set_ref(doc, &pagination_set, true));
	schema = closed(doc, properties);
	if (session)
		openapi_set(doc, properties, "detail",
		    json_pack("{s:s, s:s}", "type", "string", "description", detail_words));
	openapi_set(doc, doc->schemas, name, schema);
	return openapi_ref("schemas", name);
}

json_t *openapi_error_ref(struct openapi *doc, const struct route *route)
{
	bool session = has_both(route);

	if (route->family == FAMILY_ACCOUNT)
		return account_error_ref(doc);
	if (route->family == FAMILY_PLAIN)
		return openapi_set_ref(doc, &plain_error, true);
	if (route->family == FAMILY_AGE)
		return openapi_set_ref(doc, &age_error, true);
	return wrapped_error_ref(doc, session, session && route->reply_is_list);
}

json_t *openapi_stranger_error(struct openapi *doc, json_t *known)
{
	return json_pack("{s:[o, o]}", "anyOf", known, wrapped_error_ref(doc, true, false));
}
