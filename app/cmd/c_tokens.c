/* SPDX-License-Identifier: Apache-2.0 */
/* c_tokens.c: what organisations have left to spend. */
#include "c_org.h"

#include <string.h>

#include "limits.h"
#include "token.h"

#define HISTORY_DEFAULT 50

/* ---- show --------------------------------------------------------------------------------- */

struct one_input {
	struct uuid org;
};

static const struct ctl_arg one_args[] = {
	ARG_ID(struct one_input, org, "ORG", NULL, true, ID_ORGANIZATION,
	    "The organisation's id (org_...)."),
};

static const struct ctl_column show_columns[] = {
	COLUMN_ID(struct row_token_get, organization_id, ID_ORGANIZATION),
	COLUMN_TEXT(struct row_token_get, name),
	COLUMN_INT(struct row_token_get, balance),
	COLUMN_TIME(struct row_token_get, updated_at),
};

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct row_token_get row;
	enum err err = token_get(&ctl->ctx, in->org, &row);

	if (err == ERR_MISSING)
		return no_such_org(ctl, in->org);
	return err == ERR_OK ? ctl_print_one(ctl, show_columns, &row) : err;
}

/* ---- add ---------------------------------------------------------------------------------- */

struct add_input {
	struct uuid org;
	int64_t tokens;
	const char *note;
	bool correct;
};

static const struct ctl_arg add_args[] = {
	ARG_ID(struct add_input, org, "ORG", NULL, true, ID_ORGANIZATION,
	    "The organisation's id (org_...)."),
	{ .type = CTL_INT,
	    .name = "N",
	    .offset = MEMBER_IS(int64_t, struct add_input, tokens),
	    .required = true,
	    .min = -LIMIT_TOKENS,
	    .max = LIMIT_TOKENS,
	    .sentence = "How many; with --correct it may be negative." },
	ARG_TEXT(struct add_input, note, "note", "TEXT", false, LIMIT_TOKEN_NOTE,
	    "Why, for the history: an invoice, a ticket. Nothing personal."),
	ARG_FLAG(struct add_input, correct, "correct",
	    "A correction and not a sale: may also take tokens away."),
};

static enum err refuse(struct ctl *ctl, const struct add_input *in, enum err err)
{
	struct row_token_get row;

	if (err == ERR_MISSING)
		return no_such_org(ctl, in->org);
	if (err == ERR_VALIDATION)
		return ctl_misuse(ctl, "--note must be one line of text");
	if (err == ERR_RANGE)
		return ctl_fail(ctl, err, "a balance cannot pass %lld; nothing was changed",
		    (long long)LIMIT_TOKENS);
	if (err == ERR_INSUFFICIENT_TOKENS && token_get(&ctl->ctx, in->org, &row) == ERR_OK)
		return ctl_fail(ctl, err,
		    "the balance is %lld and cannot come below 0; nothing was changed",
		    (long long)row.balance);
	return err;
}

static enum err add(struct ctl *ctl, const void *input)
{
	const struct add_input *in = input;
	struct token_change change = { .organization_id = in->org,
		.kind = in->correct ? TOKEN_CORRECTION : TOKEN_TOPUP,
		.delta = in->tokens,
		.note = in->note };
	struct one_input one = { in->org };
	int64_t balance = 0;

	if (in->tokens == 0)
		return ctl_misuse(ctl, "0 tokens change nothing");
	if (in->tokens < 0 && !in->correct)
		return ctl_misuse(ctl, "taking tokens away is a correction: say --correct");
	enum err err = token_add(&ctl->ctx, &change, &balance);
	return err == ERR_OK ? show(ctl, &one) : refuse(ctl, in, err);
}

/* ---- history ------------------------------------------------------------------------------ */

struct history_input {
	struct uuid org;
	int64_t from;
	int64_t to;
	int64_t limit;
};

static const struct ctl_arg history_args[] = {
	ARG_ID(struct history_input, org, "ORG", NULL, true, ID_ORGANIZATION,
	    "The organisation's id (org_...)."),
	ARG_TIME(struct history_input, from, "from", "TIME", false, "Only changes since then."),
	ARG_TIME(struct history_input, to, "to", "TIME", false,
	    "Only changes until then; a date means its beginning."),
	ARG_INT(struct history_input, limit, "limit", "N", 1, LIMIT_DB_ROWS, HISTORY_DEFAULT,
	    "At most so many, the newest (default 50)."),
};

struct change {
	int64_t created_at;
	const char *kind;
	int64_t delta;
	int64_t balance;
	const char *subject_id;
	struct uuid application_id;
	struct uuid key_id;
	const char *note;
};

static const struct ctl_column history_columns[] = {
	COLUMN_TIME(struct change, created_at),
	COLUMN_TEXT(struct change, kind),
	COLUMN_INT(struct change, delta),
	COLUMN_INT(struct change, balance),
	COLUMN_TEXT(struct change, subject_id),
	{ .name = "application_id",
	    .type = CELL_ID,
	    .offset = offsetof(struct change, application_id),
	    .id = ID_APPLICATION,
	    .json_only = true },
	{ .name = "key_id",
	    .type = CELL_ID,
	    .offset = offsetof(struct change, key_id),
	    .id = ID_KEY,
	    .json_only = true },
	COLUMN_TEXT(struct change, note),
};

/* What was paid for, as its family spells it; NULL: nothing. */
static const char *subject_text(struct ctl *ctl, const struct row_token_list *row)
{
	bool session = strcmp(row->kind, token_kind_word(TOKEN_SESSION)) == 0;
	char text[ID_TEXT_SIZE];

	if (uuid_is_nil(row->subject_id))
		return NULL;
	id_text(session ? ID_SESSION : ID_VERIFICATION, row->subject_id, text);
	return arena_strdup(ctl->ctx.arena, text);
}

static enum err print_history(struct ctl *ctl, const struct row_token_list *rows, size_t count)
{
	struct change *changes = arena_array(ctl->ctx.arena, count + 1, sizeof(*changes));

	for (size_t i = 0; i < count && changes != NULL; i++)
		changes[i] = (struct change){ .created_at = rows[i].created_at,
			.kind = rows[i].kind,
			.delta = rows[i].delta,
			.balance = rows[i].balance,
			.subject_id = subject_text(ctl, &rows[i]),
			.application_id = rows[i].application_id,
			.key_id = rows[i].key_id,
			.note = rows[i].note };
	if (changes == NULL || arena_overflowed(ctl->ctx.arena))
		return ERR_NOMEM;
	return ctl_print_list(ctl, history_columns, changes, count, "There are no such changes.");
}

static enum err history(struct ctl *ctl, const void *input)
{
	const struct history_input *in = input;
	struct token_filter filter = { in->org, in->from, in->to, in->limit };
	struct row_token_list *rows = NULL;
	struct row_token_get row;
	size_t count = 0;

	if (in->from != TIME_NONE && in->to != TIME_NONE && in->from > in->to)
		return ctl_misuse(ctl, "--from must not be later than --to");
	enum err err = token_get(&ctl->ctx, in->org, &row);
	if (err == ERR_MISSING)
		return no_such_org(ctl, in->org);
	if (err == ERR_OK)
		err = token_list(&ctl->ctx, &filter, &rows, &count);
	return err == ERR_OK ? print_history(ctl, rows, count) : err;
}

static const struct ctl_command commands[] = {
	{ .verb = "add",
	    .needs = CTL_DB,
	    .run = add,
	    .args = add_args,
	    .arg_count = countof(add_args),
	    .input_size = sizeof(struct add_input),
	    .summary = "top up or correct an organisation's balance",
	    .help =
		"Adds tokens to what an organisation can spend on live verifications and scores "
		"(the settings token_price_...). The history keeps every change. With "
		"--correct the number may be negative, but no balance comes below zero." },
	{ .verb = "show",
	    .needs = CTL_DB,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "show an organisation's balance" },
	{ .verb = "history",
	    .needs = CTL_DB,
	    .run = history,
	    .args = history_args,
	    .arg_count = countof(history_args),
	    .input_size = sizeof(struct history_input),
	    .summary = "list the changes of a balance, newest first",
	    .help =
		"Each line has what was spent or added and the balance after it. The sum of all "
		"changes is the balance." },
};

const struct ctl_noun noun_tokens = {
	.word = "tokens",
	.summary = "Tokens: what organisations have left to spend.",
	.commands = commands,
	.count = countof(commands),
};
