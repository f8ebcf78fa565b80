/* SPDX-License-Identifier: Apache-2.0 */
/* visit.c: from the id in a link, and the token of the page it opened, to a session. */
#include "visit.h"

#include "session.h"

enum err visit_check(struct web *web, const char *token)
{
	struct session *session = ARENA_NEW(web->arena, struct session);
	struct uuid id;
	enum err err = session == NULL ? ERR_NOMEM : ERR_OK;

	if (err == ERR_OK)
		err = web_param_id(web, 0, ID_SESSION, ERR_SESSION_ID_INVALID, &id);
	if (err == ERR_OK && token == NULL && web->route->credential == CREDENTIAL_VISIT)
		err = ERR_TOKEN_INVALID;
	if (err != ERR_OK)
		return err;
	err = token == NULL ? session_page_look(&web->ctx, id, session)
			    : session_page_enter(&web->ctx, id, token, session);
	if (err == ERR_OK) {
		web->visit = session;
		web->visit_entered = token != NULL;
	}
	return err;
}
