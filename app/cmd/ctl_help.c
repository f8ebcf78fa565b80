/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_help.c writes the help texts from the table of commands. */
#include "ctl.h"

#include <string.h>

#include "limits.h"
#include "program.h"
#include "str.h"

#define WIDTH 79     /* columns of help text */
#define LEFT_MAX 26  /* a longer left side has its sentence on the next line */
#define NAME_SIZE 64 /* room for "--option VALUE" */
#define USAGE_INDENT 8

/* Appends words so that no line passes WIDTH; later lines begin with indent spaces. */
static void wrap(const char *text, size_t column, size_t indent, struct buf *out)
{
	while (*text != '\0') {
		size_t len = strcspn(text, " \n");
		if (column > indent && column + 1 + len > WIDTH) {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			buf_addc(out, ' ');
			column++;
		}
		buf_add(out, text, len);
		column += len;
		text += len;
		if (text[0] == '\n') {
			buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		text += *text != '\0';
	}
	buf_addc(out, '\n');
}

/* "  left    sentence", the sentence wrapped behind the column `at`. */
static void entry(const char *left, size_t at, const char *sentence, struct buf *out)
{
	size_t used = 2 + strlen(left);

	buf_printf(out, "  %s", left);
	if (used + 2 > at) {
		buf_addc(out, '\n');
		used = 0;
	}
	buf_printf(out, "%*s", (int)(at - used), "");
	wrap(sentence, at, at, out);
}

static size_t wider(size_t width, const char *left)
{
	size_t len = strlen(left);

	return len > width && len <= LEFT_MAX ? len : width;
}

static void command_name(
    const struct ctl_noun *noun, const struct ctl_command *command, char *out, size_t size)
{
	snprintf(
	    out, size, "%s%s%s", noun->word, command->verb[0] == '\0' ? "" : " ", command->verb);
}

/* "--app APP" as it stands in a usage line, or the left side of its explanation. */
static void arg_name(const struct ctl_arg *arg, char *out, size_t size)
{
	if (ctl_arg_is_bare(arg))
		snprintf(out, size, "%s", arg->name);
	else
		snprintf(out, size, "--%s%s%s", arg->name, arg->type == CTL_FLAG ? "" : " ",
		    arg->type == CTL_FLAG ? "" : arg->value);
}

/* ---- usage -------------------------------------------------------------------------------- */

/* One piece of a usage line, never broken in two. */
static size_t usage_piece(const char *piece, size_t column, struct buf *out)
{
	size_t len = strlen(piece);

	if (column + 1 + len > WIDTH) {
		buf_printf(out, "\n%*s", USAGE_INDENT, "");
		column = USAGE_INDENT;
	} else {
		buf_addc(out, ' ');
		column++;
	}
	buf_adds(out, piece);
	return column + len;
}

void ctl_usage(const struct ctl_noun *noun, const struct ctl_command *command, struct buf *out)
{
	char name[NAME_SIZE];
	char piece[NAME_SIZE + 2];

	if (command == NULL) {
		buf_printf(out, "usage: bonafide [-c FILE] [--json] %s %s [ARGUMENT ...]\n",
		    noun == NULL ? "COMMAND" : noun->word, noun == NULL ? "[WORD]" : "WORD");
		return;
	}
	command_name(noun, command, name, sizeof(name));
	buf_printf(out, "usage: bonafide %s", name);
	size_t column = strlen("usage: bonafide ") + strlen(name);
	for (size_t i = 0; i < command->arg_count; i++) {
		const struct ctl_arg *arg = &command->args[i];
		arg_name(arg, name, sizeof(name));
		snprintf(piece, sizeof(piece), arg->required ? "%s" : "[%s]", name);
		column = usage_piece(piece, column, out);
	}
	buf_addc(out, '\n');
}

/* ---- the three helps ---------------------------------------------------------------------- */

static void list_commands(const struct ctl_noun *noun, size_t at, struct buf *out)
{
	char name[NAME_SIZE];

	for (size_t i = 0; i < noun->count; i++) {
		command_name(noun, &noun->commands[i], name, sizeof(name));
		entry(name, at, noun->commands[i].summary, out);
	}
}

static size_t commands_width(const struct ctl_noun *noun, size_t width)
{
	char name[NAME_SIZE];

	for (size_t i = 0; i < noun->count; i++) {
		command_name(noun, &noun->commands[i], name, sizeof(name));
		width = wider(width, name);
	}
	return width;
}

static void help_everything(const struct ctl_noun *const *nouns, size_t count, struct buf *out)
{
	size_t width = 0;

	buf_adds(out, "bonafide operates a Bonafide identity-verification gateway.\n\n");
	ctl_usage(NULL, NULL, out);
	buf_addc(out, '\n');
	for (size_t i = 0; i < count; i++)
		width = commands_width(nouns[i], width);
	for (size_t i = 0; i < count; i++)
		list_commands(nouns[i], width + 4, out);
	buf_adds(out,
	    "\nEverywhere:\n"
	    "  -c, --config FILE  the settings (default " PROGRAM_CONFIG ")\n"
	    "      --json         the answer as JSON, for scripts\n"
	    "  -h, --help         this text, or that of a command: bonafide key create --help\n"
	    "  -V, --version      the version\n"
	    "\nExit status: 0 done, 1 failed, 2 the command line is wrong.\n");
}

static void help_noun(const struct ctl_noun *noun, struct buf *out)
{
	ctl_usage(noun, NULL, out);
	buf_addc(out, '\n');
	wrap(noun->summary, 0, 0, out);
	buf_addc(out, '\n');
	list_commands(noun, commands_width(noun, 0) + 4, out);
	buf_printf(out, "\n\"bonafide %s %s --help\" explains one of them.\n", noun->word,
	    noun->commands[0].verb);
}

static void help_command(
    const struct ctl_noun *noun, const struct ctl_command *command, struct buf *out)
{
	char name[NAME_SIZE];
	size_t width = 0;

	ctl_usage(noun, command, out);
	buf_addc(out, '\n');
	wrap(command->help != NULL ? command->help : command->summary, 0, 0, out);
	for (size_t i = 0; i < command->arg_count; i++) {
		arg_name(&command->args[i], name, sizeof(name));
		width = wider(width, name);
	}
	if (command->arg_count > 0)
		buf_addc(out, '\n');
	for (size_t i = 0; i < command->arg_count; i++) {
		const struct ctl_arg *arg = &command->args[i];
		arg_name(arg, name, sizeof(name));
		entry(name, width + 4, arg->sentence, out);
		for (size_t j = 0; j < arg->list_count; j++)
			buf_printf(out, "%*s%s\n", (int)width + 6, "", arg->list[j]);
	}
}

void ctl_help(const struct ctl_noun *const *nouns, size_t count, const struct ctl_noun *noun,
    const struct ctl_command *command, struct buf *out)
{
	if (noun == NULL)
		help_everything(nouns, count, out);
	else if (command == NULL)
		help_noun(noun, out);
	else
		help_command(noun, command, out);
}
