/* SPDX-License-Identifier: Apache-2.0 */
/* r_usage.c: the usage list of family kyc. */
#include "usage.h"

#include "clock.h"
#include "sets.h"
#include "web.h"

static const struct field query_rows[] = {
	{ ROW_I64(FIELD_INT, struct usage_filter, limit, "limit"), .min = 1, .max = LIMIT_PAGE,
	    .initial = LIMIT_PAGE_DEFAULT, .sentence = "Results per page." },
	{ ROW_TEXT(FIELD_TEXT, struct usage_filter, cursor, "cursor"), .min = 1,
	    .max = LIMIT_CURSOR, .sentence = "next_cursor of the page before." },
	{ ROW_I64(FIELD_TIME, struct usage_filter, from_ms, "from"),
	    .sentence = "Only events of this time or later.", .example = "\"2026-05-01\"" },
	{ ROW_I64(FIELD_TIME, struct usage_filter, to_ms, "to"), .flags = FIELD_DAY_END,
	    .sentence = "Only events of this time or earlier; a date means its whole day.",
	    .example = "\"2026-05-31\"" },
};
const struct field_set usage_query = FIELD_SET("UsageQuery", query_rows, struct usage_filter);

static const struct field item_rows[] = {
	{ ROW_ID(ID_USAGE, struct usage_item, id, "id"), .sentence = "The usage event." },
	{ ROW_TEXT(FIELD_WORD, struct usage_item, event_type, "event_type"),
	    .words = &usage_type_words, .sentence = "What was used." },
	{ ROW_ID(ID_VERIFICATION, struct usage_item, verification_id, "verification_id"),
	    .flags = FIELD_NULLABLE, .sentence = "What it was used for.",
	    .example = "\"ver_01h455vb4pex5vsknk084sn02q\"" },
	{ ROW_TEXT(FIELD_WORD, struct usage_item, environment, "environment"),
	    .words = &environment_words, .sentence = "Sandbox use is free." },
	{ ROW_I64(FIELD_TIME, struct usage_item, created_at_ms, "created_at"),
	    .sentence = "When." },
	{ ROW_I64(FIELD_INT, struct usage_item, tokens, "tokens"), .max = LIMIT_TOKEN_PRICE,
	    .sentence = "What it cost your organisation; 0 in the sandbox." },
};
const struct field_set usage_item = FIELD_SET("UsageEvent", item_rows, struct usage_item);

enum err usage_page_show(struct web *web)
{
	const struct usage_filter *filter = WEB_QUERY(web, struct usage_filter);
	struct usage_page page;

	if (filter->from_ms != TIME_NONE && filter->to_ms != TIME_NONE &&
	    filter->from_ms > filter->to_ms)
		return web_complain(web, "from", "must not be later than to");
	enum err err = usage_list(&web->ctx, filter, &page);
	if (err == ERR_SYNTAX)
		return web_complain(web, "cursor", "is not a cursor of this list");
	if (err != ERR_OK)
		return err;
	return reply_page(web, page.items, page.count, page.next_cursor, page.total);
}
