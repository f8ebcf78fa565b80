/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_share.h owns the share contract of a session (reference/kayle.md section 4.4): which claims
 * a business asks a person to share, why, and which of them it insists on. It is checked and
 * normalised once, when the session is made, and kept as the JSON text that is shown.
 */
#ifndef BONAFIDE_SESSION_SHARE_H
#define BONAFIDE_SESSION_SHARE_H

#include "base.h"
#include "ctx.h"
#include "json.h"

/* One claim of a normalised contract; texts in the arena. */
struct share_field {
	const char *claim;  /* "family_name", "age_over_18" */
	const char *label;  /* "Family Name", "Age Over 18" */
	const char *reason; /* of the business, or one of ours */
	bool required;
};

/*
 * Checks what a caller sent (NULL: nothing, then the default contract) and writes the normalised
 * contract, members sorted by claim, into the arena. kayle_document_id is always in it, and always
 * required; so is its neutral name document_id where it is asked for. The first fault ends it:
 * ERR_SHARE_FIELDS (no object, or an entry that is none of {"required", "reason"}),
 * ERR_SHARE_TOO_MANY, ERR_SHARE_REASON_MISSING, ERR_SHARE_REASON_LONG, ERR_SHARE_AGE_GATE,
 * ERR_SHARE_AGE_GATES, ERR_SHARE_CLAIM_UNKNOWN; ERR_NOMEM.
 */
enum err share_contract_make(
    struct ctx *ctx, const json_t *share_fields, const char **ret_text) MUST_CHECK;

/* Reads a normalised contract again, sorted by claim. ERR_DB_BROKEN when it is none, ERR_NOMEM. */
enum err share_contract_read(struct ctx *ctx, const char *text, struct share_field **ret_fields,
    size_t *ret_count) MUST_CHECK;

/* The age that an age_over_N claim asks about, 12 to 130; 0 when the claim is no such one. */
int share_age_gate(const char *claim);

#endif
