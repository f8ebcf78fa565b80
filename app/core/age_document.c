/* SPDX-License-Identifier: Apache-2.0 */
/* age_document.c: the documents that are offered, from a short list of ours and from the catalogue. */
#include "age_document.h"

#include <string.h>

#include "age.h"
#include "catalogue.h"

/* Every country's, as far as a reviewer is concerned. */
static const char *const common[] = { "national_id", "passport", "drivers_license" };

/* What the catalogue covers, and nobody can take a picture of, or nobody's age stands on. */
static const char *const bare_numbers[] = { "bank_account", "bvn", "kra_pin", "phone_number",
	"tax_id", "virtual_nin" };

static bool is_offered(const struct id_type *type)
{
	for (size_t i = 0; i < countof(bare_numbers); i++) {
		if (strcmp(type->id_type, bare_numbers[i]) == 0)
			return false;
	}
	return type->extra_fields[0] == '\0';
}

static struct age_choice choice_of(const char *country, const char *type, const char *pattern)
{
	return (struct age_choice){ .country = country,
		.type = type,
		.pattern = pattern,
		.back = age_needs(LEVEL_FULL_KYC, UPLOAD_ID_BACK, type) };
}

enum err age_choices(struct ctx *ctx, struct age_choice **ret_choices, size_t *ret_count)
{
	const struct id_type *types = NULL;
	size_t type_count = 0, count = 0;
	enum err err = ctx->catalogue == NULL ? ERR_OK : catalogue_list(ctx, &types, &type_count);

	if (err != ERR_OK)
		return err;
	struct age_choice *choices =
	    arena_array(ctx->arena, countof(common) + type_count, sizeof(*choices));
	if (choices == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < countof(common); i++)
		choices[count++] = choice_of(NULL, common[i], NULL);
	for (size_t i = 0; i < type_count; i++) {
		if (is_offered(&types[i]))
			choices[count++] =
			    choice_of(types[i].country, types[i].id_type, types[i].pattern);
	}
	*ret_choices = choices;
	*ret_count = count;
	return ERR_OK;
}
