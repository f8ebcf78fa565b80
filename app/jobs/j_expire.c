/* SPDX-License-Identifier: Apache-2.0 */
/* j_expire.c deletes expired idempotency records and old notes of callbacks, a batch at a time. */
#include "jobs_private.h"

#include "clock.h"
#include "idem.h"
#include "stmt.h"

#define BATCH 1000
#define CALLBACKS_KEPT_MS (INT64_C(30) * 86400000)

enum err expire_job_round(struct job_run *run, bool *ret_busy)
{
	uint64_t records = 0, notes = 0;
	struct uuid before = uuid_floor(clock_now_ms() - CALLBACKS_KEPT_MS);
	enum err err = idem_expire(&run->ctx, BATCH, &records);

	if (err == ERR_OK)
		err = q_provider_callback_expire(run->ctx.db, before, BATCH, &notes);
	if (err != ERR_OK)
		return err;
	run->counts.expired += records + notes;
	*ret_busy = records == BATCH || notes == BATCH;
	return ERR_OK;
}
