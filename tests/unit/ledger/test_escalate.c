/* When nobody answers: others are asked too, by an event; who asks too often is stopped. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "world.h"

static struct world world;

static void
add_lead(void)
{
	static const char *can[] = {"approver"}, *groups[] = {"leads"},
			  *tenants[] = {"*"};
	struct identity lead = {.id = "lea",
	    .kind = IDENTITY_HUMAN,
	    .can = can,
	    .can_count = 1,
	    .groups = groups,
	    .group_count = 1,
	    .tenants = tenants,
	    .tenant_count = 1};
	struct settle_at at = {
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
	struct settlement *s = gk_arena_alloc(&world.arena, sizeof(*s));

	cr_assert(ledger_settle_identity(world.ledger, &at, "local:0",
		      CHANGE_CREATED, &lead, &world.arena, s, NULL) == GK_OK);
	world_record(&world, s);
}

static void
setup(void)
{
	world_init(&world);
	world_people(&world);
	add_lead();
}

static void
teardown(void)
{
	world_done(&world);
}

TestSuite(ledger_escalate, .init = setup, .fini = teardown);

static struct findings *
asking(int64_t after_us)
{
	static const char *const leads[] = {"leads"};
	struct findings *found = world_findings(&world);

	world_add_approval(&world, found, "r1", 1);
	found->approvals[0].escalate_after_us = after_us;
	found->approvals[0].escalate_to = leads;
	found->approvals[0].escalate_count = 1;
	return found;
}

static uint64_t
asked(int64_t after_us)
{
	return world_ask(
	    &world, "a1", "r", "1", "ak1_a", NULL, asking(after_us))
	    ->events[0]
	    .seq;
}

static void
must_be_whole(void)
{
	char *live = world_rows(world.ledger);
	struct ledger *others[] = {world_rebuild(&world), world_reload(&world)};

	for (int i = 0; i < 2; i++) {
		char *rows = world_rows(others[i]);

		cr_assert_str_eq(rows, live);
		cr_assert(ledger_next_due(others[i]) ==
			  ledger_next_due(world.ledger));
		free(rows);
		ledger_free(others[i]);
	}
	free(live);
}

Test(ledger_escalate, others_may_decide_from_then_on_and_not_before)
{
	uint64_t seq = asked(10 * GK_US_PER_MIN);
	struct settlement *s;
	struct approval_view view;

	cr_assert(world_vote(&world, "lea", seq, CHANGE_GRANTED)->refusal ==
		  REFUSAL_NOT_AN_APPROVER);
	cr_assert(
	    ledger_next_due(world.ledger) == world.now_us + 10 * GK_US_PER_MIN);
	world.now_us += 10 * GK_US_PER_MIN - 1;
	cr_assert(world_due(&world) == 0);
	world.now_us++;
	cr_assert(world_due(&world) == 1);
	cr_assert(strstr(world.events[world.count - 1].bytes,
		      "\"change\":\"escalated\"") != NULL);
	cr_assert(strstr(world.events[world.count - 1].bytes,
		      "\"groups\":[\"leads\"]") != NULL);
	must_be_whole();
	cr_assert(ledger_approval(world.ledger, seq, &world.arena, &view));
	cr_assert(view.status == APPROVAL_PENDING);
	cr_assert(view.rules[0].escalated && view.rules[0].group_count == 2);
	s = world_vote(&world, "lea", seq, CHANGE_GRANTED);
	cr_assert(s->event_count == 2);
	cr_assert(s->events[1].change == CHANGE_GRANTED);
	must_be_whole();
}

Test(ledger_escalate, the_first_groups_may_still_decide)
{
	uint64_t seq = asked(GK_US_PER_MIN);

	world.now_us += GK_US_PER_MIN;
	cr_assert(
	    world_vote(&world, "alice", seq, CHANGE_DENIED)->event_count == 2);
}

Test(ledger_escalate, what_nobody_answers_expires_all_the_same)
{
	(void)asked(10 * GK_US_PER_MIN);
	world.now_us += 10 * GK_US_PER_MIN;
	cr_assert(world_due(&world) == 1);
	world.now_us += 20 * GK_US_PER_MIN - 1;
	cr_assert(world_due(&world) == 0);
	world.now_us++;
	cr_assert(world_due(&world) == 1);
	cr_assert(strstr(world.events[world.count - 1].bytes,
		      "\"change\":\"expired\"") != NULL);
	must_be_whole();
}

Test(ledger_escalate, nobody_is_woken_for_what_has_expired_meanwhile)
{
	(void)asked(10 * GK_US_PER_MIN);
	world.now_us += GK_US_PER_HOUR; /* such as after a long stop */
	cr_assert(world_due(&world) == 1);
	cr_assert(strstr(world.events[world.count - 1].bytes,
		      "\"change\":\"expired\"") != NULL);
}

Test(ledger_escalate, each_rule_escalates_by_itself)
{
	struct findings *found = asking(5 * GK_US_PER_MIN);
	struct settlement *s;
	uint64_t seq;

	world_add_approval(&world, found, "r2", 1);
	s = world_ask(&world, "a1", "r", "1", "ak1_a", NULL, found);
	seq = s->events[0].seq;
	world.now_us += 5 * GK_US_PER_MIN;
	cr_assert(world_due(&world) == 1);
	s = world_vote(&world, "lea", seq, CHANGE_GRANTED);
	cr_assert(s->event_count == 1, "r2 didn't ask the leads");
	s = world_vote(&world, "alice", seq, CHANGE_GRANTED);
	cr_assert(s->event_count == 2);
}

Test(ledger_escalate, an_escalation_that_no_rule_wants_is_damage)
{
	uint64_t seq = asked(10 * GK_US_PER_MIN);
	struct settlement *s = gk_arena_alloc(&world.arena, sizeof(*s));
	struct gk_err err = {0};
	struct settle_at at;

	world.now_us += 10 * GK_US_PER_MIN;
	at = (struct settle_at){
	    .seq = ledger_next_seq(world.ledger), .now_us = world.now_us};
	cr_assert(ledger_settle_due(world.ledger, &at, &world.arena, s, NULL) ==
		  GK_OK);
	cr_assert(s->events[0].of_seq == seq);
	s->events[0].rule = "r9";
	cr_assert(
	    ledger_apply(world.ledger, &s->events[0], &err) == GK_E_CORRUPT);
}

/* ---- who asks too often ---- */

static const struct event *
ask_new(int i)
{
	const char *step = gk_arena_printf(&world.arena, "s%d", i);
	const char *key = gk_arena_printf(&world.arena, "ak1_%d", i);

	return world_ask(&world, "a1", "r", step, key, NULL, asking(0))->events;
}

static void
guard(int64_t per_hour)
{
	world.limits.asks_per_hour = per_hour;
	ledger_free(world.ledger);
	world.ledger = world_rebuild(&world);
}

Test(ledger_escalate,
    an_agent_that_asks_too_often_is_stopped_until_the_hour_is_over)
{
	const struct event *e;
	struct settlement *s;

	guard(3);
	for (int i = 0; i < 3; i++) {
		cr_assert(ask_new(i)->decision == DECISION_APPROVAL_REQUIRED);
		world.now_us += GK_US_PER_MIN;
	}
	e = ask_new(3);
	cr_assert(e->decision == DECISION_STOP);
	cr_assert_str_eq(e->reason, "approval_flood");
	cr_assert(e->layer == LAYER_APPROVAL && e->scope == SCOPE_AGENT);
	cr_assert_str_eq(e->rule, "r1");
	must_be_whole();
	/* what is pending is joined: nobody is asked anew */
	s = world_ask(&world, "a1", "r", "j", "ak1_2", NULL, asking(0));
	cr_assert(s->events[0].decision == DECISION_APPROVAL_REQUIRED);
	/* another agent isn't meant, nor what needs nobody */
	s = world_ask(&world, "a2", "r2", "1", "ak1_9", NULL, asking(0));
	cr_assert(s->events[0].decision == DECISION_APPROVAL_REQUIRED);
	s = world_ask(
	    &world, "a1", "r", "k", "ak1_9", NULL, world_findings(&world));
	cr_assert(s->events[0].decision == DECISION_ALLOW);
	/* when the first is an hour old there is room for one */
	world.now_us += 57 * GK_US_PER_MIN - 1;
	s = world_ask(&world, "a1", "r", "z", "ak1_z", NULL, asking(0));
	cr_assert_str_eq(s->events[0].reason, "approval_flood");
	cr_assert(s->retry_after_ms == 1);
	world.now_us++;
	cr_assert(ask_new(4)->decision == DECISION_APPROVAL_REQUIRED);
	cr_assert(ask_new(5)->decision == DECISION_STOP);
}

Test(ledger_escalate, a_use_of_a_bounded_grant_asks_nobody)
{
	static const struct grant_bound bound = {.uses = 3};
	struct findings *found = asking(0);
	struct settlement *s;

	guard(1);
	found->approvals[0].max_uses = 3;
	found->approvals[0].max_ttl_us = GK_US_PER_HOUR;
	s = world_ask(&world, "a1", "r", "1", "ak1_a", NULL, found);
	world.bound = &bound;
	(void)world_vote(&world, "alice", s->events[0].seq, CHANGE_GRANTED);
	s = world_ask(&world, "a1", "r", "2", "ak1_b", NULL, found);
	cr_assert(s->events[0].decision == DECISION_ALLOW);
	s = world_ask(&world, "a1", "r2", "1", "ak1_b", NULL, found);
	cr_assert_str_eq(s->events[0].reason, "approval_flood");
}

Test(ledger_escalate, without_a_guard_an_agent_asks_as_often_as_it_likes)
{
	for (int i = 0; i < 200; i++) {
		cr_assert(ask_new(i)->decision == DECISION_APPROVAL_REQUIRED);
	}
}
