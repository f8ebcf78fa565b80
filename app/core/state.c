/* SPDX-License-Identifier: Apache-2.0 */
/* state.c gives every group of state.def its words and its allowed moves. */
#include "state.h"

#include <string.h>

enum group {
#define GROUP_VALUE(group, type) GROUP_##group,
	STATE_GROUPS(GROUP_VALUE)
#undef GROUP_VALUE
};

/* The transitions, all groups in one list: there are few. */
static const struct move {
	enum group group;
	int from;
	int to;
} moves[] = {
#define MOVE_ROW(group, from, to) { GROUP_##group, group##_##from, group##_##to },
	STATE_MOVES(MOVE_ROW)
#undef MOVE_ROW
};

static bool may_move(enum group group, int from, int to)
{
	for (size_t i = 0; i < countof(moves); i++) {
		if (moves[i].group == group && moves[i].from == from && moves[i].to == to)
			return true;
	}
	return false;
}

static const char *word_of(const struct word_list *list, size_t value)
{
	return value < list->count ? list->words[value] : "?";
}

static bool find_word(const struct word_list *list, const char *text, size_t *ret_value)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->words[i], text) == 0) {
			*ret_value = i;
			return true;
		}
	}
	return false;
}

#define WORD_ROW(group, name, word) word,
#define GROUP_CODE(group, type) \
	static const char *const words_of_##type[] = { STATE_##group(WORD_ROW) }; \
	const struct word_list type##_words = { #type, countof(words_of_##type), \
		words_of_##type }; \
	const char *type##_word(enum type value) \
	{ \
		return word_of(&type##_words, (size_t)value); \
	} \
	enum err type##_parse(const char *text, enum type *ret_value) \
	{ \
		size_t value; \
		if (!find_word(&type##_words, text, &value)) \
			return ERR_SYNTAX; \
		*ret_value = (enum type)value; \
		return ERR_OK; \
	} \
	bool type##_may_move(enum type from, enum type to) \
	{ \
		return may_move(GROUP_##group, (int)from, (int)to); \
	}
STATE_GROUPS(GROUP_CODE)
