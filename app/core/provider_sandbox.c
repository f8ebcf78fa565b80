/* SPDX-License-Identifier: Apache-2.0 */
/* provider_sandbox.c: the built-in provider without a network (contract/kyc.md, Sandbox outcomes). */
#include "provider.h"

#include <string.h>

#include "clock.h"

#define SLOW_MS 10000

/* Every number that is not here approves. */
static const struct {
	const char *country;
	const char *id_number;
	enum ver_status status;
	enum ver_reason reason;
	int64_t delay_ms;
} fixtures[] = {
	{ "SN", "1000000000001", VER_DECLINED, REASON_SANDBOX, 0 },
	{ "MA", "AB000002", VER_DECLINED, REASON_SANDBOX, 0 },
	{ "SN", "1000000000002", VER_ERROR, REASON_SANDBOX, 0 },
	{ "SN", "1000000000003", VER_APPROVED, REASON_NONE, SLOW_MS },
};

enum err sandbox_outcome(const char *country, const char *id_type UNUSED, const char *id_number,
    struct decision *ret_decision, int64_t *ret_delay_ms)
{
	struct decision decision = { .status = VER_APPROVED,
		.reason = REASON_NONE,
		.match_name = 100,
		.match_dob = MATCH_EXACT };
	int64_t delay_ms = 0;

	for (size_t i = 0; i < countof(fixtures); i++) {
		if (strcmp(fixtures[i].country, country) != 0 ||
		    strcmp(fixtures[i].id_number, id_number) != 0)
			continue;
		decision.status = fixtures[i].status;
		decision.reason = fixtures[i].reason;
		delay_ms = fixtures[i].delay_ms;
	}
	if (decision.status != VER_APPROVED) {
		decision.match_name = DB_NULL;
		decision.match_dob = MATCH_UNKNOWN;
	}
	*ret_decision = decision;
	*ret_delay_ms = delay_ms;
	return ERR_OK;
}

/* One row per status: the answer that the judgement turns into it again. */
static const enum answer_outcome outcomes[VER__MAX] = {
	[VER_PENDING] = OUTCOME_ERROR,
	[VER_APPROVED] = OUTCOME_APPROVED,
	[VER_DECLINED] = OUTCOME_DECLINED,
	[VER_ERROR] = OUTCOME_ERROR,
};

static enum err sandbox_decide(
    struct ctx *ctx UNUSED, const struct provider_ask *ask, struct provider_answer *ret_answer)
{
	struct decision decision;
	int64_t delay_ms;
	enum err err = sandbox_outcome(
	    ask->country, ask->id_type, ask->applicant.id_number, &decision, &delay_ms);

	if (err != ERR_OK)
		return err;
	bool waiting = clock_now_ms() - ask->first_sent_ms < delay_ms;
	*ret_answer = (struct provider_answer){ .kind = waiting ? ANSWER_PENDING : ANSWER_FINAL,
		.retry_after_s = waiting ? 1 : -1,
		.result = { .outcome = outcomes[decision.status],
		    .reason = decision.reason,
		    .names = decision.match_name == DB_NULL ? MATCH_UNKNOWN : MATCH_EXACT,
		    .dob = decision.match_dob } };
	return ERR_OK;
}

static bool sandbox_usable(const struct settings *settings UNUSED, struct buf *ret_line)
{
	buf_adds(ret_line, "built in");
	return true;
}

const struct provider_driver provider_sandbox = {
	.name = "sandbox", .dials = false, .decide = sandbox_decide, .usable = sandbox_usable
};
