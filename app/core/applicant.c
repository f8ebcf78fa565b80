/* SPDX-License-Identifier: Apache-2.0 */
/* applicant.c seals the person asked about, opens them again, and indexes the number blindly. */
#include "applicant.h"

#include <string.h>

#include "json.h"

#define PURPOSE "verification.applicant"
#define TEXT_CAP 4096

/* One row per member: its name in the sealed text, and where it is. */
static const struct member {
	const char *name;
	size_t offset;
} members[] = {
	{ "id_number", MEMBER_IS(const char *, struct applicant, id_number) },
	{ "first_name", MEMBER_IS(const char *, struct applicant, first_name) },
	{ "middle_name", MEMBER_IS(const char *, struct applicant, middle_name) },
	{ "last_name", MEMBER_IS(const char *, struct applicant, last_name) },
	{ "date_of_birth", MEMBER_IS(const char *, struct applicant, date_of_birth) },
	{ "phone", MEMBER_IS(const char *, struct applicant, phone) },
	{ "gender", MEMBER_IS(const char *, struct applicant, gender) },
	{ "bank_code", MEMBER_IS(const char *, struct applicant, bank_code) },
};

static const char *member_get(const struct applicant *applicant, const struct member *member)
{
	const char *text;

	memcpy(&text, (const char *)applicant + member->offset, sizeof(text));
	return text;
}

enum err applicant_seal(struct ctx *ctx, struct uuid verification_id,
    const struct applicant *applicant, struct bytes *ret_sealed)
{
	json_t *object = json_object();
	enum err err = object == NULL ? ERR_NOMEM : ERR_OK;
	struct buf text;

	buf_init(&text, TEXT_CAP);
	for (size_t i = 0; i < countof(members) && err == ERR_OK; i++) {
		const char *value = member_get(applicant, &members[i]);
		if (value != NULL)
			err = json_put_text(object, members[i].name, value);
	}
	if (err == ERR_OK)
		err = json_write(object, &text);
	if (err == ERR_OK)
		err = seal_data(ctx->keyring, ctx->arena, PURPOSE, verification_id, text.data,
		    text.len, ret_sealed);
	buf_free(&text); /* wipes */
	json_decref(object);
	return err;
}

enum err applicant_open(struct ctx *ctx, struct uuid verification_id, struct bytes sealed,
    struct applicant *ret_applicant)
{
	struct applicant applicant = { .id_number = NULL };
	json_t *object = NULL;
	struct bytes text;

	if (sealed.data == NULL)
		return ERR_MISSING;
	enum err err = seal_open(ctx->keyring, ctx->arena, PURPOSE, verification_id, sealed, &text);
	if (err == ERR_OK)
		err = json_read(text.data, text.len, &object, NULL);
	for (size_t i = 0; i < countof(members) && err == ERR_OK; i++) {
		const char *value = json_get_text(object, members[i].name);
		const char *copy = arena_strdup(ctx->arena, value);
		if (value != NULL && copy == NULL)
			err = ERR_NOMEM;
		memcpy((char *)&applicant + members[i].offset, &copy, sizeof(copy));
	}
	json_decref(object);
	if (err == ERR_OK)
		*ret_applicant = applicant;
	return err;
}

enum err applicant_reseal(
    struct ctx *ctx, struct uuid verification_id, struct bytes sealed, struct bytes *ret_sealed)
{
	struct bytes text;
	enum err err = seal_open(ctx->keyring, ctx->arena, PURPOSE, verification_id, sealed, &text);

	if (err == ERR_OK)
		err = seal_data(ctx->keyring, ctx->arena, PURPOSE, verification_id, text.data,
		    text.len, ret_sealed);
	return err;
}

enum err applicant_index(struct ctx *ctx, const char *country, const char *id_type,
    const char *id_number, uint8_t ret_index[SHA256_SIZE])
{
	struct buf text;

	/* The zero bytes keep the three apart: no two triples give one text. */
	buf_init(&text, TEXT_CAP);
	buf_add(&text, country, strlen(country) + 1);
	buf_add(&text, id_type, strlen(id_type) + 1);
	buf_adds(&text, id_number);
	enum err err = buf_err(&text);
	if (err == ERR_OK)
		err = pepper_mac(ctx->keyring, PEPPER_INDEX, text.data, text.len, ret_index);
	buf_free(&text);
	return err;
}
