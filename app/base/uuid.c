/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "uuid.h"

#include <string.h>

#define UUID_TEXT_LEN (UUID_TEXT_SIZE - 1)
#define UUID_TIME_MAX INT64_C(0xffffffffffff) /* 48 bits, RFC 9562 section 5.7 */

static const char hex_digits[] = "0123456789abcdef";

bool uuid_is_nil(struct uuid id)
{
	return uuid_equal(id, UUID_NIL);
}

bool uuid_equal(struct uuid a, struct uuid b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

/* True where the text form has a hyphen. */
static bool is_hyphen_place(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

void uuid_text(struct uuid id, char out[UUID_TEXT_SIZE])
{
	char *p = out;

	for (size_t i = 0; i < sizeof(id.b); i++) {
		if (is_hyphen_place((size_t)(p - out)))
			*p++ = '-';
		*p++ = hex_digits[id.b[i] >> 4];
		*p++ = hex_digits[id.b[i] & 0x0f];
	}
	*p = '\0';
}

/* The value of a lower-case hex digit, or -1. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

enum err uuid_parse(const char *text, struct uuid *ret_id)
{
	struct uuid id;
	size_t at = 0;

	if (strlen(text) != UUID_TEXT_LEN)
		return ERR_SYNTAX;
	for (size_t i = 0; i < sizeof(id.b); i++) {
		int high;
		int low;

		if (is_hyphen_place(at) && text[at++] != '-')
			return ERR_SYNTAX;
		high = hex_value(text[at++]);
		low = hex_value(text[at++]);
		if (high < 0 || low < 0)
			return ERR_SYNTAX;
		id.b[i] = (uint8_t)(high << 4 | low);
	}
	*ret_id = id;
	return ERR_OK;
}

int64_t uuid_time_ms(struct uuid id)
{
	int64_t time_ms = 0;

	for (size_t i = 0; i < 6; i++)
		time_ms = time_ms << 8 | id.b[i];
	return time_ms;
}

struct uuid uuid_floor(int64_t time_ms)
{
	struct uuid id = UUID_NIL;
	uint64_t left;

	if (time_ms < 0)
		time_ms = 0;
	if (time_ms > UUID_TIME_MAX)
		time_ms = UUID_TIME_MAX;
	left = (uint64_t)time_ms;
	for (size_t i = 6; i-- > 0; left >>= 8)
		id.b[i] = (uint8_t)(left & 0xff);
	id.b[6] = 0x70; /* version 7, and nothing random */
	id.b[8] = 0x80; /* variant 10 */
	return id;
}

struct uuid uuid_next(struct uuid id)
{
	struct uuid next = id;

	for (size_t i = sizeof(next.b); i-- > 0;) {
		if (++next.b[i] != 0)
			return next;
	}
	return id;
}
