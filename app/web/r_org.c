/* SPDX-License-Identifier: Apache-2.0 */
/* r_org.c: the organisations of whoever is logged in (contract/accounts.md). */
#include "org.h"

#include "sets.h"
#include "web.h"

static const struct field item_rows[] = {
	{ ROW_ID(ID_UUID, struct org_joined, id, "uuid"), .sentence = "The organisation." },
	{ ROW_TEXT(FIELD_TEXT, struct org_joined, name, "name"), .sentence = "What people call it.",
	    .example = "\"Acme\"" },
	{ ROW_TEXT(FIELD_TEXT, struct org_joined, contact_email, "contact_email"),
	    .flags = FIELD_NULLABLE,
	    .sentence = "The address of the one who has owned it for the longest; null without an "
			"owner.",
	    .example = "\"maria@acme.example\"" },
	{ ROW_I64(FIELD_TIME, struct org_joined, created_at, "created_at"),
	    .sentence = "When it was made." },
};
const struct field_set organization_item = FIELD_SET("Organization", item_rows, struct org_joined);

enum err org_index(struct web *web)
{
	struct org_joined *orgs = NULL;
	size_t count = 0;
	enum err err = org_of_account(&web->ctx, web->ctx.actor.account_id, &orgs, &count);

	return err == ERR_OK ? reply_list(web, orgs, count) : err;
}
