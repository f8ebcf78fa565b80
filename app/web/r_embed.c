/* SPDX-License-Identifier: Apache-2.0 */
/*
 * r_embed.c: the page of an age check in a frame (contract/age.md, Embed), and what it asks for first.
 *
 * Which pages may have it in a frame depends on whose key is in its address, and a browser reads that
 * from a header of the page itself (CSP 3 section 6.4.2; a <meta> cannot say it). So the page is
 * answered here and not by the web server as the others are; what it consists of are files of the web
 * server's: /embed/… and, for what both pages have, /verify/….
 */
#include "age.h"
#include "age_document.h"
#include "application.h"
#include "iso_country.h"
#include "origin.h"
#include "reply.h"
#include "sets.h"
#include "web.h"

#include <string.h>

#define KEY_MAX 128
#define PARAMETER_MAX 512
#define COUNTRIES_CAP 4096

/* ---- the address -------------------------------------------------------------------------------- */

struct embed_in {
	const char *key;
	const char *external_id;
	const char *level;
	const char *language;
};

/* The page itself reads what is behind the key, and says to the person, and to the page around it,
 * what is wrong there. */
static const struct field embed_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct embed_in, key, "key"), .flags = FIELD_REQUIRED, .min = 1,
	    .max = KEY_MAX, .sentence = "A publishable key." },
	{ ROW_TEXT(FIELD_TEXT, struct embed_in, external_id, "external_id"), .max = PARAMETER_MAX,
	    .sentence = "Who the person is to you: 1 to 128 of `A-Za-z0-9._:@-`." },
	{ ROW_TEXT(FIELD_TEXT, struct embed_in, level, "level"), .max = PARAMETER_MAX,
	    .sentence = "age_only, full_age or full_kyc." },
	{ ROW_TEXT(FIELD_TEXT, struct embed_in, language, "lang"), .max = PARAMETER_MAX,
	    .sentence = "en or fr; without it what the browser prefers." },
};
const struct field_set embed_query = FIELD_SET("EmbedQuery", embed_rows, struct embed_in);

/* ---- what the page is told ---------------------------------------------------------------------- */

static const char *const upload_texts[] = { "selfie", "idFront", "idBack", "video" };
static const struct word_list upload_words = { "EmbedUpload", countof(upload_texts), upload_texts };

struct embed_level {
	const char *level;
	const char *uploads; /* words, one space between */
	bool document;
};

static const struct field level_rows[] = {
	{ ROW_TEXT(FIELD_WORD, struct embed_level, level, "level"), .words = &age_level_words,
	    .sentence = "The level.", .example = "\"full_age\"" },
	{ ROW_TEXT(FIELD_WORDS, struct embed_level, uploads, "uploads"), .words = &upload_words,
	    .sentence = "What is to be taken, in this order.",
	    .example = "[\"selfie\",\"idFront\",\"idBack\"]" },
	{ ROW_BOOL(struct embed_level, document, "document"),
	    .sentence = "Whether what is printed on the document is asked for." },
};
static const struct field_set level_set = FIELD_SET("EmbedLevel", level_rows, struct embed_level);

static const struct field document_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct age_choice, country, "country"), .flags = FIELD_NULLABLE,
	    .sentence = "Whose document it is, ISO 3166-1 alpha-2; null: every country has one.",
	    .example = "\"SN\"" },
	{ ROW_TEXT(FIELD_TEXT, struct age_choice, type, "type"),
	    .sentence = "The kind of document, as a submission names it.",
	    .example = "\"passport\"" },
	{ ROW_TEXT(FIELD_TEXT, struct age_choice, pattern, "pattern"), .flags = FIELD_NULLABLE,
	    .sentence = "What its whole number must match, spaces and hyphens taken out, whatever "
			"the case; PCRE2. null: nobody knows, and any is taken.",
	    .example = "\"[A-Z]{2}[0-9]{7}\"" },
	{ ROW_BOOL(struct age_choice, back, "back"),
	    .sentence = "Whether its back is to be taken too.", .example = "false" },
};
static const struct field_set document_set =
    FIELD_SET("EmbedDocument", document_rows, struct age_choice);

struct embed_shown {
	const char *organization_name;
	const char *terms_url;
	const char *privacy_url;
	const char *origins; /* JSON */
	struct embed_level *levels;
	size_t level_count;
	struct age_choice *documents;
	size_t document_count;
	const char *countries; /* JSON */
	int64_t keep_days;
	int64_t record_years;
};

static const struct field shown_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct embed_shown, organization_name, "organizationName"),
	    .sentence = "Who asks.", .example = "\"Acme\"" },
	{ ROW_TEXT(FIELD_TEXT, struct embed_shown, terms_url, "termsUrl"), .flags = FIELD_NULLABLE,
	    .sentence = "Its terms." },
	{ ROW_TEXT(FIELD_TEXT, struct embed_shown, privacy_url, "privacyUrl"),
	    .flags = FIELD_NULLABLE, .sentence = "What it says of people's data." },
	{ ROW_TEXT(FIELD_TEXTS, struct embed_shown, origins, "origins"), .item_max = LIMIT_URL,
	    .sentence =
		"The pages that may have this one in a frame, and are told how it went: the "
		"origins of the application's redirect_uris.",
	    .example = "[\"https://acme.example\"]" },
	{ ROW_OBJECTS(struct embed_shown, levels, level_count, &level_set, "levels"),
	    .sentence = "What each level requires." },
	{ ROW_OBJECTS(struct embed_shown, documents, document_count, &document_set, "documents"),
	    .sentence =
		"The documents that are offered: of one country, and those of every country that "
		"are not named for it. With a pattern a register is asked; the others are a "
		"reviewer's." },
	{ ROW_TEXT(FIELD_TEXTS, struct embed_shown, countries, "countries"), .item_max = 2,
	    .sentence = "ISO 3166-1 alpha-2.", .example = "[\"SN\"]" },
	{ ROW_I64(FIELD_INT, struct embed_shown, keep_days, "keepDays"), .max = INT32_MAX,
	    .sentence = "So long is kept what was sent, after it was rejected or has expired.",
	    .example = "365" },
	{ ROW_I64(FIELD_INT, struct embed_shown, record_years, "recordYears"), .max = INT32_MAX,
	    .sentence = "So long at least is kept the record that an approved full_kyc makes.",
	    .example = "7" },
};
const struct field_set embed_settings = FIELD_SET("EmbedConfig", shown_rows, struct embed_shown);

/* The media that a level asks for, as words. */
static const char *uploads_of(struct arena *arena, enum age_level level)
{
	const char *text = "";

	for (size_t i = 0; i < UPLOAD__MAX && text != NULL; i++) {
		if (age_needs(level, (enum age_upload)i, NULL))
			text = arena_printf(arena, "%s%s%s", text, text[0] == '\0' ? "" : " ",
			    age_upload_name((enum age_upload)i));
	}
	return text;
}

/* What core holds a submission against, told before there is one. */
static enum err add_levels(struct arena *arena, struct embed_shown *shown)
{
	shown->levels = arena_array(arena, LEVEL__MAX, sizeof(*shown->levels));
	if (shown->levels == NULL)
		return ERR_NOMEM;
	shown->level_count = LEVEL__MAX;
	for (size_t i = 0; i < LEVEL__MAX; i++) {
		shown->levels[i] = (struct embed_level){ age_level_word((enum age_level)i),
			uploads_of(arena, (enum age_level)i),
			age_needs_document((enum age_level)i) };
		if (shown->levels[i].uploads == NULL)
			return ERR_NOMEM;
	}
	return ERR_OK;
}

static enum err write_countries(struct arena *arena, const char **ret_text)
{
	const char *code;
	struct buf text;

	buf_init(&text, COUNTRIES_CAP);
	for (size_t i = 0; (code = iso_country_at(i)) != NULL; i++)
		buf_printf(&text, "%c\"%s\"", i == 0 ? '[' : ',', code);
	buf_addc(&text, ']');
	const char *copy = buf_failed(&text) ? NULL : arena_strdup(arena, buf_str(&text));
	buf_free(&text);
	if (copy == NULL)
		return ERR_NOMEM;
	*ret_text = copy;
	return ERR_OK;
}

enum err embed_config(struct web *web)
{
	struct embed_shown shown = { .organization_name = NULL };
	struct row_application_asker asker;
	const char *origins = NULL;
	enum err err = application_asker(&web->ctx, web->ctx.actor.application_id, &asker);

	if (err == ERR_OK)
		err = origins_join(web->arena, asker.redirect_uris, "\"", ",", &origins);
	if (err == ERR_OK)
		err = write_countries(web->arena, &shown.countries);
	if (err == ERR_OK)
		err = add_levels(web->arena, &shown);
	if (err == ERR_OK)
		err = age_choices(&web->ctx, &shown.documents, &shown.document_count);
	if (err != ERR_OK)
		return err;
	shown.organization_name = asker.organization_name;
	shown.terms_url = asker.terms_url;
	shown.privacy_url = asker.privacy_url;
	shown.keep_days = web->ctx.settings->age_keep_days;
	shown.record_years = web->ctx.settings->record_keep_years;
	shown.origins = arena_printf(web->arena, "[%s]", origins);
	return shown.origins == NULL ? ERR_NOMEM : reply_object(web, &shown);
}

/* ---- the page ----------------------------------------------------------------------------------- */

static const char page[] =
    "<!doctype html>\n"
    "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
    "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta name=\"robots\" content=\"noindex, nofollow\">\n"
    "<title>Age verification</title>\n"
    "<link rel=\"icon\" href=\"/verify/favicon.svg\" type=\"image/svg+xml\">\n"
    "<link rel=\"stylesheet\" href=\"/verify/verify.css\">\n"
    "<link rel=\"stylesheet\" href=\"/embed/embed.css\">\n"
    "<script type=\"module\" src=\"/embed/embed.js\"></script>\n"
    "</head>\n<body>\n"
    "<svg class=\"symbols\" aria-hidden=\"true\" focusable=\"false\">\n"
    "<symbol id=\"icon-check\" viewBox=\"0 0 24 24\"><path d=\"M5 12.5l4.5 4.5L19 7.5\"/></symbol>\n"
    "<symbol id=\"icon-cross\" viewBox=\"0 0 24 24\"><path d=\"M7 7l10 10M17 7L7 17\"/></symbol>\n"
    "<symbol id=\"icon-clock\" viewBox=\"0 0 24 24\"><circle cx=\"12\" cy=\"12\" r=\"8\"/>"
    "<path d=\"M12 7.5V12l3 2\"/></symbol>\n"
    "</svg>\n"
    "<header class=\"top\">\n<p id=\"asker\" class=\"asker\"></p>\n"
    "<div id=\"languages\" class=\"languages\" role=\"group\"></div>\n</header>\n"
    "<main id=\"main\">\n<div id=\"progress\" class=\"progress\" hidden></div>\n"
    "<div id=\"notice\" role=\"status\"></div>\n"
    "<div id=\"screen\">\n<h1 tabindex=\"-1\">Loading… · Chargement…</h1>\n"
    "<div class=\"spinner\" aria-hidden=\"true\"></div>\n</div>\n"
    "<noscript><p>This page needs JavaScript. Please switch it on.</p>\n"
    "<p lang=\"fr\">Cette page a besoin de JavaScript. Activez-le.</p></noscript>\n</main>\n"
    "<footer id=\"footer\" class=\"foot\"></footer>\n"
    "<div id=\"live\" class=\"unseen\" role=\"status\" aria-live=\"polite\"></div>\n"
    "</body>\n</html>\n";

/* Nothing from, and nothing to, another host; blob: is what the camera took. */
static enum err add_policy(struct web *web, const char *origins)
{
	const char *policy = arena_printf(web->arena,
	    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	    "img-src 'self' blob:; media-src blob:; form-action 'none'; base-uri 'none'; "
	    "frame-ancestors %s",
	    origins[0] == '\0' ? "'none'" : origins);

	if (policy == NULL)
		return ERR_NOMEM;
	reply_header(web, "Content-Security-Policy", policy);
	reply_header(web, "Permissions-Policy",
	    "camera=(self), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()");
	reply_header(web, "Referrer-Policy", "no-referrer");
	return ERR_OK;
}

enum err embed_page(struct web *web)
{
	struct row_application_asker asker;
	const char *origins = NULL;
	enum err err = application_asker(&web->ctx, web->ctx.actor.application_id, &asker);

	if (err == ERR_OK)
		err = origins_join(web->arena, asker.redirect_uris, "", " ", &origins);
	if (err == ERR_OK)
		err = add_policy(web, origins);
	return err == ERR_OK ? reply_raw(web, "text/html; charset=utf-8", page, sizeof(page) - 1)
			     : err;
}
