/* SPDX-License-Identifier: Apache-2.0 */
/* t_err: the error table. */
#include "base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_rows(void **state UNUSED)
{
	for (int err = ERR_OK; err < ERR__MAX; err++) {
		assert_non_null(err_name((enum err)err));
		assert_non_null(err_code((enum err)err));
		assert_true(err_sentence((enum err)err)[0] != '\0');
		assert_true(err_level((enum err)err) < LOG_LEVEL__MAX);
		assert_true(err_kind((enum err)err) < ERR_KIND__MAX);
	}
	assert_string_equal(err_name(ERR_KEY_NOT_FOUND), "KEY_NOT_FOUND");
	assert_int_equal(err_kind(ERR_KEY_NOT_FOUND), ERR_KIND_MISSING);
}

/* What a client may be shown: its own mistakes as they are, ours without a cause. */
static void test_public(void **state UNUSED)
{
	assert_int_equal(err_public(ERR_VALIDATION), ERR_VALIDATION);
	assert_int_equal(err_public(ERR_DB_LOST), ERR_UNAVAILABLE);
	assert_int_equal(err_public(ERR_DB_UNCERTAIN), ERR_UNAVAILABLE);
	assert_int_equal(err_public(ERR_DB_BROKEN), ERR_INTERNAL);
	assert_int_equal(err_public(ERR_TAMPERED), ERR_INTERNAL);
	for (int err = ERR_OK + 1; err < ERR__MAX; err++)
		assert_int_not_equal(err_kind(err_public((enum err)err)), ERR_KIND_INTERNAL);
}

static void test_stranger(void **state UNUSED)
{
	assert_string_equal(err_name((enum err)9999), "?");
	assert_int_equal(err_public((enum err)9999), ERR_INTERNAL);
	assert_int_equal(err_kind((enum err) - 1), ERR_KIND_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_stranger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
