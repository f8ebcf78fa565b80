/* SPDX-License-Identifier: Apache-2.0 */
/* places.c: who is busy with a password. */
#include "places.h"

bool places_take(struct places *places, unsigned worker, unsigned count)
{
	for (unsigned i = 0; i < count && i < LIMIT_WORKERS; i++) {
		uint32_t nobody = 0;
		if (atomic_compare_exchange_strong(&places->holders[i], &nobody, worker + 1))
			return true;
	}
	return false;
}

void places_leave(struct places *places, unsigned worker)
{
	for (unsigned i = 0; i < LIMIT_WORKERS; i++) {
		uint32_t mine = worker + 1;
		(void)atomic_compare_exchange_strong(&places->holders[i], &mine, 0);
	}
}

unsigned places_taken(const struct places *places)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < LIMIT_WORKERS; i++)
		taken += atomic_load(&places->holders[i]) != 0;
	return taken;
}
