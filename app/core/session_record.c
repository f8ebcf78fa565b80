/* SPDX-License-Identifier: Apache-2.0 */
/* session_record.c writes the plain family's object (reference/four.md section 2.4). */
#include "session.h"

#include "clock.h"
#include "id.h"

/* Ids of this family are UUIDs; none is null. NULL when memory is out, as the next ones. */
static json_t *id_json(struct uuid id)
{
	char text[ID_TEXT_SIZE];

	if (uuid_is_nil(id))
		return json_null();
	id_text(ID_UUID, id, text);
	return json_string(text);
}

static json_t *time_json(int64_t time_ms)
{
	char text[TIME_TEXT_SIZE];

	if (time_ms == TIME_NONE)
		return json_null();
	time_text(time_ms, text);
	return json_string(text);
}

/* This family writes its words in capitals. */
static json_t *capitals(const char *word)
{
	char text[64];
	size_t len = 0;

	while (word[len] != '\0' && len < sizeof(text) - 1) {
		char c = word[len];
		text[len++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	text[len] = '\0';
	return json_string(text);
}

/* How far the person came: it is not undone by the session's end. */
static const char *progress_of(const struct session *session)
{
	if (session->status == SESSION_SUBMITTED || session->status == SESSION_VERIFIED ||
	    session->status == SESSION_REJECTED || session->status == SESSION_FAILED)
		return "COMPLETED";
	return session->started_at_ms == TIME_NONE ? "PENDING" : "STARTED";
}

static json_t *failures_json(const struct session *session)
{
	json_t *attempts = json_array();

	if (session->failed_count == 0) {
		json_decref(attempts);
		return json_null();
	}
	for (size_t i = 0; i < session->attempts_read; i++) {
		const struct session_attempt *a = &session->attempts[i];
		if (a->status == TRY_FAILED && a->failure_code != NULL)
			json_array_append_new(attempts,
			    json_pack("{s:o, s:n, s:o}", "reason", capitals(a->failure_code),
				"slot", "failedAt", time_json(a->completed_at_ms)));
	}
	return json_pack("{s:I, s:o}", "failedAttempts", (json_int_t)session->failed_count,
	    "attempts", attempts);
}

static json_t *meta_json(const struct session *session)
{
	return json_pack("{s:o, s:{s:s, s:s}}", "failureData", failures_json(session),
	    "invitations", "email", invite_state_word(session->invite_email), "phone",
	    invite_state_word(session->invite_phone));
}

/* Members of services that this server has no part of: there, because they are documented, and null. */
static const char *const absent[] = { "permalink_id", "location", "bank_statement_request_id",
	"deep_sign_id", "face_liveness_session_id", "uploads", "analysis_data" };

json_t *session_record_json(const struct session *session)
{
	bool plain = uuid_is_nil(session->workflow_id);
	json_t *record = json_pack("{s:o, s:o, s:n, s:n, s:s?, s:o, s:s, s:s, s:o, s:o, s:o, s:o, "
				   "s:o, s:o, s:s?, s:o}",
	    "id", id_json(session->id), "organization_id", id_json(session->organization_id),
	    "user_id", "sender_user_id", "external_id", session->external_id, "status",
	    capitals(session->status_word), "type", plain ? "verification" : "session",
	    "session_progress", progress_of(session), "created_at",
	    time_json(session->created_at_ms), "updated_at", time_json(session->updated_at_ms),
	    "submitted_at", time_json(session->submitted_at_ms), "workflow_id",
	    id_json(session->workflow_id), "workflow_steps", json_words(session->workflow_steps),
	    "expires_at", time_json(session->expires_at_ms), "redirect_url", session->redirect_url,
	    "meta_data", meta_json(session));
	bool ok = record != NULL;

	for (size_t i = 0; ok && i < countof(absent); i++)
		ok = json_object_set_new(record, absent[i], json_null()) == 0;
	if (!ok) {
		json_decref(record);
		return NULL;
	}
	return record;
}
