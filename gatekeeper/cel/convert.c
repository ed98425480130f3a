/* Conversions between types (langdef "Standard Definitions"): int, uint, double, string, bytes, bool, timestamp, duration. */

#include "cel/cel_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT 400

static struct cel_value
range(struct cel_eval *ev, const char *type)
{
	return cel__fault(
	    ev, CEL_F_RANGE, "range error: it doesn't fit %s", type);
}

static struct cel_value
unreadable(struct cel_eval *ev, const char *type)
{
	return cel__fault(ev, CEL_F_ARGUMENT,
	    "Type conversion error: the text isn't %s", type);
}

static struct cel_value
same(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return args[0];
}

/* The text in a buffer of its own, '\0'-terminated; false: too long, or with a NUL. */
static bool
number_text(const struct cel_value *value, char text[NUMBER_TEXT])
{
	if (value->n == 0 || value->n >= NUMBER_TEXT ||
	    memchr(value->as.text, '\0', value->n) != NULL) {
		return false;
	}
	memcpy(text, value->as.text, value->n);
	text[value->n] = '\0';
	return true;
}

/* Digits only; false: none, others, or more than fit. */
static bool
digits(const char *at, uint64_t *ret)
{
	*ret = 0;
	if (*at == '\0') {
		return false;
	}
	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(*ret, UINT64_C(10), ret) ||
		    __builtin_add_overflow(*ret, (uint64_t)(*at - '0'), ret)) {
			return false;
		}
	}
	return *at == '\0';
}

static struct cel_value
to_int(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (args[0].kind == CEL_UINT) {
		return args[0].as.u > INT64_MAX ? range(ev, "int")
						: cel_int(args[0].as.i);
	}
	if (args[0].kind == CEL_TIMESTAMP) {
		return cel_int(args[0].as.seconds);
	}
	/* 2^63 is the first that doesn't fit; the least int is refused too, as the reference does */
	if (!(args[0].as.d > -9223372036854775808.0 &&
		args[0].as.d < 9223372036854775808.0)) {
		return range(ev, "int");
	}
	return cel_int((int64_t)args[0].as.d);
}

static struct cel_value
text_to_int(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	char text[NUMBER_TEXT];
	const char *at = text;
	uint64_t magnitude;
	bool negative;

	(void)n;
	if (!number_text(&args[0], text)) {
		return unreadable(ev, "an int");
	}
	negative = *at == '-';
	at += *at == '-' || *at == '+';
	if (!digits(at, &magnitude) ||
	    magnitude > (uint64_t)INT64_MAX + negative) {
		return unreadable(ev, "an int");
	}
	return cel_int(
	    negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude);
}

static struct cel_value
to_uint(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (args[0].kind == CEL_INT) {
		return args[0].as.i < 0 ? range(ev, "uint")
					: cel_uint(args[0].as.u);
	}
	if (!(args[0].as.d > -1 && args[0].as.d < 18446744073709551616.0) ||
	    args[0].as.d < 0) {
		return range(ev, "uint");
	}
	return cel_uint((uint64_t)args[0].as.d);
}

static struct cel_value
text_to_uint(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	char text[NUMBER_TEXT];
	uint64_t value;

	(void)n;
	if (!number_text(&args[0], text) || !digits(text, &value)) {
		return unreadable(ev, "a uint");
	}
	return cel_uint(value);
}

static struct cel_value
to_double(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return cel_double(args[0].kind == CEL_INT ? (double)args[0].as.i
						  : (double)args[0].as.u);
}

static struct cel_value
text_to_double(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	char text[NUMBER_TEXT], *end;
	double value;

	(void)n;
	if (!cel__charge(ev, 10)) {
		return cel__spent(ev);
	}
	if (!number_text(&args[0], text) ||
	    /* neither white space nor hexadecimal nor "nan(…)" */
	    strspn(text, "+-.0123456789eEinfINFtyTYaA") != strlen(text)) {
		return unreadable(ev, "a double");
	}
	value = strtod(text, &end);
	if (end == text || *end != '\0') {
		return unreadable(ev, "a double");
	}
	if (isinf(value) && strpbrk(text, "0123456789") != NULL) {
		return range(ev, "double");
	}
	return cel_double(value);
}

static struct cel_value
to_string(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	char text[CEL_DOUBLE_TEXT + CEL_TIME_TEXT];
	size_t length = 0;

	(void)n;
	if (!cel__charge(ev, args[0].kind == CEL_DOUBLE ? 80 : 5)) {
		return cel__spent(ev);
	}
	switch ((int)args[0].kind) {
	case CEL_BOOL:
		return cel_text(args[0].as.boolean ? "true" : "false");
	case CEL_INT:
		length = (size_t)snprintf(
		    text, sizeof(text), "%lld", (long long)args[0].as.i);
		break;
	case CEL_UINT:
		length = (size_t)snprintf(text, sizeof(text), "%llu",
		    (unsigned long long)args[0].as.u);
		break;
	case CEL_DOUBLE:
		length = cel__double_print(args[0].as.d, text);
		break;
	case CEL_TIMESTAMP:
		length = cel__time_print(&args[0], text);
		break;
	default:
		length = cel__duration_print(&args[0], text);
		break;
	}
	return cel__copy(ev, text, length);
}

static struct cel_value
bytes_to_string(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (!cel__charge(ev, 1 + args[0].n / 16)) {
		return cel__spent(ev);
	}
	return cel__text_valid(args[0].as.text, args[0].n)
		   ? cel_string(args[0].as.text, args[0].n)
		   : cel__fault(ev, CEL_F_ARGUMENT,
			 "invalid UTF-8: the bytes aren't a text");
}

static struct cel_value
to_bytes(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return cel_bytes(args[0].as.text, args[0].n);
}

static struct cel_value
text_to_bool(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	static const char *const yes[] = {
	    "1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {
	    "0", "f", "F", "false", "FALSE", "False"};
	char text[NUMBER_TEXT];

	(void)n;
	if (number_text(&args[0], text)) {
		for (size_t i = 0; i < GK_COUNT(yes); i++) {
			if (strcmp(text, yes[i]) == 0) {
				return cel_bool(true);
			}
			if (strcmp(text, no[i]) == 0) {
				return cel_bool(false);
			}
		}
	}
	return unreadable(ev, "a bool");
}

static struct cel_value
text_to_time(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_value time;

	(void)n;
	if (args[0].n > CEL_TIME_TEXT + 64 ||
	    !cel__time_parse(args[0].as.text, args[0].n, &time)) {
		return cel__fault(ev, CEL_F_ARGUMENT,
		    "range error: not a time of RFC 3339 in the years 0001 to "
		    "9999");
	}
	return time;
}

static struct cel_value
int_to_time(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel__time_ok(args[0].as.i) ? cel_timestamp(args[0].as.i, 0)
					  : range(ev, "a timestamp");
}

static struct cel_value
text_to_duration(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_value duration;

	(void)n;
	if (args[0].n > 256 ||
	    !cel__duration_parse(args[0].as.text, args[0].n, &duration)) {
		return cel__fault(ev, CEL_F_ARGUMENT,
		    "range error: not a duration such as 1h30m, or outside "
		    "292 years");
	}
	return duration;
}

static struct cel_value
type_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	const char *name = cel_kind_name((enum cel_kind)args[0].kind);

	(void)ev;
	(void)n;
	return (struct cel_value){
	    .kind = CEL_TYPE, .n = (uint32_t)strlen(name), .as.text = name};
}

const struct cel_builtin cel__conversions[] = {
    {"int", false, "(int) -> int", same},
    {"int", false, "(uint) -> int", to_int},
    {"int", false, "(double) -> int", to_int},
    {"int", false, "(timestamp) -> int", to_int},
    {"int", false, "(string) -> int", text_to_int},
    {"uint", false, "(uint) -> uint", same},
    {"uint", false, "(int) -> uint", to_uint},
    {"uint", false, "(double) -> uint", to_uint},
    {"uint", false, "(string) -> uint", text_to_uint},
    {"double", false, "(double) -> double", same},
    {"double", false, "(int) -> double", to_double},
    {"double", false, "(uint) -> double", to_double},
    {"double", false, "(string) -> double", text_to_double},
    {"string", false, "(string) -> string", same},
    {"string", false, "(bool) -> string", to_string},
    {"string", false, "(int) -> string", to_string},
    {"string", false, "(uint) -> string", to_string},
    {"string", false, "(double) -> string", to_string},
    {"string", false, "(bytes) -> string", bytes_to_string},
    {"string", false, "(timestamp) -> string", to_string},
    {"string", false, "(duration) -> string", to_string},
    {"bytes", false, "(bytes) -> bytes", same},
    {"bytes", false, "(string) -> bytes", to_bytes},
    {"bool", false, "(bool) -> bool", same},
    {"bool", false, "(string) -> bool", text_to_bool},
    {"timestamp", false, "(timestamp) -> timestamp", same},
    {"timestamp", false, "(string) -> timestamp", text_to_time},
    {"timestamp", false, "(int) -> timestamp", int_to_time},
    {"duration", false, "(duration) -> duration", same},
    {"duration", false, "(string) -> duration", text_to_duration},
    {"dyn", false, "(A) -> dyn", same},
    {"type", false, "(A) -> type(A)", type_of},
    {NULL, false, NULL, NULL},
};
