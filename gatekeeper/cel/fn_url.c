/* url(text): a strict reader of RFC 3986; what tools read differently is refused. */

#include "cel/cel_internal.h"

#include <string.h>

#define URL_MAX 65535u

struct piece {
	const char *at;
	size_t n;
	bool there; /* "http://h?" has an empty query, "http://h" has none */
};

struct cel_url {
	struct piece text, scheme, user, host, path, query, fragment;
	int64_t port; /* -1: none */
	bool v6;      /* host is in brackets */
	char *lower;  /* host, in lower case, without a last dot */
	size_t lower_n;
};

bool
cel__url_same(const struct cel_url *a, const struct cel_url *b)
{
	return a->text.n == b->text.n &&
	       memcmp(a->text.at, b->text.at, a->text.n) == 0;
}

const char *
cel__url_text(const struct cel_url *url, size_t *ret_n)
{
	*ret_n = url->text.n;
	return url->text.at;
}

static char
lower(char c)
{
	if (c >= 'A' && c <= 'Z') {
		return (char)(c + ('a' - 'A'));
	}
	return c;
}

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Of unreserved letters, %XX, and those of more. */
static bool
only(const struct piece *piece, const char *more)
{
	for (size_t i = 0; i < piece->n; i++) {
		char c = piece->at[i];

		if (c == '%') {
			if (piece->n - i < 3 || !is_hex(piece->at[i + 1]) ||
			    !is_hex(piece->at[i + 2])) {
				return false;
			}
			i += 2;
		} else if (c == '\0' || (!is_alpha(c) && !is_digit(c) &&
					    strchr("-._~", c) == NULL &&
					    strchr(more, c) == NULL)) {
			return false;
		}
	}
	return true;
}

/* Cut *rest at the first of c; what follows it is *ret, with there set. */
static void
cut(struct piece *rest, char c, struct piece *ret)
{
	const char *at = rest->n == 0 ? NULL : memchr(rest->at, c, rest->n);

	if (at != NULL) {
		*ret = (struct piece){
		    at + 1, rest->n - (size_t)(at + 1 - rest->at), true};
		rest->n = (size_t)(at - rest->at);
	}
}

static bool
parse_scheme(struct piece *rest, struct cel_url *url)
{
	size_t n = 0;

	while (
	    n < rest->n && (is_alpha(rest->at[n]) ||
			       (n > 0 && rest->at[n] != '\0' &&
				   (is_digit(rest->at[n]) ||
				       strchr("+-.", rest->at[n]) != NULL)))) {
		n++;
	}
	if (n == 0 || n == rest->n || rest->at[n] != ':') {
		return false;
	}
	url->scheme = (struct piece){rest->at, n, true};
	rest->at += n + 1;
	rest->n -= n + 1;
	return true;
}

static bool
parse_port(const struct piece *port, struct cel_url *url)
{
	int64_t value = 0;

	if (port->n == 0 || port->n > 5) {
		return false;
	}
	for (size_t i = 0; i < port->n; i++) {
		if (!is_digit(port->at[i])) {
			return false;
		}
		value = value * 10 + (port->at[i] - '0');
	}
	url->port = value;
	return value <= 65535;
}

/* "[v6]" or "[v6]:port" */
static bool
parse_v6(struct piece rest, struct cel_url *url)
{
	const char *close = memchr(rest.at, ']', rest.n);
	struct piece port;

	if (close == NULL) {
		return false;
	}
	url->v6 = true;
	url->host =
	    (struct piece){rest.at + 1, (size_t)(close - rest.at - 1), true};
	port = (struct piece){
	    close + 1, rest.n - (size_t)(close + 1 - rest.at), true};
	if (memchr(url->host.at, ':', url->host.n) == NULL ||
	    !cel__ip_check(url->host.at, url->host.n)) {
		return false;
	}
	if (port.n == 0) {
		return true;
	}
	if (port.at[0] != ':') {
		return false;
	}
	port.at++;
	port.n--;
	return parse_port(&port, url);
}

/* "1", "017", "0x7f": a number of an IPv4 address to who reads with inet_aton(). */
static bool
is_number(const char *at, size_t n)
{
	bool hex = n >= 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X');

	for (size_t i = hex ? 2 : 0; i < n; i++) {
		if (!(hex ? is_hex(at[i]) : is_digit(at[i]))) {
			return false;
		}
	}
	return n > 0;
}

/*
 * A name, or an IPv4 address in its one spelling: no percent signs, which some
 * decode before they look it up and some don't; no name without letters between
 * two dots; and where the last one is a number, four decimal ones: 0251.0376.1,
 * 0xa9fea9fe and 2852039166 are addresses to some.
 */
static bool
is_host(const struct piece *host)
{
	size_t n = host->n, last = 0;

	for (size_t i = 0; i < n; i++) {
		char c = host->at[i];

		if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '.' &&
		    c != '_') {
			return false;
		}
		if (c == '.' && (i == 0 || host->at[i - 1] == '.')) {
			return false;
		}
		if (c == '.' && i + 1 < n) {
			last = i + 1;
		}
	}
	n -= n > 0 && host->at[n - 1] == '.';
	return !is_number(host->at + last, n - last) ||
	       cel__ip_check(host->at, host->n);
}

static bool
parse_authority(struct piece rest, struct cel_url *url)
{
	const char *at = rest.n == 0 ? NULL : memchr(rest.at, '@', rest.n);
	struct piece port = {NULL, 0, false};

	if (at != NULL) {
		url->user =
		    (struct piece){rest.at, (size_t)(at - rest.at), true};
		rest.n -= url->user.n + 1;
		rest.at = at + 1;
	}
	if (rest.n > 0 && rest.at[0] == '[') {
		return parse_v6(rest, url) && only(&url->user, "!$&'()*+,;=:");
	}
	cut(&rest, ':', &port);
	url->host = rest;
	url->host.there = true;
	return is_host(&rest) && (!port.there || parse_port(&port, url)) &&
	       only(&url->user, "!$&'()*+,;=:");
}

static bool
parse(struct piece text, struct cel_url *url)
{
	static const char parts[] = "!$&'()*+,;=:@/";
	struct piece rest = text;

	memset(url, 0, sizeof(*url));
	url->text = text;
	url->port = -1;
	if (!parse_scheme(&rest, url)) {
		return false;
	}
	cut(&rest, '#', &url->fragment);
	cut(&rest, '?', &url->query);
	if (rest.n >= 2 && memcmp(rest.at, "//", 2) == 0) {
		struct piece authority = {rest.at + 2, rest.n - 2, true};
		const char *slash =
		    authority.n == 0 ? NULL
				     : memchr(authority.at, '/', authority.n);

		url->path = (struct piece){authority.at + authority.n, 0, true};
		if (slash != NULL) {
			url->path = (struct piece){slash,
			    authority.n - (size_t)(slash - authority.at), true};
			authority.n = (size_t)(slash - authority.at);
		}
		if (!parse_authority(authority, url)) {
			return false;
		}
	} else {
		url->path = rest;
	}
	return only(&url->path, parts) &&
	       only(&url->query, "!$&'()*+,;=:@/?") &&
	       only(&url->fragment, "!$&'()*+,;=:@/?");
}

/* http and what is like it needs a host; "http:/evil" is read as one by some. */
static bool
is_sound(const struct cel_url *url)
{
	static const char *const with_host[] = {
	    "http", "https", "ws", "wss", "ftp"};

	for (size_t i = 0; i < GK_COUNT(with_host); i++) {
		if (url->scheme.n == strlen(with_host[i]) &&
		    strncasecmp(url->scheme.at, with_host[i], url->scheme.n) ==
			0) {
			return url->host.there && url->host.n > 0;
		}
	}
	return true;
}

static bool
parse_text(const struct cel_value *text, struct cel_url *url)
{
	struct piece piece = {text->as.text, text->n, true};

	return text->n > 0 && text->n <= URL_MAX && parse(piece, url) &&
	       is_sound(url);
}

static struct cel_value
url(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_url *made;

	(void)n;
	if (!cel__charge(ev, 1 + args[0].n / 4)) {
		return cel__spent(ev);
	}
	made = cel__alloc(ev, sizeof(*made));
	if (made == NULL) {
		return cel__spent(ev);
	}
	if (!parse_text(&args[0], made)) {
		return cel__fault(ev, CEL_F_ARGUMENT,
		    "not an absolute URL (RFC 3986) that is read the same "
		    "everywhere");
	}
	made->lower = cel__alloc(ev, made->host.n + 1);
	if (made->lower == NULL) {
		return cel__spent(ev);
	}
	for (size_t i = 0; i < made->host.n; i++) {
		made->lower[i] = lower(made->host.at[i]);
	}
	made->lower_n = made->host.n;
	made->lower_n -=
	    made->lower_n > 1 && made->lower[made->lower_n - 1] == '.';
	return (struct cel_value){.kind = CEL_URL, .as.url = made};
}

static struct cel_value
is_url(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_url parsed;

	(void)n;
	if (!cel__charge(ev, 1 + args[0].n / 4)) {
		return cel__spent(ev);
	}
	return cel_bool(parse_text(&args[0], &parsed));
}

static struct cel_value
piece_value(const struct piece *piece)
{
	return piece->n == 0 ? cel_text("") : cel_string(piece->at, piece->n);
}

static struct cel_value
scheme(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	const struct piece *from = &args[0].as.url->scheme;
	char *text = cel__alloc(ev, from->n + 1);

	(void)n;
	if (text == NULL) {
		return cel__spent(ev);
	}
	for (size_t i = 0; i < from->n; i++) {
		text[i] = lower(from->at[i]);
	}
	return cel_string(text, from->n);
}

static struct cel_value
host(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return cel_string(args[0].as.url->lower, args[0].as.url->lower_n);
}

/* The port that is written, else the scheme's own, else 0. */
static struct cel_value
port(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	static const struct {
		const char *scheme;
		int64_t port;
	} known[] = {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443},
	    {"ftp", 21}, {"ssh", 22}};
	const struct cel_url *from = args[0].as.url;

	(void)ev;
	(void)n;
	for (size_t i = 0; from->port < 0 && i < GK_COUNT(known); i++) {
		if (from->scheme.n == strlen(known[i].scheme) &&
		    strncasecmp(from->scheme.at, known[i].scheme,
			from->scheme.n) == 0) {
			return cel_int(known[i].port);
		}
	}
	return cel_int(from->port < 0 ? 0 : from->port);
}

static struct cel_value
path(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return piece_value(&args[0].as.url->path);
}

static struct cel_value
query(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return piece_value(&args[0].as.url->query);
}

static struct cel_value
fragment(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return piece_value(&args[0].as.url->fragment);
}

static struct cel_value
username(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct piece user = args[0].as.url->user, password = {0};

	(void)ev;
	(void)n;
	cut(&user, ':', &password);
	return piece_value(&user);
}

static struct cel_value
has_user(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return cel_bool(args[0].as.url->user.there);
}

static struct cel_value
to_string(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return piece_value(&args[0].as.url->text);
}

const struct cel_builtin cel__urls[] = {
    {"url", false, "(string) -> url.URL", url},
    {"isURL", false, "(string) -> bool", is_url},
    {"scheme", true, "(url.URL) -> string", scheme},
    {"host", true, "(url.URL) -> string", host},
    {"port", true, "(url.URL) -> int", port},
    {"path", true, "(url.URL) -> string", path},
    {"query", true, "(url.URL) -> string", query},
    {"fragment", true, "(url.URL) -> string", fragment},
    {"username", true, "(url.URL) -> string", username},
    {"hasUserinfo", true, "(url.URL) -> bool", has_user},
    {"getScheme", true, "(url.URL) -> string", scheme},
    {"getHostname", true, "(url.URL) -> string", host},
    {"getEscapedPath", true, "(url.URL) -> string", path},
    {"string", false, "(url.URL) -> string", to_string},
    {NULL, false, NULL, NULL},
};
