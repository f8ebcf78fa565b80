/* SPDX-License-Identifier: Apache-2.0 */
/* c_mail.c: mails, and trying the server that takes them. Nothing here shows to whom one went. */
#include "ctl.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "mail_flow.h"
#include "mail_text.h"
#include "mime.h"
#include "smtp.h"
#include "stmt.h"
#include "tx.h"
#include "work.h"

#define LIST_DEFAULT 50
#define REASON_SIZE 256
#define RUN_MS 1000

#define WORD(group, name, word) "|" word
#define STATUS_WORDS "" STATE_MAILSTATUS(WORD)
#define TEMPLATE_WORDS "" STATE_MAIL(WORD)

static enum err no_such_mail(struct ctl *ctl)
{
	return ctl_fail(ctl, ERR_MISSING,
	    "there is no such mail: the id is wrong, or it was removed after mail_keep_days");
}

/* ---- list ----------------------------------------------------------------------------------------- */

struct list_input {
	const char *status;
	int64_t limit;
};

static const struct ctl_arg list_args[] = {
	ARG_WORD(struct list_input, status, "status", false, &STATUS_WORDS[1],
	    "Only those that stand so."),
	ARG_INT(struct list_input, limit, "limit", "N", 1, LIMIT_DB_ROWS, LIST_DEFAULT,
	    "At most so many, the newest (default 50)."),
};

static const struct ctl_column list_columns[] = {
	COLUMN_ID(struct row_operator_mails, id, ID_MAIL),
	COLUMN_TEXT(struct row_operator_mails, template),
	COLUMN_TEXT(struct row_operator_mails, language),
	COLUMN_TEXT(struct row_operator_mails, status),
	COLUMN_INT(struct row_operator_mails, attempts),
	COLUMN_TEXT(struct row_operator_mails, last_error),
	COLUMN_INT(struct row_operator_mails, last_code),
	COLUMN_TIME(struct row_operator_mails, created_at),
	COLUMN_TIME(struct row_operator_mails, finished_at),
	{ .name = "last_attempt_at",
	    .type = CELL_TIME,
	    .offset = offsetof(struct row_operator_mails, last_attempt_at),
	    .json_only = true },
	{ .name = "expires_at",
	    .type = CELL_TIME,
	    .offset = offsetof(struct row_operator_mails, expires_at),
	    .json_only = true },
};

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct row_operator_mails *rows = NULL;
	size_t count = 0;
	enum err err =
	    q_operator_mails(ctl->ctx.db, ctl->ctx.arena, in->status, in->limit, &rows, &count);

	if (err != ERR_OK)
		return err;
	return ctl_print_list(ctl, list_columns, rows, count, "There are no such mails.");
}

/* ---- show ----------------------------------------------------------------------------------------- */

struct one_input {
	struct uuid mail;
};

static const struct ctl_arg one_args[] = {
	ARG_ID(struct one_input, mail, "MAIL", NULL, true, ID_MAIL,
	    "Its id (mail_...), as \"bonafide mail list\" shows it."),
};

static const struct ctl_column shown_columns[] = {
	COLUMN_ID(struct row_operator_mail, id, ID_MAIL),
	COLUMN_TEXT(struct row_operator_mail, template),
	COLUMN_TEXT(struct row_operator_mail, language),
	COLUMN_TEXT(struct row_operator_mail, status),
	COLUMN_INT(struct row_operator_mail, attempts),
	COLUMN_TEXT(struct row_operator_mail, last_error),
	COLUMN_INT(struct row_operator_mail, last_code),
	COLUMN_TIME(struct row_operator_mail, last_attempt_at),
	{ .name = "next_attempt_at",
	    .type = CELL_TIME,
	    .offset = offsetof(struct row_operator_mail, due_at) },
	COLUMN_TIME(struct row_operator_mail, created_at),
	COLUMN_TIME(struct row_operator_mail, expires_at),
	COLUMN_TIME(struct row_operator_mail, finished_at),
	COLUMN_BOOL(struct row_operator_mail, content_kept),
};

static enum err print_mail(struct ctl *ctl, struct uuid id)
{
	struct row_operator_mail row;
	enum err err = q_operator_mail(ctl->ctx.db, ctl->ctx.arena, id, &row);

	if (err == ERR_MISSING)
		return no_such_mail(ctl);
	return err == ERR_OK ? ctl_print_one(ctl, shown_columns, &row) : err;
}

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;

	return print_mail(ctl, in->mail);
}

/* ---- retry ---------------------------------------------------------------------------------------- */

/* A lane that stands still is passed over, so making its work due alone does nothing: say so. */
static enum err note_paused(struct ctl *ctl)
{
	struct row_operator_lane lane;
	char until[TIME_TEXT_SIZE];
	enum err err = q_operator_lane(ctl->ctx.db, ctl->ctx.arena, MAIL_LANE, &lane);

	if (err == ERR_MISSING || (err == ERR_OK && lane.paused_until <= clock_now_ms()))
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	time_text(lane.paused_until, until);
	ctl_note(ctl,
	    "All mail waits until %s: %s. \"bonafide mail test\" tries it, and lets mail go on when "
	    "it works.",
	    until, lane.reason);
	return ERR_OK;
}

static enum err retry_in_tx(struct ctx *ctx, void *arg)
{
	const struct one_input *in = arg;

	return mail_retry(ctx, in->mail);
}

static enum err retry(struct ctl *ctl, const void *input)
{
	struct one_input in = *(const struct one_input *)input;
	enum err err = tx_run(&ctl->ctx, retry_in_tx, &in);

	if (err == ERR_MISSING)
		return no_such_mail(ctl);
	if (err == ERR_STATE)
		return ctl_fail(ctl, err, "it was sent; nothing is kept that could be sent again");
	if (err == ERR_STALE)
		return ctl_fail(ctl, err, "a batch process has it in hand just now");
	if (err == ERR_OK)
		err = print_mail(ctl, in.mail);
	return err == ERR_OK ? note_paused(ctl) : err;
}

/* ---- test ----------------------------------------------------------------------------------------- */

struct test_input {
	const char *address;
	const char *template;
	const char *language;
	bool queue;
};

static const struct ctl_arg test_args[] = {
	ARG_TEXT(struct test_input, address, "ADDRESS", NULL, true, MIME_ADDRESS_MAX, "To whom."),
	ARG_WORD(struct test_input, template, "template", false, &TEMPLATE_WORDS[1],
	    "What to send, with values made up (default test)."),
	ARG_WORD(struct test_input, language, "language", false, "en|fr",
	    "In which language (default: the setting mail_language)."),
	ARG_FLAG(struct test_input, queue, "queue",
	    "Leave it to the batch, as all other mail is, instead of sending it here and now."),
};

struct tested {
	bool sent;
	const char *message_id;
	const char *server;
	int64_t duration_ms;
};

static const struct ctl_column tested_columns[] = {
	COLUMN_BOOL(struct tested, sent),
	COLUMN_TEXT(struct tested, message_id),
	COLUMN_TEXT(struct tested, server),
	COLUMN_INT(struct tested, duration_ms),
};

/* How it ended, kept beyond the callback. */
struct outcome {
	struct ctl *ctl;
	bool ended;
	enum smtp_fault fault;
	enum smtp_step step;
	int64_t duration_ms;
	const char *said;
	const char *problem;
};

static void test_done(void *arg, const struct smtp_reply *reply)
{
	struct outcome *outcome = arg;
	struct arena *arena = outcome->ctl->ctx.arena;
	struct buf said;

	/* A stranger's words, on somebody's terminal. */
	buf_init(&said, LIMIT_LOG_LINE);
	ctl_escape(reply->said, strlen(reply->said), false, &said);
	outcome->said = arena_strdup(arena, buf_str(&said));
	buf_free(&said);
	outcome->problem = arena_strdup(arena, reply->problem);
	outcome->fault = reply->fault;
	outcome->step = reply->step;
	outcome->duration_ms = reply->elapsed_ms;
	outcome->ended = true;
}

static const char *const step_words[SMTP_STEP__MAX] = {
	[SMTP_STEP_CONNECT] = "the connection",
	[SMTP_STEP_HELLO] = "our name",
	[SMTP_STEP_STARTTLS] = "STARTTLS",
	[SMTP_STEP_LOGIN] = "the login",
	[SMTP_STEP_SENDER] = "the sender",
	[SMTP_STEP_RECIPIENT] = "the recipient",
	[SMTP_STEP_MESSAGE] = "the message",
};

static const char *const fault_words[SMTP_FAULT__MAX] = {
	[SMTP_FAULT_REPLY] = "the mail server refused",
	[SMTP_FAULT_RESOLVE] = "smtp_host has no address",
	[SMTP_FAULT_CONNECT] = "nobody accepts the connection (smtp_host, smtp_port)",
	[SMTP_FAULT_TLS] =
	    "no TLS, or a certificate that is not the host's or not trusted (smtp_tls, "
	    "smtp_ca_file)",
	[SMTP_FAULT_LOGIN] = "the login was refused (smtp_user, smtp_password_file)",
	[SMTP_FAULT_UTF8] = "the address is not ASCII, and the mail server has no SMTPUTF8",
	[SMTP_FAULT_TIMEOUT] = "the mail server took too long (smtp_timeout_s)",
	[SMTP_FAULT_READ] = "the connection broke, or what answered is no mail server",
	[SMTP_FAULT_OTHER] = "it could not be sent",
};

static enum err explain_fault(struct ctl *ctl, const struct outcome *outcome)
{
	bool refused = outcome->fault == SMTP_FAULT_REPLY;
	bool has_said = outcome->said != NULL && outcome->said[0] != '\0';
	bool has_problem = !refused && outcome->problem != NULL && outcome->problem[0] != '\0';

	return ctl_fail(ctl, ERR_STATE, "%s%s%s%s%s%s%s", fault_words[outcome->fault],
	    refused ? " " : "", refused ? step_words[outcome->step] : "", has_problem ? ": " : "",
	    has_problem ? outcome->problem : "", has_said ? "; it said: " : "",
	    has_said ? outcome->said : "");
}

static enum err send_now(
    struct ctl *ctl, const struct smtp_message *message, struct outcome *ret_outcome)
{
	char reason[REASON_SIZE] = "";
	struct outcome outcome = { .ctl = ctl };
	struct smtp_server server;
	struct smtp *smtp = NULL;
	enum err err = mail_server(ctl->settings, ctl->ctx.arena, &server, reason, sizeof(reason));

	if (err == ERR_CONFIG)
		return ctl_fail(ctl, err, "%s", reason);
	if (err == ERR_OK)
		err = smtp_new(&server, 1, &smtp);
	if (err == ERR_OK)
		err = smtp_start(smtp, message, test_done, &outcome);
	while (err == ERR_OK && !outcome.ended)
		smtp_run(smtp, RUN_MS);
	smtp_free(&smtp);
	if (err == ERR_OK)
		*ret_outcome = outcome;
	return err;
}

static enum err compose(struct ctl *ctl, const struct test_input *in, enum mail_template template,
    struct uuid id, struct smtp_message *ret_message)
{
	const struct mail_value *samples = mail_text_samples(template);
	struct mail_letter letter = { .id = id,
		.created_ms = clock_now_ms(),
		.template = template,
		.language = in->language != NULL ? in->language : ctl->settings->mail_language,
		.content = { .to = in->address, .value_count = mail_text_places(template) } };
	struct buf faults;

	memcpy(letter.content.values, samples, letter.content.value_count * sizeof(*samples));
	buf_init(&faults, LIMIT_LOG_LINE * 4);
	enum err err = mail_compose(&ctl->ctx, &letter, ret_message, &faults);
	if (err == ERR_CONFIG)
		err = ctl_fail(ctl, err, "mail is not configured: mail_from is empty");
	ctl_lines(ctl, buf_str(&faults));
	ctl->said = ctl->said || buf_str(&faults)[0] != '\0';
	buf_free(&faults);
	return err;
}

static enum err test_now(struct ctl *ctl, const struct test_input *in, enum mail_template template)
{
	char message_id[MAIL_MESSAGE_ID_SIZE];
	struct smtp_message message;
	struct outcome outcome = { .ended = false };
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = compose(ctl, in, template, id, &message);
	if (err == ERR_OK)
		err = send_now(ctl, &message, &outcome);
	if (err != ERR_OK)
		return err;
	if (outcome.fault != SMTP_FAULT_NONE)
		return explain_fault(ctl, &outcome);
	mail_message_id(ctl->settings, id, message_id);
	struct tested tested = { .sent = true,
		.message_id = message_id,
		.server = outcome.said,
		.duration_ms = outcome.duration_ms };
	err = ctl_print_one(ctl, tested_columns, &tested);
	/* Whatever it was that stopped all mail, it is mended. */
	return err == ERR_OK ? lane_resume(&ctl->ctx, MAIL_LANE) : err;
}

struct queueing {
	struct mail_new mail;
	struct uuid id;
};

static enum err queue_in_tx(struct ctx *ctx, void *arg)
{
	struct queueing *queueing = arg;

	return mail_put(ctx, &queueing->mail, &queueing->id);
}

static enum err test_queue(
    struct ctl *ctl, const struct test_input *in, enum mail_template template)
{
	const struct mail_value *samples = mail_text_samples(template);
	struct queueing queueing = { .mail = { .template = template,
					 .to = in->address,
					 .language = in->language,
					 .expires_at_ms = TIME_NONE } };

	memcpy(queueing.mail.values, samples, mail_text_places(template) * sizeof(*samples));
	enum err err = tx_run(&ctl->ctx, queue_in_tx, &queueing);
	if (err == ERR_OK)
		err = print_mail(ctl, queueing.id);
	return err == ERR_OK ? note_paused(ctl) : err;
}

static enum err test(struct ctl *ctl, const void *input)
{
	const struct test_input *in = input;
	enum mail_template template = MAIL_TEST;

	if (!mime_address_valid(in->address))
		return ctl_misuse(ctl,
		    "ADDRESS must be a mail address such as somebody@example.org (a domain with other "
		    "letters is spelt xn--...)");
	if (in->template != NULL && mail_template_parse(in->template, &template) != ERR_OK)
		return ERR_SYNTAX;
	return in->queue ? test_queue(ctl, in, template) : test_now(ctl, in, template);
}

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .bare = true,
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list mails, newest first",
	    .help =
		"Lists the mails of the last mail_keep_days, newest first: what they were, how "
		"they stand, and what the last attempt came to. To whom they went is not shown." },
	{ .verb = "show",
	    .needs = CTL_DB,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "show what became of a mail",
	    .help =
		"Shows how a mail stands and when it is tried next. To whom it goes and what it "
		"says is not shown." },
	{ .verb = "retry",
	    .needs = CTL_DB,
	    .run = retry,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "have a mail tried again",
	    .help =
		"Has a mail that failed tried again for another day, or one that waits tried now. "
		"One that was sent cannot be: nothing of it is kept." },
	{ .verb = "test",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = test,
	    .args = test_args,
	    .arg_count = countof(test_args),
	    .input_size = sizeof(struct test_input),
	    .summary = "send a mail, and say what the server said",
	    .help =
		"Sends a mail here and now and prints the server's last words, or why it could "
		"not be sent. When it could, and all mail was stopped because of the settings, it "
		"goes on. With --queue the batch sends it." },
};

const struct ctl_noun noun_mail = {
	.word = "mail",
	.summary = "Mail to people: codes, invitations.",
	.commands = commands,
	.count = countof(commands),
};
