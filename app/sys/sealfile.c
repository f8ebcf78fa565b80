/* SPDX-License-Identifier: Apache-2.0 */
/* sealfile.c writes and reads sealed files. */
#include "sealfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_SIZE 24 /* magic 4, version 1, zeros 3, id 16 */
#define SEALED_CHUNK (SEALFILE_CHUNK + GCM_TAG_SIZE)
#define READ_SIZE 16384

struct sealfile {
	int fd;
	uint8_t key[GCM_KEY_SIZE];
	uint8_t header[HEADER_SIZE];
	uint64_t number; /* of the chunk that is being filled */
	size_t len;      /* what is in it; sealed, when it is read */
	uint8_t plain[SEALFILE_CHUNK];
	uint8_t sealed[SEALED_CHUNK];
};

struct sealopen {
	struct sealfile file; /* without a descriptor */
	size_t header_len;    /* how much of it has come */
	sealfile_sink *sink;
	void *arg;
};

static enum err error_of_disk(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_STORAGE_FULL : ERR_IO;
}

static void make_header(struct uuid id, uint8_t out[HEADER_SIZE])
{
	static const uint8_t begin[8] = { 'B', 'F', 'S', 'F', 1, 0, 0, 0 };

	memcpy(out, begin, sizeof(begin));
	memcpy(out + sizeof(begin), id.b, sizeof(id.b));
}

static void file_begin(struct sealfile *file, const uint8_t key[GCM_KEY_SIZE], struct uuid id)
{
	file->fd = -1;
	memcpy(file->key, key, GCM_KEY_SIZE);
	make_header(id, file->header);
}

static void make_nonce(uint64_t number, bool is_last, uint8_t out[GCM_NONCE_SIZE])
{
	memset(out, 0, GCM_NONCE_SIZE);
	out[0] = is_last ? 1 : 0;
	for (unsigned i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(number >> (56 - 8 * i));
}

/* ---- writing ------------------------------------------------------------------------------------ */

static enum err write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, data, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return error_of_disk();
		data += done;
		len -= (size_t)done;
	}
	return ERR_OK;
}

enum err sealfile_create(
    const char *path, const uint8_t key[GCM_KEY_SIZE], struct uuid id, struct sealfile **ret_file)
{
	struct sealfile *file = calloc(1, sizeof(*file));
	enum err err = ERR_OK;

	if (file == NULL)
		return ERR_NOMEM;
	file_begin(file, key, id);
	file->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->fd < 0)
		err = error_of_disk();
	if (err == ERR_OK) {
		err = write_all(file->fd, file->header, HEADER_SIZE);
		if (err != ERR_OK)
			(void)unlink(path);
	}
	if (err != ERR_OK)
		sealfile_free(&file);
	else
		*ret_file = file;
	return err;
}

static enum err put_chunk(struct sealfile *file, bool is_last)
{
	uint8_t nonce[GCM_NONCE_SIZE];

	make_nonce(file->number, is_last, nonce);
	enum err err = gcm_seal(file->key, nonce, file->header, HEADER_SIZE, file->plain, file->len,
	    file->sealed, file->sealed + file->len);
	if (err == ERR_OK)
		err = write_all(file->fd, file->sealed, file->len + GCM_TAG_SIZE);
	file->number++;
	file->len = 0;
	return err;
}

enum err sealfile_write(struct sealfile *file, const void *data, size_t len_bytes)
{
	const uint8_t *from = data;

	while (len_bytes > 0) {
		/* A full chunk goes at once; the last one is shorter, or empty. */
		size_t room = SEALFILE_CHUNK - file->len;
		size_t part = len_bytes < room ? len_bytes : room;
		memcpy(file->plain + file->len, from, part);
		file->len += part;
		from += part;
		len_bytes -= part;
		enum err err = file->len == SEALFILE_CHUNK ? put_chunk(file, false) : ERR_OK;
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err sealfile_finish(struct sealfile *file)
{
	enum err err = put_chunk(file, true);

	return err == ERR_OK && fsync(file->fd) != 0 ? error_of_disk() : err;
}

void sealfile_free(struct sealfile **file)
{
	if (file == NULL || *file == NULL)
		return;
	if ((*file)->fd >= 0)
		(void)close((*file)->fd);
	wipe(*file, sizeof(**file));
	free(*file);
	*file = NULL;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Opens what has been gathered. A chunk that is not full is the last one, and a full one is not: the tag
 * says so too. */
static enum err open_chunk(struct sealopen *seal, bool is_last)
{
	struct sealfile *file = &seal->file;
	uint8_t nonce[GCM_NONCE_SIZE];

	if (file->len < GCM_TAG_SIZE)
		return ERR_TAMPERED;
	size_t len = file->len - GCM_TAG_SIZE;
	make_nonce(file->number++, is_last, nonce);
	file->len = 0;
	enum err err = gcm_open(file->key, nonce, file->header, HEADER_SIZE, file->sealed, len,
	    file->sealed + len, file->plain);
	return err == ERR_OK && len > 0 ? seal->sink(seal->arg, file->plain, len) : err;
}

enum err sealopen_new(const uint8_t key[GCM_KEY_SIZE], struct uuid id, sealfile_sink *sink,
    void *arg, struct sealopen **ret_seal)
{
	struct sealopen *seal = calloc(1, sizeof(*seal));

	if (seal == NULL)
		return ERR_NOMEM;
	file_begin(&seal->file, key, id);
	seal->sink = sink;
	seal->arg = arg;
	*ret_seal = seal;
	return ERR_OK;
}

/* Takes as much of a piece as completes the header; *ret_taken is how much that is. */
static enum err take_header(
    struct sealopen *seal, const uint8_t *data, size_t len, size_t *ret_taken)
{
	size_t room = HEADER_SIZE - seal->header_len;
	size_t part = len < room ? len : room;

	*ret_taken = part;
	if (memcmp(seal->file.header + seal->header_len, data, part) != 0)
		return ERR_TAMPERED;
	seal->header_len += part;
	return ERR_OK;
}

enum err sealopen_add(struct sealopen *seal, const void *data, size_t len_bytes)
{
	struct sealfile *file = &seal->file;
	const uint8_t *from = data;
	size_t part = 0;
	enum err err = ERR_OK;

	if (seal->header_len < HEADER_SIZE && len_bytes > 0)
		err = take_header(seal, from, len_bytes, &part);
	while (err == ERR_OK && (len_bytes -= part) > 0) {
		from += part;
		size_t room = SEALED_CHUNK - file->len;
		part = len_bytes < room ? len_bytes : room;
		memcpy(file->sealed + file->len, from, part);
		file->len += part;
		if (file->len == SEALED_CHUNK)
			err = open_chunk(seal, false);
	}
	return err;
}

enum err sealopen_end(struct sealopen *seal)
{
	return seal->header_len < HEADER_SIZE ? ERR_TAMPERED : open_chunk(seal, true);
}

void sealopen_free(struct sealopen **seal)
{
	if (seal == NULL || *seal == NULL)
		return;
	wipe(*seal, sizeof(**seal));
	free(*seal);
	*seal = NULL;
}

static enum err read_file(int fd, struct sealopen *seal)
{
	uint8_t piece[READ_SIZE];
	enum err err = ERR_OK;

	while (err == ERR_OK) {
		ssize_t got = read(fd, piece, sizeof(piece));
		if (got == 0)
			return sealopen_end(seal);
		if (got < 0 && errno != EINTR)
			return ERR_IO;
		if (got > 0)
			err = sealopen_add(seal, piece, (size_t)got);
	}
	return err;
}

enum err sealfile_read(const char *path, const uint8_t key[GCM_KEY_SIZE], struct uuid id,
    sealfile_sink *sink, void *arg)
{
	struct sealopen *sealed = NULL;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? ERR_MISSING : ERR_IO;
	enum err err = sealopen_new(key, id, sink, arg, &sealed);
	if (err == ERR_OK)
		err = read_file(fd, sealed);
	sealopen_free(&sealed);
	(void)close(fd);
	return err;
}

uint64_t sealfile_size(uint64_t content_bytes)
{
	return HEADER_SIZE + content_bytes + (content_bytes / SEALFILE_CHUNK + 1) * GCM_TAG_SIZE;
}
