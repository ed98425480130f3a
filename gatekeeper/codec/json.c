/* The strict I-JSON reader; of cJSON only the struct of its tree and its release are used. */
#include <cjson/cJSON.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "codec/json.h"

/*
 * A node is one allocation: the cJSON struct, then the member's name, then the
 * string's text.  The flags cJSON_StringIsConst and cJSON_IsReference keep
 * cJSON_Delete() from freeing the latter two on their own.
 */

#define DEPTH_MAX   512 /* what cJSON_Delete() and the reader may recurse */
#define FEW_MEMBERS 8   /* up to so many, names are compared one by one */
#define TEXT_END    (-1)

const struct json_limits json_limits_request = {1 << 20, 64, 10000};

/* A string as it stands in the text, without its quotes. */
struct span {
	const char *at;
	size_t n;
	bool plain; /* ASCII without escapes and controls: copy as it is */
};

struct reader {
	const char *start, *at, *end;
	size_t depth;  /* levels left */
	size_t values; /* nodes left */
	cJSON *root;   /* owned; every node hangs on it from the start */
	struct gk_err *err;
};

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void
c_locale_init(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	GK_ASSERT(c_locale != (locale_t)0);
}

static struct json_value *
value_of(cJSON *node)
{
	return (struct json_value *)node;
}

static cJSON *
node_of(struct json_value *value)
{
	return (cJSON *)value;
}

static const cJSON *
node_in(const struct json_value *value)
{
	return (const cJSON *)value;
}

static int
kind(const cJSON *node)
{
	return node->type & 0xff;
}

static cJSON *
node_new(int type, size_t extra)
{
	cJSON *node = cJSON_malloc(sizeof(*node) + extra);

	if (node != NULL) {
		memset(node, 0, sizeof(*node));
		node->type = type;
	}
	return node;
}

/* cJSON's own shape: the first child's prev is the last child. */
static void
node_link(cJSON *parent, cJSON *node)
{
	cJSON *first = parent->child;

	if (first == NULL) {
		parent->child = node;
		node->prev = node;
		return;
	}
	node->prev = first->prev;
	first->prev->next = node;
	first->prev = node;
}

/* Names the place of the error that was just set. */
static enum gk_rc
at_offset(const struct reader *r, const char *at, enum gk_rc rc)
{
	gk_err_where(r->err, "offset %zu", (size_t)(at - r->start));
	return rc;
}

#define REFUSE(r, at, ...) \
	at_offset((r), (at), GK_FAIL((r)->err, GK_E_INVALID, __VA_ARGS__))
#define LIMIT(r, at, ...) \
	at_offset((r), (at), GK_FAIL((r)->err, GK_E_LIMIT, __VA_ARGS__))
#define NOMEM(r, at) \
	at_offset((r), (at), GK_FAIL((r)->err, GK_E_NOMEM, "JSON value"))

/* The next byte that isn't white space, TEXT_END after the last. */
static int
peek(struct reader *r)
{
	while (r->at < r->end) {
		char c = *r->at;

		if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
			return (unsigned char)c;
		}
		r->at++;
	}
	return TEXT_END;
}

/* The length of the UTF-8 sequence at p (RFC 3629), 0 when there is none. */
static size_t
utf8_length(const char *p, size_t left)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n;

	if (u[0] < 0x80) {
		return 1;
	}
	if (u[0] < 0xc2 || u[0] > 0xf4) {
		return 0;
	}
	n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (n > left) {
		return 0;
	}
	lo = u[0] == 0xe0 ? 0xa0 : u[0] == 0xf0 ? 0x90 : lo;
	hi = u[0] == 0xed ? 0x9f : u[0] == 0xf4 ? 0x8f : hi;
	if (u[1] < lo || u[1] > hi) {
		return 0;
	}
	for (size_t i = 2; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return n;
}

/* U+FDD0..U+FDEF and the last two of every plane (RFC 7493, 2.1). */
static bool
is_nonchar(uint32_t c)
{
	return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

/* Is the valid sequence of n bytes at p a noncharacter? */
static bool
utf8_nonchar(const char *p, size_t n)
{
	uint32_t c = (unsigned char)p[0] & (0xffU >> (n + 1));

	for (size_t i = 1; i < n; i++) {
		c = c << 6 | ((unsigned char)p[i] & 0x3f);
	}
	return n > 2 && is_nonchar(c);
}

bool
json_check_text(const char *text, size_t n)
{
	for (size_t at = 0, len; at < n; at += len) {
		len = utf8_length(text + at, n - at);
		if (len == 0 || text[at] == '\0' ||
		    utf8_nonchar(text + at, len)) {
			return false;
		}
	}
	return true;
}

static char *
utf8_encode(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/* The code unit of the "\uXXXX" at p. */
static bool
unit_decode(const char *p, const char *end, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
		return false;
	}
	for (int i = 2; i < 6; i++) {
		char c = p[i];
		char lower = (char)(c | 0x20);

		if (c >= '0' && c <= '9') {
			unit = unit << 4 | (uint32_t)(c - '0');
		} else if (lower >= 'a' && lower <= 'f') {
			unit = unit << 4 | (uint32_t)(lower - 'a' + 10);
		} else {
			return false;
		}
	}
	*ret_unit = unit;
	return true;
}

static enum gk_rc
unicode_decode(
    const struct reader *r, const char **p, const char *end, char **to)
{
	uint32_t c, low;

	if (!unit_decode(*p, end, &c)) {
		return REFUSE(r, *p, "\\u needs four hexadecimal digits");
	}
	if (c == 0) {
		return REFUSE(r, *p, "U+0000 in a string");
	}
	if (c >= 0xd800 && c <= 0xdfff) {
		if (c > 0xdbff || !unit_decode(*p + 6, end, &low) ||
		    low < 0xdc00 || low > 0xdfff) {
			return REFUSE(r, *p, "a lone surrogate");
		}
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (is_nonchar(c)) {
		return REFUSE(r, *p, "a noncharacter in a string");
	}
	*p += c >= 0x10000 ? 12 : 6;
	*to = utf8_encode(*to, c);
	return GK_OK;
}

static enum gk_rc
escape_decode(
    const struct reader *r, const char **p, const char *end, char **to)
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	char c = (*p)[1]; /* a span never ends behind a lone backslash */
	const char *name = c == '\0' ? NULL : strchr(names, c);

	if (c == 'u') {
		return unicode_decode(r, p, end, to);
	}
	if (name == NULL) {
		return REFUSE(r, *p, "an escape that JSON doesn't have");
	}
	*(*to)++ = means[name - names];
	*p += 2;
	return GK_OK;
}

/* Write what the span means, '\0'-terminated; at most n + 1 bytes. */
static enum gk_rc
span_decode(const struct reader *r, const struct span *span, char *to)
{
	const char *p = span->at, *end = span->at + span->n;
	size_t n;

	if (span->plain) {
		memcpy(to, p, span->n);
		to[span->n] = '\0';
		return GK_OK;
	}
	while (p < end) {
		if (*p == '\\') {
			GK_TRY(escape_decode(r, &p, end, &to));
			continue;
		}
		if ((unsigned char)*p < 0x20) {
			return REFUSE(r, p, "a control character in a string");
		}
		n = utf8_length(p, (size_t)(end - p));
		if (n == 0) {
			return REFUSE(r, p, "invalid UTF-8");
		}
		if (utf8_nonchar(p, n)) {
			return REFUSE(r, p, "a noncharacter in a string");
		}
		memcpy(to, p, n);
		to += n;
		p += n;
	}
	*to = '\0';
	return GK_OK;
}

/* From the quote where the reader stands to behind the closing one. */
static enum gk_rc
read_span(struct reader *r, struct span *ret_span)
{
	const char *p = r->at + 1;
	bool plain = true;

	while (p < r->end && *p != '"') {
		if (*p == '\\') {
			plain = false;
			p++;
		} else if ((unsigned char)*p - 0x20U >= 0x60) {
			plain = false;
		}
		p++;
	}
	if (p >= r->end) {
		return REFUSE(r, r->at, "a string that isn't closed");
	}
	ret_span->at = r->at + 1;
	ret_span->n = (size_t)(p - ret_span->at);
	ret_span->plain = plain;
	r->at = p + 1;
	return GK_OK;
}

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p)) {
		p++;
	}
	return p;
}

/* An integer token of at most 16 digits, or it is too big anyway. */
static enum gk_rc
integer_decode(
    const struct reader *r, const char *p, const char *end, double *ret)
{
	bool negative = *p == '-';
	int64_t sum = 0;

	if (end - p - negative > 16) {
		return REFUSE(r, p, "an integer beyond 2^53-1; write a string");
	}
	for (const char *d = p + negative; d < end; d++) {
		sum = sum * 10 + (*d - '0');
	}
	if (sum > JSON_INT_MAX) {
		return REFUSE(r, p, "an integer beyond 2^53-1; write a string");
	}
	*ret = negative ? -(double)sum : (double)sum;
	return GK_OK;
}

/* strtod() wants a '\0' behind the number, however long that is. */
static enum gk_rc
real_decode(const struct reader *r, const char *p, const char *end, double *ret)
{
	char few[64], *copy = few;
	size_t n = (size_t)(end - p);
	double number;

	(void)pthread_once(&c_locale_once, c_locale_init);
	if (n >= sizeof(few)) {
		copy = malloc(n + 1);
		if (copy == NULL) {
			return NOMEM(r, p);
		}
	}
	memcpy(copy, p, n);
	copy[n] = '\0';
	number = strtod_l(copy, NULL, c_locale);
	if (copy != few) {
		free(copy);
	}
	if (!isfinite(number)) {
		return REFUSE(r, p, "a number that no double can hold");
	}
	*ret = number;
	return GK_OK;
}

static enum gk_rc
read_number(struct reader *r, double *ret_number)
{
	const char *start = r->at, *end = r->end, *p = start, *digits;
	bool integer = true;

	p += *p == '-';
	digits = p;
	p = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
	if (p == digits) {
		return REFUSE(r, start, "a number without digits");
	}
	if (p < end && *p == '.') {
		integer = false;
		digits = p + 1;
		p = skip_digits(digits, end);
		if (p == digits) {
			return REFUSE(r, start, "a fraction without digits");
		}
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		integer = false;
		digits = p + 1;
		digits += digits < end && (*digits == '+' || *digits == '-');
		p = skip_digits(digits, end);
		if (p == digits) {
			return REFUSE(r, start, "an exponent without digits");
		}
	}
	r->at = p;
	return integer ? integer_decode(r, start, p, ret_number)
		       : real_decode(r, start, p, ret_number);
}

static enum gk_rc
read_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) {
		return REFUSE(r, r->at, "a value was expected");
	}
	r->at += n;
	return GK_OK;
}

/*
 * Hang a new node into parent, or at the root; name is NULL in an array, text
 * unless a string.
 */
static enum gk_rc
add_node(struct reader *r, cJSON *parent, const struct span *name,
    const struct span *text, int type, cJSON **ret_node)
{
	size_t name_room = name == NULL ? 0 : name->n + 1;
	cJSON *node;

	if (r->values == 0) {
		return LIMIT(r, r->at, "too many values");
	}
	r->values--;
	node = node_new(type, name_room + (text == NULL ? 0 : text->n + 1));
	if (node == NULL) {
		return NOMEM(r, r->at);
	}
	if (parent == NULL) {
		r->root = node;
	} else {
		node_link(parent, node);
	}
	if (name != NULL) {
		node->type |= cJSON_StringIsConst;
		node->string = (char *)(node + 1);
		GK_TRY(span_decode(r, name, node->string));
	}
	if (text != NULL) {
		node->type |= cJSON_IsReference;
		node->valuestring = (char *)(node + 1) + name_room;
		GK_TRY(span_decode(r, text, node->valuestring));
	}
	*ret_node = node;
	return GK_OK;
}

static enum gk_rc read_array(struct reader *r, cJSON *array);
static enum gk_rc read_object(struct reader *r, cJSON *object);

/* A number or a word; anything else isn't a value. */
static enum gk_rc
read_scalar(struct reader *r, int first, int *ret_type, double *ret_number)
{
	switch (first) {
	case 't':
		*ret_type = cJSON_True;
		return read_word(r, "true");
	case 'f':
		*ret_type = cJSON_False;
		return read_word(r, "false");
	case 'n':
		*ret_type = cJSON_NULL;
		return read_word(r, "null");
	case TEXT_END:
		return REFUSE(r, r->at, "the text ends before its value does");
	default:
		break;
	}
	if (first != '-' && !is_digit(first)) {
		return REFUSE(r, r->at, "a value was expected");
	}
	*ret_type = cJSON_Number;
	return read_number(r, ret_number);
}

static enum gk_rc
read_value(struct reader *r, cJSON *parent, const struct span *name)
{
	int first = peek(r), type = cJSON_Invalid;
	struct span text;
	double number = 0;
	cJSON *node;

	switch (first) {
	case '{':
		GK_TRY(add_node(r, parent, name, NULL, cJSON_Object, &node));
		return read_object(r, node);
	case '[':
		GK_TRY(add_node(r, parent, name, NULL, cJSON_Array, &node));
		return read_array(r, node);
	case '"':
		GK_TRY(read_span(r, &text));
		return add_node(r, parent, name, &text, cJSON_String, &node);
	default:
		GK_TRY(read_scalar(r, first, &type, &number));
		GK_TRY(add_node(r, parent, name, NULL, type, &node));
		node->valuedouble = number;
		return GK_OK;
	}
}

static enum gk_rc
enter(struct reader *r)
{
	if (r->depth == 0) {
		return LIMIT(r, r->at, "nested too deep");
	}
	r->depth--;
	r->at++;
	return GK_OK;
}

static enum gk_rc
leave(struct reader *r)
{
	r->depth++;
	r->at++;
	return GK_OK;
}

/* Between two items stands a comma. */
static enum gk_rc
read_comma(struct reader *r, const cJSON *parent, int next)
{
	if (parent->child == NULL) {
		return GK_OK;
	}
	if (next == TEXT_END) {
		return REFUSE(r, r->at, "the text ends before its value does");
	}
	if (next != ',') {
		return REFUSE(r, r->at, "',' or '%c' was expected",
		    kind(parent) == cJSON_Array ? ']' : '}');
	}
	r->at++;
	return GK_OK;
}

static enum gk_rc
read_array(struct reader *r, cJSON *array)
{
	GK_TRY(enter(r));
	for (int next = peek(r); next != ']'; next = peek(r)) {
		GK_TRY(read_comma(r, array, next));
		GK_TRY(read_value(r, array, NULL));
	}
	return leave(r);
}

/*
 * Did an earlier member have the last one's name?  Few names are compared one
 * by one, many by hash.
 */
static enum gk_rc
note_name(
    cJSON *object, struct gk_map *names, bool *ret_seen, struct gk_err *err)
{
	cJSON *last = object->child->prev;
	size_t before = 0;

	*ret_seen = false;
	if (names->count == 0) {
		for (cJSON *m = object->child; m != last; m = m->next) {
			if (strcmp(m->string, last->string) == 0) {
				*ret_seen = true;
				return GK_OK;
			}
			before++;
		}
		if (before < FEW_MEMBERS) {
			return GK_OK;
		}
		for (cJSON *m = object->child; m != last; m = m->next) {
			GK_TRY(gk_map_set(
			    names, m->string, strlen(m->string), m, err));
		}
	}
	before = names->count;
	GK_TRY(
	    gk_map_set(names, last->string, strlen(last->string), last, err));
	*ret_seen = names->count == before;
	return GK_OK;
}

static enum gk_rc
read_member(struct reader *r, cJSON *object, struct gk_map *names)
{
	struct span name;
	bool seen;

	if (peek(r) != '"') {
		return REFUSE(r, r->at, "a member's name was expected");
	}
	GK_TRY(read_span(r, &name));
	if (peek(r) != ':') {
		return REFUSE(r, r->at, "':' was expected");
	}
	r->at++;
	GK_TRY(read_value(r, object, &name));
	GK_TRY(note_name(object, names, &seen, r->err));
	if (seen) {
		return REFUSE(r, name.at - 1, "a duplicate member");
	}
	return GK_OK;
}

static enum gk_rc
read_object(struct reader *r, cJSON *object)
{
	GK_AUTO(gk_map_done) struct gk_map names = {0};

	GK_TRY(enter(r));
	for (int next = peek(r); next != '}'; next = peek(r)) {
		GK_TRY(read_comma(r, object, next));
		GK_TRY(read_member(r, object, &names));
	}
	return leave(r);
}

static enum gk_rc
read_text(struct reader *r, size_t n, size_t cap)
{
	if (n > cap) {
		return LIMIT(r, r->start + cap, "more than %zu bytes", cap);
	}
	if (n >= 3 && memcmp(r->at, "\xef\xbb\xbf", 3) == 0) {
		return REFUSE(r, r->at, "a byte order mark");
	}
	GK_TRY(read_value(r, NULL, NULL));
	if (peek(r) != TEXT_END) {
		return REFUSE(r, r->at, "something stands behind the value");
	}
	return GK_OK;
}

enum gk_rc
json_parse(const char *bytes, size_t n, const struct json_limits *limits,
    struct json_value **ret_value, struct gk_err *err)
{
	const char *start = bytes == NULL ? "" : bytes;
	struct reader r = {
	    start, start, start + n, limits->depth, limits->values, NULL, err};
	enum gk_rc rc;

	GK_ASSERT(limits->depth <= DEPTH_MAX);
	rc = read_text(&r, n, limits->bytes);
	if (rc != GK_OK) {
		cJSON_Delete(r.root);
		return rc;
	}
	*ret_value = value_of(r.root);
	return GK_OK;
}

void
json_free(struct json_value *value)
{
	cJSON_Delete(node_of(value));
}

void
json_freep(struct json_value **value)
{
	json_free(*value);
	*value = NULL;
}

enum json_type
json_type(const struct json_value *value)
{
	switch (kind(node_in(value))) {
	case cJSON_False:
	case cJSON_True:
		return JSON_BOOL;
	case cJSON_Number:
		return JSON_NUMBER;
	case cJSON_String:
		return JSON_STRING;
	case cJSON_Array:
		return JSON_ARRAY;
	case cJSON_Object:
		return JSON_OBJECT;
	default:
		return JSON_NULL;
	}
}

const char *
json_type_name(const struct json_value *value)
{
	static const char *const names[] = {[JSON_NULL] = "null",
	    [JSON_BOOL] = "boolean",
	    [JSON_NUMBER] = "number",
	    [JSON_STRING] = "string",
	    [JSON_ARRAY] = "array",
	    [JSON_OBJECT] = "object"};

	return names[json_type(value)];
}

bool
json_bool(const struct json_value *value)
{
	return kind(node_in(value)) == cJSON_True;
}

double
json_number(const struct json_value *value)
{
	const cJSON *node = node_in(value);

	return kind(node) == cJSON_Number ? node->valuedouble : 0;
}

bool
json_int(const struct json_value *value, int64_t *ret_int)
{
	const cJSON *node = node_in(value);
	double number = node->valuedouble, rest;

	if (kind(node) != cJSON_Number || number > (double)JSON_INT_MAX ||
	    number < -(double)JSON_INT_MAX) {
		return false;
	}
	rest = number - (double)(int64_t)number;
	if (rest < 0 || rest > 0) {
		return false;
	}
	*ret_int = (int64_t)number;
	return true;
}

const char *
json_string(const struct json_value *value)
{
	return node_in(value)->valuestring;
}

size_t
json_count(const struct json_value *value)
{
	size_t count = 0;

	for (const cJSON *m = node_in(value)->child; m != NULL; m = m->next) {
		count++;
	}
	return count;
}

const struct json_value *
json_first(const struct json_value *value)
{
	return value_of(node_in(value)->child);
}

const struct json_value *
json_next(const struct json_value *value)
{
	return value_of(node_in(value)->next);
}

const char *
json_name(const struct json_value *member)
{
	return node_in(member)->string;
}

const struct json_value *
json_get(const struct json_value *object, const char *name)
{
	const cJSON *node = node_in(object);

	if (kind(node) != cJSON_Object) {
		return NULL;
	}
	for (cJSON *m = node->child; m != NULL; m = m->next) {
		if (strcmp(m->string, name) == 0) {
			return value_of(m);
		}
	}
	return NULL;
}

/* Does the pointer's token, up to its '/' or end, spell name? */
static bool
token_is(const char *token, const char *name)
{
	for (; *token != '\0' && *token != '/'; token++, name++) {
		char c = *token;

		if (c == '~') {
			token++;
			if (*token != '0' && *token != '1') {
				return false;
			}
			c = *token == '0' ? '~' : '/';
		}
		if (*name != c) {
			return false;
		}
	}
	return *name == '\0';
}

/* The element that the token counts to: digits without a leading zero. */
static const cJSON *
token_element(const char *token, const cJSON *array)
{
	const char *end = strchrnul(token, '/');
	const cJSON *element = array->child;
	size_t index = 0;

	if (token == end || (*token == '0' && end - token > 1) ||
	    end - token > 9) {
		return NULL;
	}
	for (; token < end; token++) {
		if (!is_digit(*token)) {
			return NULL;
		}
		index = index * 10 + (size_t)(*token - '0');
	}
	for (; element != NULL && index > 0; index--) {
		element = element->next;
	}
	return element;
}

const struct json_value *
json_at(const struct json_value *root, const char *pointer)
{
	const cJSON *node = node_in(root);

	for (; *pointer == '/' && node != NULL;
	     pointer = strchrnul(pointer + 1, '/')) {
		const cJSON *parent = node;

		node = NULL;
		if (kind(parent) == cJSON_Array) {
			node = token_element(pointer + 1, parent);
		} else if (kind(parent) == cJSON_Object) {
			node = parent->child;
			while (node != NULL &&
			       !token_is(pointer + 1, node->string)) {
				node = node->next;
			}
		}
	}
	return *pointer == '\0' ? (const struct json_value *)node : NULL;
}

struct json_value *
json_new_null(void)
{
	return value_of(node_new(cJSON_NULL, 0));
}

struct json_value *
json_new_bool(bool b)
{
	return value_of(node_new(b ? cJSON_True : cJSON_False, 0));
}

struct json_value *
json_new_number(double number)
{
	cJSON *node = node_new(cJSON_Number, 0);

	if (node != NULL) {
		node->valuedouble = number;
	}
	return value_of(node);
}

struct json_value *
json_new_string(const char *text)
{
	size_t n = strlen(text) + 1;
	cJSON *node = node_new(cJSON_String | cJSON_IsReference, n);

	if (node != NULL) {
		node->valuestring = (char *)(node + 1);
		memcpy(node->valuestring, text, n);
	}
	return value_of(node);
}

struct json_value *
json_new_array(void)
{
	return value_of(node_new(cJSON_Array, 0));
}

struct json_value *
json_new_object(void)
{
	return value_of(node_new(cJSON_Object, 0));
}

/* One node without its children, with its name where there is one. */
static cJSON *
node_dup(const cJSON *from, const char *name)
{
	const char *text = from->valuestring;
	size_t name_room = name == NULL ? 0 : strlen(name) + 1;
	size_t text_room = text == NULL ? 0 : strlen(text) + 1;
	cJSON *node = node_new(kind(from), name_room + text_room);

	if (node == NULL) {
		return NULL;
	}
	node->valuedouble = from->valuedouble;
	if (name != NULL) {
		node->type |= cJSON_StringIsConst;
		node->string = memcpy(node + 1, name, name_room);
	}
	if (text != NULL) {
		node->type |= cJSON_IsReference;
		node->valuestring =
		    memcpy((char *)(node + 1) + name_room, text, text_room);
	}
	return node;
}

static bool
children_dup(cJSON *to, const cJSON *from)
{
	for (const cJSON *m = from->child; m != NULL; m = m->next) {
		cJSON *node = node_dup(m, m->string);

		if (node == NULL) {
			return false;
		}
		node_link(to, node);
		if (!children_dup(node, m)) {
			return false;
		}
	}
	return true;
}

struct json_value *
json_dup(const struct json_value *value)
{
	cJSON *root = node_dup(node_in(value), NULL);

	if (root != NULL && !children_dup(root, node_in(value))) {
		cJSON_Delete(root);
		return NULL;
	}
	return value_of(root);
}

enum gk_rc
json_append(
    struct json_value *array, struct json_value **item, struct gk_err *err)
{
	cJSON *node = node_of(GK_TAKE(*item));

	if (node == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "JSON value");
	}
	GK_ASSERT(kind(node_of(array)) == cJSON_Array);
	node_link(node_of(array), node);
	return GK_OK;
}

enum gk_rc
json_set(struct json_value *object, const char *name, struct json_value **item,
    struct gk_err *err)
{
	cJSON *node = node_of(GK_TAKE(*item));
	size_t n = strlen(name) + 1;

	if (node == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "JSON value");
	}
	GK_ASSERT(kind(node_of(object)) == cJSON_Object);
	node->string = cJSON_malloc(n);
	if (node->string == NULL) {
		cJSON_Delete(node);
		return GK_FAIL(err, GK_E_NOMEM, "JSON member");
	}
	memcpy(node->string, name, n);
	node_link(node_of(object), node);
	return GK_OK;
}
