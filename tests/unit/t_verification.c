/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_verification.c: taking verifications in, what each tenant and key sees of them, pages and
 * their exact totals, deciding once, erasing. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "counter.h"
#include "score.h"
#include "stmt.h"
#include "tx.h"
#include "usage.h"

static const struct decision approve = {
	.status = VER_APPROVED, .reason = REASON_NONE, .match_name = 100, .match_dob = MATCH_EXACT
};

struct deciding {
	struct uuid id;
	struct decision decision;
	bool decided;
};

static enum err decide_tx(struct ctx *context, void *arg)
{
	struct deciding *d = arg;

	return verification_decide(context, d->id, &d->decision, &d->decided);
}

static bool decide(struct uuid id, struct decision decision)
{
	struct deciding deciding = { .id = id, .decision = decision };

	assert_int_equal(tx_run(&ctx, decide_tx, &deciding), ERR_OK);
	return deciding.decided;
}

static enum err erase_tx(struct ctx *context, void *arg)
{
	return verification_erase(context, *(struct uuid *)arg);
}

static struct verification_page page_of(struct verification_filter filter)
{
	struct verification_page page;

	if (filter.from_ms == 0)
		filter.from_ms = TIME_NONE;
	if (filter.to_ms == 0)
		filter.to_ms = TIME_NONE;
	if (filter.limit == 0)
		filter.limit = 20;
	assert_int_equal(verification_list(&ctx, &filter, &page), ERR_OK);
	return page;
}

static int64_t counted(const char *environment, const char *status)
{
	int64_t sum = -1;

	assert_int_equal(counter_sum(&ctx, ctx.actor.application_id, COUNTER_VERIFICATION,
			     environment, status, &sum),
	    ERR_OK);
	return sum;
}

/* A tenant of its own for each test, so that totals are the test's. */
static int set_up(void **state)
{
	core_set_up(state);
	core_act(core_tenant(), ENV_LIVE);
	return 0;
}

static struct verification_new input_of(const char *type, const char *number, const char *birth)
{
	return (struct verification_new){ .country = type[0] == 'n' && type[1] == 'a' ? "SN" : "NG",
		.id_type = type,
		.applicant = { .id_number = number,
		    .first_name = "Amara",
		    .last_name = "Diallo",
		    .date_of_birth = birth } };
}

/* Everything that is wrong is said at once, each under its field. */
static void test_check(void **state UNUSED)
{
	static const struct {
		const char *type, *number, *birth;
		const char *fields;
	} rows[] = {
		{ "national_id", "1234567890123", "1990-05-15", "" },
		{ "national_id", " 1234-5678-90123 ", "1990-05-15", "" },
		{ "national_id", "12345678901234", "1990-05-15", "" },
		{ "national_id", "123456789012345", "1990-05-15", "id_number " },
		{ "national_id", "- -", "1990-05-15", "id_number " },
		{ "national_id", "1234567890123", "2190-05-15", "date_of_birth " },
		{ "national_id", "1234567890123", "1880-05-15", "date_of_birth " },
		{ "national_id", "1", "1990-02-30", "id_number date_of_birth " },
		{ "nin", "12345678901", "1990-05-15", "" },
		{ "bank", "123", "1990-05-15", "id_number phone bank_code " },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct verification_new input =
		    input_of(rows[i].type, rows[i].number, rows[i].birth);
		const struct id_type *type = NULL;
		struct complaint complaints[8];
		char fields[128] = "";
		size_t count = 0;
		enum err err = verification_check(
		    &ctx, &input, complaints, countof(complaints), &count, &type);

		for (size_t j = 0; j < count; j++)
			snprintf(fields + strlen(fields), sizeof(fields) - strlen(fields), "%s ",
			    complaints[j].field);
		assert_string_equal(fields, rows[i].fields);
		assert_int_equal(err, count == 0 ? ERR_OK : ERR_VALIDATION);
	}
	struct verification_new unknown = input_of("nin", "12345678901", "1990-05-15");
	const struct id_type *type = NULL;
	size_t count = 0;
	unknown.country = "SN";
	assert_int_equal(
	    verification_check(&ctx, &unknown, NULL, 0, &count, &type), ERR_UNSUPPORTED_ID_TYPE);
}

static void test_taken_in(void **state UNUSED)
{
	struct verification made = core_verification(NULL, false, false), seen;

	assert_int_equal(made.status, VER_PENDING);
	assert_true(made.completed_at_ms == TIME_NONE);
	assert_int_equal(verification_get(&ctx, made.id, &seen), ERR_OK);
	assert_true(uuid_equal(seen.id, made.id));
	assert_string_equal(seen.status_word, "pending");
	assert_string_equal(seen.country, "SN");
	assert_string_equal(seen.id_type, "national_id");
	assert_string_equal(seen.external_ref, "user_001");
	assert_true(seen.created_at_ms == made.created_at_ms);
	assert_true(seen.score == DB_NULL);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 1);
	assert_int_equal(counted("live", "pending"), 1);
	/* Nothing of the person is in the row in the clear. */
	assert_int_equal(core_number("SELECT COUNT(*) FROM verification WHERE "
				     "sealed LIKE '%Amara%' OR sealed LIKE '%1234567890123%'"),
	    0);
}

static void test_at_once(void **state UNUSED)
{
	core_act(ctx.actor.application_id, ENV_SANDBOX);
	struct verification made = core_verification(NULL, true, true);

	assert_int_not_equal(made.status, VER_PENDING);
	assert_true(made.completed_at_ms != TIME_NONE);
	assert_in_range(made.score, 0, 1000);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(counted("sandbox", made.status_word), 1);
	assert_int_equal(counted("sandbox", "pending"), 0);
}

/* Another tenant's, and for a sandbox key a live one, are not there; a live key sees both. */
static void test_who_sees_it(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id, stranger = core_tenant();
	struct verification live = core_verification(NULL, false, false), seen;
	core_act(tenant, ENV_SANDBOX);
	struct verification sandbox = core_verification(NULL, true, false);

	assert_int_equal(verification_get(&ctx, live.id, &seen), ERR_VERIFICATION_NOT_FOUND);
	assert_int_equal(verification_get(&ctx, sandbox.id, &seen), ERR_OK);
	assert_int_equal(tx_run(&ctx, erase_tx, &live.id), ERR_VERIFICATION_NOT_FOUND);
	assert_true(page_of((struct verification_filter){ 0 }).total == 1);
	core_act(tenant, ENV_LIVE);
	assert_int_equal(verification_get(&ctx, sandbox.id, &seen), ERR_OK);
	assert_true(page_of((struct verification_filter){ 0 }).total == 2);
	core_act(stranger, ENV_LIVE);
	assert_int_equal(verification_get(&ctx, live.id, &seen), ERR_VERIFICATION_NOT_FOUND);
	assert_int_equal(tx_run(&ctx, erase_tx, &live.id), ERR_VERIFICATION_NOT_FOUND);
	struct verification_page page = page_of((struct verification_filter){ 0 });
	assert_true(page.total == 0 && page.count == 0 && page.next_cursor == NULL);
}

/* Page after page: each once, newest first, and the total always that of the whole list. */
static void test_pages(void **state UNUSED)
{
	struct uuid ids[7];
	const char *cursor = NULL;
	size_t seen = 0;

	for (size_t i = 0; i < countof(ids); i++)
		ids[i] = core_verification(NULL, false, false).id;
	do {
		struct verification_page page =
		    page_of((struct verification_filter){ .limit = 3, .cursor = cursor });

		assert_true(page.total == 7);
		for (size_t i = 0; i < page.count; i++, seen++)
			assert_true(uuid_equal(page.items[i].id, ids[6 - seen]));
		cursor = page.next_cursor;
	} while (cursor != NULL);
	assert_int_equal(seen, 7);
}

/* A cursor is good for its own list, filters and tenant only. */
static void test_cursors_are_bound(void **state UNUSED)
{
	struct verification_filter filter = {
		.limit = 1, .from_ms = TIME_NONE, .to_ms = TIME_NONE
	};
	struct verification_page page;

	core_verification(NULL, false, false);
	core_verification(NULL, false, false);
	filter.cursor = page_of((struct verification_filter){ .limit = 1 }).next_cursor;
	assert_non_null(filter.cursor);
	assert_int_equal(verification_list(&ctx, &filter, &page), ERR_OK);
	filter.status = "pending";
	assert_int_equal(verification_list(&ctx, &filter, &page), ERR_SYNTAX);
	filter.status = NULL;
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(verification_list(&ctx, &filter, &page), ERR_SYNTAX);
	filter.cursor = "cur_AAAA";
	assert_int_equal(verification_list(&ctx, &filter, &page), ERR_SYNTAX);
}

/* Every combination of filters finds what a plain count finds. */
static void test_filters_and_totals(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	struct verification first = core_verification(NULL, false, false);

	decide(first.id, approve);
	core_verification(NULL, false, false);
	core_act(tenant, ENV_SANDBOX);
	core_verification("1234567890120", true, false);
	core_verification("1234567890121", true, false);
	core_act(tenant, ENV_LIVE);
	for (int env = 0; env < 2; env++) {
		core_act(tenant, env == 0 ? ENV_LIVE : ENV_SANDBOX);
		struct verification_page all = page_of((struct verification_filter){ 0 });
		int64_t by_status = 0;

		assert_true(all.total == (env == 0 ? 4 : 2));
		for (size_t s = 0; s < VER__MAX; s++) {
			const char *word = ver_status_word((enum ver_status)s);
			int64_t counter =
			    page_of((struct verification_filter){ .status = word }).total;
			struct verification_page ranged = page_of((struct verification_filter){
			    .status = word, .from_ms = first.created_at_ms - 1000 });
			struct verification_page ref = page_of((struct verification_filter){
			    .status = word, .external_ref = "user_001" });

			assert_true(ranged.total == counter && ref.total == counter);
			assert_int_equal(ranged.count, counter);
			assert_int_equal(ref.count, counter);
			by_status += counter;
		}
		assert_true(by_status == all.total);
		assert_true(page_of((struct verification_filter){ .to_ms = 1000 }).total == 0);
		assert_true(
		    page_of((struct verification_filter){ .external_ref = "other" }).total == 0);
	}
}

/* The first decision stays, whoever comes second. */
static void test_decided_once(void **state UNUSED)
{
	struct verification made = core_verification(NULL, false, false), seen;
	struct decision decline = { .status = VER_DECLINED,
		.reason = REASON_NOT_FOUND,
		.match_name = DB_NULL,
		.match_dob = MATCH_UNKNOWN };

	assert_true(decide(made.id, approve));
	assert_false(decide(made.id, decline));
	assert_int_equal(verification_get(&ctx, made.id, &seen), ERR_OK);
	assert_int_equal(seen.status, VER_APPROVED);
	assert_true(seen.completed_at_ms >= seen.created_at_ms);
	assert_int_equal(counted("live", "approved"), 1);
	assert_int_equal(counted("live", "pending"), 0);
	assert_int_equal(counted("live", "declined"), 0);
	struct deciding missing = { .id = ctx.actor.application_id, .decision = approve };
	assert_int_equal(tx_run(&ctx, decide_tx, &missing), ERR_MISSING);
}

static void test_erased(void **state UNUSED)
{
	struct verification made = core_verification(NULL, false, true), seen;

	assert_int_equal(tx_run(&ctx, erase_tx, &made.id), ERR_OK);
	assert_int_equal(tx_run(&ctx, erase_tx, &made.id), ERR_OK);
	assert_int_equal(verification_get(&ctx, made.id, &seen), ERR_OK);
	assert_int_equal(seen.status, VER_ERROR);
	/* It is not scored, and not charged for a score. */
	assert_true(seen.score == DB_NULL);
	assert_int_equal(core_number("SELECT COUNT(*) FROM work"), 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM verification WHERE erased_at IS NOT "
				     "NULL AND (sealed IS NOT NULL OR id_number_index IS NOT NULL "
				     "OR seal_key IS NOT NULL)"),
	    0);
	assert_false(decide(made.id, approve));
}

struct scoring {
	struct uuid id;
	struct score score;
};

static enum err score_tx(struct ctx *context, void *arg)
{
	struct scoring *scoring = arg;

	return score_get(context, scoring->id, &scoring->score);
}

/* One score and one charge for a verification, however often it is asked for. */
static void test_scored_once(void **state UNUSED)
{
	struct verification made = core_verification(NULL, false, false);
	struct scoring first = { .id = made.id }, second = { .id = made.id };
	struct usage_filter filter = { .from_ms = TIME_NONE, .to_ms = TIME_NONE, .limit = 20 };
	struct usage_page page;

	assert_int_equal(tx_run(&ctx, score_tx, &first), ERR_STATE);
	assert_true(decide(made.id, approve));
	assert_int_equal(tx_run(&ctx, score_tx, &first), ERR_OK);
	assert_int_equal(tx_run(&ctx, score_tx, &second), ERR_OK);
	assert_true(uuid_equal(first.score.id, second.score.id));
	assert_true(first.score.value.score == second.score.value.score);
	assert_string_equal(first.score.value.features, second.score.value.features);
	assert_int_equal(usage_list(&ctx, &filter, &page), ERR_OK);
	assert_true(page.total == 2);
	assert_string_equal(page.items[0].event_type, "kyc.score");
	assert_string_equal(page.items[1].event_type, "kyc.verification");
	assert_true(uuid_equal(page.items[1].verification_id, made.id));
	first.id = ctx.actor.application_id;
	assert_int_equal(tx_run(&ctx, score_tx, &first), ERR_VERIFICATION_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_check, set_up),
		cmocka_unit_test_setup(test_taken_in, set_up),
		cmocka_unit_test_setup(test_at_once, set_up),
		cmocka_unit_test_setup(test_who_sees_it, set_up),
		cmocka_unit_test_setup(test_pages, set_up),
		cmocka_unit_test_setup(test_cursors_are_bound, set_up),
		cmocka_unit_test_setup(test_filters_and_totals, set_up),
		cmocka_unit_test_setup(test_decided_once, set_up),
		cmocka_unit_test_setup(test_erased, set_up),
		cmocka_unit_test_setup(test_scored_once, set_up),
	};
	int failed;

	if (!core_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
