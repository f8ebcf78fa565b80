/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c compares names. Each name is folded, cut into words, and each word spelled in one plain
 * way (spelling below), so that Mohammed and Mohamed, Oumar and Umar, Djibril and Jibril meet;
 * what still differs is measured by edit distance.
 */
#include "names.h"

#include <string.h>

#include "arena.h"
#include "buf.h"
#include "str.h"
#include "unicode.h"

#define MEMORY 65536
#define WORDS_MAX 16
#define WORD_SIZE 64
#define JOINED_SIZE 256
#define SPELLED_ALIKE 97 /* percent: the same name in another spelling */
#define WEAK_WORD 75     /* a word that fits less than this pulls the whole down */

struct words {
	char word[WORDS_MAX][WORD_SIZE];  /* folded */
	char plain[WORDS_MAX][WORD_SIZE]; /* and spelled plainly */
	size_t count;
};

/* Arabic letters by their usual Latin ones. Short vowels are not written in Arabic, so a name in
 * the other script rarely fits well enough for an approval by itself: it ends in a review, which
 * is what doubt should end in. */
static const struct {
	uint32_t letter;
	const char *latin;
} arabic[] = { { 0x0621, "" }, { 0x0627, "a" }, { 0x0628, "b" }, { 0x0629, "a" }, { 0x062a, "t" },
	{ 0x062b, "t" }, { 0x062c, "j" }, { 0x062d, "h" }, { 0x062e, "k" }, { 0x062f, "d" },
	{ 0x0630, "d" }, { 0x0631, "r" }, { 0x0632, "z" }, { 0x0633, "s" }, { 0x0634, "sh" },
	{ 0x0635, "s" }, { 0x0636, "d" }, { 0x0637, "t" }, { 0x0638, "z" }, { 0x0639, "a" },
	{ 0x063a, "g" }, { 0x0641, "f" }, { 0x0642, "k" }, { 0x0643, "k" }, { 0x0644, "l" },
	{ 0x0645, "m" }, { 0x0646, "n" }, { 0x0647, "h" }, { 0x0648, "u" }, { 0x0649, "a" },
	{ 0x064a, "i" } };

/* Spellings of one sound, longest first; applied from left to right. */
static const struct {
	const char *from;
	const char *to;
} spellings[] = { { "tch", "sh" }, { "sch", "sh" }, { "dj", "j" }, { "dh", "d" }, { "th", "t" },
	{ "kh", "k" }, { "gh", "g" }, { "ph", "f" }, { "ch", "sh" }, { "ou", "u" }, { "oo", "u" },
	{ "ee", "i" }, { "ei", "i" }, { "ai", "i" }, { "ay", "i" }, { "ey", "i" }, { "ie", "i" },
	{ "qu", "k" }, { "q", "k" }, { "c", "k" }, { "w", "u" }, { "y", "i" }, { "o", "u" },
	{ "e", "i" }, { "x", "ks" }, { "v", "f" } };

static const char *latin_of(uint32_t c)
{
	for (size_t i = 0; i < countof(arabic); i++) {
		if (arabic[i].letter == c)
			return arabic[i].latin;
	}
	return NULL;
}

/* False when there is no room: a name that is cut would be like others that it is not. */
static bool append(char *word, const char *text, size_t len)
{
	size_t used = strlen(word);

	if (used + len >= WORD_SIZE)
		return false;
	memcpy(word + used, text, len);
	word[used + len] = '\0';
	return true;
}

/* One word in one plain spelling: sounds by the table, doubled letters once, no final h. */
static bool spell_plainly(const char *word, char plain[WORD_SIZE])
{
	char out[WORD_SIZE] = "";

	while (*word != '\0') {
		const char *piece = NULL;
		size_t taken = 1;
		for (size_t i = 0; i < countof(spellings) && piece == NULL; i++) {
			size_t len = strlen(spellings[i].from);
			if (strncmp(word, spellings[i].from, len) == 0) {
				piece = spellings[i].to;
				taken = len;
			}
		}
		size_t used = strlen(out);
		size_t piece_len = piece == NULL ? 1 : strlen(piece);
		piece = piece == NULL ? word : piece;
		bool doubled = used > 0 && piece_len == 1 && out[used - 1] == *piece;
		if (!doubled && !append(out, piece, piece_len))
			return false;
		word += taken;
	}
	size_t used = strlen(out);
	if (used > 3 && out[used - 1] == 'h')
		out[used - 1] = '\0';
	memcpy(plain, out, WORD_SIZE);
	return true;
}

static bool end_word(struct words *words)
{
	if (words->word[words->count][0] == '\0')
		return true;
	if (!spell_plainly(words->word[words->count], words->plain[words->count]))
		return false;
	words->count++;
	if (words->count < WORDS_MAX)
		words->word[words->count][0] = '\0';
	return true;
}

/* Apostrophes join (N'Diaye is Ndiaye). */
static bool is_apostrophe(uint32_t c)
{
	return c == '\'' || c == 0x2019 || c == 0x02bc;
}

/* One character into the word, or the word's end: everything that is no letter parts. */
static bool add_char(struct words *words, uint32_t c, const char *start, size_t len)
{
	const char *latin = latin_of(c);

	if (words->count == WORDS_MAX)
		return false;
	if (latin != NULL)
		return append(words->word[words->count], latin, strlen(latin));
	if (is_apostrophe(c))
		return true;
	if (unicode_is_letter(c))
		return append(words->word[words->count], start, len);
	return end_word(words);
}

static bool add_words(struct words *words, struct arena *arena, const char *text)
{
	const char *at;
	uint32_t c;

	if (text == NULL)
		return true;
	if (unicode_fold(text, arena, &at) != ERR_OK || words->count >= WORDS_MAX)
		return false;
	words->word[words->count][0] = '\0';
	for (const char *start = at; (c = unicode_next(&at)) != 0; start = at) {
		if (!add_char(words, c, start, (size_t)(at - start)))
			return false;
	}
	return words->count == WORDS_MAX || end_word(words);
}

static int64_t word_percent(const struct words *a, size_t i, const struct words *b, size_t j)
{
	if (strcmp(a->word[i], b->word[j]) == 0)
		return 100;
	if (strcmp(a->plain[i], b->plain[j]) == 0)
		return SPELLED_ALIKE;
	size_t a_len = strlen(a->plain[i]), b_len = strlen(b->plain[j]);
	size_t longer = a_len > b_len ? a_len : b_len;
	/* Short names differ by a letter and are other names. */
	if (longer < 4)
		return 0;
	unsigned distance = str_distance(a->plain[i], b->plain[j]);
	return distance >= longer ? 0 : (int64_t)(100 * (longer - distance) / longer);
}

/* The best free word of the register for each given one, longest given words first claim. */
static int64_t best_percent(
    const struct words *given, size_t i, const struct words *registered, bool *taken)
{
	int64_t best = 0;
	size_t place = registered->count;

	for (size_t j = 0; j < registered->count; j++) {
		int64_t percent = taken[j] ? 0 : word_percent(given, i, registered, j);
		if (percent > best) {
			best = percent;
			place = j;
		}
	}
	if (place < registered->count)
		taken[place] = true;
	return best;
}

/* Who chooses next: the longest that has not; count when all have. */
static size_t next_given(const struct words *given, const bool *done)
{
	size_t next = given->count;

	for (size_t i = 0; i < given->count; i++) {
		if (!done[i] &&
		    (next == given->count || strlen(given->word[i]) > strlen(given->word[next])))
			next = i;
	}
	return next;
}

static int64_t compare_words(const struct words *given, const struct words *registered)
{
	bool taken[WORDS_MAX] = { false }, done[WORDS_MAX] = { false };
	int64_t sum = 0, weight = 0, weakest = 100;

	for (size_t i = next_given(given, done); i < given->count; i = next_given(given, done)) {
		done[i] = true;
		int64_t percent = best_percent(given, i, registered, taken);
		int64_t len = (int64_t)strlen(given->word[i]);
		sum += percent * len;
		weight += len;
		if (percent < weakest)
			weakest = percent;
	}
	if (weight == 0)
		return 0;
	return weakest < WEAK_WORD ? weakest : sum / weight;
}

/* All words as one, plainly spelled word by word; false when that is too long. */
static bool join(const struct words *first, const struct words *then, char joined[JOINED_SIZE])
{
	const struct words *both[] = { first, then };
	size_t used = 0;

	for (size_t k = 0; k < countof(both); k++) {
		for (size_t i = 0; both[k] != NULL && i < both[k]->count; i++) {
			size_t len = strlen(both[k]->plain[i]);
			if (used + len >= JOINED_SIZE)
				return false;
			memcpy(joined + used, both[k]->plain[i], len);
			used += len;
		}
	}
	joined[used] = '\0';
	return used > 0;
}

/* Where words end is a matter of taste (Abdel Kader, Abdelkader): the same letters in a row, first
 * names first or last, are the same name. */
static bool same_letters(
    const struct words *first, const struct words *last, const struct words *registered)
{
	char theirs[JOINED_SIZE] = "", ours[JOINED_SIZE] = "", turned[JOINED_SIZE] = "";
	bool same = join(registered, NULL, theirs) && join(first, last, ours) &&
		    join(last, first, turned) &&
		    (strcmp(theirs, ours) == 0 || strcmp(theirs, turned) == 0);

	wipe(theirs, sizeof(theirs));
	wipe(ours, sizeof(ours));
	wipe(turned, sizeof(turned));
	return same;
}

int64_t names_match_percent(
    const char *first_name, const char *middle_name, const char *last_name, const char *full_name)
{
	struct words given = { .count = 0 }, registered = { .count = 0 }, middle = { .count = 0 };
	struct words first = { .count = 0 }, last = { .count = 0 };
	struct arena *arena = NULL;
	int64_t percent = 0;

	if (arena_new(MEMORY, &arena) != ERR_OK)
		return 0;
	/* A middle name may be missing on either side, so it proves nothing; it must be a name. */
	if (add_words(&middle, arena, middle_name) && add_words(&given, arena, first_name) &&
	    add_words(&given, arena, last_name) && add_words(&registered, arena, full_name) &&
	    add_words(&first, arena, first_name) && add_words(&last, arena, last_name)) {
		percent = compare_words(&given, &registered);
		if (percent < SPELLED_ALIKE && same_letters(&first, &last, &registered))
			percent = SPELLED_ALIKE;
	}
	arena_free(&arena);
	wipe(&given, sizeof(given));
	wipe(&first, sizeof(first));
	wipe(&last, sizeof(last));
	wipe(&middle, sizeof(middle));
	wipe(&registered, sizeof(registered));
	return percent;
}
