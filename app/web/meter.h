/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meter.h owns what a request is charged (contract/README.md, Limits), and the header lines that say
 * where its subject stands. What a request costs:
 *
 * - With a right credential, one, whatever comes of it afterwards: 200, 400, 403, 404, 413, 415 and
 *   500 alike. It is charged to the organisation, first by the second and then to the day; what the
 *   first refuses does not count against the second. A suspended organisation's requests count by the
 *   second only.
 * - With a wrong credential or none where one is needed, one, to the address it comes from and to
 *   nobody's organisation. Over that limit such a request is answered 429 instead of 401; one with a
 *   right credential from the same address is not counted there, and not refused.
 * - In a class that counts addresses, one to the address as well, before the credential is looked at.
 * - Nothing, where there is no route (404, 405, OPTIONS), and on routes that name no class.
 */
#ifndef BONAFIDE_METER_H
#define BONAFIDE_METER_H

#include "base.h"
#include "web.h"

/* Before the credential: the address, where the route's class counts it. ERR_RATE_LIMIT_EXCEEDED,
 * ERR_CRYPTO. */
enum err meter_address(struct web *web) MUST_CHECK;

/*
 * After the credential: the organisation, where the class counts it. ERR_RATE_LIMIT_EXCEEDED,
 * ERR_DAILY_LIMIT_EXCEEDED; errors of the daily quota.
 */
enum err meter_organization(struct web *web) MUST_CHECK;

/* After a credential that was refused with err: err itself, or ERR_RATE_LIMIT_EXCEEDED. */
enum err meter_refusal(struct web *web, enum err err) MUST_CHECK;

/*
 * Adds RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers: lists of strings with
 * parameters, RFC 8941) for what was counted; nothing when nothing was. In a policy q is what
 * passes at once and w the seconds in which that much comes again; r is what would pass at this moment
 * and t the seconds until it is more.
 */
void meter_headers(struct web *web);
/* Whom the address that a request came from is counted as. ERR_CRYPTO. */
enum err meter_client(const struct web *web, struct gcra_subject *ret_subject) MUST_CHECK;

#endif
