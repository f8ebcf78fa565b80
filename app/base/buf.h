/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h owns the growable string whose cap is given at birth. A write that would pass the cap,
 * or that finds no memory, marks the buffer as failed and drops the rest (sticky): write, write,
 * write, check once with buf_failed().
 */
#ifndef BONAFIDE_BUF_H
#define BONAFIDE_BUF_H

#include "base.h"

struct buf {
	char *data;  /* owned; NUL-ended when not NULL */
	size_t len;  /* bytes, without the NUL */
	size_t size; /* bytes allocated */
	size_t cap;  /* len never passes this */
	bool failed;
};

/* An empty buffer that will hold at most cap_bytes. Allocates nothing yet. */
void buf_init(struct buf *buf, size_t cap_bytes);

/* Wipes and frees the content; the buffer may be used again with the same cap. Accepts NULL. */
void buf_free(struct buf *buf);

/* Empties the buffer and clears the failed mark, keeping its memory. */
void buf_clear(struct buf *buf);

/* Appends len bytes. */
void buf_add(struct buf *buf, const void *data, size_t len_bytes);

/* Appends a NUL-ended string. */
void buf_adds(struct buf *buf, const char *text);

/* Appends one byte. */
void buf_addc(struct buf *buf, char byte);

/* Appends formatted text. */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF(2, 3);

/* True when some write since the last clear was dropped. */
bool buf_failed(const struct buf *buf);

/* ERR_OK, or ERR_FULL when a write was dropped. */
enum err buf_err(const struct buf *buf) MUST_CHECK;

/* The content as a string, "" when empty; borrowed until the next write. */
const char *buf_str(const struct buf *buf);

/* Hands the content to the caller (who frees it) and leaves the buffer empty; NULL if failed. */
char *buf_take(struct buf *buf);

#endif
