/* SPDX-License-Identifier: Apache-2.0 */
/* text.c: hex, base64, base32, base62, UTF-8 and CRC-32. */
#include "str.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

void hex_encode(const void *data, size_t len_bytes, char *out)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len_bytes; i++) {
		*out++ = hex_digits[bytes[i] >> 4];
		*out++ = hex_digits[bytes[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum err hex_decode(const char *text, size_t text_len, void *out, size_t len_bytes)
{
	uint8_t *bytes = out;

	if (text_len % 2 != 0 || text_len / 2 != len_bytes)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text_len; i++) {
		if (hex_value(text[i]) < 0)
			return ERR_SYNTAX;
	}
	for (size_t i = 0; i < len_bytes; i++)
		bytes[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
	return ERR_OK;
}

/* ---- base64 (RFC 4648) -------------------------------------------------------------------- */

static const char alphabet_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode_64(const uint8_t *in, size_t len, const char *alphabet, bool pad, char *out)
{
	while (len > 0) {
		size_t n = len < 3 ? len : 3;
		uint32_t bits = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) |
				(n > 2 ? (uint32_t)in[2] : 0);
		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63];
		if (n > 1)
			*out++ = alphabet[bits >> 6 & 63];
		else if (pad)
			*out++ = '=';
		if (n > 2)
			*out++ = alphabet[bits & 63];
		else if (pad)
			*out++ = '=';
		in += n;
		len -= n;
	}
	*out = '\0';
}

void base64_encode(const void *data, size_t len_bytes, char *out)
{
	encode_64(data, len_bytes, alphabet_std, true, out);
}

void base64url_encode(const void *data, size_t len_bytes, char *out)
{
	encode_64(data, len_bytes, alphabet_url, false, out);
}

static int value_64(char c, const char *alphabet)
{
	const char *found = c == '\0' ? NULL : strchr(alphabet, c);

	return found == NULL ? -1 : (int)(found - alphabet);
}

/* text holds no padding here. A rest of one character, or spare bits that are not zero, would
 * give two spellings to one value. */
static enum err decode_64(
    const char *text, size_t len, const char *alphabet, uint8_t *out, size_t size, size_t *ret_len)
{
	size_t out_len = len / 4 * 3 + (len % 4 == 0 ? 0 : len % 4 - 1);
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	if (len % 4 == 1)
		return ERR_SYNTAX;
	for (size_t i = 0; i < len; i++) {
		if (value_64(text[i], alphabet) < 0)
			return ERR_SYNTAX;
	}
	if (out_len > size)
		return ERR_FULL;
	for (size_t i = 0; i < len; i++) {
		bits = bits << 6 | (uint32_t)value_64(text[i], alphabet);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	if (bits != 0)
		return ERR_SYNTAX;
	*ret_len = n;
	return ERR_OK;
}

enum err base64_decode(
    const char *text, size_t text_len, void *out, size_t size_bytes, size_t *ret_len)
{
	size_t pad = 0;

	if (text_len % 4 != 0)
		return ERR_SYNTAX;
	while (pad < 2 && pad < text_len && text[text_len - 1 - pad] == '=')
		pad++;
	return decode_64(text, text_len - pad, alphabet_std, out, size_bytes, ret_len);
}

enum err base64url_decode(
    const char *text, size_t text_len, void *out, size_t size_bytes, size_t *ret_len)
{
	return decode_64(text, text_len, alphabet_url, out, size_bytes, ret_len);
}

/* ---- base32 and base62 ------------------------------------------------------------------------ */

static const char alphabet_crockford[] = "0123456789abcdefghjkmnpqrstvwxyz";
static const char alphabet_62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* 130 bits for 128: two zero bits in front, so that every character stands for five. */
void base32_encode_128(const uint8_t value[16], char out[27])
{
	unsigned bits = 0, have = 2;

	for (size_t i = 0, n = 0; n < 26; n++) {
		if (have < 5) {
			bits = (bits & ((1u << have) - 1)) << 8 | value[i++];
			have += 8;
		}
		have -= 5;
		out[n] = alphabet_crockford[bits >> have & 31];
	}
	out[26] = '\0';
}

enum err base32_decode_128(const char *text, size_t text_len, uint8_t ret_value[16])
{
	uint8_t value[16];
	unsigned bits = 0, have = 0;
	size_t n = 0;

	if (text_len != 26 || text[0] < '0' || text[0] > '7')
		return ERR_SYNTAX;
	for (size_t i = 0; i < 26; i++) {
		const char *found = text[i] == '\0' ? NULL : strchr(alphabet_crockford, text[i]);
		if (found == NULL)
			return ERR_SYNTAX;
		bits = bits << 5 | (unsigned)(found - alphabet_crockford);
		/* The first character brings three bits. */
		have += i == 0 ? 3 : 5;
		if (have >= 8) {
			have -= 8;
			value[n++] = (uint8_t)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	memcpy(ret_value, value, sizeof(value));
	return ERR_OK;
}

void base62_encode(uint64_t value, size_t count, char *out)
{
	out[count] = '\0';
	while (count > 0) {
		out[--count] = alphabet_62[value % 62];
		value /= 62;
	}
}

/* ---- UTF-8 (RFC 3629) ------------------------------------------------------------------------- */

/* Bytes of the sequence that starts here, 0 when it is not well-formed. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	/* The second byte's range keeps out overlong forms, surrogates, and what is past U+10FFFF. */
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

bool utf8_valid(const char *text, size_t len_bytes)
{
	const unsigned char *s = (const unsigned char *)text;

	for (size_t i = 0; i < len_bytes;) {
		size_t n = utf8_sequence(s + i, len_bytes - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t utf8_length(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

bool str_is_line(const char *text, size_t max)
{
	size_t length = utf8_valid(text, strlen(text)) ? utf8_length(text) : 0;

	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	return length >= 1 && length <= max;
}

/* Reflected polynomial of ISO-HDLC. Bit by bit: keys are short and made rarely, checked once. */
uint32_t crc32_of(const void *data, size_t len_bytes)
{
	const uint8_t *bytes = data;
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len_bytes; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return crc ^ 0xffffffffu;
}
