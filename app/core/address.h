/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h owns mail addresses of people, who are known by them (contract/accounts.md): which text
 * is one, when two are the same, the keyed index by which one is found without being stored, and the
 * sealed form in which it is (design section 5).
 *
 * An address is local@domain in ASCII (RFC 5321 section 4.1.2): the local part is atoms with dots
 * between, not a quoted string, and the domain is a name of two labels or more, not an address
 * literal. A name of other scripts is written as it stands in the DNS (xn--…). Two addresses are the
 * same when they differ in the case of letters only: RFC 5321 section 2.4 lets a local part mean
 * something by its case, and nobody's does.
 */
#ifndef BONAFIDE_ADDRESS_H
#define BONAFIDE_ADDRESS_H

#include "base.h"
#include "ctx.h"
#include "limits.h"

/* True when the text is an address as above, of at most LIMIT_EMAIL characters. */
bool address_check(const char *email);

/* The form in which equal addresses are equal texts: lower case. email is one that address_check()
 * let through. */
void address_fold(const char *email, char ret_folded[LIMIT_EMAIL + 1]);

/* The index of the folded address. ERR_VALIDATION: the text is no address. ERR_CRYPTO. */
enum err address_index(
    struct ctx *ctx, const char *email, uint8_t ret_index[SHA256_SIZE]) MUST_CHECK;

/* The tables that hold an address: one that was sealed for one of them opens in no other. */
enum address_place { ADDRESS_ACCOUNT, ADDRESS_REGISTRATION, ADDRESS_MEMBERSHIP };

/* Seals the address, as it was written, for one row; *ret_sealed in the arena. As seal_data(). */
enum err address_seal(struct ctx *ctx, enum address_place place, struct uuid row_id,
    const char *email, struct bytes *ret_sealed) MUST_CHECK;

/* Opens it again; *ret_email in the arena. As seal_open(). */
enum err address_open(struct ctx *ctx, enum address_place place, struct uuid row_id,
    struct bytes sealed, const char **ret_email) MUST_CHECK;

#endif
