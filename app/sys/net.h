/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h owns the one form in which internet addresses travel between the egress guard, the
 * resolver and outgoing HTTP: a socket address that fits both families, and a bounded list of
 * them.
 */
#ifndef BONAFIDE_NET_H
#define BONAFIDE_NET_H

#include "base.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define NET_ADDRESSES_MAX 32 /* answers for one name; a name with more is an error */
#define NET_TEXT_SIZE 48     /* room for any address as text, with NUL */

struct net_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} as;
	socklen_t len;
};

struct net_addresses {
	size_t count;
	struct net_address list[NET_ADDRESSES_MAX];
};

/*
 * A canonical address: four decimal numbers without leading zeros, or an IPv6 address (RFC 4291
 * section 2.2) without brackets or zone. The port of the result is 0. ERR_SYNTAX.
 */
enum err net_address_parse(const char *text, struct net_address *ret_address) MUST_CHECK;

/* Copies a socket address of either family. ERR_SYNTAX for another family or a short one. */
enum err net_address_from(
    const struct sockaddr *address, socklen_t len, struct net_address *ret_address) MUST_CHECK;

/* The address without its port, as inet_ntop() writes it. */
void net_address_text(const struct net_address *address, char out[NET_TEXT_SIZE]);

/* True when family and address are the same; ports are not looked at. */
bool net_address_equal(const struct net_address *a, const struct net_address *b);

/* True when the list holds the address. */
bool net_addresses_hold(const struct net_addresses *addresses, const struct net_address *address);

#endif
