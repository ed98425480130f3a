/* The math functions: greatest and least, rounding, signs, bits (cel-go's math extension). */

#include "cel/cel_internal.h"

#include <math.h>

static bool
is_number(const struct cel_value *value)
{
	return value->kind == CEL_INT || value->kind == CEL_UINT ||
	       value->kind == CEL_DOUBLE;
}

/* Of numbers of any types; of equal ones the first.  which: -1 the least, 1 the greatest. */
static struct cel_value
extreme(struct cel_eval *ev, const char *name, const struct cel_value *items,
    uint32_t count, int which)
{
	struct cel_value best;

	if (count == 0) {
		return cel__fault(ev, CEL_F_ARGUMENT,
		    "%s(list) argument must not be empty", name);
	}
	best = items[0];
	for (uint32_t i = 0; i < count; i++) {
		struct cel_value order;

		if (items[i].kind == CEL_UNKNOWN) {
			return items[i];
		}
		if (!is_number(&items[i])) {
			return cel__no_overload(ev, name, &items[i], 1);
		}
		if (!cel__charge(ev, 1)) {
			return cel__spent(ev);
		}
		order = cel__order(ev, name, &items[i], &best);
		if (order.kind == CEL_INT && order.as.i == which) {
			best = items[i];
		}
	}
	return best;
}

static struct cel_value
greatest(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	return n == 1 && args[0].kind == CEL_LIST
		   ? extreme(
			 ev, "math.greatest", args[0].as.items, args[0].n, 1)
		   : extreme(ev, "math.greatest", args, n, 1);
}

static struct cel_value
least(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	return n == 1 && args[0].kind == CEL_LIST
		   ? extreme(ev, "math.least", args[0].as.items, args[0].n, -1)
		   : extreme(ev, "math.least", args, n, -1);
}

#define OF_DOUBLE(name, f)                                                 \
	static struct cel_value name(                                      \
	    struct cel_eval *ev, const struct cel_value *args, unsigned n) \
	{                                                                  \
		(void)ev;                                                  \
		(void)n;                                                   \
		return cel_double(f(args[0].as.d));                        \
	}
OF_DOUBLE(ceiling, ceil)
OF_DOUBLE(floor_of, floor)
OF_DOUBLE(round_of, round)
OF_DOUBLE(trunc_of, trunc)

#define ASK_DOUBLE(name, f)                                                \
	static struct cel_value name(                                      \
	    struct cel_eval *ev, const struct cel_value *args, unsigned n) \
	{                                                                  \
		(void)ev;                                                  \
		(void)n;                                                   \
		return cel_bool(f(args[0].as.d) != 0);                     \
	}
ASK_DOUBLE(is_nan, isnan)
ASK_DOUBLE(is_inf, isinf)
ASK_DOUBLE(is_finite, isfinite)

static struct cel_value
root(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	if (args[0].kind == CEL_INT) {
		return cel_double(sqrt((double)args[0].as.i));
	}
	return cel_double(sqrt(
	    args[0].kind == CEL_UINT ? (double)args[0].as.u : args[0].as.d));
}

static struct cel_value
absolute(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	if (args[0].kind == CEL_DOUBLE) {
		return cel_double(fabs(args[0].as.d));
	}
	if (args[0].kind == CEL_UINT || args[0].as.i >= 0) {
		return args[0];
	}
	return args[0].as.i == INT64_MIN
		   ? cel__fault(ev, CEL_F_RANGE, "integer overflow")
		   : cel_int(-args[0].as.i);
}

static struct cel_value
sign(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	if (args[0].kind == CEL_INT) {
		return cel_int((args[0].as.i > 0) - (args[0].as.i < 0));
	}
	if (args[0].kind == CEL_UINT) {
		return cel_uint(args[0].as.u > 0);
	}
	if (isnan(args[0].as.d)) {
		return args[0];
	}
	return cel_double((args[0].as.d > 0) - (args[0].as.d < 0));
}

/* Bits are the same in int and uint: the result has the first argument's type. */
static struct cel_value
bits(const struct cel_value *like, uint64_t u)
{
	struct cel_value value = *like;

	value.as.u = u;
	return value;
}

static struct cel_value
bit_and(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return bits(args, args[0].as.u & args[1].as.u);
}

static struct cel_value
bit_or(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return bits(args, args[0].as.u | args[1].as.u);
}

static struct cel_value
bit_xor(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return bits(args, args[0].as.u ^ args[1].as.u);
}

static struct cel_value
bit_not(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return bits(args, ~args[0].as.u);
}

/* Shifts are logical, of ints too; by 64 and more nothing is left. */
static struct cel_value
shift(struct cel_eval *ev, const struct cel_value *args, bool left)
{
	int64_t by = args[1].as.i;

	if (by < 0) {
		return cel__fault(ev, CEL_F_ARGUMENT,
		    "negative offset: can't shift by %lld", (long long)by);
	}
	if (by > 63) {
		return bits(args, 0);
	}
	return bits(args, left ? args[0].as.u << by : args[0].as.u >> by);
}

static struct cel_value
shift_left(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return shift(ev, args, true);
}

static struct cel_value
shift_right(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return shift(ev, args, false);
}

/* More than two arguments are made a list when names are resolved. */
#define EXTREME(name, run)                                    \
	{name, false, "(int) -> int", run},                   \
	    {name, false, "(uint) -> uint", run},             \
	    {name, false, "(double) -> double", run},         \
	    {name, false, "(list(int)) -> int", run},         \
	    {name, false, "(list(uint)) -> uint", run},       \
	    {name, false, "(list(double)) -> double", run},   \
	    {name, false, "(list(dyn)) -> dyn", run},         \
	    {name, false, "(int, int) -> int", run},          \
	    {name, false, "(uint, uint) -> uint", run},       \
	    {name, false, "(double, double) -> double", run}, \
	    {name, false, "(int, uint) -> dyn", run},         \
	    {name, false, "(int, double) -> dyn", run},       \
	    {name, false, "(uint, int) -> dyn", run},         \
	    {name, false, "(uint, double) -> dyn", run},      \
	    {name, false, "(double, int) -> dyn", run},       \
	{                                                     \
		name, false, "(double, uint) -> dyn", run     \
	}
#define OF_BITS(name, run)                               \
	{name, false, "(int, int) -> int", run},         \
	{                                                \
		name, false, "(uint, uint) -> uint", run \
	}
#define SHIFT(name, run)                                \
	{name, false, "(int, int) -> int", run},        \
	{                                               \
		name, false, "(uint, int) -> uint", run \
	}

const struct cel_builtin cel__math[] = {
    EXTREME("math.greatest", greatest),
    EXTREME("math.least", least),
    {"math.ceil", false, "(double) -> double", ceiling},
    {"math.floor", false, "(double) -> double", floor_of},
    {"math.round", false, "(double) -> double", round_of},
    {"math.trunc", false, "(double) -> double", trunc_of},
    {"math.isNaN", false, "(double) -> bool", is_nan},
    {"math.isInf", false, "(double) -> bool", is_inf},
    {"math.isFinite", false, "(double) -> bool", is_finite},
    {"math.sqrt", false, "(double) -> double", root},
    {"math.sqrt", false, "(int) -> double", root},
    {"math.sqrt", false, "(uint) -> double", root},
    {"math.abs", false, "(double) -> double", absolute},
    {"math.abs", false, "(int) -> int", absolute},
    {"math.abs", false, "(uint) -> uint", absolute},
    {"math.sign", false, "(double) -> double", sign},
    {"math.sign", false, "(int) -> int", sign},
    {"math.sign", false, "(uint) -> uint", sign},
    OF_BITS("math.bitAnd", bit_and),
    OF_BITS("math.bitOr", bit_or),
    OF_BITS("math.bitXor", bit_xor),
    {"math.bitNot", false, "(int) -> int", bit_not},
    {"math.bitNot", false, "(uint) -> uint", bit_not},
    SHIFT("math.bitShiftLeft", shift_left),
    SHIFT("math.bitShiftRight", shift_right),
    {NULL, false, NULL, NULL},
};
