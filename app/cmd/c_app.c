/* SPDX-License-Identifier: Apache-2.0 */
/* c_app.c: applications, the tenants who own everything. */
#include "c_key.h"

#include <string.h>

#include "application.h"
#include "json.h"
#include "limits.h"
#include "org.h"
#include "tx.h"

struct app_made {
	struct uuid id;
	struct uuid organization_id;
	const char *name;
	struct uuid key_id;
	const char *key;
};

static const struct ctl_column made_columns[] = {
	COLUMN_ID(struct app_made, id, ID_APPLICATION),
	COLUMN_ID(struct app_made, organization_id, ID_ORGANIZATION),
	COLUMN_TEXT(struct app_made, name),
	COLUMN_ID(struct app_made, key_id, ID_KEY),
	COLUMN_TEXT(struct app_made, key),
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct row_application_list, id, ID_APPLICATION),
	COLUMN_TEXT(struct row_application_list, name),
	COLUMN_ID(struct row_application_list, organization_id, ID_ORGANIZATION),
	COLUMN_TEXT(struct row_application_list, organization_name),
	COLUMN_TIME(struct row_application_list, created_at),
};

struct create_input {
	struct uuid org;
	const char *name;
};

static const struct ctl_arg create_args[] = {
	ARG_ID(struct create_input, org, "org", "ORG", true, ID_ORGANIZATION,
	    "The organisation it belongs to (org_...)."),
	ARG_TEXT(struct create_input, name, "NAME", NULL, true, LIMIT_ORG_NAME,
	    "What people call it; in quotes when it has spaces."),
};

/* Both or neither. */
static enum err make(struct ctx *ctx, void *arg)
{
	struct app_made *made = arg;
	struct key_made key;
	enum err err = application_create(ctx, made->organization_id, made->name, &made->id);

	if (err == ERR_OK)
		err = key_regenerate(ctx, made->id, 0, &key);
	if (err != ERR_OK)
		return err;
	made->key_id = key.row.id;
	made->key = key.text;
	return ERR_OK;
}

static enum err create(struct ctl *ctl, const void *input)
{
	const struct create_input *in = input;
	struct app_made made = { .organization_id = in->org, .name = in->name };
	enum err err = tx_run(&ctl->ctx, make, &made);

	if (err == ERR_MISSING)
		return ctl_fail(ctl, err,
		    "there is no such organisation; \"bonafide org list\" shows those there are");
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "an application cannot have that name");
	if (err == ERR_OK)
		err = ctl_print_one(ctl, made_columns, &made);
	if (err == ERR_OK)
		ctl_note(ctl, "\nThis is the only time its key is shown: store it now.");
	return err;
}

static enum err no_such_app(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_MISSING,
	    "there is no such application; \"bonafide app list\" shows those there are");
}

/* ---- regenerate-key ------------------------------------------------------------------------ */

struct regenerate_input {
	struct uuid app;
	int64_t overlap;
};

static const struct ctl_arg regenerate_args[] = {
	ARG_ID(struct regenerate_input, app, "APP", NULL, true, ID_APPLICATION,
	    "The application (app_...)."),
	ARG_INT(struct regenerate_input, overlap, "overlap", "SECONDS", 0, LIMIT_KEY_OVERLAP_S, 0,
	    "How long the old key works beside the new one (default 0: no longer)."),
};

static enum err regenerate(struct ctl *ctl, const void *input)
{
	const struct regenerate_input *in = input;
	struct key_made made;
	enum err err = key_regenerate(&ctl->ctx, in->app, in->overlap, &made);

	if (err == ERR_MISSING)
		return no_such_app(ctl);
	if (err != ERR_OK)
		return err;
	key_wait_lease(ctl);
	return key_print_made(ctl, &made);
}

/* ---- show ---------------------------------------------------------------------------------- */

struct app_shown {
	struct uuid id;
	struct uuid uuid; /* the same, as people know it who log in */
	struct uuid organization_id;
	const char *organization_name;
	const char *name;
	const char *client_id;
	const char *key_last4;
	const char *website_url;
	const char *redirect_uris; /* words: no blank is in an address */
	const char *terms_url;
	const char *privacy_url;
	const char *description;
	int64_t created_at;
	int64_t updated_at;
};

static const struct ctl_column show_columns[] = {
	COLUMN_ID(struct app_shown, id, ID_APPLICATION),
	COLUMN_ID(struct app_shown, uuid, ID_UUID),
	COLUMN_ID(struct app_shown, organization_id, ID_ORGANIZATION),
	COLUMN_TEXT(struct app_shown, organization_name),
	COLUMN_TEXT(struct app_shown, name),
	COLUMN_TEXT(struct app_shown, client_id),
	COLUMN_TEXT(struct app_shown, key_last4),
	COLUMN_TEXT(struct app_shown, website_url),
	COLUMN_WORDS(struct app_shown, redirect_uris),
	COLUMN_TEXT(struct app_shown, terms_url),
	COLUMN_TEXT(struct app_shown, privacy_url),
	COLUMN_TEXT(struct app_shown, description),
	COLUMN_TIME(struct app_shown, created_at),
	COLUMN_TIME(struct app_shown, updated_at),
};

#define URIS_CAP ((size_t)LIMIT_REDIRECT_URIS * (LIMIT_URL + 4))

/* A JSON array of texts as words, NULL as none. */
static enum err words_of(struct ctl *ctl, const char *json_text, const char **ret_words)
{
	json_t *array = NULL, *item;
	struct buf words;
	size_t i;
	enum err err = json_read(json_text == NULL ? "[]" : json_text,
	    json_text == NULL ? 2 : strlen(json_text), &array, NULL);

	buf_init(&words, URIS_CAP);
	json_array_foreach(array, i, item)
	    buf_printf(&words, "%s%s", i == 0 ? "" : " ", json_string_value(item));
	*ret_words = arena_strdup(ctl->ctx.arena, buf_str(&words));
	if (err == ERR_OK)
		err = buf_err(&words);
	buf_free(&words);
	json_decref(array);
	return err == ERR_OK && *ret_words == NULL ? ERR_NOMEM : err;
}

static enum err print_app(
    struct ctl *ctl, const struct row_application_get *owner, const struct application *application)
{
	const struct row_application_show *row = &application->row;
	struct app_shown shown = { .id = row->id,
		.uuid = row->id,
		.organization_id = owner->organization_id,
		.organization_name = owner->organization_name,
		.name = row->name,
		.client_id = application->client_id,
		.key_last4 = row->key_last4,
		.website_url = row->website_url,
		.terms_url = row->terms_url,
		.privacy_url = row->privacy_url,
		.description = row->description,
		.created_at = row->created_at,
		.updated_at = row->updated_at };
	enum err err = words_of(ctl, row->redirect_uris, &shown.redirect_uris);

	return err == ERR_OK ? ctl_print_one(ctl, show_columns, &shown) : err;
}

struct one_input {
	struct uuid app;
};

#define ARG_APP(input) \
	ARG_ID(struct input, app, "APP", NULL, true, ID_APPLICATION, "The application (app_...).")

static const struct ctl_arg one_args[] = { ARG_APP(one_input) };

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct row_application_get owner;
	struct application application;
	enum err err = application_get(&ctl->ctx, in->app, &owner);

	if (err == ERR_OK)
		err = application_show(&ctl->ctx, owner.organization_id, in->app, &application);
	if (err == ERR_MISSING || err == ERR_APPLICATION_NOT_FOUND)
		return no_such_app(ctl);
	return err == ERR_OK ? print_app(ctl, &owner, &application) : err;
}

/* ---- update -------------------------------------------------------------------------------- */

struct update_input {
	struct uuid app;
	struct application_about about;
	const char *clear;
};

/* What can be taken away, and where it stands. */
static const struct {
	const char *word;
	size_t offset;
	const char *nothing;
} clearable[] = {
	{ "website_url", offsetof(struct application_about, website_url), "" },
	{ "redirect_uris", offsetof(struct application_about, redirect_uris), "[]" },
	{ "terms_url", offsetof(struct application_about, terms_url), "" },
	{ "privacy_url", offsetof(struct application_about, privacy_url), "" },
	{ "description", offsetof(struct application_about, description), "" },
};

static const struct ctl_arg update_args[] = {
	ARG_APP(update_input),
	ARG_TEXT(struct update_input, about.name, "name", "NAME", false, LIMIT_APPLICATION_NAME,
	    "What people call it."),
	ARG_TEXT(struct update_input, about.website_url, "website-url", "URL", false, LIMIT_URL,
	    "Its website."),
	ARG_TEXT(struct update_input, about.redirect_uris, "redirect-uris", "URLS", false, URIS_CAP,
	    "Where people may be sent back to: up to 20, in quotes with a space between, in place "
	    "of those before."),
	ARG_TEXT(struct update_input, about.terms_url, "terms-url", "URL", false, LIMIT_URL,
	    "Its terms of service."),
	ARG_TEXT(struct update_input, about.privacy_url, "privacy-url", "URL", false, LIMIT_URL,
	    "Its privacy policy."),
	ARG_TEXT(struct update_input, about.description, "description", "TEXT", false,
	    LIMIT_APPLICATION_TEXT, "For its owners; end users do not see it."),
	ARG_TEXT(struct update_input, clear, "clear", "WORDS", false, LIMIT_SETTING,
	    "What to take away: website_url redirect_uris terms_url privacy_url description, in "
	    "quotes with a space between."),
};

/* The inverse of words_of(). */
static enum err json_of(struct ctl *ctl, const char *words, const char **ret_text)
{
	json_t *array = json_words(words);
	struct buf text;

	buf_init(&text, URIS_CAP * 2);
	enum err err = array == NULL ? ERR_NOMEM : json_write(array, &text);
	if (err == ERR_OK)
		*ret_text = arena_strdup(ctl->ctx.arena, buf_str(&text));
	buf_free(&text);
	json_decref(array);
	return err == ERR_OK && *ret_text == NULL ? ERR_NOMEM : err;
}

static enum err clear_one(
    struct ctl *ctl, const char *word, size_t len, struct application_about *about)
{
	for (size_t i = 0; i < countof(clearable); i++) {
		if (strlen(clearable[i].word) != len || memcmp(clearable[i].word, word, len) != 0)
			continue;
		const char **member = (const char **)(void *)((char *)about + clearable[i].offset);
		if (*member != NULL)
			return ctl_misuse(
			    ctl, "%s is both given and taken away", clearable[i].word);
		*member = clearable[i].nothing;
		return ERR_OK;
	}
	return ctl_misuse(ctl,
	    "--clear takes website_url, redirect_uris, terms_url, privacy_url and "
	    "description, not \"%.*s\"",
	    (int)len, word);
}

static enum err read_about(
    struct ctl *ctl, const struct update_input *in, struct application_about *ret_about)
{
	enum err err = ERR_OK;

	*ret_about = in->about;
	if (in->about.redirect_uris != NULL)
		err = json_of(ctl, in->about.redirect_uris, &ret_about->redirect_uris);
	for (const char *at = in->clear == NULL ? "" : in->clear; *at != '\0' && err == ERR_OK;) {
		size_t len = strcspn(at, " ");
		if (len > 0)
			err = clear_one(ctl, at, len, ret_about);
		at += len + (at[len] == ' ');
	}
	return err;
}

/* Which of them core will not take. */
static enum err misuse_of(struct ctl *ctl, const struct application_about *about)
{
	const struct {
		const char *option, *url;
	} urls[] = { { "website-url", about->website_url }, { "terms-url", about->terms_url },
		{ "privacy-url", about->privacy_url } };

	for (size_t i = 0; i < countof(urls); i++) {
		if (urls[i].url != NULL && urls[i].url[0] != '\0' &&
		    !application_url_ok(urls[i].url))
			return ctl_misuse(ctl,
			    "--%s must be an http or https URL with a host and without a user or "
			    "password",
			    urls[i].option);
	}
	if (about->redirect_uris != NULL && !application_uris_ok(about->redirect_uris))
		return ctl_misuse(ctl,
		    "--redirect-uris must be at most %d http or https URLs, each with a host and "
		    "without a user or password, no two alike",
		    LIMIT_REDIRECT_URIS);
	return ctl_misuse(ctl, "--name and --description must be texts on one line");
}

static enum err update(struct ctl *ctl, const void *input)
{
	static const struct application_about nothing = { .name = NULL };
	const struct update_input *in = input;
	struct application_about about;
	struct row_application_get owner;
	struct application application;
	enum err err = read_about(ctl, in, &about);

	if (err == ERR_OK && memcmp(&about, &nothing, sizeof(about)) == 0)
		return ctl_misuse(ctl, "say what to change: --name, --website-url and so on");
	if (err == ERR_OK)
		err = application_get(&ctl->ctx, in->app, &owner);
	if (err == ERR_OK)
		err = application_change(
		    &ctl->ctx, owner.organization_id, in->app, &about, &application);
	if (err == ERR_MISSING || err == ERR_APPLICATION_NOT_FOUND)
		return no_such_app(ctl);
	if (err == ERR_VALIDATION && !ctl->said)
		return misuse_of(ctl, &about);
	if (err == ERR_FULL)
		return ctl_fail(
		    ctl, err, "the applications of an organisation may not say more of themselves");
	return err == ERR_OK ? print_app(ctl, &owner, &application) : err;
}

/* ---- delete -------------------------------------------------------------------------------- */

struct delete_input {
	struct uuid app;
	bool force;
};

static const struct ctl_arg delete_args[] = {
	ARG_APP(delete_input),
	ARG_FLAG(struct delete_input, force, "force",
	    "Also when it had live traffic in the last 24 hours."),
};

struct app_deleted {
	struct uuid id;
	struct uuid organization_id;
	const char *name;
	bool deleted;
};

static const struct ctl_column deleted_columns[] = {
	COLUMN_ID(struct app_deleted, id, ID_APPLICATION),
	COLUMN_ID(struct app_deleted, organization_id, ID_ORGANIZATION),
	COLUMN_TEXT(struct app_deleted, name),
	COLUMN_BOOL(struct app_deleted, deleted),
};

static enum err end(struct ctl *ctl, const void *input)
{
	const struct delete_input *in = input;
	struct row_application_get owner;
	enum err err = application_get(&ctl->ctx, in->app, &owner);

	if (err == ERR_OK)
		err = application_delete(&ctl->ctx, owner.organization_id, in->app, in->force);
	if (err == ERR_MISSING || err == ERR_APPLICATION_NOT_FOUND)
		return no_such_app(ctl);
	if (err == ERR_APPLICATION_IN_USE)
		return ctl_fail(ctl, err,
		    "this application had live traffic in the last 24 hours; --force deletes it all "
		    "the same");
	if (err != ERR_OK)
		return err;
	key_wait_lease(ctl);
	struct app_deleted deleted = { .id = owner.id,
		.organization_id = owner.organization_id,
		.name = owner.name,
		.deleted = true };
	return ctl_print_one(ctl, deleted_columns, &deleted);
}

/* ---- list --------------------------------------------------------------------------------- */

struct list_input {
	struct uuid org;
};

static const struct ctl_arg list_args[] = {
	ARG_ID(struct list_input, org, "org", "ORG", false, ID_ORGANIZATION,
	    "Only those of this organisation."),
};

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct row_application_list *rows = NULL;
	size_t count = 0;
	enum err err = application_list(&ctl->ctx, in->org, &rows, &count);

	if (err != ERR_OK)
		return err;
	return ctl_print_list(ctl, list_columns, rows, count,
	    "There are no applications here yet. \"bonafide app create --org ORG NAME\" makes one.");
}

static const struct ctl_command commands[] = {
	{ .verb = "create",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = create,
	    .args = create_args,
	    .arg_count = countof(create_args),
	    .input_size = sizeof(struct create_input),
	    .summary = "make an application of an organisation",
	    .help =
		"Makes an application: the tenant who owns keys, verifications and usage. One "
		"application never sees anything of another. Its own key, which is live and may "
		"do everything in it, is made with it and shown this once; \"bonafide key "
		"create\" makes keys that may do less." },
	{ .verb = "regenerate-key",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = regenerate,
	    .args = regenerate_args,
	    .arg_count = countof(regenerate_args),
	    .input_size = sizeof(struct regenerate_input),
	    .summary = "make an application's own key anew and show it, once",
	    .help = "Makes a new key of the application's own and prints it. The old one ends at "
		    "once, everywhere when this command returns, or works for the overlap." },
	{ .verb = "list",
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list applications, newest first" },
	{ .verb = "show",
	    .needs = CTL_DB,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "show an application and what it says of itself" },
	{ .verb = "update",
	    .needs = CTL_DB,
	    .run = update,
	    .args = update_args,
	    .arg_count = countof(update_args),
	    .input_size = sizeof(struct update_input),
	    .summary = "change what an application says of itself",
	    .help = "What is not given stays as it was." },
	{ .verb = "delete",
	    .needs = CTL_DB,
	    .run = end,
	    .args = delete_args,
	    .arg_count = countof(delete_args),
	    .input_size = sizeof(struct delete_input),
	    .summary = "end an application and all its keys, for good",
	    .help = "When the command returns, its keys are refused on every host, nothing more is "
		    "sent to its webhook endpoints, and it is listed nowhere. What it had taken on "
		    "is carried out, and kept as long as other applications'. One that had live "
		    "traffic in the last 24 hours is deleted by force only." },
};

const struct ctl_noun noun_app = {
	.word = "app",
	.summary = "Applications: the tenants who own keys and verifications.",
	.commands = commands,
	.count = countof(commands),
};
