/* The tokens of JSON text: what RFC 8259 and RFC 7493 let a string or a number be. */
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/codec_internal.h"
#include "codec/json.h"

#define TOO_BIG "an integer beyond 2^53-1; write a string"

/* From here up RFC 8785 prints an exponent; below, all digits of an integer. */
#define CANON_EXPONENT 1e21

#define REFUSE(lex, at, ...) LEX_FAIL((lex), (at), GK_E_INVALID, __VA_ARGS__)

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void
c_locale_init(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	GK_ASSERT(c_locale != (locale_t)0);
}

void
lex__place(const struct lex *lex, const char *at)
{
	gk_err_where(lex->err, "offset %zu", (size_t)(at - lex->start));
}

int
lex__peek(struct lex *lex)
{
	while (lex->at < lex->end) {
		char c = *lex->at;

		if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
			return (unsigned char)c;
		}
		lex->at++;
	}
	return LEX_END;
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
lex__check_text(const char *text, size_t n)
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
    const struct lex *lex, const char **p, const char *end, char **to)
{
	uint32_t c, low;

	if (!unit_decode(*p, end, &c)) {
		return REFUSE(lex, *p, "\\u needs four hexadecimal digits");
	}
	if (c == 0) {
		return REFUSE(lex, *p, "U+0000 in a string");
	}
	if (c >= 0xd800 && c <= 0xdfff) {
		if (c > 0xdbff || !unit_decode(*p + 6, end, &low) ||
		    low < 0xdc00 || low > 0xdfff) {
			return REFUSE(lex, *p, "a lone surrogate");
		}
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (is_nonchar(c)) {
		return REFUSE(lex, *p, "a noncharacter in a string");
	}
	*p += c >= 0x10000 ? 12 : 6;
	*to = utf8_encode(*to, c);
	return GK_OK;
}

static enum gk_rc
escape_decode(const struct lex *lex, const char **p, const char *end, char **to)
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	char c = (*p)[1]; /* a span never ends behind a lone backslash */
	const char *name = c == '\0' ? NULL : strchr(names, c);

	if (c == 'u') {
		return unicode_decode(lex, p, end, to);
	}
	if (name == NULL) {
		return REFUSE(lex, *p, "an escape that JSON doesn't have");
	}
	*(*to)++ = means[name - names];
	*p += 2;
	return GK_OK;
}

/* Copy the character at *p, of one byte or more, if it may stand there. */
static enum gk_rc
character_copy(
    const struct lex *lex, const char **p, const char *end, char **to)
{
	size_t n = utf8_length(*p, (size_t)(end - *p));

	if ((unsigned char)**p < 0x20) {
		return REFUSE(lex, *p, "a control character in a string");
	}
	if (n == 0) {
		return REFUSE(lex, *p, "invalid UTF-8");
	}
	if (utf8_nonchar(*p, n)) {
		return REFUSE(lex, *p, "a noncharacter in a string");
	}
	memcpy(*to, *p, n);
	*to += n;
	*p += n;
	return GK_OK;
}

enum gk_rc
lex__decode(const struct lex *lex, const struct lex_span *span, char *to)
{
	const char *p = span->at, *end = span->at + span->n;

	if (span->plain) {
		memcpy(to, p, span->n);
		to[span->n] = '\0';
		return GK_OK;
	}
	while (p < end) {
		GK_TRY(*p == '\\' ? escape_decode(lex, &p, end, &to)
				  : character_copy(lex, &p, end, &to));
	}
	*to = '\0';
	return GK_OK;
}

enum gk_rc
lex__span(struct lex *lex, struct lex_span *ret_span)
{
	const char *p = lex->at + 1;
	bool plain = true;

	while (p < lex->end && *p != '"') {
		if (*p == '\\') {
			plain = false;
			p++;
		} else if ((unsigned char)*p - 0x20U >= 0x60) {
			plain = false;
		}
		p++;
	}
	if (p >= lex->end) {
		return REFUSE(lex, lex->at, "a string that isn't closed");
	}
	ret_span->at = lex->at + 1;
	ret_span->n = (size_t)(p - ret_span->at);
	ret_span->plain = plain;
	lex->at = p + 1;
	return GK_OK;
}

static bool
is_digit(char c)
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
    const struct lex *lex, const char *p, const char *end, double *ret)
{
	bool negative = *p == '-';
	int64_t sum = 0;

	if (end - p - negative > 16) {
		return REFUSE(lex, p, TOO_BIG);
	}
	for (const char *d = p + negative; d < end; d++) {
		sum = sum * 10 + (*d - '0');
	}
	if (sum > JSON_INT_MAX) {
		return REFUSE(lex, p, TOO_BIG);
	}
	*ret = negative ? -(double)sum : (double)sum;
	return GK_OK;
}

/* strtod() wants a '\0' behind the number, however long that is. */
static enum gk_rc
real_decode(const struct lex *lex, const char *p, const char *end, double *ret)
{
	char few[64], *copy = few;
	size_t n = (size_t)(end - p);
	double number;

	(void)pthread_once(&c_locale_once, c_locale_init);
	if (n >= sizeof(few)) {
		copy = malloc(n + 1);
		if (copy == NULL) {
			return LEX_FAIL(lex, p, GK_E_NOMEM, "JSON number");
		}
	}
	memcpy(copy, p, n);
	copy[n] = '\0';
	number = strtod_l(copy, NULL, c_locale);
	if (copy != few) {
		free(copy);
	}
	if (!isfinite(number)) {
		return REFUSE(lex, p, "a number that no double can hold");
	}
	if (fabs(number) > (double)JSON_INT_MAX &&
	    fabs(number) < CANON_EXPONENT) {
		return REFUSE(lex, p, TOO_BIG);
	}
	*ret = number;
	return GK_OK;
}

enum gk_rc
lex__number(struct lex *lex, double *ret_number)
{
	const char *start = lex->at, *end = lex->end, *p = start, *digits;
	bool integer = true;

	p += *p == '-';
	digits = p;
	p = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
	if (p == digits) {
		return REFUSE(lex, start, "a number without digits");
	}
	if (p < end && *p == '.') {
		integer = false;
		digits = p + 1;
		p = skip_digits(digits, end);
		if (p == digits) {
			return REFUSE(lex, start, "a fraction without digits");
		}
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		integer = false;
		digits = p + 1;
		digits += digits < end && (*digits == '+' || *digits == '-');
		p = skip_digits(digits, end);
		if (p == digits) {
			return REFUSE(lex, start, "an exponent without digits");
		}
	}
	lex->at = p;
	return integer ? integer_decode(lex, start, p, ret_number)
		       : real_decode(lex, start, p, ret_number);
}

enum gk_rc
lex__word(struct lex *lex, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(lex->end - lex->at) < n || memcmp(lex->at, word, n) != 0) {
		return REFUSE(lex, lex->at, "a value was expected");
	}
	lex->at += n;
	return GK_OK;
}
