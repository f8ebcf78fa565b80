/* SPDX-License-Identifier: Apache-2.0 */
/* t_shm.c: pages that forks share, and the file another program reads them through. */
#include "base.h"
#include "shm.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int directory_make(void **state)
{
	char *directory = strdup("/tmp/t_shm.XXXXXX");

	*state = directory;
	return directory != NULL && mkdtemp(directory) != NULL ? 0 : -1;
}

static int directory_remove(void **state)
{
	char *directory = *state;
	char path[64];
	int left;

	(void)snprintf(path, sizeof(path), "%s/board", directory);
	(void)unlink(path);
	left = rmdir(directory);
	free(directory);
	return left;
}

/* Two children count in the same word. */
static void count_in_children(struct shm *shm)
{
	_Atomic uint64_t *word = shm->base;

	for (unsigned child = 0; child < 2; child++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			for (unsigned i = 0; i < 1000; i++)
				atomic_fetch_add(word, 1);
			_exit(0);
		}
	}
	for (unsigned child = 0; child < 2; child++) {
		int status = 1;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_true(atomic_load(word) == 2000);
}

static void test_anonymous(void **state)
{
	struct shm shm = { NULL, 0 };

	(void)state;
	assert_int_equal(shm_create("", 5000, &shm), ERR_OK);
	assert_int_equal(shm.size_bytes % (size_t)sysconf(_SC_PAGESIZE), 0);
	assert_true(shm.size_bytes >= 5000);
	for (size_t i = 0; i < shm.size_bytes; i++)
		assert_int_equal(((char *)shm.base)[i], 0);
	count_in_children(&shm);
	shm_close(&shm);
	assert_null(shm.base);
	shm_close(&shm);
	assert_int_equal(shm_create(NULL, 1, &shm), ERR_OK);
	shm_close(&shm);
	assert_int_equal(shm_create(NULL, 0, &shm), ERR_IO);
	assert_int_equal(shm_create(NULL, SIZE_MAX - 1, &shm), ERR_IO);
	assert_null(shm.base);
}

static void test_file(void **state)
{
	struct shm first = { NULL, 0 }, second = { NULL, 0 }, reader = { NULL, 0 };
	struct stat st;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/board", (const char *)*state);
	assert_int_equal(shm_attach(path, 1, &reader), ERR_MISSING);
	assert_int_equal(shm_create(path, 100, &first), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	count_in_children(&first);
	assert_int_equal(shm_attach(path, 100, &reader), ERR_OK);
	assert_true(*(_Atomic uint64_t *)reader.base == 2000);
	/* A second pool takes the name; the first one's readers keep what they have. */
	assert_int_equal(shm_create(path, 100, &second), ERR_OK);
	atomic_store((_Atomic uint64_t *)second.base, 7);
	assert_true(*(_Atomic uint64_t *)reader.base == 2000);
	shm_close(&reader);
	assert_int_equal(shm_attach(path, 100, &reader), ERR_OK);
	assert_true(*(_Atomic uint64_t *)reader.base == 7);
	shm_close(&reader);
	shm_close(&second);
	shm_close(&first);
}

static void test_refuses(void **state)
{
	struct shm shm = { NULL, 0 };
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/board", (const char *)*state);
	assert_int_equal(shm_create("/nonexistent/board", 100, &shm), ERR_IO);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(shm_attach(path, 1, &shm), ERR_SYNTAX);
	assert_int_equal(write(fd, "12345", 5), 5);
	(void)close(fd);
	assert_int_equal(shm_attach(path, 6, &shm), ERR_SYNTAX);
	assert_int_equal(shm_attach(path, 5, &shm), ERR_OK);
	shm_close(&shm);
	assert_int_equal(shm_attach(*state, 1, &shm), ERR_IO);
	assert_null(shm.base);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORY(test_anonymous),
		WITH_DIRECTORY(test_file),
		WITH_DIRECTORY(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
