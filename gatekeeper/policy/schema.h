#ifndef GK_POLICY_SCHEMA_H
#define GK_POLICY_SCHEMA_H
/* Action schemas: what an action's arguments must look like, in the JSON Schema of tools' descriptions. */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "cel/cel.h"
#include "codec/json.h"

/*
 * The subset of JSON Schema (2020-12) that tools describe their arguments in:
 *
 *   type  enum  const  $ref  $defs  definitions  allOf  anyOf  oneOf  not
 *   properties  required  additionalProperties  propertyNames
 *   minProperties  maxProperties
 *   items  prefixItems  minItems  maxItems  uniqueItems
 *   minimum  maximum  exclusiveMinimum  exclusiveMaximum  multipleOf
 *   minLength  maxLength (code points)  pattern (RE2, found anywhere)
 *
 * format, title, description, default, examples, deprecated, readOnly,
 * writeOnly, contentEncoding, contentMediaType, $schema, $comment, the top's $id
 * and names beginning with "x-" are read over: they forbid nothing.  Any other keyword is an error, for
 * what it says wouldn't be checked.  The top is of type "object".  A $ref leads
 * to a schema of the same file ("#", "#/$defs/a", "#/properties/a/items"); what
 * stands beside it counts too.
 */

#define SCHEMA_BYTES_MAX    (256u << 10)
#define SCHEMA_DEPTH_MAX    32u   /* schemas inside one another */
#define SCHEMA_NODES_MAX    5000u /* schemas */
#define SCHEMA_PATTERNS_MAX 256u
#define SCHEMA_STEPS_MAX    500000u /* of one check; about 10–40 ns each */

/* Immutable; from any thread. */
struct schema;

/*
 * Read one schema; it lives in arena and keeps nothing of bytes.  Compiled
 * patterns are outside the arena: end it with schema_done() before the arena.
 * Errors: GK_E_INVALID, GK_E_LIMIT, GK_E_NOMEM; err->where is a JSON Pointer,
 * or "offset N" where the text isn't JSON.  Then nothing is left to end.
 */
enum gk_rc schema_parse(const char *bytes, size_t n, struct gk_arena *arena,
    const struct schema **ret_schema, struct gk_err *err) GK_MUST_USE;
void schema_done(const struct schema *schema); /* NULL is fine */

/*
 * Do these arguments fit?  NULL args are {}.  Where they don't, ret_why (may be
 * NULL) has the JSON Pointer of the value at fault in where, at most 100 bytes,
 * and what was expected in text; neither shows any argument's value.  What takes
 * more than SCHEMA_STEPS_MAX steps, or can't be checked for lack of memory,
 * doesn't fit.
 */
bool schema_fits(const struct schema *schema, const struct json_value *args,
    struct gk_err *ret_why) GK_MUST_USE;

/*
 * The type that conditions see: what fits and is bound by schema_bind() is of it.
 * An object with properties is an OBJECT, open where additionalProperties says
 * so; integer is int, number is double; what may be of several types, or null,
 * is dyn, and so is what lies deeper than 16 levels.  Lives in arena, keeps
 * names of the schema.  NULL: no memory.
 */
const struct cel_type *schema_type(
    const struct schema *schema, struct gk_arena *arena) GK_MUST_USE;

/*
 * JSON as a CEL value: numbers that are integers within ±(2^53-1) are ints, also
 * when written 1.0, others doubles; where the schema says "number", all are
 * doubles.  schema may be NULL; value needn't fit.  Borrows value's texts; the
 * rest lives in arena.  False: no memory, or more than 64 levels.
 */
bool schema_bind(const struct schema *schema, const struct json_value *value,
    struct gk_arena *arena, struct cel_value *ret_value) GK_MUST_USE;

#endif
