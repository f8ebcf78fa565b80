/* SPDX-License-Identifier: Apache-2.0 */
/* record.c: the records of performers. */
#include "record.h"

#include <string.h>

#include "age_flow.h"
#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "sealed.h"
#include "str.h"
#include "tx.h"

#define PURPOSE "record.person"
#define PURPOSE_ALIAS "record.alias"
#define TEXT_CAP 8000  /* of the row's column, less what sealing adds */
#define INDEX_CAP 1024 /* a record's id and a name */
#define LAST 4         /* characters of a number that are shown */

static const struct sealed_member members[] = {
	{ "legal_name", MEMBER_IS(const char *, struct record_person, legal_name) },
	{ "date_of_birth", MEMBER_IS(const char *, struct record_person, date_of_birth) },
	{ "document_type", MEMBER_IS(const char *, struct record_person, document_type) },
	{ "document_country", MEMBER_IS(const char *, struct record_person, document_country) },
	{ "document_number", MEMBER_IS(const char *, struct record_person, document_number) },
};
static const struct sealed_kind kind = { PURPOSE, TEXT_CAP, sizeof(struct record_person), members,
	countof(members) };

/* ---- what all share ---------------------------------------------------------------------------------- */

static int64_t keep_until_ms(const struct ctx *ctx, int64_t used_ms)
{
	return age_years_later(used_ms, ctx->settings->record_keep_years);
}

static enum err note(
    struct ctx *ctx, struct uuid application_id, struct uuid id, enum audit_action action)
{
	struct audit_entry entry = {
		.action = action, .application_id = application_id, .subject_id = id
	};

	return audit_note(ctx, &entry);
}

static enum err hold(struct ctx *ctx, const char *external_id, struct row_age_record_hold *ret_row)
{
	enum err err = q_age_record_hold(ctx->db, ctx->arena, ctx->actor.application_id,
	    environment_word(ctx->actor.environment), external_id, ret_row);

	return err == ERR_MISSING ? ERR_RECORD_NOT_FOUND : err;
}

/* The end of a number without what only groups it, in whole characters; NULL: no memory. */
static const char *last_of(struct ctx *ctx, const char *number)
{
	char *out = number == NULL ? NULL : arena_alloc(ctx->arena, strlen(number) + 1);
	size_t len = 0, count = 0;

	if (out == NULL)
		return NULL;
	for (const char *c = number; *c != '\0'; c++) {
		if (*c != ' ' && *c != '-')
			out[len++] = *c;
	}
	out[len] = '\0';
	while (len > 0 && count < LAST)
		count += ((unsigned char)out[--len] & 0xc0) != 0x80;
	return out + len;
}

static enum err read_aliases(
    struct ctx *ctx, const struct row_age_record_hold *row, struct record *record)
{
	struct row_age_alias_list *rows = NULL;
	size_t count = 0;
	enum err err =
	    q_age_alias_list(ctx->db, ctx->arena, row->application_id, row->id, &rows, &count);

	if (err != ERR_OK)
		return err;
	record->aliases = arena_array(ctx->arena, count + 1, sizeof(*record->aliases));
	if (record->aliases == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		struct bytes text;
		err = seal_open(
		    ctx->keyring, ctx->arena, PURPOSE_ALIAS, rows[i].id, rows[i].sealed, &text);
		if (err == ERR_OK)
			record->aliases[i] = text.data;
	}
	record->alias_count = count;
	return err;
}

static enum err fill(
    struct ctx *ctx, const struct row_age_record_hold *row, struct record *ret_record)
{
	struct record record = { .id = row->id,
		.age_id = row->age_id,
		.external_id = row->external_id,
		.verified_at_ms = row->verified_at,
		.is_active = row->deactivated_at == TIME_NONE,
		.retain_until_ms = row->retain_until };
	enum err err = sealed_get(ctx, &kind, row->id, row->sealed, &record.person);

	if (err == ERR_OK)
		err = read_aliases(ctx, row, &record);
	record.number_last4 = last_of(ctx, record.person.document_number);
	if (err == ERR_OK && record.number_last4 == NULL)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		*ret_record = record;
	return err;
}

/* ---- making and keeping -------------------------------------------------------------------------------- */

enum err record_make(struct ctx *ctx, const struct row_age_hold *row,
    const struct age_document *document, int64_t verified_at_ms)
{
	struct record_person person = { .date_of_birth = document->date_of_birth,
		.document_type = document->type,
		.document_country = document->country,
		.document_number = document->number };
	struct row_age_record_hold known;
	int64_t until_ms = keep_until_ms(ctx, verified_at_ms);
	struct bytes sealed;
	struct uuid id;
	enum err err = q_age_record_hold(
	    ctx->db, ctx->arena, row->application_id, row->environment, row->external_id, &known);

	/* What is there was kept for a reason, so it is not overwritten. */
	if (err == ERR_OK)
		return q_age_record_use(ctx->db, known.deactivated_at, until_ms, clock_now_ms(),
		    row->application_id, known.id);
	if (err != ERR_MISSING)
		return err;
	person.legal_name =
	    arena_printf(ctx->arena, "%s %s", document->first_name, document->last_name);
	err = person.legal_name == NULL ? ERR_NOMEM : uuid_make(&id);
	if (err == ERR_OK)
		err = sealed_put(ctx, &kind, id, &person, &sealed);
	if (err == ERR_OK)
		err = q_age_record_put(ctx->db, row->application_id, id, row->environment,
		    row->external_id, row->id, sealed, (int64_t)keyring_current(ctx->keyring),
		    verified_at_ms, until_ms, uuid_time_ms(id), uuid_time_ms(id));
	return err == ERR_OK ? note(ctx, row->application_id, id, AUDIT_RECORD_CREATED) : err;
}

enum err record_keeps(
    struct ctx *ctx, struct uuid application_id, struct uuid age_id, bool *ret_keeps)
{
	struct row_age_record_of row;
	enum err err = q_age_record_of(ctx->db, ctx->arena, application_id, age_id, &row);

	if (err == ERR_OK || err == ERR_MISSING)
		*ret_keeps = err == ERR_OK;
	return err == ERR_MISSING ? ERR_OK : err;
}

enum err record_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed)
{
	return sealed_again(ctx, PURPOSE, id, sealed, ret_sealed);
}

enum err record_alias_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed)
{
	return sealed_again(ctx, PURPOSE_ALIAS, id, sealed, ret_sealed);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

struct work_on {
	const char *external_id;
	const char *name;
	struct record record;
};

static enum err get(struct ctx *ctx, void *arg)
{
	struct work_on *on = arg;
	struct row_age_record_hold row;
	enum err err = hold(ctx, on->external_id, &row);

	if (err == ERR_OK)
		err = fill(ctx, &row, &on->record);
	return err == ERR_OK ? note(ctx, row.application_id, row.id, AUDIT_RECORD_READ) : err;
}

enum err record_get(struct ctx *ctx, const char *external_id, struct record *ret_record)
{
	struct work_on on = { .external_id = external_id };
	enum err err = tx_run(ctx, get, &on);

	if (err == ERR_OK)
		*ret_record = on.record;
	return err;
}

/* ---- other names --------------------------------------------------------------------------------------- */

/* The same name of two records has two indexes: nobody learns that they are one person. */
static enum err name_index(
    struct ctx *ctx, struct uuid record_id, const char *name, uint8_t ret_index[SHA256_SIZE])
{
	struct buf text;

	buf_init(&text, INDEX_CAP);
	buf_add(&text, "alias", sizeof("alias"));
	buf_add(&text, record_id.b, sizeof(record_id.b));
	buf_adds(&text, name);
	enum err err = buf_err(&text);
	if (err == ERR_OK)
		err = pepper_mac(ctx->keyring, PEPPER_INDEX, text.data, text.len, ret_index);
	buf_free(&text);
	return err;
}

static bool has_index(const struct row_age_alias_list *rows, size_t count, const uint8_t *index)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].name_index.len == SHA256_SIZE &&
		    memcmp(rows[i].name_index.data, index, SHA256_SIZE) == 0)
			return true;
	}
	return false;
}

static enum err put_alias(struct ctx *ctx, const struct row_age_record_hold *row, const char *name)
{
	int64_t now_ms = clock_now_ms();
	struct row_age_alias_list *rows = NULL;
	uint8_t index[SHA256_SIZE];
	struct bytes sealed;
	struct uuid id;
	size_t count = 0;
	enum err err = name_index(ctx, row->id, name, index);

	if (err == ERR_OK)
		err = q_age_alias_list(
		    ctx->db, ctx->arena, row->application_id, row->id, &rows, &count);
	if (err != ERR_OK)
		return err;
	/* Nothing changes, and the record is shown all the same. */
	if (has_index(rows, count, index))
		return note(ctx, row->application_id, row->id, AUDIT_RECORD_READ);
	if (count >= LIMIT_RECORD_ALIASES)
		return ERR_RECORD_FULL;
	err = uuid_make(&id);
	if (err == ERR_OK)
		err = seal_data(
		    ctx->keyring, ctx->arena, PURPOSE_ALIAS, id, name, strlen(name), &sealed);
	if (err == ERR_OK)
		err = q_age_alias_put(ctx->db, row->application_id, id, row->id,
		    (struct bytes){ index, sizeof(index) }, sealed,
		    (int64_t)keyring_current(ctx->keyring), now_ms);
	if (err == ERR_OK)
		err = q_age_record_use(ctx->db, TIME_NONE, keep_until_ms(ctx, now_ms), now_ms,
		    row->application_id, row->id);
	return err == ERR_OK ? note(ctx, row->application_id, row->id, AUDIT_RECORD_ALIASED) : err;
}

/* What was changed is shown; the audit log has the change, or the read where nothing changed. */
static enum err fill_again(struct ctx *ctx, struct work_on *on)
{
	struct row_age_record_hold row;
	enum err err = hold(ctx, on->external_id, &row);

	return err == ERR_OK ? fill(ctx, &row, &on->record) : err;
}

/* Without the blanks around it, so that one name is there once however it was typed. */
static enum err name_of(struct ctx *ctx, const char *text, const char **ret_name)
{
	size_t len;

	text += strspn(text, " ");
	len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	const char *name = arena_strndup(ctx->arena, text, len);
	if (name == NULL)
		return ERR_NOMEM;
	*ret_name = name;
	return str_is_line(name, LIMIT_NAME) ? ERR_OK : ERR_VALIDATION;
}

static enum err alias(struct ctx *ctx, void *arg)
{
	struct work_on *on = arg;
	struct row_age_record_hold row;
	enum err err = hold(ctx, on->external_id, &row);

	if (err == ERR_OK && row.deactivated_at != TIME_NONE)
		err = ERR_RECORD_INACTIVE;
	if (err == ERR_OK)
		err = put_alias(ctx, &row, on->name);
	return err == ERR_OK ? fill_again(ctx, on) : err;
}

enum err record_alias(
    struct ctx *ctx, const char *external_id, const char *name, struct record *ret_record)
{
	struct work_on on = { .external_id = external_id };
	enum err err = name_of(ctx, name, &on.name);

	if (err == ERR_OK)
		err = tx_run(ctx, alias, &on);

	if (err == ERR_OK)
		*ret_record = on.record;
	return err;
}

/* ---- deactivating -------------------------------------------------------------------------------------- */

static enum err deactivate(struct ctx *ctx, void *arg)
{
	int64_t now_ms = clock_now_ms();
	struct work_on *on = arg;
	struct row_age_record_hold row;
	enum audit_action action = AUDIT_RECORD_READ;
	enum err err = hold(ctx, on->external_id, &row);

	if (err == ERR_OK && row.deactivated_at == TIME_NONE) {
		action = AUDIT_RECORD_DEACTIVATED;
		err = q_age_record_use(ctx->db, now_ms, keep_until_ms(ctx, now_ms), now_ms,
		    row.application_id, row.id);
	}
	if (err == ERR_OK)
		err = note(ctx, row.application_id, row.id, action);
	return err == ERR_OK ? fill_again(ctx, on) : err;
}

enum err record_deactivate(struct ctx *ctx, const char *external_id, struct record *ret_record)
{
	struct work_on on = { .external_id = external_id };
	enum err err = tx_run(ctx, deactivate, &on);

	if (err == ERR_OK)
		*ret_record = on.record;
	return err;
}
