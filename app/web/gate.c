/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c is the one path every request takes, in one order, whatever its route:
 *
 *   route → address's limit → credential → organisation's limits → scope → body (cap, media type)
 *   → idempotency → parse → fill the struct → prepare → handler or statement → settle → answer
 *
 * Each step reads the route's row. A step that refuses returns the error that becomes the answer.
 * The body is read after the credential, so that a stranger's megabytes are never taken in. The
 * limits come before the scope, so that whatever a right credential asks for costs the same (meter.h).
 */
#include "gate.h"

#include <string.h>

#include "client.h"
#include "clock.h"
#include "crypt.h"
#include "id.h"
#include "idem.h"
#include "keycache.h"
#include "login.h"
#include "meter.h"
#include "query.h"
#include "reply.h"
#include "router.h"
#include "scope.h"
#include "stmt.h"
#include "str.h"
#include "tx.h"
#include "visit.h"

#define ALLOW_SIZE 64

/* What the steps of one request hand to each other beyond struct web. */
struct gate {
	struct web *web;
	body_fn *read_body;
	void *body_arg;
	bool has_idem;
	struct idem idem;
};

/* ---- request id ---------------------------------------------------------------------------------- */

/* Kept from the caller only when it can do no harm in a log line or a header. */
static bool request_id_usable(const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);

	if (len == 0 || len > LIMIT_REQUEST_ID)
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
	       len;
}

void gate_set_request_id(struct web *web)
{
	struct uuid id = UUID_NIL;
	char text[ID_TEXT_SIZE];

	if (request_id_usable(web->in.request_id)) {
		memcpy(web->request_id, web->in.request_id, strlen(web->in.request_id) + 1);
	} else {
		/* Without randomness the id is the nil one: a worse log, not a refused request. */
		if (uuid_make(&id) != ERR_OK)
			id = UUID_NIL;
		id_text(ID_REQUEST, id, text);
		memcpy(web->request_id, text, strlen(text) + 1);
	}
	web->ctx.request_id = web->request_id;
}

/* ---- whence -------------------------------------------------------------------------------------- */

/* The address that core is told of: NULL when even the web server has none. */
static void find_client(struct web *web)
{
	struct ip client;

	web->ctx.client_address = NULL;
	if (!client_address(&web->trusted, web->in.remote_addr, web->in.forwarded_for, &client))
		return;
	ip_text(&client, web->client_address);
	web->ctx.client_address = web->client_address;
}

/* ---- route ----------------------------------------------------------------------------------------- */

/* contract/accounts.md: every path of this family ends in a slash, and one that lacks it is answered
 * 308 (RFC 9110 section 15.4.9: the method and the body stay) when there is such a path. */
static bool redirect_to_slash(struct web *web)
{
	struct router_match match = { .route = NULL };
	struct http_in slashed = web->in;

	if (router_family(&web->in) != FAMILY_ACCOUNT)
		return false;
	slashed.path = arena_printf(web->arena, "%s/", web->in.path);
	const char *target = arena_printf(web->arena, "%s/%s%s", web->in.path,
	    web->in.query[0] == '\0' ? "" : "?", web->in.query);
	if (slashed.path == NULL || target == NULL)
		return false;
	if (router_find(routes, route_count, &slashed, web->arena, &match) == ERR_NOT_FOUND)
		return false;
	web->status = reply_status_of_success(SUCCESS_ELSEWHERE);
	reply_header(web, "Location", target);
	return true;
}

static enum err step_route(struct gate *gate, bool *ret_answered)
{
	struct web *web = gate->web;
	struct router_match match = { .route = NULL };
	char allow[ALLOW_SIZE];

	if (redirect_to_slash(web)) {
		*ret_answered = true;
		return ERR_OK;
	}
	enum err err = router_find(routes, route_count, &web->in, web->arena, &match);

	if (err == ERR_METHOD_NOT_ALLOWED) {
		router_allow(match.methods, allow, sizeof(allow));
		if (strcmp(web->in.method, "OPTIONS") == 0) {
			web->status = reply_status_of_success(SUCCESS_NO_CONTENT);
			*ret_answered = true;
			err = ERR_OK;
		} else {
			reply_error(web, err);
			*ret_answered = true;
		}
		reply_header(web, "Allow", allow);
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	web->route = match.route;
	web->param_count = match.param_count;
	memcpy(web->params, match.params, sizeof(web->params));
	atomic_store_explicit(&web->board->workers[web->worker_number].route,
	    (int32_t)(match.route - routes), memory_order_relaxed);
	return ERR_OK;
}

/* ---- credential and scope ----------------------------------------------------------------------------- */

/* RFC 6750 section 2.1: "Bearer" in any case, one space or more, the token. */
static const char *bearer_token(const char *header)
{
	static const char scheme[] = "bearer ";

	if (header == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(scheme) - 1; i++) {
		char c = header[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != scheme[i])
			return "";
	}
	header += sizeof(scheme) - 1;
	return header + strspn(header, " ");
}

/* Either header; both only when they agree. "" is a credential that fits nothing. */
static const char *credential_text(const struct http_in *in)
{
	const char *bearer = bearer_token(in->authorization);

	if (bearer == NULL)
		return in->api_key;
	if (in->api_key != NULL && strcmp(bearer, in->api_key) != 0)
		return "";
	return bearer;
}

/* contract/age.md: a page in a frame has its key in its own address. A secret key there would be in
 * everybody's history: only the kind made to be shown is taken. */
static enum err check_query_key(struct web *web)
{
	const char *at = web->in.query, *name = NULL, *value = NULL, *found = NULL;

	while (*at != '\0') {
		size_t len = strcspn(at, "&");
		enum err err = query_pair(at, len, web->arena, &name, &value);
		if (err == ERR_OK && strcmp(name, "key") == 0)
			found = found == NULL ? value : "";
		else if (err == ERR_NOMEM)
			return err;
		at += len;
		at += *at == '&';
	}
	enum err err = keycache_find(web->keycache, &web->ctx, found, &web->key);
	if (err != ERR_OK)
		return err;
	return web->key.kind == KEYKIND_PUBLISHABLE ? ERR_OK : ERR_FORBIDDEN;
}

static bool from_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	       strcmp(address, "::ffff:127.0.0.1") == 0;
}

static enum err step_credential(struct gate *gate)
{
	struct web *web = gate->web;
	struct actor *actor = &web->ctx.actor;

	*actor = (struct actor){ .kind = ACTOR_NONE };
	if (web->route->credential == CREDENTIAL_NONE)
		return ERR_OK;
	/* To anybody else these pages are not there. */
	if (web->route->credential == CREDENTIAL_LOOPBACK)
		return from_loopback(web->in.remote_addr) ? ERR_OK : ERR_NOT_FOUND;
	if (web->route->credential == CREDENTIAL_TOKEN)
		return login_check(web, bearer_token(web->in.authorization));
	if (web->route->credential == CREDENTIAL_VISIT ||
	    web->route->credential == CREDENTIAL_VISIT_MAY)
		return visit_check(web, bearer_token(web->in.authorization));
	enum err err =
	    web->route->credential == CREDENTIAL_KEY_QUERY
		? check_query_key(web)
		: keycache_find(web->keycache, &web->ctx, credential_text(&web->in), &web->key);
	if (err != ERR_OK)
		return err;
	if (web->key.org_status != ORG_ACTIVE)
		return ERR_TENANT_SUSPENDED;
	*actor = (struct actor){ .kind = ACTOR_KEY,
		.organization_id = web->key.organization_id,
		.application_id = web->key.application_id,
		.key_id = web->key.id,
		.environment = web->key.environment,
		.scopes = web->key.scopes };
	return ERR_OK;
}

/* contract/README.md: in the session family write implies read of the same area; the sessions of the
 * plain family are the same ones. */
static const struct {
	uint64_t has, implies;
} implied[] = {
	{ SCOPE_WEBHOOKS_WRITE, SCOPE_WEBHOOKS_READ },
	{ SCOPE_SESSIONS_WRITE, SCOPE_SESSIONS_READ },
};

static enum err step_scope(struct gate *gate)
{
	if (gate->web->route->roles != 0)
		return login_role(gate->web);
	/* contract/README.md, Credentials: a publishable key may submit, and nothing else. */
	if ((gate->web->route->flags & ROUTE_ANY_KEY) != 0)
		return gate->web->key.kind == KEYKIND_PUBLISHABLE ? ERR_FORBIDDEN : ERR_OK;
	uint64_t needed = gate->web->route->scopes;
	uint64_t scopes = gate->web->ctx.actor.scopes;

	enum family family = gate->web->route->family;
	bool implies = family == FAMILY_SESSION || family == FAMILY_PLAIN;

	for (size_t i = 0; i < countof(implied) && implies; i++) {
		if ((scopes & implied[i].has) != 0)
			scopes |= implied[i].implies;
	}
	return (scopes & needed) == needed ? ERR_OK : ERR_FORBIDDEN;
}

/* Whose limits they are, the credential says: without an organisation there are none here. */
static enum err step_limits(struct gate *gate)
{
	return gate->web->ctx.actor.kind == ACTOR_KEY ? meter_organization(gate->web) : ERR_OK;
}

/* ---- body and idempotency ------------------------------------------------------------------------------- */

/* RFC 9110 section 8.3: application/json, with no parameter but charset=utf-8. */
static bool is_json_type(const char *type)
{
	static const char json[] = "application/json";
	char head[sizeof(json)];
	size_t len = strcspn(type, "; \t");

	if (len != sizeof(json) - 1)
		return false;
	memcpy(head, type, len);
	head[len] = '\0';
	if (!ascii_equal_nocase(head, json))
		return false;
	type += len;
	type += strspn(type, "; \t");
	return *type == '\0' || ascii_equal_nocase(type, "charset=utf-8") ||
	       ascii_equal_nocase(type, "charset=\"utf-8\"");
}

static enum err step_body(struct gate *gate)
{
	struct web *web = gate->web;
	const struct route *route = web->route;
	size_t cap = route->body_max > 0 ? route->body_max : (size_t)web->settings->max_body_bytes;

	web->raw_body = "";
	web->raw_body_len = 0;
	if (route->body == NULL && (route->flags & ROUTE_RAW_BODY) == 0)
		return ERR_OK;
	bool raw = (route->flags & ROUTE_RAW_BODY) != 0;
	/* What is announced is refused before it is read; what is not shows itself in reading. */
	bool announced = web->in.content_length > 0 || web->in.content_length == -2;
	bool json = raw || is_json_type(web->in.content_type);
	if (announced && !json)
		return ERR_UNSUPPORTED_MEDIA_TYPE;
	enum err err =
	    gate->read_body(gate->body_arg, web->arena, cap, &web->raw_body, &web->raw_body_len);
	if (err == ERR_OK && web->raw_body_len > 0 && !json)
		return ERR_UNSUPPORTED_MEDIA_TYPE;
	if (err == ERR_IO)
		return web_complain(web, "body", "was not received completely");
	return err;
}

/* Quoted or bare (the IETF draft has a quoted string, most clients send it bare). */
static enum err idempotency_key(struct web *web, const char **ret_key)
{
	const char *text = web->in.idempotency_key;
	size_t len = strlen(text);

	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		text++;
		len -= 2;
	}
	if (len == 0 || len > LIMIT_IDEMPOTENCY_KEY)
		return web_complain(web, "Idempotency-Key", "must have 1 to 255 characters");
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
			return web_complain(
			    web, "Idempotency-Key", "must be printable ASCII characters");
	}
	*ret_key = arena_strndup(web->arena, text, len);
	return *ret_key == NULL ? ERR_NOMEM : ERR_OK;
}

/* A finished record answers in the handler's place. */
static enum err replay_if_found(struct gate *gate, bool *ret_answered)
{
	struct web *web = gate->web;
	struct bytes reply = { NULL, 0 };
	int64_t status = 0;
	bool found = false;
	enum err err = idem_find(&web->ctx, &gate->idem, &found, &status, &reply);

	if (err != ERR_OK || !found)
		return err;
	reply_reset(web);
	web->status = (int)status;
	web->is_replayed = true;
	buf_add(&web->reply, reply.data, reply.len);
	reply_header(web, "Idempotent-Replayed", "true");
	*ret_answered = true;
	return buf_err(&web->reply);
}

/*
 * What is asked for, beside the body: the operation, the ids in its path, and what the credential may
 * do. Without the ids a key used for one endpoint would answer for another; without the rights a key
 * with fewer would be shown what one with more was answered.
 */
static const char *operation_text(struct web *web)
{
	const struct actor *actor = &web->ctx.actor;
	const char *text = arena_printf(web->arena, "%s %s %llx", web->route->operation,
	    environment_word(actor->environment), (unsigned long long)actor->scopes);

	for (size_t i = 0; i < web->param_count && text != NULL; i++)
		text = arena_printf(web->arena, "%s %s", text, web->params[i]);
	return text;
}

static enum err step_idempotency(struct gate *gate, bool *ret_answered)
{
	struct web *web = gate->web;
	const char *key = NULL, *operation;

	if ((web->route->flags & ROUTE_IDEMPOTENT) == 0 || web->in.idempotency_key == NULL)
		return ERR_OK;
	operation = operation_text(web);
	enum err err = operation == NULL ? ERR_NOMEM : idempotency_key(web, &key);
	if (err == ERR_OK)
		err = idem_make(key, operation, web->raw_body, web->raw_body_len, &gate->idem);
	if (err != ERR_OK)
		return err;
	gate->has_idem = true;
	return replay_if_found(gate, ret_answered);
}

/* ---- parse and fill --------------------------------------------------------------------------------------- */

static enum err parse_body(struct web *web)
{
	const struct field_set *set = web->route->body;
	struct json_fault fault = { "", "" };

	if (set == NULL)
		return ERR_OK;
	web->input = arena_alloc(web->arena, set->struct_size);
	if (web->input == NULL)
		return ERR_NOMEM;
	if (web->raw_body_len == 0 && (web->route->flags & ROUTE_BODY_MAY_MISS) != 0) {
		web->raw_body = "{}";
		web->raw_body_len = 2;
	}
	if (web->raw_body_len == 0)
		return web_complain(web, "body", "must be a JSON object");
	enum err err = json_read(web->raw_body, web->raw_body_len, &web->body, &fault);
	if (err == ERR_SYNTAX)
		return web_complain(web, arena_strdup(web->arena, fault.field),
		    arena_strdup(web->arena, fault.message));
	if (err != ERR_OK)
		return err;
	return fields_read_json(set, web->body, web->arena, web->input, &web->complaints);
}

static enum err parse_query(struct web *web)
{
	static const struct field_set none = { .name = "none", .struct_size = 1 };
	const struct field_set *set = web->route->query == NULL ? &none : web->route->query;

	if (web->route->family == FAMILY_OPS)
		return ERR_OK;
	web->query = arena_alloc(web->arena, set->struct_size);
	if (web->query == NULL)
		return ERR_NOMEM;
	return fields_read_query(set, web->in.query, web->arena, web->query, &web->complaints);
}

static enum err step_parse(struct gate *gate)
{
	enum err query_err = parse_query(gate->web);
	enum err body_err = parse_body(gate->web);

	return query_err != ERR_OK ? query_err : body_err;
}

/* ---- handler or statement ----------------------------------------------------------------------------------- */

static struct db_value route_value(const struct web *web, enum route_arg arg)
{
	const struct actor *actor = &web->ctx.actor;

	if (arg == ARG_APPLICATION)
		return (struct db_value){ .type = DB_TYPE_ID, .u.id = actor->application_id };
	if (arg == ARG_NOW)
		return (struct db_value){ .type = DB_TYPE_TIME, .u.i64 = clock_now_ms() };
	return (struct db_value){ .type = DB_TYPE_OTEXT,
		.u.text =
		    actor->environment == ENV_SANDBOX ? environment_word(ENV_SANDBOX) : NULL };
}

/* A route that is a statement: its arguments by the row, its rows as the list. */
static enum err run_statement(struct web *web)
{
	const struct route *route = web->route;
	struct db_value values[countof(route->args) + 1];
	void *rows = NULL;
	size_t count = 0, n = 0;

	while (n < countof(route->args) && route->args[n] != ARG_END) {
		values[n] = route_value(web, route->args[n]);
		n++;
	}
	values[n] = (struct db_value){ .type = DB_TYPE__MAX };
	enum err err =
	    db_list(web->db, web->arena, (size_t)route->statement, values, &rows, &count);
	return err == ERR_OK ? reply_list(web, rows, count) : err;
}

static enum err run_route(struct web *web)
{
	enum err err = web->route->handler != NULL ? web->route->handler(web) : run_statement(web);

	if (err == ERR_OK && web->status == 0)
		web->status = reply_status_of_success(web->route->success);
	return err;
}

/* One transaction: take the key, make the effect and its answer, store the answer. It may run
 * again after a deadlock, so it starts from a clean answer. */
static enum err run_in_tx(struct ctx *ctx, void *arg)
{
	struct gate *gate = arg;
	struct web *web = gate->web;
	enum err err = ERR_OK;

	reply_reset(web);
	web->complaints.count = 0;
	if (gate->has_idem)
		err = idem_take(ctx, &gate->idem);
	if (err == ERR_OK)
		err = run_route(web);
	if (err == ERR_OK && gate->has_idem)
		err = idem_finish(ctx, &gate->idem, web->status, web->reply.data, web->reply.len);
	return err;
}

static enum err step_run(struct gate *gate)
{
	struct web *web = gate->web;
	bool answered = false;
	enum err err = web->route->prepare == NULL ? ERR_OK : web->route->prepare(web);

	if (err != ERR_OK)
		return err;
	if ((web->route->flags & ROUTE_TX) == 0)
		return run_route(web);
	err = tx_run(&web->ctx, run_in_tx, gate);
	if (err != ERR_DB_DUPLICATE || !gate->has_idem)
		return err;
	/* The same key was finished by somebody else between our look and our take. */
	err = replay_if_found(gate, &answered);
	return err == ERR_OK && !answered ? ERR_IDEMPOTENCY_IN_PROGRESS : err;
}

/* A replayed answer waits too: whoever gave it first may have ended before it had waited. */
static enum err step_settle(struct gate *gate)
{
	handler_fn *settle = gate->web->route->settle;

	return settle == NULL ? ERR_OK : settle(gate->web);
}

/* ---- the order ------------------------------------------------------------------------------------------------ */

static enum err gate_steps(struct gate *gate)
{
	bool answered = false;
	enum err err = step_route(gate, &answered);

	if (err != ERR_OK || answered)
		return err;
	if ((err = meter_address(gate->web)) != ERR_OK)
		return err;
	if ((err = step_credential(gate)) != ERR_OK)
		return meter_refusal(gate->web, err);
	if ((err = step_limits(gate)) != ERR_OK)
		return err;
	if ((err = step_scope(gate)) != ERR_OK)
		return err;
	if ((err = step_body(gate)) != ERR_OK)
		return err;
	err = step_idempotency(gate, &answered);
	if (err == ERR_OK && !answered)
		err = step_parse(gate);
	if (err == ERR_OK && !answered)
		err = step_run(gate);
	return err == ERR_OK ? step_settle(gate) : err;
}

void gate_run(struct web *web, body_fn *read_body, void *body_arg)
{
	struct gate gate = { .web = web, .read_body = read_body, .body_arg = body_arg };
	enum err err;

	find_client(web);
	err = gate_steps(&gate);
	web->failure = err;
	if (err != ERR_OK)
		reply_error(web, err);
	meter_headers(web);
	reply_finish(web);
	wipe(&gate.idem, sizeof(gate.idem));
}
