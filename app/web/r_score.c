/* SPDX-License-Identifier: Apache-2.0 */
/* r_score.c: the score route of family kyc; this object is in camel case, as its service has it. */
#include "score.h"

#include "sets.h"
#include "web.h"

struct score_ask {
	const char *verification_id; /* text: a malformed one is a 404 like an unknown one */
};

static const struct field ask_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct score_ask, verification_id, "verificationId"),
	    .flags = FIELD_REQUIRED, .min = 1, .max = 64,
	    .sentence = "A finished verification of yours.",
	    .example = "\"ver_01h455vb4pex5vsknk084sn02q\"" },
};
const struct field_set score_request = FIELD_SET("ScoreRequest", ask_rows, struct score_ask);

struct score_shown {
	struct uuid id;
	int64_t score;
	const char *band;
	const char *description;
	int64_t confidence_percent;
	const char *model_version;
	int64_t computed_at_ms;
	const char *features;
	const char *flags;
};

static const struct field shown_rows[] = {
	{ ROW_ID(ID_SCORE, struct score_shown, id, "scoreId"), .sentence = "The score." },
	{ ROW_I64(FIELD_INT, struct score_shown, score, "score"), .min = 0, .max = 1000,
	    .sentence = "The higher, the better.", .example = "742" },
	{ ROW_TEXT(FIELD_WORD, struct score_shown, band, "band"), .words = &score_band_words,
	    .sentence = "What range the score is in.", .example = "\"high\"" },
	{ ROW_TEXT(FIELD_TEXT, struct score_shown, description, "bandDescription"),
	    .sentence = "The band in words.",
	    .example = "\"Good evidence supports this identity.\"" },
	{ ROW_I64(FIELD_RATIO, struct score_shown, confidence_percent, "confidence"),
	    .sentence = "How much of what it looks at was known.", .example = "0.85" },
	{ ROW_TEXT(FIELD_TEXT, struct score_shown, model_version, "modelVersion"),
	    .sentence = "How it was computed.", .example = "\"bonafide-1.0.0\"" },
	{ ROW_I64(FIELD_TIME, struct score_shown, computed_at_ms, "computedAt"),
	    .sentence = "When." },
	{ ROW_TEXT(FIELD_WORDS, struct score_shown, features, "featuresUsed"),
	    .words = &score_feature_words, .sentence = "What it looked at; nothing personal." },
	{ ROW_TEXT(FIELD_WORDS, struct score_shown, flags, "flags"), .words = &score_flag_words,
	    .sentence = "What to look at with care.", .example = "[]" },
};
const struct field_set score_reply = FIELD_SET("Score", shown_rows, struct score_shown);

enum err score_show(struct web *web)
{
	const struct score_ask *ask = WEB_INPUT(web, struct score_ask);
	struct score score;
	struct uuid id;

	if (id_parse(ID_VERIFICATION, ask->verification_id, &id) != ERR_OK)
		return ERR_VERIFICATION_NOT_FOUND;
	enum err err = score_get(&web->ctx, id, &score);
	if (err == ERR_STATE)
		return web_complain(web, "verificationId",
		    "is still pending; a score needs a finished verification");
	if (err != ERR_OK)
		return err;
	struct score_shown shown = { .id = score.id,
		.score = score.value.score,
		.band = score_band_word(score.value.band),
		.description = score_band_description(score.value.band),
		.confidence_percent = score.value.confidence_percent,
		.model_version = score.model_version,
		.computed_at_ms = score.computed_at_ms,
		.features = score.value.features,
		.flags = score.value.flags };
	return reply_object(web, &shown);
}
