/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealfile.h owns sealed files: written and read in pieces, so memory is flat at any size.
 *
 * A file is a header (magic "BFSF", version 1, three bytes 0, the id) and chunks of SEALFILE_CHUNK bytes
 * of content, the last one shorter or empty, each with its tag behind it. A chunk is AES-256-GCM (NIST SP
 * 800-38D) under the file's own key; the nonce is a byte that says whether it is the last, three bytes
 * 0, and the chunk's number; the header is associated data. So pieces that are missing, in another order,
 * of another file, or behind the end are found. A key seals one file only.
 */
#ifndef BONAFIDE_SEALFILE_H
#define BONAFIDE_SEALFILE_H

#include "base.h"
#include "crypt.h"
#include "uuid.h"

#define SEALFILE_CHUNK 65536

struct sealfile;

/* Takes the pieces of a file's content, in order. An error ends the reading. */
typedef enum err sealfile_sink(void *arg, const void *data, size_t len_bytes);

/* Makes a file that is not there yet, mode 0600. ERR_STORAGE_FULL, ERR_IO, ERR_NOMEM. */
enum err sealfile_create(const char *path, const uint8_t key[GCM_KEY_SIZE], struct uuid id,
    struct sealfile **ret_file) MUST_CHECK;

/* Adds content. ERR_STORAGE_FULL, ERR_IO, ERR_CRYPTO. */
enum err sealfile_write(struct sealfile *file, const void *data, size_t len_bytes) MUST_CHECK;

/* Writes the last chunk and has it all on the disk. As sealfile_write(). */
enum err sealfile_finish(struct sealfile *file) MUST_CHECK;

/* Closes and wipes; the file stays. Accepts NULL. */
void sealfile_free(struct sealfile **file);

/* Hands the content to the sink, chunk by chunk, each checked before. ERR_MISSING: there is no such file;
 * ERR_TAMPERED; ERR_IO, ERR_NOMEM, ERR_CRYPTO; the sink's. */
enum err sealfile_read(const char *path, const uint8_t key[GCM_KEY_SIZE], struct uuid id,
    sealfile_sink *sink, void *arg) MUST_CHECK;

/* The size of the file that content of so many bytes is sealed in. */
uint64_t sealfile_size(uint64_t content_bytes) MUST_CHECK;

/*
 * The same for a file that comes piece by piece from elsewhere. What sealopen_add() is given is opened and
 * handed to the sink as soon as a chunk of it is whole; only sealopen_end() says that it was all.
 * ERR_TAMPERED, ERR_CRYPTO, the sink's; ERR_NOMEM.
 */
struct sealopen;

enum err sealopen_new(const uint8_t key[GCM_KEY_SIZE], struct uuid id, sealfile_sink *sink,
    void *arg, struct sealopen **ret_seal) MUST_CHECK;
enum err sealopen_add(struct sealopen *seal, const void *data, size_t len_bytes) MUST_CHECK;
enum err sealopen_end(struct sealopen *seal) MUST_CHECK;

/* Wipes and frees; accepts NULL. */
void sealopen_free(struct sealopen **seal);

#endif
