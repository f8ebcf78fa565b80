/* SPDX-License-Identifier: Apache-2.0 */
/*
 * places.h owns the places of a job: one for each piece of work under way, with memory of its own that
 * outlives the rounds; and the settling of what ended.
 */
#ifndef BONAFIDE_PLACES_H
#define BONAFIDE_PLACES_H

#include "jobs.h"

/* The first member of a job's own kind of place. */
struct place {
	struct place *next; /* in the list it is in */
	struct places *places;
	struct arena *arena;
};

struct places {
	struct job_run *run;
	char *memory; /* count places of size bytes */
	size_t size;
	size_t count;
	struct place *free;
	struct place *ended; /* waiting to be settled */
};

/* What a job does with its places at their end. */
struct place_ways {
	/* Inside the settling transaction. ERR_STALE: another process has it, nothing was written. */
	enum err (*settle)(struct ctx *ctx, struct place *place);
	/* Behind its commit: counts and says what was settled. */
	void (*report)(struct place *place);
	/* Forgets what the place was for; its memory is wiped and it is freed behind this. */
	void (*clear)(struct place *place);
	size_t most;      /* settled in one transaction, at most PLACES_SETTLE_MOST */
	const char *what; /* "an answer": what could not be settled */
};

#define PLACES_SETTLE_MOST 128

/* Makes count places of size bytes each, of which the first member is a struct place, each with
 * arena_bytes of memory. ERR_NOMEM; places_close() then frees what was made. */
enum err places_open(struct places *places, struct job_run *run, size_t count, size_t size,
    size_t arena_bytes) MUST_CHECK;

/* Frees them, whatever they are at. Does nothing before places_open(). */
void places_close(struct places *places);

/* How many are free. */
size_t places_free(const struct places *places);

/* The first of a list, NULL when it is empty. */
struct place *place_take(struct place **list);
void place_put(struct place **list, struct place *place);

/* A ctx whose request memory is the place's own: it outlives the round. */
struct ctx place_ctx(const struct place *place);

/* Gives a place back that has nothing more to settle. */
void place_release(struct place *place, const struct place_ways *ways);

/*
 * Settles all that ended: together, and where one spoils the transaction, each for itself. What still
 * cannot be settled is left to its lease. The first error is returned.
 */
enum err places_settle(struct places *places, const struct place_ways *ways) MUST_CHECK;

#endif
