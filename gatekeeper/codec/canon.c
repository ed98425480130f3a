/* RFC 8785, the JSON Canonicalization Scheme, over a tree that is I-JSON already. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/canon.h"

/*
 * What makes two texts of one value equal, byte for byte (RFC 8785, section 3):
 *
 * 3.2.1  No white space between tokens.
 * 3.2.2.2  Strings: only what must be escaped is, by the short escape where
 *        JSON has one, else by \u00xx in lower case; all else is UTF-8.
 * 3.2.2.3  Numbers: as ECMAScript's Number::toString prints a double: the
 *        fewest digits that read back as the same double, of those the
 *        nearest; an exponent only from 1e21 up and below 1e-6; -0 is 0.
 * 3.2.3  Members: sorted by the UTF-16 code units of their names, not by bytes
 *        and not by code points.
 *
 * The fewest digits.  A decimal of up to 15 digits survives the way to a
 * normal double and back, so the double rounded to 15 digits, less its
 * trailing zeros, is the answer whenever it reads back; else 16 or 17 digits
 * are needed.  Rounding to 16 may miss where 16 would do: just above a power of
 * two doubles lie twice as far apart as just below, so that the decimal next
 * above may read back although the nearest, below, doesn't (2^-44).  Subnormal
 * doubles carry fewer digits: there the count goes up from one.
 */

#define DIGITS_MAX    17                 /* enough for any double */
#define DIGITS_SAFE   15                 /* what a normal double always keeps */
#define EXACT_INT_MAX 9007199254740992.0 /* 2^53 */

/* 0.digits × 10^point, without sign; the first digit isn't 0. */
struct decimal {
	char digits[DIGITS_MAX + 1];
	int count;
	int point;
};

/*
 * Round to count digits.  Digits are picked out of "d.ddde±x" one by one: the
 * locale chooses what stands for the point.
 */
static void
decimal_round(double number, int count, struct decimal *ret)
{
	char text[64];
	const char *p = text;
	int exponent = 0, sign;

	(void)snprintf(text, sizeof(text), "%.*e", count - 1, number);
	ret->count = 0;
	for (; *p != 'e'; p++) {
		if (*p >= '0' && *p <= '9' && ret->count < DIGITS_MAX) {
			ret->digits[ret->count++] = *p;
		}
	}
	sign = p[1] == '-' ? -1 : 1;
	for (p += 2; *p != '\0'; p++) {
		exponent = exponent * 10 + (*p - '0');
	}
	ret->point = sign * exponent + 1;
}

/* The next larger decimal of as many digits. */
static void
decimal_next(struct decimal *d)
{
	int i = d->count - 1;

	while (i >= 0 && d->digits[i] == '9') {
		d->digits[i--] = '0';
	}
	if (i >= 0) {
		d->digits[i] = "0123456789"[d->digits[i] - '0' + 1];
		return;
	}
	d->digits[0] = '1';
	d->point++;
}

/* Written without a point, so that no locale can misread it. */
static bool
decimal_reads_back(const struct decimal *d, double number)
{
	char text[64];
	double back;

	(void)snprintf(text, sizeof(text), "%.*se%d", d->count, d->digits,
	    d->point - d->count);
	back = strtod(text, NULL);
	return !(back < number) && !(back > number);
}

/* number is positive and finite. */
static void
decimal_shortest(double number, struct decimal *ret)
{
	int count = isnormal(number) ? DIGITS_SAFE : 1;

	for (; count <= DIGITS_MAX; count++) {
		decimal_round(number, count, ret);
		if (decimal_reads_back(ret, number)) {
			break;
		}
		decimal_next(ret);
		if (decimal_reads_back(ret, number)) {
			break;
		}
	}
	while (ret->count > 1 && ret->digits[ret->count - 1] == '0') {
		ret->count--;
	}
}

/* ECMA-262, Number::toString, steps 6 to 10: n is point, k is count. */
static size_t
decimal_print(const struct decimal *d, char *to)
{
	char *p = to;
	int whole = d->point, k = d->count;

	if (whole > 21 || whole <= -6) {
		*p++ = d->digits[0];
		if (k > 1) {
			*p++ = '.';
			memcpy(p, d->digits + 1, (size_t)k - 1);
			p += k - 1;
		}
		return (size_t)(p - to) +
		       (size_t)snprintf(p, 8, "e%+d", whole - 1);
	}
	if (whole <= 0) {
		*p++ = '0';
		*p++ = '.';
		for (; whole < 0; whole++) {
			*p++ = '0';
		}
		memcpy(p, d->digits, (size_t)k);
		p += k;
		*p = '\0';
		return (size_t)(p - to);
	}
	for (int i = 0; i < k || i < whole; i++) {
		if (i == whole) {
			*p++ = '.';
		}
		*p++ = (char)(i < k ? d->digits[i] : '0');
	}
	*p = '\0';
	return (size_t)(p - to);
}

/* |number| < 2^53 without a fraction: exact, and most numbers are. */
static size_t
integer_print(int64_t number, char *to)
{
	char reversed[CANON_NUMBER_BYTES];
	uint64_t left = (uint64_t)(number < 0 ? -number : number);
	size_t n = 0, at = 0;

	do {
		reversed[n++] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0) {
		to[at++] = '-';
	}
	while (n > 0) {
		to[at++] = reversed[--n];
	}
	to[at] = '\0';
	return at;
}

static bool
is_integer(double number)
{
	double rest;

	if (number >= EXACT_INT_MAX || number <= -EXACT_INT_MAX) {
		return false;
	}
	rest = number - (double)(int64_t)number;
	return !(rest < 0) && !(rest > 0);
}

size_t
canon_number(double number, char ret_text[CANON_NUMBER_BYTES])
{
	struct decimal d;

	GK_ASSERT(isfinite(number));
	if (is_integer(number)) {
		return integer_print((int64_t)number, ret_text);
	}
	decimal_shortest(fabs(number), &d);
	if (number < 0) {
		ret_text[0] = '-';
		return 1 + decimal_print(&d, ret_text + 1);
	}
	return decimal_print(&d, ret_text);
}

/* One of the characters that must be escaped. */
static enum gk_rc
escape_print(unsigned char c, struct gk_buf *buf, struct gk_err *err)
{
	static const char hex[] = "0123456789abcdef";
	static const char short_form[] = {['\b'] = 'b',
	    ['\t'] = 't',
	    ['\n'] = 'n',
	    ['\f'] = 'f',
	    ['\r'] = 'r',
	    ['"'] = '"',
	    ['\\'] = '\\'};
	char text[6] = {'\\', 'u', '0', '0', '0', '0'};

	if (short_form[c] != '\0') {
		text[1] = short_form[c];
		return gk_buf_add(buf, text, 2, err);
	}
	text[4] = hex[c >> 4];
	text[5] = hex[c & 15];
	return gk_buf_add(buf, text, 6, err);
}

/* How many bytes from text on need no escape. */
static size_t
plain_run(const char *text)
{
	size_t n = 0;

	while ((unsigned char)text[n] >= 0x20 && text[n] != '"' &&
	       text[n] != '\\') {
		n++;
	}
	return n;
}

enum gk_rc
canon_string(const char *text, struct gk_buf *buf, struct gk_err *err)
{
	size_t n = plain_run(text);
	char *to;

	/* most strings are one run between two quotes: one reservation */
	GK_TRY(gk_buf_reserve(buf, n + 2, &to, err));
	to[0] = '"';
	memcpy(to + 1, text, n);
	buf->len += n + 1;
	while (text[n] != '\0') {
		GK_TRY(escape_print((unsigned char)text[n], buf, err));
		text += n + 1;
		n = plain_run(text);
		GK_TRY(gk_buf_add(buf, text, n, err));
	}
	return gk_buf_putc(buf, '"', err);
}

/*
 * Order by UTF-16 code units.  UTF-8 keeps the order of code points; UTF-16
 * differs from that only where U+E000..U+FFFF (lead bytes EE, EF) come behind
 * the surrogates of U+10000 and up (F0..F4).  Bytes that differ are either
 * both lead bytes, or continue equal ones.
 */
static int
name_compare(const char *a, const char *b)
{
	unsigned char x, y;

	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	x = (unsigned char)*a;
	y = (unsigned char)*b;
	x = (unsigned char)(x == 0xee || x == 0xef ? x + 0x10 : x);
	y = (unsigned char)(y == 0xee || y == 0xef ? y + 0x10 : y);
	return (x > y) - (x < y);
}

/* One entry of the order that members are printed in. */
struct member {
	const struct json_value *value;
};

static int
member_compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return name_compare(json_name(x->value), json_name(y->value));
}

static bool
members_sorted(const struct json_value *object)
{
	const struct json_value *m = json_first(object), *next;

	for (; m != NULL; m = next) {
		next = json_next(m);
		if (next != NULL &&
		    name_compare(json_name(m), json_name(next)) >= 0) {
			return false;
		}
	}
	return true;
}

static enum gk_rc
comma_print(bool first, struct gk_buf *buf, struct gk_err *err)
{
	return first ? GK_OK : gk_buf_putc(buf, ',', err);
}

static enum gk_rc
member_print(const struct json_value *member, bool first, struct gk_buf *buf,
    struct gk_err *err)
{
	GK_TRY(comma_print(first, buf, err));
	GK_TRY(canon_string(json_name(member), buf, err));
	GK_TRY(gk_buf_putc(buf, ':', err));
	return canon_print(member, buf, err);
}

static void
members_freep(struct member **members)
{
	free(*members);
}

static enum gk_rc
members_print_sorted(
    const struct json_value *object, struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(members_freep) struct member *members = NULL;
	size_t count = json_count(object), n = 0;

	members = calloc(count, sizeof(*members));
	if (members == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "%zu members", count);
	}
	for (const struct json_value *m = json_first(object); m != NULL;
	     m = json_next(m)) {
		members[n++].value = m;
	}
	qsort(members, n, sizeof(*members), member_compare);
	for (size_t i = 0; i < n; i++) {
		GK_ASSERT(
		    i == 0 || member_compare(&members[i - 1], &members[i]) < 0);
		GK_TRY(member_print(members[i].value, i == 0, buf, err));
	}
	return GK_OK;
}

static enum gk_rc
object_print(
    const struct json_value *object, struct gk_buf *buf, struct gk_err *err)
{
	const struct json_value *first = json_first(object);

	GK_TRY(gk_buf_putc(buf, '{', err));
	if (!members_sorted(object)) {
		GK_TRY(members_print_sorted(object, buf, err));
		return gk_buf_putc(buf, '}', err);
	}
	for (const struct json_value *m = first; m != NULL; m = json_next(m)) {
		GK_TRY(member_print(m, m == first, buf, err));
	}
	return gk_buf_putc(buf, '}', err);
}

static enum gk_rc
array_print(
    const struct json_value *array, struct gk_buf *buf, struct gk_err *err)
{
	const struct json_value *first = json_first(array);

	GK_TRY(gk_buf_putc(buf, '[', err));
	for (const struct json_value *m = first; m != NULL; m = json_next(m)) {
		GK_TRY(comma_print(m == first, buf, err));
		GK_TRY(canon_print(m, buf, err));
	}
	return gk_buf_putc(buf, ']', err);
}

enum gk_rc
canon_print(
    const struct json_value *value, struct gk_buf *buf, struct gk_err *err)
{
	char number[CANON_NUMBER_BYTES];
	size_t n;

	switch (json_type(value)) {
	case JSON_BOOL:
		return gk_buf_puts(
		    buf, json_bool(value) ? "true" : "false", err);
	case JSON_NUMBER:
		n = canon_number(json_number(value), number);
		return gk_buf_add(buf, number, n, err);
	case JSON_STRING:
		return canon_string(json_string(value), buf, err);
	case JSON_ARRAY:
		return array_print(value, buf, err);
	case JSON_OBJECT:
		return object_print(value, buf, err);
	case JSON_NULL:
		break;
	}
	return gk_buf_puts(buf, "null", err);
}
