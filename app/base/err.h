/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h owns the list of errors: one enum returned by every function that can fail, and the
 * kind, public code, log level and sentence that belong to each. The rows are in err.def.
 */
#ifndef BONAFIDE_ERR_H
#define BONAFIDE_ERR_H

enum err {
	ERR_OK = 0,
#define ERR(name, kind, code, level, sentence) ERR_##name,
#include "err.def"
#undef ERR
	ERR__MAX
};

/* What sort of trouble an error is. Only the web floor knows which HTTP status that means. */
enum err_kind {
	ERR_KIND_NONE,
	ERR_KIND_INVALID,
	ERR_KIND_UNAUTHENTICATED,
	ERR_KIND_PAYMENT,
	ERR_KIND_DENIED,
	ERR_KIND_MISSING,
	ERR_KIND_METHOD,
	ERR_KIND_CONFLICT,
	ERR_KIND_REFUSED,
	ERR_KIND_GONE,
	ERR_KIND_TOO_LARGE,
	ERR_KIND_MEDIA_TYPE,
	ERR_KIND_MISMATCH,
	ERR_KIND_LIMITED,
	ERR_KIND_NOT_CONFIGURED,
	ERR_KIND_BROKEN,
	ERR_KIND_UNAVAILABLE,
	ERR_KIND_INTERNAL,
	ERR_KIND__MAX
};

/* Severities of log lines, most severe first; base/log.h writes them. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL__MAX
};

/* The row's name, e.g. "VALIDATION"; "OK" for ERR_OK; "?" outside the table. Never NULL. */
const char *err_name(enum err err);

/* The row's kind; ERR_KIND_NONE for ERR_OK, ERR_KIND_BROKEN outside the table. */
enum err_kind err_kind(enum err err);

/* The public word a client sees, e.g. "VALIDATION_ERROR". Never NULL. */
const char *err_code(enum err err);

/* The severity at which a program logs this error. */
enum log_level err_level(enum err err);

/* A sentence for people. Never NULL. */
const char *err_sentence(enum err err);

/*
 * The error a client may be shown for `err`: rows of kind INTERNAL become ERR_UNAVAILABLE when
 * their public code says so (the database is away) and ERR_INTERNAL otherwise; every other
 * error is itself.
 */
enum err err_public(enum err err);

#endif
