/* The checker: a type for every node, and words for what can't have one (langdef "Type Checking"). */

#include "cel/check.h"

#include <stdio.h>
#include <string.h>

enum { QUALIFIED_BYTES = 96 };

static const struct cel_type *
no_variable(struct checker *checker, const struct cel_node *node)
{
	const struct cel_env *env = checker->compile->env;
	struct nearest nearest = nearest_to(node->name);
	char hint[96];

	for (size_t i = 0; i < env->slot_count; i++) {
		nearest_try(&nearest, env->slots[i]->variable.name);
	}
	cel__problem(checker->compile, node->begin, node->end,
	    hint_of(&nearest, hint), "no variable '%.100s'", node->name);
	return check_plain(CEL_T_ERROR);
}

static const struct cel_type *
no_function(struct checker *checker, const struct cel_node *node,
    const char *name, bool method)
{
	const struct cel_env *env = checker->compile->env;
	struct nearest nearest = nearest_to(name);
	struct cel_function *function;
	char hint[96];
	size_t at = 0;

	while ((function = gk_map_next(&env->functions, &at)) != NULL) {
		if (function->name[0] != '_' && function->name[0] != '@' &&
		    function->first->method == method) {
			nearest_try(&nearest, function->name);
		}
	}
	cel__problem(checker->compile, node->begin, node->end,
	    hint_of(&nearest, hint), "no %s '%.100s'",
	    method ? "method" : "function", name);
	return check_plain(CEL_T_ERROR);
}

/* ---- calls and operators ---- */

/* Types of args fit an overload that asks for those kinds, whatever the values are. */
static bool
is_sure(struct checker *checker, const struct cel_overload *overload,
    const struct cel_type *const *args, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct cel_type *type =
		    unify_apply(&checker->unify, args[i], true);

		if ((cel__type_kinds(type) & ~overload->kinds[i]) != 0) {
			return false;
		}
	}
	return true;
}

/*
 * The result of a call: of the overload that fits, dyn where several do and
 * differ; NULL: none fits.  *ret_only: the one, if there is no other.
 */
static const struct cel_type *
overloads(struct checker *checker, const struct cel_function *function,
    bool method, const struct cel_type *const *args, unsigned count,
    const struct cel_overload **ret_only)
{
	const struct cel_overload *at = function->first;
	const struct cel_type *result = NULL;

	*ret_only = NULL;
	for (; at != NULL; at = at->next) {
		const struct cel_type *one;
		struct unify_call call;

		if (at->method != method || at->param_count != count) {
			continue;
		}
		unify_instance(&checker->unify, at, &call);
		if (!unify_all_fit(&checker->unify, args, call.params, count)) {
			continue;
		}
		one = unify_apply(&checker->unify, call.result, false);
		if (result == NULL) {
			result = one;
			*ret_only = at;
			continue;
		}
		*ret_only = NULL;
		if (result->kind != CEL_T_DYN && !cel__type_same(result, one)) {
			result = check_plain(CEL_T_DYN);
		}
	}
	return result;
}

static void
no_overload(struct checker *checker, const struct cel_node *node,
    const char *name, const struct cel_type *const *args, unsigned count)
{
	char text[200];
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < count && at < sizeof(text) - 8; i++) {
		struct words words = words_of(&checker->unify, args[i]);
		int put = snprintf(text + at, sizeof(text) - at, "%s%s",
		    i == 0 ? "" : ", ", words.text);

		at += put < 0 ? 0 : (size_t)put;
	}
	cel__problem(checker->compile, node->begin, node->end, NULL,
	    "no such overload: '%.40s' can't take (%s)", name, text);
}

/* Check the args; false: one of them is an error already. */
static bool
check_args(struct checker *checker, struct cel_node *node,
    const struct cel_type **args)
{
	bool fine = true;

	for (uint32_t i = 0; i < node->arg_count; i++) {
		const struct cel_type *type =
		    check_node(checker, node->args[i]);

		if (i < CEL_PARAMS_MAX) {
			args[i] = type;
		}
		fine = fine && !check_failed(type);
	}
	return fine;
}

/*
 * "shell.parze": what looks like a method of a variable is a function of a
 * library that has no such one.  Into text; false: it is something else.
 */
static bool
qualified(const struct checker *checker, const struct cel_node *node,
    char text[QUALIFIED_BYTES])
{
	const struct cel_env *env = checker->compile->env;
	struct cel_function *function;
	size_t at = 0, n;

	if (!node->receiver || node->args[0]->op != OP_IDENT) {
		return false;
	}
	n = (size_t)snprintf(text, QUALIFIED_BYTES, "%s.", node->args[0]->name);
	while ((function = gk_map_next(&env->functions, &at)) != NULL) {
		if (n < QUALIFIED_BYTES &&
		    strncmp(function->name, text, n) == 0) {
			(void)snprintf(
			    text + n, QUALIFIED_BYTES - n, "%s", node->name);
			return true;
		}
	}
	return false;
}

static const struct cel_type *
check_call(struct checker *checker, struct cel_node *node)
{
	const struct cel_type *args[CEL_PARAMS_MAX] = {NULL}, *result = NULL;
	const struct cel_overload *only = NULL;
	char text[QUALIFIED_BYTES];
	bool fine;

	if (node->function == NULL && qualified(checker, node, text)) {
		return no_function(checker, node, text, false);
	}
	fine = check_args(checker, node, args);
	if (node->function == NULL) {
		return no_function(checker, node, node->name, node->receiver);
	}
	if (!fine) {
		return check_plain(CEL_T_ERROR);
	}
	if (node->arg_count <= CEL_PARAMS_MAX) {
		result = overloads(checker, node->function, node->receiver,
		    args, node->arg_count, &only);
	}
	if (result == NULL) {
		no_overload(checker, node, node->name, args,
		    node->arg_count <= CEL_PARAMS_MAX ? node->arg_count
						      : CEL_PARAMS_MAX);
		return check_plain(CEL_T_ERROR);
	}
	if (only != NULL && is_sure(checker, only, args, node->arg_count)) {
		node->overload = only;
	}
	return result;
}

static const char *
operator_name(enum cel_op op)
{
	static const char *const names[] = {
	    [OP_NEGATE] = "-_",
	    [OP_ADD] = "_+_",
	    [OP_SUBTRACT] = "_-_",
	    [OP_MULTIPLY] = "_*_",
	    [OP_DIVIDE] = "_/_",
	    [OP_MODULO] = "_%_",
	    [OP_EQUAL] = "_==_",
	    [OP_NOT_EQUAL] = "_!=_",
	    [OP_LESS] = "_<_",
	    [OP_LESS_EQUAL] = "_<=_",
	    [OP_GREATER] = "_>_",
	    [OP_GREATER_EQUAL] = "_>=_",
	    [OP_IN] = "@in",
	    [OP_INDEX] = "_[_]",
	    [OP_OPT_INDEX] = "_[?_]",
	};

	return names[op];
}

/* '>' can't compare …: the operator without its places. */
static void
no_operator(struct checker *checker, const struct cel_node *node,
    const struct cel_type *const *args)
{
	const char *name = operator_name(node->op);
	struct words a = words_of(&checker->unify, args[0]), b;
	char op[8];
	size_t n = 0;

	for (; *name != '\0' && n < sizeof(op) - 1; name++) {
		if (*name != '_' && *name != '@') {
			op[n++] = *name;
		}
	}
	op[n] = '\0';
	if (node->arg_count == 1) {
		cel__problem(checker->compile, node->begin, node->end, NULL,
		    "no such overload: '%s' can't take %s", op, a.text);
		return;
	}
	b = words_of(&checker->unify, args[1]);
	cel__problem(checker->compile, node->begin, node->end,
	    words_hint(&checker->unify, args[0], args[1]),
	    "no such overload: '%s' can't take %s and %s", op, a.text, b.text);
}

static const struct cel_type *
check_operator(struct checker *checker, struct cel_node *node)
{
	const struct cel_function *function =
	    cel__function(checker->compile->env, operator_name(node->op));
	const struct cel_type *args[CEL_PARAMS_MAX] = {NULL}, *result;
	const struct cel_overload *only;

	if (!check_args(checker, node, args)) {
		return check_plain(CEL_T_ERROR);
	}
	result = function == NULL ? NULL
				  : overloads(checker, function, false, args,
					node->arg_count, &only);
	if (result == NULL) {
		no_operator(checker, node, args);
		return check_plain(CEL_T_ERROR);
	}
	return result;
}

static const struct cel_type *
check_logic(struct checker *checker, struct cel_node *node, const char *what)
{
	for (uint32_t i = 0; i < node->arg_count; i++) {
		const struct cel_type *type =
		    check_node(checker, node->args[i]);

		check_want_bool(checker, node->args[i], type, what);
	}
	return check_plain(CEL_T_BOOL);
}

static const struct cel_type *
check_choice(struct checker *checker, struct cel_node *node)
{
	const struct cel_type *which = check_node(checker, node->args[0]);
	const struct cel_type *yes = check_node(checker, node->args[1]);
	const struct cel_type *no = check_node(checker, node->args[2]);
	const struct cel_type *result = unify_fresh(&checker->unify);
	const struct cel_type *from[] = {yes, no}, *to[] = {result, result};

	check_want_bool(
	    checker, node->args[0], which, "what stands before '?'");
	if (check_failed(yes) || check_failed(no)) {
		return check_plain(CEL_T_ERROR);
	}
	if (!unify_all_fit(&checker->unify, from, to, 2)) {
		cel__problem(checker->compile, node->begin, node->end,
		    "wrap them in dyn() if that is meant",
		    "'? :' gives %s or %s", words_of(&checker->unify, yes).text,
		    words_of(&checker->unify, no).text);
		return check_plain(CEL_T_ERROR);
	}
	return unify_apply(&checker->unify, result, false);
}

/* ---- selection ---- */

static const struct cel_type *
object_field(struct checker *checker, const struct cel_node *node,
    const struct cel_type *object)
{
	struct nearest nearest = nearest_to(node->name);
	char hint[96];

	for (unsigned i = 0; i < object->field_count; i++) {
		if (strcmp(object->fields[i].name, node->name) == 0) {
			return object->fields[i].type;
		}
		nearest_try(&nearest, object->fields[i].name);
	}
	if (object->open) {
		return check_plain(CEL_T_DYN);
	}
	cel__problem(checker->compile, node->begin, node->end,
	    hint_of(&nearest, hint), "'%.60s' has no field '%.100s'",
	    object->name, node->name);
	return check_plain(CEL_T_ERROR);
}

static const struct cel_type *
field_of(struct checker *checker, const struct cel_node *node,
    const struct cel_type *type)
{
	type = unify_top(&checker->unify, type);
	if (type->kind == CEL_T_OBJECT) {
		return object_field(checker, node, type);
	}
	if (type->kind == CEL_T_MAP) {
		return type->params[1];
	}
	if (type->kind == CEL_T_PARAM) {
		(void)unify_fits(&checker->unify, check_plain(CEL_T_DYN), type);
		return check_plain(CEL_T_DYN);
	}
	if (type->kind == CEL_T_DYN || type->kind == CEL_T_ERROR) {
		return check_plain(CEL_T_DYN);
	}
	cel__problem(checker->compile, node->begin, node->end, NULL,
	    "a %s has no fields: '.%.60s'",
	    words_of(&checker->unify, type).text, node->name);
	return check_plain(CEL_T_ERROR);
}

static const struct cel_type *
check_select(struct checker *checker, struct cel_node *node)
{
	const struct cel_type *from = check_node(checker, node->args[0]), *in,
			      *type;

	if (check_failed(from)) {
		return from;
	}
	in = check_inside(checker, from);
	type = field_of(checker, node, in == NULL ? from : in);
	if (check_failed(type)) {
		return type;
	}
	if (node->op == OP_HAS) {
		return check_plain(CEL_T_BOOL);
	}
	return in != NULL || node->op == OP_OPT_SELECT
		   ? check_optional_of(checker, type)
		   : type;
}

/* ---- literals ---- */

static const struct cel_type *
constant_type(struct checker *checker, const struct cel_value *value)
{
	const struct cel_type *of = NULL;

	switch ((int)value->kind) {
	case CEL_NULL:
		return check_plain(CEL_T_NULL);
	case CEL_BOOL:
		return check_plain(CEL_T_BOOL);
	case CEL_INT:
		return check_plain(CEL_T_INT);
	case CEL_UINT:
		return check_plain(CEL_T_UINT);
	case CEL_DOUBLE:
		return check_plain(CEL_T_DOUBLE);
	case CEL_STRING:
		return check_plain(CEL_T_STRING);
	case CEL_BYTES:
		return check_plain(CEL_T_BYTES);
	case CEL_TYPE:
		if (cel_type_parse(value->as.text, checker->arena, &of, NULL) !=
		    GK_OK) {
			of = check_plain(CEL_T_DYN);
		}
		return check_made(checker,
		    cel__type_made(CEL_T_TYPE, NULL, &of, 1, checker->arena));
	default:
		return check_plain(CEL_T_DYN);
	}
}

/* The type of what an element leaves: of [?x], what is inside x. */
static const struct cel_type *
element_type(struct checker *checker, struct cel_node *node,
    struct cel_node *arg, uint32_t entry)
{
	const struct cel_type *type = check_node(checker, arg), *in;

	if (node->optional == NULL || !node->optional[entry] ||
	    check_failed(type)) {
		return type;
	}
	in = check_inside(checker, type);
	if (in != NULL) {
		return in;
	}
	if (unify_top(&checker->unify, type)->kind == CEL_T_DYN) {
		return check_plain(CEL_T_DYN);
	}
	cel__problem(checker->compile, arg->begin, arg->end,
	    "wrap it in optional.of()", "'?' wants an optional, this is %s",
	    words_of(&checker->unify, type).text);
	return check_plain(CEL_T_ERROR);
}

static const struct cel_type *
check_list(struct checker *checker, struct cel_node *node)
{
	const struct cel_type *element = NULL;
	bool fine = true;

	for (uint32_t i = 0; i < node->arg_count; i++) {
		const struct cel_type *type =
		    element_type(checker, node, node->args[i], i);

		fine = fine && !check_failed(type);
		element = unify_join(&checker->unify, element, type);
	}
	if (!fine) {
		return check_plain(CEL_T_ERROR);
	}
	return check_list_of(
	    checker, element == NULL ? unify_fresh(&checker->unify) : element);
}

static const struct cel_type *
check_map(struct checker *checker, struct cel_node *node)
{
	const struct cel_type *key = NULL, *value = NULL;
	bool fine = true;

	for (uint32_t i = 0; i + 1 < node->arg_count; i += 2) {
		const struct cel_type *k = check_node(checker, node->args[i]);
		const struct cel_type *v =
		    element_type(checker, node, node->args[i + 1], i / 2);

		fine = fine && !check_failed(k) && !check_failed(v);
		key = unify_join(&checker->unify, key, k);
		value = unify_join(&checker->unify, value, v);
	}
	if (!fine) {
		return check_plain(CEL_T_ERROR);
	}
	return check_map_of(checker,
	    key == NULL ? unify_fresh(&checker->unify) : key,
	    value == NULL ? unify_fresh(&checker->unify) : value);
}

/* ---- the walk ---- */

static const struct cel_type *
type_of(struct checker *checker, struct cel_node *node)
{
	switch (node->op) {
	case OP_CONST:
		return constant_type(checker, &node->value);
	case OP_IDENT:
		return no_variable(checker, node);
	case OP_SLOT:
		return checker->compile->env->slots[node->slot]->variable.type;
	case OP_LOCAL:
		return checker->locals[node->slot];
	case OP_SELECT:
	case OP_OPT_SELECT:
	case OP_HAS:
		return check_select(checker, node);
	case OP_LIST:
		return check_list(checker, node);
	case OP_MAP:
		return check_map(checker, node);
	case OP_CALL:
		return check_call(checker, node);
	case OP_AND:
		return check_logic(checker, node, "an operand of '&&'");
	case OP_OR:
		return check_logic(checker, node, "an operand of '||'");
	case OP_NOT:
		return check_logic(checker, node, "the operand of '!'");
	case OP_COND:
		return check_choice(checker, node);
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
	case OP_INDEX:
	case OP_OPT_INDEX:
		return check_operator(checker, node);
	case OP_ALL:
	case OP_EXISTS:
	case OP_EXISTS_ONE:
	case OP_FILTER:
	case OP_MAP_LIST:
	case OP_TRANSFORM_MAP:
	case OP_TRANSFORM_MAP_ENTRY:
	case OP_SORT_BY:
		return check_macro_loop(checker, node);
	case OP_BIND:
		return check_macro_bind(checker, node);
	case OP_OPT_MAP:
	case OP_OPT_FLAT_MAP:
		return check_macro_optional(checker, node);
	case OP_IN_SET:
	case OP_MATCHES:
		break;
	}
	return check_plain(CEL_T_DYN);
}

const struct cel_type *
check_node(struct checker *checker, struct cel_node *node)
{
	node->type =
	    unify_apply(&checker->unify, type_of(checker, node), false);
	return node->type;
}

/* Variables that are free to the end are dyn. */
static void
settle(struct checker *checker, struct cel_node *node)
{
	for (uint32_t i = 0; i < node->arg_count; i++) {
		settle(checker, node->args[i]);
	}
	if (node->type != NULL) {
		node->type = unify_apply(&checker->unify, node->type, true);
	}
}

void
cel__check(struct cel__compile *compile, const struct cel_type *expect)
{
	struct cel_program *program = compile->program;
	struct checker checker = {.compile = compile, .arena = &program->arena};
	const struct cel_type *type;

	checker.locals = gk_arena_calloc(
	    &program->arena, program->local_count + 1, sizeof(*checker.locals));
	if (checker.locals == NULL) {
		compile->no_memory = true;
		return;
	}
	unify_init(&checker.unify, &program->arena);
	type = check_node(&checker, program->root);
	if (expect != NULL && !check_failed(type) &&
	    !unify_fits(&checker.unify, type, expect)) {
		cel__problem(compile, program->root->begin, program->root->end,
		    NULL, "this must be %s, it is %s",
		    words_of(&checker.unify, expect).text,
		    words_of(&checker.unify, type).text);
	}
	settle(&checker, program->root);
	program->type = program->root->type;
	if (checker.unify.exhausted) {
		cel__problem(compile, program->root->begin, program->root->end,
		    NULL, "the expression's types are too complex");
	}
	compile->no_memory = compile->no_memory || checker.unify.no_memory;
	unify_done(&checker.unify);
}
