/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smile.h is what the files of the driver smile_v1 share: Smile ID's HMAC-signed JSON interface
 * (reference: the provider's pages on signing, Enhanced KYC, Basic KYC, job status and result
 * codes). smile_request.c builds, smile_answer.c reads.
 */
#ifndef BONAFIDE_SMILE_H
#define BONAFIDE_SMILE_H

#include "base.h"
#include "json.h"
#include "provider.h"

#define SMILE_SIGNATURE_SIZE 45 /* base64 of 32 bytes, and NUL */

/*
 * base64(HMAC-SHA256(api_key, timestamp ‖ partner_id ‖ "sid_request")). The timestamp is an opaque
 * text: the provider signs whatever it writes. ERR_CRYPTO, ERR_FULL.
 */
enum err smile_sign(const char *api_key, const char *timestamp, const char *partner_id,
    char ret_signature[SMILE_SIGNATURE_SIZE]) MUST_CHECK;

/* Reads the API key from its file into out. ERR_CONFIG (not configured or not readable). */
enum err smile_api_key(const struct settings *settings, char *out, size_t size_bytes) MUST_CHECK;

/* The members "timestamp" and "signature" of an object were made with our key. */
bool smile_is_signed(const struct settings *settings, const json_t *object);

enum err smile_submit_request(struct ctx *ctx, const struct provider_ask *ask,
    struct provider_request *ret_request) MUST_CHECK;
enum err smile_poll_request(struct ctx *ctx, const struct provider_ask *ask,
    struct provider_request *ret_request) MUST_CHECK;
void smile_submit_answer(
    struct ctx *ctx, const struct provider_reply *reply, struct provider_answer *ret_answer);
void smile_poll_answer(
    struct ctx *ctx, const struct provider_reply *reply, struct provider_answer *ret_answer);
void smile_callback_read(
    struct ctx *ctx, const char *body, size_t len, struct provider_callback_in *ret_callback);

#endif
