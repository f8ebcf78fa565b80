/* SPDX-License-Identifier: Apache-2.0 */
/* r_webhook.c: the webhook routes of family kyc, and the test of an endpoint, which the session
 * family answers alike (contract/kyc.md, "Test of a webhook"). */
#include "webhook.h"

#include <string.h>

#include "clock.h"
#include "delivery.h"
#include "event.h"
#include "proc.h"
#include "sets.h"
#include "web.h"

#define TEST_WAIT_MS 15000
#define TEST_LOOK_MS 50
#define TEST_SPARE_MS 2000 /* left of request_timeout_s for the answer */
#define TEST_CROWDED_MS 300

/* ---- what comes in ------------------------------------------------------------------------------ */

struct webhook_input {
	const char *url;
	const char *events; /* words joined by a space */
	const char *description;
	bool asymmetric;
	bool legacy_secret_header;
	int64_t rate_per_s;
};

static const struct field webhook_in_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct webhook_input, url, "url"), .flags = FIELD_REQUIRED, .min = 1,
	    .max = LIMIT_URL, .sentence = "Where we POST events; https.",
	    .example = "\"https://your-app.com/webhooks/d-me\"" },
	{ ROW_TEXT(FIELD_WORDS, struct webhook_input, events, "events"), .flags = FIELD_REQUIRED,
	    .min = 1, .max = EVENT__MAX, .words = &event_type_words,
	    .sentence = "What to be told of.",
	    .example = "[\"verification.completed\",\"verification.failed\"]" },
	{ ROW_TEXT(FIELD_TEXT, struct webhook_input, description, "description"),
	    .flags = FIELD_NULLABLE, .max = LIMIT_DESCRIPTION, .sentence = "For people.",
	    .example = "\"Production webhook\"" },
	{ ROW_BOOL(struct webhook_input, asymmetric, "asymmetric"),
	    .sentence = "Also sign with an Ed25519 key of its own (v1a)." },
	{ ROW_BOOL(struct webhook_input, legacy_secret_header, "legacy_secret_header"),
	    .sentence =
		"Also send the bare secret as deepidv-signature; the manual says why not." },
	{ ROW_I64(FIELD_INT, struct webhook_input, rate_per_s, "rate_per_second"), .min = 1,
	    .max = WEBHOOK_RATE_MAX, .initial = DB_NULL,
	    .sentence = "At most so many deliveries a second; no limit when absent." },
};
const struct field_set webhook_request =
    FIELD_SET("WebhookRequest", webhook_in_rows, struct webhook_input);

/* ---- what goes out ------------------------------------------------------------------------------ */

/* The seed's members in the seed's order. */
struct webhook_shown {
	struct row_webhook_get row;
	const char *secret;
	const char *public_key;
	bool active;
};

#define WEBHOOK_PUBLIC_KEY \
	{ \
		ROW_TEXT(FIELD_TEXT, struct webhook_shown, public_key, "public_key"), \
		    .flags = FIELD_OPTIONAL, \
		    .sentence = "Of the endpoint's Ed25519 key; there where it has one." \
	}

static const struct field webhook_created_rows[] = {
	{ ROW_ID(ID_WEBHOOK, struct webhook_shown, row.id, "id"),
	    .sentence = "The webhook endpoint." },
	{ ROW_TEXT(FIELD_TEXT, struct webhook_shown, row.url, "url"),
	    .sentence = "Where we POST events.",
	    .example = "\"https://your-app.com/webhooks/d-me\"" },
	{ ROW_TEXT(FIELD_WORDS, struct webhook_shown, row.events, "events"),
	    .words = &event_type_words, .sentence = "What it is told of.",
	    .example = "[\"verification.completed\",\"verification.failed\"]" },
	{ ROW_TEXT(FIELD_TEXT, struct webhook_shown, secret, "secret"),
	    .sentence = "What signs deliveries, shown this once.",
	    .example = "\"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfmTQ1xK4Q=\"" },
	{ ROW_BOOL(struct webhook_shown, active, "active"),
	    .sentence = "Whether it is sent anything.", .example = "true" },
	{ ROW_I64(FIELD_TIME, struct webhook_shown, row.created_at, "created_at"),
	    .sentence = "When it was registered." },
	WEBHOOK_PUBLIC_KEY,
};
const struct field_set webhook_created =
    FIELD_SET("WebhookCreated", webhook_created_rows, struct webhook_shown);

static const struct field webhook_item_rows[] = {
	{ ROW_ID(ID_WEBHOOK, struct webhook_shown, row.id, "id"),
	    .sentence = "The webhook endpoint." },
	{ ROW_TEXT(FIELD_TEXT, struct webhook_shown, row.url, "url"),
	    .sentence = "Where we POST events.",
	    .example = "\"https://your-app.com/webhooks/d-me\"" },
	{ ROW_TEXT(FIELD_WORDS, struct webhook_shown, row.events, "events"),
	    .words = &event_type_words, .sentence = "What it is told of.",
	    .example = "[\"verification.completed\",\"verification.failed\"]" },
	{ ROW_BOOL(struct webhook_shown, active, "active"),
	    .sentence = "Whether it is sent anything.", .example = "true" },
	{ ROW_I64(FIELD_TIME, struct webhook_shown, row.created_at, "created_at"),
	    .sentence = "When it was registered." },
	WEBHOOK_PUBLIC_KEY,
};
const struct field_set webhook_item = FIELD_SET("Webhook", webhook_item_rows, struct webhook_shown);

struct webhook_trial {
	bool delivered;
	int64_t status_code;
	int64_t response_time_ms;
	const char *message;
};

static const struct field webhook_trial_rows[] = {
	{ ROW_BOOL(struct webhook_trial, delivered, "delivered"),
	    .sentence = "Whether the endpoint answered 2xx.", .example = "true" },
	{ ROW_I64(FIELD_INT, struct webhook_trial, status_code, "status_code"),
	    .flags = FIELD_NULLABLE, .min = 100, .max = 999,
	    .sentence = "What the endpoint answered; null when it did not.", .example = "200" },
	{ ROW_I64(FIELD_INT, struct webhook_trial, response_time_ms, "response_time_ms"),
	    .flags = FIELD_NULLABLE, .max = INT32_MAX,
	    .sentence = "How long it took; null when it did not answer.", .example = "87" },
	{ ROW_TEXT(FIELD_TEXT, struct webhook_trial, message, "message"), .flags = FIELD_OPTIONAL,
	    .sentence = "There when nobody has made the delivery in time." },
};
const struct field_set webhook_trial =
    FIELD_SET("WebhookTest", webhook_trial_rows, struct webhook_trial);

/* ---- handlers ----------------------------------------------------------------------------------- */

enum err webhook_prepare(struct web *web)
{
	return web_check_url(web, WEB_INPUT(web, struct webhook_input)->url);
}

static enum err webhook_fill(struct web *web, struct webhook_shown *shown)
{
	shown->active = shown->row.disabled == NULL;
	return webhook_public_key(&web->ctx, &shown->row, &shown->public_key);
}

enum err webhook_make(struct web *web)
{
	const struct webhook_input *in = WEB_INPUT(web, struct webhook_input);
	struct webhook_new webhook = { .surface = SURFACE_KYC,
		.url = in->url,
		.events = in->events,
		.description = in->description,
		.enabled = true,
		.asymmetric = in->asymmetric,
		.legacy_secret_header = in->legacy_secret_header,
		.rate_per_s = in->rate_per_s };
	struct webhook_shown shown = { .secret = NULL };
	enum err err = webhook_create(&web->ctx, &webhook, &shown.row, &shown.secret);

	if (err == ERR_FULL)
		return web_complain(web, "body", WEBHOOK_FULL);
	if (err == ERR_OK)
		err = webhook_fill(web, &shown);
	return err == ERR_OK ? reply_object(web, &shown) : err;
}

/* All of them: there are never more than a page. */
enum err webhook_index(struct web *web)
{
	static const struct webhook_filter all = { .enabled = DB_NULL, .limit = LIMIT_ENDPOINTS };
	struct row_webhook_get *rows = NULL;
	size_t count = 0;
	bool more;
	enum err err = webhook_list(&web->ctx, &all, &rows, &count, &more);
	struct webhook_shown *shown = arena_array(web->arena, count, sizeof(*shown));

	if (err == ERR_OK && shown == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		shown[i].row = rows[i];
		err = webhook_fill(web, &shown[i]);
	}
	return err == ERR_OK ? reply_list(web, shown, count) : err;
}

enum err webhook_remove(struct web *web)
{
	struct uuid id;
	enum err err = web_param_endpoint(web, 0, &id);

	return err == ERR_OK ? webhook_delete(&web->ctx, id) : err;
}

/* ---- test --------------------------------------------------------------------------------------- */

/* True when half of the workers wait for tests already: slow endpoints, or a batch that does not
 * run, must leave somebody to answer everything else. */
static bool webhook_crowded(const struct web *web)
{
	uint32_t workers = atomic_load(&web->board->worker_count), waiting = 0;

	for (size_t i = 0; i < LIMIT_WORKERS; i++) {
		const struct board_worker *row = &web->board->workers[i];
		int32_t route = atomic_load(&row->route);
		if (i != web->worker_number && atomic_load(&row->state) == BOARD_BUSY &&
		    route >= 0 && routes[route].handler == webhook_try)
			waiting++;
	}
	return waiting > 0 && waiting >= workers / 2;
}

static int64_t webhook_patience_ms(const struct web *web)
{
	int64_t most_ms = web->settings->request_timeout_s * 1000 - TEST_SPARE_MS;

	if (webhook_crowded(web))
		return TEST_CROWDED_MS;
	return most_ms < TEST_WAIT_MS ? most_ms : TEST_WAIT_MS;
}

/* The delivery of a test once it is settled: the batch makes it, and we look at its row. No
 * transaction is open meanwhile. */
static enum err webhook_wait(
    struct web *web, struct uuid event_id, bool *ret_settled, struct delivery *ret_delivery)
{
	int64_t until_ms = clock_mono_ms() + webhook_patience_ms(web);
	struct event event;
	enum err err;

	*ret_settled = false;
	while ((err = event_get(&web->ctx, event_id, &event)) == ERR_OK) {
		const char *status = event.delivery_count == 0 ? "" : event.deliveries[0].status;
		if (strcmp(status, delivery_status_word(DELIVERY_SUCCEEDED)) == 0 ||
		    strcmp(status, delivery_status_word(DELIVERY_FAILED)) == 0) {
			*ret_settled = true;
			return delivery_get(&web->ctx, event.deliveries[0].id, ret_delivery);
		}
		if (clock_mono_ms() >= until_ms)
			break;
		proc_sleep_ms(TEST_LOOK_MS);
	}
	return err;
}

enum err webhook_try(struct web *web)
{
	struct webhook_trial trial = { .status_code = DB_NULL, .response_time_ms = DB_NULL };
	struct delivery delivery;
	struct uuid id, event_id;
	bool settled = false;
	enum err err = web_param_endpoint(web, 0, &id);

	if (err == ERR_OK)
		err = webhook_test(&web->ctx, id, &event_id);
	if (err == ERR_OK)
		err = webhook_wait(web, event_id, &settled, &delivery);
	if (err != ERR_OK)
		return err;
	if (settled) {
		trial.delivered =
		    strcmp(delivery.row.status, delivery_status_word(DELIVERY_SUCCEEDED)) == 0;
		trial.status_code = delivery.row.last_status_code;
		trial.response_time_ms = delivery.row.last_duration_ms;
	} else {
		trial.message = "The test is queued, but nothing has delivered it yet.";
	}
	return reply_object(web, &trial);
}
