/* SPDX-License-Identifier: Apache-2.0 */
/* media_carry.c: from media_dir into the bucket, and out of it. */
#include "media_carry.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "media_bucket.h"
#include "media_private.h"
#include "stmt.h"
#include "str.h"
#include "work.h"

#define DIRECTORIES 65536U /* two levels of 256 */
#define LEASE_MORE_MS \
	INT64_C(60000) /* beyond two requests, each in its time: a store's own delay */
#define LANE_REASON_SIZE 256
#define STRAY_MS INT64_C(86400000)

/* ---- walking -------------------------------------------------------------------------------------- */

/* The directory of a number; its lower level is left out for that of the upper one. */
static void walk_path(const struct ctx *ctx, unsigned at, bool lower, char out[MEDIA_PATH_SIZE])
{
	if (lower)
		(void)snprintf(out, MEDIA_PATH_SIZE, "%s/%02x/%02x", ctx->settings->media_dir,
		    at >> 8, at & 0xff);
	else
		(void)snprintf(out, MEDIA_PATH_SIZE, "%s/%02x", ctx->settings->media_dir, at >> 8);
}

/* Whether a directory's entry is a medium that belongs there and is old enough. */
static bool is_due(
    const struct ctx *ctx, const struct dirent *entry, unsigned at, struct uuid *ret_id)
{
	int64_t before_ms = clock_now_ms() - ctx->settings->s3_after_s * 1000;
	struct uuid id;

	if (hex_decode(entry->d_name, strlen(entry->d_name), id.b, sizeof(id.b)) != ERR_OK ||
	    id.b[sizeof(id.b) - 1] != at >> 8 || id.b[sizeof(id.b) - 2] != (at & 0xff) ||
	    uuid_time_ms(id) > before_ms)
		return false;
	*ret_id = id;
	return true;
}

/* What of one directory is to be carried; an empty one goes, and the one above it behind its last. */
static enum err walk_directory(
    struct ctx *ctx, unsigned at, size_t max, struct uuid *ret_ids, size_t *count)
{
	char path[MEDIA_PATH_SIZE];
	const struct dirent *entry;
	bool is_empty = true;

	walk_path(ctx, at, true, path);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return errno == ENOENT ? ERR_OK : ERR_IO;
	while (*count < max && (entry = readdir(dir)) != NULL) {
		is_empty = is_empty && entry->d_name[0] == '.';
		*count += is_due(ctx, entry, at, &ret_ids[*count]);
	}
	(void)closedir(dir);
	/* One that is not empty after all stays: the system sees to that. */
	if (is_empty)
		(void)rmdir(path);
	return ERR_OK;
}

enum err carry_walk(struct ctx *ctx, struct carry_walk *walk, size_t max, struct uuid *ret_ids,
    size_t *ret_count, bool *ret_at_end)
{
	char path[MEDIA_PATH_SIZE];
	size_t count = 0;
	enum err err = ERR_OK;

	while (err == ERR_OK && walk->at < DIRECTORIES && count < max) {
		bool is_first = (walk->at & 0xff) == 0;
		walk_path(ctx, walk->at, false, path);
		if (is_first && access(path, F_OK) != 0 && errno == ENOENT) {
			walk->at += 256;
			continue;
		}
		err = walk_directory(ctx, walk->at, max, ret_ids, &count);
		walk->at++;
		if (err == ERR_OK && (walk->at & 0xff) == 0)
			(void)rmdir(path);
	}
	if (err != ERR_OK)
		return err;
	*ret_count = count;
	*ret_at_end = walk->at >= DIRECTORIES;
	if (*ret_at_end)
		walk->at = 0;
	return ERR_OK;
}

/* ---- beginning ------------------------------------------------------------------------------------ */

static void prepare(
    const struct ctx *ctx, struct uuid id, enum carry_step step, struct carry *carry)
{
	*carry = (struct carry){ .step = step, .id = id };
	bucket_key(ctx->settings, id, carry->key);
	(void)snprintf(carry->path, sizeof(carry->path), "%s",
	    media_path_kept(ctx->settings->media_dir, id, MEDIA_LEVELS, true).text);
}

/* A file that may not be carried: it goes when it is an object, or nobody's. */
static enum err leave_or_unlink(struct ctx *ctx, struct uuid id)
{
	struct row_media_get row;
	enum err err = q_media_get(ctx->db, ctx->arena, id, &row);
	bool goes = err == ERR_MISSING ? uuid_time_ms(id) < clock_now_ms() - STRAY_MS
				       : err == ERR_OK && strcmp(row.store, "s3") == 0;

	if (err != ERR_OK && err != ERR_MISSING)
		return err;
	return goes ? media_unlink(ctx, id) : ERR_OK;
}

enum err carry_begin(struct ctx *ctx, struct uuid id, struct carry *ret_carry)
{
	int64_t now_ms = clock_now_ms();
	int64_t until_ms = now_ms + 2 * ctx->settings->s3_timeout_s * 1000 + LEASE_MORE_MS;
	uint64_t changed = 0;
	enum err err = q_media_lease(ctx->db, until_ms, id, now_ms, now_ms, &changed);

	if (err != ERR_OK)
		return err;
	prepare(ctx, id, changed > 0 ? CARRY_PUT : CARRY_DONE, ret_carry);
	ret_carry->leased_until_ms = until_ms;
	return changed > 0 ? ERR_OK : leave_or_unlink(ctx, id);
}

void carry_begin_removal(struct ctx *ctx, struct uuid id, struct carry *ret_carry)
{
	prepare(ctx, id, CARRY_DELETE, ret_carry);
	ret_carry->is_removal = true;
}

enum err carry_overdue(struct ctx *ctx, size_t max, struct uuid **ret_ids, size_t *ret_count)
{
	int64_t now_ms = clock_now_ms();
	struct row_media_overdue_far *rows = NULL;
	size_t count = 0;
	/* Leases are other hosts' to the millisecond of their clocks. */
	enum err err = q_media_overdue_far(ctx->db, ctx->arena, now_ms - MEDIA_CLOCKS_APART_MS,
	    now_ms - MEDIA_CLOCKS_APART_MS, (int64_t)max, &rows, &count);
	struct uuid *ids =
	    err == ERR_OK ? arena_alloc(ctx->arena, (count + 1) * sizeof(*ids)) : NULL;

	if (err != ERR_OK)
		return err;
	if (ids == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		ids[i] = rows[i].id;
	*ret_ids = ids;
	*ret_count = count;
	return ERR_OK;
}

/* ---- on its way ----------------------------------------------------------------------------------- */

static void failed(struct carry *carry, const char *word, const char *problem)
{
	carry->step = CARRY_SETTLE;
	carry->is_bucket_fault = true;
	(void)snprintf(carry->problem, sizeof(carry->problem), "%s (%s)", word, problem);
}

void carry_unstarted(struct carry *carry, enum err err)
{
	carry->step = CARRY_SETTLE;
	if (err == ERR_MISSING) /* another process of this host has done it */
		return;
	/* Not the bucket's fault; the lease says when it is tried again. */
	carry->may_arrive = true;
	(void)snprintf(carry->problem, sizeof(carry->problem), "%s (%s)",
	    bucket_end_word(S3_STOPPED), err_sentence(err));
}

static void looked_at(struct carry *carry, const struct s3_reply *reply)
{
	carry->is_there = reply->end == S3_DONE && reply->size_bytes == carry->size_bytes &&
			  strcmp(reply->etag, carry->etag) == 0;
	carry->step = CARRY_SETTLE;
	if (reply->end == S3_DONE && !carry->is_there)
		failed(carry, bucket_end_word(S3_NONSENSE), "what was put is not what is there");
}

void carry_answered(struct carry *carry, const struct s3_reply *reply)
{
	enum carry_step step = carry->step;

	/* Removed is also what was not there; an object that was put must be. */
	if (reply->end != S3_DONE && !(step == CARRY_DELETE && reply->end == S3_MISSING)) {
		carry->may_arrive = step == CARRY_PUT && reply->was_sent;
		failed(carry, bucket_end_word(reply->end), reply->problem);
		carry->is_bucket_fault = reply->end != S3_STOPPED;
	} else if (step == CARRY_PUT) {
		carry->step = CARRY_LOOK;
		carry->size_bytes = reply->size_bytes;
		(void)snprintf(carry->etag, sizeof(carry->etag), "%s", reply->etag);
	} else if (step == CARRY_LOOK) {
		looked_at(carry, reply);
	} else {
		carry->step = CARRY_SETTLE;
		carry->is_there = true;
	}
}

/* ---- settling ------------------------------------------------------------------------------------- */

static enum err settle_removal(struct ctx *ctx, struct carry *carry)
{
	uint64_t changed = 0;
	enum err err = carry->is_there ? media_unlink(ctx, carry->id) : ERR_OK;

	carry->step = CARRY_DONE;
	if (err == ERR_OK && carry->is_there)
		err = q_media_delete(
		    ctx->db, carry->id, clock_now_ms() - MEDIA_CLOCKS_APART_MS, &changed);
	return err;
}

/* The lease was lost, which takes a process that stood still: the row may have gone, and then nobody will
 * ever look for the object again. */
static enum err settle_late(struct ctx *ctx, struct carry *carry)
{
	struct row_media_get row;
	enum err err = q_media_get(ctx->db, ctx->arena, carry->id, &row);

	if (err != ERR_MISSING)
		return err;
	carry_begin_removal(ctx, carry->id, carry);
	return ERR_OK;
}

enum err carry_settle(struct ctx *ctx, struct carry *carry)
{
	const char *store = carry->is_there ? "s3" : "moving";
	uint64_t changed = 0;

	if (carry->is_removal)
		return settle_removal(ctx, carry);
	carry->step = CARRY_DONE;
	/* What may still arrive keeps its lease. */
	if (carry->may_arrive)
		return ERR_OK;
	enum err err =
	    q_media_leased_end(ctx->db, store, carry->id, carry->leased_until_ms, &changed);
	if (err == ERR_OK && changed == 0)
		return settle_late(ctx, carry);
	return err == ERR_OK && carry->is_there ? media_unlink(ctx, carry->id) : err;
}

/* ---- when the bucket cannot be used ---------------------------------------------------------------- */

enum err carry_paused(struct ctx *ctx, int64_t *ret_until_ms, bool *ret_is_known)
{
	struct row_operator_lane row;
	enum err err = q_operator_lane(ctx->db, ctx->arena, CARRY_LANE, &row);

	if (err != ERR_OK && err != ERR_MISSING)
		return err;
	*ret_is_known = err == ERR_OK && row.reason[0] != '\0';
	*ret_until_ms = *ret_is_known ? row.paused_until : 0;
	return ERR_OK;
}

enum err carry_pause(struct ctx *ctx, int64_t for_ms, const char *problem, bool *ret_is_news)
{
	char reason[LANE_REASON_SIZE];
	int64_t until_ms = 0;
	bool is_known = false;
	enum err err = carry_paused(ctx, &until_ms, &is_known);

	/* It may name a file, and a lane's reason is plain ASCII. */
	(void)snprintf(reason, sizeof(reason), "%s", problem);
	for (char *c = reason; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
	if (err == ERR_OK)
		err = lane_pause(ctx, CARRY_LANE, clock_now_ms() + for_ms, reason);
	if (err == ERR_OK)
		*ret_is_news = !is_known;
	return err;
}

enum err carry_resume(struct ctx *ctx)
{
	return lane_resume(ctx, CARRY_LANE);
}
