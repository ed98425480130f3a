/*
 * Any bytes as the files of a policy folder (a zero byte lies between two): what
 * loads keeps its name in a bundle, and lets nothing pass but by an allow rule.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "policy/policy_internal.h"

enum { FILES_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *roles[] = {"support", "admin"};
static const char *globs[] = {"u_*"};
static struct actor person = {"user", "u_1", roles, 2};
static struct actor stranger = {"user", "root", roles, 1};
static struct identity caller = {.id = "agent-7",
    .kind = IDENTITY_AGENT,
    .agent = "support-agent",
    .may_actors = globs,
    .may_actor_count = 1,
    .may_roles = roles,
    .may_role_count = 2};

static bool
matches(const struct rule *rule, const struct policy_input *input)
{
	bool any = rule->actions.count == 0;

	for (size_t i = 0; i < rule->actions.count; i++) {
		any = any ||
		      name_glob(rule->actions.items[i], input->request->action);
	}
	return any && rule_applies(rule, input);
}

/* How many rules of a section match, by looking at each; the shadow's too if asked. */
static size_t
count_matches(const struct policy *policy, const struct policy_input *input,
    enum section section, bool shadow)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		n += rule->section == section && (shadow || !rule->shadow) &&
		     matches(rule, input);
	}
	return n;
}

static bool
is_allow_rule(const struct policy *policy, const struct policy_input *input,
    const char *id)
{
	for (size_t i = 0; id != NULL && i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (strcmp(rule->id, id) == 0) {
			return rule->section == SECTION_ALLOW &&
			       !rule->shadow && matches(rule, input);
		}
	}
	return false;
}

static void
check_findings(const struct policy *policy, const struct policy_input *input,
    const struct findings *found)
{
	bool passes = found->access == ACCESS_PASSES;

	GK_ASSERT(!passes || is_allow_rule(policy, input, found->access_rule));
	GK_ASSERT(!passes || input->request->actor != &stranger);
	GK_ASSERT(
	    !passes || count_matches(policy, input, SECTION_STOP, false) == 0);
	GK_ASSERT(passes || input->request->actor == &stranger ||
		  count_matches(policy, input, SECTION_STOP, false) > 0 ||
		  count_matches(policy, input, SECTION_ALLOW, false) == 0);
	GK_ASSERT(found->limit_count ==
		  count_matches(policy, input, SECTION_LIMITS, true));
	GK_ASSERT(found->budget_count ==
		  count_matches(policy, input, SECTION_BUDGETS, true));
	GK_ASSERT(found->approval_count ==
		  count_matches(policy, input, SECTION_APPROVALS, true));
	GK_ASSERT(found->result_within_us > 0 && found->allow_valid_us > 0);
	for (size_t i = 0; i < found->limit_count; i++) {
		GK_ASSERT(found->limits[i].subject != NULL);
		GK_ASSERT(found->limits[i].kind != LIMIT_RATE ||
			  (found->limits[i].interval_ns > 0 &&
			      found->limits[i].burst > 0));
	}
	for (size_t i = 0; i < found->approval_count; i++) {
		GK_ASSERT(found->approvals[i].group_count > 0);
		GK_ASSERT(found->approvals[i].needed > 0);
	}
}

static void
judge(const struct policy *policy, const char *action, struct actor *actor)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(64 << 20);
	GK_AUTO(gk_buf_done) struct gk_buf json = GK_BUF_INIT(64 << 20);
	struct decision_request request = {.run_id = "run_1",
	    .step_id = "1",
	    .action = action,
	    .actor = actor,
	    .cost = {{"usd", 20000}},
	    .cost_count = 1};
	struct policy_input input = {.request = &request,
	    .caller = &caller,
	    .tenant = "t_42",
	    .asked_at_us = 1};
	struct findings found;

	GK_ASSERT(policy_judge(policy, &input, &arena, &found, NULL) == GK_OK);
	check_findings(policy, &input, &found);
	GK_ASSERT(policy_explain(policy, &input, &json, NULL) == GK_OK);
}

static void
check_bundle(const struct policy *policy)
{
	GK_AUTO(policy_unpinp) struct policy *again = NULL;
	struct policy_report report = {.errors = 0};
	const char *bundle, *bundle_again;
	size_t n, n_again;

	bundle = policy_bundle(policy, &n);
	GK_ASSERT(
	    policy_load_bundle(bundle, n, &again, &report, NULL) == GK_OK);
	policy_report_done(&report);
	bundle_again = policy_bundle(again, &n_again);
	GK_ASSERT(n == n_again && memcmp(bundle, bundle_again, n) == 0);
	GK_ASSERT(strcmp(policy_digest(policy), policy_digest(again)) == 0);
	GK_ASSERT(policy_rule_count(policy) == policy_rule_count(again));
}

static void
check_report(const struct policy_report *report, enum gk_rc rc)
{
	GK_ASSERT((rc == GK_OK) == (report->errors == 0));
	for (size_t i = 0; i < report->count; i++) {
		const struct policy_problem *p = &report->problems[i];

		GK_ASSERT(p->text[0] != '\0');
		GK_ASSERT(json_check_text(p->text, strlen(p->text)));
		GK_ASSERT(p->source == NULL ||
			  json_check_text(p->source, strlen(p->source)));
		GK_ASSERT(p->hint == NULL ||
			  json_check_text(p->hint, strlen(p->hint)));
	}
}

static void
load(const struct policy_text *texts, size_t count)
{
	GK_AUTO(policy_unpinp) struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};
	enum gk_rc rc = load_texts(texts, count, &policy, &report, NULL);

	check_report(&report, rc);
	policy_report_done(&report);
	if (rc == GK_OK) {
		check_bundle(policy);
		judge(policy, "crm.search", &person);
		judge(policy, "refund.create", NULL);
		judge(policy, "a.b.delete", &stranger);
	}
}

/* As a bundle too, when it says it is one. */
static void
load_bundle(const char *bytes, size_t n)
{
	GK_AUTO(policy_unpinp) struct policy *policy = NULL;
	struct policy_report report = {.errors = 0};

	if (policy_load_bundle(bytes, n, &policy, &report, NULL) == GK_OK) {
		check_bundle(policy);
	}
	policy_report_done(&report);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[FILES_MAX] = {
	    "a.yaml", "b.yaml", "c.yaml", "d.yaml"};
	struct policy_text texts[FILES_MAX];
	const char *at = (const char *)data, *end = at + size;
	size_t count = 0;

	if (size > 1 << 16 || digest_init(NULL) != GK_OK) {
		return 0;
	}
	if (size > 0 && *at == '{') {
		load_bundle(at, size);
	}
	for (; count < FILES_MAX && at < end; count++) {
		const char *stop = memchr(at, '\0', (size_t)(end - at));

		stop = stop == NULL ? end : stop;
		texts[count] =
		    (struct policy_text){names[count], at, (size_t)(stop - at)};
		at = stop + 1;
	}
	/* texts end with a zero byte when they come from files */
	for (size_t i = 0; i < count; i++) {
		char *copy = strndup(texts[i].bytes, texts[i].n);

		GK_ASSERT(copy != NULL);
		texts[i].bytes = copy;
	}
	load(texts, count);
	for (size_t i = 0; i < count; i++) {
		free((char *)(uintptr_t)texts[i].bytes);
	}
	return 0;
}
