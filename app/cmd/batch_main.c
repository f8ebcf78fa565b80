/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bonafide-batch: one run of everything that dials out or waits; started by cron every minute.
 * Exit status: 0 done, 1 a job failed, 2 wrong usage, 75 the database is away (EX_TEMPFAIL).
 */
#include "base.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"
#include "proc.h"
#include "program.h"
#include "str.h"

#define LINGER_MAX_S 86400

enum { OPTION_LINGER = 256, OPTION_ONCE, OPTION_ONLY };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "linger", required_argument, NULL, OPTION_LINGER },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "only", required_argument, NULL, OPTION_ONLY },
	{ NULL, 0, NULL, 0 },
};

struct choice {
	const char *path;
	const char *only;
	int64_t linger_s;
};

static void usage(FILE *out)
{
	fputs("usage: bonafide-batch [-c FILE] [--linger SECONDS | --once] [--only JOB]\n"
	      "Does what is due, once; any number may run at the same time.\n"
	      "  -c, --config FILE  settings (default " PROGRAM_CONFIG ")\n"
	      "  --linger SECONDS   go on looking for work this long; cron's every minute and 55\n"
	      "                     keep one running nearly always\n"
	      "  --once             until nothing is due (the default)\n"
	      "  --only JOB         one of:",
	    out);
	for (size_t i = 0; i < job_count; i++)
		fprintf(out, " %s", jobs[i].name);
	fputs("\n  -h, --help         this text\n"
	      "  -V, --version      the version\n",
	    out);
}

static int complain(const char *what, const char *text)
{
	fprintf(stderr, "bonafide-batch: %s \"%s\"\n", what, text);
	usage(stderr);
	return 2;
}

static int unknown_job(const char *name)
{
	const char *names[8];
	size_t count = 0;

	for (; count < job_count && count < countof(names); count++)
		names[count] = jobs[count].name;
	const char *near = str_nearest(name, names, count);
	if (near != NULL)
		fprintf(stderr, "bonafide-batch: did you mean --only %s?\n", near);
	return complain("there is no job", name);
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct choice *choice)
{
	bool once = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			choice->path = optarg;
			break;
		case OPTION_LINGER:
			if (str_to_i64(optarg, 1, LINGER_MAX_S, &choice->linger_s) != ERR_OK)
				return complain("--linger takes 1 to 86400 seconds, not", optarg);
			break;
		case OPTION_ONCE:
			once = true;
			break;
		case OPTION_ONLY:
			choice->only = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("bonafide-batch " PACKAGE_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc)
		return complain("unexpected argument", argv[optind]);
	if (once && choice->linger_s > 0)
		return complain("--once does not go with", "--linger");
	if (choice->only != NULL && job_find(choice->only) == NULL)
		return unknown_job(choice->only);
	return -1;
}

int main(int argc, char **argv)
{
	struct choice choice = { .path = PROGRAM_CONFIG };
	struct settings *settings = NULL;
	int status = read_options(argc, argv, &choice);

	if (status >= 0)
		return status;
	if (program_start("bonafide-batch", choice.path, &settings) != ERR_OK)
		return 1;
	if (proc_drop_user(settings->user) != ERR_OK || proc_harden() != ERR_OK) {
		fprintf(stderr, "bonafide-batch: cannot become user \"%s\"\n", settings->user);
		settings_free(&settings);
		return 1;
	}
	struct run_config config = {
		.settings = settings, .only = choice.only, .linger_ms = choice.linger_s * 1000
	};
	status = jobs_run(&config);
	settings_free(&settings);
	return status;
}
