/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The egress guard: one table of forbidden nets, one of forms that carry an IPv4 address inside
 * an IPv6 one, one of ports, and a small engine over them. The URL part is egress_url.c.
 */
#include "base.h"
#include "cidr.h"
#include "egress.h"
#include "egress_private.h"

#include <stdlib.h>
#include <string.h>

/*
 * What may not be dialled unless the operator opens it. Sources: contract/webhooks.md; the IANA
 * special-purpose address registries (RFC 6890); the clouds' manuals for their metadata. IPv6
 * outside 2000::/3 is not global unicast (RFC 4291 section 2.4); the three wide rows are that
 * complement, and the rows before them only have a better word.
 */
static const struct {
	const char *cidr;
	const char *why;
	bool only_exact; /* no wide entry opens it */
} forbidden[] = {
	{ "169.254.169.254/32", "cloud metadata", true },
	{ "169.254.170.2/32", "cloud metadata (containers)", true },
	{ "169.254.170.23/32", "cloud metadata (containers)", true },
	{ "168.63.129.16/32", "cloud metadata (Azure)", true },
	{ "100.100.100.200/32", "cloud metadata (Alibaba)", true },
	{ "192.0.0.192/32", "cloud metadata (Oracle)", true },
	{ "fd00:ec2::254/128", "cloud metadata", true },
	{ "fd00:ec2::23/128", "cloud metadata (containers)", true },
	{ "fd20:ce::254/128", "cloud metadata (Google)", true },
	{ "fd00:c1::a9fe:a9fe/128", "cloud metadata (Oracle)", true },

	{ "0.0.0.0/8", "this network", false },
	{ "10.0.0.0/8", "private", false },
	{ "100.64.0.0/10", "carrier-grade NAT", false },
	{ "127.0.0.0/8", "loopback", false },
	{ "169.254.0.0/16", "link-local", false },
	{ "172.16.0.0/12", "private", false },
	{ "192.0.0.0/24", "protocol assignments", false },
	{ "192.0.2.0/24", "documentation", false },
	{ "192.88.99.0/24", "6to4 relay", false },
	{ "192.168.0.0/16", "private", false },
	{ "198.18.0.0/15", "benchmarks", false },
	{ "198.51.100.0/24", "documentation", false },
	{ "203.0.113.0/24", "documentation", false },
	{ "224.0.0.0/4", "multicast", false },
	{ "255.255.255.255/32", "broadcast", false },
	{ "240.0.0.0/4", "reserved", false },

	{ "::/128", "unspecified", false },
	{ "::1/128", "loopback", false },
	{ "::ffff:0:0/96", "IPv4-mapped", false },
	{ "::ffff:0:0:0/96", "IPv4-translated", false },
	{ "::/96", "IPv4-compatible", false },
	{ "64:ff9b::/96", "NAT64", false },
	{ "64:ff9b:1::/48", "NAT64, local use", false },
	{ "100::/64", "discard", false },
	{ "fc00::/7", "unique local", false },
	{ "fe80::/10", "link-local", false },
	{ "fec0::/10", "site-local", false },
	{ "ff00::/8", "multicast", false },
	{ "2001::/32", "Teredo", false },
	{ "2001::/23", "protocol assignments", false },
	{ "2001:db8::/32", "documentation", false },
	{ "2002::/16", "6to4", false },
	{ "3fff::/20", "documentation", false },
	{ "::/3", "not global unicast", false },
	{ "4000::/2", "not global unicast", false },
	{ "8000::/1", "not global unicast", false },
};

/*
 * Where an IPv6 address carries an IPv4 one: the bytes of it, in order. An address of one of
 * these forms passes only if what it carries does. In the NAT64 prefix for local use the
 * operator chooses the form (RFC 8215), so each that is not all zeros is looked at.
 */
static const struct carrier {
	const char *cidr;
	unsigned char at[4];
	unsigned char flip;      /* the bytes are stored inverted when 0xff */
	bool zero_is_other_form; /* 0.0.0.0 here means that the form is not this one */
} carriers[] = {
	{ "::ffff:0:0/96", { 12, 13, 14, 15 }, 0, false },   /* RFC 4291 section 2.5.5.2 */
	{ "::/96", { 12, 13, 14, 15 }, 0, false },           /* RFC 4291 section 2.5.5.1 */
	{ "::ffff:0:0:0/96", { 12, 13, 14, 15 }, 0, false }, /* RFC 2765 section 2.1 */
	{ "64:ff9b::/96", { 12, 13, 14, 15 }, 0, false },    /* RFC 6052 section 2.1 */
	{ "64:ff9b:1::/48", { 12, 13, 14, 15 }, 0, true },   /* RFC 6052 section 2.2, /96 */
	{ "64:ff9b:1::/48", { 9, 10, 11, 12 }, 0, true },    /* /64 */
	{ "64:ff9b:1::/48", { 7, 9, 10, 11 }, 0, true },     /* /56 */
	{ "64:ff9b:1::/48", { 6, 7, 9, 10 }, 0, true },      /* /48 */
	{ "2002::/16", { 2, 3, 4, 5 }, 0, false },           /* RFC 3056 section 2 */
	{ "2001::/32", { 4, 5, 6, 7 }, 0, false },           /* RFC 4380: the server */
	{ "2001::/32", { 12, 13, 14, 15 }, 0xff, false },    /* and the client */
	/* ISATAP, RFC 5214 section 6.1, is a form of the lower half: see carries_isatap(). */
};

struct egress {
	struct cidr forbidden[countof(forbidden)];
	struct cidr carriers[countof(carriers)];
	struct cidr_list allowed;
};

/* The longest entry of egress_allow that names the address, or NULL. */
static const struct cidr *allowed_by(const struct egress *egress, const struct ip *ip)
{
	const struct cidr *best = NULL;

	for (size_t i = 0; i < egress->allowed.count; i++) {
		const struct cidr *entry = &egress->allowed.list[i];

		if (cidr_has(entry, ip) && (best == NULL || entry->prefix_bits > best->prefix_bits))
			best = entry;
	}
	return best;
}

/* How many leading bits of the address the operator's entries name; -1 when none does. */
static int named_bits(const struct egress *egress, const struct ip *ip)
{
	const struct cidr *entry = allowed_by(egress, ip);

	return entry != NULL ? (int)entry->prefix_bits : -1;
}

/* The row of the table that forbids an address of which `named` bits are opened; or NULL. */
static const char *row_why(const struct egress *egress, const struct ip *ip, int named)
{
	for (size_t i = 0; i < countof(forbidden); i++) {
		bool opened = forbidden[i].only_exact ? named == (int)ip->bits : named >= 0;

		if (!opened && cidr_has(&egress->forbidden[i], ip))
			return forbidden[i].why;
	}
	return NULL;
}

/* The same for the IPv4 address carried at these bytes of an address of which `named` bits are
 * opened: an entry that reaches into it names it too. */
static const char *carried_why(const struct egress *egress, const struct ip *ip,
    const unsigned char at[4], unsigned char flip, int named)
{
	struct ip inner = { .bits = 32 };
	int inner_named;
	int from_outside = -1;

	for (size_t i = 0; i < 4; i++)
		inner.bytes[i] = ip->bytes[at[i]] ^ flip;
	if (named >= 8 * (at[3] + 1))
		from_outside = 32;
	else if (named > 8 * at[0])
		from_outside = 1;
	inner_named = named_bits(egress, &inner);
	return row_why(egress, &inner, from_outside > inner_named ? from_outside : inner_named);
}

/* RFC 5214 section 6.1: 0000:5efe or 0200:5efe and the IPv4 address, under any prefix. */
static bool carries_isatap(const struct ip *ip)
{
	return (ip->bytes[8] & 0xfc) == 0 && ip->bytes[9] == 0 && ip->bytes[10] == 0x5e &&
	       ip->bytes[11] == 0xfe;
}

static bool is_zero(const struct ip *ip, const unsigned char at[4])
{
	return (ip->bytes[at[0]] | ip->bytes[at[1]] | ip->bytes[at[2]] | ip->bytes[at[3]]) == 0;
}

static const char *ip_why(const struct egress *egress, const struct ip *ip)
{
	static const unsigned char last_four[4] = { 12, 13, 14, 15 };
	int named = named_bits(egress, ip);
	const char *why = row_why(egress, ip, named);

	if (ip->bits == 32)
		return why;
	for (size_t i = 0; i < countof(carriers) && why == NULL; i++) {
		const struct carrier *row = &carriers[i];

		if (cidr_has(&egress->carriers[i], ip) &&
		    !(row->zero_is_other_form && is_zero(ip, row->at)))
			why = carried_why(egress, ip, row->at, row->flip, named);
	}
	if (why == NULL && carries_isatap(ip))
		why = carried_why(egress, ip, last_four, 0, named);
	return why;
}

const char *egress_address_why(
    const struct egress *egress, const struct sockaddr *address, socklen_t address_len)
{
	struct net_address copy;
	struct ip ip;

	if (net_address_from(address, address_len, &copy) != ERR_OK)
		return "not an internet address";
	if (copy.as.any.sa_family == AF_INET6 && copy.as.v6.sin6_scope_id != 0)
		return "has a zone";
	ip_from(&copy, &ip);
	return ip_why(egress, &ip);
}

bool egress_address_ok(
    const struct egress *egress, const struct sockaddr *address, socklen_t address_len)
{
	return egress_address_why(egress, address, address_len) == NULL;
}

bool egress_addresses_ok(const struct egress *egress, const struct net_addresses *addresses)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (!egress_address_ok(egress, &addresses->list[i].as.any, addresses->list[i].len))
			return false;
	return addresses->count > 0;
}

bool egress_opens(const struct egress *egress, const struct net_address *address)
{
	struct ip ip;

	ip_from(address, &ip);
	return allowed_by(egress, &ip) != NULL &&
	       egress_address_ok(egress, &address->as.any, address->len);
}

/* The tables of this file as numbers. */
static enum err tables_read(struct egress *egress)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < countof(forbidden) && err == ERR_OK; i++)
		err = cidr_parse(forbidden[i].cidr, &egress->forbidden[i]);
	for (size_t i = 0; i < countof(carriers) && err == ERR_OK; i++)
		err = cidr_parse(carriers[i].cidr, &egress->carriers[i]);
	return err;
}

enum err egress_new(
    const char *allow_cidrs, struct egress **ret_egress, char *ret_reason, size_t reason_size)
{
	struct egress *egress = calloc(1, sizeof(*egress));
	enum err err;

	if (egress == NULL)
		return ERR_NOMEM;
	err = tables_read(egress);
	if (err == ERR_OK)
		err = cidr_list_parse(allow_cidrs, &egress->allowed, ret_reason, reason_size);
	if (err != ERR_OK) {
		egress_free(&egress);
		return err;
	}
	*ret_egress = egress;
	return ERR_OK;
}

void egress_free(struct egress **egress)
{
	if (egress == NULL || *egress == NULL)
		return;
	free(*egress);
	*egress = NULL;
}
