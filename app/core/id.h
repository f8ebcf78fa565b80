/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id.h owns how ids look outside: TypeID, "<prefix>_" and 26 characters of Crockford base32
 * (design section 5). One row per kind of resource.
 */
#ifndef BONAFIDE_ID_H
#define BONAFIDE_ID_H

#include "base.h"
#include "uuid.h"

enum id_kind {
	ID_VERIFICATION,    /* ver_ */
	ID_KEY,             /* key_ */
	ID_USAGE,           /* usg_ */
	ID_ORGANIZATION,    /* org_ */
	ID_APPLICATION,     /* app_ */
	ID_REQUEST,         /* req_ */
	ID_SCORE,           /* scr_ */
	ID_WORK,            /* wrk_ */
	ID_WEBHOOK,         /* wh_: an endpoint in family kyc */
	ID_ENDPOINT,        /* whe_: the same in the session family */
	ID_WEBHOOK_KEY,     /* whk_ */
	ID_EVENT,           /* evt_ */
	ID_DELIVERY,        /* whd_ */
	ID_ATTEMPT,         /* wha_ */
	ID_TASK,            /* tsk_ */
	ID_SESSION,         /* vs_ */
	ID_SESSION_ATTEMPT, /* va_ */
	ID_MEDIA,           /* med_ */
	ID_WORKFLOW,        /* wf_ */
	ID_UUID,            /* no prefix: the UUID's own text, as the account family has it */
	ID_MAIL,            /* mail_ */
	ID_RECORD,          /* rec_ */
	ID__MAX
};

#define ID_TEXT_SIZE 37 /* a UUID's text; or prefix up to 8, '_', 26, NUL */

/* The text form into out. */
void id_text(enum id_kind kind, struct uuid id, char out[ID_TEXT_SIZE]);

/* The strict inverse: right prefix, lower case, 26 characters; a UUID with dashes. ERR_SYNTAX. */
enum err id_parse(enum id_kind kind, const char *text, struct uuid *ret_id) MUST_CHECK;

/* The id in a text of whatever kind. ERR_SYNTAX. */
enum err id_parse_any(const char *text, struct uuid *ret_id) MUST_CHECK;

/* "ver" and so on; "" of ID_UUID. */
const char *id_prefix(enum id_kind kind);

#endif
