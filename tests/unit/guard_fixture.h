/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_fixture.h owns what t_http_guard.c and t_http_receiver.c share: a name server, receivers
 * (tests/lib/bad_receiver.py) with TLS on 127.0.0.1 and, with the same port, on 127.0.0.2, one
 * without TLS on 127.0.0.1, and a client whose guard opens these two addresses and ::1.
 */
#ifndef BONAFIDE_GUARD_FIXTURE_H
#define BONAFIDE_GUARD_FIXTURE_H

#include "base.h"
#include "clock.h"
#include "dns_child.h"
#include "egress.h"
#include "http.h"
#include "resolve.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CAP 16384

static const char table[] =
    "{"
    "\"one.named.example\": {\"A\": [\"127.0.0.1\"]},"
    "\"kept.named.example\": {\"A\": [\"127.0.0.1\"], \"ttl\": 60},"
    "\"two.named.example\": {\"A\": [\"127.0.0.2\"]},"
    "\"either.named.example\": {\"A\": [\"127.0.0.1\", \"127.0.0.2\"]},"
    "\"mixed.named.example\": {\"A\": [\"127.0.0.1\", \"10.0.0.1\"]},"
    "\"six.named.example\": {\"A\": [\"127.0.0.1\"], \"AAAA\": [\"::ffff:127.0.0.1\"]},"
    "\"private.named.example\": {\"A\": [\"127.0.0.3\"]},"
    "\"metadata.named.example\": {\"A\": [\"169.254.169.254\"]},"
    "\"inside.named.example\": {\"cname\": \"there.example\"},"
    "\"there.example\": {\"A\": [\"127.0.0.3\"]},"
    "\"rebinds.named.example\": {\"A\": [[\"127.0.0.1\"], [\"127.0.0.3\"]]},"
    "\"moves.named.example\": {\"A\": [[\"127.0.0.1\"], [\"127.0.0.2\"]]},"
    "\"many.named.example\": {\"many\": 500},"
    "\"late.named.example\": {\"A\": [\"127.0.0.1\"], \"delay_ms\": 700},"
    "\"silent.named.example\": {\"silent\": true},"
    "\"*.quiet.example\": {\"silent\": true},"
    "\"broken.named.example\": {\"rcode\": \"SERVFAIL\"},"
    "\"other.example\": {\"A\": [\"127.0.0.1\"]}"
    "}";

static char directory[] = "/tmp/t_http_guard.XXXXXX";
static char pem[64], log_one[64], log_two[64], log_plain[64];
static pid_t pid_one, pid_two, pid_plain;
static int tls_port, plain_port;

/* ---- the receivers --------------------------------------------------------------------------- */

static int certificate_make(void)
{
	const char *const argv[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=named", "-addext",
		"subjectAltName=DNS:*.named.example,DNS:localhost,IP:127.0.0.1", "-days", "2",
		"-keyout", pem, "-out", pem, NULL };
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static pid_t receiver_start(const char *bind, const char *log, bool tls, int *port)
{
	char path[1024], number[16];
	const char *argv[12] = { "python3",
		source_path("tests/lib/bad_receiver.py", path, sizeof(path)), "--bind", bind,
		"--port", number, "--log", log, tls ? "--cert" : NULL, tls ? pem : NULL, NULL };
	int out = -1;
	pid_t pid;

	(void)snprintf(number, sizeof(number), "%d", *port);
	pid = script_start(argv, &out);
	*port = pid > 0 ? script_port(out) : 0;
	return *port > 0 ? pid : -1;
}

static int servers_make(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL || dns_start(table) != 0)
		return -1;
	(void)snprintf(pem, sizeof(pem), "%s/pem", directory);
	(void)snprintf(log_one, sizeof(log_one), "%s/one", directory);
	(void)snprintf(log_two, sizeof(log_two), "%s/two", directory);
	(void)snprintf(log_plain, sizeof(log_plain), "%s/plain", directory);
	if (certificate_make() != 0)
		return -1;
	pid_one = receiver_start("127.0.0.1", log_one, true, &tls_port);
	pid_two = receiver_start("127.0.0.2", log_two, true, &tls_port);
	pid_plain = receiver_start("127.0.0.1", log_plain, false, &plain_port);
	return pid_one > 0 && pid_two > 0 && pid_plain > 0 ? 0 : -1;
}

static int servers_end(void **state)
{
	const char *const files[] = { pem, log_one, log_two, log_plain };

	(void)state;
	script_stop(pid_one);
	script_stop(pid_two);
	script_stop(pid_plain);
	for (size_t i = 0; i < countof(files); i++)
		(void)unlink(files[i]);
	(void)rmdir(directory);
	dns_stop();
	return 0;
}

static unsigned seen(const char *log, const char *line)
{
	FILE *file = fopen(log, "r");
	char text[512];
	unsigned count = 0;

	while (file != NULL && fgets(text, sizeof(text), file) != NULL)
		if (strncmp(text, line, strlen(line)) == 0)
			count++;
	if (file != NULL)
		(void)fclose(file);
	return count;
}

/* ---- the client ------------------------------------------------------------------------------ */

struct client {
	struct http *http;
	struct egress *egress;
	struct egress *strict;
	struct resolver *resolver;
};

struct result {
	unsigned calls;
	enum http_end end;
	enum http_fault fault;
	long status;
	char body[80001];
	size_t body_len;
	bool is_cut;
	int64_t elapsed_ms;
	char problem[200];
};

static void note(void *arg, const struct http_reply *reply)
{
	struct result *result = arg;

	result->calls++;
	result->end = reply->end;
	result->fault = reply->fault;
	result->status = reply->status;
	assert_true(reply->body_len < sizeof(result->body));
	memcpy(result->body, reply->body, reply->body_len + 1);
	result->body_len = reply->body_len;
	result->is_cut = reply->is_cut;
	result->elapsed_ms = reply->elapsed_ms;
	(void)snprintf(result->problem, sizeof(result->problem), "%s", reply->problem);
	assert_int_equal(reply->fault == HTTP_FAULT_NONE, reply->end == HTTP_ANSWERED);
	assert_int_equal(reply->problem[0] == '\0', reply->end == HTTP_ANSWERED);
}

static int client_make(void **state)
{
	static struct client client;
	char reason[200];

	memset(&client, 0, sizeof(client));
	if (http_new(400, &client.http) != ERR_OK ||
	    egress_new("127.0.0.1/32 127.0.0.2/32 ::1/128", &client.egress, reason,
		sizeof(reason)) != ERR_OK ||
	    egress_new("", &client.strict, reason, sizeof(reason)) != ERR_OK ||
	    resolver_new(dns_servers, 3000, &client.resolver) != ERR_OK)
		return -1;
	http_trust(client.http, pem);
	http_guard(client.http, client.egress, client.resolver);
	*state = &client;
	return 0;
}

static int client_end(void **state)
{
	struct client *client = *state;

	http_free(&client->http);
	resolver_free(&client->resolver);
	egress_free(&client->egress);
	egress_free(&client->strict);
	return 0;
}

static struct http_request request_for(const char *url)
{
	return (struct http_request){ .method = "POST",
		.url = url,
		.body = "{\"a\":1}",
		.body_len = 7,
		.connect_timeout_ms = 5000,
		.deadline_ms = 10000,
		.max_reply_bytes = CAP,
		.cut_reply = true,
		.guarded = true };
}

static void finish(struct http *http)
{
	int64_t end_ms = clock_mono_ms() + 30000;

	while (http_in_flight(http) > 0) {
		assert_int_equal(http_run(http, 500), ERR_OK);
		assert_true(clock_mono_ms() < end_ms);
	}
}

static struct result *run(struct http *http, const struct http_request *request)
{
	static struct result result;

	memset(&result, 0, sizeof(result));
	assert_int_equal(http_start(http, request, note, &result), ERR_OK);
	assert_int_equal(result.calls, 0);
	finish(http);
	assert_int_equal(result.calls, 1);
	return &result;
}

static const char *named(const char *host, const char *path)
{
	static char url[300];

	(void)snprintf(url, sizeof(url), "https://%s:%d%s", host, tls_port, path);
	return url;
}

static const char *plain(const char *host, const char *path)
{
	static char url[300];

	(void)snprintf(url, sizeof(url), "http://%s:%d%s", host, plain_port, path);
	return url;
}

static struct result *post(void **state, const char *url)
{
	struct http_request request = request_for(url);

	return run(((struct client *)*state)->http, &request);
}

static void is_answered(const struct result *result)
{
	if (result->end != HTTP_ANSWERED)
		fail_msg("not answered: %s", result->problem);
	assert_int_equal(result->status, 200);
	assert_string_equal(result->body, "hello");
	assert_false(result->is_cut);
}

static void fails(const struct result *result, enum http_end end, enum http_fault fault)
{
	if (result->end != end || result->fault != fault)
		fail_msg(
		    "end %d, fault %d: %s", (int)result->end, (int)result->fault, result->problem);
}

#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, client_make, client_end)

#endif
