/* Request targets: split on the raw bytes first, decode each piece afterwards. */
#include <string.h>

#include "codec/json.h"
#include "http/uri.h"

/* 0–15, or -1. */
static int
uri_hex(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte of an escape whose '%' is at text; -1 when it is broken. */
static int
uri_escape(const char *text)
{
	int high = uri_hex(text[1]);
	int low = high < 0 ? -1 : uri_hex(text[2]);

	return low < 0 ? -1 : high * 16 + low;
}

static bool
uri_is_control(int byte)
{
	return byte < 0x20 || byte == 0x7f;
}

bool
uri_decode(char *text)
{
	size_t to = 0;

	for (const char *from = text; *from != '\0'; from++) {
		int byte = (unsigned char)*from;

		if (byte == '%') {
			byte = uri_escape(from);
			from += 2;
		}
		if (uri_is_control(byte)) {
			return false;
		}
		text[to++] = (char)byte;
	}
	text[to] = '\0';
	return json_check_text(text, to);
}

/* Only visible ASCII, whole escapes of anything but control bytes. */
static enum gk_rc
uri_check(const char *text, struct gk_err *err)
{
	if (text[0] != '/') {
		return GK_FAIL(
		    err, GK_E_INVALID, "the request target must be a path");
	}
	for (const char *at = text; *at != '\0'; at++) {
		if (*at <= ' ' || *at > '~' || *at == '#') {
			return GK_FAIL(err, GK_E_INVALID,
			    "the request target has a byte that must be "
			    "percent-encoded");
		}
		if (*at == '%' && uri_is_control(uri_escape(at))) {
			return GK_FAIL(err, GK_E_INVALID,
			    "the request target has a broken escape or an "
			    "escaped control byte");
		}
	}
	return GK_OK;
}

static bool
uri_has_param(const struct uri *uri, const char *name)
{
	for (size_t i = 0; i < uri->param_count; i++) {
		if (strcmp(uri->params[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* One "name=value" or "name". */
static enum gk_rc
uri_add_param(struct uri *uri, char *pair, struct gk_err *err)
{
	char *value = strchrnul(pair, '=');

	if (uri->param_count == URI_PARAMS_MAX) {
		return GK_FAIL(
		    err, GK_E_LIMIT, "the query has too many parameters");
	}
	if (*value == '=') {
		*value++ = '\0';
	}
	if (pair[0] == '\0' || !uri_decode(pair) || !uri_decode(value)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "the query has a parameter that can't be read");
	}
	if (uri_has_param(uri, pair)) {
		return GK_FAIL(
		    err, GK_E_INVALID, "the query has a parameter twice");
	}
	uri->params[uri->param_count].name = pair;
	uri->params[uri->param_count++].value = value;
	return GK_OK;
}

static void
uri_add_segment(struct uri *uri, char *segment)
{
	if (uri->segment_count < URI_SEGMENTS_MAX) {
		uri->segments[uri->segment_count] = segment;
	}
	uri->segment_count++;
}

enum gk_rc
uri_split(char *text, struct uri *ret, struct gk_err *err)
{
	char *query;

	*ret = (struct uri){0};
	GK_TRY(uri_check(text, err));
	query = strchr(text, '?');
	if (query != NULL) {
		*query++ = '\0';
	}
	for (char *at = text; at != NULL;) {
		*at++ = '\0';
		uri_add_segment(ret, at);
		at = strchr(at, '/');
	}
	while (query != NULL) {
		char *next = strchr(query, '&');

		if (next != NULL) {
			*next++ = '\0';
		}
		GK_TRY(uri_add_param(ret, query, err));
		query = next;
	}
	return GK_OK;
}
