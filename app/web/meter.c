/* SPDX-License-Identifier: Apache-2.0 */
/* meter.c: which policies a class of routes names, charging them, and saying so. */
#include "meter.h"

#include <string.h>

#include "client.h"
#include "quota.h"

/* What each limit class counts of the address, one policy behind the other, POLICY__MAX for none; and
 * whether it counts the organisation. */
static const struct {
	bool organization;
	enum limit_policy address[2];
} classes[LIMIT_CLASS__MAX] = {
	[LIMIT_CLASS_NONE] = { false, { POLICY__MAX, POLICY__MAX } },
	[LIMIT_CLASS_READ] = { true, { POLICY__MAX, POLICY__MAX } },
	[LIMIT_CLASS_WRITE] = { true, { POLICY__MAX, POLICY__MAX } },
	[LIMIT_CLASS_AGE] = { true, { POLICY_ADDRESS, POLICY__MAX } },
	[LIMIT_CLASS_ACCOUNT] = { false, { POLICY_AUTH, POLICY__MAX } },
	[LIMIT_CLASS_MAILING] = { false, { POLICY_AUTH, POLICY_MAILING } },
	[LIMIT_CLASS_PAGE] = { false, { POLICY_PAGE, POLICY__MAX } },
};

/* Notes what came of a charge. True when the request may go on. */
static bool note(struct web *web, enum limit_policy policy, const struct limit_state *state)
{
	web->meter.states[policy] = *state;
	if (state->passed)
		return true;
	web->meter.retry_after_s = state->more_in_s;
	atomic_fetch_add_explicit(&web->board->limited[policy], 1, memory_order_relaxed);
	return false;
}

enum err meter_client(const struct web *web, struct gcra_subject *ret_subject)
{
	uint8_t key[CLIENT_KEY_SIZE] = { 0 }; /* all clients without an address are one */
	size_t len = sizeof(key);
	struct ip client;

	if (client_address(&web->trusted, web->in.remote_addr, web->in.forwarded_for, &client))
		len = client_key(&client, key);
	return limiter_subject(web->limiter, key, len, ret_subject);
}

static enum err charge_address(struct web *web, enum limit_policy policy)
{
	struct limit_numbers numbers = limiter_numbers(web->settings, policy, NULL);
	struct gcra_subject subject;
	struct limit_state state;

	if (numbers.requests == 0)
		return ERR_OK;
	enum err err = meter_client(web, &subject);
	if (err != ERR_OK)
		return err;
	limiter_take(web->limiter, policy, numbers, subject, &state);
	return note(web, policy, &state) ? ERR_OK : ERR_RATE_LIMIT_EXCEEDED;
}

enum err meter_address(struct web *web)
{
	const enum limit_policy *policies = classes[web->route->limit_class].address;
	enum err err = ERR_OK;

	for (size_t i = 0; i < 2 && policies[i] != POLICY__MAX && err == ERR_OK; i++)
		err = charge_address(web, policies[i]);
	return err;
}

static enum err charge_burst(struct web *web, struct gcra_subject subject)
{
	struct limit_numbers numbers =
	    limiter_numbers(web->settings, POLICY_BURST, &web->key.limits);
	struct limit_state state;

	limiter_take(web->limiter, POLICY_BURST, numbers, subject, &state);
	return note(web, POLICY_BURST, &state) ? ERR_OK : ERR_RATE_LIMIT_EXCEEDED;
}

static enum err charge_day(struct web *web, struct gcra_subject subject)
{
	struct limit_numbers numbers = limiter_numbers(web->settings, POLICY_DAY, &web->key.limits);
	struct limit_state state;
	enum err err = quota_take(&web->ctx, limiter_quota(web->limiter), subject,
	    web->key.organization_id, numbers, &state);

	if (err != ERR_OK)
		return err;
	return note(web, POLICY_DAY, &state) ? ERR_OK : ERR_DAILY_LIMIT_EXCEEDED;
}

/* True when no policy of organisations has a number: then nobody needs a name. */
static bool organization_unlimited(const struct web *web)
{
	return limiter_numbers(web->settings, POLICY_BURST, &web->key.limits).requests == 0 &&
	       limiter_numbers(web->settings, POLICY_DAY, &web->key.limits).requests == 0;
}

static enum err organization_subject(const struct web *web, struct gcra_subject *ret_subject)
{
	struct uuid id = web->key.organization_id;

	return limiter_subject(web->limiter, id.b, sizeof(id.b), ret_subject);
}

enum err meter_organization(struct web *web)
{
	struct gcra_subject subject;

	if (!classes[web->route->limit_class].organization || organization_unlimited(web))
		return ERR_OK;
	enum err err = organization_subject(web, &subject);
	if (err != ERR_OK)
		return err;
	err = charge_burst(web, subject);
	if (err == ERR_OK)
		return charge_day(web, subject);
	/* Refused before the day was looked at: say what is known of it. */
	quota_look(limiter_quota(web->limiter), subject,
	    limiter_numbers(web->settings, POLICY_DAY, &web->key.limits),
	    &web->meter.states[POLICY_DAY]);
	return err;
}

enum err meter_refusal(struct web *web, enum err err)
{
	struct gcra_subject subject;
	enum err charged = ERR_OK;

	/* Where the class counts the address by the same policy, it has been. */
	if (err_kind(err) == ERR_KIND_UNAUTHENTICATED && !web->meter.states[POLICY_AUTH].metered)
		charged = charge_address(web, POLICY_AUTH);
	if (err == ERR_TENANT_SUSPENDED && classes[web->route->limit_class].organization &&
	    !organization_unlimited(web)) {
		charged = organization_subject(web, &subject);
		if (charged == ERR_OK)
			charged = charge_burst(web, subject);
	}
	return charged == ERR_OK ? err : charged;
}

/* ---- what a client is told ---------------------------------------------------------------------- */

/* Seconds in which the whole burst comes again, rounded up. */
static int64_t burst_window_s(const struct limit_numbers *numbers)
{
	return (numbers->burst * numbers->window_s + numbers->requests - 1) / numbers->requests;
}

static void add_quota(
    struct buf *out, const char *before, const char *name, int64_t quota, int64_t window_s)
{
	buf_printf(
	    out, "%s\"%s\";q=%lld;w=%lld", before, name, (long long)quota, (long long)window_s);
}

/* A policy that lets more pass at once than in its window is two: the burst, which is what is counted
 * down, and the rate behind it. */
static void add_policy(struct buf *out, const char *before, enum limit_policy policy,
    const struct limit_numbers *numbers)
{
	const char *name = limiter_policy_name(policy);

	if (policy == POLICY_DAY) {
		add_quota(out, before, name, numbers->requests, numbers->window_s);
		return;
	}
	add_quota(out, before, name, numbers->burst, burst_window_s(numbers));
	if (numbers->burst != numbers->requests)
		add_quota(out, ", ", "rate", numbers->requests, numbers->window_s);
}

void meter_headers(struct web *web)
{
	const struct limit_state *states = web->meter.states;
	const char *before = "RateLimit-Policy: ";
	size_t count = 0;

	for (size_t i = 0; i < POLICY__MAX; i++) {
		if (!states[i].metered)
			continue;
		add_policy(&web->headers, before, (enum limit_policy)i, &states[i].numbers);
		before = ", ";
		count++;
	}
	if (count == 0)
		return;
	before = "\r\nRateLimit: ";
	for (size_t i = 0; i < POLICY__MAX; i++) {
		if (!states[i].metered)
			continue;
		buf_printf(&web->headers, "%s\"%s\";r=%lld;t=%lld", before,
		    limiter_policy_name((enum limit_policy)i), (long long)states[i].remaining,
		    (long long)states[i].more_in_s);
		before = ", ";
	}
	buf_adds(&web->headers, "\r\n");
}
