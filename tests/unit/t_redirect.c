/* SPDX-License-Identifier: Apache-2.0 */
/* t_redirect.c: where a person goes on: parameters beside those that are there, and what each ending
 * of a session says. */
#include "base.h"
#include "arena.h"
#include "id.h"
#include "redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct arena *arena;

static int set_up(void **state UNUSED)
{
	return arena_new(1 << 20, &arena) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
	arena_free(&arena);
	return 0;
}

/* All else of the URL stays byte for byte; a parameter of the same name goes, wherever it stood. */
static const struct {
	const char *url, *expected;
} urls[] = {
	{ "https://a.example", "https://a.example?session_id=vs_1&status=failed" },
	{ "https://a.example/", "https://a.example/?session_id=vs_1&status=failed" },
	{ "https://a.example/x?", "https://a.example/x?session_id=vs_1&status=failed" },
	{ "https://a.example/x?a=b%20c+d&e",
	    "https://a.example/x?a=b%20c+d&e&session_id=vs_1&status=failed" },
	{ "https://a.example/x?a=1#part?b=2",
	    "https://a.example/x?a=1&session_id=vs_1&status=failed#part?b=2" },
	{ "https://a.example/#part", "https://a.example/?session_id=vs_1&status=failed#part" },
	{ "https://a.example/?session_id=vs_2&a=1&status&reason=none",
	    "https://a.example/?a=1&session_id=vs_1&status=failed" },
	{ "https://a.example/?status=success#status=x",
	    "https://a.example/?session_id=vs_1&status=failed#status=x" },
	{ "https://a.example/?session_ids=1&xsession_id=2&statu=3",
	    "https://a.example/?session_ids=1&xsession_id=2&statu=3&session_id=vs_1&status=failed" },
	{ "https://a.example/?&&a=1&&", "https://a.example/?a=1&session_id=vs_1&status=failed" },
};

static void t_parameters(void **state UNUSED)
{
	static const struct redirect_param params[] = {
		{ "session_id", "vs_1" },
		{ "status", "failed" },
		{ "reason", NULL },
	};

	for (size_t i = 0; i < countof(urls); i++) {
		const char *url = NULL;
		assert_int_equal(
		    redirect_add(arena, urls[i].url, params, countof(params), &url), ERR_OK);
		assert_string_equal(url, urls[i].expected);
	}
}

static void t_longest(void **state UNUSED)
{
	static const struct redirect_param params[] = { { "session_id", "vs_1" } };
	static const char head[] = "https://a.example/?a=";
	char text[LIMIT_URL + 1];
	const char *url = NULL;

	memset(text, 'x', LIMIT_URL);
	memcpy(text, head, sizeof(head) - 1);
	text[LIMIT_URL] = '\0';
	assert_int_equal(redirect_add(arena, text, params, 1, &url), ERR_OK);
	assert_int_equal(strlen(url), LIMIT_URL + strlen("&session_id=vs_1"));
}

#define UUID_TEXT "01890a5d-ac96-774b-bcce-b302099a8057"

static const struct {
	enum session_status status;
	const char *of_session, *of_plain; /* NULL: nowhere */
} endings[] = {
	{ SESSION_PENDING, NULL, NULL },
	{ SESSION_SUBMITTED, NULL, NULL },
	{ SESSION_VERIFIED, "", "&status=success" },
	{ SESSION_REJECTED, "", "&status=failed&reason=unknown" },
	{ SESSION_FAILED, "", "&status=failed&reason=document_unreadable" },
	{ SESSION_VOIDED, "", "&status=abandoned&reason=user_cancelled" },
	{ SESSION_EXPIRED, "", "&status=abandoned&reason=session_expired" },
};

static void check(struct session *session, const char *id, const char *rest)
{
	const char *url = "unset";
	char expected[256];

	(void)snprintf(expected, sizeof(expected), "https://a.example/done?a=1&session_id=%s%s", id,
	    rest == NULL ? "" : rest);
	assert_int_equal(redirect_of(arena, session, &url), ERR_OK);
	if (rest == NULL)
		assert_null(url);
	else
		assert_string_equal(url, expected);
}

static void t_endings(void **state UNUSED)
{
	struct session session = { .redirect_url = "https://a.example/done?a=1" };
	char id[ID_TEXT_SIZE];

	assert_int_equal(countof(endings), SESSION__MAX);
	assert_int_equal(id_parse(ID_UUID, UUID_TEXT, &session.id), ERR_OK);
	id_text(ID_SESSION, session.id, id);
	for (size_t i = 0; i < countof(endings); i++) {
		session.status = endings[i].status;
		session.family = VIA_SESSION;
		check(&session, id, endings[i].of_session);
		session.family = VIA_PLAIN;
		check(&session, UUID_TEXT, endings[i].of_plain);
	}
}

static void t_nowhere(void **state UNUSED)
{
	struct session session = { .status = SESSION_VERIFIED };
	const char *url = "unset";

	assert_int_equal(redirect_of(arena, &session, &url), ERR_OK);
	assert_null(url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_parameters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_longest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_endings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_nowhere, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
