/* SPDX-License-Identifier: Apache-2.0 */
/* claim.c: a set-associative table without locks that could outlive their holder. */
#include "claim.h"

#include <sched.h>
#include <string.h>

#define PROBES 4       /* slots a key may stand in */
#define ROUNDS 64      /* looks at slots that others are changing; then everybody writes */
#define WRITING_MS 100 /* whoever has been writing an id for that long is dead */

struct words {
	uint64_t id[2];
};

static struct words words_of(struct uuid id)
{
	struct words words;

	memcpy(&words, &id, sizeof(words));
	return words;
}

/* The end of a UUIDv7 is random (RFC 9562 section 5.7). */
static struct claim_slot *slot_at(struct claims *claims, struct uuid id, size_t probe)
{
	size_t start = (size_t)id.b[14] << 8 | id.b[15];

	return &claims->slots[(start + probe) % CLAIM_SLOTS];
}

static bool in_force(int64_t taken_ms, int64_t now_ms)
{
	return taken_ms > 0 ? now_ms - taken_ms < CLAIM_MS
			    : taken_ms < 0 && now_ms + taken_ms < WRITING_MS;
}

static bool holds(const struct claim_slot *slot, struct words words)
{
	return atomic_load(&slot->id[0]) == words.id[0] && atomic_load(&slot->id[1]) == words.id[1];
}

enum outcome { WON, LOST, AGAIN };

/*
 * Looks where the key may stand, at each slot as one moment knew it: its sequence number is the
 * same before and after. WON gives the slot to take, or NULL where all are others' claims in
 * force: then there is nothing to hold anybody off with, and everybody writes.
 */
static enum outcome look(struct claims *claims, struct uuid id, int64_t now_ms,
    struct claim_slot **ret_place, int64_t *ret_seen_ms)
{
	struct words words = words_of(id);

	*ret_place = NULL;
	for (size_t probe = 0; probe < PROBES; probe++) {
		struct claim_slot *slot = slot_at(claims, id, probe);
		int64_t seen_ms = atomic_load(&slot->taken_ms);
		bool mine = holds(slot, words);
		bool taken = in_force(seen_ms, now_ms);

		/* It may be this very key that is being written there. */
		if (seen_ms != atomic_load(&slot->taken_ms) || (taken && seen_ms < 0))
			return AGAIN;
		if (mine && seen_ms != 0 && taken)
			return LOST;
		/* A key keeps its slot; else it takes the first that is free. */
		if (!taken && (*ret_place == NULL || (mine && seen_ms != 0))) {
			*ret_place = slot;
			*ret_seen_ms = seen_ms;
		}
	}
	return WON;
}

/* Two that take one slot, or one key, meet in the compare-and-swap. */
static enum outcome try(struct claims *claims, struct uuid id, int64_t now_ms)
{
	struct words words = words_of(id);
	struct claim_slot *place;
	int64_t seen_ms;
	enum outcome outcome = look(claims, id, now_ms, &place, &seen_ms);

	if (outcome != WON || place == NULL)
		return outcome;
	if (!atomic_compare_exchange_strong(&place->taken_ms, &seen_ms, -now_ms))
		return AGAIN;
	atomic_store(&place->id[0], words.id[0]);
	atomic_store(&place->id[1], words.id[1]);
	atomic_store(&place->taken_ms, now_ms);
	return WON;
}

bool claim_take(struct claims *claims, struct uuid id, int64_t now_ms)
{
	for (int round = 0; round < ROUNDS; round++) {
		enum outcome outcome = try(claims, id, now_ms);
		if (outcome != AGAIN)
			return outcome == WON;
		(void)sched_yield();
	}
	return true;
}

void claim_release(struct claims *claims, struct uuid id, int64_t taken_ms)
{
	struct words words = words_of(id);

	for (size_t probe = 0; probe < PROBES; probe++) {
		struct claim_slot *slot = slot_at(claims, id, probe);
		int64_t seen_ms = taken_ms;
		if (holds(slot, words))
			(void)atomic_compare_exchange_strong(&slot->taken_ms, &seen_ms, 0);
	}
}
