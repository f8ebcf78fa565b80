/* SPDX-License-Identifier: Apache-2.0 */
/* id.c writes and reads TypeIDs. */
#include "id.h"

#include <string.h>

#include "str.h"

static const char *const prefixes[ID__MAX] = {
	[ID_VERIFICATION] = "ver",
	[ID_KEY] = "key",
	[ID_USAGE] = "usg",
	[ID_ORGANIZATION] = "org",
	[ID_APPLICATION] = "app",
	[ID_REQUEST] = "req",
	[ID_SCORE] = "scr",
	[ID_WORK] = "wrk",
	[ID_WEBHOOK] = "wh",
	[ID_ENDPOINT] = "whe",
	[ID_WEBHOOK_KEY] = "whk",
	[ID_EVENT] = "evt",
	[ID_DELIVERY] = "whd",
	[ID_ATTEMPT] = "wha",
	[ID_TASK] = "tsk",
	[ID_SESSION] = "vs",
	[ID_SESSION_ATTEMPT] = "va",
	[ID_MEDIA] = "med",
	[ID_WORKFLOW] = "wf",
	[ID_UUID] = "",
	[ID_MAIL] = "mail",
	[ID_RECORD] = "rec",
};

const char *id_prefix(enum id_kind kind)
{
	return prefixes[kind];
}

void id_text(enum id_kind kind, struct uuid id, char out[ID_TEXT_SIZE])
{
	size_t len = strlen(prefixes[kind]);

	if (len == 0) {
		uuid_text(id, out);
		return;
	}
	memcpy(out, prefixes[kind], len);
	out[len] = '_';
	base32_encode_128(id.b, out + len + 1);
}

enum err id_parse(enum id_kind kind, const char *text, struct uuid *ret_id)
{
	size_t len = strlen(prefixes[kind]);

	if (len == 0)
		return uuid_parse(text, ret_id);
	if (strncmp(text, prefixes[kind], len) != 0 || text[len] != '_')
		return ERR_SYNTAX;
	text += len + 1;
	return base32_decode_128(text, strlen(text), ret_id->b);
}

enum err id_parse_any(const char *text, struct uuid *ret_id)
{
	for (int kind = 0; kind < ID__MAX; kind++) {
		if (id_parse((enum id_kind)kind, text, ret_id) == ERR_OK)
			return ERR_OK;
	}
	return ERR_SYNTAX;
}
