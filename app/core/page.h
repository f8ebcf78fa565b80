/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h owns list cursors (contract/README.md, Paging): opaque, signed, bound to the list, the
 * tenant and the filters, so a foreign, altered or misplaced one is refused.
 */
#ifndef BONAFIDE_PAGE_H
#define BONAFIDE_PAGE_H

#include "base.h"
#include "ctx.h"
#include "id.h"

#define CURSOR_TEXT_SIZE 64

/*
 * Writes "cur_…" for "after this id". list: a literal naming the list. filters: the filters in
 * one canonical text ("" for none). ERR_CRYPTO.
 */
enum err cursor_make(struct ctx *ctx, const char *list, const char *filters, struct uuid after,
    char ret_text[CURSOR_TEXT_SIZE]) MUST_CHECK;

/* The inverse; text NULL or "" is the first page (*ret_after = the largest id). ERR_SYNTAX. */
enum err cursor_read(struct ctx *ctx, const char *list, const char *filters, const char *text,
    struct uuid *ret_after) MUST_CHECK;

/* The place behind an id that the last page ended with (session family); NULL or "" is the first
 * page. ERR_SYNTAX. */
enum err page_after(enum id_kind kind, const char *text, struct uuid *ret_after) MUST_CHECK;

/*
 * The ids a page may hold, from a cursor and bounds of time, which ids made by us carry:
 * low <= id < high. from_ms and to_ms are inclusive; TIME_NONE is open.
 */
void page_range(
    struct uuid after, int64_t from_ms, int64_t to_ms, struct uuid *ret_low, struct uuid *ret_high);

#endif
