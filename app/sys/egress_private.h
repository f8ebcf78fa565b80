/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress_private.h is shared by egress.c (addresses) and egress_url.c (URLs) alone.
 */
#ifndef BONAFIDE_EGRESS_PRIVATE_H
#define BONAFIDE_EGRESS_PRIVATE_H

#include "base.h"
#include "egress.h"

/* An address without port or zone. */
struct ip {
	unsigned bits; /* 32 or 128 */
	unsigned char bytes[16];
};

struct cidr {
	struct ip ip;
	unsigned prefix_bits;
};

/* The address alone. */
void ip_from(const struct net_address *address, struct ip *ret_ip);

/* True when an entry of egress_allow is why the address may be dialled. */
bool egress_opens(const struct egress *egress, const struct net_address *address);

#endif
