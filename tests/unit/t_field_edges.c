/* SPDX-License-Identifier: Apache-2.0 */
/* t_field_edges.c: cases at the edges of the tables that were once wrong. */

#include "base.h"
#include "arena.h"
#include "clock.h"
#include "reply.h"
#include "router.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct one {
	int64_t number;
	const char *color;
	const char *colors;
};
static const char *const words[] = { "", "red", "green" };
static const struct word_list list = { "L", 3, words };
static const struct field rows[] = {
	{ ROW_I64(FIELD_INT, struct one, number, "number"), .flags = FIELD_NULLABLE, .min = 1,
	    .max = 100, .initial = 7 },
	{ ROW_TEXT(FIELD_WORD, struct one, color, "color"), .words = &list },
	{ ROW_TEXT(FIELD_WORDS, struct one, colors, "colors"), .min = 1, .max = 3, .words = &list },
};
static const struct field_set set = FIELD_SET("One", rows, struct one);
static struct web web;
static struct arena *arena;

static int open_arena(void **state UNUSED)
{
	return arena_new(100000, &arena) == ERR_OK ? 0 : -1;
}

static int close_arena(void **state UNUSED)
{
	arena_free(&arena);
	return 0;
}

/* Without memory for the numbers the complaint is still one. */
static void test_range_without_memory(void **state UNUSED)
{
	struct one one;
	struct complaints c = { .count = 0 };
	json_t *body = json_pack("{s:i}", "number", 101);
	struct arena *small = NULL;

	assert_int_equal(arena_new(1, &small), ERR_OK);
	assert_int_equal(fields_read_json(&set, body, small, &one, &c), ERR_VALIDATION);
	assert_string_equal(c.items[0].message, "is out of range");
	json_decref(body);
	arena_free(&small);
}

/* A long name is cut between characters, or its complaint could not be written. */
static void test_cut_name(void **state UNUSED)
{
	struct one one;
	char name[80] = "a", expected[512];
	json_t *body = json_object();

	for (int i = 0; i < 32; i++)
		memcpy(name + 1 + 2 * i, "\xc3\xa9", 3);
	json_object_set_new(body, name, json_null());
	memset(&web, 0, sizeof(web));
	buf_init(&web.reply, 10000);
	buf_init(&web.headers, 1000);
	assert_int_equal(
	    fields_read_json(&set, body, arena, &one, &web.complaints), ERR_VALIDATION);
	reply_error(&web, ERR_VALIDATION);
	name[63] = 0;
	(void)snprintf(expected, sizeof(expected),
	    "{\"error\":{\"code\":\"VALIDATION_ERROR\",\"message\":\"The request is not valid.\",\"details\":{\"errors\":[{\"field\":\"%s\","
	    "\"message\":\"is not a known field\"}]}}}",
	    name);
	assert_string_equal(buf_str(&web.reply), expected);
	buf_free(&web.reply);
	buf_free(&web.headers);
	json_decref(body);
}

/* A full list of complaints does not make a bad body a good one. */
static void test_full_list(void **state UNUSED)
{
	struct one one;
	struct complaints c = { .count = 0 };
	json_t *body = json_pack("{s:i}", "number", 101);

	for (int i = 0; i < LIMIT_COMPLAINTS; i++)
		complain(&c, "a", "b");
	assert_int_equal(fields_read_json(&set, body, arena, &one, &c), ERR_VALIDATION);
	json_decref(body);
}

static void test_full_list_query(void **state UNUSED)
{
	struct one one;
	struct complaints c = { .count = 0 };

	for (int i = 0; i < LIMIT_COMPLAINTS; i++)
		complain(&c, "a", "b");
	assert_int_equal(fields_read_query(&set, "number=101", arena, &one, &c), ERR_VALIDATION);
}

/* An empty word is no choice. */
static void test_words_comma(void **state UNUSED)
{
	struct one one;
	struct complaints c = { .count = 0 };

	assert_int_equal(fields_read_query(&set, "color=pink", arena, &one, &c), ERR_VALIDATION);
	assert_string_equal(c.items[0].message, "must be one of red, green");
}

/* The document says what reading enforces. */
static void test_max_items(void **state UNUSED)
{
	json_t *schema = fields_schema(&set, false);
	json_t *colors = json_object_get(json_object_get(schema, "properties"), "colors");

	assert_int_equal(json_integer_value(json_object_get(colors, "maxItems")), 3);
	json_decref(schema);
}

/* An absent number is the row's. */
static void test_absent_int(void **state UNUSED)
{
	struct one one;
	struct complaints c = { .count = 0 };

	assert_int_equal(fields_read_query(&set, "", arena, &one, &c), ERR_OK);
	assert_true(one.number == 7);
}

/* No half a method. */
static void test_allow_half(void **state UNUSED)
{
	char out[8];

	router_allow(3, out, sizeof(out));
	assert_string_equal(out, "GET");
}

/* No offset leads out of the years that a time may have. */
static void test_year(void **state UNUSED)
{
	int64_t ms = 77;
	bool is_date;

	assert_int_equal(time_parse("9999-12-31T23:59:59-01:00", &ms, &is_date), ERR_RANGE);
	assert_int_equal(time_parse("1970-01-01T00:00:00+01:00", &ms, &is_date), ERR_RANGE);
	assert_true(ms == 77);
	assert_int_equal(time_parse("9999-12-31T22:59:59-01:00", &ms, &is_date), ERR_OK);
	assert_int_equal(time_parse("1970-01-01T01:00:00+01:00", &ms, &is_date), ERR_OK);
	assert_true(ms == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range_without_memory),
		cmocka_unit_test(test_cut_name),
		cmocka_unit_test(test_full_list),
		cmocka_unit_test(test_full_list_query),
		cmocka_unit_test(test_words_comma),
		cmocka_unit_test(test_max_items),
		cmocka_unit_test(test_absent_int),
		cmocka_unit_test(test_allow_half),
		cmocka_unit_test(test_year),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
