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

struct sealfile {
	int fd;
	uint8_t key[GCM_KEY_SIZE];
	uint8_t header[HEADER_SIZE];
	uint64_t number; /* of the chunk that is being filled */
	size_t len;      /* what is in it */
	uint8_t plain[SEALFILE_CHUNK];
	uint8_t sealed[SEALED_CHUNK];
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

static struct sealfile *file_new(const uint8_t key[GCM_KEY_SIZE], struct uuid id)
{
	struct sealfile *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return NULL;
	file->fd = -1;
	memcpy(file->key, key, GCM_KEY_SIZE);
	make_header(id, file->header);
	return file;
}

enum err sealfile_create(
    const char *path, const uint8_t key[GCM_KEY_SIZE], struct uuid id, struct sealfile **ret_file)
{
	struct sealfile *file = file_new(key, id);
	enum err err = ERR_OK;

	if (file == NULL)
		return ERR_NOMEM;
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

/* Up to size bytes; fewer only at the end of the file. */
static enum err read_up_to(int fd, uint8_t *out, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, out + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return ERR_OK;
}

/* A chunk that is not full is the last one, and a full one is not: the tag says so too. */
static enum err read_chunks(struct sealfile *file, sealfile_sink *sink, void *arg)
{
	bool is_last = false;
	enum err err = ERR_OK;

	while (err == ERR_OK && !is_last) {
		uint8_t nonce[GCM_NONCE_SIZE];
		size_t len = 0;
		err = read_up_to(file->fd, file->sealed, SEALED_CHUNK, &len);
		if (err == ERR_OK && len < GCM_TAG_SIZE)
			err = ERR_TAMPERED;
		if (err != ERR_OK)
			break;
		is_last = len < SEALED_CHUNK;
		len -= GCM_TAG_SIZE;
		make_nonce(file->number++, is_last, nonce);
		err = gcm_open(file->key, nonce, file->header, HEADER_SIZE, file->sealed, len,
		    file->sealed + len, file->plain);
		if (err == ERR_OK && len > 0)
			err = sink(arg, file->plain, len);
	}
	return err;
}

enum err sealfile_read(const char *path, const uint8_t key[GCM_KEY_SIZE], struct uuid id,
    sealfile_sink *sink, void *arg)
{
	struct sealfile *file = file_new(key, id);
	uint8_t header[HEADER_SIZE];
	size_t len = 0;
	enum err err = ERR_OK;

	if (file == NULL)
		return ERR_NOMEM;
	file->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (file->fd < 0)
		err = errno == ENOENT ? ERR_MISSING : ERR_IO;
	if (err == ERR_OK)
		err = read_up_to(file->fd, header, HEADER_SIZE, &len);
	if (err == ERR_OK && (len != HEADER_SIZE || memcmp(header, file->header, HEADER_SIZE) != 0))
		err = ERR_TAMPERED;
	if (err == ERR_OK)
		err = read_chunks(file, sink, arg);
	sealfile_free(&file);
	return err;
}
