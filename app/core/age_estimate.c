/* SPDX-License-Identifier: Apache-2.0 */
/* age_estimate.c: the age estimator's wire, and what its answers mean. */
#include "age_estimate.h"

#include <string.h>

#include "clock.h"
#include "json.h"
#include "limits.h"
#include "media.h"
#include "proc.h"
#define REASON_SIZE 256
#define SAMPLES_MIN 3 /* reference four.md section 4.3 */
#define AGE_APPROVED_FROM 25
#define AGE_REVIEWED_FROM 14

bool estimator_is_set(const struct settings *settings)
{
	return settings->age_estimator_url[0] != '\0';
}

/* ---- what is sent ------------------------------------------------------------------------------------ */

static enum err collect(void *arg, const void *data, size_t len)
{
	struct buf *picture = arg;

	buf_add(picture, data, len);
	return buf_err(picture);
}

/* Its type, by the first bytes that the store has checked it by. */
static const char *type_of(const struct buf *picture)
{
	return picture->len > 0 && (unsigned char)picture->data[0] == 0x89 ? "image/png"
									   : "image/jpeg";
}

static enum err read_picture(struct ctx *ctx, struct estimate_flow *flow, struct uuid id)
{
	struct buf picture;
	char *copy = NULL;

	buf_init(&picture, LIMIT_MEDIA);
	enum err err = media_read(ctx, id, NULL, collect, &picture);
	if (err == ERR_OK)
		copy = arena_alloc(ctx->arena, picture.len + 1);
	if (copy != NULL) {
		memcpy(copy, picture.data, picture.len);
		flow->body = copy;
		flow->body_len = picture.len;
		flow->headers[0] = arena_printf(ctx->arena, "Content-Type: %s", type_of(&picture));
		flow->headers[1] = "Accept: application/json";
		/* No asking whether it may be sent: the answer would come too late. */
		flow->headers[2] = "Expect:";
	}
	buf_free(&picture); /* wipes */
	return err == ERR_OK && copy == NULL ? ERR_NOMEM : err;
}

static enum err read_token(struct ctx *ctx, struct estimate_flow *flow)
{
	char token[LIMIT_ESTIMATOR_TOKEN] = "", reason[REASON_SIZE] = "";
	const char *path = ctx->settings->age_estimator_token_file;

	if (path[0] == '\0')
		return ERR_OK;
	enum err err = proc_read_secret(path, token, sizeof(token), reason, sizeof(reason));
	if (err != ERR_OK) {
		flow->step = ESTIMATE_LATER;
		flow->alert = arena_printf(ctx->arena, "age_estimator_token_file: %s", reason);
	} else {
		flow->headers[3] = arena_printf(ctx->arena, "Authorization: Bearer %s", token);
	}
	wipe(token, sizeof(token));
	return err == ERR_OK && flow->headers[3] == NULL ? ERR_NOMEM : ERR_OK;
}

static void give_to_reviewer(struct estimate_flow *flow, enum age_cause cause, const char *alert)
{
	flow->step = ESTIMATE_REVIEW;
	flow->cause = cause;
	flow->alert = alert;
}

static bool waits(const struct row_age_hold *row)
{
	return row->waits_for != NULL &&
	       strcmp(row->waits_for, age_judge_word(JUDGE_ESTIMATOR)) == 0 && age_is_open(row);
}

static enum err hold(struct ctx *ctx, const struct estimate_flow *flow, struct row_age_hold *row)
{
	return q_age_hold_any(
	    ctx->db, ctx->arena, flow->work.subject_id, UUID_NIL, (struct row_age_hold_any *)row);
}

enum err estimate_prepare(struct ctx *ctx, struct estimate_flow *flow)
{
	struct row_age_hold row;
	enum err err = hold(ctx, flow, &row);

	flow->age = DB_NULL;
	flow->retry_after_s = -1;
	flow->step = ESTIMATE_SEND;
	if (err == ERR_MISSING || (err == ERR_OK && !waits(&row))) {
		flow->step = ESTIMATE_DROP;
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	if (!estimator_is_set(ctx->settings)) {
		give_to_reviewer(flow, CAUSE_NO_ESTIMATOR, NULL);
		return ERR_OK;
	}
	flow->url = ctx->settings->age_estimator_url;
	flow->deadline_ms = ctx->settings->age_estimator_timeout_s * 1000;
	ctx->actor.application_id = row.application_id;
	err = read_picture(ctx, flow, row.selfie);
	if (err == ERR_MEDIA_NOT_FOUND || err == ERR_TAMPERED || err == ERR_SYNTAX) {
		give_to_reviewer(flow, CAUSE_ESTIMATOR_FAILED, "a selfie cannot be read");
		return ERR_OK;
	}
	if (err == ERR_IO || err == ERR_NO_KEY || err == ERR_CRYPTO || err == ERR_UNAVAILABLE) {
		flow->step = ESTIMATE_LATER;
		flow->alert = "a selfie cannot be read now";
		return ERR_OK;
	}
	return err == ERR_OK ? read_token(ctx, flow) : err;
}

/* ---- what comes back --------------------------------------------------------------------------------- */

enum err estimate_read(const char *body, size_t len, int64_t *ret_age, int64_t *ret_samples)
{
	json_t *answer = NULL;
	enum err err = json_read(body, len, &answer, NULL);
	const json_t *age = json_object_get(answer, "age");
	const json_t *samples = json_object_get(answer, "samples");

	if (err == ERR_OK &&
	    (json_object_size(answer) != 2 || !json_is_number(age) || !json_is_integer(samples)))
		err = ERR_SYNTAX;
	/* Written so that what is no number at all is out of range too. */
	if (err == ERR_OK &&
	    !(json_number_value(age) >= 0 && json_number_value(age) < LIMIT_AGE_YEARS &&
		json_integer_value(samples) >= 1))
		err = ERR_RANGE;
	if (err == ERR_OK) {
		*ret_age = (int64_t)json_number_value(age);
		*ret_samples = json_integer_value(samples);
	}
	json_decref(answer);
	return err;
}

/* What refuses the picture, and would again. */
static bool refuses_picture(long status)
{
	return status == 400 || status == 413 || status == 415 || status == 422;
}

void estimate_answered(struct estimate_flow *flow, const struct estimate_reply *reply)
{
	int64_t samples = 0;

	flow->retry_after_s = reply->retry_after_s;
	flow->step = ESTIMATE_LATER;
	if (!reply->is_answered) {
		flow->alert = "the age estimator did not answer";
	} else if (reply->status == 200) {
		if (estimate_read(reply->body, reply->body_len, &flow->age, &samples) == ERR_OK)
			flow->step = ESTIMATE_SEND;
		else
			flow->alert = "the age estimator's answer is none";
		flow->is_sure = samples >= SAMPLES_MIN;
	} else if (refuses_picture(reply->status)) {
		give_to_reviewer(flow, CAUSE_ESTIMATE_UNSURE, NULL);
	} else if (reply->status == 401 || reply->status == 403) {
		flow->alert = "the age estimator refuses our token";
	} else {
		flow->alert = "the age estimator is not available";
	}
}

/* ---- what becomes of it ------------------------------------------------------------------------------ */

static enum err settle_age(
    struct ctx *ctx, const struct estimate_flow *flow, const struct row_age_hold *row)
{
	struct age_verdict verdict = {
		.status = AGE_APPROVED, .by = JUDGE_ESTIMATOR, .estimated_age = flow->age
	};

	if (!flow->is_sure || (flow->age >= AGE_REVIEWED_FROM && flow->age < AGE_APPROVED_FROM))
		return age_to_review(ctx, row, CAUSE_ESTIMATE_UNSURE, flow->age);
	if (flow->age < AGE_REVIEWED_FROM) {
		verdict.status = AGE_REJECTED;
		verdict.cause = CAUSE_TOO_YOUNG;
	}
	return age_settle(ctx, row, &verdict);
}

static enum err settle_later(
    struct ctx *ctx, struct estimate_flow *flow, const struct row_age_hold *row)
{
	int64_t floor_ms = flow->retry_after_s > 0 ? flow->retry_after_s * 1000 : 0;
	int64_t failures = flow->work.failures + 1;

	if (floor_ms > LIMIT_BACKOFF_MAX_MS)
		floor_ms = LIMIT_BACKOFF_MAX_MS;
	if (failures < LIMIT_ESTIMATE_TRIES)
		return work_again(
		    ctx, &flow->work, clock_now_ms() + work_backoff_ms(failures, floor_ms), true);
	flow->settled = true;
	enum err err = age_to_review(ctx, row, CAUSE_ESTIMATOR_FAILED, DB_NULL);
	return err == ERR_OK ? work_done(ctx, &flow->work) : err;
}

enum err estimate_settle(struct ctx *ctx, struct estimate_flow *flow)
{
	struct row_age_hold row;
	enum err err = work_fence(ctx, &flow->work);

	flow->settled = false;
	if (err == ERR_OK)
		err = hold(ctx, flow, &row);
	/* Erased, or decided, since it was claimed. */
	if (err == ERR_MISSING || (err == ERR_OK && !waits(&row)))
		return work_done(ctx, &flow->work);
	if (err != ERR_OK || flow->step == ESTIMATE_LATER)
		return err == ERR_OK ? settle_later(ctx, flow, &row) : err;
	flow->settled = true;
	err = flow->step == ESTIMATE_REVIEW ? age_to_review(ctx, &row, flow->cause, DB_NULL)
					    : settle_age(ctx, flow, &row);
	return err == ERR_OK ? work_done(ctx, &flow->work) : err;
}
