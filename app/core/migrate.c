/* SPDX-License-Identifier: Apache-2.0 */
/* migrate.c applies migrations. */
#include "migrate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "stmt.h"
#include "str.h"

#define LOCK_WAIT_S 10
#define CHECKSUM_SIZE (SHA256_SIZE * 2 + 1)
#define FILES_MAX 1000

struct file {
	int64_t version;
	const char *name; /* "0001_base.sql" */
	const char *text;
	char checksum[CHECKSUM_SIZE];
};

struct plan {
	struct db *db;
	struct arena *arena;
	struct buf *lines;
	struct file *files;
	size_t file_count;
	struct row_migration_list *applied;
	size_t applied_count;
	unsigned generation; /* of the connection that holds the lock */
};

/* ---- the files ---------------------------------------------------------------------------------- */

static enum err read_file(
    struct plan *plan, const char *dir, const char *name, const char **ret_text)
{
	const char *path = arena_printf(plan->arena, "%s/%s", dir, name);
	FILE *in = path == NULL ? NULL : fopen(path, "re");
	char *text = arena_alloc(plan->arena, LIMIT_MIGRATION + 1);
	enum err err = ERR_OK;

	if (in == NULL || text == NULL) {
		buf_printf(plan->lines, "cannot read %s/%s: %s\n", dir, name, strerror(errno));
		if (in != NULL)
			fclose(in);
		return ERR_IO;
	}
	size_t len = fread(text, 1, LIMIT_MIGRATION + 1, in);
	if (ferror(in))
		err = ERR_IO;
	else if (len > LIMIT_MIGRATION)
		err = ERR_FULL;
	fclose(in);
	if (err != ERR_OK) {
		buf_printf(plan->lines, "cannot read %s/%s, or it is too long\n", dir, name);
		return err;
	}
	text[len] = '\0';
	*ret_text = text;
	return ERR_OK;
}

/* "0001_subject.sql". */
static bool is_migration(const char *name, int64_t *ret_version)
{
	size_t len = strlen(name);
	char digits[5];

	if (len < sizeof("0000_x.sql") - 1 || strspn(name, "0123456789") != 4 || name[4] != '_' ||
	    strcmp(name + len - 4, ".sql") != 0)
		return false;
	memcpy(digits, name, 4);
	digits[4] = '\0';
	return str_to_i64(digits, 0, 9999, ret_version) == ERR_OK;
}

static int by_version(const void *a, const void *b)
{
	const struct file *left = a, *right = b;

	return (left->version > right->version) - (left->version < right->version);
}

static enum err take_file(struct plan *plan, const char *dir, const char *name, int64_t version)
{
	struct file *file = &plan->files[plan->file_count];
	uint8_t digest[SHA256_SIZE];
	enum err err;

	if (plan->file_count == FILES_MAX)
		return ERR_FULL;
	file->version = version;
	file->name = arena_strdup(plan->arena, name);
	if (file->name == NULL)
		return ERR_NOMEM;
	err = read_file(plan, dir, name, &file->text);
	if (err == ERR_OK)
		err = sha256_of(file->text, strlen(file->text), digest);
	if (err != ERR_OK)
		return err;
	hex_encode(digest, sizeof(digest), file->checksum);
	plan->file_count++;
	return ERR_OK;
}

/* Versions must run 0, 1, 2, … without a gap or a double. */
static enum err check_sequence(struct plan *plan, const char *dir)
{
	for (size_t i = 0; i < plan->file_count; i++) {
		if (plan->files[i].version == (int64_t)i)
			continue;
		buf_printf(plan->lines, "%s: expected migration %04zu, found %s\n", dir, i,
		    plan->files[i].name);
		return ERR_STATE;
	}
	if (plan->file_count > 0)
		return ERR_OK;
	buf_printf(plan->lines, "%s has no migrations\n", dir);
	return ERR_IO;
}

static enum err read_files(struct plan *plan, const char *dir)
{
	DIR *list = opendir(dir);
	enum err err = ERR_OK;
	int64_t version;

	if (list == NULL) {
		buf_printf(plan->lines, "cannot read %s: %s\n", dir, strerror(errno));
		return ERR_IO;
	}
	plan->files = arena_array(plan->arena, FILES_MAX, sizeof(*plan->files));
	if (plan->files == NULL)
		err = ERR_NOMEM;
	for (struct dirent *entry; err == ERR_OK && (entry = readdir(list)) != NULL;) {
		if (is_migration(entry->d_name, &version))
			err = take_file(plan, dir, entry->d_name, version);
	}
	closedir(list);
	if (err != ERR_OK)
		return err;
	qsort(plan->files, plan->file_count, sizeof(*plan->files), by_version);
	return check_sequence(plan, dir);
}

/* ---- the database --------------------------------------------------------------------------------- */

static enum err read_applied(struct plan *plan)
{
	struct row_server_has_migrations has = { 0 };
	enum err err = q_server_has_migrations(plan->db, plan->arena, &has);

	if (err != ERR_OK || has.n == 0)
		return err;
	return q_migration_list(plan->db, plan->arena, &plan->applied, &plan->applied_count);
}

/* A row without a checksum was begun and not finished: DDL cannot be rolled back, so a person
 * must look. */
static enum err complain_interrupted(struct plan *plan, const struct row_migration_list *row)
{
	buf_printf(plan->lines,
	    "migration %s was interrupted. Compare the database with the file; when it is "
	    "complete, set its checksum in schema_migration (sha256sum of the file), when nothing "
	    "of it is there, delete its row, and run migrate again.\n",
	    row->name);
	return ERR_STATE;
}

static enum err compare(struct plan *plan)
{
	for (size_t i = 0; i < plan->applied_count; i++) {
		const struct row_migration_list *row = &plan->applied[i];
		if (row->version >= (int64_t)plan->file_count) {
			buf_printf(plan->lines,
			    "the database is newer than this program: it has migration %s\n",
			    row->name);
			return ERR_STATE;
		}
		if (row->version != (int64_t)i) {
			buf_printf(plan->lines, "the database lacks migration %04zu but has %s\n",
			    i, row->name);
			return ERR_STATE;
		}
		if (row->checksum[0] == '\0')
			return complain_interrupted(plan, row);
		if (strcmp(row->checksum, plan->files[i].checksum) != 0) {
			buf_printf(plan->lines, "migration %s was altered after it was applied\n",
			    plan->files[i].name);
			return ERR_STATE;
		}
	}
	return ERR_OK;
}

static enum err lock(struct plan *plan)
{
	struct row_migration_lock row = { 0 };
	enum err err = q_migration_lock(plan->db, plan->arena, LOCK_WAIT_S, &row);

	if (err == ERR_OK && row.locked != 1) {
		buf_adds(plan->lines, "another process is migrating this database\n");
		err = ERR_DB_LOCKED;
	}
	plan->generation = db_generation(plan->db);
	return err;
}

/* The first migration makes the table of migrations, so its row can only follow it. */
static enum err begin_row(struct plan *plan, const struct file *file)
{
	if (file->version == 0)
		return ERR_OK;
	return q_migration_put(plan->db, file->version, file->name, "", clock_now_ms(), NULL);
}

static enum err finish_row(struct plan *plan, const struct file *file)
{
	if (file->version == 0)
		return q_migration_put(
		    plan->db, file->version, file->name, file->checksum, clock_now_ms(), NULL);
	return q_migration_finish(plan->db, file->checksum, file->version, NULL);
}

static enum err apply(struct plan *plan, const struct file *file)
{
	unsigned statement = 0;
	enum err err = ERR_OK;

	/* The lock belongs to the connection: a silent reconnection would have lost it. */
	if (db_generation(plan->db) != plan->generation)
		err = ERR_DB_LOST;
	if (err == ERR_OK)
		err = begin_row(plan, file);
	if (err == ERR_OK)
		err = db_script(plan->db, file->text, &statement);
	if (err != ERR_OK) {
		buf_printf(plan->lines, "%s failed at statement %u: %s; %s\n", file->name,
		    statement, err_sentence(err), db_failure(plan->db));
		return err;
	}
	err = finish_row(plan, file);
	if (err == ERR_OK)
		buf_printf(plan->lines, "applied %s\n", file->name);
	return err;
}

static enum err apply_missing(struct plan *plan, bool dry_run)
{
	enum err err = ERR_OK;

	for (size_t i = plan->applied_count; i < plan->file_count && err == ERR_OK; i++) {
		if (dry_run)
			buf_printf(plan->lines, "would apply %s\n", plan->files[i].name);
		else
			err = apply(plan, &plan->files[i]);
	}
	return err;
}

static enum err look(struct plan *plan, const char *dir)
{
	enum err err = read_files(plan, dir);

	if (err == ERR_OK)
		err = read_applied(plan);
	if (err == ERR_OK)
		err = compare(plan);
	return err;
}

enum err migrate_run(struct db *db, struct arena *arena, const char *dir, bool dry_run,
    struct buf *lines, struct migrate_report *ret_report)
{
	struct plan plan = { .db = db, .arena = arena, .lines = lines };
	struct row_migration_unlock unlocked;
	enum err err = lock(&plan);

	if (err != ERR_OK)
		return err;
	err = look(&plan, dir);
	if (err == ERR_OK)
		err = apply_missing(&plan, dry_run);
	if (err == ERR_OK)
		*ret_report = (struct migrate_report){ .files = plan.file_count,
			.applied = plan.applied_count,
			.done = plan.file_count - plan.applied_count };
	/* Closing the connection would release it too; this only lets the next one in sooner. */
	if (q_migration_unlock(db, arena, &unlocked) != ERR_OK)
		return err;
	return err;
}

enum err migrate_check(struct db *db, struct arena *arena, const char *dir, struct buf *lines)
{
	struct plan plan = { .db = db, .arena = arena, .lines = lines };
	enum err err = look(&plan, dir);

	if (err == ERR_OK && plan.applied_count < plan.file_count) {
		buf_printf(lines, "%zu migrations are missing; run \"bonafide migrate\"\n",
		    plan.file_count - plan.applied_count);
		err = ERR_STATE;
	}
	return err;
}
