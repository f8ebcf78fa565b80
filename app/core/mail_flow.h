/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mail_flow.h owns how a mail moves: what is handed to the server for a claimed piece of work, and what
 * the end of an attempt changes. It never dials: the job does.
 *
 * A recipient that is refused for good (5xx) ends the mail; trouble that passes (4xx, no connection,
 * no answer) has it tried again after growing waits, until it expires; trouble with our settings (no
 * TLS, a wrong password, a sender that is refused) is not the mail's fault and stops the lane.
 *
 * An attempt is written down when it is settled, fenced by the lease. A process that dies between the
 * server's answer and that leaves the mail to the next one, which sends it again: with the same
 * Message-ID, which is made of the mail's id, so that the copy can be recognised.
 */
#ifndef BONAFIDE_MAIL_FLOW_H
#define BONAFIDE_MAIL_FLOW_H

#include "base.h"
#include "buf.h"
#include "ctx.h"
#include "mail.h"
#include "smtp.h"
#include "stmt.h"
#include "work.h"

/* Whom to hand mail to, out of the settings; texts in the arena or borrowed from them. ERR_CONFIG: it
 * is not configured, or the password file cannot be used; reason then says so in a sentence. */
enum err mail_server(const struct settings *settings, struct arena *arena,
    struct smtp_server *ret_server, char *ret_reason, size_t reason_size) MUST_CHECK;

/* A mail to be written. */
struct mail_letter {
	struct uuid id;
	int64_t created_ms;
	enum mail_template template;
	const char *language;
	struct mail_content content;
};

/* The message as it is sent, in ctx's arena: from whom, to whom, the bytes. faults gets a line for
 * each thing that is wrong with its text. As mail_text_fill(); ERR_CONFIG: mail_from is none. */
enum err mail_compose(struct ctx *ctx, const struct mail_letter *letter,
    struct smtp_message *ret_message, struct buf *faults) MUST_CHECK;

/* Room for a Message-ID. */
#define MAIL_MESSAGE_ID_SIZE 320

/* "mail_…@domain", the domain that of mail_from. */
void mail_message_id(
    const struct settings *settings, struct uuid id, char out[MAIL_MESSAGE_ID_SIZE]);

enum mail_step {
	MAIL_STEP_SEND,   /* send message, then settle with what came back */
	MAIL_STEP_CANNOT, /* it cannot be written or sent now: error says why */
	MAIL_STEP_EXPIRE, /* its time is over */
	MAIL_STEP_DROP    /* nothing to do any more: the work only has to go */
};

/* One claimed mail on its way. Texts in the arena given to mail_prepare(). */
struct mail_flow {
	struct work work;
	enum mail_step step;
	struct row_mail_load row;
	struct smtp_message message;
	int64_t started_ms;

	/* How the attempt ended. */
	enum mail_error error;
	int64_t code; /* the server's last reply; DB_NULL: none */

	/* What settling came to, for the log. */
	enum mail_status settled;
	const char *alert; /* something an operator must look at; NULL none */
	enum err problem;  /* ERR_STALE: another process has it */
};

/*
 * Reads what flow->work is about and writes its message, without a transaction. unusable: why nothing
 * can be sent at all (mail_server()); NULL when it can. A fault of one mail, or of its text, is
 * MAIL_STEP_CANNOT and ERR_OK; database errors are returned.
 */
enum err mail_prepare(struct ctx *ctx, struct mail_flow *flow, const char *unusable) MUST_CHECK;

/* Takes what the server came to. */
void mail_ended(struct mail_flow *flow, const struct smtp_reply *reply);

/*
 * Writes the attempt and what follows from it inside the caller's transaction, after proving that the
 * lease is still ours. ERR_STALE: it is not, nothing was written. Database errors.
 */
enum err mail_settle(struct ctx *ctx, struct mail_flow *flow) MUST_CHECK;

#endif
