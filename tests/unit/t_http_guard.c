/* SPDX-License-Identifier: Apache-2.0 */
/* t_http_guard.c: where guarded transfers go, and where they do not. */
#include "base.h"
#include "guard_fixture.h"

static void is_refused(const struct result *result)
{
	assert_int_equal(result->end, HTTP_NOT_SENT);
	assert_int_equal(result->fault, HTTP_FAULT_REFUSED);
	assert_string_equal(result->problem, "refused");
	assert_int_equal(result->status, 0);
	assert_int_equal(result->body_len, 0);
}

/* ---- literals -------------------------------------------------------------------------------- */

static void test_loopback_needs_allow(void **state)
{
	struct client *client = *state;
	unsigned before = seen(log_plain, "connection");

	http_guard(client->http, client->strict, client->resolver);
	is_refused(post(state, plain("127.0.0.1", "/")));
	is_refused(post(state, plain("localhost", "/")));
	is_refused(post(state, named("127.0.0.1", "/")));
	assert_int_equal(seen(log_plain, "connection"), before);
	http_guard(client->http, client->egress, client->resolver);
	is_answered(post(state, plain("127.0.0.1", "/")));
	is_answered(post(state, plain("localhost", "/")));
	is_answered(post(state, named("127.0.0.1", "/")));
	is_answered(post(state, named("localhost", "/")));
	assert_int_equal(seen(log_plain, "request POST /"), before + 2);
	assert_int_equal(dns_asked("A localhost") + dns_asked("AAAA localhost"), 0);
}

static void test_ipv6_literal(void **state)
{
	int port = 0;
	pid_t pid = receiver_start("::1", log_plain, false, &port);
	char url[100];
	struct result *result;

	if (pid <= 0)
		skip(); /* no IPv6 here */
	(void)snprintf(url, sizeof(url), "http://[::1]:%d/", port);
	result = post(state, url);
	script_stop(pid);
	is_answered(result);
	(void)snprintf(url, sizeof(url), "http://[::ffff:127.0.0.1]:%d/", port);
	is_refused(post(state, url));
}

static void test_urls_that_are_refused(void **state)
{
	static const char *const urls[] = { "", "example.org", "ftp://one.named.example/",
		"file:///etc/passwd", "https://user@one.named.example/",
		"http://one.named.example/", "https://one.named.example:22/", "https://127.1/",
		"https://one.named.example/#x", "https://127.0.0.3/", "http://[::ffff:127.0.0.1]/",
		"https://169.254.169.254/", "https://one.named.example\\@127.0.0.1/" };
	unsigned before = dns_asked("A one.named.example");

	for (size_t i = 0; i < countof(urls); i++)
		is_refused(post(state, urls[i]));
	assert_int_equal(dns_asked("A one.named.example"), before);
}

static void test_needs_a_guard(void **state)
{
	struct client *client = *state;
	struct http *http = NULL;
	struct result result = { .calls = 0 };
	struct http_request request = request_for(plain("127.0.0.1", "/"));

	assert_int_equal(http_new(10, &http), ERR_OK);
	assert_int_equal(http_start(http, &request, note, &result), ERR_STATE);
	assert_int_equal(http_in_flight(http), 0);
	assert_int_equal(result.calls, 0);
	http_free(&http);
	/* What was wrong with any request still is. */
	request.method = "GET /";
	assert_int_equal(http_start(client->http, &request, note, &result), ERR_SYNTAX);
	request = request_for(NULL);
	assert_int_equal(http_start(client->http, &request, note, &result), ERR_SYNTAX);
	assert_int_equal(result.calls, 0);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void test_every_answer_counts(void **state)
{
	static const char *const hosts[] = { "mixed.named.example", "six.named.example",
		"private.named.example", "metadata.named.example", "inside.named.example",
		"many.named.example" };
	unsigned before = seen(log_one, "connection");

	for (size_t i = 0; i < countof(hosts); i++)
		is_refused(post(state, named(hosts[i], "/")));
	assert_int_equal(seen(log_one, "connection"), before);
	is_answered(post(state, named("one.named.example", "/")));
	is_answered(post(state, named("either.named.example", "/")));
	assert_true(seen(log_one, "connection") > before);
}

/* Resolved once, by us: libcurl asks nobody, and there is nobody else to ask. */
static void test_resolved_once_and_pinned(void **state)
{
	unsigned before = dns_asked("A two.named.example");
	unsigned requests = seen(log_two, "request POST /once");

	is_answered(post(state, named("two.named.example", "/once")));
	assert_int_equal(dns_asked("A two.named.example"), before + 1);
	assert_int_equal(seen(log_two, "request POST /once"), requests + 1);
	is_answered(post(state, named("two.named.example", "/once")));
	assert_int_equal(dns_asked("A two.named.example"), before + 2);
}

/* The second answer is forbidden, and the kept connection of the first does not help. */
static void test_rebinding(void **state)
{
	unsigned requests = seen(log_one, "request POST /rebinds");

	is_answered(post(state, named("rebinds.named.example", "/rebinds")));
	for (unsigned i = 0; i < 3; i++)
		is_refused(post(state, named("rebinds.named.example", "/rebinds")));
	assert_int_equal(seen(log_one, "request POST /rebinds"), requests + 1);
}

/* The name moves to another address that is fine: there we go, and not to the old one. */
static void test_moved_name_leaves_kept_connection(void **state)
{
	unsigned connections;

	is_answered(post(state, named("moves.named.example", "/moves")));
	assert_int_equal(seen(log_one, "request POST /moves"), 1);
	connections = seen(log_two, "connection");
	for (unsigned i = 1; i <= 4; i++) {
		is_answered(post(state, named("moves.named.example", "/moves")));
		assert_int_equal(seen(log_one, "request POST /moves"), 1);
		assert_int_equal(seen(log_two, "request POST /moves"), i);
	}
	assert_int_equal(seen(log_two, "connection"), connections + 1);
}

static void test_connections_are_kept(void **state)
{
	unsigned before = seen(log_one, "connection");
	unsigned asked = dns_asked("A kept.named.example");

	for (unsigned i = 0; i < 20; i++)
		is_answered(post(state, named("kept.named.example", "/")));
	assert_int_equal(seen(log_one, "connection"), before + 1);
	assert_int_equal(dns_asked("A kept.named.example"), asked + 1);
}

static void test_names_that_fail(void **state)
{
	char url[300];
	struct http_request request = request_for(url);
	struct result *result;

	(void)snprintf(url, sizeof(url), "%s", named("silent.named.example", "/"));
	fails(post(state, named("nobody.named.example", "/")), HTTP_NOT_SENT, HTTP_FAULT_RESOLVE);
	fails(post(state, named("broken.named.example", "/")), HTTP_NOT_SENT, HTTP_FAULT_RESOLVE);
	result = run(((struct client *)*state)->http, &request);
	fails(result, HTTP_NOT_SENT, HTTP_FAULT_RESOLVE);
	assert_in_range(result->elapsed_ms, 1500, 4500);
	request.deadline_ms = 400;
	result = run(((struct client *)*state)->http, &request);
	fails(result, HTTP_NOT_SENT, HTTP_FAULT_TIMEOUT);
	assert_in_range(result->elapsed_ms, 390, 1200);
}

/* The time of the look-up is part of the deadline. */
static void test_deadline_covers_the_name(void **state)
{
	struct http_request request = request_for(named("late.named.example", "/hang"));
	struct result *result;

	request.deadline_ms = 1500;
	result = run(((struct client *)*state)->http, &request);
	fails(result, HTTP_UNKNOWN, HTTP_FAULT_TIMEOUT);
	assert_in_range(result->elapsed_ms, 1400, 2100);
}

static void test_silent_names_hold_up_nobody(void **state)
{
	struct client *client = *state;
	static struct result quiet[300];
	struct result healthy;
	int64_t start_ms = clock_mono_ms();

	memset(quiet, 0, sizeof(quiet));
	memset(&healthy, 0, sizeof(healthy));
	for (unsigned i = 0; i < countof(quiet); i++) {
		char url[100];
		struct http_request request = request_for(url);

		(void)snprintf(url, sizeof(url), "https://n%u.quiet.example/", i);
		assert_int_equal(http_start(client->http, &request, note, &quiet[i]), ERR_OK);
		if (i % 50 == 49) {
			(void)usleep(10000);
			assert_int_equal(http_run(client->http, 5), ERR_OK);
		}
	}
	{
		struct http_request request = request_for(named("one.named.example", "/"));

		assert_int_equal(http_start(client->http, &request, note, &healthy), ERR_OK);
	}
	while (healthy.calls == 0)
		assert_int_equal(http_run(client->http, 100), ERR_OK);
	is_answered(&healthy);
	assert_in_range(clock_mono_ms() - start_ms, 0, 2000);
	assert_int_equal(http_in_flight(client->http), countof(quiet));
	finish(client->http);
	for (unsigned i = 0; i < countof(quiet); i++) {
		assert_int_equal(quiet[i].calls, 1);
		fails(&quiet[i], HTTP_NOT_SENT, HTTP_FAULT_RESOLVE);
	}
}

/* ---- the last line: dialling and sending ----------------------------------------------------- */

/* The setting changes after the checks and before the socket: nothing is dialled. */
static void test_the_socket_is_refused(void **state)
{
	struct client *client = *state;
	struct http_request request = request_for(plain("127.0.0.1", "/late"));
	struct result result = { .calls = 0 };
	unsigned before = seen(log_plain, "connection");

	assert_int_equal(http_start(client->http, &request, note, &result), ERR_OK);
	http_guard(client->http, client->strict, client->resolver);
	finish(client->http);
	is_refused(&result);
	(void)usleep(50000);
	assert_int_equal(seen(log_plain, "connection"), before);
	/* A name that was checked when its answer came is checked again as well. */
	http_guard(client->http, client->egress, client->resolver);
	request = request_for(named("kept.named.example", "/late"));
	is_answered(run(client->http, &request));
	memset(&result, 0, sizeof(result));
	before = seen(log_one, "request POST /late");
	assert_int_equal(http_start(client->http, &request, note, &result), ERR_OK);
	http_guard(client->http, client->strict, client->resolver);
	finish(client->http);
	is_refused(&result);
	assert_int_equal(seen(log_one, "request POST /late"), before);
}

/* A kept connection of a transfer without a guard is no way around it. */
static void test_a_kept_connection_is_refused(void **state)
{
	struct client *client = *state;
	struct http_request request = request_for(plain("127.0.0.1", "/kept"));
	struct result result = { .calls = 0 };
	unsigned before = seen(log_plain, "request POST /kept");

	request.guarded = false;
	request.allow_plain = true;
	is_answered(run(client->http, &request));
	request.guarded = true;
	assert_int_equal(http_start(client->http, &request, note, &result), ERR_OK);
	http_guard(client->http, client->strict, client->resolver);
	finish(client->http);
	is_refused(&result);
	assert_int_equal(seen(log_plain, "request POST /kept"), before + 1);
	/* The guard is for guarded ones alone. */
	request.guarded = false;
	is_answered(run(client->http, &request));
}

/* ---- ending and changing --------------------------------------------------------------------- */

static void count_end(void *arg, const struct http_reply *reply)
{
	((unsigned *)arg)[reply->end]++;
	if (reply->end != HTTP_ANSWERED)
		assert_int_not_equal(reply->fault, HTTP_FAULT_NONE);
}

static void test_free_aborts_what_waits(void **state)
{
	struct client *client = *state;
	unsigned ends[HTTP__MAX] = { 0 };
	struct http_request request = request_for(named("late.named.example", "/"));
	struct http_request wrong = request_for("ftp://example.org/");

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(http_start(client->http, &request, count_end, ends), ERR_OK);
	assert_int_equal(http_start(client->http, &wrong, count_end, ends), ERR_OK);
	assert_int_equal(http_in_flight(client->http), 6);
	http_free(&client->http);
	assert_int_equal(ends[HTTP_NOT_SENT], 6);
	/* The resolver has forgotten them too, or this would call back into freed memory. */
	for (unsigned i = 0; i < 100; i++) {
		(void)usleep(10000);
		resolver_step(client->resolver);
	}
}

/* An answer that comes after its transfer has ended does not reach the next one. */
static void test_late_answer_is_nobody_elses(void **state)
{
	struct client *client = *state;
	struct http_request late = request_for(named("late.named.example", "/"));
	struct http_request silent = request_for("https://n2.quiet.example/");

	late.deadline_ms = 100;
	fails(run(client->http, &late), HTTP_NOT_SENT, HTTP_FAULT_TIMEOUT);
	silent.deadline_ms = 1500;
	fails(run(client->http, &silent), HTTP_NOT_SENT, HTTP_FAULT_TIMEOUT);
}

static void test_another_resolver(void **state)
{
	struct client *client = *state;
	struct http_request request = request_for(named("one.named.example", "/"));
	struct result result = { .calls = 0 };
	struct resolver *deaf = NULL;

	/* Nobody answers there: port 9 of an address without a name server. */
	assert_int_equal(resolver_new("127.0.0.9:9", 20000, &deaf), ERR_OK);
	http_guard(client->http, client->egress, deaf);
	request.url = "https://n1.quiet.example/";
	assert_int_equal(http_start(client->http, &request, note, &result), ERR_OK);
	http_guard(client->http, client->egress, client->resolver);
	resolver_free(&deaf);
	finish(client->http);
	fails(&result, HTTP_NOT_SENT, HTTP_FAULT_RESOLVE);
	assert_true(dns_asked("A n1.quiet.example") > 0);
}

struct chain {
	struct client *client;
	unsigned left;
	unsigned refused;
};

/* Refused ones and good ones in turn, each started from the last one's callback. */
static void next_in_chain(void *arg, const struct http_reply *reply)
{
	struct chain *chain = arg;
	struct http_request request;

	chain->refused += reply->fault == HTTP_FAULT_REFUSED;
	if (--chain->left == 0)
		return;
	request = request_for(chain->left % 3 == 0   ? "https://10.0.0.1/"
			      : chain->left % 3 == 1 ? named("kept.named.example", "/")
						     : named("one.named.example", "/"));
	assert_int_equal(http_start(chain->client->http, &request, next_in_chain, chain), ERR_OK);
}

static void test_start_from_callback(void **state)
{
	struct chain chain = { .client = *state, .left = 31 };
	struct http_request request = request_for("https://10.0.0.1/");

	assert_int_equal(http_start(chain.client->http, &request, next_in_chain, &chain), ERR_OK);
	finish(chain.client->http);
	assert_int_equal(chain.left, 0);
	assert_int_equal(chain.refused, 11);
}

/* Many at once to the same name: asked once, answered all. */
static void test_many_at_once(void **state)
{
	struct client *client = *state;
	struct http_request request = request_for(named("late.named.example", "/"));
	unsigned ends[HTTP__MAX] = { 0 };
	unsigned asked = dns_asked("A late.named.example");

	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(http_start(client->http, &request, count_end, ends), ERR_OK);
	finish(client->http);
	assert_int_equal(ends[HTTP_ANSWERED], 50);
	assert_in_range(dns_asked("A late.named.example") - asked, 1, 3);
}

static void test_host_check(void **state)
{
	static const struct {
		const char *url;
		enum err err;
		bool resolved;
	} rows[] = {
		{ "https://one.named.example/", ERR_OK, true },
		{ "https://nobody.named.example/", ERR_OK, false },
		{ "https://broken.named.example/", ERR_OK, false },
		{ "https://127.0.0.1/", ERR_OK, true },
		{ "http://localhost:8080/", ERR_OK, true },
		{ "https://mixed.named.example/", ERR_RANGE, false },
		{ "https://private.named.example/", ERR_RANGE, false },
		{ "https://many.named.example/", ERR_RANGE, false },
		{ "https://127.0.0.3/", ERR_RANGE, false },
		{ "https://one.named.example:22/", ERR_RANGE, false },
		{ "https://u@one.named.example/", ERR_SYNTAX, false },
	};
	struct client *client = *state;

	for (size_t i = 0; i < countof(rows); i++) {
		bool resolved = false;
		enum err err =
		    egress_host_check(client->egress, client->resolver, rows[i].url, &resolved);

		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].url, err_name(err));
		assert_int_equal(resolved, rows[i].resolved);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(test_loopback_needs_allow),
		WITH_CLIENT(test_ipv6_literal),
		WITH_CLIENT(test_urls_that_are_refused),
		WITH_CLIENT(test_needs_a_guard),
		WITH_CLIENT(test_every_answer_counts),
		WITH_CLIENT(test_resolved_once_and_pinned),
		WITH_CLIENT(test_rebinding),
		WITH_CLIENT(test_moved_name_leaves_kept_connection),
		WITH_CLIENT(test_connections_are_kept),
		WITH_CLIENT(test_names_that_fail),
		WITH_CLIENT(test_deadline_covers_the_name),
		WITH_CLIENT(test_silent_names_hold_up_nobody),
		WITH_CLIENT(test_the_socket_is_refused),
		WITH_CLIENT(test_a_kept_connection_is_refused),
		WITH_CLIENT(test_free_aborts_what_waits),
		WITH_CLIENT(test_late_answer_is_nobody_elses),
		WITH_CLIENT(test_another_resolver),
		WITH_CLIENT(test_start_from_callback),
		WITH_CLIENT(test_many_at_once),
		WITH_CLIENT(test_host_check),
	};

	return cmocka_run_group_tests(tests, servers_make, servers_end);
}
