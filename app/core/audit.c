/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c writes, reads and removes the rows of the audit log. */
#include "audit.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "page.h"
#include "str.h"

#define DAY_MS INT64_C(86400000)

/* The kinds of things that actions begin with, and what their ids look like. */
static const struct {
	const char *noun;
	enum id_kind id;
} nouns[] = {
	{ "organization", ID_ORGANIZATION },
	{ "tokens", ID_ORGANIZATION },
	{ "application", ID_APPLICATION },
	{ "key", ID_KEY },
	{ "webhook", ID_WEBHOOK },
	{ "webhook_key", ID_WEBHOOK_KEY },
	{ "delivery", ID_DELIVERY },
	{ "event", ID_EVENT },
	{ "recovery", ID_TASK },
	{ "verification", ID_VERIFICATION },
	{ "verification_session", ID_SESSION },
	{ "workflow", ID_WORKFLOW },
	{ "media", ID_MEDIA },
	{ "review", ID_VERIFICATION },
	{ "record", ID_RECORD },
};

enum id_kind audit_subject_kind(const char *action)
{
	size_t len = strcspn(action, ".");

	for (size_t i = 0; i < countof(nouns); i++) {
		if (strlen(nouns[i].noun) == len && memcmp(nouns[i].noun, action, len) == 0)
			return nouns[i].id;
	}
	return ID_UUID;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static struct uuid actor_id(const struct actor *actor)
{
	if (actor->kind == ACTOR_KEY)
		return actor->key_id;
	return actor->kind == ACTOR_ACCOUNT ? actor->account_id : UUID_NIL;
}

/* As much of it as the column takes, in whole characters. */
static enum err cut(struct ctx *ctx, const char *text, size_t max, const char **ret_text)
{
	size_t len = 0, count = 0;

	*ret_text = text;
	if (text == NULL || strlen(text) <= max)
		return ERR_OK;
	while (text[len] != '\0') {
		bool begins = ((unsigned char)text[len] & 0xc0U) != 0x80U;
		if (begins && count++ == max)
			break;
		len++;
	}
	*ret_text = arena_strndup(ctx->arena, text, len);
	return *ret_text == NULL ? ERR_NOMEM : ERR_OK;
}

enum err audit_note(struct ctx *ctx, const struct audit_entry *entry)
{
	const struct actor *actor = &ctx->actor;
	const char *detail = NULL, *name = NULL;
	struct uuid id;
	enum err err = db_in_tx(ctx->db) ? ERR_OK : ERR_STATE;

	if (err == ERR_OK)
		err = cut(ctx, entry->detail, LIMIT_AUDIT_DETAIL, &detail);
	if (err == ERR_OK)
		err = cut(ctx, actor->name, LIMIT_ACTOR_NAME, &name);
	if (err == ERR_OK)
		err = uuid_make(&id);
	if (err != ERR_OK)
		return err;
	return q_audit_put(ctx->db, id, uuid_time_ms(id), actor_kind_word(actor->kind),
	    actor_id(actor), name, entry->organization_id, entry->application_id,
	    entry->application_id, audit_action_word(entry->action), entry->subject_id,
	    ctx->client_address, ctx->request_id, detail);
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* Which index serves depends on what is asked for: the one that leaves the least first. */
enum err audit_list(struct ctx *ctx, const struct audit_filter *f, struct row_audit_page **ret_rows,
    size_t *ret_count)
{
	struct uuid end, low, high;

	_Static_assert(sizeof(struct row_audit_page) == sizeof(struct row_audit_page_org) &&
			   sizeof(struct row_audit_page) == sizeof(struct row_audit_page_actor) &&
			   sizeof(struct row_audit_page) == sizeof(struct row_audit_page_subject),
	    "rows are read alike");
	memset(end.b, 0xff, sizeof(end.b));
	page_range(end, f->from_ms, f->to_ms, &low, &high);
	if (!uuid_is_nil(f->subject_id))
		return q_audit_page_subject(ctx->db, ctx->arena, f->subject_id, f->organization_id,
		    f->actor_id, f->actor_name, f->action, low, high, f->limit, (void *)ret_rows,
		    ret_count);
	if (!uuid_is_nil(f->actor_id))
		return q_audit_page_actor(ctx->db, ctx->arena, f->actor_id, f->organization_id,
		    f->action, low, high, f->limit, (void *)ret_rows, ret_count);
	if (!uuid_is_nil(f->organization_id))
		return q_audit_page_org(ctx->db, ctx->arena, f->organization_id, f->actor_name,
		    f->action, low, high, f->limit, (void *)ret_rows, ret_count);
	return q_audit_page(ctx->db, ctx->arena, f->actor_name, f->action, low, high, f->limit,
	    ret_rows, ret_count);
}

/* ---- the end ---------------------------------------------------------------------------------- */

enum err audit_expire(struct ctx *ctx, int64_t max, uint64_t *ret_removed)
{
	int64_t kept_ms = ctx->settings->audit_keep_days * DAY_MS;

	if (kept_ms == 0) {
		*ret_removed = 0;
		return ERR_OK;
	}
	return q_audit_expire(ctx->db, uuid_floor(clock_now_ms() - kept_ms), max, ret_removed);
}
