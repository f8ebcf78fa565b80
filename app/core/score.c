/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score.c: the score's arithmetic and its keeping. Whole numbers throughout, so that the same
 * facts give the same score on every machine.
 */
#include "score.h"

#include <string.h>

#include "catalogue.h"
#include "clock.h"
#include "crypt.h"
#include "stmt.h"
#include "token.h"
#include "usage.h"

#define MODEL_VERSION "bonafide-1.0.0"
#define HOUR_MS 3600000
#define DAY_MS 86400000

/* The most each part can give; together 1000. */
#define PART_OUTCOME 450
#define PART_NAME 200
#define PART_DOB 100
#define PART_DOCUMENT 150
#define PART_COUNTRY 60
#define PART_AGE 40

static const char *const feature_words[] = { "id_type_weight", "country_risk_band", "match_quality",
	"age_band", "verification_timestamp", "day_of_week", "hour_of_day" };
const struct word_list score_feature_words = { "ScoreFeature", countof(feature_words),
	feature_words };

enum flag { FLAG_DECLINED, FLAG_ERROR, FLAG_NAME, FLAG_NO_NAME, FLAG_DOB, FLAG_AGE, FLAG_NIGHT };
static const char *const flag_words[] = {
	[FLAG_DECLINED] = "declined",
	[FLAG_ERROR] = "provider_error",
	[FLAG_NAME] = "name_partial",
	[FLAG_NO_NAME] = "name_not_compared",
	[FLAG_DOB] = "dob_not_confirmed",
	[FLAG_AGE] = "minor",
	[FLAG_NIGHT] = "unusual_hour",
};
const struct word_list score_flag_words = { "ScoreFlag", countof(flag_words), flag_words };

static const char *const band_descriptions[BAND__MAX] = {
	[BAND_LOW] = "Little supports this identity.",
	[BAND_MEDIUM] = "Some evidence supports this identity.",
	[BAND_HIGH] = "Good evidence supports this identity.",
	[BAND_PREMIUM] = "Strong evidence supports this identity.",
};

/* Bands begin at these scores. */
static const int64_t band_floors[BAND__MAX] = {
	[BAND_LOW] = 0, [BAND_MEDIUM] = 400, [BAND_HIGH] = 650, [BAND_PREMIUM] = 850
};

/* How far a country's registers can be checked by number, 0 to 100; others 50. */
static const struct {
	const char *country;
	int64_t percent;
} countries[] = { { "ZA", 100 }, { "NG", 95 }, { "KE", 95 }, { "GH", 90 }, { "UG", 85 },
	{ "MA", 85 }, { "SN", 85 }, { "CI", 80 }, { "ZM", 75 }, { "ZW", 75 } };

static const struct {
	int from_years;
	const char *band;
	int64_t percent;
} ages[] = { { 65, "65+", 80 }, { 50, "50-64", 95 }, { 35, "35-49", 100 }, { 25, "25-34", 95 },
	{ 18, "18-24", 80 }, { 0, "under18", 0 } };

const char *score_model_version(void)
{
	return MODEL_VERSION;
}

const char *score_band_description(enum score_band band)
{
	return band_descriptions[band];
}

const char *score_age_band(const char *date_of_birth, int64_t at_ms)
{
	struct date birth;

	if (date_of_birth == NULL || date_parse(date_of_birth, &birth) != ERR_OK)
		return NULL;
	int years = date_years_between(birth, date_of(at_ms));
	for (size_t i = 0; i < countof(ages); i++) {
		if (years >= ages[i].from_years)
			return ages[i].band;
	}
	return NULL;
}

static int64_t country_percent(const char *country)
{
	for (size_t i = 0; i < countof(countries); i++) {
		if (strcmp(countries[i].country, country) == 0)
			return countries[i].percent;
	}
	return 50;
}

static int64_t age_percent(const char *band)
{
	for (size_t i = 0; band != NULL && i < countof(ages); i++) {
		if (strcmp(ages[i].band, band) == 0)
			return ages[i].percent;
	}
	return 50;
}

static int64_t dob_percent(enum match match)
{
	static const int64_t percent[MATCH__MAX] = { [MATCH_UNKNOWN] = 40,
		[MATCH_EXACT] = 100,
		[MATCH_PARTIAL] = 50,
		[MATCH_NONE] = 0,
		[MATCH_NOT_PROVIDED] = 40 };

	return percent[match];
}

/* Monday is 0; 1970-01-01 was a Thursday. */
static int64_t weekday_of(int64_t time_ms)
{
	return (time_ms / DAY_MS + 3) % 7;
}

static int64_t hour_of(int64_t time_ms)
{
	return time_ms % DAY_MS / HOUR_MS;
}

static bool is_night(int64_t time_ms)
{
	return hour_of(time_ms) >= 1 && hour_of(time_ms) < 5;
}

static unsigned flags_of(const struct score_input *in)
{
	unsigned flags = 0;

	flags |= in->status == VER_DECLINED ? 1u << FLAG_DECLINED : 0;
	flags |= in->status == VER_ERROR ? 1u << FLAG_ERROR : 0;
	flags |= in->match_name == DB_NULL ? 1u << FLAG_NO_NAME : 0;
	flags |= in->match_name != DB_NULL && in->match_name < 100 ? 1u << FLAG_NAME : 0;
	flags |= in->match_dob != MATCH_EXACT ? 1u << FLAG_DOB : 0;
	flags |= in->age_band != NULL && strcmp(in->age_band, "under18") == 0 ? 1u << FLAG_AGE : 0;
	flags |= is_night(in->decided_at_ms) ? 1u << FLAG_NIGHT : 0;
	return flags;
}

static const char *join_words(
    struct arena *arena, const char *const *words, size_t count, unsigned chosen)
{
	struct buf text;

	buf_init(&text, 512);
	for (size_t i = 0; i < count; i++) {
		if ((chosen & 1u << i) != 0)
			buf_printf(&text, "%s%s", text.len == 0 ? "" : " ", words[i]);
	}
	const char *joined = arena_strdup(arena, buf_str(&text));
	buf_free(&text);
	return joined;
}

static enum score_band band_of(int64_t score)
{
	enum score_band band = BAND_LOW;

	for (size_t i = 0; i < BAND__MAX; i++) {
		if (score >= band_floors[i])
			band = (enum score_band)i;
	}
	return band;
}

/* Night hours and weekends cost a little: a time of day proves nothing, it only colours. */
static int64_t time_penalty(int64_t time_ms)
{
	return (is_night(time_ms) ? 10 : 0) + (weekday_of(time_ms) >= 5 ? 5 : 0);
}

void score_compute(
    const struct score_input *input, struct arena *arena, struct score_value *ret_value)
{
	int64_t name = input->match_name == DB_NULL ? 50 : input->match_name;
	int64_t score = PART_DOCUMENT * input->id_type_weight / 100 +
			PART_COUNTRY * country_percent(input->country) / 100 +
			PART_AGE * age_percent(input->age_band) / 100;
	/* Evidence about names counts only for somebody the register knows. */
	if (input->status == VER_APPROVED)
		score += PART_OUTCOME + PART_NAME * name / 100 +
			 PART_DOB * dob_percent(input->match_dob) / 100;
	score -= time_penalty(input->decided_at_ms);
	if (score < 0)
		score = 0;
	int64_t confidence = input->status == VER_ERROR ? 20 : 60;
	confidence += input->match_name == DB_NULL ? 0 : 20;
	confidence += input->match_dob == MATCH_EXACT || input->match_dob == MATCH_NONE ? 15 : 0;
	*ret_value = (struct score_value){ .score = score > 1000 ? 1000 : score,
		.band = band_of(score),
		.confidence_percent = confidence,
		.features = join_words(arena, feature_words, countof(feature_words), ~0u),
		.flags = join_words(arena, flag_words, countof(flag_words), flags_of(input)) };
}

/* ---- keeping ---------------------------------------------------------------------------------------- */

static enum err put_score(struct ctx *ctx, struct uuid application_id, struct uuid verification_id,
    const struct score_value *value, struct score *ret_score)
{
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err != ERR_OK || value->features == NULL || value->flags == NULL)
		return err != ERR_OK ? err : ERR_NOMEM;
	err = q_score_put(ctx->db, application_id, verification_id, id, value->score,
	    score_band_word(value->band), value->confidence_percent, MODEL_VERSION, value->features,
	    value->flags, uuid_time_ms(id));
	if (err == ERR_OK)
		*ret_score = (struct score){ .id = id,
			.value = *value,
			.model_version = MODEL_VERSION,
			.computed_at_ms = uuid_time_ms(id) };
	return err;
}

static enum err keep(struct ctx *ctx, struct uuid application_id, enum environment environment,
    struct uuid verification_id, const struct score_input *input, int64_t tokens,
    struct score *ret_score)
{
	struct score_value value;

	score_compute(input, ctx->arena, &value);
	enum err err = put_score(ctx, application_id, verification_id, &value, ret_score);
	if (err == ERR_OK)
		err = usage_put(
		    ctx, application_id, environment, USAGE_SCORE, verification_id, tokens);
	return err;
}

enum err score_keep(struct ctx *ctx, struct uuid application_id, enum environment environment,
    struct uuid verification_id, const struct score_input *input, int64_t tokens,
    int64_t *ret_score)
{
	struct score score;
	enum err err =
	    keep(ctx, application_id, environment, verification_id, input, tokens, &score);

	if (err == ERR_OK)
		*ret_score = score.value.score;
	return err;
}

static enum err read_kept(struct ctx *ctx, struct uuid verification_id, struct score *ret_score)
{
	struct row_score_find row;
	struct score score;
	enum err err =
	    q_score_find(ctx->db, ctx->arena, ctx->actor.application_id, verification_id, &row);

	if (err != ERR_OK)
		return err;
	score = (struct score){ .id = row.id,
		.value = { .score = row.score,
		    .confidence_percent = row.confidence,
		    .features = row.features,
		    .flags = row.flags },
		.model_version = row.model_version,
		.computed_at_ms = row.computed_at };
	if (score_band_parse(row.band, &score.value.band) != ERR_OK)
		return ERR_DB_BROKEN;
	*ret_score = score;
	return ERR_OK;
}

/* The facts of a finished verification, as they were when it was decided. */
static enum err input_of(
    struct ctx *ctx, const struct row_verification_facts *row, struct score_input *ret_input)
{
	const struct id_type *type = NULL;
	struct score_input input = { .country = row->country,
		.match_name = row->match_name,
		.match_dob = MATCH_UNKNOWN,
		.age_band = row->age_band,
		.decided_at_ms = row->completed_at,
		.id_type_weight = 50 };

	if (ver_status_parse(row->status, &input.status) != ERR_OK ||
	    (row->match_dob != NULL && match_parse(row->match_dob, &input.match_dob) != ERR_OK))
		return ERR_DB_BROKEN;
	enum err err = catalogue_find(ctx, row->country, row->id_type, &type);
	if (err == ERR_OK)
		input.id_type_weight = type->score_weight;
	else if (err != ERR_UNSUPPORTED_ID_TYPE)
		return err;
	*ret_input = input;
	return input.status == VER_PENDING ? ERR_STATE : ERR_OK;
}

static enum err keep_and_pay(struct ctx *ctx, const struct row_verification_facts *row,
    struct uuid verification_id, struct score *ret_score)
{
	struct uuid application = ctx->actor.application_id;
	enum environment environment;
	struct score_input input;
	enum err err = input_of(ctx, row, &input);

	if (err == ERR_OK)
		err = environment_parse(row->environment, &environment);
	if (err != ERR_OK)
		return err;
	int64_t tokens = token_price(ctx, TOKEN_SCORE, environment);
	err = keep(ctx, application, environment, verification_id, &input, tokens, ret_score);
	if (err == ERR_OK)
		err = q_verification_set_score(
		    ctx->db, ret_score->value.score, application, verification_id);
	return err == ERR_OK ? token_take(ctx, TOKEN_SCORE, verification_id, tokens) : err;
}

enum err score_get(struct ctx *ctx, struct uuid verification_id, struct score *ret_score)
{
	struct uuid application = ctx->actor.application_id;
	const char *seen =
	    ctx->actor.environment == ENV_SANDBOX ? environment_word(ENV_SANDBOX) : NULL;
	struct row_verification_facts row;
	struct score score;
	/* Locks the row, so that two requests at once compute, keep and charge one score. */
	enum err err =
	    q_verification_facts(ctx->db, ctx->arena, application, verification_id, seen, &row);

	if (err != ERR_OK)
		return err == ERR_MISSING ? ERR_VERIFICATION_NOT_FOUND : err;
	err = read_kept(ctx, verification_id, ret_score);
	if (err != ERR_MISSING)
		return err;
	err = keep_and_pay(ctx, &row, verification_id, &score);
	if (err == ERR_OK)
		*ret_score = score;
	return err;
}
