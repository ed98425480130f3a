/* Calls that aren't calls: has(), the loops over a range, and names for values. */

#include "cel/cel_internal.h"

#include <string.h>

/* What a macro's name and count of args (without the receiver) make of it. */
struct macro {
	const char *name;
	uint32_t arg_count;
	enum cel_op op;
	uint32_t var_count;
};

static const struct macro macros[] = {
    {"all", 2, OP_ALL, 1},
    {"all", 3, OP_ALL, 2},
    {"exists", 2, OP_EXISTS, 1},
    {"exists", 3, OP_EXISTS, 2},
    {"exists_one", 2, OP_EXISTS_ONE, 1},
    {"exists_one", 3, OP_EXISTS_ONE, 2},
    {"existsOne", 2, OP_EXISTS_ONE, 1},
    {"existsOne", 3, OP_EXISTS_ONE, 2},
    {"filter", 2, OP_FILTER, 1},
    {"map", 2, OP_MAP_LIST, 1},
    {"map", 3, OP_MAP_LIST, 1},
    {"transformList", 3, OP_MAP_LIST, 2},
    {"transformList", 4, OP_MAP_LIST, 2},
    {"transformMap", 3, OP_TRANSFORM_MAP, 2},
    {"transformMap", 4, OP_TRANSFORM_MAP, 2},
    {"transformMapEntry", 3, OP_TRANSFORM_MAP_ENTRY, 2},
    {"transformMapEntry", 4, OP_TRANSFORM_MAP_ENTRY, 2},
    {"sortBy", 2, OP_SORT_BY, 1},
    {"optMap", 2, OP_OPT_MAP, 1},
    {"optFlatMap", 2, OP_OPT_FLAT_MAP, 1},
};

static const struct macro bind = {"bind", 3, OP_BIND, 1};

static const struct macro *
macro_find(const struct cel_node *node)
{
	const struct cel_node *receiver = node->args[0];

	if (node->arg_count == 4 && strcmp(node->name, bind.name) == 0 &&
	    receiver->op == OP_IDENT && !receiver->leading_dot &&
	    strcmp(receiver->name, "cel") == 0) {
		return &bind;
	}
	for (size_t i = 0; i < GK_COUNT(macros); i++) {
		if (node->arg_count == macros[i].arg_count + 1 &&
		    strcmp(node->name, macros[i].name) == 0) {
			return &macros[i];
		}
	}
	return NULL;
}

/* Take args[1 ..] as the variables; false: told. */
static bool
take_variables(struct cel__compile *compile, struct cel_node *node,
    const struct macro *macro)
{
	for (uint32_t i = 0; i < macro->var_count; i++) {
		const struct cel_node *arg = node->args[1 + i];

		if (arg->op != OP_IDENT || arg->leading_dot) {
			cel__problem(compile, arg->begin, arg->end, NULL,
			    "a variable of '%s' must be a simple name",
			    macro->name);
			return false;
		}
		if (macro->op < OP_BIND &&
		    strcmp(arg->name, "__result__") == 0) {
			cel__problem(compile, arg->begin, arg->end, NULL,
			    "'__result__' can't be a variable of '%s'",
			    macro->name);
			return false;
		}
		if (i > 0 && strcmp(arg->name, node->vars[0]) == 0) {
			cel__problem(compile, arg->begin, arg->end, NULL,
			    "both variables of '%s' are named '%s'",
			    macro->name, arg->name);
			return false;
		}
		node->vars[i] = arg->name;
	}
	node->var_count = macro->var_count;
	return true;
}

/* args: receiver, variables, [filter,] the rest → range, the rest [, filter]. */
static void
arrange(struct cel_node *node, const struct macro *macro)
{
	struct cel_node **rest = node->args + 1 + macro->var_count;
	uint32_t count = macro->arg_count - macro->var_count;

	node->op = macro->op;
	node->receiver = false;
	if (macro->op == OP_BIND) {
		node->args = rest;
		node->arg_count = count;
		return;
	}
	node->args[1] = rest[count - 1];
	if (count == 2) {
		node->args[2] = rest[0];
	}
	node->arg_count = 1 + count;
}

static struct cel_node *
macro_has(struct cel__compile *compile, struct cel_node *node)
{
	const struct cel_node *arg = node->args[0];

	if (arg->op != OP_SELECT && arg->op != OP_OPT_SELECT) {
		cel__problem(compile, arg->begin, arg->end,
		    arg->op == OP_INDEX ? "write has(x.`name`), or 'name' in x"
					: "write has(x.name)",
		    "has() asks for a field: this is no selection");
		return NULL;
	}
	node->op = OP_HAS;
	node->optional_has = arg->op == OP_OPT_SELECT;
	node->name = arg->name;
	node->value = arg->value;
	node->args = arg->args;
	return node;
}

struct cel_node *
cel__macro(struct cel__compile *compile, struct cel_node *node)
{
	const struct macro *macro;

	if (!node->receiver) {
		return node->arg_count == 1 && !node->leading_dot &&
			       strcmp(node->name, "has") == 0
			   ? macro_has(compile, node)
			   : node;
	}
	macro = macro_find(node);
	if (macro == NULL) {
		return node;
	}
	if (!take_variables(compile, node, macro)) {
		return NULL;
	}
	arrange(node, macro);
	return node;
}
