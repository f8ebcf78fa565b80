/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp.h owns handing mail to a server (libcurl's SMTP): many messages under way in one process, each
 * with a total deadline. The caller starts them and is told of each end by a callback from within
 * smtp_run() or smtp_free(). Only the batch and the operator's tool use it.
 *
 * Each message has a thread of its own. libcurl's multi interface, on which outgoing HTTP rides,
 * stands still in SMTP while it waits for the last answer and for that to QUIT, so one mail server
 * that hangs would stop everything else the process does. The thread touches its own message alone;
 * callbacks run in the caller's thread.
 *
 * With TLS the certificate must be trusted and the host's; STARTTLS that is not offered, or refused,
 * ends the message: nothing is ever sent in clear instead.
 */
#ifndef BONAFIDE_SMTP_H
#define BONAFIDE_SMTP_H

#include "base.h"

struct smtp;

enum smtp_tls { SMTP_TLS_NONE, SMTP_TLS_STARTTLS, SMTP_TLS_IMPLICIT };

/* Whom to speak to, and how. Texts borrowed for the life of the client. */
struct smtp_server {
	const char *host; /* a name, or an address (IPv6 without brackets) */
	int64_t port;
	enum smtp_tls tls;
	const char *user;     /* "" or NULL: no authentication; else PLAIN or LOGIN */
	const char *password; /* may be NULL without a user */
	const char *ca_file;  /* "" or NULL: the system's */
	const char *hello;    /* how we call ourselves in EHLO: a domain */
	int64_t timeout_ms;   /* in all, for one message */
};

/* Borrowed until the callback. */
struct smtp_message {
	const char *from; /* addresses as mime_address_valid() allows them */
	const char *to;
	const char *text; /* lines ended by CR LF */
	size_t len;
};

/* How far the conversation came: the command last sent, QUIT aside. */
enum smtp_step {
	SMTP_STEP_CONNECT, /* none: connecting, TLS at once, the greeting */
	SMTP_STEP_HELLO,
	SMTP_STEP_STARTTLS,
	SMTP_STEP_LOGIN,
	SMTP_STEP_SENDER,
	SMTP_STEP_RECIPIENT,
	SMTP_STEP_MESSAGE, /* DATA, and the answer behind the last line */
	SMTP_STEP__MAX
};

enum smtp_fault {
	SMTP_FAULT_NONE,    /* the server has taken the message */
	SMTP_FAULT_REPLY,   /* it answered with a 4xx or 5xx, in this step */
	SMTP_FAULT_RESOLVE, /* the name has no address */
	SMTP_FAULT_CONNECT, /* nobody accepts the connection */
	SMTP_FAULT_TLS,   /* none is offered, or the certificate is not the host's or not trusted */
	SMTP_FAULT_LOGIN, /* our user and password were refused, or there is no way to send them */
	SMTP_FAULT_UTF8,  /* an address is not ASCII and the server takes ASCII only */
	SMTP_FAULT_TIMEOUT,
	SMTP_FAULT_READ,  /* the connection broke, or what came is not SMTP */
	SMTP_FAULT_OTHER, /* memory, or ended by smtp_free() */
	SMTP_FAULT__MAX
};

struct smtp_reply {
	enum smtp_fault fault;
	enum smtp_step step;
	int code;            /* of the server's last reply; 0 when there was none */
	const char *said;    /* its last line; may hold an address: for the operator's eyes only */
	const char *problem; /* libcurl's word for the failure, "" if none; nothing personal */
	int64_t elapsed_ms;
};

typedef void smtp_done_fn(void *arg, const struct smtp_reply *reply);

/* Makes a client that has at most max_in_flight messages under way. ERR_NOMEM. */
enum err smtp_new(
    const struct smtp_server *server, size_t max_in_flight, struct smtp **ret_smtp) MUST_CHECK;

/* Aborts what is under way (SMTP_FAULT_OTHER; it may have been taken) and frees; lasts as long as
 * libcurl needs to notice, about a second. Accepts NULL. */
void smtp_free(struct smtp **smtp);

/* Starts a message; done(arg, reply) will be called exactly once. ERR_FULL when max_in_flight are
 * under way, ERR_NOMEM; then done is not called. */
enum err smtp_start(struct smtp *smtp, const struct smtp_message *message, smtp_done_fn *done,
    void *arg) MUST_CHECK;

/* Messages under way. */
size_t smtp_in_flight(const struct smtp *smtp);

/* Waits at most wait_ms for a message to end and calls back for those that did. */
void smtp_run(struct smtp *smtp, int64_t wait_ms);

#endif
