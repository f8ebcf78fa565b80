/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.h owns what the gate asks of the page of a verification session instead of a key
 * (contract/sessions.md, The hosted page): whose session the path names, and whether the request brings
 * the token that its page was given. There is one such token at a time, it is opaque, and it slides.
 */
#ifndef BONAFIDE_VISIT_H
#define BONAFIDE_VISIT_H

#include "base.h"
#include "web.h"

/*
 * Finds the session that the first {…} of the path names and makes it the request's (web->visit), its
 * tenant the actor's. token NULL: none came; a route that needs one refuses that. ERR_SESSION_ID_INVALID,
 * ERR_SESSION_NOT_FOUND; ERR_TOKEN_INVALID for a token that is not this session's, was replaced, or is
 * too old, all one answer; database errors.
 */
enum err visit_check(struct web *web, const char *token) MUST_CHECK;

#endif
