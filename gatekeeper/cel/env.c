/* Environments: variables by name, and every function's overloads, read from the library's tables. */

#include "cel/cel_internal.h"

#include <stdlib.h>
#include <string.h>

#define ENV_BYTES     (4u << 20)
#define CONTAINER_MAX 255u

static const struct cel_builtin *const tables[] = {
    cel__operators,
    cel__conversions,
    cel__core,
    cel__times,
    cel__strings,
    cel__format,
    cel__math,
    cel__lists,
    cel__sets,
    cel__encoders,
    cel__optionals,
    cel__network,
    cel__urls,
    cel__paths,
    cel__shell,
};

const struct cel_function *
cel__function(const struct cel_env *env, const char *name)
{
	return gk_map_get(&env->functions, name, strlen(name));
}

/* One more overload, after those of the same name. */
static enum gk_rc
add_overload(struct cel_env *env, const char *name, bool method,
    const char *signature, cel_run *run, struct gk_err *err)
{
	struct cel_function *function =
	    gk_map_get(&env->functions, name, strlen(name));
	struct cel_overload *overload =
	    gk_arena_alloc(&env->arena, sizeof(*overload));
	const struct cel_overload *last;

	if (overload == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for functions");
	}
	GK_TRY(cel__signature(signature, &env->arena, overload, err));
	overload->name = name;
	overload->method = method;
	overload->run = run;
	if (function == NULL) {
		function = gk_arena_alloc(&env->arena, sizeof(*function));
		if (function == NULL) {
			return GK_FAIL(
			    err, GK_E_NOMEM, "no memory for functions");
		}
		function->name = name;
		function->first = overload;
		return gk_map_set(
		    &env->functions, name, strlen(name), function, err);
	}
	for (last = function->first; last->next != NULL; last = last->next) {
	}
	((struct cel_overload *)(uintptr_t)last)->next = overload;
	return GK_OK;
}

static enum gk_rc
add_functions(struct cel_env *env, struct gk_err *err)
{
	for (size_t i = 0; i < GK_COUNT(tables); i++) {
		for (const struct cel_builtin *line = tables[i];
		     line->name != NULL; line++) {
			GK_TRY(add_overload(env, line->name, line->method,
			    line->signature, line->run, err));
		}
	}
	return GK_OK;
}

static enum gk_rc
add_declarations(struct cel_env *env, const struct cel_declaration *list,
    size_t count, struct gk_err *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = gk_arena_strdup(&env->arena, list[i].name);

		if (name == NULL) {
			return GK_FAIL(
			    err, GK_E_NOMEM, "no memory for functions");
		}
		GK_TRY(add_overload(
		    env, name, list[i].method, list[i].signature, NULL, err));
	}
	return GK_OK;
}

static bool
make_room(struct cel_env *env)
{
	size_t room = env->slot_room == 0 ? 16 : 2 * env->slot_room;
	struct cel_slot **slots;

	if (env->slot_count < env->slot_room) {
		return true;
	}
	slots = reallocarray(env->slots, room, sizeof(*slots));
	if (slots != NULL) {
		env->slots = slots;
		env->slot_room = room;
	}
	return slots != NULL;
}

enum gk_rc
cel_env_add(struct cel_env *env, const struct cel_variable *variable,
    struct gk_err *err)
{
	struct cel_slot *slot = gk_arena_alloc(&env->arena, sizeof(*slot));
	const char *name = gk_arena_strdup(&env->arena, variable->name);

	if (slot == NULL || name == NULL || !make_room(env)) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for variables");
	}
	slot->variable = (struct cel_variable){name, variable->type};
	slot->number = (uint32_t)env->slot_count;
	GK_TRY(gk_map_set(&env->slot_by_name, name, strlen(name), slot, err));
	env->slots[env->slot_count++] = slot;
	return GK_OK;
}

enum gk_rc
cel_env_new(const char *container, const struct cel_variable *variables,
    size_t variable_count, const struct cel_declaration *declarations,
    size_t declaration_count, struct cel_env **ret_env, struct gk_err *err)
{
	GK_AUTO(cel_env_freep) struct cel_env *env = NULL;

	if (strlen(container) > CONTAINER_MAX) {
		return GK_FAIL(err, GK_E_INVALID,
		    "a container's name has at most %u bytes", CONTAINER_MAX);
	}
	env = calloc(1, sizeof(*env));
	if (env == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for expressions");
	}
	env->arena.cap = ENV_BYTES;
	env->container = gk_arena_strdup(&env->arena, container);
	if (env->container == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for expressions");
	}
	GK_TRY(add_functions(env, err));
	GK_TRY(add_declarations(env, declarations, declaration_count, err));
	for (size_t i = 0; i < variable_count; i++) {
		GK_TRY(cel_env_add(env, &variables[i], err));
	}
	*ret_env = GK_TAKE(env);
	return GK_OK;
}

void
cel_env_free(struct cel_env *env)
{
	if (env == NULL) {
		return;
	}
	gk_map_done(&env->slot_by_name);
	free(env->slots);
	gk_map_done(&env->functions);
	gk_arena_done(&env->arena);
	free(env);
}

void
cel_env_freep(struct cel_env **env)
{
	cel_env_free(*env);
}
