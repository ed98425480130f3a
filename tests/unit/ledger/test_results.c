/* Results: reported, late, conflicting, missing, and for what was never allowed. */
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

TestSuite(ledger_results, .init = setup, .fini = teardown);

static uint64_t
allowed(const char *run)
{
	struct settlement *s = world_ask(
	    &world, "a1", run, "1", "ak1_a", NULL, world_findings(&world));

	cr_assert(s->events[0].decision == DECISION_ALLOW);
	return s->events[0].seq;
}

Test(ledger_results,
    the_same_result_again_is_nothing_new_and_another_conflicts_once)
{
	uint64_t seq = allowed("r");
	struct settlement *s = world_report(&world, "a1", seq, "d1", -1);
	uint64_t result_seq = s->events[0].seq;

	cr_assert(s->outcome == SETTLE_EVENTS);
	cr_assert(s->events[0].change == CHANGE_REPORTED);
	s = world_report(&world, "a1", seq, "d1", -1);
	cr_assert(s->outcome == SETTLE_NOTHING && s->replay_seq == result_seq);
	s = world_report(&world, "a1", seq, "d2", -1);
	cr_assert(s->refusal == REFUSAL_CONFLICTING_RESULT);
	cr_assert(s->event_count == 1 && s->events[0].of_seq == result_seq);
	s = world_report(&world, "a1", seq, "d2", -1);
	cr_assert(s->refusal == REFUSAL_CONFLICTING_RESULT);
	cr_assert(s->event_count == 0);
}

Test(ledger_results, silence_becomes_unreported_and_what_comes_then_is_late)
{
	uint64_t seq = allowed("r");
	struct settlement *s;

	world.now_us += 15 * GK_US_PER_MIN;
	cr_assert(world_due(&world) == 1);
	s = world_report(&world, "a1", seq, "d1", -1);
	cr_assert(s->outcome == SETTLE_EVENTS);
	cr_assert(s->events[0].change == CHANGE_LATE);
	s = world_report(&world, "a1", seq, "d1", -1);
	cr_assert(s->outcome == SETTLE_NOTHING);
}

Test(ledger_results, a_late_result_finds_a_run_that_has_left_memory)
{
	uint64_t seq = allowed("r");
	struct settlement *s;
	struct ledger *rebuilt;

	world.now_us += 15 * GK_US_PER_MIN;
	cr_assert(world_due(&world) == 1); /* unreported */
	world.now_us += GK_US_PER_HOUR;
	cr_assert(world_due(&world) == 1); /* idle */
	cr_assert(!ledger_has_run(world.ledger, "t1", "r"));
	s = world_report(&world, "a1", seq, "d1", -1);
	cr_assert(s->events[0].change == CHANGE_LATE);
	s = world_report(&world, "a1", seq, "d1", -1);
	cr_assert(s->outcome == SETTLE_NOTHING);
	rebuilt = world_rebuild(&world);
	ledger_free(rebuilt);
}

Test(ledger_results, a_result_for_a_stop_is_one_violation)
{
	struct findings *closed = world_findings(&world);
	struct settlement *s;
	uint64_t seq;

	closed->access = ACCESS_STOPS;
	closed->access_reason = "no_rule_allows";
	s = world_ask(&world, "a1", "r", "1", "ak1_a", NULL, closed);
	seq = s->events[0].seq;
	s = world_report(&world, "a1", seq, "d1", -1);
	cr_assert(s->refusal == REFUSAL_NOT_ALLOWED && s->event_count == 1);
	cr_assert(s->events[0].kind == EVENT_VIOLATION);
	s = world_report(&world, "a1", seq, "d1", -1);
	cr_assert(s->refusal == REFUSAL_NOT_ALLOWED && s->event_count == 0);
}

Test(ledger_results, another_agent_reports_nothing)
{
	cr_assert(world_report(&world, "a2", allowed("r"), "d1", -1)->refusal ==
		  REFUSAL_NOT_FOUND);
}

Test(ledger_results, nothing_is_unreported_within_the_grace_after_a_boot)
{
	struct event boot = {.kind = EVENT_BOOT};
	struct settlement s = {.event_count = 1};

	ledger_free(world.ledger);
	world.limits.result_grace_us = 2 * GK_US_PER_MIN;
	world.ledger = world_rebuild(&world);
	(void)allowed("r");
	world.now_us += 15 * GK_US_PER_MIN;
	boot.seq = ledger_next_seq(world.ledger);
	boot.timestamp_us = world.now_us;
	s.events[0] = boot;
	world_record(&world, &s);
	cr_assert(world_due(&world) == 0);
	world.now_us += 2 * GK_US_PER_MIN;
	cr_assert(world_due(&world) == 1);
}
