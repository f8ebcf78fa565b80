/* SPDX-License-Identifier: Apache-2.0 */
/* sets.h names the field sets that route rows point to; each stands beside its handlers. */
#ifndef BONAFIDE_SETS_H
#define BONAFIDE_SETS_H

#include "field.h"

extern const struct field_set verify_request, verification_query;    /* r_verification.c */
extern const struct field_set verification_full, verification_brief; /* r_verification.c */
extern const struct field_set key_request, key_created, key_item;    /* r_key.c */
extern const struct field_set usage_query, usage_item;               /* r_usage.c */
extern const struct field_set score_request, score_reply;            /* r_score.c */

/* A set of the rows of a static array that fill `struct type`. */
#define FIELD_SET(text, array, type) \
	{ \
		.name = text, .rows = array, .count = countof(array), .struct_size = sizeof(type) \
	}

/*
 * The beginning of a row: its type, the client's name for it, and the member, whose C type is
 * checked here: a row that names a member of another type does not compile.
 */
#define ROW_TEXT(type_name, object, member, text) \
	.type = type_name, .name = text, .offset = MEMBER_IS(const char *, object, member)
#define ROW_BOOL(object, member, text) \
	.type = FIELD_BOOL, .name = text, .offset = MEMBER_IS(bool, object, member)
#define ROW_I64(type_name, object, member, text) \
	.type = type_name, .name = text, .offset = MEMBER_IS(int64_t, object, member)
#define ROW_ID(kind, object, member, text) \
	.type = FIELD_ID, .id_kind = kind, .name = text, \
	.offset = MEMBER_IS(struct uuid, object, member)

#endif
