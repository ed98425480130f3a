#ifndef GK_POLICY_SCHEMA_INTERNAL_H
#define GK_POLICY_SCHEMA_INTERNAL_H
/* A schema as it was read. */

#include <stdint.h>

#include "cel/regex.h"
#include "policy/schema.h"

/* Bits of schema.types. */
enum {
	TYPE_NULL = 1,
	TYPE_BOOLEAN = 2,
	TYPE_INTEGER = 4,
	TYPE_NUMBER = 8, /* integers too */
	TYPE_STRING = 16,
	TYPE_ARRAY = 32,
	TYPE_OBJECT = 64,
};

struct schema_property {
	const char *name;
	const struct schema *schema;
	bool required;
};

struct schema_list {
	const struct schema **items;
	size_t count;
};

/* Zero is the schema that everything fits. */
struct schema {
	bool never;     /* false: nothing fits */
	unsigned types; /* 0: any */
	struct schema_property
	    *properties; /* required ones without a schema too: schema NULL */
	size_t property_count;
	const struct schema *additional; /* NULL: anything */
	bool open; /* additionalProperties was said, and isn't false */
	int64_t min_properties, max_properties; /* max -1: no bound, as below */
	const struct schema *elements;          /* NULL: anything */
	struct schema_list prefix;
	int64_t min_items, max_items;
	bool unique;
	const char **allowed; /* enum, const: canonical texts; NULL: any */
	size_t allowed_count;
	bool has_minimum, has_maximum, above,
	    below;                         /* above, below: exclusive */
	double minimum, maximum, multiple; /* multiple 0: of nothing */
	int64_t min_length, max_length;
	struct cel_regex *pattern;
	struct schema_list any, one, all;
	const struct schema * not ;
	const struct schema *same; /* $ref */
	const struct schema
	    *next_pattern; /* the root's list of those with patterns */
};

#endif
