/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gcra.h owns rate limiting by the generic cell rate algorithm, in memory that processes share: a
 * table of one fixed size with one number per subject, its theoretical arrival time (TAT). A request
 * moves it on by one interval; one that would move it more than `burst` intervals past the present
 * is refused and moves nothing. It is a token bucket of `burst` tokens that gains one each interval.
 *
 * The number is moved by compare-and-swap, so that of any crowd of processes exactly as many pass as
 * one process would have let pass. A subject whose TAT is past owes nothing, and its entry is free
 * for another. An entry in debt is never given away: no flood of subjects makes the table forget one.
 * When all entries of a bucket are in debt, further subjects of that bucket share one more, without
 * name; a subject that later finds an entry of its own begins it with what the shared one owes. So a
 * full table refuses too much, never too little.
 *
 * Entries change their subject under a robust mutex: the death of a process inside is noticed by
 * the next one, and leaves nothing to repair.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC, which all processes of a host share.
 */
#ifndef BONAFIDE_GCRA_H
#define BONAFIDE_GCRA_H

#include "base.h"

#define GCRA_WAYS 7 /* subjects of one bucket, beside the shared entry */

struct gcra;

/* 128 bits that nobody outside can aim: half of them choose the bucket, half are the name in it. */
struct gcra_subject {
	uint64_t place;
	uint64_t tag;
};

/* One request each interval, up to `burst` at once. Both at least 1, their product below 2^62. */
struct gcra_rate {
	int64_t interval_ns;
	int64_t burst;
};

struct gcra_verdict {
	bool passed;
	bool shared;        /* the bucket was full: this was charged to its shared entry */
	int64_t remaining;  /* how many more would pass at this moment */
	int64_t more_in_ns; /* until one more than that would pass; 0 when it is the whole burst */
};

/* Bytes of a table with so many buckets, a power of two. */
size_t gcra_size(size_t buckets);

/* Makes a table in zeroed memory of that size, shared by mmap() or not. ERR_IO. */
enum err gcra_init(void *memory, size_t buckets, struct gcra **ret_table) MUST_CHECK;

/* Charges one request to the subject, or refuses it. */
void gcra_take(struct gcra *table, struct gcra_subject subject, struct gcra_rate rate,
    int64_t now_ns, struct gcra_verdict *ret_verdict);

#endif
