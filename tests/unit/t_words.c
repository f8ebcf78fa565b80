/* SPDX-License-Identifier: Apache-2.0 */
/* t_words.c: the closed lists of words, what may follow what, ids as text, and scopes. */
#include "base.h"
#include "arena.h"
#include "id.h"
#include "scope.h"
#include "state.h"
#include "uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define WORDS_MAX 96
#define MOVES_MAX 12

/* ---- words of states ------------------------------------------------------------------------------- */

/* One signature for the functions of every group, so that a table can hold them. */
#define ADAPT(group, type) \
	static const char *word_##type(int value) \
	{ \
		return type##_word((enum type)value); \
	} \
	static enum err parse_##type(const char *text, int *ret_value) \
	{ \
		enum type value; \
		enum err err = type##_parse(text, &value); \
		if (err == ERR_OK) \
			*ret_value = (int)value; \
		return err; \
	} \
	static bool moves_##type(int from, int to) \
	{ \
		return type##_may_move((enum type)from, (enum type)to); \
	}
STATE_GROUPS(ADAPT)
#undef ADAPT

#define COUNT(group, type) +1
enum { GROUP_COUNT = STATE_GROUPS(COUNT) };
#undef COUNT

struct move {
	int from;
	int to;
};

#define GROUP(type) &type##_words, word_##type, parse_##type, moves_##type
#define UP_TO(group) group##__MAX

/* Written out a second time: a word that changes breaks rows in databases and clients. */
static const struct group {
	const struct word_list *list;
	const char *(*word)(int value);
	enum err (*parse)(const char *text, int *ret_value);
	bool (*may_move)(int from, int to);
	int max;
	const char *words[WORDS_MAX];
	size_t move_count;
	struct move moves[MOVES_MAX];
} groups[] = {
	{ GROUP(org_status), UP_TO(ORG), { "active", "suspended" }, 2,
	    { { ORG_ACTIVE, ORG_SUSPENDED }, { ORG_SUSPENDED, ORG_ACTIVE } } },
	{ GROUP(environment), UP_TO(ENV), { "live", "sandbox" }, 0, { { 0, 0 } } },
	{ GROUP(key_kind), UP_TO(KEYKIND),
	    { "server", "partner", "secret", "publishable", "application" }, 0, { { 0, 0 } } },
	{ GROUP(ver_status), UP_TO(VER), { "pending", "approved", "declined", "error" }, 3,
	    { { VER_PENDING, VER_APPROVED }, { VER_PENDING, VER_DECLINED },
		{ VER_PENDING, VER_ERROR } } },
	{ GROUP(ver_kind), UP_TO(VERKIND), { "kyc", "session", "age" }, 0, { { 0, 0 } } },
	{ GROUP(ver_reason), UP_TO(REASON),
	    { "", "not_found", "mismatch", "review", "unsupported_number", "rejected_by_provider",
		"provider_config", "gave_up", "unknown_answer", "erased", "sandbox" },
	    0, { { 0, 0 } } },
	{ GROUP(match), UP_TO(MATCH), { "unknown", "exact", "partial", "none", "not_provided" }, 0,
	    { { 0, 0 } } },
	{ GROUP(job_state), UP_TO(JOB), { "absent", "sending", "submitted", "done", "failed" }, 7,
	    { { JOB_ABSENT, JOB_SENDING }, { JOB_SENDING, JOB_ABSENT },
		{ JOB_SENDING, JOB_SUBMITTED }, { JOB_SENDING, JOB_DONE },
		{ JOB_SENDING, JOB_FAILED }, { JOB_SUBMITTED, JOB_DONE },
		{ JOB_SUBMITTED, JOB_FAILED } } },
	{ GROUP(callback_verdict), UP_TO(CALLBACK),
	    { "hint", "malformed", "bad_signature", "not_fresh", "unknown_job", "already_decided" },
	    0, { { 0, 0 } } },
	{ GROUP(work_kind), UP_TO(WORK),
	    { "provider_submit", "provider_poll", "webhook_delivery", "webhook_task", "mail",
		"age_estimate" },
	    0, { { 0, 0 } } },
	{ GROUP(score_band), UP_TO(BAND), { "low", "medium", "high", "premium" }, 0, { { 0, 0 } } },
	{ GROUP(usage_type), UP_TO(USAGE),
	    { "kyc.verification", "kyc.score", "session", "age.verification" }, 0, { { 0, 0 } } },
	{ GROUP(token_kind), UP_TO(TOKEN),
	    { "topup", "verification", "score", "session", "age", "correction" }, 0, { { 0, 0 } } },
	{ GROUP(surface), UP_TO(SURFACE), { "kyc", "session" }, 0, { { 0, 0 } } },
	{ GROUP(event_type), UP_TO(EVENT),
	    { "verification.completed", "verification.failed", "webhook.test", "webhook.disabled",
		"verification.attempt.succeeded", "verification.attempt.failed",
		"verification.session.expired", "verification.session.cancelled",
		"billing.low_balance", "session.created", "session.status.submitted",
		"session.status.verified", "session.status.rejected", "session.status.failed",
		"age.completed", "age.review" },
	    0, { { 0, 0 } } },
	{ GROUP(event_trigger), UP_TO(TRIGGER),
	    { "verification", "verification_session", "verification_attempt", "webhook_endpoint",
		"organization", "age_verification" },
	    0, { { 0, 0 } } },
	{ GROUP(disabled_reason), UP_TO(DISABLED), { "manual", "gone", "failing" }, 0,
	    { { 0, 0 } } },
	{ GROUP(delivery_status), UP_TO(DELIVERY),
	    { "pending", "delivering", "succeeded", "failed" }, 4,
	    { { DELIVERY_PENDING, DELIVERY_SUCCEEDED }, { DELIVERY_PENDING, DELIVERY_FAILED },
		{ DELIVERY_FAILED, DELIVERY_PENDING }, { DELIVERY_SUCCEEDED, DELIVERY_PENDING } } },
	{ GROUP(attempt_error), UP_TO(ATTEMPT),
	    { "none", "status", "redirect", "gone", "refused", "resolve", "connect", "tls",
		"timeout", "read", "no_key", "other" },
	    0, { { 0, 0 } } },
	{ GROUP(task_kind), UP_TO(TASK), { "release", "recover", "remove" }, 0, { { 0, 0 } } },
	{ GROUP(role), UP_TO(ROLE), { "", "owner", "admin", "member", "reviewer" }, 0,
	    { { 0, 0 } } },
	{ GROUP(member_status), UP_TO(MEMBER), { "active", "invited" }, 0, { { 0, 0 } } },
	{ GROUP(actor_kind), UP_TO(ACTOR), { "nobody", "key", "account", "batch", "operator" }, 0,
	    { { 0, 0 } } },
	{ GROUP(audit_action), UP_TO(AUDIT),
	    { "account.registered", "account.verified", "account.disabled", "account.enabled",
		"account.unlocked", "password.changed", "login.succeeded", "login.failed",
		"login.locked", "logout", "session.reuse_detected", "member.invited",
		"member.joined", "member.role_changed", "member.removed", "organization.created",
		"organization.renamed", "organization.suspended", "organization.resumed",
		"organization.limits_changed", "tokens.added", "tokens.corrected",
		"application.created", "application.updated", "application.deleted", "key.created",
		"key.rotated", "key.regenerated", "key.revoked", "webhook.created",
		"webhook.changed", "webhook.disabled", "webhook.removed", "webhook.secret_revealed",
		"webhook.secret_rotated", "webhook_key.added", "webhook_key.activated",
		"webhook_key.deactivated", "delivery.retried", "event.replayed", "recovery.started",
		"verification.erased", "verification_session.cancelled",
		"verification_session.decided", "workflow.created", "media.read", "review.claimed",
		"review.seen", "review.approved", "review.rejected", "review.resubmit_required",
		"record.created", "record.read", "record.alias_added", "record.deactivated",
		"seal.added", "seal.rotated", "jwt.rotated", "jwt.revoked" },
	    0, { { 0, 0 } } },
	{ GROUP(mail_template), UP_TO(MAIL),
	    { "verification_code", "already_registered", "invitation", "test",
		"session_invitation" },
	    0, { { 0, 0 } } },
	{ GROUP(mail_status), UP_TO(MAILSTATUS), { "pending", "sent", "failed" }, 3,
	    { { MAILSTATUS_PENDING, MAILSTATUS_SENT }, { MAILSTATUS_PENDING, MAILSTATUS_FAILED },
		{ MAILSTATUS_FAILED, MAILSTATUS_PENDING } } },
	{ GROUP(mail_error), UP_TO(MAILERROR),
	    { "none", "config", "text", "sealed", "resolve", "connect", "tls", "login", "server",
		"sender", "recipient", "message", "utf8", "timeout", "read", "other", "expired" },
	    0, { { 0, 0 } } },
	{ GROUP(session_family), UP_TO(VIA), { "session", "plain" }, 0, { { 0, 0 } } },
	{ GROUP(session_status), UP_TO(SESSION),
	    { "pending", "submitted", "verified", "rejected", "failed", "voided", "expired" }, 12,
	    { { SESSION_PENDING, SESSION_SUBMITTED }, { SESSION_SUBMITTED, SESSION_VERIFIED },
		{ SESSION_SUBMITTED, SESSION_PENDING }, { SESSION_SUBMITTED, SESSION_REJECTED },
		{ SESSION_SUBMITTED, SESSION_FAILED }, { SESSION_PENDING, SESSION_VOIDED },
		{ SESSION_SUBMITTED, SESSION_VOIDED }, { SESSION_PENDING, SESSION_EXPIRED },
		{ SESSION_SUBMITTED, SESSION_EXPIRED }, { SESSION_FAILED, SESSION_VERIFIED },
		{ SESSION_REJECTED, SESSION_VERIFIED }, { SESSION_VERIFIED, SESSION_REJECTED } } },
	{ GROUP(session_phase), UP_TO(PHASE),
	    { "created", "in_progress", "completed", "expired", "cancelled" }, 0, { { 0, 0 } } },
	{ GROUP(attempt_status), UP_TO(TRY), { "in_progress", "succeeded", "failed", "cancelled" },
	    3,
	    { { TRY_IN_PROGRESS, TRY_SUCCEEDED }, { TRY_IN_PROGRESS, TRY_FAILED },
		{ TRY_IN_PROGRESS, TRY_CANCELLED } } },
	{ GROUP(attempt_failure), UP_TO(FAILURE),
	    { "", "session_expired", "session_cancelled", "document_authenticity_failed",
		"document_active_authentication_failed", "document_chip_authentication_failed",
		"document_anti_cloning_attestation_failed", "document_data_invalid",
		"liveness_failed", "selfie_face_mismatch" },
	    0, { { 0, 0 } } },
	{ GROUP(invite_state), UP_TO(INVITE), { "not_requested", "queued", "not_configured" }, 0,
	    { { 0, 0 } } },
	{ GROUP(workflow_step), UP_TO(STEP),
	    { "ID_VERIFICATION", "FACE_LIVENESS", "AGE_ESTIMATION", "PEP_SANCTIONS",
		"ADVERSE_MEDIA" },
	    0, { { 0, 0 } } },
	{ GROUP(workflow_status), UP_TO(WORKFLOW), { "active", "inactive" }, 0, { { 0, 0 } } },
	{ GROUP(age_level), UP_TO(LEVEL), { "age_only", "full_age", "full_kyc" }, 0, { { 0, 0 } } },
	{ GROUP(age_status), UP_TO(AGE),
	    { "pending", "under_review", "approved", "rejected", "resubmit_required", "expired" },
	    8,
	    { { AGE_PENDING, AGE_UNDER_REVIEW }, { AGE_PENDING, AGE_APPROVED },
		{ AGE_PENDING, AGE_REJECTED }, { AGE_PENDING, AGE_RESUBMIT },
		{ AGE_UNDER_REVIEW, AGE_APPROVED }, { AGE_UNDER_REVIEW, AGE_REJECTED },
		{ AGE_UNDER_REVIEW, AGE_RESUBMIT }, { AGE_APPROVED, AGE_EXPIRED } } },
	{ GROUP(age_judge), UP_TO(JUDGE), { "", "estimator", "provider", "reviewer" }, 0,
	    { { 0, 0 } } },
	{ GROUP(age_cause), UP_TO(CAUSE),
	    { "", "no_estimator", "estimator_failed", "estimate_unsure", "too_young",
		"document_not_covered", "not_of_age", "not_confirmed", "always_reviewed",
		"erased" },
	    0, { { 0, 0 } } },
	{ GROUP(age_refusal), UP_TO(REFUSAL),
	    { "", "already_verified", "in_review", "too_many_attempts" }, 0, { { 0, 0 } } },
};

static void test_every_group_is_here(void **state UNUSED)
{
	assert_int_equal(countof(groups), GROUP_COUNT);
	for (size_t i = 0; i < countof(groups); i++) {
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(groups[i].list->name, groups[j].list->name);
	}
}

/* The order is the enum's, which the values in the table above depend on. */
static void test_words_of_every_group(void **state UNUSED)
{
	for (size_t i = 0; i < countof(groups); i++) {
		const struct group *group = &groups[i];
		int count = 0;

		while (count < WORDS_MAX && group->words[count] != NULL)
			count++;
		assert_int_equal(group->max, count);
		assert_int_equal(group->list->count, count);
		for (int value = 0; value < count; value++) {
			assert_string_equal(group->list->words[value], group->words[value]);
			assert_string_equal(group->word(value), group->words[value]);
		}
		/* Outside the list there is still something to print. */
		assert_string_equal(group->word(count), "?");
		assert_string_equal(group->word(-1), "?");
	}
}

static void test_words_parse_back(void **state UNUSED)
{
	for (size_t i = 0; i < countof(groups); i++) {
		for (int wanted = 0; wanted < groups[i].max; wanted++) {
			int value = -1;

			assert_int_equal(groups[i].parse(groups[i].words[wanted], &value), ERR_OK);
			assert_int_equal(value, wanted);
		}
	}
}

static void refuse_word(const struct group *group, const char *text)
{
	int value = 77;

	if (group->parse(text, &value) != ERR_SYNTAX)
		fail_msg("%s takes \"%s\"", group->list->name, text);
	assert_int_equal(value, 77);
}

static void test_other_words_are_refused(void **state UNUSED)
{
	static const char *const wrong[] = { "?", " ", "banana", "0", "1", "null",
		("\xd0\xb0"
		 "ctive") };

	for (size_t i = 0; i < countof(groups); i++) {
		for (size_t k = 0; k < countof(wrong); k++)
			refuse_word(&groups[i], wrong[k]);
		/* A reason may be empty, and what is like it: an approved verification has none. */
		if (groups[i].words[0][0] != '\0')
			refuse_word(&groups[i], "");
	}
}

/* Near misses of each word: case, blanks around it, cut, one letter more. */
static void test_words_are_exact(void **state UNUSED)
{
	for (size_t i = 0; i < countof(groups); i++) {
		for (int value = 0; value < groups[i].max; value++) {
			const char *word = groups[i].words[value];
			size_t len = strlen(word);
			char text[64];

			if (len == 0)
				continue;
			(void)snprintf(text, sizeof(text), "%s", word);
			text[0] = (char)(text[0] - 'a' + 'A');
			refuse_word(&groups[i], text);
			(void)snprintf(text, sizeof(text), " %s", word);
			refuse_word(&groups[i], text);
			(void)snprintf(text, sizeof(text), "%s ", word);
			refuse_word(&groups[i], text);
			(void)snprintf(text, sizeof(text), "%sx", word);
			refuse_word(&groups[i], text);
			(void)snprintf(text, sizeof(text), "%.*s", (int)len - 1, word);
			refuse_word(&groups[i], text);
		}
	}
}

static bool is_listed(const struct group *group, int from, int to)
{
	for (size_t i = 0; i < group->move_count; i++) {
		if (group->moves[i].from == from && group->moves[i].to == to)
			return true;
	}
	return false;
}

/* Every pair of every group, the ends of the lists and one beyond included. */
static void test_moves_are_the_listed_ones(void **state UNUSED)
{
	for (size_t i = 0; i < countof(groups); i++) {
		const struct group *group = &groups[i];

		for (int from = -1; from <= group->max; from++) {
			for (int to = -1; to <= group->max; to++) {
				if (group->may_move(from, to) != is_listed(group, from, to))
					fail_msg("%s: %s to %s", group->list->name,
					    group->word(from), group->word(to));
			}
		}
	}
}

/* contract/kyc.md: a terminal status never changes. */
static void test_terminal_statuses_stay(void **state UNUSED)
{
	for (int to = 0; to < VER__MAX; to++) {
		assert_false(ver_status_may_move(VER_APPROVED, (enum ver_status)to));
		assert_false(ver_status_may_move(VER_DECLINED, (enum ver_status)to));
		assert_false(ver_status_may_move(VER_ERROR, (enum ver_status)to));
		assert_false(ver_status_may_move((enum ver_status)to, VER_PENDING));
	}
	for (int to = 0; to < JOB__MAX; to++) {
		assert_false(job_state_may_move(JOB_DONE, (enum job_state)to));
		assert_false(job_state_may_move(JOB_FAILED, (enum job_state)to));
	}
}

/* ---- ids ------------------------------------------------------------------------------------------- */

static const char *const prefixes[ID__MAX] = { "ver", "key", "usg", "org", "app", "req", "scr",
	"wrk", "wh", "whe", "whk", "evt", "whd", "wha", "tsk", "vs", "va", "med", "wf", "", "mail",
	"rec" };

/* From the list of valid ids in the TypeID specification, version 0.3. */
static const struct {
	const char *uuid;
	const char *suffix;
} vectors[] = {
	{ "00000000-0000-0000-0000-000000000000", "00000000000000000000000000" },
	{ "00000000-0000-0000-0000-000000000001", "00000000000000000000000001" },
	{ "00000000-0000-0000-0000-00000000000a", "0000000000000000000000000a" },
	{ "00000000-0000-0000-0000-000000000010", "0000000000000000000000000g" },
	{ "00000000-0000-0000-0000-000000000020", "00000000000000000000000010" },
	{ "ffffffff-ffff-ffff-ffff-ffffffffffff", "7zzzzzzzzzzzzzzzzzzzzzzzzz" },
	{ "0110c853-1d09-52d8-d73e-1194e95b5f19", "0123456789abcdefghjkmnpqrs" },
	{ "01890a5d-ac96-774b-bcce-b302099a8057", "01h455vb4pex5vsknk084sn02q" },
};

static void test_id_text_and_back(void **state UNUSED)
{
	for (int kind = 0; kind < ID__MAX; kind++) {
		for (size_t i = 0; i < countof(vectors); i++) {
			char text[ID_TEXT_SIZE], wanted[ID_TEXT_SIZE];
			struct uuid id, back = { { 9 } };

			assert_int_equal(uuid_parse(vectors[i].uuid, &id), ERR_OK);
			(void)snprintf(wanted, sizeof(wanted), "%s%s%s", prefixes[kind],
			    kind == ID_UUID ? "" : "_",
			    kind == ID_UUID ? vectors[i].uuid : vectors[i].suffix);
			memset(text, 'x', sizeof(text));
			id_text((enum id_kind)kind, id, text);
			assert_string_equal(text, wanted);
			assert_int_equal(id_parse((enum id_kind)kind, wanted, &back), ERR_OK);
			assert_true(uuid_equal(back, id));
		}
	}
}

/* An id says what it is of, and each kind fits the room that everybody reserves. */
static void test_id_prefixes(void **state UNUSED)
{
	for (int kind = 0; kind < ID__MAX; kind++) {
		size_t len = strlen(prefixes[kind]);

		assert_string_equal(id_prefix((enum id_kind)kind), prefixes[kind]);
		assert_true(kind == ID_UUID ? len == 0 : len >= 1 && len <= 8);
		assert_true(len + 1 + 26 + 1 <= ID_TEXT_SIZE);
		for (int other = 0; other < kind; other++)
			assert_string_not_equal(prefixes[kind], prefixes[other]);
	}
}

static void test_id_of_another_kind_is_refused(void **state UNUSED)
{
	struct uuid id = { { 1, 2, 3 } };

	for (int kind = 0; kind < ID__MAX; kind++) {
		for (int other = 0; other < ID__MAX; other++) {
			char text[ID_TEXT_SIZE];
			struct uuid back = UUID_NIL;

			id_text((enum id_kind)other, id, text);
			assert_int_equal(id_parse((enum id_kind)kind, text, &back),
			    kind == other ? ERR_OK : ERR_SYNTAX);
			assert_int_equal(uuid_is_nil(back), kind != other);
		}
	}
}

static void test_id_parse_refuses(void **state UNUSED)
{
	static const char *const wrong[] = {
		"",
		"v",
		"ver",
		"ver_",
		"_01h455vb4pex5vsknk084sn02q",
		"01h455vb4pex5vsknk084sn02q",
		"ver01h455vb4pex5vsknk084sn02q",
		"ver-01h455vb4pex5vsknk084sn02q",
		"ver__01h455vb4pex5vsknk084sn02",
		"verx_01h455vb4pex5vsknk084sn02q",
		"VER_01h455vb4pex5vsknk084sn02q",
		"ver_01H455VB4PEX5VSKNK084SN02Q",
		"ver_01h455vb4pex5vsknk084sn02Q",
		"ver_01h455vb4pex5vsknk084sn02",
		"ver_01h455vb4pex5vsknk084sn02qq",
		"ver_01h455vb4pex5vsknk084sn02q ",
		" ver_01h455vb4pex5vsknk084sn02q",
		"ver_ 1h455vb4pex5vsknk084sn02q",
		"ver_01890a5d-ac96-774b-bcce-b302099a8057",
		"ver_01h455vb4pex5vsknk084sn0\xc3\xa9",
		"ver_01h455vb4pex5vskn-084sn02q",
		/* More than 128 bits. */
		"ver_80000000000000000000000000",
		"ver_8zzzzzzzzzzzzzzzzzzzzzzzzz",
		"ver_zzzzzzzzzzzzzzzzzzzzzzzzzz",
		"ver_a0000000000000000000000000",
	};

	for (size_t i = 0; i < countof(wrong); i++) {
		struct uuid id = { { 7, 7, 7 } };

		if (id_parse(ID_VERIFICATION, wrong[i], &id) != ERR_SYNTAX)
			fail_msg("takes \"%s\"", wrong[i]);
		assert_true(uuid_equal(id, (struct uuid){ { 7, 7, 7 } }));
	}
}

/* Each byte at each place of the 26: exactly Crockford's 32 letters are taken, without the
 * look-alikes (i, l, o, u) that his decoder would accept: one id has one text. */
static void test_id_alphabet(void **state UNUSED)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	struct uuid id;

	for (size_t place = 0; place < 26; place++) {
		for (int c = 1; c < 256; c++) {
			char text[] = "req_00000000000000000000000000";
			const char *found = strchr(alphabet, (char)c);
			bool good = found != NULL && (place > 0 || found - alphabet < 8);

			text[4 + place] = (char)c;
			assert_int_equal(
			    id_parse(ID_REQUEST, text, &id), good ? ERR_OK : ERR_SYNTAX);
		}
	}
}

/* ---- scopes ---------------------------------------------------------------------------------------- */

/* contract/README.md, Credentials, in the order of the bits. */
static const struct {
	const char *dot;
	const char *colon;
	const char *printed;
	uint64_t bit;
} scopes[] = {
	{ "kyc.verify", "kyc:verify", "kyc.verify", SCOPE_KYC_VERIFY },
	{ "kyc.read", "kyc:read", "kyc.read", SCOPE_KYC_READ },
	{ "score.get", "score:get", "score.get", SCOPE_SCORE_GET },
	{ "keys.read", "keys:read", "keys.read", SCOPE_KEYS_READ },
	{ "keys.write", "keys:write", "keys.write", SCOPE_KEYS_WRITE },
	{ "webhooks.read", "webhooks:read", "webhooks.read", SCOPE_WEBHOOKS_READ },
	{ "webhooks.write", "webhooks:write", "webhooks.write", SCOPE_WEBHOOKS_WRITE },
	{ "sessions.read", "sessions:read", "sessions:read", SCOPE_SESSIONS_READ },
	{ "sessions.write", "sessions:write", "sessions:write", SCOPE_SESSIONS_WRITE },
	{ "analytics.read", "analytics:read", "analytics:read", SCOPE_ANALYTICS_READ },
};

static void test_scopes_in_both_spellings(void **state UNUSED)
{
	uint64_t all = 0;

	assert_int_equal(countof(scopes), SCOPE_COUNT);
	for (size_t i = 0; i < countof(scopes); i++) {
		uint64_t dot = 0, colon = 0;

		assert_int_equal(scope_parse(scopes[i].dot, &dot), ERR_OK);
		assert_int_equal(scope_parse(scopes[i].colon, &colon), ERR_OK);
		assert_true(dot == scopes[i].bit);
		assert_true(colon == scopes[i].bit);
		assert_true((all & dot) == 0);
		all |= dot;
		assert_string_equal(scope_words[i], scopes[i].printed);
		assert_string_equal(scope_spellings[i], scopes[i].dot);
		assert_string_equal(scope_spellings[SCOPE_COUNT + i], scopes[i].colon);
	}
	assert_true(all == SCOPE_ALL);
}

static void test_scope_parse_refuses(void **state UNUSED)
{
	static const char *const wrong[] = { "", "all", "kyc", "kyc.", "kyc.rea", "kyc.reads",
		"KYC.read", "kyc read", "kyc_read", "kyc..read", " kyc.read", "kyc.read ",
		"kyc.delete", "sessions", ".", ":",
		/* Nobody is given these: they come with a kind of key. */
		"age.submit", "age.read", "age.write", "age:submit" };

	for (size_t i = 0; i < countof(wrong); i++) {
		uint64_t bit = 99;

		if (scope_parse(wrong[i], &bit) != ERR_SYNTAX)
			fail_msg("takes \"%s\"", wrong[i]);
		assert_true(bit == 99);
	}
}

static void test_scopes_parse(void **state UNUSED)
{
	static const struct {
		const char *words;
		uint64_t bits;
	} good[] = {
		{ "", 0 },
		{ "   ", 0 },
		{ "all", SCOPE_ALL },
		{ "kyc.read", SCOPE_KYC_READ },
		{ "kyc:read kyc.read", SCOPE_KYC_READ },
		{ "  analytics:read   kyc.verify ", SCOPE_ANALYTICS_READ | SCOPE_KYC_VERIFY },
		{ "sessions.write webhooks:write keys.read",
		    SCOPE_SESSIONS_WRITE | SCOPE_WEBHOOKS_WRITE | SCOPE_KEYS_READ },
	};

	for (size_t i = 0; i < countof(good); i++) {
		char bad[16] = "untouched";
		uint64_t bits = 99;

		assert_int_equal(scopes_parse(good[i].words, &bits, bad, sizeof(bad)), ERR_OK);
		assert_true(bits == good[i].bits);
		assert_string_equal(bad, "untouched");
	}
}

static void refuse_scopes(const char *words, const char *named)
{
	uint64_t bits = 99;
	char bad[64] = "";

	assert_int_equal(scopes_parse(words, &bits, bad, sizeof(bad)), ERR_SYNTAX);
	assert_string_equal(bad, named);
	assert_true(bits == 99);
	assert_int_equal(scopes_parse(words, &bits, NULL, 0), ERR_SYNTAX);
}

static void test_unknown_scope_is_named(void **state UNUSED)
{
	refuse_scopes("kyc.write", "kyc.write");
	refuse_scopes("kyc.read kyc.delete score.get", "kyc.delete");
	refuse_scopes("first second", "first");
	refuse_scopes("kyc.read,kyc.verify", "kyc.read,kyc.verify");
	refuse_scopes("kyc.read\tkyc.verify", "kyc.read\tkyc.verify");
	refuse_scopes("All", "All");
	refuse_scopes("kyc.read age.read", "age.read");
	/* "all" stands alone or not at all. */
	refuse_scopes("kyc.read all", "all");
	refuse_scopes("all kyc.read", "all");
	refuse_scopes("all ", "all");
}

static void test_bad_scope_is_cut_to_its_room(void **state UNUSED)
{
	uint64_t bits = 99;
	char bad[8];

	memset(bad, 'x', sizeof(bad));
	assert_int_equal(scopes_parse("kyc.read kyc.destroy", &bits, bad, 6), ERR_SYNTAX);
	assert_memory_equal(bad, "kyc.d\0xx", sizeof(bad));
	memset(bad, 'x', sizeof(bad));
	assert_int_equal(scopes_parse("kyc.destroy", &bits, bad, 1), ERR_SYNTAX);
	assert_memory_equal(bad, "\0xxxxxxx", sizeof(bad));
	memset(bad, 'x', sizeof(bad));
	assert_int_equal(scopes_parse("kyc.destroy", &bits, bad, 0), ERR_SYNTAX);
	assert_memory_equal(bad, "xxxxxxxx", sizeof(bad));
}

static void test_scopes_text(void **state UNUSED)
{
	struct arena *arena = NULL;
	struct arena *small = NULL;

	assert_int_equal(arena_new(4096, &arena), ERR_OK);
	assert_string_equal(scopes_text(arena, 0), "");
	assert_string_equal(scopes_text(arena, SCOPE_SESSIONS_READ), "sessions:read");
	/* In the table's order, whatever the order they came in. */
	assert_string_equal(
	    scopes_text(arena, SCOPE_ANALYTICS_READ | SCOPE_KEYS_WRITE | SCOPE_KYC_VERIFY),
	    "kyc.verify keys.write analytics:read");
	assert_string_equal(scopes_text(arena, SCOPE_ALL),
	    "kyc.verify kyc.read score.get keys.read keys.write webhooks.read webhooks.write "
	    "sessions:read sessions:write analytics:read");
	assert_string_equal(scopes_text(arena, SCOPE_AGE), "age.submit age.read age.write");
	assert_true((SCOPE_AGE & SCOPE_ALL) == 0 && (SCOPE_AGE | SCOPE_ALL) == SCOPE_EVERY);
	for (uint64_t bits = 0; bits <= SCOPE_ALL; bits++) {
		uint64_t back = 99;

		arena_reset(arena);
		assert_int_equal(scopes_parse(scopes_text(arena, bits), &back, NULL, 0), ERR_OK);
		assert_true(back == bits);
	}
	arena_free(&arena);
	assert_int_equal(arena_new(16, &small), ERR_OK);
	assert_null(scopes_text(small, SCOPE_ALL));
	arena_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_group_is_here),
		cmocka_unit_test(test_words_of_every_group),
		cmocka_unit_test(test_words_parse_back),
		cmocka_unit_test(test_other_words_are_refused),
		cmocka_unit_test(test_words_are_exact),
		cmocka_unit_test(test_moves_are_the_listed_ones),
		cmocka_unit_test(test_terminal_statuses_stay),
		cmocka_unit_test(test_id_text_and_back),
		cmocka_unit_test(test_id_prefixes),
		cmocka_unit_test(test_id_of_another_kind_is_refused),
		cmocka_unit_test(test_id_parse_refuses),
		cmocka_unit_test(test_id_alphabet),
		cmocka_unit_test(test_scopes_in_both_spellings),
		cmocka_unit_test(test_scope_parse_refuses),
		cmocka_unit_test(test_scopes_parse),
		cmocka_unit_test(test_unknown_scope_is_named),
		cmocka_unit_test(test_bad_scope_is_cut_to_its_room),
		cmocka_unit_test(test_scopes_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
