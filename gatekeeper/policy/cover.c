/* Which rules a request reaches, and how their conditions ended: for the coverage of tests. */
#include "policy/condition.h"
#include "policy/policy_internal.h"
#include "policy/schema.h"

void
policy_rule_at(const struct policy *policy, size_t i, struct policy_rule *ret)
{
	const struct rule *rule = &policy->rules[i];

	*ret = (struct policy_rule){.file = rule->where->file,
	    .line = rule->at.line,
	    .section = section_words[rule->section],
	    .id = rule->id,
	    .shadow = rule->shadow,
	    .conditional = rule->when != NULL,
	    .reason = rule->reason,
	    .per = rule->per,
	    .limit = rule->section == SECTION_LIMITS ? &rule->limit : NULL,
	    .budget = rule->section == SECTION_BUDGETS ? &rule->budget : NULL};
}

static unsigned
mark_of(const struct rule *rule, struct condition_input *vars)
{
	if (!rule_names_action(rule, vars->input->request->action) ||
	    !rule_applies(rule, vars->input)) {
		return 0;
	}
	if (rule->when == NULL) {
		return COVER_APPLIED;
	}
	switch (condition_ask(rule->when, rule->where, vars, NULL, NULL)) {
	case CONDITION_TRUE:
		return COVER_APPLIED | COVER_TRUE;
	case CONDITION_FALSE:
		return COVER_FALSE;
	case CONDITION_FAILS:
	case CONDITION_UNKNOWN:
		break;
	}
	return rule->section == SECTION_ALLOW ? 0 : COVER_APPLIED;
}

/* Does one of the enforced rules of the sections [from, to) apply? */
static bool
mark_sections(const struct policy *policy, struct condition_input *vars,
    enum section from, enum section to, uint8_t *marks)
{
	bool applied = false;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		unsigned mark;

		if (rule->section < from || rule->section >= to) {
			continue;
		}
		mark = mark_of(rule, vars);
		marks[i] = (uint8_t)(marks[i] | mark);
		applied =
		    applied || ((mark & COVER_APPLIED) != 0 && !rule->shadow);
	}
	return applied;
}

void
policy_cover(const struct policy *policy, const struct policy_input *input,
    uint8_t *marks)
{
	const struct action_schema *action =
	    actions_find(policy, input->request->action);
	const struct schema *schema = action == NULL ? NULL : action->schema;
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(4u << 20);
	GK_AUTO(condition_input_done) struct condition_input vars;

	condition_input_init(&vars, input, schema, &arena);
	if (!actor_is_permitted(input) ||
	    (schema != NULL &&
		!schema_fits(schema, input->request->args, NULL))) {
		return;
	}
	if (!mark_sections(policy, &vars, SECTION_STOP, SECTION_ALLOW, marks) &&
	    mark_sections(
		policy, &vars, SECTION_ALLOW, SECTION_LIMITS, marks)) {
		(void)mark_sections(
		    policy, &vars, SECTION_LIMITS, SECTION_COUNT, marks);
	}
}
