/* SPDX-License-Identifier: Apache-2.0 */
/* t_s3.c: names that may be used, and requests that never leave, and time; the rest is
 * tests/system's. */
#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "s3.h"

static void test_keys(void **state UNUSED)
{
	static const char *const good[] = { "a", "media/0", "a.b-c_d/E9", "-", "_/_", "0" };
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b",
		"a/.b", ".a", "a b", "a%2f", "a?b", "a#b", "a\nb", "\xc3\xa9" };
	char longest[S3_KEY_MAX + 2];

	for (size_t i = 0; i < countof(good); i++)
		assert_true(s3_key_ok(good[i]));
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(s3_key_ok(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[S3_KEY_MAX + 1] = '\0';
	assert_false(s3_key_ok(longest));
	longest[S3_KEY_MAX] = '\0';
	assert_true(s3_key_ok(longest));
}

static void test_buckets(void **state UNUSED)
{
	static const char *const good[] = { "abc", "my-bucket", "my.bucket", "0bucket9" };
	static const char *const bad[] = { "", "ab", "Abc", "a/bc", "a_bc", ".abc", "ab c",
		"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij1234" };

	for (size_t i = 0; i < countof(good); i++)
		assert_true(s3_bucket_ok(good[i]));
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(s3_bucket_ok(bad[i]));
}

struct told {
	int count;
	enum s3_end end;
	bool was_sent;
	size_t problem_len;
};

static void done(void *arg, const struct s3_reply *reply)
{
	struct told *told = arg;

	told->count++;
	told->end = reply->end;
	told->was_sent = reply->was_sent;
	told->problem_len = strlen(reply->problem);
}

/* Port 9 of this machine: nobody is there. */
static struct s3_bucket bucket(void)
{
	return (struct s3_bucket){ .endpoint = "http://127.0.0.1:9",
		.region = "us-east-1",
		.name = "pictures",
		.access_key = "access",
		.secret_key = "secret",
		.ca_file = "",
		.deadline_ms = 5000 };
}

static void test_what_cannot_start(void **state UNUSED)
{
	char path[] = "/tmp/t_s3.XXXXXX";
	struct s3_bucket where = bucket();
	struct s3 *s3 = NULL;
	struct told told = { 0 };
	int fd = mkstemp(path);

	assert_int_equal(s3_new(&where, 1, &s3), ERR_OK);
	assert_int_equal(s3_put(s3, "key", "/nowhere/at/all", done, &told), ERR_MISSING);
	assert_int_equal(s3_put(s3, "key", "/", done, &told), ERR_IO);
	assert_int_equal(s3_put(s3, "../key", path, done, &told), ERR_SYNTAX);
	assert_int_equal(s3_head(s3, "", done, &told), ERR_SYNTAX);
	assert_int_equal(s3_head(s3, "key", done, &told), ERR_OK);
	assert_int_equal(s3_head(s3, "key", done, &told), ERR_FULL);
	assert_int_equal(told.count, 0);
	assert_int_equal(s3_in_flight(s3), 1);
	assert_int_equal(s3_finish(s3), ERR_OK);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.end, S3_AWAY);
	assert_false(told.was_sent);
	assert_true(told.problem_len > 0);
	assert_int_equal(s3_in_flight(s3), 0);
	s3_free(&s3);
	assert_null(s3);
	s3_free(&s3);
	(void)close(fd);
	(void)unlink(path);
}

static void test_given_up(void **state UNUSED)
{
	struct s3_bucket where = bucket();
	struct s3 *s3 = NULL;
	struct told told = { 0 };

	assert_int_equal(s3_new(&where, 3, &s3), ERR_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(s3_delete(s3, "key", done, &told), ERR_OK);
	s3_free(&s3);
	assert_int_equal(told.count, 3);
	assert_int_equal(told.end, S3_AWAY);
}

#define CONTENT 4000000 /* more than libcurl reads without looking at the time */
#define PIECE_MS 5
#define DEADLINE_MS 600

/* A store that answers one request with so many of CONTENT bytes, and then says nothing more. */
static pid_t store(size_t bytes, uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int line = socket(AF_INET, SOCK_STREAM, 0);
	static char request[4096], content[CONTENT];

	assert_int_equal(bind(line, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(line, 1), 0);
	assert_int_equal(getsockname(line, (struct sockaddr *)&at, &len), 0);
	*ret_port = ntohs(at.sin_port);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n";
		int talk = accept(line, NULL, NULL);
		bool ok = read(talk, request, sizeof(request)) > 0 &&
			  write(talk, head, sizeof(head) - 1) > 0 &&
			  write(talk, content, bytes) == (ssize_t)bytes;
		(void)alarm(20);
		while (ok && read(talk, request, sizeof(request)) > 0)
			;
		_exit(0);
	}
	(void)close(line);
	return child;
}

static enum err slow_sink(void *arg, const void *data UNUSED, size_t len_bytes)
{
	const struct timespec pause = { .tv_nsec = PIECE_MS * 1000000L };

	*(size_t *)arg += len_bytes;
	(void)nanosleep(&pause, NULL);
	return ERR_OK;
}

/* Gets from a store that sends so much of the content. */
static struct told got_of(size_t bytes, int64_t deadline_ms, size_t *ret_len)
{
	struct s3_bucket where = bucket();
	struct s3 *s3 = NULL;
	struct told told = { 0 };
	uint16_t port = 0;
	pid_t child = store(bytes, &port);
	char endpoint[64];

	(void)snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", (int)port);
	where.endpoint = endpoint;
	where.deadline_ms = deadline_ms;
	*ret_len = 0;
	assert_int_equal(s3_new(&where, 1, &s3), ERR_OK);
	assert_int_equal(s3_get(s3, "key", CONTENT, slow_sink, ret_len, done, &told), ERR_OK);
	assert_int_equal(s3_finish(s3), ERR_OK);
	s3_free(&s3);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(told.count, 1);
	return told;
}

/* Some 250 pieces, which take twice the deadline. */
static void test_a_slow_sink(void **state UNUSED)
{
	size_t len = 0;
	struct told told = got_of(CONTENT, DEADLINE_MS, &len);

	assert_int_equal(told.end, S3_DONE);
	assert_int_equal(len, CONTENT);
}

static void test_a_store_that_stops(void **state UNUSED)
{
	size_t len = 0;
	struct told told = got_of(CONTENT / 2, DEADLINE_MS, &len);

	assert_int_equal(told.end, S3_AWAY);
	assert_int_equal(len, CONTENT / 2);
}

static void test_what_does_not_fit(void **state UNUSED)
{
	char region[200], secret[400];
	struct s3_bucket where = bucket();
	struct s3 *s3 = NULL;

	memset(region, 'r', sizeof(region));
	region[sizeof(region) - 1] = '\0';
	memset(secret, 's', sizeof(secret));
	secret[sizeof(secret) - 1] = '\0';
	where.region = region;
	assert_int_equal(s3_new(&where, 1, &s3), ERR_CONFIG);
	where = bucket();
	where.secret_key = secret;
	assert_int_equal(s3_new(&where, 1, &s3), ERR_CONFIG);
	assert_null(s3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_what_cannot_start),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_what_does_not_fit),
		cmocka_unit_test(test_a_slow_sink),
		cmocka_unit_test(test_a_store_that_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
