/* SPDX-License-Identifier: Apache-2.0 */
/*
 * applicant.h owns the person a verification asks about, at rest: sealed text bound to the
 * verification's row, and a keyed index by which a number can be found without being stored
 * (design section 5). applicant_open() is in verification.h, for drivers.
 */
#ifndef BONAFIDE_APPLICANT_H
#define BONAFIDE_APPLICANT_H

#include "base.h"
#include "ctx.h"
#include "verification.h"

/* Seals the applicant for one verification; *ret_sealed in the arena. As seal_data(). */
enum err applicant_seal(struct ctx *ctx, struct uuid verification_id,
    const struct applicant *applicant, struct bytes *ret_sealed) MUST_CHECK;

/* Opens and seals again under the newest key. As seal_open() and seal_data(). */
enum err applicant_reseal(struct ctx *ctx, struct uuid verification_id, struct bytes sealed,
    struct bytes *ret_sealed) MUST_CHECK;

/* The blind index of a document's number (as normalised). ERR_CRYPTO. */
enum err applicant_index(struct ctx *ctx, const char *country, const char *id_type,
    const char *id_number, uint8_t ret_index[SHA256_SIZE]) MUST_CHECK;

#endif
