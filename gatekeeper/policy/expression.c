/* Expressions in a policy file → programs; what is wrong with them is told at its place in the file. */
#include <stdlib.h>
#include <string.h>

#include "policy/condition.h"
#include "policy/policy_internal.h"
#include "policy/scalar.h"

/* Where an expression stands, and what it must be. */
struct source {
	const struct json_value *value;
	const char *text;
	const struct cel_type *expect; /* NULL: anything */
};

/* The text of the expression: 'when: true' is one too.  False: told. */
static bool
source_of(struct reader *reader, const struct json_value *value,
    const char *key, struct source *ret)
{
	const char *text = json_string(value);

	if (json_type(value) == JSON_BOOL) {
		text = json_bool(value) ? "true" : "false";
	}
	if (text == NULL || text[0] == '\0') {
		field_wrong(reader, value,
		    "an expression such as args.amount > 50.0",
		    "'%s': expected a CEL expression, found %s", key,
		    text == NULL ? json_type_name(value) : "nothing");
		return false;
	}
	ret->value = value;
	ret->text = text;
	return true;
}

/* An end that was expected earlier is shown behind the last word, not on the line after a block. */
static size_t
begin_shown(const char *text, size_t begin)
{
	size_t end = strlen(text);

	while (end > 0 && strchr(" \t\r\n", text[end - 1]) != NULL) {
		end--;
	}
	return begin < end ? begin : end;
}

/* action: whose schema says so; NULL: it is wrong whatever the arguments are. */
static void
tell(struct reader *reader, const struct source *source,
    const struct cel_report *found, const char *action)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct cel_problem *problem = &found->problems[i];
		struct problem_place place = reader_at(reader, source->value);

		if (json_type(source->value) == JSON_STRING) {
			place.at = scalar_place(place.bytes, place.n, place.at,
			    source->text,
			    begin_shown(source->text, problem->begin));
		}
		report_add(reader->report, problem->warning, &place,
		    problem->hint, "%s%s%s%s",
		    action == NULL ? "" : "for action '",
		    action == NULL ? "" : action,
		    action == NULL ? "" : "': ", problem->text);
	}
}

/* A program only where nothing is wrong. */
static struct cel_program *
compile(struct reader *reader, const struct source *source,
    const struct cel_env *env, const char *action)
{
	const struct cel_options options = {.expect = source->expect};
	struct cel_report found = {.count = 0};
	struct cel_program *program = NULL;
	struct gk_err err = {0};

	if (cel_compile(env, source->text, strlen(source->text), &options,
		&program, &found, &err) == GK_E_NOMEM) {
		reader->no_memory = true;
	}
	tell(reader, source, &found, action);
	cel_report_done(&found);
	return program;
}

/* ---- a file's variables ---- */

static bool
is_variable_name(const char *name)
{
	static const char *const taken[] = {"action", "args", "context",
	    "actor", "caller", "tenant_id", "agent_id", "run_id", "step_id",
	    "now", "cost"};
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");

	for (size_t i = 0; i < GK_COUNT(taken); i++) {
		if (strcmp(name, taken[i]) == 0) {
			return false;
		}
	}
	return n > 0 && n <= 64 && name[n] == '\0' &&
	       (name[0] < '0' || name[0] > '9');
}

static bool
keep_env(struct reader *reader, struct cel_env *env)
{
	struct policy *policy = reader->policy;

	if (policy->env_count == policy->env_room) {
		size_t room = policy->env_room == 0 ? 8 : 2 * policy->env_room;
		struct cel_env **more =
		    reallocarray(policy->envs, room, sizeof(*more));

		if (more == NULL) {
			return false;
		}
		policy->envs = more;
		policy->env_room = room;
	}
	policy->envs[policy->env_count++] = env;
	return true;
}

/* An environment that will get a file's variables; NULL: no memory. */
static struct cel_env *
env_new(struct reader *reader, const struct cel_type *args)
{
	struct cel_env *env = NULL;

	if (condition_env_new(args, &reader->policy->arena, &env, NULL) !=
		GK_OK ||
	    !keep_env(reader, env)) {
		cel_env_free(env);
		reader->no_memory = true;
		return NULL;
	}
	return env;
}

/*
 * The environment of a file's conditions where args is of that type: each
 * variable is typed by those before it.  With programs it keeps them; without,
 * it only looks for errors.
 */
static struct cel_env *
type_variables(struct reader *reader, struct scope_of_file *scope,
    const struct action_schema *action, bool keep)
{
	const struct cel_type *args = action == NULL ? NULL : action->type;
	struct cel_env *env = env_new(reader, args);

	for (size_t i = 0; i < scope->variable_count && env != NULL; i++) {
		struct variable *variable = &scope->variables[i];
		struct source source = {.expect = NULL};
		struct cel_program *program = NULL;
		struct cel_variable typed = {
		    variable->name, cel_type_of(CEL_T_DYN)};

		if (source_of(
			reader, variable->value, variable->name, &source)) {
			program = compile(reader, &source, env,
			    action == NULL ? NULL : action->action);
		}
		if (program != NULL) {
			typed.type = cel_program_type(program);
		}
		if (keep) {
			variable->program = program;
		}
		if (cel_env_add(env, &typed, NULL) != GK_OK) {
			reader->no_memory = true;
			env = NULL; /* the policy owns it */
		}
		if (!keep) {
			cel_program_free(program);
		}
	}
	return env;
}

void
expression_variables(struct reader *reader, const struct json_value *root,
    struct scope_of_file *scope)
{
	const struct json_value *object = json_get(root, "variables"), *item;
	struct gk_arena *arena = &reader->policy->arena;

	scope->env = reader->policy->env;
	if (object == NULL) {
		return;
	}
	if (json_type(object) != JSON_OBJECT ||
	    json_count(object) > FILE_VARIABLES_MAX) {
		field_wrong(reader, object, "name: expression",
		    "'variables': expected a mapping of at most %d",
		    FILE_VARIABLES_MAX);
	}
	if (json_type(object) != JSON_OBJECT) {
		return;
	}
	scope->variables = gk_arena_calloc(
	    arena, json_count(object) + 1, sizeof(*scope->variables));
	for (item = json_first(object);
	     item != NULL && scope->variables != NULL &&
	     scope->variable_count < FILE_VARIABLES_MAX;
	     item = json_next(item)) {
		struct variable *variable =
		    &scope->variables[scope->variable_count];

		if (!is_variable_name(json_name(item))) {
			field_wrong(reader, item,
			    "a-z 0-9 _, and none of the request's own names",
			    "'%s' can't be a variable's name", json_name(item));
			continue;
		}
		variable->value = item;
		variable->name = gk_arena_strdup(arena, json_name(item));
		scope->variable_count += variable->name != NULL;
	}
	scope->env = type_variables(reader, scope, NULL, true);
	if (scope->env == NULL) {
		scope->env = reader->policy->env;
		reader->no_memory = true;
	}
}

/* ---- rules ---- */

/* The file's environment under an action's schema; made once. */
static const struct cel_env *
schema_env(struct reader *reader, struct scope_of_file *scope, size_t i)
{
	const struct policy *policy = reader->policy;

	if (scope->variable_count == 0) {
		return policy->schemas[i].env;
	}
	if (scope->schema_envs == NULL) {
		scope->schema_envs = gk_arena_calloc(&reader->policy->arena,
		    policy->schema_count, sizeof(*scope->schema_envs));
	}
	if (scope->schema_envs == NULL) {
		reader->no_memory = true;
		return NULL;
	}
	if (scope->schema_envs[i] == NULL) {
		scope->schema_envs[i] =
		    type_variables(reader, scope, &policy->schemas[i], false);
	}
	return scope->schema_envs[i];
}

/*
 * Is the rule about this action?  One for "*" or "*.delete" is about many that
 * have little in common: it asks has(args.x) of all of them.
 */
static bool
is_about(const struct rule *rule, const char *action)
{
	for (size_t i = 0; i < rule->actions.count; i++) {
		const char *pattern = rule->actions.items[i];

		if (pattern[0] != '*' && name_glob(pattern, action)) {
			return true;
		}
	}
	return false;
}

/* The same text under the arguments' types of each action that the rule is about. */
static void
check_by_schemas(struct reader *reader, const struct source *source,
    const struct rule *rule, struct scope_of_file *scope)
{
	const struct policy *policy = reader->policy;

	for (size_t i = 0; i < policy->schema_count; i++) {
		const struct action_schema *action = &policy->schemas[i];
		const struct cel_env *env;
		size_t errors = reader->report->errors;

		if (!is_about(rule, action->action)) {
			continue;
		}
		env = schema_env(reader, scope, i);
		if (env != NULL && reader->report->errors == errors) {
			cel_program_free(
			    compile(reader, source, env, action->action));
		}
		if (reader->report->errors > errors) {
			return;
		}
	}
}

/* Does it look at args, itself or through a variable? */
static bool
uses_args(const struct cel_program *program, const struct scope_of_file *scope)
{
	bool by[FILE_VARIABLES_MAX] = {false};

	for (size_t i = 0; i < scope->variable_count; i++) {
		const struct cel_program *one = scope->variables[i].program;

		by[i] = one == NULL || cel_program_uses(one, SLOT_ARGS);
		for (unsigned k = 0; k < i && !by[i]; k++) {
			by[i] = by[k] && cel_program_uses(one, SLOT_COUNT + k);
		}
		if (by[i] &&
		    cel_program_uses(program, SLOT_COUNT + (unsigned)i)) {
			return true;
		}
	}
	return cel_program_uses(program, SLOT_ARGS);
}

struct cel_program *
expression_parse(struct reader *reader, const struct json_value *object,
    const char *key, const struct cel_type *expect, const struct rule *rule)
{
	const struct json_value *value = json_get(object, key);
	struct source source = {.expect = expect};
	struct cel_program *program;

	if (value == NULL || !source_of(reader, value, key, &source)) {
		return NULL;
	}
	program = compile(reader, &source, rule->where->env, NULL);
	if (program != NULL && uses_args(program, rule->where)) {
		check_by_schemas(reader, &source, rule, reader->scope);
	}
	return program;
}
