/* SPDX-License-Identifier: Apache-2.0 */
/* term.c: a line that is typed and not shown. */
#include "term.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A byte at a time: what is behind the line is not ours to take. */
static enum err read_line(char *out, size_t size)
{
	size_t len = 0;
	ssize_t got;
	char c = '\0';

	while ((got = read(STDIN_FILENO, &c, 1)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (c == '\n')
			break;
		if (len + 1 == size)
			return ERR_FULL;
		out[len++] = c;
	}
	out[len] = '\0';
	return len == 0 && got == 0 ? ERR_MISSING : ERR_OK;
}

/* What would leave the terminal silent: it is noted, and acted upon once the terminal is as it was. */
static const int noted[] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t seen;

static void note_signal(int number)
{
	seen = number;
}

struct before {
	struct sigaction actions[countof(noted)];
	sigset_t mask;
};

/* Ctrl-Z waits. */
static void take_signals(struct before *before)
{
	struct sigaction note = { .sa_handler = note_signal }; /* reading is not started again */
	sigset_t held;

	seen = 0;
	for (size_t i = 0; i < countof(noted); i++)
		sigaction(noted[i], &note, &before->actions[i]);
	sigemptyset(&held);
	sigaddset(&held, SIGTSTP);
	sigprocmask(SIG_BLOCK, &held, &before->mask);
}

static void give_signals_back(const struct before *before)
{
	for (size_t i = 0; i < countof(noted); i++)
		sigaction(noted[i], &before->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
	/* Ctrl-C is an answer: nothing. The others are for the process. */
	if (seen != 0 && seen != SIGINT)
		raise(seen);
}

/* One typed line, all of it, whatever there is room for. */
static enum err read_typed(char *out, size_t size)
{
	size_t len = 0;
	char c = '\0';
	ssize_t got = 0;

	while (seen == 0 && (got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (len + 1 < size)
			out[len] = c;
		len++;
	}
	out[len < size ? len : size - 1] = '\0';
	if (seen != 0 || (got <= 0 && len == 0))
		return ERR_MISSING;
	return len < size ? ERR_OK : ERR_FULL;
}

enum err term_read_secret(const char *prompt, char *out, size_t size_bytes, bool *ret_typed)
{
	struct termios shown, hidden;
	struct before before;
	bool typed = tcgetattr(STDIN_FILENO, &shown) == 0;

	if (ret_typed != NULL)
		*ret_typed = typed;
	if (!typed)
		return read_line(out, size_bytes);
	take_signals(&before);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	enum err err = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0 ? ERR_OK : ERR_IO;
	/* Asked only now: what is typed before is shown, and thrown away. */
	(void)fprintf(stderr, "%s", prompt);
	(void)fflush(stderr);
	if (err == ERR_OK)
		err = read_typed(out, size_bytes);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	(void)fputc('\n', stderr);
	if (err != ERR_OK)
		wipe(out, size_bytes);
	give_signals_back(&before);
	return err;
}
