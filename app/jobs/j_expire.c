/* SPDX-License-Identifier: Apache-2.0 */
/* j_expire.c deletes what is past its time, a batch at a time: idempotency records, notes of
 * callbacks, events with their deliveries, quotas of days gone by, mails. */
#include "jobs_private.h"

#include "clock.h"
#include "event.h"
#include "idem.h"
#include "mail.h"
#include "quota.h"
#include "stmt.h"

#define BATCH 1000
#define EVENTS 200 /* each takes its deliveries and attempts along */
#define DAY_MS INT64_C(86400000)
#define CALLBACKS_KEPT_MS (INT64_C(30) * DAY_MS)

enum err expire_job_round(struct job_run *run, bool *ret_busy)
{
	uint64_t records = 0, notes = 0, events = 0, quotas = 0, mails = 0;
	int64_t now_ms = clock_now_ms();
	int64_t mail_ms = run->ctx.settings->mail_keep_days * DAY_MS;
	int64_t kept_ms = run->ctx.settings->webhook_keep_days * DAY_MS;
	enum err err = idem_expire(&run->ctx, BATCH, &records);

	if (err == ERR_OK)
		err = q_provider_callback_expire(
		    run->ctx.db, uuid_floor(now_ms - CALLBACKS_KEPT_MS), BATCH, &notes);
	if (err == ERR_OK)
		err = event_expire(&run->ctx, now_ms - kept_ms, EVENTS, &events);
	if (err == ERR_OK)
		err = quota_expire(&run->ctx, BATCH, &quotas);
	if (err == ERR_OK)
		err = mail_expire(&run->ctx, now_ms - mail_ms, BATCH, &mails);
	if (err != ERR_OK)
		return err;
	run->counts.expired += records + notes + events + quotas + mails;
	*ret_busy = records == BATCH || notes == BATCH || events == EVENTS || quotas == BATCH ||
		    mails == BATCH;
	return ERR_OK;
}
