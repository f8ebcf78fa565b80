/* SPDX-License-Identifier: Apache-2.0 */
/* mail_flow.c: what is sent, and what follows from the end of an attempt. */
#include "mail_flow.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "id.h"
#include "mail_text.h"
#include "mime.h"
#include "proc.h"

#define SECOND_MS 1000
#define PASSWORD_SIZE 512
#define LANE_REASON 255  /* characters, as the column */
#define CONFIG_S 60      /* how soon new settings are looked for */
#define LOGIN_NEEDED 530 /* RFC 4954 section 6: at whatever command */

/* ---- the server ---------------------------------------------------------------------------------------- */

static enum smtp_tls tls_of(const char *word)
{
	if (strcmp(word, "none") == 0)
		return SMTP_TLS_NONE;
	return strcmp(word, "tls") == 0 ? SMTP_TLS_IMPLICIT : SMTP_TLS_STARTTLS;
}

static enum err read_password(const char *path, struct arena *arena, const char **ret_password,
    char *ret_reason, size_t reason_size)
{
	char *password = arena_alloc(arena, PASSWORD_SIZE);
	char why[LANE_REASON];

	if (password == NULL)
		return ERR_NOMEM;
	if (proc_read_secret(path, password, PASSWORD_SIZE, why, sizeof(why)) != ERR_OK) {
		(void)snprintf(ret_reason, reason_size, "smtp_password_file: %s", why);
		return ERR_CONFIG;
	}
	*ret_password = password;
	return ERR_OK;
}

enum err mail_server(const struct settings *settings, struct arena *arena,
    struct smtp_server *ret_server, char *ret_reason, size_t reason_size)
{
	struct mime_mailbox from;
	const char *password = NULL;
	enum err err = ERR_OK;

	if (settings->smtp_host[0] == '\0') {
		(void)snprintf(
		    ret_reason, reason_size, "mail is not configured: smtp_host is empty");
		return ERR_CONFIG;
	}
	if (mime_mailbox_parse(settings->mail_from, &from) != ERR_OK) {
		(void)snprintf(ret_reason, reason_size, "mail_from is no address");
		return ERR_CONFIG;
	}
	if (settings->smtp_user[0] != '\0')
		err = read_password(
		    settings->smtp_password_file, arena, &password, ret_reason, reason_size);
	if (err != ERR_OK)
		return err;
	struct smtp_server server = { .host = settings->smtp_host,
		.port = settings->smtp_port,
		.tls = tls_of(settings->smtp_tls),
		.user = settings->smtp_user,
		.password = password,
		.ca_file = settings->smtp_ca_file,
		.hello = arena_strdup(arena, mime_domain(from.address)),
		.timeout_ms = settings->smtp_timeout_s * SECOND_MS };
	if (server.hello == NULL)
		return ERR_NOMEM;
	*ret_server = server;
	return ERR_OK;
}

/* ---- the message --------------------------------------------------------------------------------------- */

void mail_message_id(
    const struct settings *settings, struct uuid id, char out[MAIL_MESSAGE_ID_SIZE])
{
	struct mime_mailbox from;
	char text[ID_TEXT_SIZE];

	if (mime_mailbox_parse(settings->mail_from, &from) != ERR_OK)
		from = (struct mime_mailbox){ .address = "" };
	id_text(ID_MAIL, id, text);
	(void)snprintf(out, MAIL_MESSAGE_ID_SIZE, "%s@%s", text, mime_domain(from.address));
}

static enum err write_message(struct ctx *ctx, const struct mime_message *message, const char *from,
    struct smtp_message *ret_message)
{
	struct buf bytes;
	enum err err;

	buf_init(&bytes, LIMIT_MAIL_MESSAGE);
	err = mime_write(message, &bytes);
	struct smtp_message made = { .from = arena_strdup(ctx->arena, from),
		.to = message->to,
		.text = arena_strndup(ctx->arena, bytes.data, bytes.len),
		.len = bytes.len };
	buf_free(&bytes); /* wipes */
	if (err == ERR_OK && arena_overflowed(ctx->arena))
		err = ERR_NOMEM;
	if (err == ERR_OK)
		*ret_message = made;
	return err;
}

enum err mail_compose(struct ctx *ctx, const struct mail_letter *letter,
    struct smtp_message *ret_message, struct buf *faults)
{
	char message_id[MAIL_MESSAGE_ID_SIZE];
	struct mime_mailbox from;
	struct mail_text text;

	if (mime_mailbox_parse(ctx->settings->mail_from, &from) != ERR_OK)
		return ERR_CONFIG;
	enum err err = mail_text_fill(ctx, letter->template, letter->language,
	    letter->content.values, letter->content.value_count, &text, faults);
	if (err != ERR_OK)
		return err;
	mail_message_id(ctx->settings, letter->id, message_id);
	struct mime_message message = { .from = &from,
		.to = letter->content.to,
		.subject = text.subject,
		.message_id = message_id,
		.language = letter->language,
		.date_ms = letter->created_ms,
		.text = text.body };
	return write_message(ctx, &message, from.address, ret_message);
}

/* ---- preparing ------------------------------------------------------------------------------------------ */

/* It is not tried: this is why. */
static void cannot(struct mail_flow *flow, enum mail_error error, const char *alert)
{
	flow->step = MAIL_STEP_CANNOT;
	flow->error = error;
	flow->code = DB_NULL;
	flow->alert = alert;
}

/* The first fault of a text, or the sentence of the error. */
static const char *first_line(struct ctx *ctx, const char *faults, enum err err)
{
	size_t len = strcspn(faults, "\n");
	const char *line = len == 0 ? NULL : arena_strndup(ctx->arena, faults, len);

	return line == NULL ? err_sentence(err) : line;
}

static void compose(struct ctx *ctx, struct mail_flow *flow)
{
	struct mail_letter letter = { .id = flow->work.subject_id,
		.created_ms = flow->row.created_at,
		.language = flow->row.language };
	struct buf faults;
	enum err err = mail_template_parse(flow->row.template, &letter.template);

	if (err == ERR_OK)
		err = mail_open(ctx, letter.id, flow->row.content, &letter.content);
	if (err != ERR_OK) {
		cannot(flow, MAILERROR_SEALED, "the mail cannot be opened; it will be tried again");
		return;
	}
	buf_init(&faults, LIMIT_SETTING * 4);
	err = mail_compose(ctx, &letter, &flow->message, &faults);
	if (err != ERR_OK)
		cannot(flow, MAILERROR_TEXT, first_line(ctx, buf_str(&faults), err));
	buf_free(&faults);
}

enum err mail_prepare(struct ctx *ctx, struct mail_flow *flow, const char *unusable)
{
	enum err err = q_mail_load(ctx->db, ctx->arena, flow->work.subject_id, &flow->row);

	if (err != ERR_OK && err != ERR_MISSING)
		return err;
	flow->alert = NULL;
	flow->code = DB_NULL;
	flow->started_ms = clock_now_ms();
	if (err == ERR_MISSING || flow->row.content.data == NULL ||
	    strcmp(flow->row.status, mail_status_word(MAILSTATUS_PENDING)) != 0) {
		flow->step = MAIL_STEP_DROP;
	} else if (flow->row.expires_at <= flow->started_ms) {
		flow->step = MAIL_STEP_EXPIRE;
	} else if (unusable != NULL) {
		cannot(flow, MAILERROR_CONFIG, unusable);
	} else {
		flow->step = MAIL_STEP_SEND;
		compose(ctx, flow);
	}
	return ERR_OK;
}

/* ---- the end of an attempt ------------------------------------------------------------------------------- */

/* What a refusal (4xx, 5xx) of each command is about. */
static const enum mail_error refusals[SMTP_STEP__MAX] = {
	[SMTP_STEP_CONNECT] = MAILERROR_SERVER,
	[SMTP_STEP_HELLO] = MAILERROR_SERVER,
	[SMTP_STEP_STARTTLS] = MAILERROR_TLS,
	[SMTP_STEP_LOGIN] = MAILERROR_LOGIN,
	[SMTP_STEP_SENDER] = MAILERROR_SENDER,
	[SMTP_STEP_RECIPIENT] = MAILERROR_RECIPIENT,
	[SMTP_STEP_MESSAGE] = MAILERROR_MESSAGE,
};

static const enum mail_error errors[SMTP_FAULT__MAX] = {
	[SMTP_FAULT_NONE] = MAILERROR_NONE,
	[SMTP_FAULT_REPLY] = MAILERROR_OTHER, /* see refusals */
	[SMTP_FAULT_RESOLVE] = MAILERROR_RESOLVE,
	[SMTP_FAULT_CONNECT] = MAILERROR_CONNECT,
	[SMTP_FAULT_TLS] = MAILERROR_TLS,
	[SMTP_FAULT_LOGIN] = MAILERROR_LOGIN,
	[SMTP_FAULT_UTF8] = MAILERROR_UTF8,
	[SMTP_FAULT_TIMEOUT] = MAILERROR_TIMEOUT,
	[SMTP_FAULT_READ] = MAILERROR_READ,
	[SMTP_FAULT_OTHER] = MAILERROR_OTHER,
};

void mail_ended(struct mail_flow *flow, const struct smtp_reply *reply)
{
	flow->error = errors[reply->fault];
	if (reply->fault == SMTP_FAULT_REPLY)
		flow->error = reply->code == LOGIN_NEEDED ? MAILERROR_LOGIN : refusals[reply->step];
	flow->code = reply->code > 0 ? reply->code : DB_NULL;
}

/* ---- settling --------------------------------------------------------------------------------------------- */

enum verdict {
	VERDICT_AGAIN, /* this mail, after a wait that grows */
	VERDICT_FINAL, /* this mail, never */
	VERDICT_HALT   /* no mail, until somebody has looked at the settings */
};

/* What an error means, but for a reply of 4xx, which always asks for another try. alert: what the
 * operator of a lane that stands still is told. */
static const struct {
	enum verdict verdict;
	const char *alert;
} meanings[MAILERROR__MAX] = {
	[MAILERROR_TLS] = { VERDICT_HALT,
	    "the mail server offers no TLS that we can trust (smtp_tls, "
	    "smtp_ca_file, smtp_host)" },
	[MAILERROR_LOGIN] = { VERDICT_HALT,
	    "the mail server refuses our login, or wants one (smtp_user, "
	    "smtp_password_file)" },
	[MAILERROR_SERVER] = { VERDICT_HALT, "the mail server refuses to speak with us (smtp_host, "
					     "smtp_port)" },
	[MAILERROR_SENDER] = { VERDICT_HALT, "the mail server refuses our sender (mail_from)" },
	[MAILERROR_RECIPIENT] = { VERDICT_FINAL, NULL },
	[MAILERROR_MESSAGE] = { VERDICT_FINAL, NULL },
	[MAILERROR_UTF8] = { VERDICT_FINAL, NULL },
};

static bool is_answer(enum mail_error error)
{
	return error == MAILERROR_RECIPIENT || error == MAILERROR_MESSAGE;
}

static enum verdict verdict_of(const struct mail_flow *flow)
{
	bool passes = flow->code >= 400 && flow->code < 500;

	/* DATA that is answered with anything but 250 and no 5xx is no final word either. */
	if (passes || (is_answer(flow->error) && flow->code < 500))
		return VERDICT_AGAIN;
	return flow->error == MAILERROR_CONFIG ? VERDICT_HALT : meanings[flow->error].verdict;
}

static enum err settle_sent(struct ctx *ctx, struct mail_flow *flow)
{
	enum err err = work_done(ctx, &flow->work);

	flow->settled = MAILSTATUS_SENT;
	if (err == ERR_OK)
		err = q_mail_sent(ctx->db, mail_status_word(MAILSTATUS_SENT),
		    flow->row.attempts + 1, mail_error_word(MAILERROR_NONE), flow->code,
		    flow->started_ms, clock_now_ms(), flow->work.subject_id);
	return err;
}

static enum err settle_final(struct ctx *ctx, struct mail_flow *flow)
{
	enum err err = work_done(ctx, &flow->work);

	flow->settled = MAILSTATUS_FAILED;
	if (err == ERR_OK)
		err = q_mail_failed(ctx->db, mail_status_word(MAILSTATUS_FAILED),
		    flow->row.attempts + 1, mail_error_word(flow->error), flow->code,
		    flow->started_ms, clock_now_ms(), flow->work.subject_id);
	return err;
}

/* Its time is over. What is known of the last attempt is worth more than that. */
static enum err settle_expired(struct ctx *ctx, struct mail_flow *flow)
{
	const char *none = mail_error_word(MAILERROR_NONE);
	const char *word = flow->row.last_error;
	enum err err = work_done(ctx, &flow->work);

	flow->settled = MAILSTATUS_FAILED;
	if (strcmp(word, none) == 0)
		word = mail_error_word(MAILERROR_EXPIRED);
	if (mail_error_parse(word, &flow->error) != ERR_OK)
		flow->error = MAILERROR_EXPIRED;
	flow->code = flow->row.last_code;
	if (err == ERR_OK)
		err =
		    q_mail_failed(ctx->db, mail_status_word(MAILSTATUS_FAILED), flow->row.attempts,
			word, flow->code, TIME_NONE, clock_now_ms(), flow->work.subject_id);
	return err;
}

static enum err note_attempt(struct ctx *ctx, const struct mail_flow *flow)
{
	bool tried = flow->step == MAIL_STEP_SEND;

	return q_mail_note(ctx->db, flow->row.attempts + tried, mail_error_word(flow->error),
	    flow->code, flow->started_ms, flow->work.subject_id);
}

/* Not behind its end: then it fails, and not some wait later. */
static int64_t due_of(const struct mail_flow *flow, int64_t wait_ms)
{
	int64_t due_ms = clock_now_ms() + wait_ms;

	return due_ms < flow->row.expires_at ? due_ms : flow->row.expires_at;
}

static enum err settle_again(struct ctx *ctx, struct mail_flow *flow)
{
	int64_t wait_ms = work_backoff_ms(flow->work.failures + 1, 0);
	enum err err = work_again(ctx, &flow->work, due_of(flow, wait_ms), true);

	return err == ERR_OK ? note_attempt(ctx, flow) : err;
}

/* The lane's reason is a column of ASCII. */
static enum err halt_lane(struct ctx *ctx, const char *why, int64_t until_ms)
{
	char reason[LANE_REASON + 1];

	(void)snprintf(reason, sizeof(reason), "%s", why);
	for (char *c = reason; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x7f || (unsigned char)*c < 0x20)
			*c = '?';
	return lane_pause(ctx, MAIL_LANE, until_ms, reason);
}

static enum err settle_halt(struct ctx *ctx, struct mail_flow *flow)
{
	bool unusable = flow->error == MAILERROR_CONFIG;
	int64_t wait_ms = (unusable ? CONFIG_S : ctx->settings->lane_pause_s) * (int64_t)SECOND_MS;
	enum err err = work_again(ctx, &flow->work, due_of(flow, wait_ms), false);

	if (!unusable)
		flow->alert = meanings[flow->error].alert;
	if (err == ERR_OK)
		err = note_attempt(ctx, flow);
	return err == ERR_OK ? halt_lane(ctx, flow->alert, clock_now_ms() + wait_ms) : err;
}

enum err mail_settle(struct ctx *ctx, struct mail_flow *flow)
{
	flow->settled = MAILSTATUS_PENDING;
	if (flow->step == MAIL_STEP_DROP)
		return work_done(ctx, &flow->work);
	if (flow->step == MAIL_STEP_EXPIRE)
		return settle_expired(ctx, flow);
	if (flow->error == MAILERROR_NONE)
		return settle_sent(ctx, flow);
	switch (verdict_of(flow)) {
	case VERDICT_FINAL:
		return settle_final(ctx, flow);
	case VERDICT_HALT:
		return settle_halt(ctx, flow);
	case VERDICT_AGAIN:
		break;
	}
	return settle_again(ctx, flow);
}
