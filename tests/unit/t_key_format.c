/* SPDX-License-Identifier: Apache-2.0 */
/* t_key_format.c: what keys look like and may do, by kind, and what is no key. */
#include "base.h"
#include "arena.h"
#include "key.h"
#include "scope.h"
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Check characters computed apart, with Python's zlib.crc32. */
static const char *const good_keys[] = {
	"dme_live_00000000000000000000000000000000000000000017x3Uq",
	"dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4ffhXR",
	"dme_sandbox_KLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz26lfno",
	"dme_sandbox_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz3mr9Qe",
	"sk_verify_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz0T7pA4",
	"pk_verify_0123456789012345678901234567890123456789ab0I7ehu",
};

/* Written out a second time: a format that changes breaks customers' keys. */
static const struct {
	enum key_kind kind;
	enum environment environment;
	const char *prefix;
	size_t length, random_chars, check_chars;
} formats[] = {
	{ KEYKIND_SERVER, ENV_LIVE, "dme_live_", 57, 42, 6 },
	{ KEYKIND_SERVER, ENV_SANDBOX, "dme_sandbox_", 60, 42, 6 },
	{ KEYKIND_PARTNER, ENV__MAX, "kk_", 35, 32, 0 },
	{ KEYKIND_SECRET, ENV__MAX, "sk_verify_", 58, 42, 6 },
	{ KEYKIND_PUBLISHABLE, ENV__MAX, "pk_verify_", 58, 42, 6 },
	{ KEYKIND_APPLICATION, ENV__MAX, "", 43, 43, 0 },
};

/* contract/README.md, Credentials. */
static void test_formats(void **state UNUSED)
{
	struct arena *arena = NULL;

	assert_int_equal(arena_new(1 << 16, &arena), ERR_OK);
	assert_int_equal(key_format_count, countof(formats));
	for (size_t i = 0; i < key_format_count; i++) {
		const struct key_format *format = &key_formats[i];
		const char *text = NULL, *other = NULL;

		assert_int_equal(format->kind, formats[i].kind);
		assert_int_equal(format->environment, formats[i].environment);
		assert_string_equal(format->prefix, formats[i].prefix);
		assert_int_equal(format->random_chars, formats[i].random_chars);
		assert_int_equal(format->check_chars, formats[i].check_chars);
		assert_ptr_equal(key_format_of(format->kind,
				     format->environment == ENV_SANDBOX ? ENV_SANDBOX : ENV_LIVE),
		    format);
		assert_int_equal(key_text_make(arena, format, &text), ERR_OK);
		assert_int_equal(key_text_make(arena, format, &other), ERR_OK);
		assert_int_equal(strlen(text), formats[i].length);
		assert_int_equal(strncmp(text, format->prefix, strlen(format->prefix)), 0);
		assert_string_not_equal(text, other);
		assert_true(key_plausible(text) && key_plausible(other));
	}
	arena_free(&arena);
}

/* Every letter turns up, and no other. */
static void test_letters_of_new_keys(void **state UNUSED)
{
	struct arena *arena = NULL;

	assert_int_equal(arena_new(1 << 20, &arena), ERR_OK);
	for (size_t i = 0; i < key_format_count; i++) {
		const struct key_format *format = &key_formats[i];
		size_t seen[256] = { 0 }, letters = 0;

		for (int round = 0; round < 200; round++) {
			const char *text = NULL;
			assert_int_equal(key_text_make(arena, format, &text), ERR_OK);
			for (size_t k = 0; k < format->random_chars; k++)
				seen[(unsigned char)text[strlen(format->prefix) + k]]++;
		}
		for (size_t c = 1; c < countof(seen); c++) {
			bool known = strchr(format->alphabet, (int)c) != NULL;
			assert_int_equal(seen[c] != 0, known);
			letters += known;
		}
		assert_int_equal(letters, strlen(format->alphabet));
	}
	arena_free(&arena);
}

/* An application's key is 32 bytes as base64url writes them. */
static void test_application_keys_are_base64url(void **state UNUSED)
{
	const struct key_format *format = key_format_of(KEYKIND_APPLICATION, ENV_LIVE);
	struct arena *arena = NULL;
	uint8_t bytes[32];
	char again[BASE64_SIZE(32)];

	assert_int_equal(arena_new(1 << 16, &arena), ERR_OK);
	for (int round = 0; round < 200; round++) {
		const char *text = NULL;
		size_t len = 0;
		assert_int_equal(key_text_make(arena, format, &text), ERR_OK);
		assert_int_equal(
		    base64url_decode(text, strlen(text), bytes, sizeof(bytes), &len), ERR_OK);
		assert_int_equal(len, sizeof(bytes));
		base64url_encode(bytes, len, again);
		assert_string_equal(text, again);
	}
	arena_free(&arena);
}

static void test_what_kinds_may_do(void **state UNUSED)
{
	static const struct {
		uint64_t given, brings;
		bool fixed;
	} rights[] = {
		[KEYKIND_SERVER] = { SCOPE_ALL, 0, false },
		[KEYKIND_PARTNER] = { SCOPE_ALL, 0, false },
		[KEYKIND_SECRET] = { 0, SCOPE_AGE, true },
		[KEYKIND_PUBLISHABLE] = { 0, SCOPE_AGE_SUBMIT, true },
		[KEYKIND_APPLICATION] = { SCOPE_ALL, SCOPE_EVERY, true },
	};

	for (size_t i = 0; i < key_format_count; i++) {
		const struct key_format *format = &key_formats[i];
		assert_true(format->scopes == rights[format->kind].given);
		assert_true(format->brings == rights[format->kind].brings);
		assert_int_equal(format->fixed, rights[format->kind].fixed);
		/* Only these two come together, and only these two are never asked for. */
		assert_int_equal(format->pair,
		    format->kind == KEYKIND_SECRET ? KEYKIND_PUBLISHABLE : KEYKIND__MAX);
		assert_int_equal(format->belongs != NULL,
		    format->kind == KEYKIND_PUBLISHABLE || format->kind == KEYKIND_APPLICATION);
	}
}

static void test_plausible_keys(void **state UNUSED)
{
	static const char *const unchecked[] = {
		"kk_abcdefghijklmnopqrstuvwxyz012345",
		"kk_00000000000000000000000000000000",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ-_09898",
	};

	for (size_t i = 0; i < countof(good_keys); i++)
		assert_true(key_plausible(good_keys[i]));
	for (size_t i = 0; i < countof(unchecked); i++)
		assert_true(key_plausible(unchecked[i]));
}

/* Every mistyped letter, everywhere. */
static void test_mistyped_keys(void **state UNUSED)
{
	for (size_t i = 0; i < countof(good_keys); i++) {
		size_t len = strlen(good_keys[i]);

		for (size_t at = 0; at < len; at++) {
			for (int c = 1; c < 256; c++) {
				char text[80];

				memcpy(text, good_keys[i], len + 1);
				if ((char)c == text[at])
					continue;
				text[at] = (char)c;
				if (key_plausible(text))
					fail_msg("%s", text);
			}
		}
	}
}

/* Cut anywhere, two letters exchanged, one left out or doubled. */
static void test_mangled_keys(void **state UNUSED)
{
	for (size_t i = 0; i < countof(good_keys); i++) {
		const char *key = good_keys[i];
		size_t len = strlen(key);
		char text[80];

		for (size_t at = 0; at < len; at++) {
			(void)snprintf(text, sizeof(text), "%.*s", (int)at, key);
			assert_false(key_plausible(text));
			/* Without its beginning it may look like a key that has none. */
			if (at == 0 || len - at != 43)
				assert_int_equal(key_plausible(key + at), at == 0);
			(void)snprintf(text, sizeof(text), "%.*s%s", (int)at, key, key + at + 1);
			assert_false(key_plausible(text));
			(void)snprintf(text, sizeof(text), "%.*s%s", (int)at + 1, key, key + at);
			assert_false(key_plausible(text));
			memcpy(text, key, len + 1);
			if (at + 1 == len || text[at] == text[at + 1])
				continue;
			text[at] = key[at + 1];
			text[at + 1] = key[at];
			assert_false(key_plausible(text));
		}
	}
}

static void test_other_keys(void **state UNUSED)
{
	static const char *const wrong[] = {
		"",
		"dme_live_",
		"dme_sandbox_",
		"Bearer dme_live_00000000000000000000000000000000000000000017x3Uq",
		" dme_live_00000000000000000000000000000000000000000017x3Uq",
		"dme_live_00000000000000000000000000000000000000000017x3Uq ",
		"dme_live_00000000000000000000000000000000000000000017x3Uq\n",
		"DME_LIVE_00000000000000000000000000000000000000000017x3Uq",
		"dme_live_00000000000000000000000000000000000000000017X3UQ",
		/* One prefix with the other's check. */
		"dme_sandbox_00000000000000000000000000000000000000000017x3Uq",
		/* Right checks: another's prefix, no kind, 41 and 43 characters, a foreign letter. */
		"pk_verify_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz0T7pA4",
		"dme_test_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz1ZG6yD",
		"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz16Uak5",
		"dme_live_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz4HiOfu",
		"dme_live_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz0eP9Fg",
		"dme_live_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-3JkKgW",
	};
	/* Without a check it is length and letters that tell. */
	static const char *const unlike[] = {
		"kk_abcdefghijklmnopqrstuvwxyz01234",
		"kk_abcdefghijklmnopqrstuvwxyz0123456",
		"kk_abcdefghijklmnopqrstuvwxyz01234A",
		"kk_abcdefghijklmnopqrstuvwxyz01234-",
		"KK_abcdefghijklmnopqrstuvwxyz012345",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+A",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=A",
		/* As an application's, but for how they begin. */
		"kk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"dme_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"sk_verify_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	static char vast[100001];

	for (size_t i = 0; i < countof(wrong); i++) {
		if (key_plausible(wrong[i]))
			fail_msg("%s", wrong[i]);
	}
	for (size_t i = 0; i < countof(unlike); i++) {
		if (key_plausible(unlike[i]))
			fail_msg("%s", unlike[i]);
	}
	memset(vast, '0', sizeof(vast) - 1);
	assert_false(key_plausible(vast));
	memcpy(vast, good_keys[0], strlen(good_keys[0]));
	assert_false(key_plausible(vast));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_letters_of_new_keys),
		cmocka_unit_test(test_application_keys_are_base64url),
		cmocka_unit_test(test_what_kinds_may_do),
		cmocka_unit_test(test_plausible_keys),
		cmocka_unit_test(test_mistyped_keys),
		cmocka_unit_test(test_mangled_keys),
		cmocka_unit_test(test_other_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
