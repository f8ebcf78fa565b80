/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp.c: a thread for each message under way, which speaks through libcurl and then puts itself on
 * the list of those that ended. Nothing else is shared with it but the server's texts, which do not
 * change, and the flag that ends it.
 *
 * What libcurl's code for a failure does not tell (which command was refused, whether SMTPUTF8 is
 * offered) is seen by looking at the lines that go out and come in.
 */
#include "smtp.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "clock.h"
#include "mime.h"

#include <curl/curl.h>

#define CONNECT_MS 10000
#define QUIT_MS 2000 /* what a server may take for its answer to QUIT */
#define SAID_SIZE 512
#define URL_SIZE 640
#define MILLION 1000000

struct talk {
	struct talk *next; /* among those that ended */
	struct smtp *smtp;
	pthread_t thread;
	CURL *easy;
	struct curl_slist *recipients;
	struct smtp_message message;
	size_t given; /* bytes of the message that libcurl has */
	smtp_done_fn *done;
	void *arg;
	int64_t start_ms;
	int64_t end_ms;

	/* What was seen of the conversation. */
	enum smtp_step step;
	int hellos;
	bool quits;
	bool offers_utf8;
	bool lacks_utf8; /* and it was needed */
	bool late;       /* ended by us, because the time was up */
	int code;
	char said[SAID_SIZE];
	CURLcode result;
};

struct smtp {
	struct smtp_server server;
	size_t max_in_flight;
	size_t in_flight;
	atomic_bool stop;
	pthread_mutex_t mutex;
	pthread_cond_t cond; /* one more has ended */
	struct talk *ended;
};

/* ---- watching the conversation --------------------------------------------------------------------- */

/* The commands that begin a step, and the earliest step they can follow: an answer to AUTH is text
 * that may look like anything. */
static const struct command {
	const char *word;
	enum smtp_step step;
	enum smtp_step from;
} commands[] = {
	{ "EHLO ", SMTP_STEP_HELLO, SMTP_STEP_CONNECT },
	{ "HELO ", SMTP_STEP_HELLO, SMTP_STEP_CONNECT },
	{ "STARTTLS\r", SMTP_STEP_STARTTLS, SMTP_STEP_HELLO },
	{ "AUTH ", SMTP_STEP_LOGIN, SMTP_STEP_HELLO },
	{ "MAIL ", SMTP_STEP_SENDER, SMTP_STEP_HELLO },
	{ "RCPT ", SMTP_STEP_RECIPIENT, SMTP_STEP_SENDER },
	{ "DATA\r", SMTP_STEP_MESSAGE, SMTP_STEP_RECIPIENT },
};

static void see_command(struct talk *talk, const char *line, size_t len)
{
	/* It is said behind a refusal as well, and is no step of its own. */
	if (len > 5 && memcmp(line, "QUIT\r", 5) == 0)
		talk->quits = true;
	for (size_t i = 0; i < countof(commands); i++) {
		const struct command *command = &commands[i];
		size_t word_len = strlen(command->word);
		if (len < word_len || memcmp(line, command->word, word_len) != 0 ||
		    talk->step < command->from)
			continue;
		talk->hellos += command->step == SMTP_STEP_HELLO;
		if (command->step > talk->step)
			talk->step = command->step;
	}
}

static int watch(CURL *easy UNUSED, curl_infotype type, char *data, size_t len, void *arg)
{
	if (type == CURLINFO_HEADER_OUT)
		see_command(arg, data, len);
	return 0;
}

/* True when this line ends the answer to the last EHLO there will be. */
static bool is_greeted(const struct talk *talk, char mark)
{
	int needed = talk->smtp->server.tls == SMTP_TLS_STARTTLS ? 2 : 1;

	return talk->code == 250 && mark == ' ' && talk->hellos >= needed &&
	       talk->step <= SMTP_STEP_STARTTLS;
}

/* Each line of each reply. Taking less than all of it ends the conversation. */
static size_t take_line(char *line, size_t size, size_t count, void *arg)
{
	static const char utf8[] = "SMTPUTF8";
	struct talk *talk = arg;
	size_t len = size * count, kept;

	/* What was said last is said, whatever is said to QUIT. */
	if (talk->quits || len < 4 || strspn(line, "0123456789") < 3)
		return len;
	talk->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	kept = len < SAID_SIZE ? len : SAID_SIZE - 1;
	while (kept > 0 && (line[kept - 1] == '\r' || line[kept - 1] == '\n'))
		kept--;
	memcpy(talk->said, line, kept);
	talk->said[kept] = '\0';
	if (kept >= 4 + sizeof(utf8) - 1 && strncasecmp(line + 4, utf8, sizeof(utf8) - 1) == 0)
		talk->offers_utf8 = true;
	talk->lacks_utf8 =
	    is_greeted(talk, line[3]) && !talk->offers_utf8 && !mime_is_ascii(talk->message.to);
	return talk->lacks_utf8 ? 0 : len;
}

static size_t give_message(char *out, size_t size, size_t count, void *arg)
{
	struct talk *talk = arg;
	size_t room = size * count;
	size_t left = talk->message.len - talk->given;
	size_t len = left < room ? left : room;

	if (len > 0)
		memcpy(out, talk->message.text + talk->given, len);
	talk->given += len;
	return len;
}

static size_t drop_body(char *data UNUSED, size_t size, size_t count, void *arg UNUSED)
{
	return size * count;
}

/* Asked about once a second, and more often while bytes move. libcurl does not count the wait for
 * the answer to QUIT among the message's time. */
static int may_go_on(
    void *arg, curl_off_t a UNUSED, curl_off_t b UNUSED, curl_off_t c UNUSED, curl_off_t d UNUSED)
{
	struct talk *talk = arg;

	if (clock_mono_ms() > talk->end_ms + QUIT_MS)
		talk->late = true;
	return talk->late || atomic_load(&talk->smtp->stop);
}

/* ---- one message ------------------------------------------------------------------------------------- */

#if LIBCURL_VERSION_NUM >= 0x075500
static bool set_protocols(CURL *easy)
{
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK;
}
#else
static bool set_protocols(CURL *easy)
{
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_SMTP | CURLPROTO_SMTPS) ==
	       CURLE_OK;
}
#endif

static bool set_server(CURL *easy, const struct smtp_server *server)
{
	bool brackets = strchr(server->host, ':') != NULL;
	bool implicit = server->tls == SMTP_TLS_IMPLICIT;
	char url[URL_SIZE];
	bool ok = set_protocols(easy);
	int len = snprintf(url, sizeof(url), "smtp%s://%s%s%s:%lld/%s", implicit ? "s" : "",
	    brackets ? "[" : "", server->host, brackets ? "]" : "", (long long)server->port,
	    server->hello);

	if (len < 0 || (size_t)len >= sizeof(url))
		return false;
#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)
	SET(CURLOPT_URL, url);
	SET(CURLOPT_USE_SSL,
	    (long)(server->tls == SMTP_TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (server->ca_file != NULL && server->ca_file[0] != '\0')
		SET(CURLOPT_CAINFO, server->ca_file);
	if (server->user != NULL && server->user[0] != '\0') {
		SET(CURLOPT_USERNAME, server->user);
		SET(CURLOPT_PASSWORD, server->password);
		/* Or a user with '@' in the name would be taken for one of Kerberos. */
		SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
	}
#undef SET
	return ok;
}

static bool set_message(struct talk *talk)
{
	CURL *easy = talk->easy;
	int64_t timeout_ms = talk->smtp->server.timeout_ms;
	bool ok = true;

	talk->recipients = curl_slist_append(NULL, talk->message.to);
	if (talk->recipients == NULL)
		return false;
#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, ""); /* also keeps the environment's proxies out */
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	/* Closed, with a QUIT, before the thread ends. */
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS));
	SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, may_go_on);
	SET(CURLOPT_XFERINFODATA, talk);
	SET(CURLOPT_VERBOSE, 1L); /* calls watch(), and writes nothing */
	SET(CURLOPT_DEBUGFUNCTION, watch);
	SET(CURLOPT_DEBUGDATA, talk);
	SET(CURLOPT_HEADERFUNCTION, take_line);
	SET(CURLOPT_HEADERDATA, talk);
	SET(CURLOPT_WRITEFUNCTION, drop_body);
	SET(CURLOPT_UPLOAD, 1L);
	SET(CURLOPT_READFUNCTION, give_message);
	SET(CURLOPT_READDATA, talk);
	SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)talk->message.len);
	SET(CURLOPT_MAIL_FROM, talk->message.from);
	SET(CURLOPT_MAIL_RCPT, talk->recipients);
#undef SET
	return ok;
}

static void talk_free(struct talk *talk)
{
	if (talk == NULL)
		return;
	curl_easy_cleanup(talk->easy);
	curl_slist_free_all(talk->recipients);
	free(talk);
}

static void *run_talk(void *arg)
{
	struct talk *talk = arg;
	struct smtp *smtp = talk->smtp;

	talk->result = curl_easy_perform(talk->easy);
	(void)pthread_mutex_lock(&smtp->mutex);
	talk->next = smtp->ended;
	smtp->ended = talk;
	(void)pthread_cond_signal(&smtp->cond);
	(void)pthread_mutex_unlock(&smtp->mutex);
	return NULL;
}

/* Signals are the process's: its flags, looked at by its main thread. */
static bool start_thread(struct talk *talk)
{
	sigset_t all, before;
	int failed;

	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	failed = pthread_create(&talk->thread, NULL, run_talk, talk);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed == 0;
}

enum err smtp_start(
    struct smtp *smtp, const struct smtp_message *message, smtp_done_fn *done, void *arg)
{
	struct talk *talk;

	if (smtp->in_flight >= smtp->max_in_flight)
		return ERR_FULL;
	talk = calloc(1, sizeof(*talk));
	if (talk == NULL)
		return ERR_NOMEM;
	talk->smtp = smtp;
	talk->message = *message;
	talk->done = done;
	talk->arg = arg;
	talk->start_ms = clock_mono_ms();
	talk->end_ms = talk->start_ms + smtp->server.timeout_ms;
	talk->easy = curl_easy_init();
	if (talk->easy == NULL || !set_server(talk->easy, &smtp->server) || !set_message(talk) ||
	    !start_thread(talk)) {
		talk_free(talk);
		return ERR_NOMEM;
	}
	smtp->in_flight++;
	return ERR_OK;
}

/* ---- its end ------------------------------------------------------------------------------------------- */

/* libcurl's codes that say more than the server's last reply does. */
static const struct {
	CURLcode code;
	enum smtp_fault fault;
} first_faults[] = {
	{ CURLE_OK, SMTP_FAULT_NONE },
	{ CURLE_COULDNT_RESOLVE_HOST, SMTP_FAULT_RESOLVE },
	{ CURLE_COULDNT_CONNECT, SMTP_FAULT_CONNECT },
	{ CURLE_OPERATION_TIMEDOUT, SMTP_FAULT_TIMEOUT },
	{ CURLE_USE_SSL_FAILED, SMTP_FAULT_TLS },
	{ CURLE_SSL_CONNECT_ERROR, SMTP_FAULT_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, SMTP_FAULT_TLS },
	{ CURLE_SSL_CERTPROBLEM, SMTP_FAULT_TLS },
	{ CURLE_SSL_CIPHER, SMTP_FAULT_TLS },
	{ CURLE_SSL_CACERT_BADFILE, SMTP_FAULT_TLS },
	{ CURLE_SSL_ISSUER_ERROR, SMTP_FAULT_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, SMTP_FAULT_TLS },
	{ CURLE_LOGIN_DENIED, SMTP_FAULT_LOGIN },
	{ CURLE_OUT_OF_MEMORY, SMTP_FAULT_OTHER },
};

/* And those that stand for a connection that broke, or for nonsense. */
static const CURLcode read_faults[] = { CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
	CURLE_WEIRD_SERVER_REPLY, CURLE_PARTIAL_FILE, CURLE_REMOTE_ACCESS_DENIED,
	CURLE_UPLOAD_FAILED };

static enum smtp_fault fault_of(const struct talk *talk)
{
	if (talk->lacks_utf8)
		return SMTP_FAULT_UTF8;
	if (talk->result == CURLE_ABORTED_BY_CALLBACK)
		return talk->late ? SMTP_FAULT_TIMEOUT : SMTP_FAULT_OTHER;
	for (size_t i = 0; i < countof(first_faults); i++)
		if (first_faults[i].code == talk->result)
			return first_faults[i].fault;
	if (talk->code >= 400)
		return SMTP_FAULT_REPLY;
	for (size_t i = 0; i < countof(read_faults); i++)
		if (read_faults[i] == talk->result)
			return SMTP_FAULT_READ;
	return SMTP_FAULT_OTHER;
}

static void finish(struct talk *talk)
{
	struct smtp_reply reply = { .fault = fault_of(talk),
		.step = talk->step,
		.code = talk->code,
		.said = talk->said,
		.problem = "",
		.elapsed_ms = clock_mono_ms() - talk->start_ms };

	/* Its words for a code hold nothing of the conversation. */
	if (reply.fault != SMTP_FAULT_NONE && reply.fault != SMTP_FAULT_UTF8)
		reply.problem = curl_easy_strerror(talk->result);
	(void)pthread_join(talk->thread, NULL);
	talk->smtp->in_flight--;
	talk->done(talk->arg, &reply);
	talk_free(talk);
}

/* The list of those that ended, at the monotonic time at the latest. */
static struct talk *take_ended(struct smtp *smtp, int64_t until_ms)
{
	struct timespec until = { .tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000 * MILLION) };
	struct talk *list;
	int failed = 0;

	(void)pthread_mutex_lock(&smtp->mutex);
	while (smtp->ended == NULL && failed == 0 && clock_mono_ms() < until_ms)
		failed = pthread_cond_timedwait(&smtp->cond, &smtp->mutex, &until);
	list = smtp->ended;
	smtp->ended = NULL;
	(void)pthread_mutex_unlock(&smtp->mutex);
	return list;
}

void smtp_run(struct smtp *smtp, int64_t wait_ms)
{
	struct talk *list = take_ended(smtp, clock_mono_ms() + (wait_ms > 0 ? wait_ms : 0));

	while (list != NULL) {
		struct talk *talk = list;
		list = talk->next;
		finish(talk);
	}
}

/* ---- the client ---------------------------------------------------------------------------------------- */

/* Waits are measured on the clock that never jumps. */
static bool make_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;
	bool ok;

	if (pthread_condattr_init(&attributes) != 0)
		return false;
	ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
	     pthread_cond_init(cond, &attributes) == 0;
	(void)pthread_condattr_destroy(&attributes);
	return ok;
}

enum err smtp_new(const struct smtp_server *server, size_t max_in_flight, struct smtp **ret_smtp)
{
	static bool started;
	struct smtp *smtp;

	if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ERR_NOMEM;
	started = true;
	smtp = calloc(1, sizeof(*smtp));
	if (smtp == NULL)
		return ERR_NOMEM;
	smtp->server = *server;
	smtp->max_in_flight = max_in_flight;
	atomic_init(&smtp->stop, false);
	if (pthread_mutex_init(&smtp->mutex, NULL) != 0) {
		free(smtp);
		return ERR_NOMEM;
	}
	if (!make_cond(&smtp->cond)) {
		(void)pthread_mutex_destroy(&smtp->mutex);
		free(smtp);
		return ERR_NOMEM;
	}
	*ret_smtp = smtp;
	return ERR_OK;
}

void smtp_free(struct smtp **smtp)
{
	struct smtp *gone;

	if (smtp == NULL || *smtp == NULL)
		return;
	gone = *smtp;
	*smtp = NULL;
	/* No new ones from the callbacks of the ones that are aborted. */
	gone->max_in_flight = 0;
	atomic_store(&gone->stop, true);
	while (gone->in_flight > 0)
		smtp_run(gone, 1000);
	(void)pthread_cond_destroy(&gone->cond);
	(void)pthread_mutex_destroy(&gone->mutex);
	free(gone);
}

size_t smtp_in_flight(const struct smtp *smtp)
{
	return smtp->in_flight;
}
