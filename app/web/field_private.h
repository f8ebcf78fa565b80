/* SPDX-License-Identifier: Apache-2.0 */
/* field_private.h is what the files of the field engine share among themselves. */
#ifndef BONAFIDE_FIELD_PRIVATE_H
#define BONAFIDE_FIELD_PRIVATE_H

#include "field.h"

/* Takes a value given as text, for the types that are text in JSON too. */
void field_take_text(const struct field *row, const char *text, struct arena *arena, void *object,
    struct complaints *complaints);
void field_take_int(const struct field *row, int64_t value, struct arena *arena, void *object,
    struct complaints *complaints);
/* For FIELD_BOOL and FIELD_SWITCH. */
void field_take_truth(const struct field *row, bool value, void *object);

/* Zeroes the struct and sets what "absent" means for each row. */
void fields_prepare(const struct field_set *set, void *object);

/* The row of this name, or NULL. */
const struct field *fields_find(const struct field_set *set, const char *name);

/* Refuses a member by name, suggesting the nearest. */
void fields_complain_unknown(const struct field_set *set, const char *name, struct arena *arena,
    struct complaints *complaints);

#endif
