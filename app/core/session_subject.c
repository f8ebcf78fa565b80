/* SPDX-License-Identifier: Apache-2.0 */
/* session_subject.c seals and opens the person that a session was made for. */
#include "session_subject.h"

#include "sealed.h"

#define PURPOSE "session.subject"
#define TEXT_CAP 8000 /* of the row's column, less what sealing adds */

static const struct sealed_member members[] = {
	{ "first_name", MEMBER_IS(const char *, struct session_subject, first_name) },
	{ "middle_name", MEMBER_IS(const char *, struct session_subject, middle_name) },
	{ "last_name", MEMBER_IS(const char *, struct session_subject, last_name) },
	{ "email", MEMBER_IS(const char *, struct session_subject, email) },
	{ "phone", MEMBER_IS(const char *, struct session_subject, phone) },
	{ "country", MEMBER_IS(const char *, struct session_subject, country) },
	{ "id_type", MEMBER_IS(const char *, struct session_subject, id_type) },
	{ "id_number", MEMBER_IS(const char *, struct session_subject, id_number) },
	{ "date_of_birth", MEMBER_IS(const char *, struct session_subject, date_of_birth) },
	{ "gender", MEMBER_IS(const char *, struct session_subject, gender) },
};
static const struct sealed_kind kind = { PURPOSE, TEXT_CAP, sizeof(struct session_subject), members,
	countof(members) };

enum err subject_seal(struct ctx *ctx, struct uuid session_id,
    const struct session_subject *subject, struct bytes *ret_sealed)
{
	return sealed_put(ctx, &kind, session_id, subject, ret_sealed);
}

enum err subject_open(struct ctx *ctx, struct uuid session_id, struct bytes sealed,
    struct session_subject *ret_subject)
{
	return sealed_get(ctx, &kind, session_id, sealed, ret_subject);
}

enum err subject_reseal(
    struct ctx *ctx, struct uuid session_id, struct bytes sealed, struct bytes *ret_sealed)
{
	return sealed_again(ctx, kind.purpose, session_id, sealed, ret_sealed);
}
