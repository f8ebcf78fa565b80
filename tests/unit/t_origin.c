/* SPDX-License-Identifier: Apache-2.0 */
/* t_origin.c: the origins of an application's addresses, as a policy's sources; and that nothing in an
 * address can become another source, or another policy. */
#include "base.h"
#include "arena.h"
#include "origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* NULL: it has none. */
static const struct {
	const char *url, *expected;
} urls[] = {
	{ "https://a.example", "https://a.example" },
	{ "https://a.example/back?x=1#y", "https://a.example" },
	{ "HTTPS://A.Example:443/", "https://a.example" },
	{ "https://a.example:/", "https://a.example" },
	{ "https://a.example:8443?x", "https://a.example:8443" },
	{ "https://a.example:080/", "https://a.example:80" },
	{ "http://127.0.0.1:80/", "http://127.0.0.1" },
	{ "http://127.0.0.1:8080/", "http://127.0.0.1:8080" },
	{ "https://*/", NULL },
	{ "https://*.example/", NULL },
	{ "https://a.example;script-src/", NULL },
	{ "https://a.example,b/", NULL },
	{ "https://a'self'/", NULL },
	{ "https://a.example b/", NULL },
	{ "https://%2A/", NULL },
	{ "https://a@b.example/", NULL },
	{ "https://[::1]/", NULL },
	{ "https://:443/", NULL },
	{ "https:///x", NULL },
	{ "https://a.example:0/", NULL },
	{ "https://a.example:65536/", NULL },
	{ "https://a.example:123456/", NULL },
	{ "https://a.example:000080/", NULL },
	{ "https://a.example;8443/", NULL },
	{ "https://a.example@8443/", NULL },
	{ "https://a.example:*/", NULL },
	{ "ftp://a.example/", NULL },
	{ "https:/a.example/", NULL },
	{ "", NULL },
};

static void test_origins_of_urls(void **state UNUSED)
{
	for (size_t i = 0; i < countof(urls); i++) {
		char origin[ORIGIN_SIZE] = "untouched";
		bool found = origin_of(urls[i].url, origin);
		assert_int_equal(found, urls[i].expected != NULL);
		if (found)
			assert_string_equal(origin, urls[i].expected);
	}
}

static void test_names_have_a_length(void **state UNUSED)
{
	char url[8 + 254 + 7] = "https://", origin[ORIGIN_SIZE];

	memset(url + 8, 'a', 253);
	memcpy(url + 8 + 253, ":65535", 7);
	assert_true(origin_of(url, origin));
	assert_string_equal(origin, url);
	memset(url + 8, 'a', 254);
	url[8 + 254] = '\0';
	assert_false(origin_of(url, origin));
}

static void test_lists(void **state UNUSED)
{
	static const char list[] =
	    "[\"https://b.example/1\",\"https://*/\",\"http://A.example:80/2\","
	    "\"https://B.example:443/3\"]";
	struct arena *arena = NULL;
	const char *text = NULL;

	assert_int_equal(arena_new(1 << 16, &arena), ERR_OK);
	assert_int_equal(origins_join(arena, list, "", " ", &text), ERR_OK);
	assert_string_equal(text, "https://b.example http://a.example");
	assert_int_equal(origins_join(arena, list, "\"", ",", &text), ERR_OK);
	assert_string_equal(text, "\"https://b.example\",\"http://a.example\"");
	assert_int_equal(origins_join(arena, NULL, "", " ", &text), ERR_OK);
	assert_string_equal(text, "");
	assert_int_equal(origins_join(arena, "[]", "", " ", &text), ERR_OK);
	assert_string_equal(text, "");
	text = "untouched";
	assert_int_equal(origins_join(arena, "[", "", " ", &text), ERR_SYNTAX);
	assert_string_equal(text, "untouched");
	arena_free(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_origins_of_urls),
		cmocka_unit_test(test_names_have_a_length),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
