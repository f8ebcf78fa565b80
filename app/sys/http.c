/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outgoing HTTP. A paid look-up must not happen twice, so two habits of libcurl are bent here:
 *
 * - It repeats a request, POST or not, when a kept connection closes before any answer. A body
 *   that comes from a read callback which cannot go back makes it fail instead, once any byte
 *   of the body has left; before that a repetition is harmless, for no server can act on a
 *   request without its body. A POST without a body gets a connection of its own.
 * - "Not sent" is said only when libcurl counted no byte of the request into the socket.
 */
#include "base.h"
#include "buf.h"
#include "clock.h"
#include "http_private.h"
#include "limits.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 65536    /* bytes of all headers of an answer */
#define CONNECTION_AGE_S 30L /* a connection idle for longer is likely closed over there */
#define DNS_KEEP_S 60L       /* libcurl's own answers, of transfers without a guard */
#define PROBLEM_SIZE 160

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * count;
	size_t room = transfer->reply_cap - transfer->reply.len;

	buf_add(&transfer->reply, data, len < room ? len : room);
	if (len > room) {
		transfer->too_long = true;
		transfer->too_large = !transfer->cut_reply;
		return 0; /* ends the transfer */
	}
	return buf_failed(&transfer->reply) ? 0 : len;
}

/* RFC 9110 section 10.2.3: seconds or a date. A date in the past is "now". */
static int64_t retry_after_parse(const char *value)
{
	int64_t seconds = 0;
	time_t when;

	if (value[0] >= '0' && value[0] <= '9') {
		for (; *value >= '0' && *value <= '9'; value++)
			if (seconds < INT32_MAX)
				seconds = seconds * 10 + (*value - '0');
		return *value == '\0' ? seconds : -1;
	}
	when = curl_getdate(value, NULL);
	if (when < 0)
		return -1;
	/* Rounded up: to come a moment late is right, to come early is not. */
	seconds = (int64_t)when - clock_now_ms() / 1000;
	return seconds > 0 ? seconds : 0;
}

/* libcurl calls this with each header line, of interim answers (1xx) too. */
static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
	static const char name[] = "Retry-After:";
	struct transfer *transfer = arg;
	size_t len = size * count;
	char value[64];
	size_t from, value_len;

	transfer->headers_len += len;
	if (transfer->headers_len > HEADERS_MAX) {
		transfer->too_large = true;
		return 0;
	}
	if (len >= 5 && strncmp(line, "HTTP/", 5) == 0)
		transfer->retry_after_s = -1;
	if (len < sizeof(name) || strncasecmp(line, name, sizeof(name) - 1) != 0)
		return len;
	from = sizeof(name) - 1;
	while (from < len && (line[from] == ' ' || line[from] == '\t'))
		from++;
	value_len = len - from;
	while (value_len > 0 && strchr(" \t\r\n", line[from + value_len - 1]) != NULL)
		value_len--;
	if (value_len > 0 && value_len < sizeof(value)) {
		memcpy(value, line + from, value_len);
		value[value_len] = '\0';
		transfer->retry_after_s = retry_after_parse(value);
	}
	return len;
}

static size_t give_body(char *out, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t room = size * count;
	size_t left = transfer->body_len - transfer->body_sent;
	size_t len = left < room ? left : room;

	if (len > 0)
		memcpy(out, transfer->body + transfer->body_sent, len);
	transfer->body_sent += len;
	return len;
}

/* Called when libcurl would send the request again: see the top of this file. */
static int refuse_seek(void *arg, curl_off_t offset, int origin)
{
	const struct transfer *transfer = arg;

	if (offset == 0 && origin == SEEK_SET && transfer->body_sent == 0)
		return CURL_SEEKFUNC_OK;
	return CURL_SEEKFUNC_FAIL;
}

/* What is the same for every transfer; a handle keeps it over its reuses. */
static bool easy_prepare(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	bool ok = true;

#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)
	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NOPROGRESS, 1L);
	SET(CURLOPT_USERAGENT, "Bonafide/" PACKAGE_VERSION);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, ""); /* also keeps the environment's proxies out */
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_MAXAGE_CONN, CONNECTION_AGE_S);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_READFUNCTION, give_body);
	SET(CURLOPT_READDATA, transfer);
	SET(CURLOPT_SEEKFUNCTION, refuse_seek);
	SET(CURLOPT_SEEKDATA, transfer);
#undef SET
	return ok && guard_prepare(transfer);
}

static void transfer_free(struct transfer *transfer)
{
	if (transfer == NULL)
		return;
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	buf_free(&transfer->reply);
	free(transfer);
}

static void free_list_drop(struct http *http)
{
	while (http->free != NULL) {
		struct transfer *transfer = http->free;

		http->free = transfer->next;
		transfer_free(transfer);
	}
}

/* A transfer from the free list, or a new one. NULL when memory is out. */
static struct transfer *transfer_get(struct http *http)
{
	struct transfer *transfer = http->free;

	if (transfer != NULL) {
		http->free = transfer->next;
		transfer->next = NULL;
		return transfer;
	}
	transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL)
		return NULL;
	transfer->http = http;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL || !easy_prepare(transfer)) {
		transfer_free(transfer);
		return NULL;
	}
	return transfer;
}

/* Forgets the last request, its credentials among it, and puts the handle back. */
static void transfer_put(struct transfer *transfer)
{
	struct http *http = transfer->http;

	guard_forget(transfer);
	(void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	buf_free(&transfer->reply);
	transfer->body = NULL;
	transfer->body_len = 0;
	transfer->prev = NULL;
	transfer->next = http->free;
	http->free = transfer;
}

/* https, or http where allowed; a host; no user or password in it. ERR_SYNTAX, ERR_NOMEM. */
static enum err url_check(const char *url, bool allow_plain)
{
	CURLU *parts;
	char *scheme = NULL;
	enum err err = ERR_SYNTAX;

	if (url == NULL || strlen(url) > LIMIT_URL)
		return ERR_SYNTAX;
	parts = curl_url();
	if (parts == NULL)
		return ERR_NOMEM;
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    (strcmp(scheme, "https") == 0 || (allow_plain && strcmp(scheme, "http") == 0)))
		err = ERR_OK;
	curl_free(scheme);
	curl_url_cleanup(parts);
	return err;
}

static enum err header_add(struct transfer *transfer, const char *line)
{
	struct curl_slist *list;

	/* A line break in a value would smuggle in a header, or a request. */
	for (const char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 && *c != '\t')
			return ERR_SYNTAX;
	list = curl_slist_append(transfer->headers, line);
	if (list == NULL)
		return ERR_NOMEM;
	transfer->headers = list;
	return ERR_OK;
}

static enum err set_headers(struct transfer *transfer, const struct http_request *request)
{
	enum err err = ERR_OK;

	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
		err = header_add(transfer, request->headers[i]);
		if (err != ERR_OK)
			return err;
	}
	/* Behind ours, these only take away what libcurl adds of its own accord: waiting for a
	 * "100 Continue", and the type of a form. */
	err = header_add(transfer, "Expect:");
	return err == ERR_OK ? header_add(transfer, "Content-Type:") : err;
}

static bool is_method(const char *method)
{
	size_t len = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len > 0 && method[len] == '\0';
}

#if LIBCURL_VERSION_NUM >= 0x075500
static bool set_protocols(CURL *easy, bool allow_plain)
{
	return curl_easy_setopt(
		   easy, CURLOPT_PROTOCOLS_STR, allow_plain ? "http,https" : "https") == CURLE_OK;
}
#else
static bool set_protocols(CURL *easy, bool allow_plain)
{
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
		   allow_plain ? CURLPROTO_HTTP | CURLPROTO_HTTPS : CURLPROTO_HTTPS) == CURLE_OK;
}
#endif

/* What differs from one request to the next. */
static enum err set_request(struct transfer *transfer, const struct http_request *request)
{
	CURL *easy = transfer->easy;
	bool is_get = strcmp(request->method, "GET") == 0;
	bool upload = request->body != NULL && request->body_len > 0;
	bool ok =
	    set_protocols(easy, transfer->guarded ? transfer->is_plain : request->allow_plain);
	enum err err = set_headers(transfer, request);

	if (err != ERR_OK)
		return err;
#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)
	SET(CURLOPT_URL, request->url);
	/* Takes back what an earlier POST through this handle has set. */
	SET(CURLOPT_HTTPGET, 1L);
	if (!is_get || upload) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(upload ? request->body_len : 0));
	}
	SET(CURLOPT_CUSTOMREQUEST, is_get && !upload ? NULL : request->method);
	SET(CURLOPT_FRESH_CONNECT, !is_get && !upload ? 1L : 0L);
	SET(CURLOPT_HTTPHEADER, transfer->headers);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
	if (transfer->http->ca_file != NULL)
		SET(CURLOPT_CAINFO, transfer->http->ca_file);
	/* Pins are good for this transfer and forgotten soon after. */
	SET(CURLOPT_DNS_CACHE_TIMEOUT,
	    transfer->guarded ? (long)(request->deadline_ms / 1000 + 2) : DNS_KEEP_S);
#undef SET
	return ok ? ERR_OK : ERR_NOMEM;
}

static void reset(struct transfer *transfer, const struct http_request *request)
{
	buf_init(&transfer->reply, request->max_reply_bytes);
	transfer->reply_cap = request->max_reply_bytes;
	transfer->body = request->body;
	transfer->body_len = request->body != NULL ? request->body_len : 0;
	transfer->headers_len = 0;
	transfer->body_sent = 0;
	transfer->retry_after_s = -1;
	transfer->is_running = false;
	transfer->cut_reply = request->cut_reply;
	transfer->too_long = false;
	transfer->too_large = false;
	transfer->guarded = request->guarded;
	transfer->start_ms = clock_mono_ms();
	transfer->end_ms = transfer->start_ms + request->deadline_ms;
}

void transfer_list_add(struct transfer **list, struct transfer *transfer)
{
	transfer->prev = NULL;
	transfer->next = *list;
	if (*list != NULL)
		(*list)->prev = transfer;
	*list = transfer;
}

void transfer_list_remove(struct transfer **list, struct transfer *transfer)
{
	if (transfer->prev != NULL)
		transfer->prev->next = transfer->next;
	else
		*list = transfer->next;
	if (transfer->next != NULL)
		transfer->next->prev = transfer->prev;
	transfer->next = NULL;
	transfer->prev = NULL;
}

enum err transfer_launch(struct transfer *transfer)
{
	struct http *http = transfer->http;
	int64_t left_ms = transfer->end_ms - clock_mono_ms();

	if (left_ms <= 0)
		return ERR_TIMEOUT;
	if (curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)left_ms) != CURLE_OK ||
	    curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, transfer->pins) != CURLE_OK ||
	    curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
		return ERR_NOMEM;
	transfer->is_running = true;
	transfer_list_add(&http->running, transfer);
	return ERR_OK;
}

/* Fills in a transfer and sends it on its way. ERR_SYNTAX, ERR_NOMEM, ERR_TIMEOUT. */
static enum err transfer_begin(struct transfer *transfer, const struct http_request *request)
{
	enum err err = ERR_OK;

	reset(transfer, request);
	if (request->guarded)
		err = guard_check(transfer, request->url);
	if (err == ERR_OK)
		err = set_request(transfer, request);
	if (err != ERR_OK)
		return err;
	return request->guarded ? guard_start(transfer) : transfer_launch(transfer);
}

enum err http_start(
    struct http *http, const struct http_request *request, http_done_fn *done, void *arg)
{
	struct transfer *transfer;
	enum err err = ERR_OK;

	if (http->in_flight >= http->max_in_flight)
		return ERR_FULL;
	/* A time of zero would mean "for ever" to libcurl. */
	if (request->url == NULL || !is_method(request->method) || request->deadline_ms <= 0 ||
	    request->connect_timeout_ms <= 0)
		return ERR_SYNTAX;
	if (request->guarded && (http->egress == NULL || http->resolver == NULL))
		return ERR_STATE;
	if (!request->guarded)
		err = url_check(request->url, request->allow_plain);
	if (err != ERR_OK)
		return err;
	transfer = transfer_get(http);
	if (transfer == NULL)
		return ERR_NOMEM;
	transfer->done = done;
	transfer->arg = arg;
	err = transfer_begin(transfer, request);
	if (err != ERR_OK) {
		transfer_put(transfer);
		return err == ERR_TIMEOUT ? ERR_NOMEM : err;
	}
	http->in_flight++;
	return ERR_OK;
}

/* Has a byte of the request left us, on this or an earlier connection? */
static bool has_sent(const struct transfer *transfer)
{
	long request_size = 0;
	curl_off_t uploaded = 0;

	if (curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &request_size) != CURLE_OK ||
	    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded) != CURLE_OK)
		return true;
	return request_size > 0 || uploaded > 0;
}

static enum http_end end_of(const struct transfer *transfer, CURLcode code)
{
	if (transfer->too_large)
		return HTTP_TOO_LARGE;
	if (code == CURLE_OK || transfer->too_long)
		return HTTP_ANSWERED;
	/* Before libcurl has it, its counts are those of another transfer. */
	return transfer->is_running && has_sent(transfer) ? HTTP_UNKNOWN : HTTP_NOT_SENT;
}

/* libcurl's codes that mean the same to us. What is not here is HTTP_FAULT_OTHER. */
static const struct {
	CURLcode code;
	enum http_fault fault;
} faults[] = {
	{ CURLE_OK, HTTP_FAULT_NONE }, { CURLE_COULDNT_RESOLVE_HOST, HTTP_FAULT_RESOLVE },
	{ CURLE_COULDNT_CONNECT, HTTP_FAULT_CONNECT },
	{ CURLE_OPERATION_TIMEDOUT, HTTP_FAULT_TIMEOUT },
	{ CURLE_SSL_CONNECT_ERROR, HTTP_FAULT_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, HTTP_FAULT_TLS },
	{ CURLE_SSL_CERTPROBLEM, HTTP_FAULT_TLS }, { CURLE_SSL_CIPHER, HTTP_FAULT_TLS },
	{ CURLE_SSL_CACERT_BADFILE, HTTP_FAULT_TLS }, { CURLE_SSL_ISSUER_ERROR, HTTP_FAULT_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, HTTP_FAULT_TLS }, { CURLE_SSL_CLIENTCERT, HTTP_FAULT_TLS },
	{ CURLE_GOT_NOTHING, HTTP_FAULT_READ }, { CURLE_PARTIAL_FILE, HTTP_FAULT_READ },
	{ CURLE_RECV_ERROR, HTTP_FAULT_READ }, { CURLE_SEND_ERROR, HTTP_FAULT_READ },
	{ CURLE_SEND_FAIL_REWIND, HTTP_FAULT_READ },
	{ CURLE_BAD_CONTENT_ENCODING, HTTP_FAULT_READ },
	{ CURLE_WEIRD_SERVER_REPLY, HTTP_FAULT_READ },
	{ CURLE_UNSUPPORTED_PROTOCOL, HTTP_FAULT_READ }, /* "HTTP/0.9" */
};

static enum http_fault fault_of(const struct transfer *transfer, enum http_end end, CURLcode code)
{
	if (end == HTTP_ANSWERED)
		return HTTP_FAULT_NONE;
	if (end == HTTP_TOO_LARGE)
		return HTTP_FAULT_TOO_LARGE;
	if (transfer->refused && end == HTTP_NOT_SENT)
		return HTTP_FAULT_REFUSED;
	for (size_t i = 0; i < countof(faults); i++)
		if (faults[i].code == code)
			return faults[i].fault;
	return HTTP_FAULT_OTHER;
}

/* libcurl's words for a code hold no part of URL, headers or body; its error buffer may. */
static void problem_text(
    const struct transfer *transfer, enum http_fault fault, CURLcode code, char out[PROBLEM_SIZE])
{
	long number = 0;

	out[0] = '\0';
	if (fault == HTTP_FAULT_NONE)
		return;
	if (fault == HTTP_FAULT_TOO_LARGE || fault == HTTP_FAULT_REFUSED) {
		(void)snprintf(out, PROBLEM_SIZE, "%s",
		    fault == HTTP_FAULT_REFUSED ? "refused" : "The answer is too large");
		return;
	}
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
	if (number != 0 && code == CURLE_COULDNT_CONNECT)
		(void)snprintf(
		    out, PROBLEM_SIZE, "%s (%s)", curl_easy_strerror(code), strerror((int)number));
	else
		(void)snprintf(out, PROBLEM_SIZE, "%s", curl_easy_strerror(code));
}

/* Takes a transfer back from wherever it is. */
static void transfer_stop(struct transfer *transfer)
{
	struct http *http = transfer->http;

	if (transfer->is_running) {
		(void)curl_multi_remove_handle(http->multi, transfer->easy);
		transfer_list_remove(&http->running, transfer);
	} else {
		transfer_list_remove(&http->waiting, transfer);
	}
}

/*
 * Its handle is free again before the caller hears of the end, so that the caller may start the
 * next one from within its callback.
 */
void transfer_end(struct transfer *transfer, CURLcode code)
{
	struct http *http = transfer->http;
	http_done_fn *done = transfer->done;
	void *arg = transfer->arg;
	char problem[PROBLEM_SIZE];
	struct http_reply reply = {
		.end = end_of(transfer, code),
		.is_cut = transfer->too_long,
		.retry_after_s = transfer->retry_after_s,
		.elapsed_ms = clock_mono_ms() - transfer->start_ms,
		.problem = problem,
	};
	struct buf body = transfer->reply;

	if (transfer->is_running)
		(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	reply.fault = fault_of(transfer, reply.end, code);
	problem_text(transfer, reply.fault, code, problem);
	reply.body = buf_str(&body);
	reply.body_len = body.len;
	buf_init(&transfer->reply, 0);
	transfer_stop(transfer);
	transfer_put(transfer);
	http->in_flight--;
	http->ended++;
	done(arg, &reply);
	buf_free(&body);
}

/* Once more, on a connection of its own; nothing of it was sent. */
static void transfer_again(struct transfer *transfer)
{
	enum err err;

	transfer_stop(transfer);
	transfer->again = true;
	transfer->is_running = false;
	err = curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK
		  ? transfer_launch(transfer)
		  : ERR_NOMEM;
	if (err == ERR_OK)
		return;
	transfer_list_add(&transfer->http->waiting, transfer);
	transfer_end(transfer, err == ERR_TIMEOUT ? CURLE_OPERATION_TIMEDOUT : CURLE_OUT_OF_MEMORY);
}

/* Moves what can be moved without waiting and reports what ended. */
static enum err step(struct http *http)
{
	int running = 0;
	int left = 0;
	CURLMsg *message;

	guard_sweep(http);
	if (curl_multi_perform(http->multi, &running) != CURLM_OK)
		return ERR_IO;
	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		char *owner = NULL;
		struct transfer *transfer;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner) != CURLE_OK)
			continue;
		/* The message is gone once its handle is removed. */
		transfer = (struct transfer *)(void *)owner;
		if (guard_wants_again(transfer, code))
			transfer_again(transfer);
		else
			transfer_end(transfer, code);
	}
	return ERR_OK;
}

/* What of the resolver's to wait for, besides libcurl's own. */
static unsigned extra_fds(const struct http *http, struct curl_waitfd extra[RESOLVE_FDS_MAX])
{
	struct pollfd fds[RESOLVE_FDS_MAX];
	size_t count = http->resolver != NULL ? resolver_fds(http->resolver, fds) : 0;

	for (size_t i = 0; i < count; i++) {
		extra[i] = (struct curl_waitfd){ .fd = fds[i].fd };
		if ((fds[i].events & POLLIN) != 0)
			extra[i].events |= CURL_WAIT_POLLIN;
		if ((fds[i].events & POLLOUT) != 0)
			extra[i].events |= CURL_WAIT_POLLOUT;
	}
	return (unsigned)count;
}

enum err http_run(struct http *http, int64_t wait_ms)
{
	int64_t end_ms = clock_mono_ms() + (wait_ms > 0 ? wait_ms : 0);
	struct curl_waitfd extra[RESOLVE_FDS_MAX];
	enum err err;

	http->ended = 0;
	for (;;) {
		int64_t left_ms = end_ms - clock_mono_ms();
		int ready = 0;
		unsigned count;

		err = step(http);
		if (err != ERR_OK || http->ended > 0 || left_ms <= 0)
			return err;
		left_ms = guard_wait_ms(http, left_ms < INT32_MAX ? left_ms : INT32_MAX);
		count = extra_fds(http, extra);
		if (curl_multi_poll(http->multi, extra, count, (int)left_ms, &ready) != CURLM_OK)
			return ERR_IO;
		/* Nothing ready: the time is up, a timer is due, or a signal came. */
		if (ready == 0)
			return step(http);
	}
}

/* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to us, and OpenSSL writes to sockets that may be
 * closed over there. A program that has its own handler keeps it. */
static void ignore_sigpipe(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
		return;
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

enum err http_new(size_t max_in_flight, struct http **ret_http)
{
	static bool started;
	struct http *http;

	if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ERR_NOMEM;
	started = true;
	ignore_sigpipe();
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return ERR_NOMEM;
	http->max_in_flight = max_in_flight;
	http->multi = curl_multi_init();
	if (http->multi == NULL ||
	    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)max_in_flight) != CURLM_OK ||
	    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) !=
		CURLM_OK) {
		http_free(&http);
		return ERR_NOMEM;
	}
	*ret_http = http;
	return ERR_OK;
}

void http_free(struct http **http)
{
	struct http *gone;

	if (http == NULL || *http == NULL)
		return;
	gone = *http;
	*http = NULL;
	/* No new ones from the callbacks of the ones that are aborted. */
	gone->max_in_flight = 0;
	while (gone->waiting != NULL)
		transfer_end(gone->waiting, CURLE_ABORTED_BY_CALLBACK);
	while (gone->running != NULL)
		transfer_end(gone->running, CURLE_ABORTED_BY_CALLBACK);
	free_list_drop(gone);
	if (gone->multi != NULL)
		(void)curl_multi_cleanup(gone->multi);
	free(gone);
}

void http_trust(struct http *http, const char *ca_file)
{
	http->ca_file = ca_file != NULL && ca_file[0] != '\0' ? ca_file : NULL;
	/* Handles that were used keep the last file. */
	free_list_drop(http);
}

size_t http_in_flight(const struct http *http)
{
	return http->in_flight;
}

size_t http_room(const struct http *http)
{
	/* While http_free() aborts, nothing may start. */
	return http->in_flight < http->max_in_flight ? http->max_in_flight - http->in_flight : 0;
}
