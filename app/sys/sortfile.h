/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sortfile.h owns looking up a line in a sorted file of any size: lines in the order of their bytes
 * (LC_ALL=C sort), each ended by a newline. Nothing is kept between two look-ups, so the file may be
 * replaced (by rename) at any time, and a look-up reads a few dozen blocks, not the file.
 */
#ifndef BONAFIDE_SORTFILE_H
#define BONAFIDE_SORTFILE_H

#include "base.h"

/* The longest line; a longer one is a fault of the file. */
#define SORTFILE_LINE 1024

/* Is there this line? A file that is not sorted may hide it. On failure *ret_reason (reason_size bytes)
 * says in a sentence what is wrong with the file. ERR_IO. */
enum err sortfile_find(const char *path, const char *line, bool *ret_found, char *ret_reason,
    size_t reason_size) MUST_CHECK;

/* Reads all of it: is each line in its place, none too long, none with the line end of another system?
 * *ret_lines: how many there are. ERR_CONFIG, ERR_IO; *ret_reason as above. */
enum err sortfile_check(
    const char *path, uint64_t *ret_lines, char *ret_reason, size_t reason_size) MUST_CHECK;

#endif
