/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mail.h owns mails to people (contract/accounts.md): each is written, sealed, with its row in the
 * queue, in the transaction that causes it, so what was promised will be sent. How it is sent is
 * mail_flow.h's; what it says is mail_text.h's.
 */
#ifndef BONAFIDE_MAIL_H
#define BONAFIDE_MAIL_H

#include "base.h"
#include "ctx.h"
#include "dbstmt.h"
#include "limits.h"

#define MAIL_LANE "mail" /* all mail goes through one server */

/* What is put into a place of the text: {name}. */
struct mail_value {
	const char *name, *text;
};

struct mail_new {
	enum mail_template template;
	const char *to;       /* an address, as mime_address_valid() allows it */
	const char *language; /* "en", "fr"; NULL: the setting mail_language */
	struct mail_value
	    values[LIMIT_MAIL_VALUES]; /* those that the template has; the rest NULL */
	int64_t
	    expires_at_ms; /* not worth sending later; TIME_NONE: LIMIT_MAIL_WAIT_S from now, which
				* is also the most */
};

/*
 * Writes a mail and its work inside the caller's transaction. ERR_VALIDATION: the address is none that
 * we send to, the language is none that we have, a value is missing, unknown, too long or no UTF-8.
 * ERR_NOMEM, ERR_CRYPTO, database errors.
 */
enum err mail_queue(struct ctx *ctx, const struct mail_new *mail) MUST_CHECK;

/* The same; *ret_id: the mail's. */
enum err mail_put(struct ctx *ctx, const struct mail_new *mail, struct uuid *ret_id) MUST_CHECK;

/*
 * Has a mail tried again now, inside the caller's transaction: one that failed for another
 * LIMIT_MAIL_WAIT_S, one that waits without its wait. ERR_MISSING: there is none; ERR_STATE: it was
 * sent; ERR_STALE: a batch process has it in hand.
 */
enum err mail_retry(struct ctx *ctx, struct uuid id) MUST_CHECK;

/* Removes mails that were sent or had failed before before_ms, at most max. */
enum err mail_expire(
    struct ctx *ctx, int64_t before_ms, int64_t max, uint64_t *ret_removed) MUST_CHECK;

/* What is sealed. Texts in the arena. */
struct mail_content {
	const char *to;
	struct mail_value values[LIMIT_MAIL_VALUES];
	size_t value_count;
};

/* Opens the content of a mail. As seal_open(); ERR_SYNTAX when it is no content. */
enum err mail_open(struct ctx *ctx, struct uuid id, struct bytes sealed,
    struct mail_content *ret_content) MUST_CHECK;

/* Opens it and seals it again under the newest key. As seal_open() and seal_data(). */
enum err mail_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed) MUST_CHECK;

#endif
