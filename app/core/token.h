/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.h owns tokens (contract/README.md, Limits; design section 7): what an organisation has left
 * to spend, what things cost it, and the history of every change, written in the transaction of the
 * change. The history's deltas sum up to the balance, which is never below zero.
 */
#ifndef BONAFIDE_TOKEN_H
#define BONAFIDE_TOKEN_H

#include "base.h"
#include "ctx.h"
#include "stmt.h"

/* What one of a kind costs by the settings: 0 in the sandbox, and for kinds that are not sold. */
int64_t token_price(const struct ctx *ctx, enum token_kind kind, enum environment environment);

/*
 * Takes cost from the acting organisation for a subject (a verification, a session), inside the
 * caller's transaction. It locks the organisation's balance, so it is the last thing but the answer
 * that a transaction does. A cost of 0 sends no statement.
 *
 * Its statements are sent without waiting for their answers. When the balance is too low, or comes
 * below the setting low_balance_tokens, the transaction fails with ERR_DB_REFUSED and tx_run() runs
 * it again with ctx->is_careful: then a low balance is ERR_INSUFFICIENT_TOKENS here, and crossing the
 * line is told to those who subscribed to it, once, in this transaction.
 */
enum err token_take(
    struct ctx *ctx, enum token_kind kind, struct uuid subject_id, int64_t cost) MUST_CHECK;

/* Gives an application's organisation back what was paid for a subject and came to nothing, inside
 * the caller's transaction; note says why. 0 sends no statement. */
enum err token_return(struct ctx *ctx, struct uuid application_id, struct uuid subject_id,
    int64_t tokens, const char *note) MUST_CHECK;

/* A change by an operator. */
struct token_change {
	struct uuid organization_id;
	enum token_kind kind; /* TOKEN_TOPUP or TOKEN_CORRECTION */
	int64_t delta;
	const char *note; /* may be NULL; one line of at most LIMIT_TOKEN_NOTE code points */
};

/*
 * Changes a balance, in a transaction of its own or the caller's. *ret_balance: after it.
 * ERR_MISSING: there is no such organisation. ERR_INSUFFICIENT_TOKENS: it would come below zero.
 * ERR_RANGE: above LIMIT_TOKENS. ERR_VALIDATION: the note.
 */
enum err token_add(
    struct ctx *ctx, const struct token_change *change, int64_t *ret_balance) MUST_CHECK;

/* The balance of an organisation. ERR_MISSING. */
enum err token_get(
    struct ctx *ctx, struct uuid organization_id, struct row_token_get *ret_row) MUST_CHECK;

struct token_filter {
	struct uuid organization_id;
	int64_t from_ms; /* TIME_NONE: open; inclusive */
	int64_t to_ms;   /* TIME_NONE: open; inclusive */
	int64_t limit;
};

/* The history, newest first, at most limit, each change with the balance after it. */
enum err token_list(struct ctx *ctx, const struct token_filter *filter,
    struct row_token_list **ret_rows, size_t *ret_count) MUST_CHECK;

#endif
