/* SPDX-License-Identifier: Apache-2.0 */
/* t_pwhash.c: argon2id against the answers that its authors publish, and texts that are none. */
#include "base.h"
#include "limits.h"
#include "proc.h"
#include "pwhash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The least that makes a hash: these tests are about texts, not about time. */
static const struct pwhash_cost cheap = { .memory_kib = 64, .passes = 1, .lanes = 1 };

/* The reference implementation's own vectors (phc-winner-argon2, src/test.c, version 0x13). */
static const struct {
	const char *password;
	const char *text;
} known[] = {
	{ "password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
		      "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc" },
	{ "password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$"
		      "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4" },
	{ "password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$"
		      "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc" },
	{ "password", "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$"
		      "9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg" },
	{ "differentpassword", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
			       "C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94" },
	{ "password", "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$"
		      "vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw" },
};

static void test_known_answers(void **state UNUSED)
{
	for (size_t i = 0; i < countof(known); i++) {
		bool fits = false;

		assert_int_equal(pwhash_check(known[i].text, known[i].password, &fits), ERR_OK);
		assert_true(fits);
		assert_int_equal(pwhash_check(known[i].text, "Password", &fits), ERR_OK);
		assert_false(fits);
	}
}

static void test_make_and_check(void **state UNUSED)
{
	static const char *const wrong[] = { "", "correct horse", "correct horse battery stapl",
		"correct horse battery staplee", "Correct horse battery staple" };
	char text[PWHASH_TEXT_SIZE], again[PWHASH_TEXT_SIZE];
	bool fits = false;

	assert_int_equal(pwhash_make(&cheap, "correct horse battery staple", text), ERR_OK);
	assert_int_equal(pwhash_make(&cheap, "correct horse battery staple", again), ERR_OK);
	assert_string_not_equal(text, again);
	assert_int_equal(strncmp(text, "$argon2id$v=19$m=64,t=1,p=1$", 28), 0);
	/* 16 bytes of salt and 32 of tag are 22 and 43 characters. */
	assert_int_equal(strlen(text), 28 + 22 + 1 + 43);
	assert_int_equal(pwhash_check(text, "correct horse battery staple", &fits), ERR_OK);
	assert_true(fits);
	for (size_t i = 0; i < countof(wrong); i++) {
		fits = true;
		assert_int_equal(pwhash_check(text, wrong[i], &fits), ERR_OK);
		assert_false(fits);
	}
}

static void test_any_bytes(void **state UNUSED)
{
	char text[PWHASH_TEXT_SIZE], longest[2049];
	bool fits = false;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(pwhash_make(&cheap, longest, text), ERR_OK);
	assert_int_equal(pwhash_check(text, longest, &fits), ERR_OK);
	assert_true(fits);
	longest[2047] = '\0';
	assert_int_equal(pwhash_check(text, longest, &fits), ERR_OK);
	assert_false(fits);
	assert_int_equal(pwhash_make(&cheap, "\xf0\x9f\x90\x9f\x01", text), ERR_OK);
	assert_int_equal(pwhash_check(text, "\xf0\x9f\x90\x9f\x01", &fits), ERR_OK);
	assert_true(fits);
}

static void test_cost_bounds(void **state UNUSED)
{
	static const struct pwhash_cost wrong[] = { { 0, 1, 1 }, { 7, 1, 1 }, { 15, 1, 2 },
		{ LIMIT_PWHASH_MEMORY_KIB + 1, 1, 1 }, { 64, 0, 1 },
		{ 64, LIMIT_PWHASH_PASSES + 1, 1 }, { 1024, 1, LIMIT_PWHASH_LANES + 1 },
		{ 64, 1, 0 }, { 8, 1, UINT32_MAX / 8 + 1 } };
	char text[PWHASH_TEXT_SIZE] = "untouched";

	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(pwhash_make(&wrong[i], "password", text), ERR_RANGE);
	assert_string_equal(text, "untouched");
}

#define SALT "c29tZXNhbHQ"
#define TAG "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

static const struct {
	const char *text;
	enum err err;
} bad[] = {
	{ "", ERR_SYNTAX },
	{ "password", ERR_SYNTAX },
	{ "$argon2id$", ERR_SYNTAX },
	{ "$argon2i$v=19$m=256,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2d$v=19$m=256,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$2b$12$c29tZXNhbHQ", ERR_SYNTAX },
	{ "$argon2id$v=16$m=256,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2id$m=256,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ " $argon2id$v=19$m=256,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=0256,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=-256,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=256,p=1,t=2$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=256,t=2,p=1,x=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=99999999999,t=2,p=1$" SALT "$" TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=4294967296,t=2,p=1$" SALT "$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=1048577,t=2,p=1$" SALT "$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=4294967295,t=4294967295,p=1$" SALT "$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=256,t=0,p=1$" SALT "$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=256,t=33,p=1$" SALT "$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=256,t=2,p=0$" SALT "$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=256,t=2,p=17$" SALT "$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=8,t=2,p=2$" SALT "$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=256,t=2,p=1$c29tc2FsdA$" TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "$bm90IGxvbmcgZW5vdWdoIGF0IGFsbA$", ERR_SYNTAX },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "$bm90IGxvbmcgYXQg", ERR_RANGE },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" TAG "=", ERR_SYNTAX },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" TAG "AA", ERR_SYNTAX },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "=$" TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT, ERR_SYNTAX },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" TAG TAG TAG, ERR_SYNTAX },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" TAG TAG TAG TAG, ERR_RANGE },
	{ "$argon2id$v=19$m=256,t=2,p=1$" SALT "$-_" TAG, ERR_SYNTAX },
};

static void test_bad_texts(void **state UNUSED)
{
	for (size_t i = 0; i < countof(bad); i++) {
		bool fits = true;

		if (pwhash_check(bad[i].text, "password", &fits) != bad[i].err)
			fail_msg("%s", bad[i].text);
		assert_true(fits); /* untouched */
		assert_false(pwhash_is_current(bad[i].text, &cheap));
	}
}

static void test_is_current(void **state UNUSED)
{
	static const struct pwhash_cost others[] = { { 65, 1, 1 }, { 64, 2, 1 }, { 128, 1, 2 },
		{ 64, 1, 2 }, { 32, 1, 1 } };
	static const struct pwhash_cost of_known = { 256, 2, 1 };
	char text[PWHASH_TEXT_SIZE];

	assert_int_equal(pwhash_make(&cheap, "password", text), ERR_OK);
	assert_true(pwhash_is_current(text, &cheap));
	for (size_t i = 0; i < countof(others); i++)
		assert_false(pwhash_is_current(text, &others[i]));
	/* The same cost, but a salt of 8 bytes. */
	assert_false(pwhash_is_current(known[1].text, &of_known));
}

/* The dearest text that is accepted at all must fit the buffer that callers have. */
static void test_longest_text(void **state UNUSED)
{
	char text[PWHASH_TEXT_SIZE + 1];
	int len = snprintf(text, sizeof(text), "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
	    LIMIT_PWHASH_MEMORY_KIB, LIMIT_PWHASH_PASSES, LIMIT_PWHASH_LANES,
	    "AAAAAAAAAAAAAAAAAAAAAA", TAG);

	assert_in_range(len, 1, PWHASH_TEXT_SIZE - 1);
	assert_true(pwhash_is_current(text, &(const struct pwhash_cost){ LIMIT_PWHASH_MEMORY_KIB,
						LIMIT_PWHASH_PASSES, LIMIT_PWHASH_LANES }));
}

/* However many passwords were hashed, the memory that one takes is given back. */
static void test_memory_is_given_back(void **state UNUSED)
{
	const struct pwhash_cost cost = { .memory_kib = 19456, .passes = 1, .lanes = 1 };
	char text[PWHASH_TEXT_SIZE];
	long before_kib = proc_rss_kib();
	bool fits = false;

#if defined(__SANITIZE_ADDRESS__) || !defined(HAVE_MALLOC_TRIM)
	skip(); /* the sanitizer keeps what is freed, on purpose */
#endif
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pwhash_make(&cost, "correct horse", text), ERR_OK);
		assert_int_equal(pwhash_check(text, "correct horse", &fits), ERR_OK);
		assert_true(fits);
	}
	assert_true(proc_rss_kib() - before_kib < 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_make_and_check),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_cost_bounds),
		cmocka_unit_test(test_bad_texts),
		cmocka_unit_test(test_is_current),
		cmocka_unit_test(test_longest_text),
		cmocka_unit_test(test_memory_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
