/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.c: a stand-in until the real one is merged. */
#include "jwt.h"

enum err jwt_keys_new(struct jwt_keys **ret_keys)
{
	*ret_keys = NULL;
	return ERR_OK;
}

void jwt_keys_free(struct jwt_keys **keys UNUSED)
{
}

enum err jwt_issue(
    struct ctx *ctx UNUSED, const struct jwt_claims *claims UNUSED, const char **ret_token UNUSED)
{
	return ERR_UNAVAILABLE;
}

enum err jwt_check(
    struct ctx *ctx UNUSED, const char *token UNUSED, struct jwt_claims *ret_claims UNUSED)
{
	return ERR_TOKEN_INVALID;
}

enum err jwt_key_set(struct ctx *ctx UNUSED, struct buf *out)
{
	buf_adds(out, "{\"keys\":[]}");
	return buf_err(out);
}
