/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys in memory and what they do. Deriving a sub-key costs more than sealing a name, so
 * sub-keys are kept, one per key number and purpose.
 */
#include "base.h"
#include "keyring.h"
#include "keyring_file.h"
#include "limits.h"

#include <stdio.h>
#include <string.h>

#define SEAL_VERSION 1
#define SEAL_HEADER (1 + 4) /* version and key number; the nonce follows */
#define PURPOSE_MAX 63

/* More pairs of key number and purpose than a process meets outside of a rotation. */
#define SUB_KEYS 32

struct sub_key {
	uint32_t number; /* 0: free */
	char purpose[PURPOSE_MAX + 1];
	uint8_t key[GCM_KEY_SIZE];
};

struct keyring {
	char master_path[LIMIT_SETTING + 1];
	struct file_version version; /* of the master key file */
	struct key_list list;
	uint8_t pepper[PEPPER__MAX][SHA256_SIZE];
	struct sub_key sub_keys[SUB_KEYS];
	size_t next; /* the sub-key to give up next */
};

static enum err derive_pepper(struct keyring *keyring, const uint8_t pepper[GCM_KEY_SIZE])
{
	static const char *const labels[PEPPER__MAX] = {
		[PEPPER_API_KEY] = "bonafide pepper api-key",
		[PEPPER_INDEX] = "bonafide pepper index",
		[PEPPER_CURSOR] = "bonafide pepper cursor",
		[PEPPER_CALLBACK] = "bonafide pepper callback",
		[PEPPER_EMAIL] = "bonafide pepper email",
		[PEPPER_CODE] = "bonafide pepper code",
		[PEPPER_REFRESH] = "bonafide pepper refresh",
		[PEPPER_SESSION] = "bonafide pepper session",
		[PEPPER_DOCUMENT] = "bonafide pepper document",
		[PEPPER_MEDIA] = "bonafide pepper media",
	};

	for (size_t use = 0; use < PEPPER__MAX; use++) {
		enum err err = hkdf_sha256(pepper, GCM_KEY_SIZE, labels[use], keyring->pepper[use],
		    sizeof(keyring->pepper[use]));

		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static void reason_clear(char *reason, size_t size)
{
	if (size > 0)
		reason[0] = '\0';
}

/* Errors of the machine rather than of a file come without a sentence; give them ours. */
static void reason_complete(enum err err, char *reason, size_t size)
{
	if (err != ERR_OK && size > 0 && reason[0] == '\0')
		(void)snprintf(reason, size, "the keys cannot be loaded: %s", err_sentence(err));
}

enum err keyring_open(const char *master_key_path, const char *pepper_path,
    struct keyring **ret_keyring, char *ret_reason, size_t reason_size)
{
	uint8_t pepper[GCM_KEY_SIZE];
	struct keyring *keyring = NULL;
	void *memory = NULL;
	enum err err;

	reason_clear(ret_reason, reason_size);
	err = secret_new(sizeof(*keyring), &memory);
	if (err != ERR_OK)
		goto out;
	keyring = memory;
	err = keyring_read_master(
	    master_key_path, &keyring->list, &keyring->version, ret_reason, reason_size);
	if (err != ERR_OK)
		goto out;
	/* The file was read, so its path is neither NULL nor longer than the system allows. */
	if (strlen(master_key_path) >= sizeof(keyring->master_path)) {
		err = ERR_CONFIG;
		goto out;
	}
	memcpy(keyring->master_path, master_key_path, strlen(master_key_path) + 1);
	err = keyring_read_pepper(pepper_path, pepper, ret_reason, reason_size);
	if (err == ERR_OK)
		err = derive_pepper(keyring, pepper);
out:
	wipe(pepper, sizeof(pepper));
	if (err == ERR_OK)
		*ret_keyring = keyring;
	else
		secret_free(&memory, sizeof(*keyring));
	reason_complete(err, ret_reason, reason_size);
	return err;
}

void keyring_free(struct keyring **keyring)
{
	void *memory;

	if (keyring == NULL)
		return;
	memory = *keyring;
	*keyring = NULL;
	secret_free(&memory, sizeof(struct keyring));
}

uint32_t keyring_current(const struct keyring *keyring)
{
	return keyring->list.keys[keyring->list.count - 1].number;
}

size_t keyring_count(const struct keyring *keyring)
{
	return keyring->list.count;
}

uint32_t keyring_number(const struct keyring *keyring, size_t index)
{
	return index < keyring->list.count ? keyring->list.keys[index].number : 0;
}

static const struct master_key *master_find(const struct keyring *keyring, uint32_t number)
{
	for (size_t i = 0; i < keyring->list.count; i++)
		if (keyring->list.keys[i].number == number)
			return &keyring->list.keys[i];
	return NULL;
}

/*
 * Reads the master key file again when it has been replaced since. On any trouble the keys in
 * memory stay: they still open everything they opened before.
 */
static void keyring_refresh(struct keyring *keyring)
{
	void *memory = NULL;
	struct key_list *list;
	struct file_version version;

	if (!file_changed(keyring->master_path, &keyring->version) ||
	    secret_new(sizeof(*list), &memory) != ERR_OK)
		return;
	list = memory;
	if (keyring_read_master(keyring->master_path, list, &version, NULL, 0) == ERR_OK) {
		keyring->list = *list;
		keyring->version = version;
		wipe(keyring->sub_keys, sizeof(keyring->sub_keys));
	}
	secret_free(&memory, sizeof(*list));
}

/* The sub-key for a purpose, borrowed until the next call. ERR_NO_KEY, ERR_CRYPTO. */
static enum err sub_key_get(
    struct keyring *keyring, uint32_t number, const char *purpose, const uint8_t **ret_key)
{
	char label[sizeof("bonafide seal ") + PURPOSE_MAX];
	const struct master_key *master;
	struct sub_key *slot;
	enum err err;

	for (size_t i = 0; i < SUB_KEYS; i++) {
		slot = &keyring->sub_keys[i];
		if (slot->number == number && strcmp(slot->purpose, purpose) == 0) {
			*ret_key = slot->key;
			return ERR_OK;
		}
	}
	master = master_find(keyring, number);
	if (master == NULL)
		return ERR_NO_KEY;
	/* Writing gives a forked worker its own copy of the page, not yet locked. */
	secret_lock(keyring, sizeof(*keyring));
	slot = &keyring->sub_keys[keyring->next];
	keyring->next = (keyring->next + 1) % SUB_KEYS;
	slot->number = 0;
	(void)snprintf(label, sizeof(label), "bonafide seal %s", purpose);
	err = hkdf_sha256(master->key, sizeof(master->key), label, slot->key, sizeof(slot->key));
	if (err != ERR_OK)
		return err;
	(void)snprintf(slot->purpose, sizeof(slot->purpose), "%s", purpose);
	slot->number = number;
	*ret_key = slot->key;
	return ERR_OK;
}

#define AAD_SIZE (SEAL_HEADER + PURPOSE_MAX + 16)

/*
 * The associated data: header, purpose, row id. Only the purpose varies in length and it stands
 * between two parts of fixed length, so no two triples give the same bytes.
 */
static size_t aad_fill(
    uint8_t out[AAD_SIZE], const uint8_t *header, const char *purpose, struct uuid row_id)
{
	size_t purpose_len = strlen(purpose);

	memcpy(out, header, SEAL_HEADER);
	memcpy(out + SEAL_HEADER, purpose, purpose_len);
	memcpy(out + SEAL_HEADER + purpose_len, row_id.b, sizeof(row_id.b));
	return SEAL_HEADER + purpose_len + sizeof(row_id.b);
}

enum err seal_data(struct keyring *keyring, struct arena *arena, const char *purpose,
    struct uuid row_id, const void *data, size_t len_bytes, struct bytes *ret_sealed)
{
	uint8_t aad[AAD_SIZE];
	const uint8_t *key;
	uint8_t *sealed, *nonce, *text;
	uint32_t number = keyring_current(keyring);
	enum err err;

	if (strlen(purpose) > PURPOSE_MAX || len_bytes > LIMIT_SEALED - SEAL_OVERHEAD)
		return ERR_FULL;
	sealed = arena_alloc(arena, len_bytes + SEAL_OVERHEAD);
	if (sealed == NULL)
		return ERR_NOMEM;
	sealed[0] = SEAL_VERSION;
	for (unsigned i = 0; i < 4; i++)
		sealed[1 + i] = (uint8_t)(number >> (24 - 8 * i));
	nonce = sealed + SEAL_HEADER;
	text = nonce + GCM_NONCE_SIZE;
	/* Random nonces are safe for 2^32 messages under one sub-key (SP 800-38D section 8.3). */
	err = random_bytes(nonce, GCM_NONCE_SIZE);
	if (err == ERR_OK)
		err = sub_key_get(keyring, number, purpose, &key);
	if (err == ERR_OK)
		err = gcm_seal(key, nonce, aad, aad_fill(aad, sealed, purpose, row_id), data,
		    len_bytes, text, text + len_bytes);
	if (err != ERR_OK)
		return err;
	ret_sealed->data = sealed;
	ret_sealed->len = len_bytes + SEAL_OVERHEAD;
	return ERR_OK;
}

enum err seal_open(struct keyring *keyring, struct arena *arena, const char *purpose,
    struct uuid row_id, struct bytes sealed, struct bytes *ret_data)
{
	uint8_t aad[AAD_SIZE];
	const uint8_t *bytes = sealed.data;
	const uint8_t *key, *nonce, *text;
	uint32_t number = 0;
	uint8_t *data;
	size_t len;
	enum err err;

	if (bytes == NULL || sealed.len < SEAL_OVERHEAD || sealed.len > LIMIT_SEALED ||
	    bytes[0] != SEAL_VERSION)
		return ERR_SYNTAX;
	if (strlen(purpose) > PURPOSE_MAX)
		return ERR_FULL;
	for (unsigned i = 0; i < 4; i++)
		number = number << 8 | bytes[1 + i];
	if (number == 0)
		return ERR_SYNTAX;
	nonce = bytes + SEAL_HEADER;
	text = nonce + GCM_NONCE_SIZE;
	len = sealed.len - SEAL_OVERHEAD;
	data = arena_alloc(arena, len + 1);
	if (data == NULL)
		return ERR_NOMEM;
	err = sub_key_get(keyring, number, purpose, &key);
	if (err == ERR_NO_KEY) {
		keyring_refresh(keyring);
		err = sub_key_get(keyring, number, purpose, &key);
	}
	if (err == ERR_OK)
		err = gcm_open(key, nonce, aad, aad_fill(aad, bytes, purpose, row_id), text, len,
		    text + len, data);
	if (err != ERR_OK)
		return err;
	data[len] = '\0';
	ret_data->data = data;
	ret_data->len = len;
	return ERR_OK;
}

enum err pepper_mac(struct keyring *keyring, enum pepper_use use, const void *data,
    size_t len_bytes, uint8_t ret_mac[SHA256_SIZE])
{
	if ((unsigned)use >= PEPPER__MAX)
		return ERR_CRYPTO;
	return hmac_sha256(
	    keyring->pepper[use], sizeof(keyring->pepper[use]), data, len_bytes, ret_mac);
}
