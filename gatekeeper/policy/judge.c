/* The judge: a request and a folder of rules → findings.  Pure: no clock, no state, no disk. */
#include <string.h>

#include "base/time.h"
#include "policy/condition.h"
#include "policy/policy_internal.h"
#include "policy/schema.h"

static bool
any_glob(const struct texts *globs, const char *text)
{
	for (size_t i = 0; i < globs->count; i++) {
		if (name_glob(globs->items[i], text)) {
			return true;
		}
	}
	return false;
}

static bool
has_role(const struct texts *roles, const struct actor *actor)
{
	for (size_t i = 0; actor != NULL && i < actor->role_count; i++) {
		for (size_t k = 0; k < roles->count; k++) {
			if (strcmp(actor->roles[i], roles->items[k]) == 0) {
				return true;
			}
		}
	}
	return false;
}

bool
rule_applies(const struct rule *rule, const struct policy_input *input)
{
	const struct scope_of_file *where = rule->where;
	const char *tenant = input->tenant == NULL ? "" : input->tenant;

	if (where->tenants.count > 0 && !any_glob(&where->tenants, tenant)) {
		return false;
	}
	if (where->agents.count > 0 &&
	    !any_glob(&where->agents, identity_agent(input->caller))) {
		return false;
	}
	return rule->roles.count == 0 ||
	       has_role(&rule->roles, input->request->actor);
}

static bool
file_applies(
    const struct scope_of_file *where, const struct policy_input *input)
{
	const struct rule bare = {.where = where};

	return rule_applies(&bare, input);
}

bool
actor_is_permitted(const struct policy_input *input)
{
	const struct actor *actor = input->request->actor;

	if (actor == NULL) {
		return true;
	}
	if (input->actor_hidden
		? input->actor_refused
		: !identity_may_act_for(input->caller, actor->id)) {
		return false;
	}
	for (size_t i = 0; i < actor->role_count; i++) {
		if (!identity_may_claim_role(input->caller, actor->roles[i])) {
			return false;
		}
	}
	return true;
}

static const char *
subject_of(enum scope per, const struct policy_input *input)
{
	const struct decision_request *request = input->request;

	switch (per) {
	case SCOPE_TENANT:
		return input->tenant == NULL ? "" : input->tenant;
	case SCOPE_AGENT:
		return identity_agent(input->caller);
	case SCOPE_ACTOR:
		return request->actor == NULL ? "" : request->actor->id;
	case SCOPE_RUN:
		return request->run_id;
	case SCOPE_NONE:
	case SCOPE_GLOBAL:
	case SCOPE_COUNT:
		break;
	}
	return "";
}

/* One judgement under way. */
struct judging {
	const struct policy_input *input;
	struct condition_input *vars;
	struct findings *found;
	bool stopped; /* nothing can let it pass any more */
	const struct rule
	    *failed; /* the first allow rule whose condition failed */
};

static void
findings_unknown(struct findings *found, const char *rule)
{
	if (found->unknown_count < FINDINGS_UNKNOWN_MAX) {
		found->unknown[found->unknown_count++] = rule;
	}
}

static const char condition_error[] = "condition_error";

/*
 * Does the condition let the rule apply?  One that fails never opens: an allow
 * rule doesn't apply, all others do, with a reason that says why.
 */
static bool
condition_holds(
    struct judging *judging, const struct rule *rule, const char **ret_reason)
{
	enum condition_answer answer = CONDITION_TRUE;

	*ret_reason = rule->reason;
	if (rule->when != NULL) {
		answer = condition_ask(
		    rule->when, rule->where, judging->vars, NULL, NULL);
	}
	if (answer == CONDITION_UNKNOWN) {
		findings_unknown(judging->found, rule->id);
		return (rule->section == SECTION_ALLOW) ==
		       judging->input->unknown_opens;
	}
	if (answer == CONDITION_FAILS) {
		*ret_reason = condition_error;
		if (rule->section == SECTION_ALLOW && !rule->shadow &&
		    judging->failed == NULL) {
			judging->failed = rule;
		}
		return rule->section != SECTION_ALLOW;
	}
	return answer == CONDITION_TRUE;
}

static void
find_shadow(struct findings *found, const struct rule *rule, const char *reason)
{
	struct shadow_finding *shadow;

	if (found->shadow_count == FINDINGS_SHADOW_MAX) {
		return;
	}
	shadow = &found->shadow[found->shadow_count++];
	shadow->rule = rule->id;
	shadow->reason = reason;
	shadow->layer = LAYER_ACCESS;
	shadow->would =
	    rule->section == SECTION_ALLOW ? SHADOW_PASSES : SHADOW_STOPS;
}

/* The first stop rule decides; without one, the first allow rule lets pass. */
static void
find_access(struct judging *judging, const struct rule *rule)
{
	struct findings *found = judging->found;
	bool stops = rule->section == SECTION_STOP;
	const char *reason;

	if (!rule->shadow &&
	    (judging->stopped || (!stops && found->access == ACCESS_PASSES))) {
		return;
	}
	if (!condition_holds(judging, rule, &reason)) {
		return;
	}
	if (rule->shadow) {
		find_shadow(found, rule, reason);
		return;
	}
	judging->stopped = stops;
	found->access = stops ? ACCESS_STOPS : ACCESS_PASSES;
	found->access_rule = rule->id;
	found->access_reason = reason;
}

static int64_t
cost_in(const struct decision_request *request, const char *unit)
{
	for (size_t i = 0; i < request->cost_count; i++) {
		if (strcmp(request->cost[i].unit, unit) == 0) {
			return request->cost[i].micros;
		}
	}
	return -1;
}

static void
find_budget(
    struct judging *judging, const struct rule *rule, const char *reason)
{
	struct findings *found = judging->found;
	struct budget_finding *budget = &found->budgets[found->budget_count++];

	*budget = rule->budget;
	budget->reason = reason;
	budget->subject = subject_of(rule->per, judging->input);
	budget->cost_missing = "cost_missing";
	if (rule->cost != NULL) {
		budget->cost_missing = condition_error;
		if (!condition_cost(rule->cost, rule->where, judging->vars,
			&budget->cost_micros)) {
			budget->cost_micros = -1;
		}
	} else if (budget->cost_micros < 0) {
		budget->cost_micros =
		    cost_in(judging->input->request, budget->unit);
		if (budget->cost_micros < 0 && judging->input->cost_in_part) {
			findings_unknown(found, rule->id);
			budget->cost_micros = 0;
		}
	}
}

static void
find_rule(struct judging *judging, const struct rule *rule)
{
	struct findings *found = judging->found;
	struct limit_finding *limit;
	const char *reason;

	if (rule->section == SECTION_STOP || rule->section == SECTION_ALLOW) {
		find_access(judging, rule);
		return;
	}
	if (!condition_holds(judging, rule, &reason)) {
		return;
	}
	if (rule->section == SECTION_LIMITS) {
		limit = &found->limits[found->limit_count++];
		*limit = rule->limit;
		limit->reason = reason;
		limit->subject = subject_of(rule->per, judging->input);
	} else if (rule->section == SECTION_BUDGETS) {
		find_budget(judging, rule, reason);
	} else {
		found->approvals[found->approval_count] = rule->approval;
		found->approvals[found->approval_count++].reason = reason;
	}
}

/* Room for as many findings of each kind as rules matched. */
static enum gk_rc
make_room(struct findings *found, const struct policy *policy,
    const unsigned *rules, size_t count, struct gk_arena *arena,
    struct gk_err *err)
{
	size_t n[SECTION_COUNT] = {0};

	for (size_t i = 0; i < count; i++) {
		n[policy->rules[rules[i]].section]++;
	}
	found->limits =
	    gk_arena_calloc(arena, n[SECTION_LIMITS], sizeof(*found->limits));
	found->budgets =
	    gk_arena_calloc(arena, n[SECTION_BUDGETS], sizeof(*found->budgets));
	found->approvals = gk_arena_calloc(
	    arena, n[SECTION_APPROVALS], sizeof(*found->approvals));
	if (found->limits == NULL || found->budgets == NULL ||
	    found->approvals == NULL) {
		return GK_FAIL(
		    err, GK_E_LIMIT, "too many rules for one request");
	}
	return GK_OK;
}

/* The shortest times that any file in force for this request names. */
static void
find_results(struct findings *found, const struct policy *policy,
    const struct policy_input *input)
{
	int64_t within = INT64_MAX, valid = INT64_MAX;

	for (size_t i = 0; i < policy->file_count; i++) {
		const struct scope_of_file *file = policy->files[i];

		if ((file->result_within_us == 0 &&
			file->allow_valid_us == 0) ||
		    !file_applies(file, input)) {
			continue;
		}
		if (file->result_within_us != 0 &&
		    file->result_within_us < within) {
			within = file->result_within_us;
		}
		if (file->allow_valid_us != 0 && file->allow_valid_us < valid) {
			valid = file->allow_valid_us;
		}
	}
	found->result_within_us =
	    within == INT64_MAX ? 15 * GK_US_PER_MIN : within;
	found->allow_valid_us = valid == INT64_MAX ? 5 * GK_US_PER_MIN : valid;
}

/* What stops a request before any rule is looked at. */
static bool
is_refused(const struct policy_input *input, const struct schema *schema,
    struct findings *found)
{
	if (!actor_is_permitted(input)) {
		found->access_reason = "actor_not_permitted";
		return true;
	}
	if (schema != NULL && !input->args_in_part &&
	    !schema_fits(schema, input->request->args, NULL)) {
		found->access_reason = "invalid_args";
		return true;
	}
	return false;
}

static enum gk_rc
judge_rules(const struct policy *policy, struct judging *judging,
    struct gk_arena *arena, struct gk_err *err)
{
	struct findings *found = judging->found;
	unsigned *rules;
	size_t count;

	GK_TRY(index_find(policy, judging->input->request->action, arena,
	    &rules, &count, err));
	GK_TRY(make_room(found, policy, rules, count, arena, err));
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = &policy->rules[rules[i]];

		if (rule_applies(rule, judging->input)) {
			find_rule(judging, rule);
		}
	}
	if (found->access == ACCESS_STOPS && found->access_rule == NULL &&
	    !judging->stopped && judging->failed != NULL) {
		found->access_rule = judging->failed->id;
		found->access_reason = condition_error;
	}
	return GK_OK;
}

enum gk_rc
policy_judge(const struct policy *policy, const struct policy_input *input,
    struct gk_arena *arena, struct findings *ret_findings, struct gk_err *err)
{
	const struct action_schema *action =
	    actions_find(policy, input->request->action);
	const struct schema *schema = action == NULL ? NULL : action->schema;
	GK_AUTO(condition_input_done) struct condition_input vars;
	struct judging judging = {
	    .input = input, .vars = &vars, .found = ret_findings};

	condition_input_init(&vars, input, schema, arena);
	memset(ret_findings, 0, sizeof(*ret_findings));
	ret_findings->access_reason = "no_rule_allows";
	ret_findings->policy = policy->digest;
	judging.stopped = is_refused(input, schema, ret_findings);
	GK_TRY(judge_rules(policy, &judging, arena, err));
	find_results(ret_findings, policy, input);
	return GK_OK;
}
