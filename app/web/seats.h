/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seats.h owns which workers are busy with a password, in memory they share: so many seats, taken
 * and left with one compare-and-swap, so there are never more at it than may be, and nobody is refused
 * while a seat stays free. Each seat says who has it, so that those of a worker that died can be cleared.
 */
#ifndef BONAFIDE_SEATS_H
#define BONAFIDE_SEATS_H

#include "base.h"
#include "limits.h"

#include <stdatomic.h>

struct seats {
	_Atomic uint32_t holders[LIMIT_WORKERS]; /* worker number + 1; 0: free */
};

/* Takes one of the first `count` seats; false when none is free. */
bool seats_take(struct seats *seats, unsigned worker, unsigned count) MUST_CHECK;

/* Leaves whatever seats a worker has: when it is done, and, for it, when it has died. */
void seats_leave(struct seats *seats, unsigned worker);

/* How many are taken. */
unsigned seats_taken(const struct seats *seats);

#endif
