/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.h owns asking for the addresses of a name (c-ares) without waiting: one slow name must
 * not hold up a thread with hundreds of transfers. /etc/hosts is honoured; search domains and
 * HOSTALIASES are not, so a name means the same whatever the host is called. Answers are kept
 * for as long as their time to live says, at most RESOLVE_KEEP_MAX_S; questions for the same
 * name under way at the same time are asked once. Whether an address may be dialled is asked
 * elsewhere (sys/egress.h).
 */
#ifndef BONAFIDE_RESOLVE_H
#define BONAFIDE_RESOLVE_H

#include "base.h"
#include "net.h"

#include <poll.h>

#define RESOLVE_KEEP_MAX_S 30
#define RESOLVE_FDS_MAX 16

struct resolver;
struct lookup; /* one question under way */

/*
 * The end of a lookup. ERR_OK: addresses has at least one, IPv4 and IPv6 in the order they came,
 * borrowed during the call, ports 0. ERR_MISSING: no such name, or it has no address.
 * ERR_TIMEOUT: no answer in time. ERR_FULL: more than NET_ADDRESSES_MAX addresses. ERR_IO: the
 * name servers failed. ERR_NOMEM. Then addresses is NULL.
 */
typedef void resolve_done_fn(void *arg, enum err err, const struct net_addresses *addresses);

/*
 * Makes a resolver. dns_servers: "" for those of /etc/resolv.conf, or a list such as
 * "127.0.0.1:5353, [::1]:53". A lookup takes at most timeout_ms in all. ERR_CONFIG (dns_servers
 * is not such a list), ERR_IO, ERR_NOMEM.
 */
enum err resolver_new(
    const char *dns_servers, int64_t timeout_ms, struct resolver **ret_resolver) MUST_CHECK;

/* Frees it. Lookups under way are forgotten: their callbacks are not called. */
void resolver_free(struct resolver **resolver);

/*
 * Starts a lookup; done(arg, …) will be called exactly once from resolver_step(), unless
 * resolver_cancel() comes first. *ret_lookup is for resolver_cancel() and gone once done is
 * called. ERR_SYNTAX (not a name), ERR_NOMEM; then done is not called.
 */
enum err resolver_start(struct resolver *resolver, const char *host, resolve_done_fn *done,
    void *arg, struct lookup **ret_lookup) MUST_CHECK;

/* Forgets a lookup; done will not be called. Accepts NULL and a pointer to NULL. */
void resolver_cancel(struct lookup **lookup);

/* A kept answer that is still good, without asking anybody. ERR_MISSING: there is none. */
enum err resolver_cached(
    struct resolver *resolver, const char *host, struct net_addresses *ret_addresses) MUST_CHECK;

/* Asks and waits. Errors as in resolve_done_fn, and ERR_SYNTAX. */
enum err resolver_find(
    struct resolver *resolver, const char *host, struct net_addresses *ret_addresses) MUST_CHECK;

/* What to wait for with poll(): fills at most RESOLVE_FDS_MAX, returns how many. */
size_t resolver_fds(const struct resolver *resolver, struct pollfd fds[RESOLVE_FDS_MAX]);

/* How long to wait at most before the next resolver_step(), when that is less than most_ms. */
int64_t resolver_wait_ms(const struct resolver *resolver, int64_t most_ms);

/* Reads and writes what is ready, without waiting, and calls back for what ended. */
void resolver_step(struct resolver *resolver);

#endif
