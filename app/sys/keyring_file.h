/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring_file.h owns the two secret files of keyring.h as files: their modes, their text, and
 * memory for what is in them that is locked and kept out of core dumps. Only keyring.c uses it.
 */
#ifndef BONAFIDE_KEYRING_FILE_H
#define BONAFIDE_KEYRING_FILE_H

#include "base.h"
#include "crypt.h"
#include "limits.h"

#include <sys/types.h>
#include <time.h>

struct master_key {
	uint32_t number;
	uint8_t key[GCM_KEY_SIZE];
};

/* Ascending by number; at least one. */
struct key_list {
	size_t count;
	struct master_key keys[LIMIT_SEAL_KEYS];
};

/* Which version of a file was read, to see without opening it that it has been replaced. */
struct file_version {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

/*
 * Zeroed memory for secrets: whole pages, locked and without core dump where the system allows.
 * Ended with secret_free(). ERR_NOMEM.
 */
enum err secret_new(size_t size_bytes, void **ret_memory) MUST_CHECK;

/* Locks it again: locks are not inherited by fork. Best effort. */
void secret_lock(void *memory, size_t size_bytes);

/* Wipes and gives back memory of secret_new() (same size); accepts NULL. */
void secret_free(void **memory, size_t size_bytes);

/* Reads the master key file into *ret_list, which the caller keeps in secret memory. Errors and
 * reason as keyring_open(). */
enum err keyring_read_master(const char *path, struct key_list *ret_list,
    struct file_version *ret_version, char *ret_reason, size_t reason_size) MUST_CHECK;

/* Reads the pepper file. Errors and reason as keyring_open(). */
enum err keyring_read_pepper(const char *path, uint8_t ret_pepper[GCM_KEY_SIZE], char *ret_reason,
    size_t reason_size) MUST_CHECK;

/* True when the file at path can be seen and is another version. */
bool file_changed(const char *path, const struct file_version *version);

#endif
