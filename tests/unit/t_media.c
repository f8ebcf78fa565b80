/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_media.c: an upload becomes somebody's once, what is given up or out of time goes with its file,
 * what a crash left is found, and links. Run by tests/lib/with-mariadb.
 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "audit.h"
#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "media.h"
#include "stmt.h"
#include "str.h"

/* The smallest whole JPEG: a frame, a scan, the end. */
static const uint8_t photo[] = { 0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0xff,
	0xda, 0, 8, 1, 1, 0, 0, 0x3f, 0, 0x12, 0xff, 0, 0x34, 0xff, 0xd9 };

#define ANY "image/png,image/jpeg,video/webm"

static int set_up(void **state)
{
	char line[512];

	core_run("DELETE FROM media");
	(void)snprintf(line, sizeof(line), "media_dir = %s\n", core_path("media"));
	core_settings(line);
	return core_set_up(state);
}

static struct media_put *begun(void)
{
	struct media_put *put = NULL;

	assert_int_equal(media_begin(&ctx, "image/jpeg", &put), ERR_OK);
	for (size_t i = 0; i < sizeof(photo); i++)
		assert_int_equal(media_write(put, photo + i, 1), ERR_OK);
	return put;
}

static struct uuid uploaded(void)
{
	struct media_put *put = begun();
	int64_t until_ms = 0;
	struct uuid id;

	assert_int_equal(media_commit(&ctx, &put, &id, &until_ms), ERR_OK);
	assert_null(put);
	assert_true(until_ms > clock_now_ms());
	return id;
}

static const char *kept(struct uuid id)
{
	static char name[64];
	char hex[33];

	hex_encode(id.b, sizeof(id.b), hex);
	(void)snprintf(name, sizeof(name), "media/%.2s/%.2s/%s", hex + 30, hex + 28, hex);
	return core_path(name);
}

static const char *fresh(struct uuid id)
{
	static char name[64];
	char hex[33];

	hex_encode(id.b, sizeof(id.b), hex);
	(void)snprintf(name, sizeof(name), "media/new/%s", hex);
	return core_path(name);
}

static enum err sink(void *arg, const void *data, size_t len)
{
	size_t *at = arg;

	assert_true(*at + len <= sizeof(photo));
	assert_memory_equal(photo + *at, data, len);
	*at += len;
	return ERR_OK;
}

static enum err read_it(struct uuid id)
{
	size_t len = 0;
	enum err err = media_read(&ctx, id, NULL, sink, &len);

	if (err == ERR_OK)
		assert_int_equal(len, sizeof(photo));
	return err;
}

static void test_read_and_noted(void **state UNUSED)
{
	int64_t before = core_number("SELECT COUNT(*) FROM audit WHERE action = 'media.read'");
	struct uuid id = uploaded();

	assert_int_equal(read_it(id), ERR_OK);
	assert_int_equal(
	    core_number("SELECT COUNT(*) FROM audit WHERE action = 'media.read'"), before + 1);
	/* A file in another's place is not taken for it. */
	struct uuid other = uploaded();
	char from[512];
	(void)snprintf(from, sizeof(from), "%s", kept(other));
	assert_int_equal(rename(from, kept(id)), 0);
	assert_int_equal(read_it(id), ERR_TAMPERED);
	assert_int_equal(read_it(other), ERR_MEDIA_NOT_FOUND);
}

/* Whatever the umask of whoever runs it. */
static void test_directories_are_ours(void **state UNUSED)
{
	mode_t before = umask(0);
	struct uuid id = uploaded();
	char path[512];
	struct stat at;

	(void)umask(before);
	(void)snprintf(path, sizeof(path), "%s", kept(id));
	for (int level = 0; level < 2; level++) {
		*strrchr(path, '/') = '\0';
		assert_int_equal(stat(path, &at), 0);
		assert_int_equal(at.st_mode & 07777, 0700);
	}
}

static void test_taken_once(void **state UNUSED)
{
	struct uuid id = uploaded(), owner = uploaded(), tenant = ctx.actor.application_id;

	core_act(tenant, ENV_SANDBOX);
	assert_int_equal(media_take(&ctx, id, ANY, owner), ERR_MEDIA_NOT_FOUND);
	core_act(core_tenant(), ENV_LIVE);
	assert_int_equal(media_take(&ctx, id, ANY, owner), ERR_MEDIA_NOT_FOUND);
	core_act(tenant, ENV_LIVE);
	assert_int_equal(media_take(&ctx, id, ANY, owner), ERR_OK);
	assert_int_equal(media_take(&ctx, id, ANY, owner), ERR_MEDIA_NOT_FOUND);
	assert_int_equal(core_number("SELECT COUNT(*) FROM media WHERE expires_at IS NULL"), 1);
}

/* contract/age.md: what each place takes; the text is the row's, so a part of a type is none. */
static void test_taken_as_what_it_is(void **state UNUSED)
{
	struct uuid id = uploaded(), owner;

	assert_int_equal(uuid_make(&owner), ERR_OK);
	assert_int_equal(media_take(&ctx, id, "video/webm", owner), ERR_MEDIA_MISPLACED);
	assert_int_equal(
	    media_take(&ctx, id, "image/jpegs,image/jpe,", owner), ERR_MEDIA_MISPLACED);
	assert_int_equal(media_take(&ctx, owner, "video/webm", owner), ERR_MEDIA_NOT_FOUND);
	assert_int_equal(core_number("SELECT COUNT(*) FROM media WHERE owner_id IS NULL AND "
				     "expires_at IS NOT NULL"),
	    1);
	assert_int_equal(media_take(&ctx, id, "image/jpeg,image/png", owner), ERR_OK);
	/* Taken, it is nobody's to try. */
	assert_int_equal(media_take(&ctx, id, "video/webm", owner), ERR_MEDIA_NOT_FOUND);
}

static void test_given_up_is_gone(void **state UNUSED)
{
	struct uuid id = uploaded(), owner;
	uint64_t removed = 0;

	assert_int_equal(uuid_make(&owner), ERR_OK);
	assert_int_equal(media_take(&ctx, id, ANY, owner), ERR_OK);
	assert_int_equal(media_drop(&ctx, owner), ERR_OK);
	assert_int_equal(read_it(id), ERR_MEDIA_NOT_FOUND);
	/* Another host's clock may be behind. */
	assert_int_equal(media_expire(&ctx, 10, &removed), ERR_OK);
	assert_int_equal(removed, 0);
	core_run("UPDATE media SET expires_at = expires_at - INTERVAL 2 MINUTE");
	assert_int_equal(access(kept(id), F_OK), 0);
	assert_int_equal(media_expire(&ctx, 10, &removed), ERR_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(access(kept(id), F_OK), -1);
	assert_int_equal(core_number("SELECT COUNT(*) FROM media"), 0);
}

static void test_unused_goes_used_stays(void **state UNUSED)
{
	struct uuid unused = uploaded(), used = uploaded();
	uint64_t removed = 0;

	assert_int_equal(media_take(&ctx, used, ANY, unused), ERR_OK);
	assert_int_equal(media_expire(&ctx, 10, &removed), ERR_OK);
	assert_int_equal(removed, 0);
	core_run("UPDATE media SET expires_at = expires_at - INTERVAL 2 HOUR");
	assert_int_equal(media_take(&ctx, unused, ANY, used), ERR_MEDIA_NOT_FOUND);
	assert_int_equal(media_expire(&ctx, 10, &removed), ERR_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(access(kept(unused), F_OK), -1);
	assert_int_equal(read_it(used), ERR_OK);
}

static void test_an_end_before_the_end(void **state UNUSED)
{
	struct media_put *put = NULL;
	struct uuid id;
	int64_t until_ms = 0;

	assert_int_equal(media_begin(&ctx, "image/jpeg", &put), ERR_OK);
	assert_int_equal(media_write(put, photo, sizeof(photo) - 1), ERR_OK);
	assert_int_equal(media_commit(&ctx, &put, &id, &until_ms), ERR_MEDIA_UNFIT);
	assert_null(put);
	put = begun();
	assert_int_equal(media_write(put, "x", 1), ERR_MEDIA_UNFIT);
	media_abandon(&put);
	assert_null(put);
	assert_int_equal(core_number("SELECT COUNT(*) FROM media"), 0);
	assert_int_equal(rmdir(core_path("media/new")), 0); /* nothing is left in it */
}

/* Whoever calls: the largest upload, and not a byte more. */
static void test_too_large(void **state UNUSED)
{
	static const char head[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0"
				   "\0\0\0\0\0\xff\xff\xffIDAT";
	static const char filler[65536];
	struct media_put *put = NULL;
	size_t len = sizeof(head) - 1;

	assert_int_equal(media_begin(&ctx, "image/png", &put), ERR_OK);
	assert_int_equal(media_write(put, head, len), ERR_OK);
	for (; len < LIMIT_MEDIA - sizeof(filler); len += sizeof(filler))
		assert_int_equal(media_write(put, filler, sizeof(filler)), ERR_OK);
	assert_int_equal(media_write(put, filler, LIMIT_MEDIA - len + 1), ERR_PAYLOAD_TOO_LARGE);
	assert_int_equal(media_write(put, filler, LIMIT_MEDIA - len), ERR_OK);
	assert_int_equal(media_write(put, filler, 1), ERR_PAYLOAD_TOO_LARGE);
	media_abandon(&put);
}

/* A file as a crash leaves it: with its first name, and perhaps its second. */
static void leave(struct uuid id, bool is_named)
{
	char hex[33], from[512], directory[512];

	hex_encode(id.b, sizeof(id.b), hex);
	(void)mkdir(core_path("media/new"), 0700);
	(void)snprintf(from, sizeof(from), "%s", fresh(id));
	FILE *file = fopen(from, "wx");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	if (!is_named)
		return;
	(void)snprintf(directory, sizeof(directory), "media/%.2s", hex + 30);
	(void)mkdir(core_path(directory), 0700);
	(void)snprintf(directory, sizeof(directory), "media/%.2s/%.2s", hex + 30, hex + 28);
	(void)mkdir(core_path(directory), 0700);
	assert_int_equal(link(from, kept(id)), 0);
}

static void test_what_a_crash_left(void **state UNUSED)
{
	struct uuid old = uuid_floor(clock_now_ms() - (LIMIT_MEDIA_WAIT_S + 60) * INT64_C(1000));
	struct uuid now, with_row = old, named = old, complete = uploaded();
	uint64_t removed = 0;

	named.b[15] = 7;
	with_row.b[15] = 9;
	assert_int_equal(uuid_make(&now), ERR_OK);
	leave(old, false);
	leave(named, true);
	leave(now, false); /* under way */
	assert_int_equal(media_sweep(&ctx, 1, &removed), ERR_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(media_sweep(&ctx, 100, &removed), ERR_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(access(fresh(old), F_OK), -1);
	assert_int_equal(access(fresh(named), F_OK), -1);
	assert_int_equal(access(kept(named), F_OK), -1);
	assert_int_equal(access(fresh(now), F_OK), 0);
	/* Committed, but the first name was left: the medium stays. */
	leave(with_row, true);
	assert_int_equal(
	    q_media_put(ctx.db, ctx.actor.application_id, with_row, "live", "image/jpeg", 1,
		(struct bytes){ "k", 1 }, 1, clock_now_ms(), clock_now_ms()),
	    ERR_OK);
	assert_int_equal(media_sweep(&ctx, 100, &removed), ERR_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(access(fresh(with_row), F_OK), -1);
	assert_int_equal(access(kept(with_row), F_OK), 0);
	assert_int_equal(read_it(complete), ERR_OK);
	assert_int_equal(unlink(fresh(now)), 0);
}

/* A link's query, taken apart. */
struct link_texts {
	char exp[32], by[256], sig[80];
};

static struct link_texts link_of(struct uuid id, int64_t ttl_s)
{
	struct link_texts texts = { .by = "" };
	const char *path = NULL;

	assert_int_equal(media_link(&ctx, id, ttl_s, &path), ERR_OK);
	assert_int_equal(strncmp(path, "/media/med_", 11), 0);
	const char *query = strchr(path, '?');
	if (strstr(query, "&by=") == NULL)
		assert_int_equal(sscanf(query, "?exp=%31[0-9]&sig=%79s", texts.exp, texts.sig), 2);
	else
		assert_int_equal(sscanf(query, "?exp=%31[0-9]&by=%255[0-9a-f]&sig=%79s", texts.exp,
				     texts.by, texts.sig),
		    3);
	return texts;
}

static enum err check_link(struct uuid id, const struct link_texts *texts, const char **ret_reader)
{
	return media_link_check(
	    &ctx, id, &(struct media_link_parts){ texts->exp, texts->by, texts->sig }, ret_reader);
}

static void test_links(void **state UNUSED)
{
	struct uuid id = uploaded(), other = uploaded();
	const char *reader = NULL;
	struct link_texts link = link_of(id, 60);

	assert_int_equal(check_link(id, &link, &reader), ERR_OK);
	assert_string_equal(reader, "");
	assert_int_equal(check_link(other, &link, &reader), ERR_MEDIA_NOT_FOUND);
	link.exp[9] = link.exp[9] == '9' ? '8' : '9';
	assert_int_equal(check_link(id, &link, &reader), ERR_MEDIA_NOT_FOUND);
	link = (struct link_texts){ .exp = "" };
	assert_int_equal(check_link(id, &link, &reader), ERR_MEDIA_NOT_FOUND);
	link = link_of(id, 0);
	assert_int_equal(check_link(id, &link, &reader), ERR_MEDIA_NOT_FOUND);
	/* None works for longer than any may. */
	int64_t now_s = clock_now_ms() / 1000;
	link = link_of(id, 100 * LIMIT_MEDIA_LINK_S);
	assert_int_equal(check_link(id, &link, &reader), ERR_OK);
	assert_true(strtoll(link.exp, NULL, 10) <= now_s + LIMIT_MEDIA_LINK_S + 2);
}

/* A link says for whom it was made, and says nothing else when it is changed. */
static void test_whose_link(void **state UNUSED)
{
	struct uuid id = uploaded();
	const struct actor before = ctx.actor;
	const char *reader = NULL;

	ctx.actor = (struct actor){ .kind = ACTOR_OPERATOR, .name = "ada" };
	struct link_texts link = link_of(id, 60), changed = link;
	assert_int_equal(check_link(id, &link, &reader), ERR_OK);
	assert_string_equal(reader, "operator ada");
	changed.by[0] = '\0';
	assert_int_equal(check_link(id, &changed, &reader), ERR_MEDIA_NOT_FOUND);
	static const char *const others[] = { "6f", "00", "zz", "6", "6f70657261746f722061646100" };
	for (size_t i = 0; i < countof(others); i++) {
		snprintf(changed.by, sizeof(changed.by), "%s", others[i]);
		assert_int_equal(check_link(id, &changed, &reader), ERR_MEDIA_NOT_FOUND);
	}
	char name[400];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ctx.actor.name = name;
	link = link_of(id, 60);
	assert_int_equal(check_link(id, &link, &reader), ERR_OK);
	assert_int_equal(strlen(reader), 100);
	ctx.actor = before;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_read_and_noted, set_up),
		cmocka_unit_test_setup(test_directories_are_ours, set_up),
		cmocka_unit_test_setup(test_taken_once, set_up),
		cmocka_unit_test_setup(test_taken_as_what_it_is, set_up),
		cmocka_unit_test_setup(test_given_up_is_gone, set_up),
		cmocka_unit_test_setup(test_unused_goes_used_stays, set_up),
		cmocka_unit_test_setup(test_an_end_before_the_end, set_up),
		cmocka_unit_test_setup(test_too_large, set_up),
		cmocka_unit_test_setup(test_what_a_crash_left, set_up),
		cmocka_unit_test_setup(test_links, set_up),
		cmocka_unit_test_setup(test_whose_link, set_up),
	};

	if (!core_open())
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	core_close();
	return failed;
}
