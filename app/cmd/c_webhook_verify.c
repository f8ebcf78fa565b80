/* SPDX-License-Identifier: Apache-2.0 */
/* c_webhook_verify.c: checks a webhook's signature by hand, without database or settings. */
#include "c_webhook.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "limits.h"
#include "proc.h"
#include "str.h"

#define REASON_SIZE 512
#define SECRET_PREFIX "whsec_"
#define SECRET_LEAST 16 /* bytes of a key: fewer is a slip, not a secret */

/* ---- the judge -------------------------------------------------------------------------------- */

/*
 * A secret of somebody else's making may be shorter than the specification allows: nobody signs
 * with it here, but what it signed can be checked. ERR_SYNTAX.
 */
static enum err parse_short(const char *text, struct webhook_secret *ret_secret)
{
	size_t prefix_len = strlen(SECRET_PREFIX);
	size_t len = strlen(text);
	struct webhook_secret secret = { .key_len = 0 };
	enum err err = ERR_SYNTAX;

	if (len >= prefix_len && len < sizeof(secret.text) &&
	    memcmp(text, SECRET_PREFIX, prefix_len) == 0)
		err = base64_decode(text + prefix_len, len - prefix_len, secret.key,
		    sizeof(secret.key), &secret.key_len);
	if (err != ERR_OK || secret.key_len < SECRET_LEAST)
		err = ERR_SYNTAX;
	if (err == ERR_OK) {
		memcpy(secret.text, text, len + 1);
		*ret_secret = secret;
	}
	webhook_secret_wipe(&secret);
	return err;
}

static enum err read_secret(struct ctl *ctl, const char *text, struct judge *judge)
{
	enum err err = webhook_secret_parse(text, strlen(text), &judge->secret);

	if (err != ERR_OK) {
		err = parse_short(text, &judge->secret);
		if (err == ERR_OK)
			ctl_note(ctl, "This secret is shorter than the 24 bytes it should have.");
	}
	if (err != ERR_OK)
		return ctl_misuse(ctl,
		    "a secret is \"whsec_\" and the base64 of 24 to 64 bytes; this one is not");
	judge->has_secret = true;
	return ERR_OK;
}

static enum err read_secret_file(struct ctl *ctl, const char *path, struct judge *judge)
{
	char text[WEBHOOK_SECRET_TEXT_SIZE + 2];
	char reason[REASON_SIZE] = "";
	enum err err = proc_read_secret(path, text, sizeof(text), reason, sizeof(reason));

	if (err == ERR_OK)
		err = read_secret(ctl, text, judge);
	else
		err = ctl_fail(ctl, err, "%s", reason[0] != '\0' ? reason : err_sentence(err));
	wipe(text, sizeof(text));
	return err;
}

enum err judge_open(struct ctl *ctl, const char *secret, const char *secret_file,
    const char *public_key, struct judge *ret_judge)
{
	enum err err = ERR_OK;

	*ret_judge = (struct judge){ .has_secret = false };
	if (secret != NULL && secret_file != NULL)
		return ctl_misuse(ctl, "--secret and --secret-file are two ways to say one thing");
	if (secret != NULL)
		err = read_secret(ctl, secret, ret_judge);
	if (secret_file != NULL)
		err = read_secret_file(ctl, secret_file, ret_judge);
	if (err != ERR_OK || public_key == NULL)
		return err;
	if (webhook_public_parse(public_key, strlen(public_key), ret_judge->public_key) != ERR_OK)
		return ctl_misuse(
		    ctl, "a public key is \"whpk_\" and the base64 of 32 bytes; this one is not");
	ret_judge->has_public = true;
	return ERR_OK;
}

enum err judge_check(const struct judge *judge, const struct webhook_received *received,
    int64_t now_s, int64_t tolerance_s)
{
	enum err err = ERR_STATE;

	if (judge->has_secret)
		err = webhook_verify(&judge->secret, received, now_s, tolerance_s);
	if (judge->has_public && (err == ERR_OK || err == ERR_STATE))
		err = webhook_verify_public(judge->public_key, received, now_s, tolerance_s);
	return err;
}

struct verdict {
	enum err err;
	const char *word;
	const char *sentence;
};

static const struct verdict verdicts[] = {
	{ ERR_OK, "right", "the signature is right" },
	{ ERR_SIGNATURE_WRONG, "wrong",
	    "no signature fits: another secret, or id, timestamp or body were changed" },
	{ ERR_SIGNATURE_OLD, "old", "the timestamp is too old: this may be a replay" },
	{ ERR_SIGNATURE_EARLY, "early", "the timestamp is in the future: look at the clocks" },
	{ ERR_MISSING, "missing",
	    "webhook-id, webhook-timestamp or webhook-signature is missing or empty" },
	{ ERR_SYNTAX, "malformed",
	    "the id or the timestamp is none, or the signature is too long" },
	{ ERR_FULL, "large", "the body is larger than any that is signed" },
	{ ERR_STATE, "unchecked", "not checked: neither a secret nor a public key was given" },
};

static const struct verdict *verdict_of(enum err err)
{
	static const struct verdict failed = { ERR_INTERNAL, "failed", "the check itself failed" };

	for (size_t i = 0; i < countof(verdicts); i++) {
		if (verdicts[i].err == err)
			return &verdicts[i];
	}
	return &failed;
}

const char *verdict_word(enum err err)
{
	return verdict_of(err)->word;
}

const char *verdict_sentence(enum err err)
{
	return verdict_of(err)->sentence;
}

/* ---- the command ------------------------------------------------------------------------------- */

struct verdict_shown {
	const char *verdict;
	const char *reason;
	int64_t bytes;
};

static const struct ctl_column verdict_columns[] = {
	COLUMN_TEXT(struct verdict_shown, verdict),
	COLUMN_TEXT(struct verdict_shown, reason),
	COLUMN_INT(struct verdict_shown, bytes),
};

static enum err read_stream(struct ctl *ctl, FILE *stream, const char *path, struct buf *out)
{
	char chunk[8192];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), stream)) > 0)
		buf_add(out, chunk, n);
	if (ferror(stream) != 0)
		return ctl_fail(ctl, ERR_IO, "cannot read %s: %s", path, strerror(errno));
	if (buf_failed(out))
		return ctl_fail(ctl, ERR_FULL, "%s has more than the %d bytes that are signed",
		    path, LIMIT_WEBHOOK_BODY);
	return ERR_OK;
}

/* The very bytes: a body that was parsed and written again has another signature. */
static enum err read_body(struct ctl *ctl, const char *path, struct buf *out)
{
	if (path == NULL || strcmp(path, "-") == 0)
		return read_stream(ctl, stdin, "the standard input", out);
	FILE *stream = fopen(path, "rb");
	if (stream == NULL)
		return ctl_fail(ctl, ERR_IO, "cannot open %s: %s", path, strerror(errno));
	enum err err = read_stream(ctl, stream, path, out);
	(void)fclose(stream);
	return err;
}

static enum err verify_body(
    struct ctl *ctl, const struct verify_input *in, const struct judge *judge)
{
	struct buf body;

	buf_init(&body, LIMIT_WEBHOOK_BODY);
	enum err err = read_body(ctl, in->file, &body);
	struct webhook_received received = { .id = in->id,
		.timestamp = in->timestamp,
		.signature = in->signature,
		.body = body.data,
		.body_len = body.len };
	struct verdict_shown shown = { .bytes = (int64_t)body.len };
	if (err == ERR_OK) {
		err = judge_check(judge, &received, clock_now_ms() / 1000,
		    in->any_time ? INT64_MAX : in->tolerance);
		shown.verdict = verdict_word(err);
		shown.reason = verdict_sentence(err);
		/* A wrong signature is an answer, and the exit status says it too. */
		enum err printed = ctl_print_one(ctl, verdict_columns, &shown);
		ctl->said = printed == ERR_OK;
		err = printed == ERR_OK ? err : printed;
	}
	buf_free(&body);
	return err;
}

enum err webhook_verify_command(struct ctl *ctl, const void *input)
{
	const struct verify_input *in = input;
	struct judge judge;
	enum err err = judge_open(ctl, in->secret, in->secret_file, in->public_key, &judge);

	if (err == ERR_OK && !judge.has_secret && !judge.has_public)
		err = ctl_misuse(ctl,
		    "what is it to be checked with? --secret, --secret-file or --public-key says");
	if (err == ERR_OK)
		err = verify_body(ctl, in, &judge);
	wipe(&judge, sizeof(judge));
	return err;
}
