/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_private.h is shared by http.c (transfers) and http_guard.c (where they may go) alone.
 *
 * A transfer is on one of three lists: free; waiting (guarded, not yet handed to libcurl); or
 * running (handed to libcurl).
 */
#ifndef BONAFIDE_HTTP_PRIVATE_H
#define BONAFIDE_HTTP_PRIVATE_H

#include "base.h"
#include "buf.h"
#include "egress.h"
#include "http.h"
#include "net.h"
#include "resolve.h"

#include <curl/curl.h>

/* One easy handle and what belongs to its transfer. */
struct transfer {
	struct transfer *next; /* on its list */
	struct transfer *prev; /* not on the free list */
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	http_done_fn *done;
	void *arg;
	const char *body; /* of the request; borrowed */
	size_t body_len;
	size_t body_sent;
	struct buf reply;
	size_t reply_cap;
	size_t headers_len;
	int64_t retry_after_s;
	int64_t start_ms;
	int64_t end_ms; /* the deadline, on the monotonic clock */
	bool is_running;
	bool cut_reply;
	bool too_long;  /* the body passed the cap */
	bool too_large; /* so did something that may not be cut */

	/* Of a guarded one. */
	bool guarded;
	bool refused;     /* by the guard */
	bool stale;       /* the kept connection leads where the name no longer points */
	bool again;       /* that has happened, and a new connection was asked for */
	bool is_plain;    /* http:// */
	CURLcode verdict; /* while waiting: how it will end, unless CURLE_OK */
	struct lookup *lookup;
	struct curl_slist *pins;
	struct egress_target target; /* its addresses: those that were checked */
};

struct http {
	CURLM *multi;
	struct transfer *free;
	struct transfer *waiting;
	struct transfer *running;
	const struct egress *egress;
	struct resolver *resolver;
	const char *ca_file; /* borrowed; NULL for the system's */
	size_t max_in_flight;
	size_t in_flight;
	size_t ended; /* in this http_run() */
};

/* ---- http.c ---- */

/* Hands a transfer to libcurl; it must be on no list. ERR_NOMEM, ERR_TIMEOUT. */
enum err transfer_launch(struct transfer *transfer) MUST_CHECK;

/* Ends a transfer: takes it off its list and calls back. */
void transfer_end(struct transfer *transfer, CURLcode code);

void transfer_list_add(struct transfer **list, struct transfer *transfer);
void transfer_list_remove(struct transfer **list, struct transfer *transfer);

/* ---- http_guard.c ---- */

/* Sets the functions with which libcurl asks us before it resolves, dials and sends. */
bool guard_prepare(struct transfer *transfer);

/* Checks the URL of a new transfer; a refusal is noted, not returned. ERR_NOMEM. */
enum err guard_check(struct transfer *transfer, const char *url) MUST_CHECK;

/* Launches it when it has its addresses, or lets it wait for them. ERR_NOMEM. */
enum err guard_start(struct transfer *transfer) MUST_CHECK;

/* Moves those that wait: launches and ends them. */
void guard_sweep(struct http *http);

/* Should it be tried on a new connection? Then nothing of it was sent. */
bool guard_wants_again(const struct transfer *transfer, CURLcode code);

/* Forgets what belongs to the last request. */
void guard_forget(struct transfer *transfer);

/* The time until a waiting one must be looked at, at most most_ms. */
int64_t guard_wait_ms(const struct http *http, int64_t most_ms);

#endif
