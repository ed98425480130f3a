/* Optional values: of, none, or, orValue … (cel-go's optional types). */

#include "cel/cel_internal.h"

#include <math.h>

struct cel_value
cel__optional(struct cel_eval *ev, const struct cel_value *inner)
{
	struct cel_value *copy = NULL;

	if (inner != NULL) {
		copy = cel__alloc(ev, sizeof(*copy));
		if (copy == NULL) {
			return cel__spent(ev);
		}
		*copy = *inner;
	}
	return (struct cel_value){.kind = CEL_OPTIONAL, .as.inner = copy};
}

bool
cel__is_zero(const struct cel_value *value)
{
	switch ((enum cel_kind)value->kind) {
	case CEL_NULL:
		return true;
	case CEL_BOOL:
		return !value->as.boolean;
	case CEL_INT:
	case CEL_UINT:
		return value->as.u == 0;
	case CEL_DOUBLE:
		return !(value->as.d < 0) && !(value->as.d > 0) &&
		       !isnan(value->as.d);
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_LIST:
		return value->n == 0;
	case CEL_MAP:
		return value->as.map->count == 0;
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return value->as.seconds == 0 && value->n == 0;
	case CEL_OPTIONAL:
		return value->as.inner == NULL;
	case CEL_ERROR:
	case CEL_UNKNOWN:
	case CEL_TYPE:
	case CEL_IP:
	case CEL_CIDR:
	case CEL_URL:
	case CEL_KIND_COUNT:
		break;
	}
	return false;
}

static struct cel_value
of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel__optional(ev, &args[0]);
}

static struct cel_value
of_non_zero(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel__optional(ev, cel__is_zero(&args[0]) ? NULL : &args[0]);
}

static struct cel_value
none(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)args;
	(void)n;
	return cel__optional(ev, NULL);
}

static struct cel_value
has_value(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return cel_bool(args[0].as.inner != NULL);
}

static struct cel_value
value(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return args[0].as.inner != NULL
		   ? *args[0].as.inner
		   : cel__fault(ev, CEL_F_NO_KEY,
			 "optional.none() dereference: there is no value");
}

static struct cel_value
or_optional(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return args[0].as.inner != NULL ? args[0] : args[1];
}

static struct cel_value
or_value(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return args[0].as.inner != NULL ? *args[0].as.inner : args[1];
}

static struct cel_value
unwrap(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_value *items = cel__alloc(ev, args[0].n * sizeof(*items));
	uint32_t count = 0;

	(void)n;
	if (items == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < args[0].n; i++) {
		const struct cel_value *one = &args[0].as.items[i];

		if (one->kind == CEL_UNKNOWN) {
			return *one;
		}
		if (one->kind != CEL_OPTIONAL) {
			return cel__no_overload(ev, "unwrapOpt", one, 1);
		}
		if (one->as.inner != NULL) {
			items[count++] = *one->as.inner;
		}
	}
	return cel_list(items, count);
}

static struct cel_value
first(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel__optional(ev, args[0].n == 0 ? NULL : &args[0].as.items[0]);
}

static struct cel_value
last(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return cel__optional(
	    ev, args[0].n == 0 ? NULL : &args[0].as.items[args[0].n - 1]);
}

const struct cel_builtin cel__optionals[] = {
    {"optional.of", false, "(T) -> optional_type(T)", of},
    {"optional.ofNonZeroValue", false, "(T) -> optional_type(T)", of_non_zero},
    {"optional.none", false, "() -> optional_type(T)", none},
    {"hasValue", true, "(optional_type(T)) -> bool", has_value},
    {"value", true, "(optional_type(T)) -> T", value},
    {"or", true, "(optional_type(T), optional_type(T)) -> optional_type(T)",
	or_optional},
    {"orValue", true, "(optional_type(T), T) -> T", or_value},
    {"optional.unwrap", false, "(list(optional_type(T))) -> list(T)", unwrap},
    {"unwrapOpt", true, "(list(optional_type(T))) -> list(T)", unwrap},
    {"first", true, "(list(T)) -> optional_type(T)", first},
    {"last", true, "(list(T)) -> optional_type(T)", last},
    {NULL, false, NULL, NULL},
};
