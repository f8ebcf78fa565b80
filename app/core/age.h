/* SPDX-License-Identifier: Apache-2.0 */
/*
 * age.h owns age verifications (contract/age.md): what each level asks for, taking a submission in,
 * what is known of a person, and what becomes of it all with time. A person is the customer's own name
 * for them (external id) in the environment of the acting key: what a sandbox key made proves nothing
 * to a live one. Who decides one is a table; estimates are age_estimate.h, reviews age_review.h, the
 * records of performers record.h.
 *
 * An age verification whose document is looked up at a provider is a verification (verification.h) of
 * kind age with the same id; ids of all of them are written "ver_…".
 */
#ifndef BONAFIDE_AGE_H
#define BONAFIDE_AGE_H

#include "base.h"
#include "ctx.h"
#include "stmt.h"
#include "verification.h"
#include "workflow.h"

/* What a person can send: at most one medium of each. */
enum age_upload { UPLOAD_SELFIE, UPLOAD_ID_FRONT, UPLOAD_ID_BACK, UPLOAD_VIDEO, UPLOAD__MAX };

/* The member of `uploads` it is: "selfie", "idFront", "idBack", "video". */
const char *age_upload_name(enum age_upload upload);

/* True when a level asks for it; the back of a document that has one side (a passport) is not.
 * document_type: NULL when there is none. */
bool age_needs(enum age_level level, enum age_upload upload, const char *document_type);

/* True when a level asks for a document's data. */
bool age_needs_document(enum age_level level);

/* True when being verified at `have` is enough for `wanted`. */
bool age_satisfies(enum age_level have, enum age_level wanted);

/* A person's document, as the person sent it. Personal data: sealed at rest, never logged. */
struct age_document {
	const char *country; /* ISO 3166-1 alpha-2, capitals */
	const char *type;    /* as the catalogue names it: "passport", "national_id", … */
	const char *number;
	const char *first_name;
	const char *last_name;
	const char *date_of_birth; /* YYYY-MM-DD */
};

struct age_new {
	const char *external_id; /* 1 to LIMIT_AGE_EXTERNAL_ID of [A-Za-z0-9._:@-] */
	enum age_level level;
	bool consent;
	struct uuid uploads[UPLOAD__MAX];    /* media of this tenant; nil: none */
	const struct age_document *document; /* NULL: none */
};

/* One of them, as it is shown (contract/age.md, status). */
struct age {
	struct uuid id;
	const char *external_id;
	enum age_status status;
	const char *status_word;
	enum age_level level;
	const char *level_word;
	bool is_verified;         /* approved, and not expired */
	const char *verified_dob; /* YYYY-MM-DD once a document was approved; NULL */
	int64_t estimated_age;    /* whole years; DB_NULL: none */
	const char *country;      /* of the document; NULL */
	int64_t expires_at_ms;    /* TIME_NONE: never, or not approved */
	int64_t created_at_ms;
	int64_t updated_at_ms;
};

/*
 * Takes a submission in, in a transaction of its own or the caller's: the row, its media, its usage
 * event and tokens, and the work, look-up or review it waits for. Complaints name members
 * ("externalId", "consent", "uploads.idBack", "document.number", …): then ERR_VALIDATION. So is an
 * upload that is not of a type that its place takes: pictures, and a video for `video`.
 * ERR_AGE_NOT_ELIGIBLE; ERR_MEDIA_NOT_FOUND for an upload that is not a free one of this tenant;
 * ERR_INSUFFICIENT_TOKENS.
 */
enum err age_submit(struct ctx *ctx, const struct age_new *input, struct complaint_list *complaints,
    struct age *ret_age) MUST_CHECK;

/* The best current one of a person: approved and not expired, of the highest level, the newest of
 * those; where there is none, the newest. ERR_AGE_NOT_FOUND. */
enum err age_status_get(struct ctx *ctx, const char *external_id, struct age *ret_age) MUST_CHECK;

/* Whether a person is verified, and how. */
struct age_standing {
	bool is_verified;
	const char *level_word; /* of the best one; NULL when not verified */
	int64_t expires_at_ms;  /* TIME_NONE: never, or not verified */
};

/* The same for one level at least (NULL: any). Also ERR_OK for somebody unknown, who is not verified. */
enum err age_verified(struct ctx *ctx, const char *external_id, const enum age_level *level,
    struct age_standing *ret_standing) MUST_CHECK;

struct age_eligibility {
	bool can_submit;
	enum age_refusal reason; /* REFUSAL_NONE when it can */
	int64_t retry_after_s;   /* DB_NULL: nobody knows, or no need to wait */
};

/* Whether a person may submit now. level NULL: somebody verified at any level is already_verified. */
enum err age_can_submit(struct ctx *ctx, const char *external_id, const enum age_level *level,
    struct age_eligibility *ret_eligibility) MUST_CHECK;

/*
 * What follows from a decided look-up, inside the caller's transaction, for verification_decide().
 * Approved with the very date of birth, by which the person is 18: approved, or a reviewer's where the
 * level says so. Everything else is a reviewer's. One that is not open any more stays as it is.
 */
enum err age_looked_up(struct ctx *ctx, struct uuid application_id, struct uuid id,
    const struct decision *decision) MUST_CHECK;

/*
 * Erases document and media of one inside the caller's transaction; an open one ends as
 * resubmit_required. The outcome stays. ERR_RECORD_KEPT when a record was made of it;
 * ERR_AGE_NOT_FOUND. Again is fine.
 */
enum err age_erase(struct ctx *ctx, struct uuid application_id, struct uuid id) MUST_CHECK;

/* Ends at most max approved ones whose time is over; *ret_expired of them. For the batch. */
enum err age_expire(struct ctx *ctx, int64_t max, uint64_t *ret_expired) MUST_CHECK;

/* Removes document and media of at most max that are past the setting age_keep_days. For the batch. */
enum err age_purge(struct ctx *ctx, int64_t max, uint64_t *ret_purged) MUST_CHECK;

/* Opens a document that was sealed for a row; texts in the arena. As sealed_get(). */
enum err age_document_open(struct ctx *ctx, struct uuid id, struct bytes sealed,
    struct age_document *ret_document) MUST_CHECK;

/* Seals a document of a row anew (reseal.h). */
enum err age_document_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed) MUST_CHECK;

#endif
