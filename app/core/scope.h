/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h owns the scopes a credential can have (contract/README.md, Credentials): a bit each,
 * spelled with a dot by the kyc family and with a colon by the session family; both spellings
 * are accepted on input. The age family's scopes come with the kind of a key and cannot be given
 * to one: they have bits and words, but no input takes them.
 */
#ifndef BONAFIDE_SCOPE_H
#define BONAFIDE_SCOPE_H

#include "base.h"
#include "arena.h"

#define SCOPE_KYC_VERIFY (UINT64_C(1) << 0)
#define SCOPE_KYC_READ (UINT64_C(1) << 1)
#define SCOPE_SCORE_GET (UINT64_C(1) << 2)
#define SCOPE_KEYS_READ (UINT64_C(1) << 3)
#define SCOPE_KEYS_WRITE (UINT64_C(1) << 4)
#define SCOPE_WEBHOOKS_READ (UINT64_C(1) << 5)
#define SCOPE_WEBHOOKS_WRITE (UINT64_C(1) << 6)
#define SCOPE_SESSIONS_READ (UINT64_C(1) << 7)
#define SCOPE_SESSIONS_WRITE (UINT64_C(1) << 8)
#define SCOPE_ANALYTICS_READ (UINT64_C(1) << 9)
#define SCOPE_ALL ((UINT64_C(1) << 10) - 1) /* that can be given */
#define SCOPE_COUNT 10
#define SCOPE_AGE_SUBMIT (UINT64_C(1) << 10)
#define SCOPE_AGE_READ (UINT64_C(1) << 11)
#define SCOPE_AGE_WRITE (UINT64_C(1) << 12)
#define SCOPE_AGE (SCOPE_AGE_SUBMIT | SCOPE_AGE_READ | SCOPE_AGE_WRITE)
#define SCOPE_EVERY (SCOPE_ALL | SCOPE_AGE)
#define SCOPE_EVERY_COUNT 13

/* One word that can be given, in either spelling, to its bit. ERR_SYNTAX. */
enum err scope_parse(const char *word, uint64_t *ret_bit) MUST_CHECK;

/* Space-separated words that can be given, or "all" of them, to bits. ERR_SYNTAX (unknown word,
 * named in *ret_bad, which has size bytes; NULL with 0). */
enum err scopes_parse(
    const char *words, uint64_t *ret_bits, char *ret_bad, size_t bad_size) MUST_CHECK;

/* The words of a set in the table's order, one space between; in the arena; NULL when memory is
 * out. Stored in api_key.scopes in this form. */
const char *scopes_text(struct arena *arena, uint64_t bits);

/* All words (dot spelling where it has one) in the order of the bits, for help and OpenAPI; the
 * first SCOPE_COUNT are those that can be given. */
extern const char *const scope_words[SCOPE_EVERY_COUNT];

/* Those that can be given in both spellings, for what is accepted. */
extern const char *const scope_spellings[SCOPE_COUNT * 2];

#endif
