/* SPDX-License-Identifier: Apache-2.0 */
/* r_jwks.c: the public keys that verify access tokens (RFC 7517), for whoever is shown one. */
#include "jwt.h"
#include "sets.h"
#include "web.h"

/* What core writes, as the document describes it. */
struct jwk {
	const char *kty;
	const char *use;
	const char *alg;
	const char *kid;
	const char *n;
	const char *e;
};

static const struct field jwk_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct jwk, kty, "kty"), .example = "\"RSA\"",
	    .sentence = "What sort of key." },
	{ ROW_TEXT(FIELD_TEXT, struct jwk, use, "use"), .example = "\"sig\"",
	    .sentence = "What it is for: signatures." },
	{ ROW_TEXT(FIELD_TEXT, struct jwk, alg, "alg"), .example = "\"RS256\"",
	    .sentence = "The one algorithm that it may be used with." },
	{ ROW_TEXT(FIELD_TEXT, struct jwk, kid, "kid"),
	    .example = "\"0198c0de-4b5a-7c3d-9e8f-1a2b3c4d5e6f\"",
	    .sentence = "The key's id; a token names it in its header." },
	{ ROW_TEXT(FIELD_TEXT, struct jwk, n, "n"),
	    .example =
		"\"u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7Qk\"",
	    .sentence = "The modulus, in base64url." },
	{ ROW_TEXT(FIELD_TEXT, struct jwk, e, "e"), .example = "\"AQAB\"",
	    .sentence = "The exponent, in base64url." },
};
static const struct field_set jwk_set = FIELD_SET("SigningKey", jwk_rows, struct jwk);

struct jwks {
	struct jwk *keys;
	size_t key_count;
};

static const struct field jwks_rows[] = {
	{ ROW_OBJECTS(struct jwks, keys, key_count, &jwk_set, "keys"),
	    .sentence = "Newest first: the one that signs, those before it whose tokens have not "
			"expired, and for a few seconds one that is about to sign." },
};
const struct field_set jwks_item = FIELD_SET("SigningKeys", jwks_rows, struct jwks);

enum err jwks_page(struct web *web)
{
	struct buf text;
	enum err err;

	buf_init(&text, LIMIT_REPLY);
	err = jwt_key_set(&web->ctx, &text);
	if (err == ERR_OK)
		err = reply_raw(web, "application/json; charset=utf-8", text.data, text.len);
	buf_free(&text);
	return err;
}
