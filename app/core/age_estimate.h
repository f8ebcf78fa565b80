/* SPDX-License-Identifier: Apache-2.0 */
/*
 * age_estimate.h owns how an age is estimated: what is sent to the estimator of the settings for a
 * claimed piece of work, how its answer is read, and what becomes of the age verification. It never
 * dials: the job does.
 *
 * The wire: POST of the selfie as it was uploaded, under its own media type, with a bearer token where
 * there is one; the answer is status 200 and the JSON object {"age": number of years, "samples": number
 * of estimates it is the median of}, with no other member. Nothing of an answer is trusted: what is not
 * exactly that is a failure, tried again after growing waits up to LIMIT_ESTIMATE_TRIES times, and then
 * a reviewer's. A picture that the estimator refuses (400, 413, 415, 422) is a reviewer's at once.
 *
 * The verdict is contract/age.md's: 25 years and more are approved, less than 14 rejected, what lies
 * between is a reviewer's, as is an estimate of fewer than three samples.
 */
#ifndef BONAFIDE_AGE_ESTIMATE_H
#define BONAFIDE_AGE_ESTIMATE_H

#include "age_flow.h"
#include "base.h"
#include "ctx.h"
#include "stmt.h"
#include "work.h"

#define ESTIMATE_LANE "age.estimator"
#define ESTIMATE_HEADERS 5

/* True when the settings name an estimator. */
bool estimator_is_set(const struct settings *settings);

enum estimate_step {
	ESTIMATE_SEND,   /* send, then estimate_answered() */
	ESTIMATE_REVIEW, /* it cannot be estimated: a reviewer's, for cause */
	ESTIMATE_LATER,  /* not now: alert says why */
	ESTIMATE_DROP    /* nothing to do any more: the work only has to go */
};

/* What came back. */
struct estimate_reply {
	bool is_answered; /* a complete answer: the others are there */
	long status;
	const char *body;
	size_t body_len;
	int64_t retry_after_s; /* -1: not said */
};

/* One claimed estimate on its way. Texts in the arena given to estimate_prepare(). */
struct estimate_flow {
	struct work work;
	enum estimate_step step;
	enum age_cause cause; /* of ESTIMATE_REVIEW */

	/* What is to be sent. */
	const char *url;
	const char *headers[ESTIMATE_HEADERS]; /* NULL-ended */
	const void *body;
	size_t body_len;
	int64_t deadline_ms;

	int64_t age; /* whole years; DB_NULL: none */
	bool is_sure;
	int64_t retry_after_s;

	/* What settling came to, for the log. */
	const char *alert; /* something an operator must look at; NULL none */
	bool settled;      /* decided, or given to a reviewer */
	enum err problem;  /* ERR_STALE: another process has it */
};

/* Reads what flow->work is about, without a transaction. Trouble with one medium is ESTIMATE_REVIEW,
 * with the token file ESTIMATE_LATER, and ERR_OK; database errors are returned. */
enum err estimate_prepare(struct ctx *ctx, struct estimate_flow *flow) MUST_CHECK;

/*
 * Reads an answer's body (strictly, see above): *ret_age in whole years, rounded down, *ret_samples.
 * ERR_SYNTAX for anything else; ERR_RANGE for an age below 0 or from LIMIT_AGE_YEARS on, or samples
 * below 1.
 */
enum err estimate_read(
    const char *body, size_t len, int64_t *ret_age, int64_t *ret_samples) MUST_CHECK;

/* Takes what the estimator came to. */
void estimate_answered(struct estimate_flow *flow, const struct estimate_reply *reply);

/* Writes what follows inside the caller's transaction, after proving that the lease is still ours.
 * ERR_STALE: it is not, nothing was written. Database errors. */
enum err estimate_settle(struct ctx *ctx, struct estimate_flow *flow) MUST_CHECK;

#endif
