/* SPDX-License-Identifier: Apache-2.0 */
/* t_plain.c: what the plain family brings beside the others: its errors, an operation of two families
 * in the document, members in two spellings, and bodies that core reads; and the age family's errors. */
#include "base.h"
#include "openapi.h"
#include "reply.h"
#include "scope.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct web web;

static int set_up(void **state UNUSED)
{
	memset(&web, 0, sizeof(web));
	memcpy(web.request_id, "req_1", sizeof("req_1"));
	buf_init(&web.reply, 100000);
	buf_init(&web.headers, 4096);
	return arena_new(1 << 20, &web.arena) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	buf_free(&web.reply);
	buf_free(&web.headers);
	arena_free(&web.arena);
	return 0;
}

static void is_answer(enum err err, int status, const char *headers, const char *body)
{
	reply_error(&web, err);
	assert_int_equal(web.status, status);
	assert_string_equal(buf_str(&web.headers), headers);
	assert_string_equal(buf_str(&web.reply), body);
}

/* ---- errors ------------------------------------------------------------------------------------ */

static const struct route plain_route = { .family = FAMILY_PLAIN, .operation = "showPlain" };
static const struct route session_route = { .family = FAMILY_SESSION, .operation = "show" };

static void test_plain_errors(void **state UNUSED)
{
	web.route = &plain_route;
	is_answer(ERR_UNAUTHORIZED, 401, "WWW-Authenticate: Bearer\r\n",
	    "{\"detail\":\"Invalid or missing API key\"}");
	is_answer(ERR_INSUFFICIENT_TOKENS, 402, "", "{\"detail\":\"Insufficient token balance\"}");
	is_answer(ERR_FORBIDDEN, 403, "", "{\"detail\":\"This API key may not do this.\"}");
	is_answer(ERR_SESSION_MOVE, 409, "",
	    "{\"detail\":\"This session cannot take that status now.\"}");
	is_answer(ERR_STEP_FACE_LIVENESS, 501, "",
	    "{\"detail\":\"The step FACE_LIVENESS has no provider configured on this server.\"}");
	is_answer(ERR_DB_BROKEN, 500, "", "{\"detail\":\"Something went wrong on our side.\"}");
	is_answer(ERR_UNAVAILABLE, 503, "Retry-After: 2\r\n",
	    "{\"detail\":\"The service is not available just now. Please try again.\"}");
}

static void test_every_plain_error_is_a_sentence(void **state UNUSED)
{
	web.route = &plain_route;
	for (int i = ERR_OK + 1; i < ERR__MAX; i++) {
		json_t *body = NULL;
		reply_error(&web, (enum err)i);
		assert_int_equal(json_read(web.reply.data, web.reply.len, &body, NULL), ERR_OK);
		assert_int_equal(json_object_size(body), 1);
		assert_true(json_get_text(body, "detail")[0] != '\0');
		json_decref(body);
	}
}

static void test_plain_complaints(void **state UNUSED)
{
	web.route = &plain_route;
	complain(&web.complaints, "email", "is required");
	complain(&web.complaints, "x", "is not a known field");
	is_answer(ERR_VALIDATION, 400, "",
	    "{\"detail\":\"The request is not valid: email is required; x is not a known "
	    "field.\"}");
	is_answer(ERR_FORBIDDEN, 403, "", "{\"detail\":\"This API key may not do this.\"}");
}

static void test_a_plain_error_without_room(void **state UNUSED)
{
	web.route = &plain_route;
	buf_free(&web.reply);
	buf_init(&web.reply, 10);
	reply_error(&web, ERR_FORBIDDEN);
	assert_int_equal(web.status, 403);
}

/* contract/age.md: these six texts and no other word, whatever went wrong. */
static void test_age_errors(void **state UNUSED)
{
	static const struct route route = { .family = FAMILY_AGE, .operation = "showAge" };
	static const struct {
		int status;
		const char *text;
	} texts[] = { { 401, "Unauthorized" }, { 402, "Forbidden" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 410, "Not Found" }, { 429, "Too Many Requests" },
		{ 500, "Internal Error" }, { 501, "Internal Error" }, { 503, "Internal Error" } };
	char expected[128];

	web.route = &route;
	complain(&web.complaints, "level", "is required");
	for (int i = ERR_OK + 1; i < ERR__MAX; i++) {
		const char *text = "Bad Request";
		reply_error(&web, (enum err)i);
		for (size_t k = 0; k < countof(texts); k++)
			text = texts[k].status == web.status ? texts[k].text : text;
		(void)snprintf(expected, sizeof(expected),
		    "{\"error\":\"%s\",\"correlationId\":\"req_1\"}", text);
		assert_string_equal(buf_str(&web.reply), expected);
	}
}

/* Without a credential nobody knows who asks: both families' words. */
static void test_errors_to_nobody_in_particular(void **state UNUSED)
{
	static const char both[] =
	    "{\"data\":null,\"error\":{\"code\":\"UNAUTHORIZED\",\"message\":\"Missing or invalid "
	    "API key.\",\"hint\":\"Send a valid key: Authorization: Bearer <your API key>.\","
	    "\"docs\":\"/reference#show\"},\"detail\":\"Invalid or missing API key\"}";

	web.in.path = "/v1/sessions/x";
	web.route = &session_route;
	is_answer(ERR_UNAUTHORIZED, 401, "WWW-Authenticate: Bearer\r\n", both);
	web.route = &plain_route;
	reply_error(&web, ERR_UNAUTHORIZED);
	assert_non_null(strstr(buf_str(&web.reply), "\"error\":{"));
	assert_non_null(strstr(buf_str(&web.reply), "\"detail\":"));
	web.in.api_key = "x";
	is_answer(ERR_UNAUTHORIZED, 401, "WWW-Authenticate: Bearer\r\n",
	    "{\"detail\":\"Invalid or missing API key\"}");
	web.in.authorization = "Bearer x";
	web.route = &session_route;
	reply_error(&web, ERR_UNAUTHORIZED);
	assert_null(strstr(buf_str(&web.reply), "\"detail\":"));
	/* Nor elsewhere. */
	web.in = (struct http_in){ .path = "/v1/events" };
	reply_error(&web, ERR_UNAUTHORIZED);
	assert_null(strstr(buf_str(&web.reply), "\"detail\":"));
}

static void test_objects_of_core(void **state UNUSED)
{
	web.route = &plain_route;
	assert_int_equal(reply_json(&web, json_pack("{s:n}", "next_token")), ERR_OK);
	assert_string_equal(buf_str(&web.reply), "{\"next_token\":null}");
	assert_int_equal(reply_json(&web, NULL), ERR_NOMEM);
}

/* ---- members in two spellings, and bodies that core reads ------------------------------------------ */

struct sample {
	const char *first;
	int64_t hours;
	const json_t *map;
	const json_t *list;
	const json_t *whatever;
};

static const struct field item_rows[] = {
	{ .type = FIELD_BOOL, .name = "on", .flags = FIELD_REQUIRED, .initial = DB_NULL },
};
static const struct field_set item_set = { .name = "Item", .rows = item_rows, .count = 1 };

static const struct field sample_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct sample, first, "firstName"), .alias = "first_name",
	    .flags = FIELD_REQUIRED, .min = 1, .max = 9 },
	{ ROW_I64(FIELD_INT, struct sample, hours, "hours"), .flags = FIELD_NULLABLE, .min = 1,
	    .max = 5, .initial = DB_NULL },
	{ ROW_JSON(struct sample, map, "map"), .set = &item_set, .max = 3 },
	{ ROW_JSON(struct sample, list, "list"), .flags = FIELD_ARRAY, .set = &item_set, .min = 1,
	    .max = 2 },
	{ ROW_JSON(struct sample, whatever, "whatever"), .flags = FIELD_ANY },
};
static const struct field_set sample_set = FIELD_SET("Sample", sample_rows, struct sample);

/* The complaints, one line each; "" for none. The body is let go when it was refused. */
static const char *read_sample(const char *text, struct sample *ret, json_t **ret_body)
{
	static char said[512];
	size_t n = 0;

	web.complaints.count = web.complaints.seen = 0;
	said[0] = '\0';
	assert_int_equal(json_read(text, strlen(text), ret_body, NULL), ERR_OK);
	enum err err = fields_read_json(&sample_set, *ret_body, web.arena, ret, &web.complaints);
	assert_int_equal(err, web.complaints.count == 0 ? ERR_OK : ERR_VALIDATION);
	for (size_t i = 0; i < web.complaints.count; i++)
		n += (size_t)snprintf(said + n, sizeof(said) - n, "%s %s\n",
		    web.complaints.items[i].field, web.complaints.items[i].message);
	return said;
}

static void is_said(const char *text, const char *expected)
{
	struct sample sample;
	json_t *body = NULL;

	assert_string_equal(read_sample(text, &sample, &body), expected);
	json_decref(body);
}

static void test_either_spelling(void **state UNUSED)
{
	struct sample sample;
	json_t *body = NULL;

	assert_string_equal(read_sample("{\"first_name\":\"snake\"}", &sample, &body), "");
	assert_string_equal(sample.first, "snake");
	json_decref(body);
	assert_string_equal(
	    read_sample("{\"first_name\":\"snake\",\"firstName\":\"camel\"}", &sample, &body), "");
	assert_string_equal(sample.first, "camel");
	json_decref(body);
	/* The name wins, whatever it says. */
	is_said("{\"first_name\":\"snake\",\"firstName\":null}", "firstName must be a string\n");
	is_said("{\"first_name\":1}", "firstName must be a string\n");
	is_said("{}", "firstName is required\n");
	is_said("{\"firstName\":\"x\",\"first_names\":\"y\"}",
	    "first_names is not a known field; did you mean \"firstName\"?\n");
}

static void test_what_core_reads(void **state UNUSED)
{
	static const char whole[] =
	    "{\"firstName\":\"x\",\"map\":{\"a\":7},\"list\":[],\"whatever\":null}";
	struct sample sample;
	json_t *body = NULL;

	assert_string_equal(read_sample(whole, &sample, &body), "");
	assert_ptr_equal(sample.map, json_object_get(body, "map"));
	assert_ptr_equal(sample.list, json_object_get(body, "list"));
	assert_ptr_equal(sample.whatever, json_object_get(body, "whatever"));
	json_decref(body);
	assert_string_equal(read_sample("{\"firstName\":\"x\"}", &sample, &body), "");
	assert_true(sample.map == NULL && sample.list == NULL && sample.whatever == NULL);
	json_decref(body);
	is_said("{\"firstName\":\"x\",\"map\":[]}", "map must be a JSON object\n");
	is_said("{\"firstName\":\"x\",\"list\":{}}", "list must be a JSON array\n");
	is_said("{\"firstName\":\"x\",\"list\":null}", "list must be a JSON array\n");
	is_said("{\"firstName\":\"x\",\"whatever\":\"text\"}", "");
}

#define ITEM \
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"on\":{\"type\":" \
	"\"boolean\",\"default\":true}},\"required\":[\"on\"]}"

static void test_their_schema(void **state UNUSED)
{
	json_t *schema = fields_schema(&sample_set, false);
	json_t *properties = json_object_get(schema, "properties");
	struct buf text;

	buf_init(&text, 4096);
	/* In either spelling, so neither is required by itself. */
	assert_null(json_object_get(schema, "required"));
	assert_string_equal(json_get_text(json_object_get(properties, "first_name"), "description"),
	    "The same as firstName, which wins where both are given.");
	assert_int_equal(json_write(json_object_get(properties, "map"), &text), ERR_OK);
	assert_string_equal(buf_str(&text),
	    "{\"type\":\"object\",\"additionalProperties\":" ITEM ",\"maxProperties\":3}");
	buf_clear(&text);
	assert_int_equal(json_write(json_object_get(properties, "list"), &text), ERR_OK);
	assert_string_equal(buf_str(&text),
	    "{\"type\":\"array\",\"items\":" ITEM ",\"minItems\":1,\"maxItems\":2}");
	buf_free(&text);
	json_decref(schema);
}

/* ---- one operation of two families ------------------------------------------------------------------ */

struct shown {
	const char *word;
};
struct asked {
	int64_t limit;
	const char *token;
};

static const struct field shown_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct shown, word, "word"), .sentence = "A word.",
	    .example = "\"x\"" },
};
static const struct field_set shown_set = FIELD_SET("Shown", shown_rows, struct shown);

static const struct field one_rows[] = {
	{ ROW_I64(FIELD_INT, struct asked, limit, "limit"), .min = 1, .max = 100,
	    .sentence = "How many." },
};
static const struct field_set one_query = FIELD_SET("OneQuery", one_rows, struct asked);

static const struct field other_rows[] = {
	{ ROW_I64(FIELD_INT, struct asked, limit, "limit"), .min = 1, .max = 500,
	    .sentence = "How many." },
	{ ROW_TEXT(FIELD_TEXT, struct asked, token, "token"), .min = 1, .max = 9,
	    .sentence = "Where." },
};
static const struct field_set other_query = FIELD_SET("OtherQuery", other_rows, struct asked);

static const enum err one_errors[] = { ERR_OK };
static const enum err other_errors[] = { ERR_SESSION_NOT_FOUND, ERR_SESSION_MOVE,
	ERR_IDEMPOTENCY_IN_PROGRESS, ERR_OK };

#define SHARED(verb, name, whose, set, list) \
	.method = verb, .path = "/v1/sessions", .operation = name, .summary = "Look", \
	.family = whose, .credential = CREDENTIAL_KEY, .scopes = SCOPE_SESSIONS_READ, \
	.reply = &shown_set, .query = set, .errors = list

static json_t *written(const struct route *table, size_t count)
{
	json_t *document = NULL;
	struct buf text;

	buf_init(&text, OPENAPI_MAX);
	assert_int_equal(openapi_write(table, count, false, &text), ERR_OK);
	document = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(document);
	buf_free(&text);
	return document;
}

static json_t *operation_of(json_t *document)
{
	json_t *paths = json_object_get(document, "paths");

	assert_int_equal(json_object_size(paths), 1);
	return json_object_get(json_object_get(paths, "/v1/sessions"), "get");
}

static void is_json(const json_t *value, const char *expected)
{
	struct buf text;

	buf_init(&text, 8192);
	assert_int_equal(json_write(value, &text), ERR_OK);
	assert_string_equal(buf_str(&text), expected);
	buf_free(&text);
}

static json_t *schema_of(json_t *operation, const char *status)
{
	json_t *response = json_object_get(json_object_get(operation, "responses"), status);
	json_t *content = json_object_get(response, "content");

	return json_object_get(json_object_get(content, "application/json"), "schema");
}

static void test_two_rows_are_one_operation(void **state UNUSED)
{
	static const struct route table[] = {
		{ SHARED("GET", "look", FAMILY_SESSION, &one_query, one_errors) },
		{ SHARED("GET", "lookPlain", FAMILY_PLAIN, &other_query, other_errors) },
	};
	json_t *document = written(table, countof(table));
	json_t *operation = operation_of(document), *limit, *token;

	assert_string_equal(json_get_text(operation, "operationId"), "look");
	is_json(json_object_get(operation, "tags"), "[\"session\",\"plain\"]");
	is_json(json_object_get(operation, "security"),
	    "[{\"bearer\":[\"sessions:read\"]},{\"apiKey\":[\"sessions:read\"]}]");
	json_t *parameters = json_object_get(operation, "parameters");
	assert_int_equal(json_array_size(parameters), 2);
	limit = json_object_get(json_array_get(parameters, 0), "schema");
	token = json_array_get(parameters, 1);
	is_json(limit,
	    "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":0,"
	    "\"description\":\"How many.\",\"title\":\"With Authorization\"},"
	    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":500,\"default\":0,"
	    "\"description\":\"How many.\",\"title\":\"With X-API-Key\"}]}");
	assert_string_equal(json_get_text(token, "description"), "With X-API-Key: Where.");
	assert_string_equal(
	    json_get_text(json_object_get(token, "schema"), "title"), "With X-API-Key");
	json_t *ways = json_object_get(schema_of(operation, "200"), "oneOf");
	assert_int_equal(json_array_size(ways), 2);
	is_json(json_array_get(ways, 1),
	    "{\"title\":\"With X-API-Key\",\"allOf\":[{\"$ref\":\"#/components/schemas/Shown\"}]}");
	/* What only one of them answers is under its title alone. */
	assert_string_equal(json_get_text(schema_of(operation, "404"), "title"), "With X-API-Key");
	json_decref(document);
}

/* One status can be two kinds of error, and only one of them says when to come back. */
static void test_two_kinds_of_one_status(void **state UNUSED)
{
	static const struct route row = { SHARED(
	    "GET", "lookPlain", FAMILY_PLAIN, &other_query, other_errors) };
	json_t *document = written(&row, 1), *responses, *response;
	size_t found = 0;
	const char *name;

	responses = json_object_get(json_object_get(document, "components"), "responses");
	json_object_foreach(responses, name, response)
	{
		if (strstr(name, "SESSION_MOVE") == NULL)
			continue;
		found++;
		assert_non_null(strstr(name, "IDEMPOTENCY_IN_PROGRESS"));
		assert_null(json_object_get(json_object_get(response, "headers"), "Retry-After"));
	}
	assert_int_equal(found, 1);
	is_json(json_object_get(operation_of(document), "security"),
	    "[{\"apiKey\":[\"sessions:read\"]}]");
	json_decref(document);
}

/* Whoever sends no key to a row of one family is answered in the other's shape too. */
static void test_strangers_are_in_the_document(void **state UNUSED)
{
	static const struct route row = { SHARED(
	    "GET", "lookPlain", FAMILY_PLAIN, &other_query, other_errors) };
	json_t *document = written(&row, 1), *response = NULL, *media;
	const char *name;
	json_t *value;

	json_object_foreach(
	    json_object_get(json_object_get(document, "components"), "responses"), name, value)
	{
		if (strstr(name, "UNAUTHORIZED") != NULL)
			response = value;
	}
	media = json_object_get(json_object_get(response, "content"), "application/json");
	is_json(json_object_get(media, "schema"),
	    "{\"anyOf\":[{\"$ref\":\"#/components/schemas/PlainError\"},"
	    "{\"$ref\":\"#/components/schemas/SessionError\"}]}");
	json_decref(document);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_plain_errors),
		TEST(test_every_plain_error_is_a_sentence),
		TEST(test_plain_complaints),
		TEST(test_a_plain_error_without_room),
		TEST(test_age_errors),
		TEST(test_errors_to_nobody_in_particular),
		TEST(test_objects_of_core),
		TEST(test_either_spelling),
		TEST(test_what_core_reads),
		TEST(test_their_schema),
		TEST(test_two_rows_are_one_operation),
		TEST(test_two_kinds_of_one_status),
		TEST(test_strangers_are_in_the_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
