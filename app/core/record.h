/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h owns the records of performers (18 U.S.C. 2257, contract/age.md): made when full_kyc is
 * approved, sealed, with other names, deactivated at the most and never deleted: nothing here or in
 * sql/ does that, and whatever erases personal data asks record_keeps() first. Every read is in the
 * audit log, in the transaction of the read. A record is found by the customer's own name for the
 * person in the environment of the acting key.
 */
#ifndef BONAFIDE_RECORD_H
#define BONAFIDE_RECORD_H

#include "age.h"
#include "base.h"
#include "ctx.h"
#include "stmt.h"

/* Personal data: sealed at rest, never logged. */
struct record_person {
	const char *legal_name;
	const char *date_of_birth; /* YYYY-MM-DD */
	const char *document_type;
	const char *document_country;
	const char *document_number;
};

struct record {
	struct uuid id;
	struct uuid age_id; /* the age verification it was made of */
	const char *external_id;
	struct record_person person;
	const char
	    *number_last4; /* of the document, without spaces and hyphens; all when it is shorter */
	int64_t verified_at_ms;
	const char **aliases; /* in the order they were given */
	size_t alias_count;
	bool is_active;
	int64_t retain_until_ms; /* years after the last use; a setting, seven at least */
};

/* Makes the record of an approved age verification inside the caller's transaction. Where one exists,
 * it stays, and its time begins anew. */
enum err record_make(struct ctx *ctx, const struct row_age_hold *row,
    const struct age_document *document, int64_t verified_at_ms) MUST_CHECK;

/* True in *ret_keeps when a record was made of this age verification. */
enum err record_keeps(
    struct ctx *ctx, struct uuid application_id, struct uuid age_id, bool *ret_keeps) MUST_CHECK;

/* One of this tenant; the read is audited. ERR_RECORD_NOT_FOUND. */
enum err record_get(struct ctx *ctx, const char *external_id, struct record *ret_record) MUST_CHECK;

/*
 * Adds another name: one line of 1 to LIMIT_NAME characters, without the blanks around it; one it has
 * already is fine, and a read. ERR_VALIDATION for what is no name, ERR_RECORD_NOT_FOUND,
 * ERR_RECORD_INACTIVE, ERR_RECORD_FULL past LIMIT_RECORD_ALIASES.
 */
enum err record_alias(struct ctx *ctx, const char *external_id, const char *name,
    struct record *ret_record) MUST_CHECK;

/* Deactivates: nothing new may be linked with it. Again is fine, and a read. ERR_RECORD_NOT_FOUND. */
enum err record_deactivate(
    struct ctx *ctx, const char *external_id, struct record *ret_record) MUST_CHECK;

/* Seal a record's person, and another name, anew (reseal.h). */
enum err record_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed) MUST_CHECK;
enum err record_alias_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed) MUST_CHECK;

#endif
