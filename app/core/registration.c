/* SPDX-License-Identifier: Apache-2.0 */
/* registration.c: registering an address, and proving it. */
#include "registration.h"

#include <string.h>

#include "address.h"
#include "audit.h"
#include "clock.h"
#include "guard.h"
#include "limits.h"
#include "mail.h"
#include "member.h"
#include "password.h"
#include "stmt.h"
#include "str.h"
#include "tx.h"

#define DAY_MS INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)

static struct bytes index_bytes(const uint8_t email_index[SHA256_SIZE])
{
	return (struct bytes){ email_index, SHA256_SIZE };
}

/* ---- codes ---------------------------------------------------------------------------------- */

/* As it is stored: for its registration and no other. */
static enum err code_hash(
    struct ctx *ctx, struct uuid id, const char *code, uint8_t ret_hash[SHA256_SIZE])
{
	uint8_t text[sizeof(id.b) + CODE_LENGTH];

	memcpy(text, id.b, sizeof(id.b));
	memcpy(text + sizeof(id.b), code, CODE_LENGTH);
	enum err err = pepper_mac(ctx->keyring, PEPPER_CODE, text, sizeof(text), ret_hash);
	wipe(text, sizeof(text));
	return err;
}

struct code {
	char text[CODE_LENGTH + 1];
	uint8_t hash[SHA256_SIZE];
	int64_t made_ms, expires_ms;
};

/* contract/accounts.md: six upper-case letters and digits. */
static enum err code_make(struct ctx *ctx, struct uuid id, struct code *ret_code)
{
	static const char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	enum err err = ERR_OK;

	for (size_t i = 0; i < CODE_LENGTH && err == ERR_OK; i++) {
		uint32_t number = 0;
		err = random_below(sizeof(characters) - 1, &number);
		ret_code->text[i] = characters[number];
	}
	ret_code->text[CODE_LENGTH] = '\0';
	ret_code->made_ms = clock_now_ms();
	ret_code->expires_ms = ret_code->made_ms + ctx->settings->code_ttl_min * MINUTE_MS;
	return err == ERR_OK ? code_hash(ctx, id, ret_code->text, ret_code->hash) : err;
}

/* ---- mails ---------------------------------------------------------------------------------- */

static enum err mail_code(
    struct ctx *ctx, const char *email, const char *language, const struct code *code)
{
	struct mail_new mail = { .template = MAIL_VERIFICATION_CODE,
		.to = email,
		.language = language,
		.expires_at_ms = code->expires_ms };
	const char *minutes =
	    arena_printf(ctx->arena, "%lld", (long long)ctx->settings->code_ttl_min);

	if (minutes == NULL)
		return ERR_NOMEM;
	mail.values[0] = (struct mail_value){ "code", code->text };
	mail.values[1] = (struct mail_value){ "minutes", minutes };
	return mail_queue(ctx, &mail);
}

static enum err mail_account(
    struct ctx *ctx, const struct registration_ask *ask, const char *language)
{
	struct mail_new mail = { .template = MAIL_ALREADY_REGISTERED,
		.to = ask->email,
		.language = language,
		.expires_at_ms = TIME_NONE };
	bool due = false;
	enum err err = guard_tell(ctx, ask->email_index, &due);

	return err == ERR_OK && due ? mail_queue(ctx, &mail) : err;
}

static enum err may_register(struct ctx *ctx, struct bytes email_index, bool *ret_may)
{
	struct row_registration_invited row = { 0 };
	bool open = strcmp(ctx->settings->registration, "invited") != 0;
	enum err err = q_registration_invited(ctx->db, ctx->arena, email_index, &row);

	if (err == ERR_OK)
		*ret_may = open || row.n > 0;
	return err;
}

/* What the owner of the address is sent: a code, the news that there is an account, or nothing. */
static enum err mail_owner(struct ctx *ctx, const struct registration_ask *ask,
    const char *language, const struct code *code)
{
	struct row_account_find account;
	bool may = false;
	enum err err = may_register(ctx, index_bytes(ask->email_index), &may);

	if (err == ERR_OK)
		err = q_account_find(ctx->db, ctx->arena, index_bytes(ask->email_index), &account);
	if (err == ERR_OK)
		return mail_account(ctx, ask, account.language);
	if (err != ERR_MISSING)
		return err;
	return may ? mail_code(ctx, ask->email, language, code) : ERR_OK;
}

/* ---- registering ---------------------------------------------------------------------------- */

/* One operation: against the registration whose code was made last, or nobody's. */
static enum err try_newest(struct ctx *ctx, struct registration_ask *ask)
{
	struct row_registration_newest row = { .password = NULL };
	enum err err = q_registration_newest(
	    ctx->db, ctx->arena, index_bytes(ask->email_index), clock_now_ms(), &row);

	if (err != ERR_OK && err != ERR_MISSING)
		return err;
	ask->newest = err == ERR_OK ? row.id : UUID_NIL;
	return password_check(ctx, err == ERR_OK ? row.password : NULL, ask->password, &ask->fits);
}

enum err registration_prepare(struct ctx *ctx, struct registration_ask *ask)
{
	enum err err = address_index(ctx, ask->email, ask->email_index);

	if (err == ERR_OK)
		err = try_newest(ctx, ask);
	return err == ERR_OK ? password_make(ctx, ask->password, ask->hash) : err;
}

static enum err put(
    struct ctx *ctx, const struct registration_ask *ask, struct uuid id, const struct code *code)
{
	struct audit_entry entry = { .action = AUDIT_ACCOUNT_REGISTERED, .subject_id = id };
	struct bytes sealed;
	enum err err = address_seal(ctx, ADDRESS_REGISTRATION, id, ask->email, &sealed);

	if (err == ERR_OK)
		err = q_registration_put(ctx->db, id, index_bytes(ask->email_index), sealed,
		    keyring_current(ctx->keyring), ask->hash, ask->language,
		    (struct bytes){ code->hash, sizeof(code->hash) }, code->made_ms, code->made_ms,
		    code->expires_ms, code->made_ms + DAY_MS);
	return err == ERR_OK ? audit_note(ctx, &entry) : err;
}

/* Another one, and the oldest gone where there would be too many. */
static enum err add(struct ctx *ctx, const struct registration_ask *ask,
    const struct row_registration_hold *rows, size_t count)
{
	struct code code;
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = code_make(ctx, id, &code);
	if (err == ERR_OK)
		err = put(ctx, ask, id, &code);
	for (size_t i = LIMIT_REGISTRATIONS - 1; i < count && err == ERR_OK; i++)
		err = q_registration_delete(ctx->db, rows[i].id);
	if (err == ERR_OK)
		err = mail_owner(ctx, ask, ask->language, &code);
	wipe(&code, sizeof(code));
	return err;
}

/* Another code for one that there is. */
static enum err renew(
    struct ctx *ctx, const struct registration_ask *ask, const struct row_registration_hold *row)
{
	struct code code;
	enum err err = code_make(ctx, row->id, &code);

	if (err == ERR_OK)
		err =
		    q_registration_set_code(ctx->db, (struct bytes){ code.hash, sizeof(code.hash) },
			code.made_ms, code.expires_ms, code.made_ms + DAY_MS, row->id);
	if (err == ERR_OK)
		err = mail_owner(
		    ctx, ask, ask->language == NULL ? row->language : ask->language, &code);
	wipe(&code, sizeof(code));
	return err;
}

static const struct row_registration_hold *find(
    const struct row_registration_hold *rows, size_t count, struct uuid id)
{
	for (size_t i = 0; i < count; i++) {
		if (uuid_equal(rows[i].id, id))
			return &rows[i];
	}
	return NULL;
}

/* The registrations of an address, which nobody else changes until the transaction ends. */
static enum err hold(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE],
    struct row_registration_hold **ret_rows, size_t *ret_count)
{
	enum err err = guard_hold(ctx, email_index);

	return err == ERR_OK ? q_registration_hold(ctx->db, ctx->arena, index_bytes(email_index),
				   clock_now_ms(), ret_rows, ret_count)
			     : err;
}

enum err registration_make(struct ctx *ctx, const struct registration_ask *ask, bool *ret_again)
{
	struct row_registration_hold *rows = NULL;
	size_t count = 0;
	enum err err = hold(ctx, ask->email_index, &rows, &count);

	if (err != ERR_OK)
		return err;
	const struct row_registration_hold *row = ask->fits ? find(rows, count, ask->newest) : NULL;
	*ret_again = row != NULL;
	return row != NULL ? renew(ctx, ask, row) : add(ctx, ask, rows, count);
}

/* ---- another code --------------------------------------------------------------------------- */

enum err registration_resend_prepare(
    struct ctx *ctx, struct registration_ask *ask, int64_t *ret_retry_after_s)
{
	enum err err = address_index(ctx, ask->email, ask->email_index);

	if (err == ERR_OK)
		err = guard_resend_due(ctx, ask->email_index, ret_retry_after_s);
	return err == ERR_OK && ask->password != NULL ? try_newest(ctx, ask) : err;
}

enum err registration_resend(
    struct ctx *ctx, const struct registration_ask *ask, int64_t *ret_retry_after_s)
{
	const struct row_registration_hold *row = NULL;
	struct row_registration_hold *rows = NULL;
	size_t count = 0;
	enum err err = hold(ctx, ask->email_index, &rows, &count);

	if (err == ERR_OK)
		err = guard_resend(ctx, ask->email_index, ret_retry_after_s);
	if (err != ERR_OK)
		return err;
	if (ask->password != NULL && ask->fits)
		row = find(rows, count, ask->newest);
	else if (ask->password == NULL && count == 1)
		row = rows;
	return row == NULL ? ERR_OK : renew(ctx, ask, row);
}

/* ---- proving -------------------------------------------------------------------------------- */

struct verification {
	const char *code;
	uint8_t email_index[SHA256_SIZE];
	enum err refusal; /* what is said once the transaction is committed */
	struct registration_proof proof;
};

/* The registration whose code it is; NULL: none. It looks at each of them, whatever it finds. */
static enum err find_code(struct ctx *ctx, const struct row_registration_hold *rows, size_t count,
    const char *code, const struct row_registration_hold **ret_row)
{
	int64_t now_ms = clock_now_ms();

	*ret_row = NULL;
	for (size_t i = 0; i < count; i++) {
		uint8_t hash[SHA256_SIZE];
		enum err err = code_hash(ctx, rows[i].id, code, hash);
		if (err != ERR_OK)
			return err;
		bool fits =
		    equal_secret(hash, sizeof(hash), rows[i].code_hash.data, rows[i].code_hash.len);
		if (fits && rows[i].code_expires_at > now_ms &&
		    rows[i].code_tries < LIMIT_CODE_TRIES)
			*ret_row = &rows[i];
	}
	return ERR_OK;
}

static enum err put_account(struct ctx *ctx, const uint8_t email_index[SHA256_SIZE],
    const struct row_registration_hold *row, struct uuid id, const char *email)
{
	int64_t now_ms = clock_now_ms();
	struct bytes sealed;
	enum err err = address_seal(ctx, ADDRESS_ACCOUNT, id, email, &sealed);

	if (err == ERR_OK)
		err = q_account_put(ctx->db, id, index_bytes(email_index), sealed,
		    keyring_current(ctx->keyring), row->password, row->language, now_ms, now_ms);
	return err == ERR_OK ? q_registration_delete_all(ctx->db, index_bytes(email_index)) : err;
}

/* From here on it is the person who acts. */
static enum err make_account(
    struct ctx *ctx, struct verification *work, const struct row_registration_hold *row)
{
	struct audit_entry entry = { .action = AUDIT_ACCOUNT_VERIFIED };
	const char *email = NULL;
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = address_open(ctx, ADDRESS_REGISTRATION, row->id, row->sealed, &email);
	if (err != ERR_OK)
		return err;
	ctx->actor = (struct actor){ .kind = ACTOR_ACCOUNT, .account_id = id };
	entry.subject_id = id;
	err = put_account(ctx, work->email_index, row, id, email);
	if (err == ERR_OK)
		err = audit_note(ctx, &entry);
	if (err == ERR_OK)
		err = org_default_make(ctx, id, email, &work->proof.org);
	if (err == ERR_OK)
		err = member_join(ctx, id, work->email_index);
	if (err == ERR_OK)
		err = guard_clear(ctx, work->email_index);
	return err == ERR_OK ? account_session_begin(ctx, id, &work->proof.tokens) : err;
}

static enum err verify(struct ctx *ctx, void *arg)
{
	struct verification *work = arg;
	const struct row_registration_hold *row = NULL;
	struct row_registration_hold *rows = NULL;
	struct row_account_find account;
	size_t count = 0;
	enum err err = hold(ctx, work->email_index, &rows, &count);

	if (err == ERR_OK)
		err = find_code(ctx, rows, count, work->code, &row);
	if (err == ERR_OK)
		err = q_account_find(ctx->db, ctx->arena, index_bytes(work->email_index), &account);
	/* An account there is already is nobody's to prove; its codes were never sent. */
	work->refusal = err == ERR_OK || row == NULL ? ERR_SYNTAX : ERR_OK;
	if (err != ERR_OK && err != ERR_MISSING)
		return err;
	if (work->refusal == ERR_OK)
		return make_account(ctx, work, row);
	return q_registration_count_try(ctx->db, index_bytes(work->email_index));
}

enum err registration_verify(
    struct ctx *ctx, const char *email, const char *code, struct registration_proof *ret_proof)
{
	struct verification work = { .code = code };
	enum err err = address_index(ctx, email, work.email_index);

	if (err == ERR_OK)
		err = tx_run(ctx, verify, &work);
	if (err == ERR_OK)
		err = work.refusal;
	if (err == ERR_OK)
		*ret_proof = work.proof;
	return err;
}

enum err registration_expire(struct ctx *ctx, int64_t max_rows, uint64_t *ret_removed)
{
	return q_registration_expire(ctx->db, clock_now_ms(), max_rows, ret_removed);
}
