/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redirect.h owns where a person goes on when a session has ended: the business's own address with what
 * happened beside its parameters (contract/sessions.md, The hosted page).
 */
#ifndef BONAFIDE_REDIRECT_H
#define BONAFIDE_REDIRECT_H

#include "base.h"
#include "arena.h"
#include "session.h"

/* A query parameter of letters, digits, '-' and '_' alone, so that nothing is to be escaped. */
struct redirect_param {
	const char *name;
	const char *value; /* NULL: it is left out */
};

/*
 * The URL with these parameters, in place of its own of the same names and before its fragment; all else
 * of it stays as it is, byte for byte. *ret_url in the arena. ERR_NOMEM.
 */
enum err redirect_add(struct arena *arena, const char *url, const struct redirect_param *params,
    size_t count, const char **ret_url) MUST_CHECK;

/*
 * Where the person of this session goes on: its redirect_url with session_id, for a session of the plain
 * family also with status (success, failed, abandoned) and, unless it is success, reason. NULL while it
 * is under way, and where the business named no address. *ret_url in the arena. ERR_NOMEM.
 */
enum err redirect_of(
    struct arena *arena, const struct session *session, const char **ret_url) MUST_CHECK;

#endif
