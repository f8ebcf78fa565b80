/* SPDX-License-Identifier: Apache-2.0 */
/* r_callback.c: what a provider tells us (contract/provider.md): stored, answered, judged later. */
#include "provider.h"
#include "web.h"

enum err provider_callback(struct web *web)
{
	static const char answer[] = "{\"received\":true}";
	enum err err = provider_callback_take(
	    &web->ctx, web->params[0], web->params[1], web->raw_body, web->raw_body_len);

	if (err == ERR_MISSING)
		return ERR_NOT_FOUND;
	return err == ERR_OK
		   ? reply_raw(web, "application/json; charset=utf-8", answer, sizeof(answer) - 1)
		   : err;
}
