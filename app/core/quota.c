/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota.c: blocks of requests in shared memory, and fetching them.
 *
 * Taking from a block is one compare-and-swap of a word that holds the day, what is left, and a
 * number that each change moves on, so that a word which was read is never mistaken for a later one.
 * Fetching a block, and giving a place to another organisation, happens under the robust mutex of
 * the bucket; a word with nothing left is changed by nobody else. A worker that dies while fetching
 * loses at most the block it was fetching.
 */
#include "quota.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "proc.h"
#include "stmt.h"
#include "tx.h"

#define DAY_MS INT64_C(86400000)
#define WAYS 7
#define BUCKETS 1024
#define NOBODY 0u
#define SPENT_MS 1000  /* how long a spent day is believed without asking again */
#define WAIT_MS 3000   /* for another worker that fetches */
#define WAIT_STEP_MS 5 /* the longest nap while waiting */
#define KEPT_DAYS 7
#define GIVE_BACK_MAX 16 /* blocks in one go, unless all must go */

/* One organisation on this host: a cache line. */
struct place {
	_Atomic uint64_t tag;
	_Atomic uint64_t word;       /* see word_of() */
	_Atomic int64_t limit;       /* for which the block was fetched */
	_Atomic int64_t unreserved;  /* of the day, when it was fetched */
	_Atomic int64_t spent_until; /* monotonic ms: until then nothing is left */
	_Atomic int64_t used_ms;     /* monotonic, of the last request */
	struct uuid organization_id; /* under the mutex */
};

struct bucket {
	pthread_mutex_t mutex;
	_Alignas(64) struct place places[WAYS];
};
_Static_assert(sizeof(struct place) == 64, "a place fills a cache line");

struct quota_table {
	_Alignas(128) struct bucket buckets[BUCKETS];
};

/* What a word says. */
struct holding {
	uint64_t change; /* 16 bits */
	uint64_t day;    /* 16 bits: UTC days since 1970, until 2149 */
	uint64_t left;   /* 32 bits */
};

static struct holding holding_of(uint64_t word)
{
	return (struct holding){
		.change = word >> 48, .day = word >> 32 & 0xffff, .left = word & 0xffffffff
	};
}

static uint64_t word_of(struct holding holding)
{
	return holding.change << 48 | (holding.day & 0xffff) << 32 | (holding.left & 0xffffffff);
}

/* The word after a change. */
static uint64_t next_word(uint64_t word, uint64_t day, uint64_t left)
{
	return word_of((struct holding){
	    .change = (holding_of(word).change + 1) & 0xffff, .day = day, .left = left });
}

size_t quota_table_size(void)
{
	return sizeof(struct quota_table);
}

enum err quota_table_init(void *memory, struct quota_table **ret_table)
{
	struct quota_table *table = memory;
	pthread_mutexattr_t attr;
	enum err err = ERR_IO;

	if (pthread_mutexattr_init(&attr) != 0)
		return ERR_IO;
	if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0 ||
	    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0)
		goto out;
	for (size_t i = 0; i < BUCKETS; i++)
		if (pthread_mutex_init(&table->buckets[i].mutex, &attr) != 0)
			goto out;
	*ret_table = table;
	err = ERR_OK;
out:
	(void)pthread_mutexattr_destroy(&attr);
	return err;
}

int64_t quota_block(int64_t left)
{
	int64_t block = left / QUOTA_PART;

	if (block > QUOTA_BLOCK_MAX)
		block = QUOTA_BLOCK_MAX;
	return left <= 0 ? 0 : block > 0 ? block : 1;
}

static uint64_t today(int64_t now_ms)
{
	return (uint64_t)(now_ms / DAY_MS);
}

/* ---- the mutex ------------------------------------------------------------------------------ */

static enum err try_lock(struct bucket *bucket)
{
	int fault = pthread_mutex_trylock(&bucket->mutex);

	if (fault == EOWNERDEAD)
		fault = pthread_mutex_consistent(&bucket->mutex);
	if (fault == EBUSY)
		return ERR_UNAVAILABLE;
	return fault == 0 ? ERR_OK : ERR_IO;
}

/* Naps between tries, so that a database that hangs is not waited for by every worker for as long as
 * the one that asks it. */
static enum err lock(struct bucket *bucket)
{
	int64_t until_ms = clock_mono_ms() + WAIT_MS;
	enum err err;

	for (int64_t nap_ms = 1; (err = try_lock(bucket)) == ERR_UNAVAILABLE; nap_ms++) {
		if (clock_mono_ms() > until_ms)
			break;
		proc_sleep_ms(nap_ms < WAIT_STEP_MS ? nap_ms : WAIT_STEP_MS);
	}
	return err;
}

static void unlock(struct bucket *bucket)
{
	(void)pthread_mutex_unlock(&bucket->mutex);
}

/* ---- places --------------------------------------------------------------------------------- */

static struct bucket *bucket_of(struct quota_table *table, struct gcra_subject subject)
{
	return &table->buckets[subject.place % BUCKETS];
}

/* The organisation's place and the word it had when the tag was looked at, or NULL. */
static struct place *find(struct bucket *bucket, uint64_t tag, uint64_t *ret_word)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct place *place = &bucket->places[i];
		uint64_t word = atomic_load(&place->word);

		if (atomic_load(&place->tag) == tag) {
			*ret_word = word;
			return place;
		}
	}
	return NULL;
}

/* Under the mutex: a place for an organisation that has none. One that holds something for today is
 * never taken away; of the others, the one that was not used for longest. */
static struct place *claim(struct bucket *bucket, uint64_t tag, struct uuid id, uint64_t day)
{
	struct place *best = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		struct place *place = &bucket->places[i];
		struct holding holding = holding_of(atomic_load(&place->word));

		if (holding.left > 0 && holding.day == (day & 0xffff))
			continue;
		if (best == NULL || atomic_load(&place->used_ms) < atomic_load(&best->used_ms))
			best = place;
	}
	if (best == NULL)
		return NULL;
	atomic_store(&best->tag, NOBODY);
	atomic_store(&best->word, next_word(atomic_load(&best->word), 0, 0));
	atomic_store(&best->limit, 0);
	atomic_store(&best->spent_until, 0);
	best->organization_id = id;
	atomic_store(&best->tag, tag);
	return best;
}

/* Takes one if the block is of this day and this limit. False: there is none, or it was too slow. */
static bool take_one(struct place *place, uint64_t word, uint64_t day, int64_t limit)
{
	struct holding holding = holding_of(word);

	if (holding.left == 0 || holding.day != (day & 0xffff) ||
	    atomic_load(&place->limit) != limit)
		return false;
	return atomic_compare_exchange_strong(
	    &place->word, &word, next_word(word, day, holding.left - 1));
}

/* Takes all that is left, of any day. */
static uint64_t take_all(struct place *place)
{
	uint64_t word = atomic_load(&place->word);

	while (!atomic_compare_exchange_strong(
	    &place->word, &word, next_word(word, holding_of(word).day, 0)))
		;
	return holding_of(word).left;
}

/* ---- fetching a block ------------------------------------------------------------------------- */

struct fetch {
	struct uuid organization_id;
	int64_t day;
	int64_t limit;
	int64_t unused;  /* goes back at the same time */
	int64_t most;    /* of the block */
	int64_t granted; /* the answer */
	int64_t unreserved;
};

static enum err fetch_in_tx(struct ctx *ctx, void *arg)
{
	struct fetch *fetch = arg;
	struct row_quota_hold row;
	enum err err = q_quota_hold(ctx->db, ctx->arena, fetch->organization_id, fetch->day, &row);

	if (err == ERR_MISSING) {
		err = q_quota_open(ctx->db, fetch->organization_id, fetch->day, NULL);
		if (err == ERR_OK)
			err = q_quota_hold(
			    ctx->db, ctx->arena, fetch->organization_id, fetch->day, &row);
	}
	if (err != ERR_OK)
		return err;
	int64_t reserved = row.reserved > fetch->unused ? row.reserved - fetch->unused : 0;
	int64_t granted = quota_block(fetch->limit - reserved);
	fetch->granted = granted < fetch->most ? granted : fetch->most;
	fetch->unreserved = fetch->limit - reserved - fetch->granted;
	if (reserved + fetch->granted == row.reserved)
		return ERR_OK;
	return q_quota_set(ctx->db, reserved + fetch->granted, fetch->organization_id, fetch->day);
}

/* No place for this organisation: it is served from the row itself, one by one. */
static enum err fetch_one(struct ctx *ctx, struct fetch *fetch, struct limit_state *state)
{
	fetch->most = 1;
	enum err err = tx_run(ctx, fetch_in_tx, fetch);

	if (err == ERR_OK) {
		state->passed = fetch->granted > 0;
		state->remaining = fetch->unreserved > 0 ? fetch->unreserved : 0;
	}
	return err;
}

/* Under the mutex: fetches a block into the place and takes the first of it. */
static enum err fetch_block(
    struct ctx *ctx, struct place *place, struct fetch *fetch, struct limit_state *state)
{
	uint64_t day = (uint64_t)fetch->day;

	if (holding_of(atomic_load(&place->word)).day == (day & 0xffff))
		fetch->unused = (int64_t)take_all(place); /* the limit has changed */
	enum err err = tx_run(ctx, fetch_in_tx, fetch);
	if (err != ERR_OK)
		return err;
	state->passed = fetch->granted > 0;
	uint64_t left = state->passed ? (uint64_t)fetch->granted - 1 : 0;
	state->remaining = (int64_t)left + (fetch->unreserved > 0 ? fetch->unreserved : 0);
	atomic_store(&place->limit, fetch->limit);
	atomic_store(&place->unreserved, fetch->unreserved);
	atomic_store(&place->spent_until, state->passed ? 0 : clock_mono_ms() + SPENT_MS);
	atomic_store(&place->word, next_word(atomic_load(&place->word), day, left));
	return ERR_OK;
}

/* ---- serving ------------------------------------------------------------------------------------ */

static int64_t remaining_at(const struct place *place, uint64_t left)
{
	int64_t unreserved = atomic_load(&place->unreserved);

	return (int64_t)left + (unreserved > 0 ? unreserved : 0);
}

/* From memory alone. False when the database must be asked. */
static bool serve(
    struct place *place, uint64_t word, const struct fetch *fetch, struct limit_state *state)
{
	uint64_t day = (uint64_t)fetch->day;
	struct holding holding = holding_of(word);

	while (holding.left > 0) {
		if (take_one(place, word, day, fetch->limit)) {
			atomic_store_explicit(
			    &place->used_ms, clock_mono_ms(), memory_order_relaxed);
			state->passed = true;
			state->remaining = remaining_at(place, holding.left - 1);
			return true;
		}
		uint64_t again = atomic_load(&place->word);
		if (again == word)
			return false; /* another day's, or another limit's */
		word = again;
		holding = holding_of(word);
	}
	state->remaining = 0;
	return holding.day == (day & 0xffff) && atomic_load(&place->limit) == fetch->limit &&
	       clock_mono_ms() < atomic_load(&place->spent_until);
}

static enum err serve_under_lock(struct ctx *ctx, struct bucket *bucket, uint64_t tag,
    struct fetch *fetch, struct limit_state *state)
{
	uint64_t word = 0;
	struct place *place = find(bucket, tag, &word);

	/* Somebody else may have fetched while we waited. */
	if (place != NULL && serve(place, word, fetch, state))
		return ERR_OK;
	if (place == NULL)
		place = claim(bucket, tag, fetch->organization_id, (uint64_t)fetch->day);
	/* Midnight passed while we waited: the block of the new day stays where it is. */
	uint64_t tomorrow = (uint64_t)(fetch->day + 1) & 0xffff;
	bool late = place != NULL && holding_of(atomic_load(&place->word)).day == tomorrow;
	if (place == NULL || late)
		return fetch_one(ctx, fetch, state);
	atomic_store(&place->used_ms, clock_mono_ms());
	return fetch_block(ctx, place, fetch, state);
}

/* A tag of 0 is nobody's. */
static uint64_t tag_of(struct gcra_subject subject)
{
	return subject.tag == NOBODY ? 1 : subject.tag;
}

static struct limit_state state_at(struct limit_numbers numbers, int64_t now_ms)
{
	return (struct limit_state){ .metered = true,
		.numbers = numbers,
		.more_in_s = (DAY_MS - now_ms % DAY_MS + 999) / 1000 };
}

enum err quota_take(struct ctx *ctx, struct quota_table *table, struct gcra_subject subject,
    struct uuid organization_id, struct limit_numbers numbers, struct limit_state *ret_state)
{
	struct bucket *bucket = bucket_of(table, subject);
	int64_t now_ms = clock_now_ms();
	struct limit_state state = state_at(numbers, now_ms);
	struct fetch fetch = { .organization_id = organization_id,
		.day = (int64_t)today(now_ms),
		.limit = numbers.requests,
		.most = QUOTA_BLOCK_MAX };
	uint64_t word = 0;

	if (numbers.requests == 0) {
		*ret_state = (struct limit_state){ .passed = true, .numbers = numbers };
		return ERR_OK;
	}
	struct place *place = find(bucket, tag_of(subject), &word);
	enum err err = ERR_OK;
	if (place == NULL || !serve(place, word, &fetch, &state)) {
		err = lock(bucket);
		if (err == ERR_OK) {
			err = serve_under_lock(ctx, bucket, tag_of(subject), &fetch, &state);
			unlock(bucket);
		}
	}
	if (err == ERR_DB_READ_ONLY) {
		state = (struct limit_state){ .passed = true, .numbers = numbers };
		err = ERR_OK;
	}
	if (err == ERR_OK)
		*ret_state = state;
	return err;
}

void quota_look(struct quota_table *table, struct gcra_subject subject,
    struct limit_numbers numbers, struct limit_state *ret_state)
{
	int64_t now_ms = clock_now_ms();
	struct limit_state state = { .passed = true, .numbers = numbers };
	uint64_t word = 0;
	struct place *place = find(bucket_of(table, subject), tag_of(subject), &word);
	struct holding holding = holding_of(word);

	if (numbers.requests > 0 && place != NULL && holding.day == (today(now_ms) & 0xffff) &&
	    atomic_load(&place->limit) == numbers.requests) {
		state = state_at(numbers, now_ms);
		state.passed = true;
		state.remaining = remaining_at(place, holding.left);
	}
	*ret_state = state;
}

/* ---- giving back ---------------------------------------------------------------------------------- */

static bool is_idle(struct place *place, uint64_t day, int64_t idle_ms)
{
	struct holding holding = holding_of(atomic_load(&place->word));

	return holding.left > 0 && holding.day == (day & 0xffff) &&
	       clock_mono_ms() - atomic_load(&place->used_ms) >= idle_ms;
}

static enum err give_back_one(
    struct ctx *ctx, struct bucket *bucket, struct place *place, uint64_t day, int64_t idle_ms)
{
	/* Whoever holds the mutex is about to change the place: not idle. */
	if (try_lock(bucket) != ERR_OK)
		return ERR_OK;
	int64_t unused = is_idle(place, day, idle_ms) ? (int64_t)take_all(place) : 0;
	struct uuid id = place->organization_id;
	unlock(bucket);
	return unused == 0 ? ERR_OK
			   : q_quota_give_back(ctx->db, unused, id, (int64_t)day, unused, NULL);
}

enum err quota_give_back(struct ctx *ctx, struct quota_table *table, int64_t idle_ms)
{
	uint64_t day = today(clock_now_ms());
	size_t count = 0;
	enum err err = ERR_OK;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (size_t k = 0; k < WAYS && err == ERR_OK; k++) {
			struct place *place = &table->buckets[i].places[k];

			if (!is_idle(place, day, idle_ms))
				continue;
			err = give_back_one(ctx, &table->buckets[i], place, day, idle_ms);
			if (err != ERR_OK || (++count >= GIVE_BACK_MAX && idle_ms > 0))
				return err;
		}
	}
	return err;
}

/* ---- for operators and the batch ---------------------------------------------------------------- */

enum err quota_used(struct ctx *ctx, struct uuid organization_id, int64_t *ret_used)
{
	struct row_quota_get row = { .reserved = 0 };
	enum err err =
	    q_quota_get(ctx->db, ctx->arena, organization_id, (int64_t)today(clock_now_ms()), &row);

	if (err == ERR_OK || err == ERR_MISSING)
		*ret_used = err == ERR_OK ? row.reserved : 0;
	return err == ERR_MISSING ? ERR_OK : err;
}

enum err quota_expire(struct ctx *ctx, int64_t max, uint64_t *ret_deleted)
{
	return q_quota_expire(
	    ctx->db, (int64_t)today(clock_now_ms()) - KEPT_DAYS, max, ret_deleted);
}
