/* SPDX-License-Identifier: Apache-2.0 */
/* c_jwt.c: the keys that sign access tokens. */
#include "ctl.h"

#include <unistd.h>

#include "clock.h"
#include "jwt.h"
#include "limits.h"
#include "proc.h"

static const struct ctl_column columns[] = {
	{ .name = "kid",
	    .type = CELL_ID,
	    .offset = MEMBER_IS(struct uuid, struct jwt_key_info, id),
	    .id = ID_UUID },
	COLUMN_BOOL(struct jwt_key_info, signs),
	{ .name = "created_at",
	    .type = CELL_TIME,
	    .offset = MEMBER_IS(int64_t, struct jwt_key_info, created_at_ms) },
	{ .name = "signs_at",
	    .type = CELL_TIME,
	    .offset = MEMBER_IS(int64_t, struct jwt_key_info, signs_at_ms) },
	{ .name = "retired_at",
	    .type = CELL_TIME,
	    .offset = MEMBER_IS(int64_t, struct jwt_key_info, retired_at_ms) },
	{ .name = "expires_at",
	    .type = CELL_TIME,
	    .offset = MEMBER_IS(int64_t, struct jwt_key_info, expires_at_ms) },
};

/* ---- rotate ------------------------------------------------------------------------------- */

static enum err rotate(struct ctl *ctl, UNUSED const void *input)
{
	struct jwt_key_info made;
	enum err err = jwt_key_rotate(&ctl->ctx, &made);

	if (err == ERR_FULL)
		return ctl_fail(ctl, err,
		    "there are %d keys already whose tokens may be valid (\"bonafide jwt list\"); "
		    "revoke some, or wait until the oldest expires",
		    LIMIT_JWT_KEYS);
	return err == ERR_OK ? ctl_print_one(ctl, columns, &made) : err;
}

/* ---- list --------------------------------------------------------------------------------- */

static enum err list(struct ctl *ctl, UNUSED const void *input)
{
	struct jwt_key_info *keys = NULL;
	size_t count = 0;
	enum err err = jwt_key_list(&ctl->ctx, &keys, &count);

	if (err != ERR_OK)
		return err;
	return ctl_print_list(ctl, columns, keys, count,
	    "There are no keys, so nobody can log in. \"bonafide jwt rotate\" makes one.");
}

/* ---- revoke ------------------------------------------------------------------------------- */

struct revoke_input {
	struct uuid kid;
	bool yes;
};

static const struct ctl_arg revoke_args[] = {
	ARG_ID(struct revoke_input, kid, "KID", NULL, true, ID_UUID,
	    "The key's id, as \"bonafide jwt list\" shows it."),
	ARG_FLAG(struct revoke_input, yes, "yes",
	    "Means it: needed when a person types the command, not in a script."),
};

struct revoked {
	struct uuid kid;
	bool revoked;
};

static const struct ctl_column revoked_columns[] = {
	COLUMN_ID(struct revoked, kid, ID_UUID),
	COLUMN_BOOL(struct revoked, revoked),
};

/* Until no process works with what it knew before. A signal ends one sleep early, never the wait. */
static void wait_lease(void)
{
	int64_t until_ms = clock_mono_ms() + JWT_KEYS_LEASE_MS;

	for (int64_t now = clock_mono_ms(); now <= until_ms; now = clock_mono_ms())
		proc_sleep_ms(until_ms - now + 1);
}

/* Whoever revokes the last one that signs has stopped logins. */
static enum err note_signer(struct ctl *ctl)
{
	struct jwt_key_info *keys = NULL;
	size_t count = 0;
	bool signs = false;
	enum err err = jwt_key_list(&ctl->ctx, &keys, &count);

	for (size_t i = 0; i < count && err == ERR_OK; i++)
		signs = signs || keys[i].signs;
	if (err == ERR_OK && !signs)
		ctl_note(
		    ctl, "\nNo key signs now, so nobody can log in: run \"bonafide jwt rotate\".");
	return err;
}

static enum err revoke_key(struct ctl *ctl, const void *input)
{
	const struct revoke_input *in = input;
	struct revoked revoked = { .kid = in->kid, .revoked = true };

	if (!in->yes && isatty(STDIN_FILENO))
		return ctl_misuse(ctl,
		    "revoking ends every token that this key has signed; say it again with --yes if "
		    "you mean it");
	enum err err = jwt_key_revoke(&ctl->ctx, in->kid);
	if (err == ERR_MISSING)
		return ctl_fail(
		    ctl, err, "there is no such key; \"bonafide jwt list\" shows those there are");
	if (err != ERR_OK)
		return err;
	wait_lease();
	err = ctl_print_one(ctl, revoked_columns, &revoked);
	return err == ERR_OK ? note_signer(ctl) : err;
}

static const struct ctl_command commands[] = {
	{ .verb = "rotate",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = rotate,
	    .summary = "make a new key; it signs from a few seconds later on",
	    .help = "Makes a key (RSA, 2048 bits) and publishes it at once. A few seconds later, "
		    "when every worker of every host knows it, it signs, and the one before is "
		    "retired: that one stays published until the tokens that it signed have "
		    "expired (jwt_ttl_s), so nobody is logged out. The first key signs at once." },
	{ .verb = "list",
	    .bare = true,
	    .needs = CTL_DB,
	    .run = list,
	    .summary = "list the keys and which one signs, newest first" },
	{ .verb = "revoke",
	    .needs = CTL_DB,
	    .run = revoke_key,
	    .args = revoke_args,
	    .arg_count = countof(revoke_args),
	    .input_size = sizeof(struct revoke_input),
	    .summary = "end a key and every token that it signed",
	    .help =
		"Takes a key out of what is published, for good: for one that may have become "
		"known to others. Run \"bonafide jwt rotate\" first, so that another one signs. "
		"When this command returns, no worker of any host accepts a token of the key; "
		"people get new ones with their refresh tokens, or by logging in." },
};

const struct ctl_noun noun_jwt = {
	.word = "jwt",
	.summary = "The keys that sign access tokens.",
	.commands = commands,
	.count = countof(commands),
};
