/* SPDX-License-Identifier: Apache-2.0 */
/* str.c: strict numbers and words, and the comparisons that must not leak. */
#include "str.h"

#include <string.h>

#define WORD_MAX 63 /* characters str_distance() looks at */

enum err str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
	bool negative = text[0] == '-';
	const char *digits = text + negative;
	int64_t value = 0;

	if (*digits == '\0' || (negative && min >= 0))
		return ERR_SYNTAX;
	/* Counting down reaches INT64_MIN, which has no positive twin. */
	for (; *digits != '\0'; digits++) {
		if (*digits < '0' || *digits > '9')
			return ERR_SYNTAX;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, *digits - '0', &value)) {
			/* The rest must still be digits for this to be a number at all. */
			return digits[strspn(digits, "0123456789")] == '\0' ? ERR_RANGE
									    : ERR_SYNTAX;
		}
	}
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return ERR_RANGE;
	if (value < min || value > max)
		return ERR_RANGE;
	*ret_value = value;
	return ERR_OK;
}

enum err str_to_octal(const char *text, unsigned max, unsigned *ret_value)
{
	unsigned value = 0;

	if (*text == '\0')
		return ERR_SYNTAX;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '7')
			return ERR_SYNTAX;
		if (value > (max >> 3))
			return ERR_RANGE;
		value = value * 8 + (unsigned)(*text - '0');
	}
	if (value > max)
		return ERR_RANGE;
	*ret_value = value;
	return ERR_OK;
}

enum err str_to_bool(const char *text, bool *ret_value)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < countof(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret_value = i % 2 == 1;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

bool equal_secret(const void *a, size_t a_len, const void *b, size_t b_len)
{
	const volatile unsigned char *left = a, *right = b;
	unsigned char difference = 0;

	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++)
		difference |= (unsigned char)(left[i] ^ right[i]);
	return difference == 0;
}

static unsigned char ascii_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool ascii_equal_nocase(const char *a, const char *b)
{
	while (*a != '\0' && ascii_lower(*a) == ascii_lower(*b)) {
		a++;
		b++;
	}
	return *a == *b;
}

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned str_distance(const char *a, const char *b)
{
	size_t a_len = strnlen(a, WORD_MAX), b_len = strnlen(b, WORD_MAX);
	unsigned before[WORD_MAX + 1], last[WORD_MAX + 1], row[WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++) {
		before[j] = 0;
		last[j] = (unsigned)j;
	}
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned cost = a[i - 1] != b[j - 1];
			row[j] = min_of(min_of(last[j] + 1, row[j - 1] + 1), last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min_of(row[j], before[j - 2] + 1);
		}
		memcpy(before, last, sizeof(before));
		memcpy(last, row, sizeof(last));
	}
	return last[b_len];
}

const char *str_nearest(const char *wrong, const char *const words[], size_t count)
{
	size_t limit = strlen(wrong) / 3;
	const char *nearest = NULL;
	unsigned best = limit < 2 ? 3 : (unsigned)limit + 1;

	for (size_t i = 0; i < count; i++) {
		unsigned distance = str_distance(wrong, words[i]);
		if (distance < best) {
			best = distance;
			nearest = words[i];
		}
	}
	return nearest;
}

bool str_has_word(const char *words, const char *word)
{
	size_t wanted = strlen(word);

	while (*words != '\0') {
		size_t len = strcspn(words, " ");
		if (len == wanted && memcmp(words, word, len) == 0)
			return true;
		words += len + (words[len] == ' ');
	}
	return false;
}
