/* SPDX-License-Identifier: Apache-2.0 */
/* jws.c: libcjose signs and verifies; what it may be given is decided here first. */
#include "base.h"
#include "jws.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

/* OpenSSL, whose headers come along, has a type of this name; here it is our error. */
#define ERR_STATE openssl_err_state
#include <cjose/cjose.h>
#undef ERR_STATE

#define ALG "RS256"
#define TYP "JWT"
#define SIGNATURE_MAX 2048 /* bytes: an RSA key of 16384 bits */

struct jws_key {
	cjose_jwk_t *jwk;
	bool is_private;
	char kid[LIMIT_JWS_KEY_ID + 1];
};

/* libcjose's word as ours. */
static enum err err_of(const cjose_err *error)
{
	return error->code == CJOSE_ERR_NO_MEMORY ? ERR_NOMEM : ERR_CRYPTO;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static bool kid_valid(const char *kid)
{
	size_t len = kid == NULL ? 0 : strlen(kid);

	return len > 0 && len <= LIMIT_JWS_KEY_ID && utf8_valid(kid, len);
}

/* Appends the key as libcjose writes it; the copy that it hands out is wiped. */
static enum err put_jwk(const cjose_jwk_t *jwk, bool with_private, struct buf *out)
{
	cjose_err error = { .code = CJOSE_ERR_NONE };
	char *text = cjose_jwk_to_json(jwk, with_private, &error);

	if (text == NULL)
		return err_of(&error);
	buf_adds(out, text);
	wipe(text, strlen(text));
	free(text);
	return buf_err(out);
}

/* The members that may be published, in the order they are set. */
static enum err publish(const json_t *jwk, struct buf *out)
{
	json_t *public_jwk = json_object();
	enum err err = public_jwk == NULL ? ERR_NOMEM : json_put_text(public_jwk, "kty", "RSA");

	if (err == ERR_OK)
		err = json_put_text(public_jwk, "use", "sig");
	if (err == ERR_OK)
		err = json_put_text(public_jwk, "alg", ALG);
	if (err == ERR_OK)
		err = json_put_text(public_jwk, "kid", json_get_text(jwk, "kid"));
	if (err == ERR_OK)
		err = json_put_text(public_jwk, "n", json_get_text(jwk, "n"));
	if (err == ERR_OK)
		err = json_put_text(public_jwk, "e", json_get_text(jwk, "e"));
	if (err == ERR_OK)
		err = json_write(public_jwk, out);
	json_decref(public_jwk);
	return err;
}

/* The public half goes through libcjose's text of it, which has no private member. */
static enum err put_public(const cjose_jwk_t *jwk, struct buf *out)
{
	json_t *value = NULL;
	struct buf text;
	enum err err;

	buf_init(&text, LIMIT_JWK);
	err = put_jwk(jwk, false, &text);
	if (err == ERR_OK)
		err = json_read(text.data, text.len, &value, NULL);
	if (err == ERR_OK)
		err = publish(value, out);
	json_decref(value);
	buf_free(&text);
	return err;
}

enum err jws_key_make(
    const char *kid, unsigned bits, struct buf *private_jwk, struct buf *public_jwk)
{
	cjose_err error = { .code = CJOSE_ERR_NONE };
	cjose_jwk_t *jwk;
	enum err err = ERR_OK;

	if (!kid_valid(kid))
		return ERR_SYNTAX;
	if (bits < JWS_KEY_MIN_BITS)
		return ERR_RANGE;
	jwk = cjose_jwk_create_RSA_random(bits, NULL, 0, &error);
	if (jwk == NULL || !cjose_jwk_set_kid(jwk, kid, strlen(kid), &error))
		err = err_of(&error);
	if (err == ERR_OK)
		err = put_jwk(jwk, true, private_jwk);
	if (err == ERR_OK)
		err = put_public(jwk, public_jwk);
	cjose_jwk_release(jwk);
	return err;
}

/* What every key of ours has; whether it has its private half as well. */
static enum err look_at(const char *text, size_t len, struct jws_key *key)
{
	json_t *jwk = NULL;
	enum err err = json_read(text, len, &jwk, NULL);
	const char *kty = json_get_text(jwk, "kty"), *kid = json_get_text(jwk, "kid");

	if (err == ERR_OK && (kty == NULL || strcmp(kty, "RSA") != 0 || !kid_valid(kid)))
		err = ERR_SYNTAX;
	if (err == ERR_OK) {
		memcpy(key->kid, kid, strlen(kid) + 1);
		key->is_private = json_object_get(jwk, "d") != NULL;
	}
	json_decref(jwk);
	return err;
}

static enum err import(const char *text, size_t len, struct jws_key *key)
{
	cjose_err error = { .code = CJOSE_ERR_NONE };

	key->jwk = cjose_jwk_import(text, len, &error);
	if (key->jwk == NULL)
		return error.code == CJOSE_ERR_NO_MEMORY ? ERR_NOMEM : ERR_SYNTAX;
	return cjose_jwk_get_keysize(key->jwk, &error) < JWS_KEY_MIN_BITS ? ERR_SYNTAX : ERR_OK;
}

enum err jws_key_parse(const char *jwk, size_t len_bytes, struct jws_key **ret_key)
{
	struct jws_key *key;
	enum err err;

	if (len_bytes > LIMIT_JWK)
		return ERR_SYNTAX;
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return ERR_NOMEM;
	err = look_at(jwk, len_bytes, key);
	if (err == ERR_OK)
		err = import(jwk, len_bytes, key);
	if (err == ERR_OK)
		*ret_key = key;
	else
		jws_key_free(&key);
	return err;
}

void jws_key_free(struct jws_key **key)
{
	if (key == NULL || *key == NULL)
		return;
	/* OpenSSL overwrites the private numbers. */
	cjose_jwk_release((*key)->jwk);
	free(*key);
	*key = NULL;
}

/* ---- signing -------------------------------------------------------------------------------- */

static cjose_header_t *header_for(const struct jws_key *key, cjose_err *error)
{
	cjose_header_t *header = cjose_header_new(error);

	if (header != NULL && cjose_header_set(header, CJOSE_HDR_ALG, ALG, error) &&
	    cjose_header_set(header, "typ", TYP, error) &&
	    cjose_header_set(header, CJOSE_HDR_KID, key->kid, error))
		return header;
	cjose_header_release(header);
	return NULL;
}

static enum err sign_text(const struct jws_key *key, const struct buf *text, struct buf *out)
{
	cjose_err error = { .code = CJOSE_ERR_NONE };
	cjose_header_t *header = header_for(key, &error);
	cjose_jws_t *jws = NULL;
	const char *token = NULL;
	enum err err = ERR_OK;

	if (header != NULL)
		jws = cjose_jws_sign(
		    key->jwk, header, (const uint8_t *)text->data, text->len, &error);
	/* The text is the token's own, and goes with it. */
	if (jws == NULL || !cjose_jws_export(jws, &token, &error))
		err = err_of(&error);
	if (err == ERR_OK) {
		buf_adds(out, token);
		err = buf_err(out);
	}
	cjose_jws_release(jws);
	cjose_header_release(header);
	return err;
}

enum err jws_sign(const struct jws_key *key, const json_t *payload, struct buf *out)
{
	struct buf text;
	enum err err;

	if (!key->is_private)
		return ERR_STATE;
	buf_init(&text, LIMIT_JWS_PAYLOAD);
	err = json_write(payload, &text);
	if (err == ERR_OK)
		err = sign_text(key, &text, out);
	buf_free(&text);
	return err;
}

/* ---- verifying ------------------------------------------------------------------------------ */

/* A token taken apart. The bytes of its signature only have to be there. */
struct parts {
	uint8_t header[LIMIT_JWS_HEADER];
	size_t header_len;
	uint8_t payload[LIMIT_JWS_PAYLOAD];
	size_t payload_len;
};

/* The part up to `end`, decoded; moves *text behind it. ERR_SYNTAX, also when it is too long. */
static enum err take_part(const char **text, char end, uint8_t *out, size_t size, size_t *ret_len)
{
	size_t len = strcspn(*text, ".");
	enum err err = ERR_SYNTAX;

	if (len > 0 && (*text)[len] == end)
		err = base64url_decode(*text, len, out, size, ret_len);
	if (err == ERR_OK)
		*text += len + (end != '\0');
	return err == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

static enum err take_apart(const char *token, struct parts *parts)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t signature_len = 0;
	enum err err = strnlen(token, LIMIT_JWS + 1) > LIMIT_JWS ? ERR_SYNTAX : ERR_OK;

	if (err == ERR_OK)
		err = take_part(
		    &token, '.', parts->header, sizeof(parts->header), &parts->header_len);
	if (err == ERR_OK)
		err = take_part(
		    &token, '.', parts->payload, sizeof(parts->payload), &parts->payload_len);
	if (err == ERR_OK)
		err = take_part(&token, '\0', signature, sizeof(signature), &signature_len);
	return err;
}

/* An object in so many bytes of a token. */
static enum err read_object(const uint8_t *bytes, size_t len, json_t **ret_object)
{
	json_t *value = NULL;
	enum err err = json_read((const char *)bytes, len, &value, NULL);

	if (err != ERR_OK)
		return err;
	if (!json_is_object(value)) {
		json_decref(value);
		return ERR_SYNTAX;
	}
	*ret_object = value;
	return ERR_OK;
}

/* True when the header is one of ours: no other algorithm, no extension that we would have to know. */
static bool header_ours(const json_t *header)
{
	const char *alg = json_get_text(header, "alg"), *typ = json_get_text(header, "typ");

	return alg != NULL && strcmp(alg, ALG) == 0 && kid_valid(json_get_text(header, "kid")) &&
	       json_object_get(header, "crit") == NULL &&
	       (json_object_get(header, "typ") == NULL || (typ != NULL && strcmp(typ, TYP) == 0));
}

static enum err read_header(const struct parts *parts, char ret_kid[LIMIT_JWS_KEY_ID + 1])
{
	json_t *header = NULL;
	enum err err = read_object(parts->header, parts->header_len, &header);

	if (err == ERR_OK && !header_ours(header))
		err = ERR_SYNTAX;
	if (err == ERR_OK) {
		const char *kid = json_get_text(header, "kid");
		memcpy(ret_kid, kid, strlen(kid) + 1);
	}
	json_decref(header);
	return err;
}

enum err jws_key_id(const char *token, char ret_kid[LIMIT_JWS_KEY_ID + 1])
{
	struct parts parts;
	enum err err = take_apart(token, &parts);

	return err == ERR_OK ? read_header(&parts, ret_kid) : err;
}

static enum err verify_signature(const struct jws_key *key, const char *token)
{
	cjose_err error = { .code = CJOSE_ERR_NONE };
	cjose_jws_t *jws = cjose_jws_import(token, strlen(token), &error);
	bool fits = jws != NULL && cjose_jws_verify(jws, key->jwk, &error);

	cjose_jws_release(jws);
	if (fits)
		return ERR_OK;
	return error.code == CJOSE_ERR_NO_MEMORY ? ERR_NOMEM : ERR_TAMPERED;
}

enum err jws_verify(const struct jws_key *key, const char *token, json_t **ret_payload)
{
	char kid[LIMIT_JWS_KEY_ID + 1];
	struct parts parts;
	enum err err = take_apart(token, &parts);

	if (err == ERR_OK)
		err = read_header(&parts, kid);
	if (err == ERR_OK && strcmp(kid, key->kid) != 0)
		err = ERR_TAMPERED;
	if (err == ERR_OK)
		err = verify_signature(key, token);
	return err == ERR_OK ? read_object(parts.payload, parts.payload_len, ret_payload) : err;
}
