/* SPDX-License-Identifier: Apache-2.0 */
/* t_field.c: rows read bodies and queries with all complaints, and write schemas. What they write
 * as replies is in t_reply.c, and what holds for the rows of the product in t_router.c. */
#include "base.h"
#include "arena.h"
#include "clock.h"
#include "sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* One member of each type, and what makes them differ. */
struct sample {
	const char *text;
	const char *code;
	const char *open;
	const char *color;
	const char *colors;
	bool flag;
	int64_t number;
	int64_t maybe;
	const char *day;
	int64_t from_ms;
	int64_t to_ms;
	struct uuid id;
};

static const char *const colors[] = { "red", "green", "blue", "" };
static const struct word_list color_words = { "Color", countof(colors), colors };

static const struct field sample_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct sample, text, "text"), .min = 2, .max = 5,
	    .sentence = "Some text.", .example = "\"abc\"" },
	{ ROW_TEXT(FIELD_TEXT, struct sample, code, "code"), .flags = FIELD_NULLABLE, .min = 1,
	    .max = 8, .pattern = "[a-z]+|[0-9]{2}", .pattern_words = "must be small letters" },
	{ ROW_TEXT(FIELD_TEXT, struct sample, open, "open"), .max = 3, .pattern = "[^!]*",
	    .pattern_words = "must be calm" },
	{ ROW_TEXT(FIELD_WORD, struct sample, color, "color"), .flags = FIELD_NULLABLE,
	    .words = &color_words },
	{ ROW_TEXT(FIELD_WORDS, struct sample, colors, "colors"), .min = 1, .max = 3,
	    .words = &color_words },
	{ ROW_BOOL(struct sample, flag, "flag"), .initial = 1 },
	{ ROW_I64(FIELD_INT, struct sample, number, "number"), .min = -5, .max = 100,
	    .initial = 20 },
	{ ROW_I64(FIELD_INT, struct sample, maybe, "maybe"), .flags = FIELD_NULLABLE,
	    .min = INT64_MIN + 1, .max = INT64_MAX, .initial = DB_NULL },
	{ ROW_TEXT(FIELD_DATE, struct sample, day, "day") },
	{ ROW_I64(FIELD_TIME, struct sample, from_ms, "from") },
	{ ROW_I64(FIELD_TIME, struct sample, to_ms, "to"), .flags = FIELD_DAY_END },
	{ ROW_ID(ID_VERIFICATION, struct sample, id, "id") },
};
static const struct field_set sample_set = FIELD_SET("Sample", sample_rows, struct sample);

/* What must be there, and what may be null. */
struct duty {
	const char *must;
	const char *must_or_null;
	int64_t limit;
	const char *free;
};

static const struct field duty_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct duty, must, "must"), .flags = FIELD_REQUIRED, .min = 1,
	    .max = 9 },
	{ ROW_TEXT(FIELD_TEXT, struct duty, must_or_null, "either"),
	    .flags = FIELD_REQUIRED | FIELD_NULLABLE, .min = 1, .max = 9 },
	{ ROW_I64(FIELD_INT, struct duty, limit, "limit"), .flags = FIELD_REQUIRED, .min = 1,
	    .max = 100, .initial = 20, .sentence = "How many." },
	{ ROW_TEXT(FIELD_TEXT, struct duty, free, "free"), .flags = FIELD_NULLABLE, .min = 1,
	    .max = 9 },
};
static const struct field_set duty_set = FIELD_SET("Duty", duty_rows, struct duty);

/* The example of the TypeID specification; its bytes are in `full` below. */
#define ID_TEXT_FORM "01h2xcejqtf2nbrexx3vqjhp41"

#define MAY_1_MS INT64_C(1777593600000) /* 2026-05-01T00:00:00Z */
#define HALF_PAST_TEN_MS (MAY_1_MS + 37800000)

#define COLORS_FAULT "must be one of red, green, blue"
#define TOO_SHORT "must have at least 2 characters"
#define TOO_LONG "must have at most 5 characters"
#define NUMBER_FAULT "must be a whole number from -5 to 100"

static struct arena *arena;
static struct complaints complaints;

static int set_up(void **state UNUSED)
{
	complaints.count = 0;
	return arena_new(1 << 20, &arena) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	arena_free(&arena);
	return 0;
}

/* All complaints as "field: message" lines. */
static const char *complaints_text(void)
{
	static char text[16384];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < complaints.count; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s: %s\n",
		    complaints.items[i].field, complaints.items[i].message);
		assert_true(n < sizeof(text));
	}
	return text;
}

/* JSON as it is written here: with ' for ", which is read much better. The caller owns it. */
static json_t *json_of(const char *text)
{
	char *copy = arena_strdup(arena, text);
	json_t *value = NULL;
	struct json_fault fault;

	assert_non_null(copy);
	for (char *c = copy; *c != '\0'; c++) {
		if (*c == '\'')
			*c = '"';
	}
	if (json_read(copy, strlen(copy), &value, &fault) != ERR_OK)
		fail_msg("%s is not JSON: %s", text, fault.message);
	return value;
}

/* The body lives as long as its texts are looked at: they are borrowed from it. */
static enum err read_json(
    const struct field_set *set, const char *text, void *ret, json_t **ret_body)
{
	complaints.count = 0;
	memset(ret, 0xff, set->struct_size);
	*ret_body = json_of(text);
	return fields_read_json(set, *ret_body, arena, ret, &complaints);
}

static enum err read_query(const struct field_set *set, const char *text, void *ret)
{
	complaints.count = 0;
	memset(ret, 0xff, set->struct_size);
	return fields_read_query(set, text, arena, ret, &complaints);
}

static void is_said(const char *what, enum err err, const char *expected)
{
	if (strcmp(complaints_text(), expected) != 0)
		fail_msg("%s: \"%s\" instead of \"%s\"", what, complaints_text(), expected);
	assert_int_equal(err, expected[0] == '\0' ? ERR_OK : ERR_VALIDATION);
}

/* A body or a query and all that is said of it, a line each; "" for a good one. */
struct input_case {
	const char *input;
	const char *complaints;
};

static void check_bodies(const struct field_set *set, const struct input_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sample object;
		json_t *body = NULL;

		assert_true(set->struct_size <= sizeof(object));
		is_said(cases[i].input, read_json(set, cases[i].input, &object, &body),
		    cases[i].complaints);
		json_decref(body);
	}
}

static void check_queries(const struct field_set *set, const struct input_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sample object;

		assert_true(set->struct_size <= sizeof(object));
		is_said(
		    cases[i].input, read_query(set, cases[i].input, &object), cases[i].complaints);
	}
}

#define VALUES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Each value of this member of the sample is met with this message; NULL: with none. */
static void each(const char *member, const char *message, const char *const *values)
{
	for (; *values != NULL; values++) {
		char body[256], expected[256] = "";
		const struct input_case one = { body, expected };

		(void)snprintf(body, sizeof(body), "{'%s':%s}", member, *values);
		if (message != NULL)
			(void)snprintf(expected, sizeof(expected), "%s: %s\n", member, message);
		check_bodies(&sample_set, &one, 1);
	}
}

/* NULL equals NULL only. */
static void is_text(const char *text, const char *expected)
{
	if (text == NULL || expected == NULL)
		assert_ptr_equal(text, expected);
	else
		assert_string_equal(text, expected);
}

static void is_sample(const struct sample *got, const struct sample *want)
{
	is_text(got->text, want->text);
	is_text(got->code, want->code);
	is_text(got->open, want->open);
	is_text(got->color, want->color);
	is_text(got->colors, want->colors);
	assert_int_equal(got->flag, want->flag);
	assert_true(got->number == want->number);
	assert_true(got->maybe == want->maybe);
	is_text(got->day, want->day);
	assert_true(got->from_ms == want->from_ms);
	assert_true(got->to_ms == want->to_ms);
	assert_true(uuid_equal(got->id, want->id));
}

static const struct sample absent = {
	.flag = true, .number = 20, .maybe = DB_NULL, .from_ms = TIME_NONE, .to_ms = TIME_NONE
};

static const struct sample full = { .text = "ab",
	.code = "xyz",
	.open = "",
	.color = "green",
	.colors = "blue red",
	.flag = false,
	.number = -5,
	.maybe = INT64_MAX,
	.day = "2024-02-29",
	.from_ms = MAY_1_MS,
	.to_ms = MAY_1_MS + INT64_C(86399999),
	.id = { { 0x01, 0x88, 0xba, 0xc7, 0x4a, 0xfa, 0x78, 0xaa, 0xbc, 0x3b, 0xbd, 0x1e, 0xef,
	    0x28, 0xd8, 0x81 } } };

/* ---- bodies ----------------------------------------------------------------------------------- */

static void test_reads_every_type(void **state UNUSED)
{
	struct sample sample;
	json_t *body = NULL;

	assert_int_equal(read_json(&sample_set,
			     "{'text':'ab','code':'xyz','open':'','color':'green',"
			     "'colors':['blue','red','blue'],'flag':false,'number':-5,"
			     "'maybe':9223372036854775807,'day':'2024-02-29',"
			     "'from':'2026-05-01','to':'2026-05-01',"
			     "'id':'ver_" ID_TEXT_FORM "'}",
			     &sample, &body),
	    ERR_OK);
	is_sample(&sample, &full);
	json_decref(body);
}

static void test_absent_is_the_initial_value(void **state UNUSED)
{
	struct sample sample;
	json_t *body = NULL;

	assert_int_equal(read_json(&sample_set, "{}", &sample, &body), ERR_OK);
	is_sample(&sample, &absent);
	json_decref(body);
	assert_int_equal(
	    read_json(&sample_set, "{'code':null,'color':null,'maybe':null}", &sample, &body),
	    ERR_OK);
	is_sample(&sample, &absent);
	json_decref(body);
}

static void test_texts(void **state UNUSED)
{
	each("text", NULL, VALUES("'ab'", "'abcde'", "'a b~'"));
	each("text", TOO_SHORT, VALUES("''", "'a'"));
	each("text", TOO_LONG, VALUES("'abcdef'"));
	each("code", "must not be empty", VALUES("''"));
	each("open", NULL, VALUES("''", "'abc'"));
	each("open", "must have at most 3 characters", VALUES("'abcd'"));
	each("text", "must be a string", VALUES("1", "null", "true", "['ab']", "{}"));
}

static void test_limits_are_code_points(void **state UNUSED)
{
	each("text", NULL,
	    VALUES("'\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9'", "'\\u00e9\\u00e9'",
		"'\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80z'",
		"'\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00'"));
	each("text", TOO_SHORT, VALUES("'\xf0\x9f\x98\x80'", "'\\ud83d\\ude00'"));
	each("text", TOO_LONG, VALUES("'\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9'"));
}

static void test_texts_hold_no_control_characters(void **state UNUSED)
{
	each("text", "must not contain control characters",
	    VALUES("'a\\nb'", "'a\\u0001'", "'\\u001fa'", "'a\\u007f'", "'\\t\\t'"));
	/* Length comes first: one complaint about one field is enough. */
	each("text", TOO_SHORT, VALUES("'\\n'"));
	each("code", "must not contain control characters", VALUES("'abc\\n'"));
}

static void test_patterns_match_whole_texts(void **state UNUSED)
{
	each("code", NULL, VALUES("'abc'", "'12'"));
	each("code", "must be small letters",
	    VALUES("'ABC'", "'abc1'", "'1abc'", "'123'", "' abc'", "'\xc3\xa9'"));
	each("code", "must have at most 8 characters", VALUES("'ABCDEFGHI'"));
	each("open", "must be calm", VALUES("'a!'", "'!'"));
}

static void test_words(void **state UNUSED)
{
	each("color", NULL, VALUES("'red'", "'blue'", "null"));
	/* The list has an empty word; it is no word for a client. */
	each("color", COLORS_FAULT, VALUES("'Red'", "'red '", "'re'", "''", "'red green'"));
	each("color", "must be a string", VALUES("['red']", "1"));
}

static void test_joined_words(void **state UNUSED)
{
	each("colors", NULL, VALUES("['red']", "['red','red','green']"));
	each("colors", "must be an array; number of words: 1 to 3",
	    VALUES("[]", "['red','red','red','red']"));
	each("colors", COLORS_FAULT,
	    VALUES("['red','pink','grey']", "['red green']", "['']", "[1]", "[null]", "[['red']]"));
	each("colors", "must be an array of words", VALUES("'red'", "{'0':'red'}", "null", "1"));
}

static void test_numbers(void **state UNUSED)
{
	each("number", NULL, VALUES("-5", "0", "100"));
	each("number", NUMBER_FAULT, VALUES("-6", "101", "9223372036854775807"));
	each("number", "must be a whole number",
	    VALUES("1.5", "1.0", "1e2", "'1'", "true", "null", "[1]", "{}"));
	each("maybe", NULL, VALUES("null", "-9223372036854775807", "9223372036854775807"));
	/* The value that means none inside is no value for a client. */
	each("maybe", "must be a whole number from -9223372036854775807 to 9223372036854775807",
	    VALUES("-9223372036854775808"));
}

static void test_flags(void **state UNUSED)
{
	each("flag", NULL, VALUES("true", "false"));
	each("flag", "must be true or false", VALUES("0", "1", "'true'", "null", "[]"));
}

static void test_dates(void **state UNUSED)
{
	each("day", NULL, VALUES("'2024-02-29'", "'2000-02-29'", "'0001-01-01'", "'9999-12-31'"));
	each("day", "must be a day that exists",
	    VALUES("'2023-02-29'", "'1900-02-29'", "'2023-04-31'", "'2023-00-10'", "'2023-13-10'",
		"'2023-01-00'", "'0000-01-01'"));
	each("day", "must be a date, YYYY-MM-DD",
	    VALUES("'2023-2-9'", "'09/02/2023'", "'20230209'", "'2023-02-09T00:00:00Z'",
		"'2023-02-09 '", "'-023-02-09'", "''"));
	each("day", "must be a string", VALUES("20230209", "null"));
}

static void test_times(void **state UNUSED)
{
	static const struct {
		const char *text;
		int64_t from_ms;
		int64_t to_ms;
	} right[] = {
		/* A date is its midnight, or with FIELD_DAY_END its last millisecond. */
		{ "2026-05-01", MAY_1_MS, MAY_1_MS + 86399999 },
		{ "2026-05-01T00:00:00Z", MAY_1_MS, MAY_1_MS },
		{ "2026-05-01T10:30:00Z", HALF_PAST_TEN_MS, HALF_PAST_TEN_MS },
		{ "2026-05-01T10:30:00.129Z", HALF_PAST_TEN_MS + 129, HALF_PAST_TEN_MS + 129 },
		{ "2026-05-01T12:30:00+02:00", HALF_PAST_TEN_MS, HALF_PAST_TEN_MS },
		{ "1970-01-01", 0, 86399999 },
	};

	each("from", "must be an ISO 8601 date or time",
	    VALUES("'yesterday'", "''", "'2026-02-29'", "'2026-05-01T24:00:00Z'",
		"'2026-05-01T10:30:00'", "'2026-05-01 10:30:00Z'", "'1969-12-31'"));
	each("from", "must be a string", VALUES("1777593600", "null"));
	for (size_t i = 0; i < countof(right); i++) {
		struct sample sample;
		json_t *body = NULL;
		char text[128];

		(void)snprintf(
		    text, sizeof(text), "{'from':'%s','to':'%s'}", right[i].text, right[i].text);
		assert_int_equal(read_json(&sample_set, text, &sample, &body), ERR_OK);
		assert_true(sample.from_ms == right[i].from_ms);
		assert_true(sample.to_ms == right[i].to_ms);
		json_decref(body);
	}
}

static void test_ids(void **state UNUSED)
{
	each("id", NULL, VALUES("'ver_" ID_TEXT_FORM "'"));
	each("id", "is not an id of this kind",
	    VALUES("'key_" ID_TEXT_FORM "'", "'" ID_TEXT_FORM "'", "'VER_" ID_TEXT_FORM "'",
		"'ver-" ID_TEXT_FORM "'", "'ver_" ID_TEXT_FORM "0'", "'ver_'", "''",
		"'ver_01H2XCEJQTF2NBREXX3VQJHP41'", "'ver_81h2xcejqtf2nbrexx3vqjhp41'",
		"'ver_0lh2xcejqtf2nbrexx3vqjhp41'"));
	each("id", "must be a string", VALUES("7", "null"));
}

static void test_required_and_nullable(void **state UNUSED)
{
	static const struct input_case cases[] = {
		{ "{'must':'a','either':'b','limit':1}", "" },
		{ "{'must':'a','either':'b','limit':1,'free':null}", "" },
		{ "{}", "must: is required\neither: is required\nlimit: is required\n" },
		/* Null is as good as absent where it is allowed, and a wrong kind where not. */
		{ "{'must':'a','either':null,'limit':1}", "either: is required\n" },
		{ "{'must':null,'either':'b','limit':null}",
		    "must: must be a string\nlimit: must be a whole number\n" },
		{ "{'must':'','either':'','limit':1,'free':''}",
		    "must: must not be empty\neither: must not be empty\n"
		    "free: must not be empty\n" },
	};

	check_bodies(&duty_set, cases, countof(cases));
}

static void test_unknown_members_are_refused(void **state UNUSED)
{
	static const struct input_case cases[] = {
		{ "{'zzzzzzzzzz':1}", "zzzzzzzzzz: is not a known field\n" },
		{ "{'tekst':1}", "tekst: is not a known field; did you mean \"text\"?\n" },
		{ "{'Color':1}", "Color: is not a known field; did you mean \"color\"?\n" },
		/* Null makes no unknown member known. */
		{ "{'numbr':null}", "numbr: is not a known field; did you mean \"number\"?\n" },
		{ "{'text':'a','qqqqqqq':1,'color':'pink','wwwwwww':{}}",
		    "text: must have at least 2 characters\ncolor: " COLORS_FAULT "\n"
		    "qqqqqqq: is not a known field\nwwwwwww: is not a known field\n" },
		/* A long name is cut, and so said only in part. */
		{ "{'0123456789012345678901234567890123456789012345678901234567890123456':1}",
		    "0123456789012345678901234567890123456789012345678901234567890123: is not a "
		    "known field\n" },
	};

	check_bodies(&sample_set, cases, countof(cases));
}

static void test_all_complaints_at_once(void **state UNUSED)
{
	static const char text[] =
	    "{'id':'x','to':1,'from':'x','day':'2023-02-29','maybe':'1','number':101,'flag':0,"
	    "'colors':['red','pink'],'color':'pink','open':'abcd','code':'X','text':'a','size':1}";
	struct sample sample;
	json_t *body = NULL;

	is_said(text, read_json(&sample_set, text, &sample, &body),
	    "text: " TOO_SHORT "\ncode: must be small letters\n"
	    "open: must have at most 3 characters\ncolor: " COLORS_FAULT "\n"
	    "colors: " COLORS_FAULT "\nflag: must be true or false\nnumber: " NUMBER_FAULT "\n"
	    "maybe: must be a whole number\nday: must be a day that exists\n"
	    "from: must be an ISO 8601 date or time\nto: must be a string\n"
	    "id: is not an id of this kind\nsize: is not a known field\n");
	/* A refused member keeps what absent means: nothing half-read reaches a handler. */
	is_sample(&sample, &absent);
	json_decref(body);
}

static void test_bodies_that_are_no_objects(void **state UNUSED)
{
	static const char *const wrong[] = { "[]", "[{'text':'ab'}]", "'text'", "1", "true",
		"null" };
	struct sample sample;

	for (size_t i = 0; i < countof(wrong); i++) {
		json_t *body = NULL;
		is_said(wrong[i], read_json(&sample_set, wrong[i], &sample, &body),
		    "body: must be a JSON object\n");
		is_sample(&sample, &absent);
		json_decref(body);
	}
	complaints.count = 0;
	is_said("no body", fields_read_json(&sample_set, NULL, arena, &sample, &complaints),
	    "body: must be a JSON object\n");
}

static void test_more_complaints_than_room(void **state UNUSED)
{
	json_t *body = json_object();
	struct sample sample;
	char name[32];

	for (int i = 0; i < LIMIT_COMPLAINTS + 6; i++) {
		(void)snprintf(name, sizeof(name), "unknown_member_%02d", i);
		assert_int_equal(json_put_int(body, name, i), ERR_OK);
	}
	assert_int_equal(
	    fields_read_json(&sample_set, body, arena, &sample, &complaints), ERR_VALIDATION);
	assert_int_equal(complaints.count, LIMIT_COMPLAINTS);
	assert_string_equal(complaints.items[0].field, "unknown_member_00");
	(void)snprintf(name, sizeof(name), "unknown_member_%02d", LIMIT_COMPLAINTS - 1);
	assert_string_equal(complaints.items[LIMIT_COMPLAINTS - 1].field, name);
	assert_string_equal(complaints.items[LIMIT_COMPLAINTS - 1].message, "is not a known field");
	/* One more is dropped and overwrites nothing. */
	complain(&complaints, "late", "is dropped");
	assert_int_equal(complaints.count, LIMIT_COMPLAINTS);
	assert_string_equal(complaints.items[LIMIT_COMPLAINTS - 1].field, name);
	json_decref(body);
}

static void test_complaints_are_added_to_earlier_ones(void **state UNUSED)
{
	struct sample sample;
	json_t *empty = json_object();

	complain(&complaints, "before", "was here");
	assert_int_equal(fields_read_json(&sample_set, empty, arena, &sample, &complaints), ERR_OK);
	assert_int_equal(
	    fields_read_query(&sample_set, "text=a", arena, &sample, &complaints), ERR_VALIDATION);
	assert_string_equal(
	    complaints_text(), "before: was here\ntext: must have at least 2 characters\n");
	json_decref(empty);
}

static void test_memory(void **state UNUSED)
{
	struct arena *small;
	struct sample sample;
	json_t *body = NULL;

	assert_int_equal(read_json(&sample_set, "{'colors':['red']}", &sample, &body), ERR_OK);
	assert_int_equal(arena_new(1, &small), ERR_OK);
	assert_int_equal(
	    fields_read_json(&sample_set, body, small, &sample, &complaints), ERR_NOMEM);
	json_decref(body);
	/* Without memory for its words a complaint is still one. */
	body = json_of("{'text':'a','color':'pink','numbr':1}");
	assert_int_equal(
	    fields_read_json(&sample_set, body, small, &sample, &complaints), ERR_VALIDATION);
	assert_string_equal(complaints_text(),
	    "text: has a wrong length\ncolor: is not a known word\nbody: is not a known field\n");
	json_decref(body);
	arena_free(&small);
}

/* ---- queries ---------------------------------------------------------------------------------- */

static void test_reads_queries(void **state UNUSED)
{
	struct sample sample, want = full;

	want.colors = NULL;
	assert_int_equal(read_query(&sample_set,
			     "text=ab&code=xyz&open=&color=green&flag=false&number=-5&"
			     "maybe=9223372036854775807&day=2024-02-29&from=2026-05-01&"
			     "to=2026-05-01&id=ver_" ID_TEXT_FORM,
			     &sample),
	    ERR_OK);
	is_sample(&sample, &want);
	assert_int_equal(read_query(&sample_set, "", &sample), ERR_OK);
	is_sample(&sample, &absent);
	/* Empty pairs are nobody's parameter. */
	assert_int_equal(read_query(&sample_set, "&&text=ab&&", &sample), ERR_OK);
	assert_string_equal(sample.text, "ab");
}

static void test_queries_are_decoded(void **state UNUSED)
{
	struct sample sample;

	assert_int_equal(
	    read_query(&sample_set,
		"t%65xt=%C3%A9+%2B%26%3D&from=2026-05-01T12%3A30%3A00%2B02%3A00", &sample),
	    ERR_OK);
	assert_string_equal(sample.text, "\xc3\xa9 +&=");
	assert_true(sample.from_ms == HALF_PAST_TEN_MS);
	/* Only the first equals sign divides. */
	assert_int_equal(read_query(&sample_set, "text=a=b", &sample), ERR_OK);
	assert_string_equal(sample.text, "a=b");
}

/* All of these queries are met with these lines. */
static void all(const char *lines, const char *const *queries)
{
	for (; *queries != NULL; queries++) {
		const struct input_case one = { *queries, lines };
		check_queries(&sample_set, &one, 1);
	}
}

static void test_values_that_queries_refuse(void **state UNUSED)
{
	all("", VALUES("number=1&flag=true", "flag=false"));
	all("number: must be a whole number\n",
	    VALUES("number=", "number", "number=1x", "number=+1", "number=%2B1", "number=1.0",
		"number=99999999999999999999"));
	all("number: " NUMBER_FAULT "\n", VALUES("number=101", "number=-6"));
	all("maybe: must be a whole number\n", VALUES("maybe=-9223372036854775808", "maybe=null"));
	all("flag: must be true or false\n",
	    VALUES("flag=TRUE", "flag", "flag=2", "flag=1", "flag=yes"));
	all("color: " COLORS_FAULT "\n", VALUES("color=", "color=pink", "color=red+"));
	all("text: must not contain control characters\n", VALUES("text=a%0Ab", "text=%7F%7F"));
	/* A plus in a time is a space unless it is encoded. */
	all("from: must be an ISO 8601 date or time\n", VALUES("from=2026-05-01T12:30:00+02:00"));
	/* Only bodies have arrays. */
	all("colors: is of the wrong type\n", VALUES("colors=red", "colors="));
	all("color: " COLORS_FAULT "\nday: must be a day that exists\n"
	    "id: is not an id of this kind\n",
	    VALUES("color=pink&day=2023-02-29&id=x"));
}

static void test_parameters_that_queries_refuse(void **state UNUSED)
{
	all("number: must not be given twice\n", VALUES("number=1&number=1", "number=1&number=x"));
	all("number: must be a whole number\nnumber: must not be given twice\n"
	    "number: must not be given twice\n",
	    VALUES("number=x&number=1&number=2"));
	all("numbr: is not a known field; did you mean \"number\"?\nwwwwwww: is not a known field\n",
	    VALUES("numbr=1&wwwwwww"));
	all("Number: is not a known field; did you mean \"number\"?\n", VALUES("Number=1"));
	all("number[]: is not a known field; did you mean \"number\"?\n", VALUES("number[]=1"));
	all("query: is not a well-formed query string\n",
	    VALUES("text=%", "text=%zz", "text=a%00", "text=%FF", "te%xt=a"));
	/* What was found before it stays said. */
	all("text: " TOO_SHORT "\nquery: is not a well-formed query string\n",
	    VALUES("text=a&%&number=x"));
}

static void test_queries_without_what_they_need(void **state UNUSED)
{
	static const struct input_case cases[] = {
		{ "must=a&either=b&limit=1", "" },
		{ "", "must: is required\neither: is required\nlimit: is required\n" },
		/* Given, if wrongly, is given. */
		{ "must=&either=b&limit=0",
		    "must: must not be empty\nlimit: must be a whole number from 1 to 100\n" },
		{ "must=a&either&limit=1", "either: must not be empty\n" },
	};

	check_queries(&duty_set, cases, countof(cases));
}

static void test_queries_with_too_many_parameters(void **state UNUSED)
{
	static const struct field_set none = { .name = "None",
		.struct_size = sizeof(struct sample) };
	struct sample sample;
	char query[4 * LIMIT_QUERY_PARAMS + 8];

	assert_int_equal(read_query(&none, "", &sample), ERR_OK);
	for (size_t i = 0; i <= LIMIT_QUERY_PARAMS; i++)
		memcpy(query + 4 * i, "&a=1", sizeof("&a=1"));
	query[4 * LIMIT_QUERY_PARAMS] = '\0';
	assert_int_equal(read_query(&none, query, &sample), ERR_VALIDATION);
	assert_int_equal(complaints.count, LIMIT_QUERY_PARAMS);
	assert_string_equal(complaints.items[LIMIT_QUERY_PARAMS - 1].field, "a");
	query[4 * LIMIT_QUERY_PARAMS] = '&';
	assert_int_equal(read_query(&none, query, &sample), ERR_VALIDATION);
	assert_int_equal(complaints.count, LIMIT_QUERY_PARAMS + 1);
	assert_string_equal(complaints.items[LIMIT_QUERY_PARAMS].field, "query");
}

/* ---- schemas ---------------------------------------------------------------------------------- */

/* Compared as values: the order of members means nothing. Takes got. */
static void is_json(json_t *got, const char *expected)
{
	json_t *want = json_of(expected);
	char *text = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);

	if (!json_equal(got, want))
		fail_msg("%s instead of %s", text, expected);
	free(text);
	json_decref(want);
	json_decref(got);
}

#define ENUM "['red','green','blue']"
#define OBJECT "{'type':'object','additionalProperties':false,'properties':"
#define ID_PATTERN "^ver_[0-7][0-9a-hjkmnp-tv-z]{25}$"

static void test_schema_of_bodies(void **state UNUSED)
{
	/* Nothing is required, so the list, which may not be empty, is left out. */
	is_json(fields_schema(&sample_set, false),
	    OBJECT "{'text':{'type':'string','minLength':2,'maxLength':5,"
		   "'description':'Some text.','examples':['abc']},"
		   "'code':{'type':['string','null'],'minLength':1,'maxLength':8,"
		   "'pattern':'^(?:[a-z]+|[0-9]{2})$'},"
		   "'open':{'type':'string','maxLength':3,'pattern':'^(?:[^!]*)$'},"
		   "'color':{'type':['string','null'],'enum':['red','green','blue',null]},"
		   "'colors':{'type':'array','minItems':1,'maxItems':3,"
		   "'items':{'type':'string','enum':" ENUM "}},"
		   "'flag':{'type':'boolean','default':true},"
		   "'number':{'type':'integer','minimum':-5,'maximum':100,'default':20},"
		   "'maybe':{'type':['integer','null'],'minimum':-9223372036854775807,"
		   "'maximum':9223372036854775807},"
		   "'day':{'type':'string','format':'date'},"
		   "'from':{'type':'string'},'to':{'type':'string'},"
		   "'id':{'type':'string','pattern':'" ID_PATTERN "'}}}");
}

static void test_schema_says_what_is_required(void **state UNUSED)
{
	json_t *schema = fields_schema(&duty_set, false);

	is_json(json_incref(json_object_get(schema, "required")), "['must','either','limit']");
	assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
	json_decref(schema);
	/* Of a reply all members are: null is written, never left out. */
	schema = fields_schema(&duty_set, true);
	is_json(
	    json_incref(json_object_get(schema, "required")), "['must','either','limit','free']");
	json_decref(schema);
}

/* Limits on texts, counts and absence are for those who write, not for those who read. */
static void test_schema_of_replies(void **state UNUSED)
{
	static const struct field row = { .type = FIELD_RATIO, .name = "ratio" };
	static const struct field_set ratio = { .name = "Ratio", .rows = &row, .count = 1 };

	is_json(fields_schema(&sample_set, true),
	    OBJECT "{'text':{'type':'string','description':'Some text.','examples':['abc']},"
		   "'code':{'type':['string','null']},'open':{'type':'string'},"
		   "'color':{'type':['string','null'],'enum':['red','green','blue',null]},"
		   "'colors':{'type':'array','items':{'type':'string','enum':" ENUM "}},"
		   "'flag':{'type':'boolean'},"
		   "'number':{'type':'integer','minimum':-5,'maximum':100},"
		   "'maybe':{'type':['integer','null'],'minimum':-9223372036854775807,"
		   "'maximum':9223372036854775807},"
		   "'day':{'type':'string','format':'date'},"
		   "'from':{'type':'string','format':'date-time'},"
		   "'to':{'type':'string','format':'date-time'},"
		   "'id':{'type':'string','pattern':'" ID_PATTERN "'}},"
		   "'required':['text','code','open','color','colors','flag','number','maybe',"
		   "'day','from','to','id']}");
	is_json(fields_schema(&ratio, true),
	    OBJECT "{'ratio':{'type':'number','minimum':0,'maximum':1}},'required':['ratio']}");
}

static void test_parameters(void **state UNUSED)
{
	static const struct field_set none = { .name = "None" };

	is_json(fields_parameters(&duty_set),
	    "[{'name':'must','in':'query','required':true,'description':'',"
	    "'schema':{'type':'string','minLength':1,'maxLength':9}},"
	    "{'name':'either','in':'query','required':true,'description':'',"
	    "'schema':{'type':['string','null'],'minLength':1,'maxLength':9}},"
	    "{'name':'limit','in':'query','required':true,'description':'How many.',"
	    "'schema':{'type':'integer','minimum':1,'maximum':100,'default':20,"
	    "'description':'How many.'}},"
	    "{'name':'free','in':'query','required':false,'description':'',"
	    "'schema':{'type':['string','null'],'minLength':1,'maxLength':9}}]");
	is_json(fields_parameters(&none), "[]");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_reads_every_type),
		TEST(test_absent_is_the_initial_value),
		TEST(test_texts),
		TEST(test_limits_are_code_points),
		TEST(test_texts_hold_no_control_characters),
		TEST(test_patterns_match_whole_texts),
		TEST(test_words),
		TEST(test_joined_words),
		TEST(test_numbers),
		TEST(test_flags),
		TEST(test_dates),
		TEST(test_times),
		TEST(test_ids),
		TEST(test_required_and_nullable),
		TEST(test_unknown_members_are_refused),
		TEST(test_all_complaints_at_once),
		TEST(test_bodies_that_are_no_objects),
		TEST(test_more_complaints_than_room),
		TEST(test_complaints_are_added_to_earlier_ones),
		TEST(test_memory),
		TEST(test_reads_queries),
		TEST(test_queries_are_decoded),
		TEST(test_values_that_queries_refuse),
		TEST(test_parameters_that_queries_refuse),
		TEST(test_queries_without_what_they_need),
		TEST(test_queries_with_too_many_parameters),
		TEST(test_schema_of_bodies),
		TEST(test_schema_says_what_is_required),
		TEST(test_schema_of_replies),
		TEST(test_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
