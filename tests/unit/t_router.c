/* SPDX-License-Identifier: Apache-2.0 */
/* t_router.c: finding the row of a method and path, and what must hold for every row there is, and
 * for the field rows it points to. */
#include "base.h"
#include "arena.h"
#include "clock.h"
#include "regex.h"
#include "router.h"
#include "scope.h"
#include "sets.h"
#include "stmt.h"

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

static enum err look(const char *method, const char *path, struct router_match *ret_match)
{
	memset(ret_match, 0x55, sizeof(*ret_match));
	return router_find(table, countof(table), method, path, arena, ret_match);
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
	struct arena *small;

	assert_int_equal(arena_new(8, &small), ERR_OK);
	assert_int_equal(
	    router_find(table, countof(table), "GET", "/v1/things/0123456789", small, &match),
	    ERR_NOMEM);
	assert_ptr_equal(match.route, &table[0]);
	arena_reset(small);
	/* A row without a parameter and a path without an escape need none. */
	assert_int_equal(router_find(table, 2, "GET", "/v1/things", small, &match), ERR_OK);
	assert_int_equal(arena_used(small), 0);
	arena_free(&small);
}

static void test_empty_table(void **state UNUSED)
{
	struct router_match match;

	assert_int_equal(router_find(table, 0, "GET", "/v1/things", arena, &match), ERR_NOT_FOUND);
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
		    router_find(routes, route_count, routes[i].method, path, arena, &match),
		    ERR_OK);
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
		{ "/-/x", FAMILY_OPS },
		{ "/-x", FAMILY_KYC },
	};

	for (size_t i = 0; i < countof(cases); i++)
		assert_int_equal(router_family(cases[i].path), cases[i].family);
	for (size_t i = 0; i < route_count; i++)
		assert_int_equal(router_family(routes[i].path), routes[i].family);
}

/* No {id} of one family takes a word that belongs to another's path. */
static void test_a_row_is_for_its_familys_paths(void **state UNUSED)
{
	static const char *const paths[] = { "/v1/webhooks/endpoints", "/v1/webhooks/keys",
		"/v1/webhooks/deliveries", "/v1/webhooks/events" };
	struct router_match match;

	for (size_t i = 0; i < countof(paths); i++)
		assert_int_not_equal(
		    router_find(routes, route_count, "DELETE", paths[i], arena, &match), ERR_OK);
	assert_int_equal(
	    router_find(routes, route_count, "POST", "/v1/webhooks/keys/test", arena, &match),
	    ERR_NOT_FOUND);
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
		    router_find(routes, route_count, "PATCH", cases[i].path, arena, &match),
		    ERR_METHOD_NOT_ALLOWED);
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
			if (strcmp(mine, theirs) == 0)
				assert_string_not_equal(routes[i].method, routes[k].method);
		}
	}
}

/* contract/accounts.md: every path of that family ends in a slash; the key set is a file's name. */
static bool ends_in_slash(const struct route *route)
{
	return route->family == FAMILY_ACCOUNT && strstr(route->path, "/.well-known/") == NULL;
}

/* HEAD and OPTIONS are the router's and the gate's own: no row is one. */
static void test_routes_have_a_method_and_a_path(void **state UNUSED)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

	for (size_t i = 0; i < route_count; i++) {
		size_t known = 0;
		for (size_t k = 0; k < countof(methods); k++)
			known += strcmp(routes[i].method, methods[k]) == 0;
		assert_int_equal(known, 1);
		assert_int_equal(routes[i].path[0], '/');
		assert_null(strstr(routes[i].path, "//"));
		assert_null(strpbrk(routes[i].path, "%?# "));
		assert_int_equal(
		    routes[i].path[strlen(routes[i].path) - 1] == '/', ends_in_slash(&routes[i]));
		assert_true(routes[i].family < FAMILY__MAX);
		assert_true(routes[i].limit_class < LIMIT_CLASS__MAX);
		/* Pages of ours are where no customer looks. */
		assert_int_equal(
		    routes[i].family == FAMILY_OPS, strncmp(routes[i].path, "/-/", 3) == 0);
	}
}

static enum db_type type_of(enum route_arg arg)
{
	switch (arg) {
	case ARG_APPLICATION:
		return DB_TYPE_ID;
	case ARG_ENVIRONMENT:
		return DB_TYPE_OTEXT;
	case ARG_NOW:
		return DB_TYPE_TIME;
	default:
		return DB_TYPE__MAX;
	}
}

/* The gate gives the statement these arguments and writes its rows by the reply set. */
static void check_statement(const struct route *route)
{
	assert_in_range(route->statement, 0, ST__MAX - 1);
	const struct db_stmt *stmt = &stmt_table[route->statement];

	assert_int_equal(stmt->shape, DB_SHAPE_LIST);
	assert_true(route->reply_is_list);
	assert_non_null(route->reply);
	assert_int_equal(stmt->row_size, route->reply->struct_size);
	assert_true(stmt->arg_count <= countof(route->args));
	for (size_t i = 0; i < countof(route->args); i++)
		assert_int_equal(type_of(route->args[i]),
		    i < stmt->arg_count ? stmt->args[i].type : DB_TYPE__MAX);
	/* Nobody sees what is not theirs. */
	assert_int_equal(route->args[0], ARG_APPLICATION);
}

static void test_routes_have_a_handler_or_a_statement(void **state UNUSED)
{
	size_t statements = 0;

	for (size_t i = 0; i < route_count; i++) {
		if (routes[i].handler == NULL) {
			statements++;
			check_statement(&routes[i]);
			continue;
		}
		assert_int_equal(routes[i].statement, -1);
		for (size_t k = 0; k < countof(routes[i].args); k++)
			assert_int_equal(routes[i].args[k], ARG_END);
	}
	assert_int_equal(statements, 1);
}

/* A key without a scope on the row could do anything there: no row is so. Without a key there is
 * nothing to hold a scope against. */
static void test_routes_need_scopes_with_a_key(void **state UNUSED)
{
	static const char *const open[] = { "providerCallback", "getSigningKeys",
		"getSigningKeysHere", "registerAccount", "resendCode", "verifyEmail", "login",
		"refreshToken", "getOpenApi", "healthz", "readyz" };
	size_t open_count = 0;

	for (size_t i = 0; i < route_count; i++) {
		assert_int_equal(routes[i].scopes != 0, routes[i].credential == CREDENTIAL_KEY);
		assert_true((routes[i].scopes & ~SCOPE_EVERY) == 0);
		/* contract/README.md, Credentials: secret and publishable keys are for the age
		 * family, and those with scopes of their own choice are not. */
		assert_true((routes[i].scopes & SCOPE_AGE) == 0);
		/* What somebody may do who has not shown who he is, or only to people, is metered by
		 * address. */
		assert_int_equal(routes[i].limit_class != LIMIT_CLASS_NONE,
		    routes[i].credential == CREDENTIAL_KEY || ends_in_slash(&routes[i]));
		assert_int_equal(routes[i].limit_class == LIMIT_CLASS_ACCOUNT ||
				     routes[i].limit_class == LIMIT_CLASS_MAILING,
		    ends_in_slash(&routes[i]));
		/* What is waited out must be committed before: the gate's transaction is. */
		assert_true(routes[i].settle == NULL || (routes[i].flags & ROUTE_TX) != 0);
		if (routes[i].credential != CREDENTIAL_NONE)
			continue;
		/* One row more for strangers is a decision, not a slip. */
		assert_true(open_count < countof(open));
		assert_string_equal(routes[i].operation, open[open_count++]);
	}
	assert_int_equal(open_count, countof(open));
}

/* People's rows are the account family's, and a role is one in the organisation of the path. */
static void test_routes_need_roles_in_an_organization(void **state UNUSED)
{
	static const char below[] = "/auth/v2/organizations/me/{";

	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];

		if (route->credential == CREDENTIAL_TOKEN)
			assert_int_equal(route->family, FAMILY_ACCOUNT);
		assert_int_equal(
		    route->roles != 0, strncmp(route->path, below, sizeof(below) - 1) == 0);
		if (route->roles != 0)
			assert_int_equal(route->credential, CREDENTIAL_TOKEN);
		assert_int_equal(route->roles & ~ROLES_ALL, 0);
	}
}

/* Logging out needs no words. */
static bool is_logout(const struct route *route)
{
	return strcmp(route->operation, "logout") == 0;
}

static void test_routes_take_a_body_with_post_and_patch_only(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];
		bool post =
		    strcmp(route->method, "POST") == 0 || strcmp(route->method, "PATCH") == 0;
		bool raw = (route->flags & ROUTE_RAW_BODY) != 0;

		assert_int_equal((route->body != NULL) + raw, post && !is_logout(route));
		assert_true(route->body_max == 0 || raw);
		if (route->query != NULL) {
			assert_false(post);
			assert_true(route->query->count <= LIMIT_QUERY_PARAMS);
		}
	}
}

static void test_routes_flags(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];
		bool tx = (route->flags & ROUTE_TX) != 0;

		assert_int_equal(
		    route->flags & ~(ROUTE_IDEMPOTENT | ROUTE_TX | ROUTE_RAW_BODY |
				       ROUTE_BODY_MAY_MISS | ROUTE_BARE_REPLY | ROUTE_SERVICE),
		    0);
		/* Nothing in place of what must be there would only be refused later. */
		if ((route->flags & ROUTE_BODY_MAY_MISS) != 0) {
			assert_false(route->body->some_required);
			for (size_t k = 0; k < route->body->count; k++)
				assert_int_equal(route->body->rows[k].flags & FIELD_REQUIRED, 0);
		}
		/* The key is taken in the transaction of its effect. */
		if ((route->flags & ROUTE_IDEMPOTENT) != 0) {
			assert_true(tx);
			assert_string_equal(route->method, "POST");
			assert_non_null(route->body);
		}
		if (strcmp(route->method, "GET") == 0)
			assert_false(tx);
		/* The session family says what it deleted (contract/sessions.md). */
		assert_int_equal(route->success == SUCCESS_NO_CONTENT,
		    is_logout(route) ||
			(strcmp(route->method, "DELETE") == 0 && route->family != FAMILY_SESSION));
		if (route->success == SUCCESS_NO_CONTENT || route->family == FAMILY_OPS)
			assert_null(route->reply);
		if (route->reply_is_list)
			assert_non_null(route->reply);
	}
}

/* Ended, each once, and only such as a client may see. */
static void test_routes_errors(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		const enum err *errors = routes[i].errors;
		size_t count = 0;

		assert_non_null(errors);
		while (count < 32 && errors[count] != ERR_OK)
			count++;
		assert_true(count < 32);
		bool mismatch = false, complains = false, too_large = false;
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(err_public(errors[k]), errors[k]);
			mismatch |= errors[k] == ERR_IDEMPOTENCY_MISMATCH;
			complains |= errors[k] == ERR_VALIDATION;
			too_large |= errors[k] == ERR_PAYLOAD_TOO_LARGE;
			for (size_t n = 0; n < k; n++)
				assert_int_not_equal(errors[k], errors[n]);
		}
		assert_int_equal(mismatch, (routes[i].flags & ROUTE_IDEMPOTENT) != 0);
		assert_int_equal(complains, routes[i].body != NULL || routes[i].query != NULL);
		assert_int_equal(
		    too_large, routes[i].body != NULL || (routes[i].flags & ROUTE_RAW_BODY) != 0);
	}
}

/* ---- the field rows of the product ------------------------------------------------------------- */

static void check_set(const struct field_set *set, bool input);

/* Sets inside sets are of replies, and an array's items are what their set reads. */
static void check_nested(const struct field *row, bool input)
{
	bool nested = row->type == FIELD_OBJECT || row->type == FIELD_OBJECTS;

	assert_int_equal(row->set != NULL, nested);
	if (!nested)
		return;
	assert_false(input);
	check_set(row->set, false);
	if (row->type == FIELD_OBJECTS)
		assert_int_equal(row->item_size, row->set->struct_size);
}

static void check_row(const struct field_set *set, const struct field *row, bool input)
{
	bool worded = row->type == FIELD_WORD || row->type == FIELD_WORDS;

	assert_true(row->type < FIELD__MAX);
	assert_true(row->offset < set->struct_size);
	assert_int_equal(row->words != NULL, worded);
	assert_true(row->min <= row->max);
	assert_true(row->pattern == NULL || row->type == FIELD_TEXT);
	assert_int_equal(row->pattern != NULL, row->pattern_words != NULL);
	assert_int_equal(row->item_max > 0, row->type == FIELD_TEXTS);
	check_nested(row, input);
	/* null means "" only where no text is "". */
	if ((row->flags & FIELD_CLEARS) != 0)
		assert_true(row->type == FIELD_TEXT && row->min > 0);
	if ((row->flags & FIELD_OPTIONAL) != 0)
		assert_false(input);
	if (input) {
		assert_non_null(row->sentence);
		assert_int_not_equal(row->type, FIELD_RATIO);
		if (row->type == FIELD_TEXT || row->type == FIELD_WORDS)
			assert_true(row->max > 0);
		if (row->type == FIELD_INT && row->initial != DB_NULL)
			assert_in_range(row->initial, row->min, row->max);
	}
	if (row->pattern != NULL) {
		struct regex *regex = NULL;
		assert_int_equal(regex_new(row->pattern, false, &regex, NULL, 0), ERR_OK);
		regex_free(&regex);
	}
}

static void check_set(const struct field_set *set, bool input)
{
	assert_true(set->name[0] >= 'A' && set->name[0] <= 'Z');
	assert_true(set->count > 0 || set == &no_members);
	for (size_t i = 0; i < set->count; i++) {
		check_row(set, &set->rows[i], input);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(set->rows[i].name, set->rows[k].name);
	}
}

static void test_rows_of_the_routes(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		if (routes[i].body != NULL)
			check_set(routes[i].body, true);
		if (routes[i].query != NULL)
			check_set(routes[i].query, true);
		if (routes[i].reply != NULL)
			check_set(routes[i].reply, false);
	}
}

/* The document must not show what the product refuses. */
static void check_examples(const struct field_set *set)
{
	void *object = arena_alloc(arena, set->struct_size);
	json_t *body = json_object();
	struct complaints complaints = { .count = 0 };

	for (size_t i = 0; i < set->count; i++) {
		json_t *value;
		if (set->rows[i].example == NULL)
			continue;
		value = json_loads(set->rows[i].example, JSON_DECODE_ANY, NULL);
		assert_int_equal(json_put(body, set->rows[i].name, value), ERR_OK);
	}
	enum err err = fields_read_json(set, body, arena, object, &complaints);
	assert_int_equal(err, complaints.count == 0 ? ERR_OK : ERR_VALIDATION);
	for (size_t i = 0; i < complaints.count; i++)
		assert_string_equal(complaints.items[i].message, "is required");
	json_decref(body);
}

static void test_examples_are_accepted(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		if (routes[i].body != NULL)
			check_examples(routes[i].body);
	}
}

static void test_absent_filters_are_open(void **state UNUSED)
{
	struct complaints complaints = { .count = 0 };
	struct verification_filter filter;

	memset(&filter, 0xff, sizeof(filter));
	assert_int_equal(
	    fields_read_query(&verification_query, "", arena, &filter, &complaints), ERR_OK);
	assert_null(filter.status);
	assert_null(filter.external_ref);
	assert_null(filter.cursor);
	assert_true(filter.from_ms == TIME_NONE && filter.to_ms == TIME_NONE);
	assert_int_equal(filter.limit, LIMIT_PAGE_DEFAULT);
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
		cmocka_unit_test(test_a_row_is_for_its_familys_paths),
		cmocka_unit_test(test_routes_answer_only_their_methods),
		cmocka_unit_test(test_routes_are_named_once),
		cmocka_unit_test(test_routes_have_a_method_and_a_path),
		cmocka_unit_test(test_routes_have_a_handler_or_a_statement),
		cmocka_unit_test(test_routes_need_scopes_with_a_key),
		cmocka_unit_test(test_routes_need_roles_in_an_organization),
		cmocka_unit_test(test_routes_take_a_body_with_post_and_patch_only),
		cmocka_unit_test(test_routes_flags),
		cmocka_unit_test(test_routes_errors),
		cmocka_unit_test(test_rows_of_the_routes),
		cmocka_unit_test(test_examples_are_accepted),
		cmocka_unit_test(test_absent_filters_are_open),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
