/* SPDX-License-Identifier: Apache-2.0 */
/* media.c keeps media: their files, their rows, and the links to them. */
#include "media.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "id.h"
#include "limits.h"
#include "log.h"
#include "media_private.h"
#include "media_type.h"
#include "sealed.h"
#include "str.h"
#include "tx.h"

#define PURPOSE "media.file_key"
#define NEW_DIR "new"
#define TIME_TEXT_MAX 20
#define LINK_TRIES 5
#define READER_MAX 100 /* bytes */

struct media_put {
	struct uuid id;
	uint8_t key[GCM_KEY_SIZE];
	struct media_look look;
	struct sealfile *file;
	uint64_t size;
	bool is_named; /* the file has its second name */
	char dir[LIMIT_SETTING + 1];
};

/* ---- paths -------------------------------------------------------------------------------------- */

struct media_path media_path_new(const char *dir, struct uuid id)
{
	struct media_path path;
	char hex[2 * sizeof(id.b) + 1];

	hex_encode(id.b, sizeof(id.b), hex);
	(void)snprintf(path.text, sizeof(path.text), "%s/" NEW_DIR "/%s", dir, hex);
	return path;
}

/* By the id's last bytes, which are random. */
struct media_path media_path_kept(const char *dir, struct uuid id, int levels, bool with_name)
{
	struct media_path path;
	char hex[2 * sizeof(id.b) + 1];
	int len = snprintf(path.text, sizeof(path.text), "%s", dir);

	hex_encode(id.b, sizeof(id.b), hex);
	for (int i = 0; i < levels && len > 0 && (size_t)len < sizeof(path.text); i++)
		len += snprintf(path.text + len, sizeof(path.text) - (size_t)len, "/%.2s",
		    hex + 2 * (sizeof(id.b) - 1 - (size_t)i));
	if (with_name && len > 0 && (size_t)len < sizeof(path.text))
		(void)snprintf(path.text + len, sizeof(path.text) - (size_t)len, "/%s", hex);
	return path;
}

static enum err disk_error(void)
{
	return errno == ENOSPC || errno == EDQUOT ? ERR_STORAGE_FULL : ERR_IO;
}

static enum err dir_make(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? ERR_OK : disk_error();
}

/* Has a directory's entries on the disk. */
static enum err dir_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err = fd < 0 || fsync(fd) != 0 ? disk_error() : ERR_OK;

	if (fd >= 0)
		(void)close(fd);
	return err;
}

static enum err unlink_if_there(const char *path)
{
	return unlink(path) == 0 || errno == ENOENT ? ERR_OK : ERR_IO;
}

/* ---- uploading ---------------------------------------------------------------------------------- */

static void put_free(struct media_put **put)
{
	sealfile_free(&(*put)->file);
	wipe(*put, sizeof(**put));
	free(*put);
	*put = NULL;
}

static enum err put_open(struct media_put *put)
{
	char dir[MEDIA_PATH_SIZE];
	struct media_path path = media_path_new(put->dir, put->id);

	(void)snprintf(dir, sizeof(dir), "%s/" NEW_DIR, put->dir);
	enum err err = dir_make(put->dir);
	if (err == ERR_OK)
		err = dir_make(dir);
	if (err == ERR_OK)
		err = sealfile_create(path.text, put->key, put->id, &put->file);
	/* The one line that tells an operator which directory it is about. */
	if (err != ERR_OK)
		log_error("media_dir %s: %s", put->dir, err_sentence(err));
	return err;
}

enum err media_begin(struct ctx *ctx, const char *media_type, struct media_put **ret_put)
{
	struct media_look look = { .skip = 0 };
	enum err err = media_kind_parse(media_type, &look.kind);

	if (err != ERR_OK)
		return err;
	struct media_put *put = calloc(1, sizeof(*put));
	if (put == NULL)
		return ERR_NOMEM;
	put->look = look;
	(void)snprintf(put->dir, sizeof(put->dir), "%s", ctx->settings->media_dir);
	err = uuid_make(&put->id);
	if (err == ERR_OK)
		err = random_bytes(put->key, sizeof(put->key));
	if (err == ERR_OK)
		err = put_open(put);
	if (err == ERR_OK)
		*ret_put = put;
	else
		put_free(&put);
	return err;
}

enum err media_write(struct media_put *put, const void *data, size_t len_bytes)
{
	if (len_bytes > LIMIT_MEDIA - put->size)
		return ERR_PAYLOAD_TOO_LARGE;
	put->size += len_bytes;
	enum err err = media_look(&put->look, data, len_bytes);
	return err == ERR_OK ? sealfile_write(put->file, data, len_bytes) : err;
}

void media_abandon(struct media_put **put)
{
	if (put == NULL || *put == NULL)
		return;
	struct media_path path = media_path_new((*put)->dir, (*put)->id);
	if ((*put)->is_named) {
		struct media_path kept =
		    media_path_kept((*put)->dir, (*put)->id, MEDIA_LEVELS, true);
		(void)unlink(kept.text);
	}
	(void)unlink(path.text);
	put_free(put);
}

/* Makes the directories, and links. They may go before they are used: the batch removes those that it
 * has emptied (media_carry.h). */
static enum err put_link(const struct media_put *put)
{
	struct media_path from = media_path_new(put->dir, put->id);
	struct media_path to = media_path_kept(put->dir, put->id, MEDIA_LEVELS, true);
	enum err err = ERR_IO;

	for (int again = 0; again < LINK_TRIES; again++) {
		err = ERR_OK;
		for (int level = 1; level <= MEDIA_LEVELS && err == ERR_OK; level++)
			err = dir_make(media_path_kept(put->dir, put->id, level, false).text);
		if (err == ERR_OK && link(from.text, to.text) != 0)
			err = disk_error();
		if (err != ERR_IO || errno != ENOENT)
			break;
	}
	return err;
}

/* Gives the file its second name, durably. */
static enum err put_name(struct media_put *put)
{
	enum err err = put_link(put);

	if (err != ERR_OK)
		return err;
	put->is_named = true;
	for (int level = MEDIA_LEVELS; level >= 0 && err == ERR_OK; level--)
		err = dir_sync(media_path_kept(put->dir, put->id, level, false).text);
	return err;
}

struct commit {
	struct media_put *put;
	int64_t now_ms;
};

static enum err commit_row(struct ctx *ctx, void *arg)
{
	const struct commit *commit = arg;
	const struct media_put *put = commit->put;
	struct bytes sealed;
	enum err err = seal_data(
	    ctx->keyring, ctx->arena, PURPOSE, put->id, put->key, sizeof(put->key), &sealed);

	if (err != ERR_OK)
		return err;
	return q_media_put(ctx->db, ctx->actor.application_id, put->id,
	    environment_word(ctx->actor.environment), media_kind_type(put->look.kind),
	    (int64_t)put->size, sealed, (int64_t)keyring_current(ctx->keyring), commit->now_ms,
	    commit->now_ms + LIMIT_MEDIA_WAIT_S * INT64_C(1000));
}

enum err media_commit(
    struct ctx *ctx, struct media_put **put, struct uuid *ret_id, int64_t *ret_expires_at_ms)
{
	struct commit commit = { *put, clock_now_ms() };
	struct uuid id = (*put)->id;
	enum err err = media_look_end(&(*put)->look);

	if (err == ERR_OK)
		err = sealfile_finish((*put)->file);
	if (err == ERR_OK)
		err = put_name(*put);
	if (err == ERR_OK)
		err = tx_run(ctx, commit_row, &commit);
	if (err == ERR_OK)
		(void)unlink(media_path_new((*put)->dir, id).text);
	/* Perhaps the row is there: both names stay, and the sweep asks the database. */
	if (err == ERR_OK || err == ERR_DB_UNCERTAIN)
		put_free(put);
	else
		media_abandon(put);
	if (err != ERR_OK)
		return err;
	*ret_id = id;
	*ret_expires_at_ms = commit.now_ms + LIMIT_MEDIA_WAIT_S * INT64_C(1000);
	return ERR_OK;
}

/* ---- using -------------------------------------------------------------------------------------- */

enum err media_take(struct ctx *ctx, struct uuid id, const char *types, struct uuid owner_id)
{
	const char *environment = environment_word(ctx->actor.environment);
	int64_t now_ms = clock_now_ms();
	struct row_media_waiting row;
	uint64_t changed = 0;
	enum err err = q_media_take(
	    ctx->db, owner_id, ctx->actor.application_id, id, environment, now_ms, types, &changed);

	if (err != ERR_OK || changed > 0)
		return err;
	err = q_media_waiting(
	    ctx->db, ctx->arena, ctx->actor.application_id, id, environment, now_ms, &row);
	if (err == ERR_MISSING)
		return ERR_MEDIA_NOT_FOUND;
	return err == ERR_OK ? ERR_MEDIA_MISPLACED : err;
}

enum err media_get(struct ctx *ctx, struct uuid id, struct row_media_get *ret_row)
{
	enum err err = q_media_get(ctx->db, ctx->arena, id, ret_row);

	if (err == ERR_MISSING || (err == ERR_OK && ret_row->file_key.data == NULL))
		return ERR_MEDIA_NOT_FOUND;
	return err;
}

static enum err note_read(struct ctx *ctx, void *arg)
{
	return audit_note(ctx, arg);
}

enum err media_read(
    struct ctx *ctx, struct uuid id, const char *shown_to, media_sink *sink, void *arg)
{
	struct row_media_get row;
	struct bytes key = { NULL, 0 };
	enum err err = media_get(ctx, id, &row);

	if (err == ERR_OK)
		err = seal_open(ctx->keyring, ctx->arena, PURPOSE, id, row.file_key, &key);
	if (err == ERR_OK && key.len != GCM_KEY_SIZE)
		err = ERR_SYNTAX;
	if (err != ERR_OK)
		return err;
	struct audit_entry entry = { .action = AUDIT_MEDIA_READ,
		.application_id = row.application_id,
		.subject_id = id,
		.detail = shown_to == NULL || shown_to[0] == '\0' ? NULL : shown_to };
	err = tx_run(ctx, note_read, &entry);
	if (err == ERR_OK)
		err = sealfile_read(
		    media_path_kept(ctx->settings->media_dir, id, MEDIA_LEVELS, true).text,
		    key.data, id, sink, arg);
	if (err == ERR_MISSING)
		err = bucket_read(ctx, id, key.data, sink, arg);
	if (err == ERR_MISSING || err == ERR_TAMPERED)
		log_error("a medium's file is missing or damaged: %s", err_sentence(err));
	return err == ERR_MISSING ? ERR_MEDIA_NOT_FOUND : err;
}

enum err media_drop(struct ctx *ctx, struct uuid owner_id)
{
	return q_media_drop(ctx->db, clock_now_ms(), owner_id);
}

enum err media_reseal(
    struct ctx *ctx, struct uuid id, struct bytes sealed, struct bytes *ret_sealed)
{
	return sealed_again(ctx, PURPOSE, id, sealed, ret_sealed);
}

/* ---- links -------------------------------------------------------------------------------------- */

/* For whom a link is made, as an audit row says it: a login name, or an account's id. */
static enum err link_reader(struct ctx *ctx, const char **ret_reader)
{
	const struct actor *actor = &ctx->actor;
	char account[ID_TEXT_SIZE];
	const char *reader = "";

	if (actor->kind == ACTOR_OPERATOR && actor->name != NULL)
		reader = arena_printf(ctx->arena, "operator %.*s", READER_MAX - 9, actor->name);
	if (actor->kind == ACTOR_ACCOUNT) {
		id_text(ID_UUID, actor->account_id, account);
		reader = arena_printf(ctx->arena, "account %s", account);
	}
	if (reader == NULL)
		return ERR_NOMEM;
	*ret_reader = reader;
	return ERR_OK;
}

static enum err link_mac(struct ctx *ctx, struct uuid id, const char *exp, const char *reader,
    char ret_hex[2 * SHA256_SIZE + 1])
{
	uint8_t mac[SHA256_SIZE];
	char name[ID_TEXT_SIZE], text[ID_TEXT_SIZE + TIME_TEXT_MAX + READER_MAX + 2];

	id_text(ID_MEDIA, id, name);
	(void)snprintf(
	    text, sizeof(text), "%s %.*s %.*s", name, TIME_TEXT_MAX - 1, exp, READER_MAX, reader);
	enum err err = pepper_mac(ctx->keyring, PEPPER_MEDIA, text, strlen(text), mac);
	if (err == ERR_OK)
		hex_encode(mac, sizeof(mac), ret_hex);
	wipe(mac, sizeof(mac));
	return err;
}

enum err media_link(struct ctx *ctx, struct uuid id, int64_t ttl_s, const char **ret_path)
{
	char text[ID_TEXT_SIZE], exp[TIME_TEXT_MAX], sig[2 * SHA256_SIZE + 1];
	char by[2 * READER_MAX + 1];
	int64_t ttl = ttl_s > LIMIT_MEDIA_LINK_S ? LIMIT_MEDIA_LINK_S : ttl_s;
	const char *reader = NULL;
	enum err err = link_reader(ctx, &reader);

	(void)snprintf(exp, sizeof(exp), "%lld", (long long)(clock_now_ms() / 1000 + ttl));
	if (err == ERR_OK)
		err = link_mac(ctx, id, exp, reader, sig);
	if (err != ERR_OK)
		return err;
	id_text(ID_MEDIA, id, text);
	hex_encode(reader, strlen(reader), by);
	const char *path = arena_printf(ctx->arena, "/media/%s?exp=%s%s%s&sig=%s", text, exp,
	    by[0] == '\0' ? "" : "&by=", by, sig);
	if (path == NULL)
		return ERR_NOMEM;
	*ret_path = path;
	return ERR_OK;
}

enum err media_link_check(
    struct ctx *ctx, struct uuid id, const struct media_link_parts *parts, const char **ret_reader)
{
	char right[2 * SHA256_SIZE + 1], reader[READER_MAX + 1] = "";
	size_t digits = strlen(parts->by);
	int64_t until_s = 0;

	if (strlen(parts->exp) >= TIME_TEXT_MAX ||
	    str_to_i64(parts->exp, 0, INT64_MAX, &until_s) != ERR_OK || digits / 2 > READER_MAX ||
	    hex_decode(parts->by, digits, reader, digits / 2) != ERR_OK ||
	    strlen(reader) != digits / 2)
		return ERR_MEDIA_NOT_FOUND;
	enum err err = link_mac(ctx, id, parts->exp, reader, right);
	if (err != ERR_OK)
		return err;
	if (!equal_secret(right, strlen(right), parts->sig, strlen(parts->sig)) ||
	    clock_now_ms() / 1000 >= until_s)
		return ERR_MEDIA_NOT_FOUND;
	const char *copy = arena_strdup(ctx->arena, reader);
	if (copy == NULL)
		return ERR_NOMEM;
	*ret_reader = copy;
	return ERR_OK;
}

/* ---- removing ----------------------------------------------------------------------------------- */

enum err media_unlink(struct ctx *ctx, struct uuid id)
{
	const char *dir = ctx->settings->media_dir;
	enum err err = unlink_if_there(media_path_kept(dir, id, MEDIA_LEVELS, true).text);

	return err == ERR_OK ? unlink_if_there(media_path_new(dir, id).text) : err;
}

/* Files go before their rows: a row whose file has gone is found again, the other way round not. */
enum err media_expire(struct ctx *ctx, int64_t max, uint64_t *ret_removed)
{
	int64_t before_ms = clock_now_ms() - MEDIA_CLOCKS_APART_MS;
	struct row_media_overdue *rows = NULL;
	size_t count = 0;
	enum err err = q_media_overdue(ctx->db, ctx->arena, before_ms, max, &rows, &count);

	*ret_removed = 0;
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		uint64_t changed = 0;
		err = media_unlink(ctx, rows[i].id);
		if (err == ERR_OK)
			err = q_media_delete(ctx->db, rows[i].id, before_ms, &changed);
		*ret_removed += err == ERR_OK;
	}
	return err;
}

/* One file that an upload left: with a row it only loses its first name. */
static enum err sweep_file(struct ctx *ctx, struct uuid id)
{
	struct row_media_get row;
	enum err err = q_media_get(ctx->db, ctx->arena, id, &row);

	if (err == ERR_MISSING)
		return media_unlink(ctx, id);
	return err == ERR_OK ? unlink_if_there(media_path_new(ctx->settings->media_dir, id).text)
			     : err;
}

/* Whether a directory's entry is one of ours, and of an upload that cannot be under way any more. */
static bool is_left(const struct dirent *entry, struct uuid *ret_id)
{
	int64_t before_ms = clock_now_ms() - LIMIT_MEDIA_WAIT_S * INT64_C(1000);
	struct uuid id;

	if (hex_decode(entry->d_name, strlen(entry->d_name), id.b, sizeof(id.b)) != ERR_OK ||
	    uuid_time_ms(id) > before_ms)
		return false;
	*ret_id = id;
	return true;
}

enum err media_sweep(struct ctx *ctx, int64_t max, uint64_t *ret_removed)
{
	char path[MEDIA_PATH_SIZE];
	const struct dirent *entry;
	enum err err = ERR_OK;

	*ret_removed = 0;
	(void)snprintf(path, sizeof(path), "%s/" NEW_DIR, ctx->settings->media_dir);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return errno == ENOENT ? ERR_OK : ERR_IO;
	while (err == ERR_OK && *ret_removed < (uint64_t)max && (entry = readdir(dir)) != NULL) {
		struct uuid id;
		if (!is_left(entry, &id))
			continue;
		err = sweep_file(ctx, id);
		*ret_removed += err == ERR_OK;
	}
	(void)closedir(dir);
	return err;
}
