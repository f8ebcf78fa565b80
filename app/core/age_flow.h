/* SPDX-License-Identifier: Apache-2.0 */
/*
 * age_flow.h owns what age verifications share among themselves: a held row, and the one way from
 * waiting to decided, with the event that says so. Nobody else includes it, but a test.
 */
#ifndef BONAFIDE_AGE_FLOW_H
#define BONAFIDE_AGE_FLOW_H

#include "age.h"
#include "base.h"
#include "ctx.h"
#include "stmt.h"

#define AGE_YEARS 18 /* "of age", contract/age.md */

/* What a level says (contract/age.md, the table of levels). */
struct age_rule {
	unsigned uploads;        /* bits 1 << enum age_upload */
	enum age_judge judge;    /* who is asked first */
	bool always_reviewed;    /* a reviewer confirms what the judge found */
	bool makes_record;       /* approval makes a record (record.h) */
	int expires_after_years; /* 0: never */
};

/* The rule of a level. */
const struct age_rule *age_rule_of(enum age_level level);

/* How one that is held is decided. */
struct age_verdict {
	enum age_status status; /* a terminal one */
	enum age_judge by;
	enum age_cause cause;
	int64_t estimated_age; /* DB_NULL: none */
};

/* True while it can be decided. */
bool age_is_open(const struct row_age_hold *row);

/* A row as it is shown; opens the document of an approved one. ERR_DB_BROKEN, as sealed_get(). */
enum err age_fill(struct ctx *ctx, const struct row_age_hold *row, struct age *ret_age) MUST_CHECK;

/* Hands one that is pending and held to a reviewer, and tells its owner. */
enum err age_to_review(struct ctx *ctx, const struct row_age_hold *row, enum age_cause cause,
    int64_t estimated_age) MUST_CHECK;

/* Decides one that is open and held: row, expiry, record, event. ERR_STATE: there is no such move. */
enum err age_settle(
    struct ctx *ctx, const struct row_age_hold *row, const struct age_verdict *verdict) MUST_CHECK;

/* Tells the owner of one, as it is now: age.completed, age.review. */
enum err age_tell(struct ctx *ctx, const struct row_age_hold *row, enum event_type type) MUST_CHECK;

/* Whole years of a birth on the day of a time; -1 for a text that is no date. */
int age_years(const char *date_of_birth, int64_t at_ms);

/* The time so many years later, on the same day (29 February: the 28th). */
int64_t age_years_later(int64_t from_ms, int64_t years);

#endif
