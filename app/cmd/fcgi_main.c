/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bonafide.fcgi: reads the settings, opens what needs root, drops root, runs the pool.
 * Exit status: 0 stopped when asked, 1 cannot start or too many crashes, 2 wrong usage.
 */
#include "base.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "keyring.h"
#include "limiter.h"
#include "log.h"
#include "pool.h"
#include "proc.h"
#include "program.h"
#include "settings.h"

#define REASON_SIZE 512

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void usage(FILE *out)
{
	fputs("usage: bonafide.fcgi [-c FILE]\n"
	      "Runs the FastCGI workers in the foreground until SIGTERM; SIGHUP reloads, SIGUSR1\n"
	      "reopens the log. The socket comes from systemd, from fd 0 (spawn-fcgi), or from\n"
	      "the setting `listen`.\n"
	      "  -c, --config FILE  settings (default " PROGRAM_CONFIG ")\n"
	      "  -h, --help         this text\n"
	      "  -V, --version      the version\n",
	    out);
}

/* The key files are opened by each worker; looking now gives one clear sentence instead of a
 * crash loop. */
static bool keys_usable(const struct settings *settings)
{
	char reason[REASON_SIZE] = "";

	if (keyring_check_files(
		settings->master_key_file, settings->pepper_file, reason, sizeof(reason)) == ERR_OK)
		return true;
	log_error("%s", reason);
	return false;
}

static int run(struct settings *settings)
{
	char reason[REASON_SIZE] = "";
	struct board *board = NULL;
	struct limiter *limiter = NULL;
	bool inherited = false;
	int fd = -1;
	struct listen_config where = { .address = settings->listen,
		.mode = (unsigned)settings->listen_mode,
		.group = settings->listen_group,
		.backlog = (int)settings->listen_backlog };

	if (proc_listen(&where, &fd, &inherited, reason, sizeof(reason)) != ERR_OK) {
		log_error("%s", reason);
		return 1;
	}
	if (proc_drop_user(settings->user) != ERR_OK) {
		log_error("cannot become user \"%s\"", settings->user);
		return 1;
	}
	if (proc_pid_file(settings->pid_file) != ERR_OK) {
		log_error("cannot write pid_file %s", settings->pid_file);
		return 1;
	}
	if (board_create(settings->status_file, &board) != ERR_OK) {
		log_error("cannot create status_file %s", settings->status_file);
		return 1;
	}
	if (limiter_new(&limiter) != ERR_OK) {
		log_error("cannot make the shared memory of the rate limits");
		return 1;
	}
	if (!keys_usable(settings) || proc_harden() != ERR_OK)
		return 1;

	struct pool_config config = {
		.listen_fd = fd, .board = board, .limiter = limiter, .settings = settings
	};
	char path[LIMIT_SETTING];
	char pid_path[LIMIT_SETTING];
	snprintf(path, sizeof(path), "%s", settings->listen);
	snprintf(pid_path, sizeof(pid_path), "%s", settings->pid_file);
	/* The pool owns the settings from here on. */
	enum pool_end end = pool_run(&config);
	limiter_free(&limiter);
	if (!inherited && path[0] == '/')
		(void)unlink(path);
	if (pid_path[0] != '\0')
		(void)unlink(pid_path);
	return end == POOL_STOPPED ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *path = PROGRAM_CONFIG;
	struct settings *settings = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("bonafide.fcgi " PACKAGE_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "bonafide.fcgi: unexpected argument \"%s\"\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	if (program_start("bonafide.fcgi", path, &settings) != ERR_OK)
		return 1;
	return run(settings);
}
