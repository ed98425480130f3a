#ifndef GK_HTTP_HEAD_H
#define GK_HTTP_HEAD_H
/* What a request's header says, and whether it can be trusted to say it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * libmicrohttpd lets through what would let two readers of the same bytes see
 * two different requests: several lengths, folded lines, names with spaces,
 * zero bytes.  Header lines are therefore read again here, one by one, in the
 * order and in the very memory in which they came: each must follow the one
 * before it, with nothing between them but what ended the line.
 */
struct head {
	const char *host;
	const char *content_type;
	const char *authorization;
	const char *traceparent; /* NULL when there are several */
	const char *csrf;        /* X-CSRF-Token */
	const char *site;        /* Sec-Fetch-Site */
	const char *if_none_match;
	const char *last_event_id;
	const char *assertion;      /* value of the header assertion_name */
	const char *assertion_name; /* set after head_begin(); NULL: none */
	const char *slack_timestamp, *slack_signature;
	const char *
	    cookie; /* value of HEAD_COOKIE, where it was received; NULL: none */
	size_t cookie_n;
	uint64_t content_length;
	bool has_length;
	bool chunked;
	bool expect;       /* the client waits for 100 Continue */
	bool proxied_tls;  /* X-Forwarded-Proto: https */
	bool ndjson;       /* Accept names application/x-ndjson */
	int64_t wait_s;    /* Prefer: wait; -1: none */
	const char *fault; /* why it can't be trusted; NULL: it can */

	const char *end;       /* of the line before */
	unsigned trace_count;  /* traceparent lines */
	unsigned cookie_count; /* cookies named HEAD_COOKIE */
	bool has_encoding;
};

/* The session's cookie; over TLS browsers are asked to keep it to this host and to TLS. */
#define HEAD_COOKIE     "gk_session"
#define HEAD_COOKIE_TLS "__Host-gk_session"

/*
 * Begin.  method, target and version are the request line's parts where they
 * were received, target_n the target's length before anything was decoded.
 */
void head_begin(struct head *head, const char *method, const char *target,
    size_t target_n, const char *version);

/* One header line, '\0'-terminated name and value where they were received. */
void head_line(struct head *head, const char *name, size_t name_n,
    const char *value, size_t value_n);

/* After the last line: what only the whole can tell.  end is the header's. */
void head_finish(struct head *head, const char *end);

/* A host of a Host header, with or without port, among those?  NULL, a missing one, isn't. */
bool head_host_is(
    const char *host, const char *const *hosts, size_t host_count);

/* Does If-None-Match (RFC 9110, section 13.1.2) name that entity tag?  NULL names none. */
bool head_has_tag(const char *if_none_match, const char *tag);

/* Is it application/json, whatever its parameters? */
bool head_is_json(const char *content_type);

/* The token of "Bearer <token>"; NULL for anything else. */
const char *head_bearer(const char *authorization);

#endif
