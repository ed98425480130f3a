#ifndef GK_CODEC_JSON_H
#define GK_CODEC_JSON_H
/* Strict I-JSON (RFC 8259, RFC 7493) text ⇄ a tree of values.  The tree is cJSON's; only json.c knows. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct json_value; /* one node; owned by its parent, the root by the caller */

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_limits {
	size_t bytes; /* of the text */
	size_t depth; /* of nested arrays and objects; at most JSON_DEPTH_MAX */
	size_t values; /* nodes of any type, members and elements included */
};

/* Trees are freed by recursion. */
#define JSON_DEPTH_MAX 512

/* What api.md allows a request: 1 MiB, 64 levels, 10 000 values. */
extern const struct json_limits json_limits_request;

/* The largest magnitude that an I-JSON integer may have: 2^53 - 1. */
#define JSON_INT_MAX INT64_C(9007199254740991)

/*
 * Read one JSON text, and nothing after it but white space.  Refused: what
 * RFC 8259 forbids, and what RFC 7493 forbids (invalid UTF-8, duplicate
 * members after unescaping, lone surrogates, noncharacters such as U+FFFF),
 * U+0000, a BOM, integers beyond ±(2^53-1) (number tokens without fraction and
 * exponent, or numbers below 1e21 that RFC 8785 would print as such a token:
 * what is read here reads back from its canonical text), numbers that are not
 * finite as a double.  Linear in n.
 *
 * Borrows bytes.  Gives *ret_value, ended with json_free().
 * Errors: GK_E_INVALID, GK_E_LIMIT, GK_E_NOMEM; err->where is "offset N".
 */
enum gk_rc json_parse(const char *bytes, size_t n,
    const struct json_limits *limits, struct json_value **ret_value,
    struct gk_err *err) GK_MUST_USE;

void json_free(struct json_value *value);
void json_freep(struct json_value **value);

/*
 * Of NULL, what json_get() gives for an absent member, all of these say nothing:
 * false, 0, NULL; but json_type(), json_type_name(), json_next() and json_name()
 * want a value.
 */
enum json_type json_type(const struct json_value *value);
const char *json_type_name(const struct json_value *value); /* "string" … */
bool json_bool(const struct json_value *value);     /* false unless true */
double json_number(const struct json_value *value); /* 0 unless a number */

/* Is it a number with an integral value within ±(2^53-1)?  -0 is 0; 1.0 and 1e2 are integers. */
bool json_int(const struct json_value *value, int64_t *ret_int);

/* The text, '\0'-terminated UTF-8; NULL unless a string.  Lives in value. */
const char *json_string(const struct json_value *value);

/* Elements or members; 0 unless an array or object. */
size_t json_count(const struct json_value *value);
const struct json_value *json_first(const struct json_value *value);
const struct json_value *json_next(const struct json_value *value);

/* The name of a member of an object; NULL for anything else. */
const char *json_name(const struct json_value *member);

/* The member with exactly that name; NULL when absent or not an object. */
const struct json_value *json_get(
    const struct json_value *object, const char *name);

/*
 * Follow an RFC 6901 JSON Pointer ("" is the root); NULL when it leads nowhere
 * or isn't a pointer.
 */
const struct json_value *json_at(
    const struct json_value *root, const char *pointer);

/* May these bytes be a string here: valid UTF-8, no U+0000, no noncharacter? */
bool json_check_text(const char *text, size_t n);

/*
 * Builders.  Each gives a new root; NULL when memory ran out.  Text and names
 * must pass json_check_text(), numbers must be finite: who builds from
 * somebody else's bytes asks first.
 */
struct json_value *json_new_null(void);
struct json_value *json_new_bool(bool b);
struct json_value *json_new_number(double number);
struct json_value *json_new_string(const char *text);
struct json_value *json_new_array(void);
struct json_value *json_new_object(void);
struct json_value *json_dup(const struct json_value *value);

/*
 * Take *item into an array, or into an object under a name that it doesn't
 * have yet (canon_print() ends the process over a second one).  *item becomes
 * NULL, on success and on error alike; a NULL *item (a builder that failed) is
 * GK_E_NOMEM.
 */
enum gk_rc json_append(struct json_value *array, struct json_value **item,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc json_set(struct json_value *object, const char *name,
    struct json_value **item, struct gk_err *err) GK_MUST_USE;

#endif
