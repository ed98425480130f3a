/* The parser of HTTP/1.1 responses. */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "cli/response.h"

/* What is left to read. */
struct input {
	const char *at, *end;
	struct gk_err *err;
};

struct head {
	int status;
	bool has_length;
	size_t length;
	bool chunked;
};

static enum gk_rc
bad(const struct input *in, const char *what)
{
	return GK_FAIL(
	    in->err, GK_E_INVALID, "the server's answer is broken: %s", what);
}

/* One line without its CRLF. */
static enum gk_rc
take_line(struct input *in, const char **ret_line, size_t *ret_n)
{
	size_t left = (size_t)(in->end - in->at);
	size_t most = left < RESPONSE_HEAD_MAX ? left : RESPONSE_HEAD_MAX;
	const char *end = most > 0 ? memmem(in->at, most, "\r\n", 2) : NULL;

	if (end == NULL) {
		return bad(in, "a line without end");
	}
	*ret_line = in->at;
	*ret_n = (size_t)(end - in->at);
	in->at = end + 2;
	return GK_OK;
}

/* "HTTP/1.1 200 OK" */
static enum gk_rc
read_status(struct input *in, int *ret_status)
{
	const char *line;
	size_t n;

	GK_TRY(take_line(in, &line, &n));
	if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 ||
	    (line[7] != '0' && line[7] != '1') || line[8] != ' ' ||
	    (n > 12 && line[12] != ' ')) {
		return bad(in, "no status line");
	}
	*ret_status = 0;
	for (size_t i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9') {
			return bad(in, "no status code");
		}
		*ret_status = *ret_status * 10 + (line[i] - '0');
	}
	return *ret_status >= 100 ? GK_OK : bad(in, "no status code");
}

static bool
parse_digits(const char *text, size_t n, unsigned base, size_t *ret)
{
	size_t number = 0;

	if (n == 0 || n > 9) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		static const char digits[] = "0123456789abcdef";
		int c =
		    text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i];
		const char *digit = c != '\0' ? strchr(digits, c) : NULL;

		if (digit == NULL || (size_t)(digit - digits) >= base) {
			return false;
		}
		number = number * base + (size_t)(digit - digits);
	}
	*ret = number;
	return true;
}

static bool
is_name(const char *text, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp(text, name, n) == 0;
}

/* "name: value"; only those that frame the body matter. */
static enum gk_rc
read_header(struct input *in, const char *line, size_t n, struct head *head)
{
	const char *colon = memchr(line, ':', n), *value;
	size_t name_n, value_n;

	if (colon == NULL || colon == line || line[0] == ' ' ||
	    line[0] == '\t' || colon[-1] == ' ' || colon[-1] == '\t') {
		return bad(in, "a malformed header");
	}
	name_n = (size_t)(colon - line);
	value = colon + 1;
	value_n = n - name_n - 1;
	while (value_n > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		value_n--;
	}
	while (value_n > 0 &&
	       (value[value_n - 1] == ' ' || value[value_n - 1] == '\t')) {
		value_n--;
	}
	if (is_name(line, name_n, "Content-Length")) {
		if (head->has_length ||
		    !parse_digits(value, value_n, 10, &head->length)) {
			return bad(in, "Content-Length");
		}
		head->has_length = true;
	} else if (is_name(line, name_n, "Transfer-Encoding")) {
		if (head->chunked || !is_name(value, value_n, "chunked")) {
			return bad(in, "Transfer-Encoding");
		}
		head->chunked = true;
	}
	return GK_OK;
}

static enum gk_rc
read_head(struct input *in, struct head *head)
{
	const char *start = in->at, *line;
	size_t n;

	*head = (struct head){0};
	GK_TRY(read_status(in, &head->status));
	for (;;) {
		if (in->at - start > RESPONSE_HEAD_MAX) {
			return bad(in, "headers without end");
		}
		GK_TRY(take_line(in, &line, &n));
		if (n == 0) {
			break;
		}
		GK_TRY(read_header(in, line, n, head));
	}
	return head->chunked && head->has_length ? bad(in, "two lengths")
						 : GK_OK;
}

static enum gk_rc
take_bytes(struct input *in, size_t n, struct gk_buf *body)
{
	if ((size_t)(in->end - in->at) < n) {
		return bad(in, "it is cut short");
	}
	GK_TRY(gk_buf_add(body, in->at, n, in->err));
	in->at += n;
	return GK_OK;
}

bool
response_chunk(const char *line, size_t n, size_t *ret_size)
{
	size_t digits = 0;

	while (digits < n && line[digits] != ';' && line[digits] != '\r') {
		digits++;
	}
	return parse_digits(line, digits, 16, ret_size);
}

/* A chunk's size, and its bytes. */
static enum gk_rc
read_chunk(struct input *in, struct gk_buf *body, size_t *ret_size)
{
	const char *line;
	size_t n;

	GK_TRY(take_line(in, &line, &n));
	if (!response_chunk(line, n, ret_size)) {
		return bad(in, "a chunk's size");
	}
	if (*ret_size == 0) {
		return GK_OK;
	}
	GK_TRY(take_bytes(in, *ret_size, body));
	GK_TRY(take_line(in, &line, &n));
	return n == 0 ? GK_OK : bad(in, "a chunk's end");
}

/* Chunks, the last of size 0, then trailers that nobody reads. */
static enum gk_rc
read_chunks(struct input *in, struct gk_buf *body)
{
	const char *line;
	size_t n, size;

	do {
		GK_TRY(read_chunk(in, body, &size));
	} while (size > 0);
	do {
		GK_TRY(take_line(in, &line, &n));
	} while (n > 0);
	return GK_OK;
}

enum gk_rc
response_head(const char *bytes, size_t n, int *ret_status, bool *ret_chunked,
    struct gk_err *err)
{
	struct input in = {bytes, bytes + n, err};
	struct head head;

	GK_TRY(read_head(&in, &head));
	*ret_status = head.status;
	*ret_chunked = head.chunked;
	return GK_OK;
}

enum gk_rc
response_parse(const char *bytes, size_t n, int *ret_status,
    struct gk_buf *ret_body, struct gk_err *err)
{
	struct input in = {bytes, bytes + n, err};
	struct head head;

	do {
		GK_TRY(read_head(&in, &head));
	} while (head.status < 200);
	if (head.chunked) {
		GK_TRY(read_chunks(&in, ret_body));
	} else if (head.has_length) {
		GK_TRY(take_bytes(&in, head.length, ret_body));
	} else if (head.status != 204 && head.status != 304) {
		GK_TRY(take_bytes(&in, (size_t)(in.end - in.at), ret_body));
	}
	*ret_status = head.status;
	return GK_OK;
}
