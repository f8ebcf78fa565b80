/* SPDX-License-Identifier: Apache-2.0 */
/* t_ctl.c: the command-line engine with a table of its own: parsing, help, printing. */
#include "base.h"
#include "ctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "dbstmt.h"
#include "json.h"
#include "limits.h"

#define SOME_APP "app_01h455vb4pex5vsknk084sn02q"
#define SOME_KEY "key_01h455vb4pex5vsknk084sn02q"

/* ---- a table ------------------------------------------------------------------------------ */

struct make_input {
	const char *name;
	struct uuid app;
	const char *colour;
	int64_t count;
	int64_t until;
	bool yes;
};

static const char *const extra_words[] = { "alpha", "beta" };

static const struct ctl_arg make_args[] = {
	ARG_TEXT(struct make_input, name, "NAME", NULL, true, 8, "What it is called."),
	ARG_ID(struct make_input, app, "app", "APP", true, ID_APPLICATION, "Where it belongs."),
	ARG_WORD(struct make_input, colour, "colour", false, "red|green|blue", "Its colour."),
	ARG_INT(struct make_input, count, "count", "N", 1, 10, 3, "How many."),
	ARG_TIME(struct make_input, until, "until", "TIME", false, "How long."),
	{ .type = CTL_FLAG,
	    .name = "yes",
	    .offset = MEMBER_IS(bool, struct make_input, yes),
	    .sentence = "Means it:",
	    .list = extra_words,
	    .list_count = countof(extra_words) },
};

static enum err run_nothing(UNUSED struct ctl *ctl, UNUSED const void *input)
{
	return ERR_OK;
}

static const struct ctl_command thing_commands[] = {
	{ .verb = "make",
	    .run = run_nothing,
	    .args = make_args,
	    .arg_count = countof(make_args),
	    .input_size = sizeof(struct make_input),
	    .summary = "make a thing" },
	{ .verb = "break", .run = run_nothing, .summary = "break a thing" },
};

struct list_input {
	bool all;
};

static const struct ctl_arg list_args[] = {
	ARG_FLAG(struct list_input, all, "all", "All of them."),
};

static const struct ctl_command shelf_commands[] = {
	{ .verb = "list",
	    .bare = true,
	    .run = run_nothing,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list shelves" },
};

static const struct ctl_command look_commands[] = {
	{ .verb = "", .run = run_nothing, .summary = "look around" },
};

static const struct ctl_noun thing = { "thing", "Things.", thing_commands, 2 };
static const struct ctl_noun shelf = { "shelf", "Shelves.", shelf_commands, 1 };
static const struct ctl_noun look = { "look", "Looking.", look_commands, 1 };
static const struct ctl_noun *const nouns[] = { &thing, &shelf, &look };

/* ---- parsing ------------------------------------------------------------------------------ */

struct parsed {
	struct arena *arena;
	struct buf complaints;
	struct ctl_line line;
};

static int setup(void **state)
{
	struct parsed *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	assert_int_equal(arena_new(1U << 20, &p->arena), ERR_OK);
	buf_init(&p->complaints, LIMIT_LOG_LINE);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct parsed *p = *state;

	buf_free(&p->complaints);
	arena_free(&p->arena);
	free(p);
	return 0;
}

/* Words of a line, NULL-ended. */
static enum err parse(struct parsed *p, const char *const *words)
{
	char *argv[16] = { (char *)(uintptr_t) "bonafide" };
	int argc = 1;

	while (words[argc - 1] != NULL) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	buf_clear(&p->complaints);
	return ctl_parse(nouns, countof(nouns), argc, argv, p->arena, &p->complaints, &p->line);
}

#define PARSE(p, ...) parse((p), (const char *const[]){ __VA_ARGS__, NULL })

/* The line is refused, and says so with these words. */
static void refused(struct parsed *p, const char *const *words, const char *says)
{
	enum err err = parse(p, words);

	if (err != ERR_VALIDATION || strstr(buf_str(&p->complaints), says) == NULL)
		print_error("got error %d: %s", (int)err, buf_str(&p->complaints));
	assert_int_equal(err, ERR_VALIDATION);
	assert_non_null(strstr(buf_str(&p->complaints), says));
}

#define REFUSED(p, says, ...) refused((p), (const char *const[]){ __VA_ARGS__, NULL }, says)

static void test_every_type_is_converted(void **state)
{
	struct parsed *p = *state;
	char id[ID_TEXT_SIZE];

	assert_int_equal(PARSE(p, "thing", "make", "A b", "--app", SOME_APP, "--colour=green",
			     "--count", "10", "--until", "2027-01-31", "--yes"),
	    ERR_OK);
	const struct make_input *in = p->line.input;
	assert_ptr_equal(p->line.noun, &thing);
	assert_ptr_equal(p->line.command, &thing_commands[0]);
	assert_string_equal(in->name, "A b");
	id_text(ID_APPLICATION, in->app, id);
	assert_string_equal(id, SOME_APP);
	assert_string_equal(in->colour, "green");
	assert_int_equal(in->count, 10);
	assert_int_equal(in->until, INT64_C(1801353600000));
	assert_true(in->yes);
}

static void test_absent_values(void **state)
{
	struct parsed *p = *state;

	assert_int_equal(PARSE(p, "thing", "make", "a", "--app", SOME_APP), ERR_OK);
	const struct make_input *in = p->line.input;
	assert_null(in->colour);
	assert_int_equal(in->count, 3);
	assert_int_equal(in->until, TIME_NONE);
	assert_false(in->yes);
	assert_null(p->line.config);
	assert_false(p->line.json);
}

static void test_global_options_stand_anywhere(void **state)
{
	struct parsed *p = *state;

	assert_int_equal(PARSE(p, "-c", "a.conf", "look", "--json"), ERR_OK);
	assert_string_equal(p->line.config, "a.conf");
	assert_true(p->line.json);
	assert_int_equal(PARSE(p, "--json", "thing", "--config=b.conf", "break"), ERR_OK);
	assert_string_equal(p->line.config, "b.conf");
	assert_true(p->line.json);
	assert_ptr_equal(p->line.command, &thing_commands[1]);
}

static void test_bare_nouns(void **state)
{
	struct parsed *p = *state;

	assert_int_equal(PARSE(p, "shelf"), ERR_OK);
	assert_ptr_equal(p->line.command, &shelf_commands[0]);
	assert_int_equal(PARSE(p, "shelf", "--all"), ERR_OK);
	assert_ptr_equal(p->line.command, &shelf_commands[0]);
	assert_true(((const struct list_input *)p->line.input)->all);
	assert_int_equal(PARSE(p, "look"), ERR_OK);
	assert_ptr_equal(p->line.command, &look_commands[0]);
	REFUSED(p, "\"thing\" needs a word more: make or break", "thing");
}

static void test_words_behind_two_hyphens(void **state)
{
	struct parsed *p = *state;

	assert_int_equal(PARSE(p, "thing", "make", "--app", SOME_APP, "--", "--json"), ERR_OK);
	assert_string_equal(((const struct make_input *)p->line.input)->name, "--json");
	assert_false(p->line.json);
}

static void test_suggestions(void **state)
{
	struct parsed *p = *state;

	REFUSED(p, "there is no command \"thign\". Did you mean \"thing\"?", "thign", "make");
	REFUSED(p, "not \"mkae\". Did you mean \"make\"?", "thing", "mkae");
	REFUSED(p, "Did you mean \"--colour\"?", "thing", "make", "a", "--color", "red");
	REFUSED(p, "Did you mean \"--json\"?", "--jsno", "look");
	REFUSED(p, "there is no command \"zzzzzzzz\".\n", "zzzzzzzz");
	REFUSED(p, "a command is missing", "--json");
}

static void test_values_refused(void **state)
{
	struct parsed *p = *state;

	REFUSED(p, "NAME must not be empty", "thing", "make", "", "--app", SOME_APP);
	REFUSED(p, "NAME is longer than 8", "thing", "make", "123456789", "--app", SOME_APP);
	REFUSED(p, "UTF-8", "thing", "make", "\xff", "--app", SOME_APP);
	REFUSED(p, "26 characters), not \"nonsense\"", "thing", "make", "a", "--app", "nonsense");
	REFUSED(p, "and this is the id of a key", "thing", "make", "a", "--app", SOME_KEY);
	REFUSED(p, "red, green or blue, not \"mauve\"", "thing", "make", "a", "--colour", "mauve");
	REFUSED(p, "from 1 to 10, not \"11\"", "thing", "make", "a", "--count", "11");
	REFUSED(p, "from 1 to 10, not \"x\"", "thing", "make", "a", "--count", "x");
	REFUSED(p, "--until takes a UTC date", "thing", "make", "a", "--until", "2027-02-30");
}

static void test_lines_refused(void **state)
{
	struct parsed *p = *state;

	REFUSED(p, "--app APP is missing: Where it belongs.", "thing", "make", "a");
	REFUSED(p, "NAME is missing", "thing", "make", "--app", SOME_APP);
	REFUSED(p, "--app needs a value", "thing", "make", "a", "--app");
	REFUSED(p, "--app needs a value", "thing", "make", "a", "--app", "--yes");
	REFUSED(p, "--yes takes no value", "thing", "make", "a", "--yes=no");
	REFUSED(p, "--json takes no value", "look", "--json=1");
	REFUSED(p, "--count is given twice", "thing", "make", "--count", "1", "--count", "2");
	REFUSED(p, "nothing is expected at \"more\"", "look", "more");
	REFUSED(p, "--config needs a value", "look", "-c");
	REFUSED(p, "--config needs a value", "look", "--config");
	REFUSED(p, "no option \"-x\"", "look", "-x");
}

static void test_all_complaints_at_once(void **state)
{
	struct parsed *p = *state;

	REFUSED(p, "--app APP is missing", "thing", "make", "123456789", "--count", "0");
	assert_non_null(strstr(buf_str(&p->complaints), "NAME is longer"));
	assert_non_null(strstr(buf_str(&p->complaints), "--count takes"));
}

static void test_control_characters_do_not_reach_the_terminal(void **state)
{
	struct parsed *p = *state;

	REFUSED(p, "\"?[31m?\"", "\x1b[31m\n");
}

/* ---- help --------------------------------------------------------------------------------- */

static const char *help(struct parsed *p, const char *const *words)
{
	assert_int_equal(parse(p, words), ERR_OK);
	assert_true(p->line.help);
	ctl_help(nouns, countof(nouns), p->line.noun, p->line.command, &p->complaints);
	assert_false(buf_failed(&p->complaints));
	return buf_str(&p->complaints);
}

#define HELP(p, ...) help((p), (const char *const[]){ __VA_ARGS__, NULL })

static void test_help_at_each_level(void **state)
{
	struct parsed *p = *state;
	static const char *const everything[] = { "thing make", "thing break", "shelf list",
		"look" };

	for (size_t i = 0; i < countof(everything); i++) {
		assert_non_null(strstr(HELP(p, "help"), everything[i]));
		assert_non_null(strstr(HELP(p, "--help"), everything[i]));
	}
	assert_non_null(strstr(HELP(p, "thing", "--help"), "break a thing"));
	assert_null(strstr(HELP(p, "help", "thing"), "look around"));
	char *text = strdup(HELP(p, "help", "thing", "make"));
	assert_non_null(strstr(text, "usage: bonafide thing make NAME --app APP"));
	assert_non_null(strstr(text, "[--colour red|green|blue]"));
	assert_non_null(strstr(text, "[--yes]"));
	assert_non_null(strstr(text, "alpha\n"));
	assert_string_equal(text, HELP(p, "thing", "make", "-h"));
	free(text);
}

static void test_help_is_narrow(void **state)
{
	struct parsed *p = *state;

	for (const char *at = HELP(p, "thing", "make", "--help"); *at != '\0';) {
		size_t len = strcspn(at, "\n");
		assert_true(len < 80);
		at += len + (at[len] == '\n');
	}
}

/* ---- printing ----------------------------------------------------------------------------- */

struct row {
	struct uuid id;
	const char *name;
	const char *words;
	int64_t size;
	bool good;
	int64_t made_at;
};

static const struct ctl_column columns[] = {
	COLUMN_ID(struct row, id, ID_KEY),
	COLUMN_TEXT(struct row, name),
	COLUMN_INT(struct row, size),
	COLUMN_BOOL(struct row, good),
	COLUMN_TIME(struct row, made_at),
	{ .name = "words",
	    .type = CELL_WORDS,
	    .offset = offsetof(struct row, words),
	    .json_only = true },
};

static const struct row rows[] = {
	{ { { 1 } }, "Zo\xc3\xab", "a b", 7, true, 0 },
	{ { { 0 } }, "two\x1b[0m", "", DB_NULL, false, TIME_NONE },
	{ { { 0 } }, NULL, NULL, 123456, false, TIME_NONE },
};

/* What a printing function wrote; the caller frees it. */
static char *printed(bool json, const struct ctl_section *sections, size_t count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct ctl ctl = { .json = json, .out = out, .err = out };

	assert_non_null(out);
	assert_int_equal(ctl_print(&ctl, sections, count), ERR_OK);
	fclose(out);
	return text;
}

static struct ctl_section list_of(size_t count)
{
	return (struct ctl_section){ .columns = columns,
		.column_count = countof(columns),
		.rows = rows,
		.row_size = sizeof(rows[0]),
		.count = count,
		.empty = "There are none." };
}

static void test_table(void **state)
{
	struct ctl_section list = list_of(3);
	char *text = printed(false, &list, 1);

	(void)state;
	assert_string_equal(text,
	    "ID                              NAME       SIZE  GOOD  MADE AT\n"
	    "key_01000000000000000000000000  Zo\xc3\xab           7  yes   1970-01-01T00:00:00Z\n"
	    "-                               two?[0m       -  no    -\n"
	    "-                               -        123456  no    -\n");
	free(text);
}

static void test_empty_list(void **state)
{
	struct ctl_section list = list_of(0);
	char *people = printed(false, &list, 1);
	char *script = printed(true, &list, 1);

	(void)state;
	assert_string_equal(people, "There are none.\n");
	assert_string_equal(script, "[]\n");
	free(people);
	free(script);
}

static void test_list_as_json(void **state)
{
	struct ctl_section list = list_of(2);
	char *text = printed(true, &list, 1);

	(void)state;
	assert_string_equal(text,
	    "[{\"id\":\"key_01000000000000000000000000\",\"name\":\"Zo\xc3\xab\",\"size\":7,"
	    "\"good\":true,\"made_at\":\"1970-01-01T00:00:00Z\",\"words\":[\"a\",\"b\"]},"
	    "{\"id\":null,\"name\":\"two\\u001B[0m\",\"size\":null,\"good\":false,"
	    "\"made_at\":null,\"words\":[]}]\n");
	free(text);
}

static void test_sections(void **state)
{
	struct ctl_section sections[3] = { list_of(1), list_of(1), list_of(1) };

	(void)state;
	sections[0].single = true;
	sections[0].columns = &columns[1];
	sections[0].column_count = 2;
	sections[1].name = "old_things";
	sections[1].columns = &columns[2];
	sections[1].column_count = 1;
	sections[2].name = "pool";
	sections[2].single = true;
	sections[2].columns = &columns[3];
	sections[2].column_count = 1;
	char *script = printed(true, sections, 3);
	char *people = printed(false, sections, 3);
	assert_string_equal(script,
	    "{\"name\":\"Zo\xc3\xab\",\"size\":7,\"old_things\":[{\"size\":7}],"
	    "\"pool\":{\"good\":true}}\n");
	assert_string_equal(
	    people, "name  Zo\xc3\xab\nsize  7\n\nOLD THINGS\nSIZE\n   7\n\nPOOL\ngood  yes\n");
	free(script);
	free(people);
}

static void test_plain(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	ctl_plain("a\tb\x7f\xc2\x9bm\xc3\xa9", &out);
	assert_string_equal(buf_str(&out), "a?b??m\xc3\xa9");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_type_is_converted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absent_values, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_global_options_stand_anywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bare_nouns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words_behind_two_hyphens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_suggestions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_complaints_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_control_characters_do_not_reach_the_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_help_at_each_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_help_is_narrow, setup, teardown),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_empty_list),
		cmocka_unit_test(test_list_as_json),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
