#ifndef GK_HTTP_PROBLEM_H
#define GK_HTTP_PROBLEM_H
/* Problem details (RFC 9457): every answer that isn't the one hoped for. */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "gate/gate.h"

struct problem {
	int status; /* HTTP; 0: no problem */
	const char *code;
	const char *detail;
	const char *pointer; /* JSON Pointer, or "offset N"; NULL: none */
	const char
	    *members; /* a JSON object whose members are added; NULL: none */
	const char *allow;      /* header, with 405 */
	int64_t retry_after_ms; /* header; 0: none */
};

/*
 * Append it as a JSON object: type, title, status, detail, code, pointer or
 * offset, then the members.  Errors: GK_E_LIMIT, GK_E_NOMEM.
 */
enum gk_rc problem_print(const struct problem *problem, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

/* The status's phrase of RFC 9110. */
const char *problem_title(int status);

int problem_status(enum gate_outcome outcome);

/* Whole seconds, rounded up. */
int64_t problem_retry_after_s(int64_t ms);

#endif
