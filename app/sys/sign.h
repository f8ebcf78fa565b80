/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.h owns asymmetric signatures: Ed25519 (RFC 8032, through OpenSSL 3). A private key is held
 * as 64 bytes, the seed and behind it the public key, which is the form that Standard Webhooks
 * keys have inside whsk_.
 */
#ifndef BONAFIDE_SIGN_H
#define BONAFIDE_SIGN_H

#include "base.h"

#define ED25519_SEED_SIZE 32
#define ED25519_PUBLIC_SIZE 32
#define ED25519_PAIR_SIZE (ED25519_SEED_SIZE + ED25519_PUBLIC_SIZE)
#define ED25519_SIGNATURE_SIZE 64

/* A new random key: seed, then public key. The caller wipes it. ERR_CRYPTO. */
enum err ed25519_generate(uint8_t ret_pair[ED25519_PAIR_SIZE]) MUST_CHECK;

/* The public key that belongs to a seed (RFC 8032 section 5.1.5). ERR_CRYPTO. */
enum err ed25519_public(
    const uint8_t seed[ED25519_SEED_SIZE], uint8_t ret_public[ED25519_PUBLIC_SIZE]) MUST_CHECK;

/*
 * Signs data (RFC 8032 section 5.1.6; the same input always gives the same signature). Only the
 * seed of pair is used: a second half that does not belong to it changes nothing. data may be
 * NULL with 0 bytes. ERR_CRYPTO.
 */
enum err ed25519_sign(const uint8_t pair[ED25519_PAIR_SIZE], const void *data, size_t len_bytes,
    uint8_t ret_signature[ED25519_SIGNATURE_SIZE]) MUST_CHECK;

/* Checks a signature. ERR_TAMPERED when it does not fit (or the key is no point), ERR_CRYPTO. */
enum err ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_SIZE], const void *data,
    size_t len_bytes, const uint8_t signature[ED25519_SIGNATURE_SIZE]) MUST_CHECK;

#endif
