/* SPDX-License-Identifier: Apache-2.0 */
/* c_member.c: the people of organisations, and who is invited. */
#include "ctl.h"

#include "limits.h"
#include "member.h"
#include "stmt.h"

#define ROLES "owner|admin|member|reviewer"

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct member, id, ID_UUID),
	COLUMN_TEXT(struct member, role),
	COLUMN_TEXT(struct member, status),
	COLUMN_ID(struct member, account_id, ID_UUID),
	COLUMN_TIME(struct member, created_at),
	COLUMN_TIME(struct member, joined_at),
	COLUMN_TEXT(struct member, email),
};

#define ADDRESS_COLUMNS 1

/* ---- list --------------------------------------------------------------------------------- */

struct list_input {
	struct uuid org;
	bool addresses;
};

static const struct ctl_arg list_args[] = {
	ARG_ID(struct list_input, org, "org", "ORG", true, ID_ORGANIZATION,
	    "The organisation (org_...)."),
	ARG_FLAG(struct list_input, addresses, "addresses",
	    "Show mail addresses too: they are personal data."),
};

static enum err no_such_org(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_MISSING,
	    "there is no such organisation; \"bonafide org list\" shows those there are");
}

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct member *members = NULL;
	struct row_org_get org;
	size_t count = 0;
	enum err err = q_org_get(ctl->ctx.db, ctl->ctx.arena, in->org, &org);

	if (err == ERR_MISSING)
		return no_such_org(ctl);
	if (err == ERR_OK)
		err = member_list(&ctl->ctx, in->org, in->addresses, &members, &count);
	if (err != ERR_OK)
		return err;
	struct ctl_section section = { .columns = list_columns,
		.column_count = countof(list_columns) - (in->addresses ? 0 : ADDRESS_COLUMNS),
		.rows = members,
		.row_size = sizeof(*members),
		.count = count,
		.empty = "Nobody is a member yet. \"bonafide member add\" invites somebody." };
	return ctl_print(ctl, &section, 1);
}

/* ---- add ---------------------------------------------------------------------------------- */

struct add_input {
	struct uuid org;
	const char *role;
	const char *email;
};

static const struct ctl_arg add_args[] = {
	ARG_ID(struct add_input, org, "org", "ORG", true, ID_ORGANIZATION,
	    "The organisation (org_...)."),
	ARG_WORD(struct add_input, role, "role", true, ROLES,
	    "owner and admin manage applications and members; only an owner makes owners."),
	ARG_TEXT(struct add_input, email, "EMAIL", NULL, true, LIMIT_EMAIL,
	    "The mail address of the person."),
};

static enum err add(struct ctl *ctl, const void *input)
{
	const struct add_input *in = input;
	struct member member;
	enum role role;
	bool again = false;
	enum err err = role_parse(in->role, &role);

	if (err == ERR_OK)
		err = member_invite(&ctl->ctx, in->org, in->email, role, &member, &again);
	if (err == ERR_ORGANIZATION_NOT_FOUND)
		return no_such_org(ctl);
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "EMAIL must be a mail address, such as sam@acme.example");
	if (err == ERR_STATE)
		return ctl_fail(ctl, err,
		    "this person is a member already; \"bonafide member role\" gives another role");
	if (err == ERR_FULL)
		return ctl_fail(ctl, err, "an organisation may have %d members", LIMIT_MEMBERS);
	if (err == ERR_OK)
		err = ctl_print_one(ctl, list_columns, &member);
	if (err == ERR_OK)
		ctl_note(ctl, "\n%s invitation was queued. It is taken up when the person logs in.",
		    again ? "Another" : "An");
	return err;
}

/* ---- role, remove ------------------------------------------------------------------------- */

struct role_input {
	struct uuid member;
	const char *role;
};

static const struct ctl_arg role_args[] = {
	ARG_ID(struct role_input, member, "MEMBER", NULL, true, ID_UUID,
	    "The member's id, from \"bonafide member list\"."),
	ARG_WORD(struct role_input, role, "ROLE", true, ROLES, "The new role: " ROLES "."),
};

struct remove_input {
	struct uuid member;
};

static const struct ctl_arg remove_args[] = {
	ARG_ID(struct remove_input, member, "MEMBER", NULL, true, ID_UUID,
	    "The member's id, from \"bonafide member list\"."),
};

/* What both can meet. */
static enum err explain(struct ctl *ctl, enum err err)
{
	if (err == ERR_MISSING || err == ERR_MEMBER_NOT_FOUND)
		return ctl_fail(ctl, err,
		    "there is no such member; \"bonafide member list\" shows those there are");
	if (err == ERR_LAST_OWNER)
		return ctl_fail(ctl, err,
		    "this is the last owner of the organisation: make somebody else one first");
	return err;
}

static enum err find(struct ctl *ctl, struct uuid id, struct uuid *ret_organization_id)
{
	struct row_member_find row;
	enum err err = q_member_find(ctl->ctx.db, ctl->ctx.arena, id, &row);

	if (err == ERR_OK)
		*ret_organization_id = row.organization_id;
	return err;
}

static enum err change_role(struct ctl *ctl, const void *input)
{
	const struct role_input *in = input;
	struct uuid organization_id = UUID_NIL;
	struct member member;
	enum role role;
	enum err err = role_parse(in->role, &role);

	if (err == ERR_OK)
		err = find(ctl, in->member, &organization_id);
	if (err == ERR_OK)
		err = member_change_role(&ctl->ctx, organization_id, in->member, role, &member);
	if (err != ERR_OK)
		return explain(ctl, err);
	struct ctl_section section = { .single = true,
		.columns = list_columns,
		.column_count = countof(list_columns) - ADDRESS_COLUMNS,
		.rows = &member,
		.row_size = sizeof(member),
		.count = 1 };
	return ctl_print(ctl, &section, 1);
}

struct removed {
	struct uuid id;
	struct uuid organization_id;
	bool removed;
};

static const struct ctl_column removed_columns[] = {
	COLUMN_ID(struct removed, id, ID_UUID),
	COLUMN_ID(struct removed, organization_id, ID_ORGANIZATION),
	COLUMN_BOOL(struct removed, removed),
};

static enum err take_out(struct ctl *ctl, const void *input)
{
	const struct remove_input *in = input;
	struct removed removed = { .id = in->member, .removed = true };
	enum err err = find(ctl, in->member, &removed.organization_id);

	if (err == ERR_OK)
		err = member_remove(&ctl->ctx, removed.organization_id, in->member);
	return err == ERR_OK ? ctl_print_one(ctl, removed_columns, &removed) : explain(ctl, err);
}

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list the members of an organisation, newest first" },
	{ .verb = "add",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = add,
	    .args = add_args,
	    .arg_count = countof(add_args),
	    .input_size = sizeof(struct add_input),
	    .summary = "invite a person into an organisation",
	    .help = "Queues a mail to the person, who becomes a member on proving the address or "
		    "logging in next. So an organisation that was made here gets its first owner. "
		    "Somebody who is invited already gets the new role and another mail." },
	{ .verb = "role",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = change_role,
	    .args = role_args,
	    .arg_count = countof(role_args),
	    .input_size = sizeof(struct role_input),
	    .summary = "give a member another role",
	    .help = "It is in force with the next request of that person. The last owner of an "
		    "organisation stays one." },
	{ .verb = "remove",
	    .needs = CTL_DB,
	    .run = take_out,
	    .args = remove_args,
	    .arg_count = countof(remove_args),
	    .input_size = sizeof(struct remove_input),
	    .summary = "remove a member, or take an invitation back",
	    .help = "The next request of that person finds them out. Their account and their "
		    "other organisations stay. The last owner of an organisation stays." },
};

const struct ctl_noun noun_member = {
	.word = "member",
	.summary = "Members: what people may do in organisations.",
	.commands = commands,
	.count = countof(commands),
};
