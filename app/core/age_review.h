/* SPDX-License-Identifier: Apache-2.0 */
/*
 * age_review.h owns the review of age verifications by people: the queue, claiming a case, looking at
 * it, deciding it. A reviewer is whoever acts: an operator by login name, or a member of the
 * application's organisation whose role lets them (owner, admin, reviewer). A case is decided by the
 * reviewer who has claimed it, whose claim has not run out, and once: the row is held for it, so of two
 * one is told. Every claim, look and decision is in the audit log.
 */
#ifndef BONAFIDE_AGE_REVIEW_H
#define BONAFIDE_AGE_REVIEW_H

#include "age.h"
#include "base.h"
#include "ctx.h"
#include "stmt.h"

/* A case as a reviewer sees it. */
struct age_case {
	struct age age;
	struct uuid application_id;
	const char *environment;
	enum age_cause cause; /* why a person has to look */
	bool has_document;
	struct age_document document; /* when it has one */
	const char *document_type;    /* NULL: none */
	struct uuid uploads[UPLOAD__MAX];
	const char *reviewer;     /* who claimed or decided it; NULL: nobody */
	int64_t claimed_until_ms; /* TIME_NONE: no claim */
};

/* What waits, oldest first, at most limit; application_id nil: of all. A member sees those of the own
 * organisation. ERR_ROLE_FORBIDDEN. */
enum err age_review_list(struct ctx *ctx, struct uuid application_id, int64_t limit,
    struct row_age_review_page **ret_rows, size_t *ret_count) MUST_CHECK;

/* Claims a case for the setting review_claim_min; again by the same reviewer begins its time anew.
 * ERR_AGE_NOT_FOUND, ERR_REVIEW_CLOSED, ERR_REVIEW_CLAIMED, ERR_ROLE_FORBIDDEN. */
enum err age_review_claim(struct ctx *ctx, struct uuid id, struct age_case *ret_case) MUST_CHECK;

/* One case, whether it waits or not, without claiming it. ERR_AGE_NOT_FOUND, ERR_ROLE_FORBIDDEN. */
enum err age_review_show(struct ctx *ctx, struct uuid id, struct age_case *ret_case) MUST_CHECK;

/*
 * Decides a claimed case: AGE_APPROVED, AGE_REJECTED or AGE_RESUBMIT. text: a few words for the audit
 * log, nothing personal; or NULL. ERR_REVIEW_UNCLAIMED when it is not this reviewer's claim (any more),
 * ERR_REVIEW_CLAIMED when it is another's, ERR_REVIEW_CLOSED when it is decided, ERR_AGE_MINOR when it
 * is approved although by its document the person is not of age, ERR_AGE_NOT_FOUND, ERR_RANGE for any
 * other status.
 */
enum err age_review_decide(struct ctx *ctx, struct uuid id, enum age_status status,
    const char *text, struct age_case *ret_case) MUST_CHECK;

#endif
