#ifndef GK_CLI_CLIENT_H
#define GK_CLI_CLIENT_H
/* One HTTP/1.1 request over a unix socket or plain TCP, a connection each. */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Most that an answer may have, headers and all. */
#define CLIENT_BYTES_MAX (96u << 20)

struct client_request {
	const char *address; /* "unix:PATH" or HOST:PORT, [IPv6]:PORT */
	const char *host;    /* the Host header */
	const char *method;
	const char *path;   /* with its query, percent-encoded */
	const char *token;  /* NULL: none */
	const char *body;   /* JSON; NULL: none */
	const char *after;  /* Last-Event-ID of a stream; NULL: none */
	unsigned timeout_s; /* of each read and write */
};

/*
 * Connect and send it, for who reads the answer piece by piece; gives *ret_fd.
 * Errors: GK_E_BUSY when nobody listens there; GK_E_IO; GK_E_INVALID.
 */
enum gk_rc client_open(const struct client_request *request, int *ret_fd,
    struct gk_err *err) GK_MUST_USE;

/*
 * Send it, read the answer.  ret_body's cap bounds the answer's body.
 * Errors: GK_E_BUSY when nobody listens there; GK_E_IO; as response_parse().
 */
enum gk_rc client_ask(const struct client_request *request, int *ret_status,
    struct gk_buf *ret_body, struct gk_err *err) GK_MUST_USE;

/* Append text, percent-encoded as part of a path or query (RFC 3986). */
enum gk_rc client_encode(
    const char *text, struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;

#endif
