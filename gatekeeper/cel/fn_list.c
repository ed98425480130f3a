/* Lists: slice, flatten, distinct, reverse, sort and what sortBy does, lists.range (cel-go's lists extension). */

#include "cel/cel_internal.h"

#include <string.h>

#define RANGE_MAX 1000000

static struct cel_value
slice(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	int64_t from = args[1].as.i, to = args[2].as.i;

	(void)n;
	if (from < 0 || to < from || to > args[0].n) {
		return cel__fault(ev, CEL_F_INDEX,
		    "cannot slice(%lld, %lld): the list has %u elements",
		    (long long)from, (long long)to, args[0].n);
	}
	return cel_list(args[0].as.items + from, (size_t)(to - from));
}

/* How many elements flattening gives; false: spent. */
static bool
flat_count(struct cel_eval *ev, const struct cel_value *list, int64_t depth,
    uint64_t *count)
{
	if (!cel__charge(ev, 1 + list->n)) {
		return false;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		const struct cel_value *item = &list->as.items[i];

		if (item->kind != CEL_LIST || depth == 0) {
			(*count)++;
		} else if (!flat_count(ev, item, depth - 1, count)) {
			return false;
		}
	}
	return true;
}

static void
flat_copy(const struct cel_value *list, int64_t depth, struct cel_value **to)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const struct cel_value *item = &list->as.items[i];

		if (item->kind != CEL_LIST || depth == 0) {
			*(*to)++ = *item;
		} else {
			flat_copy(item, depth - 1, to);
		}
	}
}

static struct cel_value
flatten(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	int64_t depth = n == 2 ? args[1].as.i : 1;
	struct cel_value *items, *to;
	uint64_t count = 0;

	if (depth < 0) {
		return cel__fault(ev, CEL_F_ARGUMENT,
		    "level must be non-negative: flatten(%lld)",
		    (long long)depth);
	}
	/* values are at most a few hundred levels deep */
	if (!flat_count(ev, &args[0], depth < 256 ? depth : 256, &count) ||
	    count > UINT32_MAX) {
		return cel__spent(ev);
	}
	items = to = cel__alloc(ev, count * sizeof(*items));
	if (items == NULL) {
		return cel__spent(ev);
	}
	flat_copy(&args[0], depth < 256 ? depth : 256, &to);
	return cel_list(items, count);
}

static struct cel_value
distinct(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_value *items = cel__alloc(ev, args[0].n * sizeof(*items));
	uint32_t count = 0;

	(void)n;
	if (items == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < args[0].n; i++) {
		struct cel_value seen = cel_bool(false);

		for (uint32_t k = 0;
		     k < count && seen.kind == CEL_BOOL && !seen.as.boolean;
		     k++) {
			seen = cel__equal(ev, &items[k], &args[0].as.items[i]);
		}
		if (seen.kind != CEL_BOOL) {
			return seen;
		}
		if (!seen.as.boolean) {
			items[count++] = args[0].as.items[i];
		}
	}
	return cel_list(items, count);
}

static struct cel_value
reverse(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_value *items = cel__alloc(ev, args[0].n * sizeof(*items));

	(void)n;
	if (items == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < args[0].n; i++) {
		items[i] = args[0].as.items[args[0].n - 1 - i];
	}
	return cel_list(items, args[0].n);
}

static struct cel_value
range(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	int64_t count = args[0].as.i;
	struct cel_value *items;

	(void)n;
	if (count < 0 || count > RANGE_MAX) {
		return cel__fault(
		    ev, CEL_F_ARGUMENT, "lists.range takes 0 to %d", RANGE_MAX);
	}
	items = cel__alloc(ev, (size_t)count * sizeof(*items));
	if (items == NULL || !cel__charge(ev, (uint64_t)count / 4)) {
		return cel__spent(ev);
	}
	for (int64_t i = 0; i < count; i++) {
		items[i] = cel_int(i);
	}
	return cel_list(items, (size_t)count);
}

/*
 * One step of a merge sort, stable: the keys decide, the values move along.
 * False: *ret_fault says that two can't be ordered, or that it was spent.
 */
static bool
merge(struct cel_eval *ev, struct cel_entry *from, struct cel_entry *to,
    uint32_t low, uint32_t middle, uint32_t high, struct cel_value *ret_fault)
{
	uint32_t a = low, b = middle;

	for (uint32_t i = low; i < high; i++) {
		bool left = b == high;

		if (a < middle && b < high) {
			struct cel_value order;

			if (!cel__charge(ev, 1)) {
				*ret_fault = cel__spent(ev);
				return false;
			}
			order =
			    cel__order(ev, "sort", &from[a].key, &from[b].key);
			if (order.kind != CEL_INT) {
				*ret_fault = order;
				return false;
			}
			left = order.as.i != 1;
		}
		to[i] = left ? from[a++] : from[b++];
	}
	return true;
}

/* All keys are of one type that has an order; false: *ret_fault. */
static bool
sortable(struct cel_eval *ev, const struct cel_entry *pairs, uint32_t n,
    struct cel_value *ret_fault)
{
	static const unsigned ordered =
	    1u << CEL_BOOL | 1u << CEL_INT | 1u << CEL_UINT | 1u << CEL_DOUBLE |
	    1u << CEL_STRING | 1u << CEL_BYTES | 1u << CEL_TIMESTAMP |
	    1u << CEL_DURATION;

	for (uint32_t i = 0; i < n; i++) {
		if (pairs[i].key.kind == CEL_UNKNOWN) {
			*ret_fault = pairs[i].key;
			return false;
		}
		if ((1u << pairs[i].key.kind & ordered) == 0 ||
		    pairs[i].key.kind != pairs[0].key.kind) {
			*ret_fault = cel__fault(ev, CEL_F_ARGUMENT,
			    "list elements must have the same type, and an "
			    "order, to be sorted");
			return false;
		}
	}
	return true;
}

struct cel_value
cel__sort(struct cel_eval *ev, struct cel_entry *pairs, uint32_t n)
{
	struct cel_entry *from = pairs, *to = cel__alloc(ev, n * sizeof(*to));
	struct cel_value *items = cel__alloc(ev, n * sizeof(*items)), fault;

	if (to == NULL || items == NULL) {
		return cel__spent(ev);
	}
	if (!sortable(ev, pairs, n, &fault)) {
		return fault;
	}
	for (uint64_t width = 1; width < n; width *= 2) {
		struct cel_entry *swap = from;

		for (uint64_t low = 0; low < n; low += 2 * width) {
			uint64_t middle = low + width, high = middle + width;

			if (!merge(ev, from, to, (uint32_t)low,
				(uint32_t)(middle < n ? middle : n),
				(uint32_t)(high < n ? high : n), &fault)) {
				return fault;
			}
		}
		from = to;
		to = swap;
	}
	for (uint32_t i = 0; i < n; i++) {
		items[i] = from[i].value;
	}
	return cel_list(items, n);
}

static struct cel_value
sort(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	uint32_t count = args[0].n;
	struct cel_entry *pairs = cel__alloc(ev, count * sizeof(*pairs));

	(void)n;
	if (pairs == NULL || !cel__charge(ev, count)) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < count; i++) {
		pairs[i].key = pairs[i].value = args[0].as.items[i];
	}
	return cel__sort(ev, pairs, count);
}

const struct cel_builtin cel__lists[] = {
    {"slice", true, "(list(T), int, int) -> list(T)", slice},
    {"flatten", true, "(list(list(T))) -> list(T)", flatten},
    {"flatten", true, "(list(dyn), int) -> list(dyn)", flatten},
    {"distinct", true, "(list(T)) -> list(T)", distinct},
    {"reverse", true, "(list(T)) -> list(T)", reverse},
    {"sort", true, "(list(T)) -> list(T)", sort},
    {"lists.range", false, "(int) -> list(int)", range},
    {NULL, false, NULL, NULL},
};
