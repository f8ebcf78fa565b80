/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h owns the audit log: who changed what, when, and from where. A row is written by the function
 * of core that makes the change, in the transaction of the change, so neither is there without the
 * other. Rows are never changed; they go when audit_keep_days have passed. What happens all the time
 * (verifications, their tokens, deliveries) is not told here: it has histories of its own.
 */
#ifndef BONAFIDE_AUDIT_H
#define BONAFIDE_AUDIT_H

#include "base.h"
#include "ctx.h"
#include "id.h"
#include "stmt.h"

struct audit_entry {
	enum audit_action action;
	struct uuid organization_id; /* nil: the application's; with neither, none */
	struct uuid application_id;  /* nil: none */
	struct uuid subject_id; /* what was changed, of the kind that the action says; nil: none */
	const char *detail;     /* a few words, nothing personal, no secret; or NULL. What is past
				      * LIMIT_AUDIT_DETAIL characters is cut off. */
};

/*
 * Writes a row inside the caller's transaction; actor, address and request id are those of ctx.
 * ERR_STATE: there is no transaction, so the change might be there without it.
 */
enum err audit_note(struct ctx *ctx, const struct audit_entry *entry) MUST_CHECK;

struct audit_filter {
	struct uuid organization_id; /* nil, or NULL: any, in each of these */
	struct uuid actor_id;        /* a key or an account */
	const char *actor_name;      /* an operator */
	struct uuid subject_id;
	const char *action; /* a word */
	int64_t from_ms;    /* TIME_NONE: open; inclusive */
	int64_t to_ms;      /* TIME_NONE: open; inclusive */
	int64_t limit;
};

/* The newest, newest first, at most limit. For operators: it is of all tenants. */
enum err audit_list(struct ctx *ctx, const struct audit_filter *filter,
    struct row_audit_page **ret_rows, size_t *ret_count) MUST_CHECK;

/* What kind of id the subject of an action has; ID_UUID for people, and where there is none. */
enum id_kind audit_subject_kind(const char *action);

/* Removes at most max rows that are older than the setting audit_keep_days. For the batch. */
enum err audit_expire(struct ctx *ctx, int64_t max, uint64_t *ret_removed) MUST_CHECK;

#endif
