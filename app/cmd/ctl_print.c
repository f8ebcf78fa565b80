/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_print.c shows rows: to people as aligned text, to scripts as JSON. */
#include "ctl.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "limits.h"
#include "str.h"

#define GAP 2 /* spaces between two columns */
#define NOTHING "-"
#define PROGRESS_MS 200       /* between two looks of the bar on a terminal */
#define PROGRESS_LINE_MS 5000 /* between two lines elsewhere */
#define BAR_WIDTH 30

/* ---- cells -------------------------------------------------------------------------------- */

static const void *cell_of(const struct ctl_column *column, const void *row)
{
	return (const char *)row + column->offset;
}

static int64_t cell_i64(const struct ctl_column *column, const void *row)
{
	int64_t value;

	memcpy(&value, cell_of(column, row), sizeof(value));
	return value;
}

static const char *cell_text(const struct ctl_column *column, const void *row)
{
	const char *text;

	memcpy(&text, cell_of(column, row), sizeof(text));
	return text;
}

static struct uuid cell_id(const struct ctl_column *column, const void *row)
{
	struct uuid id;

	memcpy(&id, cell_of(column, row), sizeof(id));
	return id;
}

/* Well-formed UTF-8 is at most two bytes per C1 control: 0xC2 and 0x80 to 0x9F. */
void ctl_plain(const char *text, struct buf *out)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		if (*at < 0x20 || *at == 0x7f) {
			buf_addc(out, '?');
		} else if (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) {
			buf_addc(out, '?');
			at++;
		} else {
			buf_addc(out, (char)*at);
		}
	}
}

/* The length of the character that begins here, 0 when its bytes are no UTF-8. */
static size_t char_len(const char *text, size_t left)
{
	unsigned char first = (unsigned char)text[0];
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	return len <= left && utf8_valid(text, len) ? len : 0;
}

/* Control characters, and those that turn the direction of what stands beside them: U+200E,
 * U+200F, U+2028 to U+202E, U+2066 to U+2069. */
static bool is_unfit(const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text;

	if (len == 1)
		return at[0] < 0x20 || at[0] == 0x7f;
	if (len == 2)
		return at[0] == 0xc2 && at[1] <= 0x9f;
	if (len == 4 || at[0] != 0xe2)
		return false;
	return (at[1] == 0x80 &&
		   (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae))) ||
	       (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

static void escape_bytes(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			buf_adds(out, "\\n");
		else if (text[i] == '\t')
			buf_adds(out, "\\t");
		else if (text[i] == '\r')
			buf_adds(out, "\\r");
		else
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)text[i]);
	}
}

void ctl_escape(const char *text, size_t len_bytes, bool lines, struct buf *out)
{
	for (size_t at = 0, len; at < len_bytes; at += len) {
		len = char_len(text + at, len_bytes - at);
		if (len == 0) {
			len = 1;
			escape_bytes(text + at, len, out);
		} else if ((lines && text[at] == '\n') || !is_unfit(text + at, len)) {
			buf_add(out, text + at, len);
		} else {
			escape_bytes(text + at, len, out);
		}
	}
}

/* What a person reads in a cell. */
static void cell_write(const struct ctl_column *column, const void *row, struct buf *out)
{
	char text[TIME_TEXT_SIZE + ID_TEXT_SIZE];
	const char *shown = text;

	snprintf(text, sizeof(text), NOTHING);
	switch (column->type) {
	case CELL_ID:
		if (!uuid_is_nil(cell_id(column, row)))
			id_text(column->id, cell_id(column, row), text);
		break;
	case CELL_TEXT:
	case CELL_WORDS:
		shown = cell_text(column, row);
		if (shown == NULL || shown[0] == '\0')
			shown = NOTHING;
		break;
	case CELL_INT:
		if (cell_i64(column, row) != DB_NULL)
			snprintf(text, sizeof(text), "%lld", (long long)cell_i64(column, row));
		break;
	case CELL_BOOL:
		shown = *(const bool *)cell_of(column, row) ? "yes" : "no";
		break;
	case CELL_TIME:
		if (cell_i64(column, row) != TIME_NONE)
			time_text(cell_i64(column, row), text);
		break;
	}
	ctl_plain(shown, out);
}

static json_t *text_json(const char *text)
{
	return text == NULL ? json_null() : json_string(text);
}

/* The same for a script; NULL when memory is out. */
static json_t *cell_json(const struct ctl_column *column, const void *row)
{
	char text[TIME_TEXT_SIZE + ID_TEXT_SIZE];
	int64_t value;

	switch (column->type) {
	case CELL_ID:
		if (uuid_is_nil(cell_id(column, row)))
			return json_null();
		id_text(column->id, cell_id(column, row), text);
		return json_string(text);
	case CELL_TEXT:
		return text_json(cell_text(column, row));
	case CELL_WORDS:
		return json_words(cell_text(column, row) == NULL ? "" : cell_text(column, row));
	case CELL_INT:
		value = cell_i64(column, row);
		return value == DB_NULL ? json_null() : json_integer((json_int_t)value);
	case CELL_BOOL:
		return json_boolean(*(const bool *)cell_of(column, row));
	case CELL_TIME:
		value = cell_i64(column, row);
		if (value == TIME_NONE)
			return json_null();
		time_text(value, text);
		return json_string(text);
	}
	return NULL;
}

/* ---- for scripts -------------------------------------------------------------------------- */

static const void *row_at(const struct ctl_section *section, size_t index)
{
	return (const char *)section->rows + index * section->row_size;
}

static enum err put_row(const struct ctl_section *section, const void *row, json_t *object)
{
	for (size_t i = 0; i < section->column_count; i++) {
		enum err err = json_put(
		    object, section->columns[i].name, cell_json(&section->columns[i], row));
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* The list of a section as an array; the caller owns it. */
static enum err make_array(const struct ctl_section *section, json_t **ret_array)
{
	json_t *array = json_array();
	enum err err = array == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < section->count && err == ERR_OK; i++) {
		json_t *object = json_object();
		err = object == NULL ? ERR_NOMEM : put_row(section, row_at(section, i), object);
		if (err == ERR_OK && json_array_append(array, object) != 0)
			err = ERR_NOMEM;
		json_decref(object);
	}
	if (err == ERR_OK)
		*ret_array = array;
	else
		json_decref(array);
	return err;
}

/* A section becomes members of the answer: its own when unnamed, else one of its name. */
static enum err put_section(const struct ctl_section *section, json_t *answer)
{
	json_t *value = NULL;
	enum err err = ERR_OK;

	if (section->single && section->name == NULL)
		return put_row(section, section->rows, answer);
	if (section->single) {
		value = section->count == 0 ? json_null() : json_object();
		if (value == NULL)
			return ERR_NOMEM;
		if (section->count > 0)
			err = put_row(section, section->rows, value);
	} else {
		err = make_array(section, &value);
	}
	if (err == ERR_OK)
		return json_put(answer, section->name, value);
	json_decref(value);
	return err;
}

static enum err print_json(struct ctl *ctl, const struct ctl_section *sections, size_t count)
{
	json_t *answer = NULL;
	struct buf text;
	enum err err = ERR_OK;

	buf_init(&text, LIMIT_REPLY);
	if (count == 1 && !sections[0].single && sections[0].name == NULL) {
		err = make_array(&sections[0], &answer);
	} else {
		answer = json_object();
		err = answer == NULL ? ERR_NOMEM : ERR_OK;
		for (size_t i = 0; i < count && err == ERR_OK; i++)
			err = put_section(&sections[i], answer);
	}
	if (err == ERR_OK)
		err = json_write(answer, &text);
	if (err == ERR_OK && fprintf(ctl->out, "%s\n", buf_str(&text)) < 0)
		err = ERR_IO;
	json_decref(answer);
	buf_free(&text);
	return err;
}

/* ---- for people --------------------------------------------------------------------------- */

/* "created_at" as people read it: "created at", or "CREATED AT" over a column. */
static void label(const char *name, bool heading, struct buf *out)
{
	for (; *name != '\0'; name++) {
		char c = *name == '_' ? ' ' : *name;
		if (heading && c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		buf_addc(out, c);
	}
}

static void pad(size_t used, size_t width, struct buf *out)
{
	for (; used < width; used++)
		buf_addc(out, ' ');
}

static void write_single(const struct ctl_section *section, const void *row, struct buf *out)
{
	size_t width = 0;

	for (size_t i = 0; i < section->column_count; i++) {
		size_t len = strlen(section->columns[i].name);
		width = len > width ? len : width;
	}
	for (size_t i = 0; i < section->column_count; i++) {
		label(section->columns[i].name, false, out);
		pad(strlen(section->columns[i].name), width + GAP, out);
		cell_write(&section->columns[i], row, out);
		buf_addc(out, '\n');
	}
}

static size_t cell_width(const struct ctl_column *column, const void *row, struct buf *scratch)
{
	buf_clear(scratch);
	cell_write(column, row, scratch);
	return utf8_length(buf_str(scratch));
}

static void column_widths(
    const struct ctl_section *section, size_t *ret_widths, struct buf *scratch)
{
	for (size_t i = 0; i < section->column_count; i++) {
		ret_widths[i] = strlen(section->columns[i].name);
		for (size_t j = 0; j < section->count; j++) {
			size_t width =
			    cell_width(&section->columns[i], row_at(section, j), scratch);
			ret_widths[i] = width > ret_widths[i] ? width : ret_widths[i];
		}
	}
}

/* One cell of a line: numbers to the right, everything else to the left. */
static void write_aligned(
    const struct ctl_column *column, const char *text, size_t width, bool is_last, struct buf *out)
{
	size_t len = utf8_length(text);

	if (column->type == CELL_INT)
		pad(len, width, out);
	buf_adds(out, text);
	if (column->type != CELL_INT && !is_last)
		pad(len, width, out);
	if (!is_last)
		pad(0, GAP, out);
}

/* The heading (row NULL) or one row. */
static void write_line(const struct ctl_section *section, const void *row, const size_t *widths,
    struct buf *scratch, struct buf *out)
{
	size_t last = 0;

	for (size_t i = 0; i < section->column_count; i++)
		last = section->columns[i].json_only ? last : i;
	for (size_t i = 0; i < section->column_count; i++) {
		const struct ctl_column *column = &section->columns[i];
		if (column->json_only)
			continue;
		buf_clear(scratch);
		if (row == NULL)
			label(column->name, true, scratch);
		else
			cell_write(column, row, scratch);
		write_aligned(column, buf_str(scratch), widths[i], i == last, out);
	}
	buf_addc(out, '\n');
}

static void write_table(const struct ctl_section *section, struct buf *scratch, struct buf *out)
{
	size_t widths[LIMIT_DB_COLUMNS];

	column_widths(section, widths, scratch);
	write_line(section, NULL, widths, scratch, out);
	for (size_t i = 0; i < section->count; i++)
		write_line(section, row_at(section, i), widths, scratch, out);
}

static enum err print_people(struct ctl *ctl, const struct ctl_section *sections, size_t count)
{
	struct buf out;
	struct buf scratch;
	enum err err;

	buf_init(&out, LIMIT_REPLY);
	buf_init(&scratch, LIMIT_REPLY);
	for (size_t i = 0; i < count; i++) {
		const struct ctl_section *section = &sections[i];
		if (i > 0)
			buf_addc(&out, '\n');
		if (section->name != NULL) {
			label(section->name, true, &out);
			buf_addc(&out, '\n');
		}
		if (section->count == 0)
			buf_printf(&out, "%s\n", section->empty == NULL ? "none" : section->empty);
		else if (section->single)
			write_single(section, section->rows, &out);
		else
			write_table(section, &scratch, &out);
	}
	err = buf_failed(&scratch) ? ERR_FULL : buf_err(&out);
	if (err == ERR_OK && fputs(buf_str(&out), ctl->out) < 0)
		err = ERR_IO;
	buf_free(&scratch);
	buf_free(&out);
	return err;
}

enum err ctl_print(struct ctl *ctl, const struct ctl_section *sections, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (sections[i].column_count > LIMIT_DB_COLUMNS)
			return ERR_RANGE;
	}
	return ctl->json ? print_json(ctl, sections, count) : print_people(ctl, sections, count);
}

/* ---- sentences ---------------------------------------------------------------------------- */

void ctl_lines(struct ctl *ctl, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		fprintf(ctl->err, "bonafide: %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static PRINTF(2, 0) void say(struct ctl *ctl, const char *format, va_list args)
{
	fflush(ctl->out);
	fputs("bonafide: ", ctl->err);
	vfprintf(ctl->err, format, args);
	fputc('\n', ctl->err);
	ctl->said = true;
}

enum err ctl_fail(struct ctl *ctl, enum err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(ctl, format, args);
	va_end(args);
	return err;
}

enum err ctl_misuse(struct ctl *ctl, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(ctl, format, args);
	va_end(args);
	ctl->misused = true;
	return ERR_VALIDATION;
}

void ctl_note(struct ctl *ctl, const char *format, ...)
{
	va_list args;

	if (ctl->json)
		return;
	/* Both go to the same terminal: in the order they were written. */
	fflush(ctl->out);
	va_start(args, format);
	vfprintf(ctl->err, format, args);
	va_end(args);
	fputc('\n', ctl->err);
}

/* ---- progress ----------------------------------------------------------------------------- */

struct ctl_progress ctl_progress_begin(struct ctl *ctl, const char *what)
{
	return (struct ctl_progress){ .out = ctl->err,
		.what = what,
		.terminal = isatty(fileno(ctl->err)) != 0,
		.began_ms = clock_mono_ms() };
}

static void draw_bar(struct ctl_progress *progress, uint64_t done, uint64_t total, int64_t now_ms)
{
	char bar[BAR_WIDTH + 1];
	size_t filled = total == 0 ? BAR_WIDTH : (size_t)(done * BAR_WIDTH / total);
	int64_t took_ms = now_ms - progress->began_ms + 1;

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', filled > BAR_WIDTH ? BAR_WIDTH : filled);
	bar[BAR_WIDTH] = '\0';
	fprintf(progress->out, "\r[%s] %3llu %%  %llu of %llu %s, %llu a second ", bar,
	    (unsigned long long)(total == 0 ? 100 : done * 100 / total), (unsigned long long)done,
	    (unsigned long long)total, progress->what,
	    (unsigned long long)(done * 1000 / (uint64_t)took_ms));
	fflush(progress->out);
	progress->drawn = true;
}

bool ctl_progress_show(void *arg, uint64_t done, uint64_t total)
{
	struct ctl_progress *progress = arg;
	int64_t now_ms = clock_mono_ms();
	int64_t every_ms = progress->terminal ? PROGRESS_MS : PROGRESS_LINE_MS;

	if (done < total && now_ms - progress->shown_ms < every_ms)
		return true;
	progress->shown_ms = now_ms;
	if (progress->terminal)
		draw_bar(progress, done, total, now_ms);
	else
		fprintf(progress->out, "%llu of %llu %s\n", (unsigned long long)done,
		    (unsigned long long)total, progress->what);
	return true;
}

void ctl_progress_end(struct ctl_progress *progress)
{
	if (progress->drawn)
		fputc('\n', progress->out);
}
