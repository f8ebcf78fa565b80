/* SPDX-License-Identifier: Apache-2.0 */
/* t_sealfile.c: sealed files come back as they were, and what is done to one is found. */
#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "sealfile.h"

#define HEADER 24
#define STEP (SEALFILE_CHUNK + GCM_TAG_SIZE)
#define MOST (3 * SEALFILE_CHUNK + 100)

static const uint8_t key[GCM_KEY_SIZE] = { 1, 2, 3 };
static const struct uuid id = { { 0x42 } };
static char path[] = "/tmp/t_sealfile.XXXXXX";
static uint8_t content[MOST], bytes[2 * MOST];

struct got {
	size_t len;
	bool fits;
};

static enum err sink(void *arg, const void *data, size_t len)
{
	struct got *got = arg;

	got->fits =
	    got->fits && len <= MOST - got->len && memcmp(content + got->len, data, len) == 0;
	got->len += len;
	return ERR_OK;
}

static void write_file(size_t len, size_t piece)
{
	struct sealfile *file = NULL;

	(void)unlink(path);
	assert_int_equal(sealfile_create(path, key, id, &file), ERR_OK);
	for (size_t at = 0; at < len; at += piece)
		assert_int_equal(
		    sealfile_write(file, content + at, len - at < piece ? len - at : piece),
		    ERR_OK);
	assert_int_equal(sealfile_finish(file), ERR_OK);
	sealfile_free(&file);
	assert_null(file);
}

/* The file as bytes; back with as many as len. */
static size_t load(void)
{
	FILE *file = fopen(path, "rb");
	size_t len = fread(bytes, 1, sizeof(bytes), file);

	(void)fclose(file);
	return len;
}

static void store(size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void reads_as(enum err wanted)
{
	struct got got = { 0, true };

	assert_int_equal(sealfile_read(path, key, id, sink, &got), wanted);
	/* Whatever was handed on before the fault was right. */
	assert_true(got.fits);
}

static void test_round_trip(void **state UNUSED)
{
	static const size_t sizes[] = { 0, 1, SEALFILE_CHUNK - 1, SEALFILE_CHUNK,
		SEALFILE_CHUNK + 1, 3 * SEALFILE_CHUNK, MOST };

	for (size_t i = 0; i < countof(sizes); i++) {
		struct got got = { 0, true };
		struct stat at;
		write_file(sizes[i], i % 2 == 0 ? 1000 : MOST);
		assert_int_equal(sealfile_read(path, key, id, sink, &got), ERR_OK);
		assert_true(got.fits);
		assert_int_equal(got.len, sizes[i]);
		assert_int_equal(load(), sealfile_size(sizes[i]));
		assert_int_equal(stat(path, &at), 0);
		assert_int_equal(at.st_mode & 07777, 0600);
	}
}

/* As it comes from elsewhere: in pieces of any size, and with nothing said of the end. */
static void test_in_pieces(void **state UNUSED)
{
	static const size_t pieces[] = { 1, HEADER, HEADER + 1, 1000, STEP, 2 * MOST };

	write_file(2 * SEALFILE_CHUNK + 9, MOST);
	size_t len = load();
	for (size_t i = 0; i < countof(pieces); i++) {
		struct got got = { 0, true };
		struct sealopen *seal = NULL;
		assert_int_equal(sealopen_new(key, id, sink, &got, &seal), ERR_OK);
		for (size_t at = 0; at < len; at += pieces[i]) {
			size_t piece = len - at < pieces[i] ? len - at : pieces[i];
			assert_int_equal(sealopen_add(seal, bytes + at, piece), ERR_OK);
		}
		assert_int_equal(got.len, 2 * SEALFILE_CHUNK);
		assert_int_equal(sealopen_end(seal), ERR_OK);
		assert_true(got.fits && got.len == 2 * SEALFILE_CHUNK + 9);
		sealopen_free(&seal);
		assert_null(seal);
	}
}

static enum err refuse(void *arg UNUSED, const void *data UNUSED, size_t len UNUSED)
{
	return ERR_FULL;
}

static void test_ends_of_pieces(void **state UNUSED)
{
	struct got got = { 0, true };
	struct sealopen *seal = NULL;

	/* Nothing, and half a header, are no file. */
	assert_int_equal(sealopen_new(key, id, sink, &got, &seal), ERR_OK);
	assert_int_equal(sealopen_add(seal, bytes, 0), ERR_OK);
	assert_int_equal(sealopen_end(seal), ERR_TAMPERED);
	write_file(10, 10);
	size_t len = load();
	assert_int_equal(sealopen_add(seal, bytes, 10), ERR_OK);
	assert_int_equal(sealopen_end(seal), ERR_TAMPERED);
	sealopen_free(&seal);
	/* What the sink says ends it. */
	assert_int_equal(sealopen_new(key, id, refuse, NULL, &seal), ERR_OK);
	assert_int_equal(sealopen_add(seal, bytes, len), ERR_OK);
	assert_int_equal(sealopen_end(seal), ERR_FULL);
	sealopen_free(&seal);
	sealopen_free(&seal);
}

static void test_no_file_is_written_over(void **state UNUSED)
{
	struct sealfile *file = NULL;

	write_file(10, 10);
	assert_int_equal(sealfile_create(path, key, id, &file), ERR_IO);
	assert_null(file);
	reads_as(ERR_OK);
}

/* A link in a file's place leads nowhere, whoever put it there. */
static void test_links(void **state UNUSED)
{
	struct sealfile *file = NULL;
	struct got got = { 0, true };
	char name[sizeof(path) + 2];

	write_file(10, 10);
	(void)snprintf(name, sizeof(name), "%s.l", path);
	assert_int_equal(symlink(path, name), 0);
	assert_int_equal(sealfile_read(name, key, id, sink, &got), ERR_IO);
	assert_int_equal(got.len, 0);
	(void)unlink(path);
	assert_int_equal(sealfile_create(name, key, id, &file), ERR_IO);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(unlink(name), 0);
}

static void test_any_change_is_found(void **state UNUSED)
{
	write_file(SEALFILE_CHUNK + 10, MOST);
	size_t len = load();
	for (size_t at = 0; at < len; at += at < HEADER + 40 || at + 60 > len ? 1 : 997) {
		bytes[at] ^= 1;
		store(len);
		reads_as(ERR_TAMPERED);
		bytes[at] ^= 1;
	}
	store(len);
	reads_as(ERR_OK);
}

static void test_any_cut_is_found(void **state UNUSED)
{
	write_file(2 * SEALFILE_CHUNK, MOST);
	size_t len = load();
	/* Not in the middle of a chunk alone: also where one ends. */
	const size_t cuts[] = { 0, 1, HEADER - 1, HEADER, HEADER + GCM_TAG_SIZE, HEADER + STEP - 1,
		HEADER + STEP, HEADER + 2 * STEP, len - 1 };
	for (size_t i = 0; i < countof(cuts); i++) {
		assert_true(cuts[i] < len);
		store(cuts[i]);
		reads_as(ERR_TAMPERED);
	}
	memcpy(bytes + len, bytes + HEADER, 100);
	store(len + 100);
	reads_as(ERR_TAMPERED);
}

static void test_order_is_kept(void **state UNUSED)
{
	static uint8_t first[STEP];

	write_file(MOST, MOST);
	size_t len = load();
	memcpy(first, bytes + HEADER, STEP);
	memcpy(bytes + HEADER, bytes + HEADER + STEP, STEP);
	memcpy(bytes + HEADER + STEP, first, STEP);
	store(len);
	reads_as(ERR_TAMPERED);
}

static void test_whose_it_is(void **state UNUSED)
{
	static const uint8_t other_key[GCM_KEY_SIZE] = { 9 };
	static const struct uuid other = { { 0x43 } };
	struct got got = { 0, true };

	write_file(100, 100);
	assert_int_equal(sealfile_read(path, other_key, id, sink, &got), ERR_TAMPERED);
	assert_int_equal(sealfile_read(path, key, other, sink, &got), ERR_TAMPERED);
	/* The header changed to fit: the tags do not. */
	size_t len = load();
	bytes[8] = 0x43;
	store(len);
	assert_int_equal(sealfile_read(path, key, other, sink, &got), ERR_TAMPERED);
	assert_int_equal(got.len, 0);
	(void)unlink(path);
	assert_int_equal(sealfile_read(path, key, id, sink, &got), ERR_MISSING);
}

/* What sealfile.h says of the form: the last chunk's nonce begins with 1 and ends in its number, and the
 * header is associated data. */
static void test_form(void **state UNUSED)
{
	static const uint8_t begin[8] = { 'B', 'F', 'S', 'F', 1, 0, 0, 0 };
	uint8_t first[GCM_NONCE_SIZE] = { 0 }, last[GCM_NONCE_SIZE] = { 1 }, out[STEP];

	write_file(SEALFILE_CHUNK + 3, MOST);
	size_t len = load();
	assert_int_equal(len, HEADER + STEP + 3 + GCM_TAG_SIZE);
	assert_memory_equal(bytes, begin, sizeof(begin));
	assert_memory_equal(bytes + sizeof(begin), id.b, sizeof(id.b));
	assert_int_equal(
	    gcm_seal(key, first, bytes, HEADER, content, SEALFILE_CHUNK, out, out + SEALFILE_CHUNK),
	    ERR_OK);
	assert_memory_equal(bytes + HEADER, out, STEP);
	last[GCM_NONCE_SIZE - 1] = 1;
	assert_int_equal(
	    gcm_seal(key, last, bytes, HEADER, content + SEALFILE_CHUNK, 3, out, out + 3), ERR_OK);
	assert_memory_equal(bytes + HEADER + STEP, out, 3 + GCM_TAG_SIZE);
}

int main(void)
{
	int fd = mkstemp(path);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_ends_of_pieces),
		cmocka_unit_test(test_no_file_is_written_over),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_any_change_is_found),
		cmocka_unit_test(test_any_cut_is_found),
		cmocka_unit_test(test_order_is_kept),
		cmocka_unit_test(test_whose_it_is),
	};

	if (fd < 0)
		return 1;
	(void)close(fd);
	for (size_t i = 0; i < MOST; i++)
		content[i] = (uint8_t)(i * 7 + i / 251);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	return failed;
}
