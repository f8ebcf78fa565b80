/* SPDX-License-Identifier: Apache-2.0 */
/* client.c reads X-Forwarded-For from its end. */
#include "client.h"

#include <string.h>

#include "str.h"

#define BLANKS " \t"
#define HOP_SIZE 64 /* characters of one address with brackets and port, with NUL */
#define KEY_V4 4
#define KEY_V6 6

static bool port_ok(const char *text)
{
	int64_t port;

	return str_to_i64(text, 1, 65535, &port) == ERR_OK;
}

/* "address", "v4:port", "[v6]" or "[v6]:port"; changes its text. */
static bool hop_parse(char *text, struct ip *ret_ip)
{
	char *colon = strchr(text, ':');

	if (text[0] == '[') {
		char *end = strchr(text, ']');

		if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !port_ok(end + 2))))
			return false;
		*end = '\0';
		return strchr(text + 1, ':') != NULL && ip_parse(text + 1, ret_ip) == ERR_OK;
	}
	if (colon != NULL && strchr(text, '.') != NULL && strchr(colon + 1, ':') == NULL) {
		if (!port_ok(colon + 1))
			return false;
		*colon = '\0';
	}
	return ip_parse(text, ret_ip) == ERR_OK;
}

/* The last element of the len characters before the end; *ret_len: how many are before its comma. */
static bool last_hop(const char *text, size_t len, struct ip *ret_ip, size_t *ret_len)
{
	char hop[HOP_SIZE];
	size_t begin = len;

	while (begin > 0 && text[begin - 1] != ',')
		begin--;
	*ret_len = begin > 0 ? begin - 1 : 0;
	while (begin < len && strchr(BLANKS, text[begin]) != NULL)
		begin++;
	while (len > begin && strchr(BLANKS, text[len - 1]) != NULL)
		len--;
	if (len - begin >= sizeof(hop))
		return false;
	memcpy(hop, text + begin, len - begin);
	hop[len - begin] = '\0';
	return hop_parse(hop, ret_ip);
}

bool client_address(
    const struct cidr_list *trusted, const char *peer, const char *forwarded, struct ip *ret_client)
{
	struct ip nearest, hop;
	size_t len = forwarded == NULL ? 0 : strlen(forwarded);

	if (ip_parse(peer, &nearest) != ERR_OK)
		return false;
	*ret_client = nearest;
	for (bool more = len > 0; more && cidr_list_has(trusted, &nearest);) {
		if (!last_hop(forwarded, len, &hop, &len))
			return true;
		nearest = hop;
		more = len > 0;
		if (!more || !cidr_list_has(trusted, &hop))
			*ret_client = hop;
	}
	return true;
}

size_t client_key(const struct ip *client, uint8_t out[CLIENT_KEY_SIZE])
{
	size_t len = client->bits == 32 ? 4 : 8;

	out[0] = client->bits == 32 ? KEY_V4 : KEY_V6;
	memcpy(out + 1, client->bytes, len);
	return len + 1;
}
