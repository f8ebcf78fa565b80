/* SPDX-License-Identifier: Apache-2.0 */
/*
 * age_document.h owns which documents a person is offered for an age verification. Any may be sent
 * (contract/age.md): those that the catalogue covers are looked up, the others go to a reviewer. Offered
 * is what both can do something with.
 */
#ifndef BONAFIDE_AGE_DOCUMENT_H
#define BONAFIDE_AGE_DOCUMENT_H

#include "base.h"
#include "ctx.h"

struct age_choice {
	const char *country; /* ISO 3166-1 alpha-2, in capitals; NULL: of every country */
	const char *type;    /* as the catalogue names it */
	const char *pattern; /* of its numbers, as in catalogue.h; NULL: any will do */
	bool back;           /* whether its back is asked for too */
};

/*
 * First the kinds of document that every country has (reference: four.md section 4.6), then what the
 * catalogue covers, by country and type; of the same type that is the better row. Without what is a
 * number on no document that could be photographed, and what a look-up would want more about than a
 * submission says. The array is in the arena, its texts are borrowed until the next catalogue call.
 * ERR_NOMEM; as catalogue_list().
 */
enum err age_choices(
    struct ctx *ctx, struct age_choice **ret_choices, size_t *ret_count) MUST_CHECK;

#endif
