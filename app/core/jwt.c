/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.c: tokens, written and read claim by claim. */
#include "jwt_private.h"

#include <string.h>

#include "clock.h"
#include "json.h"

#define AHEAD_MS 10000 /* how far the clock of a host may be ahead of ours */
/* 9999-12-31T23:59:59Z; in milliseconds it still fits. */
#define SECONDS_MAX INT64_C(253402300799)

static const char *issuer_of(const struct settings *settings)
{
	if (settings->jwt_issuer[0] != '\0')
		return settings->jwt_issuer;
	return settings->public_url[0] != '\0' ? settings->public_url : "bonafide";
}

/* ---- writing -------------------------------------------------------------------------------------- */

static enum err put_id(json_t *payload, const char *name, struct uuid id)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(id, text);
	return json_put_text(payload, name, text);
}

static enum err write_claims(
    const struct settings *settings, const struct jwt_claims *claims, json_t *payload)
{
	enum err err = json_put_text(payload, "iss", issuer_of(settings));

	if (err == ERR_OK)
		err = json_put_text(payload, "aud", settings->jwt_audience);
	if (err == ERR_OK)
		err = put_id(payload, "sub", claims->account_id);
	if (err == ERR_OK)
		err = put_id(payload, "sid", claims->session_id);
	if (err == ERR_OK)
		err = put_id(payload, "jti", claims->id);
	if (err == ERR_OK)
		err = json_put_int(payload, "iat", claims->issued_at_ms / 1000);
	if (err == ERR_OK)
		err = json_put_int(payload, "exp", claims->expires_at_ms / 1000);
	return err;
}

enum err jwt_issue(struct ctx *ctx, const struct jwt_claims *claims, const char **ret_token)
{
	const struct jws_key *key = NULL;
	json_t *payload = json_object();
	struct buf token;
	enum err err = payload == NULL ? ERR_NOMEM : jwt_keys_signer(ctx, &key);

	buf_init(&token, LIMIT_JWS);
	if (err == ERR_OK)
		err = write_claims(ctx->settings, claims, payload);
	if (err == ERR_OK)
		err = jws_sign(key, payload, &token);
	if (err == ERR_OK) {
		const char *text = arena_strndup(ctx->arena, token.data, token.len);
		err = text == NULL ? ERR_NOMEM : ERR_OK;
		if (err == ERR_OK)
			*ret_token = text;
	}
	buf_free(&token);
	json_decref(payload);
	return err;
}

/* ---- reading -------------------------------------------------------------------------------------- */

static bool text_is(const json_t *payload, const char *name, const char *wanted)
{
	const char *text = json_get_text(payload, name);

	return text != NULL && strcmp(text, wanted) == 0;
}

static bool read_id(const json_t *payload, const char *name, struct uuid *ret_id)
{
	const char *text = json_get_text(payload, name);

	return text != NULL && uuid_parse(text, ret_id) == ERR_OK && !uuid_is_nil(*ret_id);
}

/* NumericDate (RFC 7519 section 2); of its forms only whole seconds, which is what we write. */
static bool read_time(const json_t *payload, const char *name, int64_t *ret_time_ms)
{
	const json_t *value = json_object_get(payload, name);
	json_int_t seconds = json_integer_value(value);

	if (!json_is_integer(value) || seconds < 0 || seconds > SECONDS_MAX)
		return false;
	*ret_time_ms = (int64_t)seconds * 1000;
	return true;
}

static bool read_claims(
    const struct settings *settings, const json_t *payload, struct jwt_claims *ret_claims)
{
	int64_t now_ms = clock_now_ms(), from_ms = now_ms;

	if (!text_is(payload, "iss", issuer_of(settings)) ||
	    !text_is(payload, "aud", settings->jwt_audience))
		return false;
	if (!read_id(payload, "sub", &ret_claims->account_id) ||
	    !read_id(payload, "sid", &ret_claims->session_id) ||
	    !read_id(payload, "jti", &ret_claims->id))
		return false;
	if (!read_time(payload, "iat", &ret_claims->issued_at_ms) ||
	    !read_time(payload, "exp", &ret_claims->expires_at_ms))
		return false;
	/* We write none, but honour one. */
	if (json_object_get(payload, "nbf") != NULL && !read_time(payload, "nbf", &from_ms))
		return false;
	return ret_claims->expires_at_ms > now_ms && from_ms <= now_ms + AHEAD_MS &&
	       ret_claims->issued_at_ms <= now_ms + AHEAD_MS;
}

/* The key that a token says it is of; ERR_SYNTAX when it says nothing that can be a key of ours. */
static enum err find_key(struct ctx *ctx, const char *token, const struct jws_key **ret_key)
{
	char kid[LIMIT_JWS_KEY_ID + 1];
	struct uuid id;
	enum err err = jws_key_id(token, kid);

	if (err == ERR_OK)
		err = uuid_parse(kid, &id);
	return err == ERR_OK ? jwt_keys_find(ctx, id, ret_key) : err;
}

enum err jwt_check(struct ctx *ctx, const char *token, struct jwt_claims *ret_claims)
{
	const struct jws_key *key = NULL;
	struct jwt_claims claims;
	json_t *payload = NULL;
	enum err err = find_key(ctx, token, &key);

	if (err == ERR_OK)
		err = jws_verify(key, token, &payload);
	if (err == ERR_SYNTAX || err == ERR_TAMPERED || err == ERR_MISSING)
		err = ERR_TOKEN_INVALID;
	if (err == ERR_OK && !read_claims(ctx->settings, payload, &claims))
		err = ERR_TOKEN_INVALID;
	if (err == ERR_OK)
		*ret_claims = claims;
	json_decref(payload);
	return err;
}
