/* SPDX-License-Identifier: Apache-2.0 */
/* t_json.c: what is read and what is refused, and that no fault repeats a value. */
#include "base.h"
#include "json.h"
#include "limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static json_t *must_read(const char *text)
{
	json_t *value = NULL;
	struct json_fault fault;

	assert_int_equal(json_read(text, strlen(text), &value, &fault), ERR_OK);
	assert_non_null(value);
	return value;
}

/* Reads something that is not acceptable and checks the words of the fault. */
static void refuse(const char *text, size_t len, const char *field, const char *words)
{
	json_t *value = NULL;
	struct json_fault fault;

	memset(&fault, 'x', sizeof(fault));
	assert_int_equal(json_read(text, len, &value, &fault), ERR_SYNTAX);
	assert_null(value);
	assert_string_equal(fault.field, field);
	if (strstr(fault.message, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, fault.message);
	assert_int_equal(json_read(text, len, &value, NULL), ERR_SYNTAX);
}

static void refuse_text(const char *text, const char *field, const char *words)
{
	refuse(text, strlen(text), field, words);
}

static void test_reads_any_value(void **state)
{
	json_t *value;

	(void)state;
	value = must_read(" {\"a\": [1, 2.5, true, null, \"\xc3\xa9\\u00e9\"]} \n");
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(value, "a"), 4)), "\xc3\xa9\xc3\xa9");
	json_decref(value);
	value = must_read("\"text\"");
	assert_true(json_is_string(value));
	json_decref(value);
	value = must_read("9223372036854775807");
	assert_true(json_integer_value(value) == INT64_MAX);
	json_decref(value);
}

static void test_refuses_syntax(void **state)
{
	(void)state;
	refuse("", 0, "body", "is empty");
	refuse(NULL, 0, "body", "is empty");
	refuse_text("   ", "body", "ends too early");
	refuse_text("{\"a\":1", "body", "ends too early");
	refuse_text("{\"a\":1}x", "body", "behind the end");
	refuse_text("{\"a\":1}{}", "body", "behind the end");
	refuse_text("{'a':1}", "body", "not valid JSON (line 1, column 2)");
	refuse_text("{\"a\":1,}", "body", "not valid JSON");
	refuse_text("[1 2]", "body", "not valid JSON");
	refuse_text("NaN", "body", "not valid JSON");
	refuse_text("01", "body", "");
	refuse_text("// c\n{}", "body", "not valid JSON");
	refuse_text("\xef\xbb\xbf{}", "body", "not valid JSON");
	refuse_text("[99999999999999999999]", "body", "number that is too large");
	refuse_text("[1e999]", "body", "number that is too large");
	refuse_text("[\"\\ud800\"]", "body", "not valid JSON");
	refuse("{}\0", 3, "body", "NUL byte (line 1, column 3)");
	refuse("\0", 1, "body", "NUL byte");
}

static void test_names_line_and_column(void **state)
{
	(void)state;
	refuse_text("{\n  \"a\": 1,\n  \"b\": @\n}", "body", "(line 3, column 8)");
	/* Columns are characters, not bytes. */
	refuse_text("{\"\xc3\xa9\xc3\xa9\": @}", "body", "(line 1, column 8)");
}

static void test_refuses_nul(void **state)
{
	(void)state;
	refuse_text("{\"a\":\"x\\u0000y\"}", "body", "NUL");
	refuse_text("{\"a\\u0000\":1}", "body", "NUL");
	refuse("{\"a\":\"x\0y\"}", 11, "body", "NUL byte (line 1, column 8)");
}

static void test_refuses_bad_utf8(void **state)
{
	(void)state;
	refuse_text("{\"a\":\"\xff\"}", "body", "UTF-8");
	refuse_text("{\"a\":\"\xc0\xaf\"}", "body", "UTF-8");
	refuse_text("{\"a\":\"\xed\xa0\x80\"}", "body", "UTF-8");
	refuse_text("{\"a\":\"\xe2\x82\"}", "body", "UTF-8");
}

static void test_names_the_duplicate(void **state)
{
	char text[600];
	char name[201];

	(void)state;
	refuse_text("{\"country\":\"NG\",\"country\":\"KE\"}", "country", "given twice");
	refuse_text("{\"a\":{\"b\":1,\n \"b\" : 2}}", "b", "(line 2, column 4)");
	refuse_text("{\"a\\\"b\":1,\"a\\\"b\":2}", "a\"b", "given twice");
	refuse_text("{\"a\\\\\":1,\"a\\\\\":2}", "a\\", "given twice");
	refuse_text("{\"\\u00e9\":1,\"\xc3\xa9\":2}", "\xc3\xa9", "given twice");
	refuse_text("{\"a\\nb\":1,\"a\\nb\":2}", "a?b", "given twice");
	refuse_text("{\"\":1,\"\":2}", "body", "given twice");
	/* A long name is cut between characters. */
	for (size_t i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(text, sizeof(text), "{\"%s\":1,\"%s\":2}", name, name);
	name[62] = '\0';
	refuse_text(text, name, "given twice");
}

static void test_never_quotes_a_value(void **state)
{
	static const char *const texts[] = {
		"{\"id\":\"A1234\" \"B\"}",
		"{\"id\":A1234}",
		"{\"id\":\"A1234\"]",
		"[\"A1234\\q\"]",
		"{\"id\":\"A1234\n\"}",
		"{\"id\":\"A1234",
		"{\"id\":1} A1234",
		"{\"k\":\"A1234\",\"k\":\"A1234\"}",
	};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		json_t *value = NULL;
		struct json_fault fault;

		assert_int_equal(json_read(texts[i], strlen(texts[i]), &value, &fault), ERR_SYNTAX);
		assert_null(strstr(fault.message, "1234"));
		assert_null(strstr(fault.field, "1234"));
	}
}

/* depth opening brackets of a kind, then the closing ones. */
static void nest(char *out, size_t depth, char open, char close)
{
	memset(out, open, depth);
	memset(out + depth, close, depth);
	out[2 * depth] = '\0';
}

static void test_bounds_depth(void **state)
{
	static char deep[200001];
	char text[4 * LIMIT_JSON_DEPTH];
	json_t *value;

	(void)state;
	nest(text, LIMIT_JSON_DEPTH, '[', ']');
	value = must_read(text);
	json_decref(value);
	nest(text, LIMIT_JSON_DEPTH + 1, '[', ']');
	refuse_text(text, "body", "nested too deeply (line 1, column 17)");
	/* Brackets in strings do not count; closed ones do not either. */
	value = must_read("[\"[[[[[[[[[[[[[[[[[[[[[[\",\"\\\"[[[[[[[[[[[[[[[[[[[\",[],[],[],[],"
			  "[],[],[],[],[],[],[],[],[],[],[],[],[]]");
	json_decref(value);
	memset(deep, '[', sizeof(deep) - 1);
	refuse(deep, sizeof(deep) - 1, "body", "nested too deeply");
}

static void test_writes_compact_and_in_order(void **state)
{
	json_t *object = json_object();
	struct buf out;

	(void)state;
	assert_int_equal(json_put_text(object, "z", "caf\xc3\xa9/\""), ERR_OK);
	assert_int_equal(json_put_int(object, "a", INT64_MIN), ERR_OK);
	assert_int_equal(json_put_bool(object, "m", true), ERR_OK);
	assert_int_equal(json_put_text(object, "n", NULL), ERR_OK);
	assert_int_equal(json_put(object, "w", json_words(" read  write ")), ERR_OK);
	assert_int_equal(json_put(object, "e", json_words("")), ERR_OK);
	buf_init(&out, 1000);
	assert_int_equal(json_write(object, &out), ERR_OK);
	assert_string_equal(buf_str(&out),
	    "{\"z\":\"caf\xc3\xa9/\\\"\",\"a\":-9223372036854775808,\"m\":true,\"n\":null,"
	    "\"w\":[\"read\",\"write\"],\"e\":[]}");
	buf_free(&out);
	buf_init(&out, 20);
	assert_int_equal(json_write(object, &out), ERR_FULL);
	buf_free(&out);
	json_decref(object);
}

static void test_put_refuses(void **state)
{
	json_t *object = json_object();

	(void)state;
	assert_int_equal(json_put(object, "a", NULL), ERR_NOMEM);
	assert_int_equal(json_put_text(object, "a", "\xff"), ERR_NOMEM);
	assert_int_equal(json_object_size(object), 0);
	json_decref(object);
}

static void test_gets(void **state)
{
	json_t *object = must_read("{\"s\":\"abc\",\"i\":-12,\"r\":1.5,\"n\":null,\"b\":true}");
	char out[4] = "?";

	(void)state;
	assert_string_equal(json_get_text(object, "s"), "abc");
	assert_null(json_get_text(object, "i"));
	assert_null(json_get_text(object, "absent"));
	assert_null(json_get_text(NULL, "s"));
	assert_int_equal(json_get_loose(object, "s", out, sizeof(out)), ERR_OK);
	assert_string_equal(out, "abc");
	assert_int_equal(json_get_loose(object, "i", out, sizeof(out)), ERR_OK);
	assert_string_equal(out, "-12");
	assert_int_equal(json_get_loose(object, "s", out, 3), ERR_FULL);
	assert_string_equal(out, "-12");
	assert_int_equal(json_get_loose(object, "r", out, sizeof(out)), ERR_MISSING);
	assert_int_equal(json_get_loose(object, "n", out, sizeof(out)), ERR_MISSING);
	assert_int_equal(json_get_loose(object, "b", out, sizeof(out)), ERR_MISSING);
	assert_int_equal(json_get_loose(object, "absent", out, sizeof(out)), ERR_MISSING);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_any_value),
		cmocka_unit_test(test_refuses_syntax),
		cmocka_unit_test(test_names_line_and_column),
		cmocka_unit_test(test_refuses_nul),
		cmocka_unit_test(test_refuses_bad_utf8),
		cmocka_unit_test(test_names_the_duplicate),
		cmocka_unit_test(test_never_quotes_a_value),
		cmocka_unit_test(test_bounds_depth),
		cmocka_unit_test(test_writes_compact_and_in_order),
		cmocka_unit_test(test_put_refuses),
		cmocka_unit_test(test_gets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
