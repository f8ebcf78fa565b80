/* SPDX-License-Identifier: Apache-2.0 */
/* smile_request.c builds Smile ID's requests, and is the driver's table. */
#include "smile.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "json.h"
#include "limits.h"
#include "proc.h"
#include "str.h"

#define KEY_SIZE 256
#define SIGNED_SIZE 512
#define JOB_TYPE 5 /* Basic and Enhanced KYC alike */

enum err smile_sign(const char *api_key, const char *timestamp, const char *partner_id,
    char ret_signature[SMILE_SIGNATURE_SIZE])
{
	uint8_t mac[SHA256_SIZE];
	struct buf text;

	buf_init(&text, SIGNED_SIZE);
	buf_adds(&text, timestamp);
	buf_adds(&text, partner_id);
	buf_adds(&text, "sid_request");
	enum err err = buf_err(&text);
	if (err == ERR_OK)
		err = hmac_sha256(api_key, strlen(api_key), text.data, text.len, mac);
	if (err == ERR_OK)
		base64_encode(mac, sizeof(mac), ret_signature);
	buf_free(&text);
	return err;
}

enum err smile_api_key(const struct settings *settings, char *out, size_t size_bytes)
{
	char reason[256];

	if (settings->smile_partner_id[0] == '\0' || settings->smile_api_key_file[0] == '\0')
		return ERR_CONFIG;
	enum err err =
	    proc_read_secret(settings->smile_api_key_file, out, size_bytes, reason, sizeof(reason));
	return err == ERR_OK ? ERR_OK : ERR_CONFIG;
}

/* partner_id, timestamp, signature: in every body. */
static enum err put_signature(struct ctx *ctx, json_t *body)
{
	const struct settings *settings = ctx->settings;
	char key[KEY_SIZE] = "", now[TIME_TEXT_SIZE], signature[SMILE_SIGNATURE_SIZE];
	enum err err = smile_api_key(settings, key, sizeof(key));

	time_text_ms(clock_now_ms(), now);
	if (err == ERR_OK)
		err = smile_sign(key, now, settings->smile_partner_id, signature);
	if (err == ERR_OK)
		err = json_put_text(body, "partner_id", settings->smile_partner_id);
	if (err == ERR_OK)
		err = json_put_text(body, "timestamp", now);
	if (err == ERR_OK)
		err = json_put_text(body, "signature", signature);
	wipe(key, sizeof(key));
	return err;
}

static enum err finish_request(
    struct ctx *ctx, const char *path, const json_t *body, struct provider_request *ret_request)
{
	struct provider_request request = { .headers = { "Content-Type: application/json",
						"Accept: application/json", NULL },
		.deadline_ms = ctx->settings->smile_timeout_s * 1000 };
	struct buf text;

	buf_init(&text, LIMIT_PROVIDER_REQUEST);
	enum err err = json_write(body, &text);
	if (err == ERR_OK) {
		request.url = arena_printf(ctx->arena, "%s%s", ctx->settings->smile_url, path);
		request.body = arena_strndup(ctx->arena, text.data, text.len);
		request.body_len = text.len;
		if (request.url == NULL || request.body == NULL)
			err = ERR_NOMEM;
	}
	buf_free(&text);
	if (err == ERR_OK)
		*ret_request = request;
	return err;
}

/* Members that are sent as the applicant gave them; one row each. */
static const struct {
	const char *member;
	size_t offset;
} applicant_members[] = {
	{ "id_number", offsetof(struct applicant, id_number) },
	{ "first_name", offsetof(struct applicant, first_name) },
	{ "middle_name", offsetof(struct applicant, middle_name) },
	{ "last_name", offsetof(struct applicant, last_name) },
	{ "dob", offsetof(struct applicant, date_of_birth) },
	{ "gender", offsetof(struct applicant, gender) },
	{ "phone_number", offsetof(struct applicant, phone) },
	{ "bank_code", offsetof(struct applicant, bank_code) },
};

static enum err put_applicant(json_t *body, const struct applicant *applicant)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < countof(applicant_members) && err == ERR_OK; i++) {
		const char *value;
		memcpy(
		    &value, (const char *)applicant + applicant_members[i].offset, sizeof(value));
		if (value != NULL)
			err = json_put_text(body, applicant_members[i].member, value);
	}
	return err;
}

static enum err put_submission(struct ctx *ctx, const struct provider_ask *ask, json_t *body)
{
	const char *callback_url = NULL;
	enum err err = put_signature(ctx, body);

	if (err == ERR_OK)
		err = json_put_text(body, "source_sdk", "rest_api");
	if (err == ERR_OK)
		err = json_put_text(body, "source_sdk_version", PACKAGE_VERSION);
	if (err == ERR_OK)
		err = json_put_text(body, "country", ask->provider_country);
	if (err == ERR_OK)
		err = json_put_text(body, "id_type", ask->provider_type);
	if (err == ERR_OK)
		err = put_applicant(body, &ask->applicant);
	if (err == ERR_OK)
		err = provider_callback_url(ctx, provider_smile_v1.name, &callback_url);
	/* Without one the provider calls the address that the portal has, or none. */
	if (err == ERR_OK && callback_url != NULL)
		err = json_put_text(body, "callback_url", callback_url);
	if (err == ERR_OK)
		err = json_put(body, "partner_params",
		    json_pack("{s:s, s:s, s:i}", "job_id", ask->job_id, "user_id", ask->user_id,
			"job_type", JOB_TYPE));
	return err;
}

enum err smile_submit_request(
    struct ctx *ctx, const struct provider_ask *ask, struct provider_request *ret_request)
{
	bool basic = strcmp(ctx->settings->smile_product, "basic") == 0;
	json_t *body = json_object();
	enum err err = body == NULL ? ERR_NOMEM : put_submission(ctx, ask, body);

	if (err == ERR_OK)
		err = finish_request(ctx, basic ? "/v2/verify_async" : "/v1/async_id_verification",
		    body, ret_request);
	json_decref(body);
	return err;
}

/* The look-up key is user_id and job_id together. */
enum err smile_poll_request(
    struct ctx *ctx, const struct provider_ask *ask, struct provider_request *ret_request)
{
	json_t *body = json_object();
	enum err err = body == NULL ? ERR_NOMEM : put_signature(ctx, body);

	if (err == ERR_OK)
		err = json_put_text(body, "user_id", ask->user_id);
	if (err == ERR_OK)
		err = json_put_text(body, "job_id", ask->job_id);
	if (err == ERR_OK)
		err = json_put_bool(body, "image_links", false);
	if (err == ERR_OK)
		err = json_put_bool(body, "history", false);
	if (err == ERR_OK)
		err = finish_request(ctx, "/v1/job_status", body, ret_request);
	json_decref(body);
	return err;
}

static bool smile_usable(const struct settings *settings, struct buf *ret_line)
{
	char key[KEY_SIZE] = "";

	if (settings->smile_partner_id[0] == '\0') {
		buf_adds(ret_line, "not configured: smile_partner_id is empty");
		return false;
	}
	enum err err = smile_api_key(settings, key, sizeof(key));
	wipe(key, sizeof(key));
	if (err != ERR_OK) {
		buf_adds(ret_line, "smile_api_key_file cannot be read, or others may read it");
		return false;
	}
	buf_printf(ret_line, "partner %s at %s, product %s", settings->smile_partner_id,
	    settings->smile_url, settings->smile_product);
	return true;
}

const struct provider_driver provider_smile_v1 = { .name = "smile_v1",
	.dials = true,
	.submit_request = smile_submit_request,
	.submit_answer = smile_submit_answer,
	.poll_request = smile_poll_request,
	.poll_answer = smile_poll_answer,
	.callback_read = smile_callback_read,
	.usable = smile_usable };
