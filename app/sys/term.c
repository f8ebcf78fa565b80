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

/* Ctrl-C and Ctrl-Z would leave the terminal silent: they wait until it is as it was. */
static void hold_signals(sigset_t *ret_before)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGTSTP);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_BLOCK, &held, ret_before);
}

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number UNUSED)
{
	interrupted = 1;
}

/* One typed line; Ctrl-C ends it as nothing. */
static enum err read_typed(char *out, size_t size)
{
	struct sigaction note = { .sa_handler = note_interrupt }, before;
	size_t len = 0;
	char c = '\0';
	ssize_t got = 0;

	interrupted = 0;
	sigaction(SIGINT, &note, &before);
	while (!interrupted && (got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (len + 1 < size)
			out[len] = c;
		len++;
	}
	sigaction(SIGINT, &before, NULL);
	out[len < size ? len : size - 1] = '\0';
	if (interrupted || (got <= 0 && len == 0))
		return ERR_MISSING;
	return len < size ? ERR_OK : ERR_FULL;
}

enum err term_read_secret(const char *prompt, char *out, size_t size_bytes, bool *ret_typed)
{
	struct termios shown, hidden;
	sigset_t before;
	bool typed = tcgetattr(STDIN_FILENO, &shown) == 0;

	if (ret_typed != NULL)
		*ret_typed = typed;
	if (!typed)
		return read_line(out, size_bytes);
	hold_signals(&before);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	(void)fprintf(stderr, "%s", prompt);
	(void)fflush(stderr);
	enum err err = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0 ? ERR_OK : ERR_IO;
	if (err == ERR_OK)
		err = read_typed(out, size_bytes);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	(void)fputc('\n', stderr);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (err != ERR_OK)
		wipe(out, size_bytes);
	return err;
}
