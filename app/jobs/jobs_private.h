/* SPDX-License-Identifier: Apache-2.0 */
/* jobs_private.h names the functions of the job table's rows. */
#ifndef BONAFIDE_JOBS_PRIVATE_H
#define BONAFIDE_JOBS_PRIVATE_H

#include "jobs.h"

/* j_provider.c: submits to and polls identity providers. */
enum err provider_job_open(struct job_run *run) MUST_CHECK;
enum err provider_job_round(struct job_run *run, bool *ret_busy) MUST_CHECK;
void provider_job_close(struct job_run *run);

/* j_delivery.c: delivers webhooks. */
enum err delivery_job_open(struct job_run *run) MUST_CHECK;
enum err delivery_job_round(struct job_run *run, bool *ret_busy) MUST_CHECK;
void delivery_job_close(struct job_run *run);

/* j_task.c: releases, recovers and removes deliveries. */
enum err task_job_open(struct job_run *run) MUST_CHECK;
enum err task_job_round(struct job_run *run, bool *ret_busy) MUST_CHECK;
void task_job_close(struct job_run *run);

/* j_mail.c: sends mail. */
enum err mail_job_open(struct job_run *run) MUST_CHECK;
enum err mail_job_round(struct job_run *run, bool *ret_busy) MUST_CHECK;
void mail_job_close(struct job_run *run);

/* j_age.c: has ages estimated. */
enum err age_job_open(struct job_run *run) MUST_CHECK;
enum err age_job_round(struct job_run *run, bool *ret_busy) MUST_CHECK;
void age_job_close(struct job_run *run);

/* j_media.c: carries media to their bucket, and removes objects. */
enum err media_job_open(struct job_run *run) MUST_CHECK;
enum err media_job_round(struct job_run *run, bool *ret_busy) MUST_CHECK;
void media_job_close(struct job_run *run);

/* j_expire.c: deletes what is past its time. */
enum err expire_job_round(struct job_run *run, bool *ret_busy) MUST_CHECK;

#endif
