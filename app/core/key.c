/* SPDX-License-Identifier: Apache-2.0 */
/* key.c: API keys. */
#include "key.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "scope.h"
#include "str.h"

#define DISPLAY_CHARS 4 /* of the random part that people see, beside the last four */
#define TOUCH_MS 60000

/* contract/README.md, Credentials: one row per prefix. A kind that is not here cannot be made
 * and is not recognised. */
const struct key_format key_formats[] = {
	{ "server", ENV_LIVE, "dme_live_", 42, 6, SCOPE_ALL },
	{ "server", ENV_SANDBOX, "dme_sandbox_", 42, 6, SCOPE_ALL },
};
const size_t key_format_count = countof(key_formats);

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const struct key_format *format_of(const char *kind, enum environment environment)
{
	for (size_t i = 0; i < key_format_count; i++) {
		if (strcmp(key_formats[i].kind, kind) == 0 &&
		    key_formats[i].environment == environment)
			return &key_formats[i];
	}
	return NULL;
}

static bool fits_format(const struct key_format *format, const char *text, size_t len)
{
	size_t prefix_len = strlen(format->prefix);
	size_t checked = prefix_len + format->random_chars;
	char check[16];

	if (len != checked + format->check_chars ||
	    strncmp(text, format->prefix, prefix_len) != 0 ||
	    strspn(text + prefix_len, alphabet) != len - prefix_len)
		return false;
	base62_encode(crc32_of(text, checked), format->check_chars, check);
	return memcmp(check, text + checked, format->check_chars) == 0;
}

bool key_plausible(const char *text)
{
	size_t len = strnlen(text, LIMIT_API_KEY + 1);

	for (size_t i = 0; i < key_format_count && len <= LIMIT_API_KEY; i++) {
		if (fits_format(&key_formats[i], text, len))
			return true;
	}
	return false;
}

enum err key_hash(struct ctx *ctx, const char *text, uint8_t ret_hash[32])
{
	return pepper_mac(ctx->keyring, PEPPER_API_KEY, text, strlen(text), ret_hash);
}

enum err key_find(struct ctx *ctx, const uint8_t hash[32], struct key_found *ret_key)
{
	struct row_key_find row;
	struct key_found key;
	enum err err = q_key_find(ctx->db, ctx->arena, (struct bytes){ hash, SHA256_SIZE }, &row);

	if (err == ERR_MISSING)
		return ERR_UNAUTHORIZED;
	if (err != ERR_OK)
		return err;
	if (row.revoked_at != TIME_NONE ||
	    (row.expires_at != TIME_NONE && row.expires_at <= clock_now_ms()))
		return ERR_UNAUTHORIZED;
	key = (struct key_found){ .id = row.id,
		.application_id = row.application_id,
		.organization_id = row.organization_id,
		.expires_at_ms = row.expires_at,
		.last_used_at_ms = row.last_used_at,
		.limits = { .rate_per_s = row.rate_per_s,
		    .burst = row.burst,
		    .daily_requests = row.daily_requests } };
	if (environment_parse(row.environment, &key.environment) != ERR_OK ||
	    org_status_parse(row.org_status, &key.org_status) != ERR_OK ||
	    scopes_parse(row.scopes, &key.scopes, NULL, 0) != ERR_OK)
		return ERR_DB_BROKEN;
	*ret_key = key;
	return ERR_OK;
}

/* prefix, random characters, checksum; into the arena. */
static enum err make_text(struct arena *arena, const struct key_format *format, char **ret_text)
{
	size_t prefix_len = strlen(format->prefix);
	size_t checked = prefix_len + format->random_chars;
	char *text = arena_alloc(arena, checked + format->check_chars + 1);
	uint32_t digit;

	if (text == NULL)
		return ERR_NOMEM;
	memcpy(text, format->prefix, prefix_len);
	for (size_t i = prefix_len; i < checked; i++) {
		enum err err = random_below(sizeof(alphabet) - 1, &digit);
		if (err != ERR_OK)
			return err;
		text[i] = alphabet[digit];
	}
	base62_encode(crc32_of(text, checked), format->check_chars, text + checked);
	*ret_text = text;
	return ERR_OK;
}

static enum err check_new(const struct key_new *key, const struct key_format *format)
{
	size_t length = utf8_valid(key->name, strlen(key->name)) ? utf8_length(key->name) : 0;

	if (format == NULL || length < 1 || length > LIMIT_KEY_NAME || key->scopes == 0 ||
	    (key->scopes & ~format->scopes) != 0)
		return ERR_VALIDATION;
	if (key->expires_at_ms != TIME_NONE && key->expires_at_ms <= clock_now_ms())
		return ERR_VALIDATION;
	return ERR_OK;
}

static enum err put_key(struct ctx *ctx, const struct key_new *key, const struct key_format *format,
    const char *text, struct uuid id)
{
	const char *scopes = scopes_text(ctx->arena, key->scopes);
	size_t shown = strlen(format->prefix) + DISPLAY_CHARS;
	const char *prefix = arena_strndup(ctx->arena, text, shown);
	uint8_t hash[SHA256_SIZE];

	if (scopes == NULL || prefix == NULL)
		return ERR_NOMEM;
	enum err err = key_hash(ctx, text, hash);
	if (err != ERR_OK)
		return err;
	return q_key_put(ctx->db, key->application_id, id, format->kind,
	    environment_word(key->environment), key->name, prefix, text + strlen(text) - 4,
	    (struct bytes){ hash, sizeof(hash) }, scopes, uuid_time_ms(id), key->expires_at_ms);
}

enum err key_create(
    struct ctx *ctx, const struct key_new *key, struct row_key_get *ret_row, const char **ret_text)
{
	const struct key_format *format =
	    format_of(key->kind == NULL ? "server" : key->kind, key->environment);
	struct row_key_get row;
	struct uuid id;
	char *text = NULL;
	enum err err = check_new(key, format);

	if (err == ERR_OK)
		err = uuid_make(&id);
	if (err == ERR_OK)
		err = make_text(ctx->arena, format, &text);
	if (err == ERR_OK)
		err = put_key(ctx, key, format, text, id);
	if (err == ERR_OK)
		err = q_key_get(ctx->db, ctx->arena, key->application_id, id, &row);
	if (err != ERR_OK)
		return err;
	*ret_row = row;
	*ret_text = text;
	return ERR_OK;
}

enum err key_list(struct ctx *ctx, struct uuid application_id, const char *environment,
    struct row_key_list **ret_rows, size_t *ret_count)
{
	return q_key_list(
	    ctx->db, ctx->arena, application_id, environment, clock_now_ms(), ret_rows, ret_count);
}

enum err key_revoke(
    struct ctx *ctx, struct uuid application_id, const char *environment, struct uuid key_id)
{
	uint64_t changed = 0;
	enum err err =
	    q_key_revoke(ctx->db, clock_now_ms(), application_id, key_id, environment, &changed);

	return err == ERR_OK && changed == 0 ? ERR_KEY_NOT_FOUND : err;
}

enum err key_touch(struct ctx *ctx, struct uuid application_id, struct uuid key_id)
{
	int64_t now_ms = clock_now_ms();

	return q_key_touch(ctx->db, now_ms, application_id, key_id, now_ms - TOUCH_MS, NULL);
}
