/* SPDX-License-Identifier: Apache-2.0 */
/* t_router.c: finding the row of a method and path, in a table of the test's own and in the product's. */
#include "base.h"
#include "arena.h"
#include "router.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* A small table of our own: only what the router looks at. The last row wants one parameter more
 * than there is room for. */
static const struct route table[] = {
	{ .method = "GET", .path = "/v1/things", .operation = "list" },
	{ .method = "POST", .path = "/v1/things", .operation = "make" },
	{ .method = "GET", .path = "/v1/things/{id}", .operation = "show" },
	{ .method = "DELETE", .path = "/v1/things/{id}", .operation = "remove" },
	{ .method = "PUT", .path = "/v1/things/special", .operation = "special" },
	{ .method = "POST", .path = "/v1/{kind}/parts/{part}", .operation = "part" },
	{ .method = "GET", .path = "/first/{any}", .operation = "first" },
	{ .method = "GET", .path = "/first/second", .operation = "second" },
	{ .method = "PATCH", .path = "/a b/\xc3\xa9", .operation = "spaced" },
	{ .method = "GET", .path = "/four/{a}/{b}/{c}/{d}", .operation = "four" },
	{ .method = "GET", .path = "/x/{a}/{b}/{c}/{d}/{e}", .operation = "five" },
};

static struct arena *arena;

static int set_up(void **state UNUSED)
{
	return arena_new(1 << 20, &arena) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	arena_free(&arena);
	return 0;
}

static struct http_in asked(const char *method, const char *path)
{
	return (struct http_in){ .method = method, .path = path };
}

static enum err look(const char *method, const char *path, struct router_match *ret_match)
{
	struct http_in in = asked(method, path);

	memset(ret_match, 0x55, sizeof(*ret_match));
	return router_find(table, countof(table), &in, arena, ret_match);
}

/* In the table there is, with a credential in the header that the family is chosen by. */
static enum err look_there(
    enum family family, const char *method, const char *path, struct router_match *ret_match)
{
	struct http_in in = asked(method, path);

	if (family == FAMILY_PLAIN)
		in.api_key = "x";
	else
		in.authorization = "Bearer x";
	return router_find(routes, route_count, &in, arena, ret_match);
}

static const char *allow_text(unsigned methods)
{
	static char text[64];

	memset(text, 'x', sizeof(text));
	router_allow(methods, text, sizeof(text));
	return text;
}

/* params: the decoded parameters, one space between. */
static void finds(const char *method, const char *path, const char *operation, const char *params)
{
	struct router_match match;
	char joined[128] = "";

	if (look(method, path, &match) != ERR_OK)
		fail_msg("%s %s was not found", method, path);
	assert_non_null(match.route);
	assert_true(match.path_known);
	assert_string_equal(match.route->operation, operation);
	for (size_t i = 0; i < match.param_count; i++)
		(void)snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s",
		    i == 0 ? "" : " ", match.params[i]);
	assert_string_equal(joined, params);
}

static void is_unknown(const char *path)
{
	static const char *const methods[] = { "GET", "POST", "DELETE", "OPTIONS", "HEAD" };

	for (size_t i = 0; i < countof(methods); i++) {
		struct router_match match;
		if (look(methods[i], path, &match) != ERR_NOT_FOUND)
			fail_msg("%s %s is not unknown", methods[i], path);
		assert_null(match.route);
		assert_false(match.path_known);
		assert_int_equal(match.methods, 0);
		assert_int_equal(match.param_count, 0);
	}
}

static void is_refused(const char *method, const char *path, const char *allow)
{
	struct router_match match;

	if (look(method, path, &match) != ERR_METHOD_NOT_ALLOWED)
		fail_msg("%s %s is not a wrong method", method, path);
	assert_null(match.route);
	assert_true(match.path_known);
	assert_string_equal(allow_text(match.methods), allow);
}

static void test_finds_every_row(void **state UNUSED)
{
	finds("GET", "/v1/things", "list", "");
	finds("POST", "/v1/things", "make", "");
	finds("GET", "/v1/things/7", "show", "7");
	finds("DELETE", "/v1/things/7", "remove", "7");
	finds("PUT", "/v1/things/special", "special", "");
	finds("POST", "/v1/blue/parts/9", "part", "blue 9");
	finds("GET", "/first/third", "first", "third");
	finds("PATCH", "/a b/\xc3\xa9", "spaced", "");
	finds("GET", "/four/1/2/3/4", "four", "1 2 3 4");
}

static void test_head_finds_the_row_of_get(void **state UNUSED)
{
	finds("HEAD", "/v1/things", "list", "");
	finds("HEAD", "/v1/things/7", "show", "7");
	/* No GET, no HEAD. */
	is_refused("HEAD", "/v1/blue/parts/9", "POST, OPTIONS");
}

static void test_unknown_paths(void **state UNUSED)
{
	static const char *const paths[] = {
		"",
		"*",
		"/",
		"//",
		"/v1",
		"v1/things",
		"/V1/things",
		"/v1/Things",
		"/v1/thing",
		"/v1/thingss",
		"/v1/things/7/8",
		"/v1/things/7/8/9",
		"/v1/things?limit=1",
		"http://example.org/v1/things",
	};

	for (size_t i = 0; i < countof(paths); i++)
		is_unknown(paths[i]);
}

static void test_empty_segments_match_nothing(void **state UNUSED)
{
	is_unknown("/v1/things/");
	is_unknown("/v1/things//");
	is_unknown("/v1//things");
	is_unknown("//v1/things");
	is_unknown("/v1/things/7/");
	is_unknown("/v1//parts/9");
	is_unknown("/v1/blue/parts/");
	is_unknown("/four/1/2/3/");
}

static void test_wrong_method(void **state UNUSED)
{
	is_refused("PUT", "/v1/things", "GET, HEAD, POST, OPTIONS");
	is_refused("OPTIONS", "/v1/things", "GET, HEAD, POST, OPTIONS");
	is_refused("PATCH", "/v1/things/7", "GET, HEAD, DELETE, OPTIONS");
	is_refused("GET", "/v1/blue/parts/9", "POST, OPTIONS");
	/* Methods are case-sensitive (RFC 9110 section 9.1), and any word may come. */
	is_refused("get", "/v1/things", "GET, HEAD, POST, OPTIONS");
	is_refused("TRACE", "/v1/things", "GET, HEAD, POST, OPTIONS");
	is_refused("", "/v1/things", "GET, HEAD, POST, OPTIONS");
	/* All rows of the path count, also those whose path is written in another way. */
	is_refused("PATCH", "/v1/things/special", "GET, HEAD, PUT, DELETE, OPTIONS");
}

static void test_the_found_row_says_what_else_is_answered(void **state UNUSED)
{
	struct router_match match;

	assert_int_equal(look("DELETE", "/v1/things/7", &match), ERR_OK);
	assert_string_equal(allow_text(match.methods), "GET, HEAD, DELETE, OPTIONS");
	/* The rows behind the one found were looked at; its parameters are its own. */
	assert_int_equal(match.param_count, 1);
	assert_string_equal(match.params[0], "7");
}

static void test_first_row_wins(void **state UNUSED)
{
	finds("GET", "/first/second", "first", "second");
	finds("GET", "/v1/things/special", "show", "special");
}

static void test_decodes_parameters(void **state UNUSED)
{
	finds("GET", "/v1/things/a%20b", "show", "a b");
	finds("GET", "/v1/things/%C3%A9", "show", "\xc3\xa9");
	/* An encoded slash is part of its segment; a plus is a plus; once is enough. */
	finds("GET", "/v1/things/a%2Fb", "show", "a/b");
	finds("GET", "/v1/things/a+b", "show", "a+b");
	finds("GET", "/v1/things/%2541", "show", "%41");
	finds("POST", "/v1/%62lue/parts/%39", "part", "blue 9");
	finds("GET", "/v1/things/{id}", "show", "{id}");
	finds("GET", "/v1/things/..", "show", "..");
}

static void test_decodes_static_segments(void **state UNUSED)
{
	finds("GET", "/v1/%74hings", "list", "");
	finds("GET", "/%76%31/%74%68%69%6E%67%73", "list", "");
	finds("PATCH", "/a%20b/%c3%a9", "spaced", "");
	finds("PATCH", "/a%20b/\xc3%a9", "spaced", "");
	is_unknown("/a+b/%c3%a9");
	/* Not two segments. */
	is_unknown("/v1%2Fthings");
	is_unknown("/v1/things%2F7");
	is_unknown("/v1/%54hings");
}

static void test_malformed_escapes_match_nothing(void **state UNUSED)
{
	static const char *const segments[] = { "%", "%4", "%zz", "%4z", "a%", "%00", "a%00b",
		"%FF", "%C3", "%C0%AF", "%ED%A0%80", "%%41" };
	char path[64];

	for (size_t i = 0; i < countof(segments); i++) {
		(void)snprintf(path, sizeof(path), "/v1/things/%s", segments[i]);
		is_unknown(path);
		(void)snprintf(path, sizeof(path), "/v1/blue/parts/%s", segments[i]);
		is_unknown(path);
		(void)snprintf(path, sizeof(path), "/v1/%s", segments[i]);
		is_unknown(path);
	}
	is_unknown("/v1/things%00");
	is_unknown("/v1/things%");
}

static void test_more_parameters_than_room(void **state UNUSED)
{
	is_unknown("/x/1/2/3/4/5");
}

static void test_memory(void **state UNUSED)
{
	struct router_match match = { .route = &table[0] };
	struct http_in one = asked("GET", "/v1/things/0123456789"),
		       all = asked("GET", "/v1/things");
	struct arena *small;

	assert_int_equal(arena_new(8, &small), ERR_OK);
	assert_int_equal(router_find(table, countof(table), &one, small, &match), ERR_NOMEM);
	assert_ptr_equal(match.route, &table[0]);
	arena_reset(small);
	/* A row without a parameter and a path without an escape need none. */
	assert_int_equal(router_find(table, 2, &all, small, &match), ERR_OK);
	assert_int_equal(arena_used(small), 0);
	arena_free(&small);
}

static void test_empty_table(void **state UNUSED)
{
	struct router_match match;
	struct http_in in = asked("GET", "/v1/things");

	assert_int_equal(router_find(table, 0, &in, arena, &match), ERR_NOT_FOUND);
	assert_null(match.route);
}

static void test_allow_text(void **state UNUSED)
{
	assert_string_equal(allow_text(0), "");
	assert_string_equal(allow_text(1u << 0), "GET");
	assert_string_equal(allow_text(1u << 2 | 1u << 6), "POST, OPTIONS");
	assert_string_equal(
	    allow_text((1u << 7) - 1), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	/* Bits that mean no method say nothing. */
	assert_string_equal(allow_text(1u << 7), "");
}

/* ---- the product's own table ------------------------------------------------------------------ */

/* The path with every {…} replaced, so that two paths that match the same are the same text. */
static void shape_of(const char *path, const char *with, char *out, size_t size)
{
	size_t n = 0;

	while (*path != '\0' && n + strlen(with) + 1 < size) {
		if (*path == '{') {
			n += (size_t)snprintf(out + n, size - n, "%s", with);
			path += strcspn(path, "}");
			assert_int_equal(*path, '}');
		} else {
			out[n++] = *path;
		}
		path++;
	}
	assert_int_equal(*path, '\0');
	out[n] = '\0';
}

/* Each row's path, filled in, finds that row and no other: no row stands in another's light. */
static void test_routes_find_themselves(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		struct router_match match;
		char path[256];

		shape_of(routes[i].path, "some%20one", path, sizeof(path));
		assert_int_equal(
		    look_there(routes[i].family, routes[i].method, path, &match), ERR_OK);
		assert_ptr_equal(match.route, &routes[i]);
		for (size_t k = 0; k < match.param_count; k++)
			assert_string_equal(match.params[k], "some one");
		size_t slots = 0;
		for (const char *c = routes[i].path; *c != '\0'; c++)
			slots += *c == '{';
		assert_int_equal(match.param_count, slots);
	}
}

/* A page of the session family carries on behind the id of its first row; its error needs a limit. */
static void test_session_lists(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];
		size_t limits = 0;
		if (route->family != FAMILY_SESSION || !route->reply_is_list)
			continue;
		assert_int_equal(route->reply->rows[0].type, FIELD_ID);
		assert_string_equal(route->reply->rows[0].name, "id");
		assert_non_null(route->query);
		for (size_t k = 0; k < route->query->count; k++) {
			const struct field *row = &route->query->rows[k];
			if (strcmp(row->name, "limit") != 0)
				continue;
			limits++;
			assert_int_equal(row->type, FIELD_INT);
			assert_int_equal(row->initial, SESSION_PAGE_DEFAULT);
			assert_int_equal(row->min, 1);
			assert_int_equal(row->max, LIMIT_PAGE);
		}
		assert_int_equal(limits, 1);
	}
}

static void test_families_of_paths(void **state UNUSED)
{
	static const struct {
		const char *path;
		enum family family;
	} cases[] = {
		{ "", FAMILY_KYC },
		{ "/", FAMILY_KYC },
		{ "/v1", FAMILY_KYC },
		{ "/v1/kyc/x", FAMILY_KYC },
		{ "/v1/webhooks", FAMILY_KYC },
		{ "/v1/webhooks/", FAMILY_KYC },
		{ "/v1/webhooks/x", FAMILY_KYC },
		{ "/v1/webhooks/x/endpoints", FAMILY_KYC },
		{ "/v1/webhooks/endpointss", FAMILY_KYC },
		{ "/v1/webhooks/endpoints", FAMILY_SESSION },
		{ "/v1/webhooks/endpoints/", FAMILY_SESSION },
		{ "/v1/webhooks/endpoints/x/y/z", FAMILY_SESSION },
		{ "/v1/webhooks/keys", FAMILY_SESSION },
		{ "/v1/webhooks/deliveries/x", FAMILY_SESSION },
		{ "/v1/webhooks/events", FAMILY_SESSION },
		{ "/v1/events/x", FAMILY_SESSION },
		{ "/v1/sessions", FAMILY_SESSION },
		{ "/v1/analytics/x", FAMILY_SESSION },
		{ "/v1/keys", FAMILY_KYC },
		{ "/v1/workflows", FAMILY_PLAIN },
		{ "/v1/workflows/x", FAMILY_PLAIN },
		{ "/v1/auth/verify", FAMILY_PLAIN },
		{ "/v1/auth", FAMILY_KYC },
		{ "/v1/verify-session", FAMILY_PAGE },
		{ "/v1/verify-session/x/y", FAMILY_PAGE },
		{ "/v1/verify-sessions", FAMILY_KYC },
		{ "/v1/verify", FAMILY_AGE },
		{ "/v1/verify/submit", FAMILY_AGE },
		{ "/v1/verify/a-session/status", FAMILY_AGE },
		{ "/v1/verifyx", FAMILY_KYC },
		{ "/embed", FAMILY_AGE },
		{ "/embedded", FAMILY_KYC },
		{ "/v1/records", FAMILY_AGE },
		{ "/v1/records/x/y/z", FAMILY_AGE },
		{ "/v1/recordss", FAMILY_KYC },
		{ "/-/x", FAMILY_OPS },
		{ "/-x", FAMILY_KYC },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct http_in in = asked("GET", cases[i].path);
		assert_int_equal(router_family(&in), cases[i].family);
		in.authorization = "Bearer x";
		assert_int_equal(router_family(&in), cases[i].family);
	}
	for (size_t i = 0; i < route_count; i++) {
		struct http_in in = asked("GET", routes[i].path);
		if (routes[i].family == FAMILY_PLAIN)
			in.api_key = "x";
		assert_int_equal(router_family(&in), routes[i].family);
	}
}

/* contract/README.md: under /v1/sessions the header of the credential says whose shapes hold. */
static void test_families_of_credentials(void **state UNUSED)
{
	static const struct {
		const char *path, *authorization, *api_key;
		enum family family;
		bool undecided;
	} cases[] = {
		{ "/v1/sessions", NULL, NULL, FAMILY_SESSION, true },
		{ "/v1/sessions", "Bearer x", NULL, FAMILY_SESSION, false },
		{ "/v1/sessions", NULL, "x", FAMILY_PLAIN, false },
		{ "/v1/sessions", "Basic x", "x", FAMILY_SESSION, false },
		{ "/v1/sessions", "", "x", FAMILY_SESSION, false },
		{ "/v1/sessions", NULL, "", FAMILY_PLAIN, false },
		{ "/v1/sessions/x/y/z", NULL, "x", FAMILY_PLAIN, false },
		{ "/v1/sessions/x", NULL, NULL, FAMILY_SESSION, true },
		{ "/v1/sessionss", NULL, "x", FAMILY_KYC, false },
		{ "/v1/workflows", NULL, "x", FAMILY_PLAIN, false },
		{ "/v1/events", NULL, "x", FAMILY_SESSION, false },
		{ "/v1/events", NULL, NULL, FAMILY_SESSION, false },
		{ "/v1/keys", NULL, "x", FAMILY_KYC, false },
		{ "/auth/v2/x/", NULL, "x", FAMILY_ACCOUNT, false },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct http_in in = asked("GET", cases[i].path);
		in.authorization = cases[i].authorization;
		in.api_key = cases[i].api_key;
		assert_int_equal(router_family(&in), cases[i].family);
		assert_int_equal(router_is_undecided(&in), cases[i].undecided);
	}
	/* Of strangers both families' rows: they are refused for their key, not for the path. */
	struct http_in in = asked("PATCH", "/v1/sessions/x/update-status");
	struct router_match match;
	assert_int_equal(router_find(routes, route_count, &in, arena, &match), ERR_OK);
	in.authorization = "Bearer x";
	assert_int_equal(router_find(routes, route_count, &in, arena, &match), ERR_NOT_FOUND);
	in = asked("GET", "/v1/sessions/attempts");
	assert_int_equal(router_find(routes, route_count, &in, arena, &match), ERR_OK);
	assert_string_equal(match.route->operation, "listSessionAttempts");
	in.api_key = "x";
	assert_int_equal(router_find(routes, route_count, &in, arena, &match), ERR_OK);
	assert_string_equal(match.route->operation, "getPlainSession");
	assert_true(router_is_shared("/v1/sessions/x"));
	assert_false(router_is_shared("/v1/session"));
	assert_false(router_is_shared("/v1/workflows"));
}

/* No {id} of one family takes a word that belongs to another's path. */
static void test_a_row_is_for_its_familys_paths(void **state UNUSED)
{
	static const char *const paths[] = { "/v1/webhooks/endpoints", "/v1/webhooks/keys",
		"/v1/webhooks/deliveries", "/v1/webhooks/events" };
	struct router_match match;

	for (size_t i = 0; i < countof(paths); i++)
		assert_int_not_equal(
		    look_there(FAMILY_SESSION, "DELETE", paths[i], &match), ERR_OK);
	assert_int_equal(
	    look_there(FAMILY_SESSION, "POST", "/v1/webhooks/keys/test", &match), ERR_NOT_FOUND);
}

static void test_routes_answer_only_their_methods(void **state UNUSED)
{
	static const struct {
		const char *path;
		const char *allow;
	} cases[] = {
		{ "/v1/webhooks/x", "DELETE, OPTIONS" },
		{ "/v1/webhooks/endpoints", "GET, HEAD, POST, OPTIONS" },
		{ "/v1/webhooks/deliveries/x/retry", "POST, OPTIONS" },
		{ "/v1/events", "GET, HEAD, OPTIONS" },
		{ "/v1/kyc/verify", "POST, OPTIONS" },
		{ "/v1/kyc/verifications", "GET, HEAD, OPTIONS" },
		{ "/v1/kyc/verifications/x", "GET, HEAD, DELETE, OPTIONS" },
		{ "/v1/keys", "GET, HEAD, POST, OPTIONS" },
		{ "/v1/keys/x", "DELETE, OPTIONS" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct router_match match;
		assert_int_equal(
		    look_there(FAMILY_KYC, "PATCH", cases[i].path, &match), ERR_METHOD_NOT_ALLOWED);
		assert_string_equal(allow_text(match.methods), cases[i].allow);
	}
}

static void test_routes_are_named_once(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		char mine[256], theirs[256];

		assert_non_null(routes[i].operation);
		assert_true(routes[i].operation[0] != '\0');
		assert_int_equal(strspn(routes[i].operation,
				     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
		    strlen(routes[i].operation));
		assert_non_null(routes[i].summary);
		assert_true(routes[i].summary[0] != '\0');
		shape_of(routes[i].path, "{}", mine, sizeof(mine));
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(routes[i].operation, routes[k].operation);
			shape_of(routes[k].path, "{}", theirs, sizeof(theirs));
			/* Two families may share a path. */
			if (strcmp(mine, theirs) == 0 && routes[i].family == routes[k].family)
				assert_string_not_equal(routes[i].method, routes[k].method);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_every_row),
		cmocka_unit_test(test_head_finds_the_row_of_get),
		cmocka_unit_test(test_unknown_paths),
		cmocka_unit_test(test_empty_segments_match_nothing),
		cmocka_unit_test(test_wrong_method),
		cmocka_unit_test(test_the_found_row_says_what_else_is_answered),
		cmocka_unit_test(test_first_row_wins),
		cmocka_unit_test(test_decodes_parameters),
		cmocka_unit_test(test_decodes_static_segments),
		cmocka_unit_test(test_malformed_escapes_match_nothing),
		cmocka_unit_test(test_more_parameters_than_room),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_empty_table),
		cmocka_unit_test(test_allow_text),
		cmocka_unit_test(test_routes_find_themselves),
		cmocka_unit_test(test_session_lists),
		cmocka_unit_test(test_families_of_paths),
		cmocka_unit_test(test_families_of_credentials),
		cmocka_unit_test(test_a_row_is_for_its_familys_paths),
		cmocka_unit_test(test_routes_answer_only_their_methods),
		cmocka_unit_test(test_routes_are_named_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
