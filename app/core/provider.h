/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.h owns what an identity provider is to us (contract/provider.md): a driver that builds
 * requests and reads answers but never dials, the normalised answer, and the judgement that turns
 * an answer into a decision. How work moves between tries is provider_flow.h.
 */
#ifndef BONAFIDE_PROVIDER_H
#define BONAFIDE_PROVIDER_H

#include "base.h"
#include "buf.h"
#include "ctx.h"
#include "verification.h"

#define PROVIDER_CODE_SIZE 16
#define PROVIDER_HEADERS 4

/* What a driver is asked. All texts borrowed. */
struct provider_ask {
	struct uuid verification_id;
	const char *job_id;  /* ours: derived from the verification and the try */
	const char *user_id; /* ours: derived from the verification */
	const char *country; /* as the catalogue and the sandbox know it */
	const char *id_type;
	const char *provider_country; /* as the provider calls it */
	const char *provider_type;
	struct applicant applicant;
	int64_t first_sent_ms; /* when this try began */
};

/* What a driver wants sent; texts in the arena. */
struct provider_request {
	const char *url;
	const char *headers[PROVIDER_HEADERS]; /* NULL-ended */
	const char *body;
	size_t body_len;
	int64_t deadline_ms;
};

/* What came back, for a driver to read. */
enum provider_wire {
	WIRE_ANSWERED, /* status and body are there */
	WIRE_NOT_SENT, /* nothing went out */
	WIRE_UNKNOWN   /* it may have arrived */
};

struct provider_reply {
	enum provider_wire wire;
	long status;
	const char *body;
	size_t body_len;
	int64_t retry_after_s; /* -1: not said */
};

enum answer_kind {
	ANSWER_ACCEPTED,    /* submitted; ask for the outcome later */
	ANSWER_EXISTS,      /* this job was submitted before: ask for its outcome */
	ANSWER_PENDING,     /* known, not decided */
	ANSWER_UNKNOWN_JOB, /* the provider does not know it: submitting it is safe */
	ANSWER_FINAL,       /* result holds the outcome */
	ANSWER_FAILED       /* fault and safety say how */
};

/* Whether a failed submission may be repeated. */
enum answer_safety {
	SAFETY_NOT_SUBMITTED, /* yes: the provider has nothing */
	SAFETY_MAYBE,         /* ask first, never repeat blindly */
	SAFETY_SUBMITTED      /* no */
};

enum answer_fault {
	FAULT_NONE,
	FAULT_AUTH,        /* our credentials: every request would fail */
	FAULT_CONFIG,      /* our account: every request would fail */
	FAULT_INPUT,       /* this request can never succeed */
	FAULT_RATE,        /* too many */
	FAULT_UNAVAILABLE, /* later */
	FAULT_UNKNOWN      /* not in any table */
};

enum answer_outcome {
	OUTCOME_APPROVED,
	OUTCOME_COMPARE, /* the number exists; approved only if our own comparison passes */
	OUTCOME_PARTIAL, /* the provider compared and found it partly so: policy decides */
	OUTCOME_DECLINED,
	OUTCOME_RETRY,  /* the register did not answer: a new job, later */
	OUTCOME_CONFIG, /* the product is not activated: alert, stop the lane */
	OUTCOME_ERROR
};

struct provider_result {
	enum answer_outcome outcome;
	enum ver_reason reason;
	enum match names; /* as the provider compared; MATCH_UNKNOWN when it did not */
	enum match dob;
	const char *full_name;     /* as registered; NULL when not returned */
	const char *date_of_birth; /* YYYY-MM-DD as registered; NULL when not returned */
};

struct provider_answer {
	enum answer_kind kind;
	enum answer_safety safety;
	enum answer_fault fault;
	char code[PROVIDER_CODE_SIZE]; /* the provider's; "" when none */
	int64_t retry_after_s;         /* a floor for the next try; -1 none */
	struct provider_result result;
};

/* A callback as a driver reads it. */
struct provider_callback_in {
	enum callback_verdict verdict; /* CALLBACK_HINT when signed and fresh */
	char job_id[65];               /* "" when it names none */
	char code[PROVIDER_CODE_SIZE];
};

struct provider_driver {
	const char *name;
	bool dials; /* false: decide() answers, nothing is sent */
	enum err (*submit_request)(
	    struct ctx *ctx, const struct provider_ask *ask, struct provider_request *ret_request);
	void (*submit_answer)(struct ctx *ctx, const struct provider_reply *reply,
	    struct provider_answer *ret_answer);
	enum err (*poll_request)(
	    struct ctx *ctx, const struct provider_ask *ask, struct provider_request *ret_request);
	void (*poll_answer)(struct ctx *ctx, const struct provider_reply *reply,
	    struct provider_answer *ret_answer);
	void (*callback_read)(struct ctx *ctx, const char *body, size_t len,
	    struct provider_callback_in *ret_callback);
	enum err (*decide)(
	    struct ctx *ctx, const struct provider_ask *ask, struct provider_answer *ret_answer);
	/* Says in one line whether the driver can work with these settings: true when it can. */
	bool (*usable)(const struct settings *settings, struct buf *ret_line);
};

/* All drivers. */
extern const struct provider_driver *const provider_drivers[];
extern const size_t provider_driver_count;

/* By name; NULL when there is no such driver. */
const struct provider_driver *provider_driver_find(const char *name);

/*
 * Turns a final result into a decision by the contract's table: our own comparison for
 * OUTCOME_COMPARE, the policy setting for OUTCOME_PARTIAL, and in doubt an error for a person to
 * look at. Never called with OUTCOME_RETRY or OUTCOME_CONFIG.
 */
void provider_judge(struct ctx *ctx, const struct provider_result *result,
    const struct applicant *applicant, struct decision *ret_decision);

/*
 * The sandbox's fixed outcomes (contract/kyc.md, Sandbox outcomes): the decision, and how long the
 * asynchronous path waits before it. ERR_OK always; pure.
 */
enum err sandbox_outcome(const char *country, const char *id_type, const char *id_number,
    struct decision *ret_decision, int64_t *ret_delay_ms) MUST_CHECK;

/* The secret last segment of a driver's callback address; hex, into the arena. ERR_CRYPTO. */
enum err provider_callback_token(
    struct ctx *ctx, const char *driver, const char **ret_token) MUST_CHECK;

/* Where a driver's provider calls back; NULL in *ret_url when public_url is not set. */
enum err provider_callback_url(
    struct ctx *ctx, const char *driver, const char **ret_url) MUST_CHECK;

/*
 * Takes what a provider told us unasked: notes it, and makes the outcome be asked for at once. It
 * decides nothing, so duplicates, strangers, late and reordered ones are harmless. ERR_MISSING
 * for an unknown driver or a wrong token; database errors; anything else about it is ERR_OK.
 */
enum err provider_callback_take(struct ctx *ctx, const char *driver, const char *token,
    const char *body, size_t len) MUST_CHECK;

/* The drivers' own tables (provider_sandbox.c, smile_*.c). */
extern const struct provider_driver provider_sandbox;
extern const struct provider_driver provider_smile_v1;

#endif
