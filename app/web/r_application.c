/* SPDX-License-Identifier: Apache-2.0 */
/* r_application.c: applications, as the people of their organisation manage them
 * (contract/accounts.md). Once what was ended is committed, key_settle() of r_key.c waits. */
#include "application.h"

#include "sets.h"
#include "web.h"

/* ---- what comes in --------------------------------------------------------------------------------- */

#define URL_WORDS "must be an http or https URL with a host and without a user or password"

#define ROW_URL(member, text, null, words, shown) \
	{ \
		ROW_TEXT(FIELD_TEXT, struct application_about, member, text), \
		    .flags = (null) | FIELD_TRIM, .min = 1, .max = LIMIT_URL, .sentence = words, \
		    .example = shown \
	}

/* null: what a member that is null means. */
#define ABOUT_ROWS(null, name_words) \
	{ ROW_TEXT(FIELD_TEXT, struct application_about, name, "name"), .flags = FIELD_TRIM, \
		.min = 1, .max = LIMIT_APPLICATION_NAME, .sentence = name_words, \
		.example = "\"Acme Customer App\"" }, \
	    ROW_URL(website_url, "website_url", null, "Its website.", "\"https://acme.example\""), \
	    { ROW_TEXT(FIELD_TEXTS, struct application_about, redirect_uris, "redirect_uris"), \
		    .flags = FIELD_CASE, .max = LIMIT_REDIRECT_URIS, .item_max = LIMIT_URL, \
		    .sentence = "Where people may be sent back to.", \
		    .example = "[\"https://acme.example/callback\"]" }, \
	    ROW_URL(terms_url, "terms_url", null, "Its terms of service.", \
		"\"https://acme.example/terms\""), \
	    ROW_URL(privacy_url, "privacy_url", null, "Its privacy policy.", \
		"\"https://acme.example/privacy\""), \
	{ \
		ROW_TEXT(FIELD_TEXT, struct application_about, description, "description"), \
		    .flags = (null) | FIELD_TRIM, .min = 1, .max = LIMIT_APPLICATION_TEXT, \
		    .sentence = "For you; end users do not see it." \
	}

static void check_url(const char *url, const char *field, struct complaints *complaints)
{
	if (url != NULL && url[0] != '\0' && !application_url_ok(url))
		complain(complaints, field, URL_WORDS);
}

static void check_urls(const void *filled, struct complaints *complaints)
{
	const struct application_about *about = filled;

	check_url(about->website_url, "website_url", complaints);
	if (about->redirect_uris != NULL && !application_uris_ok(about->redirect_uris))
		complain(complaints, "redirect_uris", "each " URL_WORDS);
	check_url(about->terms_url, "terms_url", complaints);
	check_url(about->privacy_url, "privacy_url", complaints);
}

#define ABOUT_SET(text, array) \
	{ \
		.name = text, .rows = array, .count = countof(array), \
		.struct_size = sizeof(struct application_about), .rule = check_urls \
	}

static const struct field request_rows[] = { ABOUT_ROWS(
    FIELD_NULLABLE, "What people call it; \"<organisation name> App\" when absent.") };
const struct field_set application_request = ABOUT_SET("ApplicationRequest", request_rows);

static const struct field change_rows[] = { ABOUT_ROWS(FIELD_CLEARS, "What people call it.") };
const struct field_set application_changes = ABOUT_SET("ApplicationChange", change_rows);

struct renewal_input {
	int64_t overlap_s;
};

static const struct field renewal_rows[] = {
	{ ROW_I64(FIELD_INT, struct renewal_input, overlap_s, "overlap_seconds"),
	    .max = LIMIT_KEY_OVERLAP_S,
	    .sentence = "How long the old key works beside the new one; with 0 it has ended when "
			"this is answered." },
};
const struct field_set application_renewal =
    FIELD_SET("ApplicationKeyRequest", renewal_rows, struct renewal_input);

struct removal_query {
	bool force;
};

static const struct field removal_rows[] = {
	{ ROW_BOOL(struct removal_query, force, "force"),
	    .sentence = "Also when it had live traffic in the last 24 hours." },
};
const struct field_set application_removal =
    FIELD_SET("ApplicationRemoval", removal_rows, struct removal_query);

/* ---- what goes out --------------------------------------------------------------------------------- */

/* The seed's members in the seed's order; where the key is not shown, its end tells which it is. */
struct application_shown {
	struct application application;
	const char *api_key;
};

#define SHOWN(type_name, member, text) \
	ROW_TEXT(type_name, struct application_shown, application.member, text)

#define ROWS_BEFORE_KEY \
	{ ROW_ID(ID_UUID, struct application_shown, application.row.id, "uuid"), \
		.sentence = "The application." }, \
	    { SHOWN(FIELD_TEXT, row.name, "name"), .sentence = "What people call it.", \
		    .example = "\"Acme Customer App\"" }, \
	{ \
		SHOWN(FIELD_TEXT, client_id, "client_id"), .sentence = "Its public name.", \
							   .example = "\"S9LIYGSoWNuGMLHsvEt9dQ\"" \
	}

#define ROW_SHOWN_URL(member, text, words, shown) \
	{ \
		SHOWN(FIELD_TEXT, row.member, text), .flags = FIELD_NULLABLE, .sentence = words, \
						     .example = shown \
	}

#define ROWS_BEHIND_KEY \
	ROW_SHOWN_URL(website_url, "website_url", "Its website.", "\"https://acme.example\""), \
	    { SHOWN(FIELD_TEXTS, row.redirect_uris, "redirect_uris"), .item_max = LIMIT_URL, \
		    .sentence = "Where people may be sent back to.", \
		    .example = "[\"https://acme.example/callback\"]" }, \
	    ROW_SHOWN_URL(terms_url, "terms_url", "Its terms of service.", \
		"\"https://acme.example/terms\""), \
	    ROW_SHOWN_URL(privacy_url, "privacy_url", "Its privacy policy.", \
		"\"https://acme.example/privacy\""), \
	    ROW_SHOWN_URL(description, "description", "For you; end users do not see it.", NULL), \
	{ \
		ROW_I64(FIELD_TIME, struct application_shown, application.row.created_at, \
		    "created_at"), \
		    .sentence = "When it was made." \
	}

static const struct field created_rows[] = {
	ROWS_BEFORE_KEY,
	{ ROW_TEXT(FIELD_TEXT, struct application_shown, api_key, "api_key"),
	    .sentence = "The key of its own, shown this once: for `X-API-Key`, with every scope.",
	    .example = "\"05mHcOWL8GathLZlz8oIDawYj9qFAcoSHtz-75PAkuo\"" },
	ROWS_BEHIND_KEY,
};
const struct field_set application_created =
    FIELD_SET("ApplicationCreated", created_rows, struct application_shown);

static const struct field item_rows[] = {
	ROWS_BEFORE_KEY,
	{ ROW_TEXT(FIELD_TEXT, struct application_shown, api_key, "api_key"),
	    .flags = FIELD_NULLABLE, .sentence = "null: a key is shown once, when it is made." },
	{ SHOWN(FIELD_TEXT, row.key_last4, "api_key_last4"), .flags = FIELD_NULLABLE,
	    .sentence = "The end of the key that is in force; null when none is.",
	    .example = "\"Akuo\"" },
	ROWS_BEHIND_KEY,
};
const struct field_set application_item =
    FIELD_SET("Application", item_rows, struct application_shown);

/* ---- handlers -------------------------------------------------------------------------------------- */

#define APPLICATION_FULL \
	"is one application more than an organisation may have (1000), or more text than it may " \
	"keep of them (3 MiB)"
_Static_assert(
    LIMIT_APPLICATIONS == 1000 && LIMIT_APPLICATIONS_TEXT == 3 << 20, "the sentence says how many");

static enum err param_application(struct web *web, struct uuid *ret_id)
{
	return web_param_id(web, 1, ID_UUID, ERR_APPLICATION_NOT_FOUND, ret_id);
}

enum err application_index(struct web *web)
{
	struct application *list = NULL;
	size_t count = 0;
	enum err err = application_own(&web->ctx, web->ctx.actor.organization_id, &list, &count);
	struct application_shown *shown = arena_array(web->arena, count, sizeof(*shown));

	if (err == ERR_OK && shown == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		shown[i].application = list[i];
	return err == ERR_OK ? reply_list(web, shown, count) : err;
}

enum err application_new(struct web *web)
{
	struct application_shown shown = { .api_key = NULL };
	enum err err = application_make(&web->ctx, web->ctx.actor.organization_id,
	    WEB_INPUT(web, struct application_about), &shown.application, &shown.api_key);

	if (err == ERR_FULL)
		return web_complain(web, "body", APPLICATION_FULL);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err application_page(struct web *web)
{
	struct application_shown shown = { .api_key = NULL };
	struct uuid id;
	enum err err = param_application(web, &id);

	if (err == ERR_OK)
		err = application_show(
		    &web->ctx, web->ctx.actor.organization_id, id, &shown.application);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err application_alter(struct web *web)
{
	struct application_shown shown = { .api_key = NULL };
	struct uuid id;
	enum err err = param_application(web, &id);

	if (err == ERR_OK)
		err = application_change(&web->ctx, web->ctx.actor.organization_id, id,
		    WEB_INPUT(web, struct application_about), &shown.application);
	if (err == ERR_FULL)
		return web_complain(web, "body", APPLICATION_FULL);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err application_key(struct web *web)
{
	struct application_shown shown = { .api_key = NULL };
	struct uuid id;
	enum err err = param_application(web, &id);

	if (err == ERR_OK)
		err = application_renew_key(&web->ctx, web->ctx.actor.organization_id, id,
		    WEB_INPUT(web, struct renewal_input)->overlap_s, &shown.application,
		    &shown.api_key);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err application_end(struct web *web)
{
	struct uuid id;
	enum err err = param_application(web, &id);

	return err == ERR_OK ? application_delete(&web->ctx, web->ctx.actor.organization_id, id,
				   WEB_QUERY(web, struct removal_query)->force)
			     : err;
}
