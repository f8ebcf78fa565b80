/* SPDX-License-Identifier: Apache-2.0 */
/* t_reply.c: statuses, the exact bytes of errors and of successes, and their headers; and what
 * field rows of each type write into a reply. */
#include "base.h"
#include "reply.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define BROKEN_BODY \
	"{\"error\":{\"code\":\"INTERNAL_ERROR\",\"message\":\"Something went wrong on our " \
	"side.\",\"details\":{\"request_id\":\"req_1\"}}}"
#define UNAVAILABLE_BODY \
	"{\"error\":{\"code\":\"UNAVAILABLE\",\"message\":\"The service is not available just " \
	"now. Please try again.\",\"details\":{\"request_id\":\"req_1\"}}}"
#define VALIDATION_HEAD \
	"{\"error\":{\"code\":\"VALIDATION_ERROR\",\"message\":\"The request is not valid.\"," \
	"\"details\":"

/* What a handler would answer with. */
struct item {
	const char *name;
	int64_t number;
};

static const struct field item_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct item, name, "name") },
	{ ROW_I64(FIELD_INT, struct item, number, "number") },
};
static const struct field_set item_set = FIELD_SET("Item", item_rows, struct item);
static const struct route kyc_route = { .family = FAMILY_KYC, .reply = &item_set };
static const struct route session_route = {
	.family = FAMILY_SESSION, .operation = "showItem", .reply = &item_set
};
static const struct route ops_route = { .family = FAMILY_OPS };

static const struct item items[] = { { "one", 1 }, { NULL, DB_NULL }, { "\"3\"", -3 } };
#define ITEM_1 "{\"name\":\"one\",\"number\":1}"
#define ITEM_2 "{\"name\":null,\"number\":null}"
#define ITEM_3 "{\"name\":\"\\\"3\\\"\",\"number\":-3}"

static struct web web;

static void set_caps(size_t reply_cap, size_t headers_cap)
{
	buf_free(&web.reply);
	buf_free(&web.headers);
	buf_init(&web.reply, reply_cap);
	buf_init(&web.headers, headers_cap);
}

static int set_up(void **state UNUSED)
{
	memset(&web, 0, sizeof(web));
	set_caps(100000, 4096);
	memcpy(web.request_id, "req_1", sizeof("req_1"));
	web.route = &kyc_route;
	return 0;
}

static int tear_down(void **state UNUSED)
{
	buf_free(&web.reply);
	buf_free(&web.headers);
	return 0;
}

static void is_answer(int status, const char *headers, const char *body)
{
	assert_int_equal(web.status, status);
	assert_string_equal(buf_str(&web.headers), headers);
	assert_string_equal(buf_str(&web.reply), body);
}

static void test_status_of_every_kind(void **state UNUSED)
{
	static const int expected[] = {
		[ERR_KIND_NONE] = 200,
		[ERR_KIND_INVALID] = 400,
		[ERR_KIND_UNAUTHENTICATED] = 401,
		[ERR_KIND_PAYMENT] = 402,
		[ERR_KIND_DENIED] = 403,
		[ERR_KIND_MISSING] = 404,
		[ERR_KIND_METHOD] = 405,
		[ERR_KIND_CONFLICT] = 409,
		[ERR_KIND_REFUSED] = 409,
		[ERR_KIND_GONE] = 410,
		[ERR_KIND_TOO_LARGE] = 413,
		[ERR_KIND_MEDIA_TYPE] = 415,
		[ERR_KIND_MISMATCH] = 422,
		[ERR_KIND_LIMITED] = 429,
		[ERR_KIND_BROKEN] = 500,
		[ERR_KIND_NOT_CONFIGURED] = 501,
		[ERR_KIND_UNAVAILABLE] = 503,
		[ERR_KIND_INTERNAL] = 500,
	};

	/* A new kind without a status here, or there, is a fault. */
	assert_int_equal(countof(expected), ERR_KIND__MAX);
	for (size_t i = 0; i < countof(expected); i++)
		assert_int_equal(reply_status_of((enum err_kind)i), expected[i]);
}

static void test_status_of_every_success(void **state UNUSED)
{
	assert_int_equal(reply_status_of_success(SUCCESS_OK), 200);
	assert_int_equal(reply_status_of_success(SUCCESS_CREATED), 201);
	assert_int_equal(reply_status_of_success(SUCCESS_ACCEPTED), 202);
	assert_int_equal(reply_status_of_success(SUCCESS_NO_CONTENT), 204);
}

struct error_case {
	enum err err;
	int status;
	const char *headers;
	const char *body;
};

static const struct error_case error_cases[] = {
	{ ERR_VALIDATION, 400, "", VALIDATION_HEAD "{}}}" },
	{ ERR_UNAUTHORIZED, 401, "WWW-Authenticate: Bearer\r\n",
	    "{\"error\":{\"code\":\"UNAUTHORIZED\",\"message\":\"Missing or invalid API key.\","
	    "\"details\":{}}}" },
	{ ERR_INSUFFICIENT_TOKENS, 402, "",
	    "{\"error\":{\"code\":\"INSUFFICIENT_TOKENS\",\"message\":\"The token balance is too "
	    "low.\",\"details\":{}}}" },
	{ ERR_FORBIDDEN, 403, "",
	    "{\"error\":{\"code\":\"FORBIDDEN\",\"message\":\"This API key may not do this.\","
	    "\"details\":{}}}" },
	{ ERR_VERIFICATION_NOT_FOUND, 404, "",
	    "{\"error\":{\"code\":\"VERIFICATION_NOT_FOUND\",\"message\":\"There is no such "
	    "verification.\",\"details\":{}}}" },
	{ ERR_METHOD_NOT_ALLOWED, 405, "",
	    "{\"error\":{\"code\":\"METHOD_NOT_ALLOWED\",\"message\":\"This address does not "
	    "answer that method.\",\"details\":{}}}" },
	{ ERR_IDEMPOTENCY_IN_PROGRESS, 409, "Retry-After: 1\r\n",
	    "{\"error\":{\"code\":\"IDEMPOTENCY_IN_PROGRESS\",\"message\":\"A request with this "
	    "Idempotency-Key is still running.\",\"details\":{}}}" },
	{ ERR_PAYLOAD_TOO_LARGE, 413, "",
	    "{\"error\":{\"code\":\"PAYLOAD_TOO_LARGE\",\"message\":\"The request body is too "
	    "large.\",\"details\":{}}}" },
	{ ERR_UNSUPPORTED_MEDIA_TYPE, 415, "",
	    "{\"error\":{\"code\":\"UNSUPPORTED_MEDIA_TYPE\",\"message\":\"The body must be sent "
	    "as application/json.\",\"details\":{}}}" },
	{ ERR_IDEMPOTENCY_MISMATCH, 422, "",
	    "{\"error\":{\"code\":\"IDEMPOTENCY_MISMATCH\",\"message\":\"This Idempotency-Key was "
	    "used with another request.\",\"details\":{}}}" },
	{ ERR_RATE_LIMIT_EXCEEDED, 429, "Retry-After: 1\r\n",
	    "{\"error\":{\"code\":\"RATE_LIMIT_EXCEEDED\",\"message\":\"Too many requests.\","
	    "\"details\":{}}}" },
	{ ERR_INTERNAL, 500, "", BROKEN_BODY },
	{ ERR_UNAVAILABLE, 503, "Retry-After: 2\r\n", UNAVAILABLE_BODY },
	/* Errors between floors show nothing of themselves. */
	{ ERR_NOMEM, 500, "", BROKEN_BODY },
	{ ERR_TAMPERED, 500, "", BROKEN_BODY },
	{ ERR_DB_BROKEN, 500, "", BROKEN_BODY },
	{ ERR_DB_DUPLICATE, 500, "", BROKEN_BODY },
	{ ERR_DB_LOST, 503, "Retry-After: 2\r\n", UNAVAILABLE_BODY },
	{ ERR_DB_NOT_READY, 503, "Retry-After: 2\r\n", UNAVAILABLE_BODY },
	{ ERR_DB_UNCERTAIN, 503, "Retry-After: 2\r\n", UNAVAILABLE_BODY },
	{ (enum err)(ERR__MAX + 7), 500, "", BROKEN_BODY },
};

static void test_errors(void **state UNUSED)
{
	for (size_t i = 0; i < countof(error_cases); i++) {
		reply_error(&web, error_cases[i].err);
		is_answer(error_cases[i].status, error_cases[i].headers, error_cases[i].body);
	}
}

/* The same shape for our own pages, and where no route was found. */
static void test_errors_of_other_families(void **state UNUSED)
{
	static const struct route *const others[] = { &ops_route, NULL };

	for (size_t n = 0; n < countof(others); n++) {
		web.route = others[n];
		for (size_t i = 0; i < countof(error_cases); i++) {
			reply_error(&web, error_cases[i].err);
			is_answer(
			    error_cases[i].status, error_cases[i].headers, error_cases[i].body);
		}
	}
}

/* Every error there is: its public word and sentence, and the request id from 500 on only. */
static void test_every_error_has_its_body(void **state UNUSED)
{
	for (int i = ERR_OK + 1; i < ERR__MAX; i++) {
		enum err shown = err_public((enum err)i);
		int status = reply_status_of(err_kind(shown));
		char expected[512];

		(void)snprintf(expected, sizeof(expected),
		    "{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"details\":{%s}}}",
		    err_code(shown), err_sentence(shown),
		    status >= 500 ? "\"request_id\":\"req_1\"" : "");
		reply_error(&web, (enum err)i);
		assert_int_equal(web.status, status);
		assert_true(status >= 400);
		assert_string_equal(buf_str(&web.reply), expected);
	}
}

static void test_complaints_are_details(void **state UNUSED)
{
	complain(&web.complaints, "country", "is required");
	complain(&web.complaints, "a\"\n\xc3\xa9", "is not a known field; did you mean \"b\"?");
	reply_error(&web, ERR_VALIDATION);
	is_answer(400, "",
	    VALIDATION_HEAD
	    "{\"errors\":[{\"field\":\"country\",\"message\":\"is required\"},"
	    "{\"field\":\"a\\\"\\n\xc3\xa9\",\"message\":\"is not a known field; did you mean "
	    "\\\"b\\\"?\"}]}}}");
	reply_error(&web, ERR_UNSUPPORTED_ID_TYPE);
	is_answer(400, "",
	    "{\"error\":{\"code\":\"UNSUPPORTED_ID_TYPE\",\"message\":\"This kind of document is "
	    "not supported for this country.\",\"details\":{\"errors\":[{\"field\":\"country\","
	    "\"message\":\"is required\"},{\"field\":\"a\\\"\\n\xc3\xa9\",\"message\":\"is not a "
	    "known field; did you mean \\\"b\\\"?\"}]}}}");
}

/* What was wrong with the body is not said to whom may not send it, nor with a fault of ours. */
static void test_complaints_belong_to_their_kind(void **state UNUSED)
{
	complain(&web.complaints, "country", "is required");
	for (size_t i = 1; i < countof(error_cases); i++) {
		reply_error(&web, error_cases[i].err);
		is_answer(error_cases[i].status, error_cases[i].headers, error_cases[i].body);
	}
}

static void test_an_error_takes_the_place_of_a_success(void **state UNUSED)
{
	web.status = 200;
	reply_header(&web, "Location", "/v1/x");
	assert_int_equal(reply_object(&web, &items[0]), ERR_OK);
	reply_error(&web, ERR_FORBIDDEN);
	assert_int_equal(web.status, 403);
	assert_string_equal(buf_str(&web.headers), "");
	assert_string_equal(buf_str(&web.reply),
	    "{\"error\":{\"code\":\"FORBIDDEN\",\"message\":\"This API key may not do this.\","
	    "\"details\":{}}}");
}

/* A reply that was too large left the buffer failed; the error must still be said. */
static void test_an_error_after_a_reply_that_was_too_large(void **state UNUSED)
{
	set_caps(150, 4096);
	assert_int_equal(reply_list(&web, items, countof(items)), ERR_OK);
	assert_int_equal(reply_list(&web, items, countof(items)), ERR_FULL);
	assert_true(buf_failed(&web.reply));
	reply_error(&web, ERR_FULL);
	is_answer(500, "", BROKEN_BODY);
	assert_false(buf_failed(&web.reply));
}

/* Where even the error has no room, a fixed one stands in its place, whole. */
static void test_an_error_that_has_no_room(void **state UNUSED)
{
	static const char text[] = "a message that is far too long for the room that is left here";

	set_caps(100, 4096);
	complain(&web.complaints, "country", text);
	reply_error(&web, ERR_VALIDATION);
	is_answer(400, "",
	    "{\"error\":{\"code\":\"INTERNAL_ERROR\",\"message\":\"Something went wrong on our "
	    "side.\",\"details\":{}}}");
}

/* ---- family session ------------------------------------------------------------------------------ */

#define SESSION_HEAD "{\"data\":null,\"error\":{\"code\":"

static void test_session_errors(void **state UNUSED)
{
	static const struct error_case cases[] = {
		{ ERR_VALIDATION, 400, "",
		    SESSION_HEAD "\"BAD_REQUEST\",\"message\":\"The request is not valid.\","
				 "\"hint\":\"Correct the request and send it again.\","
				 "\"docs\":\"/reference#showItem\"}}" },
		{ ERR_WEBHOOK_NOT_FOUND, 404, "",
		    SESSION_HEAD "\"NOT_FOUND\",\"message\":\"Webhook endpoint not found.\","
				 "\"hint\":\"No webhook endpoint with this id is visible to this "
				 "key.\",\"docs\":\"/reference#showItem\"}}" },
		{ ERR_DELIVERY_BUSY, 409, "Retry-After: 1\r\n",
		    SESSION_HEAD
		    "\"CONFLICT\",\"message\":\"Webhook delivery cannot be "
		    "retried.\",\"hint\":\"The delivery is under way just now; retry it "
		    "when it has ended.\",\"docs\":\"/reference#showItem\"}}" },
		{ ERR_DELIVERY_NO_KEY, 409, "Retry-After: 1\r\n",
		    SESSION_HEAD
		    "\"CONFLICT\",\"message\":\"Webhook delivery cannot be "
		    "retried.\",\"hint\":\"The endpoint has no active encryption key; add one "
		    "and retry the delivery.\",\"docs\":\"/reference#showItem\"}}" },
		{ ERR_DB_BROKEN, 500, "",
		    SESSION_HEAD "\"INTERNAL_SERVER_ERROR\",\"message\":\"Something went wrong "
				 "on our side.\",\"hint\":\"Try again; if it stays so, tell your "
				 "operator the X-Request-Id of this answer.\","
				 "\"docs\":\"/reference#showItem\"}}" },
	};

	web.route = &session_route;
	for (size_t i = 0; i < countof(cases); i++) {
		reply_error(&web, cases[i].err);
		is_answer(cases[i].status, cases[i].headers, cases[i].body);
	}
	/* Where there is no route, the path says whose shape it is. */
	web.route = NULL;
	web.in.path = "/v1/events/x/y";
	reply_error(&web, ERR_NOT_FOUND);
	is_answer(404, "",
	    SESSION_HEAD "\"NOT_FOUND\",\"message\":\"There is nothing at this address.\","
			 "\"hint\":\"Check the path against the reference.\","
			 "\"docs\":\"/reference\"}}");
}

/* Four texts, whatever the error, and the words of this family. */
static void test_every_session_error_is_whole(void **state UNUSED)
{
	static const char *const members[] = { "code", "message", "hint", "docs" };

	web.route = &session_route;
	for (int i = ERR_OK + 1; i < ERR__MAX; i++) {
		json_t *body = NULL;
		reply_error(&web, (enum err)i);
		assert_int_equal(json_read(web.reply.data, web.reply.len, &body, NULL), ERR_OK);
		const json_t *error = json_object_get(body, "error");
		assert_true(json_is_null(json_object_get(body, "data")));
		assert_int_equal(json_object_size(body), 2);
		assert_int_equal(json_object_size(error), countof(members));
		for (size_t k = 0; k < countof(members); k++) {
			const char *text = json_get_text(error, members[k]);
			assert_non_null(text);
			assert_true(text[0] != '\0');
		}
		assert_string_not_equal(json_get_text(error, "code"), "VALIDATION_ERROR");
		assert_string_not_equal(json_get_text(error, "code"), "INTERNAL_ERROR");
		json_decref(body);
	}
}

static void test_session_complaints(void **state UNUSED)
{
	web.route = &session_route;
	complain(&web.complaints, "url", "is required");
	complain(&web.complaints, "x", "is not a known field");
	reply_error(&web, ERR_VALIDATION);
	is_answer(400, "",
	    SESSION_HEAD
	    "\"BAD_REQUEST\",\"message\":\"The request is not valid: url is required.\","
	    "\"hint\":\"url is required; x is not a known field.\","
	    "\"docs\":\"/reference#showItem\"}}");
	reply_error(&web, ERR_FORBIDDEN);
	assert_null(strstr(buf_str(&web.reply), "url"));
}

/* The most that can be said fits. */
static void test_session_complaints_without_end(void **state UNUSED)
{
	static const char field[] =
	    "a_member_with_a_very_long_name_that_somebody_thought_of_one_day_";
	static char message[1024];

	memset(message, 'm', sizeof(message) - 1);
	web.route = &session_route;
	set_caps(300000, 4096);
	for (size_t i = 0; i < LIMIT_COMPLAINTS; i++)
		complain(&web.complaints, field, message);
	reply_error(&web, ERR_VALIDATION);
	assert_int_equal(web.status, 400);
	assert_true(web.reply.len > LIMIT_COMPLAINTS * sizeof(message));
	assert_int_equal(web.reply.data[web.reply.len - 1], '}');
}

struct page_item {
	struct uuid id;
};
struct page_query {
	const char *after;
	int64_t limit;
};

static const struct field page_item_rows[] = { { ROW_ID(ID_EVENT, struct page_item, id, "id") } };
static const struct field page_query_rows[] = { ROW_LIMIT(struct page_query),
	ROW_AFTER(struct page_query, "evt", "an event") };
static const struct field_set page_item_set =
    FIELD_SET("PageItem", page_item_rows, struct page_item);
static const struct field_set page_query_set =
    FIELD_SET("PageQuery", page_query_rows, struct page_query);
static const struct route page_route = { .family = FAMILY_SESSION,
	.operation = "listItems",
	.query = &page_query_set,
	.reply = &page_item_set,
	.reply_is_list = true };

static void test_session_pages(void **state UNUSED)
{
	static const struct page_item two[] = { { { { [15] = 1 } } }, { { { [15] = 2 } } } };
	struct page_query query = { .limit = 2 };

	web.route = &page_route;
	web.query = &query;
	assert_int_equal(reply_more(&web, two, 2, true), ERR_OK);
	assert_string_equal(buf_str(&web.reply),
	    "{\"data\":[{\"id\":\"evt_00000000000000000000000001\"},"
	    "{\"id\":\"evt_00000000000000000000000002\"}],\"error\":null,"
	    "\"pagination\":{\"limit\":2,\"has_more\":true,"
	    "\"next_cursor\":\"evt_00000000000000000000000002\"}}");
	reply_reset(&web);
	assert_int_equal(reply_more(&web, NULL, 0, false), ERR_OK);
	assert_string_equal(buf_str(&web.reply),
	    "{\"data\":[],\"error\":null,"
	    "\"pagination\":{\"limit\":2,\"has_more\":false,\"next_cursor\":null}}");
	/* An error says the limit too: the default where the query was not read. */
	reply_error(&web, ERR_FORBIDDEN);
	assert_non_null(strstr(buf_str(&web.reply),
	    "\"docs\":\"/reference#listItems\"},"
	    "\"pagination\":{\"limit\":2,\"has_more\":false,\"next_cursor\":null}}"));
	web.query = NULL;
	reply_error(&web, ERR_UNAUTHORIZED);
	assert_non_null(strstr(buf_str(&web.reply), "\"pagination\":{\"limit\":10,"));
}

static void test_session_object(void **state UNUSED)
{
	web.route = &session_route;
	assert_int_equal(reply_object(&web, &items[0]), ERR_OK);
	assert_string_equal(buf_str(&web.reply), "{\"data\":" ITEM_1 ",\"error\":null}");
}

static void test_reset(void **state UNUSED)
{
	web.status = 201;
	reply_header(&web, "A", "b");
	buf_adds(&web.reply, "body");
	reply_reset(&web);
	is_answer(0, "", "");
}

static void test_headers(void **state UNUSED)
{
	reply_header(&web, "A", "one");
	reply_header(&web, "B", "");
	reply_header(&web, "C", "caf\xc3\xa9 \"~\\");
	assert_string_equal(buf_str(&web.headers), "A: one\r\nB: \r\nC: caf\xc3\xa9 \"~\\\r\n");
}

static void test_headers_refuse_control_characters(void **state UNUSED)
{
	char value[] = "a?b";

	for (int c = 1; c < 0x20; c++) {
		value[1] = (char)c;
		reply_header(&web, "A", value);
	}
	reply_header(&web, "A", "a\x7f");
	reply_header(&web, "A", "\r\nSet-Cookie: x=1");
	reply_header(&web, "A", "x\n");
	assert_string_equal(buf_str(&web.headers), "");
	assert_false(buf_failed(&web.headers));
}

/* A header that does not fit leaves no half of itself. */
static void test_headers_that_do_not_fit(void **state UNUSED)
{
	set_caps(1000, 20);
	reply_header(&web, "A", "one");
	reply_header(&web, "B", "0123456789abcdef");
	assert_string_equal(buf_str(&web.headers), "A: one\r\n");
}

#define FINISH_LINES \
	"X-Request-Id: req_1\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

static void test_finish(void **state UNUSED)
{
	/* Nothing to say, nothing to say what it is. */
	reply_finish(&web);
	assert_string_equal(buf_str(&web.headers), FINISH_LINES);
	reply_reset(&web);
	buf_adds(&web.reply, "{}");
	reply_finish(&web);
	assert_string_equal(buf_str(&web.headers),
	    FINISH_LINES "Content-Type: application/json; charset=utf-8\r\n");
	reply_error(&web, ERR_UNAUTHORIZED);
	reply_finish(&web);
	assert_string_equal(buf_str(&web.headers),
	    "WWW-Authenticate: Bearer\r\n" FINISH_LINES
	    "Content-Type: application/json; charset=utf-8\r\n");
}

static void test_raw(void **state UNUSED)
{
	assert_int_equal(reply_raw(&web, "text/plain; version=0.0.4", "a\0b\n", 4), ERR_OK);
	assert_int_equal(web.reply.len, 4);
	assert_memory_equal(web.reply.data, "a\0b\n", 4);
	/* Its own media type stays the only one. */
	reply_finish(&web);
	assert_string_equal(
	    buf_str(&web.headers), "Content-Type: text/plain; version=0.0.4\r\n" FINISH_LINES);
	set_caps(3, 4096);
	assert_int_equal(reply_raw(&web, "text/plain", "four", 4), ERR_FULL);
}

static void test_object(void **state UNUSED)
{
	assert_int_equal(reply_object(&web, &items[2]), ERR_OK);
	is_answer(0, "", "{\"data\":" ITEM_3 "}");
	/* The last byte counts too. */
	set_caps(strlen("{\"data\":" ITEM_3), 4096);
	assert_int_equal(reply_object(&web, &items[2]), ERR_FULL);
	set_caps(strlen("{\"data\":" ITEM_3 "}"), 4096);
	assert_int_equal(reply_object(&web, &items[2]), ERR_OK);
}

static void test_bare_object(void **state UNUSED)
{
	static const struct route bare = {
		.family = FAMILY_SESSION, .reply = &item_set, .flags = ROUTE_BARE_REPLY
	};

	web.route = &bare;
	assert_int_equal(reply_object(&web, &items[0]), ERR_OK);
	is_answer(0, "", ITEM_1);
}

static void test_list(void **state UNUSED)
{
	assert_int_equal(reply_list(&web, NULL, 0), ERR_OK);
	is_answer(0, "", "{\"data\":[]}");
	reply_reset(&web);
	assert_int_equal(reply_list(&web, items, 1), ERR_OK);
	is_answer(0, "", "{\"data\":[" ITEM_1 "]}");
	reply_reset(&web);
	assert_int_equal(reply_list(&web, items, countof(items)), ERR_OK);
	is_answer(0, "", "{\"data\":[" ITEM_1 "," ITEM_2 "," ITEM_3 "]}");
	set_caps(strlen("{\"data\":[" ITEM_1 "]"), 4096);
	assert_int_equal(reply_list(&web, items, 1), ERR_FULL);
}

static void test_page(void **state UNUSED)
{
	assert_int_equal(reply_page(&web, NULL, 0, NULL, 0), ERR_OK);
	is_answer(0, "", "{\"data\":[],\"meta\":{\"next_cursor\":null,\"total\":0}}");
	reply_reset(&web);
	assert_int_equal(reply_page(&web, items, 2, "Ab-9_", INT64_MAX), ERR_OK);
	is_answer(0, "",
	    "{\"data\":[" ITEM_1 "," ITEM_2 "],\"meta\":{\"next_cursor\":\"Ab-9_\","
	    "\"total\":9223372036854775807}}");
	set_caps(
	    strlen("{\"data\":[" ITEM_1 "],\"meta\":{\"next_cursor\":null,\"total\":1}"), 4096);
	assert_int_equal(reply_page(&web, items, 1, NULL, 1), ERR_FULL);
}

/* ---- what rows write ---------------------------------------------------------------------------- */

/* One member of each type. */
struct shown {
	const char *text;
	const char *color;
	const char *colors;
	bool flag;
	int64_t number;
	const char *day;
	int64_t to_ms;
	struct uuid id;
	int64_t ratio;
};

static const char *const colors[] = { "red", "green", "blue" };
static const struct word_list color_words = { "Color", countof(colors), colors };

static const struct field shown_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct shown, text, "text") },
	{ ROW_TEXT(FIELD_WORD, struct shown, color, "color"), .words = &color_words },
	{ ROW_TEXT(FIELD_WORDS, struct shown, colors, "colors"), .words = &color_words },
	{ ROW_BOOL(struct shown, flag, "flag") },
	{ ROW_I64(FIELD_INT, struct shown, number, "number"), .max = 9 },
	{ ROW_TEXT(FIELD_DATE, struct shown, day, "day") },
	{ ROW_I64(FIELD_TIME, struct shown, to_ms, "to"), .flags = FIELD_NULLABLE },
	{ ROW_ID(ID_KEY, struct shown, id, "id") },
	{ ROW_I64(FIELD_RATIO, struct shown, ratio, "ratio") },
};
static const struct field_set shown_set = FIELD_SET("Shown", shown_rows, struct shown);

static void is_written(const struct shown *shown, const char *expected)
{
	struct buf out;

	buf_init(&out, strlen(expected));
	assert_int_equal(fields_write(&shown_set, shown, &out), ERR_OK);
	assert_string_equal(buf_str(&out), expected);
	buf_free(&out);
	/* One byte less is not enough. */
	buf_init(&out, strlen(expected) - 1);
	assert_int_equal(fields_write(&shown_set, shown, &out), ERR_FULL);
	buf_free(&out);
}

static void test_writes_every_type(void **state UNUSED)
{
	struct shown shown = { .text = "ab",
		.color = "green",
		.colors = "blue red blue",
		.number = -5,
		.day = "2024-02-29",
		.to_ms = INT64_C(1777679999999),
		/* The example of the TypeID specification. */
		.id = { { 0x01, 0x88, 0xba, 0xc7, 0x4a, 0xfa, 0x78, 0xaa, 0xbc, 0x3b, 0xbd, 0x1e,
		    0xef, 0x28, 0xd8, 0x81 } },
		.ratio = 87 };

	is_written(&shown,
	    "{\"text\":\"ab\",\"color\":\"green\",\"colors\":[\"blue\",\"red\",\"blue\"],"
	    "\"flag\":false,\"number\":-5,\"day\":\"2024-02-29\",\"to\":\"2026-05-01T23:59:59Z\","
	    "\"id\":\"key_01h2xcejqtf2nbrexx3vqjhp41\",\"ratio\":0.87}");
	shown.flag = true;
	shown.colors = "red";
	shown.number = INT64_MAX;
	shown.to_ms = 0;
	shown.ratio = 100;
	is_written(&shown,
	    "{\"text\":\"ab\",\"color\":\"green\",\"colors\":[\"red\"],\"flag\":true,"
	    "\"number\":9223372036854775807,\"day\":\"2024-02-29\",\"to\":\"1970-01-01T00:00:00Z\","
	    "\"id\":\"key_01h2xcejqtf2nbrexx3vqjhp41\",\"ratio\":1.00}");
}

static void test_writes_nulls(void **state UNUSED)
{
	struct shown shown = { .ratio = DB_NULL };

	shown.number = DB_NULL;
	shown.to_ms = TIME_NONE;
	is_written(&shown,
	    "{\"text\":null,\"color\":null,\"colors\":[],\"flag\":false,\"number\":null,"
	    "\"day\":null,\"to\":null,\"id\":null,\"ratio\":null}");
	/* Zeros are values; no words are an empty list; one digit of percent keeps its place. */
	shown.text = "";
	shown.colors = "";
	shown.number = 0;
	shown.ratio = 7;
	is_written(&shown,
	    "{\"text\":\"\",\"color\":null,\"colors\":[],\"flag\":false,\"number\":0,"
	    "\"day\":null,\"to\":null,\"id\":null,\"ratio\":0.07}");
}

static void test_writes_escapes(void **state UNUSED)
{
	struct shown shown = { .ratio = 0 };
	struct buf out;
	json_t *read = NULL;

	shown.text = "\"\\/\b\t\n\f\r\x01\x1f\x7f</script>\xc3\xa9\xf0\x9f\x98\x80'";
	shown.to_ms = TIME_NONE;
	is_written(&shown,
	    "{\"text\":\"\\\"\\\\/\\u0008\\u0009\\u000a\\u000c\\u000d\\u0001\\u001f\x7f</script>"
	    "\xc3\xa9\xf0\x9f\x98\x80'\",\"color\":null,\"colors\":[],\"flag\":false,\"number\":0,"
	    "\"day\":null,\"to\":null,\"id\":null,\"ratio\":0.00}");
	/* A reader finds the same text again. */
	buf_init(&out, 1000);
	assert_int_equal(fields_write(&shown_set, &shown, &out), ERR_OK);
	assert_int_equal(json_read(out.data, out.len, &read, NULL), ERR_OK);
	assert_string_equal(json_get_text(read, "text"), shown.text);
	json_decref(read);
	buf_free(&out);
}

/* Sets in sets, JSON that is text already, and members that are there only where they say something. */
struct nest {
	struct item one;
	const struct item *all;
	size_t all_count;
	const char *labels;
	const char *raw;
	int64_t on;
	const char *text;
	bool flag;
	int64_t number;
	struct uuid id;
};

static const struct field nest_rows[] = {
	{ ROW_OBJECT(struct nest, one, &item_set, "one") },
	{ ROW_OBJECTS(struct nest, all, all_count, &item_set, "all") },
	{ ROW_TEXT(FIELD_TEXTS, struct nest, labels, "labels"), .item_max = 9 },
	{ ROW_TEXT(FIELD_JSON, struct nest, raw, "raw"), .flags = FIELD_NULLABLE },
	{ ROW_I64(FIELD_SWITCH, struct nest, on, "on"), .flags = FIELD_NULLABLE },
	{ ROW_TEXT(FIELD_TEXT, struct nest, text, "text"), .flags = FIELD_OPTIONAL },
	{ ROW_BOOL(struct nest, flag, "flag"), .flags = FIELD_OPTIONAL },
	{ ROW_I64(FIELD_INT, struct nest, number, "number"), .flags = FIELD_OPTIONAL },
	{ ROW_ID(ID_KEY, struct nest, id, "id"), .flags = FIELD_OPTIONAL },
};
static const struct field_set nest_set = FIELD_SET("Nest", nest_rows, struct nest);

static void is_nest(const struct nest *nest, const char *expected)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(fields_write(&nest_set, nest, &out), ERR_OK);
	assert_string_equal(buf_str(&out), expected);
	buf_free(&out);
}

static void test_writes_nests(void **state UNUSED)
{
	struct nest nest = { .one = items[0], .on = DB_NULL, .number = DB_NULL };

	is_nest(&nest, "{\"one\":" ITEM_1 ",\"all\":[],\"labels\":[],\"raw\":null,\"on\":null}");
	nest = (struct nest){ .one = items[1],
		.all = items,
		.all_count = 2,
		.labels = "[\"a\"]",
		.raw = "{\"b\":[1]}",
		.on = 0,
		.text = "",
		.flag = true,
		.number = 0,
		.id = { { [15] = 1 } } };
	is_nest(&nest, "{\"one\":" ITEM_2 ",\"all\":[" ITEM_1 "," ITEM_2 "],\"labels\":[\"a\"],"
		       "\"raw\":{\"b\":[1]},\"on\":false,\"text\":\"\",\"flag\":true,\"number\":0,"
		       "\"id\":\"key_00000000000000000000000001\"}");
}

static void test_writes_behind_what_is_there(void **state UNUSED)
{
	static const struct field_set none = { .name = "None", .struct_size = 1 };
	struct buf out;

	buf_init(&out, 100);
	buf_adds(&out, "[");
	assert_int_equal(fields_write(&none, "", &out), ERR_OK);
	assert_string_equal(buf_str(&out), "[{}");
	buf_free(&out);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_status_of_every_kind),
		TEST(test_status_of_every_success),
		TEST(test_errors),
		TEST(test_errors_of_other_families),
		TEST(test_every_error_has_its_body),
		TEST(test_complaints_are_details),
		TEST(test_complaints_belong_to_their_kind),
		TEST(test_an_error_takes_the_place_of_a_success),
		TEST(test_an_error_after_a_reply_that_was_too_large),
		TEST(test_an_error_that_has_no_room),
		TEST(test_session_errors),
		TEST(test_every_session_error_is_whole),
		TEST(test_session_complaints),
		TEST(test_session_complaints_without_end),
		TEST(test_session_pages),
		TEST(test_session_object),
		TEST(test_writes_nests),
		TEST(test_reset),
		TEST(test_headers),
		TEST(test_headers_refuse_control_characters),
		TEST(test_headers_that_do_not_fit),
		TEST(test_finish),
		TEST(test_raw),
		TEST(test_object),
		TEST(test_bare_object),
		TEST(test_list),
		TEST(test_page),
		TEST(test_writes_every_type),
		TEST(test_writes_nulls),
		TEST(test_writes_escapes),
		TEST(test_writes_behind_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
