/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate.h owns bringing a database to this program's schema: the files NNNN_subject.sql of a
 * directory, applied in order, each once, remembered with its checksum, one process at a time.
 */
#ifndef BONAFIDE_MIGRATE_H
#define BONAFIDE_MIGRATE_H

#include "base.h"
#include "arena.h"
#include "buf.h"
#include "db.h"

struct migrate_report {
	size_t files;   /* migrations there are */
	size_t applied; /* applied before this run */
	size_t done;    /* applied by this run, or that a dry run would apply */
};

/*
 * Applies what is missing. db must have been made with config.scripts and the statement table.
 * lines gets one line of text per migration applied (or to be applied, with dry_run), or the
 * sentence that says why nothing was done. Refused with ERR_STATE: a gap or duplicate among the
 * files, a file that is not what was applied (altered), a database with a version no file has
 * (newer), a migration that a crash interrupted (the sentence says what to do). ERR_DB_LOCKED:
 * another process is migrating. ERR_IO, ERR_FULL for the files; database errors.
 */
enum err migrate_run(struct db *db, struct arena *arena, const char *dir, bool dry_run,
    struct buf *lines, struct migrate_report *ret_report) MUST_CHECK;

/* Looks without changing anything: ERR_OK when the database is exactly at this program's
 * schema, else ERR_STATE with the reason in lines. Errors as above. */
enum err migrate_check(
    struct db *db, struct arena *arena, const char *dir, struct buf *lines) MUST_CHECK;

#endif
