/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_token.c: what organisations have to spend: paying, running out, crossing the line, what operators
 * add and correct, and that the history sums up to the balance whatever happens. Run by
 * tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "id.h"
#include "org.h"
#include "score.h"
#include "token.h"
#include "tx.h"
#include "webhook.h"

#define PRICES "token_price_verification = 3\ntoken_price_score = 2\nlow_balance_tokens = 10\n"

static struct uuid org;

static const char *hex(struct uuid id)
{
	static char text[33];

	for (size_t i = 0; i < sizeof(id.b); i++)
		snprintf(text + 2 * i, 3, "%02X", id.b[i]);
	return text;
}

/* Queries call it @org. */
static void remember_org(void)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "SET @org = UNHEX('%s')", hex(org));
	core_run(sql);
}

static int set_up(void **state)
{
	core_set_up(state);
	core_settings(PRICES);
	core_act(core_tenant(), ENV_LIVE);
	org = ctx.actor.organization_id;
	remember_org();
	return 0;
}

/* ---- helpers ------------------------------------------------------------------------------------ */

static int64_t balance(void)
{
	struct row_token_get row;

	assert_int_equal(token_get(&ctx, org, &row), ERR_OK);
	/* Always: the sum of the history. */
	assert_true(row.balance == core_number("SELECT COALESCE(SUM(delta), 0) FROM token_entry "
					       "WHERE organization_id = @org"));
	return row.balance;
}

static enum err change(enum token_kind kind, int64_t delta, const char *note)
{
	struct token_change wanted = { org, kind, delta, note };
	int64_t after = -1;
	enum err err = token_add(&ctx, &wanted, &after);

	if (err == ERR_OK)
		assert_true(after == balance());
	return err;
}

static void set_balance(int64_t wanted)
{
	int64_t delta = wanted - balance();

	if (delta != 0)
		assert_int_equal(change(TOKEN_CORRECTION, delta, NULL), ERR_OK);
	assert_true(balance() == wanted);
}

struct buying {
	struct uuid subject;
	int64_t cost;
	int runs;
};

static enum err buy_in_tx(struct ctx *context, void *arg)
{
	struct buying *buying = arg;

	buying->runs++;
	return token_take(context, TOKEN_SESSION, buying->subject, buying->cost);
}

static enum err buy(int64_t cost, int *ret_runs)
{
	struct buying buying = { .subject = org, .cost = cost };
	enum err err = tx_run(&ctx, buy_in_tx, &buying);

	assert_false(ctx.is_careful);
	assert_false(db_in_tx(ctx.db));
	if (ret_runs != NULL)
		*ret_runs = buying.runs;
	return err;
}

static void listen_to(struct uuid application, enum environment environment, const char *events)
{
	struct webhook_new endpoint = { .surface = SURFACE_KYC,
		.url = "https://customer.example/hook",
		.events = events,
		.enabled = true,
		.rate_per_s = DB_NULL };
	struct row_webhook_get row;
	const char *secret = NULL;

	core_act(application, environment);
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(webhook_create(&ctx, &endpoint, &row, &secret), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
}

static int64_t told(void)
{
	return core_number("SELECT COUNT(*) FROM event WHERE type = 'billing.low_balance' "
			   "AND trigger_type = 'organization' AND trigger_id = @org");
}

/* ---- paying --------------------------------------------------------------------------------------- */

static void test_prices(void **state UNUSED)
{
	assert_int_equal(token_price(&ctx, TOKEN_VERIFICATION, ENV_LIVE), 3);
	assert_int_equal(token_price(&ctx, TOKEN_SCORE, ENV_LIVE), 2);
	assert_int_equal(token_price(&ctx, TOKEN_SESSION, ENV_LIVE), 1);
	for (int kind = 0; kind < TOKEN__MAX; kind++)
		assert_int_equal(token_price(&ctx, (enum token_kind)kind, ENV_SANDBOX), 0);
	assert_int_equal(token_price(&ctx, TOKEN_TOPUP, ENV_LIVE), 0);
	assert_int_equal(token_price(&ctx, TOKEN_CORRECTION, ENV_LIVE), 0);
}

static void test_a_verification_is_paid(void **state UNUSED)
{
	struct row_token_list *rows = NULL;
	struct token_filter filter = { org, TIME_NONE, TIME_NONE, 10 };
	size_t count = 0;

	set_balance(100);
	struct verification made = core_verification(NULL, false, true);
	assert_true(balance() == 95);
	assert_int_equal(token_list(&ctx, &filter, &rows, &count), ERR_OK);
	assert_int_equal(count, 4);
	assert_string_equal(rows[0].kind, "score");
	assert_string_equal(rows[1].kind, "verification");
	assert_string_equal(rows[2].kind, "correction");
	assert_string_equal(rows[3].kind, "topup");
	for (size_t i = 0; i < 2; i++) {
		assert_true(uuid_equal(rows[i].subject_id, made.id));
		assert_true(uuid_equal(rows[i].application_id, ctx.actor.application_id));
	}
	assert_true(rows[1].delta == -3 && rows[1].balance == 97);
	assert_true(rows[0].delta == -2 && rows[0].balance == 95);
	/* Of a time alone, and no more than asked for. */
	filter.to_ms = rows[3].created_at - 1;
	assert_int_equal(token_list(&ctx, &filter, &rows, &count), ERR_OK);
	assert_int_equal(count, 0);
	filter.to_ms = TIME_NONE;
	filter.limit = 1;
	assert_int_equal(token_list(&ctx, &filter, &rows, &count), ERR_OK);
	assert_true(count == 1 && rows[0].balance == 95);
	assert_string_equal(rows[0].kind, "score");
}

static void test_the_sandbox_is_free(void **state UNUSED)
{
	set_balance(0);
	ctx.actor.environment = ENV_SANDBOX;
	core_verification(NULL, true, true);
	core_verification(NULL, false, true);
	assert_true(balance() == 0);
	ctx.actor.environment = ENV_LIVE;
}

static void test_free_things_leave_no_trace(void **state UNUSED)
{
	int64_t before;

	core_settings("token_price_verification = 0\ntoken_price_score = 0\n");
	set_balance(0);
	before = core_number("SELECT COUNT(*) FROM token_entry WHERE organization_id = @org");
	core_verification(NULL, false, true);
	assert_true(
	    before == core_number("SELECT COUNT(*) FROM token_entry WHERE organization_id = @org"));
}

/* A score paid for with its verification is not paid for again, and its event says what it cost. */
static void test_a_score_to_come(void **state UNUSED)
{
	static const struct decision approved = { VER_APPROVED, REASON_NONE, 100, MATCH_EXACT };
	struct score score;
	bool decided = false;

	set_balance(100);
	struct verification made = core_verification(NULL, false, true);
	core_settings("token_price_score = 50\n");
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(verification_decide(&ctx, made.id, &approved, &decided), ERR_OK);
	assert_int_equal(score_get(&ctx, made.id, &score), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
	assert_true(decided && balance() == 95);
	char sql[256];
	snprintf(sql, sizeof(sql),
	    "SELECT SUM(tokens) * 100 + COUNT(*) FROM usage_event WHERE verification_id = UNHEX('%s')",
	    hex(made.id));
	assert_int_equal(core_number(sql), 502);
}

static enum err erase(struct ctx *context, void *arg)
{
	return verification_erase(context, *(struct uuid *)arg);
}

/* What will not be computed is given back, once. */
static void test_erased_before_it_was_scored(void **state UNUSED)
{
	set_balance(100);
	struct verification made = core_verification(NULL, false, true);
	assert_true(balance() == 95);
	assert_int_equal(tx_run(&ctx, erase, &made.id), ERR_OK);
	assert_true(balance() == 97);
	assert_int_equal(tx_run(&ctx, erase, &made.id), ERR_OK);
	assert_true(balance() == 97);
	assert_true(
	    1 == core_number("SELECT COUNT(*) FROM token_entry WHERE kind = 'correction' AND "
			     "delta = 2 AND organization_id = @org"));
	made = core_verification(NULL, false, false);
	assert_int_equal(tx_run(&ctx, erase, &made.id), ERR_OK);
	assert_true(balance() == 94);
}

/* ---- running out ------------------------------------------------------------------------------------ */

static void test_too_low(void **state UNUSED)
{
	int runs = 0;

	set_balance(4);
	assert_int_equal(buy(5, &runs), ERR_INSUFFICIENT_TOKENS);
	assert_int_equal(runs, 2);
	assert_true(balance() == 4);
	/* To the last one, at once. */
	assert_int_equal(buy(4, &runs), ERR_OK);
	assert_int_equal(runs, 1);
	assert_true(balance() == 0);
	assert_int_equal(buy(1, NULL), ERR_INSUFFICIENT_TOKENS);
	assert_int_equal(buy(0, NULL), ERR_OK);
	assert_true(balance() == 0);
}

/* The balances of a history that is not shown to its end. */
static void test_history_of_a_time(void **state UNUSED)
{
	struct row_token_list *rows = NULL;
	struct token_filter filter = { org, TIME_NONE, TIME_NONE, 10 };
	bool is_date;
	size_t count = 0;

	set_balance(0);
	for (int i = 1; i <= 4; i++)
		assert_int_equal(change(TOKEN_TOPUP, i, "one of four"), ERR_OK);
	core_run("UPDATE token_entry SET created_at = CASE delta WHEN 1 THEN '2026-01-01' "
		 "WHEN 2 THEN '2026-01-02' WHEN 3 THEN '2026-01-03' ELSE '2026-01-04' END "
		 "WHERE note = 'one of four'");
	assert_int_equal(time_parse("2026-01-02T00:00:00Z", &filter.from_ms, &is_date), ERR_OK);
	assert_int_equal(time_parse("2026-01-03T12:00:00Z", &filter.to_ms, &is_date), ERR_OK);
	assert_int_equal(token_list(&ctx, &filter, &rows, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_true(rows[0].delta == 3 && rows[0].balance == 6);
	assert_true(rows[1].delta == 2 && rows[1].balance == 3);
	assert_true(balance() == 10);
}

static void test_never_added_to(void **state UNUSED)
{
	assert_int_equal(org_create(&ctx, "Poor", &org), ERR_OK);
	remember_org();
	ctx.actor.organization_id = org;
	assert_true(balance() == 0);
	assert_int_equal(buy(1, NULL), ERR_INSUFFICIENT_TOKENS);
	assert_int_equal(change(TOKEN_TOPUP, 3, "first"), ERR_OK);
	assert_int_equal(buy(1, NULL), ERR_OK);
	assert_true(balance() == 2);
}

/* Undone with the transaction it is in. */
static void test_rolled_back(void **state UNUSED)
{
	set_balance(100);
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(token_take(&ctx, TOKEN_SESSION, org, 7), ERR_OK);
	db_rollback_if_open(ctx.db);
	assert_true(balance() == 100);
	/* Refused outside tx_run() it is an error all the same, and nothing is committed. */
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	assert_int_equal(token_take(&ctx, TOKEN_SESSION, org, 101), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_DB_REFUSED);
	assert_true(balance() == 100);
}

/* ---- the line --------------------------------------------------------------------------------------- */

static void test_crossing_is_told_once(void **state UNUSED)
{
	struct uuid application = ctx.actor.application_id;
	int runs = 0;

	listen_to(application, ENV_LIVE, "billing.low_balance");
	listen_to(application, ENV_LIVE, "billing.low_balance verification.completed");
	set_balance(12);
	assert_int_equal(buy(2, &runs), ERR_OK); /* on the line is not below it */
	assert_true(runs == 1 && told() == 0);
	assert_int_equal(buy(1, &runs), ERR_OK);
	assert_true(runs == 2 && told() == 1 && balance() == 9);
	assert_true(
	    2 == core_number("SELECT COUNT(*) FROM delivery d JOIN event e ON e.id = d.event_id "
			     "JOIN work w ON w.subject_id = d.id "
			     "WHERE e.trigger_id = @org"));
	assert_int_equal(buy(1, &runs), ERR_OK);
	assert_true(runs == 1 && told() == 1);
	/* Up to the line and below it again is told again; below it all the time is not. */
	assert_int_equal(change(TOKEN_TOPUP, 1, NULL), ERR_OK);
	assert_int_equal(buy(3, NULL), ERR_OK);
	assert_true(told() == 1 && balance() == 6);
	assert_int_equal(change(TOKEN_TOPUP, 4, NULL), ERR_OK);
	assert_int_equal(buy(10, NULL), ERR_OK);
	assert_true(told() == 2 && balance() == 0);
	/* A correction crosses as well. */
	assert_int_equal(change(TOKEN_TOPUP, 20, NULL), ERR_OK);
	assert_int_equal(change(TOKEN_CORRECTION, -15, NULL), ERR_OK);
	assert_true(told() == 3);
}

static void test_what_is_said(void **state UNUSED)
{
	char id[ID_TEXT_SIZE], expected[200];

	listen_to(ctx.actor.application_id, ENV_LIVE, "billing.low_balance");
	set_balance(10);
	assert_int_equal(buy(1, NULL), ERR_OK);
	id_text(ID_ORGANIZATION, org, id);
	snprintf(expected, sizeof(expected),
	    "SELECT body LIKE '%%\"type\":\"billing.low_balance\",\"data\":{\"organization_id\":\"%s\","
	    "\"balance\":9,\"threshold\":10},\"timestamp\":%%' FROM event ORDER BY id DESC LIMIT 1",
	    id);
	assert_int_equal(core_number(expected), 1);
}

/* Every application with somebody to tell, and no other. */
static void test_who_is_told(void **state UNUSED)
{
	static const struct {
		enum environment environment;
		const char *events;
		bool is_told;
	} rows[] = {
		{ ENV_LIVE, "billing.low_balance", true },
		{ ENV_LIVE, "verification.completed billing.low_balance webhook.disabled", true },
		{ ENV_LIVE, "verification.completed webhook.disabled", false },
		{ ENV_SANDBOX, "billing.low_balance", false },
	};
	int64_t expected = 0;

	set_balance(10);
	for (size_t i = 0; i < countof(rows); i++) {
		struct uuid application;

		assert_int_equal(application_create(&ctx, org, "One more", &application), ERR_OK);
		listen_to(application, rows[i].environment, rows[i].events);
		expected += rows[i].is_told;
	}
	/* Another customer's. */
	listen_to(core_tenant(), ENV_LIVE, "billing.low_balance");
	ctx.actor.organization_id = org;
	assert_int_equal(buy(1, NULL), ERR_OK);
	assert_true(told() == expected);
}

static void test_no_line(void **state UNUSED)
{
	int runs = 0;

	core_settings("low_balance_tokens = 0\n");
	listen_to(ctx.actor.application_id, ENV_LIVE, "billing.low_balance");
	set_balance(5);
	assert_int_equal(buy(5, &runs), ERR_OK);
	assert_true(runs == 1 && told() == 0 && balance() == 0);
}

/* ---- operators ------------------------------------------------------------------------------------- */

static void test_bounds(void **state UNUSED)
{
	struct uuid nobody = ctx.actor.application_id;
	char note[LIMIT_TOKEN_NOTE + 2];
	int64_t after = 0;

	set_balance(50);
	assert_int_equal(change(TOKEN_CORRECTION, -51, NULL), ERR_INSUFFICIENT_TOKENS);
	assert_int_equal(change(TOKEN_CORRECTION, -50, NULL), ERR_OK);
	assert_int_equal(change(TOKEN_TOPUP, LIMIT_TOKENS + 1, NULL), ERR_RANGE);
	assert_int_equal(change(TOKEN_TOPUP, LIMIT_TOKENS, NULL), ERR_OK);
	assert_int_equal(change(TOKEN_TOPUP, 1, NULL), ERR_RANGE);
	memset(note, 'x', sizeof(note));
	note[sizeof(note) - 1] = '\0';
	assert_int_equal(change(TOKEN_CORRECTION, -1, note), ERR_VALIDATION);
	note[sizeof(note) - 2] = '\0';
	assert_int_equal(change(TOKEN_CORRECTION, -1, note), ERR_OK);
	assert_int_equal(change(TOKEN_CORRECTION, -1, "two\nlines"), ERR_VALIDATION);
	assert_int_equal(change(TOKEN_CORRECTION, -1, "\xff"), ERR_VALIDATION);
	struct token_change stranger = { nobody, TOKEN_TOPUP, 1, NULL };
	assert_int_equal(token_add(&ctx, &stranger, &after), ERR_MISSING);
	assert_true(balance() == LIMIT_TOKENS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_prices, set_up),
		cmocka_unit_test_setup(test_a_verification_is_paid, set_up),
		cmocka_unit_test_setup(test_the_sandbox_is_free, set_up),
		cmocka_unit_test_setup(test_free_things_leave_no_trace, set_up),
		cmocka_unit_test_setup(test_a_score_to_come, set_up),
		cmocka_unit_test_setup(test_erased_before_it_was_scored, set_up),
		cmocka_unit_test_setup(test_too_low, set_up),
		cmocka_unit_test_setup(test_history_of_a_time, set_up),
		cmocka_unit_test_setup(test_never_added_to, set_up),
		cmocka_unit_test_setup(test_rolled_back, set_up),
		cmocka_unit_test_setup(test_crossing_is_told_once, set_up),
		cmocka_unit_test_setup(test_what_is_said, set_up),
		cmocka_unit_test_setup(test_who_is_told, set_up),
		cmocka_unit_test_setup(test_no_line, set_up),
		cmocka_unit_test_setup(test_bounds, set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
