/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files behind the keyring. A lost or overwritten master key is lost data, so a file is
 * always written whole beside its place, synced, and then put there in one step.
 */
#include "base.h"
#include "keyring.h"
#include "keyring_file.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_MAX 16384 /* room for LIMIT_SEAL_KEYS lines and a screenful of comments */
#define KEY_HEX (2 * GCM_KEY_SIZE)

/* Text of a secret file, in secret memory. */
struct secret_text {
	size_t len;
	char text[KEY_FILE_MAX + 1];
};

enum err secret_new(size_t size_bytes, void **ret_memory)
{
	void *memory =
	    mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return ERR_NOMEM;
	secret_lock(memory, size_bytes);
#ifdef MADV_DONTDUMP
	(void)madvise(memory, size_bytes, MADV_DONTDUMP);
#endif
	*ret_memory = memory;
	return ERR_OK;
}

void secret_lock(void *memory, size_t size_bytes)
{
	(void)mlock(memory, size_bytes);
}

void secret_free(void **memory, size_t size_bytes)
{
	if (memory == NULL || *memory == NULL)
		return;
	wipe(*memory, size_bytes);
	(void)munmap(*memory, size_bytes);
	*memory = NULL;
}

static void reason_set(char *out, size_t size, const char *format, ...) PRINTF(3, 4);
static void reason_set(char *out, size_t size, const char *format, ...)
{
	va_list args;

	if (size == 0)
		return;
	va_start(args, format);
	(void)vsnprintf(out, size, format, args);
	va_end(args);
}

static enum err fail_io(const char *path, const char *what, char *ret_reason, size_t reason_size)
{
	reason_set(ret_reason, reason_size, "%s: cannot %s: %s", path, what, strerror(errno));
	return ERR_IO;
}

static void version_of(const struct stat *st, struct file_version *ret_version)
{
	ret_version->device = st->st_dev;
	ret_version->inode = st->st_ino;
	ret_version->size = st->st_size;
	ret_version->modified = st->st_mtim;
}

bool file_changed(const char *path, const struct file_version *version)
{
	struct stat st;

	return stat(path, &st) == 0 &&
	       (st.st_dev != version->device || st.st_ino != version->inode ||
		   st.st_size != version->size || st.st_mtim.tv_sec != version->modified.tv_sec ||
		   st.st_mtim.tv_nsec != version->modified.tv_nsec);
}

/* The rule of keyring.h: a plain file of ours that nobody else may touch. root may read the
 * service's file, which is how the operator's commands work. */
static enum err check_owner(
    const char *path, const struct stat *st, char *ret_reason, size_t reason_size)
{
	if (!S_ISREG(st->st_mode)) {
		reason_set(ret_reason, reason_size, "%s: is not a plain file", path);
		return ERR_CONFIG;
	}
	if (geteuid() != 0 && st->st_uid != geteuid()) {
		reason_set(ret_reason, reason_size,
		    "%s: belongs to another user; it must belong to the user this program runs as",
		    path);
		return ERR_CONFIG;
	}
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		reason_set(ret_reason, reason_size,
		    "%s: its mode %04o lets others in; it must be 0400 or 0600", path,
		    (unsigned)st->st_mode & 07777U);
		return ERR_CONFIG;
	}
	return ERR_OK;
}

static enum err read_text(
    int fd, const char *path, struct secret_text *ret_text, char *ret_reason, size_t reason_size)
{
	size_t len = 0;

	while (len <= KEY_FILE_MAX) {
		ssize_t got = read(fd, ret_text->text + len, sizeof(ret_text->text) - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_io(path, "read it", ret_reason, reason_size);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	if (len > KEY_FILE_MAX) {
		reason_set(
		    ret_reason, reason_size, "%s: is larger than %d bytes", path, KEY_FILE_MAX);
		return ERR_CONFIG;
	}
	if (memchr(ret_text->text, '\0', len) != NULL) {
		reason_set(ret_reason, reason_size, "%s: is not a text file", path);
		return ERR_CONFIG;
	}
	ret_text->text[len] = '\0';
	ret_text->len = len;
	return ERR_OK;
}

/* Opens, checks and stats; the caller closes *ret_fd. */
static enum err open_checked(
    const char *path, int *ret_fd, struct stat *ret_st, char *ret_reason, size_t reason_size)
{
	struct stat st;
	enum err err;
	int fd;

	if (path == NULL || path[0] == '\0') {
		reason_set(ret_reason, reason_size, "no path is set for a key file");
		return ERR_CONFIG;
	}
	/* Non-blocking, so that a FIFO put there cannot hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return fail_io(path, "open it", ret_reason, reason_size);
	if (fstat(fd, &st) != 0)
		err = fail_io(path, "look at it", ret_reason, reason_size);
	else
		err = check_owner(path, &st, ret_reason, reason_size);
	if (err != ERR_OK) {
		(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	*ret_st = st;
	return ERR_OK;
}

static enum err read_file(const char *path, struct secret_text *ret_text,
    struct file_version *ret_version, char *ret_reason, size_t reason_size)
{
	struct stat st;
	enum err err;
	int fd = -1;

	err = open_checked(path, &fd, &st, ret_reason, reason_size);
	if (err != ERR_OK)
		return err;
	err = read_text(fd, path, ret_text, ret_reason, reason_size);
	if (err == ERR_OK && ret_version != NULL)
		version_of(&st, ret_version);
	(void)close(fd);
	return err;
}

/* One line "<number> <64 hex digits>", blanks around it allowed. */
static enum err parse_key(const char *line, size_t len, struct master_key *ret_key)
{
	char digits[12];
	size_t digit_count = 0;
	int64_t number;
	enum err err;

	while (digit_count < len && line[digit_count] >= '0' && line[digit_count] <= '9')
		digit_count++;
	if (digit_count == 0 || digit_count >= sizeof(digits))
		return ERR_SYNTAX;
	memcpy(digits, line, digit_count);
	digits[digit_count] = '\0';
	err = str_to_i64(digits, 1, UINT32_MAX, &number);
	if (err != ERR_OK)
		return err;
	line += digit_count;
	len -= digit_count;
	if (len == 0 || (line[0] != ' ' && line[0] != '\t'))
		return ERR_SYNTAX;
	while (len > 0 && (line[0] == ' ' || line[0] == '\t')) {
		line++;
		len--;
	}
	if (len != KEY_HEX)
		return ERR_SYNTAX;
	err = hex_decode(line, len, ret_key->key, GCM_KEY_SIZE);
	if (err == ERR_OK)
		ret_key->number = (uint32_t)number;
	return err;
}

/* Puts a key in its place; false when its number is there already. */
static bool list_insert(struct key_list *list, const struct master_key *key)
{
	size_t at = list->count;

	while (at > 0 && list->keys[at - 1].number > key->number)
		at--;
	if (at > 0 && list->keys[at - 1].number == key->number)
		return false;
	memmove(list->keys + at + 1, list->keys + at, (list->count - at) * sizeof(list->keys[0]));
	list->keys[at] = *key;
	list->count++;
	return true;
}

/* Cuts blanks (and a carriage return) off both ends. */
static void trim(const char **line, size_t *len)
{
	while (*len > 0 && strchr(" \t\r", (*line)[*len - 1]) != NULL)
		(*len)--;
	while (*len > 0 && ((*line)[0] == ' ' || (*line)[0] == '\t')) {
		(*line)++;
		(*len)--;
	}
}

static enum err parse_master(const char *path, const struct secret_text *file,
    struct key_list *ret_list, char *ret_reason, size_t reason_size)
{
	const char *at = file->text;
	const char *fault = NULL;
	unsigned line_number = 0;

	ret_list->count = 0;
	while (*at != '\0' && fault == NULL) {
		const char *line = at;
		size_t len = strcspn(at, "\n");
		struct master_key key;

		at += len + (at[len] == '\n');
		line_number++;
		trim(&line, &len);
		if (len == 0 || line[0] == '#')
			continue;
		if (parse_key(line, len, &key) != ERR_OK)
			fault = "is not \"<number> <64 hex digits>\"";
		else if (ret_list->count == LIMIT_SEAL_KEYS)
			fault = "is one key too many";
		else if (!list_insert(ret_list, &key))
			fault = "repeats a key number";
		wipe(&key, sizeof(key));
	}
	if (fault != NULL) {
		reason_set(ret_reason, reason_size, "%s: line %u %s", path, line_number, fault);
		return ERR_CONFIG;
	}
	if (ret_list->count == 0) {
		reason_set(ret_reason, reason_size, "%s: holds no key", path);
		return ERR_CONFIG;
	}
	return ERR_OK;
}

enum err keyring_read_master(const char *path, struct key_list *ret_list,
    struct file_version *ret_version, char *ret_reason, size_t reason_size)
{
	void *memory = NULL;
	enum err err = secret_new(sizeof(struct secret_text), &memory);

	if (err != ERR_OK)
		return err;
	err = read_file(path, memory, ret_version, ret_reason, reason_size);
	if (err == ERR_OK)
		err = parse_master(path, memory, ret_list, ret_reason, reason_size);
	secret_free(&memory, sizeof(struct secret_text));
	return err;
}

enum err keyring_read_pepper(
    const char *path, uint8_t ret_pepper[GCM_KEY_SIZE], char *ret_reason, size_t reason_size)
{
	void *memory = NULL;
	const struct secret_text *file;
	const char *line;
	size_t len;
	enum err err = secret_new(sizeof(struct secret_text), &memory);

	if (err != ERR_OK)
		return err;
	err = read_file(path, memory, NULL, ret_reason, reason_size);
	if (err != ERR_OK)
		goto out;
	file = memory;
	line = file->text;
	len = file->len;
	if (len > 0 && line[len - 1] == '\n')
		len--;
	trim(&line, &len);
	if (len != KEY_HEX || hex_decode(line, len, ret_pepper, GCM_KEY_SIZE) != ERR_OK) {
		reason_set(ret_reason, reason_size, "%s: is not one line of 64 hex digits", path);
		err = ERR_CONFIG;
	}
out:
	secret_free(&memory, sizeof(struct secret_text));
	return err;
}

enum err keyring_check_files(
    const char *master_key_path, const char *pepper_path, char *ret_reason, size_t reason_size)
{
	struct content {
		struct key_list list;
		struct file_version version;
		uint8_t pepper[GCM_KEY_SIZE];
	} * content;
	void *memory = NULL;
	enum err err = secret_new(sizeof(*content), &memory);

	if (err != ERR_OK)
		return err;
	content = memory;
	err = keyring_read_master(
	    master_key_path, &content->list, &content->version, ret_reason, reason_size);
	if (err == ERR_OK)
		err = keyring_read_pepper(pepper_path, content->pepper, ret_reason, reason_size);
	secret_free(&memory, sizeof(*content));
	return err;
}

/* Makes the entry itself durable; a file system that cannot sync a directory is let be. */
static void sync_directory_of(const char *path)
{
	char directory[LIMIT_SETTING + 1];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;
	int fd;

	if (len >= sizeof(directory))
		return;
	memcpy(directory, path, len);
	directory[len] = '\0';
	if (len == 0)
		(void)snprintf(directory, sizeof(directory), "%s", slash != NULL ? "/" : ".");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		(void)close(fd);
	}
}

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, text, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		text += put;
		len -= (size_t)put;
	}
	return true;
}

/*
 * Writes a whole file and puts it at path. old: the file it replaces, whose mode and owner it
 * takes; NULL for a new one (mode 0400), which then must not exist (ERR_STATE).
 */
static enum err place_file(const char *path, const struct secret_text *content,
    const struct stat *old, char *ret_reason, size_t reason_size)
{
	char beside[LIMIT_SETTING + 8];
	enum err err = ERR_OK;
	int fd, placed;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= sizeof(beside)) {
		reason_set(ret_reason, reason_size, "the path of a key file is too long");
		return ERR_CONFIG;
	}
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return fail_io(path, "write a file beside it", ret_reason, reason_size);
	if (!write_all(fd, content->text, content->len) ||
	    (old != NULL && geteuid() == 0 && fchown(fd, old->st_uid, old->st_gid) != 0) ||
	    fchmod(fd, old != NULL ? old->st_mode & 0600U : 0400) != 0 || fsync(fd) != 0) {
		err = fail_io(path, "write a file beside it", ret_reason, reason_size);
		goto out;
	}
	/* link() refuses to replace what appeared meanwhile; rename() replaces in one step. */
	placed = old != NULL ? rename(beside, path) : link(beside, path);
	if (placed != 0 && old == NULL && errno == EEXIST) {
		reason_set(ret_reason, reason_size, "%s: exists already", path);
		err = ERR_STATE;
	} else if (placed != 0) {
		err = fail_io(path, "put it in place", ret_reason, reason_size);
	}
out:
	(void)close(fd);
	if (old == NULL || err != ERR_OK)
		(void)unlink(beside);
	if (err == ERR_OK)
		sync_directory_of(path);
	return err;
}

/* Appends "<prefix><64 random hex digits>\n". ERR_FULL, ERR_CRYPTO. */
static enum err add_random(struct secret_text *content, const char *prefix)
{
	size_t prefix_len = strlen(prefix);
	uint8_t key[GCM_KEY_SIZE];
	enum err err;

	if (content->len + prefix_len + KEY_HEX + 1 > KEY_FILE_MAX)
		return ERR_FULL;
	err = random_bytes(key, sizeof(key));
	if (err != ERR_OK)
		return err;
	memcpy(content->text + content->len, prefix, prefix_len);
	content->len += prefix_len;
	hex_encode(key, sizeof(key), content->text + content->len);
	content->len += KEY_HEX;
	content->text[content->len++] = '\n';
	content->text[content->len] = '\0';
	wipe(key, sizeof(key));
	return ERR_OK;
}

static enum err create_file(
    const char *path, const char *prefix, char *ret_reason, size_t reason_size)
{
	void *memory = NULL;
	enum err err = secret_new(sizeof(struct secret_text), &memory);

	if (err != ERR_OK)
		return err;
	err = add_random(memory, prefix);
	if (err == ERR_OK)
		err = place_file(path, memory, NULL, ret_reason, reason_size);
	secret_free(&memory, sizeof(struct secret_text));
	return err;
}

enum err keyring_create_files(
    const char *master_key_path, const char *pepper_path, char *ret_reason, size_t reason_size)
{
	const char *paths[] = { master_key_path, pepper_path };
	struct stat st;
	enum err err;

	for (size_t i = 0; i < countof(paths); i++) {
		if (paths[i] == NULL || paths[i][0] == '\0') {
			reason_set(ret_reason, reason_size, "no path is set for a key file");
			return ERR_CONFIG;
		}
		if (lstat(paths[i], &st) == 0) {
			reason_set(ret_reason, reason_size, "%s: exists already", paths[i]);
			return ERR_STATE;
		}
	}
	err = create_file(master_key_path,
	    "# Master keys of Bonafide: without them sealed data cannot be opened again.\n"
	    "# Keep a copy in a safe place, apart from the database.\n1 ",
	    ret_reason, reason_size);
	if (err != ERR_OK)
		return err;
	err = create_file(pepper_path, "", ret_reason, reason_size);
	if (err != ERR_OK)
		(void)unlink(master_key_path);
	return err;
}

/*
 * Opens the file and locks it. Two operators who add a key at once must not both write number
 * n: after the wait for the lock the file may have been replaced, and then we start again.
 */
static enum err open_locked(
    const char *path, int *ret_fd, struct stat *ret_st, char *ret_reason, size_t reason_size)
{
	for (unsigned tries = 0; tries < 16; tries++) {
		struct stat now;
		enum err err = open_checked(path, ret_fd, ret_st, ret_reason, reason_size);

		if (err != ERR_OK)
			return err;
		if (flock(*ret_fd, LOCK_EX) != 0) {
			err = fail_io(path, "lock it", ret_reason, reason_size);
			(void)close(*ret_fd);
			return err;
		}
		if (stat(path, &now) == 0 && now.st_dev == ret_st->st_dev &&
		    now.st_ino == ret_st->st_ino)
			return ERR_OK;
		(void)close(*ret_fd);
	}
	reason_set(ret_reason, reason_size, "%s: keeps being replaced", path);
	return ERR_IO;
}

/* Adds the line of a key with the next number to the text. */
static enum err add_key_line(const char *path, struct secret_text *content, struct key_list *list,
    uint32_t *ret_number, char *ret_reason, size_t reason_size)
{
	char prefix[16];
	uint32_t highest;
	enum err err = parse_master(path, content, list, ret_reason, reason_size);

	if (err != ERR_OK)
		return err;
	highest = list->keys[list->count - 1].number;
	if (list->count == LIMIT_SEAL_KEYS || highest == UINT32_MAX) {
		reason_set(ret_reason, reason_size, "%s: there is no room for one more key", path);
		return ERR_CONFIG;
	}
	(void)snprintf(prefix, sizeof(prefix), "%s%lu ",
	    content->text[content->len - 1] == '\n' ? "" : "\n", (unsigned long)highest + 1);
	err = add_random(content, prefix);
	if (err == ERR_FULL) {
		reason_set(ret_reason, reason_size, "%s: there is no room for one more key", path);
		return ERR_CONFIG;
	}
	if (err == ERR_OK)
		*ret_number = highest + 1;
	return err;
}

enum err keyring_add_key(
    const char *master_key_path, uint32_t *ret_number, char *ret_reason, size_t reason_size)
{
	struct scratch {
		struct secret_text content;
		struct key_list list;
	} * scratch;
	void *memory = NULL;
	struct stat st;
	uint32_t number = 0;
	int fd = -1;
	enum err err = secret_new(sizeof(*scratch), &memory);

	if (err != ERR_OK)
		return err;
	scratch = memory;
	err = open_locked(master_key_path, &fd, &st, ret_reason, reason_size);
	if (err != ERR_OK)
		goto out;
	err = read_text(fd, master_key_path, &scratch->content, ret_reason, reason_size);
	if (err == ERR_OK)
		err = add_key_line(master_key_path, &scratch->content, &scratch->list, &number,
		    ret_reason, reason_size);
	if (err == ERR_OK)
		err = place_file(master_key_path, &scratch->content, &st, ret_reason, reason_size);
	if (err == ERR_OK)
		*ret_number = number;
	(void)close(fd); /* and with it the lock */
out:
	secret_free(&memory, sizeof(*scratch));
	return err;
}
