/* SPDX-License-Identifier: Apache-2.0 */
/* t_address.c: which text is a mail address, and which two are the same. */
#include "base.h"
#include "address.h"
#include "mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define LABEL_60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_addresses(void **state UNUSED)
{
	static const char *const good[] = {
		"you@company.com", "a@b.co", "First.Last+tag@sub.example.org",
		"!#$%&'*+-/=?^_`{|}~@example.com", "x@xn--bcher-kva.example", "1@2.x3",
		LABEL_60 "aaaa@example.com", /* a local part of 64 */
		"a@" LABEL_60 "aaa.com",     /* a label of 63 */
	};
	static const char *const bad[] = {
		"",
		"@",
		"you",
		"you@",
		"@company.com",
		"you@company",
		"you@company.",
		"you@.com",
		"you@company..com",
		"you@-company.com",
		"you@company-.com",
		"you@10.0.0.1",
		"you@[10.0.0.1]",
		"you@company.com ",
		" you@company.com",
		"you @company.com",
		"you@com pany.com",
		".you@company.com",
		"you.@company.com",
		"y..u@company.com",
		"a@b@company.com",
		"\"you\"@company.com",
		"you@company.com\n",
		"you\r\nBcc: x@company.com",
		"you@company.com\r\nBcc:",
		"you@company_x.com",
		"you<x>@company.com",
		"y\xc3\xb6u@company.com",
		"you@b\xc3\xbc"
		"cher.example",
		"a,b@company.com",
		LABEL_60 "aaaaa@example.com",
		"a@" LABEL_60 "aaaa.com",
	};

	for (size_t i = 0; i < countof(good); i++) {
		if (!address_check(good[i]))
			fail_msg("refused: %s", good[i]);
		/* Somebody must be able to write to it. */
		assert_true(mime_address_valid(good[i]));
	}
	for (size_t i = 0; i < countof(bad); i++) {
		if (address_check(bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_length(void **state UNUSED)
{
	char text[300];

	/* local 64, '@', and a domain that makes up the rest */
	for (size_t total = LIMIT_EMAIL - 1; total <= LIMIT_EMAIL + 1; total++) {
		memset(text, 'a', sizeof(text));
		text[10] = '@';
		text[70] = text[130] = text[190] = text[250] = '.';
		text[total] = '\0';
		assert_int_equal(address_check(text), total <= LIMIT_EMAIL);
		assert_true(total > LIMIT_EMAIL || mime_address_valid(text));
	}
}

static void test_fold(void **state UNUSED)
{
	char folded[LIMIT_EMAIL + 1];

	address_fold("First.LAST+Tag@EXAMPLE.Org", folded);
	assert_string_equal(folded, "first.last+tag@example.org");
	address_fold("a_{^]@[z.co", folded);
	assert_string_equal(folded, "a_{^]@[z.co");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_fold),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
