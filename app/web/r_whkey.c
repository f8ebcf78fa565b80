/* SPDX-License-Identifier: Apache-2.0 */
/* r_whkey.c: the keys that an endpoint's payloads are encrypted to (contract/sessions.md). */
#include "webhook.h"

#include "sets.h"
#include "web.h"

static const char *const whkey_algorithms[] = { "RSA-OAEP-256" };
static const char *const whkey_types[] = { "RSA" };
static const struct word_list whkey_algorithm_words = { "EncryptionAlgorithm",
	countof(whkey_algorithms), whkey_algorithms };
static const struct word_list whkey_type_words = { "EncryptionKeyType", countof(whkey_types),
	whkey_types };

/* A public key as people send it, of which nobody has the private one. */
#define JWK_EXAMPLE \
	"{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" \
	"5imlx8YQXjjds8699ZFQB-MHzAGfUamYQHTeWUFNf5uW4Lf2uQL3_y6Ri8hUaP0aWoJGOU" \
	"gZ_0xsd2CWh4C5RRpmfafBZRcf4jltcUoCMIrI0pqrmUxIZJLJnID4Nss0Vk4A6Np3DylA" \
	"VPMDWl8NwoMGW6JfVW3P4vfh-zVmq60cqp4z3q-odrPoLshtDFGmFKIwAOTRcycs6-uj6P" \
	"pF5YhrKiblv5NTsCu4Eq9s4F7Ftf0I5eEdQaSQyi_FHmzrxRokhB3Va6ShNEuV-wcanhYC" \
	"pCkzyOvZyqORD2ykvNsVoJiCh1c4LahaSqSBVNUebsjy_LlYChXWeesr7Nfdkw" \
	"\"}"

/* ---- what comes in ------------------------------------------------------------------------------ */

struct whkey_input {
	const char *key_id;
	const char *algorithm;
	const char *key_type;
	const json_t *jwk;
};

static const struct field whkey_in_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct whkey_input, key_id, "key_id"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = LIMIT_JWE_KEY_ID,
	    .sentence = "Your name for the key; it comes with each payload as kid.",
	    .example = "\"2026-05\"" },
	{ ROW_TEXT(FIELD_WORD, struct whkey_input, algorithm, "algorithm"), .flags = FIELD_REQUIRED,
	    .words = &whkey_algorithm_words, .sentence = "How the content key is wrapped.",
	    .example = "\"RSA-OAEP-256\"" },
	{ ROW_TEXT(FIELD_WORD, struct whkey_input, key_type, "key_type"), .flags = FIELD_REQUIRED,
	    .words = &whkey_type_words, .sentence = "The kind of key.", .example = "\"RSA\"" },
	{ ROW_JSON(struct whkey_input, jwk, "jwk"), .flags = FIELD_REQUIRED,
	    .sentence = "The public key, a JWK of at least 2048 bits.", .example = JWK_EXAMPLE },
};
const struct field_set whkey_request =
    FIELD_SET("EncryptionKeyRequest", whkey_in_rows, struct whkey_input);

struct whkey_filter {
	int64_t active;
	int64_t limit;
	const char *after;
};

static const struct field whkey_query_rows[] = {
	ROW_LIMIT(struct whkey_filter),
	ROW_AFTER(struct whkey_filter, "whk", "an encryption key"),
	{ ROW_I64(FIELD_SWITCH, struct whkey_filter, active, "is_active"),
	    .sentence = "Only the active one, or only the others." },
};
const struct field_set whkey_query =
    FIELD_SET("EncryptionKeyQuery", whkey_query_rows, struct whkey_filter);

/* ---- what goes out ------------------------------------------------------------------------------ */

struct whkey_shown {
	struct row_webhook_key_get row;
	const char *algorithm;
	const char *key_type;
	bool is_active;
};

static const struct field whkey_rows[] = {
	{ ROW_ID(ID_WEBHOOK_KEY, struct whkey_shown, row.id, "id"),
	    .sentence = "The encryption key." },
	{ ROW_ID(ID_ENDPOINT, struct whkey_shown, row.endpoint_id, "webhook_endpoint_id"),
	    .sentence = "The endpoint whose payloads are encrypted to it." },
	{ ROW_TEXT(FIELD_TEXT, struct whkey_shown, row.key_id, "key_id"),
	    .sentence = "Your name for it.", .example = "\"2026-05\"" },
	{ ROW_TEXT(FIELD_WORD, struct whkey_shown, algorithm, "algorithm"),
	    .words = &whkey_algorithm_words, .sentence = "How the content key is wrapped." },
	{ ROW_TEXT(FIELD_WORD, struct whkey_shown, key_type, "key_type"),
	    .words = &whkey_type_words, .sentence = "The kind of key." },
	{ ROW_TEXT(FIELD_JSON, struct whkey_shown, row.jwk, "jwk"),
	    .sentence = "What is used of it.", .example = JWK_EXAMPLE },
	{ ROW_BOOL(struct whkey_shown, is_active, "is_active"),
	    .sentence = "Whether payloads are encrypted to it: one of an endpoint is.",
	    .example = "true" },
	{ ROW_I64(FIELD_TIME, struct whkey_shown, row.created_at, "created_at"),
	    .sentence = "When it was added." },
	{ ROW_I64(FIELD_TIME, struct whkey_shown, row.updated_at, "updated_at"),
	    .sentence = "When it was last turned on or off." },
	{ ROW_I64(FIELD_TIME, struct whkey_shown, row.disabled_at, "disabled_at"),
	    .flags = FIELD_NULLABLE, .sentence = "Since when it is off; null while it is on." },
};
const struct field_set whkey_item = FIELD_SET("EncryptionKey", whkey_rows, struct whkey_shown);

/* ---- handlers ----------------------------------------------------------------------------------- */

static struct whkey_shown whkey_of(const struct row_webhook_key_get *row)
{
	return (struct whkey_shown){ .row = *row,
		.algorithm = whkey_algorithms[0],
		.key_type = whkey_types[0],
		.is_active = !uuid_is_nil(row->active_of) };
}

static enum err whkey_reply(struct web *web, const struct row_webhook_key_get *row)
{
	struct whkey_shown shown = whkey_of(row);

	return reply_object(web, &shown);
}

enum err whkey_make(struct web *web)
{
	const struct whkey_input *in = WEB_INPUT(web, struct whkey_input);
	struct row_webhook_key_get row;
	struct uuid endpoint_id;
	enum err err = web_param_endpoint(web, 0, &endpoint_id);

	if (err == ERR_OK)
		err = webhook_key_create(&web->ctx, endpoint_id, in->key_id, in->jwk, &row);
	if (err == ERR_SYNTAX)
		return web_complain(web, "jwk",
		    "must be an RSA public key for RSA-OAEP-256 of at least 2048 bits, without "
		    "private members");
	_Static_assert(LIMIT_ENDPOINT_KEYS == 50, "the sentence says how many");
	if (err == ERR_FULL)
		return web_complain(web, "body", "is one key more than an endpoint may have (50)");
	return err == ERR_OK ? whkey_reply(web, &row) : err;
}

/* Those of an endpoint that nobody knows are none (reference/kayle.md, 7). */
enum err whkey_index(struct web *web)
{
	const struct whkey_filter *filter = WEB_QUERY(web, struct whkey_filter);
	struct row_webhook_key_get *rows = NULL;
	struct uuid endpoint_id;
	size_t count = 0;
	bool more = false;
	enum err err = web_param_endpoint(web, 0, &endpoint_id);

	if (err != ERR_OK)
		return reply_more(web, NULL, 0, false);
	err = webhook_key_list(&web->ctx, endpoint_id, filter->active, filter->limit, filter->after,
	    &rows, &count, &more);
	struct whkey_shown *shown = arena_array(web->arena, count, sizeof(*shown));
	if (err != ERR_OK || shown == NULL)
		return err == ERR_OK ? ERR_NOMEM : err;
	for (size_t i = 0; i < count; i++)
		shown[i] = whkey_of(&rows[i]);
	return reply_more(web, shown, count, more);
}

static enum err whkey_turn(struct web *web, bool active)
{
	struct row_webhook_key_get row;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_WEBHOOK_KEY, ERR_WEBHOOK_KEY_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = webhook_key_set(&web->ctx, id, active, &row);
	return err == ERR_OK ? whkey_reply(web, &row) : err;
}

enum err whkey_off(struct web *web)
{
	return whkey_turn(web, false);
}

enum err whkey_on(struct web *web)
{
	return whkey_turn(web, true);
}
