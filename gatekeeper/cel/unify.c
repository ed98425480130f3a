/*
 * Assignability and substitution, as the reference checker has them: dyn fits
 * everything both ways, a variable stands for the most general type that it met.
 */

#include "cel/unify.h"

#include <stdlib.h>
#include <string.h>

#define STEPS       1000000u
#define NESTING_MAX 32u

void
unify_init(struct unify *unify, struct gk_arena *arena)
{
	memset(unify, 0, sizeof(*unify));
	unify->arena = arena;
	unify->steps = STEPS;
}

void
unify_done(struct unify *unify)
{
	free(unify->bound);
	memset(unify, 0, sizeof(*unify));
}

static bool
step(struct unify *unify)
{
	if (unify->steps == 0) {
		unify->exhausted = true;
		return false;
	}
	unify->steps--;
	return true;
}

const struct cel_type *
unify_fresh(struct unify *unify)
{
	struct cel_type *type = gk_arena_alloc(unify->arena, sizeof(*type));

	if (unify->count == unify->room) {
		unsigned room = unify->room == 0 ? 64 : 2 * unify->room;
		const struct cel_type **more =
		    reallocarray(unify->bound, room, sizeof(*more));

		if (more == NULL) {
			unify->no_memory = true;
			return cel_type_of(CEL_T_DYN);
		}
		unify->bound = more;
		unify->room = room;
	}
	if (type == NULL) {
		unify->no_memory = true;
		return cel_type_of(CEL_T_DYN);
	}
	type->kind = CEL_T_PARAM;
	type->field_count = unify->count;
	unify->bound[unify->count++] = NULL;
	return type;
}

static bool
is_variable(const struct cel_type *type)
{
	return type->kind == CEL_T_PARAM && type->name == NULL;
}

const struct cel_type *
unify_top(const struct unify *unify, const struct cel_type *type)
{
	while (is_variable(type) && unify->bound[type->field_count] != NULL) {
		type = unify->bound[type->field_count];
	}
	return type;
}

static bool
is_any(const struct cel_type *type)
{
	return type->kind == CEL_T_DYN || type->kind == CEL_T_ERROR;
}

/* Does the variable occur in the type? */
static bool
occurs(struct unify *unify, const struct cel_type *variable,
    const struct cel_type *type, unsigned depth)
{
	if (!step(unify) || depth > NESTING_MAX) {
		return true;
	}
	type = unify_top(unify, type);
	if (type == variable) {
		return true;
	}
	for (unsigned i = 0; i < type->param_count; i++) {
		if (occurs(unify, variable, type->params[i], depth + 1)) {
			return true;
		}
	}
	return false;
}

/* Is a as general as b, or more? */
static bool
as_general(struct unify *unify, const struct cel_type *a,
    const struct cel_type *b, unsigned depth)
{
	if (!step(unify) || depth > NESTING_MAX) {
		return false;
	}
	a = unify_top(unify, a);
	b = unify_top(unify, b);
	if (a == b || a->kind == CEL_T_DYN || is_variable(a)) {
		return true;
	}
	if (b->kind == CEL_T_DYN || is_variable(b) || a->kind != b->kind ||
	    a->param_count != b->param_count || a->kind == CEL_T_OBJECT ||
	    (a->name != NULL && strcmp(a->name, b->name) != 0)) {
		return false;
	}
	for (unsigned i = 0; a->kind != CEL_T_TYPE && i < a->param_count; i++) {
		if (!as_general(unify, a->params[i], b->params[i], depth + 1)) {
			return false;
		}
	}
	return true;
}

static const struct cel_type *
more_general(
    struct unify *unify, const struct cel_type *a, const struct cel_type *b)
{
	return as_general(unify, a, b, 0) ? a : b;
}

static bool fits(struct unify *unify, const struct cel_type *from,
    const struct cel_type *to, unsigned depth);

/* A variable meets a type: stands for it from now on, or for the more general of both. */
static bool
meet(struct unify *unify, const struct cel_type *type,
    const struct cel_type *variable, bool *ret_bound, unsigned depth)
{
	const struct cel_type *bound = unify->bound[variable->field_count];
	const struct cel_type *next;

	*ret_bound = bound != NULL;
	if (type == variable) {
		return true;
	}
	if (bound == NULL) {
		if (occurs(unify, variable, type, 0)) {
			return false;
		}
		unify->bound[variable->field_count] = type;
		return true;
	}
	if (!fits(unify, type, bound, depth + 1)) {
		return false;
	}
	next = more_general(unify, type, bound);
	if (!occurs(unify, variable, next, 0)) {
		unify->bound[variable->field_count] = next;
	}
	return true;
}

/* null is a value of wrappers, times, and opaque types. */
static bool
takes_null(const struct cel_type *type)
{
	return type->kind == CEL_T_NULL || type->kind == CEL_T_WRAPPER ||
	       type->kind == CEL_T_TIMESTAMP || type->kind == CEL_T_DURATION ||
	       type->kind == CEL_T_OPAQUE;
}

static bool
params_fit(struct unify *unify, const struct cel_type *from,
    const struct cel_type *to, unsigned depth)
{
	if (from->param_count != to->param_count) {
		return false;
	}
	for (unsigned i = 0; i < from->param_count; i++) {
		if (!fits(unify, from->params[i], to->params[i], depth + 1)) {
			return false;
		}
	}
	return true;
}

/* An object is a map from string to dyn to whoever doesn't ask for its fields. */
static bool
object_fits(struct unify *unify, const struct cel_type *map, unsigned depth)
{
	return fits(unify, cel_type_of(CEL_T_STRING), map->params[0],
		   depth + 1) &&
	       fits(unify, cel_type_of(CEL_T_DYN), map->params[1], depth + 1);
}

static bool
same_fits(struct unify *unify, const struct cel_type *from,
    const struct cel_type *to, unsigned depth)
{
	if (from->kind == CEL_T_WRAPPER || to->kind == CEL_T_WRAPPER) {
		return fits(unify,
		    from->kind == CEL_T_WRAPPER ? from->params[0] : from,
		    to->kind == CEL_T_WRAPPER ? to->params[0] : to, depth + 1);
	}
	if (from->kind == CEL_T_OBJECT && to->kind == CEL_T_MAP) {
		return object_fits(unify, to, depth);
	}
	if (from->kind == CEL_T_MAP && to->kind == CEL_T_OBJECT) {
		return object_fits(unify, from, depth);
	}
	if (from->kind != to->kind) {
		return false;
	}
	if (from->kind == CEL_T_OBJECT || from->kind == CEL_T_TYPE) {
		return true;
	}
	if (from->name != NULL && strcmp(from->name, to->name) != 0) {
		return false;
	}
	return params_fit(unify, from, to, depth);
}

static bool
fits(struct unify *unify, const struct cel_type *from,
    const struct cel_type *to, unsigned depth)
{
	bool bound;

	if (!step(unify) || depth > NESTING_MAX) {
		return false;
	}
	if (from == to) {
		return true;
	}
	if (is_variable(to)) {
		if (meet(unify, from, to, &bound, depth)) {
			return true;
		}
		if (bound) {
			return false;
		}
	}
	if (is_variable(from)) {
		return meet(unify, to, from, &bound, depth);
	}
	if (is_any(from) || is_any(to)) {
		return true;
	}
	if (from->kind == CEL_T_NULL || to->kind == CEL_T_NULL) {
		return takes_null(from->kind == CEL_T_NULL ? to : from);
	}
	return same_fits(unify, from, to, depth);
}

bool
unify_fits(
    struct unify *unify, const struct cel_type *from, const struct cel_type *to)
{
	return unify_all_fit(unify, &from, &to, 1);
}

bool
unify_all_fit(struct unify *unify, const struct cel_type *const *from,
    const struct cel_type *const *to, unsigned count)
{
	size_t size = unify->count * sizeof(unify->bound[0]);
	const struct cel_type **before = malloc(size + 1);
	unsigned i = 0;

	if (before == NULL) {
		unify->no_memory = true;
		return false;
	}
	if (size > 0) {
		memcpy(before, unify->bound, size);
	}
	while (i < count && fits(unify, from[i], to[i], 0)) {
		i++;
	}
	if (i < count && size > 0) {
		memcpy(unify->bound, before, size);
	}
	free(before);
	return i == count;
}

const struct cel_type *
unify_join(
    struct unify *unify, const struct cel_type *a, const struct cel_type *b)
{
	if (a == NULL) {
		return b;
	}
	if (!unify_fits(unify, a, b)) {
		return cel_type_of(CEL_T_DYN);
	}
	if (unify_top(unify, b)->kind == CEL_T_NULL) {
		return a;
	}
	return more_general(unify, a, b);
}

/* ---- an overload's parameters ---- */

struct renaming {
	struct unify *unify;
	const char *names[8];
	const struct cel_type *fresh[8];
	unsigned count;
};

static const struct cel_type *
renamed(struct renaming *renaming, const struct cel_type *type)
{
	const struct cel_type *params[8], *made;
	bool changed = false;

	if (type->kind == CEL_T_PARAM && type->name != NULL) {
		for (unsigned i = 0; i < renaming->count; i++) {
			if (strcmp(renaming->names[i], type->name) == 0) {
				return renaming->fresh[i];
			}
		}
		if (renaming->count == GK_COUNT(renaming->names)) {
			return cel_type_of(CEL_T_DYN);
		}
		renaming->names[renaming->count] = type->name;
		renaming->fresh[renaming->count] = unify_fresh(renaming->unify);
		return renaming->fresh[renaming->count++];
	}
	for (unsigned i = 0; i < type->param_count; i++) {
		params[i] = renamed(renaming, type->params[i]);
		changed = changed || params[i] != type->params[i];
	}
	if (!changed) {
		return type;
	}
	made = cel__type_made(type->kind, type->name, params, type->param_count,
	    renaming->unify->arena);
	if (made == NULL) {
		renaming->unify->no_memory = true;
		return cel_type_of(CEL_T_DYN);
	}
	return made;
}

void
unify_instance(struct unify *unify, const struct cel_overload *overload,
    struct unify_call *ret)
{
	struct renaming renaming = {.unify = unify};

	for (unsigned i = 0; i < overload->param_count; i++) {
		ret->params[i] = renamed(&renaming, overload->params[i]);
	}
	ret->result = renamed(&renaming, overload->result);
}

static const struct cel_type *
apply(
    struct unify *unify, const struct cel_type *type, bool last, unsigned depth)
{
	const struct cel_type *params[8], *made;
	bool changed = false;

	type = unify_top(unify, type);
	if (is_variable(type)) {
		return last ? cel_type_of(CEL_T_DYN) : type;
	}
	if (type->param_count == 0) {
		return type;
	}
	if (!step(unify) || depth > NESTING_MAX ||
	    type->param_count > GK_COUNT(params)) {
		return cel_type_of(CEL_T_DYN);
	}
	for (unsigned i = 0; i < type->param_count; i++) {
		params[i] = apply(unify, type->params[i], last, depth + 1);
		changed = changed || params[i] != type->params[i];
	}
	if (!changed) {
		return type;
	}
	made = cel__type_made(
	    type->kind, type->name, params, type->param_count, unify->arena);
	if (made == NULL) {
		unify->no_memory = true;
		return cel_type_of(CEL_T_DYN);
	}
	return made;
}

const struct cel_type *
unify_apply(struct unify *unify, const struct cel_type *type, bool last)
{
	return apply(unify, type, last, 0);
}
