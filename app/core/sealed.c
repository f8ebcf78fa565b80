/* SPDX-License-Identifier: Apache-2.0 */
/* sealed.c turns structs of texts into sealed text, and back. */
#include "sealed.h"

#include <string.h>

#include "buf.h"
#include "json.h"

static const char *member_get(const void *object, const struct sealed_member *member)
{
	const char *text;

	memcpy(&text, (const char *)object + member->offset, sizeof(text));
	return text;
}

static enum err write_known(const struct sealed_kind *kind, const void *object, json_t *known)
{
	enum err err = known == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < kind->count && err == ERR_OK; i++) {
		const char *value = member_get(object, &kind->members[i]);
		if (value != NULL)
			err = json_put_text(known, kind->members[i].name, value);
	}
	return err;
}

enum err sealed_put(struct ctx *ctx, const struct sealed_kind *kind, struct uuid row_id,
    const void *object, struct bytes *ret_sealed)
{
	struct bytes sealed = { NULL, 0 };
	json_t *known = json_object();
	struct buf text;
	enum err err = write_known(kind, object, known);

	buf_init(&text, kind->text_max);
	if (err == ERR_OK && json_object_size(known) > 0) {
		err = json_write(known, &text);
		if (err == ERR_OK)
			err = seal_data(ctx->keyring, ctx->arena, kind->purpose, row_id, text.data,
			    text.len, &sealed);
	}
	buf_free(&text); /* wipes */
	json_decref(known);
	if (err == ERR_OK)
		*ret_sealed = sealed;
	return err;
}

/* Copies, because the JSON goes. */
static enum err read_known(
    struct arena *arena, const struct sealed_kind *kind, const json_t *known, char *filled)
{
	for (size_t i = 0; i < kind->count; i++) {
		const char *value = json_get_text(known, kind->members[i].name);
		const char *copy = arena_strdup(arena, value);
		if (value != NULL && copy == NULL)
			return ERR_NOMEM;
		memcpy(filled + kind->members[i].offset, &copy, sizeof(copy));
	}
	return ERR_OK;
}

enum err sealed_get(struct ctx *ctx, const struct sealed_kind *kind, struct uuid row_id,
    struct bytes sealed, void *ret_object)
{
	char *filled = arena_alloc(ctx->arena, kind->struct_size); /* zeroed */
	json_t *known = NULL;
	struct bytes text;
	enum err err = filled == NULL ? ERR_NOMEM : ERR_OK;

	if (err == ERR_OK && sealed.data != NULL) {
		err = seal_open(ctx->keyring, ctx->arena, kind->purpose, row_id, sealed, &text);
		if (err == ERR_OK)
			err = json_read(text.data, text.len, &known, NULL);
		if (err == ERR_OK)
			err = read_known(ctx->arena, kind, known, filled);
		json_decref(known);
	}
	if (err == ERR_OK)
		memcpy(ret_object, filled, kind->struct_size);
	return err;
}

enum err sealed_again(struct ctx *ctx, const char *purpose, struct uuid row_id, struct bytes sealed,
    struct bytes *ret_sealed)
{
	struct bytes text;
	enum err err = seal_open(ctx->keyring, ctx->arena, purpose, row_id, sealed, &text);

	return err == ERR_OK ? seal_data(ctx->keyring, ctx->arena, purpose, row_id, text.data,
				   text.len, ret_sealed)
			     : err;
}
