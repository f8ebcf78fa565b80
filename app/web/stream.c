/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c: bodies in pieces, their pace, and seats. */
#include "stream.h"

#include <stddef.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "meter.h"
#include "reply.h"

/* ---- seats -------------------------------------------------------------------------------------- */

/* A kind's setting, where 0 is half of the workers; what to say when all are taken; and whether one
 * address may not have the last one too, because what it is taken for lasts as long as the client likes. */
static const struct {
	size_t setting;
	enum err none_free;
	bool is_shared;
} kinds[SEAT__MAX] = {
	[SEAT_PASSWORD] = { offsetof(struct settings, password_workers), ERR_CROWDED, false },
	[SEAT_UPLOAD] = { offsetof(struct settings, upload_workers), ERR_UPLOADS_CROWDED, true },
};

static unsigned seat_count(const struct web *web, enum seat_kind kind)
{
	unsigned half = atomic_load(&web->board->worker_count) / 2;
	int64_t set;

	memcpy(&set, (const char *)web->settings + kinds[kind].setting, sizeof(set));
	if (set > 0)
		return (unsigned)set;
	return half > 0 ? half : 1;
}

enum err web_sit(struct web *web, enum seat_kind kind)
{
	unsigned count = seat_count(web, kind), me = web->worker_number;
	struct seats *seats = &web->board->seats;
	struct gcra_subject whose;
	enum err err = kinds[kind].is_shared ? meter_client(web, &whose) : ERR_OK;

	if (err != ERR_OK)
		return err;
	bool sits = kinds[kind].is_shared ? seats_take_for(seats, kind, me, count, whose.tag | 1,
						count > 1 ? count - 1 : 1)
					  : seats_take(seats, kind, me, count);
	if (sits)
		return ERR_OK;
	web->meter.retry_after_s = 1;
	return kinds[kind].none_free;
}

void web_stand(struct web *web, enum seat_kind kind)
{
	seats_leave(&web->board->seats, kind, web->worker_number);
}

/* ---- pace --------------------------------------------------------------------------------------- */

struct pace {
	struct web *web;
	fcgi_sink *sink;
	void *arg;
	int64_t from_ms; /* monotonic: the first upload_stall_s do not count */
	uint64_t bytes;
	bool was_sink;     /* the sink, or its slowness, ended it */
	struct fcgi *fcgi; /* of an answer; NULL once its head has been sent */
};

static struct pace pace_of(struct web *web, fcgi_sink *sink, void *arg)
{
	return (struct pace){ .web = web,
		.sink = sink,
		.arg = arg,
		.from_ms = clock_mono_ms() + web->settings->upload_stall_s * 1000 };
}

/* A sink in front of another: notes that it goes on, and ends what goes on too slowly. */
static enum err keep_pace(void *arg, const void *data, size_t len_bytes)
{
	struct pace *pace = arg;
	struct board_worker *me = &pace->web->board->workers[pace->web->worker_number];
	int64_t now_ms = clock_mono_ms(), spent_ms = now_ms - pace->from_ms;
	int64_t least = pace->web->settings->upload_min_bytes_s;

	atomic_store_explicit(&me->request_moved_ms, now_ms, memory_order_relaxed);
	pace->bytes += len_bytes;
	bool is_slow = spent_ms > 0 && pace->bytes < (uint64_t)(spent_ms * least / 1000);
	enum err err = is_slow ? ERR_TIMEOUT : pace->sink(pace->arg, data, len_bytes);
	pace->was_sink = err != ERR_OK;
	return err;
}

enum err web_read_body(struct web *web, fcgi_sink *sink, void *arg)
{
	struct pace pace = pace_of(web, sink, arg);

	if (web->fcgi == NULL)
		return ERR_STATE;
	enum err err = fcgi_be_impatient(web->fcgi, web->settings->upload_stall_s);
	if (err == ERR_OK)
		err = fcgi_read_pieces(web->fcgi, web->route->body_max, keep_pace, &pace);
	if (err == ERR_TIMEOUT)
		return web_complain(web, "body", "came too slowly");
	return err == ERR_IO ? web_complain(web, "body", "was not received completely") : err;
}

/* The head of an answer goes out with the first piece of its body: until then it can become an error's.
 * What it took to get there, from another place perhaps, is not the client's slowness. */
static enum err pour_piece(void *arg, const void *data, size_t len_bytes)
{
	struct pace *pace = arg;
	const struct web *web = pace->web;
	struct fcgi *fcgi = pace->fcgi;

	if (fcgi != NULL) {
		pace->fcgi = NULL;
		pace->was_sink = true;
		pace->from_ms = clock_mono_ms() + web->settings->upload_stall_s * 1000;
		enum err err =
		    fcgi_reply_begin(fcgi, web->status, buf_str(&web->headers), web->pour_len);
		if (err != ERR_OK)
			return err;
	}
	return keep_pace(arg, data, len_bytes);
}

static enum err send_refusal(struct web *web, struct fcgi *fcgi, enum err why)
{
	web->failure = why;
	reply_error(web, why);
	reply_finish(web);
	return fcgi_reply(
	    fcgi, web->status, buf_str(&web->headers), web->reply.data, web->reply.len);
}

enum err stream_pour(struct web *web, struct fcgi *fcgi)
{
	struct pace pace = pace_of(web, fcgi_reply_piece, fcgi);
	enum err err = fcgi_be_impatient(fcgi, web->settings->upload_stall_s);

	if (err != ERR_OK)
		return err;
	pace.fcgi = fcgi;
	enum err poured = web->pour(web, pour_piece, &pace);
	if (pace.fcgi != NULL && poured != ERR_OK)
		return send_refusal(web, fcgi, poured);
	if (pace.fcgi != NULL)
		err = fcgi_reply_begin(fcgi, web->status, buf_str(&web->headers), web->pour_len);
	/* Somebody who leaves, or takes it too slowly, is nobody's mistake. */
	if (poured != ERR_OK)
		log_write(pace.was_sink ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "%s broke off: %s",
		    web->route->operation, err_sentence(poured));
	return err == ERR_OK ? fcgi_reply_end(fcgi) : err;
}
