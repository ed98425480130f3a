/* Operators: arithmetic that never wraps, concatenation, comparison, membership. */

#include "cel/cel_internal.h"

#include <string.h>

const struct cel_builtin cel__operators[] = {
    {"_+_", false, "(int, int) -> int", NULL},
    {"_+_", false, "(uint, uint) -> uint", NULL},
    {"_+_", false, "(double, double) -> double", NULL},
    {"_+_", false, "(string, string) -> string", NULL},
    {"_+_", false, "(bytes, bytes) -> bytes", NULL},
    {"_+_", false, "(list(A), list(A)) -> list(A)", NULL},
    {"_+_", false, "(timestamp, duration) -> timestamp", NULL},
    {"_+_", false, "(duration, timestamp) -> timestamp", NULL},
    {"_+_", false, "(duration, duration) -> duration", NULL},
    {"_-_", false, "(int, int) -> int", NULL},
    {"_-_", false, "(uint, uint) -> uint", NULL},
    {"_-_", false, "(double, double) -> double", NULL},
    {"_-_", false, "(timestamp, timestamp) -> duration", NULL},
    {"_-_", false, "(timestamp, duration) -> timestamp", NULL},
    {"_-_", false, "(duration, duration) -> duration", NULL},
    {"_*_", false, "(int, int) -> int", NULL},
    {"_*_", false, "(uint, uint) -> uint", NULL},
    {"_*_", false, "(double, double) -> double", NULL},
    {"_/_", false, "(int, int) -> int", NULL},
    {"_/_", false, "(uint, uint) -> uint", NULL},
    {"_/_", false, "(double, double) -> double", NULL},
    {"_%_", false, "(int, int) -> int", NULL},
    {"_%_", false, "(uint, uint) -> uint", NULL},
    {"-_", false, "(int) -> int", NULL},
    {"-_", false, "(double) -> double", NULL},
    {"!_", false, "(bool) -> bool", NULL},
    {"_==_", false, "(A, A) -> bool", NULL},
    {"_!=_", false, "(A, A) -> bool", NULL},
#define ORDERED(op)                                              \
	{op, false, "(bool, bool) -> bool", NULL},               \
	    {op, false, "(int, int) -> bool", NULL},             \
	    {op, false, "(int, uint) -> bool", NULL},            \
	    {op, false, "(int, double) -> bool", NULL},          \
	    {op, false, "(uint, uint) -> bool", NULL},           \
	    {op, false, "(uint, int) -> bool", NULL},            \
	    {op, false, "(uint, double) -> bool", NULL},         \
	    {op, false, "(double, double) -> bool", NULL},       \
	    {op, false, "(double, int) -> bool", NULL},          \
	    {op, false, "(double, uint) -> bool", NULL},         \
	    {op, false, "(string, string) -> bool", NULL},       \
	    {op, false, "(bytes, bytes) -> bool", NULL},         \
	    {op, false, "(timestamp, timestamp) -> bool", NULL}, \
	{                                                        \
		op, false, "(duration, duration) -> bool", NULL  \
	}
    ORDERED("_<_"),
    ORDERED("_<=_"),
    ORDERED("_>_"),
    ORDERED("_>=_"),
    {"@in", false, "(A, list(A)) -> bool", NULL},
    {"@in", false, "(A, map(A, B)) -> bool", NULL},
    {"_[_]", false, "(list(A), int) -> A", NULL},
    {"_[_]", false, "(map(A, B), A) -> B", NULL},
    {"_[_]", false, "(optional_type(list(A)), int) -> optional_type(A)", NULL},
    {"_[_]", false, "(optional_type(map(A, B)), A) -> optional_type(B)", NULL},
    {"_[?_]", false, "(list(A), int) -> optional_type(A)", NULL},
    {"_[?_]", false, "(map(A, B), A) -> optional_type(B)", NULL},
    {"_[?_]", false, "(optional_type(list(A)), int) -> optional_type(A)", NULL},
    {"_[?_]", false, "(optional_type(map(A, B)), A) -> optional_type(B)", NULL},
    {NULL, false, NULL, NULL},
};

static const char *
op_name(enum cel_op op)
{
	switch ((int)op) {
	case OP_ADD:
		return "+";
	case OP_SUBTRACT:
	case OP_NEGATE:
		return "-";
	case OP_MULTIPLY:
		return "*";
	case OP_DIVIDE:
		return "/";
	case OP_MODULO:
		return "%";
	case OP_LESS:
		return "<";
	case OP_LESS_EQUAL:
		return "<=";
	case OP_GREATER:
		return ">";
	case OP_GREATER_EQUAL:
		return ">=";
	default:
		return "in";
	}
}

static struct cel_value
overflow(struct cel_eval *ev, const char *type)
{
	return cel__fault(
	    ev, CEL_F_RANGE, "return error for overflow: outside %s", type);
}

static struct cel_value
by_zero(struct cel_eval *ev, enum cel_op op)
{
	return cel__fault(ev, CEL_F_DIVIDE, "%s by zero",
	    op == OP_DIVIDE ? "divide" : "modulus");
}

static struct cel_value
ints(struct cel_eval *ev, enum cel_op op, int64_t a, int64_t b)
{
	int64_t result = 0;
	bool over = false;

	switch ((int)op) {
	case OP_ADD:
		over = __builtin_add_overflow(a, b, &result);
		break;
	case OP_SUBTRACT:
		over = __builtin_sub_overflow(a, b, &result);
		break;
	case OP_MULTIPLY:
		over = __builtin_mul_overflow(a, b, &result);
		break;
	default:
		if (b == 0) {
			return by_zero(ev, op);
		}
		if (a == INT64_MIN && b == -1) {
			return overflow(ev, "int");
		}
		result = op == OP_DIVIDE ? a / b : a % b;
		break;
	}
	return over ? overflow(ev, "int") : cel_int(result);
}

static struct cel_value
uints(struct cel_eval *ev, enum cel_op op, uint64_t a, uint64_t b)
{
	uint64_t result = 0;
	bool over = false;

	switch ((int)op) {
	case OP_ADD:
		over = __builtin_add_overflow(a, b, &result);
		break;
	case OP_SUBTRACT:
		over = __builtin_sub_overflow(a, b, &result);
		break;
	case OP_MULTIPLY:
		over = __builtin_mul_overflow(a, b, &result);
		break;
	default:
		if (b == 0) {
			return by_zero(ev, op);
		}
		result = op == OP_DIVIDE ? a / b : a % b;
		break;
	}
	return over ? overflow(ev, "uint") : cel_uint(result);
}

static struct cel_value
floats(enum cel_op op, double a, double b)
{
	switch ((int)op) {
	case OP_ADD:
		return cel_double(a + b);
	case OP_SUBTRACT:
		return cel_double(a - b);
	case OP_MULTIPLY:
		return cel_double(a * b);
	default:
		return cel_double(a / b);
	}
}

static struct cel_value
join_texts(struct cel_eval *ev, const struct cel_value *args)
{
	size_t n = (size_t)args[0].n + args[1].n;
	struct cel_value value = args[0];
	char *text;

	if (n > UINT32_MAX) {
		return cel__spent(ev);
	}
	text = cel__alloc(ev, n + 1);
	if (text == NULL) {
		return cel__spent(ev);
	}
	if (args[0].n > 0) {
		memcpy(text, args[0].as.text, args[0].n);
	}
	if (args[1].n > 0) {
		memcpy(text + args[0].n, args[1].as.text, args[1].n);
	}
	value.n = (uint32_t)n;
	value.as.text = text;
	return value;
}

static struct cel_value
join_lists(struct cel_eval *ev, const struct cel_value *args)
{
	size_t n = (size_t)args[0].n + args[1].n;
	struct cel_value *items;

	if (n > UINT32_MAX / sizeof(*items)) {
		return cel__spent(ev);
	}
	items = cel__alloc(ev, n * sizeof(*items));
	if (items == NULL) {
		return cel__spent(ev);
	}
	if (args[0].n > 0) {
		memcpy(items, args[0].as.items, args[0].n * sizeof(*items));
	}
	if (args[1].n > 0) {
		memcpy(items + args[0].n, args[1].as.items,
		    args[1].n * sizeof(*items));
	}
	return cel_list(items, n);
}

/* What becomes of a time and a duration, two times, two durations; CEL_ERROR: nothing. */
static enum cel_kind
time_result(enum cel_op op, const struct cel_value *args)
{
	enum cel_kind a = (enum cel_kind)args[0].kind,
		      b = (enum cel_kind)args[1].kind;

	if (op != OP_ADD && op != OP_SUBTRACT) {
		return CEL_ERROR;
	}
	if (a == CEL_DURATION && b == CEL_DURATION) {
		return CEL_DURATION;
	}
	if (a == CEL_TIMESTAMP && b == CEL_DURATION) {
		return CEL_TIMESTAMP;
	}
	if (op == OP_ADD) {
		return a == CEL_DURATION && b == CEL_TIMESTAMP ? CEL_TIMESTAMP
							       : CEL_ERROR;
	}
	return a == CEL_TIMESTAMP && b == CEL_TIMESTAMP ? CEL_DURATION
							: CEL_ERROR;
}

static struct cel_value
time_value(struct cel_eval *ev, enum cel_op op, const struct cel_value *args)
{
	enum cel_kind kind = time_result(op, args);
	struct cel_value value;

	if (kind == CEL_ERROR) {
		return cel__no_overload(ev, op_name(op), args, 2);
	}
	if (!cel__time_add(&args[0], &args[1], op == OP_SUBTRACT, &value) ||
	    !(kind == CEL_TIMESTAMP ? cel__time_ok(value.as.seconds)
				    : cel__duration_ok(value.as.seconds))) {
		return cel__fault(ev, CEL_F_RANGE, "range: outside %s",
		    kind == CEL_TIMESTAMP ? "the years 0001 to 9999"
					  : "a duration of 292 years");
	}
	value.kind = kind;
	return value;
}

static struct cel_value
arithmetic(struct cel_eval *ev, enum cel_op op, const struct cel_value *args)
{
	if (args[0].kind == args[1].kind) {
		switch ((int)args[0].kind) {
		case CEL_INT:
			return ints(ev, op, args[0].as.i, args[1].as.i);
		case CEL_UINT:
			return uints(ev, op, args[0].as.u, args[1].as.u);
		case CEL_DOUBLE:
			if (op != OP_MODULO) {
				return floats(op, args[0].as.d, args[1].as.d);
			}
			break;
		case CEL_STRING:
		case CEL_BYTES:
			if (op == OP_ADD) {
				return join_texts(ev, args);
			}
			break;
		case CEL_LIST:
			if (op == OP_ADD) {
				return join_lists(ev, args);
			}
			break;
		default:
			break;
		}
	}
	return time_value(ev, op, args);
}

static struct cel_value
negate(struct cel_eval *ev, const struct cel_value *value)
{
	if (value->kind == CEL_DOUBLE) {
		return cel_double(-value->as.d);
	}
	if (value->kind != CEL_INT) {
		return cel__no_overload(ev, "-", value, 1);
	}
	return value->as.i == INT64_MIN ? overflow(ev, "int")
					: cel_int(-value->as.i);
}

static struct cel_value
ordered(struct cel_eval *ev, enum cel_op op, const struct cel_value *args)
{
	struct cel_value order =
	    cel__order(ev, op_name(op), &args[0], &args[1]);
	int64_t by;

	if (order.kind != CEL_INT) {
		return order;
	}
	by = order.as.i;
	if (by == 2) {
		return cel_bool(false);
	}
	switch ((int)op) {
	case OP_LESS:
		return cel_bool(by < 0);
	case OP_LESS_EQUAL:
		return cel_bool(by <= 0);
	case OP_GREATER:
		return cel_bool(by > 0);
	default:
		return cel_bool(by >= 0);
	}
}

static struct cel_value
in_list(struct cel_eval *ev, const struct cel_value *args)
{
	struct cel_value unknown = {0};

	for (uint32_t i = 0; i < args[1].n; i++) {
		struct cel_value same =
		    cel__equal(ev, &args[0], &args[1].as.items[i]);

		if (same.kind == CEL_ERROR) {
			return same;
		}
		if (same.kind == CEL_UNKNOWN) {
			unknown = same;
		} else if (same.as.boolean) {
			return same;
		}
	}
	return unknown.kind == CEL_UNKNOWN ? unknown : cel_bool(false);
}

static struct cel_value
in(struct cel_eval *ev, const struct cel_value *args)
{
	if (args[1].kind == CEL_LIST) {
		return in_list(ev, args);
	}
	if (args[1].kind != CEL_MAP) {
		return cel__no_overload(ev, "in", args, 2);
	}
	if (!cel__charge(
		ev, 1 + (args[0].kind == CEL_STRING ? args[0].n / 16 : 0))) {
		return cel__spent(ev);
	}
	if (cel_map_find(args[1].as.map, &args[0]) != NULL) {
		return cel_bool(true);
	}
	return args[1].as.map->partial ? cel_unknown(NULL) : cel_bool(false);
}

struct cel_value
cel__operate(struct cel_eval *ev, enum cel_op op, const struct cel_value *args)
{
	struct cel_value same;

	switch ((int)op) {
	case OP_EQUAL:
		return cel__equal(ev, &args[0], &args[1]);
	case OP_NOT_EQUAL:
		same = cel__equal(ev, &args[0], &args[1]);
		return same.kind == CEL_BOOL ? cel_bool(!same.as.boolean)
					     : same;
	case OP_LESS:
	case OP_LESS_EQUAL:
	case OP_GREATER:
	case OP_GREATER_EQUAL:
		return ordered(ev, op, args);
	case OP_NEGATE:
		return negate(ev, args);
	case OP_IN:
		return in(ev, args);
	default:
		return arithmetic(ev, op, args);
	}
}
