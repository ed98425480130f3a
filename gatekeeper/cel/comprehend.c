/* The macros: loops over a list or a map, and names for values. */

#include "cel/cel_internal.h"

#include <string.h>

/* A list that grows in the evaluation's memory. */
struct collected {
	struct cel_value *items;
	struct cel_entry *entries; /* for a map; then items is NULL */
	uint32_t count, room;
};

struct loop {
	struct cel_eval *ev;
	const struct cel_node *node;
	struct cel_value range;
	uint32_t count;
};

static bool
is_no_value(const struct cel_value *value)
{
	return value->kind <= CEL_UNKNOWN;
}

/* Give the variables of round i their values. */
static void
loop_bind(const struct loop *loop, uint32_t i)
{
	struct cel_value *local = loop->ev->locals + loop->node->slot;
	bool two = loop->node->var_count == 2;

	if (loop->range.kind == CEL_LIST) {
		local[0] = two ? cel_int(i) : loop->range.as.items[i];
		if (two) {
			local[1] = loop->range.as.items[i];
		}
		return;
	}
	local[0] = loop->range.as.map->entries[i].key;
	if (two) {
		local[1] = loop->range.as.map->entries[i].value;
	}
}

/* The predicate or filter at args[which] of round i: CEL_BOOL, or no value. */
static struct cel_value
loop_ask(const struct loop *loop, uint32_t which)
{
	struct cel_value value =
	    cel__eval_node(loop->ev, loop->node->args[which]);

	if (value.kind == CEL_BOOL || is_no_value(&value)) {
		return value;
	}
	loop->ev->at = loop->node->args[which];
	return cel__no_overload(loop->ev, "condition", &value, 1);
}

/* all and exists: decided by one round that says so, whatever the others are. */
static struct cel_value
quantify(const struct loop *loop, bool decides)
{
	struct cel_value fault = {0}, unknown = {0};

	for (uint32_t i = 0; i < loop->count; i++) {
		struct cel_value value;

		loop_bind(loop, i);
		value = loop_ask(loop, 1);
		if (loop->ev->spent != NULL) {
			return value;
		}
		if (value.kind == CEL_BOOL && value.as.boolean == decides) {
			return value;
		}
		if (value.kind == CEL_UNKNOWN) {
			unknown = value;
		}
		if (value.kind == CEL_ERROR && fault.as.fault == NULL) {
			fault = value;
		}
	}
	if (unknown.kind == CEL_UNKNOWN) {
		return unknown;
	}
	return fault.as.fault != NULL ? fault : cel_bool(!decides);
}

static struct cel_value
exactly_one(const struct loop *loop)
{
	struct cel_value unknown = {0};
	uint32_t found = 0;

	for (uint32_t i = 0; i < loop->count; i++) {
		struct cel_value value;

		loop_bind(loop, i);
		value = loop_ask(loop, 1);
		if (value.kind == CEL_ERROR) {
			return value;
		}
		if (value.kind == CEL_UNKNOWN) {
			unknown = value;
		} else if (value.as.boolean) {
			found++;
		}
	}
	return unknown.kind == CEL_UNKNOWN ? unknown : cel_bool(found == 1);
}

/* Room for one more; false: spent. */
static bool
collected_grow(
    struct cel_eval *ev, struct collected *to, size_t size, void **at)
{
	uint32_t room = to->room == 0 ? 8 : 2 * to->room;
	void *more;

	if (to->count < to->room) {
		return true;
	}
	more = cel__alloc(ev, room * size);
	if (more == NULL) {
		return false;
	}
	if (to->count > 0) {
		memcpy(more, *at, to->count * size);
	}
	*at = more;
	to->room = room;
	return true;
}

static bool
collect_item(
    struct cel_eval *ev, struct collected *to, const struct cel_value *value)
{
	void *at = to->items;

	if (!collected_grow(ev, to, sizeof *to->items, &at)) {
		return false;
	}
	to->items = at;
	to->items[to->count++] = *value;
	return true;
}

static bool
collect_entry(struct cel_eval *ev, struct collected *to,
    const struct cel_value *key, const struct cel_value *value)
{
	void *at = to->entries;

	if (!collected_grow(ev, to, sizeof *to->entries, &at)) {
		return false;
	}
	to->entries = at;
	to->entries[to->count++] = (struct cel_entry){*key, *value};
	return true;
}

/* The entries of a map that one round made; false: *ret_stop is the answer of the whole. */
static bool
merge_map(const struct loop *loop, struct collected *to,
    const struct cel_value *made, struct cel_value *ret_stop)
{
	const struct cel_map *map = made->as.map;

	if (made->kind != CEL_MAP || map->partial) {
		loop->ev->at = loop->node->args[1];
		*ret_stop = made->kind == CEL_MAP
				? cel_unknown(NULL)
				: cel__no_overload(
				      loop->ev, "transformMapEntry", made, 1);
		return false;
	}
	for (uint32_t i = 0; i < map->count; i++) {
		if (!collect_entry(loop->ev, to, &map->entries[i].key,
			&map->entries[i].value)) {
			*ret_stop = cel__spent(loop->ev);
			return false;
		}
	}
	return true;
}

/* Keep what one round made; false: *ret_stop is the answer of the whole. */
static bool
loop_take(const struct loop *loop, struct collected *to,
    const struct cel_value *value, struct cel_value *ret_stop)
{
	const struct cel_node *node = loop->node;
	bool kept;

	if (node->op == OP_TRANSFORM_MAP_ENTRY) {
		return merge_map(loop, to, value, ret_stop);
	}
	kept = node->op == OP_TRANSFORM_MAP
		   ? collect_entry(
			 loop->ev, to, &loop->ev->locals[node->slot], value)
		   : collect_item(loop->ev, to, value);
	if (!kept) {
		*ret_stop = cel__spent(loop->ev);
	}
	return kept;
}

/* One round of a filter or a transform; false: *ret_stop is the answer of the whole. */
static bool
loop_keep(
    const struct loop *loop, struct collected *to, struct cel_value *ret_stop)
{
	const struct cel_node *node = loop->node;
	struct cel_value keep = cel_bool(true), value;
	bool filter = node->op == OP_FILTER;

	if (filter || node->arg_count == 3) {
		keep = loop_ask(loop, filter ? 1 : 2);
	}
	if (is_no_value(&keep)) {
		*ret_stop = keep;
		return false;
	}
	if (!keep.as.boolean) {
		return true;
	}
	value = filter ? loop->ev->locals[node->slot]
		       : cel__eval_node(loop->ev, node->args[1]);
	if (value.kind == CEL_ERROR || (value.kind == CEL_UNKNOWN && !filter)) {
		*ret_stop = value;
		return false;
	}
	return loop_take(loop, to, &value, ret_stop);
}

static struct cel_value
collect(const struct loop *loop)
{
	struct collected to = {0};
	struct cel_value stop;

	for (uint32_t i = 0; i < loop->count; i++) {
		loop_bind(loop, i);
		if (!loop_keep(loop, &to, &stop)) {
			return stop;
		}
	}
	loop->ev->at = loop->node;
	if (loop->node->op == OP_TRANSFORM_MAP ||
	    loop->node->op == OP_TRANSFORM_MAP_ENTRY) {
		return cel__map(loop->ev, to.entries, to.count);
	}
	return cel_list(to.items, to.count);
}

/* sortBy: the elements with their keys, sorted by these. */
static struct cel_value
sort_by(const struct loop *loop)
{
	struct cel_entry *pairs =
	    cel__alloc(loop->ev, loop->count * sizeof(*pairs));

	if (pairs == NULL) {
		return cel__spent(loop->ev);
	}
	for (uint32_t i = 0; i < loop->count; i++) {
		loop_bind(loop, i);
		pairs[i].value = loop->range.as.items[i];
		pairs[i].key = cel__eval_node(loop->ev, loop->node->args[1]);
		if (is_no_value(&pairs[i].key)) {
			return pairs[i].key;
		}
	}
	loop->ev->at = loop->node;
	return cel__sort(loop->ev, pairs, loop->count);
}

static struct cel_value
iterate(struct cel_eval *ev, const struct cel_node *node)
{
	struct loop loop = {.ev = ev, .node = node};

	loop.range = cel__eval_node(ev, node->args[0]);
	ev->at = node;
	if (is_no_value(&loop.range)) {
		return loop.range;
	}
	if (loop.range.kind == CEL_LIST) {
		loop.count = loop.range.n;
	} else if (loop.range.kind == CEL_MAP && node->op != OP_SORT_BY) {
		if (loop.range.as.map->partial) {
			return cel_unknown(NULL);
		}
		loop.count = loop.range.as.map->count;
	} else {
		return cel__no_overload(ev, "a macro", &loop.range, 1);
	}
	if (node->op == OP_SORT_BY) {
		return sort_by(&loop);
	}
	if (node->op == OP_ALL || node->op == OP_EXISTS) {
		return quantify(&loop, node->op == OP_EXISTS);
	}
	return node->op == OP_EXISTS_ONE ? exactly_one(&loop) : collect(&loop);
}

/* optMap and optFlatMap */
static struct cel_value
map_optional(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value from = cel__eval_node(ev, node->args[0]), value;

	ev->at = node;
	if (is_no_value(&from)) {
		return from;
	}
	if (from.kind != CEL_OPTIONAL) {
		return cel__no_overload(ev, "optMap", &from, 1);
	}
	if (from.as.inner == NULL) {
		return from;
	}
	ev->locals[node->slot] = *from.as.inner;
	value = cel__eval_node(ev, node->args[1]);
	ev->at = node;
	if (is_no_value(&value)) {
		return value;
	}
	if (node->op == OP_OPT_MAP) {
		return cel__optional(ev, &value);
	}
	return value.kind == CEL_OPTIONAL
		   ? value
		   : cel__no_overload(ev, "optFlatMap", &value, 1);
}

struct cel_value
cel__comprehend(struct cel_eval *ev, const struct cel_node *node)
{
	if (node->op == OP_BIND) {
		/* Kept even when it is a fault: it counts where it is used. */
		ev->locals[node->slot] = cel__eval_node(ev, node->args[0]);
		return cel__eval_node(ev, node->args[1]);
	}
	if (node->op == OP_OPT_MAP || node->op == OP_OPT_FLAT_MAP) {
		return map_optional(ev, node);
	}
	return iterate(ev, node);
}
