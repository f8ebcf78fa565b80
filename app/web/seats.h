/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seats.h owns which workers are busy with what only some of them may be busy with at once, in memory
 * they share: so many seats of a kind, taken and left with one compare-and-swap, so there are never more
 * at it than may be, and nobody is refused while a seat stays free. Each seat says who has it, so that
 * those of a worker that died can be cleared. How many of a kind there are is a setting: web_sit().
 */
#ifndef BONAFIDE_SEATS_H
#define BONAFIDE_SEATS_H

#include "base.h"
#include "limits.h"

#include <stdatomic.h>

enum seat_kind {
	SEAT_PASSWORD, /* hashing or checking one: time and memory, on purpose */
	SEAT_UPLOAD,   /* taking a medium in: as long as its sender takes */
	SEAT__MAX
};

struct seats {
	_Atomic uint32_t holders[SEAT__MAX][LIMIT_WORKERS]; /* worker number + 1; 0: free */
	_Atomic uint64_t whose[SEAT__MAX][LIMIT_WORKERS];   /* for whom; 0: nobody in particular */
};

/* Takes one of the first `count` seats of a kind; false when none is free. */
bool seats_take(
    struct seats *seats, enum seat_kind kind, unsigned worker, unsigned count) MUST_CHECK;

/* The same for somebody (not 0), who may have `most` of them; false also when they have. */
bool seats_take_for(struct seats *seats, enum seat_kind kind, unsigned worker, unsigned count,
    uint64_t whose, unsigned most) MUST_CHECK;

/* Leaves whatever seats of a kind a worker has. */
void seats_leave(struct seats *seats, enum seat_kind kind, unsigned worker);

/* Leaves all that a worker has, for it: it has died. */
void seats_clear(struct seats *seats, unsigned worker);

/* How many of a kind are taken. */
unsigned seats_taken(const struct seats *seats, enum seat_kind kind);

#endif
