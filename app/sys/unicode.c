/* SPDX-License-Identifier: Apache-2.0 */
/* unicode.c folds names through libunistring. */
#include "unicode.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "buf.h"
#include "str.h"

#define FOLDED_CAP 4096

/* Letters that Unicode does not decompose, after case folding. */
static const struct {
	ucs4_t letter;
	const char *ascii;
} letters[] = { { 0x00f8, "o" }, { 0x0142, "l" }, { 0x0111, "d" }, { 0x00f0, "d" },
	{ 0x00e6, "ae" }, { 0x0153, "oe" }, { 0x00fe, "th" }, { 0x0127, "h" }, { 0x0131, "i" },
	{ 0x0167, "t" }, { 0x014b, "ng" }, { 0x0253, "b" }, { 0x0257, "d" }, { 0x0199, "k" },
	{ 0x01b4, "y" }, { 0x0254, "o" }, { 0x025b, "e" }, { 0x0268, "i" } };

uint32_t unicode_next(const char **text)
{
	ucs4_t c = 0;
	const uint8_t *next = u8_next(&c, (const uint8_t *)*text);

	if (next == NULL)
		return 0;
	*text = (const char *)next;
	return c;
}

static void add_letter(struct buf *out, ucs4_t c)
{
	uint8_t bytes[6];

	if (uc_is_general_category(c, UC_MARK))
		return;
	for (size_t i = 0; i < countof(letters); i++) {
		if (letters[i].letter == c) {
			buf_adds(out, letters[i].ascii);
			return;
		}
	}
	int len = u8_uctomb(bytes, c, sizeof(bytes));
	if (len > 0)
		buf_add(out, bytes, (size_t)len);
}

enum err unicode_fold(const char *text, struct arena *arena, const char **ret_text)
{
	struct buf out;
	size_t len = 0;
	enum err err = ERR_OK;

	if (!utf8_valid(text, strlen(text)))
		return ERR_SYNTAX;
	uint8_t *folded =
	    u8_casefold((const uint8_t *)text, strlen(text), NULL, UNINORM_NFKD, NULL, &len);
	if (folded == NULL)
		return ERR_NOMEM;
	buf_init(&out, FOLDED_CAP);
	for (size_t at = 0; at < len;) {
		ucs4_t c = 0;
		int n = u8_mbtouc(&c, folded + at, len - at);
		add_letter(&out, c);
		at += n > 0 ? (size_t)n : 1;
	}
	wipe(folded, len);
	free(folded);
	const char *copy = arena_strdup(arena, buf_str(&out));
	if (buf_failed(&out) || copy == NULL)
		err = ERR_NOMEM;
	else
		*ret_text = copy;
	buf_free(&out);
	return err;
}

bool unicode_is_letter(uint32_t c)
{
	return uc_is_general_category_withtable(
	    c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N);
}

enum err unicode_upper(const char *text, struct arena *arena, const char **ret_text)
{
	size_t len = 0;

	if (!utf8_valid(text, strlen(text)))
		return ERR_SYNTAX;
	uint8_t *upper = u8_toupper((const uint8_t *)text, strlen(text) + 1, "", NULL, NULL, &len);
	if (upper == NULL)
		return ERR_NOMEM;
	const char *copy = arena_strndup(arena, (const char *)upper, len);
	wipe(upper, len);
	free(upper);
	if (copy == NULL)
		return ERR_NOMEM;
	*ret_text = copy;
	return ERR_OK;
}

bool unicode_is_space(uint32_t c)
{
	return c == 0xfeff || uc_is_general_category(c, UC_SEPARATOR) ||
	       uc_is_general_category(c, UC_CONTROL);
}
