/* What a plain scalar of YAML stands for: the core schema of YAML 1.2, section 10.3.2. */
#include <string.h>

#include "base/buf.h"
#include "codec/codec_internal.h"
#include "codec/json.h"

enum plain {
	PLAIN_STRING,
	PLAIN_NULL,
	PLAIN_TRUE,
	PLAIN_FALSE,
	PLAIN_DECIMAL,
	PLAIN_OCTAL,
	PLAIN_HEX,
	PLAIN_NOT_FINITE,
};

/* The parts of a decimal number's text. */
struct decimal {
	const char *whole, *fraction, *exponent; /* exponent from its 'e' on */
	size_t whole_n, fraction_n, exponent_n;
	bool negative, point;
};

static bool
one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0) {
			return true;
		}
	}
	return false;
}

static size_t
digits(const char **p, const char *alphabet)
{
	size_t n = strspn(*p, alphabet);

	*p += n;
	return n;
}

/* Does the text read [-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)? */
static bool
decimal_scan(const char *p, struct decimal *ret)
{
	static const char ten[] = "0123456789";

	memset(ret, 0, sizeof(*ret));
	ret->negative = *p == '-';
	p += *p == '-' || *p == '+';
	ret->whole = p;
	ret->whole_n = digits(&p, ten);
	ret->point = *p == '.';
	p += ret->point;
	ret->fraction = p;
	ret->fraction_n = ret->point ? digits(&p, ten) : 0;
	if (ret->whole_n + ret->fraction_n == 0) {
		return false;
	}
	ret->exponent = p;
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '-' || *p == '+';
		if (digits(&p, ten) == 0) {
			return false;
		}
		ret->exponent_n = (size_t)(p - ret->exponent);
	}
	return *p == '\0';
}

static bool
based_scan(const char *text, const char *prefix, const char *alphabet)
{
	const char *p = text;

	if (strncmp(text, prefix, 2) != 0) {
		return false;
	}
	p += 2;
	return digits(&p, alphabet) > 0 && *p == '\0';
}

static enum plain
plain_kind(const char *text, struct decimal *ret_decimal)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	static const char *const trues[] = {"true", "True", "TRUE"};
	static const char *const falses[] = {"false", "False", "FALSE"};
	static const char *const infinite[] = {".inf", ".Inf", ".INF"};
	static const char *const nans[] = {".nan", ".NaN", ".NAN"};
	const char *unsigned_text = text + (*text == '-' || *text == '+');

	if (one_of(text, nulls, GK_COUNT(nulls))) {
		return PLAIN_NULL;
	}
	if (one_of(text, trues, GK_COUNT(trues))) {
		return PLAIN_TRUE;
	}
	if (one_of(text, falses, GK_COUNT(falses))) {
		return PLAIN_FALSE;
	}
	if (one_of(unsigned_text, infinite, GK_COUNT(infinite)) ||
	    one_of(text, nans, GK_COUNT(nans))) {
		return PLAIN_NOT_FINITE;
	}
	if (based_scan(text, "0o", "01234567")) {
		return PLAIN_OCTAL;
	}
	if (based_scan(text, "0x", "0123456789abcdefABCDEF")) {
		return PLAIN_HEX;
	}
	return decimal_scan(text, ret_decimal) ? PLAIN_DECIMAL : PLAIN_STRING;
}

/* Append the number as JSON writes it: no '+', digits around the point. */
static enum gk_rc
decimal_print(const struct decimal *d, struct gk_buf *buf, struct gk_err *err)
{
	const struct {
		const char *at;
		size_t n;
	} parts[] = {{"-", d->negative}, {"0", d->whole_n == 0},
	    {d->whole, d->whole_n}, {".", d->point},
	    {d->fraction, d->fraction_n}, {"0", d->point && d->fraction_n == 0},
	    {d->exponent, d->exponent_n}};

	for (size_t i = 0; i < GK_COUNT(parts); i++) {
		GK_TRY(gk_buf_add(buf, parts[i].at, parts[i].n, err));
	}
	return GK_OK;
}

/* Its value, and what is refused, is JSON's business. */
static enum gk_rc
decimal_value(const struct decimal *d, size_t n, struct json_value **ret_value,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf json = GK_BUF_INIT(n + 2);
	struct json_limits one = {n + 2, 0, 1};

	if (d->whole_n > 1 && d->whole[0] == '0') {
		return GK_FAIL(err, GK_E_INVALID,
		    "a number with a leading zero; write 0o for octal, or "
		    "quotes for a string");
	}
	GK_TRY(decimal_print(d, &json, err));
	return json_parse(json.bytes, json.len, &one, ret_value, err);
}

/* Octal: three bits a digit; hexadecimal: four. */
static enum gk_rc
based_value(const char *digits_at, int bits, struct json_value **ret_value,
    struct gk_err *err)
{
	int64_t sum = 0;

	for (const char *p = digits_at; *p != '\0'; p++) {
		int digit = *p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10;

		sum = sum << bits | digit;
		if (sum > JSON_INT_MAX) {
			return GK_FAIL(err, GK_E_INVALID,
			    "an integer beyond 2^53-1; write a string");
		}
	}
	*ret_value = json_new_number((double)sum);
	return GK_OK;
}

bool
plain__is_string(const char *text)
{
	struct decimal decimal;

	return plain_kind(text, &decimal) == PLAIN_STRING;
}

enum gk_rc
plain__value(
    const char *text, struct json_value **ret_value, struct gk_err *err)
{
	struct decimal decimal;

	switch (plain_kind(text, &decimal)) {
	case PLAIN_NULL:
		*ret_value = json_new_null();
		return GK_OK;
	case PLAIN_TRUE:
		*ret_value = json_new_bool(true);
		return GK_OK;
	case PLAIN_FALSE:
		*ret_value = json_new_bool(false);
		return GK_OK;
	case PLAIN_DECIMAL:
		return decimal_value(&decimal, strlen(text), ret_value, err);
	case PLAIN_OCTAL:
		return based_value(text + 2, 3, ret_value, err);
	case PLAIN_HEX:
		return based_value(text + 2, 4, ret_value, err);
	case PLAIN_NOT_FINITE:
		return GK_FAIL(err, GK_E_INVALID, "a number without a value");
	case PLAIN_STRING:
		break;
	}
	*ret_value = json_new_string(text);
	return GK_OK;
}
