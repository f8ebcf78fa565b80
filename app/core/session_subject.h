/* SPDX-License-Identifier: Apache-2.0 */
/* session_subject.h owns the person of a session at rest, as the business sent them: sealed text bound to
 * the session's row (design section 5). */
#ifndef BONAFIDE_SESSION_SUBJECT_H
#define BONAFIDE_SESSION_SUBJECT_H

#include "base.h"
#include "ctx.h"
#include "session.h"

/* Seals a subject for its session; data NULL when nothing is known of the person. In the arena. As
 * seal_data(). */
enum err subject_seal(struct ctx *ctx, struct uuid session_id,
    const struct session_subject *subject, struct bytes *ret_sealed) MUST_CHECK;

/* Opens it again; all NULL when there is none. As seal_open(). */
enum err subject_open(struct ctx *ctx, struct uuid session_id, struct bytes sealed,
    struct session_subject *ret_subject) MUST_CHECK;

/* Opens and seals again under the newest key. As seal_open() and seal_data(). */
enum err subject_reseal(struct ctx *ctx, struct uuid session_id, struct bytes sealed,
    struct bytes *ret_sealed) MUST_CHECK;

#endif
