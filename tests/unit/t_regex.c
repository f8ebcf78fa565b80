/* SPDX-License-Identifier: Apache-2.0 */
/* t_regex.c: whole matches only, ASCII case folding, and no pattern that runs away. */
#include "base.h"
#include "clock.h"
#include "limits.h"
#include "regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static bool matches(const char *pattern, bool nocase, const char *text, size_t len)
{
	struct regex *regex = NULL;
	char reason[160] = "";
	bool yes;

	if (regex_new(pattern, nocase, &regex, reason, sizeof(reason)) != ERR_OK)
		fail_msg("%s: %s", pattern, reason);
	yes = regex_match(regex, text, len);
	assert_true(yes == regex_match(regex, text, len));
	regex_free(&regex);
	assert_null(regex);
	return yes;
}

static bool matches_text(const char *pattern, bool nocase, const char *text)
{
	return matches(pattern, nocase, text, strlen(text));
}

static void test_whole_text(void **state)
{
	(void)state;
	assert_true(matches_text("[0-9]{11}", false, "12345678901"));
	assert_false(matches_text("[0-9]{11}", false, "123456789012"));
	assert_false(matches_text("[0-9]{11}", false, "x12345678901"));
	assert_false(matches_text("[0-9]{11}", false, "12345678901\n"));
	assert_false(matches_text("^[0-9]{11}$", false, "12345678901\n"));
	assert_true(matches_text("^[0-9]{11}$", false, "12345678901"));
	/* Both branches are anchored, and the longer one is found. */
	assert_true(matches_text("a|ab", false, "ab"));
	assert_false(matches_text("a|ab", false, "abc"));
	assert_false(matches_text("[0-9]+", false, ""));
	assert_true(matches_text("", false, ""));
	assert_false(matches("a.?", false, "a\0x", 3));
}

static void test_case(void **state)
{
	(void)state;
	assert_false(matches_text("AK[0-9]", false, "ak1"));
	assert_true(matches_text("AK[0-9]", true, "ak1"));
	/* A Kelvin sign is no K. */
	assert_false(matches_text("AK[0-9]", true,
	    "a\xe2\x84\xaa"
	    "1"));
	/* Digits of other scripts are no digits; bad UTF-8 is just bytes. */
	assert_false(matches_text("\\d", false, "\xd9\xa1"));
	assert_false(matches_text("[A-Z]", true, "\xff"));
}

static void refuse(const char *pattern, const char *words)
{
	struct regex *regex = NULL;
	char reason[160] = "";

	assert_int_equal(regex_new(pattern, false, &regex, reason, sizeof(reason)), ERR_SYNTAX);
	assert_null(regex);
	if (strstr(reason, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, reason);
	assert_int_equal(regex_new(pattern, false, &regex, NULL, 0), ERR_SYNTAX);
}

static void test_refuses(void **state)
{
	char large[LIMIT_PATTERN + 2];

	(void)state;
	refuse("[0-9", "missing terminating ]");
	refuse("[0-9", ", at character 5");
	refuse("a(b", "missing closing parenthesis");
	refuse("*a", ", at character ");
	refuse("(*UTF)a", "");
	refuse("\\C", "");
	memset(large, 'a', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	refuse(large, "longer than 256 characters");
	regex_free(NULL);
}

/* Patterns that take exponential time elsewhere end here, without a match. */
static void test_runs_are_bounded(void **state)
{
	static const char *const patterns[] = { "(a+)+b", "(a|aa)+b", "(.*.*.*.*.*)*b",
		"(a?){60}a{60}b", "(?:(?:a*)*)*b" };
	char text[5001];
	int64_t start = clock_mono_ms();

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < countof(patterns); i++)
		assert_false(matches_text(patterns[i], false, text));
	assert_true(clock_mono_ms() - start < 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_text),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_runs_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
