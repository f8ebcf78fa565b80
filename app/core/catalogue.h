/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.h owns the list of documents that can be asked about (contract/kyc.md, Catalogue):
 * loading it from CSV into the database, and the compiled copy a process keeps.
 */
#ifndef BONAFIDE_CATALOGUE_H
#define BONAFIDE_CATALOGUE_H

#include "base.h"
#include "buf.h"
#include "db.h"
#include "regex.h"

struct ctx;

struct id_type {
	const char *country;          /* "NG" */
	const char *id_type;          /* our public name, "nin" */
	const char *pattern;          /* as in the file */
	struct regex *regex;          /* compiled */
	const char *provider;         /* driver name */
	const char *provider_country; /* as the provider calls it */
	const char *provider_type;    /* as the provider calls it */
	const char *extra_fields;     /* space-separated, "" for none */
	int64_t score_weight;         /* 0 to 100 */
};

struct catalogue;

/* An empty catalogue that fills itself at first use. ERR_NOMEM. */
enum err catalogue_new(struct catalogue **ret_catalogue) MUST_CHECK;
void catalogue_free(struct catalogue **catalogue);

/*
 * The row for a country and type, compiled; borrowed until the next catalogue call. The copy is
 * read again when older than 10 s, so a load takes effect without a restart; while the database
 * is away the old copy serves. ERR_UNSUPPORTED_ID_TYPE; database errors when nothing was read yet.
 */
enum err catalogue_find(struct ctx *ctx, const char *country, const char *id_type,
    const struct id_type **ret_type) MUST_CHECK;

/* All rows, by country and type; borrowed until the next catalogue call. As catalogue_find(). */
enum err catalogue_list(
    struct ctx *ctx, const struct id_type **ret_types, size_t *ret_count) MUST_CHECK;

/*
 * Replaces the database's catalogue by the text of a CSV file in one transaction. Header line:
 * country,id_type,pattern,provider,provider_country,provider_type,extra_fields,score_weight
 * ('#' lines are comments; RFC 4180 quoting). Every fault is a line "line N: sentence" in
 * complaints, and then nothing is changed (ERR_VALIDATION). *ret_count rows loaded.
 */
enum err catalogue_load(struct ctx *ctx, const char *csv, size_t len_bytes, struct buf *complaints,
    size_t *ret_count) MUST_CHECK;

#endif
