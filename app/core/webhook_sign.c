/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_sign.c: secrets, signatures and header lines of webhooks, and their check. */
#include "base.h"
#include "webhook_sign.h"

#include <inttypes.h>
#include <string.h>

#include "buf.h"
#include "crypt.h"
#include "limits.h"
#include "str.h"

#define SECRET_PREFIX "whsec_"
#define KEY_PREFIX "whsk_"
#define PUBLIC_PREFIX "whpk_"

#define TIME_MAX_S 253402300799 /* the last second of the year 9999 */
#define TIME_DIGITS 12

/* ---- text forms ------------------------------------------------------------------------------- */

/* prefix and base64 into out, which has room for it. */
static void text_write(const char *prefix, const uint8_t *data, size_t len, char *out)
{
	size_t prefix_len = strlen(prefix);

	memcpy(out, prefix, prefix_len);
	base64_encode(data, len, out + prefix_len);
}

/* The inverse; at most size bytes. On failure out may hold part of a secret: the caller wipes. */
static enum err text_read(const char *prefix, const char *text, size_t text_len, uint8_t *out,
    size_t size, size_t *ret_len)
{
	size_t prefix_len = strlen(prefix);

	if (text_len < prefix_len || memcmp(text, prefix, prefix_len) != 0 ||
	    base64_decode(text + prefix_len, text_len - prefix_len, out, size, ret_len) != ERR_OK)
		return ERR_SYNTAX;
	return ERR_OK;
}

enum err webhook_secret_make(struct webhook_secret *ret_secret)
{
	struct webhook_secret secret = { .key_len = WEBHOOK_SECRET_BYTES };
	enum err err = random_bytes(secret.key, secret.key_len);

	if (err == ERR_OK) {
		text_write(SECRET_PREFIX, secret.key, secret.key_len, secret.text);
		*ret_secret = secret;
	}
	webhook_secret_wipe(&secret);
	return err;
}

enum err webhook_secret_parse(const char *text, size_t text_len, struct webhook_secret *ret_secret)
{
	struct webhook_secret secret = { .key_len = 0 };
	enum err err = text_read(
	    SECRET_PREFIX, text, text_len, secret.key, sizeof(secret.key), &secret.key_len);

	if (err == ERR_OK && secret.key_len < WEBHOOK_SECRET_MIN)
		err = ERR_SYNTAX;
	if (err == ERR_OK) {
		text_write(SECRET_PREFIX, secret.key, secret.key_len, secret.text);
		*ret_secret = secret;
	}
	webhook_secret_wipe(&secret);
	return err;
}

void webhook_secret_wipe(struct webhook_secret *secret)
{
	if (secret != NULL)
		wipe(secret, sizeof(*secret));
}

enum err webhook_key_make(struct webhook_key *ret_key)
{
	return ed25519_generate(ret_key->pair);
}

/* A private key whose public half is another's would sign what nobody can check. */
static enum err pair_check(const uint8_t pair[ED25519_PAIR_SIZE])
{
	uint8_t expected[ED25519_PUBLIC_SIZE];
	enum err err = ed25519_public(pair, expected);

	if (err == ERR_OK && memcmp(expected, pair + ED25519_SEED_SIZE, sizeof(expected)) != 0)
		err = ERR_SYNTAX;
	return err;
}

enum err webhook_key_parse(const char *text, size_t text_len, struct webhook_key *ret_key)
{
	struct webhook_key key;
	size_t len = 0;
	enum err err = text_read(KEY_PREFIX, text, text_len, key.pair, sizeof(key.pair), &len);

	if (err == ERR_OK && len != sizeof(key.pair))
		err = ERR_SYNTAX;
	if (err == ERR_OK)
		err = pair_check(key.pair);
	if (err == ERR_OK)
		*ret_key = key;
	webhook_key_wipe(&key);
	return err;
}

void webhook_key_text(const struct webhook_key *key, char out[WEBHOOK_KEY_TEXT_SIZE])
{
	text_write(KEY_PREFIX, key->pair, sizeof(key->pair), out);
}

void webhook_key_public_text(const struct webhook_key *key, char out[WEBHOOK_PUBLIC_TEXT_SIZE])
{
	text_write(PUBLIC_PREFIX, key->pair + ED25519_SEED_SIZE, ED25519_PUBLIC_SIZE, out);
}

void webhook_key_wipe(struct webhook_key *key)
{
	if (key != NULL)
		wipe(key, sizeof(*key));
}

enum err webhook_public_parse(
    const char *text, size_t text_len, uint8_t ret_public[ED25519_PUBLIC_SIZE])
{
	uint8_t key[ED25519_PUBLIC_SIZE];
	size_t len = 0;
	enum err err = text_read(PUBLIC_PREFIX, text, text_len, key, sizeof(key), &len);

	if (err == ERR_OK && len != sizeof(key))
		err = ERR_SYNTAX;
	if (err == ERR_OK)
		memcpy(ret_public, key, sizeof(key));
	return err;
}

/* ---- what is signed ----------------------------------------------------------------------------- */

/* {id}.{timestamp}.{body}; what stands behind the id and its dot is what X-Kayle-Signature signs. */
static enum err signed_bytes(
    const char *id, int64_t timestamp_s, const void *body, size_t body_len, struct buf *out)
{
	if (body_len > LIMIT_WEBHOOK_BODY)
		return ERR_FULL;
	buf_printf(out, "%s.%" PRId64 ".", id, timestamp_s);
	buf_add(out, body, body_len);
	/* The cap has room for this much, so only memory can be out. */
	return buf_failed(out) ? ERR_NOMEM : ERR_OK;
}

static void signed_init(struct buf *out)
{
	buf_init(out, LIMIT_WEBHOOK_WORD + 1 + TIME_DIGITS + 1 + LIMIT_WEBHOOK_BODY);
}

/* ---- signing ------------------------------------------------------------------------------------ */

#define V1_SIZE (sizeof(" v1,") + BASE64_SIZE(SHA256_SIZE))
#define V1A_SIZE (sizeof(" v1a,") + BASE64_SIZE(ED25519_SIGNATURE_SIZE))

/* The parts of webhook-signature, the last two with a blank in front; "" for one that is not. */
struct signatures {
	char current[V1_SIZE];
	char previous[V1_SIZE];
	char v1a[V1A_SIZE];
};

static enum err v1_make(
    const struct webhook_secret *secret, const struct buf *text, const char *label, char *out)
{
	uint8_t mac[SHA256_SIZE];
	enum err err = hmac_sha256(secret->key, secret->key_len, text->data, text->len, mac);

	if (err == ERR_OK)
		text_write(label, mac, sizeof(mac), out);
	return err;
}

static enum err v1a_make(const struct webhook_key *key, const struct buf *text, char *out)
{
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	enum err err = ed25519_sign(key->pair, text->data, text->len, signature);

	if (err == ERR_OK)
		text_write(" v1a,", signature, sizeof(signature), out);
	return err;
}

static enum err signatures_make(
    const struct webhook_signer *signer, const struct buf *text, struct signatures *ret_made)
{
	struct signatures made = { .current = "" };
	enum err err = v1_make(signer->current, text, "v1,", made.current);

	if (err == ERR_OK && signer->previous != NULL)
		err = v1_make(signer->previous, text, " v1,", made.previous);
	if (err == ERR_OK && signer->key != NULL)
		err = v1a_make(signer->key, text, made.v1a);
	if (err == ERR_OK)
		*ret_made = made;
	return err;
}

/* Header lines as they are collected. A line that finds no memory leaves the arena overflowed,
 * which is asked once, at the end. */
struct lines {
	struct arena *arena;
	const char **at; /* WEBHOOK_LINES_MAX of them and a NULL */
	size_t count;
};

static void line_add(struct lines *lines, const char *name, const char *value)
{
	const char *line = arena_printf(lines->arena, "%s: %s", name, value);

	if (line != NULL && lines->count < WEBHOOK_LINES_MAX)
		lines->at[lines->count++] = line;
}

static enum err standard_lines(const struct webhook_signer *signer,
    const struct webhook_message *message, const struct buf *text, struct lines *lines)
{
	struct signatures made;
	enum err err = signatures_make(signer, text, &made);

	if (err != ERR_OK)
		return err;
	line_add(lines, "webhook-id", message->id);
	line_add(lines, "webhook-timestamp",
	    arena_printf(lines->arena, "%" PRId64, message->timestamp_s));
	line_add(lines, "webhook-signature",
	    arena_printf(lines->arena, "%s%s%s", made.current, made.previous, made.v1a));
	return ERR_OK;
}

/* reference/kayle.md section 8, point 5. */
static enum err session_lines(const struct webhook_signer *signer,
    const struct webhook_message *message, const struct buf *text, struct lines *lines)
{
	size_t skip = strlen(message->id) + 1;
	const char *secret = signer->current->text;
	uint8_t mac[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	enum err err =
	    hmac_sha256(secret, strlen(secret), text->data + skip, text->len - skip, mac);

	if (err != ERR_OK)
		return err;
	hex_encode(mac, sizeof(mac), hex);
	line_add(lines, "X-Kayle-Delivery-Id", message->delivery_id);
	line_add(lines, "X-Kayle-Event", message->event);
	line_add(lines, "X-Kayle-Signature",
	    arena_printf(lines->arena, "t=%" PRId64 ",v1=%s", message->timestamp_s, hex));
	return ERR_OK;
}

/* What may stand in a header line as it is: visible ASCII, so neither CR nor LF nor a blank. */
static bool word_valid(const char *word)
{
	size_t len = word != NULL ? strnlen(word, LIMIT_WEBHOOK_WORD + 1) : 0;

	if (len == 0 || len > LIMIT_WEBHOOK_WORD)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (word[i] < 0x21 || word[i] > 0x7e)
			return false;
	}
	return true;
}

/* A '.' in the id would let the parts of what is signed be divided in more than one way. */
static bool id_valid(const char *id)
{
	return word_valid(id) && strchr(id, '.') == NULL;
}

static enum err message_check(
    const struct webhook_signer *signer, const struct webhook_message *message)
{
	if (!id_valid(message->id))
		return ERR_SYNTAX;
	if (signer->session_headers &&
	    (!word_valid(message->delivery_id) || !word_valid(message->event)))
		return ERR_SYNTAX;
	if (message->timestamp_s < 0 || message->timestamp_s > TIME_MAX_S)
		return ERR_RANGE;
	return ERR_OK;
}

enum err webhook_sign(const struct webhook_signer *signer, const struct webhook_message *message,
    struct arena *arena, const char *const **ret_lines)
{
	struct lines lines = { .arena = arena };
	struct buf text;
	enum err err = message_check(signer, message);

	signed_init(&text);
	if (err == ERR_OK)
		err = signed_bytes(
		    message->id, message->timestamp_s, message->body, message->body_len, &text);
	if (err != ERR_OK)
		goto out;
	lines.at = arena_array(arena, WEBHOOK_LINES_MAX + 1, sizeof(*lines.at));
	if (lines.at == NULL) {
		err = ERR_NOMEM;
		goto out;
	}
	err = standard_lines(signer, message, &text, &lines);
	if (err == ERR_OK && signer->session_headers)
		err = session_lines(signer, message, &text, &lines);
	if (err == ERR_OK && signer->legacy_secret_header)
		line_add(&lines, "deepidv-signature", signer->current->text);
	if (err == ERR_OK && arena_overflowed(arena))
		err = ERR_NOMEM;
	if (err == ERR_OK)
		*ret_lines = lines.at;
out:
	buf_free(&text);
	return err;
}

/* ---- the receiver's side ------------------------------------------------------------------------ */

static bool is_empty(const char *text)
{
	return text == NULL || text[0] == '\0';
}

/* Everything but the signatures themselves; on success out holds the signed bytes. */
static enum err received_check(
    const struct webhook_received *received, int64_t now_s, int64_t tolerance_s, struct buf *out)
{
	int64_t timestamp_s = 0;

	if (is_empty(received->id) || is_empty(received->timestamp) ||
	    is_empty(received->signature))
		return ERR_MISSING;
	if (!id_valid(received->id) ||
	    strnlen(received->signature, LIMIT_WEBHOOK_SIGNATURE + 1) > LIMIT_WEBHOOK_SIGNATURE ||
	    str_to_i64(received->timestamp, 0, TIME_MAX_S, &timestamp_s) != ERR_OK)
		return ERR_SYNTAX;
	if (now_s > timestamp_s && now_s - timestamp_s > tolerance_s)
		return ERR_SIGNATURE_OLD;
	if (timestamp_s > now_s && timestamp_s - now_s > tolerance_s)
		return ERR_SIGNATURE_EARLY;
	return signed_bytes(received->id, timestamp_s, received->body, received->body_len, out);
}

/*
 * Takes entries "version,base64" off *list until one has this version and exactly size bytes,
 * which it writes to out. False at the end. What it cannot read it passes over, as the
 * specification wants of versions yet to come.
 */
static bool signature_next(const char **list, const char *version, uint8_t *out, size_t size)
{
	size_t version_len = strlen(version), len = 0;

	while (**list != '\0') {
		const char *entry = *list;
		size_t entry_len = strcspn(entry, " ");

		*list += entry_len + (entry[entry_len] == ' ');
		if (entry_len <= version_len || strncmp(entry, version, version_len) != 0 ||
		    entry[version_len] != ',')
			continue;
		if (base64_decode(entry + version_len + 1, entry_len - version_len - 1, out, size,
			&len) == ERR_OK &&
		    len == size)
			return true;
	}
	return false;
}

enum err webhook_verify(const struct webhook_secret *secret,
    const struct webhook_received *received, int64_t now_s, int64_t tolerance_s)
{
	uint8_t expected[SHA256_SIZE], given[SHA256_SIZE];
	const char *list = received->signature;
	bool fits = false;
	struct buf text;
	enum err err;

	signed_init(&text);
	err = received_check(received, now_s, tolerance_s, &text);
	if (err == ERR_OK)
		err = hmac_sha256(secret->key, secret->key_len, text.data, text.len, expected);
	if (err == ERR_OK) {
		while (signature_next(&list, "v1", given, sizeof(given)))
			fits |= equal_secret(expected, sizeof(expected), given, sizeof(given));
		err = fits ? ERR_OK : ERR_SIGNATURE_WRONG;
	}
	wipe(expected, sizeof(expected));
	buf_free(&text);
	return err;
}

enum err webhook_verify_public(const uint8_t public_key[ED25519_PUBLIC_SIZE],
    const struct webhook_received *received, int64_t now_s, int64_t tolerance_s)
{
	uint8_t given[ED25519_SIGNATURE_SIZE];
	const char *list = received->signature;
	struct buf text;
	enum err err;

	signed_init(&text);
	err = received_check(received, now_s, tolerance_s, &text);
	if (err == ERR_OK) {
		err = ERR_SIGNATURE_WRONG;
		while (err == ERR_SIGNATURE_WRONG &&
		       signature_next(&list, "v1a", given, sizeof(given))) {
			err = ed25519_verify(public_key, text.data, text.len, given);
			if (err == ERR_TAMPERED)
				err = ERR_SIGNATURE_WRONG;
		}
	}
	buf_free(&text);
	return err;
}
