/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_session.c: making sessions and workflows, what each tenant and key sees of them, pages, the record,
 * payment, sealing anew. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "clock.h"
#include "id.h"
#include "limits.h"
#include "mail.h"
#include "reseal.h"
#include "str.h"
#include "token.h"
#include "usage.h"

#define HOUR_MS INT64_C(3600000)

static enum err create(const struct session_new *input)
{
	struct session session;
	const char *token = NULL;

	return session_create(&ctx, input, &session, &token);
}

/* The one mail there is. */
static struct uuid only_mail(void)
{
	struct row_mail_reseal_list *rows = NULL;
	size_t count = 0;

	assert_int_equal(
	    q_mail_reseal_list(ctx.db, ctx.arena, INT64_MAX, 10, &rows, &count), ERR_OK);
	assert_int_equal(count, 1);
	return rows[0].id;
}

static const char *value_of(const struct mail_content *content, const char *name)
{
	for (size_t i = 0; i < content->value_count; i++) {
		if (strcmp(content->values[i].name, name) == 0)
			return content->values[i].text;
	}
	return NULL;
}

/* ---- making ---------------------------------------------------------------------------------------- */

static void test_made(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);
	struct session seen = sessions_get(made.id);
	const char *url = NULL;
	char id[ID_TEXT_SIZE], wanted[128];

	assert_int_equal(strlen(sessions_cancel_token), 48);
	assert_int_equal(strspn(sessions_cancel_token, "abcdefghijklmnopqrstuvwxyz0123456789"), 48);
	assert_int_equal(seen.status, SESSION_PENDING);
	assert_string_equal(seen.phase_word, "created");
	assert_int_equal(seen.family, VIA_SESSION);
	assert_int_equal(seen.expires_at_ms, seen.created_at_ms + HOUR_MS);
	assert_string_equal(seen.share_fields, made.share_fields);
	assert_string_equal(seen.redirect_url, "https://shop.example/back?a=b");
	assert_string_equal(seen.external_id, "order 7");
	assert_string_equal(seen.language, "fr");
	assert_string_equal(seen.workflow_steps, "ID_VERIFICATION");
	assert_true(seen.minimum_age == DB_NULL);
	assert_true(uuid_is_nil(seen.workflow_id));
	assert_true(uuid_equal(seen.organization_id, ctx.actor.organization_id));
	assert_int_equal(seen.invite_phone, INVITE_NOT_CONFIGURED);
	assert_string_equal(seen.subject.first_name, "Amara");
	assert_string_equal(seen.subject.email, "amara@example.org");
	assert_null(seen.subject.id_number);
	assert_true(seen.started_at_ms == TIME_NONE && seen.submitted_at_ms == TIME_NONE &&
		    seen.completed_at_ms == TIME_NONE);
	assert_int_equal(session_url(&ctx, made.id, &url), ERR_OK);
	id_text(ID_SESSION, made.id, id);
	snprintf(wanted, sizeof(wanted), "https://kyc.example.org/verify/%s", id);
	assert_string_equal(url, wanted);
	/* Neither the person nor the token is in the row in the clear. */
	assert_int_equal(core_number("SELECT COUNT(*) FROM session WHERE sealed LIKE '%amara%' "
				     "OR sealed LIKE '%Diallo%'"),
	    0);
	snprintf(wanted, sizeof(wanted), "SELECT COUNT(*) FROM session WHERE cancel_hash = '%s'",
	    sessions_cancel_token);
	assert_int_equal(core_number(wanted), 0);
	assert_int_equal(sessions_told("session.created"), 0);
	struct session plain = sessions_make(VIA_PLAIN, NULL);
	assert_null(sessions_cancel_token);
	assert_int_equal(plain.expires_at_ms, plain.created_at_ms + 168 * HOUR_MS);
}

/* Where a mail server is configured the link goes out with the session, and says until when. */
static void test_invitation(void **state UNUSED)
{
	const char *mails = "SELECT COUNT(*) FROM mail WHERE template = 'session_invitation'";
	struct session_new input = sessions_new(VIA_PLAIN);
	struct mail_content content;
	struct row_work_find work;
	const char *url = NULL;

	struct session silent = sessions_make(VIA_PLAIN, NULL);
	assert_int_equal(sessions_get(silent.id).invite_email, INVITE_NOT_CONFIGURED);
	assert_int_equal(core_number(mails), 0);
	core_settings("public_url = https://kyc.example.org\nsmtp_host = localhost\n"
		      "mail_from = no-reply@kyc.example.org\n");
	clock_set(INT64_C(1777629000000));
	struct session made = sessions_make(VIA_SESSION, NULL);
	assert_int_equal(sessions_get(made.id).invite_email, INVITE_QUEUED);
	assert_int_equal(core_number(mails), 1);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM mail WHERE language = 'fr' AND expires_at = "
			"'2026-05-01 10:50:00' AND content NOT LIKE '%amara%'"),
	    1);
	struct row_mail_reseal_hold row;
	struct uuid id = only_mail();
	assert_int_equal(q_mail_reseal_hold(ctx.db, ctx.arena, id, &row), ERR_OK);
	assert_int_equal(mail_open(&ctx, id, row.content, &content), ERR_OK);
	assert_string_equal(content.to, "amara@example.org");
	assert_int_equal(session_url(&ctx, made.id, &url), ERR_OK);
	assert_string_equal(value_of(&content, "link"), url);
	assert_string_equal(value_of(&content, "name"), "Amara");
	assert_string_equal(value_of(&content, "organization"), "Customer");
	assert_string_equal(value_of(&content, "expires"), "2026-05-01 10:50 UTC");
	assert_int_equal(
	    q_work_find(ctx.db, ctx.arena, id, work_kind_word(WORK_MAIL), &work), ERR_OK);
	input.invite_email = false;
	assert_int_equal(create(&input), ERR_OK);
	input.invite_email = true;
	input.subject.email = NULL;
	assert_int_equal(create(&input), ERR_OK);
	input.subject.email = "amara@example.org\r\nBcc: all@example.org";
	assert_int_equal(create(&input), ERR_VALIDATION);
	assert_int_equal(core_number(mails), 1);
}

static void test_defaults(void **state UNUSED)
{
	struct session_new input = { .family = VIA_SESSION, .environment = ENV_LIVE };
	struct session made;
	const char *token = NULL;

	core_settings("public_url = https://kyc.example.org\nsession_ttl_min = 5\n"
		      "session_plain_ttl_h = 2\n");
	assert_int_equal(session_create(&ctx, &input, &made, &token), ERR_OK);
	struct session seen = sessions_get(made.id);
	assert_int_equal(seen.expires_at_ms, seen.created_at_ms + HOUR_MS / 12);
	assert_null(seen.redirect_url);
	assert_null(seen.external_id);
	assert_null(seen.language);
	assert_null(seen.subject.first_name);
	assert_int_equal(seen.invite_email, INVITE_NOT_REQUESTED);
	assert_int_equal(seen.invite_phone, INVITE_NOT_REQUESTED);
	input.family = VIA_PLAIN;
	assert_int_equal(session_create(&ctx, &input, &made, &token), ERR_OK);
	assert_int_equal(made.expires_at_ms, made.created_at_ms + 2 * HOUR_MS);
	input.ttl_s = 8760 * 3600;
	assert_int_equal(session_create(&ctx, &input, &made, &token), ERR_OK);
	assert_int_equal(sessions_get(made.id).expires_at_ms, made.created_at_ms + 8760 * HOUR_MS);
}

static void test_refused(void **state UNUSED)
{
	int64_t before = core_number("SELECT COUNT(*) FROM session");
	struct session_new input = sessions_new(VIA_SESSION);

	input.workflow_id = ctx.actor.application_id;
	assert_int_equal(create(&input), ERR_WORKFLOW_NOT_FOUND);
	input = sessions_new(VIA_SESSION);
	json_t *array = json_array();
	input.share_fields = array;
	assert_int_equal(create(&input), ERR_SHARE_FIELDS);
	json_decref(array);
	input = sessions_new(VIA_SESSION);
	input.redirect_url = "http://shop.example/";
	assert_int_equal(create(&input), ERR_REDIRECT_URL);
	input = sessions_new(VIA_PLAIN);
	core_settings("");
	assert_int_equal(create(&input), ERR_PUBLIC_URL_MISSING);
	/* Without its key the provider is not configured; the sandbox needs none. */
	core_settings("public_url = https://kyc.example.org\n");
	assert_int_equal(unlink(core_path("smile.key")), 0);
	assert_int_equal(create(&input), ERR_STEP_ID_VERIFICATION);
	input.environment = ENV_SANDBOX;
	assert_int_equal(create(&input), ERR_OK);
	core_write("smile.key", "the-portal's-key\n");
	assert_int_equal(core_number("SELECT COUNT(*) FROM session"), before + 1);
}

static void test_redirect_urls(void **state UNUSED)
{
	static const struct {
		const char *url;
		bool ok;
	} rows[] = {
		{ "https://shop.example", true },
		{ "https://shop.example/a?b=c#d", true },
		{ "https://shop.example:8443/#/done?x", true },
		{ "https://localhost:3000/back", true },
		{ "https://192.0.2.1/", true },
		{ "https://[2001:db8::1]/", true },
		{ "HTTPS://shop.example/", true },
		{ "http://shop.example/", false },
		{ "https://user@shop.example/", false },
		{ "https://user:pass@shop.example/", false },
		{ "https://shop.example@evil.example/", false },
		{ "https:///path", false },
		{ "https:shop.example", false },
		{ "https://", false },
		{ "javascript:alert(1)", false },
		{ "//shop.example/", false },
		{ "shop.example", false },
		{ "", false },
		{ "https://shop.example/a b", false },
		{ "https://shop.example/\r\nx: y", false },
		{ "https://shop.example/\"><script>", false },
		{ "https://shop.example/#a#b", false },
		{ "https://shop.example\\@evil.example/", false },
		{ "https://0x7f.1/", false },
		{ "https://sh\xc3\xb6p.example/", false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		enum err err = session_redirect_check(rows[i].url);
		if ((err == ERR_OK) != rows[i].ok)
			fail_msg("%s: %s", rows[i].url, err_name(err));
	}
	char *long_url = arena_alloc(ctx.arena, LIMIT_URL + 2);
	memset(long_url, 'a', LIMIT_URL + 1);
	memcpy(long_url, "https://shop.example/", 21);
	assert_int_equal(session_redirect_check(long_url), ERR_REDIRECT_URL);
	long_url[LIMIT_URL] = '\0';
	assert_int_equal(session_redirect_check(long_url), ERR_OK);
}

/* Paid when made, and never again: what the person submits costs nothing more. */
static void test_payment(void **state UNUSED)
{
	core_settings("public_url = https://kyc.example.org\ntoken_price_session = 3\n"
		      "token_price_verification = 5\n");
	struct uuid org = ctx.actor.organization_id;
	struct usage_filter filter = { .from_ms = TIME_NONE, .to_ms = TIME_NONE, .limit = 10 };
	struct usage_page page;
	struct row_token_get row;

	struct session made = sessions_make(VIA_SESSION, NULL);
	assert_int_equal(token_get(&ctx, org, &row), ERR_OK);
	assert_int_equal(row.balance, 1000000 - 3);
	sessions_submit(made.id, NULL);
	sessions_decide(made.id, sessions_approved);
	assert_int_equal(token_get(&ctx, org, &row), ERR_OK);
	assert_int_equal(row.balance, 1000000 - 3);
	assert_int_equal(usage_list(&ctx, &filter, &page), ERR_OK);
	assert_int_equal(page.total, 1);
	assert_string_equal(page.items[0].event_type, "session");
	assert_int_equal(page.items[0].tokens, 3);
	struct token_change change = { org, TOKEN_CORRECTION, -(1000000 - 3 - 2), NULL };
	int64_t balance = 0;
	assert_int_equal(token_add(&ctx, &change, &balance), ERR_OK);
	assert_int_equal(balance, 2);
	int64_t sessions = core_number("SELECT COUNT(*) FROM session");
	struct session_new input = sessions_new(VIA_PLAIN);
	assert_int_equal(create(&input), ERR_INSUFFICIENT_TOKENS);
	assert_int_equal(core_number("SELECT COUNT(*) FROM session"), sessions);
	assert_int_equal(sessions_told("session.created"), 0);
	input.environment = ENV_SANDBOX;
	assert_int_equal(create(&input), ERR_OK);
}

/* ---- workflows ------------------------------------------------------------------------------------- */

static enum err make_workflow(const char *steps, struct workflow *ret_workflow, char fields[256])
{
	struct complaint items[16];
	struct complaint_list complaints = { .items = items, .max = countof(items) };
	json_t *json = NULL;

	assert_int_equal(json_read(steps, strlen(steps), &json, NULL), ERR_OK);
	enum err err = workflow_create(&ctx, "Wallet", json, &complaints, ret_workflow);
	json_decref(json);
	fields[0] = '\0';
	for (size_t i = 0; i < complaints.count; i++)
		snprintf(fields + strlen(fields), 256 - strlen(fields), "%s ", items[i].field);
	return err;
}

static void test_workflow_faults(void **state UNUSED)
{
	static const struct {
		const char *steps, *fields;
	} rows[] = {
		{ "[]", "steps " },
		{ "{}", "steps " },
		{ "null", "steps " },
		{ "[1]", "steps[0] " },
		{ "[{}]", "steps[0].id " },
		{ "[{\"id\":\"id_verification\"}]", "steps[0].id " },
		{ "[{\"id\":\"FACE_LIVENESS\"},{\"id\":\"FACE_LIVENESS\"}]", "steps[1].id " },
		{ "[{\"id\":\"ID_VERIFICATION\",\"extra\":1}]", "steps[0].extra " },
		{ "[{\"id\":\"ID_VERIFICATION\",\"config\":7}]", "steps[0].config " },
		{ "[{\"id\":\"ID_VERIFICATION\",\"config\":{\"minimum_age\":0}}]",
		    "steps[0].config.minimum_age " },
		{ "[{\"id\":\"ID_VERIFICATION\",\"config\":{\"minimum_age\":101}}]",
		    "steps[0].config.minimum_age " },
		{ "[{\"id\":\"ID_VERIFICATION\",\"config\":{\"minimum_age\":\"18\"}}]",
		    "steps[0].config.minimum_age " },
		{ "[{\"id\":\"ID_VERIFICATION\",\"config\":{\"maximum_age\":51,\"nfc\":1}}]",
		    "steps[0].config.maximum_age steps[0].config.nfc " },
		{ "[{\"id\":\"FACE_LIVENESS\",\"config\":{\"minimum_age\":18}}]",
		    "steps[0].config.minimum_age " },
		{ "[{\"id\":\"X\"},{\"id\":\"Y\"}]", "steps[0].id steps[1].id " },
	};
	int64_t before = core_number("SELECT COUNT(*) FROM workflow");

	for (size_t i = 0; i < countof(rows); i++) {
		struct workflow workflow;
		char fields[256];
		assert_int_equal(make_workflow(rows[i].steps, &workflow, fields), ERR_VALIDATION);
		assert_string_equal(fields, rows[i].fields);
	}
	assert_int_equal(core_number("SELECT COUNT(*) FROM workflow"), before);
}

static void test_workflows(void **state UNUSED)
{
	static const char *const unusable[] = { "FACE_LIVENESS", "AGE_ESTIMATION", "PEP_SANCTIONS",
		"ADVERSE_MEDIA" };
	static const enum err missing[] = { ERR_STEP_FACE_LIVENESS, ERR_STEP_AGE_ESTIMATION,
		ERR_STEP_PEP_SANCTIONS, ERR_STEP_ADVERSE_MEDIA };
	struct session_new input = sessions_new(VIA_PLAIN);
	struct workflow workflow, seen, *list = NULL;
	size_t count = 0;
	char fields[256];

	for (size_t i = 0; i < countof(unusable); i++) {
		const char *steps = arena_printf(ctx.arena,
		    "[{\"id\":\"ID_VERIFICATION\"},{\"id\":\"%s\",\"config\":null}]", unusable[i]);
		assert_int_equal(make_workflow(steps, &workflow, fields), ERR_OK);
		input.workflow_id = workflow.id;
		assert_int_equal(create(&input), missing[i]);
		input.environment = ENV_SANDBOX;
		assert_int_equal(create(&input), missing[i]);
		input.environment = ENV_LIVE;
	}
	assert_int_equal(
	    make_workflow("[{\"id\":\"ID_VERIFICATION\",\"config\":{\"minimum_age\":21}}]",
		&workflow, fields),
	    ERR_OK);
	assert_int_equal(workflow_get(&ctx, workflow.id, &seen), ERR_OK);
	assert_string_equal(seen.name, "Wallet");
	assert_string_equal(seen.status, "active");
	assert_string_equal(seen.steps, "ID_VERIFICATION");
	assert_int_equal(seen.part_count, 1);
	assert_int_equal(seen.parts[0].minimum_age, 21);
	assert_true(uuid_equal(seen.organization_id, ctx.actor.organization_id));
	input.workflow_id = workflow.id;
	assert_int_equal(create(&input), ERR_OK);
	assert_int_equal(workflow_list(&ctx, &list, &count), ERR_OK);
	assert_int_equal(count, 5);
	assert_true(uuid_equal(list[0].id, workflow.id));
	assert_string_equal(list[1].steps, "ID_VERIFICATION ADVERSE_MEDIA");
	core_act(ctx.actor.application_id, ENV_SANDBOX);
	assert_int_equal(workflow_get(&ctx, workflow.id, &seen), ERR_WORKFLOW_NOT_FOUND);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(workflow_get(&ctx, workflow.id, &seen), ERR_WORKFLOW_NOT_FOUND);
	assert_int_equal(workflow_list(&ctx, &list, &count), ERR_OK);
	assert_int_equal(count, 0);
}

/* ---- showing --------------------------------------------------------------------------------------- */

/* Another tenant's, and for a sandbox key a live one, are not there, whatever is asked of them. */
static void test_who_sees_it(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	struct session live = sessions_make(VIA_SESSION, NULL), seen;
	struct session_attempt *attempts = NULL;
	struct attempt_filter of_live = { .session_id = live.id, .limit = 10 };
	struct attempt_filter running = { .status = "in_progress", .limit = 10 };
	size_t count = 0;
	bool more = false;

	sessions_submit(live.id, NULL);
	core_act(tenant, ENV_SANDBOX);
	struct session sandbox = sessions_make(VIA_PLAIN, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    session_get(&ctx, live.id, true, true, &seen), ERR_SESSION_NOT_FOUND);
		assert_int_equal(session_cancel(&ctx, live.id, NULL), ERR_SESSION_NOT_FOUND);
		assert_int_equal(session_set_status(&ctx, live.id, SESSION_VERIFIED, &seen),
		    ERR_SESSION_NOT_FOUND);
		assert_int_equal(
		    session_attempts(&ctx, &of_live, &attempts, &count, &more), ERR_OK);
		assert_int_equal(count, 0);
		assert_int_equal(
		    session_attempts(&ctx, &running, &attempts, &count, &more), ERR_OK);
		assert_int_equal(count, 0);
		core_act(core_tenant(), ENV_LIVE);
	}
	assert_int_equal(session_get(&ctx, sandbox.id, true, true, &seen), ERR_SESSION_NOT_FOUND);
	core_act(tenant, ENV_LIVE);
	assert_int_equal(session_get(&ctx, sandbox.id, true, true, &seen), ERR_OK);
	assert_int_equal(session_attempts(&ctx, &of_live, &attempts, &count, &more), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(session_attempts(&ctx, &running, &attempts, &count, &more), ERR_OK);
	assert_int_equal(count, 1);
	assert_true(uuid_equal(attempts[0].session_id, live.id));
}

static size_t list(struct session_filter filter, struct session **ret_sessions)
{
	size_t count = 0;
	bool more = false;

	if (filter.from_ms == 0)
		filter.from_ms = TIME_NONE;
	if (filter.to_ms == 0)
		filter.to_ms = TIME_NONE;
	if (filter.limit == 0)
		filter.limit = 100;
	assert_int_equal(session_list(&ctx, &filter, ret_sessions, &count, &more), ERR_OK);
	assert_int_equal(more, filter.limit < 100 && count == (size_t)filter.limit);
	return count;
}

/* Every filter alone and together, newest first, each page where the last one ended. */
static void test_lists(void **state UNUSED)
{
	struct session made[7], *page = NULL;
	struct session_new input = sessions_new(VIA_PLAIN);
	struct workflow workflow;
	const char *token = NULL;
	char fields[256];

	assert_int_equal(
	    make_workflow("[{\"id\":\"ID_VERIFICATION\"}]", &workflow, fields), ERR_OK);
	for (size_t i = 0; i < countof(made); i++) {
		input.environment = i == 6 ? ENV_SANDBOX : ENV_LIVE;
		input.family = i % 2 == 0 ? VIA_SESSION : VIA_PLAIN;
		input.external_id = i < 3 ? "seven" : NULL;
		input.workflow_id = i > 3 ? workflow.id : UUID_NIL;
		assert_int_equal(session_create(&ctx, &input, &made[i], &token), ERR_OK);
	}
	assert_int_equal(list((struct session_filter){ .phase = NULL }, &page), 7);
	for (size_t i = 0; i < 7; i++)
		assert_true(uuid_equal(page[i].id, made[6 - i].id));
	assert_int_equal(list((struct session_filter){ .limit = 3 }, &page), 3);
	assert_int_equal(
	    list((struct session_filter){ .after = page[2].id, .limit = 50 }, &page), 4);
	assert_true(uuid_equal(page[0].id, made[3].id));
	assert_int_equal(list((struct session_filter){ .external_id = "seven" }, &page), 3);
	assert_string_equal(page[0].external_id, "seven");
	assert_int_equal(list((struct session_filter){ .external_id = "eight" }, &page), 0);
	assert_int_equal(list((struct session_filter){ .workflow_id = workflow.id }, &page), 3);
	assert_int_equal(
	    list((struct session_filter){ .external_id = "seven", .workflow_id = workflow.id },
		&page),
	    0);
	assert_int_equal(session_cancel(&ctx, made[0].id, NULL), ERR_OK);
	assert_int_equal(session_cancel(&ctx, made[5].id, NULL), ERR_OK);
	sessions_submit(made[1].id, NULL);
	assert_int_equal(list((struct session_filter){ .phase = "cancelled" }, &page), 2);
	assert_int_equal(list((struct session_filter){ .phase = "created" }, &page), 4);
	assert_int_equal(list((struct session_filter){ .phase = "in_progress" }, &page), 1);
	assert_int_equal(page[0].attempts_read, 0);
	assert_int_equal(
	    list((struct session_filter){ .phase = "in_progress", .with_attempts = true }, &page),
	    1);
	assert_int_equal(page[0].attempts_read, 1);
	assert_int_equal(
	    list((struct session_filter){ .phase = "cancelled", .external_id = "seven" }, &page),
	    1);
	assert_int_equal(
	    list(
		(struct session_filter){ .phase = "cancelled", .workflow_id = workflow.id }, &page),
	    1);
	assert_int_equal(
	    list((struct session_filter){ .from_ms = made[6].created_at_ms + 1000 }, &page), 0);
	assert_int_equal(list((struct session_filter){ .to_ms = made[6].created_at_ms }, &page), 7);
	core_act(ctx.actor.application_id, ENV_SANDBOX);
	assert_int_equal(list((struct session_filter){ .phase = NULL }, &page), 1);
	assert_int_equal(list((struct session_filter){ .phase = "created" }, &page), 1);
	assert_int_equal(list((struct session_filter){ .phase = "cancelled" }, &page), 0);
	assert_int_equal(list((struct session_filter){ .external_id = "seven" }, &page), 0);
	assert_int_equal(list((struct session_filter){ .workflow_id = workflow.id }, &page), 1);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(list((struct session_filter){ .phase = NULL }, &page), 0);
}

/* A list is a look as well: what is overdue has expired in it, and is found as such. */
static void test_list_expires(void **state UNUSED)
{
	struct session made[3], *page = NULL;

	for (size_t i = 0; i < countof(made); i++)
		made[i] = sessions_make(VIA_SESSION, NULL);
	clock_set(made[2].expires_at_ms + 1);
	assert_int_equal(list((struct session_filter){ .phase = "created" }, &page), 0);
	assert_int_equal(list((struct session_filter){ .phase = "expired" }, &page), 3);
	assert_true(page[0].completed_at_ms != TIME_NONE);
	assert_int_equal(sessions_told("verification.session.expired"), 3);
}

/* Every page is read from the index of its filter, in its order. */
static void test_list_plans(void **state UNUSED)
{
	static const struct {
		const char *index, *where;
	} rows[] = {
		{ "session_page", "" },
		{ "session_env", "AND environment = 'live'" },
		{ "session_phase", "AND phase = 'created'" },
		{ "session_phase_env", "AND phase = 'created' AND environment = 'live'" },
		{ "session_external", "AND external_id = 'x'" },
		{ "session_workflow", "AND workflow_id = UNHEX('00')" },
	};

	sessions_make(VIA_SESSION, NULL);
	for (size_t i = 0; i < countof(rows); i++) {
		const char *sql = arena_printf(ctx.arena,
		    "SELECT id FROM session FORCE INDEX (%s) WHERE application_id = UNHEX('00') %s "
		    "AND id >= UNHEX('00') AND id < UNHEX('ff') ORDER BY id DESC LIMIT 10",
		    rows[i].index, rows[i].where);
		const char *plan = core_plan(sql);
		if (strncmp(plan, rows[i].index, strlen(rows[i].index)) != 0 ||
		    strstr(plan, "filesort") != NULL)
			fail_msg("%s: %s", sql, plan);
	}
}

static void test_attempt_pages(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);
	struct attempt_filter filter = { .session_id = made.id, .limit = 2 };
	struct session_attempt *attempts = NULL;
	size_t count = 0;
	bool more = false;

	for (int i = 0; i < 2; i++) {
		sessions_submit(made.id, NULL);
		sessions_decide(made.id, sessions_declined(REASON_MISMATCH));
	}
	sessions_submit(made.id, NULL);
	assert_int_equal(session_attempts(&ctx, &filter, &attempts, &count, &more), ERR_OK);
	assert_int_equal(count, 2);
	assert_true(more);
	assert_string_equal(attempts[0].status_word, "in_progress");
	filter.after = attempts[1].id;
	assert_int_equal(session_attempts(&ctx, &filter, &attempts, &count, &more), ERR_OK);
	assert_int_equal(count, 1);
	assert_false(more);
	filter = (struct attempt_filter){ .session_id = made.id, .status = "failed", .limit = 9 };
	assert_int_equal(session_attempts(&ctx, &filter, &attempts, &count, &more), ERR_OK);
	assert_int_equal(count, 2);
	filter = (struct attempt_filter){ .status = "failed", .limit = 9 };
	assert_int_equal(session_attempts(&ctx, &filter, &attempts, &count, &more), ERR_OK);
	assert_int_equal(count, 2);
	filter.status = "succeeded";
	assert_int_equal(session_attempts(&ctx, &filter, &attempts, &count, &more), ERR_OK);
	assert_int_equal(count, 0);
}

static void test_record(void **state UNUSED)
{
	static const char *const members[] = { "id", "organization_id", "user_id", "sender_user_id",
		"external_id", "permalink_id", "location", "status", "type", "session_progress",
		"created_at", "updated_at", "submitted_at", "workflow_id", "workflow_steps",
		"expires_at", "redirect_url", "bank_statement_request_id", "deep_sign_id",
		"face_liveness_session_id", "uploads", "analysis_data", "meta_data" };
	struct session made = sessions_make(VIA_PLAIN, NULL), seen = sessions_get(made.id);
	json_t *record = session_record_json(&seen);
	char id[ID_TEXT_SIZE];

	assert_int_equal(json_object_size(record), countof(members));
	for (size_t i = 0; i < countof(members); i++)
		assert_non_null(json_object_get(record, members[i]));
	uuid_text(made.id, id);
	assert_string_equal(json_get_text(record, "id"), id);
	uuid_text(ctx.actor.organization_id, id);
	assert_string_equal(json_get_text(record, "organization_id"), id);
	assert_string_equal(json_get_text(record, "status"), "PENDING");
	assert_string_equal(json_get_text(record, "type"), "verification");
	assert_string_equal(json_get_text(record, "session_progress"), "PENDING");
	assert_int_equal(json_array_size(json_object_get(record, "workflow_steps")), 1);
	const json_t *meta = json_object_get(record, "meta_data");
	assert_true(json_is_null(json_object_get(meta, "failureData")));
	assert_string_equal(
	    json_get_text(json_object_get(meta, "invitations"), "phone"), "not_configured");
	json_decref(record);
}

/* ---- personal data --------------------------------------------------------------------------------- */

static bool go_on(void *arg UNUSED, uint64_t done UNUSED, uint64_t total UNUSED)
{
	return true;
}

static void test_sealed_anew(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);
	char master[128], id[33], sql[256], reason[256];
	uint32_t number = 0;
	uint64_t done = 0;

	hex_encode(made.id.b, sizeof(made.id.b), id);
	snprintf(master, sizeof(master), "%s", core_path("master.key"));
	assert_int_equal(keyring_add_key(master, &number, reason, sizeof(reason)), ERR_OK);
	keyring_free(&ctx.keyring);
	assert_int_equal(
	    keyring_open(master, core_path("pepper"), &ctx.keyring, reason, sizeof(reason)),
	    ERR_OK);
	snprintf(sql, sizeof(sql), "SELECT seal_key FROM session WHERE id = UNHEX('%s')", id);
	assert_int_equal(core_number(sql), number - 1);
	assert_int_equal(reseal_run(&ctx, 10, go_on, NULL, &done), ERR_OK);
	assert_true(done > 0);
	assert_int_equal(core_number(sql), number);
	assert_string_equal(sessions_get(made.id).subject.phone, "+221770000000");
}

/* Erasing the verification of a session takes the person out of both. */
static void test_erased(void **state UNUSED)
{
	struct session made = sessions_make(VIA_SESSION, NULL);
	struct verification verification;

	sessions_submit(made.id, NULL);
	struct uuid id = sessions_get(made.id).attempts[0].verification_id;
	assert_int_equal(verification_get(&ctx, id, &verification), ERR_OK);
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(verification_erase(&ctx, id), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
	struct session now = sessions_get(made.id);
	assert_null(now.subject.first_name);
	assert_null(now.subject.email);
	/* It was running: it ends as our doing, not the person's. */
	assert_int_equal(now.status, SESSION_PENDING);
	assert_int_equal(now.failed_count, 0);
	assert_int_equal(now.attempts[0].status, TRY_FAILED);
	assert_int_equal(sessions_told("verification.failed"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_made, sessions_set_up),
		cmocka_unit_test_setup(test_invitation, sessions_set_up),
		cmocka_unit_test_setup(test_defaults, sessions_set_up),
		cmocka_unit_test_setup(test_refused, sessions_set_up),
		cmocka_unit_test_setup(test_redirect_urls, sessions_set_up),
		cmocka_unit_test_setup(test_payment, sessions_set_up),
		cmocka_unit_test_setup(test_workflow_faults, sessions_set_up),
		cmocka_unit_test_setup(test_workflows, sessions_set_up),
		cmocka_unit_test_setup(test_who_sees_it, sessions_set_up),
		cmocka_unit_test_setup(test_lists, sessions_set_up),
		cmocka_unit_test_setup(test_list_expires, sessions_set_up),
		cmocka_unit_test_setup(test_list_plans, sessions_set_up),
		cmocka_unit_test_setup(test_attempt_pages, sessions_set_up),
		cmocka_unit_test_setup(test_record, sessions_set_up),
		cmocka_unit_test_setup(test_erased, sessions_set_up),
		cmocka_unit_test_setup(test_sealed_anew, sessions_set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
