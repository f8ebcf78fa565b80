/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider_flow.h owns how a verification moves through a provider (contract/provider.md): what
 * the next step of a claimed piece of work is, and what an answer to it changes. A try is written
 * down before its first byte goes out, so that after a crash "maybe submitted" is known and asked
 * about instead of submitted again: never two paid look-ups for one try.
 */
#ifndef BONAFIDE_PROVIDER_FLOW_H
#define BONAFIDE_PROVIDER_FLOW_H

#include "base.h"
#include "provider.h"
#include "work.h"

enum flow_step {
	FLOW_SUBMIT, /* send request, then give its reply to the driver's submit_answer */
	FLOW_POLL,   /* the same with poll_answer */
	FLOW_ANSWER, /* nothing to send: answer is there (a driver that does not dial, giving up) */
	FLOW_DROP,   /* nothing to do any more: the work only has to go */
	FLOW_LATER   /* cannot be done now (said in problem); to be tried again */
};

/* One claimed piece of work on its way. Texts in the arena given to flow_prepare(). */
struct flow {
	struct work work;
	enum flow_step step;
	const struct provider_driver *driver; /* NULL with FLOW_DROP */
	struct provider_ask ask;
	int64_t try;
	bool has_job; /* a provider_job row of this try exists */
	struct provider_request request;
	struct provider_answer answer;
	bool gave_up;
	enum err problem;        /* why FLOW_LATER */
	struct decision decided; /* by flow_settle(); VER_PENDING when undecided */
	const char *alert;       /* literal, for the log: something an operator must look at */
};

/*
 * Finds the next step of flow->work and writes the try down, inside the caller's transaction
 * (several flows may share one). A fault of one verification (its key is not in the key file, say)
 * is FLOW_LATER and ERR_OK; only database errors are returned.
 */
enum err flow_prepare(struct ctx *ctx, struct flow *flow) MUST_CHECK;

/*
 * Applies flow->answer inside the caller's transaction, after proving that the lease is still
 * ours. ERR_STALE: it is not, nothing was written. Database errors.
 */
enum err flow_settle(struct ctx *ctx, struct flow *flow) MUST_CHECK;

#endif
