/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed.h owns structs of texts at rest (design section 5): a struct's members as one JSON text, sealed
 * for one row under one purpose. A table says which members there are, so a kind of person is a table
 * and no code. The names in it stand in stored rows: one that changes is a member that is lost.
 */
#ifndef BONAFIDE_SEALED_H
#define BONAFIDE_SEALED_H

#include "base.h"
#include "ctx.h"

/* A member, a const char *: its name in the sealed text, and where it is. */
struct sealed_member {
	const char *name;
	size_t offset; /* MEMBER_IS(const char *, …) */
};

/* A kind of struct. */
struct sealed_kind {
	const char *purpose; /* of seal_data(): names the column */
	size_t text_max;     /* bytes of the text: the column's, less SEAL_OVERHEAD */
	size_t struct_size;
	const struct sealed_member *members;
	size_t count;
};

/* Seals what is known (not NULL) of an object for its row; data NULL when nothing is. In the arena.
 * ERR_FULL past text_max; as seal_data(). */
enum err sealed_put(struct ctx *ctx, const struct sealed_kind *kind, struct uuid row_id,
    const void *object, struct bytes *ret_sealed) MUST_CHECK;

/* Opens it again: fills the whole struct, what is not known is NULL; all of it where data is NULL. Texts
 * in the arena. As seal_open(). */
enum err sealed_get(struct ctx *ctx, const struct sealed_kind *kind, struct uuid row_id,
    struct bytes sealed, void *ret_object) MUST_CHECK;

/* Opens what was sealed for a row under a purpose, of whatever shape, and seals it under the newest
 * key. As seal_open() and seal_data(). */
enum err sealed_again(struct ctx *ctx, const char *purpose, struct uuid row_id, struct bytes sealed,
    struct bytes *ret_sealed) MUST_CHECK;

#endif
