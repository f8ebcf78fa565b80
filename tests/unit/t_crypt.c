/* SPDX-License-Identifier: Apache-2.0 */
/* t_crypt.c: known answers of the standards, and the order and freshness of ids. */
#include "base.h"
#include "clock.h"
#include "crypt.h"
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Bytes from hex; returns how many. */
static size_t unhex(const char *hex, uint8_t *out, size_t size)
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= size);
	assert_int_equal(hex_decode(hex, strlen(hex), out, len), ERR_OK);
	return len;
}

static void assert_hex(const void *data, size_t len, const char *hex)
{
	char text[513];

	assert_true(len <= 256);
	hex_encode(data, len, text);
	assert_string_equal(text, hex);
}

/* FIPS 180-4 examples (NIST CSRC, SHA256.pdf). */
static void test_sha256(void **state)
{
	static const char long_text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	uint8_t digest[SHA256_SIZE];

	(void)state;
	assert_int_equal(sha256_of("abc", 3, digest), ERR_OK);
	assert_hex(digest, sizeof(digest),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(sha256_of("", 0, digest), ERR_OK);
	assert_hex(digest, sizeof(digest),
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(sha256_of(long_text, strlen(long_text), digest), ERR_OK);
	assert_hex(digest, sizeof(digest),
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

struct hmac_case {
	const char *key;
	const char *data;
	const char *mac;
};

/* RFC 4231 section 4, test cases 1 to 4, 6 and 7; then an empty key and text. */
static const struct hmac_case hmac_cases[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "dddddddddddddddddddddddddddddddddddddddddddddddddd"
	    "dddddddddddddddddddddddddddddddddddddddddddddddddd",
	    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ "0102030405060708090a0b0c0d0e0f10111213141516171819",
	    "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	    "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	{ "", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
};

static void test_hmac_rfc_4231(void **state)
{
	static const char large_key_text[] =
	    "Test Using Larger Than Block-Size Key - Hash Key First";
	static const char large_both_text[] =
	    "This is a test using a larger than block-size key and a larger than block-size "
	    "data. The key needs to be hashed before being used by the HMAC algorithm.";
	uint8_t key[131], data[64], mac[SHA256_SIZE];

	(void)state;
	/* Twice, because the first use sets up what the second one copies. */
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < countof(hmac_cases); i++) {
			size_t key_len = unhex(hmac_cases[i].key, key, sizeof(key));
			size_t data_len = unhex(hmac_cases[i].data, data, sizeof(data));

			assert_int_equal(hmac_sha256(key, key_len, data, data_len, mac), ERR_OK);
			assert_hex(mac, sizeof(mac), hmac_cases[i].mac);
		}
	}
	assert_int_equal(hmac_sha256(NULL, 0, NULL, 0, mac), ERR_OK);
	assert_hex(mac, sizeof(mac), hmac_cases[countof(hmac_cases) - 1].mac);
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(
	    hmac_sha256(key, sizeof(key), large_key_text, strlen(large_key_text), mac), ERR_OK);
	assert_hex(
	    mac, sizeof(mac), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_int_equal(
	    hmac_sha256(key, sizeof(key), large_both_text, strlen(large_both_text), mac), ERR_OK);
	assert_hex(
	    mac, sizeof(mac), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/*
 * RFC 5869 appendix A has no case without salt whose info is text. Case A.3 has neither salt nor
 * info; the second value is HKDF-Extract and -Expand of A.3's key with info "bonafide", worked
 * out below from HMAC as sections 2.2 and 2.3 say.
 */
static void test_hkdf_rfc_5869(void **state)
{
	static const uint8_t no_salt[SHA256_SIZE];
	static const char expand[] = "bonafide\x01";
	uint8_t key[22], out[42], prk[SHA256_SIZE], expected[SHA256_SIZE];

	(void)state;
	memset(key, 0x0b, sizeof(key));
	assert_int_equal(hkdf_sha256(key, sizeof(key), "", out, sizeof(out)), ERR_OK);
	assert_hex(out, sizeof(out),
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	    "9d201395faa4b61a96c8");
	assert_int_equal(hmac_sha256(no_salt, sizeof(no_salt), key, sizeof(key), prk), ERR_OK);
	assert_hex(
	    prk, sizeof(prk), "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
	assert_int_equal(
	    hmac_sha256(prk, sizeof(prk), expand, sizeof(expand) - 1, expected), ERR_OK);
	assert_int_equal(hkdf_sha256(key, sizeof(key), "bonafide", out, SHA256_SIZE), ERR_OK);
	assert_memory_equal(out, expected, SHA256_SIZE);
}

/* Test cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), as NIST has
 * them: AES-256, 96-bit nonce. */
struct gcm_case {
	const char *key;
	const char *nonce;
	const char *aad;
	const char *text;
	const char *sealed;
	const char *tag;
};

#define GCM_KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define GCM_ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define GCM_TEXT \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_SEALED \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

static const struct gcm_case gcm_cases[] = {
	{ GCM_ZERO, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ GCM_ZERO, "000000000000000000000000", "", "00000000000000000000000000000000",
	    "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ GCM_KEY, "cafebabefacedbaddecaf888", "", GCM_TEXT "1aafd255", GCM_SEALED "898015ad",
	    "b094dac5d93471bdec1a502270e3cc6c" },
	{ GCM_KEY, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", GCM_TEXT,
	    GCM_SEALED, "76fc6ece0f4e1768cddf8853bb2d551b" },
};

static void test_gcm_known_answers(void **state)
{
	uint8_t key[32], nonce[12], aad[32], text[64], sealed[64], tag[16], out[64];

	(void)state;
	for (size_t i = 0; i < countof(gcm_cases); i++) {
		const struct gcm_case *row = &gcm_cases[i];
		size_t aad_len = unhex(row->aad, aad, sizeof(aad));
		size_t len = unhex(row->text, text, sizeof(text));

		(void)unhex(row->key, key, sizeof(key));
		(void)unhex(row->nonce, nonce, sizeof(nonce));
		assert_int_equal(
		    gcm_seal(key, nonce, aad, aad_len, text, len, sealed, tag), ERR_OK);
		assert_hex(sealed, len, row->sealed);
		assert_hex(tag, sizeof(tag), row->tag);
		assert_int_equal(gcm_open(key, nonce, aad, aad_len, sealed, len, tag, out), ERR_OK);
		assert_memory_equal(out, text, len);
	}
}

static void test_gcm_refuses_each_change(void **state)
{
	static const uint8_t zero[20];
	uint8_t key[32] = { 1 }, nonce[12] = { 2 }, aad[5] = { 3 }, tag[16];
	uint8_t text[20] = { 4 }, sealed[20], out[20];

	(void)state;
	assert_int_equal(
	    gcm_seal(key, nonce, aad, sizeof(aad), text, sizeof(text), sealed, tag), ERR_OK);
	for (unsigned part = 0; part < 5; part++) {
		uint8_t *const parts[] = { key, nonce, aad, sealed, tag };

		parts[part][3] ^= 0x80;
		memset(out, 'x', sizeof(out));
		assert_int_equal(
		    gcm_open(key, nonce, aad, sizeof(aad), sealed, sizeof(sealed), tag, out),
		    ERR_TAMPERED);
		assert_memory_equal(out, zero, sizeof(out));
		parts[part][3] ^= 0x80;
	}
	assert_int_equal(
	    gcm_open(key, nonce, aad, 4, sealed, sizeof(sealed), tag, out), ERR_TAMPERED);
	assert_int_equal(
	    gcm_open(key, nonce, aad, sizeof(aad), sealed, sizeof(sealed) - 1, tag, out),
	    ERR_TAMPERED);
	assert_int_equal(
	    gcm_open(key, nonce, aad, sizeof(aad), sealed, sizeof(sealed), tag, out), ERR_OK);
	assert_memory_equal(out, text, sizeof(text));
}

static void test_random(void **state)
{
	uint8_t a[32], b[32];
	unsigned seen[7] = { 0 };
	uint32_t value = 99;

	(void)state;
	assert_int_equal(random_bytes(a, sizeof(a)), ERR_OK);
	assert_int_equal(random_bytes(b, sizeof(b)), ERR_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(random_below(0, &value), ERR_CRYPTO);
	assert_int_equal(value, 99);
	assert_int_equal(random_below(1, &value), ERR_OK);
	assert_int_equal(value, 0);
	assert_int_equal(random_below(UINT32_MAX, &value), ERR_OK);
	for (unsigned i = 0; i < 7000; i++) {
		assert_int_equal(random_below(7, &value), ERR_OK);
		assert_true(value < 7);
		seen[value]++;
	}
	/* 1000 each, standard deviation 29; a fair die fails this once in 10^11 runs. */
	for (unsigned i = 0; i < 7; i++)
		assert_in_range(seen[i], 800, 1200);
}

static struct uuid make(void)
{
	struct uuid id;

	assert_int_equal(uuid_make(&id), ERR_OK);
	return id;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static void test_uuid_form(void **state)
{
	struct uuid id;

	(void)state;
	clock_set(1645557742000);
	id = make();
	assert_int_equal(id.b[6] >> 4, 7);
	assert_int_equal(id.b[8] >> 6, 2);
	assert_true(uuid_time_ms(id) == 1645557742000);
	clock_set(TIME_NONE);
}

/* More ids in one fixed millisecond than the counter holds. */
static void test_uuid_order_in_one_millisecond(void **state)
{
	struct uuid last;

	(void)state;
	clock_set(1700000000000);
	last = make();
	for (unsigned i = 0; i < 20000; i++) {
		struct uuid id = make();

		assert_true(compare_ids(&last, &id) < 0);
		last = id;
	}
	/* The stamp ran ahead a little, as RFC 9562 section 6.2 allows. */
	assert_in_range(uuid_time_ms(last) - 1700000000000, 4, 12);
	clock_set(TIME_NONE);
	assert_true(uuid_time_ms(make()) > 1700000000012);
}

static void test_uuid_clock_steps_back(void **state)
{
	struct uuid before, after;

	(void)state;
	clock_set(1700000100000);
	before = make();
	clock_set(1700000097000);
	after = make();
	assert_true(compare_ids(&before, &after) < 0);
	clock_set(1700000100001);
	before = make();
	assert_true(compare_ids(&after, &before) < 0);
	/* Far back: new ids follow the clock. */
	clock_set(1600000000000);
	after = make();
	assert_true(uuid_time_ms(after) == 1600000000000);
	clock_set(-5);
	assert_true(uuid_time_ms(make()) == 0);
	clock_set(TIME_NONE);
}

#define FORK_IDS 2000
#define FORK_CHILDREN 3

static void child_ids(int fd)
{
	for (unsigned i = 0; i < FORK_IDS; i++) {
		struct uuid id;

		if (uuid_make(&id) != ERR_OK || write(fd, &id, sizeof(id)) != sizeof(id))
			_exit(1);
	}
	_exit(0);
}

static size_t read_ids(int fd, struct uuid *out, size_t count)
{
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, (char *)out + len, count * sizeof(*out) - len)) > 0)
		len += (size_t)got;
	return len / sizeof(*out);
}

/* Children inherit the counter in the same millisecond: nothing they make may be the same. */
static void test_uuid_after_fork(void **state)
{
	const size_t total = (FORK_CHILDREN + 1) * FORK_IDS;
	struct uuid *ids = calloc(total, sizeof(*ids));
	size_t count = 0;

	(void)state;
	assert_non_null(ids);
	clock_set(1700000200000);
	(void)make();
	for (unsigned child = 0; child < FORK_CHILDREN; child++) {
		int fds[2];
		int status = 1;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			child_ids(fds[1]);
		(void)close(fds[1]);
		count += read_ids(fds[0], ids + count, FORK_IDS);
		(void)close(fds[0]);
		assert_true(waitpid(pid, &status, 0) == pid);
		assert_int_equal(status, 0);
	}
	for (unsigned i = 0; i < FORK_IDS; i++)
		ids[count++] = make();
	assert_int_equal(count, total);
	for (size_t i = 1; i < total; i++)
		assert_true(i % FORK_IDS == 0 || compare_ids(&ids[i - 1], &ids[i]) < 0);
	qsort(ids, total, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < total; i++)
		assert_true(compare_ids(&ids[i - 1], &ids[i]) < 0);
	free(ids);
	clock_set(TIME_NONE);
}

/* FIPS 180-4: a million times "a", here from a file; from where it stands on. */
static void test_sha256_of_file(void **state UNUSED)
{
	static const char wanted[] =
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	uint64_t size = 0;
	FILE *file = tmpfile();

	assert_non_null(file);
	for (int i = 0; i < 1000001; i++)
		assert_int_equal(fputc('a', file), 'a');
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 1, SEEK_SET), 1);
	assert_int_equal(sha256_of_file(fileno(file), digest, &size), ERR_OK);
	assert_int_equal(size, 1000000);
	hex_encode(digest, sizeof(digest), hex);
	assert_string_equal(hex, wanted);
	size = 7;
	assert_int_equal(sha256_of_file(-1, digest, &size), ERR_IO);
	assert_int_equal(size, 7);
	(void)fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_sha256_of_file),
		cmocka_unit_test(test_hmac_rfc_4231),
		cmocka_unit_test(test_hkdf_rfc_5869),
		cmocka_unit_test(test_gcm_known_answers),
		cmocka_unit_test(test_gcm_refuses_each_change),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_uuid_form),
		cmocka_unit_test(test_uuid_order_in_one_millisecond),
		cmocka_unit_test(test_uuid_clock_steps_back),
		cmocka_unit_test(test_uuid_after_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
