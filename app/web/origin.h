/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin.h owns which pages may have ours in a frame and are told by it how a check went
 * (contract/age.md, Embed): those of the origins of an application's redirect_uris.
 */
#ifndef BONAFIDE_ORIGIN_H
#define BONAFIDE_ORIGIN_H

#include "base.h"
#include "arena.h"

#define ORIGIN_SIZE 280 /* "https://", a name of 253 characters, ':', a port, NUL */

/*
 * The origin of a URL as RFC 6454 section 6.2 writes it: scheme and name in small letters, the port
 * only where it is not the scheme's own. False for what a Content-Security-Policy has no source for
 * (CSP 3 section 2.3.1): another scheme, an address between brackets, and names with any character
 * but letters, digits, '-', '_' and '.', which could mean something else there, as '*' and ';' do.
 */
bool origin_of(const char *url, char ret_origin[ORIGIN_SIZE]) MUST_CHECK;

/*
 * The origins of a JSON array of URLs (NULL: none), each once, in their order, with these characters
 * around each and between two: `"a"` and `,` or nothing and a space. In the arena. ERR_NOMEM, and
 * ERR_SYNTAX for what is no such array.
 */
enum err origins_join(struct arena *arena, const char *urls, const char *quote, const char *between,
    const char **ret_text) MUST_CHECK;

#endif
