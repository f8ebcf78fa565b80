/* SPDX-License-Identifier: Apache-2.0 */
/* t_routes.c: the rules that every row of the route table keeps, and every row of its field sets. That
 * they are found is for t_router.c. */
#include "base.h"
#include "arena.h"
#include "clock.h"
#include "regex.h"
#include "scope.h"
#include "sets.h"
#include "stmt.h"
#include "web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

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
	static const char *const open[] = { "startPage", "showMedia", "providerCallback",
		"getSigningKeys", "getSigningKeysHere", "registerAccount", "resendCode",
		"verifyEmail", "login", "refreshToken", "getOpenApi", "healthz", "readyz" };
	size_t open_count = 0;

	for (size_t i = 0; i < route_count; i++) {
		assert_int_equal(routes[i].scopes != 0 || (routes[i].flags & ROUTE_ANY_KEY) != 0,
		    routes[i].credential == CREDENTIAL_KEY ||
			routes[i].credential == CREDENTIAL_KEY_QUERY);
		/* A row for any key is a decision too. */
		if ((routes[i].flags & ROUTE_ANY_KEY) != 0)
			assert_string_equal(routes[i].operation, "verifyKey");
		assert_true((routes[i].scopes & ~SCOPE_EVERY) == 0);
		/* contract/README.md, Credentials: secret and publishable keys are for the age
		 * family, and those with scopes of their own choice are not. */
		bool by_link = strcmp(routes[i].operation, "showMedia") == 0;
		bool is_age = routes[i].family == FAMILY_AGE && !by_link;
		assert_int_equal((routes[i].scopes & SCOPE_AGE) != 0, is_age);
		assert_true(
		    (routes[i].scopes & SCOPE_AGE) == 0 || (routes[i].scopes & SCOPE_ALL) == 0);
		assert_int_equal(routes[i].limit_class == LIMIT_CLASS_AGE, is_age);
		/* What somebody may do who has not shown who he is, or only to people, is metered by
		 * address. */
		assert_int_equal(routes[i].limit_class != LIMIT_CLASS_NONE,
		    routes[i].credential == CREDENTIAL_KEY || ends_in_slash(&routes[i]) ||
			routes[i].family == FAMILY_PAGE || by_link ||
			routes[i].credential == CREDENTIAL_KEY_QUERY);
		/* An address is no place for a key, but for the one page that has no other. */
		assert_int_equal(routes[i].credential == CREDENTIAL_KEY_QUERY,
		    strcmp(routes[i].path, "/embed") == 0);
		assert_int_equal(routes[i].limit_class == LIMIT_CLASS_ACCOUNT ||
				     routes[i].limit_class == LIMIT_CLASS_MAILING,
		    ends_in_slash(&routes[i]));
		/* The page's token opens the page's rows, and those take no other credential. */
		assert_int_equal(routes[i].credential == CREDENTIAL_VISIT ||
				     routes[i].credential == CREDENTIAL_VISIT_MAY ||
				     strcmp(routes[i].operation, "startPage") == 0,
		    routes[i].family == FAMILY_PAGE);
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

/* contract/sessions.md: nor is there any to say of a session that was called off. */
static bool is_wordless(const struct route *route)
{
	return is_logout(route) || strcmp(route->operation, "cancelSession") == 0 ||
	       strcmp(route->operation, "cancelPage") == 0 ||
	       (strcmp(route->method, "DELETE") == 0 && route->family != FAMILY_SESSION);
}

static void test_routes_take_a_body_with_post_and_patch_only(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];
		bool post =
		    strcmp(route->method, "POST") == 0 || strcmp(route->method, "PATCH") == 0;
		bool raw = (route->flags & (ROUTE_RAW_BODY | ROUTE_STREAM)) != 0;

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
				       ROUTE_BODY_MAY_MISS | ROUTE_BARE_REPLY | ROUTE_SERVICE |
				       ROUTE_ANY_KEY | ROUTE_PAGE | ROUTE_STREAM | ROUTE_POUR),
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
		assert_int_equal(route->success == SUCCESS_NO_CONTENT, is_wordless(route));
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
		    too_large, routes[i].body != NULL ||
				   (routes[i].flags & (ROUTE_RAW_BODY | ROUTE_STREAM)) != 0);
	}
}

/* ---- the field rows of the product ------------------------------------------------------------- */

static void check_set(const struct field_set *set, bool input);

/* A body may have objects in it, a reply arrays of them too, whose items are what their set reads. */
static void check_nested(const struct field *row, bool input)
{
	bool nested = row->type == FIELD_OBJECT || row->type == FIELD_OBJECTS;

	if (row->type != FIELD_JSON)
		assert_int_equal(row->set != NULL, nested);
	assert_true(row->alias == NULL || input);
	if (!nested)
		return;
	assert_true(!input || row->type == FIELD_OBJECT);
	check_set(row->set, input);
	if (row->type == FIELD_OBJECTS)
		assert_int_equal(row->item_size, row->set->struct_size);
}

static void check_row(const struct field_set *set, const struct field *row, bool input)
{
	bool worded = row->type == FIELD_WORD || row->type == FIELD_WORDS;

	assert_true(row->type < FIELD__MAX);
	/* What core writes has rows for the document alone, of no struct. */
	assert_true(set->struct_size == 0 ? !input : row->offset < set->struct_size);
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
