/* SPDX-License-Identifier: Apache-2.0 */
/* reply.c writes answers; only here does a kind of error have a number. */
#include "reply.h"

#include <string.h>

/* One row per kind: its status (RFC 9110; 429 is RFC 6585) and the header it brings. */
struct kind_row {
	int status;
	const char *header;
	const char *value;
};

static const struct kind_row kinds[ERR_KIND__MAX] = {
	[ERR_KIND_NONE] = { 200, NULL, NULL },
	[ERR_KIND_INVALID] = { 400, NULL, NULL },
	[ERR_KIND_UNAUTHENTICATED] = { 401, "WWW-Authenticate", "Bearer" },
	[ERR_KIND_PAYMENT] = { 402, NULL, NULL },
	[ERR_KIND_DENIED] = { 403, NULL, NULL },
	[ERR_KIND_MISSING] = { 404, NULL, NULL },
	[ERR_KIND_METHOD] = { 405, NULL, NULL },
	[ERR_KIND_CONFLICT] = { 409, "Retry-After", "1" },
	[ERR_KIND_TOO_LARGE] = { 413, NULL, NULL },
	[ERR_KIND_MEDIA_TYPE] = { 415, NULL, NULL },
	[ERR_KIND_MISMATCH] = { 422, NULL, NULL },
	[ERR_KIND_LIMITED] = { 429, "Retry-After", "1" },
	[ERR_KIND_BROKEN] = { 500, NULL, NULL },
	[ERR_KIND_UNAVAILABLE] = { 503, "Retry-After", "2" },
	[ERR_KIND_INTERNAL] = { 500, NULL, NULL },
};

static const int successes[] = {
	[SUCCESS_OK] = 200,
	[SUCCESS_CREATED] = 201,
	[SUCCESS_ACCEPTED] = 202,
	[SUCCESS_NO_CONTENT] = 204,
};

int reply_status_of(enum err_kind kind)
{
	return kinds[kind].status;
}

int reply_status_of_success(enum success success)
{
	return successes[success];
}

void reply_reset(struct web *web)
{
	web->status = 0;
	buf_clear(&web->reply);
	buf_clear(&web->headers);
}

void reply_header(struct web *web, const char *name, const char *value)
{
	for (const char *c = value; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return;
	}
	buf_printf(&web->headers, "%s: %s\r\n", name, value);
}

static void add_text(json_t *object, const char *name, const char *value)
{
	json_object_set_new(object, name, json_string(value));
}

/* details: every fault of the request, or the id under which a fault of ours is in the log. */
static json_t *error_details(struct web *web, enum err err)
{
	json_t *details = json_object();

	if (kinds[err_kind(err)].status >= 500)
		add_text(details, "request_id", web->request_id);
	if (web->complaints.count == 0 || err_kind(err) != ERR_KIND_INVALID)
		return details;
	json_t *errors = json_array();
	for (size_t i = 0; i < web->complaints.count; i++)
		json_array_append_new(
		    errors, json_pack("{s:s, s:s}", "field", web->complaints.items[i].field,
				"message", web->complaints.items[i].message));
	json_object_set_new(details, "errors", errors);
	return details;
}

/* contract/README.md: {"error":{"code","message","details"}} */
static void kyc_error(struct web *web, enum err err)
{
	json_t *error = json_pack("{s:{s:s, s:s, s:o}}", "error", "code", err_code(err), "message",
	    err_sentence(err), "details", error_details(web, err));

	if (error == NULL || json_write(error, &web->reply) != ERR_OK) {
		buf_clear(&web->reply);
		buf_adds(&web->reply, "{\"error\":{\"code\":\"INTERNAL_ERROR\",\"message\":"
				      "\"Something went wrong on our side.\",\"details\":{}}}");
	}
	json_decref(error);
}

void reply_error(struct web *web, enum err err)
{
	enum err shown = err_public(err);
	const struct kind_row *row = &kinds[err_kind(shown)];

	reply_reset(web);
	web->status = row->status;
	if (row->header != NULL)
		reply_header(web, row->header, row->value);
	kyc_error(web, shown);
}

void reply_finish(struct web *web)
{
	reply_header(web, "X-Request-Id", web->request_id);
	reply_header(web, "Cache-Control", "no-store");
	reply_header(web, "X-Content-Type-Options", "nosniff");
	if (web->reply.len > 0 && strstr(buf_str(&web->headers), "Content-Type:") == NULL)
		reply_header(web, "Content-Type", "application/json; charset=utf-8");
}

/* ---- what handlers call ----------------------------------------------------------------------- */

enum err reply_object(struct web *web, const void *object)
{
	buf_adds(&web->reply, "{\"data\":");
	enum err err = fields_write(web->route->reply, object, &web->reply);
	buf_addc(&web->reply, '}');
	return err == ERR_OK ? buf_err(&web->reply) : err;
}

static enum err write_items(struct web *web, const void *items, size_t count)
{
	const struct field_set *set = web->route->reply;
	enum err err = ERR_OK;

	buf_adds(&web->reply, "{\"data\":[");
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		if (i > 0)
			buf_addc(&web->reply, ',');
		err = fields_write(set, (const char *)items + i * set->struct_size, &web->reply);
	}
	buf_addc(&web->reply, ']');
	return err;
}

enum err reply_page(
    struct web *web, const void *items, size_t count, const char *next_cursor, int64_t total)
{
	enum err err = write_items(web, items, count);

	if (err != ERR_OK)
		return err;
	/* Cursors are letters, digits, '-' and '_': nothing to escape. */
	buf_printf(&web->reply, ",\"meta\":{\"next_cursor\":%s%s%s,\"total\":%lld}}",
	    next_cursor == NULL ? "" : "\"", next_cursor == NULL ? "null" : next_cursor,
	    next_cursor == NULL ? "" : "\"", (long long)total);
	return buf_err(&web->reply);
}

enum err reply_list(struct web *web, const void *items, size_t count)
{
	enum err err = write_items(web, items, count);

	buf_addc(&web->reply, '}');
	return err == ERR_OK ? buf_err(&web->reply) : err;
}

enum err reply_raw(struct web *web, const char *media_type, const void *body, size_t len)
{
	reply_header(web, "Content-Type", media_type);
	buf_add(&web->reply, body, len);
	return buf_err(&web->reply);
}
