/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_mime.c: addresses, encoded words and quoted-printable, against answers worked out by hand and by
 * other software; and that no value reaches beyond its place.
 */
#include "base.h"
#include "mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10

static struct buf out;

static int set_up(void **state UNUSED)
{
	buf_init(&out, 1 << 20);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	buf_free(&out);
	return 0;
}

/* ---- addresses --------------------------------------------------------------------------------------- */

static void test_addresses(void **state UNUSED)
{
	static const char *const right[] = { "a@b", "first.last+tag@example.org",
		"x@xn--bcher-kva.example", "o'neil!#$%&*-/=?^_`{|}~@example.org",
		"zo\xc3\xa9@example.org", "1@2.3", A60 "aaaa@example.org" };
	static const char *const wrong[] = { "", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c",
		"a@b\r\n", "a\n@b", "<a@b>", "a@b>", "a..b@c", ".a@b", "a.@b", "a@.b", "a@b.",
		"a@b..c", "a@-b", "a@b-", "a@b_c", "a@[1.2.3.4]", "\"a\"@b", "a,b@c", "a;b@c",
		"a:b@c", "a\\b@c", "a(b)@c", "a@b\xc3\xa9", "\xff@b", "\xc2\x85@b", "\x7f@b",
		"a@b\t", A60 "aaaaa@b", "a@" A60 "aaaa.example" };

	for (size_t i = 0; i < countof(right); i++)
		if (!mime_address_valid(right[i]))
			fail_msg("\"%s\" is refused", right[i]);
	for (size_t i = 0; i < countof(wrong); i++)
		if (mime_address_valid(wrong[i]))
			fail_msg("\"%s\" is taken", wrong[i]);
	assert_string_equal(mime_domain("a@b.example"), "b.example");
}

/* 254 bytes are an address, 255 are not. */
static void test_longest_address(void **state UNUSED)
{
	char address[MIME_ADDRESS_MAX + 2] = "a@";

	while (strlen(address) < MIME_ADDRESS_MAX)
		memcpy(address + strlen(address), strlen(address) % 2 == 0 ? "b" : ".", 2);
	address[MIME_ADDRESS_MAX - 1] = 'b';
	address[MIME_ADDRESS_MAX - 2] = 'b';
	assert_true(mime_address_valid(address));
	memcpy(address + MIME_ADDRESS_MAX, "b", 2);
	assert_false(mime_address_valid(address));
}

static void test_mailboxes(void **state UNUSED)
{
	static const struct {
		const char *text;
		const char *name;
		const char *address;
	} right[] = {
		{ "a@b", "", "a@b" },
		{ "<a@b>", "", "a@b" },
		{ "Example Ltd <a@b>", "Example Ltd", "a@b" },
		{ "\"Example, Ltd.\" <a@b>", "Example, Ltd.", "a@b" },
		{ "Soci\xc3\xa9t\xc3\xa9 <a@b>", "Soci\xc3\xa9t\xc3\xa9", "a@b" },
	};
	static const char *const wrong[] = { "", "a", "Name", "Name <a@b", "Name <a@b>x",
		"Name a@b>", "Name <a>", "A <b> <c@d>", "A\"B <c@d>", "A\nB <c@d>", "A\\ <c@d>",
		"\xff <c@d>", "a@b, c@d" };
	struct mime_mailbox box;

	for (size_t i = 0; i < countof(right); i++) {
		assert_int_equal(mime_mailbox_parse(right[i].text, &box), ERR_OK);
		assert_string_equal(box.name, right[i].name);
		assert_string_equal(box.address, right[i].address);
	}
	for (size_t i = 0; i < countof(wrong); i++)
		if (mime_mailbox_parse(wrong[i], &box) != ERR_SYNTAX)
			fail_msg("\"%s\" is taken", wrong[i]);
}

/* ---- headers ------------------------------------------------------------------------------------------- */

static void header_is(const char *text, const char *wanted)
{
	buf_clear(&out);
	mime_header("Subject", text, &out);
	assert_string_equal(buf_str(&out), wanted);
}

static void test_headers_in_ascii(void **state UNUSED)
{
	header_is("", "Subject: \r\n");
	header_is("Hello (you)", "Subject: Hello (you)\r\n");
	/* Folded in front of the word that would pass column 76; one that is too long stays whole. */
	header_is(A60 " six aaa", "Subject: " A60 " six\r\n aaa\r\n");
	header_is(A60 " seven", "Subject: " A60 " seven\r\n");
	header_is(A60 A60 " b", "Subject: " A60 A60 "\r\n b\r\n");
	/* What looks like an encoded word is encoded, and a line cannot be ended from within. */
	header_is("=?utf-8?Q?x?=", "Subject: =?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=\r\n");
	header_is("a\r\nBcc: b@c", "Subject: =?utf-8?Q?a=0D=0ABcc=3A_b=40c?=\r\n");
}

static void test_encoded_words(void **state UNUSED)
{
	/* RFC 2047 section 4.2's rules; the second is Python's email.header.Header of the same text. */
	header_is("Caf\xc3\xa9 = 1_2", "Subject: =?utf-8?Q?Caf=C3=A9_=3D_1=5F2?=\r\n");
	header_is("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "Subject: =?utf-8?B?5pel5pys6Kqe?=\r\n");
}

/* Words are 75 characters long at most, lines 76, and no character is broken in two. */
static void test_encoded_words_fold(void **state UNUSED)
{
	/* 55 characters of room in the first line: five of eleven. */
#define E \
	"\xc3\xa9" \
	"aaaaa"
#define Q "=C3=A9aaaaa"
	header_is(E E E E E E, "Subject: =?utf-8?Q?" Q Q Q Q Q "?=\r\n =?utf-8?Q?" Q "?=\r\n");
	/* 39 bytes, thirteen characters, make 52 characters of base64; a fourteenth does not fit. */
#define J "\xe6\x97\xa5"
	header_is(J J J J J J J J J J J J J J,
	    "Subject: =?utf-8?B?5pel5pel5pel5pel5pel5pel5pel5pel5pel5pel5pel5pel5pel?=\r\n"
	    " =?utf-8?B?5pel?=\r\n");
	buf_clear(&out);
	for (int i = 0; i < 100; i++)
		buf_adds(&out, i % 3 == 0 ? "\xf0\x9f\x98\x80" : "a ");
	char *text = buf_take(&out);
	buf_init(&out, 1 << 20);
	mime_header("Subject", text, &out);
	for (const char *line = buf_str(&out); *line != '\0';) {
		size_t len = strcspn(line, "\r");
		assert_true(len <= MIME_LINE);
		assert_memory_equal(line + len, "\r\n", 2);
		line += len + 2;
	}
	free(text);
}

/* ---- bodies ------------------------------------------------------------------------------------------- */

static void quoted_is(const char *text, const char *wanted)
{
	buf_clear(&out);
	mime_quoted_printable(text, &out);
	assert_string_equal(buf_str(&out), wanted);
}

static void test_quoted_printable(void **state UNUSED)
{
	quoted_is("", "");
	quoted_is("caf\xc3\xa9 = 1\n", "caf=C3=A9 =3D 1\r\n");
	/* Blanks at the end of a line would be lost on the way. */
	quoted_is("a \nb\t\nc ", "a=20\r\nb=09\r\nc=20");
	quoted_is("a b\tc", "a b\tc");
	/* 76 characters are a line; 77 are two, the first with its '=' 76 long. */
	quoted_is(A60 "aaaaaaaaaaaaaaaa\n", A60 "aaaaaaaaaaaaaaaa\r\n");
	quoted_is(A60 "aaaaaaaaaaaaaaaab\n", A60 "aaaaaaaaaaaaaaa=\r\nab\r\n");
	quoted_is(A60 "aaaaaaaaaaaaa\xc3\xa9\n", A60 "aaaaaaaaaaaaa=\r\n=C3=A9\r\n");
	quoted_is("\x01\x7f", "=01=7F");
}

static const struct mime_mailbox from = { .name = "", .address = "no-reply@example.org" };

static struct mime_message message(void)
{
	return (struct mime_message){ .from = &from,
		.to = "a@b.example",
		.subject = "Hi",
		.message_id = "id@example.org",
		.language = "en",
		.date_ms = INT64_C(1795266363000),
		.text = "One\n.\nTwo\n" };
}

static void test_whole_message(void **state UNUSED)
{
	struct mime_message plain = message();

	assert_int_equal(mime_write(&plain, &out), ERR_OK);
	assert_string_equal(buf_str(&out), "Date: Sat, 21 Nov 2026 13:06:03 +0000\r\n"
					   "From: no-reply@example.org\r\n"
					   "To: a@b.example\r\n"
					   "Message-ID: <id@example.org>\r\n"
					   "Subject: Hi\r\n"
					   "Auto-Submitted: auto-generated\r\n"
					   "MIME-Version: 1.0\r\n"
					   "Content-Language: en\r\n"
					   "Content-Type: text/plain; charset=utf-8\r\n"
					   "Content-Transfer-Encoding: 7bit\r\n"
					   "\r\n"
					   "One\r\n.\r\nTwo\r\n");
}

static void body_is(const char *text, const char *wanted)
{
	struct mime_message one = message();

	one.text = text;
	buf_clear(&out);
	assert_int_equal(mime_write(&one, &out), ERR_OK);
	assert_string_equal(strstr(buf_str(&out), "Encoding: ") + 10, wanted);
}

static void test_which_encoding(void **state UNUSED)
{
	char line[1002];

	body_is("no end", "7bit\r\n\r\nno end\r\n");
	body_is("caf\xc3\xa9\n", "quoted-printable\r\n\r\ncaf=C3=A9\r\n");
	body_is(J J "\n", "base64\r\n\r\n5pel5pelDQo=\r\n");
	/* 998 characters are a line, one more is not. */
	memset(line, 'a', sizeof(line));
	line[998] = '\0';
	struct mime_message one = message();
	one.text = line;
	assert_int_equal(mime_write(&one, &out), ERR_OK);
	assert_non_null(strstr(buf_str(&out), "7bit"));
	buf_clear(&out);
	line[998] = 'a';
	line[999] = '\0';
	assert_int_equal(mime_write(&one, &out), ERR_OK);
	assert_non_null(strstr(buf_str(&out), "quoted-printable"));
}

static void test_senders(void **state UNUSED)
{
	static const struct {
		struct mime_mailbox from;
		const char *wanted;
	} cases[] = {
		{ { "Example, Ltd.", "a@b" }, "From: \"Example, Ltd.\" <a@b>\r\n" },
		{ { "Caf\xc3\xa9 du coin", "a@b" },
		    "From: =?utf-8?Q?Caf=C3=A9_du_coin?= <a@b>\r\n" },
		{ { A60, "aaaaaa@b" }, "From: \"" A60 "\"\r\n <aaaaaa@b>\r\n" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct mime_message one = message();
		one.from = &cases[i].from;
		buf_clear(&out);
		assert_int_equal(mime_write(&one, &out), ERR_OK);
		assert_non_null(strstr(buf_str(&out), cases[i].wanted));
	}
}

static void test_refused_members(void **state UNUSED)
{
	const struct mime_mailbox evil = { "x\r\nBcc: a@b", "a@b" };

	for (int i = 0; i < 9; i++) {
		struct mime_message one = message();
		if (i == 0)
			one.to = "a@b\r\nBcc: c@d";
		else if (i == 1)
			one.subject = "a\nb";
		else if (i == 2)
			one.message_id = "a b";
		else if (i == 3)
			one.message_id = "a>\r\n";
		else if (i == 4)
			one.language = "";
		else if (i == 5)
			one.text = "a\rb";
		else if (i == 6)
			one.text = "\xff";
		else if (i == 7)
			one.from = &evil;
		else
			one.date_ms = -1;
		assert_int_equal(mime_write(&one, &out), ERR_SYNTAX);
		assert_int_equal(out.len, 0);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_addresses),
		TEST(test_longest_address),
		TEST(test_mailboxes),
		TEST(test_headers_in_ascii),
		TEST(test_encoded_words),
		TEST(test_encoded_words_fold),
		TEST(test_quoted_printable),
		TEST(test_whole_message),
		TEST(test_which_encoding),
		TEST(test_senders),
		TEST(test_refused_members),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
