/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fcgi.h owns libfcgi: accepting one FastCGI request without blocking past a signal, its
 * parameters, its body under a cap, and its answer. fcgi.c is the only file that includes
 * <fcgiapp.h>, and keeps libfcgi's traps to itself (design section 6).
 */
#ifndef BONAFIDE_FCGI_H
#define BONAFIDE_FCGI_H

#include "base.h"
#include "arena.h"

struct fcgi;

/* One request in memory of our own: everything here stays valid after the connection is gone,
 * until the arena is reset. */
struct http_in {
	const char *method;        /* "GET" */
	const char *path;          /* raw, still percent-encoded, from REQUEST_URI up to '?' */
	const char *query;         /* raw, without '?'; "" when none */
	const char *content_type;  /* "" when absent */
	int64_t content_length;    /* as announced; -1 when absent, -2 when not a number */
	const char *authorization; /* NULL when absent, as the following */
	const char *api_key;       /* X-API-Key */
	const char *idempotency_key;
	const char *request_id;    /* X-Request-Id */
	const char *remote_addr;   /* "" when the web server did not say */
	const char *forwarded_for; /* X-Forwarded-For, all lines of it; at most its end. NULL */
};

/* Prepares libfcgi for a listening socket of ours (non-blocking). Signal handlers must be
 * installed before. ERR_IO, ERR_NOMEM. */
enum err fcgi_new(int listen_fd, struct fcgi **ret_fcgi) MUST_CHECK;
void fcgi_free(struct fcgi **fcgi);

/*
 * Accepts one request that is already waiting and copies its parameters into the arena.
 * ERR_MISSING when another worker took it, ERR_FULL when its parameters pass the caps (those that do
 * not are there, and of the path its beginning; fcgi_reply() still works), ERR_IO for a connection
 * that broke.
 */
enum err fcgi_accept(struct fcgi *fcgi, struct arena *arena, struct http_in *ret_in) MUST_CHECK;

/*
 * Reads the body, at most max_bytes, into the arena with a NUL behind it. ERR_TOO_LARGE-like:
 * ERR_PAYLOAD_TOO_LARGE when it is or announces more; ERR_IO when the client went away or sent
 * less than it announced; ERR_NOMEM.
 */
enum err fcgi_read_body(struct fcgi *fcgi, struct arena *arena, size_t max_bytes,
    const char **ret_body, size_t *ret_len) MUST_CHECK;

/* Takes the pieces of a body, in order. An error ends the reading, or the answer, and is what it returns. */
typedef enum err fcgi_sink(void *arg, const void *data, size_t len_bytes);

/* Hands the body to the sink as it comes in, at most max_bytes, so memory is flat: the sink is called for
 * whatever has come, be it a byte. As fcgi_read_body(), ERR_TIMEOUT, and the sink's. */
enum err fcgi_read_pieces(
    struct fcgi *fcgi, size_t max_bytes, fcgi_sink *sink, void *arg) MUST_CHECK;

/* From here on, reading and writing wait for the web server so many seconds at a time at most, and then
 * fail with ERR_TIMEOUT. ERR_IO. */
enum err fcgi_be_impatient(struct fcgi *fcgi, int64_t seconds) MUST_CHECK;

/* Begins an answer whose body of so many bytes follows through fcgi_reply_piece(), and then
 * fcgi_reply_end(). ERR_IO as fcgi_reply(). */
enum err fcgi_reply_begin(
    struct fcgi *fcgi, int status, const char *header_lines, uint64_t body_len) MUST_CHECK;

/* A fcgi_sink: arg is the struct fcgi. ERR_TIMEOUT, ERR_IO. */
enum err fcgi_reply_piece(void *arg, const void *data, size_t len_bytes) MUST_CHECK;
enum err fcgi_reply_end(struct fcgi *fcgi) MUST_CHECK;

/*
 * Sends "Status: …", the header lines (each "Name: value\r\n", already joined) and the body, and
 * ends the request. body may be NULL (HEAD, 204). ERR_IO when the client went away, which is
 * nobody's mistake.
 */
enum err fcgi_reply(struct fcgi *fcgi, int status, const char *header_lines, const void *body,
    size_t body_len) MUST_CHECK;

/* Ends the request without an answer, if one is open. */
void fcgi_abandon(struct fcgi *fcgi);

#endif
