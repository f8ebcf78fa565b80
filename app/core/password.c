/* SPDX-License-Identifier: Apache-2.0 */
/* password.c: rules for passwords, and their hashes. */
#include "password.h"

#include <string.h>

#include "limits.h"
#include "log.h"
#include "sortfile.h"
#include "str.h"

#define LEAST 8
#define REASON_SIZE 512

/* contract/accounts.md and reference/four.md section 3.2: in this order, the first broken one is told. */
static const struct {
	const char *characters; /* one of these */
	const char *fault;
} rules[] = {
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "must have at least one upper-case letter" },
	{ "abcdefghijklmnopqrstuvwxyz", "must have at least one lower-case letter" },
	{ "0123456789", "must have at least one digit" },
	{ "!@#$%^&*()_+-=[]{}|;:,.<>?",
	    "must have at least one special character: one of !@#$%^&*()_+-=[]{}|;:,.<>?" },
};

static uint64_t operations;

const char *password_fault(const char *password)
{
	if (utf8_length(password) < LEAST)
		return "must have at least 8 characters";
	for (size_t i = 0; i < countof(rules); i++) {
		if (strpbrk(password, rules[i].characters) == NULL)
			return rules[i].fault;
	}
	return utf8_length(password) > LIMIT_PASSWORD ? "must have at most 128 characters" : NULL;
}
_Static_assert(LEAST == 8 && LIMIT_PASSWORD == 128, "the sentences say how many");

enum err password_leaked(struct ctx *ctx, const char *password, bool *ret_leaked)
{
	const char *path = ctx->settings->password_leaked_file;
	char reason[REASON_SIZE] = "";

	*ret_leaked = false;
	if (path[0] == '\0')
		return ERR_OK;
	enum err err = sortfile_find(path, password, ret_leaked, reason, sizeof(reason));
	if (err == ERR_OK)
		return ERR_OK;
	log_error("password_leaked_file: %s", reason);
	return ERR_UNAVAILABLE;
}

static struct pwhash_cost cost_of(const struct ctx *ctx)
{
	return (struct pwhash_cost){ .memory_kib = (uint32_t)ctx->settings->argon2_memory_kib,
		.passes = (uint32_t)ctx->settings->argon2_passes,
		.lanes = (uint32_t)ctx->settings->argon2_lanes };
}

enum err password_make(struct ctx *ctx, const char *password, char ret_text[PWHASH_TEXT_SIZE])
{
	struct pwhash_cost cost = cost_of(ctx);

	operations++;
	return pwhash_make(&cost, password, ret_text);
}

enum err password_check(struct ctx *ctx, const char *text, const char *password, bool *ret_fits)
{
	char unused[PWHASH_TEXT_SIZE];

	if (text != NULL) {
		operations++;
		return pwhash_check(text, password, ret_fits);
	}
	*ret_fits = false;
	enum err err = password_make(ctx, password, unused);
	wipe(unused, sizeof(unused));
	return err;
}

bool password_is_current(const struct ctx *ctx, const char *text)
{
	struct pwhash_cost cost = cost_of(ctx);

	return pwhash_is_current(text, &cost);
}

uint64_t password_operations(void)
{
	return operations;
}
