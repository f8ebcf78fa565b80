/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registration.h owns how somebody comes to have an account (contract/accounts.md): registering an
 * address with a password, the code that is mailed to it, and proving the address with that code.
 *
 * Nothing that is answered tells whether an address has an account. One that has is registered as any
 * other is, but its code is never sent: its owner is mailed that there is an account. An address may
 * have several registrations, at most LIMIT_REGISTRATIONS, because anybody may name it: each has the
 * password it was asked with and its own code, so a code that was mailed for one password never makes
 * an account with another. A registration lives a day from its last code, a code as long as the setting
 * code_ttl_min says and five wrong tries.
 *
 * Registering costs two operations of password.h and asking for a code again with a password one,
 * whatever is found.
 */
#ifndef BONAFIDE_REGISTRATION_H
#define BONAFIDE_REGISTRATION_H

#include "account_session.h"
#include "base.h"
#include "ctx.h"
#include "org.h"
#include "pwhash.h"

/* Characters of a code. */
#define CODE_LENGTH 6

/* What was asked for, and what the work before the transaction has found. */
struct registration_ask {
	const char *email;
	const char *password; /* NULL only where a code is asked for again */
	const char *language; /* of mails; NULL: as the setting says */
	uint8_t email_index[SHA256_SIZE];
	struct uuid newest;          /* the registration whose code was made last; nil: none */
	bool fits;                   /* the password is that one's */
	char hash[PWHASH_TEXT_SIZE]; /* of the password */
};

/* The work of registering: outside a transaction. ERR_VALIDATION: not an address. As password.h. */
enum err registration_prepare(struct ctx *ctx, struct registration_ask *ask) MUST_CHECK;

/* Registers, in the caller's transaction; *ret_again: there was this registration already, and it has
 * a new code. */
enum err registration_make(
    struct ctx *ctx, const struct registration_ask *ask, bool *ret_again) MUST_CHECK;

/*
 * The work of asking for a code again: outside a transaction. ERR_RATE_LIMIT_EXCEEDED when one was
 * asked for this address less than GUARD_PAUSE_MS ago, and in how many seconds to come again.
 */
enum err registration_resend_prepare(
    struct ctx *ctx, struct registration_ask *ask, int64_t *ret_retry_after_s) MUST_CHECK;

/*
 * Sends another code, in the caller's transaction, if there is one to send: to the registration the
 * password fits; without a password to the only one there is. When there are several, only a password
 * says which is the asker's own. Errors as registration_resend_prepare().
 */
enum err registration_resend(
    struct ctx *ctx, const struct registration_ask *ask, int64_t *ret_retry_after_s) MUST_CHECK;

/* What proving an address brings. */
struct registration_proof {
	struct account_tokens tokens;
	struct org_made org;
};

/*
 * Proves an address: makes the account, its organisation and application, takes up its invitations,
 * and logs the person in. Outside a transaction: a wrong try stays counted. ERR_SYNTAX: no such code,
 * for whatever reason; ERR_VALIDATION: not an address.
 */
enum err registration_verify(struct ctx *ctx, const char *email, const char *code,
    struct registration_proof *ret_proof) MUST_CHECK;

/* Deletes expired registrations, at most max_rows. */
enum err registration_expire(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed) MUST_CHECK;

#endif
