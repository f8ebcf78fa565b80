/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter.h owns exact totals without counting rows (design section 5): per application, spread
 * over slots so that writers do not wait for each other, summed when read.
 */
#ifndef BONAFIDE_COUNTER_H
#define BONAFIDE_COUNTER_H

#include "base.h"
#include "ctx.h"

/* Adds delta to a counter inside the caller's transaction. status "" where the noun has none. */
enum err counter_add(struct ctx *ctx, struct uuid application_id, const char *name,
    const char *environment, const char *status, int64_t delta) MUST_CHECK;

/* Moves one from a status to another: two additions in one statement. */
enum err counter_move(struct ctx *ctx, struct uuid application_id, const char *name,
    const char *environment, const char *from_status, const char *to_status) MUST_CHECK;

/* Adds one to each of two counters in one statement: a verification and its usage event. */
enum err counter_add_two(struct ctx *ctx, struct uuid application_id, const char *environment,
    const char *name, const char *status, const char *name_2, const char *status_2) MUST_CHECK;

/* The names of the counters there are. */
#define COUNTER_VERIFICATION "verification"
#define COUNTER_USAGE "usage"
#define COUNTER_SESSION "session"

/* The sum over slots; environment or status NULL: over all of them. */
enum err counter_sum(struct ctx *ctx, struct uuid application_id, const char *name,
    const char *environment, const char *status, int64_t *ret_sum) MUST_CHECK;

#endif
