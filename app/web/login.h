/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login.h owns what the gate asks of a person instead of a key (contract/accounts.md): whose access
 * token a request brings, and what that person is in the organisation that the path names. Both are
 * read from the database each time, so who logged out, or was put out, is out with the next request.
 */
#ifndef BONAFIDE_LOGIN_H
#define BONAFIDE_LOGIN_H

#include "base.h"
#include "web.h"

/*
 * Checks an access token (NULL: none) and makes its person the request's actor. ERR_TOKEN_INVALID for
 * one that is missing, not ours, expired, or of a session that has ended or an account that is
 * disabled: one and the same answer; database errors.
 */
enum err login_check(struct web *web, const char *token) MUST_CHECK;

/*
 * Finds the actor's role in the organisation that the first {…} of the path names. For whoever is no
 * member it is not there: ERR_ORGANIZATION_NOT_FOUND. ERR_ROLE_FORBIDDEN for a role that the route's
 * row does not name, ERR_TENANT_SUSPENDED; database errors.
 */
enum err login_role(struct web *web) MUST_CHECK;

#endif
