#ifndef GK_OUT_CHANNEL_H
#define GK_OUT_CHANNEL_H
/* A TLS connection to one peer, for protocols that aren't HTTP: bytes go, nothing is expected back. */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct channel;

struct channel_options {
	const char *
	    host; /* a name or an address, IPv6 without brackets; in the certificate */
	const char *port;
	const char *ca_file;        /* PEM; NULL: the system's authorities */
	unsigned connect_ms;        /* resolve, connect, TLS */
	bool (*is_over)(void *ctx); /* asked while connecting: give up? */
	void *ctx;
};

/* What channels need is on this machine; GK_E_IO: it isn't.  So that a start can say so. */
enum gk_rc channel_check_library(struct gk_err *err) GK_MUST_USE;

/*
 * Connect, TLS 1.2 and up, certificate and name checked.  Borrows the options.
 * Gives *ret_channel, ended with channel_close().
 * Errors: GK_E_IO (the text says why), GK_E_NOMEM.
 */
enum gk_rc channel_open(const struct channel_options *options,
    struct channel **ret_channel, struct gk_err *err) GK_MUST_USE;
void channel_close(struct channel *channel); /* NULL is fine */

int channel_fd(
    const struct channel *channel); /* to poll; never to read or write */

/* Send what goes without waiting: *ret_sent may be 0, then poll for POLLOUT.  GK_E_IO: it is broken. */
enum gk_rc channel_push(struct channel *channel, const char *bytes, size_t n,
    size_t *ret_sent, struct gk_err *err) GK_MUST_USE;

/* Is the peer still there?  What it says is read and dropped.  GK_E_IO: it isn't. */
enum gk_rc channel_check(
    struct channel *channel, struct gk_err *err) GK_MUST_USE;

#endif
