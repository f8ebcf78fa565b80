/* SPDX-License-Identifier: Apache-2.0 */
/* field_query.c fills a struct from a query string by the same rows that read JSON. */
#include "field.h"

#include <string.h>

#include "field_private.h"
#include "query.h"
#include "str.h"

static void take_param(const struct field *row, const char *value, struct arena *arena,
    void *object, struct complaints *complaints)
{
	int64_t number;

	if (row->type == FIELD_INT) {
		if (str_to_i64(value, INT64_MIN + 1, INT64_MAX, &number) == ERR_OK)
			field_take_int(row, number, arena, object, complaints);
		else
			complain(complaints, row->name, "must be a whole number");
	} else if (row->type == FIELD_BOOL || row->type == FIELD_SWITCH) {
		bool flag = strcmp(value, "true") == 0;
		if (flag || strcmp(value, "false") == 0)
			field_take_truth(row, flag, object);
		else
			complain(complaints, row->name, "must be true or false");
	} else {
		field_take_text(row, value, arena, object, complaints);
	}
}

static void take_pair(const struct field_set *set, const char *name, const char *value, bool *seen,
    struct arena *arena, void *object, struct complaints *complaints)
{
	const struct field *row = fields_find(set, name);

	if (row == NULL) {
		fields_complain_unknown(set, name, arena, complaints);
		return;
	}
	size_t index = (size_t)(row - set->rows);
	if (seen[index])
		complain(complaints, row->name, "must not be given twice");
	else
		take_param(row, value, arena, object, complaints);
	seen[index] = true;
}

enum err fields_read_query(const struct field_set *set, const char *query, struct arena *arena,
    void *ret_struct, struct complaints *complaints)
{
	bool seen[LIMIT_QUERY_PARAMS] = { false };
	size_t before = complaints->seen;
	size_t count = 0;
	const char *name, *value;

	if (set->count > countof(seen))
		return ERR_FULL;
	fields_prepare(set, ret_struct);
	while (*query != '\0') {
		size_t len = strcspn(query, "&");
		if (len > 0) {
			if (++count > LIMIT_QUERY_PARAMS ||
			    query_pair(query, len, arena, &name, &value) != ERR_OK) {
				complain(complaints, "query", "is not a well-formed query string");
				return ERR_VALIDATION;
			}
			take_pair(set, name, value, seen, arena, ret_struct, complaints);
		}
		query += len + (query[len] == '&');
	}
	for (size_t i = 0; i < set->count; i++) {
		if ((set->rows[i].flags & FIELD_REQUIRED) != 0 && !seen[i])
			complain(complaints, set->rows[i].name, "is required");
	}
	if (complaints->seen > before)
		return ERR_VALIDATION;
	return arena_overflowed(arena) ? ERR_NOMEM : ERR_OK;
}
