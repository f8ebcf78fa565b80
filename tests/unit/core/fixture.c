/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <mysql.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalogue.h"
#include "clock.h"
#include "migrate.h"
#include "org.h"
#include "stmt.h"
#include "token.h"
#include "tx.h"

struct ctx ctx;

static char directory[64];
static const char *server_socket;
static MYSQL *side;
static struct settings *settings;
static struct uuid first_tenant;

const char *core_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

void core_write(const char *name, const char *text)
{
	FILE *file = fopen(core_path(name), "we");

	assert_non_null(file);
	/* Secrets that others may read are refused. */
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void core_settings(const char *lines)
{
	struct settings *fresh = NULL;
	struct buf complaints;
	char text[4096];

	buf_init(&complaints, 4096);
	snprintf(text, sizeof(text),
	    "smile_partner_id = 007\nsmile_url = https://provider.example\n"
	    "smile_api_key_file = %s/smile.key\n%s",
	    directory, lines);
	core_write("bonafide.conf", text);
	if (settings_read(core_path("bonafide.conf"), &fresh, &complaints) != ERR_OK)
		fail_msg("%.*s", (int)complaints.len, complaints.data);
	buf_free(&complaints);
	settings_free(&settings);
	settings = fresh;
	ctx.settings = fresh;
}

static struct db *open_db(bool scripts)
{
	struct db_config config = { .socket = server_socket,
		.host = "",
		.name = "test",
		.user = "root",
		.password = "",
		.connect_timeout_s = 5,
		.read_timeout_s = 20,
		.scripts = scripts };
	struct db *db = NULL;

	assert_int_equal(db_new(&config, stmt_table, ST__MAX, &db), ERR_OK);
	return db;
}

struct db *core_db(void)
{
	return open_db(false);
}

/* NULL when there are no rows to come. */
static MYSQL_RES *ask(const char *sql)
{
	if (mysql_query(side, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(side));
	return mysql_store_result(side);
}

void core_run(const char *sql)
{
	mysql_free_result(ask(sql));
}

int64_t core_number(const char *sql)
{
	MYSQL_RES *result;
	int64_t number;
	MYSQL_ROW row;

	result = ask(sql);
	assert_non_null(result);
	row = mysql_fetch_row(result);
	assert_non_null(row);
	number = row[0] == NULL ? 0 : strtoll(row[0], NULL, 10);
	mysql_free_result(result);
	return number;
}

const char *core_plan(const char *sql)
{
	static char plan[1024];
	char explain[4096];
	MYSQL_RES *result;
	size_t len = 0;

	snprintf(explain, sizeof(explain), "EXPLAIN %s", sql);
	result = ask(explain);
	assert_non_null(result);
	for (MYSQL_ROW row = mysql_fetch_row(result); row != NULL; row = mysql_fetch_row(result))
		len += (size_t)snprintf(plan + len, sizeof(plan) - len, "%s: %s\n",
		    row[5] == NULL ? "no key" : row[5], row[9] == NULL ? "" : row[9]);
	mysql_free_result(result);
	return plan;
}

static void migrate(void)
{
	struct db *db = open_db(true);
	struct migrate_report report;
	struct buf lines;
	char dir[512];

	buf_init(&lines, 65536);
	snprintf(dir, sizeof(dir), "%s/sql/schema", getenv("srcdir"));
	if (migrate_run(db, ctx.arena, dir, false, &lines, &report) != ERR_OK)
		fail_msg("%.*s", (int)lines.len, lines.data);
	buf_free(&lines);
	db_free(&db);
}

static void load_catalogue(void)
{
	static const char csv[] =
	    "country,id_type,pattern,provider,provider_country,provider_type,extra_fields,"
	    "score_weight\n"
	    "SN,national_id,\"[0-9]{13,14}\",smile_v1,SN,NATIONAL_ID,,90\n"
	    "NG,nin,\"[0-9]{11}\",smile_v1,NG,NIN_V2,,90\n"
	    "NG,bank,\"[0-9]{10}\",smile_v1,NG,BANK_ACCOUNT,bank_code phone,40\n";
	struct buf complaints;
	size_t count = 0;

	buf_init(&complaints, 4096);
	assert_int_equal(catalogue_load(&ctx, csv, sizeof(csv) - 1, &complaints, &count), ERR_OK);
	assert_int_equal(count, 3);
	buf_free(&complaints);
}

static void open_keys(void)
{
	char master[128], pepper[128], reason[256] = "";

	snprintf(master, sizeof(master), "%s", core_path("master.key"));
	snprintf(pepper, sizeof(pepper), "%s", core_path("pepper"));
	if (keyring_create_files(master, pepper, reason, sizeof(reason)) != ERR_OK ||
	    keyring_open(master, pepper, &ctx.keyring, reason, sizeof(reason)) != ERR_OK)
		fail_msg("%s", reason);
}

bool core_open(void)
{
	server_socket = getenv("BONAFIDE_TEST_DB_SOCKET");
	if (server_socket == NULL || getenv("srcdir") == NULL) {
		fprintf(stderr, "run me as: srcdir=. tests/lib/with-mariadb %s\n",
		    program_invocation_short_name);
		return false;
	}
	snprintf(directory, sizeof(directory), "/tmp/bf-core.XXXXXX");
	if (mkdtemp(directory) == NULL || arena_new(64 << 20, &ctx.arena) != ERR_OK)
		abort();
	side = mysql_init(NULL);
	if (mysql_real_connect(side, NULL, "root", "", "test", 0, server_socket, 0) == NULL)
		abort();
	core_write("smile.key", "the-portal's-key\n");
	core_settings("");
	open_keys();
	migrate();
	ctx.db = core_db();
	if (catalogue_new(&ctx.catalogue) != ERR_OK)
		abort();
	load_catalogue();
	first_tenant = core_tenant();
	return true;
}

void core_close(void)
{
	static const char *const files[] = { "smile.key", "bonafide.conf", "master.key", "pepper" };

	catalogue_free(&ctx.catalogue);
	db_free(&ctx.db);
	keyring_free(&ctx.keyring);
	settings_free(&settings);
	arena_free(&ctx.arena);
	mysql_close(side);
	for (size_t i = 0; i < countof(files); i++)
		(void)unlink(core_path(files[i]));
	(void)rmdir(directory);
}

struct uuid core_tenant(void)
{
	struct uuid organization, application;

	assert_int_equal(org_create(&ctx, "Customer", &organization), ERR_OK);
	struct token_change change = { organization, TOKEN_TOPUP, 1000000, NULL };
	int64_t balance = 0;
	assert_int_equal(token_add(&ctx, &change, &balance), ERR_OK);
	assert_int_equal(
	    application_create(&ctx, organization, "Application", &application), ERR_OK);
	return application;
}

void core_act(struct uuid application_id, enum environment environment)
{
	struct row_application_get row;

	assert_int_equal(application_get(&ctx, application_id, &row), ERR_OK);
	ctx.actor = (struct actor){ .kind = ACTOR_KEY,
		.organization_id = row.organization_id,
		.application_id = application_id,
		.environment = environment,
		.scopes = UINT64_MAX };
}

int core_set_up(void **state UNUSED)
{
	clock_set(TIME_NONE);
	db_rollback_if_open(ctx.db);
	arena_reset(ctx.arena);
	core_run("DELETE FROM work");
	core_run("DELETE FROM lane");
	core_act(first_tenant, ENV_LIVE);
	return 0;
}

struct taking {
	struct verification_new input;
	const struct id_type *type;
	struct verification made;
};

static enum err take(struct ctx *context, void *arg)
{
	struct taking *taking = arg;

	return verification_create(context, &taking->input, taking->type, &taking->made);
}

struct verification core_verification(const char *number, bool at_once, bool scored)
{
	struct taking taking = { .input = { .kind = VERKIND_KYC,
				     .environment = ctx.actor.environment,
				     .at_once = at_once,
				     .country = "SN",
				     .id_type = "national_id",
				     .external_ref = "user_001",
				     .score_requested = scored,
				     .applicant = {
					 .id_number = number == NULL ? "1234567890123" : number,
					 .first_name = "Amara",
					 .last_name = "Diallo",
					 .date_of_birth = "1990-05-15" } } };
	struct complaint complaints[8];
	size_t count = 0;

	assert_int_equal(verification_check(&ctx, &taking.input, complaints, countof(complaints),
			     &count, &taking.type),
	    ERR_OK);
	assert_int_equal(tx_run(&ctx, take, &taking), ERR_OK);
	return taking.made;
}
