/* SPDX-License-Identifier: Apache-2.0 */
/* reseal.c seals rows anew, one kind of row after the other. */
#include "reseal.h"

#include "address.h"
#include "age.h"
#include "applicant.h"
#include "audit.h"
#include "event.h"
#include "jwt.h"
#include "mail.h"
#include "media.h"
#include "record.h"
#include "session_subject.h"
#include "stmt.h"
#include "tx.h"
#include "webhook.h"

/* A kind of row: how many are under an older key, which come next, and sealing one. The listed
 * rows' structs are an id each. */
struct kind {
	enum err (*count)(struct ctx *ctx, int64_t current, int64_t *ret_count);
	enum err (*list)(struct ctx *ctx, int64_t current, int64_t limit, struct uuid **ret_ids,
	    size_t *ret_count);
	enum err (*seal)(struct ctx *ctx, struct uuid id, int64_t current);
};

/* ---- applicants ------------------------------------------------------------------------------------- */

static enum err applicant_count(struct ctx *ctx, int64_t current, int64_t *ret_count)
{
	struct row_reseal_count row;
	enum err err = q_reseal_count(ctx->db, ctx->arena, current, &row);

	if (err == ERR_OK)
		*ret_count = row.n;
	return err;
}

static enum err applicant_list(
    struct ctx *ctx, int64_t current, int64_t limit, struct uuid **ret_ids, size_t *ret_count)
{
	_Static_assert(sizeof(struct row_reseal_list) == sizeof(struct uuid), "an id each");
	return q_reseal_list(ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count);
}

static enum err applicant_seal_row(struct ctx *ctx, struct uuid id, int64_t current)
{
	struct row_reseal_lock row;
	struct bytes sealed;
	enum err err = q_reseal_lock(ctx->db, ctx->arena, id, &row);

	/* Erased, or done by another process, since it was listed. */
	if (err == ERR_MISSING ||
	    (err == ERR_OK && (row.sealed.data == NULL || row.seal_key >= current)))
		return ERR_OK;
	if (err == ERR_OK)
		err = applicant_reseal(ctx, id, row.sealed, &sealed);
	return err == ERR_OK ? q_reseal_put(ctx->db, sealed, current, id) : err;
}

/* ---- endpoints ---------------------------------------------------------------------------------------- */

static enum err endpoint_count(struct ctx *ctx, int64_t current, int64_t *ret_count)
{
	struct row_webhook_reseal_count row;
	enum err err = q_webhook_reseal_count(ctx->db, ctx->arena, current, &row);

	if (err == ERR_OK)
		*ret_count = row.n;
	return err;
}

static enum err endpoint_list(
    struct ctx *ctx, int64_t current, int64_t limit, struct uuid **ret_ids, size_t *ret_count)
{
	_Static_assert(sizeof(struct row_webhook_reseal_list) == sizeof(struct uuid), "an id each");
	return q_webhook_reseal_list(
	    ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count);
}

/* One secret; what is not there stays so. */
static enum err secret_again(
    struct ctx *ctx, struct uuid id, const char *which, struct bytes *secret)
{
	const char *text = NULL;
	enum err err = ERR_OK;

	if (secret->data == NULL)
		return ERR_OK;
	err = webhook_open(ctx, id, which, *secret, &text);
	return err == ERR_OK ? webhook_seal(ctx, id, which, text, secret) : err;
}

static enum err endpoint_seal_row(struct ctx *ctx, struct uuid id, int64_t current)
{
	struct row_webhook_reseal_hold row;
	enum err err = q_webhook_reseal_hold(ctx->db, ctx->arena, id, &row);

	if (err == ERR_MISSING || (err == ERR_OK && row.seal_key >= current))
		return ERR_OK;
	if (err == ERR_OK)
		err = secret_again(ctx, id, "secret", &row.secret);
	if (err == ERR_OK)
		err = secret_again(ctx, id, "secret_old", &row.secret_old);
	if (err == ERR_OK)
		err = secret_again(ctx, id, "signing_key", &row.signing_key);
	return err == ERR_OK ? q_webhook_reseal_put(ctx->db, row.secret, row.secret_old,
				   row.signing_key, current, id)
			     : err;
}

/* ---- events -------------------------------------------------------------------------------------------- */

static enum err event_count(struct ctx *ctx, int64_t current, int64_t *ret_count)
{
	struct row_event_reseal_count row;
	enum err err = q_event_reseal_count(ctx->db, ctx->arena, current, &row);

	if (err == ERR_OK)
		*ret_count = row.n;
	return err;
}

static enum err event_ids(
    struct ctx *ctx, int64_t current, int64_t limit, struct uuid **ret_ids, size_t *ret_count)
{
	_Static_assert(sizeof(struct row_event_reseal_list) == sizeof(struct uuid), "an id each");
	return q_event_reseal_list(ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count);
}

static enum err event_seal_row(struct ctx *ctx, struct uuid id, int64_t current)
{
	struct row_event_reseal_hold row;
	struct bytes text, sealed;
	enum err err = q_event_reseal_hold(ctx->db, ctx->arena, id, &row);

	if (err == ERR_MISSING || (err == ERR_OK && row.seal_key >= current))
		return ERR_OK;
	if (err == ERR_OK)
		err = event_open(ctx, id, row.body, row.seal_key, &text);
	if (err == ERR_OK)
		err = event_seal(ctx, id, text, &sealed);
	return err == ERR_OK ? q_event_reseal_put(ctx->db, sealed, current, id) : err;
}

/* ---- keys of access tokens ------------------------------------------------------------------------------ */

static enum err jwt_count(struct ctx *ctx, int64_t current, int64_t *ret_count)
{
	struct row_jwt_key_reseal_count row;
	enum err err = q_jwt_key_reseal_count(ctx->db, ctx->arena, current, &row);

	if (err == ERR_OK)
		*ret_count = row.n;
	return err;
}

static enum err jwt_ids(
    struct ctx *ctx, int64_t current, int64_t limit, struct uuid **ret_ids, size_t *ret_count)
{
	_Static_assert(sizeof(struct row_jwt_key_reseal_list) == sizeof(struct uuid), "an id each");
	return q_jwt_key_reseal_list(
	    ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count);
}

static enum err jwt_seal_row(struct ctx *ctx, struct uuid id, int64_t current)
{
	struct row_jwt_key_reseal_hold row;
	struct bytes sealed;
	enum err err = q_jwt_key_reseal_hold(ctx->db, ctx->arena, id, &row);

	if (err == ERR_MISSING || (err == ERR_OK && row.seal_key >= current))
		return ERR_OK;
	if (err == ERR_OK)
		err = jwt_key_reseal(ctx, id, row.sealed, &sealed);
	return err == ERR_OK ? q_jwt_key_reseal_put(ctx->db, sealed, current, id) : err;
}

/* ---- mails --------------------------------------------------------------------------------------------- */

static enum err mail_count(struct ctx *ctx, int64_t current, int64_t *ret_count)
{
	struct row_mail_reseal_count row;
	enum err err = q_mail_reseal_count(ctx->db, ctx->arena, current, &row);

	if (err == ERR_OK)
		*ret_count = row.n;
	return err;
}

static enum err mail_ids(
    struct ctx *ctx, int64_t current, int64_t limit, struct uuid **ret_ids, size_t *ret_count)
{
	_Static_assert(sizeof(struct row_mail_reseal_list) == sizeof(struct uuid), "an id each");
	return q_mail_reseal_list(ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count);
}

static enum err mail_seal_row(struct ctx *ctx, struct uuid id, int64_t current)
{
	struct row_mail_reseal_hold row;
	struct bytes sealed;
	enum err err = q_mail_reseal_hold(ctx->db, ctx->arena, id, &row);

	/* Removed, sent, or done by another process, since it was listed. */
	if (err == ERR_MISSING ||
	    (err == ERR_OK && (row.content.data == NULL || row.seal_key >= current)))
		return ERR_OK;
	if (err == ERR_OK)
		err = mail_reseal(ctx, id, row.content, &sealed);
	return err == ERR_OK ? q_mail_reseal_put(ctx->db, sealed, current, id) : err;
}

/* ---- addresses --------------------------------------------------------------------------------------------- */

/* One address, under the newest key. */
static enum err address_again(
    struct ctx *ctx, enum address_place place, struct uuid id, struct bytes *sealed)
{
	const char *email = NULL;
	enum err err = address_open(ctx, place, id, *sealed, &email);

	return err == ERR_OK ? address_seal(ctx, place, id, email, sealed) : err;
}

/* The three tables are alike, and their statements too. */
#define ADDRESS_KIND(table, place) \
	static enum err table##_count(struct ctx *ctx, int64_t current, int64_t *ret_count) \
	{ \
		struct row_##table##_reseal_count row; \
		enum err err = q_##table##_reseal_count(ctx->db, ctx->arena, current, &row); \
		if (err == ERR_OK) \
			*ret_count = row.n; \
		return err; \
	} \
	static enum err table##_list(struct ctx *ctx, int64_t current, int64_t limit, \
	    struct uuid **ret_ids, size_t *ret_count) \
	{ \
		_Static_assert(sizeof(struct row_##table##_reseal_list) == sizeof(struct uuid), \
		    "an id each"); \
		return q_##table##_reseal_list( \
		    ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count); \
	} \
	static enum err table##_seal_row(struct ctx *ctx, struct uuid id, int64_t current) \
	{ \
		struct row_##table##_reseal_hold row; \
		enum err err = q_##table##_reseal_hold(ctx->db, ctx->arena, id, &row); \
		if (err == ERR_MISSING || (err == ERR_OK && row.seal_key >= current)) \
			return ERR_OK; \
		if (err == ERR_OK) \
			err = address_again(ctx, place, id, &row.sealed); \
		return err == ERR_OK ? q_##table##_reseal_put(ctx->db, row.sealed, current, id) \
				     : err; \
	}

ADDRESS_KIND(account, ADDRESS_ACCOUNT)
ADDRESS_KIND(registration, ADDRESS_REGISTRATION)
ADDRESS_KIND(member, ADDRESS_MEMBERSHIP)

/* ---- sessions -------------------------------------------------------------------------------------------- */

static enum err session_count(struct ctx *ctx, int64_t current, int64_t *ret_count)
{
	struct row_session_reseal_count row;
	enum err err = q_session_reseal_count(ctx->db, ctx->arena, current, &row);

	if (err == ERR_OK)
		*ret_count = row.n;
	return err;
}

static enum err session_ids(
    struct ctx *ctx, int64_t current, int64_t limit, struct uuid **ret_ids, size_t *ret_count)
{
	_Static_assert(sizeof(struct row_session_reseal_list) == sizeof(struct uuid), "an id each");
	return q_session_reseal_list(
	    ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count);
}

static enum err session_seal_row(struct ctx *ctx, struct uuid id, int64_t current)
{
	struct row_session_reseal_hold row;
	struct bytes sealed;
	enum err err = q_session_reseal_hold(ctx->db, ctx->arena, id, &row);

	if (err == ERR_MISSING ||
	    (err == ERR_OK && (row.sealed.data == NULL || row.seal_key >= current)))
		return ERR_OK;
	if (err == ERR_OK)
		err = subject_reseal(ctx, id, row.sealed, &sealed);
	return err == ERR_OK ? q_session_reseal_put(ctx->db, sealed, current, id) : err;
}

/* ---- media: their files' keys ----------------------------------------------------------------------------- */

static enum err media_count(struct ctx *ctx, int64_t current, int64_t *ret_count)
{
	struct row_media_reseal_count row;
	enum err err = q_media_reseal_count(ctx->db, ctx->arena, current, &row);

	if (err == ERR_OK)
		*ret_count = row.n;
	return err;
}

static enum err media_ids(
    struct ctx *ctx, int64_t current, int64_t limit, struct uuid **ret_ids, size_t *ret_count)
{
	_Static_assert(sizeof(struct row_media_reseal_list) == sizeof(struct uuid), "an id each");
	return q_media_reseal_list(ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count);
}

static enum err media_seal_row(struct ctx *ctx, struct uuid id, int64_t current)
{
	struct row_media_reseal_hold row;
	struct bytes sealed;
	enum err err = q_media_reseal_hold(ctx->db, ctx->arena, id, &row);

	/* Given up, or done by another process, since it was listed. */
	if (err == ERR_MISSING ||
	    (err == ERR_OK && (row.file_key.data == NULL || row.seal_key >= current)))
		return ERR_OK;
	if (err == ERR_OK)
		err = media_reseal(ctx, id, row.file_key, &sealed);
	return err == ERR_OK ? q_media_reseal_put(ctx->db, sealed, current, id) : err;
}

/* ---- age verifications, records -------------------------------------------------------------------------- */

/* Three tables alike: sealed, and the number of its key; each has its own way of sealing. */
#define AGE_KIND(name, again) \
	static enum err name##_count(struct ctx *ctx, int64_t current, int64_t *ret_count) \
	{ \
		struct row_##name##_reseal_count row; \
		enum err err = q_##name##_reseal_count(ctx->db, ctx->arena, current, &row); \
		if (err == ERR_OK) \
			*ret_count = row.n; \
		return err; \
	} \
	static enum err name##_ids(struct ctx *ctx, int64_t current, int64_t limit, \
	    struct uuid **ret_ids, size_t *ret_count) \
	{ \
		_Static_assert( \
		    sizeof(struct row_##name##_reseal_list) == sizeof(struct uuid), "an id each"); \
		return q_##name##_reseal_list( \
		    ctx->db, ctx->arena, current, limit, (void *)ret_ids, ret_count); \
	} \
	static enum err name##_seal_row(struct ctx *ctx, struct uuid id, int64_t current) \
	{ \
		struct row_##name##_reseal_hold row; \
		struct bytes sealed; \
		enum err err = q_##name##_reseal_hold(ctx->db, ctx->arena, id, &row); \
		if (err == ERR_MISSING || \
		    (err == ERR_OK && (row.sealed.data == NULL || row.seal_key >= current))) \
			return ERR_OK; \
		if (err == ERR_OK) \
			err = again(ctx, id, row.sealed, &sealed); \
		return err == ERR_OK ? q_##name##_reseal_put(ctx->db, sealed, current, id) : err; \
	}

AGE_KIND(age, age_document_reseal)
AGE_KIND(age_record, record_reseal)
AGE_KIND(age_alias, record_alias_reseal)

/* ---- all -------------------------------------------------------------------------------------------------- */

static const struct kind kinds[] = {
	{ applicant_count, applicant_list, applicant_seal_row },
	{ endpoint_count, endpoint_list, endpoint_seal_row },
	{ event_count, event_ids, event_seal_row },
	{ jwt_count, jwt_ids, jwt_seal_row },
	{ mail_count, mail_ids, mail_seal_row },
	{ account_count, account_list, account_seal_row },
	{ registration_count, registration_list, registration_seal_row },
	{ member_count, member_list, member_seal_row },
	{ session_count, session_ids, session_seal_row },
	{ media_count, media_ids, media_seal_row },
	{ age_count, age_ids, age_seal_row },
	{ age_record_count, age_record_ids, age_record_seal_row },
	{ age_alias_count, age_alias_ids, age_alias_seal_row },
};

struct batch {
	const struct kind *kind;
	int64_t current;
	int64_t rows;
	uint64_t done; /* in this transaction */
	bool noted;    /* the audit log has it, committed */
};

/* With the first rows; the others are of the same command. */
static enum err note(struct ctx *ctx, int64_t current)
{
	struct audit_entry entry = { .action = AUDIT_SEAL_ROTATED,
		.detail = arena_printf(ctx->arena, "to key %lld", (long long)current) };

	return entry.detail == NULL ? ERR_NOMEM : audit_note(ctx, &entry);
}

static enum err reseal_batch(struct ctx *ctx, void *arg)
{
	struct batch *batch = arg;
	struct uuid *ids = NULL;
	size_t count = 0;
	enum err err = batch->kind->list(ctx, batch->current, batch->rows, &ids, &count);

	batch->done = 0;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = batch->kind->seal(ctx, ids[i], batch->current);
		batch->done += err == ERR_OK;
	}
	return err == ERR_OK && batch->done > 0 && !batch->noted ? note(ctx, batch->current) : err;
}

static enum err count_all(struct ctx *ctx, int64_t current, uint64_t *ret_total)
{
	uint64_t total = 0;

	for (size_t i = 0; i < countof(kinds); i++) {
		int64_t count = 0;
		enum err err = kinds[i].count(ctx, current, &count);
		if (err != ERR_OK)
			return err;
		total += (uint64_t)count;
	}
	*ret_total = total;
	return ERR_OK;
}

/* One kind to its end; false in *ret_go_on when the caller wants to stop. */
static enum err reseal_kind(struct ctx *ctx, struct batch *batch, reseal_progress_fn *progress,
    void *arg, uint64_t total, uint64_t *done, bool *ret_go_on)
{
	do {
		arena_reset(ctx->arena);
		enum err err = tx_run(ctx, reseal_batch, batch);
		if (err != ERR_OK)
			return err;
		*done += batch->done;
		batch->noted = batch->noted || batch->done > 0;
		if (batch->done > 0 && progress != NULL && !progress(arg, *done, total))
			*ret_go_on = false;
	} while (batch->done > 0 && *ret_go_on);
	return ERR_OK;
}

enum err reseal_run(struct ctx *ctx, int64_t batch_rows, reseal_progress_fn *progress, void *arg,
    uint64_t *ret_done)
{
	int64_t current = (int64_t)keyring_current(ctx->keyring);
	uint64_t done = 0, total = 0;
	bool go_on = true;
	struct batch batch = { .current = current, .rows = batch_rows };
	enum err err = count_all(ctx, current, &total);

	for (size_t i = 0; i < countof(kinds) && err == ERR_OK && go_on; i++) {
		batch.kind = &kinds[i];
		err = reseal_kind(ctx, &batch, progress, arg, total, &done, &go_on);
	}
	*ret_done = done;
	return err;
}
