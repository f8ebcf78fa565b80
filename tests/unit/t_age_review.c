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
	assert_int_equal(
	    age_review_decide(&ctx, age.id, AGE_APPROVED, NULL, &found), ERR_REVIEW_CLOSED);
	assert_int_equal(age_review_claim(&ctx, age.id, &found), ERR_REVIEW_CLOSED);
	assert_int_equal(audited("review.claimed"), claims + 2);
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

/* Two processes at once, many times: one claims, and what one decides is decided once. */
static void race(struct uuid id, const char *name, bool decides, int out)
{
	struct age_case found;
	struct db *db = core_db();

	ctx.db = db;
	ages_act_operator(name);
	unsigned char err =
	    (unsigned char)(decides ? age_review_decide(&ctx, id, AGE_APPROVED, NULL, &found)
				    : age_review_claim(&ctx, id, &found));
	_exit(write(out, &err, 1) == 1 ? 0 : 1);
}

static size_t run_race(struct uuid id, const char *a, const char *b, bool decides)
{
	unsigned char errors[2] = { 255, 255 };
	size_t won = 0;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			race(id, i == 0 ? a : b, decides, fds[1]);
	}
	for (int i = 0; i < 2; i++) {
		int status = 0;
		assert_int_equal(read(fds[0], &errors[i], 1), 1);
		assert_true(wait(&status) > 0);
		won += errors[i] == ERR_OK;
		assert_true(errors[i] == ERR_OK || errors[i] == ERR_REVIEW_CLAIMED ||
			    errors[i] == ERR_REVIEW_CLOSED);
	}
	close(fds[0]);
	close(fds[1]);
	return won;
}

static void test_races(void **state UNUSED)
{
	struct uuid tenant = ctx.actor.application_id;
	struct age_case found;
	char person[16];

	for (int i = 0; i < 10; i++) {
		core_act(tenant, ENV_LIVE);
		snprintf(person, sizeof(person), "p%d", i);
		struct age age = waiting(person);
		assert_int_equal(run_race(age.id, "rita", "sam", false), 1);
		found = ages_look(age.id);
		const char *holder = found.reviewer + strlen("operator ");
		/* The same reviewer, in two windows. */
		assert_int_equal(run_race(age.id, holder, holder, true), 1);
		assert_int_equal(ages_told("age.completed"), i + 1);
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
	int64_t noted = audited("record.alias_added"), now_ms = clock_now_ms();
	struct record record;
	char name[32];

	performer("star");
	clock_set(now_ms + 30 * DAY_MS);
	assert_int_equal(record_alias(&ctx, "star", "Zoé Étoile", &record), ERR_OK);
	assert_int_equal(record.alias_count, 1);
	assert_string_equal(record.aliases[0], "Zoé Étoile");
	/* Its time begins anew. */
	assert_true(record.retain_until_ms >= now_ms + INT64_C(2557 + 28) * DAY_MS);
	/* The same once more is the same. */
	assert_int_equal(record_alias(&ctx, "star", "Zoé Étoile", &record), ERR_OK);
	assert_int_equal(record.alias_count, 1);
	assert_int_equal(audited("record.alias_added"), noted + 1);
	for (int i = 1; i < LIMIT_RECORD_ALIASES; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		assert_int_equal(record_alias(&ctx, "star", name, &record), ERR_OK);
	}
	assert_int_equal(record.alias_count, LIMIT_RECORD_ALIASES);
	assert_string_equal(record.aliases[LIMIT_RECORD_ALIASES - 1], name);
	assert_int_equal(record_alias(&ctx, "star", "one more", &record), ERR_RECORD_FULL);
	assert_int_equal(record_alias(&ctx, "nobody", "x", &record), ERR_RECORD_NOT_FOUND);
	clock_set(TIME_NONE);
}

static void test_deactivated(void **state UNUSED)
{
	int64_t noted = audited("record.deactivated");
	struct record record;

	performer("star");
	assert_int_equal(record_deactivate(&ctx, "star", &record), ERR_OK);
	assert_false(record.is_active);
	assert_int_equal(record_deactivate(&ctx, "star", &record), ERR_OK);
	assert_int_equal(audited("record.deactivated"), noted + 1);
	assert_int_equal(record_alias(&ctx, "star", "x", &record), ERR_RECORD_INACTIVE);
	assert_int_equal(record_get(&ctx, "star", &record), ERR_OK);
	assert_string_equal(record.person.legal_name, "Amara Diallo-Ñgom");
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
	assert_int_equal(media_read(&ctx, found.uploads[UPLOAD_VIDEO], count_bytes, &len), ERR_OK);
	assert_true(len > 0 && len < AGES_PICTURE);
	found = ages_look(waits.id);
	len = 0;
	assert_int_equal(media_read(&ctx, found.uploads[UPLOAD_SELFIE], count_bytes, &len), ERR_OK);
	assert_int_equal(len, AGES_PICTURE);
	len = 0;
	assert_int_equal(media_read(&ctx, upload, count_bytes, &len), ERR_OK);
	assert_int_equal(len, AGES_PICTURE);
	assert_int_equal(media_read(&ctx, dropped, count_bytes, &len), ERR_MEDIA_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_claims, ages_set_up),
		cmocka_unit_test_setup(test_who, ages_set_up),
		cmocka_unit_test_setup(test_looks_are_audited, ages_set_up),
		cmocka_unit_test_setup(test_minor, ages_set_up),
		cmocka_unit_test_setup(test_races, ages_set_up),
		cmocka_unit_test_setup(test_record, ages_set_up),
		cmocka_unit_test_setup(test_levels_without, ages_set_up),
		cmocka_unit_test_setup(test_aliases, ages_set_up),
		cmocka_unit_test_setup(test_deactivated, ages_set_up),
		cmocka_unit_test_setup(test_kept, ages_set_up),
		cmocka_unit_test_setup(test_sealed_anew, ages_set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ages_close();
	return failed;
}
