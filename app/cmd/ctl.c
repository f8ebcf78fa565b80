/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.c reads a command line against the table of commands. */
#include "ctl.h"

#include <string.h>

#include "clock.h"
#include "limits.h"
#include "str.h"

#define NEAREST_MAX 64 /* words looked at for a suggestion */

/* The line while it is being read. */
struct parse {
	const struct ctl_noun *const *nouns;
	size_t count;
	int argc;
	char *const *argv;
	int next;        /* the next element of argv */
	bool words_only; /* behind "--" */
	struct arena *arena;
	struct buf *complaints;
	struct ctl_line *line;
	bool *given;      /* one per argument of the command */
	size_t bare_seen; /* bare words given to the command */
	bool lost;        /* behind an unknown word nothing can be understood */
};

bool ctl_arg_is_bare(const struct ctl_arg *arg)
{
	return arg->name[0] >= 'A' && arg->name[0] <= 'Z';
}

/* ---- complaints --------------------------------------------------------------------------- */

/* A complaint about an unknown word ends here, with a known one that is near, if any. */
static void suggest(
    struct parse *p, const char *wrong, const char *const *words, size_t count, const char *before)
{
	const char *near = str_nearest(wrong, words, count);

	p->lost = true;
	if (near != NULL)
		buf_printf(p->complaints, " Did you mean \"%s%s\"?", before, near);
	buf_addc(p->complaints, '\n');
}

static void complain_noun(struct parse *p, const char *wrong)
{
	const char *words[NEAREST_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p->count && n < countof(words) - 1; i++)
		words[n++] = p->nouns[i]->word;
	words[n++] = "help";
	buf_adds(p->complaints, "there is no command \"");
	ctl_plain(wrong, p->complaints);
	buf_adds(p->complaints, "\".");
	suggest(p, wrong, words, n, "");
}

static void list_verbs(const struct ctl_noun *noun, struct buf *out)
{
	for (size_t i = 0; i < noun->count; i++)
		buf_printf(out, "%s%s",
		    i == 0                 ? ""
		    : i + 1 == noun->count ? " or "
					   : ", ",
		    noun->commands[i].verb);
}

static void complain_verb(struct parse *p, const char *wrong)
{
	const struct ctl_noun *noun = p->line->noun;
	const char *words[NEAREST_MAX];
	size_t n = 0;

	for (size_t i = 0; i < noun->count && n < countof(words); i++)
		words[n++] = noun->commands[i].verb;
	buf_printf(p->complaints, "\"%s\" takes ", noun->word);
	list_verbs(noun, p->complaints);
	buf_adds(p->complaints, ", not \"");
	ctl_plain(wrong, p->complaints);
	buf_adds(p->complaints, "\".");
	suggest(p, wrong, words, n, "");
}

static void complain_option(struct parse *p, const char *wrong)
{
	static const char *const everywhere[] = { "config", "json", "help", "version" };
	const struct ctl_command *command = p->line->command;
	const char *words[NEAREST_MAX];
	size_t n = 0;

	for (size_t i = 0; i < countof(everywhere); i++)
		words[n++] = everywhere[i];
	for (size_t i = 0; command != NULL && i < command->arg_count && n < countof(words); i++) {
		if (!ctl_arg_is_bare(&command->args[i]))
			words[n++] = command->args[i].name;
	}
	buf_adds(p->complaints, "there is no option \"");
	ctl_plain(wrong, p->complaints);
	buf_adds(p->complaints, command == NULL ? "\" before a command." : "\" here.");
	suggest(p, wrong + strspn(wrong, "-"), words, n, "--");
}

/* What the argument is called in a sentence: "--app" or "KEY". */
static void name_arg(const struct ctl_arg *arg, struct buf *out)
{
	buf_printf(out, "%s%s", ctl_arg_is_bare(arg) ? "" : "--", arg->name);
}

/* "--app takes <what>, not "<text>".": the common form of a refusal. */
static enum err refuse(
    struct parse *p, const struct ctl_arg *arg, const char *what, const char *text)
{
	name_arg(arg, p->complaints);
	buf_printf(p->complaints, " takes %s, not \"", what);
	ctl_plain(text, p->complaints);
	buf_adds(p->complaints, "\".\n");
	return ERR_VALIDATION;
}

/* ---- values ------------------------------------------------------------------------------- */

static enum err take_text(struct parse *p, const struct ctl_arg *arg, const char *text)
{
	if (text[0] == '\0') {
		name_arg(arg, p->complaints);
		buf_adds(p->complaints, " must not be empty.\n");
		return ERR_VALIDATION;
	}
	if (!utf8_valid(text, strlen(text)))
		return refuse(p, arg, "text in UTF-8", text);
	if ((int64_t)utf8_length(text) > arg->max) {
		name_arg(arg, p->complaints);
		buf_printf(
		    p->complaints, " is longer than %lld characters.\n", (long long)arg->max);
		return ERR_VALIDATION;
	}
	return ERR_OK;
}

static enum err take_word(struct parse *p, const struct ctl_arg *arg, const char *text)
{
	size_t len = strlen(text);
	struct buf what;

	for (const char *at = arg->words; at != NULL && *at != '\0';) {
		size_t word_len = strcspn(at, "|");
		if (len == word_len && memcmp(at, text, len) == 0)
			return ERR_OK;
		at += word_len + (at[word_len] == '|');
	}
	buf_init(&what, LIMIT_SETTING);
	for (const char *at = arg->words; *at != '\0'; at++) {
		if (*at == '|')
			buf_adds(&what, strchr(at + 1, '|') == NULL ? " or " : ", ");
		else
			buf_addc(&what, *at);
	}
	enum err err = refuse(p, arg, buf_str(&what), text);
	buf_free(&what);
	return err;
}

static const char *id_noun(enum id_kind kind)
{
	static const char *const nouns[ID__MAX] = {
		[ID_VERIFICATION] = "the id of a verification",
		[ID_KEY] = "the id of a key",
		[ID_USAGE] = "the id of a usage event",
		[ID_ORGANIZATION] = "the id of an organisation",
		[ID_APPLICATION] = "the id of an application",
		[ID_REQUEST] = "the id of a request",
		[ID_SCORE] = "the id of a score",
		[ID_WORK] = "the id of a piece of work",
		[ID_WEBHOOK] = "the id of a webhook",
		[ID_ENDPOINT] = "the id of a webhook",
		[ID_WEBHOOK_KEY] = "the id of an encryption key",
		[ID_EVENT] = "the id of an event",
		[ID_DELIVERY] = "the id of a delivery",
		[ID_ATTEMPT] = "the id of an attempt",
		[ID_TASK] = "the id of a task",
		[ID_SESSION] = "the id of a session",
		[ID_SESSION_ATTEMPT] = "the id of a session's attempt",
		[ID_UUID] = "a UUID",
		[ID_MAIL] = "the id of a mail",
	};
	return nouns[kind] == NULL ? "another id" : nouns[kind];
}

/* A webhook has two spellings, one of each family that manages it; both are one. What people manage
 * by themselves they know by its UUID. */
static enum err read_id(enum id_kind kind, const char *text, struct uuid *ret_id)
{
	enum err err = id_parse(kind, text, ret_id);

	if (err != ERR_OK && kind == ID_WEBHOOK)
		err = id_parse(ID_ENDPOINT, text, ret_id);
	if (err != ERR_OK && (kind == ID_ORGANIZATION || kind == ID_APPLICATION))
		err = id_parse(ID_UUID, text, ret_id);
	return err;
}

static enum err take_id(
    struct parse *p, const struct ctl_arg *arg, const char *text, struct uuid *ret_id)
{
	struct uuid other;
	char what[160];

	if (read_id(arg->id, text, ret_id) == ERR_OK)
		return ERR_OK;
	if (arg->id == ID_UUID)
		return refuse(p, arg, "a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057", text);
	for (int kind = 0; kind < ID__MAX; kind++) {
		if (id_parse((enum id_kind)kind, text, &other) != ERR_OK)
			continue;
		snprintf(what, sizeof(what), "%s (%s_...), and this is %s:", id_noun(arg->id),
		    id_prefix(arg->id), id_noun((enum id_kind)kind));
		name_arg(arg, p->complaints);
		buf_printf(p->complaints, " takes %s %s.\n", what, text);
		return ERR_VALIDATION;
	}
	snprintf(
	    what, sizeof(what), "%s (%s_ and 26 characters)", id_noun(arg->id), id_prefix(arg->id));
	return refuse(p, arg, what, text);
}

static enum err take_int(
    struct parse *p, const struct ctl_arg *arg, const char *text, int64_t *ret_value)
{
	char what[96];

	if (str_to_i64(text, arg->min, arg->max, ret_value) == ERR_OK)
		return ERR_OK;
	snprintf(what, sizeof(what), "a number from %lld to %lld", (long long)arg->min,
	    (long long)arg->max);
	return refuse(p, arg, what, text);
}

static enum err take_time(
    struct parse *p, const struct ctl_arg *arg, const char *text, int64_t *ret_time_ms)
{
	bool is_date;

	if (time_parse(text, ret_time_ms, &is_date) == ERR_OK)
		return ERR_OK;
	return refuse(
	    p, arg, "a UTC date or time such as 2027-01-31 or 2027-01-31T12:00:00Z", text);
}

/* Converts text into the member of the input struct that the row names. */
static enum err take_value(struct parse *p, const struct ctl_arg *arg, const char *text)
{
	char *member = (char *)p->line->input + arg->offset;
	enum err err = ERR_INTERNAL;

	switch (arg->type) {
	case CTL_TEXT:
		err = take_text(p, arg, text);
		if (err == ERR_OK)
			memcpy(member, &text, sizeof(text));
		break;
	case CTL_WORD:
		err = take_word(p, arg, text);
		if (err == ERR_OK)
			memcpy(member, &text, sizeof(text));
		break;
	case CTL_ID:
		err = take_id(p, arg, text, (struct uuid *)(void *)member);
		break;
	case CTL_INT:
		err = take_int(p, arg, text, (int64_t *)(void *)member);
		break;
	case CTL_TIME:
		err = take_time(p, arg, text, (int64_t *)(void *)member);
		break;
	case CTL_FLAG:
		*(bool *)(void *)member = true;
		err = ERR_OK;
		break;
	}
	return err;
}

/* ---- words and options -------------------------------------------------------------------- */

/* From here on the line belongs to this command: its input struct, with the values of absent
 * arguments. */
static enum err choose(struct parse *p, const struct ctl_command *command)
{
	p->line->command = command;
	p->line->input = arena_alloc(p->arena, command->input_size + 1);
	p->given = arena_array(p->arena, command->arg_count + 1, sizeof(*p->given));
	if (p->line->input == NULL || p->given == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < command->arg_count; i++) {
		const struct ctl_arg *arg = &command->args[i];
		int64_t initial = arg->type == CTL_TIME ? TIME_NONE : arg->initial;

		if (arg->type == CTL_TIME || arg->type == CTL_INT)
			memcpy((char *)p->line->input + arg->offset, &initial, sizeof(initial));
	}
	return ERR_OK;
}

/* The command that the noun alone stands for, NULL when a verb is needed. */
static const struct ctl_command *bare_command(const struct ctl_noun *noun)
{
	for (size_t i = 0; i < noun->count; i++) {
		if (noun->commands[i].bare || noun->commands[i].verb[0] == '\0')
			return &noun->commands[i];
	}
	return NULL;
}

static enum err take_noun(struct parse *p, const char *word)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct ctl_noun *noun = p->nouns[i];
		if (strcmp(noun->word, word) != 0)
			continue;
		p->line->noun = noun;
		if (noun->commands[0].verb[0] == '\0')
			return choose(p, &noun->commands[0]);
		return ERR_OK;
	}
	if (!p->line->help && strcmp(word, "help") == 0) {
		p->line->help = true;
		return ERR_OK;
	}
	complain_noun(p, word);
	return ERR_VALIDATION;
}

static enum err take_verb(struct parse *p, const char *word)
{
	const struct ctl_noun *noun = p->line->noun;

	for (size_t i = 0; i < noun->count; i++) {
		if (strcmp(noun->commands[i].verb, word) == 0)
			return choose(p, &noun->commands[i]);
	}
	complain_verb(p, word);
	return ERR_VALIDATION;
}

static enum err take_bare(struct parse *p, const char *word)
{
	const struct ctl_command *command = p->line->command;
	size_t seen = 0;

	for (size_t i = 0; i < command->arg_count; i++) {
		if (!ctl_arg_is_bare(&command->args[i]) || seen++ != p->bare_seen)
			continue;
		p->bare_seen++;
		p->given[i] = true;
		return take_value(p, &command->args[i], word);
	}
	buf_adds(p->complaints, "nothing is expected at \"");
	ctl_plain(word, p->complaints);
	buf_adds(p->complaints, "\" (words with spaces in them need quotes).\n");
	return ERR_VALIDATION;
}

static enum err take_word_of_line(struct parse *p, const char *word)
{
	if (p->line->noun == NULL)
		return take_noun(p, word);
	if (p->line->command == NULL)
		return take_verb(p, word);
	return take_bare(p, word);
}

/* The value of an option: behind its '=', or the next word. NULL when there is none. */
static const char *option_value(struct parse *p, const char *inline_value)
{
	if (inline_value != NULL)
		return inline_value;
	/* An option where a value should be is a forgotten value, not a value. */
	if (p->next >= p->argc || strncmp(p->argv[p->next], "--", 2) == 0)
		return NULL;
	return p->argv[p->next++];
}

static enum err need_value(struct parse *p, const char *name, const char *value)
{
	buf_printf(p->complaints, "--%s needs a value: --%s %s.\n", name, name, value);
	return ERR_VALIDATION;
}

static enum err take_config(struct parse *p, const char *inline_value)
{
	p->line->config = option_value(p, inline_value);
	return p->line->config != NULL ? ERR_OK : need_value(p, "config", "FILE");
}

static enum err take_own_option(
    struct parse *p, const struct ctl_arg *arg, bool *given, const char *inline_value)
{
	const char *text = inline_value;

	if (arg->type == CTL_FLAG && inline_value != NULL) {
		buf_printf(p->complaints, "--%s takes no value.\n", arg->name);
		return ERR_VALIDATION;
	}
	if (arg->type != CTL_FLAG) {
		text = option_value(p, inline_value);
		if (text == NULL)
			return need_value(p, arg->name, arg->value);
	}
	if (*given) {
		buf_printf(p->complaints, "--%s is given twice.\n", arg->name);
		return ERR_VALIDATION;
	}
	*given = true;
	return take_value(p, arg, text);
}

/* An option that only some command has; word is the whole of it, for the complaint. */
static enum err take_command_option(
    struct parse *p, const char *word, const char *name, size_t name_len, const char *inline_value)
{
	if (p->line->command == NULL && p->line->noun != NULL) {
		const struct ctl_command *command = bare_command(p->line->noun);
		enum err err = command == NULL ? ERR_OK : choose(p, command);
		if (err != ERR_OK)
			return err;
	}
	const struct ctl_command *command = p->line->command;
	for (size_t i = 0; command != NULL && i < command->arg_count; i++) {
		const struct ctl_arg *arg = &command->args[i];
		if (!ctl_arg_is_bare(arg) && strlen(arg->name) == name_len &&
		    memcmp(arg->name, name, name_len) == 0)
			return take_own_option(p, arg, &p->given[i], inline_value);
	}
	complain_option(p, word);
	return ERR_VALIDATION;
}

static bool is_option(const char *name, size_t len, const char *known)
{
	return strlen(known) == len && memcmp(name, known, len) == 0;
}

static enum err take_option(struct parse *p, const char *word)
{
	const char *name = word + (word[1] == '-' ? 2 : 1);
	bool is_long = word[1] == '-';
	size_t len = is_long ? strcspn(name, "=") : strlen(name);
	const char *inline_value = is_long && name[len] == '=' ? name + len + 1 : NULL;

	if (is_option(name, len, is_long ? "config" : "c"))
		return take_config(p, inline_value);
	if (is_option(name, len, is_long ? "help" : "h"))
		p->line->help = true;
	else if (is_option(name, len, is_long ? "version" : "V"))
		p->line->version = true;
	else if (is_long && is_option(name, len, "json"))
		p->line->json = true;
	else if (is_long)
		return take_command_option(p, word, name, len, inline_value);
	else {
		complain_option(p, word);
		return ERR_VALIDATION;
	}
	if (inline_value == NULL)
		return ERR_OK;
	buf_printf(p->complaints, "--%.*s takes no value.\n", (int)len, name);
	return ERR_VALIDATION;
}

/* ---- the whole line ----------------------------------------------------------------------- */

static enum err check_required(struct parse *p)
{
	const struct ctl_command *command = p->line->command;
	enum err err = ERR_OK;

	for (size_t i = 0; i < command->arg_count; i++) {
		const struct ctl_arg *arg = &command->args[i];
		if (!arg->required || p->given[i])
			continue;
		name_arg(arg, p->complaints);
		if (arg->value != NULL)
			buf_printf(p->complaints, " %s", arg->value);
		buf_printf(p->complaints, " is missing: %s\n", arg->sentence);
		err = ERR_VALIDATION;
	}
	return err;
}

/* The line is read: is there a command, and everything it needs? */
static enum err finish(struct parse *p)
{
	struct ctl_line *line = p->line;

	if (line->help || line->version)
		return ERR_OK;
	if (line->noun == NULL) {
		buf_adds(p->complaints, "a command is missing.\n");
		return ERR_VALIDATION;
	}
	if (line->command == NULL) {
		const struct ctl_command *command = bare_command(line->noun);
		enum err err = command == NULL ? ERR_VALIDATION : choose(p, command);
		if (command == NULL) {
			buf_printf(p->complaints, "\"%s\" needs a word more: ", line->noun->word);
			list_verbs(line->noun, p->complaints);
			buf_adds(p->complaints, ".\n");
		}
		if (err != ERR_OK)
			return err;
	}
	return check_required(p);
}

/* No option begins with a digit: -5 is a number. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum err ctl_parse(const struct ctl_noun *const *nouns, size_t count, int argc, char *const *argv,
    struct arena *arena, struct buf *complaints, struct ctl_line *ret_line)
{
	struct parse p = { .nouns = nouns,
		.count = count,
		.argc = argc,
		.argv = argv,
		.next = 1,
		.arena = arena,
		.complaints = complaints,
		.line = ret_line };
	enum err first = ERR_OK;

	*ret_line = (struct ctl_line){ 0 };
	while (p.next < argc) {
		const char *word = argv[p.next++];
		enum err err;

		if (!p.words_only && strcmp(word, "--") == 0) {
			p.words_only = true;
			continue;
		}
		if (!p.words_only && word[0] == '-' && word[1] != '\0' && !is_digit(word[1]))
			err = take_option(&p, word);
		else
			err = take_word_of_line(&p, word);
		if (err == ERR_OK)
			continue;
		if (err != ERR_VALIDATION)
			return err;
		first = err;
		if (p.lost)
			return first;
	}
	enum err err = finish(&p);
	return first != ERR_OK ? first : err;
}
