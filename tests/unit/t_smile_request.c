/* SPDX-License-Identifier: Apache-2.0 */
/* t_smile_request.c: Smile ID's signature by its vectors, and every member of both requests. */
#include "base.h"
#include "arena.h"
#include "clock.h"
#include "json.h"
#include "keyring.h"
#include "smile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define KEY "0f2d9d2e-1c5b-4d7e-9c1a-3f0b6a7d8e9f"
#define NOW_MS INT64_C(1795262400000) /* 2026-11-21T12:00:00.000Z */
#define NOW_TEXT "2026-11-21T12:00:00.000Z"
#define NOW_SIGNATURE "OG/mymLvGpY93eWOHThjntCqdtIlM+C9IYeCIjzgOw8="
#define PARTNER "smile_partner_id = 085\n"

/* A directory with a settings file, Smile ID's key and our own keys. */
struct place {
	char directory[64];
	char conf[96];
	char key[96];
	char master[96];
	char pepper[96];
	struct settings *settings;
	struct ctx ctx;
};

static void put(const char *path, const char *text, mode_t mode)
{
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	(void)snprintf(place->directory, sizeof(place->directory), "/tmp/t_smile.XXXXXX");
	if (mkdtemp(place->directory) == NULL)
		return -1;
	(void)snprintf(place->conf, sizeof(place->conf), "%s/conf", place->directory);
	(void)snprintf(place->key, sizeof(place->key), "%s/key", place->directory);
	(void)snprintf(place->master, sizeof(place->master), "%s/master.key", place->directory);
	(void)snprintf(place->pepper, sizeof(place->pepper), "%s/pepper", place->directory);
	put(place->key, KEY "\n", 0400);
	clock_set(NOW_MS);
	*state = place;
	if (keyring_create_files(place->master, place->pepper, NULL, 0) != ERR_OK ||
	    keyring_open(place->master, place->pepper, &place->ctx.keyring, NULL, 0) != ERR_OK)
		return -1;
	return arena_new(1 << 20, &place->ctx.arena) == ERR_OK ? 0 : -1;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	clock_set(TIME_NONE);
	settings_free(&place->settings);
	keyring_free(&place->ctx.keyring);
	arena_free(&place->ctx.arena);
	(void)unlink(place->conf);
	(void)unlink(place->key);
	(void)unlink(place->master);
	(void)unlink(place->pepper);
	if (rmdir(place->directory) != 0)
		return -1;
	free(place);
	return 0;
}

/* Settings with these lines, and the key file unless the partner is to be nobody. */
static void configure(struct place *place, const char *lines)
{
	struct buf text, complaints;

	buf_init(&text, 4096);
	buf_init(&complaints, 4096);
	buf_adds(&text, lines);
	if (strstr(lines, "smile_partner_id") != NULL)
		buf_printf(&text, "smile_api_key_file = %s\n", place->key);
	put(place->conf, buf_str(&text), 0600);
	settings_free(&place->settings);
	if (settings_read(place->conf, &place->settings, &complaints) != ERR_OK)
		fail_msg("%s", buf_str(&complaints));
	place->ctx.settings = place->settings;
	buf_free(&text);
	buf_free(&complaints);
}

/* ---- signatures ------------------------------------------------------------------------------------ */

/* reference/smile.md, A1; A is also the vector of contract/provider.md. */
static const struct {
	const char *key;
	const char *timestamp;
	const char *partner;
	const char *signature;
} vectors[] = {
	{ "test-api-key", "2026-07-22T10:00:00.000Z", "2423",
	    "1TzKvsGTilgKK6eODGzBG/b/h3cTp0NvSPcRWggYfGc=" },
	{ KEY, NOW_TEXT, "085", NOW_SIGNATURE },
	{ KEY, NOW_TEXT, "85", "gl6jf00pEU/W+/iRHmu8wi7ouM64eVwul6QWL0EENGU=" },
	{ KEY, "1570612182124", "085", "HXXonJ6LDkRXzWJeNUNLbIHVqm+hahFPR7xk71Cu4LI=" },
	{ KEY, "2021-08-12T17:57:00.614879", "085",
	    "HtgEoRbctwmd+mMT+orWEZGClhRqJJOO1DoMOpIouU0=" },
};

static void test_signs_the_vectors(void **state UNUSED)
{
	for (size_t i = 0; i < countof(vectors); i++) {
		char signature[SMILE_SIGNATURE_SIZE];

		memset(signature, 'x', sizeof(signature));
		assert_int_equal(
		    smile_sign(vectors[i].key, vectors[i].timestamp, vectors[i].partner, signature),
		    ERR_OK);
		assert_string_equal(signature, vectors[i].signature);
	}
}

static void test_sign_refuses_what_is_too_long(void **state UNUSED)
{
	char signature[SMILE_SIGNATURE_SIZE] = "before", partner[600];

	memset(partner, '8', sizeof(partner));
	partner[sizeof(partner) - 1] = '\0';
	assert_int_equal(smile_sign(KEY, NOW_TEXT, partner, signature), ERR_FULL);
	assert_string_equal(signature, "before");
}

static void configure_vector(struct place *place, size_t i)
{
	char line[64];

	put(place->key, vectors[i].key, 0400);
	(void)snprintf(line, sizeof(line), "smile_partner_id = %s\n", vectors[i].partner);
	configure(place, line);
}

static bool is_signed(struct place *place, const char *text)
{
	json_t *object = NULL;
	bool right;

	assert_int_equal(json_read(text, strlen(text), &object, NULL), ERR_OK);
	right = smile_is_signed(place->settings, object);
	json_decref(object);
	return right;
}

static bool is_signed_pair(struct place *place, const char *timestamp, const char *signature)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "{\"timestamp\":\"%s\",\"signature\":\"%s\",\"more\":1}",
	    timestamp, signature);
	return is_signed(place, text);
}

static void test_recognises_the_vectors(void **state)
{
	struct place *place = *state;

	for (size_t i = 0; i < countof(vectors); i++) {
		configure_vector(place, i);
		assert_true(is_signed_pair(place, vectors[i].timestamp, vectors[i].signature));
		/* Each vector's signature is right for itself alone. */
		for (size_t k = 0; k < countof(vectors); k++)
			assert_int_equal(
			    is_signed_pair(place, vectors[i].timestamp, vectors[k].signature),
			    i == k);
	}
	/* An integer is signed as its decimal text. */
	configure_vector(place, 3);
	assert_true(
	    is_signed(place, "{\"timestamp\":1570612182124,"
			     "\"signature\":\"HXXonJ6LDkRXzWJeNUNLbIHVqm+hahFPR7xk71Cu4LI=\"}"));
}

static void test_refuses_every_changed_signature(void **state)
{
	struct place *place = *state;
	char signature[] = NOW_SIGNATURE;

	configure(place, PARTNER);
	assert_true(is_signed_pair(place, NOW_TEXT, signature));
	for (size_t i = 0; i < sizeof(signature) - 1; i++) {
		signature[i] = signature[i] == 'A' ? 'B' : 'A';
		assert_false(is_signed_pair(place, NOW_TEXT, signature));
		signature[i] = NOW_SIGNATURE[i];
	}
	assert_false(is_signed_pair(place, "2026-11-21T12:00:00.001Z", signature));
	assert_false(is_signed_pair(place, "2026-11-21T12:00:00Z", signature));
	assert_false(is_signed_pair(place, NOW_TEXT, NOW_SIGNATURE "="));
	signature[sizeof(signature) - 2] = '\0';
	assert_false(is_signed_pair(place, NOW_TEXT, signature));
	assert_false(is_signed_pair(place, NOW_TEXT, ""));
	assert_false(is_signed_pair(place, "", NOW_SIGNATURE));
}

static void test_is_signed_needs_both_members(void **state)
{
	static const char *const wrong[] = {
		"{}",
		"[]",
		"\"" NOW_SIGNATURE "\"",
		"{\"timestamp\":\"" NOW_TEXT "\"}",
		"{\"signature\":\"" NOW_SIGNATURE "\"}",
		"{\"timestamp\":null,\"signature\":\"" NOW_SIGNATURE "\"}",
		"{\"timestamp\":[\"" NOW_TEXT "\"],\"signature\":\"" NOW_SIGNATURE "\"}",
		"{\"timestamp\":1.5,\"signature\":\"" NOW_SIGNATURE "\"}",
		"{\"timestamp\":\"" NOW_TEXT "\",\"signature\":null}",
		"{\"timestamp\":\"" NOW_TEXT "\",\"signature\":1}",
		"{\"timestamp\":\"" NOW_TEXT "\",\"signature\":[\"" NOW_SIGNATURE "\"]}",
		"{\"Timestamp\":\"" NOW_TEXT "\",\"Signature\":\"" NOW_SIGNATURE "\"}",
	};
	struct place *place = *state;

	configure(place, PARTNER);
	assert_false(smile_is_signed(place->settings, NULL));
	for (size_t i = 0; i < countof(wrong); i++) {
		if (is_signed(place, wrong[i]))
			fail_msg("%s", wrong[i]);
	}
}

/* Without a key that nobody else may read, nothing is signed and nothing is believed. */
static void test_api_key(void **state)
{
	struct place *place = *state;
	char out[256];

	configure(place, PARTNER);
	assert_int_equal(smile_api_key(place->settings, out, sizeof(out)), ERR_OK);
	assert_string_equal(out, KEY);
	assert_int_equal(smile_api_key(place->settings, out, sizeof(KEY) - 1), ERR_CONFIG);
	assert_int_equal(chmod(place->key, 0644), 0);
	assert_int_equal(smile_api_key(place->settings, out, sizeof(out)), ERR_CONFIG);
	assert_false(is_signed_pair(place, NOW_TEXT, NOW_SIGNATURE));
	put(place->key, "", 0400);
	assert_int_equal(smile_api_key(place->settings, out, sizeof(out)), ERR_CONFIG);
	(void)unlink(place->key);
	assert_int_equal(smile_api_key(place->settings, out, sizeof(out)), ERR_CONFIG);
	put(place->key, KEY, 0400);
	configure(place, "");
	assert_int_equal(smile_api_key(place->settings, out, sizeof(out)), ERR_CONFIG);
	assert_false(is_signed_pair(place, NOW_TEXT, NOW_SIGNATURE));
}

/* ---- requests -------------------------------------------------------------------------------------- */

/* Everything that can be known of a person; the texts occur nowhere else. */
static const struct provider_ask full_ask = {
	.verification_id = { { 1 } },
	.job_id = "01890a5d-ac96-774b-bcce-b302099a8057-2",
	.user_id = "01890a5d-ac96-774b-bcce-b302099a8057",
	.country = "NG",
	.id_type = "bank_account",
	.provider_country = "NG",
	.provider_type = "BANK_ACCOUNT",
	.applicant = { .id_number = "00000000000",
	    .first_name = "Jo\xc3\xa9",
	    .middle_name = "D\"oe\\",
	    .last_name = "L'eo",
	    .date_of_birth = "2000-09-20",
	    .phone = "0123456789",
	    .gender = "M",
	    .bank_code = "058" },
	.first_sent_ms = NOW_MS,
};

#define IDENTITY \
	"\"partner_id\":\"085\",\"timestamp\":\"" NOW_TEXT "\",\"signature\":\"" NOW_SIGNATURE "\","
#define SOURCE \
	"\"source_sdk\":\"rest_api\",\"source_sdk_version\":\"" PACKAGE_VERSION "\",\"country\":" \
	"\"NG\",\"id_type\":\"BANK_ACCOUNT\","
#define PARTNER_PARAMS \
	"\"partner_params\":{\"job_id\":\"01890a5d-ac96-774b-bcce-b302099a8057-2\"," \
	"\"user_id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"job_type\":5}"
#define PERSON \
	"\"id_number\":\"00000000000\",\"first_name\":\"Jo\xc3\xa9\"," \
	"\"middle_name\":\"D\\\"oe\\\\\",\"last_name\":\"L'eo\",\"dob\":\"2000-09-20\"," \
	"\"gender\":\"M\",\"phone_number\":\"0123456789\",\"bank_code\":\"058\","

/* The body holds exactly these members: what is not asked for is not told. */
static void check_body(const struct provider_request *request, const char *wanted_text)
{
	json_t *body = NULL;
	json_t *wanted = NULL;

	assert_int_equal(request->body_len, strlen(request->body));
	assert_int_equal(json_read(request->body, request->body_len, &body, NULL), ERR_OK);
	assert_int_equal(json_read(wanted_text, strlen(wanted_text), &wanted, NULL), ERR_OK);
	if (!json_equal(body, wanted))
		fail_msg("%s\nis not\n%s", request->body, wanted_text);
	json_decref(body);
	json_decref(wanted);
}

/* Addresses and headers are what proxies and servers write into their logs. */
static void check_envelope(const struct provider_request *request, const char *url)
{
	assert_string_equal(request->url, url);
	assert_string_equal(request->headers[0], "Content-Type: application/json");
	assert_string_equal(request->headers[1], "Accept: application/json");
	assert_null(request->headers[2]);
	assert_null(strstr(request->body, KEY));
}

static void test_submit_enhanced(void **state)
{
	struct place *place = *state;
	struct provider_request request = { .url = NULL };

	configure(place, PARTNER);
	assert_int_equal(smile_submit_request(&place->ctx, &full_ask, &request), ERR_OK);
	check_envelope(&request, "https://testapi.smileidentity.com/v1/async_id_verification");
	check_body(&request, "{" IDENTITY SOURCE PERSON PARTNER_PARAMS "}");
	assert_int_equal(request.deadline_ms, 30000);
}

static void test_submit_basic(void **state)
{
	struct place *place = *state;
	struct provider_request request = { .url = NULL };

	configure(place, PARTNER "smile_product = basic\nsmile_url = http://127.0.0.1:8099/sim\n"
				 "smile_timeout_s = 7\n");
	assert_int_equal(smile_submit_request(&place->ctx, &full_ask, &request), ERR_OK);
	check_envelope(&request, "http://127.0.0.1:8099/sim/v2/verify_async");
	check_body(&request, "{" IDENTITY SOURCE PERSON PARTNER_PARAMS "}");
	assert_int_equal(request.deadline_ms, 7000);
}

/* What is not known is left out, not sent as null or as an empty text. */
static void test_submit_leaves_out_what_is_unknown(void **state)
{
	struct place *place = *state;
	struct provider_request request = { .url = NULL };
	struct provider_ask ask = full_ask;

	configure(place, PARTNER);
	ask.applicant = (struct applicant){ .id_number = "00000000000" };
	assert_int_equal(smile_submit_request(&place->ctx, &ask, &request), ERR_OK);
	check_body(
	    &request, "{" IDENTITY SOURCE "\"id_number\":\"00000000000\"," PARTNER_PARAMS "}");
}

/* The names of the provider go out, not ours. */
static void test_submit_uses_the_providers_words(void **state)
{
	struct place *place = *state;
	struct provider_request request = { .url = NULL };
	struct provider_ask ask = full_ask;

	configure(place, PARTNER);
	ask.country = "XX";
	ask.id_type = "ours";
	assert_int_equal(smile_submit_request(&place->ctx, &ask, &request), ERR_OK);
	check_body(&request, "{" IDENTITY SOURCE PERSON PARTNER_PARAMS "}");
}

static void test_submit_with_callback(void **state)
{
	static const char before[] = "https://kyc.example.org/v1/providers/smile_v1/callback/";
	struct place *place = *state;
	struct provider_request request = { .url = NULL };
	const char *url, *again = NULL, *token = NULL;
	json_t *body = NULL;

	configure(place, PARTNER "public_url = https://kyc.example.org\n");
	assert_int_equal(smile_submit_request(&place->ctx, &full_ask, &request), ERR_OK);
	assert_int_equal(json_read(request.body, request.body_len, &body, NULL), ERR_OK);
	url = json_get_text(body, "callback_url");
	assert_non_null(url);
	assert_int_equal(strncmp(url, before, sizeof(before) - 1), 0);
	token = url + sizeof(before) - 1;
	assert_int_equal(strlen(token), 32);
	assert_int_equal(strspn(token, "0123456789abcdef"), 32);
	/* The same at every call, or callbacks of older requests would find no door. */
	assert_int_equal(provider_callback_url(&place->ctx, "smile_v1", &again), ERR_OK);
	assert_string_equal(again, url);
	assert_int_equal(provider_callback_url(&place->ctx, "sandbox", &again), ERR_OK);
	assert_string_not_equal(again + strlen(again) - 32, token);
	assert_int_equal(json_object_del(body, "callback_url"), 0);
	request.body = json_dumps(body, 0);
	request.body_len = strlen(request.body);
	check_body(&request, "{" IDENTITY SOURCE PERSON PARTNER_PARAMS "}");
	free((void *)(uintptr_t)request.body);
	json_decref(body);
}

/* The look-up key is user and job together; no person is named again. */
static void test_poll(void **state)
{
	struct place *place = *state;
	struct provider_request request = { .url = NULL };

	configure(place, PARTNER "public_url = https://kyc.example.org\nsmile_product = basic\n");
	assert_int_equal(smile_poll_request(&place->ctx, &full_ask, &request), ERR_OK);
	check_envelope(&request, "https://testapi.smileidentity.com/v1/job_status");
	check_body(&request, "{" IDENTITY "\"user_id\":\"01890a5d-ac96-774b-bcce-b302099a8057\","
			     "\"job_id\":\"01890a5d-ac96-774b-bcce-b302099a8057-2\","
			     "\"image_links\":false,\"history\":false}");
	assert_int_equal(request.deadline_ms, 30000);
}

/* A request is signed when it is built, with the time in milliseconds. */
static void test_timestamp_moves(void **state)
{
	struct place *place = *state;
	struct provider_request request = { .url = NULL };
	char signature[SMILE_SIGNATURE_SIZE];
	json_t *body = NULL;

	configure(place, PARTNER);
	clock_set(NOW_MS + 61007);
	assert_int_equal(smile_poll_request(&place->ctx, &full_ask, &request), ERR_OK);
	assert_int_equal(json_read(request.body, request.body_len, &body, NULL), ERR_OK);
	assert_string_equal(json_get_text(body, "timestamp"), "2026-11-21T12:01:01.007Z");
	assert_int_equal(smile_sign(KEY, "2026-11-21T12:01:01.007Z", "085", signature), ERR_OK);
	assert_string_equal(json_get_text(body, "signature"), signature);
	json_decref(body);
}

static void refuse(struct place *place, const struct provider_ask *ask, enum err wanted)
{
	struct provider_request request = { .url = "before" };

	assert_int_equal(smile_submit_request(&place->ctx, ask, &request), wanted);
	assert_string_equal(request.url, "before");
	assert_null(request.body);
}

static void test_requests_that_cannot_be_built(void **state)
{
	struct place *place = *state;
	struct provider_ask ask = full_ask;
	struct provider_request request = { .url = "before" };
	struct arena *small = NULL;
	struct arena *arena = place->ctx.arena;
	static char vast[70000];

	configure(place, PARTNER);
	ask.applicant.first_name = "\xff";
	refuse(place, &ask, ERR_NOMEM);
	memset(vast, 'a', sizeof(vast) - 1);
	ask.applicant.first_name = vast;
	refuse(place, &ask, ERR_FULL);
	assert_int_equal(arena_new(16, &small), ERR_OK);
	place->ctx.arena = small;
	refuse(place, &full_ask, ERR_NOMEM);
	place->ctx.arena = arena;
	arena_free(&small);
	(void)unlink(place->key);
	refuse(place, &full_ask, ERR_CONFIG);
	assert_int_equal(smile_poll_request(&place->ctx, &full_ask, &request), ERR_CONFIG);
	assert_string_equal(request.url, "before");
	configure(place, "");
	refuse(place, &full_ask, ERR_CONFIG);
}

static void check_usable(struct place *place, bool wanted, const char *words)
{
	struct buf line;

	buf_init(&line, 512);
	assert_int_equal(provider_smile_v1.usable(place->settings, &line), wanted);
	assert_string_equal(buf_str(&line), words);
	buf_free(&line);
}

static void test_usable(void **state)
{
	struct place *place = *state;

	configure(place, PARTNER);
	check_usable(
	    place, true, "partner 085 at https://testapi.smileidentity.com, product enhanced");
	assert_int_equal(chmod(place->key, 0604), 0);
	check_usable(place, false, "smile_api_key_file cannot be read, or others may read it");
	configure(place, "");
	check_usable(place, false, "not configured: smile_partner_id is empty");
	assert_ptr_equal(provider_driver_find("smile_v1"), &provider_smile_v1);
	assert_true(provider_smile_v1.dials);
	assert_null(provider_driver_find("smile_v9"));
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signs_the_vectors),
		cmocka_unit_test(test_sign_refuses_what_is_too_long),
		WITH_PLACE(test_recognises_the_vectors),
		WITH_PLACE(test_refuses_every_changed_signature),
		WITH_PLACE(test_is_signed_needs_both_members),
		WITH_PLACE(test_api_key),
		WITH_PLACE(test_submit_enhanced),
		WITH_PLACE(test_submit_basic),
		WITH_PLACE(test_submit_leaves_out_what_is_unknown),
		WITH_PLACE(test_submit_uses_the_providers_words),
		WITH_PLACE(test_submit_with_callback),
		WITH_PLACE(test_poll),
		WITH_PLACE(test_timestamp_moves),
		WITH_PLACE(test_requests_that_cannot_be_built),
		WITH_PLACE(test_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
