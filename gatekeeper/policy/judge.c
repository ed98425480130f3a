/* The judge: a request and a folder of rules → findings.  Pure: no clock, no state, no disk. */
#include <string.h>

#include "base/time.h"
#include "policy/policy_internal.h"

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

/* Does the caller claim only what its identity may assert? */
static bool
actor_is_permitted(const struct policy_input *input)
{
	const struct actor *actor = input->request->actor;

	if (actor == NULL) {
		return true;
	}
	if (!identity_may_act_for(input->caller, actor->id)) {
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

static void
find_shadow(struct findings *found, const struct rule *rule)
{
	struct shadow_finding *shadow;

	if (found->shadow_count == FINDINGS_SHADOW_MAX) {
		return;
	}
	shadow = &found->shadow[found->shadow_count++];
	shadow->rule = rule->id;
	shadow->reason = rule->reason;
	shadow->layer = LAYER_ACCESS;
	shadow->would =
	    rule->section == SECTION_ALLOW ? SHADOW_PASSES : SHADOW_STOPS;
}

/* The first stop rule decides; without one, the first allow rule lets pass. */
static void
find_access(struct findings *found, const struct rule *rule, bool *stopped)
{
	if (rule->shadow) {
		find_shadow(found, rule);
	} else if (rule->section == SECTION_STOP && !*stopped) {
		*stopped = true;
		found->access = ACCESS_STOPS;
		found->access_rule = rule->id;
		found->access_reason = rule->reason;
	} else if (rule->section == SECTION_ALLOW && !*stopped &&
		   found->access == ACCESS_STOPS) {
		found->access = ACCESS_PASSES;
		found->access_rule = rule->id;
		found->access_reason = rule->reason;
	}
}

static int64_t
cost_of(const struct rule *rule, const struct decision_request *request)
{
	if (rule->budget.cost_micros >= 0) {
		return rule->budget.cost_micros;
	}
	for (size_t i = 0; i < request->cost_count; i++) {
		if (strcmp(request->cost[i].unit, rule->budget.unit) == 0) {
			return request->cost[i].micros;
		}
	}
	return -1;
}

static void
find_rule(struct findings *found, const struct rule *rule,
    const struct policy_input *input, bool *stopped)
{
	struct budget_finding *budget;
	struct limit_finding *limit;

	switch (rule->section) {
	case SECTION_STOP:
	case SECTION_ALLOW:
		find_access(found, rule, stopped);
		break;
	case SECTION_LIMITS:
		limit = &found->limits[found->limit_count++];
		*limit = rule->limit;
		limit->subject = subject_of(rule->per, input);
		break;
	case SECTION_BUDGETS:
		budget = &found->budgets[found->budget_count++];
		*budget = rule->budget;
		budget->subject = subject_of(rule->per, input);
		budget->cost_micros = cost_of(rule, input->request);
		break;
	case SECTION_APPROVALS:
		found->approvals[found->approval_count++] = rule->approval;
		break;
	case SECTION_COUNT:
		break;
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

enum gk_rc
policy_judge(const struct policy *policy, const struct policy_input *input,
    struct gk_arena *arena, struct findings *ret_findings, struct gk_err *err)
{
	struct findings *found = ret_findings;
	unsigned *rules;
	size_t count;
	bool stopped;

	memset(found, 0, sizeof(*found));
	found->access_reason = "no_rule_allows";
	found->policy = policy->digest;
	stopped = !actor_is_permitted(input);
	if (stopped) {
		found->access_reason = "actor_not_permitted";
	}
	GK_TRY(index_find(
	    policy, input->request->action, arena, &rules, &count, err));
	GK_TRY(make_room(found, policy, rules, count, arena, err));
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = &policy->rules[rules[i]];

		if (rule_applies(rule, input)) {
			find_rule(found, rule, input, &stopped);
		}
	}
	find_results(found, policy, input);
	return GK_OK;
}

/* ---- explain ---- */

static const char *
why_not(const struct rule *rule, const struct policy_input *input)
{
	struct rule bare = *rule;

	if (!rule_names_action(rule, input->request->action)) {
		return "another action";
	}
	bare.roles.count = 0;
	if (!rule_applies(&bare, input)) {
		return "the file applies to other tenants or agents";
	}
	return rule_applies(rule, input) ? NULL : "none of its roles";
}

static enum gk_rc
explain_rule(const struct rule *rule, const struct policy_input *input,
    bool first, struct gk_buf *json, struct gk_err *err)
{
	const char *why = why_not(rule, input);

	/* ids, reasons and section words need no escapes */
	return gk_buf_printf(json, err,
	    "%s{\"id\":\"%s\",\"matches\":%s,\"reason\":\"%s\",\"section\":\"%"
	    "s\",\"shadow\":%s%s%s%s}",
	    first ? "" : ",", rule->id, why == NULL ? "true" : "false",
	    rule->reason, section_words[rule->section],
	    rule->shadow ? "true" : "false", why == NULL ? "" : ",\"why\":\"",
	    why == NULL ? "" : why, why == NULL ? "" : "\"");
}

enum gk_rc
policy_explain(const struct policy *policy, const struct policy_input *input,
    struct gk_buf *ret_json, struct gk_err *err)
{
	bool first = true;

	GK_TRY(gk_buf_printf(ret_json, err,
	    "{\"actor_permitted\":%s,\"policy\":\"%s\",\"rules\":[",
	    actor_is_permitted(input) ? "true" : "false", policy->digest));
	for (size_t i = 0; i < policy->rule_count; i++) {
		GK_TRY(explain_rule(
		    &policy->rules[i], input, first, ret_json, err));
		first = false;
	}
	return gk_buf_puts(ret_json, "]}", err);
}
