/* SPDX-License-Identifier: Apache-2.0 */
/* limiter.c: the policies, and the shared memory they count in. */
#include "limiter.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "dbstmt.h"
#include "quota.h"
#include "shm.h"

#define SECOND_NS INT64_C(1000000000)

/* One row per policy. Tables hold GCRA_WAYS subjects in debt per bucket; a bucket is 128 bytes. */
static const struct policy_row {
	const char *name;
	int64_t window_s;
	size_t requests_at; /* members of struct settings */
	size_t burst_at;
	size_t own_requests_at; /* members of struct own_limits, where the subject is one */
	size_t own_burst_at;
	bool has_own;
	size_t buckets; /* 0: counted elsewhere */
} rows[POLICY__MAX] = {
	[POLICY_BURST] = { "burst", 1, offsetof(struct settings, rate_per_s),
	    offsetof(struct settings, rate_burst), offsetof(struct own_limits, rate_per_s),
	    offsetof(struct own_limits, burst), true, 1024 },
	[POLICY_ADDRESS] = { "address", 60, offsetof(struct settings, age_address_per_min),
	    offsetof(struct settings, age_address_per_min), 0, 0, false, 4096 },
	[POLICY_AUTH] = { "auth", 60, offsetof(struct settings, auth_address_per_min),
	    offsetof(struct settings, auth_address_per_min), 0, 0, false, 4096 },
	[POLICY_MAILING] = { "mailing", 3600, offsetof(struct settings, mailing_address_per_h),
	    offsetof(struct settings, mailing_address_per_h), 0, 0, false, 1024 },
	[POLICY_PAGE] = { "page", 60, offsetof(struct settings, page_address_per_min),
	    offsetof(struct settings, page_address_per_min), 0, 0, false, 4096 },
	[POLICY_DAY] = { "day", 86400, offsetof(struct settings, daily_requests),
	    offsetof(struct settings, daily_requests), offsetof(struct own_limits, daily_requests),
	    offsetof(struct own_limits, daily_requests), true, 0 },
};

struct limiter {
	struct shm shm;
	uint8_t key[SHA256_SIZE]; /* in private memory: every worker has it from its fork */
	struct gcra *tables[POLICY__MAX];
	struct quota_table *quota;
};

const char *limiter_policy_name(enum limit_policy policy)
{
	return rows[policy].name;
}

/* The tables one behind the other; sizes are multiples of what they must be aligned to. */
static enum err make_tables(struct limiter *limiter)
{
	size_t size = quota_table_size(), at = quota_table_size();
	enum err err;

	for (size_t i = 0; i < POLICY__MAX; i++)
		size += rows[i].buckets > 0 ? gcra_size(rows[i].buckets) : 0;
	err = shm_create("", size, &limiter->shm);
	if (err == ERR_OK)
		err = quota_table_init(limiter->shm.base, &limiter->quota);
	for (size_t i = 0; i < POLICY__MAX && err == ERR_OK; i++) {
		if (rows[i].buckets == 0)
			continue;
		err =
		    gcra_init((char *)limiter->shm.base + at, rows[i].buckets, &limiter->tables[i]);
		at += gcra_size(rows[i].buckets);
	}
	return err;
}

enum err limiter_new(struct limiter **ret_limiter)
{
	struct limiter *limiter = calloc(1, sizeof(*limiter));
	enum err err = ERR_NOMEM;

	if (limiter != NULL)
		err = random_bytes(limiter->key, sizeof(limiter->key));
	if (err == ERR_OK)
		err = make_tables(limiter);
	if (err == ERR_OK)
		*ret_limiter = limiter;
	else
		limiter_free(&limiter);
	return err;
}

void limiter_free(struct limiter **limiter)
{
	if (limiter == NULL || *limiter == NULL)
		return;
	shm_close(&(*limiter)->shm);
	wipe(*limiter, sizeof(**limiter));
	free(*limiter);
	*limiter = NULL;
}

static int64_t member(const void *object, size_t offset)
{
	int64_t value;

	memcpy(&value, (const char *)object + offset, sizeof(value));
	return value;
}

static int64_t own_or(const struct own_limits *own, size_t offset, int64_t otherwise)
{
	int64_t value = own == NULL ? DB_NULL : member(own, offset);

	return value == DB_NULL ? otherwise : value;
}

struct limit_numbers limiter_numbers(
    const struct settings *settings, enum limit_policy policy, const struct own_limits *own)
{
	const struct policy_row *row = &rows[policy];
	const struct own_limits *had = row->has_own ? own : NULL;

	return (struct limit_numbers){ .window_s = row->window_s,
		.requests = own_or(had, row->own_requests_at, member(settings, row->requests_at)),
		.burst = own_or(had, row->own_burst_at, member(settings, row->burst_at)) };
}

enum err limiter_subject(const struct limiter *limiter, const void *data, size_t len_bytes,
    struct gcra_subject *ret_subject)
{
	uint8_t mac[SHA256_SIZE];
	enum err err = hmac_sha256(limiter->key, sizeof(limiter->key), data, len_bytes, mac);

	if (err == ERR_OK)
		memcpy(ret_subject, mac, sizeof(*ret_subject));
	return err;
}

/* Rounded up: who waits so long has waited long enough. */
static int64_t whole_seconds(int64_t ns)
{
	int64_t seconds = (ns + SECOND_NS - 1) / SECOND_NS;

	return seconds > 0 ? seconds : 1;
}

void limiter_take(struct limiter *limiter, enum limit_policy policy, struct limit_numbers numbers,
    struct gcra_subject subject, struct limit_state *ret_state)
{
	struct limit_state state = { .passed = true, .numbers = numbers };
	struct gcra_verdict verdict;

	if (numbers.requests > 0) {
		/* Rounded up, so that never more than the limit pass. */
		struct gcra_rate rate = { .burst = numbers.burst > 0 ? numbers.burst : 1,
			.interval_ns = (numbers.window_s * SECOND_NS + numbers.requests - 1) /
				       numbers.requests };

		gcra_take(limiter->tables[policy], subject, rate, clock_mono_ns(), &verdict);
		state.metered = true;
		state.passed = verdict.passed;
		state.remaining = verdict.remaining;
		state.more_in_s = whole_seconds(verdict.more_in_ns);
	}
	*ret_state = state;
}

struct quota_table *limiter_quota(struct limiter *limiter)
{
	return limiter->quota;
}
