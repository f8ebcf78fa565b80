/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress.h owns where this host may be made to connect by somebody else's URL: the table of
 * forbidden addresses and ports, the operator's exceptions, and what an acceptable URL looks
 * like (contract/webhooks.md, "Where we may connect"). It opens no connection: sys/http.h does,
 * and asks here first.
 */
#ifndef BONAFIDE_EGRESS_H
#define BONAFIDE_EGRESS_H

#include "base.h"
#include "net.h"

struct egress;
struct resolver;

#define EGRESS_HOST_SIZE 254 /* a host name with NUL (RFC 1035 section 2.3.4) */

/* What an acceptable URL points at. */
struct egress_target {
	char host[EGRESS_HOST_SIZE]; /* lower case; an IPv6 address without brackets */
	uint16_t port;
	const char *scheme; /* "https" or "http" */
	bool is_literal;    /* an address, or "localhost": nothing is to be resolved */
	/* What a literal means. For "localhost", those of 127.0.0.1 and ::1 that are opened. */
	struct net_addresses addresses;
};

/*
 * Makes a guard. allow_cidrs ("127.0.0.0/8, ::1/128", separated by commas or blanks, or "") are
 * the operator's exceptions. Each opens exactly what it names, so:
 * - bits behind the prefix length must be zero; an address without a length means itself alone;
 * - an address of a cloud's metadata service is opened only by an entry that is this address;
 * - an IPv6 address that carries an IPv4 address in it is opened only if the IPv4 address is
 *   fine as well, or the entry is long enough to name (part of) it. For NAT64 that is the
 *   translator's prefix with its own length: 64:ff9b::/96.
 * *ret_reason says in a sentence what is wrong with the text. ERR_CONFIG, ERR_NOMEM.
 */
enum err egress_new(const char *allow_cidrs, struct egress **ret_egress, char *ret_reason,
    size_t reason_size) MUST_CHECK;

void egress_free(struct egress **egress);

/* May this very address be dialled? The port is not looked at. */
bool egress_address_ok(
    const struct egress *egress, const struct sockaddr *address, socklen_t address_len);

/* May every address of the list be dialled? False for an empty list. */
bool egress_addresses_ok(const struct egress *egress, const struct net_addresses *addresses);

/*
 * Why the address may not be dialled, in a word or two for the operator's eyes ("loopback"), or
 * NULL when it may be. A customer must not be told.
 */
const char *egress_address_why(
    const struct egress *egress, const struct sockaddr *address, socklen_t address_len);

/*
 * Reads a URL that a customer gave. Accepted is only what every parser reads alike (libcurl's
 * reads it here, and again when the transfer is made): characters of RFC 3986, one spelling of
 * the authority, no user, no fragment, no zone; the host is a canonical address, or a name of
 * two labels or more that does not end in a number. The scheme is https, or http to a literal
 * that egress_allow opens. The port is 443 or at least 1024 and of no well-known service that
 * speaks something else; a literal that egress_allow opens may have any port.
 * ERR_SYNTAX: not an acceptable URL. ERR_RANGE: a proper URL, but its address, port or scheme is
 * forbidden. ERR_NOMEM.
 */
enum err egress_url_check(
    const struct egress *egress, const char *url, struct egress_target *ret_target) MUST_CHECK;

/*
 * True for an address that a person's browser may be sent to: https, characters of RFC 3986, one
 * spelling of the authority as above, and no user; any host and port, since it is the browser that
 * goes there. At most LIMIT_URL characters.
 */
bool egress_link_ok(const char *url);

/*
 * The whole check without a transfer, for the moment a URL is registered: the URL, and every
 * address its name has just now. A name that does not resolve is accepted (*ret_resolved is
 * false). Waits for the name servers, at most the resolver's timeout. Errors as
 * egress_url_check(); ERR_RANGE also for a name with more than NET_ADDRESSES_MAX addresses, which
 * would not be dialled either.
 */
enum err egress_host_check(const struct egress *egress, struct resolver *resolver, const char *url,
    bool *ret_resolved) MUST_CHECK;

#endif
