/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reseal.h owns sealing stored data anew under the newest master key, so that an old key can be
 * retired: applicants, the persons of sessions, the secrets of webhook endpoints, events that carry
 * claims, the keys that sign access tokens, mails, addresses of people, and the keys of media. Small
 * transactions; killed and repeated it goes on where it was. Stored idempotency replies are not
 * touched: they expire by themselves within idempotency_ttl_h.
 */
#ifndef BONAFIDE_RESEAL_H
#define BONAFIDE_RESEAL_H

#include "base.h"
#include "ctx.h"

/* Told after each batch: rows sealed anew so far, and how many there were to do. Returning false
 * stops before the next batch. */
typedef bool reseal_progress_fn(void *arg, uint64_t done, uint64_t total);

/*
 * Seals every row anew that is under an older key, batch_rows per transaction, each row
 * locked while it changes. *ret_done: rows sealed anew. ERR_NO_KEY when a row's key is not in
 * the key file (the rows before it are done). ctx->arena is reset between batches, so the caller
 * must have nothing in it.
 */
enum err reseal_run(struct ctx *ctx, int64_t batch_rows, reseal_progress_fn *progress, void *arg,
    uint64_t *ret_done) MUST_CHECK;

#endif
