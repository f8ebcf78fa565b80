/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_session_page.c: what the hosted page may do: its token and whose it is, consent, submitting once
 * however often it is sent, leaving. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "org.h"
#include "session_flow.h"
#include "str.h"

#define MINUTE_MS INT64_C(60000)
#define NUMBER "1234567890123"

/* As a request of the page comes in: nobody has said who it is. */
static void nobody(void)
{
	ctx.actor = (struct actor){ .kind = ACTOR_NONE };
}

static enum err enter(struct uuid id, const char *token)
{
	struct session session;

	nobody();
	return session_page_enter(&ctx, id, token, &session);
}

static const char *start(struct uuid id)
{
	const char *token = NULL;
	int64_t until_ms = 0;

	nobody();
	assert_int_equal(session_page_start(&ctx, id, &token, &until_ms), ERR_OK);
	assert_int_equal(strlen(token), 43);
	return token;
}

static void test_look(void **state UNUSED)
{
	struct uuid organization = ctx.actor.organization_id;
	struct session made = sessions_make(VIA_SESSION, NULL), seen;

	nobody();
	assert_int_equal(session_page_look(&ctx, made.id, &seen), ERR_OK);
	assert_string_equal(seen.organization_name, "Customer");
	assert_string_equal(seen.phase_word, "created");
	assert_null(seen.subject.first_name);
	assert_true(uuid_equal(seen.organization_id, organization));
	/* Acting for its tenant, and with nobody's key. */
	assert_true(uuid_equal(ctx.actor.application_id, made.application_id));
	assert_true(uuid_is_nil(ctx.actor.key_id));
	assert_int_equal(ctx.actor.scopes, 0);
	assert_int_equal(
	    session_page_look(&ctx, made.application_id, &seen), ERR_SESSION_NOT_FOUND);
	/* Of an application that was deleted, and of an organisation that is suspended: not there. */
	core_run("UPDATE application SET deleted_at = UTC_TIMESTAMP(3)");
	assert_int_equal(session_page_look(&ctx, made.id, &seen), ERR_SESSION_NOT_FOUND);
	core_run("UPDATE application SET deleted_at = NULL");
	assert_int_equal(session_page_look(&ctx, made.id, &seen), ERR_OK);
	assert_int_equal(org_set_status(&ctx, organization, ORG_SUSPENDED), ERR_OK);
	assert_int_equal(session_page_look(&ctx, made.id, &seen), ERR_SESSION_NOT_FOUND);
	assert_int_equal(enter(made.id, "x"), ERR_SESSION_NOT_FOUND);
}

static void test_token(void **state UNUSED)
{
	struct session one = sessions_make(VIA_SESSION, NULL), two = sessions_make(VIA_PLAIN, NULL);
	const char *first = start(one.id), *other = start(two.id);
	struct session seen;

	assert_int_equal(enter(one.id, first), ERR_OK);
	assert_int_equal(session_page_enter(&ctx, one.id, first, &seen), ERR_OK);
	assert_string_equal(seen.subject.last_name, "Diallo");
	assert_true(seen.started_at_ms != TIME_NONE);
	assert_string_equal(seen.organization_name, "Customer");
	/* Another session's, a mangled one, none, and one that is far too long. */
	assert_int_equal(enter(one.id, other), ERR_TOKEN_INVALID);
	assert_int_equal(enter(two.id, first), ERR_TOKEN_INVALID);
	assert_int_equal(enter(one.id, ""), ERR_TOKEN_INVALID);
	assert_int_equal(enter(one.id, first + 1), ERR_TOKEN_INVALID);
	char *huge = arena_alloc(ctx.arena, 2000);
	memset(huge, 'a', 1999);
	assert_int_equal(enter(one.id, huge), ERR_TOKEN_INVALID);
	/* Whoever opens it last goes on. */
	const char *second = start(one.id);
	assert_int_equal(enter(one.id, first), ERR_TOKEN_INVALID);
	assert_int_equal(enter(one.id, second), ERR_OK);
	/* The cancel token is no key to the page, nor the other way round. */
	assert_int_equal(enter(two.id, "0123456789abcdef"), ERR_TOKEN_INVALID);
	nobody();
	assert_int_equal(session_page_cancel(&ctx, one.id, second), ERR_CANCEL_TOKEN_INVALID);
}

/* What is kept of a token is of one session and of one use of it. */
static void test_token_hash(void **state UNUSED)
{
	struct uuid one = { { 1 } }, two = { { 2 } };
	uint8_t page[SHA256_SIZE], other[SHA256_SIZE];

	assert_int_equal(session_token_hash(&ctx, "page", one, "token", page), ERR_OK);
	assert_int_equal(session_token_hash(&ctx, "page", one, "token", other), ERR_OK);
	assert_memory_equal(page, other, sizeof(page));
	assert_int_equal(session_token_hash(&ctx, "page", two, "token", other), ERR_OK);
	assert_memory_not_equal(page, other, sizeof(page));
	assert_int_equal(session_token_hash(&ctx, "cancel", one, "token", other), ERR_OK);
	assert_memory_not_equal(page, other, sizeof(page));
	assert_int_equal(session_token_hash(&ctx, "page", one, "tokem", other), ERR_OK);
	assert_memory_not_equal(page, other, sizeof(page));
}

static void test_token_never_started(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);

	assert_int_equal(enter(made.id, ""), ERR_TOKEN_INVALID);
	assert_int_equal(enter(made.application_id, "x"), ERR_SESSION_NOT_FOUND);
}

/* Half an hour from the last time it was used. */
static void test_token_slides(void **state UNUSED)
{
	int64_t now_ms = INT64_C(1777629000000);

	clock_set(now_ms);
	struct session made = sessions_make(VIA_PLAIN, NULL);
	const char *token = start(made.id);
	clock_set(now_ms + 29 * MINUTE_MS);
	assert_int_equal(enter(made.id, token), ERR_OK);
	clock_set(now_ms + 58 * MINUTE_MS);
	assert_int_equal(enter(made.id, token), ERR_OK);
	clock_set(now_ms + 88 * MINUTE_MS - 1);
	assert_int_equal(enter(made.id, token), ERR_OK);
	clock_set(now_ms + 118 * MINUTE_MS);
	assert_int_equal(enter(made.id, token), ERR_TOKEN_INVALID);
}

static void test_start_of_the_ended(void **state UNUSED)
{
	struct session cancelled = sessions_make(VIA_SESSION, NULL);
	struct session expired = sessions_make(VIA_SESSION, NULL);
	struct session checking = sessions_make(VIA_SESSION, NULL);
	const char *held = start(cancelled.id), *token = NULL;
	int64_t until_ms = 0;
	struct session seen;

	core_act(cancelled.application_id, ENV_LIVE);
	assert_int_equal(session_cancel(&ctx, cancelled.id, NULL), ERR_OK);
	sessions_submit(checking.id, NULL);
	nobody();
	assert_int_equal(
	    session_page_start(&ctx, cancelled.id, &token, &until_ms), ERR_SESSION_NOT_ACTIVE);
	/* While it is being checked the page may be opened elsewhere. */
	start(checking.id);
	/* Whoever is in sees how it ended. */
	assert_int_equal(session_page_enter(&ctx, cancelled.id, held, &seen), ERR_OK);
	assert_int_equal(seen.status, SESSION_VOIDED);
	clock_set(expired.expires_at_ms);
	assert_int_equal(
	    session_page_start(&ctx, expired.id, &token, &until_ms), ERR_SESSION_EXPIRED);
	assert_int_equal(
	    session_page_start(&ctx, expired.id, &token, &until_ms), ERR_SESSION_EXPIRED);
	core_act(cancelled.application_id, ENV_LIVE);
	assert_int_equal(sessions_told("verification.session.expired"), 1);
}

/* ---- consent --------------------------------------------------------------------------------------- */

static enum err consent(struct session *session, const char *const *selected, size_t count,
    const char *number, char messages[256])
{
	struct complaint items[8];
	struct complaint_list complaints = { .items = items, .max = countof(items) };
	struct session_submit in = { .nonce = "nonce-of-the-consent",
		.selected = selected,
		.selected_count = count,
		.country = "SN",
		.id_type = "national_id",
		.applicant = { .id_number = number,
		    .first_name = "Amara",
		    .last_name = "Diallo",
		    .date_of_birth = "1990-05-15" } };
	enum err err = session_page_submit(&ctx, session, &in, &complaints);

	messages[0] = '\0';
	for (size_t i = 0; i < complaints.count; i++)
		snprintf(messages + strlen(messages), 256 - strlen(messages), "%s %s; ",
		    items[i].field, items[i].message);
	return err;
}

static void test_consent(void **state UNUSED)
{
	static const char *const all[] = { "given_names", "kayle_document_id", "family_name" };
	static const char *const foreign[] = { "family_name", "kayle_document_id", "sex_marker" };
	static const char *const twice[] = { "kayle_document_id", "family_name", "family_name" };
	struct session made =
	    sessions_make(VIA_SESSION, "{\"family_name\":{\"required\":true,\"reason\":\"r\"},"
				       "\"given_names\":{\"required\":false,\"reason\":\"r\"}}");
	char messages[256], id[33];

	assert_int_equal(enter(made.id, start(made.id)), ERR_OK);
	assert_int_equal(consent(&made, NULL, 0, NUMBER, messages), ERR_VALIDATION);
	assert_string_equal(
	    messages, "consent must include family_name; consent must include kayle_document_id; ");
	assert_int_equal(consent(&made, foreign, 3, NUMBER, messages), ERR_VALIDATION);
	assert_string_equal(messages, "consent names a claim that was not asked for; ");
	/* What is wrong with the facts is said along with it. */
	assert_int_equal(consent(&made, all, 2, "7", messages), ERR_VALIDATION);
	assert_string_equal(messages, "consent must include family_name; id_number is not a number "
				      "of this kind of document; ");
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(consent(&made, twice, 3, NUMBER, messages), ERR_OK);
	assert_int_equal(made.status, SESSION_SUBMITTED);
	assert_true(made.submitted_at_ms != TIME_NONE);
	assert_int_equal(made.attempt_count, 1);
	hex_encode(made.id.b, sizeof(made.id.b), id);
	assert_int_equal(core_number(arena_printf(ctx.arena,
			     "SELECT COUNT(*) FROM session_attempt WHERE session_id = UNHEX('%s') "
			     "AND selected = 'family_name kayle_document_id'",
			     id)),
	    1);
	/* The plain family has nothing to consent to claim by claim. */
	core_act(made.application_id, ENV_LIVE);
	struct session plain = sessions_make(VIA_PLAIN, NULL);
	assert_int_equal(enter(plain.id, start(plain.id)), ERR_OK);
	assert_int_equal(consent(&plain, all, 1, NUMBER, messages), ERR_VALIDATION);
	assert_int_equal(consent(&plain, NULL, 0, NUMBER, messages), ERR_OK);
}

static void test_unsupported(void **state UNUSED)
{
	struct session made = sessions_make(VIA_PLAIN, NULL);
	struct complaint fault;
	struct complaint_list complaints = { .items = &fault, .max = 1 };
	struct session_submit in = { .nonce = "nonce-of-a-stranger",
		.country = "FR",
		.id_type = "national_id",
		.applicant = { .id_number = "1",
		    .first_name = "A",
		    .last_name = "B",
		    .date_of_birth = "1990-05-15" } };

	assert_int_equal(enter(made.id, start(made.id)), ERR_OK);
	assert_int_equal(
	    session_page_submit(&ctx, &made, &in, &complaints), ERR_UNSUPPORTED_ID_TYPE);
}

/* ---- submitting ------------------------------------------------------------------------------------ */

/* A lost answer is asked for again: the same nonce is the same attempt, whatever came of it. */
static void test_nonce(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);
	struct session other = sessions_make(VIA_SESSION, NULL);

	assert_int_equal(sessions_submit_as(made.id, "nonce-0123456789", NUMBER, NULL), ERR_OK);
	assert_int_equal(sessions_submit_as(made.id, "nonce-0123456789", NUMBER, NULL), ERR_OK);
	assert_int_equal(
	    sessions_submit_as(made.id, "nonce-of-another", NUMBER, NULL), ERR_SESSION_NOT_ACTIVE);
	assert_int_equal(sessions_get(made.id).attempt_count, 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 1);
	/* It is one session's own. */
	assert_int_equal(sessions_submit_as(other.id, "nonce-0123456789", NUMBER, NULL), ERR_OK);
	assert_int_equal(sessions_get(other.id).attempt_count, 1);
	sessions_decide(made.id, sessions_declined(REASON_MISMATCH));
	assert_int_equal(sessions_submit_as(made.id, "nonce-0123456789", NUMBER, NULL), ERR_OK);
	assert_int_equal(sessions_get(made.id).attempt_count, 1);
	assert_int_equal(sessions_get(made.id).status, SESSION_PENDING);
	assert_int_equal(sessions_submit_as(made.id, "nonce-of-another", NUMBER, NULL), ERR_OK);
	assert_int_equal(sessions_get(made.id).attempt_count, 2);
}

/* Sent several times at once, with one nonce or with many: one attempt, one look-up. */
static void race(struct uuid id, bool same)
{
	enum { CHILDREN = 6 };
	pid_t pids[CHILDREN];
	int taken = 0;

	for (int p = 0; p < CHILDREN; p++) {
		pids[p] = fork();
		assert_true(pids[p] >= 0);
		if (pids[p] > 0)
			continue;
		char nonce[32];
		snprintf(nonce, sizeof(nonce), "nonce-of-the-race-%d", same ? 0 : p);
		ctx.db = core_db();
		struct session session;
		if (session_get(&ctx, id, true, false, &session) != ERR_OK)
			_exit(100);
		struct complaint fault;
		struct complaint_list complaints = { .items = &fault, .max = 1 };
		struct session_submit in = { .nonce = nonce,
			.country = "SN",
			.id_type = "national_id",
			.applicant = { .id_number = NUMBER,
			    .first_name = "A",
			    .last_name = "B",
			    .date_of_birth = "1990-05-15" } };
		enum err err = session_page_submit(&ctx, &session, &in, &complaints);
		_exit(err == ERR_OK ? 1 : err == ERR_SESSION_NOT_ACTIVE ? 0 : 100);
	}
	for (int p = 0; p < CHILDREN; p++) {
		int status = 0;
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 100);
		taken += WEXITSTATUS(status);
	}
	assert_int_equal(taken, same ? CHILDREN : 1);
	assert_int_equal(sessions_get(id).attempt_count, 1);
	assert_int_equal(sessions_told("session.status.submitted"), 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 1);
}

static void test_races(void **state)
{
	struct session made = sessions_make(VIA_PLAIN, NULL);

	race(made.id, true);
	sessions_set_up(state);
	made = sessions_make(VIA_PLAIN, NULL);
	race(made.id, false);
}

/* ---- leaving --------------------------------------------------------------------------------------- */

static void test_cancel_token(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);
	const char *token = sessions_cancel_token;
	struct session other = sessions_make(VIA_SESSION, NULL);
	struct session plain = sessions_make(VIA_PLAIN, NULL);

	nobody();
	assert_int_equal(session_page_cancel(&ctx, other.id, token), ERR_CANCEL_TOKEN_INVALID);
	assert_int_equal(session_page_cancel(&ctx, plain.id, token), ERR_CANCEL_TOKEN_INVALID);
	assert_int_equal(session_page_cancel(&ctx, made.id, ""), ERR_CANCEL_TOKEN_INVALID);
	assert_int_equal(
	    session_page_cancel(&ctx, made.application_id, token), ERR_SESSION_NOT_FOUND);
	assert_int_equal(session_page_cancel(&ctx, made.id, token), ERR_OK);
	assert_int_equal(session_page_cancel(&ctx, made.id, token), ERR_OK);
	core_act(made.application_id, ENV_LIVE);
	assert_int_equal(sessions_get(made.id).status, SESSION_VOIDED);
	assert_int_equal(sessions_get(other.id).status, SESSION_PENDING);
	assert_int_equal(sessions_told("verification.session.cancelled"), 1);
}

static void test_abandon(void **state UNUSED)
{
	struct session made = sessions_make(VIA_PLAIN, NULL), session;
	const char *token = start(made.id);

	nobody();
	assert_int_equal(session_page_enter(&ctx, made.id, token, &session), ERR_OK);
	assert_int_equal(session_page_abandon(&ctx, &session), ERR_OK);
	assert_int_equal(session.status, SESSION_VOIDED);
	assert_string_equal(session.organization_name, "Customer");
	assert_int_equal(session_page_abandon(&ctx, &session), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_look, sessions_set_up),
		cmocka_unit_test_setup(test_token, sessions_set_up),
		cmocka_unit_test_setup(test_token_hash, sessions_set_up),
		cmocka_unit_test_setup(test_token_never_started, sessions_set_up),
		cmocka_unit_test_setup(test_token_slides, sessions_set_up),
		cmocka_unit_test_setup(test_start_of_the_ended, sessions_set_up),
		cmocka_unit_test_setup(test_consent, sessions_set_up),
		cmocka_unit_test_setup(test_unsupported, sessions_set_up),
		cmocka_unit_test_setup(test_nonce, sessions_set_up),
		cmocka_unit_test_setup(test_races, sessions_set_up),
		cmocka_unit_test_setup(test_cancel_token, sessions_set_up),
		cmocka_unit_test_setup(test_abandon, sessions_set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
