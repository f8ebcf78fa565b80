/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c_webhook.h owns what the files behind `bonafide webhook` and `bonafide delivery` share: how an
 * endpoint is named, the input of the commands that have a file of their own, and the judge of
 * signatures.
 */
#ifndef BONAFIDE_C_WEBHOOK_H
#define BONAFIDE_C_WEBHOOK_H

#include "base.h"

#include "ctl.h"
#include "stmt.h"
#include "webhook_sign.h"

/* ---- naming an endpoint ----------------------------------------------------------------------- */

/* "wh_…" or "whe_…", as the family that made it spells it; NULL when memory is out. */
const char *webhook_id_text(struct ctl *ctl, const char *surface, struct uuid id);

/* Finds the tenant of an endpoint and acts for it from here on. ERR_WEBHOOK_NOT_FOUND, said. */
enum err webhook_act(
    struct ctl *ctl, struct uuid id, struct row_operator_webhook *ret_row) MUST_CHECK;

/* Acts for a tenant: live, so that objects of both environments are in sight. */
void act_for(struct ctl *ctl, struct uuid application_id);

/* ---- judging a signature ---------------------------------------------------------------------- */

/* What signatures are checked with: a secret, a public key, or both; wipe after use. */
struct judge {
	bool has_secret;
	bool has_public;
	struct webhook_secret secret;
	uint8_t public_key[ED25519_PUBLIC_SIZE];
};

/* Reads whsec_… (or the file that holds it) and whpk_…; NULL for what was not given. A wrong one
 * is a misuse of the command line. */
enum err judge_open(struct ctl *ctl, const char *secret, const char *secret_file,
    const char *public_key, struct judge *ret_judge) MUST_CHECK;

/* As webhook_verify(); with both keys both signatures must fit. ERR_STATE: there is no key. */
enum err judge_check(const struct judge *judge, const struct webhook_received *received,
    int64_t now_s, int64_t tolerance_s) MUST_CHECK;

/* What judge_check() said, for scripts ("right", "wrong", "old", …) and for people. Static. */
const char *verdict_word(enum err err);
const char *verdict_sentence(enum err err);

/* ---- commands in files of their own ----------------------------------------------------------- */

struct verify_input {
	const char *secret;
	const char *secret_file;
	const char *public_key;
	const char *id;
	const char *timestamp;
	const char *signature;
	int64_t tolerance;
	bool any_time;
	const char *file;
};

struct listen_input {
	int64_t port;
	const char *secret;
	const char *secret_file;
	const char *public_key;
	int64_t fail;
	int64_t status;
	int64_t count;
	bool quiet;
};

struct recover_input {
	struct uuid app;
	struct uuid webhook;
	int64_t since;
	int64_t until;
	bool dry_run;
	bool no_wait;
	int64_t timeout;
};

/* They are of type ctl_fn. */
ctl_fn webhook_verify_command;
ctl_fn webhook_listen_command;
ctl_fn webhook_recover_command;

#endif
