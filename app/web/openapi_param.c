/* SPDX-License-Identifier: Apache-2.0 */
/* openapi_param.c describes what stands in paths, in queries and in headers. */
#include "openapi_private.h"

#include <string.h>

#include "field.h"
#include "sets.h"

/* ---- what stands in paths ------------------------------------------------------------------------------ */

/* One row per {name}: all paths that begin so mean the same by it. A malformed id is answered as one
 * that is not there is, so the pattern tells what we give out. */
struct path_row {
	const char *beginning;
	const char *component;
	const char *pattern; /* NULL: any text, or a UUID */
	const char *example;
	const char *sentence;
};

#define TAIL "01h455vb4pex5vsknk084sn02q"
#define UUID_FORM "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

static const char UUID[] = "01890a5d-ac96-774b-bcce-b302099a8057";

static const struct path_row path_rows[] = {
	{ "/v1/kyc/verifications/{id}", "VerificationId", ID_FORM("ver"), "ver_" TAIL,
	    "The verification." },
	{ "/v1/keys/{id}", "KeyId", ID_FORM("key"), "key_" TAIL, "The API key." },
	{ "/v1/webhooks/{id}", "WebhookId", ID_FORM("whe?"), "wh_" TAIL,
	    "The webhook endpoint, in either spelling of its id." },
	{ "/v1/webhooks/endpoints/{id}", "EndpointId", ID_FORM("whe?"), "whe_" TAIL,
	    "The webhook endpoint, in either spelling of its id." },
	{ "/v1/webhooks/keys/{id}", "EncryptionKeyId", ID_FORM("whk"), "whk_" TAIL,
	    "The encryption key." },
	{ "/v1/webhooks/deliveries/{id}", "DeliveryId", ID_FORM("whd"), "whd_" TAIL,
	    "The delivery." },
	{ "/v1/webhooks/events/{id}", "EventId", ID_FORM("evt"), "evt_" TAIL, "The event." },
	{ "/v1/events/{id}", "EventId", ID_FORM("evt"), "evt_" TAIL, "The event." },
	{ "/auth/v2/organizations/me/{org_id}", "OrganizationId", NULL, UUID, "The organisation." },
	{ "/auth/v2/organizations/me/{org_id}/applications/{app_id}", "ApplicationId", NULL, UUID,
	    "The application." },
	{ "/auth/v2/organizations/me/{org_id}/members/{member_id}", "MemberId", NULL, UUID,
	    "The membership." },
	{ "/v1/sessions/{id}", "SessionId", "(?:" ID_FORM("vs") "|" UUID_FORM ")", "vs_" TAIL,
	    "The session: as the session family spells its id, or as the plain one does." },
	{ "/v1/workflows/{id}", "WorkflowId", NULL, UUID, "The workflow." },
	{ "/v1/verify-session/{id}", "VisitedSessionId", ID_FORM("vs"), "vs_" TAIL,
	    "The session, as its link has it." },
	{ "/v1/verify/{externalId}", "AgeExternalId", EXTERNAL_ID_FORM, "user_abc123",
	    "The person, as you call them: 1 to 128 of these characters." },
	{ "/v1/records/{externalCreatorId}", "RecordExternalId", EXTERNAL_ID_FORM, "creator_42",
	    "The performer, as you call them: 1 to 128 of these characters." },
	{ "/media/{mediaId}", "MediaId", ID_FORM("med"), "med_" TAIL, "The medium." },
	{ "/v1/providers/{driver}", "ProviderDriver", NULL, "smile_v1", "The provider's driver." },
	{ "/v1/providers/{driver}/callback/{token}", "CallbackToken", NULL, TAIL,
	    "What the provider was given with the job." },
};

/* The row whose beginning is the path up to and with the parameter that ends at `end`. */
static const struct path_row *path_row_of(const char *path, const char *end)
{
	for (size_t i = 0; i < countof(path_rows); i++) {
		size_t len = strlen(path_rows[i].beginning);
		if (len == (size_t)(end - path) && memcmp(path, path_rows[i].beginning, len) == 0)
			return &path_rows[i];
	}
	return NULL;
}

static json_t *path_schema(const struct path_row *row)
{
	json_t *schema = json_pack("{s:s, s:[s]}", "type", "string", "examples", row->example);

	if (row->pattern != NULL)
		json_object_set_new(schema, "pattern", json_sprintf("^%s$", row->pattern));
	if (row->example == UUID)
		json_object_set_new(schema, "format", json_string("uuid"));
	return schema;
}

/* What no row describes is any text. */
static const char *path_component(
    struct openapi *doc, const struct path_row *row, const char *name, size_t name_len)
{
	static const struct path_row stranger = { .example = "x", .sentence = "" };
	const char *text = arena_strndup(doc->arena, name, name_len);
	const char *component = row == NULL ? text : row->component;

	if (text == NULL) {
		doc->failed = true;
		return "";
	}
	if (row == NULL)
		row = &stranger;
	if (json_object_get(doc->parameters, component) == NULL)
		openapi_set(doc, doc->parameters, component,
		    json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", text, "in", "path", "required",
			1, "description", row->sentence, "schema", path_schema(row)));
	return component;
}

json_t *openapi_path_parameters(struct openapi *doc, const char *path)
{
	json_t *array = json_array();

	for (const char *from = strchr(path, '{'); from != NULL; from = strchr(from, '{')) {
		const char *to = from + strcspn(from, "}");
		size_t name_len = (size_t)(to - from) - 1;
		const char *name = from + 1;
		const char *component =
		    path_component(doc, path_row_of(path, to + 1), name, name_len);
		json_array_append_new(array, openapi_ref("parameters", component));
		from = to;
	}
	return array;
}

/* ---- of operations --------------------------------------------------------------------------------------- */

static json_t *idempotency_key(void)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:i, s:i, s:[s]}}", "name",
	    "Idempotency-Key", "in", "header", "required", 0, "description",
	    "A text of your own for this request, up to 255 characters, quoted or bare. The same text "
	    "with the same request answers the first answer again, for 24 hours.",
	    "schema", "type", "string", "minLength", 1, "maxLength", LIMIT_IDEMPOTENCY_KEY + 2,
	    "examples", "order-1001");
}

json_t *openapi_parameters(struct openapi *doc, const struct route *route)
{
	json_t *parameters = route->query == NULL ? json_array() : fields_parameters(route->query);

	if ((route->flags & ROUTE_IDEMPOTENT) == 0)
		return parameters;
	if (json_object_get(doc->parameters, "IdempotencyKey") == NULL)
		openapi_set(doc, doc->parameters, "IdempotencyKey", idempotency_key());
	json_array_append_new(parameters, openapi_ref("parameters", "IdempotencyKey"));
	return parameters;
}

/* ---- headers of answers ------------------------------------------------------------------------------------ */

struct header_row {
	const char *name;
	const char *component;
	bool required;
	const char *type;
	const char *example; /* JSON text */
	const char *sentence;
};

static const struct header_row header_rows[OPENAPI_HEADER__MAX] = {
	[OPENAPI_REQUEST_ID] = { "X-Request-Id", "RequestId", true, "string", "\"req_" TAIL "\"",
	    "Names the request in our log; yours, when you sent one." },
	[OPENAPI_RETRY_AFTER] = { "Retry-After", "RetryAfter", true, "integer", "1",
	    "Whole seconds after which to try again." },
	[OPENAPI_CHALLENGE] = { "WWW-Authenticate", "Challenge", true, "string", "\"Bearer\"",
	    "How to prove who you are." },
	[OPENAPI_REPLAYED] = { "Idempotent-Replayed", "IdempotentReplayed", false, "string",
	    "\"true\"", "There when this is the answer to an earlier request with this key." },
	[OPENAPI_RATE_LIMIT] = { "RateLimit", "RateLimit", false, "string",
	    "\"\\\"organisation\\\";r=34;t=1\"",
	    "What is left of the limit the request counted against." },
	[OPENAPI_RATE_POLICY] = { "RateLimit-Policy", "RateLimitPolicy", false, "string",
	    "\"\\\"organisation\\\";q=35;w=1\"", "The limit itself." },
};

void openapi_header(struct openapi *doc, json_t *headers, enum openapi_header header)
{
	const struct header_row *row = &header_rows[header];

	if (json_object_get(doc->headers, row->component) == NULL)
		openapi_set(doc, doc->headers, row->component,
		    json_pack("{s:s, s:b, s:{s:s}, s:o}", "description", row->sentence, "required",
			row->required, "schema", "type", row->type, "example",
			json_loads(row->example, JSON_DECODE_ANY, NULL)));
	openapi_set(doc, headers, row->name, openapi_ref("headers", row->component));
}
