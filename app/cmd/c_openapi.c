/* SPDX-License-Identifier: Apache-2.0 */
/* c_openapi.c: the OpenAPI document, the very bytes that GET /openapi answers. */
#include "ctl.h"

#include "openapi.h"

struct openapi_input {
	bool pretty;
};

static const struct ctl_arg args[] = {
	ARG_FLAG(struct openapi_input, pretty, "pretty", "indented, for people"),
};

static enum err openapi(struct ctl *ctl, const void *input)
{
	const struct openapi_input *in = input;
	struct buf text;

	buf_init(&text, OPENAPI_MAX);
	enum err err = openapi_write(routes, route_count, in->pretty, &text);
	if (err == ERR_OK && fputs(buf_str(&text), ctl->out) < 0)
		err = ERR_IO;
	buf_free(&text);
	return err;
}

static const struct ctl_command commands[] = {
	{ .verb = "",
	    .run = openapi,
	    .args = args,
	    .arg_count = countof(args),
	    .input_size = sizeof(struct openapi_input),
	    .summary = "print the OpenAPI document of the API",
	    .help = "Prints the OpenAPI 3.1 document of every operation, written from the tables "
		    "that answer requests: the same bytes as GET /openapi. Reads no settings." },
};

const struct ctl_noun noun_openapi = {
	.word = "openapi",
	.summary = "The API's own description.",
	.commands = commands,
	.count = countof(commands),
};
