/* SPDX-License-Identifier: Apache-2.0 */
/* mail.c writes mails for the batch to send, seals what they hold, and removes them again. */
#include "mail.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "json.h"
#include "mail_text.h"
#include "sealed.h"
#include "mime.h"
#include "stmt.h"
#include "str.h"
#include "work.h"

#define PURPOSE "mail.content"
#define CONTENT_CAP 12288
#define SECOND_MS 1000

/* ---- the content ------------------------------------------------------------------------------------- */

static enum err content_write(const struct mail_new *mail, struct buf *out)
{
	json_t *object = json_object();
	json_t *values = json_object();
	enum err err = object == NULL ? ERR_NOMEM : json_put_text(object, "to", mail->to);

	for (size_t i = 0; i < LIMIT_MAIL_VALUES && err == ERR_OK; i++) {
		if (mail->values[i].name != NULL)
			err = json_put_text(values, mail->values[i].name, mail->values[i].text);
	}
	if (err == ERR_OK)
		err = json_put(object, "values", json_incref(values));
	if (err == ERR_OK)
		err = json_write(object, out);
	json_decref(values);
	json_decref(object);
	return err;
}

static enum err content_seal(
    struct ctx *ctx, struct uuid id, const struct mail_new *mail, struct bytes *ret_sealed)
{
	struct buf text;
	enum err err;

	buf_init(&text, CONTENT_CAP);
	err = content_write(mail, &text);
	if (err == ERR_OK)
		err = seal_data(
		    ctx->keyring, ctx->arena, PURPOSE, id, text.data, text.len, ret_sealed);
	buf_free(&text); /* wipes */
	return err;
}

/* Copies, because the object goes. */
static enum err content_read(
    struct arena *arena, const json_t *object, struct mail_content *ret_content)
{
	struct mail_content content = { .to = arena_strdup(arena, json_get_text(object, "to")) };
	json_t *values = json_object_get(object, "values"), *value;
	const char *name;

	if (content.to == NULL || !json_is_object(values))
		return ERR_SYNTAX;
	json_object_foreach(values, name, value)
	{
		if (content.value_count == LIMIT_MAIL_VALUES || !json_is_string(value))
			return ERR_SYNTAX;
		content.values[content.value_count++] =
		    (struct mail_value){ arena_strdup(arena, name),
			    arena_strdup(arena, json_string_value(value)) };
	}
	if (arena_overflowed(arena))
		return ERR_NOMEM;
	*ret_content = content;
	return ERR_OK;
}

enum err mail_open(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct mail_content *ret_content)
{
	json_t *object = NULL;
	struct bytes text;
	enum err err = seal_open(ctx->keyring, ctx->arena, PURPOSE, id, sealed, &text);

	if (err == ERR_OK)
		err = json_read(text.data, text.len, &object, NULL);
	if (err == ERR_OK)
		err = content_read(ctx->arena, object, ret_content);
	json_decref(object);
	return err;
}

enum err mail_reseal(struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed)
{
	return sealed_again(ctx, PURPOSE, id, sealed, ret_sealed);
}

/* ---- queueing ------------------------------------------------------------------------------------------ */

static bool is_given(const struct mail_new *mail, const char *name)
{
	for (size_t i = 0; i < LIMIT_MAIL_VALUES; i++)
		if (mail->values[i].name != NULL && strcmp(mail->values[i].name, name) == 0)
			return true;
	return false;
}

/* Each place of the template has a value, and there are no others. */
static bool values_fit(const struct mail_new *mail)
{
	const struct mail_value *places = mail_text_samples(mail->template);
	size_t count = mail_text_places(mail->template), given = 0;

	for (size_t i = 0; i < LIMIT_MAIL_VALUES; i++) {
		const struct mail_value *value = &mail->values[i];
		if (value->name == NULL)
			continue;
		given++;
		if (value->text == NULL || strlen(value->text) > LIMIT_MAIL_VALUE ||
		    !utf8_valid(value->text, strlen(value->text)))
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (!is_given(mail, places[i].name))
			return false;
	return given == count;
}

static int64_t expiry_of(const struct mail_new *mail, int64_t now_ms)
{
	int64_t latest_ms = now_ms + (int64_t)LIMIT_MAIL_WAIT_S * SECOND_MS;
	bool is_sooner = mail->expires_at_ms != TIME_NONE && mail->expires_at_ms < latest_ms;

	return is_sooner ? mail->expires_at_ms : latest_ms;
}

enum err mail_put(struct ctx *ctx, const struct mail_new *mail, struct uuid *ret_id)
{
	const char *language =
	    mail->language != NULL ? mail->language : ctx->settings->mail_language;
	struct bytes sealed;
	struct uuid id;

	if (mail->to == NULL || !mime_address_valid(mail->to) || !mail_text_speaks(language) ||
	    !values_fit(mail))
		return ERR_VALIDATION;
	enum err err = uuid_make(&id);
	if (err == ERR_OK)
		err = content_seal(ctx, id, mail, &sealed);
	if (err != ERR_OK)
		return err;
	int64_t now_ms = uuid_time_ms(id);
	err = q_mail_put(ctx->db, id, mail_template_word(mail->template), language,
	    mail_status_word(MAILSTATUS_PENDING), sealed, (int64_t)keyring_current(ctx->keyring),
	    mail_error_word(MAILERROR_NONE), now_ms, expiry_of(mail, now_ms));
	if (err == ERR_OK)
		err = work_put(ctx, WORK_MAIL, id, MAIL_LANE, now_ms);
	if (err == ERR_OK)
		*ret_id = id;
	return err;
}

enum err mail_queue(struct ctx *ctx, const struct mail_new *mail)
{
	struct uuid id;

	return mail_put(ctx, mail, &id);
}

/* ---- again, and away ------------------------------------------------------------------------------------ */

/* The work of one that waits: in nobody's hands, or the lease is over. */
static enum err hurry(struct ctx *ctx, struct uuid id)
{
	int64_t now_ms = clock_now_ms();
	struct row_work_find work;
	enum err err = q_work_find(ctx->db, ctx->arena, id, work_kind_word(WORK_MAIL), &work);

	if (err == ERR_MISSING)
		return work_put(ctx, WORK_MAIL, id, MAIL_LANE, now_ms);
	if (err == ERR_OK && work.lease_until != TIME_NONE && work.lease_until > now_ms)
		return ERR_STALE;
	return err == ERR_OK ? q_work_restart(ctx->db, now_ms, work.id) : err;
}

enum err mail_retry(struct ctx *ctx, struct uuid id)
{
	int64_t until_ms = clock_now_ms() + (int64_t)LIMIT_MAIL_WAIT_S * SECOND_MS;
	enum mail_status status;
	struct row_mail_hold row;
	enum err err = q_mail_hold(ctx->db, ctx->arena, id, &row);

	if (err != ERR_OK)
		return err;
	err = mail_status_parse(row.status, &status);
	if (err != ERR_OK || status == MAILSTATUS_SENT || row.seal_key == DB_NULL)
		return ERR_STATE;
	err = hurry(ctx, id);
	if (err == ERR_OK)
		err = q_mail_reopen(ctx->db, mail_status_word(MAILSTATUS_PENDING), until_ms, id);
	return err;
}

enum err mail_expire(struct ctx *ctx, int64_t before_ms, int64_t max, uint64_t *ret_removed)
{
	return q_mail_expire(ctx->db, before_ms, max, ret_removed);
}
