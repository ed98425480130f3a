/* Evaluation: a walk over the checked tree in which errors and the unknown are values like others. */

#include "cel/cel_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FAULT_TEXT 192

const struct cel_limits cel_limits_default = {100000, 1u << 20};

static const struct cel_fault too_costly = {
    CEL_F_COST, 0, 0, "this costs more than a condition may"};

static struct cel_value
fault_value(const struct cel_fault *fault)
{
	return (struct cel_value){.kind = CEL_ERROR, .as.fault = fault};
}

/* The end of an evaluation: whatever is still asked for is this fault. */
static void
spend(struct cel_eval *ev, const char *what)
{
	struct cel_fault *fault;

	if (ev->spent != NULL) {
		return;
	}
	fault = gk_arena_alloc(ev->arena, sizeof *fault);
	if (fault == NULL) {
		ev->spent = &too_costly;
		return;
	}
	*fault = (struct cel_fault){CEL_F_COST, 0, 0, what};
	if (ev->at != NULL) {
		fault->begin = ev->at->begin;
		fault->end = ev->at->end;
	}
	ev->spent = fault;
}

bool
cel__charge(struct cel_eval *ev, uint64_t fuel)
{
	if (ev->spent != NULL || fuel > ev->fuel) {
		spend(ev, "this takes more steps than a condition may");
		return false;
	}
	ev->fuel -= fuel;
	return true;
}

void *
cel__alloc(struct cel_eval *ev, size_t n)
{
	void *at;

	if (!cel__charge(ev, 1 + n / 64)) {
		return NULL;
	}
	if (n > ev->bytes) {
		spend(ev, "this takes more memory than a condition may");
		return NULL;
	}
	at = gk_arena_alloc(ev->arena, n == 0 ? 1 : n);
	if (at == NULL) {
		spend(ev, "memory ran out");
		return NULL;
	}
	ev->bytes -= n;
	return at;
}

struct cel_value
cel__spent(struct cel_eval *ev)
{
	spend(ev, too_costly.text);
	return fault_value(ev->spent);
}

/* Where text[0..n) must be cut so that no character is. */
static size_t
cut(const char *text, size_t n)
{
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) {
		n--;
	}
	return n;
}

struct cel_value
cel__fault(struct cel_eval *ev, enum cel_fault_code code, const char *fmt, ...)
{
	char text[FAULT_TEXT];
	struct cel_fault *fault;
	char *copy;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		n = 0;
	}
	if ((size_t)n >= sizeof text) {
		n = (int)cut(text, sizeof text - 1);
	}
	fault = cel__alloc(ev, sizeof *fault);
	copy = cel__alloc(ev, (size_t)n + 1);
	if (fault == NULL || copy == NULL) {
		return cel__spent(ev);
	}
	memcpy(copy, text, (size_t)n);
	*fault = (struct cel_fault){code, 0, 0, copy};
	if (ev->at != NULL) {
		fault->begin = ev->at->begin;
		fault->end = ev->at->end;
	}
	return fault_value(fault);
}

struct cel_value
cel__no_overload(struct cel_eval *ev, const char *name,
    const struct cel_value *args, unsigned n)
{
	char kinds[128];
	size_t at = 0;

	kinds[0] = '\0';
	for (unsigned i = 0; i < n && at < sizeof kinds - 16; i++) {
		int put = snprintf(kinds + at, sizeof kinds - at, "%s%s",
		    i == 0 ? "" : ", ",
		    cel_kind_name((enum cel_kind)args[i].kind));

		at += put < 0 ? 0 : (size_t)put;
	}
	return cel__fault(ev, CEL_F_NO_OVERLOAD,
	    "no such overload: '%s' can't take (%s)", name, kinds);
}

static bool
is_no_value(const struct cel_value *value)
{
	return value->kind <= CEL_UNKNOWN;
}

static struct cel_value
slot_value(struct cel_eval *ev, const struct cel_node *node)
{
	const struct cel_activation *activation = ev->activation;
	struct cel_value *slot;

	if (activation == NULL || activation->slots == NULL) {
		return cel__fault(
		    ev, CEL_F_UNDECLARED, "'%s' has no value", node->name);
	}
	slot = &activation->slots[node->slot];
	if (slot->kind != CEL_ERROR || slot->as.fault != NULL) {
		return *slot;
	}
	if (activation->bind == NULL ||
	    !activation->bind(activation->ctx, node->slot, slot)) {
		return cel__fault(
		    ev, CEL_F_UNDECLARED, "'%s' has no value", node->name);
	}
	return *slot;
}

/* && and ||: decided by one operand that says so, whatever the others are. */
static struct cel_value
logic(struct cel_eval *ev, const struct cel_node *node, bool decides)
{
	struct cel_value fault = {0}, unknown = {0};

	for (uint32_t i = 0; i < node->arg_count; i++) {
		struct cel_value value = cel__eval_node(ev, node->args[i]);

		if (value.kind == CEL_BOOL) {
			if (value.as.boolean == decides) {
				return value;
			}
			continue;
		}
		if (value.kind == CEL_UNKNOWN) {
			unknown = value;
			continue;
		}
		if (fault.as.fault != NULL) {
			continue;
		}
		ev->at = node;
		fault = value.kind == CEL_ERROR
			    ? value
			    : cel__no_overload(ev,
				  node->op == OP_AND ? "&&" : "||", &value, 1);
	}
	if (ev->spent != NULL) {
		return cel__spent(ev);
	}
	if (unknown.kind == CEL_UNKNOWN) {
		return unknown;
	}
	return fault.as.fault != NULL ? fault : cel_bool(!decides);
}

static struct cel_value
choose(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value which = cel__eval_node(ev, node->args[0]);

	if (which.kind == CEL_BOOL) {
		return cel__eval_node(ev, node->args[which.as.boolean ? 1 : 2]);
	}
	ev->at = node;
	return is_no_value(&which) ? which
				   : cel__no_overload(ev, "?:", &which, 1);
}

/* x.or(y) and x.orValue(y) don't look at y where x has a value: then first is the answer. */
static bool
is_enough(const struct cel_node *node, struct cel_value *first)
{
	if (first->kind != CEL_OPTIONAL || first->as.inner == NULL ||
	    node->op != OP_CALL || !node->receiver || node->arg_count != 2) {
		return false;
	}
	if (strcmp(node->name, "orValue") == 0) {
		*first = *first->as.inner;
		return true;
	}
	return strcmp(node->name, "or") == 0;
}

/*
 * Evaluate the args of a strict operation.  False: *ret_value is the answer,
 * the first of them that is no value.
 */
static bool
arguments(struct cel_eval *ev, const struct cel_node *node,
    struct cel_value *args, struct cel_value *ret_value)
{
	for (uint32_t i = 0; i < node->arg_count; i++) {
		args[i] = cel__eval_node(ev, node->args[i]);
		if (is_no_value(&args[i]) ||
		    (i == 0 && is_enough(node, &args[0]))) {
			*ret_value = args[i];
			return false;
		}
	}
	ev->at = node;
	return true;
}

static bool
takes(const struct cel_overload *overload, const struct cel_value *args)
{
	for (unsigned i = 0; i < overload->param_count; i++) {
		if ((overload->kinds[i] >> args[i].kind & 1) == 0) {
			return false;
		}
	}
	return true;
}

/* The checker's choice is looked at too: a null may be where its type said otherwise. */
static const struct cel_overload *
overload_for(const struct cel_node *node, const struct cel_value *args)
{
	const struct cel_overload *at = node->overload;

	if (at != NULL && takes(at, args)) {
		return at;
	}
	for (at = node->function->first; at != NULL; at = at->next) {
		if (at->method == node->receiver &&
		    at->param_count == node->arg_count && takes(at, args)) {
			return at;
		}
	}
	return NULL;
}

static struct cel_value
call(struct cel_eval *ev, const struct cel_node *node)
{
	const struct cel_overload *overload;
	struct cel_value args[CEL_PARAMS_MAX], value;

	if (node->function == NULL) {
		return cel__fault(
		    ev, CEL_F_UNDECLARED, "no function '%s'", node->name);
	}
	if (node->arg_count > CEL_PARAMS_MAX) {
		return cel__fault(ev, CEL_F_NO_OVERLOAD,
		    "no such overload: '%s' can't take %u arguments",
		    node->name, node->arg_count);
	}
	if (!arguments(ev, node, args, &value)) {
		return value;
	}
	overload = overload_for(node, args);
	if (overload == NULL) {
		return cel__no_overload(ev, node->name, args, node->arg_count);
	}
	if (overload->run == NULL) {
		return cel__fault(ev, CEL_F_UNDECLARED,
		    "'%s' is declared, but can't be run", node->name);
	}
	return overload->run(ev, args, node->arg_count);
}

/* A [?x] or {?k: x}: false: x is none and leaves nothing. */
static bool
unwrap(struct cel_eval *ev, const struct cel_node *node, uint32_t entry,
    struct cel_value *value)
{
	if (node->optional == NULL || !node->optional[entry] ||
	    is_no_value(value)) {
		return true;
	}
	if (value->kind != CEL_OPTIONAL) {
		ev->at = node;
		*value = cel__no_overload(ev, "?", value, 1);
		return true;
	}
	if (value->as.inner == NULL) {
		return false;
	}
	*value = *value->as.inner;
	return true;
}

static struct cel_value
list_value(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value *items =
	    cel__alloc(ev, (size_t)node->arg_count * sizeof *items);
	uint32_t count = 0;

	if (items == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < node->arg_count; i++) {
		struct cel_value value = cel__eval_node(ev, node->args[i]);

		if (!unwrap(ev, node, i, &value)) {
			continue;
		}
		if (is_no_value(&value)) {
			return value;
		}
		items[count++] = value;
	}
	return cel_list(items, count);
}

static struct cel_value
map_value(struct cel_eval *ev, const struct cel_node *node)
{
	uint32_t room = node->arg_count / 2, count = 0;
	struct cel_entry *entries = cel__alloc(ev, room * sizeof *entries);

	if (entries == NULL) {
		return cel__spent(ev);
	}
	for (uint32_t i = 0; i < room; i++) {
		struct cel_value key, value;

		key = cel__eval_node(ev, node->args[(size_t)2 * i]);
		if (is_no_value(&key)) {
			return key;
		}
		value = cel__eval_node(ev, node->args[(size_t)2 * i + 1]);
		if (!unwrap(ev, node, i, &value)) {
			continue;
		}
		if (is_no_value(&value)) {
			return value;
		}
		entries[count++] = (struct cel_entry){key, value};
	}
	ev->at = node;
	return cel__map(ev, entries, count);
}

/* .name and its relatives: from args[0], by the name or by args[1]. */
static struct cel_value
access_value(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value args[2], value;

	if (!arguments(ev, node, args, &value)) {
		return value;
	}
	return cel__access(ev, node->op, node->optional_has, &args[0],
	    node->arg_count == 2 ? &args[1] : &node->value);
}

static struct cel_value
not_value(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value value = cel__eval_node(ev, node->args[0]);

	if (value.kind == CEL_BOOL) {
		return cel_bool(!value.as.boolean);
	}
	ev->at = node;
	return is_no_value(&value) ? value
				   : cel__no_overload(ev, "!", &value, 1);
}

static struct cel_value
operation(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value args[2], value;

	return arguments(ev, node, args, &value)
		   ? cel__operate(ev, node->op, args)
		   : value;
}

static struct cel_value
in_set(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value value = cel__eval_node(ev, node->args[0]);

	if (is_no_value(&value)) {
		return value;
	}
	if (value.kind == CEL_STRING && !cel__charge(ev, value.n / 16)) {
		return cel__spent(ev);
	}
	return cel_bool(cel_map_find(node->set, &value) != NULL);
}

uint64_t
cel__match_cost(size_t n)
{
	return 4 + n / 4;
}

static struct cel_value
matches(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value value = cel__eval_node(ev, node->args[0]);

	if (is_no_value(&value)) {
		return value;
	}
	ev->at = node;
	if (value.kind != CEL_STRING) {
		return cel__no_overload(ev, "matches", &value, 1);
	}
	if (!cel__charge(ev, cel__match_cost(value.n))) {
		return cel__spent(ev);
	}
	return cel_bool(cel_regex_match(node->pattern, value.as.text, value.n));
}

static struct cel_value
evaluate(struct cel_eval *ev, const struct cel_node *node)
{
	switch (node->op) {
	case OP_CONST:
		return node->value;
	case OP_SLOT:
		return slot_value(ev, node);
	case OP_LOCAL:
		return ev->locals[node->slot];
	case OP_IDENT:
		return cel__fault(
		    ev, CEL_F_UNDECLARED, "no variable '%s'", node->name);
	case OP_AND:
		return logic(ev, node, false);
	case OP_OR:
		return logic(ev, node, true);
	case OP_COND:
		return choose(ev, node);
	case OP_NOT:
		return not_value(ev, node);
	case OP_SELECT:
	case OP_OPT_SELECT:
	case OP_HAS:
	case OP_INDEX:
	case OP_OPT_INDEX:
		return access_value(ev, node);
	case OP_NEGATE:
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
		return operation(ev, node);
	case OP_IN_SET:
		return in_set(ev, node);
	case OP_MATCHES:
		return matches(ev, node);
	case OP_CALL:
		return call(ev, node);
	case OP_LIST:
		return list_value(ev, node);
	case OP_MAP:
		return map_value(ev, node);
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
		return cel__comprehend(ev, node);
	}
	return cel__spent(ev);
}

struct cel_value
cel__eval_node(struct cel_eval *ev, const struct cel_node *node)
{
	struct cel_value value;

	ev->at = node;
	if (!cel__charge(ev, 1)) {
		return cel__spent(ev);
	}
	value = evaluate(ev, node);
	if (ev->spent != NULL) {
		return cel__spent(ev);
	}
	if (ev->trace != NULL) {
		ev->trace->seen(ev->trace->ctx, node->begin, node->end, &value);
	}
	return value;
}

struct cel_value
cel_eval(const struct cel_program *program,
    const struct cel_activation *activation, struct gk_arena *arena,
    const struct cel_limits *limits, const struct cel_trace *trace,
    struct cel_cost *ret_cost)
{
	struct cel_value few[8];
	struct cel_eval ev = {
	    .program = program,
	    .activation = activation,
	    .arena = arena,
	    .fuel = limits->fuel,
	    .bytes = limits->bytes,
	    .locals = few,
	    .trace = trace,
	};
	struct cel_value value;

	if (program->local_count > GK_COUNT(few)) {
		ev.locals =
		    cel__alloc(&ev, program->local_count * sizeof *ev.locals);
	}
	value = ev.locals == NULL ? cel__spent(&ev)
				  : cel__eval_node(&ev, program->root);
	if (ret_cost != NULL) {
		*ret_cost = (struct cel_cost){
		    limits->fuel - ev.fuel, limits->bytes - ev.bytes};
	}
	return value;
}
