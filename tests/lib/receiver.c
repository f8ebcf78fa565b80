/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receiver.c: a receiver of webhooks that is never the slowest part of a measurement. It listens on
 * 127.0.0.1, prints "port N", answers every POST 200 at once and writes what came to a file, for
 * tools/lib/bench/webhooks.py to judge afterwards. A request to a path that begins with /hang is
 * written down and never answered.
 *
 *   receiver FILE
 *
 * The file has one record for each request, in the order of arrival and the byte order of this
 * machine: u64 microseconds since 1970, u32 lengths of path, webhook-id, webhook-timestamp,
 * webhook-signature and body, and those five texts. It is complete once SIGTERM has ended this.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define EVENTS_MAX 256
#define PARTS 5

struct text {
	const char *data;
	uint32_t len;
};

struct connection {
	int fd;
	size_t len;
	char data[REQUEST_MAX];
};

static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
static const char *const names[] = { "webhook-id:", "webhook-timestamp:", "webhook-signature:" };
static volatile sig_atomic_t told_to_stop;
static FILE *out;

static void on_signal(int number)
{
	(void)number;
	told_to_stop = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void write_record(const struct text parts[PARTS])
{
	struct timespec now;
	uint64_t at_us;

	clock_gettime(CLOCK_REALTIME, &now);
	at_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	fwrite(&at_us, sizeof(at_us), 1, out);
	for (int i = 0; i < PARTS; i++)
		fwrite(&parts[i].len, sizeof(parts[i].len), 1, out);
	for (int i = 0; i < PARTS; i++)
		fwrite(parts[i].data, 1, parts[i].len, out);
}

/* The value behind a header's name in a line that ends at end. */
static struct text value_of(const char *line, const char *end, size_t name_len)
{
	const char *from = line + name_len;

	while (from < end && *from == ' ')
		from++;
	return (struct text){ from, (uint32_t)(end - from) };
}

/* Splits a head into parts; the length of the body, or -1. */
static long read_head(const char *head, const char *head_end, struct text parts[PARTS])
{
	const char *line = memmem(head, (size_t)(head_end - head), "\r\n", 2);
	const char *path = memchr(head, ' ', (size_t)(line - head));
	const char *path_end =
	    path == NULL ? NULL : memchr(path + 1, ' ', (size_t)(line - path - 1));
	long body_len = -1;

	if (path_end == NULL)
		return -1;
	parts[0] = (struct text){ path + 1, (uint32_t)(path_end - path - 1) };
	for (line += 2; line < head_end;) {
		const char *end = memmem(line, (size_t)(head_end + 2 - line), "\r\n", 2);
		if (strncasecmp(line, "content-length:", 15) == 0)
			body_len = strtol(line + 15, NULL, 10);
		for (int i = 0; i < 3; i++)
			if (strncasecmp(line, names[i], strlen(names[i])) == 0)
				parts[i + 1] = value_of(line, end, strlen(names[i]));
		line = end + 2;
	}
	return body_len;
}

/* Takes one request out of what has come. 1: there was one; 0: not yet; -1: it makes no sense. */
static int take_request(struct connection *connection)
{
	struct text parts[PARTS] = { { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 } };
	const char *end = memmem(connection->data, connection->len, "\r\n\r\n", 4);
	size_t whole;
	long body_len;

	if (end == NULL)
		return connection->len == REQUEST_MAX ? -1 : 0;
	body_len = read_head(connection->data, end, parts);
	if (body_len < 0 || body_len > REQUEST_MAX / 2)
		return -1;
	whole = (size_t)(end + 4 - connection->data) + (size_t)body_len;
	if (connection->len < whole)
		return 0;
	parts[4] = (struct text){ end + 4, (uint32_t)body_len };
	write_record(parts);
	int hangs = parts[0].len >= 5 && memcmp(parts[0].data, "/hang", 5) == 0;
	connection->len -= whole;
	memmove(connection->data, connection->data + whole, connection->len);
	if (!hangs && send(connection->fd, reply, sizeof(reply) - 1, MSG_NOSIGNAL) < 0)
		return -1;
	return 1;
}

static void serve(struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->data + connection->len,
	    REQUEST_MAX - connection->len, MSG_DONTWAIT);
	int taken = 1;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		connection->len += (size_t)got;
		while (taken > 0)
			taken = take_request(connection);
	}
	if (got <= 0 || taken < 0) {
		close(connection->fd);
		free(connection);
	}
}

static void welcome(int epoll_fd, int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct connection *connection = fd < 0 ? NULL : malloc(sizeof(*connection));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	int yes = 1;

	if (connection == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	connection->fd = fd;
	connection->len = 0;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		die("listen");
	printf("port %u\n", (unsigned)ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct epoll_event events[EVENTS_MAX];
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	out = argc == 2 ? fopen(argv[1], "wb") : NULL;
	if (out == NULL || epoll_fd < 0)
		die("receiver FILE");
	setvbuf(out, NULL, _IOFBF, 1 << 20);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	int listen_fd = listen_somewhere();
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0)
		die("epoll_ctl");
	while (!told_to_stop) {
		int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				welcome(epoll_fd, listen_fd);
			else
				serve(events[i].data.ptr);
		}
	}
	return fclose(out) == 0 ? 0 : 1;
}
