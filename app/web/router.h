/* SPDX-License-Identifier: Apache-2.0 */
/* router.h owns finding the route row of a method and path. */
#ifndef BONAFIDE_ROUTER_H
#define BONAFIDE_ROUTER_H

#include "base.h"
#include "web.h"

struct router_match {
	const struct route *route; /* NULL: unknown path, or method not answered there */
	bool path_known;
	unsigned methods; /* bit set of what the path answers, see router_allow() */
	const char *params[LIMIT_PATH_PARAMS]; /* decoded, in the arena */
	size_t param_count;
};

/*
 * Matches a request's method and raw path (still percent-encoded). Paths are compared segment by
 * segment after strict decoding; an empty segment and a trailing slash match nothing. HEAD finds GET's
 * row. A row matches only requests of its own family, so that no {name} takes what is another
 * family's; and those of which nobody knows the family. ERR_OK with the match, ERR_NOT_FOUND, ERR_METHOD_NOT_ALLOWED (methods filled), ERR_NOMEM.
 */
enum err router_find(const struct route *table, size_t count, const struct http_in *in,
    struct arena *arena, struct router_match *ret_match) MUST_CHECK;

/*
 * The family of a request, whether or not there is something: by the longest known beginning of its
 * path; where two families share that, by the header its credential is in (contract/README.md, and
 * the session family when there is none).
 */
enum family router_family(const struct http_in *in);

/* True of a path that two families share, whose credential's header says which of them is meant. */
bool router_is_shared(const char *path);

/* True when the path is shared and there is no credential: nobody knows whom we speak to. */
bool router_is_undecided(const struct http_in *in);

/* "GET, HEAD, OPTIONS" for the Allow header, into out. */
void router_allow(unsigned methods, char *out, size_t size_bytes);

#endif
