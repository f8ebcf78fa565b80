/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.c keeps endpoints. Their encryption keys are webhook_key.c. */
#include "webhook.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "delivery.h"
#include "event.h"
#include "id.h"
#include "limits.h"
#include "page.h"
#include "tx.h"
#include "webhook_sign.h"
#include "webhook_task.h"

#define PURPOSE_SIZE 48

/* What an endpoint of a surface is told when it does not say. */
static const char *const all_events[SURFACE__MAX] = {
	[SURFACE_KYC] = "verification.completed verification.failed webhook.disabled "
			"billing.low_balance session.created session.status.submitted "
			"session.status.verified session.status.rejected session.status.failed "
			"age.completed age.review",
	[SURFACE_SESSION] = "verification.attempt.succeeded verification.attempt.failed "
			    "verification.session.expired verification.session.cancelled",
};

/* ---- sealing --------------------------------------------------------------------------------------- */

/* Each column has a purpose of its own, so that one secret cannot be put into another's place. */
static void purpose_of(const char *which, char out[PURPOSE_SIZE])
{
	struct buf text;

	buf_init(&text, PURPOSE_SIZE - 1);
	buf_printf(&text, "webhook_endpoint.%s", which);
	memcpy(out, buf_str(&text), text.len + 1);
	buf_free(&text);
}

enum err webhook_seal(
    struct ctx *ctx, struct uuid id, const char *which, const char *text, struct bytes *ret_sealed)
{
	char purpose[PURPOSE_SIZE];

	purpose_of(which, purpose);
	return seal_data(ctx->keyring, ctx->arena, purpose, id, text, strlen(text), ret_sealed);
}

enum err webhook_open(
    struct ctx *ctx, struct uuid id, const char *which, struct bytes sealed, const char **ret_text)
{
	char purpose[PURPOSE_SIZE];
	struct bytes text;

	purpose_of(which, purpose);
	enum err err = seal_open(ctx->keyring, ctx->arena, purpose, id, sealed, &text);
	if (err == ERR_OK)
		*ret_text = text.data;
	return err;
}

/* A fresh secret, as text in the arena and sealed for its row. */
static enum err make_secret(
    struct ctx *ctx, struct uuid id, const char **ret_text, struct bytes *ret_sealed)
{
	struct webhook_secret secret;
	enum err err = webhook_secret_make(&secret);

	if (err != ERR_OK)
		return err;
	*ret_text = arena_strdup(ctx->arena, secret.text);
	err = *ret_text == NULL ? ERR_NOMEM
				: webhook_seal(ctx, id, "secret", secret.text, ret_sealed);
	webhook_secret_wipe(&secret);
	return err;
}

/* A key for v1a, sealed for its row. */
static enum err make_signing_key(struct ctx *ctx, struct uuid id, struct bytes *ret_sealed)
{
	struct webhook_key key;
	char text[WEBHOOK_KEY_TEXT_SIZE];
	enum err err = webhook_key_make(&key);

	if (err != ERR_OK)
		return err;
	webhook_key_text(&key, text);
	err = webhook_seal(ctx, id, "signing_key", text, ret_sealed);
	webhook_key_wipe(&key);
	wipe(text, sizeof(text));
	return err;
}

/* ---- the record of it -------------------------------------------------------------------------------- */

static enum err note(
    struct ctx *ctx, enum audit_action action, struct uuid endpoint_id, const char *detail)
{
	struct audit_entry entry = { .action = action,
		.application_id = ctx->actor.application_id,
		.subject_id = endpoint_id,
		.detail = detail };

	return audit_note(ctx, &entry);
}

/* ---- making ------------------------------------------------------------------------------------------ */

static enum err check_count(struct ctx *ctx)
{
	struct row_webhook_count row;
	enum err err = q_webhook_count(ctx->db, ctx->arena, ctx->actor.application_id, &row);

	return err == ERR_OK && row.n >= LIMIT_ENDPOINTS ? ERR_FULL : err;
}

static enum err put_endpoint(struct ctx *ctx, const struct webhook_new *in, struct uuid id,
    struct bytes secret, struct bytes signing_key)
{
	int64_t now_ms = uuid_time_ms(id);

	return q_webhook_put(ctx->db, ctx->actor.application_id, id, surface_word(in->surface),
	    environment_word(ctx->actor.environment), in->url, in->name, in->description,
	    in->events == NULL ? all_events[in->surface] : in->events, in->labels, secret,
	    signing_key, (int64_t)keyring_current(ctx->keyring), in->legacy_secret_header,
	    in->rate_per_s, in->enabled ? NULL : disabled_reason_word(DISABLED_MANUAL),
	    in->enabled ? TIME_NONE : now_ms, now_ms, now_ms);
}

static enum err set_pace(struct ctx *ctx, struct uuid id, int64_t rate_per_s)
{
	char lane[ID_TEXT_SIZE];

	delivery_lane(id, lane);
	return lane_make(ctx, lane, rate_per_s);
}

enum err webhook_create(struct ctx *ctx, const struct webhook_new *input,
    struct row_webhook_get *ret_row, const char **ret_secret)
{
	struct bytes secret, signing_key = { NULL, 0 };
	const char *text = NULL;
	struct uuid id;
	enum err err = check_count(ctx);

	if (err == ERR_OK)
		err = uuid_make(&id);
	if (err == ERR_OK)
		err = make_secret(ctx, id, &text, &secret);
	if (err == ERR_OK && input->asymmetric)
		err = make_signing_key(ctx, id, &signing_key);
	if (err == ERR_OK)
		err = put_endpoint(ctx, input, id, secret, signing_key);
	if (err == ERR_OK)
		err = set_pace(ctx, id, input->rate_per_s);
	if (err == ERR_OK)
		err =
		    note(ctx, AUDIT_WEBHOOK_CREATED, id, environment_word(ctx->actor.environment));
	if (err == ERR_OK)
		err = webhook_get(ctx, id, ret_row);
	if (err == ERR_OK)
		*ret_secret = text;
	return err;
}

/* ---- showing ------------------------------------------------------------------------------------------ */

enum err webhook_get(struct ctx *ctx, struct uuid id, struct row_webhook_get *ret_row)
{
	enum err err = q_webhook_get(
	    ctx->db, ctx->arena, ctx->actor.application_id, id, ctx_environment(ctx), ret_row);

	return err == ERR_MISSING ? ERR_WEBHOOK_NOT_FOUND : err;
}

/* The same, held until the end of the caller's transaction. */
static enum err hold(struct ctx *ctx, struct uuid id, struct row_webhook_get *ret_row)
{
	struct row_webhook_hold row;
	enum err err = q_webhook_hold(
	    ctx->db, ctx->arena, ctx->actor.application_id, id, ctx_environment(ctx), &row);

	_Static_assert(sizeof(*ret_row) == sizeof(row), "endpoints are read alike");
	if (err == ERR_OK)
		memcpy(ret_row, &row, sizeof(row));
	return err == ERR_MISSING ? ERR_WEBHOOK_NOT_FOUND : err;
}

static enum err parse_after(const char *text, struct uuid *ret_after)
{
	enum err err = page_after(ID_WEBHOOK, text, ret_after);

	return err == ERR_OK ? ERR_OK : page_after(ID_ENDPOINT, text, ret_after);
}

enum err webhook_list(struct ctx *ctx, const struct webhook_filter *filter,
    struct row_webhook_get **ret_rows, size_t *ret_count, bool *ret_more)
{
	struct row_webhook_page *rows = NULL;
	struct uuid after;
	size_t count = 0;
	enum err err = parse_after(filter->after, &after);

	_Static_assert(sizeof(struct row_webhook_get) == sizeof(struct row_webhook_page),
	    "endpoints are read alike");
	if (err == ERR_OK)
		err = q_webhook_page(ctx->db, ctx->arena, ctx->actor.application_id,
		    ctx_environment(ctx), filter->surface, filter->enabled, after,
		    filter->limit + 1, &rows, &count);
	if (err != ERR_OK)
		return err;
	*ret_more = count > (size_t)filter->limit;
	*ret_count = *ret_more ? (size_t)filter->limit : count;
	*ret_rows = (void *)rows;
	return ERR_OK;
}

enum err webhook_public_key(
    struct ctx *ctx, const struct row_webhook_get *row, const char **ret_key)
{
	char text[WEBHOOK_PUBLIC_TEXT_SIZE];
	const char *private_text = NULL;
	struct webhook_key key;

	if (row->signing_key.data == NULL) {
		*ret_key = NULL;
		return ERR_OK;
	}
	enum err err = webhook_open(ctx, row->id, "signing_key", row->signing_key, &private_text);
	if (err == ERR_OK)
		err = webhook_key_parse(private_text, strlen(private_text), &key);
	if (err != ERR_OK)
		return err;
	webhook_key_public_text(&key, text);
	webhook_key_wipe(&key);
	*ret_key = arena_strdup(ctx->arena, text);
	return *ret_key == NULL ? ERR_NOMEM : ERR_OK;
}

/* ---- changing --------------------------------------------------------------------------------------------- */

/* What the change says, or what is there. */
static const char *text_or(const char *change, const char *old)
{
	return change == NULL ? old : change;
}

static int64_t number_or(int64_t change, int64_t old)
{
	return change == DB_NULL ? old : change;
}

/* Enabling begins anew: what failed before does not count, and what was held goes out. */
static void set_enabled(struct row_webhook_get *row, int64_t enabled, int64_t now_ms)
{
	if (enabled == 1) {
		row->disabled = NULL;
		row->disabled_at = TIME_NONE;
		row->failing_since = TIME_NONE;
	} else if (enabled == 0) {
		row->disabled = disabled_reason_word(DISABLED_MANUAL);
		row->disabled_at = now_ms;
	}
}

static void apply(struct row_webhook_get *row, const struct webhook_change *change)
{
	row->url = text_or(change->url, row->url);
	row->name = change->clear_name ? NULL : text_or(change->name, row->name);
	row->description = text_or(change->description, row->description);
	row->events = text_or(change->events, row->events);
	row->labels = text_or(change->labels, row->labels);
	row->legacy_secret_header =
	    number_or(change->legacy_secret_header, row->legacy_secret_header) != 0;
	row->rate_per_s = number_or(change->rate_per_s, row->rate_per_s);
	if (row->rate_per_s == 0)
		row->rate_per_s = DB_NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The names of what is not as it was; what it was and is would be a customer's own words. */
static enum err note_changed(
    struct ctx *ctx, const struct row_webhook_get *was, const struct row_webhook_get *is)
{
	const struct {
		const char *name;
		bool same;
	} parts[] = { { "url", same_text(was->url, is->url) },
		{ "name", same_text(was->name, is->name) },
		{ "description", same_text(was->description, is->description) },
		{ "events", same_text(was->events, is->events) },
		{ "labels", same_text(was->labels, is->labels) },
		{ "legacy_secret_header", was->legacy_secret_header == is->legacy_secret_header },
		{ "rate_per_s", was->rate_per_s == is->rate_per_s },
		{ is->disabled == NULL ? "enabled" : "disabled",
		    (was->disabled == NULL) == (is->disabled == NULL) } };
	const char *text = NULL;

	for (size_t i = 0; i < countof(parts); i++) {
		if (parts[i].same)
			continue;
		text = text == NULL ? parts[i].name
				    : arena_printf(ctx->arena, "%s, %s", text, parts[i].name);
		if (text == NULL)
			return ERR_NOMEM;
	}
	return note(ctx, AUDIT_WEBHOOK_CHANGED, is->id, text);
}

enum err webhook_change(struct ctx *ctx, struct uuid id, const struct webhook_change *change,
    struct row_webhook_get *ret_row)
{
	struct row_webhook_get row, was;
	int64_t now_ms = clock_now_ms();
	enum err err = hold(ctx, id, &row);

	if (err != ERR_OK)
		return err;
	was = row;
	bool was_disabled = was.disabled != NULL;
	apply(&row, change);
	/* The same again changes nothing, not even why and since when. */
	if (change->enabled != DB_NULL && (change->enabled == 0) != was_disabled)
		set_enabled(&row, change->enabled, now_ms);
	err = q_webhook_change(ctx->db, row.url, row.name, row.description, row.events, row.labels,
	    row.legacy_secret_header, row.rate_per_s, row.disabled, row.disabled_at,
	    row.failing_since, now_ms, ctx->actor.application_id, id);
	if (err == ERR_OK)
		err = set_pace(ctx, id, row.rate_per_s);
	if (err == ERR_OK && was_disabled && row.disabled == NULL)
		err = webhook_task_put(
		    ctx, TASK_RELEASE, ctx->actor.application_id, id, TIME_NONE, TIME_NONE, NULL);
	if (err == ERR_OK)
		err = note_changed(ctx, &was, &row);
	return err == ERR_OK ? webhook_get(ctx, id, ret_row) : err;
}

enum err webhook_delete(struct ctx *ctx, struct uuid id)
{
	struct row_webhook_get row;
	enum err err = hold(ctx, id, &row);

	if (err == ERR_OK)
		err = q_webhook_delete(ctx->db, clock_now_ms(), ctx->actor.application_id, id);
	if (err == ERR_OK)
		err = webhook_task_put(
		    ctx, TASK_REMOVE, ctx->actor.application_id, id, TIME_NONE, TIME_NONE, NULL);
	return err == ERR_OK ? note(ctx, AUDIT_WEBHOOK_REMOVED, id, NULL) : err;
}

struct revealing {
	struct uuid id;
	const char *secret;
};

static enum err reveal(struct ctx *ctx, void *arg)
{
	struct revealing *revealing = arg;
	struct row_webhook_get row;
	enum err err = webhook_get(ctx, revealing->id, &row);

	if (err == ERR_OK)
		err = webhook_open(ctx, revealing->id, "secret", row.secret, &revealing->secret);
	return err == ERR_OK ? note(ctx, AUDIT_WEBHOOK_REVEALED, revealing->id, NULL) : err;
}

enum err webhook_reveal(struct ctx *ctx, struct uuid id, const char **ret_secret)
{
	struct revealing revealing = { .id = id };
	enum err err = tx_run(ctx, reveal, &revealing);

	if (err == ERR_OK)
		*ret_secret = revealing.secret;
	return err;
}

/* For how long both secrets sign. */
static enum err note_rotated(struct ctx *ctx, struct uuid id, int64_t overlap_s)
{
	const char *detail = arena_printf(ctx->arena, "overlap %lld s", (long long)overlap_s);

	return detail == NULL ? ERR_NOMEM : note(ctx, AUDIT_WEBHOOK_ROTATED, id, detail);
}

enum err webhook_rotate(struct ctx *ctx, struct uuid id, int64_t overlap_s, const char **ret_secret)
{
	struct bytes fresh, old = { NULL, 0 }, signing_key;
	const char *text = NULL, *old_text = NULL;
	struct row_webhook_get row;
	int64_t now_ms = clock_now_ms();
	enum err err = hold(ctx, id, &row);

	if (err == ERR_OK)
		err = make_secret(ctx, id, &text, &fresh);
	if (err == ERR_OK && overlap_s > 0)
		err = webhook_open(ctx, id, "secret", row.secret, &old_text);
	if (err == ERR_OK && overlap_s > 0)
		err = webhook_seal(ctx, id, "secret_old", old_text, &old);
	if (err != ERR_OK)
		return err;
	signing_key = row.signing_key;
	/* seal_key says the oldest key that the row needs; the signing key stays as it was. */
	err = q_webhook_set_secret(ctx->db, fresh, old,
	    overlap_s > 0 ? now_ms + overlap_s * 1000 : TIME_NONE, signing_key,
	    signing_key.data == NULL ? (int64_t)keyring_current(ctx->keyring) : 1, now_ms,
	    ctx->actor.application_id, id);
	if (err == ERR_OK)
		err = note_rotated(ctx, id, overlap_s);
	if (err == ERR_OK)
		*ret_secret = text;
	return err;
}

/* ---- test -------------------------------------------------------------------------------------------------- */

struct test {
	struct uuid endpoint_id;
	struct uuid event_id;
};

static enum err put_test(struct ctx *ctx, void *arg)
{
	struct test *test = arg;
	struct row_webhook_get row;
	char id[ID_TEXT_SIZE];
	enum err err = hold(ctx, test->endpoint_id, &row);

	if (err != ERR_OK)
		return err;
	/* As the family that made it spells it. */
	bool session = strcmp(row.surface, surface_word(SURFACE_SESSION)) == 0;
	id_text(session ? ID_ENDPOINT : ID_WEBHOOK, row.id, id);
	struct event_new event = { .type = EVENT_WEBHOOK_TEST,
		.trigger = TRIGGER_ENDPOINT,
		.trigger_id = row.id,
		.environment = ctx->actor.environment,
		.data = json_pack(
		    "{s:s, s:s}", "webhook_id", id, "message", "This is a test of your webhook."),
		.only_to = &row.id };
	return event_put(ctx, ctx->actor.application_id, &event, &test->event_id);
}

enum err webhook_test(struct ctx *ctx, struct uuid id, struct uuid *ret_event_id)
{
	struct test test = { .endpoint_id = id };
	enum err err = tx_run(ctx, put_test, &test);

	if (err == ERR_OK)
		*ret_event_id = test.event_id;
	return err;
}
