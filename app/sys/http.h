/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h owns outgoing HTTP (libcurl's multi interface): many transfers under way in one
 * process, each with a total deadline and a cap on the answer, connections reused, redirects
 * never followed. The caller starts transfers and is told of each end by a callback from within
 * http_run(). Only the batch uses it.
 *
 * A guarded transfer goes to a URL that somebody else chose. It connects only where sys/egress.h
 * lets it: the URL is checked, its name is resolved once and every answer checked, the answers
 * are pinned, and the very address is checked again at the moment it is dialled and when a kept
 * connection is used again (contract/webhooks.md, "Where we may connect").
 */
#ifndef BONAFIDE_HTTP_H
#define BONAFIDE_HTTP_H

#include "base.h"

struct egress;
struct http;
struct resolver;

/* How a transfer ended, from the point of view of "may the server have acted on it". */
enum http_end {
	HTTP_ANSWERED,  /* a complete answer: status and body are there */
	HTTP_NOT_SENT,  /* failed before any byte of the request went out: nothing happened there */
	HTTP_UNKNOWN,   /* failed after bytes went out: it may have happened */
	HTTP_TOO_LARGE, /* the answer passed the cap; status is there, the body is cut */
	HTTP__MAX
};

/* What sort of trouble a transfer had; HTTP_FAULT_NONE exactly when it is HTTP_ANSWERED. */
enum http_fault {
	HTTP_FAULT_NONE,
	HTTP_FAULT_REFUSED,   /* the guard does not let us connect there */
	HTTP_FAULT_RESOLVE,   /* the name has no address, or its name servers failed */
	HTTP_FAULT_CONNECT,   /* nobody accepts the connection */
	HTTP_FAULT_TLS,       /* no TLS, or a certificate that is not the host's or not trusted */
	HTTP_FAULT_TIMEOUT,   /* the deadline or the connect timeout passed */
	HTTP_FAULT_READ,      /* the connection broke, or what came is no answer */
	HTTP_FAULT_TOO_LARGE, /* the answer passed the cap, or its headers theirs */
	HTTP_FAULT_OTHER,
	HTTP_FAULT__MAX
};

struct http_request {
	const char *method;         /* "POST", "GET" */
	const char *url;            /* https, or http where the caller allows it */
	bool allow_plain;           /* http:// accepted */
	const char *const *headers; /* "Name: value" lines, NULL-ended; may be NULL */
	const void *body;           /* borrowed until the end callback; NULL for none */
	size_t body_len;
	int64_t connect_timeout_ms;
	int64_t deadline_ms; /* total, from name look-up to last byte */
	size_t max_reply_bytes;
	bool cut_reply; /* a longer body is no failure: the first max_reply_bytes are kept */
	bool guarded;   /* see above; allow_plain is then the guard's to say */
};

struct http_reply {
	enum http_end end;
	enum http_fault fault;
	long status;      /* 0 when none arrived */
	const char *body; /* NUL-ended; borrowed during the callback */
	size_t body_len;
	bool is_cut;           /* with cut_reply: there was more of the body */
	int64_t retry_after_s; /* of a Retry-After header in seconds or as a date; -1 for none */
	int64_t elapsed_ms;
	const char *problem; /* libcurl's word for the failure, "refused" by the guard, "" if none;
			      * holds no part of URL or body */
};

typedef void http_done_fn(void *arg, const struct http_reply *reply);

/* Makes a client that runs at most max_in_flight transfers at once. ERR_NOMEM. */
enum err http_new(size_t max_in_flight, struct http **ret_http) MUST_CHECK;

/*
 * Gives it the guard and the resolver that guarded transfers need; both are borrowed and must
 * outlive the client or the next call, which replaces them (a changed setting) at once, for
 * transfers under way too.
 */
void http_guard(struct http *http, const struct egress *egress, struct resolver *resolver);

/*
 * From here on trusts the certificates of this file instead of the system's: an intranet's or a
 * test's own authority. Borrowed; NULL or "" means the system's.
 */
void http_trust(struct http *http, const char *ca_file);

/* Aborts what is under way (each gets its callback with HTTP_UNKNOWN or HTTP_NOT_SENT) and frees. */
void http_free(struct http **http);

/*
 * Starts a transfer; done(arg, reply) will be called exactly once, from http_run() or
 * http_free(). ERR_FULL when max_in_flight are under way, ERR_SYNTAX for a URL that is not
 * acceptable, ERR_STATE for a guarded one without http_guard(), ERR_NOMEM; then done is not
 * called. A guarded transfer whose URL or name is not acceptable does start, and ends as
 * HTTP_NOT_SENT, HTTP_FAULT_REFUSED.
 */
enum err http_start(struct http *http, const struct http_request *request, http_done_fn *done,
    void *arg) MUST_CHECK;

/* Transfers under way, and how many more may start. */
size_t http_in_flight(const struct http *http);
size_t http_room(const struct http *http);

/*
 * Moves bytes for at most wait_ms (returns early when a transfer ended or a signal arrived),
 * calling back for those that ended. ERR_IO.
 */
enum err http_run(struct http *http, int64_t wait_ms) MUST_CHECK;

#endif
