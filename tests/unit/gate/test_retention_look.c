/* Rules of audit.retention_openings: what they may say, and what is told of those that don't. */
#include <criterion/criterion.h>
#include <string.h>

#include "gate/retention.h"

static void
expect(const char *text, int kind, const char *tenant, int64_t age_us)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 16);
	struct gate_opening_rule rule;
	struct gk_err err = {.rc = GK_OK};

	cr_assert(gate__opening_rule_parse(text, &arena, &rule, &err) == GK_OK,
	    "%s: %s", text, err.text);
	cr_assert(gate_retention_rule_check(text, &err) == GK_OK);
	cr_assert_eq(rule.kind, kind);
	cr_assert_eq(rule.age_us, age_us);
	cr_assert(tenant == NULL ? rule.tenant == NULL
				 : strcmp(rule.tenant, tenant) == 0);
	cr_assert(strstr(rule.text, text) != NULL);
}

static void
expect_refused(const char *text, const char *why)
{
	GK_AUTO(gk_arena_done) struct gk_arena arena = GK_ARENA_INIT(1 << 16);
	struct gate_opening_rule rule = {.kind = -7};
	struct gk_err err = {.rc = GK_OK};

	cr_assert(
	    gate__opening_rule_parse(text, &arena, &rule, &err) == GK_E_INVALID,
	    "%s", text);
	cr_assert(strstr(err.text, why) != NULL, "%s", err.text);
	cr_assert(rule.kind == -7);
	cr_assert(gate_retention_rule_check(text, NULL) == GK_E_INVALID);
}

Test(retention_look, a_rule_names_a_kind_or_a_tenant_and_how_long)
{
	expect("kind=decision 90d", EVENT_DECISION, NULL, 90 * GK_US_PER_DAY);
	expect(
	    "kind=kill_switch 2h", EVENT_KILL_SWITCH, NULL, 2 * GK_US_PER_HOUR);
	expect("tenant=t_42 30d", EVENT_NONE, "t_42", 30 * GK_US_PER_DAY);
	expect("tenant=a:kind/x 1s", EVENT_NONE, "a:kind/x", GK_US_PER_S);
}

Test(retention_look, what_is_no_rule_is_refused_and_says_what_is_expected)
{
	static const char *const shapes[] = {"", "30d", "decision 30d",
	    "kind decision=30d", "kind=decision", "=decision 30d", "run=r1 30d",
	    "Kind=decision 30d", " kind=decision 30d"};
	static const char *const ages[] = {"kind=decision ", "kind=decision 30",
	    "kind=decision 30 d", "kind=decision 0d", "kind=decision -1d",
	    "kind=decision  30d", "kind=decision 30d ", "tenant=t_42 40000d"};

	for (size_t i = 0; i < GK_COUNT(shapes); i++) {
		expect_refused(
		    shapes[i], "expected such as \"kind=decision 30d");
	}
	for (size_t i = 0; i < GK_COUNT(ages); i++) {
		expect_refused(ages[i], "expected how long, such as 30d");
	}
	expect_refused("kind=decisoin 30d", "expected one of genesis");
	expect_refused("kind= 30d", "no such kind of event");
	expect_refused("tenant= 30d", "no tenant's id");
	expect_refused("tenant=a\tb 30d", "no tenant's id");
}
