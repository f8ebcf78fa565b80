/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and lists of them. */
#include "base.h"
#include "cidr.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define ENTRY_SIZE 64 /* characters of one entry of a list, with NUL */
#define BLANKS ", \t"

void ip_from(const struct net_address *address, struct ip *ret_ip)
{
	memset(ret_ip, 0, sizeof(*ret_ip));
	if (address->as.any.sa_family == AF_INET) {
		ret_ip->bits = 32;
		memcpy(ret_ip->bytes, &address->as.v4.sin_addr, 4);
	} else {
		ret_ip->bits = 128;
		memcpy(ret_ip->bytes, &address->as.v6.sin6_addr, 16);
	}
}

enum err ip_parse(const char *text, struct ip *ret_ip)
{
	struct net_address address;
	struct ip ip;
	enum err err = net_address_parse(text, &address);

	if (err != ERR_OK)
		return err;
	ip_from(&address, &ip);
	if (ip.bits == 128 && IN6_IS_ADDR_V4MAPPED(&address.as.v6.sin6_addr)) {
		struct ip inner = { .bits = 32 };

		memcpy(inner.bytes, ip.bytes + 12, 4);
		ip = inner;
	}
	*ret_ip = ip;
	return ERR_OK;
}

void ip_text(const struct ip *ip, char out[NET_TEXT_SIZE])
{
	struct net_address address;

	memset(&address, 0, sizeof(address));
	address.as.any.sa_family = ip->bits == 32 ? AF_INET : AF_INET6;
	if (ip->bits == 32)
		memcpy(&address.as.v4.sin_addr, ip->bytes, 4);
	else
		memcpy(&address.as.v6.sin6_addr, ip->bytes, 16);
	net_address_text(&address, out);
}

enum err cidr_parse(const char *text, struct cidr *ret_cidr)
{
	char address[ENTRY_SIZE];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct net_address parsed;
	struct cidr cidr;
	int64_t bits;
	enum err err;

	if (len >= sizeof(address))
		return ERR_SYNTAX;
	memcpy(address, text, len);
	address[len] = '\0';
	err = net_address_parse(address, &parsed);
	if (err != ERR_OK)
		return err;
	ip_from(&parsed, &cidr.ip);
	bits = cidr.ip.bits;
	if (slash != NULL) {
		err = str_to_i64(slash + 1, 0, cidr.ip.bits, &bits);
		if (err != ERR_OK)
			return err;
	}
	cidr.prefix_bits = (unsigned)bits;
	for (unsigned bit = cidr.prefix_bits; bit < cidr.ip.bits; bit++)
		if ((cidr.ip.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return ERR_RANGE;
	*ret_cidr = cidr;
	return ERR_OK;
}

bool cidr_has(const struct cidr *cidr, const struct ip *ip)
{
	unsigned whole = cidr->prefix_bits / 8;
	unsigned rest = cidr->prefix_bits % 8;

	if (cidr->ip.bits != ip->bits || memcmp(cidr->ip.bytes, ip->bytes, whole) != 0)
		return false;
	return rest == 0 || (cidr->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}

bool cidr_list_has(const struct cidr_list *list, const struct ip *ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (cidr_has(&list->list[i], ip))
			return true;
	return false;
}

/* Adds one entry. */
static enum err entry_add(
    struct cidr_list *list, const char *text, char *ret_reason, size_t reason_size)
{
	enum err err;

	if (list->count == countof(list->list)) {
		(void)snprintf(
		    ret_reason, reason_size, "more than %d entries", (int)countof(list->list));
		return ERR_CONFIG;
	}
	err = cidr_parse(text, &list->list[list->count]);
	if (err == ERR_OK) {
		list->count++;
		return ERR_OK;
	}
	if (err == ERR_RANGE)
		(void)snprintf(ret_reason, reason_size,
		    "\"%s\" has bits behind its prefix length, or the length is too large", text);
	else
		(void)snprintf(ret_reason, reason_size,
		    "\"%s\" is not an address with a prefix length, such as 10.1.0.0/16", text);
	return ERR_CONFIG;
}

enum err cidr_list_parse(
    const char *text, struct cidr_list *ret_list, char *ret_reason, size_t reason_size)
{
	struct cidr_list list = { .count = 0 };
	char entry[ENTRY_SIZE];
	enum err err = ERR_OK;

	for (text += strspn(text, BLANKS); *text != '\0' && err == ERR_OK;
	     text += strspn(text, BLANKS)) {
		size_t len = strcspn(text, BLANKS);

		/* Longer than any address: what fits of it is not one either. */
		(void)snprintf(entry, sizeof(entry), "%.*s", (int)(len < 60 ? len : 60), text);
		err = entry_add(&list, entry, ret_reason, reason_size);
		text += len;
	}
	if (err == ERR_OK)
		*ret_list = list;
	return err;
}
