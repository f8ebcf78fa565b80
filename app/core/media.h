/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media.h owns what people send of themselves (contract/age.md, uploads): pictures and short videos. A
 * medium is a sealed file outside the web root (sealfile.h) and a row; the file's key is random, and
 * sealed in the row, so to seal anew is to change rows, and a file whose row is gone opens for nobody.
 *
 * A file's path is made of its id alone: media_dir, two levels of directories, the id's digits. It is
 * written under media_dir/new and gets its second name, that path, before its row is committed; the
 * first name goes after. So what a crash leaves has its first name still, and media_sweep() finds it.
 */
#ifndef BONAFIDE_MEDIA_H
#define BONAFIDE_MEDIA_H

#include "base.h"
#include "ctx.h"
#include "sealfile.h"
#include "stmt.h"

struct media_put; /* an upload under way */

/* Takes the pieces of a medium, in order. An error ends the reading and is what it returns. */
typedef sealfile_sink media_sink;

/*
 * Begins an upload: a new file in media_dir. media_type: as announced.
 * ERR_UNSUPPORTED_MEDIA_TYPE; ERR_STORAGE_FULL: no room on the disk; ERR_IO, ERR_NOMEM, ERR_CRYPTO.
 */
enum err media_begin(
    struct ctx *ctx, const char *media_type, struct media_put **ret_put) MUST_CHECK;

/* Adds a piece; memory stays as it is. ERR_PAYLOAD_TOO_LARGE past LIMIT_MEDIA, ERR_MEDIA_UNFIT when the
 * content is not of the type that was announced; as media_begin(). */
enum err media_write(struct media_put *put, const void *data, size_t len_bytes) MUST_CHECK;

/*
 * Ends an upload of the acting key's application, in a transaction of its own: from here on it waits
 * to be taken, until *ret_expires_at_ms. *put is freed, whatever happens. ERR_MEDIA_UNFIT also for
 * content that ends too early; as media_begin(), database errors.
 */
enum err media_commit(struct ctx *ctx, struct media_put **put, struct uuid *ret_id,
    int64_t *ret_expires_at_ms) MUST_CHECK;

/* Gives an upload up, and leaves nothing behind; accepts NULL. */
void media_abandon(struct media_put **put);

/*
 * Makes a waiting upload of the acting tenant and environment the owner's, in the caller's transaction.
 * types: the media types that it may be, a comma between. ERR_MEDIA_NOT_FOUND: there is none, it has
 * been taken, or its time is over; ERR_MEDIA_MISPLACED: it is of another type, and goes on waiting.
 */
enum err media_take(
    struct ctx *ctx, struct uuid id, const char *types, struct uuid owner_id) MUST_CHECK;

/*
 * Opens a medium of any tenant and hands its content to the sink; that it was read is in the audit log
 * first. shown_to: for whom, where that is not who acts, as media_link_check() says; or NULL.
 * ERR_MEDIA_NOT_FOUND; ERR_TAMPERED: the file is not what was written, found before the content
 * of the piece concerned is handed on; ERR_UNAVAILABLE: it is in a bucket, or with another host, and
 * cannot be had now; as seal_open().
 */
enum err media_read(
    struct ctx *ctx, struct uuid id, const char *shown_to, media_sink *sink, void *arg) MUST_CHECK;

/*
 * An address that shows a medium for ttl_s seconds to whoever has it: "/media/med_…?exp=…&by=…&sig=…", in
 * the arena. It says for whom it was made, the operator or account that acts, so that the audit log can.
 * The signature is under a key of the pepper's.
 */
enum err media_link(
    struct ctx *ctx, struct uuid id, int64_t ttl_s, const char **ret_path) MUST_CHECK;

/* The parts of a link's query, as they came; by is "" where there is none. */
struct media_link_parts {
	const char *exp;
	const char *by; /* hexadecimal digits */
	const char *sig;
};

/* Whether a link's parts belong together and its time is not over; for whom it was made goes to
 * *ret_reader, "operator root" say, in the arena. ERR_MEDIA_NOT_FOUND. */
enum err media_link_check(struct ctx *ctx, struct uuid id, const struct media_link_parts *parts,
    const char **ret_reader) MUST_CHECK;

/* What a medium is, of any tenant. ERR_MEDIA_NOT_FOUND. */
enum err media_get(struct ctx *ctx, struct uuid id, struct row_media_get *ret_row) MUST_CHECK;

/* Gives up all media of an owner, in the caller's transaction: nobody can open them once it is
 * committed; media_expire() removes the files. */
enum err media_drop(struct ctx *ctx, struct uuid owner_id) MUST_CHECK;

/* Seals a file's key again under the newest key. As seal_open() and seal_data(). */
enum err media_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed) MUST_CHECK;

/* Removes at most max media whose time is over, files first. For the batch. */
enum err media_expire(struct ctx *ctx, int64_t max, uint64_t *ret_removed) MUST_CHECK;

/* Removes at most max files that uploads left which never ended, a while ago. For the batch. */
enum err media_sweep(struct ctx *ctx, int64_t max, uint64_t *ret_removed) MUST_CHECK;

#endif
