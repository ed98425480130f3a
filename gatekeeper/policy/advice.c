/* Warnings: rules that parse, but can hardly be meant so. */
#include <string.h>

#include "policy/policy_internal.h"

/* How many rules and globs are compared in all; then no more advice. */
enum { COMPARED_MAX = 1000000 };

struct advice {
	const struct policy *policy;
	const struct policy_text *texts;
	size_t count; /* of texts */
	struct policy_report *report;
	size_t compared;
};

/*
 * Does the glob a name everything that glob b names?  Sure only when true: where
 * a matches b's own characters, its stars hold b's, whatever those stand for.
 */
static bool
glob_covers(const char *a, const char *b)
{
	return name_glob(a, b);
}

/* Is whoever b's file is about subject to a's file too?  Sure only when true. */
static bool
scope_covers(const struct scope_of_file *a, const struct scope_of_file *b)
{
	return a == b || (a->tenants.count == 0 && a->agents.count == 0);
}

static bool
actions_cover(struct advice *advice, const struct rule *a, const struct rule *b)
{
	for (size_t k = 0; k < b->actions.count; k++) {
		bool found = false;

		for (size_t i = 0; i < a->actions.count && !found; i++) {
			found = advice->compared++ < COMPARED_MAX &&
				glob_covers(
				    a->actions.items[i], b->actions.items[k]);
		}
		if (!found) {
			return false;
		}
	}
	return b->actions.count > 0;
}

static void
warn(struct advice *advice, const struct rule *rule, const char *hint,
    const char *text, const char *other)
{
	struct problem_place place = {rule->where->file, rule->at, NULL, 0};

	for (size_t i = 0; i < advice->count; i++) {
		if (strcmp(advice->texts[i].name, place.file) == 0) {
			place.bytes = advice->texts[i].bytes;
			place.n = advice->texts[i].n;
		}
	}
	report_add(advice->report, true, &place, hint, "rule '%s' %s%s%s%s",
	    rule->id, text, other == NULL ? "" : " '",
	    other == NULL ? "" : other, other == NULL ? "" : "'");
}

static void
advise_allow(struct advice *advice, const struct rule *rule)
{
	const struct policy *policy = advice->policy;

	for (size_t i = 0; i < rule->actions.count; i++) {
		if (strcmp(rule->actions.items[i], "*") == 0 &&
		    rule->roles.count == 0 && rule->when == NULL) {
			warn(advice, rule, "name the actions that are meant",
			    "allows every action to everybody", NULL);
		}
	}
	for (size_t i = 0;
	     i < policy->rule_count && advice->compared++ < COMPARED_MAX; i++) {
		const struct rule *other = &policy->rules[i];

		if (other->section == SECTION_STOP && !other->shadow &&
		    other->roles.count == 0 && other->when == NULL &&
		    scope_covers(other->where, rule->where) &&
		    actions_cover(advice, other, rule)) {
			warn(advice, rule, NULL,
			    "can never let anything pass: everything it names "
			    "is stopped by",
			    other->id);
			return;
		}
	}
}

/* Does a name exist that both globs name?  Sure only when false. */
static bool
globs_meet(const char *a, const char *b)
{
	return name_glob(a, b) || name_glob(b, a) ||
	       (strchr(a, '*') != NULL && strchr(b, '*') != NULL);
}

static bool
actions_meet(struct advice *advice, const struct rule *a, const struct rule *b)
{
	for (size_t i = 0; i < a->actions.count; i++) {
		for (size_t k = 0; k < b->actions.count; k++) {
			if (advice->compared++ >= COMPARED_MAX ||
			    globs_meet(
				a->actions.items[i], b->actions.items[k])) {
				return true;
			}
		}
	}
	return a->actions.count == 0 || b->actions.count == 0;
}

/* Limits, budgets and approvals are for what is allowed. */
static void
advise_later(struct advice *advice, const struct rule *rule)
{
	const struct policy *policy = advice->policy;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *other = &policy->rules[i];

		if (other->section == SECTION_ALLOW &&
		    actions_meet(advice, other, rule)) {
			return;
		}
	}
	warn(advice, rule, NULL, "never applies: no rule allows what it names",
	    NULL);
}

/* A rule that another one of its section always comes before. */
static void
advise_order(struct advice *advice, size_t at)
{
	const struct policy *policy = advice->policy;
	const struct rule *rule = &policy->rules[at];

	for (size_t i = 0; i < at && advice->compared++ < COMPARED_MAX; i++) {
		const struct rule *other = &policy->rules[i];

		if (other->section == rule->section && !other->shadow &&
		    other->roles.count == 0 && other->when == NULL &&
		    scope_covers(other->where, rule->where) &&
		    actions_cover(advice, other, rule)) {
			warn(advice, rule, "put it first, or leave it out",
			    "never decides: everything it names is decided by",
			    other->id);
			return;
		}
	}
}

/* A condition that no request can change. */
static void
advise_condition(struct advice *advice, const struct rule *rule)
{
	const struct cel_value *value =
	    rule->when == NULL ? NULL : cel_program_constant(rule->when);

	if (value == NULL || value->kind != CEL_BOOL) {
		return;
	}
	if (value->as.boolean) {
		warn(advice, rule, "leave 'when' out",
		    "has a condition that is always true", NULL);
	} else {
		warn(advice, rule, NULL,
		    "never applies: its condition is always false", NULL);
	}
}

/* Who would be told of what is over by then? */
static void
advise_escalation(struct advice *advice, const struct rule *rule)
{
	if (rule->approval.escalate_after_us >= rule->approval.expires_us) {
		warn(advice, rule, "escalate sooner, or let it expire later",
		    "never escalates: it has expired by then", NULL);
	}
}

static void
advise_rule(struct advice *advice, size_t at)
{
	const struct rule *rule = &advice->policy->rules[at];

	switch (rule->section) {
	case SECTION_STOP:
		advise_order(advice, at);
		break;
	case SECTION_ALLOW:
		advise_allow(advice, rule);
		advise_order(advice, at);
		break;
	case SECTION_LIMITS:
	case SECTION_BUDGETS:
		advise_later(advice, rule);
		break;
	case SECTION_APPROVALS:
		advise_later(advice, rule);
		advise_escalation(advice, rule);
		break;
	case SECTION_COUNT:
		break;
	}
}

void
advice_give(const struct policy *policy, const struct policy_text *texts,
    size_t count, struct policy_report *report)
{
	struct advice advice = {policy, texts, count, report, 0};
	bool any_allow = false;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		any_allow = any_allow || rule->section == SECTION_ALLOW;
		advise_condition(&advice, rule);
		if (!rule->shadow && advice.compared < COMPARED_MAX) {
			advise_rule(&advice, i);
		}
	}
	if (!any_allow) {
		struct problem_place place = {"", {0, 0}, NULL, 0};

		report_add(report, true, &place, "add a rule to 'allow'",
		    "no rule allows anything: every action will be stopped");
	}
}
