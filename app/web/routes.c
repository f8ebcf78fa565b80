/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.c is the route table: every address the product answers, one row each. The gate reads
 * the rows; so do the metrics and the document. Field sets stand beside their handlers.
 */
#include "scope.h"
#include "sets.h"
#include "stmt.h"
#include "web.h"

#define HANDLER(function) .handler = function, .statement = -1

static const enum err verify_errors[] = { ERR_VALIDATION, ERR_UNSUPPORTED_ID_TYPE,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS,
	ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err verify_live_errors[] = { ERR_VALIDATION, ERR_UNSUPPORTED_ID_TYPE,
	ERR_INSUFFICIENT_TOKENS, ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE,
	ERR_IDEMPOTENCY_IN_PROGRESS, ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err query_errors[] = { ERR_VALIDATION, ERR_OK };
static const enum err verification_errors[] = { ERR_VERIFICATION_NOT_FOUND, ERR_OK };
static const enum err erase_errors[] = { ERR_VERIFICATION_NOT_FOUND, ERR_RECORD_KEPT, ERR_OK };
static const enum err score_errors[] = { ERR_VALIDATION, ERR_INSUFFICIENT_TOKENS,
	ERR_VERIFICATION_NOT_FOUND, ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE,
	ERR_IDEMPOTENCY_IN_PROGRESS, ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err key_errors[] = { ERR_VALIDATION, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS, ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err key_rotate_errors[] = { ERR_VALIDATION, ERR_KEY_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS,
	ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err key_gone_errors[] = { ERR_KEY_NOT_FOUND, ERR_OK };
static const enum err webhook_errors[] = { ERR_VALIDATION, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS, ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err webhook_gone_errors[] = { ERR_WEBHOOK_NOT_FOUND, ERR_OK };
static const enum err webhook_test_errors[] = { ERR_VALIDATION, ERR_WEBHOOK_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err endpoint_errors[] = { ERR_ENDPOINT_NOT_FOUND, ERR_OK };
static const enum err endpoint_body_errors[] = { ERR_VALIDATION, ERR_ENDPOINT_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err whkey_make_errors[] = { ERR_VALIDATION, ERR_ENDPOINT_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS,
	ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err whkey_errors[] = { ERR_VALIDATION, ERR_WEBHOOK_KEY_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err delivery_errors[] = { ERR_DELIVERY_NOT_FOUND, ERR_OK };
static const enum err delivery_retry_errors[] = { ERR_VALIDATION, ERR_DELIVERY_NOT_FOUND,
	ERR_DELIVERY_BUSY, ERR_DELIVERY_NO_KEY, ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE,
	ERR_OK };
static const enum err event_errors[] = { ERR_EVENT_NOT_FOUND, ERR_OK };
static const enum err event_replay_errors[] = { ERR_VALIDATION, ERR_EVENT_NOT_FOUND,
	ERR_EVENT_NOT_REPLAYABLE, ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err application_make_errors[] = { ERR_VALIDATION, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS, ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err application_errors[] = { ERR_APPLICATION_NOT_FOUND, ERR_OK };
static const enum err application_body_errors[] = { ERR_VALIDATION, ERR_APPLICATION_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err application_gone_errors[] = { ERR_VALIDATION, ERR_APPLICATION_NOT_FOUND,
	ERR_APPLICATION_IN_USE, ERR_OK };
static const enum err application_key_errors[] = { ERR_VALIDATION, ERR_APPLICATION_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS,
	ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err member_body_errors[] = { ERR_VALIDATION, ERR_MEMBER_NOT_FOUND, ERR_LAST_OWNER,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err member_gone_errors[] = { ERR_MEMBER_NOT_FOUND, ERR_LAST_OWNER,
	ERR_ROLE_FORBIDDEN, ERR_OK };
static const enum err visit_start_errors[] = { ERR_VALIDATION, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_SESSION_ID_INVALID, ERR_SESSION_NOT_FOUND,
	ERR_SESSION_NOT_ACTIVE, ERR_SESSION_EXPIRED, ERR_OK };
static const enum err visit_submit_errors[] = { ERR_VALIDATION, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_UNSUPPORTED_ID_TYPE, ERR_SESSION_NOT_ACTIVE,
	ERR_SESSION_EXPIRED, ERR_OK };
static const enum err visit_cancel_errors[] = { ERR_VALIDATION, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_CANCEL_TOKEN_INVALID, ERR_OK };
static const enum err callback_errors[] = { ERR_NOT_FOUND, ERR_PAYLOAD_TOO_LARGE, ERR_OK };
static const enum err account_errors[] = { ERR_VALIDATION, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err password_errors[] = { ERR_VALIDATION, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_CROWDED, ERR_OK };
static const enum err login_errors[] = { ERR_VALIDATION, ERR_CREDENTIALS_INVALID, ERR_LOCKED_OUT,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_CROWDED, ERR_OK };
static const enum err refresh_errors[] = { ERR_VALIDATION, ERR_TOKEN_INVALID, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err session_make_errors[] = { ERR_VALIDATION, ERR_SHARE_FIELDS,
	ERR_SHARE_CLAIM_UNKNOWN, ERR_SHARE_AGE_GATE, ERR_SHARE_AGE_GATES, ERR_SHARE_REASON_MISSING,
	ERR_SHARE_REASON_LONG, ERR_SHARE_TOO_MANY, ERR_REDIRECT_URL, ERR_INSUFFICIENT_TOKENS,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS,
	ERR_IDEMPOTENCY_MISMATCH, ERR_STEP_ID_VERIFICATION, ERR_PUBLIC_URL_MISSING, ERR_OK };
static const enum err plain_make_errors[] = { ERR_VALIDATION, ERR_REDIRECT_URL,
	ERR_INSUFFICIENT_TOKENS, ERR_WORKFLOW_NOT_FOUND, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS, ERR_IDEMPOTENCY_MISMATCH,
	ERR_STEP_ID_VERIFICATION, ERR_STEP_FACE_LIVENESS, ERR_STEP_AGE_ESTIMATION,
	ERR_STEP_PEP_SANCTIONS, ERR_STEP_ADVERSE_MEDIA, ERR_PUBLIC_URL_MISSING, ERR_OK };
static const enum err session_errors[] = { ERR_SESSION_NOT_FOUND, ERR_OK };
static const enum err session_view_errors[] = { ERR_VALIDATION, ERR_SESSION_NOT_FOUND, ERR_OK };
static const enum err session_end_errors[] = { ERR_VALIDATION, ERR_SESSION_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err plain_decide_errors[] = { ERR_VALIDATION, ERR_SESSION_NOT_FOUND,
	ERR_SESSION_MOVE, ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err workflow_errors[] = { ERR_WORKFLOW_NOT_FOUND, ERR_OK };
static const enum err age_submit_errors[] = { ERR_VALIDATION, ERR_INSUFFICIENT_TOKENS,
	ERR_AGE_NOT_ELIGIBLE, ERR_MEDIA_NOT_FOUND, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_IDEMPOTENCY_IN_PROGRESS, ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err age_errors[] = { ERR_AGE_NOT_FOUND, ERR_OK };
static const enum err record_errors[] = { ERR_RECORD_NOT_FOUND, ERR_OK };
static const enum err alias_errors[] = { ERR_VALIDATION, ERR_RECORD_NOT_FOUND, ERR_RECORD_INACTIVE,
	ERR_RECORD_FULL, ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE,
	ERR_IDEMPOTENCY_IN_PROGRESS, ERR_IDEMPOTENCY_MISMATCH, ERR_OK };
static const enum err record_end_errors[] = { ERR_VALIDATION, ERR_RECORD_NOT_FOUND,
	ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED_MEDIA_TYPE, ERR_OK };
static const enum err upload_errors[] = { ERR_MEDIA_UNFIT, ERR_PAYLOAD_TOO_LARGE,
	ERR_UNSUPPORTED_MEDIA_TYPE, ERR_STORAGE_FULL, ERR_UPLOADS_CROWDED, ERR_OK };
static const enum err media_errors[] = { ERR_VALIDATION, ERR_MEDIA_NOT_FOUND, ERR_OK };
static const enum err no_errors[] = { ERR_OK };

/* What the rows of the session family begin with. */
#define SESSION_ROW(verb, address, name, needed, limits) \
	.method = verb, .path = address, .operation = name, .family = FAMILY_SESSION, \
	.credential = CREDENTIAL_KEY, .scopes = needed, .limit_class = limits
#define SESSIONS_READ(verb, address, name) \
	SESSION_ROW(verb, address, name, SCOPE_SESSIONS_READ, LIMIT_CLASS_READ)
#define SESSIONS_WRITE(verb, address, name) \
	SESSION_ROW(verb, address, name, SCOPE_SESSIONS_WRITE, LIMIT_CLASS_WRITE)
#define SESSION_READ(verb, address, name) \
	SESSION_ROW(verb, address, name, SCOPE_WEBHOOKS_READ, LIMIT_CLASS_READ)
#define SESSION_WRITE(verb, address, name) \
	SESSION_ROW(verb, address, name, SCOPE_WEBHOOKS_WRITE, LIMIT_CLASS_WRITE)

/* What the rows of organisations begin with. */
#define ORGANIZATIONS "/auth/v2/organizations/me/"
#define APPLICATIONS ORGANIZATIONS "{org_id}/applications/"
#define MEMBERS ORGANIZATIONS "{org_id}/members/"
#define PERSON_ROW(verb, address, name, needed) \
	.method = verb, .path = address, .operation = name, .family = FAMILY_ACCOUNT, \
	.credential = CREDENTIAL_TOKEN, .roles = needed, .limit_class = LIMIT_CLASS_ACCOUNT
/* What the rows of a session's page begin with. */
#define PAGE_ROW(verb, step, name, needed) \
	.method = verb, .path = "/v1/verify-session/{id}/" step, .operation = name, \
	.family = FAMILY_PAGE, .credential = needed, .limit_class = LIMIT_CLASS_PAGE

/* What the rows of the plain family begin with. */
#define PLAIN_ROW(verb, address, name, needed, limits) \
	.method = verb, .path = address, .operation = name, .family = FAMILY_PLAIN, \
	.credential = CREDENTIAL_KEY, .scopes = needed, .limit_class = limits
#define PLAIN_READ(verb, address, name) \
	PLAIN_ROW(verb, address, name, SCOPE_SESSIONS_READ, LIMIT_CLASS_READ)
#define PLAIN_WRITE(verb, address, name) \
	PLAIN_ROW(verb, address, name, SCOPE_SESSIONS_WRITE, LIMIT_CLASS_WRITE)

/* What the rows of the age family begin with. */
#define AGE_ROW(verb, address, name, needed) \
	.method = verb, .path = address, .operation = name, .family = FAMILY_AGE, \
	.credential = CREDENTIAL_KEY, .scopes = needed, .limit_class = LIMIT_CLASS_AGE

/* Events have two addresses (contract/sessions.md). */
#define EVENT_ROUTES(path, suffix, words) \
	{ SESSION_READ("GET", path, "listEvents" suffix), \
		.summary = "List events, newest first" words, .query = &event_query, \
		.reply = &event_item, .reply_is_list = true, .success = SUCCESS_OK, \
		.errors = query_errors, HANDLER(event_index) }, \
	    { SESSION_READ("GET", path "/{id}", "getEvent" suffix), \
		    .summary = "Show an event with its deliveries" words, .reply = &event_item, \
		    .success = SUCCESS_OK, .errors = event_errors, HANDLER(event_show) }, \
	{ \
		SESSION_WRITE("POST", path "/{id}/replay", "replayEvent" suffix), \
		    .summary = "Queue the deliveries of an event again" words, \
		    .flags = ROUTE_BODY_MAY_MISS | ROUTE_TX, .body = &no_members, \
		    .reply = &event_item, .success = SUCCESS_ACCEPTED, \
		    .errors = event_replay_errors, HANDLER(event_again) \
	}

/* The keys have two addresses: where RFC 8615 has them, and below the family's own path. */
#define KEY_SET_ROUTE(address, name, words) \
	{ \
		.method = "GET", .path = address, .operation = name, \
		.summary = "The public keys that verify access tokens" words, \
		.family = FAMILY_ACCOUNT, .credential = CREDENTIAL_NONE, \
		.limit_class = LIMIT_CLASS_NONE, .reply = &jwks_item, .success = SUCCESS_OK, \
		.errors = no_errors, HANDLER(jwks_page) \
	}

/* What the rows begin with by which people come in. */
#define ACCOUNT_POST(address, name, limits) \
	.method = "POST", .path = "/auth/v2/programmatic" address, .operation = name, \
	.family = FAMILY_ACCOUNT, .limit_class = limits

const struct route routes[] = {
	{ .method = "POST",
	    .path = "/v1/kyc/sandbox/verify",
	    .operation = "verifySandbox",
	    .summary = "Verify a person in the sandbox, decided at once",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KYC_VERIFY,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX,
	    .body = &verify_request,
	    .reply = &verification_full,
	    .success = SUCCESS_OK,
	    .errors = verify_errors,
	    HANDLER(verify_sandbox) },
	{ .method = "POST",
	    .path = "/v1/kyc/verify",
	    .operation = "verify",
	    .summary = "Verify a person; the outcome follows",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KYC_VERIFY,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX,
	    .body = &verify_request,
	    .reply = &verification_full,
	    .success = SUCCESS_ACCEPTED,
	    .errors = verify_live_errors,
	    HANDLER(verify_live) },
	{ .method = "GET",
	    .path = "/v1/kyc/verifications",
	    .operation = "listVerifications",
	    .summary = "List verifications, newest first",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KYC_READ,
	    .limit_class = LIMIT_CLASS_READ,
	    .query = &verification_query,
	    .reply = &verification_brief,
	    .reply_is_list = true,
	    .success = SUCCESS_OK,
	    .errors = query_errors,
	    HANDLER(verification_page) },
	{ .method = "GET",
	    .path = "/v1/kyc/verifications/{id}",
	    .operation = "getVerification",
	    .summary = "Show one verification",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KYC_READ,
	    .limit_class = LIMIT_CLASS_READ,
	    .reply = &verification_full,
	    .success = SUCCESS_OK,
	    .errors = verification_errors,
	    HANDLER(verification_show) },
	{ .method = "DELETE",
	    .path = "/v1/kyc/verifications/{id}",
	    .operation = "eraseVerification",
	    .summary = "Erase the personal data of a verification, keeping its outcome",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KYC_VERIFY,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_TX,
	    .success = SUCCESS_NO_CONTENT,
	    .errors = erase_errors,
	    HANDLER(verification_remove) },
	{ .method = "POST",
	    .path = "/v1/score/get",
	    .operation = "getScore",
	    .summary = "Score a finished verification",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_SCORE_GET,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX,
	    .body = &score_request,
	    .reply = &score_reply,
	    .success = SUCCESS_OK,
	    .errors = score_errors,
	    HANDLER(score_show) },
	{ .method = "POST",
	    .path = "/v1/keys",
	    .operation = "createKey",
	    .summary = "Create an API key; it is shown once",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KEYS_WRITE,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX,
	    .body = &key_request,
	    .reply = &key_created,
	    .success = SUCCESS_CREATED,
	    .errors = key_errors,
	    HANDLER(key_make) },
	{ .method = "GET",
	    .path = "/v1/keys",
	    .operation = "listKeys",
	    .summary = "List the active API keys",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KEYS_READ,
	    .limit_class = LIMIT_CLASS_READ,
	    .reply = &key_item,
	    .reply_is_list = true,
	    .success = SUCCESS_OK,
	    .errors = no_errors,
	    .statement = ST_key_list,
	    .args = { ARG_APPLICATION, ARG_ENVIRONMENT, ARG_NOW } },
	{ .method = "DELETE",
	    .path = "/v1/keys/{id}",
	    .operation = "revokeKey",
	    .summary = "Revoke an API key everywhere, for good",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KEYS_WRITE,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_TX,
	    .success = SUCCESS_NO_CONTENT,
	    .errors = key_gone_errors,
	    .settle = key_settle,
	    HANDLER(key_remove) },
	{ .method = "POST",
	    .path = "/v1/keys/{id}/rotate",
	    .operation = "rotateKey",
	    .summary = "Replace an API key by a new one; the old one works for a while",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KEYS_WRITE,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX | ROUTE_BODY_MAY_MISS,
	    .body = &key_rotation,
	    .reply = &key_created,
	    .success = SUCCESS_CREATED,
	    .errors = key_rotate_errors,
	    .settle = key_settle,
	    HANDLER(key_replace) },
	{ .method = "POST",
	    .path = "/v1/webhooks",
	    .operation = "createWebhook",
	    .summary = "Register a webhook endpoint; its secret is shown once",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_WEBHOOKS_WRITE,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX,
	    .body = &webhook_request,
	    .reply = &webhook_created,
	    .success = SUCCESS_CREATED,
	    .errors = webhook_errors,
	    .prepare = webhook_prepare,
	    HANDLER(webhook_make) },
	{ .method = "GET",
	    .path = "/v1/webhooks",
	    .operation = "listWebhooks",
	    .summary = "List the webhook endpoints",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_WEBHOOKS_READ,
	    .limit_class = LIMIT_CLASS_READ,
	    .reply = &webhook_item,
	    .reply_is_list = true,
	    .success = SUCCESS_OK,
	    .errors = no_errors,
	    HANDLER(webhook_index) },
	{ .method = "DELETE",
	    .path = "/v1/webhooks/{id}",
	    .operation = "deleteWebhook",
	    .summary = "Delete a webhook endpoint and what is queued for it",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_WEBHOOKS_WRITE,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_TX,
	    .success = SUCCESS_NO_CONTENT,
	    .errors = webhook_gone_errors,
	    HANDLER(webhook_remove) },
	/* No ROUTE_TX: the event must be there for the batch while the answer waits for it. */
	{ .method = "POST",
	    .path = "/v1/webhooks/{id}/test",
	    .operation = "testWebhook",
	    .summary = "Send a test event to a webhook endpoint and wait for its answer",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_WEBHOOKS_WRITE,
	    .limit_class = LIMIT_CLASS_WRITE,
	    .flags = ROUTE_BODY_MAY_MISS,
	    .body = &no_members,
	    .reply = &webhook_trial,
	    .success = SUCCESS_OK,
	    .errors = webhook_test_errors,
	    HANDLER(webhook_try) },
	{ SESSION_WRITE("POST", "/v1/webhooks/endpoints", "createEndpoint"),
	    .summary = "Register a webhook endpoint", .flags = ROUTE_IDEMPOTENT | ROUTE_TX,
	    .body = &endpoint_request, .reply = &endpoint_created, .success = SUCCESS_OK,
	    .errors = webhook_errors, .prepare = endpoint_prepare, HANDLER(endpoint_make) },
	{ SESSION_READ("GET", "/v1/webhooks/endpoints", "listEndpoints"),
	    .summary = "List webhook endpoints, newest first", .query = &endpoint_query,
	    .reply = &endpoint_item, .reply_is_list = true, .success = SUCCESS_OK,
	    .errors = query_errors, HANDLER(endpoint_index) },
	{ SESSION_READ("GET", "/v1/webhooks/endpoints/{id}", "getEndpoint"),
	    .summary = "Show a webhook endpoint", .reply = &endpoint_item, .success = SUCCESS_OK,
	    .errors = endpoint_errors, HANDLER(endpoint_show) },
	{ SESSION_WRITE("PATCH", "/v1/webhooks/endpoints/{id}", "updateEndpoint"),
	    .summary = "Change a webhook endpoint", .flags = ROUTE_TX, .body = &endpoint_change,
	    .reply = &endpoint_item, .success = SUCCESS_OK, .errors = endpoint_body_errors,
	    .prepare = endpoint_change_prepare, HANDLER(endpoint_alter) },
	{ SESSION_WRITE("DELETE", "/v1/webhooks/endpoints/{id}", "deleteEndpoint"),
	    .summary = "Delete a webhook endpoint and what is queued for it", .flags = ROUTE_TX,
	    .reply = &endpoint_gone, .success = SUCCESS_OK, .errors = endpoint_errors,
	    HANDLER(endpoint_remove) },
	{ SESSION_WRITE(
	      "POST", "/v1/webhooks/endpoints/{id}/signing-secret/reveal", "revealSigningSecret"),
	    .summary = "Show the secret that signs deliveries", .flags = ROUTE_BODY_MAY_MISS,
	    .body = &no_members, .reply = &endpoint_secret, .success = SUCCESS_OK,
	    .errors = endpoint_body_errors, HANDLER(endpoint_reveal) },
	{ SESSION_WRITE(
	      "POST", "/v1/webhooks/endpoints/{id}/signing-secret/rotate", "rotateSigningSecret"),
	    .summary = "Make a new secret; the old one signs beside it for a while",
	    .flags = ROUTE_IDEMPOTENT | ROUTE_BODY_MAY_MISS | ROUTE_TX, .body = &rotate_request,
	    .reply = &endpoint_secret, .success = SUCCESS_OK, .errors = whkey_make_errors,
	    HANDLER(endpoint_rotate) },
	/* No ROUTE_TX, as with testWebhook. */
	{ SESSION_WRITE("POST", "/v1/webhooks/endpoints/{id}/test", "testEndpoint"),
	    .summary = "Send a test event to a webhook endpoint and wait for its answer",
	    .flags = ROUTE_BODY_MAY_MISS, .body = &no_members, .reply = &webhook_trial,
	    .success = SUCCESS_OK, .errors = endpoint_body_errors, HANDLER(webhook_try) },
	{ SESSION_WRITE("POST", "/v1/webhooks/endpoints/{id}/keys", "createEncryptionKey"),
	    .summary = "Add the key that payloads are encrypted to from now on",
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX, .body = &whkey_request, .reply = &whkey_item,
	    .success = SUCCESS_OK, .errors = whkey_make_errors, HANDLER(whkey_make) },
	{ SESSION_READ("GET", "/v1/webhooks/endpoints/{id}/keys", "listEncryptionKeys"),
	    .summary = "List the encryption keys of an endpoint, newest first",
	    .query = &whkey_query, .reply = &whkey_item, .reply_is_list = true,
	    .success = SUCCESS_OK, .errors = query_errors, HANDLER(whkey_index) },
	{ SESSION_WRITE("POST", "/v1/webhooks/keys/{id}/deactivate", "deactivateEncryptionKey"),
	    .summary = "Stop encrypting to a key", .flags = ROUTE_BODY_MAY_MISS | ROUTE_TX,
	    .body = &no_members, .reply = &whkey_item, .success = SUCCESS_OK,
	    .errors = whkey_errors, HANDLER(whkey_off) },
	{ SESSION_WRITE("POST", "/v1/webhooks/keys/{id}/reactivate", "reactivateEncryptionKey"),
	    .summary = "Encrypt to a key again, and to no other of its endpoint",
	    .flags = ROUTE_BODY_MAY_MISS | ROUTE_TX, .body = &no_members, .reply = &whkey_item,
	    .success = SUCCESS_OK, .errors = whkey_errors, HANDLER(whkey_on) },
	{ SESSION_READ("GET", "/v1/webhooks/deliveries", "listDeliveries"),
	    .summary = "List deliveries, newest first", .query = &delivery_query,
	    .reply = &delivery_item, .reply_is_list = true, .success = SUCCESS_OK,
	    .errors = query_errors, HANDLER(delivery_index) },
	{ SESSION_READ("GET", "/v1/webhooks/deliveries/{id}", "getDelivery"),
	    .summary = "Show a delivery with its attempts", .reply = &delivery_full,
	    .success = SUCCESS_OK, .errors = delivery_errors, HANDLER(delivery_show) },
	{ SESSION_WRITE("POST", "/v1/webhooks/deliveries/{id}/retry", "retryDelivery"),
	    .summary = "Queue a delivery again, its schedule from the start",
	    .flags = ROUTE_BODY_MAY_MISS | ROUTE_TX, .body = &no_members, .reply = &delivery_item,
	    .success = SUCCESS_OK, .errors = delivery_retry_errors, HANDLER(delivery_again) },
	EVENT_ROUTES("/v1/webhooks/events", "", ""),
	EVENT_ROUTES("/v1/events", "Alias", " (alias)"),
	{ SESSIONS_WRITE("POST", "/v1/sessions", "createSession"),
	    .summary = "Create a verification session",
	    .flags = ROUTE_IDEMPOTENT | ROUTE_BODY_MAY_MISS | ROUTE_TX, .body = &session_request,
	    .reply = &session_item, .success = SUCCESS_OK, .errors = session_make_errors,
	    HANDLER(session_make) },
	{ SESSIONS_READ("GET", "/v1/sessions", "listSessions"),
	    .summary = "List verification sessions, newest first", .query = &session_query,
	    .reply = &session_item, .reply_is_list = true, .success = SUCCESS_OK,
	    .errors = query_errors, HANDLER(session_index) },
	/* Before {id}. */
	{ SESSIONS_READ("GET", "/v1/sessions/attempts", "listSessionAttempts"),
	    .summary = "List attempts, newest first", .query = &session_attempt_query,
	    .reply = &session_attempt_item, .reply_is_list = true, .success = SUCCESS_OK,
	    .errors = query_errors, HANDLER(session_attempt_index) },
	{ SESSIONS_READ("GET", "/v1/sessions/{id}", "getSession"),
	    .summary = "Show a verification session", .query = &session_view,
	    .reply = &session_item, .success = SUCCESS_OK, .errors = session_view_errors,
	    HANDLER(session_show) },
	/* No ROUTE_TX, as below where a session is decided: one that has expired meanwhile must stay
	 * so, whatever is answered. */
	{ SESSIONS_WRITE("POST", "/v1/sessions/{id}/cancel", "cancelSession"),
	    .summary = "Cancel a verification session; one that has ended stays as it is",
	    .flags = ROUTE_BODY_MAY_MISS, .body = &no_members, .success = SUCCESS_NO_CONTENT,
	    .errors = session_end_errors, HANDLER(session_end) },
	{ SESSION_ROW("GET", "/v1/analytics/sessions/overview", "getSessionsOverview",
	      SCOPE_ANALYTICS_READ, LIMIT_CLASS_READ),
	    .summary = "How verification sessions ended", .reply = &overview_item,
	    .success = SUCCESS_OK, .errors = no_errors, HANDLER(overview_show) },
	{ PLAIN_WRITE("POST", "/v1/sessions", "createPlainSession"),
	    .summary = "Create a verification session of a person",
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX, .body = &plain_request, .reply = &plain_made,
	    .success = SUCCESS_OK, .errors = plain_make_errors, HANDLER(plain_make) },
	{ PLAIN_READ("GET", "/v1/sessions", "listPlainSessions"),
	    .summary = "List verification sessions, newest first", .query = &plain_query,
	    .reply = &plain_page, .success = SUCCESS_OK, .errors = query_errors,
	    HANDLER(plain_index) },
	{ PLAIN_READ("GET", "/v1/sessions/{id}", "getPlainSession"),
	    .summary = "Show a verification session and its person", .reply = &plain_full,
	    .success = SUCCESS_OK, .errors = session_errors, HANDLER(plain_show) },
	{ PLAIN_WRITE("PATCH", "/v1/sessions/{id}/update-status", "updateSessionStatus"),
	    .summary = "Decide a verification session by hand", .body = &plain_decision,
	    .reply = &plain_decided, .success = SUCCESS_OK, .errors = plain_decide_errors,
	    HANDLER(plain_decide) },
	{ PLAIN_WRITE("POST", "/v1/workflows", "createWorkflow"), .summary = "Create a workflow",
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX, .body = &workflow_request,
	    .reply = &workflow_full, .success = SUCCESS_CREATED, .errors = key_errors,
	    HANDLER(workflow_make) },
	{ PLAIN_READ("GET", "/v1/workflows", "listWorkflows"),
	    .summary = "List the workflows, newest first", .reply = &workflow_page,
	    .success = SUCCESS_OK, .errors = no_errors, HANDLER(workflow_index) },
	{ PLAIN_READ("GET", "/v1/workflows/{id}", "getWorkflow"), .summary = "Show a workflow",
	    .reply = &workflow_full, .success = SUCCESS_OK, .errors = workflow_errors,
	    HANDLER(workflow_show) },
	{ PLAIN_ROW("GET", "/v1/auth/verify", "verifyKey", 0, LIMIT_CLASS_READ),
	    .summary = "Check an API key, and whose it is", .flags = ROUTE_ANY_KEY,
	    .reply = &key_verified, .success = SUCCESS_OK, .errors = no_errors,
	    HANDLER(key_verify) },
	{ .method = "GET",
	    .path = "/v1/usage",
	    .operation = "listUsage",
	    .summary = "List usage events, newest first",
	    .credential = CREDENTIAL_KEY,
	    .scopes = SCOPE_KYC_READ,
	    .limit_class = LIMIT_CLASS_READ,
	    .query = &usage_query,
	    .reply = &usage_item,
	    .reply_is_list = true,
	    .success = SUCCESS_OK,
	    .errors = query_errors,
	    HANDLER(usage_page_show) },
	{ PERSON_ROW("GET", ORGANIZATIONS, "listOrganizations", 0),
	    .summary = "List the organisations you are a member of, oldest first",
	    .reply = &organization_item, .reply_is_list = true, .success = SUCCESS_OK,
	    .errors = no_errors, HANDLER(org_index) },
	{ PERSON_ROW("GET", APPLICATIONS, "listApplications", ROLES_MANAGE),
	    .summary = "List the applications of an organisation, newest first",
	    .reply = &application_item, .reply_is_list = true, .success = SUCCESS_OK,
	    .errors = no_errors, HANDLER(application_index) },
	{ PERSON_ROW("POST", APPLICATIONS, "createApplication", ROLES_MANAGE),
	    .summary = "Create an application; its key is shown once",
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX | ROUTE_BODY_MAY_MISS,
	    .body = &application_request, .reply = &application_created, .success = SUCCESS_CREATED,
	    .errors = application_make_errors, HANDLER(application_new) },
	{ PERSON_ROW("GET", APPLICATIONS "{app_id}/", "getApplication", ROLES_MANAGE),
	    .summary = "Show an application", .reply = &application_item, .success = SUCCESS_OK,
	    .errors = application_errors, HANDLER(application_page) },
	{ PERSON_ROW("PATCH", APPLICATIONS "{app_id}/", "changeApplication", ROLES_MANAGE),
	    .summary = "Change what an application says of itself", .flags = ROUTE_TX,
	    .body = &application_changes, .reply = &application_item, .success = SUCCESS_OK,
	    .errors = application_body_errors, HANDLER(application_alter) },
	{ PERSON_ROW("DELETE", APPLICATIONS "{app_id}/", "deleteApplication", ROLES_MANAGE),
	    .summary = "End an application and all its keys, for good", .flags = ROUTE_TX,
	    .query = &application_removal, .success = SUCCESS_NO_CONTENT,
	    .errors = application_gone_errors, .settle = key_settle, HANDLER(application_end) },
	{ PERSON_ROW(
	      "POST", APPLICATIONS "{app_id}/regenerate-key/", "regenerateKey", ROLES_MANAGE),
	    .summary = "Make an application's own key anew; it is shown once",
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX | ROUTE_BODY_MAY_MISS,
	    .body = &application_renewal, .reply = &application_created, .success = SUCCESS_OK,
	    .errors = application_key_errors, .settle = key_settle, HANDLER(application_key) },
	{ PERSON_ROW("GET", MEMBERS, "listMembers", ROLES_ALL),
	    .summary = "List the members of an organisation, newest first", .reply = &member_item,
	    .reply_is_list = true, .success = SUCCESS_OK, .errors = no_errors,
	    HANDLER(member_index) },
	{ PERSON_ROW("POST", MEMBERS, "inviteMember", ROLES_MANAGE),
	    .summary = "Invite a person into an organisation", .flags = ROUTE_IDEMPOTENT | ROUTE_TX,
	    .body = &member_request, .reply = &member_item, .success = SUCCESS_CREATED,
	    .or_ok = true, .errors = application_make_errors, HANDLER(member_make) },
	{ PERSON_ROW("PATCH", MEMBERS "{member_id}/", "changeMember", ROLES_MANAGE),
	    .summary = "Give a member another role", .flags = ROUTE_TX, .body = &member_change,
	    .reply = &member_item, .success = SUCCESS_OK, .errors = member_body_errors,
	    HANDLER(member_alter) },
	{ PERSON_ROW("DELETE", MEMBERS "{member_id}/", "removeMember", ROLES_ALL),
	    .summary = "Remove a member, take an invitation back, or leave", .flags = ROUTE_TX,
	    .success = SUCCESS_NO_CONTENT, .errors = member_gone_errors, HANDLER(member_out) },
	{ PAGE_ROW("POST", "start", "startPage", CREDENTIAL_NONE),
	    .summary = "Open the page of a session; its token before works no more",
	    .flags = ROUTE_BODY_MAY_MISS, .body = &no_members, .reply = &visit_started,
	    .success = SUCCESS_OK, .errors = visit_start_errors, HANDLER(visit_start) },
	{ PAGE_ROW("GET", "status", "getPageStatus", CREDENTIAL_VISIT_MAY),
	    .summary = "Where the session stands, and what its page needs", .reply = &visit_shown,
	    .success = SUCCESS_OK, .errors = no_errors, HANDLER(visit_status) },
	{ PAGE_ROW("GET", "options", "getPageOptions", CREDENTIAL_VISIT),
	    .summary = "The documents that can be checked", .reply = &visit_choices,
	    .success = SUCCESS_OK, .errors = no_errors, HANDLER(visit_options) },
	{ PAGE_ROW("POST", "submit", "submitPage", CREDENTIAL_VISIT),
	    .summary = "Submit what the person gave, as one attempt", .body = &visit_answers,
	    .reply = &visit_shown, .success = SUCCESS_OK, .errors = visit_submit_errors,
	    HANDLER(visit_submit) },
	{ PAGE_ROW("POST", "cancel", "cancelPage", CREDENTIAL_VISIT_MAY),
	    .summary = "End the session, by the page's token or the cancel token",
	    .flags = ROUTE_BODY_MAY_MISS, .body = &visit_end, .success = SUCCESS_NO_CONTENT,
	    .errors = visit_cancel_errors, HANDLER(visit_cancel) },
	{ AGE_ROW("POST", "/v1/verify/uploads", "uploadMedia", SCOPE_AGE_SUBMIT),
	    .summary = "Send a picture or video, for a submission within the hour",
	    .flags = ROUTE_STREAM, .body_max = LIMIT_MEDIA, .reply = &media_created,
	    .success = SUCCESS_CREATED, .errors = upload_errors, HANDLER(media_upload) },
	/* Who has the link may see it: it is made for one reviewer, and for a short time. */
	{ .method = "GET",
	    .path = "/media/{mediaId}",
	    .operation = "showMedia",
	    .summary = "Show a medium, by a signed link",
	    .family = FAMILY_AGE,
	    .credential = CREDENTIAL_NONE,
	    .limit_class = LIMIT_CLASS_PAGE,
	    .flags = ROUTE_POUR | ROUTE_SERVICE,
	    .query = &media_link_query,
	    .success = SUCCESS_OK,
	    .errors = media_errors,
	    HANDLER(media_show) },
	{ AGE_ROW("POST", "/v1/verify/submit", "submitAge", SCOPE_AGE_SUBMIT),
	    .summary = "Submit a person's age verification", .flags = ROUTE_IDEMPOTENT | ROUTE_TX,
	    .body = &age_request, .reply = &age_made, .success = SUCCESS_CREATED,
	    .errors = age_submit_errors, HANDLER(age_make) },
	{ AGE_ROW("GET", "/v1/verify/{externalId}/status", "getAgeStatus", SCOPE_AGE_READ),
	    .summary = "Show how a person's age verification stands", .reply = &age_shown,
	    .success = SUCCESS_OK, .errors = age_errors, HANDLER(age_status_show) },
	{ AGE_ROW("GET", "/v1/verify/{externalId}/verified", "getAgeVerified", SCOPE_AGE_READ),
	    .summary = "Whether a person is verified", .query = &age_query, .reply = &age_verdict,
	    .success = SUCCESS_OK, .errors = query_errors, HANDLER(age_verified_show) },
	{ AGE_ROW("GET", "/v1/verify/{externalId}/can-submit", "getAgeEligibility", SCOPE_AGE_READ),
	    .summary = "Whether a person may submit now", .query = &age_query,
	    .reply = &age_eligible, .success = SUCCESS_OK, .errors = query_errors,
	    HANDLER(age_eligible_show) },
	{ AGE_ROW("GET", "/v1/records/{externalCreatorId}", "getRecord", SCOPE_AGE_READ),
	    .summary = "Show a performer's record (18 U.S.C. 2257); every look is noted",
	    .reply = &record_full, .success = SUCCESS_OK, .errors = record_errors,
	    HANDLER(record_show) },
	{ AGE_ROW(
	      "POST", "/v1/records/{externalCreatorId}/aliases", "addRecordAlias", SCOPE_AGE_WRITE),
	    .summary = "Add another name to a performer's record",
	    .flags = ROUTE_IDEMPOTENT | ROUTE_TX, .body = &alias_request, .reply = &record_full,
	    .success = SUCCESS_CREATED, .errors = alias_errors, .settle = record_alias_settle,
	    HANDLER(record_alias_make) },
	{ AGE_ROW("POST", "/v1/records/{externalCreatorId}/deactivate", "deactivateRecord",
	      SCOPE_AGE_WRITE),
	    .summary = "Deactivate a performer's record; it is kept all the same",
	    .flags = ROUTE_BODY_MAY_MISS | ROUTE_TX, .body = &no_members, .reply = &record_full,
	    .success = SUCCESS_OK, .errors = record_end_errors, HANDLER(record_end) },
	{ AGE_ROW("GET", "/v1/verify/embed-config", "getEmbedConfig", SCOPE_AGE_SUBMIT),
	    .summary = "What the page /embed needs to know", .reply = &embed_settings,
	    .success = SUCCESS_OK, .errors = no_errors, HANDLER(embed_config) },
	{ .method = "GET",
	    .path = "/embed",
	    .operation = "openEmbed",
	    .summary = "The page of an age check, for a frame in the business's own page",
	    .family = FAMILY_AGE,
	    .credential = CREDENTIAL_KEY_QUERY,
	    .scopes = SCOPE_AGE_SUBMIT,
	    .limit_class = LIMIT_CLASS_AGE,
	    .flags = ROUTE_PAGE,
	    .query = &embed_query,
	    .success = SUCCESS_OK,
	    .errors = query_errors,
	    HANDLER(embed_page) },
	{ .method = "POST",
	    .path = "/v1/providers/{driver}/callback/{token}",
	    .operation = "providerCallback",
	    .summary = "What an identity provider tells us",
	    .credential = CREDENTIAL_NONE,
	    .limit_class = LIMIT_CLASS_NONE,
	    .flags = ROUTE_RAW_BODY | ROUTE_BARE_REPLY | ROUTE_SERVICE,
	    .body_max = LIMIT_CALLBACK_BODY,
	    .reply = &callback_reply,
	    .success = SUCCESS_OK,
	    .errors = callback_errors,
	    HANDLER(provider_callback) },
	KEY_SET_ROUTE("/.well-known/jwks.json", "getSigningKeys", ""),
	KEY_SET_ROUTE("/auth/v2/.well-known/jwks.json", "getSigningKeysHere",
	    ", at the address below /auth/v2"),
	{ ACCOUNT_POST("/register/", "registerAccount", LIMIT_CLASS_MAILING),
	    .summary = "Register an address; a code is mailed to it", .credential = CREDENTIAL_NONE,
	    .flags = ROUTE_TX, .body = &register_request, .reply = &registered_reply,
	    .success = SUCCESS_CREATED, .or_ok = true, .errors = password_errors,
	    .prepare = register_prepare, HANDLER(register_make) },
	{ ACCOUNT_POST("/resend-otp/", "resendCode", LIMIT_CLASS_MAILING),
	    .summary = "Have another code mailed, once a minute at most",
	    .credential = CREDENTIAL_NONE, .flags = ROUTE_TX, .body = &resend_request,
	    .reply = &no_members, .success = SUCCESS_OK, .errors = password_errors,
	    .prepare = resend_prepare, HANDLER(resend_make) },
	{ ACCOUNT_POST("/verify-email/", "verifyEmail", LIMIT_CLASS_ACCOUNT),
	    .summary = "Prove the address with its code; makes an organisation and an application",
	    .credential = CREDENTIAL_NONE, .body = &proof_request, .reply = &verified_reply,
	    .success = SUCCESS_OK, .errors = account_errors, HANDLER(email_verify) },
	{ ACCOUNT_POST("/login/", "login", LIMIT_CLASS_ACCOUNT),
	    .summary = "Log in with address and password", .credential = CREDENTIAL_NONE,
	    .flags = ROUTE_TX, .body = &login_request, .reply = &logged_in_reply,
	    .success = SUCCESS_OK, .errors = login_errors, .prepare = log_in_prepare,
	    HANDLER(log_in) },
	{ ACCOUNT_POST("/refresh/", "refreshToken", LIMIT_CLASS_ACCOUNT),
	    .summary = "New tokens for a refresh token, which works once",
	    .credential = CREDENTIAL_NONE, .body = &refresh_request, .reply = &tokens_reply,
	    .success = SUCCESS_OK, .errors = refresh_errors, HANDLER(tokens_refresh) },
	{ ACCOUNT_POST("/logout/", "logout", LIMIT_CLASS_ACCOUNT),
	    .summary = "Log out: end the session and its tokens", .credential = CREDENTIAL_TOKEN,
	    .flags = ROUTE_TX, .success = SUCCESS_NO_CONTENT, .errors = no_errors,
	    HANDLER(log_out) },
	{ .method = "GET",
	    .path = "/openapi",
	    .operation = "getOpenApi",
	    .summary = "This document",
	    .credential = CREDENTIAL_NONE,
	    .limit_class = LIMIT_CLASS_NONE,
	    .flags = ROUTE_SERVICE,
	    .success = SUCCESS_OK,
	    .errors = no_errors,
	    HANDLER(openapi_page) },
	{ .method = "GET",
	    .path = "/-/healthz",
	    .operation = "healthz",
	    .summary = "A worker answers",
	    .family = FAMILY_OPS,
	    .credential = CREDENTIAL_NONE,
	    .success = SUCCESS_OK,
	    .errors = no_errors,
	    HANDLER(health_page) },
	{ .method = "GET",
	    .path = "/-/readyz",
	    .operation = "readyz",
	    .summary = "A worker answers and has its database",
	    .family = FAMILY_OPS,
	    .credential = CREDENTIAL_NONE,
	    .success = SUCCESS_OK,
	    .errors = no_errors,
	    HANDLER(ready_page) },
	{ .method = "GET",
	    .path = "/-/status",
	    .operation = "status",
	    .summary = "The scoreboard",
	    .family = FAMILY_OPS,
	    .credential = CREDENTIAL_LOOPBACK,
	    .success = SUCCESS_OK,
	    .errors = no_errors,
	    HANDLER(status_page) },
	{ .method = "GET",
	    .path = "/-/metrics",
	    .operation = "metrics",
	    .summary = "Counters for Prometheus",
	    .family = FAMILY_OPS,
	    .credential = CREDENTIAL_LOOPBACK,
	    .success = SUCCESS_OK,
	    .errors = no_errors,
	    HANDLER(metrics_page) },
};
const size_t route_count = countof(routes);

_Static_assert(countof(routes) <= BOARD_ROUTES, "the scoreboard counts every route");
