/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx.h owns what every function of core is given: the database, request memory, the keyring,
 * the settings, and who is acting. One per request or per piece of work; all members borrowed.
 */
#ifndef BONAFIDE_CTX_H
#define BONAFIDE_CTX_H

#include "base.h"
#include "arena.h"
#include "db.h"
#include "keyring.h"
#include "settings.h"
#include "state.h"

struct catalogue;
struct egress;
struct jwt_keys;
struct resolver;

struct actor {
	enum actor_kind kind;
	struct uuid organization_id;
	struct uuid application_id; /* the tenant: every tenant statement takes it first */
	struct uuid key_id;
	enum environment environment; /* of the key */
	uint64_t scopes;
	struct uuid account_id; /* who logged in, and in which session */
	struct uuid account_session_id;
	enum role role;   /* in the organisation that the request names */
	const char *name; /* an operator's login name; NULL for the others */
};

struct ctx {
	struct db *db;
	struct arena *arena;
	struct keyring *keyring;
	const struct settings *settings;
	struct catalogue *catalogue;
	struct egress *egress;      /* where we may connect; NULL where nothing dials */
	struct resolver *resolver;  /* NULL with it */
	struct jwt_keys *jwt_keys;  /* what signs access tokens; NULL where nobody logs in */
	const char *request_id;     /* "req_…"; NULL outside requests */
	const char *client_address; /* of a request, as people write it; NULL: none */
	bool is_careful;            /* this transaction was refused when it did not look (tx.h) */
	unsigned slot; /* which counter rows this process writes, < LIMIT_COUNTER_SLOTS */
	struct actor actor;
};

/* What the acting key may see: NULL for everything, or the one environment's word. A sandbox key
 * sees sandbox objects only; a live key both (contract/README.md, Environment). */
static inline const char *ctx_environment(const struct ctx *ctx)
{
	return ctx->actor.environment == ENV_SANDBOX ? environment_word(ENV_SANDBOX) : NULL;
}

#endif
