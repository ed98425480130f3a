/* Literals: the value that a token's text stands for. */

#include "cel/cel_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* false: more than 64 bits. */
static bool
magnitude(const char *text, size_t n, uint64_t *ret_number)
{
	unsigned base = n > 2 && text[1] == 'x' ? 16 : 10;
	uint64_t number = 0;

	for (size_t i = base == 16 ? 2 : 0; i < n; i++) {
		unsigned digit = (unsigned)digit_value(text[i]);

		if (__builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, digit, &number)) {
			return false;
		}
	}
	*ret_number = number;
	return true;
}

static const char *
literal_uint(const char *text, size_t n, struct cel_value *ret_value)
{
	uint64_t number;

	if (!magnitude(text, n, &number)) {
		return "too large: a uint is at most 18446744073709551615";
	}
	*ret_value = cel_uint(number);
	return NULL;
}

static const char *
literal_int(
    const char *text, size_t n, bool negative, struct cel_value *ret_value)
{
	uint64_t most = (uint64_t)INT64_MAX + negative, number;

	if (!magnitude(text, n, &number) || number > most) {
		return negative ? "too small: an int is at least "
				  "-9223372036854775808"
				: "too large: an int is at most "
				  "9223372036854775807";
	}
	*ret_value = cel_int((int64_t)(negative ? 0 - number : number));
	return NULL;
}

/* The program never calls setlocale(): the decimal point is a '.'. */
static const char *
literal_double(const char *text, size_t n, struct gk_arena *arena,
    struct cel_value *ret_value)
{
	char few[64], *copy = few;
	double number;

	if (n >= sizeof few) {
		copy = gk_arena_alloc(arena, n + 1);
		if (copy == NULL) {
			return "no memory for this number";
		}
	}
	memcpy(copy, text, n);
	copy[n] = '\0';
	number = strtod(copy, NULL);
	if (isinf(number)) {
		return "too large for a double";
	}
	*ret_value = cel_double(number);
	return NULL;
}

static bool
is_double(const char *text, size_t n)
{
	if (n > 2 && text[1] == 'x') {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '.' || text[i] == 'e' || text[i] == 'E') {
			return true;
		}
	}
	return false;
}

static const char *
literal_number(const char *text, size_t n, struct gk_arena *arena,
    struct cel_value *ret_value)
{
	bool negative = text[0] == '-';

	if (text[n - 1] == 'u' || text[n - 1] == 'U') {
		return literal_uint(text, n - 1, ret_value);
	}
	if (is_double(text + negative, n - negative)) {
		return literal_double(text, n, arena, ret_value);
	}
	return literal_int(text + negative, n - negative, negative, ret_value);
}

/* ---- strings and bytes ---- */

/* What is between the quotes, and how far it has been read and written. */
struct unescape {
	const char *text;
	size_t n, at;
	bool bytes;
	char *to;
	size_t written;
};

static void
put_point(struct unescape *u, uint32_t point)
{
	if (u->bytes) { /* from \x or octal: an octet */
		u->to[u->written++] = (char)point;
	} else {
		u->written += cel__text_encode(point, u->to + u->written);
	}
}

/* The code point that so many digits (at most 8) stand for. */
static bool
read_digits(struct unescape *u, unsigned count, int base, uint32_t *ret_point)
{
	*ret_point = 0;
	if (u->n - u->at < count) {
		return false;
	}
	for (; count > 0; count--) {
		int digit = digit_value(u->text[u->at++]);

		if (digit < 0 || digit >= base) {
			return false;
		}
		*ret_point = *ret_point * (uint32_t)base + (uint32_t)digit;
	}
	return true;
}

static const char *
unescape_octal(struct unescape *u)
{
	uint32_t point;

	u->at--;
	if (!read_digits(u, 3, 8, &point) || point > 0377) {
		return "an octal escape is \\000 to \\377";
	}
	put_point(u, point);
	return NULL;
}

static const char *
unescape_unicode(struct unescape *u, bool longer)
{
	uint32_t point;

	if (u->bytes) {
		return "\\u and \\U are for strings; bytes have \\x";
	}
	if (!read_digits(u, longer ? 8 : 4, 16, &point)) {
		return longer ? "\\U has eight hexadecimal digits"
			      : "\\u has four hexadecimal digits";
	}
	if (point >= 0xD800 && point < 0xE000) {
		return "half a surrogate pair is no character; "
		       "\\U has eight digits for any";
	}
	if (point > 0x10FFFF) {
		return "the last character is \\U0010FFFF";
	}
	put_point(u, point);
	return NULL;
}

/* at is behind the backslash. */
static const char *
unescape_one(struct unescape *u)
{
	static const char names[] = "abfnrtv\\?\"'`";
	static const char meanings[] = "\a\b\f\n\r\t\v\\?\"'`";
	const char *name;
	uint32_t point;
	char c = '\0';

	if (u->at < u->n) {
		c = u->text[u->at++];
	}
	name = c == '\0' ? NULL : strchr(names, c);
	if (name != NULL) {
		u->to[u->written++] = meanings[name - names];
		return NULL;
	}
	if (c == 'u' || c == 'U') {
		return unescape_unicode(u, c == 'U');
	}
	if (c >= '0' && c <= '7') {
		return unescape_octal(u);
	}
	if (c != 'x' && c != 'X') {
		return "no such escape; a backslash itself is \\\\";
	}
	if (!read_digits(u, 2, 16, &point)) {
		return "\\x has two hexadecimal digits";
	}
	put_point(u, point);
	return NULL;
}

/* NULL: fine; else at is where the wrong escape begins. */
static const char *
unescape(struct unescape *u, bool raw)
{
	while (u->at < u->n) {
		size_t begin = u->at;
		char c = u->text[u->at++];

		if (c == '\\' && !raw) {
			const char *wrong = unescape_one(u);

			if (wrong != NULL) {
				u->at = begin;
				return wrong;
			}
			continue;
		}
		if (c == '\r') { /* cel-go: every newline is \n */
			u->at += u->at < u->n && u->text[u->at] == '\n';
			c = '\n';
		}
		u->to[u->written++] = c;
	}
	return NULL;
}

static const char *
literal_text(const char *text, size_t n, struct gk_arena *arena,
    struct cel_value *ret_value, size_t *ret_at)
{
	struct unescape u = {0};
	bool raw = false;
	size_t quotes = 1, prefix = 0;
	const char *wrong;

	for (; text[prefix] != '\'' && text[prefix] != '"'; prefix++) {
		u.bytes |= text[prefix] == 'b' || text[prefix] == 'B';
		raw |= text[prefix] == 'r' || text[prefix] == 'R';
	}
	if (n - prefix >= 6 && text[prefix + 1] == text[prefix] &&
	    text[prefix + 2] == text[prefix]) {
		quotes = 3;
	}
	u.text = text + prefix + quotes;
	u.n = n - prefix - 2 * quotes;
	/* No escape is shorter than what it stands for. */
	u.to = gk_arena_alloc(arena, u.n + 1);
	if (u.to == NULL) {
		return "no memory for this text";
	}
	wrong = unescape(&u, raw);
	if (wrong != NULL) {
		*ret_at = prefix + quotes + u.at;
		return wrong;
	}
	*ret_value =
	    u.bytes ? cel_bytes(u.to, u.written) : cel_string(u.to, u.written);
	return NULL;
}

const char *
cel__literal(const char *text, size_t n, struct gk_arena *arena,
    struct cel_value *ret_value, size_t *ret_at)
{
	*ret_at = 0;
	if (text[n - 1] == '\'' || text[n - 1] == '"') {
		return literal_text(text, n, arena, ret_value, ret_at);
	}
	return literal_number(text, n, arena, ret_value);
}
