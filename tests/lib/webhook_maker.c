/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_maker.c: signed and encrypted webhooks for verifiers that are not ours
 * (tests/system/test_webhook_sign.py). It writes one JSON object per line.
 *
 *   webhook_maker sign COUNT
 *       random UTF-8 bodies signed for this moment: {id, timestamp, signature, secret,
 *       body_base64}; every second one also with "previous" (the secret before a rotation),
 *       every third one also with "public" (whpk_…, for the v1a signature).
 *   webhook_maker jwe COUNT KID JWK
 *       random UTF-8 texts encrypted to the public key: {kid, jwk, plain_base64, jwe}; jwk is the
 *       key as it is kept.
 *
 * Exit status 0; 1 when something failed, 2 when the words are wrong.
 */
#include "base.h"
#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "crypt.h"
#include "jose.h"
#include "json.h"
#include "str.h"
#include "webhook_sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHARACTERS_MAX 1024
#define TEXT_MAX (4 * CHARACTERS_MAX)
#define LINE_MAX_BYTES (1 << 18)

/* A random code point, as often of one byte as of two, three or four. */
static uint32_t code_point(uint32_t drawn)
{
	uint32_t value = drawn >> 2;

	switch (drawn & 3) {
	case 0:
		return value % 0x80;
	case 1:
		return 0x80 + value % (0x800 - 0x80);
	case 2:
		/* The surrogates are no characters; what would fall on them goes behind them. */
		value = 0x800 + value % (0x10000 - 0x800 - 0x800);
		return value < 0xd800 ? value : value + 0x800;
	default:
		return 0x10000 + value % 0x100000;
	}
}

static void put_code_point(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | c >> 18));
		buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* least to CHARACTERS_MAX random characters. */
static enum err put_random_text(struct buf *out, uint32_t least)
{
	static uint32_t drawn[CHARACTERS_MAX];
	uint32_t count;
	enum err err = random_below(CHARACTERS_MAX + 1 - least, &count);

	if (err == ERR_OK)
		err = random_bytes(drawn, sizeof(drawn));
	for (uint32_t i = 0; err == ERR_OK && i < least + count; i++)
		put_code_point(out, code_point(drawn[i]));
	return err == ERR_OK ? buf_err(out) : err;
}

static enum err put_base64(json_t *object, const char *member, const struct buf *data)
{
	static char text[BASE64_SIZE(TEXT_MAX)];

	base64_encode(data->data, data->len, text);
	return json_put_text(object, member, text);
}

/* Writes the object as a line and lets go of it. */
static enum err line_print(json_t *object)
{
	struct buf line;
	enum err err;

	buf_init(&line, LINE_MAX_BYTES);
	err = json_write(object, &line);
	buf_addc(&line, '\n');
	if (err == ERR_OK && fwrite(line.data, 1, line.len, stdout) != line.len)
		err = ERR_IO;
	buf_free(&line);
	json_decref(object);
	return err;
}

/* ---- sign --------------------------------------------------------------------------------------- */

/* The value behind "Name: ". */
static const char *value_of(const char *line)
{
	return strstr(line, ": ") + 2;
}

/* One message with its keys; the arena holds the header lines. */
struct made {
	struct webhook_secret current;
	struct webhook_secret previous;
	struct webhook_key key;
	struct webhook_signer signer;
	struct buf body;
	const char *const *lines;
};

static enum err message_make(struct made *made, uint64_t index, struct arena *arena)
{
	struct webhook_message message = { .timestamp_s = clock_now_ms() / 1000 };
	enum err err = put_random_text(&made->body, 0);

	if (err == ERR_OK)
		err = webhook_secret_make(&made->current);
	if (err == ERR_OK)
		err = webhook_secret_make(&made->previous);
	if (err == ERR_OK)
		err = webhook_key_make(&made->key);
	if (err != ERR_OK)
		return err;
	message.id = arena_printf(arena, "evt_%" PRIu64, index);
	message.body = made->body.data;
	message.body_len = made->body.len;
	made->signer = (struct webhook_signer){
		.current = &made->current,
		.previous = index % 2 == 0 ? &made->previous : NULL,
		.key = index % 3 == 0 ? &made->key : NULL,
	};
	return webhook_sign(&made->signer, &message, arena, &made->lines);
}

static enum err message_print(const struct made *made)
{
	json_t *object = json_object();
	char public_text[WEBHOOK_PUBLIC_TEXT_SIZE];
	enum err err = json_put_text(object, "id", value_of(made->lines[0]));

	if (err == ERR_OK)
		err = json_put_text(object, "timestamp", value_of(made->lines[1]));
	if (err == ERR_OK)
		err = json_put_text(object, "signature", value_of(made->lines[2]));
	if (err == ERR_OK)
		err = json_put_text(object, "secret", made->current.text);
	if (err == ERR_OK && made->signer.previous != NULL)
		err = json_put_text(object, "previous", made->previous.text);
	webhook_key_public_text(&made->key, public_text);
	if (err == ERR_OK && made->signer.key != NULL)
		err = json_put_text(object, "public", public_text);
	if (err == ERR_OK)
		err = put_base64(object, "body_base64", &made->body);
	if (err == ERR_OK)
		return line_print(object);
	json_decref(object);
	return err;
}

static enum err sign_all(uint64_t count)
{
	struct made made;
	struct arena *arena = NULL;
	enum err err = arena_new(1 << 16, &arena);

	buf_init(&made.body, TEXT_MAX);
	for (uint64_t i = 0; err == ERR_OK && i < count; i++) {
		buf_clear(&made.body);
		err = message_make(&made, i, arena);
		if (err == ERR_OK)
			err = message_print(&made);
		arena_reset(arena);
	}
	buf_free(&made.body);
	arena_free(&arena);
	return err;
}

/* ---- jwe ---------------------------------------------------------------------------------------- */

static enum err jwe_print(const struct jwe_key *key, const char *kid, json_t *clean)
{
	json_t *object = json_object();
	struct buf plain, jwe;
	enum err err;

	buf_init(&plain, TEXT_MAX);
	buf_init(&jwe, LINE_MAX_BYTES);
	/* Not nothing: jwcrypto 1.1 refuses that even when it has made it itself. */
	err = put_random_text(&plain, 1);
	if (err == ERR_OK)
		err = jwe_key_encrypt(key, kid, plain.data, plain.len, &jwe);
	if (err == ERR_OK)
		err = json_put_text(object, "kid", kid);
	if (err == ERR_OK)
		err = json_put(object, "jwk", json_incref(clean));
	if (err == ERR_OK)
		err = put_base64(object, "plain_base64", &plain);
	if (err == ERR_OK)
		err = json_put_text(object, "jwe", buf_str(&jwe));
	if (err == ERR_OK)
		err = line_print(json_incref(object));
	json_decref(object);
	buf_free(&plain);
	buf_free(&jwe);
	return err;
}

static enum err jwe_all(uint64_t count, const char *kid, const char *jwk_text)
{
	json_t *jwk = NULL, *clean = NULL;
	struct jwe_key *key = NULL;
	const char *problem = NULL;
	enum err err = json_read(jwk_text, strlen(jwk_text), &jwk, NULL);

	if (err == ERR_OK)
		err = jwk_public_check(jwk, &clean, &problem);
	if (problem != NULL)
		(void)fprintf(stderr, "webhook_maker: %s\n", problem);
	if (err == ERR_OK)
		err = jwe_key_parse(clean, &key);
	for (uint64_t i = 0; err == ERR_OK && i < count; i++)
		err = jwe_print(key, kid, clean);
	jwe_key_free(&key);
	json_decref(clean);
	json_decref(jwk);
	return err;
}

int main(int argc, char **argv)
{
	int64_t count = 0;
	enum err err;

	if (argc < 3 || str_to_i64(argv[2], 0, 10000000, &count) != ERR_OK) {
		(void)fprintf(stderr, "usage: webhook_maker sign COUNT | jwe COUNT KID JWK\n");
		return 2;
	}
	if (argc == 3 && strcmp(argv[1], "sign") == 0)
		err = sign_all((uint64_t)count);
	else if (argc == 5 && strcmp(argv[1], "jwe") == 0)
		err = jwe_all((uint64_t)count, argv[3], argv[4]);
	else
		return 2;
	if (err == ERR_OK && fflush(stdout) != 0)
		err = ERR_IO;
	if (err != ERR_OK)
		(void)fprintf(stderr, "webhook_maker: %s\n", err_sentence(err));
	return err == ERR_OK ? 0 : 1;
}
