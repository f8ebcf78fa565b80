/* SPDX-License-Identifier: Apache-2.0 */
/* t_arena: request memory, and the capped string. */
#include "arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"

static void test_alloc(void **state UNUSED)
{
	struct arena *arena = NULL;

	assert_int_equal(arena_new(1 << 20, &arena), ERR_OK);
	for (size_t size = 0; size < 3000; size += 7) {
		unsigned char *memory = arena_alloc(arena, size);
		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(memory[i], 0);
		memset(memory, 0xaa, size);
	}
	assert_false(arena_overflowed(arena));
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);
	arena_free(NULL);
}

static void test_overflow_is_sticky(void **state UNUSED)
{
	struct arena *arena = NULL;

	assert_int_equal(arena_new(1024, &arena), ERR_OK);
	assert_non_null(arena_alloc(arena, 1000));
	assert_null(arena_alloc(arena, 1000));
	assert_true(arena_overflowed(arena));
	assert_null(arena_alloc(arena, 1));
	assert_null(arena_strdup(arena, "x"));
	arena_reset(arena);
	assert_false(arena_overflowed(arena));
	assert_int_equal(arena_used(arena), 0);
	assert_non_null(arena_alloc(arena, 1000));
	assert_null(arena_array(arena, SIZE_MAX / 2, 3));
	assert_true(arena_overflowed(arena));
	arena_reset(arena);
	assert_null(arena_alloc(arena, SIZE_MAX));
	arena_free(&arena);
}

/* What held a secret is zero for whoever gets the memory next. */
static void test_reset_wipes(void **state UNUSED)
{
	struct arena *arena = NULL;

	assert_int_equal(arena_new(65536, &arena), ERR_OK);
	char *first = arena_strdup(arena, "a secret of somebody");
	for (int i = 0; i < 100; i++)
		assert_non_null(arena_alloc(arena, 500));
	arena_reset(arena);
	char *again = arena_alloc(arena, 64);
	assert_ptr_equal(first, again);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(again[i], 0);
	arena_free(&arena);
}

static void test_text(void **state UNUSED)
{
	struct arena *arena = NULL;

	assert_int_equal(arena_new(4096, &arena), ERR_OK);
	assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(arena, NULL, 0), "");
	assert_null(arena_strdup(arena, NULL));
	assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
	assert_false(arena_overflowed(arena));
	arena_free(&arena);
}

static void test_buf(void **state UNUSED)
{
	struct buf buf;

	buf_init(&buf, 1000);
	assert_string_equal(buf_str(&buf), "");
	for (int i = 0; i < 100; i++)
		buf_printf(&buf, "%d,", i % 10);
	assert_int_equal(buf.len, 200);
	assert_false(buf_failed(&buf));
	assert_int_equal(buf.data[buf.len], '\0');
	char *taken = buf_take(&buf);
	assert_int_equal(strlen(taken), 200);
	free(taken);
	assert_int_equal(buf.len, 0);
	buf_adds(&buf, "again");
	assert_string_equal(buf_str(&buf), "again");
	buf_free(&buf);
	buf_free(NULL);
}

static void test_buf_cap(void **state UNUSED)
{
	struct buf buf;

	buf_init(&buf, 10);
	buf_adds(&buf, "0123456789");
	assert_int_equal(buf_err(&buf), ERR_OK);
	buf_addc(&buf, 'x');
	assert_int_equal(buf_err(&buf), ERR_FULL);
	assert_int_equal(buf.len, 10);
	buf_adds(&buf, "");
	assert_true(buf_failed(&buf));
	assert_null(buf_take(&buf));
	buf_clear(&buf);
	assert_false(buf_failed(&buf));
	buf_printf(&buf, "%s", "more than ten bytes");
	assert_true(buf_failed(&buf));
	buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_overflow_is_sticky),
		cmocka_unit_test(test_reset_wipes),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_buf_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
