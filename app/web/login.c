/* SPDX-License-Identifier: Apache-2.0 */
/* login.c: from an access token to an actor, and from an organisation's id to a role. */
#include "login.h"

#include <string.h>

#include "clock.h"
#include "jwt.h"
#include "stmt.h"

enum err login_check(struct web *web, const char *token)
{
	struct row_account_session_live row;
	struct jwt_claims claims;
	enum err err = token == NULL ? ERR_TOKEN_INVALID : jwt_check(&web->ctx, token, &claims);

	if (err == ERR_OK)
		err = q_account_session_live(web->db, web->arena, claims.session_id,
		    claims.account_id, clock_now_ms(), &row);
	if (err == ERR_MISSING)
		err = ERR_TOKEN_INVALID;
	if (err == ERR_OK)
		web->ctx.actor = (struct actor){ .kind = ACTOR_ACCOUNT,
			.account_id = claims.account_id,
			.account_session_id = claims.session_id };
	return err;
}

static enum err take_role(struct web *web, struct uuid id, const struct row_member_role *row)
{
	enum role role;
	enum err err = role_parse(row->role, &role);

	if (err != ERR_OK)
		return err;
	web->ctx.actor.organization_id = id;
	web->ctx.actor.role = role;
	if ((web->route->roles & ROLE_BIT(role)) == 0)
		return ERR_ROLE_FORBIDDEN;
	return strcmp(row->organization_status, org_status_word(ORG_ACTIVE)) == 0
		   ? ERR_OK
		   : ERR_TENANT_SUSPENDED;
}

enum err login_role(struct web *web)
{
	struct row_member_role row;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_UUID, ERR_ORGANIZATION_NOT_FOUND, &id);

	if (err != ERR_OK)
		return err;
	err = q_member_role(web->db, web->arena, web->ctx.actor.account_id, id, &row);
	if (err == ERR_MISSING)
		err = ERR_ORGANIZATION_NOT_FOUND;
	return err == ERR_OK ? take_role(web, id, &row) : err;
}
