/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s3.c: one easy handle of libcurl for each request, all in one multi handle.
 *
 * libcurl signs the headers that it is given together with Host and X-Amz-Date. It cannot know the hash
 * of a body that it reads piece by piece, so X-Amz-Content-Sha256 is ours, and what it finds there is
 * what it signs. A header without a value ("Expect:") must not be set: it would be signed, not sent.
 */
#include "s3.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "str.h"

#include <curl/curl.h>

#define CONNECT_MS 5000L
#define CONNECTION_AGE_S 30L
#define HEADERS_MAX 65536
#define SAID_SIZE 2048 /* of an answer that is an error's: its code is near the beginning */
#define SAID_MOST 65536
#define URL_SIZE (LIMIT_URL + S3_KEY_MAX + 128)
#define WORD_SIZE 64
#define CURL_SIGNS 0x075800 /* 7.88.0 */
#define RUN_MS 1000

enum verb { VERB_PUT, VERB_GET, VERB_HEAD, VERB_DELETE };

/* A request under way. */
struct talk {
	struct talk *next;
	struct s3 *s3;
	CURL *easy;
	struct curl_slist *headers;
	enum verb verb;
	int fd; /* of what is put; -1 */
	s3_sink *sink;
	void *sink_arg;
	int64_t sink_ms; /* that the sink took */
	uint64_t max_bytes;
	uint64_t taken; /* bytes that came, or the size of the file that is put */
	s3_done_fn *done;
	void *arg;
	enum err err;  /* ours, which ended it */
	bool too_much; /* came */
	size_t headers_len;
	size_t said_len;
	char said[SAID_SIZE];
	char etag[S3_ETAG_SIZE];
};

struct s3 {
	CURLM *multi;
	struct talk *running;
	size_t max_in_flight;
	size_t in_flight;
	size_t ended; /* in this s3_run() */
	bool in_host;
	bool is_plain;
	int64_t deadline_ms;
	char endpoint[LIMIT_URL + 1];
	char name[64];
	char signing[96]; /* libcurl's description of the signature */
	char ca_file[LIMIT_SETTING + 1];
	char access_key[256];
	char secret_key[256];
};

/* ---- what may be asked for ----------------------------------------------------------------------- */

bool s3_can_sign(void)
{
	return curl_version_info(CURLVERSION_NOW)->version_num >= CURL_SIGNS;
}

bool s3_key_ok(const char *key)
{
	bool begins = true; /* a part */

	for (const char *c = key; *c != '\0'; c++) {
		bool plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
			     (*c >= 'A' && *c <= 'Z') || *c == '_' || *c == '-';
		if (!plain && (begins || (*c != '.' && *c != '/')))
			return false;
		begins = *c == '/';
	}
	return !begins && strlen(key) <= S3_KEY_MAX;
}

bool s3_bucket_ok(const char *name)
{
	size_t len = strlen(name);

	return len >= 3 && len <= 63 && s3_key_ok(name) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

static enum err make_url(const struct s3 *s3, const char *key, char out[URL_SIZE])
{
	const char *host = strstr(s3->endpoint, "://");
	int len;

	if (host == NULL || !s3_key_ok(key))
		return ERR_SYNTAX;
	host += 3;
	if (s3->in_host)
		len = snprintf(out, URL_SIZE, "%.*s%s.%s/%s", (int)(host - s3->endpoint),
		    s3->endpoint, s3->name, host, key);
	else
		len = snprintf(out, URL_SIZE, "%s/%s/%s", s3->endpoint, s3->name, key);
	return len > 0 && len < URL_SIZE ? ERR_OK : ERR_SYNTAX;
}

/* ---- what libcurl calls ---------------------------------------------------------------------------- */

static size_t give_file(char *out, size_t size, size_t count, void *arg)
{
	struct talk *talk = arg;
	ssize_t got;

	do
		got = read(talk->fd, out, size * count);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return (size_t)got;
	talk->err = ERR_IO;
	return CURL_READFUNC_ABORT;
}

/* A kept connection that was closed over there: the same again does no harm here. */
static int seek_file(void *arg, curl_off_t offset, int origin)
{
	const struct talk *talk = arg;

	return lseek(talk->fd, (off_t)offset, origin) >= 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static long status_of(const struct talk *talk)
{
	long status = 0;

	(void)curl_easy_getinfo(talk->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* What the sink takes, and it may be a slow client, is not the store's time. */
static enum err to_sink(struct talk *talk, const char *data, size_t len)
{
	int64_t from_ms = clock_mono_ms();
	enum err err = talk->sink(talk->sink_arg, data, len);

	talk->sink_ms += clock_mono_ms() - from_ms;
	if (err == ERR_OK && curl_easy_setopt(talk->easy, CURLOPT_TIMEOUT_MS,
				 (long)(talk->s3->deadline_ms + talk->sink_ms)) != CURLE_OK)
		err = ERR_NOMEM;
	return err;
}

/* The content of an object goes to the sink; of anything else the beginning is kept. */
static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct talk *talk = arg;
	size_t len = size * count;
	bool is_content = talk->verb == VERB_GET && status_of(talk) == 200;

	talk->taken += talk->verb == VERB_PUT ? 0 : len;
	talk->too_much =
	    is_content ? talk->taken > talk->max_bytes : talk->said_len + len > SAID_MOST;
	if (talk->too_much)
		return 0;
	if (is_content) {
		talk->err = to_sink(talk, data, len);
		return talk->err == ERR_OK ? len : 0;
	}
	if (talk->said_len < SAID_SIZE - 1) {
		size_t room = SAID_SIZE - 1 - talk->said_len;
		memcpy(talk->said + talk->said_len, data, len < room ? len : room);
	}
	talk->said_len += len;
	return len;
}

static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
	static const char name[] = "ETag:";
	struct talk *talk = arg;
	size_t len = size * count, from = sizeof(name) - 1, end = len;

	talk->headers_len += len;
	talk->too_much = talk->too_much || talk->headers_len > HEADERS_MAX;
	if (talk->too_much)
		return 0;
	if (len >= 5 && strncmp(line, "HTTP/", 5) == 0)
		talk->etag[0] = '\0';
	if (len < sizeof(name) || strncasecmp(line, name, from) != 0)
		return len;
	while (from < end && (line[from] == ' ' || line[from] == '\t'))
		from++;
	while (end > from && strchr(" \t\r\n", line[end - 1]) != NULL)
		end--;
	if (end - from < S3_ETAG_SIZE) {
		memcpy(talk->etag, line + from, end - from);
		talk->etag[end - from] = '\0';
	}
	return len;
}

/* ---- starting ---------------------------------------------------------------------------------------- */

static void talk_free(struct talk *talk)
{
	if (talk == NULL)
		return;
	curl_easy_cleanup(talk->easy);
	curl_slist_free_all(talk->headers);
	if (talk->fd >= 0)
		(void)close(talk->fd);
	free(talk);
}

static enum err add_header(struct talk *talk, const char *line)
{
	struct curl_slist *list = curl_slist_append(talk->headers, line);

	if (list == NULL)
		return ERR_NOMEM;
	talk->headers = list;
	return ERR_OK;
}

static enum err add_hash(struct talk *talk)
{
	uint8_t hash[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1], line[128];
	enum err err = talk->verb == VERB_PUT ? sha256_of_file(talk->fd, hash, &talk->taken)
					      : sha256_of("", 0, hash);

	if (err == ERR_OK && talk->verb == VERB_PUT && lseek(talk->fd, 0, SEEK_SET) != 0)
		err = ERR_IO;
	if (err != ERR_OK)
		return err;
	hex_encode(hash, sizeof(hash), hex);
	(void)snprintf(line, sizeof(line), "X-Amz-Content-Sha256: %s", hex);
	err = add_header(talk, line);
	return err == ERR_OK && talk->verb == VERB_PUT
		   ? add_header(talk, "Content-Type: application/octet-stream")
		   : err;
}

#if LIBCURL_VERSION_NUM >= 0x075500
static bool set_protocol(CURL *easy, bool is_plain)
{
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, is_plain ? "http" : "https") ==
	       CURLE_OK;
}
#else
static bool set_protocol(CURL *easy, bool is_plain)
{
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
		   is_plain ? CURLPROTO_HTTP : CURLPROTO_HTTPS) == CURLE_OK;
}
#endif

#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)

/* What is the same for every request to this bucket. */
static bool set_common(const struct talk *talk)
{
	const struct s3 *s3 = talk->s3;
	CURL *easy = talk->easy;
	bool ok = set_protocol(easy, s3->is_plain);

	SET(CURLOPT_PRIVATE, talk);
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
	if (s3->ca_file[0] != '\0')
		SET(CURLOPT_CAINFO, s3->ca_file);
	SET(CURLOPT_MAXAGE_CONN, CONNECTION_AGE_S);
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(CURLOPT_TIMEOUT_MS, (long)s3->deadline_ms);
	SET(CURLOPT_AWS_SIGV4, s3->signing);
	SET(CURLOPT_USERNAME, s3->access_key);
	SET(CURLOPT_PASSWORD, s3->secret_key);
	return ok;
}

static bool set_request(struct talk *talk, const char *url)
{
	CURL *easy = talk->easy;
	bool ok = set_common(talk);

	SET(CURLOPT_URL, url);
	SET(CURLOPT_HTTPHEADER, talk->headers);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, talk);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, talk);
	if (talk->verb == VERB_PUT) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)talk->taken);
		SET(CURLOPT_READFUNCTION, give_file);
		SET(CURLOPT_READDATA, talk);
		SET(CURLOPT_SEEKFUNCTION, seek_file);
		SET(CURLOPT_SEEKDATA, talk);
	} else if (talk->verb == VERB_HEAD) {
		SET(CURLOPT_NOBODY, 1L);
	} else if (talk->verb == VERB_DELETE) {
		SET(CURLOPT_CUSTOMREQUEST, "DELETE");
	}
	return ok;
}

#undef SET

/* What a caller has of a request. */
struct wish {
	enum verb verb;
	const char *key;
	int fd;
	uint64_t max_bytes;
	s3_sink *sink;
	void *sink_arg;
	s3_done_fn *done;
	void *arg;
};

/* Takes the wish's file, whatever happens. */
static enum err start(struct s3 *s3, const struct wish *wish)
{
	char url[URL_SIZE];
	struct talk *talk = calloc(1, sizeof(*talk));
	enum err err = talk == NULL ? ERR_NOMEM : make_url(s3, wish->key, url);

	if (talk == NULL) {
		if (wish->fd >= 0)
			(void)close(wish->fd);
		return err;
	}
	talk->s3 = s3;
	talk->verb = wish->verb;
	talk->fd = wish->fd;
	talk->max_bytes = wish->max_bytes;
	talk->sink = wish->sink;
	talk->sink_arg = wish->sink_arg;
	talk->done = wish->done;
	talk->arg = wish->arg;
	if (err == ERR_OK && s3->in_flight >= s3->max_in_flight)
		err = ERR_FULL;
	if (err == ERR_OK)
		err = add_hash(talk);
	if (err == ERR_OK && (talk->easy = curl_easy_init()) == NULL)
		err = ERR_NOMEM;
	if (err == ERR_OK &&
	    (!set_request(talk, url) || curl_multi_add_handle(s3->multi, talk->easy) != CURLM_OK))
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		talk_free(talk);
		return err;
	}
	talk->next = s3->running;
	s3->running = talk;
	s3->in_flight++;
	return ERR_OK;
}

enum err s3_put(struct s3 *s3, const char *key, const char *path, s3_done_fn *done, void *arg)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? ERR_MISSING : ERR_IO;
	return start(
	    s3, &(struct wish){ .verb = VERB_PUT, .key = key, .fd = fd, .done = done, .arg = arg });
}

enum err s3_get(struct s3 *s3, const char *key, uint64_t max_bytes, s3_sink *sink, void *sink_arg,
    s3_done_fn *done, void *arg)
{
	return start(s3, &(struct wish){ .verb = VERB_GET,
			     .key = key,
			     .fd = -1,
			     .max_bytes = max_bytes,
			     .sink = sink,
			     .sink_arg = sink_arg,
			     .done = done,
			     .arg = arg });
}

enum err s3_head(struct s3 *s3, const char *key, s3_done_fn *done, void *arg)
{
	return start(s3,
	    &(struct wish){ .verb = VERB_HEAD, .key = key, .fd = -1, .done = done, .arg = arg });
}

enum err s3_delete(struct s3 *s3, const char *key, s3_done_fn *done, void *arg)
{
	return start(s3,
	    &(struct wish){ .verb = VERB_DELETE, .key = key, .fd = -1, .done = done, .arg = arg });
}

/* ---- ending ------------------------------------------------------------------------------------------ */

/* The store's word for an error: <Code>NoSuchKey</Code> (S3 API, "Error responses"). Letters only, so it
 * can be shown. */
static void error_word(const struct talk *talk, char out[WORD_SIZE])
{
	const char *at = strstr(talk->said, "<Code>");
	size_t len =
	    at == NULL ? 0 : strspn(at + 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	out[0] = '\0';
	if (len > 0 && len < WORD_SIZE && strncmp(at + 6 + len, "</Code>", 7) == 0) {
		memcpy(out, at + 6, len);
		out[len] = '\0';
	}
}

/* The one answer to each verb that means success. */
static bool succeeded(const struct talk *talk, long status, uint64_t *ret_size)
{
	curl_off_t said = -1;

	*ret_size = talk->taken;
	switch (talk->verb) {
	case VERB_PUT:
		return status == 200 && talk->etag[0] != '\0';
	case VERB_GET:
		return status == 200;
	case VERB_HEAD:
		(void)curl_easy_getinfo(talk->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &said);
		*ret_size = said < 0 ? 0 : (uint64_t)said;
		return status == 200 && said >= 0 && talk->etag[0] != '\0';
	case VERB_DELETE:
		return status == 204 || (status == 200 && talk->said_len == 0);
	}
	return false;
}

/* Of what is no success. "Not there" must be the store's own word for an object, where there is room for
 * one: a bucket that is not there, or somebody else's server, says 404 as well. */
static enum s3_end end_of(const struct talk *talk, long status, const char *word)
{
	bool is_head = talk->verb == VERB_HEAD;

	if (status == 404 && (is_head || strcmp(word, "NoSuchKey") == 0))
		return S3_MISSING;
	if (status == 429 || status >= 500 || strcmp(word, "SlowDown") == 0)
		return S3_AWAY;
	if ((is_head && status >= 300 && status < 500) || (status >= 300 && word[0] != '\0'))
		return S3_REFUSED;
	return status == 401 || status == 403 ? S3_REFUSED : S3_NONSENSE;
}

/* What an end of libcurl's own means. */
static enum s3_end end_of_curl(const struct talk *talk, CURLcode code)
{
	if (talk->too_much)
		return S3_NONSENSE;
	if (talk->err != ERR_OK)
		return S3_STOPPED;
	switch (code) {
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* "HTTP/0.9" */
	case CURLE_BAD_CONTENT_ENCODING:
		return S3_NONSENSE;
	default:
		return S3_AWAY;
	}
}

static bool has_sent(const struct talk *talk)
{
	long request_size = 0;

	return curl_easy_getinfo(talk->easy, CURLINFO_REQUEST_SIZE, &request_size) != CURLE_OK ||
	       request_size > 0;
}

static void talk_end(struct talk *talk, CURLcode code)
{
	struct s3 *s3 = talk->s3;
	char problem[S3_PROBLEM_SIZE] = "", word[WORD_SIZE];
	struct s3_reply reply = { .end = S3_DONE, .err = ERR_OK, .etag = talk->etag };
	struct talk **at = &s3->running;
	long status = status_of(talk);

	reply.was_sent = status < 200 && has_sent(talk);
	reply.problem = problem;
	error_word(talk, word);
	if (talk->too_much) {
		reply.end = S3_NONSENSE;
		(void)snprintf(problem, sizeof(problem), "the answer is too long");
	} else if (code != CURLE_OK) {
		reply.end = end_of_curl(talk, code);
		reply.err = talk->err;
		/* libcurl's words for a code hold no part of URL, headers or body. */
		(void)snprintf(problem, sizeof(problem), "%s", curl_easy_strerror(code));
	} else if (!succeeded(talk, status, &reply.size_bytes)) {
		reply.end = end_of(talk, status, word);
		reply.size_bytes = 0;
		(void)snprintf(problem, sizeof(problem), "answered %ld%s%s", status,
		    word[0] != '\0' ? " " : "", word);
	}
	while (*at != talk)
		at = &(*at)->next;
	*at = talk->next;
	(void)curl_multi_remove_handle(s3->multi, talk->easy);
	s3->in_flight--;
	s3->ended++;
	talk->done(talk->arg, &reply);
	talk_free(talk);
}

/* ---- the client ---------------------------------------------------------------------------------------- */

static bool copy_text(char *out, size_t size, const char *text)
{
	int len = snprintf(out, size, "%s", text);

	return len >= 0 && (size_t)len < size;
}

/* libcurl leaves SIGPIPE to us (CURLOPT_NOSIGNAL). A program with its own handler keeps it. */
static void ignore_sigpipe(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
		return;
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

enum err s3_new(const struct s3_bucket *bucket, size_t max_in_flight, struct s3 **ret_s3)
{
	static bool started;

	if (!s3_can_sign())
		return ERR_CONFIG;
	if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ERR_NOMEM;
	started = true;
	ignore_sigpipe();
	struct s3 *s3 = calloc(1, sizeof(*s3));
	if (s3 == NULL)
		return ERR_NOMEM;
	int len = snprintf(s3->signing, sizeof(s3->signing), "aws:amz:%s:s3", bucket->region);
	bool fits = len > 0 && (size_t)len < sizeof(s3->signing) &&
		    copy_text(s3->endpoint, sizeof(s3->endpoint), bucket->endpoint) &&
		    copy_text(s3->name, sizeof(s3->name), bucket->name) &&
		    copy_text(s3->ca_file, sizeof(s3->ca_file), bucket->ca_file) &&
		    copy_text(s3->access_key, sizeof(s3->access_key), bucket->access_key) &&
		    copy_text(s3->secret_key, sizeof(s3->secret_key), bucket->secret_key);
	s3->is_plain = strncmp(s3->endpoint, "http://", 7) == 0;
	s3->in_host = bucket->in_host;
	s3->deadline_ms = bucket->deadline_ms;
	s3->max_in_flight = max_in_flight;
	s3->multi = curl_multi_init();
	if (!fits || s3->multi == NULL ||
	    curl_multi_setopt(s3->multi, CURLMOPT_MAXCONNECTS, (long)max_in_flight) != CURLM_OK) {
		s3_free(&s3);
		return fits ? ERR_NOMEM : ERR_CONFIG;
	}
	*ret_s3 = s3;
	return ERR_OK;
}

void s3_free(struct s3 **s3)
{
	if (s3 == NULL || *s3 == NULL)
		return;
	(*s3)->max_in_flight = 0; /* no new ones from the callbacks */
	while ((*s3)->running != NULL)
		talk_end((*s3)->running, CURLE_ABORTED_BY_CALLBACK);
	if ((*s3)->multi != NULL)
		(void)curl_multi_cleanup((*s3)->multi);
	wipe(*s3, sizeof(**s3));
	free(*s3);
	*s3 = NULL;
}

size_t s3_in_flight(const struct s3 *s3)
{
	return s3->in_flight;
}

static enum err step(struct s3 *s3)
{
	int running = 0, left = 0;
	CURLMsg *message;

	if (curl_multi_perform(s3->multi, &running) != CURLM_OK)
		return ERR_IO;
	while ((message = curl_multi_info_read(s3->multi, &left)) != NULL) {
		char *owner = NULL;
		CURLcode code = message->data.result;
		if (message->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner) == CURLE_OK)
			talk_end((struct talk *)(void *)owner, code);
	}
	return ERR_OK;
}

enum err s3_run(struct s3 *s3, int64_t wait_ms)
{
	int64_t end_ms = clock_mono_ms() + wait_ms;

	s3->ended = 0;
	for (;;) {
		int ready = 0;
		enum err err = step(s3);
		int64_t left_ms = end_ms - clock_mono_ms();
		if (err != ERR_OK || s3->ended > 0 || left_ms <= 0 || s3->in_flight == 0)
			return err;
		if (curl_multi_poll(s3->multi, NULL, 0,
			(int)(left_ms < INT32_MAX ? left_ms : INT32_MAX), &ready) != CURLM_OK)
			return ERR_IO;
		if (ready == 0) /* the time is up, a timer is due, or a signal came */
			return step(s3);
	}
}

enum err s3_finish(struct s3 *s3)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && s3->in_flight > 0)
		err = s3_run(s3, RUN_MS);
	return err;
}
