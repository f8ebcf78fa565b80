/* SPDX-License-Identifier: Apache-2.0 */
/* places.c: the lists of places, and settling. */
#include "places.h"

#include <stdlib.h>

#include "log.h"
#include "tx.h"

struct place *place_take(struct place **list)
{
	struct place *place = *list;

	if (place != NULL)
		*list = place->next;
	return place;
}

void place_put(struct place **list, struct place *place)
{
	place->next = *list;
	*list = place;
}

static struct place *place_at(struct places *places, size_t i)
{
	return (struct place *)(void *)(places->memory + i * places->size);
}

enum err places_open(
    struct places *places, struct job_run *run, size_t count, size_t size, size_t arena_bytes)
{
	*places = (struct places){ .run = run, .size = size };
	places->memory = calloc(count, size);
	if (places->memory == NULL)
		return ERR_NOMEM;
	places->count = count;
	for (size_t i = 0; i < count; i++) {
		struct place *place = place_at(places, i);
		place->places = places;
		if (arena_new(arena_bytes, &place->arena) != ERR_OK)
			return ERR_NOMEM;
		place_put(&places->free, place);
	}
	return ERR_OK;
}

void places_close(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		arena_free(&place_at(places, i)->arena);
	free(places->memory);
	*places = (struct places){ .run = NULL };
}

size_t places_free(const struct places *places)
{
	size_t count = 0;

	for (const struct place *place = places->free; place != NULL; place = place->next)
		count++;
	return count;
}

struct ctx place_ctx(const struct place *place)
{
	struct ctx ctx = place->places->run->ctx;

	ctx.arena = place->arena;
	return ctx;
}

void place_release(struct place *place, const struct place_ways *ways)
{
	ways->clear(place);
	arena_reset(place->arena); /* wipes what was personal */
	place_put(&place->places->free, place);
}

/* ---- settling ------------------------------------------------------------------------------------------- */

struct batch {
	const struct place_ways *ways;
	struct place **places;
	size_t count;
};

static enum err settle_batch(struct ctx *ctx UNUSED, void *arg)
{
	struct batch *batch = arg;
	enum err err = ERR_OK;

	for (size_t i = 0; i < batch->count && err == ERR_OK; i++) {
		struct ctx own = place_ctx(batch->places[i]);
		err = batch->ways->settle(&own, batch->places[i]);
		/* Taken over by another process: it writes nothing, and stops nobody else. */
		if (err == ERR_STALE)
			err = ERR_OK;
	}
	return err;
}

static enum err settle_some(
    struct places *all, const struct place_ways *ways, struct place **places, size_t count)
{
	struct batch batch = { .ways = ways, .places = places, .count = count };
	enum err err = tx_run(&all->run->ctx, settle_batch, &batch);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < count; i++)
		ways->report(places[i]);
	return ERR_OK;
}

static enum err settle_batchful(struct places *all, const struct place_ways *ways)
{
	struct place *places[PLACES_SETTLE_MOST];
	size_t count = 0;
	enum err err = ERR_OK;

	while (count < ways->most && all->ended != NULL)
		places[count++] = place_take(&all->ended);
	if (settle_some(all, ways, places, count) != ERR_OK) {
		for (size_t i = 0; i < count; i++) {
			enum err one = settle_some(all, ways, &places[i], 1);
			if (one != ERR_OK) {
				log_error("%s could not be settled: %s; %s", ways->what,
				    err_sentence(one), db_failure(all->run->ctx.db));
				err = one;
			}
		}
	}
	for (size_t i = 0; i < count; i++)
		place_release(places[i], ways);
	return err;
}

enum err places_settle(struct places *places, const struct place_ways *ways)
{
	enum err err = ERR_OK;

	while (places->ended != NULL) {
		enum err one = settle_batchful(places, ways);
		err = err == ERR_OK ? one : err;
	}
	return err;
}
