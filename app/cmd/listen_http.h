/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen_http.h owns the little web server behind `bonafide webhook listen`: HTTP/1.1 on the
 * loopback interface, one thread, one poll loop. Connections may be kept alive and requests sent
 * one behind the other. Everything a client can make it hold is bounded in size, number and time,
 * so a slow or broken client costs the others nothing.
 */
#ifndef BONAFIDE_LISTEN_HTTP_H
#define BONAFIDE_LISTEN_HTTP_H

#include "base.h"

struct listener;
struct listen_head;

/* A complete request. Everything is borrowed until the function that is given it returns. */
struct listen_request {
	const char *method; /* "POST" */
	const char *target; /* "/hooks?a=b": visible ASCII */
	const char *body;   /* NULL with 0 */
	size_t body_len;    /* at most LIMIT_WEBHOOK_BODY */
	const struct listen_head *head;
};

/* The value of a header line by its name in any case, without blanks around it and without control
 * characters; NULL when there is none or more than one. */
const char *listen_header(const struct listen_request *request, const char *name);

struct listen_answer {
	int status;       /* 200 to 599 */
	const char *text; /* a short line of ASCII for the body; NULL for none. Not with 204. */
};

/* Answers a request. */
typedef struct listen_answer listen_fn(void *arg, const struct listen_request *request);

/* True when it is time to end. Asked after each round of the loop, at least a few times a second. */
typedef bool listen_stop_fn(void *arg);

/* Binds 127.0.0.1 at this port, 0 for any free one. ret_reason says in a sentence what failed.
 * ERR_IO, ERR_NOMEM. */
enum err listener_new(
    uint16_t port, struct listener **ret_listener, char *ret_reason, size_t reason_size) MUST_CHECK;

/* The port it is bound to. */
uint16_t listener_port(const struct listener *listener);

/* Serves until stop() says true; answers that were given are written first. ERR_IO. */
enum err listener_run(
    struct listener *listener, listen_fn *answer, listen_stop_fn *stop, void *arg) MUST_CHECK;

/* Closes all; accepts NULL and a pointer to NULL; sets it to NULL. */
void listener_free(struct listener **listener);

#endif
