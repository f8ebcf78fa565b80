/* SPDX-License-Identifier: Apache-2.0 */
/* t_session_share.c: share contracts: every fault with its error, and what the good ones become. */
#include "base.h"
#include "arena.h"
#include "json.h"
#include "session_share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct ctx ctx;

static enum err make(const char *share, const char **ret_text)
{
	json_t *fields = NULL;

	if (share != NULL)
		assert_int_equal(json_read(share, strlen(share), &fields, NULL), ERR_OK);
	enum err err = share_contract_make(&ctx, fields, ret_text);
	json_decref(fields);
	return err;
}

/* The contract with a claim in it, so that a test names only what it is about. */
#define DEFAULT_ID \
	"\"kayle_document_id\":{\"required\":true,\"reason\":\"Sharing \\\"Kayle Document " \
	"ID\\\"\",\"source\":\"default\"}"
#define R(reason) "{\"required\":true,\"reason\":\"" reason "\"}"
#define O(reason) "{\"required\":false,\"reason\":\"" reason "\"}"
#define REQUIRED(claim, reason) \
	"\"" claim "\":{\"required\":true,\"reason\":\"" reason "\",\"source\":\"rc\"}"
#define OPTIONAL(claim, reason) \
	"\"" claim "\":{\"required\":false,\"reason\":\"" reason "\",\"source\":\"rc\"}"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define E10 "éééééééééé"
#define E100 E10 E10 E10 E10 E10 E10 E10 E10 E10 E10

static void test_normalised(void **state UNUSED)
{
	static const struct {
		const char *share, *wanted;
	} rows[] = {
		{ "{}", "{" DEFAULT_ID "}" },
		{ "{\"age_over_18\":" R("To sell wine") ",\"nationality_code\":" O(
		      "Statistics") "}",
		    "{" REQUIRED("age_over_18", "To sell wine") "," DEFAULT_ID "," OPTIONAL(
			"nationality_code", "Statistics") "}" },
		/* The document's name is always there and always required, and the reason kept. */
		{ "{\"kayle_document_id\":" O("Mine") "}",
		    "{" REQUIRED("kayle_document_id", "Mine") "}" },
		{ "{\"document_id\":" O("Mine") "}",
		    "{" REQUIRED("document_id", "Mine") "," DEFAULT_ID "}" },
		{ "{\"family_name\":" R("  a \\n\\t b\xc2\xa0\xe2\x80\x83 c  ") "}",
		    "{" REQUIRED("family_name", "a b c") "," DEFAULT_ID "}" },
		/* Both from one date: whoever insists on one has both. */
		{ "{\"date_of_birth\":" O("d") ",\"age_over_21\":" R("a") "}",
		    "{" REQUIRED("age_over_21", "a") "," REQUIRED(
			"date_of_birth", "d") "," DEFAULT_ID "}" },
		{ "{\"date_of_birth\":" R("d") ",\"age_over_21\":" O("a") "}",
		    "{" REQUIRED("age_over_21", "a") "," REQUIRED(
			"date_of_birth", "d") "," DEFAULT_ID "}" },
		{ "{\"date_of_birth\":" O("d") ",\"age_over_21\":" O("") "}",
		    "{" OPTIONAL("age_over_21", "") "," OPTIONAL(
			"date_of_birth", "d") "," DEFAULT_ID "}" },
		{ "{\"age_over_12\":" O("a") "}",
		    "{" OPTIONAL("age_over_12", "a") "," DEFAULT_ID "}" },
		{ "{\"age_over_130\":" O("a") "}",
		    "{" OPTIONAL("age_over_130", "a") "," DEFAULT_ID "}" },
		{ "{\"sex_marker\":" O(HUNDRED HUNDRED) "}",
		    "{" DEFAULT_ID "," OPTIONAL("sex_marker", HUNDRED HUNDRED) "}" },
		/* Characters are counted, not bytes. */
		{ "{\"sex_marker\":" O(E100 E100) "}",
		    "{" DEFAULT_ID "," OPTIONAL("sex_marker", E100 E100) "}" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		const char *text = NULL;

		if (make(rows[i].share, &text) != ERR_OK)
			fail_msg("refused: %s", rows[i].share);
		assert_string_equal(text, rows[i].wanted);
	}
}

static void test_faults(void **state UNUSED)
{
	static const struct {
		const char *share;
		enum err err;
	} rows[] = {
		{ "[]", ERR_SHARE_FIELDS },
		{ "\"family_name\"", ERR_SHARE_FIELDS },
		{ "null", ERR_SHARE_FIELDS },
		{ "{\"family_name\":true}", ERR_SHARE_FIELDS },
		{ "{\"family_name\":null}", ERR_SHARE_FIELDS },
		{ "{\"family_name\":{}}", ERR_SHARE_FIELDS },
		{ "{\"family_name\":{\"reason\":\"x\"}}", ERR_SHARE_FIELDS },
		{ "{\"family_name\":{\"required\":1,\"reason\":\"x\"}}", ERR_SHARE_FIELDS },
		{ "{\"family_name\":{\"required\":\"true\",\"reason\":\"x\"}}", ERR_SHARE_FIELDS },
		{ "{\"family_name\":{\"required\":true,\"reason\":\"x\",\"source\":\"rc\"}}",
		    ERR_SHARE_FIELDS },
		{ "{\"family_name\":{\"required\":true}}", ERR_SHARE_REASON_MISSING },
		{ "{\"family_name\":{\"required\":true,\"reason\":7}}", ERR_SHARE_REASON_MISSING },
		{ "{\"family_name\":{\"required\":true,\"reason\":null}}",
		    ERR_SHARE_REASON_MISSING },
		{ "{\"family_name\":" R("") "}", ERR_SHARE_REASON_MISSING },
		{ "{\"family_name\":" R(" \\t\\n ") "}", ERR_SHARE_REASON_MISSING },
		{ "{\"age_over_18\":" R("") "}", ERR_SHARE_REASON_MISSING },
		{ "{\"date_of_birth\":" R("") ",\"age_over_18\":" R("a") "}",
		    ERR_SHARE_REASON_MISSING },
		{ "{\"family_name\":" R(HUNDRED HUNDRED "x") "}", ERR_SHARE_REASON_LONG },
		/* Before it is made one line, too. */
		{ "{\"family_name\":" R(HUNDRED HUNDRED " ") "}", ERR_SHARE_REASON_LONG },
		{ "{\"age_over_11\":" R("a") "}", ERR_SHARE_AGE_GATE },
		{ "{\"age_over_131\":" R("a") "}", ERR_SHARE_AGE_GATE },
		{ "{\"age_over_abc\":" R("a") "}", ERR_SHARE_AGE_GATE },
		{ "{\"age_over_\":" R("a") "}", ERR_SHARE_AGE_GATE },
		{ "{\"age_over_-18\":" R("a") "}", ERR_SHARE_AGE_GATE },
		{ "{\"age_over_18.5\":" R("a") "}", ERR_SHARE_AGE_GATE },
		{ "{\"age_over_1000018\":" R("a") "}", ERR_SHARE_AGE_GATE },
		{ "{\"age_over_18\":" R("a") ",\"age_over_21\":" R("a") "}", ERR_SHARE_AGE_GATES },
		{ "{\"shoe_size\":" R("a") "}", ERR_SHARE_CLAIM_UNKNOWN },
		{ "{\"Family_Name\":" R("a") "}", ERR_SHARE_CLAIM_UNKNOWN },
		{ "{\"\":" R("a") "}", ERR_SHARE_CLAIM_UNKNOWN },
		/* The first fault of an entry, and the first entry with one. */
		{ "{\"shoe_size\":{\"required\":true}}", ERR_SHARE_REASON_MISSING },
		{ "{\"shoe_size\":" R("a") ",\"family_name\":{}}", ERR_SHARE_CLAIM_UNKNOWN },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		const char *text = "untouched";
		enum err err = make(rows[i].share, &text);

		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].share, err_name(err));
		assert_string_equal(text, "untouched");
	}
}

/* More than 32 are too many before anybody looks at what they are. */
static void test_too_many(void **state UNUSED)
{
	const char *text = NULL;
	json_t *fields = json_object();
	char claim[16];

	for (int i = 0; i < 32; i++) {
		snprintf(claim, sizeof(claim), "claim_%d", i);
		json_object_set_new(fields, claim, json_true());
	}
	assert_int_equal(share_contract_make(&ctx, fields, &text), ERR_SHARE_FIELDS);
	json_object_set_new(fields, "one_more", json_true());
	assert_int_equal(share_contract_make(&ctx, fields, &text), ERR_SHARE_TOO_MANY);
	json_decref(fields);
}

/* Nothing said: every static claim, none of them required but the document's name. */
static void test_default(void **state UNUSED)
{
	static const char *const sorted[] = { "date_of_birth", "document_expiry_date",
		"document_number", "document_photo", "document_type_code", "family_name",
		"given_names", "issuing_country_code", "kayle_document_id", "kayle_human_id",
		"mrz_optional_data", "nationality_code", "sex_marker" };
	struct share_field *fields = NULL;
	const char *text = NULL;
	size_t count = 0;

	assert_int_equal(make(NULL, &text), ERR_OK);
	assert_non_null(strstr(text, "\"source\":\"default\""));
	assert_null(strstr(text, "\"rc\""));
	assert_int_equal(share_contract_read(&ctx, text, &fields, &count), ERR_OK);
	assert_int_equal(count, countof(sorted));
	for (size_t i = 0; i < count; i++) {
		char reason[64];
		assert_string_equal(fields[i].claim, sorted[i]);
		assert_int_equal(fields[i].required, strcmp(sorted[i], "kayle_document_id") == 0);
		snprintf(reason, sizeof(reason), "Sharing \"%s\"", fields[i].label);
		assert_string_equal(fields[i].reason, reason);
	}
	assert_string_equal(fields[0].label, "Date of Birth");
	assert_string_equal(fields[10].label, "MRZ Optional Data");
}

static void test_read_again(void **state UNUSED)
{
	struct share_field *fields = NULL;
	const char *text = NULL;
	size_t count = 0;

	assert_int_equal(make("{\"age_over_18\":" O("x \\\"y\\\" \\u0001") "}", &text), ERR_OK);
	assert_int_equal(share_contract_read(&ctx, text, &fields, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_string_equal(fields[0].claim, "age_over_18");
	assert_string_equal(fields[0].label, "Age Over 18");
	assert_string_equal(fields[0].reason, "x \"y\"");
	assert_false(fields[0].required);
	assert_true(fields[1].required);
	assert_int_equal(share_contract_read(&ctx, "[]", &fields, &count), ERR_DB_BROKEN);
	assert_int_equal(share_contract_read(&ctx, "{", &fields, &count), ERR_DB_BROKEN);
	assert_int_equal(share_contract_read(&ctx, "{\"a\":{}}", &fields, &count), ERR_DB_BROKEN);
}

static void test_age_gates(void **state UNUSED)
{
	assert_int_equal(share_age_gate("age_over_12"), 12);
	assert_int_equal(share_age_gate("age_over_130"), 130);
	assert_int_equal(share_age_gate("age_over_018"), 18);
	assert_int_equal(share_age_gate("age_over_0018"), 0);
	assert_int_equal(share_age_gate("age_over_11"), 0);
	assert_int_equal(share_age_gate("age_under_18"), 0);
}

static int set_up(void **state UNUSED)
{
	arena_reset(ctx.arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_normalised, set_up),
		cmocka_unit_test_setup(test_faults, set_up),
		cmocka_unit_test_setup(test_too_many, set_up),
		cmocka_unit_test_setup(test_default, set_up),
		cmocka_unit_test_setup(test_read_again, set_up),
		cmocka_unit_test_setup(test_age_gates, set_up),
	};

	if (arena_new(1 << 20, &ctx.arena) != ERR_OK)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&ctx.arena);
	return failed;
}
