/* SPDX-License-Identifier: Apache-2.0 */
/* t_egress_url.c: which URLs may be called, and what they point at. */
#include "base.h"
#include "egress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct egress *closed;
static struct egress *opened; /* 127.0.0.1, ::1 and 10.0.0.0/8 */

static int guards_make(void **state)
{
	char reason[200];

	(void)state;
	return egress_new("", &closed, reason, sizeof(reason)) == ERR_OK &&
		       egress_new("127.0.0.1/32, ::1/128, 10.0.0.0/8", &opened, reason,
			   sizeof(reason)) == ERR_OK
		   ? 0
		   : -1;
}

static int guards_free(void **state)
{
	(void)state;
	egress_free(&closed);
	egress_free(&opened);
	return 0;
}

static const struct {
	const char *url;
	const char *host;
	uint16_t port;
} fine[] = {
	{ "https://example.org", "example.org", 443 },
	{ "https://example.org/", "example.org", 443 },
	{ "HTTPS://Example.ORG/Hook", "example.org", 443 },
	{ "https://example.org:443/x", "example.org", 443 },
	{ "https://example.org:8443/x?y=z&a=%20b", "example.org", 8443 },
	{ "https://example.org:1024/", "example.org", 1024 },
	{ "https://example.org:65535/", "example.org", 65535 },
	{ "https://example.org?x=1", "example.org", 443 },
	{ "https://example.org/@user:word@127.0.0.1/", "example.org", 443 },
	{ "https://example.org/?next=http://127.0.0.1:22/", "example.org", 443 },
	{ "https://example.org/a/../b/./c", "example.org", 443 },
	{ "https://a.b.c.d.e.example.org/", "a.b.c.d.e.example.org", 443 },
	{ "https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443 },
	{ "https://a_b.example.org/", "a_b.example.org", 443 },
	{ "https://3com.example.1st/", "3com.example.1st", 443 },
	{ "https://0x7f.1.example/", "0x7f.1.example", 443 },
	{ "https://127.0.0.1.example.org/", "127.0.0.1.example.org", 443 },
	{ "https://localhost.example.org/", "localhost.example.org", 443 },
	{ "https://metadata.google.internal/", "metadata.google.internal", 443 },
	{ "https://8.8.8.8/", "8.8.8.8", 443 },
	{ "https://8.8.8.8:8443/", "8.8.8.8", 8443 },
	{ "https://[2606:4700:4700::1111]/", "2606:4700:4700::1111", 443 },
	{ "https://[2606:4700:4700:0:0:0:0:1111]:8443/", "2606:4700:4700::1111", 8443 },
	{ "https://[2606:4700:4700::AAAA]/", "2606:4700:4700::aaaa", 443 },
};

static void test_fine(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(fine); i++) {
		struct egress_target target;

		if (egress_url_check(closed, fine[i].url, &target) != ERR_OK)
			fail_msg("%s is refused", fine[i].url);
		assert_string_equal(target.host, fine[i].host);
		assert_int_equal(target.port, fine[i].port);
		assert_string_equal(target.scheme, "https");
		assert_int_equal(target.is_literal, target.addresses.count == 1);
	}
}

/* Refused with and without egress_allow. Most are appendix 1 of the reference, over https. */
static const struct {
	const char *url;
	enum err err;
} wrong[] = {
	{ "", ERR_SYNTAX },
	{ "https://", ERR_SYNTAX },
	{ "https:///", ERR_SYNTAX },
	{ "https:///example.org/", ERR_SYNTAX },
	{ "https:/example.org/", ERR_SYNTAX },
	{ "https:example.org/", ERR_SYNTAX },
	{ "https:////example.org/", ERR_SYNTAX },
	{ "//example.org/", ERR_SYNTAX },
	{ "example.org", ERR_SYNTAX },
	{ "example.org:443", ERR_SYNTAX },
	{ "ftp://public.example/", ERR_SYNTAX },
	{ "file:///etc/passwd", ERR_SYNTAX },
	{ "gopher://127.0.0.1:3306/_x", ERR_SYNTAX },
	{ "unix:/var/run/mysqld/mysqld.sock", ERR_SYNTAX },
	{ "javascript:alert(1)", ERR_SYNTAX },
	{ "ws://example.org/", ERR_SYNTAX },
	{ "https+unix://example.org/", ERR_SYNTAX },
	{ " https://example.org/", ERR_SYNTAX },
	{ "https://example.org/ ", ERR_SYNTAX },
	{ "https://example.org/a b", ERR_SYNTAX },
	{ "https://exam ple.org/", ERR_SYNTAX },
	{ "https://example.org/\t", ERR_SYNTAX },
	{ "https://example.org/\r\nX: y", ERR_SYNTAX },
	{ "https://exam\nple.org/", ERR_SYNTAX },
	{ "https://example.org/\x01", ERR_SYNTAX },
	{ "https://example.org/\x7f", ERR_SYNTAX },
	{ "https://ex\xc3\xa4mple.org/", ERR_SYNTAX },
	{ "https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", ERR_SYNTAX }, /* full width */
	{ "https://127\xe3\x80\x82"
	  "0.0.1/",
	    ERR_SYNTAX },                              /* U+3002 */
	{ "https://\xe2\x91\xa0.1.1.1/", ERR_SYNTAX }, /* circled 1 */
	{ "https://example.org\\@127.0.0.1/", ERR_SYNTAX },
	{ "https:\\\\example.org/", ERR_SYNTAX },
	{ "https://example.org/a\\b", ERR_SYNTAX },
	{ "https://example.org/#", ERR_SYNTAX },
	{ "https://example.org/#x", ERR_SYNTAX },
	{ "https://example.org#@127.0.0.1/", ERR_SYNTAX },
	{ "https://example.org/<x>", ERR_SYNTAX },
	{ "https://example.org/{x}", ERR_SYNTAX },
	{ "https://example.org/%", ERR_SYNTAX },
	{ "https://example.org/%2", ERR_SYNTAX },
	{ "https://example.org/%zz", ERR_SYNTAX },
	{ "https://user@example.org/", ERR_SYNTAX },
	{ "https://user:pw@127.0.0.1/", ERR_SYNTAX },
	{ "https://public.example@127.0.0.1/", ERR_SYNTAX },
	{ "https://@example.org/", ERR_SYNTAX },
	{ "https://:@example.org/", ERR_SYNTAX },
	{ "https://a@b@example.org/", ERR_SYNTAX },
	{ "https://example.org%2f@127.0.0.1/", ERR_SYNTAX },
	{ "https://example.org%2fx/", ERR_SYNTAX },
	{ "https://%65xample.org/", ERR_SYNTAX },
	{ "https://%31%32%37.0.0.1/", ERR_SYNTAX },
	{ "https://example.org%00.evil.example/", ERR_SYNTAX },
	{ "https://example.org:/", ERR_SYNTAX },
	{ "https://example.org:0/", ERR_SYNTAX },
	{ "https://example.org:0443/", ERR_SYNTAX },
	{ "https://example.org:65536/", ERR_SYNTAX },
	{ "https://example.org:4294967739/", ERR_SYNTAX },
	{ "https://example.org:-443/", ERR_SYNTAX },
	{ "https://example.org:+443/", ERR_SYNTAX },
	{ "https://example.org:443:443/", ERR_SYNTAX },
	{ "https://example.org:443x/", ERR_SYNTAX },
	{ "https://example.org:https/", ERR_SYNTAX },
	{ "https://example/", ERR_SYNTAX },
	{ "https://internal:8443/", ERR_SYNTAX },
	{ "https://example.org./", ERR_SYNTAX },
	{ "https://.example.org/", ERR_SYNTAX },
	{ "https://example..org/", ERR_SYNTAX },
	{ "https://-example.org/", ERR_SYNTAX },
	{ "https://example-.org/", ERR_SYNTAX },
	{ "https://example.org-/", ERR_SYNTAX },
	{ "https://exam*ple.org/", ERR_SYNTAX },
	{ "https://example.org,127.0.0.1/", ERR_SYNTAX },
	{ "https://example.org&@127.0.0.1/", ERR_SYNTAX },
	{ "https://a123456789a123456789a123456789a123456789a123456789a123456789abcd.org/",
	    ERR_SYNTAX },
	/* Numbers that some take for addresses. */
	{ "https://127.1/", ERR_SYNTAX },
	{ "https://127.0.1/", ERR_SYNTAX },
	{ "https://2130706433/", ERR_SYNTAX },
	{ "https://0x7f000001/", ERR_SYNTAX },
	{ "https://0x7f.1/", ERR_SYNTAX },
	{ "https://0X7F.0.0.1/", ERR_SYNTAX },
	{ "https://0177.0.0.1/", ERR_SYNTAX },
	{ "https://127.0.0.01/", ERR_SYNTAX },
	{ "https://127.0.0.1./", ERR_SYNTAX },
	{ "https://0/", ERR_SYNTAX },
	{ "https://0xa9fea9fe/", ERR_SYNTAX },
	{ "https://2852039166", ERR_SYNTAX },
	{ "https://256.0.0.1/", ERR_SYNTAX },
	{ "https://1.2.3.4.5/", ERR_SYNTAX },
	{ "https://example.1/", ERR_SYNTAX },
	{ "https://example.0x1f/", ERR_SYNTAX },
	{ "https://example.0x/", ERR_SYNTAX },
	{ "https://134744072/", ERR_SYNTAX }, /* 8.8.8.8 */
	{ "https://8.8.2056/", ERR_SYNTAX },
	/* Brackets. */
	{ "https://[]/", ERR_SYNTAX },
	{ "https://[::1/", ERR_SYNTAX },
	{ "https://::1/", ERR_SYNTAX },
	{ "https://[2606:4700::1111]x/", ERR_SYNTAX },
	{ "https://[2606:4700::1111]:/", ERR_SYNTAX },
	{ "https://[2606:4700::1111%25eth0]/", ERR_SYNTAX },
	{ "https://[fe80::1%25lo]/", ERR_SYNTAX },
	{ "https://[fe80::1%lo]/", ERR_SYNTAX },
	{ "https://[127.0.0.1]/", ERR_SYNTAX },
	{ "https://[example.org]/", ERR_SYNTAX },
	{ "https://[v1.a]/", ERR_SYNTAX },
	{ "https://[1::2::3]/", ERR_SYNTAX },
	{ "https://x[::1]/", ERR_SYNTAX },
	{ "https://user@[2606:4700::1111]/", ERR_SYNTAX },
	/* Well-formed, and forbidden. */
	{ "http://example.org/", ERR_RANGE },
	{ "http://example.org:443/", ERR_RANGE },
	{ "http://8.8.8.8:8080/", ERR_RANGE },
	{ "http://[2606:4700::1111]/", ERR_RANGE },
	{ "https://127.255.255.254/", ERR_RANGE },
	{ "https://0.0.0.0/", ERR_RANGE },
	{ "https://172.16.0.1/", ERR_RANGE },
	{ "https://192.168.0.1/", ERR_RANGE },
	{ "https://100.64.0.1/", ERR_RANGE },
	{ "https://169.254.169.254/latest/meta-data/", ERR_RANGE },
	{ "http://169.254.169.254/latest/meta-data/", ERR_RANGE },
	{ "https://169.254.170.2/", ERR_RANGE },
	{ "https://168.63.129.16/", ERR_RANGE },
	{ "https://192.0.0.8/", ERR_RANGE },
	{ "https://192.0.2.1/", ERR_RANGE },
	{ "https://198.18.0.1/", ERR_RANGE },
	{ "https://224.0.0.1/", ERR_RANGE },
	{ "https://255.255.255.255/", ERR_RANGE },
	{ "https://[::]/", ERR_RANGE },
	{ "https://[::ffff:127.0.0.1]/", ERR_RANGE },
	{ "https://[::ffff:7f00:1]/", ERR_RANGE },
	{ "https://[::127.0.0.1]/", ERR_RANGE },
	{ "https://[64:ff9b::7f00:1]/", ERR_RANGE },
	{ "https://[2002:7f00:1::]/", ERR_RANGE },
	{ "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", ERR_RANGE },
	{ "https://[fe80::1]/", ERR_RANGE },
	{ "https://[fd00:ec2::254]/", ERR_RANGE },
	{ "https://[2001:db8::1]/", ERR_RANGE },
	{ "https://[ff02::1]/", ERR_RANGE },
	{ "https://a.localhost/", ERR_RANGE },
	{ "http://A.b.LOCALHOST:8080/", ERR_RANGE },
	{ "https://example.org:1/", ERR_RANGE },
	{ "https://example.org:22/", ERR_RANGE },
	{ "https://example.org:80/", ERR_RANGE },
	{ "https://example.org:442/", ERR_RANGE },
	{ "https://example.org:444/", ERR_RANGE },
	{ "https://example.org:1023/", ERR_RANGE },
	{ "https://example.org:1433/", ERR_RANGE },
	{ "https://example.org:1521/", ERR_RANGE },
	{ "https://example.org:2049/", ERR_RANGE },
	{ "https://example.org:3306/", ERR_RANGE },
	{ "https://example.org:3389/", ERR_RANGE },
	{ "https://example.org:5432/", ERR_RANGE },
	{ "https://example.org:5900/", ERR_RANGE },
	{ "https://example.org:6379/", ERR_RANGE },
	{ "https://example.org:6667/", ERR_RANGE },
	{ "https://example.org:9200/", ERR_RANGE },
	{ "https://example.org:9300/", ERR_RANGE },
	{ "https://example.org:11211/", ERR_RANGE },
	{ "https://example.org:27017/", ERR_RANGE },
	{ "https://example.org:27019/", ERR_RANGE },
	{ "https://8.8.8.8:25/", ERR_RANGE },
	{ "https://[2606:4700::1111]:3306/", ERR_RANGE },
};

static void refused(const struct egress *egress, const char *url, enum err wanted)
{
	struct egress_target target = { .host = "untouched", .port = 7 };
	enum err err = egress_url_check(egress, url, &target);

	if (err != wanted)
		fail_msg("\"%s\" gives %s and not %s", url, err_name(err), err_name(wanted));
	assert_string_equal(target.host, "untouched");
	assert_int_equal(target.port, 7);
}

static void test_wrong(void **state)
{
	char url[3000];
	struct egress_target target;

	(void)state;
	for (size_t i = 0; i < countof(wrong); i++) {
		refused(closed, wrong[i].url, wrong[i].err);
		refused(opened, wrong[i].url, wrong[i].err);
	}
	refused(closed, NULL, ERR_SYNTAX);
	memset(url, 'a', sizeof(url));
	memcpy(url, "https://example.org/", 20);
	url[2049] = '\0';
	refused(closed, url, ERR_SYNTAX);
	url[2048] = '\0';
	assert_int_equal(egress_url_check(closed, url, &target), ERR_OK);
	/* A host of 254 characters. */
	(void)snprintf(url, sizeof(url), "https://%060d.%060d.%060d.%060d.abcdefghi/", 1, 1, 1, 1);
	assert_int_equal(egress_url_check(closed, url, &target), ERR_OK);
	(void)snprintf(url, sizeof(url), "https://%060d.%060d.%060d.%060d.abcdefghij/", 1, 1, 1, 1);
	refused(closed, url, ERR_SYNTAX);
}

/* A literal that egress_allow opens: plain http, any port. Without it, none of them. */
static const struct {
	const char *url;
	const char *host;
	uint16_t port;
	size_t addresses;
} developers[] = {
	{ "http://127.0.0.1/", "127.0.0.1", 80, 1 },
	{ "https://127.0.0.1/", "127.0.0.1", 443, 1 },
	{ "http://127.0.0.1:8080/hook", "127.0.0.1", 8080, 1 },
	{ "http://127.0.0.1:3306/", "127.0.0.1", 3306, 1 },
	{ "http://127.0.0.1:1/", "127.0.0.1", 1, 1 },
	{ "http://[::1]:8080/", "::1", 8080, 1 },
	{ "http://[0:0:0:0:0:0:0:1]:8080/", "::1", 8080, 1 },
	{ "http://localhost:8080/", "localhost", 8080, 2 },
	{ "http://LOCALHOST/", "localhost", 80, 2 },
	{ "https://localhost/", "localhost", 443, 2 },
	{ "http://10.255.255.255:81/", "10.255.255.255", 81, 1 },
};

static void test_developers(void **state)
{
	struct egress *only_four = NULL;
	char reason[200];
	struct egress_target target;

	(void)state;
	for (size_t i = 0; i < countof(developers); i++) {
		refused(closed, developers[i].url, ERR_RANGE);
		if (egress_url_check(opened, developers[i].url, &target) != ERR_OK)
			fail_msg("%s is refused", developers[i].url);
		assert_string_equal(target.host, developers[i].host);
		assert_int_equal(target.port, developers[i].port);
		assert_int_equal(target.addresses.count, developers[i].addresses);
		assert_true(target.is_literal);
		assert_memory_equal(target.scheme, developers[i].url, strlen(target.scheme));
	}
	assert_int_equal(egress_new("127.0.0.0/8", &only_four, reason, sizeof(reason)), ERR_OK);
	assert_int_equal(egress_url_check(only_four, "http://localhost/", &target), ERR_OK);
	assert_int_equal(target.addresses.count, 1);
	assert_int_equal(target.addresses.list[0].as.any.sa_family, AF_INET);
	refused(only_four, "http://[::1]/", ERR_RANGE);
	egress_free(&only_four);
	/* A public address does not become a developer's by being named beside others. */
	assert_int_equal(egress_new("8.8.8.8", &only_four, reason, sizeof(reason)), ERR_OK);
	assert_int_equal(egress_url_check(only_four, "http://8.8.8.8:25/", &target), ERR_OK);
	refused(only_four, "http://8.8.4.4/", ERR_RANGE);
	egress_free(&only_four);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fine),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_developers),
	};

	return cmocka_run_group_tests(tests, guards_make, guards_free);
}
