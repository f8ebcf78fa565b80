/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_query.c: a request's address: the path through the router, and the query through the field
 * rows of every route that takes one.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "field.h"
#include "router.h"
#include "str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char *query = strchr(text, '?');
	struct http_in in = { .method = "GET", .path = text };
	struct router_match match;
	struct arena *arena = NULL;

	if (arena_new(8 << 20, &arena) == ERR_OK) {
		if (query != NULL)
			*query++ = '\0';
		if (router_find(routes, route_count, &in, arena, &match) == ERR_OK) {
			for (size_t i = 0; i < match.param_count; i++)
				FUZZ_MUST(utf8_valid(match.params[i], strlen(match.params[i])));
		}
		for (size_t i = 0; i < route_count && query != NULL; i++) {
			struct complaints complaints = { .count = 0 };
			const struct field_set *set = routes[i].query;
			void *input = set == NULL ? NULL : arena_alloc(arena, set->struct_size);

			if (input == NULL)
				continue;
			enum err err = fields_read_query(set, query, arena, input, &complaints);
			FUZZ_MUST((err == ERR_VALIDATION) == (complaints.count > 0));
		}
	}
	arena_free(&arena);
	free(text);
	return 0;
}
