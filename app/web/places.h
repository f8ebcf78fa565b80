/* SPDX-License-Identifier: Apache-2.0 */
/*
 * places.h owns which workers are busy with a password, in memory they share: so many places, taken
 * and left with one compare-and-swap, so there are never more at it than may be, and nobody is refused
 * while a place is free. Each place says who has it, so that those of a worker that died can be cleared.
 */
#ifndef BONAFIDE_PLACES_H
#define BONAFIDE_PLACES_H

#include "base.h"
#include "limits.h"

#include <stdatomic.h>

struct places {
	_Atomic uint32_t holders[LIMIT_WORKERS]; /* worker number + 1; 0: free */
};

/* Takes one of the first `count` places; false when none is free. */
bool places_take(struct places *places, unsigned worker, unsigned count) MUST_CHECK;

/* Leaves whatever places a worker has: when it is done, and, for it, when it has died. */
void places_leave(struct places *places, unsigned worker);

/* How many are taken. */
unsigned places_taken(const struct places *places);

#endif
