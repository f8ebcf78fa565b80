/* SPDX-License-Identifier: Apache-2.0 */
/* t_score.c: the score's arithmetic, its bands, and ages at their birthdays. */
#include "base.h"
#include "arena.h"
#include "db.h"
#include "score.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define FRIDAY_MS INT64_C(1777631400000) /* 2026-05-01T10:30:00Z */
#define MAY_1_MS INT64_C(1777593600000)  /* 2026-05-01T00:00:00Z */
#define HOUR_MS 3600000
#define DAY_MS 86400000
#define ALL_FEATURES \
	"id_type_weight country_risk_band match_quality age_band verification_timestamp " \
	"day_of_week hour_of_day"

static struct score_value compute(struct arena *arena, struct score_input input)
{
	struct score_value value;

	memset(&value, 0x77, sizeof(value));
	score_compute(&input, arena, &value);
	return value;
}

static struct arena *must_arena(void)
{
	struct arena *arena = NULL;

	assert_int_equal(arena_new(65536, &arena), ERR_OK);
	return arena;
}

/* Worked out by hand: the parts add up to 1000 at most, 450 for being approved, 200 for the name,
 * 100 for the date of birth, 150 for the document, 60 for the country, 40 for the age. */
static void test_values(void **state UNUSED)
{
	static const struct {
		struct score_input input;
		int64_t score;
		enum score_band band;
		int64_t confidence;
		const char *flags;
	} rows[] = {
		/* All there is. */
		{ { VER_APPROVED, 100, "ZA", 100, MATCH_EXACT, "35-49", FRIDAY_MS }, 1000,
		    BAND_PREMIUM, 95, "" },
		/* 450 + 180 + 40 + 135 + 57 + 32. */
		{ { VER_APPROVED, 90, "NG", 90, MATCH_NOT_PROVIDED, "18-24", FRIDAY_MS }, 894,
		    BAND_PREMIUM, 80, "name_partial dob_not_confirmed" },
		/* 450 + 200 + 50 + 120 + 51 + 38. */
		{ { VER_APPROVED, 80, "SN", 100, MATCH_PARTIAL, "25-34", FRIDAY_MS }, 909,
		    BAND_PREMIUM, 80, "dob_not_confirmed" },
		/* 450 + 100 + 0 + 0 + 30 + 20: nothing known but that it was approved. */
		{ { VER_APPROVED, 0, "XX", DB_NULL, MATCH_NONE, NULL, FRIDAY_MS }, 600, BAND_MEDIUM,
		    75, "name_not_compared dob_not_confirmed" },
		/* 450 + 200 + 100 + 0 + 60 + 0. */
		{ { VER_APPROVED, 0, "ZA", 100, MATCH_EXACT, "under18", FRIDAY_MS }, 810, BAND_HIGH,
		    95, "minor" },
		/* Names count only for somebody the register knows: 150 + 60 + 40. */
		{ { VER_DECLINED, 100, "ZA", 100, MATCH_EXACT, "35-49", FRIDAY_MS }, 250, BAND_LOW,
		    95, "declined" },
		{ { VER_ERROR, 100, "ZA", 100, MATCH_EXACT, "35-49", FRIDAY_MS }, 250, BAND_LOW, 55,
		    "provider_error" },
		{ { VER_DECLINED, 0, "XX", DB_NULL, MATCH_UNKNOWN, NULL, FRIDAY_MS }, 50, BAND_LOW,
		    60, "declined name_not_compared dob_not_confirmed" },
		{ { VER_ERROR, 0, "", DB_NULL, MATCH_UNKNOWN, "?", FRIDAY_MS }, 50, BAND_LOW, 20,
		    "provider_error name_not_compared dob_not_confirmed" },
		/* Saturday before dawn: 30 + 0 - 10 - 5. */
		{ { VER_DECLINED, 0, "XX", 0, MATCH_NONE, "under18", MAY_1_MS + DAY_MS + HOUR_MS },
		    15, BAND_LOW, 95,
		    "declined name_partial dob_not_confirmed minor unusual_hour" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct arena *arena = must_arena();
		struct score_value value = compute(arena, rows[i].input);

		assert_int_equal(value.score, rows[i].score);
		assert_int_equal(value.band, rows[i].band);
		assert_int_equal(value.confidence_percent, rows[i].confidence);
		assert_string_equal(value.flags, rows[i].flags);
		assert_string_equal(value.features, ALL_FEATURES);
		arena_free(&arena);
	}
}

static void test_band_edges(void **state UNUSED)
{
	static const struct {
		struct score_input input;
		int64_t score;
		enum score_band band;
	} rows[] = {
		/* Weights beyond what the catalogue holds, to stand on the edges and outside. */
		{ { VER_DECLINED, 233, "XX", 0, MATCH_NONE, NULL, FRIDAY_MS }, 399, BAND_LOW },
		{ { VER_DECLINED, 220, "XX", 0, MATCH_NONE, "35-49", FRIDAY_MS }, 400,
		    BAND_MEDIUM },
		{ { VER_APPROVED, 2, "XX", 73, MATCH_NONE, NULL, FRIDAY_MS }, 649, BAND_MEDIUM },
		{ { VER_APPROVED, 0, "XX", 75, MATCH_NONE, NULL, FRIDAY_MS }, 650, BAND_HIGH },
		{ { VER_APPROVED, 93, "XX", 99, MATCH_NONE, "18-24", FRIDAY_MS }, 849, BAND_HIGH },
		{ { VER_APPROVED, 100, "XX", 100, MATCH_NONE, NULL, FRIDAY_MS }, 850,
		    BAND_PREMIUM },
		{ { VER_APPROVED, 900, "ZA", 100, MATCH_EXACT, "35-49", FRIDAY_MS }, 1000,
		    BAND_PREMIUM },
		{ { VER_DECLINED, -900, "XX", 0, MATCH_NONE, NULL, FRIDAY_MS }, 0, BAND_LOW },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct arena *arena = must_arena();
		struct score_value value = compute(arena, rows[i].input);

		assert_int_equal(value.score, rows[i].score);
		assert_int_equal(value.band, rows[i].band);
		arena_free(&arena);
	}
}

static const int64_t floors[BAND__MAX] = { 0, 400, 650, 850 };

static void check_one(struct arena *arena, const struct score_input *input)
{
	struct score_value value = compute(arena, *input);
	struct score_value again = compute(arena, *input);

	assert_in_range(value.score, 0, 1000);
	assert_in_range(value.confidence_percent, 0, 100);
	assert_true(value.score >= floors[value.band]);
	assert_true(value.band == BAND_PREMIUM || value.score < floors[value.band + 1]);
	/* Whoever was not approved stays in the lowest band. */
	if (input->status != VER_APPROVED)
		assert_int_equal(value.band, BAND_LOW);
	assert_int_equal(again.score, value.score);
	assert_int_equal(again.band, value.band);
	assert_int_equal(again.confidence_percent, value.confidence_percent);
	assert_string_equal(again.flags, value.flags);
	assert_string_equal(again.features, value.features);
}

/* Every kind of input with every other: in bounds, and twice the same. */
static void test_bounds_and_determinism(void **state UNUSED)
{
	static const enum ver_status statuses[] = { VER_APPROVED, VER_DECLINED, VER_ERROR };
	static const int64_t weights[] = { 0, 1, 50, 99, 100 };
	static const char *const countries[] = { "ZA", "NG", "KE", "GH", "UG", "MA", "SN", "CI",
		"ZM", "ZW", "FR", "" };
	static const int64_t names[] = { DB_NULL, 0, 84, 100 };
	static const char *const ages[] = { NULL, "under18", "18-24", "65+" };
	static const int64_t times[] = { FRIDAY_MS, MAY_1_MS + DAY_MS + 2 * HOUR_MS };
	static const size_t total = countof(statuses) * countof(weights) * countof(countries) *
				    countof(names) * MATCH__MAX * countof(ages) * countof(times);
	struct arena *arena = must_arena();

	for (size_t i = 0; i < total; i++) {
		struct score_input input;
		size_t rest = i;

		input.status = statuses[rest % countof(statuses)];
		rest /= countof(statuses);
		input.id_type_weight = weights[rest % countof(weights)];
		rest /= countof(weights);
		input.country = countries[rest % countof(countries)];
		rest /= countof(countries);
		input.match_name = names[rest % countof(names)];
		rest /= countof(names);
		input.match_dob = (enum match)(rest % MATCH__MAX);
		rest /= MATCH__MAX;
		input.age_band = ages[rest % countof(ages)];
		rest /= countof(ages);
		input.decided_at_ms = times[rest % countof(times)];
		arena_reset(arena);
		check_one(arena, &input);
	}
	arena_free(&arena);
}

/* The hours from one to five, and Saturday and Sunday, by UTC. */
static void test_time_colours(void **state UNUSED)
{
	static const struct {
		int64_t time_ms;
		int64_t lost;
		bool night;
	} rows[] = {
		{ FRIDAY_MS, 0, false },
		{ MAY_1_MS, 0, false },
		{ MAY_1_MS + HOUR_MS - 1, 0, false },
		{ MAY_1_MS + HOUR_MS, 10, true },
		{ MAY_1_MS + 5 * HOUR_MS - 1, 10, true },
		{ MAY_1_MS + 5 * HOUR_MS, 0, false },
		{ MAY_1_MS + DAY_MS - 1, 0, false },
		{ MAY_1_MS + DAY_MS, 5, false },
		{ MAY_1_MS + DAY_MS + 2 * HOUR_MS, 15, true },
		{ MAY_1_MS + 3 * DAY_MS - 1, 5, false },
		{ MAY_1_MS + 3 * DAY_MS, 0, false },
		{ 0, 0, false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct arena *arena = must_arena();
		struct score_value value =
		    compute(arena, (struct score_input){ VER_APPROVED, 100, "ZA", 100, MATCH_EXACT,
				       "35-49", rows[i].time_ms });

		assert_int_equal(value.score, 1000 - rows[i].lost);
		assert_string_equal(value.flags, rows[i].night ? "unusual_hour" : "");
		arena_free(&arena);
	}
}

static void test_age_bands(void **state UNUSED)
{
	static const struct {
		const char *born;
		const char *band;
	} rows[] = {
		{ "2026-05-01", "under18" },
		{ "2008-05-02", "under18" },
		{ "2008-05-01", "18-24" },
		{ "2001-05-02", "18-24" },
		{ "2001-05-01", "25-34" },
		{ "1991-05-02", "25-34" },
		{ "1991-05-01", "35-49" },
		{ "1976-05-02", "35-49" },
		{ "1976-05-01", "50-64" },
		{ "1961-05-02", "50-64" },
		{ "1961-05-01", "65+" },
		{ "1900-01-01", "65+" },
		/* Not born yet, or on no day. */
		{ "2026-05-02", NULL },
		{ "2050-01-01", NULL },
		{ "2001-02-29", NULL },
		{ "2001-13-01", NULL },
		{ "01.05.2001", NULL },
		{ "2001-05-01T00:00:00Z", NULL },
		{ "2001-5-1", NULL },
		{ "Not Available", NULL },
		{ "", NULL },
		{ NULL, NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		const char *band = score_age_band(rows[i].born, FRIDAY_MS);

		if (rows[i].band == NULL)
			assert_null(band);
		else
			assert_string_equal(band, rows[i].band);
	}
}

/* The day begins at midnight in UTC; who was born on a leap day waits for March. */
static void test_birthdays(void **state UNUSED)
{
	static const struct {
		const char *born;
		int64_t at_ms;
		const char *band;
	} rows[] = {
		{ "2008-05-02", MAY_1_MS + DAY_MS - 1, "under18" },
		{ "2008-05-02", MAY_1_MS + DAY_MS, "18-24" },
		{ "2008-02-29", INT64_C(1772323200000) - 1, "under18" }, /* 2026-02-28 */
		{ "2008-02-29", INT64_C(1772323200000), "18-24" },       /* 2026-03-01 */
		{ "2008-02-28", INT64_C(1772280000000), "18-24" },       /* 2026-02-28 */
		{ "2008-03-01", INT64_C(1772280000000), "under18" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		assert_string_equal(score_age_band(rows[i].born, rows[i].at_ms), rows[i].band);
}

static void check_words(const struct word_list *list, const char *const *words, size_t count)
{
	assert_int_equal(list->count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(list->words[i], words[i]);
}

/* What the document promises that features and flags can hold. */
static void test_words(void **state UNUSED)
{
	static const char *const features[] = { "id_type_weight", "country_risk_band",
		"match_quality", "age_band", "verification_timestamp", "day_of_week",
		"hour_of_day" };
	static const char *const flags[] = { "declined", "provider_error", "name_partial",
		"name_not_compared", "dob_not_confirmed", "minor", "unusual_hour" };

	check_words(&score_feature_words, features, countof(features));
	check_words(&score_flag_words, flags, countof(flags));
	assert_string_equal(score_model_version(), "bonafide-1.0.0");
	for (int band = 0; band < BAND__MAX; band++) {
		assert_true(strlen(score_band_description((enum score_band)band)) > 0);
		for (int other = 0; other < band; other++)
			assert_string_not_equal(score_band_description((enum score_band)band),
			    score_band_description((enum score_band)other));
	}
}

/* No memory for the words is seen by the caller, not papered over. */
static void test_without_memory(void **state UNUSED)
{
	struct arena *arena = NULL;
	struct score_value value;

	assert_int_equal(arena_new(1, &arena), ERR_OK);
	value = compute(arena,
	    (struct score_input){ VER_DECLINED, 0, "XX", DB_NULL, MATCH_UNKNOWN, NULL, FRIDAY_MS });
	assert_int_equal(value.score, 50);
	assert_null(value.features);
	assert_null(value.flags);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_band_edges),
		cmocka_unit_test(test_bounds_and_determinism),
		cmocka_unit_test(test_time_colours),
		cmocka_unit_test(test_age_bands),
		cmocka_unit_test(test_birthdays),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
