/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_child.h owns the name server of t_resolve.c and guard_fixture.h: tests/lib/dns_server.py as
 * a child, its table, and what it was asked.
 */
#ifndef BONAFIDE_DNS_CHILD_H
#define BONAFIDE_DNS_CHILD_H

#include "base.h"
#include "proc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t dns_pid;
static char dns_servers[32]; /* as the setting has it */
static char dns_log[] = "/tmp/dns_child.XXXXXX";

static const char *source_path(const char *path, char *out, size_t size)
{
	const char *top = getenv("srcdir");

	(void)snprintf(out, size, "%s/%s", top != NULL ? top : ".", path);
	return out;
}

/* Runs a Python script of the source tree; its standard output is read through *ret_out. */
static pid_t script_start(const char *const *argv, int *ret_out)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], 1);
		(void)close(ends[0]);
		(void)close(ends[1]);
		if (proc_die_with_parent(SIGKILL) == ERR_OK)
			(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)close(ends[1]);
	*ret_out = ends[0];
	return pid;
}

static void script_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* The script says "port N" once it serves. 0 when it ends instead. */
static int script_port(int out)
{
	char text[64] = "";
	size_t len = 0;

	while (len < sizeof(text) - 1 && strchr(text, '\n') == NULL) {
		ssize_t got = read(out, text + len, sizeof(text) - 1 - len);

		if (got <= 0)
			break;
		len += (size_t)got;
		text[len] = '\0';
	}
	(void)close(out);
	return strncmp(text, "port ", 5) == 0 ? (int)strtol(text + 5, NULL, 10) : 0;
}

static int dns_start(const char *table)
{
	char path[1024];
	const char *const argv[] = { "python3",
		source_path("tests/lib/dns_server.py", path, sizeof(path)), "--log", dns_log,
		"--table", table, NULL };
	int log = mkstemp(dns_log);
	int out = -1;
	int port;

	if (log < 0)
		return -1;
	(void)close(log);
	dns_pid = script_start(argv, &out);
	port = dns_pid > 0 ? script_port(out) : 0;
	(void)snprintf(dns_servers, sizeof(dns_servers), "127.0.0.1:%d", port);
	return port > 0 ? 0 : -1;
}

static void dns_stop(void)
{
	script_stop(dns_pid);
	(void)unlink(dns_log);
}

/* How many questions the server was asked that begin like this: "A name ", "AAAA name tcp". */
static UNUSED unsigned dns_asked(const char *question)
{
	FILE *log = fopen(dns_log, "r");
	char line[512];
	unsigned count = 0;

	while (log != NULL && fgets(line, sizeof(line), log) != NULL)
		if (strncmp(line, question, strlen(question)) == 0)
			count++;
	if (log != NULL)
		(void)fclose(log);
	return count;
}

#endif
