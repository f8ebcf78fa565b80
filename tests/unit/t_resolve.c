/* SPDX-License-Identifier: Apache-2.0 */
/* t_resolve.c: asking for addresses without waiting, against a name server of its own. */
#include "base.h"
#include "clock.h"
#include "dns_child.h"
#include "resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <arpa/inet.h>
#include <cmocka.h>

#define TIMEOUT_MS 2000

static const char table[] =
    "{"
    "\"one.example\": {\"A\": [\"93.184.216.34\"]},"
    "\"both.example\": {\"A\": [\"93.184.216.34\", \"10.0.0.1\"], \"AAAA\": [\"2606:4700::1\"]},"
    "\"six.example\": {\"AAAA\": [\"2606:4700::6\"]},"
    "\"kept.example\": {\"A\": [\"93.184.216.35\"], \"ttl\": 3600},"
    "\"brief.example\": {\"A\": [[\"1.1.1.1\"], [\"2.2.2.2\"]], \"ttl\": 1},"
    "\"turns.example\": {\"A\": [[\"93.184.216.34\"], [\"127.0.0.1\"]]},"
    "\"late.example\": {\"A\": [\"93.184.216.36\"], \"delay_ms\": 150},"
    "\"half.example\": {\"A\": [\"93.184.216.37\"], \"silent\": \"AAAA\"},"
    "\"silent.example\": {\"silent\": true},"
    "\"*.quiet.example\": {\"silent\": true},"
    "\"*.many.example\": {\"A\": [\"93.184.216.38\"], \"ttl\": 60},"
    "\"alias.example\": {\"cname\": \"one.example\"},"
    "\"inside.example\": {\"cname\": \"localhost\"},"
    "\"localhost\": {\"A\": [\"127.0.0.1\"]},"
    "\"empty.example\": {\"A\": []},"
    "\"refused.example\": {\"rcode\": \"REFUSED\"},"
    "\"broken.example\": {\"rcode\": \"SERVFAIL\"},"
    "\"garbage.example\": {\"garbage\": true},"
    "\"full.example\": {\"many\": 32},"
    "\"huge.example\": {\"many\": 33},"
    "\"vast.example\": {\"many\": 3000},"
    "\"*.ours.example\": {\"A\": [\"10.0.0.66\"]}"
    "}";

struct answer {
	unsigned calls;
	enum err err;
	struct net_addresses addresses;
};

static void note(void *arg, enum err err, const struct net_addresses *addresses)
{
	struct answer *answer = arg;

	answer->calls++;
	answer->err = err;
	answer->addresses.count = 0;
	if (err == ERR_OK)
		answer->addresses = *addresses;
	else
		assert_null(addresses);
}

static int server_make(void **state)
{
	(void)state;
	/* Neither a search domain nor an alias may turn a name into another. */
	(void)setenv("LOCALDOMAIN", "ours.example", 1);
	return dns_start(table);
}

static int server_end(void **state)
{
	(void)state;
	dns_stop();
	return 0;
}

static int resolver_make(void **state)
{
	struct resolver *resolver = NULL;

	if (resolver_new(dns_servers, TIMEOUT_MS, &resolver) != ERR_OK)
		return -1;
	*state = resolver;
	return 0;
}

static int resolver_end(void **state)
{
	struct resolver *resolver = *state;

	resolver_free(&resolver);
	return resolver == NULL ? 0 : -1;
}

static void wait_once(struct resolver *resolver, int64_t most_ms)
{
	struct pollfd fds[RESOLVE_FDS_MAX];
	size_t count = resolver_fds(resolver, fds);

	(void)poll(fds, (nfds_t)count, (int)resolver_wait_ms(resolver, most_ms));
	resolver_step(resolver);
}

/* Now and then, so that the server's socket buffer does not run over. */
static void pace(struct resolver *resolver, unsigned i)
{
	if (i % 50 != 49)
		return;
	(void)usleep(10000);
	wait_once(resolver, 10);
}

static struct answer *ask(struct resolver *resolver, const char *host)
{
	static struct answer answer;
	struct lookup *lookup = NULL;
	int64_t end_ms = clock_mono_ms() + 20000;

	memset(&answer, 0, sizeof(answer));
	assert_int_equal(resolver_start(resolver, host, note, &answer, &lookup), ERR_OK);
	assert_non_null(lookup);
	assert_int_equal(answer.calls, 0);
	while (answer.calls == 0) {
		wait_once(resolver, 500);
		assert_true(clock_mono_ms() < end_ms);
	}
	assert_int_equal(answer.calls, 1);
	return &answer;
}

static void holds(const struct answer *answer, const char *text)
{
	struct net_address address;

	assert_int_equal(net_address_parse(text, &address), ERR_OK);
	if (!net_addresses_hold(&answer->addresses, &address))
		fail_msg("%s is not among the answers", text);
}

static void test_answers(void **state)
{
	const struct answer *answer = ask(*state, "one.example");

	assert_int_equal(answer->err, ERR_OK);
	assert_int_equal(answer->addresses.count, 1);
	holds(answer, "93.184.216.34");
	assert_int_equal(answer->addresses.list[0].as.v4.sin_port, 0);
	answer = ask(*state, "both.example");
	assert_int_equal(answer->addresses.count, 3);
	holds(answer, "93.184.216.34");
	holds(answer, "10.0.0.1");
	holds(answer, "2606:4700::1");
	answer = ask(*state, "six.example");
	assert_int_equal(answer->addresses.count, 1);
	holds(answer, "2606:4700::6");
	answer = ask(*state, "alias.example");
	assert_int_equal(answer->addresses.count, 1);
	holds(answer, "93.184.216.34");
	holds(ask(*state, "inside.example"), "127.0.0.1");
}

static void test_no_answers(void **state)
{
	static const struct {
		const char *host;
		enum err err;
	} rows[] = {
		{ "nobody.example", ERR_MISSING },
		{ "empty.example", ERR_MISSING },
		{ "a..b", ERR_MISSING },
		{ "refused.example", ERR_IO },
		{ "broken.example", ERR_IO },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		const struct answer *answer = ask(*state, rows[i].host);

		if (answer->err != rows[i].err)
			fail_msg("%s: %s", rows[i].host, err_name(answer->err));
		assert_int_equal(answer->addresses.count, 0);
	}
	/* No search domain was tried, or the answer would be 10.0.0.66. */
	assert_int_equal(dns_asked("A nobody.example.ours.example"), 0);
	assert_int_equal(dns_asked("A nobody.example "), 1);
}

static void test_too_many_answers(void **state)
{
	const struct answer *answer = ask(*state, "full.example");

	assert_int_equal(answer->err, ERR_OK);
	assert_int_equal(answer->addresses.count, NET_ADDRESSES_MAX);
	/* 32 addresses do not fit a datagram. */
	assert_int_equal(dns_asked("A full.example tcp"), 1);
	assert_int_equal(ask(*state, "huge.example")->err, ERR_FULL);
	assert_int_equal(ask(*state, "vast.example")->err, ERR_FULL);
}

static void test_silence_ends_in_time(void **state)
{
	int64_t start_ms = clock_mono_ms();

	assert_int_equal(ask(*state, "silent.example")->err, ERR_TIMEOUT);
	assert_in_range(clock_mono_ms() - start_ms, TIMEOUT_MS / 2, TIMEOUT_MS + 1500);
	start_ms = clock_mono_ms();
	assert_int_not_equal(ask(*state, "garbage.example")->err, ERR_OK);
	assert_in_range(clock_mono_ms() - start_ms, 0, TIMEOUT_MS + 1500);
	/* It is asked anew, not remembered as silent; the resolver still works. */
	assert_int_equal(ask(*state, "one.example")->err, ERR_OK);
}

/* Hundreds of names whose servers are silent do not hold up one that is not. */
static void test_slow_names_hold_up_nobody(void **state)
{
	struct resolver *resolver = *state;
	static struct answer quiet[300];
	int64_t start_ms = clock_mono_ms();

	memset(quiet, 0, sizeof(quiet));
	for (unsigned i = 0; i < countof(quiet); i++) {
		struct lookup *lookup = NULL;
		char host[64];

		(void)snprintf(host, sizeof(host), "n%u.quiet.example", i);
		assert_int_equal(resolver_start(resolver, host, note, &quiet[i], &lookup), ERR_OK);
		pace(resolver, i);
	}
	assert_int_equal(ask(resolver, "one.example")->err, ERR_OK);
	assert_int_equal(ask(resolver, "late.example")->err, ERR_OK);
	assert_in_range(clock_mono_ms() - start_ms, 0, TIMEOUT_MS - 300);
	for (unsigned i = 0; i < countof(quiet); i++)
		assert_int_equal(quiet[i].calls, 0);
	while (clock_mono_ms() < start_ms + TIMEOUT_MS + 1000)
		wait_once(resolver, 200);
	for (unsigned i = 0; i < countof(quiet); i++) {
		assert_int_equal(quiet[i].calls, 1);
		assert_int_equal(quiet[i].err, ERR_TIMEOUT);
	}
}

/* An answer to one question counts, even if the other is never answered. */
static void test_half_an_answer(void **state)
{
	int64_t start_ms = clock_mono_ms();
	const struct answer *answer = ask(*state, "half.example");

	assert_int_equal(answer->err, ERR_OK);
	holds(answer, "93.184.216.37");
	assert_in_range(clock_mono_ms() - start_ms, 0, TIMEOUT_MS);
}

static void test_kept_for_its_time(void **state)
{
	struct resolver *resolver = *state;
	struct net_addresses addresses;

	assert_int_equal(resolver_cached(resolver, "kept.example", &addresses), ERR_MISSING);
	for (unsigned i = 0; i < 5; i++)
		holds(ask(resolver, "kept.example"), "93.184.216.35");
	assert_int_equal(dns_asked("A kept.example"), 1);
	assert_int_equal(resolver_cached(resolver, "kept.example", &addresses), ERR_OK);
	assert_int_equal(addresses.count, 1);
	/* One second, and then it is asked again. */
	holds(ask(resolver, "brief.example"), "1.1.1.1");
	holds(ask(resolver, "brief.example"), "1.1.1.1");
	(void)usleep(1100000);
	assert_int_equal(resolver_cached(resolver, "brief.example", &addresses), ERR_MISSING);
	holds(ask(resolver, "brief.example"), "2.2.2.2");
	assert_int_equal(dns_asked("A brief.example"), 2);
	/* Not at all. */
	holds(ask(resolver, "turns.example"), "93.184.216.34");
	assert_int_equal(resolver_cached(resolver, "turns.example", &addresses), ERR_MISSING);
	holds(ask(resolver, "turns.example"), "127.0.0.1");
	/* Failures are not kept. */
	assert_int_equal(resolver_cached(resolver, "nobody.example", &addresses), ERR_MISSING);
}

/* More names than there are places; each keeps its own answer. */
static void test_many_names(void **state)
{
	struct resolver *resolver = *state;
	static struct answer answers[2500];
	int64_t end_ms = clock_mono_ms() + 30000;
	unsigned open;

	memset(answers, 0, sizeof(answers));
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < countof(answers); i++) {
			struct lookup *lookup = NULL;
			char host[64];

			(void)snprintf(host, sizeof(host), "n%u.many.example", i);
			assert_int_equal(
			    resolver_start(resolver, host, note, &answers[i], &lookup), ERR_OK);
			pace(resolver, i);
		}
		do {
			wait_once(resolver, 200);
			open = 0;
			for (unsigned i = 0; i < countof(answers); i++)
				open += answers[i].calls <= round;
		} while (open > 0 && clock_mono_ms() < end_ms);
		assert_int_equal(open, 0);
	}
	for (unsigned i = 0; i < countof(answers); i++) {
		assert_int_equal(answers[i].calls, 2);
		assert_int_equal(answers[i].err, ERR_OK);
	}
}

static void test_asked_once_for_many(void **state)
{
	struct resolver *resolver = *state;
	struct answer answers[20];
	struct lookup *lookups[20];
	unsigned before = dns_asked("A late.example");
	int64_t end_ms = clock_mono_ms() + 5000;

	memset(answers, 0, sizeof(answers));
	for (size_t i = 0; i < countof(answers); i++)
		assert_int_equal(
		    resolver_start(resolver, "late.example", note, &answers[i], &lookups[i]),
		    ERR_OK);
	resolver_cancel(&lookups[7]);
	assert_null(lookups[7]);
	resolver_cancel(&lookups[7]);
	resolver_cancel(NULL);
	while (answers[0].calls == 0 && clock_mono_ms() < end_ms)
		wait_once(resolver, 200);
	for (size_t i = 0; i < countof(answers); i++) {
		assert_int_equal(answers[i].calls, i == 7 ? 0 : 1);
		if (i != 7)
			holds(&answers[i], "93.184.216.36");
	}
	assert_int_equal(dns_asked("A late.example"), before + 1);
}

struct chain {
	struct resolver *resolver;
	struct lookup *other; /* waits at the same name */
	struct lookup *next;
	unsigned left;
	unsigned others;
};

static void count_other(void *arg, enum err err, const struct net_addresses *addresses)
{
	(void)err;
	(void)addresses;
	((struct chain *)arg)->others++;
	((struct chain *)arg)->other = NULL;
}

/* Cancels what waits beside it, and starts the next one for a name that is kept by now. */
static void next_in_chain(void *arg, enum err err, const struct net_addresses *addresses)
{
	struct chain *chain = arg;

	assert_int_equal(err, ERR_OK);
	assert_int_equal(addresses->count, 1);
	resolver_cancel(&chain->other);
	if (--chain->left == 0)
		return;
	assert_int_equal(
	    resolver_start(chain->resolver, "n1.many.example", next_in_chain, chain, &chain->next),
	    ERR_OK);
	assert_int_equal(
	    resolver_start(chain->resolver, "n1.many.example", count_other, chain, &chain->other),
	    ERR_OK);
}

static void test_start_and_cancel_from_callback(void **state)
{
	struct chain chain = { .resolver = *state, .left = 6 };
	int64_t end_ms = clock_mono_ms() + 5000;
	unsigned steps = 0;

	assert_int_equal(
	    resolver_start(*state, "n1.many.example", next_in_chain, &chain, &chain.next), ERR_OK);
	for (; chain.left > 0 && clock_mono_ms() < end_ms; steps++)
		wait_once(*state, 200);
	assert_int_equal(chain.left, 0);
	/* Newest first: the other is called before it could be cancelled, or not at all. */
	assert_in_range(chain.others, 0, 5);
	/* One kept answer per step, or a busy caller would never come back. */
	assert_true(steps >= 6);
}

static void test_find(void **state)
{
	struct resolver *resolver = *state;
	struct net_addresses addresses = { .count = 77 };

	assert_int_equal(resolver_find(resolver, "nobody.example", &addresses), ERR_MISSING);
	assert_int_equal(resolver_find(resolver, "", &addresses), ERR_SYNTAX);
	assert_int_equal(addresses.count, 77);
	assert_int_equal(resolver_find(resolver, "both.example", &addresses), ERR_OK);
	assert_int_equal(addresses.count, 3);
	assert_int_equal(resolver_find(resolver, "kept.example", &addresses), ERR_OK);
	assert_int_equal(resolver_find(resolver, "kept.example", &addresses), ERR_OK);
}

/* /etc/hosts comes first: the table does not know this host. */
static void test_hosts_file(void **state)
{
	struct net_addresses addresses;
	char name[256];

	assert_int_equal(gethostname(name, sizeof(name)), 0);
	if (resolver_find(*state, name, &addresses) != ERR_OK)
		skip();
	assert_true(addresses.count > 0);
}

static void test_names_too_long(void **state)
{
	char host[300];
	struct answer answer = { .calls = 0 };
	struct lookup *lookup = NULL;

	memset(host, 'a', sizeof(host));
	host[256] = '\0';
	assert_int_equal(resolver_start(*state, host, note, &answer, &lookup), ERR_SYNTAX);
	assert_null(lookup);
	host[255] = '\0';
	assert_int_not_equal(ask(*state, host)->err, ERR_OK);
}

static void test_settings(void **state)
{
	static const char *const wrong[] = { "localhost", "127.0.0.1:x", "127.0.0.256",
		"127.0.0.1;127.0.0.2", "example.org:53" };
	struct resolver *resolver = NULL;
	char spaced[100];
	struct net_addresses addresses;

	(void)state;
	for (size_t i = 0; i < countof(wrong); i++) {
		if (resolver_new(wrong[i], TIMEOUT_MS, &resolver) != ERR_CONFIG)
			fail_msg("\"%s\" is accepted", wrong[i]);
		assert_null(resolver);
	}
	assert_int_equal(resolver_new("", TIMEOUT_MS, &resolver), ERR_OK);
	resolver_free(&resolver);
	assert_int_equal(resolver_new("[::1]:5353, 192.0.2.1", TIMEOUT_MS, &resolver), ERR_OK);
	resolver_free(&resolver);
	assert_null(resolver);
	resolver_free(&resolver);
	resolver_free(NULL);
	(void)snprintf(spaced, sizeof(spaced), " %s , %s ", dns_servers, dns_servers);
	assert_int_equal(resolver_new(spaced, TIMEOUT_MS, &resolver), ERR_OK);
	assert_int_equal(resolver_find(resolver, "one.example", &addresses), ERR_OK);
	resolver_free(&resolver);
}

/* A name server that is not there at all. */
static void test_nobody_to_ask(void **state)
{
	struct resolver *resolver = NULL;
	struct net_addresses addresses;
	int64_t start_ms = clock_mono_ms();

	(void)state;
	assert_int_equal(resolver_new("127.0.0.1:1", 1000, &resolver), ERR_OK);
	assert_int_not_equal(resolver_find(resolver, "one.example", &addresses), ERR_OK);
	assert_in_range(clock_mono_ms() - start_ms, 0, 2500);
	resolver_free(&resolver);
}

/* Lookups under way are forgotten, and those given up on as well. */
static void test_free_with_work_left(void **state)
{
	struct resolver *resolver = NULL;
	struct answer answer = { .calls = 0 };
	struct lookup *lookup = NULL;
	int64_t start_ms;

	(void)state;
	assert_int_equal(resolver_new(dns_servers, 200, &resolver), ERR_OK);
	/* Three tries of 50 ms and more take longer than that, so c-ares is still at it. */
	start_ms = clock_mono_ms();
	assert_int_equal(ask(resolver, "a.quiet.example")->err, ERR_TIMEOUT);
	assert_in_range(clock_mono_ms() - start_ms, 190, 330);
	assert_int_equal(ask(resolver, "kept.example")->err, ERR_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
		    resolver_start(resolver, i == 0 ? "b.quiet.example" : "kept.example", note,
			&answer, &lookup),
		    ERR_OK);
	resolver_free(&resolver);
	assert_int_equal(answer.calls, 0);
}

#define WITH_RESOLVER(test) cmocka_unit_test_setup_teardown(test, resolver_make, resolver_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RESOLVER(test_answers),
		WITH_RESOLVER(test_no_answers),
		WITH_RESOLVER(test_too_many_answers),
		WITH_RESOLVER(test_silence_ends_in_time),
		WITH_RESOLVER(test_slow_names_hold_up_nobody),
		WITH_RESOLVER(test_half_an_answer),
		WITH_RESOLVER(test_kept_for_its_time),
		WITH_RESOLVER(test_many_names),
		WITH_RESOLVER(test_asked_once_for_many),
		WITH_RESOLVER(test_start_and_cancel_from_callback),
		WITH_RESOLVER(test_find),
		WITH_RESOLVER(test_hosts_file),
		WITH_RESOLVER(test_names_too_long),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_nobody_to_ask),
		cmocka_unit_test(test_free_with_work_left),
	};

	return cmocka_run_group_tests(tests, server_make, server_end);
}
