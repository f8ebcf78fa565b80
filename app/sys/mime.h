/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime.h owns the form of a mail: what an address may look like, and the bytes of a message of plain
 * text (RFC 5322, RFC 2045 to 2047) with headers that nothing in a value can add to.
 */
#ifndef BONAFIDE_MIME_H
#define BONAFIDE_MIME_H

#include "base.h"
#include "buf.h"

#define MIME_ADDRESS_MAX 254 /* RFC 5321 section 4.5.3.1.3: a path of 256, less its brackets */
#define MIME_NAME_MAX 200
#define MIME_LINE 76 /* RFC 2045 section 6.7, RFC 2047 section 2 */

/*
 * True for "local@domain" as we send to: a dot-atom (RFC 5322 section 3.2.3; outside ASCII any
 * letter, RFC 6531) of at most 64 bytes, '@', and a domain of labels with letters, digits and '-':
 * one with other letters is spelt as its A-labels ("xn--…", RFC 5890). No quotes, brackets, blanks,
 * control characters or address literals, so nothing in it can end a header or a command.
 */
bool mime_address_valid(const char *address);

/* True when all of it is ASCII. An address that is not needs a server with SMTPUTF8 (RFC 6531). */
bool mime_is_ascii(const char *text);

/* "Name <local@domain>" or "local@domain", taken apart. */
struct mime_mailbox {
	char name[MIME_NAME_MAX + 1]; /* "" when there is none */
	char address[MIME_ADDRESS_MAX + 1];
};

/* Reads such a text; the name may be in double quotes. ERR_SYNTAX. */
enum err mime_mailbox_parse(const char *text, struct mime_mailbox *ret_mailbox) MUST_CHECK;

/* The domain of an address, behind its '@'. Borrowed from it. */
const char *mime_domain(const char *address);

struct mime_message {
	const struct mime_mailbox *from;
	const char *to;         /* an address */
	const char *subject;    /* UTF-8, one line */
	const char *message_id; /* without its brackets */
	const char *language;   /* of the text: "en" */
	int64_t date_ms;        /* UTC */
	const char *text;       /* UTF-8, lines ended by '\n' */
};

/*
 * Appends the message, lines ended by CR LF. Pure ASCII goes as it is (7bit) when its lines are short
 * enough, other text as quoted-printable, or as base64 when most of it is not ASCII. It calls itself
 * auto-generated (RFC 3834), so that nobody's holiday answers it. ERR_SYNTAX: a member holds what
 * its header cannot. ERR_FULL.
 */
enum err mime_write(const struct mime_message *message, struct buf *out) MUST_CHECK;

/*
 * Appends a header with text that may be anything: printable ASCII as it is, folded at blanks; else
 * as encoded words (RFC 2047), never broken within a character. ends with CR LF.
 */
void mime_header(const char *name, const char *text, struct buf *out);

/* Appends text in quoted-printable (RFC 2045 section 6.7), its '\n' as CR LF. */
void mime_quoted_printable(const char *text, struct buf *out);

#endif
