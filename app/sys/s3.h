/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s3.h owns files kept in a bucket of an S3-compatible store (Amazon's S3 API, 2006-03-01): put a file,
 * take one out piece by piece, ask for one, remove one. Requests are signed by libcurl (AWS Signature
 * Version 4, its header form); the hash of what is sent is signed along, so a store that checks it takes
 * nothing else. Each has a deadline; redirects are not followed; only one answer means success.
 *
 * As with http.h, the caller starts requests and is told of each end from within s3_run(). Nothing of a
 * key, a path or a secret is in any text that is handed out.
 */
#ifndef BONAFIDE_S3_H
#define BONAFIDE_S3_H

#include "base.h"

struct s3;

#define S3_ETAG_SIZE 96
#define S3_PROBLEM_SIZE 160
#define S3_KEY_MAX 512 /* bytes of an object's key that s3_key_ok() accepts */

/* A bucket, and as whom. Texts are copied. */
struct s3_bucket {
	const char
	    *endpoint; /* https://host[:port][/path] without a slash at its end, or http:// */
	const char *region;
	const char *name;
	bool in_host; /* https://name.host/key; else https://host/name/key */
	const char *access_key;
	const char *secret_key;
	const char *ca_file; /* certificates to trust instead of the system's; "" for those */
	int64_t
	    deadline_ms; /* of one request, from name look-up to last byte, but for the sink's time */
};

enum s3_end {
	S3_DONE,
	S3_MISSING,  /* the store says that there is no such object */
	S3_REFUSED,  /* it does not let us: credentials, bucket, region or clock are wrong */
	S3_AWAY,     /* not reached, not in time, or busy: perhaps later */
	S3_NONSENSE, /* what came is no answer of such a store, or too much */
	S3_STOPPED,  /* the sink, or reading our own file, failed: see err */
	S3__MAX
};

struct s3_reply {
	enum s3_end end;
	enum err err;        /* of S3_STOPPED */
	uint64_t size_bytes; /* of the object: what was put, taken, or said by s3_head() */
	const char *etag;    /* of s3_put() and s3_head(): what the store calls this content */
	bool was_sent; /* of S3_AWAY: the request went out unanswered, so it may have been done */
	const char *problem; /* what was wrong, in a few words; "" when nothing */
};

typedef void s3_done_fn(void *arg, const struct s3_reply *reply);

/* Takes the pieces of an object, in order. An error ends the request. */
typedef enum err s3_sink(void *arg, const void *data, size_t len_bytes);

/* True when this libcurl signs such requests as a store wants it (7.88 and later do). */
bool s3_can_sign(void);

/* True for what we use as (the beginning of) a key: parts of letters, digits and "._-" that do not begin
 * with a dot, with single slashes between; at most S3_KEY_MAX. */
bool s3_key_ok(const char *key);

/* True for a bucket's name: 3 to 63 small letters, digits, dots and hyphens. */
bool s3_bucket_ok(const char *name);

/* Makes a client that has at most max_in_flight requests under way. ERR_NOMEM; ERR_CONFIG: libcurl is
 * too old (see s3_can_sign()). */
enum err s3_new(
    const struct s3_bucket *bucket, size_t max_in_flight, struct s3 **ret_s3) MUST_CHECK;

/* Ends what is under way (each is told S3_AWAY), wipes and frees. Accepts NULL. */
void s3_free(struct s3 **s3);

/*
 * Starts a request; done(arg, reply) is called once, from s3_run() or s3_free(). ERR_FULL: max_in_flight
 * are under way; ERR_SYNTAX: no such key; ERR_NOMEM; then done is not called.
 *
 * s3_put() puts the file at path under the key, in the place of what was there. ERR_MISSING: no such
 * file; ERR_IO, ERR_CRYPTO. s3_get() hands on at most max_bytes; what is longer ends as S3_NONSENSE. An
 * object that is not there is removed as well.
 */
enum err s3_put(
    struct s3 *s3, const char *key, const char *path, s3_done_fn *done, void *arg) MUST_CHECK;
enum err s3_get(struct s3 *s3, const char *key, uint64_t max_bytes, s3_sink *sink, void *sink_arg,
    s3_done_fn *done, void *arg) MUST_CHECK;
enum err s3_head(struct s3 *s3, const char *key, s3_done_fn *done, void *arg) MUST_CHECK;
enum err s3_delete(struct s3 *s3, const char *key, s3_done_fn *done, void *arg) MUST_CHECK;

/* Requests under way. */
size_t s3_in_flight(const struct s3 *s3);

/* Moves bytes for at most wait_ms, less when a request ended, calling back for those. ERR_IO. */
enum err s3_run(struct s3 *s3, int64_t wait_ms) MUST_CHECK;

/* The same until nothing is under way: deadlines see to that. ERR_IO. */
enum err s3_finish(struct s3 *s3) MUST_CHECK;

#endif
