/* SPDX-License-Identifier: Apache-2.0 */
/* media_private.h is shared by media.c (files, rows, links), media_bucket.c (objects) and media_carry.c
 * (from the one to the other) alone. */
#ifndef BONAFIDE_MEDIA_PRIVATE_H
#define BONAFIDE_MEDIA_PRIVATE_H

#include "ctx.h"
#include "limits.h"
#include "media.h"

#define MEDIA_LEVELS 2
#define MEDIA_PATH_SIZE (LIMIT_SETTING + 64)
#define MEDIA_CLOCKS_APART_MS INT64_C(60000) /* hosts' clocks, while an upload is taken */

struct media_path {
	char text[MEDIA_PATH_SIZE];
};

/* Where an upload is written. */
struct media_path media_path_new(const char *dir, struct uuid id);

/* Where it is kept: below so many levels of directories; without the name, the last of those. */
struct media_path media_path_kept(const char *dir, struct uuid id, int levels, bool with_name);

/* Removes both names of a file, where they are. ERR_IO. */
enum err media_unlink(struct ctx *ctx, struct uuid id) MUST_CHECK;

/*
 * Hands on the content of a medium whose file is not here. ERR_MISSING: it is nowhere. ERR_UNAVAILABLE:
 * not to be had now: it is with another host, or the store does not answer; said in the log.
 * ERR_TAMPERED, and the sink's.
 */
enum err bucket_read(struct ctx *ctx, struct uuid id, const uint8_t key[GCM_KEY_SIZE],
    media_sink *sink, void *arg) MUST_CHECK;

#endif
