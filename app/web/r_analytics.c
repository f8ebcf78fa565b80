/* SPDX-License-Identifier: Apache-2.0 */
/* r_analytics.c: the figures of verification sessions (reference/kayle.md section 9). */
#include "session.h"

#include "sets.h"
#include "web.h"

#define ROW_FIGURE(object, member, text, words) \
	{ \
		ROW_I64(FIELD_INT, object, member, text), .max = INT64_MAX, .sentence = words \
	}
#define ROW_DATE(object) \
	{ \
		ROW_TEXT(FIELD_DATE, object, date, "date"), .sentence = "The day, UTC." \
	}
#define SUCCESS_WORDS "Those that ended well."
#define FAILURE_WORDS "Those that were decided otherwise."
#define EXPIRED_WORDS "Those that nobody finished in time."
#define CANCELLED_WORDS "Those that were called off."

/* The outcomes as a trend shows them, and all there is. */
#define ROWS_OUTCOMES(object, member) \
	ROW_FIGURE(object, member.success, "success", SUCCESS_WORDS), \
	    ROW_FIGURE(object, member.failure, "failure", FAILURE_WORDS), \
	    ROW_FIGURE(object, member.expired, "expired", EXPIRED_WORDS), \
	    ROW_FIGURE(object, member.cancelled, "cancelled", CANCELLED_WORDS)
#define ROWS_FIGURES(object, member) \
	ROW_FIGURE(object, member.total, "total", "All of them."), \
	    ROW_FIGURE(object, member.active, "active", "Those that have not ended."), \
	    ROWS_OUTCOMES(object, member)

struct day_shown {
	const char *date;
	struct session_figures made;
	struct session_figures running;
};

struct overview_shown {
	struct session_figures summary;
	struct day_shown *days;
	size_t trend_count;
	size_t timeline_count;
};

struct summary_shown {
	struct session_figures figures;
};

static const struct field summary_rows[] = { ROWS_FIGURES(struct summary_shown, figures) };
static const struct field_set summary_item =
    FIELD_SET("SessionSummary", summary_rows, struct summary_shown);

static const struct field trend_rows[] = { ROW_DATE(struct day_shown),
	ROWS_OUTCOMES(struct day_shown, made) };
static const struct field_set trend_item = FIELD_SET("SessionTrend", trend_rows, struct day_shown);

static const struct field timeline_rows[] = { ROW_DATE(struct day_shown),
	ROWS_FIGURES(struct day_shown, running) };
static const struct field_set timeline_item =
    FIELD_SET("SessionTimeline", timeline_rows, struct day_shown);

static const struct field overview_rows[] = {
	{ ROW_OBJECT(struct overview_shown, summary, &summary_item, "summary"),
	    .sentence = "Of all time." },
	{ ROW_OBJECTS(struct overview_shown, days, trend_count, &trend_item, "trend"),
	    .sentence = "How those ended that were made on each of the last 14 days, oldest "
			"first." },
	{ ROW_OBJECTS(struct overview_shown, days, timeline_count, &timeline_item, "timeline"),
	    .sentence = "The same days, summed up from the first of them." },
};
const struct field_set overview_item =
    FIELD_SET("SessionsOverview", overview_rows, struct overview_shown);

enum err overview_show(struct web *web)
{
	struct session_overview overview;
	struct day_shown days[SESSION_TREND_DAYS];
	enum err err = session_overview(&web->ctx, &overview);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < countof(days); i++)
		days[i] = (struct day_shown){ .date = overview.days[i].date,
			.made = overview.days[i].made,
			.running = overview.days[i].running };
	struct overview_shown shown = { .summary = overview.summary,
		.days = days,
		.trend_count = countof(days),
		.timeline_count = countof(days) };
	return reply_object(web, &shown);
}
