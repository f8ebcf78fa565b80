/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_age_review.c: reviewers and what they may do, races between them, what the audit log keeps of it;
 * and records of performers against everything that could remove them. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "ages.h"
#include "clock.h"
#include "limits.h"
#include "record.h"
#include "reseal.h"
#include "tx.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)

static struct age waiting(const char *person)
{
	return ages_submit(person, LEVEL_AGE_ONLY, NULL);
}

static int64_t audited(const char *action)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM audit WHERE action = '%s'", action);
	return core_number(sql);
}

/* ---- reviewing --------------------------------------------------------------------------------------- */

static void test_claims(void **state UNUSED)
{
	int64_t now_ms = clock_now_ms(), claims = audited("review.claimed");
	struct age age = waiting("p");
	struct age_case found;

	clock_set(now_ms);
	ages_act_operator("rita");
	assert_int_equal(
	    age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_REVIEW_UNCLAIMED);
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_OK);
	assert_int_equal(found.age.status, AGE_UNDER_REVIEW);
	assert_string_equal(found.reviewer, "operator rita");
	assert_int_equal(found.claimed_until_ms, now_ms + 30 * MINUTE_MS);
	/* Again by the same reviewer, its time begins anew. */
	clock_set(now_ms + MINUTE_MS);
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_OK);
	assert_int_equal(found.claimed_until_ms, now_ms + 31 * MINUTE_MS);
	now_ms += MINUTE_MS;
	ages_act_operator("sam");
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_REVIEW_CLAIMED);
	assert_int_equal(
	    age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_REVIEW_CLAIMED);
	/* A claim runs out, for its holder too; then it is another's. */
	clock_set(now_ms + 30 * MINUTE_MS);
	ages_act_operator("rita");
	assert_int_equal(
	    age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_REVIEW_UNCLAIMED);
	ages_act_operator("sam");
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_OK);
	ages_act_operator("rita");
	assert_int_equal(
	    age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_REVIEW_CLAIMED);
	ages_act_operator("sam");
	assert_int_equal(age_review_decide(&ctx, age.id, AGE_PENDING, NULL, &found), ERR_RANGE);
	assert_int_equal(age_review_decide(&ctx, age.id, AGE_REJECTED, NULL, &found), ERR_OK);
	assert_int_equal(found.age.status, AGE_REJECTED);
	/* Who decided it stays; the claim is over. */
	assert_string_equal(found.reviewer, "operator sam");
	assert_int_equal(found.claimed_until_ms, TIME_NONE);
	assert_int_equal(
	    age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_REVIEW_CLOSED);
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_REVIEW_CLOSED);
	assert_int_equal(audited("review.claimed"), claims + 3);
	clock_set(TIME_NONE);
}

static void test_who(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	struct age age = waiting("p");
	struct age_case found;
	struct row_age_review_page *rows = NULL;
	size_t count = 0;

	/* A key is nobody who looks. */
	assert_int_equal(age_review_show(&ctx, age.id, &found), ERR_ROLE_FORBIDDEN);
	ages_act_member(ROLE_MEMBER);
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_ROLE_FORBIDDEN);
	assert_int_equal(age_review_list(&ctx, UUID_NIL, 10, &rows, &count), ERR_ROLE_FORBIDDEN);
	ages_act_member(ROLE_REVIEWER);
	assert_int_equal(age_review_list(&ctx, UUID_NIL, 10, &rows, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_OK);
	assert_int_equal(age_review_decide(&ctx, age.id, AGE_RESUBMIT, NULL, &found), ERR_OK);
	/* Another organisation's does not exist. */
	core_act(tenant, ENV_LIVE);
	age = waiting("q");
	core_act(core_tenant(), ENV_LIVE);
	ages_act_member(ROLE_OWNER);
	assert_int_equal(age_review_show(&ctx, age.id, &found), ERR_AGE_NOT_FOUND);
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_AGE_NOT_FOUND);
	assert_int_equal(age_review_list(&ctx, UUID_NIL, 10, &rows, &count), ERR_OK);
	assert_int_equal(count, 0);
	ages_act_operator("rita");
	assert_int_equal(age_review_list(&ctx, tenant, 10, &rows, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(age_review_list(&ctx, core_tenant(), 10, &rows, &count), ERR_OK);
	assert_int_equal(count, 0);
}

/* Every role there is; and whoever is in no organisation sees nothing, which is not everything. */
static void test_roles(void **state UNUSED)
{
	static const bool may[ROLE__MAX] = {
		[ROLE_OWNER] = true, [ROLE_ADMIN] = true, [ROLE_REVIEWER] = true
	};
	struct uuid tenant = ctx.actor.application_id;
	struct row_age_review_page *rows = NULL;
	struct age_case found;
	size_t count = 0;

	struct age age = waiting("p");
	for (int role = 0; role < ROLE__MAX; role++) {
		enum err wanted = may[role] ? ERR_OK : ERR_ROLE_FORBIDDEN;
		core_act(tenant, ENV_LIVE);
		ages_act_member((enum role)role);
		assert_int_equal(age_review_list(&ctx, UUID_NIL, 10, &rows, &count), wanted);
		assert_int_equal(age_review_show(&ctx, age.id, &found), wanted);
		assert_int_equal(age_review_claim(&ctx, age.id, &found), wanted);
		enum err decided = age_review_decide(&ctx, age.id, AGE_REJECTED, NULL, &found);
		assert_int_equal(decided, wanted);
		core_run("UPDATE age_verification SET status = 'pending', waits_for = 'reviewer', "
			 "claimed_until = NULL WHERE external_id = 'p' AND status = 'rejected'");
		ctx.actor.organization_id = UUID_NIL;
		assert_int_equal(
		    age_review_list(&ctx, UUID_NIL, 10, &rows, &count), ERR_ROLE_FORBIDDEN);
		assert_int_equal(age_review_show(&ctx, age.id, &found), ERR_ROLE_FORBIDDEN);
	}
}

static void test_looks_are_audited(void **state UNUSED)
{
	int64_t seen = audited("review.seen"), approved = audited("review.approved");
	struct age_document document = ages_document();

	document.country = "FR";
	struct age age = ages_submit("p", LEVEL_FULL_AGE, &document);
	struct age_case found = ages_look(age.id);
	assert_string_equal(found.document.last_name, "Diallo-Ñgom");
	assert_int_equal(found.cause, CAUSE_NOT_COVERED);
	assert_false(uuid_is_nil(found.uploads[UPLOAD_ID_BACK]));
	assert_int_equal(audited("review.seen"), seen + 1);
	ages_review(age.id, AGE_APPROVED);
	assert_int_equal(audited("review.approved"), approved + 1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM audit WHERE action = 'review.approved' "
				     "AND actor_name = 'rita' AND detail = 'seen'") > 0,
	    true);
}

static void test_minor(void **state UNUSED)
{
	struct age_document document = ages_document();
	struct age_case found;

	document.date_of_birth = "2020-01-01";
	struct age age = ages_submit("p", LEVEL_FULL_AGE, &document);
	ages_act_operator("rita");
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_OK);
	assert_int_equal(
	    age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_AGE_MINOR);
	assert_int_equal(age_review_decide(&ctx, age.id, AGE_REJECTED, NULL, &found), ERR_OK);
}

/* A reviewer may approve from the very day on. */
static void test_of_age_today(void **state UNUSED)
{
	struct age_document document = ages_document();
	struct age_case found;

	document.date_of_birth = "2008-02-03";
	clock_set(INT64_C(1770076799999)); /* 2026-02-02T23:59:59.999Z */
	struct age age = ages_submit("p", LEVEL_FULL_AGE, &document);
	ages_act_operator("rita");
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_OK);
	assert_int_equal(
	    age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_AGE_MINOR);
	/* Refused, it is still the reviewer's. */
	clock_set(INT64_C(1770076800000)); /* 2026-02-03T00:00:00Z */
	assert_int_equal(age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_OK);
	assert_int_equal(found.age.status, AGE_APPROVED);
	clock_set(TIME_NONE);
}

/* What one of several processes does with a case at the same time as the others. */
typedef enum err contend_fn(struct uuid id);

static enum err claims(struct uuid id)
{
	struct age_case found;

	return age_review_claim(&ctx, id, &found);
}

static enum err approves(struct uuid id)
{
	struct age_case found;

	return age_review_decide(&ctx, id, AGE_APPROVED, NULL, &found);
}

static enum err rejects(struct uuid id)
{
	struct age_case found;

	return age_review_decide(&ctx, id, AGE_REJECTED, NULL, &found);
}

static enum err erases(struct uuid id)
{
	return verification_erase(&ctx, id);
}

struct contender {
	contend_fn *does;
	const char *name; /* as this operator; NULL: as who acts */
	unsigned char err;
};

#define CONTENDERS 4
#define DID_NOT_RUN 255

static void contend(const struct contender *contender, struct uuid id, int start, int out)
{
	char go;

	ctx.db = core_db();
	if (contender->name != NULL)
		ages_act_operator(contender->name);
	/* All of them at once: when nobody holds the other end any more. */
	if (read(start, &go, 1) != 0)
		_exit(1);
	unsigned char err = (unsigned char)contender->does(id);
	_exit(write(out, &err, 1) == 1 ? 0 : 1);
}

static void race(struct uuid id, struct contender contenders[CONTENDERS])
{
	int start[2], out[CONTENDERS][2];
	pid_t pids[CONTENDERS];

	assert_int_equal(pipe(start), 0);
	for (int i = 0; i < CONTENDERS; i++) {
		contenders[i].err = DID_NOT_RUN;
		assert_int_equal(pipe(out[i]), 0);
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			(void)close(start[1]);
			contend(&contenders[i], id, start[0], out[i][1]);
		}
		(void)close(out[i][1]);
	}
	(void)close(start[0]);
	(void)close(start[1]);
	for (int i = 0; i < CONTENDERS; i++) {
		int status = 0;
		assert_int_equal(read(out[i][0], &contenders[i].err, 1), 1);
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		(void)close(out[i][0]);
	}
}

/* How many of them came to this. */
static int came_to(const struct contender contenders[CONTENDERS], enum err err)
{
	int count = 0;

	for (int i = 0; i < CONTENDERS; i++)
		count += contenders[i].err == (unsigned char)err;
	return count;
}

/* A few rounds, or with BONAFIDE_LONG=1 many. */
static int rounds(void)
{
	const char *is_long = getenv("BONAFIDE_LONG");

	return is_long != NULL && strcmp(is_long, "1") == 0 ? 250 : 6;
}

/* One claims, and what one decides is decided once, whoever and however many they are. */
static void test_races(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	int64_t claimed = audited("review.claimed"), approved = audited("review.approved");
	int64_t rejected = audited("review.rejected");
	char person[16];

	for (int i = 0; i < rounds(); i++) {
		struct contender many[CONTENDERS] = { { claims, "rita", 0 }, { claims, "sam", 0 },
			{ claims, "tom", 0 }, { claims, "una", 0 } };
		core_act(tenant, ENV_LIVE);
		snprintf(person, sizeof(person), "p%d", i);
		struct age age = waiting(person);
		race(age.id, many);
		assert_int_equal(came_to(many, ERR_OK), 1);
		assert_int_equal(came_to(many, ERR_REVIEW_CLAIMED), CONTENDERS - 1);
		struct age_case found = ages_look(age.id);
		const char *holder = found.reviewer + strlen("operator ");
		/* The same reviewer in windows of their own, and somebody else. */
		struct contender windows[CONTENDERS] = { { approves, holder, 0 },
			{ rejects, holder, 0 }, { approves, holder, 0 },
			{ rejects, "stranger", 0 } };
		race(age.id, windows);
		assert_int_equal(came_to(windows, ERR_OK), 1);
		assert_int_not_equal(windows[3].err, ERR_OK);
		assert_int_equal(
		    came_to(windows, ERR_REVIEW_CLOSED) + came_to(windows, ERR_REVIEW_CLAIMED),
		    CONTENDERS - 1);
		assert_int_equal(ages_told("age.completed"), i + 1);
		assert_int_equal(audited("review.claimed"), claimed + i + 1);
		assert_int_equal(audited("review.approved") + audited("review.rejected"),
		    approved + rejected + i + 1);
		found = ages_look(age.id);
		assert_int_equal(
		    found.age.status, windows[1].err == ERR_OK ? AGE_REJECTED : AGE_APPROVED);
	}
}

/* A claim that has run out is taken by one, while its holder decides on. */
static void test_race_for_a_claim_that_ends(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	char person[16];

	for (int i = 0; i < rounds(); i++) {
		struct contender contenders[CONTENDERS] = { { claims, "sam", 0 },
			{ approves, "rita", 0 }, { claims, "tom", 0 }, { approves, "rita", 0 } };
		struct age_case found;
		core_act(tenant, ENV_LIVE);
		snprintf(person, sizeof(person), "p%d", i);
		struct age age = waiting(person);
		ages_act_operator("rita");
		assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_OK);
		core_run("UPDATE age_verification SET claimed_until = '2020-01-01' "
			 "WHERE claimed_until IS NOT NULL");
		race(age.id, contenders);
		assert_int_equal(came_to(contenders, ERR_OK), 1);
		assert_int_not_equal(contenders[1].err, ERR_OK);
		assert_int_not_equal(contenders[3].err, ERR_OK);
		assert_int_equal(ages_look(age.id).age.status, AGE_UNDER_REVIEW);
		core_act(tenant, ENV_LIVE);
		assert_int_equal(ages_told("age.completed"), 0);
	}
}

/* ---- records ------------------------------------------------------------------------------------------ */

static struct age performer(const char *person)
{
	struct age_document document = ages_document();

	document.country = "FR";
	document.number = "12AB34567";
	struct age age = ages_submit(person, LEVEL_FULL_KYC, &document);
	ages_review(age.id, AGE_APPROVED);
	return age;
}

static void test_record(void **state UNUSED)
{
	int64_t now_ms = INT64_C(1709190000000); /* 2024-02-29T07:00:00Z */
	int64_t reads = audited("record.read");
	struct record record;

	clock_set(now_ms);
	performer("star");
	assert_int_equal(record_get(&ctx, "star", &record), ERR_OK);
	assert_string_equal(record.person.legal_name, "Amara Diallo-Ñgom");
	assert_string_equal(record.person.date_of_birth, "1990-05-15");
	assert_string_equal(record.person.document_country, "FR");
	assert_string_equal(record.person.document_type, "national_id");
	assert_string_equal(record.number_last4, "4567");
	assert_true(record.is_active);
	assert_int_equal(record.alias_count, 0);
	assert_int_equal(record.verified_at_ms, now_ms);
	/* 2031-02-28T07:00:00Z. */
	assert_int_equal(record.retain_until_ms, INT64_C(1930028400000));
	assert_int_equal(audited("record.read"), reads + 1);
	assert_int_equal(record_get(&ctx, "nobody", &record), ERR_RECORD_NOT_FOUND);
	assert_int_equal(audited("record.read"), reads + 1);
	/* Another tenant's, and the sandbox, are other worlds. */
	struct uuid tenant = ctx.actor.application_id;
	core_act(tenant, ENV_SANDBOX);
	assert_int_equal(record_get(&ctx, "star", &record), ERR_RECORD_NOT_FOUND);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(record_get(&ctx, "star", &record), ERR_RECORD_NOT_FOUND);
	/* At rest it is sealed. */
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM age_record WHERE sealed LIKE '%Amara%'"), 0);
	clock_set(TIME_NONE);
}

/* Of a number as people write it: without what only groups it, and whole characters. */
static void test_last_of_a_number(void **state UNUSED)
{
	static const char *const numbers[][2] = { { "12AB34567", "4567" },
		{ "12 AB-345 6-7", "4567" }, { "1234567 - ", "4567" }, { "1-2", "12" },
		{ "a\u00e9\u00e9\u20ac", "a\u00e9\u00e9\u20ac" },
		{ "1a\u00e9\u20ac\u00e9", "a\u00e9\u20ac\u00e9" } };
	struct age_document document = ages_document();
	struct record record;
	char person[16];

	document.country = "FR";
	for (size_t i = 0; i < countof(numbers); i++) {
		snprintf(person, sizeof(person), "p%zu", i);
		document.number = numbers[i][0];
		ages_review(ages_submit(person, LEVEL_FULL_KYC, &document).id, AGE_APPROVED);
		assert_int_equal(record_get(&ctx, person, &record), ERR_OK);
		assert_string_equal(record.number_last4, numbers[i][1]);
		assert_string_equal(record.person.document_number, numbers[i][0]);
	}
}

static void test_levels_without(void **state UNUSED)
{
	struct age_document document = ages_document();
	struct record record;

	document.country = "FR";
	ages_review(ages_submit("p", LEVEL_FULL_AGE, &document).id, AGE_APPROVED);
	assert_int_equal(record_get(&ctx, "p", &record), ERR_RECORD_NOT_FOUND);
	ages_review(ages_submit("p", LEVEL_FULL_KYC, &document).id, AGE_REJECTED);
	assert_int_equal(record_get(&ctx, "p", &record), ERR_RECORD_NOT_FOUND);
}

static void test_aliases(void **state UNUSED)
{
	static const char *const no_names[] = { "", "   ", "a\tb", "a\nb", "\xff" };
	int64_t noted = audited("record.alias_added"), now_ms = clock_now_ms();
	struct record record;
	char name[LIMIT_NAME + 2];

	performer("star");
	assert_int_equal(record_get(&ctx, "star", &record), ERR_OK);
	int64_t until_ms = record.retain_until_ms, reads = audited("record.read");
	clock_set(now_ms + 30 * DAY_MS);
	assert_int_equal(record_alias(&ctx, "star", "Zoé Étoile", &record), ERR_OK);
	assert_int_equal(record.alias_count, 1);
	assert_string_equal(record.aliases[0], "Zoé Étoile");
	/* Its time begins anew. */
	assert_true(record.retain_until_ms >= until_ms + 29 * DAY_MS);
	/* The same once more is the same. */
	assert_int_equal(record_alias(&ctx, "star", "Zoé Étoile", &record), ERR_OK);
	assert_int_equal(record.alias_count, 1);
	assert_int_equal(audited("record.alias_added"), noted + 1);
	/* But it shows the record. */
	assert_int_equal(audited("record.read"), reads + 1);
	assert_int_equal(record_alias(&ctx, "star", "  Zoé Étoile ", &record), ERR_OK);
	assert_int_equal(record.alias_count, 1);
	for (size_t i = 0; i < countof(no_names); i++)
		assert_int_equal(record_alias(&ctx, "star", no_names[i], &record), ERR_VALIDATION);
	for (int i = 1; i < LIMIT_RECORD_ALIASES; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		assert_int_equal(record_alias(&ctx, "star", name, &record), ERR_OK);
	}
	assert_int_equal(record.alias_count, LIMIT_RECORD_ALIASES);
	assert_string_equal(record.aliases[LIMIT_RECORD_ALIASES - 1], name);
	assert_int_equal(record_alias(&ctx, "star", "one more", &record), ERR_RECORD_FULL);
	assert_int_equal(record_alias(&ctx, "nobody", "x", &record), ERR_RECORD_NOT_FOUND);
	/* What it has is still fine, and what is no name is refused first. */
	assert_int_equal(record_alias(&ctx, "star", "name 1", &record), ERR_OK);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(record_alias(&ctx, "star", name, &record), ERR_VALIDATION);
	/* The same name of another is another's. */
	performer("twin");
	assert_int_equal(record_alias(&ctx, "twin", "name 1", &record), ERR_OK);
	assert_int_equal(record.alias_count, 1);
	assert_int_equal(core_number("SELECT COUNT(DISTINCT name_index) FROM age_record_alias"),
	    core_number("SELECT COUNT(*) FROM age_record_alias"));
	clock_set(TIME_NONE);
}

static void test_deactivated(void **state UNUSED)
{
	int64_t noted = audited("record.deactivated"), reads = audited("record.read");
	int64_t now_ms = clock_now_ms();
	struct record record;

	clock_set(now_ms);
	performer("star");
	clock_set(now_ms + 3000 * DAY_MS);
	assert_int_equal(record_deactivate(&ctx, "star", &record), ERR_OK);
	assert_false(record.is_active);
	int64_t until_ms = record.retain_until_ms;
	assert_true(until_ms >= now_ms + (3000 + 2556) * DAY_MS);
	assert_int_equal(audited("record.read"), reads);
	/* Again changes nothing, not even until when it is kept; but it shows the record. */
	clock_set(now_ms + 3001 * DAY_MS);
	assert_int_equal(record_deactivate(&ctx, "star", &record), ERR_OK);
	assert_int_equal(record.retain_until_ms, until_ms);
	assert_int_equal(audited("record.deactivated"), noted + 1);
	assert_int_equal(audited("record.read"), reads + 1);
	clock_set(TIME_NONE);
	assert_int_equal(record_alias(&ctx, "star", "x", &record), ERR_RECORD_INACTIVE);
	assert_int_equal(record_get(&ctx, "star", &record), ERR_OK);
	assert_string_equal(record.person.legal_name, "Amara Diallo-Ñgom");
}

/* Approved once more, a record that was deactivated stays so; and it is kept for longer. */
static void test_approved_again(void **state UNUSED)
{
	int64_t now_ms = clock_now_ms();
	struct record before, after;

	clock_set(now_ms);
	performer("again");
	assert_int_equal(record_deactivate(&ctx, "again", &before), ERR_OK);
	core_run("UPDATE age_verification SET status = 'rejected' "
		 "WHERE external_id = 'again' AND status = 'approved'");
	clock_set(now_ms + 100 * DAY_MS);
	performer("again");
	assert_int_equal(record_get(&ctx, "again", &after), ERR_OK);
	assert_false(after.is_active);
	assert_true(after.retain_until_ms >= before.retain_until_ms + 99 * DAY_MS);
	assert_memory_equal(&after.id, &before.id, sizeof(after.id));
	clock_set(TIME_NONE);
}

/* Who erases and who approves at once: either there is a record, whole, or nothing is left of it. */
static void test_race_with_erasing(void **state UNUSED)
{
	struct age_document document = ages_document();
	char person[16];

	document.country = "FR";
	for (int i = 0; i < rounds(); i++) {
		struct contender contenders[CONTENDERS] = { { approves, "rita", 0 },
			{ erases, NULL, 0 }, { approves, "rita", 0 }, { erases, NULL, 0 } };
		struct actor actor = ctx.actor;
		struct age_case found;
		struct record record;
		snprintf(person, sizeof(person), "p%d", i);
		struct age age = ages_submit(person, LEVEL_FULL_KYC, &document);
		ages_act_operator("rita");
		assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_OK);
		ctx.actor = actor;
		race(age.id, contenders);
		found = ages_look(age.id);
		if (found.age.status == AGE_APPROVED) {
			assert_int_equal(came_to(contenders, ERR_RECORD_KEPT), 2);
			assert_int_equal(record_get(&ctx, person, &record), ERR_OK);
			assert_string_equal(record.person.legal_name, "Amara Diallo-Ñgom");
			assert_true(found.has_document);
		} else {
			assert_int_equal(found.age.status, AGE_RESUBMIT);
			assert_int_equal(came_to(contenders, ERR_REVIEW_CLOSED), 2);
			assert_int_equal(record_get(&ctx, person, &record), ERR_RECORD_NOT_FOUND);
			assert_false(found.has_document);
		}
		assert_int_equal(ages_told("age.completed"), i + 1);
	}
}

/* Nothing that removes personal data removes this: neither its owner's erasing, nor time. */
static void test_kept(void **state UNUSED)
{
	int64_t dropped = ages_dropped();
	struct age age = performer("star");
	struct record record;
	uint64_t count = 0;

	assert_int_equal(verification_erase(&ctx, age.id), ERR_RECORD_KEPT);
	assert_int_equal(record_deactivate(&ctx, "star", &record), ERR_OK);
	assert_int_equal(verification_erase(&ctx, age.id), ERR_RECORD_KEPT);
	clock_set(clock_now_ms() + INT64_C(20000) * DAY_MS);
	assert_int_equal(age_purge(&ctx, 100, &count), ERR_OK);
	assert_int_equal(count, 0);
	/* Also when somebody's hand gives it a time. */
	core_run("UPDATE age_verification SET purge_at = '2000-01-01' WHERE external_id = 'star'");
	assert_int_equal(age_purge(&ctx, 100, &count), ERR_OK);
	clock_set(TIME_NONE);
	assert_int_equal(record_get(&ctx, "star", &record), ERR_OK);
	assert_string_equal(record.person.document_number, "12AB34567");
	assert_int_equal(ages_dropped(), dropped);
	assert_int_equal(ages_look(age.id).has_document, true);
}

/* ---- sealing anew ------------------------------------------------------------------------------------- */

/* Opens the key files anew, with one more key or without all but the newest. */
static void open_keys(bool with_old)
{
	char master[128], text[512], reason[256] = "";
	uint32_t number = 0;

	snprintf(master, sizeof(master), "%s", core_path("master.key"));
	assert_int_equal(
	    with_old ? keyring_add_key(master, &number, reason, sizeof(reason)) : ERR_OK, ERR_OK);
	if (!with_old) {
		FILE *file = fopen(master, "r");
		assert_non_null(file);
		size_t len = fread(text, 1, sizeof(text) - 1, file);
		assert_int_equal(fclose(file), 0);
		text[len] = '\0';
		char *newest = strstr(text, "\n2 ");
		assert_non_null(newest);
		file = fopen(master, "w");
		assert_non_null(file);
		assert_true(fputs(newest + 1, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	keyring_free(&ctx.keyring);
	assert_int_equal(
	    keyring_open(master, core_path("pepper"), &ctx.keyring, reason, sizeof(reason)),
	    ERR_OK);
}

static enum err count_bytes(void *arg, const void *data UNUSED, size_t len)
{
	*(size_t *)arg += len;
	return ERR_OK;
}

/* What there is under an older key than the newest, over the tables of this family. */
static int64_t old_ones(void)
{
	return core_number("SELECT (SELECT COUNT(*) FROM media WHERE seal_key < 2) + "
			   "(SELECT COUNT(*) FROM age_verification WHERE seal_key < 2) + "
			   "(SELECT COUNT(*) FROM age_record WHERE seal_key < 2) + "
			   "(SELECT COUNT(*) FROM age_record_alias WHERE seal_key < 2)");
}

/* Media, documents, records and their other names, all of them, and then without the old key. The last
 * of the tests: with its key goes what they left. */
static void test_sealed_anew(void **state UNUSED)
{
	struct age age = performer("star"), waits = ages_submit("p", LEVEL_AGE_ONLY, NULL);
	struct uuid upload = ages_upload(UPLOAD_SELFIE), dropped = ages_upload(UPLOAD_VIDEO);
	struct record record;
	size_t len = 0;
	uint64_t done = 0;

	assert_int_equal(record_alias(&ctx, "star", "Zoé Étoile", &record), ERR_OK);
	assert_int_equal(media_take(&ctx, dropped, "video/webm", dropped), ERR_OK);
	assert_int_equal(media_drop(&ctx, dropped), ERR_OK);
	open_keys(true);
	int64_t before = old_ones();
	assert_true(before >= 9); /* six media, a document, a record, a name */
	assert_int_equal(reseal_run(&ctx, 3, NULL, NULL, &done), ERR_OK);
	assert_true((int64_t)done >= before);
	assert_int_equal(old_ones(), 0);
	assert_int_equal(core_number("SELECT COUNT(*) FROM media WHERE (file_key IS NULL) <> "
				     "(seal_key IS NULL)"),
	    0);
	open_keys(false);
	assert_int_equal(record_get(&ctx, "star", &record), ERR_OK);
	assert_string_equal(record.person.legal_name, "Amara Diallo-Ñgom");
	assert_string_equal(record.aliases[0], "Zoé Étoile");
	struct age_case found = ages_look(age.id);
	assert_string_equal(found.document.number, "12AB34567");
	assert_int_equal(
	    media_read(&ctx, found.uploads[UPLOAD_VIDEO], NULL, count_bytes, &len), ERR_OK);
	assert_true(len > 0 && len < AGES_PICTURE);
	found = ages_look(waits.id);
	len = 0;
	assert_int_equal(
	    media_read(&ctx, found.uploads[UPLOAD_SELFIE], NULL, count_bytes, &len), ERR_OK);
	assert_int_equal(len, AGES_PICTURE);
	len = 0;
	assert_int_equal(media_read(&ctx, upload, NULL, count_bytes, &len), ERR_OK);
	assert_int_equal(len, AGES_PICTURE);
	assert_int_equal(media_read(&ctx, dropped, NULL, count_bytes, &len), ERR_MEDIA_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_claims, ages_set_up),
		cmocka_unit_test_setup(test_who, ages_set_up),
		cmocka_unit_test_setup(test_roles, ages_set_up),
		cmocka_unit_test_setup(test_looks_are_audited, ages_set_up),
		cmocka_unit_test_setup(test_minor, ages_set_up),
		cmocka_unit_test_setup(test_of_age_today, ages_set_up),
		cmocka_unit_test_setup(test_races, ages_set_up),
		cmocka_unit_test_setup(test_race_for_a_claim_that_ends, ages_set_up),
		cmocka_unit_test_setup(test_record, ages_set_up),
		cmocka_unit_test_setup(test_last_of_a_number, ages_set_up),
		cmocka_unit_test_setup(test_levels_without, ages_set_up),
		cmocka_unit_test_setup(test_aliases, ages_set_up),
		cmocka_unit_test_setup(test_deactivated, ages_set_up),
		cmocka_unit_test_setup(test_approved_again, ages_set_up),
		cmocka_unit_test_setup(test_race_with_erasing, ages_set_up),
		cmocka_unit_test_setup(test_kept, ages_set_up),
		cmocka_unit_test_setup(test_sealed_anew, ages_set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ages_close();
	return failed;
}
