/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns work on bytes and fold ASCII case only: they describe document numbers, and with
 * Unicode folding a Kelvin sign would pass for a K.
 */
#include "base.h"
#include "limits.h"
#include "regex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Steps a match may take, levels it may go back, KiB of heap: far above any honest pattern. */
#define MATCH_STEPS 20000
#define MATCH_DEPTH 1000
#define MATCH_HEAP_KIB 256

struct regex {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
};

static void reason_set(char *out, size_t size, int code, size_t offset)
{
	PCRE2_UCHAR words[128];

	if (size == 0)
		return;
	if (pcre2_get_error_message(code, words, sizeof(words)) < 0)
		words[0] = '\0';
	(void)snprintf(out, size, "%s, at character %zu", (const char *)words, offset + 1);
}

enum err regex_new(const char *pattern, bool nocase, struct regex **ret_regex, char *ret_reason,
    size_t reason_size)
{
	uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
			   PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C |
			   (nocase ? PCRE2_CASELESS : 0);
	struct regex *regex;
	PCRE2_SIZE offset = 0;
	int code = 0;

	if (strlen(pattern) > LIMIT_PATTERN) {
		if (reason_size > 0)
			(void)snprintf(ret_reason, reason_size,
			    "the pattern is longer than %d characters", LIMIT_PATTERN);
		return ERR_SYNTAX;
	}
	regex = calloc(1, sizeof(*regex));
	if (regex == NULL)
		return ERR_NOMEM;
	regex->code =
	    pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), options, &code, &offset, NULL);
	if (regex->code == NULL) {
		reason_set(ret_reason, reason_size, code, offset);
		regex_free(&regex);
		return code == PCRE2_ERROR_NOMEMORY ? ERR_NOMEM : ERR_SYNTAX;
	}
	regex->match = pcre2_match_data_create_from_pattern(regex->code, NULL);
	regex->context = pcre2_match_context_create(NULL);
	if (regex->match == NULL || regex->context == NULL) {
		regex_free(&regex);
		return ERR_NOMEM;
	}
	(void)pcre2_set_match_limit(regex->context, MATCH_STEPS);
	(void)pcre2_set_depth_limit(regex->context, MATCH_DEPTH);
	(void)pcre2_set_heap_limit(regex->context, MATCH_HEAP_KIB);
	*ret_regex = regex;
	return ERR_OK;
}

void regex_free(struct regex **regex)
{
	if (regex == NULL || *regex == NULL)
		return;
	pcre2_match_context_free((*regex)->context);
	pcre2_match_data_free((*regex)->match);
	pcre2_code_free((*regex)->code);
	free(*regex);
	*regex = NULL;
}

bool regex_match(const struct regex *regex, const char *text, size_t len_bytes)
{
	/* Every failure, the limits among them, is a text that does not match. */
	return pcre2_match(regex->code, (PCRE2_SPTR)text, len_bytes, 0, 0, regex->match,
		   regex->context) >= 0;
}
