/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idem.h owns idempotency records (contract/README.md, Idempotency): a key and the hash of its
 * request, with the finished reply, written in the transaction of the effect. Replies are
 * sealed, because one of them shows a secret once. A key is scoped to the application; in the account
 * family, where a person asks for applications, to the person.
 */
#ifndef BONAFIDE_IDEM_H
#define BONAFIDE_IDEM_H

#include "base.h"
#include "ctx.h"

struct idem {
	uint8_t key_hash[32];
	uint8_t request_hash[32];
};

/* Hashes the caller's key, and what makes two requests the same one: operation names all that is asked
 * for beside the body (what is done to which thing, with which rights), then the raw body.
 * ERR_CRYPTO. */
enum err idem_make(const char *key, const char *operation, const void *body, size_t body_len,
    struct idem *ret_idem) MUST_CHECK;

/*
 * Looks for a finished record of whoever asks. *ret_found false: none (or expired). Found: the
 * stored outcome number and reply text, in the arena. ERR_IDEMPOTENCY_MISMATCH when the key was
 * used with another request.
 */
enum err idem_find(struct ctx *ctx, const struct idem *idem, bool *ret_found, int64_t *ret_status,
    struct bytes *ret_reply) MUST_CHECK;

/*
 * First statement of the transaction that makes the effect: takes the key.
 * ERR_IDEMPOTENCY_IN_PROGRESS when another transaction holds it for longer than the lock wait;
 * ERR_DB_DUPLICATE when it has been finished meanwhile (the caller looks again with idem_find).
 */
enum err idem_take(struct ctx *ctx, const struct idem *idem) MUST_CHECK;

/* Last statement before commit: stores the reply. ERR_FULL when it is too long to keep. */
enum err idem_finish(struct ctx *ctx, const struct idem *idem, int64_t status, const void *reply,
    size_t reply_len) MUST_CHECK;

/* Deletes expired records, at most max; *ret_deleted. For the batch. */
enum err idem_expire(struct ctx *ctx, int64_t max, uint64_t *ret_deleted) MUST_CHECK;

#endif
