/* SPDX-License-Identifier: Apache-2.0 */
/*
 * org.h owns organisations (the customer, who pays) and applications (the tenant, who owns
 * everything). Operators make them, and everybody who proves an address gets one of each; API keys
 * live in applications. How people manage the latter is application.h.
 */
#ifndef BONAFIDE_ORG_H
#define BONAFIDE_ORG_H

#include "base.h"
#include "ctx.h"
#include "limiter.h"
#include "stmt.h"

/* Creates an active organisation, with no tokens, in a transaction of its own or the caller's; name 1
 * to LIMIT_ORG_NAME code points. ERR_VALIDATION. */
enum err org_create(struct ctx *ctx, const char *name, struct uuid *ret_id) MUST_CHECK;

/* All of them, newest first. */
enum err org_list(struct ctx *ctx, struct row_org_list **ret_rows, size_t *ret_count) MUST_CHECK;

/* One. ERR_MISSING. */
enum err org_get(struct ctx *ctx, struct uuid id, struct row_org_get *ret_row) MUST_CHECK;

/* Gives it another name; its applications keep theirs. ERR_VALIDATION, ERR_MISSING. */
enum err org_rename(struct ctx *ctx, struct uuid id, const char *name) MUST_CHECK;

/* Sets active or suspended; the same state again is fine. Keys of a suspended organisation are
 * refused with TENANT_SUSPENDED within key_lease_ms. ERR_MISSING. */
enum err org_set_status(struct ctx *ctx, struct uuid id, enum org_status status) MUST_CHECK;

/*
 * Gives it limits of its own (DB_NULL: as the settings say; 0 requests: no limit), all three at once.
 * They are in force within key_lease_ms. ERR_VALIDATION when out of bounds, ERR_MISSING.
 */
enum err org_set_limits(
    struct ctx *ctx, struct uuid id, const struct own_limits *limits) MUST_CHECK;

/* Creates an application of an organisation. ERR_VALIDATION, ERR_MISSING. */
enum err application_create(
    struct ctx *ctx, struct uuid organization_id, const char *name, struct uuid *ret_id) MUST_CHECK;

/* Applications of one organisation, or of all when the id is nil; newest first, without those that
 * were deleted. */
enum err application_list(struct ctx *ctx, struct uuid organization_id,
    struct row_application_list **ret_rows, size_t *ret_count) MUST_CHECK;

/* One, with its organisation. ERR_MISSING also when it was deleted. */
enum err application_get(
    struct ctx *ctx, struct uuid id, struct row_application_get *ret_row) MUST_CHECK;

/* An organisation that was made with its first application; texts in the arena. */
struct org_made {
	struct uuid organization_id;
	const char *organization_name;
	struct uuid application_id;
	const char *application_name;
	const char *client_id;
	const char *api_key; /* shown this once */
};

/*
 * Makes the organisation of a person who has just proven an address, in the caller's transaction: it
 * is named as the address is before the '@', the person is its owner, and it has an application with
 * a live key of its own (contract/accounts.md, verify-email). ERR_VALIDATION: no address.
 */
enum err org_default_make(struct ctx *ctx, struct uuid account_id, const char *email,
    struct org_made *ret_made) MUST_CHECK;

/* One that a person is a member of; contact_email is the oldest owner's, NULL where there is none. */
struct org_joined {
	struct uuid id;
	const char *name;
	const char *contact_email;
	int64_t created_at;
};

/* Those that a person is a member of, oldest first, suspended ones too. */
enum err org_of_account(struct ctx *ctx, struct uuid account_id, struct org_joined **ret_orgs,
    size_t *ret_count) MUST_CHECK;

#endif
