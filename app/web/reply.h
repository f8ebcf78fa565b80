/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.h owns answers: the shapes of success and error by family, and the one place where a
 * kind of error becomes an HTTP status (design section 4).
 */
#ifndef BONAFIDE_REPLY_H
#define BONAFIDE_REPLY_H

#include "base.h"
#include "web.h"

/* RFC 9110 status of a kind of error. */
int reply_status_of(enum err_kind kind);

/* RFC 9110 status of a success. */
int reply_status_of_success(enum success success);

/* Empties the answer (a transaction is run again, or an error takes the place of a success). */
void reply_reset(struct web *web);

/* Adds a header line; value must hold no control character (checked; then it is left out). */
void reply_header(struct web *web, const char *name, const char *value);

/*
 * Makes the answer an error in the family's shape, with the headers that belong to its kind
 * (Allow for 405 is the caller's). err may be any error: err_public() is applied here.
 */
void reply_error(struct web *web, enum err err);

/* Adds what every answer carries (contract/README.md), and sets the final header lines. */
void reply_finish(struct web *web);

#endif
