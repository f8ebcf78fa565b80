/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h owns comparing the names a person gave with the names a register has
 * (contract/provider.md): case and diacritics folded, the order of names free, middle names
 * optional, spellings of one name in different transliterations alike.
 */
#ifndef BONAFIDE_NAMES_H
#define BONAFIDE_NAMES_H

#include "base.h"

/*
 * How well a register's full name fits, in percent: 100 when every name given is there, 0 when
 * nothing fits. The given first and last names must each find a name in the register of their
 * own; one that finds none pulls the whole result down to how well it fits. middle_name, which may
 * be NULL, weighs nothing: either side may leave it out. Texts that are not UTF-8, or too long to
 * compare, fit nothing.
 */
int64_t names_match_percent(
    const char *first_name, const char *middle_name, const char *last_name, const char *full_name);

#endif
