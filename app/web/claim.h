/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.h owns who of this host's workers writes down that a key was used: a small table in
 * shared memory, in which the first to come takes the key and the others let it be. A claim says
 * nothing of when the key was used (that is in the database, and each worker reads it with the
 * key); it only holds the others off until they can read what the winner wrote. Should the
 * winner die before that, the next one to use the key after CLAIM_MS writes.
 *
 * The table never grows and loses only in the safe direction: a key that finds no place in it,
 * because those it may stand in are other keys' claims in force, or because somebody died while
 * writing there, is claimed by everybody. That costs a statement, never a note: a key is told
 * apart by the whole of its id.
 */
#ifndef BONAFIDE_CLAIM_H
#define BONAFIDE_CLAIM_H

#include "base.h"
#include "uuid.h"

#include <stdatomic.h>

#define CLAIM_SLOTS 1024
#define CLAIM_MS 15000 /* above the longest key_lease_ms (conf.def) and the statement itself */

/* taken_ms is the slot's lock and its sequence number in one: whoever changes the id first makes
 * it negative, and afterwards a later time than it was. */
struct claim_slot {
	_Atomic int64_t taken_ms; /* monotonic; 0: free; negative: being written since then */
	_Atomic uint64_t id[2];
};

struct claims {
	struct claim_slot slots[CLAIM_SLOTS];
};

/* True for the one that is to write; now_ms is monotonic, and the same clock in all processes. */
bool claim_take(struct claims *claims, struct uuid id, int64_t now_ms) MUST_CHECK;

/* Gives a claim back whose statement failed, so that the next one to use the key tries again. */
void claim_release(struct claims *claims, struct uuid id, int64_t taken_ms);

#endif
