/* SPDX-License-Identifier: Apache-2.0 */
/* fcgi.c is the only file that knows libfcgi. */
#include "fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "buf.h"
#include "limits.h"
#include "str.h"

#define READ_MOST 65536
#define PIECE 16384

struct fcgi {
	int listen_fd;
	FCGX_Request request;
	bool open;           /* a request is under way */
	bool body_finished;  /* everything the web server sent has been read */
	int64_t body_length; /* as announced */
};

enum err fcgi_new(int listen_fd, struct fcgi **ret_fcgi)
{
	struct fcgi *fcgi = calloc(1, sizeof(*fcgi));

	if (fcgi == NULL)
		return ERR_NOMEM;
	/* FCGX_Init() installs its own SIGTERM handler only where none is set: ours are. */
	if (FCGX_Init() != 0 || FCGX_InitRequest(&fcgi->request, listen_fd, 0) != 0) {
		free(fcgi);
		return ERR_IO;
	}
	fcgi->listen_fd = listen_fd;
	*ret_fcgi = fcgi;
	return ERR_OK;
}

void fcgi_abandon(struct fcgi *fcgi)
{
	if (!fcgi->open)
		return;
	fcgi->open = false;
	/*
	 * Closing an attached connection shuts it down and waits up to two seconds for the web
	 * server to close its end, which only matters while unread bytes are in the socket: a
	 * plain close would then reset the connection under the answer. When all was read, a
	 * detached connection is closed at once and the worker is free a context switch earlier.
	 */
	if (fcgi->body_finished)
		FCGX_Detach(&fcgi->request);
	FCGX_Finish_r(&fcgi->request);
}

void fcgi_free(struct fcgi **fcgi)
{
	if (fcgi == NULL || *fcgi == NULL)
		return;
	fcgi_abandon(*fcgi);
	FCGX_Free(&(*fcgi)->request, 1);
	free(*fcgi);
	*fcgi = NULL;
}

/* Where each FastCGI parameter we use goes; one row per parameter. */
struct param {
	const char *name;
	size_t name_len;
	size_t offset;
	size_t max_len;
	bool is_list; /* several lines make one value, and a long one loses its beginning */
};

#define PARAM_ROW(text, member, max) \
	{ \
		text, sizeof(text) - 1, offsetof(struct http_in, member), max, false \
	}
#define PARAM_LIST(text, member, max) \
	{ \
		text, sizeof(text) - 1, offsetof(struct http_in, member), max, true \
	}

/* An over-long credential or header value is no such value: it is cut off by refusal below. */
static const struct param params[] = {
	PARAM_ROW("REQUEST_METHOD", method, 16),
	PARAM_ROW("REQUEST_URI", path, LIMIT_PATH),
	PARAM_ROW("CONTENT_TYPE", content_type, 256),
	PARAM_ROW("HTTP_AUTHORIZATION", authorization, LIMIT_AUTHORIZATION),
	PARAM_ROW("HTTP_X_API_KEY", api_key, LIMIT_AUTHORIZATION),
	PARAM_ROW("HTTP_IDEMPOTENCY_KEY", idempotency_key, LIMIT_HEADER),
	PARAM_ROW("HTTP_X_REQUEST_ID", request_id, LIMIT_HEADER),
	PARAM_ROW("REMOTE_ADDR", remote_addr, 64),
	PARAM_LIST("HTTP_X_FORWARDED_FOR", forwarded_for, LIMIT_FORWARDED),
};

/* Adds a line to a list of which only the end matters: proxies append. What is left of a cut entry is
 * none. */
static enum err take_list(
    struct arena *arena, const struct param *row, const char *value, struct http_in *in)
{
	const char *before;

	memcpy(&before, (char *)in + row->offset, sizeof(before));
	const char *all = before == NULL ? arena_strdup(arena, value)
					 : arena_printf(arena, "%s,%s", before, value);
	size_t len = all == NULL ? 0 : strlen(all);
	if (len > row->max_len) {
		all += len - row->max_len;
		all += strcspn(all, ",");
	}
	memcpy((char *)in + row->offset, &all, sizeof(all));
	return all == NULL ? ERR_FULL : ERR_OK;
}

static enum err take_param(struct arena *arena, const char *entry, struct http_in *in)
{
	for (size_t i = 0; i < countof(params); i++) {
		const struct param *row = &params[i];
		if (strncmp(entry, row->name, row->name_len) != 0 || entry[row->name_len] != '=')
			continue;
		const char *value = entry + row->name_len + 1;
		size_t len = strlen(value);
		if (row->is_list)
			return take_list(arena, row, value, in);
		bool is_long = len > row->max_len;
		/* Of an address its beginning says whose it is; part of anything else is nothing. */
		if (is_long && row->offset != offsetof(struct http_in, path))
			return ERR_FULL;
		const char *copy = arena_strndup(arena, value, is_long ? row->max_len : len);
		memcpy((char *)in + row->offset, &copy, sizeof(copy));
		return copy == NULL || is_long ? ERR_FULL : ERR_OK;
	}
	return ERR_OK;
}

/* -1: none announced; -2: not a number. */
static int64_t content_length_of(const char *text)
{
	int64_t length;

	if (text == NULL || text[0] == '\0')
		return -1;
	return str_to_i64(text, 0, INT64_MAX, &length) == ERR_OK ? length : -2;
}

/* REQUEST_URI is path and query, still encoded; an absolute form keeps only its path. */
static enum err split_uri(struct arena *arena, struct http_in *in)
{
	const char *uri = in->path == NULL ? "" : in->path;
	const char *question = strchr(uri, '?');
	size_t path_len = question == NULL ? strlen(uri) : (size_t)(question - uri);

	in->query = question == NULL ? "" : question + 1;
	in->path = arena_strndup(arena, uri, path_len);
	return in->path == NULL ? ERR_FULL : ERR_OK;
}

enum err fcgi_accept(struct fcgi *fcgi, struct arena *arena, struct http_in *ret_in)
{
	struct http_in in = { .content_length = -1 };
	enum err err = ERR_OK;

	if (FCGX_Accept_r(&fcgi->request) != 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? ERR_MISSING
										 : ERR_IO;
	fcgi->open = true;
	fcgi->body_length = content_length_of(FCGX_GetParam("CONTENT_LENGTH", fcgi->request.envp));
	in.content_length = fcgi->body_length;
	/* With no body there is nothing of it to read but libfcgi's own end marker, which came
	 * with the parameters: the web server sends all of it in one go. */
	fcgi->body_finished = false;
	for (char **entry = fcgi->request.envp; *entry != NULL; entry++) {
		enum err taken = take_param(arena, *entry, &in);
		err = err == ERR_OK ? taken : err;
	}
	enum err split = split_uri(arena, &in);
	err = err == ERR_OK ? split : err;
	if (in.method == NULL)
		in.method = "";
	if (in.content_type == NULL)
		in.content_type = "";
	if (in.remote_addr == NULL)
		in.remote_addr = "";
	if (in.path == NULL)
		in.path = "";
	if (in.query == NULL)
		in.query = "";
	*ret_in = in;
	return err;
}

/* Exactly size bytes; a connection that ends before is an error. */
static enum err read_exactly(FCGX_Stream *in, char *out, size_t size)
{
	size_t len = 0;

	while (len < size) {
		int want = size - len > READ_MOST ? READ_MOST : (int)(size - len);
		int got = FCGX_GetStr(out + len, want, in);
		if (got <= 0)
			return ERR_IO;
		len += (size_t)got;
	}
	return ERR_OK;
}

/* A body whose length was not announced (Apache passes long chunked ones so): to its end, or to
 * one byte more than is allowed. */
static enum err read_to_end(
    FCGX_Stream *in, struct arena *arena, size_t max_bytes, const char **ret_body, size_t *ret_len)
{
	struct buf body;
	char chunk[4096];
	enum err err = ERR_OK;
	int got;

	buf_init(&body, max_bytes);
	while ((got = FCGX_GetStr(chunk, sizeof(chunk), in)) > 0)
		buf_add(&body, chunk, (size_t)got);
	if (buf_failed(&body)) {
		err = ERR_PAYLOAD_TOO_LARGE;
	} else {
		const char *copy = arena_strndup(arena, buf_str(&body), body.len);
		if (copy == NULL)
			err = ERR_NOMEM;
		*ret_body = copy;
		*ret_len = body.len;
	}
	buf_free(&body);
	wipe(chunk, sizeof(chunk));
	return err;
}

enum err fcgi_read_body(struct fcgi *fcgi, struct arena *arena, size_t max_bytes,
    const char **ret_body, size_t *ret_len)
{
	FCGX_Stream *in = fcgi->request.in;

	if (fcgi->body_length == -2)
		return ERR_IO;
	if (fcgi->body_length > 0 && (uint64_t)fcgi->body_length > max_bytes)
		return ERR_PAYLOAD_TOO_LARGE;
	if (fcgi->body_length < 0) {
		enum err err = read_to_end(in, arena, max_bytes, ret_body, ret_len);
		fcgi->body_finished = err == ERR_OK;
		return err;
	}
	size_t size = (size_t)fcgi->body_length;
	char *body = arena_alloc(arena, size + 1);
	if (body == NULL)
		return ERR_NOMEM;
	/* Seeing the end behind the last byte is what allows the quick close; a body longer than
	 * announced is refused. */
	if (read_exactly(in, body, size) != ERR_OK || FCGX_GetChar(in) != EOF)
		return ERR_IO;
	fcgi->body_finished = true;
	*ret_body = body;
	*ret_len = size;
	return ERR_OK;
}

/* A wait that fcgi_be_impatient() ended. */
static bool is_late(FCGX_Stream *stream)
{
	int fault = FCGX_GetError(stream);

	return fault == EAGAIN || fault == EWOULDBLOCK;
}

/* libfcgi calls its members its own, but has no call for the connection. */
enum err fcgi_be_impatient(struct fcgi *fcgi, int64_t seconds)
{
	struct timeval wait = { .tv_sec = (time_t)seconds };
	int fd = fcgi->request.ipcFd;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0)
		return ERR_IO;
	return ERR_OK;
}

/* What has come, at least a byte; 0 at the end. FCGX_GetStr() waits until it has all that it was asked
 * for, however slowly that comes, and there is no call that says how much there is. */
static int read_some(FCGX_Stream *in, char *out, size_t size)
{
	int first = FCGX_GetChar(in);

	if (first == EOF)
		return 0;
	size_t ready = (size_t)(in->stop - in->rdNext), room = size - 1;
	out[0] = (char)first;
	return 1 + FCGX_GetStr(out + 1, (int)(ready < room ? ready : room), in);
}

enum err fcgi_read_pieces(struct fcgi *fcgi, size_t max_bytes, fcgi_sink *sink, void *arg)
{
	char piece[PIECE];
	uint64_t len = 0;
	enum err err = ERR_OK;
	int got = 0;

	if (fcgi->body_length == -2)
		return ERR_IO;
	if (fcgi->body_length > 0 && (uint64_t)fcgi->body_length > max_bytes)
		return ERR_PAYLOAD_TOO_LARGE;
	while (err == ERR_OK && (got = read_some(fcgi->request.in, piece, sizeof(piece))) > 0) {
		len += (uint64_t)got;
		err = len > max_bytes ? ERR_PAYLOAD_TOO_LARGE : sink(arg, piece, (size_t)got);
	}
	wipe(piece, sizeof(piece));
	if (err != ERR_OK)
		return err;
	if (is_late(fcgi->request.in))
		return ERR_TIMEOUT;
	/* Without a length the record that ends the body is all there is to say that it has. */
	if (FCGX_GetError(fcgi->request.in) != 0 ||
	    (fcgi->body_length >= 0 && len != (uint64_t)fcgi->body_length))
		return ERR_IO;
	fcgi->body_finished = true;
	return ERR_OK;
}

/* RFC 9110 section 15. Some clients cannot read a status line without a phrase, and web servers
 * do not all supply one. */
static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} rows[] = { { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 402, "Payment Required" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 409, "Conflict" }, { 410, "Gone" },
		{ 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" }, { 429, "Too Many Requests" },
		{ 500, "Internal Server Error" }, { 503, "Service Unavailable" } };

	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].status == status)
			return rows[i].reason;
	}
	return "Unknown";
}

enum err fcgi_reply(
    struct fcgi *fcgi, int status, const char *header_lines, const void *body, size_t body_len)
{
	FCGX_Stream *out = fcgi->request.out;

	if (!fcgi->open)
		return ERR_STATE;
	/* Draining a short rest (the end marker of an empty body) makes the quick close safe. */
	if (!fcgi->body_finished && fcgi->body_length <= 0)
		fcgi->body_finished = FCGX_GetChar(fcgi->request.in) == EOF;
	/* The length spares the web server chunking; an answer to HEAD has none of its own. */
	if (body != NULL)
		FCGX_FPrintF(out, "Status: %d %s\r\n%sContent-Length: %d\r\n\r\n", status,
		    reason_of(status), header_lines, (int)body_len);
	else
		FCGX_FPrintF(
		    out, "Status: %d %s\r\n%s\r\n", status, reason_of(status), header_lines);
	if (body_len > 0)
		FCGX_PutStr(body, (int)body_len, out);
	/* Closing, and the error stream first, sends the answer and the record that ends it in one
	 * write: the web server wakes up once. */
	FCGX_FClose(fcgi->request.err);
	bool broken = FCGX_GetError(out) != 0 || FCGX_FClose(out) != 0;
	fcgi_abandon(fcgi);
	return broken ? ERR_IO : ERR_OK;
}

enum err fcgi_reply_begin(
    struct fcgi *fcgi, int status, const char *header_lines, uint64_t body_len)
{
	FCGX_Stream *out = fcgi->request.out;

	if (!fcgi->open)
		return ERR_STATE;
	if (!fcgi->body_finished && fcgi->body_length <= 0)
		fcgi->body_finished = FCGX_GetChar(fcgi->request.in) == EOF;
	FCGX_FPrintF(out, "Status: %d %s\r\n%sContent-Length: %d\r\n\r\n", status,
	    reason_of(status), header_lines, (int)body_len);
	return FCGX_GetError(out) != 0 ? ERR_IO : ERR_OK;
}

enum err fcgi_reply_piece(void *arg, const void *data, size_t len_bytes)
{
	const struct fcgi *fcgi = arg;

	if (len_bytes > INT_MAX)
		return ERR_RANGE;
	if (FCGX_PutStr(data, (int)len_bytes, fcgi->request.out) >= 0)
		return ERR_OK;
	return is_late(fcgi->request.out) ? ERR_TIMEOUT : ERR_IO;
}

enum err fcgi_reply_end(struct fcgi *fcgi)
{
	FCGX_FClose(fcgi->request.err);
	bool broken = FCGX_GetError(fcgi->request.out) != 0 || FCGX_FClose(fcgi->request.out) != 0;
	fcgi_abandon(fcgi);
	return broken ? ERR_IO : ERR_OK;
}
