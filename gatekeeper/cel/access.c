/* Selection, index and has(), on lists, maps and optionals (cel-go's optional types). */

#include "cel/cel_internal.h"

bool
cel__whole(const struct cel_value *value)
{
	if (value->kind == CEL_MAP) {
		return !value->as.map->partial;
	}
	return value->kind != CEL_UNKNOWN;
}

enum found { FOUND, ABSENT, FAULT };

static enum found
fault(struct cel_value *ret, struct cel_value value)
{
	*ret = value;
	return FAULT;
}

/* Where in a list; false: *ret_index isn't a number that could be an index. */
static bool
list_index(const struct cel_value *key, uint64_t *ret_index)
{
	if (key->kind == CEL_UINT) {
		*ret_index = key->as.u;
		return true;
	}
	if (key->kind == CEL_INT) {
		*ret_index = key->as.i < 0 ? UINT64_MAX : (uint64_t)key->as.i;
		return true;
	}
	if (key->kind == CEL_DOUBLE && key->as.d > -1 &&
	    key->as.d < (double)UINT32_MAX) {
		struct cel_value whole =
		    cel_int(key->as.d < 0 ? 0 : (int64_t)key->as.d);

		*ret_index = whole.as.u;
		return cel__same_number(&whole, key);
	}
	return false;
}

static enum found
in_list(struct cel_eval *ev, const struct cel_value *list,
    const struct cel_value *key, struct cel_value *ret)
{
	const struct cel_value args[] = {*list, *key};
	uint64_t index;

	if (!list_index(key, &index)) {
		return fault(ret,
		    key->kind == CEL_DOUBLE
			? cel__fault(ev, CEL_F_ARGUMENT,
			      "invalid_argument: an index is a whole number")
			: cel__no_overload(ev, "[]", args, 2));
	}
	if (index >= list->n) {
		*ret = cel__fault(ev, CEL_F_INDEX,
		    "invalid_argument: index out of range in a list of %u",
		    list->n);
		return ABSENT;
	}
	*ret = list->as.items[index];
	return FOUND;
}

static struct cel_value
no_key(struct cel_eval *ev, const struct cel_value *key)
{
	if (key->kind == CEL_STRING) {
		return cel__fault(ev, CEL_F_NO_KEY, "no such key: '%.*s'",
		    (int)(key->n < 100 ? key->n : 100), key->as.text);
	}
	return cel__fault(ev, CEL_F_NO_KEY, "no such key");
}

/* What is missing, by its name where it is a text that can be one. */
static struct cel_value
unknown_key(struct cel_eval *ev, const struct cel_value *key)
{
	struct cel_value name;

	if (key->kind != CEL_STRING) {
		return cel_unknown(NULL);
	}
	name = cel__copy(ev, key->as.text, key->n);
	return name.kind == CEL_STRING ? cel_unknown(name.as.text) : name;
}

static enum found
in_map(struct cel_eval *ev, const struct cel_value *map,
    const struct cel_value *key, struct cel_value *ret)
{
	const struct cel_value args[] = {*map, *key};
	const struct cel_entry *entry;

	if (key->kind != CEL_STRING && key->kind != CEL_BOOL &&
	    key->kind != CEL_INT && key->kind != CEL_UINT &&
	    key->kind != CEL_DOUBLE) {
		return fault(ret, cel__no_overload(ev, "[]", args, 2));
	}
	if (key->kind == CEL_STRING && !cel__charge(ev, key->n / 16)) {
		return fault(ret, cel__spent(ev));
	}
	entry = cel_map_find(map->as.map, key);
	if (entry != NULL) {
		*ret = entry->value;
		return FOUND;
	}
	if (map->as.map->partial) {
		return fault(ret, unknown_key(ev, key));
	}
	return ABSENT;
}

/* FOUND: *ret is it.  ABSENT: a list's fault is *ret already, a map's isn't.  FAULT: *ret is the answer. */
static enum found
find(struct cel_eval *ev, enum cel_op op, const struct cel_value *from,
    const struct cel_value *key, struct cel_value *ret)
{
	const struct cel_value args[] = {*from, *key};
	bool index = op == OP_INDEX || op == OP_OPT_INDEX;

	if (from->kind == CEL_MAP) {
		return in_map(ev, from, key, ret);
	}
	if (from->kind == CEL_LIST && index) {
		return in_list(ev, from, key, ret);
	}
	if (index) {
		return fault(ret, cel__no_overload(ev, "[]", args, 2));
	}
	return fault(
	    ret, cel__fault(ev, CEL_F_NO_KEY,
		     "no such key: '%s' of a %s, which has no fields",
		     key->as.text, cel_kind_name((enum cel_kind)from->kind)));
}

static struct cel_value
has(struct cel_eval *ev, const struct cel_value *from,
    const struct cel_value *key)
{
	struct cel_value value;

	switch (find(ev, OP_HAS, from, key, &value)) {
	case FOUND:
		return cel_bool(true);
	case ABSENT:
		return cel_bool(false);
	case FAULT:
		break;
	}
	return value;
}

struct cel_value
cel__access(struct cel_eval *ev, enum cel_op op, bool optional_has,
    const struct cel_value *from, const struct cel_value *key)
{
	bool optional = op == OP_OPT_SELECT || op == OP_OPT_INDEX;
	struct cel_value value;

	(void)optional_has; /* has(a.?b) asks the same */
	if (from->kind == CEL_OPTIONAL) {
		if (from->as.inner == NULL) {
			return op == OP_HAS ? cel_bool(false) : *from;
		}
		from = from->as.inner;
		optional = true;
	}
	if (op == OP_HAS) {
		return has(ev, from, key);
	}
	switch (find(ev, op, from, key, &value)) {
	case FOUND:
		return optional ? cel__optional(ev, &value) : value;
	case ABSENT:
		if (optional) {
			return cel__optional(ev, NULL);
		}
		return from->kind == CEL_LIST ? value : no_key(ev, key);
	case FAULT:
		break;
	}
	return value;
}
