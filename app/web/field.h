/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h owns the field table (design section 4): one row per member of a body, a query or a
 * reply. Rows validate (all complaints at once, unknown members refused), fill a C struct whose
 * member types are checked when compiling, write a reply object from a struct, and write the
 * JSON Schema of all of them. Rows stand beside the handlers that use them.
 */
#ifndef BONAFIDE_FIELD_H
#define BONAFIDE_FIELD_H

#include "base.h"
#include "arena.h"
#include "dbstmt.h"
#include "id.h"
#include "json.h"
#include "state.h"
#include "verification.h" /* struct complaint */

enum field_type {
	FIELD_TEXT,  /* const char *: UTF-8, length in code points within [min, max] */
	FIELD_WORD,  /* const char *: one of words */
	FIELD_WORDS, /* const char *: in: array of min..max words (each one of words); the member
			becomes them joined by one space, each once. out: array from such a text */
	FIELD_TEXTS, /* const char *: in: array of min..max free texts, trimmed, each of 1..item_max
			code points, no two alike, by default whatever the case of their ASCII
			letters; the member becomes it as JSON text. out: from such a text; NULL is [] */
	FIELD_BOOL,  /* bool */
	FIELD_SWITCH, /* int64_t 1 or 0; DB_NULL where it is left unsaid */
	FIELD_INT,    /* int64_t within [min, max] */
	FIELD_DATE,   /* const char *: a real YYYY-MM-DD */
	FIELD_TIME, /* int64_t UTC ms: in: ISO 8601 date or time; out: whole seconds, TIME_NONE null */
	FIELD_ID,    /* struct uuid as TypeID of id_kind; nil is null */
	FIELD_RATIO, /* int64_t percent, out only: a number 0 to 1 with two decimals */
	FIELD_JSON,  /* in: const json_t *, an object (or, by the flags, an array or whatever it
			  is), borrowed; what is in it core looks at. out: const char *, JSON text */
	FIELD_OBJECT, /* a struct inside the struct, by the rows of set, which has no rule of its own; in a
			  body, faults in it are of "<name>.<member>" */
	FIELD_OBJECTS, /* out only: a pointer to an array of structs, its count at count_offset */
	FIELD__MAX
};

/* Member flags. */
#define FIELD_REQUIRED (1u << 0)
#define FIELD_NULLABLE (1u << 1) /* null is accepted (as absent), or may be written */
#define FIELD_DAY_END (1u << 2)  /* FIELD_TIME given as a date means its last millisecond */
#define FIELD_TRIM (1u << 3)     /* FIELD_TEXT: without the blanks around it */
#define FIELD_CLEARS (1u << 4)   /* FIELD_TEXT: null becomes "", which no text of min 1 can be */
#define FIELD_ARRAY (1u << 7)    /* FIELD_JSON in: an array */
#define FIELD_ANY (1u << 8)      /* FIELD_JSON in: core has its own words for what is none */
#define FIELD_CASE (1u << 6)     /* FIELD_TEXTS: those that differ in case are two */
#define FIELD_OPTIONAL (1u << 5) /* out: left out where it is null, false or the nil id */

struct field_set;
struct complaints;

/* What no row can say: looks at the filled struct and complains. It runs behind the rows, also
 * when they have complained: what they did not take is absent. */
typedef void fields_rule(const void *filled, struct complaints *complaints);

struct field {
	enum field_type type;
	const char *name;  /* as the client spells it */
	const char *alias; /* the same in another spelling, of which the name wins; NULL: none. In a
			      body only */
	size_t offset;     /* of the member of the struct */
	unsigned flags;
	int64_t min;
	int64_t max;
	const char *pattern;       /* PCRE2, whole match; NULL for none; FIELD_TEXT only */
	const char *pattern_words; /* what the pattern means, for the complaint */
	const struct word_list *words;
	enum id_kind id_kind;
	int64_t initial;             /* FIELD_INT and FIELD_BOOL when absent */
	int64_t item_max;            /* FIELD_TEXTS: code points of one */
	const struct field_set *set; /* FIELD_OBJECT and FIELD_OBJECTS; FIELD_JSON in, for the
					document: of the items of an array, or of the members
					of an object whose names are anybody's */
	size_t count_offset;         /* FIELD_OBJECTS: of the size_t beside it */
	size_t item_size;            /* FIELD_OBJECTS: of one, to hold against the set's */
	const char *sentence;        /* for the document */
	const char *example;         /* JSON text; NULL for none */
};

/* A named set of rows and the size of the struct they fill or are read from. */
struct field_set {
	const char *name; /* of the schema in the document: "VerifyRequest" */
	const struct field *rows;
	size_t count;
	size_t struct_size;
	bool some_required; /* at least one member must be there, whichever */
	fields_rule *rule;  /* of a body; NULL: none */
};

struct complaints {
	struct complaint items[LIMIT_COMPLAINTS];
	size_t count; /* of items */
	size_t seen;  /* of all, also those that found no room */
};

/* Adds a complaint; more than LIMIT_COMPLAINTS are dropped. Texts borrowed. */
void complain(struct complaints *complaints, const char *field, const char *message);

/* True when there is a complaint about this field. */
bool complained(const struct complaints *complaints, const char *field);

/*
 * Checks a JSON value against the set and fills ret_struct (struct_size bytes, zeroed first;
 * absent texts are NULL, absent ids nil, absent times TIME_NONE, absent switches DB_NULL, absent
 * integers and booleans the row's initial; of an absent object all members are absent).
 * Texts borrow from body, joined words live in the arena. ERR_VALIDATION with complaints,
 * ERR_NOMEM.
 */
enum err fields_read_json(const struct field_set *set, const json_t *body, struct arena *arena,
    void *ret_struct, struct complaints *complaints) MUST_CHECK;

/* The same from a raw query string: strict percent-decoding, no parameter twice, none unknown. */
enum err fields_read_query(const struct field_set *set, const char *query, struct arena *arena,
    void *ret_struct, struct complaints *complaints) MUST_CHECK;

/* Appends the object's JSON, members in the table's order; FIELD_OPTIONAL ones only where they say
 * something. ERR_NOMEM, ERR_FULL. */
enum err fields_write(const struct field_set *set, const void *object, struct buf *out) MUST_CHECK;

/* The JSON Schema (2020-12, as OpenAPI 3.1 uses it) of a set; the caller owns it; NULL when
 * memory is out. output: of a reply (all members required) or of a body. */
json_t *fields_schema(const struct field_set *set, bool output);

/* A value as the row's example shows it, or one of the row's type; the caller owns it; NULL when memory
 * is out. A row that may be null and has no example is null. */
json_t *field_example(const struct field *row);

/* The OpenAPI parameter objects of a query's set, an array; as fields_schema(). */
json_t *fields_parameters(const struct field_set *set);

#endif
