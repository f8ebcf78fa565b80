/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.c shows deliveries and queues them again. */
#include "delivery.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "event.h"
#include "id.h"
#include "page.h"
#include "work.h"

void delivery_lane(struct uuid endpoint_id, char out[ID_TEXT_SIZE])
{
	id_text(ID_WEBHOOK, endpoint_id, out);
}

const char *delivery_status_shown(const char *status, int64_t lease_until_ms)
{
	bool leased = lease_until_ms != TIME_NONE && lease_until_ms > clock_now_ms();
	bool pending = strcmp(status, delivery_status_word(DELIVERY_PENDING)) == 0;

	return pending && leased ? delivery_status_word(DELIVERY_DELIVERING) : status;
}

static void show(struct row_delivery_get *row)
{
	row->status = delivery_status_shown(row->status, row->lease_until);
}

enum err delivery_get(struct ctx *ctx, struct uuid id, struct delivery *ret_delivery)
{
	struct delivery delivery = { .attempts = NULL };
	struct uuid tenant = ctx->actor.application_id;
	enum err err =
	    q_delivery_get(ctx->db, ctx->arena, tenant, id, ctx_environment(ctx), &delivery.row);

	if (err == ERR_OK)
		err = q_delivery_attempts(
		    ctx->db, ctx->arena, tenant, id, &delivery.attempts, &delivery.attempt_count);
	if (err != ERR_OK)
		return err == ERR_MISSING ? ERR_DELIVERY_NOT_FOUND : err;
	show(&delivery.row);
	*ret_delivery = delivery;
	return ERR_OK;
}

/* ---- lists ----------------------------------------------------------------------------------------- */

/* The filter as the statements take it. */
struct filter {
	const char *status; /* as stored; NULL: any */
	int64_t leased;     /* 0, 1; DB_NULL: either */
	struct uuid endpoint_id, event_id, after;
};

/* Both spellings of an endpoint's id are one endpoint. */
static enum err parse_endpoint(const char *text, struct uuid *ret_id)
{
	enum err err = id_parse(ID_WEBHOOK, text, ret_id);

	return err == ERR_OK ? ERR_OK : id_parse(ID_ENDPOINT, text, ret_id);
}

static enum err read_filter(const struct delivery_filter *in, struct filter *filter)
{
	enum delivery_status status;
	enum err err = page_after(ID_DELIVERY, in->after, &filter->after);

	filter->status = in->status;
	filter->leased = DB_NULL;
	if (err == ERR_OK && in->endpoint_id != NULL)
		err = parse_endpoint(in->endpoint_id, &filter->endpoint_id);
	if (err == ERR_OK && in->event_id != NULL)
		err = id_parse(ID_EVENT, in->event_id, &filter->event_id);
	if (err != ERR_OK || in->status == NULL)
		return err;
	err = delivery_status_parse(in->status, &status);
	if (err == ERR_OK && (status == DELIVERY_PENDING || status == DELIVERY_DELIVERING)) {
		filter->status = delivery_status_word(DELIVERY_PENDING);
		filter->leased = status == DELIVERY_DELIVERING;
	}
	return err;
}

/* Which index serves depends on what is asked for. */
static enum err read_rows(struct ctx *ctx, const struct filter *f, int64_t limit,
    struct row_delivery_page **ret_rows, size_t *ret_count)
{
	struct uuid tenant = ctx->actor.application_id;
	const char *environment = ctx_environment(ctx);
	int64_t now_ms = clock_now_ms();

	_Static_assert(
	    sizeof(struct row_delivery_page) == sizeof(struct row_delivery_page_status) &&
		sizeof(struct row_delivery_page) == sizeof(struct row_delivery_page_endpoint) &&
		sizeof(struct row_delivery_page) == sizeof(struct row_delivery_get),
	    "deliveries are read alike");
	if (!uuid_is_nil(f->endpoint_id))
		return q_delivery_page_endpoint(ctx->db, ctx->arena, tenant, f->endpoint_id,
		    f->status, f->leased, now_ms, f->event_id, environment, f->after, limit,
		    (void *)ret_rows, ret_count);
	if (f->status != NULL)
		return q_delivery_page_status(ctx->db, ctx->arena, tenant, f->status, f->leased,
		    now_ms, f->event_id, environment, f->after, limit, (void *)ret_rows, ret_count);
	return q_delivery_page(ctx->db, ctx->arena, tenant, f->event_id, environment, f->after,
	    limit, ret_rows, ret_count);
}

enum err delivery_list(struct ctx *ctx, const struct delivery_filter *in,
    struct delivery **ret_deliveries, size_t *ret_count, bool *ret_more)
{
	struct row_delivery_page *rows = NULL;
	struct filter filter = { .leased = DB_NULL };
	size_t count = 0;
	enum err err = read_filter(in, &filter);

	if (err == ERR_OK)
		err = read_rows(ctx, &filter, in->limit + 1, &rows, &count);
	if (err != ERR_OK)
		return err;
	bool more = count > (size_t)in->limit;
	count = more ? (size_t)in->limit : count;
	struct delivery *deliveries = arena_array(ctx->arena, count, sizeof(*deliveries));
	if (deliveries == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		deliveries[i] = (struct delivery){ .attempts = NULL };
		memcpy(&deliveries[i].row, &rows[i], sizeof(rows[i]));
		show(&deliveries[i].row);
	}
	*ret_deliveries = deliveries;
	*ret_count = count;
	*ret_more = more;
	return ERR_OK;
}

/* ---- again ------------------------------------------------------------------------------------------- */

/* The work row, made or made due. A leased one is at it: that is for the caller to say. */
static enum err queue_work(struct ctx *ctx, struct uuid id, struct uuid endpoint_id)
{
	struct row_work_find row;
	char lane[ID_TEXT_SIZE];
	int64_t now_ms = clock_now_ms();
	enum err err = q_work_find(ctx->db, ctx->arena, id, work_kind_word(WORK_DELIVERY), &row);

	if (err == ERR_MISSING) {
		delivery_lane(endpoint_id, lane);
		return work_put(ctx, WORK_DELIVERY, id, lane, now_ms);
	}
	if (err != ERR_OK)
		return err;
	if (row.lease_until != TIME_NONE && row.lease_until > now_ms)
		return ERR_DELIVERY_BUSY;
	return q_work_restart(ctx->db, now_ms, row.id);
}

/* What failed for want of a key is encrypted to the one there is now: a payload with claims goes
 * out encrypted or not at all. The endpoint is held, so its key stays the active one. */
static enum err encrypt_late(
    struct ctx *ctx, struct uuid application_id, const struct row_delivery_hold *row)
{
	struct row_webhook_key_active key;
	struct row_event_body event;
	struct bytes text, payload;
	enum err err =
	    q_webhook_key_active(ctx->db, ctx->arena, application_id, row->endpoint_id, &key);

	if (err == ERR_MISSING)
		return ERR_DELIVERY_NO_KEY;
	if (err == ERR_OK)
		err = q_event_body(ctx->db, ctx->arena, application_id, row->event_id, &event);
	if (err == ERR_OK)
		err = event_open(ctx, row->event_id, event.body, event.seal_key, &text);
	if (err != ERR_OK)
		return err;
	err = event_encrypt(ctx, text, key.jwk, key.key_id, &payload);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? err : ERR_DELIVERY_NO_KEY;
	return q_delivery_encrypted(ctx->db, key.id, payload, application_id, row->id);
}

enum err delivery_queue(
    struct ctx *ctx, struct uuid application_id, struct uuid id, struct uuid endpoint_id)
{
	struct row_webhook_hold endpoint;
	struct row_delivery_hold row;
	int64_t now_ms = clock_now_ms();
	/* The endpoint first, as everybody who needs both does. */
	enum err err =
	    q_webhook_hold(ctx->db, ctx->arena, application_id, endpoint_id, NULL, &endpoint);

	if (err == ERR_OK)
		err = q_delivery_hold(ctx->db, ctx->arena, application_id, id, &row);
	if (err != ERR_OK)
		return err == ERR_MISSING ? ERR_DELIVERY_NOT_FOUND : err;
	bool held = endpoint.disabled != NULL;
	if (row.closed)
		err = encrypt_late(ctx, application_id, &row);
	if (err == ERR_OK && !held)
		err = queue_work(ctx, id, endpoint_id);
	if (err == ERR_OK)
		err = q_delivery_requeue(
		    ctx->db, held ? TIME_NONE : now_ms, now_ms, application_id, id);
	return err;
}

enum err delivery_retry(struct ctx *ctx, struct uuid id, struct delivery *ret_delivery)
{
	struct delivery delivery;
	enum err err = delivery_get(ctx, id, &delivery);

	if (err == ERR_OK)
		err = delivery_queue(ctx, ctx->actor.application_id, id, delivery.row.endpoint_id);
	struct audit_entry entry = { .action = AUDIT_DELIVERY_RETRIED,
		.application_id = ctx->actor.application_id,
		.subject_id = id };
	if (err == ERR_OK)
		err = audit_note(ctx, &entry);
	return err == ERR_OK ? delivery_get(ctx, id, ret_delivery) : err;
}

enum err delivery_remove(struct ctx *ctx, struct uuid id)
{
	enum err err = work_drop(ctx, id);

	if (err == ERR_OK)
		err = q_delivery_attempts_remove(ctx->db, id);
	return err == ERR_OK ? q_delivery_remove(ctx->db, id) : err;
}
