/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c: a chain of blocks, the first of which is kept over resets. */
#include "arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 16384

struct block {
	struct block *next; /* older */
	size_t size;        /* of data */
	size_t used;
	max_align_t data[];
};

struct arena {
	struct block *head; /* newest; the last in the chain is the first block */
	size_t cap;
	size_t used;
	bool overflowed;
};

void wipe(void *memory, size_t size_bytes)
{
	if (memory != NULL)
		explicit_bzero(memory, size_bytes);
}

static struct block *block_new(size_t size, struct block *next)
{
	struct block *block = NULL;
	size_t bytes;

	if (!size_add_overflows(sizeof(*block), size, &bytes))
		block = calloc(1, bytes);
	if (block != NULL) {
		block->size = size;
		block->next = next;
	}
	return block;
}

static void block_free(struct block *block)
{
	wipe(block->data, block->used);
	free(block);
}

enum err arena_new(size_t cap_bytes, struct arena **ret_arena)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena == NULL)
		return ERR_NOMEM;
	arena->cap = cap_bytes;
	arena->head = block_new(cap_bytes < FIRST_BLOCK ? cap_bytes : FIRST_BLOCK, NULL);
	if (arena->head == NULL) {
		free(arena);
		return ERR_NOMEM;
	}
	*ret_arena = arena;
	return ERR_OK;
}

void arena_free(struct arena **arena)
{
	if (arena == NULL || *arena == NULL)
		return;
	arena_reset(*arena);
	block_free((*arena)->head);
	free(*arena);
	*arena = NULL;
}

/* A block that has room: the newest, or a new one twice as large. */
static struct block *block_with_room(struct arena *arena, size_t size)
{
	struct block *head = arena->head;

	if (head->size - head->used >= size)
		return head;
	size_t wanted = head->size * 2 > size ? head->size * 2 : size;
	struct block *block = block_new(wanted, head);
	if (block != NULL)
		arena->head = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	size_t align = alignof(max_align_t);
	size_t size;

	if (arena->overflowed || size_add_overflows(size_bytes, align - 1, &size))
		goto full;
	size = size / align * align;
	if (size == 0)
		size = align;
	if (size > arena->cap - arena->used)
		goto full;
	struct block *block = block_with_room(arena, size);
	if (block == NULL)
		goto full;
	void *memory = (char *)block->data + block->used;
	block->used += size;
	arena->used += size;
	return memory;
full:
	arena->overflowed = true;
	return NULL;
}

void *arena_array(struct arena *arena, size_t count, size_t size_bytes)
{
	size_t bytes;

	if (size_mul_overflows(count, size_bytes, &bytes)) {
		arena->overflowed = true;
		return NULL;
	}
	return arena_alloc(arena, bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len_bytes)
{
	char *copy = NULL;
	size_t bytes;

	if (!size_add_overflows(len_bytes, 1, &bytes))
		copy = arena_alloc(arena, bytes);
	if (copy != NULL && len_bytes > 0)
		memcpy(copy, text, len_bytes);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len >= 0)
		text = arena_alloc(arena, (size_t)len + 1);
	if (text == NULL)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

bool arena_overflowed(const struct arena *arena)
{
	return arena->overflowed;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

void arena_reset(struct arena *arena)
{
	while (arena->head->next != NULL) {
		struct block *older = arena->head->next;
		block_free(arena->head);
		arena->head = older;
	}
	/* Wiping is also what makes the next allocation zeroed. */
	wipe(arena->head->data, arena->head->used);
	arena->head->used = 0;
	arena->used = 0;
	arena->overflowed = false;
}
