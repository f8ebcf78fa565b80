/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limiter's table. What makes it exact without a lock around each request:
 *
 * - An entry's TAT only ever grows, also when the entry changes its subject. So a compare-and-swap
 *   from a value that was read cannot succeed on an entry that has been another's in between.
 * - A reader loads the TAT before the tag, and swaps the TAT: if the swap succeeds, the tag it saw
 *   in between was the entry's.
 * - Who takes an entry over first removes the tag, then swaps the TAT from its expired value, then
 *   writes its own tag. A charge by the old subject that slips in makes that swap fail, and the tag
 *   is put back. Dying between the steps leaves an entry without a subject that expires by itself.
 */
#include "base.h"
#include "gcra.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define LOCKS 64  /* buckets share the mutexes for taking entries over */
#define NOBODY 0u /* the tag of an entry without a subject */

struct entry {
	_Atomic uint64_t tag;
	_Atomic int64_t tat_ns;
};

/* Two cache lines. */
struct bucket {
	struct entry entries[GCRA_WAYS];
	_Atomic int64_t shared_ns; /* TAT of those who find no entry */
	int64_t unused;
};
_Static_assert(sizeof(struct bucket) == 128, "a bucket fills two cache lines");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "processes can share only atomics without locks");

struct gcra {
	size_t mask;
	pthread_mutex_t locks[LOCKS];
	_Alignas(128) struct bucket buckets[];
};

size_t gcra_size(size_t buckets)
{
	return sizeof(struct gcra) + buckets * sizeof(struct bucket);
}

enum err gcra_init(void *memory, size_t buckets, struct gcra **ret_table)
{
	struct gcra *table = memory;
	pthread_mutexattr_t attr;
	enum err err = ERR_IO;

	if (buckets == 0 || (buckets & (buckets - 1)) != 0 || pthread_mutexattr_init(&attr) != 0)
		return ERR_IO;
	if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0 ||
	    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0)
		goto out;
	for (size_t i = 0; i < LOCKS; i++)
		if (pthread_mutex_init(&table->locks[i], &attr) != 0)
			goto out;
	table->mask = buckets - 1;
	*ret_table = table;
	err = ERR_OK;
out:
	(void)pthread_mutexattr_destroy(&attr);
	return err;
}

/* What a TAT means at this moment. A limit that was lowered can leave more debt than it allows. */
static struct gcra_verdict judge(int64_t tat_ns, struct gcra_rate rate, int64_t now_ns)
{
	int64_t room_ns = rate.burst * rate.interval_ns;
	int64_t debt_ns = tat_ns > now_ns ? tat_ns - now_ns : 0;
	struct gcra_verdict verdict = { .remaining = 0 };

	if (debt_ns < room_ns)
		verdict.remaining = (room_ns - debt_ns) / rate.interval_ns;
	if (debt_ns > 0)
		verdict.more_in_ns =
		    debt_ns - (rate.burst - verdict.remaining - 1) * rate.interval_ns;
	return verdict;
}

static int64_t tat_after_one(int64_t tat_ns, struct gcra_rate rate, int64_t now_ns)
{
	return (tat_ns > now_ns ? tat_ns : now_ns) + rate.interval_ns;
}

/* Charges one to a TAT whose value was tat_ns. False when it is another by now. */
static bool charge(_Atomic int64_t *tat, int64_t tat_ns, struct gcra_rate rate, int64_t now_ns,
    struct gcra_verdict *ret_verdict)
{
	struct gcra_verdict verdict = judge(tat_ns, rate, now_ns);

	if (verdict.remaining > 0) {
		int64_t next_ns = tat_after_one(tat_ns, rate, now_ns);

		if (!atomic_compare_exchange_strong(tat, &tat_ns, next_ns))
			return false;
		verdict = judge(next_ns, rate, now_ns);
		verdict.passed = true;
	}
	*ret_verdict = verdict;
	return true;
}

/* The subject's entry and the TAT it had when the tag was looked at; NULL when it has none. */
static struct entry *find(struct bucket *bucket, uint64_t tag, int64_t *ret_tat_ns)
{
	for (size_t i = 0; i < GCRA_WAYS; i++) {
		struct entry *entry = &bucket->entries[i];
		int64_t tat_ns = atomic_load(&entry->tat_ns);

		if (atomic_load(&entry->tag) == tag) {
			*ret_tat_ns = tat_ns;
			return entry;
		}
	}
	return NULL;
}

/* Gives the entry to a new subject that owes owed_ns, if it is free and nobody is quicker. */
static bool take_over(struct entry *entry, uint64_t tag, int64_t owed_ns, int64_t now_ns)
{
	int64_t tat_ns = atomic_load(&entry->tat_ns);
	uint64_t old = atomic_load(&entry->tag);

	if (tat_ns > now_ns)
		return false;
	atomic_store(&entry->tag, NOBODY);
	bool taken = atomic_compare_exchange_strong(&entry->tat_ns, &tat_ns, owed_ns);
	atomic_store(&entry->tag, taken ? tag : old);
	return taken;
}

static bool lock(pthread_mutex_t *mutex)
{
	int fault = pthread_mutex_lock(mutex);

	if (fault == EOWNERDEAD)
		fault = pthread_mutex_consistent(mutex);
	return fault == 0;
}

/* Charges the shared entry of a bucket. */
static void charge_shared(
    struct bucket *bucket, struct gcra_rate rate, int64_t now_ns, struct gcra_verdict *ret_verdict)
{
	while (
	    !charge(&bucket->shared_ns, atomic_load(&bucket->shared_ns), rate, now_ns, ret_verdict))
		;
	ret_verdict->shared = true;
}

/* A subject without an entry. False when it has one after all. */
static bool admit(struct bucket *bucket, uint64_t tag, struct gcra_rate rate, int64_t now_ns,
    struct gcra_verdict *ret_verdict)
{
	int64_t shared_ns = atomic_load(&bucket->shared_ns), ignored_ns;
	int64_t owed_ns = tat_after_one(shared_ns, rate, now_ns);

	if (find(bucket, tag, &ignored_ns) != NULL)
		return false;
	if (judge(shared_ns, rate, now_ns).remaining > 0) {
		for (size_t i = 0; i < GCRA_WAYS; i++) {
			if (!take_over(&bucket->entries[i], tag, owed_ns, now_ns))
				continue;
			*ret_verdict = judge(owed_ns, rate, now_ns);
			ret_verdict->passed = true;
			return true;
		}
	}
	charge_shared(bucket, rate, now_ns, ret_verdict);
	return true;
}

void gcra_take(struct gcra *table, struct gcra_subject subject, struct gcra_rate rate,
    int64_t now_ns, struct gcra_verdict *ret_verdict)
{
	size_t number = subject.place & table->mask;
	struct bucket *bucket = &table->buckets[number];
	uint64_t tag = subject.tag == NOBODY ? 1 : subject.tag;
	bool done = false;

	while (!done) {
		int64_t tat_ns = 0;
		struct entry *entry = find(bucket, tag, &tat_ns);

		if (entry != NULL) {
			done = charge(&entry->tat_ns, tat_ns, rate, now_ns, ret_verdict);
			continue;
		}
		/* A mutex that cannot be had, which there is no reason for, makes nothing exact wrong. */
		if (!lock(&table->locks[number % LOCKS])) {
			charge_shared(bucket, rate, now_ns, ret_verdict);
			return;
		}
		done = admit(bucket, tag, rate, now_ns, ret_verdict);
		(void)pthread_mutex_unlock(&table->locks[number % LOCKS]);
	}
}
