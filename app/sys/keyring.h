/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring.h owns the secrets that live in files outside the database (design section 5): the
 * master keys that seal personal data, by number, and the pepper. Both files belong to the
 * service's user and nobody else may read them (mode 0400 or 0600); a file with a wider mode is
 * refused.
 *
 * Master key file: lines "<number> <64 hex digits>", numbers from 1 up; '#' starts a comment.
 * The highest number seals; all of them open. Pepper file: one line of 64 hex digits.
 *
 * Sealed form: version 1 (one byte), key number (4 bytes, big-endian), nonce (12), ciphertext,
 * tag (16). The key is HKDF(master key, "bonafide seal <purpose>"), the associated data is the
 * header, the purpose and the row's id, so a value cannot be moved to another row or column.
 */
#ifndef BONAFIDE_KEYRING_H
#define BONAFIDE_KEYRING_H

#include "base.h"
#include "arena.h"
#include "crypt.h"
#include "dbstmt.h"
#include "uuid.h"

struct keyring;

/* Bytes sealing adds to the data. */
#define SEAL_OVERHEAD (1 + 4 + GCM_NONCE_SIZE + GCM_TAG_SIZE)

/* Sub-keys derived from the pepper, one per use. */
enum pepper_use {
	PEPPER_API_KEY,  /* hash of an API key at rest */
	PEPPER_INDEX,    /* blind index of an id number */
	PEPPER_CURSOR,   /* signature of a list cursor */
	PEPPER_CALLBACK, /* secret segment of a provider's callback address */
	PEPPER_EMAIL,    /* blind index of a mail address */
	PEPPER_CODE,     /* hash of a code that proves an address */
	PEPPER_REFRESH,  /* hash of a refresh token */
	PEPPER_SESSION,  /* hash of the tokens of a verification session */
	PEPPER_DOCUMENT, /* what a customer knows a document again by */
	PEPPER_MEDIA,    /* signature of a link to a medium */
	PEPPER__MAX
};

/*
 * Reads both files. On failure *ret_reason (size bytes, may be NULL with 0) says in a sentence
 * which file and what is wrong with it; it never contains key material. The memory is locked
 * and kept out of core dumps where the system allows. ERR_CONFIG (format, mode, owner), ERR_IO.
 */
enum err keyring_open(const char *master_key_path, const char *pepper_path,
    struct keyring **ret_keyring, char *ret_reason, size_t reason_size) MUST_CHECK;

/* Wipes and frees; accepts NULL. */
void keyring_free(struct keyring **keyring);

/* The number of the key that seals now. */
uint32_t keyring_current(const struct keyring *keyring);

/* How many master keys there are, and the number of each (ascending) through index. */
size_t keyring_count(const struct keyring *keyring);
uint32_t keyring_number(const struct keyring *keyring, size_t index);

/* Checks that both files exist, with safe modes, without reading keys into memory for long.
 * ERR_CONFIG, ERR_IO; ret_reason as above. */
enum err keyring_check_files(const char *master_key_path, const char *pepper_path, char *ret_reason,
    size_t reason_size) MUST_CHECK;

/* Creates both files (mode 0400) with fresh random keys; refuses when either exists (ERR_STATE). */
enum err keyring_create_files(const char *master_key_path, const char *pepper_path,
    char *ret_reason, size_t reason_size) MUST_CHECK;

/*
 * Adds a key with the next number to the master key file: a complete new file is written
 * beside it, synced and renamed over it, so a crash leaves the old or the new one.
 */
enum err keyring_add_key(const char *master_key_path, uint32_t *ret_number, char *ret_reason,
    size_t reason_size) MUST_CHECK;

/*
 * Seals data for one row. purpose: a short literal naming the column ("verification.applicant").
 * *ret_sealed lives in the arena. ERR_NOMEM, ERR_FULL (over LIMIT_SEALED), ERR_CRYPTO.
 */
enum err seal_data(struct keyring *keyring, struct arena *arena, const char *purpose,
    struct uuid row_id, const void *data, size_t len_bytes, struct bytes *ret_sealed) MUST_CHECK;

/*
 * Opens it again; *ret_data lives in the arena and has a NUL behind it. A key number that is
 * not in memory makes the file be read again once (the operator added a key). ERR_NO_KEY,
 * ERR_TAMPERED, ERR_SYNTAX (not a sealed value), ERR_NOMEM, ERR_CRYPTO.
 */
enum err seal_open(struct keyring *keyring, struct arena *arena, const char *purpose,
    struct uuid row_id, struct bytes sealed, struct bytes *ret_data) MUST_CHECK;

/* HMAC-SHA256 under the pepper's sub-key for this use. ERR_CRYPTO. */
enum err pepper_mac(struct keyring *keyring, enum pepper_use use, const void *data,
    size_t len_bytes, uint8_t ret_mac[SHA256_SIZE]) MUST_CHECK;

#endif
