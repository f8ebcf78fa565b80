/* SPDX-License-Identifier: Apache-2.0 */
/* sortfile.c: a binary search over the bytes of a file of lines. */
#include "sortfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line without its newline, and where the next one begins. */
struct line {
	char text[SORTFILE_LINE + 1]; /* one more than the longest tells that it is longer */
	size_t len;
	off_t next;
};

static enum err fail(
    enum err err, char *out, size_t size, const char *path, const char *format, ...) PRINTF(5, 6);

static enum err fail(
    enum err err, char *out, size_t size, const char *path, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size > 0)
		(void)snprintf(out, size, "%s: %s", path, text);
	return err;
}

/* Reads at an offset; short only at the end of the file. -1 on failure. */
static ssize_t read_at(int fd, char *out, size_t size, off_t offset)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = pread(fd, out + len, size - len, offset + (off_t)len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

/* The line that begins at an offset; of one that is too long, its beginning. ERR_IO. */
static enum err line_at(int fd, off_t offset, struct line *ret_line)
{
	off_t at = offset;
	ssize_t got = read_at(fd, ret_line->text, sizeof(ret_line->text), at);
	const char *end = got < 0 ? NULL : memchr(ret_line->text, '\n', (size_t)got);

	if (got < 0)
		return ERR_IO;
	ret_line->len = end == NULL ? (size_t)got : (size_t)(end - ret_line->text);
	ret_line->next = offset + (off_t)ret_line->len + 1;
	if (end != NULL || (size_t)got < sizeof(ret_line->text))
		return ERR_OK;
	/* Too long: only where it ends is of interest. */
	for (char block[SORTFILE_LINE]; end == NULL && got > 0;) {
		at += got;
		got = read_at(fd, block, sizeof(block), at);
		end = got <= 0 ? NULL : memchr(block, '\n', (size_t)got);
		ret_line->next = end == NULL ? at + got : at + (end - block) + 1;
	}
	return got < 0 ? ERR_IO : ERR_OK;
}

/* Where the first line begins that begins behind an offset. ERR_IO. */
static enum err next_line(int fd, off_t offset, off_t *ret_next)
{
	struct line line;
	enum err err = line_at(fd, offset, &line);

	if (err == ERR_OK)
		*ret_next = line.next;
	return err;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Lines that may be it begin in [low, high); low is the beginning of one. */
static enum err search(int fd, off_t high, const char *wanted, bool *ret_found)
{
	size_t len = strlen(wanted);
	off_t low = 0;
	struct line line;

	*ret_found = false;
	while (low < high) {
		off_t middle = low + (high - low) / 2, begin = low;
		enum err err = middle > low ? next_line(fd, middle - 1, &begin) : ERR_OK;
		if (err == ERR_OK && begin >= high) {
			high = middle;
			continue;
		}
		if (err == ERR_OK)
			err = line_at(fd, begin, &line);
		if (err != ERR_OK)
			return err;
		int order = compare(line.text, line.len, wanted, len);
		if (order == 0) {
			*ret_found = true;
			return ERR_OK;
		}
		if (order < 0)
			low = line.next;
		else
			high = middle;
	}
	return ERR_OK;
}

static enum err open_file(
    const char *path, int *ret_fd, off_t *ret_size, char *ret_reason, size_t reason_size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(
		    ERR_IO, ret_reason, reason_size, path, "cannot open it: %s", strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return fail(ERR_IO, ret_reason, reason_size, path, "is not a plain file");
	}
	*ret_fd = fd;
	*ret_size = st.st_size;
	return ERR_OK;
}

enum err sortfile_find(
    const char *path, const char *line, bool *ret_found, char *ret_reason, size_t reason_size)
{
	off_t size = 0;
	int fd = -1;
	enum err err = open_file(path, &fd, &size, ret_reason, reason_size);

	if (err != ERR_OK)
		return err;
	err = search(fd, size, line, ret_found);
	if (err != ERR_OK)
		err = fail(
		    ERR_IO, ret_reason, reason_size, path, "cannot read it: %s", strerror(errno));
	(void)close(fd);
	return err;
}

/* What is wrong with a line of length len behind the one before it; NULL: nothing. */
static const char *fault_of(const char *text, size_t len, const struct line *before)
{
	if (len > SORTFILE_LINE)
		return "is longer than 1024 bytes";
	if (len > 0 && text[len - 1] == '\r')
		return "ends in a carriage return, as lines of other systems do";
	if (compare(before->text, before->len, text, len) > 0)
		return "is not in its place; \"LC_ALL=C sort -u\" sorts the file";
	return NULL;
}
_Static_assert(SORTFILE_LINE == 1024, "the sentence says how long");

enum err sortfile_check(const char *path, uint64_t *ret_lines, char *ret_reason, size_t reason_size)
{
	struct line before = { .len = 0 };
	uint64_t lines = 0;
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t got;
	enum err err = ERR_OK;

	if (file == NULL)
		return fail(
		    ERR_IO, ret_reason, reason_size, path, "cannot open it: %s", strerror(errno));
	while (err == ERR_OK && (got = getline(&text, &room, file)) > 0) {
		size_t len = (size_t)got - (text[got - 1] == '\n');
		const char *fault = fault_of(text, len, &before);
		lines++;
		if (fault != NULL) {
			err = fail(ERR_CONFIG, ret_reason, reason_size, path, "line %llu %s",
			    (unsigned long long)lines, fault);
			break;
		}
		memcpy(before.text, text, len);
		before.len = len;
	}
	if (err == ERR_OK && ferror(file))
		err = fail(
		    ERR_IO, ret_reason, reason_size, path, "cannot read it: %s", strerror(errno));
	free(text);
	(void)fclose(file);
	if (err == ERR_OK)
		*ret_lines = lines;
	return err;
}
