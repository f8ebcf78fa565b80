/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_private.h is what the files that write the document share: the parts that are written once
 * and pointed to, and the calls that add to them.
 */
#ifndef BONAFIDE_OPENAPI_PRIVATE_H
#define BONAFIDE_OPENAPI_PRIVATE_H

#include "openapi.h"

#include "arena.h"
#include "json.h"

/* A set of the document's own: it describes what no struct is read from. */
#define DOCUMENT_SET(text, array) \
	{ \
		.name = text, .rows = array, .count = countof(array) \
	}

/* The document while it is written. `failed` is sticky: memory was out somewhere. */
struct openapi {
	json_t *schemas, *parameters, *headers, *responses; /* of "components" */
	struct arena *arena;
	struct web *web; /* a request that was never made, for answers to show */
	bool whole;      /* responses stand where they are, for somebody to join: not pointed to */
	bool failed;
};

/* Sets a member, taking over value. NULL values (memory was out) make the document fail. */
void openapi_set(struct openapi *doc, json_t *object, const char *member, json_t *value);

/* {"$ref":"#/components/<part>/<name>"} */
json_t *openapi_ref(const char *part, const char *name);

/* A pointer to the schema of a set, which is written on first use. output: as fields_schema(). */
json_t *openapi_set_ref(struct openapi *doc, const struct field_set *set, bool output);

/* An object as the rows' examples show it: of a reply with all members, of a body with those that
 * are required or have an example. */
json_t *openapi_example(const struct field_set *set, bool output);

/* {type: {}} of each type that a medium can have. */
json_t *openapi_media_content(struct openapi *doc);

/* {"application/json":{"schema":…,"example":…}}; takes both over. */
json_t *openapi_json_content(struct openapi *doc, json_t *schema, json_t *example);

/* The first letter of `text` large: "kyc" is "Kyc". In the document's arena. */
const char *openapi_capital(struct openapi *doc, const char *text);

/* ---- shapes (openapi_shape.c) ---------------------------------------------------------------- */

/* What the document calls a family, and what it says of it. NULL: its routes are not listed. */
struct openapi_family {
	const char *tag;
	const char *title; /* what a page shows for the tag */
	const char *description;
};
const struct openapi_family *openapi_family(enum family family);

/* The schema of a route's success, its reply in the family's envelope, and an example of it. */
json_t *openapi_success_schema(struct openapi *doc, const struct route *route);
json_t *openapi_success_example(const struct route *route);

/* A pointer to the schema of a family's errors; lists of the session family have their own. */
json_t *openapi_error_ref(struct openapi *doc, const struct route *route);

/* What whoever sends no key is answered on a path that two families share: one of `known`, which is
 * taken over, or the session family's error. */
json_t *openapi_stranger_error(struct openapi *doc, json_t *known);

/* ---- answers (openapi_answer.c) -------------------------------------------------------------- */

/* The responses of an operation, by status: its success and every error that its row names or that
 * follows from what else the row says. */
json_t *openapi_responses(struct openapi *doc, const struct route *route);

/* ---- two rows, one operation (openapi_pair.c) -------------------------------------------------- */

/* The rows of a method and path that two families share. */
struct openapi_pair {
	const struct route *first, *second;
};

/* "With X-API-Key": the header that chooses this family where two share a path. */
const char *openapi_header_title(enum family family);

/* Each joins what the two rows were written as, and takes both over: arrays of parameters, request
 * bodies of JSON, and responses by status, which must be whole. */
json_t *openapi_pair_parameters(
    struct openapi *doc, const struct openapi_pair *pair, json_t *session, json_t *plain);
json_t *openapi_pair_body(
    struct openapi *doc, const struct openapi_pair *pair, json_t *session, json_t *plain);
json_t *openapi_pair_responses(
    struct openapi *doc, const struct openapi_pair *pair, json_t *session, json_t *plain);

/* ---- parameters (openapi_param.c) ------------------------------------------------------------ */

/* Pointers to the parameters in a path, for its path item. */
json_t *openapi_path_parameters(struct openapi *doc, const char *path);

/* Those of one operation: its query, and Idempotency-Key where it takes one. */
json_t *openapi_parameters(struct openapi *doc, const struct route *route);

/* A pointer to a header, which is written on first use. */
enum openapi_header {
	OPENAPI_REQUEST_ID,
	OPENAPI_RETRY_AFTER,
	OPENAPI_CHALLENGE,
	OPENAPI_REPLAYED,
	OPENAPI_RATE_LIMIT,
	OPENAPI_RATE_POLICY,
	OPENAPI_HEADER__MAX
};
void openapi_header(struct openapi *doc, json_t *headers, enum openapi_header header);

/* ---- webhooks (openapi_event.c) -------------------------------------------------------------- */

/* The "webhooks" of the document: what we send to customers' endpoints. */
json_t *openapi_webhooks(struct openapi *doc);

#endif
