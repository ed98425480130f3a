#ifndef GK_OUT_OUT_H
#define GK_OUT_OUT_H
/* The out room's door: one HTTP request or one mail to somebody else's server, and its answer. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A client with connections of its own that it keeps alive.  One thread owns it. */
struct out;

struct out_options {
	/*
	 * Connect to addresses of the public Internet alone: not to this machine,
	 * a private network or a unix socket.  Looked at is the very address that
	 * is connected to, after the name was resolved, so that no second look-up
	 * can say something else.
	 */
	bool public_only;
	const char *ca_file; /* PEM; NULL: the system's authorities */
	const char *
	    unix_path; /* connect to this socket, whatever the URL's host; NULL: don't */
	unsigned connect_ms; /* resolve, connect, TLS; 0: 5000 */
	unsigned total_ms;   /* everything; 0: 30000 */
};

/* Copies the options.  Gives *ret_out, ended with out_close().  Errors: GK_E_NOMEM. */
enum gk_rc out_open(const struct out_options *options, struct out **ret_out,
    struct gk_err *err) GK_MUST_USE;
void out_close(struct out *out); /* NULL is fine */
void out_closep(struct out **out);

/* From any thread: what is being sent ends within a second or so, what comes later at once, with GK_E_BUSY. */
void out_stop(struct out *out);

#define OUT_HEADERS_MAX 32

struct out_header {
	const char *name, *value;
};

struct out_request {
	const char *method; /* NULL: GET, or POST where there is a body */
	const char *url;    /* http://… or https://…; nothing else */
	const struct out_header *headers;
	size_t header_count; /* at most OUT_HEADERS_MAX */
	const char *token;   /* sent as "Authorization: Bearer"; NULL: none */
	const void *body;    /* NULL: none */
	size_t body_n;
};

struct out_answer {
	int status;             /* 100 to 599; 3xx too: nothing is followed */
	char content_type[128]; /* cut to that; "" when it isn't told */
	unsigned retry_after_s; /* 0: none, or a date */
};

/*
 * Send it and wait for the answer.  Borrows the request.  The answer's body is
 * appended to body, whose cap bounds it; its headers may have 64 KiB.  No
 * redirect is followed, no proxy asked, no cookie or password file read; TLS 1.2
 * and up, certificates and names are checked.  Any status is an answer, no error.
 * Errors: GK_E_INVALID (the request, or an address that isn't public),
 * GK_E_LIMIT (a longer answer), GK_E_BUSY (out_stop()), GK_E_IO (nobody there,
 * time is up, a certificate that isn't trusted: the text says it), GK_E_NOMEM.
 */
enum gk_rc out_send(struct out *out, const struct out_request *request,
    struct out_answer *ret_answer, struct gk_buf *body,
    struct gk_err *err) GK_MUST_USE;

/* One mail by SMTP. */
struct out_mail {
	const char *url; /* smtps://HOST[:PORT], or smtp://… with STARTTLS */
	const char *username, *password; /* NULL: no sign-in */
	const char *from; /* bare addresses, out_mail_address_ok() */
	const char *const *to;
	size_t to_count;  /* 1 to OUT_MAIL_TO_MAX */
	const char *text; /* header and body, CRLF at each line's end */
	size_t text_n;
};
#define OUT_MAIL_TO_MAX 32

/* A bare address, local@domain, of characters that can end no line, header or command. */
bool out_mail_address_ok(const char *address);

/*
 * Send it to all or nobody, under TLS in any case, and wait until the server
 * has taken it.  Addresses are checked as those of out_send().  Errors as there;
 * a server that says no is GK_E_IO with its code.
 */
enum gk_rc out_mail(struct out *out, const struct out_mail *mail,
    struct gk_err *err) GK_MUST_USE;

#endif
