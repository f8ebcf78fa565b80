/* SPDX-License-Identifier: Apache-2.0 */
/* t_http_receiver.c: guarded transfers to receivers that misbehave: TLS, deadline, cap. */
#include "base.h"
#include "guard_fixture.h"

/* ---- TLS ------------------------------------------------------------------------------------- */

static void test_certificates(void **state)
{
	struct client *client = *state;
	unsigned before = seen(log_one, "request ");

	/* Not the name in the certificate. */
	fails(post(state, named("other.example", "/")), HTTP_NOT_SENT, HTTP_FAULT_TLS);
	/* Not the address in the certificate. */
	fails(post(state, named("127.0.0.2", "/")), HTTP_NOT_SENT, HTTP_FAULT_TLS);
	is_answered(post(state, named("one.named.example", "/")));
	/* Nobody we trust. */
	client_end(state);
	assert_int_equal(client_make(state), 0);
	client = *state;
	http_trust(client->http, NULL);
	fails(post(state, named("one.named.example", "/")), HTTP_NOT_SENT, HTTP_FAULT_TLS);
	http_trust(client->http, pem);
	is_answered(post(state, named("one.named.example", "/")));
	http_trust(client->http, "");
	assert_int_equal(seen(log_one, "request "), before + 2);
}

static void test_no_tls_over_there(void **state)
{
	char url[100];

	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/", plain_port);
	fails(post(state, url), HTTP_NOT_SENT, HTTP_FAULT_TLS);
	fails(post(state, "https://127.0.0.1:1/"), HTTP_NOT_SENT, HTTP_FAULT_CONNECT);
}

/* ---- receivers that misbehave ---------------------------------------------------------------- */

static void test_what_is_sent(void **state)
{
	const struct result *result;
	char wanted[400];

	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("https_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	result = post(state, plain("127.0.0.1", "/echo"));
	(void)snprintf(wanted, sizeof(wanted),
	    "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: Bonafide/" PACKAGE_VERSION
	    "\r\nAccept: */*\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
	    plain_port);
	assert_int_equal(result->end, HTTP_ANSWERED);
	assert_string_equal(result->body, wanted);
	/* No cookie comes back. */
	assert_string_equal(post(state, plain("127.0.0.1", "/echo"))->body, wanted);
	result = post(state, named("one.named.example", "/echo"));
	assert_non_null(strstr(result->body, "\r\nHost: one.named.example:"));
	(void)unsetenv("http_proxy");
	(void)unsetenv("https_proxy");
	(void)unsetenv("ALL_PROXY");
}

static void test_redirect_is_not_followed(void **state)
{
	unsigned before = seen(log_plain, "request POST /ok");
	const struct result *result = post(state, plain("127.0.0.1", "/redirect"));

	assert_int_equal(result->end, HTTP_ANSWERED);
	assert_int_equal(result->status, 302);
	assert_int_equal(seen(log_plain, "request POST /ok"), before);
}

static void test_long_answers_are_cut(void **state)
{
	static const char *const paths[] = { "/long", "/endless", "/chunks", "/te-bomb", "/bomb" };
	struct client *client = *state;

	for (size_t i = 0; i < countof(paths); i++) {
		const struct result *result = post(state, plain("127.0.0.1", paths[i]));

		if (result->end != HTTP_ANSWERED)
			fail_msg("%s: %s", paths[i], result->problem);
		assert_int_equal(result->status, 200);
		assert_in_range(result->elapsed_ms, 0, 3000);
		/* 16 MiB are 16 KB of gzip, which is what we keep: nothing is unpacked, or if a
		 * libcurl undoes a transfer coding, no more than our share of it. */
		if (strncmp(result->body, "\x1f\x8b", 2) != 0)
			assert_true(result->is_cut);
		else
			assert_true(i >= 3);
		assert_in_range(result->body_len, CAP - 1000, CAP);
	}
	for (size_t i = 0; i < 3; i++) {
		struct http_request request = request_for(plain("127.0.0.1", paths[i]));
		const struct result *result;

		request.cut_reply = false;
		result = run(client->http, &request);
		fails(result, HTTP_TOO_LARGE, HTTP_FAULT_TOO_LARGE);
		assert_int_equal(result->status, 200);
		request.cut_reply = true;
		request.max_reply_bytes = 0;
		result = run(client->http, &request);
		assert_int_equal(result->end, HTTP_ANSWERED);
		assert_true(result->is_cut);
		assert_int_equal(result->body_len, 0);
		request.max_reply_bytes = 20000;
		result = run(client->http, &request);
		assert_int_equal(result->body_len, 20000);
		assert_int_equal(result->is_cut, i > 0);
	}
}

static void test_headers_without_end(void **state)
{
	static const char *const paths[] = { "/headers", "/continue", "/trailers" };

	for (size_t i = 0; i < countof(paths); i++) {
		const struct result *result = post(state, plain("127.0.0.1", paths[i]));

		fails(result, HTTP_TOO_LARGE, HTTP_FAULT_TOO_LARGE);
		assert_in_range(result->elapsed_ms, 0, 3000);
	}
}

static void test_slow_ones_meet_the_deadline(void **state)
{
	static const char *const paths[] = { "/drip-head", "/drip-body", "/hang", "/extension" };
	struct client *client = *state;
	static struct result results[2 * countof(paths)];

	memset(results, 0, sizeof(results));
	for (size_t i = 0; i < countof(results); i++) {
		const char *path = paths[i / 2];
		struct http_request request = request_for(
		    i % 2 == 0 ? plain("127.0.0.1", path) : named("one.named.example", path));

		request.deadline_ms = 2000;
		assert_int_equal(http_start(client->http, &request, note, &results[i]), ERR_OK);
	}
	finish(client->http);
	for (size_t i = 0; i < countof(results); i++) {
		fails(&results[i], HTTP_UNKNOWN, HTTP_FAULT_TIMEOUT);
		assert_in_range(results[i].elapsed_ms, 1950, 3500);
		assert_true(results[i].body_len <= 3);
	}
}

/* The kernel accepts, and then nobody reads: neither a handshake nor a request gets anywhere. */
static void test_accepted_and_left_alone(void **state)
{
	struct client *client = *state;
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char body[4000000];
	char url[100];
	struct http_request request = request_for(url);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(listen(fd, 20), 0);
	request.deadline_ms = 700;
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/", ntohs(address.sin_port));
	fails(run(client->http, &request), HTTP_NOT_SENT, HTTP_FAULT_TIMEOUT);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
	fails(run(client->http, &request), HTTP_UNKNOWN, HTTP_FAULT_TIMEOUT);
	memset(body, 'x', sizeof(body));
	request.body = body;
	request.body_len = sizeof(body);
	fails(run(client->http, &request), HTTP_UNKNOWN, HTTP_FAULT_TIMEOUT);
	(void)close(fd);
}

static void test_broken_connections(void **state)
{
	static const char *const paths[] = { "/reset", "/close", "/noise" };
	unsigned requests = seen(log_plain, "request POST /reset");

	for (size_t i = 0; i < countof(paths); i++)
		fails(post(state, plain("127.0.0.1", paths[i])), HTTP_UNKNOWN, HTTP_FAULT_READ);
	assert_int_equal(seen(log_plain, "request POST /reset"), requests + 1);
}

static void test_status_is_an_answer(void **state)
{
	assert_int_equal(post(state, plain("127.0.0.1", "/status/410"))->status, 410);
	assert_int_equal(post(state, plain("127.0.0.1", "/status/500"))->status, 500);
	assert_int_equal(post(state, plain("127.0.0.1", "/status/204"))->status, 204);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(test_certificates),
		WITH_CLIENT(test_no_tls_over_there),
		WITH_CLIENT(test_what_is_sent),
		WITH_CLIENT(test_redirect_is_not_followed),
		WITH_CLIENT(test_long_answers_are_cut),
		WITH_CLIENT(test_headers_without_end),
		WITH_CLIENT(test_slow_ones_meet_the_deadline),
		WITH_CLIENT(test_accepted_and_left_alone),
		WITH_CLIENT(test_broken_connections),
		WITH_CLIENT(test_status_is_an_answer),
	};

	return cmocka_run_group_tests(tests, servers_make, servers_end);
}
