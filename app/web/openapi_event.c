/* SPDX-License-Identifier: Apache-2.0 */
/* openapi_event.c describes what we send to webhook endpoints (contract/webhooks.md). */
#include "openapi_private.h"

#include "field.h"
#include "sets.h"
#include "state.h"

/* ---- what the events are about --------------------------------------------------------------------------- */

static const struct field test_rows[] = {
	{ .type = FIELD_TEXT,
	    .name = "webhook_id",
	    .sentence = "The endpoint, as the family that made it spells its id.",
	    .example = "\"wh_01h455vb4pex5vsknk084sn02q\"" },
	{ .type = FIELD_TEXT,
	    .name = "message",
	    .sentence = "For people.",
	    .example = "\"This is a test of your webhook.\"" },
};
static const struct field_set test_set = DOCUMENT_SET("WebhookTestData", test_rows);

static const struct field disabled_rows[] = {
	{ .type = FIELD_ID, .name = "id", .id_kind = ID_WEBHOOK, .sentence = "The endpoint." },
	{ .type = FIELD_TEXT,
	    .name = "url",
	    .sentence = "Where it is.",
	    .example = "\"https://your-app.com/webhooks\"" },
	{ .type = FIELD_WORD,
	    .name = "reason",
	    .words = &disabled_reason_words,
	    .sentence = "gone: it answered 410. failing: days of nothing but failures.",
	    .example = "\"failing\"" },
	{ .type = FIELD_TIME, .name = "disabled_at", .sentence = "Since when." },
};
static const struct field_set disabled_set = DOCUMENT_SET("WebhookDisabledData", disabled_rows);

static const struct field low_balance_rows[] = {
	{ .type = FIELD_TEXT,
	    .name = "organization_id",
	    .sentence = "Whose balance it is.",
	    .example = "\"org_01h455vb4pex5vsknk084sn02q\"" },
	{ .type = FIELD_INT,
	    .name = "balance",
	    .max = LIMIT_TOKENS,
	    .sentence = "What is left.",
	    .example = "99" },
	{ .type = FIELD_INT,
	    .name = "threshold",
	    .max = LIMIT_TOKENS,
	    .sentence = "The line it came below.",
	    .example = "100" },
};
static const struct field_set low_balance_set =
    DOCUMENT_SET("BillingLowBalanceData", low_balance_rows);

static const struct field age_rows[] = {
	{ .type = FIELD_ID,
	    .name = "verificationId",
	    .id_kind = ID_VERIFICATION,
	    .sentence = "The age verification." },
	{ .type = FIELD_TEXT,
	    .name = "externalId",
	    .sentence = "Your own name for the person.",
	    .example = "\"user_abc123\"" },
	{ .type = FIELD_WORD,
	    .name = "status",
	    .words = &age_status_words,
	    .sentence = "How it stands.",
	    .example = "\"approved\"" },
	{ .type = FIELD_WORD,
	    .name = "level",
	    .words = &age_level_words,
	    .sentence = "What was submitted for.",
	    .example = "\"full_age\"" },
	{ .type = FIELD_BOOL, .name = "isVerified", .sentence = "True when it was approved." },
	{ .type = FIELD_TIME,
	    .name = "expiresAt",
	    .flags = FIELD_NULLABLE,
	    .sentence = "Until when it counts; null: for good, or it does not count." },
	{ .type = FIELD_TIME, .name = "createdAt", .sentence = "When it was submitted." },
	{ .type = FIELD_TIME, .name = "updatedAt", .sentence = "When it last changed." },
};
static const struct field_set age_set = DOCUMENT_SET("AgeEventData", age_rows);

/* One row per event that is sent. */
static const struct event_row {
	enum event_type type;
	const char *operation;
	const char *summary;
	const struct field_set *data;
} event_rows[] = {
	{ EVENT_VERIFICATION_COMPLETED, "onVerificationCompleted", "A verification was approved",
	    &verification_full },
	{ EVENT_VERIFICATION_FAILED, "onVerificationFailed",
	    "A verification was declined or ended in an error", &verification_full },
	{ EVENT_WEBHOOK_TEST, "onWebhookTest", "The test of an endpoint", &test_set },
	{ EVENT_WEBHOOK_DISABLED, "onWebhookDisabled",
	    "An endpoint was disabled because it did not take its deliveries", &disabled_set },
	{ EVENT_BILLING_LOW_BALANCE, "onBillingLowBalance",
	    "The organisation's token balance came below its line", &low_balance_set },
	{ EVENT_SESSION_CREATED, "onSessionCreated",
	    "A session was created in the plain family, as the next ones", &session_record },
	{ EVENT_SESSION_SUBMITTED, "onSessionSubmitted", "Its person submitted", &session_record },
	{ EVENT_SESSION_VERIFIED, "onSessionVerified", "It was verified", &session_record },
	{ EVENT_SESSION_REJECTED, "onSessionRejected", "It was rejected", &session_record },
	{ EVENT_SESSION_FAILED, "onSessionFailed", "Its last attempt failed", &session_record },
	{ EVENT_AGE_COMPLETED, "onAgeCompleted", "An age verification was decided", &age_set },
	{ EVENT_AGE_REVIEW, "onAgeReview", "An age verification waits for a reviewer", &age_set },
};

/* ---- events that carry claims: encrypted, or not sent (contract/sessions.md) --------------------------------- */

static const struct field shared_rows[] = {
	{ .type = FIELD_JSON,
	    .name = "claims",
	    .sentence = "By claim; null what the person declined, or nothing is known of.",
	    .example = "{\"age_over_18\":true}" },
	{ .type = FIELD_TEXTS,
	    .name = "selected_field_keys",
	    .item_max = LIMIT_NAME,
	    .sentence = "What the person agreed to, in alphabetical order.",
	    .example = "[\"age_over_18\"]" },
};
static const struct field_set shared_set = DOCUMENT_SET("AttemptSucceededData", shared_rows);

static const struct field failure_rows[] = {
	{ .type = FIELD_WORD,
	    .name = "failure_code",
	    .words = &attempt_failure_words,
	    .sentence = "Why.",
	    .example = "\"document_data_invalid\"" },
};
static const struct field_set failure_set = DOCUMENT_SET("AttemptFailedData", failure_rows);

static const struct field_set nothing_set = { .name = "NoData" };

static const struct field metadata_rows[] = {
	{ .type = FIELD_INT,
	    .name = "contract_version",
	    .min = 1,
	    .max = 1,
	    .sentence = "Of the share contract." },
	{ .type = FIELD_ID, .name = "event_id", .id_kind = ID_EVENT, .sentence = "The event." },
	{ .type = FIELD_ID,
	    .name = "verification_attempt_id",
	    .id_kind = ID_SESSION_ATTEMPT,
	    .flags = FIELD_OPTIONAL,
	    .sentence = "The attempt; there where it is about one." },
	{ .type = FIELD_ID,
	    .name = "verification_session_id",
	    .id_kind = ID_SESSION,
	    .sentence = "The session." },
};
static const struct field_set metadata_set = DOCUMENT_SET("SessionEventMetadata", metadata_rows);

static const struct event_row sealed_rows[] = {
	{ EVENT_ATTEMPT_SUCCEEDED, "onAttemptSucceeded", "A person was verified", &shared_set },
	{ EVENT_ATTEMPT_FAILED, "onAttemptFailed", "An attempt failed", &failure_set },
	{ EVENT_SESSION_EXPIRED, "onSessionExpired", "Nobody finished a session in time",
	    &nothing_set },
	{ EVENT_SESSION_CANCELLED, "onSessionCancelled", "A session was cancelled", &nothing_set },
};

/* ---- how it is signed --------------------------------------------------------------------------------------- */

static const struct signature_row {
	const char *name;
	const char *component;
	bool required;
	const char *example;
	const char *sentence;
} signature_rows[] = {
	{ "webhook-id", "WebhookIdHeader", true, "evt_01h455vb4pex5vsknk084sn02q",
	    "The event's id, the same at every attempt: what to know doubles by." },
	{ "webhook-timestamp", "WebhookTimestamp", true, "1777629000",
	    "Unix seconds of this attempt. Refuse what is more than five minutes off." },
	{ "webhook-signature", "WebhookSignature", true,
	    "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
	    "Signatures as Standard Webhooks describe them, one blank between: `v1,` and the base64 "
	    "of an HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}` under the bytes that "
	    "the secret has behind `whsec_`; with an Ed25519 key also `v1a,`." },
	{ "X-Kayle-Delivery-Id", "KayleDeliveryId", false, "whd_01h455vb4pex5vsknk084sn02q",
	    "The delivery; to endpoints of the session family." },
	{ "X-Kayle-Event", "KayleEvent", false, "verification.completed",
	    "The event's type; to endpoints of the session family." },
	{ "X-Kayle-Signature", "KayleSignature", false,
	    "t=1777629000,"
	    "v1=2f2d0b6d1c0e5a3f9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a",
	    "`t=<unix seconds>,v1=<hex>` of an HMAC-SHA256 over `{t}.{body}` under the whole secret "
	    "text; to endpoints of the session family." },
	{ "deepidv-signature", "LegacySecret", false, "whsec_…",
	    "The bare secret, only where the endpoint asked for it with legacy_secret_header." },
};

static json_t *signature_headers(struct openapi *doc)
{
	json_t *array = json_array();

	for (size_t i = 0; i < countof(signature_rows); i++) {
		const struct signature_row *row = &signature_rows[i];
		if (json_object_get(doc->parameters, row->component) == NULL)
			openapi_set(doc, doc->parameters, row->component,
			    json_pack("{s:s, s:s, s:b, s:s, s:{s:s}, s:s}", "name", row->name, "in",
				"header", "required", row->required, "description", row->sentence,
				"schema", "type", "string", "example", row->example));
		json_array_append_new(array, openapi_ref("parameters", row->component));
	}
	return array;
}

/* ---- one event ------------------------------------------------------------------------------------------------ */

static json_t *event_schema(struct openapi *doc, const struct event_row *row)
{
	const char *type = event_type_word(row->type);

	return json_pack("{s:s, s:b, s:{s:{s:s, s:s}, s:{s:s, s:s}, s:o, s:{s:s, s:s, s:s}}, "
			 "s:[s, s, s, s]}",
	    "type", "object", "additionalProperties", 0, "properties", "event", "type", "string",
	    "const", type, "type", "type", "string", "const", type, "data",
	    openapi_set_ref(doc, row->data, true), "timestamp", "type", "string", "format",
	    "date-time", "description", "When it happened.", "required", "event", "type", "data",
	    "timestamp");
}

static json_t *event_example(const struct event_row *row)
{
	const char *type = event_type_word(row->type);

	return json_pack("{s:s, s:s, s:o, s:s}", "event", type, "type", type, "data",
	    openapi_example(row->data, true), "timestamp", "2026-05-01T10:30:00Z");
}

static json_t *event_body(struct openapi *doc, const struct event_row *row)
{
	json_t *content = openapi_json_content(doc, event_schema(doc, row), event_example(row));

	/* To an endpoint with an encryption key: the same, as a compact JWE. */
	openapi_set(doc, content, "application/jose",
	    json_pack("{s:{s:s, s:s}}", "schema", "type", "string", "description",
		"To an endpoint with an active encryption key: the JSON body as a compact JWE, "
		"RSA-OAEP-256 and A256GCM."));
	return json_pack("{s:b, s:o}", "required", 1, "content", content);
}

static json_t *event_responses(void)
{
	return json_pack("{s:{s:s}, s:{s:s}, s:{s:s}}", "2XX", "description",
	    "Delivered. Answer within 15 seconds and do the work afterwards.", "410", "description",
	    "Disables the endpoint at once.", "default", "description",
	    "A failure: it is sent again, ten times over three days, with the same webhook-id.");
}

static const char how_sent[] =
    "Sent to every enabled endpoint that subscribed to it. Check `webhook-signature` over the raw body "
    "before you believe it, answer with any 2xx, and expect to see a `webhook-id` twice now and then. "
    "No answer, or another one: it is sent again.";

static const char how_sealed[] =
    "Sent to every enabled endpoint that subscribed to it, and only encrypted: to one without an active "
    "encryption key nothing is sent, and its delivery has failed. Check `webhook-signature` over the raw "
    "body before you decrypt it, answer with any 2xx, and expect to see an event twice now and then.";

/* What is encrypted is described as what the text holds (JSON Schema 2020-12, contentSchema). */
static json_t *sealed_body(struct openapi *doc, const struct event_row *row)
{
	json_t *schema = json_pack("{s:s, s:b, s:{s:o, s:o, s:{s:s, s:s}}, s:[s, s, s]}", "type",
	    "object", "additionalProperties", 0, "properties", "data",
	    openapi_set_ref(doc, row->data, true), "metadata",
	    openapi_set_ref(doc, &metadata_set, true), "type", "type", "string", "const",
	    event_type_word(row->type), "required", "data", "metadata", "type");

	return json_pack("{s:b, s:{s:{s:{s:s, s:s, s:s, s:o}}}}", "required", 1, "content",
	    "application/jose", "schema", "type", "string", "description",
	    "A compact JWE, RSA-OAEP-256 and A256GCM, of this JSON.", "contentMediaType",
	    "application/json", "contentSchema", schema);
}

/* Takes over the body. */
static void add_event(struct openapi *doc, const struct event_row *row, const char *how,
    json_t *body, json_t *webhooks)
{
	openapi_set(doc, webhooks, event_type_word(row->type),
	    json_pack("{s:{s:s, s:[s], s:s, s:s, s:[], s:o, s:o, s:o}}", "post", "operationId",
		row->operation, "tags", "webhooks", "summary", row->summary, "description", how,
		"security", "parameters", signature_headers(doc), "requestBody", body, "responses",
		event_responses()));
}

json_t *openapi_webhooks(struct openapi *doc)
{
	json_t *webhooks = json_object();

	for (size_t i = 0; i < countof(event_rows); i++)
		add_event(doc, &event_rows[i], how_sent, event_body(doc, &event_rows[i]), webhooks);
	for (size_t i = 0; i < countof(sealed_rows); i++)
		add_event(
		    doc, &sealed_rows[i], how_sealed, sealed_body(doc, &sealed_rows[i]), webhooks);
	return webhooks;
}
