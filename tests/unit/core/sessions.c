/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "event.h"
#include "session_share.h"
#include "str.h"
#include "tx.h"

const char *sessions_cancel_token;

const struct decision sessions_approved = {
	.status = VER_APPROVED, .reason = REASON_NONE, .match_name = 97, .match_dob = MATCH_EXACT
};

struct decision sessions_declined(enum ver_reason reason)
{
	return (struct decision){ .status = VER_DECLINED,
		.reason = reason,
		.match_name = DB_NULL,
		.match_dob = MATCH_UNKNOWN };
}

int sessions_set_up(void **state)
{
	core_set_up(state);
	core_settings("public_url = https://kyc.example.org\n");
	core_act(core_tenant(), ENV_LIVE);
	/* Nothing of the tests before is ever overdue. */
	core_run("UPDATE session SET open_until = NULL");
	return 0;
}

struct session_new sessions_new(enum session_family family)
{
	return (struct session_new){ .family = family,
		.environment = ctx.actor.environment,
		.redirect_url = "https://shop.example/back?a=b",
		.external_id = "order 7",
		.language = "fr",
		.invite_email = true,
		.invite_phone = true,
		.subject = { .first_name = "Amara",
		    .last_name = "Diallo",
		    .email = "amara@example.org",
		    .phone = "+221770000000" } };
}

struct session sessions_make(enum session_family family, const char *share)
{
	struct session_new input = sessions_new(family);
	struct session session;
	json_t *fields = NULL;

	if (share != NULL)
		assert_int_equal(json_read(share, strlen(share), &fields, NULL), ERR_OK);
	input.share_fields = fields;
	assert_int_equal(session_create(&ctx, &input, &session, &sessions_cancel_token), ERR_OK);
	json_decref(fields);
	return session;
}

enum err sessions_submit_as(
    struct uuid id, const char *nonce, const char *number, const char *declined)
{
	struct actor actor = ctx.actor;
	struct complaint items[8];
	struct complaint_list complaints = { .items = items, .max = countof(items) };
	struct share_field *fields = NULL;
	const char *token = NULL, *selected[32];
	int64_t until_ms = 0;
	struct session session;
	size_t count = 0;
	struct session_submit in = { .nonce = nonce,
		.selected = selected,
		.country = "SN",
		.id_type = "national_id",
		.applicant = { .id_number = number,
		    .first_name = "Amara",
		    .middle_name = "Zoé",
		    .last_name = "Diallo-Ñgom",
		    .date_of_birth = "1990-05-15",
		    .gender = "F" } };

	enum err err = session_page_start(&ctx, id, &token, &until_ms);
	if (err == ERR_OK)
		err = session_page_enter(&ctx, id, token, &session);
	if (err == ERR_OK && session.family == VIA_SESSION)
		err = share_contract_read(&ctx, session.share_fields, &fields, &count);
	for (size_t i = 0; i < count; i++) {
		if (declined == NULL || !str_has_word(declined, fields[i].claim))
			selected[in.selected_count++] = fields[i].claim;
	}
	if (err == ERR_OK)
		err = session_page_submit(&ctx, &session, &in, &complaints);
	ctx.actor = actor;
	return err;
}

void sessions_submit(struct uuid id, const char *declined)
{
	static unsigned n;
	char nonce[32];

	snprintf(nonce, sizeof(nonce), "nonce-number-%08u", n++);
	assert_int_equal(sessions_submit_as(id, nonce, "1234567890123", declined), ERR_OK);
}

struct deciding {
	struct uuid id;
	struct decision decision;
	bool decided;
};

static enum err decide(struct ctx *context, void *arg)
{
	struct deciding *d = arg;

	return verification_decide(context, d->id, &d->decision, &d->decided);
}

void sessions_decide(struct uuid id, struct decision decision)
{
	struct session session = sessions_get(id);
	struct deciding deciding = { .decision = decision };
	struct actor actor = ctx.actor;

	for (size_t i = 0; i < session.attempts_read; i++) {
		if (session.attempts[i].status == TRY_IN_PROGRESS)
			deciding.id = session.attempts[i].verification_id;
	}
	assert_false(uuid_is_nil(deciding.id));
	/* As the batch: it acts for nobody. */
	ctx.actor = (struct actor){ .kind = ACTOR_JOB };
	assert_int_equal(tx_run(&ctx, decide, &deciding), ERR_OK);
	ctx.actor = actor;
	assert_true(deciding.decided);
}

struct session sessions_get(struct uuid id)
{
	struct session session;

	assert_int_equal(session_get(&ctx, id, true, true, &session), ERR_OK);
	return session;
}

/* The newest of a type and how many there are. */
static struct event *events_of(const char *type, size_t *ret_count)
{
	struct event_filter filter = {
		.type = type, .from_ms = TIME_NONE, .to_ms = TIME_NONE, .limit = 100
	};
	struct event *events = NULL;
	bool more = false;

	assert_int_equal(event_list(&ctx, &filter, &events, ret_count, &more), ERR_OK);
	assert_false(more);
	return events;
}

int64_t sessions_told(const char *type)
{
	size_t count = 0;

	events_of(type, &count);
	return (int64_t)count;
}

json_t *sessions_event(const char *type)
{
	size_t count = 0;
	const struct event *events = events_of(type, &count);
	struct row_event_body row;
	struct bytes text;
	json_t *body = NULL;

	assert_true(count > 0);
	assert_int_equal(
	    q_event_body(ctx.db, ctx.arena, ctx.actor.application_id, events[0].row.id, &row),
	    ERR_OK);
	assert_int_equal(event_open(&ctx, events[0].row.id, row.body, row.seal_key, &text), ERR_OK);
	assert_int_equal(json_read(text.data, text.len, &body, NULL), ERR_OK);
	return body;
}
