/* SPDX-License-Identifier: Apache-2.0 */
/* j_expire.c deletes what is past its time, and ends sessions whose time has come, a batch at a time: a
 * row of the table for each kind of it. */
#include "jobs_private.h"

#include "account_session.h"
#include "age.h"
#include "audit.h"
#include "clock.h"
#include "event.h"
#include "guard.h"
#include "idem.h"
#include "jwt.h"
#include "mail.h"
#include "media.h"
#include "quota.h"
#include "registration.h"
#include "session.h"
#include "stmt.h"

#define BATCH 1000
#define SESSIONS 100 /* each is a transaction */
#define MEDIA 200    /* each is a file */
#define EVENTS 200   /* each takes its deliveries and attempts along */
#define DAY_MS INT64_C(86400000)
#define CALLBACKS_KEPT_MS (INT64_C(30) * DAY_MS)

static enum err expire_callbacks(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed)
{
	return q_provider_callback_expire(
	    ctx->db, uuid_floor(clock_now_ms() - CALLBACKS_KEPT_MS), max_rows, ret_removed);
}

static enum err expire_events(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed)
{
	int64_t kept_ms = ctx->settings->webhook_keep_days * DAY_MS;

	return event_expire(ctx, clock_now_ms() - kept_ms, max_rows, ret_removed);
}

static enum err expire_mails(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed)
{
	int64_t kept_ms = ctx->settings->mail_keep_days * DAY_MS;

	return mail_expire(ctx, clock_now_ms() - kept_ms, max_rows, ret_removed);
}

/* Tokens stand before the sessions they belong to, which would take them along in one piece. */
static const struct {
	enum err (*expire)(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed);
	int64_t max_rows;
} kinds[] = {
	{ idem_expire, BATCH },
	{ expire_callbacks, BATCH },
	{ expire_events, EVENTS },
	{ quota_expire, BATCH },
	{ audit_expire, BATCH },
	{ registration_expire, BATCH },
	{ guard_expire, BATCH },
	{ refresh_token_expire, BATCH },
	{ account_session_expire, BATCH },
	{ jwt_key_expire, BATCH },
	{ expire_mails, BATCH },
	{ session_expire, SESSIONS },
	{ media_expire, MEDIA },
	{ media_sweep, MEDIA },
	{ age_expire, BATCH },
	{ age_purge, SESSIONS },
};

enum err expire_job_round(struct job_run *run, bool *ret_busy)
{
	*ret_busy = false;
	for (size_t i = 0; i < countof(kinds); i++) {
		uint64_t removed = 0;
		enum err err = kinds[i].expire(&run->ctx, kinds[i].max_rows, &removed);
		if (err != ERR_OK)
			return err;
		run->counts.expired += removed;
		*ret_busy = *ret_busy || removed == (uint64_t)kinds[i].max_rows;
	}
	return ERR_OK;
}
