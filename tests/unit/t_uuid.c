/* SPDX-License-Identifier: Apache-2.0 */
/* t_uuid.c: text forms and time bounds of ids. */
#include "base.h"
#include "uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* The version 7 example of RFC 9562, appendix A.6. */
static const struct uuid rfc_id = { { 0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98, 0xc4,
    0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f } };
static const char rfc_text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

static void test_text_is_rfc_9562(void **state)
{
	char text[UUID_TEXT_SIZE];

	(void)state;
	uuid_text(rfc_id, text);
	assert_string_equal(text, rfc_text);
	uuid_text(UUID_NIL, text);
	assert_string_equal(text, "00000000-0000-0000-0000-000000000000");
}

static void test_parse_is_the_inverse(void **state)
{
	struct uuid id = UUID_NIL;

	(void)state;
	assert_int_equal(uuid_parse(rfc_text, &id), ERR_OK);
	assert_true(uuid_equal(id, rfc_id));
	assert_false(uuid_is_nil(id));
	assert_int_equal(uuid_parse("00000000-0000-0000-0000-000000000000", &id), ERR_OK);
	assert_true(uuid_is_nil(id));
}

static void test_parse_refuses(void **state)
{
	static const char *const wrong[] = {
		"",
		"017f22e2",
		"017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
		"017f22e279b07cc398c4dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
		"017f22e2-79b0-7cc3-98c4+dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
		"017f22e-279b0-7cc3-98c4-dc0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
		" 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
	};
	struct uuid id = rfc_id;

	(void)state;
	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(uuid_parse(wrong[i], &id), ERR_SYNTAX);
	assert_true(uuid_equal(id, rfc_id));
}

static void test_time_of_the_rfc_example(void **state)
{
	(void)state;
	assert_int_equal(uuid_time_ms(rfc_id), INT64_C(0x017f22e279b0));
}

static void test_floor_is_below_every_id_of_its_millisecond(void **state)
{
	struct uuid floor = uuid_floor(uuid_time_ms(rfc_id));
	struct uuid next = uuid_floor(uuid_time_ms(rfc_id) + 1);

	(void)state;
	assert_true(memcmp(floor.b, rfc_id.b, sizeof(floor.b)) < 0);
	assert_true(memcmp(next.b, rfc_id.b, sizeof(next.b)) > 0);
	assert_int_equal(uuid_time_ms(floor), uuid_time_ms(rfc_id));
	assert_int_equal(floor.b[6], 0x70);
	assert_int_equal(floor.b[8], 0x80);
}

static void test_floor_stays_in_48_bits(void **state)
{
	(void)state;
	assert_int_equal(uuid_time_ms(uuid_floor(-1)), 0);
	assert_int_equal(uuid_time_ms(uuid_floor(INT64_MAX)), INT64_C(0xffffffffffff));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_rfc_9562),
		cmocka_unit_test(test_parse_is_the_inverse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_time_of_the_rfc_example),
		cmocka_unit_test(test_floor_is_below_every_id_of_its_millisecond),
		cmocka_unit_test(test_floor_stays_in_48_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
