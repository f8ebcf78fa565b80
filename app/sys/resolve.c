/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses with c-ares. A query is one question to c-ares; lookups of callers wait at
 * it. A query belongs to c-ares until its answer comes, which c-ares cannot be talked out of, so
 * one that took too long is answered ERR_TIMEOUT and freed later ("late").
 *
 * Names that were answered stay in a table where a name has one place (by its hash): a newer
 * name takes the place of another, so the table needs no cleaning and cannot grow.
 */
#include "base.h"
#include "clock.h"
#include "resolve.h"

#include <stdlib.h>
#include <string.h>

#include <ares.h>
#include <netdb.h>

#define PLACES 1024 /* names kept; a power of two */
#define NAME_SIZE 256
#define TRIES 3
#define TRY_MIN_MS 50
#define TRY_MAX_MS 2000

enum stage {
	ASKED,      /* in the resolver's list of asked ones */
	ANSWERED,   /* in its list of answered ones: lookups are to be called back */
	DELIVERING, /* they are being called back */
	DELIVERED   /* in neither list; kept for its table or for c-ares */
};

struct lookup {
	struct lookup *next;
	struct lookup *prev;
	struct query *query;
	resolve_done_fn *done;
	void *arg;
};

struct query {
	struct query *next; /* in the list of its stage */
	struct query *prev;
	struct resolver *resolver;
	struct lookup *lookups; /* newest first */
	bool with_ares;         /* c-ares will still call back */
	enum stage stage;
	enum err err;
	int64_t end_ms;  /* on the monotonic clock: when to give up */
	int64_t good_ms; /* until when the answer may be used again */
	struct net_addresses *addresses;
	char name[NAME_SIZE];
};

struct resolver {
	ares_channel channel;
	int64_t timeout_ms;
	struct query *asked; /* newest first */
	struct query *asked_last;
	struct query *answered; /* their lookups are to be called back */
	struct query *places[PLACES];
	size_t with_ares; /* queries that c-ares has */
};

static struct query **place_of(struct resolver *resolver, const char *name)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return &resolver->places[(hash ^ hash >> 16) & (PLACES - 1)];
}

static void query_free(struct query *query)
{
	free(query->addresses);
	free(query);
}

/* Frees a query that nobody needs any more: not c-ares, no lookup, no list, not the table. */
static void query_release(struct query *query)
{
	struct resolver *resolver = query->resolver;

	if (query->with_ares || query->lookups != NULL || query->stage != DELIVERED)
		return;
	if (*place_of(resolver, query->name) == query)
		return;
	query_free(query);
}

/* Takes the query out of the table, so that the name is asked anew. */
static void query_forget(struct query *query)
{
	struct query **place = place_of(query->resolver, query->name);

	if (*place == query)
		*place = NULL;
}

static void asked_add(struct query *query)
{
	struct resolver *resolver = query->resolver;

	query->prev = NULL;
	query->next = resolver->asked;
	if (resolver->asked != NULL)
		resolver->asked->prev = query;
	else
		resolver->asked_last = query;
	resolver->asked = query;
}

static void asked_remove(struct query *query)
{
	struct resolver *resolver = query->resolver;

	if (query->prev != NULL)
		query->prev->next = query->next;
	else
		resolver->asked = query->next;
	if (query->next != NULL)
		query->next->prev = query->prev;
	else
		resolver->asked_last = query->prev;
	query->next = NULL;
	query->prev = NULL;
}

/* Has its lookups called back at the next resolver_step(). */
static void answered_add(struct query *query)
{
	query->stage = ANSWERED;
	query->next = query->resolver->answered;
	query->resolver->answered = query;
}

static void query_answer(struct query *query, enum err err)
{
	asked_remove(query);
	query->err = err;
	answered_add(query);
}

/* May the answer be used again? */
static bool is_good(const struct query *query)
{
	return query->stage != ASKED && query->err == ERR_OK && query->good_ms > clock_mono_ms();
}

static enum err err_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return ERR_OK;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
	case ARES_EBADNAME:
		return ERR_MISSING;
	case ARES_ETIMEOUT:
		return ERR_TIMEOUT;
	case ARES_ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

/* Copies the addresses, and says for how many seconds all of them may be kept. */
static enum err addresses_copy(const struct ares_addrinfo *info, struct query *query, int *ret_ttl)
{
	struct net_addresses *addresses = calloc(1, sizeof(*addresses));
	int ttl = RESOLVE_KEEP_MAX_S;

	if (addresses == NULL)
		return ERR_NOMEM;
	query->addresses = addresses;
	for (const struct ares_addrinfo_node *node = info->nodes; node != NULL;
	     node = node->ai_next) {
		struct net_address address;

		if (net_address_from(node->ai_addr, node->ai_addrlen, &address) != ERR_OK ||
		    net_addresses_hold(addresses, &address))
			continue;
		if (addresses->count == NET_ADDRESSES_MAX)
			return ERR_FULL;
		addresses->list[addresses->count++] = address;
		if (node->ai_ttl < ttl)
			ttl = node->ai_ttl;
	}
	*ret_ttl = ttl > 0 ? ttl : 0;
	return addresses->count > 0 ? ERR_OK : ERR_MISSING;
}

/* c-ares calls this once per query, from within ares_getaddrinfo() too. */
static void take_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct query *query = arg;
	int ttl = 0;
	enum err err = err_of(status);

	(void)timeouts;
	query->with_ares = false;
	query->resolver->with_ares--;
	if (query->stage != ASKED) { /* late */
		query_release(query);
	} else {
		if (err == ERR_OK)
			err = info != NULL ? addresses_copy(info, query, &ttl) : ERR_MISSING;
		query->good_ms = clock_mono_ms() + ttl * INT64_C(1000);
		query_answer(query, err);
	}
	ares_freeaddrinfo(info);
}

/* Asks c-ares for the name, or finds the query that is asking already. NULL: out of memory. */
static struct query *query_get(struct resolver *resolver, const char *host)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		/* Sorting would open a socket to every answer, before it is checked. */
		.ai_flags = ARES_AI_NOSORT };
	struct query **place = place_of(resolver, host);
	struct query *old = *place;
	struct query *query;

	if (old != NULL && strcmp(old->name, host) == 0 && (old->stage == ASKED || is_good(old)))
		return old;
	query = calloc(1, sizeof(*query));
	if (query == NULL)
		return NULL;
	query->resolver = resolver;
	query->end_ms = clock_mono_ms() + resolver->timeout_ms;
	memcpy(query->name, host, strlen(host) + 1);
	*place = query;
	if (old != NULL)
		query_release(old);
	asked_add(query);
	query->with_ares = true;
	resolver->with_ares++;
	ares_getaddrinfo(resolver->channel, query->name, NULL, &hints, take_answer, query);
	return query;
}

enum err resolver_start(struct resolver *resolver, const char *host, resolve_done_fn *done,
    void *arg, struct lookup **ret_lookup)
{
	struct lookup *lookup;
	struct query *query;

	if (host[0] == '\0' || strlen(host) >= NAME_SIZE)
		return ERR_SYNTAX;
	lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL)
		return ERR_NOMEM;
	query = query_get(resolver, host);
	if (query == NULL) {
		free(lookup);
		return ERR_NOMEM;
	}
	lookup->query = query;
	lookup->done = done;
	lookup->arg = arg;
	lookup->next = query->lookups;
	if (query->lookups != NULL)
		query->lookups->prev = lookup;
	query->lookups = lookup;
	if (query->stage == DELIVERED)
		answered_add(query);
	*ret_lookup = lookup;
	return ERR_OK;
}

static void lookup_remove(struct lookup *lookup)
{
	if (lookup->prev != NULL)
		lookup->prev->next = lookup->next;
	else
		lookup->query->lookups = lookup->next;
	if (lookup->next != NULL)
		lookup->next->prev = lookup->prev;
}

void resolver_cancel(struct lookup **lookup)
{
	if (lookup == NULL || *lookup == NULL)
		return;
	lookup_remove(*lookup);
	free(*lookup);
	*lookup = NULL;
}

enum err resolver_cached(
    struct resolver *resolver, const char *host, struct net_addresses *ret_addresses)
{
	const struct query *query = *place_of(resolver, host);

	if (query == NULL || strcmp(query->name, host) != 0 || !is_good(query))
		return ERR_MISSING;
	*ret_addresses = *query->addresses;
	return ERR_OK;
}

size_t resolver_fds(const struct resolver *resolver, struct pollfd fds[RESOLVE_FDS_MAX])
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned bits;
	size_t count = 0;

	if (resolver->with_ares == 0)
		return 0;
	bits = (unsigned)ares_getsock(resolver->channel, sockets, ARES_GETSOCK_MAXNUM);
	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM && count < RESOLVE_FDS_MAX; i++) {
		short events = 0;

		/* ARES_GETSOCK_READABLE() and …_WRITABLE(), which shift into the sign. */
		if ((bits >> i & 1) != 0)
			events |= POLLIN;
		if ((bits >> (i + ARES_GETSOCK_MAXNUM) & 1) != 0)
			events |= POLLOUT;
		if (events != 0)
			fds[count++] = (struct pollfd){ .fd = sockets[i], .events = events };
	}
	return count;
}

int64_t resolver_wait_ms(const struct resolver *resolver, int64_t most_ms)
{
	struct timeval most, until;
	const struct timeval *next;
	int64_t wait_ms = most_ms;

	if (resolver->answered != NULL)
		return 0;
	if (resolver->asked_last != NULL) {
		int64_t left_ms = resolver->asked_last->end_ms - clock_mono_ms();

		if (left_ms < wait_ms)
			wait_ms = left_ms > 0 ? left_ms : 0;
	}
	if (resolver->with_ares == 0)
		return wait_ms;
	most.tv_sec = (time_t)(wait_ms / 1000);
	most.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000);
	next = ares_timeout(resolver->channel, &most, &until);
	/* Rounded up: to wake a moment early would be to wake in vain. */
	return next != NULL ? next->tv_sec * INT64_C(1000) + (next->tv_usec + 999) / 1000 : wait_ms;
}

/* Lets c-ares read, write and look at its timers. */
static void move_ares(struct resolver *resolver)
{
	struct pollfd fds[RESOLVE_FDS_MAX];
	size_t count = resolver_fds(resolver, fds);

	if (count > 0 && poll(fds, (nfds_t)count, 0) > 0) {
		for (size_t i = 0; i < count; i++) {
			bool in = (fds[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
			bool out = (fds[i].revents & (POLLOUT | POLLERR | POLLHUP)) != 0;

			if (in || out)
				ares_process_fd(resolver->channel, in ? fds[i].fd : ARES_SOCKET_BAD,
				    out ? fds[i].fd : ARES_SOCKET_BAD);
		}
	}
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* Gives up on what has taken too long. All have the same time, so the oldest is the first. */
static void give_up(struct resolver *resolver)
{
	while (resolver->asked_last != NULL && resolver->asked_last->end_ms <= clock_mono_ms())
		query_answer(resolver->asked_last, ERR_TIMEOUT);
}

/*
 * Calls back those that wait at a query now; a callback may start and cancel lookups, at this
 * query too. One that joins meanwhile waits for the next resolver_step().
 */
static void query_deliver(struct query *query)
{
	size_t count = 0;

	query->stage = DELIVERING;
	if (!is_good(query))
		query_forget(query);
	for (const struct lookup *lookup = query->lookups; lookup != NULL; lookup = lookup->next)
		count++;
	for (; count > 0 && query->lookups != NULL; count--) {
		struct lookup *lookup = query->lookups;
		resolve_done_fn *done = lookup->done;
		void *arg = lookup->arg;

		lookup_remove(lookup);
		free(lookup);
		done(arg, query->err, query->err == ERR_OK ? query->addresses : NULL);
	}
	query->stage = DELIVERED;
	if (query->lookups != NULL)
		answered_add(query);
	else
		query_release(query);
}

void resolver_step(struct resolver *resolver)
{
	struct query *query;

	if (resolver->with_ares > 0)
		move_ares(resolver);
	give_up(resolver);
	query = resolver->answered;
	resolver->answered = NULL;
	while (query != NULL) {
		struct query *next = query->next;

		query->next = NULL;
		query_deliver(query);
		query = next;
	}
}

struct found {
	bool done;
	enum err err;
	struct net_addresses *addresses;
};

static void note_found(void *arg, enum err err, const struct net_addresses *addresses)
{
	struct found *found = arg;

	found->done = true;
	found->err = err;
	if (err == ERR_OK)
		*found->addresses = *addresses;
}

enum err resolver_find(
    struct resolver *resolver, const char *host, struct net_addresses *ret_addresses)
{
	struct net_addresses addresses;
	struct found found = { .addresses = &addresses };
	struct lookup *lookup = NULL;
	enum err err = resolver_start(resolver, host, note_found, &found, &lookup);

	if (err != ERR_OK)
		return err;
	for (;;) {
		struct pollfd fds[RESOLVE_FDS_MAX];
		size_t count;

		resolver_step(resolver);
		if (found.done)
			break;
		count = resolver_fds(resolver, fds);
		(void)poll(fds, (nfds_t)count, (int)resolver_wait_ms(resolver, 1000));
	}
	if (found.err == ERR_OK)
		*ret_addresses = addresses;
	return found.err;
}

/* The servers to ask: the system's when there is no text. */
static enum err servers_set(ares_channel channel, const char *dns_servers)
{
	char *csv = strdup(dns_servers);
	size_t len = 0;
	int status;

	if (csv == NULL)
		return ERR_NOMEM;
	for (const char *c = dns_servers; *c != '\0'; c++)
		if (*c != ' ' && *c != '\t')
			csv[len++] = *c;
	csv[len] = '\0';
	status = len > 0 ? ares_set_servers_ports_csv(channel, csv) : ARES_SUCCESS;
	free(csv);
	if (status == ARES_SUCCESS)
		return ERR_OK;
	return status == ARES_ENOMEM ? ERR_NOMEM : ERR_CONFIG;
}

/* A channel whose first try at a server takes try_ms; each further one twice as long. */
static enum err channel_open(const char *dns_servers, int64_t try_ms, ares_channel *ret_channel)
{
	struct ares_options options = { .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = (int)try_ms,
		.tries = TRIES,
		/* No search domains: "a.example" is never asked as "a.example.ours". */
		.ndomains = 0 };
	ares_channel channel;
	enum err err;
	int status = ares_init_options(&channel, &options,
	    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS);

	if (status != ARES_SUCCESS)
		return status == ARES_ENOMEM ? ERR_NOMEM : ERR_IO;
	err = servers_set(channel, dns_servers);
	if (err != ERR_OK) {
		ares_destroy(channel);
		return err;
	}
	*ret_channel = channel;
	return ERR_OK;
}

/* How long the first try may take for all tries at all servers to fit into the timeout: then one
 * of the two questions (A, AAAA) that is never answered does not cost the answer to the other. */
static int64_t try_ms_of(ares_channel channel, int64_t timeout_ms)
{
	struct ares_addr_port_node *servers = NULL;
	int64_t count = 0;
	int64_t try_ms;

	if (ares_get_servers_ports(channel, &servers) == ARES_SUCCESS)
		for (const struct ares_addr_port_node *node = servers; node != NULL;
		     node = node->next)
			count++;
	ares_free_data(servers);
	try_ms = timeout_ms / ((count > 0 ? count : 1) * (1 << TRIES));
	if (try_ms < TRY_MIN_MS)
		return TRY_MIN_MS;
	return try_ms < TRY_MAX_MS ? try_ms : TRY_MAX_MS;
}

enum err resolver_new(const char *dns_servers, int64_t timeout_ms, struct resolver **ret_resolver)
{
	static bool started;
	ares_channel channel;
	int64_t try_ms;
	struct resolver *resolver;
	enum err err;

	if (!started && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return ERR_NOMEM;
	started = true;
	/* The first one is only to learn how many servers there are. */
	err = channel_open(dns_servers, TRY_MAX_MS, &channel);
	if (err != ERR_OK)
		return err;
	try_ms = try_ms_of(channel, timeout_ms);
	ares_destroy(channel);
	err = channel_open(dns_servers, try_ms, &channel);
	if (err != ERR_OK)
		return err;
	resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL) {
		ares_destroy(channel);
		return ERR_NOMEM;
	}
	resolver->channel = channel;
	resolver->timeout_ms = timeout_ms;
	*ret_resolver = resolver;
	return ERR_OK;
}

/* Frees one of the queries that are left, and the lookups that wait at it. */
static void query_drop(struct query *query)
{
	while (query->lookups != NULL) {
		struct lookup *lookup = query->lookups;

		resolver_cancel(&lookup);
	}
	query_forget(query);
	query->stage = DELIVERED;
	query_release(query);
}

void resolver_free(struct resolver **resolver)
{
	struct resolver *gone;

	if (resolver == NULL || *resolver == NULL)
		return;
	gone = *resolver;
	*resolver = NULL;
	/* Each query that c-ares has comes back answered, or late and freed. */
	ares_destroy(gone->channel);
	while (gone->answered != NULL) {
		struct query *query = gone->answered;

		gone->answered = query->next;
		query_drop(query);
	}
	for (size_t i = 0; i < PLACES; i++)
		if (gone->places[i] != NULL)
			query_drop(gone->places[i]);
	free(gone);
}
