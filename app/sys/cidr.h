/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cidr.h owns networks (RFC 4632, RFC 4291 section 2.3): an address with a prefix length, a bounded
 * list of them out of a setting's text, and whether an address lies in one.
 */
#ifndef BONAFIDE_CIDR_H
#define BONAFIDE_CIDR_H

#include "base.h"
#include "net.h"

#define CIDR_LIST_MAX 64

/* An address without port or zone. */
struct ip {
	unsigned bits; /* 32 or 128 */
	unsigned char bytes[16];
};

struct cidr {
	struct ip ip;
	unsigned prefix_bits;
};

struct cidr_list {
	size_t count;
	struct cidr list[CIDR_LIST_MAX];
};

/* The address alone. */
void ip_from(const struct net_address *address, struct ip *ret_ip);

/*
 * Reads an address as net_address_parse() does, and takes an IPv4-mapped one (RFC 4291 section
 * 2.5.5.2) for the IPv4 address that it is. ERR_SYNTAX.
 */
enum err ip_parse(const char *text, struct ip *ret_ip) MUST_CHECK;

/* The inverse, as net_address_text() writes it. */
void ip_text(const struct ip *ip, char out[NET_TEXT_SIZE]);

/* Reads "address" or "address/bits". Bits behind the prefix must be zero. ERR_SYNTAX, ERR_RANGE. */
enum err cidr_parse(const char *text, struct cidr *ret_cidr) MUST_CHECK;

/* True when the address lies in the network; never for one of the other family. */
bool cidr_has(const struct cidr *cidr, const struct ip *ip);

/* True when it lies in one of the list. */
bool cidr_list_has(const struct cidr_list *list, const struct ip *ip);

/*
 * Reads networks with commas or blanks between; "" is an empty list. ret_reason says in a sentence
 * what is wrong. ERR_CONFIG.
 */
enum err cidr_list_parse(
    const char *text, struct cidr_list *ret_list, char *ret_reason, size_t reason_size) MUST_CHECK;

#endif
