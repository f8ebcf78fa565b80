/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad_server.h owns the small HTTP server of t_http.c that misbehaves on request: a child of the
 * test with one process per connection; what it saw is counted in shared memory.
 */
#ifndef BONAFIDE_BAD_SERVER_H
#define BONAFIDE_BAD_SERVER_H

#include "base.h"
#include "proc.h"
#include "shm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
	_Atomic int connections;
	_Atomic int requests; /* read to their end */
};

static struct shm shared;
static struct seen *seen;
static int server_port;
static int closing_port;
static pid_t server_pid;

struct incoming {
	char text[70000];
	size_t len;
	const char *path;
	const char *body;
	size_t body_len;
};

static void send_text(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t put = send(fd, text, len, MSG_NOSIGNAL);

		if (put <= 0)
			_exit(0);
		text += put;
		len -= (size_t)put;
	}
}

static void answer(int fd, const char *status, const char *headers, const char *body)
{
	static char text[90000];

	(void)snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
	    strlen(body), headers, body);
	send_text(fd, text);
}

/* Reads one request; ends the process when the peer is gone. */
static void read_request(int fd, struct incoming *in)
{
	const char *end = NULL;
	const char *length;
	size_t wanted = 0;

	in->len = 0;
	for (;;) {
		ssize_t got = recv(fd, in->text + in->len, sizeof(in->text) - 1 - in->len, 0);

		if (got <= 0)
			_exit(0);
		in->len += (size_t)got;
		in->text[in->len] = '\0';
		end = strstr(in->text, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strstr(in->text, "Content-Length: ");
		if (length != NULL && length < end)
			wanted = strtoul(length + 16, NULL, 10);
		in->body = end + 4;
		in->body_len = in->len - (size_t)(in->body - in->text);
		if (in->body_len >= wanted)
			break;
	}
	atomic_fetch_add(&seen->requests, 1);
	in->path = strchr(in->text, ' ') + 1;
}

static bool path_is(const struct incoming *in, const char *path)
{
	return strncmp(in->path, path, strlen(path)) == 0 && in->path[strlen(path)] == ' ';
}

static void serve_slowly(int fd)
{
	send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
	for (unsigned i = 0; i < 50; i++) {
		send_text(fd, "x");
		(void)usleep(1000000);
	}
}

static void serve_headers_without_end(int fd)
{
	send_text(fd, "HTTP/1.1 200 OK\r\n");
	for (;;)
		send_text(
		    fd, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
}

/* Paths with a fixed answer. */
static const struct {
	const char *path;
	const char *status;
	const char *headers;
	const char *body;
} fixed[] = {
	{ "/redirect", "302 Found", "Location: /ok\r\n", "moved" },
	{ "/later", "503 Busy", "retry-after:  120 \r\n", "{}" },
	{ "/date", "429 Slow", "Retry-After: Fri, 01 May 2026 10:31:00 GMT\r\n", "" },
	{ "/nonsense", "503 Busy", "Retry-After: soon\r\n", "" },
	{ "/zip", "200 OK", "Content-Encoding: gzip\r\n", "not really" },
};

static void serve_request(int fd, const struct incoming *in, unsigned number)
{
	static char large[80001];
	size_t row = 0;

	while (row < countof(fixed) && !path_is(in, fixed[row].path))
		row++;
	if (row < countof(fixed)) {
		answer(fd, fixed[row].status, fixed[row].headers, fixed[row].body);
	} else if (path_is(in, "/echo")) {
		answer(fd, "200 OK", "Set-Cookie: a=b; Path=/\r\n", in->text);
	} else if (path_is(in, "/large")) {
		memset(large, 'L', sizeof(large) - 1);
		answer(fd, "201 Created", "", large);
	} else if (path_is(in, "/slow")) {
		serve_slowly(fd);
	} else if (path_is(in, "/gone") || (path_is(in, "/second") && number > 0)) {
		_exit(0);
	} else if (path_is(in, "/half")) {
		send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
		_exit(0);
	} else if (path_is(in, "/continue")) {
		send_text(fd, "HTTP/1.1 100 Continue\r\nRetry-After: 9\r\n\r\n");
		answer(fd, "200 OK", "", "went on");
	} else if (path_is(in, "/headers")) {
		serve_headers_without_end(fd);
	} else if (path_is(in, "/wait")) {
		(void)usleep(100000);
		answer(fd, "200 OK", "", "waited");
	} else {
		answer(fd, "200 OK", "", "hello");
	}
}

static NORETURN void serve_connection(int fd)
{
	static struct incoming in;

	atomic_fetch_add(&seen->connections, 1);
	for (unsigned number = 0;; number++) {
		read_request(fd, &in);
		serve_request(fd, &in, number);
	}
}

static NORETURN void serve(int listener, int closer)
{
	(void)signal(SIGCHLD, SIG_IGN);
	if (fork() == 0) {
		for (;;)
			(void)close(accept(closer, NULL, NULL));
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0 && fork() == 0)
			serve_connection(fd);
		(void)close(fd);
	}
}

/* A socket on a free port of 127.0.0.1, listening unless backlog is negative. */
static int open_port(int backlog, int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
	    (backlog >= 0 && listen(fd, backlog) != 0))
		return -1;
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static int server_start(void **state)
{
	int listener = open_port(500, &server_port);
	int closer = open_port(500, &closing_port);

	(void)state;
	if (listener < 0 || closer < 0 || shm_create(NULL, sizeof(*seen), &shared) != ERR_OK)
		return -1;
	seen = shared.base;
	server_pid = fork();
	if (server_pid == 0) {
		(void)setpgid(0, 0);
		if (proc_die_with_parent(SIGKILL) == ERR_OK)
			serve(listener, closer);
		_exit(1);
	}
	(void)setpgid(server_pid, server_pid);
	(void)close(listener);
	(void)close(closer);
	return server_pid > 0 ? 0 : -1;
}

static int server_stop(void **state)
{
	(void)state;
	(void)kill(-server_pid, SIGKILL); /* it and its connections */
	(void)waitpid(server_pid, NULL, 0);
	shm_close(&shared);
	return 0;
}

#endif
