/* SPDX-License-Identifier: Apache-2.0 */
/* t_keycache.c: what is refused without asking the database, and the wait after a revocation.
 * The database here is a socket that does not exist: whoever asks it, fails. */
#include "base.h"
#include "clock.h"
#include "keycache.h"
#include "stmt.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#define LEASE_MS 40

/* Made by hand: a prefix, 42 characters, and the CRC-32 (zlib's) of both in base 62. */
#define LIVE_KEY "dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4ffhXR"
#define SANDBOX_KEY "dme_sandbox_KLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz26lfno"

static struct {
	char directory[64];
	char master[96];
	char pepper[96];
	struct board board;
	struct keycache *cache;
	struct ctx ctx;
} place;

static int set_up(void **state UNUSED)
{
	static const struct db_config nowhere = { .socket = "/nonexistent/t_keycache.sock",
		.host = "",
		.name = "none",
		.user = "nobody",
		.password = "",
		.connect_timeout_s = 1,
		.read_timeout_s = 1 };

	(void)snprintf(place.directory, sizeof(place.directory), "/tmp/t_keycache.XXXXXX");
	if (mkdtemp(place.directory) == NULL)
		return -1;
	(void)snprintf(place.master, sizeof(place.master), "%s/master.key", place.directory);
	(void)snprintf(place.pepper, sizeof(place.pepper), "%s/pepper", place.directory);
	enum err err = keyring_create_files(place.master, place.pepper, NULL, 0);
	if (err == ERR_OK)
		err = keyring_open(place.master, place.pepper, &place.ctx.keyring, NULL, 0);
	if (err == ERR_OK)
		err = arena_new(1 << 20, &place.ctx.arena);
	if (err == ERR_OK)
		err = db_new(&nowhere, stmt_table, ST__MAX, &place.ctx.db);
	if (err == ERR_OK)
		err = keycache_new(&place.board, LEASE_MS, &place.cache);
	return err == ERR_OK ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	keycache_free(&place.cache);
	db_free(&place.ctx.db);
	arena_free(&place.ctx.arena);
	keyring_free(&place.ctx.keyring);
	(void)unlink(place.master);
	(void)unlink(place.pepper);
	return rmdir(place.directory);
}

/* The key is left alone whatever the refusal. */
static enum err look(const char *text)
{
	struct key_found key, before;

	memset(&key, 0x55, sizeof(key));
	memset(&before, 0x55, sizeof(before));
	enum err err = keycache_find(place.cache, &place.ctx, text, &key);
	assert_memory_equal(&key, &before, sizeof(key));
	return err;
}

static void test_implausible_keys_cost_no_query(void **state UNUSED)
{
	static const char *const wrong[] = {
		NULL,
		"",
		" ",
		"dme_live_",
		"secret",
		/* One character of another kind in each part. */
		"dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdeg4ffhXR",
		"dme_live_1123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4ffhXR",
		"dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4ffhXS",
		"dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4ffhxR",
		"dme_sandbox_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4ffhXR",
		/* Right sums over the wrong thing: prefix, case, length, alphabet. */
		"dme_test_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4ITplr",
		"DME_LIVE_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4OJosU",
		"dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcde0aYHTV",
		"dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2fvIja",
		"dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcde_2vpePV",
		/* Something around it, or not all of it. */
		LIVE_KEY "\n",
		LIVE_KEY " ",
		" " LIVE_KEY,
		LIVE_KEY LIVE_KEY,
		"dme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef4ffhX",
	};

	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(look(wrong[i]), ERR_UNAUTHORIZED);
	/* The handle says what its last failure was: it was never asked. */
	assert_string_equal(db_failure(place.ctx.db), "");
	assert_int_equal(db_generation(place.ctx.db), 0);
}

static void test_a_key_that_is_too_long(void **state UNUSED)
{
	char text[4096];

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "dme_live_", strlen("dme_live_"));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(look(text), ERR_UNAUTHORIZED);
	text[LIMIT_API_KEY + 1] = '\0';
	assert_int_equal(look(text), ERR_UNAUTHORIZED);
	text[LIMIT_API_KEY] = '\0';
	assert_int_equal(look(text), ERR_UNAUTHORIZED);
	assert_string_equal(db_failure(place.ctx.db), "");
}

/* Not ERR_UNAUTHORIZED: a database that is away must not tell a customer that his key is bad. */
static void test_plausible_keys_are_asked_for(void **state UNUSED)
{
	assert_int_equal(look(LIVE_KEY), ERR_DB_NOT_READY);
	assert_string_not_equal(db_failure(place.ctx.db), "");
	assert_int_equal(look(SANDBOX_KEY), ERR_DB_NOT_READY);
	/* A failure is not remembered as an answer: it is asked for again. */
	assert_int_equal(look(LIVE_KEY), ERR_DB_NOT_READY);
}

static void test_revocation_moves_the_epoch_and_waits_out_the_lease(void **state UNUSED)
{
	int64_t began_ms = clock_mono_ms();

	atomic_store(&place.board.revocation_epoch, 41);
	keycache_revoked(place.cache);
	assert_int_equal(atomic_load(&place.board.revocation_epoch), 42);
	assert_true(clock_mono_ms() - began_ms > LEASE_MS);
}

static void wake(int number UNUSED)
{
}

/* A signal ends one sleep, never the wait: who revoked a key says so only when it is true. */
static void test_signals_do_not_shorten_the_wait(void **state UNUSED)
{
	static const struct itimerval every_5_ms = { { 0, 5000 }, { 0, 5000 } }, none;
	struct sigaction action = { .sa_handler = wake }, before;

	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &every_5_ms, NULL), 0);
	int64_t began_ms = clock_mono_ms();
	keycache_revoked(place.cache);
	int64_t took_ms = clock_mono_ms() - began_ms;
	assert_int_equal(setitimer(ITIMER_REAL, &none, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_true(took_ms > LEASE_MS);
}

static void test_touching_a_key_that_is_not_held(void **state UNUSED)
{
	keycache_touched(place.cache, (struct uuid){ { 1 } }, 1);
	/* An empty entry has the nil id and is still not an entry. */
	keycache_touched(place.cache, UUID_NIL, 1);
	assert_int_equal(look(""), ERR_UNAUTHORIZED);
}

static void test_free_accepts_nothing(void **state UNUSED)
{
	struct keycache *none = NULL;

	keycache_free(NULL);
	keycache_free(&none);
	assert_int_equal(keycache_new(&place.board, 1000, &none), ERR_OK);
	assert_non_null(none);
	keycache_free(&none);
	assert_null(none);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_implausible_keys_cost_no_query),
		TEST(test_a_key_that_is_too_long),
		TEST(test_plausible_keys_are_asked_for),
		TEST(test_revocation_moves_the_epoch_and_waits_out_the_lease),
		TEST(test_signals_do_not_shorten_the_wait),
		TEST(test_touching_a_key_that_is_not_held),
		TEST(test_free_accepts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
