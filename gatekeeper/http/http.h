#ifndef GK_HTTP_HTTP_H
#define GK_HTTP_HTTP_H
/* The http room's door: the API of api.md on a TCP address or a unix socket, and the admin socket beside it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct gate;
struct gate_cosigner;
struct http;

/*
 * What http_open() borrows: everything but the gate or the cosigner, which is kept
 * until http_close().  Zero means the default.
 */
struct http_options {
	struct gate *gate;              /* NULL: a witness's server */
	struct gate_cosigner *cosigner; /* NULL: a gate's server */
	/* "127.0.0.1:8181", "[::1]:8181", "unix:/path"; port 0: any; NULL: none. */
	const char *listen;
	const char *admin_socket; /* path, made with mode 0600; NULL: none */

	/* Accepted Host headers, without port, any case; unix sockets take any. */
	const char *const *hosts;
	size_t host_count;

	/* PEM files.  cert and key come together; client_ca: certificates are demanded. */
	const char *tls_cert;
	const char *tls_key;
	const char *tls_client_ca;
	bool insecure_http; /* plain HTTP on an address that isn't loopback */

	unsigned threads; /* loops; default: one per core, at most 64 */
	/* In all (8192), and of these for control routes only (16). */
	unsigned max_connections, reserved_connections;
	unsigned max_in_flight; /* calls begun and not answered (4096) */
	unsigned max_streams;   /* NDJSON exports at once (4) */

	/*
	 * How long a client may take, however often it sends or takes a byte.
	 * header: since it was accepted, or since its request line was read,
	 * until the header is whole (10 s).  body: from there until the body
	 * is whole (30 s).  idle: between two requests, to take an answer, or
	 * to take the next piece of a stream (60 s).
	 */
	/* Append more to /metrics; from any loop's thread; NULL: nothing. */
	enum gk_rc (*metrics)(
	    void *ctx, struct gk_buf *buf, struct gk_err *err);
	void *metrics_ctx;
	int64_t header_timeout_us, body_timeout_us, idle_timeout_us;

	/*
	 * POST /v1/slack/actions: a file with Slack's signing secret (NULL: no
	 * such route), the workspace that presses must come from (NULL: any),
	 * and whom to tell what came of a press; from any loop's thread, must
	 * not block.
	 */
	const char *slack_secret_file, *slack_team;
	void (*slack_reply)(void *ctx, const char *url, const char *text);
	void *slack_reply_ctx;

	/*
	 * The console's pages at /, and the sessions of those who sign in there:
	 * over when they were idle, or have lived, for so long (30 min, 12 h).
	 */
	bool console;
	int64_t session_idle_us, session_life_us;

	/*
	 * An OpenID Connect issuer whose word people may sign in by (issuer NULL:
	 * none): a proxy in front puts its token into each request's header.
	 * keys_wanted: a token named a key that http_set_keys() hasn't told; from
	 * any loop's thread, which must not wait; NULL: nobody to tell.
	 */
	struct http_sign_in {
		const char *issuer, *audience;
		const char *claim;  /* that names the identity; NULL: sub */
		const char *header; /* NULL: Authorization */
		const char *const *algorithms;
		size_t algorithm_count; /* 0: RS256, ES256, EdDSA */
		void (*keys_wanted)(void *ctx);
		void *keys_ctx;
	} sign_in;
};

/*
 * Check the options, load the certificates, bind and listen.
 * Errors: GK_E_INVALID (err->where names the option: an address that doesn't
 * parse, one that isn't loopback without TLS or insecure_http, a certificate
 * that doesn't load), GK_E_BUSY (the address is in use), GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc http_open(const struct http_options *options, struct http **ret_http,
    struct gk_err *err) GK_MUST_USE;

/*
 * The issuer's keys, a JWK set (RFC 7517) of n bytes; they take the place of
 * those before.  From any thread.  Errors: GK_E_INVALID, GK_E_LIMIT,
 * GK_E_NOMEM; the old keys stay.
 */
enum gk_rc http_set_keys(struct http *http, const char *json, size_t n,
    struct gk_err *err) GK_MUST_USE;

/* Start the loop threads; from now on requests are answered. */
enum gk_rc http_start(struct http *http, struct gk_err *err) GK_MUST_USE;

/* Where it listens, "127.0.0.1:8181" with the real port; "" for none. */
const char *http_address(const struct http *http);

/*
 * The end comes in this order, each called once by one thread:
 * http_quiesce(): accept nobody any more; every answer closes its connection;
 * gate_stop(), where there is a gate: all calls end, waiters included;
 * http_stop(): waits until every request begun is answered (a client that
 * doesn't read has 10 s), closes the rest, ends the threads;
 * http_close(), then gate_close().
 * http_close() also takes what was opened and never started, and NULL.
 */
void http_quiesce(struct http *http);
void http_stop(struct http *http);
void http_close(struct http *http);

/*
 * Read the certificate files again; new connections get them, open ones keep
 * what they have.  On any error the old ones stay.  Without TLS: GK_OK.
 * From any thread.  Errors: GK_E_INVALID, GK_E_IO, GK_E_NOMEM.
 */
enum gk_rc http_reload_tls(struct http *http, struct gk_err *err) GK_MUST_USE;
/* The same of the file with Slack's signing secrets. */
enum gk_rc http_reload_slack(
    struct http *http, const char *path, struct gk_err *err) GK_MUST_USE;

/* Append metrics in the Prometheus text format.  From any thread. */
enum gk_rc http_metrics(const struct http *http, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

#endif
