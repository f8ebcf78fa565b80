/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smile_answer.c reads what Smile ID answers. Everything in it is untrusted: each member is
 * looked at for type and length, unknown ones are passed over, photos are dropped unread, and
 * what no table knows becomes an error for a person, never an approval.
 */
#include "smile.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "str.h"

#define KEY_SIZE 256
#define TIMESTAMP_SIZE 64

/* contract/provider.md, ResultCodes; one row each. */
static const struct {
	const char *code;
	enum answer_outcome outcome;
	enum ver_reason reason;
} results[] = {
	{ "1012", OUTCOME_COMPARE, REASON_NONE },
	{ "1013", OUTCOME_DECLINED, REASON_NOT_FOUND },
	{ "1014", OUTCOME_ERROR, REASON_BAD_NUMBER },
	{ "1015", OUTCOME_RETRY, REASON_NONE },
	{ "1016", OUTCOME_CONFIG, REASON_CONFIG },
	{ "1020", OUTCOME_APPROVED, REASON_NONE },
	{ "1021", OUTCOME_PARTIAL, REASON_NONE },
	{ "1022", OUTCOME_DECLINED, REASON_MISMATCH },
	{ "1023", OUTCOME_DECLINED, REASON_NOT_FOUND },
};

/* Errors before a job exists (the provider's page on error codes). */
static const struct {
	const char *code;
	enum answer_fault fault;
} faults[] = {
	{ "2201", FAULT_UNAVAILABLE },
	{ "2301", FAULT_UNAVAILABLE },
	{ "2401", FAULT_UNAVAILABLE },
	{ "2203", FAULT_INPUT },
	{ "2204", FAULT_INPUT },
	{ "2205", FAULT_AUTH },
	{ "2405", FAULT_AUTH },
	{ "2207", FAULT_INPUT },
	{ "2208", FAULT_INPUT },
	{ "2209", FAULT_INPUT },
	{ "2210", FAULT_INPUT },
	{ "2211", FAULT_INPUT },
	{ "2212", FAULT_INPUT },
	{ "2213", FAULT_INPUT },
	{ "2216", FAULT_INPUT },
	{ "2413", FAULT_INPUT },
	{ "2220", FAULT_CONFIG },
	{ "2221", FAULT_CONFIG },
	{ "2222", FAULT_RATE },
};
#define CODE_EXISTS "2215"

/* ---- signatures -------------------------------------------------------------------------------------- */

bool smile_is_signed(const struct settings *settings, const json_t *object)
{
	char key[KEY_SIZE] = "", timestamp[TIMESTAMP_SIZE], expected[SMILE_SIGNATURE_SIZE];
	const char *signature = json_get_text(object, "signature");
	bool right = false;

	/* The timestamp is signed as it is written, a text or an integer. */
	if (signature != NULL &&
	    json_get_loose(object, "timestamp", timestamp, sizeof(timestamp)) == ERR_OK &&
	    smile_api_key(settings, key, sizeof(key)) == ERR_OK &&
	    smile_sign(key, timestamp, settings->smile_partner_id, expected) == ERR_OK)
		right = equal_secret(expected, strlen(expected), signature, strlen(signature));
	wipe(key, sizeof(key));
	wipe(expected, sizeof(expected));
	return right;
}

/*
 * The forms seen of a timestamp: RFC 3339 with a zone, the same without one (UTC), or integer
 * milliseconds.
 */
static bool read_timestamp(const char *text, int64_t *ret_time_ms)
{
	char zoned[TIMESTAMP_SIZE + 1];
	bool is_date;

	if (str_to_i64(text, 0, INT64_MAX, ret_time_ms) == ERR_OK)
		return true;
	if (time_parse(text, ret_time_ms, &is_date) == ERR_OK)
		return !is_date;
	int len = snprintf(zoned, sizeof(zoned), "%sZ", text);
	return len > 0 && (size_t)len < sizeof(zoned) &&
	       time_parse(zoned, ret_time_ms, &is_date) == ERR_OK;
}

static bool is_fresh(const struct settings *settings, const json_t *object)
{
	char timestamp[TIMESTAMP_SIZE];
	int64_t time_ms, now_ms = clock_now_ms();

	return json_get_loose(object, "timestamp", timestamp, sizeof(timestamp)) == ERR_OK &&
	       read_timestamp(timestamp, &time_ms) &&
	       time_ms >= now_ms - settings->smile_fresh_back_s * 1000 &&
	       time_ms <= now_ms + settings->smile_fresh_ahead_s * 1000;
}

/* ---- results ----------------------------------------------------------------------------------------- */

/* The words Actions uses for a comparison. Transposed names are the same names. */
static enum match read_match(const json_t *actions, const char *member)
{
	static const struct {
		const char *word;
		enum match match;
	} words[] = { { "Exact Match", MATCH_EXACT }, { "Partial Match", MATCH_PARTIAL },
		{ "Transposed", MATCH_PARTIAL }, { "No Match", MATCH_NONE },
		{ "Not Provided", MATCH_NOT_PROVIDED } };
	const char *text = json_get_text(actions, member);

	for (size_t i = 0; text != NULL && i < countof(words); i++) {
		if (strcmp(words[i].word, text) == 0)
			return words[i].match;
	}
	return MATCH_UNKNOWN;
}

/* Missing values are words too. */
static const char *read_fact(struct ctx *ctx, const json_t *object, const char *member)
{
	static const char *const absent[] = { "", "Not Available", "Not Applicable", "N/A" };
	const char *text = json_get_text(object, member);

	for (size_t i = 0; text != NULL && i < countof(absent); i++) {
		if (strcmp(absent[i], text) == 0)
			return NULL;
	}
	return arena_strdup(ctx->arena, text);
}

/* Some registers give the parts of a name and no whole. */
static const char *read_name(struct ctx *ctx, const json_t *object)
{
	const char *full = read_fact(ctx, object, "FullName");
	const char *first = read_fact(ctx, object, "FirstName");
	const char *others = read_fact(ctx, object, "OtherNames");
	const char *last = read_fact(ctx, object, "LastName");

	if (full != NULL || first == NULL || last == NULL)
		return full;
	return arena_printf(ctx->arena, "%s %s %s", first, others == NULL ? "" : others, last);
}

static void look_up_result(struct provider_answer *answer)
{
	answer->result.outcome = OUTCOME_ERROR;
	answer->result.reason = REASON_UNKNOWN;
	for (size_t i = 0; i < countof(results); i++) {
		if (strcmp(results[i].code, answer->code) != 0)
			continue;
		answer->result.outcome = results[i].outcome;
		answer->result.reason = results[i].reason;
	}
}

/* "true" or true; only a final result ends anything. */
static bool is_final(const json_t *object)
{
	const json_t *flag = json_object_get(object, "IsFinalResult");
	const char *text = json_string_value(flag);

	return json_is_true(flag) || (text != NULL && ascii_equal_nocase(text, "true"));
}

static void read_result(struct ctx *ctx, const json_t *object, struct provider_answer *answer)
{
	const json_t *actions = json_object_get(object, "Actions");

	answer->kind = ANSWER_PENDING;
	if (!json_is_object(object) || !is_final(object))
		return;
	answer->kind = ANSWER_FINAL;
	if (json_get_loose(object, "ResultCode", answer->code, sizeof(answer->code)) != ERR_OK)
		answer->code[0] = '\0';
	look_up_result(answer);
	answer->result.names = read_match(actions, "Names");
	answer->result.dob = read_match(actions, "DOB");
	answer->result.full_name = read_name(ctx, object);
	answer->result.date_of_birth = read_fact(ctx, object, "DOB");
	/* A register that says its person is dead approves nobody. */
	if (json_is_false(json_object_get(object, "IsAlive"))) {
		answer->result.outcome = OUTCOME_ERROR;
		answer->result.reason = REASON_REVIEW;
	}
}

/* ---- failures ---------------------------------------------------------------------------------------- */

static void fail(struct provider_answer *answer, enum answer_safety safety, enum answer_fault fault)
{
	answer->kind = ANSWER_FAILED;
	answer->safety = safety;
	answer->fault = fault;
}

/* The error shape: {"code","error"}. The provider makes no job then. */
static void read_error(const json_t *object, long status, struct provider_answer *answer)
{
	enum answer_fault fault = status == 429   ? FAULT_RATE
				  : status >= 500 ? FAULT_UNAVAILABLE
						  : FAULT_UNKNOWN;

	if (json_get_loose(object, "code", answer->code, sizeof(answer->code)) != ERR_OK)
		answer->code[0] = '\0';
	if (strcmp(answer->code, CODE_EXISTS) == 0) {
		answer->kind = ANSWER_EXISTS;
		return;
	}
	for (size_t i = 0; i < countof(faults); i++) {
		if (strcmp(faults[i].code, answer->code) == 0)
			fault = faults[i].fault;
	}
	fail(answer, SAFETY_NOT_SUBMITTED, fault);
}

static struct provider_answer answer_of(const struct provider_reply *reply)
{
	return (struct provider_answer){ .retry_after_s = reply->retry_after_s };
}

/* The JSON object of an answer, or NULL. */
static json_t *read_object(const struct provider_reply *reply)
{
	json_t *object = NULL;

	if (json_read(reply->body, reply->body_len, &object, NULL) != ERR_OK)
		return NULL;
	if (!json_is_object(object)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* Nothing the provider documents: a broken proxy, a cut answer. Whether a job was made cannot be
 * told, except that "too many requests" makes none. */
static void read_nonsense(const struct provider_reply *reply, struct provider_answer *answer)
{
	if (reply->status == 429)
		fail(answer, SAFETY_NOT_SUBMITTED, FAULT_RATE);
	else
		fail(answer, SAFETY_MAYBE, FAULT_UNAVAILABLE);
}

/* A member that is there and not null. */
static bool says(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	return value != NULL && !json_is_null(value);
}

void smile_submit_answer(
    struct ctx *ctx UNUSED, const struct provider_reply *reply, struct provider_answer *ret_answer)
{
	struct provider_answer answer = answer_of(reply);
	json_t *object = reply->wire == WIRE_ANSWERED ? read_object(reply) : NULL;

	if (reply->wire == WIRE_NOT_SENT)
		fail(&answer, SAFETY_NOT_SUBMITTED, FAULT_UNAVAILABLE);
	else if (reply->wire == WIRE_UNKNOWN)
		fail(&answer, SAFETY_MAYBE, FAULT_UNAVAILABLE);
	else if (object == NULL)
		read_nonsense(reply, &answer);
	else if (reply->status == 200 && !says(object, "error") &&
		 json_is_true(json_object_get(object, "success")))
		answer.kind = ANSWER_ACCEPTED;
	else if (says(object, "error") || says(object, "code"))
		read_error(object, reply->status, &answer);
	else
		read_nonsense(reply, &answer);
	/* A server's own failure may come after it took the job. */
	if (answer.kind == ANSWER_FAILED && reply->status >= 500 &&
	    answer.fault == FAULT_UNAVAILABLE)
		answer.safety = SAFETY_MAYBE;
	json_decref(object);
	*ret_answer = answer;
}

static void read_status(
    struct ctx *ctx, const json_t *object, long status, struct provider_answer *answer)
{
	if (status == 200 && !says(object, "error")) {
		/* An unsigned or wrongly signed answer is no answer: ask again. */
		if (!smile_is_signed(ctx->settings, object))
			fail(answer, SAFETY_SUBMITTED, FAULT_UNAVAILABLE);
		else if (json_is_true(json_object_get(object, "job_complete")))
			read_result(ctx, json_object_get(object, "result"), answer);
		else
			answer->kind = ANSWER_PENDING;
		return;
	}
	read_error(object, status, answer);
	answer->safety = SAFETY_SUBMITTED;
	/* A detour, or an object that somebody on the way made up, says nothing about the job. */
	bool is_theirs = says(object, "error") || says(object, "code");
	if (answer->fault == FAULT_UNKNOWN && (!is_theirs || (status != 200 && status < 400)))
		answer->fault = FAULT_UNAVAILABLE;
	/* Which code says "no such job" is not documented. Submitting the same job again is safe
	 * either way: a job that does exist is answered by CODE_EXISTS. */
	if (answer->fault == FAULT_UNKNOWN && status >= 400 && status < 500)
		answer->kind = ANSWER_UNKNOWN_JOB;
}

void smile_poll_answer(
    struct ctx *ctx, const struct provider_reply *reply, struct provider_answer *ret_answer)
{
	struct provider_answer answer = answer_of(reply);
	json_t *object = reply->wire == WIRE_ANSWERED ? read_object(reply) : NULL;

	if (object == NULL)
		fail(&answer, SAFETY_SUBMITTED,
		    reply->status == 429 ? FAULT_RATE : FAULT_UNAVAILABLE);
	else
		read_status(ctx, object, reply->status, &answer);
	json_decref(object);
	*ret_answer = answer;
}

/* ---- callbacks --------------------------------------------------------------------------------------- */

void smile_callback_read(
    struct ctx *ctx, const char *body, size_t len, struct provider_callback_in *ret_callback)
{
	struct provider_callback_in in = { .verdict = CALLBACK_MALFORMED };
	json_t *object = NULL;
	enum err err = json_read(body, len, &object, NULL);
	const json_t *params = err == ERR_OK ? json_object_get(object, "PartnerParams") : NULL;

	if (err == ERR_OK && json_is_object(object)) {
		if (json_get_loose(params, "job_id", in.job_id, sizeof(in.job_id)) != ERR_OK)
			in.job_id[0] = '\0';
		if (json_get_loose(object, "ResultCode", in.code, sizeof(in.code)) != ERR_OK)
			in.code[0] = '\0';
		if (in.job_id[0] == '\0')
			in.verdict = CALLBACK_MALFORMED;
		else if (!smile_is_signed(ctx->settings, object))
			in.verdict = CALLBACK_FORGED;
		else if (!is_fresh(ctx->settings, object))
			in.verdict = CALLBACK_OLD;
		else
			in.verdict = CALLBACK_HINT;
	}
	/* What an ascii column cannot hold is not one of our jobs or a code. */
	for (char *c = in.job_id; *c != '\0'; c++)
		*c = (unsigned char)*c > 0x7e ? '?' : *c;
	for (char *c = in.code; *c != '\0'; c++)
		*c = (unsigned char)*c > 0x7e ? '?' : *c;
	json_decref(object);
	*ret_callback = in;
}
