/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web.h owns the vocabulary of the web floor: the route row, what a request is while it is
 * answered, and the few calls a handler makes. A handler reads a filled struct, calls core and
 * replies; everything before and after it is the gate's (gate.c), the same for each row.
 */
#ifndef BONAFIDE_WEB_H
#define BONAFIDE_WEB_H

#include "base.h"
#include "board.h"
#include "buf.h"
#include "cidr.h"
#include "ctx.h"
#include "fcgi.h"
#include "field.h"
#include "key.h"
#include "limiter.h"

struct session;
struct web;

/* Which service's shapes a route answers in (contract/README.md). */
enum family {
	FAMILY_KYC,
	FAMILY_SESSION,
	FAMILY_PLAIN,
	FAMILY_ACCOUNT,
	FAMILY_PAGE, /* what a session's page asks for, in the session family's shapes */
	FAMILY_AGE,
	FAMILY_OPS, /* /-/ pages of ours */
	FAMILY__MAX
};

enum credential {
	CREDENTIAL_NONE,
	CREDENTIAL_KEY,       /* an API key with the row's scopes */
	CREDENTIAL_KEY_QUERY, /* a publishable one, as `key` in the query: a frame sends no header */
	CREDENTIAL_TOKEN,     /* a person's access token, and the row's roles */
	CREDENTIAL_VISIT,     /* the page's own token, of the session in the path (visit.h) */
	CREDENTIAL_VISIT_MAY, /* the same where there is one; without it less is told */
	CREDENTIAL_LOOPBACK   /* no key, but the caller must be on this machine */
};

/* What a request counts against: meter.c says which policies each names. */
enum limit_class {
	LIMIT_CLASS_NONE,
	LIMIT_CLASS_READ,    /* the organisation */
	LIMIT_CLASS_WRITE,   /* the same */
	LIMIT_CLASS_AGE,     /* the organisation and the address */
	LIMIT_CLASS_ACCOUNT, /* the address: there is no organisation yet */
	LIMIT_CLASS_MAILING, /* the address, more closely: it makes us send a mail */
	LIMIT_CLASS_PAGE,    /* the address of a person with a link */
	LIMIT_CLASS__MAX
};

/* What a handler's success means; the gate turns it into a status. */
enum success {
	SUCCESS_OK,
	SUCCESS_CREATED,
	SUCCESS_ACCEPTED,
	SUCCESS_NO_CONTENT,
	SUCCESS_ELSEWHERE /* for good, at another address; only the gate says so */
};

/* Row flags. */
#define ROUTE_IDEMPOTENT (1u << 0)    /* takes Idempotency-Key */
#define ROUTE_TX (1u << 1)            /* the gate owns one transaction around the handler */
#define ROUTE_RAW_BODY (1u << 2)      /* no media type or JSON rules; capped by body_max */
#define ROUTE_BODY_MAY_MISS (1u << 3) /* no body is as good as {} */
#define ROUTE_BARE_REPLY (1u << 4)    /* the reply stands alone, in no envelope */
#define ROUTE_SERVICE (1u << 5)       /* no customer's business: the document lists it apart */
#define ROUTE_STREAM (1u << 7)        /* the handler takes the body in pieces: web_read_body() */
#define ROUTE_POUR (1u << 8)          /* the answer is a medium and no JSON */
#define ROUTE_ANY_KEY (1u << 6)       /* no scope is needed, only a key that is kept secret */
#define ROUTE_PAGE (1u << 9)          /* a page for people: the document says nothing of it */

/* Rows with roles name them so. */
#define ROLE_BIT(role) (1u << (role))
#define ROLES_MANAGE (ROLE_BIT(ROLE_OWNER) | ROLE_BIT(ROLE_ADMIN))
#define ROLES_ALL (ROLES_MANAGE | ROLE_BIT(ROLE_MEMBER) | ROLE_BIT(ROLE_REVIEWER))

typedef enum err handler_fn(struct web *web);

/* Where a statement route's arguments come from. */
enum route_arg {
	ARG_END,
	ARG_APPLICATION, /* the tenant */
	ARG_ENVIRONMENT, /* "sandbox" for a sandbox key, NULL (both) for a live one */
	ARG_NOW,
};

struct route {
	const char *method;
	const char *path;      /* "/v1/kyc/verifications/{id}" */
	const char *operation; /* OpenAPI operationId, metric and log name */
	const char *summary;
	enum family family;
	enum credential credential;
	uint64_t scopes; /* of a key: all of these */
	unsigned roles; /* of a person, ROLE_BIT()s: one of these in the organisation that the first
			  * {…} of the path names; 0: it names none */
	enum limit_class limit_class;
	unsigned flags;
	size_t body_max;               /* 0: the setting max_body_bytes */
	const struct field_set *body;  /* NULL: none */
	const struct field_set *query; /* NULL: none allowed (unknown parameters are refused) */
	const struct field_set *reply; /* of the object, or of one item; NULL: none of ours */
	bool reply_is_list;
	enum success success;
	bool or_ok;             /* SUCCESS_OK as well, where nothing new was made */
	const enum err *errors; /* beyond those of its credential and method; ERR_OK-ended */
	handler_fn
	    *prepare; /* before the transaction: what takes time and writes nothing; or NULL */
	handler_fn *settle; /* before the answer, once it is committed: waits for others; or NULL */
	handler_fn *handler; /* or */
	int statement;       /* enum stmt, -1 with a handler */
	enum route_arg args[4];
};

extern const struct route routes[];
extern const size_t route_count;

/* What a request was charged; meter.h fills it. */
struct meter {
	struct limit_state states[POLICY__MAX];
	int64_t retry_after_s; /* of what refused the request; 0: nothing did */
};

/* The running request; a handler uses ctx, input, params and the reply calls. */
struct web {
	/* For the life of the worker. */
	const struct settings *settings;
	struct board *board;
	unsigned worker_number;
	struct keycache *keycache;
	struct limiter *limiter;
	struct cidr_list trusted; /* proxies whose word on a client's address counts */
	int64_t idle_ms;          /* monotonic, of the last web_idle() that did something */
	struct db *db;
	struct arena *arena; /* reset after each request */
	struct buf openapi;  /* the document, from when it was first asked for */
	struct ctx ctx;

	/* For one request. */
	struct http_in in;
	struct fcgi *fcgi;                     /* the connection; NULL in tests without */
	const struct route *route;             /* NULL until known */
	const char *params[LIMIT_PATH_PARAMS]; /* {…} segments, decoded */
	size_t param_count;
	const char *raw_body;
	size_t raw_body_len;
	json_t *body;   /* parsed; owned */
	void *input;    /* the row's body struct, filled; or the query's for a GET */
	void *query;    /* the row's query struct, filled */
	void *prepared; /* what prepare leaves for the handler, in the arena */
	char request_id[LIMIT_REQUEST_ID + 1];
	char client_address[NET_TEXT_SIZE]; /* what ctx has, while it has it */
	struct complaints complaints;
	struct key_found key;
	struct session *visit; /* the session whose page asks; NULL: no page does */
	bool visit_entered;    /* with its token */
	struct meter meter;

	/* The answer. */
	int status;
	struct buf reply;   /* the body */
	struct buf headers; /* joined lines */
	uint64_t pour_len;  /* bytes of a body that pour() hands on instead of reply */
	enum err (*pour)(struct web *web, fcgi_sink *sink, void *arg); /* or NULL */
	enum err failure; /* what refused the request; for the log */
};

/* The filled struct of this route's body or query, as its own type. */
#define WEB_INPUT(web, type) ((const type *)(web)->input)
#define WEB_QUERY(web, type) ((const type *)(web)->query)

/* One worker's web side; what it is given is borrowed. ERR_NOMEM, ERR_CONFIG and ERR_IO (key files;
 * said in the log). */
enum err web_new(const struct settings *settings, struct board *board, struct limiter *limiter,
    unsigned worker_number, struct web **ret_web) MUST_CHECK;
void web_free(struct web **web);

/* What may be done while no request is waiting; at most once a second it does anything. */
void web_idle(struct web *web);

/* The last of a worker: what this host holds of daily quotas goes back. */
void web_rest(struct web *web);

/*
 * Serves one waiting request from accept to answer, then does what may wait until after it.
 * ERR_MISSING when no request was waiting; every other trouble has been answered and logged.
 */
enum err web_serve(struct web *web, struct fcgi *fcgi) MUST_CHECK;

/* How the gate reads a body: tests give their own. */
typedef enum err body_fn(
    void *arg, struct arena *arena, size_t max_bytes, const char **ret_body, size_t *ret_len);

/*
 * Answers web->in without a socket: fills status, headers and reply. web_serve() is accept, this,
 * send. Always produces an answer.
 */
void web_answer(struct web *web, body_fn *read_body, void *body_arg);

/* ---- what handlers call --------------------------------------------------------------------- */

/* {"data": object} written by the route's reply rows; the session family's has "error":null. Those
 * of the plain and the account family, and a bare one, stand alone. */
enum err reply_object(struct web *web, const void *object) MUST_CHECK;

/* {"data":[…],"meta":{"next_cursor","total"}}: items is an array of the reply set's struct. */
enum err reply_page(struct web *web, const void *items, size_t count, const char *next_cursor,
    int64_t total) MUST_CHECK;

/* {"data":[…]}; in the plain and the account family the array alone. */
enum err reply_list(struct web *web, const void *items, size_t count) MUST_CHECK;

/* The session family's page: "pagination" by the query's limit and the last item's id, which is its
 * set's first row. */
enum err reply_more(struct web *web, const void *items, size_t count, bool more) MUST_CHECK;

/* An object that core has made, as it stands; takes it over. NULL is ERR_NOMEM. */
enum err reply_json(struct web *web, json_t *body) MUST_CHECK;

/* A body made elsewhere, of another media type (metrics) or shape (ops pages). */
enum err reply_raw(
    struct web *web, const char *media_type, const void *body, size_t len) MUST_CHECK;

/* Hands the body of a ROUTE_STREAM to the sink, as fcgi_read_pieces(); its cap is the row's body_max.
 * One that does not come on (stream.c) is a fault of the request. */
enum err web_read_body(struct web *web, fcgi_sink *sink, void *arg) MUST_CHECK;

/* Takes one of the seats of a kind; all being taken, or all but one by the client's own address where
 * they are to be shared, is an error of the kind's, with a second to wait. */
enum err web_sit(struct web *web, enum seat_kind kind) MUST_CHECK;
void web_stand(struct web *web, enum seat_kind kind);

/* Adds a fault to the answer and returns ERR_VALIDATION, for rules only core or a handler sees. */
enum err web_complain(struct web *web, const char *field, const char *message) MUST_CHECK;

/* The {…} path segment of this number as an id; a malformed one is `missing`. */
enum err web_param_id(struct web *web, size_t index, enum id_kind kind, enum err missing,
    struct uuid *ret_id) MUST_CHECK;

/* The same of a webhook endpoint, which has two spellings; the family's own error when missing. */
enum err web_param_endpoint(struct web *web, size_t index, struct uuid *ret_id) MUST_CHECK;

/* The same of a session: each family that has them takes the other's spelling too. */
enum err web_param_session(struct web *web, size_t index, struct uuid *ret_id) MUST_CHECK;

/* The id in a query's text that a pattern let through; the nil id for NULL. */
enum err web_after(enum id_kind kind, const char *text, struct uuid *ret_id) MUST_CHECK;

/* A fault of `url` when we may not be made to connect there, one for every reason. NULL is fine.
 * It waits for name servers, so it is no part of a transaction. */
enum err web_check_url(struct web *web, const char *url) MUST_CHECK;

/* ---- handlers (r_*.c, status.c) --------------------------------------------------------------- */
handler_fn verify_sandbox, verify_live, verification_page, verification_show, verification_remove;
handler_fn key_make, key_remove, key_replace, key_settle;
handler_fn usage_page_show, score_show, provider_callback, openapi_page;
handler_fn webhook_prepare, webhook_make, webhook_index, webhook_remove, webhook_try;
handler_fn endpoint_prepare, endpoint_make, endpoint_index, endpoint_show, endpoint_remove;
handler_fn endpoint_change_prepare, endpoint_alter, endpoint_reveal, endpoint_rotate;
handler_fn whkey_make, whkey_index, whkey_off, whkey_on;
handler_fn delivery_index, delivery_show, delivery_again;
handler_fn event_index, event_show, event_again;
handler_fn session_make, session_index, session_show, session_end, session_attempt_index;
handler_fn plain_make, plain_index, plain_show, plain_decide;
handler_fn workflow_make, workflow_index, workflow_show, key_verify, overview_show;
handler_fn jwks_page;
handler_fn register_prepare, register_make, resend_prepare, resend_make, email_verify;
handler_fn log_in_prepare, log_in, tokens_refresh, log_out;
handler_fn org_index, member_index, member_make, member_alter, member_out;
handler_fn application_index, application_new, application_page, application_alter;
handler_fn application_end, application_key;
handler_fn embed_page, embed_config;
handler_fn visit_start, visit_status, visit_options, visit_submit, visit_cancel;
handler_fn age_make, age_status_show, age_verified_show, age_eligible_show;
handler_fn record_show, record_alias_make, record_end;
handler_fn media_upload, media_show;
handler_fn status_page, health_page, ready_page, metrics_page;

#endif
