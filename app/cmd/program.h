/* SPDX-License-Identifier: Apache-2.0 */
/* program.h owns what the three programs do alike at their start. */
#ifndef BONAFIDE_PROGRAM_H
#define BONAFIDE_PROGRAM_H

#include "base.h"
#include "settings.h"

#ifndef BONAFIDE_SYSCONFDIR
#define BONAFIDE_SYSCONFDIR "/etc"
#endif
#define PROGRAM_CONFIG BONAFIDE_SYSCONFDIR "/bonafide/bonafide.conf"

/*
 * Reads the settings and opens the log they name. Faults go to stderr, a line each, prefixed
 * with the program's name. The caller owns *ret_settings. ERR_CONFIG, ERR_IO, ERR_NOMEM.
 */
enum err program_start(
    const char *name, const char *path, struct settings **ret_settings) MUST_CHECK;

#endif
