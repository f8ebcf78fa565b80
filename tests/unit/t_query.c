/* SPDX-License-Identifier: Apache-2.0 */
/* t_query.c: percent-decoding of path segments and query parameters, and what it refuses. */
#include "base.h"
#include "arena.h"
#include "query.h"

#include <setjmp.h>
#include <stdarg.h>
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

static void decode(const char *text, bool plus_is_space, const char *expected)
{
	const char *decoded = NULL;

	assert_int_equal(
	    percent_decode(text, strlen(text), plus_is_space, arena, &decoded), ERR_OK);
	assert_string_equal(decoded, expected);
}

/* What is refused leaves the caller's pointer alone. */
static void refuse(const char *text, size_t len)
{
	static const char before[] = "before";
	const char *decoded = before;

	assert_int_equal(percent_decode(text, len, false, arena, &decoded), ERR_SYNTAX);
	assert_ptr_equal(decoded, before);
	assert_int_equal(percent_decode(text, len, true, arena, &decoded), ERR_SYNTAX);
	assert_ptr_equal(decoded, before);
}

static void test_decodes(void **state UNUSED)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{ "", "" },
		{ "plain-._~", "plain-._~" },
		{ "a%20b", "a b" },
		{ "%41%42", "AB" },
		{ "%2f%2F", "//" },
		{ "%25", "%" },
		/* Decoded once: what an encoded percent sign begins is not an escape. */
		{ "%2541", "%41" },
		{ "%C3%A9%c3%a9", "\xc3\xa9\xc3\xa9" },
		{ "\xc3\xa9", "\xc3\xa9" },
		/* Half of a character raw, half encoded, is the character. */
		{ "\xc3%A9", "\xc3\xa9" },
		{ "%F0%9F%98%80", "\xf0\x9f\x98\x80" },
		{ "%01%7f", "\x01\x7f" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		decode(cases[i].text, false, cases[i].expected);
		decode(cases[i].text, true, cases[i].expected);
	}
}

static void test_plus_is_a_space_in_queries_only(void **state UNUSED)
{
	decode("a+b+", true, "a b ");
	decode("a+b+", false, "a+b+");
	decode("%2B", true, "+");
	decode("%2B", false, "+");
}

static void test_looks_at_len_bytes_only(void **state UNUSED)
{
	const char *decoded = NULL;

	assert_int_equal(percent_decode("abc", 2, false, arena, &decoded), ERR_OK);
	assert_string_equal(decoded, "ab");
	assert_int_equal(percent_decode("%41%4", 3, false, arena, &decoded), ERR_OK);
	assert_string_equal(decoded, "A");
	/* The second digit is there, but not ours. */
	refuse("%41", 2);
	refuse("%41", 1);
}

static void test_refuses(void **state UNUSED)
{
	static const char *const wrong[] = {
		"%",
		"a%",
		"%4",
		"%4g",
		"%g4",
		"%%41",
		"% 1",
		"%+1",
		"%-1",
		"%0x41",
		"%u0041",
		"%00",
		"a%00b",
		"%C3",
		"%A9",
		"\xc3",
		"\xff",
		"%FF",
		"%C0%AF",
		"%ED%A0%80",
		"%F4%90%80%80",
		"%E2%82",
	};

	for (size_t i = 0; i < countof(wrong); i++)
		refuse(wrong[i], strlen(wrong[i]));
	refuse("a\0b", 3);
}

static void test_memory(void **state UNUSED)
{
	static const char before[] = "before";
	const char *decoded = before, *name = before, *value = before;
	struct arena *small;

	assert_int_equal(arena_new(16, &small), ERR_OK);
	assert_int_equal(percent_decode("0123456789abcdef", 16, false, small, &decoded), ERR_NOMEM);
	assert_ptr_equal(decoded, before);
	arena_reset(small);
	/* Room for the name, none for the value. */
	assert_int_equal(query_pair("n=0123456789", 12, small, &name, &value), ERR_NOMEM);
	assert_ptr_equal(name, before);
	assert_ptr_equal(value, before);
	arena_free(&small);
}

static void test_pairs(void **state UNUSED)
{
	static const struct {
		const char *text;
		const char *name;
		const char *value;
	} cases[] = {
		{ "limit=20", "limit", "20" },
		{ "limit", "limit", "" },
		{ "limit=", "limit", "" },
		{ "=20", "", "20" },
		{ "=", "", "" },
		{ "", "", "" },
		/* Only the first one divides. */
		{ "a=b=c", "a", "b=c" },
		{ "a==", "a", "=" },
		{ "a%3Db=c%3Dd", "a=b", "c=d" },
		{ "a+b=c+d", "a b", "c d" },
		{ "%C3%A9=%26", "\xc3\xa9", "&" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		const char *name = NULL, *value = NULL;
		assert_int_equal(
		    query_pair(cases[i].text, strlen(cases[i].text), arena, &name, &value), ERR_OK);
		assert_string_equal(name, cases[i].name);
		assert_string_equal(value, cases[i].value);
	}
}

static void test_pair_looks_at_len_bytes_only(void **state UNUSED)
{
	const char *name = NULL, *value = NULL;

	assert_int_equal(query_pair("a=12&b=3", 4, arena, &name, &value), ERR_OK);
	assert_string_equal(name, "a");
	assert_string_equal(value, "12");
	assert_int_equal(query_pair("abc=1", 3, arena, &name, &value), ERR_OK);
	assert_string_equal(name, "abc");
	assert_string_equal(value, "");
}

static void test_refuses_pairs(void **state UNUSED)
{
	static const char *const wrong[] = { "%=1", "a%4=1", "a=%", "a=%zz", "a=%00", "%00=1",
		"a=%FF", "%FF=1", "%" };
	static const char before[] = "before";

	for (size_t i = 0; i < countof(wrong); i++) {
		const char *name = before, *value = before;
		assert_int_equal(
		    query_pair(wrong[i], strlen(wrong[i]), arena, &name, &value), ERR_SYNTAX);
		assert_ptr_equal(name, before);
		assert_ptr_equal(value, before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decodes),
		cmocka_unit_test(test_plus_is_a_space_in_queries_only),
		cmocka_unit_test(test_looks_at_len_bytes_only),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_pair_looks_at_len_bytes_only),
		cmocka_unit_test(test_refuses_pairs),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
