/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score.h owns the score (contract/kyc.md, Score): an integer 0 to 1000 from features that name
 * nobody (id type weight, country band, match quality, age band, time), its band, and keeping it.
 */
#ifndef BONAFIDE_SCORE_H
#define BONAFIDE_SCORE_H

#include "base.h"
#include "ctx.h"

/* The features. */
struct score_input {
	enum ver_status status; /* terminal */
	int64_t id_type_weight; /* 0 to 100, catalogue */
	const char *country;
	int64_t match_name; /* percent; DB_NULL unknown */
	enum match match_dob;
	const char *age_band; /* "18-24" …; NULL unknown */
	int64_t decided_at_ms;
};

struct score_value {
	int64_t score; /* 0 to 1000 */
	enum score_band band;
	int64_t confidence_percent;
	const char *features; /* words, space-separated; static or in the arena given */
	const char *flags;
};

/* Pure arithmetic, the same input always giving the same value. */
void score_compute(
    const struct score_input *input, struct arena *arena, struct score_value *ret_value);

/* Every word that features and flags can hold, for the document. */
extern const struct word_list score_feature_words;
extern const struct word_list score_flag_words;

const char *score_band_description(enum score_band band);
const char *score_model_version(void);

/* "under18", "18-24", "25-34", … of a date of birth at a time; static text; NULL if not a date. */
const char *score_age_band(const char *date_of_birth, int64_t at_ms);

struct score {
	struct uuid id;
	struct score_value value;
	const char *model_version;
	int64_t computed_at_ms;
};

/*
 * The score of one of this tenant's finished verifications: the kept one, or computed now,
 * kept, charged as one usage event and paid for, inside the caller's transaction.
 * ERR_VERIFICATION_NOT_FOUND; ERR_STATE while it is pending; as token_take().
 */
enum err score_get(
    struct ctx *ctx, struct uuid verification_id, struct score *ret_score) MUST_CHECK;

/* For verification_decide(): computes and keeps the score with its usage event; tokens: what was
 * paid for it when the verification was taken in. */
enum err score_keep(struct ctx *ctx, struct uuid application_id, enum environment environment,
    struct uuid verification_id, const struct score_input *input, int64_t tokens,
    int64_t *ret_score) MUST_CHECK;

#endif
