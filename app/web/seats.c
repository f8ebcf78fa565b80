/* SPDX-License-Identifier: Apache-2.0 */
/* seats.c: who is busy with what. */
#include "seats.h"

bool seats_take(struct seats *seats, enum seat_kind kind, unsigned worker, unsigned count)
{
	for (unsigned i = 0; i < count && i < LIMIT_WORKERS; i++) {
		uint32_t nobody = 0;
		if (atomic_compare_exchange_strong(&seats->holders[kind][i], &nobody, worker + 1))
			return true;
	}
	return false;
}

void seats_leave(struct seats *seats, enum seat_kind kind, unsigned worker)
{
	for (unsigned i = 0; i < LIMIT_WORKERS; i++) {
		uint32_t mine = worker + 1;
		(void)atomic_compare_exchange_strong(&seats->holders[kind][i], &mine, 0);
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
