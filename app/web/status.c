/* SPDX-License-Identifier: Apache-2.0 */
/* status.c: the pages operators and their tools look at (design section 6). */
#include <string.h>

#include "clock.h"
#include "jwt.h"
#include "reply.h"
#include "web.h"

#define JSON_TYPE "application/json; charset=utf-8"
/* Prometheus text exposition format, version 0.0.4. */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define PAGE_CAP 262144

static enum err reply_text(struct web *web, const char *type, const char *text)
{
	return reply_raw(web, type, text, strlen(text));
}

enum err health_page(struct web *web)
{
	return reply_text(web, JSON_TYPE, "{\"status\":\"ok\"}");
}

/* Without a signing key nobody can log in, but everything else works: a warning. */
enum err ready_page(struct web *web)
{
	bool can_issue = false;

	if (db_ready(web->db) != ERR_OK || jwt_can_issue(&web->ctx, &can_issue) != ERR_OK)
		return ERR_UNAVAILABLE;
	return reply_text(web, JSON_TYPE,
	    can_issue
		? "{\"status\":\"ready\"}"
		: "{\"status\":\"ready\",\"warnings\":[\"There is no key to sign access tokens "
		  "with: run bonafide jwt rotate.\"]}");
}

static const char *const state_words[] = { "empty", "starting", "idle", "busy", "stopping" };

static json_t *worker_json(const struct board_worker *row, size_t number)
{
	int32_t state = atomic_load(&row->state);
	int32_t route = atomic_load(&row->route);
	int64_t since = atomic_load(&row->request_started_ms);

	return json_pack("{s:i, s:i, s:s, s:s?, s:I, s:I, s:I, s:I}", "worker", (int)number, "pid",
	    (int)atomic_load(&row->pid), "state",
	    state_words[(unsigned)state < countof(state_words) ? state : 0], "operation",
	    route >= 0 && (size_t)route < route_count ? routes[route].operation : NULL, "requests",
	    (json_int_t)atomic_load(&row->requests), "busy_ms",
	    (json_int_t)(since == 0 ? 0 : clock_mono_ms() - since), "generation",
	    (json_int_t)atomic_load(&row->generation), "rss_kib",
	    (json_int_t)atomic_load(&row->rss_kib));
}

static uint64_t requests_total(const struct board *board)
{
	uint64_t total = 0;

	for (size_t i = 0; i < BOARD_STATUS_CLASSES; i++)
		total += atomic_load(&board->statuses[i]);
	return total;
}

enum err status_page(struct web *web)
{
	const struct board *board = web->board;
	json_t *workers = json_array();
	char started[TIME_TEXT_SIZE];

	for (size_t i = 0; i < LIMIT_WORKERS; i++) {
		if (atomic_load(&board->workers[i].state) != BOARD_EMPTY)
			json_array_append_new(workers, worker_json(&board->workers[i], i));
	}
	time_text(atomic_load(&board->started_ms), started);
	json_t *page = json_pack("{s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "version",
	    PACKAGE_VERSION, "master_pid", (int)atomic_load(&board->master_pid), "started_at",
	    started, "generation", (json_int_t)atomic_load(&board->generation), "requests",
	    (json_int_t)requests_total(board), "crashes", (json_int_t)atomic_load(&board->crashes),
	    "timeouts", (json_int_t)atomic_load(&board->timeouts), "recycled",
	    (json_int_t)atomic_load(&board->recycled), "reloads",
	    (json_int_t)atomic_load(&board->reloads), "workers", workers);
	enum err err = page == NULL ? ERR_NOMEM : json_write(page, &web->reply);
	json_decref(page);
	return err;
}

/* ---- metrics -------------------------------------------------------------------------------------- */

static void add_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_statuses(struct buf *out, const struct board *board)
{
	add_head(out, "bonafide_responses_total", "counter", "Answers by class of status.");
	for (size_t i = 1; i < BOARD_STATUS_CLASSES; i++)
		buf_printf(out, "bonafide_responses_total{class=\"%zuxx\"} %llu\n", i,
		    (unsigned long long)atomic_load(&board->statuses[i]));
}

static void add_durations(struct buf *out, const struct board *board)
{
	unsigned long long sum = 0;

	add_head(out, "bonafide_request_duration_seconds", "histogram",
	    "From accept to the last byte of the answer.");
	for (size_t i = 0; i <= BOARD_BUCKETS; i++) {
		sum += atomic_load(&board->durations[i]);
		if (i < BOARD_BUCKETS)
			buf_printf(out,
			    "bonafide_request_duration_seconds_bucket{le=\"%g\"} %llu\n",
			    (double)board_bucket_us[i] / 1e6, sum);
		else
			buf_printf(out,
			    "bonafide_request_duration_seconds_bucket{le=\"+Inf\"} %llu\n", sum);
	}
	buf_printf(out,
	    "bonafide_request_duration_seconds_sum %.6f\n"
	    "bonafide_request_duration_seconds_count %llu\n",
	    (double)atomic_load(&board->duration_sum_us) / 1e6, sum);
}

static void add_operations(struct buf *out, const struct board *board)
{
	add_head(out, "bonafide_requests_total", "counter", "Requests by operation.");
	for (size_t i = 0; i < route_count; i++)
		buf_printf(out, "bonafide_requests_total{operation=\"%s\"} %llu\n",
		    routes[i].operation,
		    (unsigned long long)atomic_load(&board->route_requests[i]));
}

static void add_workers(struct buf *out, const struct board *board)
{
	unsigned counts[countof(state_words)] = { 0 };

	for (size_t i = 0; i < LIMIT_WORKERS; i++) {
		int32_t state = atomic_load(&board->workers[i].state);
		if (state > 0 && (size_t)state < countof(counts))
			counts[state]++;
	}
	add_head(out, "bonafide_workers", "gauge", "Worker processes by state.");
	for (size_t i = 1; i < countof(counts); i++)
		buf_printf(out, "bonafide_workers{state=\"%s\"} %u\n", state_words[i], counts[i]);
}

static void add_pool(struct buf *out, const struct board *board)
{
	const struct {
		const char *name;
		const char *help;
		const _Atomic uint64_t *value;
	} rows[] = {
		{ "bonafide_worker_crashes_total", "Workers that died unasked.", &board->crashes },
		{ "bonafide_request_timeouts_total", "Workers replaced for a slow request.",
		    &board->timeouts },
		{ "bonafide_worker_recycled_total", "Workers that served max_requests.",
		    &board->recycled },
		{ "bonafide_reloads_total", "Reloads since the start.", &board->reloads },
		{ "bonafide_password_operations_total", "Passwords hashed or checked.",
		    &board->password_operations },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		add_head(out, rows[i].name, "counter", rows[i].help);
		buf_printf(
		    out, "%s %llu\n", rows[i].name, (unsigned long long)atomic_load(rows[i].value));
	}
}

static void add_limited(struct buf *out, const struct board *board)
{
	add_head(out, "bonafide_rate_limited_total", "counter",
	    "Requests refused with 429 by the policy that refused them.");
	for (size_t i = 0; i < POLICY__MAX; i++)
		buf_printf(out, "bonafide_rate_limited_total{policy=\"%s\"} %llu\n",
		    limiter_policy_name((enum limit_policy)i),
		    (unsigned long long)atomic_load(&board->limited[i]));
}

enum err metrics_page(struct web *web)
{
	struct buf out;

	buf_init(&out, PAGE_CAP);
	add_statuses(&out, web->board);
	add_durations(&out, web->board);
	add_operations(&out, web->board);
	add_limited(&out, web->board);
	add_workers(&out, web->board);
	add_pool(&out, web->board);
	enum err err = buf_err(&out);
	if (err == ERR_OK)
		err = reply_raw(web, METRICS_TYPE, out.data, out.len);
	buf_free(&out);
	return err;
}
