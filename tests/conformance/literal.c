/* Reads the suite's values without any of the parsers that are under test. */
#include "literal.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

enum { DEPTH_MAX = 64, NANO_DIGITS = 9 };

const char *
literal_text(const char *text, struct gk_arena *arena, size_t *ret_n)
{
	size_t length = strlen(text), step = sizeof(LITERAL_NUL) - 1, n = 0;
	char *copy = gk_arena_alloc(arena, length + 1);

	for (size_t i = 0; copy != NULL && i < length;) {
		if (strncmp(text + i, LITERAL_NUL, step) == 0) {
			copy[n++] = '\0';
			i += step;
			continue;
		}
		copy[n++] = text[i++];
	}
	*ret_n = n;
	return copy;
}

/* Decimal digits, all of them; at most 2^64 - 1. */
static bool
read_digits(const char *text, size_t n, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value)) {
			return false;
		}
	}
	*ret = value;
	return n > 0;
}

static enum gk_rc
read_int(const char *text, struct cel_value *ret, struct gk_err *err)
{
	bool minus = *text == '-';
	uint64_t size, max = minus ? UINT64_C(1) << 63 : (uint64_t)INT64_MAX;

	if (!read_digits(text + minus, strlen(text + minus), &size) ||
	    size > max) {
		return GK_FAIL(err, GK_E_INVALID, "int64 '%s'", text);
	}
	*ret = cel_int((int64_t)(minus ? 0 - size : size));
	return GK_OK;
}

static enum gk_rc
read_uint(const char *text, struct cel_value *ret, struct gk_err *err)
{
	uint64_t size;

	if (!read_digits(text, strlen(text), &size)) {
		return GK_FAIL(err, GK_E_INVALID, "uint64 '%s'", text);
	}
	*ret = cel_uint(size);
	return GK_OK;
}

static enum gk_rc
read_double(const char *text, struct cel_value *ret, struct gk_err *err)
{
	char *end;
	double d = strtod(text, &end);

	if (end == text || *end != '\0') {
		return GK_FAIL(err, GK_E_INVALID, "double '%s'", text);
	}
	*ret = cel_double(d);
	return GK_OK;
}

static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Padded base64; NULL: it isn't. */
static const char *
read_base64(const char *text, struct gk_arena *arena, size_t *ret_n)
{
	size_t n = 0, at = 0;
	char *bytes = gk_arena_alloc(arena, strlen(text) + 1);
	uint32_t bits = 0;

	for (; bytes != NULL && base64_digit(text[at]) >= 0; at++) {
		bits = bits << 6 | (uint32_t)base64_digit(text[at]);
		if (at % 4 != 0) {
			unsigned shift = 6 - 2 * (unsigned)(at % 4);

			bytes[n++] = (char)(bits >> shift & 0xff);
		}
	}
	*ret_n = n;
	return strlen(text) % 4 == 0 && strspn(text + at, "=") < 3 &&
		       text[at + strspn(text + at, "=")] == '\0'
		   ? bytes
		   : NULL;
}

/* ".123" to nanoseconds, "" to none; gives how many characters. */
static size_t
read_nanos(const char *text, uint32_t *ret)
{
	uint32_t nanos = 0;
	size_t n = 0;

	if (text[0] == '.') {
		for (n = 1; text[n] >= '0' && text[n] <= '9'; n++) {
			nanos = n > NANO_DIGITS
				    ? nanos
				    : nanos * 10 + (uint32_t)(text[n] - '0');
		}
		for (size_t digits = n - 1; digits < NANO_DIGITS; digits++) {
			nanos *= 10;
		}
	}
	*ret = nanos;
	return n;
}

/* "-1.5s" */
static enum gk_rc
read_duration(const char *text, struct cel_value *ret, struct gk_err *err)
{
	bool minus = *text == '-';
	const char *at = text + minus;
	size_t n = strspn(at, "0123456789");
	uint64_t size = 0;
	int64_t seconds;
	uint32_t nanos;

	if (!read_digits(at, n, &size) || size > INT64_MAX ||
	    strcmp(at + n + read_nanos(at + n, &nanos), "s") != 0) {
		return GK_FAIL(err, GK_E_INVALID, "duration '%s'", text);
	}
	seconds = (int64_t)size;
	if (minus) {
		seconds = nanos == 0 ? -seconds : -seconds - 1;
		nanos = nanos == 0 ? 0 : 1000000000 - nanos;
	}
	*ret = cel_duration(seconds, nanos);
	return GK_OK;
}

static enum gk_rc
read_timestamp(const char *text, struct cel_value *ret, struct gk_err *err)
{
	const char *dot = strchr(text, '.');
	uint32_t nanos = 0;
	int64_t us;

	GK_TRY(gk_time_parse(text, &us, err));
	if (dot != NULL) {
		(void)read_nanos(dot, &nanos);
	}
	us -= ((us % GK_US_PER_S) + GK_US_PER_S) % GK_US_PER_S;
	*ret = cel_timestamp(us / GK_US_PER_S, nanos);
	return GK_OK;
}

static enum gk_rc decode(const struct json_value *json, unsigned depth,
    struct gk_arena *arena, struct cel_value *ret_value, struct gk_err *err);

static enum gk_rc
decode_list(const struct json_value *json, unsigned depth,
    struct gk_arena *arena, struct cel_value *ret, struct gk_err *err)
{
	size_t count = json_count(json), i = 0;
	struct cel_value *items =
	    gk_arena_calloc(arena, count + 1, sizeof(*items));

	if (items == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory");
	}
	for (const struct json_value *item = json_first(json); item != NULL;
	     item = json_next(item)) {
		GK_TRY(decode(item, depth, arena, &items[i++], err));
	}
	*ret = cel_list(items, count);
	return GK_OK;
}

static enum gk_rc
decode_map(const struct json_value *json, unsigned depth,
    struct gk_arena *arena, struct cel_value *ret, struct gk_err *err)
{
	size_t count = json_count(json), i = 0;
	struct cel_entry *entries =
	    gk_arena_calloc(arena, count + 1, sizeof(*entries));

	if (entries == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory");
	}
	for (const struct json_value *pair = json_first(json); pair != NULL;
	     pair = json_next(pair), i++) {
		if (json_count(pair) != 2) {
			return GK_FAIL(
			    err, GK_E_INVALID, "an entry isn't [key, value]");
		}
		GK_TRY(decode(
		    json_first(pair), depth, arena, &entries[i].key, err));
		GK_TRY(decode(json_next(json_first(pair)), depth, arena,
		    &entries[i].value, err));
	}
	return cel_map_make(entries, count, false, arena, ret, err);
}

/* {"optional": null} is none. */
static enum gk_rc
decode_optional(const struct json_value *json, unsigned depth,
    struct gk_arena *arena, struct cel_value *ret, struct gk_err *err)
{
	struct cel_value *inner = NULL;

	if (json_type(json) != JSON_NULL) {
		inner = gk_arena_alloc(arena, sizeof(*inner));
		if (inner == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "no memory");
		}
		GK_TRY(decode(json, depth, arena, inner, err));
	}
	*ret = (struct cel_value){.kind = CEL_OPTIONAL, .as.inner = inner};
	return GK_OK;
}

/* What is written as JSON text. */
static enum gk_rc
decode_text(const char *form, const char *text, struct gk_arena *arena,
    struct cel_value *ret, struct gk_err *err)
{
	const char *copy;
	size_t n;

	if (strcmp(form, "int64") == 0) {
		return read_int(text, ret, err);
	}
	if (strcmp(form, "uint64") == 0) {
		return read_uint(text, ret, err);
	}
	if (strcmp(form, "double") == 0) {
		return read_double(text, ret, err);
	}
	if (strcmp(form, "duration") == 0) {
		return read_duration(text, ret, err);
	}
	if (strcmp(form, "timestamp") == 0) {
		return read_timestamp(text, ret, err);
	}
	copy = strcmp(form, "string") == 0 || strcmp(form, "type") == 0
		   ? literal_text(text, arena, &n)
		   : read_base64(text, arena, &n);
	if (copy == NULL) {
		return GK_FAIL(err, GK_E_INVALID, "%s '%s'", form, text);
	}
	if (strncmp(form, "string", 6) == 0) {
		*ret = cel_string(copy, n);
	} else if (strcmp(form, "bytes") == 0) {
		*ret = cel_bytes(copy, n);
	} else if (strcmp(form, "type") == 0) {
		*ret = (struct cel_value){.kind = CEL_TYPE, .as.text = copy};
	} else {
		return GK_FAIL(
		    err, GK_E_INVALID, "no value is written '%s'", form);
	}
	return GK_OK;
}

static enum gk_rc
decode(const struct json_value *json, unsigned depth, struct gk_arena *arena,
    struct cel_value *ret, struct gk_err *err)
{
	const struct json_value *inner = json_first(json);
	const char *form = inner == NULL ? NULL : json_name(inner);

	if (form == NULL || json_count(json) != 1 || depth == DEPTH_MAX) {
		return GK_FAIL(err, GK_E_INVALID, "that is no value");
	}
	if (json_type(inner) == JSON_STRING) {
		return decode_text(form, json_string(inner), arena, ret, err);
	}
	if (strcmp(form, "list") == 0) {
		return decode_list(inner, depth + 1, arena, ret, err);
	}
	if (strcmp(form, "map") == 0) {
		return decode_map(inner, depth + 1, arena, ret, err);
	}
	if (strcmp(form, "optional") == 0) {
		return decode_optional(inner, depth + 1, arena, ret, err);
	}
	if (strcmp(form, "bool") == 0 && json_type(inner) == JSON_BOOL) {
		*ret = cel_bool(json_bool(inner));
		return GK_OK;
	}
	if (strcmp(form, "null") == 0 && json_type(inner) == JSON_NULL) {
		*ret = cel_null();
		return GK_OK;
	}
	return GK_FAIL(err, GK_E_INVALID, "no value is written '%s'", form);
}

enum gk_rc
literal_decode(const struct json_value *json, struct gk_arena *arena,
    struct cel_value *ret_value, struct gk_err *err)
{
	return decode(json, 0, arena, ret_value, err);
}
