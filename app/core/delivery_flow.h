/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery_flow.h owns how a delivery moves (contract/webhooks.md, Delivery): what is to be sent
 * for a claimed piece of work, and what the end of an attempt changes. It never dials: the job
 * does. An attempt is written down when it is settled, fenced by the lease; a process that dies in
 * between leaves the delivery to the next one, which sends it again with the same webhook-id.
 */
#ifndef BONAFIDE_DELIVERY_FLOW_H
#define BONAFIDE_DELIVERY_FLOW_H

#include "base.h"
#include "buf.h"
#include "ctx.h"
#include "stmt.h"
#include "work.h"

enum delivery_step {
	DELIVERY_SEND, /* send request, then settle with what came back */
	DELIVERY_HOLD, /* the endpoint is disabled: the work goes, the delivery waits */
	DELIVERY_DROP, /* nothing to do any more: the work only has to go */
	DELIVERY_LATER /* cannot be done now (said in problem); to be tried again */
};

/* What is to be sent; texts in the arena given to delivery_prepare(). */
struct delivery_request {
	const char *url;
	const char *const *headers; /* "Name: value", NULL-ended */
	const void *body;
	size_t body_len;
	int64_t connect_timeout_ms;
	int64_t deadline_ms;
};

/* What came back. */
struct delivery_answer {
	bool answered;            /* code is what the receiver said */
	enum attempt_error fault; /* why it said nothing; read when not answered */
	int64_t code;             /* 0: none came */
	int64_t duration_ms;
	int64_t retry_after_s; /* -1: not said */
	const char *body;      /* its beginning; borrowed */
	size_t body_len;
};

/* One claimed delivery on its way. Texts in the arena given to delivery_prepare(). */
struct delivery_flow {
	struct work work;
	enum delivery_step step;
	struct row_delivery_load row;
	struct delivery_request request;
	int64_t started_ms;
	enum err problem; /* why DELIVERY_LATER */

	/* How the attempt ended; filled by delivery_ended(). */
	enum attempt_error error;
	int64_t code; /* the receiver's; DB_NULL: no answer */
	int64_t duration_ms;
	int64_t retry_after_s; /* -1: not said */
	struct bytes excerpt;

	/* What settling came to, for the log. */
	enum delivery_status settled;
	enum disabled_reason disabled; /* DISABLED__MAX: it was not */
	const char *alert;             /* literal: something an operator must look at; NULL none */
};

/*
 * Reads what flow->work is about and builds its request, without a transaction. A fault of one
 * delivery (its key is not in the key file) is DELIVERY_LATER and ERR_OK; database errors are
 * returned.
 */
enum err delivery_prepare(struct ctx *ctx, struct delivery_flow *flow) MUST_CHECK;

/* Takes the end of a transfer: what it means, and its excerpt into the arena. */
void delivery_ended(
    struct ctx *ctx, struct delivery_flow *flow, const struct delivery_answer *answer);

/*
 * Writes the attempt and what follows from it inside the caller's transaction, after proving that
 * the lease is still ours. ERR_STALE: it is not, nothing was written. Database errors.
 */
enum err delivery_settle(struct ctx *ctx, struct delivery_flow *flow) MUST_CHECK;

/*
 * The wait before attempt number attempts + 1 (attempts so far), by the setting
 * webhook_schedule_s, plus up to 10 %; never less than floor_s. -1: the schedule is spent.
 */
int64_t delivery_wait_ms(const struct settings *settings, int64_t attempts, int64_t floor_s);

/* Checks the text of webhook_schedule_s: seconds, commas between, each 0 to 604800, at most
 * LIMIT_DELIVERY_ATTEMPTS. *ret_count (NULL allowed) how many. ERR_SYNTAX. */
enum err delivery_schedule_check(const char *text, size_t *ret_count) MUST_CHECK;

#endif
