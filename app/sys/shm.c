/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared pages. The blocks of a file are reserved before it is mapped: on a full file system a
 * write to a page without a block would end the process with SIGBUS.
 */
#include "base.h"
#include "limits.h"
#include "shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t page_round(size_t size_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size_bytes + page - 1) / page * page;
}

/* Makes the file beside path, maps it, and puts it in place. */
static enum err create_file(const char *path, size_t size_bytes, void **ret_base)
{
	char beside[LIMIT_SETTING + 8];
	void *base = MAP_FAILED;
	int fd;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= sizeof(beside))
		return ERR_IO;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	if (posix_fallocate(fd, 0, (off_t)size_bytes) == 0 && fchmod(fd, 0640) == 0)
		base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (base == MAP_FAILED || rename(beside, path) != 0) {
		if (base != MAP_FAILED)
			(void)munmap(base, size_bytes);
		(void)unlink(beside);
		return ERR_IO;
	}
	*ret_base = base;
	return ERR_OK;
}

enum err shm_create(const char *path, size_t size_bytes, struct shm *ret_shm)
{
	size_t size = page_round(size_bytes);
	void *base = NULL;

	if (size < size_bytes || size == 0)
		return ERR_IO;
	if (path != NULL && path[0] != '\0') {
		enum err err = create_file(path, size, &base);

		if (err != ERR_OK)
			return err;
	} else {
		base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (base == MAP_FAILED)
			return ERR_IO;
	}
	ret_shm->base = base;
	ret_shm->size_bytes = size;
	return ERR_OK;
}

enum err shm_attach(const char *path, size_t min_bytes, struct shm *ret_shm)
{
	struct stat st;
	void *base;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == ENOENT ? ERR_MISSING : ERR_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return ERR_IO;
	}
	if (st.st_size <= 0 || (uintmax_t)st.st_size < min_bytes) {
		(void)close(fd);
		return ERR_SYNTAX;
	}
	base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (base == MAP_FAILED)
		return ERR_IO;
	ret_shm->base = base;
	ret_shm->size_bytes = (size_t)st.st_size;
	return ERR_OK;
}

void shm_close(struct shm *shm)
{
	if (shm->base == NULL)
		return;
	(void)munmap(shm->base, shm->size_bytes);
	shm->base = NULL;
	shm->size_bytes = 0;
}
