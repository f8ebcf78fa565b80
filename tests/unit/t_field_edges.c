/* SPDX-License-Identifier: Apache-2.0 */
/* t_field_edges.c: cases at the edges of the tables that were once wrong, and what
 * only webhooks need of the field rows. */

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

/* ---- what webhooks take: helpers as in t_field.c ---------------------------------------------------- */

static struct complaints faults;

/* JSON as it is written here: with ' for ", which is read much better. The caller owns it. */
static json_t *json_of(const char *text)
{
	char *copy = arena_strdup(arena, text);
	json_t *value = NULL;

	assert_non_null(copy);
	for (char *c = copy; *c != '\0'; c++) {
		if (*c == '\'')
			*c = '"';
	}
	assert_int_equal(json_read(copy, strlen(copy), &value, NULL), ERR_OK);
	return value;
}

/* The body lives as long as its texts are looked at: they are borrowed from it. */
static enum err read_json(
    const struct field_set *fields, const char *text, void *ret, json_t **ret_body)
{
	faults.count = 0;
	memset(ret, 0xff, fields->struct_size);
	*ret_body = json_of(text);
	return fields_read_json(fields, *ret_body, arena, ret, &faults);
}

static enum err read_query(const struct field_set *fields, const char *text, void *ret)
{
	faults.count = 0;
	memset(ret, 0xff, fields->struct_size);
	return fields_read_query(fields, text, arena, ret, &faults);
}

/* All complaints as "field: message" lines. */
static void is_said(enum err err, const char *expected)
{
	struct buf lines;

	buf_init(&lines, 4096);
	for (size_t i = 0; i < faults.count; i++)
		buf_printf(&lines, "%s: %s\n", faults.items[i].field, faults.items[i].message);
	assert_string_equal(buf_str(&lines), expected);
	assert_int_equal(err, expected[0] == '\0' ? ERR_OK : ERR_VALIDATION);
	buf_free(&lines);
}

static void is_json(json_t *got, const char *expected)
{
	json_t *want = json_of(expected);

	assert_true(json_equal(got, want));
	json_decref(want);
	json_decref(got);
}

struct change {
	const char *name;
	int64_t on;
	const char *labels;
	const json_t *key;
};

static const struct field change_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct change, name, "name"), .flags = FIELD_CLEARS | FIELD_TRIM,
	    .min = 1, .max = 5 },
	{ ROW_I64(FIELD_SWITCH, struct change, on, "on") },
	{ ROW_TEXT(FIELD_TEXTS, struct change, labels, "labels"), .max = 3, .item_max = 4 },
	{ ROW_JSON(struct change, key, "key") },
};
static const struct field_set change_set = { .name = "Change",
	.rows = change_rows,
	.count = countof(change_rows),
	.struct_size = sizeof(struct change),
	.some_required = true };

/* What a body makes of the struct: its texts with "-" for NULL. */
static void is_change(const char *body, const char *name, int64_t on, const char *labels)
{
	struct change change;
	json_t *json;

	assert_int_equal(read_json(&change_set, body, &change, &json), ERR_OK);
	assert_string_equal(change.name == NULL ? "-" : change.name, name);
	assert_true(change.on == on);
	assert_string_equal(change.labels == NULL ? "-" : change.labels, labels);
	json_decref(json);
}

static void test_changes(void **state UNUSED)
{
	is_change("{'name':'ab'}", "ab", DB_NULL, "-");
	is_change("{'name':null}", "", DB_NULL, "-");
	is_change("{'name':'  a b\\t'}", "a b", DB_NULL, "-");
	/* The limits hold for what is left. */
	is_change("{'name':'   abcde   '}", "abcde", DB_NULL, "-");
	is_change("{'on':false}", "-", 0, "-");
	is_change("{'on':true}", "-", 1, "-");
	is_change("{'labels':[]}", "-", DB_NULL, "[]");
	is_change("{'labels':[' a ','B','\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9']}", "-", DB_NULL,
	    "[\"a\",\"B\",\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"]");
}

static void test_objects_are_borrowed(void **state UNUSED)
{
	struct change change;
	json_t *json;

	assert_int_equal(read_json(&change_set, "{'key':{'kty':'RSA'}}", &change, &json), ERR_OK);
	assert_ptr_equal(change.key, json_object_get(json, "key"));
	json_decref(json);
}

#define LABELS_FAULT "labels: must be an array of 0 to 3 texts\n"
#define LABEL_FAULT "labels: must be texts of 1 to 4 characters\n"

static void test_changes_that_are_refused(void **state UNUSED)
{
	static const struct {
		const char *body, *said;
	} cases[] = {
		{ "{}", "body: must have at least one of name, on, labels, key\n" },
		{ "{'name':'  '}", "name: must not be empty\n" },
		{ "{'name':''}", "name: must not be empty\n" },
		{ "{'name':'abcdef'}", "name: must have at most 5 characters\n" },
		{ "{'name':1}", "name: must be a string\n" },
		{ "{'on':null}", "on: must be true or false\n" },
		{ "{'on':1}", "on: must be true or false\n" },
		{ "{'on':'true'}", "on: must be true or false\n" },
		{ "{'labels':null}", LABELS_FAULT },
		{ "{'labels':'a'}", LABELS_FAULT },
		{ "{'labels':{'a':1}}", LABELS_FAULT },
		{ "{'labels':['a','b','c','d']}", LABELS_FAULT },
		{ "{'labels':['a',1]}", LABEL_FAULT },
		{ "{'labels':['  ']}", LABEL_FAULT },
		{ "{'labels':['abcde']}", LABEL_FAULT },
		{ "{'labels':['a\\u0001']}", "labels: must not contain control characters\n" },
		{ "{'labels':['Ab',' aB ']}", "labels: must not have the same text twice\n" },
		{ "{'key':null}", "key: must be a JSON object\n" },
		{ "{'key':[]}", "key: must be a JSON object\n" },
		{ "{'key':'{}'}", "key: must be a JSON object\n" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct change change;
		json_t *json;
		enum err err = read_json(&change_set, cases[i].body, &change, &json);
		is_said(err, cases[i].said);
		json_decref(json);
	}
}

static void test_switches_in_queries(void **state UNUSED)
{
	struct change change;

	assert_int_equal(read_query(&change_set, "", &change), ERR_OK);
	assert_true(change.on == DB_NULL);
	assert_int_equal(read_query(&change_set, "on=true", &change), ERR_OK);
	assert_true(change.on == 1);
	assert_int_equal(read_query(&change_set, "on=false", &change), ERR_OK);
	assert_true(change.on == 0);
	is_said(read_query(&change_set, "on=1", &change), "on: must be true or false\n");
	/* Only bodies have arrays and objects. */
	is_said(read_query(&change_set, "labels=a&key={}", &change),
	    "labels: is of the wrong type\nkey: is of the wrong type\n");
}

static void test_schema_of_changes(void **state UNUSED)
{
	static const struct field outer_rows[] = {
		{ .type = FIELD_OBJECT, .name = "one", .set = &change_set },
		{ .type = FIELD_OBJECTS,
		    .name = "all",
		    .set = &change_set,
		    .flags = FIELD_OPTIONAL },
	};
	static const struct field_set outer = { .name = "Outer", .rows = outer_rows, .count = 2 };
	json_t *schema, *properties, *inner = fields_schema(&change_set, true);

	is_json(fields_schema(&change_set, false),
	    "{'type':'object','additionalProperties':false,'properties':"
	    "{'name':{'type':['string','null'],'minLength':1,'maxLength':5},"
	    "'on':{'type':'boolean'},'labels':{'type':'array','minItems':0,'maxItems':3,"
	    "'items':{'type':'string','minLength':1,'maxLength':4}},"
	    "'key':{'type':'object'}},'minProperties':1}");
	schema = fields_schema(&outer, true);
	properties = json_object_get(schema, "properties");
	assert_true(json_equal(json_object_get(properties, "one"), inner));
	assert_true(
	    json_equal(json_object_get(json_object_get(properties, "all"), "items"), inner));
	is_json(json_incref(json_object_get(schema, "required")), "['one']");
	json_decref(inner);
	json_decref(schema);
}

/* What no row can say: red is not worth more than 50. */
static void red_is_cheap(const void *filled, struct complaints *complaints)
{
	const struct one *one = filled;

	if (one->color == NULL && !complained(complaints, "color"))
		complain(complaints, "color", "is missing");
	else if (one->color != NULL && strcmp(one->color, "red") == 0 && one->number > 50)
		complain(complaints, "number", "is too much for red");
}

/* Behind the rows, also when they have complained, and all faults in one answer. */
static void test_rules(void **state UNUSED)
{
	static const struct field_set ruled = { .name = "Ruled",
		.rows = rows,
		.count = countof(rows),
		.struct_size = sizeof(struct one),
		.rule = red_is_cheap };
	static const struct {
		const char *body;
		size_t count;
		const char *fields[3];
	} cases[] = {
		{ "{\"color\":\"red\",\"number\":50}", 0, { NULL } },
		{ "{\"color\":\"green\",\"number\":51}", 0, { NULL } },
		{ "{\"color\":\"red\",\"number\":51}", 1, { "number" } },
		{ "{\"number\":101}", 2, { "number", "color" } },
		{ "{\"color\":\"blue\",\"size\":1}", 2, { "color", "size" } },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct complaints c = { .count = 0 };
		struct json_fault fault = { "", "" };
		json_t *body = NULL;
		struct one one;

		assert_int_equal(
		    json_read(cases[i].body, strlen(cases[i].body), &body, &fault), ERR_OK);
		assert_int_equal(fields_read_json(&ruled, body, arena, &one, &c),
		    cases[i].count == 0 ? ERR_OK : ERR_VALIDATION);
		assert_int_equal(c.count, cases[i].count);
		for (size_t k = 0; k < c.count; k++)
			assert_string_equal(c.items[k].field, cases[i].fields[k]);
		json_decref(body);
	}
}

/* An object in an object, and its neighbours. */
struct nest {
	struct one inner;
	int64_t behind;
};

static void test_nested_objects(void **state UNUSED)
{
	static const struct field nest_rows[] = {
		{ ROW_OBJECT(struct nest, inner, &set, "inner"), .flags = FIELD_NULLABLE },
		{ ROW_I64(FIELD_INT, struct nest, behind, "behind"), .flags = FIELD_REQUIRED,
		    .max = 9 },
	};
	static const struct field_set nest_set = FIELD_SET("Nest", nest_rows, struct nest);
	static const struct {
		const char *body;
		int64_t number, behind;
		const char *fields[4];
	} cases[] = {
		{ "{\"inner\":{\"number\":3,\"color\":\"red\"},\"behind\":2}", 3, 2, { NULL } },
		{ "{\"inner\":{},\"behind\":2}", 7, 2, { NULL } },
		{ "{\"inner\":null,\"behind\":2}", 7, 2, { NULL } },
		{ "{\"behind\":2}", 7, 2, { NULL } },
		{ "{\"inner\":[],\"behind\":2}", 7, 2, { "inner" } },
		{ "{\"inner\":\"x\",\"behind\":2}", 7, 2, { "inner" } },
		{ "{\"inner\":{\"number\":0,\"size\":1},\"color\":\"red\"}", 7, 0,
		    { "inner.number", "inner.size", "behind", "color" } },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct complaints c = { .count = 0 };
		json_t *body = NULL;
		struct nest nest;
		size_t wrong = 0;

		while (wrong < 4 && cases[i].fields[wrong] != NULL)
			wrong++;
		assert_int_equal(
		    json_read(cases[i].body, strlen(cases[i].body), &body, NULL), ERR_OK);
		assert_int_equal(fields_read_json(&nest_set, body, arena, &nest, &c),
		    wrong == 0 ? ERR_OK : ERR_VALIDATION);
		assert_int_equal(c.count, wrong);
		for (size_t k = 0; k < c.count; k++)
			assert_string_equal(c.items[k].field, cases[i].fields[k]);
		assert_int_equal(nest.inner.number, cases[i].number);
		assert_int_equal(nest.behind, cases[i].behind);
		json_decref(body);
	}
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
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_objects_are_borrowed),
		cmocka_unit_test(test_changes_that_are_refused),
		cmocka_unit_test(test_switches_in_queries),
		cmocka_unit_test(test_schema_of_changes),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_nested_objects),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
