/* SPDX-License-Identifier: Apache-2.0 */
/* r_member.c: the members of an organisation (contract/accounts.md). */
#include "member.h"

#include "address.h"
#include "reply.h"
#include "sets.h"
#include "web.h"

#define EMAIL_WORDS "must be a mail address"

struct member_input {
	const char *email;
	const char *role;
};

#define ROW_ROLE(object) \
	{ \
		ROW_TEXT(FIELD_WORD, object, role, "role"), \
		    .flags = FIELD_REQUIRED, .words = &role_words, \
		    .sentence = "owner and admin manage applications and members; only an owner " \
				"makes, changes or removes an owner.", \
		    .example = "\"member\"" \
	}

static const struct field request_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct member_input, email, "email"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_EMAIL,
	    .sentence = "The address of the person to invite.", .example = "\"sam@acme.example\"" },
	ROW_ROLE(struct member_input),
};

static void check_email(const void *filled, struct complaints *complaints)
{
	const struct member_input *in = filled;

	if (in->email != NULL && !address_check(in->email))
		complain(complaints, "email", EMAIL_WORDS);
}

const struct field_set member_request = { .name = "MemberRequest",
	.rows = request_rows,
	.count = countof(request_rows),
	.struct_size = sizeof(struct member_input),
	.rule = check_email };

static const struct field change_rows[] = { ROW_ROLE(struct member_input) };
const struct field_set member_change = FIELD_SET("MemberChange", change_rows, struct member_input);

static const struct field item_rows[] = {
	{ ROW_ID(ID_UUID, struct member, id, "uuid"), .sentence = "The membership." },
	{ ROW_TEXT(FIELD_TEXT, struct member, email, "email"),
	    .sentence = "The person's address, as it was written.",
	    .example = "\"sam@acme.example\"" },
	{ ROW_TEXT(FIELD_WORD, struct member, role, "role"), .words = &role_words,
	    .sentence = "What they may do.", .example = "\"member\"" },
	{ ROW_TEXT(FIELD_WORD, struct member, status, "status"), .words = &member_status_words,
	    .sentence = "invited until the person proves the address or logs in." },
	{ ROW_I64(FIELD_TIME, struct member, created_at, "created_at"),
	    .sentence = "When they were invited first." },
	{ ROW_I64(FIELD_TIME, struct member, joined_at, "joined_at"), .flags = FIELD_NULLABLE,
	    .sentence = "When they became a member; null while they are invited.",
	    .example = "\"2026-05-01T10:30:00Z\"" },
};
const struct field_set member_item = FIELD_SET("Member", item_rows, struct member);

#define MEMBER_FULL "is one person more than an organisation may have (1000)"
_Static_assert(LIMIT_MEMBERS == 1000, "the sentence says how many");

static enum err param_member(struct web *web, struct uuid *ret_id)
{
	return web_param_id(web, 1, ID_UUID, ERR_MEMBER_NOT_FOUND, ret_id);
}

enum err member_index(struct web *web)
{
	struct member *members = NULL;
	size_t count = 0;
	enum err err =
	    member_list(&web->ctx, web->ctx.actor.organization_id, true, &members, &count);

	return err == ERR_OK ? reply_list(web, members, count) : err;
}

enum err member_make(struct web *web)
{
	const struct member_input *in = WEB_INPUT(web, struct member_input);
	struct member member;
	enum role role;
	bool again = false;
	enum err err = role_parse(in->role, &role);

	if (err == ERR_OK)
		err = member_invite(
		    &web->ctx, web->ctx.actor.organization_id, in->email, role, &member, &again);
	/* An address that no mail can be sent to. */
	if (err == ERR_VALIDATION)
		return web_complain(web, "email", EMAIL_WORDS);
	if (err == ERR_STATE)
		return web_complain(web, "email", "is a member already");
	if (err == ERR_FULL)
		return web_complain(web, "email", MEMBER_FULL);
	if (err == ERR_OK && again)
		web->status = reply_status_of_success(SUCCESS_OK);
	return err == ERR_OK ? reply_object(web, &member) : err;
}

enum err member_alter(struct web *web)
{
	struct member member;
	struct uuid id;
	enum role role;
	enum err err = param_member(web, &id);

	if (err == ERR_OK)
		err = role_parse(WEB_INPUT(web, struct member_input)->role, &role);
	if (err == ERR_OK)
		err = member_change_role(
		    &web->ctx, web->ctx.actor.organization_id, id, role, &member);
	return err == ERR_OK ? reply_object(web, &member) : err;
}

enum err member_out(struct web *web)
{
	struct uuid id;
	enum err err = param_member(web, &id);

	return err == ERR_OK ? member_remove(&web->ctx, web->ctx.actor.organization_id, id) : err;
}
