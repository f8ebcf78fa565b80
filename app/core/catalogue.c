/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue.c keeps a process's compiled copy of the catalogue. Loading is catalogue_load.c. */
#include "catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ctx.h"
#include "limits.h"
#include "stmt.h"

#define FRESH_MS 10000
#define COPY_MEMORY 1048576

struct catalogue {
	struct arena *arena;   /* the rows' texts */
	struct id_type *types; /* sorted by country, type */
	size_t count;
	int64_t read_ms; /* monotonic; 0 never */
};

enum err catalogue_new(struct catalogue **ret_catalogue)
{
	struct catalogue *catalogue = calloc(1, sizeof(*catalogue));

	if (catalogue == NULL)
		return ERR_NOMEM;
	*ret_catalogue = catalogue;
	return ERR_OK;
}

static void copy_free(struct arena **arena, struct id_type *types, size_t count)
{
	for (size_t i = 0; i < count; i++)
		regex_free(&types[i].regex);
	arena_free(arena);
}

void catalogue_free(struct catalogue **catalogue)
{
	if (catalogue == NULL || *catalogue == NULL)
		return;
	copy_free(&(*catalogue)->arena, (*catalogue)->types, (*catalogue)->count);
	free(*catalogue);
	*catalogue = NULL;
}

static int compare(const char *country, const char *type, const struct id_type *row)
{
	int order = strcmp(country, row->country);

	return order != 0 ? order : strcmp(type, row->id_type);
}

static enum err compile(const struct row_id_type_list *row, struct id_type *ret_type)
{
	*ret_type = (struct id_type){ .country = row->country,
		.id_type = row->id_type,
		.pattern = row->pattern,
		.provider = row->provider,
		.provider_country = row->provider_country,
		.provider_type = row->provider_type,
		.extra_fields = row->extra_fields,
		.score_weight = row->score_weight };
	/* Loading checked the pattern, so a failure here is a row somebody wrote by hand. */
	return regex_new(row->pattern, true, &ret_type->regex, NULL, 0);
}

/* A complete new copy, then the exchange: a failure leaves the old one in use. */
static enum err read_again(struct catalogue *catalogue, struct ctx *ctx)
{
	struct row_id_type_list *rows = NULL;
	struct id_type *types = NULL;
	struct arena *arena = NULL;
	size_t count = 0, compiled = 0;
	enum err err = arena_new(COPY_MEMORY, &arena);

	if (err == ERR_OK)
		err = q_id_type_list(ctx->db, arena, &rows, &count);
	if (err == ERR_OK) {
		types = arena_array(arena, count, sizeof(*types));
		err = types == NULL ? ERR_NOMEM : ERR_OK;
	}
	while (err == ERR_OK && compiled < count) {
		err = compile(&rows[compiled], &types[compiled]);
		compiled += err == ERR_OK;
	}
	if (err != ERR_OK) {
		copy_free(&arena, types, compiled);
		return err;
	}
	copy_free(&catalogue->arena, catalogue->types, catalogue->count);
	catalogue->arena = arena;
	catalogue->types = types;
	catalogue->count = count;
	return ERR_OK;
}

static enum err refresh(struct catalogue *catalogue, struct ctx *ctx)
{
	int64_t now_ms = clock_mono_ms();

	if (catalogue->read_ms != 0 && now_ms - catalogue->read_ms < FRESH_MS)
		return ERR_OK;
	enum err err = read_again(catalogue, ctx);
	/* While the database is away the old copy serves; look again in a while, not each time.
	 * In a transaction a lost connection is the transaction's end, and must be said. */
	if (err != ERR_OK && (catalogue->read_ms == 0 || db_in_tx(ctx->db) || err == ERR_DB_LOST))
		return err;
	catalogue->read_ms = now_ms;
	return ERR_OK;
}

enum err catalogue_find(
    struct ctx *ctx, const char *country, const char *id_type, const struct id_type **ret_type)
{
	struct catalogue *catalogue = ctx->catalogue;
	enum err err = refresh(catalogue, ctx);

	if (err != ERR_OK)
		return err;
	size_t low = 0, high = catalogue->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(country, id_type, &catalogue->types[middle]);
		if (order == 0) {
			*ret_type = &catalogue->types[middle];
			return ERR_OK;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return ERR_UNSUPPORTED_ID_TYPE;
}

enum err catalogue_list(struct ctx *ctx, const struct id_type **ret_types, size_t *ret_count)
{
	enum err err = refresh(ctx->catalogue, ctx);

	if (err != ERR_OK)
		return err;
	*ret_types = ctx->catalogue->types;
	*ret_count = ctx->catalogue->count;
	return ERR_OK;
}
