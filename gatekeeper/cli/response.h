#ifndef GK_CLI_RESPONSE_H
#define GK_CLI_RESPONSE_H
/* Reading an HTTP/1.1 response (RFC 9112), strictly: one that is cut short or ambiguous is none. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Of all headers together. */
#define RESPONSE_HEAD_MAX 16384

/*
 * Read a whole response, as it came until the server closed: status line,
 * headers, and a body by Content-Length, in chunks, or up to the end.  Interim
 * answers (1xx) are skipped.  Borrows bytes; appends the body to ret_body.
 * Errors: GK_E_INVALID (malformed, cut short, both Content-Length and
 * Transfer-Encoding), GK_E_LIMIT (ret_body's cap), GK_E_NOMEM.
 */
enum gk_rc response_parse(const char *bytes, size_t n, int *ret_status,
    struct gk_buf *ret_body, struct gk_err *err) GK_MUST_USE;

/* A header alone, with the empty line that ends it.  Errors: GK_E_INVALID. */
enum gk_rc response_head(const char *bytes, size_t n, int *ret_status,
    bool *ret_chunked, struct gk_err *err) GK_MUST_USE;

/* The size in a chunk's first line, without its CRLF; false: there is none. */
bool response_chunk(const char *line, size_t n, size_t *ret_size);

#endif
