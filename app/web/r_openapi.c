/* SPDX-License-Identifier: Apache-2.0 */
/* r_openapi.c: the document over HTTP. A worker writes it when it is first asked for, and keeps it. */
#include "openapi.h"
#include "proc.h"
#include "web.h"

enum err openapi_page(struct web *web)
{
	enum err err = ERR_OK;

	if (web->openapi.len == 0) {
		buf_clear(&web->openapi);
		err = openapi_write(routes, route_count, false, &web->openapi);
		/* The tree was ten times the text, and is not needed again. */
		proc_trim_memory();
	}
	/* Half a document is none. */
	if (err != ERR_OK) {
		buf_clear(&web->openapi);
		return err;
	}
	return reply_raw(
	    web, "application/json; charset=utf-8", web->openapi.data, web->openapi.len);
}
