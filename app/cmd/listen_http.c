/* SPDX-License-Identifier: Apache-2.0 */
/* listen_http.c: connections, their requests and answers. */
#include "base.h"
#include "listen_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "limits.h"
#include "str.h"

#define CONNECTIONS 512
#define BACKLOG 512
#define HEAD_MAX 16384
#define HEADERS_MAX 64
#define METHOD_MAX 16
#define CHUNK 65536 /* bytes read at once */
#define OUT_SIZE 512
#define TICK_MS 200    /* how often stop() is asked when nothing happens */
#define IDLE_MS 60000  /* a kept connection without a request */
#define READ_MS 10000  /* a whole request, from its first byte */
#define WRITE_MS 10000 /* a whole answer */
#define LINGER_MS 1000 /* for the client to read the last answer */
#define REST_MS 100    /* after the system had no descriptor for us */
#define END_MARK "\r\n\r\n"

/* A header line: where name and value begin in the buffer, each ended by a NUL. */
struct header {
	uint32_t name;
	uint32_t value;
};

struct listen_head {
	const char *text; /* what the offsets count from */
	uint32_t method;
	uint32_t target;
	struct header headers[HEADERS_MAX];
	size_t count;
	size_t len; /* of the head in the buffer; 0: not yet read */
	size_t body_len;
	bool ends; /* the client wants the connection closed */
	bool expects;
};

struct connection {
	int fd;
	bool ends;    /* is closed when `out` is written */
	bool lingers; /* we have ended; what still comes is thrown away */
	int64_t deadline_ms;
	struct buf in;
	size_t scanned; /* of `in`, for the end of the head */
	struct listen_head head;
	char out[OUT_SIZE];
	size_t out_len;
	size_t out_sent;
};

struct listener {
	int fd;
	uint16_t port;
	struct connection *connections[CONNECTIONS];
	struct pollfd polls[CONNECTIONS + 1]; /* the last one in use is the listening socket's */
	size_t count;
	int64_t rests_until_ms; /* no accept() before */
	listen_fn *answer;
	listen_stop_fn *stop;
	void *arg;
	char chunk[CHUNK];
};

/* ---- answers ---------------------------------------------------------------------------------- */

static const char *status_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 417, "Expectation Failed" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < countof(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Status";
}

static bool is_pending(const struct connection *c)
{
	return c->out_sent < c->out_len;
}

static void answer_put(struct connection *c, struct listen_answer answer)
{
	const char *text = answer.text == NULL ? "" : answer.text;
	const char *line_end = text[0] == '\0' ? "" : "\n";
	const char *ends = c->ends ? "Connection: close\r\n" : "";
	int len;

	if (answer.status == 204 || answer.status == 304)
		len = snprintf(c->out, sizeof(c->out), "HTTP/1.1 %d %s\r\n%s\r\n", answer.status,
		    status_phrase(answer.status), ends);
	else
		len = snprintf(c->out, sizeof(c->out),
		    "HTTP/1.1 %d %s\r\n%s%sContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n"
		    "%s%s",
		    answer.status, status_phrase(answer.status), ends,
		    answer.status == 405 ? "Allow: POST\r\n" : "", strlen(text) + strlen(line_end),
		    text, line_end);
	c->out_len = len > 0 && (size_t)len < sizeof(c->out) ? (size_t)len : 0;
	c->out_sent = 0;
	c->ends = c->ends || c->out_len == 0;
	c->deadline_ms = clock_mono_ms() + WRITE_MS;
}

/* What cannot be understood is answered and ends the connection: nobody knows where the next
 * request begins. */
static void refuse(struct connection *c, int status)
{
	c->ends = true;
	answer_put(c, (struct listen_answer){ .status = status, .text = status_phrase(status) });
}

/* ---- the head of a request -------------------------------------------------------------------- */

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t token_len(const char *text)
{
	size_t len = 0;

	while (is_token_char(text[len]))
		len++;
	return len;
}

/* "POST /path HTTP/1.1", NUL-ended, begins at `at`. Returns 0 or the status of a refusal. */
static int read_request_line(struct listen_head *head, char *text, size_t at)
{
	char *line = text + at;
	size_t method_len = token_len(line);

	if (method_len == 0 || method_len > METHOD_MAX || line[method_len] != ' ')
		return 400;
	char *target = line + method_len + 1;
	size_t target_len = strcspn(target, " ");
	if (target[0] != '/' || target_len > LIMIT_URL || target[target_len] != ' ')
		return 400;
	for (size_t i = 0; i < target_len; i++) {
		if (target[i] < 0x21 || target[i] > 0x7e)
			return 400;
	}
	const char *version = target + target_len + 1;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
	head->ends = version[7] == '0';
	line[method_len] = '\0';
	target[target_len] = '\0';
	head->method = (uint32_t)at;
	head->target = (uint32_t)(target - text);
	return 0;
}

static int read_header_line(struct listen_head *head, char *text, size_t at)
{
	char *line = text + at;
	size_t name_len = token_len(line);

	if (name_len == 0 || line[name_len] != ':')
		return 400;
	if (head->count == HEADERS_MAX)
		return 431;
	line[name_len] = '\0';
	char *value = line + name_len + 1;
	value += strspn(value, " \t");
	size_t len = strlen(value);
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	value[len] = '\0';
	head->headers[head->count++] =
	    (struct header){ .name = (uint32_t)at, .value = (uint32_t)(value - text) };
	return 0;
}

/* How often a header is there, and its (last) value. */
static size_t header_find(const struct listen_head *head, const char *name, const char **ret_value)
{
	size_t found = 0;

	for (size_t i = 0; i < head->count; i++) {
		if (!ascii_equal_nocase(head->text + head->headers[i].name, name))
			continue;
		*ret_value = head->text + head->headers[i].value;
		found++;
	}
	return found;
}

/* True when a list with commas has this word. */
static bool list_has(const char *list, const char *word)
{
	char item[32];

	while (*list != '\0') {
		list += strspn(list, " \t,");
		size_t len = strcspn(list, " \t,");
		if (len > 0 && len < sizeof(item)) {
			memcpy(item, list, len);
			item[len] = '\0';
			if (ascii_equal_nocase(item, word))
				return true;
		}
		list += len;
	}
	return false;
}

/* Where the body ends and what becomes of the connection then. */
static int read_framing(struct listen_head *head)
{
	const char *value = "";
	int64_t len = 0;
	size_t lengths = header_find(head, "Content-Length", &value);

	if (lengths > 1 || (lengths == 1 && str_to_i64(value, 0, INT64_MAX, &len) != ERR_OK))
		return 400;
	if (header_find(head, "Transfer-Encoding", &value) > 0)
		return lengths > 0 ? 400 : 411;
	if (len > LIMIT_WEBHOOK_BODY)
		return 413;
	head->body_len = (size_t)len;
	if (header_find(head, "Connection", &value) > 0)
		head->ends = head->ends ? !list_has(value, "keep-alive") : list_has(value, "close");
	if (header_find(head, "Expect", &value) > 0) {
		if (!ascii_equal_nocase(value, "100-continue"))
			return 417;
		head->expects = true;
	}
	return 0;
}

/* Ends the line that begins at `at` with a NUL in place of its CR; *ret_next is the next line's
 * beginning. False when it has a control character. */
static bool end_line(char *text, size_t at, size_t *ret_next)
{
	size_t end = at;

	while (text[end] != '\r') {
		unsigned char c = (unsigned char)text[end];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
		end++;
	}
	if (text[end + 1] != '\n')
		return false;
	text[end] = '\0';
	*ret_next = end + 2;
	return true;
}

/* Takes the head apart in place; `len` bytes with the empty line that ends it. */
static int read_head(struct connection *c, size_t len)
{
	struct listen_head *head = &c->head;
	char *text = c->in.data;
	size_t next = 0;
	int status = 0;

	*head = (struct listen_head){ .text = text, .len = len };
	if (!end_line(text, 0, &next))
		return 400;
	status = read_request_line(head, text, 0);
	for (size_t at = next; status == 0 && at < len - 2; at = next) {
		if (!end_line(text, at, &next))
			return 400;
		status = read_header_line(head, text, at);
	}
	return status == 0 ? read_framing(head) : status;
}

const char *listen_header(const struct listen_request *request, const char *name)
{
	const char *value = NULL;

	return header_find(request->head, name, &value) == 1 ? value : NULL;
}

/* ---- a connection ------------------------------------------------------------------------------ */

/* Removes the first len bytes that came in. */
static void consume(struct connection *c, size_t len)
{
	memmove(c->in.data, c->in.data + len, c->in.len - len);
	c->in.len -= len;
	c->scanned = 0;
	c->head.len = 0;
}

/* Empty lines in front of a request are passed over. */
static void skip_empty_lines(struct connection *c)
{
	size_t skip = 0;

	while (skip + 2 <= c->in.len && memcmp(c->in.data + skip, "\r\n", 2) == 0)
		skip += 2;
	if (skip > 0)
		consume(c, skip);
}

/* The length of the head with its empty line; 0 when that has not come yet. */
static size_t head_end(struct connection *c)
{
	size_t mark = strlen(END_MARK);

	for (; c->scanned + mark <= c->in.len; c->scanned++) {
		const char *at =
		    memchr(c->in.data + c->scanned, '\r', c->in.len - mark + 1 - c->scanned);
		if (at == NULL) {
			c->scanned = c->in.len - mark + 1;
			return 0;
		}
		c->scanned = (size_t)(at - c->in.data);
		if (memcmp(at, END_MARK, mark) == 0)
			return c->scanned + mark;
	}
	return 0;
}

/* True when the head is there and in order. A refusal is in `out`. */
static bool take_head(struct connection *c)
{
	if (c->head.len != 0)
		return true;
	skip_empty_lines(c);
	size_t len = head_end(c);
	if (len > HEAD_MAX || (len == 0 && c->in.len >= HEAD_MAX))
		refuse(c, 431);
	if (len == 0 || len > HEAD_MAX)
		return false;
	int status = read_head(c, len);
	if (status != 0) {
		refuse(c, status);
		return false;
	}
	if (c->head.expects && c->in.len < len + c->head.body_len) {
		c->out_len =
		    (size_t)snprintf(c->out, sizeof(c->out), "HTTP/1.1 100 Continue\r\n\r\n");
		c->out_sent = 0;
	}
	return true;
}

/* Hands a complete request over; true when there was one, or when something is to be written. */
static bool take_request(struct listener *listener, struct connection *c)
{
	struct listen_head *head = &c->head;

	if (c->in.len == 0 || listener->stop(listener->arg))
		return false;
	if (!take_head(c) || c->in.len < head->len + head->body_len)
		return is_pending(c);
	/* The buffer may have moved since the head was read. */
	head->text = c->in.data;
	struct listen_request request = { .method = head->text + head->method,
		.target = head->text + head->target,
		.body = head->body_len == 0 ? NULL : c->in.data + head->len,
		.body_len = head->body_len,
		.head = head };
	c->ends = head->ends;
	answer_put(c, listener->answer(listener->arg, &request));
	consume(c, head->len + head->body_len);
	return true;
}

/* Writes what there is to write. False when the connection is broken. */
static bool flush(struct connection *c)
{
	while (is_pending(c)) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		c->out_sent += (size_t)n;
	}
	return true;
}

/* Closing at once would reset the connection while bytes are unread, and the client might never
 * see the answer. */
static void linger(struct connection *c)
{
	(void)shutdown(c->fd, SHUT_WR);
	c->lingers = true;
	c->deadline_ms = clock_mono_ms() + LINGER_MS;
}

/* Answers what is complete, as long as answers can be written. False when it is broken. */
static bool advance(struct listener *listener, struct connection *c)
{
	do {
		if (!flush(c))
			return false;
		if (is_pending(c))
			return true;
		if (c->ends) {
			linger(c);
			return true;
		}
	} while (take_request(listener, c));
	return true;
}

/* Reads once. False at the end or when it is broken. */
static bool receive(struct listener *listener, struct connection *c)
{
	size_t room = c->in.cap - c->in.len;
	bool was_empty = c->in.len == 0;
	ssize_t n =
	    recv(c->fd, listener->chunk, room < CHUNK && !c->lingers ? room : CHUNK, MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
	if (c->lingers)
		return true;
	buf_add(&c->in, listener->chunk, (size_t)n);
	if (was_empty)
		c->deadline_ms = clock_mono_ms() + READ_MS;
	return !buf_failed(&c->in);
}

/* Something happened on it. False when it may be closed now. */
static bool serve(struct listener *listener, struct connection *c)
{
	bool waits = !c->lingers && is_pending(c);
	bool alive = waits || receive(listener, c);

	if (alive && !c->lingers)
		alive = advance(listener, c);
	/* A request that is through leaves time for the next, whether it has begun or not. */
	if (alive && !c->lingers && !is_pending(c) && c->head.len == 0 && c->scanned == 0)
		c->deadline_ms = clock_mono_ms() + (c->in.len == 0 ? IDLE_MS : READ_MS);
	return alive;
}

/* Its time is up. A request that was begun is told so. False when it may be closed now. */
static bool expire(struct connection *c)
{
	if (c->lingers || is_pending(c) || c->in.len == 0)
		return false;
	refuse(c, 408);
	if (flush(c) && !is_pending(c))
		linger(c);
	return c->lingers;
}

/* ---- the listener ------------------------------------------------------------------------------ */

static void drop(struct listener *listener, size_t index)
{
	struct connection *c = listener->connections[index];

	(void)close(c->fd);
	buf_free(&c->in);
	free(c);
	listener->connections[index] = listener->connections[--listener->count];
}

/* The connection that has been idle for the longest; CONNECTIONS when all are busy. */
static size_t idlest(const struct listener *listener)
{
	size_t found = CONNECTIONS;
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < listener->count; i++) {
		const struct connection *c = listener->connections[i];
		if ((c->in.len == 0 || c->lingers) && !is_pending(c) && c->deadline_ms < earliest) {
			earliest = c->deadline_ms;
			found = i;
		}
	}
	return found;
}

/* Takes the connection over, or closes it. */
static void adopt(struct listener *listener, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	int on = 1;

	if (c == NULL) {
		(void)close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->fd = fd;
	c->deadline_ms = clock_mono_ms() + IDLE_MS;
	/* Room for a whole request; what follows it waits in the socket. */
	buf_init(&c->in, HEAD_MAX + LIMIT_WEBHOOK_BODY);
	listener->connections[listener->count++] = c;
}

static void accept_all(struct listener *listener)
{
	for (;;) {
		if (listener->count == CONNECTIONS) {
			size_t victim = idlest(listener);
			if (victim == CONNECTIONS)
				return;
			drop(listener, victim);
		}
		int fd = accept(listener->fd, NULL, NULL);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				listener->rests_until_ms = clock_mono_ms() + REST_MS;
			return;
		}
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		adopt(listener, fd);
	}
}

static bool may_accept(const struct listener *listener)
{
	return clock_mono_ms() >= listener->rests_until_ms &&
	       (listener->count < CONNECTIONS || idlest(listener) < CONNECTIONS);
}

/* Waits for something to happen. ERR_IO. */
static enum err wait_events(struct listener *listener, bool accepting, int wait_ms)
{
	size_t count = listener->count;

	for (size_t i = 0; i < count; i++) {
		const struct connection *c = listener->connections[i];
		listener->polls[i] = (struct pollfd){ .fd = c->fd,
			.events = !c->lingers && is_pending(c) ? POLLOUT : POLLIN };
	}
	listener->polls[count] =
	    (struct pollfd){ .fd = listener->fd, .events = accepting ? POLLIN : 0 };
	if (poll(listener->polls, (nfds_t)count + 1, wait_ms) >= 0)
		return ERR_OK;
	/* Nothing is known then, so nothing is done. */
	for (size_t i = 0; i <= count; i++)
		listener->polls[i].revents = 0;
	return errno == EINTR || errno == ENOMEM ? ERR_OK : ERR_IO;
}

static void serve_all(struct listener *listener)
{
	int64_t now_ms = clock_mono_ms();
	bool accepts = (listener->polls[listener->count].revents & POLLIN) != 0;

	/* Backwards: a dropped one is replaced by the last, which has been seen to. */
	for (size_t i = listener->count; i-- > 0;) {
		struct connection *c = listener->connections[i];
		bool alive = true;
		if (listener->polls[i].revents != 0)
			alive = serve(listener, c);
		else if (now_ms >= c->deadline_ms)
			alive = expire(c);
		if (!alive)
			drop(listener, i);
	}
	if (accepts)
		accept_all(listener);
}

static bool has_pending(const struct listener *listener)
{
	for (size_t i = 0; i < listener->count; i++) {
		if (is_pending(listener->connections[i]))
			return true;
	}
	return false;
}

/* The last answers go out, if their readers do not take too long. */
static enum err finish(struct listener *listener)
{
	int64_t end_ms = clock_mono_ms() + LINGER_MS;
	enum err err = ERR_OK;

	while (err == ERR_OK && has_pending(listener) && clock_mono_ms() < end_ms) {
		err = wait_events(listener, false, TICK_MS);
		for (size_t i = listener->count; i-- > 0;) {
			if (!flush(listener->connections[i]))
				drop(listener, i);
		}
	}
	return err;
}

enum err listener_run(struct listener *listener, listen_fn *answer, listen_stop_fn *stop, void *arg)
{
	enum err err = ERR_OK;

	listener->answer = answer;
	listener->stop = stop;
	listener->arg = arg;
	while (err == ERR_OK && !stop(arg)) {
		err = wait_events(listener, may_accept(listener), TICK_MS);
		if (err == ERR_OK)
			serve_all(listener);
	}
	return err == ERR_OK ? finish(listener) : err;
}

/* ---- opening and closing ----------------------------------------------------------------------- */

static enum err bind_port(struct listener *listener, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int on = 1;

	if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(listener->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener->fd, BACKLOG) != 0 ||
	    getsockname(listener->fd, (struct sockaddr *)&address, &len) != 0)
		return ERR_IO;
	listener->port = ntohs(address.sin_port);
	return ERR_OK;
}

enum err listener_new(
    uint16_t port, struct listener **ret_listener, char *ret_reason, size_t reason_size)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL)
		return ERR_NOMEM;
	listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0 || bind_port(listener, port) != ERR_OK) {
		(void)snprintf(ret_reason, reason_size, "cannot listen on 127.0.0.1:%u: %s", port,
		    strerror(errno));
		listener_free(&listener);
		return ERR_IO;
	}
	*ret_listener = listener;
	return ERR_OK;
}

uint16_t listener_port(const struct listener *listener)
{
	return listener->port;
}

void listener_free(struct listener **listener)
{
	struct listener *old = listener == NULL ? NULL : *listener;

	if (old == NULL)
		return;
	while (old->count > 0)
		drop(old, old->count - 1);
	if (old->fd >= 0)
		(void)close(old->fd);
	free(old);
	*listener = NULL;
}
