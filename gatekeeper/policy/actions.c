/* Action schemas: schema/actions/<action>.schema.json → what args must be, and the types that conditions see. */
#include <string.h>

#include "policy/condition.h"
#include "policy/policy_internal.h"
#include "policy/schema.h"

#define ACTIONS_SUFFIX ".schema.json"

bool
actions_is_schema(const char *name)
{
	size_t n = strlen(name), folder = strlen(ACTIONS_FOLDER),
	       suffix = strlen(ACTIONS_SUFFIX);

	return n > folder + suffix &&
	       strncmp(name, ACTIONS_FOLDER, folder) == 0 &&
	       strcmp(name + n - suffix, ACTIONS_SUFFIX) == 0;
}

/* One file; what is wrong with it is told. */
static enum gk_rc
load_one(struct policy *policy, const struct policy_text *text,
    struct policy_report *report, struct gk_err *err)
{
	struct action_schema *action = &policy->schemas[policy->schema_count];
	struct problem_place place = {text->name, {0, 0}, NULL, 0};
	size_t folder = strlen(ACTIONS_FOLDER);
	struct gk_err local = {0};

	action->file = gk_arena_strdup(&policy->arena, text->name);
	action->action = gk_arena_strndup(&policy->arena, text->name + folder,
	    strlen(text->name) - folder - strlen(ACTIONS_SUFFIX));
	if (action->file == NULL || action->action == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "policy");
	}
	if (!name_is_action(action->action)) {
		report_add(report, false, &place,
		    "the file's name is <action>.schema.json",
		    "'%s' isn't an action's name", action->action);
		return GK_OK;
	}
	if (schema_parse(text->bytes, text->n, &policy->arena, &action->schema,
		&local) != GK_OK) {
		report_add(report, false, &place, NULL, "%s%s%s", local.where,
		    local.where[0] == '\0' ? "" : ": ", local.text);
		return local.rc == GK_E_NOMEM
			   ? GK_FAIL(err, GK_E_NOMEM, "policy")
			   : GK_OK;
	}
	policy->schema_count++;
	action->type = schema_type(action->schema, &policy->arena);
	if (action->type == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "policy");
	}
	GK_TRY(
	    condition_env_new(action->type, &policy->arena, &action->env, err));
	return gk_map_set(&policy->schema_by_action, action->action,
	    strlen(action->action), action, err);
}

enum gk_rc
actions_load(struct policy *policy, const struct policy_text *texts,
    size_t count, struct policy_report *report, struct gk_err *err)
{
	size_t schemas = 0;

	GK_TRY(condition_env_new(NULL, &policy->arena, &policy->env, err));
	for (size_t i = 0; i < count; i++) {
		schemas += actions_is_schema(texts[i].name);
	}
	if (schemas == 0) {
		return GK_OK;
	}
	policy->schemas =
	    gk_arena_calloc(&policy->arena, schemas, sizeof(*policy->schemas));
	if (policy->schemas == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "policy");
	}
	for (size_t i = 0; i < count; i++) {
		if (actions_is_schema(texts[i].name)) {
			GK_TRY(load_one(policy, &texts[i], report, err));
		}
	}
	return GK_OK;
}

void
actions_done(struct policy *policy)
{
	for (size_t i = 0; i < policy->schema_count; i++) {
		cel_env_free(policy->schemas[i].env);
		schema_done(policy->schemas[i].schema);
	}
	gk_map_done(&policy->schema_by_action);
}

const struct action_schema *
actions_find(const struct policy *policy, const char *action)
{
	return gk_map_get(&policy->schema_by_action, action, strlen(action));
}
