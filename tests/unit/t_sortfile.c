/* SPDX-License-Identifier: Apache-2.0 */
/* t_sortfile.c: finding a line in a sorted file, wherever it is, and what is no such file. */
#include "base.h"
#include "buf.h"
#include "sortfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/t_sortfile.XXXXXX";

static int make_file(void **state UNUSED)
{
	int fd = mkstemp(path);

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static int remove_file(void **state UNUSED)
{
	return unlink(path);
}

static void write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static bool found(const char *line)
{
	char reason[256] = "";
	bool is = false;

	assert_int_equal(sortfile_find(path, line, &is, reason, sizeof(reason)), ERR_OK);
	return is;
}

/* Every line is found and nothing between two is, whatever the lengths. */
static void test_every_line(void **state UNUSED)
{
	for (int lines = 0; lines <= 40; lines++) {
		for (int last = 0; last < 2; last++) {
			struct buf text;
			char line[64];
			uint64_t count = 9999;
			buf_init(&text, 4096);
			for (int i = 0; i < lines; i++) {
				(void)snprintf(line, sizeof(line), "%02d%.*s%s", i * 2, i * 7 % 23,
				    "aaaaaaaaaaaaaaaaaaaaaaaaa",
				    last && i + 1 == lines ? "" : "\n");
				buf_adds(&text, line);
			}
			write_file(buf_str(&text), text.len);
			buf_free(&text);
			assert_int_equal(sortfile_check(path, &count, NULL, 0), ERR_OK);
			assert_int_equal(count, lines);
			for (int i = 0; i < lines; i++) {
				(void)snprintf(line, sizeof(line), "%02d%.*s", i * 2, i * 7 % 23,
				    "aaaaaaaaaaaaaaaaaaaaaaaaa");
				assert_true(found(line));
				(void)snprintf(line, sizeof(line), "%02d", i * 2 + 1);
				assert_false(found(line));
			}
			assert_false(found(""));
			assert_false(found("zz"));
		}
	}
}

static void test_bytes_not_letters(void **state UNUSED)
{
	static const char text[] = "A\nZ\na\nab\nz\n\xc3\xa9t\xc3\xa9\n\xff\n";
	uint64_t count = 0;

	write_file(text, sizeof(text) - 1);
	assert_int_equal(sortfile_check(path, &count, NULL, 0), ERR_OK);
	assert_true(found("\xc3\xa9t\xc3\xa9") && found("\xff") && found("A") && found("z"));
	assert_false(found("aa") || found("b") || found("\xc3"));
}

/* A line may be longer than is ever looked for; those around it are found all the same. */
static void test_long_lines(void **state UNUSED)
{
	static char text[8192];
	uint64_t count = 0;
	char reason[256] = "";

	memcpy(text, "a\nb", 3);
	memset(text + 3, 'b', 5000);
	memcpy(text + 5003, "\nc\n", 4);
	write_file(text, strlen(text));
	assert_true(found("a") && found("c"));
	assert_false(found("b"));
	assert_int_equal(sortfile_check(path, &count, reason, sizeof(reason)), ERR_CONFIG);
	assert_non_null(strstr(reason, "line 2 is longer than 1024 bytes"));
}

static void test_what_is_no_such_file(void **state UNUSED)
{
	static const struct {
		const char *text, *says;
	} faults[] = { { "b\na\n", "line 2 is not in its place" },
		{ "a\nb\nab\n", "line 3 is not in its place" },
		{ "a\r\nb\r\n", "line 1 ends in a carriage return" } };
	char reason[256];
	uint64_t count = 0;
	bool is = false;

	for (size_t i = 0; i < countof(faults); i++) {
		write_file(faults[i].text, strlen(faults[i].text));
		assert_int_equal(sortfile_check(path, &count, reason, sizeof(reason)), ERR_CONFIG);
		assert_non_null(strstr(reason, faults[i].says));
	}
	assert_int_equal(sortfile_find("/nowhere", "x", &is, reason, sizeof(reason)), ERR_IO);
	assert_non_null(strstr(reason, "/nowhere: cannot open it"));
	assert_int_equal(sortfile_find("/tmp", "x", &is, reason, sizeof(reason)), ERR_IO);
	assert_int_equal(sortfile_check("/nowhere", &count, reason, sizeof(reason)), ERR_IO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line),
		cmocka_unit_test(test_bytes_not_letters),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_what_is_no_such_file),
	};

	return cmocka_run_group_tests_name("sortfile", tests, make_file, remove_file);
}
