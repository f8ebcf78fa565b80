/* SPDX-License-Identifier: Apache-2.0 */
/* t_keyring.c: the secret files, who may read them, and that sealed values stay where they are. */
#include "base.h"
#include "arena.h"
#include "keyring.h"
#include "limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "202122232425262728292A2B2C2D2E2F303132333435363738393a3b3c3d3e3f"

static const struct uuid row_a = { { 1, 2, 3 } };
static const struct uuid row_b = { { 1, 2, 4 } };

/* A directory of our own with the paths of both files. */
struct place {
	char directory[64];
	char master[96];
	char pepper[96];
	struct arena *arena;
	char reason[256];
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	(void)snprintf(place->directory, sizeof(place->directory), "/tmp/t_keyring.XXXXXX");
	if (mkdtemp(place->directory) == NULL)
		return -1;
	(void)snprintf(place->master, sizeof(place->master), "%s/master.key", place->directory);
	(void)snprintf(place->pepper, sizeof(place->pepper), "%s/pepper", place->directory);
	*state = place;
	return arena_new(1 << 20, &place->arena) == ERR_OK ? 0 : -1;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	arena_free(&place->arena);
	(void)unlink(place->master);
	(void)unlink(place->pepper);
	/* Fails, and with it the test, when something was left beside the files. */
	if (rmdir(place->directory) != 0)
		return -1;
	free(place);
	return 0;
}

static void put(const char *path, const char *text, mode_t mode)
{
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static enum err try_open(struct place *place, struct keyring **ret)
{
	memset(place->reason, 'x', sizeof(place->reason));
	return keyring_open(
	    place->master, place->pepper, ret, place->reason, sizeof(place->reason));
}

static struct keyring *must_open(struct place *place)
{
	struct keyring *keyring = NULL;

	if (try_open(place, &keyring) != ERR_OK)
		fail_msg("%s", place->reason);
	assert_string_equal(place->reason, "");
	return keyring;
}

static void refuse(struct place *place, enum err wanted, const char *words)
{
	struct keyring *keyring = NULL;

	assert_int_equal(try_open(place, &keyring), wanted);
	assert_null(keyring);
	if (strstr(place->reason, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, place->reason);
	assert_null(strstr(place->reason, "0a0b"));
	assert_int_equal(keyring_open(place->master, place->pepper, &keyring, NULL, 0), wanted);
	assert_int_equal(
	    keyring_check_files(place->master, place->pepper, place->reason, sizeof(place->reason)),
	    wanted);
}

static struct bytes must_seal(struct place *place, struct keyring *keyring, const char *purpose,
    struct uuid row, const char *text)
{
	struct bytes sealed = { NULL, 0 };

	assert_int_equal(
	    seal_data(keyring, place->arena, purpose, row, text, strlen(text), &sealed), ERR_OK);
	assert_int_equal(sealed.len, strlen(text) + SEAL_OVERHEAD);
	return sealed;
}

static void test_create_and_open(void **state)
{
	struct place *place = *state;
	struct keyring *keyring;
	struct stat st;

	assert_int_equal(keyring_create_files(
			     place->master, place->pepper, place->reason, sizeof(place->reason)),
	    ERR_OK);
	assert_int_equal(stat(place->master, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(stat(place->pepper, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(keyring_check_files(place->master, place->pepper, NULL, 0), ERR_OK);
	keyring = must_open(place);
	assert_int_equal(keyring_current(keyring), 1);
	assert_int_equal(keyring_count(keyring), 1);
	assert_int_equal(keyring_number(keyring, 0), 1);
	assert_int_equal(keyring_number(keyring, 1), 0);
	keyring_free(&keyring);
	assert_null(keyring);
	keyring_free(&keyring);
	keyring_free(NULL);
}

static void test_create_refuses_existing(void **state)
{
	struct place *place = *state;

	put(place->pepper, KEY_A "\n", 0400);
	assert_int_equal(keyring_create_files(
			     place->master, place->pepper, place->reason, sizeof(place->reason)),
	    ERR_STATE);
	assert_non_null(strstr(place->reason, "pepper: exists already"));
	assert_int_equal(access(place->master, F_OK), -1);
	put(place->master, "1 " KEY_A, 0400);
	(void)unlink(place->pepper);
	assert_int_equal(keyring_create_files(place->master, place->pepper, NULL, 0), ERR_STATE);
	assert_int_equal(access(place->pepper, F_OK), -1);
	assert_int_equal(
	    keyring_create_files("", place->pepper, place->reason, sizeof(place->reason)),
	    ERR_CONFIG);
	assert_int_equal(keyring_create_files("/nonexistent/a", "/nonexistent/b", place->reason,
			     sizeof(place->reason)),
	    ERR_IO);
}

static void test_master_file_forms(void **state)
{
	struct place *place = *state;
	struct keyring *keyring;

	put(place->pepper, KEY_A "\n", 0600);
	put(place->master,
	    "# a comment\n\n  7\t" KEY_B "  \r\n3 " KEY_A "\n   # more\n4294967295 " KEY_A, 0600);
	keyring = must_open(place);
	assert_int_equal(keyring_count(keyring), 3);
	assert_int_equal(keyring_number(keyring, 0), 3);
	assert_int_equal(keyring_number(keyring, 1), 7);
	assert_int_equal(keyring_current(keyring), 4294967295);
	keyring_free(&keyring);
}

static void test_refuses_bad_master(void **state)
{
	static const char *const bad[] = {
		"1" KEY_A,
		"0 " KEY_A,
		"-1 " KEY_A,
		"4294967296 " KEY_A,
		"1 " KEY_A "00",
		"1 " KEY_A " x",
		"x " KEY_A,
		KEY_A,
		"1 z" KEY_A,
		"1",
		"111111111111111111 " KEY_A,
	};
	char text[LIMIT_SEAL_KEYS * 80];
	size_t len = 0;
	struct place *place = *state;

	put(place->pepper, KEY_A "\n", 0400);
	for (size_t i = 0; i < countof(bad); i++) {
		put(place->master, bad[i], 0400);
		refuse(place, ERR_CONFIG, "line 1 is not");
	}
	put(place->master, "1 " KEY_A "\n# c\n1 " KEY_B "\n", 0400);
	refuse(place, ERR_CONFIG, "line 3 repeats a key number");
	put(place->master, "", 0400);
	refuse(place, ERR_CONFIG, "holds no key");
	for (int i = 1; i <= LIMIT_SEAL_KEYS + 1; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%d %s\n", i, KEY_A);
	put(place->master, text, 0400);
	refuse(place, ERR_CONFIG, "line 65 is one key too many");
}

static void test_refuses_bad_pepper(void **state)
{
	static const char *const bad[] = { "", "\n", (KEY_A KEY_B), (KEY_A "\n" KEY_B),
		("1 " KEY_A) };
	struct place *place = *state;

	put(place->master, "1 " KEY_A "\n", 0400);
	for (size_t i = 0; i < countof(bad); i++) {
		put(place->pepper, bad[i], 0400);
		refuse(place, ERR_CONFIG, "pepper: is not one line of 64 hex digits");
	}
}

static void test_refuses_modes_and_kinds(void **state)
{
	static const mode_t modes[] = { 0440, 0404, 0640, 0644, 0601, 0620, 0610 };
	struct place *place = *state;

	put(place->pepper, KEY_A "\n", 0400);
	for (size_t i = 0; i < countof(modes); i++) {
		put(place->master, "1 " KEY_A "\n", modes[i]);
		refuse(place, ERR_CONFIG, "it must be 0400 or 0600");
	}
	put(place->master, "1 " KEY_A "\n", 0400);
	assert_int_equal(chmod(place->pepper, 0444), 0);
	refuse(place, ERR_CONFIG, "mode 0444");
	(void)unlink(place->pepper);
	refuse(place, ERR_IO, "pepper: cannot open it: No such file");
	(void)unlink(place->master);
	assert_int_equal(mkfifo(place->master, 0600), 0);
	refuse(place, ERR_CONFIG, "not a plain file");
}

static void test_refuses_another_owner(void **state)
{
	struct place *place = *state;
	struct keyring *keyring = NULL;
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	/* root reads the service's file; the service does not trust another's. */
	put(place->pepper, KEY_A "\n", 0400);
	put(place->master, "1 " KEY_A "\n", 0400);
	assert_int_equal(chmod(place->directory, 0755), 0);
	assert_int_equal(chown(place->master, 65534, 65534), 0);
	keyring = must_open(place);
	keyring_free(&keyring);
	pid = fork();
	if (pid == 0) {
		enum err err = ERR_OK;

		if (setuid(65533) == 0)
			err = try_open(place, &keyring);
		_exit(err == ERR_IO || err == ERR_CONFIG ? 0 : 1);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

static void test_add_key(void **state)
{
	struct place *place = *state;
	struct keyring *keyring;
	struct stat st;
	uint32_t number = 0;
	char text[512] = "";
	int fd;

	put(place->pepper, KEY_A "\n", 0400);
	put(place->master, "# mine\n5 " KEY_A, 0600);
	assert_int_equal(
	    keyring_add_key(place->master, &number, place->reason, sizeof(place->reason)), ERR_OK);
	assert_int_equal(number, 6);
	assert_int_equal(keyring_add_key(place->master, &number, NULL, 0), ERR_OK);
	assert_int_equal(number, 7);
	assert_int_equal(stat(place->master, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fd = open(place->master, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	(void)close(fd);
	assert_int_equal(strncmp(text, "# mine\n5 " KEY_A "\n6 ", 76), 0);
	keyring = must_open(place);
	assert_int_equal(keyring_count(keyring), 3);
	assert_int_equal(keyring_current(keyring), 7);
	keyring_free(&keyring);
	put(place->master, "4294967295 " KEY_A "\n", 0400);
	assert_int_equal(
	    keyring_add_key(place->master, &number, place->reason, sizeof(place->reason)),
	    ERR_CONFIG);
	assert_non_null(strstr(place->reason, "no room"));
	put(place->master, "nonsense\n", 0400);
	assert_int_equal(keyring_add_key(place->master, &number, NULL, 0), ERR_CONFIG);
	assert_int_equal(number, 7);
}

#define ADDERS 6

/* Operators who add at once each get a number of their own. */
static void test_add_key_at_once(void **state)
{
	struct place *place = *state;
	struct keyring *keyring;
	pid_t pids[ADDERS];

	put(place->pepper, KEY_A "\n", 0400);
	put(place->master, "1 " KEY_A "\n", 0400);
	for (size_t i = 0; i < ADDERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			uint32_t number;

			_exit(keyring_add_key(place->master, &number, NULL, 0) == ERR_OK ? 0 : 1);
		}
	}
	for (size_t i = 0; i < ADDERS; i++) {
		int status = 1;

		assert_true(waitpid(pids[i], &status, 0) == pids[i]);
		assert_int_equal(status, 0);
	}
	keyring = must_open(place);
	assert_int_equal(keyring_current(keyring), 1 + ADDERS);
	assert_int_equal(keyring_count(keyring), 1 + ADDERS);
	keyring_free(&keyring);
}

static struct keyring *open_one(struct place *place)
{
	put(place->pepper, KEY_B "\n", 0400);
	put(place->master, "1 " KEY_A "\n", 0400);
	return must_open(place);
}

static void test_seal_and_open(void **state)
{
	struct place *place = *state;
	struct keyring *keyring = open_one(place);
	struct bytes sealed = must_seal(place, keyring, "verification.applicant", row_a, "Ada");
	struct bytes again = must_seal(place, keyring, "verification.applicant", row_a, "Ada");
	struct bytes data = { NULL, 9 };

	assert_memory_equal(sealed.data, "\x01\0\0\0\x01", 5);
	assert_memory_not_equal(sealed.data, again.data, sealed.len);
	assert_int_equal(
	    seal_open(keyring, place->arena, "verification.applicant", row_a, sealed, &data),
	    ERR_OK);
	assert_int_equal(data.len, 3);
	assert_string_equal(data.data, "Ada");
	sealed = must_seal(place, keyring, "x", row_a, "");
	assert_int_equal(seal_open(keyring, place->arena, "x", row_a, sealed, &data), ERR_OK);
	assert_int_equal(data.len, 0);
	assert_string_equal(data.data, "");
	keyring_free(&keyring);
}

/* The construction by hand, so that an unnoticed change cannot make old data unreadable. */
static void test_sealed_form(void **state)
{
	struct place *place = *state;
	struct keyring *keyring = open_one(place);
	uint8_t master[32], key[32], sealed[5 + 12 + 3 + 16] = { 1, 0, 0, 0, 1, 9, 9, 9 };
	uint8_t aad[5 + 3 + 16] = { 1, 0, 0, 0, 1, 'a', '.', 'b' };
	struct bytes data = { NULL, 0 };

	for (uint8_t i = 0; i < 32; i++)
		master[i] = i;
	memcpy(aad + 8, row_a.b, 16);
	assert_int_equal(hkdf_sha256(master, 32, "bonafide seal a.b", key, 32), ERR_OK);
	assert_int_equal(
	    gcm_seal(key, sealed + 5, aad, sizeof(aad), "Ada", 3, sealed + 17, sealed + 20),
	    ERR_OK);
	assert_int_equal(seal_open(keyring, place->arena, "a.b", row_a,
			     (struct bytes){ sealed, sizeof(sealed) }, &data),
	    ERR_OK);
	assert_string_equal(data.data, "Ada");
	keyring_free(&keyring);
}

static void test_sealed_is_bound_to_its_place(void **state)
{
	struct place *place = *state;
	struct keyring *keyring = open_one(place);
	struct bytes sealed = must_seal(place, keyring, "a.b", row_a, "Ada");
	struct bytes data = { NULL, 0 };
	uint8_t copy[3 + SEAL_OVERHEAD];

	assert_int_equal(
	    seal_open(keyring, place->arena, "a.b", row_b, sealed, &data), ERR_TAMPERED);
	assert_int_equal(
	    seal_open(keyring, place->arena, "a.c", row_a, sealed, &data), ERR_TAMPERED);
	for (size_t i = 0; i < sizeof(copy); i++) {
		enum err wanted = i == 0 ? ERR_SYNTAX : i < 5 ? ERR_NO_KEY : ERR_TAMPERED;

		memcpy(copy, sealed.data, sizeof(copy));
		copy[i] ^= 0x40;
		assert_int_equal(seal_open(keyring, place->arena, "a.b", row_a,
				     (struct bytes){ copy, sizeof(copy) }, &data),
		    wanted);
	}
	assert_null(data.data);
	keyring_free(&keyring);
}

static void test_seal_refuses(void **state)
{
	static char large[LIMIT_SEALED + 1];
	struct place *place = *state;
	struct keyring *keyring = open_one(place);
	struct arena *small = NULL;
	struct bytes out = { NULL, 0 };
	char purpose[80];

	memset(purpose, 'p', sizeof(purpose));
	purpose[64] = '\0';
	assert_int_equal(seal_data(keyring, place->arena, purpose, row_a, "", 0, &out), ERR_FULL);
	assert_int_equal(seal_data(keyring, place->arena, "p", row_a, large,
			     LIMIT_SEALED - SEAL_OVERHEAD + 1, &out),
	    ERR_FULL);
	assert_int_equal(
	    seal_data(keyring, place->arena, "p", row_a, large, LIMIT_SEALED - SEAL_OVERHEAD, &out),
	    ERR_OK);
	assert_int_equal(seal_open(keyring, place->arena, "p", row_a, out, &out), ERR_OK);
	assert_int_equal(out.len, LIMIT_SEALED - SEAL_OVERHEAD);
	assert_int_equal(seal_open(keyring, place->arena, "p", row_a,
			     (struct bytes){ large, sizeof(large) }, &out),
	    ERR_SYNTAX);
	assert_int_equal(seal_open(keyring, place->arena, "p", row_a,
			     (struct bytes){ "\x01\0\0\0\x01", 5 }, &out),
	    ERR_SYNTAX);
	assert_int_equal(
	    seal_open(keyring, place->arena, "p", row_a, (struct bytes){ NULL, 0 }, &out),
	    ERR_SYNTAX);
	assert_int_equal(arena_new(16, &small), ERR_OK);
	assert_int_equal(seal_data(keyring, small, "p", row_a, "abc", 3, &out), ERR_NOMEM);
	arena_free(&small);
	keyring_free(&keyring);
}

/* A worker meets a value sealed with a key that was added after it started. */
static void test_new_key_is_found(void **state)
{
	struct place *place = *state;
	struct keyring *old = open_one(place);
	struct keyring *fresh;
	struct bytes sealed, first, data;
	uint32_t number;

	first = must_seal(place, old, "a", row_a, "first");
	assert_int_equal(keyring_add_key(place->master, &number, NULL, 0), ERR_OK);
	fresh = must_open(place);
	sealed = must_seal(place, fresh, "a", row_a, "second");
	assert_int_equal(keyring_current(old), 1);
	assert_int_equal(seal_open(old, place->arena, "a", row_a, sealed, &data), ERR_OK);
	assert_string_equal(data.data, "second");
	assert_int_equal(keyring_current(old), 2);
	assert_int_equal(seal_open(old, place->arena, "a", row_a, first, &data), ERR_OK);
	assert_string_equal(data.data, "first");
	keyring_free(&fresh);
	/* A file that has become useless does not take away the keys in memory. */
	put(place->master, "nonsense\n", 0400);
	((uint8_t *)(uintptr_t)sealed.data)[4] = 9;
	assert_int_equal(seal_open(old, place->arena, "a", row_a, sealed, &data), ERR_NO_KEY);
	(void)unlink(place->master);
	assert_int_equal(seal_open(old, place->arena, "a", row_a, sealed, &data), ERR_NO_KEY);
	assert_int_equal(seal_open(old, place->arena, "a", row_a, first, &data), ERR_OK);
	keyring_free(&old);
}

/* More purposes than sub-keys are kept; each goes on working. */
static void test_many_purposes(void **state)
{
	struct place *place = *state;
	struct keyring *keyring = open_one(place);
	struct bytes sealed[100];

	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < countof(sealed); i++) {
			struct bytes data = { NULL, 0 };
			char purpose[16];

			(void)snprintf(purpose, sizeof(purpose), "purpose %zu", i);
			if (round == 0)
				sealed[i] = must_seal(place, keyring, purpose, row_a, purpose);
			assert_int_equal(
			    seal_open(keyring, place->arena, purpose, row_a, sealed[i], &data),
			    ERR_OK);
			assert_string_equal(data.data, purpose);
		}
	}
	keyring_free(&keyring);
}

static void test_pepper(void **state)
{
	static const char *const labels[PEPPER__MAX] = { "bonafide pepper api-key",
		"bonafide pepper index", "bonafide pepper cursor", "bonafide pepper callback",
		"bonafide pepper email", "bonafide pepper code", "bonafide pepper refresh",
		"bonafide pepper session", "bonafide pepper document", "bonafide pepper media" };
	struct place *place = *state;
	struct keyring *keyring = open_one(place);
	uint8_t pepper[32], key[32], mac[32], expected[32];

	for (uint8_t i = 0; i < 32; i++)
		pepper[i] = (uint8_t)(0x20 + i);
	for (unsigned use = 0; use < PEPPER__MAX; use++) {
		assert_int_equal(hkdf_sha256(pepper, 32, labels[use], key, 32), ERR_OK);
		assert_int_equal(hmac_sha256(key, 32, "abc", 3, expected), ERR_OK);
		assert_int_equal(pepper_mac(keyring, (enum pepper_use)use, "abc", 3, mac), ERR_OK);
		assert_memory_equal(mac, expected, sizeof(mac));
	}
	assert_int_equal(pepper_mac(keyring, PEPPER__MAX, "abc", 3, mac), ERR_CRYPTO);
	keyring_free(&keyring);
}

/* The pages that hold keys carry the kernel's "do not dump" mark. */
static void test_kept_out_of_core_dumps(void **state)
{
	struct place *place = *state;
	struct keyring *keyring = open_one(place);
	FILE *maps = fopen("/proc/self/smaps", "re");
	char line[512];
	bool inside = false;
	bool marked = false;

	if (maps == NULL)
		skip();
	while (fgets(line, sizeof(line), maps) != NULL) {
		uintptr_t from = 0, to = 0;
		char *end = NULL;

		from = strtoul(line, &end, 16);
		if (*end == '-') {
			to = strtoul(end + 1, NULL, 16);
			inside = (uintptr_t)keyring >= from && (uintptr_t)keyring < to;
		} else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			marked = strstr(line, " dd") != NULL;
		}
	}
	(void)fclose(maps);
	assert_true(marked);
	keyring_free(&keyring);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_create_and_open),
		WITH_PLACE(test_create_refuses_existing),
		WITH_PLACE(test_master_file_forms),
		WITH_PLACE(test_refuses_bad_master),
		WITH_PLACE(test_refuses_bad_pepper),
		WITH_PLACE(test_refuses_modes_and_kinds),
		WITH_PLACE(test_refuses_another_owner),
		WITH_PLACE(test_add_key),
		WITH_PLACE(test_add_key_at_once),
		WITH_PLACE(test_seal_and_open),
		WITH_PLACE(test_sealed_form),
		WITH_PLACE(test_sealed_is_bound_to_its_place),
		WITH_PLACE(test_seal_refuses),
		WITH_PLACE(test_new_key_is_found),
		WITH_PLACE(test_many_purposes),
		WITH_PLACE(test_pepper),
		WITH_PLACE(test_kept_out_of_core_dumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
