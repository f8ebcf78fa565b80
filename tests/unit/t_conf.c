/* SPDX-License-Identifier: Apache-2.0 */
/* t_conf.c: each fault of a settings file with its line, and the texts written from the rows. */
#include "base.h"
#include "arena.h"
#include "conf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct sample {
	const char *name;
	const char *directory;
	const char *level;
	const char *api_key;
	int64_t workers;
	int64_t least;
	int64_t mode;
	bool eager;
};

#define AT(type, member) MEMBER_IS(type, struct sample, member)

static const struct conf_row rows[] = {
	{ CONF_TEXT, "name", AT(const char *, name), "No", 0, 0, NULL, CONF_RELOADS,
	    "What it is called. It may hold \"quotes\" and back\\slashes, e.g. in a name. "
	    ".This sentence starts with a dot and is long enough to need more than one line." },
	{ CONF_PATH, "directory", AT(const char *, directory), "/var/lib/x", 0, 0, NULL,
	    CONF_RESTARTS, "Where it lives." },
	{ CONF_CHOICE, "level", AT(const char *, level), "info", 0, 0, "debug|info|error",
	    CONF_RELOADS, "How much it says." },
	{ CONF_TEXT, "api_key", AT(const char *, api_key), "", 0, 0, NULL, CONF_RELOADS,
	    "A word nobody should see." },
	{ CONF_INT, "workers", AT(int64_t, workers), "8", 1, 512, NULL, CONF_RESTARTS,
	    "How many." },
	{ CONF_INT, "least_token", AT(int64_t, least), "-1", -5, 5, NULL, CONF_RELOADS, "Least." },
	{ CONF_OCTAL, "mode", AT(int64_t, mode), "0660", 0, 0777, NULL, CONF_RELOADS, "Mode." },
	{ CONF_BOOL, "eager", AT(bool, eager), "no", 0, 0, NULL, CONF_RELOADS, "Eager?" },
};

struct work {
	char path[64];
	struct arena *arena;
	struct buf complaints;
	struct sample sample;
};

static int work_make(void **state)
{
	struct work *work = calloc(1, sizeof(*work));
	int fd;

	if (work == NULL)
		return -1;
	(void)snprintf(work->path, sizeof(work->path), "/tmp/t_conf.XXXXXX");
	fd = mkostemp(work->path, O_CLOEXEC);
	if (fd < 0)
		return -1;
	(void)close(fd);
	buf_init(&work->complaints, 65536);
	*state = work;
	return arena_new(65536, &work->arena) == ERR_OK ? 0 : -1;
}

static int work_remove(void **state)
{
	struct work *work = *state;

	arena_free(&work->arena);
	buf_free(&work->complaints);
	(void)unlink(work->path);
	free(work);
	return 0;
}

static enum err read_bytes(struct work *work, const char *text, size_t len)
{
	int fd = open(work->path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	(void)close(fd);
	buf_clear(&work->complaints);
	memset(&work->sample, 0, sizeof(work->sample));
	return conf_read(
	    rows, countof(rows), work->path, work->arena, &work->sample, &work->complaints);
}

static enum err read_text(struct work *work, const char *text)
{
	return read_bytes(work, text, strlen(text));
}

/* The file has exactly these complaints; "~" stands for its path. */
static void complains(struct work *work, const char *text, const char *wanted)
{
	struct buf full;

	assert_int_equal(read_text(work, text), ERR_CONFIG);
	buf_init(&full, 65536);
	for (const char *c = wanted; *c != '\0'; c++) {
		if (*c == '~')
			buf_adds(&full, work->path);
		else
			buf_addc(&full, *c);
	}
	assert_string_equal(buf_str(&work->complaints), buf_str(&full));
	buf_free(&full);
}

static void test_defaults(void **state)
{
	struct work *work = *state;

	assert_int_equal(
	    conf_read(rows, countof(rows), NULL, work->arena, &work->sample, &work->complaints),
	    ERR_OK);
	assert_string_equal(work->sample.name, "No");
	assert_string_equal(work->sample.directory, "/var/lib/x");
	assert_string_equal(work->sample.level, "info");
	assert_string_equal(work->sample.api_key, "");
	assert_int_equal(work->sample.workers, 8);
	assert_int_equal(work->sample.least, -1);
	assert_int_equal(work->sample.mode, 0660);
	assert_false(work->sample.eager);
	assert_string_equal(buf_str(&work->complaints), "");
}

static void test_reads_a_file(void **state)
{
	struct work *work = *state;

	assert_int_equal(
	    read_text(work, "\xef\xbb\xbf# comment\n; another\n\n  name = caf\xc3\xa9 = x:y\r\n"
			    "directory=\n\tlevel =debug\neager= yes ; why\nworkers = 512\t# all\n"
			    "mode = 600\nleast_token = -5\napi_key = a;b#c"),
	    ERR_OK);
	assert_string_equal(buf_str(&work->complaints), "");
	assert_string_equal(work->sample.name, "caf\xc3\xa9 = x:y");
	assert_string_equal(work->sample.directory, "");
	assert_string_equal(work->sample.level, "debug");
	assert_true(work->sample.eager);
	assert_int_equal(work->sample.workers, 512);
	assert_int_equal(work->sample.mode, 0600);
	assert_int_equal(work->sample.least, -5);
	assert_string_equal(work->sample.api_key, "a;b#c");
	assert_int_equal(read_text(work, ""), ERR_OK);
	assert_int_equal(work->sample.workers, 8);
}

static void test_complains_of_values(void **state)
{
	struct work *work = *state;

	complains(work,
	    "workers = 0\n\nlevel = loud\neager = maybe\nmode = 0888\ndirectory = here\n",
	    "~:1: workers must be a whole number from 1 to 512, not \"0\".\n"
	    "~:3: level must be one of debug|info|error, not \"loud\".\n"
	    "~:4: eager must be yes or no, not \"maybe\".\n"
	    "~:5: mode must be an octal number up to 0777, not \"0888\".\n"
	    "~:6: directory must be an absolute path or empty, not \"here\".\n");
	/* A fault leaves the default, and the good lines count. */
	assert_int_equal(work->sample.workers, 8);
	complains(work, "workers = 8x\nlevel = inf\nworkers = 3\nlevel = \"info\"\n",
	    "~:1: workers must be a whole number from 1 to 512, not \"8x\".\n"
	    "~:2: level must be one of debug|info|error, not \"inf\".\n"
	    "~:3: workers is set already on line 1.\n"
	    "~:4: level is set already on line 2.\n");
	complains(work, "name = \"x\"\n", "~:1: name: a value is written without quotes.\n");
	complains(
	    work, "name = a\xff\n", "~:1: name must be UTF-8 text of at most 1024 characters.\n");
	complains(work, "name = a\x1b[2J\n",
	    "~:1: name must be UTF-8 text of at most 1024 characters.\n");
}

static void test_shows_no_secret(void **state)
{
	struct work *work = *state;

	complains(work, "least_token = s3cret\n",
	    "~:1: least_token must be a whole number from -5 to 5.\n");
	assert_null(strstr(buf_str(&work->complaints), "s3cret"));
}

static void test_complains_of_lines(void **state)
{
	struct work *work = *state;
	char text[512];

	complains(work, "# c\n[main]\nworkers\n= 3\nname = x\n   nonsense here\n",
	    "~:2: section headers are not used in this file.\n"
	    "~:3: this line is not \"key = value\".\n"
	    "~:4: there is no setting \"\".\n"
	    "~:6: this line is not \"key = value\".\n");
	assert_string_equal(work->sample.name, "x");
	complains(work, "last", "~:1: this line is not \"key = value\".\n");
	/* Longer than libinih's line: said, not cut; a comment may be of any length. */
	memset(text, 'a', sizeof(text));
	memcpy(text, "name = ", 7);
	text[sizeof(text) - 1] = '\0';
	complains(work, text, "~:1: this line is too long.\n");
	memcpy(text, "# name ", 7);
	assert_int_equal(read_text(work, text), ERR_OK);
	memset(text, 'a', sizeof(text));
	memcpy(text, "name = ", 7);
	text[180] = '\0';
	assert_int_equal(read_text(work, text), ERR_OK);
	assert_int_equal(strlen(work->sample.name), 173);
	assert_int_equal(read_bytes(work, "name = a\0b\nworkers = 4\n", 23), ERR_CONFIG);
	assert_non_null(strstr(buf_str(&work->complaints), ":1: this line holds a NUL"));
	assert_int_equal(work->sample.workers, 4);
}

static void test_suggests(void **state)
{
	struct work *work = *state;

	complains(work, "wrokers = 8\nDirectory = /x\nzzzzzzzz = 1\n",
	    "~:1: there is no setting \"wrokers\"; did you mean \"workers\"?\n"
	    "~:2: there is no setting \"Directory\"; did you mean \"directory\"?\n"
	    "~:3: there is no setting \"zzzzzzzz\".\n");
	complains(work,
	    "a\x1b"
	    "b = 1\n",
	    "~:1: this is not the name of a setting.\n");
}

static void test_file_that_cannot_be_read(void **state)
{
	struct work *work = *state;

	assert_int_equal(conf_read(rows, countof(rows), "/nonexistent/x.conf", work->arena,
			     &work->sample, &work->complaints),
	    ERR_IO);
	assert_string_equal(buf_str(&work->complaints),
	    "/nonexistent/x.conf:0: cannot open this file: No such file or directory.\n");
	buf_clear(&work->complaints);
	assert_int_equal(
	    conf_read(rows, countof(rows), "/tmp", work->arena, &work->sample, &work->complaints),
	    ERR_IO);
	assert_string_equal(
	    buf_str(&work->complaints), "/tmp:0: cannot read this file: Is a directory.\n");
}

static void test_arena_full(void **state)
{
	struct work *work = *state;
	struct arena *small = NULL;

	assert_int_equal(arena_new(64, &small), ERR_OK);
	assert_int_equal(
	    conf_read(rows, countof(rows), NULL, small, &work->sample, &work->complaints),
	    ERR_NOMEM);
	arena_free(&small);
}

static void test_set_and_value_text(void **state)
{
	struct work *work = *state;
	const struct {
		const char *key;
		const char *value;
		const char *text;
	} cases[] = {
		{ "name", "x", "x" },
		{ "directory", "/a", "/a" },
		{ "level", "error", "error" },
		{ "api_key", "k", "k" },
		{ "workers", "12", "12" },
		{ "least_token", "-3", "-3" },
		{ "mode", "7", "0007" },
		{ "eager", "on", "yes" },
	};
	char out[32];

	assert_int_equal(read_text(work, ""), ERR_OK);
	for (size_t i = 0; i < countof(cases); i++) {
		assert_int_equal(conf_set(rows, countof(rows), cases[i].key, cases[i].value,
				     work->arena, &work->sample, &work->complaints),
		    ERR_OK);
		conf_value_text(&rows[i], &work->sample, out, sizeof(out));
		assert_string_equal(out, cases[i].text);
	}
	assert_int_equal(conf_set(rows, countof(rows), "workrs", "1", work->arena, &work->sample,
			     &work->complaints),
	    ERR_CONFIG);
	assert_int_equal(conf_set(rows, countof(rows), "workers", "x", work->arena, &work->sample,
			     &work->complaints),
	    ERR_CONFIG);
	assert_string_equal(buf_str(&work->complaints),
	    "there is no setting \"workrs\"; did you mean \"workers\"?\n"
	    "workers must be a whole number from 1 to 512, not \"x\".\n");
	assert_int_equal(work->sample.workers, 12);
}

/* The example file reads as the defaults, also with every setting switched on. */
static void test_example_is_a_settings_file(void **state)
{
	struct work *work = *state;
	struct buf example;
	struct buf active;

	buf_init(&example, 65536);
	buf_init(&active, 65536);
	conf_write_example(rows, countof(rows), &example);
	assert_int_equal(buf_err(&example), ERR_OK);
	assert_non_null(strstr(buf_str(&example),
	    "\n\n# How many.\n# (a whole number from 1 to 512; restart)\n#workers = 8\n"));
	assert_non_null(strstr(buf_str(&example), "# (one of debug, info, error; reload)\n"));
	assert_non_null(strstr(buf_str(&example), "\n#api_key =\n"));
	assert_int_equal(read_text(work, buf_str(&example)), ERR_OK);
	for (const char *line = buf_str(&example); *line != '\0';) {
		size_t len = strcspn(line, "\n") + 1;

		assert_true(len <= 79);
		if (line[0] == '#' && line[1] != ' ')
			buf_add(&active, line + 1, len - 1);
		line += len;
	}
	assert_int_equal(read_text(work, buf_str(&active)), ERR_OK);
	assert_int_equal(work->sample.workers, 8);
	assert_string_equal(work->sample.name, "No");
	buf_free(&active);
	buf_free(&example);
}

static void test_manual(void **state)
{
	struct buf manual;

	(void)state;
	buf_init(&manual, 65536);
	conf_write_manual(rows, countof(rows), &manual);
	assert_int_equal(buf_err(&manual), ERR_OK);
	assert_non_null(strstr(buf_str(&manual),
	    ".It Ic directory\nWhere it lives.\nThe value is an absolute path, or empty.\n"
	    "The default is\n.Pa \"\\&/var/lib/x\" .\nA change needs a restart.\n"
	    ".It Ic level\n"));
	assert_non_null(strstr(buf_str(&manual), "\n\\&.This sentence"));
	assert_non_null(strstr(buf_str(&manual), "back\\eslashes, e.g. in"));
	assert_non_null(strstr(buf_str(&manual), ".Ql \"\\&No\" .\n"));
	buf_free(&manual);
}

/* With an argument: the manual page on standard output, for `mandoc -Tlint`. */
static int print_manual(void)
{
	struct buf manual;

	buf_init(&manual, 65536);
	buf_adds(&manual, ".Dd January 1, 2026\n.Dt T_CONF 5\n.Os\n.Sh NAME\n.Nm t_conf\n"
			  ".Nd settings of a test\n.Sh DESCRIPTION\n.Bl -tag -width Ds\n");
	conf_write_manual(rows, countof(rows), &manual);
	buf_adds(&manual, ".El\n");
	(void)fputs(buf_str(&manual), stdout);
	buf_free(&manual);
	return 0;
}

#define WITH_WORK(test) cmocka_unit_test_setup_teardown(test, work_make, work_remove)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_WORK(test_defaults),
		WITH_WORK(test_reads_a_file),
		WITH_WORK(test_complains_of_values),
		WITH_WORK(test_shows_no_secret),
		WITH_WORK(test_complains_of_lines),
		WITH_WORK(test_suggests),
		WITH_WORK(test_file_that_cannot_be_read),
		WITH_WORK(test_arena_full),
		WITH_WORK(test_set_and_value_text),
		WITH_WORK(test_example_is_a_settings_file),
		cmocka_unit_test(test_manual),
	};

	if (argc > 1 && strcmp(argv[1], "manual") == 0)
		return print_manual();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
