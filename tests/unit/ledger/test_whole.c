/* Events that no settlement could have made are refused, and nothing they say overflows. */
#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

static struct charge rate = {.kind = CHARGE_RATE,
    .rule = "l",
    .key = "t",
    .per = SCOPE_TENANT,
    .tat_ns = 1};
static struct approval_rule asks = {
    .rule = "r", .digest = "sha256:r", .reason = "why", .needed = 1};
static struct approval_terms terms = {
    .id = "apr_x", .expires_us = 1, .rules = &asks, .rule_count = 1};
static struct event_switch thrown = {.id = "ksw_x", .scope = SCOPE_GLOBAL};

static struct event
decision(void)
{
	return (struct event){.kind = EVENT_DECISION,
	    .timestamp_us = INT64_C(1795000000000000),
	    .caller = "a1",
	    .agent_id = "a1",
	    .run_id = "r",
	    .step_id = "1",
	    .action_key = "ak1_a",
	    .has_decision = true,
	    .decision = DECISION_APPROVAL_REQUIRED,
	    .approval = &terms,
	    .charges = &rate,
	    .charge_count = 1};
}

/* How a fresh ledger takes the event. */
static enum gk_rc
apply(const struct event *event)
{
	static struct world world;
	enum gk_rc rc;

	world_init(&world);
	rc = ledger_apply(world.ledger, event, NULL);
	world_done(&world);
	return rc;
}

Test(ledger_whole, a_whole_decision_is_taken)
{
	struct event event = decision();

	cr_assert(apply(&event) == GK_OK);
}

Test(ledger_whole, a_charge_without_rule_key_kind_or_unit_is_refused)
{
	struct charge bad[5];
	struct event event = decision();

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		bad[i] = rate;
	}
	bad[0].kind = CHARGE_NONE;
	bad[1].rule = NULL;
	bad[2].key = NULL;
	bad[3].kind = CHARGE_BUDGET;
	bad[4].tat_ns = -1;
	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		event.charges = &bad[i];
		cr_assert(apply(&event) == GK_E_CORRUPT, "%zu", i);
	}
}

Test(ledger_whole, names_longer_than_any_name_are_refused)
{
	static char name[60000];
	struct event events[5];
	struct charge charge = rate;

	memset(name, 'x', sizeof(name) - 1);
	charge.key = name;
	for (size_t i = 0; i < GK_COUNT(events); i++) {
		events[i] = decision();
	}
	events[0].tenant_id = name;
	events[1].run_id = name;
	events[2].step_id = name;
	events[3].action_key = name;
	events[4].charges = &charge;
	for (size_t i = 0; i < GK_COUNT(events); i++) {
		cr_assert(apply(&events[i]) == GK_E_CORRUPT, "%zu", i);
	}
}

Test(ledger_whole, approval_terms_name_rules_that_can_be_met)
{
	struct approval_rule rule = asks;
	struct approval_terms bad = terms;
	struct event event = decision();

	event.approval = &bad;
	bad.rule_count = 0;
	cr_assert(apply(&event) == GK_E_CORRUPT);
	bad.rule_count = 1;
	bad.rules = &rule;
	rule.digest = NULL;
	cr_assert(apply(&event) == GK_E_CORRUPT);
	rule.digest = "sha256:r";
	rule.needed = 0;
	cr_assert(apply(&event) == GK_E_CORRUPT);
	rule.needed = 1;
	bad.grant_valid_ms = INT64_MAX / 1000;
	cr_assert(apply(&event) == GK_E_CORRUPT);
}

Test(ledger_whole, a_switch_has_an_id_and_somebody_who_threw_it)
{
	struct event_switch what = thrown;
	struct event event = {.kind = EVENT_KILL_SWITCH,
	    .change = CHANGE_THROWN,
	    .caller = "local:0",
	    .kill_switch = &what};

	cr_assert(apply(&event) == GK_OK);
	event.caller = NULL;
	cr_assert(apply(&event) == GK_E_CORRUPT);
	event.caller = "local:0";
	what.id = NULL;
	cr_assert(apply(&event) == GK_E_CORRUPT);
}

Test(ledger_whole, the_end_of_time_overflows_nothing)
{
	struct charge charges[2] = {rate, rate};
	struct event event = decision();

	/* 9999-12-31, far beyond what nanoseconds can count */
	event.timestamp_us = INT64_C(253402300799999999);
	charges[0].tat_ns = INT64_MAX;
	charges[1].kind = CHARGE_REPEAT;
	charges[1].within_ms = INT64_C(36600) * 24 * 3600 * 1000;
	event.charges = charges;
	event.charge_count = 2;
	cr_assert(apply(&event) == GK_OK);
	charges[1].within_ms = JSON_INT_MAX;
	cr_assert(apply(&event) == GK_E_CORRUPT);
}
