/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso_country.h owns the countries of ISO 3166-1: documents say them in three letters (ICAO Doc 9303
 * takes them from there), our catalogue in two.
 */
#ifndef BONAFIDE_ISO_COUNTRY_H
#define BONAFIDE_ISO_COUNTRY_H

#include "base.h"

/* The alpha-3 code of an alpha-2 code, in capitals as it; NULL when there is no such country. */
const char *iso_country_alpha3(const char *alpha2);

/* The alpha-2 codes by number, in their own order; NULL behind the last one. */
const char *iso_country_at(size_t index);

#endif
