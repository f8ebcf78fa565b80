/* SPDX-License-Identifier: Apache-2.0 */
/* key_format.c: what keys look like, by kind. */
#include "key.h"

#include <string.h>

#include "crypt.h"
#include "scope.h"
#include "str.h"

#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* 48 characters behind the prefix, the last six of them the check. */
#define BASE62_48 .alphabet = DIGITS UPPER LOWER, .random_chars = 42, .check_chars = 6

/* Nobody chooses the scopes of a pair; keys.write is the right to make one (key.h says why). */
#define IN_PAIRS .fixed = true, .needs = SCOPE_KEYS_WRITE

/* contract/README.md, Credentials. The first row whose prefix a text has says what it must look
 * like, so the one without a prefix is the last. */
const struct key_format key_formats[] = {
	{ KEYKIND_SERVER, ENV_LIVE, "dme_live_", BASE62_48, .scopes = SCOPE_ALL,
	    .pair = KEYKIND__MAX },
	{ KEYKIND_SERVER, ENV_SANDBOX, "dme_sandbox_", BASE62_48, .scopes = SCOPE_ALL,
	    .pair = KEYKIND__MAX },
	{ KEYKIND_PARTNER, ENV__MAX, "kk_", .alphabet = DIGITS LOWER, .random_chars = 32,
	    .scopes = SCOPE_ALL, .pair = KEYKIND__MAX },
	{ KEYKIND_SECRET, ENV__MAX, "sk_verify_", BASE62_48, IN_PAIRS, .brings = SCOPE_AGE,
	    .pair = KEYKIND_PUBLISHABLE },
	{ KEYKIND_PUBLISHABLE, ENV__MAX, "pk_verify_", BASE62_48, IN_PAIRS,
	    .brings = SCOPE_AGE_SUBMIT, .pair = KEYKIND__MAX,
	    .belongs = "comes with its secret key: ask for \"secret\"" },
	/* base64url of 32 bytes: the last of 43 characters holds four bits. */
	{ KEYKIND_APPLICATION, ENV__MAX, "", .alphabet = UPPER LOWER DIGITS "-_",
	    .last = "AEIMQUYcgkosw048", .random_chars = 43, .scopes = SCOPE_ALL, .fixed = true,
	    .brings = SCOPE_EVERY, .needs = SCOPE_EVERY, .pair = KEYKIND__MAX,
	    .belongs = "belongs to its application: it is made with it, and made anew there" },
};
const size_t key_format_count = countof(key_formats);

const struct key_format *key_format_of(enum key_kind kind, enum environment environment)
{
	const struct key_format *format = &key_formats[0];

	for (size_t i = 0; i < key_format_count; i++) {
		if (key_formats[i].kind == kind && (key_formats[i].environment == environment ||
						       key_formats[i].environment == ENV__MAX))
			format = &key_formats[i];
	}
	return format;
}

static bool fits_format(const struct key_format *format, const char *text, size_t len)
{
	size_t prefix_len = strlen(format->prefix);
	size_t checked = prefix_len + format->random_chars;
	char check[16];

	if (len != checked + format->check_chars ||
	    strspn(text + prefix_len, format->alphabet) < format->random_chars)
		return false;
	if (format->last != NULL && strchr(format->last, text[checked - 1]) == NULL)
		return false;
	base62_encode(crc32_of(text, checked), format->check_chars, check);
	return memcmp(check, text + checked, format->check_chars) == 0;
}

bool key_plausible(const char *text)
{
	size_t len = strnlen(text, LIMIT_API_KEY + 1);
	size_t i = 0;

	while (strncmp(text, key_formats[i].prefix, strlen(key_formats[i].prefix)) != 0)
		i++;
	return len <= LIMIT_API_KEY && fits_format(&key_formats[i], text, len);
}

/* prefix, random characters, checksum. */
static enum err fill(const struct key_format *format, size_t checked, char *text)
{
	size_t prefix_len = strlen(format->prefix);

	memcpy(text, format->prefix, prefix_len);
	for (size_t i = prefix_len; i < checked; i++) {
		bool last = i + 1 == checked && format->last != NULL;
		const char *letters = last ? format->last : format->alphabet;
		uint32_t number;
		enum err err = random_below((uint32_t)strlen(letters), &number);
		if (err != ERR_OK)
			return err;
		text[i] = letters[number];
	}
	base62_encode(crc32_of(text, checked), format->check_chars, text + checked);
	return ERR_OK;
}

enum err key_text_make(struct arena *arena, const struct key_format *format, const char **ret_text)
{
	size_t checked = strlen(format->prefix) + format->random_chars;
	char *text = arena_alloc(arena, checked + format->check_chars + 1);
	enum err err = text == NULL ? ERR_NOMEM : fill(format, checked, text);

	/* One without a prefix may begin as another kind does, and would be taken for that. */
	while (err == ERR_OK && !key_plausible(text))
		err = fill(format, checked, text);
	if (err == ERR_OK)
		*ret_text = text;
	return err;
}
