/* SPDX-License-Identifier: Apache-2.0 */
/* t_str: strict numbers, encodings, UTF-8, comparisons. */
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_numbers(void **state UNUSED)
{
	static const struct {
		const char *text;
		enum err err;
		int64_t value;
	} rows[] = {
		{ "0", ERR_OK, 0 },
		{ "007", ERR_OK, 7 },
		{ "-5", ERR_OK, -5 },
		{ "9223372036854775807", ERR_OK, INT64_MAX },
		{ "-9223372036854775808", ERR_OK, INT64_MIN },
		{ "9223372036854775808", ERR_RANGE, 0 },
		{ "-9223372036854775809", ERR_RANGE, 0 },
		{ "99999999999999999999999", ERR_RANGE, 0 },
		{ "99999999999999999999x", ERR_SYNTAX, 0 },
		{ "", ERR_SYNTAX, 0 },
		{ "-", ERR_SYNTAX, 0 },
		{ "+1", ERR_SYNTAX, 0 },
		{ " 1", ERR_SYNTAX, 0 },
		{ "1 ", ERR_SYNTAX, 0 },
		{ "0x10", ERR_SYNTAX, 0 },
		{ "1e3", ERR_SYNTAX, 0 },
		{ "--1", ERR_SYNTAX, 0 },
	};
	int64_t value;

	for (size_t i = 0; i < countof(rows); i++) {
		value = 42;
		assert_int_equal(
		    str_to_i64(rows[i].text, INT64_MIN, INT64_MAX, &value), rows[i].err);
		assert_true(value == (rows[i].err == ERR_OK ? rows[i].value : 42));
	}
	assert_int_equal(str_to_i64("-1", 0, 10, &value), ERR_SYNTAX);
	assert_int_equal(str_to_i64("11", 0, 10, &value), ERR_RANGE);
	assert_int_equal(str_to_i64("10", 0, 10, &value), ERR_OK);
}

static void test_octal_and_bool(void **state UNUSED)
{
	unsigned mode = 0;
	bool flag = false;

	assert_int_equal(str_to_octal("0660", 0777, &mode), ERR_OK);
	assert_int_equal(mode, 0660);
	assert_int_equal(str_to_octal("0888", 0777, &mode), ERR_SYNTAX);
	assert_int_equal(str_to_octal("1000", 0777, &mode), ERR_RANGE);
	assert_int_equal(str_to_octal("", 0777, &mode), ERR_SYNTAX);
	assert_int_equal(str_to_bool("yes", &flag), ERR_OK);
	assert_true(flag);
	assert_int_equal(str_to_bool("off", &flag), ERR_OK);
	assert_false(flag);
	assert_int_equal(str_to_bool("Yes", &flag), ERR_SYNTAX);
}

static void test_hex(void **state UNUSED)
{
	uint8_t bytes[3] = { 0 };
	char text[7];

	assert_int_equal(hex_decode("00fFa5", 6, bytes, 3), ERR_OK);
	hex_encode(bytes, 3, text);
	assert_string_equal(text, "00ffa5");
	assert_int_equal(hex_decode("00fFa", 5, bytes, 3), ERR_SYNTAX);
	assert_int_equal(hex_decode("00fFag", 6, bytes, 3), ERR_SYNTAX);
	assert_int_equal(hex_decode("00fFa5", 6, bytes, 2), ERR_SYNTAX);
}

/* RFC 4648 section 10, and spellings that are not the one. */
static void test_base64(void **state UNUSED)
{
	static const char *const plain[] = { "", "f", "fo", "foo", "foob", "fooba", "foobar" };
	static const char *const coded[] = { "", "Zg==", "Zm8=", "Zm9v",
		"Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	static const char *const wrong[] = { "Zg=", "Zg", "Zh==", "Zm9=", "Z===", "Zm9v\n", "Zm 9v",
		"====", "Zg==Zg==", "Zm-_" };
	char text[32], back[32];
	size_t len;

	for (size_t i = 0; i < countof(plain); i++) {
		base64_encode(plain[i], strlen(plain[i]), text);
		assert_string_equal(text, coded[i]);
		assert_int_equal(
		    base64_decode(text, strlen(text), back, sizeof(back), &len), ERR_OK);
		assert_int_equal(len, strlen(plain[i]));
		assert_memory_equal(back, plain[i], len);
	}
	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_not_equal(
		    base64_decode(wrong[i], strlen(wrong[i]), back, sizeof(back), &len), ERR_OK);
	assert_int_equal(base64_decode("Zm9vYmFy", 8, back, 5, &len), ERR_FULL);
	base64url_encode("\xfb\xff", 2, text);
	assert_string_equal(text, "-_8");
	assert_int_equal(base64url_decode("-_8", 3, back, sizeof(back), &len), ERR_OK);
	assert_int_equal(base64url_decode("-_8=", 4, back, sizeof(back), &len), ERR_SYNTAX);
	assert_int_equal(base64url_decode("-_9", 3, back, sizeof(back), &len), ERR_SYNTAX);
	assert_int_equal(base64url_decode("A", 1, back, sizeof(back), &len), ERR_SYNTAX);
}

/* The TypeID specification's own vectors. */
static void test_base32(void **state UNUSED)
{
	static const struct {
		const char *hex;
		const char *text;
	} rows[] = {
		{ "00000000000000000000000000000000", "00000000000000000000000000" },
		{ "00000000000000000000000000000001", "00000000000000000000000001" },
		{ "0000000000000000000000000000000a", "0000000000000000000000000a" },
		{ "00000000000000000000000000000010", "0000000000000000000000000g" },
		{ "00000000000000000000000000000020", "00000000000000000000000010" },
		{ "ffffffffffffffffffffffffffffffff", "7zzzzzzzzzzzzzzzzzzzzzzzzz" },
		{ "0188bac74afa78aabc3bbd1eef28d881", "01h2xcejqtf2nbrexx3vqjhp41" },
	};
	static const char *const wrong[] = { "8zzzzzzzzzzzzzzzzzzzzzzzzz",
		"0000000000000000000000000", "000000000000000000000000000",
		"0000000000000000000000000I", "0000000000000000000000000l",
		"0000000000000000000000000A", "-0000000000000000000000000" };
	uint8_t value[16], back[16];
	char text[27];

	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(hex_decode(rows[i].hex, 32, value, 16), ERR_OK);
		base32_encode_128(value, text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(base32_decode_128(text, 26, back), ERR_OK);
		assert_memory_equal(value, back, 16);
	}
	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(base32_decode_128(wrong[i], strlen(wrong[i]), back), ERR_SYNTAX);
}

static void test_base62_and_crc(void **state UNUSED)
{
	char text[8];

	base62_encode(0, 6, text);
	assert_string_equal(text, "000000");
	base62_encode(61, 6, text);
	assert_string_equal(text, "00000z");
	base62_encode(62, 6, text);
	assert_string_equal(text, "000010");
	base62_encode(UINT32_MAX, 6, text);
	assert_string_equal(text, "4gfFC3");
	assert_int_equal(crc32_of("123456789", 9), 0xcbf43926u);
	assert_int_equal(crc32_of("", 0), 0);
}

static void test_utf8(void **state UNUSED)
{
	static const char *const right[] = { "", "plain", "é", "€", "😀", "\xef\xbf\xbf",
		"\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80" };
	static const char *const wrong[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
		"a\xc3(" };
	static const char *const not_lines[] = { "", "a\tb", "a\n", "\x7f", "\x1f", "\xc3" };

	for (size_t i = 0; i < countof(right); i++)
		assert_true(utf8_valid(right[i], strlen(right[i])));
	for (size_t i = 0; i < countof(wrong); i++)
		assert_false(utf8_valid(wrong[i], strlen(wrong[i])));
	assert_int_equal(utf8_length("aé€😀"), 4);
	assert_true(str_is_line("aé€😀", 4));
	assert_false(str_is_line("aé€😀", 3));
	for (size_t i = 0; i < countof(not_lines); i++)
		assert_false(str_is_line(not_lines[i], 8));
}

static void test_comparisons(void **state UNUSED)
{
	static const char *const words[] = { "create", "list", "revoke" };

	assert_true(equal_secret("abc", 3, "abc", 3));
	assert_false(equal_secret("abc", 3, "abd", 3));
	assert_false(equal_secret("abc", 3, "abc", 2));
	assert_true(equal_secret("", 0, "", 0));
	assert_true(ascii_equal_nocase("Application/JSON", "application/json"));
	assert_false(ascii_equal_nocase("application/json", "application/jsonx"));
	assert_int_equal(str_distance("kitten", "sitting"), 3);
	assert_int_equal(str_distance("craete", "create"), 1);
	assert_string_equal(str_nearest("revok", words, countof(words)), "revoke");
	assert_string_equal(str_nearest("lst", words, countof(words)), "list");
	assert_null(str_nearest("bananas", words, countof(words)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_octal_and_bool),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base32),
		cmocka_unit_test(test_base62_and_crc),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_comparisons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
