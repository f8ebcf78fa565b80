/* SPDX-License-Identifier: Apache-2.0 */
/* web.c is one worker's web side: what lives as long as the worker, and one request around it. */
#include "web.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "egress.h"
#include "gate.h"
#include "jwt.h"
#include "keycache.h"
#include "log.h"
#include "openapi.h"
#include "proc.h"
#include "quota.h"
#include "reply.h"
#include "resolve.h"
#include "sets.h"
#include "stmt.h"
#include "stream.h"
#include "webhook.h"

#define HEADERS_CAP 16384 /* LIMIT_REDIRECT_URIS origins in one of them */
#define RSS_EVERY 256     /* requests between looks at our memory */
#define TOUCH_EVERY_MS 60000
#define IDLE_EVERY_MS 1000
#define RESOLVE_MS 2000 /* for the name in a URL that a customer registers */

const struct field_set no_members = { .name = "Nothing", .struct_size = 1 };

static enum err open_keyring(struct web *web)
{
	char reason[256] = "";
	enum err err = keyring_open(web->settings->master_key_file, web->settings->pepper_file,
	    &web->ctx.keyring, reason, sizeof(reason));

	if (err != ERR_OK)
		log_error("%s", reason);
	return err;
}

/* Only to look at URLs: the web side never dials. */
static enum err open_egress(struct web *web)
{
	char reason[256] = "";
	enum err err =
	    egress_new(web->settings->egress_allow, &web->ctx.egress, reason, sizeof(reason));

	if (err != ERR_OK)
		log_error("egress_allow: %s", reason);
	if (err == ERR_OK)
		err = resolver_new(web->settings->dns_servers, RESOLVE_MS, &web->ctx.resolver);
	return err;
}

static enum err read_proxies(struct web *web)
{
	char reason[256] = "";
	enum err err =
	    cidr_list_parse(web->settings->trusted_proxies, &web->trusted, reason, sizeof(reason));

	if (err != ERR_OK)
		log_error("trusted_proxies: %s", reason);
	return err;
}

enum err web_new(const struct settings *settings, struct board *board, struct limiter *limiter,
    unsigned worker_number, struct web **ret_web)
{
	struct web *web = calloc(1, sizeof(*web));
	struct db_config db = settings_db(settings);
	enum err err = ERR_NOMEM;

	if (web == NULL)
		return err;
	web->settings = settings;
	web->board = board;
	web->limiter = limiter;
	web->worker_number = worker_number;
	buf_init(&web->reply, LIMIT_REPLY);
	buf_init(&web->headers, HEADERS_CAP);
	buf_init(&web->openapi, OPENAPI_MAX);
	err = arena_new((size_t)settings->request_memory_bytes, &web->arena);
	if (err == ERR_OK)
		err = keycache_new(board, settings->key_lease_ms, &web->keycache);
	if (err == ERR_OK)
		err = db_new(&db, stmt_table, ST__MAX, &web->db);
	if (err == ERR_OK)
		err = open_keyring(web);
	if (err == ERR_OK)
		err = open_egress(web);
	if (err == ERR_OK)
		err = read_proxies(web);
	if (err == ERR_OK)
		err = catalogue_new(&web->ctx.catalogue);
	if (err == ERR_OK)
		err = jwt_keys_new(&web->ctx.jwt_keys);
	if (err != ERR_OK) {
		web_free(&web);
		return err;
	}
	web->ctx.db = web->db;
	web->ctx.arena = web->arena;
	web->ctx.settings = settings;
	web->ctx.slot = worker_number % LIMIT_COUNTER_SLOTS;
	*ret_web = web;
	return ERR_OK;
}

void web_free(struct web **web)
{
	if (web == NULL || *web == NULL)
		return;
	jwt_keys_free(&(*web)->ctx.jwt_keys);
	catalogue_free(&(*web)->ctx.catalogue);
	resolver_free(&(*web)->ctx.resolver);
	egress_free(&(*web)->ctx.egress);
	keyring_free(&(*web)->ctx.keyring);
	keycache_free(&(*web)->keycache);
	db_free(&(*web)->db);
	arena_free(&(*web)->arena);
	buf_free(&(*web)->reply);
	buf_free(&(*web)->headers);
	buf_free(&(*web)->openapi);
	free(*web);
	*web = NULL;
}

enum err web_complain(struct web *web, const char *field, const char *message)
{
	complain(&web->complaints, field, message);
	return ERR_VALIDATION;
}

enum err web_param_id(
    struct web *web, size_t index, enum id_kind kind, enum err missing, struct uuid *ret_id)
{
	return id_parse(kind, web->params[index], ret_id) == ERR_OK ? ERR_OK : missing;
}

enum err web_param_endpoint(struct web *web, size_t index, struct uuid *ret_id)
{
	enum err missing =
	    web->route->family == FAMILY_KYC ? ERR_WEBHOOK_NOT_FOUND : ERR_ENDPOINT_NOT_FOUND;
	enum err err = web_param_id(web, index, ID_WEBHOOK, missing, ret_id);

	return err == ERR_OK ? ERR_OK : web_param_id(web, index, ID_ENDPOINT, missing, ret_id);
}

enum err web_param_session(struct web *web, size_t index, struct uuid *ret_id)
{
	enum err err = web_param_id(web, index, ID_SESSION, ERR_SESSION_NOT_FOUND, ret_id);

	return err == ERR_OK ? ERR_OK
			     : web_param_id(web, index, ID_UUID, ERR_SESSION_NOT_FOUND, ret_id);
}

enum err web_after(enum id_kind kind, const char *text, struct uuid *ret_id)
{
	if (text != NULL)
		return id_parse(kind, text, ret_id);
	*ret_id = UUID_NIL;
	return ERR_OK;
}

enum err web_check_url(struct web *web, const char *url)
{
	if (url == NULL || webhook_url_ok(&web->ctx, url))
		return ERR_OK;
	return web_complain(
	    web, "url", "must be an https:// URL that we can reach over the public internet");
}

/* Forgets the request; personal data in request memory is wiped by the arena and the buffer. */
static void request_clear(struct web *web)
{
	json_decref(web->body);
	web->body = NULL;
	web->route = NULL;
	web->param_count = 0;
	web->raw_body = NULL;
	web->raw_body_len = 0;
	web->input = NULL;
	web->query = NULL;
	web->prepared = NULL;
	web->fcgi = NULL;
	web->pour = NULL;
	web->visit = NULL;
	web->visit_entered = false;
	web->is_replayed = false;
	web->failure = ERR_OK;
	web->complaints.count = 0;
	web->meter = (struct meter){ .retry_after_s = 0 };
	web->ctx.actor = (struct actor){ .kind = ACTOR_NONE };
	web->ctx.client_address = NULL;
	reply_reset(web);
	arena_reset(web->arena);
}

void web_answer(struct web *web, body_fn *read_body, void *body_arg)
{
	gate_set_request_id(web);
	gate_run(web, read_body, body_arg);
}

static enum err read_from_fcgi(
    void *arg, struct arena *arena, size_t max_bytes, const char **ret_body, size_t *ret_len)
{
	return fcgi_read_body(arg, arena, max_bytes, ret_body, ret_len);
}

static const struct field *row_named(const struct field_set *set, const char *name, size_t len)
{
	for (size_t i = 0; set != NULL && i < set->count; i++) {
		if (strlen(set->rows[i].name) == len && memcmp(set->rows[i].name, name, len) == 0)
			return &set->rows[i];
	}
	return NULL;
}

/* How much of a member's name ("uploads.idBack") is of our own rows. */
static size_t known_len(const struct field_set *set, const char *field)
{
	size_t known = 0, at = 0;
	const struct field *row;

	do {
		size_t len = strcspn(field + at, ".");
		row = row_named(set, field + at, len);
		known = row == NULL ? known : at + len;
		set = row == NULL ? NULL : row->set;
		at += len + 1;
	} while (row != NULL && field[at - 1] == '.');
	return known;
}

/* Where the answer does not say why (contract/age.md), the log does: by the names of our own rows, never
 * by what the client wrote. */
static void log_refusal(const struct web *web)
{
	log_info("%s refused: %s", web->route->operation, err_sentence(web->failure));
	for (size_t i = 0; i < web->complaints.count; i++) {
		const struct complaint *item = &web->complaints.items[i];
		int len = (int)known_len(web->route->body, item->field);
		log_info("%s refused: %.*s %s", web->route->operation, len > 0 ? len : 7,
		    len > 0 ? item->field : "request", item->message);
	}
}

/* One line a request: what, not whom. A failure of ours names itself. */
static void log_request(struct web *web, int64_t took_us)
{
	const char *operation = web->route == NULL ? "-" : web->route->operation;
	char application[ID_TEXT_SIZE] = "-";

	if (web->ctx.actor.kind == ACTOR_KEY)
		id_text(ID_APPLICATION, web->ctx.actor.application_id, application);
	if (web->failure != ERR_OK && web->status >= 500)
		log_write(err_level(web->failure), "%s failed: %s; %s", operation,
		    err_sentence(web->failure), db_failure(web->db));
	if (web->failure != ERR_OK && web->status < 500 && web->route != NULL &&
	    web->route->family == FAMILY_AGE)
		log_refusal(web);
	if (arena_overflowed(web->arena))
		log_error("%s needed more than request_memory_bytes", operation);
	log_info("%s %s %d %lld.%03lldms %s", web->in.method, operation, web->status,
	    (long long)(took_us / 1000), (long long)(took_us % 1000), application);
}

static void board_begin(struct web *web, int64_t now_ms)
{
	struct board_worker *me = &web->board->workers[web->worker_number];

	memcpy(me->request_id, web->request_id, sizeof(me->request_id));
	atomic_store_explicit(&me->state, BOARD_BUSY, memory_order_relaxed);
	atomic_store_explicit(&me->request_moved_ms, 0, memory_order_relaxed);
	atomic_store_explicit(&me->request_started_ms, now_ms, memory_order_release);
}

static void board_end(struct web *web, int64_t took_us)
{
	struct board_worker *me = &web->board->workers[web->worker_number];

	board_count(web->board, web->worker_number,
	    web->route == NULL ? -1 : (int)(web->route - routes), web->status, took_us);
	atomic_store_explicit(&me->request_started_ms, 0, memory_order_release);
	atomic_store_explicit(&me->route, -1, memory_order_relaxed);
	atomic_store_explicit(&me->state, BOARD_IDLE, memory_order_relaxed);
	if (atomic_load_explicit(&me->requests, memory_order_relaxed) % RSS_EVERY == 1)
		atomic_store_explicit(&me->rss_kib, proc_rss_kib(), memory_order_relaxed);
}

/* After the answer: last_used_at, at most a minute behind, and at most one write a minute of all
 * workers of this host. */
static void touch_key(struct web *web)
{
	const struct actor *actor = &web->ctx.actor;
	int64_t now_ms = clock_now_ms(), claimed_ms = clock_mono_ms();

	if (actor->kind != ACTOR_KEY || (web->key.last_used_at_ms != TIME_NONE &&
					    now_ms - web->key.last_used_at_ms < TOUCH_EVERY_MS))
		return;
	if (!claim_take(&web->board->key_uses, actor->key_id, claimed_ms))
		return;
	keycache_touched(web->keycache, actor->key_id, now_ms);
	enum err err = key_touch(&web->ctx, actor->application_id, actor->key_id);
	if (err == ERR_OK)
		return;
	claim_release(&web->board->key_uses, actor->key_id, claimed_ms);
	log_debug("last use of a key was not written: %s", err_sentence(err));
}

static enum err send_answer(struct web *web, struct fcgi *fcgi)
{
	/* No body for HEAD, and none, nor its length, where there is nothing to say (204). */
	bool bare = strcmp(web->in.method, "HEAD") == 0 || web->reply.len == 0;

	if (web->pour != NULL && web->failure == ERR_OK && strcmp(web->in.method, "HEAD") != 0)
		return stream_pour(web, fcgi);
	return fcgi_reply(fcgi, web->status, buf_str(&web->headers), bare ? NULL : web->reply.data,
	    bare ? 0 : web->reply.len);
}

enum err web_serve(struct web *web, struct fcgi *fcgi)
{
	enum err err = fcgi_accept(fcgi, web->arena, &web->in);
	int64_t began_us = clock_mono_us();

	if (err == ERR_MISSING || err == ERR_IO)
		return err == ERR_MISSING ? err : ERR_OK;
	log_set_request(web->request_id);
	web->fcgi = fcgi;
	if (err == ERR_OK) {
		gate_set_request_id(web);
		board_begin(web, began_us / 1000);
		gate_run(web, read_from_fcgi, fcgi);
	} else {
		/* Parameters beyond our caps: the address or a header is too long to be ours. */
		gate_set_request_id(web);
		complain(&web->complaints, "request", "has a path or a header that is too long");
		reply_error(web, ERR_VALIDATION);
		reply_finish(web);
	}
	err = send_answer(web, fcgi);
	if (err != ERR_OK)
		log_debug("the client was gone before its answer");
	int64_t took_us = clock_mono_us() - began_us;
	log_request(web, took_us);
	board_end(web, took_us);
	touch_key(web);
	request_clear(web);
	log_set_request(NULL);
	return ERR_OK;
}

static void give_back(struct web *web, int64_t idle_ms)
{
	enum err err = quota_give_back(&web->ctx, limiter_quota(web->limiter), idle_ms);

	if (err != ERR_OK)
		log_warning("part of a daily quota was not given back: %s; %s", err_sentence(err),
		    db_failure(web->db));
	arena_reset(web->arena);
}

void web_idle(struct web *web)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms - web->idle_ms < IDLE_EVERY_MS)
		return;
	web->idle_ms = now_ms;
	give_back(web, QUOTA_IDLE_MS);
}

void web_rest(struct web *web)
{
	give_back(web, 0);
}
