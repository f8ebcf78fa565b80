/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_session_claims.c: what a business is told of a person: only what was verified, only what was
 * consented to, and never less than it insisted on. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "iso_country.h"
#include "session_claims.h"
#include "session_share.h"
#include "str.h"
#include "unicode.h"

#define NOW_MS INT64_C(1777629000000) /* 2026-05-01T09:50:00Z */
#define ALL \
	"age_over_18 date_of_birth document_expiry_date document_id document_number document_photo " \
	"document_type_code family_name given_names issuing_country_code kayle_document_id " \
	"kayle_human_id mrz_optional_data nationality_code sex_marker"

static struct claim_facts facts;

static void ask(const char *share)
{
	json_t *fields = NULL;

	assert_int_equal(json_read(share, strlen(share), &fields, NULL), ERR_OK);
	assert_int_equal(share_contract_make(&ctx, fields, &facts.share_fields), ERR_OK);
	json_decref(fields);
}

/* Asks for these claims, none of them required. */
static void ask_optional(const char *words)
{
	struct buf text;

	buf_init(&text, 8192);
	buf_addc(&text, '{');
	while (*words != '\0') {
		size_t len = strcspn(words, " ");
		buf_printf(&text, "%s\"%.*s\":{\"required\":false,\"reason\":\"r\"}",
		    text.len > 1 ? "," : "", (int)len, words);
		words += len + (words[len] == ' ');
	}
	buf_addc(&text, '}');
	ask(buf_str(&text));
	buf_free(&text);
}

static json_t *claims(bool *ret_missing)
{
	json_t *data = NULL;

	assert_int_equal(claims_make(&ctx, &facts, &data, ret_missing), ERR_OK);
	return data;
}

/* One claim's value, "null", "true" or "false" for those. */
static const char *value_of(const json_t *data, const char *claim)
{
	const json_t *value = json_object_get(json_object_get(data, "claims"), claim);

	assert_non_null(value);
	if (json_is_string(value))
		return json_string_value(value);
	return json_is_null(value) ? "null" : json_is_true(value) ? "true" : "false";
}

static int set_up(void **state)
{
	core_set_up(state);
	facts = (struct claim_facts){ .organization_id = ctx.actor.organization_id,
		.selected = ALL,
		.country = "SN",
		.id_type = "national_id",
		.applicant = { .id_number = "1234567890123",
		    .first_name = "Amara",
		    .middle_name = "Zoé Straße",
		    .last_name = "Diallo-Ñgom",
		    .date_of_birth = "1990-05-15",
		    .gender = "F" },
		.match_dob = MATCH_EXACT,
		.decided_at_ms = NOW_MS };
	return 0;
}

static void test_values(void **state UNUSED)
{
	static const struct {
		const char *claim, *value;
	} rows[] = {
		{ "age_over_18", "true" },
		{ "date_of_birth", "1990-05-15" },
		{ "document_expiry_date", "null" },
		{ "document_number", "1234567890123" },
		{ "document_photo", "null" },
		{ "document_type_code", "I" },
		{ "family_name", "DIALLO-ÑGOM" },
		{ "given_names", "AMARA ZOÉ STRASSE" },
		{ "issuing_country_code", "SEN" },
		{ "kayle_human_id", "null" },
		{ "mrz_optional_data", "null" },
		{ "nationality_code", "null" },
		/* Nobody compares it, so nobody has verified it. */
		{ "sex_marker", "null" },
	};
	bool missing = true;

	ask_optional(ALL);
	json_t *data = claims(&missing);
	for (size_t i = 0; i < countof(rows); i++)
		assert_string_equal(value_of(data, rows[i].claim), rows[i].value);
	assert_string_equal(value_of(data, "document_id"), value_of(data, "kayle_document_id"));
	assert_false(missing);
	json_decref(data);
	facts.id_type = "passport";
	facts.applicant.middle_name = NULL;
	data = claims(&missing);
	assert_string_equal(value_of(data, "document_type_code"), "P");
	assert_string_equal(value_of(data, "given_names"), "AMARA");
	json_decref(data);
}

/* Every claim asked for is there, declined or not; the keys are those consented to, sorted. */
static void test_consent(void **state UNUSED)
{
	bool missing = true;

	ask_optional("given_names family_name document_number");
	facts.selected = "family_name kayle_document_id";
	json_t *data = claims(&missing);
	const json_t *keys = json_object_get(data, "selected_field_keys");
	assert_int_equal(json_object_size(json_object_get(data, "claims")), 4);
	assert_string_equal(value_of(data, "family_name"), "DIALLO-ÑGOM");
	assert_string_equal(value_of(data, "given_names"), "null");
	assert_string_equal(value_of(data, "document_number"), "null");
	assert_int_equal(strlen(value_of(data, "kayle_document_id")), 64);
	assert_int_equal(json_array_size(keys), 2);
	assert_string_equal(json_string_value(json_array_get(keys, 0)), "family_name");
	assert_string_equal(json_string_value(json_array_get(keys, 1)), "kayle_document_id");
	assert_false(missing);
	json_decref(data);
}

/* A date that the register does not confirm to the day is no date, and no age. */
static void test_date_not_verified(void **state UNUSED)
{
	static const enum match unsure[] = { MATCH_UNKNOWN, MATCH_PARTIAL, MATCH_NONE,
		MATCH_NOT_PROVIDED };

	for (size_t i = 0; i < countof(unsure); i++) {
		bool missing = true;
		facts.match_dob = unsure[i];
		ask_optional("date_of_birth age_over_18");
		json_t *data = claims(&missing);
		assert_string_equal(value_of(data, "date_of_birth"), "null");
		assert_string_equal(value_of(data, "age_over_18"), "null");
		assert_false(missing);
		assert_int_equal(claims_age(&facts), -1);
		json_decref(data);
		ask("{\"age_over_18\":{\"required\":true,\"reason\":\"r\"}}");
		data = claims(&missing);
		assert_true(missing);
		json_decref(data);
	}
}

static void test_ages(void **state UNUSED)
{
	static const struct {
		const char *birth, *claim, *value;
	} rows[] = {
		{ "2008-05-01", "age_over_18", "true" },
		{ "2008-05-02", "age_over_18", "false" },
		{ "2008-05-01", "age_over_19", "false" },
		{ "1896-05-01", "age_over_130", "true" },
		{ "2014-05-01", "age_over_12", "true" },
		{ "2008-02-29", "age_over_018", "true" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		bool missing = true;
		facts.applicant.date_of_birth = rows[i].birth;
		facts.selected = rows[i].claim;
		ask_optional(rows[i].claim);
		facts.selected = arena_printf(ctx.arena, "%s kayle_document_id", rows[i].claim);
		json_t *data = claims(&missing);
		assert_string_equal(value_of(data, rows[i].claim), rows[i].value);
		/* Being too young is an answer, not a missing one. */
		assert_false(missing);
		json_decref(data);
	}
}

/* What is required and has no value fails the attempt; whether declined or never known. */
static void test_required(void **state UNUSED)
{
	static const struct {
		const char *claim;
		bool missing;
	} rows[] = { { "family_name", false }, { "document_number", false },
		{ "issuing_country_code", false }, { "nationality_code", true },
		{ "document_expiry_date", true }, { "sex_marker", true } };

	for (size_t i = 0; i < countof(rows); i++) {
		bool missing = !rows[i].missing;
		ask(arena_printf(
		    ctx.arena, "{\"%s\":{\"required\":true,\"reason\":\"r\"}}", rows[i].claim));
		json_decref(claims(&missing));
		assert_int_equal(missing, rows[i].missing);
	}
	bool missing = false;
	facts.country = "XX";
	ask("{\"issuing_country_code\":{\"required\":true,\"reason\":\"r\"}}");
	json_decref(claims(&missing));
	assert_true(missing);
}

static const char *document_id(void)
{
	const char *id = NULL;

	assert_int_equal(claims_document_id(&ctx, &facts, &id), ERR_OK);
	assert_int_equal(strlen(id), 64);
	assert_int_equal(strspn(id, "0123456789abcdef"), 64);
	return id;
}

static void test_document_id(void **state UNUSED)
{
	char org[UUID_TEXT_SIZE], hex[65];
	uint8_t mac[SHA256_SIZE];
	const char *id = document_id();
	const char *text;

	uuid_text(facts.organization_id, org);
	text = arena_printf(ctx.arena, "%s|SEN|NATIONAL_ID|1234567890123", org);
	assert_int_equal(pepper_mac(ctx.keyring, PEPPER_DOCUMENT, text, strlen(text), mac), ERR_OK);
	hex_encode(mac, sizeof(mac), hex);
	assert_string_equal(id, hex);
	facts.applicant.id_number = " 123 4567\t890123 ";
	assert_string_equal(document_id(), id);
	facts.applicant.id_number = "ab12";
	const char *lower = document_id();
	facts.applicant.id_number = "AB12";
	assert_string_equal(document_id(), lower);
	assert_string_not_equal(lower, id);
	/* Somebody else's name for it is another one; so is another kind or country of document. */
	facts.organization_id.b[15] ^= 1;
	assert_string_not_equal(document_id(), lower);
	facts.organization_id.b[15] ^= 1;
	facts.id_type = "passport";
	assert_string_not_equal(document_id(), lower);
	facts.id_type = "national_id";
	facts.country = "NG";
	assert_string_not_equal(document_id(), lower);
}

static void test_countries(void **state UNUSED)
{
	static const char *const rows[][2] = { { "AD", "AND" }, { "CI", "CIV" }, { "GH", "GHA" },
		{ "KE", "KEN" }, { "MA", "MAR" }, { "NG", "NGA" }, { "SN", "SEN" }, { "UG", "UGA" },
		{ "ZA", "ZAF" }, { "ZM", "ZMB" }, { "ZW", "ZWE" }, { "GB", "GBR" } };
	const char *seen[26 * 26];
	size_t count = 0;

	for (size_t i = 0; i < countof(rows); i++)
		assert_string_equal(iso_country_alpha3(rows[i][0]), rows[i][1]);
	assert_null(iso_country_alpha3("XX"));
	assert_null(iso_country_alpha3("sn"));
	assert_null(iso_country_alpha3(""));
	assert_null(iso_country_alpha3("SEN"));
	/* All of them, each once; the search depends on their order. */
	for (int i = 0; i < 26 * 26; i++) {
		char code[3] = { (char)('A' + i / 26), (char)('A' + i % 26), '\0' };
		const char *found = iso_country_alpha3(code);
		if (found == NULL)
			continue;
		assert_int_equal(strspn(found, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 3);
		for (size_t j = 0; j < count; j++)
			assert_string_not_equal(seen[j], found);
		seen[count++] = found;
	}
	assert_int_equal(count, 249);
}

static void test_capitals(void **state UNUSED)
{
	const char *upper = NULL;

	assert_int_equal(unicode_upper("ñandú ǆ ﬁ \xf0\x90\x90\xa8", ctx.arena, &upper), ERR_OK);
	assert_string_equal(upper, "ÑANDÚ Ǆ FI \xf0\x90\x90\x80");
	assert_int_equal(unicode_upper("", ctx.arena, &upper), ERR_OK);
	assert_string_equal(upper, "");
	assert_int_equal(unicode_upper("\xff", ctx.arena, &upper), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_values, set_up),
		cmocka_unit_test_setup(test_consent, set_up),
		cmocka_unit_test_setup(test_date_not_verified, set_up),
		cmocka_unit_test_setup(test_ages, set_up),
		cmocka_unit_test_setup(test_required, set_up),
		cmocka_unit_test_setup(test_document_id, set_up),
		cmocka_unit_test_setup(test_countries, set_up),
		cmocka_unit_test_setup(test_capitals, set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
