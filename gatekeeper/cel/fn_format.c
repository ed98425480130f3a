/* string.format(list): %s %d %f %e %b %o %x %X (cel-go's strings extension). */

#include "cel/cel_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT   512
#define PRECISION_MAX 100
#define NESTING_MAX   512

/* Text that grows in the evaluation's memory. */
struct output {
	struct cel_eval *ev;
	char *text;
	size_t n, room;
	struct cel_value stop; /* why it ended early; CEL_NULL: it didn't */
};

static bool
put(struct output *out, const char *text, size_t n)
{
	size_t room = out->room == 0 ? 64 : out->room;
	char *more;

	while (room < out->n + n) {
		room *= 2;
	}
	if (room > out->room) {
		more = room > UINT32_MAX ? NULL : cel__alloc(out->ev, room);
		if (more == NULL) {
			out->stop = cel__spent(out->ev);
			return false;
		}
		if (out->n > 0) {
			memcpy(more, out->text, out->n);
		}
		out->text = more;
		out->room = room;
	}
	if (n > 0) {
		memcpy(out->text + out->n, text, n);
	}
	out->n += n;
	return true;
}

static bool
puts_(struct output *out, const char *text)
{
	return put(out, text, strlen(text));
}

static bool
refuse(struct output *out, const char *what, const struct cel_value *value)
{
	out->stop = cel__fault(out->ev, CEL_F_ARGUMENT,
	    "error during formatting: %s, was given %s", what,
	    cel_kind_name((enum cel_kind)value->kind));
	return false;
}

/* NaN and the infinities have words of their own. */
static const char *
special(double d)
{
	return isnan(d)   ? "NaN"
	       : isinf(d) ? (d > 0 ? "Infinity" : "-Infinity")
			  : NULL;
}

/* ---- %s ---- */

static bool put_value(
    struct output *out, const struct cel_value *value, unsigned depth);

static bool
put_list(struct output *out, const struct cel_value *list, unsigned depth)
{
	bool fine = puts_(out, "[");

	for (uint32_t i = 0; fine && i < list->n; i++) {
		fine = puts_(out, i == 0 ? "" : ", ") &&
		       put_value(out, &list->as.items[i], depth + 1);
	}
	return fine && puts_(out, "]");
}

/* A key and where its entry is. */
struct sorted {
	struct output key;
	const struct cel_value *value;
};

static int
by_key(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
	int order = n == 0 ? 0 : memcmp(x->key.text, y->key.text, n);

	return order != 0 ? order
			  : (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

/* By the text of the keys, whatever their types. */
static bool
put_map(struct output *out, const struct cel_map *map, unsigned depth)
{
	struct sorted *sorted =
	    cel__alloc(out->ev, map->count * sizeof(*sorted));
	bool fine = true;

	if (map->partial) {
		out->stop = cel_unknown(NULL);
		return false;
	}
	if (sorted == NULL || !cel__charge(out->ev, map->count)) {
		out->stop = cel__spent(out->ev);
		return false;
	}
	for (uint32_t i = 0; fine && i < map->count; i++) {
		sorted[i].key.ev = out->ev;
		sorted[i].key.stop = cel_null();
		sorted[i].value = &map->entries[i].value;
		fine =
		    put_value(&sorted[i].key, &map->entries[i].key, depth + 1);
		if (!fine) {
			out->stop = sorted[i].key.stop;
		}
	}
	if (!fine) {
		return false;
	}
	qsort(sorted, map->count, sizeof(*sorted), by_key);
	fine = puts_(out, "{");
	for (uint32_t i = 0; fine && i < map->count; i++) {
		fine = puts_(out, i == 0 ? "" : ", ") &&
		       put(out, sorted[i].key.text, sorted[i].key.n) &&
		       puts_(out, ": ") &&
		       put_value(out, sorted[i].value, depth + 1);
	}
	return fine && puts_(out, "}");
}

static bool
put_plain(struct output *out, const struct cel_value *value)
{
	char text[CEL_DOUBLE_TEXT + CEL_TIME_TEXT];

	switch ((int)value->kind) {
	case CEL_NULL:
		return puts_(out, "null");
	case CEL_BOOL:
		return puts_(out, value->as.boolean ? "true" : "false");
	case CEL_INT:
		(void)snprintf(
		    text, sizeof(text), "%lld", (long long)value->as.i);
		return puts_(out, text);
	case CEL_UINT:
		(void)snprintf(text, sizeof(text), "%llu",
		    (unsigned long long)value->as.u);
		return puts_(out, text);
	case CEL_DOUBLE:
		if (special(value->as.d) != NULL) {
			return puts_(out, special(value->as.d));
		}
		return put(out, text, cel__double_print(value->as.d, text));
	case CEL_TIMESTAMP:
		return put(out, text, cel__time_print(value, text));
	case CEL_DURATION:
		return put(out, text, cel__duration_print(value, text));
	case CEL_TYPE:
		return puts_(out, value->as.text);
	default:
		return refuse(out,
		    "string clause can only be used on strings, bools, bytes, "
		    "ints, doubles, maps, lists, types, durations, and "
		    "timestamps",
		    value);
	}
}

static bool
put_value(struct output *out, const struct cel_value *value, unsigned depth)
{
	if (depth > NESTING_MAX ||
	    !cel__charge(out->ev, value->kind == CEL_DOUBLE ? 80 : 3)) {
		out->stop = cel__spent(out->ev);
		return false;
	}
	if (value->kind == CEL_UNKNOWN) {
		out->stop = *value;
		return false;
	}
	if (value->kind == CEL_LIST) {
		return put_list(out, value, depth);
	}
	if (value->kind == CEL_MAP) {
		return put_map(out, value->as.map, depth);
	}
	if (value->kind == CEL_STRING) {
		return put(out, value->as.text, value->n);
	}
	if (value->kind == CEL_BYTES) {
		if (!cel__text_valid(value->as.text, value->n)) {
			out->stop = cel__fault(out->ev, CEL_F_ARGUMENT,
			    "error during formatting: bytes that aren't "
			    "UTF-8");
			return false;
		}
		return put(out, value->as.text, value->n);
	}
	return put_plain(out, value);
}

/* ---- numbers ---- */

static bool
put_decimal(struct output *out, const struct cel_value *value)
{
	if (value->kind == CEL_INT || value->kind == CEL_UINT ||
	    (value->kind == CEL_DOUBLE && special(value->as.d) != NULL)) {
		return put_plain(out, value);
	}
	return refuse(
	    out, "decimal clause can only be used on integers", value);
}

static bool
put_real(struct output *out, const struct cel_value *value, int precision,
    char clause)
{
	char text[NUMBER_TEXT];
	double d;

	if (value->kind == CEL_INT) {
		d = (double)value->as.i;
	} else if (value->kind == CEL_UINT) {
		d = (double)value->as.u;
	} else if (value->kind == CEL_DOUBLE) {
		d = value->as.d;
	} else {
		return refuse(out,
		    clause == 'e'
			? "scientific clause can only be used on doubles"
			: "fixed-point clause can only be used on doubles",
		    value);
	}
	if (special(d) != NULL) {
		return puts_(out, special(d));
	}
	if (!cel__charge(out->ev, 20)) {
		out->stop = cel__spent(out->ev);
		return false;
	}
	(void)snprintf(
	    text, sizeof(text), clause == 'e' ? "%.*e" : "%.*f", precision, d);
	return puts_(out, text);
}

static bool
put_base(
    struct output *out, uint64_t u, bool negative, unsigned shift, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[72], *at = text + sizeof(text);

	*--at = '\0';
	do {
		*--at = digits[u & ((1u << shift) - 1)];
		u >>= shift;
	} while (u != 0);
	if (negative) {
		*--at = '-';
	}
	return puts_(out, at);
}

static bool
put_bits(struct output *out, const struct cel_value *value, unsigned shift,
    bool upper)
{
	if (value->kind == CEL_UINT) {
		return put_base(out, value->as.u, false, shift, upper);
	}
	return value->as.i < 0
		   ? put_base(out, 0 - value->as.u, true, shift, upper)
		   : put_base(out, value->as.u, false, shift, upper);
}

static bool
put_binary(struct output *out, const struct cel_value *value)
{
	if (value->kind == CEL_BOOL) {
		return puts_(out, value->as.boolean ? "1" : "0");
	}
	if (value->kind != CEL_INT && value->kind != CEL_UINT) {
		return refuse(out,
		    "only integers and bools can be formatted as binary",
		    value);
	}
	return put_bits(out, value, 1, false);
}

static bool
put_octal(struct output *out, const struct cel_value *value)
{
	if (value->kind != CEL_INT && value->kind != CEL_UINT) {
		return refuse(
		    out, "octal clause can only be used on integers", value);
	}
	return put_bits(out, value, 3, false);
}

static bool
put_hex(struct output *out, const struct cel_value *value, bool upper)
{
	if (value->kind == CEL_INT || value->kind == CEL_UINT) {
		return put_bits(out, value, 4, upper);
	}
	if (value->kind != CEL_STRING && value->kind != CEL_BYTES) {
		return refuse(out,
		    "only integers, byte buffers, and strings can be formatted "
		    "as hex",
		    value);
	}
	for (uint32_t i = 0; i < value->n; i++) {
		char text[3];

		(void)snprintf(text, sizeof(text), upper ? "%02X" : "%02x",
		    (unsigned char)value->as.text[i]);
		if (!put(out, text, 2)) {
			return false;
		}
	}
	return true;
}

/* ---- the pattern ---- */

/* ".3" at *at, if it is there; -1: none; false: not a precision. */
static bool
read_precision(const char **at, const char *end, int *ret)
{
	const char *from;

	*ret = -1;
	if (*at == end || **at != '.') {
		return true;
	}
	*ret = 0;
	from = ++(*at);
	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
		*ret = *ret * 10 + (**at - '0');
		if (*ret > PRECISION_MAX) {
			return false;
		}
	}
	return *at > from;
}

static bool
put_clause(struct output *out, char clause, int precision,
    const struct cel_value *value)
{
	switch (clause) {
	case 's':
		return put_value(out, value, 0);
	case 'd':
		return put_decimal(out, value);
	case 'f':
	case 'e':
		return put_real(
		    out, value, precision < 0 ? 6 : precision, clause);
	case 'b':
		return put_binary(out, value);
	case 'o':
		return put_octal(out, value);
	default:
		return put_hex(out, value, clause == 'X');
	}
}

/* at: where the clause is, at the end perhaps. */
static struct cel_value
unreadable(struct cel_eval *ev, const char *const *at, const char *end)
{
	char shown[2] = {'\0', '\0'};

	if (*at<end &&* * at> ' ' && **at <= '~') {
		shown[0] = **at;
	}
	return cel__fault(ev, CEL_F_ARGUMENT,
	    "could not parse formatting clause: unrecognized formatting "
	    "clause \"%s\"",
	    shown);
}

/* What stands at a '%'; *at is behind it afterwards. */
static bool
put_next(struct output *out, const char **at, const char *end,
    const struct cel_value *list, uint32_t *used)
{
	const struct cel_value *value;
	int precision;

	if (*at < end && **at == '%') {
		(*at)++;
		return puts_(out, "%");
	}
	if (!read_precision(at, end, &precision) || *at == end ||
	    **at == '\0' || strchr("sdfebxXo", **at) == NULL) {
		out->stop = unreadable(out->ev, at, end);
		return false;
	}
	if (*used >= list->n) {
		out->stop = cel__fault(
		    out->ev, CEL_F_INDEX, "index %u out of range", *used);
		return false;
	}
	value = &list->as.items[(*used)++];
	if (value->kind == CEL_UNKNOWN) {
		out->stop = *value;
		return false;
	}
	return put_clause(out, *(*at)++, precision, value);
}

static struct cel_value
format(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct output out = {.ev = ev, .stop = cel_null()};
	const char *at = args[0].as.text, *end = at + args[0].n;
	uint32_t used = 0;

	(void)n;
	if (!cel__charge(ev, 1 + args[0].n / 4)) {
		return cel__spent(ev);
	}
	while (at < end) {
		const char *mark = memchr(at, '%', (size_t)(end - at));
		size_t plain = (size_t)((mark == NULL ? end : mark) - at);

		if (!put(&out, at, plain)) {
			return out.stop;
		}
		at += plain;
		if (at < end) {
			at++;
			if (!put_next(&out, &at, end, &args[1], &used)) {
				return out.stop;
			}
		}
	}
	return cel_string(out.text == NULL ? "" : out.text, out.n);
}

const struct cel_builtin cel__format[] = {
    {"format", true, "(string, list(dyn)) -> string", format},
    {NULL, false, NULL, NULL},
};
