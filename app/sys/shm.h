/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shm.h owns memory shared between a master and its workers (MAP_SHARED), optionally backed by
 * a file so that another program can read it (the scoreboard). What is inside belongs to the
 * caller; use the C11 atomics on it.
 */
#ifndef BONAFIDE_SHM_H
#define BONAFIDE_SHM_H

#include "base.h"

struct shm {
	void *base;        /* the memory, zeroed at creation; NULL when not mapped */
	size_t size_bytes; /* rounded up to pages */
};

/*
 * Maps size zeroed bytes that forks share. path "" or NULL: anonymous. Else a file is created
 * beside path and renamed over it (mode 0640), so a reader never sees a half-written page and a
 * second pool never scribbles in the first one's. ERR_IO.
 */
enum err shm_create(const char *path, size_t size_bytes, struct shm *ret_shm) MUST_CHECK;

/* Maps an existing file read-only; size must be at least min_bytes. ERR_MISSING, ERR_IO,
 * ERR_SYNTAX (too small). */
enum err shm_attach(const char *path, size_t min_bytes, struct shm *ret_shm) MUST_CHECK;

/* Unmaps; accepts an unmapped one. */
void shm_close(struct shm *shm);

#endif
