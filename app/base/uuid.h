/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.h owns the 128-bit identifier every resource has (design section 5) and its two texts:
 * RFC 9562 hyphenated hex, and the 26 characters of Crockford base32 that a TypeID carries.
 * Making a new one needs randomness and is in sys/crypt.h (uuid_make).
 */
#ifndef BONAFIDE_UUID_H
#define BONAFIDE_UUID_H

#include "base.h"

struct uuid {
	uint8_t b[16];
};

#define UUID_TEXT_SIZE 37 /* 36 characters and NUL */
#define UUID_NIL ((struct uuid){ { 0 } })

/* True for the all-zero id, which means "none" and is stored as NULL. */
bool uuid_is_nil(struct uuid id);

bool uuid_equal(struct uuid a, struct uuid b);

/* Lower-case 8-4-4-4-12 (RFC 9562 section 4). */
void uuid_text(struct uuid id, char out[UUID_TEXT_SIZE]);

/* The strict inverse, lower-case only. ERR_SYNTAX. */
enum err uuid_parse(const char *text, struct uuid *ret_id) MUST_CHECK;

/* The milliseconds since 1970 in a version 7 id (RFC 9562 section 5.7). */
int64_t uuid_time_ms(struct uuid id);

/* The smallest id a version 7 id of that millisecond can have: a bound for ranges by time. */
struct uuid uuid_floor(int64_t time_ms);

/* The id behind this one in order; the largest has none and stays. */
struct uuid uuid_next(struct uuid id);

#endif
