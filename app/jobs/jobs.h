/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.h owns the batch's job table and its runner: each job does one round of work and says
 * whether more is left; the runner goes round until nothing is due, the time is up, or it is told
 * to stop. Any number of batch processes may run at once (design section 5).
 */
#ifndef BONAFIDE_JOBS_H
#define BONAFIDE_JOBS_H

#include "base.h"
#include "ctx.h"
#include "http.h"

/* What one run did; the summary line. */
struct job_counts {
	uint64_t claimed;
	uint64_t submitted;
	uint64_t polled;
	uint64_t decided;
	uint64_t later;     /* put off */
	uint64_t stale;     /* settled by another process */
	uint64_t sent;      /* attempts to deliver */
	uint64_t delivered; /* with success */
	uint64_t failed;    /* deliveries whose schedule is spent */
	uint64_t mailed;    /* mails that the server took */
	uint64_t unmailed;  /* mails that were given up */
	uint64_t carried;   /* media that are in their bucket now */
	uint64_t expired;
};

/* What a job is given. */
struct job_run {
	struct ctx ctx; /* its arena is reset between rounds */
	struct http *http;
	struct job_counts counts;
	bool stopping; /* finish what is under way, claim nothing new */
	void *state;   /* the job's own, between its open and close */
};

struct job {
	const char *name;
	int64_t every_ms; /* rounds are at least this far apart; 0: as often as there is work */
	enum err (*open)(struct job_run *run);
	/* One round. *ret_busy: work is under way or was done, so look again soon. */
	enum err (*round)(struct job_run *run, bool *ret_busy);
	void (*close)(struct job_run *run);
};

extern const struct job jobs[];
extern const size_t job_count;

/* The job of this name, or NULL. */
const struct job *job_find(const char *name);

struct run_config {
	const struct settings *settings;
	const char *only;  /* a job's name; NULL: all */
	int64_t linger_ms; /* how long to go on looking for work; 0: until nothing is due */
};

/* Exit statuses (sysexits.h has the last one). */
#define RUN_OK 0
#define RUN_FAILED 1
#define RUN_DATABASE_AWAY 75

/*
 * Runs the jobs and writes one summary line to the log. Ends early, cleanly, on SIGTERM or
 * SIGINT: nothing new is claimed, what is under way is settled. Returns an exit status.
 */
int jobs_run(const struct run_config *config);

#endif
