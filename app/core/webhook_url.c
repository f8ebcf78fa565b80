/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_url.c asks the egress guard about a URL that a customer wants to be told at. */
#include "webhook.h"

#include <string.h>

#include "egress.h"
#include "limits.h"

bool webhook_url_ok(struct ctx *ctx, const char *url)
{
	bool resolved = false;

	/* A name that does not resolve just now is accepted: every attempt asks again. */
	return strlen(url) <= LIMIT_URL &&
	       egress_host_check(ctx->egress, ctx->resolver, url, &resolved) == ERR_OK;
}
