#ifndef TEST_CONFORMANCE_LITERAL_H
#define TEST_CONFORMANCE_LITERAL_H
/* The suite's way of writing values in JSON: {"int64": "1"}, {"map": [[key, value]]} and the like. */

#include "base/arena.h"
#include "cel/cel.h"
#include "codec/json.h"

/* What stands for U+0000 in JSON texts here: U+F8FF, which no case uses. */
#define LITERAL_NUL "\xef\xa3\xbf"

/* text with NUL where LITERAL_NUL stood; lives in arena. */
const char *literal_text(
    const char *text, struct gk_arena *arena, size_t *ret_n) GK_MUST_USE;

/* Errors: GK_E_INVALID, GK_E_NOMEM.  The value lives in arena. */
enum gk_rc literal_decode(const struct json_value *json, struct gk_arena *arena,
    struct cel_value *ret_value, struct gk_err *err) GK_MUST_USE;

#endif
