/* SPDX-License-Identifier: Apache-2.0 */
/* seats.c: who is busy with what. */
#include "seats.h"

/* The seat's number in *ret_seat. */
static bool take(
    struct seats *seats, enum seat_kind kind, unsigned worker, unsigned count, unsigned *ret_seat)
{
	for (unsigned i = 0; i < count && i < LIMIT_WORKERS; i++) {
		uint32_t nobody = 0;
		if (atomic_compare_exchange_strong(&seats->holders[kind][i], &nobody, worker + 1)) {
			*ret_seat = i;
			return true;
		}
	}
	return false;
}

bool seats_take(struct seats *seats, enum seat_kind kind, unsigned worker, unsigned count)
{
	unsigned seat;

	return take(seats, kind, worker, count, &seat);
}

/* Counted after it is taken, so two at once may both be refused, and never both be let in. */
bool seats_take_for(struct seats *seats, enum seat_kind kind, unsigned worker, unsigned count,
    uint64_t whose, unsigned most)
{
	unsigned seat, theirs = 0;

	if (!take(seats, kind, worker, count, &seat))
		return false;
	atomic_store(&seats->whose[kind][seat], whose);
	for (unsigned i = 0; i < LIMIT_WORKERS; i++)
		theirs += atomic_load(&seats->whose[kind][i]) == whose;
	if (theirs > most)
		seats_leave(seats, kind, worker);
	return theirs <= most;
}

void seats_leave(struct seats *seats, enum seat_kind kind, unsigned worker)
{
	for (unsigned i = 0; i < LIMIT_WORKERS; i++) {
		if (atomic_load(&seats->holders[kind][i]) != worker + 1)
			continue;
		atomic_store(&seats->whose[kind][i], 0);
		atomic_store(&seats->holders[kind][i], 0);
	}
}

void seats_clear(struct seats *seats, unsigned worker)
{
	for (int kind = 0; kind < SEAT__MAX; kind++)
		seats_leave(seats, (enum seat_kind)kind, worker);
}

unsigned seats_taken(const struct seats *seats, enum seat_kind kind)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < LIMIT_WORKERS; i++)
		taken += atomic_load(&seats->holders[kind][i]) != 0;
	return taken;
}
