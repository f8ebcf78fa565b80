/* SPDX-License-Identifier: Apache-2.0 */
/* token.c: balances, their history, and telling of a low one. */
#include "token.h"

#include <string.h>

#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "event.h"
#include "id.h"
#include "limits.h"
#include "settings.h"
#include "str.h"
#include "tx.h"

/* One change, whoever makes it. */
struct entry {
	struct uuid organization_id;
	struct uuid application_id; /* nil: an operator */
	enum token_kind kind;
	struct uuid subject_id; /* nil: none */
	int64_t delta;
	struct uuid key_id; /* nil: none */
	const char *note;   /* may be NULL */
};

int64_t token_price(const struct ctx *ctx, enum token_kind kind, enum environment environment)
{
	const struct settings *s = ctx->settings;
	const int64_t prices[TOKEN__MAX] = { [TOKEN_VERIFICATION] = s->token_price_verification,
		[TOKEN_SCORE] = s->token_price_score,
		[TOKEN_SESSION] = s->token_price_session,
		[TOKEN_AGE] = s->token_price_age };

	return environment == ENV_SANDBOX ? 0 : prices[kind];
}

/* ---- changing -------------------------------------------------------------------------------------- */

/* Both statements go out together. The lock is taken by the last of them, and held for as long as the
 * server needs for it and for the commit. threshold 0: crossing is no hindrance. */
static enum err put_entry(struct ctx *ctx, const struct entry *entry, int64_t threshold)
{
	struct uuid id;
	int64_t cost = -entry->delta, now_ms = clock_now_ms();
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = q_token_entry_put(ctx->db, entry->organization_id, id, entry->application_id,
		    token_kind_word(entry->kind), entry->subject_id, entry->delta, entry->key_id,
		    entry->note, now_ms);
	if (err == ERR_OK)
		err = q_token_change(ctx->db, cost, threshold, threshold + cost, cost, now_ms,
		    entry->organization_id);
	return err;
}

/* One event for each application that has somebody to tell. */
static enum err tell_low(struct ctx *ctx, struct uuid organization_id, int64_t balance)
{
	struct row_token_audience *rows = NULL;
	char id[ID_TEXT_SIZE];
	size_t count = 0;
	enum err err = q_token_audience(ctx->db, ctx->arena, organization_id,
	    event_type_word(EVENT_BILLING_LOW_BALANCE), &rows, &count);

	id_text(ID_ORGANIZATION, organization_id, id);
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		struct event_new event = { .type = EVENT_BILLING_LOW_BALANCE,
			.trigger = TRIGGER_ORGANIZATION,
			.trigger_id = organization_id,
			.environment = ENV_LIVE,
			.data = json_pack("{s:s, s:I, s:I}", "organization_id", id, "balance",
			    (json_int_t)balance, "threshold",
			    (json_int_t)ctx->settings->low_balance_tokens) };
		err = event_put(ctx, rows[i].application_id, &event, NULL);
	}
	return err;
}

/* With the balance in hand and locked, everything is known before it is changed. */
static enum err change_held(
    struct ctx *ctx, const struct entry *entry, int64_t held, int64_t *ret_balance)
{
	int64_t line = ctx->settings->low_balance_tokens;
	int64_t balance = held + entry->delta;

	if (balance < 0)
		return ERR_INSUFFICIENT_TOKENS;
	enum err err = put_entry(ctx, entry, 0);
	if (err == ERR_OK && held >= line && balance < line)
		err = tell_low(ctx, entry->organization_id, balance);
	if (err == ERR_OK)
		*ret_balance = balance;
	return err;
}

static enum err take_carefully(struct ctx *ctx, const struct entry *entry)
{
	struct row_token_hold row;
	int64_t balance = 0;
	enum err err = q_token_hold(ctx->db, ctx->arena, entry->organization_id, &row);

	if (err == ERR_MISSING)
		return ERR_INSUFFICIENT_TOKENS;
	return err == ERR_OK ? change_held(ctx, entry, row.balance, &balance) : err;
}

enum err token_take(struct ctx *ctx, enum token_kind kind, struct uuid subject_id, int64_t cost)
{
	struct entry entry = { .organization_id = ctx->actor.organization_id,
		.application_id = ctx->actor.application_id,
		.kind = kind,
		.subject_id = subject_id,
		.delta = -cost,
		.key_id = ctx->actor.key_id };

	if (cost == 0)
		return ERR_OK;
	if (ctx->is_careful)
		return take_carefully(ctx, &entry);
	return put_entry(ctx, &entry, ctx->settings->low_balance_tokens);
}

enum err token_return(struct ctx *ctx, struct uuid application_id, struct uuid subject_id,
    int64_t tokens, const char *note)
{
	struct row_application_get row;
	struct entry entry = { .application_id = application_id,
		.kind = TOKEN_CORRECTION,
		.subject_id = subject_id,
		.delta = tokens,
		.key_id = ctx->actor.key_id,
		.note = note };

	if (tokens == 0)
		return ERR_OK;
	enum err err = q_application_get(ctx->db, ctx->arena, application_id, &row);
	entry.organization_id = row.organization_id;
	return err == ERR_OK ? put_entry(ctx, &entry, 0) : err;
}

/* ---- the operator ------------------------------------------------------------------------------------ */

/* Words for people: some text, on one line. */
static enum err check_note(const char *note)
{
	if (note == NULL)
		return ERR_OK;
	if (!utf8_valid(note, strlen(note)) || utf8_length(note) > LIMIT_TOKEN_NOTE)
		return ERR_VALIDATION;
	for (const char *c = note; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return ERR_VALIDATION;
	}
	return ERR_OK;
}

/* How many; why is in the history. */
static enum err note_added(struct ctx *ctx, const struct entry *entry)
{
	bool topup = entry->kind == TOKEN_TOPUP;
	struct audit_entry row = { .action = topup ? AUDIT_TOKENS_ADDED : AUDIT_TOKENS_CORRECTED,
		.organization_id = entry->organization_id,
		.subject_id = entry->organization_id,
		.detail = arena_printf(ctx->arena, "%+lld", (long long)entry->delta) };

	return row.detail == NULL ? ERR_NOMEM : audit_note(ctx, &row);
}

struct adding {
	struct entry entry;
	int64_t balance;
};

static enum err add(struct ctx *ctx, void *arg)
{
	struct adding *adding = arg;
	struct uuid org = adding->entry.organization_id;
	struct row_token_hold row;
	enum err err = q_token_hold(ctx->db, ctx->arena, org, &row);

	if (err != ERR_OK)
		return err;
	if (adding->entry.delta > LIMIT_TOKENS - row.balance)
		return ERR_RANGE;
	err = change_held(ctx, &adding->entry, row.balance, &adding->balance);
	return err == ERR_OK ? note_added(ctx, &adding->entry) : err;
}

enum err token_add(struct ctx *ctx, const struct token_change *change, int64_t *ret_balance)
{
	struct adding adding = { .entry = { .organization_id = change->organization_id,
				     .kind = change->kind,
				     .delta = change->delta,
				     .note = change->note } };
	enum err err = check_note(change->note);

	if (err == ERR_OK && (change->delta > LIMIT_TOKENS || change->delta < -LIMIT_TOKENS))
		err = ERR_RANGE;
	if (err == ERR_OK)
		err = tx_run(ctx, add, &adding);
	if (err == ERR_OK)
		*ret_balance = adding.balance;
	return err;
}

/* ---- showing ------------------------------------------------------------------------------------------- */

enum err token_get(struct ctx *ctx, struct uuid organization_id, struct row_token_get *ret_row)
{
	return q_token_get(ctx->db, ctx->arena, organization_id, ret_row);
}

enum err token_list(struct ctx *ctx, const struct token_filter *filter,
    struct row_token_list **ret_rows, size_t *ret_count)
{
	return q_token_list(ctx->db, ctx->arena, filter->to_ms, filter->organization_id,
	    filter->organization_id, filter->from_ms, filter->to_ms, filter->limit, ret_rows,
	    ret_count);
}
