/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verification.h owns verifications (contract/kyc.md): taking one in, showing, listing, erasing,
 * and deciding it once. Whoever decides (the batch after a provider's answer, the sandbox at
 * once) calls verification_decide(); a terminal status never changes.
 */
#ifndef BONAFIDE_VERIFICATION_H
#define BONAFIDE_VERIFICATION_H

#include "base.h"
#include "catalogue.h"
#include "ctx.h"
#include "stmt.h"

/* The person asked about. Personal data: sealed at rest, never logged. */
struct applicant {
	const char *id_number; /* as normalised: no spaces, no hyphens */
	const char *first_name;
	const char *middle_name; /* may be NULL, as the rest */
	const char *last_name;
	const char *date_of_birth; /* YYYY-MM-DD */
	const char *phone;
	const char *gender; /* "M", "F" */
	const char *bank_code;
};

struct verification_new {
	enum ver_kind kind;
	enum environment environment; /* decided by the route and the key */
	bool at_once;                 /* the sandbox route: terminal in the same transaction */
	const char *country;
	const char *id_type;
	const char *external_ref; /* may be NULL */
	bool score_requested;
	struct applicant applicant;
};

/* The public object. */
struct verification {
	struct uuid id;
	enum ver_status status;
	const char *status_word; /* of status; what the object shows */
	const char *country;
	const char *id_type;
	const char *external_ref; /* may be NULL */
	int64_t created_at_ms;
	int64_t completed_at_ms; /* TIME_NONE while pending */
	int64_t score;           /* DB_NULL: none */
};

/* One fault of a body, beyond what the field rows see. */
struct complaint {
	const char *field;
	const char *message;
};

/* What is wrong with a date of birth, as a complaint says it; NULL: nothing. text: NULL is none. */
const char *verification_birth_fault(const char *text);

/*
 * Rules that need more than one field: normalises id_number in place (spaces and hyphens
 * stripped), looks up the catalogue, matches the pattern, requires the catalogue's extra fields,
 * checks the date of birth. Adds to complaints (room for max; *count is both). *ret_type is the
 * catalogue row. ERR_UNSUPPORTED_ID_TYPE; ERR_VALIDATION when complaints were added.
 */
enum err verification_check(struct ctx *ctx, struct verification_new *input,
    struct complaint *complaints, size_t max, size_t *count,
    const struct id_type **ret_type) MUST_CHECK;

/*
 * Takes a verification in, inside the caller's transaction: the sealed row, its usage event,
 * counters, the work row (or, with at_once, the sandbox's outcome), and its payment with that of the
 * score it asks for; one of a session was paid for, and noted as usage, with that. input must have passed verification_check(). Tenant:
 * ctx->actor.application_id. ERR_INSUFFICIENT_TOKENS, as token_take().
 */
enum err verification_create(struct ctx *ctx, const struct verification_new *input,
    const struct id_type *type, struct verification *ret_verification) MUST_CHECK;

/* One of this tenant that the key's environment may see. ERR_VERIFICATION_NOT_FOUND. */
enum err verification_get(
    struct ctx *ctx, struct uuid id, struct verification *ret_verification) MUST_CHECK;

struct verification_filter {
	const char *status;       /* a word, NULL: any */
	const char *external_ref; /* NULL: any */
	int64_t from_ms;          /* TIME_NONE: open; inclusive */
	int64_t to_ms;            /* TIME_NONE: open; inclusive */
	int64_t limit;
	const char *cursor; /* NULL: first page */
};

struct verification_page {
	struct verification *items;
	size_t count;
	const char *next_cursor; /* NULL: last page */
	int64_t total;           /* exact, of the whole filtered list */
};

/* Newest first. ERR_SYNTAX for a cursor that is not of this list. */
enum err verification_list(struct ctx *ctx, const struct verification_filter *filter,
    struct verification_page *ret_page) MUST_CHECK;

/*
 * Erases the sealed personal data and the blind index, keeps the outcome; one that is still
 * pending ends as error (reason erased), its queued work goes, and what was paid for a score to come
 * is given back. Again is fine. In a transaction of its own or the caller's.
 * ERR_VERIFICATION_NOT_FOUND.
 */
enum err verification_erase(struct ctx *ctx, struct uuid id) MUST_CHECK;

/* What was found out. */
struct decision {
	enum ver_status status; /* never VER_PENDING */
	enum ver_reason reason;
	int64_t match_name; /* percent; DB_NULL unknown */
	enum match match_dob;
};

/*
 * Decides a pending verification inside the caller's transaction: status, counters, the score
 * and its usage event when asked for, and for one of a session what becomes of that (session.h). *ret_decided false when it was terminal already (then
 * nothing changed). ERR_MISSING.
 */
enum err verification_decide(
    struct ctx *ctx, struct uuid id, const struct decision *decision, bool *ret_decided) MUST_CHECK;

/* Writes the event of a decided verification with its deliveries, inside the caller's transaction
 * (verification_event.c). */
enum err verification_tell(struct ctx *ctx, struct uuid application_id,
    enum environment environment, const struct verification *v) MUST_CHECK;

/* Opens the sealed applicant of a row; texts in the arena. ERR_MISSING when erased, else as
 * seal_open(). */
enum err applicant_open(struct ctx *ctx, struct uuid verification_id, struct bytes sealed,
    struct applicant *ret_applicant) MUST_CHECK;

#endif
