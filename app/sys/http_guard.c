/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded transfers (contract/webhooks.md, "Where we may connect"). The guard stands at four
 * places, each of which would do for the case it is there for:
 *
 * - before: the URL and every address of its name are checked, and the name is pinned to them;
 * - when libcurl would resolve a name itself, it may not: only the pins count;
 * - when libcurl dials, the very address is checked;
 * - when a connection is ready, a kept one too, the address it leads to is checked before a byte
 *   of the request leaves. libcurl keeps connections by host and port, whatever address that
 *   was, so a kept one may stem from a transfer without a guard, from another setting of
 *   egress_allow, or from an answer that the name no longer gives.
 */
#include "base.h"
#include "buf.h"
#include "clock.h"
#include "http_private.h"

#include <unistd.h>

/* A change that would hand libcurl an address by another way must not pass unseen. */
static bool may_dial(const struct transfer *transfer, const struct net_address *address)
{
	return egress_address_ok(transfer->http->egress, &address->as.any, address->len);
}

static int before_resolving(void *state, void *reserved, void *arg)
{
	struct transfer *transfer = arg;

	(void)state;
	(void)reserved;
	if (!transfer->guarded || transfer->target.is_literal)
		return 0;
	transfer->refused = true;
	return 1;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	struct net_address copy;

	if (transfer->guarded &&
	    (purpose != CURLSOCKTYPE_IPCXN ||
		net_address_from(&address->addr, (socklen_t)address->addrlen, &copy) != ERR_OK ||
		!may_dial(transfer, &copy))) {
		transfer->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int before_sending(void *arg, char *peer, char *local, int peer_port, int local_port)
{
	struct transfer *transfer = arg;
	struct net_address address;

	(void)local;
	(void)peer_port;
	(void)local_port;
	if (!transfer->guarded)
		return CURL_PREREQFUNC_OK;
	if (net_address_parse(peer, &address) != ERR_OK || !may_dial(transfer, &address)) {
		transfer->refused = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (!transfer->again && !net_addresses_hold(&transfer->target.addresses, &address)) {
		transfer->stale = true;
		return CURL_PREREQFUNC_ABORT;
	}
	return CURL_PREREQFUNC_OK;
}

bool guard_prepare(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	bool ok = true;

#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)
	SET(CURLOPT_RESOLVER_START_FUNCTION, before_resolving);
	SET(CURLOPT_RESOLVER_START_DATA, transfer);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_PREREQFUNCTION, before_sending);
	SET(CURLOPT_PREREQDATA, transfer);
#undef SET
	return ok;
}

static void refuse(struct transfer *transfer)
{
	transfer->refused = true;
	transfer->verdict = CURLE_ABORTED_BY_CALLBACK;
}

enum err guard_check(struct transfer *transfer, const char *url)
{
	enum err err = egress_url_check(transfer->http->egress, url, &transfer->target);

	if (err == ERR_NOMEM)
		return err;
	if (err != ERR_OK)
		refuse(transfer);
	else
		transfer->is_plain = transfer->target.scheme[4] == '\0';
	return ERR_OK;
}

/* Takes what the resolver found, when every address may be dialled. */
static void take_addresses(struct transfer *transfer, const struct net_addresses *addresses)
{
	if (egress_addresses_ok(transfer->http->egress, addresses))
		transfer->target.addresses = *addresses;
	else
		refuse(transfer);
}

static void resolved(void *arg, enum err err, const struct net_addresses *addresses)
{
	struct transfer *transfer = arg;

	transfer->lookup = NULL;
	switch (err) {
	case ERR_OK:
		take_addresses(transfer, addresses);
		break;
	case ERR_FULL: /* more than we would check */
		refuse(transfer);
		break;
	case ERR_NOMEM:
		transfer->verdict = CURLE_OUT_OF_MEMORY;
		break;
	default:
		transfer->verdict = CURLE_COULDNT_RESOLVE_HOST;
		break;
	}
}

/* Tells libcurl the addresses of the name: "+host:port:address,[address]". The plus lets it
 * forget them after CURLOPT_DNS_CACHE_TIMEOUT. */
static enum err pin(struct transfer *transfer)
{
	const struct net_addresses *addresses = &transfer->target.addresses;
	struct buf text;
	enum err err;

	if (transfer->pins != NULL)
		return ERR_OK;
	buf_init(&text, EGRESS_HOST_SIZE + 8 + NET_ADDRESSES_MAX * (NET_TEXT_SIZE + 3));
	buf_printf(&text, "+%s:%u:", transfer->target.host, (unsigned)transfer->target.port);
	for (size_t i = 0; i < addresses->count; i++) {
		bool is_v6 = addresses->list[i].as.any.sa_family == AF_INET6;
		char address[NET_TEXT_SIZE];

		net_address_text(&addresses->list[i], address);
		buf_printf(&text, is_v6 ? "%s[%s]" : "%s%s", i > 0 ? "," : "", address);
	}
	err = buf_err(&text);
	if (err == ERR_OK)
		transfer->pins = curl_slist_append(NULL, buf_str(&text));
	buf_free(&text);
	return transfer->pins != NULL ? ERR_OK : ERR_NOMEM;
}

/* An address needs no pin, and libcurl would not read one for an IPv6 address. */
static bool needs_pin(const struct transfer *transfer)
{
	struct net_address address;

	return net_address_parse(transfer->target.host, &address) != ERR_OK;
}

static enum err launch(struct transfer *transfer)
{
	enum err err = needs_pin(transfer) ? pin(transfer) : ERR_OK;

	return err == ERR_OK ? transfer_launch(transfer) : err;
}

static enum err ask(struct transfer *transfer)
{
	enum err err = resolver_start(
	    transfer->http->resolver, transfer->target.host, resolved, transfer, &transfer->lookup);

	if (err != ERR_OK && err != ERR_NOMEM) {
		transfer->verdict = CURLE_COULDNT_RESOLVE_HOST;
		return ERR_OK;
	}
	return err;
}

enum err guard_start(struct transfer *transfer)
{
	struct http *http = transfer->http;
	struct net_addresses addresses;
	enum err err = ERR_OK;

	if (transfer->verdict == CURLE_OK && !transfer->target.is_literal) {
		if (resolver_cached(http->resolver, transfer->target.host, &addresses) == ERR_OK)
			take_addresses(transfer, &addresses);
		else
			err = ask(transfer);
	}
	if (err != ERR_OK)
		return err;
	if (transfer->verdict == CURLE_OK && transfer->lookup == NULL)
		return launch(transfer);
	transfer_list_add(&http->waiting, transfer);
	return ERR_OK;
}

/* A waiting transfer that has its addresses goes to libcurl. */
static void leave(struct transfer *transfer)
{
	enum err err;

	transfer_list_remove(&transfer->http->waiting, transfer);
	err = launch(transfer);
	if (err == ERR_OK)
		return;
	transfer_list_add(&transfer->http->waiting, transfer);
	transfer_end(transfer, err == ERR_TIMEOUT ? CURLE_OPERATION_TIMEDOUT : CURLE_OUT_OF_MEMORY);
}

void guard_sweep(struct http *http)
{
	int64_t now_ms = clock_mono_ms();
	struct transfer *next;

	if (http->resolver != NULL)
		resolver_step(http->resolver);
	for (struct transfer *transfer = http->waiting; transfer != NULL; transfer = next) {
		/* A callback may start others, which join at the head, but end none. */
		next = transfer->next;
		if (transfer->verdict != CURLE_OK)
			transfer_end(transfer, transfer->verdict);
		else if (transfer->lookup == NULL)
			leave(transfer);
		else if (transfer->end_ms <= now_ms)
			transfer_end(transfer, CURLE_OPERATION_TIMEDOUT);
	}
}

bool guard_wants_again(const struct transfer *transfer, CURLcode code)
{
	return code == CURLE_ABORTED_BY_CALLBACK && transfer->stale && !transfer->again;
}

void guard_forget(struct transfer *transfer)
{
	resolver_cancel(&transfer->lookup);
	(void)curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, NULL);
	curl_slist_free_all(transfer->pins);
	transfer->pins = NULL;
	transfer->guarded = false;
	transfer->refused = false;
	transfer->stale = false;
	transfer->again = false;
	transfer->is_plain = false;
	transfer->verdict = CURLE_OK;
}

int64_t guard_wait_ms(const struct http *http, int64_t most_ms)
{
	int64_t now_ms = clock_mono_ms();
	int64_t wait_ms = most_ms;

	for (const struct transfer *transfer = http->waiting; transfer != NULL;
	     transfer = transfer->next) {
		int64_t left_ms = transfer->end_ms - now_ms;

		if (left_ms < wait_ms)
			wait_ms = left_ms > 0 ? left_ms : 0;
	}
	return http->resolver != NULL ? resolver_wait_ms(http->resolver, wait_ms) : wait_ms;
}

void http_guard(struct http *http, const struct egress *egress, struct resolver *resolver)
{
	bool is_other = http->resolver != resolver;

	http->egress = egress;
	http->resolver = resolver;
	for (struct transfer *transfer = http->waiting; is_other && transfer != NULL;
	     transfer = transfer->next) {
		if (transfer->lookup == NULL)
			continue;
		resolver_cancel(&transfer->lookup);
		if (ask(transfer) != ERR_OK)
			transfer->verdict = CURLE_OUT_OF_MEMORY;
	}
}
