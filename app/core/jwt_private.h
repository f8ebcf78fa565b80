/* SPDX-License-Identifier: Apache-2.0 */
/* jwt_private.h is shared by jwt.c (tokens) and jwt_key.c (keys) alone. */
#ifndef BONAFIDE_JWT_PRIVATE_H
#define BONAFIDE_JWT_PRIVATE_H

#include "jws.h"
#include "jwt.h"

/* The private key that signs now; borrowed until the next call. ERR_NO_SIGNING_KEY and as
 * jwt_issue(). */
enum err jwt_keys_signer(struct ctx *ctx, const struct jws_key **ret_key) MUST_CHECK;

/* The public key of this id; borrowed until the next call. An id that is not known makes the set be
 * read again, at most once in JWT_KEYS_LEASE_MS. ERR_MISSING; database errors. */
enum err jwt_keys_find(struct ctx *ctx, struct uuid id, const struct jws_key **ret_key) MUST_CHECK;

#endif
