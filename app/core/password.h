/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password.h owns what a password must be (contract/accounts.md) and the work of checking one: argon2id
 * at the cost the settings name (sys/pwhash.h). That work takes time and memory on purpose, so none of
 * these is called inside a transaction, and the caller sees to it how many run at once.
 */
#ifndef BONAFIDE_PASSWORD_H
#define BONAFIDE_PASSWORD_H

#include "base.h"
#include "ctx.h"
#include "pwhash.h"

/* The first rule it breaks, as what is said about a field; NULL: none. */
const char *password_fault(const char *password);

/* Is it in the operator's list of leaked ones? ERR_UNAVAILABLE, with a line in the log, when there is
 * such a list and it cannot be read. */
enum err password_leaked(struct ctx *ctx, const char *password, bool *ret_leaked) MUST_CHECK;

/* Hashes it at the cost of the settings. One operation. As pwhash_make(). */
enum err password_make(
    struct ctx *ctx, const char *password, char ret_text[PWHASH_TEXT_SIZE]) MUST_CHECK;

/* Does it fit a hash? text NULL is nobody's: it never fits, and the work is the same. One operation. As
 * pwhash_check(). */
enum err password_check(
    struct ctx *ctx, const char *text, const char *password, bool *ret_fits) MUST_CHECK;

/* False when the settings ask for another cost than the hash was made at. */
bool password_is_current(const struct ctx *ctx, const char *text);

/* How many operations this process has made: for the scoreboard, and for whoever wants to know that two
 * answers cost the same. */
uint64_t password_operations(void);

#endif
