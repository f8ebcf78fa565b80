/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_answer.c writes the answers of an operation. The errors are those of its row and those that
 * follow from the row's credential, flags and sets, as the gate's steps give them; each is shown as
 * reply_error() writes it, so an example is the very answer.
 */
#include "openapi_private.h"

#include <stdio.h>
#include <string.h>

#include "reply.h"
#include "router.h"

#define NAME_SIZE 128
#define HEADERS_MAX 4096
#define STATUS_SIZE 8

static const char example_request_id[] = "req_01h455vb4pex5vsknk084sn02q";

/* ---- which errors ------------------------------------------------------------------------------------ */

/* The errors of one operation, a mark for each. */
struct errors {
	bool has[ERR__MAX];
};

/* What the gate's steps can refuse (gate.c), and when it can. */
static struct errors errors_of(const struct route *route)
{
	struct errors errors = { { false } };
	bool key = route->credential == CREDENTIAL_KEY;
	bool role = route->roles != 0;
	bool visit =
	    route->credential == CREDENTIAL_VISIT || route->credential == CREDENTIAL_VISIT_MAY;
	bool raw = (route->flags & (ROUTE_RAW_BODY | ROUTE_STREAM)) != 0;

	for (size_t i = 0; route->errors[i] != ERR_OK; i++)
		errors.has[route->errors[i]] = true;
	errors.has[ERR_UNAUTHORIZED] |= key;
	errors.has[ERR_FORBIDDEN] |= key;
	errors.has[ERR_TENANT_SUSPENDED] |= key || role;
	errors.has[ERR_TOKEN_INVALID] |= route->credential == CREDENTIAL_TOKEN;
	errors.has[ERR_TOKEN_INVALID] |= visit;
	errors.has[ERR_SESSION_ID_INVALID] |= visit;
	errors.has[ERR_SESSION_NOT_FOUND] |= visit;
	errors.has[ERR_ORGANIZATION_NOT_FOUND] |= role;
	/* Whom every role is enough for is not refused for it. */
	errors.has[ERR_ROLE_FORBIDDEN] |= role && route->roles != ROLES_ALL;
	errors.has[ERR_RATE_LIMIT_EXCEEDED] |= route->limit_class != LIMIT_CLASS_NONE;
	errors.has[ERR_PAYLOAD_TOO_LARGE] |= raw || route->body != NULL;
	errors.has[ERR_UNSUPPORTED_MEDIA_TYPE] |= route->body != NULL;
	errors.has[ERR_IDEMPOTENCY_IN_PROGRESS] |= (route->flags & ROUTE_IDEMPOTENT) != 0;
	errors.has[ERR_IDEMPOTENCY_MISMATCH] |= (route->flags & ROUTE_IDEMPOTENT) != 0;
	/* Every request has a query, and an unknown parameter is refused. */
	errors.has[ERR_VALIDATION] = true;
	errors.has[ERR_INTERNAL] = true;
	errors.has[ERR_UNAVAILABLE] = true;
	return errors;
}

/* ---- headers ------------------------------------------------------------------------------------------- */

/* What reply_error() adds for a kind. */
static const struct {
	enum err_kind kind;
	enum openapi_header header;
} kind_headers[] = {
	{ ERR_KIND_UNAUTHENTICATED, OPENAPI_CHALLENGE },
	{ ERR_KIND_CONFLICT, OPENAPI_RETRY_AFTER },
	{ ERR_KIND_LIMITED, OPENAPI_RETRY_AFTER },
	{ ERR_KIND_UNAVAILABLE, OPENAPI_RETRY_AFTER },
};

static void add_rate_headers(struct openapi *doc, const struct route *route, json_t *headers)
{
	if (route->limit_class == LIMIT_CLASS_NONE)
		return;
	openapi_header(doc, headers, OPENAPI_RATE_LIMIT);
	openapi_header(doc, headers, OPENAPI_RATE_POLICY);
}

/* The errors among them that are answered with one status. */
static struct errors errors_with(const struct errors *all, int status)
{
	struct errors errors = { { false } };

	for (size_t i = 1; i < ERR__MAX; i++)
		errors.has[i] = all->has[i] && reply_status_of(err_kind((enum err)i)) == status;
	return errors;
}

static bool are_all_of_kind(const struct errors *errors, enum err_kind kind)
{
	for (size_t i = 1; i < ERR__MAX; i++) {
		if (errors->has[i] && err_kind((enum err)i) != kind)
			return false;
	}
	return true;
}

/* Two kinds can share a status: then only what both bring is promised. */
static json_t *error_headers(
    struct openapi *doc, const struct route *route, const struct errors *errors)
{
	json_t *headers = json_object();

	openapi_header(doc, headers, OPENAPI_REQUEST_ID);
	for (size_t i = 0; i < countof(kind_headers); i++) {
		if (are_all_of_kind(errors, kind_headers[i].kind))
			openapi_header(doc, headers, kind_headers[i].header);
	}
	/* Who has no key is not counted. */
	if (!are_all_of_kind(errors, ERR_KIND_UNAUTHENTICATED))
		add_rate_headers(doc, route, headers);
	return headers;
}

/* ---- examples of errors ---------------------------------------------------------------------------------- */

/* What a request without its members, or with one too many, is told. */
static void complain_as_asked(struct openapi *doc)
{
	static const struct field_set none = { .name = "none", .struct_size = 1 };
	struct complaints *complaints = &doc->web->complaints;
	const struct route *route = doc->web->route;
	const struct field_set *set = route->query == NULL ? &none : route->query;
	json_t *empty = json_object();
	void *input;
	enum err err = ERR_OK;

	if (route->body != NULL && (route->flags & ROUTE_BODY_MAY_MISS) == 0)
		set = route->body;
	input = arena_alloc(doc->arena, set->struct_size);
	if (input == NULL || empty == NULL)
		doc->failed = true;
	else if (set == route->body)
		err = fields_read_json(set, empty, doc->arena, input, complaints);
	else
		err = fields_read_query(set, "unknown=1", doc->arena, input, complaints);
	doc->failed |= err == ERR_NOMEM;
	json_decref(empty);
}

/* The answer to this error, as bytes of ours, read back. */
static json_t *error_example(struct openapi *doc, const struct route *route, enum err err)
{
	struct web *web = doc->web;
	json_t *body = NULL;

	memset(web, 0, sizeof(*web));
	web->route = route;
	memcpy(web->request_id, example_request_id, sizeof(example_request_id));
	buf_init(&web->reply, LIMIT_REPLY);
	buf_init(&web->headers, HEADERS_MAX);
	if (err == ERR_VALIDATION)
		complain_as_asked(doc);
	reply_error(web, err);
	if (json_read(buf_str(&web->reply), web->reply.len, &body, NULL) != ERR_OK)
		doc->failed = true;
	buf_free(&web->reply);
	buf_free(&web->headers);
	return body;
}

/* ---- one response -------------------------------------------------------------------------------------------- */

/* The family's error with one of these codes in it, where it has codes. */
static json_t *coded_schema(struct openapi *doc, const struct route *route, json_t *codes)
{
	if (json_array_size(codes) == 0) {
		json_decref(codes);
		return openapi_error_ref(doc, route);
	}
	return json_pack("{s:[o, {s:{s:{s:{s:{s:o}}}}}]}", "allOf", openapi_error_ref(doc, route),
	    "properties", "error", "properties", "code", "enum", codes);
}

static void add_code(struct openapi *doc, json_t *codes, const json_t *example)
{
	json_t *code = json_object_get(json_object_get(example, "error"), "code");
	json_t *known;
	size_t i;

	if (code == NULL)
		return;
	json_array_foreach(codes, i, known)
	{
		if (json_equal(known, code))
			return;
	}
	if (json_array_append(codes, code) != 0)
		doc->failed = true;
}

static void add_error(struct openapi *doc, const struct route *route, enum err err, json_t *codes,
    json_t *examples, struct buf *description)
{
	json_t *body = error_example(doc, route, err), *example = json_object();

	add_code(doc, codes, body);
	openapi_set(doc, example, "summary", json_string(err_sentence(err)));
	openapi_set(doc, example, "value", body);
	openapi_set(doc, examples, err_name(err), example);
	buf_printf(description, "%s%s", description->len == 0 ? "" : " ", err_sentence(err));
}

/* All errors with one status. */
static json_t *error_response(
    struct openapi *doc, const struct route *route, const struct errors *errors)
{
	json_t *codes = json_array(), *examples = json_object(), *media = json_object();
	json_t *content = json_object(), *response = json_object();
	/* One of two that are joined leaves this to the other. */
	bool of_strangers = !doc->whole && route->family == FAMILY_PLAIN &&
			    router_is_shared(route->path) &&
			    are_all_of_kind(errors, ERR_KIND_UNAUTHENTICATED);
	struct buf text;

	buf_init(&text, LIMIT_LOG_LINE);
	for (size_t i = 1; i < ERR__MAX; i++) {
		if (errors->has[i])
			add_error(doc, route, (enum err)i, codes, examples, &text);
	}
	json_t *schema = coded_schema(doc, route, codes);
	openapi_set(
	    doc, media, "schema", of_strangers ? openapi_stranger_error(doc, schema) : schema);
	openapi_set(doc, media, "examples", examples);
	openapi_set(doc, content, "application/json", media);
	openapi_set(doc, response, "description", json_string(buf_str(&text)));
	openapi_set(doc, response, "headers", error_headers(doc, route, errors));
	openapi_set(doc, response, "content", content);
	doc->failed |= buf_failed(&text);
	buf_free(&text);
	return response;
}

/* What makes two such responses alike: family, metered or not, list or not, on a shared path or not,
 * errors. The first route
 * that has one gives the examples' details. */
static const char *response_name(
    struct openapi *doc, const struct route *route, const struct errors *errors)
{
	bool list = route->family == FAMILY_SESSION && route->reply_is_list;
	bool shared = route->family == FAMILY_PLAIN && router_is_shared(route->path);
	struct buf name;

	buf_init(&name, NAME_SIZE * 8);
	buf_printf(&name, "%s%s%s", openapi_capital(doc, openapi_family(route->family)->tag),
	    list     ? "List"
	    : shared ? "Shared"
		     : "",
	    route->limit_class == LIMIT_CLASS_NONE ? "Open" : "");
	for (size_t i = 1; i < ERR__MAX; i++) {
		if (errors->has[i])
			buf_printf(&name, ".%s", err_name((enum err)i));
	}
	const char *copy = buf_failed(&name) ? NULL : arena_strdup(doc->arena, buf_str(&name));
	buf_free(&name);
	doc->failed |= copy == NULL;
	return copy == NULL ? "" : copy;
}

/* Pointed to, and written with the first that has it. */
static json_t *shared_response(
    struct openapi *doc, const struct route *route, const struct errors *errors)
{
	if (doc->whole)
		return error_response(doc, route, errors);
	const char *name = response_name(doc, route, errors);
	if (json_object_get(doc->responses, name) == NULL)
		openapi_set(doc, doc->responses, name, error_response(doc, route, errors));
	return openapi_ref("responses", name);
}

static void add_errors(struct openapi *doc, const struct route *route, json_t *responses)
{
	struct errors all = errors_of(route);
	char status[STATUS_SIZE];

	for (size_t i = 1; i < ERR__MAX; i++) {
		int number = reply_status_of(err_kind((enum err)i));
		(void)snprintf(status, sizeof(status), "%d", number);
		if (!all.has[i] || json_object_get(responses, status) != NULL)
			continue;
		struct errors errors = errors_with(&all, number);
		openapi_set(doc, responses, status, shared_response(doc, route, &errors));
	}
}

/* ---- the success --------------------------------------------------------------------------------------------- */

static const char *const success_words[] = {
	[SUCCESS_OK] = "Done.",
	[SUCCESS_CREATED] = "Created.",
	[SUCCESS_ACCEPTED] = "Accepted; the rest follows.",
	[SUCCESS_NO_CONTENT] = "Done; there is no body.",
};

static json_t *success_response(
    struct openapi *doc, const struct route *route, enum success success)
{
	json_t *response = json_object(), *headers = json_object();

	openapi_header(doc, headers, OPENAPI_REQUEST_ID);
	if ((route->flags & ROUTE_IDEMPOTENT) != 0)
		openapi_header(doc, headers, OPENAPI_REPLAYED);
	add_rate_headers(doc, route, headers);
	openapi_set(doc, response, "description", json_string(success_words[success]));
	openapi_set(doc, response, "headers", headers);
	if ((route->flags & ROUTE_POUR) != 0)
		openapi_set(doc, response, "content", openapi_media_content(doc));
	else if (success != SUCCESS_NO_CONTENT)
		openapi_set(doc, response, "content",
		    openapi_json_content(
			doc, openapi_success_schema(doc, route), openapi_success_example(route)));
	return response;
}

static void add_success(
    struct openapi *doc, const struct route *route, enum success success, json_t *responses)
{
	char status[STATUS_SIZE];

	(void)snprintf(status, sizeof(status), "%d", reply_status_of_success(success));
	openapi_set(doc, responses, status, success_response(doc, route, success));
}

json_t *openapi_responses(struct openapi *doc, const struct route *route)
{
	json_t *responses = json_object();

	add_success(doc, route, route->success, responses);
	if (route->or_ok)
		add_success(doc, route, SUCCESS_OK, responses);
	add_errors(doc, route, responses);
	return responses;
}
