/* SPDX-License-Identifier: Apache-2.0 */
/* c_webhook.c: webhook endpoints of any tenant, and the table of all their commands. */
#include "c_webhook.h"

#include <string.h>

#include "clock.h"
#include "delivery.h"
#include "limits.h"
#include "tx.h"
#include "webhook.h"

#define TIMESTAMP_MAX 32
#define PORT_DEFAULT 8909
#define OVERLAP_DEFAULT 86400
#define OVERLAP_MAX 2592000 /* 30 days */
#define RECOVER_TIMEOUT_S 60

/* ---- naming one --------------------------------------------------------------------------------- */

const char *webhook_id_text(struct ctl *ctl, const char *surface, struct uuid id)
{
	bool is_kyc = strcmp(surface, surface_word(SURFACE_KYC)) == 0;
	char text[ID_TEXT_SIZE];

	id_text(is_kyc ? ID_WEBHOOK : ID_ENDPOINT, id, text);
	return arena_strdup(ctl->ctx.arena, text);
}

void act_for(struct ctl *ctl, struct uuid application_id)
{
	ctl->ctx.actor.application_id = application_id;
	ctl->ctx.actor.environment = ENV_LIVE;
}

enum err webhook_act(struct ctl *ctl, struct uuid id, struct row_operator_webhook *ret_row)
{
	enum err err = q_operator_webhook(ctl->ctx.db, ctl->ctx.arena, id, ret_row);

	if (err == ERR_MISSING)
		return ctl_fail(ctl, ERR_WEBHOOK_NOT_FOUND,
		    "there is no such webhook; \"bonafide webhook list\" shows those there are");
	if (err == ERR_OK)
		act_for(ctl, ret_row->application_id);
	return err;
}

struct one_input {
	struct uuid webhook;
};

#define ARG_WEBHOOK(input) \
	ARG_ID(struct input, webhook, "WEBHOOK", NULL, true, ID_WEBHOOK, \
	    "Its id (wh_... or whe_...), as \"bonafide webhook list\" shows it.")

static const struct ctl_arg one_args[] = {
	ARG_WEBHOOK(one_input),
};

/* ---- list --------------------------------------------------------------------------------------- */

struct list_input {
	struct uuid app;
	bool disabled;
};

static const struct ctl_arg list_args[] = {
	ARG_ID(struct list_input, app, "app", "APP", false, ID_APPLICATION,
	    "Only those of this application (app_...)."),
	ARG_FLAG(struct list_input, disabled, "disabled", "Only those that are disabled."),
};

struct listed {
	const char *id;
	struct uuid application_id;
	const char *environment;
	const char *state;
	const char *url;
	const char *surface;
	const char *name;
	const char *events;
	int64_t disabled_at;
	int64_t failing_since;
	int64_t created_at;
};

#define ONLY_JSON(column_name, column_type, member) \
	{ \
		.name = column_name, .type = column_type, \
		.offset = offsetof(struct listed, member), .json_only = true \
	}

static const struct ctl_column list_columns[] = {
	COLUMN_TEXT(struct listed, id),
	COLUMN_ID(struct listed, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct listed, environment),
	COLUMN_TEXT(struct listed, state),
	COLUMN_TIME(struct listed, failing_since),
	COLUMN_TEXT(struct listed, url),
	ONLY_JSON("surface", CELL_TEXT, surface),
	ONLY_JSON("name", CELL_TEXT, name),
	ONLY_JSON("events", CELL_WORDS, events),
	ONLY_JSON("disabled_at", CELL_TIME, disabled_at),
	ONLY_JSON("created_at", CELL_TIME, created_at),
};

/* "enabled", or why it is not. */
static const char *state_of(const char *disabled)
{
	return disabled == NULL ? "enabled" : disabled;
}

static enum err list(struct ctl *ctl, const void *input)
{
	const struct list_input *in = input;
	struct ctl_column columns[countof(list_columns)];
	struct row_operator_webhooks *rows = NULL;
	size_t count = 0;
	enum err err = q_operator_webhooks(ctl->ctx.db, ctl->ctx.arena, uuid_is_nil(in->app),
	    in->app, !in->disabled, &rows, &count);
	struct listed *listed = arena_array(ctl->ctx.arena, count + 1, sizeof(*listed));

	if (err != ERR_OK || listed == NULL)
		return err == ERR_OK ? ERR_NOMEM : err;
	for (size_t i = 0; i < count; i++)
		listed[i] =
		    (struct listed){ .id = webhook_id_text(ctl, rows[i].surface, rows[i].id),
			    .application_id = rows[i].application_id,
			    .environment = rows[i].environment,
			    .state = state_of(rows[i].disabled),
			    .url = rows[i].url,
			    .surface = rows[i].surface,
			    .name = rows[i].name,
			    .events = rows[i].events,
			    .disabled_at = rows[i].disabled_at,
			    .failing_since = rows[i].failing_since,
			    .created_at = rows[i].created_at };
	if (arena_overflowed(ctl->ctx.arena))
		return ERR_NOMEM;
	memcpy(columns, list_columns, sizeof(columns));
	/* The same in every row says nothing. */
	columns[1].json_only = !uuid_is_nil(in->app);
	return ctl_print_list(ctl, columns, listed, count,
	    in->disabled ? "None is disabled." : "There are no webhooks here.");
}

/* ---- show --------------------------------------------------------------------------------------- */

#define ATTEMPTS_SHOWN 10

/* An endpoint without its secrets. */
struct shown {
	const char *id;
	struct uuid application_id;
	const char *environment;
	const char *surface;
	const char *url;
	const char *name;
	const char *description;
	const char *events;
	const char *state;
	const char *why;
	int64_t disabled_at;
	int64_t failing_since;
	int64_t rate_per_s;
	const char *signatures;
	int64_t old_secret_until;
	int64_t created_at;
	int64_t updated_at;
};

static const struct ctl_column shown_columns[] = {
	COLUMN_TEXT(struct shown, id),
	COLUMN_ID(struct shown, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct shown, environment),
	COLUMN_TEXT(struct shown, surface),
	COLUMN_TEXT(struct shown, url),
	COLUMN_TEXT(struct shown, name),
	COLUMN_TEXT(struct shown, description),
	COLUMN_WORDS(struct shown, events),
	COLUMN_TEXT(struct shown, state),
	COLUMN_TEXT(struct shown, why),
	COLUMN_TIME(struct shown, disabled_at),
	COLUMN_TIME(struct shown, failing_since),
	COLUMN_INT(struct shown, rate_per_s),
	COLUMN_WORDS(struct shown, signatures),
	COLUMN_TIME(struct shown, old_secret_until),
	COLUMN_TIME(struct shown, created_at),
	COLUMN_TIME(struct shown, updated_at),
};

/* Why it is disabled, in a sentence; NULL while it is enabled. */
static const char *why_of(const char *disabled)
{
	static const char *const sentences[DISABLED__MAX] = {
		[DISABLED_MANUAL] = "its owner or an operator disabled it",
		[DISABLED_GONE] = "it answered 410 Gone",
		[DISABLED_FAILING] = "nothing but failures for webhook_disable_days",
	};
	enum disabled_reason reason;

	if (disabled == NULL || disabled_reason_parse(disabled, &reason) != ERR_OK)
		return disabled;
	return sentences[reason];
}

static struct shown shown_of(
    struct ctl *ctl, const struct row_operator_webhook *found, const struct row_webhook_get *row)
{
	bool is_old_there =
	    row->secret_old_until != TIME_NONE && row->secret_old_until > clock_now_ms();

	return (struct shown){ .id = webhook_id_text(ctl, row->surface, row->id),
		.application_id = found->application_id,
		.environment = row->environment,
		.surface = row->surface,
		.url = row->url,
		.name = row->name,
		.description = row->description,
		.events = row->events,
		.state = state_of(row->disabled),
		.why = why_of(row->disabled),
		.disabled_at = row->disabled_at,
		.failing_since = row->failing_since,
		.rate_per_s = row->rate_per_s,
		.signatures = row->signing_key.data == NULL ? "v1" : "v1 v1a",
		.old_secret_until = is_old_there ? row->secret_old_until : TIME_NONE,
		.created_at = row->created_at,
		.updated_at = row->updated_at };
}

/* How its deliveries stand: pending ones wait for their time, are under way, or are held until it
 * is enabled. */
struct counts {
	int64_t pending;
	int64_t delivering;
	int64_t held;
	int64_t succeeded;
	int64_t failed;
};

static const struct ctl_column counts_columns[] = {
	COLUMN_INT(struct counts, pending),
	COLUMN_INT(struct counts, delivering),
	COLUMN_INT(struct counts, held),
	COLUMN_INT(struct counts, succeeded),
	COLUMN_INT(struct counts, failed),
};

static int64_t at_least_0(int64_t n)
{
	return n < 0 ? 0 : n;
}

static enum err count_deliveries(struct ctl *ctl, struct uuid id, struct counts *ret_counts)
{
	struct row_operator_webhook_counts *rows = NULL;
	struct row_operator_webhook_now now;
	struct counts counts = { .pending = 0 };
	char lane[ID_TEXT_SIZE];
	size_t count = 0;

	delivery_lane(id, lane);
	enum err err = q_operator_webhook_counts(ctl->ctx.db, ctl->ctx.arena, id, &rows, &count);
	if (err == ERR_OK)
		err = q_operator_webhook_now(
		    ctl->ctx.db, ctl->ctx.arena, lane, clock_now_ms(), id, &now);
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].status, delivery_status_word(DELIVERY_SUCCEEDED)) == 0)
			counts.succeeded = rows[i].n;
		else if (strcmp(rows[i].status, delivery_status_word(DELIVERY_FAILED)) == 0)
			counts.failed = rows[i].n;
		else
			counts.pending = rows[i].n;
	}
	counts.delivering = now.delivering;
	counts.held = now.held;
	/* They were counted one after the other. */
	counts.pending = at_least_0(counts.pending - now.delivering - now.held);
	*ret_counts = counts;
	return ERR_OK;
}

static const struct ctl_column attempt_columns[] = {
	COLUMN_TIME(struct row_operator_webhook_attempts, started_at),
	COLUMN_ID(struct row_operator_webhook_attempts, delivery_id, ID_DELIVERY),
	COLUMN_INT(struct row_operator_webhook_attempts, number),
	COLUMN_INT(struct row_operator_webhook_attempts, status_code),
	COLUMN_INT(struct row_operator_webhook_attempts, duration_ms),
	COLUMN_TEXT(struct row_operator_webhook_attempts, error),
};

static enum err print_shown(struct ctl *ctl, const struct shown *shown, const struct counts *counts,
    const struct row_operator_webhook_attempts *attempts, size_t attempt_count)
{
	const struct ctl_section sections[] = {
		{ .single = true,
		    .columns = shown_columns,
		    .column_count = countof(shown_columns),
		    .rows = shown,
		    .row_size = sizeof(*shown),
		    .count = 1 },
		{ .name = "deliveries",
		    .single = true,
		    .columns = counts_columns,
		    .column_count = countof(counts_columns),
		    .rows = counts,
		    .row_size = sizeof(*counts),
		    .count = 1 },
		{ .name = "last_attempts",
		    .columns = attempt_columns,
		    .column_count = countof(attempt_columns),
		    .rows = attempts,
		    .row_size = sizeof(*attempts),
		    .count = attempt_count,
		    .empty = "None was made." },
	};

	return ctl_print(ctl, sections, countof(sections));
}

static enum err show(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	struct row_operator_webhook found;
	struct row_webhook_get row;
	struct counts counts;
	struct row_operator_webhook_attempts *attempts = NULL;
	size_t attempt_count = 0;
	enum err err = webhook_act(ctl, in->webhook, &found);

	if (err == ERR_OK)
		err = webhook_get(&ctl->ctx, in->webhook, &row);
	if (err == ERR_OK)
		err = count_deliveries(ctl, in->webhook, &counts);
	if (err == ERR_OK)
		err = q_operator_webhook_attempts(ctl->ctx.db, ctl->ctx.arena, in->webhook,
		    in->webhook, in->webhook, ATTEMPTS_SHOWN, &attempts, &attempt_count);
	if (err != ERR_OK)
		return err;
	struct shown shown = shown_of(ctl, &found, &row);
	return print_shown(ctl, &shown, &counts, attempts, attempt_count);
}

/* ---- disable, enable ----------------------------------------------------------------------------- */

struct switching {
	struct uuid id;
	struct webhook_change change;
	struct row_webhook_get row;
};

static enum err change_webhook(struct ctx *ctx, void *arg)
{
	struct switching *switching = arg;

	return webhook_change(ctx, switching->id, &switching->change, &switching->row);
}

struct switched {
	const char *id;
	struct uuid application_id;
	const char *state;
	const char *why;
	int64_t disabled_at;
};

static const struct ctl_column switched_columns[] = {
	COLUMN_TEXT(struct switched, id),
	COLUMN_ID(struct switched, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct switched, state),
	COLUMN_TEXT(struct switched, why),
	COLUMN_TIME(struct switched, disabled_at),
};

static enum err switch_webhook(struct ctl *ctl, struct uuid id, bool enabled)
{
	struct row_operator_webhook found;
	struct switching switching = { .id = id,
		.change = {
		    .enabled = enabled, .legacy_secret_header = DB_NULL, .rate_per_s = DB_NULL } };
	enum err err = webhook_act(ctl, id, &found);

	if (err == ERR_OK)
		err = tx_run(&ctl->ctx, change_webhook, &switching);
	if (err != ERR_OK)
		return err;
	struct switched switched = { .id = webhook_id_text(ctl, found.surface, id),
		.application_id = found.application_id,
		.state = state_of(switching.row.disabled),
		.why = why_of(switching.row.disabled),
		.disabled_at = switching.row.disabled_at };
	return ctl_print_one(ctl, switched_columns, &switched);
}

static enum err disable(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;

	return switch_webhook(ctl, in->webhook, false);
}

static enum err enable(struct ctl *ctl, const void *input)
{
	const struct one_input *in = input;
	enum err err = switch_webhook(ctl, in->webhook, true);

	if (err == ERR_OK)
		ctl_note(ctl, "\nThe batch sends what was held for it.");
	return err;
}

/* ---- rotate -------------------------------------------------------------------------------------- */

struct rotate_input {
	struct uuid webhook;
	int64_t overlap;
};

static const struct ctl_arg rotate_args[] = {
	ARG_WEBHOOK(rotate_input),
	ARG_INT(struct rotate_input, overlap, "overlap", "SECONDS", 0, OVERLAP_MAX, OVERLAP_DEFAULT,
	    "How long the old secret signs beside the new one (default 86400, a day; 0: no longer)."),
};

struct rotating {
	struct uuid id;
	int64_t overlap_s;
	const char *secret;
};

static enum err rotate_secret(struct ctx *ctx, void *arg)
{
	struct rotating *rotating = arg;

	return webhook_rotate(ctx, rotating->id, rotating->overlap_s, &rotating->secret);
}

struct rotated {
	const char *id;
	struct uuid application_id;
	const char *secret;
	int64_t old_secret_until;
};

static const struct ctl_column rotated_columns[] = {
	COLUMN_TEXT(struct rotated, id),
	COLUMN_ID(struct rotated, application_id, ID_APPLICATION),
	COLUMN_TEXT(struct rotated, secret),
	COLUMN_TIME(struct rotated, old_secret_until),
};

static enum err rotate(struct ctl *ctl, const void *input)
{
	const struct rotate_input *in = input;
	struct row_operator_webhook found;
	struct row_webhook_get row;
	struct rotating rotating = { .id = in->webhook, .overlap_s = in->overlap };
	enum err err = webhook_act(ctl, in->webhook, &found);

	if (err == ERR_OK)
		err = tx_run(&ctl->ctx, rotate_secret, &rotating);
	if (err == ERR_OK)
		err = webhook_get(&ctl->ctx, in->webhook, &row);
	if (err != ERR_OK)
		return err;
	struct rotated rotated = { .id = webhook_id_text(ctl, found.surface, in->webhook),
		.application_id = found.application_id,
		.secret = rotating.secret,
		.old_secret_until = row.secret_old_until };
	err = ctl_print_one(ctl, rotated_columns, &rotated);
	if (err == ERR_OK)
		ctl_note(ctl, "\nThis is the only time the secret is shown: hand it over now.");
	return err;
}

/* ---- the commands with a file of their own ----------------------------------------------------- */

#define ARG_JUDGE(input) \
	ARG_TEXT(struct input, secret, "secret", "SECRET", false, WEBHOOK_SECRET_TEXT_SIZE, \
	    "The endpoint's secret (whsec_...). Others may see it in the list of processes."), \
	    ARG_TEXT(struct input, secret_file, "secret-file", "FILE", false, LIMIT_SETTING, \
		"A file that holds it, which others must not read."), \
	    ARG_TEXT(struct input, public_key, "public-key", "KEY", false, \
		WEBHOOK_PUBLIC_TEXT_SIZE, \
		"The public key (whpk_...) of an endpoint that signs v1a too.")

static const struct ctl_arg listen_args[] = {
	ARG_INT(struct listen_input, port, "port", "P", 0, UINT16_MAX, PORT_DEFAULT,
	    "The port on 127.0.0.1 (default 8909); 0 takes any that is free."),
	ARG_JUDGE(listen_input),
	ARG_INT(struct listen_input, fail, "fail", "N", 0, INT64_MAX, 0,
	    "Answer 500 to the first N deliveries, to see them come again."),
	ARG_INT(struct listen_input, status, "status", "CODE", 200, 599, 204,
	    "Answer this to deliveries that are in order (default 204)."),
	ARG_INT(struct listen_input, count, "count", "N", 0, INT64_MAX, 0,
	    "End after N deliveries (default: never)."),
	ARG_FLAG(struct listen_input, quiet, "quiet", "Print a summary at the end, nothing else."),
};

static const struct ctl_arg verify_args[] = {
	ARG_JUDGE(verify_input),
	ARG_TEXT(struct verify_input, id, "id", "ID", true, LIMIT_WEBHOOK_WORD,
	    "The header webhook-id."),
	ARG_TEXT(struct verify_input, timestamp, "timestamp", "T", true, TIMESTAMP_MAX,
	    "The header webhook-timestamp: seconds since 1970."),
	ARG_TEXT(struct verify_input, signature, "signature", "S", true, LIMIT_WEBHOOK_SIGNATURE,
	    "The header webhook-signature, in quotes when it has several parts."),
	ARG_INT(struct verify_input, tolerance, "tolerance", "S", 0, INT32_MAX, WEBHOOK_TOLERANCE_S,
	    "How many seconds the timestamp may be away from now (default 300)."),
	ARG_FLAG(struct verify_input, any_time, "any-time", "Whatever the timestamp says."),
	ARG_TEXT(struct verify_input, file, "FILE", NULL, false, LIMIT_SETTING,
	    "The body, byte for byte as it came (default: the standard input)."),
};

static const struct ctl_arg recover_args[] = {
	ARG_ID(struct recover_input, app, "app", "APP", true, ID_APPLICATION,
	    "The application whose events they are (app_...)."),
	ARG_ID(struct recover_input, webhook, "webhook", "WEBHOOK", false, ID_WEBHOOK,
	    "Only for this endpoint (wh_... or whe_...); default: all of the application."),
	ARG_TIME(struct recover_input, since, "since", "TIME", true,
	    "The first moment, as 2027-01-31 or 2027-01-31T12:00:00Z."),
	ARG_TIME(struct recover_input, until, "until", "TIME", true, "The last moment."),
	ARG_FLAG(struct recover_input, dry_run, "dry-run", "Only say what would be queued."),
	ARG_FLAG(struct recover_input, no_wait, "no-wait", "Do not wait for the batch to do it."),
	ARG_INT(struct recover_input, timeout, "timeout", "S", 1, INT32_MAX, RECOVER_TIMEOUT_S,
	    "Wait no longer when nothing has moved for S seconds (default 60)."),
};

static const struct ctl_command commands[] = {
	{ .verb = "list",
	    .needs = CTL_DB,
	    .run = list,
	    .args = list_args,
	    .arg_count = countof(list_args),
	    .input_size = sizeof(struct list_input),
	    .summary = "list webhooks, newest first",
	    .help = "Lists the webhook endpoints of all applications or of one, newest first, with "
		    "their state: enabled, or why not." },
	{ .verb = "show",
	    .needs = CTL_DB,
	    .run = show,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "show a webhook, its deliveries and last attempts",
	    .help = "Shows an endpoint of any application: its state and why, since when it has "
		    "been failing, how many deliveries there are by status, and its last attempts. "
		    "It never shows the secret." },
	{ .verb = "disable",
	    .needs = CTL_DB,
	    .run = disable,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "send nothing to a webhook any more",
	    .help = "Disables an endpoint, as its owner can. What waits for it is held until "
		    "\"bonafide webhook enable\"; what happens meanwhile it is not told, but "
		    "\"bonafide webhook recover\" can make up for that." },
	{ .verb = "enable",
	    .needs = CTL_DB,
	    .run = enable,
	    .args = one_args,
	    .arg_count = countof(one_args),
	    .input_size = sizeof(struct one_input),
	    .summary = "enable a webhook and release what was held",
	    .help = "Enables an endpoint that its owner, an operator or a long failure has "
		    "disabled. What was held for it goes out." },
	{ .verb = "rotate",
	    .needs = CTL_DB | CTL_KEYS,
	    .run = rotate,
	    .args = rotate_args,
	    .arg_count = countof(rotate_args),
	    .input_size = sizeof(struct rotate_input),
	    .summary = "make a new secret and show it, once",
	    .help = "Makes a new secret for an endpoint and prints it. For the time of the overlap "
		    "each delivery carries a signature by the old one too." },
	{ .verb = "recover",
	    .needs = CTL_DB,
	    .run = webhook_recover_command,
	    .args = recover_args,
	    .arg_count = countof(recover_args),
	    .input_size = sizeof(struct recover_input),
	    .summary = "send again what was missed in a range of time",
	    .help = "Queues the events of a range of time again for the endpoints that are "
		    "subscribed to them and did not get them: deliveries that failed, and those "
		    "that were never made. A durable job of the batch, whose progress is shown; "
		    "what was delivered is not sent again." },
	{ .verb = "listen",
	    .run = webhook_listen_command,
	    .args = listen_args,
	    .arg_count = countof(listen_args),
	    .input_size = sizeof(struct listen_input),
	    .summary = "receive webhooks on this machine and show them",
	    .help = "Receives webhooks on 127.0.0.1, checks their signatures, prints them and "
		    "answers: 204 when all is well, 400 when the signature is wrong. For those who "
		    "build a receiver and want to see what comes. Plain HTTP: Bonafide delivers to "
		    "it when egress_allow has 127.0.0.1, or through a tunnel with a certificate. "
		    "With --json it prints a line for each delivery." },
	{ .verb = "verify",
	    .run = webhook_verify_command,
	    .args = verify_args,
	    .arg_count = countof(verify_args),
	    .input_size = sizeof(struct verify_input),
	    .summary = "check a webhook's signature by hand",
	    .help = "Checks the signature of a webhook that somebody has kept: right or wrong, and "
		    "why. The exit status is 0 or 1." },
};

const struct ctl_noun noun_webhook = {
	.word = "webhook",
	.summary = "Webhooks: where customers want to be told of what, and tools to receive them.",
	.commands = commands,
	.count = countof(commands),
};
