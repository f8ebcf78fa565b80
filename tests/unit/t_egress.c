/* SPDX-License-Identifier: Apache-2.0 */
/* t_egress.c: which addresses may be dialled, net by net and form by form. */
#include "base.h"
#include "egress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

static struct egress *guard_of(const char *allow)
{
	struct egress *egress = NULL;
	char reason[200] = "";

	if (egress_new(allow, &egress, reason, sizeof(reason)) != ERR_OK)
		fail_msg("\"%s\": %s", allow, reason);
	return egress;
}

static const char *why(const struct egress *egress, const char *text)
{
	struct net_address address;
	const char *word;

	if (net_address_parse(text, &address) != ERR_OK)
		fail_msg("\"%s\" is not an address", text);
	address.as.v4.sin_port = htons(443);
	word = egress_address_why(egress, &address.as.any, address.len);
	assert_int_equal(egress_address_ok(egress, &address.as.any, address.len), word == NULL);
	return word;
}

static void may(const struct egress *egress, const char *text)
{
	const char *word = why(egress, text);

	if (word != NULL)
		fail_msg("%s is refused: %s", text, word);
}

static void may_not(const struct egress *egress, const char *text, const char *wanted)
{
	const char *word = why(egress, text);

	if (word == NULL)
		fail_msg("%s is let through", text);
	if (wanted != NULL)
		assert_string_equal(word, wanted);
}

/* Each net: its first and last address are refused; its neighbours are not, or (NULL) belong to
 * another net. */
static const struct {
	const char *first;
	const char *last;
	const char *before;
	const char *after;
	const char *why;
} nets[] = {
	{ "0.0.0.0", "0.255.255.255", NULL, "1.0.0.0", "this network" },
	{ "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0", "private" },
	{ "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0", "carrier-grade NAT" },
	{ "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0", "loopback" },
	{ "169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0", "link-local" },
	{ "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0", "private" },
	{ "192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0", "protocol assignments" },
	{ "192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0", "documentation" },
	{ "192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0", "6to4 relay" },
	{ "192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0", "private" },
	{ "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0", "benchmarks" },
	{ "198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0", "documentation" },
	{ "203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0", "documentation" },
	{ "224.0.0.0", "239.255.255.255", "223.255.255.255", NULL, "multicast" },
	{ "240.0.0.0", "255.255.255.254", NULL, NULL, "reserved" },
	{ "255.255.255.255", "255.255.255.255", NULL, NULL, "broadcast" },
	{ "169.254.169.254", "169.254.169.254", NULL, NULL, "cloud metadata" },
	{ "168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17",
	    "cloud metadata (Azure)" },
	{ "100.100.100.200", "100.100.100.200", NULL, NULL, "cloud metadata (Alibaba)" },

	{ "::", "::", NULL, NULL, "unspecified" },
	{ "::1", "::1", NULL, NULL, "loopback" },
	{ "::2", "::ffff:ffff", NULL, NULL, "IPv4-compatible" },
	{ "::ffff:0.0.0.0", "::ffff:255.255.255.255", NULL, NULL, "IPv4-mapped" },
	{ "::ffff:0:0.0.0.0", "::ffff:0:255.255.255.255", NULL, NULL, "IPv4-translated" },
	{ "64:ff9b::", "64:ff9b::255.255.255.255", NULL, NULL, "NAT64" },
	{ "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "NAT64, local use" },
	{ "100::", "100::ffff:ffff:ffff:ffff", NULL, NULL, "discard" },
	{ "0:0:0:1::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL,
	    "2000::", "not global unicast" },
	{ "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
	    "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, "Teredo" },
	{ "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", NULL,
	    "2001:200::", "protocol assignments" },
	{ "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
	    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "documentation" },
	{ "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::", "6to4" },
	{ "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::", "documentation" },
	{ "4000::", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, "not global unicast" },
	{ "8000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "not global unicast" },
	{ "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "unique local" },
	{ "fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "not global unicast" },
	{ "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "link-local" },
	{ "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "site-local" },
	{ "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL, "multicast" },
	{ "fd00:ec2::254", "fd00:ec2::254", NULL, NULL, "cloud metadata" },
	{ "fd20:ce::254", "fd20:ce::254", NULL, NULL, "cloud metadata (Google)" },
};

static void test_every_net_and_its_neighbours(void **state)
{
	struct egress *egress = guard_of("");

	(void)state;
	for (size_t i = 0; i < countof(nets); i++) {
		may_not(egress, nets[i].first, nets[i].why);
		may_not(egress, nets[i].last, nets[i].why);
		if (nets[i].before != NULL)
			may(egress, nets[i].before);
		if (nets[i].after != NULL)
			may(egress, nets[i].after);
	}
	egress_free(&egress);
	assert_null(egress);
	egress_free(&egress);
	egress_free(NULL);
}

static void test_the_rest_of_the_world(void **state)
{
	static const char *const fine[] = { "1.1.1.1", "8.8.8.8", "93.184.216.34",
		"223.255.255.255", "172.32.0.1", "192.31.196.1", "2606:4700:4700::1111",
		"2a00:1450:4001:830::200e", "2400:cb00:2048:1::c629:d7a2", "2000::1" };
	struct egress *egress = guard_of("");

	(void)state;
	for (size_t i = 0; i < countof(fine); i++)
		may(egress, fine[i]);
	egress_free(&egress);
}

/* A forbidden IPv4 address in every dress; none gets through, opened or not. */
static void test_embedded(void **state)
{
	static const char *const dressed[] = {
		"::ffff:127.0.0.1",
		"::ffff:7f00:1",
		"::ffff:169.254.169.254",
		"::127.0.0.1",
		"::a9fe:a9fe",
		"::ffff:0:127.0.0.1",
		"64:ff9b::7f00:1",
		"64:ff9b::a9fe:a9fe",
		"64:ff9b::10.0.0.1",
		"64:ff9b:1::127.0.0.1",
		"64:ff9b:1:7f00:0:100::",
		"64:ff9b:1:ff7f:0:1::",
		"64:ff9b:1:0:7f:0:100:0",
		"2002:7f00:1::",
		"2002:a9fe:a9fe::",
		"2002:c0a8:101::1",
		"2001:0:4136:e378:8000:63bf:80ff:fffe",
		"2001:0:7f00:1:0:0:f7f7:f7f7",
		"2a00:1450::5efe:127.0.0.1",
		"2a00:1450::200:5efe:10.0.0.1",
		"2a00:1450::5efe:a9fe:a9fe",
		"2a00:1450::300:5efe:192.168.1.1",
		"fe80::5efe:127.0.0.1",
	};
	static const char *const wide[] = { "", "127.0.0.2/32", "2000::/3", "64:ff9b::/96", "::/0",
		"64:ff9b:1::/48 2002::/16 2001::/32" };

	(void)state;
	for (size_t i = 0; i < countof(wide); i++) {
		struct egress *egress = guard_of(wide[i]);

		for (size_t j = 0; j < countof(dressed); j++)
			may_not(egress, dressed[j], NULL);
		egress_free(&egress);
	}
}

/* ISATAP with a public address inside is an ordinary address; a near miss is no ISATAP. */
static void test_embedded_public(void **state)
{
	struct egress *egress = guard_of("");

	(void)state;
	may(egress, "2a00:1450::5efe:8.8.8.8");
	may(egress, "2a00:1450::5eff:127.0.0.1");
	may(egress, "2a00:1450::400:5efe:127.0.0.1");
	may(egress, "2a00:1450::1:5efe:127.0.0.1");
	/* These forms are not global unicast, whatever they carry. */
	may_not(egress, "::ffff:8.8.8.8", "IPv4-mapped");
	may_not(egress, "::8.8.8.8", "IPv4-compatible");
	may_not(egress, "64:ff9b::8.8.8.8", "NAT64");
	may_not(egress, "2002:808:808::", "6to4");
	egress_free(&egress);
	/* A host behind NAT64 is told so, and its IPv4 addresses are judged as ever. */
	egress = guard_of("64:ff9b::/96");
	may(egress, "64:ff9b::8.8.8.8");
	may_not(egress, "64:ff9b:0:0:0:1:8.8.8.8", "not global unicast");
	may_not(egress, "64:ff9b::192.168.0.1", "private");
	may_not(egress, "64:ff9b::168.63.129.16", "cloud metadata (Azure)");
	egress_free(&egress);
	egress = guard_of("64:ff9b:1:7::/96, 64:ff9b:1:8::/64, 2001::/32, 2002::/16");
	may(egress, "64:ff9b:1:7::8.8.8.8");
	may_not(egress, "64:ff9b:1:7::10.8.8.8", "private");
	may(egress, "64:ff9b:1:8:8:808:800:0");
	may_not(egress, "64:ff9b:1:8:a:808:800:0", "private");
	may(egress, "2002:808:808::1");
	may_not(egress, "2002:a00:1::1", "private");
	/* Teredo: server 65.54.227.120, client 192.0.2.45, then 8.8.8.8 (inverted). */
	may_not(egress, "2001:0:4136:e378:8000:63bf:3fff:fdd2", "documentation");
	may(egress, "2001:0:4136:e378:8000:63bf:f7f7:f7f7");
	may_not(egress, "2001:0:a00:1:8000:63bf:f7f7:f7f7", "private");
	egress_free(&egress);
}

static void test_allow_opens_what_it_names(void **state)
{
	struct egress *egress = guard_of("127.0.0.1/32");

	(void)state;
	may(egress, "127.0.0.1");
	may_not(egress, "127.0.0.0", "loopback");
	may_not(egress, "127.0.0.2", "loopback");
	may_not(egress, "::1", "loopback");
	may_not(egress, "::ffff:127.0.0.1", "IPv4-mapped");
	egress_free(&egress);
	egress = guard_of(" 10.1.0.0/16,::1\t 192.168.7.7 ,fd00::/8,, ");
	may(egress, "10.1.0.0");
	may(egress, "10.1.255.255");
	may_not(egress, "10.0.255.255", "private");
	may_not(egress, "10.2.0.0", "private");
	may(egress, "::1");
	may_not(egress, "::", "unspecified");
	may(egress, "192.168.7.7");
	may_not(egress, "192.168.7.6", "private");
	may(egress, "fd12:3456:789a::1");
	may_not(egress, "fd12:3456::5efe:10.0.0.1", "private");
	may(egress, "fd12:3456::5efe:10.1.0.1");
	may_not(egress, "fc00::1", "unique local");
	may(egress, "8.8.8.8");
	egress_free(&egress);
	egress = guard_of("0.0.0.0/0 ::/0");
	may(egress, "0.0.0.0");
	may(egress, "127.0.0.1");
	may(egress, "255.255.255.255");
	may(egress, "fe80::1");
	may(egress, "::ffff:10.0.0.1");
	egress_free(&egress);
}

/* No wide entry opens a metadata service, in whatever dress; its own address does. */
static void test_metadata_is_opened_by_name_only(void **state)
{
	static const char *const metadata[] = { "169.254.169.254", "169.254.170.2",
		"169.254.170.23", "168.63.129.16", "100.100.100.200", "192.0.0.192",
		"fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe",
		"::ffff:169.254.169.254", "64:ff9b::169.254.169.254" };
	struct egress *egress = guard_of("0.0.0.0/0 ::/0 169.254.169.254/31 fd00:ec2::254/127 "
					 "64:ff9b::a9fe:a900/120 168.63.129.0/24");

	(void)state;
	for (size_t i = 0; i < countof(metadata); i++)
		may_not(egress, metadata[i], NULL);
	may(egress, "169.254.169.255");
	may(egress, "64:ff9b::169.254.169.253");
	egress_free(&egress);
	for (size_t i = 0; i < countof(metadata); i++) {
		egress = guard_of(metadata[i]);
		may(egress, metadata[i]);
		egress_free(&egress);
	}
	egress = guard_of("169.254.169.254/32 64:ff9b::/96");
	may(egress, "64:ff9b::169.254.169.254");
	egress_free(&egress);
}

static void test_allow_complains(void **state)
{
	static const struct {
		const char *text;
		const char *reason;
	} wrong[] = {
		{ "10.0.0.1/8", "has bits behind its prefix length" },
		{ "10.0.0.0/33", "has bits behind its prefix length, or the length is too large" },
		{ "fd00::/129", "too large" },
		{ "10.0.0.0/", "is not an address" },
		{ "10.0.0.0/-1", "is not an address" },
		{ "10.0.0.0/08x", "is not an address" },
		{ "10.0.0/8", "is not an address" },
		{ "010.0.0.0/8", "is not an address" },
		{ "10.0.0.0/8/8", "is not an address" },
		{ "127.0.0.1/32, localhost", "\"localhost\" is not an address" },
		{ "fe80::1%lo/128", "is not an address" },
		{ "[::1]/128", "is not an address" },
		{ "10.0.0.0/8;127.0.0.0/8", "is not an address" },
		{ "1111111111222222222233333333334444444444555555555566666666667", "address" },
	};
	char many[64 * 11 + 20] = "";
	char reason[200];

	(void)state;
	for (size_t i = 0; i < countof(wrong); i++) {
		struct egress *egress = NULL;

		reason[0] = '\0';
		assert_int_equal(
		    egress_new(wrong[i].text, &egress, reason, sizeof(reason)), ERR_CONFIG);
		assert_null(egress);
		if (strstr(reason, wrong[i].reason) == NULL)
			fail_msg("\"%s\": %s", wrong[i].text, reason);
	}
	for (size_t i = 0; i < 65; i++) {
		struct egress *egress = NULL;
		enum err err = egress_new(many, &egress, reason, sizeof(reason));

		assert_int_equal(err, ERR_OK);
		egress_free(&egress);
		(void)snprintf(
		    many + strlen(many), sizeof(many) - strlen(many), "10.0.0.%u ", (unsigned)i);
	}
	assert_int_equal(
	    egress_new(many, &(struct egress *){ NULL }, reason, sizeof(reason)), ERR_CONFIG);
	assert_string_equal(reason, "more than 64 entries");
}

static void test_odd_socket_addresses(void **state)
{
	struct egress *egress = guard_of("fe80::/10");
	struct sockaddr_in6 zoned = { .sin6_family = AF_INET6, .sin6_scope_id = 1 };
	struct sockaddr_in short_one = { .sin_family = AF_INET };
	struct sockaddr unix_one = { .sa_family = AF_UNIX };

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "fe80::1", &zoned.sin6_addr), 1);
	assert_string_equal(
	    egress_address_why(egress, (struct sockaddr *)&zoned, sizeof(zoned)), "has a zone");
	zoned.sin6_scope_id = 0;
	assert_true(egress_address_ok(egress, (struct sockaddr *)&zoned, sizeof(zoned)));
	assert_false(egress_address_ok(egress, (struct sockaddr *)&zoned, sizeof(zoned) - 1));
	short_one.sin_addr.s_addr = htonl(0x08080808);
	assert_true(egress_address_ok(egress, (struct sockaddr *)&short_one, sizeof(short_one)));
	assert_false(egress_address_ok(egress, (struct sockaddr *)&short_one, 4));
	assert_false(egress_address_ok(egress, &unix_one, sizeof(unix_one)));
	assert_false(egress_address_ok(egress, NULL, 0));
	egress_free(&egress);
}

static void test_one_bad_answer_spoils_the_list(void **state)
{
	struct egress *egress = guard_of("");
	struct net_addresses list = { .count = 0 };

	(void)state;
	assert_false(egress_addresses_ok(egress, &list));
	for (size_t i = 0; i < NET_ADDRESSES_MAX; i++)
		assert_int_equal(net_address_parse("8.8.8.8", &list.list[i]), ERR_OK);
	for (list.count = 1; list.count < NET_ADDRESSES_MAX; list.count++)
		assert_true(egress_addresses_ok(egress, &list));
	for (size_t i = 0; i < NET_ADDRESSES_MAX - 1; i++) {
		struct net_address kept = list.list[i];

		assert_int_equal(
		    net_address_parse(i % 2 ? "::1" : "10.0.0.1", &list.list[i]), ERR_OK);
		assert_false(egress_addresses_ok(egress, &list));
		list.list[i] = kept;
	}
	assert_true(egress_addresses_ok(egress, &list));
	egress_free(&egress);
}

static void test_addresses_as_text(void **state)
{
	static const char *const wrong[] = { "", "127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01",
		"2130706433", "127.0.0.1.", " 127.0.0.1", "127.0.0.1 ", "[::1]", "::1%lo",
		"1::2::3", ":::", "localhost", "256.0.0.1", "::ffff:127.1" };
	struct net_address address, other;
	char text[NET_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(net_address_parse(wrong[i], &address), ERR_SYNTAX);
	assert_int_equal(net_address_parse("2001:DB8:0:0::1", &address), ERR_OK);
	net_address_text(&address, text);
	assert_string_equal(text, "2001:db8::1");
	assert_int_equal(net_address_parse("2001:db8::1", &other), ERR_OK);
	other.as.v6.sin6_port = 7;
	assert_true(net_address_equal(&address, &other));
	assert_int_equal(net_address_parse("192.0.2.1", &other), ERR_OK);
	assert_false(net_address_equal(&address, &other));
	net_address_text(&other, text);
	assert_string_equal(text, "192.0.2.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_net_and_its_neighbours),
		cmocka_unit_test(test_the_rest_of_the_world),
		cmocka_unit_test(test_embedded),
		cmocka_unit_test(test_embedded_public),
		cmocka_unit_test(test_allow_opens_what_it_names),
		cmocka_unit_test(test_metadata_is_opened_by_name_only),
		cmocka_unit_test(test_allow_complains),
		cmocka_unit_test(test_odd_socket_addresses),
		cmocka_unit_test(test_one_bad_answer_spoils_the_list),
		cmocka_unit_test(test_addresses_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
