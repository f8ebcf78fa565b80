/* SPDX-License-Identifier: Apache-2.0 */
/* page.c signs and reads cursors: "cur_" + base64url(id, first half of an HMAC). */
#include "page.h"

#include <string.h>

#include "buf.h"
#include "str.h"

#define MAC_SIZE 16
#define PREFIX "cur_"
#define SIGNED_CAP 1024

/* What the signature covers: where the cursor may be used, and the place it stands for. */
static enum err cursor_mac(struct ctx *ctx, const char *list, const char *filters,
    struct uuid after, uint8_t ret_mac[SHA256_SIZE])
{
	struct buf text;

	buf_init(&text, SIGNED_CAP);
	buf_add(&text, list, strlen(list) + 1);
	buf_add(&text, ctx->actor.application_id.b, sizeof(after.b));
	buf_add(&text, environment_word(ctx->actor.environment),
	    strlen(environment_word(ctx->actor.environment)) + 1);
	buf_add(&text, filters, strlen(filters) + 1);
	buf_add(&text, after.b, sizeof(after.b));
	enum err err = buf_err(&text);
	if (err == ERR_OK)
		err = pepper_mac(ctx->keyring, PEPPER_CURSOR, text.data, text.len, ret_mac);
	buf_free(&text);
	return err;
}

enum err cursor_make(struct ctx *ctx, const char *list, const char *filters, struct uuid after,
    char ret_text[CURSOR_TEXT_SIZE])
{
	uint8_t mac[SHA256_SIZE], raw[sizeof(after.b) + MAC_SIZE];
	enum err err = cursor_mac(ctx, list, filters, after, mac);

	if (err != ERR_OK)
		return err;
	memcpy(raw, after.b, sizeof(after.b));
	memcpy(raw + sizeof(after.b), mac, MAC_SIZE);
	memcpy(ret_text, PREFIX, sizeof(PREFIX));
	base64url_encode(raw, sizeof(raw), ret_text + sizeof(PREFIX) - 1);
	return ERR_OK;
}

enum err cursor_read(struct ctx *ctx, const char *list, const char *filters, const char *text,
    struct uuid *ret_after)
{
	uint8_t mac[SHA256_SIZE], raw[sizeof(ret_after->b) + MAC_SIZE];
	struct uuid after;
	size_t len = 0;

	if (text == NULL || text[0] == '\0') {
		memset(ret_after->b, 0xff, sizeof(ret_after->b));
		return ERR_OK;
	}
	if (strncmp(text, PREFIX, sizeof(PREFIX) - 1) != 0)
		return ERR_SYNTAX;
	text += sizeof(PREFIX) - 1;
	if (base64url_decode(text, strlen(text), raw, sizeof(raw), &len) != ERR_OK ||
	    len != sizeof(raw))
		return ERR_SYNTAX;
	memcpy(after.b, raw, sizeof(after.b));
	enum err err = cursor_mac(ctx, list, filters, after, mac);
	if (err != ERR_OK)
		return err;
	if (!equal_secret(mac, MAC_SIZE, raw + sizeof(after.b), MAC_SIZE))
		return ERR_SYNTAX;
	*ret_after = after;
	return ERR_OK;
}

enum err page_after(enum id_kind kind, const char *text, struct uuid *ret_after)
{
	if (text != NULL && text[0] != '\0')
		return id_parse(kind, text, ret_after);
	memset(ret_after->b, 0xff, sizeof(ret_after->b));
	return ERR_OK;
}

void page_range(
    struct uuid after, int64_t from_ms, int64_t to_ms, struct uuid *ret_low, struct uuid *ret_high)
{
	/* Statements refuse the nil id, which means "none": the smallest other one does as well. */
	struct uuid low = { { [15] = 1 } };
	struct uuid high = after;

	if (from_ms != TIME_NONE)
		low = uuid_floor(from_ms);
	if (to_ms != TIME_NONE) {
		struct uuid bound = uuid_floor(to_ms + 1);
		if (memcmp(bound.b, high.b, sizeof(bound.b)) < 0)
			high = bound;
	}
	*ret_low = low;
	*ret_high = high;
}
