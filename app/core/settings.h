/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h owns the settings by name: conf.def as a struct. Read-only after start; a reload
 * makes a new one. Texts belong to the struct's arena and are never NULL.
 */
#ifndef BONAFIDE_SETTINGS_H
#define BONAFIDE_SETTINGS_H

#include "base.h"
#include "buf.h"
#include "conf.h"
#include "db.h"

struct settings {
	struct arena *arena;     /* owns the texts */
	const char *path;        /* the file, "" when none */
	const char *db_password; /* read from db_password_file; wiped with the arena */
#define SETTING_TEXT(key) const char *key;
#define SETTING_PATH(key) const char *key;
#define SETTING_CHOICE(key) const char *key;
#define SETTING_INT(key) int64_t key;
#define SETTING_OCTAL(key) int64_t key;
#define SETTING_BOOL(key) bool key;
#define CONF(type, key, initial, min, max, choices, reload, manual) SETTING_##type(key)
#include "conf.def"
#undef CONF
};

extern const struct conf_row settings_rows[];
extern const size_t settings_row_count;

/*
 * Reads the file (NULL: defaults only), checks what rows cannot (rules across settings), reads
 * the password file. Faults as lines in complaints. ERR_CONFIG, ERR_IO, ERR_NOMEM.
 */
enum err settings_read(
    const char *path, struct settings **ret_settings, struct buf *complaints) MUST_CHECK;

/* Wipes and frees; accepts NULL. */
void settings_free(struct settings **settings);

/* Where the database is, out of the settings; borrows its texts. */
struct db_config settings_db(const struct settings *settings);

/* Lines naming the settings that differ and need a restart. */
void settings_diff_restart(
    const struct settings *old, const struct settings *fresh, struct buf *ret_lines);

#endif
