/* Header checks: what would make two readers disagree about a request is refused. */
#include <string.h>
#include <strings.h>

#include "http/head.h"
#include "http/prefer.h"

/* More than any white space that a sane client puts between two lines. */
#define HEAD_GAP_MAX 64

/* RFC 9110, section 5.6.2. */
static bool
head_is_token(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') ||
			(c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL))) {
			return false;
		}
	}
	return n > 0;
}

/* No control bytes but tabs. */
static bool
head_is_value(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			return false;
		}
	}
	return true;
}

/* Does to follow from within reach, with white space and exactly so many zero bytes between them? */
static bool
head_follows(const char *from, const char *to, size_t zeros)
{
	uintptr_t gap = (uintptr_t)to - (uintptr_t)from;

	if ((uintptr_t)to < (uintptr_t)from || gap > HEAD_GAP_MAX) {
		return false;
	}
	for (size_t i = 0; i < gap; i++) {
		if (from[i] == '\0') {
			zeros--; /* once too often: it never gets back to 0 */
		} else if (from[i] != ' ' && from[i] != '\t') {
			return false;
		}
	}
	return zeros == 0;
}

void
head_begin(struct head *head, const char *method, const char *target,
    size_t target_n, const char *version)
{
	*head = (struct head){.wait_s = -1};
	if (!head_is_token(method, strlen(method)) ||
	    target != method + strlen(method) + 1 ||
	    version != target + target_n + 1) {
		head->fault = "the request line is malformed";
	}
	head->end = version + strlen(version);
}

/* "0" to "18446744073709551614", digits alone. */
static bool
head_length(const char *text, uint64_t *ret)
{
	uint64_t length = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' ||
		    __builtin_mul_overflow(length, (uint64_t)10, &length) ||
		    __builtin_add_overflow(
			length, (uint64_t)(*at - '0'), &length)) {
			return false;
		}
	}
	*ret = length;
	return *text != '\0';
}

static void
head_content_length(struct head *head, const char *value)
{
	if (head->has_length) {
		head->fault = "Content-Length is there twice";
	} else if (!head_length(value, &head->content_length)) {
		head->fault = "Content-Length isn't a number";
	}
	head->has_length = true;
}

static void
head_transfer_encoding(struct head *head, const char *value)
{
	if (head->has_encoding || strcasecmp(value, "chunked") != 0) {
		head->fault = "Transfer-Encoding must be chunked, once";
	}
	head->has_encoding = true;
	head->chunked = true;
}

/* A header that must not be there twice. */
static void
head_once(
    struct head *head, const char **at, const char *value, const char *twice)
{
	if (*at != NULL) {
		head->fault = twice;
	}
	*at = value;
}

static void
head_prefer(struct head *head, const char *value)
{
	if (head->wait_s < 0) {
		head->wait_s = prefer_wait(value);
	}
}

/*
 * The session's cookie among the pairs of RFC 6265, section 4.2.1.  Somebody who
 * can set cookies for this host from elsewhere may add another of that name: then
 * nobody is signed in by cookie.
 */
static void
head_cookies(struct head *head, const char *value)
{
	while (*value != '\0') {
		size_t n, name_n;

		value += strspn(value, "; \t");
		n = strcspn(value, ";");
		name_n = strcspn(value, "=;");
		if (name_n < n &&
		    ((name_n == sizeof(HEAD_COOKIE) - 1 &&
			 strncmp(value, HEAD_COOKIE, name_n) == 0) ||
			(name_n == sizeof(HEAD_COOKIE_TLS) - 1 &&
			    strncmp(value, HEAD_COOKIE_TLS, name_n) == 0))) {
			head->cookie_count++;
			head->cookie = value + name_n + 1;
			head->cookie_n = n - name_n - 1;
		}
		value += n;
	}
	if (head->cookie_count > 1) {
		head->cookie = NULL;
	}
}

static void
head_of_page(struct head *head, const char *name, const char *value)
{
	if (strcasecmp(name, "Cookie") == 0) {
		head_cookies(head, value);
	} else if (strcasecmp(name, "X-CSRF-Token") == 0) {
		head_once(
		    head, &head->csrf, value, "X-CSRF-Token is there twice");
	} else if (strcasecmp(name, "Sec-Fetch-Site") == 0) {
		head_once(
		    head, &head->site, value, "Sec-Fetch-Site is there twice");
	} else if (strcasecmp(name, "X-Forwarded-Proto") == 0) {
		head->proxied_tls = strcasecmp(value, "https") == 0;
	} else if (strcasecmp(name, "If-None-Match") == 0) {
		head->if_none_match = value;
	} else if (strcasecmp(name, "Last-Event-ID") == 0) {
		head_once(head, &head->last_event_id, value,
		    "Last-Event-ID is there twice");
	} else if (strcasecmp(name, "X-Slack-Request-Timestamp") == 0) {
		head_once(head, &head->slack_timestamp, value,
		    "X-Slack-Request-Timestamp is there twice");
	} else if (strcasecmp(name, "X-Slack-Signature") == 0) {
		head_once(head, &head->slack_signature, value,
		    "X-Slack-Signature is there twice");
	}
}

static void
head_known(struct head *head, const char *name, const char *value)
{
	if (head->assertion_name != NULL &&
	    strcasecmp(name, head->assertion_name) == 0) {
		head_once(head, &head->assertion, value,
		    "the header of sign_in.header is there twice");
	}
	if (strcasecmp(name, "Host") == 0) {
		head_once(head, &head->host, value, "Host is there twice");
	} else if (strcasecmp(name, "Content-Length") == 0) {
		head_content_length(head, value);
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		head_transfer_encoding(head, value);
	} else if (strcasecmp(name, "Content-Type") == 0) {
		head_once(head, &head->content_type, value,
		    "Content-Type is there twice");
	} else if (strcasecmp(name, "Authorization") == 0) {
		head_once(head, &head->authorization, value,
		    "Authorization is there twice");
	} else if (strcasecmp(name, "Prefer") == 0) {
		head_prefer(head, value);
	} else if (strcasecmp(name, "Accept") == 0) {
		head->ndjson |=
		    strcasestr(value, "application/x-ndjson") != NULL;
	} else if (strcasecmp(name, "traceparent") == 0) {
		head->traceparent = head->trace_count++ == 0 ? value : NULL;
	} else if (strcasecmp(name, "Expect") == 0) {
		head->expect = true;
	} else {
		head_of_page(head, name, value);
	}
}

void
head_line(struct head *head, const char *name, size_t name_n, const char *value,
    size_t value_n)
{
	if (!head_is_token(name, name_n)) {
		head->fault = "a header name isn't a token";
	} else if (!head_is_value(value, value_n)) {
		head->fault = "a header value has a control byte";
	} else if (!head_follows(head->end, name, 2) ||
		   !head_follows(name + name_n, value, 1)) {
		head->fault = "a header line is folded, has a zero byte, or "
			      "doesn't end in CRLF";
	}
	head->end = value + value_n;
	head_known(head, name, value);
}

void
head_finish(struct head *head, const char *end)
{
	/* the last line ends as all do, and so does the empty one after it */
	if (head->fault == NULL && !head_follows(head->end, end, 4)) {
		head->fault = "a header line is folded, has a zero byte or no "
			      "name, or doesn't end in CRLF";
	}
	if (head->has_length && head->has_encoding) {
		head->fault =
		    "Content-Length and Transfer-Encoding are both there";
	}
	if (head->host == NULL && head->fault == NULL) {
		head->fault = "Host is missing";
	}
}

/* Without the port and, for IPv6, without brackets. */
static size_t
head_host_bare(const char *host, const char **ret_start)
{
	if (host[0] == '[') {
		*ret_start = host + 1;
		return strcspn(host + 1, "]");
	}
	*ret_start = host;
	/* more than one colon and no bracket: the configuration's own "::1" */
	return strchr(host, ':') == strrchr(host, ':') ? strcspn(host, ":")
						       : strlen(host);
}

/* After a host: nothing, or a port of digits. */
static bool
head_host_end(const char *rest)
{
	if (*rest == ']') {
		rest++;
	}
	if (*rest == '\0') {
		return true;
	}
	return *rest == ':' && rest[1] != '\0' &&
	       rest[1 + strspn(rest + 1, "0123456789")] == '\0';
}

bool
head_host_is(const char *host, const char *const *hosts, size_t host_count)
{
	const char *asked, *known;
	size_t n = host == NULL ? 0 : head_host_bare(host, &asked);

	if (n == 0 || !head_host_end(asked + n)) {
		return false;
	}
	for (size_t i = 0; i < host_count; i++) {
		if (head_host_bare(hosts[i], &known) == n &&
		    strncasecmp(asked, known, n) == 0) {
			return true;
		}
	}
	return false;
}

bool
head_has_tag(const char *if_none_match, const char *tag)
{
	size_t n = strlen(tag);

	for (const char *at = if_none_match; at != NULL && *at != '\0';) {
		at += strspn(at, ", \t");
		if (at[0] == '*') {
			return true;
		}
		at += strncmp(at, "W/", 2) == 0 ? 2 : 0;
		if (strncmp(at, tag, n) == 0 && strchr(", \t", at[n]) != NULL) {
			return true;
		}
		at += strcspn(at, ",");
	}
	return false;
}

bool
head_is_json(const char *content_type)
{
	static const char json[] = "application/json";
	const char *rest = content_type + sizeof(json) - 1;

	if (strncasecmp(content_type, json, sizeof(json) - 1) != 0) {
		return false;
	}
	rest += strspn(rest, " \t");
	return *rest == '\0' || *rest == ';';
}

const char *
head_bearer(const char *authorization)
{
	const char *token = authorization + sizeof("Bearer") - 1;

	if (strncasecmp(authorization, "Bearer ", sizeof("Bearer ") - 1) != 0) {
		return NULL;
	}
	token += strspn(token, " ");
	return *token != '\0' && strpbrk(token, " \t") == NULL ? token : NULL;
}
