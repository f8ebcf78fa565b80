/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.c matches a request against the route table. The table is short (tens of rows) and its
 * paths share their beginnings, so a walk that stops at the first differing segment is cheaper
 * than a tree would be to build and read.
 */
#include "router.h"

#include <stdio.h>
#include <string.h>

#include "query.h"

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };
#define METHOD_HEAD 1
#define METHOD_OPTIONS 6

static int method_index(const char *method)
{
	for (size_t i = 0; i < countof(methods); i++) {
		if (strcmp(methods[i], method) == 0)
			return (int)i;
	}
	return -1;
}

/* contract/README.md: whose shapes hold where; with_api_key: whose, when the key comes as X-API-Key and
 * there is no Authorization. What no row names is the kyc family's. */
struct prefix_row {
	const char *prefix;
	enum family family;
	enum family with_api_key;
};

#define OF_ONE(prefix, family) \
	{ \
		prefix, family, family \
	}

static const struct prefix_row prefixes[] = {
	OF_ONE("", FAMILY_KYC),
	OF_ONE("/-", FAMILY_OPS),
	OF_ONE("/v1/webhooks/endpoints", FAMILY_SESSION),
	OF_ONE("/v1/webhooks/keys", FAMILY_SESSION),
	OF_ONE("/v1/webhooks/deliveries", FAMILY_SESSION),
	OF_ONE("/v1/webhooks/events", FAMILY_SESSION),
	OF_ONE("/v1/events", FAMILY_SESSION),
	OF_ONE("/v1/analytics", FAMILY_SESSION),
	{ "/v1/sessions", FAMILY_SESSION, FAMILY_PLAIN },
	OF_ONE("/v1/workflows", FAMILY_PLAIN),
	OF_ONE("/v1/auth/verify", FAMILY_PLAIN),
	OF_ONE("/v1/verify-session", FAMILY_PAGE),
	OF_ONE("/v1/verify", FAMILY_AGE),
	OF_ONE("/v1/records", FAMILY_AGE),
	OF_ONE("/media", FAMILY_AGE),
	OF_ONE("/embed", FAMILY_AGE),
	OF_ONE("/auth/v2", FAMILY_ACCOUNT),
	OF_ONE("/.well-known/jwks.json", FAMILY_ACCOUNT),
};

/* The longest beginning of a path; the first row is the beginning of every one. */
static const struct prefix_row *prefix_of(const char *path)
{
	const struct prefix_row *found = &prefixes[0];
	size_t longest = 0;

	for (size_t i = 0; i < countof(prefixes); i++) {
		size_t len = strlen(prefixes[i].prefix);
		if (len <= longest || strncmp(path, prefixes[i].prefix, len) != 0 ||
		    (path[len] != '/' && path[len] != '\0'))
			continue;
		longest = len;
		found = &prefixes[i];
	}
	return found;
}

enum family router_family(const struct http_in *in)
{
	const struct prefix_row *row = prefix_of(in->path);

	return in->authorization == NULL && in->api_key != NULL ? row->with_api_key : row->family;
}

bool router_is_shared(const char *path)
{
	const struct prefix_row *row = prefix_of(path);

	return row->family != row->with_api_key;
}

bool router_is_undecided(const struct http_in *in)
{
	return in->authorization == NULL && in->api_key == NULL && router_is_shared(in->path);
}

/* The next segment of a path that stands on '/': its start and length. False at the end. */
static bool next_segment(const char **path, const char **ret_start, size_t *ret_len)
{
	if (**path != '/')
		return false;
	*ret_start = *path + 1;
	*ret_len = strcspn(*ret_start, "/");
	*path = *ret_start + *ret_len;
	return true;
}

/* A static segment may be percent-encoded by the client like any other; the common case is that
 * it is not. */
static bool segment_equals(
    const char *text, size_t len, const char *wanted, size_t wanted_len, struct arena *arena)
{
	const char *decoded;

	if (len == wanted_len && memcmp(text, wanted, len) == 0)
		return true;
	return memchr(text, '%', len) != NULL &&
	       percent_decode(text, len, false, arena, &decoded) == ERR_OK &&
	       strlen(decoded) == wanted_len && memcmp(decoded, wanted, wanted_len) == 0;
}

static bool path_matches(
    const char *pattern, const char *path, struct arena *arena, struct router_match *match)
{
	const char *want, *have;
	size_t want_len, have_len;

	match->param_count = 0;
	while (next_segment(&pattern, &want, &want_len)) {
		if (!next_segment(&path, &have, &have_len))
			return false;
		/* A pattern may end in a slash; nowhere else is a segment empty. */
		if (have_len == 0)
			return want_len == 0 && *path == '\0';
		if (want[0] != '{') {
			if (!segment_equals(have, have_len, want, want_len, arena))
				return false;
			continue;
		}
		if (match->param_count == LIMIT_PATH_PARAMS ||
		    percent_decode(
			have, have_len, false, arena, &match->params[match->param_count]) != ERR_OK)
			return false;
		match->param_count++;
	}
	return *path == '\0';
}

/* The families whose rows a request can mean; the second is the first where there is no other. While
 * nobody knows which of two is meant, the rows of both are there: what is wrong with the request is the
 * credential, not the path. */
static void families_of(const struct http_in *in, enum family ret_families[2])
{
	const struct prefix_row *row = prefix_of(in->path);
	bool undecided = in->authorization == NULL && in->api_key == NULL;

	ret_families[0] = router_family(in);
	ret_families[1] = undecided ? row->with_api_key : ret_families[0];
}

enum err router_find(const struct route *table, size_t count, const struct http_in *in,
    struct arena *arena, struct router_match *ret_match)
{
	struct router_match found = { .route = NULL };
	const char *effective = strcmp(in->method, "HEAD") == 0 ? "GET" : in->method;
	enum family families[2];

	families_of(in, families);
	for (size_t i = 0; i < count; i++) {
		struct router_match match = { .route = &table[i] };
		bool mine = table[i].family == families[0] || table[i].family == families[1];
		if (!mine || !path_matches(table[i].path, in->path, arena, &match))
			continue;
		int index = method_index(table[i].method);
		found.path_known = true;
		found.methods |= 1u << index | (index == 0 ? 1u << METHOD_HEAD : 0);
		if (found.route != NULL || strcmp(table[i].method, effective) != 0)
			continue;
		found.route = &table[i];
		found.param_count = match.param_count;
		memcpy(found.params, match.params, sizeof(found.params));
	}
	if (arena_overflowed(arena))
		return ERR_NOMEM;
	if (found.path_known)
		found.methods |= 1u << METHOD_OPTIONS;
	*ret_match = found;
	if (found.route != NULL)
		return ERR_OK;
	return found.path_known ? ERR_METHOD_NOT_ALLOWED : ERR_NOT_FOUND;
}

void router_allow(unsigned allowed, char *out, size_t size_bytes)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < countof(methods); i++) {
		if ((allowed & 1u << i) == 0)
			continue;
		int n = snprintf(
		    out + used, size_bytes - used, "%s%s", used == 0 ? "" : ", ", methods[i]);
		if (n < 0 || (size_t)n >= size_bytes - used) {
			/* No half a method. */
			out[used] = '\0';
			return;
		}
		used += (size_t)n;
	}
}
