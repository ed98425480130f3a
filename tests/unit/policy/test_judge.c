/* Judging: which rules match, which layer speaks, and that many rules cost little. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "policy/policy_internal.h"

static const char text[] =
    "policy: p\n"
    "stop:\n"
    "  - {id: no-del, actions: ['*.delete'], reason: no_delete}\n"
    "  - {id: shade, actions: [crm.search], mode: shadow, reason: maybe}\n"
    "allow:\n"
    "  - {id: reads, actions: [crm.search, 'kb.*'], roles: [support]}\n"
    "  - {id: any, actions: [ping, x.delete]}\n"
    "limits:\n"
    "  - {id: rate, actions: ['crm.*'], per: tenant, rate: 60/min, burst: 10}\n"
    "  - {id: steps, per: run, max: 200}\n"
    "budgets:\n"
    "  - {id: fix, actions: [ping], per: agent, unit: usd, amount: '2', every: "
    "day, cost: '0.5'}\n"
    "  - {id: own, actions: [ping], per: actor, unit: tokens, amount: 100, "
    "every: hour}\n"
    "approvals:\n"
    "  - {id: ask, actions: [ping], approvers: {groups: [finance], count: 2}, "
    "show: [/a], risk: high}\n"
    "results: {within: 1m}\n";

static struct policy *policy;
static struct gk_arena arena;
static struct findings found;

static void
setup(void)
{
	struct policy_text one = {"p.yaml", text, sizeof(text) - 1};
	struct policy_report report = {.errors = 0};

	arena.cap = 1 << 22;
	cr_assert(digest_init(NULL) == GK_OK);
	cr_assert(load_texts(&one, 1, &policy, &report, NULL) == GK_OK);
	policy_report_done(&report);
}

static void
teardown(void)
{
	policy_unpin(policy);
	gk_arena_done(&arena);
}

TestSuite(policy_judge, .init = setup, .fini = teardown);

static const char *globs[] = {"u_*"};
static const char *may_roles[] = {"support"};

static void
judge(const char *action, const char *actor_id, const char *role)
{
	const char *roles[] = {role};
	struct actor actor = {"user", actor_id, roles, role == NULL ? 0 : 1};
	struct identity caller = {.id = "agent-7",
	    .kind = IDENTITY_AGENT,
	    .may_actors = globs,
	    .may_actor_count = 1,
	    .may_roles = may_roles,
	    .may_role_count = 1};
	struct decision_request request = {.run_id = "r",
	    .step_id = "1",
	    .action = action,
	    .actor = actor_id == NULL ? NULL : &actor};
	struct policy_input input = {.request = &request,
	    .caller = &caller,
	    .tenant = "t1",
	    .asked_at_us = 1};

	cr_assert(policy_judge(policy, &input, &arena, &found, NULL) == GK_OK);
}

Test(policy_judge, what_no_rule_allows_is_stopped)
{
	judge("unknown", NULL, NULL);
	cr_assert(found.access == ACCESS_STOPS);
	cr_assert_str_eq(found.access_reason, "no_rule_allows");
	cr_assert(found.access_rule == NULL);
}

Test(policy_judge, an_explicit_stop_beats_every_allow)
{
	judge("x.delete", NULL, NULL);
	cr_assert(found.access == ACCESS_STOPS);
	cr_assert_str_eq(found.access_rule, "no-del");
	cr_assert_str_eq(found.access_reason, "no_delete");
}

Test(policy_judge, a_role_opens_only_to_those_who_have_it)
{
	judge("kb.read", "u_1", "support");
	cr_assert(found.access == ACCESS_PASSES);
	judge("kb.read", "u_1", NULL);
	cr_assert(found.access == ACCESS_STOPS);
	judge("kb.read", NULL, NULL);
	cr_assert(found.access == ACCESS_STOPS);
}

Test(policy_judge, claims_beyond_the_identity_are_not_permitted)
{
	judge("ping", "u_1", "admin");
	cr_assert_str_eq(found.access_reason, "actor_not_permitted");
	cr_assert(found.access == ACCESS_STOPS);
	judge("ping", "root", NULL);
	cr_assert_str_eq(found.access_reason, "actor_not_permitted");
}

Test(policy_judge, limits_budgets_and_approvals_are_found_with_their_subjects)
{
	judge("ping", "u_1", NULL);
	cr_assert(found.access == ACCESS_PASSES);
	cr_assert(found.limit_count == 1 && found.limits[0].max == 200);
	cr_assert(found.budget_count == 2);
	cr_assert_str_eq(found.budgets[0].subject, "agent-7");
	cr_assert(found.budgets[0].cost_micros == 500000);
	cr_assert_str_eq(found.budgets[1].subject, "u_1");
	cr_assert(found.budgets[1].cost_micros == -1);
	cr_assert(found.approval_count == 1 && found.approvals[0].needed == 2);
	cr_assert_eq(found.approvals[0].risk, RISK_HIGH);
	cr_assert(found.result_within_us == 60000000);
	judge("crm.search", "u_1", "support");
	cr_assert(found.limit_count == 2);
	cr_assert(found.limits[0].interval_ns == 1000000000);
	cr_assert(found.limits[0].burst == 10);
	cr_assert(found.shadow_count == 1);
	cr_assert(found.access == ACCESS_PASSES);
}

Test(policy_judge, as_many_shadows_as_there_is_room_for_are_told)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 16);
	struct policy_report report = {.errors = 0};
	struct policy_text one = {.name = "p.yaml"};

	cr_assert(gk_buf_puts(&buf,
		      "policy: p\nallow: [{id: r, actions: [ping]}]\nstop:\n",
		      NULL) == GK_OK);
	for (int i = 0; i <= FINDINGS_SHADOW_MAX; i++) {
		cr_assert(gk_buf_printf(&buf, NULL,
			      "  - {id: s%d, actions: [ping], mode: shadow}\n",
			      i) == GK_OK);
	}
	one.bytes = gk_buf_text(&buf);
	one.n = buf.len;
	policy_unpin(policy);
	cr_assert(load_texts(&one, 1, &policy, &report, NULL) == GK_OK);
	policy_report_done(&report);
	judge("ping", NULL, NULL);
	cr_assert(found.access == ACCESS_PASSES);
	cr_assert(found.shadow_count == FINDINGS_SHADOW_MAX);
	cr_assert_str_eq(found.shadow[FINDINGS_SHADOW_MAX - 1].rule, "s15");
}

/* "" where the rule matches, else why it doesn't. */
static const char *
why_of(const struct json_value *rules, const char *id)
{
	const struct json_value *rule = json_first(rules);

	while (rule != NULL &&
	       strcmp(json_string(json_get(rule, "id")), id) != 0) {
		rule = json_next(rule);
	}
	cr_assert(rule != NULL);
	cr_assert(json_bool(json_get(rule, "matches")) ==
		  (json_get(rule, "why") == NULL));
	return json_get(rule, "why") == NULL
		   ? ""
		   : json_string(json_get(rule, "why"));
}

Test(policy_judge, an_explanation_has_every_rule_and_why_it_does_not_match)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 16);
	GK_AUTO(json_freep) struct json_value *root = NULL;
	struct identity caller = {.id = "agent-7", .kind = IDENTITY_AGENT};
	struct decision_request request = {
	    .run_id = "r", .step_id = "1", .action = "crm.search"};
	struct policy_input input = {.request = &request,
	    .caller = &caller,
	    .tenant = "t1",
	    .asked_at_us = 1};
	const struct json_value *rules;

	cr_assert(policy_explain(policy, &input, &buf, NULL) == GK_OK);
	cr_assert(json_parse(gk_buf_text(&buf), buf.len, &json_limits_request,
		      &root, NULL) == GK_OK);
	rules = json_get(root, "rules");
	cr_assert(json_bool(json_get(root, "actor_permitted")));
	cr_assert_str_eq(
	    json_string(json_get(root, "policy")), policy_digest(policy));
	cr_assert(json_count(rules) == policy_rule_count(policy));
	cr_assert_str_eq(why_of(rules, "shade"), "");
	cr_assert_str_eq(why_of(rules, "rate"), "");
	cr_assert_str_eq(why_of(rules, "steps"), "");
	cr_assert_str_eq(why_of(rules, "no-del"), "another action");
	cr_assert_str_eq(why_of(rules, "reads"), "none of its roles");
}

Test(policy_judge, ten_thousand_rules_for_other_actions_are_not_looked_at)
{
	struct gk_buf buf = GK_BUF_INIT(4 << 20);
	struct policy_report report = {.errors = 0};
	struct policy *large = NULL;
	struct policy_text one = {.name = "p.yaml"};
	unsigned *rules;
	size_t count;

	cr_assert(gk_buf_puts(&buf, "policy: p\nallow:\n", NULL) == GK_OK);
	for (int i = 0; i < 10000; i++) {
		cr_assert(
		    gk_buf_printf(&buf, NULL,
			"  - {id: r%d, actions: [a%d, 'b%d.*', '*.c%d']}\n", i,
			i, i, i) == GK_OK);
	}
	one.bytes = gk_buf_text(&buf);
	one.n = buf.len;
	cr_assert(load_texts(&one, 1, &large, &report, NULL) == GK_OK);
	cr_assert(
	    index_find(large, "b77.x", &arena, &rules, &count, NULL) == GK_OK);
	cr_assert(count == 1 && rules[0] == 77);
	cr_assert(index_find(large, "q.c9999", &arena, &rules, &count, NULL) ==
		  GK_OK);
	cr_assert(count == 1 && rules[0] == 9999);
	cr_assert(
	    index_find(large, "a5", &arena, &rules, &count, NULL) == GK_OK);
	cr_assert(count == 1 && rules[0] == 5);
	policy_unpin(large);
	policy_report_done(&report);
	gk_buf_done(&buf);
}

/* Each takes most of what one may; all together would take far more than a request may. */
Test(policy_judge, many_dear_conditions_end_by_failing_and_open_nothing)
{
	struct gk_buf buf = GK_BUF_INIT(1 << 20);
	struct policy_report report = {.errors = 0};
	struct policy *dear = NULL;
	struct policy_text one = {.name = "p.yaml"};
	struct json_value *args = json_new_object(), *list = json_new_array();
	struct identity caller = {.id = "agent-7", .kind = IDENTITY_AGENT};
	struct decision_request request = {
	    .run_id = "r", .step_id = "1", .action = "a", .args = args};
	struct policy_input input = {
	    .request = &request, .caller = &caller, .asked_at_us = 1};

	cr_assert(gk_buf_puts(&buf, "policy: p\nlimits:\n", NULL) == GK_OK);
	for (int i = 0; i < 60; i++) {
		cr_assert(gk_buf_printf(&buf, NULL,
			      "  - {id: r%d, actions: [a], per: run, max: 9, "
			      "when: \"args.l.exists(x, args.l.exists(y, x + y "
			      "== -1))\"}\n",
			      i) == GK_OK);
	}
	for (int i = 0; i < 100; i++) {
		struct json_value *item = json_new_number(i);

		cr_assert(json_append(list, &item, NULL) == GK_OK);
	}
	cr_assert(json_set(args, "l", &list, NULL) == GK_OK);
	one.bytes = gk_buf_text(&buf);
	one.n = buf.len;
	cr_assert(load_texts(&one, 1, &dear, &report, NULL) == GK_OK);
	cr_assert(policy_judge(dear, &input, &arena, &found, NULL) == GK_OK);
	cr_expect(found.limit_count > 30 && found.limit_count < 59, "%zu",
	    found.limit_count);
	for (size_t i = 0; i < found.limit_count; i++) {
		cr_expect_str_eq(found.limits[i].reason, "condition_error");
	}
	cr_expect_str_eq(found.limits[found.limit_count - 1].rule, "r59");
	policy_unpin(dear);
	policy_report_done(&report);
	json_free(args);
	gk_buf_done(&buf);
}
