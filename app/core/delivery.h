/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery.h owns deliveries as their tenant sees them (contract/sessions.md): one event for one
 * endpoint, its status, its attempts, and queueing it again. How an attempt is made is
 * delivery_flow.h.
 */
#ifndef BONAFIDE_DELIVERY_H
#define BONAFIDE_DELIVERY_H

#include "base.h"
#include "ctx.h"
#include "id.h"
#include "stmt.h"

struct delivery_filter {
	const char *status;      /* a word of delivery_status; NULL: any */
	const char *endpoint_id; /* "wh_…" or "whe_…"; NULL: any */
	const char *event_id;    /* "evt_…"; NULL: any */
	int64_t limit;
	const char *after; /* "whd_…": the last one seen; NULL: first page */
};

/* One as it is shown: status is "delivering" while a batch process is at it. */
struct delivery {
	struct row_delivery_get row;
	struct row_delivery_attempts *attempts; /* newest first; NULL when not asked for */
	size_t attempt_count;
};

/* Newest first; *ret_more: there is at least one more. ERR_SYNTAX: an id in the filter is none. */
enum err delivery_list(struct ctx *ctx, const struct delivery_filter *filter,
    struct delivery **ret_deliveries, size_t *ret_count, bool *ret_more) MUST_CHECK;

/* One of this tenant, with its attempts. ERR_DELIVERY_NOT_FOUND. */
enum err delivery_get(struct ctx *ctx, struct uuid id, struct delivery *ret_delivery) MUST_CHECK;

/* Queues it again, its schedule from the start, inside the caller's transaction.
 * ERR_DELIVERY_NOT_FOUND; ERR_DELIVERY_BUSY while a batch process is at it; ERR_DELIVERY_NO_KEY
 * when it carries claims that were never encrypted and its endpoint has no active key to encrypt
 * them to now (contract/sessions.md, Encryption: fails closed). */
enum err delivery_retry(struct ctx *ctx, struct uuid id, struct delivery *ret_delivery) MUST_CHECK;

/*
 * The same for one that the caller has found to be this tenant's: errors as above, and
 * ERR_DELIVERY_NOT_FOUND when its endpoint is deleted. The
 * work row is made, or made due; one of a disabled endpoint is held until it is enabled.
 */
enum err delivery_queue(struct ctx *ctx, struct uuid application_id, struct uuid id,
    struct uuid endpoint_id) MUST_CHECK;

/* Removes one with its attempts and its work, whosever it is, inside the caller's transaction. */
enum err delivery_remove(struct ctx *ctx, struct uuid id) MUST_CHECK;

/* The word of a stored status and the end of its lease (TIME_NONE: none). Static. */
const char *delivery_status_shown(const char *status, int64_t lease_until_ms);

/* The lane of an endpoint's deliveries: "wh_…". */
void delivery_lane(struct uuid endpoint_id, char out[ID_TEXT_SIZE]);

#endif
