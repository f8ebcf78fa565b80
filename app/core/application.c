/* SPDX-License-Identifier: Apache-2.0 */
/* application.c: applications, as the people of their organisation manage them. */
#include "application.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "json.h"
#include "key.h"
#include "limits.h"
#include "org.h"
#include "str.h"
#include "tx.h"

#define DAY_MS INT64_C(86400000)
#define DEFAULT_NAME "%s App"

/* ---- what may be said ------------------------------------------------------------------------------ */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 3986 section 2: unreserved, reserved, and '%' as the beginning of what is not. */
static bool characters_ok(const char *url)
{
	for (const char *c = url; *c != '\0'; c++) {
		if (!is_letter(*c) && !is_digit(*c) &&
		    strchr("-._~:/?#[]@!$&'()*+,;=%", *c) == NULL)
			return false;
	}
	return true;
}

/* RFC 3986 section 3.2.3; none, or an empty one, is the scheme's own. */
static bool port_ok(const char *text, size_t len)
{
	char digits[6] = "";
	int64_t port = 0;

	if (len == 0)
		return true;
	if (len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	return str_to_i64(digits, 1, 65535, &port) == ERR_OK;
}

/* RFC 3986 section 3.2: a name, or an address between brackets, then perhaps a port. */
static bool authority_ok(const char *text, size_t len)
{
	const char *end = text + len;
	const char *host_end = text;

	if (memchr(text, '@', len) != NULL)
		return false;
	if (len > 0 && text[0] == '[') {
		host_end = memchr(text, ']', len);
		if (host_end == NULL || host_end - text < 3)
			return false;
		host_end++;
	} else {
		while (host_end < end && *host_end != ':')
			host_end++;
		if (host_end == text || memchr(text, '[', len) || memchr(text, ']', len))
			return false;
	}
	if (host_end == end)
		return true;
	return *host_end == ':' && port_ok(host_end + 1, (size_t)(end - host_end) - 1);
}

bool application_url_ok(const char *url)
{
	static const char *const schemes[] = { "https://", "http://" };

	if (strlen(url) > LIMIT_URL || !characters_ok(url))
		return false;
	for (size_t i = 0; i < countof(schemes); i++) {
		size_t len = strlen(schemes[i]);
		char head[9] = "";
		if (strnlen(url, len) < len)
			continue;
		memcpy(head, url, len);
		if (ascii_equal_nocase(head, schemes[i]))
			return authority_ok(url + len, strcspn(url + len, "/?#"));
	}
	return false;
}

bool application_uris_ok(const char *json_text)
{
	json_t *array = NULL, *item, *other;
	size_t i, j;
	bool ok = json_read(json_text, strlen(json_text), &array, NULL) == ERR_OK &&
		  json_is_array(array) && json_array_size(array) <= LIMIT_REDIRECT_URIS;

	json_array_foreach(array, i, item)
	{
		ok = ok && json_is_string(item) && application_url_ok(json_string_value(item));
		json_array_foreach(array, j, other) ok = ok && (j >= i || !json_equal(item, other));
	}
	json_decref(array);
	return ok;
}

static bool url_or_nothing(const char *url)
{
	return url == NULL || url[0] == '\0' || application_url_ok(url);
}

static enum err check(const struct application_about *about)
{
	bool ok = (about->name == NULL || str_is_line(about->name, LIMIT_APPLICATION_NAME)) &&
		  url_or_nothing(about->website_url) && url_or_nothing(about->terms_url) &&
		  url_or_nothing(about->privacy_url) &&
		  (about->redirect_uris == NULL || application_uris_ok(about->redirect_uris)) &&
		  (about->description == NULL || about->description[0] == '\0' ||
		      str_is_line(about->description, LIMIT_APPLICATION_TEXT));

	return ok ? ERR_OK : ERR_VALIDATION;
}

static bool is_silent(const struct application_about *about)
{
	return about->name == NULL && about->website_url == NULL && about->redirect_uris == NULL &&
	       about->terms_url == NULL && about->privacy_url == NULL && about->description == NULL;
}

/* The organisation, held until the transaction ends: who adds to it takes turns. */
static enum err hold_org(struct ctx *ctx, struct uuid id, struct row_org_hold *ret_row)
{
	enum err err = q_org_hold(ctx->db, ctx->arena, id, ret_row);

	return err == ERR_MISSING ? ERR_ORGANIZATION_NOT_FOUND : err;
}

/* What they say together must fit into one list; and there may not be endlessly many. */
static enum err check_sum(struct ctx *ctx, struct uuid organization_id)
{
	struct row_application_sum row;
	enum err err = q_application_sum(ctx->db, ctx->arena, organization_id, &row);

	if (err != ERR_OK)
		return err;
	return row.n > LIMIT_APPLICATIONS || row.bytes > LIMIT_APPLICATIONS_TEXT ? ERR_FULL
										 : ERR_OK;
}

/* ---- showing --------------------------------------------------------------------------------------- */

static enum err set_client_id(struct ctx *ctx, struct application *application)
{
	char text[BASE64_SIZE(sizeof(struct uuid))];

	base64url_encode(application->row.id.b, sizeof(application->row.id.b), text);
	application->client_id = arena_strdup(ctx->arena, text);
	return application->client_id == NULL ? ERR_NOMEM : ERR_OK;
}

enum err application_show(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    struct application *ret_application)
{
	struct application application;
	enum err err = q_application_show(
	    ctx->db, ctx->arena, clock_now_ms(), organization_id, id, &application.row);

	if (err == ERR_MISSING)
		return ERR_APPLICATION_NOT_FOUND;
	if (err == ERR_OK)
		err = set_client_id(ctx, &application);
	if (err == ERR_OK)
		*ret_application = application;
	return err;
}

enum err application_asker(struct ctx *ctx, struct uuid id, struct row_application_asker *ret_asker)
{
	enum err err = q_application_asker(ctx->db, ctx->arena, id, ret_asker);

	return err == ERR_MISSING ? ERR_APPLICATION_NOT_FOUND : err;
}

enum err application_own(struct ctx *ctx, struct uuid organization_id,
    struct application **ret_applications, size_t *ret_count)
{
	struct row_application_own *rows = NULL;
	size_t count = 0;
	enum err err =
	    q_application_own(ctx->db, ctx->arena, clock_now_ms(), organization_id, &rows, &count);
	struct application *list = arena_array(ctx->arena, count, sizeof(*list));

	_Static_assert(
	    sizeof(struct row_application_show) == sizeof(*rows), "applications are read alike");
	if (err == ERR_OK && list == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		memcpy(&list[i].row, &rows[i], sizeof(rows[i]));
		err = set_client_id(ctx, &list[i]);
	}
	if (err != ERR_OK)
		return err;
	*ret_applications = list;
	*ret_count = count;
	return ERR_OK;
}

/* ---- making and changing ----------------------------------------------------------------------------- */

/* The first `max` code points. */
static const char *cut(struct arena *arena, const char *text, size_t max)
{
	size_t len = 0;

	while (text[len] != '\0' && max > 0) {
		len++;
		while (((unsigned char)text[len] & 0xc0) == 0x80)
			len++;
		max--;
	}
	return arena_strndup(arena, text, len);
}

static enum err default_name(struct ctx *ctx, const char *organization_name, const char **ret_name)
{
	const char *name = arena_printf(ctx->arena, DEFAULT_NAME, organization_name);

	*ret_name = name == NULL ? NULL : cut(ctx->arena, name, LIMIT_APPLICATION_NAME);
	return *ret_name == NULL ? ERR_NOMEM : ERR_OK;
}

static const char *text_or(const char *change, const char *old)
{
	if (change == NULL)
		return old;
	return change[0] == '\0' ? NULL : change;
}

static enum err write_about(struct ctx *ctx, const struct row_application_show *row,
    const struct application_about *about, int64_t updated_at)
{
	const char *uris = text_or(about->redirect_uris, row->redirect_uris);

	if (uris != NULL && strcmp(uris, "[]") == 0)
		uris = NULL;
	return q_application_change(ctx->db, text_or(about->name, row->name),
	    text_or(about->website_url, row->website_url), uris,
	    text_or(about->terms_url, row->terms_url),
	    text_or(about->privacy_url, row->privacy_url),
	    text_or(about->description, row->description), updated_at, row->id);
}

/* What the functions below do in one transaction. */
struct work_on {
	struct uuid organization_id;
	struct uuid id;
	const struct application_about *about;
	int64_t overlap_s;
	bool force;
	struct application application;
	const char *key;
};

static enum err make(struct ctx *ctx, void *arg)
{
	struct work_on *on = arg;
	struct row_application_show row = { .name = NULL };
	struct row_org_hold org;
	struct key_made key;
	enum err err = hold_org(ctx, on->organization_id, &org);

	row.name = on->about->name;
	if (err == ERR_OK && row.name == NULL)
		err = default_name(ctx, org.name, &row.name);
	if (err == ERR_OK)
		err = application_create(ctx, on->organization_id, row.name, &row.id);
	if (err == ERR_OK)
		err = write_about(ctx, &row, on->about, TIME_NONE);
	if (err == ERR_OK)
		err = check_sum(ctx, on->organization_id);
	if (err == ERR_OK)
		err = key_regenerate(ctx, row.id, 0, &key);
	if (err == ERR_OK)
		err = application_show(ctx, on->organization_id, row.id, &on->application);
	if (err == ERR_OK)
		on->key = key.text;
	return err;
}

enum err application_make(struct ctx *ctx, struct uuid organization_id,
    const struct application_about *about, struct application *ret_application,
    const char **ret_key)
{
	struct work_on on = { .organization_id = organization_id, .about = about };
	enum err err = check(about);

	if (err == ERR_OK)
		err = tx_run(ctx, make, &on);
	if (err != ERR_OK)
		return err;
	*ret_application = on.application;
	*ret_key = on.key;
	return ERR_OK;
}

/* The application, held until the transaction ends, if it is this organisation's. */
static enum err hold(struct ctx *ctx, const struct work_on *on, struct application *ret_application)
{
	struct row_application_hold row;
	enum err err = q_application_hold(ctx->db, ctx->arena, on->id, &row);

	if (err == ERR_MISSING)
		return ERR_APPLICATION_NOT_FOUND;
	return err == ERR_OK ? application_show(ctx, on->organization_id, on->id, ret_application)
			     : err;
}

static enum err note(struct ctx *ctx, const struct work_on *on, enum audit_action action)
{
	struct audit_entry entry = { .action = action,
		.organization_id = on->organization_id,
		.application_id = on->id,
		.subject_id = on->id,
		.detail = on->force ? "by force" : NULL };

	return audit_note(ctx, &entry);
}

static enum err change(struct ctx *ctx, void *arg)
{
	struct work_on *on = arg;
	struct row_org_hold org;
	struct application before;
	enum err err = hold_org(ctx, on->organization_id, &org);

	if (err == ERR_OK)
		err = hold(ctx, on, &before);
	if (err == ERR_OK)
		err = write_about(ctx, &before.row, on->about, clock_now_ms());
	if (err == ERR_OK)
		err = check_sum(ctx, on->organization_id);
	if (err == ERR_OK)
		err = note(ctx, on, AUDIT_APPLICATION_UPDATED);
	if (err == ERR_OK)
		err = application_show(ctx, on->organization_id, on->id, &on->application);
	return err;
}

enum err application_change(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    const struct application_about *about, struct application *ret_application)
{
	struct work_on on = { .organization_id = organization_id, .id = id, .about = about };
	enum err err = check(about);

	/* Nothing was asked for: nothing is changed, and no change is noted. */
	if (err == ERR_OK && is_silent(about))
		return application_show(ctx, organization_id, id, ret_application);
	if (err == ERR_OK)
		err = tx_run(ctx, change, &on);
	if (err == ERR_OK)
		*ret_application = on.application;
	return err;
}

static enum err renew_key(struct ctx *ctx, void *arg)
{
	struct work_on *on = arg;
	struct key_made key;
	enum err err = hold(ctx, on, &on->application);

	if (err == ERR_OK)
		err = key_regenerate(ctx, on->id, on->overlap_s, &key);
	if (err == ERR_OK)
		err = application_show(ctx, on->organization_id, on->id, &on->application);
	if (err == ERR_OK)
		on->key = key.text;
	return err;
}

enum err application_renew_key(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    int64_t overlap_s, struct application *ret_application, const char **ret_key)
{
	struct work_on on = {
		.organization_id = organization_id, .id = id, .overlap_s = overlap_s
	};
	enum err err = tx_run(ctx, renew_key, &on);

	if (err != ERR_OK)
		return err;
	*ret_application = on.application;
	*ret_key = on.key;
	return ERR_OK;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

static enum err check_unused(struct ctx *ctx, struct uuid id)
{
	int64_t since_ms = clock_now_ms() - DAY_MS;
	struct row_application_traffic row;
	enum err err = q_application_traffic(
	    ctx->db, ctx->arena, id, since_ms, id, uuid_floor(since_ms), &row);

	if (err != ERR_OK)
		return err;
	return row.of_keys != 0 || row.verifications != 0 ? ERR_APPLICATION_IN_USE : ERR_OK;
}

static enum err end(struct ctx *ctx, void *arg)
{
	struct work_on *on = arg;
	int64_t now_ms = clock_now_ms();
	enum err err = hold(ctx, on, &on->application);

	if (err == ERR_OK && !on->force)
		err = check_unused(ctx, on->id);
	if (err == ERR_OK)
		err = q_application_delete(ctx->db, now_ms, on->id);
	if (err == ERR_OK)
		err = q_key_revoke_all(ctx->db, now_ms, on->id);
	if (err == ERR_OK)
		err = q_webhook_disable_all(
		    ctx->db, disabled_reason_word(DISABLED_MANUAL), now_ms, now_ms, on->id);
	return err == ERR_OK ? note(ctx, on, AUDIT_APPLICATION_DELETED) : err;
}

enum err application_delete(
    struct ctx *ctx, struct uuid organization_id, struct uuid id, bool force)
{
	struct work_on on = { .organization_id = organization_id, .id = id, .force = force };

	return tx_run(ctx, end, &on);
}
