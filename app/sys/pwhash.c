/* SPDX-License-Identifier: Apache-2.0 */
/* pwhash.c: libargon2, and a strict reading of what a stored hash asks for before it gets it. */
#include "base.h"
#include "crypt.h"
#include "limits.h"
#include "proc.h"
#include "pwhash.h"
#include "str.h"

#include <string.h>

#include <argon2.h>

#define SALT_BYTES 16
#define TAG_BYTES 32
/* What libargon2 can read and others may have written; the upper ends keep a text small. */
#define SALT_LEAST 8
#define TAG_LEAST 16
#define PART_MOST 64

#define HEAD "$argon2id$v=19$m="

/* A stored hash, read. */
struct parts {
	struct pwhash_cost cost;
	size_t salt_bytes;
	size_t tag_bytes;
};

static bool cost_usable(const struct pwhash_cost *cost)
{
	/* RFC 9106 section 3.1: at least 8 KiB for each lane. */
	return cost->passes >= 1 && cost->passes <= LIMIT_PWHASH_PASSES && cost->lanes >= 1 &&
	       cost->lanes <= LIMIT_PWHASH_LANES && cost->memory_kib >= 8 * cost->lanes &&
	       cost->memory_kib <= LIMIT_PWHASH_MEMORY_KIB;
}

/* Decimal digits without a leading zero, up to `end`; moves *text behind it. */
static enum err read_number(const char **text, char end, uint32_t *ret_number)
{
	size_t len = strspn(*text, "0123456789");
	uint64_t number = 0;

	if (len == 0 || len > 10 || (*text)[len] != end || (len > 1 && (*text)[0] == '0'))
		return ERR_SYNTAX;
	for (size_t i = 0; i < len; i++)
		number = number * 10 + (uint64_t)((*text)[i] - '0');
	if (number > UINT32_MAX)
		return ERR_RANGE;
	*text += len + 1;
	*ret_number = (uint32_t)number;
	return ERR_OK;
}

/* The text behind *text must begin so; moves behind that. */
static enum err read_word(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len) != 0)
		return ERR_SYNTAX;
	*text += len;
	return ERR_OK;
}

/* Base64 without padding (the alphabet of RFC 4648 section 4), as libargon2 writes it: how many
 * bytes it stands for. libargon2 itself refuses what is not canonical. */
static enum err read_base64(const char **text, char end, size_t least, size_t *ret_bytes)
{
	size_t len =
	    strspn(*text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	size_t bytes = len * 3 / 4;

	if ((*text)[len] != end || len % 4 == 1)
		return ERR_SYNTAX;
	if (bytes < least || bytes > PART_MOST)
		return ERR_RANGE;
	*text += len + (end != '\0');
	*ret_bytes = bytes;
	return ERR_OK;
}

static enum err read_parts(const char *text, struct parts *ret_parts)
{
	struct parts parts;
	enum err err = read_word(&text, HEAD);

	if (err == ERR_OK)
		err = read_number(&text, ',', &parts.cost.memory_kib);
	if (err == ERR_OK)
		err = read_word(&text, "t=");
	if (err == ERR_OK)
		err = read_number(&text, ',', &parts.cost.passes);
	if (err == ERR_OK)
		err = read_word(&text, "p=");
	if (err == ERR_OK)
		err = read_number(&text, '$', &parts.cost.lanes);
	if (err == ERR_OK)
		err = read_base64(&text, '$', SALT_LEAST, &parts.salt_bytes);
	if (err == ERR_OK)
		err = read_base64(&text, '\0', TAG_LEAST, &parts.tag_bytes);
	if (err == ERR_OK && !cost_usable(&parts.cost))
		err = ERR_RANGE;
	if (err == ERR_OK)
		*ret_parts = parts;
	return err;
}

/* libargon2's word as ours. */
static enum err err_of(int result)
{
	switch (result) {
	case ARGON2_OK:
		return ERR_OK;
	case ARGON2_MEMORY_ALLOCATION_ERROR:
		return ERR_NOMEM;
	case ARGON2_DECODING_FAIL:
	case ARGON2_DECODING_LENGTH_FAIL:
		return ERR_SYNTAX;
	default:
		return ERR_CRYPTO;
	}
}

/* From the second hash on the C library keeps the block of 19 MiB for the next one, and a worker that
 * has seen two passwords stays three times as large for the rest of its life. */
static void give_back(void)
{
	proc_trim_memory();
}

enum err pwhash_make(
    const struct pwhash_cost *cost, const char *password, char ret_text[PWHASH_TEXT_SIZE])
{
	char text[PWHASH_TEXT_SIZE];
	uint8_t salt[SALT_BYTES];
	enum err err = cost_usable(cost) ? random_bytes(salt, sizeof(salt)) : ERR_RANGE;

	if (err == ERR_OK)
		err = err_of(argon2id_hash_encoded(cost->passes, cost->memory_kib, cost->lanes,
		    password, strlen(password), salt, sizeof(salt), TAG_BYTES, text, sizeof(text)));
	give_back();
	if (err == ERR_OK)
		memcpy(ret_text, text, strlen(text) + 1);
	wipe(text, sizeof(text));
	return err;
}

enum err pwhash_check(const char *text, const char *password, bool *ret_fits)
{
	struct parts parts;
	enum err err = read_parts(text, &parts);

	if (err != ERR_OK)
		return err;
	int result = argon2id_verify(text, password, strlen(password));
	give_back();
	if (result != ARGON2_OK && result != ARGON2_VERIFY_MISMATCH)
		return err_of(result);
	*ret_fits = result == ARGON2_OK;
	return ERR_OK;
}

bool pwhash_is_current(const char *text, const struct pwhash_cost *cost)
{
	struct parts parts;

	return read_parts(text, &parts) == ERR_OK && parts.cost.memory_kib == cost->memory_kib &&
	       parts.cost.passes == cost->passes && parts.cost.lanes == cost->lanes &&
	       parts.salt_bytes == SALT_BYTES && parts.tag_bytes == TAG_BYTES;
}
