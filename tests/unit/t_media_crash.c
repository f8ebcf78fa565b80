/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_media_crash.c: an upload, an expiry and a sweep that end at each of their steps on the disk, by a disk
 * that is full or broken from there on, or by SIGKILL: there is never a row without its file, nor a file that
 * nobody would find any more. The calls of the C library are ours here (the linker's --wrap). Run by
 * tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "clock.h"
#include "limits.h"
#include "media.h"

/* ---- a disk that fails ------------------------------------------------------------------------------- */

enum fate { FATE_NONE, FATE_ERROR, FATE_KILL };

static struct {
	enum fate fate;
	int after; /* calls that go well */
	int error;
	int hits;
	int syncs;
} disk;

/* Whether a call fails. Once the disk is full it stays so; takes_room: it is one that needs some. */
static bool hit(bool takes_room)
{
	if (disk.fate == FATE_NONE || (disk.fate == FATE_ERROR && !takes_room) || disk.after-- > 0)
		return false;
	if (disk.fate == FATE_KILL)
		(void)raise(SIGKILL);
	disk.after = 0;
	disk.hits++;
	errno = disk.error;
	return true;
}

static void arm(enum fate fate, int after, int error)
{
	disk.fate = fate;
	disk.after = after;
	disk.error = error;
	disk.hits = 0;
	disk.syncs = 0;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	unsigned mode = (flags & O_CREAT) != 0 ? va_arg(args, unsigned) : 0;
	va_end(args);
	return hit(true) ? -1 : __real_open(path, flags, mode);
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	/* The log is on another disk. */
	return fd > STDERR_FILENO && hit(true) ? -1 : __real_write(fd, data, len);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	disk.syncs++;
	return hit(true) ? -1 : __real_fsync(fd);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
	return hit(true) ? -1 : __real_mkdir(path, mode);
}

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to)
{
	return hit(true) ? -1 : __real_link(from, to);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
	return hit(false) ? -1 : __real_unlink(path);
}

/* The connection is lost in a commit, which the database got, or did not. */
static enum { COMMIT_KNOWN, COMMIT_DONE, COMMIT_LOST } commit_fate;

enum err __real_db_commit(struct db *db) MUST_CHECK;
enum err __wrap_db_commit(struct db *db) MUST_CHECK;
enum err __wrap_db_commit(struct db *db)
{
	if (commit_fate == COMMIT_KNOWN)
		return __real_db_commit(db);
	if (commit_fate == COMMIT_DONE)
		assert_int_equal(__real_db_commit(db), ERR_OK);
	else
		db_rollback_if_open(db);
	return ERR_DB_UNCERTAIN;
}

/* ---- what there is ------------------------------------------------------------------------------------ */

static int files_kept, files_new;

static int count_file(
    const char *path, const struct stat *stat UNUSED, int kind, struct FTW *at UNUSED)
{
	if (kind == FTW_F && strstr(path, "/new/") != NULL)
		files_new++;
	else if (kind == FTW_F)
		files_kept++;
	return 0;
}

static void count_files(void)
{
	files_kept = files_new = 0;
	(void)nftw(core_path("media"), count_file, 8, FTW_PHYS);
}

static int64_t rows(void)
{
	return core_number("SELECT COUNT(*) FROM media");
}

static void expect_nothing(void)
{
	count_files();
	assert_int_equal(files_new, 0);
	assert_int_equal(files_kept, 0);
	assert_int_equal(rows(), 0);
}

static int remove_one(
    const char *path, const struct stat *stat UNUSED, int kind UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static int set_up(void **state)
{
	char line[512];

	arm(FATE_NONE, 0, 0);
	commit_fate = COMMIT_KNOWN;
	clock_set(TIME_NONE);
	core_run("DELETE FROM media");
	(void)nftw(core_path("media"), remove_one, 8, FTW_DEPTH | FTW_PHYS);
	(void)snprintf(line, sizeof(line), "media_dir = %s\n", core_path("media"));
	core_settings(line);
	return core_set_up(state);
}

/* Everything was so long ago that it is over, and that no upload of then can be under way. */
static void later(void)
{
	clock_set(clock_now_ms() + (LIMIT_MEDIA_WAIT_S + 120) * INT64_C(1000));
}

/* ---- what is done ------------------------------------------------------------------------------------- */

#define COMMENT 65533

/* A JPEG of several chunks: comments, then the smallest frame and scan. */
static enum err upload(void)
{
	static const uint8_t begin[] = { 0xff, 0xd8 };
	static const uint8_t head[] = { 0xff, 0xfe, 0xff, 0xff };
	static const uint8_t end[] = { 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0xff, 0xda,
		0, 8, 1, 1, 0, 0, 0x3f, 0, 0x12, 0xff, 0xd9 };
	static const uint8_t comment[COMMENT];
	struct media_put *put = NULL;
	struct uuid id;
	int64_t until_ms = 0;
	enum err err = media_begin(&ctx, "image/jpeg", &put);

	if (err == ERR_OK)
		err = media_write(put, begin, sizeof(begin));
	for (int i = 0; i < 3 && err == ERR_OK; i++) {
		err = media_write(put, head, sizeof(head));
		if (err == ERR_OK)
			err = media_write(put, comment, sizeof(comment));
	}
	if (err == ERR_OK)
		err = media_write(put, end, sizeof(end));
	if (err == ERR_OK)
		err = media_commit(&ctx, &put, &id, &until_ms);
	media_abandon(&put);
	return err;
}

static enum err expire(void)
{
	uint64_t removed = 0;

	return media_expire(&ctx, 100, &removed);
}

static enum err sweep(void)
{
	uint64_t removed = 0;

	return media_sweep(&ctx, 100, &removed);
}

/* Does it in a process of its own that is killed before its nth call; false when it had fewer. */
static bool killed(enum err (*what)(void), int nth)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		ctx.db = core_db();
		arm(FATE_KILL, nth, 0);
		enum err err = what();
		_exit(err == ERR_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
	return WIFSIGNALED(status);
}

static enum err ignore(void *arg UNUSED, const void *data UNUSED, size_t len UNUSED)
{
	return ERR_OK;
}

/* Every row opens. */
static void expect_readable(void)
{
	struct row_media_overdue *found = NULL;
	size_t count = 0;

	assert_int_equal(
	    q_media_overdue(ctx.db, ctx.arena, INT64_C(4102444800000), 100, &found, &count),
	    ERR_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(media_read(&ctx, found[i].id, NULL, ignore, NULL), ERR_OK);
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

/* At every call that takes room; returns how many there were. */
static int fail_everywhere(int error, enum err expected)
{
	int nth = 0;

	for (;; nth++) {
		arm(FATE_ERROR, nth, error);
		enum err err = upload();
		bool was_hit = disk.hits > 0;
		int syncs = disk.syncs;
		arm(FATE_NONE, 0, 0);
		if (!was_hit) {
			assert_int_equal(err, ERR_OK);
			/* The file, and each directory that has a new name in it. */
			assert_true(syncs >= 1 + 3);
			break;
		}
		assert_int_equal(err, expected);
		expect_nothing();
	}
	count_files();
	assert_int_equal(files_kept, 1);
	assert_int_equal(files_new, 0);
	assert_int_equal(rows(), 1);
	expect_readable();
	return nth;
}

/* A directory for each level, the file, its head, four chunks, two names, and all of it on the disk. */
#define STEPS 15

static void test_full(void **state UNUSED)
{
	assert_true(fail_everywhere(ENOSPC, ERR_STORAGE_FULL) >= STEPS);
}

static void test_quota(void **state UNUSED)
{
	assert_true(fail_everywhere(EDQUOT, ERR_STORAGE_FULL) >= STEPS);
}

static void test_broken(void **state UNUSED)
{
	assert_true(fail_everywhere(EIO, ERR_IO) >= STEPS);
}

/* Nobody knows whether there is a row: the file stays until somebody has looked. */
static void test_uncertain(void **state UNUSED)
{
	for (int is_there = 0; is_there < 2; is_there++) {
		commit_fate = is_there != 0 ? COMMIT_DONE : COMMIT_LOST;
		assert_int_equal(upload(), ERR_DB_UNCERTAIN);
		commit_fate = COMMIT_KNOWN;
		count_files();
		assert_int_equal(files_kept, 1);
		assert_int_equal(rows(), is_there);
		later();
		assert_int_equal(sweep(), ERR_OK);
		count_files();
		assert_int_equal(files_new, 0);
		assert_int_equal(files_kept, is_there);
		expect_readable();
		assert_int_equal(expire(), ERR_OK);
		expect_nothing();
		clock_set(TIME_NONE);
	}
}

static void test_killed_upload(void **state UNUSED)
{
	int nth = 0;

	for (bool went_on = true; went_on; nth++) {
		went_on = killed(upload, nth);
		/* Nothing is without its first name but what has a row. */
		count_files();
		assert_true(files_kept <= rows() + files_new);
		expect_readable();
		later();
		assert_int_equal(sweep(), ERR_OK);
		count_files();
		assert_int_equal(files_new, 0);
		assert_int_equal(files_kept, rows());
		expect_readable();
		assert_int_equal(expire(), ERR_OK);
		expect_nothing();
		clock_set(TIME_NONE);
	}
	assert_true(nth > STEPS);
}

static void test_killed_expiry(void **state UNUSED)
{
	int nth = 0;

	for (bool went_on = true; went_on; nth++) {
		assert_int_equal(upload(), ERR_OK);
		assert_int_equal(upload(), ERR_OK);
		later();
		went_on = killed(expire, nth);
		count_files();
		assert_true(files_kept <= rows());
		assert_int_equal(expire(), ERR_OK);
		expect_nothing();
		clock_set(TIME_NONE);
	}
	/* Each has its two names removed. */
	assert_true(nth > 3);
}

/* Of uploads that had both names and no row, or only the first. */
static void test_killed_sweep(void **state UNUSED)
{
	int last = 0, nth = 0;

	while (killed(upload, last))
		last++;
	assert_int_equal(set_up(NULL), 0);
	for (bool went_on = true; went_on; nth++) {
		assert_true(killed(upload, last - 2));
		assert_true(killed(upload, 4));
		count_files();
		assert_int_equal(files_new, 2);
		assert_int_equal(files_kept, 1);
		assert_int_equal(rows(), 0);
		later();
		went_on = killed(sweep, nth);
		assert_int_equal(sweep(), ERR_OK);
		expect_nothing();
		clock_set(TIME_NONE);
	}
	assert_true(nth > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_full, set_up),
		cmocka_unit_test_setup(test_quota, set_up),
		cmocka_unit_test_setup(test_broken, set_up),
		cmocka_unit_test_setup(test_uncertain, set_up),
		cmocka_unit_test_setup(test_killed_upload, set_up),
		cmocka_unit_test_setup(test_killed_expiry, set_up),
		cmocka_unit_test_setup(test_killed_sweep, set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)nftw(core_path("media"), remove_one, 8, FTW_DEPTH | FTW_PHYS);
	core_close();
	return failed;
}
