/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mail_text.h owns what mails say: plain text in files "<template>.<language>.txt" of the directory
 * mail_dir, the first line "Subject: …", an empty line, then the text. {name} is a place that a value
 * goes into; a template has the places that the table in mail_text.c gives it, and {url}, the setting
 * public_url. Values are text: nothing in them is read as a place, and control characters are left
 * out, so a value stays within its line.
 */
#ifndef BONAFIDE_MAIL_TEXT_H
#define BONAFIDE_MAIL_TEXT_H

#include "base.h"
#include "ctx.h"
#include "mail.h"

/* Filled in; lines of at most 76 characters where there are blanks to break them at. */
struct mail_text {
	const char *subject;
	const char *body;
};

/*
 * Reads a text and fills it in, in ctx's arena. faults gets a line for each thing that is wrong with
 * the file. ERR_IO: it cannot be read; ERR_SYNTAX: it is not as above; ERR_NOMEM.
 */
enum err mail_text_fill(struct ctx *ctx, enum mail_template template, const char *language,
    const struct mail_value *values, size_t count, struct mail_text *ret_text,
    struct buf *faults) MUST_CHECK;

/* Reads all of them, with values made up; also that none leaves out what it is sent for. *ret_count
 * texts. As above. */
enum err mail_text_check(struct ctx *ctx, struct buf *faults, size_t *ret_count) MUST_CHECK;

/* The made-up values of a template, for a test; mail_text_places() of them. */
const struct mail_value *mail_text_samples(enum mail_template template);

/* How many places a template has besides {url}. */
size_t mail_text_places(enum mail_template template);

/* True when there are texts in this language. */
bool mail_text_speaks(const char *language);

#endif
