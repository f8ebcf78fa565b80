/* SPDX-License-Identifier: Apache-2.0 */
/* media_bucket.c: the bucket of the settings, and reading an object of it. */
#include "media_bucket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "log.h"
#include "media_carry.h"
#include "media_private.h"
#include "proc.h"
#include "sealfile.h"
#include "str.h"

#define SECRET_SIZE 256
#define TRY_SIZE 64 /* bytes of the object that only tries the bucket */

bool bucket_is_set(const struct settings *settings)
{
	return settings->s3_bucket[0] != '\0';
}

bool bucket_is_used(const struct settings *settings)
{
	return strcmp(settings->media_store, "s3") == 0;
}

const char *bucket_end_word(enum s3_end end)
{
	static const char *const words[S3__MAX] = {
		[S3_DONE] = "",
		[S3_MISSING] = "the object is not there",
		[S3_REFUSED] = "the store refuses us",
		[S3_AWAY] = "the store is not available",
		[S3_NONSENSE] = "the store's answer is none",
		[S3_STOPPED] = "a file cannot be read",
	};

	return words[end];
}

void bucket_key(const struct settings *settings, struct uuid id, char out[S3_KEY_MAX + 1])
{
	char hex[2 * sizeof(id.b) + 1];

	hex_encode(id.b, sizeof(id.b), hex);
	(void)snprintf(out, S3_KEY_MAX + 1, "%s%s", settings->s3_prefix, hex);
}

static enum err read_key(const char *setting, const char *path, char out[SECRET_SIZE],
    char *ret_reason, size_t reason_size)
{
	char why[LIMIT_LOG_LINE] = "";
	enum err err = proc_read_secret(path, out, SECRET_SIZE, why, sizeof(why));

	if (err == ERR_OK && (out[0] == '\0' || strpbrk(out, " \t\r\n") != NULL)) {
		err = ERR_CONFIG;
		(void)snprintf(why, sizeof(why), "is empty, or holds more than a key");
	}
	if (err != ERR_OK)
		(void)snprintf(ret_reason, reason_size, "%s: %s", setting, why);
	return err;
}

enum err bucket_open(const struct settings *settings, size_t max_in_flight, struct s3 **ret_s3,
    char *ret_reason, size_t reason_size)
{
	char access[SECRET_SIZE], secret[SECRET_SIZE];
	struct s3_bucket bucket = { .endpoint = settings->s3_endpoint,
		.region = settings->s3_region,
		.name = settings->s3_bucket,
		.in_host = strcmp(settings->s3_addressing, "host") == 0,
		.access_key = access,
		.secret_key = secret,
		.ca_file = settings->s3_ca_file,
		.deadline_ms = settings->s3_timeout_s * 1000 };
	enum err err = read_key(
	    "s3_access_key_file", settings->s3_access_key_file, access, ret_reason, reason_size);

	if (err == ERR_OK)
		err = read_key("s3_secret_key_file", settings->s3_secret_key_file, secret,
		    ret_reason, reason_size);
	if (err == ERR_OK) {
		err = s3_new(&bucket, max_in_flight, ret_s3);
		if (err == ERR_CONFIG)
			(void)snprintf(ret_reason, reason_size, "libcurl is older than 7.88");
	}
	wipe(access, sizeof(access));
	wipe(secret, sizeof(secret));
	return err;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* How one request ended, for who waits for it. */
struct ended {
	enum s3_end end;
	enum err err;
	uint64_t size_bytes;
	char problem[S3_PROBLEM_SIZE];
};

static void note_end(void *arg, const struct s3_reply *reply)
{
	struct ended *ended = arg;

	ended->end = reply->end;
	ended->err = reply->err;
	ended->size_bytes = reply->size_bytes;
	(void)snprintf(ended->problem, sizeof(ended->problem), "%s", reply->problem);
}

static enum err open_piece(void *arg, const void *data, size_t len_bytes)
{
	return sealopen_add(arg, data, len_bytes);
}

/* The object's content into the seal. What is not there is ERR_MISSING, what cannot be had now
 * ERR_UNAVAILABLE. */
static enum err fetch(struct ctx *ctx, struct uuid id, uint64_t most, struct sealopen *seal)
{
	char name[S3_KEY_MAX + 1], reason[LIMIT_LOG_LINE] = "";
	struct ended ended = { .end = S3_AWAY };
	struct s3 *s3 = NULL;
	enum err err = bucket_open(ctx->settings, 1, &s3, reason, sizeof(reason));

	if (err == ERR_CONFIG || err == ERR_IO) {
		log_error("a medium cannot be read from its bucket: %s", reason);
		return ERR_UNAVAILABLE;
	}
	bucket_key(ctx->settings, id, name);
	if (err == ERR_OK)
		err = s3_get(s3, name, most, open_piece, seal, note_end, &ended);
	if (err == ERR_OK)
		err = s3_finish(s3);
	s3_free(&s3);
	if (err != ERR_OK || ended.end == S3_DONE)
		return err == ERR_OK ? sealopen_end(seal) : err;
	if (ended.end == S3_STOPPED || ended.end == S3_MISSING)
		return ended.end == S3_MISSING ? ERR_MISSING : ended.err;
	log_error("a medium cannot be read from its bucket: %s (%s)", bucket_end_word(ended.end),
	    ended.problem);
	return ERR_UNAVAILABLE;
}

/* A batch has more to do than to wait for a store that is known not to answer. */
static enum err not_in_vain(struct ctx *ctx)
{
	int64_t until_ms = 0;
	bool is_known = false;

	if (ctx->actor.kind != ACTOR_JOB)
		return ERR_OK;
	enum err err = carry_paused(ctx, &until_ms, &is_known);
	return err == ERR_OK && until_ms > clock_now_ms() ? ERR_UNAVAILABLE : err;
}

/* The row is read anew: while the file was looked for, it may have been carried away. */
enum err bucket_read(
    struct ctx *ctx, struct uuid id, const uint8_t key[GCM_KEY_SIZE], media_sink *sink, void *arg)
{
	struct row_media_get row;
	struct sealopen *seal = NULL;
	enum err err = media_get(ctx, id, &row);

	if (err != ERR_OK)
		return err;
	if (strcmp(row.store, "dir") == 0)
		/* With a bucket each host may have a media_dir of its own. */
		return bucket_is_used(ctx->settings) ? ERR_UNAVAILABLE : ERR_MISSING;
	if (!bucket_is_set(ctx->settings)) {
		log_error("a medium is in a bucket, and s3_bucket is not set");
		return ERR_UNAVAILABLE;
	}
	err = not_in_vain(ctx);
	if (err == ERR_OK)
		err = sealopen_new(key, id, sink, arg, &seal);
	if (err == ERR_OK)
		err = fetch(ctx, id, sealfile_size((uint64_t)row.size_bytes), seal);
	sealopen_free(&seal);
	/* On its way it may not have arrived. */
	return err == ERR_MISSING && strcmp(row.store, "moving") == 0 ? ERR_UNAVAILABLE : err;
}

/* ---- trying ------------------------------------------------------------------------------------- */

struct tried {
	char content[TRY_SIZE];
	size_t len;
	bool differs;
};

static enum err compare(void *arg, const void *data, size_t len_bytes)
{
	struct tried *tried = arg;

	tried->differs = tried->differs || len_bytes > TRY_SIZE - tried->len ||
			 memcmp(tried->content + tried->len, data, len_bytes) != 0;
	tried->len += tried->differs ? 0 : len_bytes;
	return ERR_OK;
}

/* One step: runs what was started, and says what was wrong with it. */
static enum err finish(struct s3 *s3, enum err err, const char *what, const struct ended *ended,
    char *ret_reason, size_t reason_size)
{
	if (err == ERR_OK)
		err = s3_finish(s3);
	if (err == ERR_OK && ended->end == S3_DONE)
		return ERR_OK;
	if (err == ERR_OK)
		(void)snprintf(ret_reason, reason_size, "%s: %s (%s)", what,
		    bucket_end_word(ended->end), ended->problem);
	else
		(void)snprintf(ret_reason, reason_size, "%s: %s", what, err_sentence(err));
	return err == ERR_OK ? ERR_STATE : err;
}

static enum err make_file(const struct tried *tried, char path[])
{
	int fd = mkstemp(path);
	bool ok = fd >= 0 && write(fd, tried->content, TRY_SIZE) == TRY_SIZE;

	if (fd >= 0)
		(void)close(fd);
	return ok ? ERR_OK : ERR_IO;
}

/* Puts, gets, deletes; deletes whatever became of the others. */
static enum err try_all(struct s3 *s3, const char *name, const char *path, struct tried *tried,
    char *ret_reason, size_t reason_size)
{
	struct ended ended = { .end = S3_AWAY }, last = { .end = S3_AWAY };
	char ignored[S3_PROBLEM_SIZE];
	enum err err = s3_put(s3, name, path, note_end, &ended);

	err = finish(s3, err, "putting an object", &ended, ret_reason, reason_size);
	if (err != ERR_OK)
		return err;
	ended.end = S3_AWAY;
	err = s3_get(s3, name, TRY_SIZE, compare, tried, note_end, &ended);
	err = finish(s3, err, "getting an object", &ended, ret_reason, reason_size);
	if (err == ERR_OK && (tried->differs || tried->len != TRY_SIZE)) {
		err = ERR_STATE;
		(void)snprintf(ret_reason, reason_size, "an object came back as another");
	}
	bool was_fine = err == ERR_OK;
	enum err gone = s3_delete(s3, name, note_end, &last);
	gone = finish(s3, gone, "deleting an object", &last, was_fine ? ret_reason : ignored,
	    was_fine ? reason_size : sizeof(ignored));
	return was_fine ? gone : err;
}

enum err bucket_try(const struct settings *settings, char *ret_reason, size_t reason_size)
{
	char path[] = "/tmp/bonafide-check.XXXXXX";
	char name[S3_KEY_MAX + 1];
	struct tried tried = { .len = 0 };
	struct s3 *s3 = NULL;
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = random_bytes(tried.content, sizeof(tried.content));
	if (err == ERR_OK)
		err = bucket_open(settings, 1, &s3, ret_reason, reason_size);
	if (err != ERR_OK)
		return err;
	bucket_key(settings, id, name);
	err = make_file(&tried, path);
	if (err == ERR_OK)
		err = try_all(s3, name, path, &tried, ret_reason, reason_size);
	else
		(void)snprintf(ret_reason, reason_size, "a file cannot be made in /tmp");
	(void)unlink(path);
	s3_free(&s3);
	return err;
}
