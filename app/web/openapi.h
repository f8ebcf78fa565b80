/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi.h owns the OpenAPI 3.1 document: it is written from the rows of the tables (routes,
 * fields, errors, states) and from nothing else, so it cannot say what the product does not do. A
 * route row that says too little is mended in its row; the writer knows no route by name.
 */
#ifndef BONAFIDE_OPENAPI_H
#define BONAFIDE_OPENAPI_H

#include "base.h"
#include "buf.h"
#include "web.h"

/*
 * Appends the document of a route table and a newline to out: compact, or indented by two blanks.
 * Rows of FAMILY_OPS and pages are not listed. Takes a few milliseconds, and memory for a tree of a few times
 * the text, so the caller keeps the text. ERR_NOMEM, ERR_FULL.
 */
enum err openapi_write(
    const struct route *table, size_t count, bool pretty, struct buf *out) MUST_CHECK;

/* The longest the document may become, bytes, for buf_init(). */
#define OPENAPI_MAX 2097152

#endif
