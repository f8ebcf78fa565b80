/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.c is the job table. */
#include "jobs.h"

#include <string.h>

#include "jobs_private.h"

const struct job jobs[] = {
	{ "provider", 0, provider_job_open, provider_job_round, provider_job_close },
	{ "delivery", 0, delivery_job_open, delivery_job_round, delivery_job_close },
	{ "task", 0, task_job_open, task_job_round, task_job_close },
	{ "mail", 0, mail_job_open, mail_job_round, mail_job_close },
	{ "age", 0, age_job_open, age_job_round, age_job_close },
	{ "media", 0, media_job_open, media_job_round, media_job_close },
	{ "expire", 60000, NULL, expire_job_round, NULL },
};
const size_t job_count = countof(jobs);

const struct job *job_find(const char *name)
{
	for (size_t i = 0; i < job_count; i++) {
		if (strcmp(jobs[i].name, name) == 0)
			return &jobs[i];
	}
	return NULL;
}
