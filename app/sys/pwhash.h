/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pwhash.h owns hashes of passwords: argon2id (RFC 9106, through libargon2) in its encoded form,
 * "$argon2id$v=19$m=…,t=…,p=…$salt$tag", which carries the salt and the cost. The salt has 16
 * random bytes and the tag 32, as RFC 9106 section 4 has them.
 */
#ifndef BONAFIDE_PWHASH_H
#define BONAFIDE_PWHASH_H

#include "base.h"

/* What one hash costs whoever computes it. The bounds are LIMIT_PWHASH_… of limits.h. */
struct pwhash_cost {
	uint32_t memory_kib;
	uint32_t passes;
	uint32_t lanes; /* each is a thread while the hash is computed */
};

#define PWHASH_TEXT_SIZE 256 /* room for an encoded hash, with NUL */

/*
 * Hashes a password (any bytes up to its NUL) under a new salt. Takes as long as the cost says, and
 * its memory, which is wiped and freed. ERR_RANGE for a cost outside its bounds, ERR_NOMEM,
 * ERR_CRYPTO.
 */
enum err pwhash_make(const struct pwhash_cost *cost, const char *password,
    char ret_text[PWHASH_TEXT_SIZE]) MUST_CHECK;

/*
 * Whether the password is the one that was hashed. A wrong one takes as long as the right one. The
 * text is not trusted: whatever it says, no more than the bounds of limits.h is spent on it.
 * ERR_SYNTAX for a text that is no argon2id hash, ERR_RANGE for one beyond those bounds, ERR_NOMEM,
 * ERR_CRYPTO.
 */
enum err pwhash_check(const char *text, const char *password, bool *ret_fits) MUST_CHECK;

/* True when the text was made at exactly this cost, with a salt and tag as long as those of today;
 * else it should be made anew when its password is next at hand. */
bool pwhash_is_current(const char *text, const struct pwhash_cost *cost);

#endif
