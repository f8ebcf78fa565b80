/* SPDX-License-Identifier: Apache-2.0 */
/* usage.c: usage events. */
#include "usage.h"

#include "clock.h"
#include "counter.h"
#include "crypt.h"
#include "page.h"

#define LIST_NAME "usage"

enum err usage_put(struct ctx *ctx, struct uuid application_id, enum environment environment,
    enum usage_type type, struct uuid verification_id, int64_t tokens)
{
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = q_usage_put(ctx->db, application_id, id, environment_word(environment),
		    usage_type_word(type), verification_id, tokens, uuid_time_ms(id));
	if (err == ERR_OK)
		err = counter_add(
		    ctx, application_id, COUNTER_USAGE, environment_word(environment), "", 1);
	return err;
}

/* What the cursor is bound to. */
static const char *filter_text(struct ctx *ctx, const struct usage_filter *filter)
{
	return arena_printf(
	    ctx->arena, "%lld %lld", (long long)filter->from_ms, (long long)filter->to_ms);
}

static enum err read_rows(struct ctx *ctx, struct uuid low, struct uuid high, int64_t limit,
    struct row_usage_page **ret_rows, size_t *ret_count)
{
	struct uuid application = ctx->actor.application_id;
	const char *environment = ctx_environment(ctx);
	struct row_usage_page_env *rows = NULL;

	if (environment == NULL)
		return q_usage_page(
		    ctx->db, ctx->arena, application, low, high, limit, ret_rows, ret_count);
	enum err err = q_usage_page_env(
	    ctx->db, ctx->arena, application, environment, low, high, limit, &rows, ret_count);
	/* The same columns, so the same struct under another name. */
	_Static_assert(sizeof(struct row_usage_page) == sizeof(struct row_usage_page_env),
	    "both pages have the same columns");
	*ret_rows = (void *)rows;
	return err;
}

static enum err read_total(struct ctx *ctx, const struct usage_filter *filter, int64_t *ret_total)
{
	struct row_usage_count_range row;
	struct uuid low, high, end;

	if (filter->from_ms == TIME_NONE && filter->to_ms == TIME_NONE)
		return counter_sum(ctx, ctx->actor.application_id, COUNTER_USAGE,
		    ctx_environment(ctx), NULL, ret_total);
	enum err err = cursor_read(ctx, LIST_NAME, "", NULL, &end);
	if (err != ERR_OK)
		return err;
	page_range(end, filter->from_ms, filter->to_ms, &low, &high);
	err = q_usage_count_range(
	    ctx->db, ctx->arena, ctx->actor.application_id, ctx_environment(ctx), low, high, &row);
	if (err == ERR_OK)
		*ret_total = row.n;
	return err;
}

static enum err fill_page(struct ctx *ctx, const struct row_usage_page *rows, size_t count,
    const struct usage_filter *filter, const char *filters, struct usage_page *page)
{
	char cursor[CURSOR_TEXT_SIZE];

	page->count = count > (size_t)filter->limit ? (size_t)filter->limit : count;
	page->items = arena_array(ctx->arena, page->count, sizeof(*page->items));
	if (page->items == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < page->count; i++)
		page->items[i] = (struct usage_item){ .id = rows[i].id,
			.event_type = rows[i].event_type,
			.verification_id = rows[i].verification_id,
			.environment = rows[i].environment,
			.created_at_ms = rows[i].created_at,
			.tokens = rows[i].tokens };
	if (page->count == count)
		return ERR_OK;
	enum err err = cursor_make(ctx, LIST_NAME, filters, rows[page->count - 1].id, cursor);
	if (err == ERR_OK)
		page->next_cursor = arena_strdup(ctx->arena, cursor);
	return err == ERR_OK && page->next_cursor == NULL ? ERR_NOMEM : err;
}

enum err usage_list(struct ctx *ctx, const struct usage_filter *filter, struct usage_page *ret_page)
{
	const char *filters = filter_text(ctx, filter);
	struct usage_page page = { .next_cursor = NULL };
	struct row_usage_page *rows = NULL;
	struct uuid after, low, high;
	size_t count = 0;
	enum err err = filters == NULL
			   ? ERR_NOMEM
			   : cursor_read(ctx, LIST_NAME, filters, filter->cursor, &after);

	if (err != ERR_OK)
		return err;
	page_range(after, filter->from_ms, filter->to_ms, &low, &high);
	err = read_rows(ctx, low, high, filter->limit + 1, &rows, &count);
	if (err == ERR_OK)
		err = fill_page(ctx, rows, count, filter, filters, &page);
	if (err == ERR_OK)
		err = read_total(ctx, filter, &page.total);
	if (err == ERR_OK)
		*ret_page = page;
	return err;
}
