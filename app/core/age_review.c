/* SPDX-License-Identifier: Apache-2.0 */
/* age_review.c: cases and the people who decide them. */
#include "age_review.h"

#include <string.h>

#include "age_flow.h"
#include "audit.h"
#include "clock.h"
#include "tx.h"

#define MINUTE_MS INT64_C(60000)

/* ---- who acts -------------------------------------------------------------------------------------- */

/* The name that a claim carries; a member's is the account's id, so that no mail address is kept. */
static enum err reviewer_of(struct ctx *ctx, const char **ret_name)
{
	const struct actor *actor = &ctx->actor;
	char account[ID_TEXT_SIZE];

	if (actor->kind == ACTOR_OPERATOR && actor->name != NULL) {
		*ret_name = arena_printf(ctx->arena, "operator %s", actor->name);
	} else if (actor->kind == ACTOR_ACCOUNT && !uuid_is_nil(actor->organization_id) &&
		   (actor->role == ROLE_OWNER || actor->role == ROLE_ADMIN ||
		       actor->role == ROLE_REVIEWER)) {
		id_text(ID_UUID, actor->account_id, account);
		*ret_name = arena_printf(ctx->arena, "account %s", account);
	} else {
		return ERR_ROLE_FORBIDDEN;
	}
	return *ret_name == NULL ? ERR_NOMEM : ERR_OK;
}

/* Whose cases: nil for an operator, who sees all. */
static struct uuid organization_of(const struct ctx *ctx)
{
	return ctx->actor.kind == ACTOR_ACCOUNT ? ctx->actor.organization_id : UUID_NIL;
}

/* ---- a case ---------------------------------------------------------------------------------------- */

static enum err hold(struct ctx *ctx, struct uuid id, struct row_age_hold *ret_row)
{
	enum err err = q_age_hold_any(
	    ctx->db, ctx->arena, id, organization_of(ctx), (struct row_age_hold_any *)ret_row);

	_Static_assert(sizeof(struct row_age_hold_any) == sizeof(struct row_age_hold),
	    "age verifications are read alike");
	return err == ERR_MISSING ? ERR_AGE_NOT_FOUND : err;
}

static enum err fill(struct ctx *ctx, const struct row_age_hold *row, struct age_case *ret_case)
{
	struct age_case filled = { .application_id = row->application_id,
		.environment = row->environment,
		.has_document = row->sealed.data != NULL,
		.document_type = row->document_type,
		.uploads = { [UPLOAD_SELFIE] = row->selfie,
		    [UPLOAD_ID_FRONT] = row->id_front,
		    [UPLOAD_ID_BACK] = row->id_back,
		    [UPLOAD_VIDEO] = row->video },
		.reviewer = row->reviewer,
		.claimed_until_ms = row->claimed_until };
	enum err err = age_fill(ctx, row, &filled.age);

	if (err == ERR_OK && row->cause != NULL &&
	    age_cause_parse(row->cause, &filled.cause) != ERR_OK)
		err = ERR_DB_BROKEN;
	if (err == ERR_OK && filled.has_document)
		err = age_document_open(ctx, row->id, row->sealed, &filled.document);
	if (err == ERR_OK)
		*ret_case = filled;
	return err;
}

static enum err note(
    struct ctx *ctx, const struct row_age_hold *row, enum audit_action action, const char *detail)
{
	struct audit_entry entry = { .action = action,
		.application_id = row->application_id,
		.subject_id = row->id,
		.detail = detail };

	return audit_note(ctx, &entry);
}

static bool waits(const struct row_age_hold *row)
{
	return row->waits_for != NULL &&
	       strcmp(row->waits_for, age_judge_word(JUDGE_REVIEWER)) == 0 && age_is_open(row);
}

static bool is_claimed(const struct row_age_hold *row)
{
	return row->reviewer != NULL && row->claimed_until != TIME_NONE &&
	       row->claimed_until > clock_now_ms();
}

struct work_on {
	struct uuid id;
	const char *reviewer;
	enum age_status status;
	const char *note;
	struct age_case found;
};

/* ---- looking --------------------------------------------------------------------------------------- */

enum err age_review_list(struct ctx *ctx, struct uuid application_id, int64_t limit,
    struct row_age_review_page **ret_rows, size_t *ret_count)
{
	const char *reviewer = NULL;
	enum err err = reviewer_of(ctx, &reviewer);

	return err == ERR_OK ? q_age_review_page(ctx->db, ctx->arena, organization_of(ctx),
				   application_id, limit, ret_rows, ret_count)
			     : err;
}

static enum err show(struct ctx *ctx, void *arg)
{
	struct work_on *on = arg;
	struct row_age_hold row;
	enum err err = hold(ctx, on->id, &row);

	if (err == ERR_OK)
		err = fill(ctx, &row, &on->found);
	return err == ERR_OK ? note(ctx, &row, AUDIT_REVIEW_SEEN, row.status) : err;
}

enum err age_review_show(struct ctx *ctx, struct uuid id, struct age_case *ret_case)
{
	struct work_on on = { .id = id };
	enum err err = reviewer_of(ctx, &on.reviewer);

	if (err == ERR_OK)
		err = tx_run(ctx, show, &on);
	if (err == ERR_OK)
		*ret_case = on.found;
	return err;
}

/* ---- claiming -------------------------------------------------------------------------------------- */

static enum err claim(struct ctx *ctx, void *arg)
{
	int64_t now_ms = clock_now_ms();
	int64_t until_ms = now_ms + ctx->settings->review_claim_min * MINUTE_MS;
	struct work_on *on = arg;
	struct row_age_hold row;
	uint64_t changed = 0;
	enum err err = hold(ctx, on->id, &row);

	if (err == ERR_OK && !waits(&row))
		err = ERR_REVIEW_CLOSED;
	if (err == ERR_OK && is_claimed(&row) && strcmp(row.reviewer, on->reviewer) != 0)
		err = ERR_REVIEW_CLAIMED;
	if (err == ERR_OK)
		err = q_age_claim(
		    ctx->db, on->reviewer, until_ms, now_ms, row.application_id, row.id, &changed);
	if (err == ERR_OK && changed != 1)
		err = ERR_STATE;
	if (err == ERR_OK)
		err = note(ctx, &row, AUDIT_REVIEW_CLAIMED, NULL);
	if (err == ERR_OK)
		err = hold(ctx, on->id, &row);
	return err == ERR_OK ? fill(ctx, &row, &on->found) : err;
}

enum err age_review_claim(struct ctx *ctx, struct uuid id, struct age_case *ret_case)
{
	struct work_on on = { .id = id };
	enum err err = reviewer_of(ctx, &on.reviewer);

	if (err == ERR_OK)
		err = tx_run(ctx, claim, &on);
	if (err == ERR_OK)
		*ret_case = on.found;
	return err;
}

/* ---- deciding -------------------------------------------------------------------------------------- */

/* Which decisions a reviewer has, and what the audit log calls them. */
static const struct {
	enum age_status status;
	enum audit_action action;
} decisions[] = {
	{ AGE_APPROVED, AUDIT_REVIEW_APPROVED },
	{ AGE_REJECTED, AUDIT_REVIEW_REJECTED },
	{ AGE_RESUBMIT, AUDIT_REVIEW_RESUBMIT },
};

static enum err check_claim(const struct work_on *on, const struct row_age_hold *row)
{
	if (!waits(row))
		return ERR_REVIEW_CLOSED;
	if (!is_claimed(row))
		return ERR_REVIEW_UNCLAIMED;
	return strcmp(row->reviewer, on->reviewer) == 0 ? ERR_OK : ERR_REVIEW_CLAIMED;
}

/* Nobody is approved against the document that they showed. */
static enum err check_of_age(const struct work_on *on)
{
	const struct age_case *found = &on->found;

	if (on->status != AGE_APPROVED || !found->has_document)
		return ERR_OK;
	return age_years(found->document.date_of_birth, clock_now_ms()) < AGE_YEARS ? ERR_AGE_MINOR
										    : ERR_OK;
}

static enum err decide(struct ctx *ctx, void *arg)
{
	struct work_on *on = arg;
	struct row_age_hold row;
	enum audit_action action = AUDIT__MAX;
	enum err err = hold(ctx, on->id, &row);

	for (size_t i = 0; i < countof(decisions); i++) {
		if (decisions[i].status == on->status)
			action = decisions[i].action;
	}
	if (action == AUDIT__MAX)
		return ERR_RANGE;
	if (err == ERR_OK)
		err = check_claim(on, &row);
	if (err == ERR_OK)
		err = fill(ctx, &row, &on->found);
	if (err == ERR_OK)
		err = check_of_age(on);
	if (err != ERR_OK)
		return err;
	const struct age_verdict verdict = { .status = on->status,
		.by = JUDGE_REVIEWER,
		.cause = on->found.cause,
		.estimated_age = row.estimated_age };
	err = age_settle(ctx, &row, &verdict);
	if (err == ERR_OK)
		err = note(ctx, &row, action, on->note);
	if (err == ERR_OK)
		err = hold(ctx, on->id, &row);
	return err == ERR_OK ? fill(ctx, &row, &on->found) : err;
}

enum err age_review_decide(struct ctx *ctx, struct uuid id, enum age_status status,
    const char *text, struct age_case *ret_case)
{
	struct work_on on = { .id = id, .status = status, .note = text };
	enum err err = reviewer_of(ctx, &on.reviewer);

	if (err == ERR_OK)
		err = tx_run(ctx, decide, &on);
	if (err == ERR_OK)
		*ret_case = on.found;
	return err;
}
