/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.h owns strict conversions between text and values: numbers without surprises (no leading
 * space, no sign where none belongs, no overflow), hex, base64 in both alphabets, Crockford's
 * base32, base62, UTF-8, and the comparisons that must not leak by timing.
 */
#ifndef BONAFIDE_STR_H
#define BONAFIDE_STR_H

#include "base.h"

/*
 * Decimal text to a number within [min, max]. The whole text must be digits, with one leading
 * '-' allowed where min is negative. ERR_SYNTAX, ERR_RANGE.
 */
enum err str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value) MUST_CHECK;

/* Octal text (file modes) to a number of at most max. ERR_SYNTAX, ERR_RANGE. */
enum err str_to_octal(const char *text, unsigned max, unsigned *ret_value) MUST_CHECK;

/* "yes"/"no", "true"/"false", "on"/"off", "1"/"0". ERR_SYNTAX. */
enum err str_to_bool(const char *text, bool *ret_value) MUST_CHECK;

/* Lower-case hex of data into out, which has room for 2 * len + 1. */
void hex_encode(const void *data, size_t len_bytes, char *out);

/* Exactly len bytes from 2 * len hex digits, either case. ERR_SYNTAX. */
enum err hex_decode(const char *text, size_t text_len, void *out, size_t len_bytes) MUST_CHECK;

/* Room base64 needs for len bytes, with padding and NUL. */
#define BASE64_SIZE(len_bytes) ((((len_bytes) + 2) / 3) * 4 + 1)

/* RFC 4648 section 4, with padding; out has room for BASE64_SIZE(len). */
void base64_encode(const void *data, size_t len_bytes, char *out);

/* RFC 4648 section 5 (URL-safe) without padding; out has room for BASE64_SIZE(len). */
void base64url_encode(const void *data, size_t len_bytes, char *out);

/*
 * Strict inverses: canonical input only (right padding, zero spare bits, no white space).
 * *ret_len is what was written into out (at most size bytes). ERR_SYNTAX, ERR_FULL.
 */
enum err base64_decode(
    const char *text, size_t text_len, void *out, size_t size_bytes, size_t *ret_len) MUST_CHECK;
enum err base64url_decode(
    const char *text, size_t text_len, void *out, size_t size_bytes, size_t *ret_len) MUST_CHECK;

/*
 * A 128-bit value as 26 characters of lower-case Crockford base32, most significant first, as
 * TypeID writes it (the first character holds three bits, so it is 0..7). out has room for 27.
 */
void base32_encode_128(const uint8_t value[16], char out[27]);

/* The inverse; exactly 26 lower-case characters, first at most '7'. ERR_SYNTAX. */
enum err base32_decode_128(const char *text, size_t text_len, uint8_t ret_value[16]) MUST_CHECK;

/* count digits of value in base 62 (0-9A-Za-z), most significant first; out has count + 1. */
void base62_encode(uint64_t value, size_t count, char *out);

/* True when text is one line for people: well-formed UTF-8 of 1 to max code points, without control
 * characters. */
bool str_is_line(const char *text, size_t max);

/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_valid(const char *text, size_t len_bytes);

/* Number of code points of well-formed UTF-8. */
size_t utf8_length(const char *text);

/* Equal length and equal bytes, in a time that depends only on the lengths. */
bool equal_secret(const void *a, size_t a_len, const void *b, size_t b_len);

/* Case-insensitive ASCII equality, whatever the locale. */
bool ascii_equal_nocase(const char *a, const char *b);

/* Edit distance (Damerau-Levenshtein, restricted) of two short words, for "did you mean". At
 * most 63 characters of each are looked at. */
unsigned str_distance(const char *a, const char *b);

/*
 * The word of words[] (count of them) nearest to `wrong`, when it is near enough to suggest (at
 * most a third of its length away, at least 2); else NULL. Borrowed from words.
 */
const char *str_nearest(const char *wrong, const char *const words[], size_t count);

/* True when a list of words, one space between, has this one. */
bool str_has_word(const char *words, const char *word);

/* CRC-32 (ISO-HDLC, the one of zip and PNG) of data. */
uint32_t crc32_of(const void *data, size_t len_bytes);

#endif
