/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member.h owns who may do what in an organisation (contract/accounts.md): its members with their
 * roles, and the invitations that become memberships when the person of an address proves it or logs
 * in. So inviting somebody tells nobody whether they have an account.
 *
 * owner and admin manage applications and members; member and reviewer look. Only an owner makes,
 * changes or removes an owner. An organisation that has an active owner keeps one, whatever is done
 * at the same time: changes to the members of one organisation take turns, and who asks for them is
 * looked at again inside. Who acts for no account (an operator) may do what an owner may.
 */
#ifndef BONAFIDE_MEMBER_H
#define BONAFIDE_MEMBER_H

#include "base.h"
#include "ctx.h"

/* One, as it is shown. */
struct member {
	struct uuid id;
	struct uuid account_id; /* nil: invited */
	const char *email;      /* as the inviter, or the person, wrote it */
	const char *role;
	const char *status; /* a word of member_status */
	int64_t created_at;
	int64_t joined_at; /* TIME_NONE: not yet */
};

/*
 * All of an organisation's, newest first. Without addresses their emails are NULL, and no key is
 * needed to open them.
 */
enum err member_list(struct ctx *ctx, struct uuid organization_id, bool addresses,
    struct member **ret_members, size_t *ret_count) MUST_CHECK;

/*
 * Invites the person of an address and queues the mail that says so. Somebody who is invited already
 * gets the new role and another mail: *ret_again is true then. In one transaction.
 * ERR_VALIDATION: no address (address_check). ERR_STATE: an active member already. ERR_FULL: the
 * organisation has LIMIT_MEMBERS. ERR_ROLE_FORBIDDEN: whoever acts may not. ERR_ORGANIZATION_NOT_FOUND.
 */
enum err member_invite(struct ctx *ctx, struct uuid organization_id, const char *email,
    enum role role, struct member *ret_member, bool *ret_again) MUST_CHECK;

/* Makes an account a member at once, in the caller's transaction: its first owner. */
enum err member_found(struct ctx *ctx, struct uuid organization_id, struct uuid account_id,
    const char *email) MUST_CHECK;

/* Gives a member, or one who is invited, another role. ERR_MEMBER_NOT_FOUND, ERR_LAST_OWNER,
 * ERR_ROLE_FORBIDDEN, ERR_ORGANIZATION_NOT_FOUND. */
enum err member_change_role(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    enum role role, struct member *ret_member) MUST_CHECK;

/* Removes a member, or takes an invitation back; everybody may remove themself. Their next request
 * finds them out. Errors as above. */
enum err member_remove(struct ctx *ctx, struct uuid organization_id, struct uuid id) MUST_CHECK;

/* Takes up every invitation of an address for the account that has proven it, in the caller's
 * transaction. None is fine. email_index: address_index(). */
enum err member_join(
    struct ctx *ctx, struct uuid account_id, const uint8_t email_index[32]) MUST_CHECK;

#endif
