/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_claims.h owns the claims that a business is given (reference/kayle.md section 5.1): drawn
 * from what a person submitted and a provider found right, and of that only what the person consented
 * to share. What nobody verified is null, never guessed.
 */
#ifndef BONAFIDE_SESSION_CLAIMS_H
#define BONAFIDE_SESSION_CLAIMS_H

#include "base.h"
#include "ctx.h"
#include "json.h"
#include "verification.h"

/* An approved verification and the consent it was submitted with. Texts borrowed. */
struct claim_facts {
	struct uuid organization_id;
	const char *share_fields; /* the normalised contract */
	const char *selected;     /* claims consented to, one space between */
	const char *country;      /* ISO 3166-1 alpha-2 */
	const char *id_type;
	struct applicant applicant;
	enum match match_dob;
	int64_t decided_at_ms;
};

/*
 * The data of a verification.attempt.succeeded event: {"claims", "selected_field_keys"}, every claim of
 * the contract with its value or null; the caller owns it. *ret_missing: a required claim has no value,
 * so the attempt has not succeeded. ERR_DB_BROKEN, ERR_CRYPTO, ERR_NOMEM.
 */
enum err claims_make(struct ctx *ctx, const struct claim_facts *facts, json_t **ret_data,
    bool *ret_missing) MUST_CHECK;

/* Whole years of age in UTC by a date of birth that was verified; -1 when it was not. */
int claims_age(const struct claim_facts *facts);

/*
 * What an organisation knows a document again by: 64 lower-case hex digits, different for every
 * organisation. Case and white space of the number do not count. In the arena. ERR_CRYPTO, ERR_NOMEM.
 */
enum err claims_document_id(
    struct ctx *ctx, const struct claim_facts *facts, const char **ret_id) MUST_CHECK;

#endif
