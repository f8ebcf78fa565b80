/* SPDX-License-Identifier: Apache-2.0 */
/* t_http.c: outgoing HTTP against a small server that misbehaves on request. */
#include "base.h"
#include "clock.h"
#include "http.h"
#include "bad_server.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct result {
	unsigned calls;
	enum http_end end;
	long status;
	char body[81000];
	size_t body_len;
	int64_t retry_after_s;
	int64_t elapsed_ms;
	char problem[200];
};

static void note(void *arg, const struct http_reply *reply)
{
	struct result *result = arg;

	result->calls++;
	result->end = reply->end;
	result->status = reply->status;
	assert_true(reply->body_len < sizeof(result->body));
	memcpy(result->body, reply->body, reply->body_len + 1);
	result->body_len = reply->body_len;
	result->retry_after_s = reply->retry_after_s;
	result->elapsed_ms = reply->elapsed_ms;
	(void)snprintf(result->problem, sizeof(result->problem), "%s", reply->problem);
}

static int client_make(void **state)
{
	struct http *http = NULL;

	atomic_store(&seen->connections, 0);
	atomic_store(&seen->requests, 0);
	if (http_new(100, &http) != ERR_OK)
		return -1;
	*state = http;
	return 0;
}

static int client_free(void **state)
{
	struct http *http = *state;

	http_free(&http);
	return http == NULL ? 0 : -1;
}

static const char *url_of(int port, const char *path)
{
	static char url[256];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	return url;
}

static struct http_request request_for(const char *method, const char *url, const char *body)
{
	return (struct http_request){ .method = method,
		.url = url,
		.allow_plain = true,
		.body = body,
		.body_len = body != NULL ? strlen(body) : 0,
		.connect_timeout_ms = 5000,
		.deadline_ms = 20000,
		.max_reply_bytes = 80000 };
}

static void finish(struct http *http)
{
	int64_t end_ms = clock_mono_ms() + 30000;

	while (http_in_flight(http) > 0) {
		assert_int_equal(http_run(http, 500), ERR_OK);
		assert_true(clock_mono_ms() < end_ms);
	}
}

static void run(struct http *http, const struct http_request *request, struct result *ret)
{
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(http_start(http, request, note, ret), ERR_OK);
	finish(http);
	assert_int_equal(ret->calls, 1);
}

static struct result *get(struct http *http, const char *path)
{
	static struct result result;
	struct http_request request = request_for("GET", url_of(server_port, path), NULL);

	run(http, &request, &result);
	return &result;
}

static struct result *post(struct http *http, int port, const char *path, const char *body)
{
	static struct result result;
	struct http_request request = request_for("POST", url_of(port, path), body);

	run(http, &request, &result);
	return &result;
}

static void test_answer(void **state)
{
	const struct result *result = get(*state, "/ok");

	assert_int_equal(result->end, HTTP_ANSWERED);
	assert_int_equal(result->status, 200);
	assert_string_equal(result->body, "hello");
	assert_int_equal(result->body_len, 5);
	assert_int_equal(result->retry_after_s, -1);
	assert_string_equal(result->problem, "");
	assert_in_range(result->elapsed_ms, 0, 5000);
}

static void test_request_as_sent(void **state)
{
	static const char *const headers[] = { "Content-Type: application/json",
		"Authorization: Bearer abc", NULL };
	static struct result result;
	struct http_request request =
	    request_for("POST", url_of(server_port, "/echo"), "{\"a\":1}");
	char wanted[512];

	request.headers = headers;
	run(*state, &request, &result);
	(void)snprintf(wanted, sizeof(wanted),
	    "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: Bonafide/" PACKAGE_VERSION
	    "\r\nAccept: */*\r\nContent-Type: application/json\r\nAuthorization: Bearer abc\r\n"
	    "Content-Length: 7\r\n\r\n{\"a\":1}",
	    server_port);
	assert_string_equal(result.body, wanted);
	/* The same handle, and nothing of the last request in it. */
	(void)snprintf(wanted, sizeof(wanted),
	    "GET /echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: Bonafide/" PACKAGE_VERSION
	    "\r\nAccept: */*\r\n\r\n",
	    server_port);
	assert_string_equal(get(*state, "/echo")->body, wanted);
	assert_int_equal(atomic_load(&seen->connections), 1);
}

static void test_methods_and_large_body(void **state)
{
	static char body[60001];
	static struct result result;
	struct http_request request = request_for("PUT", url_of(server_port, "/echo"), "x");
	const struct result *posted;

	run(*state, &request, &result);
	assert_int_equal(strncmp(result.body, "PUT /echo", 9), 0);
	assert_non_null(strstr(result.body, "\r\n\r\nx"));
	posted = post(*state, server_port, "/echo", NULL);
	assert_int_equal(strncmp(posted->body, "POST /echo", 10), 0);
	assert_non_null(strstr(posted->body, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(posted->body, "Content-Type"));
	memset(body, 'b', sizeof(body) - 1);
	posted = post(*state, server_port, "/echo", body);
	assert_int_equal(posted->end, HTTP_ANSWERED);
	assert_non_null(strstr(posted->body, body));
	assert_null(strstr(posted->body, "Expect"));
}

static void test_deadline(void **state)
{
	static struct result result;
	struct http_request request = request_for("GET", url_of(server_port, "/slow"), NULL);

	request.deadline_ms = 1500;
	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_UNKNOWN);
	assert_in_range(result.elapsed_ms, 1400, 4000);
	assert_int_equal(result.status, 200);
	assert_string_equal(result.problem, "Timeout was reached");
}

static void test_too_large(void **state)
{
	static struct result result;
	struct http_request request = request_for("GET", url_of(server_port, "/large"), NULL);

	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_ANSWERED);
	assert_int_equal(result.body_len, 80000);
	request.max_reply_bytes = 79999;
	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_TOO_LARGE);
	assert_int_equal(result.status, 201);
	assert_int_equal(result.body_len, 79999);
	request.max_reply_bytes = 0;
	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_TOO_LARGE);
	assert_int_equal(result.body_len, 0);
	request.url = url_of(server_port, "/headers");
	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_TOO_LARGE);
	assert_string_equal(result.problem, "The answer is too large");
}

static void test_closed_before_answer(void **state)
{
	const struct result *result = post(*state, server_port, "/gone", "pay");

	assert_int_equal(result->end, HTTP_UNKNOWN);
	assert_int_equal(result->status, 0);
	assert_int_equal(result->body_len, 0);
	assert_int_equal(atomic_load(&seen->requests), 1);
	assert_int_equal(get(*state, "/half")->end, HTTP_UNKNOWN);
	/* Closed before a byte was read: bytes may have left us all the same. */
	assert_int_equal(post(*state, closing_port, "/", "pay")->end, HTTP_UNKNOWN);
}

/*
 * The server takes a second request on a kept connection and hangs up without an answer. It may
 * have acted on it, so it must not get it again.
 */
static void test_post_is_never_repeated(void **state)
{
	const struct result *result = post(*state, server_port, "/second", "pay");

	assert_int_equal(result->end, HTTP_ANSWERED);
	result = post(*state, server_port, "/second", "pay");
	assert_int_equal(result->end, HTTP_UNKNOWN);
	(void)usleep(200000);
	assert_int_equal(atomic_load(&seen->requests), 2);
	/* Without a body: always the first request of its connection, and nothing is repeated. */
	assert_int_equal(post(*state, server_port, "/ok", "x")->end, HTTP_ANSWERED);
	assert_int_equal(post(*state, server_port, "/second", NULL)->end, HTTP_ANSWERED);
	assert_int_equal(post(*state, server_port, "/gone", NULL)->end, HTTP_UNKNOWN);
	(void)usleep(200000);
	assert_int_equal(atomic_load(&seen->requests), 5);
	/* A GET may be, and works. */
	assert_int_equal(get(*state, "/second")->end, HTTP_ANSWERED);
}

static void test_not_sent(void **state)
{
	static struct result result;
	struct http_request request = request_for("POST", "http://no-such-host.invalid/", "x");
	const struct result *refused;
	int port = 0;
	int fd = open_port(-1, &port);

	refused = post(*state, port, "/", "x");
	(void)close(fd);
	assert_int_equal(refused->end, HTTP_NOT_SENT);
	assert_int_equal(refused->status, 0);
	assert_non_null(strstr(refused->problem, "connect to server"));
	assert_non_null(strstr(refused->problem, "Connection refused"));
	request.deadline_ms = 5000;
	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_NOT_SENT);
	/* TLS with somebody who does not speak it. */
	request.url = "https://127.0.0.1:1/";
	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_NOT_SENT);
}

/* Nobody accepts and the backlog is full, so the connection never comes about. */
static void test_connect_timeout(void **state)
{
	static struct result result;
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct http_request request;
	int port = 0;
	int fd = open_port(0, &port);
	int fill[8];

	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (size_t i = 0; i < countof(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&address, sizeof(address));
	}
	request = request_for("POST", url_of(port, "/"), "pay");
	request.connect_timeout_ms = 300;
	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_NOT_SENT);
	assert_in_range(result.elapsed_ms, 250, 3000);
	request.connect_timeout_ms = 5000;
	request.deadline_ms = 300;
	run(*state, &request, &result);
	assert_int_equal(result.end, HTTP_NOT_SENT);
	for (size_t i = 0; i < countof(fill); i++)
		(void)close(fill[i]);
	(void)close(fd);
}

static void test_headers_that_matter(void **state)
{
	const struct result *result = get(*state, "/redirect");

	assert_int_equal(result->status, 302);
	assert_string_equal(result->body, "moved");
	assert_int_equal(atomic_load(&seen->requests), 1);
	result = get(*state, "/later");
	assert_int_equal(result->status, 503);
	assert_int_equal(result->retry_after_s, 120);
	clock_set(1777631400000); /* 2026-05-01T10:30:00Z */
	assert_int_equal(get(*state, "/date")->retry_after_s, 60);
	clock_set(1777631500000);
	assert_int_equal(get(*state, "/date")->retry_after_s, 0);
	clock_set(TIME_NONE);
	assert_int_equal(get(*state, "/nonsense")->retry_after_s, -1);
	result = get(*state, "/continue");
	assert_string_equal(result->body, "went on");
	assert_int_equal(result->retry_after_s, -1);
	assert_string_equal(get(*state, "/zip")->body, "not really");
	(void)get(*state, "/echo");
	assert_null(strstr(get(*state, "/echo")->body, "Cookie"));
}

static void test_ignores_the_environment(void **state)
{
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	assert_int_equal(get(*state, "/ok")->end, HTTP_ANSWERED);
	(void)unsetenv("http_proxy");
	(void)unsetenv("ALL_PROXY");
}

static void refuse(struct http *http, const struct http_request *request)
{
	static struct result result;

	memset(&result, 0, sizeof(result));
	assert_int_equal(http_start(http, request, note, &result), ERR_SYNTAX);
	assert_int_equal(http_in_flight(http), 0);
	assert_int_equal(result.calls, 0);
}

static void test_refuses(void **state)
{
	static const char *const urls[] = { "", "example.org", "ftp://example.org/",
		"file:///etc/passwd", "https://", "https://user@example.org/",
		"https://user:word@example.org/", "http://a b/", "https://example.org:99999/",
		"gopher://example.org/", NULL };
	static const char *const smuggled[] = { "X: a\r\nY: b", NULL };
	struct http_request request = request_for("GET", NULL, NULL);
	char large[4000];

	refuse(*state, &request);
	for (size_t i = 0; urls[i] != NULL; i++) {
		request.url = urls[i];
		refuse(*state, &request);
	}
	memset(large, 'a', sizeof(large));
	memcpy(large, "https://", 8);
	large[sizeof(large) - 1] = '\0';
	request.url = large;
	refuse(*state, &request);
	request.url = url_of(server_port, "/ok");
	request.allow_plain = false;
	refuse(*state, &request);
	request.allow_plain = true;
	request.headers = smuggled;
	refuse(*state, &request);
	request.headers = NULL;
	request.method = "GET /x HTTP/1.1\r\nA: b";
	refuse(*state, &request);
	request.method = "";
	refuse(*state, &request);
	request.method = "GET";
	request.deadline_ms = 0;
	refuse(*state, &request);
	assert_int_equal(http_room(*state), 100);
}

#define MANY 100

static void count_answer(void *arg, const struct http_reply *reply)
{
	if (reply->end == HTTP_ANSWERED && strcmp(reply->body, "waited") == 0)
		(*(unsigned *)arg)++;
}

static void test_many_at_once(void **state)
{
	struct http *http = *state;
	struct http_request request = request_for("POST", url_of(server_port, "/wait"), "x");
	unsigned answered = 0;
	int64_t start = clock_mono_ms();

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < MANY; i++)
			assert_int_equal(
			    http_start(http, &request, count_answer, &answered), ERR_OK);
		assert_int_equal(http_room(http), 0);
		assert_int_equal(http_start(http, &request, count_answer, &answered), ERR_FULL);
		finish(http);
		assert_int_equal(answered, (round + 1) * MANY);
		assert_int_equal(http_room(http), MANY);
	}
	/* One after the other they would take 30 s. */
	assert_true(clock_mono_ms() - start < 15000);
	assert_int_equal(atomic_load(&seen->requests), 3 * MANY);
	assert_int_equal(atomic_load(&seen->connections), MANY);
}

struct chain {
	struct http *http;
	struct http_request request;
	unsigned left;
};

/* Starts the next transfer from within the callback, and still has its own answer. */
static void next_in_chain(void *arg, const struct http_reply *reply)
{
	struct chain *chain = arg;

	assert_int_equal(http_room(chain->http), MANY);
	chain->left--;
	if (chain->left > 0)
		assert_int_equal(
		    http_start(chain->http, &chain->request, next_in_chain, chain), ERR_OK);
	assert_string_equal(reply->body, "hello");
}

static void test_start_from_callback(void **state)
{
	struct chain chain = { .http = *state, .left = 5 };

	chain.request = request_for("GET", url_of(server_port, "/ok"), NULL);
	assert_int_equal(http_start(chain.http, &chain.request, next_in_chain, &chain), ERR_OK);
	finish(chain.http);
	assert_int_equal(chain.left, 0);
	assert_int_equal(atomic_load(&seen->connections), 1);
}

static void count_end(void *arg, const struct http_reply *reply)
{
	((unsigned *)arg)[reply->end]++;
}

static void test_free_aborts(void **state)
{
	struct http *http = NULL;
	struct http_request request = request_for("POST", url_of(server_port, "/slow"), "x");
	unsigned ends[HTTP__MAX] = { 0 };

	(void)state;
	assert_int_equal(http_new(10, &http), ERR_OK);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(http_start(http, &request, count_end, ends), ERR_OK);
	while (atomic_load(&seen->requests) < 5)
		assert_int_equal(http_run(http, 50), ERR_OK);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(http_start(http, &request, count_end, ends), ERR_OK);
	http_free(&http);
	assert_null(http);
	assert_int_equal(ends[HTTP_UNKNOWN], 5);
	assert_int_equal(ends[HTTP_NOT_SENT], 5);
	http_free(&http);
	http_free(NULL);
}

static void ignore_alarm(int number)
{
	(void)number;
}

static void test_run_waits_and_wakes(void **state)
{
	struct sigaction action = { .sa_handler = ignore_alarm, .sa_flags = SA_RESTART };
	int64_t start = clock_mono_ms();

	assert_int_equal(http_run(*state, 0), ERR_OK);
	assert_int_equal(http_run(*state, -5), ERR_OK);
	assert_int_equal(http_run(*state, 60), ERR_OK);
	assert_in_range(clock_mono_ms() - start, 50, 5000);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	start = clock_mono_ms();
	(void)alarm(1);
	assert_int_equal(http_run(*state, 20000), ERR_OK);
	assert_in_range(clock_mono_ms() - start, 500, 10000);
}

/* ---- TLS with a certificate nobody vouches for ----------------------------------------------- */

static pid_t openssl_run(const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, 0);
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)execvp("openssl", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static bool wait_for_port(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned tries = 0; tries < 100; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool up = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

		(void)close(fd);
		if (up)
			return true;
		(void)usleep(50000);
	}
	return false;
}

static void test_certificate_is_checked(void **state)
{
	char directory[] = "/tmp/t_http.XXXXXX";
	char pem[64], where[32];
	const char *const make[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=127.0.0.1", "-addext",
		"subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout", pem, "-out", pem, NULL };
	const char *const serve_tls[] = { "openssl", "s_server", "-accept", where, "-cert", pem,
		"-key", pem, "-www", "-quiet", NULL };
	static struct result result;
	struct http_request request;
	int status = 1;
	int port = 0;
	pid_t pid;

	(void)close(open_port(-1, &port));
	assert_non_null(mkdtemp(directory));
	(void)snprintf(pem, sizeof(pem), "%s/pem", directory);
	(void)snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	(void)waitpid(openssl_run(make), &status, 0);
	if (status != 0) {
		(void)unlink(pem);
		(void)rmdir(directory);
		skip();
	}
	pid = openssl_run(serve_tls);
	assert_true(wait_for_port(port));
	(void)snprintf(where, sizeof(where), "https://127.0.0.1:%d/", port);
	request = request_for("GET", where, NULL);
	run(*state, &request, &result);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)unlink(pem);
	(void)rmdir(directory);
	assert_int_equal(result.end, HTTP_NOT_SENT);
	assert_non_null(strstr(result.problem, "certificate"));
}

#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, client_make, client_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(test_answer),
		WITH_CLIENT(test_request_as_sent),
		WITH_CLIENT(test_methods_and_large_body),
		WITH_CLIENT(test_deadline),
		WITH_CLIENT(test_too_large),
		WITH_CLIENT(test_closed_before_answer),
		WITH_CLIENT(test_post_is_never_repeated),
		WITH_CLIENT(test_not_sent),
		WITH_CLIENT(test_connect_timeout),
		WITH_CLIENT(test_headers_that_matter),
		WITH_CLIENT(test_ignores_the_environment),
		WITH_CLIENT(test_refuses),
		WITH_CLIENT(test_many_at_once),
		WITH_CLIENT(test_start_from_callback),
		WITH_CLIENT(test_free_aborts),
		WITH_CLIENT(test_run_waits_and_wakes),
		WITH_CLIENT(test_certificate_is_checked),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
