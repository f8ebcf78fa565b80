/* SPDX-License-Identifier: Apache-2.0 */
/* field_schema.c writes the JSON Schema of field rows, so the document cannot drift from them. */
#include "field.h"

#include <string.h>

/* What each type is in JSON Schema; one row per type. */
struct schema_type {
	const char *type;
	const char *format; /* NULL: none */
};

static const struct schema_type schema_types[FIELD__MAX] = {
	[FIELD_TEXT] = { "string", NULL },
	[FIELD_WORD] = { "string", NULL },
	[FIELD_WORDS] = { "array", NULL },
	[FIELD_TEXTS] = { "array", NULL },
	[FIELD_BOOL] = { "boolean", NULL },
	[FIELD_SWITCH] = { "boolean", NULL },
	[FIELD_INT] = { "integer", NULL },
	[FIELD_DATE] = { "string", "date" },
	[FIELD_TIME] = { "string", "date-time" },
	[FIELD_ID] = { "string", NULL },
	[FIELD_RATIO] = { "number", NULL },
	[FIELD_JSON] = { "object", NULL },
	[FIELD_OBJECT] = { "object", NULL },
	[FIELD_OBJECTS] = { "array", NULL },
};

static json_t *words_array(const struct word_list *words)
{
	json_t *array = json_array();

	for (size_t i = 0; i < words->count; i++) {
		if (words->words[i][0] != '\0')
			json_array_append_new(array, json_string(words->words[i]));
	}
	return array;
}

static void add_text_bounds(const struct field *row, bool output, json_t *schema)
{
	if (output)
		return;
	if (row->min > 0)
		json_object_set_new(schema, "minLength", json_integer(row->min));
	json_object_set_new(schema, "maxLength", json_integer(row->max));
	if (row->pattern != NULL)
		json_object_set_new(schema, "pattern", json_sprintf("^(?:%s)$", row->pattern));
}

static void add_id_form(const struct field *row, json_t *schema)
{
	if (row->id_kind == ID_UUID)
		json_object_set_new(schema, "format", json_string("uuid"));
	else
		json_object_set_new(schema, "pattern",
		    json_sprintf("^%s_[0-7][0-9a-hjkmnp-tv-z]{25}$", id_prefix(row->id_kind)));
}

/* What core will look at: an array of such, or an object whose members are such. */
static void add_tree(const struct field *row, json_t *schema)
{
	bool array = (row->flags & FIELD_ARRAY) != 0;

	if (row->set == NULL)
		return;
	json_object_set_new(schema, "type", json_string(array ? "array" : "object"));
	json_object_set_new(
	    schema, array ? "items" : "additionalProperties", fields_schema(row->set, false));
	if (array)
		json_object_set_new(schema, "minItems", json_integer(row->min));
	json_object_set_new(schema, array ? "maxItems" : "maxProperties", json_integer(row->max));
}

static void add_details(const struct field *row, bool output, json_t *schema)
{
	switch (row->type) {
	case FIELD_TEXT:
		add_text_bounds(row, output, schema);
		return;
	case FIELD_WORD:
		json_object_set_new(schema, "enum", words_array(row->words));
		return;
	case FIELD_WORDS:
		json_object_set_new(schema, "items",
		    json_pack("{s:s, s:o}", "type", "string", "enum", words_array(row->words)));
		if (!output) {
			json_object_set_new(schema, "minItems", json_integer(row->min));
			json_object_set_new(schema, "maxItems", json_integer(row->max));
		}
		return;
	case FIELD_TEXTS:
		json_object_set_new(schema, "items",
		    json_pack("{s:s, s:i, s:I}", "type", "string", "minLength", 1, "maxLength",
			(json_int_t)row->item_max));
		if (!output) {
			json_object_set_new(schema, "minItems", json_integer(row->min));
			json_object_set_new(schema, "maxItems", json_integer(row->max));
		}
		return;
	case FIELD_OBJECTS:
		json_object_set_new(schema, "items", fields_schema(row->set, output));
		return;
	case FIELD_JSON:
		if (!output)
			add_tree(row, schema);
		return;
	case FIELD_INT:
		json_object_set_new(schema, "minimum", json_integer(row->min));
		json_object_set_new(schema, "maximum", json_integer(row->max));
		if (!output && row->initial != DB_NULL)
			json_object_set_new(schema, "default", json_integer(row->initial));
		return;
	case FIELD_BOOL:
		if (!output)
			json_object_set_new(schema, "default", json_boolean(row->initial != 0));
		return;
	case FIELD_ID:
		add_id_form(row, schema);
		return;
	case FIELD_RATIO:
		json_object_set_new(schema, "minimum", json_integer(0));
		json_object_set_new(schema, "maximum", json_integer(1));
		return;
	default:
		return;
	}
}

/* OpenAPI 3.1: a member that may be null has a list of types; an enum must then hold null too. */
static void allow_null(json_t *schema, const char *type)
{
	json_t *words = json_object_get(schema, "enum");

	json_object_set_new(schema, "type", json_pack("[s, s]", type, "null"));
	if (words != NULL)
		json_array_append_new(words, json_null());
}

static json_t *row_schema(const struct field *row, bool output)
{
	const struct schema_type *type = &schema_types[row->type];
	json_t *schema =
	    row->type == FIELD_OBJECT ? fields_schema(row->set, output) : json_object();

	if (schema == NULL)
		return NULL;
	json_object_set_new(schema, "type", json_string(type->type));
	/* A time may be given as a date too, so only what we write is a date-time. */
	if (type->format != NULL && (output || row->type == FIELD_DATE))
		json_object_set_new(schema, "format", json_string(type->format));
	add_details(row, output, schema);
	if ((row->flags & (FIELD_NULLABLE | FIELD_CLEARS)) != 0)
		allow_null(schema, type->type);
	if (row->sentence != NULL)
		json_object_set_new(schema, "description", json_string(row->sentence));
	if (row->example != NULL)
		json_object_set_new(schema, "examples",
		    json_pack("[o]", json_loads(row->example, JSON_DECODE_ANY, NULL)));
	return schema;
}

/* The other spelling of a member. A member that must be there in either of two is required by its
 * sentence only. */
static json_t *alias_schema(const struct field *row)
{
	json_t *schema = row_schema(row, false);

	if (schema != NULL)
		json_object_set_new(schema, "description",
		    json_sprintf("The same as %s, which wins where both are given.", row->name));
	return schema;
}

json_t *fields_schema(const struct field_set *set, bool output)
{
	json_t *schema = json_object(), *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < set->count; i++) {
		const struct field *row = &set->rows[i];
		json_object_set_new(properties, row->name, row_schema(row, output));
		if (row->alias != NULL)
			json_object_set_new(properties, row->alias, alias_schema(row));
		/* Null is written, never left out (contract/README.md, Times). */
		if (output ? (row->flags & FIELD_OPTIONAL) == 0
			   : (row->flags & FIELD_REQUIRED) != 0 && row->alias == NULL)
			json_array_append_new(required, json_string(row->name));
	}
	json_object_set_new(schema, "type", json_string("object"));
	json_object_set_new(schema, "additionalProperties", json_false());
	json_object_set_new(schema, "properties", properties);
	if (set->some_required)
		json_object_set_new(schema, "minProperties", json_integer(1));
	if (json_array_size(required) > 0)
		json_object_set_new(schema, "required", required);
	else
		json_decref(required);
	return schema;
}

/* Of a row without an example: the nearest value of its type. */
static json_t *typical_value(const struct field *row)
{
	switch (row->type) {
	case FIELD_WORD:
		return json_string(row->words->words[0]);
	case FIELD_WORDS:
		return json_pack("[s]", row->words->words[0]);
	case FIELD_TEXTS:
		return json_array();
	case FIELD_BOOL:
	case FIELD_SWITCH:
		return json_boolean(row->initial == 1);
	case FIELD_INT:
		return json_integer(row->min);
	case FIELD_DATE:
		return json_string("1990-05-15");
	case FIELD_TIME:
		return json_string("2026-05-01T10:30:00Z");
	case FIELD_ID:
		return row->id_kind == ID_UUID
			   ? json_string("01890a5d-ac96-774b-bcce-b302099a8057")
			   : json_sprintf("%s_01h455vb4pex5vsknk084sn02q", id_prefix(row->id_kind));
	case FIELD_RATIO:
		return json_real(1.0);
	case FIELD_JSON:
		return json_object();
	default:
		return json_string("text");
	}
}

static json_t *set_example(const struct field_set *set)
{
	json_t *example = json_object();

	for (size_t i = 0; i < set->count; i++) {
		if ((set->rows[i].flags & FIELD_OPTIONAL) == 0)
			json_object_set_new(
			    example, set->rows[i].name, field_example(&set->rows[i]));
	}
	return example;
}

json_t *field_example(const struct field *row)
{
	if (row->example != NULL)
		return json_loads(row->example, JSON_DECODE_ANY, NULL);
	if ((row->flags & FIELD_NULLABLE) != 0)
		return json_null();
	if (row->type == FIELD_OBJECT)
		return set_example(row->set);
	if (row->type == FIELD_OBJECTS)
		return json_pack("[o]", set_example(row->set));
	return typical_value(row);
}

json_t *fields_parameters(const struct field_set *set)
{
	json_t *parameters = json_array();

	for (size_t i = 0; i < set->count; i++) {
		const struct field *row = &set->rows[i];
		json_array_append_new(
		    parameters, json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", row->name, "in",
				    "query", "required", (row->flags & FIELD_REQUIRED) != 0,
				    "description", row->sentence == NULL ? "" : row->sentence,
				    "schema", row_schema(row, false)));
	}
	return parameters;
}
