/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h owns verification sessions (contract/sessions.md): a business makes one, a person opens
 * its page, consents and submits, the provider's queue decides, the business is told. One core
 * behind the session family, the plain family and the hosted page; each move from one status to the
 * next is one guarded change of a locked row, so there is exactly one event of it, whoever came first.
 *
 * A session past its time is expired by whoever touches it next, or by the batch. Functions that
 * change something may be called inside a transaction of the caller, who then must commit for an
 * expiry found on the way to stay; otherwise they run one of their own.
 *
 * session.c makes and shows them, session_list.c lists, session_flow.c moves, session_page.c is what
 * the hosted page may do, session_count.c has the figures, session_share.c and session_claims.c the
 * share contract and what becomes of it.
 */
#ifndef BONAFIDE_SESSION_H
#define BONAFIDE_SESSION_H

#include "base.h"
#include "ctx.h"
#include "json.h"
#include "stmt.h"
#include "verification.h"
#include "workflow.h"

/* The person as the business knows them: any may be NULL. Personal data: sealed at rest. */
struct session_subject {
	const char *first_name;
	const char *middle_name;
	const char *last_name;
	const char *email;
	const char *phone;
	const char *country; /* ISO 3166-1 alpha-2 */
	const char *id_type;
	const char *id_number;
	const char *date_of_birth; /* YYYY-MM-DD */
	const char *gender;        /* "M", "F" */
};

struct session_new {
	enum session_family family;
	enum environment environment;
	const json_t *share_fields; /* as the caller sent it; NULL: the default contract */
	const char *redirect_url;   /* may be NULL, as the rest */
	const char *external_id;
	const char *language;    /* "en", "fr" */
	struct uuid workflow_id; /* nil: the document alone */
	int64_t ttl_s;           /* 0: the family's default (settings) */
	bool invite_email;       /* mail the link to subject.email */
	bool invite_phone;       /* recorded as not configured: nothing here sends texts */
	struct session_subject subject;
};

struct session_attempt {
	struct uuid id;
	struct uuid session_id;
	struct uuid verification_id;
	enum attempt_status status;
	const char *status_word;
	const char *failure_code; /* a word of attempt_failure; NULL: none */
	int64_t risk_percent;     /* 0 to 100: the risk_score in hundredths */
	int64_t completed_at_ms;  /* TIME_NONE while in progress */
	int64_t created_at_ms;
	int64_t updated_at_ms;
};

struct session {
	struct uuid id;
	struct uuid application_id;
	struct uuid organization_id;
	const char *organization_name;
	enum session_family family;
	enum environment environment;
	enum session_status status;
	const char *status_word;    /* of status, lower case */
	const char *phase_word;     /* status as the session family shows it */
	const char *share_fields;   /* the normalised share contract, JSON text of an object */
	const char *redirect_url;   /* may be NULL */
	const char *external_id;    /* may be NULL */
	const char *language;       /* may be NULL */
	struct uuid workflow_id;    /* nil: none */
	const char *workflow_steps; /* words of workflow_step, one space between */
	int64_t minimum_age;        /* of the document check; DB_NULL: none */
	enum invite_state invite_email;
	enum invite_state invite_phone;
	int64_t attempt_count;
	int64_t failed_count; /* failed attempts that count towards LIMIT_SESSION_FAILURES */
	int64_t expires_at_ms;
	int64_t started_at_ms;   /* page first opened; TIME_NONE, as the next two: not yet */
	int64_t submitted_at_ms; /* the last submission */
	int64_t completed_at_ms; /* terminal since */
	int64_t created_at_ms;
	int64_t updated_at_ms;
	struct session_attempt *attempts; /* oldest first, where they were asked for */
	size_t attempts_read;
	struct session_subject subject; /* where it was asked for; all NULL once erased */
};

/* True for pending and submitted. */
bool session_is_open(enum session_status status);

/* The session family's word for a status. */
enum session_phase session_phase_of(enum session_status status);

/* Where its person goes: public_url, "/verify/" and the vs_ id; in the arena. ERR_PUBLIC_URL_MISSING,
 * ERR_NOMEM. */
enum err session_url(struct ctx *ctx, struct uuid id, const char **ret_url) MUST_CHECK;

/* ERR_OK for a URL that a person may be sent back to: https, a host, no credentials
 * (reference/kayle.md section 4.1); plain http to loopback only. ERR_REDIRECT_URL. */
enum err session_redirect_check(const char *url) MUST_CHECK;

/*
 * Makes a session of the acting tenant: its row, event (plain), invitations, usage event, counters and
 * payment. *ret_cancel_token: 48 characters of [a-z0-9] in the arena, shown this once; the session
 * family's only (NULL for plain). Errors: those of the share contract (ERR_SHARE_…, session_share.h),
 * ERR_REDIRECT_URL, ERR_WORKFLOW_NOT_FOUND, the errors of workflow_usable(), ERR_PUBLIC_URL_MISSING,
 * ERR_INSUFFICIENT_TOKENS as token_take(); ERR_VALIDATION when a mail is to go to an address that
 * mime_address_valid() does not know. The other texts have been seen to by field rows.
 */
enum err session_create(struct ctx *ctx, const struct session_new *input,
    struct session *ret_session, const char **ret_cancel_token) MUST_CHECK;

/* One of this tenant that the key's environment may see. ERR_SESSION_NOT_FOUND. */
enum err session_get(struct ctx *ctx, struct uuid id, bool with_attempts, bool with_subject,
    struct session *ret_session) MUST_CHECK;

struct session_filter {
	const char *phase;       /* a word of session_phase; NULL: any */
	const char *external_id; /* NULL: any */
	struct uuid workflow_id; /* nil: any */
	int64_t from_ms;         /* TIME_NONE: open; inclusive, as to_ms */
	int64_t to_ms;
	int64_t limit;     /* at most LIMIT_SESSION_PAGE */
	struct uuid after; /* the last one seen; nil: first page */
	bool with_attempts;
};

/* Newest first, both families' alike; *ret_more: there is at least one more. */
enum err session_list(struct ctx *ctx, const struct session_filter *filter,
    struct session **ret_sessions, size_t *ret_count, bool *ret_more) MUST_CHECK;

struct attempt_filter {
	struct uuid session_id; /* nil: any; then status must be there */
	const char *status;     /* a word of attempt_status; NULL: any */
	int64_t limit;
	struct uuid after; /* the last one seen; nil: first page */
};

/* Newest first. A session that is not this tenant's has none. */
enum err session_attempts(struct ctx *ctx, const struct attempt_filter *filter,
    struct session_attempt **ret_attempts, size_t *ret_count, bool *ret_more) MUST_CHECK;

/* Ends an open session; its running attempt fails as session_cancelled. A terminal one stays as it is:
 * *ret_changed false (NULL allowed). ERR_SESSION_NOT_FOUND. */
enum err session_cancel(struct ctx *ctx, struct uuid id, bool *ret_changed) MUST_CHECK;

/*
 * A decision by hand: SESSION_VERIFIED from submitted, failed and rejected, SESSION_REJECTED from
 * submitted and verified; the same again changes nothing. A running attempt is cancelled.
 * ERR_SESSION_MOVE for all else, ERR_SESSION_NOT_FOUND.
 */
enum err session_set_status(struct ctx *ctx, struct uuid id, enum session_status to,
    struct session *ret_session) MUST_CHECK;

/* The plain family's session_record (reference/four.md section 2.4), as GET and events show it; a
 * member that a session does not have is null. Needs the attempts. NULL when memory is out. */
json_t *session_record_json(const struct session *session);

/* ---- analytics (reference/kayle.md section 9) --------------------------------------------------- */

struct session_figures {
	int64_t total;
	int64_t active; /* total less the four outcomes */
	int64_t success;
	int64_t failure;
	int64_t expired;
	int64_t cancelled;
};

#define SESSION_TREND_DAYS 14

struct session_overview {
	struct session_figures summary; /* of all time */
	struct {
		char date[11];               /* YYYY-MM-DD, UTC; oldest first, the last is today */
		struct session_figures made; /* of the sessions made on that day */
		struct session_figures running; /* summed up since the first of these days */
	} days[SESSION_TREND_DAYS];
};

/* Exact at this moment, from counters: it costs the same however many sessions there were. */
enum err session_overview(struct ctx *ctx, struct session_overview *ret_overview) MUST_CHECK;

/* ---- the hosted page ----------------------------------------------------------------------------
 * These run without an actor: the session's id and its token say whose it is, and they set
 * ctx->actor to its tenant. Sessions of a suspended organisation are not there. */

/* What may be shown to whoever has the link: the session without subject and attempts.
 * ERR_SESSION_NOT_FOUND. */
enum err session_page_look(struct ctx *ctx, struct uuid id, struct session *ret_session) MUST_CHECK;

/* A new token of the page, 43 base64url characters in the arena; the one before ends, so whoever
 * opened the page last goes on there. ERR_SESSION_NOT_FOUND, ERR_SESSION_EXPIRED, ERR_SESSION_NOT_ACTIVE
 * (terminal). */
enum err session_page_start(
    struct ctx *ctx, struct uuid id, const char **ret_token, int64_t *ret_expires_at_ms) MUST_CHECK;

/* The session with attempts and subject, for the holder of its token, whose time it sets anew; a
 * terminal one too. ERR_TOKEN_INVALID, ERR_SESSION_NOT_FOUND. */
enum err session_page_enter(
    struct ctx *ctx, struct uuid id, const char *token, struct session *ret_session) MUST_CHECK;

/* What a person submits. */
struct session_submit {
	const char *nonce; /* 16 to 64 of [A-Za-z0-9_-], the page's own name for this attempt */
	const char *const *selected; /* the claims consented to */
	size_t selected_count;
	const char *country;
	const char *id_type;
	struct applicant
	    applicant; /* id_number, first_name, last_name and date_of_birth not NULL */
};

/*
 * Takes a submission of a session that was entered: an attempt, its verification in the provider's
 * queue, status submitted. The nonce of an attempt that is there already changes nothing, so a lost
 * answer may be asked for again. Adds to complaints what is wrong with the facts, as
 * verification_check(), and with the consent (field "consent"): ERR_VALIDATION. *session is read anew.
 * ERR_UNSUPPORTED_ID_TYPE, ERR_SESSION_EXPIRED, ERR_SESSION_NOT_ACTIVE.
 */
enum err session_page_submit(struct ctx *ctx, struct session *session,
    const struct session_submit *submit, struct complaint_list *complaints) MUST_CHECK;

/* Ends a session by its cancel token; a terminal one stays. ERR_CANCEL_TOKEN_INVALID,
 * ERR_SESSION_NOT_FOUND. */
enum err session_page_cancel(struct ctx *ctx, struct uuid id, const char *cancel_token) MUST_CHECK;

/* Ends a session that was entered: the person does not want to. */
enum err session_page_abandon(struct ctx *ctx, struct session *session) MUST_CHECK;

/* ---- for the provider's queue and the batch ------------------------------------------------------ */

/*
 * What becomes of the attempt whose verification was decided, and of its session, inside the
 * decider's transaction (verification_decide()). Without such an attempt, or one that has ended, it
 * does nothing.
 */
enum err session_attempt_decided(struct ctx *ctx, struct uuid application_id,
    struct uuid verification_id, const struct decision *decision) MUST_CHECK;

/* Expires at most max sessions whose time has come, of all tenants, each in a transaction of its own;
 * *ret_expired of them. */
enum err session_expire(struct ctx *ctx, int64_t max, uint64_t *ret_expired) MUST_CHECK;

/* Erases the person from the session of a verification, inside the caller's transaction. */
enum err session_erase(
    struct ctx *ctx, struct uuid application_id, struct uuid verification_id) MUST_CHECK;

#endif
