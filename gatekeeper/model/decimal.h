#ifndef GK_MODEL_DECIMAL_H
#define GK_MODEL_DECIMAL_H
/* Exact amounts: decimal text ⇄ millionths in an int64_t. */

#include <stdint.h>

#include "base/err.h"

/* "-9223372036854.775807" and its '\0' */
#define DECIMAL_TEXT_BYTES 24
#define DECIMAL_MICROS     INT64_C(1000000)
/* The largest amount of a request, budget or cost: 10^12 units. */
#define DECIMAL_MAX_MICROS (INT64_C(1000000000000) * DECIMAL_MICROS)

/*
 * "20", "0.02", at most six digits after the point, 0 to 10^12.
 * Errors: GK_E_INVALID (sign, exponent, more digits), GK_E_LIMIT.
 */
enum gk_rc decimal_parse(
    const char *text, int64_t *ret_micros, struct gk_err *err) GK_MUST_USE;

/* The shortest text: "20", "0.02", "-1.5". */
void decimal_print(int64_t micros, char ret_text[DECIMAL_TEXT_BYTES]);

#endif
