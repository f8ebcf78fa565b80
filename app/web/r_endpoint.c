/* SPDX-License-Identifier: Apache-2.0 */
/* r_endpoint.c: webhook endpoints as the session family manages them (contract/sessions.md). Their
 * test is r_webhook.c's. */
#include "webhook.h"

#include "sets.h"
#include "web.h"

#define ENDPOINT_NAME_MAX 120
#define LABELS_MAX 8
#define LABEL_MAX 40
#define OVERLAP_MAX_S 604800
#define OVERLAP_DEFAULT_S 86400

/* ---- what comes in ------------------------------------------------------------------------------ */

struct endpoint_input {
	const char *url;
	const char *name;
	bool enabled;
	const char *events; /* words joined by a space */
	const char *labels; /* JSON text */
	bool asymmetric;
	bool legacy_secret_header;
	int64_t rate_per_s;
};

static const struct field endpoint_in_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_input, url, "url"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = LIMIT_URL, .sentence = "Where we POST events; https.",
	    .example = "\"https://your-app.com/webhooks\"" },
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_input, name, "name"),
	    .flags = FIELD_NULLABLE | FIELD_TRIM, .min = 1, .max = ENDPOINT_NAME_MAX,
	    .sentence = "What people call it.", .example = "\"Production\"" },
	{ ROW_BOOL(struct endpoint_input, enabled, "enabled"), .initial = 1,
	    .sentence = "Whether it is told of events from the start." },
	{ ROW_TEXT(FIELD_WORDS, struct endpoint_input, events, "subscribed_event_types"), .min = 1,
	    .max = EVENT__MAX, .words = &event_type_words,
	    .sentence = "What to be told of; the four of verification sessions when absent.",
	    .example = "[\"verification.attempt.succeeded\"]" },
	{ ROW_TEXT(FIELD_TEXTS, struct endpoint_input, labels, "labels"), .max = LABELS_MAX,
	    .item_max = LABEL_MAX, .sentence = "Words of your own.", .example = "[\"billing\"]" },
	{ ROW_BOOL(struct endpoint_input, asymmetric, "asymmetric"),
	    .sentence = "Also sign with an Ed25519 key of its own (v1a)." },
	{ ROW_BOOL(struct endpoint_input, legacy_secret_header, "legacy_secret_header"),
	    .sentence =
		"Also send the bare secret as deepidv-signature; the manual says why not." },
	{ ROW_I64(FIELD_INT, struct endpoint_input, rate_per_s, "rate_per_second"), .min = 1,
	    .max = WEBHOOK_RATE_MAX, .initial = DB_NULL,
	    .sentence = "At most so many deliveries a second; no limit when absent." },
};
const struct field_set endpoint_request =
    FIELD_SET("EndpointRequest", endpoint_in_rows, struct endpoint_input);

static const struct field endpoint_change_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct webhook_change, url, "url"), .min = 1, .max = LIMIT_URL,
	    .sentence = "Where we POST events; https.",
	    .example = "\"https://your-app.com/webhooks\"" },
	{ ROW_TEXT(FIELD_TEXT, struct webhook_change, name, "name"),
	    .flags = FIELD_CLEARS | FIELD_TRIM, .min = 1, .max = ENDPOINT_NAME_MAX,
	    .sentence = "What people call it; null takes the name away." },
	{ ROW_I64(FIELD_SWITCH, struct webhook_change, enabled, "enabled"),
	    .sentence = "Enabling sends what was held meanwhile.", .example = "true" },
	{ ROW_TEXT(FIELD_WORDS, struct webhook_change, events, "subscribed_event_types"), .min = 1,
	    .max = EVENT__MAX, .words = &event_type_words, .sentence = "What to be told of." },
	{ ROW_TEXT(FIELD_TEXTS, struct webhook_change, labels, "labels"), .max = LABELS_MAX,
	    .item_max = LABEL_MAX, .sentence = "Words of your own, in place of those before." },
	{ ROW_I64(
	      FIELD_SWITCH, struct webhook_change, legacy_secret_header, "legacy_secret_header"),
	    .sentence =
		"Also send the bare secret as deepidv-signature; the manual says why not." },
	{ ROW_I64(FIELD_INT, struct webhook_change, rate_per_s, "rate_per_second"),
	    .max = WEBHOOK_RATE_MAX, .initial = DB_NULL,
	    .sentence = "At most so many deliveries a second; 0 lifts the limit." },
};
const struct field_set endpoint_change = { .name = "EndpointChange",
	.rows = endpoint_change_rows,
	.count = countof(endpoint_change_rows),
	.struct_size = sizeof(struct webhook_change),
	.some_required = true };

static const struct field endpoint_query_rows[] = {
	ROW_LIMIT(struct webhook_filter),
	ROW_AFTER(struct webhook_filter, "whe?", "a webhook endpoint"),
	{ ROW_I64(FIELD_SWITCH, struct webhook_filter, enabled, "enabled"),
	    .sentence = "Only those that are enabled, or only those that are not." },
};
const struct field_set endpoint_query =
    FIELD_SET("EndpointQuery", endpoint_query_rows, struct webhook_filter);

struct rotate_input {
	int64_t overlap_s;
};

static const struct field rotate_rows[] = {
	{ ROW_I64(FIELD_INT, struct rotate_input, overlap_s, "overlap_seconds"),
	    .max = OVERLAP_MAX_S, .initial = OVERLAP_DEFAULT_S,
	    .sentence = "How long the old secret signs beside the new one." },
};
const struct field_set rotate_request =
    FIELD_SET("RotateRequest", rotate_rows, struct rotate_input);

/* ---- what goes out ------------------------------------------------------------------------------ */

/* The documented members in the documented order; those beyond them only where they say something. */
struct endpoint_shown {
	struct row_webhook_get row;
	struct uuid organization_id;
	bool enabled;
	const char *public_key;
};

static const struct field endpoint_rows[] = {
	{ ROW_ID(ID_ENDPOINT, struct endpoint_shown, row.id, "id"),
	    .sentence = "The webhook endpoint." },
	{ ROW_ID(ID_ORGANIZATION, struct endpoint_shown, organization_id, "organization_id"),
	    .sentence = "Whose it is." },
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_shown, row.name, "name"), .flags = FIELD_NULLABLE,
	    .sentence = "What people call it.", .example = "\"Production\"" },
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_shown, row.url, "url"),
	    .sentence = "Where we POST events.", .example = "\"https://your-app.com/webhooks\"" },
	{ ROW_BOOL(struct endpoint_shown, enabled, "enabled"),
	    .sentence = "Whether it is sent anything.", .example = "true" },
	{ ROW_TEXT(FIELD_WORDS, struct endpoint_shown, row.events, "subscribed_event_types"),
	    .words = &event_type_words, .sentence = "What it is told of.",
	    .example = "[\"verification.attempt.succeeded\"]" },
	{ ROW_I64(FIELD_TIME, struct endpoint_shown, row.created_at, "created_at"),
	    .sentence = "When it was registered." },
	{ ROW_I64(FIELD_TIME, struct endpoint_shown, row.updated_at, "updated_at"),
	    .sentence = "When it was last changed." },
	{ ROW_I64(FIELD_TIME, struct endpoint_shown, row.disabled_at, "disabled_at"),
	    .flags = FIELD_NULLABLE,
	    .sentence = "Since when it is disabled; null while it is not." },
	{ ROW_TEXT(FIELD_TEXTS, struct endpoint_shown, row.labels, "labels"), .item_max = LABEL_MAX,
	    .sentence = "Words of your own.", .example = "[\"billing\"]" },
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_shown, public_key, "public_key"),
	    .flags = FIELD_OPTIONAL, .sentence = "Of its Ed25519 key; there where it has one." },
	{ ROW_BOOL(struct endpoint_shown, row.legacy_secret_header, "legacy_secret_header"),
	    .flags = FIELD_OPTIONAL,
	    .sentence = "There, and true, where the bare secret is sent too." },
	{ ROW_I64(FIELD_INT, struct endpoint_shown, row.rate_per_s, "rate_per_second"),
	    .flags = FIELD_OPTIONAL, .min = 1, .max = WEBHOOK_RATE_MAX,
	    .sentence = "There where deliveries a second are limited." },
};
const struct field_set endpoint_item = FIELD_SET("Endpoint", endpoint_rows, struct endpoint_shown);

struct endpoint_made {
	struct endpoint_shown endpoint;
	const char *secret;
};

static const struct field endpoint_made_rows[] = {
	{ ROW_OBJECT(struct endpoint_made, endpoint, &endpoint_item, "endpoint"),
	    .sentence = "The endpoint itself." },
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_made, secret, "signing_secret"),
	    .sentence = "What signs deliveries.",
	    .example = "\"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfmTQ1xK4Q=\"" },
};
const struct field_set endpoint_created =
    FIELD_SET("EndpointCreated", endpoint_made_rows, struct endpoint_made);

struct endpoint_secret {
	struct uuid id;
	const char *secret;
};

static const struct field endpoint_secret_rows[] = {
	{ ROW_ID(ID_ENDPOINT, struct endpoint_secret, id, "endpoint_id"),
	    .sentence = "The webhook endpoint." },
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_secret, secret, "signing_secret"),
	    .sentence = "What signs deliveries.",
	    .example = "\"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfmTQ1xK4Q=\"" },
};
const struct field_set endpoint_secret =
    FIELD_SET("EndpointSecret", endpoint_secret_rows, struct endpoint_secret);

struct endpoint_farewell {
	const char *message, *status;
};

static const struct field endpoint_gone_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_farewell, message, "message"),
	    .sentence = "For people.", .example = "\"Webhook endpoint deleted.\"" },
	{ ROW_TEXT(FIELD_TEXT, struct endpoint_farewell, status, "status"),
	    .sentence = "For programs.", .example = "\"success\"" },
};
const struct field_set endpoint_gone =
    FIELD_SET("EndpointDeleted", endpoint_gone_rows, struct endpoint_farewell);

/* ---- handlers ----------------------------------------------------------------------------------- */

enum err endpoint_prepare(struct web *web)
{
	return web_check_url(web, WEB_INPUT(web, struct endpoint_input)->url);
}

enum err endpoint_change_prepare(struct web *web)
{
	return web_check_url(web, WEB_INPUT(web, struct webhook_change)->url);
}

/* What the row does not say. */
static enum err endpoint_fill(struct web *web, struct endpoint_shown *shown)
{
	shown->organization_id = web->ctx.actor.organization_id;
	shown->enabled = shown->row.disabled == NULL;
	return webhook_public_key(&web->ctx, &shown->row, &shown->public_key);
}

enum err endpoint_make(struct web *web)
{
	const struct endpoint_input *in = WEB_INPUT(web, struct endpoint_input);
	struct webhook_new webhook = { .surface = SURFACE_SESSION,
		.url = in->url,
		.name = in->name,
		.events = in->events,
		.labels = in->labels,
		.enabled = in->enabled,
		.asymmetric = in->asymmetric,
		.legacy_secret_header = in->legacy_secret_header,
		.rate_per_s = in->rate_per_s };
	struct endpoint_made made = { .secret = NULL };
	enum err err = webhook_create(&web->ctx, &webhook, &made.endpoint.row, &made.secret);

	if (err == ERR_FULL)
		return web_complain(web, "body", WEBHOOK_FULL);
	if (err == ERR_OK)
		err = endpoint_fill(web, &made.endpoint);
	return err == ERR_OK ? reply_object(web, &made) : err;
}

enum err endpoint_index(struct web *web)
{
	struct row_webhook_get *rows = NULL;
	size_t count = 0;
	bool more = false;
	enum err err =
	    webhook_list(&web->ctx, WEB_QUERY(web, struct webhook_filter), &rows, &count, &more);
	struct endpoint_shown *shown = arena_array(web->arena, count, sizeof(*shown));

	if (err == ERR_OK && shown == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		shown[i].row = rows[i];
		err = endpoint_fill(web, &shown[i]);
	}
	return err == ERR_OK ? reply_more(web, shown, count, more) : err;
}

enum err endpoint_show(struct web *web)
{
	struct endpoint_shown shown;
	struct uuid id;
	enum err err = web_param_endpoint(web, 0, &id);

	if (err == ERR_OK)
		err = webhook_get(&web->ctx, id, &shown.row);
	if (err == ERR_OK)
		err = endpoint_fill(web, &shown);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err endpoint_alter(struct web *web)
{
	struct webhook_change change = *WEB_INPUT(web, struct webhook_change);
	struct endpoint_shown shown;
	struct uuid id;
	enum err err = web_param_endpoint(web, 0, &id);

	change.clear_name = change.name != NULL && change.name[0] == '\0';
	if (err == ERR_OK)
		err = webhook_change(&web->ctx, id, &change, &shown.row);
	if (err == ERR_OK)
		err = endpoint_fill(web, &shown);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err endpoint_remove(struct web *web)
{
	static const struct endpoint_farewell gone = { "Webhook endpoint deleted.", "success" };
	struct uuid id;
	enum err err = web_param_endpoint(web, 0, &id);

	if (err == ERR_OK)
		err = webhook_delete(&web->ctx, id);
	return err == ERR_OK ? reply_object(web, &gone) : err;
}

enum err endpoint_reveal(struct web *web)
{
	struct endpoint_secret shown;
	enum err err = web_param_endpoint(web, 0, &shown.id);

	if (err == ERR_OK)
		err = webhook_reveal(&web->ctx, shown.id, &shown.secret);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err endpoint_rotate(struct web *web)
{
	struct endpoint_secret shown;
	enum err err = web_param_endpoint(web, 0, &shown.id);

	if (err == ERR_OK)
		err = webhook_rotate(&web->ctx, shown.id,
		    WEB_INPUT(web, struct rotate_input)->overlap_s, &shown.secret);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}
