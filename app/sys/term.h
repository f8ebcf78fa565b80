/* SPDX-License-Identifier: Apache-2.0 */
/* term.h owns asking a person at a terminal for something that nobody else is to read. */
#ifndef BONAFIDE_TERM_H
#define BONAFIDE_TERM_H

#include "base.h"

/*
 * Reads one line of standard input into out, without its newline: at most size - 1 bytes and a NUL. From
 * a terminal it is asked for with the prompt (on standard error) and not shown while it is typed, and
 * the terminal is as before afterwards, also when the person interrupts. *ret_typed (may be NULL): it
 * came from a terminal. ERR_MISSING: nothing came; ERR_FULL: longer than that; ERR_IO.
 */
enum err term_read_secret(
    const char *prompt, char *out, size_t size_bytes, bool *ret_typed) MUST_CHECK;

#endif
