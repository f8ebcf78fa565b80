/* SPDX-License-Identifier: Apache-2.0 */
/* scope.c is the table of scopes: bit by position, both spellings. */
#include "scope.h"

#include <stdio.h>
#include <string.h>

#include "buf.h"

/* The scopes of the kyc and age families print with a dot, those of the session family with a
 * colon. */
const char *const scope_words[SCOPE_EVERY_COUNT] = { "kyc.verify", "kyc.read", "score.get",
	"keys.read", "keys.write", "webhooks.read", "webhooks.write", "sessions:read",
	"sessions:write", "analytics:read", "age.submit", "age.read", "age.write" };
_Static_assert(SCOPE_EVERY == (UINT64_C(1) << SCOPE_EVERY_COUNT) - 1, "a word for every bit");

const char *const scope_spellings[SCOPE_COUNT * 2] = { "kyc.verify", "kyc.read", "score.get",
	"keys.read", "keys.write", "webhooks.read", "webhooks.write", "sessions.read",
	"sessions.write", "analytics.read", "kyc:verify", "kyc:read", "score:get", "keys:read",
	"keys:write", "webhooks:read", "webhooks:write", "sessions:read", "sessions:write",
	"analytics:read" };

/* Equal but for '.' and ':', which are two spellings of one thing. */
static bool same_scope(const char *word, size_t len, const char *known)
{
	if (strlen(known) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char a = word[i] == ':' ? '.' : word[i];
		char b = known[i] == ':' ? '.' : known[i];
		if (a != b)
			return false;
	}
	return true;
}

static bool find_scope(const char *word, size_t len, uint64_t *ret_bit)
{
	for (size_t i = 0; i < SCOPE_COUNT; i++) {
		if (same_scope(word, len, scope_words[i])) {
			*ret_bit = UINT64_C(1) << i;
			return true;
		}
	}
	return false;
}

enum err scope_parse(const char *word, uint64_t *ret_bit)
{
	return find_scope(word, strlen(word), ret_bit) ? ERR_OK : ERR_SYNTAX;
}

enum err scopes_parse(const char *words, uint64_t *ret_bits, char *ret_bad, size_t bad_size)
{
	uint64_t bits = 0, bit;

	if (strcmp(words, "all") == 0) {
		*ret_bits = SCOPE_ALL;
		return ERR_OK;
	}
	while (*words != '\0') {
		size_t len = strcspn(words, " ");
		if (len > 0 && !find_scope(words, len, &bit)) {
			if (ret_bad != NULL && bad_size > 0)
				(void)snprintf(ret_bad, bad_size, "%.*s", (int)len, words);
			return ERR_SYNTAX;
		}
		if (len > 0)
			bits |= bit;
		words += len + (words[len] == ' ');
	}
	*ret_bits = bits;
	return ERR_OK;
}

const char *scopes_text(struct arena *arena, uint64_t bits)
{
	struct buf text;
	const char *copy = NULL;

	buf_init(&text, 512);
	for (size_t i = 0; i < SCOPE_EVERY_COUNT; i++) {
		if ((bits & UINT64_C(1) << i) != 0)
			buf_printf(&text, "%s%s", text.len == 0 ? "" : " ", scope_words[i]);
	}
	if (!buf_failed(&text))
		copy = arena_strdup(arena, buf_str(&text));
	buf_free(&text);
	return copy;
}
