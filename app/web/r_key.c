/* SPDX-License-Identifier: Apache-2.0 */
/* r_key.c: the key routes of family kyc. Listing is a statement row (routes.c). */
#include "key.h"

#include <string.h>

#include "clock.h"
#include "keycache.h"
#include "scope.h"
#include "sets.h"
#include "web.h"

struct key_input {
	const char *name;
	const char *scopes; /* words joined by a space */
	const char *environment;
	const char *kind;
	int64_t expires_at_ms;
};

static const char *const kinds[] = { "server" };
static const struct word_list kind_words = { "KeyKind", countof(kinds), kinds };
static const struct word_list spelling_list = { "ScopeSpelling", SCOPE_COUNT * 2, scope_spellings };
static const struct word_list scope_list = { "Scope", SCOPE_COUNT, scope_words };

static const struct field input_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct key_input, name, "name"), .flags = FIELD_REQUIRED, .min = 1,
	    .max = LIMIT_KEY_NAME, .sentence = "What people call this key.",
	    .example = "\"Production backend\"" },
	{ ROW_TEXT(FIELD_WORDS, struct key_input, scopes, "scopes"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = SCOPE_COUNT * 2, .words = &spelling_list,
	    .sentence = "What the key may do; never more than the key in use.",
	    .example = "[\"kyc.verify\",\"kyc.read\"]" },
	{ ROW_TEXT(FIELD_WORD, struct key_input, environment, "environment"),
	    .flags = FIELD_REQUIRED, .words = &environment_words,
	    .sentence = "Only a live key makes live keys." },
	{ ROW_TEXT(FIELD_WORD, struct key_input, kind, "kind"), .flags = FIELD_NULLABLE,
	    .words = &kind_words, .sentence = "The kind of key; server when absent." },
	{ ROW_I64(FIELD_TIME, struct key_input, expires_at_ms, "expires_at"),
	    .flags = FIELD_NULLABLE, .sentence = "From this time on the key is refused." },
};
const struct field_set key_request = FIELD_SET("KeyRequest", input_rows, struct key_input);

/* The seed's members in the seed's order, and `key` in the one answer that shows it. */
struct key_shown {
	struct row_key_get row;
	const char *text;
};

static const struct field created_rows[] = {
	{ ROW_ID(ID_KEY, struct key_shown, row.id, "id"), .sentence = "The API key." },
	{ ROW_TEXT(FIELD_TEXT, struct key_shown, row.name, "name"),
	    .sentence = "What people call it.", .example = "\"Production backend\"" },
	{ ROW_TEXT(FIELD_TEXT, struct key_shown, text, "key"),
	    .sentence = "The key itself, shown this once.",
	    .example = "\"dme_live_3mVhGJ1nT8cQ5xYwRz7KpL2sDf9BaN4uEt6HoCqXW80Sdxk\"" },
	{ ROW_TEXT(FIELD_WORDS, struct key_shown, row.scopes, "scopes"), .words = &scope_list,
	    .sentence = "What it may do." },
	{ ROW_TEXT(FIELD_WORD, struct key_shown, row.environment, "environment"),
	    .words = &environment_words,
	    .sentence = "A sandbox key sees and makes only sandbox objects." },
	{ ROW_I64(FIELD_TIME, struct key_shown, row.created_at, "created_at"),
	    .sentence = "When it was made." },
	{ ROW_I64(FIELD_TIME, struct key_shown, row.last_used_at, "last_used_at"),
	    .flags = FIELD_NULLABLE, .sentence = "Up to a minute behind; null until used." },
};
const struct field_set key_created = FIELD_SET("KeyCreated", created_rows, struct key_shown);

static const struct field item_rows[] = {
	{ ROW_ID(ID_KEY, struct row_key_list, id, "id"), .sentence = "The API key." },
	{ ROW_TEXT(FIELD_TEXT, struct row_key_list, name, "name"),
	    .sentence = "What people call it.", .example = "\"Production backend\"" },
	{ ROW_TEXT(FIELD_WORDS, struct row_key_list, scopes, "scopes"), .words = &scope_list,
	    .sentence = "What it may do." },
	{ ROW_TEXT(FIELD_WORD, struct row_key_list, environment, "environment"),
	    .words = &environment_words,
	    .sentence = "A sandbox key sees and makes only sandbox objects." },
	{ ROW_I64(FIELD_TIME, struct row_key_list, created_at, "created_at"),
	    .sentence = "When it was made." },
	{ ROW_I64(FIELD_TIME, struct row_key_list, last_used_at, "last_used_at"),
	    .flags = FIELD_NULLABLE, .sentence = "Up to a minute behind; null until used.",
	    .example = "\"2026-05-01T10:30:00Z\"" },
};
const struct field_set key_item = FIELD_SET("Key", item_rows, struct row_key_list);

/* Nobody can give a key more than the key in use has (contract/README.md, Credentials). */
static enum err check_gift(const struct actor *actor, const struct key_new *key)
{
	if (key->environment == ENV_LIVE && actor->environment != ENV_LIVE)
		return ERR_FORBIDDEN;
	return (key->scopes & ~actor->scopes) == 0 ? ERR_OK : ERR_FORBIDDEN;
}

enum err key_make(struct web *web)
{
	const struct key_input *in = WEB_INPUT(web, struct key_input);
	struct key_new key = { .application_id = web->ctx.actor.application_id,
		.kind = in->kind,
		.name = in->name,
		.expires_at_ms = in->expires_at_ms };
	struct key_shown shown = { .text = NULL };
	enum err err = environment_parse(in->environment, &key.environment);

	if (err == ERR_OK)
		err = scopes_parse(in->scopes, &key.scopes, NULL, 0);
	if (err == ERR_OK && key.expires_at_ms != TIME_NONE && key.expires_at_ms <= clock_now_ms())
		return web_complain(web, "expires_at", "must be in the future");
	if (err == ERR_OK)
		err = check_gift(&web->ctx.actor, &key);
	if (err == ERR_OK)
		err = key_create(&web->ctx, &key, &shown.row, &shown.text);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err key_remove(struct web *web)
{
	const struct actor *actor = &web->ctx.actor;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_KEY, ERR_KEY_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = key_revoke(&web->ctx, actor->application_id,
		    actor->environment == ENV_SANDBOX ? environment_word(ENV_SANDBOX) : NULL, id);
	if (err == ERR_OK)
		keycache_revoked(web->keycache);
	return err;
}
