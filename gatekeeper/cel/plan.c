/* What can be done once: constants folded, lists of constants made sets, patterns compiled. */

#include "cel/cel_internal.h"

#include <stdlib.h>
#include <string.h>

#define FOLD_FUEL     20000
#define FOLD_BYTES    (256u << 10)
#define PATTERN_BYTES (1u << 20) /* of memory, for one pattern */

static bool
all_constant(const struct cel_node *node)
{
	for (uint32_t i = 0; i < node->arg_count; i++) {
		if (node->args[i]->op != OP_CONST) {
			return false;
		}
	}
	return true;
}

/* Its value doesn't hang on anything but its args. */
static bool
is_pure(const struct cel_node *node)
{
	switch (node->op) {
	case OP_CALL:
		return node->function != NULL;
	case OP_SELECT:
	case OP_OPT_SELECT:
	case OP_HAS:
	case OP_INDEX:
	case OP_OPT_INDEX:
	case OP_LIST:
	case OP_MAP:
	case OP_AND:
	case OP_OR:
	case OP_NOT:
	case OP_NEGATE:
	case OP_COND:
	case OP_ADD:
	case OP_SUBTRACT:
	case OP_MULTIPLY:
	case OP_DIVIDE:
	case OP_MODULO:
	case OP_EQUAL:
	case OP_NOT_EQUAL:
	case OP_LESS:
	case OP_LESS_EQUAL:
	case OP_GREATER:
	case OP_GREATER_EQUAL:
	case OP_IN:
		return true;
	case OP_CONST:
	case OP_IDENT:
	case OP_SLOT:
	case OP_LOCAL:
	case OP_ALL:
	case OP_EXISTS:
	case OP_EXISTS_ONE:
	case OP_FILTER:
	case OP_MAP_LIST:
	case OP_TRANSFORM_MAP:
	case OP_TRANSFORM_MAP_ENTRY:
	case OP_SORT_BY:
	case OP_BIND:
	case OP_OPT_MAP:
	case OP_OPT_FLAT_MAP:
	case OP_IN_SET:
	case OP_MATCHES:
		return false;
	}
	return false;
}

static void
become_constant(struct cel_node *node, struct cel_value value)
{
	node->op = OP_CONST;
	node->arg_count = 0;
	node->value = value;
}

/* Its value once and for all; where it fails, a warning at the place that's to blame. */
static void
fold_or_warn(struct cel__compile *compile, struct cel_node *node,
    const struct cel_node *place)
{
	struct cel_eval ev = {
	    .program = compile->program,
	    .arena = &compile->program->arena,
	    .fuel = FOLD_FUEL,
	    .bytes = FOLD_BYTES,
	};
	struct cel_value value = cel__eval_node(&ev, node);

	if (value.kind > CEL_UNKNOWN) {
		become_constant(node, value);
		return;
	}
	if (value.kind == CEL_ERROR &&
	    value.as.fault->code != CEL_F_UNDECLARED) {
		cel__warn(compile, place->begin, place->end, NULL,
		    "this always fails: %s", value.as.fault->text);
	}
}

/* false && x is false, true || x is true, whatever x is. */
static void
fold_logic(struct cel_node *node)
{
	for (uint32_t i = 0; i < node->arg_count; i++) {
		const struct cel_node *arg = node->args[i];

		if (arg->op == OP_CONST && arg->value.kind == CEL_BOOL &&
		    arg->value.as.boolean == (node->op == OP_OR)) {
			become_constant(node, arg->value);
			return;
		}
	}
}

static void
fold_choice(struct cel_node *node)
{
	const struct cel_node *which = node->args[0];
	const struct cel_type *type = node->type;

	if (which->op == OP_CONST && which->value.kind == CEL_BOOL) {
		*node = *node->args[which->value.as.boolean ? 1 : 2];
		node->type = type;
	}
}

/* x in [constants]: found by their hash. */
static void
plan_in(struct cel__compile *compile, struct cel_node *node)
{
	const struct cel_node *list = node->args[1];
	struct cel_entry *entries;
	struct cel_value set;
	uint32_t count;

	if (node->op != OP_IN || list->op != OP_CONST ||
	    list->value.kind != CEL_LIST) {
		return;
	}
	count = list->value.n;
	entries = gk_arena_calloc(
	    &compile->program->arena, count + 1, sizeof *entries);
	if (entries == NULL) {
		compile->no_memory = true;
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		entries[i].key = list->value.as.items[i];
		entries[i].value = cel_bool(true);
	}
	/* Doubles, nulls, twice the same: they are compared one by one. */
	if (cel_map_make(entries, count, false, &compile->program->arena, &set,
		NULL) == GK_OK) {
		node->op = OP_IN_SET;
		node->set = set.as.map;
		node->arg_count = 1;
	}
}

static bool
keep_pattern(struct cel_program *program, struct cel_regex *regex)
{
	struct cel_regex **more;

	more = reallocarray(
	    program->patterns, program->pattern_count + 1, sizeof *more);
	if (more == NULL) {
		return false;
	}
	more[program->pattern_count] = regex;
	program->patterns = more;
	program->pattern_count++;
	return true;
}

static void
plan_matches(struct cel__compile *compile, struct cel_node *node)
{
	const struct cel_node *pattern;
	struct cel_regex *regex;
	char why[128];

	if (node->function == NULL || node->arg_count != 2 ||
	    strcmp(node->name, "matches") != 0) {
		return;
	}
	pattern = node->args[1];
	if (pattern->op != OP_CONST || pattern->value.kind != CEL_STRING ||
	    pattern->value.n > CEL_PATTERN_MAX) {
		return;
	}
	regex = cel_regex_new(pattern->value.as.text, pattern->value.n,
	    PATTERN_BYTES, why, sizeof why);
	if (regex == NULL) {
		cel__warn(compile, pattern->begin, pattern->end, NULL,
		    "this always fails: not a pattern (RE2): %s", why);
		return;
	}
	if (!keep_pattern(compile->program, regex)) {
		cel_regex_free(regex);
		compile->no_memory = true;
		return;
	}
	node->op = OP_MATCHES;
	node->pattern = regex;
	node->arg_count = 1;
}

/* now.getHours("Europe/Zurch"): what fails at one time fails at all. */
static void
look_at_zone(struct cel__compile *compile, const struct cel_node *node)
{
	struct cel_node epoch = {.op = OP_CONST, .value = cel_timestamp(0, 0)};
	struct cel_node probe = *node, *args[2];
	const struct cel_node *zone;

	if (node->op != OP_CALL || node->arg_count != 2 || !is_pure(node) ||
	    node->args[0]->type == NULL ||
	    node->args[0]->type->kind != CEL_T_TIMESTAMP) {
		return;
	}
	zone = node->args[1];
	if (zone->op != OP_CONST || zone->value.kind != CEL_STRING) {
		return;
	}
	args[0] = &epoch;
	args[1] = node->args[1];
	probe.args = args;
	fold_or_warn(compile, &probe, zone);
}

static void
plan(struct cel__compile *compile, struct cel_node *node)
{
	for (uint32_t i = 0; i < node->arg_count; i++) {
		plan(compile, node->args[i]);
	}
	if (is_pure(node) && all_constant(node)) {
		fold_or_warn(compile, node, node);
	}
	switch ((int)node->op) {
	case OP_AND:
	case OP_OR:
		fold_logic(node);
		return;
	case OP_COND:
		fold_choice(node);
		return;
	case OP_IN:
		plan_in(compile, node);
		return;
	case OP_CALL:
		plan_matches(compile, node);
		look_at_zone(compile, node);
		return;
	default:
		return;
	}
}

void
cel__plan(struct cel__compile *compile)
{
	plan(compile, compile->program->root);
}
