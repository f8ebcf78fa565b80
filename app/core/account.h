/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h owns people (contract/accounts.md): logging them in by address and password, and what an
 * operator does about them. How they come to be is registration.h, where they are logged in
 * account_session.h, what they may do in organisations member.h.
 *
 * A login that fails is answered the same, and costs the same, whether there is no such account, the
 * password is wrong, the address is not proven yet or an operator has disabled the account.
 */
#ifndef BONAFIDE_ACCOUNT_H
#define BONAFIDE_ACCOUNT_H

#include "account_session.h"
#include "base.h"
#include "ctx.h"
#include "pwhash.h"
#include "stmt.h"

/* What was asked for, and what the work before the transaction has found. */
struct login_ask {
	const char *email;
	const char *password;
	uint8_t email_index[SHA256_SIZE];
	struct uuid account_id;
	const char *checked;         /* the hash the password fits, in the arena */
	char hash[PWHASH_TEXT_SIZE]; /* the one to keep: that, or a new one of today's cost */
};

/*
 * The work of logging in, outside a transaction: counts the attempt, then looks at the password: one
 * operation of password.h, and one more where it fits and the settings ask for another cost than its
 * hash was made at. ERR_CREDENTIALS_INVALID; ERR_LOCKED_OUT, and in how many seconds to come again;
 * ERR_VALIDATION: not an address.
 */
enum err login_prepare(
    struct ctx *ctx, struct login_ask *ask, int64_t *ret_retry_after_s) MUST_CHECK;

/* Logs in, in the caller's transaction, and takes up the person's invitations.
 * ERR_CREDENTIALS_INVALID: the account has changed meanwhile. ERR_UNAVAILABLE as in
 * account_session.h. */
enum err login_make(
    struct ctx *ctx, const struct login_ask *ask, struct account_tokens *ret_tokens) MUST_CHECK;

/* ---- what an operator does; changes in one transaction each, with their audit rows -------------- */

/* The account of an address. ERR_MISSING, ERR_VALIDATION: not an address. */
enum err account_find(struct ctx *ctx, const char *email, struct uuid *ret_id) MUST_CHECK;

/* An account, its address in the arena. ERR_MISSING; errors of sealing. */
enum err account_get(struct ctx *ctx, struct uuid id, struct row_account_get *ret_row,
    const char **ret_email) MUST_CHECK;

/* What it is a member of, oldest first. */
enum err account_organizations(struct ctx *ctx, struct uuid id,
    struct row_account_organizations **ret_rows, size_t *ret_count) MUST_CHECK;

/* Accounts, newest first, at most limit. */
enum err account_list(struct ctx *ctx, int64_t limit, struct row_account_list **ret_rows,
    size_t *ret_count) MUST_CHECK;

/* Forgets the failed attempts and the lock of an account's address. ERR_MISSING. */
enum err account_unlock(struct ctx *ctx, struct uuid id) MUST_CHECK;

/* Refuses the account from now on, and ends its sessions; or no longer refuses it. ERR_MISSING. */
enum err account_set_disabled(
    struct ctx *ctx, struct uuid id, bool disabled, uint64_t *ret_ended) MUST_CHECK;

/* Gives it a password, which the caller has checked (password.h), and ends its sessions. ERR_MISSING. */
enum err account_set_password(
    struct ctx *ctx, struct uuid id, const char *password, uint64_t *ret_ended) MUST_CHECK;

/* Ends its sessions. ERR_MISSING. */
enum err account_logout(struct ctx *ctx, struct uuid id, uint64_t *ret_ended) MUST_CHECK;

#endif
