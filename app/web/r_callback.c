/* SPDX-License-Identifier: Apache-2.0 */
/* r_callback.c: what a provider tells us (contract/provider.md): stored, answered, judged later. */
#include "provider.h"
#include "sets.h"
#include "web.h"

struct callback_shown {
	bool received;
};

static const struct field callback_rows[] = {
	{ ROW_BOOL(struct callback_shown, received, "received"), .sentence = "It is stored.",
	    .example = "true" },
};
const struct field_set callback_reply =
    FIELD_SET("CallbackReceived", callback_rows, struct callback_shown);

enum err provider_callback(struct web *web)
{
	static const struct callback_shown answer = { .received = true };
	enum err err = provider_callback_take(
	    &web->ctx, web->params[0], web->params[1], web->raw_body, web->raw_body_len);

	if (err == ERR_MISSING)
		return ERR_NOT_FOUND;
	return err == ERR_OK ? reply_object(web, &answer) : err;
}
