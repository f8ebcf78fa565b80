/* SPDX-License-Identifier: Apache-2.0 */
/* account.c: logging in, and what an operator does about accounts. */
#include "account.h"

#include <string.h>

#include "address.h"
#include "audit.h"
#include "clock.h"
#include "guard.h"
#include "member.h"
#include "password.h"
#include "tx.h"

static struct bytes index_bytes(const uint8_t email_index[SHA256_SIZE])
{
	return (struct bytes){ email_index, SHA256_SIZE };
}

/* ---- logging in ----------------------------------------------------------------------------- */

struct refusal {
	struct uuid account_id; /* nil: there is none */
	bool locks;
};

static enum err note_refusal(struct ctx *ctx, void *arg)
{
	const struct refusal *refusal = arg;
	struct audit_entry failed = { .action = AUDIT_LOGIN_FAILED,
		.subject_id = refusal->account_id };
	struct audit_entry locked = { .action = AUDIT_LOGIN_LOCKED,
		.subject_id = refusal->account_id };
	enum err err = audit_note(ctx, &failed);

	return err == ERR_OK && refusal->locks ? audit_note(ctx, &locked) : err;
}

/* One operation: against the account's password, or nobody's. */
static enum err try_password(
    struct ctx *ctx, struct login_ask *ask, struct refusal *refusal, bool *ret_fits)
{
	struct row_account_find row = { .password = NULL };
	enum err err = q_account_find(ctx->db, ctx->arena, index_bytes(ask->email_index), &row);

	if (err != ERR_OK && err != ERR_MISSING)
		return err;
	if (err == ERR_OK)
		refusal->account_id = row.id;
	err = password_check(ctx, row.password, ask->password, ret_fits);
	if (err != ERR_OK)
		return err;
	*ret_fits = *ret_fits && row.disabled_at == TIME_NONE;
	ask->account_id = row.id;
	ask->checked = row.password;
	return ERR_OK;
}

static enum err keep_hash(struct ctx *ctx, struct login_ask *ask)
{
	if (!password_is_current(ctx, ask->checked))
		return password_make(ctx, ask->password, ask->hash);
	memcpy(ask->hash, ask->checked, strnlen(ask->checked, sizeof(ask->hash) - 1) + 1);
	return ERR_OK;
}

enum err login_prepare(struct ctx *ctx, struct login_ask *ask, int64_t *ret_retry_after_s)
{
	struct refusal refusal = { .locks = false };
	bool fits = false;
	enum err err = address_index(ctx, ask->email, ask->email_index);

	if (err == ERR_OK)
		err = guard_attempt(ctx, ask->email_index, &refusal.locks, ret_retry_after_s);
	if (err == ERR_OK)
		err = try_password(ctx, ask, &refusal, &fits);
	if (err != ERR_OK)
		return err;
	if (fits)
		return keep_hash(ctx, ask);
	err = tx_run(ctx, note_refusal, &refusal);
	return err == ERR_OK ? ERR_CREDENTIALS_INVALID : err;
}

enum err login_make(struct ctx *ctx, const struct login_ask *ask, struct account_tokens *ret_tokens)
{
	struct audit_entry entry = { .action = AUDIT_LOGIN_SUCCEEDED,
		.subject_id = ask->account_id };
	struct row_account_hold row;
	enum err err = guard_clear(ctx, ask->email_index);

	if (err == ERR_OK)
		err = q_account_hold(ctx->db, ctx->arena, ask->account_id, &row);
	if (err == ERR_MISSING)
		err = ERR_CREDENTIALS_INVALID;
	if (err == ERR_OK &&
	    (row.disabled_at != TIME_NONE || strcmp(row.password, ask->checked) != 0))
		err = ERR_CREDENTIALS_INVALID;
	if (err != ERR_OK)
		return err;
	ctx->actor = (struct actor){ .kind = ACTOR_ACCOUNT, .account_id = ask->account_id };
	err = q_account_logged_in(ctx->db, ask->hash, clock_now_ms(), ask->account_id);
	if (err == ERR_OK)
		err = audit_note(ctx, &entry);
	if (err == ERR_OK)
		err = member_join(ctx, ask->account_id, ask->email_index);
	return err == ERR_OK ? account_session_begin(ctx, ask->account_id, ret_tokens) : err;
}

/* ---- what an operator does ------------------------------------------------------------------ */

enum err account_find(struct ctx *ctx, const char *email, struct uuid *ret_id)
{
	uint8_t index[SHA256_SIZE];
	struct row_account_find row;
	enum err err = address_index(ctx, email, index);

	if (err == ERR_OK)
		err = q_account_find(ctx->db, ctx->arena, index_bytes(index), &row);
	if (err == ERR_OK)
		*ret_id = row.id;
	return err;
}

enum err account_get(
    struct ctx *ctx, struct uuid id, struct row_account_get *ret_row, const char **ret_email)
{
	int64_t now_ms = clock_now_ms();
	struct row_account_get row;
	enum err err = q_account_get(ctx->db, ctx->arena, now_ms, now_ms, id, &row);

	if (err == ERR_OK)
		err = address_open(ctx, ADDRESS_ACCOUNT, id, row.sealed, ret_email);
	if (err == ERR_OK)
		*ret_row = row;
	return err;
}

enum err account_organizations(
    struct ctx *ctx, struct uuid id, struct row_account_organizations **ret_rows, size_t *ret_count)
{
	return q_account_organizations(ctx->db, ctx->arena, id, ret_rows, ret_count);
}

enum err account_list(
    struct ctx *ctx, int64_t limit, struct row_account_list **ret_rows, size_t *ret_count)
{
	return q_account_list(ctx->db, ctx->arena, clock_now_ms(), limit, ret_rows, ret_count);
}

/* One change of an account; which, its function says. */
struct change {
	struct uuid id;
	enum audit_action action;
	enum err (*apply)(struct ctx *ctx, const struct change *change);
	uint8_t email_index[SHA256_SIZE];
	bool disabled;
	const char *hash;
	bool ends; /* its sessions */
	uint64_t ended;
};

static enum err change_account(struct ctx *ctx, void *arg)
{
	struct change *change = arg;
	struct audit_entry entry = { .action = change->action, .subject_id = change->id };
	struct row_account_hold row;
	enum err err = q_account_hold(ctx->db, ctx->arena, change->id, &row);

	if (err != ERR_OK)
		return err;
	if (row.email_index.len != sizeof(change->email_index))
		return ERR_DB_BROKEN;
	memcpy(change->email_index, row.email_index.data, row.email_index.len);
	if (change->apply != NULL)
		err = change->apply(ctx, change);
	if (err == ERR_OK && change->ends)
		err = account_session_end_all(ctx, change->id, &change->ended);
	return err == ERR_OK ? audit_note(ctx, &entry) : err;
}

static enum err run_change(struct ctx *ctx, struct change *change, uint64_t *ret_ended)
{
	enum err err = tx_run(ctx, change_account, change);

	if (err == ERR_OK && ret_ended != NULL)
		*ret_ended = change->ended;
	return err;
}

static enum err clear_guard(struct ctx *ctx, const struct change *change)
{
	return guard_clear(ctx, change->email_index);
}

enum err account_unlock(struct ctx *ctx, struct uuid id)
{
	struct change change = { .id = id, .action = AUDIT_ACCOUNT_UNLOCKED, .apply = clear_guard };

	return run_change(ctx, &change, NULL);
}

static enum err put_disabled(struct ctx *ctx, const struct change *change)
{
	return q_account_set_disabled(
	    ctx->db, change->disabled ? clock_now_ms() : TIME_NONE, change->id, NULL);
}

enum err account_set_disabled(struct ctx *ctx, struct uuid id, bool disabled, uint64_t *ret_ended)
{
	struct change change = { .id = id,
		.action = disabled ? AUDIT_ACCOUNT_DISABLED : AUDIT_ACCOUNT_ENABLED,
		.apply = put_disabled,
		.disabled = disabled,
		.ends = disabled };

	return run_change(ctx, &change, ret_ended);
}

static enum err put_password(struct ctx *ctx, const struct change *change)
{
	return q_account_set_password(ctx->db, change->hash, change->id, NULL);
}

enum err account_set_password(
    struct ctx *ctx, struct uuid id, const char *password, uint64_t *ret_ended)
{
	char hash[PWHASH_TEXT_SIZE];
	struct change change = { .id = id,
		.action = AUDIT_PASSWORD_CHANGED,
		.apply = put_password,
		.hash = hash,
		.ends = true };
	enum err err = password_make(ctx, password, hash);

	return err == ERR_OK ? run_change(ctx, &change, ret_ended) : err;
}

enum err account_logout(struct ctx *ctx, struct uuid id, uint64_t *ret_ended)
{
	struct change change = { .id = id, .action = AUDIT_LOGOUT, .ends = true };

	return run_change(ctx, &change, ret_ended);
}
