/* SPDX-License-Identifier: Apache-2.0 */
/* t_openapi.c: no row of the route table says too little for the document, and the document says what
 * the rows say. That answers fit it is for the tests over HTTP (tests/lib/contract.py). */
#include "base.h"
#include "json.h"
#include "openapi.h"
#include "scope.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- what a row must say ------------------------------------------------------------------------- */

static void check_reply(const struct route *row, const struct field_set *set, struct buf *says)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct field *field = &set->rows[i];
		if (field->set != NULL)
			check_reply(row, field->set, says);
		if (field->sentence == NULL)
			buf_printf(says, "%s: the member %s of %s has no sentence\n",
			    row->operation, field->name, set->name);
		if ((field->type == FIELD_TEXT || field->type == FIELD_JSON) &&
		    field->example == NULL &&
		    (field->flags & (FIELD_NULLABLE | FIELD_OPTIONAL)) == 0)
			buf_printf(says, "%s: the member %s of %s has no example\n", row->operation,
			    field->name, set->name);
	}
}

static void check_row(const struct route *row, struct buf *says)
{
	if (row->operation == NULL || row->operation[0] == '\0')
		buf_printf(says, "%s %s: there is no operationId\n", row->method, row->path);
	if (row->summary == NULL || row->summary[0] == '\0')
		buf_printf(says, "%s %s: there is no summary\n", row->method, row->path);
	if (row->credential == CREDENTIAL_KEY && row->scopes == 0 &&
	    (row->flags & ROUTE_ANY_KEY) == 0)
		buf_printf(
		    says, "%s %s: needs a key, and names no scope\n", row->method, row->path);
	if (row->errors == NULL)
		buf_printf(says, "%s %s: there is no list of errors\n", row->method, row->path);
	if (row->reply != NULL)
		check_reply(row, row->reply, says);
}

static void check_pair(const struct route *row, const struct route *before, struct buf *says)
{
	if (row->operation != NULL && before->operation != NULL &&
	    strcmp(row->operation, before->operation) == 0)
		buf_printf(says, "%s %s: the operationId %s is that of %s %s\n", row->method,
		    row->path, row->operation, before->method, before->path);
	if (strcmp(row->method, before->method) == 0 && strcmp(row->path, before->path) == 0 &&
	    row->family == before->family)
		buf_printf(
		    says, "%s %s: is in the table twice for one family\n", row->method, row->path);
}

/* A line for each thing that a table lacks. */
static void check_table(const struct route *table, size_t count, struct buf *says)
{
	for (size_t i = 0; i < count; i++) {
		check_row(&table[i], says);
		for (size_t k = 0; k < i; k++)
			check_pair(&table[i], &table[k], says);
	}
}

static void test_the_table_says_enough(void **state UNUSED)
{
	struct buf says;

	buf_init(&says, LIMIT_REPLY);
	check_table(routes, route_count, &says);
	if (says.len > 0)
		fail_msg("%s", buf_str(&says));
	buf_free(&says);
}

static const enum err no_more[] = { ERR_OK };
static const struct field bare_rows[] = { { .type = FIELD_TEXT, .name = "word" } };
static const struct field_set bare_set = {
	.name = "Bare", .rows = bare_rows, .count = countof(bare_rows)
};

/* That the check finds what it looks for. */
static void test_broken_rows_are_named(void **state UNUSED)
{
	static const struct route broken[] = {
		{ .method = "GET",
		    .path = "/a",
		    .operation = "one",
		    .summary = "One",
		    .errors = no_more },
		{ .method = "POST", .path = "/a", .summary = "", .errors = no_more },
		{ .method = "GET", .path = "/b", .operation = "one", .summary = "Another" },
		{ .method = "GET",
		    .path = "/a",
		    .operation = "again",
		    .summary = "The same address",
		    .credential = CREDENTIAL_KEY,
		    .errors = no_more },
		{ .method = "GET",
		    .path = "/a",
		    .operation = "other",
		    .summary = "The same address for others",
		    .family = FAMILY_SESSION,
		    .errors = no_more,
		    .reply = &bare_set },
	};
	struct buf says;

	buf_init(&says, LIMIT_REPLY);
	check_table(broken, countof(broken), &says);
	assert_string_equal(buf_str(&says), "POST /a: there is no operationId\n"
					    "POST /a: there is no summary\n"
					    "GET /b: there is no list of errors\n"
					    "GET /b: the operationId one is that of GET /a\n"
					    "GET /a: needs a key, and names no scope\n"
					    "GET /a: is in the table twice for one family\n"
					    "other: the member word of Bare has no sentence\n"
					    "other: the member word of Bare has no example\n");
	buf_free(&says);
}

/* ---- the document ----------------------------------------------------------------------------------- */

static json_t *written(const struct route *table, size_t count, bool pretty)
{
	json_t *document = NULL;
	struct buf text;

	buf_init(&text, OPENAPI_MAX);
	assert_int_equal(openapi_write(table, count, pretty, &text), ERR_OK);
	assert_int_equal(text.data[text.len - 1], '\n');
	document = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(document);
	buf_free(&text);
	return document;
}

/* Of a path that two families share, with the same method. */
static bool is_second(size_t row)
{
	for (size_t i = 0; i < row; i++) {
		if (strcmp(routes[i].path, routes[row].path) == 0 &&
		    strcmp(routes[i].method, routes[row].method) == 0)
			return true;
	}
	return false;
}

/* Two operations at one path and method are one in the document. */
static void test_every_row_has_its_operation(void **state UNUSED)
{
	json_t *document = written(routes, route_count, false);
	json_t *paths = json_object_get(document, "paths"), *item, *operation;
	size_t listed = 0, found = 0;
	const char *path, *method;

	for (size_t i = 0; i < route_count; i++)
		listed += routes[i].family != FAMILY_OPS && (routes[i].flags & ROUTE_PAGE) == 0 &&
			  !is_second(i);
	json_object_foreach(paths, path, item)
	{
		assert_int_not_equal(strncmp(path, "/-/", 3), 0);
		json_object_foreach(item, method, operation) found +=
		    json_object_get(operation, "operationId") != NULL;
	}
	assert_int_equal(found, listed);
	json_decref(document);
}

static void check_refs(const json_t *root, json_t *node)
{
	const char *name, *ref = json_get_text(node, "$ref");
	json_t *value;
	size_t i;

	if (ref != NULL) {
		char part[64];
		const char *last = strrchr(ref, '/');
		(void)snprintf(part, sizeof(part), "%.*s", (int)(last - ref - 13), ref + 13);
		assert_int_equal(strncmp(ref, "#/components/", 13), 0);
		if (json_object_get(json_object_get(json_object_get(root, "components"), part),
			last + 1) == NULL)
			fail_msg("%s points to nothing", ref);
	}
	json_object_foreach(node, name, value) check_refs(root, value);
	json_array_foreach(node, i, value) check_refs(root, value);
}

static void test_everything_pointed_to_is_there(void **state UNUSED)
{
	json_t *document = written(routes, route_count, false);

	check_refs(document, document);
	json_decref(document);
}

/* A parameter in a path that no row of openapi_param.c describes is there, without a word. */
static void test_parameters_are_described(void **state UNUSED)
{
	json_t *document = written(routes, route_count, false);
	json_t *parameters = json_object_get(json_object_get(document, "components"), "parameters");
	const char *name;
	json_t *parameter;

	json_object_foreach(parameters, name, parameter)
	{
		if (json_get_text(parameter, "description")[0] == '\0')
			fail_msg("the path parameter %s has no row in openapi_param.c", name);
	}
	json_decref(document);
}

static void test_pretty_is_the_same_document(void **state UNUSED)
{
	json_t *plain = written(routes, route_count, false);
	json_t *pretty = written(routes, route_count, true);

	assert_true(json_equal(plain, pretty));
	json_decref(plain);
	json_decref(pretty);
}

static void test_no_room(void **state UNUSED)
{
	struct buf text;

	buf_init(&text, 1000);
	assert_int_equal(openapi_write(routes, route_count, false, &text), ERR_FULL);
	buf_free(&text);
}

/* ---- what a row implies ------------------------------------------------------------------------------- */

static const char *statuses_of(const struct route *row)
{
	static char text[128];
	json_t *document = written(row, 1, false);
	json_t *item = json_object_get(json_object_get(document, "paths"), row->path);
	json_t *operation = json_object_get(item, "post");
	const char *status;
	json_t *response;

	if (operation == NULL)
		operation = json_object_get(item, "get");
	text[0] = '\0';
	json_object_foreach(json_object_get(operation, "responses"), status, response)(void)
	    snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", status);
	json_decref(document);
	return text;
}

static void test_statuses_follow_from_the_row(void **state UNUSED)
{
	static const enum err gone[] = { ERR_EVENT_NOT_FOUND, ERR_OK };
	struct route row = {
		.method = "GET", .path = "/x", .operation = "x", .summary = "X", .errors = no_more
	};

	assert_string_equal(statuses_of(&row), "200 400 500 503 ");
	row.credential = CREDENTIAL_KEY;
	row.scopes = SCOPE_KYC_READ;
	assert_string_equal(statuses_of(&row), "200 400 401 403 500 503 ");
	row.limit_class = LIMIT_CLASS_READ;
	row.errors = gone;
	assert_string_equal(statuses_of(&row), "200 400 401 403 404 429 500 503 ");
	row.method = "POST";
	row.body = &no_members;
	row.success = SUCCESS_CREATED;
	assert_string_equal(statuses_of(&row), "201 400 401 403 404 413 415 429 500 503 ");
	row.flags = ROUTE_IDEMPOTENT;
	assert_string_equal(statuses_of(&row), "201 400 401 403 404 409 413 415 422 429 500 503 ");
	row.flags = ROUTE_RAW_BODY;
	row.body = NULL;
	row.success = SUCCESS_NO_CONTENT;
	assert_string_equal(statuses_of(&row), "204 400 401 403 404 413 429 500 503 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table_says_enough),
		cmocka_unit_test(test_broken_rows_are_named),
		cmocka_unit_test(test_every_row_has_its_operation),
		cmocka_unit_test(test_everything_pointed_to_is_there),
		cmocka_unit_test(test_parameters_are_described),
		cmocka_unit_test(test_pretty_is_the_same_document),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_statuses_follow_from_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
