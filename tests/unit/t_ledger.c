/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_ledger.c: what is kept beside verifications: idempotency records, usage, counters,
 * organisations, the catalogue, settings, and sealing anew. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "applicant.h"
#include "catalogue.h"
#include "clock.h"
#include "counter.h"
#include "idem.h"
#include "key.h"
#include "org.h"
#include "reseal.h"
#include "scope.h"
#include "stmt.h"
#include "tx.h"
#include "usage.h"

#define DAY_MS INT64_C(86400000)

static int set_up(void **state)
{
	core_set_up(state);
	core_settings("");
	core_act(core_tenant(), ENV_LIVE);
	return 0;
}

/* ---- idempotency ---------------------------------------------------------------------------- */

static void take(const struct idem *idem, enum err expected)
{
	assert_int_equal(idem_take(&ctx, idem), expected);
}

static void test_a_reply_is_kept(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	struct idem idem, other_body, other_operation;
	struct bytes reply = { NULL, 0 };
	int64_t status = 0;
	bool found = true;

	assert_int_equal(idem_make("k-1", "verify", "{}", 2, &idem), ERR_OK);
	assert_int_equal(idem_make("k-1", "verify", "{ }", 3, &other_body), ERR_OK);
	assert_int_equal(idem_make("k-1", "keys", "{}", 2, &other_operation), ERR_OK);
	assert_int_equal(idem_find(&ctx, &idem, &found, &status, &reply), ERR_OK);
	assert_false(found);
	assert_int_equal(db_begin(ctx.db), ERR_OK);
	take(&idem, ERR_OK);
	assert_int_equal(idem_finish(&ctx, &idem, 2, "the reply", 9), ERR_OK);
	assert_int_equal(db_commit(ctx.db), ERR_OK);
	assert_int_equal(idem_find(&ctx, &idem, &found, &status, &reply), ERR_OK);
	assert_true(found && status == 2 && reply.len == 9);
	assert_memory_equal(reply.data, "the reply", 9);
	assert_int_equal(
	    idem_find(&ctx, &other_body, &found, &status, &reply), ERR_IDEMPOTENCY_MISMATCH);
	assert_int_equal(
	    idem_find(&ctx, &other_operation, &found, &status, &reply), ERR_IDEMPOTENCY_MISMATCH);
	take(&idem, ERR_DB_DUPLICATE);
	/* The same word of another tenant is another key. */
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(idem_find(&ctx, &idem, &found, &status, &reply), ERR_OK);
	assert_false(found);
	core_act(tenant, ENV_LIVE);
	clock_set(clock_now_ms() + DAY_MS + 1000);
	assert_int_equal(idem_find(&ctx, &idem, &found, &status, &reply), ERR_OK);
	assert_false(found);
	/* Expired but not yet deleted: it is taken over. */
	take(&other_body, ERR_OK);
	uint64_t deleted = 0;
	clock_set(clock_now_ms() + DAY_MS + 1000);
	assert_int_equal(idem_expire(&ctx, 100, &deleted), ERR_OK);
	assert_int_equal(deleted, 1);
}

/* Whoever comes while the first is at work is told so instead of doing it too. */
static void test_two_at_once(void **state UNUSED)
{
	struct db *mine = ctx.db, *other = core_db();
	struct idem idem;

	assert_int_equal(idem_make("k-2", "verify", "{}", 2, &idem), ERR_OK);
	assert_int_equal(db_begin(mine), ERR_OK);
	take(&idem, ERR_OK);
	ctx.db = other;
	assert_int_equal(db_begin(other), ERR_OK);
	take(&idem, ERR_IDEMPOTENCY_IN_PROGRESS);
	db_rollback_if_open(other);
	ctx.db = mine;
	db_rollback_if_open(mine);
	/* The first came to nothing, so the key is free. */
	ctx.db = other;
	take(&idem, ERR_OK);
	ctx.db = mine;
	db_free(&other);
}

/* ---- counters, usage ------------------------------------------------------------------------- */

static void test_counters_add_up(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	int64_t sum = -1;

	for (unsigned slot = 0; slot < 200; slot++) {
		ctx.slot = slot;
		assert_int_equal(counter_add(&ctx, tenant, "x", "live", "a", 1), ERR_OK);
	}
	ctx.slot = 3;
	assert_int_equal(counter_move(&ctx, tenant, "x", "live", "a", "b"), ERR_OK);
	assert_int_equal(counter_add(&ctx, tenant, "x", "sandbox", "a", 5), ERR_OK);
	ctx.slot = 0;
	assert_int_equal(counter_sum(&ctx, tenant, "x", "live", "a", &sum), ERR_OK);
	assert_true(sum == 199);
	assert_int_equal(counter_sum(&ctx, tenant, "x", NULL, "a", &sum), ERR_OK);
	assert_true(sum == 204);
	assert_int_equal(counter_sum(&ctx, tenant, "x", NULL, NULL, &sum), ERR_OK);
	assert_true(sum == 205);
	assert_int_equal(counter_sum(&ctx, tenant, "y", NULL, NULL, &sum), ERR_OK);
	assert_true(sum == 0);
	assert_true(core_number("SELECT COUNT(*) FROM counter WHERE name = 'x' AND status = 'a' "
				"AND environment = 'live'") <= LIMIT_COUNTER_SLOTS);
	core_run("DELETE FROM counter WHERE name = 'x'");
}

static void test_usage_pages(void **state UNUSED)
{
	struct usage_filter filter = { .from_ms = TIME_NONE, .to_ms = TIME_NONE, .limit = 2 };
	struct uuid tenant = ctx.actor.application_id;
	struct usage_page page;
	size_t seen = 0;

	for (int i = 0; i < 5; i++)
		assert_int_equal(usage_put(&ctx, tenant, i == 4 ? ENV_SANDBOX : ENV_LIVE,
				     USAGE_VERIFICATION, tenant, 1),
		    ERR_OK);
	do {
		assert_int_equal(usage_list(&ctx, &filter, &page), ERR_OK);
		assert_true(page.total == 5);
		seen += page.count;
		filter.cursor = page.next_cursor;
	} while (filter.cursor != NULL);
	assert_int_equal(seen, 5);
	core_act(tenant, ENV_SANDBOX);
	assert_int_equal(usage_list(&ctx, &filter, &page), ERR_OK);
	assert_true(page.total == 1 && page.count == 1);
	filter.to_ms = 1000;
	assert_int_equal(usage_list(&ctx, &filter, &page), ERR_OK);
	assert_true(page.total == 0 && page.count == 0);
}

/* ---- organisations ----------------------------------------------------------------------------- */

static enum err org_status_of(const char *text, enum org_status *ret_status)
{
	struct key_found found;
	uint8_t hash[32];

	assert_int_equal(key_hash(&ctx, text, hash), ERR_OK);
	enum err err = key_find(&ctx, hash, &found);
	if (err == ERR_OK)
		*ret_status = found.org_status;
	return err;
}

static void test_suspending(void **state UNUSED)
{
	struct key_new key = { .application_id = ctx.actor.application_id,
		.environment = ENV_LIVE,
		.name = "Server",
		.scopes = SCOPE_KYC_READ,
		.expires_at_ms = TIME_NONE };
	enum org_status status = ORG_ACTIVE;
	struct row_application_get row;
	struct key_made made;
	struct uuid id;

	assert_int_equal(key_create(&ctx, &key, &made), ERR_OK);
	assert_int_equal(application_get(&ctx, key.application_id, &row), ERR_OK);
	assert_int_equal(org_set_status(&ctx, row.organization_id, ORG_SUSPENDED), ERR_OK);
	assert_int_equal(org_set_status(&ctx, row.organization_id, ORG_SUSPENDED), ERR_OK);
	assert_int_equal(org_status_of(made.text, &status), ERR_OK);
	assert_int_equal(status, ORG_SUSPENDED);
	assert_int_equal(org_set_status(&ctx, key.application_id, ORG_ACTIVE), ERR_MISSING);
	assert_int_equal(
	    application_create(&ctx, key.application_id, "Nobody's", &id), ERR_MISSING);
	assert_int_equal(org_create(&ctx, "", &id), ERR_VALIDATION);
}

/* ---- catalogue ----------------------------------------------------------------------------------- */

#define HEADER \
	"country,id_type,pattern,provider,provider_country,provider_type,extra_fields,score_weight\n"

static void test_a_catalogue_with_faults(void **state UNUSED)
{
	static const struct {
		const char *csv;
		const char *said;
	} rows[] = {
		{ "", "line 1: no rows; an empty catalogue is refused\n" },
		{ HEADER "sn,national_id,x,sandbox,SN,N,,1\n",
		    "line 2: country must be two capital letters\n" },
		{ HEADER "SN,national_id,\"[\",sandbox,SN,N,,1\n", "line 2: pattern: " },
		{ HEADER "SN,national_id,x,nobody,SN,N,,1\n",
		    "line 2: provider \"nobody\" is not known\n" },
		{ HEADER "SN,national_id,x,sandbox,SN,N,shoe,101\n",
		    "line 2: score_weight must be 0 to 100\nline 2: extra_fields: \"shoe\" is none "
		    "of phone, middle_name, gender, bank_code\n" },
		{ HEADER "SN,a,x,sandbox,SN,N,,1\n# note\nSN,a,x,sandbox,SN,N,,1\n",
		    "line 4: the same country and id_type as line 2\n" },
		{ HEADER "SN,a,x\n", "line 2: 3 fields instead of 8\n" },
		{ HEADER "SN,a,\"x\n", "line 2: a quoted field does not end\n" },
		{ "country,type,pattern,provider,provider_country,provider_type,extra_fields,"
		  "score_weight\nSN,a,x,sandbox,SN,N,,1\n",
		    "line 1: column 2 must be \"id_type\", not \"type\"\n" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct buf complaints;
		size_t count = 99;

		buf_init(&complaints, 4096);
		assert_int_equal(
		    catalogue_load(&ctx, rows[i].csv, strlen(rows[i].csv), &complaints, &count),
		    ERR_VALIDATION);
		assert_int_equal(strncmp(complaints.data, rows[i].said, strlen(rows[i].said)), 0);
		assert_int_equal(count, 99);
		buf_free(&complaints);
	}
	assert_int_equal(core_number("SELECT COUNT(*) FROM id_type"), 3);
}

/* A load takes effect when the copy is older than ten seconds; until then it serves. */
static void test_the_copy(void **state UNUSED)
{
	const struct id_type *type = NULL;

	assert_int_equal(catalogue_find(&ctx, "NG", "bank", &type), ERR_OK);
	assert_string_equal(type->extra_fields, "bank_code phone");
	assert_true(regex_match(type->regex, "0123456789", 10));
	assert_false(regex_match(type->regex, "0123456789x", 11));
	assert_int_equal(catalogue_find(&ctx, "NG", "NIN", &type), ERR_UNSUPPORTED_ID_TYPE);
	assert_int_equal(catalogue_find(&ctx, "ZZ", "nin", &type), ERR_UNSUPPORTED_ID_TYPE);
}

/* ---- sealing anew ----------------------------------------------------------------------------------- */

static struct applicant opened(struct uuid id)
{
	struct row_provider_load row;
	struct applicant applicant;

	assert_int_equal(q_provider_load(ctx.db, ctx.arena, id, &row), ERR_OK);
	assert_int_equal(applicant_open(&ctx, id, row.sealed, &applicant), ERR_OK);
	return applicant;
}

static bool stop_at_once(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *seen = arg;

	seen[0] = done;
	seen[1] = total;
	return false;
}

static void test_sealed_anew(void **state UNUSED)
{
	struct uuid ids[5];
	char reason[256] = "", master[128], pepper[128];
	uint32_t number = 0;
	uint64_t done = 0, seen[2] = { 0, 0 };
	int64_t before;

	for (size_t i = 0; i < countof(ids); i++)
		ids[i] = core_verification(NULL, false, false).id;
	core_run("DELETE FROM work");
	snprintf(master, sizeof(master), "%s", core_path("master.key"));
	snprintf(pepper, sizeof(pepper), "%s", core_path("pepper"));
	before = core_number("SELECT COUNT(*) FROM verification WHERE sealed IS NOT NULL");
	assert_int_equal(keyring_add_key(master, &number, reason, sizeof(reason)), ERR_OK);
	assert_int_equal(number, 2);
	keyring_free(&ctx.keyring);
	assert_int_equal(
	    keyring_open(master, pepper, &ctx.keyring, reason, sizeof(reason)), ERR_OK);
	/* Stopped after the first batch, it goes on where it was. */
	assert_int_equal(reseal_run(&ctx, 2, stop_at_once, seen, &done), ERR_OK);
	assert_int_equal(done, 2);
	assert_true(seen[0] == 2 && seen[1] == (uint64_t)before);
	assert_int_equal(reseal_run(&ctx, 2, NULL, NULL, &done), ERR_OK);
	assert_int_equal(done, before - 2);
	assert_int_equal(reseal_run(&ctx, 2, NULL, NULL, &done), ERR_OK);
	assert_int_equal(done, 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM verification WHERE seal_key < 2"), 0);
	for (size_t i = 0; i < countof(ids); i++) {
		struct applicant applicant = opened(ids[i]);

		assert_string_equal(applicant.first_name, "Amara");
		assert_string_equal(applicant.id_number, "1234567890123");
		assert_null(applicant.phone);
	}
}

/* ---- settings ------------------------------------------------------------------------------------------ */

static void test_settings(void **state UNUSED)
{
	static const struct {
		const char *text;
		const char *said; /* "" for none */
	} rows[] = {
		{ "workers = 3\n", "" },
		{ "worker = 3\n", "worker" },
		{ "workers = three\n", "workers" },
		{ "workers = 0\n", "workers" },
		{ "log_level = loud\n", "log_level" },
		{ "smile_retry_min_s = 10\nsmile_retry_max_s = 5\n",
		    "smile_retry_min_s must not exceed smile_retry_max_s\n" },
		{ "smile_partner_id = 007\n",
		    "smile_partner_id is set but smile_api_key_file is not\n" },
		{ "public_url = http://kyc.example.org\n", "public_url must be an https address" },
		{ "public_url = https://kyc.example.org/\n", "public_url must not end in a slash" },
		{ "db_password_file = /nonexistent\n", "/nonexistent" },
		{ "trusted_proxies = 10.0.0.0/8, ::1\nworkers = 3\n", "" },
		{ "trusted_proxies = 10.0.0.1/8\n", "trusted_proxies: \"10.0.0.1/8\" has bits" },
		{ "trusted_proxies = proxy.example.org\n", "trusted_proxies: \"proxy" },
		{ "rate_per_s = 0\nworkers = 3\n", "" },
		{ "rate_burst = 0\n", "rate_burst" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct settings *settings = NULL;
		struct buf complaints;

		buf_init(&complaints, 4096);
		core_write("bonafide.conf", rows[i].text);
		enum err err = settings_read(core_path("bonafide.conf"), &settings, &complaints);
		if (rows[i].said[0] == '\0') {
			assert_int_equal(err, ERR_OK);
			assert_true(settings->workers == 3 && settings->max_body_bytes == 65536);
		} else {
			assert_int_not_equal(err, ERR_OK);
			assert_null(settings);
			assert_non_null(strstr(complaints.data, rows[i].said));
		}
		settings_free(&settings);
		buf_free(&complaints);
	}
}

static void test_what_needs_a_restart(void **state UNUSED)
{
	struct settings *old = NULL, *fresh = NULL;
	struct buf lines;

	buf_init(&lines, 4096);
	core_write("bonafide.conf", "workers = 3\nlisten = /a\n");
	assert_int_equal(settings_read(core_path("bonafide.conf"), &old, &lines), ERR_OK);
	core_write("bonafide.conf", "workers = 4\nlisten = /b\n");
	assert_int_equal(settings_read(core_path("bonafide.conf"), &fresh, &lines), ERR_OK);
	settings_diff_restart(old, fresh, &lines);
	assert_non_null(strstr(lines.data, "listen"));
	assert_null(strstr(lines.data, "workers"));
	settings_free(&old);
	settings_free(&fresh);
	buf_free(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_reply_is_kept, set_up),
		cmocka_unit_test_setup(test_two_at_once, set_up),
		cmocka_unit_test_setup(test_counters_add_up, set_up),
		cmocka_unit_test_setup(test_usage_pages, set_up),
		cmocka_unit_test_setup(test_suspending, set_up),
		cmocka_unit_test_setup(test_a_catalogue_with_faults, set_up),
		cmocka_unit_test_setup(test_the_copy, set_up),
		cmocka_unit_test_setup(test_sealed_anew, set_up),
		cmocka_unit_test_setup(test_settings, set_up),
		cmocka_unit_test_setup(test_what_needs_a_restart, set_up),
	};
	int failed;

	if (!core_open())
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
