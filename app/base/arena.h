/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h owns request memory: a bump allocator with a cap. Everything taken from an arena is
 * released at once by arena_reset(). When the cap is reached the arena overflows and stays so
 * until reset (sticky), so a chain of allocations may be checked once, at its end.
 */
#ifndef BONAFIDE_ARENA_H
#define BONAFIDE_ARENA_H

#include "base.h"

#include <stdarg.h>

struct arena;

/*
 * Makes an arena that will hand out at most cap_bytes between two resets. Owned by the caller,
 * who ends it with arena_free(). ERR_NOMEM.
 */
enum err arena_new(size_t cap_bytes, struct arena **ret_arena) MUST_CHECK;

/* Wipes and frees everything; accepts NULL and a pointer to NULL; sets *arena to NULL. */
void arena_free(struct arena **arena);

/*
 * Size zeroed bytes aligned for any type, borrowed until the next reset; NULL when the cap is
 * reached or memory is out, after which arena_overflowed() says true.
 */
void *arena_alloc(struct arena *arena, size_t size_bytes);

/* An array of count zeroed elements; NULL as arena_alloc(), also when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size_bytes);

/* A copy of len bytes of text with a NUL behind it; NULL as arena_alloc(). text may be NULL with
 * len 0. */
char *arena_strndup(struct arena *arena, const char *text, size_t len_bytes);

/* A copy of a NUL-ended string; NULL for NULL, and as arena_alloc(). */
char *arena_strdup(struct arena *arena, const char *text);

/* printf into the arena; NULL as arena_alloc(). */
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);

/* Typed shorthand: a zeroed struct. */
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/* True from the first refused allocation until the next reset. */
bool arena_overflowed(const struct arena *arena);

/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);

/*
 * Wipes what was handed out (it may have held personal data) and releases it; keeps the first
 * block for reuse, so a worker in its stride allocates nothing.
 */
void arena_reset(struct arena *arena);

#endif
