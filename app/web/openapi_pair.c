/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_pair.c makes one operation of two: OpenAPI knows a path and a method once, and where two
 * families share both (router.h) there are two rows. What the rows do not have in common is a choice of
 * schemas with a title each, which names the header that decides; the members of one family alone
 * carry its title. Everything here takes over both of what it joins.
 */
#include "openapi_private.h"

#include <string.h>

#include "router.h"

const char *openapi_header_title(enum family family)
{
	return family == FAMILY_PLAIN ? "With X-API-Key" : "With Authorization";
}

static const char *tag_of(const struct route *route)
{
	return openapi_family(route->family)->tag;
}

/* A schema under its family's title. A pointer has no room for one. */
static json_t *titled(const struct route *route, json_t *schema)
{
	const char *title = openapi_header_title(route->family);

	if (json_object_get(schema, "$ref") != NULL)
		return json_pack("{s:s, s:[o]}", "title", title, "allOf", schema);
	json_t *copy = json_copy(schema);
	json_decref(schema);
	if (json_object_set_new(copy, "title", json_string(title)) == 0)
		return copy;
	json_decref(copy);
	return NULL;
}

/* Both of them under `word`, which is anyOf or oneOf; one where they are the same. */
static json_t *choice(
    const struct openapi_pair *pair, const char *word, json_t *session, json_t *plain)
{
	if (json_equal(session, plain)) {
		json_decref(plain);
		return session;
	}
	return json_pack(
	    "{s:[o, o]}", word, titled(pair->first, session), titled(pair->second, plain));
}

/* "With X-API-Key: text" */
static json_t *said_of(const struct route *route, const json_t *text)
{
	return json_sprintf("%s: %s", openapi_header_title(route->family), json_string_value(text));
}

/* ---- parameters ------------------------------------------------------------------------------------ */

static const char *parameter_name(const json_t *parameter)
{
	const char *ref = json_get_text(parameter, "$ref");

	return ref == NULL ? json_get_text(parameter, "name") : ref;
}

static json_t *parameter_named(json_t *parameters, const char *name)
{
	json_t *parameter;
	size_t i;

	json_array_foreach(parameters, i, parameter)
	{
		if (strcmp(parameter_name(parameter), name) == 0)
			return parameter;
	}
	return NULL;
}

/* A parameter that only one of the two rows knows. */
static json_t *parameter_of_one(
    struct openapi *doc, const struct route *route, const json_t *parameter)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)parameter);

	openapi_set(
	    doc, copy, "description", said_of(route, json_object_get(parameter, "description")));
	openapi_set(
	    doc, copy, "schema", titled(route, json_incref(json_object_get(parameter, "schema"))));
	return copy;
}

static json_t *parameter_of_both(
    struct openapi *doc, const struct openapi_pair *pair, json_t *session, json_t *plain)
{
	json_t *copy = json_copy(session);

	if (json_object_get(session, "$ref") == NULL)
		openapi_set(doc, copy, "schema",
		    choice(pair, "anyOf", json_incref(json_object_get(session, "schema")),
			json_incref(json_object_get(plain, "schema"))));
	return copy;
}

json_t *openapi_pair_parameters(
    struct openapi *doc, const struct openapi_pair *pair, json_t *session, json_t *plain)
{
	json_t *joined = json_array(), *parameter;
	size_t i;

	json_array_foreach(session, i, parameter)
	{
		json_t *other = parameter_named(plain, parameter_name(parameter));
		json_array_append_new(joined, other == NULL
						  ? parameter_of_one(doc, pair->first, parameter)
						  : parameter_of_both(doc, pair, parameter, other));
	}
	json_array_foreach(plain, i, parameter)
	{
		if (parameter_named(session, parameter_name(parameter)) == NULL)
			json_array_append_new(
			    joined, parameter_of_one(doc, pair->second, parameter));
	}
	json_decref(session);
	json_decref(plain);
	return joined;
}

/* ---- bodies ------------------------------------------------------------------------------------------ */

/* The examples of a media type object, each under a name that tells whose it is. */
static void add_examples(
    struct openapi *doc, const struct route *route, const json_t *media, json_t *examples)
{
	json_t *one = json_object_get(media, "example"), *row;
	const char *name;

	if (one != NULL)
		openapi_set(doc, examples, tag_of(route),
		    json_pack("{s:s, s:O}", "summary", openapi_header_title(route->family), "value",
			one));
	json_object_foreach(json_object_get(media, "examples"), name, row)
	{
		const char *long_name = arena_printf(doc->arena, "%s.%s", tag_of(route), name);
		doc->failed |= long_name == NULL;
		if (long_name != NULL)
			openapi_set(doc, examples, long_name, json_incref(row));
	}
}

static json_t *json_media(const json_t *body)
{
	return json_object_get(json_object_get(body, "content"), "application/json");
}

static json_t *media_of_both(struct openapi *doc, const struct openapi_pair *pair, const char *word,
    const json_t *session, const json_t *plain)
{
	json_t *media = json_object(), *content = json_object(), *examples = json_object();

	openapi_set(doc, media, "schema",
	    choice(pair, word, json_incref(json_object_get(session, "schema")),
		json_incref(json_object_get(plain, "schema"))));
	add_examples(doc, pair->first, session, examples);
	add_examples(doc, pair->second, plain, examples);
	openapi_set(doc, media, "examples", examples);
	openapi_set(doc, content, "application/json", media);
	return content;
}

json_t *openapi_pair_body(
    struct openapi *doc, const struct openapi_pair *pair, json_t *session, json_t *plain)
{
	json_t *body = json_object();
	bool required = json_is_true(json_object_get(session, "required")) &&
			json_is_true(json_object_get(plain, "required"));

	openapi_set(doc, body, "required", json_boolean(required));
	openapi_set(doc, body, "content",
	    media_of_both(doc, pair, "anyOf", json_media(session), json_media(plain)));
	json_decref(session);
	json_decref(plain);
	return body;
}

/* ---- responses ------------------------------------------------------------------------------------------ */

/* What both have: nothing is promised that only one of them keeps. */
static json_t *headers_of_both(struct openapi *doc, const json_t *session, const json_t *plain)
{
	json_t *joined = json_object(), *header;
	const char *name;

	json_object_foreach(json_object_get(session, "headers"), name, header)
	{
		if (json_object_get(json_object_get(plain, "headers"), name) != NULL)
			openapi_set(doc, joined, name, json_incref(header));
	}
	return joined;
}

static json_t *response_of_both(struct openapi *doc, const struct openapi_pair *pair,
    const json_t *session, const json_t *plain)
{
	json_t *joined = json_object();
	const json_t *said = json_object_get(session, "description");
	const json_t *too = json_object_get(plain, "description");

	openapi_set(doc, joined, "description",
	    json_equal(said, too)
		? json_incref((json_t *)(uintptr_t)said)
		: json_sprintf("%s: %s %s: %s", openapi_header_title(pair->first->family),
		      json_string_value(said), openapi_header_title(pair->second->family),
		      json_string_value(too)));
	openapi_set(doc, joined, "headers", headers_of_both(doc, session, plain));
	openapi_set(doc, joined, "content",
	    media_of_both(doc, pair, "oneOf", json_media(session), json_media(plain)));
	return joined;
}

/* A status that only one of the two rows has. */
static json_t *response_of_one(
    struct openapi *doc, const struct route *route, const json_t *response)
{
	json_t *copy = json_deep_copy(response), *media = json_media(copy);

	openapi_set(
	    doc, copy, "description", said_of(route, json_object_get(response, "description")));
	if (media != NULL)
		openapi_set(doc, media, "schema",
		    titled(route, json_incref(json_object_get(media, "schema"))));
	return copy;
}

json_t *openapi_pair_responses(
    struct openapi *doc, const struct openapi_pair *pair, json_t *session, json_t *plain)
{
	json_t *joined = json_object(), *response;
	const char *status;

	json_object_foreach(session, status, response)
	{
		const json_t *other = json_object_get(plain, status);
		openapi_set(doc, joined, status,
		    other == NULL ? response_of_one(doc, pair->first, response)
				  : response_of_both(doc, pair, response, other));
	}
	json_object_foreach(plain, status, response)
	{
		if (json_object_get(session, status) == NULL)
			openapi_set(
			    doc, joined, status, response_of_one(doc, pair->second, response));
	}
	json_decref(session);
	json_decref(plain);
	return joined;
}
