/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_bucket.h owns the objects of media: where the settings say that their bucket is, what an object
 * is called (s3_prefix and the digits of the medium's id: nothing of it is anybody's choice), and whether
 * the bucket does what it must. An object is the very file of media_dir, sealed.
 */
#ifndef BONAFIDE_MEDIA_BUCKET_H
#define BONAFIDE_MEDIA_BUCKET_H

#include "base.h"
#include "ctx.h"
#include "s3.h"

/* Whether the settings name a bucket; whether media are to stay there. */
bool bucket_is_set(const struct settings *settings);
bool bucket_is_used(const struct settings *settings);

/* Makes a client for it, with the keys of the files of the settings as they are now. ERR_CONFIG, ERR_IO:
 * one cannot be used; *ret_reason says it in a sentence. ERR_NOMEM. */
enum err bucket_open(const struct settings *settings, size_t max_in_flight, struct s3 **ret_s3,
    char *ret_reason, size_t reason_size) MUST_CHECK;

/* A medium's object. */
void bucket_key(const struct settings *settings, struct uuid id, char out[S3_KEY_MAX + 1]);

/* What an end of a request means, in a word or two; "" for S3_DONE. */
const char *bucket_end_word(enum s3_end end);

/*
 * Puts a small object of its own name, reads it back and deletes it. *ret_reason says in a sentence what
 * did not go as it must. ERR_STATE; as bucket_open().
 */
enum err bucket_try(
    const struct settings *settings, char *ret_reason, size_t reason_size) MUST_CHECK;

#endif
