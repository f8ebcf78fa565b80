/* SPDX-License-Identifier: Apache-2.0 */
/* openapi.c writes the document: its head, its operations, and the parts they point to. */
#include "openapi_private.h"

#include <string.h>

#include "field.h"
#include "router.h"
#include "scope.h"

#define WRITER_MEMORY 262144 /* names and complaints while the document is written */
#define SCOPES_SIZE 512
#define SERVICE_TAG "service"

static const char description[] =
    "Identity verification: one API that asks whether a person is who they say they are, and tells "
    "you the outcome by signed webhook.\n\n"
    "Every answer carries `X-Request-Id`; a well-formed one that you send is kept, and names the "
    "request in our log. Every answer is `application/json; charset=utf-8` with `Cache-Control: "
    "no-store` and `X-Content-Type-Options: nosniff`. Times are ISO 8601 in UTC, in whole seconds; "
    "where you send one, a date will do. Null is written, never left out, where a member is "
    "required. Members and parameters that are not described here are refused.";

/* ---- what the other files use too ---------------------------------------------------------------- */

void openapi_set(struct openapi *doc, json_t *object, const char *member, json_t *value)
{
	if (json_object_set_new(object, member, value) != 0)
		doc->failed = true;
}

json_t *openapi_ref(const char *part, const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", part, name));
}

json_t *openapi_set_ref(struct openapi *doc, const struct field_set *set, bool output)
{
	if (json_object_get(doc->schemas, set->name) == NULL)
		openapi_set(doc, doc->schemas, set->name, fields_schema(set, output));
	return openapi_ref("schemas", set->name);
}

json_t *openapi_example(const struct field_set *set, bool output)
{
	json_t *example = json_object();

	for (size_t i = 0; i < set->count; i++) {
		const struct field *row = &set->rows[i];
		bool wanted = output ? (row->flags & FIELD_OPTIONAL) == 0
				     : (row->flags & FIELD_REQUIRED) != 0;
		if (wanted || row->example != NULL)
			json_object_set_new(example, row->name, field_example(row));
	}
	return example;
}

json_t *openapi_json_content(struct openapi *doc, json_t *schema, json_t *example)
{
	json_t *media = json_object(), *content = json_object();

	openapi_set(doc, media, "schema", schema);
	if (example != NULL)
		openapi_set(doc, media, "example", example);
	openapi_set(doc, content, "application/json", media);
	return content;
}

const char *openapi_capital(struct openapi *doc, const char *text)
{
	char *copy = arena_strdup(doc->arena, text);

	if (copy == NULL) {
		doc->failed = true;
		return "";
	}
	if (copy[0] >= 'a' && copy[0] <= 'z')
		copy[0] = (char)(copy[0] - 'a' + 'A');
	return copy;
}

/* ---- security ---------------------------------------------------------------------------------------- */

/* A scope as the family prints it (contract/README.md, Credentials). */
static const char *scope_spelling(size_t bit, enum family family)
{
	return bit < SCOPE_COUNT && (family == FAMILY_SESSION || family == FAMILY_PLAIN)
		   ? scope_spellings[SCOPE_COUNT + bit]
		   : scope_words[bit];
}

static json_t *scopes_array(const struct route *route)
{
	json_t *scopes = json_array();

	for (size_t i = 0; i < SCOPE_EVERY_COUNT; i++) {
		if ((route->scopes & UINT64_C(1) << i) != 0)
			json_array_append_new(
			    scopes, json_string(scope_spelling(i, route->family)));
	}
	return scopes;
}

/* OpenAPI 3.1 section 4.8.30.1 lets any scheme name what it needs, not only OAuth's. An empty list is
 * "no credential at all". */
static json_t *security_of(const struct route *route)
{
	if (route->credential == CREDENTIAL_TOKEN)
		return json_pack("[{s:[]}]", "accessToken");
	if (route->credential == CREDENTIAL_VISIT)
		return json_pack("[{s:[]}]", "pageToken");
	/* Section 4.8.30: an empty requirement makes the others optional. */
	if (route->credential == CREDENTIAL_VISIT_MAY)
		return json_pack("[{}, {s:[]}]", "pageToken");
	if (route->credential != CREDENTIAL_KEY)
		return json_array();
	/* Where the header chooses the family, the other one would ask for something else. */
	if (router_is_shared(route->path))
		return json_pack("[{s:o}]", route->family == FAMILY_PLAIN ? "apiKey" : "bearer",
		    scopes_array(route));
	return json_pack(
	    "[{s:o}, {s:o}]", "bearer", scopes_array(route), "apiKey", scopes_array(route));
}

static json_t *security_schemes(void)
{
	return json_pack("{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:s, s:s}, "
			 "s:{s:s, s:s, s:s}}",
	    "bearer", "type", "http", "scheme", "bearer", "description",
	    "An API key as `Authorization: Bearer <key>`. Each operation says which scopes the key "
	    "must have.",
	    "apiKey", "type", "apiKey", "in", "header", "name", "X-API-Key", "description",
	    "The same API key in a header of its own.", "accessToken", "type", "http", "scheme",
	    "bearer", "bearerFormat", "JWT", "description",
	    "A person's access token, from logging in, as `Authorization: Bearer <token>`. API keys "
	    "are not accepted here, nor access tokens anywhere else.",
	    "pageToken", "type", "http", "scheme", "bearer", "description",
	    "The token of a session's page, from starting it, as `Authorization: Bearer <token>`.");
}

/* ---- operations ---------------------------------------------------------------------------------------- */

static void add_scopes(const struct route *route, struct buf *text)
{
	size_t count = 0;

	for (size_t i = 0; i < SCOPE_EVERY_COUNT; i++) {
		if ((route->scopes & UINT64_C(1) << i) == 0)
			continue;
		buf_printf(text, "%s`%s`", count == 0 ? "Needs a key with the scope " : " and ",
		    scope_spelling(i, route->family));
		count++;
	}
	if (count > 0)
		buf_addc(text, '.');
	else if (route->credential == CREDENTIAL_KEY)
		buf_adds(text, "For any key but a publishable one, whatever its scopes.");
	else if (route->credential == CREDENTIAL_VISIT)
		buf_adds(text, "Needs the page's token.");
	else if (route->credential == CREDENTIAL_VISIT_MAY)
		buf_adds(text, "Takes the page's token, and no key.");
	else if (route->credential != CREDENTIAL_TOKEN)
		buf_adds(text, "Needs no key.");
}

static void add_roles(const struct route *route, struct buf *text)
{
	size_t count = 0;

	if (route->credential == CREDENTIAL_TOKEN)
		buf_adds(text, route->roles == 0 ? "For whoever is logged in."
						 : "For members of the organisation");
	if (route->roles == ROLES_ALL)
		buf_addc(text, '.');
	if (route->roles == 0 || route->roles == ROLES_ALL)
		return;
	for (size_t i = 0; i < ROLE__MAX; i++) {
		if ((route->roles & ROLE_BIT(i)) != 0)
			buf_printf(text, "%s`%s`", count++ == 0 ? " with the role " : " or ",
			    role_word((enum role)i));
	}
	buf_addc(text, '.');
}

/* What a request of the class counts against; NULL: nothing. */
static const char *const counts[LIMIT_CLASS__MAX] = {
	[LIMIT_CLASS_READ] = " Counts against the request limits of your organisation.",
	[LIMIT_CLASS_WRITE] = " Counts against the request limits of your organisation.",
	[LIMIT_CLASS_AGE] = " Counts against the request limits of your organisation and of the "
			    "address it comes from.",
	[LIMIT_CLASS_ACCOUNT] = " Counts against the request limits of the address it comes from.",
	[LIMIT_CLASS_MAILING] =
	    " Counts against the request limits of the address it comes from, and "
	    "against the few an hour of those that send a mail.",
	[LIMIT_CLASS_PAGE] = " Counts against the request limits of the address it comes from.",
};

/* What the row says in numbers and flags, said in sentences. */
static json_t *description_of(const struct route *route)
{
	struct buf text;

	buf_init(&text, SCOPES_SIZE * 4);
	if (router_is_shared(route->path))
		buf_printf(&text, "%s: ", openapi_header_title(route->family));
	add_scopes(route, &text);
	add_roles(route, &text);
	if ((route->flags & ROUTE_IDEMPOTENT) != 0)
		buf_adds(&text, " Send an `Idempotency-Key` and repeating the request within 24 "
				"hours answers what the first one was answered, without a second "
				"effect.");
	if ((route->flags & ROUTE_BODY_MAY_MISS) != 0)
		buf_adds(&text, " The body may be left out.");
	if (counts[route->limit_class] != NULL)
		buf_adds(&text, counts[route->limit_class]);
	json_t *value = buf_failed(&text) ? NULL : json_string(buf_str(&text));
	buf_free(&text);
	return value;
}

static json_t *body_of(struct openapi *doc, const struct route *route)
{
	json_t *body = json_object(), *any = json_object();
	bool may_miss = (route->flags & ROUTE_BODY_MAY_MISS) != 0;

	openapi_set(doc, body, "required", json_boolean(!may_miss));
	if (route->body == NULL) {
		/* Raw: whatever its sender's media type and shape are. */
		openapi_set(doc, any, "*/*", json_object());
		openapi_set(doc, body, "content", any);
		return body;
	}
	json_decref(any);
	openapi_set(doc, body, "content",
	    openapi_json_content(doc, openapi_set_ref(doc, route->body, false),
		openapi_example(route->body, false)));
	return body;
}

/* The members of an operation that follow from one row alone. */
struct operation {
	json_t *tags, *description, *security, *parameters, *body, *responses;
};

static struct operation operation_parts(struct openapi *doc, const struct route *route)
{
	bool has_body =
	    route->body != NULL || (route->flags & (ROUTE_RAW_BODY | ROUTE_STREAM)) != 0;
	const char *tag =
	    (route->flags & ROUTE_SERVICE) != 0 ? SERVICE_TAG : openapi_family(route->family)->tag;

	return (struct operation){ .tags = json_pack("[s]", tag),
		.description = description_of(route),
		.security = security_of(route),
		.parameters = openapi_parameters(doc, route),
		.body = has_body ? body_of(doc, route) : NULL,
		.responses = openapi_responses(doc, route) };
}

/* Takes over the parts. */
static json_t *operation_written(
    struct openapi *doc, const struct route *route, const struct operation *parts)
{
	json_t *operation = json_object();

	openapi_set(doc, operation, "operationId", json_string(route->operation));
	openapi_set(doc, operation, "tags", parts->tags);
	openapi_set(doc, operation, "summary", json_string(route->summary));
	openapi_set(doc, operation, "description", parts->description);
	openapi_set(doc, operation, "security", parts->security);
	if (json_array_size(parts->parameters) > 0)
		openapi_set(doc, operation, "parameters", parts->parameters);
	else
		json_decref(parts->parameters);
	if (parts->body != NULL)
		openapi_set(doc, operation, "requestBody", parts->body);
	openapi_set(doc, operation, "responses", parts->responses);
	return operation;
}

/* The items of both, in one of them. */
static json_t *both_arrays(struct openapi *doc, json_t *one, json_t *other)
{
	doc->failed |= json_array_extend(one, other) != 0;
	json_decref(other);
	return one;
}

static json_t *both_descriptions(json_t *one, json_t *other)
{
	json_t *both = json_sprintf(
	    "The header that the key comes in decides whose shapes are spoken.\n\n%s\n\n%s",
	    json_string_value(one), json_string_value(other));

	json_decref(one);
	json_decref(other);
	return both;
}

/* Two rows of one method and path. */
static json_t *operation_of_both(struct openapi *doc, const struct openapi_pair *pair)
{
	doc->whole = true;
	struct operation one = operation_parts(doc, pair->first);
	struct operation other = operation_parts(doc, pair->second);

	doc->whole = false;
	one.tags = both_arrays(doc, one.tags, other.tags);
	one.description = both_descriptions(one.description, other.description);
	one.security = both_arrays(doc, one.security, other.security);
	one.parameters = openapi_pair_parameters(doc, pair, one.parameters, other.parameters);
	if (one.body != NULL)
		one.body = openapi_pair_body(doc, pair, one.body, other.body);
	one.responses = openapi_pair_responses(doc, pair, one.responses, other.responses);
	return operation_written(doc, pair->first, &one);
}

static json_t *operation_of_one(struct openapi *doc, const struct route *route)
{
	struct operation parts = operation_parts(doc, route);

	return operation_written(doc, route, &parts);
}

/* "GET" is "get" in the document. */
static const char *method_word(struct openapi *doc, const char *method)
{
	char *word = arena_strdup(doc->arena, method);

	if (word == NULL) {
		doc->failed = true;
		return "";
	}
	for (char *c = word; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	return word;
}

static json_t *path_item(struct openapi *doc, json_t *paths, const char *path)
{
	json_t *item = json_object_get(paths, path);

	if (item != NULL)
		return item;
	item = json_object();
	if (strchr(path, '{') != NULL)
		openapi_set(doc, item, "parameters", openapi_path_parameters(doc, path));
	openapi_set(doc, paths, path, item);
	return item;
}

/* The next row of the same method and path, from one on; NULL: there is none. */
static const struct route *twin_of(
    const struct route *table, size_t from, size_t count, const struct route *route)
{
	for (size_t i = from; i < count; i++) {
		if (&table[i] != route && openapi_family(table[i].family) != NULL &&
		    strcmp(table[i].method, route->method) == 0 &&
		    strcmp(table[i].path, route->path) == 0)
			return &table[i];
	}
	return NULL;
}

static json_t *paths_of(struct openapi *doc, const struct route *table, size_t count)
{
	json_t *paths = json_object();

	for (size_t i = 0; i < count; i++) {
		struct openapi_pair pair = { &table[i], twin_of(table, i + 1, count, &table[i]) };
		if (openapi_family(table[i].family) == NULL || (table[i].flags & ROUTE_PAGE) != 0 ||
		    twin_of(table, 0, i, &table[i]) != NULL)
			continue;
		openapi_set(doc, path_item(doc, paths, table[i].path),
		    method_word(doc, table[i].method),
		    pair.second == NULL ? operation_of_one(doc, pair.first)
					: operation_of_both(doc, &pair));
	}
	return paths;
}

/* ---- the head -------------------------------------------------------------------------------------------- */

static json_t *info(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "title", "Bonafide", "summary",
	    "A self-hosted identity-verification gateway.", "description", description, "version",
	    PACKAGE_VERSION, "license", "name", "Apache License 2.0", "identifier", "Apache-2.0");
}

/* Whether any route is of this family, or (FAMILY__MAX) of none. */
static bool is_listed(const struct route *table, size_t count, enum family family)
{
	for (size_t i = 0; i < count; i++) {
		bool apart = (table[i].flags & ROUTE_SERVICE) != 0;
		if (apart ? family == FAMILY__MAX : table[i].family == family)
			return true;
	}
	return false;
}

/* x-displayName is what pages that show the document go by. */
static json_t *tag_of(const char *name, const char *title, const char *text)
{
	return json_pack(
	    "{s:s, s:s, s:s}", "name", name, "x-displayName", title, "description", text);
}

static json_t *tags(const struct route *table, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < FAMILY__MAX; i++) {
		const struct openapi_family *family = openapi_family((enum family)i);
		if (family != NULL && is_listed(table, count, (enum family)i))
			json_array_append_new(
			    array, tag_of(family->tag, family->title, family->description));
	}
	if (is_listed(table, count, FAMILY__MAX))
		json_array_append_new(array,
		    tag_of(SERVICE_TAG, "The gateway",
			"What the gateway says of itself, and what identity providers tell it."));
	json_array_append_new(
	    array, tag_of("webhooks", "Webhooks", "What we send to your webhook endpoints."));
	return array;
}

static json_t *document(struct openapi *doc, const struct route *table, size_t count)
{
	json_t *root = json_object(), *components = json_object();

	openapi_set(doc, root, "openapi", json_string("3.1.0"));
	openapi_set(doc, root, "info", info());
	openapi_set(doc, root, "servers",
	    json_pack("[{s:s, s:s}]", "url", "/", "description", "The host you read this from."));
	openapi_set(doc, root, "tags", tags(table, count));
	openapi_set(doc, root, "paths", paths_of(doc, table, count));
	openapi_set(doc, root, "webhooks", openapi_webhooks(doc));
	openapi_set(doc, components, "securitySchemes", security_schemes());
	openapi_set(doc, components, "parameters", json_incref(doc->parameters));
	openapi_set(doc, components, "headers", json_incref(doc->headers));
	openapi_set(doc, components, "schemas", json_incref(doc->schemas));
	openapi_set(doc, components, "responses", json_incref(doc->responses));
	openapi_set(doc, root, "components", components);
	return root;
}

enum err openapi_write(const struct route *table, size_t count, bool pretty, struct buf *out)
{
	struct openapi doc = { .schemas = json_object(),
		.parameters = json_object(),
		.headers = json_object(),
		.responses = json_object() };
	json_t *root = NULL;
	enum err err = arena_new(WRITER_MEMORY, &doc.arena);

	doc.web = err == ERR_OK ? ARENA_NEW(doc.arena, struct web) : NULL;
	if (doc.web != NULL) {
		root = document(&doc, table, count);
		err = doc.failed || arena_overflowed(doc.arena) ? ERR_NOMEM : ERR_OK;
	} else {
		err = ERR_NOMEM;
	}
	if (err == ERR_OK)
		err = pretty ? json_write_pretty(root, out) : json_write(root, out);
	if (err == ERR_OK) {
		buf_addc(out, '\n');
		err = buf_err(out);
	}
	json_decref(root);
	json_decref(doc.schemas);
	json_decref(doc.parameters);
	json_decref(doc.headers);
	json_decref(doc.responses);
	arena_free(&doc.arena);
	return err;
}
