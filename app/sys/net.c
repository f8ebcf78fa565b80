/* SPDX-License-Identifier: Apache-2.0 */
/* Internet addresses of both families. */
#include "base.h"
#include "net.h"

#include <string.h>

#include <arpa/inet.h>

enum err net_address_parse(const char *text, struct net_address *ret_address)
{
	struct net_address address;

	memset(&address, 0, sizeof(address));
	if (inet_pton(AF_INET, text, &address.as.v4.sin_addr) == 1) {
		address.as.v4.sin_family = AF_INET;
		address.len = sizeof(address.as.v4);
	} else if (inet_pton(AF_INET6, text, &address.as.v6.sin6_addr) == 1) {
		address.as.v6.sin6_family = AF_INET6;
		address.len = sizeof(address.as.v6);
	} else {
		return ERR_SYNTAX;
	}
	*ret_address = address;
	return ERR_OK;
}

enum err net_address_from(
    const struct sockaddr *address, socklen_t len, struct net_address *ret_address)
{
	struct net_address copy;
	socklen_t wanted;

	if (address == NULL || len < sizeof(sa_family_t))
		return ERR_SYNTAX;
	if (address->sa_family == AF_INET)
		wanted = sizeof(copy.as.v4);
	else if (address->sa_family == AF_INET6)
		wanted = sizeof(copy.as.v6);
	else
		return ERR_SYNTAX;
	if (len < wanted)
		return ERR_SYNTAX;
	memset(&copy, 0, sizeof(copy));
	memcpy(&copy.as, address, wanted);
	copy.len = wanted;
	*ret_address = copy;
	return ERR_OK;
}

static const void *bytes_of(const struct net_address *address, size_t *ret_len)
{
	if (address->as.any.sa_family == AF_INET) {
		*ret_len = sizeof(address->as.v4.sin_addr);
		return &address->as.v4.sin_addr;
	}
	*ret_len = sizeof(address->as.v6.sin6_addr);
	return &address->as.v6.sin6_addr;
}

void net_address_text(const struct net_address *address, char out[NET_TEXT_SIZE])
{
	size_t len;

	if (inet_ntop(address->as.any.sa_family, bytes_of(address, &len), out, NET_TEXT_SIZE) ==
	    NULL)
		out[0] = '\0';
}

bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
	size_t a_len, b_len;
	const void *a_bytes = bytes_of(a, &a_len);
	const void *b_bytes = bytes_of(b, &b_len);

	return a->as.any.sa_family == b->as.any.sa_family && a_len == b_len &&
	       memcmp(a_bytes, b_bytes, a_len) == 0;
}

bool net_addresses_hold(const struct net_addresses *addresses, const struct net_address *address)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (net_address_equal(&addresses->list[i], address))
			return true;
	return false;
}
