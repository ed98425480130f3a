#ifndef GK_CODEC_CANON_H
#define GK_CODEC_CANON_H
/* RFC 8785 (JCS): the one canonical text of a JSON value. */

#include "base/buf.h"
#include "codec/json.h"

/* "-1.7976931348623157e+308" and its '\0' */
#define CANON_NUMBER_BYTES 32

/*
 * Append the canonical text of value.  Members sort by UTF-16 code units.
 * Errors: GK_E_LIMIT (buf's cap), GK_E_NOMEM.  On error buf may hold a part.
 */
enum gk_rc canon_print(const struct json_value *value, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/* Append text as a JSON string with its quotes.  text is valid UTF-8. */
enum gk_rc canon_string(
    const char *text, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

/*
 * The shortest text that reads back as number, as ECMAScript prints it.
 * number is finite.  Gives the length.
 */
size_t canon_number(double number, char ret_text[CANON_NUMBER_BYTES]);

#endif
