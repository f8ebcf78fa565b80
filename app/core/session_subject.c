/* SPDX-License-Identifier: Apache-2.0 */
/* session_subject.c seals and opens the person that a session was made for. */
#include "session_subject.h"

#include <string.h>

#include "json.h"

#define PURPOSE "session.subject"
#define TEXT_CAP 8000 /* of the row's column, less what sealing adds */

/* One row per member: its name in the sealed text, and where it is. */
static const struct member {
	const char *name;
	size_t offset;
} members[] = {
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

static const char *member_get(const struct session_subject *subject, const struct member *member)
{
	const char *text;

	memcpy(&text, (const char *)subject + member->offset, sizeof(text));
	return text;
}

enum err subject_seal(struct ctx *ctx, struct uuid session_id,
    const struct session_subject *subject, struct bytes *ret_sealed)
{
	json_t *object = json_object();
	struct bytes sealed = { NULL, 0 };
	enum err err = object == NULL ? ERR_NOMEM : ERR_OK;
	struct buf text;

	buf_init(&text, TEXT_CAP);
	for (size_t i = 0; i < countof(members) && err == ERR_OK; i++) {
		const char *value = member_get(subject, &members[i]);
		if (value != NULL)
			err = json_put_text(object, members[i].name, value);
	}
	bool is_known = err == ERR_OK && json_object_size(object) > 0;
	if (is_known)
		err = json_write(object, &text);
	if (is_known && err == ERR_OK)
		err = seal_data(
		    ctx->keyring, ctx->arena, PURPOSE, session_id, text.data, text.len, &sealed);
	buf_free(&text); /* wipes */
	json_decref(object);
	if (err == ERR_OK)
		*ret_sealed = sealed;
	return err;
}

enum err subject_open(struct ctx *ctx, struct uuid session_id, struct bytes sealed,
    struct session_subject *ret_subject)
{
	struct session_subject subject = { .first_name = NULL };
	json_t *object = NULL;
	struct bytes text;
	enum err err = ERR_OK;

	if (sealed.data == NULL) {
		*ret_subject = subject;
		return ERR_OK;
	}
	err = seal_open(ctx->keyring, ctx->arena, PURPOSE, session_id, sealed, &text);
	if (err == ERR_OK)
		err = json_read(text.data, text.len, &object, NULL);
	for (size_t i = 0; i < countof(members) && err == ERR_OK; i++) {
		const char *value = json_get_text(object, members[i].name);
		const char *copy = arena_strdup(ctx->arena, value);
		if (value != NULL && copy == NULL)
			err = ERR_NOMEM;
		memcpy((char *)&subject + members[i].offset, &copy, sizeof(copy));
	}
	json_decref(object);
	if (err == ERR_OK)
		*ret_subject = subject;
	return err;
}

enum err subject_reseal(
    struct ctx *ctx, struct uuid session_id, struct bytes sealed, struct bytes *ret_sealed)
{
	struct bytes text;
	enum err err = seal_open(ctx->keyring, ctx->arena, PURPOSE, session_id, sealed, &text);

	if (err == ERR_OK)
		err = seal_data(
		    ctx->keyring, ctx->arena, PURPOSE, session_id, text.data, text.len, ret_sealed);
	return err;
}
