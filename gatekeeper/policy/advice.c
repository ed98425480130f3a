/* Warnings: rules that parse, but can hardly be meant so. */
#include <string.h>

#include "policy/policy_internal.h"

/* How many rules and globs are compared in all; then no more advice. */
enum { COMPARED_MAX = 1000000 };

struct advice {
	struct policy *policy;
	struct policy_report *report;
	size_t compared;
};

/* Does the glob a name everything that glob b names?  Sure only when true. */
static bool
glob_covers(const char *a, const char *b)
{
	if (strchr(b, '*') == NULL) {
		return name_glob(a, b);
	}
	/* a literal text with one star at an end covers by its prefix or suffix */
	return strcmp(a, b) == 0 || strcmp(a, "*") == 0 ||
	       (strchr(a, '*') == a + strlen(a) - 1 &&
		   strncmp(a, b, strlen(a) - 1) == 0);
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
warn(struct policy_report *report, const struct rule *rule, const char *hint,
    const char *text, const char *other)
{
	struct problem_place place = {
	    rule->where->file, {rule->line, 0}, NULL, 0};

	report_add(report, true, &place, hint, "rule '%s' %s%s%s%s", rule->id,
	    text, other == NULL ? "" : " '", other == NULL ? "" : other,
	    other == NULL ? "" : "'");
}

static void
advise_allow(struct advice *advice, const struct rule *rule)
{
	const struct policy *policy = advice->policy;
	struct policy_report *report = advice->report;

	for (size_t i = 0; i < rule->actions.count; i++) {
		if (strcmp(rule->actions.items[i], "*") == 0 &&
		    rule->roles.count == 0) {
			warn(report, rule, "name the actions that are meant",
			    "allows every action to everybody", NULL);
		}
	}
	for (size_t i = 0;
	     i < policy->rule_count && advice->compared++ < COMPARED_MAX; i++) {
		const struct rule *other = &policy->rules[i];

		if (other->section == SECTION_STOP && !other->shadow &&
		    other->roles.count == 0 && other->where == rule->where &&
		    actions_cover(advice, other, rule)) {
			warn(report, rule, NULL,
			    "can never let anything pass: everything it names "
			    "is stopped by",
			    other->id);
			return;
		}
	}
}

void
advice_give(struct policy *policy, struct policy_report *report)
{
	struct advice advice = {policy, report, 0};
	bool any_allow = false;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		any_allow = any_allow || rule->section == SECTION_ALLOW;
		if (rule->section == SECTION_ALLOW && !rule->shadow &&
		    advice.compared < COMPARED_MAX) {
			advise_allow(&advice, rule);
		}
	}
	if (!any_allow) {
		struct problem_place place = {"", {0, 0}, NULL, 0};

		report_add(report, true, &place, "add a rule to 'allow'",
		    "no rule allows anything: every action will be stopped");
	}
}
