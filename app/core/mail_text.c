/* SPDX-License-Identifier: Apache-2.0 */
/* mail_text.c reads the texts of mails and fills them in. */
#include "mail_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mime.h"
#include "str.h"
#include "unicode.h"

#define PATH_SIZE (LIMIT_SETTING + 64)
#define NAMES "abcdefghijklmnopqrstuvwxyz_"

/* The places of each template, with a value for trying it, and the one without which the mail would
 * be no use. */
static const struct kind {
	struct mail_value samples[LIMIT_MAIL_VALUES];
	const char *needs;
} kinds[MAIL__MAX] = {
	[MAIL_VERIFICATION_CODE] = { { { "code", "K7Q2ZD" }, { "minutes", "10" } }, "code" },
	[MAIL_ALREADY_REGISTERED] = { { { NULL, NULL } }, NULL },
	[MAIL_INVITATION] = { { { "organization", "Example Ltd" }, { "role", "member" } },
	    "organization" },
	[MAIL_TEST] = { { { NULL, NULL } }, NULL },
	[MAIL_SESSION_INVITATION] = { { { "name", "Amara" }, { "organization", "Example Ltd" },
					  { "link", "https://kyc.example.org/verify/vs_example" },
					  { "expires", "2026-05-01 10:30 UTC" } },
	    "link" },
};

static const char *const languages[] = { "en", "fr" };

const struct mail_value *mail_text_samples(enum mail_template template)
{
	return kinds[template].samples;
}

size_t mail_text_places(enum mail_template template)
{
	size_t count = 0;

	while (count < LIMIT_MAIL_VALUES && kinds[template].samples[count].name != NULL)
		count++;
	return count;
}

bool mail_text_speaks(const char *language)
{
	for (size_t i = 0; i < countof(languages); i++)
		if (strcmp(languages[i], language) == 0)
			return true;
	return false;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

/* One text as it is being read and filled. */
struct reading {
	const char *path;
	const struct mail_value *values;
	size_t count;
	const char *url;
	const char *needs; /* NULL: nothing */
	bool has_needed;
	struct buf *faults;
	enum err err;
};

static void fault(struct reading *reading, enum err err, const char *what)
{
	buf_printf(reading->faults, "%s: %s\n", reading->path, what);
	if (reading->err == ERR_OK)
		reading->err = err;
}

/* The file without carriage returns; NULL when it cannot be had. */
static char *read_file(struct arena *arena, struct reading *reading)
{
	char *text = arena_alloc(arena, LIMIT_MAIL_TEXT + 2);
	FILE *file = fopen(reading->path, "re");
	size_t len, kept = 0;

	if (text == NULL || file == NULL) {
		fault(reading, text == NULL ? ERR_NOMEM : ERR_IO,
		    text == NULL ? err_sentence(ERR_NOMEM) : strerror(errno));
		if (file != NULL)
			fclose(file);
		return NULL;
	}
	len = fread(text, 1, LIMIT_MAIL_TEXT + 1, file);
	if (ferror(file) != 0)
		fault(reading, ERR_IO, "cannot be read");
	fclose(file);
	if (len > LIMIT_MAIL_TEXT)
		fault(reading, ERR_SYNTAX, "is longer than 16384 bytes");
	else if (memchr(text, '\0', len) != NULL || !utf8_valid(text, len))
		fault(reading, ERR_SYNTAX, "is not text in UTF-8");
	for (size_t i = 0; i < len; i++)
		if (text[i] != '\r')
			text[kept++] = text[i];
	text[kept] = '\0';
	return reading->err == ERR_OK ? text : NULL;
}

/* ---- filling ------------------------------------------------------------------------------------------- */

/* C0, DEL, C1, and what turns the direction of the text behind it. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void add_value(const char *text, struct buf *out)
{
	while (*text != '\0') {
		const char *from = text;
		if (!is_control(unicode_next(&text)))
			buf_add(out, from, (size_t)(text - from));
	}
}

static const char *value_of(const struct reading *reading, const char *name, size_t len)
{
	if (len == 3 && memcmp(name, "url", 3) == 0)
		return reading->url;
	for (size_t i = 0; i < reading->count; i++) {
		const struct mail_value *value = &reading->values[i];
		if (strlen(value->name) == len && memcmp(value->name, name, len) == 0)
			return value->text;
	}
	return NULL;
}

/* "{name}" at text; its length, or 1 for a brace that begins none, which is a fault. */
static size_t add_place(struct reading *reading, const char *text, struct buf *out)
{
	size_t len = text[0] == '{' ? strspn(text + 1, NAMES) : 0;
	char what[96];

	if (len == 0 || text[len + 1] != '}') {
		fault(reading, ERR_SYNTAX, "has a { or } that is no part of a place like {url}");
		return 1;
	}
	const char *value = value_of(reading, text + 1, len);
	if (value == NULL) {
		(void)snprintf(what, sizeof(what), "has the place {%.*s}, which this mail has not",
		    len > 40 ? 40 : (int)len, text + 1);
		fault(reading, ERR_SYNTAX, what);
	} else {
		add_value(value, out);
	}
	if (reading->needs != NULL && strlen(reading->needs) == len &&
	    memcmp(reading->needs, text + 1, len) == 0)
		reading->has_needed = true;
	return len + 2;
}

static void fill(struct reading *reading, const char *text, struct buf *out)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "{}");
		buf_add(out, text, len);
		text += len;
		if (*text != '\0')
			text += add_place(reading, text, out);
	}
}

/* ---- wrapping -------------------------------------------------------------------------------------------- */

static size_t characters(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0U) != 0x80U;
	return count;
}

/* One line, broken at its blanks where it is too long. */
static void wrap_line(const char *line, size_t len, struct buf *out)
{
	size_t column = 0;

	while (len > 0) {
		size_t blanks = strspn(line, " "), word;
		blanks = blanks < len ? blanks : len;
		word = strcspn(line + blanks, " \n");
		word = blanks + word < len ? word : len - blanks;
		size_t wide = characters(line + blanks, word);
		if (column > 0 && column + blanks + wide > MIME_LINE) {
			buf_addc(out, '\n');
			column = 0;
		} else {
			buf_add(out, line, blanks);
			column += blanks;
		}
		buf_add(out, line + blanks, word);
		column += wide;
		line += blanks + word;
		len -= blanks + word;
	}
}

static void wrap(const char *text, struct buf *out)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		wrap_line(text, len, out);
		buf_addc(out, '\n');
		text += len + (text[len] == '\n');
	}
}

/* ---- a text ------------------------------------------------------------------------------------------------ */

/* Takes "Subject: …" and the empty line off; the rest is the body. */
static char *take_subject(struct reading *reading, char *text, const char **ret_body)
{
	static const char word[] = "Subject: ";
	size_t len = strcspn(text, "\n");

	if (strncmp(text, word, sizeof(word) - 1) != 0 || len == sizeof(word) - 1 ||
	    text[len] != '\n' || text[len + 1] != '\n' || text[len + 2] == '\0') {
		fault(reading, ERR_SYNTAX,
		    "must begin with a line \"Subject: …\" and an empty line, and then say something");
		return NULL;
	}
	text[len] = '\0';
	*ret_body = text + len + 2;
	return text + sizeof(word) - 1;
}

static enum err fill_text(
    struct arena *arena, struct reading *reading, char *text, struct mail_text *ret_text)
{
	const char *body = NULL;
	const char *subject = take_subject(reading, text, &body);
	struct buf filled, wrapped;

	if (subject == NULL)
		return reading->err;
	buf_init(&filled, LIMIT_MAIL_MESSAGE);
	buf_init(&wrapped, LIMIT_MAIL_MESSAGE);
	fill(reading, subject, &filled);
	struct mail_text made = { .subject = arena_strdup(arena, buf_str(&filled)) };
	buf_clear(&filled);
	fill(reading, body, &filled);
	wrap(buf_str(&filled), &wrapped);
	made.body = arena_strdup(arena, buf_str(&wrapped));
	if (buf_failed(&filled) || buf_failed(&wrapped))
		fault(reading, ERR_SYNTAX, "is too long with its values");
	buf_free(&filled); /* wipes */
	buf_free(&wrapped);
	if (reading->err == ERR_OK && arena_overflowed(arena))
		return ERR_NOMEM;
	if (reading->err == ERR_OK)
		*ret_text = made;
	return reading->err;
}

static enum err read_text(struct ctx *ctx, enum mail_template template, const char *language,
    struct reading *reading, struct mail_text *ret_text)
{
	char path[PATH_SIZE];
	char *text;

	(void)snprintf(path, sizeof(path), "%s/%s.%s.txt", ctx->settings->mail_dir,
	    mail_template_word(template), language);
	reading->path = path;
	reading->url = ctx->settings->public_url;
	text = read_file(ctx->arena, reading);
	if (text != NULL)
		(void)fill_text(ctx->arena, reading, text, ret_text);
	if (reading->err == ERR_OK && reading->needs != NULL && !reading->has_needed)
		fault(reading, ERR_SYNTAX, "leaves out what the mail is sent for");
	return reading->err;
}

enum err mail_text_fill(struct ctx *ctx, enum mail_template template, const char *language,
    const struct mail_value *values, size_t count, struct mail_text *ret_text, struct buf *faults)
{
	struct reading reading = {
		.values = values, .count = count, .needs = kinds[template].needs, .faults = faults
	};

	return read_text(ctx, template, language, &reading, ret_text);
}

enum err mail_text_check(struct ctx *ctx, struct buf *faults, size_t *ret_count)
{
	enum err first = ERR_OK;
	struct mail_text text;

	for (size_t i = 0; i < MAIL__MAX * countof(languages); i++) {
		enum mail_template template = (enum mail_template)(i / countof(languages));
		enum err err = mail_text_fill(ctx, template, languages[i % countof(languages)],
		    kinds[template].samples, mail_text_places(template), &text, faults);
		first = first == ERR_OK ? err : first;
	}
	*ret_count = MAIL__MAX * countof(languages);
	return first;
}
