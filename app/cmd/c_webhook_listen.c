/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c_webhook_listen.c: a receiver for those who build one. It verifies and prints what arrives, and
 * answers as it is told to. Neither database nor settings.
 */
#include "c_webhook.h"

#include <signal.h>
#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "json.h"
#include "limits.h"
#include "listen_http.h"
#include "proc.h"
#include "str.h"

#define REASON_SIZE 256
#define KNOWN_FIRST 1024
#define KNOWN_MAX ((size_t)1 << 23) /* places: 4 M ids; more are received, but not remembered */

/* ---- ids that were seen ------------------------------------------------------------------------ */

/* A digest of an id stands for it. */
struct known {
	uint8_t digest[16];
	bool used;
	bool accepted; /* it was answered with 2xx: once more is a duplicate, not a retry */
};

/* Open addressing, at most half full. */
struct known_set {
	struct known *places;
	size_t size; /* a power of two, or 0 */
	size_t count;
};

static struct known *known_place(const struct known_set *set, const uint8_t digest[16])
{
	uint64_t hash;

	memcpy(&hash, digest, sizeof(hash));
	for (size_t at = (size_t)hash & (set->size - 1);; at = (at + 1) & (set->size - 1)) {
		struct known *known = &set->places[at];
		if (!known->used || memcmp(known->digest, digest, sizeof(known->digest)) == 0)
			return known;
	}
}

/* Makes room for one more. ERR_FULL, ERR_NOMEM. */
static enum err known_grow(struct known_set *set)
{
	struct known_set bigger = { .size = set->size == 0 ? KNOWN_FIRST : set->size * 2,
		.count = set->count };

	if (set->count * 2 < set->size)
		return ERR_OK;
	if (bigger.size > KNOWN_MAX)
		return ERR_FULL;
	bigger.places = calloc(bigger.size, sizeof(*bigger.places));
	if (bigger.places == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < set->size; i++) {
		if (set->places[i].used)
			*known_place(&bigger, set->places[i].digest) = set->places[i];
	}
	free(set->places);
	*set = bigger;
	return ERR_OK;
}

/* The place of an id, taken if it was not known; NULL when no more can be remembered. */
static struct known *known_take(struct known_set *set, const char *id)
{
	uint8_t digest[SHA256_SIZE];

	if (sha256_of(id, strlen(id), digest) != ERR_OK || known_grow(set) != ERR_OK)
		return NULL;
	struct known *known = known_place(set, digest);
	if (!known->used) {
		memcpy(known->digest, digest, sizeof(known->digest));
		known->used = true;
		set->count++;
	}
	return known;
}

/* ---- one delivery ------------------------------------------------------------------------------ */

struct listening {
	struct ctl *ctl;
	const struct listen_input *in;
	struct judge judge;
	struct known_set known;
	int64_t received;
	int64_t verified;
	int64_t wrong;
	int64_t duplicates;
	enum err err; /* why it cannot go on */
};

struct arrival {
	const struct listen_request *request;
	struct webhook_received headers;
	int64_t at_ms;
	enum err verdict; /* of judge_check() */
	bool duplicate;
	int status;
	json_t *body;      /* NULL when it is no JSON */
	const char *event; /* NULL when unknown */
};

static bool is_wrong(enum err verdict)
{
	return verdict != ERR_OK && verdict != ERR_STATE;
}

static int status_of(const struct listening *listening, enum err verdict)
{
	if (listening->received <= listening->in->fail)
		return 500;
	return is_wrong(verdict) ? 400 : (int)listening->in->status;
}

/* A forged delivery says nothing about the id it carries. */
static void remember(struct listening *listening, struct arrival *arrival)
{
	if (is_wrong(arrival->verdict) || arrival->headers.id == NULL)
		return;
	struct known *known = known_take(&listening->known, arrival->headers.id);
	if (known == NULL)
		return;
	arrival->duplicate = known->accepted;
	known->accepted = known->accepted || arrival->status < 300;
}

static void count(struct listening *listening, const struct arrival *arrival)
{
	listening->verified += arrival->verdict == ERR_OK;
	listening->wrong += is_wrong(arrival->verdict);
	listening->duplicates += arrival->duplicate;
}

/* ---- showing it -------------------------------------------------------------------------------- */

/* A body says twice what it is about; headers of the session family say it too. */
static const char *event_of(const struct arrival *arrival)
{
	const char *event = arrival->body == NULL ? NULL : json_get_text(arrival->body, "event");

	if (event == NULL && arrival->body != NULL)
		event = json_get_text(arrival->body, "type");
	return event != NULL ? event : listen_header(arrival->request, "X-Kayle-Event");
}

static void write_text(const char *text, struct buf *out)
{
	if (text == NULL)
		buf_addc(out, '-');
	else
		ctl_escape(text, strlen(text), false, out);
}

static void write_body(const struct arrival *arrival, struct buf *out)
{
	const struct listen_request *request = arrival->request;
	char *pretty = arrival->body == NULL ? NULL : json_dumps(arrival->body, JSON_INDENT(2));

	if (pretty != NULL)
		ctl_escape(pretty, strlen(pretty), true, out);
	else if (request->body_len > 0)
		ctl_escape(request->body, request->body_len, true, out);
	else
		buf_adds(out, "(no body)");
	buf_adds(out, "\n\n");
	free(pretty);
}

static void write_people(const struct arrival *arrival, struct buf *out)
{
	char when[TIME_TEXT_SIZE];

	time_text_ms(arrival->at_ms, when);
	buf_printf(out, "%s  ", when);
	write_text(arrival->event, out);
	buf_adds(out, "  ");
	write_text(arrival->headers.id, out);
	buf_printf(out, "  %s%s, answered %d\n%s; timestamp ", verdict_word(arrival->verdict),
	    arrival->duplicate ? ", seen before" : "", arrival->status,
	    verdict_sentence(arrival->verdict));
	write_text(arrival->headers.timestamp, out);
	buf_adds(out, "; path ");
	write_text(arrival->request->target, out);
	buf_addc(out, '\n');
	write_body(arrival, out);
}

/* Text as a JSON string whatever its bytes are; NULL (no memory) when text is NULL is null. */
static json_t *text_json(const char *text, size_t len)
{
	struct buf escaped;
	json_t *value;

	if (text == NULL)
		return json_null();
	value = json_stringn(text, len);
	if (value != NULL)
		return value;
	buf_init(&escaped, LIMIT_REPLY);
	ctl_escape(text, len, true, &escaped);
	value = json_string(buf_str(&escaped));
	buf_free(&escaped);
	return value;
}

static enum err put_text(json_t *object, const char *member, const char *text)
{
	return json_put(object, member, text_json(text, text == NULL ? 0 : strlen(text)));
}

static enum err put_members(const struct arrival *arrival, json_t *object)
{
	const struct listen_request *request = arrival->request;
	char when[TIME_TEXT_SIZE];

	time_text_ms(arrival->at_ms, when);
	enum err err = json_put_text(object, "received_at", when);
	if (err == ERR_OK)
		err = put_text(object, "webhook_id", arrival->headers.id);
	if (err == ERR_OK)
		err = put_text(object, "event", arrival->event);
	if (err == ERR_OK)
		err = put_text(object, "timestamp", arrival->headers.timestamp);
	if (err == ERR_OK)
		err = json_put_text(object, "verdict", verdict_word(arrival->verdict));
	if (err == ERR_OK)
		err = json_put_bool(object, "duplicate", arrival->duplicate);
	if (err == ERR_OK)
		err = json_put_int(object, "status", arrival->status);
	if (err == ERR_OK)
		err = put_text(object, "path", request->target);
	if (err == ERR_OK && arrival->body != NULL)
		err = json_put(object, "body", json_incref(arrival->body));
	else if (err == ERR_OK)
		err = json_put(object, "body", text_json(request->body, request->body_len));
	return err;
}

static enum err write_json(const struct arrival *arrival, struct buf *out)
{
	json_t *object = json_object();
	enum err err = object == NULL ? ERR_NOMEM : put_members(arrival, object);

	if (err == ERR_OK)
		err = json_write(object, out);
	buf_addc(out, '\n');
	json_decref(object);
	return err;
}

/* Flushed at once: whoever reads a pipe wants it now. */
static enum err show(struct ctl *ctl, const struct arrival *arrival)
{
	struct buf text;
	enum err err = ERR_OK;

	buf_init(&text, LIMIT_REPLY);
	if (ctl->json)
		err = write_json(arrival, &text);
	else
		write_people(arrival, &text);
	if (err == ERR_OK)
		err = buf_err(&text);
	if (err == ERR_OK && (fputs(buf_str(&text), ctl->out) < 0 || fflush(ctl->out) != 0))
		err = ERR_IO;
	buf_free(&text);
	return err;
}

/* ---- listening --------------------------------------------------------------------------------- */

static struct listen_answer take_delivery(void *arg, const struct listen_request *request)
{
	struct listening *listening = arg;
	struct arrival arrival = { .request = request, .at_ms = clock_now_ms() };

	if (strcmp(request->method, "POST") != 0)
		return (
		    struct listen_answer){ .status = 405, .text = "webhooks are sent with POST" };
	arrival.headers = (struct webhook_received){ .id = listen_header(request, "webhook-id"),
		.timestamp = listen_header(request, "webhook-timestamp"),
		.signature = listen_header(request, "webhook-signature"),
		.body = request->body,
		.body_len = request->body_len };
	arrival.verdict = judge_check(
	    &listening->judge, &arrival.headers, arrival.at_ms / 1000, WEBHOOK_TOLERANCE_S);
	listening->received++;
	arrival.status = status_of(listening, arrival.verdict);
	remember(listening, &arrival);
	count(listening, &arrival);
	if (!listening->in->quiet) {
		if (json_read(request->body, request->body_len, &arrival.body, NULL) != ERR_OK)
			arrival.body = NULL;
		arrival.event = event_of(&arrival);
		listening->err = show(listening->ctl, &arrival);
		json_decref(arrival.body);
	}
	return (struct listen_answer){ .status = arrival.status,
		.text = arrival.status == 400 ? verdict_sentence(arrival.verdict) : NULL };
}

static bool is_over(void *arg)
{
	const struct listening *listening = arg;

	return listening->err != ERR_OK || proc_signal_seen(SIGINT) || proc_signal_seen(SIGTERM) ||
	       (listening->in->count > 0 && listening->received >= listening->in->count);
}

struct summary {
	int64_t received;
	int64_t verified;
	int64_t wrong;
	int64_t distinct;
	int64_t duplicates;
};

static const struct ctl_column summary_columns[] = {
	COLUMN_INT(struct summary, received),
	COLUMN_INT(struct summary, verified),
	COLUMN_INT(struct summary, wrong),
	COLUMN_INT(struct summary, distinct),
	COLUMN_INT(struct summary, duplicates),
};

/* With --quiet the summary is the answer, else a remark behind it. */
static enum err sum_up(const struct listening *listening)
{
	struct summary summary = { .received = listening->received,
		.verified = listening->verified,
		.wrong = listening->wrong,
		.distinct = (int64_t)listening->known.count,
		.duplicates = listening->duplicates };

	if (listening->in->quiet)
		return ctl_print_one(listening->ctl, summary_columns, &summary);
	ctl_note(listening->ctl,
	    "%lld received: %lld verified, %lld wrong; %lld distinct ids, %lld duplicates.",
	    (long long)summary.received, (long long)summary.verified, (long long)summary.wrong,
	    (long long)summary.distinct, (long long)summary.duplicates);
	return ERR_OK;
}

static enum err serve(struct listening *listening)
{
	static const int signals[] = { SIGINT, SIGTERM };
	struct ctl *ctl = listening->ctl;
	char reason[REASON_SIZE] = "";
	struct listener *listener = NULL;
	enum err err = proc_signals_install(signals, countof(signals));

	if (err == ERR_OK)
		err =
		    listener_new((uint16_t)listening->in->port, &listener, reason, sizeof(reason));
	if (err != ERR_OK)
		return reason[0] == '\0' ? err : ctl_fail(ctl, err, "%s", reason);
	/* A script that left the port to us needs to know it too. */
	if (!ctl->json || listening->in->port == 0)
		fprintf(ctl->err, "Listening on http://127.0.0.1:%u/; stop with Ctrl-C.\n",
		    listener_port(listener));
	fflush(ctl->err);
	err = listener_run(listener, take_delivery, is_over, listening);
	if (err == ERR_OK)
		err = listening->err;
	listener_free(&listener);
	return err == ERR_OK ? sum_up(listening) : err;
}

enum err webhook_listen_command(struct ctl *ctl, const void *input)
{
	struct listening listening = { .ctl = ctl, .in = input };
	enum err err = judge_open(ctl, listening.in->secret, listening.in->secret_file,
	    listening.in->public_key, &listening.judge);

	if (err == ERR_OK && !listening.judge.has_secret && !listening.judge.has_public)
		ctl_note(ctl, "Without --secret nothing is verified.");
	if (err == ERR_OK)
		err = serve(&listening);
	free(listening.known.places);
	wipe(&listening.judge, sizeof(listening.judge));
	return err;
}
