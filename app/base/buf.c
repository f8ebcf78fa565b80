/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c: the capped growable string. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

void buf_init(struct buf *buf, size_t cap_bytes)
{
	*buf = (struct buf){ .cap = cap_bytes };
}

void buf_free(struct buf *buf)
{
	if (buf == NULL)
		return;
	wipe(buf->data, buf->size);
	free(buf->data);
	buf_init(buf, buf->cap);
}

void buf_clear(struct buf *buf)
{
	wipe(buf->data, buf->len);
	buf->len = 0;
	buf->failed = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

/* Room for more bytes and the NUL. A plain realloc could leave a copy of a secret behind. */
static bool buf_reserve(struct buf *buf, size_t more)
{
	size_t need;

	if (buf->failed || more > buf->cap - buf->len ||
	    size_add_overflows(buf->len + more, 1, &need)) {
		buf->failed = true;
		return false;
	}
	if (need <= buf->size)
		return true;
	size_t size = buf->size == 0 ? FIRST_SIZE : buf->size;
	while (size < need)
		size *= 2;
	char *data = malloc(size);
	if (data == NULL) {
		buf->failed = true;
		return false;
	}
	if (buf->len > 0)
		memcpy(data, buf->data, buf->len);
	wipe(buf->data, buf->size);
	free(buf->data);
	buf->data = data;
	buf->size = size;
	return true;
}

void buf_add(struct buf *buf, const void *data, size_t len_bytes)
{
	if (!buf_reserve(buf, len_bytes))
		return;
	if (len_bytes > 0)
		memcpy(buf->data + buf->len, data, len_bytes);
	buf->len += len_bytes;
	buf->data[buf->len] = '\0';
}

void buf_adds(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_addc(struct buf *buf, char byte)
{
	buf_add(buf, &byte, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		buf->failed = true;
		return;
	}
	if (!buf_reserve(buf, (size_t)len))
		return;
	va_start(args, format);
	(void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

bool buf_failed(const struct buf *buf)
{
	return buf->failed;
}

enum err buf_err(const struct buf *buf)
{
	return buf->failed ? ERR_FULL : ERR_OK;
}

const char *buf_str(const struct buf *buf)
{
	return buf->data == NULL ? "" : buf->data;
}

char *buf_take(struct buf *buf)
{
	char *data = NULL;

	if (!buf->failed && buf_reserve(buf, 0)) {
		data = buf->data;
		data[buf->len] = '\0';
		buf->data = NULL;
	}
	buf_free(buf);
	return data;
}
