#ifndef GK_CODEC_INTERNAL_H
#define GK_CODEC_INTERNAL_H
/* What files of this room ask of one another: tokens under the trees, and the table's own questions. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct json_value;

/* A place in JSON text, which it borrows. */
struct lex {
	const char *start, *at, *end;
	struct gk_err *err;
};

/* A string as it stands in the text, without its quotes. */
struct lex_span {
	const char *at;
	size_t n;
	bool plain; /* ASCII without escapes and controls: copy as it is */
};

#define LEX_END (-1)

/* Set the error, with "offset N" of a place in the text as its where. */
#define LEX_FAIL(lex, at, rc, ...)                     \
	((void)GK_FAIL((lex)->err, (rc), __VA_ARGS__), \
	    lex__place((lex), (at)), (rc))

void lex__place(const struct lex *lex, const char *at);

/* Skip white space; gives the byte that follows, LEX_END after the last. */
int lex__peek(struct lex *lex);

/*
 * Read over one token that begins at lex->at: a string (a '"' stands there), a
 * number (a '-' or a digit), a word such as "null".  Errors: GK_E_INVALID;
 * lex__number also GK_E_NOMEM.
 */
enum gk_rc lex__span(struct lex *lex, struct lex_span *ret_span) GK_MUST_USE;
enum gk_rc lex__number(struct lex *lex, double *ret_number) GK_MUST_USE;
enum gk_rc lex__word(struct lex *lex, const char *word) GK_MUST_USE;

/*
 * Write what the span means, '\0'-terminated, into span->n + 1 bytes.
 * Errors: GK_E_INVALID; `to` then holds a part.
 */
enum gk_rc lex__decode(
    const struct lex *lex, const struct lex_span *span, char *to) GK_MUST_USE;

bool lex__check_text(const char *text, size_t n); /* as json_check_text() */

/*
 * What a plain scalar of YAML stands for by the core schema (YAML 1.2,
 * section 10.3.2).  Gives *ret_value, NULL when memory ran out.  Errors:
 * GK_E_INVALID, GK_E_NOMEM; the place is the caller's to name.
 */
bool plain__is_string(const char *text);
enum gk_rc plain__value(const char *text, struct json_value **ret_value,
    struct gk_err *err) GK_MUST_USE;

struct record_field;

/* Would record_encode() print the field of *src, or leave it out (or write null)? */
bool record__is_present(const struct record_field *field, const void *src);

/* A canonical decimal int64: no sign but '-', no leading zeros, no "-0". */
bool record__big(const char *text, int64_t *ret);

#endif
