/* SPDX-License-Identifier: Apache-2.0 */
/* query.h owns percent-decoding of path segments and query parameters (RFC 3986 section 2.1),
 * strictly: two hex digits, no NUL, well-formed UTF-8. */
#ifndef BONAFIDE_QUERY_H
#define BONAFIDE_QUERY_H

#include "base.h"
#include "arena.h"

/*
 * Decodes len bytes into the arena. plus_is_space: as HTML forms and URLSearchParams write
 * queries. ERR_SYNTAX, ERR_NOMEM.
 */
enum err percent_decode(const char *text, size_t len, bool plus_is_space, struct arena *arena,
    const char **ret_text) MUST_CHECK;

/* Splits and decodes "name=value" (or "name"). ERR_SYNTAX, ERR_NOMEM. */
enum err query_pair(const char *text, size_t len, struct arena *arena, const char **ret_name,
    const char **ret_value) MUST_CHECK;

#endif
