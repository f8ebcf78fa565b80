/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c: what is remembered of addresses that are tried. */
#include "guard.h"

#include "clock.h"
#include "stmt.h"

#define MINUTE_MS INT64_C(60000)

/* contract/accounts.md: so many failures, so long a lock; from the last row on, every few more. */
static const struct {
	int64_t failures;
	int64_t lock_ms;
} steps[] = { { 5, 15 * MINUTE_MS }, { 10, 60 * MINUTE_MS }, { 20, 1440 * MINUTE_MS } };
#define EVERY 5

static struct bytes index_bytes(const uint8_t email_index[SHA256_SIZE])
{
	return (struct bytes){ email_index, SHA256_SIZE };
}

/* Whole seconds such that whoever waits them succeeds. */
static int64_t seconds_until(int64_t time_ms, int64_t now_ms)
{
	return time_ms <= now_ms ? 1 : (time_ms - now_ms + 999) / 1000;
}

enum err guard_hold(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE])
{
	int64_t now_ms = clock_now_ms();

	return q_guard_hold(ctx->db, index_bytes(email_index), now_ms, now_ms);
}

/* False in *ret_counted when there is no row, or a locked one. */
static enum err count(struct ctx *ctx, struct bytes email_index, int64_t now_ms, bool *ret_counted)
{
	uint64_t changed = 0;
	enum err err = q_guard_count(ctx->db, steps[0].failures, now_ms + steps[0].lock_ms,
	    steps[1].failures, now_ms + steps[1].lock_ms, steps[2].failures, EVERY,
	    now_ms + steps[2].lock_ms, now_ms, email_index, now_ms, &changed);

	if (err == ERR_OK)
		*ret_counted = changed > 0;
	return err;
}

enum err guard_attempt(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE], bool *ret_locks,
    int64_t *ret_retry_after_s)
{
	struct bytes index = index_bytes(email_index);
	struct row_guard_get row;
	int64_t now_ms = clock_now_ms();
	bool counted = false;
	enum err err = count(ctx, index, now_ms, &counted);

	if (err == ERR_OK && !counted) {
		err = guard_hold(ctx, email_index);
		if (err == ERR_OK)
			err = count(ctx, index, now_ms, &counted);
	}
	if (err == ERR_OK)
		err = q_guard_get(ctx->db, ctx->arena, index, &row);
	if (err != ERR_OK)
		return err;
	if (!counted) {
		*ret_retry_after_s = seconds_until(row.locked_until, now_ms);
		return ERR_LOCKED_OUT;
	}
	*ret_locks = row.locked_until != TIME_NONE;
	return ERR_OK;
}

enum err guard_clear(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE])
{
	return q_guard_clear(ctx->db, clock_now_ms(), index_bytes(email_index));
}

enum err guard_resend_due(
    struct ctx *ctx, const uint8_t email_index[SHA256_SIZE], int64_t *ret_retry_after_s)
{
	struct row_guard_get row;
	int64_t now_ms = clock_now_ms();
	enum err err = q_guard_get(ctx->db, ctx->arena, index_bytes(email_index), &row);

	if (err != ERR_OK)
		return err == ERR_MISSING ? ERR_OK : err;
	if (row.resent_at == TIME_NONE || row.resent_at + GUARD_PAUSE_MS <= now_ms)
		return ERR_OK;
	*ret_retry_after_s = seconds_until(row.resent_at + GUARD_PAUSE_MS, now_ms);
	return ERR_RATE_LIMIT_EXCEEDED;
}

enum err guard_resend(
    struct ctx *ctx, const uint8_t email_index[SHA256_SIZE], int64_t *ret_retry_after_s)
{
	int64_t now_ms = clock_now_ms();
	uint64_t changed = 0;
	enum err err = guard_hold(ctx, email_index);

	if (err == ERR_OK)
		err = q_guard_resend(ctx->db, now_ms, now_ms, index_bytes(email_index),
		    now_ms - GUARD_PAUSE_MS, &changed);
	if (err != ERR_OK || changed > 0)
		return err;
	/* In case the pause is over between the two looks. */
	*ret_retry_after_s = 1;
	err = guard_resend_due(ctx, email_index, ret_retry_after_s);
	return err == ERR_OK ? ERR_RATE_LIMIT_EXCEEDED : err;
}

enum err guard_tell(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE], bool *ret_due)
{
	int64_t now_ms = clock_now_ms();
	uint64_t changed = 0;
	enum err err = q_guard_tell(
	    ctx->db, now_ms, index_bytes(email_index), now_ms - GUARD_PAUSE_MS, &changed);

	if (err == ERR_OK)
		*ret_due = changed > 0;
	return err;
}

enum err guard_expire(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed)
{
	int64_t now_ms = clock_now_ms();

	return q_guard_expire(ctx->db, now_ms - GUARD_KEPT_MS, now_ms, max_rows, ret_removed);
}
