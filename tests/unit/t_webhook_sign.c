/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_webhook_sign.c: the known answers of contract/webhooks.md and of the references, the header
 * lines of each kind of endpoint, rotation, and everything a receiver must refuse.
 */
#include "base.h"
#include "arena.h"
#include "limits.h"
#include "str.h"
#include "webhook_sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BARE_1 "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define BARE_2 "plJ3nmyCDGBKInavdOK15jsl"
#define SECRET_1 "whsec_" BARE_1
#define SECRET_2 "whsec_" BARE_2
#define V1_1 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define V1_2 "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
#define KEY_1 \
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6" \
	"Kvg=="
#define PUBLIC_1 "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
#define V1A_1 \
	"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TB" \
	"Ag=="
#define TIME_1 1614265330

static const struct webhook_message message_1 = {
	.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
	.timestamp_s = TIME_1,
	.body = "{\"test\": 2432232314}",
	.body_len = 20,
	.delivery_id = "whd_01h455vb4pex5vsknk084sn02q",
	.event = "verification.attempt.succeeded",
};

static struct arena *arena;

static int arena_make(void **state)
{
	(void)state;
	return arena_new(1 << 16, &arena) == ERR_OK ? 0 : -1;
}

static int arena_end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct webhook_secret secret_of(const char *text)
{
	struct webhook_secret secret;

	assert_int_equal(webhook_secret_parse(text, strlen(text), &secret), ERR_OK);
	assert_string_equal(secret.text, text);
	return secret;
}

/*
 * The second known answer's secret has 18 bytes, fewer than the specification allows and than we
 * take; signing with it must still come to what is published.
 */
static struct webhook_secret short_secret(void)
{
	struct webhook_secret secret;

	assert_int_equal(webhook_secret_parse(SECRET_2, strlen(SECRET_2), &secret), ERR_SYNTAX);
	(void)snprintf(secret.text, sizeof(secret.text), "%s", SECRET_2);
	assert_int_equal(
	    base64_decode(BARE_2, strlen(BARE_2), secret.key, sizeof(secret.key), &secret.key_len),
	    ERR_OK);
	assert_int_equal(secret.key_len, 18);
	return secret;
}

/* The value of a header line; NULL when there is none of that name. */
static const char *line_of(const char *const *lines, const char *name)
{
	for (size_t len = strlen(name); *lines != NULL; lines++) {
		if (strncmp(*lines, name, len) == 0 && strncmp(*lines + len, ": ", 2) == 0)
			return *lines + len + 2;
	}
	return NULL;
}

static size_t count_of(const char *const *lines)
{
	size_t count = 0;

	for (; lines[count] != NULL; count++) {
		assert_true(count < WEBHOOK_LINES_MAX);
		assert_null(strpbrk(lines[count], "\r\n"));
	}
	return count;
}

static const char *const *sign(
    const struct webhook_signer *signer, const struct webhook_message *message)
{
	const char *const *lines = NULL;

	assert_int_equal(webhook_sign(signer, message, arena, &lines), ERR_OK);
	assert_non_null(lines);
	(void)count_of(lines);
	return lines;
}

/* ---- signing ------------------------------------------------------------------------------------ */

static void test_v1_known_answers(void **state)
{
	struct webhook_secret one = secret_of(SECRET_1), two = short_secret();
	struct webhook_signer signer = { .current = &one };
	struct webhook_message message = {
		.id = "msg_loFOjxBNrRLzqYUf",
		.timestamp_s = 1731705121,
		.body = "{\"event_type\":\"ping\",\"data\":{\"success\":true}}",
		.body_len = 45,
	};
	const char *const *lines = sign(&signer, &message_1);

	(void)state;
	assert_int_equal(count_of(lines), 3);
	assert_string_equal(lines[0], "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek");
	assert_string_equal(lines[1], "webhook-timestamp: 1614265330");
	assert_string_equal(lines[2], "webhook-signature: " V1_1);
	assert_int_equal(strlen(message.body), message.body_len);
	signer.current = &two;
	lines = sign(&signer, &message);
	assert_string_equal(line_of(lines, "webhook-id"), "msg_loFOjxBNrRLzqYUf");
	assert_string_equal(line_of(lines, "webhook-timestamp"), "1731705121");
	assert_string_equal(line_of(lines, "webhook-signature"), V1_2);
}

static void test_v1a_known_answer(void **state)
{
	struct webhook_secret one = secret_of(SECRET_1), two = short_secret();
	struct webhook_signer signer = { .current = &one };
	struct webhook_key key;
	const char *value;

	(void)state;
	assert_int_equal(webhook_key_parse(KEY_1, strlen(KEY_1), &key), ERR_OK);
	signer.key = &key;
	value = line_of(sign(&signer, &message_1), "webhook-signature");
	assert_string_equal(value, V1_1 " " V1A_1);
	signer.previous = &two;
	value = line_of(sign(&signer, &message_1), "webhook-signature");
	assert_memory_equal(value, V1_1 " v1,", strlen(V1_1) + 4);
	assert_string_equal(value + 2 * strlen(V1_1) + 1, " " V1A_1);
}

/* The new secret signs first, then the old one; each is a value of its own. */
static void test_rotation(void **state)
{
	struct webhook_secret old = secret_of(SECRET_1), new = short_secret();
	struct webhook_signer signer = { .current = &new };
	char expected[200];

	(void)state;
	(void)snprintf(expected, sizeof(expected), "%s " V1_1,
	    line_of(sign(&signer, &message_1), "webhook-signature"));
	signer.previous = &old;
	assert_string_equal(line_of(sign(&signer, &message_1), "webhook-signature"), expected);
	signer.current = &old;
	signer.previous = NULL;
	assert_string_equal(line_of(sign(&signer, &message_1), "webhook-signature"), V1_1);
}

/* reference/kayle.md section 15, second vector; its secret is no base64, so it is set here. */
static void test_session_known_answer(void **state)
{
	struct webhook_secret secret = { .key = { 1 }, .key_len = 32, .text = "whsec_test_secret" };
	struct webhook_secret old = secret_of(SECRET_1);
	struct webhook_signer signer = {
		.current = &secret, .previous = &old, .session_headers = true
	};
	struct webhook_message message = message_1;
	const char *const *lines;

	(void)state;
	message.timestamp_s = 1742404800;
	message.body = "encrypted-payload";
	message.body_len = 17;
	lines = sign(&signer, &message);
	assert_int_equal(count_of(lines), 6);
	assert_string_equal(lines[3], "X-Kayle-Delivery-Id: whd_01h455vb4pex5vsknk084sn02q");
	assert_string_equal(lines[4], "X-Kayle-Event: verification.attempt.succeeded");
	assert_string_equal(lines[5],
	    "X-Kayle-Signature: t=1742404800,"
	    "v1=4e4a7ec092b53b027f0b504e4f1c0383af4dc960d2a869d9961d50586f46105b");
}

/* A secret as we make them; the answer is by openssl dgst -hmac with the whole text as the key. */
static void test_session_signs_with_the_whole_text(void **state)
{
	struct webhook_secret secret = secret_of(SECRET_1);
	struct webhook_signer signer = { .current = &secret, .session_headers = true };

	(void)state;
	assert_string_equal(line_of(sign(&signer, &message_1), "X-Kayle-Signature"),
	    "t=1614265330,"
	    "v1=2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964");
}

static void test_legacy_header(void **state)
{
	struct webhook_secret secret = secret_of(SECRET_1), old = short_secret();
	struct webhook_signer signer = {
		.current = &secret, .previous = &old, .legacy_secret_header = true
	};
	const char *const *lines = sign(&signer, &message_1);

	(void)state;
	assert_int_equal(count_of(lines), 4);
	assert_string_equal(lines[3], "deepidv-signature: " SECRET_1);
	/* The secret goes out where it was asked for and nowhere else. */
	signer.legacy_secret_header = false;
	signer.session_headers = true;
	lines = sign(&signer, &message_1);
	assert_int_equal(count_of(lines), 6);
	for (size_t i = 0; lines[i] != NULL; i++)
		assert_null(strstr(lines[i], BARE_1));
	signer.legacy_secret_header = true;
	assert_int_equal(count_of(sign(&signer, &message_1)), WEBHOOK_LINES_MAX);
}

struct bad_word {
	const char *id;
	const char *delivery_id;
	const char *event;
};

static const struct bad_word bad_words[] = {
	{ NULL, "whd_1", "a.b" },
	{ "", "whd_1", "a.b" },
	{ "evt.1", "whd_1", "a.b" },
	{ "evt 1", "whd_1", "a.b" },
	{ "evt_1\r\nX-Evil: 1", "whd_1", "a.b" },
	{ "evt_1\n", "whd_1", "a.b" },
	{ "evt_\x7f", "whd_1", "a.b" },
	{ "evt_\xc3\xa9", "whd_1", "a.b" },
	{ "evt_1", NULL, "a.b" },
	{ "evt_1", "", "a.b" },
	{ "evt_1", "whd_1\r\n", "a.b" },
	{ "evt_1", "whd_1", NULL },
	{ "evt_1", "whd_1", "" },
	{ "evt_1", "whd_1", "a\rb" },
	{ "evt_1", "whd_1", "a\tb" },
};

static void test_refuses_what_would_break_a_header(void **state)
{
	struct webhook_secret secret = secret_of(SECRET_1);
	struct webhook_signer signer = { .current = &secret, .session_headers = true };
	struct webhook_message message = message_1;
	const char *const *lines = NULL;
	char word[LIMIT_WEBHOOK_WORD + 2];

	(void)state;
	for (size_t i = 0; i < countof(bad_words); i++) {
		message.id = bad_words[i].id;
		message.delivery_id = bad_words[i].delivery_id;
		message.event = bad_words[i].event;
		assert_int_equal(webhook_sign(&signer, &message, arena, &lines), ERR_SYNTAX);
		assert_null(lines);
	}
	memset(word, 'x', sizeof(word) - 1);
	word[LIMIT_WEBHOOK_WORD + 1] = '\0';
	message = message_1;
	message.id = word;
	assert_int_equal(webhook_sign(&signer, &message, arena, &lines), ERR_SYNTAX);
	word[LIMIT_WEBHOOK_WORD] = '\0';
	(void)sign(&signer, &message);
	/* Elsewhere the session family's words are not read. */
	signer.session_headers = false;
	message.delivery_id = NULL;
	message.event = NULL;
	(void)sign(&signer, &message);
}

static void test_bounds(void **state)
{
	struct webhook_secret secret = secret_of(SECRET_1);
	struct webhook_signer signer = { .current = &secret };
	struct webhook_message message = message_1;
	const char *const *lines = NULL;
	char *body = calloc(1, LIMIT_WEBHOOK_BODY + 1);
	struct arena *small = NULL;

	(void)state;
	assert_non_null(body);
	message.timestamp_s = -1;
	assert_int_equal(webhook_sign(&signer, &message, arena, &lines), ERR_RANGE);
	message.timestamp_s = 253402300800;
	assert_int_equal(webhook_sign(&signer, &message, arena, &lines), ERR_RANGE);
	message.timestamp_s--;
	message.body = body;
	message.body_len = LIMIT_WEBHOOK_BODY;
	(void)sign(&signer, &message);
	message.body_len++;
	assert_int_equal(webhook_sign(&signer, &message, arena, &lines), ERR_FULL);
	message.body = NULL;
	message.body_len = 0;
	(void)sign(&signer, &message);
	assert_int_equal(arena_new(150, &small), ERR_OK);
	assert_int_equal(webhook_sign(&signer, &message, small, &lines), ERR_NOMEM);
	assert_null(lines);
	arena_free(&small);
	free(body);
}

/* ---- secrets ------------------------------------------------------------------------------------ */

static void test_secrets_made(void **state)
{
	struct webhook_secret one, two, again;
	static const struct webhook_secret zero;

	(void)state;
	assert_int_equal(webhook_secret_make(&one), ERR_OK);
	assert_int_equal(webhook_secret_make(&two), ERR_OK);
	assert_int_equal(strlen(one.text), 6 + 44);
	assert_memory_equal(one.text, "whsec_", 6);
	assert_int_equal(one.key_len, 32);
	assert_string_not_equal(one.text, two.text);
	again = secret_of(one.text);
	assert_int_equal(again.key_len, one.key_len);
	assert_memory_equal(again.key, one.key, one.key_len);
	webhook_secret_wipe(&one);
	assert_memory_equal(&one, &zero, sizeof(one));
	webhook_secret_wipe(NULL);
}

static void test_keys_made(void **state)
{
	struct webhook_key one, two, again;
	static const struct webhook_key zero;
	char text[WEBHOOK_KEY_TEXT_SIZE], public_text[WEBHOOK_PUBLIC_TEXT_SIZE];
	uint8_t public_key[ED25519_PUBLIC_SIZE];

	(void)state;
	assert_int_equal(webhook_key_make(&one), ERR_OK);
	assert_int_equal(webhook_key_make(&two), ERR_OK);
	assert_memory_not_equal(one.pair, two.pair, sizeof(one.pair));
	webhook_key_text(&one, text);
	assert_int_equal(strlen(text), WEBHOOK_KEY_TEXT_SIZE - 1);
	assert_int_equal(webhook_key_parse(text, strlen(text), &again), ERR_OK);
	assert_memory_equal(again.pair, one.pair, sizeof(one.pair));
	webhook_key_public_text(&one, public_text);
	assert_int_equal(strlen(public_text), WEBHOOK_PUBLIC_TEXT_SIZE - 1);
	assert_int_equal(
	    webhook_public_parse(public_text, strlen(public_text), public_key), ERR_OK);
	assert_memory_equal(public_key, one.pair + ED25519_SEED_SIZE, sizeof(public_key));
	assert_int_equal(webhook_key_parse(KEY_1, strlen(KEY_1), &again), ERR_OK);
	webhook_key_text(&again, text);
	assert_string_equal(text, KEY_1);
	webhook_key_public_text(&again, public_text);
	assert_string_equal(public_text, PUBLIC_1);
	webhook_key_wipe(&again);
	assert_memory_equal(&again, &zero, sizeof(again));
	webhook_key_wipe(NULL);
}

static const char *const bad_secrets[] = {
	"",
	"whsec_",
	"whsec",
	"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"whsec-MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",      /* one character short */
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS=",     /* 23 bytes */
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==",     /* spare bits, 22 bytes */
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAQ",   /* padding is missing */
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAR==", /* spare bits */
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAQ=",
	"whsec_MfKQ9r8G-YqrTwjUPD8ILPZIo2LaLaSw", /* base64url */
	"whsec_MfKQ9r8G_YqrTwjUPD8ILPZIo2LaLaSw",
	"whsec_MfKQ9r8GKYqrTwjU PD8ILPZIo2LaLaS",
};

static void test_malformed_secrets(void **state)
{
	struct webhook_secret secret = { .key_len = 99 };
	uint8_t key[WEBHOOK_SECRET_MAX + 1] = { 7 };
	char text[120] = "whsec_";

	(void)state;
	for (size_t i = 0; i < countof(bad_secrets); i++) {
		if (webhook_secret_parse(bad_secrets[i], strlen(bad_secrets[i]), &secret) !=
		    ERR_SYNTAX)
			fail_msg("accepted: \"%s\"", bad_secrets[i]);
		assert_int_equal(secret.key_len, 99);
	}
	/* Every length, and which of them are right. */
	for (size_t len = 0; len <= sizeof(key); len++) {
		base64_encode(key, len, text + 6);
		assert_int_equal(webhook_secret_parse(text, strlen(text), &secret),
		    len >= 24 && len <= 64 ? ERR_OK : ERR_SYNTAX);
	}
	/* The length that is passed counts, not where the text ends. */
	assert_int_equal(webhook_secret_parse(SECRET_1 "AAAA", strlen(SECRET_1), &secret), ERR_OK);
	assert_string_equal(secret.text, SECRET_1);
	assert_int_equal(webhook_secret_parse(SECRET_1, 3, &secret), ERR_SYNTAX);
	assert_int_equal(
	    webhook_secret_parse(SECRET_1 "\0AAA", strlen(SECRET_1) + 4, &secret), ERR_SYNTAX);
}

static const char *const bad_keys[] = {
	"",
	"whsk_",
	"whpk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6"
	"Kvg==",
	/* the padding is missing */
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6"
	"Kvg",
	/* the seed alone */
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=",
	/* the public half is another's: its last byte */
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6"
	"Kvw==",
	/* 65 bytes */
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6"
	"KvgA=",
};

static void test_malformed_keys(void **state)
{
	struct webhook_key key = { .pair = { 9 } };
	uint8_t public_key[ED25519_PUBLIC_SIZE] = { 9 };

	(void)state;
	for (size_t i = 0; i < countof(bad_keys); i++) {
		if (webhook_key_parse(bad_keys[i], strlen(bad_keys[i]), &key) != ERR_SYNTAX)
			fail_msg("accepted: \"%s\"", bad_keys[i]);
		assert_int_equal(key.pair[0], 9);
	}
	assert_int_equal(
	    webhook_public_parse(PUBLIC_1, strlen(PUBLIC_1) - 1, public_key), ERR_SYNTAX);
	assert_int_equal(webhook_public_parse("whpk_AAAA", 9, public_key), ERR_SYNTAX);
	assert_int_equal(webhook_public_parse(KEY_1, strlen(KEY_1), public_key), ERR_SYNTAX);
	assert_int_equal(public_key[0], 9);
	assert_int_equal(webhook_public_parse(PUBLIC_1, strlen(PUBLIC_1), public_key), ERR_OK);
	assert_int_equal(public_key[0], 0xd5);
}

/* ---- the receiver's side ------------------------------------------------------------------------ */

static const struct webhook_received received_1 = {
	.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
	.timestamp = "1614265330",
	.signature = V1_1 " " V1A_1,
	.body = "{\"test\": 2432232314}",
	.body_len = 20,
};

static enum err verify(const struct webhook_received *received, int64_t now_s)
{
	struct webhook_secret secret = secret_of(SECRET_1);

	return webhook_verify(&secret, received, now_s, WEBHOOK_TOLERANCE_S);
}

static enum err verify_public(const struct webhook_received *received, int64_t now_s)
{
	uint8_t public_key[ED25519_PUBLIC_SIZE];

	assert_int_equal(webhook_public_parse(PUBLIC_1, strlen(PUBLIC_1), public_key), ERR_OK);
	return webhook_verify_public(public_key, received, now_s, WEBHOOK_TOLERANCE_S);
}

/* Both ways of checking must come to the same. */
static void expect(const struct webhook_received *received, int64_t now_s, enum err expected)
{
	assert_string_equal(err_name(verify(received, now_s)), err_name(expected));
	assert_string_equal(err_name(verify_public(received, now_s)), err_name(expected));
}

static void test_verify_tolerance(void **state)
{
	(void)state;
	expect(&received_1, TIME_1, ERR_OK);
	expect(&received_1, TIME_1 + 300, ERR_OK);
	expect(&received_1, TIME_1 + 301, ERR_SIGNATURE_OLD);
	expect(&received_1, TIME_1 - 300, ERR_OK);
	expect(&received_1, TIME_1 - 301, ERR_SIGNATURE_EARLY);
	expect(&received_1, 253402300799, ERR_SIGNATURE_OLD);
	expect(&received_1, 0, ERR_SIGNATURE_EARLY);
}

static void test_verify_tampered(void **state)
{
	struct webhook_received received = received_1;

	(void)state;
	received.body = "{\"test\": 2432232315}";
	expect(&received, TIME_1, ERR_SIGNATURE_WRONG);
	received = received_1;
	received.body_len--;
	expect(&received, TIME_1, ERR_SIGNATURE_WRONG);
	received = received_1;
	received.body = NULL;
	received.body_len = 0;
	expect(&received, TIME_1, ERR_SIGNATURE_WRONG);
	received = received_1;
	received.id = "msg_p5jXN8AQM9LWM0D4loKWxJeK";
	expect(&received, TIME_1, ERR_SIGNATURE_WRONG);
	received = received_1;
	received.timestamp = "1614265331";
	expect(&received, TIME_1, ERR_SIGNATURE_WRONG);
}

static void test_verify_missing(void **state)
{
	struct webhook_received received;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		const char *nothing = i % 2 == 0 ? NULL : "";

		received = received_1;
		if (i / 2 == 0)
			received.id = nothing;
		else if (i / 2 == 1)
			received.timestamp = nothing;
		else
			received.signature = nothing;
		expect(&received, TIME_1, ERR_MISSING);
	}
}

static void test_verify_malformed(void **state)
{
	static const char *const times[] = { "1614265330 ", " 1614265330", "+1614265330",
		"1614265330x", "1614265330.0", "0x60379932", "-1", "253402300800",
		"99999999999999999999" };
	struct webhook_received received = received_1;
	char list[LIMIT_WEBHOOK_SIGNATURE + 2];

	(void)state;
	for (size_t i = 0; i < countof(times); i++) {
		received.timestamp = times[i];
		expect(&received, TIME_1, ERR_SYNTAX);
	}
	received = received_1;
	received.id = "msg.1";
	expect(&received, TIME_1, ERR_SYNTAX);
	/* The longest list is still read to its end, a longer one not at all. */
	received = received_1;
	memset(list, ' ', sizeof(list));
	list[LIMIT_WEBHOOK_SIGNATURE + 1] = '\0';
	memcpy(list + LIMIT_WEBHOOK_SIGNATURE - strlen(V1_1 " " V1A_1), V1_1 " " V1A_1,
	    strlen(V1_1 " " V1A_1));
	received.signature = list;
	expect(&received, TIME_1, ERR_SYNTAX);
	list[LIMIT_WEBHOOK_SIGNATURE] = '\0';
	expect(&received, TIME_1, ERR_OK);
	received = received_1;
	received.body_len = LIMIT_WEBHOOK_BODY + 1;
	expect(&received, TIME_1, ERR_FULL);
}

struct list_case {
	const char *list;
	bool fits_v1;
	bool fits_v1a;
};

/* What the npm library does with the same (reference/webhooks_keys.md a.9), where it is asked. */
static const struct list_case lists[] = {
	{ V1_1, true, false },
	{ V1A_1, false, true },
	{ V1A_1 " " V1_1, true, true },
	{ "v2,AAAA " V1_1 " v9,x", true, false },
	{ V1_2 " " V1_1, true, false },
	{ V1_1 " " V1_2, true, false },
	{ "  " V1_1 "  ", true, false },
	{ V1_2, false, false },
	{ V1_2 "," V1_1, false, false },
	{ V1_1 "," V1_2, false, false },
	{ "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false, false },
	{ "v1=g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false, false },
	{ "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false, false },
	{ "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=", false, false },
	{ "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", false, false },
	{ "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", false, false },
	{ "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ", false, false },
	/* the end of the first and the start of the second would make up the right one */
	{ "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1OE= "
	  "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ",
	    false, false },
	{ "v1,", false, false },
	{ "v1", false, false },
	{ " ", false, false },
	{ "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false, false },
	{ "v1,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7T"
	  "BAg==",
	    false, false },
};

static void test_verify_lists(void **state)
{
	struct webhook_received received = received_1;

	(void)state;
	for (size_t i = 0; i < countof(lists); i++) {
		received.signature = lists[i].list;
		if ((verify(&received, TIME_1) == ERR_OK) != lists[i].fits_v1 ||
		    (verify_public(&received, TIME_1) == ERR_OK) != lists[i].fits_v1a)
			fail_msg("judged wrongly: \"%s\"", lists[i].list);
	}
}

/* What one side makes the other one takes, in an overlap with either secret. */
static void test_round_trip(void **state)
{
	struct webhook_secret current, previous, stranger;
	struct webhook_key key;
	struct webhook_signer signer = {
		.current = &current, .previous = &previous, .key = &key, .session_headers = true
	};
	struct webhook_received received;
	const char *const *lines;
	uint8_t *public_key = key.pair + ED25519_SEED_SIZE;

	(void)state;
	assert_int_equal(webhook_secret_make(&current), ERR_OK);
	assert_int_equal(webhook_secret_make(&previous), ERR_OK);
	assert_int_equal(webhook_secret_make(&stranger), ERR_OK);
	assert_int_equal(webhook_key_make(&key), ERR_OK);
	lines = sign(&signer, &message_1);
	received = (struct webhook_received){
		.id = line_of(lines, "webhook-id"),
		.timestamp = line_of(lines, "webhook-timestamp"),
		.signature = line_of(lines, "webhook-signature"),
		.body = message_1.body,
		.body_len = message_1.body_len,
	};
	assert_int_equal(webhook_verify(&current, &received, TIME_1, 0), ERR_OK);
	assert_int_equal(webhook_verify(&previous, &received, TIME_1, 0), ERR_OK);
	assert_int_equal(webhook_verify(&stranger, &received, TIME_1, 0), ERR_SIGNATURE_WRONG);
	assert_int_equal(webhook_verify_public(public_key, &received, TIME_1, 0), ERR_OK);
	assert_int_equal(webhook_key_make(&key), ERR_OK);
	assert_int_equal(
	    webhook_verify_public(public_key, &received, TIME_1, 0), ERR_SIGNATURE_WRONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1_known_answers),
		cmocka_unit_test(test_v1a_known_answer),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_session_known_answer),
		cmocka_unit_test(test_session_signs_with_the_whole_text),
		cmocka_unit_test(test_legacy_header),
		cmocka_unit_test(test_refuses_what_would_break_a_header),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_secrets_made),
		cmocka_unit_test(test_keys_made),
		cmocka_unit_test(test_malformed_secrets),
		cmocka_unit_test(test_malformed_keys),
		cmocka_unit_test(test_verify_tolerance),
		cmocka_unit_test(test_verify_tampered),
		cmocka_unit_test(test_verify_missing),
		cmocka_unit_test(test_verify_malformed),
		cmocka_unit_test(test_verify_lists),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, arena_make, arena_end);
}
