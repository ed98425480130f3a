#ifndef GK_POLICY_SCHEMA_H
#define GK_POLICY_SCHEMA_H
/* What an action's arguments must look like: the subset of JSON Schema that tools use for their input. */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "cel/cel.h"
#include "codec/json.h"

/*
 * Read (JSON Schema 2020-12): type, properties, required, additionalProperties,
 * minProperties, maxProperties, items, prefixItems, minItems, maxItems,
 * uniqueItems, enum, const, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, multipleOf, minLength, maxLength, pattern (RE2), anyOf,
 * oneOf, allOf, not, $ref to "#", "#/$defs/…" or "#/definitions/…", true and
 * false.  Passed over: $schema, $id, $comment, title, description, default,
 * examples, format, deprecated, readOnly, writeOnly, and names beginning with
 * "x-".  Any other keyword is an error: one that is silently passed over would
 * be an opening.  A tool that reads patterns as ECMA-262 does may see more in
 * them than RE2; those that RE2 doesn't have are errors.
 */
struct schema;

#define SCHEMA_BYTES_MAX (256u << 10)

/*
 * The schema of one action's args: of type object.  Lives in arena; its patterns
 * are freed by schema_done().  Errors: GK_E_INVALID with a JSON Pointer in
 * err->where, GK_E_LIMIT (bytes, depth 32, 5000 values), GK_E_NOMEM.
 */
enum gk_rc schema_parse(const char *bytes, size_t n, struct gk_arena *arena,
    const struct schema **ret_schema, struct gk_err *err) GK_MUST_USE;
void schema_done(const struct schema *schema);

/*
 * Do the arguments fit?  NULL args are {}.  If not, why (may be NULL) says it:
 * where is a JSON Pointer into args.  What takes more than 100 000 steps doesn't
 * fit.
 */
bool schema_fits(const struct schema *schema, const struct json_value *args,
    struct gk_err *why);

/*
 * As a CEL type: an object is CEL_T_OBJECT of its properties, open only where
 * additionalProperties is true or a schema; number is double; what can be several
 * types is dyn.  NULL: no memory.
 */
const struct cel_type *schema_type(
    const struct schema *schema, struct gk_arena *arena);

/*
 * JSON → CEL value in arena; strings are borrowed.  Whole numbers are ints, but
 * doubles where the schema says number.  schema may be NULL.  False: no memory.
 */
bool schema_bind(const struct schema *schema, const struct json_value *value,
    struct gk_arena *arena, struct cel_value *ret_value);

#endif
