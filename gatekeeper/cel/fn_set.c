/* Lists as sets: sets.contains, sets.equivalent, sets.intersects. */

#include "cel/cel_internal.h"

/* Is item among list's?  CEL_BOOL, UNKNOWN or spent. */
static struct cel_value
among(struct cel_eval *ev, const struct cel_value *item,
    const struct cel_value *list)
{
	struct cel_value unknown = {0};

	for (uint32_t i = 0; i < list->n; i++) {
		struct cel_value same =
		    cel__equal(ev, item, &list->as.items[i]);

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

/* Is each (all) or any of items among list's? */
static struct cel_value
quantify(struct cel_eval *ev, const struct cel_value *items,
    const struct cel_value *list, bool all)
{
	struct cel_value unknown = {0};

	for (uint32_t i = 0; i < items->n; i++) {
		struct cel_value found = among(ev, &items->as.items[i], list);

		if (found.kind == CEL_ERROR) {
			return found;
		}
		if (found.kind == CEL_UNKNOWN) {
			unknown = found;
		} else if (found.as.boolean != all) {
			return cel_bool(!all);
		}
	}
	return unknown.kind == CEL_UNKNOWN ? unknown : cel_bool(all);
}

static struct cel_value
contains(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return quantify(ev, &args[1], &args[0], true);
}

static struct cel_value
intersects(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)n;
	return quantify(ev, &args[0], &args[1], false);
}

static struct cel_value
equivalent(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_value one = quantify(ev, &args[0], &args[1], true), other;

	(void)n;
	if (one.kind == CEL_ERROR ||
	    (one.kind == CEL_BOOL && !one.as.boolean)) {
		return one;
	}
	other = quantify(ev, &args[1], &args[0], true);
	if (other.kind == CEL_BOOL && other.as.boolean) {
		return one;
	}
	return other;
}

const struct cel_builtin cel__sets[] = {
    {"sets.contains", false, "(list(T), list(T)) -> bool", contains},
    {"sets.equivalent", false, "(list(T), list(T)) -> bool", equivalent},
    {"sets.intersects", false, "(list(T), list(T)) -> bool", intersects},
    {NULL, false, NULL, NULL},
};
