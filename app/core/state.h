/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h owns the enums of every word list in state.def, the way from value to word and back,
 * and which transitions are allowed. For a group VER of type ver_status it gives
 *
 *   enum ver_status { VER_PENDING, …, VER__MAX }
 *   const char *ver_status_word(enum ver_status)           never NULL
 *   enum err ver_status_parse(const char *, enum ver_status *ret)   ERR_SYNTAX
 *   bool ver_status_may_move(enum ver_status from, enum ver_status to)
 *   extern const struct word_list ver_status_words         for fields, help and OpenAPI
 */
#ifndef BONAFIDE_STATE_H
#define BONAFIDE_STATE_H

#include "base.h"
#include "state.def"

/* A closed list of words; index = enum value. */
struct word_list {
	const char *name;
	size_t count;
	const char *const *words;
};

#define STATE_VALUE_(group, name, word) group##_##name,
#define STATE_ENUM_(group, type) \
	enum type { STATE_##group(STATE_VALUE_) group##__MAX }; \
	extern const struct word_list type##_words; \
	const char *type##_word(enum type value); \
	enum err type##_parse(const char *text, enum type *ret_value) MUST_CHECK; \
	bool type##_may_move(enum type from, enum type to);
STATE_GROUPS(STATE_ENUM_)
#undef STATE_ENUM_

#endif
