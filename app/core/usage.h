/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage.h owns usage events (contract/kyc.md, Usage): one per accepted verification and one per
 * score, written in the transaction they belong to, listed newest first with an exact total.
 */
#ifndef BONAFIDE_USAGE_H
#define BONAFIDE_USAGE_H

#include "base.h"
#include "ctx.h"
#include "stmt.h"

/* Writes an event, what it cost, and its counter inside the caller's transaction. */
enum err usage_put(struct ctx *ctx, struct uuid application_id, enum environment environment,
    enum usage_type type, struct uuid verification_id, int64_t tokens) MUST_CHECK;

struct usage_item {
	struct uuid id;
	const char *event_type;      /* a word of usage_type */
	struct uuid verification_id; /* nil: none */
	const char *environment;     /* a word of environment */
	int64_t created_at_ms;
	int64_t tokens; /* what it cost */
};

struct usage_filter {
	int64_t from_ms; /* TIME_NONE: open; inclusive */
	int64_t to_ms;   /* TIME_NONE: open; inclusive */
	int64_t limit;
	const char *cursor;
};

struct usage_page {
	struct usage_item *items;
	size_t count;
	const char *next_cursor;
	int64_t total;
};

/* This tenant's, as far as the key's environment may see. ERR_SYNTAX for a foreign cursor. */
enum err usage_list(
    struct ctx *ctx, const struct usage_filter *filter, struct usage_page *ret_page) MUST_CHECK;

#endif
