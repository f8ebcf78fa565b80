/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress_private.h is shared by egress.c (addresses) and egress_url.c (URLs) alone.
 */
#ifndef BONAFIDE_EGRESS_PRIVATE_H
#define BONAFIDE_EGRESS_PRIVATE_H

#include "base.h"
#include "egress.h"

/* True when an entry of egress_allow is why the address may be dialled. */
bool egress_opens(const struct egress *egress, const struct net_address *address);

#endif
