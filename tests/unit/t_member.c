/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_member.c: who may do what in organisations: inviting, joining, roles, removing, and the owner that
 * stays. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "address.h"
#include "clock.h"
#include "crypt.h"
#include "key.h"
#include "limits.h"
#include "member.h"
#include "org.h"
#include "scope.h"
#include "stmt.h"
#include "tx.h"

static struct uuid org;

static const char *hex(struct uuid id)
{
	static char text[33];

	for (size_t i = 0; i < sizeof(id.b); i++)
		snprintf(text + 2 * i, 3, "%02X", id.b[i]);
	return text;
}

static int set_up(void **state)
{
	core_set_up(state);
	core_run("DELETE FROM membership");
	core_run("DELETE FROM account");
	core_act(core_tenant(), ENV_LIVE);
	org = ctx.actor.organization_id;
	ctx.actor = (struct actor){ .kind = ACTOR_OPERATOR };
	return 0;
}

/* ---- helpers ------------------------------------------------------------------------------------ */

/* Somebody who has an account. */
static struct uuid person(const char *email)
{
	uint8_t index[SHA256_SIZE];
	char sql[600], index_hex[65];
	struct uuid id;

	assert_int_equal(uuid_make(&id), ERR_OK);
	assert_int_equal(address_index(&ctx, email, index), ERR_OK);
	for (size_t i = 0; i < sizeof(index); i++)
		snprintf(index_hex + 2 * i, 3, "%02X", index[i]);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO account (id, email_index, sealed, seal_key, password, language, created_at) "
	    "VALUES (UNHEX('%s'), UNHEX('%s'), 'x', 1, 'x', 'en', UTC_TIMESTAMP(3))",
	    hex(id), index_hex);
	core_run(sql);
	return id;
}

static void act_as(struct uuid account_id)
{
	ctx.actor = (struct actor){ .kind = ACTOR_ACCOUNT, .account_id = account_id };
}

static enum err invite(const char *email, enum role role, struct member *ret_member)
{
	bool again;

	return member_invite(&ctx, org, email, role, ret_member, &again);
}

struct joining {
	struct uuid account_id;
	const char *email;
};

static enum err join(struct ctx *context, void *arg)
{
	struct joining *joining = arg;
	uint8_t index[SHA256_SIZE];
	enum err err = address_index(context, joining->email, index);

	return err == ERR_OK ? member_join(context, joining->account_id, index) : err;
}

static void log_in(struct uuid account_id, const char *email)
{
	struct joining joining = { account_id, email };

	assert_int_equal(tx_run(&ctx, join, &joining), ERR_OK);
}

/* A person with a role: (account, membership). */
struct one {
	struct uuid account_id;
	struct uuid member_id;
};

static struct one made(const char *email, enum role role)
{
	struct actor actor = ctx.actor;
	struct one one = { .account_id = person(email) };
	struct member member;

	ctx.actor = (struct actor){ .kind = ACTOR_OPERATOR };
	assert_int_equal(invite(email, role, &member), ERR_OK);
	log_in(one.account_id, email);
	one.member_id = member.id;
	ctx.actor = actor;
	return one;
}

static size_t members(struct member **ret_members)
{
	struct member *list = NULL;
	size_t count = 0;

	assert_int_equal(member_list(&ctx, org, true, &list, &count), ERR_OK);
	if (ret_members != NULL)
		*ret_members = list;
	return count;
}

/* ---- an organisation of one's own ------------------------------------------------------------------ */

struct founding {
	struct uuid account_id;
	const char *email;
	struct org_made made;
};

static enum err found(struct ctx *context, void *arg)
{
	struct founding *founding = arg;

	return org_default_make(context, founding->account_id, founding->email, &founding->made);
}

static void test_a_default_organisation(void **state UNUSED)
{
	struct founding founding = { .account_id = person("Maria@acme.example"),
		.email = "Maria@acme.example" };
	struct org_joined *orgs = NULL;
	struct key_found key;
	uint8_t hash[SHA256_SIZE];
	size_t count = 0;

	assert_int_equal(tx_run(&ctx, found, &founding), ERR_OK);
	assert_string_equal(founding.made.organization_name, "Maria");
	assert_string_equal(founding.made.application_name, "Maria App");
	assert_int_equal(strlen(founding.made.client_id), 22);
	assert_int_equal(strlen(founding.made.api_key), 43);
	assert_int_equal(key_hash(&ctx, founding.made.api_key, hash), ERR_OK);
	assert_int_equal(key_find(&ctx, hash, &key), ERR_OK);
	assert_true(uuid_equal(key.application_id, founding.made.application_id));
	assert_true(uuid_equal(key.organization_id, founding.made.organization_id));
	assert_true(key.environment == ENV_LIVE && key.scopes == SCOPE_EVERY);
	assert_int_equal(org_of_account(&ctx, founding.account_id, &orgs, &count), ERR_OK);
	assert_true(count == 1 && uuid_equal(orgs[0].id, founding.made.organization_id));
	assert_string_equal(orgs[0].contact_email, "Maria@acme.example");
	org = founding.made.organization_id;
	struct member *list = NULL;
	assert_int_equal(members(&list), 1);
	assert_string_equal(list[0].role, "owner");
	assert_string_equal(list[0].status, "active");
	assert_true(list[0].joined_at != TIME_NONE);
	/* No address is in the database as it is written. */
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM membership WHERE sealed LIKE '%acme%'"), 0);
}

static void test_no_address_no_organisation(void **state UNUSED)
{
	struct founding founding = { .account_id = person("a@b.example"), .email = "nobody" };
	int64_t before = core_number("SELECT COUNT(*) FROM organization");

	assert_int_equal(tx_run(&ctx, found, &founding), ERR_VALIDATION);
	assert_int_equal(core_number("SELECT COUNT(*) FROM organization"), before);
}

static void test_the_contact_is_the_oldest_owner(void **state UNUSED)
{
	struct org_joined *orgs = NULL;
	size_t count = 0;
	struct member invited;
	struct one admin = made("admin@x.example", ROLE_ADMIN);

	assert_int_equal(invite("waits@x.example", ROLE_OWNER, &invited), ERR_OK);
	assert_int_equal(org_of_account(&ctx, admin.account_id, &orgs, &count), ERR_OK);
	assert_true(count == 1 && orgs[0].contact_email == NULL);
	int64_t now_ms = clock_now_ms();
	made("first@x.example", ROLE_OWNER);
	clock_set(now_ms + 5000);
	made("second@x.example", ROLE_OWNER);
	assert_int_equal(org_of_account(&ctx, admin.account_id, &orgs, &count), ERR_OK);
	assert_string_equal(orgs[0].contact_email, "first@x.example");
}

/* ---- inviting ----------------------------------------------------------------------------------------- */

static void test_inviting_and_joining(void **state UNUSED)
{
	struct uuid account = person("sam@x.example");
	struct member member, other;
	struct member *list = NULL;
	bool again = true;

	assert_int_equal(
	    member_invite(&ctx, org, "Sam@X.example", ROLE_MEMBER, &member, &again), ERR_OK);
	assert_false(again);
	/* Whether or not there is an account. */
	assert_string_equal(member.status, "invited");
	assert_string_equal(member.email, "Sam@X.example");
	assert_true(member.joined_at == TIME_NONE && uuid_is_nil(member.account_id));
	assert_int_equal(
	    member_invite(&ctx, org, "sam@x.EXAMPLE", ROLE_ADMIN, &other, &again), ERR_OK);
	assert_true(again && uuid_equal(other.id, member.id));
	assert_string_equal(other.role, "admin");
	assert_int_equal(members(NULL), 1);
	log_in(account, "SAM@x.example");
	assert_int_equal(members(&list), 1);
	assert_string_equal(list[0].status, "active");
	assert_true(uuid_equal(list[0].account_id, account) && list[0].joined_at != TIME_NONE);
	int64_t joined_at = list[0].joined_at;
	assert_int_equal(invite("sam@x.example", ROLE_MEMBER, &member), ERR_STATE);
	/* Once is enough. */
	clock_set(clock_now_ms() + 60000);
	log_in(account, "sam@x.example");
	members(&list);
	assert_true(list[0].joined_at == joined_at);
}

static void test_every_invitation_is_taken_up(void **state UNUSED)
{
	struct uuid account = person("many@x.example");
	struct org_joined *orgs = NULL;
	struct member member;
	size_t count = 0;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(org_create(&ctx, "One more", &org), ERR_OK);
		assert_int_equal(invite("many@x.example", ROLE_REVIEWER, &member), ERR_OK);
		assert_int_equal(invite("other@x.example", ROLE_REVIEWER, &member), ERR_OK);
	}
	log_in(account, "many@x.example");
	assert_int_equal(org_of_account(&ctx, account, &orgs, &count), ERR_OK);
	assert_int_equal(count, 3);
	for (size_t i = 1; i < count; i++)
		assert_true(memcmp(orgs[i - 1].id.b, orgs[i].id.b, 16) < 0);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM membership WHERE account_id IS NULL"), 3);
}

static void test_invitations_that_are_refused(void **state UNUSED)
{
	struct uuid nobody = { { 1 } };
	struct member member;
	bool again;
	char sql[400];

	assert_int_equal(invite("nobody", ROLE_MEMBER, &member), ERR_VALIDATION);
	assert_int_equal(member_invite(&ctx, nobody, "a@x.example", ROLE_MEMBER, &member, &again),
	    ERR_ORGANIZATION_NOT_FOUND);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO membership (id, organization_id, email_index, sealed, seal_key, role, "
	    "created_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	    "SELECT UNHEX(LPAD(HEX(i), 32, '0')), UNHEX('%s'), UNHEX(SHA2(i, 256)), 'x', 1, 'member', "
	    "UTC_TIMESTAMP(3) FROM n",
	    LIMIT_MEMBERS - 1, hex(org));
	core_run(sql);
	assert_int_equal(invite("last@x.example", ROLE_MEMBER, &member), ERR_OK);
	assert_int_equal(invite("over@x.example", ROLE_MEMBER, &member), ERR_FULL);
	/* Who is there already can be invited again. */
	assert_int_equal(invite("last@x.example", ROLE_ADMIN, &member), ERR_OK);
}

/* ---- who may ------------------------------------------------------------------------------------------- */

/* What each role may do to each: invite as it, give it another role, remove it. */
static void test_every_role_against_every_role(void **state UNUSED)
{
	static const enum role roles[] = { ROLE_OWNER, ROLE_ADMIN, ROLE_MEMBER, ROLE_REVIEWER };
	struct member member;
	char email[64];
	int number = 0;

	/* So that no owner here is the last one. */
	made("keeps@x.example", ROLE_OWNER);
	for (size_t i = 0; i < countof(roles); i++) {
		snprintf(email, sizeof(email), "actor%zu@x.example", i);
		act_as(made(email, roles[i]).account_id);
		for (size_t j = 0; j < countof(roles); j++) {
			bool may = roles[i] == ROLE_OWNER ||
				   (roles[i] == ROLE_ADMIN && roles[j] != ROLE_OWNER);
			enum err expected = may ? ERR_OK : ERR_ROLE_FORBIDDEN;
			bool to_member = roles[i] == ROLE_OWNER || roles[i] == ROLE_ADMIN;

			snprintf(email, sizeof(email), "new%d@x.example", number++);
			assert_int_equal(invite(email, roles[j], &member), expected);
			snprintf(email, sizeof(email), "new%d@x.example", number++);
			struct one target = made(email, roles[j]);
			assert_int_equal(
			    member_change_role(&ctx, org, target.member_id, ROLE_OWNER, &member),
			    roles[i] == ROLE_OWNER ? ERR_OK : ERR_ROLE_FORBIDDEN);
			snprintf(email, sizeof(email), "new%d@x.example", number++);
			target = made(email, roles[j]);
			assert_int_equal(
			    member_change_role(&ctx, org, target.member_id, ROLE_MEMBER, &member),
			    to_member ? expected : ERR_ROLE_FORBIDDEN);
			snprintf(email, sizeof(email), "new%d@x.example", number++);
			target = made(email, roles[j]);
			assert_int_equal(member_remove(&ctx, org, target.member_id), expected);
		}
	}
}

static void test_an_invited_owner_is_an_owners_business(void **state UNUSED)
{
	struct member waits, member;

	made("keeps@x.example", ROLE_OWNER);
	assert_int_equal(invite("waits@x.example", ROLE_OWNER, &waits), ERR_OK);
	act_as(made("admin@x.example", ROLE_ADMIN).account_id);
	assert_int_equal(invite("waits@x.example", ROLE_MEMBER, &member), ERR_ROLE_FORBIDDEN);
	assert_int_equal(member_remove(&ctx, org, waits.id), ERR_ROLE_FORBIDDEN);
	assert_int_equal(
	    member_change_role(&ctx, org, waits.id, ROLE_MEMBER, &member), ERR_ROLE_FORBIDDEN);
}

static void test_everybody_may_leave(void **state UNUSED)
{
	static const enum role roles[] = { ROLE_ADMIN, ROLE_MEMBER, ROLE_REVIEWER };
	char email[64];

	for (size_t i = 0; i < countof(roles); i++) {
		snprintf(email, sizeof(email), "leaves%zu@x.example", i);
		struct one one = made(email, roles[i]);
		act_as(one.account_id);
		assert_int_equal(member_remove(&ctx, org, one.member_id), ERR_OK);
		/* And is out at once. */
		assert_int_equal(
		    member_remove(&ctx, org, one.member_id), ERR_ORGANIZATION_NOT_FOUND);
	}
}

/* The gate looked before; by the time of the change it is another matter. */
static void test_who_was_put_out_changes_nothing_more(void **state UNUSED)
{
	struct one a = made("a@x.example", ROLE_OWNER), b = made("b@x.example", ROLE_OWNER);
	struct one c = made("c@x.example", ROLE_OWNER);
	struct member member;

	act_as(b.account_id);
	ctx.actor.role = ROLE_OWNER;
	struct actor stale = ctx.actor;
	act_as(a.account_id);
	assert_int_equal(
	    member_change_role(&ctx, org, b.member_id, ROLE_REVIEWER, &member), ERR_OK);
	ctx.actor = stale;
	assert_int_equal(member_remove(&ctx, org, c.member_id), ERR_ROLE_FORBIDDEN);
	act_as(a.account_id);
	assert_int_equal(member_remove(&ctx, org, b.member_id), ERR_OK);
	ctx.actor = stale;
	assert_int_equal(member_remove(&ctx, org, c.member_id), ERR_ORGANIZATION_NOT_FOUND);
	assert_int_equal(invite("d@x.example", ROLE_MEMBER, &member), ERR_ORGANIZATION_NOT_FOUND);
}

/* ---- the last owner --------------------------------------------------------------------------------------- */

static void test_the_last_owner_stays(void **state UNUSED)
{
	struct one a = made("a@x.example", ROLE_OWNER);
	struct member waits, member;

	made("admin@x.example", ROLE_ADMIN);
	assert_int_equal(invite("waits@x.example", ROLE_OWNER, &waits), ERR_OK);
	/* One who is invited is none yet. */
	act_as(a.account_id);
	assert_int_equal(member_remove(&ctx, org, a.member_id), ERR_LAST_OWNER);
	assert_int_equal(
	    member_change_role(&ctx, org, a.member_id, ROLE_ADMIN, &member), ERR_LAST_OWNER);
	assert_int_equal(member_change_role(&ctx, org, a.member_id, ROLE_OWNER, &member), ERR_OK);
	ctx.actor = (struct actor){ .kind = ACTOR_OPERATOR };
	assert_int_equal(member_remove(&ctx, org, a.member_id), ERR_LAST_OWNER);
	log_in(person("waits@x.example"), "waits@x.example");
	assert_int_equal(member_remove(&ctx, org, a.member_id), ERR_OK);
	assert_int_equal(member_remove(&ctx, org, waits.id), ERR_LAST_OWNER);
}

static void test_members_of_others(void **state UNUSED)
{
	struct one one = made("a@x.example", ROLE_MEMBER);
	struct member member;
	struct uuid mine = org;

	assert_int_equal(org_create(&ctx, "Another", &org), ERR_OK);
	assert_int_equal(member_remove(&ctx, org, one.member_id), ERR_MEMBER_NOT_FOUND);
	assert_int_equal(member_change_role(&ctx, org, one.member_id, ROLE_ADMIN, &member),
	    ERR_MEMBER_NOT_FOUND);
	assert_int_equal(members(NULL), 0);
	org = mine;
	assert_int_equal(members(NULL), 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_a_default_organisation),
		TEST(test_no_address_no_organisation),
		TEST(test_the_contact_is_the_oldest_owner),
		TEST(test_inviting_and_joining),
		TEST(test_every_invitation_is_taken_up),
		TEST(test_invitations_that_are_refused),
		TEST(test_every_role_against_every_role),
		TEST(test_an_invited_owner_is_an_owners_business),
		TEST(test_everybody_may_leave),
		TEST(test_who_was_put_out_changes_nothing_more),
		TEST(test_the_last_owner_stays),
		TEST(test_members_of_others),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
