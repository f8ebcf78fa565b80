/* SPDX-License-Identifier: Apache-2.0 */
/* applicant.c seals the person asked about, opens them again, and indexes the number blindly. */
#include "applicant.h"

#include <string.h>

#include "buf.h"
#include "sealed.h"

#define PURPOSE "verification.applicant"
#define TEXT_CAP 4096

static const struct sealed_member members[] = {
	{ "id_number", MEMBER_IS(const char *, struct applicant, id_number) },
	{ "first_name", MEMBER_IS(const char *, struct applicant, first_name) },
	{ "middle_name", MEMBER_IS(const char *, struct applicant, middle_name) },
	{ "last_name", MEMBER_IS(const char *, struct applicant, last_name) },
	{ "date_of_birth", MEMBER_IS(const char *, struct applicant, date_of_birth) },
	{ "phone", MEMBER_IS(const char *, struct applicant, phone) },
	{ "gender", MEMBER_IS(const char *, struct applicant, gender) },
	{ "bank_code", MEMBER_IS(const char *, struct applicant, bank_code) },
};
static const struct sealed_kind kind = { PURPOSE, TEXT_CAP, sizeof(struct applicant), members,
	countof(members) };

enum err applicant_seal(struct ctx *ctx, struct uuid verification_id,
    const struct applicant *applicant, struct bytes *ret_sealed)
{
	return sealed_put(ctx, &kind, verification_id, applicant, ret_sealed);
}

enum err applicant_open(struct ctx *ctx, struct uuid verification_id, struct bytes sealed,
    struct applicant *ret_applicant)
{
	return sealed.data == NULL ? ERR_MISSING
				   : sealed_get(ctx, &kind, verification_id, sealed, ret_applicant);
}

enum err applicant_reseal(
    struct ctx *ctx, struct uuid verification_id, struct bytes sealed, struct bytes *ret_sealed)
{
	return sealed_again(ctx, kind.purpose, verification_id, sealed, ret_sealed);
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
