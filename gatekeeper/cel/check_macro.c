/* The types of macros and of the variables that they bring. */

#include "cel/check.h"

#include <string.h>

/* What a range's keys and values are; false: it is no range (told), or an error. */
static bool
range_types(struct checker *checker, const struct cel_node *node,
    const struct cel_type *range, const struct cel_type **ret_key,
    const struct cel_type **ret_value)
{
	range = unify_top(&checker->unify, range);
	if (range->kind == CEL_T_LIST) {
		*ret_key = check_plain(CEL_T_INT);
		*ret_value = range->params[0];
		return true;
	}
	if (range->kind == CEL_T_MAP) {
		*ret_key = range->params[0];
		*ret_value = range->params[1];
		return true;
	}
	*ret_key = *ret_value = check_plain(CEL_T_DYN);
	if (range->kind == CEL_T_OBJECT) {
		*ret_key = check_plain(CEL_T_STRING);
		return true;
	}
	if (range->kind == CEL_T_PARAM) {
		(void)unify_fits(
		    &checker->unify, check_plain(CEL_T_DYN), range);
		return true;
	}
	if (range->kind == CEL_T_DYN) {
		return true;
	}
	if (!check_failed(range)) {
		cel__problem(checker->compile, node->args[0]->begin,
		    node->args[0]->end, NULL,
		    "a macro goes over a list or a map, this is %s",
		    words_of(&checker->unify, range).text);
	}
	return false;
}

/* The types that a macro's variables have. */
static bool
bind_locals(struct checker *checker, const struct cel_node *node,
    const struct cel_type *range)
{
	const struct cel_type **local = checker->locals + node->slot;
	const struct cel_type *key, *value;
	bool fine = range_types(checker, node, range, &key, &value);
	bool list = unify_top(&checker->unify, range)->kind == CEL_T_LIST;

	if (!fine) {
		key = value = check_plain(CEL_T_ERROR);
	}
	local[0] = node->var_count == 2 || !list ? key : value;
	if (node->var_count == 2) {
		local[1] = value;
	}
	return fine;
}

static const struct cel_type *
transformed(struct checker *checker, struct cel_node *node)
{
	const struct cel_type *type, *top;

	/* evaluated first, and so what it says of free types counts first */
	if (node->arg_count == 3) {
		check_want_bool(checker, node->args[2],
		    check_node(checker, node->args[2]), "a filter");
	}
	type = check_node(checker, node->args[1]);
	if (check_failed(type)) {
		return type;
	}
	if (node->op == OP_MAP_LIST) {
		return check_list_of(checker, type);
	}
	if (node->op == OP_TRANSFORM_MAP) {
		return check_map_of(checker, checker->locals[node->slot], type);
	}
	top = unify_top(&checker->unify, type);
	if (top->kind == CEL_T_MAP || top->kind == CEL_T_OBJECT) {
		return type;
	}
	if (top->kind == CEL_T_DYN) {
		return check_map_of(
		    checker, check_plain(CEL_T_DYN), check_plain(CEL_T_DYN));
	}
	cel__problem(checker->compile, node->args[1]->begin, node->args[1]->end,
	    NULL, "transformMapEntry wants a map, this is %s",
	    words_of(&checker->unify, type).text);
	return check_plain(CEL_T_ERROR);
}

/* A list stays what it is; its keys need an order. */
static const struct cel_type *
sorted(struct checker *checker, struct cel_node *node,
    const struct cel_type *range)
{
	static const unsigned ordered =
	    1u << CEL_T_ERROR | 1u << CEL_T_DYN | 1u << CEL_T_BOOL |
	    1u << CEL_T_INT | 1u << CEL_T_UINT | 1u << CEL_T_DOUBLE |
	    1u << CEL_T_STRING | 1u << CEL_T_BYTES | 1u << CEL_T_TIMESTAMP |
	    1u << CEL_T_DURATION | 1u << CEL_T_PARAM | 1u << CEL_T_WRAPPER;
	const struct cel_type *key =
	    unify_top(&checker->unify, check_node(checker, node->args[1]));
	enum cel_type_kind kind = unify_top(&checker->unify, range)->kind;

	if ((1u << key->kind & ordered) == 0) {
		cel__problem(checker->compile, node->args[1]->begin,
		    node->args[1]->end, NULL,
		    "sortBy wants keys that have an order, this is %s",
		    words_of(&checker->unify, key).text);
		return check_plain(CEL_T_ERROR);
	}
	if (kind == CEL_T_MAP || kind == CEL_T_OBJECT) {
		cel__problem(checker->compile, node->args[0]->begin,
		    node->args[0]->end, NULL, "sortBy wants a list, this is %s",
		    words_of(&checker->unify, range).text);
		return check_plain(CEL_T_ERROR);
	}
	return check_list_of(checker, checker->locals[node->slot]);
}

const struct cel_type *
check_macro_loop(struct checker *checker, struct cel_node *node)
{
	const struct cel_type *range = check_node(checker, node->args[0]);
	bool fine = bind_locals(checker, node, range);
	const struct cel_type *type;

	if (node->op == OP_MAP_LIST || node->op == OP_TRANSFORM_MAP ||
	    node->op == OP_TRANSFORM_MAP_ENTRY) {
		type = transformed(checker, node);
		return fine ? type : check_plain(CEL_T_ERROR);
	}
	if (node->op == OP_SORT_BY) {
		type = sorted(checker, node, range);
		return fine ? type : check_plain(CEL_T_ERROR);
	}
	check_want_bool(checker, node->args[1],
	    check_node(checker, node->args[1]), "a condition");
	if (!fine) {
		return check_plain(CEL_T_ERROR);
	}
	return node->op == OP_FILTER
		   ? check_list_of(checker, checker->locals[node->slot])
		   : check_plain(CEL_T_BOOL);
}

const struct cel_type *
check_macro_optional(struct checker *checker, struct cel_node *node)
{
	const struct cel_type *from = check_node(checker, node->args[0]), *in,
			      *type;

	in = check_inside(checker, from);
	if (in == NULL && unify_top(&checker->unify, from)->kind == CEL_T_DYN) {
		in = check_plain(CEL_T_DYN);
	}
	if (in == NULL && !check_failed(from)) {
		cel__problem(checker->compile, node->args[0]->begin,
		    node->args[0]->end, NULL, "this wants an optional, not %s",
		    words_of(&checker->unify, from).text);
	}
	checker->locals[node->slot] =
	    in == NULL ? check_plain(CEL_T_ERROR) : in;
	type = check_node(checker, node->args[1]);
	if (in == NULL || check_failed(type)) {
		return check_plain(CEL_T_ERROR);
	}
	if (node->op == OP_OPT_MAP) {
		return check_optional_of(checker, type);
	}
	if (check_inside(checker, type) == NULL &&
	    unify_top(&checker->unify, type)->kind != CEL_T_DYN) {
		cel__problem(checker->compile, node->args[1]->begin,
		    node->args[1]->end, NULL,
		    "optFlatMap wants an optional, this is %s",
		    words_of(&checker->unify, type).text);
		return check_plain(CEL_T_ERROR);
	}
	return type;
}

const struct cel_type *
check_macro_bind(struct checker *checker, struct cel_node *node)
{
	checker->locals[node->slot] = check_node(checker, node->args[0]);
	return check_node(checker, node->args[1]);
}
