/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The egress guard's view of URLs. libcurl's URL API is the one parser; what stands here only
 * makes sure that nobody else could read the same text in another way: the authority as written
 * must be the authority as understood. That alone ends 127.1, 0x7f.1, 2130706433, 0177.0.0.1,
 * %31, a second '@', and ports written 0443.
 */
#include "base.h"
#include "egress.h"
#include "egress_private.h"
#include "limits.h"
#include "resolve.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#define PORT_FIRST_FREE 1024
#define LABEL_MAX 63

/* Ports from 1024 up on which something else than a customer's web server listens. Sources: the
 * IANA port registry, and the Fetch standard's list of bad ports (section 2.9). */
static const struct {
	uint16_t first;
	uint16_t last;
	const char *what;
} denied_ports[] = {
	{ 1080, 1080, "SOCKS" },
	{ 1099, 1099, "Java RMI" },
	{ 1433, 1434, "SQL Server" },
	{ 1521, 1522, "Oracle" },
	{ 1719, 1720, "H.323" },
	{ 1723, 1723, "PPTP" },
	{ 1883, 1883, "MQTT" },
	{ 2049, 2049, "NFS" },
	{ 2181, 2181, "ZooKeeper" },
	{ 2375, 2377, "Docker" },
	{ 2379, 2380, "etcd" },
	{ 3128, 3128, "HTTP proxy" },
	{ 3260, 3260, "iSCSI" },
	{ 3268, 3269, "LDAP global catalogue" },
	{ 3306, 3306, "MySQL" },
	{ 3389, 3389, "remote desktop" },
	{ 3659, 3659, "Apple SASL" },
	{ 4045, 4045, "NFS lock" },
	{ 4190, 4190, "ManageSieve" },
	{ 4369, 4369, "Erlang" },
	{ 4444, 4444, "Galera state transfer" },
	{ 4567, 4568, "Galera" },
	{ 5060, 5061, "SIP" },
	{ 5222, 5222, "XMPP" },
	{ 5269, 5269, "XMPP" },
	{ 5432, 5433, "PostgreSQL" },
	{ 5671, 5672, "AMQP" },
	{ 5900, 5903, "VNC" },
	{ 5984, 5984, "CouchDB" },
	{ 5985, 5986, "Windows remote management" },
	{ 6000, 6063, "X11" },
	{ 6379, 6380, "Redis" },
	{ 6443, 6443, "Kubernetes" },
	{ 6566, 6566, "SANE" },
	{ 6665, 6669, "IRC" },
	{ 6679, 6679, "IRC" },
	{ 6697, 6697, "IRC" },
	{ 7000, 7001, "Cassandra" },
	{ 8500, 8501, "Consul" },
	{ 9042, 9042, "Cassandra" },
	{ 9092, 9093, "Kafka" },
	{ 9100, 9100, "printers" },
	{ 9200, 9200, "Elasticsearch" },
	{ 9300, 9300, "Elasticsearch" },
	{ 10080, 10080, "Amanda" },
	{ 10250, 10250, "Kubernetes" },
	{ 11211, 11211, "memcached" },
	{ 15672, 15672, "RabbitMQ" },
	{ 16379, 16379, "Redis" },
	{ 26379, 26379, "Redis" },
	{ 27017, 27019, "MongoDB" },
	{ 33060, 33060, "MySQL" },
	{ 50000, 50000, "Db2" },
};

static bool port_ok(uint16_t port)
{
	if (port == 443)
		return true;
	for (size_t i = 0; i < countof(denied_ports); i++)
		if (port >= denied_ports[i].first && port <= denied_ports[i].last)
			return false;
	return port >= PORT_FIRST_FREE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 3986 section 2, without '#': every octet that may stand in a URL stands for itself. */
static bool characters_ok(const char *url)
{
	for (const char *c = url; *c != '\0'; c++) {
		if (is_letter(*c) || is_digit(*c) || strchr("-._~:/?[]@!$&'()*+,;=", *c) != NULL)
			continue;
		if (*c != '%' || !is_hex(c[1]) || !is_hex(c[2]))
			return false;
	}
	return true;
}

/* The text between "//" and the next of "/?", as written; NULL unless exactly two slashes follow
 * the scheme. */
static const char *authority_of(const char *url, size_t *ret_len)
{
	const char *start = strstr(url, "://");

	if (start == NULL || strspn(start + 1, "/") != 2)
		return NULL;
	*ret_len = strcspn(start + 3, "/?");
	return start + 3;
}

/* Is the authority as written exactly this host, and this port if one was read? */
static bool authority_is(const char *url, const char *host, const char *port)
{
	size_t len = 0;
	size_t host_len = strlen(host);
	const char *text = authority_of(url, &len);

	if (text == NULL || len < host_len || strncmp(text, host, host_len) != 0)
		return false;
	text += host_len;
	len -= host_len;
	if (port == NULL)
		return len == 0;
	return len == strlen(port) + 1 && text[0] == ':' && strncmp(text + 1, port, len - 1) == 0;
}

/* A name's last label must not be a number, or some would take the name for an address (the URL
 * standard, "ends in a number"). */
static bool is_number(const char *label)
{
	if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
		label += 2 + strspn(label + 2, "0123456789abcdefABCDEF");
	else
		label += strspn(label, "0123456789");
	return *label == '\0';
}

/* RFC 1123 section 2.1, with the underscores that some use; two labels or more. */
static bool name_ok(const char *name)
{
	const char *label = name;
	size_t labels = 0;

	if (strlen(name) >= EGRESS_HOST_SIZE)
		return false;
	for (;;) {
		size_t len = strcspn(label, ".");

		if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
			return false;
		for (size_t i = 0; i < len; i++)
			if (!is_letter(label[i]) && !is_digit(label[i]) && label[i] != '-' &&
			    label[i] != '_')
				return false;
		labels++;
		if (label[len] == '\0')
			return labels > 1 && !is_number(label);
		label += len + 1;
	}
}

static void address_add(struct net_addresses *addresses, const struct net_address *address)
{
	addresses->list[addresses->count++] = *address;
}

/* "localhost" means those of the two loopback addresses that are opened, whatever a name server
 * may think (RFC 6761 section 6.3). */
static enum err localhost_read(const struct egress *egress, struct egress_target *target)
{
	static const char *const texts[] = { "127.0.0.1", "::1" };
	struct net_address address;

	for (size_t i = 0; i < countof(texts); i++)
		if (net_address_parse(texts[i], &address) == ERR_OK &&
		    egress_opens(egress, &address))
			address_add(&target->addresses, &address);
	target->is_literal = true;
	return target->addresses.count > 0 ? ERR_OK : ERR_RANGE;
}

/* Below "localhost" everything is this host as well. */
static bool is_below_localhost(const char *host)
{
	static const char ending[] = ".localhost";
	size_t len = strlen(host);

	return len >= sizeof(ending) - 1 && strcmp(host + len - (sizeof(ending) - 1), ending) == 0;
}

/* What kind of host it is. *ret_opened: a literal that egress_allow opens. */
static enum err host_read(
    const struct egress *egress, struct egress_target *target, bool *ret_opened)
{
	struct net_address address;
	enum err err;

	*ret_opened = false;
	if (net_address_parse(target->host, &address) == ERR_OK) {
		target->is_literal = true;
		address_add(&target->addresses, &address);
		*ret_opened = egress_opens(egress, &address);
		return egress_addresses_ok(egress, &target->addresses) ? ERR_OK : ERR_RANGE;
	}
	if (strcmp(target->host, "localhost") == 0) {
		err = localhost_read(egress, target);
		*ret_opened = err == ERR_OK;
		return err;
	}
	if (!name_ok(target->host))
		return ERR_SYNTAX;
	return is_below_localhost(target->host) ? ERR_RANGE : ERR_OK;
}

/* The host as libcurl read it, in lower case and without an IPv6 address's brackets. */
static enum err host_copy(const char *host, struct egress_target *target)
{
	size_t len = strlen(host);

	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
		/* Brackets hold an IPv6 address and nothing else (no "v1.x", no zone). */
		if (memchr(host, ':', len) == NULL)
			return ERR_SYNTAX;
	}
	if (len == 0 || len >= sizeof(target->host))
		return ERR_SYNTAX;
	for (size_t i = 0; i < len; i++)
		target->host[i] =
		    (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] - 'A' + 'a' : host[i]);
	target->host[len] = '\0';
	return ERR_OK;
}

/*
 * libcurl writes IPv6 addresses anew, so that the texts may differ. As written it must be one,
 * and then there is only one way to read it.
 */
static bool brackets_are(const char *url, const char *port)
{
	struct net_address address;
	char inner[NET_TEXT_SIZE];
	char text[NET_TEXT_SIZE + 2];
	size_t len = 0;
	const char *authority = authority_of(url, &len);
	const char *end = authority != NULL ? memchr(authority, ']', len) : NULL;

	if (end == NULL || authority[0] != '[' || (size_t)(end - authority) > sizeof(inner))
		return false;
	(void)snprintf(inner, sizeof(inner), "%.*s", (int)(end - authority - 1), authority + 1);
	(void)snprintf(text, sizeof(text), "[%s]", inner);
	return net_address_parse(inner, &address) == ERR_OK && authority_is(url, text, port);
}

/* The parts as libcurl reads them, each to be freed with curl_free(). */
struct parts {
	char *scheme;
	char *host;
	char *port; /* NULL when none is written */
};

static enum err target_read(const struct egress *egress, const char *url, const struct parts *parts,
    struct egress_target *target)
{
	bool is_https = strcmp(parts->scheme, "https") == 0;
	bool opened = false;
	int64_t port = is_https ? 443 : 80;
	enum err err;

	if (!is_https && strcmp(parts->scheme, "http") != 0)
		return ERR_SYNTAX;
	if (parts->host[0] == '[' ? !brackets_are(url, parts->port)
				  : !authority_is(url, parts->host, parts->port))
		return ERR_SYNTAX;
	if (parts->port != NULL && str_to_i64(parts->port, 1, UINT16_MAX, &port) != ERR_OK)
		return ERR_SYNTAX;
	err = host_copy(parts->host, target);
	if (err == ERR_OK)
		err = host_read(egress, target, &opened);
	if (err != ERR_OK)
		return err;
	target->scheme = is_https ? "https" : "http";
	target->port = (uint16_t)port;
	return opened || (is_https && port_ok(target->port)) ? ERR_OK : ERR_RANGE;
}

enum err egress_url_check(
    const struct egress *egress, const char *url, struct egress_target *ret_target)
{
	struct parts parts = { NULL, NULL, NULL };
	struct egress_target target = { .host = "" };
	CURLU *handle;
	CURLUcode code;
	enum err err = ERR_SYNTAX;

	if (url == NULL || strlen(url) > LIMIT_URL || !characters_ok(url))
		return ERR_SYNTAX;
	handle = curl_url();
	if (handle == NULL)
		return ERR_NOMEM;
	code = curl_url_set(handle, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);
	if (code == CURLUE_OK)
		code = curl_url_get(handle, CURLUPART_SCHEME, &parts.scheme, 0);
	if (code == CURLUE_OK)
		code = curl_url_get(handle, CURLUPART_HOST, &parts.host, 0);
	if (code == CURLUE_OK) {
		code = curl_url_get(handle, CURLUPART_PORT, &parts.port, 0);
		if (code == CURLUE_NO_PORT)
			code = CURLUE_OK;
	}
	if (code == CURLUE_OK)
		err = target_read(egress, url, &parts, &target);
	else if (code == CURLUE_OUT_OF_MEMORY)
		err = ERR_NOMEM;
	curl_free(parts.scheme);
	curl_free(parts.host);
	curl_free(parts.port);
	curl_url_cleanup(handle);
	if (err == ERR_OK)
		*ret_target = target;
	return err;
}

enum err egress_host_check(
    const struct egress *egress, struct resolver *resolver, const char *url, bool *ret_resolved)
{
	struct egress_target target;
	struct net_addresses addresses;
	enum err err = egress_url_check(egress, url, &target);

	if (err != ERR_OK)
		return err;
	if (target.is_literal) {
		*ret_resolved = true;
		return ERR_OK;
	}
	err = resolver_find(resolver, target.host, &addresses);
	if (err == ERR_NOMEM)
		return err;
	if (err == ERR_FULL || (err == ERR_OK && !egress_addresses_ok(egress, &addresses)))
		return ERR_RANGE;
	*ret_resolved = err == ERR_OK;
	return ERR_OK;
}

/* What stands in front of a fragment, and the fragment. */
static bool link_characters_ok(const char *url)
{
	char head[LIMIT_URL + 1];
	size_t len = strcspn(url, "#");

	memcpy(head, url, len);
	head[len] = '\0';
	return characters_ok(head) && (url[len] == '\0' || characters_ok(url + len + 1));
}

static bool link_parts_ok(const char *url, const struct parts *parts)
{
	struct egress_target target = { .host = "" };
	struct net_address address;
	int64_t port = 0;

	if (strcmp(parts->scheme, "https") != 0 || host_copy(parts->host, &target) != ERR_OK)
		return false;
	if (parts->port != NULL && str_to_i64(parts->port, 1, UINT16_MAX, &port) != ERR_OK)
		return false;
	if (parts->host[0] == '[')
		return brackets_are(url, parts->port);
	return authority_is(url, parts->host, parts->port) &&
	       (net_address_parse(target.host, &address) == ERR_OK ||
		   strcmp(target.host, "localhost") == 0 || name_ok(target.host));
}

bool egress_link_ok(const char *url)
{
	struct parts parts = { NULL, NULL, NULL };
	bool ok;

	if (strlen(url) > LIMIT_URL || !link_characters_ok(url))
		return false;
	CURLU *handle = curl_url();
	ok = handle != NULL && curl_url_set(handle, CURLUPART_URL, url,
				   CURLU_DISALLOW_USER | CURLU_PATH_AS_IS) == CURLUE_OK;
	ok = ok && curl_url_get(handle, CURLUPART_SCHEME, &parts.scheme, 0) == CURLUE_OK &&
	     curl_url_get(handle, CURLUPART_HOST, &parts.host, 0) == CURLUE_OK;
	if (ok && curl_url_get(handle, CURLUPART_PORT, &parts.port, 0) != CURLUE_OK)
		parts.port = NULL;
	ok = ok && link_parts_ok(url, &parts);
	curl_free(parts.scheme);
	curl_free(parts.host);
	curl_free(parts.port);
	curl_url_cleanup(handle);
	return ok;
}
