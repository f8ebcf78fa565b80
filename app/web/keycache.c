/* SPDX-License-Identifier: Apache-2.0 */
/* keycache.c: an open-addressed table by the first bytes of the keyed hash. */
#include "keycache.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "proc.h"

#define PROBES 4 /* entries a hash may stand in */

struct entry {
	bool used;
	uint8_t hash[32];
	uint64_t epoch;
	int64_t read_ms; /* monotonic, before the SELECT was sent */
	struct key_found key;
};

struct keycache {
	struct board *board;
	int64_t lease_ms;
	struct entry entries[LIMIT_KEY_CACHE];
};

enum err keycache_new(struct board *board, int64_t lease_ms, struct keycache **ret_cache)
{
	struct keycache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return ERR_NOMEM;
	cache->board = board;
	cache->lease_ms = lease_ms;
	*ret_cache = cache;
	return ERR_OK;
}

void keycache_free(struct keycache **cache)
{
	if (cache == NULL || *cache == NULL)
		return;
	wipe(*cache, sizeof(**cache));
	free(*cache);
	*cache = NULL;
}

static struct entry *entry_at(struct keycache *cache, const uint8_t hash[32], size_t probe)
{
	uint32_t start;

	/* The hash is a keyed MAC, so its first bytes are as good as random. */
	memcpy(&start, hash, sizeof(start));
	return &cache->entries[(start + probe) % LIMIT_KEY_CACHE];
}

static bool entry_fresh(const struct keycache *cache, const struct entry *entry)
{
	return entry->used && entry->epoch == atomic_load(&cache->board->revocation_epoch) &&
	       clock_mono_ms() - entry->read_ms < cache->lease_ms;
}

static struct entry *entry_find(struct keycache *cache, const uint8_t hash[32])
{
	for (size_t probe = 0; probe < PROBES; probe++) {
		struct entry *entry = entry_at(cache, hash, probe);
		if (entry->used && memcmp(entry->hash, hash, sizeof(entry->hash)) == 0)
			return entry;
	}
	return NULL;
}

/* The place a new hash may take: its own, a free one, or the oldest of its probes. */
static struct entry *entry_place(struct keycache *cache, const uint8_t hash[32])
{
	struct entry *place = entry_find(cache, hash);

	for (size_t probe = 0; place == NULL && probe < PROBES; probe++) {
		if (!entry_at(cache, hash, probe)->used)
			place = entry_at(cache, hash, probe);
	}
	for (size_t probe = 0; probe < PROBES; probe++) {
		struct entry *entry = entry_at(cache, hash, probe);
		if (place == NULL || (place->used && entry->read_ms < place->read_ms &&
					 memcmp(place->hash, hash, 32) != 0))
			place = entry;
	}
	return place;
}

/* Expiry is judged at each use: a lease must not outlive the key. */
static bool key_expired(const struct key_found *key)
{
	return key->expires_at_ms != TIME_NONE && key->expires_at_ms <= clock_now_ms();
}

static enum err read_key(
    struct keycache *cache, struct ctx *ctx, const uint8_t hash[32], struct key_found *ret_key)
{
	/* Both before the SELECT is sent: what a revocation changes after this is not in them. */
	int64_t read_ms = clock_mono_ms();
	uint64_t epoch = atomic_load(&cache->board->revocation_epoch);
	struct key_found key;
	enum err err = key_find(ctx, hash, &key);

	if (err != ERR_OK)
		return err;
	struct entry *entry = entry_place(cache, hash);
	*entry = (struct entry){ .used = true, .epoch = epoch, .read_ms = read_ms, .key = key };
	memcpy(entry->hash, hash, sizeof(entry->hash));
	*ret_key = key;
	return ERR_OK;
}

enum err keycache_find(
    struct keycache *cache, struct ctx *ctx, const char *text, struct key_found *ret_key)
{
	uint8_t hash[32];
	struct key_found key;

	if (text == NULL || !key_plausible(text))
		return ERR_UNAUTHORIZED;
	enum err err = key_hash(ctx, text, hash);
	if (err != ERR_OK)
		return err;
	struct entry *entry = entry_find(cache, hash);
	if (entry != NULL && entry_fresh(cache, entry))
		key = entry->key;
	else
		err = read_key(cache, ctx, hash, &key);
	if (err != ERR_OK)
		return err;
	if (key_expired(&key))
		return ERR_UNAUTHORIZED;
	*ret_key = key;
	return ERR_OK;
}

void keycache_revoked(struct keycache *cache)
{
	int64_t until_ms = clock_mono_ms() + cache->lease_ms;

	atomic_fetch_add(&cache->board->revocation_epoch, 1);
	/* A signal ends one sleep early, never the wait. */
	for (int64_t now = clock_mono_ms(); now <= until_ms; now = clock_mono_ms())
		proc_sleep_ms(until_ms - now + 1);
}

void keycache_touched(struct keycache *cache, struct uuid key_id, int64_t now_ms)
{
	for (size_t i = 0; i < countof(cache->entries); i++) {
		if (cache->entries[i].used && uuid_equal(cache->entries[i].key.id, key_id))
			cache->entries[i].key.last_used_at_ms = now_ms;
	}
}
