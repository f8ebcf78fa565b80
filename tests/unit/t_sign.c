/* SPDX-License-Identifier: Apache-2.0 */
/* t_sign.c: Ed25519 against RFC 8032's own answers, and every change of a bit refused. */
#include "base.h"
#include "sign.h"
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define TEXT_MAX 80

struct known {
	const char *seed;
	const char *public_key;
	const char *text;
	const char *signature;
};

/* RFC 8032 section 7.1: tests 1, 2, 3 and SHA(abc). */
static const struct known known[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
	    "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
	    "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
	    "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
	{ "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
	    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a8"
	    "36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	    "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ec"
	    "fdfbc7c66431e0303dca179c138ac17ad9bef1177331a704" },
};

static size_t unhex(const char *hex, uint8_t *out, size_t size)
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= size);
	assert_int_equal(hex_decode(hex, strlen(hex), out, len), ERR_OK);
	return len;
}

static void test_known_answers(void **state)
{
	uint8_t pair[ED25519_PAIR_SIZE], made[ED25519_PUBLIC_SIZE], text[TEXT_MAX];
	uint8_t expected[ED25519_SIGNATURE_SIZE], signature[ED25519_SIGNATURE_SIZE];

	(void)state;
	for (size_t i = 0; i < countof(known); i++) {
		size_t len = unhex(known[i].text, text, sizeof(text));

		(void)unhex(known[i].seed, pair, ED25519_SEED_SIZE);
		(void)unhex(known[i].public_key, pair + ED25519_SEED_SIZE, ED25519_PUBLIC_SIZE);
		(void)unhex(known[i].signature, expected, sizeof(expected));
		assert_int_equal(ed25519_public(pair, made), ERR_OK);
		assert_memory_equal(made, pair + ED25519_SEED_SIZE, sizeof(made));
		assert_int_equal(ed25519_sign(pair, len > 0 ? text : NULL, len, signature), ERR_OK);
		assert_memory_equal(signature, expected, sizeof(expected));
		assert_int_equal(
		    ed25519_verify(made, len > 0 ? text : NULL, len, signature), ERR_OK);
	}
}

static void test_refuses_each_change(void **state)
{
	uint8_t pair[ED25519_PAIR_SIZE], signature[ED25519_SIGNATURE_SIZE];
	uint8_t text[5] = { 'h', 'e', 'l', 'l', 'o' };
	uint8_t *public_key = pair + ED25519_SEED_SIZE;

	(void)state;
	assert_int_equal(ed25519_generate(pair), ERR_OK);
	assert_int_equal(ed25519_sign(pair, text, sizeof(text), signature), ERR_OK);
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(
		    ed25519_verify(public_key, text, sizeof(text), signature), ERR_TAMPERED);
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(text); bit++) {
		text[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(
		    ed25519_verify(public_key, text, sizeof(text), signature), ERR_TAMPERED);
		text[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(
	    ed25519_verify(public_key, text, sizeof(text) - 1, signature), ERR_TAMPERED);
	assert_int_equal(ed25519_verify(public_key, text, sizeof(text), signature), ERR_OK);
	public_key[0] ^= 1;
	assert_int_not_equal(ed25519_verify(public_key, text, sizeof(text), signature), ERR_OK);
}

/* The second half of a pair is for whoever reads it; signing must not trust it. */
static void test_sign_uses_the_seed_alone(void **state)
{
	uint8_t pair[ED25519_PAIR_SIZE], bent[ED25519_PAIR_SIZE];
	uint8_t a[ED25519_SIGNATURE_SIZE], b[ED25519_SIGNATURE_SIZE];

	(void)state;
	assert_int_equal(ed25519_generate(pair), ERR_OK);
	memcpy(bent, pair, sizeof(bent));
	bent[ED25519_SEED_SIZE] ^= 0xff;
	assert_int_equal(ed25519_sign(pair, "x", 1, a), ERR_OK);
	assert_int_equal(ed25519_sign(bent, "x", 1, b), ERR_OK);
	assert_memory_equal(a, b, sizeof(a));
}

static void test_generates_fresh_pairs(void **state)
{
	uint8_t a[ED25519_PAIR_SIZE], b[ED25519_PAIR_SIZE], made[ED25519_PUBLIC_SIZE];

	(void)state;
	assert_int_equal(ed25519_generate(a), ERR_OK);
	assert_int_equal(ed25519_generate(b), ERR_OK);
	assert_memory_not_equal(a, b, ED25519_SEED_SIZE);
	assert_memory_not_equal(a + ED25519_SEED_SIZE, b + ED25519_SEED_SIZE, ED25519_PUBLIC_SIZE);
	assert_int_equal(ed25519_public(a, made), ERR_OK);
	assert_memory_equal(made, a + ED25519_SEED_SIZE, sizeof(made));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_refuses_each_change),
		cmocka_unit_test(test_sign_uses_the_seed_alone),
		cmocka_unit_test(test_generates_fresh_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
