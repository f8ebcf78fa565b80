/* SPDX-License-Identifier: Apache-2.0 */
/* session_claims.c: one function for each claim that can have a value. */
#include "session_claims.h"

#include <string.h>

#include "clock.h"
#include "id.h"
#include "iso_country.h"
#include "session_share.h"
#include "str.h"
#include "unicode.h"

#define MAC_TEXT_CAP 1024

/* Writes the value of a claim; leaves NULL where there is none. */
typedef enum err claim_fn(
    struct ctx *ctx, const struct claim_facts *facts, const char *claim, json_t **ret_value);

/* Takes over a text that memory may have run out for. */
static enum err text_value(const char *text, json_t **ret_value)
{
	*ret_value = text == NULL ? NULL : json_string(text);
	return *ret_value == NULL ? ERR_NOMEM : ERR_OK;
}

int claims_age(const struct claim_facts *facts)
{
	struct date birth;

	if (facts->match_dob != MATCH_EXACT ||
	    date_parse(facts->applicant.date_of_birth, &birth) != ERR_OK)
		return -1;
	return date_years_between(birth, date_of(facts->decided_at_ms));
}

/* ICAO Doc 9303 part 3: P for passports, I for cards. */
static enum err type_code(struct ctx *ctx UNUSED, const struct claim_facts *facts,
    const char *claim UNUSED, json_t **ret_value)
{
	return text_value(strcmp(facts->id_type, "passport") == 0 ? "P" : "I", ret_value);
}

static enum err country_code(struct ctx *ctx UNUSED, const struct claim_facts *facts,
    const char *claim UNUSED, json_t **ret_value)
{
	const char *code = iso_country_alpha3(facts->country);

	return code == NULL ? ERR_OK : text_value(code, ret_value);
}

static enum err upper_value(struct ctx *ctx, const char *text, json_t **ret_value)
{
	const char *upper = NULL;
	enum err err = unicode_upper(text, ctx->arena, &upper);

	return err == ERR_OK ? text_value(upper, ret_value) : err;
}

static enum err family_name(
    struct ctx *ctx, const struct claim_facts *facts, const char *claim UNUSED, json_t **ret_value)
{
	return upper_value(ctx, facts->applicant.last_name, ret_value);
}

static enum err given_names(
    struct ctx *ctx, const struct claim_facts *facts, const char *claim UNUSED, json_t **ret_value)
{
	const struct applicant *a = &facts->applicant;
	const char *names = a->middle_name == NULL
				? a->first_name
				: arena_printf(ctx->arena, "%s %s", a->first_name, a->middle_name);

	return names == NULL ? ERR_NOMEM : upper_value(ctx, names, ret_value);
}

static enum err document_number(struct ctx *ctx UNUSED, const struct claim_facts *facts,
    const char *claim UNUSED, json_t **ret_value)
{
	return text_value(facts->applicant.id_number, ret_value);
}

static enum err date_of_birth(struct ctx *ctx UNUSED, const struct claim_facts *facts,
    const char *claim UNUSED, json_t **ret_value)
{
	if (facts->match_dob != MATCH_EXACT)
		return ERR_OK;
	return text_value(facts->applicant.date_of_birth, ret_value);
}

static enum err age_over(
    struct ctx *ctx UNUSED, const struct claim_facts *facts, const char *claim, json_t **ret_value)
{
	int age = claims_age(facts);

	if (age >= 0)
		*ret_value = json_boolean(age >= share_age_gate(claim));
	return ERR_OK;
}

/* Trimmed, without white space, in capitals: the same document however it was typed. */
static enum err add_plain(struct ctx *ctx, const char *text, struct buf *out)
{
	const char *upper = NULL;
	enum err err = unicode_upper(text, ctx->arena, &upper);

	buf_addc(out, '|');
	while (err == ERR_OK && *upper != '\0') {
		const char *begin = upper;
		uint32_t c = unicode_next(&upper);
		if (!unicode_is_space(c))
			buf_add(out, begin, (size_t)(upper - begin));
	}
	return err;
}

enum err claims_document_id(struct ctx *ctx, const struct claim_facts *facts, const char **ret_id)
{
	const char *country = iso_country_alpha3(facts->country);
	char org[ID_TEXT_SIZE], hex[2 * SHA256_SIZE + 1];
	uint8_t mac[SHA256_SIZE];
	struct buf text;

	id_text(ID_UUID, facts->organization_id, org);
	buf_init(&text, MAC_TEXT_CAP);
	buf_adds(&text, org);
	enum err err = add_plain(ctx, country == NULL ? facts->country : country, &text);
	if (err == ERR_OK)
		err = add_plain(ctx, facts->id_type, &text);
	if (err == ERR_OK)
		err = add_plain(ctx, facts->applicant.id_number, &text);
	if (err == ERR_OK)
		err = buf_err(&text);
	if (err == ERR_OK)
		err = pepper_mac(ctx->keyring, PEPPER_DOCUMENT, text.data, text.len, mac);
	buf_free(&text); /* wipes */
	if (err != ERR_OK)
		return err;
	hex_encode(mac, sizeof(mac), hex);
	*ret_id = arena_strdup(ctx->arena, hex);
	return *ret_id == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err document_id(
    struct ctx *ctx, const struct claim_facts *facts, const char *claim UNUSED, json_t **ret_value)
{
	const char *id = NULL;
	enum err err = claims_document_id(ctx, facts, &id);

	return err == ERR_OK ? text_value(id, ret_value) : err;
}

/* Claims that are not here have no value: no provider compares a sex, and none gives us
 * nationality, expiry, a machine-readable zone or a photo. */
static const struct {
	const char *claim;
	claim_fn *value;
} makers[] = {
	{ "document_type_code", type_code },
	{ "issuing_country_code", country_code },
	{ "family_name", family_name },
	{ "given_names", given_names },
	{ "document_number", document_number },
	{ "date_of_birth", date_of_birth },
	{ "kayle_document_id", document_id },
	{ "document_id", document_id },
};

static claim_fn *maker_of(const char *claim)
{
	for (size_t i = 0; i < countof(makers); i++) {
		if (strcmp(makers[i].claim, claim) == 0)
			return makers[i].value;
	}
	return share_age_gate(claim) > 0 ? age_over : NULL;
}

/* What was not consented to is null, like what is not known. */
static enum err put_claim(struct ctx *ctx, const struct claim_facts *facts,
    const struct share_field *field, json_t *all, json_t *selected, bool *missing)
{
	claim_fn *maker = maker_of(field->claim);
	json_t *value = NULL;
	enum err err = ERR_OK;

	if (str_has_word(facts->selected, field->claim)) {
		if (json_array_append_new(selected, json_string(field->claim)) != 0)
			return ERR_NOMEM;
		if (maker != NULL)
			err = maker(ctx, facts, field->claim, &value);
	}
	if (err != ERR_OK)
		return err;
	if (value == NULL && field->required)
		*missing = true;
	return json_put(all, field->claim, value == NULL ? json_null() : value);
}

enum err claims_make(
    struct ctx *ctx, const struct claim_facts *facts, json_t **ret_data, bool *ret_missing)
{
	struct share_field *fields = NULL;
	json_t *all = json_object(), *selected = json_array();
	bool missing = false;
	size_t count = 0;
	enum err err = share_contract_read(ctx, facts->share_fields, &fields, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = put_claim(ctx, facts, &fields[i], all, selected, &missing);
	json_t *data = json_pack("{s:o, s:o}", "claims", all, "selected_field_keys", selected);
	if (err == ERR_OK && data == NULL)
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		json_decref(data);
		return err;
	}
	*ret_data = data;
	*ret_missing = missing;
	return ERR_OK;
}
