/* Budgets: windows that end at midnight or with the month, what is given back, what stays reserved. */
#include <criterion/criterion.h>
#include <stdlib.h>
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

TestSuite(ledger_budgets, .init = setup, .fini = teardown);

static int64_t
at(const char *time)
{
	int64_t us;

	cr_assert(gk_time_parse(time, &us, NULL) == GK_OK);
	return us;
}

/* 1 USD a window; what is asked for costs so much. */
static struct findings *
spending(enum budget_window every, bool refund, int64_t cost_micros)
{
	struct findings *found = world_findings(&world);

	world_add_budget(&world, found,
	    (struct budget_finding){.rule = "spend",
		.reason = "budget_exhausted",
		.per = every == WINDOW_RUN ? SCOPE_RUN : SCOPE_TENANT,
		.subject = every == WINDOW_RUN ? "r" : "t1",
		.unit = "usd",
		.every = every,
		.amount_micros = 1000000,
		.cost_micros = cost_micros,
		.refund_reported = refund});
	return found;
}

static const struct event *
ask(const char *step, const struct findings *found)
{
	return &world_ask(&world, "a1", "r", step, "ak1_a", NULL, found)
		    ->events[0];
}

/* Spend the whole window just before its end: nothing then, all again behind it. */
static void
assert_window(
    enum budget_window every, const char *last, const char *next, int step)
{
	char *before = gk_arena_printf(&world.arena, "%d-before", step);
	char *full = gk_arena_printf(&world.arena, "%d-full", step);
	char *after = gk_arena_printf(&world.arena, "%d-after", step);

	world.now_us = at(last);
	cr_assert(ask(before, spending(every, false, 1000000))->decision ==
		      DECISION_ALLOW,
	    "before %s", next);
	cr_assert(
	    ask(full, spending(every, false, 1))->decision == DECISION_STOP,
	    "at %s", last);
	world.now_us = at(next);
	cr_assert(ask(after, spending(every, false, 1000000))->decision ==
		      DECISION_ALLOW,
	    "at %s", next);
}

Test(ledger_budgets, a_window_ends_to_the_microsecond)
{
	static const struct {
		enum budget_window every;
		const char *last, *next;
	} rows[] = {
	    {WINDOW_HOUR, "2027-01-01T10:59:59.999999Z",
		"2027-01-01T11:00:00Z"},
	    {WINDOW_DAY, "2027-01-02T23:59:59.999999Z", "2027-01-03T00:00:00Z"},
	    {WINDOW_MONTH, "2027-01-31T23:59:59.999999Z",
		"2027-02-01T00:00:00Z"},
	    {WINDOW_MONTH, "2027-03-31T23:59:59.999999Z",
		"2027-04-01T00:00:00Z"},
	    {WINDOW_MONTH, "2027-06-30T23:59:59.999999Z",
		"2027-07-01T00:00:00Z"},
	    {WINDOW_MONTH, "2028-02-29T23:59:59.999999Z",
		"2028-03-01T00:00:00Z"},
	    {WINDOW_MONTH, "2029-02-28T23:59:59.999999Z",
		"2029-03-01T00:00:00Z"},
	    {WINDOW_MONTH, "2029-12-31T23:59:59.999999Z",
		"2030-01-01T00:00:00Z"},
	};

	world.limits.run_idle_us = INT64_MAX / 4;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_window(
		    rows[i].every, rows[i].last, rows[i].next, (int)i);
	}
}

Test(ledger_budgets, a_stop_says_when_the_window_ends)
{
	struct settlement *s;

	world.now_us = at("2027-01-31T23:59:58Z");
	(void)ask("1", spending(WINDOW_MONTH, false, 1000000));
	s = world_ask(&world, "a1", "r", "2", "ak1_a", NULL,
	    spending(WINDOW_MONTH, false, 1));
	cr_assert(
	    s->retry_after_ms == 2000, "%lld", (long long)s->retry_after_ms);
	s = world_ask(&world, "a1", "r2", "2", "ak1_a", NULL,
	    spending(WINDOW_RUN, false, 1000001));
	cr_assert(s->events[0].decision == DECISION_STOP);
	cr_assert(s->retry_after_ms == 0, "a run's budget never comes back");
}

Test(ledger_budgets, a_lower_cost_is_given_back_only_where_the_rule_says_so)
{
	uint64_t seq = ask("1", spending(WINDOW_DAY, false, 600000))->seq;

	(void)world_report(&world, "a1", seq, "d", 100000);
	cr_assert(ask("2", spending(WINDOW_DAY, false, 400001))->decision ==
		  DECISION_STOP);
	cr_assert(ask("3", spending(WINDOW_DAY, false, 400000))->decision ==
		  DECISION_ALLOW);
}

Test(ledger_budgets, what_is_given_back_is_given_once)
{
	uint64_t seq = ask("1", spending(WINDOW_DAY, true, 600000))->seq;

	(void)world_report(&world, "a1", seq, "d", 100000);
	(void)world_report(&world, "a1", seq, "d", 100000);
	(void)world_report(&world, "a1", seq, "other", 0);
	cr_assert(ask("2", spending(WINDOW_DAY, true, 900001))->decision ==
		  DECISION_STOP);
	cr_assert(ask("3", spending(WINDOW_DAY, true, 900000))->decision ==
		  DECISION_ALLOW);
}

Test(ledger_budgets, what_is_never_reported_stays_reserved_until_it_is_late)
{
	uint64_t seq;

	world.now_us = at("2027-01-02T08:00:00Z");
	seq = ask("1", spending(WINDOW_DAY, true, 600000))->seq;
	world.now_us += 15 * GK_US_PER_MIN;
	cr_assert(world_due(&world) == 1);
	cr_assert(ask("2", spending(WINDOW_DAY, true, 400001))->decision ==
		  DECISION_STOP);
	cr_assert(
	    world_report(&world, "a1", seq, "d", 100000)->events[0].change ==
	    CHANGE_LATE);
	cr_assert(ask("3", spending(WINDOW_DAY, true, 900000))->decision ==
		  DECISION_ALLOW);
}

Test(ledger_budgets, what_comes_back_after_midnight_is_not_tomorrows)
{
	uint64_t seq;

	world.now_us = at("2027-01-02T23:59:59Z");
	seq = ask("1", spending(WINDOW_DAY, true, 900000))->seq;
	world.now_us = at("2027-01-03T00:00:01Z");
	cr_assert(ask("2", spending(WINDOW_DAY, true, 600000))->decision ==
		  DECISION_ALLOW);
	(void)world_report(&world, "a1", seq, "d", 0);
	cr_assert(ask("3", spending(WINDOW_DAY, true, 400001))->decision ==
		  DECISION_STOP);
}

Test(ledger_budgets, a_higher_cost_blocks_what_comes_after)
{
	uint64_t seq = ask("1", spending(WINDOW_DAY, false, 100000))->seq;

	(void)world_report(&world, "a1", seq, "d", 5000000);
	cr_assert(ask("2", spending(WINDOW_DAY, false, 1))->decision ==
		  DECISION_STOP);
	cr_assert(ask("3", spending(WINDOW_DAY, false, 0))->decision ==
		  DECISION_STOP);
}

Test(ledger_budgets, the_ledger_of_the_events_is_the_same)
{
	struct ledger *again;
	char *live, *rebuilt;
	uint64_t seq;

	world.now_us = at("2027-01-31T23:59:59Z");
	seq = ask("1", spending(WINDOW_MONTH, true, 900000))->seq;
	(void)ask("2", spending(WINDOW_RUN, true, 300000));
	world.now_us += 2 * GK_US_PER_S;
	(void)ask("3", spending(WINDOW_MONTH, true, 200000));
	(void)world_report(&world, "a1", seq, "d", 2000000);
	again = world_rebuild(&world);
	live = world_rows(world.ledger);
	rebuilt = world_rows(again);
	cr_assert_str_eq(live, rebuilt);
	free(live);
	free(rebuilt);
	ledger_freep(&again);
}

static int64_t
reached(const char *step, int64_t cost_micros)
{
	const struct event *event =
	    ask(step, spending(WINDOW_MONTH, false, cost_micros));

	return event->charge_count == 0 ? 0 : event->charges[0].reached;
}

Test(ledger_budgets, eighty_per_cent_and_all_of_it_are_told_once_each)
{
	cr_assert_eq(reached("1", 799999), 0);
	cr_assert_eq(reached("2", 1), 80);
	cr_assert_eq(reached("3", 100000), 0);
	cr_assert_eq(reached("4", 99999), 0);
	cr_assert_eq(reached("5", 1), 100);
	cr_assert_eq(reached("6", 0), 0);
	cr_assert_eq(reached("7", 1), 0); /* refused */
}

Test(ledger_budgets, one_step_over_both_is_told_as_full)
{
	cr_assert_eq(reached("1", 1000000), 100);
	cr_assert_eq(reached("2", 0), 0);
}
