/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h owns whose address a request comes from: the peer that the web server saw, or behind
 * trusted proxies the last address of X-Forwarded-For that is not one of them. Whatever in the
 * product goes by a client's address asks here; only the pages for this machine look at the peer.
 */
#ifndef BONAFIDE_CLIENT_H
#define BONAFIDE_CLIENT_H

#include "base.h"
#include "cidr.h"

/*
 * peer: REMOTE_ADDR. forwarded: the header's value, possibly without its beginning; NULL when
 * absent. Each proxy appends the address it saw, so the header is read from its end for as long as
 * that is a trusted proxy; when all of it are, its first is the client. An address may have a port
 * (1.2.3.4:80, [::1]:80), and an IPv4-mapped one is an IPv4 address. Anything else makes the peer the
 * client, for then nothing before it can be believed. False: even the peer has no address (a Unix
 * socket).
 */
bool client_address(const struct cidr_list *trusted, const char *peer, const char *forwarded,
    struct ip *ret_client);

/*
 * The bytes that a limit counts the address by: all of an IPv4 address, the first 64 bits of an IPv6
 * one, which is the least that one customer has. Returns how many of out are used.
 */
#define CLIENT_KEY_SIZE 9
size_t client_key(const struct ip *client, uint8_t out[CLIENT_KEY_SIZE]);

#endif
