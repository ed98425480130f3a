#ifndef GK_POLICY_SCHEMA_NODE_H
#define GK_POLICY_SCHEMA_NODE_H
/* The tree that a schema is read into, shared by the files that read, check and type. */

#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "cel/regex.h"
#include "policy/schema.h"

/* ---- places ---- */

/* Where in a document: a chain from a value up to the root, whose up is NULL. */
struct place {
	const struct place *up;
	const char *name; /* of a member; NULL: an element */
	size_t index;
};

/* Give err that place as a JSON Pointer, at most 100 bytes of it, the end; gives rc. */
enum gk_rc place_mark(
    const struct place *at, enum gk_rc rc, struct gk_err *err);

/* ---- constants ---- */

/* A value of "enum" or "const". */
struct constant {
	enum json_type type;
	bool boolean;
	double number;
	const char *text; /* string: itself; array, object: canonical */
};

struct constants {
	const struct constant *items; /* NULL: nothing was said */
	size_t count;
	size_t bytes; /* of the longest canonical text */
};

enum gk_rc constant_read(const struct json_value *value, struct gk_arena *arena,
    struct constant *ret_constant, struct gk_err *err) GK_MUST_USE;
/* Is it one of them?  Errors: GK_E_NOMEM. */
enum gk_rc constants_have(const struct constants *constants,
    const struct json_value *value, bool *ret_have) GK_MUST_USE;
/* Are the array's elements all different?  Errors: GK_E_NOMEM, GK_E_LIMIT. */
enum gk_rc constants_differ(
    const struct json_value *array, bool *ret_differ) GK_MUST_USE;

/* Is number a whole multiple of step (above 0), both as their shortest decimal texts say? */
bool multiple_of(double number, double step);

/* ---- the tree ---- */

enum {
	TYPE_NULL = 1,
	TYPE_BOOLEAN = 2,
	TYPE_INTEGER = 4,
	TYPE_NUMBER = 8, /* integers too */
	TYPE_STRING = 16,
	TYPE_ARRAY = 32,
	TYPE_OBJECT = 64,
};
/* Their words, in the order of their bits. */
#define TYPE_COUNT 7
extern const char *const type_words[TYPE_COUNT];

struct schema_node;

struct schema_nodes {
	struct schema_node **items;
	size_t count;
};

/* What "properties" and "required" say of a name. */
struct property {
	const char *name;
	struct schema_node *node; /* NULL: only required */
	bool required;
};

enum settled { SETTLED_NOT, SETTLED_BUSY, SETTLED_DONE };

/*
 * One schema.  What isn't said forbids nothing: a node without words takes
 * everything.  Never changed once schema_parse() gave it.
 */
struct schema_node {
	unsigned number;          /* 0 is the top */
	struct schema_node *next; /* by number */
	bool never;               /* false: takes nothing */
	unsigned types;           /* TYPE_…; 0: any */
	struct constants one_of, only;
	struct schema_node *ref, *except; /* except: "not" */
	struct schema_nodes all, any, one;

	struct property *properties; /* by name */
	size_t property_count, required_count;
	struct schema_node *additional, *names; /* NULL: anything */
	size_t min_properties, max_properties;

	struct schema_node *items; /* behind the prefix; NULL: anything */
	struct schema_nodes prefix;
	size_t min_items, max_items;
	bool unique;

	double minimum, maximum, above, below; /* above, below: exclusive */
	double multiple_of;                    /* 0: not said */

	size_t min_length, max_length; /* code points */
	struct cel_regex *pattern;     /* owned; NULL: none */

	/* What schema_parse() finds out at the end: */
	enum settled settled;
	/* The node that says what a value consists of, by way of $ref, or the only alternative; NULL: several. */
	const struct schema_node *shape;
	bool nullable; /* shape is an alternative to null */
	bool doubles;  /* numbers are doubles: one that counts says "number" */
};

struct schema {
	struct schema_node *top;
	unsigned count; /* of nodes */
};

/* The property of that name; NULL: none. */
const struct property *node_property(
    const struct schema_node *node, const char *name);

/* ---- reading ---- */

struct unresolved;

/* A schema being read. */
struct schema_reader {
	struct gk_arena *arena;  /* the schema's */
	struct gk_arena scratch; /* until it is read */
	const struct json_value *root;
	struct gk_map nodes; /* json_value that was read as a schema → node */
	struct schema *schema;
	struct schema_node *last;
	struct unresolved *refs; /* newest first */
	unsigned depth, patterns;
	struct gk_err *err;
};

/* schema.c */
enum gk_rc schema_read(struct schema_reader *reader,
    const struct json_value *value, const struct place *at,
    struct schema_node **ret_node) GK_MUST_USE;
/* node refers to where text leads; known once everything is read. */
enum gk_rc schema_refer(struct schema_reader *reader, struct schema_node *node,
    const char *text, const struct place *at) GK_MUST_USE;
enum gk_rc schema_wrong(struct schema_reader *reader, const struct place *at,
    const char *fmt, ...) GK_PRINTF(3, 4) GK_MUST_USE;
enum gk_rc schema_no_memory(struct schema_reader *reader) GK_MUST_USE;

/* settle.c: follows every $ref, and finds out shapes */
enum gk_rc settle_all(struct schema_reader *reader) GK_MUST_USE;

struct unresolved {
	struct unresolved *next;
	struct schema_node *node;
	const char *text;
	struct gk_err where; /* of the $ref */
};

/* keyword.c: one member of a schema */
enum gk_rc keyword_read(struct schema_reader *reader, struct schema_node *node,
    const struct json_value *member, const struct place *up) GK_MUST_USE;
/* "properties" and "required", which are about the same names. */
enum gk_rc keyword_properties(struct schema_reader *reader,
    struct schema_node *node, const struct json_value *object,
    const struct place *up) GK_MUST_USE;

#endif
