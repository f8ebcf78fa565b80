/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unicode.h owns comparing text of people (libunistring): letters without their marks, in one
 * case.
 */
#ifndef BONAFIDE_UNICODE_H
#define BONAFIDE_UNICODE_H

#include "base.h"
#include "arena.h"

/*
 * Compatibility decomposition (NFKD), marks removed, case folded, in the arena: "Ñgüyễn" becomes
 * "nguyen". Letters that have no decomposition (ø, ł, đ, æ, …) become their usual ASCII
 * neighbours. text must be UTF-8. ERR_SYNTAX when it is not, ERR_NOMEM.
 */
enum err unicode_fold(const char *text, struct arena *arena, const char **ret_text) MUST_CHECK;

/* In capitals, by Unicode's own mapping and that of no language in particular, in the arena. text must
 * be UTF-8. ERR_SYNTAX when it is not, ERR_NOMEM. */
enum err unicode_upper(const char *text, struct arena *arena, const char **ret_text) MUST_CHECK;

/* True for what parts words: white space and the other spaces of Unicode, control characters too. */
bool unicode_is_space(uint32_t c);

/* The next code point of well-formed UTF-8, moving *text behind it; 0 at the end. */
uint32_t unicode_next(const char **text);

/* True for what a name is written with: letters, the marks on them, and digits, of any script
 * (Unicode's general categories L, M and N); false for dashes, spaces, dots. */
bool unicode_is_letter(uint32_t c);

#endif
