/* SPDX-License-Identifier: Apache-2.0 */
/* runner.c goes round the jobs: until nothing is due, or for as long as it lingers. */
#include "jobs.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "catalogue.h"
#include "clock.h"
#include "egress.h"
#include "limits.h"
#include "log.h"
#include "proc.h"
#include "resolve.h"
#include "stmt.h"

#define RUN_MEMORY 4194304
#define RESOLVE_MS 5000 /* for one name: part of an attempt's time, not all of it */
#define FINISH_MS 2000  /* to settle the last of what was under way when told to stop */

static const int run_signals[] = { SIGTERM, SIGINT, SIGUSR1 };

/* One job of the table during this run. */
struct running {
	const struct job *job;
	struct job_run run;
	int64_t next_ms; /* monotonic: not before */
	enum err last_err;
	bool open;
};

struct runner {
	const struct run_config *config;
	struct ctx ctx;
	struct http *http;
	struct running running[8];
	size_t count;
	int64_t began_ms;
	bool failed;
	bool database_away;
	bool told_to_stop;
};

static bool is_database(enum err err)
{
	return err == ERR_DB_LOST || err == ERR_DB_NOT_READY || err == ERR_DB_UNCERTAIN ||
	       err == ERR_DB_READ_ONLY;
}

/* Who asks names, and where they may lead. */
static enum err open_guard(struct runner *runner)
{
	const struct settings *settings = runner->config->settings;
	char reason[256] = "";
	enum err err =
	    egress_new(settings->egress_allow, &runner->ctx.egress, reason, sizeof(reason));

	if (err != ERR_OK)
		log_error("egress_allow: %s", reason);
	if (err == ERR_OK)
		err = resolver_new(settings->dns_servers, RESOLVE_MS, &runner->ctx.resolver);
	if (err == ERR_OK)
		http_guard(runner->http, runner->ctx.egress, runner->ctx.resolver);
	return err;
}

static enum err open_ctx(struct runner *runner)
{
	const struct settings *settings = runner->config->settings;
	struct db_config db = settings_db(settings);
	char reason[256] = "";
	enum err err = arena_new(RUN_MEMORY, &runner->ctx.arena);

	if (err == ERR_OK)
		err = db_new(&db, stmt_table, ST__MAX, &runner->ctx.db);
	if (err == ERR_OK) {
		err = keyring_open(settings->master_key_file, settings->pepper_file,
		    &runner->ctx.keyring, reason, sizeof(reason));
		if (err != ERR_OK)
			log_error("%s", reason);
	}
	if (err == ERR_OK)
		err = catalogue_new(&runner->ctx.catalogue);
	if (err == ERR_OK)
		err = http_new((size_t)(settings->batch_in_flight + settings->webhook_in_flight),
		    &runner->http);
	if (err == ERR_OK)
		err = open_guard(runner);
	runner->ctx.settings = settings;
	/* Slots are only there to keep writers apart: any number does. */
	runner->ctx.slot = (unsigned)getpid() % LIMIT_COUNTER_SLOTS;
	runner->ctx.actor.kind = ACTOR_JOB;
	return err;
}

static void close_ctx(struct runner *runner)
{
	http_free(&runner->http);
	resolver_free(&runner->ctx.resolver);
	egress_free(&runner->ctx.egress);
	catalogue_free(&runner->ctx.catalogue);
	keyring_free(&runner->ctx.keyring);
	db_free(&runner->ctx.db);
	arena_free(&runner->ctx.arena);
}

static enum err open_jobs(struct runner *runner)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < job_count && err == ERR_OK; i++) {
		struct running *running = &runner->running[runner->count];
		if (runner->config->only != NULL && strcmp(runner->config->only, jobs[i].name) != 0)
			continue;
		*running = (struct running){ .job = &jobs[i],
			.run = { .ctx = runner->ctx, .http = runner->http },
			.open = true };
		runner->count++;
		if (jobs[i].open != NULL)
			err = jobs[i].open(&running->run);
	}
	return err;
}

static void close_jobs(struct runner *runner)
{
	/* Ending the transfers first calls back into the jobs that wait for them. */
	http_free(&runner->http);
	for (size_t i = 0; i < runner->count; i++) {
		if (runner->running[i].job->close != NULL)
			runner->running[i].job->close(&runner->running[i].run);
	}
}

/* A job that fails is tried again a little later in the same run; it is said once in a row. */
static void note_failure(struct runner *runner, struct running *running, enum err err)
{
	if (err != running->last_err)
		log_write(err_level(err), "job %s: %s; %s", running->job->name, err_sentence(err),
		    db_failure(runner->ctx.db));
	running->next_ms = clock_mono_ms() + 1000;
	runner->database_away = is_database(err);
	runner->failed = runner->failed || !is_database(err);
}

static bool round_of(struct runner *runner, struct running *running)
{
	bool busy = false;

	running->run.stopping = runner->told_to_stop;
	arena_reset(runner->ctx.arena);
	enum err err = running->job->round(&running->run, &busy);
	if (err != ERR_OK)
		note_failure(runner, running, err);
	else
		runner->database_away = false;
	running->last_err = err;
	if (err == ERR_OK && !busy && running->job->every_ms > 0)
		running->next_ms = clock_mono_ms() + running->job->every_ms;
	return busy;
}

static bool round_all(struct runner *runner)
{
	bool busy = false;

	for (size_t i = 0; i < runner->count; i++) {
		if (clock_mono_ms() >= runner->running[i].next_ms)
			busy |= round_of(runner, &runner->running[i]);
	}
	return busy;
}

static void look_at_signals(struct runner *runner)
{
	bool terminate = proc_signal_take(SIGTERM);
	bool interrupt = proc_signal_take(SIGINT);

	runner->told_to_stop = runner->told_to_stop || terminate || interrupt;
	if (proc_signal_take(SIGUSR1) && log_reopen() != ERR_OK)
		log_error("cannot reopen the log file");
}

/* Every request that is under way may take all the time it has: one that is cut off has been sent,
 * and would be sent again. */
static int64_t finish_ms(const struct settings *settings)
{
	int64_t longest_s = settings->smile_timeout_s;

	if (settings->webhook_timeout_s > longest_s)
		longest_s = settings->webhook_timeout_s;
	if (settings->smtp_timeout_s > longest_s && settings->smtp_host[0] != '\0')
		longest_s = settings->smtp_timeout_s;
	if (settings->age_estimator_timeout_s > longest_s && settings->age_estimator_url[0] != '\0')
		longest_s = settings->age_estimator_timeout_s;
	/* What is put is looked at as well. */
	if (2 * settings->s3_timeout_s > longest_s && settings->s3_bucket[0] != '\0')
		longest_s = 2 * settings->s3_timeout_s;
	return longest_s * 1000 + FINISH_MS;
}

/*
 * Lingering ends when the time is up: nothing more is claimed then, and what is under way is
 * settled. Without lingering one quiet round is the end.
 */
static void go_round(struct runner *runner)
{
	int64_t end_ms = runner->began_ms + runner->config->linger_ms;
	int64_t stop_by_ms = INT64_MAX;

	for (;;) {
		look_at_signals(runner);
		bool time_is_up = runner->config->linger_ms > 0 && clock_mono_ms() >= end_ms;
		if ((runner->told_to_stop || time_is_up) && stop_by_ms == INT64_MAX) {
			runner->told_to_stop = true;
			stop_by_ms = clock_mono_ms() + finish_ms(runner->config->settings);
		}
		bool busy = round_all(runner);
		if (clock_mono_ms() >= stop_by_ms || (runner->told_to_stop && !busy))
			return;
		if (!busy && runner->config->linger_ms == 0)
			return;
		if (!busy)
			proc_sleep_ms(runner->config->settings->idle_ms);
	}
}

/* The numbers of the summary line, in its order. */
static const struct {
	const char *name;
	size_t offset;
} summary[] = {
	{ "claimed", MEMBER_IS(uint64_t, struct job_counts, claimed) },
	{ "submitted", MEMBER_IS(uint64_t, struct job_counts, submitted) },
	{ "polled", MEMBER_IS(uint64_t, struct job_counts, polled) },
	{ "decided", MEMBER_IS(uint64_t, struct job_counts, decided) },
	{ "sent", MEMBER_IS(uint64_t, struct job_counts, sent) },
	{ "delivered", MEMBER_IS(uint64_t, struct job_counts, delivered) },
	{ "failed", MEMBER_IS(uint64_t, struct job_counts, failed) },
	{ "mailed", MEMBER_IS(uint64_t, struct job_counts, mailed) },
	{ "unmailed", MEMBER_IS(uint64_t, struct job_counts, unmailed) },
	{ "later", MEMBER_IS(uint64_t, struct job_counts, later) },
	{ "stale", MEMBER_IS(uint64_t, struct job_counts, stale) },
	{ "carried", MEMBER_IS(uint64_t, struct job_counts, carried) },
	{ "expired", MEMBER_IS(uint64_t, struct job_counts, expired) },
};

static uint64_t sum_of(const struct runner *runner, size_t offset)
{
	uint64_t sum = 0, value;

	for (size_t i = 0; i < runner->count; i++) {
		memcpy(
		    &value, (const char *)&runner->running[i].run.counts + offset, sizeof(value));
		sum += value;
	}
	return sum;
}

static void summarise(const struct runner *runner)
{
	struct buf line;

	buf_init(&line, LIMIT_LOG_LINE);
	for (size_t i = 0; i < countof(summary); i++)
		buf_printf(&line, "%s=%llu ", summary[i].name,
		    (unsigned long long)sum_of(runner, summary[i].offset));
	log_notice("run: %stook_ms=%lld rss_kib=%ld%s%s", buf_str(&line),
	    (long long)(clock_mono_ms() - runner->began_ms), proc_rss_kib(),
	    runner->database_away ? " database=away" : "", runner->failed ? " failed=1" : "");
	buf_free(&line);
}

int jobs_run(const struct run_config *config)
{
	static struct runner runner; /* large, and one per process */
	enum err err = proc_signals_install(run_signals, countof(run_signals));

	runner = (struct runner){ .config = config, .began_ms = clock_mono_ms() };
	if (err == ERR_OK)
		err = open_ctx(&runner);
	if (err == ERR_OK)
		err = open_jobs(&runner);
	if (err == ERR_OK)
		go_round(&runner);
	else
		log_error("cannot run: %s", err_sentence(err));
	close_jobs(&runner);
	if (err == ERR_OK)
		summarise(&runner);
	close_ctx(&runner);
	if (err != ERR_OK || runner.failed)
		return RUN_FAILED;
	return runner.database_away ? RUN_DATABASE_AWAY : RUN_OK;
}
