/* SPDX-License-Identifier: Apache-2.0 */
/* t_client.c: whose address a request comes from, and what it is counted by. */
#include "base.h"
#include "client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* What the address is counted by, as "4:0a000001". */
static const char *key_of(const struct ip *ip)
{
	static char text[2 + 2 * CLIENT_KEY_SIZE];
	uint8_t key[CLIENT_KEY_SIZE];
	size_t len = client_key(ip, key);

	for (size_t i = 1; i < len; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", key[i]);
	text[0] = (char)('0' + key[0]);
	text[1] = ':';
	return text;
}

static const char *client(const char *trusted, const char *peer, const char *forwarded)
{
	struct cidr_list list;
	char reason[200] = "";
	struct ip ip;

	if (cidr_list_parse(trusted, &list, reason, sizeof(reason)) != ERR_OK)
		fail_msg("%s", reason);
	return client_address(&list, peer, forwarded, &ip) ? key_of(&ip) : "none";
}

#define PEER "4:0a000001" /* 10.0.0.1 */
#define ONE "4:cb007101"  /* 203.0.113.1 */
#define TWO "4:cb007102"

static const struct {
	const char *trusted;
	const char *peer;
	const char *forwarded;
	const char *wanted;
} cases[] = {
	/* Nobody is trusted, or the peer is not: the header is the client's own invention. */
	{ "", "10.0.0.1", NULL, PEER },
	{ "", "10.0.0.1", "203.0.113.1", PEER },
	{ "10.0.0.0/8", "203.0.113.1", "203.0.113.2", ONE },
	{ "10.0.0.0/8", "10.0.0.1", NULL, PEER },
	{ "10.0.0.0/8", "10.0.0.1", "", PEER },
	/* The last that is not trusted; what stands before it is the client's invention. */
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.1", ONE },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.2, 203.0.113.1", ONE },
	{ "10.0.0.0/8", "10.0.0.1", "nonsense, 203.0.113.1", ONE },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.2,203.0.113.1,10.0.0.9 ,\t10.0.0.8", ONE },
	{ "10.0.0.0/8, 203.0.113.1", "10.0.0.1", "203.0.113.2, 203.0.113.1", TWO },
	/* All are ours: the first of them asked. */
	{ "10.0.0.0/8", "10.0.0.1", "10.0.0.5, 10.0.0.4", "4:0a000005" },
	/* Ports and brackets, as some proxies write them. */
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.1:4711", ONE },
	{ "10.0.0.0/8", "10.0.0.1", "[2001:db8:1:2::7]:443", "6:20010db800010002" },
	{ "10.0.0.0/8", "10.0.0.1", "[2001:db8:1:2::7]", "6:20010db800010002" },
	{ "10.0.0.0/8", "10.0.0.1", "2001:db8:1:2::7", "6:20010db800010002" },
	/* Malformed: the peer. */
	{ "10.0.0.0/8", "10.0.0.1", "unknown", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.1, ", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.1, 10.0.0.2, _hidden", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.2, x, 10.0.0.2", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.01", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.1:0", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.1:65536", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "203.0.113.1:", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "[203.0.113.1]", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "[2001:db8::1", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "[2001:db8::1]x", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "[]", PEER },
	{ "10.0.0.0/8", "10.0.0.1", "fe80::1%eth0", PEER },
	{ "10.0.0.0/8", "10.0.0.1", ",", PEER },
	{ "10.0.0.0/8", "10.0.0.1",
	    "1111111111111111111111111111111111111111111111111111111111111111111111111111", PEER },
	/* IPv4 in IPv6 is IPv4, at each place. */
	{ "10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:203.0.113.1", ONE },
	{ "", "::ffff:10.0.0.1", NULL, PEER },
	/* One /64 is one. */
	{ "", "2001:db8:1:2:3:4:5:6", NULL, "6:20010db800010002" },
	{ "", "2001:db8:1:2::", NULL, "6:20010db800010002" },
	{ "", "2001:db8:1:3::", NULL, "6:20010db800010003" },
	{ "2001:db8::/32", "2001:db8::1", "203.0.113.1", ONE },
	{ "::1", "::1", "203.0.113.1, ::1", ONE },
	/* No address at all. */
	{ "10.0.0.0/8", "unix:", "203.0.113.1", "none" },
	{ "10.0.0.0/8", "", NULL, "none" },
};

static void test_whose_request_it_is(void **state UNUSED)
{
	for (size_t i = 0; i < countof(cases); i++) {
		const char *got = client(cases[i].trusted, cases[i].peer, cases[i].forwarded);

		if (strcmp(got, cases[i].wanted) != 0)
			fail_msg("\"%s\" from %s: %s, not %s",
			    cases[i].forwarded == NULL ? "-" : cases[i].forwarded, cases[i].peer,
			    got, cases[i].wanted);
	}
}

/* An IPv4 address and an IPv6 prefix of the same bytes are two. */
static void test_families_do_not_meet(void **state UNUSED)
{
	struct ip v4 = { .bits = 32, .bytes = { 32, 1, 13, 184 } };
	struct ip v6 = { .bits = 128, .bytes = { 32, 1, 13, 184 } };
	uint8_t a[CLIENT_KEY_SIZE], b[CLIENT_KEY_SIZE];

	assert_int_equal(client_key(&v4, a), 5);
	assert_int_equal(client_key(&v6, b), 9);
	assert_int_not_equal(a[0], b[0]);
}

static void test_lists_of_networks(void **state UNUSED)
{
	static const char *const wrong[] = { "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "proxy",
		"10.0.0.0/8; 127.0.0.1", "::1/129", "10.0.0.0/8/8", "10.0.0.0-10.0.0.9" };
	struct cidr_list list = { .count = 99 };
	char reason[200];

	for (size_t i = 0; i < countof(wrong); i++) {
		reason[0] = '\0';
		assert_int_equal(
		    cidr_list_parse(wrong[i], &list, reason, sizeof(reason)), ERR_CONFIG);
		assert_string_not_equal(reason, "");
		assert_int_equal(list.count, 99);
	}
	assert_int_equal(cidr_list_parse(" , ", &list, reason, sizeof(reason)), ERR_OK);
	assert_int_equal(list.count, 0);
	assert_int_equal(
	    cidr_list_parse("10.0.0.0/8,::1\t0.0.0.0/0", &list, reason, sizeof(reason)), ERR_OK);
	assert_int_equal(list.count, 3);
}

/* As it is written down, whichever way it came. */
static void test_as_text(void **state UNUSED)
{
	static const char *const texts[][2] = { { "203.0.113.1", "203.0.113.1" },
		{ "::ffff:203.0.113.1", "203.0.113.1" }, { "2001:db8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:DB8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6" } };
	char text[NET_TEXT_SIZE];
	struct ip ip;

	for (size_t i = 0; i < countof(texts); i++) {
		assert_int_equal(ip_parse(texts[i][0], &ip), ERR_OK);
		ip_text(&ip, text);
		assert_string_equal(text, texts[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_request_it_is),
		cmocka_unit_test(test_families_do_not_meet),
		cmocka_unit_test(test_lists_of_networks),
		cmocka_unit_test(test_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
