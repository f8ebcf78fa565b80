/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_audit_change.c: that every change of core has its row in the audit log, and that neither is there
 * without the other. What a row is and how the log is read is t_audit.c. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "audit_log.h"
#include "delivery.h"
#include "event.h"
#include "key.h"
#include "org.h"
#include "reseal.h"
#include "scope.h"
#include "session.h"
#include "token.h"
#include "tx.h"
#include "webhook.h"
#include "webhook_task.h"

/* A modulus of 2048 bits, of which nobody has the factors. */
#define MODULUS \
	"5imlx8YQXjjds8699ZFQB-MHzAGfUamYQHTeWUFNf5uW4Lf2uQL3_y6Ri8hUaP0aWoJGOU" \
	"gZ_0xsd2CWh4C5RRpmfafBZRcf4jltcUoCMIrI0pqrmUxIZJLJnID4Nss0Vk4A6Np3DylA" \
	"VPMDWl8NwoMGW6JfVW3P4vfh-zVmq60cqp4z3q-odrPoLshtDFGmFKIwAOTRcycs6-uj6P" \
	"pF5YhrKiblv5NTsCu4Eq9s4F7Ftf0I5eEdQaSQyi_FHmzrxRokhB3Va6ShNEuV-wcanhYC" \
	"pCkzyOvZyqORD2ykvNsVoJiCh1c4LahaSqSBVNUebsjy_LlYChXWeesr7Nfdkw"

/* Longer than an id of a request is, and than its column. */
#define TOO_LONG "req_0123456789012345678901234567890123456789012345678901234567890123456789"

/* What the changes below are made on; made anew for each. */
static struct {
	struct uuid org, app, key, endpoint, webhook_key, event, delivery, verification, session;
} on;

/* What the change that was made last says its subject is. */
static struct uuid subject;

/* ---- the changes -------------------------------------------------------------------------------------- */

static enum err do_org_create(struct ctx *context UNUSED, void *arg UNUSED)
{
	return org_create(&ctx, "New", &subject);
}

static enum err do_suspend(struct ctx *context UNUSED, void *arg UNUSED)
{
	subject = on.org;
	return org_set_status(&ctx, on.org, ORG_SUSPENDED);
}

static enum err do_resume(struct ctx *context UNUSED, void *arg UNUSED)
{
	subject = on.org;
	return org_set_status(&ctx, on.org, ORG_ACTIVE);
}

static enum err do_limits(struct ctx *context UNUSED, void *arg UNUSED)
{
	static const struct own_limits limits = { 5, DB_NULL, 0 };

	subject = on.org;
	return org_set_limits(&ctx, on.org, &limits);
}

static enum err add_tokens(enum token_kind kind, int64_t delta)
{
	struct token_change change = { on.org, kind, delta, "for Amara Diallo" };
	int64_t balance = 0;

	subject = on.org;
	return token_add(&ctx, &change, &balance);
}

static enum err do_add(struct ctx *context UNUSED, void *arg UNUSED)
{
	return add_tokens(TOKEN_TOPUP, 500);
}

static enum err do_correct(struct ctx *context UNUSED, void *arg UNUSED)
{
	return add_tokens(TOKEN_CORRECTION, -20);
}

static enum err do_app_create(struct ctx *context UNUSED, void *arg UNUSED)
{
	return application_create(&ctx, on.org, "New", &subject);
}

static enum err make_key(enum key_kind kind, uint64_t scopes, struct key_made *ret_made)
{
	struct key_new key = { .application_id = on.app,
		.kind = kind,
		.environment = ENV_LIVE,
		.name = "Amara's",
		.scopes = scopes,
		.expires_at_ms = TIME_NONE };
	enum err err = key_create(&ctx, &key, ret_made);

	subject = ret_made->row.id;
	return err;
}

static enum err do_key_create(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct key_made made = { .text = NULL };

	return make_key(KEYKIND_SERVER, SCOPE_KYC_READ | SCOPE_KYC_VERIFY, &made);
}

static enum err do_pair_create(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct key_made made = { .text = NULL };

	return make_key(KEYKIND_SECRET, 0, &made);
}

static enum err rotate_key(int64_t overlap_s)
{
	struct key_made made;

	subject = on.key;
	return key_rotate(&ctx, on.app, NULL, on.key, overlap_s, &made);
}

static enum err do_key_rotate(struct ctx *context UNUSED, void *arg UNUSED)
{
	return rotate_key(60);
}

static enum err do_key_replace(struct ctx *context UNUSED, void *arg UNUSED)
{
	return rotate_key(0);
}

static enum err do_regenerate(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct key_made made = { .text = NULL };
	enum err err = key_regenerate(&ctx, on.app, 0, &made);

	subject = made.row.id;
	return err;
}

static enum err do_revoke(struct ctx *context UNUSED, void *arg UNUSED)
{
	subject = on.key;
	return key_revoke(&ctx, on.app, NULL, on.key);
}

static enum err do_webhook_create(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct webhook_new input = { .surface = SURFACE_KYC,
		.url = "https://amara.example/diallo",
		.events = "verification.completed",
		.enabled = true,
		.rate_per_s = DB_NULL };
	struct row_webhook_get row = { .url = NULL };
	const char *secret = NULL;
	enum err err = webhook_create(&ctx, &input, &row, &secret);

	subject = row.id;
	return err;
}

static enum err do_webhook_change(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct webhook_change change = { .url = "https://diallo.example/amara",
		.description = "Amara Diallo's",
		.enabled = 0,
		.legacy_secret_header = DB_NULL,
		.rate_per_s = DB_NULL };
	struct row_webhook_get row;

	subject = on.endpoint;
	return webhook_change(&ctx, on.endpoint, &change, &row);
}

static enum err do_webhook_delete(struct ctx *context UNUSED, void *arg UNUSED)
{
	subject = on.endpoint;
	return webhook_delete(&ctx, on.endpoint);
}

static enum err do_reveal(struct ctx *context UNUSED, void *arg UNUSED)
{
	const char *secret = NULL;
	enum err err = webhook_reveal(&ctx, on.endpoint, &secret);

	subject = on.endpoint;
	/* Shown to somebody of whom nothing is known: never. */
	assert_true(err == ERR_OK || secret == NULL);
	return err;
}

static enum err do_webhook_rotate(struct ctx *context UNUSED, void *arg UNUSED)
{
	const char *secret = NULL;

	subject = on.endpoint;
	return webhook_rotate(&ctx, on.endpoint, 60, &secret);
}

static enum err do_whkey_create(struct ctx *context UNUSED, void *arg UNUSED)
{
	json_t *jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", MODULUS, "e", "AQAB");
	struct row_webhook_key_get row = { .jwk = NULL };
	enum err err = webhook_key_create(&ctx, on.endpoint, "Amara's", jwk, &row);

	json_decref(jwk);
	subject = row.id;
	return err;
}

static enum err set_whkey(bool active)
{
	struct row_webhook_key_get row;

	subject = on.webhook_key;
	return webhook_key_set(&ctx, on.webhook_key, active, &row);
}

static enum err do_whkey_off(struct ctx *context UNUSED, void *arg UNUSED)
{
	return set_whkey(false);
}

static enum err do_whkey_on(struct ctx *context UNUSED, void *arg UNUSED)
{
	return set_whkey(true);
}

static enum err do_retry(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct delivery delivery;

	subject = on.delivery;
	return delivery_retry(&ctx, on.delivery, &delivery);
}

static enum err do_replay(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct event event;

	subject = on.event;
	return event_replay(&ctx, on.event, &event);
}

static enum err do_recover(struct ctx *context UNUSED, void *arg UNUSED)
{
	return webhook_recover(&ctx, on.app, on.endpoint, 0, TIME_NONE, &subject);
}

static enum err do_erase(struct ctx *context UNUSED, void *arg UNUSED)
{
	subject = on.verification;
	return verification_erase(&ctx, on.verification);
}

static enum err do_workflow_create(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct complaint_list complaints = { .max = 0 };
	struct workflow workflow = { .id = UUID_NIL };
	json_t *steps = json_pack("[{s:s}]", "id", "ID_VERIFICATION");
	enum err err = workflow_create(&ctx, "New", steps, &complaints, &workflow);

	json_decref(steps);
	subject = workflow.id;
	return err;
}

static enum err do_session_cancel(struct ctx *context UNUSED, void *arg UNUSED)
{
	subject = on.session;
	return session_cancel(&ctx, on.session, NULL);
}

/* As after a third failure. */
static enum err do_session_fail(struct ctx *context UNUSED, void *arg UNUSED)
{
	core_run("UPDATE session SET status = 'failed', phase = 'completed', open_until = NULL");
	return ERR_OK;
}

static enum err do_session_decide(struct ctx *context UNUSED, void *arg UNUSED)
{
	struct session session;
	enum err err = session_set_status(&ctx, on.session, SESSION_VERIFIED, &session);

	subject = on.session;
	return err;
}

static enum err do_reseal(struct ctx *context UNUSED, void *arg UNUSED)
{
	uint64_t done = 0;

	subject = UUID_NIL;
	/* Its batches reset the arena, so whatever they say stands in the database alone. */
	return reseal_run(&ctx, 2, NULL, NULL, &done);
}

static enum err add_master_key(struct ctx *context UNUSED, void *arg UNUSED)
{
	char reason[256] = "", master[128], pepper[128];
	uint32_t number = 0;

	snprintf(master, sizeof(master), "%s", core_path("master.key"));
	snprintf(pepper, sizeof(pepper), "%s", core_path("pepper"));
	assert_int_equal(keyring_add_key(master, &number, reason, sizeof(reason)), ERR_OK);
	assert_int_equal(number, 2);
	keyring_free(&ctx.keyring);
	return keyring_open(master, pepper, &ctx.keyring, reason, sizeof(reason));
}

/* A change, how the audit log calls it, whether it needs its caller's transaction, whether it is of
 * the application, what it says beside, and what must come before it. */
static const struct change {
	tx_fn *make;
	enum audit_action action;
	bool in_tx;
	bool of_app;
	const char *detail; /* NULL: another test looks at it, or there is none */
	tx_fn *before;
} changes[] = {
	{ do_org_create, AUDIT_ORGANIZATION_CREATED, false, false, NULL, NULL },
	{ do_suspend, AUDIT_ORGANIZATION_SUSPENDED, false, false, NULL, NULL },
	{ do_resume, AUDIT_ORGANIZATION_RESUMED, false, false, NULL, do_suspend },
	{ do_limits, AUDIT_ORGANIZATION_LIMITED, false, false,
	    "rate_per_s 5, burst default, daily_requests 0", NULL },
	{ do_add, AUDIT_TOKENS_ADDED, false, false, "+500", NULL },
	{ do_correct, AUDIT_TOKENS_CORRECTED, false, false, "-20", NULL },
	{ do_app_create, AUDIT_APPLICATION_CREATED, false, false, NULL, NULL },
	{ do_key_create, AUDIT_KEY_CREATED, false, true, "server live: kyc.verify kyc.read", NULL },
	{ do_pair_create, AUDIT_KEY_CREATED, false, true, NULL, NULL },
	{ do_key_rotate, AUDIT_KEY_ROTATED, false, true, NULL, NULL },
	{ do_key_replace, AUDIT_KEY_ROTATED, false, true, NULL, NULL },
	{ do_regenerate, AUDIT_KEY_REGENERATED, false, true, NULL, NULL },
	{ do_revoke, AUDIT_KEY_REVOKED, false, true, NULL, NULL },
	{ do_webhook_create, AUDIT_WEBHOOK_CREATED, true, true, "live", NULL },
	{ do_webhook_change, AUDIT_WEBHOOK_CHANGED, true, true, "url, description, disabled",
	    NULL },
	{ do_webhook_delete, AUDIT_WEBHOOK_REMOVED, true, true, NULL, NULL },
	{ do_reveal, AUDIT_WEBHOOK_REVEALED, false, true, NULL, NULL },
	{ do_webhook_rotate, AUDIT_WEBHOOK_ROTATED, true, true, "overlap 60 s", NULL },
	{ do_whkey_create, AUDIT_WEBHOOK_KEY_ADDED, true, true, NULL, NULL },
	{ do_whkey_off, AUDIT_WEBHOOK_KEY_DEACTIVATED, true, true, NULL, NULL },
	{ do_whkey_on, AUDIT_WEBHOOK_KEY_ACTIVATED, true, true, NULL, do_whkey_off },
	{ do_retry, AUDIT_DELIVERY_RETRIED, true, true, NULL, NULL },
	{ do_replay, AUDIT_EVENT_REPLAYED, true, true, NULL, NULL },
	{ do_recover, AUDIT_RECOVERY_STARTED, false, true, NULL, NULL },
	{ do_erase, AUDIT_VERIFICATION_ERASED, false, true, NULL, NULL },
	{ do_workflow_create, AUDIT_WORKFLOW_CREATED, false, true, NULL, NULL },
	{ do_session_cancel, AUDIT_SESSION_CANCELLED, false, true, "voided", NULL },
	{ do_session_decide, AUDIT_SESSION_DECIDED, false, true, "verified", do_session_fail },
	{ do_reseal, AUDIT_SEAL_ROTATED, false, false, "to key 2", add_master_key },
};

/* ---- what they are made on ---------------------------------------------------------------------------- */

/* A number that changes with anything that they change. */
static int64_t traces(void)
{
	return core_number(
	    "SELECT (SELECT SUM(CRC32(CONCAT_WS(',', HEX(id), status, rate_per_s, burst, "
	    "daily_requests))) FROM organization) "
	    "+ (SELECT COALESCE(SUM(CRC32(CONCAT_WS(',', HEX(organization_id), balance))), 0) "
	    "FROM token_balance) "
	    "+ (SELECT COALESCE(SUM(CRC32(HEX(id))), 0) FROM token_entry) "
	    "+ (SELECT SUM(CRC32(HEX(id))) FROM application) "
	    "+ (SELECT SUM(CRC32(CONCAT_WS(',', HEX(id), expires_at, COALESCE(revoked_at, 'no')))) "
	    "FROM api_key) "
	    "+ (SELECT COALESCE(SUM(CRC32(CONCAT_WS(',', HEX(id), url, description, disabled, "
	    "COALESCE(deleted_at, 'no'), HEX(secret)))), 0) FROM webhook_endpoint) "
	    "+ (SELECT COALESCE(SUM(CRC32(CONCAT_WS(',', HEX(id), HEX(active_of)))), 0) "
	    "FROM webhook_key) "
	    "+ (SELECT COALESCE(SUM(CRC32(CONCAT_WS(',', HEX(id), status, next_attempt_at, "
	    "updated_at))), 0) FROM delivery) "
	    "+ (SELECT COUNT(*) FROM webhook_task) + (SELECT COUNT(*) FROM work) "
	    "+ (SELECT COUNT(*) FROM workflow) "
	    "+ (SELECT COALESCE(SUM(CRC32(CONCAT_WS(',', HEX(id), status))), 0) FROM session) "
	    "+ (SELECT SUM(CRC32(CONCAT_WS(',', HEX(id), status, COALESCE(erased_at, 'no'), "
	    "seal_key))) FROM verification)");
}

static void must(tx_fn *make)
{
	assert_int_equal(tx_run(&ctx, make, NULL), ERR_OK);
}

static struct uuid made_session(void)
{
	struct session_new input = { .family = VIA_PLAIN, .environment = ENV_LIVE };
	const char *token = NULL;
	struct session session;

	assert_int_equal(session_create(&ctx, &input, &session, &token), ERR_OK);
	return session.id;
}

static struct uuid made_by(tx_fn *make)
{
	must(make);
	return subject;
}

/* Everything that one of the changes could be about. */
static void make_things(void)
{
	struct delivery_filter filter = { .limit = 1 };
	struct delivery *deliveries = NULL;
	struct key_made own;
	size_t count = 0;
	bool more;

	on.app = core_tenant();
	core_act(on.app, ENV_LIVE);
	on.org = ctx.actor.organization_id;
	ctx.actor.key_id = (struct uuid){ { 1, 2, 3 } };
	on.key = made_by(do_key_create);
	assert_int_equal(key_regenerate(&ctx, on.app, 0, &own), ERR_OK);
	on.endpoint = made_by(do_webhook_create);
	on.webhook_key = made_by(do_whkey_create);
	/* One that was decided, and its event. */
	ctx.actor.environment = ENV_SANDBOX;
	on.verification = core_verification(NULL, true, false).id;
	ctx.actor.environment = ENV_LIVE;
	on.session = made_session();
	assert_int_equal(delivery_list(&ctx, &filter, &deliveries, &count, &more), ERR_OK);
	assert_int_equal(count, 1);
	on.delivery = deliveries[0].row.id;
	on.event = deliveries[0].row.event_id;
}

static int set_up(void **state)
{
	core_set_up(state);
	core_settings("public_url = https://kyc.example.org\n");
	ctx.request_id = "req_of_the_test";
	ctx.client_address = "203.0.113.7";
	make_things();
	core_run("DELETE FROM audit");
	return 0;
}

static int tear_down(void **state UNUSED)
{
	ctx.request_id = NULL;
	ctx.client_address = NULL;
	return 0;
}

/* ---- every change ------------------------------------------------------------------------------------- */

static enum err run(const struct change *change)
{
	/* Those that have no need of it make their own. */
	return change->in_tx ? tx_run(&ctx, change->make, NULL) : change->make(&ctx, NULL);
}

static enum err run_and_fail(struct ctx *context, void *arg)
{
	const struct change *change = arg;

	assert_int_equal(change->make(context, NULL), ERR_OK);
	return ERR_TIMEOUT;
}

static void check_row(const struct change *change)
{
	struct row_audit_page row = only_row();
	bool is_new = change->make == do_org_create;
	/* Sealing anew is nobody's in particular. */
	bool of_org = change->action != AUDIT_SEAL_ROTATED;

	assert_string_equal(row.action, audit_action_word(change->action));
	assert_string_equal(row.actor_kind, "key");
	assert_true(uuid_equal(row.actor_id, (struct uuid){ { 1, 2, 3 } }));
	assert_null(row.actor_name);
	assert_string_equal(row.address, "203.0.113.7");
	assert_string_equal(row.request_id, "req_of_the_test");
	assert_true(uuid_equal(row.subject_id, subject));
	if (of_org)
		assert_true(uuid_equal(row.organization_id, is_new ? subject : on.org));
	else
		assert_true(uuid_is_nil(row.organization_id));
	if (change->action == AUDIT_APPLICATION_CREATED)
		assert_true(uuid_equal(row.application_id, subject));
	else
		assert_true(uuid_equal(row.application_id, change->of_app ? on.app : UUID_NIL));
	if (change->detail != NULL)
		assert_string_equal(row.detail, change->detail);
	assert_true(row.created_at == uuid_time_ms(row.id));
}

/* Nothing of what was put in: names, addresses, notes; nor of what was made: keys and secrets. */
static void check_nothing_personal(void)
{
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM audit WHERE CONCAT_WS(' ', actor_name, address, "
			"request_id, detail) REGEXP '(?i)amara|diallo|dme_|sk_verify|whsec'"),
	    0);
}

static void test_every_change_is_told(void **state UNUSED)
{
	for (size_t i = 0; i < countof(changes); i++) {
		const struct change *change = &changes[i];

		make_things();
		if (change->before != NULL)
			must(change->before);
		core_run("DELETE FROM audit");
		print_message("%s\n", audit_action_word(change->action));
		int64_t before = traces();
		/* Rolled back with whatever else was to be done. */
		assert_int_equal(
		    tx_run(&ctx, run_and_fail, (void *)(uintptr_t)change), ERR_TIMEOUT);
		assert_int_equal(rows_of_log(), 0);
		assert_true(traces() == before);
		/* What cannot be told is not done. */
		ctx.request_id = TOO_LONG;
		assert_int_not_equal(run(change), ERR_OK);
		ctx.request_id = "req_of_the_test";
		assert_int_equal(rows_of_log(), 0);
		assert_true(traces() == before);
		assert_int_equal(run(change), ERR_OK);
		/* A look at a secret changes nothing. */
		assert_true((traces() == before) == (change->make == do_reveal));
		check_row(change);
		check_nothing_personal();
	}
}

/* What changes nothing is not told. */
static void test_what_is_not_told(void **state UNUSED)
{
	uint64_t done = 0;

	must(do_erase);
	must(do_whkey_off);
	core_run("DELETE FROM audit");
	must(do_erase);
	must(do_whkey_off);
	assert_int_equal(reseal_run(&ctx, 100, NULL, NULL, &done), ERR_OK);
	assert_int_equal(done, 0);
	on.key.b[3] ^= 1;
	assert_int_equal(tx_run(&ctx, do_revoke, NULL), ERR_KEY_NOT_FOUND);
	assert_int_equal(tx_run(&ctx, do_key_rotate, NULL), ERR_KEY_NOT_FOUND);
	on.org.b[3] ^= 1;
	assert_int_equal(tx_run(&ctx, do_suspend, NULL), ERR_MISSING);
	assert_int_equal(tx_run(&ctx, do_limits, NULL), ERR_MISSING);
	assert_int_equal(tx_run(&ctx, do_app_create, NULL), ERR_MISSING);
	assert_int_equal(tx_run(&ctx, do_add, NULL), ERR_MISSING);
	core_verification("1234567890123", false, false);
	assert_int_equal(rows_of_log(), 0);
}

/* The first key of an application replaces none. */
static void test_first_key(void **state UNUSED)
{
	struct uuid app;
	struct key_made made;

	assert_int_equal(application_create(&ctx, on.org, "Bare", &app), ERR_OK);
	core_run("DELETE FROM audit");
	assert_int_equal(key_regenerate(&ctx, app, 0, &made), ERR_OK);
	struct row_audit_page row = only_row();
	assert_string_equal(row.action, "key.created");
	assert_true(uuid_equal(row.application_id, app));
}

/* A rotation is one change, and says which key there is now. */
static void test_rotation_names_the_new_key(void **state UNUSED)
{
	struct key_made made;
	char wanted[128], id[ID_TEXT_SIZE];

	assert_int_equal(key_rotate(&ctx, on.app, NULL, on.key, 60, &made), ERR_OK);
	id_text(ID_KEY, made.row.id, id);
	snprintf(wanted, sizeof(wanted), "new key %s, overlap 60 s", id);
	assert_string_equal(only_row().detail, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_change_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_first_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rotation_names_the_new_key, set_up, tear_down),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
