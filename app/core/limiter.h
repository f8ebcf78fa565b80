/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limiter.h owns the policies of rate limiting (contract/README.md, Limits; design section 7): one
 * row each, its numbers settings, its subjects organisations or addresses. A policy counts in shared
 * memory of this host (sys/gcra.h); the daily one counts across hosts (quota.h).
 *
 * The memory is made once, before the first fork, and is the same for every generation of workers:
 * a reload changes the numbers and forgets no debt. A restart forgets all; what that gives away is
 * one burst to each subject.
 */
#ifndef BONAFIDE_LIMITER_H
#define BONAFIDE_LIMITER_H

#include "base.h"
#include "gcra.h"
#include "settings.h"

enum limit_policy {
	POLICY_BURST,   /* an organisation: so many a second, so many at once */
	POLICY_ADDRESS, /* an address, in the age family */
	POLICY_AUTH,    /* an address: the account family, and credentials that are none */
	POLICY_MAILING, /* an address: what makes us send a mail to whom it names */
	POLICY_PAGE,    /* an address: the page of a verification session */
	POLICY_DAY,     /* an organisation: so many a UTC day */
	POLICY__MAX
};

/* What one organisation has of its own; DB_NULL: as the settings say. 0 requests: no limit. */
struct own_limits {
	int64_t rate_per_s;
	int64_t burst;
	int64_t daily_requests;
};

/* What a policy allows a subject. */
struct limit_numbers {
	int64_t requests; /* in a window; 0: no limit */
	int64_t window_s;
	int64_t burst; /* at once */
};

/* Where a subject stands after a request, in the numbers that a client is told. */
struct limit_state {
	bool metered; /* false: there is no limit, and nothing was counted */
	bool passed;
	struct limit_numbers numbers;
	int64_t remaining; /* requests that would pass at this moment; of a day: an estimate */
	int64_t more_in_s; /* whole seconds until there are more, 1 at least; who is refused and
			    * waits that long passes, unless others of the same subject came first */
};

struct limiter;
struct quota_table;

/* The policy's name as clients and metrics see it. */
const char *limiter_policy_name(enum limit_policy policy);

/* Makes the shared memory and a random key that nobody can aim at an entry without. ERR_NOMEM,
 * ERR_IO, ERR_CRYPTO. */
enum err limiter_new(struct limiter **ret_limiter) MUST_CHECK;
void limiter_free(struct limiter **limiter);

/* The numbers in force. own may be NULL; policies of addresses do not look at it. */
struct limit_numbers limiter_numbers(
    const struct settings *settings, enum limit_policy policy, const struct own_limits *own);

/* Who is counted, from the bytes of an id or an address. ERR_CRYPTO. */
enum err limiter_subject(const struct limiter *limiter, const void *data, size_t len_bytes,
    struct gcra_subject *ret_subject) MUST_CHECK;

/* Charges a request to the subject by any policy but POLICY_DAY. */
void limiter_take(struct limiter *limiter, enum limit_policy policy, struct limit_numbers numbers,
    struct gcra_subject subject, struct limit_state *ret_state);

/* The blocks of this host, for quota.c. */
struct quota_table *limiter_quota(struct limiter *limiter);

#endif
