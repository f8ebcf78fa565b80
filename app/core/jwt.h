/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.h: a stand-in until the real one is merged. */
#ifndef BONAFIDE_JWT_H
#define BONAFIDE_JWT_H

#include "base.h"
#include "ctx.h"
#include "buf.h"

struct jwt_claims {
	struct uuid id, account_id, session_id;
	int64_t issued_at_ms, expires_at_ms;
};
enum err jwt_keys_new(struct jwt_keys **ret_keys) MUST_CHECK;
void jwt_keys_free(struct jwt_keys **keys);
enum err jwt_issue(
    struct ctx *ctx, const struct jwt_claims *claims, const char **ret_token) MUST_CHECK;
enum err jwt_check(struct ctx *ctx, const char *token, struct jwt_claims *ret_claims) MUST_CHECK;
enum err jwt_key_set(struct ctx *ctx, struct buf *out) MUST_CHECK;

#endif
