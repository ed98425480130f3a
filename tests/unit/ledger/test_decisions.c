/* Decisions: layers, limits, budgets, retries and runs. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/time.h"
#include "world.h"

static struct world world;

static void
setup(void)
{
	world_init(&world);
	world_people(&world);
}

static void
teardown(void)
{
	world_done(&world);
}

TestSuite(ledger_decisions, .init = setup, .fini = teardown);

static const struct event *
answer(const struct settlement *s)
{
	cr_assert(s->outcome == SETTLE_EVENTS && s->event_count > 0);
	return &s->events[0];
}

Test(ledger_decisions, an_allow_names_its_layer_rule_reason_and_deadlines)
{
	const struct event *e = answer(world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world)));

	cr_assert(e->decision == DECISION_ALLOW);
	cr_assert(e->layer == LAYER_ACCESS);
	cr_assert_str_eq(e->rule, "all");
	cr_assert(e->result_by_us == world.now_us + 15 * GK_US_PER_MIN);
	cr_assert(e->valid_until_us == world.now_us + 5 * GK_US_PER_MIN);
}

Test(ledger_decisions, a_retry_replays_and_another_action_key_conflicts)
{
	struct settlement *first = world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world));
	struct settlement *again = world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world));
	struct settlement *other = world_ask(
	    &world, "a1", "r", "1", "ak1_b", NULL, world_findings(&world));

	cr_assert(again->outcome == SETTLE_REPLAY);
	cr_assert(again->replay_seq == answer(first)->seq);
	cr_assert(other->outcome == SETTLE_REFUSED);
	cr_assert(other->refusal == REFUSAL_STEP_CONFLICT);
}

Test(ledger_decisions, a_retried_allow_is_stopped_when_it_no_longer_holds)
{
	struct settlement *first = world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world));
	struct findings *closed = world_findings(&world);
	const struct event *e;

	closed->access = ACCESS_STOPS;
	e = answer(world_ask(&world, "a1", "r", "1", "ak1_a", NULL, closed));
	cr_assert(e->decision == DECISION_STOP);
	cr_assert(e->original == DECISION_ALLOW);
	cr_assert_str_eq(e->reason, "policy_changed");
	world.now_us += 6 * GK_US_PER_MIN;
	e = answer(world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world)));
	cr_assert_str_eq(e->reason, "allow_expired");
	(void)world_report(&world, "a1", answer(first)->seq, "d", -1);
	e = answer(world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world)));
	cr_assert_str_eq(e->reason, "already_reported");
}

Test(ledger_decisions, a_switch_stops_what_it_covers_and_retried_allows_too)
{
	struct event_switch what = {
	    .scope = SCOPE_TENANT, .subject = "t1", .action = "refund.*"};
	struct settle_at at;
	struct settlement s;
	const struct event *e;

	(void)world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world));
	at = (struct settle_at){
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
	cr_assert(ledger_settle_switch(world.ledger, &at, "local:0", &what,
		      NULL, 0, &world.arena, &s, NULL) == GK_OK);
	world_record(&world, &s);
	e = answer(world_ask(
	    &world, "a1", "r", "2", "ak1_a", NULL, world_findings(&world)));
	cr_assert(e->decision == DECISION_STOP);
	cr_assert(e->layer == LAYER_KILL_SWITCH && e->scope == SCOPE_TENANT);
	e = answer(world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world)));
	cr_assert_str_eq(e->reason, "kill_switch");
}

Test(ledger_decisions, who_is_refused_by_one_limit_pays_for_none)
{
	struct findings *found = world_findings(&world);
	const struct event *e;

	world_add_limit(&world, found,
	    (struct limit_finding){.rule = "rate",
		.reason = "rate_limited_tenant",
		.kind = LIMIT_RATE,
		.per = SCOPE_TENANT,
		.subject = "t1",
		.interval_ns = INT64_C(1000000000),
		.burst = 5});
	world_add_limit(&world, found,
	    (struct limit_finding){.rule = "none",
		.reason = "step_limit",
		.kind = LIMIT_MAX,
		.per = SCOPE_RUN,
		.subject = "r",
		.max = 0});
	e = answer(world_ask(&world, "a1", "r", "1", "ak1_a", NULL, found));
	cr_assert(e->decision == DECISION_STOP);
	cr_assert_str_eq(e->reason, "step_limit");
	cr_assert(e->charge_count == 0);
}

Test(ledger_decisions, a_rate_lets_its_burst_through_and_then_says_when)
{
	size_t allowed = 0;
	struct settlement *s = NULL;

	for (int i = 0; i < 8; i++) {
		struct findings *found = world_findings(&world);

		world_add_limit(&world, found,
		    (struct limit_finding){.rule = "rate",
			.reason = "rate_limited_tenant",
			.kind = LIMIT_RATE,
			.per = SCOPE_TENANT,
			.subject = "t1",
			.interval_ns = INT64_C(1000000000),
			.burst = 5});
		s = world_ask(&world, "a1", "r",
		    gk_arena_printf(&world.arena, "s%d", i), "ak1_a", NULL,
		    found);
		allowed += answer(s)->decision == DECISION_ALLOW;
	}
	cr_assert(allowed == 5);
	cr_assert_str_eq(answer(s)->reason, "rate_limited_tenant");
	cr_assert(answer(s)->scope == SCOPE_TENANT);
	cr_assert(s->retry_after_ms == 1000);
}

Test(ledger_decisions,
    the_same_action_is_stopped_after_its_maximum_and_freed_by_time)
{
	static const int64_t wait_us[] = {0, 0, 0, 0, 601 * GK_US_PER_S};
	static const int want[] = {DECISION_ALLOW, DECISION_ALLOW,
	    DECISION_ALLOW, DECISION_STOP, DECISION_ALLOW};

	for (int i = 0; i < 5; i++) {
		struct findings *found = world_findings(&world);

		world.now_us += wait_us[i];
		world_add_limit(&world, found,
		    (struct limit_finding){.rule = "loops",
			.reason = "repeated_action",
			.kind = LIMIT_SAME_ACTION,
			.per = SCOPE_RUN,
			.subject = "r",
			.max = 3,
			.within_us = 10 * GK_US_PER_MIN});
		cr_assert(answer(world_ask(&world, "a1", "r",
				     gk_arena_printf(&world.arena, "s%d", i),
				     "ak1_a", NULL, found))
				  ->decision == want[i],
		    "step %d", i);
	}
}

static struct findings *
spending(int64_t cost_micros)
{
	struct findings *found = world_findings(&world);

	world_add_budget(&world, found,
	    (struct budget_finding){.rule = "spend",
		.reason = "budget_exhausted",
		.per = SCOPE_TENANT,
		.subject = "t1",
		.unit = "usd",
		.every = WINDOW_DAY,
		.amount_micros = 1000000,
		.cost_micros = cost_micros,
		.refund_reported = true});
	return found;
}

Test(ledger_decisions, a_budget_never_lets_more_be_reserved_than_it_holds)
{
	struct settlement *s =
	    world_ask(&world, "a1", "r", "1", "ak1_a", NULL, spending(600000));
	const struct event *e;

	cr_assert(answer(s)->decision == DECISION_ALLOW);
	e = answer(
	    world_ask(&world, "a1", "r", "2", "ak1_a", NULL, spending(600000)));
	cr_assert(e->decision == DECISION_STOP);
	cr_assert_str_eq(e->reason, "budget_exhausted");
	(void)world_report(&world, "a1", answer(s)->seq, "d", 100000);
	e = answer(
	    world_ask(&world, "a1", "r", "3", "ak1_a", NULL, spending(600000)));
	cr_assert(e->decision == DECISION_ALLOW);
	e = answer(
	    world_ask(&world, "a1", "r", "4", "ak1_a", NULL, spending(-1)));
	cr_assert_str_eq(e->reason, "cost_missing");
}

Test(ledger_decisions, a_run_belongs_to_its_agent_and_ends_for_good)
{
	struct settlement *s = world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world));

	cr_assert(world_ask(&world, "a2", "r", "2", "ak1_a", NULL,
		      world_findings(&world))
		      ->refusal == REFUSAL_RUN_NOT_YOURS);
	cr_assert(world_end(&world, "a1", "r")->refusal == REFUSAL_OPEN_WORK);
	(void)world_report(&world, "a1", answer(s)->seq, "d", -1);
	cr_assert(world_end(&world, "a1", "r")->outcome == SETTLE_EVENTS);
	cr_assert(!ledger_has_run(world.ledger, "t1", "r"));
	cr_assert(world_ask(&world, "a1", "r", "3", "ak1_a", NULL,
		      world_findings(&world))
		      ->refusal == REFUSAL_RUN_ENDED);
}

Test(ledger_decisions, an_idle_run_ends_by_itself_and_leaves_memory)
{
	struct ledger_stats stats;
	struct settlement *s = world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, world_findings(&world));

	(void)world_report(&world, "a1", answer(s)->seq, "d", -1);
	world.now_us += GK_US_PER_HOUR;
	cr_assert(world_due(&world) == 1);
	ledger_stats(world.ledger, &stats);
	cr_assert(stats.runs == 0 && stats.steps == 0);
}

Test(ledger_decisions, shadow_rules_are_recorded_and_not_enforced)
{
	struct findings *found = world_findings(&world);
	const struct event *e;

	world_add_approval(&world, found, "r1", 1);
	found->approvals[0].shadow = true;
	found->shadow[found->shadow_count++] =
	    (struct shadow_finding){.rule = "s1",
		.reason = "why",
		.layer = LAYER_ACCESS,
		.would = SHADOW_STOPS};
	e = answer(world_ask(&world, "a1", "r", "1", "ak1_a", NULL, found));
	cr_assert(e->decision == DECISION_ALLOW);
	cr_assert(e->shadow_count == 2);
}

Test(ledger_decisions, no_space_turns_an_allow_into_a_stop)
{
	struct decision_request request = {
	    .run_id = "r", .step_id = "1", .action = "x"};
	struct decision_ask ask = {.request = &request,
	    .caller = world_identity(&world, "a1"),
	    .tenant = "t1",
	    .action_key = "ak1_a",
	    .args_hash = "h1_a",
	    .asked_at_us = world.now_us,
	    .findings = world_findings(&world),
	    .no_space = true};
	struct settle_at at = {.seq = ledger_next_seq(world.ledger),
	    .now_us = world.now_us,
	    .run_is_new = true};
	struct settlement s;

	cr_assert(ledger_settle_decision(world.ledger, &at, &ask, &world.arena,
		      &s, NULL) == GK_OK);
	cr_assert_str_eq(answer(&s)->reason, "audit_space");
	cr_assert(answer(&s)->decision == DECISION_STOP);
}
