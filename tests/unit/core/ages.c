/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "ages.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "clock.h"
#include "provider_flow.h"
#include "tx.h"
#include "uuid.h"
#include "work.h"

/* One grey pixel, as tests/lib/media.py makes it. */
static const unsigned char png[] = {
	0x89,
	0x50,
	0x4e,
	0x47,
	0x0d,
	0x0a,
	0x1a,
	0x0a,
	0x00,
	0x00,
	0x00,
	0x0d,
	0x49,
	0x48,
	0x44,
	0x52,
	0x00,
	0x00,
	0x00,
	0x01,
	0x00,
	0x00,
	0x00,
	0x01,
	0x08,
	0x00,
	0x00,
	0x00,
	0x00,
	0x3a,
	0x7e,
	0x9b,
	0x55,
	0x00,
	0x00,
	0x00,
	0x0a,
	0x49,
	0x44,
	0x41,
	0x54,
	0x78,
	0x9c,
	0x63,
	0x68,
	0x00,
	0x00,
	0x00,
	0x82,
	0x00,
	0x81,
	0x77,
	0xcd,
	0x72,
	0xb6,
	0x00,
	0x00,
	0x00,
	0x00,
	0x49,
	0x45,
	0x4e,
	0x44,
	0xae,
	0x42,
	0x60,
	0x82,
};
_Static_assert(sizeof(png) == AGES_PICTURE, "as the header says");

/* The smallest video: the header, a segment of tracks and one cluster. */
static const unsigned char webm[] = { 0x1a, 0x45, 0xdf, 0xa3, 0x8b, 0x42, 0x86, 0x81, 1, 0x42, 0x82,
	0x84, 'w', 'e', 'b', 'm', 0x18, 0x53, 0x80, 0x67, 0x90, 0x16, 0x54, 0xae, 0x6b, 0x81, 0,
	0x1f, 0x43, 0xb6, 0x75, 0x85, 0xe7, 0x81, 0, 0xa3, 0x80 };

struct uuid ages_upload(enum age_upload upload)
{
	bool is_video = upload == UPLOAD_VIDEO;
	struct media_put *put = NULL;
	struct uuid id = UUID_NIL;
	int64_t expires_at_ms = 0;

	assert_int_equal(media_begin(&ctx, is_video ? "video/webm" : "image/png", &put), ERR_OK);
	assert_int_equal(
	    media_write(put, is_video ? webm : png, is_video ? sizeof(webm) : sizeof(png)), ERR_OK);
	assert_int_equal(media_commit(&ctx, &put, &id, &expires_at_ms), ERR_OK);
	return id;
}

void ages_settings(const char *lines)
{
	char text[1024];

	snprintf(text, sizeof(text), "media_dir = %s\n%s", core_path("media"), lines);
	core_settings(text);
}

int ages_set_up(void **state)
{
	core_set_up(state);
	ages_settings("");
	assert_true(mkdir(core_path("media"), 0700) == 0 || errno == EEXIST);
	clock_set(TIME_NONE);
	core_act(core_tenant(), ENV_LIVE);
	/* Nothing of the tests before is ever over. */
	core_run("UPDATE age_verification SET purge_at = NULL");
	core_run("UPDATE age_verification SET status = 'expired' WHERE status = 'approved'");
	return 0;
}

struct age_document ages_document(void)
{
	return (struct age_document){ .country = "SN",
		.type = "national_id",
		.number = "1234567890123",
		.first_name = "Amara",
		.last_name = "Diallo-Ñgom",
		.date_of_birth = "1990-05-15" };
}

struct age_new ages_new(
    const char *person, enum age_level level, const struct age_document *document)
{
	struct age_new input = {
		.external_id = person, .level = level, .consent = true, .document = document
	};

	for (int i = 0; i < UPLOAD__MAX; i++) {
		if (age_needs(level, (enum age_upload)i, NULL))
			input.uploads[i] = ages_upload((enum age_upload)i);
	}
	return input;
}

struct age ages_submit(
    const char *person, enum age_level level, const struct age_document *document)
{
	struct age_new input = ages_new(person, level, document);
	struct complaint items[8];
	struct complaint_list complaints = { .items = items, .max = countof(items) };
	struct age age;

	assert_int_equal(age_submit(&ctx, &input, &complaints, &age), ERR_OK);
	assert_int_equal(complaints.count, 0);
	return age;
}

void ages_act_operator(const char *name)
{
	ctx.actor = (struct actor){ .kind = ACTOR_OPERATOR, .name = name };
}

void ages_act_member(enum role role)
{
	ctx.actor.kind = ACTOR_ACCOUNT;
	ctx.actor.role = role;
	assert_int_equal(uuid_make(&ctx.actor.account_id), ERR_OK);
}

void ages_review(struct uuid id, enum age_status status)
{
	struct actor actor = ctx.actor;
	struct age_case found;

	ages_act_operator("rita");
	assert_int_equal(age_review_claim(&ctx, id, &found), ERR_OK);
	assert_int_equal(found.age.status, AGE_UNDER_REVIEW);
	assert_int_equal(age_review_decide(&ctx, id, status, "seen", &found), ERR_OK);
	assert_int_equal(found.age.status, status);
	ctx.actor = actor;
}

struct age_case ages_look(struct uuid id)
{
	struct actor actor = ctx.actor;
	struct age_case found;

	ages_act_operator("rita");
	assert_int_equal(age_review_show(&ctx, id, &found), ERR_OK);
	ctx.actor = actor;
	return found;
}

struct deciding {
	struct uuid id;
	struct decision decision;
	bool decided;
};

static enum err decide(struct ctx *context, void *arg)
{
	struct deciding *d = arg;

	return verification_decide(context, d->id, &d->decision, &d->decided);
}

void ages_decide(struct uuid id, struct decision decision)
{
	struct deciding deciding = { .id = id, .decision = decision };
	struct actor actor = ctx.actor;

	ctx.actor = (struct actor){ .kind = ACTOR_JOB };
	assert_int_equal(tx_run(&ctx, decide, &deciding), ERR_OK);
	assert_true(deciding.decided);
	ctx.actor = actor;
}

static enum err prepare(struct ctx *context, void *arg)
{
	return flow_prepare(context, arg);
}

static enum err settle(struct ctx *context, void *arg)
{
	return flow_settle(context, arg);
}

void ages_run_queue(void)
{
	struct work_limits limits = { .max = 10, .per_lane = 10 };
	struct actor actor = ctx.actor;
	struct work *work = NULL;
	size_t count = 0;

	ctx.actor = (struct actor){ .kind = ACTOR_JOB };
	assert_int_equal(
	    work_claim(&ctx, WORK_PROVIDER_SUBMIT, &limits, 60000, &work, &count), ERR_OK);
	assert_int_equal(count, 1);
	struct flow flow = { .work = work[0] };
	assert_int_equal(tx_run(&ctx, prepare, &flow), ERR_OK);
	assert_int_equal(tx_run(&ctx, settle, &flow), ERR_OK);
	ctx.actor = actor;
}

int64_t ages_count(const char *table)
{
	char id[UUID_TEXT_SIZE], sql[256];

	uuid_text(ctx.actor.application_id, id);
	snprintf(sql, sizeof(sql),
	    "SELECT COUNT(*) FROM %s WHERE application_id = UNHEX(REPLACE('%s', '-', ''))", table,
	    id);
	return core_number(sql);
}

int64_t ages_told(const char *type)
{
	char id[UUID_TEXT_SIZE], sql[256];

	uuid_text(ctx.actor.application_id, id);
	snprintf(sql, sizeof(sql),
	    "SELECT COUNT(*) FROM event WHERE type = '%s' "
	    "AND application_id = UNHEX(REPLACE('%s', '-', ''))",
	    type, id);
	return core_number(sql);
}

int64_t ages_dropped(void)
{
	return core_number("SELECT COUNT(*) FROM media WHERE file_key IS NULL");
}

static int remove_one(
    const char *path, const struct stat *about UNUSED, int flag UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

void ages_close(void)
{
	(void)nftw(core_path("media"), remove_one, 8, FTW_DEPTH | FTW_PHYS);
	core_close();
}
