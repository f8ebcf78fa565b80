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
	const char *scopes; /* words joined by a space; NULL: none were given */
	const char *environment;
	const char *kind; /* NULL: server */
	int64_t expires_at_ms;
};

static const struct word_list spelling_list = { "ScopeSpelling", SCOPE_COUNT * 2, scope_spellings };
static const struct word_list scope_list = { "Scope", SCOPE_COUNT, scope_words };

static const struct field input_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct key_input, name, "name"), .flags = FIELD_REQUIRED, .min = 1,
	    .max = LIMIT_KEY_NAME, .sentence = "What people call this key.",
	    .example = "\"Production backend\"" },
	{ ROW_TEXT(FIELD_WORDS, struct key_input, scopes, "scopes"), .min = 1,
	    .max = SCOPE_COUNT * 2, .words = &spelling_list,
	    .sentence = "What the key may do; never more than the key in use. Required for a "
			"server or partner key; a secret key takes none.",
	    .example = "[\"kyc.verify\",\"kyc.read\"]" },
	{ ROW_TEXT(FIELD_WORD, struct key_input, environment, "environment"),
	    .flags = FIELD_REQUIRED, .words = &environment_words,
	    .sentence = "Only a live key makes live keys." },
	{ ROW_TEXT(FIELD_WORD, struct key_input, kind, "kind"), .flags = FIELD_NULLABLE,
	    .words = &key_kind_words,
	    .sentence = "The kind of key: server (when absent), partner or secret. A publishable "
			"key comes with its secret, an application's key with the application." },
	{ ROW_I64(FIELD_TIME, struct key_input, expires_at_ms, "expires_at"),
	    .flags = FIELD_NULLABLE, .sentence = "From this time on the key is refused." },
};

static const struct key_format *format_asked_for(const struct key_input *in)
{
	enum key_kind kind = KEYKIND_SERVER;

	/* The row has let through known words only. */
	if (in->kind != NULL && key_kind_parse(in->kind, &kind) != ERR_OK)
		kind = KEYKIND_SERVER;
	return key_format_of(kind, ENV_LIVE);
}

/* What a key of this kind has and has not. */
static void check_input(const void *filled, struct complaints *complaints)
{
	const struct key_input *in = filled;
	const struct key_format *format = format_asked_for(in);

	if (format->belongs != NULL)
		complain(complaints, "kind", format->belongs);
	else if (format->fixed && in->scopes != NULL)
		complain(complaints, "scopes",
		    "must be absent: a key of this kind has those of its kind, and no other");
	else if (!format->fixed && in->scopes == NULL && !complained(complaints, "scopes"))
		complain(complaints, "scopes", "is required");
	if (in->expires_at_ms != TIME_NONE && in->expires_at_ms <= clock_now_ms())
		complain(complaints, "expires_at", "must be in the future");
}

const struct field_set key_request = { .name = "KeyRequest",
	.rows = input_rows,
	.count = countof(input_rows),
	.struct_size = sizeof(struct key_input),
	.rule = check_input };

struct rotation_input {
	int64_t overlap_s;
};

static const struct field rotation_rows[] = {
	{ ROW_I64(FIELD_INT, struct rotation_input, overlap_s, "overlap_seconds"),
	    .max = LIMIT_KEY_OVERLAP_S, .initial = LIMIT_KEY_OVERLAP_DEFAULT_S,
	    .sentence = "How long the old key works beside the new one; with 0 it has ended when "
			"this is answered." },
};
const struct field_set key_rotation =
    FIELD_SET("KeyRotation", rotation_rows, struct rotation_input);

/* The seed's members in the seed's order, and `key` in the one answer that shows it; those beyond
 * them only where they say something. */
struct key_shown {
	struct key_made made;
	const char *kind; /* NULL: server, which the seed's clients expect */
};

static const struct field created_rows[] = {
	{ ROW_ID(ID_KEY, struct key_shown, made.row.id, "id"), .sentence = "The API key." },
	{ ROW_TEXT(FIELD_TEXT, struct key_shown, made.row.name, "name"),
	    .sentence = "What people call it.", .example = "\"Production backend\"" },
	{ ROW_TEXT(FIELD_TEXT, struct key_shown, made.text, "key"),
	    .sentence = "The key itself, shown this once.",
	    .example = "\"dme_live_3mVhGJ1nT8cQ5xYwRz7KpL2sDf9BaN4uEt6HoCqXW80Sdxk\"" },
	{ ROW_TEXT(FIELD_WORDS, struct key_shown, made.row.scopes, "scopes"), .words = &scope_list,
	    .sentence = "What it was given; a secret or publishable key has the age family by its "
			"kind." },
	{ ROW_TEXT(FIELD_WORD, struct key_shown, made.row.environment, "environment"),
	    .words = &environment_words,
	    .sentence = "A sandbox key sees and makes only sandbox objects." },
	{ ROW_I64(FIELD_TIME, struct key_shown, made.row.created_at, "created_at"),
	    .sentence = "When it was made." },
	{ ROW_I64(FIELD_TIME, struct key_shown, made.row.last_used_at, "last_used_at"),
	    .flags = FIELD_NULLABLE, .sentence = "Up to a minute behind; null until used." },
	{ ROW_TEXT(FIELD_WORD, struct key_shown, kind, "kind"), .flags = FIELD_OPTIONAL,
	    .words = &key_kind_words, .sentence = "The kind of key, where it is not server." },
	{ ROW_ID(ID_KEY, struct key_shown, made.pair_id, "publishable_id"), .flags = FIELD_OPTIONAL,
	    .sentence = "The publishable key that was made with a secret one." },
	{ ROW_TEXT(FIELD_TEXT, struct key_shown, made.pair_text, "publishable_key"),
	    .flags = FIELD_OPTIONAL, .sentence = "It itself, shown this once." },
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
	{ ROW_TEXT(FIELD_WORD, struct row_key_list, kind, "kind"), .words = &key_kind_words,
	    .sentence = "The kind of key." },
};
const struct field_set key_item = FIELD_SET("Key", item_rows, struct row_key_list);

static enum err reply_made(struct web *web, const struct key_made *made)
{
	struct key_shown shown = { .made = *made, .kind = made->row.kind };

	if (strcmp(shown.kind, key_kind_word(KEYKIND_SERVER)) == 0)
		shown.kind = NULL;
	return reply_object(web, &shown);
}

enum err key_make(struct web *web)
{
	const struct key_input *in = WEB_INPUT(web, struct key_input);
	struct key_new key = { .application_id = web->ctx.actor.application_id,
		.kind = format_asked_for(in)->kind,
		.name = in->name,
		.expires_at_ms = in->expires_at_ms };
	struct key_made made;
	enum err err = environment_parse(in->environment, &key.environment);

	if (err == ERR_OK && in->scopes != NULL)
		err = scopes_parse(in->scopes, &key.scopes, NULL, 0);
	if (err == ERR_OK)
		err = key_create(&web->ctx, &key, &made);
	return err == ERR_OK ? reply_made(web, &made) : err;
}

enum err key_remove(struct web *web)
{
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_KEY, ERR_KEY_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = key_revoke(
		    &web->ctx, web->ctx.actor.application_id, ctx_environment(&web->ctx), id);
	return err;
}

enum err key_replace(struct web *web)
{
	struct key_made made;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_KEY, ERR_KEY_NOT_FOUND, &id);

	if (err == ERR_OK)
		err =
		    key_rotate(&web->ctx, web->ctx.actor.application_id, ctx_environment(&web->ctx),
			id, WEB_INPUT(web, struct rotation_input)->overlap_s, &made);
	return err == ERR_OK ? reply_made(web, &made) : err;
}

/* What has ended, or ends sooner, is committed: no worker may believe otherwise any more. */
enum err key_settle(struct web *web)
{
	keycache_revoked(web->keycache);
	return ERR_OK;
}
