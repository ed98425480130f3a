/* Equality and order of values (langdef "Equality", "Ordering"): numbers compare as numbers, exactly, whatever their types. */

#include "cel/cel_internal.h"

#include <math.h>
#include <string.h>

#define NESTING_MAX 512

enum verdict { UNEQUAL, EQUAL, OPEN, SPENT };

static enum verdict compare(struct cel_eval *ev, const struct cel_value *a,
    const struct cel_value *b, unsigned depth);

static int
doubles(double a, double b)
{
	if (isnan(a) || isnan(b)) {
		return 2;
	}
	return a < b ? -1 : a > b ? 1 : 0;
}

/*
 * As the reference does: outside the type's range the double is beyond; inside,
 * the integer is compared as a double.  So 2^63-1 and 2^63 are equal here; keys
 * and indexes are told apart exactly, see cel__same_number().
 */
static int
int_to_double(int64_t i, double d)
{
	if (d < -9223372036854775808.0) {
		return 1;
	}
	return d > 9223372036854775808.0 ? -1 : doubles((double)i, d);
}

static int
uint_to_double(uint64_t u, double d)
{
	if (d < 0) {
		return 1;
	}
	return d > 18446744073709551616.0 ? -1 : doubles((double)u, d);
}

static int
flip(int order)
{
	return order == 2 ? 2 : -order;
}

static bool
is_number(const struct cel_value *value)
{
	return value->kind == CEL_INT || value->kind == CEL_UINT ||
	       value->kind == CEL_DOUBLE;
}

static int
numbers(const struct cel_value *a, const struct cel_value *b)
{
	if (a->kind == CEL_DOUBLE) {
		return b->kind == CEL_DOUBLE ? doubles(a->as.d, b->as.d)
		       : b->kind == CEL_INT
			   ? flip(int_to_double(b->as.i, a->as.d))
			   : flip(uint_to_double(b->as.u, a->as.d));
	}
	if (b->kind == CEL_DOUBLE) {
		return a->kind == CEL_INT ? int_to_double(a->as.i, b->as.d)
					  : uint_to_double(a->as.u, b->as.d);
	}
	if (a->kind == CEL_INT && b->kind == CEL_INT) {
		return a->as.i < b->as.i ? -1 : a->as.i > b->as.i;
	}
	if (a->kind == CEL_INT && a->as.i < 0) {
		return -1;
	}
	if (b->kind == CEL_INT && b->as.i < 0) {
		return 1;
	}
	return a->as.u < b->as.u ? -1 : a->as.u > b->as.u;
}

/* A whole number as an int or a uint; false: it is none, or too large for both. */
static bool
to_whole(const struct cel_value *number, struct cel_value *ret)
{
	double d = number->as.d;

	if (number->kind != CEL_DOUBLE) {
		*ret = *number;
		return true;
	}
	if (!(d >= -9223372036854775808.0 && d < 18446744073709551616.0)) {
		return false;
	}
	*ret = d < 0 ? cel_int((int64_t)d) : cel_uint((uint64_t)d);
	return doubles(d < 0 ? (double)ret->as.i : (double)ret->as.u, d) == 0;
}

bool
cel__same_number(const struct cel_value *a, const struct cel_value *b)
{
	struct cel_value x, y;

	return is_number(a) && is_number(b) && to_whole(a, &x) &&
	       to_whole(b, &y) && numbers(&x, &y) == 0;
}

static int
texts(const struct cel_value *a, const struct cel_value *b)
{
	uint32_t n = a->n < b->n ? a->n : b->n;
	int order = n == 0 ? 0 : memcmp(a->as.text, b->as.text, n);

	if (order != 0) {
		return order < 0 ? -1 : 1;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

static int
times(const struct cel_value *a, const struct cel_value *b)
{
	if (a->as.seconds != b->as.seconds) {
		return a->as.seconds < b->as.seconds ? -1 : 1;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

static enum verdict
lists(struct cel_eval *ev, const struct cel_value *a, const struct cel_value *b,
    unsigned depth)
{
	enum verdict verdict = EQUAL;

	if (a->n != b->n) {
		return UNEQUAL;
	}
	for (uint32_t i = 0; i < a->n; i++) {
		enum verdict one =
		    compare(ev, &a->as.items[i], &b->as.items[i], depth + 1);

		if (one == UNEQUAL || one == SPENT) {
			return one;
		}
		verdict = one == OPEN ? OPEN : verdict;
	}
	return verdict;
}

static enum verdict
maps(struct cel_eval *ev, const struct cel_map *a, const struct cel_map *b,
    unsigned depth)
{
	bool partial = a->partial || b->partial;
	enum verdict verdict = partial ? OPEN : EQUAL;

	if (!partial && a->count != b->count) {
		return UNEQUAL;
	}
	for (uint32_t i = 0; i < a->count; i++) {
		const struct cel_entry *other =
		    cel_map_find(b, &a->entries[i].key);
		enum verdict one;

		if (other == NULL && b->partial) {
			continue;
		}
		one = other == NULL ? UNEQUAL
				    : compare(ev, &a->entries[i].value,
					  &other->value, depth + 1);
		if (one == UNEQUAL || one == SPENT) {
			return one;
		}
		verdict = one == OPEN ? OPEN : verdict;
	}
	return verdict;
}

static enum verdict
optionals(struct cel_eval *ev, const struct cel_value *a,
    const struct cel_value *b, unsigned depth)
{
	if (a->as.inner == NULL || b->as.inner == NULL) {
		return a->as.inner == b->as.inner ? EQUAL : UNEQUAL;
	}
	return compare(ev, a->as.inner, b->as.inner, depth + 1);
}

static enum verdict
said(bool equal)
{
	return equal ? EQUAL : UNEQUAL;
}

static enum verdict
same_kind(struct cel_eval *ev, const struct cel_value *a,
    const struct cel_value *b, unsigned depth)
{
	switch ((enum cel_kind)a->kind) {
	case CEL_NULL:
		return EQUAL;
	case CEL_BOOL:
		return said(a->as.boolean == b->as.boolean);
	case CEL_STRING:
	case CEL_BYTES:
		if (a->n != b->n) {
			return UNEQUAL;
		}
		return cel__charge(ev, a->n / 16) ? said(texts(a, b) == 0)
						  : SPENT;
	case CEL_TYPE:
		return said(strcmp(a->as.text, b->as.text) == 0);
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return said(times(a, b) == 0);
	case CEL_LIST:
		return lists(ev, a, b, depth);
	case CEL_MAP:
		return maps(ev, a->as.map, b->as.map, depth);
	case CEL_OPTIONAL:
		return optionals(ev, a, b, depth);
	case CEL_IP:
	case CEL_CIDR:
		return said(a->as.ip->family == b->as.ip->family &&
			    a->as.ip->prefix == b->as.ip->prefix &&
			    memcmp(a->as.ip->bytes, b->as.ip->bytes,
				sizeof(a->as.ip->bytes)) == 0);
	case CEL_URL:
		return said(cel__url_same(a->as.url, b->as.url));
	case CEL_ERROR:
	case CEL_UNKNOWN:
	case CEL_INT:
	case CEL_UINT:
	case CEL_DOUBLE:
	case CEL_KIND_COUNT:
		break;
	}
	return UNEQUAL;
}

static enum verdict
compare(struct cel_eval *ev, const struct cel_value *a,
    const struct cel_value *b, unsigned depth)
{
	if (depth > NESTING_MAX || !cel__charge(ev, 1)) {
		return SPENT;
	}
	if (a->kind == CEL_UNKNOWN || b->kind == CEL_UNKNOWN) {
		return OPEN;
	}
	if (is_number(a) && is_number(b)) {
		return said(numbers(a, b) == 0);
	}
	return a->kind == b->kind ? same_kind(ev, a, b, depth) : UNEQUAL;
}

struct cel_value
cel__equal(
    struct cel_eval *ev, const struct cel_value *a, const struct cel_value *b)
{
	enum verdict verdict = compare(ev, a, b, 0);

	if (verdict == SPENT) {
		return cel__spent(ev);
	}
	return verdict == OPEN ? cel_unknown(NULL) : cel_bool(verdict == EQUAL);
}

struct cel_value
cel__order(struct cel_eval *ev, const char *op, const struct cel_value *a,
    const struct cel_value *b)
{
	if (is_number(a) && is_number(b)) {
		return cel_int(numbers(a, b));
	}
	if (a->kind == b->kind) {
		uint32_t n = a->n < b->n ? a->n : b->n;

		if (a->kind == CEL_BOOL) {
			return cel_int((int)a->as.boolean - (int)b->as.boolean);
		}
		if (a->kind == CEL_STRING || a->kind == CEL_BYTES) {
			return cel__charge(ev, n / 16) ? cel_int(texts(a, b))
						       : cel__spent(ev);
		}
		if (a->kind == CEL_TIMESTAMP || a->kind == CEL_DURATION) {
			return cel_int(times(a, b));
		}
	}
	{
		const struct cel_value args[] = {*a, *b};

		return cel__no_overload(ev, op, args, 2);
	}
}
