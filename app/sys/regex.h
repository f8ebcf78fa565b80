/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.h owns patterns (PCRE2): compiled once, matched whole and case-insensitively where asked, with a match
 * limit so that no pattern and no input can hold a worker.
 */
#ifndef BONAFIDE_REGEX_H
#define BONAFIDE_REGEX_H

#include "base.h"

struct regex;

/*
 * Compiles pattern, anchored at both ends. On ERR_SYNTAX *ret_reason (size bytes; NULL with 0)
 * says what is wrong and where. ERR_NOMEM. The caller owns *ret_regex.
 */
enum err regex_new(const char *pattern, bool nocase, struct regex **ret_regex, char *ret_reason,
    size_t reason_size) MUST_CHECK;

/* Accepts NULL. */
void regex_free(struct regex **regex);

/* True when the whole text matches; false also when the match limit was reached. */
bool regex_match(const struct regex *regex, const char *text, size_t len_bytes);

#endif
