/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_carry.h owns how media get from media_dir into the bucket, and out of it when their time is over.
 * It never dials: the job does, and tells what came of it.
 *
 * What is to be carried is what is in media_dir, so each host carries its own. The row's store says how
 * far it is: "dir"; "moving", written before anything is sent, with a lease, so that whoever removes the
 * medium looks for an object too, and waits until nobody can be putting one; "s3", written when the
 * object has been looked at, before the file goes. Whatever a crash leaves is one of these, and is done
 * again: the same object under the same name, or a file that is surely an object as well.
 */
#ifndef BONAFIDE_MEDIA_CARRY_H
#define BONAFIDE_MEDIA_CARRY_H

#include "base.h"
#include "ctx.h"
#include "s3.h"

#define CARRY_LANE \
	"media.s3" /* paused while the bucket cannot be used; never has work of its own */

/* Where a walk through media_dir is; zeros begin one. */
struct carry_walk {
	unsigned at; /* the next directory */
};

/*
 * Goes on with a walk until it has found max files that are old enough to be carried, or is at its end
 * (*ret_at_end; the next call begins another). Directories that are empty go. ret_ids has room for max.
 * ERR_IO.
 */
enum err carry_walk(struct ctx *ctx, struct carry_walk *walk, size_t max, struct uuid *ret_ids,
    size_t *ret_count, bool *ret_at_end) MUST_CHECK;

enum carry_step {
	CARRY_PUT,    /* s3_put() of path under key */
	CARRY_LOOK,   /* s3_head() of key */
	CARRY_DELETE, /* s3_delete() of key */
	CARRY_SETTLE, /* carry_settle() */
	CARRY_DONE    /* nothing more */
};

/* One medium on its way. */
struct carry {
	enum carry_step step;
	struct uuid id;
	char key[S3_KEY_MAX + 1];
	char path[1088];
	int64_t leased_until_ms;
	uint64_t size_bytes;
	char etag[S3_ETAG_SIZE];
	bool is_removal;

	/* What came of it. */
	bool is_there;        /* the object, or no object any more, as it should be */
	bool may_arrive;      /* what was sent may still become an object: the lease stays */
	bool is_bucket_fault; /* as problem says */
	char problem[2 * S3_PROBLEM_SIZE];
};

/* Begins with a file that a walk found: takes its lease. CARRY_DONE when it is not to be carried now; what
 * is surely an object, or has had no row for long, is removed. Database errors, ERR_IO. */
enum err carry_begin(struct ctx *ctx, struct uuid id, struct carry *ret_carry) MUST_CHECK;

/* Begins with the object of a medium whose time is over. */
void carry_begin_removal(struct ctx *ctx, struct uuid id, struct carry *ret_carry);

/* The media whose time is over and that may have objects, at most max; in the arena. */
enum err carry_overdue(
    struct ctx *ctx, size_t max, struct uuid **ret_ids, size_t *ret_count) MUST_CHECK;

/* Takes how the request of the step ended, and says the next step. */
void carry_answered(struct carry *carry, const struct s3_reply *reply);

/* The same for a request that could not be started. */
void carry_unstarted(struct carry *carry, enum err err);

/* Writes down what came of it, and removes the file, or the row. The next step is CARRY_DONE, or
 * CARRY_DELETE for an object whose row has gone meanwhile. Database errors, ERR_IO. */
enum err carry_settle(struct ctx *ctx, struct carry *carry) MUST_CHECK;

/* How often all hosts together may try the bucket while it cannot be used: pauses the lane. *ret_is_news:
 * it was not known before. */
enum err carry_pause(
    struct ctx *ctx, int64_t for_ms, const char *problem, bool *ret_is_news) MUST_CHECK;

/* Until when the lane is paused, 0 when it is not; *ret_is_known: the last that was said is that the
 * bucket cannot be used. */
enum err carry_paused(struct ctx *ctx, int64_t *ret_until_ms, bool *ret_is_known) MUST_CHECK;

/* The bucket can be used again. */
enum err carry_resume(struct ctx *ctx) MUST_CHECK;

#endif
