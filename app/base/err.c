/* SPDX-License-Identifier: Apache-2.0 */
/* err.c is the error table as data. */
#include "err.h"

#include "base.h"

struct err_row {
	const char *name;
	enum err_kind kind;
	const char *code;
	enum log_level level;
	const char *sentence;
};

static const struct err_row rows[ERR__MAX] = {
	[ERR_OK] = { "OK", ERR_KIND_NONE, "", LOG_LEVEL_DEBUG, "success" },
#define ERR(name, kind, code, level, sentence) \
	[ERR_##name] = { #name, ERR_KIND_##kind, code, LOG_LEVEL_##level, sentence },
#include "err.def"
#undef ERR
};

static const struct err_row stranger = { "?", ERR_KIND_BROKEN, "INTERNAL_ERROR", LOG_LEVEL_ERROR,
	"Something went wrong on our side." };

static const struct err_row *row_of(enum err err)
{
	return (unsigned)err < ERR__MAX ? &rows[err] : &stranger;
}

const char *err_name(enum err err)
{
	return row_of(err)->name;
}

enum err_kind err_kind(enum err err)
{
	return row_of(err)->kind;
}

const char *err_code(enum err err)
{
	return row_of(err)->code;
}

enum log_level err_level(enum err err)
{
	return row_of(err)->level;
}

const char *err_sentence(enum err err)
{
	return row_of(err)->sentence;
}

enum err err_public(enum err err)
{
	const struct err_row *row = row_of(err);

	if (row == &stranger)
		return ERR_INTERNAL;
	if (row->kind != ERR_KIND_INTERNAL)
		return err;
	/* The table says which of our troubles a client should simply try again. */
	return row->code[0] == 'U' ? ERR_UNAVAILABLE : ERR_INTERNAL;
}
