#ifndef GK_HTTP_URI_H
#define GK_HTTP_URI_H
/* A request target taken apart: raw path segments, and the query's parameters decoded. */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "gate/gate.h"

#define URI_SEGMENTS_MAX 12
#define URI_PARAMS_MAX   24

struct uri {
	char *segments[URI_SEGMENTS_MAX]; /* raw: not percent-decoded */
	size_t segment_count; /* may be larger: then no route has so many */
	struct gate_param params[URI_PARAMS_MAX];
	size_t param_count;
};

/*
 * Take apart an origin-form target ("/v1/runs/a%2Fb?tenant_id=t"), in place:
 * what ret points to lies in text, which the caller keeps.  '+' is a plus.
 * Errors: GK_E_INVALID for bytes that aren't visible ASCII, a '#', a broken
 * escape, an escaped control byte or what isn't UTF-8 in the query, a
 * parameter without a name or named twice; GK_E_LIMIT for too many.
 */
enum gk_rc uri_split(
    char *text, struct uri *ret, struct gk_err *err) GK_MUST_USE;

/* Percent-decode in place; false when the result isn't UTF-8 text without control bytes, or an escape is broken. */
bool uri_decode(char *text);

#endif
