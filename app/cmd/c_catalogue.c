/* SPDX-License-Identifier: Apache-2.0 */
/* c_catalogue.c: the list of documents that can be asked about. */
#include "ctl.h"

#include <errno.h>
#include <string.h>

#include "catalogue.h"
#include "limits.h"
#include "stmt.h"

#ifndef BONAFIDE_PKGDATADIR
#define BONAFIDE_PKGDATADIR "/usr/share/bonafide"
#endif
#define CATALOGUE_FILE BONAFIDE_PKGDATADIR "/id-types.csv"

/* ---- list --------------------------------------------------------------------------------- */

struct list_input {
	const char *country;
};

static const struct ctl_arg list_args[] = {
	ARG_TEXT(struct list_input, country, "country", "CC", false, 2,
	    "Only this country, as two letters (ISO 3166-1)."),
};

static const struct ctl_column list_columns[] = {
	COLUMN_TEXT(struct row_operator_id_types, country),
	COLUMN_TEXT(struct row_operator_id_types, id_type),
	COLUMN_TEXT(struct row_operator_id_types, pattern),
	COLUMN_TEXT(struct row_operator_id_types, provider),
	COLUMN_TEXT(struct row_operator_id_types, provider_country),
	COLUMN_TEXT(struct row_operator_id_types, provider_type),
	COLUMN_WORDS(struct row_operator_id_types, extra_fields),
	COLUMN_INT(struct row_operator_id_types, score_weight),
	{ .name = "loaded_at",
	    .type = CELL_TIME,
	    .offset = offsetof(struct row_operator_id_types, loaded_at),
	    .json_only = true },
};

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	char country[3] = "";
	struct row_operator_id_types *rows = NULL;
	size_t count = 0;

	for (size_t i = 0; in->country != NULL && in->country[i] != '\0' && i < 2; i++) {
		char c = in->country[i];
		country[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	enum err err =
	    q_operator_id_types(ctl->ctx.db, ctl->ctx.arena, country, country, &rows, &count);
	if (err != ERR_OK)
		return err;
	return ctl_print_list(ctl, list_columns, rows, count,
	    country[0] != '\0'
		? "The catalogue has nothing for this country."
		: "The catalogue is empty. \"bonafide catalogue load\" loads the one that came "
		  "with Bonafide.");
}

/* ---- load --------------------------------------------------------------------------------- */

struct load_input {
	const char *file;
};

static const struct ctl_arg load_args[] = {
	ARG_TEXT(struct load_input, file, "FILE", NULL, false, LIMIT_SETTING,
	    "The file (default " CATALOGUE_FILE ")."),
};

struct loaded {
	const char *file;
	int64_t rows;
};

static const struct ctl_column loaded_columns[] = {
	COLUMN_TEXT(struct loaded, file),
	COLUMN_INT(struct loaded, rows),
};

static enum err read_csv(struct ctl *ctl, const char *path, struct buf *ret_csv)
{
	char chunk[8192];
	size_t got;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return ctl_fail(ctl, ERR_IO, "cannot read %s: %s", path, strerror(errno));
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(ret_csv, chunk, got);
	bool broken = ferror(file) != 0;
	fclose(file);
	if (broken)
		return ctl_fail(ctl, ERR_IO, "cannot read %s", path);
	if (buf_failed(ret_csv))
		return ctl_fail(
		    ctl, ERR_FULL, "%s is larger than %d bytes", path, LIMIT_CATALOGUE_FILE);
	return ERR_OK;
}

/* Each fault with the file's name in front, so that an editor finds the line. */
static void print_faults(struct ctl *ctl, const char *path, const char *faults)
{
	while (*faults != '\0') {
		size_t len = strcspn(faults, "\n");
		fprintf(ctl->err, "bonafide: %s: %.*s\n", path, (int)len, faults);
		faults += len + (faults[len] == '\n');
	}
}

static enum err load(struct ctl *ctl, const void *input)
{
	const struct load_input *in = input;
	struct loaded loaded = { .file = in->file != NULL ? in->file : CATALOGUE_FILE };
	struct buf csv;
	struct buf faults;
	size_t count = 0;

	buf_init(&csv, LIMIT_CATALOGUE_FILE);
	buf_init(&faults, LIMIT_REPLY);
	enum err err = read_csv(ctl, loaded.file, &csv);
	if (err == ERR_OK)
		err = catalogue_load(&ctl->ctx, buf_str(&csv), csv.len, &faults, &count);
	print_faults(ctl, loaded.file, buf_str(&faults));
	if (err == ERR_VALIDATION)
		err = ctl_fail(ctl, err, "the catalogue was left as it was");
	loaded.rows = (int64_t)count;
	buf_free(&csv);
	buf_free(&faults);
	return err == ERR_OK ? ctl_print_one(ctl, loaded_columns, &loaded) : err;
}

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .bare = true,
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list the documents that can be asked about" },
	{ .verb = "load",
	    .needs = CTL_DB,
	    .run = load,
	    .args = load_args,
	    .arg_count = countof(load_args),
	    .input_size = sizeof(struct load_input),
	    .summary = "replace the catalogue by a file",
	    .help =
		"Replaces the whole catalogue by the rows of a CSV file, all or nothing: a file "
		"with a fault changes nothing, and each fault is named by line. Running "
		"programs see the new rows within 10 seconds." },
};

const struct ctl_noun noun_catalogue = {
	.word = "catalogue",
	.summary = "The catalogue: which documents of which countries can be asked about.",
	.commands = commands,
	.count = countof(commands),
};
