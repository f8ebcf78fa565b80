/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verification_list.c: pages of verifications with exact totals. Each combination of filters has
 * a statement whose index serves it, chosen by a table, because one statement with every filter
 * optional would be served by none.
 */
#include "verification.h"

#include "counter.h"
#include "page.h"
#include "str.h"

#define LIST_NAME "verifications"

/* What a statement takes, by position. */
enum taken { TAKE_END, TAKE_APP, TAKE_REF, TAKE_STATUS, TAKE_ENV, TAKE_OPT_STATUS, TAKE_OPT_ENV };

/* The statements of one combination; both take these and then low and high, the page the limit. */
struct variant {
	bool ref, status,
	    environment; /* the filters that must be there; ref takes the others too */
	enum stmt page;
	enum stmt count;
	enum taken takes[5];
};

static const struct variant variants[] = {
	{ true, false, false, ST_verification_page_ref, ST_verification_count_ref,
	    { TAKE_APP, TAKE_REF, TAKE_OPT_ENV, TAKE_OPT_STATUS } },
	{ false, true, true, ST_verification_page_status_env,
	    ST_verification_count_range_status_env, { TAKE_APP, TAKE_STATUS, TAKE_ENV } },
	{ false, true, false, ST_verification_page_status, ST_verification_count_range_status,
	    { TAKE_APP, TAKE_STATUS } },
	{ false, false, true, ST_verification_page_env, ST_verification_count_range_env,
	    { TAKE_APP, TAKE_ENV } },
	{ false, false, false, ST_verification_page, ST_verification_count_range, { TAKE_APP } },
};

struct query {
	struct ctx *ctx;
	const struct verification_filter *filter;
	const char *environment; /* NULL: both */
	const struct variant *variant;
	struct db_value values[LIMIT_DB_PARAMS];
	size_t count;
};

static const struct variant *variant_of(const struct query *query)
{
	for (size_t i = 0; i < countof(variants); i++) {
		const struct variant *v = &variants[i];
		if (v->ref ? query->filter->external_ref != NULL
			   : query->filter->external_ref == NULL &&
				 v->status == (query->filter->status != NULL) &&
				 v->environment == (query->environment != NULL))
			return v;
	}
	return &variants[countof(variants) - 1];
}

static struct db_value value_of(const struct query *query, enum taken taken)
{
	switch (taken) {
	case TAKE_REF:
		return (
		    struct db_value){ .type = DB_TYPE_TEXT, .u.text = query->filter->external_ref };
	case TAKE_STATUS:
		return (struct db_value){ .type = DB_TYPE_TEXT, .u.text = query->filter->status };
	case TAKE_ENV:
		return (struct db_value){ .type = DB_TYPE_TEXT, .u.text = query->environment };
	case TAKE_OPT_STATUS:
		return (struct db_value){ .type = DB_TYPE_OTEXT, .u.text = query->filter->status };
	case TAKE_OPT_ENV:
		return (struct db_value){ .type = DB_TYPE_OTEXT, .u.text = query->environment };
	default:
		return (struct db_value){ .type = DB_TYPE_ID,
			.u.id = query->ctx->actor.application_id };
	}
}

static void fill_values(struct query *query, struct uuid low, struct uuid high)
{
	query->count = 0;
	for (size_t i = 0; query->variant->takes[i] != TAKE_END; i++)
		query->values[query->count++] = value_of(query, query->variant->takes[i]);
	query->values[query->count++] = (struct db_value){ .type = DB_TYPE_ID, .u.id = low };
	query->values[query->count++] = (struct db_value){ .type = DB_TYPE_ID, .u.id = high };
}

/* Counters know what has no reference and no bounds of time; the rest is counted over an index. */
static enum err read_total(struct query *query, int64_t *ret_total)
{
	const struct verification_filter *filter = query->filter;
	struct row_verification_count_range row;
	struct uuid low, high, end;

	if (filter->external_ref == NULL && filter->from_ms == TIME_NONE &&
	    filter->to_ms == TIME_NONE)
		return counter_sum(query->ctx, query->ctx->actor.application_id,
		    COUNTER_VERIFICATION, query->environment, filter->status, ret_total);
	enum err err = cursor_read(query->ctx, LIST_NAME, "", NULL, &end);
	if (err != ERR_OK)
		return err;
	page_range(end, filter->from_ms, filter->to_ms, &low, &high);
	fill_values(query, low, high);
	err = db_one(query->ctx->db, query->ctx->arena, query->variant->count, query->values, &row);
	if (err == ERR_OK)
		*ret_total = row.n;
	return err;
}

static enum err take_row(const struct row_verification_page *row, struct verification *item)
{
	*item = (struct verification){ .id = row->id,
		.status_word = row->status,
		.country = row->country,
		.id_type = row->id_type,
		.external_ref = row->external_ref,
		.created_at_ms = row->created_at,
		.completed_at_ms = row->completed_at,
		.score = DB_NULL };
	return ver_status_parse(row->status, &item->status) == ERR_OK ? ERR_OK : ERR_DB_BROKEN;
}

static enum err read_page(
    struct query *query, struct uuid after, const char *filters, struct verification_page *page)
{
	struct ctx *ctx = query->ctx;
	struct row_verification_page *rows = NULL;
	struct uuid low, high;
	void *found = NULL;
	size_t count = 0;
	char cursor[CURSOR_TEXT_SIZE];

	page_range(after, query->filter->from_ms, query->filter->to_ms, &low, &high);
	fill_values(query, low, high);
	/* One more than asked for shows whether there is a next page. */
	query->values[query->count] =
	    (struct db_value){ .type = DB_TYPE_I64, .u.i64 = query->filter->limit + 1 };
	enum err err =
	    db_list(ctx->db, ctx->arena, query->variant->page, query->values, &found, &count);
	if (err != ERR_OK)
		return err;
	rows = found;
	page->count = count > (size_t)query->filter->limit ? (size_t)query->filter->limit : count;
	page->items = arena_array(ctx->arena, page->count, sizeof(*page->items));
	if (page->items == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < page->count && err == ERR_OK; i++)
		err = take_row(&rows[i], &page->items[i]);
	if (err != ERR_OK || page->count == count)
		return err;
	err = cursor_make(ctx, LIST_NAME, filters, rows[page->count - 1].id, cursor);
	if (err == ERR_OK)
		page->next_cursor = arena_strdup(ctx->arena, cursor);
	return err == ERR_OK && page->next_cursor == NULL ? ERR_NOMEM : err;
}

/* What a cursor is bound to: all filters, apart by a byte that no filter can hold. */
static const char *filter_text(struct ctx *ctx, const struct verification_filter *filter)
{
	return arena_printf(ctx->arena, "%s\n%s\n%lld\n%lld",
	    filter->status == NULL ? "" : filter->status,
	    filter->external_ref == NULL ? "" : filter->external_ref, (long long)filter->from_ms,
	    (long long)filter->to_ms);
}

enum err verification_list(
    struct ctx *ctx, const struct verification_filter *filter, struct verification_page *ret_page)
{
	struct query query = { .ctx = ctx, .filter = filter, .environment = ctx_environment(ctx) };
	struct verification_page page = { .next_cursor = NULL };
	const char *filters = filter_text(ctx, filter);
	struct uuid after;
	enum err err = filters == NULL
			   ? ERR_NOMEM
			   : cursor_read(ctx, LIST_NAME, filters, filter->cursor, &after);

	if (err != ERR_OK)
		return err;
	query.variant = variant_of(&query);
	err = read_page(&query, after, filters, &page);
	if (err == ERR_OK)
		err = read_total(&query, &page.total);
	if (err == ERR_OK)
		*ret_page = page;
	return err;
}
