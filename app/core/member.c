/* SPDX-License-Identifier: Apache-2.0 */
/* member.c: members of organisations, and invitations. */
#include "member.h"

#include "address.h"
#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "mail.h"
#include "stmt.h"
#include "tx.h"

/* ---- showing --------------------------------------------------------------------------------------- */

static enum err fill(
    struct ctx *ctx, const struct row_member_list *row, bool addresses, struct member *ret_member)
{
	struct member member = { .id = row->id,
		.account_id = row->account_id,
		.role = row->role,
		.status = member_status_word(
		    uuid_is_nil(row->account_id) ? MEMBER_INVITED : MEMBER_ACTIVE),
		.created_at = row->created_at,
		.joined_at = row->joined_at };
	enum err err =
	    addresses ? address_open(ctx, ADDRESS_MEMBERSHIP, row->id, row->sealed, &member.email)
		      : ERR_OK;

	if (err == ERR_OK)
		*ret_member = member;
	return err;
}

enum err member_list(struct ctx *ctx, struct uuid organization_id, bool addresses,
    struct member **ret_members, size_t *ret_count)
{
	struct row_member_list *rows = NULL;
	size_t count = 0;
	enum err err = q_member_list(ctx->db, ctx->arena, organization_id, &rows, &count);
	struct member *members = arena_array(ctx->arena, count, sizeof(*members));

	if (err == ERR_OK && members == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = fill(ctx, &rows[i], addresses, &members[i]);
	if (err != ERR_OK)
		return err;
	*ret_members = members;
	*ret_count = count;
	return ERR_OK;
}

/* ---- who may ----------------------------------------------------------------------------------------- */

/* What one change is about, and what its transaction holds. */
struct change {
	struct uuid organization_id;
	struct uuid id;
	const char *email;
	enum role role;
	struct row_org_hold org;
	struct row_member_hold row;
	struct member member;
	bool again;
};

static bool is_owner(const char *role_text)
{
	enum role role;

	return role_parse(role_text, &role) == ERR_OK && role == ROLE_OWNER;
}

/*
 * Holds the organisation until the transaction ends, then looks at who acts: in the queue for it
 * they may have been given another role, or have been removed.
 */
static enum err take_turn(struct ctx *ctx, struct change *change)
{
	struct row_member_role row;
	enum err err = q_org_hold(ctx->db, ctx->arena, change->organization_id, &change->org);

	if (err == ERR_OK && ctx->actor.kind == ACTOR_ACCOUNT)
		err = q_member_role(
		    ctx->db, ctx->arena, ctx->actor.account_id, change->organization_id, &row);
	if (err == ERR_MISSING)
		return ERR_ORGANIZATION_NOT_FOUND;
	if (err == ERR_OK && ctx->actor.kind == ACTOR_ACCOUNT)
		err = role_parse(row.role, &ctx->actor.role);
	return err;
}

static bool acts_as_owner(const struct ctx *ctx)
{
	return ctx->actor.kind != ACTOR_ACCOUNT || ctx->actor.role == ROLE_OWNER;
}

/* Of somebody who has, or is to have, one of these roles. */
static enum err may_manage(const struct ctx *ctx, bool owners)
{
	bool may =
	    owners ? acts_as_owner(ctx) : acts_as_owner(ctx) || ctx->actor.role == ROLE_ADMIN;

	return may ? ERR_OK : ERR_ROLE_FORBIDDEN;
}

static enum err hold(struct ctx *ctx, struct change *change)
{
	enum err err =
	    q_member_hold(ctx->db, ctx->arena, change->organization_id, change->id, &change->row);

	return err == ERR_MISSING ? ERR_MEMBER_NOT_FOUND : err;
}

static bool is_active_owner(const struct row_member_hold *row)
{
	return is_owner(row->role) && !uuid_is_nil(row->account_id);
}

/* Before an active owner goes. */
static enum err check_owners(struct ctx *ctx, const struct change *change)
{
	struct row_member_count count;
	enum err err = q_member_count(ctx->db, ctx->arena, change->organization_id, &count);

	if (err != ERR_OK)
		return err;
	return count.owners > 1 ? ERR_OK : ERR_LAST_OWNER;
}

static enum err note(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    enum audit_action action, const char *role)
{
	struct audit_entry entry = { .action = action,
		.organization_id = organization_id,
		.subject_id = id,
		.detail = role };

	return audit_note(ctx, &entry);
}

static enum err read_again(struct ctx *ctx, struct change *change)
{
	struct row_member_list row;
	enum err err = hold(ctx, change);

	if (err != ERR_OK)
		return err;
	row = (struct row_member_list){ .id = change->row.id,
		.account_id = change->row.account_id,
		.sealed = change->row.sealed,
		.role = change->row.role,
		.created_at = change->row.created_at,
		.joined_at = change->row.joined_at };
	return fill(ctx, &row, true, &change->member);
}

/* ---- inviting ---------------------------------------------------------------------------------------- */

static enum err put(struct ctx *ctx, const struct change *change, const uint8_t index[SHA256_SIZE],
    struct uuid account_id)
{
	struct bytes sealed;
	int64_t joined_at = uuid_is_nil(account_id) ? TIME_NONE : uuid_time_ms(change->id);
	enum err err = address_seal(ctx, ADDRESS_MEMBERSHIP, change->id, change->email, &sealed);

	if (err != ERR_OK)
		return err;
	return q_member_put(ctx->db, change->organization_id, change->id, account_id,
	    (struct bytes){ index, SHA256_SIZE }, sealed, (int64_t)keyring_current(ctx->keyring),
	    role_word(change->role), uuid_time_ms(change->id), joined_at);
}

static enum err put_invitation(
    struct ctx *ctx, struct change *change, const uint8_t index[SHA256_SIZE])
{
	struct row_member_count count;
	enum err err = q_member_count(ctx->db, ctx->arena, change->organization_id, &count);

	if (err == ERR_OK && count.n >= LIMIT_MEMBERS)
		err = ERR_FULL;
	if (err == ERR_OK)
		err = uuid_make(&change->id);
	return err == ERR_OK ? put(ctx, change, index, UUID_NIL) : err;
}

static enum err queue_mail(struct ctx *ctx, const struct change *change)
{
	struct mail_new mail = { .template = MAIL_INVITATION,
		.to = change->email,
		.values = { { "organization", change->org.name },
		    { "role", role_word(change->role) } },
		.expires_at_ms = TIME_NONE };

	return mail_queue(ctx, &mail);
}

/* Somebody of this address is there already. */
static enum err invite_again(
    struct ctx *ctx, struct change *change, const struct row_member_hold_address *row)
{
	if (!uuid_is_nil(row->account_id))
		return ERR_STATE;
	change->id = row->id;
	change->again = true;
	enum err err = may_manage(ctx, is_owner(row->role));
	if (err == ERR_OK)
		err = q_member_set_role(
		    ctx->db, role_word(change->role), change->organization_id, change->id);
	return err;
}

static enum err invite(struct ctx *ctx, void *arg)
{
	struct change *change = arg;
	struct row_member_hold_address row;
	uint8_t index[SHA256_SIZE];
	enum err err = take_turn(ctx, change);

	change->again = false;
	if (err == ERR_OK)
		err = may_manage(ctx, change->role == ROLE_OWNER);
	if (err == ERR_OK)
		err = address_index(ctx, change->email, index);
	if (err != ERR_OK)
		return err;
	err = q_member_hold_address(ctx->db, ctx->arena, change->organization_id,
	    (struct bytes){ index, sizeof(index) }, &row);
	if (err == ERR_OK)
		err = invite_again(ctx, change, &row);
	else if (err == ERR_MISSING)
		err = put_invitation(ctx, change, index);
	if (err == ERR_OK)
		err = queue_mail(ctx, change);
	if (err == ERR_OK)
		err = note(ctx, change->organization_id, change->id, AUDIT_MEMBER_INVITED,
		    role_word(change->role));
	return err == ERR_OK ? read_again(ctx, change) : err;
}

enum err member_invite(struct ctx *ctx, struct uuid organization_id, const char *email,
    enum role role, struct member *ret_member, bool *ret_again)
{
	struct change change = { .organization_id = organization_id, .email = email, .role = role };
	enum err err = tx_run(ctx, invite, &change);

	if (err != ERR_OK)
		return err;
	*ret_member = change.member;
	*ret_again = change.again;
	return ERR_OK;
}

enum err member_found(
    struct ctx *ctx, struct uuid organization_id, struct uuid account_id, const char *email)
{
	struct change change = {
		.organization_id = organization_id, .email = email, .role = ROLE_OWNER
	};
	uint8_t index[SHA256_SIZE];
	enum err err = address_index(ctx, email, index);

	if (err == ERR_OK)
		err = uuid_make(&change.id);
	if (err == ERR_OK)
		err = put(ctx, &change, index, account_id);
	return err == ERR_OK ? note(ctx, organization_id, change.id, AUDIT_MEMBER_JOINED,
				   role_word(ROLE_OWNER))
			     : err;
}

/* ---- changing and removing ----------------------------------------------------------------------------- */

static enum err change_role(struct ctx *ctx, void *arg)
{
	struct change *change = arg;
	enum err err = take_turn(ctx, change);

	if (err == ERR_OK)
		err = may_manage(ctx, change->role == ROLE_OWNER);
	if (err == ERR_OK)
		err = hold(ctx, change);
	if (err == ERR_OK)
		err = may_manage(ctx, is_owner(change->row.role));
	if (err == ERR_OK && is_active_owner(&change->row) && change->role != ROLE_OWNER)
		err = check_owners(ctx, change);
	if (err == ERR_OK)
		err = q_member_set_role(
		    ctx->db, role_word(change->role), change->organization_id, change->id);
	if (err == ERR_OK)
		err = note(ctx, change->organization_id, change->id, AUDIT_MEMBER_ROLE_CHANGED,
		    arena_printf(
			ctx->arena, "%s to %s", change->row.role, role_word(change->role)));
	return err == ERR_OK ? read_again(ctx, change) : err;
}

enum err member_change_role(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    enum role role, struct member *ret_member)
{
	struct change change = { .organization_id = organization_id, .id = id, .role = role };
	enum err err = tx_run(ctx, change_role, &change);

	if (err == ERR_OK)
		*ret_member = change.member;
	return err;
}

static bool is_actor(const struct ctx *ctx, const struct row_member_hold *row)
{
	return ctx->actor.kind == ACTOR_ACCOUNT &&
	       uuid_equal(ctx->actor.account_id, row->account_id);
}

static enum err put_out(struct ctx *ctx, void *arg)
{
	struct change *change = arg;
	enum err err = take_turn(ctx, change);

	if (err == ERR_OK)
		err = hold(ctx, change);
	if (err == ERR_OK && !is_actor(ctx, &change->row))
		err = may_manage(ctx, is_owner(change->row.role));
	if (err == ERR_OK && is_active_owner(&change->row))
		err = check_owners(ctx, change);
	if (err == ERR_OK)
		err = q_member_remove(ctx->db, change->organization_id, change->id);
	return err == ERR_OK ? note(ctx, change->organization_id, change->id, AUDIT_MEMBER_REMOVED,
				   change->row.role)
			     : err;
}

enum err member_remove(struct ctx *ctx, struct uuid organization_id, struct uuid id)
{
	struct change change = { .organization_id = organization_id, .id = id };

	return tx_run(ctx, put_out, &change);
}

/* ---- taking up ----------------------------------------------------------------------------------------- */

enum err member_join(struct ctx *ctx, struct uuid account_id, const uint8_t email_index[32])
{
	struct row_member_waiting *rows = NULL;
	size_t count = 0;
	enum err err = q_member_waiting(
	    ctx->db, ctx->arena, (struct bytes){ email_index, SHA256_SIZE }, &rows, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = q_member_take(ctx->db, account_id, clock_now_ms(), rows[i].id);
		if (err == ERR_OK)
			err = note(
			    ctx, rows[i].organization_id, rows[i].id, AUDIT_MEMBER_JOINED, NULL);
	}
	return err;
}
